// SPDX-License-Identifier: MIT
//
// More CPUs for the world (world.h): each has its own data, interrupt mask, event timer and running
// thread, and is started by the kernel's own code. One runs at a time, in the order that the test
// wants: CPU 0, on which the test runs, has another run until that waits for an interrupt or says
// that it has computed for long enough. So a test decides who comes first, and time passes when it
// says so.
#pragma once

#include "fake/fake.h"

/** @brief Start CPUs, once in a test program, until there are `count`; they wait for interrupts.
 * @pre world_boot() */
void fake_cpus_start(cpu_t count);

/**
 * @brief A CPU goes on where it was until it waits for an interrupt or a thread on it calls
 * fake_cpu_pause(); the interrupts that are due come first. For CPU 0, the caller's, only those.
 * @return false: it had nothing to do, and waits still.
 */
bool fake_cpu_run(cpu_t id);

/** @brief In a thread that computes: this much is done. On CPU 0 nothing happens. */
void fake_cpu_pause(void);

/** @brief Each CPU from 1 to `last` runs once in turn, again and again until none of them has been
 * asked for anything that it has not seen to: what they tell each other has arrived. */
void fake_cpus_settle(cpu_t last);
