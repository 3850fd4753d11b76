// SPDX-License-Identifier: MIT
//
// Memory for compiled code, as the compiler sees it: first written and then executed, never both at
// once. The kernel implements this with its code memory, the host command with mmap.
#pragma once

#include "kernel/lib/status.h"

#include <stddef.h>
#include <stdint.h>

struct code_piece;

struct code_block {
    uint8_t *bytes;                 /* where it can be written until it is sealed */
    uint64_t address;               /* where it will run */
    size_t size;                    /* bytes, at least those that were asked for */
    const struct code_piece *piece; /* set by seal(): the meaning of its addresses (code_map.h) */
    void *owner;                    /* belongs to the implementation */
};

/** Only the last function is optional. */
struct code_space {
    /** @brief Allocate memory for `size` bytes, at least 1. @return OK; E_NOMEM. @context{thread,
     * may sleep} */
    enum status (*alloc)(void *ctx, size_t size, struct code_block *out);
    /** @brief Make it executable and no longer writable. @return OK; E_NOMEM: all that can be done
     * now is to free it. @context{thread, may sleep} */
    enum status (*seal)(void *ctx, struct code_block *block);
    /** @brief Free it. Nothing may run in it any longer. @context{thread, may sleep} */
    void (*free)(void *ctx, struct code_block *block);
    /** @brief Where a C function that code calls returns to. @param back  The return address on the
     * stack. @param fp  Address of the frame record. @param top  Only frames below it are of
     * interest. NULL: `back` is right. @context{thread, its fault handler included} */
    uint64_t (*returns_to)(uint64_t back, uint64_t fp, uint64_t top);
    void *ctx;
};
