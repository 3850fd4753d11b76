// SPDX-License-Identifier: MIT
//
// Calibration, for early.c; the event timer, for platform.c.
#pragma once

#include "hal/bootinfo.h"
#include "hal/timer.h"

/** The local APIC's one-shot timer, and the CPU's
 * comparison with the TSC. @pre event_timer_choose() */
extern const struct event_timer apic_timer, tsc_deadline_timer;

/** @brief Set the ratio of local APIC timer ticks to TSC ticks, 32.32 fixed point.
 * @context{early} */
void event_timer_set_rate(uint64_t rate);

/** @brief Initialise the better of the two that this CPU supports. @pre apic_init().
 * @context{early} */
const struct event_timer *event_timer_choose(void);

/**
 * @brief Measure the frequencies of the TSC and the local APIC timer; takes at most 200 us.
 * @param entry_counter  The TSC when the kernel was entered.
 * @return NULL, or the reason why it is impossible.
 * @context{early, on the bootstrap tables, interrupts masked}
 */
const char *timer_calibrate(uint64_t entry_counter, const struct boot_acpi *acpi);

/** @brief Describe in one line what timer_calibrate() measured. @param len  at least 1.
 * @context{any} */
void timer_describe(char *buf, size_t len);
