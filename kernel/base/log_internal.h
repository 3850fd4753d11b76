// SPDX-License-Identifier: MIT
//
// What panic.c needs of the log and nobody else.
#pragma once

#include "kernel/base/log.h"

/**
 * @brief Call fn for the newest lines, at most `max`, that the consoles have not shown.
 * @context{panic: takes no lock, and believes the ring as it finds it}
 */
void log_for_each_unshown(unsigned max, void (*fn)(const struct log_record *record));
