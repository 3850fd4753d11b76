// SPDX-License-Identifier: MIT
//
// The real-time clock of a PC (MC146818 and what followed) at ports 0x70 and 0x71.
#pragma once

#include "kernel/lib/status.h"

#include <stdint.h>

/** What the clock's registers hold, undecoded. */
struct cmos_time {
    uint8_t second, minute, hour, day, month, year, century;
    uint8_t
        status_b; /* bit 2: binary, not BCD; bit 1: 24 hours, not 12 with bit 7 of hour for PM */
};

/**
 * @brief Decode a reading. Pure.
 * @param t    The century register counts only if it says 19 to 99; else 20xx is meant.
 * @param out  Seconds since 1970-01-01, taking the clock for UTC.
 * @return OK; E_CORRUPT: no date and time (an empty battery).
 * @context{any}
 */
enum status cmos_decode(const struct cmos_time *t, uint64_t *out);

/**
 * @brief Set the wall clock from the CMOS clock.
 * @return OK; E_CORRUPT: it holds no time; E_TIMEDOUT: it never stopped updating.
 * @context{thread; waits at most 20 ms, usually not at all}
 */
enum status cmos_rtc_init(void);
