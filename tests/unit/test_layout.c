// SPDX-License-Identifier: MIT
//
// The order of blocks in memory.
#include "kernel/jit/opt/layout.h"
#include "kernel/lib/compiler.h"
#include "tests/unit/fake/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A function whose blocks have up to two edges each; pairs (from, to). */
static void check(uint32_t blocks, const uint32_t (*edges)[2], uint32_t edge_count, uint32_t cold,
                  const uint32_t *expected)
{
    struct arena a;
    struct vcode v;
    uint32_t order[16];
    static const struct vinstr jump = {.flags = VI_TERMINATOR};
    arena_init(&a, (size_t)1 << 20);
    vcode_init(&v, &a, NULL);
    for (uint32_t b = 0; b < blocks; b++) {
        (void)vcode_block(&v);
    }
    for (uint32_t b = 0; b < blocks; b++) {
        vcode_block_start(&v, b);
        (void)vcode_instr(&v, &jump);
        vcode_block_end(&v, b, false);
        for (uint32_t e = 0; e < edge_count; e++) {
            if (edges[e][0] == b) {
                (void)vcode_edge(&v, b, edges[e][1], NULL, 0);
            }
        }
        v.blocks[b].is_cold = b == cold;
    }
    assert_int_equal(vcode_finish(&v), OK);
    assert_int_equal(layout_blocks(&v, order), OK);
    assert_memory_equal(order, expected, blocks * sizeof *order);
    arena_free_all(&a);
}

static void test_order_is_kept_without_loops(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{0, 1}, {0, 2}, {1, 3}, {2, 3}};
    check(4, edges, ARRAY_COUNT(edges), UINT32_MAX, (const uint32_t[]){0, 1, 2, 3});
    check(4, edges, ARRAY_COUNT(edges), 1, (const uint32_t[]){0, 2, 3, 1});
}

static void test_a_loops_successor_is_not_placed_inside_it(void **state)
{
    (void)state;
    /* 1 is the header of a loop with 3 and 4, and its exit leads to 2. The
     * test in 1 moves to the bottom. */
    static const uint32_t top[][2] = {{0, 1}, {1, 2}, {1, 3}, {3, 4}, {4, 1}};
    check(5, top, ARRAY_COUNT(top), UINT32_MAX, (const uint32_t[]){0, 3, 4, 1, 2});
    /* The test is at the bottom already. */
    static const uint32_t bottom[][2] = {{0, 1}, {1, 2}, {2, 3}, {3, 1}, {3, 4}};
    check(5, bottom, ARRAY_COUNT(bottom), UINT32_MAX, (const uint32_t[]){0, 1, 2, 3, 4});
}

static void test_loops_in_loops_stay_together(void **state)
{
    (void)state;
    /* 1 heads (1 3 4 5), 3 heads (3 4); 2 follows both, but has a smaller number. */
    static const uint32_t edges[][2] = {{0, 1}, {1, 2}, {1, 3}, {3, 4}, {4, 3}, {4, 5}, {5, 1}};
    check(6, edges, ARRAY_COUNT(edges), UINT32_MAX, (const uint32_t[]){0, 3, 4, 5, 1, 2});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_kept_without_loops),
        cmocka_unit_test(test_a_loops_successor_is_not_placed_inside_it),
        cmocka_unit_test(test_loops_in_loops_stay_together),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
