// SPDX-License-Identifier: MIT
//
// Reader-writer locks, events and conditions between real CPUs, and waits that end because the
// program ends. With one CPU all threads run there.
#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/jit/code/park.h"
#include "kernel/program/program.h"
#include "kernel/sched/event.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/rwlock.h"
#include "kernel/sched/wait_set.h"
#include "tests/kernel/tests.h"

#define THREADS 4u
#define ROUNDS  300u

/* --- threads, one CPU after the other --- */

static struct thread *start(unsigned i, void (*entry)(void *arg), void *arg)
{
    struct thread *t = NULL;
    const struct thread_options options = {.name = "waiting test",
                                           .entry = entry,
                                           .arg = arg,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ON,
                                           .cpu = i % cpus_count()};
    TEST_EQUAL(thread_create(&options, &t), OK);
    return t;
}

static void run(void (*entry)(void *arg), void *arg)
{
    struct thread *t[THREADS] = {NULL};
    for (unsigned i = 0; i < THREADS; i++) {
        t[i] = start(i, entry, arg);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        TEST_EQUAL(test_join(t[i], NULL), OK);
    }
}

/* --- reader-writer lock --- */

struct table {
    struct rwlock lock;
    unsigned writes; /* both fields are written under the lock and stay equal */
    unsigned copy;
    _Atomic unsigned torn, readers;
    _Atomic bool is_over;
};

static void read_once(struct table *t)
{
    rwlock_read(&t->lock);
    atomic_fetch_add(&t->readers, 1);
    if (t->writes != t->copy) {
        atomic_fetch_add(&t->torn, 1);
    }
    atomic_fetch_sub(&t->readers, 1);
    rwlock_end_read(&t->lock);
}

static void write_once(struct table *t)
{
    rwlock_write(&t->lock);
    if (atomic_load(&t->readers) != 0) {
        atomic_fetch_add(&t->torn, 1);
    }
    t->writes++;
    if (t->writes % 16 == 0) {
        thread_yield(); /* lets other threads arrive and wait */
    }
    t->copy++;
    rwlock_end_write(&t->lock);
}

static void read_and_write(void *arg)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 4 == 0) {
            write_once(arg);
        } else {
            read_once(arg);
        }
    }
}

static void readers_and_writers_keep_apart(void)
{
    struct table t = {.writes = 0};
    rwlock_init(&t.lock, "test table");
    run(read_and_write, &t);
    TEST_EQUAL(t.torn, 0);
    TEST_EQUAL(t.writes, THREADS * ROUNDS / 4);
    TEST_EQUAL(t.copy, t.writes);
}

static void read_until_over(void *arg)
{
    struct table *t = arg;
    while (!atomic_load(&t->is_over)) {
        rwlock_read(&t->lock);
        thread_yield(); /* the next reader enters before this one leaves */
        rwlock_end_read(&t->lock);
    }
}

static void write_until_over(void *arg)
{
    struct table *t = arg;
    while (!atomic_load(&t->is_over)) {
        rwlock_write(&t->lock);
        thread_yield();
        rwlock_end_write(&t->lock);
    }
}

/* The lock is never free: a thread that starves does not return. */
static void get_in(void (*crowd)(void *arg), void (*visit)(struct table *t))
{
    struct table t = {.writes = 0};
    struct thread *threads[THREADS] = {NULL};
    rwlock_init(&t.lock, "test crowd");
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = start(i, crowd, &t);
    }
    for (unsigned i = 0; i < 20; i++) {
        thread_yield();
        visit(&t);
    }
    atomic_store(&t.is_over, true);
    for (unsigned i = 0; i < THREADS; i++) {
        TEST_EQUAL(test_join(threads[i], NULL), OK);
    }
    TEST_EQUAL(t.torn, 0);
}

static void a_writer_gets_in_among_readers(void)
{
    get_in(read_until_over, write_once);
}

static void a_reader_gets_in_among_writers(void)
{
    get_in(write_until_over, read_once);
}

