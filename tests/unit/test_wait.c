// SPDX-License-Identifier: MIT
//
// A wait ends exactly once: woken, timed out or cancelled, in every order of the three.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/work.h"

#define MS NS_PER_MS

static struct wait_queue queue;
static struct semaphore sem;

static int reset(void **state)
{
    (void)state;
    wait_queue_init(&queue, "test");
    semaphore_init(&sem, 0, "test");
    world_forget_notes();
    return 0;
}

static enum status wait_once(uint64_t deadline, bool cancellable)
{
    irq_state_t state = spin_lock_irq(&queue.lock);
    enum status s = cancellable ? wait_on_locked(&queue, &state, deadline)
                                : wait_uncancellable_locked(&queue, &state, deadline);
    spin_unlock_irq(&queue.lock, state);
    return s;
}

static const char *name_of(enum status s)
{
    return s == OK ? "woken" : s == E_TIMEDOUT ? "late" : s == E_CANCELLED ? "cancelled" : "?";
}

static void wait_for_ever(void *arg)
{
    (void)arg;
    world_note(name_of(wait_once(WAIT_FOREVER, true)));
}

static void wait_10_ms(void *arg)
{
    (void)arg;
    world_note(name_of(wait_once(clock_now_ns() + 10 * MS, true)));
}

static void wait_firmly(void *arg)
{
    (void)arg;
    world_note(name_of(wait_once(clock_now_ns() + 10 * MS, false)));
}

static void test_wake_one_wakes_the_first(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 40, wait_for_ever, NULL);
    struct thread *b = world_thread("b", 40, wait_for_ever, NULL);
    wait_wake_one(&queue);
    assert_string_equal(world_notes(), "woken");
    assert_true(world_join(a) == 0);
    wait_wake_one(&queue);
    wait_wake_one(&queue); /* no waiter: the wake is not kept */
    assert_string_equal(world_notes(), "woken woken");
    world_join(b);
}

static void test_wake_all(void **state)
{
    (void)state;
    struct thread *t[3];
    for (int i = 0; i < 3; i++) {
        t[i] = world_thread("t", 10, wait_for_ever, NULL);
    }
    assert_int_equal(thread_sleep(MS), OK);
    wait_wake_all(&queue);
    for (int i = 0; i < 3; i++) {
        world_join(t[i]);
    }
    assert_string_equal(world_notes(), "woken woken woken");
    assert_true(list_is_empty(&queue.waiters));
}

static void test_time_out(void **state)
{
    (void)state;
    uint64_t begin = clock_now_ns();
    struct thread *t = world_thread("t", 40, wait_10_ms, NULL);
    world_join(t);
    assert_string_equal(world_notes(), "late");
    assert_true(clock_now_ns() >= begin + 10 * MS);
    assert_true(list_is_empty(&queue.waiters));
}

static void test_a_deadline_that_has_passed_does_not_wait(void **state)
{
    (void)state;
    struct sched_stats before, after;
    sched_get_stats(&before);
    assert_int_equal(wait_once(0, true), E_TIMEDOUT);
    assert_int_equal(semaphore_down(&sem, 0), E_TIMEDOUT);
    sched_get_stats(&after);
    assert_int_equal(after.switches, before.switches);
}

/* The timer fires while main occupies the CPU; the wake comes before the waiter has run.
 * It must go to the next waiter. */
static void test_a_wake_after_the_timeout_goes_to_the_next_waiter(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 10, wait_10_ms, NULL);
    struct thread *b = world_thread("b", 10, wait_for_ever, NULL);
    assert_int_equal(thread_sleep(MS), OK); /* both wait */
    world_spend(20 * MS, WORLD_KERNEL_PC);  /* a is ready, but has not run */
    wait_wake_one(&queue);
    world_join(a);
    world_join(b); /* otherwise this never returns */
    assert_string_equal(world_notes(), "late woken");
}

static void test_a_timeout_after_the_wake_has_no_effect(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 10, wait_10_ms, NULL);
    assert_int_equal(thread_sleep(MS), OK);
    wait_wake_one(&queue);
    world_spend(20 * MS, WORLD_KERNEL_PC); /* its timer fires before it has run */
    world_join(a);
    assert_string_equal(world_notes(), "woken");
}

static void test_cancel(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 40, wait_for_ever, NULL);
    thread_cancel(a);
    assert_string_equal(world_notes(), "cancelled");
    world_join(a);
    assert_true(list_is_empty(&queue.waiters));
}

