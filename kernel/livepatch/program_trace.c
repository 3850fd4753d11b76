// SPDX-License-Identifier: MIT
#include "kernel/livepatch/program_trace.h"

#include "hal/cpu.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/trace/trace.h"
#include "kernel/trace/trace_ring.h"

#define FUNCTIONS_MAX 256u

/* Never used for another function, because records may refer to it. */
struct traced {
    char name[64];
    uint32_t program, function;
    struct traced_calls *calls;
};

static struct traced all[FUNCTIONS_MAX];
static uint32_t count;

uint32_t traced_number(uint32_t program, uint32_t function, const char *name,
                       struct traced_calls *calls)
{
    uint32_t n = 0;
    while (n < count && (all[n].program != program || all[n].function != function)) {
        n++;
    }
    if (n == FUNCTIONS_MAX) {
        return UINT32_MAX;
    }
    struct traced *t = &all[n];
    if (n == count) {
        *t = (struct traced){.program = program, .function = function};
        fmt_print(t->name, sizeof(t->name), "%u:%s", program, name);
        count++;
    }
    t->calls = calls;
    return 2 * n;
}

uint64_t traced_id(uint32_t event)
{
    return (uintptr_t)&all[event / 2];
}

const char *traced_name(uint64_t id)
{
    uint64_t offset = id - (uintptr_t)all;
    return offset < sizeof(all) ? all[offset / sizeof(all[0])].name : NULL;
}

/* Stacks grow downwards, so a call inside another one has a smaller frame address. Entries at or
 * below the new frame belong to calls that a trap or an exception ended without an event; they are
 * dropped here. Deeper calls than TRACED_DEPTH are not recorded, and end() then finds no entry for
 * them. Only the program's thread uses the array, so there is no lock. */
static void begin(struct traced_calls *c, uintptr_t frame, uint32_t event)
{
    while (c->depth > 0 && c->calls[c->depth - 1].frame <= frame) {
        c->depth--;
    }
    if (c->depth < TRACED_DEPTH) {
        c->calls[c->depth].frame = frame;
        c->calls[c->depth].event = event;
        c->calls[c->depth++].begin = hal_counter_read();
    }
}

/* Entries below this frame are calls that did not report their end. If the entry at this frame is
 * of another function, the begin of this call came before its trace or was not recorded, and there
 * is nothing to measure. Interrupts are masked for trace_write(), because a ring has one writer at
 * a time: its own CPU. */
static void end(struct traced_calls *c, uintptr_t frame, uint32_t event)
{
    uint64_t now = hal_counter_read();
    while (c->depth > 0 && c->calls[c->depth - 1].frame < frame) {
        c->depth--;
    }
    if (c->depth > 0 && c->calls[c->depth - 1].frame == frame &&
        c->calls[c->depth - 1].event == event) {
        uint64_t ticks = now - c->calls[--c->depth].begin;
        if (trace_is_on()) {
            irq_state_t state = hal_irq_save();
            trace_write(now, TRACE_CALL, 0, traced_id(event), ticks);
            hal_irq_restore(state);
        }
    }
}

/* Both events of a call come from one frame of compiled code, so this function's frame is at the
 * same address for both. */
void traced_event(uint32_t event)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    struct traced_calls *c = all[event / 2].calls;
    if (event % 2 == 0) {
        begin(c, frame, event);
    } else {
        end(c, frame, event - 1);
    }
}
