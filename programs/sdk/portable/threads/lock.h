// SPDX-License-Identifier: MIT
//
// A lock of 32 bits: 0 free, 1 held, 2 held and perhaps waited for.
#pragma once

#include <stdint.h>

#define FOREVER (-1LL)

static inline void lock_word(int32_t *word)
{
    int32_t seen = 0;
    if (__atomic_compare_exchange_n(word, &seen, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        return;
    }
    while (__atomic_exchange_n(word, 2, __ATOMIC_SEQ_CST) != 0) {
        __builtin_wasm_memory_atomic_wait32(word, 2, FOREVER);
    }
}

static inline void unlock_word(int32_t *word)
{
    if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) == 2) {
        __builtin_wasm_memory_atomic_notify(word, 1);
    }
}
