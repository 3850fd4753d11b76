// SPDX-License-Identifier: MIT
//
// The x86-64 back-end, tested by running its code: every operation on extreme operands, compared
// with the interpreter's definition, with operands in registers, as constants and in memory.
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/native_text.h"

/* ---- Operands ---- */

static const uint64_t integers[] = {0,
                                    1,
                                    2,
                                    3,
                                    7,
                                    31,
                                    32,
                                    33,
                                    63,
                                    64,
                                    0x7f,
                                    0x80,
                                    0xff,
                                    0x100,
                                    0x7fff,
                                    0x8000,
                                    0xffff,
                                    0x10000,
                                    0x7fffffff,
                                    0x80000000,
                                    0x80000001,
                                    0xaaaaaaaa,
                                    0xfffffffe,
                                    0xffffffff,
                                    0x100000000,
                                    0x7fffffffffffffff,
                                    0x8000000000000000,
                                    0x8000000000000001,
                                    0xfffffffffffffffe,
                                    0xffffffffffffffff,
                                    0x123456789abcdef0,
                                    0xdeadbeefcafebabe};

static const uint64_t doubles[] = {0,
                                   0x8000000000000000,
                                   0x3ff0000000000000,
                                   0xbff0000000000000,
                                   0x3fe0000000000000,
                                   0xbfe0000000000000,
                                   0x3fdfffffffffffff,
                                   0x3ff8000000000000,
                                   0x4004000000000000,
                                   0xc004000000000000,
                                   0x400c000000000000,
                                   0x7ff0000000000000,
                                   0xfff0000000000000,
                                   0x7ff8000000000000,
                                   0xfff8000000000001,
                                   0x7ff0000000000001,
                                   1,
                                   0x8000000000000001,
                                   0x000fffffffffffff,
                                   0x7fefffffffffffff,
                                   0xffefffffffffffff,
                                   0x41dfffffffc00000,
                                   0x41dfffffffe00000,
                                   0x41e0000000000000,
                                   0xc1e0000000000000,
                                   0xc1e0000000200000,
                                   0xc1e00000001fffff,
                                   0x41efffffffe00000,
                                   0x41effffffff00000,
                                   0x41f0000000000000,
                                   0xbfefffffffffffff,
                                   0x43dfffffffffffff,
                                   0x43e0000000000000,
                                   0xc3e0000000000000,
                                   0xc3e0000000000001,
                                   0x43efffffffffffff,
                                   0x43f0000000000000,
                                   0x4330000000000000,
                                   0x4330000000000001,
                                   0x432fffffffffffff,
                                   0xc32fffffffffffff,
                                   0x3fefffffffffffff,
                                   0x400921fb54442d18};

static const uint64_t singles[] = {
    0,          0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0xbf000000, 0x3effffff, 0x3fc00000,
    0x40200000, 0xc0200000, 0x40600000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001,
    1,          0x80000001, 0x007fffff, 0x7f7fffff, 0xff7fffff, 0x4effffff, 0x4f000000, 0xcf000000,
    0xcf000001, 0x4f7fffff, 0x4f800000, 0xbf7fffff, 0x5effffff, 0x5f000000, 0xdf000000, 0xdf000001,
    0x5f7fffff, 0x5f800000, 0x4b000000, 0x4b000001, 0x4affffff, 0xcaffffff, 0x3f7fffff, 0x40490fdb};

struct operands {
    const uint64_t *values;
    size_t count;
};

static struct operands operands_of(unsigned type)
{
    return type == IR_F32   ? (struct operands){singles, ARRAY_COUNT(singles)}
           : type == IR_F64 ? (struct operands){doubles, ARRAY_COUNT(doubles)}
                            : (struct operands){integers, ARRAY_COUNT(integers)};
}

static uint64_t cut(unsigned type, uint64_t v)
{
    return ir_type_size(type) == 4 ? (uint32_t)v : v;
}

static bool is_nan(unsigned type, uint64_t v)
{
    return type == IR_F32   ? (v & 0x7fffffff) > 0x7f800000
           : type == IR_F64 ? (v & 0x7fffffffffffffff) > 0x7ff0000000000000
                            : false;
}

