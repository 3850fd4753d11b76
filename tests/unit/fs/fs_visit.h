// SPDX-License-Identifier: MIT
//
// Access everything that is reachable below a directory: for images that are corrupted on purpose.
#pragma once

#include "kernel/lib/status.h"

/** @brief @return the statuses that occurred: bit -s for `enum status s`. */
unsigned fs_visit(const char *dir);
