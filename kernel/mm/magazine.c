// SPDX-License-Identifier: MIT
//
// See magazine.h.

#include "kernel/mm/magazine.h"

#include "hal/upcall.h"
#include "kernel/mm/heap_internal.h"
#include "kernel/mm/page_internal.h"

/* The machine's code finds a magazine by its byte offset HAL_MAGAZINE(kind) in struct hal_cpu and
 * calls the two upcalls below when it is empty or full. Both run with the caller's interrupt state,
 * possibly in an interrupt handler, so they may not sleep. */
STATIC_ASSERT(MAGAZINE_HEAP + HEAP_CLASSES <= MAGAZINE_PAGES && MAGAZINE_COUNT <= HAL_MAGAZINES,
              "the numbers of heap and page magazines do not overlap");
STATIC_ASSERT(PAGE_MAGAZINE(0) == HAL_MAGAZINE(MAGAZINE_PAGES),
              "page.h and hal.h agree on the number");

static unsigned limit_of(unsigned kind)
{
    return kind < HEAP_CLASSES ? heap_magazine_limit(kind)
                               : page_magazine_limit(kind - MAGAZINE_PAGES);
}

void magazine_open(struct hal_cpu *cpu)
{
    for (unsigned i = 0; i < MAGAZINE_COUNT; i++) {
        struct hal_magazine *m = &cpu->magazines[i];
        m->bottom = NULL;
        m->top = m->rounds;
        m->end = m->rounds + limit_of(i);
    }
}

void *upcall_magazine_empty(size_t unused, size_t at)
{
    size_t kind = at / HAL_MAGAZINE(1);
    (void)unused;
    return kind < HEAP_CLASSES ? heap_refill((unsigned)kind)
                               : page_refill((unsigned)kind - MAGAZINE_PAGES);
}

void upcall_magazine_full(void *object, size_t at)
{
    size_t kind = at / HAL_MAGAZINE(1);
    if (kind < HEAP_CLASSES) {
        heap_spill((unsigned)kind, object);
    } else {
        page_spill((unsigned)kind - MAGAZINE_PAGES, object);
    }
}

void magazine_empty_all(void)
{
    for (unsigned i = 0; i < HEAP_CLASSES; i++) {
        heap_empty_magazine(i);
    }
    page_drain_all();
}
