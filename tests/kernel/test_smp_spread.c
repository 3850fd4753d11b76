// SPDX-License-Identifier: MIT
//
// Programs use all CPUs: they are spread, compute right results wherever they migrate,
// are charged for their time on every CPU, and are killed at once on whichever CPU they
// run. With one CPU all run there.
#include "kernel/base/clock.h"
#include "kernel/lib/format.h"
#include "kernel/program/program.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/thread.h"
#include "tests/kernel/on_cpus.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/tests.h"

#define LOOKS 20000u /* a busy host seldom runs emulated CPUs */
#define TRIES 12u    /* a program may end before it was seen on every CPU: each is twice as long */
#define KILLS 8u

extern const uint8_t test_program_spin[], test_program_spin_end[];
extern const uint8_t test_program_compute[], test_program_compute_end[];

/* (module (memory 1) (func (export "_start") (loop (br 0)))) */
static const uint8_t bytecode_spin[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02,
    0x01, 0x00, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x0a, 0x01, 0x06, '_',  's',  't',  'a',  'r',
    't',  0x00, 0x00, 0x0a, 0x09, 0x01, 0x07, 0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b};

static struct image spin_image(unsigned kind)
{
    if (kind % 2 == 1) {
        return (struct image){"/tmp/spin.wasm", bytecode_spin, sizeof(bytecode_spin)};
    }
    return (struct image){"/tmp/spin.elf", test_program_spin,
                          (size_t)(test_program_spin_end - test_program_spin)};
}

static cpu_mask_t bit(cpu_t cpu)
{
    return (cpu_mask_t)1 << cpu;
}

static bool find_thread(uint32_t id, struct thread_info *out)
{
    for (uint32_t i = 0; thread_get_info(i, out); i++) {
        if (out->id == id) {
            return true;
        }
    }
    return false;
}

/* Inspect the program's first thread and call fn for it first. @return
 * false: it has no thread left. */
static bool look_at(struct program *p, void (*fn)(struct thread *t, cpu_t cpu), cpu_t cpu,
                    struct thread_info *out)
{
    bool is_there = false;
    mutex_lock(&p->lock); /* keeps the thread from being freed */
    if (!list_is_empty(&p->threads)) {
        struct thread *t = CONTAINER_OF(p->threads.head.next, struct thread, owner_link);
        if (fn != NULL) {
            fn(t, cpu);
        }
        is_there = find_thread(t->id, out);
    }
    mutex_unlock(&p->lock);
    return is_there;
}

/* CPUs that run one of the programs at this moment. */
static cpu_mask_t running_on(struct program **programs, unsigned count)
{
    cpu_mask_t cpus = 0;
    struct thread_info info;
    for (unsigned i = 0; i < count; i++) {
        if (look_at(programs[i], NULL, 0, &info) && info.state == THREAD_RUNNING) {
            cpus |= bit(info.cpu);
        }
    }
    return cpus;
}

static unsigned start_spinning(struct program **programs, unsigned count)
{
    unsigned started = 0;
    for (; started < count; started++) {
        struct image image = spin_image(started);
        programs[started] = runs_start(&image, NULL, (struct load_options){.argc = 0});
        if (programs[started] == NULL) {
            break;
        }
    }
    TEST_EQUAL(started, count);
    return started;
}

static void kill_all(struct program **programs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        program_kill(programs[i], PROGRAM_KILLED, 9);
    }
    for (unsigned i = 0; i < count; i++) {
        runs_finish(programs[i], PROGRAM_KILLED, 9);
    }
}

static bool write_spin_images(void)
{
    struct image native = spin_image(0), bytecode = spin_image(1);
    if (!runs_write_file(&native)) {
        return false;
    }
    if (!runs_write_file(&bytecode)) {
        runs_remove_file(&native);
        return false;
    }
    return true;
}

static void remove_spin_images(void)
{
    struct image native = spin_image(0), bytecode = spin_image(1);
    runs_remove_file(&native);
    runs_remove_file(&bytecode);
}

