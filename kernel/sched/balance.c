// SPDX-License-Identifier: MIT
//
// Load balancing: which CPU runs a thread. A thread becomes ready on the CPU where it ran last, and
// a CPU that has nothing better to do pulls it from there. Only a thread that may not stay where it
// is (thread_set_affinity()) is pushed.

#include "hal/smp.h"
#include "hal/timer.h"
#include "kernel/sched/balance_internal.h"

/* Moving a thread. The CPU that pulls it locks the queue that it is in, removes it, makes it MOVING
 * and stores the new queue in thread.rq; it releases that lock, locks the new queue, makes the
 * thread READY and links it. No two run queues are locked at once. A thread in a ready list has
 * left its CPU and its registers are saved, because the lock is held across the switch (switch.c).
 * While the thread is MOVING, only the CPU that moves it changes its state or links it; the others
 * find t->rq changed, or find MOVING and leave it alone.
 *
 * No ready thread stays unseen. The CPU that lists a thread that is not about to run publishes
 * that (`offered`), then looks for a CPU that should pull it (`balance_idle_cpus`, `running`).
 * From the other side, two kinds of CPU publish their state, then search for threads
 * (balance_pull()): an idle CPU sets its bit in `balance_idle_cpus` (balance_pull_idle()), and a
 * CPU whose running thread stops being real-time stores the lower priority in `running` and sets
 * its own must_pull (switch_special_class(), follow_priority_locked()). Each side has a
 * sequentially consistent fence between its store and its loads, so at least one of the two sees
 * the other's store. Without either fence both could miss each other, and the thread would wait
 * although a CPU is idle, or although a real-time thread should run there.
 *
 * Any other switch to a lower priority starts no search, because it would read the queues of all
 * CPUs at nearly every switch. The CPU that offers a thread repeats its own search instead: for as
 * long as `offered` is set, arm_next_search() and balance_tick_locked() arm its timer for at most
 * one slice (10 ms; 0.5 ms if the thread is real-time). The tick finds the CPU that now runs a
 * worse thread (even_out_locked()) and sets that CPU's must_pull. So a thread may wait for one
 * slice although a CPU that is not idle runs a worse one. A tick notifies other CPUs of the best
 * offered thread only; the others wait for later ticks. The same ticks cover a kick that comes too
 * late, or that finds its CPU with other work.
 *
 * Cache warmth. A thread that ran just now has its data in the cache of the CPU that it left. It
 * is not pulled within 1 / WARM_PER_SECOND seconds after it stopped, unless the queue is
 * LONG_QUEUE long. A search that finds only warm threads arms the searching CPU's timer for the
 * moment when the first one is cold.
 *
 * Fairness among equals. If runnable threads of equal priority outnumber the CPUs, some CPU has
 * one more than the others. At the end of its slice, the thread that has been on that CPU for
 * the longest moves to the next CPU that has one fewer (balance_rotate_locked()), so that the
 * threads share the time evenly. */

#define WARM_PER_SECOND 2000 /* half a millisecond */
/* with this many waiting, the cache will be cold before the next one runs */
#define LONG_QUEUE  3
#define LOOK_MAX    64 /* members of a list that a search examines */
#define TURNS_PER_S 10 /* a CPU gives up at most one thread for fairness in 1 / TURNS_PER_S s */

/* CPUs whose idle thread has searched for work and found none, or is about to search. A CPU sets
 * its own bit. It clears the bit when it leaves its idle thread; another CPU clears it when it
 * kicks the CPU, so that one thread causes one interrupt. Setting the bit is sequentially
 * consistent and precedes the search; see the top of this file. */
_Atomic cpu_mask_t balance_idle_cpus;

static uint64_t warm_ticks(void)
{
    return hal_counter_hz() / WARM_PER_SECOND;
}

/** The counter value from which its data counts as
 * gone from the cache of the CPU where it is ready. */
static uint64_t cold_at(const struct thread *t)
{
    return t->stopped_at + warm_ticks();
}

/* The mask lags behind the lists: an offered list may be empty by now, hence the intersection.
 * Without the lock this is a hint. */
static uint64_t offered_by(const struct run_queue *rq)
{
    return atomic_load_explicit(&rq->offered, memory_order_relaxed) & rq_ready(rq);
}

