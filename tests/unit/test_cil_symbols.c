// SPDX-License-Identifier: MIT
//
// Symbol files of mcs: lines of methods, and files that are cut off, changed or of another build.
#include "kernel/cil/front/bytes.h"
#include "kernel/cil/front/symbols.h"
#include "tests/unit/cil/image_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// What `mcs -debug` wrote for this, /src/t.cs:
//
//     1 using System;
//     2 class P {
//     3   static void F(int n) {
//     4     if (n == 0) throw new InvalidOperationException("x");
//     5     F(n - 1);
//     6   }
//     7   static void Main(string[] a) {
//     8     try { F(2); } catch (Exception e) { Console.WriteLine(e); }
//     9 #line 2000 "/other/generated.cs"
//    10     F(1);
//    11 #line hidden
//    12     F(2);
//    13 #line default
//    14     F(3);
//    15   }
//    16 }
static const uint8_t real[] = {
    /* clang-format off */
    0x14, 0xa6, 0x7f, 0xfd, 0x23, 0x26, 0xe8, 0x45, 0x32, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x53, 0x8f, 0xe7, 0xd3, 0x6a, 0x00, 0x7c, 0x41, 0xa5, 0xbe, 0x04, 0x52, 0x7b, 0x12, 0x2e, 0x85,
    0x95, 0x01, 0x00, 0x00, 0x70, 0x00, 0x00, 0x00, 0xe9, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
    0x8d, 0x01, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x7d, 0x01, 0x00, 0x00,
    0x10, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x59, 0x01, 0x00, 0x00, 0x24, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x95, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0xff, 0xff, 0xff, 0xff, 0x08, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x09, 0x2f, 0x73, 0x72, 0x63, 0x2f, 0x74, 0x2e, 0x63, 0x73, 0x60, 0xa6, 0x6e, 0x40, 0xcf, 0x64,
    0x82, 0x4c, 0xb6, 0xf0, 0x42, 0xd4, 0x81, 0x72, 0xa7, 0x99, 0x23, 0xbd, 0x97, 0x0c, 0x6a, 0x58,
    0xfe, 0xdd, 0xfd, 0xbf, 0xd5, 0xf7, 0x68, 0xa6, 0xf1, 0x8f, 0x00, 0x13, 0x2f, 0x6f, 0x74, 0x68,
    0x65, 0x72, 0x2f, 0x67, 0x65, 0x6e, 0x65, 0x72, 0x61, 0x74, 0x65, 0x64, 0x2e, 0x63, 0x73, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x01, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x01, 0x01, 0xd4, 0x01, 0x00, 0xd5, 0x01,
    0xd6, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x0c, 0x13, 0x3a, 0x32, 0x3b, 0x22, 0x33, 0x00, 0x01,
    0x01, 0x18, 0x05, 0x11, 0x17, 0x05, 0x05, 0x03, 0x01, 0xe4, 0x01, 0x00, 0xe5, 0x01, 0xe6, 0x01,
    0x00, 0x02, 0x01, 0x00, 0x01, 0x65, 0x02, 0x02, 0x01, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x01, 0x08,
    0x01, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0e, 0x16, 0x00, 0x10, 0x13, 0x12, 0x12, 0x32, 0x12, 0x3a,
    0x12, 0x12, 0x32, 0x04, 0x02, 0x03, 0xc8, 0x0f, 0x02, 0x06, 0x01, 0x12, 0x34, 0x12, 0x04, 0x01,
    0x03, 0xbc, 0xf0, 0xff, 0xff, 0x0f, 0x02, 0x05, 0x01, 0x12, 0x33, 0x00, 0x01, 0x01, 0x20, 0x09,
    0x0b, 0x0b, 0x11, 0x13, 0x27, 0x29, 0x31, 0x3f, 0x05, 0x05, 0x05, 0x05, 0x05, 0x05, 0x03, 0x01,
    0x82, 0x02, 0x00, 0x87, 0x02, 0x98, 0x02, 0x00, 0x02, 0x01, 0x00, 0x00, 0x06, 0xda, 0x00, 0x00,
    0x00, 0xd7, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x06, 0xf8, 0x00, 0x00, 0x00, 0xe7, 0x00, 0x00,
    0x00, 0x03, 0x00, 0x00, 0x06, 0x4f, 0x01, 0x00, 0x00, 0x19, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00,
    0x00, 0x70, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x9b, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
    0x00, 0xd0, 0x00, 0x00, 0x00,
    /* clang-format on */
};

