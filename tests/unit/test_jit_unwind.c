// SPDX-License-Identifier: MIT
//
// Calls that are unwound, run on this computer.
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/native_text.h"

static uint64_t call(struct compiled *c, uint64_t a, uint64_t b)
{
    struct ir_bits args[2] = {{.lo = a}, {.lo = b}}, result = {0};
    assert_false(run(c, args, &result).trapped);
    return result.lo;
}

static uint64_t helper_throw(void *context, uint64_t a)
{
    (void)context;
    if (a == 0) {
        native_unwind(__builtin_frame_address(0));
    }
    return a;
}

/* Through a frame without an invoke to one that has it, with live values in that frame. */
static void test_unwinding(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, MODULE_HEAD
            "signature (i64, i64) -> (i64)\nsignature (i64) -> (i64)\ncallee @f signature 0\n"
            "callee @g signature 1\ncallee @throw signature 1 helper 32 reads writes\n"
            "function @f {\nblock0(v0: i64, v1: i64):\n v2 = const.i64 3\n"
            " v3 = mul.i64 v1, v2\n v4 = load.i64 context[16]\n"
            " v5 = invoke.i64 @g(v0) then block1() unwind block2()\n"
            "block1():\n v7 = add.i64 v5, v3\n return v7\n"
            "block2():\n v9 = load.i64 context[16]\n v10 = sub.i64 v9, v4\n"
            " v11 = add.i64 v10, v3\n v12 = add.i64 v11, v1\n return v12\n}\n"
            "function @g {\nblock0(v0: i64):\n v1 = call.i64 @throw(v0)\n"
            " v2 = add.i64 v1, v0\n return v2\n}\n");
    c.context.helpers[0] = (uintptr_t)helper_throw;
    assert_int_equal(call(&c, 5, 100), 310);
    assert_int_equal(call(&c, 0, 100), 400);
    assert_int_equal(call(&c, 7, 1), 17);
    discard(&c);
}

/* Results in registers and cells begin the block that follows; a callee that is unwound leaves
 * another context, and neither its arguments nor the registers that it has saved. */
static void test_an_indirect_invoke_with_many_results(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, MODULE_HEAD
            "signature (i64, i64) -> (i64)\nsignature (i64) -> (i64, i64, i64, i64, i64, i64)\n"
            "signature (i64) -> (i64)\ncallee @f signature 0\ncallee @g signature 1\n"
            "callee @throw signature 2 helper 32 reads writes\n"
            "function @f {\nblock0(v0: i64, v1: i64):\n v2 = load.i64 context[64]\n"
            " v3 = load.i64 context[80]\n v4 = load.i64 context[16]\n"
            " v5 = invoke_indirect.i64 signature 1(v3, v2, v0) then block1() unwind block2()\n"
            "block1():\n v7 = result.i64 v5, 1\n v8 = result.i64 v5, 5\n v9 = mul.i64 v7, v8\n"
            " v10 = add.i64 v9, v5\n v11 = add.i64 v10, v4\n return v11\n"
            "block2():\n v13 = load.i64 context[16]\n v14 = add.i64 v13, v4\n"
            " v15 = add.i64 v14, v1\n return v15\n}\n"
            "function @g {\nblock0(v0: i64):\n v1 = call.i64 @throw(v0)\n v2 = const.i64 10\n"
            " v3 = load.i64 context[16]\n return v0, v2, v3, v0, v0, v3\n}\n");
    uint64_t memory[1] = {0};
    struct context other = {.memory = (uint8_t *)memory, .a = 300};
    other.helpers[0] = (uintptr_t)helper_throw;
    c.context.a = 5;
    c.context.other = (uintptr_t)&other;
    c.context.code[0] = c.native.address[0];
    c.context.code[1] = c.native.address[1];
    assert_int_equal(call(&c, 7, 1000), 10 * 300 + 7 + 5);
    assert_int_equal(call(&c, 0, 1000), 5 + 5 + 1000);
    discard(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unwinding),
        cmocka_unit_test(test_an_indirect_invoke_with_many_results),
    };
    if (native_machine() == NULL) {
        return 0;
    }
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