/* An arithmetic operation may produce any quiet NaN. */
static bool same_value(unsigned op, unsigned type, uint64_t a, uint64_t b)
{
    bool exact =
        op == IR_FNEG || op == IR_FABS || op == IR_FCOPYSIGN || op == IR_BITCAST || op == IR_SELECT;
    if (!exact && is_nan(type, a) && is_nan(type, b)) {
        uint64_t quiet = type == IR_F32 ? 0x400000 : 0x8000000000000;
        return (a & quiet) != 0;
    }
    return a == b;
}

/* ---- Every operation ---- */

struct shape {
    unsigned op, type, from; /* types of the result and of the operands */
    bool unary;
};

static void check_run(struct compiled *c, const struct shape *s, uint64_t a, uint64_t b,
                      const char *how)
{
    struct ir_bits operands[3] = {{.lo = a}, {.lo = b}}, expected = {0}, result = {0};
    enum ir_trap trap = IR_TRAP_COUNT;
    bool fine = ir_eval(s->op, s->type, s->from, operands, &expected, &trap);
    c->context.a = a;
    c->context.b = b;
    struct native_outcome out = run(c, operands, &result);
    bool same = out.trapped == !fine && (fine ? same_value(s->op, s->type, result.lo, expected.lo)
                                              : out.trap == trap && out.location == 7);
    if (!same) {
        fail_msg("%s.%s %s: %#llx, %#llx: expected %d %#llx %u, got %d %#llx %u at %u",
                 ir_op_info[s->op].text, ir_type_name(s->from), how, (unsigned long long)a,
                 (unsigned long long)b, fine, (unsigned long long)expected.lo, trap, !out.trapped,
                 (unsigned long long)result.lo, out.trap, out.location);
    }
}

/* The type suffix of the operation in text. */
static unsigned suffix(const struct shape *s)
{
    unsigned typing = ir_op_info[s->op].typing;
    return typing == IR_TYPES_COMPARES_INTEGER || typing == IR_TYPES_COMPARES_FLOAT ? s->from
                                                                                    : s->type;
}

/* `first` and `second` define v2 and v3 from the parameters. */
static void compile_shape(struct compiled *c, const struct shape *s, const char *first,
                          const char *second, uint64_t features)
{
    char text[1024];
    const char *from = ir_type_name(s->from);
    (void)snprintf(text, sizeof text,
                   MODULE_HEAD "signature (%s, %s) -> (%s)\ncallee @f signature 0\n"
                               "function @f {\nblock0(v0: %s, v1: %s):\n%s%s"
                               " v4 = %s.%s v2%s !7\n return v4\n}\n",
                   from, from, ir_type_name(s->type), from, from, first, second,
                   ir_op_info[s->op].text, ir_type_name(suffix(s)), s->unary ? "" : ", v3");
    compile_with(c, text, (struct jit_options){.features = features});
}

static const char *define(char *text, size_t len, unsigned n, const char *what, unsigned type,
                          const char *rest)
{
    (void)snprintf(text, len, " v%u = %s.%s %s\n", n, what, ir_type_name(type), rest);
    return text;
}

/* The same value, but no longer a parameter, so that v2 and v3 have a definition. */
static const char *pass(char *text, size_t len, unsigned n, unsigned type, const char *one)
{
    (void)snprintf(text, len, " v%u = const.i32 1\n v%u = select.%s v%u, %s, %s\n", n + 10, n,
                   ir_type_name(type), n + 10, one, one);
    return text;
}

static void check_registers(const struct shape *s, uint64_t features)
{
    struct compiled c;
    char first[128], second[128];
    struct operands o = operands_of(s->from);
    compile_shape(&c, s, pass(first, sizeof first, 2, s->from, "v0"),
                  pass(second, sizeof second, 3, s->from, "v1"), features);
    for (size_t a = 0; a < o.count; a++) {
        for (size_t b = 0; b < (s->unary ? 1 : o.count); b++) {
            check_run(&c, s, cut(s->from, o.values[a]), cut(s->from, o.values[b]), "registers");
        }
    }
    discard(&c);
}

