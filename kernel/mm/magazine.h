// SPDX-License-Identifier: MIT
//
// The magazines (hal/magazine.h) of a CPU: one for each class of small heap objects and one for
// each order of small runs of pages.
#pragma once

#include "hal/cpu.h"
#include "kernel/mm/page.h"

/** Kinds of magazines. */
enum {
    MAGAZINE_HEAP = 0,   /* by class */
    MAGAZINE_PAGES = 24, /* by order; see PAGE_MAGAZINE() */
    MAGAZINE_COUNT = MAGAZINE_PAGES + PAGE_KEPT_ORDER_MAX + 1,
};

/** @brief Initialise a CPU's magazines, empty. @context{early for the boot CPU, before heap_init();
 *     else before the CPU starts} */
void magazine_open(struct hal_cpu *cpu);

/** @brief Return everything in the calling CPU's magazines to the slabs and the page allocator.
 *     @context{thread or IRQ} */
void magazine_empty_all(void);

/** @brief Remove the oldest entries. @pre interrupts are masked */
static inline void magazine_drop(struct hal_magazine *m, ptrdiff_t count)
{
    for (void **at = m->rounds; at + count < m->top; at++) {
        *at = at[count];
    }
    m->top -= count;
}
