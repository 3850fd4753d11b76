// SPDX-License-Identifier: MIT
//
// Vector operators of WebAssembly: the table has all of them, its types match those of the
// representation, and bodies that use them are compiled as expected or refused.
#include "kernel/jit/ir/ir_eval.h"
#include "kernel/jit/ir/ir_text.h"
#include "kernel/jit/ir/ir_verify.h"
#include "kernel/wasm/front/operators.h"
#include "kernel/wasm/run/runtime.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/wasm_bytes.h"
#include "tests/unit/jit/text_buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define VECTOR_OPERATORS 256 /* 236 in core specification 2.0, 20 relaxed ones in 3.0 */
#define FIRST_RELAXED    256

static bool is_there(uint32_t number)
{
    const struct wasm_operator *o = wasm_vector_operator(number);
    return o != NULL && o->shape != WASM_SHAPE_ILLEGAL;
}

static void test_the_table_has_all_operators(void **state)
{
    (void)state;
    unsigned count = 0;
    for (uint32_t number = 0; number < 1024; number++) {
        count += is_there(number) ? 1 : 0;
        for (uint32_t other = 0; is_there(number) && other < number; other++) {
            assert_true(!is_there(other) || strcmp(wasm_vector_operator(number)->name,
                                                   wasm_vector_operator(other)->name) != 0);
        }
    }
    assert_int_equal(count, VECTOR_OPERATORS);
    assert_false(is_there(154));
    assert_false(is_there(UINT32_MAX));
    assert_string_equal(wasm_vector_operator(186)->name, "i32x4.dot_i16x8_s");
    assert_string_equal(wasm_vector_operator(255)->name, "f64x2.convert_low_i32x4_u");
}

static unsigned ir_type_of(unsigned type)
{
    return type == WASM_I32    ? IR_I32
           : type == WASM_I64  ? IR_I64
           : type == WASM_F32  ? IR_F32
           : type == WASM_F64  ? IR_F64
           : type == WASM_V128 ? IR_V128
                               : IR_VOID;
}

/* The name starts with the shape, which the operation also has, unless it is a conversion. */
static void check_operation(const struct wasm_operator *o)
{
    const struct ir_op_info *info = &ir_op_info[o->op];
    unsigned scalar = ir_shape_scalar(info->shape), in = ir_type_of(o->in),
             out = ir_type_of(o->out);
    assert_memory_equal(o->name, info->text, o->shape == WASM_SHAPE_MEMORY_LANE ? 0 : 4);
    switch ((enum ir_typing)info->typing) {
    case IR_TYPES_SPLATS:
        assert_true(in == scalar && out == IR_V128);
        break;
    case IR_TYPES_TESTS_VECTOR:
        assert_true(in == IR_V128 && out == IR_I32);
        break;
    case IR_TYPES_EXTRACTS:
        assert_true(o->shape == WASM_SHAPE_MEMORY_LANE || (in == IR_V128 && out == scalar));
        break;
    case IR_TYPES_REPLACES:
        assert_true(o->shape == WASM_SHAPE_MEMORY_LANE || (in == scalar && out == IR_V128));
        break;
    default:
        assert_true(out == IR_V128 && (in == IR_V128 || o->op == IR_V128_CONST));
        break;
    }
    assert_int_equal(o->action == WASM_ACTION_UNARY, info->form == IR_FORM_UNARY);
    assert_int_equal(o->action == WASM_ACTION_BINARY,
                     info->form == IR_FORM_BINARY && info->typing == IR_TYPES_VECTOR);
}

static void test_types_are_those_of_the_representation(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < FIRST_RELAXED; number++) {
        const struct wasm_operator *o = wasm_vector_operator(number);
        if (!is_there(number)) {
            continue;
        }
        if (o->action == WASM_ACTION_LOAD || o->action == WASM_ACTION_STORE) {
            assert_int_equal(1u << o->extra, ir_access_size(o->op, IR_V128));
        } else {
            check_operation(o);
        }
    }
}

/* Those with three operands are VECTOR, and are built from more than one operation. */
static void test_types_of_relaxed_operators(void **state)
{
    (void)state;
    for (uint32_t number = FIRST_RELAXED; is_there(number); number++) {
        const struct wasm_operator *o = wasm_vector_operator(number);
        const struct ir_op_info *info = &ir_op_info[o->op];
        assert_true(strstr(o->name, "relaxed_") != NULL);
        assert_int_equal(o->shape, WASM_SHAPE_NONE);
        assert_true(o->in == WASM_V128 && o->out == WASM_V128);
        assert_int_equal(info->typing, IR_TYPES_VECTOR);
        if (o->action != WASM_ACTION_VECTOR) {
            assert_int_equal(o->action == WASM_ACTION_UNARY, info->form == IR_FORM_UNARY);
            assert_int_equal(o->action == WASM_ACTION_BINARY, info->form == IR_FORM_BINARY);
        }
    }
}