static void check_memory(const struct shape *s, unsigned which)
{
    struct compiled c;
    char first[128], second[128];
    struct operands o = operands_of(s->from);
    const char *left = (which & 1) != 0
                           ? define(first, sizeof first, 2, "load", s->from, "context[16]")
                           : pass(first, sizeof first, 2, s->from, "v0");
    const char *right = (which & 2) != 0
                            ? define(second, sizeof second, 3, "load", s->from, "context[24]")
                            : pass(second, sizeof second, 3, s->from, "v1");
    compile_shape(&c, s, left, right, native_features());
    for (size_t a = 0; a < o.count; a++) {
        for (size_t b = 0; b < (s->unary ? 1 : o.count); b++) {
            check_run(&c, s, cut(s->from, o.values[a]), cut(s->from, o.values[b]), "memory");
        }
    }
    discard(&c);
}

static void check_constants(const struct shape *s, bool left)
{
    struct operands o = operands_of(s->from);
    for (size_t k = 0; k < o.count; k++) {
        struct compiled c;
        char constant[128], other[128], bits[32];
        uint64_t value = cut(s->from, o.values[k]);
        (void)snprintf(bits, sizeof bits, "%#llx", (unsigned long long)value);
        const char *fixed = define(constant, sizeof constant, left ? 2 : 3, "const", s->from, bits);
        const char *open = pass(other, sizeof other, left ? 3 : 2, s->from, left ? "v1" : "v0");
        compile_shape(&c, s, left ? fixed : open, left ? open : fixed, native_features());
        for (size_t n = 0; n < o.count; n++) {
            uint64_t v = cut(s->from, o.values[n]);
            check_run(&c, s, left ? value : v, left ? v : value, left ? "constant left" : "right");
        }
        discard(&c);
    }
}

static void check_shape(const struct shape *s)
{
    check_registers(s, native_features());
    check_registers(s, 0);
    check_memory(s, 1);
    if (!s->unary) {
        check_memory(s, 2);
        check_memory(s, 3);
        check_constants(s, true);
        check_constants(s, false);
    }
}

static bool is_comparison(unsigned typing)
{
    return typing == IR_TYPES_COMPARES_INTEGER || typing == IR_TYPES_COMPARES_FLOAT;
}

/* All operations with this typing, in all types that it allows. */
static void check_typing(unsigned typing, unsigned type, unsigned from)
{
    for (unsigned op = 0; op <= IR_BITCAST; op++) {
        if (ir_op_info[op].typing == typing && ir_can_eval(op)) {
            struct shape s = {op, is_comparison(typing) ? IR_I32 : type, from,
                              ir_op_info[op].form == IR_FORM_UNARY};
            check_shape(&s);
        }
    }
}

static void test_integer_operations(void **state)
{
    (void)state;
    check_typing(IR_TYPES_INTEGER, IR_I32, IR_I32);
    check_typing(IR_TYPES_INTEGER, IR_I64, IR_I64);
    check_typing(IR_TYPES_I64, IR_I64, IR_I64);
}

static void test_integer_comparisons(void **state)
{
    (void)state;
    check_typing(IR_TYPES_COMPARES_INTEGER, IR_I32, IR_I32);
    check_typing(IR_TYPES_COMPARES_INTEGER, IR_I32, IR_I64);
}

static void test_float_operations(void **state)
{
    (void)state;
    check_typing(IR_TYPES_FLOAT, IR_F32, IR_F32);
    check_typing(IR_TYPES_FLOAT, IR_F64, IR_F64);
}

static void test_float_comparisons(void **state)
{
    (void)state;
    check_typing(IR_TYPES_COMPARES_FLOAT, IR_I32, IR_F32);
    check_typing(IR_TYPES_COMPARES_FLOAT, IR_I32, IR_F64);
}

