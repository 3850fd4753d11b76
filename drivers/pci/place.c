// SPDX-License-Identifier: MIT
//
// First fit by decreasing alignment: if all sizes are powers of two, no space between items is
// lost. drivers/pci/assign.c makes the items.
#include "drivers/pci/place.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* Largest window that pci_pack() computes: the sum of two addresses in it cannot overflow. */
#define PACK_LIMIT ((uint64_t)1 << 62)

static bool align_up(uint64_t v, uint64_t align, uint64_t *out)
{
    uint64_t sum;
    if (ADD_OVERFLOWS(v, align - 1, &sum)) {
        return false;
    }
    *out = sum & ~(align - 1);
    return true;
}

static bool is_inside(uint64_t base, uint64_t len, uint64_t address, uint64_t size)
{
    return address >= base && size <= len && address - base <= len - size;
}

/* Move items[from] down to items[to]; the items between them move up by one. */
static void move_item(struct pci_item *items, size_t from, size_t to)
{
    struct pci_item moved = items[from];
    memmove(&items[to + 1], &items[to], (from - to) * sizeof(*items));
    items[to] = moved;
}

/* The `placed` items are sorted by address. Finds the index before which [address, address + size)
 * can be inserted without overlap. Returns false if another item is there. */
static bool find_slot(const struct pci_item *items, size_t placed, uint64_t address, uint64_t size,
                      size_t *slot)
{
    size_t i = 0;
    while (i < placed && items[i].address < address) {
        i++;
    }
    if (i > 0 && address - items[i - 1].address < items[i - 1].size) {
        return false;
    }
    if (i < placed && items[i].address - address < size) {
        return false;
    }
    *slot = i;
    return true;
}

/* Lowest free place in the window that fits; slot is its index among the placed items. */
static bool find_gap(const struct pci_item *items, size_t placed, const struct pci_item *item,
                     const uint64_t window[2], size_t *slot, uint64_t *address)
{
    uint64_t at;
    if (!align_up(window[0], item->align, &at)) {
        return false;
    }
    size_t i = 0;
    while (i < placed && !(items[i].address >= at && items[i].address - at >= item->size)) {
        uint64_t end = items[i].address + items[i].size; /* inside the window: cannot overflow */
        if (end > at && !align_up(end, item->align, &at)) {
            return false;
        }
        i++;
    }
    if (!is_inside(window[0], window[1], at, item->size)) {
        return false;
    }
    *slot = i;
    *address = at;
    return true;
}

static void sort_by_alignment(struct pci_item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        size_t to = i;
        while (to > 0 &&
               (items[to - 1].align < items[i].align ||
                (items[to - 1].align == items[i].align && items[to - 1].size < items[i].size))) {
            to--;
        }
        move_item(items, i, to);
    }
}

size_t pci_place(struct pci_item *items, size_t count, uint64_t base, uint64_t len)
{
    const uint64_t window[2] = {base, MIN(len, UINT64_MAX - base)};
    size_t placed = 0;
    size_t slot;
    for (size_t i = 0; i < count; i++) {
        struct pci_item *it = &items[i];
        it->is_placed = it->is_fixed && IS_ALIGNED(it->address, it->align) &&
                        is_inside(window[0], window[1], it->address, it->size) &&
                        find_slot(items, placed, it->address, it->size, &slot);
        if (it->is_placed) {
            move_item(items, i, slot);
            placed++;
        }
    }
    sort_by_alignment(items + placed, count - placed);
    for (size_t i = placed; i < count; i++) {
        uint64_t address;
        if (find_gap(items, placed, &items[i], window, &slot, &address)) {
            items[i].address = address;
            items[i].is_placed = true;
            move_item(items, i, slot);
            placed++;
        }
    }
    return placed;
}

uint64_t pci_pack(struct pci_item *items, size_t count, uint64_t *align)
{
    *align = 1;
    for (size_t i = 0; i < count; i++) {
        items[i].is_fixed = false;
    }
    size_t placed = pci_place(items, count, 0, PACK_LIMIT);
    uint64_t end = 0;
    for (size_t i = 0; i < placed; i++) {
        *align = MAX(*align, items[i].align);
        end = MAX(end, items[i].address + items[i].size);
    }
    return end;
}
