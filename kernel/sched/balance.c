// SPDX-License-Identifier: MIT
//
// Which CPU a thread runs on. It is made ready where it ran last, and a CPU that has nothing better
// to do takes it from there: threads are moved by who will run them, but for those that may not
// stay (thread_set_affinity()).
//
// Who takes a thread locks the queue that it is in, takes it out, makes it MOVING and names the new
// queue as its own; gives that lock up, locks the new queue, makes it READY and lists it. No two
// run queues are locked at once. A thread in a list has left its CPU, registers saved, because the
// lock is held across the switch (switch.c). While it is MOVING everybody else leaves its state
// alone.
//
// No ready thread stays unseen. Who lists one that is not about to run notes that (`offered`), then
// looks for a CPU that should take it (`balance_idle_cpus`, `running`); a CPU that turns to less
// notes that, then looks for threads. A fence between note and look on both sides: at least one
// sees the other's note. A CPU that is told too late, or has found something else to do, does not
// come: so who offers also has its timer look again, after a slice at the latest.
//
// A thread that ran just now has its data in the cache of the CPU that it left: it is not taken for
// WARM_PER_SECOND's time, unless many wait there.
//
// Equals that cannot be divided take turns at being many: who has been on its CPU for the longest
// goes, at the end of its slice, to the next CPU where one fewer is.

#include "hal/smp.h"
#include "hal/timer.h"
#include "kernel/sched/balance_internal.h"

#define WARM_PER_SECOND 2000 /* half a millisecond */
#define LONG_QUEUE      3    /* so many wait that the next one's data will have left the cache */
#define LOOK_MAX        64   /* members of a list that are looked at */
#define TURNS_PER_S     10   /* as often at most one leaves a CPU for that */

/* CPUs whose idle thread has looked for work in vain, or is about to. Set by the CPU, cleared by it
 * when it leaves its idle thread, or by who interrupts it to have it look: one interrupt for one
 * thread. Sequentially consistent where it is set, before the CPU looks for threads; see above. */
_Atomic cpu_mask_t balance_idle_cpus;

static uint64_t warm_ticks(void)
{
    return hal_counter_hz() / WARM_PER_SECOND;
}

/** When its data will have left the cache of the CPU where it is ready, as far as we count. */
static uint64_t cold_at(const struct thread *t)
{
    return t->stopped_at + warm_ticks();
}

static uint64_t offered_by(const struct run_queue *rq)
{
    return atomic_load_explicit(&rq->offered, memory_order_relaxed) & rq_ready(rq);
}

static int best_of(uint64_t mask)
{
    return mask == 0 ? -1 : 63 - __builtin_clzll(mask);
}

/* --- telling other CPUs --- */

void balance_ask(cpu_t cpu)
{
    atomic_store_explicit(&sched_cpu_of(cpu)->must_pull, true, memory_order_relaxed);
    if (cpu == hal_this_cpu()->id) {
        request_switch();
    } else {
        sched_kick(cpu);
    }
}

/** Wake one of these idle CPUs, unless others have woken all of them. It looks by itself. */
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

/** Have the CPU with the worst running thread look, if that is worse than `priority`. */
static bool ask_worst(cpu_mask_t cpus, uint8_t priority)
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
        balance_ask(worst);
    }
    return lowest < priority;
}

/** Look again, by the timer of the CPU whose queue it is; if that is another, have it see to that.
 */
static void look_again_at(struct run_queue *rq, uint64_t when)
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

/** @return when to look again */
static uint64_t tell_of(const struct run_queue *rq, const struct thread *t, uint64_t now)
{
    cpu_mask_t others = t->affinity & ~owner_of((struct run_queue *)(uintptr_t)rq)->bit;
    cpu_mask_t idle = atomic_load_explicit(&balance_idle_cpus, memory_order_relaxed) & others;
    bool is_warm = (int64_t)(cold_at(t) - now) > 0;
    if (t->priority >= PRIO_REALTIME) {
        (void)ask_worst(others, t->priority);
        return now + warm_ticks();
    }
    if (idle == 0) {
        return now + (uint64_t)sched_slice_ticks;
    }
    if (is_warm && rq == &sched_this_cpu()->rq) {
        return cold_at(t);
    }
    wake_idle(idle); /* told by a third CPU that it is warm, it waits by itself */
    return now + (uint64_t)sched_slice_ticks;
}

SELDOM_CALLED void balance_offer_locked(struct run_queue *rq, const struct thread *t)
{
    note_offer_locked(rq, t->priority);
    preempt_point(PREEMPT_WAKE);
    atomic_thread_fence(memory_order_seq_cst); /* pairs with the one in balance_pull() */
    look_again_at(rq, tell_of(rq, t, hal_counter_read()));
}

/** The first CPU of the mask that runs an equal, and where nobody else waits to if only one does
 * here; CPU_MAX: none. */
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