/* As many programs as CPUs; this thread sleeps most of the time. */
static void as_many_programs_as_cpus_run_at_once(void)
{
    struct program *programs[CPUS_CONTENDING];
    unsigned most = 0;
    if (write_spin_images()) {
        unsigned count = start_spinning(programs, contenders());
        for (unsigned i = 0; i < LOOKS && most < count; i++) {
            TEST_EQUAL(thread_sleep(NS_PER_MS), OK);
            /* This thread occupies the boot CPU while it checks. */
            cpu_mask_t cpus = running_on(programs, count) | bit(0);
            most = MAX(most, (unsigned)__builtin_popcountll(cpus));
        }
        kill_all(programs, count);
        remove_spin_images();
    }
    TEST_CHECK(most >= contenders());
}

/* It has its CPU to itself and no interrupt is due there: the kill has to send one. */
static void a_program_on_another_cpu_is_killed_at_once(void)
{
    if (!write_spin_images()) {
        return;
    }
    for (unsigned i = 0; i < test_scaled(KILLS, 1); i++) {
        struct program *p[CPUS_CONTENDING];
        unsigned others = MAX(contenders() - 1, 1);
        unsigned count = start_spinning(p, others);
        unsigned looks = contenders() == 1 ? 1 : LOOKS; /* this thread occupies the only CPU */
        for (unsigned n = 0; n < looks && running_on(p, count) == 0; n++) {
            thread_yield();
        }
        kill_all(p, count);
    }
    remove_spin_images();
}

static void move_to(struct thread *t, cpu_t cpu)
{
    enum status s = thread_set_affinity(t, bit(cpu));
    TEST_EQUAL(s, OK);
}

/* @return CPUs that the program ran on until it exited with the right results. */
static cpu_mask_t compute_and_move(const struct image *image, unsigned times)
{
    char argument[12];
    struct thread_info info;
    cpu_mask_t seen = 0;
    uint64_t run_ns = 0;
    fmt_print(argument, sizeof(argument), "%u", times);
    struct program *p = runs_start(image, argument, (struct load_options){.argc = 0});
    if (p == NULL) {
        return 0;
    }
    for (cpu_t to = 0; look_at(p, move_to, to, &info); to = (to + 1) % contenders()) {
        /* It is found on the CPU that it was sent to, or it has ended. On CPU 0 it does not
         * run while this thread checks. */
        for (bool again = true; again && look_at(p, NULL, 0, &info); again = to != 0) {
            /* Time after it has left the program counts as the kernel's. */
            run_ns = info.program[0] != '\0' ? info.run_ns : run_ns;
            if (info.state == THREAD_RUNNING && info.cpu == to) {
                seen |= bit(to);
                break;
            }
            thread_yield();
        }
    }
    uint64_t counted = atomic_load(&p->cpu_ticks);
    TEST_CHECK(clock_counter_to_ns(counted) >= run_ns);
    runs_finish(p, PROGRAM_EXITED, 0);
    return seen;
}

static void a_program_keeps_computing_while_it_migrates(void)
{
    const struct image image = {"/tmp/compute.elf", test_program_compute,
                                (size_t)(test_program_compute_end - test_program_compute)};
    cpu_mask_t most = 0, wanted = (bit(contenders()) - 1) & ~bit(0);
    if (!runs_write_file(&image)) {
        return;
    }
    for (unsigned i = 0; i < TRIES && (i == 0 || most != wanted); i++) {
        cpu_mask_t seen = compute_and_move(&image, 1u << i) & ~bit(0);
        most = __builtin_popcountll(seen) > __builtin_popcountll(most) ? seen : most;
    }
    TEST_EQUAL(most, wanted);
    runs_remove_file(&image);
}

const struct kernel_test smp_spread_tests[] = {
    {"smp.as_many_programs_as_cpus_run_at_once", as_many_programs_as_cpus_run_at_once,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.a_program_on_another_cpu_is_killed_at_once", a_program_on_another_cpu_is_killed_at_once,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.a_program_keeps_computing_while_it_migrates", a_program_keeps_computing_while_it_migrates,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {0},
};