#define MVID_AT     16u
#define METHODS_AT  0x48u /* in the header: where the table of methods is */
#define SOURCES_AT  0x3cu
#define RANGE_AT    0x64u
#define ROWS_MAX    5u
#define OFFSETS_MAX 64u

enum { F = 2, MAIN = 3 };

static uint8_t *bytes; /* a copy on the heap: reads outside of it are found */
static uint32_t len;

static int start(void **state)
{
    (void)state;
    len = sizeof real;
    bytes = malloc(len);
    assert_non_null(bytes);
    memcpy(bytes, real, len);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    free(bytes);
    return 0;
}

static struct cil_symbols opened(void)
{
    struct cil_symbols s;
    struct cil_error err;
    if (cil_symbols_open("t.exe.mdb", (struct cil_bytes){bytes, len}, real + MVID_AT, &s, &err) !=
        OK) {
        fail_msg("%s", err.text);
    }
    return s;
}

static void refuse(enum status status, const char *words)
{
    struct cil_symbols s;
    struct cil_error err;
    assert_int_equal(
        cil_symbols_open("t.exe.mdb", (struct cil_bytes){bytes, len}, real + MVID_AT, &s, &err),
        status);
    if (strncmp(err.text, "t.exe.mdb: ", 11) != 0 || strstr(err.text, words) == NULL) {
        fail_msg("%s", err.text);
    }
}

static void expect(uint32_t row, uint32_t offset, const char *path, uint32_t line)
{
    struct cil_symbols s = opened();
    struct cil_line found;
    assert_true(cil_symbols_find(&s, row, offset, &found));
    assert_int_equal(found.line, line);
    assert_int_equal(found.path.len, strlen(path));
    assert_memory_equal(found.path.at, path, found.path.len);
}

static void expect_nothing(uint32_t row, uint32_t offset)
{
    struct cil_symbols s = opened();
    struct cil_line found;
    assert_false(cil_symbols_find(&s, row, offset, &found));
}

static void test_each_instruction_has_the_line_of_its_statement(void **state)
{
    (void)state;
    expect(F, 0, "/src/t.cs", 3);
    expect(F, 1, "/src/t.cs", 4);
    expect(F, 0x11, "/src/t.cs", 4); /* throw */
    expect(F, 0x15, "/src/t.cs", 5); /* its call */
    expect(F, 1000, "/src/t.cs", 6);
    expect(MAIN, 3, "/src/t.cs", 8);
}

static void test_lines_may_be_of_another_file(void **state)
{
    (void)state;
    expect(MAIN, 0x1d, "/other/generated.cs", 2000);
    expect(MAIN, 1000, "/src/t.cs", 15);
}

static void test_a_method_without_lines_has_none(void **state)
{
    (void)state;
    expect_nothing(1, 0); /* the constructor: the compiler made it */
    expect_nothing(0, 0);
    expect_nothing(4, 0);
    expect_nothing(UINT32_MAX, 0);
}

static void test_other_files_are_refused_with_the_reason(void **state)
{
    (void)state;
    bytes[MVID_AT] ^= 1;
    refuse(E_UNRESOLVED, "of another build");
    bytes[MVID_AT] ^= 1;
    bytes[8] = 49;
    refuse(E_NOTSUP, "of another version");
    bytes[8] = 50;
    bytes[0] = 'B';
    refuse(E_FORMAT, "no symbol file");
}