static int best_of(uint64_t mask)
{
    return mask == 0 ? -1 : 63 - __builtin_clzll(mask);
}

/* --- notifying other CPUs --- */

/* must_pull is set before the kick, so the CPU that takes the interrupt sees it in
 * pull_if_asked(). */
void balance_request(cpu_t cpu)
{
    atomic_store_explicit(&sched_cpu_of(cpu)->must_pull, true, memory_order_relaxed);
    if (cpu == hal_this_cpu()->id) {
        request_switch();
    } else {
        sched_kick(cpu);
    }
}

/** Wake one of these idle CPUs, unless others have woken all of them. The CPU that clears the bit
 * sends the kick; the woken CPU then searches by itself. */
static void wake_idle(cpu_mask_t cpus)
{
    for (; cpus != 0; cpus &= cpus - 1) {
        cpu_mask_t bit = cpus & -cpus;
        if ((atomic_fetch_and_explicit(&balance_idle_cpus, ~bit, memory_order_relaxed) & bit) !=
            0) {
            sched_kick((cpu_t)__builtin_ctzll(bit));
            return;
        }
    }
}

/** Make the CPU that runs the worst thread search, if that thread is worse than `priority`. Reads
 * `running` without locks: a stale value costs one useless kick or one slice of delay. */
static bool notify_worst(cpu_mask_t cpus, uint8_t priority)
{
    cpu_t worst = 0;
    uint8_t lowest = priority;
    for (cpus &= online(); cpus != 0; cpus &= cpus - 1) {
        cpu_t cpu = (cpu_t)__builtin_ctzll(cpus);
        uint8_t running = rq_running(&sched_cpu_of(cpu)->rq);
        if (running < lowest) {
            worst = cpu;
            lowest = running;
        }
    }
    if (lowest < priority) {
        balance_request(worst);
    }
    return lowest < priority;
}

/** Search again at `when`, by the timer of the CPU that owns the queue. On another CPU, kick the
 * owner: sched_reevaluate() arms the timer there. */
static void arm_next_search(struct run_queue *rq, uint64_t when)
{
    if (rq == &sched_this_cpu()->rq) {
        timer_arm_on(owner_of(rq), when);
    } else {
        sched_kick(rq->cpu);
    }
}

static void note_offer_locked(struct run_queue *rq, uint8_t priority) REQUIRES(rq->lock)
{
    uint64_t offered = atomic_load_explicit(&rq->offered, memory_order_relaxed);
    atomic_store_explicit(&rq->offered, offered | (uint64_t)1 << priority, memory_order_relaxed);
}

static void forget_offer_locked(struct run_queue *rq, int priority) REQUIRES(rq->lock)
{
    uint64_t offered = atomic_load_explicit(&rq->offered, memory_order_relaxed);
    atomic_store_explicit(&rq->offered, offered & ~((uint64_t)1 << priority), memory_order_relaxed);
}

/** Choose which CPU to notify about the waiting thread `t`. A real-time thread interrupts the worst
 * running thread. Another one wakes an idle CPU, unless it is still warm.
 * @return when to search again. */
static uint64_t notify_for(const struct run_queue *rq, const struct thread *t, uint64_t now)
{
    cpu_mask_t others = t->affinity & ~owner_of((struct run_queue *)(uintptr_t)rq)->bit;
    cpu_mask_t idle = atomic_load_explicit(&balance_idle_cpus, memory_order_relaxed) & others;
    bool is_warm = (int64_t)(cold_at(t) - now) > 0;
    if (t->priority >= PRIO_REALTIME) {
        (void)notify_worst(others, t->priority);
        return now + warm_ticks();
    }
    if (idle == 0) {
        return now + (uint64_t)sched_slice_ticks;
    }
    if (is_warm && rq == &sched_this_cpu()->rq) {
        return cold_at(t);
    }
    /* another CPU offers it although it is warm: the woken CPU waits until it is cold */
    wake_idle(idle);
    return now + (uint64_t)sched_slice_ticks;
}

COLD_CALL void balance_offer_locked(struct run_queue *rq, const struct thread *t)
{
    note_offer_locked(rq, t->priority);
    preempt_point(PREEMPT_WAKE);
    atomic_thread_fence(memory_order_seq_cst); /* pairs with the fence in balance_pull() */
    arm_next_search(rq, notify_for(rq, t, hal_counter_read()));
}