/* ---- Bodies ---- */

static bool with_helpers;
static uint8_t relaxed;

/* Build a module with a memory and one function (i32, v128) -> v128. Its text without the first
 * line, or the error, goes to *out. */
static enum status build(const uint8_t *body, size_t len, struct buffer *out)
{
    static const struct wasm_bounds bounds = {.arena_bytes = 1 << 20, .table_elements = 100};
    struct bytes b = {0};
    struct wasm_module *m;
    struct wasm_error err = {0};
    struct ir_complaint complaint;
    struct ir_function *f;
    struct arena a;
    put_header(&b);
    PUT_SECTION(&b, 1, 1, 0x60, 2, 0x7f, 0x7b, 1, 0x7b);
    PUT_SECTION(&b, 3, 1, 0);
    PUT_SECTION(&b, 5, 1, 0, 1);
    size_t code = begin_section(&b, 10);
    PUT(&b, 1);
    size_t size = begin_size(&b);
    put(&b, body, len);
    end_size(&b, size);
    end_size(&b, code);
    assert_int_equal(wasm_module_decode(b.at, b.count, &bounds, &m, &err), OK);
    assert_true(wasm_uses_vectors(m));
    m->helps_vectors = with_helpers;
    m->relaxed = relaxed;
    arena_init(&a, 16 << 20);
    enum status s = wasm_function_build(m, 0, &a, &f, &err);
    if (s != OK) {
        collect(out, err.text, strlen(err.text));
    } else if (ir_verify(&a, f, &complaint) != OK) {
        fail_msg("%s", complaint.text);
    } else {
        ir_print_function(f, collect, out);
    }
    arena_free_all(&a);
    wasm_module_free(m);
    free_bytes(&b);
    return s;
}

#define EXPECT(text, ...)                                                                          \
    expect((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), text)
#define REFUSE(text, ...)                                                                          \
    refuse((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), text)

/* Expect instructions in this order, by a word of each line; locations are ignored. */
static void expect(const uint8_t *body, size_t len, const char *const words[])
{
    struct buffer out = {.len = 0};
    if (build(body, len, &out) != OK) {
        fail_msg("%s", out.text);
    }
    const char *at = out.text;
    for (; *words != NULL; words++) {
        at = strstr(at, *words);
        if (at == NULL) {
            fail_msg("no %s in\n%s", *words, out.text);
        }
        at += strlen(*words);
    }
}

static void refuse(const uint8_t *body, size_t len, const char *words)
{
    struct buffer out = {.len = 0};
    enum status s = build(body, len, &out);
    if (s != E_CORRUPT || strstr(out.text, words) == NULL) {
        fail_msg("status %d, \"%s\", not \"%s\"", s, out.text, words);
    }
}

static void test_bodies_with_lanes(void **state)
{
    (void)state;
    static const char *const shifted[] = {"v128_const.v128 0x706050403020100, 0xf0e0d0c0b0a0908",
                                          "i32x4_shl.v128 v2, v0", NULL};
    EXPECT(shifted, 0, 0xfd, 12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x20, 0,
           0xfd, 0xab, 1, 0x0b);
    static const char *const greater[] = {"i8x16_lt_s.v128 v2, v1", NULL};
    EXPECT(greater, 0, 0x20, 1, 0x20, 0, 0xfd, 15, 0xfd, 39, 0x0b);
    static const char *const chosen[] = {"v128_bitselect.v128 v3, v1, v2", NULL};
    EXPECT(chosen, 0, 0x20, 1, 0x20, 0, 0xfd, 15, 0x20, 0, 0xfd, 16, 0xfd, 82, 0x0b);
    static const char *const shuffled[] = {"i8x16_shuffle.v128 v1, v2, 0x1700000000000000, 0x1f",
                                           NULL};
    EXPECT(shuffled, 0, 0x20, 1, 0x20, 0, 0xfd, 15, 0xfd, 13, 0, 0, 0, 0, 0, 0, 0, 23, 31, 0, 0, 0,
           0, 0, 0, 0, 0x0b);
    static const char *const lanes[] = {"i64x2_extract.i64 v1, 1", "i64x2_replace.v128 v1, v2, 0",
                                        NULL};
    EXPECT(lanes, 0, 0x20, 1, 0x20, 1, 0xfd, 29, 1, 0xfd, 30, 0, 0x0b);
}

