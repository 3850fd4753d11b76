/* SPDX-License-Identifier: MIT
 *
 * A model of the scheduler: which thread or CPU changes which shared word, under which lock, and when a CPU
 * switches from one stack to another. The files that include this one say what the threads do.
 * kernel/sched/switch.c explains the rules that are modelled here.
 *
 * A thread is a process. It takes steps only while a CPU has its registers: `provided (RUNS(t))`. Each CPU
 * has a second process for its interrupts; while that runs, the CPU's thread does not. The steps of
 * different CPUs interleave in any order, as on sequentially consistent memory. The model says nothing
 * about weaker memory: for that, see the declaration of each shared word.
 *
 * Idle threads have the lowest priority and all others the same one. The model tries every choice among
 * equal threads, and so covers every order of priorities. It also ends a time slice at every point.
 *
 * Each MISTAKE_ below puts one bug into the model; test_model.py checks that Spin finds it.
 */

#ifndef CPUS
#define CPUS 2
#endif
#define UNITS (THREADS + CPUS) /* with the idle threads */
#define IDLE(c) (THREADS + (c))
#define NONE 15

#define BLOCKED 0
#define READY 1
#define RUNNING 2
#define DEAD 3
#define MOVING 4

#ifndef MOVES_MAX /* how many threads move from one CPU to the other */
#define MOVES_MAX 0
#endif

#ifndef WATCHES_MAX /* how often a CPU polls before it waits */
#define WATCHES_MAX 0
#endif

#define OK 0
#define TIMEDOUT 1
#define CANCELLED 2

#define TIMER_OFF 0
#define TIMER_QUEUED 1
#define TIMER_FIRES 2

typedef thread_t { /* struct thread */
    byte state;
    byte rq;       /* the number of the CPU whose run queue it belongs to */
    byte result;   /* wait_result */
    bool cancelled;
    bool uncancellable;
    byte refs;
    bool saved;    /* its registers are in memory */
    byte on;       /* the CPU that has them, or NONE */
    byte timer;    /* state of the struct timeout on its stack */
    byte timer_cpu;
};

typedef cpu_t { /* struct hal_cpu, struct sched_cpu */
    bool locked;   /* rq.lock */
    byte ready;    /* rq.ready: one bit for each thread */
    byte current;
    byte left;     /* rq.left */
    bool need;     /* need_resched */
    bool kicks;    /* send the other CPU an IPI once no lock is held */
    bool asked;    /* HAL_IPI_REEVALUATE is pending */
    bool raised;   /* its interrupt is raised */
    bool watched;  /* HAL_IPI_WATCHED: the CPU polls `asked` and needs no interrupt */
    bool armed;    /* the timer runs, for the end of the slice */
    bool masked;   /* interrupts are masked */
    byte watches;  /* polls so far: at most WATCHES_MAX */
    bool in_irq;   /* a handler runs and the thread does not */
    byte ticks;    /* slices that ended, if SLICES_MAX limits them */
};

typedef queue_t { /* struct wait_queue */
    bool locked;
    byte waiters;  /* one bit for each thread; any of them may be the first */
    bool gone;     /* its memory was freed */
};

thread_t T[UNITS];
cpu_t C[CPUS];
byte moves; /* threads that moved to another CPU: at most MOVES_MAX */
byte ended; /* threads that have ended */

#define BIT(t) (1 << (t))
#define HAS_TIMER(c, t) (T[t].timer == TIMER_QUEUED && T[t].timer_cpu == c)
#if THREADS == 2
#define TIMER_DUE(c) (HAS_TIMER(c, 0) || HAS_TIMER(c, 1))
#elif THREADS == 3
#define TIMER_DUE(c) (HAS_TIMER(c, 0) || HAS_TIMER(c, 1) || HAS_TIMER(c, 2))
#else
#define TIMER_DUE(c) (HAS_TIMER(c, 0) || HAS_TIMER(c, 1) || HAS_TIMER(c, 2) || HAS_TIMER(c, 3))
#endif
#ifdef SLICES_MAX /* limits the slices where every run has to end */
#define SLICE_ENDS(c) (C[c].armed && C[c].ticks < SLICES_MAX)
#define COUNT_SLICE(c) C[c].ticks++
#else
#define SLICE_ENDS(c) (C[c].armed)
#define COUNT_SLICE(c)
#endif
#define PENDING(c) (C[c].raised || SLICE_ENDS(c) || TIMER_DUE(c))

#define RUNS(t) (T[t].on != NONE && !C[T[t].on].in_irq)

/* The local variables of each process. `here`, the number of a thread's CPU, is valid while interrupts are
 * masked. */
