// SPDX-License-Identifier: MIT
//
// Bodies of hal/cpu.h where each of the host's threads is a CPU. Its interrupts are a flag: they
// come when the test plays them.
#pragma once

extern _Thread_local struct hal_cpu *race_cpu; /* the calling thread's */
extern _Atomic uint64_t race_counter;          /* fake time; relaxed: no more than a number */
void race_relax(void);                         /* lets another of the host's threads run */

static inline struct hal_cpu *hal_this_cpu(void)
{
    return race_cpu;
}

static inline struct thread *hal_this_thread(void)
{
    return race_cpu->current;
}

static inline void *hal_this_run_queue(void)
{
    return race_cpu->run_queue;
}

static inline bool hal_is_switch_due(void)
{
    return race_cpu->need_resched;
}

static inline void hal_become_thread(struct thread *t)
{
    race_cpu->current = t;
}

static inline void hal_preempt_count(int change)
{
    race_cpu->preempt_off += (uint32_t)change;
}

static inline irq_state_t hal_irq_save(void)
{
    irq_state_t state = race_cpu->arch.irqs_enabled;
    race_cpu->arch.irqs_enabled = false;
    return state;
}

static inline void hal_irq_restore(irq_state_t state)
{
    race_cpu->arch.irqs_enabled = state != 0;
}

static inline bool hal_irqs_enabled(void)
{
    return race_cpu->arch.irqs_enabled;
}

static inline void hal_irq_enable(void)
{
    race_cpu->arch.irqs_enabled = true;
}

static inline void hal_irq_disable(void)
{
    race_cpu->arch.irqs_enabled = false;
}

/* The one that is waited for may need this CPU. */
static inline void hal_cpu_relax(void)
{
    race_relax();
}

static inline void hal_cpu_wait(void)
{
    race_relax();
    race_cpu->arch.irqs_enabled = true;
}

static inline uint64_t hal_counter_read(void)
{
    return atomic_load_explicit(&race_counter, memory_order_relaxed);
}
