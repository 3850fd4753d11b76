// SPDX-License-Identifier: MIT
//
// The page allocator: odd memory maps, a random load against a model, the page counts, and every
// wrong way to free something.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "hal/bootinfo.h"
#include "hal/cpu.h"
#include "hal/upcall.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/page.h"

#include <sys/mman.h> /* after hal/types.h: both define protection names, this one as macros */

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static struct boot_info info;

static void start(void)
{
    page_early_init(&info);
    page_init(&info);
}

static void add_range(uint64_t base, uint64_t len, enum boot_range_kind kind)
{
    info.ranges[info.range_count++] = (struct boot_range){base, len, kind};
}

static void reserve(uint64_t base, uint64_t len)
{
    info.reserved[info.reserved_count++] = (struct boot_range){base, len, BOOT_RESERVED};
}

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    memset(&info, 0, sizeof(info));
    info.early_base = FAKE_RAM_BASE;
    info.early_len = FAKE_RAM_SIZE;
    return 0;
}

/** All RAM of the fake machine, empty. */
static int set_up_plain(void **state)
{
    set_up(state);
    add_range(FAKE_RAM_BASE, FAKE_RAM_SIZE, BOOT_RAM);
    start();
    return 0;
}

static struct page_stats stats(void)
{
    struct page_stats s;
    page_get_stats(&s);
    uint64_t sum = 0;
    for (unsigned i = 0; i < PAGE_OWNER_COUNT; i++) {
        sum += s.by_owner[i];
    }
    assert_int_equal(sum, s.total_pages);
    return s;
}

static paddr_t take(unsigned order)
{
    paddr_t base;
    assert_int_equal(page_alloc(order, PAGE_OTHER, &base), OK);
    assert_int_equal(base.raw % (PAGE_SIZE << order), 0);
    return base;
}

#define MUST_PANIC(call, words)                                                                    \
    do {                                                                                           \
        fake_end.armed = true;                                                                     \
        if (setjmp(fake_end.jump) == 0) {                                                          \
            call;                                                                                  \
            fail_msg("no panic");                                                                  \
        }                                                                                          \
        assert_non_null(strstr(fake_console_text(), words));                                       \
    } while (0)

static void test_every_page_is_allocated_once_and_freed(void **state)
{
    (void)state;
    struct page_stats before = stats();
    assert_int_equal(before.total_pages, FAKE_RAM_SIZE / PAGE_SIZE);
    assert_int_equal(before.largest_free_order, PAGE_ORDER_MAX);
    static uint64_t frames[FAKE_RAM_SIZE / PAGE_SIZE];
    static uint8_t seen[FAKE_RAM_SIZE / PAGE_SIZE];
    memset(seen, 0, sizeof(seen));
    size_t n = 0;
    paddr_t p;
    while (page_alloc(0, PAGE_HEAP, &p) == OK) {
        uint64_t i = (p.raw - FAKE_RAM_BASE) / PAGE_SIZE;
        assert_true(i < FAKE_RAM_SIZE / PAGE_SIZE && seen[i]++ == 0);
        frames[n++] = p.raw;
    }
    assert_int_equal(stats().by_owner[PAGE_FREE], 0);
    assert_int_equal(stats().by_owner[PAGE_HEAP], n);
    /* The rest is the allocator's records: 5 of 1024 pages, and those of the blocks. */
    assert_true(n >= FAKE_RAM_SIZE / PAGE_SIZE * 1018 / 1024);

    for (size_t i = 0; i < n; i++) {
        page_free(paddr(frames[i * 7919 % n]), 0);
    }
    magazine_empty_all();
    struct page_stats after = stats();
    assert_int_equal(after.by_owner[PAGE_HEAP], 0);
    assert_int_equal(after.largest_free_order, PAGE_ORDER_MAX);
    /* All but one of the blocks are whole again and have freed their records. */
    assert_true(after.by_owner[PAGE_FREE] + 5 >= before.by_owner[PAGE_FREE]);
}

