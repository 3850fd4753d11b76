// SPDX-License-Identifier: MIT
//
// Touch everything that can be reached below a directory: for images that are broken on purpose.
#pragma once

#include "kernel/lib/status.h"

/** @brief Statuses met, one bit each: bit -s of `enum status s`. */
unsigned fs_visit(const char *dir);
