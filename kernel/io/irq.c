// SPDX-License-Identifier: MIT
//
// Interrupts by line: which handlers each line has, and what happens on entry to and exit from an
// interrupt. hal/irq.h is the controller's interface; kernel/sched/work.c runs deferred work.

#include "kernel/io/irq.h"

#include "hal/cpu.h"
#include "hal/smp.h"
#include "hal/timer.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/trace/trace.h"

/* A line's lock is held while its handlers run. So a handler never runs on two CPUs at once, and
 * irq_release(), which takes the lock, knows that no handler of the line is running. A handler must
 * therefore not call irq_request(), irq_release() or irq_set_cpu() for its own line.
 *
 * Private lines (each CPU has its own, e.g. its timer) are dispatched without a lock: their
 * handlers are attached before other CPUs start and never removed, and each CPU writes only
 * its own share.
 *
 * Line numbers are sparse. State is allocated when a line is first requested and never freed, so
 * find_line() needs no lock: a pointer is published with release and read with acquire.
 *
 * Storms. A level-triggered line whose device is not quieted interrupts for ever and starves the
 * CPU. Two detectors mask such a line: IRQ_STORM_UNCLAIMED interrupts in a row that no handler
 * claims, or handlers that claim while the interrupted thread makes no progress
 * (look_for_progress_locked()). Messages cannot be masked at the controller, so their sources are
 * closed with `gate`. */

/* Detects a storm whose handlers claim the interrupt: the same instruction of the same thread,
 * never switched out, is interrupted at LOOKS_STUCK checks in a row, LOOK_EVERY claimed
 * interrupts apart, within a second. The total is below the 10000 after which QEMU's IOAPIC
 * pauses the interrupt. */
#define LOOK_EVERY  1024u /* a power of two: without a check it costs one test */
#define LOOKS_STUCK 8u

#define BLOCK_LINES 64u

/* The interrupted thread at the last check. Only compared: the thread may have ended. */
struct progress {
    const struct thread *thread;
    uintptr_t pc;
    uint64_t switches;
    uint64_t since; /* counter at the first check that found it so */
    uint32_t looks; /* checks in a row that found it unchanged */
};

/* The interrupts of one CPU. */
struct share {
    uint64_t count, ticks;
};

/* Field protection: [l] lock, interrupts masked; held while handlers run, so that irq_release()
 * finds none running */
struct irq_line {
    struct spinlock lock;
    struct list actions;         /* [l]; for a private line [I] */
    bool is_private;             /* [I] each CPU has its own, without a lock */
    enum irq_trigger trigger;    /* [l] valid while there are actions */
    cpu_t cpu;                   /* [l] the CPU that it interrupts */
    bool storming;               /* [l] */
    uint32_t unclaimed_in_row;   /* [l] */
    uint64_t count, unclaimed;   /* [l]; a private line counts in its shares only */
    struct progress progress;    /* [l] */
    struct share share[CPU_MAX]; /* [l]; for a private line: that CPU's */
};

/* Numbers are sparse. A block, and a line's state, is allocated when one of its lines is first
 * requested, and never freed. Acquire and release: publishes the memory that it points to. */
struct line_block {
    _Atomic(struct irq_line *) line[BLOCK_LINES];
};
/* also acquire and release */
static _Atomic(struct line_block *) blocks[IRQ_LINE_MAX / BLOCK_LINES];

static _Atomic uint64_t spurious, unowned; /* relaxed: statistics */

static struct irq_line *find_line(uint32_t line)
{
    if (UNLIKELY(line >= IRQ_LINE_MAX)) {
        return NULL;
    }
    struct line_block *b = atomic_load_explicit(&blocks[line / BLOCK_LINES], memory_order_acquire);
    return b == NULL ? NULL
                     : atomic_load_explicit(&b->line[line % BLOCK_LINES], memory_order_acquire);
}

static struct line_block *make_block(uint32_t line)
{
    _Atomic(struct line_block *) *slot = &blocks[line / BLOCK_LINES];
    struct line_block *b = atomic_load_explicit(slot, memory_order_acquire);
    if (b != NULL || (b = heap_zalloc(sizeof(*b))) == NULL) {
        return b;
    }
    struct line_block *other = NULL;
    if (!atomic_compare_exchange_strong_explicit(slot, &other, b, memory_order_release,
                                                 memory_order_acquire)) {
        heap_free(b); /* another thread was faster */
        return other;
    }
    return b;
}

static struct irq_line *make_line(uint32_t line)
{
    struct irq_line *l = find_line(line);
    struct line_block *b = l == NULL ? make_block(line) : NULL;
    if (b == NULL || (l = heap_zalloc(sizeof(*l))) == NULL) {
        return l;
    }
    l->lock = (struct spinlock)SPINLOCK_INIT;
    list_init(&l->actions);
    struct irq_line *other = NULL;
    if (!atomic_compare_exchange_strong_explicit(&b->line[line % BLOCK_LINES], &other, l,
                                                 memory_order_release, memory_order_acquire)) {
        heap_free(l); /* another thread was faster */
        return other;
    }
    return l;
}

