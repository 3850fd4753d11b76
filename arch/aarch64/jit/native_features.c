// SPDX-License-Identifier: MIT
//
// What the ID registers say of the instructions that the compiler may use. Fields: Arm Architecture
// Reference Manual for A-profile, ID_AA64ISAR0_EL1. Below EL1 Linux answers the same read.
#include "kernel/jit/backend.h"

#define ISAR0_ATOMIC_SHIFT 20
#define ISAR0_ATOMIC_LSE   2u

uint64_t jit_native_features(void)
{
    uint64_t isar0;
    __asm__("mrs %0, id_aa64isar0_el1" : "=r"(isar0));
    bool has_lse = (isar0 >> ISAR0_ATOMIC_SHIFT & 15) >= ISAR0_ATOMIC_LSE;
    /* A landing pad is no instruction where it is not checked. */
    return JIT_ARM_LANDING_PADS | (has_lse ? JIT_ARM_LSE : 0);
}
