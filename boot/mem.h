// SPDX-License-Identifier: MIT
//
// How the parsers of foreign tables reach memory: through a reader that the machine gives them (the
// identity map at boot) or a test does (bytes in an array). No parser follows an address by itself.
//
// All of boot/ may run before anything works: on AArch64 with the MMU off, at the physical address,
// where unaligned accesses fault and link-time addresses do not exist. So: foreign numbers are read
// through kernel/lib/endian.h, code and data are reached PC-relative (no tables of pointers),
// nothing allocates or recurses, and frames stay small because the boot stack is.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"

/** A reader of physical memory. */
struct boot_mem {
    /**
     * Bytes [phys, phys + len) for reading, at any alignment, valid until the parser returns.
     * NULL: not all of them can be read. Called with len > 0 and without wrap-around.
     */
    const void *(*map)(void *ctx, uint64_t phys, size_t len);
    void *ctx;
};

/**
 * @brief Reach physical bytes.
 * @param phys  First byte, any alignment, any value.
 * @param len   Bytes; 0 or a range that wraps gives NULL.
 * @return NULL if not every byte can be read.
 * @context{early}
 */
const uint8_t *boot_mem_map(const struct boot_mem *m, uint64_t phys, uint64_t len);

/**
 * @brief Measure a zero-terminated string.
 * @param limit  Read so many bytes at most.
 * @param out    Bytes before the zero, or `limit`.
 * @return E_CORRUPT: a byte of it cannot be read; `out` is untouched.
 * @context{early}
 */
enum status boot_mem_string_length(const struct boot_mem *m, uint64_t phys, size_t limit,
                                   size_t *out);

/**
 * @brief Copy a zero-terminated string, cutting it to fit.
 * @param out     Zero-terminated afterwards.
 * @param size    Bytes at `out`, at least 1.
 * @param is_cut  Set to whether the string was longer.
 * @return E_CORRUPT: a byte before the zero (or before `size` is used up) cannot be read; `out` is
 * untouched.
 * @context{early}
 */
enum status boot_mem_copy_string(const struct boot_mem *m, uint64_t phys, char *out, size_t size,
                                 bool *is_cut);

/**
 * @brief Copy a zero-terminated string out of mapped bytes, cutting it to fit.
 * @param bytes  Up to `len` of them; a string without a zero ends there.
 * @param out    Zero-terminated afterwards.
 * @param size   Bytes at `out`, at least 1.
 * @return true if the string was longer than fits.
 * @context{early}
 */
bool boot_copy_string(const uint8_t *bytes, size_t len, char *out, size_t size);
