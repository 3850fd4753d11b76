// SPDX-License-Identifier: MIT
//
// The log's interface for panic.c.
#pragma once

#include "kernel/base/log.h"

/**
 * @brief Call fn for the newest lines, `max` at most, that the consoles have not shown.
 * @context{panic: takes no lock and uses the ring as it is}
 */
void log_for_each_unshown(unsigned max, void (*fn)(const struct log_record *record));
