// SPDX-License-Identifier: MIT
#include "kernel/livepatch/program_trace.h"

#include "hal/cpu.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/load/bytecode/patcher.h"
#include "kernel/trace/trace.h"
#include "kernel/trace/trace_calls.h"
#include "kernel/trace/trace_ring.h"

#define FUNCTIONS_MAX 256u

/* Never used for another function, because records may refer to it. */
struct traced {
    char name[64];
    uint32_t program, function;
};

static struct traced all[FUNCTIONS_MAX];
static uint32_t count;

uint32_t traced_number(uint32_t program, uint32_t function, const char *name)
{
    uint32_t n = 0;
    while (n < count && (all[n].program != program || all[n].function != function)) {
        n++;
    }
    if (n == FUNCTIONS_MAX) {
        return UINT32_MAX;
    }
    if (n == count) {
        struct traced *t = &all[n];
        *t = (struct traced){.program = program, .function = function};
        fmt_print(t->name, sizeof(t->name), "%u:%s", program, name);
        count++;
    }
    return PATCH_EVENTS + 2 * n;
}

/* The number of the event itself, so that a record needs no computation. The kernel has no function
 * at an address of 32 bits. */
uint64_t traced_id(uint32_t event)
{
    return event;
}

const char *traced_name(uint64_t id)
{
    uint64_t n = (id - PATCH_EVENTS) / 2;
    return n < count ? all[n].name : NULL;
}

void traced_calls_init(struct traced_calls *calls, uint32_t thread)
{
    calls->last = calls->calls;
    calls->last->frame = UINTPTR_MAX;
    calls->what = trace_what(thread, 0, TRACE_CALL);
}

/* Stacks grow downwards, so a call inside another one has a smaller frame address. Entries at or
 * below the new frame belong to calls that a trap or an exception ended without an event; they are
 * dropped here. Deeper calls than TRACED_DEPTH are not recorded, and end() then finds no entry for
 * them. Only the program's thread uses the array, so there is no lock. */
static void begin(struct traced_calls *c, uintptr_t frame, uint32_t event)
{
    struct traced_call *last = c->last;
    while (UNLIKELY(last->frame <= frame)) {
        last--;
    }
    if (last < &c->calls[TRACED_DEPTH]) {
        last++;
        last->frame = frame;
        last->event = event;
        last->begin = hal_counter_read();
    } else {
        atomic_fetch_add_explicit(&trace_calls_missed, 1, memory_order_relaxed);
    }
    c->last = last;
}

/* Entries below this frame are calls that did not report their end. If the entry at this frame is
 * of another function, the begin of this call came before its trace or was not recorded, and there
 * is nothing to measure. Interrupts are masked for trace_put(), because a ring has one writer at
 * a time: its own CPU. */
static void end(struct traced_calls *c, uintptr_t frame, uint32_t event)
{
    uint64_t now = hal_counter_read();
    struct traced_call *last = c->last;
    while (UNLIKELY(last->frame < frame)) {
        last--;
    }
    if (last->frame == frame && last->event == event) {
        c->last = last - 1;
        if (trace_is_on()) {
            irq_state_t state = hal_irq_save();
            trace_put(now, c->what, traced_id(event), now - last->begin);
            hal_irq_restore(state);
        }
    } else {
        c->last = last;
    }
}

/* Both events of a call come from one frame of compiled code, so this function's frame is at the
 * same address for both. */
uint64_t traced_event(void *calls, uint32_t event)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    if (event % 2 == 0) {
        begin(calls, frame, event);
    } else {
        end(calls, frame, event - 1);
    }
    return 0;
}