/* --- condition: a buffer with a few slots --- */

#define PLACES 3u

struct store {
    struct mutex lock;
    struct condition changed;
    unsigned filled, put, got;
    unsigned worst;
};

static void fill_and_empty(void *arg)
{
    struct store *s = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        bool puts = i % 2 == 0;
        mutex_lock(&s->lock);
        while (s->filled == (puts ? PLACES : 0)) {
            TEST_EQUAL(condition_wait(&s->changed, &s->lock, WAIT_FOREVER), OK);
        }
        s->filled += puts ? 1u : -1u;
        s->put += puts;
        s->got += !puts;
        s->worst = MAX(s->worst, s->filled);
        condition_broadcast(&s->changed);
        mutex_unlock(&s->lock);
    }
}

static void a_condition_is_never_missed(void)
{
    struct store s = {.filled = 0};
    mutex_init(&s.lock, "test store");
    condition_init(&s.changed, "test store");
    run(fill_and_empty, &s);
    TEST_EQUAL(s.filled, 0);
    TEST_EQUAL(s.put, THREADS * ROUNDS / 2);
    TEST_EQUAL(s.got, s.put);
    TEST_CHECK(s.worst <= PLACES);
}

/* --- event --- */

struct table_tennis {
    struct event ping, pong;
};

static void return_it(void *arg)
{
    struct table_tennis *t = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        TEST_EQUAL(event_wait(&t->ping, WAIT_FOREVER), OK);
        event_set(&t->pong);
    }
}

static void an_event_wakes_threads_on_every_cpu(void)
{
    struct table_tennis t;
    event_init(&t.ping, EVENT_AUTO, "test ping");
    event_init(&t.pong, EVENT_AUTO, "test pong");
    for (unsigned cpu = 0; cpu < MIN(cpus_count(), THREADS); cpu++) {
        struct thread *other = start(cpu, return_it, &t);
        TEST_NEED(other != NULL);
        for (unsigned i = 0; i < ROUNDS; i++) {
            event_set(&t.ping);
            TEST_EQUAL(event_wait(&t.pong, WAIT_FOREVER), OK);
        }
        TEST_EQUAL(test_join(other, NULL), OK);
    }
}

/* --- parked threads --- */

static uint32_t parked_at;

static void park_often(void *arg)
{
    _Atomic unsigned *others = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (park_wait(&parked_at, sizeof parked_at, 0, -1) != PARK_NOTIFIED) {
            atomic_fetch_add(others, 1);
        }
    }
}

/* As soon as a thread is in the list it may be notified, also while it still puts itself there. */
static void a_notified_thread_never_says_otherwise(void)
{
    _Atomic unsigned others = 0;
    for (unsigned cpu = 0; cpu < MIN(cpus_count(), 2u); cpu++) {
        struct thread *t = start(cpu, park_often, (void *)&others);
        TEST_NEED(t != NULL);
        for (unsigned woken = 0; woken < ROUNDS; woken += park_notify(&parked_at, 1)) {
            thread_yield();
        }
        TEST_EQUAL(test_join(t, NULL), OK);
    }
    TEST_EQUAL(atomic_load(&others), 0);
    TEST_EQUAL(park_wait(&parked_at, sizeof parked_at, 1, -1), PARK_DIFFERS);
    TEST_EQUAL(park_wait(&parked_at, sizeof parked_at, 0, 1000), PARK_TIMED_OUT);
    TEST_EQUAL(park_notify(&parked_at, UINT32_MAX), 0);
}

/* --- read sections --- */

#define POISON 0xdeadu

struct version {
    unsigned number, twice;
};

struct registry {
    _Atomic(struct version *) current; /* release: its fields; acquire by readers */
    _Atomic bool is_over;
    _Atomic unsigned wrong;
    struct version versions[8];
};

