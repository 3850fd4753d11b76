// SPDX-License-Identifier: MIT
//
// Threads that may migrate: idle CPUs pull them, those of the highest priority run, and the
// set of allowed CPUs changes while a thread does anything. With one CPU no thread
// migrates, and the same must hold.
#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/thread.h"
#include "tests/kernel/tests.h"

#define CPUS_MAX  64u
#define CPUS_MANY 4u     /* more emulated CPUs would slow each other down */
#define NAPS_MAX  30000u /* of a millisecond each: a busy host seldom runs emulated CPUs */

static cpu_t cpu_count(void)
{
    return MIN(cpus_count(), CPUS_MAX);
}

static cpu_mask_t bit(cpu_t cpu)
{
    return (cpu_mask_t)1 << cpu;
}

struct spinner {
    struct thread *thread;
    _Atomic bool is_over;
    _Atomic unsigned turns;
    _Atomic cpu_mask_t seen; /* CPUs that it ran on */
    _Atomic cpu_t cpu;       /* the last */
};

static cpu_t where_am_i(void)
{
    irq_state_t state = hal_irq_save();
    cpu_t cpu = hal_this_cpu()->id;
    hal_irq_restore(state);
    return cpu;
}

static void spin(void *arg)
{
    struct spinner *s = arg;
    while (!atomic_load(&s->is_over)) {
        cpu_t cpu = where_am_i();
        atomic_store(&s->cpu, cpu);
        atomic_fetch_or(&s->seen, bit(cpu));
        atomic_fetch_add(&s->turns, 1);
    }
}

static void start(struct spinner *s, void (*entry)(void *arg), uint8_t priority,
                  cpu_mask_t affinity)
{
    const struct thread_options options = {.name = "moves",
                                           .entry = entry,
                                           .arg = s,
                                           .priority = priority,
                                           .placement = THREAD_ANYWHERE,
                                           .affinity = affinity};
    *s = (struct spinner){.turns = 0};
    TEST_EQUAL(thread_create(&options, &s->thread), OK);
}

static void end(struct spinner *s)
{
    atomic_store(&s->is_over, true);
    TEST_EQUAL(test_join(s->thread, NULL), OK);
}

/* True if all have started; otherwise none is left. */
static bool are_started(struct spinner *s, unsigned count)
{
    unsigned started = 0;
    for (unsigned i = 0; i < count; i++) {
        started += s[i].thread != NULL;
    }
    for (unsigned i = 0; i < count && started < count; i++) {
        end(&s[i]);
    }
    return started == count;
}

static void nap(void)
{
    TEST_EQUAL(thread_sleep(NS_PER_MS), OK);
}

/* Wait until the thread has made progress. */
static void wait_for_turns(struct spinner *s)
{
    unsigned before = atomic_load(&s->turns);
    while (atomic_load(&s->turns) == before) {
        nap();
    }
}

/* All become ready on one CPU; each of the other CPUs migrates one. */
static void idle_cpus_pull_ready_threads(void)
{
    struct spinner s[CPUS_MAX];
    cpu_mask_t all = cpus_count() < CPUS_MAX ? bit(cpus_count()) - 1 : CPU_MASK_ALL;
    cpu_mask_t seen = 0;
    for (cpu_t i = 0; i < cpu_count(); i++) {
        start(&s[i], spin, PRIO_NORMAL - 1, bit(0));
    }
    TEST_NEED(are_started(s, cpu_count()));
    for (cpu_t i = 0; i < cpu_count(); i++) {
        wait_for_turns(&s[i]);
        TEST_EQUAL(atomic_load(&s[i].seen), bit(0));
        TEST_EQUAL(thread_set_affinity(s[i].thread, CPU_MASK_ALL), OK);
    }
    while (seen != all) {
        nap();
        for (cpu_t i = 0; i < cpu_count(); i++) {
            seen |= atomic_load(&s[i].seen);
        }
    }
    for (cpu_t i = 0; i < cpu_count(); i++) {
        end(&s[i]);
    }
}

static void block_and_spin(void *arg)
{
    struct spinner *s = arg;
    while (!atomic_load(&s->is_over)) {
        (void)thread_sleep(NS_PER_MS / 4);
        atomic_store(&s->cpu, where_am_i());
        atomic_fetch_add(&s->turns, 1);
    }
}

/* Whether it is ready, running or waiting: soon after the call it runs on the new CPU only. */
static void follow(void (*entry)(void *arg))
{
    struct spinner s;
    start(&s, entry, PRIO_NORMAL, CPU_MASK_ALL);
    TEST_NEED(are_started(&s, 1));
    for (unsigned round = 0; round < 3 * cpu_count(); round++) {
        cpu_t to = round % cpu_count();
        TEST_EQUAL(thread_set_affinity(s.thread, bit(to)), OK);
        TEST_EQUAL(thread_get_affinity(s.thread), bit(to));
        while (atomic_load(&s.cpu) != to) {
            nap();
        }
        wait_for_turns(&s);
        TEST_EQUAL(atomic_load(&s.cpu), to);
    }
    end(&s);
}

