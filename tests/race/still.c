// SPDX-License-Identifier: MIT
//
// CPUs that never switch threads, and are interrupted when a test simulates an interrupt (main.c).
#include "race.h"

#include "hal/context.h"
#include "hal/cpu.h"
#include "kernel/sched/smp.h"

#include <sched.h>

static _Thread_local struct hal_cpu *this_cpu;
_Atomic uint64_t race_counter;

struct hal_cpu *race_this_cpu(void)
{
    return this_cpu;
}

void race_become_cpu(struct hal_cpu *cpu)
{
    this_cpu = cpu;
}

void race_relax(void)
{
    (void)sched_yield();
}

void race_interrupts(void)
{
}

/* The test advances the time and then runs the expired timers itself. */
void race_arm(uint64_t deadline)
{
    (void)deadline;
}

void hal_context_init(struct hal_context *ctx, vaddr_t stack, size_t size, void (*entry)(void *arg),
                      void *arg)
{
    (void)ctx, (void)stack, (void)size, (void)entry, (void)arg;
}

void hal_context_switch(struct hal_context *save, const struct hal_context *next)
{
    (void)save, (void)next;
    race_fail("a CPU switches threads");
}

/* Only the work thread, which does not run here, waits for read sections. */
void smp_call(cpu_t cpu, void (*fn)(void *arg), void *arg)
{
    (void)cpu, (void)fn, (void)arg;
    race_fail("a CPU is called");
}

/* Called only when memory is short, which does not happen here. */
void smp_call_all(void (*fn)(void *arg), void *arg)
{
    (void)fn, (void)arg;
    race_fail("all CPUs are called");
}
