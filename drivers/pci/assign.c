// SPDX-License-Identifier: MIT
//
// Assigning bus addresses, in three passes over the buses of a host. Pass 1, top down: keep each
// address from the firmware that lies inside the window of its bus. Pass 2, bottom up: compute the
// window size of each bridge that has no window. Pass 3, top down: assign and write all other
// addresses. On a PC only the first pass runs, because only the firmware knows a PC's windows.
// check.c then checks the result.
#include "drivers/pci/host.h"
#include "drivers/pci/place.h"
#include "drivers/pci/regs.h"

#include "kernel/base/log.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* pci_item.index of a bridge's window; other values are BAR numbers. */
#define ITEM_WINDOW PCI_BARS

/* Lower ports belong to fixed devices of a PC. Also, a
 * BAR at 0 would look like one without an address. */
#define IO_LOWEST 0x1000u

#define CPU_PORTS ((uint64_t)0x10000) /* number of ports of a PC's processor */

static const uint64_t granule[PCI_SPACE_COUNT] = {
    [PCI_SPACE_IO] = 1u << 12,
    [PCI_SPACE_MEM32] = 1u << 20,
    [PCI_SPACE_MEM64] = 1u << 20,
};

static const char *const space_name[PCI_SPACE_COUNT] = {
    [PCI_SPACE_IO] = "I/O",
    [PCI_SPACE_MEM32] = "32-bit memory",
    [PCI_SPACE_MEM64] = "64-bit memory",
};

static struct pci_device *device_at(struct list_node *n)
{
    return CONTAINER_OF(n, struct pci_device, link);
}

static const struct boot_pci_window *host_window(const struct pci_host *host, enum pci_space space)
{
    switch (space) {
    case PCI_SPACE_IO:
        return &host->boot.io;
    case PCI_SPACE_MEM32:
        return &host->boot.mem32;
    default:
        return &host->boot.mem64;
    }
}

static bool is_inside(const struct pci_window *w, uint64_t address, uint64_t size)
{
    return address >= w->base && size <= w->len && address - w->base <= w->len - size;
}

bool pci_to_cpu(const struct pci_host *host, enum pci_space space, uint64_t address, uint64_t *cpu)
{
    const struct boot_pci_window *w = host_window(host, space);
    if (!host->has_windows) {
        *cpu = address;
        return true;
    }
    if (address < w->bus || address - w->bus >= w->len) {
        return false;
    }
    *cpu = address - w->bus + w->cpu;
    return true;
}

static void open_root(struct pci_host *host)
{
    struct pci_bus *root = host->root;
    for (unsigned s = 0; s < PCI_SPACE_COUNT; s++) {
        const struct boot_pci_window *w = host_window(host, s);
        root->window[s] = (struct pci_window){.base = w->bus, .len = w->len, .is_kept = true};
        root->has_space[s] = w->len > 0 || !host->has_windows;
    }
    struct pci_window *io = &root->window[PCI_SPACE_IO];
    if (io->base < IO_LOWEST) {
        uint64_t cut = MIN(IO_LOWEST - io->base, io->len);
        io->base += cut;
        io->len -= cut;
    }
}

/* The space to place a memory BAR in. The 64-bit window
 * of a bridge is for prefetchable memory only. */
static enum pci_space wanted_space(const struct pci_bus *bus, const struct pci_bar *bar)
{
    bool goes_high = bar->is_64 && (bar->is_prefetchable || bus->bridge == NULL);
    return goes_high && bus->has_space[PCI_SPACE_MEM64] ? PCI_SPACE_MEM64 : PCI_SPACE_MEM32;
}