static void forget_storm_locked(struct irq_line *l) REQUIRES(l->lock)
{
    l->storming = false;
    l->unclaimed_in_row = 0;
    l->progress = (struct progress){.thread = NULL};
}

static void set_gate_locked(struct irq_action *action, bool is_open)
{
    if (action->gate != NULL) {
        action->gate(action, is_open);
    }
}

static enum status attach_locked(struct irq_line *l, struct irq_action *action,
                                 enum irq_trigger trigger) REQUIRES(l->lock)
{
    bool first = list_is_empty(&l->actions);
    if (!first && l->trigger != trigger) {
        return E_BUSY;
    }
    if (first) {
        enum status s = machine_irq_controller()->configure(action->line, trigger);
        if (s != OK) {
            return s;
        }
        l->trigger = trigger;
        forget_storm_locked(l);
    }
    list_push_back(&l->actions, &action->link);
    if (action->move != NULL) {
        action->move(action);
    }
    if (first) {
        machine_irq_controller()->unmask(action->line);
    } else if (l->storming) {
        log_warn("irq", "%s shares line %u, which has been masked since it stormed", action->name,
                 action->line);
    }
    set_gate_locked(action, !(l->storming && action->gates_storms));
    return OK;
}

enum status irq_request(struct irq_action *action, uint32_t line, enum irq_trigger trigger)
{
    if (line >= IRQ_LINE_MAX) {
        return E_RANGE;
    }
    struct irq_line *l = make_line(line);
    if (l == NULL) {
        return E_NOMEM;
    }
    action->line = line;
    action->count = 0;
    irq_state_t state = spin_lock_irq(&l->lock);
    enum status s = attach_locked(l, action, trigger);
    spin_unlock_irq(&l->lock, state);
    return s;
}

enum status irq_request_private(struct irq_action *action, uint32_t line, enum irq_trigger trigger)
{
    struct irq_line *l = line < IRQ_LINE_MAX ? make_line(line) : NULL;
    if (l == NULL) {
        return line < IRQ_LINE_MAX ? E_NOMEM : E_RANGE;
    }
    ASSERT(list_is_empty(&l->actions) && cpus_count() <= 1);
    l->is_private = true;
    return irq_request(action, line, trigger);
}

/* Moves all actions that share the line. */
static enum status move_locked(struct irq_line *l, uint32_t line, cpu_t cpu) REQUIRES(l->lock)
{
    enum status s = l->cpu == cpu ? OK : machine_irq_controller()->route(line, cpus_at(cpu));
    if (s != OK || l->cpu == cpu) {
        return s;
    }
    l->cpu = cpu;
    LIST_FOR_EACH (&l->actions, n) {
        struct irq_action *action = CONTAINER_OF(n, struct irq_action, link);
        if (action->move != NULL) {
            action->move(action);
        }
    }
    return OK;
}

enum status irq_set_cpu(uint32_t line, cpu_t cpu)
{
    struct irq_line *l = find_line(line);
    if (cpu >= cpus_count()) {
        return E_INVAL;
    }
    if (l == NULL || l->is_private) {
        return l == NULL ? E_NODEV : E_NOTSUP;
    }
    irq_state_t state = spin_lock_irq(&l->lock);
    enum status s = list_is_empty(&l->actions) ? E_NODEV : move_locked(l, line, cpu);
    spin_unlock_irq(&l->lock, state);
    return s;
}

void irq_release(struct irq_action *action)
{
    struct irq_line *l = find_line(action->line);
    ASSERT(l != NULL && list_is_linked(&action->link));
    irq_state_t state = spin_lock_irq(&l->lock);
    set_gate_locked(action, false);
    list_remove(&action->link);
    if (list_is_empty(&l->actions)) {
        machine_irq_controller()->mask(action->line);
        /* A line starts on CPU 0. The call cannot fail: the line was there before. */
        (void)!move_locked(l, action->line, 0);
    }
    spin_unlock_irq(&l->lock, state);
}

static void set_gates_locked(struct irq_line *l, bool is_open) REQUIRES(l->lock)
{
    LIST_FOR_EACH (&l->actions, n) {
        struct irq_action *action = CONTAINER_OF(n, struct irq_action, link);
        if (action->gates_storms) {
            set_gate_locked(action, is_open);
        }
    }
}

