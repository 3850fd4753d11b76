// SPDX-License-Identifier: MIT
//
// The functions that drivers may call: the kernel's table and modules/module.h, which their
// compiler reads, have the same names in the same versions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/registry.h"
#include "kernel/jit/backend.h"

/* The exports for formats of programs bring the loader with them, which never runs here. */
int jit_runtime_call(uintptr_t fn, uintptr_t a, uintptr_t b)
{
    (void)fn;
    (void)a;
    (void)b;
    abort();
}

static void test_module_header_and_exports_agree(void **state)
{
    (void)state;
    FILE *f = fopen(TEST_SOURCE_DIR "/modules/module.h", "r");
    assert_non_null(f);
    const struct export *x = driver_exports, *end = driver_exports + driver_export_count;
    char line[256], name[64], symbol[64];
    uint32_t version;
    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "#define %63s %63[^$]$%u", name, symbol, &version) != 3) {
            continue;
        }
        while (x < end && x->version == EXPORT_NO_VERSION) {
            x++;
        }
        assert_true(x < end);
        assert_string_equal(name, symbol);
        assert_string_equal(name, x->name);
        assert_int_equal(version, x->version);
        x++;
    }
    assert_ptr_equal(x, end);
    assert_true(x - driver_exports > 50);
    fclose(f);
}

/* The lookup is a binary search. */
static void test_names_ascend(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < driver_export_count; i++) {
        assert_true(strcmp(driver_exports[i - 1].name, driver_exports[i].name) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_module_header_and_exports_agree),
        cmocka_unit_test(test_names_ascend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
