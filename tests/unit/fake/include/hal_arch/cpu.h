// SPDX-License-Identifier: MIT
//
// Bodies of hal/cpu.h on the host: one CPU at a time, whose interrupt mask is a flag and whose
// counter only the test advances (fake/fake.h, fake/fake_cpus.h).
#pragma once

extern struct hal_cpu fake_cpu;       /* CPU 0 */
extern struct hal_cpu *fake_this_cpu; /* the running CPU */
extern uint64_t fake_counter;
extern void (*fake_on_relax)(void);
void fake_wait_for_interrupt(void);

static inline struct hal_cpu *hal_this_cpu(void)
{
    return fake_this_cpu;
}

static inline struct thread *hal_this_thread(void)
{
    return fake_this_cpu->current;
}

static inline void *hal_this_run_queue(void)
{
    return fake_this_cpu->run_queue;
}

static inline bool hal_is_switch_due(void)
{
    return fake_this_cpu->need_resched;
}

static inline void hal_become_thread(struct thread *t)
{
    fake_this_cpu->current = t;
}

static inline void hal_preempt_count(int change)
{
    fake_this_cpu->preempt_off += (uint32_t)change;
}

static inline irq_state_t hal_irq_save(void)
{
    irq_state_t state = fake_this_cpu->arch.irqs_enabled;
    fake_this_cpu->arch.irqs_enabled = false;
    return state;
}

static inline void hal_irq_restore(irq_state_t state)
{
    fake_this_cpu->arch.irqs_enabled = state != 0;
}

static inline bool hal_irqs_enabled(void)
{
    return fake_this_cpu->arch.irqs_enabled;
}

static inline void hal_irq_enable(void)
{
    fake_this_cpu->arch.irqs_enabled = true;
}

static inline void hal_irq_disable(void)
{
    fake_this_cpu->arch.irqs_enabled = false;
}

static inline void hal_cpu_relax(void)
{
    if (fake_on_relax != NULL) {
        fake_on_relax();
    }
}

static inline void hal_mmu_arrive(void)
{
}

static inline void hal_cpu_wait(void)
{
    fake_wait_for_interrupt();
}

void hal_mmu_leave_idle(void); /* x86-64 only; the APIC's driver calls it */

static inline uint64_t hal_counter_read(void)
{
    return fake_counter;
}

static inline uint64_t hal_counter_read_early(void)
{
    return hal_counter_read();
}