static void a_changed_affinity_takes_effect_at_once(void)
{
    struct thread *self = thread_current();
    cpu_mask_t before = thread_get_affinity(self);
    for (cpu_t i = 0; i < cpu_count(); i++) {
        TEST_EQUAL(thread_set_affinity(self, bit(i)), OK);
        TEST_EQUAL(where_am_i(), i); /* the caller continues on that CPU */
    }
    TEST_EQUAL(thread_set_affinity(self, 0), E_INVAL);
    TEST_EQUAL(thread_set_affinity(self, before), OK);
    follow(spin);
    follow(block_and_spin);
}

/* While the threads of higher priority make progress, those of lower priority make none. */
static bool only_these_run(struct spinner *these, unsigned count, struct spinner *others,
                           unsigned other_count)
{
    unsigned turns[CPUS_MANY + 1], moved = 0;
    for (unsigned i = 0; i < other_count; i++) {
        turns[i] = atomic_load(&others[i].turns);
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned from = atomic_load(&these[i].turns);
        while (atomic_load(&these[i].turns) - from < 1000) { /* this thread never sleeps */
        }
    }
    for (unsigned i = 0; i < other_count; i++) {
        moved += atomic_load(&others[i].turns) - turns[i];
    }
    return moved == 0;
}

/* One thread fewer than CPUs, because this thread, which has the highest priority, occupies one. */
static void the_highest_real_time_threads_run(void)
{
    enum { LOW = PRIO_REALTIME, HIGH = PRIO_REALTIME + 2, OWN = PRIO_REALTIME + 4 };
    struct spinner low[CPUS_MANY + 1], high[CPUS_MANY];
    struct thread *self = thread_current();
    cpu_t cpus = MIN(cpu_count(), CPUS_MANY);
    cpu_mask_t mask = bit(cpus) - 1, before = thread_get_affinity(self);
    thread_set_priority(self, OWN);
    TEST_EQUAL(thread_set_affinity(self, bit(0)), OK);
    for (cpu_t i = 0; i <= cpus; i++) {
        start(&low[i], spin, LOW, mask);
    }
    for (cpu_t i = 0; i + 1 < cpus; i++) {
        start(&high[i], spin, HIGH, mask);
    }
    bool all = are_started(high, cpus - 1);
    while (all && !only_these_run(high, cpus - 1, low, cpus + 1)) { /* one may still be migrating */
    }
    for (cpu_t i = 0; all && i + 1 < cpus; i++) {
        end(&high[i]);
    }
    for (cpu_t i = 0; i <= cpus; i++) {
        end(&low[i]);
    }
    TEST_CHECK(all);
    TEST_EQUAL(thread_set_affinity(self, before), OK);
    thread_set_priority(self, PRIO_NORMAL);
}

/* ---- Unneeded interrupts ---- */

#define TRIES 10u /* lets activity that started earlier end */

static uint64_t interrupts_of_all(void)
{
    uint64_t sum = 0;
    for (cpu_t i = 0; i < cpus_count(); i++) {
        sum += *(volatile uint64_t *)&cpus_at(i)->irq_count;
    }
    return sum;
}

static void an_idle_system_takes_few_interrupts(void)
{
    uint64_t count = UINT64_MAX, most = 5 * MAX(cpus_count(), 4); /* each checks one other CPU */
    for (unsigned i = 0; i < TRIES && count >= most; i++) {
        uint64_t before = interrupts_of_all();
        TEST_EQUAL(thread_sleep(NS_PER_S), OK);
        count = interrupts_of_all() - before;
    }
    TEST_CHECK(count < most);
}

static void one_thread_on_each_cpu_is_not_interrupted(void)
{
    struct spinner s[CPUS_MANY];
    cpu_t cpus = MIN(cpu_count(), CPUS_MANY);
    for (cpu_t i = 0; i + 1 < cpus; i++) {
        start(&s[i], spin, PRIO_NORMAL, bit(cpus) - 1);
    }
    TEST_NEED(are_started(s, cpus - 1));
    uint64_t count = UINT64_MAX;
    for (unsigned i = 0; i < 5 * TRIES && count != 0; i++) {
        for (cpu_t k = 0; k + 1 < cpus; k++) {
            wait_for_turns(&s[k]);
        }
        uint64_t before = interrupts_of_all(), until = clock_now_ns() + 30 * NS_PER_MS;
        while (clock_now_ns() < until) {
            hal_cpu_relax();
        }
        count = interrupts_of_all() - before;
    }
    for (cpu_t i = 0; i + 1 < cpus; i++) {
        end(&s[i]);
    }
    TEST_EQUAL(count, 0);
}

