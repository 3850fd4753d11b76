// SPDX-License-Identifier: MIT
//
// Fault injection for allocations: debug builds ask before each one (a heap object, a run of
// frames, a range of addresses) whether it should fail. tests/kernel/failure_walk.c makes every
// allocation of an operation fail in turn.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef HALYARD_DEBUG
/**
 * @brief Make the nth allocation from now on fail, on any CPU and in any thread.
 * @param nth 1: the next one.
 * @param and_all Fail all allocations after it, too.
 * @context{thread; one at a time}
 */
void failure_arm(uint64_t nth, bool and_all);

/**
 * @brief Stop failing and counting allocations until failure_resume() or failure_arm(): for steps
 *     that must succeed, such as cleaning up.
 * @return whether any allocation could have failed; pass it to failure_resume().
 * @context{thread}
 */
bool failure_pause(void);

/** @brief Continue after failure_pause(), if that returned true. @context{thread} */
void failure_resume(bool is_armed);

/** @brief As failure_pause(). @return the number of allocations that failed since failure_arm().
 *     @context{thread} */
uint64_t failure_disarm(void);

/** @brief True if the allocation that the caller is about to make should fail. @context{any} */
bool failure_is_due(void);
#else
static inline bool failure_pause(void)
{
    return false;
}

static inline void failure_resume(bool is_armed)
{
    (void)is_armed;
}

static inline bool failure_is_due(void)
{
    return false;
}
#endif
