// SPDX-License-Identifier: MIT
//
// How the parsers of foreign tables access memory: through a reader that the machine provides (the
// identity map at boot) or a test (bytes in an array). No parser dereferences a foreign address
// directly.
//
// All of boot/ may run before anything else works: on AArch64 with the MMU off, at physical
// addresses, where unaligned accesses fault and link-time addresses are invalid. So foreign numbers
// are read through kernel/lib/endian.h, code and data are accessed PC-relative (no tables of
// pointers), nothing allocates or recurses, and frames stay small because the boot stack is small.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"

/** A reader of physical memory. */
struct boot_mem {
    /** Bytes [phys, phys + len) for reading, at any alignment, valid until the parser returns.
     * NULL: some of them cannot be read. Called with len > 0 and without wrap-around. */
    const void *(*map)(void *ctx, uint64_t phys, size_t len);
    void *ctx;
};

/**
 * @brief Map physical bytes.
 * @param phys  First byte, any alignment, any value.
 * @param len   Bytes; 0 or a range that wraps gives NULL.
 * @return NULL if any byte cannot be read.
 * @context{early}
 */
const uint8_t *boot_mem_map(const struct boot_mem *m, uint64_t phys, uint64_t len);

/**
 * @brief Measure a zero-terminated string.
 * @param limit  Read at most this many bytes.
 * @param out    Bytes before the zero, or `limit`.
 * @return E_CORRUPT: a byte of it cannot be read; `out` is unchanged.
 * @context{early}
 */
enum status boot_mem_string_length(const struct boot_mem *m, uint64_t phys, size_t limit,
                                   size_t *out);

/**
 * @brief Copy a zero-terminated string, cut to fit.
 * @param out     Zero-terminated afterwards.
 * @param size    Bytes at `out`, at least 1.
 * @param is_cut  Set to whether the string was longer.
 * @return E_CORRUPT: a byte before the zero (or before `size` is used up) cannot be read; `out` is
 * unchanged.
 * @context{early}
 */
enum status boot_mem_copy_string(const struct boot_mem *m, uint64_t phys, char *out, size_t size,
                                 bool *is_cut);

/**
 * @brief Copy a zero-terminated string out of mapped bytes, cut to fit.
 * @param bytes  Up to `len` of them; a string without a zero ends there.
 * @param out    Zero-terminated afterwards.
 * @param size   Bytes at `out`, at least 1.
 * @return true if the string was longer than fits.
 * @context{early}
 */
bool boot_copy_string(const uint8_t *bytes, size_t len, char *out, size_t size);
