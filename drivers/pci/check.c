// SPDX-License-Identifier: MIT
//
// A final check of the BAR addresses, whether they come from the firmware or from assign.c (in
// windows that the firmware described). A device whose address overlaps another is not used.
#include "drivers/pci/host.h"

#include "hal/mmu.h"
#include "kernel/base/log.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/sort.h"
#include "kernel/mm/heap.h"

/** Bus addresses [first, last] of a BAR. */
struct bar_range {
    uint64_t first, last;
    struct pci_device *device;
    unsigned bar;
    bool is_io;
};

struct bar_ranges {
    struct bar_range *at; /* NULL: only count */
    size_t count;
};

static bool is_reached(const struct pci_device *d, const struct pci_bar *bar)
{
    uint64_t cpu, last;
    return pci_to_cpu(d->bus->host, bar->space, bar->address, &cpu) &&
           !ADD_OVERFLOWS(cpu, bar->size - 1, &last) && last <= hal_mmu_physical_max();
}

static void check_reach(void *ctx, struct pci_device *d)
{
    (void)ctx;
    for (unsigned i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *bar = &d->bar[i];
        if (bar->size > 0 && bar->is_placed && !is_reached(d, bar)) {
            log_warn("pci", "%s: BAR %u, 0x%llx bytes at 0x%llx, is out of the CPU's reach",
                     d->dev.name, i, (unsigned long long)bar->size,
                     (unsigned long long)bar->address);
            pci_retire_bar(d, i);
        }
    }
}

static void collect(void *ctx, struct pci_device *d)
{
    struct bar_ranges *p = ctx;
    for (unsigned i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *bar = &d->bar[i];
        if (bar->size == 0 || !bar->is_placed) {
            continue;
        }
        if (p->at != NULL) {
            p->at[p->count] = (struct bar_range){.first = bar->address,
                                                 .last = bar->address + (bar->size - 1),
                                                 .device = d,
                                                 .bar = i,
                                                 .is_io = bar->space == PCI_SPACE_IO};
        }
        p->count++;
    }
}

static bool is_before(const void *a, const void *b)
{
    const struct bar_range *x = a, *y = b;
    return x->is_io != y->is_io ? x->is_io : x->first < y->first;
}

/* The places are sorted by first address. So a place overlaps an earlier one if and only if it
 * overlaps the earlier one that ends last. */
static void find_overlaps(const struct bar_range *at, size_t count)
{
    const struct bar_range *widest = count > 0 ? &at[0] : NULL;
    for (size_t i = 1; i < count; i++) {
        const struct bar_range *p = &at[i];
        if (p->is_io == widest->is_io && p->first <= widest->last) {
            log_warn("pci", "%s: BAR %u at 0x%llx overlaps BAR %u of %s; neither is used",
                     p->device->dev.name, p->bar, (unsigned long long)p->first, widest->bar,
                     widest->device->dev.name);
            pci_retire_bar(p->device, p->bar);
            pci_retire_bar(widest->device, widest->bar);
        }
        if (p->is_io != widest->is_io || p->last > widest->last) {
            widest = p;
        }
    }
}

enum status pci_check_bars(struct pci_host *host)
{
    struct bar_ranges all = {.count = 0};
    pci_for_each(host->root, check_reach, NULL);
    pci_for_each(host->root, collect, &all);
    all.at = heap_calloc(MAX(all.count, (size_t)1), sizeof(*all.at));
    if (all.at == NULL) {
        return E_NOMEM;
    }
    all.count = 0;
    pci_for_each(host->root, collect, &all);
    sort_array(all.at, all.count, sizeof(*all.at), is_before);
    find_overlaps(all.at, all.count);
    heap_free(all.at);
    return OK;
}
