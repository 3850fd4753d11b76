// SPDX-License-Identifier: MIT
//
// Intrusive doubly linked list with a head. No allocation; O(1) everywhere.
#pragma once

#include "kernel/lib/compiler.h"

#include <stdbool.h>

struct list_node {
    struct list_node *next, *prev; /* both NULL while in no list */
};

struct list {
    struct list_node head; /* circular: an empty list points at itself */
};

#define LIST_INIT(name)                                                                            \
    {                                                                                              \
        {                                                                                          \
            &(name).head, &(name).head                                                             \
        }                                                                                          \
    }

static inline void list_init(struct list *l)
{
    l->head.next = l->head.prev = &l->head;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->head.next == &l->head;
}

static inline bool list_is_linked(const struct list_node *n)
{
    return n->next != NULL;
}

/** Insert `n` before `at`, which is in a list or is a list's head. */
static inline void list_insert_before(struct list_node *at, struct list_node *n)
{
    /* Read once: the compiler cannot exclude that `n` aliases it. */
    struct list_node *before = at->prev;
    n->prev = before;
    n->next = at;
    before->next = n;
    at->prev = n;
}

static inline void list_push_back(struct list *l, struct list_node *n)
{
    list_insert_before(&l->head, n);
}

static inline void list_push_front(struct list *l, struct list_node *n)
{
    list_insert_before(l->head.next, n);
}

/** Remove `n` from its list. */
static inline void list_remove(struct list_node *n)
{
    struct list_node *before = n->prev, *after = n->next;
    before->next = after;
    after->prev = before;
    n->next = n->prev = NULL;
}

/** First node, or NULL. */
static inline struct list_node *list_first(const struct list *l)
{
    return list_is_empty(l) ? NULL : l->head.next;
}

/** Remove and return the first node, or NULL. */
static inline struct list_node *list_pop_front(struct list *l)
{
    struct list_node *n = list_first(l);
    if (n != NULL) {
        list_remove(n);
    }
    return n;
}

/** Remove the first node of a list that is not empty, leaving its links unchanged: for nodes whose
 * owner never calls list_is_linked(). */
static inline struct list_node *list_take_front(struct list *l)
{
    struct list_node *n = l->head.next, *after = n->next;
    l->head.next = after;
    after->prev = &l->head;
    return n;
}

/** Node after `n`, or NULL at the end. */
static inline struct list_node *list_next(const struct list *l, const struct list_node *n)
{
    return n->next == &l->head ? NULL : n->next;
}

#define LIST_FOR_EACH(l, n) for (struct list_node *n = (l)->head.next; n != &(l)->head; n = n->next)

/** The body may remove `n` from the list. */
#define LIST_FOR_EACH_SAFE(l, n)                                                                   \
    for (struct list_node *n = (l)->head.next, *n##_next = n->next; n != &(l)->head;               \
         n = n##_next, n##_next = n->next)
