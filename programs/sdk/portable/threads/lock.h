// SPDX-License-Identifier: MIT
//
// A lock of 32 bits: 0 free, 1 held, 2 held and perhaps waited for.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FOREVER (-1LL)

/* @return false: no thread has released it for so many nanoseconds. */
static inline bool lock_word_within(int32_t *word, int64_t ns)
{
    int32_t seen = 0;
    if (__atomic_compare_exchange_n(word, &seen, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        return true;
    }
    while (__atomic_exchange_n(word, 2, __ATOMIC_SEQ_CST) != 0) {
        if (__builtin_wasm_memory_atomic_wait32(word, 2, ns) == 2) {
            return false;
        }
    }
    return true;
}

static inline void lock_word(int32_t *word)
{
    (void)lock_word_within(word, FOREVER);
}

static inline void unlock_word(int32_t *word)
{
    if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) == 2) {
        __builtin_wasm_memory_atomic_notify(word, 1);
    }
}
