// SPDX-License-Identifier: MIT
//
// Ticks and nanoseconds, and civil dates against the C library. Conversions are tested at the fake
// machine's only counter rate.
#include "kernel/base/clock.h"

#include "fake/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    clock_init();
    return 0;
}

static void test_time_follows_the_counter(void **state)
{
    (void)state;
    uint64_t start = clock_now_ns();
    fake_counter += 5 * FAKE_COUNTER_HZ;
    uint64_t passed = clock_now_ns() - start;
    assert_in_range(passed, 5 * NS_PER_S - 5, 5 * NS_PER_S);
}

static void test_a_deadline_is_never_early_and_at_most_a_tick_late(void **state)
{
    (void)state;
    static const uint64_t deadlines[] = {
        0, 1, 999, 1000000007, 86400 * NS_PER_S, UINT64_C(1) << 60};
    for (size_t i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
        fake_counter = clock_ns_to_counter(deadlines[i]);
        assert_true(clock_now_ns() >= deadlines[i]);
        assert_true(clock_now_ns() - deadlines[i] <= 2 + deadlines[i] / 1000000000);
    }
}

static void test_for_ever_saturates(void **state)
{
    (void)state;
    fake_counter += 1000000;
    assert_true(clock_ns_to_counter(UINT64_MAX) > UINT64_MAX / 2);
    assert_true(clock_counter_to_ns(UINT64_MAX) > UINT64_MAX / 2);
}

static void test_the_wall_clock_continues_from_its_setting(void **state)
{
    (void)state;
    uint64_t ns;
    clock_set_wall(1700000000);
    assert_true(clock_wall_ns(&ns));
    assert_int_equal(ns / NS_PER_S, 1700000000);
    fake_counter += 3 * FAKE_COUNTER_HZ + FAKE_COUNTER_HZ / 2;
    assert_true(clock_wall_ns(&ns));
    assert_int_equal(ns / NS_PER_S, 1700000003);
}

static void test_civil_dates_as_the_c_library(void **state)
{
    (void)state;
    for (time_t t = 0; t < (time_t)253402300800; t += 86400 * 3 + 12347) {
        struct tm tm;
        gmtime_r(&t, &tm);
        assert_int_equal(clock_from_civil((unsigned)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
                                          (unsigned)tm.tm_mday, (unsigned)tm.tm_hour,
                                          (unsigned)tm.tm_min, (unsigned)tm.tm_sec),
                         t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_time_follows_the_counter, set_up),
        cmocka_unit_test_setup(test_a_deadline_is_never_early_and_at_most_a_tick_late, set_up),
        cmocka_unit_test_setup(test_for_ever_saturates, set_up),
        cmocka_unit_test_setup(test_the_wall_clock_continues_from_its_setting, set_up),
        cmocka_unit_test(test_civil_dates_as_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
