// SPDX-License-Identifier: MIT
//
// The CPU on which a thread runs (kernel/sched/balance.c), on fake CPUs that the test runs in turn:
// where a new or woken thread goes, which threads an idle CPU pulls, and that threads of equal
// priority on several CPUs get equal time. The test is CPU 0, which runs nothing else.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_cpus.h"
#include "fake/world.h"
#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/runqueue.h"

#define CPUS      68u /* the last four are in no CPU mask */
#define FIELD     4u  /* most tests use CPUs 1 to 4 */
#define FIELD_ALL ((cpu_mask_t)0x1e)
#define JOBS      8u
#define STEP_NS   (NS_PER_MS / 10) /* time that a job computes before it pauses */

static struct job {
    struct thread *thread;
    bool ends;
    uint64_t steps, steps_on[CPUS];
    struct semaphore begin; /* the job waits for a unit, computes, waits again... */
    uint64_t burst, left;   /* steps before it waits; 0: it never waits */
} jobs[JOBS];
static unsigned job_count;

/** A CPU makes one step for each STEP_NS that passes, however often it was interrupted. */
static bool has_time(void)
{
    static uint64_t stepped_at[CPUS];
    uint64_t *at = &stepped_at[hal_this_cpu()->id];
    bool has = *at != fake_counter;
    *at = fake_counter;
    return has;
}

static void compute(void *arg)
{
    struct job *j = arg;
    while (!j->ends) {
        if (j->burst != 0 && j->left == 0) {
            (void)semaphore_down(&j->begin, WAIT_FOREVER);
            j->left = j->burst;
        } else {
            if (has_time()) {
                j->steps++;
                j->steps_on[hal_this_cpu()->id]++;
                j->left -= j->left > 0 ? 1 : 0;
            }
            fake_cpu_pause();
        }
    }
}

static struct job *begin(uint8_t priority, enum thread_placement placement, cpu_t cpu,
                         cpu_mask_t affinity, uint64_t burst)
{
    assert_true(job_count < JOBS);
    struct job *j = &jobs[job_count++];
    *j = (struct job){.burst = burst};
    semaphore_init(&j->begin, 0, "job");
    const struct thread_options options = {.name = "job",
                                           .entry = compute,
                                           .arg = j,
                                           .priority = priority,
                                           .placement = placement,
                                           .cpu = cpu,
                                           .affinity = affinity};
    assert_int_equal(thread_create(&options, &j->thread), OK);
    return j;
}

static struct job *free_job(cpu_mask_t affinity)
{
    return begin(PRIO_NORMAL, THREAD_ANYWHERE, 0, affinity, 0);
}

static struct job *pinned_job(uint8_t priority, cpu_t cpu)
{
    return begin(priority, THREAD_ON, cpu, 0, 0);
}

/** Let each CPU compute for this long. */
static void spend(uint64_t ns)
{
    for (uint64_t t = 0; t < ns; t += STEP_NS) {
        fake_counter += STEP_NS;
        (void)fake_cpu_run(0);
        fake_cpus_settle(CPUS - 1);
    }
}

/** Reset the counters, then let time pass. */
static void watch(uint64_t ns)
{
    for (unsigned i = 0; i < job_count; i++) {
        jobs[i].steps = 0;
        memset(jobs[i].steps_on, 0, sizeof(jobs[i].steps_on));
    }
    spend(ns);
}

/** The CPUs that the job ran on. */
static cpu_mask_t been_on(const struct job *j)
{
    cpu_mask_t mask = 0;
    for (cpu_t cpu = 0; cpu < 64; cpu++) {
        mask |= j->steps_on[cpu] > 0 ? (cpu_mask_t)1 << cpu : 0;
    }
    return mask;
}

static uint64_t moves(void)
{
    struct sched_stats stats;
    sched_get_stats(&stats);
    return stats.moves;
}

static int end_jobs(void **state)
{
    (void)state;
    for (unsigned i = 0; i < job_count; i++) {
        jobs[i].ends = true;
        semaphore_up(&jobs[i].begin);
    }
    for (unsigned i = 0; i < job_count; i++) {
        (void)world_join(jobs[i].thread);
    }
    job_count = 0;
    spend(2 * NS_PER_MS); /* CPUs that were notified of a thread handle that, and wait */
    return 0;
}

static int boot(void **state)
{
    (void)world_boot(state);
    fake_cpus_start(CPUS);
    return end_jobs(state);
}

/* ---- Placement ---- */