/** The first CPU of the mask that runs a thread of this priority and could take one more without
 * becoming worse off than this CPU. CPU_MAX: none. If only one thread waits here, no thread of this
 * priority may wait there. */
static cpu_t first_for_turn(cpu_mask_t cpus, uint8_t priority, unsigned waiting)
{
    for (; cpus != 0; cpus &= cpus - 1) {
        cpu_t cpu = (cpu_t)__builtin_ctzll(cpus);
        const struct run_queue *other = &sched_cpu_of(cpu)->rq;
        bool has_waiting = (rq_ready(other) >> priority & 1) != 0;
        if (rq_running(other) == priority && (waiting > 1 || !has_waiting)) {
            return cpu;
        }
    }
    return CPU_MAX;
}

/** Round robin: continue after the CPU that was chosen last. */
static cpu_t next_for_turn(const struct run_queue *rq, cpu_mask_t cpus, uint8_t priority,
                           unsigned waiting)
{
    cpu_mask_t up_to_last = (((cpu_mask_t)1 << rq->turn_cpu) << 1) - 1;
    cpu_t cpu = first_for_turn(cpus & ~up_to_last, priority, waiting);
    return cpu != CPU_MAX ? cpu : first_for_turn(cpus & up_to_last, priority, waiting);
}

/* `waiting` counts the threads listed here without `t`, because one of them runs in its place. No
 * thread is sent away within a turn's length after another one arrived, or the turns would differ
 * in length; and `t` itself must have been here longest. rq->turn is only compared by find_locked()
 * on the other CPU, so it need not be cleared if that CPU does not come. */
void balance_rotate_locked(struct run_queue *rq, const struct thread *t, uint64_t now)
{
    uint64_t turn_ticks = hal_counter_hz() / TURNS_PER_S;
    unsigned waiting = 0;
    cpu_mask_t others = t->affinity & online() & ~owner_of(rq)->bit;
    if (others == 0) {
        return;
    }
    LIST_FOR_EACH (&rq->ready[t->priority], n) {
        const struct thread *other = CONTAINER_OF(n, struct thread, run_link);
        bool was_first = other->can_move && other->arrived_at < t->arrived_at;
        if (++waiting == LOOK_MAX || was_first || now - other->arrived_at < turn_ticks) {
            return;
        }
    }
    cpu_t cpu = next_for_turn(rq, others, t->priority, waiting - 1);
    if (cpu != CPU_MAX) {
        rq->turn = t;
        rq->turn_cpu = cpu;
        balance_request(cpu);
    }
}

/* --- pulling threads --- */

struct search {
    struct sched_cpu *self;
    uint64_t now;
    uint64_t retry_at; /* when the first thread that is too warm now will be cold */
    int floor;         /* priority of the best thread on this CPU, running or ready */
    unsigned waiting;  /* threads of that priority that wait here */
    bool is_idle;
};

static unsigned count_waiting_locked(struct run_queue *rq, int priority) REQUIRES(rq->lock)
{
    unsigned n = 0;
    LIST_FOR_EACH (&rq->ready[priority], node) {
        if (++n == LOOK_MAX) {
            break;
        }
    }
    return n;
}

/* Computed under this CPU's lock, which is released before another queue is locked. It may be stale
 * by the time a thread is found; the cost is a needless move. */
static void set_floor(struct search *s)
{
    struct run_queue *rq = &s->self->rq;
    spin_lock_masked(&rq->lock);
    s->floor = MAX(rq_best_locked(rq), (int)rq_running(rq));
    s->is_idle = s->floor == PRIO_IDLE;
    s->waiting = s->is_idle ? 0 : count_waiting_locked(rq, s->floor);
    spin_unlock_masked(&rq->lock);
}

/** Whether to pull `t`, if `before` threads that may also move here wait ahead of it. */
static bool is_worth_it(struct search *s, const struct thread *t, unsigned before)
{
    if (t->priority >= PRIO_REALTIME) {
        return true;
    }
    if (before + 1 >= LONG_QUEUE || (int64_t)(cold_at(t) - s->now) <= 0) {
        return true;
    }
    s->retry_at = MIN(s->retry_at, cold_at(t));
    return false;
}

