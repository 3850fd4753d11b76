// SPDX-License-Identifier: MIT
//
// Events, manual and automatic, and condition variables: which thread
// continues, and which stops waiting.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/sched/event.h"

static struct event e;
static struct condition c;
static struct mutex m;

static int reset(void **state)
{
    (void)state;
    event_init(&e, EVENT_AUTO, "test event");
    condition_init(&c, "test condition");
    mutex_init(&m, "test");
    world_forget_notes();
    return 0;
}

static const char *word_of(enum status s)
{
    return s == OK ? "ok" : s == E_TIMEDOUT ? "late" : s == E_CANCELLED ? "cancelled" : "?";
}

static void wait_for_event(void *deadline)
{
    world_note(word_of(event_wait(&e, deadline == NULL ? WAIT_FOREVER : *(uint64_t *)deadline)));
}

static void test_automatic_wakes_one_each_time(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 40, wait_for_event, NULL);
    struct thread *b = world_thread("b", 40, wait_for_event, NULL);
    assert_string_equal(world_notes(), "");
    event_set(&e);
    assert_string_equal(world_notes(), "ok");
    assert_false(event_reset(&e)); /* the thread that continued has reset it */
    event_set(&e);
    world_join(a);
    world_join(b);
    event_set(&e);
    event_set(&e); /* an event is a flag and not a counter */
    assert_int_equal(event_wait(&e, 0), OK);
    assert_int_equal(event_wait(&e, 0), E_TIMEDOUT);
}

static void test_manual_wakes_all_until_reset(void **state)
{
    (void)state;
    event_init(&e, EVENT_MANUAL, "test event");
    struct thread *a = world_thread("a", 40, wait_for_event, NULL);
    struct thread *b = world_thread("b", 40, wait_for_event, NULL);
    event_set(&e);
    world_join(a);
    world_join(b);
    assert_int_equal(event_wait(&e, 0), OK);
    assert_int_equal(event_wait(&e, 0), OK);
    assert_true(event_reset(&e));
    assert_int_equal(event_wait(&e, clock_now_ns() + NS_PER_MS), E_TIMEDOUT);
    /* Reset at once: the threads that waited continue nevertheless. */
    a = world_thread("a", 20, wait_for_event, NULL);
    assert_int_equal(thread_sleep(NS_PER_MS), OK);
    event_set(&e);
    assert_true(event_reset(&e));
    world_join(a);
    assert_string_equal(world_notes(), "ok ok ok");
}

static void test_a_wait_for_an_event_ends(void **state)
{
    (void)state;
    uint64_t deadline = clock_now_ns() + NS_PER_MS;
    world_join(world_thread("late", 40, wait_for_event, &deadline));
    struct thread *a = world_thread("a", 40, wait_for_event, NULL);
    struct thread *b = world_thread("b", 40, wait_for_event, NULL);
    thread_cancel(a);
    world_join(a);
    event_set(&e); /* not lost on the thread that timed out */
    world_join(b);
    assert_string_equal(world_notes(), "late cancelled ok");
}

static void test_set_with_interrupts_masked(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 40, wait_for_event, NULL);
    irq_state_t s = hal_irq_save();
    event_set(&e);
    assert_string_equal(world_notes(), "");
    hal_irq_restore(s);
    preempt_check();
    assert_string_equal(world_notes(), "ok");
    world_join(a);
}

/* --- conditions --- */

static unsigned stock;

static void consume(void *deadline)
{
    enum status s = OK;
    mutex_lock(&m);
    while (stock == 0 && s == OK) {
        s = condition_wait(&c, &m, deadline == NULL ? WAIT_FOREVER : *(uint64_t *)deadline);
        assert_true(mutex_is_held(&m));
    }
    stock -= s == OK ? 1 : 0;
    mutex_unlock(&m);
    world_note(word_of(s));
}

static void produce(unsigned n)
{
    mutex_lock(&m);
    stock += n;
    if (n == 1) {
        condition_signal(&c);
    } else {
        condition_broadcast(&c);
    }
    mutex_unlock(&m);
}

static void test_changes_under_the_mutex_are_not_missed(void **state)
{
    (void)state;
    struct thread *t[4];
    for (int i = 0; i < 4; i++) {
        t[i] = world_thread("t", (uint8_t)(30 + i), consume, NULL);
    }
    assert_int_equal(thread_sleep(NS_PER_MS), OK);
    assert_string_equal(world_notes(), "");
    produce(1);
    assert_int_equal(thread_sleep(NS_PER_MS), OK);
    assert_string_equal(world_notes(), "ok");
    produce(3);
    for (int i = 0; i < 4; i++) {
        world_join(t[i]);
    }
    assert_int_equal(stock, 0);
}

static void test_a_wait_for_a_condition_ends_with_the_mutex(void **state)
{
    (void)state;
    uint64_t deadline = clock_now_ns() + NS_PER_MS;
    world_join(world_thread("late", 40, consume, &deadline));
    struct thread *a = world_thread("a", 40, consume, NULL);
    struct thread *b = world_thread("b", 40, consume, NULL);
    thread_cancel(a);
    world_join(a);
    produce(1);
    world_join(b);
    assert_string_equal(world_notes(), "late cancelled ok");
    assert_int_equal(stock, 0);
}

/* Another thread holds the mutex when the time is over: the waiter still waits for the mutex. */
static void test_the_mutex_is_locked_again_after_the_deadline(void **state)
{
    (void)state;
    uint64_t deadline = clock_now_ns() + NS_PER_MS;
    struct thread *a = world_thread("a", 40, consume, &deadline);
    mutex_lock(&m);
    assert_int_equal(thread_sleep(2 * NS_PER_MS), OK);
    assert_string_equal(world_notes(), "");
    stock = 1; /* too late */
    mutex_unlock(&m);
    world_join(a);
    assert_string_equal(world_notes(), "late");
    stock = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_automatic_wakes_one_each_time, reset),
        cmocka_unit_test_setup(test_manual_wakes_all_until_reset, reset),
        cmocka_unit_test_setup(test_a_wait_for_an_event_ends, reset),
        cmocka_unit_test_setup(test_set_with_interrupts_masked, reset),
        cmocka_unit_test_setup(test_changes_under_the_mutex_are_not_missed, reset),
        cmocka_unit_test_setup(test_a_wait_for_a_condition_ends_with_the_mutex, reset),
        cmocka_unit_test_setup(test_the_mutex_is_locked_again_after_the_deadline, reset),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
