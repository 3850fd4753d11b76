// SPDX-License-Identifier: MIT
//
// Memory for compiled code, and a thread to run it.
#include "tests/kernel/wasm_bed.h"

#include "kernel/jit/code/code_kernel.h"
#include "kernel/program/program.h"
#include "tests/kernel/tests.h"

#define STACK_BYTES ((size_t)1 << 20)
#define ARENA_BYTES ((size_t)64 << 20)

static struct code_kernel code;
struct wasm_compiled_options wasm_bed_options;

struct thread *wasm_bed_start(void (*fn)(void *arg), void *arg)
{
    const struct thread_options options = {.name = "wasm tests",
                                           .entry = fn,
                                           .arg = arg,
                                           .priority = PRIO_NORMAL,
                                           .uses_fp = true,
                                           .stack_bytes = STACK_BYTES};
    struct thread *t = NULL;
    return thread_create(&options, &t) == OK ? t : NULL;
}

bool wasm_bed_run(void (*fn)(void *arg), void *arg)
{
    code = (struct code_kernel){.name = "wasm tests"};
    code_kernel_init(&code);
    wasm_bed_options = (struct wasm_compiled_options){.machine = jit_machine_native,
                                                      .jit = {.features = jit_native_features()},
                                                      .space = &code.space,
                                                      .arena_bytes = ARENA_BYTES,
                                                      .fill = jit_native->code_fill};
    struct thread *t = wasm_bed_start(fn, arg);
    return t != NULL && test_join(t, NULL) == OK;
}

void wasm_bed_let_trap(struct program *p)
{
    code.owner = p == NULL ? NULL : &p->owner;
}

size_t wasm_bed_pages(void)
{
    return code.pages;
}
