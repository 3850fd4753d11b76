// SPDX-License-Identifier: MIT
//
// Interrupts by line: who handles which, and what happens on the way in and out. The controller is
// the machine's (hal/irq.h); what handlers put off runs in kernel/sched/work.c.

#include "kernel/io/irq.h"

#include "hal/cpu.h"
#include "hal/upcall.h"
#include "kernel/assert.h"
#include "kernel/log.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/program.h"
#include "kernel/sched/thread.h"
#include "kernel/spinlock.h"

#define STORM_LIMIT 10000u /* interrupts in a row that nobody claimed */

/* Field protection:  [l] lock, interrupts masked; held while handlers run, so that irq_release()
 * under it finds none running */
struct irq_line {
    struct spinlock lock;
    struct list actions;       /* [l] */
    enum irq_trigger trigger;  /* [l] valid while there are actions */
    bool storming;             /* [l] */
    uint32_t unclaimed_in_row; /* [l] */
    uint64_t count, unclaimed; /* [l] */
};

/* A line's state is made when it is first asked for and stays. Acquire and release: what it points
 * to. */
static _Atomic(struct irq_line *) lines[IRQ_LINE_MAX];
static _Atomic uint64_t spurious; /* relaxed: a statistic */

static struct irq_line *find_line(uint32_t line)
{
    return line < IRQ_LINE_MAX ? atomic_load_explicit(&lines[line], memory_order_acquire) : NULL;
}

static struct irq_line *make_line(uint32_t line)
{
    struct irq_line *l = find_line(line);
    if (l != NULL) {
        return l;
    }
    l = heap_zalloc(sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    list_init(&l->actions);
    struct irq_line *other = NULL;
    if (!atomic_compare_exchange_strong_explicit(&lines[line], &other, l, memory_order_release,
                                                 memory_order_acquire)) {
        heap_free(l); /* another thread was first */
        return other;
    }
    return l;
}

static enum status attach_locked(struct irq_line *l, struct irq_action *action,
                                 enum irq_trigger trigger) REQUIRES(l->lock)
{
    bool first = list_is_empty(&l->actions);
    if (!first && l->trigger != trigger) {
        return E_BUSY;
    }
    if (first) {
        enum status s = hal_irq_controller()->configure(action->line, trigger);
        if (s != OK) {
            return s;
        }
        l->trigger = trigger;
        l->storming = false;
        l->unclaimed_in_row = 0;
    }
    list_push_back(&l->actions, &action->link);
    if (first) {
        hal_irq_controller()->unmask(action->line);
    }
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

void irq_release(struct irq_action *action)
{
    struct irq_line *l = find_line(action->line);
    ASSERT(l != NULL && list_is_linked(&action->link));
    irq_state_t state = spin_lock_irq(&l->lock);
    list_remove(&action->link);
    if (list_is_empty(&l->actions)) {
        hal_irq_controller()->mask(action->line);
    }
    spin_unlock_irq(&l->lock, state);
}

void irq_mask(uint32_t line)
{
    ASSERT(line < IRQ_LINE_MAX);
    irq_state_t state = hal_irq_save();
    hal_irq_controller()->mask(line);
    hal_irq_restore(state);
}

void irq_unmask(uint32_t line)
{
    ASSERT(line < IRQ_LINE_MAX);
    irq_state_t state = hal_irq_save();
    hal_irq_controller()->unmask(line);
    hal_irq_restore(state);
}

/** Every handler of a shared line is asked: on a level line one device may hide behind another. */
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

static void count_unclaimed_locked(struct irq_line *l, uint32_t line) REQUIRES(l->lock)
{
    l->unclaimed++;
    if (++l->unclaimed_in_row == STORM_LIMIT) {
        hal_irq_controller()->mask(line);
        l->storming = true;
        log_warn("irq", "line %u masked: nobody claimed it %u times in a row", line, STORM_LIMIT);
    }
}

static void dispatch(uint32_t line)
{
    struct irq_line *l = find_line(line);
    if (l == NULL) {
        /* Nobody ever asked for it: it must not come again. */
        hal_irq_controller()->mask(line);
        atomic_fetch_add_explicit(&spurious, 1, memory_order_relaxed);
        log_warn("irq", "line %u masked: it has no handler", line);
        return;
    }
    irq_state_t state = spin_lock_irq(&l->lock);
    l->count++;
    if (run_handlers_locked(l)) {
        l->unclaimed_in_row = 0;
    } else {
        count_unclaimed_locked(l, line);
    }
    spin_unlock_irq(&l->lock, state);
}

void upcall_irq(unsigned vector, struct hal_frame *frame)
{
    struct hal_cpu *cpu = hal_this_cpu();
    cpu->irq_count++;
    cpu->irq_depth++;
    uint32_t line = hal_irq_controller()->ack(vector);
    if (line == IRQ_LINE_NONE) {
        atomic_fetch_add_explicit(&spurious, 1, memory_order_relaxed);
    } else {
        dispatch(line);
        hal_irq_controller()->eoi(line);
    }
    cpu->irq_depth--;
    sched_preempt_from_irq();
    program_check_kill(
        frame); /* after the switch: the thread may have been cancelled while others ran */
}

static void describe(uint32_t line, struct irq_line *l, struct irq_info *out)
{
    *out = (struct irq_info){.line = line};
    irq_state_t state = spin_lock_irq(&l->lock);
    out->count = l->count;
    out->unclaimed = l->unclaimed;
    out->storming = l->storming;
    unsigned i = 0;
    LIST_FOR_EACH (&l->actions, n) {
        if (i < ARRAY_COUNT(out->names)) {
            out->names[i++] = CONTAINER_OF(n, struct irq_action, link)->name;
        }
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

uint64_t irq_spurious_count(void)
{
    return atomic_load_explicit(&spurious, memory_order_relaxed);
}