static void test_new_threads_go_to_idle_cpus(void **state)
{
    (void)state;
    cpu_mask_t taken = 0;
    for (unsigned i = 0; i < FIELD; i++) {
        (void)free_job(FIELD_ALL);
    }
    watch(NS_PER_MS);
    for (unsigned i = 0; i < FIELD; i++) {
        assert_true(jobs[i].steps > 5);
        taken |= been_on(&jobs[i]);
    }
    assert_int_equal(taken, FIELD_ALL);
}

static void test_a_thread_is_woken_where_it_ran_last(void **state)
{
    (void)state;
    struct job *j = begin(PRIO_NORMAL, THREAD_ANYWHERE, 0, FIELD_ALL, 3);
    semaphore_up(&j->begin);
    watch(NS_PER_MS);
    cpu_mask_t first = been_on(j);
    assert_int_equal(j->steps, 3);
    for (unsigned i = 0; i < 5; i++) {
        semaphore_up(&j->begin);
        watch(NS_PER_MS);
        assert_int_equal(been_on(j), first);
    }
}

/* Its CPU runs a thread of higher priority, others are idle. */
static void test_a_cold_thread_is_pulled_and_a_warm_one_is_not(void **state)
{
    (void)state;
    struct job *j = begin(PRIO_NORMAL, THREAD_ANYWHERE, 0, FIELD_ALL, 3);
    semaphore_up(&j->begin);
    watch(4 * STEP_NS);
    cpu_t home = (cpu_t)__builtin_ctzll(been_on(j));
    (void)pinned_job(PRIO_NORMAL + 1, home);
    semaphore_up(&j->begin);
    watch(2 * STEP_NS); /* it ran within the last half millisecond */
    assert_int_equal(j->steps, 0);
    watch(NS_PER_MS);
    assert_int_equal(j->steps, 3);
    assert_int_equal(been_on(j) & ((cpu_mask_t)1 << home), 0);
}

static void test_the_third_waiting_thread_is_pulled_even_if_warm(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct job *j = begin(PRIO_NORMAL, THREAD_ON, 1, 0, 3);
        semaphore_up(&j->begin);
    }
    watch(2 * NS_PER_MS); /* all three have run on CPU 1 and wait for their next unit */
    (void)pinned_job(PRIO_NORMAL + 1, 1);
    watch(STEP_NS);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(thread_set_affinity(jobs[i].thread, FIELD_ALL), OK);
    }
    uint64_t before = moves();
    for (unsigned i = 0; i < 3; i++) {
        semaphore_up(&jobs[i].begin);
    }
    watch(2 * NS_PER_MS);
    assert_true(moves() >= before + 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(jobs[i].steps, 3);
        assert_int_equal(been_on(&jobs[i]) & 2, 0);
    }
}

/* Both have a higher priority than the thread that runs on that CPU, so
 * neither seems to have to wait. */
static void test_one_of_two_threads_ready_at_once_is_pulled(void **state)
{
    (void)state;
    struct job *first = begin(PRIO_NORMAL, THREAD_ON, 1, 0, 5);
    struct job *second = begin(PRIO_NORMAL, THREAD_ON, 1, 0, 5);
    semaphore_up(&first->begin);
    semaphore_up(&second->begin);
    watch(3 * NS_PER_MS); /* both wait on CPU 1, and are cache-cold */
    assert_int_equal(first->steps + second->steps, 10);
    assert_int_equal(thread_set_affinity(first->thread, FIELD_ALL), OK);
    assert_int_equal(thread_set_affinity(second->thread, FIELD_ALL), OK);
    first->burst = second->burst = 0;
    semaphore_up(&first->begin);
    semaphore_up(&second->begin);
    watch(10 * STEP_NS);
    assert_in_range(first->steps, 9, 10);
    assert_in_range(second->steps, 9, 10);
}

/* It waits on a CPU that it may not leave, where a thread of higher priority runs; only the
 * new affinity lets it migrate. */
static void test_a_ready_thread_migrates_as_soon_as_it_may(void **state)
{
    (void)state;
    (void)pinned_job(PRIO_NORMAL + 1, 1);
    struct job *j = pinned_job(PRIO_NORMAL, 1);
    watch(5 * NS_PER_MS);
    assert_int_equal(j->steps, 0);
    assert_int_equal(thread_set_affinity(j->thread, FIELD_ALL), OK);
    watch(10 * STEP_NS);
    assert_in_range(j->steps, 9, 10);
}

/* ---- Threads that must not migrate ---- */

static void test_pinned_threads_are_never_pulled(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        (void)pinned_job(PRIO_NORMAL, 2);
    }
    uint64_t before = moves();
    watch(200 * NS_PER_MS);
    assert_int_equal(moves(), before);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(been_on(&jobs[i]), 1 << 2);
        assert_true(jobs[i].steps > 300); /* a quarter of two thousand, in time slices */
    }
}

