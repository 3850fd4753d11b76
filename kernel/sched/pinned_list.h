// SPDX-License-Identifier: MIT
//
// A list whose members may be used for any length of time without a lock: a walk pins the member
// that it is at, and a thread that removes a member waits until no walk is at it.
//
//   for (struct pinned_node *n = NULL; (n = pinned_next(&list, n)) != NULL;) { ... }
//
// A walk that ends early has to call pinned_put().
#pragma once

#include "kernel/sched/wait.h"

/** Field protection:  [q] queue.lock */
struct pinned_list {
    struct wait_queue queue;
    struct list members; /* [q] */
};

/** Part of each member; private. */
struct pinned_node {
    struct list_node link; /* [q] */
    uint32_t pins;         /* [q] walks that are at it */
    bool leaving;          /* [q] being removed: no further walk reaches it */
};

/** An empty static list. @param label Static string:
 * `ps` shows it for a thread that removes a member. */
#define PINNED_LIST_INIT(self, label)                                                              \
    {                                                                                              \
        .queue = WAIT_QUEUE_INIT((self).queue, label), .members = LIST_INIT((self).members)        \
    }

/** @brief Add a member at the end; current walks may see it. @context{any} */
void pinned_add(struct pinned_list *list, struct pinned_node *n);

/** @brief Pin and return the member after `from` (NULL: the first), and unpin `from`.
 * @return NULL: the list ends here. @context{any} */
struct pinned_node *pinned_next(struct pinned_list *list, struct pinned_node *from);

/** @brief End a walk at `n`. @context{any} */
void pinned_put(struct pinned_list *list, struct pinned_node *n);

/** @brief Remove a member: no further walk reaches it, and when this returns no walk is at it.
 *     @pre the caller has pinned no member of the list. @context{thread, may sleep} */
void pinned_remove(struct pinned_list *list, struct pinned_node *n);
