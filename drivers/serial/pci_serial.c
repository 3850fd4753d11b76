// SPDX-License-Identifier: MIT
//
// Serial cards on PCI with a 16550 in their first BAR, class 07 00 02 ("16550-compatible serial
// controller", PCI Code and ID Assignment Specification), such as QEMU's pci-serial.
#include "drivers/pci/pci.h"
#include "drivers/serial/drivers.h"
#include "drivers/serial/ns16550.h"
#include "kernel/base/log.h"
#include "kernel/mm/heap.h"

#define CLASS_16550 0x070002u
#define REGISTERS   8

struct pci_serial {
    struct ns16550 *uart;
    struct io_region regs;
};

static bool pci_serial_match(const struct device *dev)
{
    const struct pci_device *d = pci_of_const(dev);
    return d->class_code == CLASS_16550 && d->bar[0].size >= REGISTERS;
}

/* Attach the handler before ns16550_open(), from which on the UART interrupts. */
static enum status attach(struct pci_device *d, struct pci_serial *p)
{
    enum status s = pci_irq_setup(d, 1);
    if (s != OK) {
        return s;
    }
    s = ns16550_create(&p->regs, 0, &p->uart);
    if (s != OK) {
        goto teardown;
    }
    s = pci_irq_request(d, 0, ns16550_interrupt, p->uart, "pci_serial");
    if (s != OK) {
        goto destroy;
    }
    ns16550_open(p->uart);
    return OK;

destroy:
    ns16550_destroy(p->uart);
teardown:
    pci_irq_teardown(d);
    return s;
}

static enum status pci_serial_probe(struct device *dev)
{
    struct pci_device *d = pci_of(dev);
    struct pci_serial *p = heap_zalloc(sizeof *p);
    if (p == NULL) {
        return E_NOMEM;
    }
    enum status s = pci_enable(d, false);
    if (s != OK) {
        goto free;
    }
    s = pci_map_bar(d, 0, 0, REGISTERS, &p->regs);
    if (s != OK) {
        goto disable;
    }
    s = attach(d, p);
    if (s != OK) {
        goto unmap;
    }
    dev->driver_data = p;
    log_info("pci_serial", "%s: console", dev->name);
    return OK;

unmap:
    pci_unmap_bar(&p->regs);
disable:
    pci_disable(d);
free:
    heap_free(p);
    return s;
}

static void pci_serial_remove(struct device *dev)
{
    struct pci_device *d = pci_of(dev);
    struct pci_serial *p = dev->driver_data;
    pci_irq_release(d, 0);
    pci_irq_teardown(d);
    ns16550_abandon(p->uart);
    pci_unmap_bar(&p->regs);
    pci_disable(d);
    heap_free(p);
}

const struct driver pci_serial_driver = {
    .name = "pci_serial",
    .bus = &pci_bus_type,
    .match = pci_serial_match,
    .probe = pci_serial_probe,
    .remove = pci_serial_remove,
};
