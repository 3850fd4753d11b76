// SPDX-License-Identifier: MIT
//
// The kernel's threads on several CPUs, under ThreadSanitizer: they become ready, migrate, wait and
// are woken, exit and are joined. The data that they protect or hand over is plain memory, which
// only the kernel's own synchronization orders.
//
//     race_threads NAME     one of the tests below; status 0, or 66 when a race was reported
#include "hal/bootinfo.h"
#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/sched/event.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/rwlock.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/work.h"
#include "race.h"

#include <stdlib.h>
#include <string.h>

#define CPUS    4u
#define ACTORS  8u
#define ROUNDS  400u
#define ANY_CPU (((cpu_mask_t)1 << CPUS) - 1)

static void check(bool holds, const char *what)
{
    if (!holds) {
        race_fail(what);
    }
}

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16;
}

struct actor {
    struct thread *thread;
    uint32_t number, seed;
    uint64_t done;   /* written by the thread; read by the test after the join */
    cpu_mask_t seen; /* CPUs that it ran on */
};

static struct thread *begin(void (*entry)(void *arg), void *arg)
{
    struct thread *t;
    const struct thread_options options = {.name = "actor",
                                           .entry = entry,
                                           .arg = arg,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE};
    check(thread_create(&options, &t) == OK, "no thread");
    return t;
}

/** Run ACTORS threads on all CPUs until they have ended. @return their total work */
static uint64_t play(void (*entry)(void *arg))
{
    static struct actor actors[ACTORS];
    uint64_t sum = 0;
    cpu_mask_t seen = 0;
    for (uint32_t i = 0; i < ACTORS; i++) {
        actors[i] = (struct actor){.number = i, .seed = i + 1};
        actors[i].thread = begin(entry, &actors[i]);
    }
    for (uint32_t i = 0; i < ACTORS; i++) {
        check(thread_join(actors[i].thread, NULL) == OK, "a join was cancelled");
        sum += actors[i].done;
        seen |= actors[i].seen;
    }
    check(seen == ANY_CPU, "a CPU had nothing to do");
    return sum;
}

/** Migrate, or run later. */
static void wander(struct actor *a)
{
    irq_state_t state = hal_irq_save();
    a->seen |= (cpu_mask_t)1 << hal_this_cpu()->id;
    hal_irq_restore(state);
    switch (draw(&a->seed) % 8) {
    case 0:
        thread_yield();
        break;
    case 1:
        check(thread_set_affinity(thread_current(), (cpu_mask_t)1 << draw(&a->seed) % CPUS) == OK,
              "no such CPU");
        break;
    case 2:
        check(thread_set_affinity(thread_current(), ANY_CPU) == OK, "no such CPUs");
        break;
    case 3:
        check(thread_sleep(draw(&a->seed) % 20000) == OK, "a sleep was cancelled");
        break;
    default:
        break;
    }
}

/* ---- Mutexes with waiters ---- */

static struct mutex mutex;
static uint64_t count; /* under it */

static void lock_and_wander(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        mutex_lock(&mutex);
        count++;
        wander(a);
        count++;
        mutex_unlock(&mutex);
#ifdef SEEDED_RACE
        count++; /* outside the mutex, which another thread may hold */
#endif
        a->done += 2;
        wander(a);
    }
}

static void mutexes(void)
{
    uint64_t done = play(lock_and_wander);
    check(count == done, "an addition under the mutex was lost");
}

/* ---- A reader-writer lock ---- */

static struct rwlock rwlock;

static void read_and_write(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (draw(&a->seed) % 4 == 0) {
            rwlock_write(&rwlock);
            count++;
            wander(a);
            rwlock_end_write(&rwlock);
            a->done++;
        } else {
            rwlock_read(&rwlock);
            uint64_t before = count;
            wander(a);
            check(count == before, "a writer runs beside a reader");
            rwlock_end_read(&rwlock);
        }
    }
}

static void rwlocks(void)
{
    uint64_t done = play(read_and_write);
    check(count == done, "an addition was lost");
}

/* ---- Handed-over data: written before, read after ---- */

static struct semaphore begins[ACTORS];
static uint64_t parcels[ACTORS];

static void pass_on(void *arg)
{
    struct actor *a = arg;
    uint32_t next = (a->number + 1) % ACTORS;
    for (unsigned i = 0; i < ROUNDS; i++) {
        check(semaphore_down(&begins[a->number], WAIT_FOREVER) == OK, "a wait was cancelled");
        parcels[next] = parcels[a->number] + 1;
        a->done++;
        wander(a);
        semaphore_up(&begins[next]);
    }
}

static void parcels_go_round(void)
{
    for (uint32_t i = 0; i < ACTORS; i++) {
        semaphore_init(&begins[i], i == 0, "parcel");
    }
    uint64_t done = play(pass_on);
    check(parcels[0] == done, "a parcel differs from the one that was sent");
}

/* ---- A condition, and waits with a timeout ---- */

