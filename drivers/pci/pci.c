// SPDX-License-Identifier: MIT
//
// Hosts, and the calls with which drivers enable decoding
// and map BARs. drivers/pci/irq.c handles interrupts.
#include "drivers/pci/pci.h"

#include "drivers/pci/host.h"
#include "drivers/pci/regs.h"

#include "kernel/base/log.h"
#include "kernel/lib/format.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"

#define FOUR_GIB ((uint64_t)1 << 32)

static void pci_describe(const struct device *dev, char *buf, size_t len)
{
    static const char *const irq[] = {
        [PCI_IRQ_NONE] = "",
        [PCI_IRQ_INTX] = ", intx",
        [PCI_IRQ_MSI] = ", msi",
        [PCI_IRQ_MSIX] = ", msi-x",
    };
    const struct pci_device *d = pci_of_const(dev);
    size_t at = fmt_print(buf, len, "%04x:%04x class %06x rev %02x%s", d->vendor, d->device,
                          d->class_code, d->revision, irq[d->irq_kind]);
    for (unsigned i = 0; i < PCI_BARS && at < len; i++) {
        const struct pci_bar *b = &d->bar[i];
        if (b->size > 0) {
            at += fmt_print(buf + at, len - at, ", %s %u at 0x%llx size 0x%llx",
                            b->space == PCI_SPACE_IO ? "ports" : "memory", i,
                            b->is_placed ? (unsigned long long)b->address : 0,
                            (unsigned long long)b->size);
        }
    }
    if (d->rom_size > 0 && at < len) {
        at += fmt_print(buf + at, len - at, ", rom size 0x%x", d->rom_size);
    }
    if (d->child != NULL && at < len) {
        fmt_print(buf + at, len - at, ", bus %02x", d->child->number);
    }
}

const struct bus pci_bus_type = {.name = "pci", .describe = pci_describe};

enum status pci_enable(struct pci_device *d, bool master)
{
    uint16_t command = pci_read16(d, PCI_COMMAND);
    for (unsigned i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *b = &d->bar[i];
        if (b->size == 0 || (!b->is_placed && b->is_64)) {
            continue;
        }
        if (!b->is_placed) {
            return E_NOSPC;
        }
        command |= b->space == PCI_SPACE_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
    }
    if (master) {
        command |= PCI_COMMAND_MASTER;
    }
    pci_write16(d, PCI_COMMAND, command);
    return OK;
}

/* Decoding stays on, with or without a driver, because the BARs have addresses of their own.
 * Switching it off and on would change the machine's memory map while other CPUs run, which is slow
 * in an emulator and in a bridge. */
void pci_disable(struct pci_device *d)
{
    uint16_t command = pci_read16(d, PCI_COMMAND);
    pci_write16(d, PCI_COMMAND, command & (uint16_t)~PCI_COMMAND_MASTER);
}

enum status pci_map_bar(struct pci_device *d, unsigned bar, uint64_t offset, uint64_t len,
                        struct io_region *out)
{
    if (bar >= PCI_BARS || d->bar[bar].size == 0 || !d->bar[bar].is_placed) {
        return E_NODEV;
    }
    const struct pci_bar *b = &d->bar[bar];
    if (len == 0 || len > b->size || offset > b->size - len) {
        return E_RANGE;
    }
    uint64_t cpu;
    if (!pci_to_cpu(d->bus->host, b->space, b->address + offset, &cpu)) {
        return E_NODEV;
    }
    if (b->space == PCI_SPACE_IO && !d->bus->host->has_windows) {
        *out = (struct io_region){.base = (uintptr_t)cpu, .len = len, .is_port = true};
        return OK;
    }
    return vm_map_device(cpu, len, out);
}

void pci_unmap_bar(const struct io_region *region)
{
    if (!region->is_port) {
        vm_unmap_device(region);
    }
}

static bool is_sound(const struct boot_pci_window *w, uint64_t bus_limit)
{
    uint64_t end;
    if (w->len == 0) {
        return true;
    }
    return !ADD_OVERFLOWS(w->cpu, w->len - 1, &end) && !ADD_OVERFLOWS(w->bus, w->len - 1, &end) &&
           end <= bus_limit;
}

enum status pci_host_create(const struct boot_pci_host *boot, const struct pci_config_ops *ops,
                            struct pci_host **out)
{
    if (boot->bus_first > boot->bus_last || !is_sound(&boot->io, FOUR_GIB - 1) ||
        !is_sound(&boot->mem32, FOUR_GIB - 1) || !is_sound(&boot->mem64, UINT64_MAX)) {
        return E_INVAL;
    }
    struct pci_host *host = heap_zalloc(sizeof(*host));
    struct pci_bus *root = heap_zalloc(sizeof(*root));
    enum status s = E_NOMEM;
    if (host == NULL || root == NULL) {
        goto free;
    }
    host->ops = ops;
    host->boot = *boot;
    host->root = root;
    host->bus_count = 1;
    /* The windows of a PC belong to its firmware, which used the information in the tables when it
     * assigned addresses. */
    host->has_windows =
        !hal_io_has_ports() && (boot->io.len > 0 || boot->mem32.len > 0 || boot->mem64.len > 0);
    root->host = host;
    root->number = boot->bus_first;
    root->last = boot->bus_last;
    list_init(&root->devices);
    s = ops->open(root);
    if (s != OK) {
        goto free;
    }
    *out = host;
    return OK;

free:
    heap_free(root);
    heap_free(host);
    return s;
}

static void destroy_bus(struct pci_bus *bus)
{
    struct list_node *n;
    while ((n = list_pop_front(&bus->devices)) != NULL) {
        struct pci_device *d = CONTAINER_OF(n, struct pci_device, link);
        if (d->child != NULL) {
            destroy_bus(d->child);
        }
        heap_free(d);
    }
    bus->host->ops->close(bus);
    heap_free(bus);
}

void pci_host_destroy(struct pci_host *host)
{
    destroy_bus(host->root);
    heap_free(host);
}

static void offer(void *ctx, struct pci_device *d)
{
    (void)ctx;
    device_add(&d->dev);
}

enum status pci_add_host(const struct boot_pci_host *boot)
{
    if (!boot->dma_coherent) {
        log_error("pci", "host %04x: bus masters are not coherent with caches", boot->segment);
        return E_NOTSUP;
    }
    const struct pci_config_ops *ops = boot->ecam_base != 0 ? &pci_config_ecam : &pci_config_ports;
    struct pci_host *host;
    enum status s = pci_host_create(boot, ops, &host);
    if (s != OK) {
        log_error("pci", "host %04x: %s", boot->segment, status_text(s));
        return s;
    }
    s = pci_scan(host);
    if (s == OK) {
        s = pci_assign(host);
    }
    if (s != OK) {
        log_error("pci", "host %04x: %s", boot->segment, status_text(s));
        pci_host_destroy(host);
        return s;
    }
    log_info("pci", "host %04x: %u functions on %u buses, configured through %s", boot->segment,
             host->device_count, host->bus_count, ops->name);
    pci_for_each(host->root, offer, NULL);
    return OK;
}
