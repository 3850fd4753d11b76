// SPDX-License-Identifier: MIT
//
// wasm-oracle ENGINE FILE...: run all exported functions without parameters of each module, in
// order, and print what wabt's `wasm-interp --run-all-exports` prints: a line for each, after a
// line "module FILE". Changes of memory stay for the next function, even after a trap. After a
// trap it also prints, indented, what wabt does not: the active functions and their positions in
// the module, innermost first.
#include "tools/halyard-wasm/few_registers.h"
#include "tests/oracle/read_file.h"
#include "tools/halyard-wasm/compiled.h"
#include "tools/halyard-wasm/engines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct oracle {
    const char *name;
    char **files;
};

/* ---- Variants of compiled code ---- */

static void without_passes(struct jit_options *jit, const struct jit_machine *m)
{
    (void)m;
    jit->quick = true;
}

static void with_few_registers(struct jit_options *jit, const struct jit_machine *m)
{
    jit->limits = few_registers(&m->registers);
}

/* As on the oldest CPU. C code keeps using all features. */
static void without_features(struct jit_options *jit, const struct jit_machine *m)
{
    (void)m;
    jit->features &= JIT_X86_VECTORS_IN_C;
}

/* As on a CPU whose vector instructions overwrite an operand. */
static void without_avx(struct jit_options *jit, const struct jit_machine *m)
{
    (void)m;
    jit->features &= ~(uint64_t)JIT_X86_AVX;
}

static const struct variant {
    const char *name;
    void (*change)(struct jit_options *jit, const struct jit_machine *m);
} variants[] = {
    {"host-quick", without_passes},
    {"host-few", with_few_registers},
    {"host-old", without_features},
    {"host-sse", without_avx},
};
#define VARIANTS (sizeof variants / sizeof variants[0])

/* Find an engine by its name and prepare it: its thread has started. name NULL: none. */
static bool find_engine(const char *name, struct host_engine *out)
{
    static struct wasm_compiled_options options;
    const struct host_engine *e = host_engine_find(name);
    if (e != NULL) {
        *out = *e;
        return true;
    }
    for (unsigned n = 0; n < VARIANTS; n++) {
        if (strcmp(variants[n].name, name) == 0) {
            options = compiled_options;
            options.jit.checks = &jit_checks;
            variants[n].change(&options.jit, options.machine);
            *out = (struct host_engine){name, &wasm_compiled, &options};
            return true;
        }
    }
    return false;
}

/* ---- Modules ---- */

static void print_values(const struct wasm_signature *s, const uint64_t *cells)
{
    for (uint32_t n = 0; n < s->results; n++) {
        const char *comma = n == 0 ? "" : ", ";
        switch (s->types[s->params + n]) {
        case WASM_I32:
            printf("%si32:%" PRIu32, comma, (uint32_t)cells[n]);
            break;
        case WASM_I64:
            printf("%si64:%" PRIu64, comma, cells[n]);
            break;
        default: /* the generated modules never end in other ways */
            printf("%s?", comma);
            break;
        }
    }
    printf("\n");
}

static void print_frames(const struct wasm_stop *stop)
{
    for (uint32_t n = 0; n < stop->depth && n < WASM_FRAMES; n++) {
        printf("    function %" PRIu32 " at %#" PRIx32 "\n", stop->frames[n].function,
               stop->frames[n].offset);
    }
}

static void run_export(struct wasm_instance *i, const struct wasm_export *x)
{
    struct wasm_extern e;
    struct wasm_stop stop = {.outcome = WASM_RETURNED};
    uint64_t results[32];
    if (x->kind != WASM_FUNCTION || !wasm_instance_export(i, x->name, &e)) {
        return;
    }
    const struct wasm_signature *s = e.function.signature;
    if (s->params > 0 || s->results > sizeof results / sizeof results[0] / 2) {
        return;
    }
    printf("%.*s() =>", (int)x->name.len, (const char *)x->name.bytes);
    if (wasm_call(i->store, &e, NULL, results, &stop) == WASM_RETURNED) {
        printf(" ");
        print_values(s, results);
    } else {
        printf(" error: %s\n", wasm_trap_text(&stop));
        print_frames(&stop);
    }
    fflush(stdout); /* in case compiled code ends the process */
}

static const char *run_module(const struct host_engine *engine, const uint8_t *bytes, uint32_t len,
                              struct wasm_error *err)
{
    static const struct wasm_bounds bounds = {.arena_bytes = 64 << 20, .table_elements = 100000};
    static const struct wasm_quota quota = {.pages = 1000, .elements = 100000};
    struct wasm_module *m;
    struct wasm_store *store;
    struct wasm_code *code;
    struct wasm_instance *i;
    struct wasm_stop stop;
    if (wasm_module_decode(bytes, len, &bounds, &m, err) != OK) {
        return err->text;
    }
    if (wasm_store_open(engine->engine, engine->options, &quota, &store) != OK) {
        wasm_module_free(m);
        return "no memory";
    }
    const char *why = NULL;
    if (wasm_load(store, m, &code, err) != OK) {
        why = err->text;
    } else {
        if (wasm_instantiate(store, code, &i, &stop, err) != OK) {
            why = "not linked";
        }
        for (uint32_t n = 0; why == NULL && n < m->export_count; n++) {
            run_export(i, &m->exports[n]);
        }
        wasm_release(store, code);
    }
    wasm_store_close(store);
    return why;
}

static int say_engines(void)
{
    fprintf(stderr, "usage: wasm-oracle ENGINE FILE...\nengines:");
    for (unsigned n = 0; n < host_engine_count; n++) {
        fprintf(stderr, " %s", host_engines[n].name);
    }
    for (unsigned n = 0; n < VARIANTS; n++) {
        fprintf(stderr, " %s", variants[n].name);
    }
    fprintf(stderr, "\n");
    return 2;
}

static int run_all(void *ctx)
{
    const struct oracle *o = ctx;
    struct host_engine engine;
    int status = 0;
    if (!find_engine(o->name, &engine)) {
        return say_engines();
    }
    for (char **file = o->files; *file != NULL; file++) {
        uint32_t len = 0;
        struct wasm_error err = {.text = ""};
        uint8_t *bytes = read_file(*file, &len);
        printf("module %s\n", *file);
        fflush(stdout);
        const char *why = bytes == NULL ? "no file" : run_module(&engine, bytes, len, &err);
        if (why != NULL) {
            printf("refused: %s\n", why);
            status = 1;
        }
        free(bytes);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct oracle o = {.name = argc < 2 ? "" : argv[1], .files = argv + 2};
    return argc < 2 ? say_engines() : host_run(run_all, &o);
}
