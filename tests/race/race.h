// SPDX-License-Identifier: MIT
//
// What main.c's CPUs stand on: world.c.
#pragma once

/** @brief A clock, a timer and an interrupt controller, for all CPUs. */
void race_boot(void);

/** @brief End with status 1 and say why. */
_Noreturn void race_fail(const char *what);
