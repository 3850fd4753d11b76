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
    uint64_t slack_ns;    /* it may be that late, to share the interrupt of another timer; 0: not */
    uint64_t period_ns;   /* from one call to the next; 0: there is one call. A call that would come
                             when the next is due is left out. */
    /* In interrupt context, interrupts masked; may start the timer again, or cancel it. With a
     * period, deadline_ns is already that of the next call. */
    void (*fire)(struct timer *self);
    void *ctx;
    uint64_t due, latest; /* private: counter values of the deadline, and of it with the slack */
    struct timer *left, *right, *parent; /* private: place in the heap */
    uint32_t rank;                       /* private: 0 = not queued */
    uint32_t cpu;                        /* private: whose queue */
};

/** @brief Call t->fire at t->deadline_ns, on this CPU; at once (from the interrupt) if it has
 *  passed. O(log n).
 *  @pre not queued. @context{any, IRQ-safe} */
void timer_start(struct timer *t);

/** @brief Take it back, also if t->fire starts it again: after the return it is not queued, t->fire
 *  does not run (unless this is called from it), and what it did is visible. O(log n).
 *  @return true: a call was due and will not come. false: it was not queued, or has fired.
 *  @pre the caller holds no lock that t->fire takes; nothing but t->fire starts the timer
 *  meanwhile. @context{any, IRQ-safe} */
bool timer_cancel(struct timer *t);
