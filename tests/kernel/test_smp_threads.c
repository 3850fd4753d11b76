// SPDX-License-Identifier: MIT
//
// Threads on every CPU: each starts on the requested CPU, wakes threads of other CPUs, and shares
// data with them under locks. On a machine with one CPU all run there.
#include "hal/irq.h"
#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/program/program.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/work.h"
#include "kernel/trace/report/profile.h"
#include "tests/kernel/tests.h"

#define CPUS_MAX 64u
#define CPUS_MANY                                                                                  \
    4u /* more CPUs would only wait for the same lock, and slow each other down when emulated */
#define ROUNDS      200u
#define PING_PONG   500u
#define NO_DEVICE   0xf0u /* functions of a slot without a device */
#define LINE_ROUNDS 2000u
#define LOOKS       1000u
#define CHAIN_MAX   256u
#define SLOW_TURNS  100000u
#define PATIENCE_S  60u /* a busy host may suspend a CPU for seconds */

static cpu_t cpu_count(void)
{
    return MIN(cpus_count(), CPUS_MAX);
}

static struct thread *start_on(cpu_t cpu, void (*entry)(void *arg), void *arg, uint8_t priority)
{
    struct thread *t = NULL;
    const struct thread_options options = {.name = "smp test",
                                           .entry = entry,
                                           .arg = arg,
                                           .priority = priority,
                                           .placement = THREAD_ON,
                                           .cpu = cpu};
    TEST_EQUAL(thread_create(&options, &t), OK);
    return t;
}

/* one of the threads of the last run_on() could not be created */
static _Atomic bool one_is_missing;

/* Run one thread on each of the first `cpus` CPUs at once; fail unless each ends with 0. */
static void run_on(cpu_t cpus, void (*entry)(void *arg), void *arg)
{
    struct thread *threads[CPUS_MAX] = {NULL};
    atomic_store(&one_is_missing, false);
    for (cpu_t i = 0; i < cpus; i++) {
        threads[i] = start_on(i, entry, arg, PRIO_NORMAL);
        if (threads[i] == NULL) {
            atomic_store(&one_is_missing, true);
        }
    }
    for (cpu_t i = 0; i < cpus; i++) {
        int value = -1;
        TEST_EQUAL(test_join(threads[i], &value), OK);
        TEST_EQUAL(value, 0);
    }
}

static cpu_t contenders(void)
{
    return MIN(cpu_count(), CPUS_MANY);
}

static void say_where(void *arg)
{
    (void)arg;
    thread_exit((int)hal_this_cpu()->id);
}

static void a_thread_runs_where_it_is_placed(void)
{
    for (cpu_t i = 0; i < cpu_count(); i++) {
        for (unsigned k = 0; k < 3; k++) {
            int value = -1;
            TEST_EQUAL(test_join(start_on(i, say_where, NULL, PRIO_NORMAL), &value), OK);
            TEST_EQUAL(value, (int)i);
        }
    }
}

/* CPUs that one of the threads has run on. */
struct spread {
    _Atomic uint64_t seen;
    _Atomic bool is_over;
    uint64_t wanted, give_up_ns;
};

/* No thread yields before all CPUs are found: idle CPUs migrate the waiting ones. */
static void find_cpus(void *arg)
{
    struct spread *s = arg;
    while ((atomic_load(&s->seen) & s->wanted) != s->wanted && clock_now_ns() < s->give_up_ns &&
           !atomic_load(&s->is_over)) {
        preempt_disable();
        atomic_fetch_or(&s->seen, UINT64_C(1) << hal_this_cpu()->id);
        preempt_enable();
        hal_cpu_relax();
    }
}

