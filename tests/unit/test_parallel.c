// SPDX-License-Identifier: MIT
//
// Parallel moves: done one after the other they must have the same effect.
#include "kernel/jit/codegen/parallel.h"
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/random_vcode.h"
#include "tests/unit/jit/small_vcode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Execute the list, and compare with the wanted moves. Location n holds value n + 1. */
static void check_parallel(struct arena *arena, const struct vmove *wanted, uint32_t count,
                           uint32_t slots)
{
    struct parallel p = {
        .arena = arena, .scratch = mock_x86.registers.scratch, .slot_count = slots};
    struct moves out = {.list = NULL};
    uint32_t before[VCLASS_COUNT * 32 + 64], at[VCLASS_COUNT * 32 + 64];
    for (uint32_t n = 0; n < ARRAY_COUNT(before); n++) {
        before[n] = at[n] = n + 1;
    }
#define CELL(class, loc) (vloc_is_slot(loc) ? 64 + ((loc) & ~VLOC_SLOT_FLAG) : 32 * (class) + (loc))
    for (uint32_t n = 0; n < count; n++) {
        parallel_want(&p, wanted[n]);
    }
    parallel_resolve(&p, 3, &out);
    assert_false(p.failed);
    for (uint32_t n = 0; n < out.count; n++) {
        const struct vmove *m = &out.list[n];
        assert_int_equal(m->at, 3);
        assert_false(vloc_is_slot(m->to) && (m->from == VLOC_NONE || vloc_is_slot(m->from)));
        at[CELL(m->class, m->to)] =
            m->from == VLOC_NONE ? 1000 + m->remake : at[CELL(m->class, m->from)];
    }
    for (uint32_t n = 0; n < count; n++) {
        const struct vmove *m = &wanted[n];
        before[CELL(m->class, m->to)] =
            m->from == VLOC_NONE ? 1000 + m->remake : CELL(m->class, m->from) + 1;
    }
    for (unsigned reg = 0; reg < 15; reg++) {
        assert_true(reg == 11 || at[reg] == before[reg]);
        assert_int_equal(at[32 + reg], before[32 + reg]);
    }
    for (uint32_t slot = 0; slot < slots; slot++) {
        assert_int_equal(at[64 + slot], before[64 + slot]);
    }
    assert_true(out.count <= 2 * count + 2 * (count / 2));
}

static void test_all_permutations_of_five(void **state)
{
    (void)state;
    /* Registers only; two of them slots; all slots. */
    static const uint32_t places[][5] = {
        {0, 1, 2, 3, 6},
        {0, VLOC_SLOT(0), 2, VLOC_SLOT(1), 6},
        {VLOC_SLOT(0), VLOC_SLOT(1), VLOC_SLOT(2), VLOC_SLOT(3), VLOC_SLOT(4)},
    };
    for (uint32_t n = 0; n < 5 * 5 * 5 * 5 * 5; n++) { /* not only permutations, also copies */
        for (size_t p = 0; p < ARRAY_COUNT(places); p++) {
            struct arena a;
            struct vmove moves[5];
            arena_init(&a, SMALL_VCODE_LIMIT);
            for (uint32_t i = 0, rest = n; i < 5; i++, rest /= 5) {
                moves[i] = (struct vmove){.to = places[p][i],
                                          .from = places[p][rest % 5],
                                          .remake = VREG_NONE,
                                          .class = VCLASS_INT,
                                          .bytes = 8};
            }
            check_parallel(&a, moves, 5, 5);
            arena_free_all(&a);
        }
    }
}

static void test_twenty_moves_of_both_classes(void **state)
{
    (void)state;
    uint32_t random = 5;
    for (uint32_t round = 0; round < 3000; round++) {
        static const uint32_t ints[] = {0, 1, 2, 3, 6, 7, 8, 9};
        struct arena a;
        struct vmove moves[20];
        arena_init(&a, SMALL_VCODE_LIMIT);
        for (uint32_t i = 0; i < 20; i++) { /* 0..7 integers, 8..13 floats, then slots: 3 and 3 */
            unsigned class = i < 8 || (i >= 14 && i < 17) ? VCLASS_INT : VCLASS_FLOAT;
            uint32_t place = class == VCLASS_INT ? (i < 8 ? ints[i] : VLOC_SLOT(i - 14))
                                                 : (i < 14 ? i : VLOC_SLOT(i - 14));
            uint32_t k = random_next(&random) % (class == VCLASS_INT ? 11 : 9);
            uint32_t from = class == VCLASS_INT ? (k < 8 ? ints[k] : VLOC_SLOT(k - 8))
                                                : (k < 6 ? 8 + k : VLOC_SLOT(k - 3));
            bool again = random_next(&random) % 8 == 0;
            moves[i] = (struct vmove){.to = place,
                                      .from = again ? VLOC_NONE : from,
                                      .remake = again ? i : VREG_NONE,
                                      .class = (uint8_t) class,
                                      .bytes = 8};
        }
        check_parallel(&a, moves, 20, 6);
        arena_free_all(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_permutations_of_five),
        cmocka_unit_test(test_twenty_moves_of_both_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