static void test_conversions(void **state)
{
    (void)state;
    static const struct {
        unsigned typing, type, from;
    } rows[] = {
        {IR_TYPES_I64_TO_I32, IR_I32, IR_I64},       {IR_TYPES_I32_TO_I64, IR_I64, IR_I32},
        {IR_TYPES_F32_TO_F64, IR_F64, IR_F32},       {IR_TYPES_F64_TO_F32, IR_F32, IR_F64},
        {IR_TYPES_FLOAT_TO_INTEGER, IR_I32, IR_F32}, {IR_TYPES_FLOAT_TO_INTEGER, IR_I32, IR_F64},
        {IR_TYPES_FLOAT_TO_INTEGER, IR_I64, IR_F32}, {IR_TYPES_FLOAT_TO_INTEGER, IR_I64, IR_F64},
        {IR_TYPES_INTEGER_TO_FLOAT, IR_F32, IR_I32}, {IR_TYPES_INTEGER_TO_FLOAT, IR_F32, IR_I64},
        {IR_TYPES_INTEGER_TO_FLOAT, IR_F64, IR_I32}, {IR_TYPES_INTEGER_TO_FLOAT, IR_F64, IR_I64},
        {IR_TYPES_SAME_SIZE, IR_I32, IR_F32},        {IR_TYPES_SAME_SIZE, IR_F32, IR_I32},
        {IR_TYPES_SAME_SIZE, IR_I64, IR_F64},        {IR_TYPES_SAME_SIZE, IR_F64, IR_I64},
    };
    for (unsigned n = 0; n < ARRAY_COUNT(rows); n++) {
        check_typing(rows[n].typing, rows[n].type, rows[n].from);
    }
}

/* ---- Branches on a result ---- */

/* 1 if the result of the operation compares so with 0, else 0. */
static void compile_branch(struct compiled *c, const char *op, const char *compare)
{
    char text[1024];
    (void)snprintf(text, sizeof text,
                   MODULE_HEAD "signature (i32, i32) -> (i32)\ncallee @f signature 0\n"
                               "function @f {\nblock0(v0: i32, v1: i32):\n v2 = %s.i32 v0, v1\n"
                               " v3 = const.i32 0\n v4 = %s.i32 v2, v3\n"
                               " branch v4, block1(), block2()\n"
                               "block1():\n v6 = const.i32 1\n return v6\n"
                               "block2():\n v8 = const.i32 0\n return v8\n}\n",
                   op, compare);
    compile(c, text);
}

static void check_branch(unsigned op, unsigned compare, uint32_t *bytes)
{
    struct compiled c;
    struct operands o = operands_of(IR_I32);
    enum ir_trap trap;
    compile_branch(&c, ir_op_info[op].text, ir_op_info[compare].text);
    *bytes = c.native.code[0].size;
    for (size_t n = 0; n < o.count * o.count; n++) {
        struct ir_bits args[3] = {{.lo = cut(IR_I32, o.values[n / o.count])},
                                  {.lo = cut(IR_I32, o.values[n % o.count])}};
        struct ir_bits with_0[3] = {{0}}, expected = {0}, result = {0};
        (void)ir_eval(op, IR_I32, IR_I32, args, &with_0[0], &trap);
        (void)ir_eval(compare, IR_I32, IR_I32, with_0, &expected, &trap);
        (void)run(&c, args, &result);
        if (result.lo != expected.lo) {
            fail_msg("%s %s 0: %#llx, %#llx", ir_op_info[op].text, ir_op_info[compare].text,
                     (unsigned long long)args[0].lo, (unsigned long long)args[1].lo);
        }
    }
    discard(&c);
}

/* A sum may overflow, so only whether it is 0 follows from its flags. */
static void test_a_result_is_not_compared_where_its_flags_tell(void **state)
{
    (void)state;
    static const unsigned ops[] = {IR_ADD, IR_SUB, IR_AND, IR_OR, IR_XOR};
    static const unsigned signed_ones[] = {IR_LT_S, IR_LE_S};
    for (unsigned n = 0; n < ARRAY_COUNT(ops); n++) {
        uint32_t equal, unequal, other;
        bool is_sum = ops[n] == IR_ADD || ops[n] == IR_SUB;
        check_branch(ops[n], IR_EQ, &equal);
        check_branch(ops[n], IR_NE, &unequal);
        assert_int_equal(equal, unequal);
        for (unsigned m = 0; m < ARRAY_COUNT(signed_ones); m++) {
            check_branch(ops[n], signed_ones[m], &other);
            assert_int_equal(other, equal + (is_sum ? 2 : 0)); /* `test` has two bytes */
        }
    }
}

