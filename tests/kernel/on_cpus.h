// SPDX-License-Identifier: MIT
//
// The same from several CPUs at once.
#pragma once

#include "hal/types.h"

#define CPUS_CONTENDING 4u /* more only wait for each other's locks */

/** @brief How many CPUs contend: those that run, CPUS_CONTENDING at most. */
cpu_t contenders(void);

/** @brief One thread on each of them, until all have ended; entry's argument is its number. */
void run_on_contenders(const char *name, void (*entry)(void *arg));
