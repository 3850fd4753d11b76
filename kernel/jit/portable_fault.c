// SPDX-License-Identifier: MIT
//
// A fault in the code of a portable program: if the compiler's rows explain it, the program has
// trapped. Any other is the compiler's mistake, and the kernel's end.
#include "kernel/jit/portable_internal.h"

#include "kernel/io/console.h"
#include "kernel/jit/backend.h"
#include "kernel/jit/code.h"
#include "kernel/lib/format.h"

/* Compiled code runs with nothing of the kernel's held; a machine may handle an overflow of the
 * stack on the CPU's own. */
static bool runs_in_program(const struct portable *p, const struct fault *fault)
{
    const struct hal_cpu *cpu = hal_this_cpu();
    const struct thread *t = cpu->current;
    uint32_t machines_own = fault->cause == FAULT_STACK_OVERFLOW ? 1 : 0;
    return t != NULL && t->program == p->program && t->locks_held == 0 && cpu->irq_depth == 0 &&
           cpu->preempt_off <= machines_own;
}

static void resume(void *arg)
{
    const struct portable *p = arg;
    jit_leave(p->resume.entry, p->resume.outcome);
}

static bool handle(struct code_kernel *k, struct fault *fault)
{
    struct portable *p = CONTAINER_OF(k, struct portable, code);
    bool is_access = fault->cause == FAULT_PAGE || fault->cause == FAULT_STACK_OVERFLOW;
    const struct wasm_fault f = {.pc = fault->pc,
                                 .fp = hal_frame_fp(fault->frame),
                                 .sp = hal_frame_sp(fault->frame),
                                 .caller = hal_frame_caller(fault->frame),
                                 .address = fault->address,
                                 .is_memory = is_access && fault->has_address};
    if (!runs_in_program(p, fault) || !wasm_compiled_fault(p->store, &f, &p->resume)) {
        return false;
    }
    /* What is above the entry's frame is given up. */
    vaddr_t top = ALIGN_DOWN(p->resume.entry->saved_sp, (uint64_t)16);
    hal_frame_set_call(fault->frame, top, resume, p);
    return true;
}

static bool symbol(struct code_kernel *k, uintptr_t pc, char *buf, size_t len)
{
    const struct portable *p = CONTAINER_OF(k, struct portable, code);
    return p->store != NULL && wasm_compiled_describe(p->store, pc, buf, len);
}

void portable_init_code(struct portable *p)
{
    p->features = jit_native_features();
    p->code = (struct code_kernel){.name = p->path,
                                   .has_landing_pads =
                                       (p->features & jit_machine_native->landing_pads) != 0,
                                   .handle = handle,
                                   .symbol = symbol};
    code_kernel_init(&p->code);
}

static void report_frame(unsigned n, const struct wasm_frame *f)
{
    const char *name = f->module->names == NULL ? NULL : f->module->names[f->function];
    char unnamed[24];
    if (name == NULL) {
        fmt_print(unnamed, sizeof unnamed, "function %u", f->function);
        name = unnamed;
    }
    console_printf("  #%u %s (offset 0x%x)\n", n, name, f->offset);
}

void portable_report(const struct portable *p, const struct wasm_stop *stop)
{
    console_printf("program %s: trap: %s\n", p->program->name, wasm_trap_text(stop));
    unsigned listed = stop->depth < WASM_FRAMES ? stop->depth : WASM_FRAMES;
    for (unsigned i = 0; i < listed; i++) {
        report_frame(i, &stop->frames[i]);
    }
    if (stop->depth > listed) {
        console_printf("  and %u more\n", stop->depth - listed);
    }
}
