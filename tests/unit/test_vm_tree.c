// SPDX-License-Identifier: MIT
//
// Ranges by address against a model: a plain sorted array that finds gaps by looking at all of
// them.
#include "kernel/mm/vm_tree.h"

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

/* Checks order, ranks and gaps below r; returns its depth. */
static unsigned check_node(const struct vm_range *r)
{
    if (r == NULL) {
        return 0;
    }
    uint64_t max = r->gap;
    const struct vm_range *child[2] = {r->left, r->right};
    unsigned depth[2];
    for (unsigned i = 0; i < 2; i++) {
        depth[i] = check_node(child[i]);
        if (child[i] != NULL) {
            assert_ptr_equal(child[i]->parent, r);
            assert_true(child[i]->rank <= r->rank);
            assert_true((child[i]->base < r->base) == (i == 0));
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
    for (struct vm_range *r = vm_tree_first(&tree); r != NULL; r = vm_tree_next(r)) {
        assert_true(start_of(r) >= at);
        assert_int_equal(r->gap, start_of(r) - at);
        at = end_of(r);
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
    vm_tree_insert(&tree, &ranges[i]);
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
            vm_tree_remove(&tree, &ranges[i]);
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
        assert_ptr_equal(vm_tree_find(&tree, BASE + i * 4 * PAGE_SIZE), &ranges[i]);
        assert_ptr_equal(vm_tree_find(&tree, BASE + (i * 4 + 4) * PAGE_SIZE - 1), &ranges[i]);
    }
    assert_null(vm_tree_find(&tree, BASE + 200 * PAGE_SIZE));
    assert_null(vm_tree_find(&tree, BASE - 1));
    vm_tree_remove(&tree, &ranges[20]);
    assert_null(vm_tree_find(&tree, BASE + 81 * PAGE_SIZE));
}

static void test_the_lowest_gap_that_fits_is_taken(void **state)
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
    vm_tree_remove(&tree, &ranges[10]);
    vm_tree_remove(&tree, &ranges[50]);
    vm_tree_remove(&tree, &ranges[51]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_ranges_never_overlap),
        cmocka_unit_test(test_find_knows_ranges_and_guards),
        cmocka_unit_test(test_the_lowest_gap_that_fits_is_taken),
        cmocka_unit_test(test_a_full_region_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
