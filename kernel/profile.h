// SPDX-License-Identifier: MIT
//
// Where the time goes: at equal distances in time, which function an interrupt found running, be it
// the kernel's, a driver's or a program's. What runs with interrupts masked is found where it lets
// them in again. Not here: call chains, and instructions (scripts/debug has both).
#pragma once

#include "hal/trap.h"
#include "kernel/status.h"

#include <stdbool.h>
#include <stdint.h>

/** Time between two samples: no multiple or divisor of what else happens periodically. */
#define PROFILE_PERIOD_NS UINT64_C(199000)

/** A function: its own name, or "program!function". */
struct profile_entry {
    char name[60]; /* cut */
    uint32_t count;
};

/** @brief Begin to count, from nothing. @return OK; E_NOMEM; E_BUSY: it runs already.
 * @context{thread} */
enum status profile_start(void);

/** @brief Count no more, and forget what was counted. It does not run: does nothing.
 * @context{thread} */
void profile_stop(void);

/**
 * @brief The function that was found i-th most often.
 * @param total  Samples until now.
 * @return false: there are no more functions, or no profile runs. @context{thread}
 */
bool profile_get(uint32_t i, struct profile_entry *out, uint64_t *total);

/** @brief Count a sample if one is due. @context{IRQ, interrupts masked} */
void profile_interrupt(const struct hal_frame *frame);
