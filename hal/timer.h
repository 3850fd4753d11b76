// SPDX-License-Identifier: MIT
//
// Counter frequency and the one-shot event timer of each CPU. Nanoseconds are in
// kernel/base/clock.h, timer queues in kernel/sched/timer.h.
#pragma once

#include "hal/types.h"

/** One kind of event timer: generic timer, local APIC
 * one-shot, TSC deadline. Calls affect this CPU. */
struct event_timer {
    const char *name;
    /** Interrupt once when hal_counter_read() reaches `deadline`; soon if that is in the past.
     * Replaces the previous deadline. */
    void (*arm)(uint64_t deadline);
    void (*disarm)(void);
};

/** @brief Install this machine's event timer, once, from platform.c. Its interrupt calls
 * upcall_timer(). */
void machine_timer_install(const struct event_timer *timer);

/** @brief The installed event timer. @context{any} */
extern const struct event_timer *machine_installed_timer; /* private */
static inline const struct event_timer *machine_timer(void)
{
    return machine_installed_timer;
}

/**
 * @brief Frequency of hal_counter_read() in Hz, at least 1 MHz; known from early start on.
 * @context{any}
 */
uint64_t hal_counter_hz(void);

/** @brief Value of hal_counter_read() at the kernel's first instructions. @context{any} */
uint64_t hal_counter_at_entry(void);
