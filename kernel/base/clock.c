// SPDX-License-Identifier: MIT
//
// Converts between counter ticks and nanoseconds in fixed point; the wall clock is an offset to
// monotonic time. A driver reads the clock chip.

#include "kernel/base/clock.h"

#include "hal/cpu.h"
#include "hal/timer.h"
#include "kernel/base/assert.h"

#include <stdatomic.h>

/* Both factors are 32.32 fixed point. The product with a 64-bit number needs 96 bits. */
#define FACTOR_SHIFT 32

/* [I] nanoseconds for each tick, rounded down: time never runs ahead */
static uint64_t ns_per_tick;
/* [I] ticks for each nanosecond, rounded up: a deadline is never early */
static uint64_t tick_per_ns;
static uint64_t counter_base; /* [I] the counter's value at the first kernel instruction */

/* Unix time minus monotonic time. 0: no RTC was found. Relaxed: no other data depends on it. */
static _Atomic uint64_t wall_offset_ns;

static uint64_t scale(uint64_t n, uint64_t factor)
{
    unsigned __int128 product = (unsigned __int128)n * factor >> FACTOR_SHIFT;
    return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

void clock_init(void)
{
    uint64_t hz = hal_counter_hz();
    ASSERT(hz >= 1000000);
    ns_per_tick = (NS_PER_S << FACTOR_SHIFT) / hz;
    /* hz may need 34 bits, so convert the whole seconds and the fraction separately. */
    tick_per_ns = (hz / NS_PER_S << FACTOR_SHIFT) +
                  (((hz % NS_PER_S) << FACTOR_SHIFT) + NS_PER_S - 1) / NS_PER_S;
    counter_base = hal_counter_at_entry();
}

uint64_t clock_counter_at_ns(uint64_t counter)
{
    return scale(counter - counter_base, ns_per_tick);
}

uint64_t clock_now_ns(void)
{
    return clock_counter_at_ns(hal_counter_read());
}

uint64_t clock_counter_to_ns(uint64_t ticks)
{
    return scale(ticks, ns_per_tick);
}

uint64_t clock_ns_to_counter(uint64_t ns)
{
    unsigned __int128 product = (unsigned __int128)ns * tick_per_ns;
    /* One tick more: the base was sampled between two ticks, and a deadline must not be early. */
    unsigned __int128 at = (product >> FACTOR_SHIFT) + 1 + counter_base;
    return at > UINT64_MAX ? UINT64_MAX : (uint64_t)at;
}

void clock_set_wall(uint64_t unix_s)
{
    uint64_t offset = unix_s * NS_PER_S - clock_now_ns();
    atomic_store_explicit(&wall_offset_ns, offset, memory_order_relaxed);
}

bool clock_wall_ns(uint64_t *out)
{
    uint64_t offset = atomic_load_explicit(&wall_offset_ns, memory_order_relaxed);
    if (offset == 0) {
        return false;
    }
    *out = clock_now_ns() + offset;
    return true;
}

/** Days from 1970-01-01 to a civil date. Counting years from March puts the leap day last. */
static uint64_t days_from_civil(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month > 2 ? year : year - 1;
    unsigned m = month > 2 ? month - 3 : month + 9;
    unsigned day_of_year = (153 * m + 2) / 5 + day - 1;
    uint64_t days = (uint64_t)y * 365 + y / 4 - y / 100 + y / 400 + day_of_year;
    return days - 719468; /* 0000-03-01 to 1970-01-01 */
}

uint64_t clock_from_civil(unsigned year, unsigned month, unsigned day, unsigned hour,
                          unsigned minute, unsigned second)
{
    return ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}