static void test_whole_blocks(void **state)
{
    (void)state;
    paddr_t p[20];
    size_t n = 0;
    while (n < 20 && page_alloc(PAGE_ORDER_MAX, PAGE_CODE, &p[n]) == OK) {
        memset(hal_direct(p[n]), 0xcc,
               PAGE_SIZE << PAGE_ORDER_MAX); /* none of our pages is in it */
        n++;
    }
    assert_in_range(n, 15, 16);
    for (size_t i = 0; i < n; i++) {
        page_free(p[i], PAGE_ORDER_MAX);
    }
    assert_int_equal(stats().by_owner[PAGE_CODE], 0);
}

static void test_a_small_run_does_not_split_a_block_for_ever(void **state)
{
    (void)state;
    paddr_t p[16];
    size_t n = 0;
    paddr_t small = take(0);
    page_free(small, 0);
    while (n < 16 && page_alloc(PAGE_ORDER_MAX, PAGE_CODE, &p[n]) == OK) {
        n++;
    }
    assert_true(n >= 15);
}

static void test_random_load_against_a_model(void **state)
{
    (void)state;
    enum { LIVE = 300 };
    static struct {
        uint64_t base;
        unsigned order;
        uint8_t mark;
    } live[LIVE];
    memset(live, 0, sizeof(live));
    srand(4711);
    struct page_stats before = stats();
    for (unsigned step = 0; step < 60000; step++) {
        unsigned i = (unsigned)rand() % LIVE;
        if (live[i].base != 0) {
            uint8_t *bytes = hal_direct(paddr(live[i].base));
            size_t len = PAGE_SIZE << live[i].order;
            assert_int_equal(bytes[0], live[i].mark);
            assert_int_equal(bytes[len - 1], live[i].mark);
            assert_int_equal(page_allocated_order(paddr(live[i].base)), live[i].order);
            page_free(paddr(live[i].base), live[i].order);
            live[i].base = 0;
            continue;
        }
        unsigned order = (unsigned)rand() % 8;
        paddr_t p;
        if (page_alloc(order, PAGE_CACHE, &p) != OK) {
            continue;
        }
        assert_int_equal(p.raw % (PAGE_SIZE << order), 0);
        live[i].base = p.raw;
        live[i].order = order;
        live[i].mark = (uint8_t)rand();
        uint8_t *bytes = hal_direct(p);
        bytes[0] = bytes[(PAGE_SIZE << order) - 1] = live[i].mark;
        if (step % 1000 == 0) {
            uint64_t held = 0;
            for (unsigned k = 0; k < LIVE; k++) {
                held += live[k].base != 0 ? 1ull << live[k].order : 0;
            }
            assert_int_equal(stats().by_owner[PAGE_CACHE], held);
        }
    }
    for (unsigned i = 0; i < LIVE; i++) {
        if (live[i].base != 0) {
            page_free(paddr(live[i].base), live[i].order);
        }
    }
    magazine_empty_all();
    assert_true(stats().by_owner[PAGE_FREE] + 5 >= before.by_owner[PAGE_FREE]);
}

static void test_reserved_memory_is_never_allocated(void **state)
{
    (void)state;
    add_range(FAKE_RAM_BASE, FAKE_RAM_SIZE, BOOT_RAM);
    info.image_base = FAKE_RAM_BASE + 2 * MIB;
    info.image_len = 300 * PAGE_SIZE;
    reserve(FAKE_RAM_BASE + MIB, 3 * PAGE_SIZE);
    reserve(info.image_base, info.image_len);
    reserve(FAKE_RAM_BASE + 20 * MIB, 9 * MIB);
    info.module_count = 1;
    info.modules[0] =
        (struct boot_module){.base = FAKE_RAM_BASE + 20 * MIB + 100, .len = 9 * MIB - 200};

    page_early_init(&info);
    paddr_t table;
    for (unsigned i = 0; i < 300; i++) { /* skips the reserved pages at 1 MiB */
        assert_true(upcall_table_frame(&table));
    }
    page_init(&info);

    struct page_stats s = stats();
    assert_int_equal(s.total_pages, FAKE_RAM_SIZE / PAGE_SIZE);
    assert_int_equal(s.by_owner[PAGE_KERNEL], 300);
    assert_int_equal(s.by_owner[PAGE_MODULE], 9 * MIB / PAGE_SIZE);
    assert_int_equal(s.by_owner[PAGE_TABLE], 300);
    assert_int_equal(s.by_owner[PAGE_OTHER], 3);
    paddr_t p;
    while (page_alloc(0, PAGE_HEAP, &p) == OK) {
        uint64_t at = p.raw - FAKE_RAM_BASE;
        assert_false(at < 303 * PAGE_SIZE);
        assert_false(at >= 2 * MIB && at < 2 * MIB + 300 * PAGE_SIZE);
        assert_false(at >= 20 * MIB && at < 29 * MIB);
    }
    MUST_PANIC(page_free(paddr(info.image_base), 0), "never allocated");
}