static void test_affinity_is_respected(void **state)
{
    (void)state;
    const cpu_mask_t allowed = 1 << 2 | 1 << 3;
    cpu_mask_t used = 0;
    for (unsigned i = 0; i < 5; i++) {
        (void)free_job(allowed);
    }
    watch(200 * NS_PER_MS);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(been_on(&jobs[i]) & ~allowed, 0);
        used |= been_on(&jobs[i]);
    }
    assert_int_equal(used, allowed);
}

static void test_a_running_thread_is_not_pulled(void **state)
{
    (void)state;
    struct job *j = free_job(FIELD_ALL);
    watch(NS_PER_MS);
    cpu_mask_t home = been_on(j);
    uint64_t before = moves();
    watch(300 * NS_PER_MS);
    assert_int_equal(been_on(j), home);
    assert_int_equal(moves(), before);
    assert_int_equal(j->steps, 3000); /* it had the CPU all the time */
}

/* ---- Priorities, turns ---- */

static void test_the_highest_real_time_threads_run(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIELD + 2; i++) {
        (void)begin((uint8_t)(PRIO_REALTIME + i), THREAD_ANYWHERE, 0, FIELD_ALL, 0);
    }
    spend(NS_PER_MS);
    watch(100 * NS_PER_MS);
    for (unsigned i = 0; i < FIELD + 2; i++) {
        assert_int_equal(jobs[i].steps, i < 2 ? 0 : 1000);
    }
}

static void test_a_higher_priority_does_not_wait_while_a_lower_one_runs(void **state)
{
    (void)state;
    for (cpu_t cpu = 1; cpu <= FIELD; cpu++) {
        (void)pinned_job(PRIO_NORMAL - 1, cpu);
    }
    spend(NS_PER_MS);
    struct job *first = free_job(FIELD_ALL), *second = free_job(FIELD_ALL);
    spend(20 * NS_PER_MS); /* a look later */
    watch(100 * NS_PER_MS);
    assert_int_equal(first->steps, 1000);
    assert_int_equal(second->steps, 1000);
}

/** `n` threads of equal priority on the first `cpus` CPUs of the field, for
 * two seconds: no CPU is idle. */
static void compute_together(unsigned n, unsigned cpus, uint64_t *least, uint64_t *most)
{
    cpu_mask_t mask = (((cpu_mask_t)1 << cpus) - 1) << 1;
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        (void)free_job(mask);
    }
    spend(100 * NS_PER_MS);
    watch(2 * NS_PER_S);
    *least = UINT64_MAX;
    *most = 0;
    for (unsigned i = 0; i < n; i++) {
        *least = jobs[i].steps < *least ? jobs[i].steps : *least;
        *most = jobs[i].steps > *most ? jobs[i].steps : *most;
        sum += jobs[i].steps;
    }
    assert_int_equal(sum, cpus * 2 * NS_PER_S / STEP_NS);
}

/** Equal to within one part in `precision`. */
static void check_even(unsigned n, unsigned cpus, unsigned precision)
{
    uint64_t least, most;
    compute_together(n, cpus, &least, &most);
    if ((most - least) * precision >= most) {
        fail_msg("%u equals on %u CPUs: from %llu to %llu steps", n, cpus,
                 (unsigned long long)least, (unsigned long long)most);
    }
}

static void test_four_equal_threads_share_two_cpus_evenly(void **state)
{
    (void)state;
    check_even(4, 2, 50);
}

static void test_eight_equal_threads_share_four_cpus_evenly(void **state)
{
    (void)state;
    check_even(8, 4, 50);
}

/* The surplus rotates: each thread is on a CPU with one thread more for as long as the others.
 * After two seconds their times differ by one turn at most. */
static void test_surplus_threads_of_equal_priority_rotate(void **state)
{
    (void)state;
    check_even(3, 2, 25);
}

static void test_seven_equal_threads_rotate_on_three_cpus(void **state)
{
    (void)state;
    check_even(7, 3, 25);
}

/* CPUs 3 and 4 run threads of higher priority. */
static void test_rotation_skips_cpus_with_higher_priorities(void **state)
{
    (void)state;
    (void)pinned_job(PRIO_NORMAL + 1, 3);
    (void)pinned_job(PRIO_NORMAL + 1, 4);
    for (unsigned i = 0; i < 3; i++) {
        (void)free_job(FIELD_ALL);
    }
    spend(100 * NS_PER_MS);
    watch(2 * NS_PER_S);
    for (unsigned i = 2; i < 5; i++) {
        assert_in_range(jobs[i].steps, 12800, 13900); /* of 13,333 */
    }
}

