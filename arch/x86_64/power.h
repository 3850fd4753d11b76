// SPDX-License-Identifier: MIT
//
// This machine's power control, for platform.c.
#pragma once

#include "hal/bootinfo.h"
#include "hal/power.h"

/** Soft off through ACPI's PM1 control; reset by any method that works. */
extern const struct power_ops power_acpi;

/** @brief Set the ports that power_acpi uses. @context{early, once} */
void power_init(const struct boot_acpi *acpi);
