// SPDX-License-Identifier: MIT
//
// wasm-verify [-m MACHINE] [-t] [-1] FILE...: compile each module for both machines, with all
// registers and with few, with the passes and without, with landing pads and without, and pass all
// code to the verifier of machine code, also the adapters of host functions of each of its types.
// Prints a line for each refusal; functions that are not compiled (vectors) are no error. Nothing
// runs. -t: each variant once, without adapters, and print the time. -1: stop at the first refusal.
//
// Modules may import from "host": those functions are called without an adapter.
#include "kernel/jit/compile.h"
#include "kernel/wasm/run/wasm_engine.h"
#include "tools/halyard-wasm/few_registers.h"
#include "tests/oracle/read_file.h"
#include "tools/halyard-wasm/engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARENA_LIMIT ((size_t)1 << 30)
#define CODE_BASE   UINT64_C(0x40000000)

static const struct jit_machine *const machines[] = {&jit_machine_x86_64, &jit_machine_aarch64};
static const uint64_t all_features[] = {JIT_X86_SSE41 | JIT_X86_POPCNT | JIT_X86_AVX |
                                            JIT_X86_BMI1 | JIT_X86_BMI2 | JIT_X86_LZCNT |
                                            JIT_X86_SSSE3 | JIT_X86_SSE42 | JIT_X86_LANDING_PADS,
                                        JIT_ARM_LSE | JIT_ARM_LANDING_PADS};

static struct {
    const char *only; /* machine */
    bool times, one;
    uint64_t bytes, compiled_ns, verified_ns, refused;
} run;

/* ---- Code that never runs ---- */

