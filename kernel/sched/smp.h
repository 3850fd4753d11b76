// SPDX-License-Identifier: MIT
//
// Starting the other CPUs, and calling functions on them. The machine starts a CPU (hal/smp.h); the
// scheduler runs threads on it.
#pragma once

#include "hal/types.h"

struct boot_info;

/**
 * @brief Start the CPUs that firmware lists, one after the other, until `limit` are running. A CPU
 *     that refuses is reported and left out. After one that does not come up in time no other is
 *     started, because it may still arrive with the id that the next one would get.
 * @param limit Including the boot CPU; 0: all, up to CPU_MAX.
 * @context{thread, on the boot CPU, once}
 */
void smp_start(const struct boot_info *info, uint32_t limit);

/**
 * @brief Call fn(arg) on another CPU, in an interrupt there, and wait until it has returned.
 * @param cpu An online CPU; for the calling one, fn is called directly.
 * @param fn Must not wait for anything; may take faults. Preemption is off around it.
 * @context{thread, interrupts enabled}
 */
void smp_call(cpu_t cpu, void (*fn)(void *arg), void *arg);

/**
 * @brief Call fn(arg) on every CPU at the same time, as smp_call() does, and wait until all
 *     have returned.
 * @param fn As for smp_call().
 * @context{thread, interrupts enabled}
 */
void smp_call_all(void (*fn)(void *arg), void *arg);

/**
 * @brief Make every CPU refetch its instructions: after this, code for which hal_icache_sync() was
 *     called may be called on any CPU. A thread that is switched to and an interrupt handler need
 *     no such call.
 * @context{thread, interrupts enabled}
 */
void smp_synchronise_fetch(void);

/** @brief Another CPU sent HAL_IPI_CALL: make the call that smp_call() left, and answer
 *     rcu_synchronize(). @context{IRQ} */
void smp_do_calls(void);