static struct condition has_room;
static unsigned room = 2; /* under the mutex */

static void enter_and_leave(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        mutex_lock(&mutex);
        while (room == 0) {
            enum status s =
                condition_wait(&has_room, &mutex, clock_now_ns() + draw(&a->seed) % 50000);
            check(s == OK || s == E_TIMEDOUT, "a wait was cancelled");
        }
        room--;
        mutex_unlock(&mutex);
        wander(a);
        mutex_lock(&mutex);
        room++;
        count++;
        a->done++;
        condition_signal(&has_room);
        mutex_unlock(&mutex);
    }
}

static void conditions(void)
{
    uint64_t done = play(enter_and_leave);
    check(count == done && room == 2, "an item was added and never removed");
}

/* ---- Work ---- */

struct sum {
    struct work work;
    uint64_t in, out; /* in: before it is queued; out: by the work function */
    struct completion done;
};

static void add_up(struct work *work)
{
    struct sum *s = CONTAINER_OF(work, struct sum, work);
    s->out += s->in;
    completion_signal(&s->done);
}

static void put_off(void *arg)
{
    struct actor *a = arg;
    struct sum *s = calloc(1, sizeof(*s));
    check(s != NULL, "no memory");
    s->work.run = add_up;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t before = s->out;
        bool is_awaited = draw(&a->seed) % 2 == 0;
        completion_init(&s->done, "work");
        s->in = i + 1;
        check(work_queue(&s->work), "finished work is still queued");
        if (is_awaited) {
            check(completion_wait(&s->done, WAIT_FOREVER) == OK, "a wait was cancelled");
            a->done++;
        }
        work_cancel(&s->work); /* the work does not run after this */
        check(s->out == before + s->in || (!is_awaited && s->out == before),
              "work ran other than once");
        wander(a);
    }
    free(s);
}

static void works(void)
{
    check(play(put_off) > 0, "no work was done");
}

/* ---- Threads that start and exit ---- */

static void live_briefly(void *arg)
{
    struct actor *a = arg;
    a->done++;
    wander(a);
}

static void have_children(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct actor child = {.seed = draw(&a->seed)};
        struct thread *t = begin(live_briefly, &child);
        wander(a);
        check(thread_join(t, NULL) == OK && child.done == 1, "a child did not live");
        a->done++;
    }
}

static void children(void)
{
    check(play(have_children) == ACTORS * ROUNDS, "a child is missing");
}

/* ---- Read sections ---- */

struct version {
    uint64_t a, b;
};

static _Atomic(struct version *) current; /* release: publishes the contents; acquire by readers */

static void read_or_replace(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (a->number == 0 && i % 16 == 0) {
            struct version *v = malloc(sizeof(*v));
            check(v != NULL, "no memory");
            *v = (struct version){.a = i, .b = ~(uint64_t)i};
            struct version *old = atomic_exchange_explicit(&current, v, memory_order_acq_rel);
            rcu_synchronize();
            old->a = old->b = 0; /* no reader can see it now */
            free(old);
        }
        rcu_read_begin();
        const struct version *v = atomic_load_explicit(&current, memory_order_acquire);
        check(v->a == ~v->b, "a freed version was read");
        rcu_read_end();
        a->done++;
        wander(a);
    }
}

static void read_sections(void)
{
    static struct version first = {.a = 0, .b = ~(uint64_t)0};
    struct version *v = malloc(sizeof(*v));
    check(v != NULL, "no memory");
    *v = first;
    atomic_store_explicit(&current, v, memory_order_release);
    (void)play(read_or_replace);
}

/* ---- Which ---- */

static const struct {
    const char *name;
    void (*body)(void);
} tests[] = {
    {"mutex", mutexes},        {"rwlock", rwlocks}, {"semaphore", parcels_go_round},
    {"condition", conditions}, {"work", works},     {"children", children},
    {"rcu", read_sections},
};

static void boot(void)
{
    static struct hal_cpu boot_cpu = {.self = &boot_cpu};
    static struct boot_info info = {.cpu_count = CPUS};
    for (uint32_t i = 0; i < CPUS; i++) {
        info.cpus[i] = (struct boot_cpu){.hw_id = i, .enabled = true};
    }
    race_become_cpu(&boot_cpu);
    race_boot();
    sched_init();
    hal_irq_enable();
    check(work_start(0) == OK, "no work thread");
    smp_start(&info, 0);
    check(cpus_count() == CPUS, "a CPU did not start");
    mutex_init(&mutex, "race");
    rwlock_init(&rwlock, "race");
    condition_init(&has_room, "room");
}

int main(int argc, char **argv)
{
    for (unsigned i = 0; argc == 2 && i < sizeof tests / sizeof tests[0]; i++) {
        if (strcmp(argv[1], tests[i].name) == 0) {
            boot();
            tests[i].body();
            exit(0); /* without joining the other CPUs, which still run */
        }
    }
    return 2;
}
