// SPDX-License-Identifier: MIT
//
// Which threads are reported for keeping others from running, in fake time.
#include "kernel/sched/watchdog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/sched/mutex.h"

#define LIMIT_NS (10 * NS_PER_S)

static uint64_t before;

static int begin(void **state)
{
    (void)state;
    before = watchdog_reports();
    watchdog_start(LIMIT_NS);
    return 0;
}

static void spend(uint64_t ns)
{
    world_spend(ns, WORLD_KERNEL_PC);
}

static uint64_t reports(void)
{
    return watchdog_reports() - before;
}

static void hog(void *arg)
{
    spend(*(uint64_t *)arg);
}

/* At PRIO_HIGH, while this thread is ready with a lower priority. */
static uint64_t reports_of_a_turn_of(uint64_t ns)
{
    (void)world_join(world_thread("hog", PRIO_HIGH, hog, &ns));
    return reports();
}

static void test_a_long_time_slice_is_reported(void **state)
{
    (void)state;
    assert_int_equal(reports_of_a_turn_of(13 * NS_PER_S), 1);
    assert_non_null(strstr(fake_console_text(), "watchdog: cpu 0: thread "));
    assert_non_null(strstr(fake_console_text(), "\"hog\" has run for 10.00"));
    assert_non_null(strstr(fake_console_text(), "; a thread of priority 32 waits, its own is 48"));
}

static void test_reports_become_rarer(void **state)
{
    (void)state;
    assert_int_equal(reports_of_a_turn_of(100 * NS_PER_S), 4); /* 10, 20, 40, 80 s */
}

static void test_a_shorter_time_slice_is_not_reported(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(reports_of_a_turn_of(9 * NS_PER_S), 0);
    }
}

static void test_a_lone_thread_is_not_reported(void **state)
{
    (void)state;
    spend(100 * NS_PER_S); /* no other thread is ready */
    assert_int_equal(reports(), 0);
}

static void test_equal_threads_alternate(void **state)
{
    (void)state;
    uint64_t ns = 30 * NS_PER_S;
    struct thread *t = world_thread("equal", PRIO_NORMAL, hog, &ns);
    spend(30 * NS_PER_S);
    (void)world_join(t);
    assert_int_equal(reports(), 0);
}

static void hog_with_preemption_off(void *arg)
{
    (void)arg;
    preempt_disable();
    spend(13 * NS_PER_S);
    preempt_enable();
}

static void test_preemption_off_delays_equal_threads(void **state)
{
    (void)state;
    (void)world_join(world_thread("off", PRIO_NORMAL, hog_with_preemption_off, NULL));
    /* it ran while this thread waited for it, and no other was ready */
    assert_int_equal(reports(), 0);
    struct thread *t = world_thread("off", PRIO_NORMAL, hog_with_preemption_off, NULL);
    thread_yield();
    (void)world_join(t);
    assert_int_equal(reports(), 1);
    assert_non_null(strstr(fake_console_text(), "s with preemption off; a thread of priority 32"));
}

static void test_randomization_is_off(void **state)
{
    (void)state;
    watchdog_start(0);
    assert_int_equal(reports_of_a_turn_of(100 * NS_PER_S), 0);
    unsigned interrupts = world_timer_interrupts;
    assert_int_equal(thread_sleep(1000 * NS_PER_S), OK);
    assert_true(world_timer_interrupts - interrupts <= 2);
}

/* ---- mutexes: this thread holds one while it sleeps ---- */

static struct mutex stuck = MUTEX_INIT(stuck, "stuck");

static void want(void *arg)
{
    (void)arg;
    mutex_lock(&stuck);
    mutex_unlock(&stuck);
}

static unsigned count(const char *text)
{
    unsigned n = 0;
    for (const char *at = fake_console_text(); (at = strstr(at, text)) != NULL; at++) {
        n++;
    }
    return n;
}

static void test_a_long_mutex_wait_is_reported_once(void **state)
{
    (void)state;
    mutex_lock(&stuck);
    struct thread *first = world_thread("first", PRIO_HIGH, want, NULL);
    assert_int_equal(thread_sleep(4 * NS_PER_S), OK);
    struct thread *second = world_thread("second", PRIO_HIGH, want, NULL);
    assert_int_equal(thread_sleep(5 * NS_PER_S), OK);
    assert_int_equal(reports(), 0);
    assert_int_equal(thread_sleep(4 * NS_PER_S), OK); /* 13 s, 9 s */
    assert_int_equal(reports(), 1);
    assert_int_equal(count("\"first\" has waited for 1"), 1);
    assert_int_equal(thread_sleep(87 * NS_PER_S), OK);
    assert_int_equal(reports(), 2);
    assert_int_equal(count("\"second\" has waited for 1"), 1);
    assert_int_equal(count("s for mutex \"stuck\"; thread 1 \"main\" holds it, blocked on cpu 0"),
                     2);
    mutex_unlock(&stuck);
    (void)world_join(first);
    (void)world_join(second);
}

static void test_a_waiter_that_got_the_mutex_is_not_reported(void **state)
{
    (void)state;
    mutex_lock(&stuck);
    struct thread *t = world_thread("waits", PRIO_HIGH, want, NULL);
    assert_int_equal(thread_sleep(9 * NS_PER_S), OK);
    mutex_unlock(&stuck); /* it runs now */
    mutex_lock(&stuck);
    struct thread *u = world_thread("waits", PRIO_HIGH, want, NULL);
    assert_int_equal(thread_sleep(9 * NS_PER_S), OK);
    assert_int_equal(reports(), 0);
    mutex_unlock(&stuck);
    (void)world_join(t);
    (void)world_join(u);
    assert_int_equal(thread_sleep(100 * NS_PER_S), OK);
    assert_int_equal(reports(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_long_time_slice_is_reported, begin),
        cmocka_unit_test_setup(test_reports_become_rarer, begin),
        cmocka_unit_test_setup(test_a_shorter_time_slice_is_not_reported, begin),
        cmocka_unit_test_setup(test_a_lone_thread_is_not_reported, begin),
        cmocka_unit_test_setup(test_equal_threads_alternate, begin),
        cmocka_unit_test_setup(test_preemption_off_delays_equal_threads, begin),
        cmocka_unit_test_setup(test_randomization_is_off, begin),
        cmocka_unit_test_setup(test_a_long_mutex_wait_is_reported_once, begin),
        cmocka_unit_test_setup(test_a_waiter_that_got_the_mutex_is_not_reported, begin),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
