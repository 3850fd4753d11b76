// SPDX-License-Identifier: MIT
//
// The example of a host interface, on both engines.
#include "jit/wasm_env.h"
#include "tests/kernel/example_host.h"

static void test_programs_import_what_the_example_offers(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    const char *wrong = example_host_try(s);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
    wasm_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs_import_what_the_example_offers),
    };
    return run_on_engines(tests);
}
