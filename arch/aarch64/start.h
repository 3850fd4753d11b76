// SPDX-License-Identifier: MIT
//
// Between entry.S and start.c, on a CPU that is being started.
#pragma once

#include <stdint.h>

/** @brief First C function: give the CPU the key that signs return addresses. @return SCTLR_EL1, as
 * it is to be from then on. @context{early} */
uint64_t cpu_start_settings(void);

/** @brief Second C function. @context{early} */
_Noreturn void cpu_start_main(void);
