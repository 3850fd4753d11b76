// SPDX-License-Identifier: MIT
//
// Access to saved registers for hal/trap.h, and walking a chain of frame records.
#include "hal_arch/frame.h"

#include "arch/aarch64/context.h"
#include "hal/context.h"
#include "hal/magazine.h"
#include "hal/trap.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"

uintptr_t hal_frame_pc(const struct hal_frame *frame)
{
    return frame->pc;
}

uintptr_t hal_frame_sp(const struct hal_frame *frame)
{
    return frame->sp;
}

uintptr_t hal_frame_fp(const struct hal_frame *frame)
{
    return frame->x[29];
}

/* Remove the signature of a return address: bits 63 to 48 become copies of bit 55 (48-bit
 * addresses, tags not ignored). Like XPACLRI, but also for CPUs without FEAT_PAuth. Arm ARM (DDI
 * 0487), D8.8. */
static uintptr_t strip(uintptr_t address)
{
    const uintptr_t signature = (uintptr_t)0xffff << 48;
    return (address & (uintptr_t)1 << 55) != 0 ? address | signature : address & ~signature;
}

uintptr_t hal_frame_caller(const struct hal_frame *frame)
{
    return strip(frame->x[30]);
}

void hal_context_backtrace_start(const struct hal_context *ctx, uintptr_t *pc, uintptr_t *fp)
{
    const uintptr_t *saved = (const uintptr_t *)ctx->sp; /* context.S: x29, x30 first */
    *fp = saved[0];
    *pc = strip(saved[1]);
}

uintptr_t hal_frame_link(const struct hal_frame *frame)
{
    return strip(frame->x[30]);
}

bool hal_frame_irqs_enabled(const struct hal_frame *frame)
{
    return (frame->pstate & PSTATE_I) == 0;
}

void hal_frame_set_pc(struct hal_frame *frame, uintptr_t pc)
{
    frame->pc = pc;
    frame->pstate &= ~(uint64_t)PSTATE_BTYPE; /* this is no branch target */
}

void hal_frame_set_call(struct hal_frame *frame, uintptr_t stack_top, void (*fn)(void *arg),
                        void *arg)
{
    frame->x[0] = (uintptr_t)arg;
    frame->x[29] = 0; /* a backtrace ends here */
    frame->x[30] = (uintptr_t)context_end;
    frame->sp = stack_top;
    frame->pc = (uintptr_t)fn;
    frame->pstate = PSTATE_EL1H | PSTATE_D | (frame->pstate & PSTATE_PAN);
}

#define FRAME_REGISTERS 34u /* x0 to x30, sp, pc, pstate */

unsigned hal_frame_register_count(void)
{
    return FRAME_REGISTERS;
}

uint64_t hal_frame_register(const struct hal_frame *frame, unsigned i, const char **name)
{
    static const char names[FRAME_REGISTERS][8] = {
        "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",   "x10", "x11",
        "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",  "x22", "x23",
        "x24", "x25", "x26", "x27", "x28", "fp",  "lr",  "sp",  "pc",  "spsr",
    };
    STATIC_ASSERT(offsetof(struct hal_frame, pstate) == 33 * sizeof(uint64_t),
                  "in the order of names");
    *name = names[i];
    const uint64_t *words = frame->x;
    return words[i];
}

/* Not checked by a sanitizer: jit_leave() and jit_land() drop C frames without unpoisoning their
 * redzones, and later frames may use the same stack memory. */
NO_ADDRESS_CHECK bool hal_frame_step(uintptr_t *fp, uintptr_t *pc, uintptr_t lo, uintptr_t hi)
{
    uintptr_t at = *fp;
    if (hi - lo < 16 || at < lo || at > hi - 16 || !IS_ALIGNED(at, 16)) {
        return false;
    }
    const uint64_t *record = (const uint64_t *)at; /* {caller's record, return address} */
    if (record[1] == 0) {
        return false;
    }
    *pc = strip(record[1]);
    /* The chain must go upwards. The last record may contain
     * anything; then the next step ends the walk. */
    *fp = record[0] > at ? record[0] : 0;
    return true;
}

/* magazine.S */
extern const char hal_magazine_pop_done[], hal_magazine_push_done[];

void hal_frame_restart_now(struct hal_frame *frame)
{
    uintptr_t pop = (uintptr_t)hal_magazine_pop, push = (uintptr_t)hal_magazine_push;
    if (frame->pc - pop < (uintptr_t)hal_magazine_pop_done - pop) {
        frame->pc = pop;
    } else if (frame->pc - push < (uintptr_t)hal_magazine_push_done - push) {
        frame->pc = push;
    }
}
