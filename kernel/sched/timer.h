// SPDX-License-Identifier: MIT
//
// Callbacks at a time, one queue a CPU, one-shot hardware underneath.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** The caller owns the struct and keeps it until the timer has fired or timer_cancel() returned. */
struct timer {
    uint64_t deadline_ns;             /* monotonic */
    void (*fire)(struct timer *self); /* in interrupt context, interrupts masked */
    void *ctx;
    uint32_t index; /* private: place in the queue, 0 = not queued */
    uint32_t cpu;   /* private */
};

/** @brief Call t->fire at t->deadline_ns; at once (from the interrupt) if it has passed. O(log n).
 *  @pre not queued. @return false: the queue could not grow. @context{any, IRQ-safe} */
bool timer_start(struct timer *t);

/** @brief Take it back. @return true: it had not fired and will not. @context{any, IRQ-safe} */
bool timer_cancel(struct timer *t);
