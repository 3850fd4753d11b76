// SPDX-License-Identifier: MIT
//
// Programs that Ctrl-Z suspends, or a search of their stacks: each thread waits where it is
// interrupted, until program_resume().
#include "kernel/program/program.h"

#include "kernel/sched/thread.h"

/* The flag first: a thread that starts to run afterwards sees it (arm_kill_check()), and the others
 * are interrupted. */
void program_suspend(struct program *p, enum program_suspension why)
{
    mutex_lock(&p->lock);
    (void)atomic_fetch_or_explicit(&p->owner.suspended, (uint8_t)why, memory_order_release);
    LIST_FOR_EACH (&p->threads, n) {
        thread_interrupt(CONTAINER_OF(n, struct thread, owner_link));
    }
    mutex_unlock(&p->lock);
}

bool program_is_at_rest(struct program *p)
{
    bool is_at_rest = true;
    mutex_lock(&p->lock);
    LIST_FOR_EACH (&p->threads, n) {
        is_at_rest = is_at_rest && thread_is_waiting(CONTAINER_OF(n, struct thread, owner_link));
    }
    mutex_unlock(&p->lock);
    return is_at_rest;
}

void program_resume(struct program *p, enum program_suspension why)
{
    irq_state_t state = spin_lock_irq(&p->resumed.lock);
    (void)atomic_fetch_and_explicit(&p->owner.suspended, (uint8_t)~why, memory_order_release);
    wait_wake_all_locked(&p->resumed);
    spin_unlock_irq(&p->resumed.lock, state);
}

void program_wait_resumed(struct program *p)
{
    enum status s = OK;
    irq_state_t state = spin_lock_irq(&p->resumed.lock);
    while (s == OK && thread_owner_is_suspended(&p->owner)) {
        s = wait_on_locked(&p->resumed, &state, WAIT_FOREVER);
    }
    spin_unlock_irq(&p->resumed.lock, state);
}
