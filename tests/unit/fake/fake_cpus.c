// SPDX-License-Identifier: MIT
//
// See fake_cpus.h.

#include "fake/fake_cpus.h"

#include "fake/world.h"
#include "hal/bootinfo.h"
#include "hal/context.h"
#include "hal/smp.h"
#include "hal/upcall.h"
#include "kernel/sched/smp.h"

#include <stdio.h>
#include <stdlib.h>

#define WATCHES_PER_S 5000
#define ROUNDS_MAX    1000 /* of CPUs interrupting each other: more would never end */

/** State of a CPU other than 0 while it does not run. */
static struct seat {
    struct hal_cpu *cpu;
    struct hal_context at; /* where it continues */
    bool waits;            /* for an interrupt */
} seats[CPU_MAX];

static struct hal_context runner; /* the context that runs another CPU */

static _Noreturn void broken(const char *what)
{
    fprintf(stderr, "fake CPUs: %s\n", what);
    abort();
}

static uint32_t asked_of(const struct hal_cpu *cpu)
{
    return atomic_load_explicit(&cpu->asked, memory_order_relaxed);
}

static bool is_asked(const struct hal_cpu *cpu)
{
    return (asked_of(cpu) & ~(uint32_t)HAL_IPI_WATCHED) != 0;
}

static bool is_due(const struct hal_cpu *cpu)
{
    return is_asked(cpu) || fake_timer_deadline_of(cpu->id) <= fake_counter;
}

/* Deliver one at a time: after a switch the next one interrupts the thread that runs then. */
static bool deliver_due(void)
{
    bool any = false;
    while (is_due(hal_this_cpu())) {
        world_interrupt(is_asked(hal_this_cpu()) ? WORLD_IPI : WORLD_TIMER_LINE);
        any = true;
    }
    return any;
}

static void leave(bool waits)
{
    struct seat *s = &seats[hal_this_cpu()->id];
    s->waits = waits;
    fake_this_cpu = &fake_cpu;
    hal_context_switch(&s->at, &runner);
}

static void enter(void *cpu)
{
    (void)cpu;
    upcall_cpu_main();
}

bool fake_cpu_run(cpu_t id)
{
    if (fake_this_cpu != &fake_cpu) {
        broken("a CPU is run by another than CPU 0");
    }
    struct seat *s = &seats[id];
    if (id == 0) {
        return deliver_due();
    }
    if (s->waits && !is_due(s->cpu)) {
        return false;
    }
    fake_this_cpu = s->cpu;
    hal_context_switch(&runner, &s->at);
    return true;
}

void fake_cpu_pause(void)
{
    if (fake_this_cpu != &fake_cpu) {
        leave(false);
        (void)deliver_due();
    }
}

void fake_cpus_settle(cpu_t last)
{
    bool any = true;
    for (unsigned round = 0; any; round++) {
        if (round == ROUNDS_MAX) {
            broken("they tell each other of something without end");
        }
        any = false;
        for (cpu_t id = 1; id <= last; id++) {
            if (round == 0 || is_asked(seats[id].cpu)) {
                any |= fake_cpu_run(id) && round > 0;
            }
        }
        any |= round == 0;
    }
}

/* ---- CPU 0 waits by running the others ---- */

static cpu_t started = 1;

static void run_others(void)
{
    for (cpu_t id = 1; id < started; id++) {
        (void)fake_cpu_run(id);
    }
}

static bool pass_time(void)
{
    uint64_t next = UINT64_MAX;
    for (cpu_t id = 0; id < started; id++) {
        uint64_t due = fake_timer_deadline_of(id);
        next = due < next ? due : next;
    }
    if (next == UINT64_MAX) {
        return false;
    }
    fake_counter = next > fake_counter ? next : fake_counter;
    return true;
}

static void wait_for_interrupt(void)
{
    if (fake_this_cpu != &fake_cpu) {
        leave(true);
        (void)deliver_due();
        return;
    }
    for (;;) {
        run_others();
        if (deliver_due()) {
            return;
        }
        bool others_are_due = false;
        for (cpu_t id = 1; id < started; id++) {
            others_are_due |= !seats[id].waits || is_due(seats[id].cpu);
        }
        if (!others_are_due && !pass_time()) {
            broken("every thread waits, and no timer is armed");
        }
    }
}

/* While a CPU watches for requests, no other CPU runs that could send one, so the
 * time of a watch passes at once. */
static void watch(void)
{
    if ((asked_of(hal_this_cpu()) & HAL_IPI_WATCHED) != 0) {
        fake_counter += hal_counter_hz() / WATCHES_PER_S;
    }
}

static enum status start(struct hal_cpu *cpu)
{
    struct seat *s = &seats[cpu->id];
    *s = (struct seat){.cpu = cpu};
    hal_context_init(&s->at, (vaddr_t)(uintptr_t)s, 0, enter, cpu);
    started = cpu->id + 1;
    return OK;
}

void fake_cpus_start(cpu_t count)
{
    static struct boot_info info;
    info.cpu_count = count;
    for (cpu_t id = 0; id < count; id++) {
        info.cpus[id] = (struct boot_cpu){.hw_id = id, .enabled = true};
    }
    fake_on_start = start;
    fake_on_relax = run_others;
    fake_on_wait = wait_for_interrupt;
    smp_start(&info, 0);
    fake_on_relax = watch;
    if (cpus_count() != count) {
        broken("a CPU did not start");
    }
}
