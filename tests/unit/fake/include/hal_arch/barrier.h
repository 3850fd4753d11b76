// SPDX-License-Identifier: MIT
//
// AArch64's barriers and TLB maintenance, for a test that defines the hardware's
// reaction to each (test_tlb.c).
#pragma once

#include <stdint.h>

void isb(void);
void dsb_ishst(void);
void dsb_ish(void);
void dsb_sy(void);
void tlbi_vaae1is(uint64_t page);
void tlbi_vmalle1is(void);
void cpu_yield(void);
