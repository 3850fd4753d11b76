// SPDX-License-Identifier: MIT
//
// The runtime of the address sanitizer, for kernels of the -asan presets: one byte of shadow for
// each eight bytes of memory records which of them may be accessed. Compiled code checks it
// before each access; these functions mark memory as allocated, freed, or a fence. In other
// builds they do nothing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What poisoned memory is; kind_name() has the text for reports. Smaller values are LLVM's, for
 * stacks and globals. */
enum asan_kind {
    ASAN_HEAP_FENCE = 0xfa,
    ASAN_HEAP_FREED = 0xfd,
    ASAN_PAGE_FREED = 0xfe,
};

#ifdef HALYARD_ADDRESS

/** @brief Map shadow for all RAM and for the first ranges; from here on accesses are checked.
 * @context{early, once, after heap_init()} */
void asan_open(void);

/** @brief Make sure that pages about to be mapped have shadow. @return false: out of memory.
 * @context{as page_alloc} */
bool asan_cover(uint64_t va, uint64_t bytes);

/**
 * @brief Handle a fault on missing shadow: map shadow that allows all accesses. Needed for ranges
 *     whose pages are mapped when touched.
 * @param va The faulting address. @return false: not shadow, or out of memory.
 * @context{fault handler}
 */
bool asan_touch(uint64_t va);

/** @brief Forbid access to the whole 8-byte pieces in the range; the rest is unchanged.
 *     @context{any} */
void asan_poison(const void *p, size_t len, enum asan_kind kind);
/** @brief Allow access to the range; p is a multiple of eight. @context{any} */
void asan_unpoison(const void *p, size_t len);

#else

static inline void asan_open(void)
{
}
static inline bool asan_cover(uint64_t va, uint64_t bytes)
{
    (void)va;
    (void)bytes;
    return true;
}
static inline bool asan_touch(uint64_t va)
{
    (void)va;
    return false;
}
static inline void asan_poison(const void *p, size_t len, enum asan_kind kind)
{
    (void)p;
    (void)len;
    (void)kind;
}
static inline void asan_unpoison(const void *p, size_t len)
{
    (void)p;
    (void)len;
}

#endif
