// SPDX-License-Identifier: MIT
//
// Ranges by address against a model: a plain sorted array that finds gaps by checking all of them;
// and extents that are kept for the next range.
#include "kernel/mm/vm_spare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE  UINT64_C(0xffffc90000000000)
#define SIZE  ((uint64_t)1 << 24) /* 4,096 pages: small enough to fill */
#define COUNT 400

static struct vm_range ranges[COUNT];
static bool used[COUNT];
static struct vm_tree tree;

static uint64_t start_of(const struct vm_range *r)
{
    return r->base - (uint64_t)r->guard_below * PAGE_SIZE;
}

static uint64_t end_of(const struct vm_range *r)
{
    return r->base + (r->pages + r->guard_above) * PAGE_SIZE;
}

/* Check order, ranks and gaps below r; return its depth. */
static unsigned check_node(const struct vm_extent *r)
{
    if (r == NULL) {
        return 0;
    }
    uint64_t max = r->gap;
    const struct vm_extent *child[2] = {r->left, r->right};
    unsigned depth[2];
    for (unsigned i = 0; i < 2; i++) {
        depth[i] = check_node(child[i]);
        if (child[i] != NULL) {
            assert_ptr_equal(child[i]->parent, r);
            assert_true(child[i]->rank <= r->rank);
            assert_true((child[i]->start < r->start) == (i == 0));
            max = child[i]->gap_max > max ? child[i]->gap_max : max;
        }
    }
    assert_int_equal(r->gap_max, max);
    return 1 + (depth[0] > depth[1] ? depth[0] : depth[1]);
}

static void check_tree(unsigned count)
{
    uint64_t at = BASE;
    unsigned seen = 0;
    for (const struct vm_extent *r = vm_tree_first(&tree); r != NULL; r = vm_tree_next(r)) {
        assert_true(r->start >= at);
        assert_int_equal(r->gap, r->start - at);
        at = r->end;
        seen++;
    }
    assert_true(at <= BASE + SIZE);
    assert_int_equal(seen, count);
    assert_true(check_node(tree.root) < 60);
}

static bool is_free(uint64_t from, uint64_t to)
{
    for (unsigned i = 0; i < COUNT; i++) {
        if (used[i] && start_of(&ranges[i]) < to && from < end_of(&ranges[i])) {
            return false;
        }
    }
    return true;
}

static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)seed * n) >> 32);
}

static void reset(void)
{
    memset(used, 0, sizeof used);
    tree = (struct vm_tree){.base = BASE, .size = SIZE, .seed = 1};
    seed = 7;
}

static void add(unsigned i, const struct vm_request *q, uint64_t base)
{
    ranges[i] = (struct vm_range){.base = base,
                                  .pages = q->pages,
                                  .guard_below = q->guard_below,
                                  .guard_above = q->guard_above};
    ranges[i].extent = &ranges[i].own;
    ranges[i].own = (struct vm_extent){
        .start = start_of(&ranges[i]), .end = end_of(&ranges[i]), .owner = &ranges[i]};
    vm_tree_insert(&tree, ranges[i].extent);
    used[i] = true;
}

static void test_random_ranges_never_overlap(void **state)
{
    (void)state;
    reset();
    unsigned count = 0;
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = rnd(COUNT);
        if (used[i]) {
            vm_tree_remove(&tree, ranges[i].extent);
            used[i] = false;
            count--;
        } else {
            const struct vm_request q = {.pages = 1 + rnd(16),
                                         .align = rnd(2) == 0 ? 0 : PAGE_SIZE << rnd(6),
                                         .guard_below = rnd(3),
                                         .guard_above = rnd(3)};
            uint64_t base;
            if (vm_tree_find_gap(&tree, &q, &base)) {
                assert_int_equal(base & ((q.align != 0 ? q.align : PAGE_SIZE) - 1), 0);
                assert_true(base - q.guard_below * PAGE_SIZE >= BASE);
                assert_true(is_free(base - q.guard_below * PAGE_SIZE,
                                    base + (q.pages + q.guard_above) * PAGE_SIZE));
                add(i, &q, base);
                count++;
            }
        }
        if (step % 16 == 0) {
            check_tree(count);
        }
    }
    assert_true(count > 100);
}

