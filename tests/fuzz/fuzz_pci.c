// SPDX-License-Identifier: MIT
//
// Arbitrary functions, bridges and aliases of bridges in the configuration space of a host. The
// input is records of 132 bytes: the function's location, its kind, its first 64 registers, and a
// mask of their writable bits.
#include "fake/fake_pci.h"
#include "fake/world.h"
#include "kernel/lib/compiler.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADER = 64,
    RECORD = 4 + 2 * HEADER,
    /* in the second byte; its other bits number the function whose registers the alias shows */
    IS_ALIAS = 0x80,
    /* 256 buses of 256 functions, times the accesses that a function needs */
    ACCESSES_MAX = 2000000,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct boot_pci_host board = {
    .bus_last = 255,
    .io = {.cpu = 0x3eff0000, .bus = 0, .len = 0x10000},
    .mem32 = {.cpu = 0x10000000, .bus = 0x10000000, .len = 0x2eff0000},
    .mem64 = {.cpu = 0x8000000000, .bus = 0x8000000000, .len = 0x8000000000},
    .dma_coherent = true,
};
static const struct boot_pci_host pc = {.bus_last = 255, .dma_coherent = true};

/* A function is below one of the earlier bridges, or on the root bus. */
static void add_function(const uint8_t *record)
{
    int i = fake_pci.count++;
    struct fake_pci_function *f = &fake_pci.function[i];
    f->parent = i == 0 ? -1 : record[0] % (i + 1) - 1;
    f->devfn = record[2];
    f->is_alias = i > 0 && (record[1] & IS_ALIAS) != 0;
    f->alias = i > 0 ? record[1] % i : 0;
    while (f->is_alias && fake_pci.function[f->alias].is_alias) {
        f->alias = fake_pci.function[f->alias].alias;
    }
    memcpy(f->cfg, record + 4, HEADER);
    memcpy(f->writable, record + 4 + HEADER, HEADER);
}

struct check {
    const struct pci_host *host;
    unsigned count;
    const struct pci_bar *against;
};

static void check_apart(void *ctx, struct pci_device *d)
{
    const struct check *c = ctx;
    const struct pci_bar *a = c->against;
    for (unsigned i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *b = &d->bar[i];
        bool is_same_kind = (a->space == PCI_SPACE_IO) == (b->space == PCI_SPACE_IO);
        if (a != b && b->size > 0 && b->is_placed && is_same_kind &&
            a->address <= b->address + (b->size - 1) && b->address <= a->address + (a->size - 1)) {
            abort();
        }
    }
}

/* What drivers rely on: an address that is marked as placed lies in a
 * window, aligned to its size. */
static void check_device(void *ctx, struct pci_device *d)
{
    struct check *c = ctx;
    uint64_t cpu;
    c->count++;
    for (unsigned i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *b = &d->bar[i];
        if (b->size == 0 || !b->is_placed) {
            continue;
        }
        bool is_sound = (b->size & (b->size - 1)) == 0 &&
                        pci_to_cpu(c->host, b->space, b->address, &cpu) &&
                        (!c->host->has_windows ||
                         (b->address % b->size == 0 &&
                          pci_to_cpu(c->host, b->space, b->address + b->size - 1, &cpu)));
        if (!is_sound) {
            abort();
        }
        c->against = b;
        pci_for_each(c->host->root, check_apart, c);
    }
    for (unsigned id = 0; id < 0x20; id++) {
        unsigned at = 0;
        while ((at = pci_find_capability(d, (uint8_t)id, at)) != 0) {
        }
    }
}

static void enumerate(const struct boot_pci_host *boot)
{
    struct check c = {.count = 0};
    struct pci_host *host;
    if (pci_host_create(boot, &fake_pci_ops, &host) != OK) {
        abort();
    }
    enum status s = pci_scan(host);
    if (s == OK) {
        s = pci_assign(host);
    }
    if (s == OK) {
        c.host = host;
        pci_for_each(host->root, check_device, &c);
        if (c.count != host->device_count || c.count > PCI_DEVICES_MAX) {
            abort();
        }
    }
    if (fake_pci.accesses > ACCESSES_MAX) {
        abort();
    }
    pci_host_destroy(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_up;
    if (!is_up) {
        (void)world_boot(NULL);
        is_up = true;
    }
    if (size == 0) {
        return 0;
    }
    fake_pci_reset();
    fake_console_clear();
    fake_pci.may_collide = true;
    for (size_t at = 1; size - at >= RECORD && fake_pci.count < FAKE_PCI_MAX; at += RECORD) {
        add_function(data + at);
    }
    fake_has_ports = data[0] % 4 == 1;
    enumerate(data[0] % 2 == 0 ? &board : &pc);
    return 0;
}