#define LOCALS byte here, next, dead = NONE, rq, woken, status; bool was_woken

/* ---- Spinlocks; the holder has interrupts masked ---- */

inline lock_rq(at) { atomic { !C[at].locked -> C[at].locked = true } }
inline unlock_rq(at) { atomic { assert(C[at].locked); C[at].locked = false } }

inline lock_queue(q)
{
    atomic { !q.locked -> assert(!q.gone); q.locked = true }
}
inline lock_queue_irq(q) { atomic { irq_disable(); lock_queue(q) } } /* spin_lock_irq() */
inline unlock_queue(q)
{
    atomic { assert(!q.gone && q.locked); q.locked = false }
}

inline irq_disable() { atomic { here = T[self].on; C[here].masked = true } }

/* ---- The switch ---- */

/* rq_pop_locked(), or the idle thread. */
inline pick_locked()
{
    if
    :: C[here].ready == 0 -> next = IDLE(here)
    :: (C[here].ready & 1) -> next = 0
    :: (C[here].ready & 2) -> next = 1
#if THREADS > 2
    :: (C[here].ready & 4) -> next = 2
#endif
#if THREADS > 3
    :: (C[here].ready & 8) -> next = 3
#endif
    fi;
    if
    :: next < THREADS ->
       assert(T[next].state == READY && T[next].rq == here);
       C[here].ready = C[here].ready & ~BIT(next);
       C[here].armed = C[here].armed || C[here].ready != 0
    :: else
    fi
}

/* rq_push_back_locked(): no thread is in two lists, and none is in a list twice. */
inline push_locked(at, who)
{
    d_step {
        assert(((C[0].ready | C[CPUS - 1].ready) & BIT(who)) == 0);
        C[at].ready = C[at].ready | BIT(who);
    }
}

/* thread_put(): after the last reference is dropped, any CPU may reuse the unit. */
inline put(who)
{
    d_step { assert(T[who].refs > 0); T[who].refs-- }
}

/* finish_switch() runs on the new stack. Only now is the stack of a thread that ended free. */
inline finish_switch()
{
    d_step {
        here = T[self].on;
        next = 0;
        dead = C[here].left;
        C[here].left = NONE;
#ifndef MISTAKE_UNLOCK_BEFORE_SAVE
        assert(C[here].locked);
        C[here].locked = false
#endif
    };
    if
    :: dead != NONE -> atomic { put(dead); dead = NONE }
    :: else
    fi
}

/* hal_context_switch(): saves `self`, then loads `next`, which continues after its own context_switch(). */
inline context_switch()
{
    T[self].saved = true;
    d_step {
        assert(T[next].saved && T[next].on == NONE);
        T[next].saved = false;
        T[next].on = T[self].on;
        T[self].on = NONE
    }
}

/* switch_do_extra(): the thread that was switched to still has to send the IPI. */
inline end_need()
{
#ifdef MISTAKE_KICK_LOST_IN_SWITCH
    C[here].need = false
#else
    C[here].need = C[here].kicks
#endif
}

/* best_or_idle_locked(), switch_locked(): the lock is held; the thread that is switched to releases it. */
inline choose_locked()
{
    atomic {
        pick_locked();
        end_need();
        T[next].state = RUNNING;
        C[here].current = next
    }
}

inline switch_to_best_locked()
{
    choose_locked();
#ifdef MISTAKE_UNLOCK_BEFORE_SAVE
    unlock_rq(here);
#endif
    if
    :: next == self
    :: else -> context_switch()
    fi;
    finish_switch()
}

/* ---- Becoming ready ---- */

/* ipi_send() */
inline ask(at)
{
    d_step {
        C[at].raised = C[at].raised || (!C[at].asked && !C[at].watched);
        C[at].asked = true
    }
}

/* sched_kick(). With preemption off it sends the IPI at once; the model covers that, too. */
inline kick() { C[here].kicks = true; C[here].need = true }

/* send_kicks() */
inline send_kicks()
{
    if
    :: C[here].kicks -> C[here].kicks = false; ask(1 - here)
    :: else
    fi
}

/* make_ready_locked(), switch_notify_cpu_locked(). */
inline make_ready_locked(at, who)
{
    push_locked(at, who);
    if
    :: at != here -> kick()
    :: at == here && C[here].current == IDLE(here) -> C[here].need = true
    :: else -> C[here].armed = true
    fi
}

/* sched_lock_thread() */
inline lock_thread(who)
{
    do
    :: rq = T[who].rq; /* relaxed */
       atomic {
           lock_rq(rq);
           if
           :: T[who].rq == rq -> break
           :: else
           fi
       };
       unlock_rq(rq)
    od
}

