// SPDX-License-Identifier: MIT
//
// The other CPUs, from firmware's list to their idle threads. A CPU gets its data and its stack
// before it is told to start; what it got is never given to another, because a CPU that was given
// up may still come. When it does it finds that it is not wanted (hal_cpu.state), and halts. Until
// then it runs under its id, by which the machine finds its stack, its spinlock nodes and its share
// of the interrupt controller: the id is never given to another, either. Ids have no gaps, so a CPU
// that was given up is the last that was tried.
#include "kernel/sched/smp.h"

#include "hal/bootinfo.h"
#include "hal/platform.h"
#include "hal/smp.h"
#include "hal/upcall.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/watchdog.h"
#include "kernel/sched/work.h"
#include "kernel/trace/trace.h"

/* A CPU answers within microseconds. A hypervisor with many of them may be long in giving each a
 * turn. */
#define START_LIMIT_NS (5 * NS_PER_S)

static bool move_state(struct hal_cpu *cpu, uint32_t from, uint32_t to)
{
    return atomic_compare_exchange_strong_explicit(&cpu->state, &from, to, memory_order_acq_rel,
                                                   memory_order_acquire);
}

static uint32_t state_of(const struct hal_cpu *cpu)
{
    return atomic_load_explicit(&cpu->state, memory_order_acquire);
}

void upcall_cpu_main(void)
{
    struct hal_cpu *cpu = hal_this_cpu();
    hal_become_thread(cpu->current); /* its idle thread, on whose stack this runs */
    if (!move_state(cpu, HAL_CPU_STARTING, HAL_CPU_ARRIVED)) {
        hal_cpu_halt(); /* too late */
    }
    if (hal_platform_init_cpu() != OK) {
        atomic_store_explicit(&cpu->state, HAL_CPU_REFUSED, memory_order_release);
        hal_cpu_halt();
    }
    sched_run_cpu();
}

/* Not in the direct map: that may have a hole while a CPU waits (hal/pagetable.h). */
static struct hal_cpu *new_cpu(cpu_t id, uint64_t hw_id)
{
    struct hal_cpu *cpu = vm_alloc(sizeof(*cpu), PAGE_KERNEL, "cpu");
    if (cpu != NULL) {
        cpu->self = cpu;
        cpu->id = id;
        cpu->hw_id = hw_id;
        magazine_open(cpu);
    }
    return cpu;
}

static bool is_settled(const struct hal_cpu *cpu)
{
    return hal_cpu_count() > cpu->id || state_of(cpu) == HAL_CPU_REFUSED;
}

/* Until it is online, has refused, or the time is over; in the last case it can do neither any
 * more. */
static enum status wait_for(struct hal_cpu *cpu)
{
    uint64_t deadline = clock_now_ns() + START_LIMIT_NS;
    while (!is_settled(cpu)) {
        hal_cpu_relax();
        if (clock_now_ns() >= deadline && (move_state(cpu, HAL_CPU_STARTING, HAL_CPU_REFUSED) ||
                                           move_state(cpu, HAL_CPU_ARRIVED, HAL_CPU_REFUSED))) {
            return E_TIMEDOUT;
        }
    }
    return hal_cpu_count() > cpu->id ? OK : E_IO; /* it halts: the next one may have its id */
}

/* Once it was told to start, what was taken for it is its own, whatever comes of it. Who refuses to
 * tell it has not. `may_come`: it was told, has not come, and may at any time. */
static enum status start(cpu_t id, uint64_t hw_id, bool *may_come)
{
    vaddr_t stack_top;
    struct hal_cpu *cpu = new_cpu(id, hw_id);
    if (cpu == NULL) {
        return E_NOMEM;
    }
    enum status s = hal_platform_add_cpu(cpu);
    if (s == OK && !sched_add_cpu(cpu, &stack_top)) {
        hal_platform_remove_cpu(cpu);
        s = E_NOMEM;
    }
    if (s != OK) {
        vm_free(cpu);
        return s;
    }
    atomic_store_explicit(&cpu->state, HAL_CPU_STARTING, memory_order_release);
    s = hal_cpu_start(cpu, stack_top);
    if (s == OK) {
        s = wait_for(cpu);
        *may_come = s == E_TIMEDOUT;
        return s;
    }
    sched_remove_cpu(cpu);
    hal_platform_remove_cpu(cpu);
    vm_free(cpu);
    return s;
}

