// SPDX-License-Identifier: MIT
//
// Who serves the interrupts between CPUs that ask what a CPU is doing. The rest is hal/smp.h.
#pragma once

struct hal_frame;

/** Const; none is optional. */
struct ipi_snapshot_ops {
    /** HAL_IPI_SHOW: record what this CPU was doing. @context{NMI, IRQ, or polling} */
    void (*show)(const struct hal_frame *frame);
    /** HAL_IPI_REPORT: report the state of all CPUs. @context{IRQ} */
    void (*report)(void);
    /** An NMI came that no CPU sent: let a CPU report the state of all. @context{NMI} */
    void (*want_report)(const struct hal_frame *frame);
};

/** @brief Install them; until then these requests do nothing. @context{early, once} */
void ipi_install_snapshots(const struct ipi_snapshot_ops *ops);
