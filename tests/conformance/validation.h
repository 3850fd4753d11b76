// SPDX-License-Identifier: MIT
//
// Compares the two ways to find out whether a function body is valid: validating it, which accepts
// common bodies quickly, and building it. Both must accept the same bodies, and refuse others with
// the same message. The bodies are those of all modules in a pack, and mutated copies of them.
#pragma once

#include "kernel/lib/status.h"

#include <stddef.h>
#include <stdint.h>

struct validation_score {
    uint32_t modules;   /* decoded, so that their bodies were compared */
    uint32_t different; /* modules of which a body was judged differently */
    uint32_t bodies, quick, refused;
};

/** @brief Compare all bodies of a pack's modules. @param say  Is told about each difference.
 * @return OK, or E_FORMAT: it is not a pack; E_NOMEM. @context{thread} */
enum status validation_compare(const char *name, const uint8_t *pack, size_t len,
                               void (*say)(void *ctx, const char *line),
                               struct validation_score *score);
