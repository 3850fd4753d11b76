// SPDX-License-Identifier: MIT
//
// Bytes and strings against the C library, over all small lengths, alignments and overlaps. The
// kernel's versions of the standard names are called kernel_* here (CMakeLists.txt).
#include "kernel/lib/string.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *kernel_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *kernel_memmove(void *dst, const void *src, size_t n);
void *kernel_memset(void *dst, int byte, size_t n);
int kernel_memcmp(const void *a, const void *b, size_t n);
size_t kernel_strlen(const char *s);
size_t kernel_strnlen(const char *s, size_t max);
int kernel_strcmp(const char *a, const char *b);
int kernel_strncmp(const char *a, const char *b, size_t n);
char *kernel_strchr(const char *s, int c);
char *kernel_strrchr(const char *s, int c);

#define ROOM 400

static void fill(uint8_t *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(seed = seed * 1103515245u + 12345u, seed >> 16);
    }
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void test_memcpy_every_length_and_alignment(void **state)
{
    (void)state;
    uint8_t src[ROOM], dst[ROOM], expected[ROOM];
    for (size_t to = 0; to < 9; to++) {
        for (size_t from = 0; from < 9; from++) {
            for (size_t n = 0; n < 200; n++) {
                fill(src, ROOM, (unsigned)n);
                fill(dst, ROOM, 7);
                memcpy(expected, dst, ROOM);
                memcpy(expected + to, src + from, n);
                assert_ptr_equal(kernel_memcpy(dst + to, src + from, n), dst + to);
                assert_memory_equal(dst, expected, ROOM);
            }
        }
    }
}

static void test_memmove_every_overlap(void **state)
{
    (void)state;
    uint8_t bytes[ROOM], expected[ROOM];
    for (size_t to = 0; to < 40; to++) {
        for (size_t from = 0; from < 40; from++) {
            for (size_t n = 0; n < 180; n += 7) {
                fill(bytes, ROOM, (unsigned)(to + n));
                memcpy(expected, bytes, ROOM);
                memmove(expected + to, expected + from, n);
                assert_ptr_equal(kernel_memmove(bytes + to, bytes + from, n), bytes + to);
                assert_memory_equal(bytes, expected, ROOM);
            }
        }
    }
}

static void test_memset_touches_only_its_bytes(void **state)
{
    (void)state;
    uint8_t bytes[ROOM], expected[ROOM];
    for (size_t at = 0; at < 9; at++) {
        for (size_t n = 0; n < 200; n++) {
            fill(bytes, ROOM, 3);
            memcpy(expected, bytes, ROOM);
            memset(expected + at, 0xa5, n);
            assert_ptr_equal(kernel_memset(bytes + at, 0x1a5, n), bytes + at);
            assert_memory_equal(bytes, expected, ROOM);
        }
    }
}

static void test_memcmp_orders_by_unsigned_bytes(void **state)
{
    (void)state;
    uint8_t a[ROOM], b[ROOM];
    for (size_t at = 0; at < 9; at++) {
        for (size_t n = 1; n < 100; n++) {
            fill(a, ROOM, 11);
            memcpy(b + at, a, n);
            assert_int_equal(kernel_memcmp(a, b + at, n), 0);
            for (size_t i = 0; i < n; i += 5) {
                b[at + i] ^= 0x80;
                assert_int_equal(sign(kernel_memcmp(a, b + at, n)), sign(memcmp(a, b + at, n)));
                b[at + i] ^= 0x80;
            }
        }
    }
}

static void test_strings_like_the_c_library(void **state)
{
    (void)state;
    static const char *const words[] = {"", "a", "b", "ab", "abc", "abd", "\xff", "aa"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(kernel_strlen(words[i]), strlen(words[i]));
        assert_int_equal(kernel_strnlen(words[i], 2), strnlen(words[i], 2));
        assert_ptr_equal(kernel_strchr(words[i], 'b'), strchr(words[i], 'b'));
        assert_ptr_equal(kernel_strchr(words[i], 0), strchr(words[i], 0));
        assert_ptr_equal(kernel_strrchr(words[i], 'a'), strrchr(words[i], 'a'));
        for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
            assert_int_equal(sign(kernel_strcmp(words[i], words[k])),
                             sign(strcmp(words[i], words[k])));
            assert_int_equal(sign(kernel_strncmp(words[i], words[k], 2)),
                             sign(strncmp(words[i], words[k], 2)));
        }
    }
}

