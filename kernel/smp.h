// SPDX-License-Identifier: MIT
//
// Bringing up the other CPUs. How a CPU is started is the machine's (hal/smp.h), what it runs the
// scheduler's.
#pragma once

#include "hal/types.h"

struct boot_info;

/**
 * @brief Start the CPUs that firmware names, one after the other, until `limit` run. One that does
 * not come up in time is reported and left out.
 * @param limit  With the boot CPU; 0: all, up to CPU_MAX.
 * @context{thread, on the boot CPU, once}
 */
void smp_start(const struct boot_info *info, uint32_t limit);

/**
 * @brief Call fn(arg) on another CPU, in an interrupt there, and wait until it has returned.
 * @param cpu  An online CPU; fn is just called if it is the calling one.
 * @param fn   Must not wait for anything; may take faults.
 * @context{thread, interrupts enabled}
 */
void smp_call(cpu_t cpu, void (*fn)(void *arg), void *arg);

/** @brief Another CPU asked this one to look: do what smp_call() left. @context{IRQ} */
void smp_do_calls(void);
