// SPDX-License-Identifier: MIT
//
// The lock checker of debug builds, on deliberate mistakes: none of them deadlocks here, but the
// checker reports each. Release builds have no checker, so there is nothing to test.
#include "kernel/debug/report/lockcheck.h"
#include "tests/kernel/tests.h"

#ifdef HALYARD_DEBUG

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/lib/string.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"

static uint64_t log_begin; /* of the running test */

static void expect(enum lock_fault kind)
{
    struct log_record r;
    while (log_read(&log_begin, &r)) {
    }
    lockcheck_expect(kind);
}

/* True: a line that was logged since expect() contains the text. */
static bool log_has(const char *text)
{
    struct log_record r;
    uint64_t sequence = log_begin;
    while (log_read(&sequence, &r)) {
        if (str_contains(r.text, text)) {
            return true;
        }
    }
    return false;
}

/* Another CPU may be printing it. */
static void check_came(enum lock_fault kind)
{
    TEST_CHECK(!lockcheck_is_expected(kind));
    while (lockcheck_has_unprinted()) {
        thread_yield();
    }
}

/* --- an order that could deadlock --- */

static struct mutex first, second;

static NOINLINE void take_first_then_second(void)
{
    mutex_lock(&first);
    mutex_lock(&second);
    mutex_unlock(&second);
    mutex_unlock(&first);
}

static NOINLINE void take_second_then_first(void)
{
    mutex_lock(&second);
    mutex_lock(&first);
    mutex_unlock(&first);
    mutex_unlock(&second);
}

/* A single thread takes both orders in turn. Two threads could really deadlock. */
static void a_lock_inversion_is_named(void)
{
    mutex_init(&first, "seeded first");
    mutex_init(&second, "seeded second");
    take_first_then_second();
    expect(LOCK_ORDER);
    take_second_then_first();
    check_came(LOCK_ORDER);
    TEST_CHECK(log_has("takes mutex \"seeded first\" while it holds mutex \"seeded second\""));
    TEST_CHECK(log_has(" take_first_then_second+0x"));
    TEST_CHECK(log_has(" take_second_then_first+0x"));
    take_second_then_first(); /* said once */
}

static void take_both(struct spinlock *outer, struct spinlock *inner)
{
    spin_lock(outer);
    spin_lock(inner);
    spin_unlock(inner);
    spin_unlock(outer);
}

/* a before b before c, and then c before a: no two of them are ever taken in both orders. */
static void a_circle_of_three_is_named(void)
{
    static struct spinlock a = SPINLOCK_INIT_NAMED("seeded a");
    static struct spinlock b = SPINLOCK_INIT_NAMED("seeded b");
    static struct spinlock c = SPINLOCK_INIT_NAMED("seeded c");
    struct spinlock *const order[][2] = {{&a, &b}, {&b, &c}, {&c, &a}};
    for (unsigned i = 0; i < 3; i++) {
        if (i == 2) {
            expect(LOCK_ORDER);
        }
        take_both(order[i][0], order[i][1]);
    }
    check_came(LOCK_ORDER);
    TEST_CHECK(log_has("takes spinlock \"seeded a\" while it holds spinlock \"seeded c\""));
    TEST_CHECK(log_has("elsewhere spinlock \"seeded a\" was taken at"));
    TEST_CHECK(log_has("and under it spinlock \"seeded c\" at"));
}

/* Two locks of one class may be taken in ascending or in descending
 * address order, but not in both. */
static void two_of_a_class_have_one_order(void)
{
    static struct mutex two[2];
    mutex_init(&two[0], "seeded pair");
    mutex_init(&two[1], "seeded pair");
    for (unsigned i = 0; i < 2; i++) {
        if (i == 1) {
            expect(LOCK_ORDER);
        }
        mutex_lock(&two[i]);
        mutex_lock(&two[1 - i]);
        mutex_unlock(&two[1 - i]);
        mutex_unlock(&two[i]);
    }
    check_came(LOCK_ORDER);
    TEST_CHECK(log_has("the other way round, by address"));
}

/* --- interrupts --- */

static struct spinlock in_irq = SPINLOCK_INIT_NAMED("seeded in an interrupt");
static struct mutex slept_on;
static _Atomic bool has_fired;

static void take_in_interrupt(struct timer *timer)
{
    (void)timer;
    spin_lock_masked(&in_irq);
    spin_unlock_masked(&in_irq);
    atomic_store(&has_fired, true);
}

static void lock_mutex_in_interrupt(struct timer *timer)
{
    (void)timer;
    mutex_lock(&slept_on);
    mutex_unlock(&slept_on);
    atomic_store(&has_fired, true);
}

