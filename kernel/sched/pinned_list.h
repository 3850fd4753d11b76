// SPDX-License-Identifier: MIT
//
// A list whose members are used without a lock held, for as long as that takes: who walks it pins
// the member it is at, and who removes a member waits until nobody is there.
//
//     for (struct pinned_node *n = NULL; (n = pinned_next(&list, n)) != NULL;) { ... }
//
// A walk that is left early ends with pinned_put().
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
    bool leaving;          /* [q] no walk comes to it any more */
};

/** A static list, empty. @param label  Static string: what `ps` says a remover waits on. */
#define PINNED_LIST_INIT(self, label)                                                              \
    {                                                                                              \
        .queue = WAIT_QUEUE_INIT((self).queue, label), .members = LIST_INIT((self).members)        \
    }

/** @brief Add a member at the end; walks that have not ended may see it. @context{any} */
void pinned_add(struct pinned_list *list, struct pinned_node *n);

/** @brief Go on to the member after `from` (NULL: the first) and pin it; the pin of `from` ends.
 *  @return NULL: that was the last. @context{any} */
struct pinned_node *pinned_next(struct pinned_list *list, struct pinned_node *from);

/** @brief End a walk at `n`. @context{any} */
void pinned_put(struct pinned_list *list, struct pinned_node *n);

/** @brief Take a member out: no walk comes to it any more, and those that are at it have gone on
 * when this returns. @pre the caller is at none of the list's members. @context{thread, may sleep}
 */
void pinned_remove(struct pinned_list *list, struct pinned_node *n);