static void read_registry(void *arg)
{
    struct registry *r = arg;
    while (!atomic_load(&r->is_over)) {
        rcu_read_begin();
        const struct version *v = atomic_load_explicit(&r->current, memory_order_acquire);
        for (unsigned i = 0; i < 50; i++) {
            if (*(const volatile unsigned *)&v->twice != 2 * v->number) {
                atomic_fetch_add(&r->wrong, 1);
            }
        }
        rcu_read_end();
        thread_yield();
    }
}

/* A replaced version is overwritten as soon as no reader can see it, and reused. */
static void readers_are_waited_for(void)
{
    static struct registry r;
    struct thread *readers[THREADS] = {NULL};
    r = (struct registry){.versions = {{.number = 1, .twice = 2}}};
    atomic_store(&r.current, &r.versions[0]);
    for (unsigned i = 0; i < THREADS; i++) {
        readers[i] = start(i, read_registry, &r);
    }
    for (unsigned i = 1; i < ROUNDS / 3; i++) {
        struct version *old = atomic_load(&r.current), *new = &r.versions[i % 8];
        new->number = i;
        new->twice = 2 * i;
        atomic_store_explicit(&r.current, new, memory_order_release);
        rcu_synchronize();
        old->twice = POISON;
    }
    atomic_store(&r.is_over, true);
    for (unsigned i = 0; i < THREADS; i++) {
        TEST_EQUAL(test_join(readers[i], NULL), OK);
    }
    TEST_EQUAL(r.wrong, 0);
}

static _Atomic unsigned calls;

static void count_call(struct rcu_call *c)
{
    atomic_fetch_add(&calls, 1);
    c->run = NULL;
}

static void a_deferred_call_runs_once(void)
{
    static struct rcu_call put_off[20];
    atomic_store(&calls, 0);
    for (unsigned i = 0; i < ARRAY_COUNT(put_off); i++) {
        put_off[i] = (struct rcu_call){.run = count_call};
        rcu_call_later(&put_off[i]);
    }
    while (atomic_load(&calls) < ARRAY_COUNT(put_off)) {
        TEST_EQUAL(thread_sleep(NS_PER_MS), OK);
    }
    TEST_EQUAL(atomic_load(&calls), ARRAY_COUNT(put_off));
}

/* --- several queues --- */

/* Each thread counts in one of the sources, and goes on when the count was seen. */
struct source {
    struct wait_queue queue;
    unsigned count;        /* under the queue's lock */
    _Atomic unsigned seen; /* by the thread that waits for all */
};

static struct source sources[THREADS];

static void count_in(void *arg)
{
    struct source *s = arg;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        irq_state_t state = spin_lock_irq(&s->queue.lock);
        s->count = i;
        wait_wake_all_locked(&s->queue);
        spin_unlock_irq(&s->queue.lock, state);
        while (atomic_load(&s->seen) != i) {
            thread_yield();
        }
    }
}

static bool see(struct source *s)
{
    irq_state_t state = spin_lock_irq(&s->queue.lock);
    unsigned count = s->count;
    spin_unlock_irq(&s->queue.lock, state);
    return atomic_exchange(&s->seen, count) != count;
}

/* A wake-up that is missed leaves a thread without an answer, and this one asleep for ever. */
static void a_set_misses_no_wake_up(void)
{
    struct thread *threads[THREADS] = {NULL};
    struct wait_watch watches[THREADS];
    struct wait_set set;
    wait_set_init(&set);
    for (unsigned i = 0; i < THREADS; i++) {
        sources[i] = (struct source){.count = 0};
        wait_queue_init(&sources[i].queue, "test source");
        wait_set_add(&set, &watches[i], &sources[i].queue);
    }
    unsigned left = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = start(i, count_in, &sources[i]);
        left += threads[i] == NULL ? 0 : ROUNDS;
    }
    while (left != 0) {
        unsigned found = 0;
        for (unsigned i = 0; i < THREADS; i++) {
            found += see(&sources[i]);
        }
        left -= found;
        if (found == 0 && wait_set_wait(&set, WAIT_FOREVER) != OK) {
            break;
        }
    }
    for (unsigned i = 0; i < THREADS; i++) {
        TEST_EQUAL(test_join(threads[i], NULL), OK);
        TEST_EQUAL(sources[i].count, ROUNDS);
        wait_set_remove(&watches[i]);
    }
}

