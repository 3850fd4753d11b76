/* SPDX-License-Identifier: MIT
 *
 * A unit that a waker hands to a waiter is neither lost nor given twice. The queue may lie on the waiter's
 * stack.
 *
 * Thread 0 takes a unit of a semaphore, or gives up at its deadline. Then it waits for a completion on its
 * own stack. Thread 1 takes a unit and waits without a deadline. Thread 2 gives one unit, signals the
 * completion and gives a second unit.
 */
#define THREADS 3
#define TIMERS
#include "protocol.pml"

queue_t S; /* of the semaphore */
byte count, taken;
queue_t D; /* of the completion */
bool done;

/* semaphore_down() */
inline down(until)
{
    lock_queue_irq(S);
    if
    :: count == 0 ->
       wait_handed(S, until, true);
       if
       :: status != OK -> /* retry_down() */
          lock_queue_irq(S);
          atomic {
              if
              :: count > 0 -> count--; status = OK
              :: else
              fi
          };
          unlock_queue(S);
          irq_enable()
       :: else
       fi
    :: else ->
       count--;
       atomic { unlock_queue(S); status = OK };
       irq_enable()
    fi;
    atomic {
        if
        :: status == OK -> taken++
        :: else
        fi;
        status = OK
    }
}

/* semaphore_up() */
inline up()
{
    lock_queue_irq(S);
    wake_first_locked(S);
    atomic {
        if
        :: was_woken -> was_woken = false
        :: else -> count++
        fi
    };
    unlock_queue(S);
    irq_enable()
}

/* completion_signal() */
inline signal()
{
    lock_queue_irq(D);
    done = true;
    wake_first_locked(D);
    atomic { unlock_queue(D); was_woken = false };
    irq_enable()
}

proctype first(byte self) provided (RUNS(self))
{
    LOCALS;
    thread_start();
    down(true);

    lock_queue_irq(D); /* completion_wait_uncancellable() */
    if
    :: !done ->
       wait_handed(D, false, false);
       assert(status == OK)
    :: else ->
       unlock_queue(D);
       irq_enable()
    fi;
    atomic { assert(done && !D.locked); D.gone = true };
    leave();
end_dead:
    false
}

proctype second(byte self) provided (RUNS(self))
{
    LOCALS;
    thread_start();
    down(false);
    leave();
end_dead:
    false
}

proctype giver(byte self) provided (RUNS(self))
{
    LOCALS;
    thread_start();
    up();
    signal();
    up();
    leave();
end_dead:
    false
}

init {
    byte i;
    atomic {
        boot(i);
        born_on(0, 0, 2);
        if
        :: born_on(1, 0, 2)
        :: born_on(1, 1, 2)
        fi;
        if
        :: born_on(2, 0, 2)
        :: born_on(2, 1, 2)
        fi;
        run first(0);
        run second(1);
        run giver(2)
    };
    timeout -> assert(ended == 3 && taken + count == 2 && S.waiters == 0)
}

#ifdef LIVENESS
ltl all_end { <> (ended == 3) }
#endif
