// SPDX-License-Identifier: MIT
//
// Runs the same function on several CPUs at once.
#pragma once

#include "hal/types.h"

#define CPUS_CONTENDING 4u /* additional ones would only wait for each other's locks */

/** @brief Number of CPUs that contend: the running ones, at most CPUS_CONTENDING. */
cpu_t contenders(void);

/** @brief Run one thread on each of these CPUs until all have ended;
 * entry's argument is its index. */
void run_on_contenders(const char *name, void (*entry)(void *arg));