static void test_a_wake_after_the_cancel_goes_to_the_next_waiter(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 10, wait_for_ever, NULL);
    struct thread *b = world_thread("b", 10, wait_for_ever, NULL);
    assert_int_equal(thread_sleep(MS), OK);
    thread_cancel(a);
    wait_wake_one(&queue);
    world_join(a);
    world_join(b);
    assert_string_equal(world_notes(), "cancelled woken");
}

static void test_a_cancel_after_the_wake_ends_the_next_wait(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 10, wait_for_ever, NULL);
    assert_int_equal(thread_sleep(MS), OK);
    wait_wake_one(&queue);
    thread_cancel(a);
    world_join(a);
    assert_string_equal(world_notes(), "woken");
}

static void wait_twice(void *arg)
{
    wait_for_ever(arg);
    wait_for_ever(arg);
}

static void wait_twice_slowly(void *arg)
{
    wait_for_ever(arg);
    thread_set_priority(thread_current(), 10);
    wait_for_ever(arg);
}

/* A thread that is cancelled before it waits was never in the queue,
 * and removes no other waiter. */
static void test_a_cancel_before_the_wait_leaves_the_queue_alone(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 40, wait_twice_slowly, NULL);
    wait_wake_one(&queue);
    struct thread *b = world_thread("b", 40, wait_for_ever, NULL);
    thread_cancel(a);
    world_join(a);
    assert_string_equal(world_notes(), "woken cancelled");
    wait_wake_one(&queue);
    assert_string_equal(world_notes(), "woken cancelled woken");
    world_join(b);
}

static void test_a_cancelled_thread_does_not_wait_again(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 40, wait_twice, NULL);
    thread_cancel(a);
    world_join(a);
    assert_string_equal(world_notes(), "cancelled cancelled");
}

static void test_an_uncancellable_wait_continues(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 40, wait_firmly, NULL);
    thread_cancel(a);
    assert_string_equal(world_notes(), "");
    world_join(a);
    assert_string_equal(world_notes(), "late");
}

static void test_join_can_be_cancelled(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 40, wait_for_ever, NULL);
    struct thread *self = thread_current();
    thread_cancel(self);
    assert_int_equal(thread_join(a, NULL), E_CANCELLED);
    atomic_store(&self->cancelled, false);
    wait_wake_one(&queue);
    world_join(a);
}

static void test_completion_stays_done(void **state)
{
    (void)state;
    struct completion c;
    completion_init(&c, "test");
    assert_int_equal(completion_wait(&c, clock_now_ns() + MS), E_TIMEDOUT);
    completion_signal(&c);
    assert_int_equal(completion_wait(&c, WAIT_FOREVER), OK);
    assert_int_equal(completion_wait(&c, 0), OK); /* complete takes precedence over the timeout */
    assert_int_equal(completion_wait_uncancellable(&c, WAIT_FOREVER), OK);
}

static void down(void *arg)
{
    (void)arg;
    world_note(name_of(semaphore_down(&sem, clock_now_ns() + 10 * MS)));
}

static void test_semaphore_counts(void **state)
{
    (void)state;
    struct thread *t[3];
    for (int i = 0; i < 3; i++) {
        t[i] = world_thread("t", 40, down, NULL);
    }
    semaphore_up(&sem);
    semaphore_up(&sem);
    for (int i = 0; i < 3; i++) {
        world_join(t[i]);
    }
    assert_string_equal(world_notes(), "woken woken late");
    assert_int_equal(sem.count, 0);
}

/* Two units, and the waiter that one of them woke times out at the same moment: none is lost. */
static void test_no_count_is_lost(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 10, down, NULL);
    struct thread *b = world_thread("b", 10, down, NULL);
    assert_int_equal(thread_sleep(MS), OK);
    world_spend(20 * MS, WORLD_KERNEL_PC); /* both timed out, but neither has run */
    semaphore_up(&sem);
    world_join(a);
    world_join(b);
    assert_string_equal(world_notes(), "woken late");
    assert_int_equal(sem.count, 0);
}

struct job {
    struct work work;
    unsigned runs;
    bool again, blocks, again_at_the_end;
};

