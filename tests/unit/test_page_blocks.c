// SPDX-License-Identifier: MIT
//
// Whole blocks of the page allocator: spans that were never allocated from, and several contiguous
// blocks, with runs of every other size among them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "hal/bootinfo.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/page.h"

#define BLOCK  ((uint64_t)PAGE_SIZE << PAGE_ORDER_MAX)
#define BLOCKS (FAKE_RAM_SIZE / BLOCK)
#define FRAMES (FAKE_RAM_SIZE / PAGE_SIZE)

static struct boot_info info;

static void add_range(uint64_t base, uint64_t len)
{
    info.ranges[info.range_count++] = (struct boot_range){base, len, BOOT_RAM};
}

static void start(void)
{
    page_early_init(&info);
    page_init(&info);
}

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    memset(&info, 0, sizeof(info));
    info.early_base = FAKE_RAM_BASE;
    info.early_len = FAKE_RAM_SIZE;
    add_range(FAKE_RAM_BASE, FAKE_RAM_SIZE);
    start();
    return 0;
}

static uint64_t owned(enum page_owner owner)
{
    struct page_stats s;
    page_get_stats(&s);
    assert_int_equal(s.total_pages, FRAMES);
    return s.by_owner[owner];
}

static paddr_t take(size_t count, uint64_t align, uint64_t limit)
{
    paddr_t base;
    assert_int_equal(page_alloc_blocks(count, align, limit, PAGE_DMA, &base), OK);
    assert_int_equal(base.raw % (align > BLOCK ? align : BLOCK), 0);
    assert_true(base.raw + count * BLOCK <= limit);
    return base;
}

static void give(paddr_t base, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        page_free(paddr(base.raw + i * BLOCK), PAGE_ORDER_MAX);
    }
}

/* From the top of a span, and from its middle; the remainder is used on both sides. */
static void test_a_span_is_used_on_both_sides(void **state)
{
    (void)state;
    uint64_t free = owned(PAGE_FREE), end = FAKE_RAM_BASE + FAKE_RAM_SIZE;
    paddr_t top = take(2, 0, UINT64_MAX), middle = take(3, 4 * BLOCK, end - 4 * BLOCK);
    assert_int_equal(top.raw, end - 2 * BLOCK);
    assert_int_equal(owned(PAGE_DMA), 5 * BLOCK / PAGE_SIZE);
    paddr_t block[BLOCKS];
    size_t n = 0;
    while (page_alloc(PAGE_ORDER_MAX, PAGE_CODE, &block[n]) == OK) {
        assert_true(block[n].raw + BLOCK <= middle.raw || block[n].raw >= middle.raw + 3 * BLOCK);
        assert_true(block[n].raw < top.raw);
        n++;
    }
    assert_true(n >= BLOCKS - 5 - 2); /* the first block is not whole: it has records */
    paddr_t none;
    assert_int_equal(page_alloc_blocks(1, 0, UINT64_MAX, PAGE_DMA, &none), E_NOMEM);
    while (n > 0) {
        page_free(block[--n], PAGE_ORDER_MAX);
    }
    give(middle, 3);
    give(top, 2);
    assert_int_equal(owned(PAGE_FREE), free);
    give(take(BLOCKS - 2, 0, UINT64_MAX), BLOCKS - 2);
}

static void test_impossible_block_requests_are_refused(void **state)
{
    (void)state;
    paddr_t out = paddr(7);
    uint64_t free = owned(PAGE_FREE);
    assert_int_equal(page_alloc_blocks(0, 0, UINT64_MAX, PAGE_DMA, &out), E_INVAL);
    assert_int_equal(page_alloc_blocks(SIZE_MAX, 0, UINT64_MAX, PAGE_DMA, &out), E_INVAL);
    assert_int_equal(page_alloc_blocks(1, 3 * BLOCK, UINT64_MAX, PAGE_DMA, &out), E_INVAL);
    assert_int_equal(page_alloc_blocks(BLOCKS + 1, 0, UINT64_MAX, PAGE_DMA, &out), E_NOMEM);
    assert_int_equal(page_alloc_blocks(1, 0, FAKE_RAM_BASE, PAGE_DMA, &out), E_NOMEM);
    assert_int_equal(page_alloc_blocks(1, 0, 0, PAGE_DMA, &out), E_NOMEM);
    assert_int_equal(page_alloc_blocks(1, (uint64_t)1 << 62, UINT64_MAX, PAGE_DMA, &out), E_NOMEM);
    assert_int_equal(out.raw, 7);
    assert_int_equal(owned(PAGE_FREE), free);
}

