// SPDX-License-Identifier: MIT
//
// What CPUs stand on that are threads of the host: world.c, with still.c for those of main.c and
// moving.c for those of threads.c.
#pragma once

#include <stdint.h>

struct hal_cpu;

/** @brief A clock, a timer and an interrupt controller, for all CPUs. */
void race_boot(void);

/** @brief End with status 1 and say why. */
_Noreturn void race_fail(const char *what);

/** @brief The calling thread of the host is this CPU. */
void race_become_cpu(struct hal_cpu *cpu);

/** @brief The calling CPU's timer; counter value. */
void race_arm(uint64_t deadline);
