// SPDX-License-Identifier: MIT
//
// The instructions that the compiler may use, according to the ID registers. Fields: Arm
// Architecture Reference Manual for A-profile, ID_AA64ISAR0_EL1. In a Linux process the same read
// works: Linux emulates it.
#include "kernel/jit/backend.h"

#define ISAR0_ATOMIC_SHIFT 20
#define ISAR0_ATOMIC_LSE   2u
#define ISAR0_DOT_SHIFT    44 /* 1: SDOT and UDOT */

uint64_t jit_native_features(void)
{
    uint64_t isar0;
    __asm__("mrs %0, id_aa64isar0_el1" : "=r"(isar0));
    bool has_lse = (isar0 >> ISAR0_ATOMIC_SHIFT & 15) >= ISAR0_ATOMIC_LSE;
    bool has_dot = (isar0 >> ISAR0_DOT_SHIFT & 15) != 0;
    /* On a CPU that does not check landing pads, one is a NOP. */
    return JIT_ARM_LANDING_PADS | (has_lse ? JIT_ARM_LSE : 0) | (has_dot ? JIT_ARM_DOT : 0);
}