/* switch_wake() */
inline switch_wake(who, why)
{
#ifdef MISTAKE_STATE_OUTSIDE_LOCK
    was_woken = (T[who].state == BLOCKED);
    lock_thread(who);
#else
    lock_thread(who);
    was_woken = (T[who].state == BLOCKED);
#endif
    atomic {
        if
        :: was_woken ->
           T[who].state = READY;
           T[who].result = why;
           make_ready_locked(rq, who)
        :: else
        fi;
        unlock_rq(rq);
        rq = 0
    }
}

/* ---- Interrupts ---- */

/* preempt_while_due(), at the end of an interrupt, and preempt_check(). */
inline preempt_check()
{
    do
    :: atomic { C[T[self].on].need && !C[T[self].on].masked -> irq_disable(); send_kicks() };
       lock_rq(here);
       if
       :: atomic { C[here].ready == 0 -> C[here].need = false; unlock_rq(here) }
#ifndef SLICES_MAX
       :: atomic { C[here].ready != 0 && self < THREADS -> /* its slice is not over */
          C[here].need = false;
          C[here].armed = true;
          unlock_rq(here) }
#endif
       :: atomic { C[here].ready != 0 ->
          T[self].state = READY;
          if
          :: self < THREADS -> push_locked(here, self)
          :: else
          fi };
          switch_to_best_locked()
       fi;
       atomic { C[here].masked = false; here = 0 }
    :: else -> break
    od
}

inline irq_enable()
{
    atomic { C[here].masked = false; here = 0 };
    preempt_check()
}

/* The parts of sched_reevaluate() and sched_tick() that choose which thread runs. */
inline look()
{
    lock_rq(here);
    atomic {
        if
        :: C[here].ready != 0 && C[here].current == IDLE(here) -> C[here].need = true
        :: C[here].ready != 0 && C[here].current != IDLE(here) -> C[here].armed = true
        :: else
        fi;
        unlock_rq(here)
    }
}

inline tick()
{
    lock_rq(here);
    atomic {
        if
        :: C[here].ready != 0 -> C[here].need = true
        :: else
        fi;
        unlock_rq(here)
    }
}

#define ENTER_IRQ !C[here].masked && !C[here].in_irq
inline enter_irq() { C[here].masked = true; C[here].in_irq = true }

/* time_out() of the timer on the stack of thread `t` */
#define TIMER_INTERRUPT(t) \
    atomic { ENTER_IRQ && HAS_TIMER(here, t) -> enter_irq(); T[t].timer = TIMER_FIRES }; \
    switch_wake(t, TIMEDOUT); \
    atomic { assert(T[t].timer == TIMER_FIRES); T[t].timer = TIMER_OFF }

proctype interrupts(byte cpu)
{
    LOCALS;
    here = cpu;
end_irq:
    do
    :: atomic { ENTER_IRQ && C[here].raised -> enter_irq(); C[here].raised = false; C[here].asked = false };
       look();
       atomic { C[here].in_irq = false; C[here].masked = false }
    :: atomic { ENTER_IRQ && SLICE_ENDS(here) -> enter_irq(); C[here].armed = false; COUNT_SLICE(here) };
       tick();
       atomic { C[here].in_irq = false; C[here].masked = false }
#ifdef TIMERS
    :: TIMER_INTERRUPT(0);
       atomic { C[here].in_irq = false; C[here].masked = false }
#endif
    od
}

/* ---- Between CPUs ---- */

/* balance_pull(): an idle CPU takes a READY thread of the other CPU. It holds one run queue's lock at a time.
 * The model tries every choice: whether the CPU looks, and which thread it takes. */
inline pull()
{
    lock_rq(1 - here);
    atomic { /* take_from() */
        if
        :: C[1 - here].ready == 0 -> woken = NONE
        :: (C[1 - here].ready & 1) -> woken = 0
        :: (C[1 - here].ready & 2) -> woken = 1
        :: (C[1 - here].ready & 4) -> woken = 2
        fi;
        if
        :: woken != NONE ->
           assert(T[woken].state == READY && T[woken].rq == 1 - here);
           C[1 - here].ready = C[1 - here].ready & ~BIT(woken);
           T[woken].state = MOVING;
           T[woken].rq = here
        :: else
        fi;
        unlock_rq(1 - here)
    };
    if
    :: woken != NONE -> /* balance_finish_migration() */
       lock_rq(here);
       atomic {
           assert(T[woken].state == MOVING && T[woken].rq == here);
           T[woken].state = READY;
           make_ready_locked(here, woken);
           unlock_rq(here)
       }
    :: else
    fi;
    woken = 0
}

