// SPDX-License-Identifier: MIT
//
// Barriers and TLB maintenance, one instruction each. Arm ARM (DDI 0487), B2.3.12 "Memory
// barriers", D8.14 "TLB maintenance". On the host a test replaces them and decides what the
// hardware does in between.
#pragma once

#include <stdint.h>

/** Later instructions are fetched and translated only after earlier ones have finished. */
static inline void isb(void)
{
    __asm__ volatile("isb" : : : "memory");
}

/** Earlier stores become visible to CPUs and their table walkers before anything later. */
static inline void dsb_ishst(void)
{
    __asm__ volatile("dsb ishst" : : : "memory");
}

/** As dsb_ishst(), also for loads and for broadcast maintenance: it has completed on every CPU. */
static inline void dsb_ish(void)
{
    __asm__ volatile("dsb ish" : : : "memory");
}

/** As dsb_ish(), and also for devices. */
static inline void dsb_sy(void)
{
    __asm__ volatile("dsb sy" : : : "memory");
}

/** Make every CPU forget its translations of a page, at any level, in any address space. Has
 * completed only after dsb_ish(). @param page  Bits 55 to 12 of the address. */
static inline void tlbi_vaae1is(uint64_t page)
{
    __asm__ volatile("tlbi vaae1is, %0" : : "r"(page) : "memory");
}

/** Make every CPU forget all translations. */
static inline void tlbi_vmalle1is(void)
{
    __asm__ volatile("tlbi vmalle1is" : : : "memory");
}

static inline void cpu_yield(void)
{
    __asm__ volatile("yield" : : : "memory");
}
