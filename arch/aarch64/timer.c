// SPDX-License-Identifier: MIT
//
// The generic timer: the virtual counter and its one-shot comparator, which EL1 can use in every
// configuration. Firmware sets their rate in CNTFRQ_EL0: no calibration is needed. Arm ARM (DDI
// 0487), D11.
#include "arch/aarch64/timer.h"

#include "arch/aarch64/cpu.h"
#include "hal/upcall.h"
#include "hal_arch/barrier.h"
#include "hal_arch/sysreg.h"

#define CTL_ENABLE 1u
#define CTL_OFF    0u

static void arm(uint64_t deadline)
{
    write_cntv_cval_el0(deadline);
    write_cntv_ctl_el0(CTL_ENABLE);
    isb();
}

static void disarm(void)
{
    write_cntv_ctl_el0(CTL_OFF);
    isb();
}

const struct event_timer timer_virtual = {
    .name = "generic timer",
    .arm = arm,
    .disarm = disarm,
};

/* The line is level triggered and stays active after
 * the deadline: disable it until it is armed again. */
void timer_interrupt(void)
{
    disarm();
    upcall_timer();
}

uint64_t hal_counter_hz(void)
{
    return read_cntfrq_el0();
}

uint64_t hal_counter_at_entry(void)
{
    return cpu_counter_at_entry();
}
