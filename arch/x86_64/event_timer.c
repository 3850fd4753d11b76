// SPDX-License-Identifier: MIT
//
// Event timers: the local APIC's one-shot timer, which counts down
// at a rate of its own, and the TSC deadline, which the CPU compares
// with the TSC. SDM volume 3A, 11.5.4. Calibration is in timer.c.
#include "arch/x86_64/timer.h"

#include "arch/x86_64/apic.h"
#include "hal/cpu.h"
#include "hal_arch/sysreg.h"

static uint64_t apic_per_tsc; /* 32.32 fixed point */

void event_timer_set_rate(uint64_t rate)
{
    apic_per_tsc = rate;
}

/* For a deadline beyond its range the timer interrupts early and is armed again. Rounded up, so
 * that it never interrupts just before the deadline. */
static void arm_one_shot(uint64_t deadline)
{
    uint64_t now = hal_counter_read();
    uint64_t ahead = deadline > now ? deadline - now : 0;
    unsigned __int128 count = (unsigned __int128)ahead * apic_per_tsc >> 32;
    apic_write(APIC_TIMER_INITIAL, count < UINT32_MAX ? (uint32_t)count + 1 : UINT32_MAX);
}

static void disarm_one_shot(void)
{
    apic_write(APIC_TIMER_INITIAL, 0);
}

const struct event_timer apic_timer = {
    .name = "local APIC one-shot", .arm = arm_one_shot, .disarm = disarm_one_shot};

/* A deadline in the past interrupts at once; 0 disarms. */
static void arm_deadline(uint64_t deadline)
{
    write_msr(MSR_TSC_DEADLINE, deadline != 0 ? deadline : 1);
}

static void disarm_deadline(void)
{
    write_msr(MSR_TSC_DEADLINE, 0);
}

const struct event_timer tsc_deadline_timer = {
    .name = "TSC deadline", .arm = arm_deadline, .disarm = disarm_deadline};

const struct event_timer *event_timer_choose(void)
{
    bool has_deadline = (cpuid(1, 0).ecx & CPUID_1_ECX_TSC_DEADLINE) != 0;
    apic_set_timer_mode(has_deadline ? APIC_TIMER_DEADLINE : APIC_TIMER_ONE_SHOT);
    return has_deadline ? &tsc_deadline_timer : &apic_timer;
}
