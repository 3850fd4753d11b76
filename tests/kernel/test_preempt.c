// SPDX-License-Identifier: MIT
//
// Preemption points. A wake protocol with a deliberate bug loses a wake in a window of a few
// instructions; a seed finds that window repeatably. The correct protocol loses none.
#include "kernel/debug/preempt_points.h"
#include "tests/kernel/tests.h"

#ifdef HALYARD_DEBUG

#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "kernel/tty/console.h"

#define ROUNDS     400u
#define ROUNDS_MAX 8000u /* until a bug is found; normally a few dozen are enough */
#define SEEDS      20u
#define AGAIN      3u

/* Field protection:  [q] queue.lock */
struct signal {
    struct wait_queue queue;
    _Atomic bool is_set;  /* release and acquire; under [q] except in the seeded bug */
    _Atomic bool is_near; /* relaxed: the waiter is about to check is_set */
    bool is_wrong;        /* true: the waiter checks before it takes the lock */
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

/** Called after the only wake. @return true: the waiter still sleeps, and this call wakes it. */
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

/* Rounds alternate between this CPU, where the end of a time slice loses the wake, and an idle one,
 * where a spin does. How often the second loses it depends on when the host runs that CPU. */
static bool loses_one(bool is_wrong, enum thread_placement placement)
{
    struct signal s = {.is_wrong = is_wrong};
    struct thread *t = NULL;
    wait_queue_init(&s.queue, "signal");
    const struct thread_options options = {.name = "waiter",
                                           .entry = waiter,
                                           .arg = &s,
                                           .priority = thread_current()->priority,
                                           .placement = placement};
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

/** @return the first of `rounds` that loses a wake; 0: none does. */
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

static void a_lost_wake_is_found_repeatably(void)
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

/* With interrupts masked no other thread reaches a preemption point on this CPU. */
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

static void a_seed_repeats_its_decisions(void)
{
    uint32_t before = preempt_points_seed();
    preempt_disable(); /* each CPU has its own random sequence */
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
    {"preempt.a_seed_repeats_its_decisions", a_seed_repeats_its_decisions, TEST_ON_NOTHING},
    {"preempt.a_lost_wake_is_found_repeatably", a_lost_wake_is_found_repeatably, TEST_ON_NOTHING},
    {0},
};

#else

const struct kernel_test preempt_tests[] = {{0}};

#endif
