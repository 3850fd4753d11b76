// SPDX-License-Identifier: MIT
//
// Small upcalls of hal/upcall.h: the bounds of the running stack. fault.c handles faults, io/irq.c
// interrupts, sched/timer.c the timer.

#include "hal/upcall.h"

#include "hal/layout.h"
#include "kernel/base/assert.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/** Bounds of the running stack; the guard is below. */
static void stack_bounds(uintptr_t *lo, uintptr_t *hi, uintptr_t *guard)
{
    const struct thread *t = thread_current();
    if (t != NULL && t->context.stack_hi != 0) {
        *lo = (uintptr_t)t->context.stack_lo;
        *hi = (uintptr_t)t->context.stack_hi;
        *guard = (uintptr_t)t->stack_range.base;
    } else {
        *lo = (uintptr_t)__boot_stack_start;
        *hi = (uintptr_t)__boot_stack_end;
        *guard = (uintptr_t)__boot_stack_guard;
    }
    /* The boot code continues as a thread on the boot stack. */
    if (*lo == (uintptr_t)__boot_stack_start) {
        *guard = (uintptr_t)__boot_stack_guard;
    }
}

bool upcall_is_stack_guard(uintptr_t address)
{
    uintptr_t lo, hi, guard;
    stack_bounds(&lo, &hi, &guard);
    return address >= guard && address < lo;
}

void upcall_stack_bounds(uintptr_t *lo, uintptr_t *hi)
{
    uintptr_t guard;
    stack_bounds(lo, hi, &guard);
}
