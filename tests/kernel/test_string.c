// SPDX-License-Identifier: MIT
//
// This machine's memcpy(), memmove() and memset(), the kernel's and those of loaded programs:
// every short length at every alignment and overlap, and long ones, which use another method. The
// buffers end at unmapped pages, so that one byte too many faults. (tests/unit/test_string.c
// tests the portable versions.)
#include "kernel/jit/backend.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#define ROOM       (PAGE_SIZE / sizeof(uint64_t))
#define ALIGNMENTS 9u

struct copies {
    void *(*copy)(void *dst, const void *src, size_t n);
    void *(*move)(void *dst, const void *src, size_t n);
    void *(*set)(void *dst, int byte, size_t n);
};

static const struct copies all_copies[] = {
    {memmove, memmove, memset},
    {jit_runtime_memmove, jit_runtime_memmove, jit_runtime_memset},
};

/* Lengths on both sides of each size at which the routines change their method. */
static const size_t lengths[] = {
    0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  15,  16,  17,  23,
    24,  31,  32,  33,  40,  47,  48,  49,  63,  64,  65,  79,  80,  81,  95,  96,  97,  112, 127,
    128, 129, 130, 135, 136, 143, 144, 145, 160, 207, 208, 209, 255, 256, 257, 271, 272, 273, 300};

/** Byte `at` of a pattern in which no two neighbouring bytes or words are equal. */
static uint8_t pattern(size_t at, unsigned seed)
{
    return (uint8_t)(at * 7 + (at >> 5) + seed);
}

static void fill(uint8_t *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = pattern(i, seed);
    }
}

/** Is p[0..n) the pattern, except that [to, to + len) holds the pattern's bytes from `from` on? */
static bool is_moved(const uint8_t *p, size_t n, size_t to, size_t from, size_t len, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        size_t of = i >= to && i < to + len ? i - to + from : i;
        if (p[i] != pattern(of, seed)) {
            return false;
        }
    }
    return true;
}

/** Move within one buffer, in either direction. */
static bool moves(const struct copies *c, uint8_t *p, size_t to, size_t from, size_t len)
{
    size_t n = (to > from ? to : from) + len + 24;
    fill(p, n, (unsigned)len);
    return c->move(p + to, p + from, len) == p + to && is_moved(p, n, to, from, len, (unsigned)len);
}

static bool moves_every_way(const struct copies *c, uint8_t *p, size_t len)
{
    bool ok = true;
    for (size_t from = 0; from < ALIGNMENTS; from++) {
        for (size_t distance = 0; distance < 20; distance++) {
            ok &=
                moves(c, p, from + distance, from, len) && moves(c, p, from, from + distance, len);
        }
        ok &= moves(c, p, 400 + from, 3, len) && moves(c, p, 5, 400 + from, len);
    }
    return ok;
}

static void every_length_alignment_and_overlap_is_moved(void)
{
    uint8_t *p = vm_alloc(PAGE_SIZE, PAGE_OTHER, "test");
    for (size_t i = 0; i < sizeof(all_copies) / sizeof(*all_copies) && p != NULL; i++) {
        for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
            if (!moves_every_way(&all_copies[i], p, lengths[l])) {
                test_fail(__FILE__, __LINE__, "copies %zu, %zu bytes", i, lengths[l]);
            }
        }
        TEST_CHECK(moves(&all_copies[i], p, 1, 0, 3000));
        TEST_CHECK(moves(&all_copies[i], p, 0, 1, 3000));
        TEST_CHECK(moves(&all_copies[i], p, 1000, 17, 2500));
    }
    TEST_CHECK(p != NULL);
    vm_free(p);
}

static bool sets_to(const struct copies *c, uint8_t *p, size_t at, size_t len, int byte)
{
    size_t n = at + len + 24;
    fill(p, n, 3);
    bool ok = c->set(p + at, byte, len) == p + at;
    for (size_t i = 0; i < n; i++) {
        ok &= p[i] == (i >= at && i < at + len ? (uint8_t)byte : pattern(i, 3));
    }
    return ok;
}

