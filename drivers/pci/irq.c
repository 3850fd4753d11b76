// SPDX-License-Identifier: MIT
//
// Interrupts of a function: MSI-X, MSI, or its INTx line. The first of these that both the machine
// and the device support is used. kernel/io/irq.h handles lines and handlers.
#include "drivers/pci/host.h"
#include "drivers/pci/regs.h"

#include "hal/irq.h"
#include "kernel/base/assert.h"
#include "kernel/base/log.h"
#include "kernel/mm/heap.h"

#define VECTORS_MAX 2048u

struct pci_vector {
    struct irq_action action;
    struct pci_device *owner;
    uint32_t line;
    enum irq_trigger trigger;
    bool is_requested;
};

static void set_command(const struct pci_device *d, uint16_t bits, bool on)
{
    uint16_t command = pci_read16(d, PCI_COMMAND);
    pci_write16(d, PCI_COMMAND, on ? command | bits : command & (uint16_t)~bits);
}

/*
 * The requester id with which the device's writes reach the machine. Conventional PCI carries no
 * ids, so the bridge nearest to the machine puts in its own. A bridge from PCI Express uses device
 * 0 of its secondary bus (PCI Express to PCI Bridge Specification 1.0, 2.3); another bridge uses
 * its own id.
 */
static uint32_t requester_id(const struct pci_device *d)
{
    uint32_t id = (uint32_t)d->bus->number << 8 | d->devfn;
    for (const struct pci_bus *bus = d->bus; bus->bridge != NULL; bus = bus->bridge->bus) {
        unsigned cap = pci_find_capability(bus->bridge, PCI_CAP_EXPRESS, 0);
        if (cap == 0) {
            id = (uint32_t)bus->bridge->bus->number << 8 | bus->bridge->devfn;
        } else if (PCI_EXPRESS_TYPE(pci_read16(bus->bridge, cap + PCI_EXPRESS_FLAGS)) ==
                   PCI_EXPRESS_TO_PCI) {
            id = (uint32_t)bus->number << 8;
        }
    }
    return id;
}

/* The device id for the message controller. False: the
 * controller does not receive the device's messages. */
static bool message_id(const struct pci_device *d, uint32_t *id)
{
    const struct boot_pci_host *boot = &d->bus->host->boot;
    uint32_t requester = requester_id(d);
    if (!boot->has_msi_map) {
        *id = requester;
        return true;
    }
    requester &= boot->msi_mask;
    for (uint32_t i = 0; i < boot->msi_count; i++) {
        const struct boot_pci_msi *m = &boot->msi[i];
        if (requester >= m->first && requester - m->first < m->len) {
            *id = m->device + (requester - m->first);
            return true;
        }
    }
    return false;
}

/* Each bridge rotates the pins of the devices below it by their slot number. The host's map
 * describes only its own bus. */
bool pci_route_intx(const struct pci_device *d, uint32_t *line, enum irq_trigger *trigger)
{
    if (d->pin == 0) {
        return false;
    }
    const struct boot_pci_host *boot = &d->bus->host->boot;
    if (hal_io_has_ports()) {
        /* On a PC, the firmware stored the line's number in a register that has no other effect. */
        uint8_t n = pci_read8(d, PCI_INTERRUPT_LINE);
        *line = n;
        *trigger = IRQ_LEVEL_LOW;
        return n != 0 && n != 0xff;
    }
    unsigned pin = d->pin;
    for (; d->bus->bridge != NULL; d = d->bus->bridge) {
        pin = (pin - 1 + (d->devfn >> 3)) % 4 + 1;
    }
    uint32_t unit = (uint32_t)d->bus->number << 16 | (uint32_t)d->devfn << 8;
    for (uint32_t i = 0; i < boot->intx_count; i++) {
        const struct boot_pci_intx *x = &boot->intx[i];
        if (x->pin == pin && (unit & x->devfn_mask) == x->devfn_key) {
            *line = x->line;
            *trigger = x->level ? IRQ_LEVEL_HIGH : IRQ_EDGE;
            return true;
        }
    }
    return false;
}

static void free_lines(struct pci_device *d)
{
    uint32_t id;
    if (message_id(d, &id)) {
        machine_msi_controller()->free(id, d->vectors[0].line, d->vector_count);
    }
    d->vector_count = 0;
}

static void gate_action(struct irq_action *action, bool is_open);
static void move_action(struct irq_action *action);

/* Allocate message lines, at most `wanted`, as many as there are. */
static enum status take_lines(struct pci_device *d, uint32_t wanted)
{
    const struct msi_controller *msi = machine_msi_controller();
    uint32_t id, first;
    if (!message_id(d, &id)) {
        return E_NODEV;
    }
    enum status s = msi->alloc(id, wanted, &first, &d->vector_count);
    for (uint32_t i = 0; s == OK && i < d->vector_count; i++) {
        d->vectors[i] = (struct pci_vector){
            .action = {.gate = gate_action, .gates_storms = !msi->can_mask, .move = move_action},
            .owner = d,
            .line = first + i,
            .trigger = IRQ_EDGE};
    }
    return s;
}

