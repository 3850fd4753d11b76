// SPDX-License-Identifier: MIT
//
// Waiting for several wait queues at once: one thread sleeps until any of them is woken.
//
//   wait_set_init(&set);
//   wait_set_add(&set, &watches[i], queue); // for each
//   while (!condition) {                    // tested after the queues were added
//       enum status st = wait_set_wait(&set, deadline_ns);
//       if (st != OK) { break; }
//   }
//   wait_set_remove(&watches[i]);           // for each
#pragma once

#include "kernel/sched/wait.h"

/* Field protection:  [q] queue.lock */
struct wait_set {
    struct wait_queue queue;
    bool is_woken; /* [q] one of the queues was woken since the last wait */
};

/* Field protection:  [I] set when it is added   [q] watched->lock */
struct wait_watch {
    struct wait_queue *watched; /* [I] */
    struct wait_set *set;       /* [I] */
    struct wait_watch *next;    /* [q] of the same queue */
};

/** @context{any} */
void wait_set_init(struct wait_set *set);

/** @brief Watch a queue, which exists until wait_set_remove(). wait_wake_all() and
 *     wait_wake_all_locked() of it wake the set; wait_wake_one() does not, because it would have to
 *     choose. @context{thread} */
void wait_set_add(struct wait_set *set, struct wait_watch *w, struct wait_queue *q);

/** @brief Afterwards the queue does not wake the set. @context{thread} */
void wait_set_remove(struct wait_watch *w);

/** @brief Sleep until a queue is woken, or return at once if one was since the last call.
 * @return OK: test the conditions again; E_TIMEDOUT; E_CANCELLED. @context{thread, may sleep} */
enum status wait_set_wait(struct wait_set *set, uint64_t deadline_ns);
