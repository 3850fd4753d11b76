// SPDX-License-Identifier: MIT
//
// A POSIX computer as the system that WASI stands on.
#pragma once

#include "kernel/wasi/system.h"

extern const struct wasi_system wasi_posix;

/** @brief A handle on an open descriptor, which is the handle's own from now on. @return NULL: no
 * memory; the descriptor is closed. */
struct wasi_handle *wasi_posix_handle(int fd);
