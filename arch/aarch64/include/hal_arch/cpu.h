// SPDX-License-Identifier: MIT
//
// Bodies of hal/cpu.h. The interrupt mask is PSTATE.I, the counter
// is the generic timer's virtual one. SError and FIQ are masked only
// during exception entry, so that they are reported and not lost.
#pragma once

#include "hal/cpu.h"
#include "hal_arch/barrier.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"

static inline struct hal_cpu *hal_this_cpu(void)
{
    return (struct hal_cpu *)(uintptr_t)read_tpidr_el1();
}

/* SP_EL0, which no code uses as a stack pointer; hal_context_switch() sets it. Reading it is one
 * instruction, so the thread cannot migrate to another CPU in between. */
static inline struct thread *hal_this_thread(void)
{
    uint64_t t;
    /* not volatile: it does not change while the same thread runs */
    __asm__("mrs %0, sp_el0" : "=r"(t));
    return (struct thread *)(uintptr_t)t;
}

static inline void *hal_this_run_queue(void)
{
    return hal_this_cpu()->run_queue;
}

static inline bool hal_is_switch_due(void)
{
    return hal_this_cpu()->need_resched;
}

static inline void hal_become_thread(struct thread *t)
{
    hal_this_cpu()->current = t;
    __asm__ volatile("msr sp_el0, %0" : : "r"(t) : "memory");
}

/* With interrupts masked: if the thread migrated in between, it would change the count of its
 * previous CPU. */
static inline void hal_preempt_count(int change)
{
    irq_state_t state = (irq_state_t)read_daif();
    __asm__ volatile("msr daifset, #2" : : : "memory");
    hal_this_cpu()->preempt_off += (uint32_t)change;
    write_daif(state);
}

static inline irq_state_t hal_irq_save(void)
{
    irq_state_t state = (irq_state_t)read_daif();
    __asm__ volatile("msr daifset, #2" : : : "memory");
    return state;
}

static inline void hal_irq_restore(irq_state_t state)
{
    write_daif(state);
}

static inline bool hal_irqs_enabled(void)
{
    return (read_daif() & PSTATE_I) == 0;
}

static inline void hal_irq_enable(void)
{
    /* SError and FIQ, too: they are still masked in a thread that an interrupt handler has switched
     * to for the first time. */
    __asm__ volatile("msr daifclr, #7" : : : "memory");
}

static inline void hal_irq_disable(void)
{
    __asm__ volatile("msr daifset, #2" : : : "memory");
}

void ipi_poll(void); /* hal/smp.h */

static inline void hal_cpu_relax(void)
{
    cpu_yield();
    if (UNLIKELY((atomic_load_explicit(&hal_this_cpu()->asked, memory_order_relaxed) &
                  HAL_IPI_URGENT) != 0)) {
        ipi_poll();
    }
}

/* Nothing to do: TLBI reaches every CPU, whether counted or not. */
static inline void hal_mmu_arrive(void)
{
}

static inline void hal_cpu_wait(void)
{
    dsb_sy();
    __asm__ volatile("wfi" : : : "memory"); /* a pending interrupt ends it, even if masked */
    hal_irq_enable();
    isb(); /* a pending interrupt is taken here at the latest */
}

static inline uint64_t hal_counter_read(void)
{
    isb(); /* otherwise the counter could be read early, out of order */
    return read_cntvct_el0();
}

static inline uint64_t hal_counter_read_early(void)
{
    return read_cntvct_el0();
}
