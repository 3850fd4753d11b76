// SPDX-License-Identifier: MIT
//
// Everything that threads do with each other, in an order that a seed chooses, on all CPUs at once:
// they start, exit, are joined or not, migrate, wait with and without a timeout, are cancelled,
// inherit priorities, and start and cancel timers. In the end no wake was lost and nothing leaked.
// test_kills.c covers programs that are killed during their calls.
#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/debug/preempt_points.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/timer.h"
#include "kernel/tty/console.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/tests.h"

#define ACTORS_MAX  16u
#define STEPS       60u
#define ROUNDS_LONG 10u
#define SEEDS       3u
#define STEPS_LONG  1000u
#define TRIES       10000u /* a millisecond each */
#define SHORT_NS    ((uint64_t)1 << 18)

struct stage {
    struct semaphore units;
    struct semaphore ended; /* counts the ended threads that are not joined */
    struct mutex locks[2];  /* the second is taken while the first is held, or without it */
    unsigned under_lock[2];
    uint32_t seed;
    unsigned steps;
    _Atomic unsigned begun, detached, cancelled, moved, given, taken, late, fired, taken_back,
        locked;
};

struct actor {
    struct stage *stage;
    uint32_t seed;
    struct thread *thread;
};

static uint32_t draw(struct actor *a, uint32_t below)
{
    a->seed = a->seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(a->seed >> 8) * below >> 24);
}

static uint8_t any_priority(struct actor *a)
{
    return (uint8_t)(PRIO_NORMAL - 3 + draw(a, 6));
}

static void count(_Atomic unsigned *what)
{
    atomic_fetch_add_explicit(what, 1, memory_order_relaxed);
}

/* NULL: there is no thread, and the test has failed. */
static struct thread *begin(struct actor *a, void (*entry)(void *arg))
{
    struct thread *t = NULL;
    const struct thread_options options = {
        .name = "stress",
        .entry = entry,
        .arg = a->stage,
        .priority = any_priority(a),
        .placement = draw(a, 2) == 0 ? THREAD_ANYWHERE : THREAD_ON,
        .cpu = draw(a, cpus_count()),
        .uses_fp = draw(a, 4) == 0,
    };
    TEST_EQUAL(thread_create(&options, &t), OK);
    count(&a->stage->begun);
    return t;
}

/* ---- What the threads do ---- */

static void lock_once(struct stage *s, unsigned which)
{
    mutex_lock(&s->locks[which]);
    s->under_lock[which]++;
    mutex_unlock(&s->locks[which]);
    count(&s->locked);
}

static void lock_and_exit(void *arg)
{
    lock_once(arg, 0);
    thread_exit(5);
}

static void end_unjoined(void *arg)
{
    struct stage *s = arg;
    lock_once(s, 1);
    semaphore_up(&s->ended);
}

static void wait_to_be_cancelled(void *arg)
{
    (void)arg;
    thread_exit(thread_sleep_until(WAIT_FOREVER) == E_CANCELLED ? 6 : 1);
}

/* ---- Steps ---- */

static void join_one(struct actor *a)
{
    int value = 0;
    struct thread *t = begin(a, lock_and_exit);
    if (t != NULL) {
        TEST_EQUAL(test_join(t, &value), OK);
        TEST_EQUAL(value, 5);
    }
}

static void detach_one(struct actor *a)
{
    struct thread *t = begin(a, end_unjoined);
    if (t != NULL) {
        count(&a->stage->detached);
        thread_detach(t);
    }
}

static void cancel_one(struct actor *a)
{
    int value = 0;
    struct thread *t = begin(a, wait_to_be_cancelled);
    if (t != NULL) {
        for (uint32_t n = draw(a, 3); n > 0; n--) {
            thread_yield();
        }
        thread_cancel(t);
        TEST_EQUAL(test_join(t, &value), OK);
        TEST_EQUAL(value, 6);
        count(&a->stage->cancelled);
    }
}

static void give(struct actor *a)
{
    count(&a->stage->given);
    semaphore_up(&a->stage->units);
}

static void take(struct actor *a)
{
    enum status s = semaphore_down(&a->stage->units, clock_now_ns() + draw(a, SHORT_NS));
    TEST_CHECK(s == OK || s == E_TIMEDOUT);
    count(s == OK ? &a->stage->taken : &a->stage->late);
}

static void move(struct actor *a)
{
    cpu_mask_t mask = (cpu_mask_t)1 << draw(a, cpus_count());
    TEST_EQUAL(thread_set_affinity(a->thread, draw(a, 2) == 0 ? CPU_MASK_ALL : mask), OK);
    count(&a->stage->moved);
}

/* A thread of higher priority that waits for the first lock raises this thread's
 * priority until it has released both. */
static void lock_both(struct actor *a)
{
    struct stage *s = a->stage;
    mutex_lock(&s->locks[0]);
    unsigned before = ++s->under_lock[0];
    thread_set_priority(a->thread, any_priority(a));
    lock_once(s, 1);
    if (draw(a, 4) == 0) {
        thread_yield();
    }
    TEST_EQUAL(s->under_lock[0], before);
    mutex_unlock(&s->locks[0]);
    count(&s->locked);
}

static void fire(struct timer *timer)
{
    atomic_fetch_add_explicit((_Atomic unsigned *)timer->ctx, 1, memory_order_relaxed);
}

