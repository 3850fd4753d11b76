// SPDX-License-Identifier: MIT
//
// The upcall that tells the machine the bounds of the running stack.
#include "kernel/base/stack.h"

#include "hal/context.h"
#include "hal/cpu.h"
#include "hal/layout.h"
#include "hal/upcall.h"

#include <stddef.h>

void stack_bounds(const struct thread *t, uintptr_t *lo, uintptr_t *hi)
{
    const struct hal_context *context = (const void *)t;
    if (context != NULL && context->stack_hi != 0) {
        *lo = (uintptr_t)context->stack_lo;
        *hi = (uintptr_t)context->stack_hi;
    } else {
        *lo = (uintptr_t)__boot_stack_start;
        *hi = (uintptr_t)__boot_stack_end;
    }
}

void upcall_stack_bounds(uintptr_t *lo, uintptr_t *hi)
{
    stack_bounds(hal_this_thread(), lo, hi);
}
