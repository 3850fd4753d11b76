// SPDX-License-Identifier: MIT
//
// Finding all functions of a host and numbering its buses. Valid bus numbers from the firmware
// stay; other buses get the next free numbers. This file assigns no addresses.
#include "drivers/pci/host.h"
#include "drivers/pci/regs.h"

#include "kernel/base/log.h"
#include "kernel/lib/format.h"
#include "kernel/mm/heap.h"

#define SLOTS     32
#define FUNCTIONS 8

static struct pci_device *device_at(struct list_node *n)
{
    return CONTAINER_OF(n, struct pci_device, link);
}

static enum status create_bus(struct pci_bus *parent, struct pci_device *bridge, uint8_t number,
                              uint8_t last, struct pci_bus **out)
{
    struct pci_bus *bus = heap_zalloc(sizeof(*bus));
    if (bus == NULL) {
        return E_NOMEM;
    }
    bus->host = parent->host;
    bus->bridge = bridge;
    bus->number = number;
    bus->last = last;
    bus->depth = parent->depth + 1;
    list_init(&bus->devices);
    enum status s = bus->host->ops->open(bus);
    if (s != OK) {
        heap_free(bus);
        return s;
    }
    bus->host->bus_count++;
    *out = bus;
    return OK;
}

static void read_identity(struct pci_device *d)
{
    uint32_t id = pci_read32(d, PCI_VENDOR_ID);
    uint32_t class_revision = pci_read32(d, PCI_CLASS_REVISION);
    d->vendor = (uint16_t)id;
    d->device = (uint16_t)(id >> 16);
    d->revision = (uint8_t)class_revision;
    d->class_code = class_revision >> 8;
    d->header = pci_read8(d, PCI_HEADER_TYPE) & PCI_HEADER_KIND;
    d->pin = pci_read8(d, PCI_INTERRUPT_PIN);
    if (d->pin > 4) {
        d->pin = 0;
    }
    if (d->header == PCI_HEADER_DEVICE) {
        uint32_t subsystem = pci_read32(d, PCI_SUBSYSTEM);
        d->subsystem_vendor = (uint16_t)subsystem;
        d->subsystem_device = (uint16_t)(subsystem >> 16);
    }
}

/* Until a driver uses it, a device must not raise its line or write to memory. If the firmware left
 * it running, its interrupts have no handler, and the kernel now uses its buffers for other things.
 * A display is left alone: it may read its picture as a bus master. */
static void silence(const struct pci_device *d)
{
    if (d->header == PCI_HEADER_DEVICE) {
        uint32_t command = pci_read16(d, PCI_COMMAND) | PCI_COMMAND_INTX_DISABLE;
        if (d->class_code >> 16 != PCI_CLASS_DISPLAY) {
            command &= ~PCI_COMMAND_MASTER;
        }
        pci_write16(d, PCI_COMMAND, (uint16_t)command);
    }
}

static enum status add_function(struct pci_bus *bus, unsigned devfn)
{
    struct pci_host *host = bus->host;
    if (host->device_count == PCI_DEVICES_MAX) {
        log_warn("pci", "more than %u functions, the rest is left out", PCI_DEVICES_MAX);
        return E_RANGE;
    }
    struct pci_device *d = heap_zalloc(sizeof(*d));
    if (d == NULL) {
        return E_NOMEM;
    }
    host->device_count++;
    d->bus = bus;
    d->devfn = (uint8_t)devfn;
    d->dev.bus = &pci_bus_type;
    d->dev.dma_limit = UINT64_MAX;
    fmt_print(d->dev.name, sizeof(d->dev.name), "%04x:%02x:%02x.%x", host->boot.segment,
              bus->number, devfn >> 3, devfn & 7);
    read_identity(d);
    silence(d);
    pci_probe_bars(d);
    pci_probe_rom(d);
    list_push_back(&bus->devices, &d->link);
    return OK;
}

static bool is_function(const struct pci_bus *bus, unsigned devfn)
{
    uint32_t vendor = bus->host->ops->read(bus, devfn, PCI_VENDOR_ID, 2);
    return vendor != 0xffff && vendor != 0;
}

