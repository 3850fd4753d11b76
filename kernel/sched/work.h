// SPDX-License-Identifier: MIT
//
// Work put off from interrupt handlers to a thread: handlers acknowledge and queue, completions run here.
#pragma once

#include "kernel/lib/list.h"

#include <stdbool.h>

/** The owner keeps the struct until it is not queued and not running (work_cancel()). */
struct work {
    struct list_node link;
    void (*run)(struct work *self); /* in the CPU's work thread at PRIO_HIGH; may sleep briefly, better not */
    bool queued;                    /* private */
};

/** @brief Start the work thread of this CPU. @context{once, after sched_init()} */
void work_init(void);
/** @brief Queue it unless it is queued already. @return false: it was. @context{any, IRQ-safe} */
bool work_queue(struct work *w);
/** @brief Take it back and wait until it does not run. @context{thread, may sleep} */
void work_cancel(struct work *w);
