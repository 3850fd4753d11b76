// SPDX-License-Identifier: MIT
//
// The kernel's own code on several host threads at once, each of which acts as a CPU,
// under ThreadSanitizer. It reports two accesses that no atomic orders, even if they
// did not collide in this run.
//
// It knows C's atomics, but not fences. Where only a fence orders accesses (the trace ring's
// words), the words themselves are atomic, so it reports nothing there and proves nothing either.
//
//     race NAME [ROUNDS]     one of the tests below; status 0, or 66 when a race was reported
#include "hal/irq.h"
#include "hal/smp.h"
#include "hal/timer.h"
#include "hal/upcall.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/runqueue.h"
#include "kernel/sched/rwlock.h"
#include "kernel/sched/timer.h"
#include "kernel/trace/report/trace_control.h"
#include "kernel/trace/trace.h"
#include "race.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPUS 4u

static unsigned rounds = 20000;
static struct hal_cpu cpus[CPUS];
static pthread_barrier_t barrier;
static void (*body)(cpu_t cpu);

static void check(bool holds, const char *what)
{
    if (!holds) {
        race_fail(what);
    }
}

/* ---- A spinlock, and what it protects ---- */

static struct spinlock lock = SPINLOCK_INIT;
static uint64_t count;

static void spinlocks(cpu_t cpu)
{
    (void)cpu;
#ifdef SEEDED_RACE
    count++; /* before this CPU has taken the lock: unordered with the other CPUs' writes */
#endif
    for (unsigned i = 0; i < rounds; i++) {
        irq_state_t state = spin_lock_irq(&lock);
        count++;
        spin_unlock_irq(&lock, state);
    }
    pthread_barrier_wait(&barrier);
    check(count == (uint64_t)CPUS * rounds, "an addition under the lock was lost");
}

/* ---- A run queue from which all CPUs pop ---- */

#define THREADS 16u

static struct run_queue rq;
static struct thread threads[THREADS];

static void run_queues(cpu_t cpu) NO_LOCK_ANALYSIS
{
    unsigned random = cpu + 1;
    for (unsigned i = 0; i < rounds; i++) {
        bool has_equal;
        irq_state_t state = spin_lock_irq(&rq.lock);
        struct thread *t = rq_pop_locked(&rq, &has_equal);
        spin_unlock_irq(&rq.lock, state);
        if (t == NULL) {
            continue;
        }
        t->switches++; /* this CPU owns the thread now */
        random = random * 1103515245 + 12345;
        t->priority = (uint8_t)(random >> 16) % PRIO_COUNT;
        state = spin_lock_irq(&rq.lock);
        rq_push_back_locked(&rq, t);
        spin_unlock_irq(&rq.lock, state);
    }
}

static void prepare_run_queue(void) NO_LOCK_ANALYSIS
{
    rq_init(&rq, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i].priority = (uint8_t)i;
        rq_push_back_locked(&rq, &threads[i]);
    }
}

/* ---- Mutexes without waiters ---- */

static struct mutex mutex;

static void mutexes(cpu_t cpu) NO_LOCK_ANALYSIS
{
    static struct thread self[CPUS];
    hal_become_thread(&self[cpu]);
    for (unsigned i = 0; i < rounds; i++) {
        if (mutex_try_lock(&mutex)) {
            count++;
            mutex_unlock(&mutex);
        } else {
            race_relax();
        }
    }
    check(self[cpu].locks_held == 0, "a mutex is held too long");
}

/* ---- A reader-writer lock whose waiters only spin ---- */

static struct rwlock rwlock;

static void rwlocks(cpu_t cpu)
{
    static struct thread self[CPUS];
    static uint64_t written[CPUS]; /* each CPU writes its own, until all have finished */
    uint64_t last = 0;
    hal_become_thread(&self[cpu]);
    for (unsigned i = 0; i < rounds; i++) {
        if (i % 4 == cpu) {
            if (rwlock_write_until(&rwlock, 0, NULL)) {
                count++;
                written[cpu]++;
                rwlock_end_write(&rwlock);
            }
        } else if (rwlock_read_until(&rwlock, 0, NULL)) {
            check(count >= last, "a reader sees less than before");
            last = count;
            rwlock_end_read(&rwlock);
        }
    }
    pthread_barrier_wait(&barrier);
    if (cpu == 0) {
        check(count == written[0] + written[1] + written[2] + written[3], "an addition was lost");
        if (!rwlock_write_until(&rwlock, 0, NULL)) {
            race_fail("the lock is not free, but has no owner");
        }
        rwlock_end_write(&rwlock);
    }
}

static void prepare_rwlock(void)
{
    rwlock_init(&rwlock, "race");
}

/* ---- Calls between CPUs ---- */

static uint64_t mail[CPUS];        /* written before the call is sent, read once it has arrived */
static _Atomic bool is_read[CPUS]; /* release and acquire: the next message may be written */

static void mailboxes(cpu_t cpu)
{
    cpu_t to = (cpu + 1) % CPUS;
    uint64_t sent = 0, received = 0;
    while (sent < rounds || received < rounds) {
        if (sent < rounds && atomic_load_explicit(&is_read[to], memory_order_acquire)) {
            atomic_store_explicit(&is_read[to], false, memory_order_relaxed);
            mail[to] = ++sent;
            ipi_send(&cpus[to], HAL_IPI_MACHINE);
        }
        ipi_poll();
        received = race_this_cpu()->ipi_count;
        race_relax();
    }
}