/* As many threads as CPUs; the boot CPU has other threads as well. */
static void unplaced_threads_are_spread(void)
{
    struct thread *threads[CPUS_MAX] = {NULL};
    struct spread s = {.wanted =
                           (cpu_count() == 64 ? UINT64_MAX : (UINT64_C(1) << cpu_count()) - 1) &
                           ~UINT64_C(1),
                       .give_up_ns = clock_now_ns() + PATIENCE_S * NS_PER_S};
    for (cpu_t i = 0; i < cpu_count(); i++) {
        const struct thread_options options = {.name = "smp test",
                                               .entry = find_cpus,
                                               .arg = &s,
                                               .priority = PRIO_NORMAL,
                                               .placement = THREAD_ANYWHERE};
        if (thread_create(&options, &threads[i]) != OK) {
            test_fail(__FILE__, __LINE__, "no thread");
            atomic_store(&s.is_over, true);
        }
    }
    for (cpu_t i = 0; i < cpu_count(); i++) {
        TEST_EQUAL(test_join(threads[i], NULL), OK);
    }
    TEST_EQUAL(atomic_load(&s.seen) & s.wanted, s.wanted);
}

struct table {
    struct semaphore ping, pong;
    unsigned count;
};

static void play(void *arg)
{
    struct table *t = arg;
    for (unsigned i = 0; i < PING_PONG; i++) {
        TEST_EQUAL(semaphore_down(&t->ping, WAIT_FOREVER), OK);
        t->count++;
        semaphore_up(&t->pong);
    }
}

static void no_wake_up_is_lost_between_cpus(void)
{
    for (cpu_t i = 0; i < contenders(); i++) {
        struct table t = {.count = 0};
        semaphore_init(&t.ping, 0, "ping");
        semaphore_init(&t.pong, 0, "pong");
        struct thread *other = start_on(i, play, &t, PRIO_NORMAL);
        TEST_NEED(other != NULL);
        for (unsigned k = 0; k < PING_PONG; k++) {
            semaphore_up(&t.ping);
            TEST_EQUAL(semaphore_down(&t.pong, WAIT_FOREVER), OK);
            TEST_EQUAL(t.count, k + 1);
        }
        TEST_EQUAL(test_join(other, NULL), OK);
    }
}

struct shared {
    struct mutex mutex;
    struct spinlock lock, irq_lock;
    unsigned by_mutex, by_lock, by_irq_lock;
};

static void count(void *arg)
{
    struct shared *s = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        mutex_lock(&s->mutex);
        s->by_mutex++;
        mutex_unlock(&s->mutex);
        spin_lock(&s->lock);
        s->by_lock++;
        spin_unlock(&s->lock);
        irq_state_t state = spin_lock_irq(&s->irq_lock);
        s->by_irq_lock++;
        spin_unlock_irq(&s->irq_lock, state);
    }
}

static void locks_keep_cpus_apart(void)
{
    struct shared s = {.lock = SPINLOCK_INIT, .irq_lock = SPINLOCK_INIT};
    mutex_init(&s.mutex, "test");
    run_on(contenders(), count, &s);
    TEST_EQUAL(s.by_mutex, contenders() * ROUNDS);
    TEST_EQUAL(s.by_lock, contenders() * ROUNDS);
    TEST_EQUAL(s.by_irq_lock, contenders() * ROUNDS);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* Allocate memory, address space and threads on all CPUs at once; the contents stay intact. */
static void take_and_give(void *arg)
{
    unsigned seed = hal_this_cpu()->id;
    (void)arg;
    for (unsigned i = 0; i < test_scaled(ROUNDS / 10, 3); i++) {
        unsigned *small = heap_alloc(64 + i), *large = vm_alloc(2 * PAGE_SIZE, PAGE_OTHER, "test");
        struct thread *t = NULL;
        const struct thread_options options = {.name = "smp child",
                                               .entry = nothing,
                                               .priority = PRIO_NORMAL,
                                               .placement = THREAD_ANYWHERE};
        if (small != NULL && large != NULL) {
            *small = *large = seed + i;
            TEST_EQUAL(thread_create(&options, &t), OK);
            TEST_CHECK(*small == seed + i && *large == seed + i);
            TEST_EQUAL(test_join(t, NULL), OK);
        } else {
            test_fail(__FILE__, __LINE__, "no memory");
        }
        vm_free(large);
        heap_free(small);
    }
}

static void memory_and_threads_are_allocated_on_all_cpus(void)
{
    run_on(contenders(), take_and_give, NULL);
}

static void nap(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 5; i++) {
        uint64_t until = clock_now_ns() + NS_PER_MS;
        TEST_EQUAL(thread_sleep_until(until), OK);
        TEST_CHECK(clock_now_ns() >= until);
    }
}

