// SPDX-License-Identifier: MIT
//
// The CMOS clock: the meaning of its registers in each mode, and reading it during an update.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/rtc/cmos.h"
#include "fake/fake.h"
#include "kernel/base/clock.h"

#define B_24H    0x02
#define B_BINARY 0x04

static uint64_t decode(struct cmos_time t)
{
    uint64_t unix_s = 0;
    assert_int_equal(cmos_decode(&t, &unix_s), OK);
    return unix_s;
}

static const struct cmos_time noon = {.second = 0x56,
                                      .minute = 0x34,
                                      .hour = 0x12,
                                      .day = 0x29,
                                      .month = 0x02,
                                      .year = 0x24,
                                      .century = 0x20,
                                      .status_b = B_24H};
#define NOON 1709210096u /* 2024-02-29 12:34:56 UTC, by date(1) */

static void test_modes_agree(void **state)
{
    (void)state;
    struct cmos_time t = noon;
    assert_int_equal(decode(t), NOON);
    t.status_b = 0; /* 12-hour mode: noon is 12 PM */
    t.hour = 0x92;
    assert_int_equal(decode(t), NOON);
    t.hour = 0x12; /* 12 AM is midnight */
    assert_int_equal(decode(t), NOON - 12 * 3600);
    t.hour = 0x11;
    assert_int_equal(decode(t), NOON - 3600);
    t.hour = 0x91;
    assert_int_equal(decode(t), NOON + 11 * 3600);
    t = (struct cmos_time){.second = 56,
                           .minute = 34,
                           .hour = 12,
                           .day = 29,
                           .month = 2,
                           .year = 24,
                           .century = 20,
                           .status_b = B_24H | B_BINARY};
    assert_int_equal(decode(t), NOON);
    t.status_b = B_BINARY;
    t.hour = 0x80 | 12;
    assert_int_equal(decode(t), NOON);
}

static void test_century(void **state)
{
    (void)state;
    struct cmos_time t = {
        .day = 0x01, .month = 0x01, .year = 0x70, .century = 0x19, .status_b = B_24H};
    assert_int_equal(decode(t), 0);
    t.century = 0; /* a register with another use: the year is not 1970 */
    assert_int_equal(decode(t), 3155760000u);
    t.century = 0xff;
    assert_int_equal(decode(t), 3155760000u);
    t.year = 0x00;
    t.century = 0x21;
    assert_int_equal(decode(t), 4102444800u);
}

static void test_invalid_values_are_refused(void **state)
{
    (void)state;
    const struct {
        size_t field;
        uint8_t value;
    } bad[] = {
        {offsetof(struct cmos_time, second), 0x60}, {offsetof(struct cmos_time, second), 0x0a},
        {offsetof(struct cmos_time, minute), 0x60}, {offsetof(struct cmos_time, minute), 0xff},
        {offsetof(struct cmos_time, hour), 0x24},   {offsetof(struct cmos_time, hour), 0x92},
        {offsetof(struct cmos_time, day), 0x00},    {offsetof(struct cmos_time, day), 0x30},
        {offsetof(struct cmos_time, month), 0x00},  {offsetof(struct cmos_time, month), 0x13},
        {offsetof(struct cmos_time, year), 0x23}, /* not a leap year: no 29th of February */
        {offsetof(struct cmos_time, year), 0xa0},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct cmos_time t = noon;
        uint64_t unix_s = 77;
        ((uint8_t *)&t)[bad[i].field] = bad[i].value;
        assert_int_equal(cmos_decode(&t, &unix_s), E_CORRUPT);
        assert_int_equal(unix_s, 77);
    }
    struct cmos_time t = noon;
    uint64_t unix_s;
    t.status_b = 0;
    t.hour = 0x00; /* there is no hour 0 in 12-hour mode */
    assert_int_equal(cmos_decode(&t, &unix_s), E_CORRUPT);
    t.hour = 0x13;
    assert_int_equal(cmos_decode(&t, &unix_s), E_CORRUPT);
}

