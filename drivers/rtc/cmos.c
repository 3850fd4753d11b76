// SPDX-License-Identifier: MIT
//
// The CMOS clock. It is read once at boot and never written; its alarm and periodic interrupt are
// not used.
#include "drivers/rtc/cmos.h"

#include "hal/cpu.h"
#include "hal/io.h"
#include "kernel/base/clock.h"
#include "kernel/lib/string.h"

enum cmos_register {
    CMOS_SECOND = 0x00,
    CMOS_MINUTE = 0x02,
    CMOS_HOUR = 0x04,
    CMOS_DAY = 0x07,
    CMOS_MONTH = 0x08,
    CMOS_YEAR = 0x09,
    CMOS_STATUS_A = 0x0a,
    CMOS_STATUS_B = 0x0b,
    CMOS_CENTURY = 0x32, /* its place in every PC since the PS/2 */
};

#define STATUS_A_UPDATING 0x80u /* the registers are undefined, or become so within 244 us */
#define STATUS_B_24_HOURS 0x02u
#define STATUS_B_BINARY   0x04u
#define HOUR_PM           0x80u

/* An update takes at most 2.2 ms, once a second. */
#define UPDATE_LIMIT_NS (5 * NS_PER_MS)

static const struct io_region ports = {.base = 0x70, .len = 2, .is_port = true};

static uint8_t cmos_read(enum cmos_register reg)
{
    io_write8(&ports, 0, (uint8_t)reg); /* bit 7 is zero, so NMI stays enabled */
    return io_read8(&ports, 1);
}

/* Returns 100 or more for a byte that is not BCD; all range checks then refuse it. */
static unsigned from_register(uint8_t v, bool is_binary)
{
    if (is_binary) {
        return v;
    }
    return (v & 0x0f) > 9 || (v >> 4) > 9 ? 255 : (v >> 4) * 10u + (v & 0x0f);
}

/* 12 AM is hour 0, 12 PM is hour 12. Returns 255 for an invalid hour. */
static unsigned decode_hour(const struct cmos_time *t, bool is_binary)
{
    if ((t->status_b & STATUS_B_24_HOURS) != 0) {
        return from_register(t->hour, is_binary);
    }
    unsigned h = from_register(t->hour & (uint8_t)~HOUR_PM, is_binary);
    if (h < 1 || h > 12) {
        return 255;
    }
    return h % 12 + ((t->hour & HOUR_PM) != 0 ? 12 : 0);
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : days[month - 1];
}

enum status cmos_decode(const struct cmos_time *t, uint64_t *out)
{
    bool is_binary = (t->status_b & STATUS_B_BINARY) != 0;
    unsigned second = from_register(t->second, is_binary);
    unsigned minute = from_register(t->minute, is_binary);
    unsigned hour = decode_hour(t, is_binary);
    unsigned day = from_register(t->day, is_binary);
    unsigned month = from_register(t->month, is_binary);
    unsigned year = from_register(t->year, is_binary);
    unsigned century = from_register(t->century, is_binary);

    if (second > 59 || minute > 59 || hour > 23 || year > 99 || month < 1 || month > 12) {
        return E_CORRUPT;
    }
    year += century >= 19 && century <= 99 ? century * 100 : 2000;
    if (year < 1970 || day < 1 || day > days_in_month(year, month)) {
        return E_CORRUPT;
    }
    *out = clock_from_civil(year, month, day, hour, minute, second);
    return OK;
}

static enum status wait_while_updating(void)
{
    uint64_t limit = clock_now_ns() + UPDATE_LIMIT_NS;
    while ((cmos_read(CMOS_STATUS_A) & STATUS_A_UPDATING) != 0) {
        if (clock_now_ns() > limit) {
            return E_TIMEDOUT;
        }
        hal_cpu_relax();
    }
    return OK;
}

static void read_registers(struct cmos_time *t)
{
    *t = (struct cmos_time){
        .second = cmos_read(CMOS_SECOND),
        .minute = cmos_read(CMOS_MINUTE),
        .hour = cmos_read(CMOS_HOUR),
        .day = cmos_read(CMOS_DAY),
        .month = cmos_read(CMOS_MONTH),
        .year = cmos_read(CMOS_YEAR),
        .century = cmos_read(CMOS_CENTURY),
        .status_b = cmos_read(CMOS_STATUS_B),
    };
}

enum status cmos_rtc_init(void)
{
    /* An interrupt between the wait and the last register can let an update start. Two equal
     * readings in a row were not disturbed.
     * Updates are one second apart, so a third attempt meets none. */
    struct cmos_time last;
    struct cmos_time t = {.month = 0xff};
    for (int i = 0; i < 4; i++) {
        enum status s = wait_while_updating();
        if (s != OK) {
            return s;
        }
        last = t;
        read_registers(&t);
        if (memcmp(&last, &t, sizeof(t)) == 0) {
            uint64_t unix_s;
            s = cmos_decode(&t, &unix_s);
            if (s == OK) {
                clock_set_wall(unix_s);
            }
            return s;
        }
    }
    return E_TIMEDOUT;
}