static void each_cpu_has_a_timer(void)
{
    run_on(cpu_count(), nap, NULL);
}

/* Lines that are allocated, by the index of their owner; 0: none. */
struct taken_lines {
    _Atomic unsigned next;
    _Atomic uint32_t line[CPUS_MANY];
};

static void take_message_lines(void *arg)
{
    struct taken_lines *taken = arg;
    const struct msi_controller *msi = machine_msi_controller();
    unsigned self = atomic_fetch_add(&taken->next, 1);
    uint32_t id = NO_DEVICE + self;
    while (atomic_load(&taken->next) < contenders() && !atomic_load(&one_is_missing)) {
        thread_yield(); /* start all at once */
    }
    for (unsigned i = 0; i < test_scaled(LINE_ROUNDS, 2); i++) {
        uint32_t line, count;
        enum status s = msi->alloc(id, 1, &line, &count);
        if (s != OK) {
            TEST_CHECK(s == E_RANGE || s == E_NOSPC); /* no device can have that id */
            return;
        }
        atomic_store(&taken->line[self], line);
        for (unsigned other = 0; other < CPUS_MANY; other++) {
            TEST_CHECK(other == self || atomic_load(&taken->line[other]) != line);
        }
        atomic_store(&taken->line[self], 0);
        msi->free(id, line, count);
    }
}

static void a_message_line_has_one_device(void)
{
    struct taken_lines taken = {.next = 0};
    if (machine_msi_controller() != NULL) {
        run_on(contenders(), take_message_lines, &taken);
    }
}

static uint64_t stack_pages(void)
{
    struct page_stats stats;
    (void)thread_trim();
    page_get_stats(&stats);
    return stats.by_owner[PAGE_STACK];
}

/* Each CPU caches the memory of threads that ended there. A joined thread
 * may not have left its CPU yet. */
static void threads_cached_by_cpus_are_freed(void)
{
    uint64_t before = stack_pages();
    for (cpu_t i = 0; i < cpu_count(); i++) {
        for (unsigned k = 0; k < 3; k++) {
            struct thread *t = start_on(i, nothing, NULL, PRIO_NORMAL);
            if (t != NULL) {
                thread_detach(t);
            }
        }
    }
    for (unsigned i = 0; i < LOOKS && stack_pages() != before; i++) {
        TEST_EQUAL(thread_sleep(NS_PER_MS), OK);
    }
    TEST_EQUAL(stack_pages(), before);
}

struct slow_timer {
    struct timer timer;
    _Atomic bool has_begun, has_ended;
};

static void end_slowly(struct timer *timer)
{
    struct slow_timer *t = CONTAINER_OF(timer, struct slow_timer, timer);
    atomic_store(&t->has_begun, true);
    for (unsigned i = 0; i < SLOW_TURNS; i++) {
        hal_cpu_relax();
    }
    atomic_store(&t->has_ended, true);
}

static void start_timer(void *arg)
{
    struct slow_timer *t = arg;
    t->timer = (struct timer){.deadline_ns = clock_now_ns(), .fire = end_slowly};
    timer_start(&t->timer);
}

/* The timer is started again here while its function still runs on another CPU;
 * after the cancel it may be freed. */
static void a_cancelled_timer_runs_nowhere(void)
{
    for (cpu_t i = 0; i < contenders(); i++) {
        struct slow_timer t = {.has_begun = false};
        struct thread *starter = start_on(i, start_timer, &t, PRIO_NORMAL);
        TEST_NEED(starter != NULL);
        while (!atomic_load(&t.has_begun)) {
            thread_yield();
        }
        t.timer.deadline_ns = UINT64_MAX;
        timer_start(&t.timer);
        TEST_CHECK(timer_cancel(&t.timer));
        TEST_CHECK(atomic_load(&t.has_ended));
        TEST_EQUAL(test_join(starter, NULL), OK);
    }
}

struct spinner {
    _Atomic bool is_over;
    _Atomic unsigned turns;
};

static void spin(void *arg)
{
    struct spinner *s = arg;
    while (!atomic_load(&s->is_over)) {
        atomic_fetch_add(&s->turns, 1);
    }
}

