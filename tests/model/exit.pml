/* SPDX-License-Identifier: MIT
 *
 * A stack belongs to a thread until another one runs on its CPU, whoever joins it and however soon: then
 * the unit of struct and stack is taken for the next thread.
 *
 * Thread 0 creates a thread and joins it; then it creates another and detaches it. The second gets the
 * unit of the first one if that is free by then (unit 1), else a new one (unit 2).
 */
#define THREADS 3
#include "protocol.pml"

queue_t E[2]; /* thread.ended of units 1 and 2 */
bool over[2];

/* thread_take(), sched_place() and sched_start(): the stack must be nobody's. */
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

/* thread_exit() of a unit: whoever joins it runs once it has left, not before, if that is on its CPU. */
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
