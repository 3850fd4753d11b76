// SPDX-License-Identifier: MIT
//
// Base address registers and bridge windows: reading their kind and size, writing their addresses.
// drivers/pci/assign.c chooses the addresses.
#include "drivers/pci/host.h"
#include "drivers/pci/regs.h"

#include "kernel/base/log.h"

#define BRIDGE_BARS 2
/* Position of the 12 upper bits in a bridge's memory registers, where 15..4 = 31..20. */
#define MEM_SHIFT   16
#define MEM_GRANULE ((uint64_t)1 << 20)
#define IO_GRANULE  ((uint64_t)1 << 12)

static unsigned bar_register(unsigned bar)
{
    return PCI_BAR0 + 4 * bar;
}

/* Write all ones and read which bits stay set: the device
 * decodes those bits. Then restore the contents. */
static uint32_t probe_bits(const struct pci_device *d, unsigned bar)
{
    uint32_t was = pci_read32(d, bar_register(bar));
    pci_write32(d, bar_register(bar), UINT32_MAX);
    uint32_t bits = pci_read32(d, bar_register(bar));
    pci_write32(d, bar_register(bar), was);
    return bits;
}

/* The decoded bits must be exactly those from the size upwards. Otherwise the device reports one
 * of them wrongly. */
static uint64_t size_of_bits(uint64_t bits)
{
    uint64_t size = bits & -bits;
    return bits + size == 0 ? size : 0;
}

static void probe_io_bar(const struct pci_device *d, unsigned i, struct pci_bar *bar)
{
    uint32_t bits = probe_bits(d, i) & ~PCI_BAR_IO_FLAGS;
    if ((bits & 0xffff0000u) == 0 && bits != 0) {
        bits |= 0xffff0000u; /* the BAR decodes 16 bits; the upper half counts as zero */
    }
    bar->space = PCI_SPACE_IO;
    bar->size = size_of_bits((uint64_t)bits | UINT64_MAX << 32);
    bar->address = pci_read32(d, bar_register(i)) & ~PCI_BAR_IO_FLAGS;
}

static void probe_memory_bar(const struct pci_device *d, unsigned i, struct pci_bar *bar)
{
    uint32_t low = pci_read32(d, bar_register(i));
    uint64_t bits = probe_bits(d, i) & ~PCI_BAR_MEMORY_FLAGS;
    bar->address = low & ~PCI_BAR_MEMORY_FLAGS;
    bar->is_prefetchable = (low & PCI_BAR_PREFETCHABLE) != 0;
    if (bar->is_64) {
        bits |= (uint64_t)probe_bits(d, i + 1) << 32;
        bar->address |= (uint64_t)pci_read32(d, bar_register(i + 1)) << 32;
    } else {
        bits |= UINT64_MAX << 32;
    }
    bar->space = PCI_SPACE_MEM32;
    bar->size = size_of_bits(bits);
}

/* A register that keeps no bit is not a BAR. One that keeps an impossible set of bits is broken. */
static bool is_implemented(const struct pci_device *d, unsigned i)
{
    uint32_t flags =
        pci_read32(d, bar_register(i)) & PCI_BAR_IO ? PCI_BAR_IO_FLAGS : PCI_BAR_MEMORY_FLAGS;
    return (probe_bits(d, i) & ~flags) != 0;
}

/* Returns the number of registers that the BAR occupies. */
static unsigned probe_bar(struct pci_device *d, unsigned i, unsigned count)
{
    struct pci_bar bar = {.size = 0};
    uint32_t low = pci_read32(d, bar_register(i));
    uint32_t type = low & PCI_BAR_TYPE;
    bool is_io = (low & PCI_BAR_IO) != 0;
    bar.is_64 = !is_io && type == PCI_BAR_TYPE_64;
    unsigned used = bar.is_64 && i + 1 < count ? 2 : 1;

    /* A large 64-bit BAR keeps bits only in its upper half. */
    if (!is_implemented(d, i) && !(used == 2 && probe_bits(d, i + 1) != 0)) {
        return used;
    }
    if (is_io) {
        probe_io_bar(d, i, &bar);
    } else if ((bar.is_64 && used == 2) || type == PCI_BAR_TYPE_32 || type == PCI_BAR_TYPE_1M) {
        probe_memory_bar(d, i, &bar);
    }
    if (bar.size == 0) {
        log_warn("pci", "%s: BAR %u is not valid (0x%x), left out", d->dev.name, i, low);
    }
    d->bar[i] = bar;
    return used;
}

