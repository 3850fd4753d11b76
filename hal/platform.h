// SPDX-License-Identifier: MIT
//
// The composition root, arch/<machine>/platform.c: the only file that knows the machine's concrete
// controllers and drivers. Each function is a list that reads as what happens.
#pragma once

#include "kernel/status.h"

struct boot_info;

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
