// SPDX-License-Identifier: MIT
//
// Address space for the memory of one program: reserved once for the maximum size, and followed by
// as much as compiled code may reach without a check. The base never moves. An access to a part
// that is not committed faults.
#pragma once

#include "kernel/jit/budget.h"
#include "kernel/lib/status.h"

#include <stdint.h>

struct sandbox {
    uint8_t *base;
    /* committed: reads as zero at first, readable and writable; the first access may fault and then
     * be mapped */
    uint64_t bytes;
    uint64_t upper_start, upper_bytes; /* a second part that is committed; or 0 bytes */
    uint64_t max;                      /* limit of `bytes` and `upper_bytes` together */
    uint64_t reserved;     /* bytes of address space, from base: faults in it are the program's */
    struct budget *budget; /* charged for what is committed; NULL: nothing is */
    void *owner;           /* belongs to the implementation */
};

/**
 * @brief Reserve address space; nothing is committed.
 * @param budget Is charged when it grows; must live until sandbox_release(). NULL: none.
 * @param max Bytes it may grow to, a multiple of 64 KiB.
 * @param guard  Bytes after the 4 GiB that a 32-bit index reaches; also reserved.
 * @return OK; E_NOMEM: no such gap in the address space, or no memory for the bookkeeping.
 * @context{thread, may sleep}
 */
enum status sandbox_reserve(struct sandbox *s, struct budget *budget, uint64_t max, uint64_t guard);

/** @brief Commit up to `bytes`, a multiple of 64 KiB, at least s->bytes. @return OK; E_NOMEM: no
 * memory, or above `max` or the budget; E_CANCELLED: the program is ending. On failure nothing
 * has changed. @context{thread, may sleep} */
enum status sandbox_grow(struct sandbox *s, uint64_t bytes);

#define SANDBOX_UPPER_UNIT (UINT64_C(2) << 20)

/** @brief Commit `bytes`, a multiple of 64 KiB, from `start` on, or decommit the memory after them.
 * Fewer bytes become a multiple of SANDBOX_UPPER_UNIT, because larger pages are freed as a whole.
 * @param start A multiple of SANDBOX_UPPER_UNIT, at least `max`. Always the same while there is an
 * upper part. @pre When it shrinks, neither the program nor C code accesses the decommitted
 * memory. @return as sandbox_grow(); fewer bytes: OK. @context{thread, may sleep} */
enum status sandbox_set_upper(struct sandbox *s, uint64_t start, uint64_t bytes);

/** @brief Free everything. If all zero: does nothing. @context{thread, may sleep} */
void sandbox_release(struct sandbox *s);
