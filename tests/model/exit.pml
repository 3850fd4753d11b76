/* SPDX-License-Identifier: MIT
 *
 * A thread's unit (its struct and its stack) is reused only after another thread runs on its CPU. Nobody
 * gets the unit earlier, even if the thread was joined at once.
 *
 * Thread 0 creates a thread and joins it, then creates a second thread and detaches it. The second thread
 * gets the first one's unit (unit 1) if that is free by then, else a new one (unit 2).
 */
#define THREADS 3
#include "protocol.pml"

queue_t E[2]; /* thread.ended of units 1 and 2 */
bool over[2];

/* thread_alloc(), sched_place() and sched_start(): no thread or CPU may use the stack. */
inline create(unit, at)
{
    d_step {
        assert(T[unit].state == DEAD && T[unit].on == NONE && T[unit].refs == 0);
        assert(!E[unit - 1].locked);
        T[unit].refs = 2;
        T[unit].saved = true; /* hal_context_init() */
        T[unit].rq = at;
        over[unit - 1] = false
    };
    lock_rq(at);
    T[unit].state = READY;
    make_ready_locked(at, unit);
    unlock_rq(at)
}

inline create_anywhere(unit)
{
    irq_disable();
    if
    :: create(unit, 0)
    :: create(unit, 1)
    fi;
    irq_enable()
}

/* thread_exit() of a unit. If the joiner is on the same CPU, it runs only after the unit has left it. */
proctype unit(byte self) provided (RUNS(self))
{
    LOCALS;
end_unused:
    do
    :: thread_start();
       leave_to_joiner(E[self - 1], over[self - 1])
    od
}

proctype creator(byte self) provided (RUNS(self))
{
    LOCALS;
    thread_start();
    create_anywhere(1);

    lock_queue_irq(E[0]); /* thread_join(): completion_wait(), thread_put() */
    if
    :: !over[0] -> wait_handed(E[0], false, true)
    :: else ->
       unlock_queue(E[0]);
       irq_enable()
    fi;
    assert(over[0] && status == OK);
    put(1);

    if
    :: T[1].refs == 0 -> create_anywhere(1); put(1)
    :: else -> create_anywhere(2); put(2)
    fi;
    leave();
end_dead:
    false
}

init {
    byte i;
    atomic {
        boot(i);
        born_on(0, 0, 2);
        unborn(1);
        unborn(2);
        run creator(0);
        run unit(1);
        run unit(2)
    };
    timeout -> assert(ended == 3 && T[1].refs == 0 && T[2].refs == 0)
}

#ifdef LIVENESS
ltl all_end { <> (ended == 3) }
#endif
