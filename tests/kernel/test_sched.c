// SPDX-License-Identifier: MIT
//
// What real interrupts and the real context switch decide: a thread can be preempted
// anywhere without noticing, time passes, and stacks have guard pages.
// tests/unit/test_thread.c tests the scheduler's rules.
#include "hal/trap.h"
#include "kernel/base/clock.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#define LONG_NS (10 * NS_PER_S) /* for an event that must happen; without it the run would hang */

static struct thread *start(const char *name, uint8_t priority, void (*entry)(void *arg), void *arg)
{
    struct thread *t = NULL;
    const struct thread_options options = {
        .name = name, .entry = entry, .arg = arg, .priority = priority};
    if (thread_create(&options, &t) != OK) {
        test_fail(__FILE__, __LINE__, "no thread");
        return NULL;
    }
    return t;
}

static int join(struct thread *t)
{
    int value = -1;
    if (t != NULL) {
        TEST_EQUAL(test_join(t, &value), OK);
    }
    return value;
}

/* --- preemption --- */

static _Atomic unsigned arrived;

/* Neither thread yields: both arrive only if each is preempted for the other. */
static void wait_for_the_other(void *arg)
{
    (void)arg;
    uint64_t limit = clock_now_ns() + LONG_NS;
    atomic_fetch_add_explicit(&arrived, 1, memory_order_relaxed);
    while (atomic_load_explicit(&arrived, memory_order_relaxed) < 2) {
        if (clock_now_ns() > limit) {
            thread_exit(1);
        }
    }
}

static void threads_of_equal_priority_are_preempted(void)
{
    atomic_store_explicit(&arrived, 0, memory_order_relaxed);
    struct thread *a = start("a", 20, wait_for_the_other, NULL);
    struct thread *b = start("b", 20, wait_for_the_other, NULL);
    if (a == NULL || b == NULL) {
        atomic_fetch_add_explicit(&arrived, 1, memory_order_relaxed);
    }
    TEST_EQUAL(join(a), 0);
    TEST_EQUAL(join(b), 0);
}

/* A chain of dependent steps in registers: one lost or corrupted value changes the result. */
static uint64_t chain(uint64_t seed, unsigned steps)
{
    uint64_t a = seed, b = ~seed, c = seed * 3, d = seed ^ 0x5555, e = seed + 7, f = seed << 9;
    for (unsigned i = 0; i < steps; i++) {
        a += b ^ (c >> 3);
        b = (b << 5 | b >> 59) + d;
        c ^= a * 0x9e3779b97f4a7c15;
        d += e ^ (f << 1);
        e = (e >> 7 | e << 57) ^ a;
        f += c + d;
    }
    return a ^ b ^ c ^ d ^ e ^ f;
}

#define CHAIN_STEPS 3000u

struct chain_job {
    uint64_t seed, until_ns, expected;
    unsigned wrong, rounds;
};

static void run_chain(void *arg)
{
    struct chain_job *job = arg;
    while (clock_now_ns() < job->until_ns || job->rounds == 0) {
        job->wrong += chain(job->seed, CHAIN_STEPS) != job->expected;
        job->rounds++;
    }
}

static void no_op(struct timer *t)
{
    t->deadline_ns = clock_now_ns() + 100 * NS_PER_US;
    timer_start(t);
}

/* Interrupts at arbitrary moments and ends of time slices leave all registers of
 * the interrupted code unchanged. */
