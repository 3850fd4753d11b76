// SPDX-License-Identifier: MIT
//
// The PC's MSRs, CPUID and ports for tests that link its drivers. The numbers are copies
// of the machine's own, which only its assembly sees; the test defines what the
// instructions do (as in test_apic.c).
#pragma once

#define __ASSEMBLER__
#include "arch/x86_64/include/hal_arch/sysreg.h"
#undef __ASSEMBLER__

#include "hal_arch/io.h"

#include <stdint.h>

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

struct cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf);
uint64_t fake_msr_read(uint32_t msr);
void fake_msr_write(uint32_t msr, uint64_t value);

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    return fake_cpuid(leaf, subleaf);
}

static inline uint64_t read_msr(uint32_t msr)
{
    return fake_msr_read(msr);
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
    fake_msr_write(msr, value);
}

static inline void mfence(void)
{
    fake_journal_add("mfence");
}
