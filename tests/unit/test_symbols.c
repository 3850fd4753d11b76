// SPDX-License-Identifier: MIT
//
// Lookups in a hand-made table: three functions at 0x1000, 0x1010 and 0x1200; text ends at 0x1300.
// tests/tools/test_symbols.py checks that scripts/lib/symbols.py writes such tables.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/base/symbols.h"

#include "kernel/lib/compiler.h"

static const char strings[] = "one\0two\0three\0a.c\0b.h";
static const uint32_t files[] = {14, 18};
static const struct symbol_mark marks[] = {{0}};
static const uint8_t sizes[] = {0x10, 32, 0xf0, 0x03, 96, 0x80, 0x02, 0};

/* Codes of two bits: 0, 2, 4, 48 units. Of three: -4 lines, +2 lines, back to the last place, a far
 * place, another file. Of one: 0 lines, +2 lines. */
static const uint8_t units[] = {[2] = 4, [16] = 0, 2, 4, 48};
static const uint8_t steps[] = {[3] = 5, [16] = 27, 33, 63, 67, 68};
static const uint8_t returns[] = {[1] = 2, [16] = 31, 33};

static const char rows[] =
    /* one: a.c, line 10; +4 units, +2 lines; +2 units, -4 lines */
    "00 100 0000000000 000 1010  10 001  01 000"
    /* two: b.h, line 100; +128 units: a.c, line 98; +16: -98 lines, no
     * line; +2: a.c again, line 100 */
    "00 100 0000000001 001 01100100  11 001 10000000 100 0000000000 001 01100010"
    "11 001 00010000 011 001 11000011  01 010 1";

static uint8_t line_bits[32];

static int write_bits(void **state)
{
    (void)state;
    unsigned n = 0;
    for (const char *c = rows; *c != '\0'; c++) {
        if (*c != ' ') {
            line_bits[n / 8] |= (uint8_t)((*c - '0') << (7 - n % 8));
            n++;
        }
    }
    assert_int_equal(n, 32 + 96);
    return 0;
}

static const struct symbol_table table = {
    .base = 0x1000,
    .count = 3,
    .unit = 1,
    .text_bytes = 0x300,
    .file_count = ARRAY_COUNT(files),
    .marks = marks,
    .sizes = sizes,
    .files = files,
    .strings = strings,
    .line_bits = line_bits,
    .codes = {units, steps, returns},
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

static void test_a_line_table_returns_to_an_earlier_place(void **state)
{
    (void)state;
    expect(0x10a1, "two", 0x91, NULL, 0);
    expect(0x10a2, "two", 0x92, "a.c", 100);
    expect(0x11ff, "two", 0x1ef, "a.c", 100);
}

/* With any bits the lookup terminates and stays inside the table. */
static void test_arbitrary_bits_end_the_lookup(void **state)
{
    (void)state;
    static const uint8_t no_words[17] = {0}, ones[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct symbol_table broken = table;
    struct symbol_info info;
    broken.line_bits = ones;
    assert_true(symbols_find_in(&broken, 0x11ff, &info));
    assert_string_equal(info.name, "two");
    broken.codes[0] = no_words;
    assert_true(symbols_find_in(&broken, 0x11ff, &info));
    assert_null(info.file);
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
    scaled.text_bytes = 0xc00;
    struct symbol_info info;
    assert_true(symbols_find_in(&scaled, 0x100f, &info));
    assert_int_equal(info.line, 10);
    assert_true(symbols_find_in(&scaled, 0x1810, &info));
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
        cmocka_unit_test(test_a_line_table_returns_to_an_earlier_place),
        cmocka_unit_test(test_arbitrary_bits_end_the_lookup),
        cmocka_unit_test(test_a_function_without_lines_has_a_name),
        cmocka_unit_test(test_units_scale_addresses),
        cmocka_unit_test(test_outside_changes_nothing),
    };
    return cmocka_run_group_tests(tests, write_bits, NULL);
}
