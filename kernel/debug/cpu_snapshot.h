// SPDX-License-Identifier: MIT
//
// What a CPU is doing right now, asked by another one: where it can, although interrupts are masked
// there. Who asks when is the watchdog's business; a panic asks differently
// (hal_cpu_stop_others()).
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"

#define LOOK_CHAIN     24u
#define LOOK_REGISTERS 36u

struct cpu_look {
    uintptr_t pc;
    uintptr_t caller; /* as hal_frame_caller() */
    uintptr_t link;   /* as hal_frame_link() */
    uint32_t depth;   /* of chain[], innermost first: return addresses */
    bool irqs_enabled;
    uintptr_t chain[LOOK_CHAIN];
    uint64_t registers[LOOK_REGISTERS]; /* as hal_frame_register() numbers them */
};

/**
 * @brief Ask a CPU, this one too, what it is doing, and wait for the answer.
 * @param limit_ns  Wait so long.
 * @return OK; E_BUSY: another one asks it now; E_TIMEDOUT: it does not answer. `out` is then
 * untouched.
 * @context{any}
 */
enum status look_at_cpu(cpu_t cpu, uint64_t limit_ns, struct cpu_look *out);

/** @brief Ask it, and log the answer, or that there is none, as warnings. @param area  As
 * log_line().
 * @context{thread or IRQ} */
void look_log(const char *area, cpu_t cpu);

/**
 * @brief Print call chain and registers.
 * @param write  Receives whole lines.
 * @context{any}
 */
void look_print(const struct cpu_look *look, void (*write)(void *ctx, const char *line), void *ctx);
