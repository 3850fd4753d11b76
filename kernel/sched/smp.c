// SPDX-License-Identifier: MIT
//
// Starts the other CPUs, and calls functions on them.
#include "kernel/sched/smp.h"

#include "hal/bootinfo.h"
#include "hal/cache.h"
#include "hal/platform.h"
#include "hal/smp.h"
#include "hal/upcall.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/reclaim.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/watchdog.h"
#include "kernel/sched/work.h"

/* A CPU gets its data and stack before it is told to start. They are never reused for another CPU,
 * because a CPU that was given up may still arrive late. When it does, it finds in hal_cpu.state
 * that it is not wanted, and halts. Until then it runs with its id, which selects its stack, its
 * spinlock nodes and its part of the interrupt controller; so the id is not reused either. Ids have
 * no gaps, so after a CPU that was given up no other CPU is started.
 *
 * hal_cpu.state decides the race: the starting CPU moves it STARTING -> ARRIVED -> ONLINE, the
 * waiting CPU moves STARTING or ARRIVED -> REFUSED after the time limit. Each step is a
 * compare-and-swap, so exactly one of ONLINE and REFUSED is reached. */

/* A CPU needs microseconds. A hypervisor with many virtual CPUs may take long
 * to run each of them. */
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
    hal_become_thread(cpu->current); /* the idle thread, whose stack this code runs on */
    if (!move_state(cpu, HAL_CPU_STARTING, HAL_CPU_ARRIVED)) {
        hal_cpu_halt(); /* too late: it was given up */
    }
    if (hal_platform_init_cpu() != OK) {
        atomic_store_explicit(&cpu->state, HAL_CPU_REFUSED, memory_order_release);
        hal_cpu_halt();
    }
    sched_run_cpu();
}

/* Not in the direct map, where a page may be unmapped briefly while a CPU waits
 * (hal/pagetable.h). */
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
    return cpus_count() > cpu->id || state_of(cpu) == HAL_CPU_REFUSED;
}

/* Wait until the CPU is online, has refused, or the time limit is over; in the last case it can no
 * longer come online. */
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
    return cpus_count() > cpu->id ? OK : E_IO; /* it has halted: the next one may get its id */
}

/* Once a CPU was told to start, it keeps its memory, whatever happens. *may_come: it was told, has
 * not arrived, and may still do so. */
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

/** A call on other CPUs, on the stack of the thread that waits for it. */
struct call {
    void (*fn)(void *arg);
    void *arg;
    /* CPUs that have not done it yet. Release after fn has returned, acquire by the waiting thread:
     * at 0 the struct may be gone. */
    _Atomic uint32_t left;
};

/* One slot for each CPU: the call that it should make. Filled by exchange with NULL (release),
 * emptied by exchange (acquire). A caller that finds the slot taken waits with interrupts
 * enabled, so two CPUs that call each other do not deadlock. */
static _Atomic(struct call *) calls[CPU_MAX];

void smp_do_calls(void)
{
    rcu_answer();
    struct call *c =
        atomic_exchange_explicit(&calls[hal_this_cpu()->id], NULL, memory_order_acquire);
    if (c != NULL) {
        c->fn(c->arg);
        atomic_fetch_sub_explicit(&c->left, 1, memory_order_release);
    }
}

static void post_call(cpu_t cpu, struct call *c)
{
    struct call *none = NULL;
    while (!atomic_compare_exchange_weak_explicit(&calls[cpu], &none, c, memory_order_release,
                                                  memory_order_relaxed)) {
        none = NULL;
        hal_cpu_relax();
    }
    ipi_send(cpus_at(cpu), HAL_IPI_CALL);
}

/* With preemption on: a CPU that masks interrupts for long keeps only this thread waiting. */
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
    preempt_disable(); /* the thread must not move to `cpu` in between */
    if (cpu == hal_this_cpu()->id) {
        fn(arg);
        atomic_store_explicit(&c.left, 0, memory_order_relaxed);
    } else {
        post_call(cpu, &c);
    }
    preempt_enable();
    wait_until_done(&c);
}

void smp_call_all(void (*fn)(void *arg), void *arg)
{
    ASSERT(hal_irqs_enabled());
    cpu_t count = cpus_count();
    struct call c = {.fn = fn, .arg = arg, .left = count - 1};
    preempt_disable();
    for (cpu_t cpu = 0; cpu < count; cpu++) {
        if (cpu != hal_this_cpu()->id) {
            post_call(cpu, &c);
        }
    }
    fn(arg); /* while the others run it */
    preempt_enable();
    wait_until_done(&c);
}

/* Before the caller learns of it: a return from the interrupt would be too late, and where the
 * thread is preempted there is none. Taking an interrupt does not serialise on x86 (SDM volume 3A,
 * 8.3 in order number 253668-032US). */
static void refetch(void *arg)
{
    hal_icache_sync(arg, 1);
}

void smp_synchronise_fetch(void)
{
    smp_call_all(refetch, (void *)(uintptr_t)refetch); /* the range does not matter */
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
    memory_reclaim_on_cpus(smp_call_all);
    bool may_come = false;
    for (uint32_t i = 0; i < info->cpu_count && cpus_count() < wanted && !may_come; i++) {
        const struct boot_cpu *c = &info->cpus[i];
        if (!c->enabled || c->hw_id == info->boot_cpu_hw_id) {
            continue;
        }
        enum status s = start(cpus_count(), c->hw_id, &may_come);
        if (s != OK) {
            log_warn("smp", "the CPU with firmware ID 0x%llx is not used: %s",
                     (unsigned long long)c->hw_id, status_text(s));
        }
    }
    if (may_come) {
        log_warn("smp", "it may still start as CPU %u: no more CPUs are started", cpus_count());
    }
    sched_cover_cpus();
    for (cpu_t cpu = 1; cpu < cpus_count(); cpu++) {
        smp_call(cpu, watch, NULL);
        enum status s = work_start(cpu);
        if (s != OK) {
            log_warn("smp", "CPU %u has no work thread: %s", cpu, status_text(s));
        }
    }
    if (info->cpu_count > 1) {
        log_info("smp", "%u of %u CPUs run", cpus_count(), info->cpu_count);
    }
}