static void write_entry(const struct pci_device *d, uint32_t vector)
{
    uint64_t address;
    uint32_t data;
    machine_msi_controller()->compose(d->vectors[vector].line, &address, &data);
    size_t at = (size_t)vector * PCI_MSIX_ENTRY_SIZE;
    io_write32(&d->msix_table, at + PCI_MSIX_ENTRY_CONTROL, PCI_MSIX_ENTRY_MASKED);
    io_write32(&d->msix_table, at + PCI_MSIX_ENTRY_ADDRESS, (uint32_t)address);
    io_write32(&d->msix_table, at + PCI_MSIX_ENTRY_ADDRESS_UPPER, (uint32_t)(address >> 32));
    io_write32(&d->msix_table, at + PCI_MSIX_ENTRY_DATA, data);
}

static enum status setup_msix(struct pci_device *d, uint32_t wanted)
{
    unsigned cap = pci_find_capability(d, PCI_CAP_MSIX, 0);
    if (cap == 0) {
        return E_NODEV;
    }
    uint16_t control = pci_read16(d, cap + PCI_MSIX_CONTROL);
    uint32_t entries = (control & PCI_MSIX_SIZE) + 1u;
    uint32_t table = pci_read32(d, cap + PCI_MSIX_TABLE);
    enum status s = pci_map_bar(d, table & PCI_MSIX_BIR, table & ~PCI_MSIX_BIR,
                                (uint64_t)entries * PCI_MSIX_ENTRY_SIZE, &d->msix_table);
    if (s != OK) {
        log_warn("pci", "%s: MSI-X table of %u entries at BAR %u: %s", d->dev.name, entries,
                 table & PCI_MSIX_BIR, status_text(s));
        return s;
    }
    s = take_lines(d, MIN(wanted, entries));
    if (s != OK) {
        pci_unmap_bar(&d->msix_table);
        return s;
    }
    d->irq_cap = (uint16_t)cap;
    d->irq_kind = PCI_IRQ_MSIX;
    pci_write16(d, cap + PCI_MSIX_CONTROL, control | PCI_MSIX_ENABLE | PCI_MSIX_MASK_ALL);
    for (uint32_t i = 0; i < entries; i++) {
        if (i < d->vector_count) {
            write_entry(d, i);
        } else {
            io_write32(&d->msix_table, (size_t)i * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_CONTROL,
                       PCI_MSIX_ENTRY_MASKED);
        }
    }
    control &= (uint16_t)~PCI_MSIX_MASK_ALL;
    pci_write16(d, cap + PCI_MSIX_CONTROL, control | PCI_MSIX_ENABLE);
    return OK;
}

/* False: the device cannot write to that address. */
static bool write_message(const struct pci_device *d, unsigned cap)
{
    uint64_t address;
    uint32_t data;
    machine_msi_controller()->compose(d->vectors[0].line, &address, &data);
    bool is_64 = (pci_read16(d, cap + PCI_MSI_CONTROL) & PCI_MSI_64) != 0;
    if (!is_64 && address > UINT32_MAX) {
        return false;
    }
    pci_write32(d, cap + PCI_MSI_ADDRESS, (uint32_t)address);
    if (is_64) {
        pci_write32(d, cap + PCI_MSI_ADDRESS_UPPER, (uint32_t)(address >> 32));
    }
    pci_write16(d, cap + (is_64 ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), (uint16_t)data);
    return true;
}

static enum status setup_msi(struct pci_device *d)
{
    unsigned cap = pci_find_capability(d, PCI_CAP_MSI, 0);
    if (cap == 0) {
        return E_NODEV;
    }
    enum status s = take_lines(d, 1);
    if (s != OK) {
        return s;
    }
    if (!write_message(d, cap)) {
        free_lines(d);
        return E_NODEV;
    }
    d->irq_cap = (uint16_t)cap;
    d->irq_kind = PCI_IRQ_MSI;
    return OK;
}

static enum status setup_intx(struct pci_device *d)
{
    /* Clear the vector, so that no message remains for move_action() to move. */
    d->vectors[0] = (struct pci_vector){.action = {.gate = gate_action}, .owner = d};
    if (!pci_route_intx(d, &d->vectors[0].line, &d->vectors[0].trigger)) {
        return E_NODEV;
    }
    d->irq_kind = PCI_IRQ_INTX;
    d->vector_count = 1;
    return OK;
}

