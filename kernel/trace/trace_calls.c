// SPDX-License-Identifier: MIT
//
// Records the calls of kernel functions that are timed (hal/calls.h). A thread gets memory for its
// calls at the first of them, from memory that was allocated when timing was switched on, because
// the call may be anywhere.
#include "hal/calls.h"

#include "hal/context.h"
#include "hal/cpu.h"
#include "hal/upcall.h"
#include "kernel/lib/string.h"
#include "kernel/trace/trace.h"
#include "kernel/trace/trace_calls.h"
#include "kernel/trace/trace_ring.h"

/* For threads that have none. Exchange: acquire and release, the memory was zeroed. */
static _Atomic(struct hal_calls *) spare[TRACE_SPARE_CALLS];

const char *(*_Atomic trace_call_name)(uint64_t function);
_Atomic uint64_t trace_calls_missed; /* relaxed: a count */

static struct hal_context *this_context(void)
{
    return (struct hal_context *)hal_this_thread();
}

bool trace_calls_want(unsigned i)
{
    return atomic_load_explicit(&spare[i], memory_order_relaxed) == NULL;
}

struct hal_calls *trace_calls_offer(unsigned i, struct hal_calls *memory)
{
    return atomic_exchange_explicit(&spare[i], memory, memory_order_acq_rel);
}

static struct hal_calls *get_spare(void)
{
    struct hal_calls *found = NULL;
    for (unsigned i = 0; i < TRACE_SPARE_CALLS && found == NULL; i++) {
        if (!trace_calls_want(i)) {
            found = atomic_exchange_explicit(&spare[i], NULL, memory_order_acq_rel);
        }
    }
    return found;
}

static bool is_on_stack(const struct hal_context *t, uintptr_t slot)
{
    return slot >= t->stack_lo && slot < t->stack_hi;
}

/* Whether the call that returns there took the place of one that is being timed (a tail call). Both
 * then have one slot. */
static bool is_tail(uintptr_t back)
{
    return back == (uintptr_t)hal_call_return;
}

/* Remove calls that never return, because their stack was abandoned (hal_stack_jump(), the end of a
 * program's code or of the thread): of those on the thread's stack, the slots descend. Calls on
 * another stack stay. */
static bool drop_abandoned(const struct hal_context *t, uintptr_t slot, uintptr_t back)
{
    struct hal_calls *c = t->calls;
    /* The calls that stay are gathered at the end of the array, from here on. */
    unsigned first = HAL_CALLS_MAX;
    for (unsigned i = HAL_CALLS_MAX; i-- > 0;) {
        uintptr_t other = c->calls[i].slot;
        if (is_on_stack(t, other) && is_on_stack(t, slot) &&
            (other < slot || (other == slot && !is_tail(back)))) {
            continue;
        }
        if (is_on_stack(t, other)) {
            slot = other;
            back = c->calls[i].back;
        }
        c->calls[--first] = c->calls[i];
    }
    c->used = (HAL_CALLS_MAX - first) * sizeof(c->calls[0]);
    memmove(c->calls, c->calls + first, c->used);
    return first > 0;
}

/* An interrupt may have come while the interrupted thread was about to fill or to read an element.
 * So code that runs with interrupts masked moves no elements. */
bool upcall_call_begin(uintptr_t slot, uintptr_t back)
{
    struct hal_context *t = this_context();
    bool may_move = hal_irqs_enabled(), has_room = true;
    irq_state_t state = hal_irq_save();
    if (t->calls == NULL) {
        t->calls = get_spare();
        has_room = t->calls != NULL;
    } else if (t->calls->used >= sizeof(t->calls->calls)) {
        has_room = may_move && drop_abandoned(t, slot, back);
    }
    hal_irq_restore(state);
    if (!has_room) {
        atomic_fetch_add_explicit(&trace_calls_missed, 1, memory_order_relaxed);
    }
    return has_room;
}

uintptr_t upcall_call_end(uintptr_t slot)
{
    uint64_t end = hal_counter_read();
    irq_state_t state = hal_irq_save();
    struct hal_calls *c = this_context()->calls;
    struct hal_call *call = (struct hal_call *)((uintptr_t)c->calls + c->used);
    do {
        call--; /* those after it never return */
    } while (call->slot != slot);
    uintptr_t back = call->back;
    c->used = (uintptr_t)call - (uintptr_t)c->calls;
    if (trace_is_on()) {
        trace_write(end, TRACE_CALL, 0, call->function, end - call->begin);
    }
    hal_irq_restore(state);
    return back;
}

/* The slot of a call is above the frame record of its function. Calls that began later and are in
 * the list were made by the function, so their slots are below it: they have ended without a return
 * (see drop_abandoned()). Calls in one slot replaced each other. */
uint64_t trace_call_returns(uint64_t back, uint64_t fp, uint64_t top)
{
    const struct hal_calls *c = this_context()->calls;
    uint64_t slot = 0;
    for (uint64_t n = c == NULL ? 0 : c->used / sizeof(c->calls[0]); n > 0 && is_tail(back);) {
        const struct hal_call *call = &c->calls[--n];
        if (slot == 0 ? call->slot > fp && call->slot < top : call->slot == slot) {
            slot = call->slot;
            back = call->back;
        }
    }
    return back;
}
