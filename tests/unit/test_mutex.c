// SPDX-License-Identifier: MIT
//
// Mutex: exclusion, no waiter forgotten, and who may do what.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/clock.h"
#include "kernel/sched/mutex.h"

static struct mutex m;

static int reset(void **state)
{
    (void)state;
    mutex_init(&m, "test");
    world_forget_notes();
    return 0;
}

static void test_lock_and_unlock(void **state)
{
    (void)state;
    assert_false(mutex_is_held(&m));
    mutex_lock(&m);
    assert_true(mutex_is_held(&m));
    assert_int_equal(thread_current()->locks_held, 1);
    mutex_unlock(&m);
    assert_false(mutex_is_held(&m));
    assert_int_equal(thread_current()->locks_held, 0);
    if (!mutex_try_lock(&m)) {
        fail();
    } else {
        mutex_unlock(&m);
    }
}

static void try_it(void *arg)
{
    (void)arg;
    if (mutex_try_lock(&m)) {
        world_note("got");
        mutex_unlock(&m);
    } else {
        world_note("refused");
    }
    assert_false(mutex_is_held(&m)); /* by this thread */
}

static void test_try_lock_does_not_wait(void **state)
{
    (void)state;
    mutex_lock(&m);
    world_join(world_thread("t", 40, try_it, NULL));
    mutex_unlock(&m);
    world_join(world_thread("t", 40, try_it, NULL));
    assert_string_equal(world_notes(), "refused got");
}

static void lock_and_note(void *name)
{
    mutex_lock(&m);
    world_note(name);
    mutex_unlock(&m);
}

static void test_waiters_get_it_in_order(void **state)
{
    (void)state;
    struct thread *t[3];
    static const char *const names[] = {"a", "b", "c"};
    mutex_lock(&m);
    for (int i = 0; i < 3; i++) {
        t[i] = world_thread(names[i], 40, lock_and_note, (void *)(uintptr_t)names[i]);
    }
    assert_string_equal(world_notes(), "");
    mutex_unlock(&m);
    for (int i = 0; i < 3; i++) {
        world_join(t[i]);
    }
    assert_string_equal(world_notes(), "a b c");
    assert_null(atomic_load(&m.owner));
}

/* Main takes the free mutex again before the woken waiter has run: the waiters behind it must not
 * be lost. */
static void test_a_thief_strands_nobody(void **state)
{
    (void)state;
    struct thread *a, *b;
    mutex_lock(&m);
    a = world_thread("a", 10, lock_and_note, "a");
    b = world_thread("b", 10, lock_and_note, "b");
    assert_int_equal(thread_sleep(NS_PER_MS), OK); /* both wait */
    for (int i = 0; i < 5; i++) {
        mutex_unlock(&m);
        mutex_lock(&m); /* the waiters are not better: they have not run */
    }
    assert_string_equal(world_notes(), "");
    mutex_unlock(&m);
    world_join(a);
    world_join(b);
    assert_string_equal(world_notes(), "a b");
}

static void test_a_cancelled_thread_still_locks(void **state)
{
    (void)state;
    mutex_lock(&m);
    struct thread *a = world_thread("a", 40, lock_and_note, "a");
    thread_cancel(a);
    assert_string_equal(world_notes(), "");
    mutex_unlock(&m);
    assert_string_equal(world_notes(), "a");
    world_join(a);
}

static unsigned inside, most, total;

static void work_inside(void *arg)
{
    for (unsigned i = 0; i < 50; i++) {
        mutex_lock(&m);
        inside++;
        most = inside > most ? inside : most;
        total++;
        if (i % 3 == (uintptr_t)arg % 3) {
            thread_yield();
        }
        inside--;
        mutex_unlock(&m);
        if (i % 4 == (uintptr_t)arg % 4) {
            thread_yield();
        }
    }
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    struct thread *t[6];
    inside = most = total = 0;
    for (uintptr_t i = 0; i < 6; i++) {
        t[i] = world_thread("t", (uint8_t)(30 + i % 3), work_inside, (void *)i);
    }
    for (int i = 0; i < 6; i++) {
        world_join(t[i]);
    }
    assert_int_equal(most, 1);
    assert_int_equal(total, 300);
}

static void test_locking_twice_is_a_panic(void **state) NO_LOCK_ANALYSIS
{
    (void)state;
    mutex_lock(&m);
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        mutex_lock(&m);
        fail();
    }
    assert_non_null(strstr(fake_console_text(), "PANIC:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lock_and_unlock, reset),
        cmocka_unit_test_setup(test_try_lock_does_not_wait, reset),
        cmocka_unit_test_setup(test_waiters_get_it_in_order, reset),
        cmocka_unit_test_setup(test_a_thief_strands_nobody, reset),
        cmocka_unit_test_setup(test_a_cancelled_thread_still_locks, reset),
        cmocka_unit_test_setup(test_one_at_a_time, reset),
        cmocka_unit_test_setup(test_locking_twice_is_a_panic,
                               reset), /* last: nothing runs after it */
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
