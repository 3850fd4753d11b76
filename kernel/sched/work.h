// SPDX-License-Identifier: MIT
//
// Work put off from interrupt handlers to a thread: handlers acknowledge and queue, completions run
// here.
#pragma once

#include "kernel/lib/list.h"

#include <stdbool.h>

/** The owner zeroes the struct, sets `run`, and keeps it until it is not queued and not running
 * (work_cancel()). */
struct work {
    struct list_node link;
    void (*run)(struct work *self); /* in the work thread at PRIO_HIGH; may sleep briefly,
                                       better not */
    bool queued;                    /* private */
    bool is_cancelled; /* private: being taken back; work that runs does not queue itself again */
};

/** @brief Start the work thread, on the boot CPU. @context{once, after sched_init()} */
void work_init(void);
/** @brief Queue it unless it is queued already; a work that runs may queue itself. It may be queued
 * before work_init(), and then runs after it. @return false: it was queued, or is being taken back.
 * @context{any, IRQ-safe}
 */
bool work_queue(struct work *w);
/** @brief Take it back and wait until it does not run. @pre nobody else than itself queues it
 * meanwhile, which then does nothing.
 *  @context{thread, not from work, may sleep} */
void work_cancel(struct work *w);