static void registers_survive_preemption(void)
{
    struct timer noise = {.deadline_ns = clock_now_ns(), .fire = no_op};
    struct chain_job jobs[3];
    struct thread *threads[3] = {NULL};
    uint64_t until = clock_now_ns() + 60 * NS_PER_MS; /* two time slices each */
    for (unsigned i = 0; i < 3; i++) {
        jobs[i] = (struct chain_job){.seed = 0x1234567 * (i + 1), .until_ns = until};
        jobs[i].expected = chain(jobs[i].seed, CHAIN_STEPS);
    }
    timer_start(&noise);
    for (unsigned i = 0; i < 3; i++) {
        threads[i] = start("chain", 20, run_chain, &jobs[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        (void)join(threads[i]);
        TEST_EQUAL(jobs[i].wrong, 0);
        TEST_CHECK(jobs[i].rounds > 0);
    }
    TEST_CHECK(timer_cancel(&noise));
}

/* --- time --- */

static void sleep_never_ends_early(void)
{
    for (unsigned i = 0; i < 5; i++) {
        uint64_t deadline = clock_now_ns() + (i * 300 + 1) * NS_PER_US;
        TEST_EQUAL(thread_sleep_until(deadline), OK);
        TEST_CHECK(clock_now_ns() >= deadline);
    }
}

struct fired {
    struct timer timer;
    _Atomic uint64_t at_ns; /* 0: not yet */
    bool in_interrupt;
};

static void note_fired(struct timer *t)
{
    struct fired *f = CONTAINER_OF(t, struct fired, timer);
    f->in_interrupt = hal_this_cpu()->irq_depth > 0 && !hal_irqs_enabled();
    atomic_store_explicit(&f->at_ns, clock_now_ns(), memory_order_release);
}

static void timers_fire_in_interrupts_and_not_early(void)
{
    struct fired fired[4];
    uint64_t now = clock_now_ns();
    for (unsigned i = 0; i < 4; i++) { /* the first deadline has passed already */
        fired[i] = (struct fired){
            .timer = {.deadline_ns = now + (3 - i) * 200 * NS_PER_US, .fire = note_fired}};
        timer_start(&fired[i].timer);
    }
    uint64_t limit = now + LONG_NS;
    for (unsigned i = 0; i < 4; i++) {
        while (atomic_load_explicit(&fired[i].at_ns, memory_order_acquire) == 0 &&
               clock_now_ns() < limit) {
            hal_cpu_relax();
        }
        TEST_CHECK(!timer_cancel(&fired[i].timer));
        TEST_CHECK(fired[i].in_interrupt);
        TEST_CHECK(atomic_load(&fired[i].at_ns) >= fired[i].timer.deadline_ns);
    }
}

static void a_cancelled_timer_does_not_fire(void)
{
    struct fired f = {.timer = {.deadline_ns = clock_now_ns() + NS_PER_MS, .fire = note_fired}};
    /* with interrupts masked the timer cannot fire before it is cancelled */
    irq_state_t state = hal_irq_save();
    timer_start(&f.timer);
    TEST_CHECK(timer_cancel(&f.timer));
    hal_irq_restore(state);
    TEST_CHECK(!timer_cancel(&f.timer));
    TEST_EQUAL(thread_sleep(2 * NS_PER_MS), OK);
    TEST_EQUAL(atomic_load(&f.at_ns), 0);
}

static uint64_t interrupts(void)
{
    return hal_this_cpu()->irq_count;
}

static uint64_t interrupts_while_computing(void)
{
    uint64_t before = interrupts();
    uint64_t until = clock_now_ns() + 30 * NS_PER_MS;
    while (clock_now_ns() < until) {
        hal_cpu_relax();
    }
    return interrupts() - before;
}

/* Nothing is due: no timer, no thread of equal priority, no device. The loop first
 * lets earlier timers expire, output drain and the screen be drawn; only a periodic
 * tick would continue forever. */
static void a_lone_thread_is_not_interrupted(void)
{
    uint64_t count = 1;
    for (unsigned i = 0; i < 50 && count > 0; i++) {
        TEST_EQUAL(thread_sleep(20 * NS_PER_MS), OK);
        count = interrupts_while_computing();
    }
    TEST_EQUAL(count, 0);
}

/* --- stacks --- */

static void probe_own_stack(void *arg)
{
    const struct thread *t = thread_current();
    uint8_t byte;
    (void)arg;
    uint8_t *lo = (uint8_t *)(uintptr_t)t->context.stack_lo;
    TEST_CHECK((uint8_t *)&byte >= lo &&
               (uint8_t *)&byte < (uint8_t *)(uintptr_t)t->context.stack_hi);
    TEST_CHECK(hal_probe_write8(lo, 0));
    TEST_CHECK(!hal_probe_write8(lo - 1, 0));
    TEST_CHECK(!hal_probe_write8(lo - HAL_STACK_SIZE, 0));
    TEST_EQUAL((uintptr_t)t->context.stack_hi % HAL_STACK_ALIGN, 0);
}

static void stacks_have_guards(void)
{
    (void)join(start("probe", 20, probe_own_stack, NULL));
}

/* bytes below its frame that code on a growing stack may touch */
#define AHEAD       ((size_t)16 << 10)
#define GROWN_STACK ((size_t)256 << 10)

static void fire_once(struct timer *t)
{
    (void)t;
}

/* Take a trap and an interrupt at every stack depth, on both sides of each
 * limit that the entry code checks. */
static unsigned descend(uintptr_t limit)
{
    uint8_t *here = __builtin_frame_address(0);
    if ((uintptr_t)here - AHEAD < limit) {
        return 0;
    }
    volatile uint8_t frame[2048];
    frame[0] = 1;
    *(volatile uint8_t *)(here - AHEAD) = 0;
    TEST_CHECK(hal_trap_selftest() == 1);
    uint64_t before = interrupts();
    struct timer noise = {.deadline_ns = clock_now_ns(), .fire = fire_once};
    timer_start(&noise);
    while (interrupts() == before) {
        hal_cpu_relax();
    }
    (void)timer_cancel(&noise);
    thread_yield();
    return descend(limit) + frame[0];
}

static void grow_own_stack(void *arg)
{
    const struct thread *t = thread_current();
    uintptr_t top = (uintptr_t)t->context.stack_hi;
    uintptr_t bottom = top - GROWN_STACK;
    (void)arg;
    TEST_EQUAL(t->context.stack_lo, top - HAL_STACK_SIZE);
    TEST_CHECK(descend(bottom) > 50);
    TEST_EQUAL(t->context.stack_lo, bottom);
    TEST_CHECK(!hal_probe_write8((uint8_t *)bottom - 1, 0));
    TEST_CHECK(!hal_probe_write8((uint8_t *)bottom - 0xffff, 0));
    TEST_EQUAL(t->context.stack_lo, bottom);
}

static uint64_t used_pages(void)
{
    struct page_stats stats;
    memory_reclaim(); /* a slab more or less */
    page_get_stats(&stats);
    return stats.total_pages - stats.by_owner[PAGE_FREE];
}

static void nothing(void *arg)
{
    (void)arg;
}

static void start_and_join_many(void)
{
    struct thread *t[24] = {NULL};
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++) {
        t[i] = start("many", 20, nothing, NULL);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++) {
        (void)join(t[i]);
    }
    /* lets the work thread free threads beyond those that are cached */
    (void)!thread_sleep(NS_PER_MS);
}

static void threads_free_their_memory(void)
{
    start_and_join_many();
    uint64_t before = used_pages();
    for (unsigned i = 0; i < 4; i++) {
        start_and_join_many();
    }
    TEST_EQUAL(used_pages(), before);
}

static void grow_and_join(struct thread_owner *owner)
{
    struct thread *t = NULL;
    const struct thread_options options = {.name = "grows",
                                           .entry = grow_own_stack,
                                           .priority = 20,
                                           .owner = owner,
                                           .stack_bytes = GROWN_STACK};
    TEST_EQUAL(thread_create(&options, &t), OK);
    (void)join(t);
    (void)!thread_sleep(NS_PER_MS); /* as above */
}

static void a_stack_grows_and_is_freed(void)
{
    grow_and_join(NULL);
    uint64_t before = used_pages();
    grow_and_join(NULL);
    TEST_EQUAL(used_pages(), before);
}

/* --- owners --- */

static uint64_t charged, uncharged; /* pages; by the thread that this one waits for */

static void account_nothing(struct thread_owner *o, uint64_t ticks)
{
    (void)o, (void)ticks;
}

static uint64_t no_limit(const struct thread_owner *o)
{
    (void)o;
    return UINT64_MAX;
}

static void end_nothing(struct thread_owner *o)
{
    (void)o;
}

static bool count_charge(struct thread_owner *o, uint64_t pages)
{
    (void)o;
    charged += pages;
    return true;
}

static void count_uncharge(struct thread_owner *o, uint64_t pages)
{
    (void)o;
    uncharged += pages;
}

static enum status join_owner(struct thread_owner *o, struct thread *t)
{
    (void)o, (void)t;
    return OK;
}

static void leave_nothing(struct thread_owner *o, struct thread *t)
{
    (void)o, (void)t;
    preempt_disable();
}

static void cancel_nothing(struct thread *t, struct hal_frame *frame)
{
    (void)t, (void)frame;
}

static void an_owner_pays_for_a_stack_while_the_thread_runs(void)
{
    static const struct thread_owner_ops ops = {.account = account_nothing,
                                                .time_left = no_limit,
                                                .end_of_time = end_nothing,
                                                .charge = count_charge,
                                                .uncharge = count_uncharge,
                                                .join = join_owner,
                                                .leave = leave_nothing,
                                                .check_cancel = cancel_nothing};
    static struct thread_owner owner = {.ops = &ops, .name = "owner"};
    charged = uncharged = 0;
    grow_and_join(&owner);
    TEST_EQUAL(charged, (GROWN_STACK - HAL_STACK_SIZE) / PAGE_SIZE);
    TEST_EQUAL(charged, uncharged);
}

/* --- waiting --- */

struct handoff {
    struct semaphore full, empty;
    unsigned value, sum;
};

#define HANDOFFS 500u

static void consume(void *arg)
{
    struct handoff *h = arg;
    for (unsigned i = 0; i < HANDOFFS; i++) {
        if (semaphore_down(&h->full, WAIT_FOREVER) != OK) {
            thread_exit(1);
        }
        h->sum += h->value;
        semaphore_up(&h->empty);
    }
}

static void no_wakeup_is_lost(void)
{
    struct handoff h = {.sum = 0};
    semaphore_init(&h.full, 0, "full");
    semaphore_init(&h.empty, 1, "empty");
    struct timer noise = {.deadline_ns = clock_now_ns(), .fire = no_op};
    struct thread *t = start("consumer", PRIO_NORMAL, consume, &h);
    TEST_NEED(t != NULL);
    timer_start(&noise);
    for (unsigned i = 1; i <= HANDOFFS; i++) {
        TEST_EQUAL(semaphore_down(&h.empty, clock_now_ns() + LONG_NS), OK);
        h.value = i;
        semaphore_up(&h.full);
    }
    TEST_EQUAL(join(t), 0);
    TEST_CHECK(timer_cancel(&noise));
    TEST_EQUAL(h.sum, HANDOFFS * (HANDOFFS + 1) / 2);
}

struct counter {
    struct mutex lock;
    unsigned value;
};

#define ADDITIONS 400u

static void add_slowly(void *arg)
{
    struct counter *c = arg;
    for (unsigned i = 0; i < ADDITIONS; i++) {
        mutex_lock(&c->lock);
        unsigned v = c->value;
        if (i % 16 == 0) {
            thread_yield();
        }
        c->value = v + 1;
        mutex_unlock(&c->lock);
    }
}

static void a_mutex_excludes(void)
{
    struct counter c = {.value = 0};
    struct thread *t[4] = {NULL};
    mutex_init(&c.lock, "counter");
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++) {
        t[i] = start("adder", 20 + (uint8_t)(i % 2), add_slowly, &c);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++) {
        (void)join(t[i]);
    }
    TEST_EQUAL(c.value, ARRAY_COUNT(t) * ADDITIONS);
}

const struct kernel_test sched_tests[] = {
    {"sched.threads_of_equal_priority_are_preempted", threads_of_equal_priority_are_preempted,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"sched.registers_survive_preemption", registers_survive_preemption,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"sched.sleep_never_ends_early", sleep_never_ends_early, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"sched.timers_fire_in_interrupts_and_not_early", timers_fire_in_interrupts_and_not_early,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"sched.a_cancelled_timer_does_not_fire", a_cancelled_timer_does_not_fire,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"sched.a_lone_thread_is_not_interrupted", a_lone_thread_is_not_interrupted,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"sched.stacks_have_guards", stacks_have_guards, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"sched.a_stack_grows_and_is_freed", a_stack_grows_and_is_freed,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"sched.an_owner_pays_for_a_stack_while_the_thread_runs",
     an_owner_pays_for_a_stack_while_the_thread_runs, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"sched.threads_free_their_memory", threads_free_their_memory,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"sched.no_wakeup_is_lost", no_wakeup_is_lost, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"sched.a_mutex_excludes", a_mutex_excludes, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {0},
};