static void claim_bar(const struct pci_bus *bus, struct pci_bar *bar)
{
    if (!bus->host->has_windows) {
        bool is_reachable =
            bar->space != PCI_SPACE_IO ||
            (hal_io_has_ports() && bar->size <= CPU_PORTS && bar->address <= CPU_PORTS - bar->size);
        bar->is_placed = bar->address != 0 && is_reachable;
        return;
    }
    if (bar->space != PCI_SPACE_IO) {
        bool is_high =
            bar->is_64 && is_inside(&bus->window[PCI_SPACE_MEM64], bar->address, bar->size);
        bar->space = is_high ? PCI_SPACE_MEM64 : PCI_SPACE_MEM32;
    }
    bar->is_placed =
        bar->address != 0 && is_inside(&bus->window[bar->space], bar->address, bar->size);
    if (!bar->is_placed && bar->space != PCI_SPACE_IO) {
        bar->space = wanted_space(bus, bar);
    }
}

static void claim_window(struct pci_bus *child, enum pci_space space)
{
    const struct pci_bus *parent = child->bridge->bus;
    child->has_space[space] = parent->has_space[space] && pci_bridge_forwards(child->bridge, space);
    struct pci_window w = pci_bridge_window(child->bridge, space);
    if (!child->has_space[space] || w.len == 0 || w.base == 0) {
        return;
    }
    if (!child->host->has_windows || is_inside(&parent->window[space], w.base, w.len)) {
        w.is_kept = true;
        child->window[space] = w;
    }
}

/* This and the other passes are recursive. The scan bounds the depth of the buses. */
static void claim(struct pci_bus *bus)
{
    LIST_FOR_EACH (&bus->devices, n) {
        struct pci_device *d = device_at(n);
        for (unsigned i = 0; i < PCI_BARS; i++) {
            if (d->bar[i].size > 0) {
                claim_bar(bus, &d->bar[i]);
            }
        }
        if (d->child != NULL) {
            for (unsigned s = 0; s < PCI_SPACE_COUNT; s++) {
                claim_window(d->child, s);
            }
            claim(d->child);
        }
    }
}

/* Collect all items on the bus that need addresses of
 * one space. With items NULL it only counts them. */
static size_t gather(struct pci_bus *bus, enum pci_space space, struct pci_item *items)
{
    size_t count = 0;
    LIST_FOR_EACH (&bus->devices, n) {
        struct pci_device *d = device_at(n);
        for (unsigned i = 0; i < PCI_BARS; i++) {
            const struct pci_bar *bar = &d->bar[i];
            if (bar->size == 0 || bar->space != space) {
                continue;
            }
            if (items != NULL) {
                items[count] = (struct pci_item){.size = bar->size,
                                                 .align = bar->size,
                                                 .address = bar->address,
                                                 .is_fixed = bar->is_placed,
                                                 .owner = d,
                                                 .index = i};
            }
            count++;
        }
        if (d->child != NULL && d->child->window[space].len > 0) {
            const struct pci_window *w = &d->child->window[space];
            if (items != NULL) {
                items[count] = (struct pci_item){.size = w->len,
                                                 .align = w->align,
                                                 .address = w->base,
                                                 .is_fixed = w->is_kept,
                                                 .owner = d,
                                                 .index = ITEM_WINDOW};
            }
            count++;
        }
    }
    return count;
}

static enum status gather_items(struct pci_bus *bus, enum pci_space space, struct pci_item **items,
                                size_t *count)
{
    *count = gather(bus, space, NULL);
    *items = heap_calloc(MAX(*count, (size_t)1), sizeof(**items));
    if (*items == NULL) {
        return E_NOMEM;
    }
    (void)gather(bus, space, *items);
    return OK;
}

static enum status size_window(struct pci_bus *bus, enum pci_space space)
{
    struct pci_window *w = &bus->window[space];
    if (w->is_kept || !bus->has_space[space]) {
        return OK;
    }
    struct pci_item *items;
    size_t count;
    enum status s = gather_items(bus, space, &items, &count);
    if (s != OK) {
        return s;
    }
    uint64_t align;
    w->len = ALIGN_UP(pci_pack(items, count, &align), granule[space]);
    w->align = MAX(align, granule[space]);
    heap_free(items);
    return OK;
}

