// SPDX-License-Identifier: MIT
//
// Pins are counted without a lock; only a remover that has to wait takes one.
#include "kernel/sched/pin.h"

#include "hal/cpu.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/wait.h"

/* pin_announce() increments `leaving` before the thing becomes unreachable; pin_release()
 * decrements the count and then reads `leaving`. Both are sequentially consistent, so either
 * pin_release() sees `leaving` and wakes the waiter, or the waiter sees the count at 0. */

static struct wait_queue removers = WAIT_QUEUE_INIT(removers, "fault handlers");
/* Number of things being removed. Sequentially consistent together with the counts: each side
 * changes its own and then reads the other's. */
static _Atomic uint32_t leaving;

void pin_release(_Atomic uint32_t *count)
{
    if (hal_this_cpu()->in_panic) {
        return;
    }
    /* Release: publishes what the user did. */
    if (atomic_fetch_sub_explicit(count, 1, memory_order_seq_cst) == 1 &&
        atomic_load_explicit(&leaving, memory_order_seq_cst) != 0) {
        wait_wake_all(&removers);
    }
}

void pin_announce(void)
{
    atomic_fetch_add_explicit(&leaving, 1, memory_order_seq_cst);
}

void pin_wait(_Atomic uint32_t *count)
{
    irq_state_t state = spin_lock_irq(&removers.lock);
    while (atomic_load_explicit(count, memory_order_seq_cst) > 0) {
        /* Neither a deadline nor cancellation can end this wait, so the result is always OK. */
        (void)wait_uncancellable_locked(&removers, &state, WAIT_FOREVER);
    }
    spin_unlock_irq(&removers.lock, state);
    atomic_fetch_sub_explicit(&leaving, 1, memory_order_relaxed);
}

void pin_leave_range(struct vm_range *range)
{
    pin_announce();
    vm_stop_faults(range);
    pin_wait(&range->answering);
}
