// SPDX-License-Identifier: MIT
//
// More CPUs for the kernel in world.h. Each has its own data, interrupt mask, event timer and
// running thread, and is started by the kernel's own code. One runs at a time, in the order that
// the test chooses: CPU 0, on which the test runs, runs another one until that waits for an
// interrupt or reports that it has computed for long enough. So a test decides the order, and time
// passes only when the test advances it.
#pragma once

#include "fake/fake.h"

/** @brief Start CPUs until there are `count`, once in a test program; they wait for interrupts.
 * @pre world_boot() */
void fake_cpus_start(cpu_t count);

/**
 * @brief Deliver a CPU's due interrupts, then continue it until it waits for an interrupt or a
 * thread on it calls fake_cpu_pause(). For CPU 0, the caller's, only deliver interrupts.
 * @return false: it had nothing to do and still waits.
 */
bool fake_cpu_run(cpu_t id);

/** @brief Called by a thread that computes, to return to CPU 0. On CPU 0 it does nothing. */
void fake_cpu_pause(void);

/** @brief Run each CPU from 1 to `last` in turn until none of them has an unhandled request: all
 * interrupts between CPUs have been handled. */
void fake_cpus_settle(cpu_t last);