/* Two sets watch one queue. */
static void a_set_notes_wake_ups_before_the_wait(void)
{
    struct wait_queue queues[2];
    struct wait_watch watches[3];
    struct wait_set set, other;
    wait_set_init(&set);
    wait_set_init(&other);
    wait_queue_init(&queues[0], "test queue");
    wait_queue_init(&queues[1], "test queue");
    wait_set_add(&set, &watches[0], &queues[0]);
    wait_set_add(&set, &watches[1], &queues[1]);
    wait_set_add(&other, &watches[2], &queues[1]);
    TEST_EQUAL(wait_set_wait(&set, 0), E_TIMEDOUT);
    wait_wake_all(&queues[0]);
    TEST_EQUAL(wait_set_wait(&other, 0), E_TIMEDOUT);
    wait_wake_all(&queues[1]);
    TEST_EQUAL(wait_set_wait(&set, WAIT_FOREVER), OK);
    TEST_EQUAL(wait_set_wait(&set, clock_now_ns() + NS_PER_MS), E_TIMEDOUT);
    TEST_EQUAL(wait_set_wait(&other, 0), OK);
    wait_set_remove(&watches[1]);
    wait_wake_all(&queues[1]);
    TEST_EQUAL(wait_set_wait(&set, 0), E_TIMEDOUT);
    TEST_EQUAL(wait_set_wait(&other, 0), OK);
    wait_set_remove(&watches[2]);
    wait_set_remove(&watches[0]);
    wait_wake_all(&queues[0]);
    TEST_EQUAL(wait_set_wait(&set, 0), E_TIMEDOUT);
}

/* --- the end of a program ends each wait --- */

static struct {
    struct rwlock rwlock;
    struct event event;
    struct condition condition;
    struct mutex mutex; /* the condition's */
    struct mutex held;
    struct semaphore semaphore;
    struct completion completion;
    _Atomic unsigned waiting;
} w;

static enum status wait_to_read(void)
{
    enum status s = OK;
    if (rwlock_read_until(&w.rwlock, WAIT_FOREVER, &s)) {
        rwlock_end_read(&w.rwlock);
    }
    return s;
}

static enum status wait_to_write(void)
{
    enum status s = OK;
    if (rwlock_write_until(&w.rwlock, WAIT_FOREVER, &s)) {
        rwlock_end_write(&w.rwlock);
    }
    return s;
}

static enum status wait_for_event(void)
{
    return event_wait(&w.event, WAIT_FOREVER);
}

static enum status wait_for_mutex(void)
{
    enum status s = OK;
    if (mutex_lock_until(&w.held, WAIT_FOREVER, &s)) {
        mutex_unlock(&w.held);
    }
    return s;
}

static enum status wait_for_condition(void)
{
    mutex_lock(&w.mutex);
    enum status s = condition_wait(&w.condition, &w.mutex, WAIT_FOREVER);
    mutex_unlock(&w.mutex);
    return s;
}

static enum status wait_for_semaphore(void)
{
    return semaphore_down(&w.semaphore, WAIT_FOREVER);
}

static enum status wait_for_completion(void)
{
    return completion_wait(&w.completion, WAIT_FOREVER);
}

static enum status wait_parked(void)
{
    bool is_cancelled = park_wait(&parked_at, sizeof parked_at, 0, -1) == PARK_CANCELLED;
    return is_cancelled ? E_CANCELLED : OK;
}

static enum status (*const waits[])(void) = {
    wait_to_read,       wait_to_write,       wait_for_event, wait_for_condition,
    wait_for_semaphore, wait_for_completion, wait_for_mutex, wait_parked};

static _Atomic enum status results[ARRAY_COUNT(waits)];

