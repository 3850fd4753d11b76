// SPDX-License-Identifier: MIT
//
// Cache maintenance. Instruction fetch: Arm ARM (DDI 0487, issues E.a and M.b), B2.2.5 "Concurrent
// modification and execution of instructions". CTR_EL0 gives the length of lines, and which
// maintenance the hardware does itself.
#include "arch/aarch64/cache.h"

#include "hal/cache.h"
#include "hal/types.h"
#include "hal_arch/barrier.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#include <stdint.h>

#define CTR_IDC ((uint64_t)1 << 28) /* data need not be cleaned for fetch */
#define CTR_DIC ((uint64_t)1 << 29) /* the instruction cache need not be invalidated */

#define DCZID_PROHIBITED ((uint64_t)1 << 4)

static uintptr_t data_line(uint64_t ctr)
{
    return (uintptr_t)4 << id_field(ctr, 16);
}

static uintptr_t instruction_line(uint64_t ctr)
{
    return (uintptr_t)4 << id_field(ctr, 0);
}

void hal_icache_sync(const void *p, size_t n)
{
    uintptr_t start = (uintptr_t)p;
    uintptr_t end = start + n;
    uint64_t ctr = read_ctr_el0();
    if (n == 0) {
        return;
    }
    if ((ctr & CTR_IDC) == 0) {
        uintptr_t line = data_line(ctr);
#pragma clang loop unroll_count(4)
        for (uintptr_t at = ALIGN_DOWN(start, line); at < end; at += line) {
            __asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
        }
    }
    dsb_ish();
    if ((ctr & CTR_DIC) == 0) {
        uintptr_t line = instruction_line(ctr);
#pragma clang loop unroll_count(4)
        for (uintptr_t at = ALIGN_DOWN(start, line); at < end; at += line) {
            __asm__ volatile("ic ivau, %0" : : "r"(at) : "memory");
        }
        dsb_ish();
    }
    isb();
}

#define ZERO_LINES 4u /* cleared in each iteration */

/* DCZID_EL0 gives the size of a block that DC ZVA clears,
 * at most 2 KiB, and whether DC ZVA may be used. */
void hal_zero_pages(void *p, size_t pages)
{
    uint64_t dczid = read_dczid_el0();
    uintptr_t line = (uintptr_t)4 << id_field(dczid, 0);
    uintptr_t at = (uintptr_t)p, end = at + pages * PAGE_SIZE;
    if ((dczid & DCZID_PROHIBITED) != 0 || line * ZERO_LINES > PAGE_SIZE) {
        memset(p, 0, pages * PAGE_SIZE);
        return;
    }
    for (; at < end; at += ZERO_LINES * line) {
        __asm__ volatile("dc zva, %0" : : "r"(at) : "memory");
        __asm__ volatile("dc zva, %0" : : "r"(at + line) : "memory");
        __asm__ volatile("dc zva, %0" : : "r"(at + 2 * line) : "memory");
        __asm__ volatile("dc zva, %0" : : "r"(at + 3 * line) : "memory");
    }
}

void cache_discard(const void *p, size_t n)
{
    uintptr_t line = data_line(read_ctr_el0());
    uintptr_t end = (uintptr_t)p + n;
    for (uintptr_t at = ALIGN_DOWN((uintptr_t)p, line); at < end; at += line) {
        __asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
    }
    dsb_sy();
}

void cache_clean_to_memory(const void *p, size_t n)
{
    uintptr_t line = data_line(read_ctr_el0());
    uintptr_t end = (uintptr_t)p + n;
    for (uintptr_t at = ALIGN_DOWN((uintptr_t)p, line); at < end; at += line) {
        __asm__ volatile("dc cvac, %0" : : "r"(at) : "memory");
    }
    dsb_sy();
}

void cache_flush_to_memory(const void *p, size_t n)
{
    uintptr_t line = data_line(read_ctr_el0());
    uintptr_t end = (uintptr_t)p + n;
    for (uintptr_t at = ALIGN_DOWN((uintptr_t)p, line); at < end; at += line) {
        __asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
    }
    dsb_sy();
}
