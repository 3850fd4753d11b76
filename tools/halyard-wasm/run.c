// SPDX-License-Identifier: MIT
//
// Running a module: load, link, call _start or another export, and report a trap.
#include "kernel/mm/heap.h"
#include "kernel/wasm/front/reader.h"
#include "kernel/wasm/run/exception.h"
#include "kernel/wasm/run/wasm_entry.h"
#include "tools/halyard-wasm/program.h"
#include "tools/halyard-wasm/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/** Times in seconds after each step. */
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
    char text[160];
    bool is_thrown = stop->outcome == WASM_THROWN;
    if (is_thrown) {
        wasm_exception_text(&stop->thrown, text, sizeof text);
    }
    fprintf(stderr, "halyard-wasm: %s: %s: %s\n", t->argv[0],
            is_thrown ? "uncaught exception" : "trap", is_thrown ? text : wasm_trap_text(stop));
    if (!is_thrown && stop->trap == IR_TRAP_NO_CODE) {
        fprintf(stderr, "  %s\n", stop->reason);
    }
    uint32_t listed = stop->depth < WASM_FRAMES ? stop->depth : WASM_FRAMES;
    for (uint32_t n = 0; n < listed; n++) {
        say_frame(n, &stop->frames[n]);
    }
    if (stop->depth > listed) {
        fprintf(stderr, "  and %u more\n", stop->depth - listed);
    }
    return TOOL_TRAPPED;
}

/* ---- Calling an export ---- */

static bool read_arguments(const struct tool *t, const struct wasm_signature *s, uint64_t *cells)
{
    if ((uint32_t)(t->argc - 1) != s->params) {
        fprintf(stderr, "halyard-wasm: %s takes %u arguments\n", t->function, s->params);
        return false;
    }
    for (uint32_t n = 0; n < s->params; n++) {
        /* A type with two cells cannot be passed on the command line. */
        if (!value_read(t->argv[1 + n], s->types[n], &cells[n])) {
            fprintf(stderr, "halyard-wasm: %s: argument %u, %s, is no %s\n", t->function, n + 1,
                    t->argv[1 + n], wasm_type_name(s->types[n]));
            return false;
        }
    }
    return true;
}

static void print_results(const struct wasm_signature *s, const uint64_t *cells)
{
    for (uint32_t n = 0; n < s->results; n++) {
        cells += value_print(cells, s->types[s->params + n]);
    }
}

/* Report a call that did not return, and choose the exit status. */
static int say_end(const struct tool *t, enum wasm_outcome outcome, const struct wasm_stop *stop)
{
    return outcome == WASM_STOPPED ? TOOL_ENDED : say_trap(t, stop);
}

static int call_timed(const struct tool *t, struct wasm_store *store, const struct wasm_entry *e,
                      const uint64_t *args, uint64_t *results, struct times *times)
{
    struct wasm_stop stop;
    enum wasm_outcome outcome = WASM_RETURNED;
    if (e->has_initialize) {
        outcome = wasm_call(store, &e->initialize, NULL, NULL, &stop);
    }
    if (outcome != WASM_RETURNED) {
        return say_end(t, outcome, &stop);
    }
    times->linked = now();
    outcome = wasm_call(store, &e->function, args, results, &stop);
    times->ran = now();
    if (outcome != WASM_RETURNED) {
        return say_end(t, outcome, &stop);
    }
    print_results(e->function.function.signature, results);
    return 0;
}

/* The module declares the number of arguments and results. */
static int call(const struct tool *t, struct wasm_instance *i, struct times *times)
{
    struct wasm_entry e;
    struct wasm_error err;
    enum status status = wasm_entry_find(i, t->function, &e, &err);
    if (status != OK) {
        return tool_refuse(t, status, &err);
    }
    const struct wasm_signature *s = e.function.function.signature;
    uint64_t *args = heap_calloc(wasm_cells(s->types, s->params), sizeof *args);
    uint64_t *results = heap_calloc(wasm_cells(s->types + s->params, s->results), sizeof *results);
    int result = TOOL_REFUSED;
    if (args == NULL || results == NULL) {
        fprintf(stderr, "halyard-wasm: no memory\n");
    } else if (t->function == NULL || read_arguments(t, s, args)) {
        result = call_timed(t, i->store, &e, args, results, times);
    }
    heap_free(args);
    heap_free(results);
    return result;
}

/* ---- Running ---- */

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
        result = program_status(t, &p);
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