static void test_rotation_is_not_more_frequent_than_useful(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        (void)free_job(0x6);
    }
    spend(NS_PER_S);
    uint64_t before = moves();
    spend(NS_PER_S);
    assert_in_range(moves() - before, 10, 30);
}

/* ---- What a CPU notifies another of ---- */

static struct completion happened;
static bool has_gone_on;

static void wait_for_it(void *arg)
{
    (void)arg;
    assert_int_equal(completion_wait(&happened, WAIT_FOREVER), OK);
    has_gone_on = true;
}

/* A deferred wake may make a thread ready on another CPU. The same preempt_check() must notify that
 * CPU, because nothing else on this one would. */
static void test_a_deferred_wake_reaches_another_cpu(void **state)
{
    (void)state;
    static struct deferred_wake late = {.queue = &happened.queue};
    const struct thread_options options = {.name = "waiter",
                                           .entry = wait_for_it,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ON,
                                           .cpu = 2};
    struct thread *waiter;
    completion_init(&happened, "late");
    has_gone_on = false;
    assert_int_equal(thread_create(&options, &waiter), OK);
    fake_cpus_settle(CPUS - 1);
    happened.done = true;
    wait_wake_deferred(&late);
    preempt_check();
    (void)fake_cpu_run(2); /* no time has passed: it runs only if that CPU was notified */
    assert_true(has_gone_on);
    (void)world_join(waiter);
}

static void come(void *arg)
{
    bool *has_come = arg;
    *has_come = true;
}

/* CPU 0 switches to a lower priority and pulls one of two equal threads that wait
 * elsewhere. It must notify CPU 3, which is idle, of the other one before it continues.
 * The kernel itself checks that. */
static void test_a_cpu_that_pulls_a_thread_notifies_of_the_next(void **state)
{
    (void)state;
    static const cpu_mask_t masks[] = {1 << 0 | 1 << 1 | 1 << 2 | 1 << 3, 1 << 0 | 1 << 1};
    bool has_come[2] = {false, false};
    struct thread *threads[2];
    (void)pinned_job(PRIO_REALTIME, 1);
    thread_set_priority(thread_current(), PRIO_REALTIME);
    spend(NS_PER_MS);
    for (unsigned i = 0; i < 2; i++) {
        const struct thread_options options = {.name = "comes",
                                               .entry = come,
                                               .arg = &has_come[i],
                                               .priority = PRIO_NORMAL,
                                               .placement = THREAD_ON,
                                               .cpu = 1};
        assert_int_equal(thread_create(&options, &threads[i]), OK);
        assert_int_equal(thread_set_affinity(threads[i], masks[i]), OK); /* tells CPU 2 */
    }
    uint64_t before = moves();
    thread_set_priority(thread_current(), PRIO_NORMAL);
    assert_int_equal(moves(), before + 1);
    assert_true(fake_cpu_run(3));
    for (unsigned i = 0; i < 2; i++) {
        (void)world_join(threads[i]);
        assert_true(has_come[i]);
    }
}

/* ---- A unit that is reused for another thread ---- */

static struct {
    struct thread *unit;     /* ended on CPU 2, and cached on CPU 0 */
    struct run_queue *queue; /* of CPU 2 */
    bool is_locked;
    unsigned waited;
} look;

static void hold_its_queue(void *arg)
{
    (void)arg;
    look.queue = atomic_load(&look.unit->rq);
    irq_state_t state = spin_lock_irq(&look.queue->lock);
    look.is_locked = true;
    fake_cpu_pause();
    look.is_locked = false;
    spin_unlock_irq(&look.queue->lock, state);
}

static void look_goes_on(void)
{
    assert_true(look.is_locked);
    assert_ptr_equal(atomic_load(&look.unit->rq), look.queue);
    look.waited++;
    (void)fake_cpu_run(1);
}

/* A kill or `ps` that holds the queue of the unit's last thread must not
 * see the next thread's state. */
