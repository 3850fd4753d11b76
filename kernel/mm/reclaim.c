// SPDX-License-Identifier: MIT
//
// The order in which caches of free memory are emptied; reclaim.h is the interface.

#include "kernel/mm/reclaim.h"

#include "hal/cpu.h"
#include "kernel/base/panic.h"
#include "kernel/mm/heap_internal.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/page_internal.h"
#include "kernel/mm/vm.h"

#include <stdatomic.h>

/* [I] before other CPUs run */
static void (*on_all_cpus)(void (*fn)(void *arg), void *arg);
#define CACHES 4u
/* NULL after the last one. Relaxed: each function is static, and it finds all that it needs through
 * locks of its own. */
static _Atomic(void (*)(void)) free_cached[CACHES];

static void empty_all(void *unused)
{
    (void)unused;
    magazine_empty_all();
}

/* The order matters. Cached pages of files come first: they are the most, and can be read again.
 * Quarantined objects become free slab objects, page tables without mappings
 * become frames, and magazines return objects and frames. Only then are the slabs empty that
 * heap_trim() can free. page_drain_all() comes last, because each step before frees frames, which
 * it joins into larger runs. */
void memory_reclaim(void)
{
    void (*free_clean)(void);
    for (unsigned n = 0;
         n < CACHES &&
         (free_clean = atomic_load_explicit(&free_cached[n], memory_order_relaxed)) != NULL;
         n++) {
        free_clean();
    }
    heap_drain();
    vm_trim();
    if (on_all_cpus != NULL) {
        on_all_cpus(empty_all, NULL);
    } else {
        preempt_disable();
        empty_all(NULL);
        preempt_enable();
    }
    heap_trim();
    page_drain_all();
}

bool memory_try_reclaim(void)
{
    /* on_all_cpus() waits for other CPUs. With interrupts masked, in an interrupt or with
     * preemption off, two CPUs could wait for each other. */
    const struct hal_cpu *cpu = hal_this_cpu();
    if (!hal_irqs_enabled() || cpu->irq_depth != 0 || cpu->preempt_off != 0) {
        return false;
    }
    memory_reclaim();
    return true;
}

void memory_reclaim_on_cpus(void (*call_all)(void (*fn)(void *arg), void *arg))
{
    on_all_cpus = call_all;
}

void memory_reclaim_caches(void (*free_clean)(void))
{
    for (unsigned n = 0; n < CACHES; n++) {
        void (*installed)(void) = NULL;
        if (atomic_compare_exchange_strong_explicit(&free_cached[n], &installed, free_clean,
                                                    memory_order_relaxed, memory_order_relaxed) ||
            installed == free_clean) {
            return;
        }
    }
    panic("reclaim: more than %u caches", CACHES);
}
