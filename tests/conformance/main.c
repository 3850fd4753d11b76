// SPDX-License-Identifier: MIT
//
// wasm-spec ENGINE PACK...: run the specification's tests on this computer. Prints a line for each
// failed assertion, a line for each file, and a last line "conformance wasm-spec ENGINE PASSED of
// TOTAL". wasm-spec validation PACK...: compare the two validations of their bodies instead. Prints
// a line for each difference, and a last line "validation: MODULES modules, ...".
#include "tests/conformance/spec_run.h"
#include "tests/conformance/validation.h"
#include "tools/halyard-wasm/compiled.h"
#include "tools/halyard-wasm/engines.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(void *ctx, const char *line)
{
    (void)ctx;
    puts(line);
}

static const void *map(const char *path, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    void *bytes = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        *len = (size_t)st.st_size;
    }
    if (fd >= 0) {
        close(fd);
    }
    return bytes == MAP_FAILED ? NULL : bytes;
}

static void base_name(const char *path, char *out, size_t len)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, len, "%s", slash == NULL ? path : slash + 1);
    char *dot = strrchr(out, '.');
    if (dot != NULL) {
        *dot = '\0';
    }
}

static void run_file(const struct spec_config *config, const char *path, struct spec_score *sum)
{
    char name[64];
    size_t len = 0;
    struct spec_score score = {0};
    base_name(path, name, sizeof name);
    const void *pack = map(path, &len);
    enum status s = pack == NULL ? E_NOENT : spec_run(config, name, pack, len, &score);
    if (s != OK) {
        printf("%s: %s\n", path, status_text(s));
        score.errors++;
    }
    if (pack != NULL) {
        munmap((void *)pack, len);
    }
    printf("file %s %u of %u %u\n", name, score.passed, score.total, score.errors);
    fflush(stdout);
    sum->passed += score.passed;
    sum->total += score.total;
    sum->errors += score.errors;
}

struct job {
    pthread_t thread;
    void (*fn)(void *arg);
    void *arg;
};

static void *run_job(void *arg)
{
    const struct job *job = arg;
    compiled_begin_thread();
    job->fn(job->arg);
    return NULL;
}

static void *start(void (*fn)(void *arg), void *arg)
{
    struct job *job = calloc(1, sizeof *job);
    if (job != NULL) {
        job->fn = fn;
        job->arg = arg;
        if (pthread_create(&job->thread, NULL, run_job, job) != 0) {
            free(job);
            job = NULL;
        }
    }
    return job;
}

static void join(void *thread)
{
    struct job *job = thread;
    pthread_join(job->thread, NULL);
    free(job);
}

struct request {
    const struct host_engine *engine;
    char **files; /* ends with NULL */
};

static int run_all(void *ctx)
{
    const struct request *r = ctx;
    const struct spec_config config = {
        .engine = r->engine->engine,
        .options = r->engine->options,
        .say = say,
        .start = start,
        .join = join,
    };
    struct spec_score sum = {0};
    for (char **file = r->files; *file != NULL; file++) {
        run_file(&config, *file, &sum);
    }
    printf("conformance wasm-spec %s %u of %u\n", r->engine->name, sum.passed, sum.total);
    return sum.passed != sum.total || sum.errors > 0;
}

static int compare_all(void *ctx)
{
    const struct request *r = ctx;
    struct validation_score sum = {0};
    enum status s = OK;
    for (char **file = r->files; s == OK && *file != NULL; file++) {
        char name[64];
        size_t len = 0;
        base_name(*file, name, sizeof name);
        const void *pack = map(*file, &len);
        s = pack == NULL ? E_NOENT : validation_compare(name, pack, len, say, &sum);
        if (s != OK) {
            printf("%s: %s\n", *file, status_text(s));
        }
        if (pack != NULL) {
            munmap((void *)pack, len);
        }
    }
    printf("validation: %u modules, %u different, %u bodies, %u quick, %u refused\n", sum.modules,
           sum.different, sum.bodies, sum.quick, sum.refused);
    return s != OK || sum.different > 0;
}

int main(int argc, char **argv)
{
    struct request r = {.engine = argc > 2 ? host_engine_find(argv[1]) : NULL, .files = argv + 2};
    if (r.engine != NULL) {
        return host_run(run_all, &r);
    }
    if (argc > 2 && strcmp(argv[1], "validation") == 0) {
        return host_run(compare_all, &r);
    }
    fprintf(stderr, "usage: %s ENGINE PACK...\n       %s validation PACK...\nengines:", argv[0],
            argv[0]);
    for (unsigned n = 0; n < host_engine_count; n++) {
        fprintf(stderr, " %s", host_engines[n].name);
    }
    fputc('\n', stderr);
    return 2;
}
