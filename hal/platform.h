// SPDX-License-Identifier: MIT
//
// The composition root, arch/MACHINE/platform.c: the only file that knows the machine's concrete
// controllers and drivers. Each function is a list of steps in order.
#pragma once

#include "kernel/lib/status.h"

struct boot_info;
struct hal_cpu;

/**
 * @brief Initialise what threads need: interrupt controller, event timer, power control.
 * @context{early, after memory management, before threads; interrupts masked}
 */
void hal_platform_init_core(const struct boot_info *info);

/**
 * @brief Initialise what drivers need: consoles with interrupts, wall clock, PCI hosts. The order
 * is that of the lines.
 * @context{thread, may sleep}
 */
void hal_platform_init_devices(const struct boot_info *info);

/**
 * @brief Prepare a CPU's own resources before it is started: stacks for its vectors, its part of
 * the interrupt controller.
 * @param cpu  id and hw_id are set; the machine's part is filled in here.
 * @return OK; the errors of irq_controller.add_cpu; E_NOMEM.
 * @context{thread, on the boot CPU}
 */
enum status hal_platform_add_cpu(struct hal_cpu *cpu);

/**
 * @brief Free the stacks of a CPU that will not be started. Its part of the interrupt controller
 * stays.
 * @context{as hal_platform_add_cpu}
 */
void hal_platform_remove_cpu(struct hal_cpu *cpu);

/**
 * @brief Initialise interrupt controller and event timer of the calling CPU.
 * @return The errors of irq_controller.init_cpu.
 * @context{starting CPU, after hal_platform_add_cpu() for it; interrupts masked}
 */
enum status hal_platform_init_cpu(void);