static enum status find_functions(struct pci_bus *bus)
{
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        unsigned devfn = slot << 3;
        if (!is_function(bus, devfn)) {
            continue;
        }
        uint32_t type = bus->host->ops->read(bus, devfn, PCI_HEADER_TYPE, 1);
        unsigned count = (type & PCI_HEADER_MULTIFUNCTION) != 0 ? FUNCTIONS : 1;
        for (unsigned f = 0; f < count; f++) {
            if (f == 0 || is_function(bus, devfn | f)) {
                enum status s = add_function(bus, devfn | f);
                if (s != OK) {
                    return s;
                }
            }
        }
    }
    return OK;
}

static enum status scan_bus(struct pci_bus *bus, uint8_t *used);

/* Scan the buses below a bridge with the numbers [number, last]; *used receives the highest number
 * in use. */
static enum status scan_bridge(struct pci_device *bridge, uint8_t number, uint8_t last,
                               uint8_t *used)
{
    struct pci_bus *child;
    enum status s = create_bus(bridge->bus, bridge, number, last, &child);
    if (s != OK) {
        log_warn("pci", "%s: no access to bus %u below it: %s", bridge->dev.name, number,
                 status_text(s));
        return s == E_NOMEM ? s : OK;
    }
    bridge->child = child;
    *used = number;
    return scan_bus(child, used);
}

static bool is_number_taken(const struct pci_bus *bus, uint8_t number, uint8_t last)
{
    LIST_FOR_EACH (&bus->devices, n) {
        const struct pci_bus *child = device_at(n)->child;
        if (child != NULL && number <= child->last && child->number <= last) {
            return true;
        }
    }
    return false;
}

/** The bus numbers in a bridge's registers. */
struct numbers {
    uint8_t primary, secondary, subordinate;
};

static struct numbers read_numbers(const struct pci_device *bridge)
{
    return (struct numbers){.primary = pci_read8(bridge, PCI_PRIMARY_BUS),
                            .secondary = pci_read8(bridge, PCI_SECONDARY_BUS),
                            .subordinate = pci_read8(bridge, PCI_SUBORDINATE_BUS)};
}

/* The reason why the firmware's numbers cannot stay; NULL: they can. */
static const char *find_fault(const struct pci_bus *bus, const struct numbers *n)
{
    if (n->secondary == bus->number) {
        return "it leads back to its own bus";
    }
    if (n->secondary < bus->number) {
        return "it leads back to a bus above";
    }
    if (n->subordinate < n->secondary) {
        return "they end before they begin";
    }
    if (n->primary != bus->number) {
        return "it is on another bus";
    }
    if (n->subordinate > bus->last) {
        return "they reach past those of its own bus";
    }
    return is_number_taken(bus, n->secondary, n->subordinate) ? "another bridge has them" : NULL;
}

/* Returns the firmware's numbers if they are valid. */
static bool has_numbers(const struct pci_device *bridge, uint8_t *number, uint8_t *last)
{
    struct numbers n = read_numbers(bridge);
    if (n.secondary == 0 && n.subordinate == 0) {
        return false; /* it gave none */
    }
    const char *fault = find_fault(bridge->bus, &n);
    if (fault != NULL) {
        log_warn("pci", "%s: bus numbers %u (%u to %u) are not valid: %s", bridge->dev.name,
                 n.primary, n.secondary, n.subordinate, fault);
        return false;
    }
    *number = n.secondary;
    *last = n.subordinate;
    return true;
}

static void set_numbers(const struct pci_device *bridge, uint8_t number, uint8_t last)
{
    pci_write8(bridge, PCI_PRIMARY_BUS, bridge->bus->number);
    pci_write8(bridge, PCI_SECONDARY_BUS, number);
    pci_write8(bridge, PCI_SUBORDINATE_BUS, last);
}

static bool keeps_numbers(const struct pci_device *bridge, uint8_t number, uint8_t last)
{
    struct numbers n = read_numbers(bridge);
    return n.primary == bridge->bus->number && n.secondary == number && n.subordinate == last;
}