static void fire(void (*function)(struct timer *timer))
{
    struct timer timer = {.deadline_ns = clock_now_ns() + NS_PER_MS, .fire = function};
    atomic_store(&has_fired, false);
    timer_start(&timer);
    while (!atomic_load(&has_fired)) {
        hal_cpu_relax();
    }
    (void)timer_cancel(&timer);
}

static void a_missed_irq_save_is_named(void)
{
    fire(take_in_interrupt);
    expect(LOCK_IRQ);
    spin_lock(&in_irq);
    spin_unlock(&in_irq);
    check_came(LOCK_IRQ);
    TEST_CHECK(log_has("\"seeded in an interrupt\" is taken in an interrupt"));
    TEST_CHECK(log_has(" take_in_interrupt+0x"));
    TEST_CHECK(log_has(" a_missed_irq_save_is_named+0x"));
}

/* The lock that the handler takes is always taken with interrupts masked;
 * the lock nested in it is not. */
static void a_lock_that_an_interrupt_can_wait_for_is_named(void)
{
    static struct spinlock outer = SPINLOCK_INIT_NAMED("seeded in an interrupt, masked");
    static struct spinlock inner = SPINLOCK_INIT_NAMED("seeded under it");
    irq_state_t state = spin_lock_irq(&outer);
    spin_lock(&inner);
    spin_unlock(&inner);
    spin_unlock_irq(&outer, state);
    spin_lock(&inner);
    spin_unlock(&inner);
    expect(LOCK_IRQ);
    state = hal_irq_save();
    hal_this_cpu()->irq_depth++; /* as in a handler */
    spin_lock_masked(&outer);
    spin_unlock_masked(&outer);
    hal_this_cpu()->irq_depth--;
    hal_irq_restore(state);
    check_came(LOCK_IRQ);
    TEST_CHECK(log_has("\"seeded under it\" under it"));
}

/* --- sleeping --- */

static void sleeping_in_an_interrupt_is_named(void)
{
    mutex_init(&slept_on, "seeded sleep");
    expect(LOCK_SLEEP);
    fire(lock_mutex_in_interrupt);
    check_came(LOCK_SLEEP);
    TEST_CHECK(log_has("mutex_lock may sleep, in an interrupt"));
    TEST_CHECK(log_has(" lock_mutex_in_interrupt+0x"));
}

static void sleeping_with_a_spinlock_is_named(void)
{
    static struct spinlock held = SPINLOCK_INIT_NAMED("seeded spinlock");
    struct semaphore s;
    semaphore_init(&s, 1, "seeded semaphore");
    expect(LOCK_SLEEP);
    spin_lock(&held);
    TEST_EQUAL(semaphore_down(&s, WAIT_FOREVER), OK); /* it does not have to wait, but could */
    spin_unlock(&held);
    check_came(LOCK_SLEEP);
    TEST_CHECK(log_has("semaphore_down may sleep, with a spinlock held"));
    TEST_CHECK(log_has("spinlock \"seeded spinlock\" was taken at"));
}

static void sleeping_with_preemption_off_is_named(void)
{
    struct semaphore s;
    semaphore_init(&s, 1, "seeded semaphore");
    expect(LOCK_SLEEP);
    preempt_disable();
    TEST_EQUAL(semaphore_down(&s, WAIT_FOREVER), OK);
    preempt_enable();
    check_came(LOCK_SLEEP);
    TEST_CHECK(log_has("semaphore_down may sleep, with preemption off"));
}

const struct kernel_test lock_tests[] = {
    {"locks.a_lock_inversion_is_named", a_lock_inversion_is_named, TEST_ON_NOTHING},
    {"locks.a_circle_of_three_is_named", a_circle_of_three_is_named, TEST_ON_NOTHING},
    {"locks.two_of_a_class_have_one_order", two_of_a_class_have_one_order, TEST_ON_NOTHING},
    {"locks.a_missed_irq_save_is_named", a_missed_irq_save_is_named, TEST_ON_NOTHING},
    {"locks.a_lock_that_an_interrupt_can_wait_for_is_named",
     a_lock_that_an_interrupt_can_wait_for_is_named, TEST_ON_NOTHING},
    {"locks.sleeping_in_an_interrupt_is_named", sleeping_in_an_interrupt_is_named, TEST_ON_NOTHING},
    {"locks.sleeping_with_a_spinlock_is_named", sleeping_with_a_spinlock_is_named, TEST_ON_NOTHING},
    {"locks.sleeping_with_preemption_off_is_named", sleeping_with_preemption_off_is_named,
     TEST_ON_NOTHING},
    {0},
};

#else

const struct kernel_test lock_tests[] = {{0}};

#endif
