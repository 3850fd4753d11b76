// SPDX-License-Identifier: MIT
//
// What the compiler refuses: each refusal has a name and leaves nothing half done.
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/native_text.h"

static enum status compile_limited(const char *text, size_t limit, struct jit_error *err)
{
    struct arena source, a;
    struct ir_text t;
    struct jit_code code;
    struct jit_options options = {.checks = &jit_checks};
    arena_init(&source, ARENA_LIMIT);
    arena_init(&a, limit);
    assert_int_equal(ir_parse(&source, text, strlen(text), &t), OK);
    enum status s = jit_compile(native_machine(), t.functions[0], &options, &a, &code, err);
    arena_free_all(&a);
    arena_free_all(&source);
    return s;
}

static void test_unavailable_imports_are_reported_by_name(void **state)
{
    (void)state;
    struct jit_error err;
    assert_int_equal(compile_limited(MODULE_HEAD
                                     "signature (i32) -> (i32)\ncallee @f signature 0\n"
                                     "function @f {\nblock0(v0: i32):\n"
                                     " v1 = load.v128 memory0[v0 + 0]\n"
                                     " v2 = i8x16_add.v128 v1, v1\n"
                                     " store.v128 v2, memory0[v0 + 16]\n return v0\n}\n",
                                     ARENA_LIMIT, &err),
                     E_NOTSUP);
    assert_non_null(strstr(err.text, "i8x16_add")); /* not without SSE4.2 */
    assert_int_equal(compile_limited(MODULE_HEAD
                                     "signature (i32) -> (i32)\ncallee @f signature 0\n"
                                     "function @f {\nblock0(v0: i32):\n"
                                     " branch v0, block1(), block2()\nblock1():\n jump block2()\n"
                                     "block2():\n branch v0, block1(), block3()\nblock3():\n"
                                     " return v0\n}\n",
                                     ARENA_LIMIT, &err),
                     E_NOTSUP);
    assert_non_null(strstr(err.text, "entered in the middle"));
}

static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (size_t limit = 0; limit < 131072; limit += 256) {
        struct jit_error err;
        enum status s = compile_limited(FIBONACCI, limit, &err);
        assert_true(s == OK || s == E_NOMEM);
        failures += s == E_NOMEM;
    }
    assert_in_range(failures, 20, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unavailable_imports_are_reported_by_name),
        cmocka_unit_test(test_no_memory_is_an_error),
    };
    if (native_machine() == NULL) {
        return 0;
    }
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
