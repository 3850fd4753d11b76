// SPDX-License-Identifier: MIT
//
// Lookups in a hand-made table: three functions at 0x1000, 0x1010 and 0x1200, text ends at 0x1300.
// That scripts/lib/symbols.py writes such tables right is tests/tools/test_symbols.py's.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/symbols.h"

#include "kernel/lib/compiler.h"

static const char strings[] = "one\0two\0three\0a.c\0b.h";
static const uint32_t start[] = {0, 0x10, 0x200, 0x300};
static const uint32_t name[] = {0, 4, 8};
static const uint32_t files[] = {14, 18};
static const uint8_t line_bytes[] = {
    0x00, 0,    20,                     /* one: line 10 from 0 */
    0x46,                               /* +4 units, +2 lines: line 12 */
    0x20,                               /* +2 units, -4 lines: line 8 */
    0x01, 1,    0x00, 0,    0xc8, 0x01, /* two: b.h, line 100 from 0 */
    0x01, 0,    0x00, 0x80, 0x01, 0x03, /* +128 units, -2 lines, a.c: line 98 */
    0x00, 0x10, 0xc3, 0x01,             /* +16 units, -98 lines: no line */
};
static const uint32_t lines[] = {0, 5, 21, 21};

static const struct symbol_table table = {
    .base = 0x1000,
    .count = ARRAY_COUNT(name),
    .unit = 1,
    .file_count = ARRAY_COUNT(files),
    .start = start,
    .name = name,
    .lines = lines,
    .files = files,
    .strings = strings,
    .line_bytes = line_bytes,
};

static void expect(uintptr_t pc, const char *symbol, uint32_t offset, const char *file,
                   uint32_t line)
{
    struct symbol_info info;
    assert_true(symbols_find_in(&table, pc, &info));
    assert_string_equal(info.name, symbol);
    assert_int_equal(info.offset, offset);
    assert_int_equal(info.line, line);
    if (file == NULL) {
        assert_null(info.file);
    } else {
        assert_string_equal(info.file, file);
    }
}

static void test_a_row_holds_until_the_next(void **state)
{
    (void)state;
    expect(0x1000, "one", 0, "a.c", 10);
    expect(0x1003, "one", 3, "a.c", 10);
    expect(0x1004, "one", 4, "a.c", 12);
    expect(0x1006, "one", 6, "a.c", 8);
    expect(0x100f, "one", 15, "a.c", 8);
}

static void test_a_file_change_belongs_to_the_row_after_it(void **state)
{
    (void)state;
    expect(0x1010, "two", 0, "b.h", 100);
    expect(0x108f, "two", 0x7f, "b.h", 100);
    expect(0x1090, "two", 0x80, "a.c", 98);
    expect(0x10a0, "two", 0x90, NULL, 0);
}

static void test_a_function_without_lines_has_a_name(void **state)
{
    (void)state;
    expect(0x1200, "three", 0, NULL, 0);
    expect(0x12ff, "three", 0xff, NULL, 0);
}

static void test_units_scale_addresses(void **state)
{
    (void)state;
    struct symbol_table scaled = table;
    scaled.unit = 4;
    struct symbol_info info;
    assert_true(symbols_find_in(&scaled, 0x100f, &info));
    assert_int_equal(info.line, 10);
    assert_true(symbols_find_in(&scaled, 0x1210, &info));
    assert_string_equal(info.name, "three");
}

static void test_outside_changes_nothing(void **state)
{
    (void)state;
    static const uintptr_t outside[] = {0, 0xfff, 0x1300, UINTPTR_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(outside); i++) {
        struct symbol_info info = {.line = 77};
        assert_false(symbols_find_in(&table, outside[i], &info));
        assert_int_equal(info.line, 77);
    }
    struct symbol_table empty = {.count = 0};
    struct symbol_info info;
    assert_false(symbols_find_in(&empty, 0x1000, &info));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_holds_until_the_next),
        cmocka_unit_test(test_a_file_change_belongs_to_the_row_after_it),
        cmocka_unit_test(test_a_function_without_lines_has_a_name),
        cmocka_unit_test(test_units_scale_addresses),
        cmocka_unit_test(test_outside_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
