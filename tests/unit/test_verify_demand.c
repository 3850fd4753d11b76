// SPDX-License-Identifier: MIT
//
// What the verifier asks of values that it does not know yet: values that have to equal each other,
// and bounds of values that are made of many.
#include "kernel/jit/arena.h"
#include "kernel/jit/verify/verify_internal.h"
#include "tests/unit/fake/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LIMIT ((size_t)1 << 20)

struct bench {
    struct verifier v;
    struct block block;
    struct verify_insn insn;
    struct verify_error err;
    struct arena arena;
};

static void start(struct bench *b)
{
    *b = (struct bench){0};
    arena_init(&b->arena, LIMIT);
    b->v.arena = &b->arena;
    b->v.err = &b->err;
    b->v.blocks = &b->block;
    b->v.block_count = 1;
    b->v.insns = &b->insn;
    b->v.insn_count = 1;
}

/* A value that is one of two, of which nothing is known. */
static uint32_t either(struct bench *b, uint32_t one, uint32_t other)
{
    const uint32_t both[] = {one, other};
    uint32_t node = value_join(&b->v, 0, 0, both, 2);
    assert_int_equal(b->v.status, OK);
    assert_non_null(value_merge(&b->v, node));
    return node;
}

static uint32_t address(struct bench *b, uint64_t offset)
{
    return value_new(&b->v, VALUE_CONTEXT, 0, offset);
}

static void test_values_that_equal_each_other_are_asked_once(void **state)
{
    (void)state;
    struct bench b;
    start(&b);
    uint32_t x = address(&b, 8), y = address(&b, 16);
    uint32_t one = either(&b, x, y), other = either(&b, x, y), third = either(&b, x, y);
    assert_true(value_demand_equal(&b.v, one, other));
    assert_true(value_demand_equal(&b.v, other, one));
    assert_true(value_demand_equal(&b.v, third, one));
    assert_true(value_demand_equal(&b.v, one, x));
    assert_true(value_demand_equal(&b.v, other, x));
    assert_true(value_demand_equal(&b.v, x, third));
    assert_int_equal(b.v.status, OK);
    assert_false(value_demand_equal(&b.v, third, y));
    assert_int_not_equal(b.v.status, OK);
    arena_free_all(&b.arena);
}

static void test_values_that_differ_on_some_way_are_refused_at_the_end(void **state)
{
    (void)state;
    struct bench b;
    start(&b);
    uint32_t x = address(&b, 8), y = address(&b, 16);
    uint32_t one = either(&b, x, y), other = either(&b, x, y);
    assert_true(value_demand_equal(&b.v, one, other));
    assert_true(value_demand_equal(&b.v, other, x));
    assert_false(value_finish(&b.v));
    arena_free_all(&b.arena);
}

/* Each is one of the two before it, so that the ways to the first double with each. */
static void test_a_bound_of_many_ways_takes_few_looks(void **state)
{
    (void)state;
    struct bench b;
    start(&b);
    uint32_t node = value_into_loop(&b.v, 0, 0, value_number(&b.v, 40));
    uint32_t before = value_into_loop(&b.v, 0, 0, value_number(&b.v, 41));
    for (unsigned n = 0; n < 7; n++) {
        uint32_t values[64];
        for (unsigned k = 0; k < 64; k++) {
            values[k] = k % 2 == 0 ? node : before;
        }
        before = node;
        node = value_join(&b.v, 0, 0, values, 64);
    }
    uint64_t work = b.v.work;
    assert_false(value_at_most(&b.v, node, 1000));
    assert_in_range(b.v.work - work, 1, 10000);
    arena_free_all(&b.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_that_equal_each_other_are_asked_once),
        cmocka_unit_test(test_values_that_differ_on_some_way_are_refused_at_the_end),
        cmocka_unit_test(test_a_bound_of_many_ways_takes_few_looks),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