static void test_find_knows_ranges_and_guards(void **state)
{
    (void)state;
    reset();
    const struct vm_request q = {.pages = 2, .guard_below = 1, .guard_above = 1};
    for (unsigned i = 0; i < 50; i++) {
        uint64_t base;
        assert_true(vm_tree_find_gap(&tree, &q, &base));
        assert_int_equal(base, BASE + (i * 4 + 1) * PAGE_SIZE);
        add(i, &q, base);
    }
    for (unsigned i = 0; i < 50; i++) {
        assert_ptr_equal(vm_tree_find(&tree, BASE + i * 4 * PAGE_SIZE)->owner, &ranges[i]);
        assert_ptr_equal(vm_tree_find(&tree, BASE + (i * 4 + 4) * PAGE_SIZE - 1)->owner,
                         &ranges[i]);
    }
    assert_null(vm_tree_find(&tree, BASE + 200 * PAGE_SIZE));
    assert_null(vm_tree_find(&tree, BASE - 1));
    vm_tree_remove(&tree, ranges[20].extent);
    assert_null(vm_tree_find(&tree, BASE + 81 * PAGE_SIZE));
}

static void test_the_lowest_gap_that_fits_is_used(void **state)
{
    (void)state;
    reset();
    const struct vm_request one = {.pages = 1}, two = {.pages = 2};
    for (unsigned i = 0; i < 100; i++) {
        uint64_t base;
        assert_true(vm_tree_find_gap(&tree, &one, &base));
        add(i, &one, base);
    }
    uint64_t base;
    vm_tree_remove(&tree, ranges[10].extent);
    vm_tree_remove(&tree, ranges[50].extent);
    vm_tree_remove(&tree, ranges[51].extent);
    assert_true(vm_tree_find_gap(&tree, &two, &base));
    assert_int_equal(base, BASE + 50 * PAGE_SIZE);
    assert_true(vm_tree_find_gap(&tree, &one, &base));
    assert_int_equal(base, BASE + 10 * PAGE_SIZE);
}

static void test_a_full_region_refuses(void **state)
{
    (void)state;
    reset();
    uint64_t base;
    const struct vm_request all = {.pages = SIZE / PAGE_SIZE},
                            more = {.pages = SIZE / PAGE_SIZE + 1};
    const struct vm_request guarded = {.pages = SIZE / PAGE_SIZE, .guard_above = 1};
    assert_false(vm_tree_find_gap(&tree, &more, &base));
    assert_false(vm_tree_find_gap(&tree, &guarded, &base));
    assert_true(vm_tree_find_gap(&tree, &all, &base));
    add(0, &all, base);
    const struct vm_request one = {.pages = 1};
    assert_false(vm_tree_find_gap(&tree, &one, &base));
}

/* --- spare extents --- */

static struct vm_spares spares;

static uint64_t bytes_in_all(const struct vm_request *q)
{
    return (q->pages + q->guard_below + q->guard_above) * PAGE_SIZE;
}

static unsigned count_spares(void)
{
    unsigned n = 0;
    for (const struct vm_extent *p = vm_tree_first(&tree); p != NULL; p = vm_tree_next(p)) {
        n += p->owner == NULL;
    }
    return n;
}

static struct vm_extent *take_spare(const struct vm_request *q)
{
    return vm_spares_get(&spares, bytes_in_all(q), (uint64_t)q->guard_below * PAGE_SIZE,
                         q->align != 0 ? q->align : 1);
}

/* As vm.c does. @return false: no gap is large enough. */
static bool put(unsigned i, const struct vm_request *q)
{
    uint64_t base;
    struct vm_extent *extent = take_spare(q);
    if (extent != NULL) {
        ranges[i] = (struct vm_range){.base = extent->start + q->guard_below * PAGE_SIZE,
                                      .pages = q->pages,
                                      .guard_below = q->guard_below,
                                      .guard_above = q->guard_above,
                                      .extent = extent};
        extent->owner = &ranges[i];
        used[i] = true;
        return true;
    }
    while (!vm_tree_find_gap(&tree, q, &base)) {
        if (!vm_spares_drop(&spares, &tree)) {
            return false;
        }
    }
    add(i, q, base);
    return true;
}

