// SPDX-License-Identifier: MIT
//
// Whose fault is it? Owners are asked in the order of fault.h; what nobody owns is a panic.
// Decoding the hardware's words is the machine's.

#include "kernel/fault/fault.h"

#include "hal/cpu.h"
#include "hal/upcall.h"
#include "kernel/base/panic.h"
#include "kernel/debug/asan.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/thread.h"

/* Its lock is for changes of the lists, which are walked in read sections. Who disowns waits here
 * for handlers to end. */
static struct wait_queue owners = WAIT_QUEUE_INIT(owners, "fault handlers");
/* Owners that are being disowned. With owner->running, seq_cst: each side changes its own and then
 * looks at the other's. */
static _Atomic uint32_t leaving;
static struct list address_owners = LIST_INIT(address_owners);
static struct list code_owners = LIST_INIT(code_owners);

/* Relaxed: statistics. */
static _Atomic uint64_t total_count, address_count, code_count, fixup_count;

typedef struct fault_owner *(*finder_fn)(const struct list *list, uintptr_t at);

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void own(struct list *list, struct fault_owner *owner)
{
    ASSERT(owner->size > 0 && owner->base + (owner->size - 1) >= owner->base);
    atomic_init(&owner->running, 0);
    irq_state_t state = spin_lock_irq(&owners.lock);
    rcu_list_push_front(list, &owner->link);
    spin_unlock_irq(&owners.lock, state);
}

void fault_own_addresses(struct fault_owner *owner)
{
    own(&address_owners, owner);
}

void fault_own_code(struct fault_owner *owner)
{
    own(&code_owners, owner);
}

/* The newest of those that have `at`. */
static struct fault_owner *find_owner(const struct list *list, uintptr_t at)
{
    RCU_LIST_FOR_EACH(list, n)
    {
        struct fault_owner *owner = CONTAINER_OF(n, struct fault_owner, link);
        if (at - owner->base < owner->size) {
            return owner;
        }
    }
    return NULL;
}

/* The newest that names code. */
static struct fault_owner *find_namer(const struct list *list, uintptr_t at)
{
    RCU_LIST_FOR_EACH(list, n)
    {
        struct fault_owner *owner = CONTAINER_OF(n, struct fault_owner, link);
        if (at - owner->base < owner->size && owner->symbol != NULL) {
            return owner;
        }
    }
    return NULL;
}

/** The owner of `at`, which cannot be disowned until let_go(), or NULL. */
static struct fault_owner *hold(const struct list *list, uintptr_t at, finder_fn find)
{
    rcu_read_begin();
    struct fault_owner *owner = find(list, at);
    if (owner != NULL && !hal_this_cpu()->in_panic) {
        /* In a panic nobody disowns, and a second one leaves from anywhere.
         * Relaxed: who disowns looks after this section has ended. */
        atomic_fetch_add_explicit(&owner->running, 1, memory_order_relaxed);
    }
    rcu_read_end();
    return owner;
}

/** What is counted may be gone as soon as nothing of it runs. */
static void let_go(_Atomic uint32_t *running)
{
    if (hal_this_cpu()->in_panic) {
        return;
    }
    /* Release: what its functions did. With `leaving`, sequentially consistent: either this finds
     * who waits, or that one finds 0. */
    if (atomic_fetch_sub_explicit(running, 1, memory_order_seq_cst) == 1 &&
        atomic_load_explicit(&leaving, memory_order_seq_cst) != 0) {
        wait_wake_all(&owners);
    }
}

bool fault_holds_nothing(const struct fault *fault)
{
    const struct thread *t = thread_current();
    uint32_t machines_own = fault->cause == FAULT_STACK_OVERFLOW ? 1 : 0;
    irq_state_t state = hal_irq_save();
    const struct hal_cpu *cpu = hal_this_cpu();
    bool is_free = cpu->irq_depth == 0 && cpu->preempt_off <= machines_own;
    hal_irq_restore(state);
    return is_free && t != NULL && t->locks_held == 0;
}

bool fault_code_is_program(uintptr_t pc)
{
    rcu_read_begin();
    const struct fault_owner *owner = find_owner(&code_owners, pc);
    bool is_program = owner != NULL && !owner->is_kernel;
    rcu_read_end();
    return is_program;
}

bool fault_describe_code(uintptr_t pc, char *buf, size_t len)
{
    struct fault_owner *owner = hold(&code_owners, pc, find_namer);
    if (owner == NULL) {
        return false;
    }
    bool is_named = owner->symbol(owner, pc, buf, len);
    let_go(&owner->running);
    if (is_named) {
        str_make_printable(buf); /* names come from files */
    }
    return is_named;
}

uintptr_t fault_find_function(uintptr_t pc)
{
    struct fault_owner *owner = hold(&code_owners, pc, find_namer);
    if (owner == NULL) {
        return 0;
    }
    uintptr_t start = owner->function != NULL ? owner->function(owner, pc) : 0;
    let_go(&owner->running);
    return start;
}

