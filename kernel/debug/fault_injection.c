// SPDX-License-Identifier: MIT
//
// Counts allocations down from the point where a test armed it. Allocations of other threads count
// too; they have to survive a failure as well.
#include "kernel/debug/fault_injection.h"

#ifdef HALYARD_DEBUG

#include <stdatomic.h>

/* Release when set: a thread that sees it with acquire also sees the variables below. */
static _Atomic bool armed;
/* Relaxed: these protect no other data, and the thread that arms and disarms waits for the threads
 * that it started. */
static _Atomic bool all_that_follow;
static _Atomic int64_t left;    /* relaxed; 1: the next allocation fails; below 1 after that */
static _Atomic uint64_t failed; /* relaxed: a count */

void failure_arm(uint64_t nth, bool and_all)
{
    atomic_store_explicit(&failed, 0, memory_order_relaxed);
    atomic_store_explicit(&left, (int64_t)nth, memory_order_relaxed);
    atomic_store_explicit(&all_that_follow, and_all, memory_order_relaxed);
    atomic_store_explicit(&armed, true, memory_order_release);
}

bool failure_pause(void)
{
    return atomic_exchange_explicit(&armed, false, memory_order_relaxed);
}

void failure_resume(bool is_armed)
{
    atomic_store_explicit(&armed, is_armed, memory_order_release);
}

uint64_t failure_disarm(void)
{
    (void)failure_pause();
    return atomic_load_explicit(&failed, memory_order_relaxed);
}

bool failure_is_due(void)
{
    if (!atomic_load_explicit(&armed, memory_order_acquire)) {
        return false;
    }
    int64_t before = atomic_fetch_sub_explicit(&left, 1, memory_order_relaxed);
    bool is_due =
        before == 1 || (before < 1 && atomic_load_explicit(&all_that_follow, memory_order_relaxed));
    if (is_due) {
        (void)atomic_fetch_add_explicit(&failed, 1, memory_order_relaxed);
    }
    return is_due;
}

#endif