/* Find a bridge above that no longer has its own numbers after those of `bridge` were written. Both
 * are then the same bridge, found again below itself. The bridges between the two cannot be reached
 * any more, so the result is the topmost one. NULL: none. */
static const struct pci_device *find_itself_above(const struct pci_device *bridge)
{
    const struct pci_device *found = NULL;
    for (const struct pci_device *b = bridge->bus->bridge; b != NULL; b = b->bus->bridge) {
        if (!keeps_numbers(b, b->child->number, b->child->last)) {
            found = b;
        }
    }
    return found;
}

/* Write a bridge's bus numbers. False: it does not keep them, and stays closed. */
static bool open_bridge(const struct pci_device *bridge, uint8_t number, uint8_t last)
{
    set_numbers(bridge, number, last);
    const struct pci_device *above = find_itself_above(bridge);
    if (above != NULL) {
        set_numbers(above, above->child->number, above->child->last);
        log_warn("pci", "%s: a loop: it is %s again, the devices below it are left out",
                 bridge->dev.name, above->dev.name);
        return false;
    }
    if (!keeps_numbers(bridge, number, last)) {
        set_numbers(bridge, 0, 0);
        log_warn("pci", "%s: does not keep its bus numbers, the devices below it are left out",
                 bridge->dev.name);
        return false;
    }
    return true;
}

/* Open the bridge to all numbers that are left, count
 * the ones it needs, and close it to the rest. */
static enum status number_bridge(struct pci_device *bridge, uint8_t *used)
{
    uint8_t limit = bridge->bus->last;
    if (*used >= limit) {
        set_numbers(bridge, 0, 0);
        log_warn("pci", "%s: no bus number left, the devices below it are left out",
                 bridge->dev.name);
        return OK;
    }
    uint8_t number = *used + 1;
    if (!open_bridge(bridge, number, limit)) {
        return OK;
    }
    enum status s = scan_bridge(bridge, number, limit, used);
    if (bridge->child == NULL) {
        set_numbers(bridge, 0, 0);
    } else {
        bridge->child->last = *used;
        set_numbers(bridge, number, *used);
    }
    return s;
}

static enum status scan_bridges(struct pci_bus *bus, bool numbered, uint8_t *used)
{
    enum status s = OK;
    LIST_FOR_EACH (&bus->devices, n) {
        struct pci_device *d = device_at(n);
        uint8_t number, last;
        if (d->header != PCI_HEADER_BRIDGE || d->child != NULL) {
            continue;
        }
        if (bus->host->device_count == PCI_DEVICES_MAX) {
            break; /* another function would be dropped */
        }
        if (!numbered) {
            s = number_bridge(d, used);
        } else if (has_numbers(d, &number, &last)) {
            uint8_t inside = *used;
            s = scan_bridge(d, number, last, &inside);
            *used = MAX(last, *used);
        }
        if (s != OK) {
            break;
        }
    }
    return s;
}

/* Recursive: at most PCI_DEPTH_MAX deep, and each level has a bus number of its own. */
static enum status scan_bus(struct pci_bus *bus, uint8_t *used)
{
    enum status s = find_functions(bus);
    if (s != OK) {
        return s == E_NOMEM ? s : OK;
    }
    if (bus->depth == PCI_DEPTH_MAX) {
        log_warn("pci", "%s: bridges below it are left out: deeper than %d", bus->bridge->dev.name,
                 PCI_DEPTH_MAX);
        return OK;
    }
    s = scan_bridges(bus, true, used);
    return s == OK ? scan_bridges(bus, false, used) : s;
}

enum status pci_scan(struct pci_host *host)
{
    uint8_t used = host->root->number;
    return scan_bus(host->root, &used);
}

void pci_for_each(struct pci_bus *bus, void (*fn)(void *ctx, struct pci_device *d), void *ctx)
{
    LIST_FOR_EACH_SAFE (&bus->devices, n) {
        struct pci_device *d = device_at(n);
        struct pci_bus *child = d->child;
        fn(ctx, d);
        if (child != NULL) {
            pci_for_each(child, fn, ctx);
        }
    }
}