static void give(unsigned i)
{
    vm_spares_put(&spares, &tree, ranges[i].extent);
    used[i] = false;
}

static void test_a_spare_place_is_reused(void **state)
{
    (void)state;
    reset();
    vm_spares_open(&spares);
    const struct vm_request four = {.pages = 2, .guard_below = 1, .guard_above = 1};
    /* 20: in the same free list */
    const struct vm_request low = {.pages = 4}, other = {.pages = 20};
    const struct vm_request aligned = {.pages = 4, .align = (uint64_t)1 << 20};
    for (unsigned i = 0; i < 10; i++) {
        assert_true(put(i, &four));
    }
    uint64_t base = ranges[4].base;
    give(4);
    check_tree(10);
    assert_null(vm_tree_find(&tree, base)->owner);

    assert_null(take_spare(&other));
    assert_null(take_spare(&aligned));
    assert_true(put(4, &low)); /* the same number of pages, without guards */
    assert_int_equal(ranges[4].base, base - PAGE_SIZE);
    assert_ptr_equal(vm_tree_find(&tree, base)->owner, &ranges[4]);
    check_tree(10);
    assert_null(take_spare(&low));

    struct vm_extent *extent = ranges[4].extent;
    give(4);
    assert_true(put(4, &four));
    assert_int_equal(ranges[4].base, base);
    assert_ptr_equal(ranges[4].extent, extent); /* the kept extent is reused, and not a copy */
    check_tree(10);
}

static void test_spare_places_are_few(void **state)
{
    (void)state;
    reset();
    vm_spares_open(&spares);
    for (unsigned i = 0; i < 3 * VM_SPARES; i++) {
        const struct vm_request q = {.pages = 1 + i % 40};
        assert_true(put(i, &q));
    }
    for (unsigned i = 0; i < 3 * VM_SPARES; i++) {
        give(i);
        check_tree(3 * VM_SPARES - (i < VM_SPARES ? 0 : i + 1 - VM_SPARES));
    }
    assert_int_equal(count_spares(), VM_SPARES);
    assert_true(vm_spares_drop(&spares, &tree));
    check_tree(0);
    assert_false(vm_spares_drop(&spares, &tree));
}

/* When live ranges need all structs, an extent is freed with its range. */
static void test_places_outlive_ranges_while_structs_are_free(void **state)
{
    (void)state;
    reset();
    vm_spares_open(&spares);
    const struct vm_request one = {.pages = 1};
    for (unsigned i = 0; i < VM_SPARES; i++) {
        assert_true(put(i, &one));
    }
    for (unsigned i = 0; i < VM_SPARES; i++) {
        give(i);
    }
    for (unsigned i = 0; i < VM_SPARES + 5; i++) {
        assert_true(put(i, &one));
        assert_true((ranges[i].extent == &ranges[i].own) == (i >= VM_SPARES));
    }
    give(VM_SPARES);
    assert_int_equal(count_spares(), 0);
    check_tree(VM_SPARES + 4);
    give(0);
    assert_int_equal(count_spares(), 1);
    check_tree(VM_SPARES + 4);
}

static void test_spare_places_make_room(void **state)
{
    (void)state;
    reset();
    vm_spares_open(&spares);
    const struct vm_request eighth = {.pages = SIZE / PAGE_SIZE / 8},
                            all = {.pages = SIZE / PAGE_SIZE};
    for (unsigned i = 0; i < 8; i++) {
        assert_true(put(i, &eighth));
    }
    assert_false(put(8, &eighth));
    for (unsigned i = 0; i < 8; i++) {
        give(i);
    }
    assert_true(put(0, &all));
    check_tree(1);
}

static void test_random_ranges_with_spare_places(void **state)
{
    (void)state;
    reset();
    vm_spares_open(&spares);
    unsigned count = 0;
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = rnd(COUNT);
        if (used[i]) {
            give(i);
            count--;
        } else {
            const struct vm_request q = {.pages = 1 + rnd(16),
                                         .align = rnd(2) == 0 ? 0 : PAGE_SIZE << rnd(6),
                                         .guard_below = rnd(3),
                                         .guard_above = rnd(3)};
            if (put(i, &q)) {
                used[i] = false; /* a range does not overlap itself */
                assert_int_equal(ranges[i].base & ((q.align != 0 ? q.align : PAGE_SIZE) - 1), 0);
                assert_true(start_of(&ranges[i]) >= BASE);
                assert_true(is_free(start_of(&ranges[i]), end_of(&ranges[i])));
                used[i] = true;
                count++;
            }
        }
        if (step % 16 == 0) {
            check_tree(count + count_spares());
        }
    }
    assert_true(count > 100);
}

