// SPDX-License-Identifier: MIT
//
// Saved registers by name, and descriptions of faults (hal/trap.h).
#include "arch/x86_64/context.h"
#include "arch/x86_64/trap.h"

#include "hal/upcall.h"
#include "hal_arch/offsets.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"

static const struct {
    const char *name;
    uint16_t offset;
} registers[] = {
#define REGISTER(r)                                                                                \
    {                                                                                              \
#r, offsetof(struct hal_frame, r)                                                          \
    }
    REGISTER(rax), REGISTER(rbx), REGISTER(rcx), REGISTER(rdx), REGISTER(rsi), REGISTER(rdi),
    REGISTER(rbp), REGISTER(rsp), REGISTER(r8),  REGISTER(r9),  REGISTER(r10), REGISTER(r11),
    REGISTER(r12), REGISTER(r13), REGISTER(r14), REGISTER(r15), REGISTER(rip), REGISTER(rflags),
#undef REGISTER
};

static const char *const vector_names[] = {
    [VECTOR_DIVIDE] = "division error",
    [VECTOR_DEBUG] = "debug exception",
    [VECTOR_NMI] = "non-maskable interrupt",
    [VECTOR_BREAKPOINT] = "breakpoint",
    [VECTOR_OVERFLOW] = "overflow",
    [VECTOR_BOUND] = "bound range exceeded",
    [VECTOR_ILLEGAL] = "undefined instruction",
    [VECTOR_NO_FPU] = "floating point not available",
    [VECTOR_DOUBLE] = "double fault",
    [VECTOR_TSS] = "invalid task state segment",
    [VECTOR_SEGMENT] = "segment not present",
    [VECTOR_STACK] = "stack segment fault",
    [VECTOR_PROTECTION] = "general protection fault",
    [VECTOR_PAGE] = "page fault",
    [VECTOR_X87] = "x87 floating-point exception",
    [VECTOR_ALIGNMENT] = "alignment check",
    [VECTOR_MACHINE] = "machine check",
    [VECTOR_SIMD] = "SIMD floating-point exception",
    [VECTOR_CONTROL] = "control protection exception",
};

uintptr_t hal_frame_pc(const struct hal_frame *frame)
{
    return frame->rip;
}

uintptr_t hal_frame_sp(const struct hal_frame *frame)
{
    return frame->rsp;
}

uintptr_t hal_frame_fp(const struct hal_frame *frame)
{
    return frame->rbp;
}

/* Not checked by a sanitizer, as hal_frame_step(): the top of the stack may be where a C frame was
 * dropped. */
NO_ADDRESS_CHECK uintptr_t hal_frame_caller(const struct hal_frame *frame)
{
    uintptr_t lo, hi;
    upcall_stack_bounds(&lo, &hi);
    bool is_on_stack = frame->rsp % 8 == 0 && frame->rsp >= lo && frame->rsp + 8 <= hi;
    return is_on_stack ? *(const uintptr_t *)frame->rsp : 0;
}

uintptr_t hal_frame_link(const struct hal_frame *frame)
{
    (void)frame;
    return 0;
}

bool hal_frame_irqs_enabled(const struct hal_frame *frame)
{
    return (frame->rflags & RFLAGS_IF) != 0;
}

void hal_frame_set_pc(struct hal_frame *frame, uintptr_t pc)
{
    frame->rip = pc;
}

/* The function finds its stack in the state after a call, with a return address at which call
 * chains end, and no frame above. */
void hal_frame_set_call(struct hal_frame *frame, uintptr_t stack_top, void (*fn)(void *arg),
                        void *arg)
{
    uint64_t *sp = (uint64_t *)stack_top;
    *--sp = (uintptr_t)context_end;
    frame->rsp = (uintptr_t)sp;
    frame->rip = (uintptr_t)fn;
    frame->rdi = (uintptr_t)arg;
    frame->rbp = 0;
    frame->rflags = RFLAGS_IF | 1 << 1; /* bit 1 always reads as one */
    frame->cs = SEL_CODE;
    frame->ss = SEL_DATA;
}

unsigned hal_frame_register_count(void)
{
    return ARRAY_COUNT(registers);
}

uint64_t hal_frame_register(const struct hal_frame *frame, unsigned i, const char **name)
{
    *name = registers[i].name;
    return *(const uint64_t *)((const char *)frame + registers[i].offset);
}

static const char *access_name(enum fault_access access)
{
    switch (access) {
    case FAULT_WRITE:
        return "write to";
    case FAULT_EXEC:
        return "execution of";
    default:
        return "read from";
    }
}

static void describe_overflow(const struct fault *fault, char *buf, size_t len)
{
    char where[40] = "", what[64] = "";
    if (fault->has_address) {
        fmt_print(where, sizeof(where), ", address 0x%016llx", (unsigned long long)fault->address);
    }
    if (fault->reported != FAULT_STACK_OVERFLOW) {
        fmt_print(what, sizeof(what), " (vector %llu%s)", (unsigned long long)fault->vector, where);
    }
    fmt_print(buf, len, "stack overflow: the stack pointer is 0x%016llx%s",
              (unsigned long long)fault->frame->rsp, what);
}

void hal_fault_describe(const struct fault *fault, char *buf, size_t len)
{
    unsigned long long address = fault->address, code = fault->code;
    const char *name =
        fault->vector < ARRAY_COUNT(vector_names) ? vector_names[fault->vector] : NULL;
    if (fault->cause == FAULT_STACK_OVERFLOW) {
        describe_overflow(fault, buf, len);
    } else if (fault->vector == VECTOR_PAGE) {
        const char *why = fault->mapped ? "not allowed" : "not mapped";
        fmt_print(buf, len, "page fault: %s 0x%016llx, %s (error code 0x%llx)",
                  access_name(fault->access), address,
                  (code & PF_RESERVED) != 0 ? "reserved bit in a page table" : why, code);
    } else if (name != NULL) {
        fmt_print(buf, len, "%s (vector %llu, error code 0x%llx)", name,
                  (unsigned long long)fault->vector, code);
    } else {
        fmt_print(buf, len, "exception %llu (error code 0x%llx)", (unsigned long long)fault->vector,
                  code);
    }
}

/* Not checked by a sanitizer: jit_leave() and jit_land() drop C frames without unpoisoning their
 * redzones, and later frames may use the same stack memory. */
NO_ADDRESS_CHECK bool hal_frame_step(uintptr_t *fp, uintptr_t *pc, uintptr_t lo, uintptr_t hi)
{
    uintptr_t at = *fp;
    if (at % sizeof(uint64_t) != 0 || at < lo || at >= hi || hi - at < 2 * sizeof(uint64_t)) {
        return false;
    }
    const uint64_t *record = (const uint64_t *)at;
    if (record[1] == 0) {
        return false;
    }
    *pc = record[1];
    /* The chain must go upwards; otherwise the next step ends it. */
    *fp = record[0] > at ? record[0] : 0;
    return true;
}

/* magazine.S */
extern const char hal_magazine_pop_done[], hal_magazine_push_done[];

void hal_frame_restart_now(struct hal_frame *frame)
{
    uintptr_t pop = (uintptr_t)hal_magazine_pop, push = (uintptr_t)hal_magazine_push;
    if (frame->rip - pop < (uintptr_t)hal_magazine_pop_done - pop) {
        frame->rip = pop;
    } else if (frame->rip - push < (uintptr_t)hal_magazine_push_done - push) {
        frame->rip = push;
    }
}
