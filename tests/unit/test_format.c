// SPDX-License-Identifier: MIT
//
// The kernel's formatting against the C library's, conversion by conversion.
#include "kernel/lib/format.h"

#include "kernel/lib/status.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The test compares combinations of flags and lengths about which the compiler would warn. */
#pragma clang diagnostic ignored "-Wformat"

/* Format with both, and compare text and length. */
#define SAME(...)                                                                                  \
    do {                                                                                           \
        char ours[256], theirs[256];                                                               \
        int n = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                     \
        assert_int_equal(fmt_print(ours, sizeof(ours), __VA_ARGS__), n);                           \
        assert_string_equal(ours, theirs);                                                         \
    } while (0)

static void test_integers(void **state)
{
    (void)state;
    SAME("%d %i %u", INT_MIN, INT_MAX, UINT_MAX);
    SAME("%lld %llu", LLONG_MIN, ULLONG_MAX);
    SAME("%ld %lu %zu %td %jd", LONG_MIN, ULONG_MAX, SIZE_MAX, (ptrdiff_t)-5, INTMAX_MIN);
    SAME("%hhd %hhu %hd %hu", -1, 255, -2, 65535);
    SAME("%x %X %#x %#X %o %#o", 0xbeefu, 0xBEEFu, 0xbeefu, 0xBEEFu, 8u, 8u);
    SAME("%#x %#o %x", 0u, 1u, 0u);
    SAME("[%5d][%-5d][%05d][%+d][% d][%+5d]", 42, 42, 42, 42, 42, 42);
    SAME("[%05d][%-05d][%+05d][% 05d]", -42, -42, 42, 42);
    SAME("[%.3d][%8.3d][%-8.3d][%08.3d][%.0d]", 7, 7, 7, 7, 0);
    SAME("[%#10x][%-#10x][%#010x]", 0xabu, 0xabu, 0xabu);
    SAME("[%*d][%-*d][%.*d]", 6, 1, 6, 1, 4, 1);
    SAME("[%*d]", -6, 1);
    SAME("%016llx", 0x123456789abcdefull);
}

static void test_text(void **state)
{
    (void)state;
    SAME("plain");
    SAME("%s|%10s|%-10s|%.2s|%10.2s|%.*s", "abc", "abc", "abc", "abc", "abc", 1, "abc");
    SAME("%c|%3c|%-3c|%%", 'x', 'y', 'z');
    SAME("%s", "");
    char unterminated[3] = {'a', 'b', 'c'};
    SAME("%.3s", unterminated);
}

static void test_own_rules(void **state)
{
    (void)state;
    char buf[64];
    fmt_print(buf, sizeof(buf), "%p", (void *)(uintptr_t)0x1234);
    assert_string_equal(buf, "0x0000000000001234");
    const char *none = NULL;
    fmt_print(buf, sizeof(buf), "%s", none);
    assert_string_equal(buf, "(null)");
}

/* The compiler would reject this format, so it comes from a variable. */
static size_t print_unchecked(char *buf, size_t len, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t n = fmt_vprint(buf, len, fmt, args);
    va_end(args);
    return n;
}

static void test_unknown_conversions_print_themselves(void **state)
{
    (void)state;
    char buf[64];
    print_unchecked(buf, sizeof(buf), "%q %5", 0);
    assert_string_equal(buf, "%q %5");
    print_unchecked(buf, sizeof(buf), "%");
    assert_string_equal(buf, "%");
    print_unchecked(buf, sizeof(buf), "%-08.3f|%d", 5);
    assert_string_equal(buf, "%-08.3f|5");
}

static void test_truncation_returns_the_whole_length(void **state)
{
    (void)state;
    char buf[8];
    memset(buf, 'z', sizeof(buf));
    assert_int_equal(fmt_print(buf, 4, "%s", "abcdef"), 6);
    assert_memory_equal(buf, "abc\0zzzz", 8);
    assert_int_equal(fmt_print(buf, 1, "abc"), 3);
    assert_string_equal(buf, "");
    memset(buf, 'z', sizeof(buf));
    assert_int_equal(fmt_print(buf, 0, "abc"), 3);
    assert_memory_equal(buf, "zzzzzzzz", 8);
    assert_int_equal(fmt_print(NULL, 0, "%300d", 1), 300);
}

static void test_every_status_has_a_text(void **state)
{
    (void)state;
    for (int i = 0; i >= E_XDEV; i--) {
        assert_string_not_equal(status_text((enum status)i), "unknown status");
    }
    assert_string_equal(status_text((enum status)1), "unknown status");
    assert_string_equal(status_text((enum status) - 1000), "unknown status");
    assert_string_equal(status_text((enum status)INT_MIN), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_own_rules),
        cmocka_unit_test(test_unknown_conversions_print_themselves),
        cmocka_unit_test(test_truncation_returns_the_whole_length),
        cmocka_unit_test(test_every_status_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
