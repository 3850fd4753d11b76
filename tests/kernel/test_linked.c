// SPDX-License-Identifier: MIT
//
// What modules in one store can reach of each other and of the host, in
// the kernel, on both engines.
#include "kernel/wasm/run/wasm_interp.h"
#include "tests/kernel/linked_modules.h"
#include "tests/kernel/tests.h"
#include "tests/kernel/wasm_bed.h"

struct attempt {
    const char *(*what)(struct wasm_store *s);
    const struct wasm_engine *engine;
    const void *options;
    const char *wrong;
};

static void run(void *arg)
{
    struct attempt *a = arg;
    const struct wasm_quota quota = {.pages = 16, .elements = 64};
    struct wasm_store *s;
    if (wasm_store_open(a->engine, a->options, &quota, &s) == OK) {
        a->wrong = a->what(s);
        wasm_store_close(s);
    }
}

static void on_both(const char *(*what)(struct wasm_store *s))
{
    static const struct wasm_interpreter_options interpreted = {.stack_bytes = (size_t)256 << 10,
                                                                .arena_bytes = (size_t)16 << 20};
    struct attempt attempts[] = {{what, &wasm_compiled, &wasm_bed_options, "no store"},
                                 {what, &wasm_interpreter, &interpreted, "no store"}};
    for (unsigned n = 0; n < ARRAY_COUNT(attempts); n++) {
        if (!test_does(n, ARRAY_COUNT(attempts))) {
            continue;
        }
        TEST_CHECK(wasm_bed_run(run, &attempts[n]));
        if (attempts[n].wrong != NULL) {
            test_fail(__FILE__, __LINE__, "%s: %s", attempts[n].engine->name, attempts[n].wrong);
        }
        TEST_EQUAL(wasm_bed_pages(), 0);
    }
}

static void equal_types_match_under_any_number(void)
{
    on_both(linked_types_try);
}

static void a_module_reaches_only_what_its_imports_name(void)
{
    on_both(linked_reach_try);
}

static void wrong_imports_are_refused(void)
{
    on_both(linked_refusals_try);
}

const struct kernel_test linked_tests[] = {
    {"linked.equal_types_match_under_any_number", equal_types_match_under_any_number,
     TEST_ON_NOTHING},
    {"linked.a_module_reaches_only_what_its_imports_name",
     a_module_reaches_only_what_its_imports_name, TEST_ON_NOTHING},
    {"linked.wrong_imports_are_refused", wrong_imports_are_refused, TEST_ON_NOTHING},
    {0},
};
