// SPDX-License-Identifier: MIT
//
// Vector operators of WebAssembly: all of them are there, and what the table says of their types is
// what the representation says.
#include "kernel/jit/wasm/operators.h"
#include "tests/unit/fake/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define VECTOR_OPERATORS 236 /* of core specification 2.0 */

static bool is_there(uint32_t number)
{
    const struct wasm_operator *o = wasm_vector_operator(number);
    return o != NULL && o->shape != WASM_SHAPE_ILLEGAL;
}

static void test_all_operators_are_there(void **state)
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

/* The name begins with the shape, and the operation has that shape too, unless it is a conversion.
 */
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
    for (uint32_t number = 0; number < 256; number++) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_operators_are_there),
        cmocka_unit_test(test_types_are_those_of_the_representation),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