/** Search one list: return the first thread that is cold, or any that may move if the list is long.
 * Threads as good as this CPU's own are pulled only if that makes the two CPUs more equal, or if it
 * is the turn of one (rq->turn).
 *
 * `fit` counts threads that may run here. `needed` is how many must be there for one to be worth
 * taking: one if they are better than this CPU's own, else two more than wait here. If no thread of
 * the whole list may move, the offer is withdrawn. */
static struct thread *find_locked(struct search *s, struct run_queue *rq, int priority)
    REQUIRES(rq->lock)
{
    unsigned looked = 0, movable = 0, fit = 0;
    struct thread *found = NULL, *turn = NULL;
    unsigned needed = priority == s->floor ? s->waiting + 2 : 1;
    LIST_FOR_EACH (&rq->ready[priority], n) {
        struct thread *t = CONTAINER_OF(n, struct thread, run_link);
        movable += t->can_move ? 1 : 0;
        if (t->can_move && may_run_on(t, s->self)) {
            found = found == NULL && is_worth_it(s, t, fit) ? t : found;
            turn = t == rq->turn && rq->turn_cpu == s->self->rq.cpu ? t : turn;
            fit++;
        }
        if (++looked == LOOK_MAX) {
            s->retry_at = MIN(s->retry_at, s->now + warm_ticks());
            break;
        }
    }
    if (movable == 0 && looked < LOOK_MAX) {
        forget_offer_locked(rq, priority);
    }
    if (fit >= needed) {
        return found;
    }
    return fit + 1 == needed ? turn : NULL;
}

/* Everything from the search to begin_migration_locked() happens under the victim's lock, so that
 * the thread is never visible in a half moved state. If the victim offers more, wake another idle
 * CPU for it: the one kick that was sent for the first thread cannot serve both. */
static struct thread *take_from(struct search *s, struct sched_cpu *from)
{
    struct run_queue *rq = &from->rq;
    struct thread *t = NULL;
    cpu_mask_t next = 0;
    spin_lock_masked(&rq->lock);
    uint64_t lists = offered_by(rq);
    int priority;
    while (t == NULL && (priority = best_of(lists)) >= s->floor) {
        t = find_locked(s, rq, priority);
        lists &= ~((uint64_t)1 << priority);
    }
    if (t != NULL) {
        rq_remove_locked(rq, t);
        next = offered_by(rq) == 0 ? 0 : t->affinity;
        t->state = THREAD_MOVING;
        t->arrived_at = s->now;
        begin_migration_locked(rq, t, s->self);
    }
    spin_unlock_masked(&rq->lock);
    wake_idle(next & atomic_load_explicit(&balance_idle_cpus, memory_order_relaxed) &
              ~s->self->bit);
    return t;
}

/** The CPU that offers the best priority, among equals the one with the most threads; CPUs in
 * `asked` are skipped. NULL: no CPU offers anything better than this one has. */
static struct sched_cpu *busiest(const struct search *s, cpu_mask_t asked)
{
    struct sched_cpu *best = NULL;
    int priority = s->is_idle ? PRIO_IDLE : s->floor - 1;
    uint32_t threads = 0;
    for (cpu_mask_t left = online() & ~asked; left != 0; left &= left - 1) {
        struct sched_cpu *sc = sched_cpu_of((cpu_t)__builtin_ctzll(left));
        int p = best_of(offered_by(&sc->rq));
        uint32_t n = atomic_load_explicit(&sc->threads, memory_order_relaxed);
        if (p > priority || (p == priority && best != NULL && n > threads)) {
            best = sc;
            priority = p;
            threads = n;
        }
    }
    return best;
}

/* Offers are hints, so a CPU may turn out to have nothing suitable. Each CPU is tried at most
 * once. */
static struct thread *search_all(struct search *s)
{
    struct thread *t = NULL;
    cpu_mask_t asked = s->self->bit;
    struct sched_cpu *from;
    while (t == NULL && (from = busiest(s, asked)) != NULL) {
        t = take_from(s, from);
        asked |= from->bit;
    }
    return t;
}

