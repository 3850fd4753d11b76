// SPDX-License-Identifier: MIT
//
// Portable programs in the kernel: what is compiled here (portable_formats says from what), as a
// program like any other. Part of the loader; the rest of the kernel sees loader.h.
#pragma once

#include "kernel/jit/loader.h"

/** @brief True if the bytes claim to be a portable program. @context{any} */
bool portable_is(const void *bytes, size_t len);

/** @brief Open the list of them. @context{thread, once} */
void portable_init(void);

/**
 * @brief Start one, as loader_start().
 * @param path   For messages.
 * @param bytes  A heap block; taken over, also on failure. @pre portable_is()
 * @context{thread, may sleep}
 */
enum status portable_start(const char *path, void *bytes, size_t len,
                           const struct load_options *options, struct program **out,
                           struct loader_error *err);
