// SPDX-License-Identifier: MIT
//
// The register allocator on functions that are hostile by their size: its work is counted at three
// sizes, and the result is checked where the checker, which is not linear, is fast enough.
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

/* `n` values are defined first and used last, after a chain of as many blocks. */
static void make_long_lives(struct vcode *v, uint32_t n)
{
    uint32_t *values = calloc(n, sizeof *values), b = begin_block(v);
    for (uint32_t i = 0; i < n; i++) {
        values[i] = define_value(v);
    }
    end_with_jump(v, b);
    for (uint32_t i = 0; i < n; i++) {
        vcode_edge(v, b, b + 1, NULL, 0);
        b = begin_block(v);
        use_value(v, define_value(v));
        end_with_jump(v, b);
    }
    vcode_edge(v, b, b + 1, NULL, 0);
    b = begin_block(v);
    for (uint32_t i = 0; i < n; i++) {
        use_value(v, values[i]);
    }
    end_with_jump(v, b);
    free(values);
}

/* One block. */
static void make_long_block(struct vcode *v, uint32_t n)
{
    uint32_t b = begin_block(v), old[40] = {0}, state = 1;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t value = define_value(v);
        if (i >= 40) {
            use_value(v, old[random_next(&state) % 40]);
        }
        old[i % 40] = value;
    }
    end_with_jump(v, b);
}