static enum status resume_locked(struct irq_line *l, uint32_t line) REQUIRES(l->lock)
{
    if (list_is_empty(&l->actions)) {
        return E_NODEV;
    }
    if (!l->storming) {
        return E_INVAL;
    }
    forget_storm_locked(l);
    set_gates_locked(l, true);
    machine_irq_controller()->unmask(line);
    return OK;
}

enum status irq_resume(uint32_t line)
{
    struct irq_line *l = find_line(line);
    if (l == NULL) {
        return E_NODEV;
    }
    irq_state_t state = spin_lock_irq(&l->lock);
    enum status s = resume_locked(l, line);
    spin_unlock_irq(&l->lock, state);
    return s;
}

/** "a, b", or "nobody". */
static void name_handlers_locked(struct irq_line *l, char *buf, size_t len) REQUIRES(l->lock)
{
    size_t at = fmt_print(buf, len, "%s", list_is_empty(&l->actions) ? "nobody" : "");
    LIST_FOR_EACH (&l->actions, n) {
        if (at < len) {
            at += fmt_print(buf + at, len - at, "%s%s", at > 0 ? ", " : "",
                            CONTAINER_OF(n, struct irq_action, link)->name);
        }
    }
}

static void stop_storm_locked(struct irq_line *l, uint32_t line, const char *why) REQUIRES(l->lock)
{
    char names[96];
    l->storming = true;
    machine_irq_controller()->mask(line);
    set_gates_locked(l, false);
    name_handlers_locked(l, names, sizeof(names));
    log_warn("irq", "line %u masked: %s; handlers: %s; \"irq resume %u\" lets it fire again", line,
             why, names, line);
}

/** Call every handler of a shared line: on a level line several devices may interrupt at once. */
static bool run_handlers_locked(struct irq_line *l) REQUIRES(l->lock)
{
    bool claimed = false;
    LIST_FOR_EACH (&l->actions, n) {
        struct irq_action *action = CONTAINER_OF(n, struct irq_action, link);
        if (action->handle(action->ctx) == IRQ_HANDLED) {
            action->count++;
            claimed = true;
        }
    }
    return claimed;
}

static NOINLINE void count_unclaimed_locked(struct irq_line *l, uint32_t line) REQUIRES(l->lock)
{
    l->unclaimed++;
    if (++l->unclaimed_in_row == IRQ_STORM_UNCLAIMED) {
        stop_storm_locked(l, line, "it came 10000 times in a row and no handler claimed it");
    }
}

/*
 * Detects handlers that claim but do not quiet their device: the interrupt returns before the
 * thread executes another instruction. A busy device looks different: a thread is woken and runs,
 * or the interrupted thread advances. The idle thread stays at its instruction, but loses nothing.
 */
static NOINLINE void look_for_progress_locked(struct irq_line *l, uint32_t line,
                                              const struct hal_frame *frame) REQUIRES(l->lock)
{
    const struct thread *t = thread_current();
    struct progress *p = &l->progress;
    if (t == NULL || t->priority == PRIO_IDLE || t != p->thread || t->switches != p->switches ||
        hal_frame_pc(frame) != p->pc || hal_counter_read() - p->since > hal_counter_hz()) {
        *p = (struct progress){.thread = t,
                               .pc = hal_frame_pc(frame),
                               .switches = t != NULL ? t->switches : 0,
                               .since = hal_counter_read()};
    } else if (++p->looks == LOOKS_STUCK) {
        stop_storm_locked(l, line, "its handlers claim it, but it does not end");
    }
}

static NOINLINE void reject(uint32_t line, unsigned vector)
{
    uint64_t n = atomic_fetch_add_explicit(&unowned, 1, memory_order_relaxed) + 1;
    if (line < IRQ_LINE_MAX) {
        /* No driver requested it: do not let it interrupt again. */
        machine_irq_controller()->mask(line);
        log_warn("irq", "line %u masked: no driver ever requested it", line);
    } else if ((n & (n - 1)) == 0) { /* log at powers of two: these cannot be masked */
        log_warn("irq", "interrupt with vector 0x%x, which belongs to no line (%llu so far)",
                 vector, (unsigned long long)n);
    }
}

/* All CPUs handle theirs at the same time: write only this CPU's share. */
static void dispatch_private(const struct hal_cpu *cpu, struct irq_line *l)
{
    uint64_t begin = hal_counter_read();
    LIST_FOR_EACH (&l->actions, n) {
        struct irq_action *action = CONTAINER_OF(n, struct irq_action, link);
        (void)action->handle(action->ctx);
    }
    struct share *share = &l->share[cpu->id];
    share->count++;
    share->ticks += hal_counter_read() - begin;
}

