/* SPDX-License-Identifier: MIT
 *
 * A wait ends exactly once: by a waker, by its time-out or by cancellation. No wake-up is lost.
 *
 * Thread 0 waits for `condition` with a deadline. Then it waits for `last` in the same queue, without a
 * deadline and uncancellable. Thread 1 sets both. Thread 2 cancels thread 0: in some runs nothing else ends
 * the first wait.
 */
#define THREADS 3
#define TIMERS
#include "protocol.pml"

queue_t Q;
bool condition, last, only_cancelled;

/* Both waits are the loop at the top of kernel/sched/wait.h. */
inline wait_for_condition()
{
    lock_queue_irq(Q);
    do
    :: condition -> break
    :: !condition ->
       if
       :: !only_cancelled -> start_timeout()
       :: else
       fi;
       wait_locked(Q, true);
       timer_cancel();
       if
       :: status != OK -> status = OK; break
       :: else
       fi
    od
}

inline wait_for_last()
{
    do
#ifdef MISTAKE_TEST_OUTSIDE_LOCK
    :: unlock_queue(Q);
       if
       :: last -> lock_queue(Q); break
       :: !last -> lock_queue(Q)
       fi;
#else
    :: last -> break
    :: !last ->
#endif
       wait_locked(Q, false);
       assert(status == OK) /* nothing remains of the first wait */
    od;
    unlock_queue(Q);
    irq_enable()
}

proctype waiter(byte self) provided (RUNS(self))
{
    LOCALS;
    thread_start();
    wait_for_condition();
    wait_for_last();
    leave();
end_dead:
    false
}

inline make_true(what)
{
    lock_queue_irq(Q);
    what = true;
    wake_first_locked(Q);
    atomic { unlock_queue(Q); was_woken = false };
    irq_enable()
}

proctype waker(byte self) provided (RUNS(self))
{
    LOCALS;
    thread_start();
    if
    :: !only_cancelled -> make_true(condition)
    :: else
    fi;
    make_true(last);
    leave();
end_dead:
    false
}

proctype canceller(byte self) provided (RUNS(self))
{
    LOCALS;
    thread_start();
    irq_disable();
    thread_cancel(0);
    irq_enable();
    leave();
end_dead:
    false
}

init {
    byte i;
    atomic {
        boot(i);
        if
        :: only_cancelled = true
        :: only_cancelled = false
        fi;
        born_on(0, 0, 2);
        if
        :: born_on(1, 0, 2)
        :: born_on(1, 1, 2)
        fi;
        if
        :: born_on(2, 0, 2)
        :: born_on(2, 1, 2)
        fi;
        run waiter(0);
        run waker(1);
        run canceller(2)
    };
    /* When no process can take a step, all three threads have ended. */
    timeout -> assert(ended == 3 && Q.waiters == 0 && !Q.locked)
}

#ifdef LIVENESS
ltl all_end { <> (ended == 3) }
#endif