static struct vm_extent *put_at(unsigned i, uint64_t page, size_t pages)
{
    const struct vm_request q = {.pages = pages, .guard_below = 1, .guard_above = 1};
    add(i, &q, BASE + page * PAGE_SIZE);
    return ranges[i].extent;
}

static void expect_gap(uint64_t from, uint64_t most, uint64_t page, uint64_t pages)
{
    uint64_t base, len = most * PAGE_SIZE;
    assert_true(vm_tree_next_gap(&tree, BASE + from * PAGE_SIZE, 8 * PAGE_SIZE, &base, &len));
    assert_int_equal(base, BASE + page * PAGE_SIZE);
    assert_int_equal(len, pages * PAGE_SIZE);
}

/* In units of 8 pages, up to the end of the last range that ever existed. */
static void test_gaps_come_in_whole_units(void **state)
{
    (void)state;
    uint64_t base, len = SIZE;
    tree = (struct vm_tree){.base = BASE, .size = SIZE, .seed = 1};
    assert_false(vm_tree_next_gap(&tree, 0, 8 * PAGE_SIZE, &base, &len));
    (void)put_at(0, 1, 6);                   /* 0 to 8 with its guards */
    (void)put_at(1, 25, 10);                 /* 24 to 36 */
    (void)put_at(2, 47, 1);                  /* 46 to 49 */
    vm_tree_remove(&tree, put_at(3, 70, 1)); /* up to 72 */
    expect_gap(0, 1000, 8, 16);
    expect_gap(0, 8, 8, 8);
    expect_gap(9, 1000, 16, 8);
    expect_gap(17, 1000, 56, 16); /* the gap from 36 to 46 contains no whole unit */
    expect_gap(57, 1000, 64, 8);
    assert_false(vm_tree_next_gap(&tree, BASE + 65 * PAGE_SIZE, 8 * PAGE_SIZE, &base, &len));
}

/* x86-64's code region: its last GiB is incomplete, 960 MiB short of
 * the end of the address space. */
static void test_no_gap_wraps_around_the_end_of_addresses(void **state)
{
    (void)state;
    const uint64_t unit = UINT64_C(1) << 30, top = UINT64_C(0xffffffffc0000000);
    struct vm_extent below = {.start = top + 0x3000, .end = top + 0x103000};
    struct vm_extent behind = {.start = top + 0x105000, .end = top + 0x106000};
    uint64_t base, len = UINT64_MAX;
    tree = (struct vm_tree){.base = 0xffffffff84000000, .size = unit, .seed = 1};
    vm_tree_insert(&tree, &below);
    vm_tree_insert(&tree, &behind);
    assert_false(vm_tree_next_gap(&tree, 0, unit, &base, &len));
    assert_false(vm_tree_next_gap(&tree, top + 0x1000, unit, &base, &len));
    assert_true(vm_tree_next_gap(&tree, top + 0x104000, 0x1000, &base, &len));
    assert_int_equal(base, top + 0x104000);
    assert_int_equal(len, 0x1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_ranges_never_overlap),
        cmocka_unit_test(test_find_knows_ranges_and_guards),
        cmocka_unit_test(test_the_lowest_gap_that_fits_is_used),
        cmocka_unit_test(test_a_full_region_refuses),
        cmocka_unit_test(test_a_spare_place_is_reused),
        cmocka_unit_test(test_spare_places_are_few),
        cmocka_unit_test(test_places_outlive_ranges_while_structs_are_free),
        cmocka_unit_test(test_spare_places_make_room),
        cmocka_unit_test(test_random_ranges_with_spare_places),
        cmocka_unit_test(test_gaps_come_in_whole_units),
        cmocka_unit_test(test_no_gap_wraps_around_the_end_of_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
