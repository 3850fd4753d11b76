// SPDX-License-Identifier: MIT
//
// Tail calls of compiled functions, run on this computer: their stack does not grow.
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/native_text.h"

#define HEAD                                                                                       \
    MODULE_HEAD "signature (i64, i64) -> (i64)\ncallee @f signature 0\ncallee @g signature 0\n"
#define EIGHT "i64, i64, i64, i64, i64, i64, i64, i64"
#define HEAD_OF_MANY                                                                               \
    MODULE_HEAD "signature (i64, i64) -> (i64)\nsignature (" EIGHT ", i64, i64, i64, i64) -> "     \
                "(i64)\nsignature (" EIGHT ", i64, i64, i64) -> (i64)\n"                           \
                "callee @f signature 0\ncallee @g signature 1\ncallee @h signature 2\n"
#define DEEP 10000000u

static uint64_t call(struct compiled *c, uint64_t a, uint64_t b)
{
    struct ir_bits args[2] = {{.lo = a}, {.lo = b}}, result = {0};
    assert_false(run(c, args, &result).trapped);
    return result.lo;
}

/* @f and @g add all numbers from the first down to 1 to the second. @f calls @g, and @g calls
 * itself, or @f by its address. */
static void test_ten_million_tail_calls(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, HEAD "function @f {\nblock0(v0: i64, v1: i64):\n v2 = eqz.i64 v0\n"
                     " branch v2, block1(), block2()\nblock1():\n return v1\n"
                     "block2():\n v5 = const.i64 1\n v6 = sub.i64 v0, v5\n v7 = add.i64 v1, v0\n"
                     " tail_call @g(v6, v7)\n}\n"
                     "function @g {\nblock0(v0: i64, v1: i64):\n v2 = eqz.i64 v0\n"
                     " branch v2, block1(), block2()\nblock1():\n return v1\n"
                     "block2():\n v5 = const.i64 1\n v6 = sub.i64 v0, v5\n v7 = add.i64 v1, v0\n"
                     " v8 = and.i64 v0, v5\n v9 = eqz.i64 v8\n branch v9, block3(), block4()\n"
                     "block3():\n tail_call @g(v6, v7)\n"
                     "block4():\n v12 = load.i64 context[72]\n v13 = context.i64\n"
                     " tail_call_indirect signature 0(v12, v13, v6, v7)\n}\n");
    assert_int_equal(call(&c, DEEP, 7), (uint64_t)DEEP * (DEEP + 1) / 2 + 7);
    assert_int_equal(call(&c, 0, 7), 7);
    discard(&c);
}

/* @f has no arguments on the stack, @g has four, and @h three. */
static void test_ten_million_tail_calls_with_more_arguments(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, HEAD_OF_MANY
            "function @f {\nblock0(v0: i64, v1: i64):\n v2 = eqz.i64 v0\n"
            " branch v2, block1(), block2()\nblock1():\n return v1\n"
            "block2():\n v5 = const.i64 1\n v6 = sub.i64 v0, v5\n"
            " tail_call @g(v6, v5, v5, v5, v5, v5, v5, v5, v1, v0, v5, v6)\n}\n"
            "function @g {\nblock0(v0: i64, v1: i64, v2: i64, v3: i64, v4: i64, v5: i64,"
            " v6: i64, v7: i64, v8: i64, v9: i64, v10: i64, v11: i64):\n"
            " v12 = add.i64 v8, v9\n v13 = sub.i64 v11, v0\n v14 = add.i64 v12, v13\n"
            " tail_call @h(v0, v1, v2, v3, v4, v5, v6, v7, v10, v14, v1)\n}\n"
            "function @h {\nblock0(v0: i64, v1: i64, v2: i64, v3: i64, v4: i64, v5: i64,"
            " v6: i64, v7: i64, v8: i64, v9: i64, v10: i64):\n"
            " v11 = sub.i64 v8, v10\n v12 = add.i64 v9, v11\n"
            " v13 = load.i64 context[72]\n v14 = context.i64\n"
            " tail_call_indirect signature 0(v13, v14, v0, v12)\n}\n");
    assert_int_equal(call(&c, DEEP, 7), (uint64_t)DEEP * (DEEP + 1) / 2 + 7);
    discard(&c);
}

/* The callee has another context; the caller of the function that ends in the call has its own
 * afterwards, because it called through code and context itself. */
static void test_a_tail_call_of_another_context(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, MODULE_HEAD
            "signature (i64, i64) -> (i64)\ncallee @f signature 0\ncallee @g signature 0\n"
            "callee @h signature 0\n"
            "function @f {\nblock0(v0: i64, v1: i64):\n v2 = load.i64 context[80]\n"
            " v3 = load.i64 context[64]\n v4 = load.i64 context[16]\n"
            " v5 = call_indirect.i64 signature 0(v2, v3, v0, v1)\n"
            " v6 = load.i64 context[16]\n v7 = add.i64 v5, v6\n v8 = sub.i64 v7, v4\n"
            " return v8\n}\n"
            "function @g {\nblock0(v0: i64, v1: i64):\n v2 = load.i64 context[72]\n"
            " v3 = load.i64 context[64]\n v4 = call.i64 @h(v0, v1)\n"
            " tail_call_indirect signature 0(v2, v3, v4, v1)\n}\n"
            "function @h {\nblock0(v0: i64, v1: i64):\n v2 = load.i64 context[16]\n"
            " v3 = add.i64 v0, v2\n return v3\n}\n");
    struct context third = {.a = 100}, other = {.a = 20, .other = (uintptr_t)&third};
    c.context.a = 3;
    c.context.other = (uintptr_t)&other;
    other.code[0] = c.native.address[2];
    assert_int_equal(call(&c, 1000, 0), 1000 + 20 + 100);
    discard(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_million_tail_calls),
        cmocka_unit_test(test_ten_million_tail_calls_with_more_arguments),
        cmocka_unit_test(test_a_tail_call_of_another_context),
    };
    if (native_machine() == NULL) {
        return 0;
    }
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
