// SPDX-License-Identifier: MIT
//
// Work put off from interrupt handlers to a thread: handlers acknowledge and queue, completions run
// here.
#pragma once

#include "hal/types.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"

#include <stdbool.h>

struct timer;
struct worker;

/** The owner zeroes the struct, sets `run`, and keeps it until it is not queued and not running
 * (work_cancel()). */
struct work {
    struct list_node link;
    void (*run)(struct work *self); /* in a work thread at PRIO_HIGH; may sleep briefly, better not.
                                       Never twice at the same time. */
    _Atomic(struct worker *)
        home;          /* private: whose it is while it is queued or runs. Release, under
                          the old one's lock; acquire, and looked at again under a lock */
    bool queued;       /* private */
    bool is_cancelled; /* private: being taken back; work that runs does not queue itself again */
};

/** @brief Start a CPU's work thread. What was queued there before runs then.
 *  @return OK, E_NOMEM: its work is the boot CPU's. @context{thread; once a CPU} */
enum status work_start(cpu_t cpu);
/** @brief Have it run by this CPU's work thread, unless it is queued already; a work that runs may
 * queue itself, and then runs where it did. It may be queued before work_start().
 * @return false: it was queued, or is being taken back. @context{any, IRQ-safe}
 */
bool work_queue(struct work *w);
/** @brief A timer's function: queue the work that is its `ctx`. With timer.period_ns, a thread does
 * it ever again. @context{IRQ} */
void work_queue_by_timer(struct timer *t);
/** @brief Take it back and wait until it does not run. @pre nobody else than itself queues it
 * meanwhile, which then does nothing.
 *  @context{thread, not from work, may sleep} */
void work_cancel(struct work *w);
