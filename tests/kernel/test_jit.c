// SPDX-License-Identifier: MIT
//
// Code memory and the compilers' routines: what only the real machine decides about loaded code.
#include "hal/layout.h"
#include "hal/mmu.h"
#include "kernel/jit/backend.h"
#include "kernel/jit/code/codemem.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/test/test.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/tests.h"

static unsigned prot_of(vaddr_t va)
{
    struct hal_mapping m;
    return hal_mmu_query(va, &m) ? m.prot : PROT_NONE;
}

static void check_code(void)
{
    struct codemem m;
    const size_t pages[LOAD_PART_COUNT] = {2, 1, 1};
    struct page_stats before, after;
    runs_settle(); /* what earlier tests left to be freed must not count */
    /* The first call may allocate tables that stay, because it splits a block of the direct map. */
    TEST_NEED(codemem_alloc(&m, pages, "test") == OK);
    codemem_free(&m);
    page_get_stats(&before);

    TEST_NEED(codemem_alloc(&m, pages, "test") == OK);
    vaddr_t code = codemem_address(&m, LOAD_CODE);
    vaddr_t alias = (vaddr_t)codemem_writable(&m, LOAD_CODE);
    vaddr_t direct = (vaddr_t)hal_direct(m.frames[0]);
    TEST_EQUAL(prot_of(code), PROT_NONE);
    TEST_EQUAL(prot_of(alias), PROT_R | PROT_W);
    TEST_EQUAL(prot_of(direct), PROT_NONE);

    TEST_EQUAL(codemem_seal(&m, false), OK);
    TEST_EQUAL(prot_of(code), PROT_R | PROT_X);
    TEST_EQUAL(prot_of(code + PAGE_SIZE), PROT_R | PROT_X);
    TEST_EQUAL(prot_of(alias), PROT_NONE);
    TEST_EQUAL(prot_of(direct), PROT_NONE);
    TEST_EQUAL(prot_of(codemem_address(&m, LOAD_RODATA)), PROT_R);
    TEST_EQUAL(prot_of(codemem_address(&m, LOAD_DATA)), PROT_R | PROT_W);

    codemem_free(&m);
    TEST_EQUAL(prot_of(code), PROT_NONE);
    TEST_EQUAL(prot_of(direct), PROT_R | PROT_W);
    page_get_stats(&after);
    for (unsigned i = 0; i < PAGE_OWNER_COUNT; i++) {
        TEST_EQUAL(after.by_owner[i], before.by_owner[i]);
    }
}

/* Frames of the pool hold this code and stay there. Once the pool's free frames are allocated, the
 * next allocation gets a run of its own, which returns to the direct map when it is freed. */
static void test_code_is_writable_or_executable(void)
{
    struct codemem rest;
    size_t all, used;
    codemem_get_stats(&all, &used);
    const size_t pages[LOAD_PART_COUNT] = {all - used, 0, 0};
    if (all == used) {
        check_code();
    } else if (codemem_alloc(&rest, pages, "test") == OK) {
        check_code();
        codemem_free(&rest);
    } else {
        test_fail(__FILE__, __LINE__, "no code memory");
    }
}

#define ROOM 160u /* bytes, more than any path through the routines */

static void fill(uint8_t *p, unsigned seed)
{
    for (unsigned i = 0; i < ROOM; i++) {
        p[i] = (uint8_t)(i * 7 + seed);
    }
}

static void check_move(uint8_t *buf, uint8_t *expected, size_t from, size_t to, size_t n)
{
    fill(buf, 1);
    fill(expected, 1);
    for (size_t i = 0; i < n; i++) {
        expected[to + i] = (uint8_t)((from + i) * 7 + 1);
    }
    void *result = jit_runtime_memmove(buf + to, buf + from, n);
    TEST_CHECK(result == buf + to);
    if (memcmp(buf, expected, ROOM) != 0) {
        test_fail(__FILE__, __LINE__, "memmove of %u bytes from %u to %u", (unsigned)n,
                  (unsigned)from, (unsigned)to);
    }
}

static void check_set(uint8_t *buf, uint8_t *expected, size_t at, size_t n)
{
    fill(buf, 2);
    fill(expected, 2);
    for (size_t i = 0; i < n; i++) {
        expected[at + i] = 0xa5;
    }
    TEST_CHECK(jit_runtime_memset(buf + at, 0x1a5, n) == buf + at);
    if (memcmp(buf, expected, ROOM) != 0) {
        test_fail(__FILE__, __LINE__, "memset of %u bytes at %u", (unsigned)n, (unsigned)at);
    }
}

static void check_compare(uint8_t *a, uint8_t *b, size_t n)
{
    fill(a, 3);
    fill(b, 3);
    TEST_CHECK(jit_runtime_memcmp(a, b, n) == 0);
    for (size_t i = 0; i < n; i++) {
        b[i] ^= 0x80;
        int sign = a[i] < b[i] ? -1 : 1;
        if (jit_runtime_memcmp(a, b, n) * sign <= 0 || jit_runtime_memcmp(b, a, n) * sign >= 0) {
            test_fail(__FILE__, __LINE__, "memcmp of %u bytes, different at %u", (unsigned)n,
                      (unsigned)i);
        }
        b[i] ^= 0x80;
    }
}

static void test_runtime_routines_move_every_size(void)
{
    uint8_t *a = heap_alloc(ROOM);
    uint8_t *b = heap_alloc(ROOM);
    if (a == NULL || b == NULL) {
        test_fail(__FILE__, __LINE__, "no memory");
    } else {
        static const size_t shifts[] = {0, 1, 3, 8, 15, 16, 17, 40, 64};
        for (size_t n = 0; n <= 90; n++) {
            for (size_t i = 0; i < ARRAY_COUNT(shifts); i++) {
                check_move(a, b, shifts[i], 5, n);
                check_move(a, b, 5, shifts[i], n);
                check_set(a, b, shifts[i], n);
            }
            check_compare(a, b, n);
        }
    }
    heap_free(a);
    heap_free(b);
}

const struct kernel_test jit_tests[] = {
    {"code_is_writable_or_executable", test_code_is_writable_or_executable, TEST_ON_CPUS},
    {"runtime_routines_move_every_size", test_runtime_routines_move_every_size, TEST_ON_CPUS},
    {0},
};
