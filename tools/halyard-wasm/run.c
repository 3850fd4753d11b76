// SPDX-License-Identifier: MIT
//
// Running a module: load, link, _start or another export, and what to say when it traps.
#include "tools/halyard-wasm/program.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CELLS_MAX 64

/** Seconds since some moment, after each step. */
struct times {
    double start, decoded, loaded, linked, ran;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- Traps ---- */

static void say_frame(unsigned n, const struct wasm_frame *f)
{
    const char *name = f->module->names == NULL ? NULL : f->module->names[f->function];
    fprintf(stderr, "  #%u function %u%s%s, offset 0x%x\n", n, f->function, name == NULL ? "" : " ",
            name == NULL ? "" : name, f->offset);
}

static int say_trap(const struct tool *t, const struct wasm_stop *stop)
{
    fflush(stdout);
    fprintf(stderr, "halyard-wasm: %s: trap: %s\n", t->argv[0], wasm_trap_text(stop));
    uint32_t listed = stop->depth < WASM_FRAMES ? stop->depth : WASM_FRAMES;
    for (uint32_t n = 0; n < listed; n++) {
        say_frame(n, &stop->frames[n]);
    }
    if (stop->depth > listed) {
        fprintf(stderr, "  and %u more\n", stop->depth - listed);
    }
    return TOOL_TRAPPED;
}

/* ---- Calling an export with numbers ---- */

static uint64_t float_bits(const char *word, unsigned type, char **end)
{
    if (type == WASM_F32) {
        float f = strtof(word, end);
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        return bits;
    }
    double d = strtod(word, end);
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static bool read_value(const char *word, unsigned type, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    if (type == WASM_F32 || type == WASM_F64) {
        *out = float_bits(word, type, &end);
    } else if (type == WASM_I32 || type == WASM_I64) {
        *out = word[0] == '-' ? (uint64_t)strtoll(word, &end, 0) : strtoull(word, &end, 0);
        *out &= type == WASM_I32 ? UINT32_MAX : UINT64_MAX;
    }
    return end != NULL && end != word && *end == '\0' && errno == 0;
}

static void print_value(uint64_t bits, unsigned type)
{
    float f;
    double d;
    uint32_t low = (uint32_t)bits;
    memcpy(&f, &low, sizeof f);
    memcpy(&d, &bits, sizeof d);
    switch (type) {
    case WASM_I32:
        printf("%" PRId32 "\n", (int32_t)low);
        break;
    case WASM_I64:
        printf("%" PRId64 "\n", (int64_t)bits);
        break;
    case WASM_F32:
        printf("%.9g\n", (double)f);
        break;
    case WASM_F64:
        printf("%.17g\n", d);
        break;
    default:
        printf("0x%" PRIx64 "\n", bits);
        break;
    }
}

static bool read_arguments(const struct tool *t, const struct wasm_signature *s, uint64_t *cells)
{
    if ((uint32_t)(t->argc - 1) != s->params || s->params > CELLS_MAX ||
        s->results > CELLS_MAX / 2) {
        fprintf(stderr, "halyard-wasm: %s takes %u arguments\n", t->function, s->params);
        return false;
    }
    for (uint32_t n = 0; n < s->params; n++) {
        if (!read_value(t->argv[1 + n], s->types[n], &cells[n])) {
            fprintf(stderr, "halyard-wasm: %s: argument %u is not of the function's type\n",
                    t->function, n + 1);
            return false;
        }
    }
    return true;
}

/* ---- Running ---- */

static int call(const struct tool *t, struct wasm_instance *i, struct times *times)
{
    const char *name = t->function == NULL ? "_start" : t->function;
    struct wasm_extern e;
    struct wasm_stop stop;
    uint64_t args[CELLS_MAX] = {0}, results[CELLS_MAX];
    if (!wasm_instance_export(i, (struct wasm_bytes){(const uint8_t *)name, (uint32_t)strlen(name)},
                              &e) ||
        e.kind != WASM_FUNCTION) {
        fprintf(stderr, "halyard-wasm: %s: no function %s is exported\n", t->argv[0], name);
        return TOOL_REFUSED;
    }
    const struct wasm_signature *s = e.function.signature;
    if (t->function != NULL && !read_arguments(t, s, args)) {
        return TOOL_REFUSED;
    }
    times->linked = now();
    enum wasm_outcome outcome = wasm_call(i->store, &e, args, results, &stop);
    times->ran = now();
    if (outcome == WASM_TRAPPED) {
        return say_trap(t, &stop);
    }
    if (outcome == WASM_STOPPED) {
        return TOOL_ENDED;
    }
    for (uint32_t n = 0; outcome == WASM_RETURNED && n < s->results; n++) {
        print_value(results[n], s->types[s->params + n]);
    }
    return 0;
}

static int link_and_call(const struct tool *t, struct wasm_store *s, struct wasm_code *code,
                         struct times *times)
{
    struct wasm_instance *i;
    struct wasm_stop stop;
    struct wasm_error err = {.text = ""};
    enum status status = wasm_instantiate(s, code, &i, &stop, &err);
    if (status == E_FAULT) {
        return say_trap(t, &stop);
    }
    if (status == E_CANCELLED) {
        return TOOL_ENDED;
    }
    return status == OK ? call(t, i, times) : tool_refuse(t, status, &err);
}

static int load(const struct tool *t, struct wasm_store *s, struct wasm_module *m,
                struct times *times)
{
    struct wasm_code *code;
    struct wasm_error err = {.text = ""};
    enum status status = wasm_load(s, m, &code, &err);
    if (status != OK) {
        return tool_refuse(t, status, &err);
    }
    times->loaded = now();
    int result = link_and_call(t, s, code, times);
    wasm_release(s, code);
    return result;
}

static void show_times(const struct tool *t, const struct times *times)
{
    double load = times->loaded - times->decoded;
    fprintf(
        stderr,
        "decode %.3f ms\nload   %.3f ms, %.2f MB/s of %u bytes\nlink   %.3f ms\nrun    %.6f s\n",
        (times->decoded - times->start) * 1e3, load * 1e3, load > 0 ? t->file.len / load * 1e-6 : 0,
        t->file.len, (times->linked - times->loaded) * 1e3, times->ran - times->linked);
}

static void write_ratio_time(const struct times *times)
{
    const char *path = getenv("RATIO_TIME");
    FILE *f = path == NULL ? NULL : fopen(path, "w");
    if (f != NULL) {
        fprintf(f, "%.9f\n", times->ran - times->linked);
        fclose(f);
    }
}

static int run_in(const struct tool *t, struct wasm_store *s, struct wasm_module *m,
                  struct times *times)
{
    struct program p = {0};
    enum status status = program_open(t, s, &p);
    int result = TOOL_REFUSED;
    if (status == OK) {
        result = load(t, s, m, times);
    } else {
        wasm_module_free(m);
        fprintf(stderr, "halyard-wasm: %s: %s\n", t->argv[0], status_text(status));
    }
    if (result == TOOL_ENDED) {
        result = program_status(&p);
    }
    wasm_store_close(s);
    program_close(&p);
    return result;
}

int tool_run(const struct tool *t)
{
    static const struct wasm_quota quota = {.pages = WASM_PAGES_MAX, .elements = 10000000};
    const struct host_engine *engine = host_engine_find(t->engine);
    struct times times = {.start = now()};
    struct wasm_store *s;
    if (engine == NULL) {
        fprintf(stderr, "halyard-wasm: no engine %s on this machine\n", t->engine);
        return TOOL_REFUSED;
    }
    struct wasm_module *m = tool_decode(t);
    times.decoded = now();
    if (m == NULL) {
        return TOOL_REFUSED;
    }
    if (wasm_store_open(engine->engine, engine->options, &quota, &s) != OK) {
        wasm_module_free(m);
        fprintf(stderr, "halyard-wasm: no memory\n");
        return TOOL_REFUSED;
    }
    int result = run_in(t, s, m, &times);
    if (times.ran > 0) {
        write_ratio_time(&times);
        if (t->shows_times) {
            show_times(t, &times);
        }
    }
    return result;
}
