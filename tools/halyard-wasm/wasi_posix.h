// SPDX-License-Identifier: MIT
//
// A POSIX computer as the system under WASI.
#pragma once

#include "kernel/wasi/system.h"

extern const struct wasi_system wasi_posix;

/**
 * @brief Make a handle of an open descriptor, and own it from now on. @return NULL: no memory; the
 * descriptor is closed.
 */
struct wasi_handle *wasi_posix_handle(int fd);
