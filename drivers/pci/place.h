// SPDX-License-Identifier: MIT
//
// Placing aligned items in a window. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pci_item {
    uint64_t size;  /* at least 1 */
    uint64_t align; /* a power of two */
    /* in: its fixed address, if is_fixed. out: the chosen address, if is_placed */
    uint64_t address;
    /* stays at `address` if that is in the window and free; otherwise it gets another */
    bool is_fixed;
    bool is_placed; /* output */
    void *owner;    /* for the caller: the array is sorted anew */
    unsigned index; /* for the caller */
};

/**
 * @brief Assign each item a place of its own in [base, base + len): first the fixed ones, then the
 *        others by decreasing alignment, each at the lowest place that fits.
 * @param items  Reordered: the placed items come first, sorted by address.
 * @return Number of items placed.
 * @context{any} Pure; time grows with the square of count.
 */
size_t pci_place(struct pci_item *items, size_t count, uint64_t base, uint64_t len);

/**
 * @brief Length of a window that holds all items, fixed or not, if its base is aligned to their
 * largest alignment.
 * @param align  Receives that alignment, at least 1.
 * @return 0 if there are none. Items too large for any window do not count.
 */
uint64_t pci_pack(struct pci_item *items, size_t count, uint64_t *align);