void pci_probe_bars(struct pci_device *d)
{
    unsigned count = d->header == PCI_HEADER_DEVICE   ? PCI_BARS
                     : d->header == PCI_HEADER_BRIDGE ? BRIDGE_BARS
                                                      : 0;
    if (d->class_code >> 8 == PCI_CLASS_HOST_BRIDGE) {
        return; /* with its decoding off, memory that the kernel uses could disappear */
    }
    uint16_t command = pci_read16(d, PCI_COMMAND);
    pci_write16(d, PCI_COMMAND, command & (uint16_t) ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
    for (unsigned i = 0; i < count;) {
        i += probe_bar(d, i, count);
    }
    pci_write16(d, PCI_COMMAND, command);
}

/* PCI Local Bus Specification 3.0, 6.2.5.2, allows no larger ROM. */
#define ROM_SIZE_MAX (16u << 20)

void pci_probe_rom(struct pci_device *d)
{
    unsigned reg = d->header == PCI_HEADER_DEVICE ? PCI_ROM : PCI_BRIDGE_ROM;
    if (d->header != PCI_HEADER_DEVICE && d->header != PCI_HEADER_BRIDGE) {
        return;
    }
    uint32_t was = pci_read32(d, reg);
    pci_write32(d, reg, UINT32_MAX & ~PCI_ROM_FLAGS);
    uint32_t bits = pci_read32(d, reg) & ~PCI_ROM_FLAGS;
    pci_write32(d, reg, was & ~PCI_ROM_ENABLE);
    if (bits == 0 || bits == (was & ~PCI_ROM_FLAGS)) {
        return; /* there is no such register, or it is read-only */
    }
    uint64_t size = size_of_bits(bits | UINT64_MAX << 32);
    if (size == 0 || size > ROM_SIZE_MAX) {
        log_warn("pci", "%s: option ROM of an impossible size (0x%x), left out", d->dev.name, bits);
        return;
    }
    d->rom_size = (uint32_t)size;
    log_info("pci", "%s: option ROM of %u KiB, switched off and not run", d->dev.name,
             d->rom_size >> 10);
}

void pci_write_bar(struct pci_device *d, unsigned bar, uint64_t address)
{
    pci_write32(d, bar_register(bar), (uint32_t)address);
    if (d->bar[bar].is_64) {
        pci_write32(d, bar_register(bar + 1), (uint32_t)(address >> 32));
    }
}

/* Move a 64-bit BAR to the end of the address space, where no memory is. */
void pci_retire_bar(struct pci_device *d, unsigned bar)
{
    d->bar[bar].is_placed = false;
    if (d->bar[bar].is_64) {
        pci_write_bar(d, bar, UINT64_MAX);
    }
}

/* A window register that reads as zero may not exist: write ones and check whether they stay. */
static bool is_writable(const struct pci_device *bridge, unsigned reg, uint16_t ones)
{
    uint16_t was = pci_read16(bridge, reg);
    pci_write16(bridge, reg, ones);
    bool sticks = (pci_read16(bridge, reg) & ones) != 0;
    pci_write16(bridge, reg, was);
    return sticks;
}

/* A bridge with 16-bit I/O addresses cannot be used below a host whose I/O window lies higher. */
static bool forwards_io(const struct pci_device *bridge)
{
    const struct pci_window *io = &bridge->bus->host->root->window[PCI_SPACE_IO];
    bool is_wide = (pci_read8(bridge, PCI_IO_BASE) & PCI_WINDOW_TYPE) == PCI_WINDOW_WIDE;
    return (is_wide || io->base + io->len <= 0x10000) && is_writable(bridge, PCI_IO_BASE, 0xf0f0);
}

bool pci_bridge_forwards(const struct pci_device *bridge, enum pci_space space)
{
    switch (space) {
    case PCI_SPACE_IO:
        return forwards_io(bridge);
    case PCI_SPACE_MEM32:
        return true; /* every bridge forwards this space */
    default:
        return (pci_read16(bridge, PCI_PREFETCH_BASE) & PCI_WINDOW_TYPE) == PCI_WINDOW_WIDE &&
               is_writable(bridge, PCI_PREFETCH_BASE, 0xfff0);
    }
}

static struct pci_window window_of(uint64_t base, uint64_t limit, uint64_t granule)
{
    struct pci_window w = {.align = granule};
    if (base <= limit) {
        w.base = base;
        w.len = limit - base + granule;
    }
    return w;
}

static struct pci_window io_window(const struct pci_device *b)
{
    uint8_t base = pci_read8(b, PCI_IO_BASE);
    uint64_t lo = (base & 0xf0ull) << 8;
    uint64_t hi = (pci_read8(b, PCI_IO_LIMIT) & 0xf0ull) << 8;
    if ((base & PCI_WINDOW_TYPE) == PCI_WINDOW_WIDE) {
        lo |= (uint64_t)pci_read16(b, PCI_IO_BASE_UPPER) << 16;
        hi |= (uint64_t)pci_read16(b, PCI_IO_LIMIT_UPPER) << 16;
    }
    return window_of(lo, hi, IO_GRANULE);
}

static struct pci_window memory_window(const struct pci_device *b)
{
    return window_of((pci_read16(b, PCI_MEMORY_BASE) & 0xfff0ull) << MEM_SHIFT,
                     (pci_read16(b, PCI_MEMORY_LIMIT) & 0xfff0ull) << MEM_SHIFT, MEM_GRANULE);
}

static struct pci_window prefetch_window(const struct pci_device *b)
{
    uint64_t lo = (pci_read16(b, PCI_PREFETCH_BASE) & 0xfff0ull) << MEM_SHIFT;
    uint64_t hi = (pci_read16(b, PCI_PREFETCH_LIMIT) & 0xfff0ull) << MEM_SHIFT;
    lo |= (uint64_t)pci_read32(b, PCI_PREFETCH_BASE_UPPER) << 32;
    hi |= (uint64_t)pci_read32(b, PCI_PREFETCH_LIMIT_UPPER) << 32;
    return window_of(lo, hi, MEM_GRANULE);
}

struct pci_window pci_bridge_window(const struct pci_device *bridge, enum pci_space space)
{
    struct pci_window closed = {.len = 0};
    if (!pci_bridge_forwards(bridge, space)) {
        return closed;
    }
    switch (space) {
    case PCI_SPACE_IO:
        return io_window(bridge);
    case PCI_SPACE_MEM32:
        return memory_window(bridge);
    default:
        return prefetch_window(bridge);
    }
}

void pci_bridge_set_window(const struct pci_device *bridge, enum pci_space space,
                           const struct pci_window *w)
{
    /* A closed window has its base above its limit. */
    uint64_t lo = w->len > 0 ? w->base : UINT32_MAX;
    uint64_t hi = w->len > 0 ? w->base + w->len - 1 : 0;
    switch (space) {
    case PCI_SPACE_IO:
        pci_write16(bridge, PCI_IO_BASE_UPPER, (uint16_t)(lo >> 16));
        pci_write16(bridge, PCI_IO_LIMIT_UPPER, (uint16_t)(hi >> 16));
        pci_write8(bridge, PCI_IO_BASE, (uint8_t)(lo >> 8 & 0xf0));
        pci_write8(bridge, PCI_IO_LIMIT, (uint8_t)(hi >> 8 & 0xf0));
        break;
    case PCI_SPACE_MEM32:
        pci_write16(bridge, PCI_MEMORY_BASE, (uint16_t)(lo >> MEM_SHIFT & 0xfff0));
        pci_write16(bridge, PCI_MEMORY_LIMIT, (uint16_t)(hi >> MEM_SHIFT & 0xfff0));
        break;
    default:
        pci_write32(bridge, PCI_PREFETCH_BASE_UPPER, (uint32_t)(lo >> 32));
        pci_write32(bridge, PCI_PREFETCH_LIMIT_UPPER, (uint32_t)(hi >> 32));
        pci_write16(bridge, PCI_PREFETCH_BASE, (uint16_t)(lo >> MEM_SHIFT & 0xfff0));
        pci_write16(bridge, PCI_PREFETCH_LIMIT, (uint16_t)(hi >> MEM_SHIFT & 0xfff0));
        break;
    }
}
