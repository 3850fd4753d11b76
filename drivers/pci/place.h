// SPDX-License-Identifier: MIT
//
// Packing aligned pieces into a window. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pci_item {
    uint64_t size;    /* at least 1 */
    uint64_t align;   /* a power of two */
    uint64_t address; /* in: where it is, if is_fixed. out: where it was put, if is_placed */
    bool is_fixed;    /* stays at address if that is in the window and free; else is placed anew */
    bool is_placed;   /* out */
    void *owner;      /* the caller's: the array is reordered */
    unsigned index;   /* the caller's */
};

/**
 * @brief Give every item a place of its own in [base, base + len), the fixed ones first, then by
 *        falling alignment, each at the lowest place that fits.
 * @param items  Reordered: what was placed comes first, by address.
 * @return Number of items placed.
 * @context{any} Pure; time grows with the square of count.
 */
size_t pci_place(struct pci_item *items, size_t count, uint64_t base, uint64_t len);

/**
 * @brief Length of a window that holds all items, fixed or not, if its base has their largest
 * alignment.
 * @param align  Receives that alignment, at least 1.
 * @return 0 if there are none. Items too large for any window do not count.
 */
uint64_t pci_pack(struct pci_item *items, size_t count, uint64_t *align);
