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
    const char *name; /* static; `irq` shows it */
    uint32_t line;
    uint64_t count; /* interrupts it claimed */
};

/** @brief Attach a handler; lines may be shared; the first one configures and unmasks the line.
 *  @return OK; E_RANGE: no such line; E_NOTSUP: trigger; E_BUSY: shared with another trigger;
 * E_NOMEM. @context{thread} */
enum status irq_request(struct irq_action *action, uint32_t line, enum irq_trigger trigger);

/** @brief Detach; the last one masks the line. The handler does not run after the return.
 * @context{thread, not a handler} */
void irq_release(struct irq_action *action);

/** @brief Let the line fire again, or not, whatever its handlers. Nests not. @context{any} */
void irq_mask(uint32_t line);
void irq_unmask(uint32_t line);

struct irq_info {
    uint32_t line;
    uint64_t count, unclaimed;
    bool storming;        /* masked because nobody claimed it 10,000 times in a row */
    const char *names[4]; /* handlers, NULL filled */
};
/** @brief The i-th line with handlers or counts. @return false past the end. */
bool irq_get_info(uint32_t i, struct irq_info *out);
uint64_t irq_spurious_count(void);
