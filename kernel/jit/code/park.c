// SPDX-License-Identifier: MIT
//
// Parked threads of the kernel. All programs share the kernel's address space, so an address names
// a word of one program only, and one table serves all. A bucket has the threads that wait at its
// addresses, in the order in which they came.
#include "kernel/jit/code/park.h"

#include "kernel/base/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/sched/wait.h"

#define BUCKETS 64u

/* The protocol is that of a futex. The waiter compares the word under the bucket's lock and enters
 * the list before it releases the lock; the notifier has changed the word before it takes the same
 * lock. So either the waiter sees the new value, or the notifier finds the waiter. A wake-up cannot
 * be lost in between.
 *
 * The waiter is on the stack of the waiting thread. Either park_notify() or leave() removes it from
 * the list, both under the lock, so exactly one of them does. leave() takes the lock even after a
 * notification, so park_wait() cannot return while the notifier still uses the struct. A killed
 * thread gets E_CANCELLED from the wait and leaves the list in the same way.
 *
 * Waiters of different addresses share a bucket; comparing `at` separates them. A program can make
 * many threads wait in one bucket, up to the limit of threads (WASM_THREADS_MAX for each program),
 * which bounds the time under the lock. */
struct waiter {
    struct list_node link; /* [b] */
    const void *at;
    struct completion notified;
    bool is_parked; /* [b] in the list */
};

/* Field protection:  [b] lock */
struct bucket {
    struct spinlock lock;
    struct list waiters; /* [b] oldest first */
};

static struct bucket buckets[BUCKETS] = {
    [0 ... BUCKETS - 1] = {.lock = SPINLOCK_INIT_NAMED("parked threads")},
};

/* Fibonacci hashing: the top 6 bits of the product, for 64 buckets. Words are aligned to 4, so the
 * two lowest bits say nothing. */
static struct bucket *bucket_of(const void *at)
{
    uint64_t hash = (uintptr_t)at / 4 * UINT64_C(0x9e3779b97f4a7c15);
    return &buckets[hash >> 58];
}

/* The lists have no static initial value: each is initialised when it is first used. */
static struct list *list_of(struct bucket *b) REQUIRES(b->lock)
{
    if (b->waiters.head.next == NULL) {
        list_init(&b->waiters);
    }
    return &b->waiters;
}

static uint64_t read_word(const void *at, unsigned bytes)
{
    return bytes == 4 ? __atomic_load_n((const uint32_t *)at, __ATOMIC_SEQ_CST)
                      : __atomic_load_n((const uint64_t *)at, __ATOMIC_SEQ_CST);
}

static uint64_t deadline_after(int64_t timeout_ns)
{
    uint64_t deadline;
    if (timeout_ns < 0 || __builtin_add_overflow(clock_now_ns(), (uint64_t)timeout_ns, &deadline)) {
        return WAIT_FOREVER;
    }
    return deadline;
}

/* Under the lock a page must not be missing, so the word is read once before: pages stay. The first
 * read maps the page, if it is missing, where the thread may wait for that; the second one
 * decides. */
static bool park(struct bucket *b, struct waiter *w, unsigned bytes, uint64_t expected)
{
    if (read_word(w->at, bytes) != expected) {
        return false;
    }
    irq_state_t state = spin_lock_irq(&b->lock);
    bool is_equal = read_word(w->at, bytes) == expected;
    if (is_equal) {
        w->is_parked = true; /* until the lock is released: then another thread may notify it */
        list_push_back(list_of(b), &w->link);
    }
    spin_unlock_irq(&b->lock, state);
    return is_equal;
}

/* @return whether it was still parked. The lock also waits for the thread that notifies, which uses
 * the waiter until it releases the lock. */
static bool leave(struct bucket *b, struct waiter *w)
{
    irq_state_t state = spin_lock_irq(&b->lock);
    bool was_parked = w->is_parked;
    if (was_parked) {
        list_remove(&w->link);
    }
    spin_unlock_irq(&b->lock, state);
    return was_parked;
}

enum park_result park_wait(const void *at, unsigned bytes, uint64_t expected, int64_t timeout_ns)
{
    struct waiter w = {.at = at};
    struct bucket *b = bucket_of(at);
    uint64_t deadline_ns = deadline_after(timeout_ns);
    completion_init(&w.notified, "memory");
    if (!park(b, &w, bytes, expected)) {
        return PARK_DIFFERS;
    }
    enum status s = completion_wait(&w.notified, deadline_ns);
    return !leave(b, &w) ? PARK_NOTIFIED : s == E_CANCELLED ? PARK_CANCELLED : PARK_TIMED_OUT;
}

uint32_t park_notify(const void *at, uint32_t most)
{
    struct bucket *b = bucket_of(at);
    uint32_t woken = 0;
    irq_state_t state = spin_lock_irq(&b->lock);
    LIST_FOR_EACH_SAFE (list_of(b), n) {
        struct waiter *w = CONTAINER_OF(n, struct waiter, link);
        if (woken == most) {
            break;
        }
        if (w->at == at) {
            list_remove(&w->link);
            w->is_parked = false;
            completion_signal(&w->notified);
            woken++;
        }
    }
    spin_unlock_irq(&b->lock, state);
    return woken;
}
