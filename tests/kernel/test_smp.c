// SPDX-License-Identifier: MIT
//
// What must hold on every CPU, tested on each of them; with one CPU, on that one.
#include "hal/smp.h"
#include "hal/trap.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "tests/kernel/taken.h"
#include "tests/kernel/tests.h"

struct answer {
    cpu_t cpu;
    unsigned breakpoints;
    uint32_t on; /* features, one bit each */
    bool is_masked, is_on_own_stack;
};

static void ask(void *arg)
{
    struct answer *a = arg;
    struct hal_cpu_feature f;
    const struct thread *t = thread_current();
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    *a = (struct answer){
        .cpu = hal_this_cpu()->id,
        .breakpoints = hal_trap_selftest(),
        .is_masked = !hal_irqs_enabled(),
        .is_on_own_stack = here >= t->context.stack_lo && here < t->context.stack_hi,
    };
    for (unsigned i = 0; hal_cpu_feature(i, &f); i++) {
        a->on |= f.is_on ? 1u << i : 0;
    }
}

static void every_cpu_has_vectors_a_stack_and_the_same_protection(void)
{
    struct answer here, a;
    ask(&here);
    for (cpu_t i = 0; i < cpus_count(); i++) {
        smp_call(i, ask, &a);
        TEST_EQUAL(a.cpu, i);
        TEST_EQUAL(a.breakpoints, 1);
        TEST_EQUAL(a.on, here.on);
        TEST_CHECK(a.is_on_own_stack);
        TEST_EQUAL(a.is_masked, i != hal_this_cpu()->id);
    }
}

static void count_call(void *arg)
{
    _Atomic unsigned *calls = arg;
    atomic_fetch_add(calls, 1);
}

static void no_call_is_lost(void)
{
    enum { CALLS = 1000 };
    for (cpu_t i = 0; i < cpus_count(); i++) {
        _Atomic unsigned calls = 0;
        for (unsigned k = 0; k < CALLS; k++) {
            smp_call(i, count_call, &calls);
        }
        TEST_EQUAL(calls, CALLS);
    }
}

struct roll {
    _Atomic unsigned calls, cpus; /* calls in total; CPUs that were called */
    _Atomic unsigned here;        /* calls on the CPU that sent them, outside an interrupt */
    _Atomic bool was_called[CPU_MAX];
};

static void answer_roll(void *arg)
{
    struct roll *r = arg;
    bool was_called = atomic_exchange(&r->was_called[hal_this_cpu()->id], true);
    atomic_fetch_add(&r->calls, 1);
    atomic_fetch_add(&r->cpus, was_called ? 0 : 1);
    atomic_fetch_add(&r->here, hal_irqs_enabled() ? 1 : 0);
}

/* Each CPU calls all others, and handles their calls while it waits. */
static void call_roll(void *arg)
{
    enum { ROUNDS = 100 };
    unsigned *wrong = arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct roll r = {.calls = 0};
        smp_call_all(answer_roll, &r);
        cpu_t count = cpus_count();
        *wrong += r.calls == count && r.cpus == count && r.here == 1 ? 0 : 1;
    }
}

static void all_are_called_at_once(void)
{
    struct thread *callers[4] = {NULL};
    unsigned wrong[ARRAY_COUNT(callers)] = {0};
    for (unsigned i = 0; i < ARRAY_COUNT(callers); i++) {
        struct thread_options o = {.name = "caller",
                                   .entry = call_roll,
                                   .arg = &wrong[i],
                                   .priority = PRIO_NORMAL,
                                   .placement = THREAD_ON,
                                   .cpu = (cpu_t)(i % cpus_count())};
        TEST_EQUAL(thread_create(&o, &callers[i]), OK);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(callers); i++) {
        TEST_EQUAL(test_join(callers[i], NULL), OK);
        TEST_EQUAL(wrong[i], 0);
    }
}

struct look {
    const void *at;
    bool is_there;
};

static void look(void *arg)
{
    struct look *l = arg;
    uint8_t byte;
    l->is_there = hal_probe_read8(l->at, &byte);
}

/* Each CPU has read the page, so its TLB holds the translation. */
static void an_unmapped_page_is_gone_on_every_cpu(void)
{
    enum { ROUNDS = 20 };
    for (cpu_t i = 0; i < cpus_count(); i++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            char *page = vm_alloc(PAGE_SIZE, PAGE_OTHER, "test");
            struct look l = {.at = page};
            TEST_NEED(page != NULL);
            smp_call(i, look, &l);
            TEST_CHECK(l.is_there);
            vm_free(page);
            smp_call(i, look, &l);
            TEST_CHECK(!l.is_there);
        }
    }
}

/* Splitting a block of the direct map unmaps it for a moment, on AArch64
 * while all other CPUs are held. */
static void cpus_live_through_a_hole_in_the_direct_map(void)
{
    struct answer a;
    paddr_t block;
    unsigned order = take_large_run(PAGE_OTHER, &block);
    TEST_NEED(order != 0);
    TEST_EQUAL(vm_hide_direct(paddr_add(block, 5 * PAGE_SIZE), 1), OK);
    for (cpu_t i = 0; i < cpus_count(); i++) {
        struct look inside = {.at = hal_direct(paddr_add(block, 5 * PAGE_SIZE))};
        struct look beside = {.at = hal_direct(paddr_add(block, 6 * PAGE_SIZE))};
        smp_call(i, look, &inside);
        smp_call(i, look, &beside);
        smp_call(i, ask, &a);
        TEST_CHECK(!inside.is_there && beside.is_there && a.cpu == i);
    }
    bool is_armed = failure_pause(); /* otherwise the page could not be freed */
    TEST_EQUAL(vm_show_direct(paddr_add(block, 5 * PAGE_SIZE), 1), OK);
    failure_resume(is_armed);
    page_free(block, order);
}

const struct kernel_test smp_tests[] = {
    {"smp.every_cpu_has_vectors_a_stack_and_the_same_protection",
     every_cpu_has_vectors_a_stack_and_the_same_protection, TEST_ON_CPUS | TEST_ON_FIRMWARE},
    {"smp.no_call_is_lost", no_call_is_lost, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.all_are_called_at_once", all_are_called_at_once, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.an_unmapped_page_is_gone_on_every_cpu", an_unmapped_page_is_gone_on_every_cpu,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.cpus_live_through_a_hole_in_the_direct_map", cpus_live_through_a_hole_in_the_direct_map,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS | TEST_ON_MEMORY | TEST_ON_FIRMWARE | TEST_ON_SCREEN},
    {0},
};