/** All in turn: those behind the last one come first. */
static cpu_t next_for_turn(const struct run_queue *rq, cpu_mask_t cpus, uint8_t priority,
                           unsigned waiting)
{
    cpu_mask_t up_to_last = (((cpu_mask_t)1 << rq->turn_cpu) << 1) - 1;
    cpu_t cpu = first_for_turn(cpus & ~up_to_last, priority, waiting);
    return cpu != CPU_MAX ? cpu : first_for_turn(cpus & up_to_last, priority, waiting);
}

/* What waits here is counted without `t`, in whose place one of the others runs. Nobody goes soon
 * after another one came: the turns would be of different lengths. */
void balance_turn_locked(struct run_queue *rq, const struct thread *t, uint64_t now)
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
        balance_ask(cpu);
    }
}

/* --- taking threads --- */

struct search {
    struct sched_cpu *self;
    uint64_t now;
    uint64_t retry_at; /* the first of those that are too warm will be cold */
    int floor;         /* as good is what there is to do here */
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

static void set_floor(struct search *s)
{
    struct run_queue *rq = &s->self->rq;
    spin_lock_masked(&rq->lock);
    s->floor = MAX(rq_best_locked(rq), (int)rq_running(rq));
    s->is_idle = s->floor == PRIO_IDLE;
    s->waiting = s->is_idle ? 0 : count_waiting_locked(rq, s->floor);
    spin_unlock_masked(&rq->lock);
}

/** Whether to take `t`, before which `before` others wait that may come here, too. */
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

/** In one list: the first that is cold, or one of many. Equals of what there is here come only
 * if that makes the two CPUs more equal, or if it is the turn of one. */
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
        set_off_locked(rq, t, s->self);
    }
    spin_unlock_masked(&rq->lock);
    wake_idle(next & atomic_load_explicit(&balance_idle_cpus, memory_order_relaxed) &
              ~s->self->bit);
    return t;
}

/** The CPU that offers the best, among equals the one with the most threads; not those in `asked`.
 * NULL: nobody has anything for us. */
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
    if (self->bit == 0 || hal_cpu_count() == 1) {
        return false;
    }
    struct search s = {.self = self, .now = hal_counter_read(), .retry_at = UINT64_MAX};
    atomic_thread_fence(memory_order_seq_cst); /* pairs with the one in balance_offer_locked() */
    set_floor(&s);
    struct thread *t = search_all(&s);
    if (t == NULL) {
        if (s.is_idle && s.retry_at != UINT64_MAX) {
            timer_arm_on(self, s.retry_at);
        }
        return false;
    }
    atomic_fetch_add_explicit(&self->moves, 1, memory_order_relaxed);
    balance_arrive(t);
    return true;
}

bool balance_pull_idle(struct sched_cpu *self)
{
    if (self->bit == 0 || hal_cpu_count() == 1) {
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

/** NULL: there is none, or many that may not move come first. */
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

/** Threads that yielded are in lists without having been offered. */
static void note_movable_locked(struct run_queue *rq) REQUIRES(rq->lock)
{
    int best = rq_best_locked(rq);
    if (best >= 0 && (offered_by(rq) >> best & 1) == 0 && first_movable_locked(rq, best) != NULL) {
        note_offer_locked(rq, (uint8_t)best);
    }
}

/** Nobody is idle. Another CPU runs something worse than what waits here, or as good, and fewer
 * wait there. */
static void even_out_locked(struct run_queue *rq, const struct thread *t) REQUIRES(rq->lock)
{
    cpu_mask_t others = t->affinity & online() & ~owner_of(rq)->bit;
    if ((atomic_load_explicit(&balance_idle_cpus, memory_order_relaxed) & others) != 0 ||
        ask_worst(others, t->priority) || count_waiting_locked(rq, t->priority) < 2) {
        return;
    }
    for (; others != 0; others &= others - 1) {
        cpu_t cpu = (cpu_t)__builtin_ctzll(others);
        const struct run_queue *other = &sched_cpu_of(cpu)->rq;
        if (rq_running(other) == t->priority && rq_ready(other) >> t->priority == 0) {
            balance_ask(cpu);
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

void balance_tick_locked(struct run_queue *rq, uint64_t now)
{
    if (hal_cpu_count() == 1) {
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
    atomic_thread_fence(memory_order_seq_cst); /* as balance_offer_locked() */
    uint64_t when = tell_of(rq, t, now);
    if (t->priority < PRIO_REALTIME) {
        even_out_locked(rq, t);
    }
    timer_arm_on(owner_of(rq), when);
}

uint64_t balance_moves(void)
{
    uint64_t sum = 0;
    for (cpu_t cpu = 0; cpu < hal_cpu_count(); cpu++) {
        sum += atomic_load_explicit(&sched_cpu_of(cpu)->moves, memory_order_relaxed);
    }
    return sum;
}
