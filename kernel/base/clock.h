// SPDX-License-Identifier: MIT
//
// Time in nanoseconds: monotonic since boot, and the wall clock that an RTC driver sets.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

/** @brief Compute the conversion factors. Once, when hal_counter_hz() is known. @context{early} */
void clock_init(void);

/** @brief Nanoseconds since the first kernel instruction; never decreases. 0 before clock_init().
 * @context{any} */
uint64_t clock_now_ns(void);

/** @brief The counter value at which clock_now_ns() reaches `ns` (saturates). @context{any} */
uint64_t clock_ns_to_counter(uint64_t ns);

/** @brief The value of clock_now_ns() at the moment when hal_counter_read() is `counter`.
 *     @context{any} */
uint64_t clock_counter_at_ns(uint64_t counter);

/** @brief Nanoseconds of a counter difference. @context{any} */
uint64_t clock_counter_to_ns(uint64_t ticks);

/** @brief Set the wall clock: seconds since 1970-01-01 UTC that an RTC driver has just read.
 *     @context{thread} */
void clock_set_wall(uint64_t unix_s);

/** @brief Nanoseconds since 1970-01-01 UTC. @return false: no RTC was found. @context{any} */
bool clock_wall_ns(uint64_t *out);

/** @brief Seconds since 1970 of a civil date (proleptic Gregorian), year 1970 to 9999. Pure. */
uint64_t clock_from_civil(unsigned year, unsigned month, unsigned day, unsigned hour,
                          unsigned minute, unsigned second);
