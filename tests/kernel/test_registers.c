// SPDX-License-Identifier: MIT
//
// Vector registers belong to a thread as a whole: every one of them keeps all its bits while other
// threads, with other contents and with none, run on the same CPU, and across a move to another
// CPU.
#include "hal/smp.h"
#include "kernel/sched/thread.h"
#include "tests/kernel/registers.h"
#include "tests/kernel/tests.h"

#define USERS  8u
#define OTHERS 3u
#define ROUNDS 120u
#define STEPS  2000u

static _Atomic uint32_t wrong, running;

/* Long enough that some rounds are preempted. */
static void pass_time(uint32_t round)
{
    for (volatile uint32_t n = 0; n < round * STEPS / ROUNDS; n++) {
    }
    if (round % 3 != 0) {
        thread_yield();
    }
}

static void use_registers(void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)arg << 32;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        registers_fill(seed + 0x100 * round);
        pass_time(round);
        atomic_fetch_add_explicit(&wrong, (uint32_t)registers_differ(seed + 0x100 * round),
                                  memory_order_relaxed);
    }
    atomic_fetch_sub_explicit(&running, 1, memory_order_relaxed);
}

/* A thread that has no vector registers of its own. */
static void use_none(void *arg)
{
    (void)arg;
    while (atomic_load_explicit(&running, memory_order_relaxed) != 0) {
        thread_yield();
    }
}

static void test_vector_registers_are_the_threads_own(void)
{
    struct thread *threads[USERS + OTHERS] = {NULL};
    unsigned users = test_scaled(USERS, 2);
    wrong = 0;
    running = users;
    for (unsigned n = 0; n < users + OTHERS; n++) {
        const struct thread_options options = {.name = "registers",
                                               .entry = n < users ? use_registers : use_none,
                                               .arg = (void *)(uintptr_t)(n + 1),
                                               .priority = PRIO_NORMAL,
                                               .uses_fp = n < users};
        if (thread_create(&options, &threads[n]) != OK && n < users) {
            atomic_fetch_sub_explicit(&running, 1, memory_order_relaxed);
        }
    }
    for (unsigned n = 0; n < users + OTHERS; n++) {
        TEST_EQUAL(test_join(threads[n], NULL), OK);
    }
    TEST_EQUAL(wrong, 0);
}

const struct kernel_test register_tests[] = {
    {"vector_registers_are_the_threads_own", test_vector_registers_are_the_threads_own,
     TEST_ON_CPUS},
    {NULL, NULL, 0},
};
