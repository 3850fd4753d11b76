// SPDX-License-Identifier: MIT
//
// What programs ask of this computer.
#include "kernel/wasi/wasi.h"
#include "tools/halyard-cil/engine.h"
#include "tools/halyard-wasm/compiled.h"
#include "tools/halyard-wasm/wasi_posix.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define THREAD_STACK ((size_t)2 << 20)
#define THREAD_GUARD ((size_t)1 << 20)

static int32_t write_stream(struct cil_system *s, uint32_t stream, const void *bytes, size_t len)
{
    (void)s;
    FILE *to = stream == 2 ? stderr : stdout;
    return fwrite(bytes, 1, len, to) == len && fflush(to) == 0 ? 0 : CIL_SYSTEM_FAILED;
}

static int32_t read_stream(struct cil_system *s, void *bytes, size_t len)
{
    (void)s;
    ssize_t done = read(STDIN_FILENO, bytes, len < INT32_MAX ? len : INT32_MAX);
    return done < 0 ? CIL_SYSTEM_FAILED : (int32_t)done;
}

static int64_t clock_ns(struct cil_system *s, bool is_monotonic)
{
    struct timespec t = {0, 0};
    (void)s;
    (void)clock_gettime(is_monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* An exception in any thread ends the process, which ends all others. */
static void *run_thread(void *arg)
{
    struct cil_thread *t = arg;
    struct cil_stop stop;
    compiled_begin_thread();
    if (cil_thread_run(t, &stop)) {
        cil_thread_free(t);
        return NULL;
    }
    int status = engine_report(&t->runtime, &stop);
    fflush(stdout);
    _exit(status);
}

static uint32_t processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (uint32_t)count;
}

static bool start_thread(struct cil_system *s, struct cil_thread *t)
{
    pthread_attr_t attr;
    pthread_t thread;
    (void)s;
    pthread_attr_init(&attr);
    bool is_ok = pthread_attr_setstacksize(&attr, THREAD_STACK) == 0 &&
                 pthread_attr_setguardsize(&attr, THREAD_GUARD) == 0 &&
                 pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
                 pthread_create(&thread, &attr, run_thread, t) == 0;
    pthread_attr_destroy(&attr);
    return is_ok;
}

const struct cil_system engine_system = {.write = write_stream,
                                         .read = read_stream,
                                         .clock_ns = clock_ns,
                                         .processors = processors,
                                         .start = start_thread};

/* Without streams, which have calls of their own: descriptors 0 to 2 lead nowhere. */
struct wasi *engine_files(const char *const *args, uint32_t count)
{
    const struct wasi_config config = {.system = &wasi_posix, .args = args, .arg_count = count};
    struct wasi *w;
    if (wasi_create(&config, &w) != OK) {
        return NULL;
    }
    enum status s = OK;
    for (int n = 0; s == OK && n < 4; n++) {
        int fd = n < 3 ? open("/dev/null", O_RDWR | O_CLOEXEC)
                       : open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct wasi_handle *h = fd < 0 ? NULL : wasi_posix_handle(fd);
        s = h == NULL ? E_NOMEM
            : n < 3   ? wasi_add_stream(w, h, n == 0, n != 0)
                      : wasi_add_folder(w, h, "/");
    }
    if (s != OK) {
        wasi_destroy(w);
        return NULL;
    }
    return w;
}
