// SPDX-License-Identifier: MIT
//
// Memory that runs out where a test says so: debug builds ask at each allocation (a heap object, a
// run of frames, a range of addresses) whether it is to fail. tests/kernel/failure_walk.c walks
// what the kernel does through every one of them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef HALYARD_DEBUG
/**
 * @brief From now on the nth allocation fails, whoever asks for it on whatever CPU.
 * @param nth      1: the next one.
 * @param and_all  All that follow it fail, too.
 * @context{thread; one at a time}
 */
void failure_arm(uint64_t nth, bool and_all);

/**
 * @brief No allocation fails or is counted any more, until failure_resume() or failure_arm(): what
 * has to be done whatever happens, as taking away what is left.
 * @return whether any could; for failure_resume().
 * @context{thread}
 */
bool failure_pause(void);

/** @brief Go on where failure_pause() was, if it said so. @context{thread} */
void failure_resume(bool is_armed);

/** @brief As failure_pause(). @return how many failed since failure_arm(). @context{thread} */
uint64_t failure_disarm(void);

/** @brief Is the allocation that asks to fail? @context{any} */
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