static void test_a_header_that_leads_outside_is_refused(void **state)
{
    (void)state;
    store_le32(bytes + METHODS_AT, len);
    refuse(E_CORRUPT, "a table is not inside");
    store_le32(bytes + METHODS_AT, UINT32_MAX);
    refuse(E_CORRUPT, "a table is not inside");
    memcpy(bytes, real, len);
    store_le32(bytes + SOURCES_AT - 4, 0x20000001); /* times 8 is 8 in 32 bits */
    refuse(E_CORRUPT, "a table is not inside");
    memcpy(bytes, real, len);
    store_le32(bytes + RANGE_AT, 0);
    refuse(E_CORRUPT, "an unknown coding");
}

/* Anything may be found, but only inside of the file. */
static void read_all(void)
{
    struct cil_symbols s;
    struct cil_error err;
    struct cil_line found;
    if (cil_symbols_open("t.exe.mdb", (struct cil_bytes){bytes, len}, real + MVID_AT, &s, &err) !=
        OK) {
        assert_true(err.text[0] != '\0');
        return;
    }
    for (uint32_t row = 0; row < ROWS_MAX; row++) {
        for (uint32_t offset = 0; offset < OFFSETS_MAX; offset++) {
            if (cil_symbols_find(&s, row, offset, &found)) {
                assert_in_range(found.line, 1, INT32_MAX);
                assert_true(found.path.at >= bytes && found.path.len <= len &&
                            found.path.at + found.path.len <= bytes + len);
            }
        }
    }
}

static void test_a_file_that_is_cut_off_does_no_harm(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < sizeof real; n++) {
        free(bytes);
        bytes = malloc(n + (size_t)1); /* no malloc(0) */
        assert_non_null(bytes);
        memcpy(bytes, real, n);
        len = n;
        read_all();
    }
}

static void test_flipped_bits_do_no_harm(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 8 * len; n++) {
        bytes[n / 8] ^= (uint8_t)(1u << n % 8);
        read_all();
        bytes[n / 8] ^= (uint8_t)(1u << n % 8);
    }
    for (uint32_t n = 0; n < len; n++) {
        bytes[n] = 0xff;
        read_all();
        bytes[n] = real[n];
    }
}

/* Programs of lines without an end: of zeros, of extensions, of numbers. */
static void test_lines_without_an_end_take_bounded_time(void **state)
{
    static const uint8_t fills[] = {0, 1, 2, 3, 4, 8, 0x80, 0xff};
    (void)state;
    uint32_t lines_at = (uint32_t)sizeof real, large = UINT32_C(4) << 20;
    bytes = realloc(bytes, len + large);
    assert_non_null(bytes);
    store_le32(bytes + load_le32(bytes + METHODS_AT) + 12 * (F - 1) + 8, lines_at);
    len += large;
    for (unsigned n = 0; n < ARRAY_COUNT(fills); n++) {
        struct cil_line found;
        memset(bytes + lines_at, fills[n], large);
        struct cil_symbols s = opened();
        (void)cil_symbols_find(&s, F, 0x11, &found);
    }
}

static void test_the_build_is_in_the_metadata(void **state)
{
    static struct cil_image image;
    (void)state;
    assert_null(cil_image_mvid(&image)); /* without any table */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)
        TEST(test_each_instruction_has_the_line_of_its_statement),
        TEST(test_lines_may_be_of_another_file),
        TEST(test_a_method_without_lines_has_none),
        TEST(test_other_files_are_refused_with_the_reason),
        TEST(test_a_header_that_leads_outside_is_refused),
        TEST(test_a_file_that_is_cut_off_does_no_harm),
        TEST(test_flipped_bits_do_no_harm),
        TEST(test_lines_without_an_end_take_bounded_time),
        TEST(test_the_build_is_in_the_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
