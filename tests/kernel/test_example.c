// SPDX-License-Identifier: MIT
//
// The example of a host interface, with code that is compiled in the kernel.
#include "tests/kernel/example_host.h"
#include "tests/kernel/tests.h"
#include "tests/kernel/wasm_bed.h"

static const char *wrong;

static void run(void *arg)
{
    const struct wasm_quota quota = {.pages = 16, .elements = 16};
    struct wasm_store *s;
    (void)arg;
    wrong = "no store";
    if (wasm_store_open(&wasm_compiled, &wasm_bed_options, &quota, &s) == OK) {
        wrong = example_host_try(s);
        wasm_store_close(s);
    }
}

static void programs_import_what_the_example_offers(void)
{
    TEST_CHECK(wasm_bed_run(run, NULL));
    if (wrong != NULL) {
        test_fail(__FILE__, __LINE__, "%s", wrong);
    }
    TEST_EQUAL(wasm_bed_pages(), 0);
}

const struct kernel_test example_tests[] = {
    {"example.programs_import_its_functions", programs_import_what_the_example_offers,
     TEST_ON_NOTHING},
    {0},
};
