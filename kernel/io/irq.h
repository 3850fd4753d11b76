// SPDX-License-Identifier: MIT
//
// Interrupt handlers by line. A handler acknowledges its device and queues; completions run in
// work.h's thread.
#pragma once

#include "hal/irq.h"
#include "kernel/lib/list.h"

enum irq_result { IRQ_NOT_MINE, IRQ_HANDLED };

/** The driver owns the struct from irq_request() to irq_release(). */
struct irq_action {
    struct list_node link;
    enum irq_result (*handle)(void *ctx); /* in IRQ context, interrupts masked */
    void *ctx;
    /** Let the source interrupt (true) or hold it back: irq_request() opens it, after `move`,
     * irq_release() closes it. NULL: there is nothing to do. Interrupts masked, under the line's
     * lock, as `move`: the two may use the same registers. */
    void (*gate)(struct irq_action *self, bool is_open);
    /** A storm closes the gate, too: of messages, which only their device can mask. */
    bool gates_storms;
    /** Compose the message that raises the line anew: irq_request() may find the line on another
     * CPU than when it was composed last, and irq_set_cpu() brings it to one. NULL: it has none.
     * Interrupts masked, under the line's lock. */
    void (*move)(struct irq_action *self);
    const char *name; /* `irq` shows it; stays until irq_release() */
    uint32_t line;
    uint64_t count; /* interrupts it claimed; of a private line not counted */
};

/** @brief Attach a handler; lines may be shared; the first one configures and unmasks the line.
 *  @return OK; E_RANGE: no such line; E_NOTSUP: trigger; E_BUSY: shared with another trigger;
 * E_NOMEM. @context{thread} */
enum status irq_request(struct irq_action *action, uint32_t line, enum irq_trigger trigger);

/**
 * @brief As irq_request(), for a line that each CPU has for itself, as its timer's: its handler
 * runs on all of them, at the same time, and is not watched for storms. For ever.
 * @context{early, before other CPUs are started}
 */
enum status irq_request_private(struct irq_action *action, uint32_t line, enum irq_trigger trigger);

/** @brief Detach; the last one masks the line. The handler does not run after the return.
 * @context{thread, not a handler} */
void irq_release(struct irq_action *action);

/**
 * @brief Let a line fire again that was masked because it stormed.
 *
 * A line storms, and is masked and named in the log, if nobody claims it IRQ_STORM_UNCLAIMED times
 * in a row, or if its handlers claim it so often that the interrupted thread gets no instruction
 * done. It stays masked: what made it storm is still there, and every device that shares the line
 * is cut off with it. It comes back by this function, or when its last handler has gone and a new
 * one is attached.
 * @return OK; E_NODEV: it has no handlers; E_INVAL: it does not storm.
 * @context{thread}
 */
enum status irq_resume(uint32_t line);

/**
 * @brief Let a line interrupt that CPU from now on: its affinity. A line begins at CPU 0, where
 * nobody who waits for work is woken for it, and falls back to it when its last handler has gone.
 * What handlers queue as work follows them. A handler never runs on two CPUs at once.
 * @return OK; E_INVAL: no such CPU is online; E_NODEV: the line has no handlers; E_NOTSUP: each CPU
 * has its own; E_RANGE: the controller cannot send it there; E_NOMEM, E_TIMEDOUT, E_IO.
 * @context{thread}
 */
enum status irq_set_cpu(uint32_t line, cpu_t cpu);

#define IRQ_STORM_UNCLAIMED 10000u /* interrupts in a row that no handler claims */

#define IRQ_INFO_NAMES 4
#define IRQ_NAME_MAX   24

struct irq_info {
    uint32_t line;
    uint64_t count, unclaimed;
    uint64_t busy_ns;  /* spent in its handlers, on all CPUs */
    bool storming;     /* masked: see irq_resume() */
    bool is_private;   /* each CPU has its own */
    cpu_t cpu;         /* that it interrupts; of a private line nothing */
    uint32_t handlers; /* attached now; they share the line */
    /* Of the first of them, "" filled, cut to fit. Copies: a driver's name goes when it does. */
    char names[IRQ_INFO_NAMES][IRQ_NAME_MAX];
};
/** @brief The i-th line with handlers or counts. @return false past the end. */
bool irq_get_info(uint32_t i, struct irq_info *out);

/** One CPU's part of a line. */
struct irq_share {
    uint64_t count, busy_ns;
};
/** @brief What of the line came to this CPU. @return false: nobody ever asked for the line, or
 * there is no such CPU. @context{any} */
bool irq_get_share(uint32_t line, cpu_t cpu, struct irq_share *out);

struct hal_frame;

/** @brief The registers of what this CPU's interrupt interrupted. @context{handlers and timers} */
const struct hal_frame *irq_frame(void);

/** Interrupts that no line's `count` has. */
struct irq_totals {
    uint64_t spurious; /* the controller interrupted and then had nothing to say */
    uint64_t unowned;  /* of a vector that is no line's, or a line that nobody ever asked for */
};
/** @context{any} */
void irq_get_totals(struct irq_totals *out);