static void test_ragged_map_with_slivers(void **state)
{
    (void)state;
    /* Holes inside blocks, ranges of a page or two, an overlap of
     * reservations, RAM to an odd end. */
    add_range(FAKE_RAM_BASE + 3 * PAGE_SIZE, 2 * PAGE_SIZE, BOOT_RAM);
    add_range(FAKE_RAM_BASE + MIB, MIB, BOOT_RESERVED);
    add_range(FAKE_RAM_BASE + 2 * MIB, MIB + 7 * PAGE_SIZE, BOOT_RAM);
    add_range(FAKE_RAM_BASE + 8 * MIB + PAGE_SIZE, PAGE_SIZE, BOOT_RAM);
    add_range(FAKE_RAM_BASE + 12 * MIB, 13 * MIB + PAGE_SIZE, BOOT_RAM);
    reserve(FAKE_RAM_BASE + 12 * MIB, MIB);
    info.early_base = FAKE_RAM_BASE + 2 * MIB;
    info.early_len = MIB;
    start();
    uint64_t expected = 2 + (256 + 7) + 1 + (13 * 256 + 1);
    assert_int_equal(stats().total_pages, expected);
    paddr_t p;
    while (page_alloc(0, PAGE_HEAP, &p) == OK) {
        uint64_t at = p.raw - FAKE_RAM_BASE;
        assert_true((at >= 3 * PAGE_SIZE && at < 5 * PAGE_SIZE) ||
                    (at >= 2 * MIB && at < 3 * MIB + 7 * PAGE_SIZE) ||
                    (at >= 13 * MIB && at < 25 * MIB + PAGE_SIZE));
        page_link(p)->next = NULL; /* its link is memory of its own */
    }
    assert_int_equal(stats().by_owner[PAGE_FREE], 0);
    assert_int_equal(stats().by_owner[PAGE_OTHER], 256);
}

static void test_64_gib_with_holes_need_few_records(void **state)
{
    (void)state;
    const uint64_t high = 4 * GIB, size = 61 * GIB;
    void *at = hal_direct(paddr(high));
    assert_ptr_equal(mmap(at, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0),
                     at);
    add_range(FAKE_RAM_BASE, FAKE_RAM_SIZE, BOOT_RAM);
    add_range(high, 2 * GIB, BOOT_RAM);
    add_range(high + 2 * GIB, GIB, BOOT_RESERVED);
    add_range(high + 3 * GIB, size - 3 * GIB, BOOT_RAM);
    start();
    struct page_stats s = stats();
    assert_int_equal(s.total_pages, (FAKE_RAM_SIZE + size - GIB) / PAGE_SIZE);
    assert_true(s.by_owner[PAGE_META] <= 260); /* a MiB of records */

    /* High memory is allocated first; memory below 4 GiB is kept for callers that need it. */
    paddr_t p, low;
    assert_int_equal(page_alloc(0, PAGE_HEAP, &p), OK);
    assert_true(p.raw >= high);
    assert_int_equal(page_alloc_below(3, 4 * GIB, PAGE_DMA, &low), OK);
    assert_true(low.raw + 8 * PAGE_SIZE <= 4 * GIB);
    page_free(low, 3);
    page_free(p, 0);
    assert_int_equal(munmap(at, size), 0);
}

