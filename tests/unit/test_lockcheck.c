// SPDX-License-Identifier: MIT
//
// The lock checker on the fake machine: what it reports, what it accepts, and the
// mistakes that end in a panic.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/base/log.h"
#include "kernel/debug/report/lockcheck.h"
#include "kernel/sched/mutex.h"

static uint32_t before; /* number of reports before the running test */

static int set_up(void **state)
{
    (void)state;
    before = lockcheck_reports();
    return 0;
}

static unsigned news(void)
{
    return lockcheck_reports() - before;
}

/* Searches the whole log: each test uses names of its own. */
static bool log_has(const char *text)
{
    struct log_record r;
    uint64_t sequence = 0;
    while (log_read(&sequence, &r)) {
        if (strstr(r.text, text) != NULL) {
            return true;
        }
    }
    return false;
}

static void take_both(struct mutex *outer, struct mutex *inner)
{
    mutex_lock(outer);
    mutex_lock(inner);
    mutex_unlock(inner);
    mutex_unlock(outer);
}

static void test_an_inversion_is_reported_before_it_blocks(void **state)
{
    struct mutex a, b;
    (void)state;
    mutex_init(&a, "inverted a");
    mutex_init(&b, "inverted b");
    take_both(&a, &b);
    take_both(&a, &b);
    assert_int_equal(news(), 0);
    take_both(&b, &a);
    assert_int_equal(news(), 1);
    assert_true(log_has("takes mutex \"inverted a\" while it holds mutex \"inverted b\""));
    take_both(&b, &a);
    assert_int_equal(news(), 1); /* said once */
}

/* The order is between classes: other locks with the same names show the inversion as well. */
static void test_classes_have_an_order_not_locks(void **state)
{
    struct mutex a[2], b[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        mutex_init(&a[i], "class a");
        mutex_init(&b[i], "class b");
    }
    take_both(&a[0], &b[0]);
    take_both(&b[1], &a[1]);
    assert_int_equal(news(), 1);
}

