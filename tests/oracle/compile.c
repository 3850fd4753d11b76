// SPDX-License-Identifier: MIT
//
// wasm-compile FILE...: compile every function of each module for both machines, with all registers
// and with few, with the passes and without, and check the result of each step. Prints a line for
// each refusal, except for vectors, which no machine supports yet. Nothing runs.
#include "kernel/jit/compile.h"
#include "kernel/jit/ir/ir_verify.h"
#include "tools/halyard-wasm/few_registers.h"
#include "tests/oracle/read_file.h"
#include "tools/halyard-wasm/engines.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_LIMIT ((size_t)1 << 30)

static const struct jit_machine *const machines[] = {&jit_machine_x86_64, &jit_machine_aarch64};

struct attempt {
    const char *file;
    uint32_t function;
    bool failed;
};

static void complain(struct attempt *t, const char *where, const char *what, enum status s)
{
    printf("%s: function %u: %s: %s\n", t->file, t->function, where,
           what[0] == '\0' ? status_text(s) : what);
    t->failed = true;
}

static void compile(struct attempt *t, const struct ir_function *f, bool is_quick)
{
    for (unsigned m = 0; m < sizeof machines / sizeof machines[0]; m++) {
        for (unsigned few = 0; few < 2; few++) {
            struct jit_options options = {.checks = &jit_checks, .quick = is_quick};
            struct jit_code code;
            struct jit_error err = {.text = ""};
            struct arena a;
            if (few == 1) {
                options.limits = few_registers(&machines[m]->registers);
            }
            arena_init(&a, ARENA_LIMIT);
            enum status s = jit_compile(machines[m], f, &options, &a, &code, &err);
            if (s != OK && s != E_NOTSUP) {
                complain(t, machines[m]->name, err.text, s);
            }
            arena_free_all(&a);
        }
    }
}

static void try_function(struct attempt *t, const struct wasm_module *m)
{
    struct arena a;
    struct ir_function *f;
    struct wasm_error err = {.text = ""};
    struct ir_complaint complaint = {.text = ""};
    arena_init(&a, ARENA_LIMIT);
    enum status s = wasm_function_build(m, t->function, &a, &f, &err);
    if (s != OK) {
        complain(t, "front-end", err.text, s);
    } else if ((s = ir_verify(&a, f, &complaint)) != OK) {
        complain(t, "front-end", complaint.text, s);
    } else {
        compile(t, f, true);
        compile(t, f, false);
    }
    arena_free_all(&a);
}

static bool try_module(const char *file)
{
    static const struct wasm_bounds bounds = {.arena_bytes = 64 << 20, .table_elements = 1000000};
    struct attempt t = {.file = file};
    struct wasm_module *m;
    struct wasm_error err = {.text = ""};
    uint32_t len = 0;
    uint8_t *bytes = read_file(file, &len);
    if (bytes == NULL || wasm_module_decode(bytes, len, &bounds, &m, &err) != OK) {
        printf("%s: %s\n", file, bytes == NULL ? "no file" : err.text);
        free(bytes);
        return false;
    }
    for (uint32_t n = m->imported[WASM_FUNCTION]; n < m->function_count; n++) {
        t.function = n;
        try_function(&t, m);
    }
    wasm_module_free(m);
    free(bytes);
    return !t.failed;
}

static int try_all(void *ctx)
{
    int status = 0;
    for (char **file = ctx; *file != NULL; file++) {
        status |= try_module(*file) ? 0 : 1;
    }
    return status;
}

int main(int argc, char **argv)
{
    (void)argc;
    return host_run(try_all, argv + 1);
}