/* Two operands are v1, the third is v2; the mask of a laneselect is the last one. */
#define THREE_OPERANDS(number)                                                                     \
    0, 0x20, 1, 0x20, 1, 0x20, 0, 0xfd, 15, 0xfd, (number)&0x7f | 0x80, (number) >> 7, 0x0b

static void test_relaxed_operators_with_three_operands(void **state)
{
    (void)state;
    static const char *const madd[] = {"f32x4_fmul.v128 v1, v1", "f32x4_fadd.v128 v2, v3", NULL};
    EXPECT(madd, THREE_OPERANDS(261));
    static const char *const nmadd[] = {"f64x2_fmul.v128 v1, v1", "f64x2_fsub.v128 v2, v3", NULL};
    EXPECT(nmadd, THREE_OPERANDS(264));
    static const char *const select[] = {"v128_bitselect.v128 v2, v1, v1", NULL};
    EXPECT(select, THREE_OPERANDS(265));
    EXPECT(select, THREE_OPERANDS(268));
    static const char *const dot[] = {"i16x8_dot_sat_su.v128 v1, v1",
                                      "i32x4_extadd_pairwise_s.v128 v3", "i32x4_add.v128 v2, v4",
                                      NULL};
    EXPECT(dot, THREE_OPERANDS(275));
    REFUSE("expected v128, found nothing", 0, 0x20, 1, 0x20, 1, 0xfd, 0x85, 2, 0x0b);
    REFUSE("unknown operator 0xfd 276", THREE_OPERANDS(276));
}

static void expect_native(unsigned allowed, unsigned number, const char *text)
{
    const uint8_t body[] = {THREE_OPERANDS(number)};
    const char *const words[] = {text, NULL};
    relaxed = (uint8_t)allowed;
    expect(body, sizeof body, words);
    relaxed = 0;
}

static void test_native_forms_of_relaxed_operators(void **state)
{
    (void)state;
    expect_native(IR_RELAXED_FMA, 261, "f32x4_fma.v128 v1, v1, v2");
    expect_native(IR_RELAXED_FMA, 262, "f32x4_fnma.v128 v1, v1, v2");
    expect_native(IR_RELAXED_FMA, 263, "f64x2_fma.v128 v1, v1, v2");
    expect_native(IR_RELAXED_FMA, 264, "f64x2_fnma.v128 v1, v1, v2");
    expect_native(IR_RELAXED_FMA, 275, "i16x8_dot_sat_su.v128 v1, v1");
    expect_native(IR_RELAXED_DOT_BYTES, 275, "i16x8_dot_bytes.v128 v1, v1");
    expect_native(IR_RELAXED_DOT_ADD_S, 275, "i32x4_dot_add_s.v128 v1, v1, v2");
    expect_native(IR_RELAXED_DOT_ADD_SU, 275, "i32x4_dot_add_su.v128 v1, v1, v2");
    expect_native(IR_RELAXED_DOT_ADD_SU, 261, "f32x4_fmul.v128 v1, v1");
}

static void test_lanes_of_memory(void **state)
{
    (void)state;
    static const char *const words[] = {
        "load.i32 memory0[v0 + 5] 16_u",    "i16x8_replace.v128 v1, v3, 7",
        "i8x16_extract_u.i32 v4, 15",       "store.i32 v5, memory0[v0 + 9] 8_u",
        "load.i64 memory0[v0 + 0]",         "i64x2_replace.v128 v4, v7, 1",
        "load.v128 memory0[v0 + 1] 32x2_u", NULL};
    EXPECT(words, 1, 1, 0x7b, 0x20, 0, 0x20, 1, 0xfd, 85, 1, 5, 7, 0x21, 2, 0x20, 0, 0x20, 2, 0xfd,
           88, 0, 9, 15, 0x20, 0, 0x20, 2, 0xfd, 87, 3, 0, 1, 0x1a, 0x20, 0, 0xfd, 6, 0, 1, 0x0b);
}

