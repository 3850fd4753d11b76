// SPDX-License-Identifier: MIT
//
// Small upcalls of hal/upcall.h: the bounds of the running stack. fault.c handles faults, io/irq.c
// interrupts, sched/timer.c the timer.

#include "hal/upcall.h"

#include "hal/layout.h"
#include "kernel/base/assert.h"
#include "kernel/base/stack.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

STATIC_ASSERT(offsetof(struct thread, context) == 0, "base/stack.c and the switch rely on it");

bool upcall_is_stack_guard(uintptr_t address)
{
    const struct thread *t = thread_current();
    uintptr_t lo, hi;
    stack_bounds(t, &lo, &hi);
    /* The boot code continues as a thread, on the boot stack. */
    uintptr_t guard = lo == (uintptr_t)__boot_stack_start ? (uintptr_t)__boot_stack_guard
                                                          : (uintptr_t)t->stack_range.base;
    return address >= guard && address < lo;
}
