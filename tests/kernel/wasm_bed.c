// SPDX-License-Identifier: MIT
//
// A place for compiled code, a thread to run it, and what its faults mean.
#include "tests/kernel/wasm_bed.h"

#include "kernel/fault.h"
#include "kernel/jit/code_kernel.h"
#include "kernel/sched/thread.h"

#define STACK_BYTES ((size_t)1 << 20)
#define ARENA_BYTES ((size_t)64 << 20)

static struct code_kernel code;
static struct wasm_store *running; /* whose code runs */
static struct wasm_resume resume;
struct wasm_compiled_options wasm_bed_options;

static void leave(void *arg)
{
    (void)arg;
    jit_leave(resume.entry, resume.outcome);
}

static bool handle(struct code_kernel *k, struct fault *fault)
{
    (void)k;
    const struct wasm_fault f = {.pc = fault->pc,
                                 .fp = hal_frame_fp(fault->frame),
                                 .sp = hal_frame_sp(fault->frame),
                                 .caller = hal_frame_caller(fault->frame),
                                 .address = fault->address,
                                 .is_memory = fault->has_address};
    if (running == NULL || !wasm_compiled_fault(running, &f, &resume)) {
        return false;
    }
    vaddr_t top = ALIGN_DOWN(resume.entry->saved_sp, (uint64_t)16);
    hal_frame_set_call(fault->frame, top, leave, NULL);
    return true;
}

static bool symbol(struct code_kernel *k, uintptr_t pc, char *buf, size_t len)
{
    (void)k;
    return running != NULL && wasm_compiled_describe(running, pc, buf, len);
}

bool wasm_bed_run(void (*fn)(void *arg), void *arg)
{
    code = (struct code_kernel){.name = "wasm tests", .handle = handle, .symbol = symbol};
    code_kernel_init(&code);
    wasm_bed_options = (struct wasm_compiled_options){.machine = jit_machine_native,
                                                      .jit = {.features = jit_native_features()},
                                                      .space = &code.space,
                                                      .arena_bytes = ARENA_BYTES,
                                                      .fill = jit_native->code_fill,
                                                      .running = &running};
    const struct thread_options options = {.name = "wasm tests",
                                           .entry = fn,
                                           .arg = arg,
                                           .priority = PRIO_NORMAL,
                                           .uses_fp = true,
                                           .stack_bytes = STACK_BYTES};
    struct thread *t;
    return thread_create(&options, &t) == OK && thread_join(t, NULL) == OK;
}

size_t wasm_bed_pages(void)
{
    return code.pages;
}
