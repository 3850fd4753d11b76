// SPDX-License-Identifier: MIT
//
// Preemption points: a wake-up protocol that is wrong on purpose loses a wake-up in a window of a
// few instructions, and a seed finds that, again and again; the same protocol done right loses
// none.
#include "kernel/debug/preempt_points.h"
#include "tests/kernel/tests.h"

#ifdef HALYARD_DEBUG

#include "kernel/io/console.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"

#define ROUNDS     400u
#define ROUNDS_MAX 8000u /* until a mistake is found; some dozens do, as a rule */
#define SEEDS      20u
#define AGAIN      3u

/* Field protection:  [q] queue.lock */
struct signal {
    struct wait_queue queue;
    _Atomic bool is_set;  /* release and acquire: but for the mistake [q] */
    _Atomic bool is_near; /* relaxed: the waiter is about to look */
    bool is_wrong;        /* looked at before the lock is taken */
    bool is_over;         /* [q] the waiter has seen it */
};

static void wait_for(struct signal *s)
{
    irq_state_t state;
    if (s->is_wrong) {
        if (!atomic_load_explicit(&s->is_set, memory_order_acquire)) {
            state = spin_lock_irq(&s->queue.lock);
            TEST_EQUAL(wait_on_locked(&s->queue, &state, WAIT_FOREVER), OK);
            spin_unlock_irq(&s->queue.lock, state);
        }
    } else {
        state = spin_lock_irq(&s->queue.lock);
        while (!atomic_load_explicit(&s->is_set, memory_order_acquire)) {
            TEST_EQUAL(wait_on_locked(&s->queue, &state, WAIT_FOREVER), OK);
        }
        spin_unlock_irq(&s->queue.lock, state);
    }
}

static void waiter(void *arg)
{
    struct signal *s = arg;
    atomic_store_explicit(&s->is_near, true, memory_order_relaxed);
    wait_for(s);
    irq_state_t state = spin_lock_irq(&s->queue.lock);
    s->is_over = true;
    spin_unlock_irq(&s->queue.lock, state);
}

static void set(struct signal *s)
{
    if (s->is_wrong) {
        atomic_store_explicit(&s->is_set, true, memory_order_release);
    }
    irq_state_t state = spin_lock_irq(&s->queue.lock);
    atomic_store_explicit(&s->is_set, true, memory_order_release);
    (void)wait_wake_one_locked(&s->queue);
    spin_unlock_irq(&s->queue.lock, state);
}

/** The only one who wakes has done so. @return true: the waiter sleeps all the same. It is woken
 * then. */
static bool is_lost(struct signal *s)
{
    for (;;) {
        irq_state_t state = spin_lock_irq(&s->queue.lock);
        bool is_over = s->is_over, sleeps = wait_wake_one_locked(&s->queue);
        spin_unlock_irq(&s->queue.lock, state);
        if (is_over || sleeps) {
            return sleeps;
        }
        thread_yield();
    }
}

/* In turns on this CPU, where the end of a slice loses it, and on one that has time, where a spin
 * does: how often that is, depends on when the host lets that one run. */
static bool loses_one(bool is_wrong, enum thread_place place)
{
    struct signal s = {.is_wrong = is_wrong};
    struct thread *t = NULL;
    wait_queue_init(&s.queue, "signal");
    const struct thread_options options = {.name = "waiter",
                                           .entry = waiter,
                                           .arg = &s,
                                           .priority = thread_current()->priority,
                                           .place = place};
    TEST_EQUAL(thread_create(&options, &t), OK);
    if (t == NULL) {
        return false;
    }
    while (!atomic_load_explicit(&s.is_near, memory_order_relaxed)) {
        thread_yield();
    }
    set(&s);
    bool lost = is_lost(&s);
    TEST_EQUAL(test_join(t, NULL), OK);
    return lost;
}

/** @return the first of `rounds` in which a wake-up is lost; 0: none is. */
static unsigned first_lost(uint32_t seed, bool is_wrong, unsigned rounds)
{
    unsigned round = 1;
    (void)preempt_points_start(seed);
    while (round <= rounds &&
           !loses_one(is_wrong, round % 2 == 0 ? THREAD_HERE : THREAD_ANYWHERE)) {
        round++;
    }
    (void)preempt_points_start(0);
    return round > rounds ? 0 : round;
}

static void a_wake_up_that_is_lost_is_found_again_and_again(void)
{
    uint32_t before = preempt_points_seed(), seed = 1;
    unsigned round;
    while ((round = first_lost(seed, true, ROUNDS)) == 0 && seed < SEEDS) {
        seed++;
    }
    TEST_CHECK(round != 0);
    console_printf("# seed %u loses a wake-up in round %u", seed, round);
    for (unsigned i = 0; round != 0 && i < AGAIN; i++) {
        unsigned again = first_lost(seed, true, ROUNDS_MAX);
        TEST_CHECK(again != 0);
        console_printf(", %u", again);
    }
    console_printf("\n");
    TEST_EQUAL(first_lost(seed, false, ROUNDS), 0);
    (void)preempt_points_start(before);
}

/* With interrupts masked nobody else comes to this CPU's edges. */
static struct preempt_stats decisions_of(uint32_t seed)
{
    struct preempt_stats stats;
    struct spinlock lock = SPINLOCK_INIT;
    irq_state_t state = hal_irq_save();
    (void)preempt_points_start(seed);
    for (unsigned i = 0; i < ROUNDS; i++) {
        spin_lock_masked(&lock);
        spin_unlock_masked(&lock);
    }
    preempt_points_get(hal_this_cpu()->id, &stats);
    (void)preempt_points_start(0);
    hal_irq_restore(state);
    return stats;
}

static void a_seed_decides_alike_each_time(void)
{
    uint32_t before = preempt_points_seed();
    preempt_disable(); /* each CPU draws numbers of its own */
    struct preempt_stats first = decisions_of(7), again = decisions_of(7), other = decisions_of(8);
    preempt_enable();
    (void)preempt_points_start(before);
    TEST_EQUAL(first.points, 3 * ROUNDS);
    TEST_CHECK(first.spins > 0 && first.spins < first.points / 4);
    TEST_EQUAL(first.switches, 0);
    TEST_EQUAL(again.digest, first.digest);
    TEST_CHECK(other.digest != first.digest);
}

const struct kernel_test preempt_tests[] = {
    {"preempt.a_seed_decides_alike_each_time", a_seed_decides_alike_each_time, TEST_ON_NOTHING},
    {"preempt.a_wake_up_that_is_lost_is_found_again_and_again",
     a_wake_up_that_is_lost_is_found_again_and_again, TEST_ON_NOTHING},
    {0},
};

#else

const struct kernel_test preempt_tests[] = {{0}};

#endif
