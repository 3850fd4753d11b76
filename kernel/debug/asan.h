// SPDX-License-Identifier: MIT
//
// The address sanitizer's runtime, for kernels of the presets with -asan: a byte of shadow for each
// eight bytes says which of them may be used. Compiled code asks before each access; here is what
// tells it that memory was taken, given back, or is a fence. In other builds all of this is
// nothing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What is poisoned, in words for the report. Below: LLVM's numbers for stacks and globals. */
enum asan_kind {
    ASAN_HEAP_FENCE = 0xfa,
    ASAN_HEAP_FREED = 0xfd,
    ASAN_PAGE_FREED = 0xfe,
};

#ifdef HALYARD_ADDRESS

/** @brief Shadow for all RAM and for where ranges will be; from here on accesses are checked.
 * @context{early, once, after heap_init()} */
void asan_open(void);

/** @brief Make sure that pages about to be mapped have shadow. @return false: no memory.
 * @context{as page_alloc} */
bool asan_cover(uint64_t va, uint64_t bytes);

/**
 * @brief Have shadow, by which all may be used, where a check looked for some and found none: of a
 * range whose pages come when they are touched, it comes so, too.
 * @param va  What faulted. @return false: it is no shadow, or there is no memory.
 * @context{fault handler}
 */
bool asan_touch(uint64_t va);

/** @brief Whole pieces of eight bytes in it may not be used; the rest is left. @context{any} */
void asan_poison(const void *p, size_t len, enum asan_kind kind);
/** @brief All of it may be used, p is a multiple of eight. @context{any} */
void asan_unpoison(const void *p, size_t len);

/** @brief No access is checked any more: a report may look at anything. @context{any} */
void asan_stop(void);

/** Private to string.c, whose loops are not checked one by one. */
extern bool asan_is_on;
void asan_check_range(const void *p, size_t len, bool is_write, const void *pc);

#define ASAN_CHECK(p, len, is_write)                                                               \
    do {                                                                                           \
        if (asan_is_on) {                                                                          \
            asan_check_range(p, len, is_write, __builtin_return_address(0));                       \
        }                                                                                          \
    } while (0)

#else

static inline void asan_open(void)
{
}
static inline void asan_stop(void)
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

#define ASAN_CHECK(p, len, is_write) ((void)0)

#endif
