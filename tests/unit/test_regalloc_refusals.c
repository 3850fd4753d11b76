// SPDX-License-Identifier: MIT
//
// A register that is read without a definition: the allocator refuses the function, in every build
// and on any path. Each shape has a correct variant, which is accepted.
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/random_vcode.h"
#include "tests/unit/jit/small_vcode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOT_REACHED "is used where its definition does not reach"

/* The register and the instruction that the allocator must report. */
struct fault {
    uint32_t vreg, instr;
};

static uint32_t new_value(struct vcode *v)
{
    return vcode_vreg(v, VCLASS_INT, 8);
}

static void define(struct vcode *v, uint32_t vreg)
{
    vcode_instr(v, &(struct vinstr){.op = 0});
    vcode_operand(v, vreg, VDEF, VAT_REG, 0);
}

static uint32_t use(struct vcode *v, uint32_t vreg)
{
    use_value(v, vreg);
    return v->instr_count - 1;
}

/* ---- Shapes ---- */

static struct fault same_block(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), x = new_value(v);
    struct fault f = {x, 0};
    if (is_wrong) {
        f.instr = use(v, x);
    }
    define(v, x);
    use_value(v, x);
    end_with_jump(v, top);
    return f;
}

/* An instruction that reads its own result. */
static struct fault same_instruction(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), x = define_value(v), y = new_value(v);
    vcode_instr(v, &(struct vinstr){.op = 0});
    vcode_operand(v, y, VDEF, VAT_REG, 0);
    vcode_operand(v, is_wrong ? y : x, VUSE, VAT_REG, 0);
    end_with_jump(v, top);
    return (struct fault){y, 1};
}

static struct fault never(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), x = define_value(v), y = new_value(v);
    struct fault f = {y, use(v, is_wrong ? y : x)};
    end_with_jump(v, top);
    return f;
}

static struct fault temporary(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), x = define_value(v), y = new_value(v);
    vcode_instr(v, &(struct vinstr){.op = 0});
    vcode_operand(v, y, VTEMP, VAT_REG, 0);
    struct fault f = {y, use(v, is_wrong ? y : x)};
    end_with_jump(v, top);
    return f;
}

/* top branches to left and right, which join in end. A value of left is used in left or in end. */
static struct fault one_branch(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), x = define_value(v);
    end_with_branch(v, top, x);
    uint32_t left = begin_block(v), y = define_value(v);
    use_value(v, y);
    end_with_jump(v, left);
    uint32_t right = begin_block(v);
    end_with_jump(v, right);
    uint32_t end = begin_block(v);
    struct fault f = {y, use(v, is_wrong ? y : x)};
    end_with_jump(v, end);
    vcode_edge(v, top, left, NULL, 0);
    vcode_edge(v, top, right, NULL, 0);
    vcode_edge(v, left, end, NULL, 0);
    vcode_edge(v, right, end, NULL, 0);
    return f;
}

/* The same, as an argument for end: right passes a value of left. */
static struct fault argument(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), x = define_value(v);
    end_with_branch(v, top, x);
    uint32_t left = begin_block(v), y = define_value(v);
    end_with_jump(v, left);
    uint32_t right = begin_block(v);
    end_with_jump(v, right);
    struct fault f = {y, v->instr_count - 1};
    uint32_t end = begin_block(v), param = new_value(v);
    vcode_params(v, end, &param, 1);
    use_value(v, param);
    end_with_jump(v, end);
    vcode_edge(v, top, left, NULL, 0);
    vcode_edge(v, top, right, NULL, 0);
    vcode_edge(v, left, end, &y, 1);
    vcode_edge(v, right, end, is_wrong ? &y : &x, 1);
    return f;
}

/* A parameter of left is used in right. */
static struct fault parameter(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), x = define_value(v);
    end_with_branch(v, top, x);
    uint32_t left = begin_block(v), param = new_value(v);
    vcode_params(v, left, &param, 1);
    use_value(v, param);
    end_with_jump(v, left);
    uint32_t right = begin_block(v);
    struct fault f = {param, use(v, is_wrong ? param : x)};
    end_with_jump(v, right);
    vcode_edge(v, top, left, &x, 1);
    vcode_edge(v, top, right, NULL, 0);
    return f;
}

/* A loop's round uses a value of the round before: the first round has none. */
static struct fault round_before(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), x = define_value(v), y = new_value(v);
    end_with_jump(v, top);
    uint32_t loop = begin_block(v);
    struct fault f = {y, use(v, is_wrong ? y : x)};
    end_with_branch(v, loop, x);
    uint32_t body = begin_block(v);
    define(v, y);
    end_with_jump(v, body);
    uint32_t end = begin_block(v);
    end_with_jump(v, end);
    vcode_edge(v, top, loop, NULL, 0);
    vcode_edge(v, loop, body, NULL, 0);
    vcode_edge(v, loop, end, NULL, 0);
    vcode_edge(v, body, loop, NULL, 0);
    return f;
}

