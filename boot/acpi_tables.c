// SPDX-License-Identifier: MIT
//
// MADT, MCFG, HPET and SPCR. Their lengths and checksums have been verified; the lengths of
// structures in them have not.
#include "boot/acpi_internal.h"

#include "boot/note.h"
#include "kernel/lib/compiler.h"

enum {
    SPACE_MEMORY =
        0, /* of a generic address structure: space, width, offset, access, u64 address */
    SPACE_IO = 1,
};

void acpi_add_cpu(struct boot_info *info, uint64_t hw_id, uint32_t uid, bool is_enabled)
{
    /* Firmware may list a CPU both as a local APIC and as an x2APIC. */
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        if (info->cpus[i].hw_id == hw_id) {
            return;
        }
    }
    if (info->cpu_count == BOOT_MAX_CPUS) {
        boot_note_once(info, "acpi: too many CPUs, one is left out, id", hw_id);
        return;
    }
    info->cpus[info->cpu_count++] =
        (struct boot_cpu){.hw_id = hw_id, .acpi_uid = uid, .enabled = is_enabled};
}

static void add_apic(struct boot_info *info, uint32_t apic_id, uint32_t uid, uint32_t flags)
{
    enum { ENABLED = 1, ONLINE_CAPABLE = 2 };
    if ((flags & (ENABLED | ONLINE_CAPABLE)) != 0) { /* otherwise an empty socket */
        acpi_add_cpu(info, apic_id, uid, (flags & ENABLED) != 0);
    }
}

static void add_ioapic(struct boot_info *info, const uint8_t *e)
{
    struct boot_acpi *acpi = &info->acpi;
    struct boot_ioapic ioapic = {
        .id = e[2], .base = load_le32(e + 4), .gsi_base = load_le32(e + 8)};
    for (uint32_t i = 0; i < acpi->ioapic_count; i++) {
        if (acpi->ioapic[i].base == ioapic.base || acpi->ioapic[i].gsi_base == ioapic.gsi_base) {
            boot_note_value(info, "acpi: two IOAPICs in one place, one is left out, id", e[2]);
            return;
        }
    }
    if (acpi->ioapic_count == BOOT_MAX_IOAPIC) {
        boot_note_once(info, "acpi: too many IOAPICs, one is left out, id", e[2]);
        return;
    }
    acpi->ioapic[acpi->ioapic_count++] = ioapic;
}

/* Flags: polarity in bits 0 and 1, trigger mode in 2 and 3; 3 is the setting opposite to ISA's. */
static void add_override(struct boot_info *info, const uint8_t *e)
{
    struct boot_acpi *acpi = &info->acpi;
    if (acpi->override_count == BOOT_MAX_OVERRIDE) {
        boot_note_once(info, "acpi: too many interrupt overrides, one is left out, source", e[3]);
        return;
    }
    uint16_t flags = load_le16(e + 8);
    acpi->override[acpi->override_count++] =
        (struct boot_irq_override){.source = e[3],
                                   .gsi = load_le32(e + 4),
                                   .active_low = (flags & 3) == 3,
                                   .level = (flags >> 2 & 3) == 3};
}

/* One interrupt controller structure; `len` is its own, verified against the table's. */
static void read_madt_entry(struct boot_info *info, const uint8_t *e, uint8_t len)
{
    enum { LAPIC = 0, IOAPIC = 1, OVERRIDE = 2, LAPIC_ADDRESS = 5, X2APIC = 9 };
    uint8_t type = e[0];
    uint8_t wanted = type == LAPIC           ? 8
                     : type == IOAPIC        ? 12
                     : type == OVERRIDE      ? 10
                     : type == LAPIC_ADDRESS ? 12
                     : type == X2APIC        ? 16
                                             : 2;
    if (len < wanted) {
        boot_note_once(info, "acpi: short MADT entry of type", type);
        return;
    }
    if (type == LAPIC) {
        add_apic(info, e[3], e[2], load_le32(e + 4));
    } else if (type == IOAPIC) {
        add_ioapic(info, e);
    } else if (type == OVERRIDE) {
        add_override(info, e);
    } else if (type == LAPIC_ADDRESS) {
        info->acpi.lapic_base = load_le64(e + 4);
    } else if (type == X2APIC) {
        add_apic(info, load_le32(e + 4), load_le32(e + 12), load_le32(e + 8));
    } else {
        acpi_read_gic_entry(e, len, info);
    }
}

void acpi_read_madt(const struct acpi_table *t, struct boot_info *info)
{
    enum { ENTRIES = 44, PCAT_COMPAT = 1 };
    if (!acpi_has(t, 0, ENTRIES)) {
        boot_note(info, "acpi: short MADT");
        return;
    }
    info->acpi.lapic_base = load_le32(t->bytes + 36);
    info->acpi.has_legacy_pic = (load_le32(t->bytes + 40) & PCAT_COMPAT) != 0;
    uint32_t at = ENTRIES;
    while (t->len - at >= 2) {
        uint8_t len = t->bytes[at + 1];
        if (len < 2 || len > t->len - at) {
            boot_note_value(info,
                            len < 2 ? "acpi: MADT entry of no length, the rest is left out, at"
                                    : "acpi: MADT entry past the end of the table, at",
                            at);
            return;
        }
        read_madt_entry(info, t->bytes + at, len);
        at += len;
    }
}

