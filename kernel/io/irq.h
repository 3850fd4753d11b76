// SPDX-License-Identifier: MIT
//
// Interrupt handlers by line. A handler acknowledges its device and queues work; the work thread of
// work.h completes it.
#pragma once

#include "hal/irq.h"
#include "kernel/lib/list.h"

enum irq_result { IRQ_NOT_MINE, IRQ_HANDLED };

/** The driver owns the struct from irq_request() to irq_release(). */
struct irq_action {
    struct list_node link;
    enum irq_result (*handle)(void *ctx); /* in IRQ context, interrupts masked */
    void *ctx;
    /** Allow the source to interrupt (true) or stop it: irq_request() opens it, after `move`;
     * irq_release() closes it. NULL: nothing to do. Called with interrupts masked, under the line's
     * lock, like `move`, so both may use the same registers. */
    void (*gate)(struct irq_action *self, bool is_open);
    /** Close the gate in a storm, too: for messages, which only the device itself can mask. */
    bool gates_storms;
    /** Recompose the message that raises the line: the line may be on another CPU than when it was
     * last composed, and irq_set_cpu() moves it. NULL: the line has no message. Interrupts masked,
     * under the line's lock. */
    void (*move)(struct irq_action *self);
    const char *name; /* shown by `irq`; valid until irq_release() */
    uint32_t line;
    uint64_t count; /* interrupts that it claimed; not counted for a private line */
};

/** @brief Attach a handler. Lines may be shared; the first handler configures and unmasks the line.
 * @return OK; E_RANGE: no such line; E_NOTSUP: trigger; E_BUSY: shared with another trigger;
 *     E_NOMEM. @context{thread} */
enum status irq_request(struct irq_action *action, uint32_t line, enum irq_trigger trigger);

/**
 * @brief As irq_request(), for a line that each CPU has for itself, like its timer's: the handler
 *     runs on all of them at the same time, without storm detection. For ever.
 * @context{early, before other CPUs are started}
 */
enum status irq_request_private(struct irq_action *action, uint32_t line, enum irq_trigger trigger);

/** @brief Detach; the last handler masks the line. The handler does not run after the return.
 * @context{thread, not a handler} */
void irq_release(struct irq_action *action);

/**
 * @brief Unmask a line that was masked because of a storm.
 *
 * A line storms, and is masked and reported in the log, if no handler claims it IRQ_STORM_UNCLAIMED
 * times in a row, or if its handlers claim it so often that the interrupted thread makes no
 * progress. It stays masked, because the cause is still there; every device that shares the line is
 * cut off, too. It is unmasked by this function, or when its last handler was detached and a new
 * one is attached.
 * @return OK; E_NODEV: it has no handlers; E_INVAL: it does not storm.
 * @context{thread}
 */
enum status irq_resume(uint32_t line);

/**
 * @brief Set the CPU that a line interrupts: its affinity. A line starts on CPU 0, where no other
 *     CPU needs to be woken for its work, and returns there when its last handler is detached. Work
 *     queued by handlers runs on the same CPU. A handler never runs on two CPUs at once.
 * @return OK; E_INVAL: no such CPU is online; E_NODEV: the line has no handlers; E_NOTSUP: each CPU
 *     has its own; E_RANGE: the controller cannot route it there; E_NOMEM, E_TIMEDOUT, E_IO.
 * @context{thread}
 */
enum status irq_set_cpu(uint32_t line, cpu_t cpu);

#define IRQ_STORM_UNCLAIMED 10000u /* unclaimed interrupts in a row */

#define IRQ_INFO_NAMES 4
#define IRQ_NAME_MAX   24

struct irq_info {
    uint32_t line;
    uint64_t count, unclaimed;
    uint64_t busy_ns;  /* time in its handlers, on all CPUs */
    bool storming;     /* masked: see irq_resume() */
    bool is_private;   /* each CPU has its own */
    cpu_t cpu;         /* the CPU that it interrupts; unused for a private line */
    uint32_t handlers; /* handlers attached now */
    /* Names of the first handlers, "" if unused, truncated to fit. Copies, because a driver's name
     * is unloaded with it. */
    char names[IRQ_INFO_NAMES][IRQ_NAME_MAX];
};
/** @brief The i-th line with handlers or counts. @return false past the end. */
bool irq_get_info(uint32_t i, struct irq_info *out);

/** One CPU's share of a line. */
struct irq_share {
    uint64_t count, busy_ns;
};
/** @brief Get a line's counts on this CPU. @return false: the line was never requested, or there is
 *     no such CPU. @context{any} */
bool irq_get_share(uint32_t line, cpu_t cpu, struct irq_share *out);

/** Interrupts that are in no line's `count`. */
struct irq_totals {
    uint64_t spurious; /* the controller interrupted but reported no line */
    uint64_t unowned;  /* of a vector without a line, or of a line that was never requested */
};
/** @context{any} */
void irq_get_totals(struct irq_totals *out);