static enum status alloc_code(void *ctx, size_t size, struct code_block *out)
{
    (void)ctx;
    *out = (struct code_block){.bytes = malloc(size), .address = CODE_BASE, .size = size};
    run.bytes += size;
    return out->bytes == NULL ? E_NOMEM : OK;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static enum status seal(void *ctx, struct code_block *block)
{
    (void)ctx, (void)block;
    return OK;
}

static void free_code(void *ctx, struct code_block *block)
{
    (void)ctx;
    free(block->bytes);
}

static const struct code_space nowhere = {.alloc = alloc_code, .seal = seal, .free = free_code};

/* ---- Host functions ---- */

static enum wasm_outcome by_array(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                  enum ir_trap *trap)
{
    (void)h, (void)args, (void)results, (void)trap;
    return WASM_RETURNED;
}

static uint64_t direct(struct wasm_host *h, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                       uint64_t e)
{
    (void)h, (void)a, (void)b, (void)c, (void)d, (void)e;
    return 0;
}

static const struct wasm_host_function functions[] = {
    {.name = "nothing", .signature = ":", .direct = direct},
    {.name = "one", .signature = ":i", .direct = direct},
    {.name = "all", .signature = "iIreI:I", .direct = direct},
    {.name = "reference", .signature = "i:r", .direct = direct},
};

static const struct wasm_host_module host = {
    .name = "host", .functions = functions, .count = ARRAY_COUNT(functions)};

static bool is_integer(uint8_t type)
{
    return type != WASM_F32 && type != WASM_F64 && type != WASM_V128;
}

/* The fast kind of host function takes no more than this. */
static bool may_be_direct(const struct wasm_signature *s)
{
    bool fits = s->params <= 5 && s->results <= 1;
    for (uint32_t n = 0; fits && n < s->params + s->results; n++) {
        fits = is_integer(s->types[n]);
    }
    return fits;
}

/* ---- Modules ---- */

/* One compilation. */
struct attempt {
    const char *file;
    unsigned machine;
    bool few, quick;
};

static void report(const struct attempt *a, const char *text)
{
    printf("%s: %s%s%s: %s\n", a->file, machines[a->machine]->name, a->few ? " few" : "",
           a->quick ? " quick" : "", text);
    run.refused++;
    if (run.one) {
        exit(1);
    }
}

static void try_adapter(const struct attempt *a, struct wasm_store *store,
                        const struct wasm_signature *s, bool is_direct)
{
    const struct wasm_host_function f = {.array = is_direct ? NULL : by_array,
                                         .direct = is_direct ? direct : NULL};
    struct wasm_host h = {.function = &f, .signature = *s, .store = store};
    if (store->engine->adapt(store->state, &h) == E_CORRUPT) {
        const struct verify_error *e = &((const struct compiler *)store->state)->refusal;
        char text[160];
        snprintf(text, sizeof text, "adapter of %u parameters: offset 0x%x: unsafe code: %s",
                 s->params, e->offset, e->text);
        report(a, text);
    }
}

static void try_adapters(const struct attempt *a, struct wasm_store *store,
                         const struct wasm_module *m)
{
    for (uint32_t n = 0; n < m->signature_count; n++) {
        const struct wasm_signature *s = &m->signatures[n];
        try_adapter(a, store, s, false);
        if (may_be_direct(s)) {
            try_adapter(a, store, s, true);
        }
    }
}

static void try_once(const char *file, unsigned machine, uint64_t features, bool few, bool quick)
{
    static const struct wasm_bounds bounds = {.arena_bytes = ARENA_LIMIT,
                                              .table_elements = 10000000};
    static const struct wasm_quota quota = {.pages = 65536, .elements = 10000000};
    struct wasm_compiled_options options = {.machine = machines[machine],
                                            .space = &nowhere,
                                            .arena_bytes = ARENA_LIMIT,
                                            .jit = {.features = features, .quick = quick}};
    struct wasm_store *store;
    struct wasm_module *m;
    struct wasm_code *code;
    struct wasm_error err = {.text = ""};
    uint32_t len = 0;
    if (few) {
        options.jit.limits = few_registers(&machines[machine]->registers);
    }
    uint8_t *bytes = read_file(file, &len);
    if (bytes == NULL || wasm_store_open(&wasm_compiled, &options, &quota, &store) != OK ||
        wasm_store_add_host(store, &host, NULL) != OK) {
        printf("%s: cannot be read\n", file);
        exit(2);
    }
    uint64_t start = now_ns();
    enum status s = wasm_module_decode(bytes, len, &bounds, &m, &err);
    if (s == OK) {
        s = wasm_load(store, m, &code, &err);
    }
    run.compiled_ns += now_ns() - start;
    const struct attempt a = {file, machine, few, quick};
    if (s == OK) {
        if (!run.times) {
            try_adapters(&a, store, m);
        }
        wasm_release(store, code);
    } else if (strstr(err.text, "unsafe code") != NULL) {
        report(&a, err.text);
    }
    wasm_store_close(store);
    free(bytes);
}

static void try_module(const char *file)
{
    for (unsigned m = 0; m < sizeof machines / sizeof machines[0]; m++) {
        if (run.only != NULL && strcmp(run.only, machines[m]->name) != 0) {
            continue;
        }
        for (unsigned variant = 0; variant < (run.times ? 1 : 8); variant++) {
            bool plain = (variant & 4) != 0;
            try_once(file, m, plain ? 0 : all_features[m], (variant & 1) != 0, (variant & 2) != 0);
        }
    }
}

static int try_all(void *ctx)
{
    for (char **file = ctx; *file != NULL; file++) {
        try_module(*file);
    }
    if (run.times) {
        printf("%llu bytes of code, %llu us\n", (unsigned long long)run.bytes,
               (unsigned long long)run.compiled_ns / 1000);
    }
    return run.refused > 0;
}

static bool is_machine(const char *name)
{
    bool is_known = false;
    for (unsigned m = 0; m < sizeof machines / sizeof machines[0]; m++) {
        is_known |= strcmp(name, machines[m]->name) == 0;
    }
    return is_known;
}

int main(int argc, char **argv)
{
    for (argv++; argc > 1 && *argv != NULL && (*argv)[0] == '-'; argv++) {
        if (strcmp(*argv, "-m") == 0 && argv[1] != NULL) {
            run.only = *++argv;
            if (!is_machine(run.only)) {
                printf("%s: no such machine\n", run.only);
                return 2;
            }
        } else if (strcmp(*argv, "-t") == 0) {
            run.times = true;
        } else if (strcmp(*argv, "-1") == 0) {
            run.one = true;
        }
    }
    return host_run(try_all, argv);
}