static void run_job(struct work *w)
{
    struct job *j = CONTAINER_OF(w, struct job, work);
    j->runs++;
    if (j->again) {
        j->again = false;
        assert_true(work_queue(w));
    }
    if (j->blocks) {
        (void)!wait_once(clock_now_ns() + 10 * MS, false);
    }
    if (j->again_at_the_end) {
        (void)work_queue(w);
    }
}

static void test_work_runs_once_each_time(void **state)
{
    (void)state;
    struct job j = {.work = {.run = run_job}, .again = true};
    preempt_disable();
    assert_true(work_queue(&j.work));
    assert_false(work_queue(&j.work));
    assert_int_equal(j.runs, 0);
    preempt_enable(); /* the work thread has a higher priority */
    assert_int_equal(j.runs, 2);
    assert_true(work_queue(&j.work));
    assert_int_equal(j.runs, 3);
}

static void test_work_cancel_waits_for_the_end(void **state)
{
    (void)state;
    struct job j = {.work = {.run = run_job}, .blocks = true}, k = {.work = {.run = run_job}};
    assert_true(work_queue(&j.work)); /* it runs, and waits */
    assert_true(work_queue(&k.work)); /* behind it */
    assert_int_equal(k.runs, 0);
    work_cancel(&k.work);
    uint64_t begin = clock_now_ns();
    work_cancel(&j.work);
    assert_true(clock_now_ns() >= begin + 9 * MS);
    assert_int_equal(j.runs, 1);
    assert_int_equal(k.runs, 0);
    work_cancel(&j.work); /* has no effect */
}

static void test_a_period_runs_work(void **state)
{
    (void)state;
    struct job j = {.work = {.run = run_job}};
    struct timer t = {.deadline_ns = clock_now_ns() + MS,
                      .period_ns = MS,
                      .fire = work_queue_by_timer,
                      .ctx = &j.work};
    timer_start(&t);
    assert_int_equal(thread_sleep(5 * MS + MS / 2), OK);
    assert_int_equal(j.runs, 5);
    assert_true(timer_cancel(&t));
    work_cancel(&j.work);
    assert_int_equal(thread_sleep(5 * MS), OK);
    assert_int_equal(j.runs, 5);
}

/* The work function has checked whether to end before it was told to,
 * and queues itself once more. */
static void test_a_cancelled_work_does_not_run_again(void **state)
{
    (void)state;
    struct job j = {.work = {.run = run_job}, .blocks = true, .again_at_the_end = true};
    struct job k = {.work = {.run = run_job}};
    assert_true(work_queue(&j.work));
    work_cancel(&j.work);
    assert_false(j.work.queued);
    assert_true(work_queue(&k.work)); /* runs at once: no other work is queued */
    assert_int_equal(k.runs, 1);
    assert_int_equal(j.runs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_wake_one_wakes_the_first, reset),
        cmocka_unit_test_setup(test_wake_all, reset),
        cmocka_unit_test_setup(test_time_out, reset),
        cmocka_unit_test_setup(test_a_deadline_that_has_passed_does_not_wait, reset),
        cmocka_unit_test_setup(test_a_wake_after_the_timeout_goes_to_the_next_waiter, reset),
        cmocka_unit_test_setup(test_a_timeout_after_the_wake_has_no_effect, reset),
        cmocka_unit_test_setup(test_cancel, reset),
        cmocka_unit_test_setup(test_a_wake_after_the_cancel_goes_to_the_next_waiter, reset),
        cmocka_unit_test_setup(test_a_cancel_after_the_wake_ends_the_next_wait, reset),
        cmocka_unit_test_setup(test_a_cancel_before_the_wait_leaves_the_queue_alone, reset),
        cmocka_unit_test_setup(test_a_cancelled_thread_does_not_wait_again, reset),
        cmocka_unit_test_setup(test_an_uncancellable_wait_continues, reset),
        cmocka_unit_test_setup(test_join_can_be_cancelled, reset),
        cmocka_unit_test_setup(test_completion_stays_done, reset),
        cmocka_unit_test_setup(test_semaphore_counts, reset),
        cmocka_unit_test_setup(test_no_count_is_lost, reset),
        cmocka_unit_test_setup(test_work_runs_once_each_time, reset),
        cmocka_unit_test_setup(test_work_cancel_waits_for_the_end, reset),
        cmocka_unit_test_setup(test_a_period_runs_work, reset),
        cmocka_unit_test_setup(test_a_cancelled_work_does_not_run_again, reset),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