/* Another memory bank, too far away for one table of records. */
static void test_far_memory_is_used(void **state)
{
    (void)state;
    const uint64_t far = 900 * GIB, size = 16 * MIB;
    void *at = hal_direct(paddr(far));
    assert_ptr_equal(mmap(at, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
                     at);
    add_range(FAKE_RAM_BASE, FAKE_RAM_SIZE, BOOT_RAM);
    add_range(far, size, BOOT_RAM);
    start();
    assert_int_equal(stats().total_pages, (FAKE_RAM_SIZE + size) / PAGE_SIZE);
    assert_true(stats().by_owner[PAGE_META] < 8);

    static paddr_t frames[(FAKE_RAM_SIZE + 16 * MIB) / PAGE_SIZE];
    size_t n = 0, are_far = 0;
    for (; page_alloc(0, PAGE_HEAP, &frames[n]) == OK; n++) {
        are_far += frames[n].raw >= far;
    }
    assert_true(are_far >= size / PAGE_SIZE * 1018 / 1024);
    assert_int_equal(stats().by_owner[PAGE_FREE], 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(page_allocated_order(frames[i]), 0);
        page_free(frames[i], 0);
    }
    assert_int_equal(stats().by_owner[PAGE_HEAP], 0);
    paddr_t p;
    assert_int_equal(page_alloc(2, PAGE_HEAP, &p), OK);
    page_free(p, 2);
    assert_int_equal(page_alloc_below(0, far + size, PAGE_HEAP, &p), OK);
    page_free(p, 0);
    MUST_PANIC(page_free(paddr(far + 8 * PAGE_SIZE), 0), "already free");
    assert_int_equal(munmap(at, size), 0);
}

static void test_memory_from_address_0(void **state)
{
    (void)state;
    void *at = hal_direct(paddr(0));
    assert_ptr_equal(mmap(at, 8 * MIB, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
                     at);
    add_range(0, 8 * MIB, BOOT_RAM);
    info.early_base = MIB;
    info.early_len = MIB;
    start();
    assert_int_equal(stats().by_owner[PAGE_OTHER], 1);
    paddr_t p;
    while (page_alloc(0, PAGE_HEAP, &p) == OK) {
        assert_true(p.raw != 0);
    }
    assert_int_equal(stats().by_owner[PAGE_FREE], 0);
    assert_int_equal(munmap(at, 8 * MIB), 0);
}

/* Pages freed one by one are available for a large allocation, wherever they are cached. */
static void test_cached_pages_count_as_free(void **state)
{
    (void)state;
    static paddr_t frames[FAKE_RAM_SIZE / PAGE_SIZE];
    static const struct {
        unsigned order;
        uint64_t limit;
    } wanted[] = {{PAGE_ORDER_MAX, UINT64_MAX}, {5, UINT64_MAX}, {3, FAKE_RAM_BASE + 4 * MIB}};
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        size_t n = 0, m = 0;
        while (page_alloc(0, PAGE_HEAP, &frames[n]) == OK) {
            n++;
        }
        for (size_t k = 0; k < n; k++) {
            page_free(frames[k], 0);
        }
        while ((wanted[i].limit == UINT64_MAX ? page_alloc(wanted[i].order, PAGE_HEAP, &frames[m])
                                              : page_alloc_below(wanted[i].order, wanted[i].limit,
                                                                 PAGE_HEAP, &frames[m])) == OK) {
            m++;
        }
        uint64_t within = wanted[i].limit == UINT64_MAX ? FAKE_RAM_SIZE : 4 * MIB;
        assert_true(m << wanted[i].order >= within / PAGE_SIZE * 15 / 16);
        while (m > 0) {
            page_free(frames[--m], wanted[i].order);
        }
        assert_int_equal(stats().by_owner[PAGE_HEAP], 0);
    }
}

/* A caller that found a magazine empty or full may be interrupted before it acts on
 * that, by one that changes it. */
static void test_a_magazine_may_change_after_it_was_checked(void **state)
{
    (void)state;
    static paddr_t frames[4 * HAL_MAGAZINE_ROUNDS];
    const struct hal_magazine *m = &hal_this_cpu()->magazines[MAGAZINE_PAGES];
    size_t n = 0;
    while (n < sizeof(frames) / sizeof(frames[0])) {
        frames[n++] = take(0);
    }
    while (m->top < m->end) {
        page_free(frames[--n], 0);
    }
    for (unsigned i = 0; i < HAL_MAGAZINE_ROUNDS; i++) {
        frames[n] = paddr((uintptr_t)upcall_magazine_empty(0, PAGE_MAGAZINE(0)));
        assert_true(frames[n].raw != 0 && m->top >= m->rounds && m->top <= m->end);
        upcall_magazine_full((void *)(uintptr_t)frames[n].raw, PAGE_MAGAZINE(0));
        assert_true(m->top > m->rounds && m->top <= m->end);
    }
}

static void test_below_a_limit(void **state)
{
    (void)state;
    const uint64_t limit = FAKE_RAM_BASE + 6 * MIB;
    paddr_t p;
    size_t n = 0;
    for (; page_alloc_below(2, limit, PAGE_DMA, &p) == OK; n++) {
        assert_true(p.raw + 4 * PAGE_SIZE <= limit);
    }
    assert_in_range(n, 370, 384); /* of 1536 pages, minus records */
    assert_int_equal(page_alloc_below(0, FAKE_RAM_BASE, PAGE_DMA, &p), E_NOMEM);
    assert_int_equal(page_alloc_below(PAGE_ORDER_MAX + 1, limit, PAGE_DMA, &p), E_INVAL);
    assert_int_equal(page_alloc_below(0, UINT64_MAX, PAGE_DMA, &p), OK);
    stats();
}

static void test_orders_out_of_range(void **state)
{
    (void)state;
    paddr_t p = paddr(1);
    assert_int_equal(page_alloc(PAGE_ORDER_MAX + 1, PAGE_OTHER, &p), E_INVAL);
    assert_int_equal(p.raw, 1);
}

static void test_links_name_their_frames(void **state)
{
    (void)state;
    struct list l;
    list_init(&l);
    paddr_t p[3] = {take(0), take(4), take(PAGE_ORDER_MAX)};
    for (unsigned i = 0; i < 3; i++) {
        list_push_back(&l, page_link(p[i]));
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(page_of_link(list_pop_front(&l)).raw, p[i].raw);
    }
    assert_int_equal(page_allocated_order(p[1]), 4);
    assert_int_equal(page_allocated_order(paddr_add(p[1], PAGE_SIZE)), -1);
    assert_int_equal(page_allocated_order(p[2]), PAGE_ORDER_MAX);
    assert_int_equal(page_allocated_order(paddr(0)), -1);
}

static void test_zeroed(void **state)
{
    (void)state;
    paddr_t p = take(0);
    memset(hal_direct(p), 0xff, PAGE_SIZE);
    page_free(p, 0);
    assert_int_equal(page_alloc_zeroed(PAGE_OTHER, &p), OK);
    const uint8_t *bytes = hal_direct(p);
    for (size_t i = 0; i < PAGE_SIZE; i++) {
        assert_int_equal(bytes[i], 0);
    }
}

static void test_frames_allocated_together_can_be_freed_singly(void **state)
{
    (void)state;
    paddr_t first, other;
    size_t got, more;
    paddr_t keep = take(0); /* keeps the records allocated, so that they can be compared */
    uint64_t free_before = stats().by_owner[PAGE_FREE];
    assert_int_equal(page_alloc_frames(21, PAGE_PROGRAM, &first, &got), OK);
    assert_int_equal(got, 16);
    assert_int_equal(page_alloc_frames(1, PAGE_PROGRAM, &other, &more), OK);
    assert_int_equal(more, 1);
    assert_int_equal(stats().by_owner[PAGE_PROGRAM], 17);
    for (size_t i = 0; i < got; i++) {
        paddr_t frame = paddr_add(first, (i ^ 5) * PAGE_SIZE);
        assert_int_equal(page_allocated_order(frame), 0);
        assert_int_equal(page_of_link(page_link(frame)).raw, frame.raw);
        page_free(frame, 0);
    }
    page_free(other, 0);
    assert_int_equal(stats().by_owner[PAGE_FREE], free_before);
    assert_int_equal(page_alloc_frames(SIZE_MAX, PAGE_PROGRAM, &first, &got), OK);
    assert_in_range(got, 16, 512);
    page_free(keep, 0);
}

/* When no two free frames are adjacent, frames are allocated one at a time, and at last none. */
static void test_frames_are_allocated_singly_if_necessary(void **state)
{
    (void)state;
    static paddr_t even[FAKE_RAM_SIZE / PAGE_SIZE];
    paddr_t first;
    size_t got, count = 0;
    for (paddr_t p; page_alloc(0, PAGE_OTHER, &p) == OK;) {
        if ((p.raw & PAGE_SIZE) == 0) {
            even[count++] = p;
        }
    }
    assert_int_equal(page_alloc_frames(8, PAGE_OTHER, &first, &got), E_NOMEM);
    for (size_t i = 0; i < count; i++) {
        page_free(even[i], 0);
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(page_alloc_frames(8, PAGE_OTHER, &first, &got), OK);
        assert_int_equal(got, 1);
    }
    assert_int_equal(page_alloc_frames(8, PAGE_OTHER, &first, &got), E_NOMEM);
}

static void test_free_twice_panics(void **state)
{
    (void)state;
    paddr_t p = take(3), keep = take(3);
    (void)keep;
    page_free(p, 3);
    MUST_PANIC(page_free(p, 3), "already free");
}

static void test_free_with_another_order_panics(void **state)
{
    (void)state;
    MUST_PANIC(page_free(take(3), 2), "allocated with another order");
}

static void test_free_inside_a_run_panics(void **state)
{
    (void)state;
    MUST_PANIC(page_free(paddr_add(take(3), PAGE_SIZE), 0), "inside another run");
}

static void test_free_a_part_of_a_block_panics(void **state)
{
    (void)state;
    MUST_PANIC(page_free(take(PAGE_ORDER_MAX), 0), "no run of that order");
}

static void test_free_of_an_address_inside_a_page_panics(void **state)
{
    (void)state;
    MUST_PANIC(page_free(paddr_add(take(0), 8), 0), "not a run of RAM");
}

static void test_free_of_an_unaligned_large_run_panics(void **state)
{
    (void)state;
    MUST_PANIC(page_free(paddr_add(take(6), 1), 6), "not a run of RAM");
}

static void test_free_outside_ram_panics(void **state)
{
    (void)state;
    MUST_PANIC(page_free(paddr(0x1000), 0), "not a run of RAM");
}

#define PLAIN(test) cmocka_unit_test_setup(test, set_up_plain)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(test_every_page_is_allocated_once_and_freed),
        PLAIN(test_whole_blocks),
        PLAIN(test_a_small_run_does_not_split_a_block_for_ever),
        PLAIN(test_random_load_against_a_model),
        cmocka_unit_test_setup(test_reserved_memory_is_never_allocated, set_up),
        cmocka_unit_test_setup(test_ragged_map_with_slivers, set_up),
        cmocka_unit_test_setup(test_64_gib_with_holes_need_few_records, set_up),
        cmocka_unit_test_setup(test_far_memory_is_used, set_up),
        cmocka_unit_test_setup(test_memory_from_address_0, set_up),
        PLAIN(test_cached_pages_count_as_free),
        PLAIN(test_a_magazine_may_change_after_it_was_checked),
        PLAIN(test_below_a_limit),
        PLAIN(test_orders_out_of_range),
        PLAIN(test_links_name_their_frames),
        PLAIN(test_zeroed),
        PLAIN(test_frames_allocated_together_can_be_freed_singly),
        PLAIN(test_frames_are_allocated_singly_if_necessary),
        PLAIN(test_free_twice_panics),
        PLAIN(test_free_with_another_order_panics),
        PLAIN(test_free_inside_a_run_panics),
        PLAIN(test_free_a_part_of_a_block_panics),
        PLAIN(test_free_of_an_address_inside_a_page_panics),
        PLAIN(test_free_of_an_unaligned_large_run_panics),
        PLAIN(test_free_outside_ram_panics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