/* Two threads that never yield share a CPU, which another thread's
 * interrupt told about the second one. */
static void equal_threads_share_every_cpu(void)
{
    for (cpu_t i = 0; i < contenders(); i++) {
        struct spinner a = {.turns = 0}, b = {.turns = 0};
        struct thread *ta = start_on(i, spin, &a, PRIO_NORMAL);
        struct thread *tb = start_on(i, spin, &b, PRIO_NORMAL);
        bool both = ta != NULL && tb != NULL;
        while (both && (atomic_load(&a.turns) == 0 || atomic_load(&b.turns) == 0)) {
            TEST_EQUAL(thread_sleep(NS_PER_MS), OK);
        }
        atomic_store(&a.is_over, true);
        atomic_store(&b.is_over, true);
        TEST_EQUAL(test_join(ta, NULL), OK);
        TEST_EQUAL(test_join(tb, NULL), OK);
    }
}

/* A thread of higher priority preempts one that never yields, also one
 * whose priority was just lowered. */
static void a_higher_priority_preempts_another_cpu_at_once(void)
{
    cpu_t cpu = cpu_count() - 1;
    struct spinner s = {.turns = 0};
    struct thread *t = start_on(cpu, spin, &s, PRIO_NORMAL);
    TEST_NEED(t != NULL);
    TEST_EQUAL(test_join(start_on(cpu, nothing, NULL, PRIO_HIGH), NULL), OK);
    struct thread *same = start_on(cpu, nothing, NULL, PRIO_NORMAL - 1);
    thread_set_priority(t, PRIO_NORMAL - 2);
    TEST_EQUAL(test_join(same, NULL), OK);
    atomic_store(&s.is_over, true);
    TEST_EQUAL(test_join(t, NULL), OK);
}

static void wait_to_be_cancelled(void *arg)
{
    (void)arg;
    thread_exit(thread_sleep_until(WAIT_FOREVER) == E_CANCELLED ? 0 : 1);
}

static void waits_on_every_cpu_are_cancelled(void)
{
    for (cpu_t i = 0; i < cpu_count(); i++) {
        int value = -1;
        struct thread *t = start_on(i, wait_to_be_cancelled, NULL, PRIO_NORMAL);
        TEST_NEED(t != NULL);
        thread_cancel(t);
        TEST_EQUAL(test_join(t, &value), OK);
        TEST_EQUAL(value, 0);
    }
}

struct job {
    struct work work;
    struct completion done;
    cpu_t cpu;
};

static void do_job(struct work *work)
{
    struct job *j = CONTAINER_OF(work, struct job, work);
    j->cpu = hal_this_cpu()->id;
    completion_signal(&j->done);
}

static void put_off(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS / 10; i++) {
        struct job j = {.work = {.run = do_job}, .cpu = UINT32_MAX};
        completion_init(&j.done, "job");
        TEST_CHECK(work_queue(&j.work));
        TEST_EQUAL(completion_wait(&j.done, WAIT_FOREVER), OK);
        work_cancel(&j.work);                  /* it has signalled, but may not have returned */
        TEST_EQUAL(j.cpu, hal_this_cpu()->id); /* work runs on the CPU that queued it */
    }
}

static void put_off_last(void *arg)
{
    struct job *j = arg;
    (void)work_queue(&j->work);
}

/* Queued from all CPUs at once: it runs once each time it is queued,
 * never twice at the same time. */
struct shared_job {
    struct work work;
    _Atomic unsigned inside, runs, queued;
};

static void do_shared_job(struct work *work)
{
    struct shared_job *j = CONTAINER_OF(work, struct shared_job, work);
    TEST_EQUAL(atomic_fetch_add(&j->inside, 1), 0);
    hal_cpu_relax();
    atomic_fetch_sub(&j->inside, 1);
    atomic_fetch_add(&j->runs, 1);
}

static void put_off_shared(void *arg)
{
    struct shared_job *j = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (work_queue(&j->work)) {
            atomic_fetch_add(&j->queued, 1);
        }
    }
}

