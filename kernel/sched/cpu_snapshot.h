// SPDX-License-Identifier: MIT
//
// What another CPU is doing right now, even if interrupts are masked there (where the machine can
// do that). The watchdog decides when to ask; a panic uses cpus_stop_others() instead.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"

#define LOOK_CHAIN     24u
#define LOOK_REGISTERS 36u

struct cpu_snapshot {
    uintptr_t pc;
    uintptr_t caller; /* as hal_frame_caller() */
    uintptr_t link;   /* as hal_frame_link() */
    uint32_t depth;   /* length of chain[]: return addresses, innermost first */
    bool irqs_enabled;
    uintptr_t chain[LOOK_CHAIN];
    uint64_t registers[LOOK_REGISTERS]; /* as hal_frame_register() numbers them */
};

/**
 * @brief Ask a CPU (this one included) for a snapshot, and wait for the answer.
 * @param limit_ns Longest wait.
 * @return OK; E_BUSY: another CPU is asking it now; E_TIMEDOUT: no answer. `out` is
 *     untouched on error.
 * @context{any}
 */
enum status cpu_snapshot(cpu_t cpu, uint64_t limit_ns, struct cpu_snapshot *out);

/** @brief Ask a CPU and log the answer, or that there is none, as warnings. @param area As for
 *     log_line().
 * @context{thread or IRQ} */
void cpu_snapshot_log(const char *area, cpu_t cpu);

/**
 * @brief Print call chain and registers.
 * @param write  Receives whole lines.
 * @context{any}
 */
void cpu_snapshot_print(const struct cpu_snapshot *look, void (*write)(void *ctx, const char *line),
                        void *ctx);

/** @brief Serve requests from here on. @context{early, once, after sched_init()} */
void cpu_snapshot_init(void);
