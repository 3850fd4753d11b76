// SPDX-License-Identifier: MIT
#include "kernel/livepatch/in_use.h"

#include "hal/calls.h"
#include "hal/smp.h"
#include "hal/trap.h"
#include "kernel/base/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/program/program.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"

/* At most so much of a stack is searched at once. Meanwhile the thread's CPU is interrupted, or its
 * run queue is locked, so this bounds how long a CPU is stopped: 2,048 words, of at most six
 * instructions each. It is more than a kernel thread's stack has in use but for a few. */
#define LOOK_BYTES ((uintptr_t)16384)

/* Bytes of four words. Stacks and looks end at multiples of it. */
#define GROUP ((uintptr_t)32)

/* How often a search begins again because the thread has run, a millisecond apart. */
#define TRIES 1000u

/* Of a return address that AArch64 has signed, only the lower 47 bits are the address. */
#define SIGNATURE_BITS 17

struct look {
    uintptr_t lo, hi;
    uint32_t id;    /* of the thread that is wanted, if it runs */
    uint32_t owner; /* the program of the thread that was looked at, or 0 */
    bool was_seen;  /* it was looked at */
    bool is_found;
    bool has_more;     /* older parts of its stack, from `next` on, have not been searched */
    uintptr_t next;    /* valid as long as the thread has not run since */
    uint64_t switches; /* how often it had been switched to by then */
    void (*change)(void *arg); /* called if it is not found; or NULL */
    void *arg;
};

static _Atomic uint32_t longest_look; /* relaxed: a figure for tests */

/* One unsigned comparison: a word below `lo` wraps around and is too large. Only the bits of the
 * address take part, so a signed return address counts whatever its signature is. A number that
 * looks like an address counts as well. The result is then "in use" without need, which delays an
 * unload and does no harm. */