static void test_a_circle_of_many_is_named(void **state)
{
    struct mutex m[9];
    static const char *const names[] = {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"};
    (void)state;
    for (int i = 0; i < 9; i++) {
        mutex_init(&m[i], names[i]);
    }
    for (int i = 0; i < 8; i++) {
        take_both(&m[i], &m[i + 1]);
    }
    assert_int_equal(news(), 0);
    take_both(&m[8], &m[0]);
    assert_int_equal(news(), 1);
}

static void test_a_try_lock_has_no_order(void **state)
{
    struct mutex a, b;
    (void)state;
    mutex_init(&a, "tried a");
    mutex_init(&b, "tried b");
    take_both(&a, &b);
    mutex_lock(&b);
    if (!mutex_try_lock(&a)) {
        fail();
    } else {
        mutex_unlock(&a);
    }
    mutex_unlock(&b);
    assert_int_equal(news(), 0);
}

/* A profiler tries a lock that may be taken: that itself implies no order,
 * but locks taken under it do. */
static void test_a_tried_spinlock_has_no_order(void **state)
{
    struct spinlock a = SPINLOCK_INIT_NAMED("tried spin a");
    struct spinlock b = SPINLOCK_INIT_NAMED("tried spin b");
    (void)state;
    irq_state_t s = hal_irq_save();
    spin_lock_masked(&a);
    spin_lock_masked(&b);
    spin_unlock_masked(&b);
    spin_unlock_masked(&a);
    spin_lock_masked(&b);
    if (spin_try_lock_masked(&a)) {
        spin_unlock_masked(&a);
    }
    spin_unlock_masked(&b);
    assert_int_equal(news(), 0);
    if (spin_try_lock_masked(&b)) {
        assert_int_not_equal(lockcheck_turn(0), 0);
        spin_lock_masked(&a);
        spin_unlock_masked(&a);
        spin_unlock_masked(&b);
    }
    hal_irq_restore(s);
    assert_int_equal(lockcheck_turn(0), 0);
    assert_int_equal(news(), 1);
}

static void test_released_in_any_order(void **state) NO_LOCK_ANALYSIS
{
    struct spinlock a = SPINLOCK_INIT, b = SPINLOCK_INIT, c = SPINLOCK_INIT;
    (void)state;
    for (int i = 0; i < 3; i++) {
        spin_lock(&a);
        spin_lock(&b);
        spin_unlock(&a);
        spin_lock(&c);
        spin_unlock(&b);
        spin_unlock(&c);
    }
    assert_int_equal(news(), 0);
    assert_int_equal(lockcheck_turn(0), 0);
}

static struct spinlock from_irq = SPINLOCK_INIT_NAMED("from an interrupt");

static void in_interrupt(struct spinlock *lock)
{
    irq_state_t s = hal_irq_save();
    hal_this_cpu()->irq_depth++;
    spin_lock_masked(lock);
    spin_unlock_masked(lock);
    hal_this_cpu()->irq_depth--;
    hal_irq_restore(s);
}

static void test_a_missed_irq_save_is_named(void **state)
{
    (void)state;
    spin_unlock_irq(&from_irq, spin_lock_irq(&from_irq));
    in_interrupt(&from_irq);
    assert_int_equal(news(), 0);
    spin_lock(&from_irq);
    spin_unlock(&from_irq);
    assert_int_equal(news(), 1);
    assert_true(log_has("\"from an interrupt\" is taken in an interrupt"));
}

static void test_a_lock_without_a_name_is_a_mistake(void **state)
{
    struct spinlock zeroed;
    (void)state;
    memset(&zeroed, 0, sizeof zeroed);
    spin_lock(&zeroed);
    spin_unlock(&zeroed);
    assert_int_equal(news(), 1);
    assert_true(log_has("a lock that was never initialised"));
}

static void test_a_call_that_may_sleep_is_reported_even_if_it_does_not(void **state)
{
    struct spinlock lock = SPINLOCK_INIT_NAMED("held over a semaphore");
    struct semaphore s;
    (void)state;
    semaphore_init(&s, 1, "free");
    spin_lock(&lock);
    assert_int_equal(semaphore_down(&s, WAIT_FOREVER), OK);
    spin_unlock(&lock);
    assert_int_equal(news(), 1);
    assert_true(log_has("semaphore_down may sleep, with a spinlock held"));
    assert_true(log_has("spinlock \"held over a semaphore\" was taken at"));
}

static void test_expected_reports_are_not_counted(void **state)
{
    struct mutex a, b;
    (void)state;
    mutex_init(&a, "expected a");
    mutex_init(&b, "expected b");
    take_both(&a, &b);
    lockcheck_expect(LOCK_ORDER);
    take_both(&b, &a);
    assert_false(lockcheck_is_expected(LOCK_ORDER));
    assert_int_equal(news(), 0);
    assert_true(log_has("takes mutex \"expected a\" while it holds"));
}

static void test_more_locks_than_fit(void **state) NO_LOCK_ANALYSIS
{
    struct mutex m[LOCKS_HELD_MAX + 1];
    (void)state;
    for (unsigned i = 0; i < LOCKS_HELD_MAX + 1; i++) {
        mutex_init(&m[i], "many");
        mutex_lock(&m[i]);
    }
    assert_int_equal(news(), 1);
    for (unsigned i = 0; i < LOCKS_HELD_MAX + 1; i++) {
        mutex_unlock(&m[i]);
    }
    assert_int_equal(thread_current()->mutexes.count, 0);
}

/* --- mistakes that end in a panic; each is the last test of its process --- */

static void test_a_thread_that_ends_with_a_mutex_is_a_panic(void **state) NO_LOCK_ANALYSIS
{
    static struct mutex m;
    (void)state;
    mutex_init(&m, "kept for ever");
    mutex_lock(&m);
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        thread_exit(0);
    }
    assert_non_null(strstr(fake_console_text(), " ends and holds mutex \"kept for ever\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_an_inversion_is_reported_before_it_blocks, set_up),
        cmocka_unit_test_setup(test_classes_have_an_order_not_locks, set_up),
        cmocka_unit_test_setup(test_a_circle_of_many_is_named, set_up),
        cmocka_unit_test_setup(test_a_try_lock_has_no_order, set_up),
        cmocka_unit_test_setup(test_a_tried_spinlock_has_no_order, set_up),
        cmocka_unit_test_setup(test_released_in_any_order, set_up),
        cmocka_unit_test_setup(test_a_missed_irq_save_is_named, set_up),
        cmocka_unit_test_setup(test_a_lock_without_a_name_is_a_mistake, set_up),
        cmocka_unit_test_setup(test_a_call_that_may_sleep_is_reported_even_if_it_does_not, set_up),
        cmocka_unit_test_setup(test_expected_reports_are_not_counted, set_up),
        cmocka_unit_test_setup(test_more_locks_than_fit, set_up),
        cmocka_unit_test_setup(test_a_thread_that_ends_with_a_mutex_is_a_panic, set_up),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
