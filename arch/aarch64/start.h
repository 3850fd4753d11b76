// SPDX-License-Identifier: MIT
//
// Shared by entry.S and start.c, for a CPU that is being started.
#pragma once

#include <stdint.h>

/** @brief First C function: load the key that signs return addresses. @return SCTLR_EL1 for the CPU
 * to use from then on. @context{early} */
uint64_t cpu_start_settings(void);

/** @brief Second C function. @context{early} */
_Noreturn void cpu_start_main(void);