static void test_wrong_bodies(void **state)
{
    (void)state;
    REFUSE("invalid lane index 32", 0, 0x20, 1, 0x20, 1, 0xfd, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
           0, 0, 0, 0, 32, 0x0b);
    REFUSE("invalid lane index 16", 0, 0x20, 1, 0x20, 0, 0xfd, 23, 16, 0x0b);
    REFUSE("invalid lane index 4", 0, 0x20, 0, 0x20, 1, 0xfd, 86, 2, 0, 4, 0x0b);
    REFUSE("alignment", 0, 0x20, 0, 0x20, 1, 0xfd, 86, 3, 0, 0, 0x0b);
    REFUSE("expected i32, found v128", 0, 0x20, 1, 0x20, 1, 0xfd, 107, 0x0b);
    REFUSE("expected v128, found i32", 0, 0x20, 1, 0x20, 1, 0x20, 0, 0xfd, 82, 0x0b);
    REFUSE("expected v128, found nothing", 0, 0x20, 1, 0xfd, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
           0, 0, 0, 0, 0x0b);
    REFUSE("found v128", 0, 0x20, 1, 0x20, 1, 0xfd, 23, 0, 0x0b);
    REFUSE("unknown operator 0xfd 154", 0, 0x20, 1, 0xfd, 0x9a, 1, 0x0b);
}

/* Unreachable code is checked, but not built. */
static void test_vectors_that_are_never_reached(void **state)
{
    (void)state;
    static const char *const words[] = {"trap unreachable", NULL};
    EXPECT(words, 0, 0x00, 0xfd, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x41, 1, 0xfd,
           107, 0xfd, 29, 1, 0x1a, 0xfd, 86, 2, 0, 3, 0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
           0, 0, 0, 0, 0x20, 1, 0xfd, 82, 0x0b);
    REFUSE("invalid lane index 2", 0, 0x00, 0xfd, 29, 2, 0x1a, 0x20, 1, 0x0b);
}

/* ---- For a CPU that only moves vectors ---- */

static void test_operations_are_calls_of_a_helper(void **state)
{
    (void)state;
    with_helpers = true;
    static const char *const replaced[] = {"store.v128 v1, slot0",
                                           "bitcast.i32",
                                           "extend_u.i64",
                                           "store.i64",
                                           "slot0[24]",
                                           "slot0[32]",
                                           "slot0[40]",
                                           "call @vector",
                                           "load.v128 slot1[0]",
                                           "return",
                                           NULL};
    EXPECT(replaced, 0, 0x20, 1, 0x43, 0, 0, 0x80, 0x3f, 0xfd, 32, 3, 0x0b);
    static const char *const splat[] = {"load.i32 memory0[v0 + 5] 8_u", "store.i64", "call @vector",
                                        NULL};
    EXPECT(splat, 0, 0x20, 0, 0xfd, 7, 0, 5, 0x0b);
    static const char *const whole[] = {"load.v128 memory0[v0 + 5]", "return", NULL};
    EXPECT(whole, 0, 0x20, 0, 0xfd, 0, 0, 5, 0x0b);
    with_helpers = false;
}

/* What is wrong in the code must not harm the kernel. */
static void test_the_helper_accepts_any_operation(void **state)
{
    (void)state;
    wasm_helper_fn *helper = wasm_helpers[WASM_HELPER_VECTOR];
    for (uint64_t op = 0; op < IR_OP_COUNT + 3u; op++) {
        struct ir_bits in[3], out[3] = {{1, 2}, {3, 4}, {5, 6}};
        memset(in, 0xff, sizeof in);
        (void)helper(NULL, op, (uintptr_t)in, (uintptr_t)&out[1], 0);
        assert_true(out[0].lo == 1 && out[0].hi == 2 && out[2].lo == 5 && out[2].hi == 6);
    }
    struct ir_bits in[3] = {{1, 2}, {16, 0}, {0, 0}}, out = {7, 7};
    (void)helper(NULL, UINT64_MAX, (uintptr_t)in, (uintptr_t)&out, 0);
    (void)helper(NULL, IR_ADD, (uintptr_t)in, (uintptr_t)&out, 0);
    assert_true(out.lo == 7 && out.hi == 7);
    (void)helper(NULL, IR_I64X2_ADD, (uintptr_t)in, (uintptr_t)&out, 0);
    assert_true(out.lo == 17 && out.hi == 2);
    (void)helper(NULL, IR_I8X16_EXTRACT_U, (uintptr_t)in, (uintptr_t)&out, 0);
    assert_true(out.lo == 1); /* lane 16 is lane 0 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_has_all_operators),
        cmocka_unit_test(test_types_are_those_of_the_representation),
        cmocka_unit_test(test_operations_are_calls_of_a_helper),
        cmocka_unit_test(test_the_helper_accepts_any_operation),
        cmocka_unit_test(test_types_of_relaxed_operators),
        cmocka_unit_test(test_bodies_with_lanes),
        cmocka_unit_test(test_relaxed_operators_with_three_operands),
        cmocka_unit_test(test_native_forms_of_relaxed_operators),
        cmocka_unit_test(test_lanes_of_memory),
        cmocka_unit_test(test_wrong_bodies),
        cmocka_unit_test(test_vectors_that_are_never_reached),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
