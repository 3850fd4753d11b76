// SPDX-License-Identifier: MIT
//
// Lookups in a hand-made table: three functions at 0x1000, 0x1010 and 0x1200; text ends at 0x1300.
// tests/tools/test_symbols.py checks that scripts/lib/symbols.py writes such tables.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base/symbols.h"

#include "kernel/lib/compiler.h"

/* 128 is "re", 129 "e" at the end of a string, 130 "ree" there. */
static const uint16_t pair_codes[] = {'r', 'e', 'e', 0, 128, 129};
static const uint16_t name_codes[] = {'o', 'n', 129, 't', 'w', 'o', 0,   't', 'h',
                                      130, 'a', '.', 'c', 0,   'b', '.', 'h', 0};
static struct symbol_mark marks[] = {{0}, {.start = 0x300, .sizes = 5, .names = 10}};
static const uint8_t sizes[] = {0x10, 0xf0, 0x03, 0x80, 0x02};

/* Codes of two bits: 0, 2, 4, 96 units. Of three: -4 lines, +2 lines, back to the last place, a far
 * place, another file. Of one: 0 lines, +2 lines. */
static const uint8_t units[] = {[2] = 4, [16] = 0, 2, 4, 96};
static const uint8_t steps[] = {[3] = 5, [16] = 27, 33, 63, 95, 96};
static const uint8_t returns[] = {[1] = 2, [16] = 31, 33};

static const char rows[] =
    /* one: a.c, line 10; +4 units, +2 lines; +2 units, -4 lines */
    "00 100 0000000000 000 1010  10 001  01 000"
    /* two, 10 units on: b.h, line 100; +128 units: a.c, line 98; +16: -98 lines, no line; +2: a.c
     * again, line 100 */
    "11 000 1010 100 0000000001 001 01100100  11 001 10000000 100 0000000000 001 01100010"
    "11 001 00010000 011 001 11000011  01 010 1"
    /* three, 350 units on: no line */
    "11 010 000101011110 011 001 11000111";

static uint8_t line_bits[64], names[64], pairs[16];

static void write_bit(uint8_t *to, unsigned at, unsigned bit)
{
    to[at / 8] |= (uint8_t)(bit << (7 - at % 8));
}

static void write_codes(uint8_t *to, const uint16_t *codes, size_t count)
{
    for (size_t i = 0; i < 10 * count; i++) {
        write_bit(to, (unsigned)i, codes[i / 10] >> (9 - i % 10) & 1u);
    }
}

static int write_bits(void **state)
{
    (void)state;
    unsigned n = 0;
    for (const char *c = rows; *c != '\0'; c++) {
        if (*c != ' ') {
            write_bit(line_bits, n++, (unsigned)(*c - '0'));
        }
    }
    marks[1].lines = n;
    write_codes(names, name_codes, ARRAY_COUNT(name_codes));
    write_codes(pairs, pair_codes, ARRAY_COUNT(pair_codes));
    return 0;
}

static const struct symbol_table table = {
    .base = 0x1000,
    .count = 3,
    .unit = 1,
    .file_count = 2,
    .name_codes = ARRAY_COUNT(name_codes),
    .final_code = 129,
    .marks = marks,
    .sizes = sizes,
    .names = names,
    .pairs = pairs,
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
    assert_string_equal(info.file, file);
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
    expect(0x10a0, "two", 0x90, "", 0);
}

static void test_a_line_table_returns_to_an_earlier_place(void **state)
{
    (void)state;
    expect(0x10a1, "two", 0x91, "", 0);
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
    assert_string_equal(info.file, "");
}

static void test_a_function_without_lines_has_a_name(void **state)
{
    (void)state;
    expect(0x1200, "three", 0, "", 0);
    expect(0x12ff, "three", 0xff, "", 0);
}

/* With any codes, too, and a name longer than the caller's buffer is cut. */
static void test_arbitrary_names_end(void **state)
{
    (void)state;
    uint16_t endless[] = {128, 128, 128, 128, 128, 128}, long_name[100];
    uint8_t loop[8] = {0}, xs[126] = {0};
    struct symbol_table broken = table;
    struct symbol_info info;
    write_codes(loop, endless, ARRAY_COUNT(endless));
    broken.pairs = loop; /* each code contains itself */
    assert_true(symbols_find_in(&broken, 0x1200, &info));
    for (size_t i = 0; i < ARRAY_COUNT(long_name); i++) {
        long_name[i] = 'x';
    }
    write_codes(xs, long_name, ARRAY_COUNT(long_name));
    broken.names = xs;
    broken.name_codes = ARRAY_COUNT(long_name);
    assert_true(symbols_find_in(&broken, 0x1000, &info));
    assert_int_equal(strlen(info.name), SYMBOL_NAME_MAX - 1);
}

static void test_units_scale_addresses(void **state)
{
    (void)state;
    struct symbol_table scaled = table;
    struct symbol_mark scaled_marks[] = {marks[0], marks[1]};
    scaled.unit = 4;
    scaled.marks = scaled_marks;
    scaled_marks[1].start = 0xc00;
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
        cmocka_unit_test(test_arbitrary_names_end),
        cmocka_unit_test(test_units_scale_addresses),
        cmocka_unit_test(test_outside_changes_nothing),
    };
    return cmocka_run_group_tests(tests, write_bits, NULL);
}