static enum status size_bridges(struct pci_bus *bus)
{
    LIST_FOR_EACH (&bus->devices, n) {
        struct pci_bus *child = device_at(n)->child;
        if (child == NULL) {
            continue;
        }
        enum status s = size_bridges(child);
        for (unsigned space = 0; s == OK && space < PCI_SPACE_COUNT; space++) {
            s = size_window(child, space);
        }
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

static void leave_bar_out(struct pci_device *d, unsigned i)
{
    const struct pci_bar *bar = &d->bar[i];
    log_warn("pci", "%s: no room for BAR %u, %llu KiB of %s", d->dev.name, i,
             (unsigned long long)(bar->size >> 10), space_name[bar->space]);
    pci_retire_bar(d, i);
}

static void apply_bar(const struct pci_item *item, struct pci_device *d)
{
    struct pci_bar *bar = &d->bar[item->index];
    bool is_new = !bar->is_placed || bar->address != item->address;
    bar->is_placed = item->is_placed;
    if (!item->is_placed) {
        leave_bar_out(d, item->index);
    } else if (is_new) {
        bar->address = item->address;
        pci_write_bar(d, item->index, item->address);
    }
}

static void apply_window(const struct pci_item *item, struct pci_device *bridge,
                         enum pci_space space)
{
    struct pci_window *w = &bridge->child->window[space];
    w->is_kept = item->is_fixed && item->is_placed && w->base == item->address;
    w->base = item->address;
    if (!item->is_placed) {
        log_warn("pci", "%s: no room for %llu KiB of %s below it", bridge->dev.name,
                 (unsigned long long)(w->len >> 10), space_name[space]);
        w->len = 0;
    }
}

static enum status place_space(struct pci_bus *bus, enum pci_space space)
{
    struct pci_item *items;
    size_t count;
    enum status s = gather_items(bus, space, &items, &count);
    if (s != OK) {
        return s;
    }
    const struct pci_window *w = &bus->window[space];
    (void)pci_place(items, count, w->base, w->len);
    for (size_t i = 0; i < count; i++) {
        struct pci_device *d = items[i].owner;
        if (items[i].index == ITEM_WINDOW) {
            apply_window(&items[i], d, space);
        } else {
            apply_bar(&items[i], d);
        }
    }
    heap_free(items);
    return OK;
}

/* The bridge's decoding is off while its windows change. */
static void write_windows(struct pci_device *bridge)
{
    uint16_t decode = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
    uint16_t command = pci_read16(bridge, PCI_COMMAND);
    for (unsigned s = 0; s < PCI_SPACE_COUNT; s++) {
        const struct pci_window *w = &bridge->child->window[s];
        if (!w->is_kept && (w->len > 0 || pci_bridge_forwards(bridge, s))) {
            pci_write16(bridge, PCI_COMMAND, command & (uint16_t)~decode);
            pci_bridge_set_window(bridge, s, w);
        }
    }
    pci_write16(bridge, PCI_COMMAND, command | decode | PCI_COMMAND_MASTER);
}

static enum status place_windows(struct pci_bus *bus)
{
    for (unsigned space = 0; space < PCI_SPACE_COUNT; space++) {
        enum status s = place_space(bus, space);
        if (s != OK) {
            return s;
        }
    }
    LIST_FOR_EACH (&bus->devices, n) {
        struct pci_device *d = device_at(n);
        if (d->child != NULL) {
            write_windows(d);
            enum status s = place_windows(d->child);
            if (s != OK) {
                return s;
            }
        }
    }
    return OK;
}

static void report_unplaced(void *ctx, struct pci_device *d)
{
    (void)ctx;
    for (unsigned i = 0; i < PCI_BARS; i++) {
        if (d->bar[i].size > 0 && !d->bar[i].is_placed) {
            leave_bar_out(d, i);
        }
    }
}

enum status pci_assign(struct pci_host *host)
{
    open_root(host);
    claim(host->root);
    if (!host->has_windows) {
        pci_for_each(host->root, report_unplaced, NULL);
        return pci_check_bars(host);
    }
    enum status s = size_bridges(host->root);
    if (s == OK) {
        s = place_windows(host->root);
    }
    return s == OK ? pci_check_bars(host) : s;
}
