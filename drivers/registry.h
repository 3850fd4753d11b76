// SPDX-License-Identifier: MIT
//
// The tables of all drivers, for platform.c, which installs them.
#pragma once

#include "kernel/base/export.h"
#include "kernel/io/device.h"

/** The drivers that are linked in: ends with NULL; probe order. */
extern const struct driver *const driver_registry[];

/** What loaded drivers may call, ascending by name. Defined in drivers/exports.c. */
extern const struct export driver_exports[];
extern const uint32_t driver_export_count;
