// SPDX-License-Identifier: MIT
//
// Callbacks at a given time: one queue a CPU over one-shot hardware.
#pragma once

#include "hal/cpu.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * The caller owns the struct, zeroes it once, and keeps it until it has fired or
 * timer_cancel() has returned. The queue is a heap linked through the timers and needs no
 * memory, so starting a timer cannot fail.
 */
struct timer {
    uint64_t deadline_ns; /* monotonic */
    uint64_t slack_ns;    /* it may fire this much later, to share another timer's interrupt */
    /* Time from one call to the next; 0: one call only. A call is skipped if its
     * successor is already due. */
    uint64_t period_ns;
    /* Runs in interrupt context with interrupts masked; may start the timer again or cancel it.
     * With a period, deadline_ns is already that of the next call. */
    void (*fire)(struct timer *self);
    void *ctx;
    /* private: counter values of the deadline, and of the deadline plus slack */
    uint64_t due, latest;
    struct timer *left, *right, *parent; /* private: links of the heap */
    uint32_t rank;                       /* private: 0 = not queued */
    uint32_t cpu;                        /* private: the CPU whose queue it is in */
};

/** @brief Call t->fire at t->deadline_ns on this CPU; as soon as possible, from the interrupt, if
 *     that has passed. O(log n).
 * @pre not queued. @context{any, IRQ-safe} */
void timer_start(struct timer *t);

/** @brief Cancel a timer, even if t->fire starts it again. After the return it is not queued,
 *     t->fire does not run (unless it is the caller), and its effects are visible. O(log n).
 * @return true: a call was due and will not come. false: it was not queued, or it has fired.
 * @pre the caller holds no lock that t->fire takes; only t->fire starts the timer
 *     meanwhile. @context{any, IRQ-safe} */
bool timer_cancel(struct timer *t);

/** @brief The registers of the code that the timer's interrupt interrupted.
 * @context{a timer's `fire`} */
static inline const struct hal_frame *timer_frame(void)
{
    return hal_this_cpu()->interrupted;
}
