// SPDX-License-Identifier: MIT
//
// The bounds of stacks. What a thread is, is not known here: only that its hal_context comes first
// (hal/context.h).
#pragma once

#include <stdint.h>

struct thread;

/** @brief The mapped part of a thread's stack; of NULL, the boot stack.
 *     @context{any, panic included} */
void stack_bounds(const struct thread *t, uintptr_t *lo, uintptr_t *hi);