static bool ask(const struct list *list, uintptr_t at, struct fault *fault)
{
    struct fault_owner *owner = hold(list, at, find_owner);
    if (owner == NULL) {
        return false;
    }
    bool handled = owner->handle(owner, fault);
    let_go(&owner->running);
    return handled;
}

/* Memory that is there and waits to be touched, or shadow of what does. First, and without a lock:
 * whatever the code holds that touched it. Running low on stack as well does not matter. */
static bool is_first_touch(const struct fault *fault)
{
    return fault->has_address && !fault->mapped &&
           (vm_touch(fault->address) || asan_touch(fault->address));
}

static bool ask_range(struct fault *fault)
{
    vm_fault_fn *answer;
    struct vm_range *range = vm_hold(fault->address, &answer);
    if (range == NULL) {
        return false;
    }
    bool is_answered = answer(range, fault);
    let_go(&range->answering);
    return is_answered;
}

static bool fix_up(struct fault *fault)
{
    for (const struct fault_fixup *f = __fixup_start; f < __fixup_end; f++) {
        if (f->pc == fault->pc) {
            hal_frame_set_pc(fault->frame, f->target);
            return true;
        }
    }
    return false;
}

/* A jump to where no code is, is the fault of the code that jumped. Only a call left a trace of it.
 */
static bool ask_caller(struct fault *fault)
{
    return fault->access == FAULT_EXEC && ask(&code_owners, hal_frame_caller(fault->frame), fault);
}

static bool resolve(struct fault *fault)
{
    if (fault->has_address && (ask_range(fault) || ask(&address_owners, fault->address, fault))) {
        count(&address_count);
        return true;
    }
    if (ask(&code_owners, fault->pc, fault) || ask_caller(fault)) {
        count(&code_count);
        return true;
    }
    if (fix_up(fault)) {
        count(&fixup_count);
        return true;
    }
    return false;
}

void upcall_fault(struct fault *fault)
{
    const struct hal_cpu *cpu = hal_this_cpu();
    count(&total_count);
    if (cpu->in_panic) {
        panic_fault(fault, "unexpected fault");
    }

    if (is_first_touch(fault)) {
        count(&address_count);
        return;
    }

    /* The machine knows what the interrupted code's mask was; that it held no lock is known here.
     */
    fault->may_sleep = fault->may_sleep && cpu->preempt_off == 0 && cpu->irq_depth == 0;
    if (fault->may_sleep) {
        hal_irq_enable();
    }
    bool is_resolved = resolve(fault);
    hal_irq_disable();
    if (!is_resolved) {
        panic_fault(fault, "unexpected fault");
    }
}

void fault_get_stats(struct fault_stats *out)
{
    *out = (struct fault_stats){
        .total = atomic_load_explicit(&total_count, memory_order_relaxed),
        .by_address = atomic_load_explicit(&address_count, memory_order_relaxed),
        .by_code = atomic_load_explicit(&code_count, memory_order_relaxed),
        .by_fixup = atomic_load_explicit(&fixup_count, memory_order_relaxed),
    };
}

/* Until nothing of it runs. It does not grow any more, and `leaving` counts who waits. */
static void wait_for(_Atomic uint32_t *running)
{
    irq_state_t state = spin_lock_irq(&owners.lock);
    while (atomic_load_explicit(running, memory_order_seq_cst) > 0) {
        /* Only a deadline or cancellation ends this wait early, and it has neither. */
        (void)wait_uncancellable_locked(&owners, &state, WAIT_FOREVER);
    }
    spin_unlock_irq(&owners.lock, state);
    atomic_fetch_sub_explicit(&leaving, 1, memory_order_relaxed);
}

void fault_disown(struct fault_owner *owner)
{
    atomic_fetch_add_explicit(&leaving, 1, memory_order_seq_cst);
    irq_state_t state = spin_lock_irq(&owners.lock);
    rcu_list_remove(&owner->link);
    spin_unlock_irq(&owners.lock, state);
    rcu_synchronize(); /* from here on `running` does not grow */
    wait_for(&owner->running);
}

void fault_leave_range(struct vm_range *range)
{
    atomic_fetch_add_explicit(&leaving, 1, memory_order_seq_cst);
    vm_stop_faults(range);
    wait_for(&range->answering);
}

void fault_go_on(struct hal_frame *frame, uintptr_t stack_top, void (*fn)(void *arg), void *arg)
{
    uintptr_t lo, hi;
    upcall_stack_bounds(&lo, &hi);
    if (stack_top - lo <= hi - lo) {
        asan_unpoison((const void *)lo, stack_top - lo); /* variables of calls that do not end */
    }
    hal_frame_set_call(frame, stack_top, fn, arg);
}
