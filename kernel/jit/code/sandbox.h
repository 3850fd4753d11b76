// SPDX-License-Identifier: MIT
//
// Address space for the memory of one program: reserved once for the largest that it may become,
// with as much behind it as compiled code may reach without a check. The base never moves. What is
// not committed faults.
#pragma once

#include "kernel/lib/status.h"

#include <stdint.h>

struct sandbox {
    uint8_t *base;
    uint64_t bytes; /* committed: reads as zero, read and write; a touch may fault and be mapped */
    uint64_t max;   /* that `bytes` may become */
    uint64_t reserved; /* of addresses, from base: faults in them are the program's */
    void *owner;       /* the implementation's */
};

/**
 * @brief Reserve addresses; nothing is committed.
 * @param max    Bytes it may grow to, a multiple of 64 KiB.
 * @param guard  Bytes behind the 4 GiB that a 32-bit index reaches, all of them reserved too.
 * @return OK; E_NOMEM: no such gap, or no memory for the books. @context{thread, may sleep}
 */
enum status sandbox_reserve(struct sandbox *s, uint64_t max, uint64_t guard);

/** @brief Commit up to `bytes`, a multiple of 64 KiB, at least s->bytes. @return OK; E_NOMEM: no
 * memory or above a limit of the program; E_CANCELLED: the program is being ended. On failure
 * nothing has changed. @context{thread, may sleep} */
enum status sandbox_grow(struct sandbox *s, uint64_t bytes);

/** @brief Give everything back. Zeroed: does nothing. @context{thread, may sleep} */
void sandbox_release(struct sandbox *s);
