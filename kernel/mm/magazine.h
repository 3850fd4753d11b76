// SPDX-License-Identifier: MIT
//
// Which magazines (hal/magazine.h) a CPU has: one for each class of the heap's small objects, one
// for each size of small runs of pages.
#pragma once

#include "hal/cpu.h"
#include "kernel/mm/page.h"

/** Kinds of magazines. */
enum {
    MAGAZINE_HEAP = 0,   /* by class */
    MAGAZINE_PAGES = 24, /* by order; PAGE_MAGAZINE() */
    MAGAZINE_COUNT = MAGAZINE_PAGES + PAGE_KEPT_ORDER_MAX + 1,
};

/** @brief Give a CPU its magazines, empty. @context{early for the boot CPU, before the heap opens;
 * else before the CPU starts} */
void magazine_open(struct hal_cpu *cpu);

/** @brief What the calling CPU keeps goes back to where it came from. @context{thread or IRQ} */
void magazine_empty_all(void);

/** @brief Drop the oldest. @pre interrupts are masked */
static inline void magazine_drop(struct hal_magazine *m, ptrdiff_t count)
{
    for (void **at = m->rounds; at + count < m->top; at++) {
        *at = at[count];
    }
    m->top -= count;
}
