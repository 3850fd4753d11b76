// SPDX-License-Identifier: MIT
//
// Callbacks at a time, one queue a CPU, one-shot hardware underneath.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * The caller owns the struct, zeroes it once, and keeps it until it has fired or timer_cancel()
 * returned. The queue is a leftist heap through the timers themselves: it needs no memory, so
 * starting cannot fail.
 */
struct timer {
    uint64_t deadline_ns; /* monotonic */
    void (*fire)(struct timer *
                     self); /* in interrupt context, interrupts masked; may start the timer again */
    void *ctx;
    struct timer *left, *right, *parent; /* private: place in the heap */
    uint32_t rank;                       /* private: 0 = not queued */
    uint32_t cpu;                        /* private: whose queue */
};

/** @brief Call t->fire at t->deadline_ns; at once (from the interrupt) if it has passed. O(log n).
 *  @pre not queued. @context{any, IRQ-safe} */
void timer_start(struct timer *t);

/** @brief Take it back; t->fire does not run after the return. O(log n).
 *  @return true: it had not fired and will not. false: it was not queued, or has fired.
 *  @pre the caller holds no lock that t->fire takes. @context{any, IRQ-safe; not inside t->fire} */
bool timer_cancel(struct timer *t);
