// SPDX-License-Identifier: MIT
//
// The worked examples of docs/jit.md: a front-end, whose programs run here with a collector that
// moves every object, and a back-end, whose machine runs the compiled code.
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/example_backend.h"
#include "tests/unit/jit/example_frontend.h"
#include "tests/unit/jit/native_text.h"
#include "tests/unit/jit/toy_gc.h"

/* ---- The front-end ---- */

static void unwind(const void *frame)
{
    native_unwind(frame);
}

static void run_program(const struct toy_case *c, bool quick)
{
    static const struct toy_bed bed = {native_refs, unwind};
    struct arena a;
    struct ir_complaint complaint;
    struct native_module m;
    struct native_outcome out;
    struct jit_error err;
    struct ir_bits arg = {.lo = c->arg}, result = {0};
    const char *why;
    const struct jit_options options = {.features = native_features(),
                                        .checks = &jit_checks,
                                        .quick = quick,
                                        .show = native_show()};
    arena_init(&a, ARENA_LIMIT);
    struct ir_function *functions[] = {example_translate(&a, c->text, &why), NULL, NULL};
    if (functions[0] == NULL) {
        fail_msg("%s: %s", c->text, why);
    }
    if (ir_verify(&a, functions[0], &complaint) != OK) {
        fail_msg("%s: %s", c->text, complaint.text);
    }
    assert_int_equal(
        native_load(&jit_machine_x86_64, &a, &example_module, functions, &options, &m, &err), OK);
    native_call(&m, EXAMPLE_MAIN, toy_start(&bed, c), &arg, &result, &out);
    const char *wrong = toy_judge(result.lo, out.trapped ? (int)out.trap : -1);
    if (wrong != NULL) {
        fail_msg("%s: %s", c->text, wrong);
    }
    native_unload(&m);
    arena_free_all(&a);
}

static void test_programs_of_the_front_end(void **state)
{
    (void)state;
    static const struct toy_case cases[] = {
        {"numbers", "n 2 * 3 +", 20, 43, -1, 0, 0, false, 0},
        {"a power", "1 n [ 2 * ]", 10, 1024, -1, 10, 0, false, 0},
        {"nested loops", "0 n [ n [ 1 + ] ]", 7, 49, -1, 56, 0, false, 0},
        /* A list of n, n - 1 ... from the counter beside it, then their sum. */
        {"a list", "_ n n [ : @ % , % 1 - ] 0 * n [ % : . @ + % ' % ] % ;", 10, 55, -1, 30, 0,
         false, 0},
        {"its first number", "_ 3 , 4 , .", 0, 4, -1, 2, 0, false, 0},
        {"its second", "_ 3 , 4 , ' .", 0, 3, -1, 2, 0, false, 0},
        {"the number of an empty list", "_ .", 0, 0, IR_TRAP_NULL, 0, 0, false, 0},
        {"behind an empty list", "_ n , ' ' .", 0, 0, IR_TRAP_NULL, 1, 0, false, 0},
    };
    if (native_machine() == NULL) {
        skip();
    }
    for (size_t n = 0; n < 2 * ARRAY_COUNT(cases); n++) {
        run_program(&cases[n / 2], n % 2 == 1);
    }
}

static void test_wrong_programs(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"+", "the stack is empty"},
        {"1 _ +", "no number"},
        {"1 .", "no list"},
        {"1 2", "one number is to be left"},
        {"_", "one number is to be left"},
        {"1 n [ 2 ]", "a loop changes what is on the stack"},
        {"1 n [ 0 * _ % ]", "a loop changes what is on the stack"},
        {"n [ 1 ]", "a loop changes what is on the stack"},
        {"1 ]", "no loop is open"},
        {"1 n [", "one number is to be left"},
        {"1 x", "no such word"},
        {"1::::::::::::::::", "the stack is full"},
    };
    for (size_t n = 0; n < ARRAY_COUNT(cases); n++) {
        struct arena a;
        const char *why = NULL;
        arena_init(&a, ARENA_LIMIT);
        assert_null(example_translate(&a, cases[n][0], &why));
        assert_string_equal(why, cases[n][1]);
        arena_free_all(&a);
    }
}

/* ---- The back-end ---- */

static enum status compile_for_example(struct arena *a, const char *text, struct vlimits limits,
                                       struct jit_code *code, struct jit_error *err)
{
    struct ir_text parsed;
    const struct jit_options options = {.limits = limits, .checks = &jit_checks, .quick = true};
    arena_init(a, ARENA_LIMIT);
    assert_int_equal(ir_parse(a, text, strlen(text), &parsed), OK);
    return jit_compile(&example_machine, parsed.functions[0], &options, a, code, err);
}

/* The n-th Fibonacci number, with more live values in the loop than three registers hold. */
static void test_code_of_the_back_end(void **state)
{
    (void)state;
    static const char text[] =
        "signature (i64, i64) -> (i64)\ncallee @f signature 0\nfunction @f {\n"
        "block0(v0: i64, v1: i64):\n v2 = const.i64 0\n v3 = const.i64 1\n"
        " v4 = mul.i64 v1, v1\n v5 = add.i64 v4, v1\n"
        " jump block1(v0, v2, v3)\n"
        "block1(v7: i64, v8: i64, v9: i64):\n v10 = eqz.i64 v7\n"
        " branch v10, block2(), block3()\n"
        "block3():\n v11 = sub.i64 v7, v3\n v12 = add.i64 v8, v9\n jump block1(v11, v9, v12)\n"
        "block2():\n v13 = lt_u.i64 v4, v8\n branch v13, block4(v8), block4(v4)\n"
        "block4(v14: i64):\n v15 = add.i64 v14, v5\n v16 = add.i64 v15, v1\n"
        " return v16\n}\n";
    static const struct vlimits limits[] = {{{0, 0}}, {{0x07, 0}}};
    uint32_t cells[2];
    for (size_t n = 0; n < ARRAY_COUNT(limits); n++) {
        struct arena a;
        struct jit_code code;
        struct jit_error err;
        assert_int_equal(compile_for_example(&a, text, limits[n], &code, &err), OK);
        cells[n] = code.frame_bytes;
        static const uint64_t args[][4] = {{30, 7}, {0, 9}, {1, 1}, {10, 100}};
        static const uint64_t numbers[] = {832040, 0, 1, 55};
        for (size_t k = 0; k < ARRAY_COUNT(args); k++) {
            uint64_t y = args[k][1], square = y * y;
            uint64_t larger = square < numbers[k] ? numbers[k] : square;
            uint64_t expected = larger + (square + y) + y;
            assert_int_equal(example_run(&code, args[k]), expected);
        }
        arena_free_all(&a);
    }
    assert_true(cells[0] < cells[1]); /* three registers are too few */
}

static void test_operations_the_machine_lacks_are_reported(void **state)
{
    (void)state;
    struct arena a;
    struct jit_code code;
    struct jit_error err;
    assert_int_equal(compile_for_example(&a,
                                         "signature (i64) -> (i64)\ncallee @f signature 0\n"
                                         "function @f {\nblock0(v0: i64):\n"
                                         " v1 = div_u.i64 v0, v0\n return v1\n}\n",
                                         (struct vlimits){{0, 0}}, &code, &err),
                     E_NOTSUP);
    assert_string_equal(err.text, "div_u is not available on example");
    arena_free_all(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs_of_the_front_end),
        cmocka_unit_test(test_wrong_programs),
        cmocka_unit_test(test_code_of_the_back_end),
        cmocka_unit_test(test_operations_the_machine_lacks_are_reported),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
