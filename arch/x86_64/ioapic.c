// SPDX-License-Identifier: MIT
//
// IOAPICs: from pins to vectors. Intel 82093AA data sheet. Also disables the two 8259 PICs.
#include "arch/x86_64/apic.h"

#include "hal_arch/sysreg.h"

#define IOAPIC_SELECT  0x00
#define IOAPIC_WINDOW  0x10
#define IOAPIC_VERSION 0x01
#define IOAPIC_PIN(n)  (0x10 + 2 * (n)) /* two registers for each pin */

#define PIN_ACTIVE_LOW (1u << 13)
#define PIN_LEVEL      (1u << 15)
#define PIN_MASKED     (1u << 16)

#define PIC1         0x20
#define PIC2         0xa0
#define PIC_INIT     0x11 /* ICW1: edge, cascade, ICW4 follows */
#define PIC_8086     0x01
#define PIC_VECTOR   0x20 /* where a masked PIC's spurious interrupt would arrive */
#define PIC_MASK_ALL 0xff

static struct ioapic {
    struct io_region regs;
    uint32_t gsi_base, pins;
} ioapics[BOOT_MAX_IOAPIC];
static unsigned ioapic_count;
/* Protects each pair of an index register and a data register. */
static struct apic_lock registers;
static const struct boot_acpi *overrides;

static uint32_t read(const struct ioapic *io, uint32_t reg)
{
    io_write32(&io->regs, IOAPIC_SELECT, reg);
    return io_read32(&io->regs, IOAPIC_WINDOW);
}

static void write(const struct ioapic *io, uint32_t reg, uint32_t value)
{
    io_write32(&io->regs, IOAPIC_SELECT, reg);
    io_write32(&io->regs, IOAPIC_WINDOW, value);
}

static const struct ioapic *find(uint32_t gsi)
{
    for (unsigned i = 0; i < ioapic_count; i++) {
        if (gsi - ioapics[i].gsi_base < ioapics[i].pins) {
            return &ioapics[i];
        }
    }
    return NULL;
}

enum status ioapic_add(const struct io_region *regs, uint32_t gsi_base)
{
    if (ioapic_count == BOOT_MAX_IOAPIC) {
        return E_NOSPC;
    }
    struct ioapic *io = &ioapics[ioapic_count];
    io->regs = *regs;
    io->gsi_base = gsi_base;
    uint32_t version = read(io, IOAPIC_VERSION);
    if (version == UINT32_MAX) {
        return E_NODEV;
    }
    io->pins = (version >> 16 & 0xff) + 1;
    for (uint32_t pin = 0; pin < io->pins; pin++) {
        write(io, IOAPIC_PIN(pin), PIN_MASKED);
    }
    ioapic_count++;
    return OK;
}

void ioapic_set_overrides(const struct boot_acpi *acpi)
{
    overrides = acpi;
}

/* The caller knows the bus's polarity (PCI: low), and
 * the MADT knows whether the board inverts it. */
static bool is_active_low(uint32_t gsi, enum irq_trigger trigger)
{
    for (uint32_t i = 0; i < overrides->override_count; i++) {
        if (overrides->override[i].gsi == gsi) {
            return overrides->override[i].active_low;
        }
    }
    return trigger == IRQ_LEVEL_LOW;
}

enum status ioapic_configure(uint32_t gsi, unsigned vector, uint32_t apic_id,
                             enum irq_trigger trigger)
{
    const struct ioapic *io = find(gsi);
    if (io == NULL) {
        return E_RANGE;
    }
    uint32_t low = vector | PIN_MASKED;
    low |= trigger != IRQ_EDGE ? PIN_LEVEL : 0;
    low |= is_active_low(gsi, trigger) ? PIN_ACTIVE_LOW : 0;
    uint32_t pin = gsi - io->gsi_base;
    irq_state_t state = apic_lock(&registers);
    /* while half of the pin's entry is written, it must not interrupt */
    write(io, IOAPIC_PIN(pin), PIN_MASKED);
    write(io, IOAPIC_PIN(pin) + 1, apic_id << 24);
    write(io, IOAPIC_PIN(pin), low);
    apic_unlock(&registers, state);
    return OK;
}

void ioapic_set_mask(uint32_t gsi, bool is_masked)
{
    const struct ioapic *io = find(gsi);
    if (io == NULL) {
        return;
    }
    uint32_t pin = gsi - io->gsi_base;
    irq_state_t state = apic_lock(&registers);
    uint32_t low = read(io, IOAPIC_PIN(pin));
    write(io, IOAPIC_PIN(pin), is_masked ? low | PIN_MASKED : low & ~PIN_MASKED);
    apic_unlock(&registers, state);
}

/* The target is one half of the entry and is written with one store, so the pin need not be masked.
 * A level interrupt in progress ends by its vector, which does not change. */
void ioapic_route(uint32_t gsi, uint32_t apic_id)
{
    const struct ioapic *io = find(gsi);
    if (io == NULL) {
        return;
    }
    irq_state_t state = apic_lock(&registers);
    write(io, IOAPIC_PIN(gsi - io->gsi_base) + 1, apic_id << 24);
    apic_unlock(&registers, state);
}

void pic_disable(void)
{
    port_out8(PIC1, PIC_INIT);
    port_out8(PIC2, PIC_INIT);
    port_out8(PIC1 + 1, PIC_VECTOR);
    port_out8(PIC2 + 1, PIC_VECTOR + 8);
    port_out8(PIC1 + 1, 1 << 2); /* the second PIC is on input 2 */
    port_out8(PIC2 + 1, 2);
    port_out8(PIC1 + 1, PIC_8086);
    port_out8(PIC2 + 1, PIC_8086);
    port_out8(PIC1 + 1, PIC_MASK_ALL);
    port_out8(PIC2 + 1, PIC_MASK_ALL);
}
