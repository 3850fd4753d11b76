// SPDX-License-Identifier: MIT
//
// kernel/lib/unicode.c: widths of characters at the edges of the tables, and invalid bytes.
#include "kernel/lib/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_columns(void **state)
{
    (void)state;
    static const struct {
        uint32_t code_point;
        unsigned columns;
    } cases[] = {
        {'a', 1},     {0xad, 1},     {0x2ff, 1},      {0x300, 0},   {0x36f, 0},   {0x370, 1},
        {0x600, 1},   {0x10ff, 1},   {0x1100, 2},     {0x115f, 2},  {0x1160, 0},  {0x11ff, 0},
        {0x200b, 0},  {0x200d, 0},   {0x2028, 1},     {0x20ac, 1},  {0x231a, 2},  {0x231b, 2},
        {0x231c, 1},  {0x303f, 1},   {0x3041, 2},     {0x4dc0, 1},  {0x4e00, 2},  {0x9fff, 2},
        {0xac00, 2},  {0xd7a3, 2},   {0xd7b0, 0},     {0xe000, 1},  {0xf900, 2},  {0xfe0f, 0},
        {0xff01, 2},  {0xff60, 2},   {0xff61, 1},     {0xffe6, 2},  {0xfffd, 1},  {0x101fd, 0},
        {0x10000, 1}, {0x1d165, 1},  {0x1d167, 0},    {0x1f004, 2}, {0x1f5ff, 2}, {0x1f600, 2},
        {0x1f800, 1}, {0x20000, 2},  {0x3fffd, 2},    {0x40000, 1}, {0xe0001, 0}, {0xe0fff, 0},
        {0xe1000, 1}, {0x10ffff, 1}, {UINT32_MAX, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (unicode_columns(cases[i].code_point) != cases[i].columns) {
            fail_msg("U+%04X takes %u", cases[i].code_point, unicode_columns(cases[i].code_point));
        }
    }
}

static void test_decoding(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t taken;
        uint32_t code_point;
    } cases[] = {
        {"a", 1, 'a'},
        {"\xc3\xa9x", 2, 0xe9},
        {"\xe6\x97\xa5x", 3, 0x65e5},
        {"\xf0\x9f\x98\x80", 4, 0x1f600},
        {"\x80", 1, 0xfffd},
        {"\xc0\x80", 1, 0xfffd},
        {"\xc3", 1, 0xfffd},
        {"\xe6\x97", 1, 0xfffd},
        {"\xe6\x97x", 1, 0xfffd},
        {"\xff\x80\x80\x80", 1, 0xfffd},
        {"\xe0\x80\x9b", 1, 0xfffd},     /* a longer encoding than needed */
        {"\xed\xa0\x80", 1, 0xfffd},     /* a surrogate */
        {"\xf4\x90\x80\x80", 1, 0xfffd}, /* beyond the last code point */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t code_point;
        assert_int_equal(unicode_decode(cases[i].bytes, strlen(cases[i].bytes), &code_point),
                         cases[i].taken);
        assert_int_equal(code_point, cases[i].code_point);
    }
}

static void test_encoding_is_the_inverse_of_decoding(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= UNICODE_LAST; c++) {
        uint8_t bytes[UNICODE_BYTES_MAX];
        uint32_t decoded;
        size_t len = unicode_encode(c, bytes);
        bool is_surrogate = c >= 0xd800 && c < 0xe000;
        if (!is_surrogate && (unicode_decode((const char *)bytes, len, &decoded) != len ||
                              decoded != c || unicode_length(bytes[0]) != len)) {
            fail_msg("U+%04X", c);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_encoding_is_the_inverse_of_decoding),
        cmocka_unit_test(test_decoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