static void dispatch(const struct hal_cpu *cpu, struct irq_line *l, uint32_t line,
                     const struct hal_frame *frame)
{
    if (l->is_private) {
        dispatch_private(cpu, l);
        return;
    }
    spin_lock_masked(&l->lock);
    uint64_t begin = hal_counter_read();
    struct share *share = &l->share[cpu->id];
    share->count++;
    l->count++;
    if (UNLIKELY(!run_handlers_locked(l))) {
        count_unclaimed_locked(l, line);
    } else {
        l->unclaimed_in_row = 0;
        if (UNLIKELY(l->count % LOOK_EVERY == 0)) {
            look_for_progress_locked(l, line, frame);
        }
    }
    share->ticks += hal_counter_read() - begin;
    spin_unlock_masked(&l->lock);
}

static ALWAYS_INLINE void trace_line(const struct hal_cpu *cpu, enum trace_event event,
                                     uint32_t line)
{
    if (UNLIKELY(cpu->is_traced)) {
        trace_record(event, 0, line, 0);
    }
}

void upcall_irq(unsigned vector, struct hal_frame *frame)
{
    const struct irq_controller *ctl = machine_irq_controller();
    struct hal_cpu *cpu = hal_this_cpu();
    /* irq_depth covers everything from here to the switch: code that asks "may I sleep" or "may I
     * be preempted" sees the interrupt. */
    cpu->irq_count++;
    cpu->irq_depth++;
    cpu->interrupted = frame;
    hal_frame_restart(frame);
    uint32_t line = ctl->ack(vector);
    struct irq_line *l = find_line(line);
    if (LIKELY(l != NULL)) {
        trace_line(cpu, TRACE_IRQ, line);
        dispatch(cpu, l, line, frame);
        trace_line(cpu, TRACE_IRQ_END, line);
        ctl->eoi(line);
    } else if (line == IRQ_LINE_IPI) {
        cpu->ipi_count++;
        trace_line(cpu, TRACE_IRQ, line);
        cpu->irq_depth--; /* if this stops the CPU, its record shows the interrupted depth */
        unsigned left = ipi_receive(frame);
        cpu->irq_depth++;
        if ((left & HAL_IPI_CALL) != 0) {
            smp_do_calls();
        }
        if ((left & HAL_IPI_REEVALUATE) != 0) {
            sched_reevaluate();
        }
        trace_line(cpu, TRACE_IRQ_END, line);
    } else if (line == IRQ_LINE_NONE) {
        atomic_fetch_add_explicit(&spurious, 1, memory_order_relaxed);
    } else {
        reject(line, vector);
        if (line != IRQ_LINE_STRAY) {
            ctl->eoi(line);
        }
    }
    cpu->irq_depth--;
    sched_preempt_from_irq();
    thread_check_cancel(frame);
}

static struct share all_shares_locked(const struct irq_line *l) REQUIRES(l->lock)
{
    struct share all = {.count = 0};
    for (cpu_t cpu = 0; cpu < CPU_MAX; cpu++) {
        all.count += l->share[cpu].count;
        all.ticks += l->share[cpu].ticks;
    }
    return all;
}

static void describe(uint32_t line, struct irq_line *l, struct irq_info *out)
{
    *out = (struct irq_info){.line = line};
    irq_state_t state = spin_lock_irq(&l->lock);
    struct share all = all_shares_locked(l);
    out->count = all.count;
    out->unclaimed = l->unclaimed;
    out->busy_ns = clock_counter_to_ns(all.ticks);
    out->storming = l->storming;
    out->is_private = l->is_private;
    out->cpu = l->cpu;
    LIST_FOR_EACH (&l->actions, n) {
        if (out->handlers < ARRAY_COUNT(out->names)) {
            (void)str_copy(out->names[out->handlers], sizeof(out->names[0]),
                           CONTAINER_OF(n, struct irq_action, link)->name);
        }
        out->handlers++;
    }
    spin_unlock_irq(&l->lock, state);
}

bool irq_get_info(uint32_t i, struct irq_info *out)
{
    for (uint32_t line = 0; line < IRQ_LINE_MAX; line++) {
        struct irq_line *l = find_line(line);
        if (l != NULL && i-- == 0) {
            describe(line, l, out);
            return true;
        }
    }
    return false;
}

bool irq_get_share(uint32_t line, cpu_t cpu, struct irq_share *out)
{
    struct irq_line *l = find_line(line);
    if (l == NULL || cpu >= CPU_MAX) {
        return false;
    }
    irq_state_t state = spin_lock_irq(&l->lock);
    struct share share = l->share[cpu];
    spin_unlock_irq(&l->lock, state);
    *out = (struct irq_share){.count = share.count, .busy_ns = clock_counter_to_ns(share.ticks)};
    return true;
}

void irq_get_totals(struct irq_totals *out)
{
    out->spurious = atomic_load_explicit(&spurious, memory_order_relaxed);
    out->unowned = atomic_load_explicit(&unowned, memory_order_relaxed);
}
