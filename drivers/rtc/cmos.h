// SPDX-License-Identifier: MIT
//
// The real-time clock of a PC (MC146818 and compatible) at ports 0x70 and 0x71.
#pragma once

#include "kernel/lib/status.h"

#include <stdint.h>

/** The raw contents of the clock's registers. */
struct cmos_time {
    uint8_t second, minute, hour, day, month, year, century;
    uint8_t
        status_b; /* bit 2: binary, not BCD; bit 1: 24 hours, not 12 with bit 7 of hour for PM */
};

/**
 * @brief Decode a reading. Pure.
 * @param t    The century register counts only if it is 19 to 99; otherwise 20xx is assumed.
 * @param out  Seconds since 1970-01-01, if the clock runs in UTC.
 * @return OK; E_CORRUPT: not a valid date and time (an empty battery).
 * @context{any}
 */
enum status cmos_decode(const struct cmos_time *t, uint64_t *out);

/**
 * @brief Set the wall clock from the CMOS clock.
 * @return OK; E_CORRUPT: it holds no valid time; E_TIMEDOUT: it was updating all the time.
 * @context{thread; waits at most 20 ms, usually not at all}
 */
enum status cmos_rtc_init(void);