bool balance_pull(struct sched_cpu *self)
{
    if (self->bit == 0 || cpus_count() == 1) {
        return false;
    }
    struct search s = {.self = self, .now = hal_counter_read(), .retry_at = UINT64_MAX};
    atomic_thread_fence(memory_order_seq_cst); /* pairs with the fence in balance_offer_locked() */
    set_floor(&s);
    struct thread *t = search_all(&s);
    if (t == NULL) {
        if (s.is_idle && s.retry_at != UINT64_MAX) {
            timer_arm_on(self, s.retry_at);
        }
        return false;
    }
    atomic_fetch_add_explicit(&self->moves, 1, memory_order_relaxed);
    balance_finish_migration(t);
    return true;
}

/* The bit in balance_idle_cpus must be set before the search: a thread offered after the search
 * then finds it and kicks this CPU. */
bool balance_pull_idle(struct sched_cpu *self)
{
    if (self->bit == 0 || cpus_count() == 1) {
        return false;
    }
    if (self->idle_since == 0) {
        self->idle_since = hal_counter_read();
        self->was_asked = false;
    }
    atomic_fetch_or_explicit(&balance_idle_cpus, self->bit, memory_order_seq_cst);
    preempt_point(PREEMPT_WAIT);
    return balance_pull(self);
}

/** The first thread of a list that may move. NULL: there is none, or LOOK_MAX threads that may not
 * move come first. */
static const struct thread *first_movable_locked(struct run_queue *rq, int priority)
    REQUIRES(rq->lock)
{
    unsigned looked = 0;
    LIST_FOR_EACH (&rq->ready[priority], n) {
        const struct thread *t = CONTAINER_OF(n, struct thread, run_link);
        if (t->can_move) {
            return t;
        }
        if (++looked == LOOK_MAX) {
            return NULL;
        }
    }
    forget_offer_locked(rq, priority);
    return NULL;
}

/** thread_yield() lists threads without offering them; offer the best list here if it has any that
 * may move. */
static void note_movable_locked(struct run_queue *rq) REQUIRES(rq->lock)
{
    int best = rq_best_locked(rq);
    if (best >= 0 && (offered_by(rq) >> best & 1) == 0 && first_movable_locked(rq, best) != NULL) {
        note_offer_locked(rq, (uint8_t)best);
    }
}

/** No CPU is idle. Notify a CPU that runs a worse thread than the one that waits here, or one that
 * runs an equal thread while fewer wait there. */
static void even_out_locked(struct run_queue *rq, const struct thread *t) REQUIRES(rq->lock)
{
    cpu_mask_t others = t->affinity & online() & ~owner_of(rq)->bit;
    if ((atomic_load_explicit(&balance_idle_cpus, memory_order_relaxed) & others) != 0 ||
        notify_worst(others, t->priority) || count_waiting_locked(rq, t->priority) < 2) {
        return;
    }
    for (; others != 0; others &= others - 1) {
        cpu_t cpu = (cpu_t)__builtin_ctzll(others);
        const struct run_queue *other = &sched_cpu_of(cpu)->rq;
        if (rq_running(other) == t->priority && rq_ready(other) >> t->priority == 0) {
            balance_request(cpu);
            return;
        }
    }
}

void balance_watch_locked(struct run_queue *rq, uint64_t now)
{
    if (offered_by(rq) != 0) {
        timer_arm_on(owner_of(rq), now + (uint64_t)sched_slice_ticks);
    }
}

/* The periodic side of "no ready thread stays unseen": while anything is offered, each tick
 * notifies other CPUs again and arms the timer for the next one. */
void balance_tick_locked(struct run_queue *rq, uint64_t now)
{
    if (cpus_count() == 1) {
        return;
    }
    note_movable_locked(rq);
    const struct thread *t = NULL;
    uint64_t lists = offered_by(rq);
    for (int best; t == NULL && (best = best_of(lists)) >= 0; lists &= ~((uint64_t)1 << best)) {
        t = first_movable_locked(rq, best);
    }
    if (t == NULL) {
        return;
    }
    atomic_thread_fence(memory_order_seq_cst); /* as in balance_offer_locked() */
    uint64_t when = notify_for(rq, t, now);
    if (t->priority < PRIO_REALTIME) {
        even_out_locked(rq, t);
    }
    timer_arm_on(owner_of(rq), when);
}

uint64_t balance_moves(void)
{
    uint64_t sum = 0;
    for (cpu_t cpu = 0; cpu < cpus_count(); cpu++) {
        sum += atomic_load_explicit(&sched_cpu_of(cpu)->moves, memory_order_relaxed);
    }
    return sum;
}