/* No run contains a hole between two ranges, even where both end at block boundaries. */
static void test_no_run_contains_a_hole(void **state)
{
    (void)state;
    fake_reset();
    info.range_count = 0;
    add_range(FAKE_RAM_BASE, 6 * BLOCK);
    add_range(FAKE_RAM_BASE + 7 * BLOCK, 5 * BLOCK);
    start();
    paddr_t out, five;
    assert_int_equal(page_alloc_blocks(6, 0, UINT64_MAX, PAGE_DMA, &out), E_NOMEM);
    assert_int_equal(page_alloc_blocks(5, 0, UINT64_MAX, PAGE_DMA, &five), OK);
    assert_int_equal(five.raw, FAKE_RAM_BASE + 7 * BLOCK);
    give(five, 5);
}

/* --- against a model: the owner of each frame --- */

struct held {
    paddr_t base;
    size_t count;   /* blocks, or 0: a run */
    unsigned order; /* of a run */
};

static uint8_t is_taken[FRAMES];
static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)seed * n) >> 32);
}

static void mark(const struct held *h, uint8_t as)
{
    uint64_t first = (h->base.raw - FAKE_RAM_BASE) / PAGE_SIZE;
    uint64_t count = h->count > 0 ? h->count * BLOCK / PAGE_SIZE : (uint64_t)1 << h->order;
    for (uint64_t i = 0; i < count; i++) {
        assert_true(first + i < FRAMES && is_taken[first + i] != as);
        is_taken[first + i] = as;
    }
}

static bool take_any(struct held *h)
{
    *h = (struct held){.count = rnd(3) == 0 ? 1 + rnd(4) : 0, .order = rnd(PAGE_ORDER_MAX + 1)};
    enum status s =
        h->count > 0 ? page_alloc_blocks(h->count, BLOCK << rnd(3), UINT64_MAX, PAGE_DMA, &h->base)
                     : page_alloc(h->order, PAGE_DMA, &h->base);
    if (s == OK) {
        mark(h, 1);
    }
    return s == OK;
}

static void give_back(struct held *h)
{
    mark(h, 0);
    if (h->count > 0) {
        give(h->base, h->count);
    } else {
        page_free(h->base, h->order);
    }
}

static void test_random_load(void **state)
{
    (void)state;
    static struct held held[24];
    static bool is_used[24];
    memset(is_taken, 0, sizeof(is_taken));
    seed = 11;
    unsigned rows = 0;
    for (unsigned step = 0; step < 40000; step++) {
        unsigned i = rnd(24);
        if (is_used[i]) {
            give_back(&held[i]);
            is_used[i] = false;
        } else {
            is_used[i] = take_any(&held[i]);
            rows += is_used[i] && held[i].count > 1;
        }
        if (step % 256 == 0) {
            uint64_t taken = 0;
            for (size_t f = 0; f < FRAMES; f++) {
                taken += is_taken[f];
            }
            assert_int_equal(owned(PAGE_DMA), taken);
        }
    }
    assert_true(rows > 100);
    for (unsigned i = 0; i < 24; i++) {
        if (is_used[i]) {
            give_back(&held[i]);
            is_used[i] = false;
        }
    }
    magazine_empty_all();
    give(take(BLOCKS - 2, 0, UINT64_MAX), BLOCKS - 2); /* all blocks are whole again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_span_is_used_on_both_sides, set_up),
        cmocka_unit_test_setup(test_impossible_block_requests_are_refused, set_up),
        cmocka_unit_test_setup(test_no_run_contains_a_hole, set_up),
        cmocka_unit_test_setup(test_random_load, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