/* Its use is farther away than the live values that a block records. */
static struct fault behind_many(struct vcode *v, bool is_wrong)
{
    enum { MANY = 400 };
    uint32_t top = begin_block(v), x = define_value(v), y = new_value(v), values[MANY];
    for (unsigned n = 0; n < MANY; n++) {
        values[n] = define_value(v);
    }
    end_with_branch(v, top, x);
    uint32_t left = begin_block(v);
    define(v, y);
    end_with_jump(v, left);
    uint32_t right = begin_block(v);
    end_with_jump(v, right);
    uint32_t end = begin_block(v);
    for (unsigned n = 0; n < MANY; n++) {
        use_value(v, values[n]);
    }
    struct fault f = {y, use(v, is_wrong ? y : x)};
    end_with_jump(v, end);
    vcode_edge(v, top, left, NULL, 0);
    vcode_edge(v, top, right, NULL, 0);
    vcode_edge(v, left, end, NULL, 0);
    vcode_edge(v, right, end, NULL, 0);
    return f;
}

/* The object that a pointer points into must be live as long as the pointer. */
static struct fault base(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), object = define_value(v), other = new_value(v);
    uint32_t pointer = define_value(v);
    v->vregs[object].is_managed = v->vregs[other].is_managed = true;
    v->vregs[pointer].is_managed = true;
    vcode_derive(v, pointer, is_wrong ? other : object);
    struct fault f = {other, use(v, pointer)};
    end_with_jump(v, top);
    return f;
}

static struct fault twice(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), x = define_value(v), y = new_value(v);
    define(v, is_wrong ? x : y);
    use_value(v, x);
    end_with_jump(v, top);
    return (struct fault){x, 1};
}

static struct fault unknown_operand(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), x = define_value(v);
    struct fault f = {VREG_NONE, use(v, is_wrong ? VREG_NONE : x)};
    end_with_jump(v, top);
    return f;
}

static struct fault unknown_argument(struct vcode *v, bool is_wrong)
{
    uint32_t top = begin_block(v), x = define_value(v), none = VREG_NONE;
    end_with_jump(v, top);
    struct fault f = {none, v->instr_count - 1};
    uint32_t end = begin_block(v), param = new_value(v);
    vcode_params(v, end, &param, 1);
    end_with_jump(v, end);
    vcode_edge(v, top, end, is_wrong ? &none : &x, 1);
    return f;
}

/* ---- Tests ---- */

static const struct {
    struct fault (*build)(struct vcode *v, bool is_wrong);
    const char *text;
} shapes[] = {{same_block, NOT_REACHED},
              {same_instruction, NOT_REACHED},
              {never, "is used and never defined"},
              {temporary, "is used and never defined"},
              {one_branch, NOT_REACHED},
              {argument, NOT_REACHED},
              {parameter, NOT_REACHED},
              {round_before, NOT_REACHED},
              {behind_many, NOT_REACHED},
              {base, "is used and never defined"},
              {twice, "is defined twice"},
              {unknown_operand, "does not exist"},
              {unknown_argument, "does not exist"}};

static enum status allocate(size_t shape, bool is_wrong, struct arena *a, struct vcode *v,
                            struct fault *fault)
{
    arena_init(a, SMALL_VCODE_LIMIT);
    vcode_init(v, a, NULL);
    *fault = shapes[shape].build(v, is_wrong);
    assert_int_equal(vcode_finish(v), OK);
    return vcode_allocate(v, &mock_x86.registers, NULL);
}

static void test_no_unwritten_value_is_read(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_COUNT(shapes); n++) {
        struct arena a;
        struct vcode v;
        struct fault fault;
        assert_int_equal(allocate(n, true, &a, &v, &fault), E_CORRUPT);
        assert_string_equal(v.mistake.text, shapes[n].text);
        assert_int_equal(v.mistake.vreg, fault.vreg);
        assert_int_equal(v.mistake.instr, fault.instr);
        arena_free_all(&a);
    }
}

static void test_correct_functions_are_accepted(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_COUNT(shapes); n++) {
        struct arena a;
        struct vcode v;
        struct fault fault;
        struct vcomplaint complaint;
        assert_int_equal(allocate(n, false, &a, &v, &fault), OK);
        assert_null(v.mistake.text);
        assert_true(vcode_check(&v, &mock_x86.registers, &complaint));
        arena_free_all(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_unwritten_value_is_read),
        cmocka_unit_test(test_correct_functions_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
