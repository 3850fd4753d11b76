// SPDX-License-Identifier: MIT
//
// Allocations are counted down from where the test begins. What other threads ask for meanwhile is
// counted with it: they have to live with a failure as well.
#include "kernel/debug/fault_injection.h"

#ifdef HALYARD_DEBUG

#include <stdatomic.h>

/* Release where it is set: who sees it, by an acquire, sees what follows here. */
static _Atomic bool armed;
/* Relaxed, these: they guard nothing, and who arms and disarms waits for the threads he started. */
static _Atomic bool all_that_follow;
static _Atomic int64_t left;    /* relaxed; until the one that fails, and below 1 after it */
static _Atomic uint64_t failed; /* relaxed; a count */

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