/* The ModRM byte of the only multiplication of doubles. */
static uint8_t operands_of_multiplication(const struct jit_code *code)
{
    uint8_t found = 0;
    unsigned count = 0;
    for (uint32_t n = 0; n + 4 < code->size; n++) {
        const uint8_t *at = code->bytes + n;
        if (at[0] == 0xf2) {
            at += (at[1] & 0xf0) == 0x40; /* REX */
            found = at[1] == 0x0f && at[2] == 0x59 ? at[3] : found;
            count += at[1] == 0x0f && at[2] == 0x59;
        }
    }
    assert_int_equal(count, 1);
    return found;
}

/* 5 * 1.5 * 1.5 * ...: the constant is defined before the loop. `more` is also in the loop. */
static uint8_t multiply_in_loop(const char *more)
{
    char text[1024];
    struct compiled c;
    struct ir_bits args[] = {{.lo = 0x4014000000000000}, {.lo = 3}}, result = {0};
    (void)snprintf(text, sizeof text,
                   MODULE_HEAD "signature (f64, i32) -> (f64)\nsignature () -> ()\n"
                               "callee @f signature 0\ncallee @g signature 1\nfunction @f {\n"
                               "block0(v0: f64, v1: i32):\n v2 = const.f64 0x3ff8000000000000\n"
                               " jump block1(v0, v1)\nblock1(v3: f64, v4: i32):\n%s"
                               " v5 = fmul.f64 v3, v2\n v6 = const.i32 1\n v7 = sub.i32 v4, v6\n"
                               " branch v7, block1(v5, v7), block2()\nblock2():\n return v5\n}\n"
                               "function @g {\nblock0():\n return\n}\n",
                   more);
    compile(&c, text);
    uint8_t operands = operands_of_multiplication(&c.native.code[0]);
    (void)run(&c, args, &result);
    assert_int_equal(result.lo, 0x4030e00000000000); /* 16.875 */
    discard(&c);
    return operands;
}

/* A load less in each iteration. A call would change the register. */
static void test_a_loop_keeps_a_constant_in_a_register(void **state)
{
    (void)state;
    const uint8_t after_the_code = 5; /* without the register, which has bits 3 to 5 */
    assert_true(multiply_in_loop("") >= 0xc0);
    assert_int_equal(multiply_in_loop(" call @g() !21\n") & 0xc7, after_the_code);
}

static void test_entry_has_the_offsets_that_assembly_uses(void **state)
{
    (void)state;
    assert_int_equal(offsetof(struct jit_entry, code), 0);
    assert_int_equal(offsetof(struct jit_entry, context), 8);
    assert_int_equal(offsetof(struct jit_entry, ints), 16);
    assert_int_equal(offsetof(struct jit_entry, floats), 80);
    assert_int_equal(offsetof(struct jit_entry, stack), 208);
    assert_int_equal(offsetof(struct jit_entry, stack_cells), 216);
    assert_int_equal(offsetof(struct jit_entry, saved_sp), 224);
    assert_int_equal(offsetof(struct jit_entry, outcome), 232);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry_has_the_offsets_that_assembly_uses),
        cmocka_unit_test(test_integer_operations),
        cmocka_unit_test(test_integer_comparisons),
        cmocka_unit_test(test_float_operations),
        cmocka_unit_test(test_float_comparisons),
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_a_loop_keeps_a_constant_in_a_register),
        cmocka_unit_test(test_a_result_is_not_compared_where_its_flags_tell),
    };
    if (native_machine() != &jit_machine_x86_64) {
        return 0;
    }
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
