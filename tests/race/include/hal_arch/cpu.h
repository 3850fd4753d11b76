// SPDX-License-Identifier: MIT
//
// Bodies of hal/cpu.h where each of the host's threads is a CPU. Its interrupts are a
// flag: they arrive when the test simulates them (still.c), or whenever they are due and
// the flag allows them (moving.c).
#pragma once

struct hal_cpu *race_this_cpu(void);  /* the calling thread's CPU, which a switch may change */
extern _Atomic uint64_t race_counter; /* fake time; relaxed: orders nothing */
void race_relax(void);                /* lets another thread of the host run */
void race_interrupts(void);           /* pending interrupts are delivered here */

static inline struct hal_cpu *hal_this_cpu(void)
{
    return race_this_cpu();
}

static inline struct thread *hal_this_thread(void)
{
    return race_this_cpu()->current;
}

static inline void *hal_this_run_queue(void)
{
    return race_this_cpu()->run_queue;
}

static inline bool hal_is_switch_due(void)
{
    return race_this_cpu()->need_resched;
}

static inline void hal_become_thread(struct thread *t)
{
    race_this_cpu()->current = t;
}

static inline void hal_preempt_count(int change)
{
    race_this_cpu()->preempt_off += (uint32_t)change;
}

static inline irq_state_t hal_irq_save(void)
{
    irq_state_t state = race_this_cpu()->arch.irqs_enabled;
    race_this_cpu()->arch.irqs_enabled = false;
    return state;
}

static inline void hal_irq_enable(void)
{
    race_this_cpu()->arch.irqs_enabled = true;
    race_interrupts();
}

static inline void hal_irq_restore(irq_state_t state)
{
    if (state != 0) {
        hal_irq_enable();
    }
}

static inline bool hal_irqs_enabled(void)
{
    return race_this_cpu()->arch.irqs_enabled;
}

static inline void hal_irq_disable(void)
{
    race_this_cpu()->arch.irqs_enabled = false;
}

/* The thread that this CPU waits for may need to run on it. */
static inline void hal_cpu_relax(void)
{
    race_relax();
}

static inline void hal_mmu_arrive(void)
{
}

static inline void hal_cpu_wait(void)
{
    race_relax();
    hal_irq_enable();
}

static inline uint64_t hal_counter_read(void)
{
    return atomic_load_explicit(&race_counter, memory_order_relaxed);
}

static inline uint64_t hal_counter_read_early(void)
{
    return hal_counter_read();
}
