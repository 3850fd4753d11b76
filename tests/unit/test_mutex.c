// SPDX-License-Identifier: MIT
//
// Mutex: exclusion, no forgotten waiter, and which calls are allowed.

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
        thread_yield(); /* main has inherited their priority */
    }
    assert_string_equal(world_notes(), "");
    mutex_unlock(&m);
    for (int i = 0; i < 3; i++) {
        world_join(t[i]);
    }
    assert_string_equal(world_notes(), "a b c");
    assert_false(mutex_is_held(&m));
}

/* Main takes the free mutex again before the woken waiter has run: the
 * next waiters must not be lost. */
static void test_a_stolen_mutex_strands_no_waiter(void **state)
{
    (void)state;
    struct thread *a, *b;
    mutex_lock(&m);
    a = world_thread("a", 10, lock_and_note, "a");
    b = world_thread("b", 10, lock_and_note, "b");
    assert_int_equal(thread_sleep(NS_PER_MS), OK); /* both wait */
    for (int i = 0; i < 5; i++) {
        mutex_unlock(&m);
        mutex_lock(&m); /* the waiters' priority is not higher: they have not run */
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

/* --- priority inheritance --- */

static struct mutex second;

static void hold_and_note(void *name)
{
    mutex_lock(&m);
    world_note("low-has-it");
    thread_yield(); /* main continues, which makes the others ready */
    world_note(name);
    mutex_unlock(&m);
    world_note("low-again");
}

static void just_note(void *name)
{
    world_note(name);
}

/* Disables inheritance: no thread's priority is raised for a waiter. */
static bool inherits_nothing;
void __real_sched_apply_priority(struct thread *t, uint8_t priority);
void __wrap_sched_apply_priority(struct thread *t, uint8_t priority);

void __wrap_sched_apply_priority(struct thread *t, uint8_t priority)
{
    if (!inherits_nothing) {
        __real_sched_apply_priority(t, priority);
    }
}

/* Low holds the mutex that high waits for, and middle wants the CPU. The
 * expected order of their notes. */
static void low_middle_high(const char *until_high_ends, const char *all)
{
    uint8_t before = thread_current()->base_priority;
    struct thread *low = world_thread("low", 20, hold_and_note, "low");
    thread_set_priority(thread_current(), 20);
    thread_yield();
    assert_string_equal(world_notes(), "low-has-it");
    thread_set_priority(thread_current(), before);
    thread_set_priority(low, 10);
    thread_set_priority(thread_current(), 50);
    struct thread *middle = world_thread("middle", 30, just_note, "middle");
    struct thread *high = world_thread("high", 40, lock_and_note, "high");
    inherits_nothing = strstr(until_high_ends, "middle") != NULL;
    world_join(high);
    assert_string_equal(world_notes(), until_high_ends);
    world_join(low);
    world_join(middle);
    assert_string_equal(world_notes(), all);
    inherits_nothing = false;
    thread_set_priority(thread_current(), before);
    assert_int_equal(thread_current()->priority, before);
}

static void test_no_priority_is_inverted(void **state)
{
    (void)state;
    low_middle_high("low-has-it low high", "low-has-it low high middle low-again");
}

/* What the test before prevents: middle runs first, and high waits for it. */
static void test_without_inheritance_priority_is_inverted(void **state)
{
    (void)state;
    low_middle_high("low-has-it middle low high", "low-has-it middle low high low-again");
}

static void lock_second_then_first(void *name)
{
    mutex_lock(&second);
    mutex_lock(&m);
    world_note(name);
    mutex_unlock(&m);
    mutex_unlock(&second);
}

static void lock_second(void *name)
{
    mutex_lock(&second);
    world_note(name);
    mutex_unlock(&second);
}

/* High waits for middle, which waits for main: main inherits from high, and loses the priority with
 * the mutex that it holds, not with another. */
static void test_inheritance_goes_along_a_chain(void **state)
{
    (void)state;
    struct mutex other;
    uint8_t before = thread_current()->base_priority;
    mutex_init(&second, "second");
    mutex_init(&other, "other");
    mutex_lock(&m);
    mutex_lock(&other);
    struct thread *middle = world_thread("middle", 40, lock_second_then_first, "middle");
    assert_int_equal(thread_current()->priority, 40);
    struct thread *high = world_thread("high", 50, lock_second, "high");
    assert_int_equal(middle->priority, 50);
    assert_int_equal(thread_current()->priority, 50);
    mutex_unlock(&other);
    assert_int_equal(thread_current()->priority, 50);
    thread_set_priority(high, 55);
    assert_int_equal(thread_current()->priority, 55);
    mutex_unlock(&m);
    assert_int_equal(thread_current()->priority, before);
    assert_string_equal(world_notes(), "middle high");
    assert_int_equal(middle->base_priority, 40);
    world_join(middle);
    world_join(high);
}

/* Middle is woken for the mutex, and main takes it once more before middle has run. A thread that
 * now waits for middle raises middle's priority, but not main's, because middle does not wait for
 * main. Main then releases the mutex without checking for inherited priorities. */
static void test_a_woken_waiter_passes_no_priority_on(void **state)
{
    (void)state;
    uint8_t before = thread_current()->base_priority;
    mutex_init(&second, "second");
    mutex_lock(&m);
    struct thread *middle = world_thread("middle", 40, lock_second_then_first, "middle");
    struct thread *high = world_thread("high", 45, lock_second, "high");
    preempt_disable();
    mutex_unlock(&m);
    mutex_lock(&m);
    thread_set_priority(high, 50);
    assert_int_equal(middle->priority, 50);
    mutex_unlock(&m);
    assert_true(list_is_empty(&thread_current()->inherits));
    assert_int_equal(thread_current()->priority, before);
    preempt_enable();
    assert_string_equal(world_notes(), "middle high");
    world_join(middle);
    world_join(high);
}

static void test_the_waiter_of_highest_priority_is_woken_first(void **state)
{
    (void)state;
    mutex_lock(&m);
    struct thread *a = world_thread("a", 40, lock_and_note, "a");
    struct thread *b = world_thread("b", 45, lock_and_note, "b");
    struct thread *c = world_thread("c", 45, lock_and_note, "c");
    thread_yield(); /* main has inherited b's priority */
    mutex_unlock(&m);
    world_join(a);
    world_join(b);
    world_join(c);
    assert_string_equal(world_notes(), "b c a");
    assert_int_equal(m.inherited, PRIO_IDLE);
    assert_true(list_is_empty(&thread_current()->inherits));
}

/* --- until a deadline --- */

static void lock_until(void *deadline)
{
    enum status why = OK;
    if (mutex_lock_until(&m, deadline == NULL ? WAIT_FOREVER : *(uint64_t *)deadline, &why)) {
        world_note("got");
        mutex_unlock(&m);
    } else {
        world_note(why == E_TIMEDOUT ? "late" : why == E_CANCELLED ? "cancelled" : "?");
    }
    assert_int_equal(thread_current()->locks_held, 0);
}

static void test_a_deadline_and_cancellation_end_a_wait(void **state)
{
    (void)state;
    uint8_t before = thread_current()->priority;
    uint64_t deadline = clock_now_ns() + NS_PER_MS;
    mutex_lock(&m);
    struct thread *late = world_thread("late", 40, lock_until, &deadline);
    struct thread *cancelled = world_thread("cancelled", 50, lock_until, NULL);
    struct thread *sure = world_thread("sure", 35, lock_and_note, "sure");
    assert_int_equal(thread_current()->priority, 50);
    thread_cancel(cancelled);
    world_join(cancelled);
    /* the priority that it passed on is gone with it */
    assert_int_equal(thread_current()->priority, 40);
    world_join(late);
    assert_int_equal(thread_current()->priority, 35);
    mutex_unlock(&m);
    assert_int_equal(thread_current()->priority, before);
    world_join(sure);
    assert_string_equal(world_notes(), "cancelled late sure");
    lock_until(&deadline); /* free: it does not wait */
    assert_string_equal(world_notes(), "cancelled late sure got");
}

/* The waiter's time is over when it is woken, or just before: the next
 * waiter must not be forgotten. */
static void test_a_wake_is_not_lost_on_a_late_waiter(void **state)
{
    (void)state;
    uint64_t deadline = clock_now_ns() + NS_PER_MS;
    mutex_lock(&m);
    struct thread *late = world_thread("late", 20, lock_until, &deadline);
    struct thread *sure = world_thread("sure", 10, lock_and_note, "sure");
    assert_int_equal(thread_sleep(NS_PER_MS / 2), OK); /* both wait */
    world_spend(NS_PER_MS, WORLD_KERNEL_PC);           /* late is ready, and still in the queue */
    mutex_unlock(&m);
    world_join(late);
    world_join(sure);
    assert_non_null(strstr(world_notes(), "sure"));
    assert_false(mutex_is_held(&m));
}

/* --- a holder that runs on another CPU --- */

static struct hal_cpu other_cpu;
static struct thread other_thread;
static cpu_t cpu_count;
static unsigned looks;

cpu_t __real_cpus_count(void);
struct hal_cpu *__real_cpus_at(cpu_t id);
cpu_t __wrap_cpus_count(void);
struct hal_cpu *__wrap_cpus_at(cpu_t id);

cpu_t __wrap_cpus_count(void)
{
    return cpu_count != 0 ? cpu_count : __real_cpus_count();
}

struct hal_cpu *__wrap_cpus_at(cpu_t id)
{
    return id == 1 ? &other_cpu : __real_cpus_at(id);
}

static void unlocks_elsewhere(void)
{
    cpu_count = 0; /* a thread that sleeps would balance across cpu_count */
    if (++looks == 5) {
        atomic_store(&m.owner, NULL);
    }
}

static void sleeps_elsewhere(void)
{
    cpu_count = 0; /* a thread that sleeps would balance across cpu_count */
    if (++looks == 5) {
        other_cpu.current = NULL;
    }
}

static void something_is_due(void)
{
    cpu_count = 0; /* a thread that sleeps would balance across cpu_count */
    if (++looks == 5) {
        fake_cpu.need_resched = true;
    }
}

static void goes_on_elsewhere(void)
{
    cpu_count = 0;
    looks++;
}

/* Lock the mutex while the other CPU's thread holds it. */
static bool lock_while(void (*relaxes)(void))
{
    other_thread = (struct thread){.priority = PRIO_COUNT - 1, .base_priority = PRIO_COUNT - 1};
    list_init(&other_thread.inherits);
    other_cpu = (struct hal_cpu){.id = 1, .current = &other_thread};
    cpu_count = 2;
    looks = 0;
    atomic_store(&m.owner, &other_thread);
    fake_on_relax = relaxes;
    bool taken = mutex_lock_until(&m, clock_now_ns() + NS_PER_MS, NULL);
    fake_on_relax = NULL;
    cpu_count = 0;
    return taken;
}

static void test_a_running_holder_is_spun_on(void **state) NO_LOCK_ANALYSIS
{
    (void)state;
    uint64_t switches = thread_current()->switches;
    assert_true(lock_while(unlocks_elsewhere));
    assert_int_equal(looks, 5);
    assert_int_equal(thread_current()->switches, switches); /* it did not sleep */
    mutex_unlock(&m);
}

static void test_a_sleeping_holder_is_not_spun_on(void **state) NO_LOCK_ANALYSIS
{
    (void)state;
    assert_false(lock_while(sleeps_elsewhere)); /* the holder never releases it */
    assert_int_equal(looks, 5);
}

static void test_the_spin_is_limited(void **state) NO_LOCK_ANALYSIS
{
    (void)state;
    assert_false(lock_while(goes_on_elsewhere));
    assert_in_range(looks, 100, 10000);
}

static void test_the_spin_ends_if_another_thread_is_due(void **state) NO_LOCK_ANALYSIS
{
    (void)state;
    assert_false(lock_while(something_is_due));
    assert_int_equal(looks, 5);
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
        cmocka_unit_test_setup(test_a_stolen_mutex_strands_no_waiter, reset),
        cmocka_unit_test_setup(test_a_cancelled_thread_still_locks, reset),
        cmocka_unit_test_setup(test_one_at_a_time, reset),
        cmocka_unit_test_setup(test_no_priority_is_inverted, reset),
        cmocka_unit_test_setup(test_without_inheritance_priority_is_inverted, reset),
        cmocka_unit_test_setup(test_a_woken_waiter_passes_no_priority_on, reset),
        cmocka_unit_test_setup(test_inheritance_goes_along_a_chain, reset),
        cmocka_unit_test_setup(test_the_waiter_of_highest_priority_is_woken_first, reset),
        cmocka_unit_test_setup(test_a_deadline_and_cancellation_end_a_wait, reset),
        cmocka_unit_test_setup(test_a_wake_is_not_lost_on_a_late_waiter, reset),
        cmocka_unit_test_setup(test_a_running_holder_is_spun_on, reset),
        cmocka_unit_test_setup(test_a_sleeping_holder_is_not_spun_on, reset),
        cmocka_unit_test_setup(test_the_spin_is_limited, reset),
        cmocka_unit_test_setup(test_the_spin_ends_if_another_thread_is_due, reset),
        cmocka_unit_test_setup(test_locking_twice_is_a_panic,
                               reset), /* last: no other test runs after it */
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
