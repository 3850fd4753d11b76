// SPDX-License-Identifier: MIT
//
// Bringing up the other CPUs. How a CPU is started is the machine's (hal/smp.h), what it runs the
// scheduler's.
#pragma once

#include "hal/types.h"

struct boot_info;

/**
 * @brief Start the CPUs that firmware names, one after the other, until `limit` run. One that
 * refuses is reported and left out. After one that does not come up in time no other is started: it
 * may still come, under the id that the next one would get.
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

/**
 * @brief Call fn(arg) on every CPU, as smp_call() does, on all of them at once, and wait until all
 * have returned: it takes as long as the slowest.
 * @param fn  As smp_call()'s. Preemption is off around it on the calling CPU, too.
 * @context{thread, interrupts enabled}
 */
void smp_call_all(void (*fn)(void *arg), void *arg);

/**
 * @brief Have every CPU fetch instructions anew: code that hal_icache_sync() has seen may be called
 * from here on by what runs on any of them. A thread that is switched to, and an interrupt handler,
 * may do so without.
 * @context{thread, interrupts enabled}
 */
void smp_synchronise_fetch(void);

/** @brief Another CPU sent HAL_IPI_CALL: do what smp_call() left. @context{IRQ} */
void smp_do_calls(void);
