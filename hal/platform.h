// SPDX-License-Identifier: MIT
//
// The composition root, arch/<machine>/platform.c: the only file that knows the machine's concrete
// controllers and drivers. Each function is a list that reads as what happens.
#pragma once

#include "kernel/lib/status.h"

struct boot_info;
struct hal_cpu;

/**
 * @brief Interrupt controller, event timer, power control: what threads need.
 * @context{early, after memory management, before threads; interrupts masked}
 */
void hal_platform_init_core(const struct boot_info *info);

/**
 * @brief Consoles with interrupts, wall clock, PCI hosts: what drivers need. Order is text.
 * @context{thread, may sleep}
 */
void hal_platform_init_devices(const struct boot_info *info);

/**
 * @brief What a CPU needs of its own before it can be started: stacks for its vectors, its part of
 * the interrupt controller.
 * @param cpu  id and hw_id are set; its part for the machine is filled in.
 * @return OK; what irq_controller.add_cpu returns; E_NOMEM.
 * @context{thread, on the boot CPU}
 */
enum status hal_platform_add_cpu(struct hal_cpu *cpu);

/**
 * @brief Give back the stacks of a CPU that is not started after all. Its part of the interrupt
 * controller stays.
 * @context{as hal_platform_add_cpu}
 */
void hal_platform_remove_cpu(struct hal_cpu *cpu);

/**
 * @brief Interrupt controller and event timer of the calling CPU.
 * @return What irq_controller.init_cpu returns.
 * @context{starting CPU, after hal_platform_add_cpu() for it; interrupts masked}
 */
enum status hal_platform_init_cpu(void);
