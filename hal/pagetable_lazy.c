// SPDX-License-Identifier: MIT
//
// Pages whose frames are cleared at the first access. There is no lock: the CPU that finds an entry
// neither busy nor present marks it busy, clears the frame and then maps it. Other CPUs wait, which
// takes as long as clearing a page. So this works in a fault handler, whatever locks the faulting
// code holds.
#include "hal/cache.h"
#include "hal/cpu.h"
#include "hal/pagetable_internal.h"
#include "kernel/lib/compiler.h"

static bool is_lazy(pte_t e)
{
    return !hal_pte_is_present(e) && !hal_pte_is_none(e);
}

/* While a CPU waits here it does not serve other CPUs (hal_cpu_relax()): a CPU that wants to free
 * tables would take that as a sign that this one is no longer walking them. */
static void touch(const struct pagetable *pt, pte_t *slot)
{
    for (pte_t e = load(slot); is_lazy(e); e = load(slot)) {
        if (!hal_pte_is_busy(e) && exchange(slot, e, hal_pte_busy(e))) {
            hal_zero_pages(entries(pt, hal_pte_addr(hal_pte_touched(e), 0)), 1);
            store(slot, hal_pte_touched(e)); /* only this CPU changes a busy entry */
        }
    }
}

/* Interrupts are masked, so that no CPU waits for a thread that was preempted, and no table is
 * freed during the walk (pagetable_query()). */
bool pagetable_touch(const struct pagetable *pt, vaddr_t va, size_t pages)
{
    irq_state_t state = hal_irq_save();
    pte_t *slot = slot_at(pt, va, 0);
    if (slot != NULL) {
        pte_t *first = slot - (index_of(va, 0) & (pages - 1));
        for (size_t i = 0; i < pages; i++) {
            touch(pt, &first[i]);
        }
    }
    bool is_there = slot != NULL && hal_pte_is_present(load(slot));
    hal_irq_restore(state);
    return is_there;
}
