// SPDX-License-Identifier: MIT
//
// What CPUs that are host threads need: world.c, with still.c for the tests of main.c and
// moving.c for those of threads.c.
#pragma once

#include "hal/types.h"

#include <stdint.h>

struct hal_cpu;

/** @brief Initialize the clock, the timer and the interrupt controller of all CPUs. */
void race_boot(void);

/** @brief Print the reason and exit with status 1. */
_Noreturn void race_fail(const char *what);

/** @brief Make the calling host thread this CPU. */
void race_become_cpu(struct hal_cpu *cpu);

/** @brief Set the calling CPU's timer. @param deadline  Counter value. */
void race_arm(uint64_t deadline);

/** @brief files.c: what each CPU does, and what comes before. */
void race_files(cpu_t cpu, unsigned rounds);
void race_prepare_files(void);
