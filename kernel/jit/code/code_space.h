// SPDX-License-Identifier: MIT
//
// Where compiled code is put, as those see it who put it there: memory that is first written and
// then executed, never both. The kernel has its code memory behind this, the host command mmap.
#pragma once

#include "kernel/lib/status.h"

#include <stddef.h>
#include <stdint.h>

struct code_piece;

struct code_block {
    uint8_t *bytes;                 /* where it is written until it is sealed */
    uint64_t address;               /* where it will run */
    size_t size;                    /* bytes, whole pages */
    const struct code_piece *piece; /* what addresses in it mean (code_map.h): from seal() on */
    void *owner;                    /* the implementation's */
};

/** No function is optional. */
struct code_space {
    /** @brief Take memory for `size` bytes, at least 1. @return OK; E_NOMEM. @context{thread, may
     * sleep} */
    enum status (*take)(void *ctx, size_t size, struct code_block *out);
    /** @brief From here on it can be executed and not be written. @return OK; E_NOMEM: it can only
     * be given back. @context{thread, may sleep} */
    enum status (*seal)(void *ctx, struct code_block *block);
    /** @brief Nothing runs in it any more. @context{thread, may sleep} */
    void (*give_back)(void *ctx, struct code_block *block);
    void *ctx;
};