static enum status setup_messages(struct pci_device *d, uint32_t wanted)
{
    if (machine_msi_controller() == NULL) {
        return E_NODEV;
    }
    enum status s = setup_msix(d, wanted);
    return s == OK ? OK : setup_msi(d);
}

static enum status setup(struct pci_device *d, uint32_t wanted, bool may_send)
{
    ASSERT(d->irq_kind == PCI_IRQ_NONE && wanted >= 1 && wanted <= VECTORS_MAX);
    d->vectors = heap_calloc(wanted, sizeof(*d->vectors));
    if (d->vectors == NULL) {
        return E_NOMEM;
    }
    enum status s = may_send ? setup_messages(d, wanted) : E_NODEV;
    if (s != OK) {
        s = setup_intx(d);
    }
    if (s != OK) {
        heap_free(d->vectors);
        d->vectors = NULL;
    }
    return s;
}

enum status pci_irq_setup(struct pci_device *d, uint32_t wanted)
{
    return setup(d, wanted, true);
}

enum status pci_irq_setup_line(struct pci_device *d)
{
    return setup(d, 1, false);
}

void pci_irq_teardown(struct pci_device *d)
{
    for (uint32_t i = 0; i < d->vector_count; i++) {
        ASSERT(!d->vectors[i].is_requested);
    }
    if (d->irq_kind == PCI_IRQ_MSIX) {
        uint16_t control = pci_read16(d, d->irq_cap + PCI_MSIX_CONTROL);
        pci_write16(d, d->irq_cap + PCI_MSIX_CONTROL, control & (uint16_t)~PCI_MSIX_ENABLE);
        pci_unmap_bar(&d->msix_table);
    }
    if (d->irq_kind == PCI_IRQ_MSIX || d->irq_kind == PCI_IRQ_MSI) {
        free_lines(d);
    }
    heap_free(d->vectors);
    d->vectors = NULL;
    d->vector_count = 0;
    d->irq_kind = PCI_IRQ_NONE;
}

/* Allow or block the interrupts of the vector in the device. Runs under the line's lock, like
 * move_action(), which reads and restores the same word. */
static void gate_action(struct irq_action *action, bool on)
{
    const struct pci_vector *v = CONTAINER_OF(action, struct pci_vector, action);
    const struct pci_device *d = v->owner;
    size_t vector = (size_t)(v - d->vectors);
    switch (d->irq_kind) {
    case PCI_IRQ_MSIX:
        io_write32(&d->msix_table, vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_CONTROL,
                   on ? 0 : PCI_MSIX_ENTRY_MASKED);
        break;
    case PCI_IRQ_MSI: {
        uint16_t control = pci_read16(d, d->irq_cap + PCI_MSI_CONTROL);
        control &= (uint16_t) ~(PCI_MSI_ENABLE | PCI_MSI_MULTIPLE);
        pci_write16(d, d->irq_cap + PCI_MSI_CONTROL, on ? control | PCI_MSI_ENABLE : control);
        break;
    }
    default:
        set_command(d, PCI_COMMAND_INTX_DISABLE, !on);
        break;
    }
}

/* A table entry may change only while it is masked (PCI 3.0, 6.8.2); the device keeps an interrupt
 * pending meanwhile. With MSI only the low half of the address changes, in one store. */
static void move_action(struct irq_action *action)
{
    const struct pci_vector *v = CONTAINER_OF(action, struct pci_vector, action);
    const struct pci_device *d = v->owner;
    uint32_t vector = (uint32_t)(v - d->vectors);
    if (d->irq_kind == PCI_IRQ_MSI) {
        (void)write_message(d, d->irq_cap);
        return;
    }
    ASSERT(d->irq_kind == PCI_IRQ_MSIX);
    size_t control = (size_t)vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_CONTROL;
    uint32_t before = io_read32(&d->msix_table, control);
    write_entry(d, vector);
    io_write32(&d->msix_table, control, before);
}

enum status pci_irq_request(struct pci_device *d, uint32_t vector,
                            enum irq_result (*handle)(void *ctx), void *ctx, const char *name)
{
    ASSERT(vector < d->vector_count && !d->vectors[vector].is_requested);
    struct pci_vector *v = &d->vectors[vector];
    v->action = (struct irq_action){.handle = handle,
                                    .ctx = ctx,
                                    .gate = v->action.gate,
                                    .gates_storms = v->action.gates_storms,
                                    .move = v->action.move,
                                    .name = name};
    enum status s = irq_request(&v->action, v->line, v->trigger);
    v->is_requested = s == OK;
    return s;
}

void pci_irq_release(struct pci_device *d, uint32_t vector)
{
    ASSERT(vector < d->vector_count && d->vectors[vector].is_requested);
    irq_release(&d->vectors[vector].action);
    d->vectors[vector].is_requested = false;
}