/* Two hosts that share registers or bus numbers would be one host whose devices are found twice. */
static bool has_host(const struct boot_info *info, uint64_t base, uint64_t len, const uint8_t *e)
{
    for (uint32_t i = 0; i < info->pci_count; i++) {
        const struct boot_pci_host *h = &info->pci[i];
        bool same_registers = base < h->ecam_base + h->ecam_len && h->ecam_base < base + len;
        bool same_buses =
            h->segment == load_le16(e + 8) && e[10] <= h->bus_last && h->bus_first <= e[11];
        if (same_registers || same_buses) {
            return true;
        }
    }
    return false;
}

/* An entry: base of bus 0 (whether or not that belongs to the host), segment, first bus, last. */
static void add_pci_host(struct boot_info *info, const uint8_t *e)
{
    enum { BUS_SHIFT = 20 };
    uint64_t base = load_le64(e);
    uint8_t first = e[10];
    uint8_t last = e[11];
    uint64_t end;
    if (base == 0 || last < first || !IS_ALIGNED(base, (uint64_t)1 << BUS_SHIFT) ||
        ADD_OVERFLOWS(base, (uint64_t)256 << BUS_SHIFT, &end)) {
        boot_note_once(info, "acpi: malformed MCFG entry, base", base);
        return;
    }
    uint64_t ecam = base + ((uint64_t)first << BUS_SHIFT);
    uint64_t len = (uint64_t)(last - first + 1) << BUS_SHIFT;
    if (has_host(info, ecam, len, e)) {
        boot_note_once(info, "acpi: MCFG entries overlap, one is left out, base", base);
        return;
    }
    if (info->pci_count == BOOT_MAX_PCI) {
        boot_note_once(info, "acpi: too many PCI hosts, one is left out, base", base);
        return;
    }
    struct boot_pci_host *host = &info->pci[info->pci_count++];
    host->ecam_base = ecam;
    host->ecam_len = len;
    host->segment = load_le16(e + 8);
    host->bus_first = first;
    host->bus_last = last;
    host->dma_coherent = true; /* like everything on a PC */
}

void acpi_read_mcfg(const struct acpi_table *t, struct boot_info *info)
{
    enum { ENTRIES = 44, ENTRY_SIZE = 16 };
    uint32_t at = ENTRIES;
    for (; acpi_has(t, at, ENTRY_SIZE); at += ENTRY_SIZE) {
        add_pci_host(info, t->bytes + at);
    }
    if (at != t->len) {
        boot_note_value(info, "acpi: the MCFG ends within an entry, length", t->len);
    }
}

void acpi_read_hpet(const struct acpi_table *t, struct boot_info *info)
{
    enum { REGISTERS = 0x400 };
    if (!acpi_has(t, 40, 12) || t->bytes[40] != SPACE_MEMORY) {
        boot_note(info, "acpi: unusable HPET table");
        return;
    }
    uint64_t base = load_le64(t->bytes + 44);
    if (base % REGISTERS != 0 || base > UINT64_MAX - REGISTERS) {
        boot_note_value(info, "acpi: the HPET cannot be at", base);
        return;
    }
    info->acpi.hpet_base = base;
}

void acpi_read_spcr(const struct acpi_table *t, struct boot_info *info)
{
    enum {
        KIND_16550 = 0,
        KIND_PL011 = 3,
        KIND_SBSA_32 = 0x0d,
        KIND_SBSA = 0x0e, /* a PL011 without the modem parts */
        KIND_16550_GAS = 0x12,
        IRQ_IOAPIC = 2,
        IRQ_GIC = 8,
        REGISTERS_ALIGN = 8, /* an unaligned access faults on some machines */
    };
    if (!acpi_has(t, 36, 44) || info->uart.kind != BOOT_UART_NONE) {
        return;
    }
    const uint8_t *p = t->bytes;
    uint8_t kind = p[36];
    uint8_t space = p[40];
    uint64_t base = load_le64(p + 44);
    if (base == 0 || space > SPACE_IO) {
        return; /* redirection is disabled, or the device is on an unsupported bus */
    }
    struct boot_uart uart = {.base = base, .is_port = space == SPACE_IO, .line = UINT32_MAX};
    if (kind == KIND_16550 || kind == KIND_16550_GAS) {
        uart.kind = BOOT_UART_16550;
        uart.reg_shift = p[41] == 32 ? 2 : 0; /* the registers' width in bits */
        uart.len = (uint64_t)8 << uart.reg_shift;
        if (uart.is_port && base > UINT16_MAX + 1 - uart.len) {
            boot_note_value(info, "acpi: a serial port cannot be at", base);
            return;
        }
    } else if ((kind == KIND_PL011 || kind == KIND_SBSA_32 || kind == KIND_SBSA) &&
               space == SPACE_MEMORY) {
        uart.kind = BOOT_UART_PL011;
        uart.len = PAGE_SIZE;
    } else {
        return;
    }
    uint64_t end;
    if (!uart.is_port &&
        (!IS_ALIGNED(base, REGISTERS_ALIGN) || ADD_OVERFLOWS(base, uart.len, &end))) {
        boot_note_value(info, "acpi: a serial port cannot be at", base);
        return;
    }
    if ((p[52] & (IRQ_IOAPIC | IRQ_GIC)) != 0) {
        uart.line = load_le32(p + 54);
    }
    info->uart = uart;
}
