// SPDX-License-Identifier: MIT
#include "kernel/livepatch/in_use.h"

#include "hal/calls.h"
#include "hal/smp.h"
#include "hal/trap.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"

struct look {
    uintptr_t lo, hi;
    uint32_t id;   /* of the thread that is wanted, if it runs */
    bool was_seen; /* it was looked at */
    bool is_found;
    void (*change)(void *arg); /* called if it is not found; or NULL */
    void *arg;
};

/* Of a return address that AArch64 has signed, only these bits are the address. */
#define UNSIGNED_BITS (((uintptr_t)1 << 47) - 1)

/* One unsigned comparison: a word below `lo` wraps around and is too large. Only the bits of the
 * address take part, so a signed return address counts whatever its signature is. A number that
 * looks like an address counts as well. The result is then "in use" without need, which delays an
 * unload and does no harm. */
static bool is_inside(const struct look *l, uintptr_t word)
{
    return ((word - l->lo) & UNSIGNED_BITS) < l->hi - l->lo;
}

static void compare(struct look *l, uintptr_t word)
{
    l->is_found = l->is_found || is_inside(l, word);
}

/* A call whose slot is below the stack pointer never returns: its stack was abandoned. */
static void compare_calls(struct look *l, const struct hal_context *t, uintptr_t sp)
{
    const struct hal_calls *c = t->calls;
    for (uint64_t i = 0; c != NULL && i < c->used / sizeof(c->calls[0]); i++) {
        uintptr_t slot = c->calls[i].slot;
        if (slot < t->stack_lo || slot >= sp) {
            compare(l, c->calls[i].back);
        }
    }
}

/* Everything that an interrupted or waiting thread goes on with is on its stack, registers
 * included; but return addresses of calls that are timed are with the thread. Red zones are read,
 * too. */
__attribute__((no_sanitize("address"))) static void look_at(void *ctx, const struct hal_context *t)
{
    struct look *l = ctx;
    if (l->lo != l->hi) { /* the loop is short: the thread's CPU waits meanwhile */
        uintptr_t at = t->sp & ~(sizeof(uintptr_t) - 1);
        while (at < t->stack_hi && !is_inside(l, *(const uintptr_t *)at)) {
            at += sizeof(uintptr_t);
        }
        l->is_found = l->is_found || at < t->stack_hi;
        compare_calls(l, t, t->sp);
    }
    l->was_seen = true;
    if (l->change != NULL && !l->is_found) {
        l->change(l->arg);
    }
}

/* The bounds themselves are on this thread's stack, so only its call chain counts. */
static void look_at_own(struct look *l)
{
    const struct hal_context *t = &thread_current()->context;
    uintptr_t fp = hal_frame_here(), sp = fp, pc;
    while (hal_frame_step(&fp, &pc, t->stack_lo, t->stack_hi)) {
        compare(l, pc);
    }
    compare_calls(l, t, sp);
}

/* Where the interrupt came on a stack of the CPU, the thread's registers are not on its own. The
 * call runs in an interrupt on the CPU where thread_look() saw the thread last. If another thread
 * is current there by now, it does nothing, was_seen stays false, and the caller looks again. */
static void look_at_current(void *ctx)
{
    struct look *l = ctx;
    struct hal_context t = thread_current()->context;
    if (thread_current()->id == l->id) {
        t.sp = (uintptr_t)__builtin_frame_address(0);
        if (t.sp >= t.stack_lo && t.sp < t.stack_hi) {
            look_at(l, &t);
        } else {
            l->is_found = l->was_seen = true;
        }
    }
}

/* A thread that is not inside now never will be, so each is checked once, one after the other. One
 * that has left the CPU before the interrupt is tried again. Handlers of interrupts that came while
 * a CPU had nothing to do have ended once that CPU takes another interrupt. */
bool code_is_in_use(uintptr_t lo, uintptr_t hi)
{
    struct look l = {.lo = lo, .hi = hi};
    cpu_t cpu;
    smp_synchronise_fetch();
    for (uint32_t id = 0; !l.is_found && thread_look(&id, &cpu, look_at, &l);) {
        if (id == thread_current()->id) {
            look_at_own(&l);
        } else if (cpu < cpus_count()) { /* one that was given up while it started runs nothing */
            l.id = id;
            l.was_seen = false;
            smp_call(cpu, look_at_current, &l);
            id -= l.was_seen ? 0 : 1;
        }
    }
    return l.is_found;
}

/* A thread that has left the CPU before the interrupt is tried again. thread_look() calls look_at()
 * under the run queue's lock if the thread does not run, so it cannot start before the change is
 * complete. If it runs, smp_call() interrupts its CPU, and the change happens there, in the
 * interrupt. The contract of hal_text_write() relies on that: the thread is interrupted, or
 * switched to, before it runs the new instructions. The loop ends: a thread that moves is found
 * later, and one that ended gives E_NOENT. `id` is one less because thread_look() finds the next
 * thread after it. */
enum status code_change(uint32_t thread, uintptr_t lo, uintptr_t hi, void (*fn)(void *arg),
                        void *arg)
{
    struct look l = {.lo = lo, .hi = hi, .id = thread, .change = fn, .arg = arg};
    while (!l.was_seen) {
        uint32_t id = thread - 1;
        cpu_t cpu;
        if (!thread_look(&id, &cpu, look_at, &l) || id != thread ||
            (!l.was_seen && cpu >= cpus_count())) {
            return E_NOENT;
        }
        if (!l.was_seen) {
            smp_call(cpu, look_at_current, &l);
        }
    }
    return l.is_found ? E_BUSY : OK;
}
