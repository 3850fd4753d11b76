// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * @brief Whether a thread may be inside this code: running it, or to return to it. Any word of a
 * stack may be a return address, so the answer may be yes without need.
 * @pre No new call of the code begins. The caller holds no lock of a program: one whose thread has
 * a deep stack is suspended until that is searched.
 * @context{thread, may sleep}
 */
bool code_is_in_use(uintptr_t lo, uintptr_t hi);

/** @brief The most words of a stack that were searched at once since boot. A CPU is stopped for no
 * longer than that takes. @context{any} */
uint32_t code_longest_search(void);

/**
 * @brief Call fn while a thread is interrupted or waits, unless it may be inside this code. The
 * thread sees what fn writes, in its instructions, too.
 * @param lo, hi  No call returns to an address between them. May be equal: then it is not inside.
 * @param fn  Interrupts are masked, and perhaps its run queue is locked.
 * @return OK; E_BUSY: it may be inside; E_NOENT: there is no such thread.
 * @context{thread, may sleep}
 */
enum status code_change(uint32_t thread, uintptr_t lo, uintptr_t hi, void (*fn)(void *arg),
                        void *arg);
