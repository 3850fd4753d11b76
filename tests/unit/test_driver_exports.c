// SPDX-License-Identifier: MIT
//
// What drivers may call, as the kernel has it and as modules/module.h says it to their compiler:
// the same names in the same versions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/export.h"

static void test_module_header_and_exports_say_the_same(void **state)
{
    (void)state;
    FILE *f = fopen(TEST_SOURCE_DIR "/modules/module.h", "r");
    assert_non_null(f);
    const struct export *x = driver_exports;
    char line[256], name[64], symbol[64];
    uint32_t version;
    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "#define %63s %63[^$]$%u", name, symbol, &version) != 3) {
            continue;
        }
        while (x->version == EXPORT_NO_VERSION && x->name != NULL) {
            x++;
        }
        assert_non_null(x->name);
        assert_string_equal(name, symbol);
        assert_string_equal(name, x->name);
        assert_int_equal(version, x->version);
        x++;
    }
    assert_null(x->name);
    assert_true(x - driver_exports > 50);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_module_header_and_exports_say_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
