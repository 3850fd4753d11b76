// SPDX-License-Identifier: MIT
//
// Programs of both kinds and drivers, started, killed, loaded and unloaded from every CPU at once.
// The thread that kills a program is mostly not the one that started it. Nothing leaks.
#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/jit/code/codemem.h"
#include "kernel/module/driver_module.h"
#include "kernel/sched/thread.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/on_cpus.h"
#include "tests/kernel/tests.h"

#include <stdatomic.h>

#define ROUNDS      6u
#define LOOKS       1000u
#define LOAD_ROUNDS 20u

extern const uint8_t test_program_spin[], test_program_spin_end[];
extern const uint8_t test_module_virtio_rng[], test_module_virtio_rng_end[];

/* (module (memory 1) (func (export "_start") (loop (br 0)))) */
static const uint8_t bytecode_spin[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02,
    0x01, 0x00, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x0a, 0x01, 0x06, '_',  's',  't',  'a',  'r',
    't',  0x00, 0x00, 0x0a, 0x09, 0x01, 0x07, 0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b};

static const struct image *images(void)
{
    static struct image all[2];
    all[0] = (struct image){"/tmp/smp.elf", test_program_spin,
                            (size_t)(test_program_spin_end - test_program_spin)};
    all[1] = (struct image){"/tmp/smp.wasm", bytecode_spin, sizeof(bytecode_spin)};
    return all;
}

/* Resources that are released a little later than the wait for the program returns are ignored:
 * stacks and heap slabs stay with the CPUs that used them. */
static bool is_as_before(const struct page_stats *before)
{
    struct page_stats now;
    bool same = true;
    page_get_stats(&now);
    for (unsigned owner = PAGE_CODE; owner < PAGE_OWNER_COUNT; owner++) {
        same = same && now.by_owner[owner] == before->by_owner[owner];
    }
    return same;
}

static void expect_as_before(const struct page_stats *before)
{
    for (unsigned i = 0; i < LOOKS && !is_as_before(before); i++) {
        TEST_EQUAL(thread_sleep(NS_PER_MS), OK);
    }
    TEST_CHECK(is_as_before(before));
}

/* Programs on their way from the thread that starts them to the one that kills them. */
static _Atomic(struct program *) handed;

static void kill(struct program *p)
{
    if (p != NULL) {
        program_kill(p, PROGRAM_KILLED, 9);
        runs_finish(p, PROGRAM_KILLED, 9);
    }
}

static void start_and_kill(void *arg)
{
    uintptr_t self = (uintptr_t)arg;
    for (unsigned i = 0; i < test_scaled(ROUNDS, 1); i++) {
        const struct image *image = &images()[(self + i) % 2];
        kill(atomic_exchange(&handed, runs_start(image, NULL, (struct load_options){.argc = 0})));
    }
}

static void programs_are_started_and_killed_from_every_cpu(void)
{
    struct page_stats before;
    size_t pool, used, pool_after, used_after;
    page_get_stats(&before);
    codemem_get_stats(&pool, &used);
    atomic_store(&handed, NULL);
    if (runs_write_file(&images()[0]) && runs_write_file(&images()[1])) {
        run_on_contenders("smp programs", start_and_kill);
        kill(atomic_exchange(&handed, NULL));
    }
    runs_remove_file(&images()[0]);
    runs_remove_file(&images()[1]);
    expect_as_before(&before);
    codemem_get_stats(&pool_after, &used_after);
    TEST_EQUAL(used_after, used);
}

/* One thread loads the driver; the others get an error that names it. */
static void load_and_unload(void *arg)
{
    (void)arg;
    struct loader_error err;
    unsigned taken;
    size_t len = (size_t)(test_module_virtio_rng_end - test_module_virtio_rng);
    for (unsigned i = 0; i < test_scaled(LOAD_ROUNDS, 1); i++) {
        enum status s =
            driver_module_load_bytes("test/smp.ko", test_module_virtio_rng, len, &taken, &err);
        if (s == OK) {
            s = driver_module_unload("virtio_rng", &err);
            TEST_EQUAL(s, OK);
        } else {
            TEST_CHECK(s == E_EXIST || s == E_BUSY);
        }
    }
}

static void drivers_are_loaded_and_unloaded_from_every_cpu(void)
{
    struct page_stats before;
    page_get_stats(&before);
    run_on_contenders("smp programs", load_and_unload);
    expect_as_before(&before);
}

static uint64_t calls_of(cpu_t cpu)
{
    return *(volatile uint64_t *)&cpus_at(cpu)->ipi_count;
}

/* A thread on another CPU may call the driver next, so that CPU must have been
 * interrupted since the code was written. */
static void every_cpu_fetches_a_drivers_code_anew(void)
{
    uint64_t before[CPUS_CONTENDING];
    struct loader_error err;
    unsigned taken;
    size_t len = (size_t)(test_module_virtio_rng_end - test_module_virtio_rng);
    for (cpu_t i = 0; i < contenders(); i++) {
        before[i] = calls_of(i);
    }
    enum status s =
        driver_module_load_bytes("test/smp.ko", test_module_virtio_rng, len, &taken, &err);
    TEST_EQUAL(s, OK);
    for (cpu_t i = 1; i < contenders(); i++) {
        TEST_CHECK(calls_of(i) > before[i]);
    }
    s = driver_module_unload("virtio_rng", &err);
    TEST_EQUAL(s, OK);
}

const struct kernel_test smp_program_tests[] = {
    {"smp.programs_are_started_and_killed_from_every_cpu",
     programs_are_started_and_killed_from_every_cpu, TEST_ON_CPUS},
    {"smp.drivers_are_loaded_and_unloaded_from_every_cpu",
     drivers_are_loaded_and_unloaded_from_every_cpu, TEST_ON_CPUS},
    {"smp.every_cpu_fetches_a_drivers_code_anew", every_cpu_fetches_a_drivers_code_anew,
     TEST_ON_CPUS},
    {0},
};
