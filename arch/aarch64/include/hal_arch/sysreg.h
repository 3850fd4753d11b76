// SPDX-License-Identifier: MIT
//
// System registers: access, and the bits that this tree sets or tests. Arm ARM (DDI 0487), D19.
// Assembly can include it, too, and sees only the numbers.
#pragma once

/* SCTLR_EL1. RES1: LSMAOE, nTLSMD, SPAN, EIS, TSCXT,
 * EOS, SED, ITD (some have a meaning on newer CPUs). */
#define SCTLR_EL1_RES1 0x30d00980
#define SCTLR_M        (1 << 0)
#define SCTLR_C        (1 << 2)
#define SCTLR_SA       (1 << 3)
#define SCTLR_I        (1 << 12)
#define SCTLR_WXN      (1 << 19)
#define SCTLR_SPAN     (1 << 23)
#define SCTLR_ENIA     (1ull << 31) /* PACIASP and AUTIASP sign and check, with key A */
#define SCTLR_BT1      (1ull << 36) /* PACIASP is a landing pad for calls only */
#define SCTLR_EL2_RES1 0x30c50830

/* TCR_EL1: 48-bit halves, 4 KiB granule, write-back
 * inner-shareable walks; IPS is determined at run time. */
#define TCR_T0SZ_48   (16ull << 0)
#define TCR_EPD0      (1 << 7)
#define TCR_WALK_0    ((1ull << 8) | (1ull << 10) | (3ull << 12))
#define TCR_TG0_4K    (0ull << 14)
#define TCR_T1SZ_48   (16ull << 16)
#define TCR_WALK_1    ((1ull << 24) | (1ull << 26) | (3ull << 28))
#define TCR_EPD1      (1 << 23)
#define TCR_TG1_4K    (2ull << 30)
#define TCR_IPS_SHIFT 32

/* CPACR_EL1: floating point and SIMD at EL1 and EL0; SVE and SME remain trapped. */
#define CPACR_FP (3 << 20)

/* PSTATE and SPSR */
#define PSTATE_EL1H  0x5
#define PSTATE_F     (1 << 6)
#define PSTATE_I     (1 << 7)
#define PSTATE_A     (1 << 8)
#define PSTATE_D     (1 << 9)
#define PSTATE_BTYPE (3 << 10) /* how the last branch was made, if it was an indirect one */
#define PSTATE_PAN   (1 << 22)
#define PSTATE_DAIF  (PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F)

/* ESR_ELx */
#define ESR_EC_SHIFT   26
#define ESR_EC_UNKNOWN 0x00
#define ESR_EC_BRK     0x3c

/* Trap number of the vectors' self-test. */
#define BRK_SELFTEST 0x7e57

#ifndef __ASSEMBLER__
#include <stdint.h>

#define SYSREG_READ(name)                                                                          \
    static inline uint64_t read_##name(void)                                                       \
    {                                                                                              \
        uint64_t value;                                                                            \
        __asm__ volatile("mrs %0, " #name : "=r"(value));                                          \
        return value;                                                                              \
    }
#define SYSREG_WRITE(name)                                                                         \
    static inline void write_##name(uint64_t value)                                                \
    {                                                                                              \
        __asm__ volatile("msr " #name ", %0" : : "r"(value) : "memory");                           \
    }

SYSREG_READ(cntfrq_el0)
SYSREG_READ(cntpct_el0)
SYSREG_READ(cntvct_el0)
SYSREG_READ(ctr_el0)
SYSREG_READ(currentel)
SYSREG_READ(daif)
SYSREG_READ(dczid_el0)
SYSREG_READ(id_aa64dfr0_el1)
SYSREG_READ(id_aa64isar0_el1)
SYSREG_READ(id_aa64isar1_el1)
SYSREG_READ(id_aa64mmfr0_el1)
SYSREG_READ(id_aa64mmfr1_el1)
SYSREG_READ(id_aa64pfr0_el1)
SYSREG_READ(id_aa64pfr1_el1)
SYSREG_READ(midr_el1)
SYSREG_READ(mpidr_el1)
SYSREG_READ(sctlr_el1)
SYSREG_READ(tcr_el1)
SYSREG_READ(tpidr_el1)
SYSREG_READ(ttbr1_el1)
SYSREG_WRITE(cntv_ctl_el0)
SYSREG_WRITE(cntv_cval_el0)
SYSREG_WRITE(daif)
SYSREG_WRITE(tcr_el1)
SYSREG_WRITE(ttbr0_el1)

/* A 4-bit field of an ID register. */
static inline unsigned id_field(uint64_t reg, unsigned shift)
{
    return (unsigned)(reg >> shift) & 15u;
}
#endif