static void set_timer(struct actor *a)
{
    _Atomic unsigned fired = 0;
    struct timer timer = {
        .deadline_ns = clock_now_ns() + draw(a, SHORT_NS), .fire = fire, .ctx = &fired};
    timer_start(&timer);
    if (draw(a, 2) == 0) {
        (void)thread_sleep(draw(a, SHORT_NS));
    } else {
        thread_yield();
    }
    bool taken_back = timer_cancel(&timer);
    TEST_EQUAL(fired + (taken_back ? 1 : 0), 1);
    count(taken_back ? &a->stage->taken_back : &a->stage->fired);
}

static void (*const all_steps[])(struct actor *a) = {
    join_one, detach_one, cancel_one, give, give, take, take, move, lock_both, lock_both, set_timer,
};

static void act(void *arg)
{
    struct actor *a = arg;
    a->thread = thread_current();
    for (unsigned i = 0; i < a->stage->steps; i++) {
        all_steps[draw(a, ARRAY_COUNT(all_steps))](a);
    }
}

/* ---- A round ---- */

static void run_actors(struct stage *s)
{
    struct actor actors[ACTORS_MAX];
    struct thread *threads[ACTORS_MAX] = {NULL};
    unsigned n = MIN(2 * cpus_count() + 2, ACTORS_MAX);
    for (unsigned i = 0; i < n; i++) {
        actors[i] = (struct actor){.stage = s, .seed = s->seed * ACTORS_MAX + i};
        const struct thread_options options = {.name = "actor",
                                               .entry = act,
                                               .arg = &actors[i],
                                               .priority = PRIO_NORMAL,
                                               .placement = THREAD_ANYWHERE};
        threads[i] = NULL;
        TEST_EQUAL(thread_create(&options, &threads[i]), OK);
    }
    for (unsigned i = 0; i < n; i++) {
        if (threads[i] != NULL) {
            TEST_EQUAL(test_join(threads[i], NULL), OK);
        }
    }
    for (unsigned i = 0; i < s->detached; i++) {
        TEST_EQUAL(semaphore_down(&s->ended, WAIT_FOREVER), OK);
    }
}

static unsigned units_left(struct stage *s)
{
    unsigned n = 0;
    while (semaphore_down(&s->units, 0) == OK) {
        n++;
    }
    return n;
}

static uint32_t live_threads(void)
{
    struct sched_stats stats;
    sched_get_stats(&stats);
    return stats.threads;
}

/* These lines are identical in each repetition of a run that has one
 * CPU and counts instructions. */
static void say_decisions(void)
{
    struct preempt_stats d;
    preempt_points_get(0, &d);
    if (preempt_points_seed() != 0) {
        TEST_CHECK(d.spins > 0 && d.switches > 0);
        console_printf("# preemption points, seed %u, CPU 0: %llu edges, %llu spins, %llu slices "
                       "ended, digest %016llx\n",
                       preempt_points_seed(), (unsigned long long)d.points,
                       (unsigned long long)d.spins, (unsigned long long)d.switches,
                       (unsigned long long)d.digest);
    }
}

static void play(uint32_t seed, unsigned steps)
{
    struct stage s = {.seed = seed, .steps = steps};
    runs_settle(); /* threads of the test before may not have left their CPUs yet */
    uint32_t before = live_threads();
    semaphore_init(&s.units, 0, "units");
    semaphore_init(&s.ended, 0, "ended");
    mutex_init(&s.locks[0], "first");
    mutex_init(&s.locks[1], "second");
    run_actors(&s);
    TEST_EQUAL(s.taken + units_left(&s), s.given);
    TEST_EQUAL(s.under_lock[0] + s.under_lock[1], s.locked);
    for (unsigned i = 0; i < TRIES && live_threads() > before; i++) {
        /* threads that were not joined are about to exit */
        TEST_EQUAL(thread_sleep(NS_PER_MS), OK);
    }
    TEST_EQUAL(live_threads(), before);
    console_printf(
        "# seed %u, %u CPUs: %u started, %u unjoined, %u cancelled, %u migrated, %u units, "
        "%u too late, %u timers fired, %u taken back, %u locked\n",
        seed, cpus_count(), s.begun, s.detached, s.cancelled, s.moved, s.given, s.late, s.fired,
        s.taken_back, s.locked);
    say_decisions();
}

/* The seed of "preempt=SEED" on the kernel's command line also seeds this test. */
static uint32_t first_seed(void)
{
    return MAX(preempt_points_seed(), 1);
}

static void no_wake_is_lost_and_nothing_leaks(void)
{
    play(first_seed(), STEPS);
}

static void no_wake_is_lost_in_many_rounds(void)
{
    for (uint32_t i = 0; i < ROUNDS_LONG; i++) {
        play(first_seed() + i, STEPS_LONG);
    }
}

#ifdef HALYARD_DEBUG
static void no_wake_is_lost_with_preemption_points(void)
{
    uint32_t before = preempt_points_seed();
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        (void)preempt_points_start(before + seed);
        play(first_seed(), STEPS);
    }
    (void)preempt_points_start(before);
}
#endif

const struct kernel_test stress_tests[] = {
    {"stress.no_wake_is_lost_and_nothing_leaks", no_wake_is_lost_and_nothing_leaks, TEST_ON_CPUS},
#ifdef HALYARD_DEBUG
    {"stress.no_wake_is_lost_with_preemption_points", no_wake_is_lost_with_preemption_points,
     TEST_ON_CPUS},
#endif
    {"long_stress.no_wake_is_lost_in_many_rounds", no_wake_is_lost_in_many_rounds, TEST_ON_CPUS},
    {0},
};