static void test_copy_cuts_and_terminates(void **state)
{
    (void)state;
    char buf[5] = "zzzz";
    assert_true(str_copy(buf, sizeof(buf), "abcd"));
    assert_string_equal(buf, "abcd");
    assert_false(str_copy(buf, sizeof(buf), "abcde"));
    assert_string_equal(buf, "abcd");
    assert_false(str_copy(buf, 1, "x"));
    assert_string_equal(buf, "");
    assert_true(str_has_prefix("run=x", "run="));
    assert_false(str_has_prefix("ru", "run="));
    assert_true(str_contains("aab", "ab"));
    assert_true(str_contains("", ""));
    assert_true(str_contains("ab", ""));
    assert_false(str_contains("ab", "abc"));
    assert_false(str_contains("", "a"));
}

static void test_only_printable_characters_are_left(void **state)
{
    (void)state;
    char s[256];
    for (int c = 1; c < 256; c++) {
        s[c - 1] = (char)c;
    }
    s[255] = '\0';
    str_make_printable(s);
    for (int c = 1; c < 256; c++) {
        assert_int_equal(s[c - 1], c >= 0x20 && c <= 0x7e ? c : '?');
    }
    assert_int_equal(s[255], '\0');
    char text[] =
        "\xc2\x9b"
        "2J Grüße 日本 😀\u00a0 \xe6\x97 \xed\xa0\x80 \xc0\xaf \xf4\x90\x80\x80 \xf0\x9f\x98";
    str_make_printable(text);
    assert_string_equal(text, "??2J Grüße 日本 😀\u00a0 ?? ??? ?? ???? ???");
}

static void test_glob(void **state)
{
    (void)state;
    assert_true(str_matches("*", ""));
    assert_true(str_matches("", ""));
    assert_false(str_matches("", "a"));
    assert_true(str_matches("heap.*", "heap.pair64"));
    assert_false(str_matches("heap.*", "page.pair"));
    assert_true(str_matches("a*b*c", "axxbxbyc"));
    assert_false(str_matches("a*b*c", "axxbxby"));
    assert_true(str_matches("?b?", "abc"));
    assert_false(str_matches("?", ""));
    assert_true(str_matches("x|page*", "page_free"));
    assert_true(str_matches("x|", ""));
    /* Exponential in a matcher that recurses. */
    assert_false(str_matches("*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void test_numbers(void **state)
{
    (void)state;
    unsigned long long v = 99;
    assert_true(str_to_u64("0", &v) && v == 0);
    assert_true(str_to_u64("18446744073709551615", &v) && v == UINT64_MAX);
    assert_true(str_to_u64("0xFFffFFffFFffFFff", &v) && v == UINT64_MAX);
    assert_true(str_to_u64("16K", &v) && v == 16384);
    assert_true(str_to_u64("0x10M", &v) && v == 16 << 20);
    assert_true(str_to_u64("3T", &v) && v == 3ull << 40);
    v = 99;
    static const char *const bad[] = {"",
                                      "x",
                                      "0x",
                                      "12a",
                                      "1KK",
                                      "-1",
                                      " 1",
                                      "18446744073709551616",
                                      "0x10000000000000000",
                                      "16777216T",
                                      "K"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(str_to_u64(bad[i], &v));
        assert_int_equal(v, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memcpy_every_length_and_alignment),
        cmocka_unit_test(test_memmove_every_overlap),
        cmocka_unit_test(test_memset_touches_only_its_bytes),
        cmocka_unit_test(test_memcmp_orders_by_unsigned_bytes),
        cmocka_unit_test(test_strings_like_the_c_library),
        cmocka_unit_test(test_copy_cuts_and_terminates),
        cmocka_unit_test(test_only_printable_characters_are_left),
        cmocka_unit_test(test_glob),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
