// SPDX-License-Identifier: MIT
//
// Random programs are valid, the same for the same seed, terminate, and have visible results.
#include "kernel/jit/ir/ir_text.h"
#include "kernel/jit/ir/ir_verify.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/ir_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)64 << 20)
#define PROGRAMS    400u

static void verify(struct arena *a, const struct ir_random *p, uint64_t seed)
{
    struct ir_complaint complaint;
    for (unsigned n = 0; n < IR_RANDOM_FUNCTIONS; n++) {
        if (ir_verify(a, p->functions[n], &complaint) != OK) {
            fail_msg("seed %llu, f%u: %s", (unsigned long long)seed, n, complaint.text);
        }
    }
}

static void test_random_programs_are_valid_and_end(void **state)
{
    (void)state;
    struct ir_random_world *w = calloc(1, sizeof *w);
    unsigned outcomes[4] = {0};
    for (uint64_t seed = 0; seed < PROGRAMS; seed++) {
        struct arena a;
        struct ir_random p;
        struct ir_random_outcome first, second;
        struct ir_bits args[IR_RANDOM_PARAMS_MAX];
        arena_init(&a, ARENA_LIMIT);
        assert_true(ir_random_make(&a, seed, (unsigned)(seed % (IR_RANDOM_ALL + 1)),
                                   50 + (unsigned)seed % 200, &p));
        verify(&a, &p, seed);
        ir_random_args(&p, seed, args);
        ir_random_fill(w, seed, 50);
        ir_random_run(&p, w, args, &first);
        ir_random_fill(w, seed, 50);
        ir_random_run(&p, w, args, &second);
        outcomes[first.outcome]++;
        assert_true(ir_random_same(&p, &first, &second));
        arena_free_all(&a);
    }
    free(w);
    assert_true(outcomes[IR_RETURNED] > PROGRAMS / 2);
    assert_true(outcomes[IR_TRAPPED] > PROGRAMS / 50);
    assert_true(outcomes[IR_STOPPED] < PROGRAMS / 20);
}

static void hash_text(void *ctx, const char *s, size_t len)
{
    uint64_t *h = ctx;
    for (size_t n = 0; n < len; n++) {
        *h = (*h ^ (uint8_t)s[n]) * UINT64_C(0x100000001b3);
    }
}

static uint64_t print(uint64_t seed)
{
    struct arena a;
    struct ir_random p;
    uint64_t h = 1;
    arena_init(&a, ARENA_LIMIT);
    assert_true(ir_random_make(&a, seed, IR_RANDOM_ALL, 200, &p));
    for (unsigned n = 0; n < IR_RANDOM_FUNCTIONS; n++) {
        ir_print_function(p.functions[n], hash_text, &h);
    }
    arena_free_all(&a);
    return h;
}

static void test_a_seed_means_one_program(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_int_equal(print(seed), print(seed));
        assert_int_not_equal(print(seed), print(seed + 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_programs_are_valid_and_end),
        cmocka_unit_test(test_a_seed_means_one_program),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