/* poll_before_halt(): polls until the CPU is asked, or stops at any time before. Interrupts are taken; idle()
 * does the switch after them. */
inline watch()
{
    atomic { C[here].watched = true; C[here].masked = false };
    if
    :: C[here].asked || C[here].need
    :: true
    fi;
    atomic { !C[here].in_irq -> C[here].masked = true };
#ifdef MISTAKE_WATCH_ENDS_IN_TWO_STEPS
    atomic { was_woken = C[here].asked; C[here].asked = false };
    C[here].watched = false;
#else
    atomic { was_woken = C[here].asked; C[here].asked = false; C[here].watched = false };
#endif
    if
    :: was_woken -> look()
    :: else
    fi;
    was_woken = false
}

/* idle() */
proctype idle(byte self) provided (RUNS(self))
{
    LOCALS;
    do
#ifdef MISTAKE_IDLE_LOOKS_UNMASKED
    :: preempt_check();
       irq_disable();
#else
    :: irq_disable();
       if
       :: C[here].need -> irq_enable()
       :: atomic { !C[here].need && moves < MOVES_MAX && C[1 - here].ready != 0 -> moves++ };
          pull();
          irq_enable()
       :: atomic { !C[here].need && C[here].watches < WATCHES_MAX -> C[here].watches++ };
          watch();
          irq_enable()
       :: !C[here].need ->
#endif
end_wait: /* hal_cpu_wait() waits for an interrupt, which is taken before anything else runs */
          PENDING(here);
          C[here].masked = false;
          !PENDING(here);
          preempt_check()
#ifndef MISTAKE_IDLE_LOOKS_UNMASKED
       fi
#endif
    od
}

/* ---- Waiting ---- */

/* wait_sleep_locked(): both locks are held until the thread blocks. `status` says how the wait ended. */
inline sleep_locked(q, can_cancel)
{
#ifdef MISTAKE_CANCEL_LOOKED_FOR_UNLOCKED
    was_woken = T[self].cancelled;
    lock_rq(here);
#else
    lock_rq(here);
    was_woken = T[self].cancelled;
#endif
    if
    :: can_cancel && was_woken ->
       unlock_rq(here);
       unlock_queue(q);
       atomic { status = CANCELLED; was_woken = false }
    :: else ->
       d_step {
           was_woken = false;
           T[self].state = BLOCKED;
           T[self].uncancellable = !can_cancel;
           q.waiters = q.waiters | BIT(self)
       };
       unlock_queue(q);
       switch_to_best_locked();
       d_step { T[self].uncancellable = false; status = T[self].result; T[self].result = OK }
    fi
}

/* leave_queue_locked() */
inline leave_queue_locked(q) { q.waiters = q.waiters & ~BIT(self) }

/* wait_once_locked(), and wait_on_locked() without a deadline. */
inline wait_locked(q, can_cancel)
{
    sleep_locked(q, can_cancel);
    lock_queue(q);
    leave_queue_locked(q)
}

inline start_timeout() { atomic { T[self].timer_cpu = here; T[self].timer = TIMER_QUEUED } }

/* timer_cancel() waits while the timer's function runs on the other CPU. */
inline timer_cancel()
{
    if
    :: atomic { T[self].timer == TIMER_QUEUED -> T[self].timer = TIMER_OFF }
    :: atomic { T[self].timer != TIMER_QUEUED -> skip }
    fi;
    T[self].timer != TIMER_FIRES
}

/* spin_wait_released(): after it the waker no longer uses the queue, whose memory may be freed. */
inline wait_released(q)
{
#ifdef MISTAKE_LOCK_NOT_WAITED_FOR
    skip
#else
    !q.locked
#endif
}

/* wait_for_handoff_locked(), or with `until` wait_for_handoff_until_locked(): the waker hands the unit to the thread. */
inline wait_handed(q, until, can_cancel)
{
    if
    :: until -> start_timeout()
    :: else
    fi;
    sleep_locked(q, can_cancel);
    if
    :: until -> timer_cancel()
    :: else
    fi;
    if
    :: status == OK -> wait_released(q)
    :: else -> /* wait_leave_queue() */
       lock_queue(q);
       leave_queue_locked(q);
       unlock_queue(q)
    fi;
    irq_enable()
}

