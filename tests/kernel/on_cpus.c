// SPDX-License-Identifier: MIT
#include "tests/kernel/on_cpus.h"

#include "hal/smp.h"
#include "kernel/sched/thread.h"
#include "tests/kernel/tests.h"

cpu_t contenders(void)
{
    return MIN(cpus_count(), CPUS_CONTENDING);
}

void run_on_contenders(const char *name, void (*entry)(void *arg))
{
    struct thread *threads[CPUS_CONTENDING] = {NULL};
    cpu_t count = contenders();
    for (cpu_t i = 0; i < count; i++) {
        const struct thread_options options = {.name = name,
                                               .entry = entry,
                                               .arg = (void *)(uintptr_t)i,
                                               .priority = PRIO_NORMAL,
                                               .placement = THREAD_ON,
                                               .cpu = i};
        TEST_EQUAL(thread_create(&options, &threads[i]), OK);
    }
    for (cpu_t i = 0; i < count; i++) {
        TEST_EQUAL(test_join(threads[i], NULL), OK);
    }
}