/* Three threads on two CPUs: none keeps a CPU to itself. */
static void surplus_threads_of_equal_priority_rotate(void)
{
    enum { SHARING = 2, EQUALS = SHARING + 1 };
    struct spinner s[EQUALS];
    cpu_mask_t mask = bit(MIN(cpu_count(), SHARING)) - 1, seen = 0;
    for (unsigned i = 0; i < EQUALS; i++) {
        start(&s[i], spin, PRIO_NORMAL - 1, mask);
    }
    TEST_NEED(are_started(s, EQUALS));
    for (unsigned naps = 0; naps < NAPS_MAX && seen != mask; naps++) {
        nap();
        seen = mask;
        for (unsigned i = 0; i < EQUALS; i++) {
            seen &= atomic_load(&s[i].seen);
        }
    }
    for (unsigned i = 0; i < EQUALS; i++) {
        end(&s[i]);
    }
    TEST_EQUAL(seen, mask);
}

/* ---- Everything at once ---- */

#define ACTORS 12u
#define STEPS  300u

struct play {
    struct semaphore tokens;
    struct mutex mutex;
    _Atomic unsigned ended;
    unsigned counted; /* under the mutex */
    struct thread *actors[ACTORS];
};

struct actor {
    struct play *play;
    uint32_t seed;
};

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void take_a_step(struct actor *a)
{
    struct play *p = a->play;
    uint32_t mask = draw(&a->seed);
    switch (draw(&a->seed) % 8) {
    case 0:
        (void)thread_set_affinity(thread_current(), mask);
        break;
    case 1:
        if (p->actors[mask % ACTORS] != NULL) {
            (void)thread_set_affinity(p->actors[mask % ACTORS], CPU_MASK_ALL << mask % 4);
        }
        break;
    case 2:
        (void)thread_sleep(mask % 64 * 1000);
        break;
    case 3:
        thread_set_priority(thread_current(), (uint8_t)(PRIO_NORMAL - 2 + (int)(mask % 3)));
        break;
    case 4:
        thread_yield();
        break;
    case 5:
        mutex_lock(&p->mutex);
        p->counted++;
        thread_yield();
        p->counted--;
        mutex_unlock(&p->mutex);
        break;
    default: /* there are as many units as threads, so no thread waits forever */
        TEST_EQUAL(semaphore_down(&p->tokens, WAIT_FOREVER), OK);
        thread_yield();
        semaphore_up(&p->tokens);
        break;
    }
}

static void act(void *arg)
{
    struct actor *a = arg;
    mutex_lock(&a->play->mutex);
    mutex_unlock(&a->play->mutex);
    for (unsigned i = 0; i < test_scaled(STEPS, 10); i++) {
        take_a_step(a);
        mutex_lock(&a->play->mutex);
        a->play->counted++;
        mutex_unlock(&a->play->mutex);
    }
    atomic_fetch_add(&a->play->ended, 1);
}

static void migrating_threads_lose_nothing(void)
{
    struct play p = {.ended = 0};
    struct actor actors[ACTORS];
    unsigned created = 0;
    semaphore_init(&p.tokens, 3, "tokens");
    mutex_init(&p.mutex, "actors");
    mutex_lock(&p.mutex); /* until each thread knows all others */
    for (unsigned i = 0; i < ACTORS; i++) {
        const struct thread_options options = {.name = "actor",
                                               .entry = act,
                                               .arg = &actors[i],
                                               .priority = PRIO_NORMAL - 1,
                                               .placement = THREAD_ANYWHERE};
        actors[i] = (struct actor){.play = &p, .seed = i + 1};
        TEST_EQUAL(thread_create(&options, &p.actors[i]), OK);
        created += p.actors[i] != NULL;
    }
    mutex_unlock(&p.mutex);
    while (atomic_load(&p.ended) < created) {
        nap();
    }
    for (unsigned i = 0; i < ACTORS; i++) {
        TEST_EQUAL(test_join(p.actors[i], NULL), OK);
    }
    TEST_EQUAL(p.counted, ACTORS * STEPS);
    TEST_EQUAL(p.tokens.count, 3);
}

const struct kernel_test smp_move_tests[] = {
    {"smp.idle_cpus_pull_ready_threads", idle_cpus_pull_ready_threads,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.a_changed_affinity_takes_effect_at_once", a_changed_affinity_takes_effect_at_once,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.the_highest_real_time_threads_run", the_highest_real_time_threads_run,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.an_idle_system_takes_few_interrupts", an_idle_system_takes_few_interrupts,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.one_thread_on_each_cpu_is_not_interrupted", one_thread_on_each_cpu_is_not_interrupted,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.surplus_threads_of_equal_priority_rotate", surplus_threads_of_equal_priority_rotate,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.migrating_threads_lose_nothing", migrating_threads_lose_nothing,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {0},
};
