// SPDX-License-Identifier: MIT
//
// wasm-verify [-m MACHINE] [-t] FILE...: compile each module for both machines, with all registers
// and with few, with the passes and without, with landing pads and without, and have the verifier
// of machine code look at all of it, adapters included. A line for whatever is refused; what is not
// compiled (vectors) is no complaint. Nothing is run. -t: once each, and how long it took.
#include "kernel/jit/compile.h"
#include "kernel/jit/wasm_compiled.h"
#include "tests/oracle/few_registers.h"
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
                                            JIT_X86_SSSE3 | JIT_X86_LANDING_PADS,
                                        JIT_ARM_LSE | JIT_ARM_LANDING_PADS};

static struct {
    const char *only; /* machine */
    bool times;
    uint64_t bytes, compiled_ns, verified_ns, refused;
} run;

/* ---- Code that is never run ---- */

static enum status take(void *ctx, size_t size, struct code_block *out)
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

static void give_back(void *ctx, struct code_block *block)
{
    (void)ctx;
    free(block->bytes);
}

static const struct code_space nowhere = {.take = take, .seal = seal, .give_back = give_back};

/* ---- Modules ---- */

/* With `hosts`, the store knows host modules, which adapters and direct calls are made for. */
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
    if (bytes == NULL || wasm_store_open(&wasm_compiled, &options, &quota, &store) != OK) {
        printf("%s: cannot be read\n", file);
        exit(2);
    }
    uint64_t start = now_ns();
    enum status s = wasm_module_decode(bytes, len, &bounds, &m, &err);
    if (s == OK) {
        s = wasm_load(store, m, &code, &err);
    }
    run.compiled_ns += now_ns() - start;
    if (s == OK) {
        wasm_release(store, code);
    } else if (strstr(err.text, "unsafe code") != NULL) {
        printf("%s: %s%s%s: %s\n", file, machines[machine]->name, few ? " few" : "",
               quick ? " quick" : "", err.text);
        run.refused++;
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

int main(int argc, char **argv)
{
    for (argv++; argc > 1 && *argv != NULL && (*argv)[0] == '-'; argv++) {
        if (strcmp(*argv, "-m") == 0 && argv[1] != NULL) {
            run.only = *++argv;
        } else if (strcmp(*argv, "-t") == 0) {
            run.times = true;
        }
    }
    return host_run(try_all, argv);
}