/** A call on other CPUs, on the stack of who waits for them. */
struct call {
    void (*fn)(void *arg);
    void *arg;
    /* CPUs that have not done it. Release after fn has returned, acquire by who waits: at 0 the
     * struct is gone. */
    _Atomic uint32_t left;
};

/* By CPU: what it is to call. Put there by exchange with NULL (release), taken by exchange
 * (acquire). */
static _Atomic(struct call *) calls[CPU_MAX];

void smp_do_calls(void)
{
    struct call *c =
        atomic_exchange_explicit(&calls[hal_this_cpu()->id], NULL, memory_order_acquire);
    if (c != NULL) {
        c->fn(c->arg);
        atomic_fetch_sub_explicit(&c->left, 1, memory_order_release);
    }
}

static void ask(cpu_t cpu, struct call *c)
{
    struct call *none = NULL;
    while (!atomic_compare_exchange_weak_explicit(&calls[cpu], &none, c, memory_order_release,
                                                  memory_order_relaxed)) {
        none = NULL;
        hal_cpu_relax();
    }
    hal_ipi_send(hal_cpu_at(cpu), HAL_IPI_CALL);
}

static void wait_until_done(struct call *c)
{
    while (atomic_load_explicit(&c->left, memory_order_acquire) != 0) {
        hal_cpu_relax();
    }
}

void smp_call(cpu_t cpu, void (*fn)(void *arg), void *arg)
{
    ASSERT(hal_irqs_enabled());
    struct call c = {.fn = fn, .arg = arg, .left = 1};
    preempt_disable(); /* or "elsewhere" might become here */
    if (cpu == hal_this_cpu()->id) {
        fn(arg);
    } else {
        ask(cpu, &c);
        wait_until_done(&c);
    }
    preempt_enable();
}

void smp_call_all(void (*fn)(void *arg), void *arg)
{
    ASSERT(hal_irqs_enabled());
    cpu_t count = hal_cpu_count();
    struct call c = {.fn = fn, .arg = arg, .left = count - 1};
    preempt_disable();
    for (cpu_t cpu = 0; cpu < count; cpu++) {
        if (cpu != hal_this_cpu()->id) {
            ask(cpu, &c);
        }
    }
    fn(arg); /* while the others come */
    wait_until_done(&c);
    preempt_enable();
}

static void nothing(void *arg)
{
    (void)arg;
}

/* Taking an interrupt and returning from it is what does it: context synchronisation events (Arm
 * ARM, DDI 0487, B2.4.4), and IRET serialises (SDM volume 3A, 9.3). */
void smp_synchronise_fetch(void)
{
    smp_call_all(nothing, NULL);
}

static void watch(void *arg)
{
    (void)arg;
    watchdog_follow();
}

void smp_start(const struct boot_info *info, uint32_t limit)
{
    uint32_t wanted = limit == 0 ? CPU_MAX : MIN(limit, CPU_MAX);
    hal_this_cpu()->hw_id = info->boot_cpu_hw_id;
    bool may_come = false;
    for (uint32_t i = 0; i < info->cpu_count && hal_cpu_count() < wanted && !may_come; i++) {
        const struct boot_cpu *c = &info->cpus[i];
        if (!c->enabled || c->hw_id == info->boot_cpu_hw_id) {
            continue;
        }
        enum status s = start(hal_cpu_count(), c->hw_id, &may_come);
        if (s != OK) {
            log_warn("smp", "the CPU that firmware calls 0x%llx is left out: %s",
                     (unsigned long long)c->hw_id, status_text(s));
        }
    }
    if (may_come) {
        log_warn("smp", "it may still come as number %u: no more CPUs are started",
                 hal_cpu_count());
    }
    trace_cover_cpus();
    sched_cover_cpus();
    for (cpu_t cpu = 1; cpu < hal_cpu_count(); cpu++) {
        smp_call(cpu, watch, NULL);
        enum status s = work_start(cpu);
        if (s != OK) {
            log_warn("smp", "CPU %u has no work thread: %s", cpu, status_text(s));
        }
    }
    if (info->cpu_count > 1) {
        log_info("smp", "%u of %u CPUs run", hal_cpu_count(), info->cpu_count);
    }
}