/* A value for each block, and each block may branch to the end, where all are parameters. */
static void make_exits(struct vcode *v, uint32_t n)
{
    enum { PARAMS = 20 };
    uint32_t values[PARAMS], params[PARAMS];
    uint32_t *from = calloc(n, sizeof *from), (*args)[PARAMS] = calloc(n, sizeof *args);
    uint32_t b = begin_block(v);
    for (uint32_t i = 0; i < PARAMS; i++) {
        values[i] = define_value(v);
    }
    for (uint32_t i = 0; i < n; i++) {
        vcode_instr(v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
        vcode_operand(v, values[i % PARAMS], VUSE, VAT_REG, 0);
        vcode_block_end(v, b, false);
        vcode_edge(v, b, b + 1, NULL, 0);
        vcode_edge(v, b, b + 2, NULL, 0);
        from[i] = begin_block(v);
        end_with_jump(v, from[i]);
        memcpy(args[i], values, sizeof values);
        b = begin_block(v);
        values[i % PARAMS] = define_value(v);
    }
    end_with_jump(v, b);
    uint32_t end = begin_block(v);
    for (uint32_t i = 0; i < PARAMS; i++) {
        params[i] = vcode_vreg(v, VCLASS_INT, 8);
    }
    vcode_params(v, end, params, PARAMS);
    for (uint32_t i = 0; i < PARAMS; i++) {
        use_value(v, params[i]);
    }
    end_with_jump(v, end);
    for (uint32_t i = 0; i < n; i++) {
        vcode_edge(v, from[i], end, args[i], PARAMS);
    }
    vcode_edge(v, b, end, values, PARAMS);
    free(from);
    free(args);
}

/* Nested loops: all start, and then all end. */
static void make_nest(struct vcode *v, uint32_t n)
{
    uint32_t outer[20], b = begin_block(v);
    for (uint32_t i = 0; i < 20; i++) {
        outer[i] = define_value(v);
    }
    end_with_jump(v, b);
    for (uint32_t i = 0; i < n; i++) {
        vcode_edge(v, b, b + 1, NULL, 0);
        b = begin_block(v);
        use_value(v, outer[i % 20]);
        end_with_jump(v, b);
    }
    for (uint32_t i = n; i > 0; i--) { /* the header of loop i is block i */
        vcode_edge(v, b, b + 1, NULL, 0);
        uint32_t test = begin_block(v);
        vcode_instr(v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
        vcode_operand(v, outer[i % 20], VUSE, VAT_ANY, 0);
        vcode_block_end(v, test, false);
        vcode_edge(v, test, test + 1, NULL, 0);
        vcode_edge(v, test, test + 2, NULL, 0);
        uint32_t back = begin_block(v);
        end_with_jump(v, back);
        vcode_edge(v, back, i, NULL, 0);
        b = begin_block(v);
        use_value(v, outer[(i + 7) % 20]);
        end_with_jump(v, b);
    }
}

/* A switch with a block for each target. */
static void make_switch(struct vcode *v, uint32_t n)
{
    uint32_t values[30], b = begin_block(v);
    for (uint32_t i = 0; i < 30; i++) {
        values[i] = define_value(v);
    }
    vcode_instr(v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
    vcode_operand(v, values[0], VUSE, VAT_REG, 0);
    vcode_block_end(v, b, false);
    for (uint32_t i = 0; i < n; i++) {
        vcode_edge(v, b, b + 1 + i, NULL, 0);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t arm = begin_block(v);
        use_value(v, values[i % 30]);
        end_with_jump(v, arm);
        vcode_edge(v, arm, n + 1, NULL, 0);
    }
    uint32_t end = begin_block(v);
    for (uint32_t i = 0; i < 30; i++) {
        use_value(v, values[i]);
    }
    end_with_jump(v, end);
}

/* Parameters that rotate in a loop, most of them in slots. */
static void make_rotation(struct vcode *v, uint32_t n)
{
    uint32_t *args = calloc(n, sizeof *args), *params = calloc(n + 1, sizeof *params);
    uint32_t b = begin_block(v);
    for (uint32_t i = 0; i < n; i++) {
        args[i] = define_value(v);
    }
    end_with_jump(v, b);
    vcode_edge(v, 0, 1, args, n);
    for (uint32_t i = 0; i < n; i++) {
        params[i] = vcode_vreg(v, VCLASS_INT, 8);
    }
    params[n] = params[0];
    uint32_t loop = begin_block(v);
    vcode_params(v, loop, params, n);
    vcode_instr(v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
    vcode_operand(v, params[0], VUSE, VAT_REG, 0);
    vcode_block_end(v, loop, false);
    vcode_edge(v, 1, 2, NULL, 0);
    vcode_edge(v, 1, 3, NULL, 0);
    uint32_t back = begin_block(v);
    end_with_jump(v, back);
    vcode_edge(v, back, 1, params + 1, n);
    uint32_t end = begin_block(v);
    for (uint32_t i = 0; i < n; i++) {
        use_value(v, params[i]);
    }
    end_with_jump(v, end);
    free(args);
    free(params);
}

/* Calls with many values live across them. */
static void make_calls(struct vcode *v, uint32_t n)
{
    uint32_t values[64], b = begin_block(v);
    for (uint32_t i = 0; i < 64; i++) {
        values[i] = define_value(v);
    }
    for (uint32_t i = 0; i < n; i++) {
        vcode_instr(v, &(struct vinstr){.op = 6, .flags = VI_CALL, .clobbers = 1});
        vcode_operand(v, values[i % 64], VUSE, VAT_FIXED, 7);
        values[i % 64] = vcode_vreg(v, VCLASS_INT, 8);
        vcode_operand(v, values[i % 64], VDEF, VAT_FIXED, 0);
    }
    end_with_jump(v, b);
}

static const struct {
    const char *name;
    void (*make)(struct vcode *v, uint32_t n);
    uint32_t size;
    bool is_checked; /* the checker needs blocks times slots */
} hostile[] = {
    {"long lives", make_long_lives, 15000, false},
    {"a block", make_long_block, 500000, true},
    {"exits", make_exits, 30000, true},
    {"a nest", make_nest, 5000, true},
    {"a switch", make_switch, 100000, false},
    {"rotation", make_rotation, 20000, true},
    {"calls", make_calls, 30000, true},
};

static uint64_t hostile_work(size_t n, uint32_t size)
{
    struct arena a;
    struct vcode v;
    struct vcomplaint complaint;
    uint64_t work = 0;
    arena_init(&a, SMALL_VCODE_LIMIT);
    vcode_init(&v, &a, NULL);
    hostile[n].make(&v, size);
    assert_int_equal(vcode_finish(&v), OK);
    assert_int_equal(vcode_allocate_counted(&v, &mock_x86.registers, NULL, &work), OK);
    if ((hostile[n].is_checked || size < 1000) &&
        !vcode_check(&v, &mock_x86.registers, &complaint)) {
        fail_msg("%s, %u: at %u: %s", hostile[n].name, size, complaint.instr, complaint.text);
    }
    arena_free_all(&a);
    return work;
}

static void test_work_grows_linearly_with_the_function(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_COUNT(hostile); n++) {
        uint64_t small = hostile_work(n, hostile[n].size / 100);
        uint64_t medium = hostile_work(n, hostile[n].size / 10);
        uint64_t large = hostile_work(n, hostile[n].size);
        print_message("%s: %llu, %llu, %llu\n", hostile[n].name, (unsigned long long)small,
                      (unsigned long long)medium, (unsigned long long)large);
        assert_true(medium <= 12 * small + 1000 && large <= 12 * medium);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_work_grows_linearly_with_the_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
