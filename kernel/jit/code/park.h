// SPDX-License-Identifier: MIT
//
// Waiting for a word of a program's memory to change, until another thread that changed it
// notifies. Threads wait at addresses, so all threads that share a memory share its waiters.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** How waiting ended. */
enum park_result {
    PARK_NOTIFIED,
    PARK_DIFFERS, /**< the word had another value: nothing was waited for */
    PARK_TIMED_OUT,
    PARK_CANCELLED, /**< the program is ending */
};

/**
 * @brief Wait at an address. A notification after the comparison is not missed.
 * @param at       A multiple of `bytes`; readable, and stays so.
 * @param bytes    4 or 8.
 * @param expected Wait only if the word equals it.
 * @param timeout_ns Negative: without a limit.
 * @context{thread that holds nothing, may sleep}
 */
enum park_result park_wait(const void *at, unsigned bytes, uint64_t expected, int64_t timeout_ns);

/** @brief Wake threads that wait at the address, those first that came first. @param most  At most
 * so many. @return how many. @context{thread} */
uint32_t park_notify(const void *at, uint32_t most);

/** A lock for threads of programs, on the host as well. All zero: it is free. */
struct park_lock {
    uint32_t state; /* private: 0 free, 1 held, 2 held and perhaps waited for */
};

/** @brief Take the lock. @return false: the program is ending. @context{thread, may sleep} */
bool park_lock(struct park_lock *l);
void park_unlock(struct park_lock *l);
