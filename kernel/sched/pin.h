// SPDX-License-Identifier: MIT
//
// Pins: a count of the users of something that another thread wants to remove. A user increments
// the count where the remover cannot miss it (in an RCU read section, under a lock); the remover
// first makes the thing unreachable, then waits until the count is 0.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct vm_range;

/** @brief Unpin. The thing may be freed as soon as its count is 0. Does nothing in a panic, where
 *     nothing is removed. @param count Incremented by the caller, relaxed. @context{any} */
void pin_release(_Atomic uint32_t *count);

/** @brief Before the thing is made unreachable: from here on pin_release() wakes pin_wait().
 * @context{thread} */
void pin_announce(void);

/** @brief Wait until the count is 0. @pre pin_announce() was called, and the count can no longer
 *     grow. @context{thread, interrupts enabled, may sleep} */
void pin_wait(_Atomic uint32_t *count);

/** @brief Stop handling faults in a range (vm_range.fault), and wait for the faults being handled.
 *     Call it before the mapped pages are unmapped and the range is released.
 * @context{thread, interrupts enabled, may sleep} */
void pin_leave_range(struct vm_range *range);