/* The chip's state, accessed through its two ports. */
static struct {
    uint8_t select;
    unsigned updating;   /* number of reads of status A that report an update */
    unsigned tear_after; /* register reads until the time advances; 0 = never */
    struct cmos_time time;
} chip;

static void chip_write(uint16_t port, unsigned bytes, uint64_t value)
{
    assert_int_equal(port, 0x70);
    assert_int_equal(bytes, 1);
    assert_int_equal(value & 0x80, 0); /* NMIs must stay enabled */
    chip.select = (uint8_t)value;
}

static uint64_t chip_read(uint16_t port, unsigned bytes)
{
    assert_int_equal(port, 0x71);
    assert_int_equal(bytes, 1);
    fake_counter += 1000;
    if (chip.select == 0x0a) {
        bool updating = chip.updating > 0;
        chip.updating -= updating;
        return updating ? 0x80 : 0;
    }
    if (chip.tear_after > 0 && --chip.tear_after == 0) {
        chip.time = noon;
    }
    switch (chip.select) {
    case 0x00:
        return chip.time.second;
    case 0x02:
        return chip.time.minute;
    case 0x04:
        return chip.time.hour;
    case 0x07:
        return chip.time.day;
    case 0x08:
        return chip.time.month;
    case 0x09:
        return chip.time.year;
    case 0x0b:
        return chip.time.status_b;
    case 0x32:
        return chip.time.century;
    }
    fail();
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    fake_on_port_read = chip_read;
    fake_on_port_write = chip_write;
    chip.time = noon;
    chip.updating = chip.tear_after = 0;
    clock_init();
    return 0;
}

static void assert_wall_is(uint64_t unix_s)
{
    uint64_t now;
    assert_true(clock_wall_ns(&now));
    assert_int_equal(now / NS_PER_S, unix_s);
}

static void test_the_cmos_clock_sets_the_wall_clock(void **state)
{
    (void)state;
    assert_int_equal(cmos_rtc_init(), OK);
    assert_wall_is(NOON);
}

static void test_a_read_waits_for_an_update(void **state)
{
    (void)state;
    chip.updating = 100;
    assert_int_equal(cmos_rtc_init(), OK);
    assert_int_equal(chip.updating, 0);
    assert_wall_is(NOON);
}

/* 12:59:59 becomes 13:00:00 during the reading: the result must be
 * neither 12:00:00 nor 13:59:59. */
static void test_a_torn_reading_is_repeated(void **state)
{
    (void)state;
    for (unsigned at = 1; at <= 16; at++) {
        chip.time = noon;
        chip.time.second = 0x55;
        chip.time.minute = 0x33;
        chip.time.hour = 0x11;
        chip.tear_after = at;
        assert_int_equal(cmos_rtc_init(), OK);
        uint64_t now;
        assert_true(clock_wall_ns(&now));
        assert_true(now / NS_PER_S == NOON || now / NS_PER_S == NOON - 3661);
    }
}

static void test_a_clock_that_never_stops_updating_times_out(void **state)
{
    (void)state;
    chip.updating = UINT32_MAX;
    uint64_t start = clock_now_ns();
    assert_int_equal(cmos_rtc_init(), E_TIMEDOUT);
    assert_true(clock_now_ns() - start < 25 * NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes_agree),
        cmocka_unit_test(test_century),
        cmocka_unit_test(test_invalid_values_are_refused),
        cmocka_unit_test_setup(test_the_cmos_clock_sets_the_wall_clock, set_up),
        cmocka_unit_test_setup(test_a_read_waits_for_an_update, set_up),
        cmocka_unit_test_setup(test_a_torn_reading_is_repeated, set_up),
        cmocka_unit_test_setup(test_a_clock_that_never_stops_updating_times_out, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
