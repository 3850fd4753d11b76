// SPDX-License-Identifier: MIT
//
// Access to configuration space, through ECAM, mapped one bus at a time, or through the ports of a
// PC; and the list of a function's capabilities.
#include "drivers/pci/host.h"
#include "drivers/pci/regs.h"

#include "kernel/base/spinlock.h"
#include "kernel/mm/vm.h"

#define ECAM_BUS_SHIFT   20
#define ECAM_DEVFN_SHIFT 12

static enum status ecam_open(struct pci_bus *bus)
{
    const struct boot_pci_host *boot = &bus->host->boot;
    if (bus->number < boot->bus_first) {
        return E_RANGE;
    }
    uint64_t offset = (uint64_t)(bus->number - boot->bus_first) << ECAM_BUS_SHIFT;
    uint64_t len = (uint64_t)1 << ECAM_BUS_SHIFT;
    if (offset >= boot->ecam_len || len > boot->ecam_len - offset) {
        return E_RANGE;
    }
    return vm_map_device(boot->ecam_base + offset, len, &bus->config);
}

static void ecam_close(struct pci_bus *bus)
{
    vm_unmap_device(&bus->config);
}

static uint32_t ecam_read(const struct pci_bus *bus, unsigned devfn, unsigned reg, unsigned width)
{
    size_t at = (size_t)devfn << ECAM_DEVFN_SHIFT | reg;
    switch (width) {
    case 1:
        return io_read8(&bus->config, at);
    case 2:
        return io_read16(&bus->config, at);
    default:
        return io_read32(&bus->config, at);
    }
}

static void ecam_write(const struct pci_bus *bus, unsigned devfn, unsigned reg, unsigned width,
                       uint32_t v)
{
    size_t at = (size_t)devfn << ECAM_DEVFN_SHIFT | reg;
    switch (width) {
    case 1:
        io_write8(&bus->config, at, (uint8_t)v);
        break;
    case 2:
        io_write16(&bus->config, at, (uint16_t)v);
        break;
    default:
        io_write32(&bus->config, at, v);
        break;
    }
}

const struct pci_config_ops pci_config_ecam = {
    .name = "ECAM",
    .size = 4096,
    .open = ecam_open,
    .close = ecam_close,
    .read = ecam_read,
    .write = ecam_write,
};

/* The address port and the data port are used as a pair, by one access at a time. */
static struct spinlock ports_lock = SPINLOCK_INIT;
static const struct io_region ports = {.base = 0xcf8, .len = 8, .is_port = true};
#define PORT_DATA 4

static enum status ports_open(struct pci_bus *bus)
{
    (void)bus;
    return OK;
}

static void ports_close(struct pci_bus *bus)
{
    (void)bus;
}

static void ports_select(const struct pci_bus *bus, unsigned devfn, unsigned reg)
{
    io_write32(&ports, 0, 1u << 31 | (uint32_t)bus->number << 16 | devfn << 8 | (reg & 0xfcu));
}

static uint32_t ports_read(const struct pci_bus *bus, unsigned devfn, unsigned reg, unsigned width)
{
    irq_state_t s = spin_lock_irq(&ports_lock);
    ports_select(bus, devfn, reg);
    size_t at = PORT_DATA + (reg & 3u);
    uint32_t v = width == 1   ? io_read8(&ports, at)
                 : width == 2 ? io_read16(&ports, at)
                              : io_read32(&ports, at);
    spin_unlock_irq(&ports_lock, s);
    return v;
}

static void ports_write(const struct pci_bus *bus, unsigned devfn, unsigned reg, unsigned width,
                        uint32_t v)
{
    irq_state_t s = spin_lock_irq(&ports_lock);
    ports_select(bus, devfn, reg);
    size_t at = PORT_DATA + (reg & 3u);
    if (width == 1) {
        io_write8(&ports, at, (uint8_t)v);
    } else if (width == 2) {
        io_write16(&ports, at, (uint16_t)v);
    } else {
        io_write32(&ports, at, v);
    }
    spin_unlock_irq(&ports_lock, s);
}

const struct pci_config_ops pci_config_ports = {
    .name = "ports",
    .size = 256,
    .open = ports_open,
    .close = ports_close,
    .read = ports_read,
    .write = ports_write,
};

static uint32_t config_read(const struct pci_device *d, unsigned reg, unsigned width)
{
    const struct pci_config_ops *ops = d->bus->host->ops;
    if (reg > ops->size - width || reg % width != 0) {
        return UINT32_MAX;
    }
    return ops->read(d->bus, d->devfn, reg, width);
}

static void config_write(const struct pci_device *d, unsigned reg, unsigned width, uint32_t v)
{
    const struct pci_config_ops *ops = d->bus->host->ops;
    if (reg <= ops->size - width && reg % width == 0) {
        ops->write(d->bus, d->devfn, reg, width, v);
    }
}

uint8_t pci_read8(const struct pci_device *d, unsigned reg)
{
    return (uint8_t)config_read(d, reg, 1);
}

uint16_t pci_read16(const struct pci_device *d, unsigned reg)
{
    return (uint16_t)config_read(d, reg, 2);
}

uint32_t pci_read32(const struct pci_device *d, unsigned reg)
{
    return config_read(d, reg, 4);
}

void pci_write8(const struct pci_device *d, unsigned reg, uint8_t v)
{
    config_write(d, reg, 1, v);
}

void pci_write16(const struct pci_device *d, unsigned reg, uint16_t v)
{
    config_write(d, reg, 2, v);
}

void pci_write32(const struct pci_device *d, unsigned reg, uint32_t v)
{
    config_write(d, reg, 4, v);
}

/* Capabilities lie in the dwords after the header. If the list loops, it ends at the first one that
 * comes again: a caller that asks for one capability after the other must come to an end. */
#define CAPABILITIES_FIRST 0x40u

unsigned pci_find_capability(const struct pci_device *d, uint8_t id, unsigned after)
{
    if ((pci_read16(d, PCI_STATUS) & PCI_STATUS_CAPABILITIES) == 0) {
        return 0;
    }
    uint64_t seen = 0; /* one bit for each dword of the 256 bytes */
    bool is_past = after == 0;
    unsigned at = pci_read8(d, PCI_CAPABILITIES) & 0xfcu;
    while (at >= CAPABILITIES_FIRST && (seen >> at / 4 & 1) == 0) {
        unsigned header = pci_read16(d, at); /* the id, and the offset of the next capability */
        if (is_past && (header & 0xff) == id) {
            return at;
        }
        seen |= (uint64_t)1 << at / 4;
        is_past |= at == after;
        at = header >> 8 & 0xfcu;
    }
    return 0;
}