/* Many zeroes are written by a different method. */
static bool sets(const struct copies *c, uint8_t *p, size_t at, size_t len)
{
    return sets_to(c, p, at, len, 0x1a5) && sets_to(c, p, at, len, 0x100);
}

static const size_t long_lengths[] = {1023, 1024, 1025, 1088, 1500, 2047, 2048, 2049, 3333};

static void every_length_and_alignment_is_set(void)
{
    uint8_t *p = vm_alloc(PAGE_SIZE, PAGE_OTHER, "test");
    for (size_t i = 0; i < sizeof(all_copies) / sizeof(*all_copies) && p != NULL; i++) {
        for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
            for (size_t at = 0; at < ALIGNMENTS; at++) {
                if (!sets(&all_copies[i], p, at, lengths[l])) {
                    test_fail(__FILE__, __LINE__, "copies %zu, %zu bytes at %zu", i, lengths[l],
                              at);
                }
            }
        }
        for (size_t l = 0; l < ARRAY_COUNT(long_lengths); l++) {
            /* more than a cache line */
            for (size_t at = 0; at < 70; at += at < ALIGNMENTS ? 1 : 9) {
                TEST_CHECK(sets(&all_copies[i], p, at, long_lengths[l]));
            }
        }
    }
    TEST_CHECK(p != NULL);
    vm_free(p);
}

/* vm_alloc() leaves an unmapped page on both sides. */
static void nothing_beside_the_bytes_is_touched(void)
{
    uint8_t *src = vm_alloc(PAGE_SIZE, PAGE_OTHER, "test"),
            *dst = vm_alloc(PAGE_SIZE, PAGE_OTHER, "test");
    TEST_CHECK(src != NULL && dst != NULL);
    for (size_t i = 0; i < sizeof(all_copies) / sizeof(*all_copies) && src != NULL && dst != NULL;
         i++) {
        const struct copies *c = &all_copies[i];
        fill(src, PAGE_SIZE, 1);
        for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
            size_t n = lengths[l], end = PAGE_SIZE - n;
            c->copy(dst + end, src + end, n);
            c->copy(dst, src, n);
            TEST_CHECK(memcmp(dst, src, n) == 0 && memcmp(dst + end, src + end, n) == 0);
            c->move(dst, dst + end, n);
            c->move(dst + end, dst, n);
            c->set(dst, 0, n);
            c->set(dst + end, 0, n);
        }
        c->copy(dst, src, PAGE_SIZE);
        TEST_CHECK(memcmp(dst, src, PAGE_SIZE) == 0);
    }
    vm_free(src);
    vm_free(dst);
}

/* Called through pointers; otherwise the compiler would expand them itself. */
static void copying_functions_work_through_pointers(void)
{
    void *(*volatile copy)(void *restrict, const void *restrict, size_t) = memcpy;
    void *(*volatile copy_for_programs)(void *restrict, const void *restrict, size_t) =
        jit_runtime_memcpy;
    uint64_t from[ROOM / 8], to[ROOM / 8];
    for (size_t n = 0; n <= sizeof(from); n++) {
        fill((uint8_t *)from, sizeof(from), (unsigned)n);
        memset(to, 0, sizeof(to));
        TEST_CHECK(copy(to, from, n) == to && memcmp(to, from, n) == 0);
        memset(to, 0, sizeof(to));
        TEST_CHECK(copy_for_programs(to, from, n) == to && memcmp(to, from, n) == 0);
    }
}

const struct kernel_test string_tests[] = {
    {"string.every_length_alignment_and_overlap_is_moved",
     every_length_alignment_and_overlap_is_moved, TEST_ON_CPUS},
    {"string.every_length_and_alignment_is_set", every_length_and_alignment_is_set, TEST_ON_CPUS},
    {"string.nothing_beside_the_bytes_is_touched", nothing_beside_the_bytes_is_touched,
     TEST_ON_CPUS},
    {"string.copying_functions_work_through_pointers", copying_functions_work_through_pointers,
     TEST_ON_CPUS},
    {0},
};
