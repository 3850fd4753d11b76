// SPDX-License-Identifier: MIT
//
// See reclaim.h.

#include "kernel/mm/reclaim.h"

#include "hal/cpu.h"
#include "kernel/mm/heap_internal.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/page_internal.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/smp.h"

static void empty_all(void *unused)
{
    (void)unused;
    magazine_empty_all();
}

void memory_reclaim(void)
{
    heap_drain();
    vm_trim();
    smp_call_all(empty_all, NULL);
    heap_trim();
    page_give_kept();
}

bool memory_try_reclaim(void)
{
    const struct hal_cpu *cpu = hal_this_cpu();
    if (!hal_irqs_enabled() || cpu->irq_depth != 0 || cpu->preempt_off != 0) {
        return false;
    }
    memory_reclaim();
    return true;
}