static bool is_inside(const struct look *l, uintptr_t word)
{
    return (word - l->lo) << SIGNATURE_BITS < (l->hi - l->lo) << SIGNATURE_BITS;
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

/* In groups of GROUP bytes, since a CPU waits meanwhile: a word takes about six instructions then,
 * and eight if each ends a turn of the loop. */
__attribute__((no_sanitize("address"))) static bool search(const struct look *l, uintptr_t at,
                                                           uintptr_t end)
{
    const struct look copy = *l; /* in registers: the words may be anything */
    bool is_found = false;
    for (; at < end && !is_found; at += GROUP) {
        const uintptr_t *w = (const uintptr_t *)at;
        is_found = is_inside(&copy, w[0]) || is_inside(&copy, w[1]) || is_inside(&copy, w[2]) ||
                   is_inside(&copy, w[3]);
    }
    return is_found;
}

static void note_words(uintptr_t at, uintptr_t end)
{
    uint32_t words = end > at ? (uint32_t)((end - at) / sizeof(uintptr_t)) : 0;
    if (words > atomic_load_explicit(&longest_look, memory_order_relaxed)) {
        atomic_store_explicit(&longest_look, words, memory_order_relaxed);
    }
}

uint32_t code_longest_search(void)
{
    return atomic_load_explicit(&longest_look, memory_order_relaxed);
}

/* Everything that an interrupted or waiting thread goes on with is on its stack, registers
 * included; but return addresses of calls that are timed are with the thread. Red zones are read,
 * too. The newest part comes first. An older one is searched at another look, if the thread has not
 * run since, and so has changed no part of its stack; otherwise the search begins again. */
static void search_stack(struct look *l, const struct thread *t, uintptr_t sp)
{
    const struct hal_context *c = &t->context;
    if (l->lo != l->hi) {
        bool goes_on = l->has_more && l->switches == t->switches;
        uintptr_t at = goes_on ? l->next : ALIGN_DOWN(sp, GROUP);
        l->next = MIN(at + LOOK_BYTES, c->stack_hi);
        l->has_more = l->next < c->stack_hi;
        l->switches = t->switches;
        l->owner = t->owner == NULL ? 0 : t->owner->id;
        l->is_found = l->is_found || search(l, at, l->next);
        note_words(at, l->next);
        compare_calls(l, c, sp);
    }
    l->was_seen = true;
    if (l->change != NULL && !l->is_found) {
        l->change(l->arg);
    }
}

static void search_waiting(void *ctx, const struct hal_context *c)
{
    search_stack(ctx, CONTAINER_OF((struct hal_context *)(uintptr_t)c, struct thread, context),
                 c->sp);
}

/* The bounds themselves are on this thread's stack, so only its call chain counts. */
static void search_own(struct look *l)
{
    const struct hal_context *t = &thread_current()->context;
    uintptr_t fp = hal_frame_here(), sp = fp, pc;
    while (hal_frame_step(&fp, &pc, t->stack_lo, t->stack_hi)) {
        compare(l, pc);
    }
    compare_calls(l, t, sp);
}

/* Where the interrupt came on a stack of the CPU, the thread's registers are not on its own. The
 * call runs in an interrupt on the CPU where thread_inspect() saw the thread last. If another
 * thread is current there by now, it does nothing, was_seen stays false, and the caller looks
 * again. The thread runs on after the look, so no later look can continue this one. */
static void search_current(void *ctx)
{
    struct look *l = ctx;
    const struct thread *t = thread_current();
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    if (t->id == l->id && sp >= t->context.stack_lo && sp < t->context.stack_hi) {
        search_stack(l, t, sp);
        l->switches = UINT64_MAX;
    } else if (t->id == l->id) {
        l->is_found = l->was_seen = true;
    }
}

/* One look at the rest of a stack. @return false: the thread runs; or it has run since the last
 * look, and the search has begun again. */
static bool search_more(struct look *l)
{
    uint32_t id = l->id - 1; /* thread_inspect() finds the next one */
    uint64_t before = l->switches;
    cpu_t cpu;
    l->was_seen = false;
    if (!thread_inspect(&id, &cpu, search_waiting, l) || id != l->id ||
        (!l->was_seen && cpu >= cpus_count())) {
        l->has_more = false; /* it has ended */
        return true;
    }
    return l->was_seen && l->switches == before;
}

/* A stack that is too deep for one look belongs to a program: those of kernel threads do not grow.
 * The program is suspended, as by Ctrl-Z, until its thread's stack is searched. The thread waits,
 * its CPU does not. A thread that is in the kernel runs until it waits or returns to the program,
 * and no event tells when; hence the pauses. If it never stops, it counts as inside. */
static void search_rest(struct look *l)
{
    struct program *p = l->owner == 0 ? NULL : program_get_number(l->owner);
    if (p != NULL) {
        program_suspend(p, SUSPENDED_TO_LOOK);
    }
    for (unsigned n = 0; n < TRIES && l->has_more && !l->is_found;) {
        if (!search_more(l)) {
            n = thread_sleep(NS_PER_MS) == OK ? n + 1 : TRIES;
        }
    }
    l->is_found = l->is_found || l->has_more;
    if (p != NULL) {
        program_resume(p, SUSPENDED_TO_LOOK);
        program_release(p);
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
    for (uint32_t id = 0; !l.is_found && thread_inspect(&id, &cpu, search_waiting, &l);) {
        l.id = id;
        if (id == thread_current()->id) {
            search_own(&l);
        } else if (cpu < cpus_count()) { /* one that was given up while it started runs nothing */
            l.was_seen = false;
            smp_call(cpu, search_current, &l);
            id -= l.was_seen ? 0 : 1;
        }
        if (l.has_more) {
            search_rest(&l);
            l.has_more = false;
        }
    }
    return l.is_found;
}

/* Only the newest part of the stack is searched. `lo` to `hi` contains no address to which a call
 * returns, so the thread is inside only if an interrupt or a fault found it there. Then that has
 * saved the address on the stack, and only the frames of its handlers are below. They have
 * HAL_STACK_ROOM bytes, and LOOK_BYTES is four times that.
 *
 * A thread that has left the CPU before the interrupt is tried again. thread_inspect() looks under
 * the run queue's lock if the thread does not run, so it cannot start before the change is
 * complete. If it runs, smp_call() interrupts its CPU, and the change happens there, in the
 * interrupt. The contract of hal_text_write() relies on that: the thread is interrupted, or
 * switched to, before it runs the new instructions. The loop ends: a thread that moves is found
 * later, and one that ended gives E_NOENT. `id` is one less because thread_inspect() finds the next
 * thread after it. */
enum status code_change(uint32_t thread, uintptr_t lo, uintptr_t hi, void (*fn)(void *arg),
                        void *arg)
{
    struct look l = {.lo = lo, .hi = hi, .id = thread, .change = fn, .arg = arg};
    while (!l.was_seen) {
        uint32_t id = thread - 1;
        cpu_t cpu;
        if (!thread_inspect(&id, &cpu, search_waiting, &l) || id != thread ||
            (!l.was_seen && cpu >= cpus_count())) {
            return E_NOENT;
        }
        if (!l.was_seen) {
            smp_call(cpu, search_current, &l);
        }
    }
    return l.is_found ? E_BUSY : OK;
}
