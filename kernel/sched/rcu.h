// SPDX-License-Identifier: MIT
//
// Read sections (RCU): data that many CPUs read and few change, without a lock and without a write
// to shared memory. A reader marks its section; a writer removes an element, waits until all
// readers that could have seen it have left their sections, and then frees it.
//
//   rcu_read_begin();                             mutex_lock(&lock);
//   RCU_LIST_FOR_EACH (&list, n) { ... }          rcu_list_remove(&member->link);
//   rcu_read_end();                               mutex_unlock(&lock);
//                                                 rcu_synchronize();
//                                                 heap_free(member);
//
// A read section is code with preemption off. That is its whole cost, and its restriction:
// it must not sleep. Code with interrupts masked is a read section too, so interrupt and
// fault handlers need no mark.
#pragma once

#include "kernel/base/spinlock.h"
#include "kernel/lib/list.h"

#include <stdatomic.h>

/** @brief Begin a read section; nests. @context{any} */
static inline void rcu_read_begin(void)
{
    preempt_disable();
}

/** @brief End it. The elements that were read may be freed from here on. @context{any} */
static inline void rcu_read_end(void)
{
    preempt_enable();
}

/** @brief Wait until all read sections that have begun have ended. No reader sees then what the
 *     caller removed before.
 * @context{thread that holds no spinlock, in no read section, interrupts enabled; may sleep} */
void rcu_synchronize(void);

/** @brief Another CPU may wait in rcu_synchronize(): tell it whether this one is in a read section.
 * @context{IRQ} */
void rcu_answer(void);

/** A deferred callback. The owner keeps the struct until it is called. */
struct rcu_call {
    struct list_node link;              /* private */
    void (*run)(struct rcu_call *self); /* in the work thread; may free the struct */
};

/** @brief Call c->run once all read sections that have begun have ended: for callers that must not
 *     wait, such as a file system that frees a node under its lock. It takes 10 ms longer than the
 *     read sections, because one grace period serves all calls of that time; 1,000 calls start it
 *     at once.
 * @context{any, IRQ-safe} */
void rcu_call_later(struct rcu_call *c);

/** @brief Start the grace period for the calls that were put off, because memory is short. Does not
 *     wait for it. @context{any, IRQ-safe} */
void rcu_hurry(void);

/** @brief Wait until all calls that rcu_call_later() got before this have run. The memory that they
 * free is then free.
 * @context{thread, not from work; as rcu_synchronize()} */
void rcu_barrier(void);

/* --- a list that is changed under its owner's lock and walked in read sections --- */

/* A link that readers follow concurrently. */
static ALWAYS_INLINE _Atomic(struct list_node *) *rcu_link(struct list_node *const *link)
{
    return (_Atomic(struct list_node *) *)(uintptr_t)link;
}

/** Release pairs with the acquire in rcu_list_next(): a
 * reader that reaches `n` sees its member initialised. */
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

/** `n` keeps its own links, so a reader that is at `n` can continue from it. */
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
