// SPDX-License-Identifier: MIT
//
// Bodies of hal/cpu.h. GS points to the CPU's data, the interrupt mask is RFLAGS.IF, the counter is
// the TSC.
#pragma once

#include "hal/cpu.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"

static inline struct hal_cpu *hal_this_cpu(void)
{
    struct hal_cpu *cpu;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/* One load relative to GS, so the thread cannot migrate to another CPU in between. Not volatile:
 * the result does not change while the same thread runs. */
static inline struct thread *hal_this_thread(void)
{
    struct thread *t;
    __asm__("mov %%gs:%c1, %0" : "=r"(t) : "i"(offsetof(struct hal_cpu, current)));
    return t;
}

/* A pointer into this address space is an offset from GS: SDM volume 1, 3.4.2.1. */
#define HAL_GS __attribute__((address_space(256)))

static inline void *hal_this_run_queue(void)
{
    return ((const volatile struct hal_cpu HAL_GS *)0)->run_queue;
}

static inline bool hal_is_switch_due(void)
{
    return ((const volatile struct hal_cpu HAL_GS *)0)->need_resched;
}

static inline void hal_become_thread(struct thread *t)
{
    hal_this_cpu()->current = t;
}

/* One instruction: the thread cannot migrate in the middle. */
static inline void hal_preempt_count(int change)
{
    __asm__ volatile("addl %0, %%gs:%c1"
                     :
                     : "ri"(change), "i"(offsetof(struct hal_cpu, preempt_off))
                     : "memory", "cc");
}

/* Instructions without an operand size, because the 32-bit boot code compiles these, too. */
static inline irq_state_t hal_irq_save(void)
{
    irq_state_t state;
    __asm__ volatile("pushf\n\tpop %0\n\tcli" : "=r"(state) : : "memory");
    return state;
}

static inline void hal_irq_restore(irq_state_t state)
{
    __asm__ volatile("push %0\n\tpopf" : : "r"(state) : "memory", "cc");
}

static inline bool hal_irqs_enabled(void)
{
    uintptr_t flags;
    __asm__ volatile("pushf\n\tpop %0" : "=r"(flags) : : "memory");
    return (flags & RFLAGS_IF) != 0;
}

static inline void hal_irq_enable(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline void hal_irq_disable(void)
{
    __asm__ volatile("cli" : : : "memory");
}

void ipi_poll(void); /* hal/smp.h */

static inline void hal_cpu_relax(void)
{
    __asm__ volatile("pause" : : : "memory");
    if (UNLIKELY((atomic_load_explicit(&hal_this_cpu()->asked, memory_order_relaxed) &
                  HAL_IPI_URGENT) != 0)) {
        ipi_poll();
    }
}

/** Private: in mmu.c, the full flush that hal_mmu_leave_idle() finds pending. */
void hal_mmu_flush_late(void);

static inline void hal_mmu_arrive(void)
{
    hal_mmu_flush_late();
}

/** An idle CPU is not woken to flush its TLB (mmu.c). It flushes here, after it wakes. */
static inline void hal_mmu_leave_idle(void)
{
    struct hal_cpu_arch *arch = &hal_this_cpu()->arch;
    if (atomic_load_explicit(&arch->is_idle, memory_order_relaxed)) {
        atomic_store_explicit(&arch->is_idle, false, memory_order_seq_cst);
        if (UNLIKELY(atomic_load_explicit(&arch->must_flush, memory_order_seq_cst))) {
            hal_mmu_flush_late();
        }
    }
}

/* STI takes effect after the next instruction, so no interrupt comes between the two. An interrupt
 * has called hal_mmu_leave_idle(); anything else that ends the wait, such as an NMI, has not. No
 * interrupt can come into that call either: it would find the CPU no longer idle with the flush
 * still pending. */
static inline void hal_cpu_wait(void)
{
    atomic_store_explicit(&hal_this_cpu()->arch.is_idle, true, memory_order_seq_cst);
    __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
    hal_mmu_leave_idle();
    __asm__ volatile("sti" : : : "memory");
}

/* LFENCE keeps RDTSC from executing before earlier loads (SDM volume 2B, RDTSC). */
static inline uint64_t hal_counter_read(void)
{
    __asm__ volatile("lfence" : : : "memory");
    return read_tsc();
}

static inline uint64_t hal_counter_read_early(void)
{
    return read_tsc();
}
