// SPDX-License-Identifier: MIT
//
// What modules in one store can reach of each other and of the host, on both engines.
#include "jit/wasm_env.h"
#include "tests/kernel/linked_modules.h"

static void expect(const char *(*what)(struct wasm_store *s))
{
    struct wasm_store *s = open_store();
    const char *wrong = what(s);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
    wasm_store_close(s);
}

static void test_equal_types_match_under_any_number(void **state)
{
    (void)state;
    expect(linked_types_try);
}

static void test_a_module_reaches_only_what_its_imports_name(void **state)
{
    (void)state;
    expect(linked_reach_try);
}

static void test_wrong_imports_are_refused(void **state)
{
    (void)state;
    expect(linked_refusals_try);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_types_match_under_any_number),
        cmocka_unit_test(test_a_module_reaches_only_what_its_imports_name),
        cmocka_unit_test(test_wrong_imports_are_refused),
    };
    return run_on_engines(tests);
}