static void test_a_unit_changes_queues_under_the_old_queues_lock(void **state)
{
    (void)state;
    static bool has_come[2];
    struct thread_options options = {.name = "looks",
                                     .entry = hold_its_queue,
                                     .priority = PRIO_NORMAL,
                                     .placement = THREAD_ON,
                                     .cpu = 1};
    struct thread *looks, *next;
    memset(&look, 0, sizeof(look));
    assert_int_equal(thread_create(&options, &looks), OK);
    options = (struct thread_options){.name = "ends",
                                      .entry = come,
                                      .arg = &has_come[0],
                                      .priority = PRIO_NORMAL,
                                      .placement = THREAD_ON,
                                      .cpu = 2};
    assert_int_equal(thread_create(&options, &look.unit), OK);
    while (fake_cpu_run(2)) {
    }
    (void)world_join(look.unit);
    (void)fake_cpu_run(1);
    assert_true(look.is_locked);

    void (*before)(void) = fake_on_relax;
    fake_on_relax = look_goes_on;
    options.cpu = 3;
    options.arg = &has_come[1];
    assert_int_equal(thread_create(&options, &next), OK);
    fake_on_relax = before;
    assert_ptr_equal(next, look.unit);
    assert_int_equal(look.waited, 1);
    (void)world_join(next);
    (void)world_join(looks);
    assert_true(has_come[0] && has_come[1]);
}

/* ---- CPUs outside the masks ---- */

static void test_cpus_from_64_on_run_placed_threads_and_pull_none(void **state)
{
    (void)state;
    struct job *there = pinned_job(PRIO_NORMAL, 65), *also = pinned_job(PRIO_NORMAL, 65);
    for (unsigned i = 0; i < 3; i++) {
        (void)free_job(1 << 1);
    }
    struct job *anywhere = free_job(CPU_MASK_ALL);
    watch(200 * NS_PER_MS);
    assert_int_equal(there->steps + also->steps, 2000);
    assert_int_equal(there->steps_on[65], there->steps);
    assert_true(there->steps > 800 && also->steps > 800);
    for (cpu_t cpu = 64; cpu < CPUS; cpu++) {
        assert_int_equal(anywhere->steps_on[cpu], 0);
        assert_int_equal(jobs[2].steps_on[cpu] + jobs[3].steps_on[cpu] + jobs[4].steps_on[cpu], 0);
    }
    /* It can be moved away from there, but not back: no bit stands for that CPU. */
    assert_int_equal(thread_get_affinity(also->thread), 0);
    assert_int_equal(thread_set_affinity(also->thread, FIELD_ALL), OK);
    watch(20 * NS_PER_MS);
    assert_int_equal(also->steps_on[65], 0);
    assert_true(also->steps > 0);
    assert_int_equal(there->steps_on[65], 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_new_threads_go_to_idle_cpus, end_jobs),
        cmocka_unit_test_teardown(test_a_thread_is_woken_where_it_ran_last, end_jobs),
        cmocka_unit_test_teardown(test_a_cold_thread_is_pulled_and_a_warm_one_is_not, end_jobs),
        cmocka_unit_test_teardown(test_the_third_waiting_thread_is_pulled_even_if_warm, end_jobs),
        cmocka_unit_test_teardown(test_one_of_two_threads_ready_at_once_is_pulled, end_jobs),
        cmocka_unit_test_teardown(test_a_ready_thread_migrates_as_soon_as_it_may, end_jobs),
        cmocka_unit_test_teardown(test_pinned_threads_are_never_pulled, end_jobs),
        cmocka_unit_test_teardown(test_affinity_is_respected, end_jobs),
        cmocka_unit_test_teardown(test_a_running_thread_is_not_pulled, end_jobs),
        cmocka_unit_test_teardown(test_the_highest_real_time_threads_run, end_jobs),
        cmocka_unit_test_teardown(test_a_higher_priority_does_not_wait_while_a_lower_one_runs,
                                  end_jobs),
        cmocka_unit_test_teardown(test_four_equal_threads_share_two_cpus_evenly, end_jobs),
        cmocka_unit_test_teardown(test_eight_equal_threads_share_four_cpus_evenly, end_jobs),
        cmocka_unit_test_teardown(test_surplus_threads_of_equal_priority_rotate, end_jobs),
        cmocka_unit_test_teardown(test_seven_equal_threads_rotate_on_three_cpus, end_jobs),
        cmocka_unit_test_teardown(test_rotation_skips_cpus_with_higher_priorities, end_jobs),
        cmocka_unit_test_teardown(test_rotation_is_not_more_frequent_than_useful, end_jobs),
        cmocka_unit_test_teardown(test_a_deferred_wake_reaches_another_cpu, end_jobs),
        cmocka_unit_test_teardown(test_a_cpu_that_pulls_a_thread_notifies_of_the_next, end_jobs),
        cmocka_unit_test_teardown(test_a_unit_changes_queues_under_the_old_queues_lock, end_jobs),
        cmocka_unit_test_teardown(test_cpus_from_64_on_run_placed_threads_and_pull_none, end_jobs),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
