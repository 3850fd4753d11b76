// SPDX-License-Identifier: MIT
//
// Barriers and TLB maintenance, an instruction each. Arm ARM (DDI 0487), B2.3.12 "Memory barriers",
// D8.14 "TLB maintenance". On the host a test stands in for them: what the hardware may do between
// two of them is its to decide.
#pragma once

#include <stdint.h>

/** Nothing after it is fetched or translated before what is before it is done. */
static inline void isb(void)
{
    __asm__ volatile("isb" : : : "memory");
}

/** Stores before it are seen by CPUs and their table walkers before anything after it. */
static inline void dsb_ishst(void)
{
    __asm__ volatile("dsb ishst" : : : "memory");
}

/** As dsb_ishst(), also for loads, and for maintenance that was broadcast: it is done everywhere.
 */
static inline void dsb_ish(void)
{
    __asm__ volatile("dsb ish" : : : "memory");
}

/** As dsb_ish(), for devices, too. */
static inline void dsb_sy(void)
{
    __asm__ volatile("dsb sy" : : : "memory");
}

/** Every CPU forgets what it knows of a page, of any level and address space: not done before
 * dsb_ish(). @param page  Bits 55 to 12 of the address. */
static inline void tlbi_vaae1is(uint64_t page)
{
    __asm__ volatile("tlbi vaae1is, %0" : : "r"(page) : "memory");
}

/** Every CPU forgets everything. */
static inline void tlbi_vmalle1is(void)
{
    __asm__ volatile("tlbi vmalle1is" : : : "memory");
}

static inline void cpu_yield(void)
{
    __asm__ volatile("yield" : : : "memory");
}