/* wait_wake_first_locked() skips threads whose wait has already ended in another way. */
inline wake_first_locked(q)
{
    was_woken = false;
    do
    :: was_woken || q.waiters == 0 -> break
    :: else ->
       if
       :: (q.waiters & 1) -> woken = 0
       :: (q.waiters & 2) -> woken = 1
#if THREADS > 2
       :: (q.waiters & 4) -> woken = 2
#endif
#if THREADS > 3
       :: (q.waiters & 8) -> woken = 3
#endif
       fi;
       q.waiters = q.waiters & ~BIT(woken);
       switch_wake(woken, OK);
       woken = 0;
#ifdef MISTAKE_ENDED_WAITER_COUNTS
       was_woken = true
#endif
    od
}

/* thread_cancel() */
inline thread_cancel(who)
{
#ifdef MISTAKE_CANCEL_SAID_LATE
    lock_thread(who);
    was_woken = (T[who].state == BLOCKED && !T[who].uncancellable);
    unlock_rq(rq);
    T[who].cancelled = true;
    lock_thread(who);
#else
    T[who].cancelled = true;
    lock_thread(who);
    was_woken = (T[who].state == BLOCKED && !T[who].uncancellable);
#endif
    atomic {
        if
        :: was_woken ->
           T[who].state = READY;
           T[who].result = CANCELLED;
           make_ready_locked(rq, who)
        :: else
        fi;
        unlock_rq(rq);
        rq = 0;
        was_woken = false
    }
}

/* ---- Start and end of a thread ---- */

/* thread_start(): the first steps of a thread on its own stack. */
inline thread_start()
{
    finish_switch();
    irq_enable()
}

/* The end of sched_exit_current(): the thread's last steps, with its run queue locked. The thread that runs next
 * drops the reference to the unit. If that thread is already chosen, `next` names it. */
inline leave_locked()
{
    T[self].state = DEAD;
#ifdef MISTAKE_PUT_BEFORE_SWITCH
    put(self);
#else
    C[here].left = self;
#endif
    if
    :: next == NONE -> choose_locked()
    :: else ->
       atomic {
           end_need();
           T[next].state = RUNNING;
           C[here].current = next
       }
    fi;
#ifdef MISTAKE_UNLOCK_BEFORE_SAVE
    unlock_rq(here);
#endif
    T[self].saved = true;
    d_step {
        assert(T[next].saved && T[next].on == NONE);
        T[next].saved = false;
        T[next].on = T[self].on;
        ended++;
        T[self].on = NONE
    }
}

/* The end of a thread that nobody joins. */
inline leave()
{
    atomic { irq_disable(); lock_rq(here); next = NONE };
    leave_locked()
}

/* take_joiner_locked() takes the joiner if it is the only waiter, belongs to this CPU, and no thread is ready
 * here. A ready thread of the same or a higher priority runs first. */
inline take_joiner_locked(q)
{
    atomic {
        if
#ifdef MISTAKE_JOINER_OF_ANY_CPU
        :: (q.waiters & 1) && T[0].state == BLOCKED && C[here].ready == 0 ->
#else
        :: (q.waiters & 1) && T[0].rq == here && T[0].state == BLOCKED && C[here].ready == 0 ->
#endif
           assert(q.waiters == 1);
           next = 0;
           q.waiters = 0;
           T[0].result = OK
        :: else -> next = NONE
        fi
    }
}

/* sched_exit_current() of a thread that thread 0 may join. */
inline leave_to_joiner(q, is_over)
{
    lock_queue_irq(q);
    is_over = true;
    lock_rq(here);
    take_joiner_locked(q);
    if
    :: next == NONE -> /* wake_joiners_locked() */
       unlock_rq(here);
       wake_first_locked(q);
       atomic { was_woken = false; lock_rq(here); next = NONE }
    :: else
    fi;
    unlock_queue(q);
    leave_locked()
}

/* sched_place(), sched_start(): the thread is ready on a CPU and has taken no step. */
inline born_on(who, at, references)
{
    d_step {
        T[who].state = READY;
        T[who].rq = at;
        T[who].refs = references;
        T[who].saved = true;
        T[who].on = NONE;
        C[at].ready = C[at].ready | BIT(who);
        C[at].asked = true;
        C[at].raised = true
    }
}

inline unborn(who)
{
    d_step {
        T[who].state = DEAD;
        T[who].on = NONE;
        T[who].refs = 0;
    }
}

inline boot(i)
{
    for (i : 0 .. CPUS - 1) {
        d_step {
            T[IDLE(i)].state = RUNNING;
            T[IDLE(i)].rq = i;
            T[IDLE(i)].refs = 1;
            T[IDLE(i)].on = i;
            C[i].current = IDLE(i);
            C[i].left = NONE
        };
        run idle(IDLE(i));
        run interrupts(i)
    }
}
