// SPDX-License-Identifier: MIT
//
// Control registers, model-specific registers, CPUID and I/O ports:
// named bits, and one inline function for each instruction. Intel SDM volume 3A chapter 2, volume
// 4. Assembly uses the bits, too.
#pragma once

#define RFLAGS_IF (1 << 9)

#define CR0_PE (1 << 0)
#define CR0_MP (1 << 1)
#define CR0_ET (1 << 4)
#define CR0_NE (1 << 5)
#define CR0_WP (1 << 16)
#define CR0_PG 0x80000000

#define CR4_PAE        (1 << 5)
#define CR4_MCE        (1 << 6)
#define CR4_PGE        (1 << 7)
#define CR4_OSFXSR     (1 << 9)
#define CR4_OSXMMEXCPT (1 << 10)
#define CR4_UMIP       (1 << 11)
#define CR4_FSGSBASE   (1 << 16)
#define CR4_OSXSAVE    (1 << 18)
#define CR4_SMEP       (1 << 20)
#define CR4_SMAP       (1 << 21)
#define CR4_CET        (1 << 23)

#define MSR_APIC_BASE    0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC       0x800 /* of register 0; the others follow by offset */
#define MSR_PAT          0x277
#define MSR_EFER         0xc0000080
#define MSR_GS_BASE      0xc0000101

#define EFER_LME (1 << 8)
#define EFER_LMA (1 << 10)
#define EFER_NXE (1 << 11)

#define APIC_BASE_X2APIC (1 << 10)
#define APIC_BASE_ENABLE (1 << 11)

/* CPUID leaf 1 */
#define CPUID_1_ECX_X2APIC       (1 << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1 << 24)

#ifndef __ASSEMBLER__

#include <stdint.h>

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t read_msr(uint32_t msr)
{
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

/* Ticks since reset. Unlike hal_counter_read(), may execute before earlier loads. */
static inline uint64_t read_tsc(void)
{
    uint32_t lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

/* Loads and stores before it complete before those
 * after it, and before a WRMSR that does not wait. */
static inline void mfence(void)
{
    __asm__ volatile("mfence" : : : "memory");
}

#define SYSREG_CR(name)                                                                            \
    static inline uintptr_t read_##name(void)                                                      \
    {                                                                                              \
        uintptr_t v;                                                                               \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(v) : : "memory");                            \
        return v;                                                                                  \
    }                                                                                              \
    static inline void write_##name(uintptr_t v)                                                   \
    {                                                                                              \
        __asm__ volatile("mov %0, %%" #name : : "r"(v) : "memory");                                \
    }
SYSREG_CR(cr0)
SYSREG_CR(cr2)
SYSREG_CR(cr3)
SYSREG_CR(cr4)
#undef SYSREG_CR

#define SYSREG_PORT(bits, suffix, reg)                                                             \
    static inline uint##bits##_t port_in##bits(uint16_t port)                                      \
    {                                                                                              \
        uint##bits##_t v;                                                                          \
        __asm__ volatile("in" suffix " %w1, %" reg "0" : "=a"(v) : "Nd"(port) : "memory");         \
        return v;                                                                                  \
    }                                                                                              \
    static inline void port_out##bits(uint16_t port, uint##bits##_t v)                             \
    {                                                                                              \
        __asm__ volatile("out" suffix " %" reg "0, %w1" : : "a"(v), "Nd"(port) : "memory");        \
    }
SYSREG_PORT(8, "b", "b")
SYSREG_PORT(16, "w", "w")
SYSREG_PORT(32, "l", "k")
#undef SYSREG_PORT

#endif