void hal_ipi_serve_machine(void)
{
    check(mail[race_this_cpu()->id] == ++race_this_cpu()->ipi_count,
          "a letter was lost, or came twice");
    atomic_store_explicit(&is_read[race_this_cpu()->id], true, memory_order_release);
}

/* ---- Timers: started here, cancelled on another CPU, while time passes ---- */

#define TIMERS 32u

static struct alarm {
    struct timer timer;
    uint64_t fired; /* written by the CPU that started the timer; read after the cancel */
} alarms[CPUS][TIMERS];

static void fire(struct timer *timer)
{
    CONTAINER_OF(timer, struct alarm, timer)->fired++;
}

static void take_back(cpu_t of)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        struct alarm *a = &alarms[of][i];
        uint64_t taken = timer_cancel(&a->timer) ? 1 : 0;
        check(a->fired + taken == 1, "a timer fired twice, or never, or after it was cancelled");
        a->fired = 0;
    }
}

static void timers(cpu_t cpu)
{
    for (unsigned round = 0; round < rounds / 100; round++) {
        for (unsigned i = 0; i < TIMERS; i++) {
            alarms[cpu][i].timer.deadline_ns = hal_counter_read() + i * 37 % 64;
            alarms[cpu][i].timer.fire = fire;
            timer_start(&alarms[cpu][i].timer);
        }
        pthread_barrier_wait(&barrier);
        atomic_fetch_add_explicit(&race_counter, 8, memory_order_relaxed);
        hal_irq_disable();
        upcall_timer();
        hal_irq_enable();
        take_back((cpu + 1) % CPUS);
        pthread_barrier_wait(&barrier);
    }
}

/* ---- The trace's rings: each CPU writes its own and reads another's ---- */

static void traces(cpu_t cpu)
{
    struct trace_record record;
    struct trace_info info;
    for (unsigned i = 0; i < rounds; i++) {
        trace(TRACE_IRQ, 0, i, ~(uint64_t)i);
        if (i % 8 == 0 && trace_get_info((cpu + 1) % CPUS, &info) && info.end > 0 &&
            trace_read((cpu + 1) % CPUS, info.end - 1, &record)) {
            check(record.event == TRACE_IRQ && record.b == ~record.a, "a record is torn");
        }
    }
    check(trace_get_info(cpu, &info) && info.end == rounds, "a record is missing");
}

static void start_trace(void)
{
    hal_irq_enable(); /* it may sleep */
    check(trace_start() == OK, "no trace");
}

/* ---- The page cache: files.c ---- */

static void files(cpu_t cpu)
{
    race_files(cpu, rounds);
}

/* ---- The tests, and their functions by CPU ---- */

static const struct {
    const char *name;
    void (*body)(cpu_t cpu);
    void (*prepare)(void);
} tests[] = {
    {"spinlock", spinlocks, NULL},  {"run_queue", run_queues, prepare_run_queue},
    {"mutex", mutexes, NULL},       {"rwlock", rwlocks, prepare_rwlock},
    {"mailbox", mailboxes, NULL},   {"timer", timers, NULL},
    {"trace", traces, start_trace}, {"files", files, race_prepare_files},
};

static void *run_cpu(void *arg)
{
    race_become_cpu(arg);
    hal_irq_enable();
    pthread_barrier_wait(&barrier);
    body(race_this_cpu()->id);
    return NULL;
}

static void make_cpu(cpu_t id)
{
    vaddr_t stack_top;
    cpus[id] = (struct hal_cpu){.self = &cpus[id], .id = id};
    atomic_store_explicit(&is_read[id], true, memory_order_relaxed);
    race_become_cpu(&cpus[0]); /* the boot CPU initializes the others */
    if (id == 0) {
        sched_init();
        return;
    }
    atomic_store_explicit(&cpus[id].state, HAL_CPU_ARRIVED, memory_order_relaxed);
    check(sched_add_cpu(&cpus[id], &stack_top), "no memory for a CPU");
    race_become_cpu(&cpus[id]);
    check(cpus_set_online(), "a CPU is refused");
}

int main(int argc, char **argv)
{
    rounds = argc == 3 ? (unsigned)atoi(argv[2]) : rounds;
    for (unsigned i = 0; argc >= 2 && i < sizeof tests / sizeof tests[0]; i++) {
        if (strcmp(argv[1], tests[i].name) == 0) {
            pthread_t hosts[CPUS];
            body = tests[i].body;
            race_boot();
            for (cpu_t cpu = 0; cpu < CPUS; cpu++) {
                make_cpu(cpu);
            }
            mutex_init(&mutex, "race");
            if (tests[i].prepare != NULL) {
                tests[i].prepare();
            }
            pthread_barrier_init(&barrier, NULL, CPUS);
            for (cpu_t cpu = 0; cpu < CPUS; cpu++) {
                pthread_create(&hosts[cpu], NULL, run_cpu, &cpus[cpu]);
            }
            for (cpu_t cpu = 0; cpu < CPUS; cpu++) {
                pthread_join(hosts[cpu], NULL);
            }
            return 0;
        }
    }
    return 2;
}