static void wait_in_program(void *arg)
{
    unsigned i = (unsigned)(uintptr_t)arg;
    atomic_fetch_add(&w.waiting, 1);
    atomic_store(&results[i], waits[i]());
}

static void init_waits(void)
{
    rwlock_init(&w.rwlock, "test killed");
    event_init(&w.event, EVENT_AUTO, "test killed");
    condition_init(&w.condition, "test killed condition");
    mutex_init(&w.mutex, "test killed mutex");
    mutex_init(&w.held, "test killed, held");
    semaphore_init(&w.semaphore, 0, "test killed");
    completion_init(&w.completion, "test killed");
    atomic_store(&w.waiting, 0);
}

static bool start_in(struct program *p, unsigned i)
{
    struct thread *t = NULL;
    const struct thread_options options = {.name = "killed test",
                                           .entry = wait_in_program,
                                           .arg = (void *)(uintptr_t)i,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ON,
                                           .cpu = i % cpus_count(),
                                           .owner = &p->owner};
    atomic_store(&results[i], OK);
    TEST_EQUAL(thread_create(&options, &t), OK);
    if (t != NULL) {
        thread_detach(t);
    }
    return t != NULL;
}

static void a_kill_ends_each_wait(void)
{
    struct program *p;
    enum program_end end = PROGRAM_RUNNING;
    int status;
    unsigned started = 0;
    init_waits();
    TEST_NEED(program_create("killed", &p) == OK);
    rwlock_write(&w.rwlock); /* so that the others wait */
    mutex_lock(&w.held);
    for (unsigned i = 0; i < ARRAY_COUNT(waits); i++) {
        started += start_in(p, i);
    }
    while (atomic_load(&w.waiting) < started) {
        thread_yield();
    }
    program_kill(p, PROGRAM_KILLED, 1);
    TEST_EQUAL(program_wait(p, WAIT_FOREVER, &end, &status), OK);
    TEST_EQUAL(end, PROGRAM_KILLED);
    for (unsigned i = 0; i < ARRAY_COUNT(waits); i++) {
        TEST_EQUAL(atomic_load(&results[i]), E_CANCELLED);
    }
    mutex_unlock(&w.held);
    rwlock_end_write(&w.rwlock);
    program_release(p);
    /* No waiter is left: each lock works as if none had waited. */
    rwlock_write(&w.rwlock);
    rwlock_end_write(&w.rwlock);
    event_set(&w.event);
    TEST_EQUAL(event_wait(&w.event, WAIT_FOREVER), OK);
    semaphore_up(&w.semaphore);
    TEST_EQUAL(semaphore_down(&w.semaphore, WAIT_FOREVER), OK);
    TEST_CHECK(!mutex_is_held(&w.mutex));
    mutex_lock(&w.mutex);
    mutex_unlock(&w.mutex);
}

const struct kernel_test waiting_tests[] = {
    {"waiting.readers_and_writers_keep_apart", readers_and_writers_keep_apart,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"waiting.a_writer_gets_in_among_readers", a_writer_gets_in_among_readers,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"waiting.a_reader_gets_in_among_writers", a_reader_gets_in_among_writers,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"waiting.a_condition_is_never_missed", a_condition_is_never_missed,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"waiting.an_event_wakes_threads_on_every_cpu", an_event_wakes_threads_on_every_cpu,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"waiting.a_notified_thread_never_says_otherwise", a_notified_thread_never_says_otherwise,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"waiting.readers_are_waited_for", readers_are_waited_for, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"waiting.a_deferred_call_runs_once", a_deferred_call_runs_once,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"waiting.a_set_misses_no_wake_up", a_set_misses_no_wake_up, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"waiting.a_set_notes_wake_ups_before_the_wait", a_set_notes_wake_ups_before_the_wait,
     TEST_ON_INTERRUPTS},
    {"waiting.a_kill_ends_each_wait", a_kill_ends_each_wait, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {0},
};
