// SPDX-License-Identifier: MIT
//
// Building machine code with virtual registers, its computed control flow, and its text.
#include "kernel/jit/codegen/vcode_print.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/text_buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT ((size_t)256 << 20)

enum { OP_DEFINE = 1, OP_ADD, OP_JUMP };

static const char *name_register(unsigned class, unsigned reg)
{
    static const char *const names[VCLASS_COUNT][4] = {{"r0", "r1", "r2", "r3"},
                                                       {"f0", "f1", "f2", "f3"}};
    return names[class][reg];
}

static void print_op(const struct vcode *v, const struct vinstr *i, char *buf, size_t len)
{
    static const char *const names[] = {"?", "define", "add", "jump"};
    (void)v;
    fmt_print(buf, len, "%s", names[i->op]);
}

static const struct jit_machine machine = {
    .name = "test", .registers = {.register_name = name_register}, .print = print_op};

static void jump_only(struct vcode *v, uint32_t block)
{
    vcode_block_start(v, block);
    vcode_instr(v, &(struct vinstr){.op = OP_JUMP, .flags = VI_TERMINATOR});
    vcode_block_end(v, block, false);
}

static void edges(struct vcode *v, const uint8_t (*list)[2], size_t count)
{
    for (size_t n = 0; n < count; n++) {
        vcode_edge(v, list[n][0], list[n][1], NULL, 0);
    }
}

static void test_a_function_prints_as_it_was_built(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, LIMIT);
    struct vcode v;
    vcode_init(&v, &a, NULL);
    uint32_t first = vcode_block(&v), second = vcode_block(&v);
    uint32_t x = vcode_vreg(&v, VCLASS_INT, 8), y = vcode_vreg(&v, VCLASS_INT, 8),
             z = vcode_vreg(&v, VCLASS_INT, 4);
    vcode_block_start(&v, first); /* in reverse order, as selection emits it */
    vcode_instr(&v, &(struct vinstr){.op = OP_JUMP, .flags = VI_TERMINATOR});
    vcode_instr(&v, &(struct vinstr){.op = OP_ADD, .clobbers = 1});
    vcode_operand(&v, y, VDEF, VAT_TIED, 1);
    vcode_operand(&v, x, VUSE, VAT_FIXED, 2);
    vcode_operand(&v, x, VUSE_LATE, VAT_ANY, 0);
    vcode_instr(&v, &(struct vinstr){.op = OP_DEFINE, .flags = VI_REMAKE});
    vcode_operand(&v, x, VDEF_EARLY, VAT_REG, 0);
    vcode_block_end(&v, first, true);
    vcode_edge(&v, first, second, &y, 1);
    vcode_params(&v, second, &z, 1);
    jump_only(&v, second);
    assert_int_equal(vcode_finish(&v), OK);
    assert_int_equal(v.vregs[x].remake, 0);
    assert_int_equal(v.vregs[y].remake, VREG_NONE);

    struct buffer *b = calloc(1, sizeof *b);
    vcode_print(&v, &machine, collect, b);
    assert_string_equal(b->text, "block0() loop 0:\n"
                                 "  0 define !=v0\n"
                                 "  1 add =v1{1} v0{r2} ~v0{*} clobbers 1\n"
                                 "  2 jump\n"
                                 "  -> block1(v1)\n"
                                 "block1(v2) loop 0:\n"
                                 "  3 jump\n");
    free(b);
    arena_free_all(&a);
}

static void test_dominators_and_loops(void **state)
{
    (void)state;
    /* 0 -> 1 { 2 -> 3 { } or 4 -> 5 } -> 6; the inner loop is 3 alone. */
    static const uint8_t list[][2] = {{0, 1}, {1, 2}, {1, 6}, {2, 3}, {2, 4},
                                      {3, 3}, {3, 5}, {4, 5}, {5, 1}};
    static const uint32_t idom[] = {0, 0, 1, 2, 2, 2, 1};
    static const uint16_t depth[] = {0, 1, 1, 2, 1, 1, 0};
    struct arena a;
    arena_init(&a, LIMIT);
    struct vcode v;
    vcode_init(&v, &a, NULL);
    for (uint32_t n = 0; n < 7; n++) {
        jump_only(&v, vcode_block(&v));
    }
    edges(&v, list, ARRAY_COUNT(list));
    assert_int_equal(vcode_finish(&v), OK);
    for (uint32_t n = 0; n < 7; n++) {
        assert_int_equal(v.blocks[n].idom, idom[n]);
        assert_int_equal(v.blocks[n].loop_depth, depth[n]);
        assert_int_equal(v.blocks[n].is_loop_header, n == 1 || n == 3);
    }
    assert_int_equal(v.blocks[5].pred_count, 2);
    arena_free_all(&a);
}

/* 200,000 branches from one chain to one block: each of its predecessors is a step further from the
 * entry. Walking the chain for each would take minutes. */
static void test_dominators_of_a_join_of_a_long_chain(void **state)
{
    (void)state;
    enum { CHAIN = 200000 };
    struct arena a;
    arena_init(&a, LIMIT);
    struct vcode v;
    vcode_init(&v, &a, NULL);
    for (uint32_t n = 0; n <= CHAIN; n++) {
        jump_only(&v, vcode_block(&v));
    }
    for (uint32_t n = 0; n < CHAIN; n++) {
        vcode_edge(&v, n, n + 1, NULL, 0);
        if (n + 1 < CHAIN) {
            vcode_edge(&v, n, CHAIN, NULL, 0);
        }
    }
    assert_int_equal(vcode_finish(&v), OK);
    assert_int_equal(v.blocks[CHAIN].idom, 0);
    assert_int_equal(v.blocks[CHAIN - 1].idom, CHAIN - 2);
    arena_free_all(&a);
}

/* Memory runs out at any point: the error stays set, and no call accesses missing memory. */
static void test_building_without_memory(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 3 * 4096; limit += 512) {
        struct arena a;
        struct vcode v;
        arena_init(&a, limit);
        vcode_init(&v, &a, NULL);
        for (uint32_t n = 0; n < 40; n++) {
            uint32_t b = vcode_block(&v), r = vcode_vreg(&v, VCLASS_INT, 8);
            vcode_params(&v, b, &r, 1);
            jump_only(&v, b);
            vcode_operand(&v, r, VUSE, VAT_REG, 0);
            vcode_extra(&v, 1);
            vcode_edge(&v, b, n == 39 ? b : b + 1, &r, 1);
        }
        assert_int_equal(vcode_finish(&v), E_NOMEM);
        arena_free_all(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_function_prints_as_it_was_built),
        cmocka_unit_test(test_dominators_and_loops),
        cmocka_unit_test(test_dominators_of_a_join_of_a_long_chain),
        cmocka_unit_test(test_building_without_memory),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
