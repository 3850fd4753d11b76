// SPDX-License-Identifier: MIT
//
// Deferred work: interrupt handlers acknowledge the device and queue a work item; a thread runs it.
#pragma once

#include "hal/types.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"

#include <stdbool.h>

struct timer;
struct worker;

/** The owner zeroes the struct, sets `run`, and keeps it
 * until it is neither queued nor running (work_cancel()). */
struct work {
    struct list_node link;
    /* Called in a work thread at PRIO_HIGH, never twice at the same time. It may sleep,
     * but should not for long. */
    void (*run)(struct work *self);
    _Atomic(struct worker *)
        /* Private: the worker where it is queued or runs. Release under the old worker's lock;
         * acquire, then checked again under a lock. */
        home;
    bool queued;       /* private */
    bool is_cancelled; /* private: being cancelled; a running item does not queue itself again */
};

/** @brief Start a CPU's work thread. Items queued there before run then.
 * @return OK, E_NOMEM: its work runs on the boot CPU. @context{thread; once a CPU} */
enum status work_start(cpu_t cpu);
/** @brief Let this CPU's work thread run the item, unless it is queued already. A running item may
 *     queue itself and then runs on the same CPU again. Items may be queued before work_start().
 * @return false: it was queued already, or is being cancelled. @context{any, IRQ-safe} */
bool work_queue(struct work *w);
/** @brief A timer's fire function: queue the item that is its `ctx`. With timer.period_ns, a thread
 *     runs the item periodically. Only tests call it yet: it is for drivers that poll a device.
 *     @context{IRQ} */
void work_queue_by_timer(struct timer *t);
/** @brief Cancel the item and wait until it does not run. @pre only its own run() queues it
 *     meanwhile, without effect.
 * @context{thread, not from work, may sleep} */
void work_cancel(struct work *w);
