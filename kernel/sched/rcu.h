// SPDX-License-Identifier: MIT
//
// Read sections: what is read often and changed seldom, by any number of CPUs, without a lock and
// without a write to anything shared. A reader marks where it looks; who takes something out of
// sight waits until all that could see it have gone on, and then gives its memory back.
//
//     rcu_read_begin();                              mutex_lock(&lock);
//     RCU_LIST_FOR_EACH (&list, n) { ... }           rcu_list_remove(&member->link);
//     rcu_read_end();                                mutex_unlock(&lock);
//                                                    rcu_synchronize();
//                                                    heap_free(member);
//
// A read section is code with preemption off, so that is all that it costs, and all that it may
// not do: sleep. Code with interrupts masked is one, too: handlers and fault handlers need no mark.
#pragma once

#include "kernel/base/spinlock.h"
#include "kernel/lib/list.h"

#include <stdatomic.h>

/** @brief Begin to read; nests. @context{any} */
static inline void rcu_read_begin(void)
{
    preempt_disable();
}

/** @brief What was read may be gone from here on. @context{any} */
static inline void rcu_read_end(void)
{
    preempt_enable();
}

/** @brief Wait until all read sections that have begun have ended. What the caller took out of
 * sight before is seen by nobody then.
 * @context{thread that holds no spinlock, in no read section, interrupts enabled; may sleep} */
void rcu_synchronize(void);

/** Called later. The owner keeps the struct until then. */
struct rcu_call {
    struct list_node link;              /* private */
    void (*run)(struct rcu_call *self); /* in the work thread; may free the struct */
};

/** @brief Have c->run called once all read sections that have begun have ended: for who may not
 * wait. @context{any, IRQ-safe} */
void rcu_call_later(struct rcu_call *c);

/* --- a list that is changed under its owner's lock, and walked in read sections --- */

/* A link that others follow meanwhile. */
static ALWAYS_INLINE _Atomic(struct list_node *) *rcu_link(struct list_node *const *link)
{
    return (_Atomic(struct list_node *) *)(uintptr_t)link;
}

/** Release pairs with the acquire of who comes to `n`: its member is filled in. */
static inline void rcu_list_push_back(struct list *l, struct list_node *n)
{
    struct list_node *before = l->head.prev;
    n->prev = before;
    n->next = &l->head;
    l->head.prev = n;
    atomic_store_explicit(rcu_link(&before->next), n, memory_order_release);
}

static inline void rcu_list_push_front(struct list *l, struct list_node *n)
{
    struct list_node *after = l->head.next;
    n->prev = &l->head;
    n->next = after;
    after->prev = n;
    atomic_store_explicit(rcu_link(&l->head.next), n, memory_order_release);
}

/** Who is at `n` still goes on from it. */
static inline void rcu_list_remove(struct list_node *n)
{
    n->next->prev = n->prev;
    atomic_store_explicit(rcu_link(&n->prev->next), n->next, memory_order_release);
}

static inline struct list_node *rcu_list_next(const struct list_node *n)
{
    return atomic_load_explicit(rcu_link(&n->next), memory_order_acquire);
}

#define RCU_LIST_FOR_EACH(l, n)                                                                    \
    for (struct list_node *n = rcu_list_next(&(l)->head); n != &(l)->head; n = rcu_list_next(n))
