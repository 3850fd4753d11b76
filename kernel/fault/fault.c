// SPDX-License-Identifier: MIT
//
// Finds the owner of a fault and lets it handle the fault; fault.h gives the order. A fault without
// an owner is a panic. The machine decodes its fault registers.

#include "kernel/fault/fault.h"

#include "hal/cpu.h"
#include "hal/upcall.h"
#include "kernel/base/panic.h"
#include "kernel/base/symbols.h"
#include "kernel/lib/string.h"
#include "kernel/mm/asan.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/pin.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/thread.h"

/* Owners come and go while other CPUs take faults. The lists are read in RCU read sections, because
 * a fault may happen anywhere and must not wait for a lock. But handlers may sleep, and a read
 * section may not, so hold() counts the owner's `running` up inside the section and calls the
 * handler after it.
 *
 * fault_disown() removes the owner from the list, waits for all read sections (after that `running`
 * cannot grow), and then waits until `running` is 0 (pin.h). vm_range.answering is such a count,
 * too, with vm.c's lock in place of the read section. */

/* Protects changes of the lists, which are walked in read sections. */
static struct spinlock lock = SPINLOCK_INIT;
static struct list address_owners = LIST_INIT(address_owners);
static struct list code_owners = LIST_INIT(code_owners);

typedef struct fault_owner *(*finder_fn)(const struct list *list, uintptr_t at);

static void own(struct list *list, struct fault_owner *owner)
{
    ASSERT(owner->size > 0 && owner->base + (owner->size - 1) >= owner->base);
    atomic_init(&owner->running, 0);
    irq_state_t state = spin_lock_irq(&lock);
    rcu_list_push_front(list, &owner->link);
    spin_unlock_irq(&lock, state);
}

void fault_own_addresses(struct fault_owner *owner)
{
    own(&address_owners, owner);
}

void fault_own_code(struct fault_owner *owner)
{
    static const struct symbols_loaded_ops names = {fault_describe_code, fault_find_function};
    symbols_install_loaded(&names);
    own(&code_owners, owner);
}

/* The newest owner of `at`. */
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

/* The newest owner of `at` that can name code. */
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

/** The owner of `at`, pinned until pin_release(), or NULL. */
static struct fault_owner *hold(const struct list *list, uintptr_t at, finder_fn find)
{
    rcu_read_begin();
    struct fault_owner *owner = find(list, at);
    if (owner != NULL && !hal_this_cpu()->in_panic) {
        /* Not counted in a panic: no owner is removed then, and a second panic may skip
         * pin_release(). Relaxed: fault_disown() reads the count after this section has ended. */
        atomic_fetch_add_explicit(&owner->running, 1, memory_order_relaxed);
    }
    rcu_read_end();
    return owner;
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
    pin_release(&owner->running);
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
    pin_release(&owner->running);
    return start;
}

static bool call_owner(const struct list *list, uintptr_t at, struct fault *fault)
{
    struct fault_owner *owner = hold(list, at, find_owner);
    if (owner == NULL) {
        return false;
    }
    bool handled = owner->handle(owner, fault);
    pin_release(&owner->running);
    return handled;
}

/* The first touch of committed memory, or of shadow for it. Checked first and without a lock,
 * whatever the faulting code holds. It works even if the stack is almost used up. */
static bool is_first_touch(const struct fault *fault)
{
    return fault->has_address && !fault->mapped &&
           (vm_touch(fault->address) || asan_touch(fault->address));
}

static bool resolve_by_range(struct fault *fault)
{
    vm_fault_fn *answer;
    struct vm_range *range = vm_pin(fault->address, &answer);
    if (range == NULL) {
        return false;
    }
    bool is_answered = answer(range, fault);
    pin_release(&range->answering);
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

/* A jump to an address without code is a fault of the code that jumped. Only a call leaves a return
 * address by which to find it. */
static bool resolve_by_caller(struct fault *fault)
{
    return fault->access == FAULT_EXEC &&
           call_owner(&code_owners, hal_frame_caller(fault->frame), fault);
}

static bool resolve(struct fault *fault)
{
    if (fault->has_address &&
        (resolve_by_range(fault) || call_owner(&address_owners, fault->address, fault))) {
        return true;
    }
    if (call_owner(&code_owners, fault->pc, fault) || resolve_by_caller(fault)) {
        return true;
    }
    if (fix_up(fault)) {
        return true;
    }
    return false;
}

void upcall_fault(struct fault *fault)
{
    const struct hal_cpu *cpu = hal_this_cpu();
    if (cpu->in_panic) {
        panic_fault(fault, "unexpected fault");
    }

    if (is_first_touch(fault)) {
        return;
    }

    /* The machine knows the interrupted code's interrupt mask; whether it held a lock
     * is known here. */
    fault->may_sleep = fault->may_sleep && cpu->preempt_off == 0 && cpu->irq_depth == 0;
    /* Handlers run with interrupts enabled if the interrupted code had them enabled and could be
     * preempted; otherwise they run masked and must not sleep. */
    if (fault->may_sleep) {
        hal_irq_enable();
    }
    bool is_resolved = resolve(fault);
    hal_irq_disable();
    if (!is_resolved) {
        panic_fault(fault, "unexpected fault");
    }
}

void fault_disown(struct fault_owner *owner)
{
    pin_announce();
    irq_state_t state = spin_lock_irq(&lock);
    rcu_list_remove(&owner->link);
    spin_unlock_irq(&lock, state);
    rcu_synchronize(); /* from here on `running` cannot grow */
    pin_wait(&owner->running);
}

void fault_resume_at(struct hal_frame *frame, uintptr_t stack_top, void (*fn)(void *arg), void *arg)
{
    uintptr_t lo, hi;
    upcall_stack_bounds(&lo, &hi);
    if (stack_top - lo <= hi - lo) {
        /* variables of calls that will not return */
        asan_unpoison((const void *)lo, stack_top - lo);
    }
    hal_frame_set_call(frame, stack_top, fn, arg);
}