static void work_queued_by_all_cpus_runs_once_at_a_time(void)
{
    struct shared_job j = {.work = {.run = do_shared_job}};
    run_on(contenders(), put_off_shared, &j);
    struct job last = {.work = {.run = do_job}};
    for (cpu_t cpu = 0; cpu < contenders(); cpu++) { /* queued after it, on whichever CPU it is */
        completion_init(&last.done, "job");
        smp_call(cpu, put_off_last, &last);
        TEST_EQUAL(completion_wait(&last.done, WAIT_FOREVER), OK);
        work_cancel(&last.work);
    }
    TEST_EQUAL(j.runs, j.queued);
    TEST_CHECK(j.runs > 0);
    work_cancel(&j.work);
}

static void work_is_deferred_on_every_cpu(void)
{
    run_on(contenders(), put_off, NULL);
}

static struct thread *start_sampled(cpu_t cpu, struct spinner *s)
{
    struct thread *t = NULL;
    struct thread_options options = {
        .entry = spin, .arg = s, .priority = PRIO_NORMAL, .placement = THREAD_ON, .cpu = cpu};
    char name[THREAD_NAME_MAX];
    fmt_print(name, sizeof(name), "sampled %u", cpu);
    options.name = name;
    TEST_EQUAL(thread_create(&options, &t), OK);
    return t;
}

/* Call chains start with the thread's name. */
static bool is_sampled(cpu_t cpu)
{
    char name[THREAD_NAME_MAX], chain[CHAIN_MAX];
    size_t len = fmt_print(name, sizeof(name), "sampled %u;", cpu);
    for (uint32_t at = 0; profile_get_stack(&at, chain, sizeof(chain)) != 0;) {
        if (strncmp(chain, name, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Fail after as many samples as one CPU takes in a second. */
static void wait_until_sampled(cpu_t cpu)
{
    struct profile_entry e;
    uint64_t total = 0;
    while (!is_sampled(cpu) && total < NS_PER_S / PROFILE_PERIOD_NS) {
        TEST_EQUAL(thread_sleep(NS_PER_MS), OK);
        (void)profile_get(PROFILE_FUNCTIONS, 0, &e, &total);
    }
    TEST_CHECK(is_sampled(cpu));
}

static void the_profiler_samples_every_cpu(void)
{
    struct spinner s = {.turns = 0};
    struct thread *threads[CPUS_MANY] = {NULL};
    TEST_NEED(profile_start() == OK);
    for (cpu_t i = 0; i < contenders(); i++) {
        threads[i] = start_sampled(i, &s);
    }
    for (cpu_t i = 0; i < contenders(); i++) {
        if (threads[i] != NULL) {
            wait_until_sampled(i);
        }
    }
    atomic_store(&s.is_over, true);
    for (cpu_t i = 0; i < contenders(); i++) {
        TEST_EQUAL(test_join(threads[i], NULL), OK);
    }
    profile_stop();
}

const struct kernel_test smp_thread_tests[] = {
    {"smp.a_thread_runs_where_it_is_placed", a_thread_runs_where_it_is_placed,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.unplaced_threads_are_spread", unplaced_threads_are_spread,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.no_wake_up_is_lost_between_cpus", no_wake_up_is_lost_between_cpus,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.locks_keep_cpus_apart", locks_keep_cpus_apart, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.memory_and_threads_are_allocated_on_all_cpus",
     memory_and_threads_are_allocated_on_all_cpus, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.each_cpu_has_a_timer", each_cpu_has_a_timer, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.threads_cached_by_cpus_are_freed", threads_cached_by_cpus_are_freed,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.a_message_line_has_one_device", a_message_line_has_one_device,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.a_cancelled_timer_runs_nowhere", a_cancelled_timer_runs_nowhere,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.equal_threads_share_every_cpu", equal_threads_share_every_cpu,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.a_higher_priority_preempts_another_cpu_at_once",
     a_higher_priority_preempts_another_cpu_at_once, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.waits_on_every_cpu_are_cancelled", waits_on_every_cpu_are_cancelled,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.the_profiler_samples_every_cpu", the_profiler_samples_every_cpu,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.work_is_deferred_on_every_cpu", work_is_deferred_on_every_cpu,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.work_queued_by_all_cpus_runs_once_at_a_time", work_queued_by_all_cpus_runs_once_at_a_time,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {0},
};
