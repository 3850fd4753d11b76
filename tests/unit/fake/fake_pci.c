// SPDX-License-Identifier: MIT
//
// The hierarchy behind fake_pci_ops. Nothing here decodes memory: tests check the registers.
#include "fake/fake_pci.h"
#include "fake/fake_virtio.h"

#include <string.h>

struct fake_pci fake_pci;

void fake_pci_reset(void)
{
    memset(&fake_pci, 0, sizeof(fake_pci));
    fake_has_ports = false;
}

uint32_t fake_pci_get(int f, unsigned reg, unsigned width)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < width; i++) {
        v |= (uint32_t)fake_pci.function[f].cfg[reg + i] << 8 * i;
    }
    return v;
}

void fake_pci_set(int f, unsigned reg, unsigned width, uint32_t v)
{
    for (unsigned i = 0; i < width; i++) {
        fake_pci.function[f].cfg[reg + i] = (uint8_t)(v >> 8 * i);
    }
}

static void allow(int f, unsigned reg, unsigned width, uint32_t bits)
{
    for (unsigned i = 0; i < width; i++) {
        fake_pci.function[f].writable[reg + i] = (uint8_t)(bits >> 8 * i);
    }
}

int fake_pci_add(int parent, uint8_t devfn, uint16_t vendor, uint16_t device)
{
    int f = fake_pci.count++;
    fake_pci.function[f].parent = parent;
    fake_pci.function[f].devfn = devfn;
    fake_pci_set(f, 0x00, 2, vendor);
    fake_pci_set(f, 0x02, 2, device);
    fake_pci_set(f, 0x3d, 1, 1); /* INTA */
    allow(f, 0x04, 2, 0x0547);
    allow(f, 0x3c, 1, 0xff);
    return f;
}

int fake_pci_add_bridge(int parent, uint8_t devfn)
{
    int f = fake_pci_add(parent, devfn, 0x1b36, 0x0001);
    fake_pci_set(f, 0x08, 4, 0x06040000);
    fake_pci_set(f, 0x0e, 1, 1);
    allow(f, 0x18, 4, 0x00ffffff);
    allow(f, 0x1c, 2, 0xf0f0);
    allow(f, 0x20, 4, 0xfff0fff0);
    fake_pci_set(f, 0x24, 4, 0x00010001); /* 64-bit prefetchable */
    allow(f, 0x24, 4, 0xfff0fff0);
    allow(f, 0x28, 4, 0xffffffff);
    allow(f, 0x2c, 4, 0xffffffff);
    return f;
}

void fake_pci_bar(int f, unsigned bar, uint64_t size, uint32_t flags)
{
    uint64_t mask = ~(size - 1) & ~(uint64_t)((flags & 1) != 0 ? 3 : 15);
    unsigned reg = 0x10 + 4 * bar;
    fake_pci_set(f, reg, 4, flags);
    allow(f, reg, 4, (uint32_t)mask);
    if ((flags & 5) == 4) {
        allow(f, reg + 4, 4, (uint32_t)(mask >> 32));
    }
}

void fake_pci_rom(int f, uint32_t size)
{
    unsigned reg = fake_pci_get(f, 0x0e, 1) == 1 ? 0x38 : 0x30;
    allow(f, reg, 4, ~(size - 1) | 1);
}

uint64_t fake_pci_bar_address(int f, unsigned bar)
{
    uint32_t low = fake_pci_get(f, 0x10 + 4 * bar, 4);
    if ((low & 1) != 0) {
        return low & ~3u;
    }
    uint64_t high = (low & 6) == 4 ? fake_pci_get(f, 0x14 + 4 * bar, 4) : 0;
    return high << 32 | (low & ~15u);
}

static unsigned bus_in_front_of(int bridge)
{
    int parent = fake_pci.function[bridge].parent;
    return parent < 0 ? fake_pci.root : fake_pci_get(parent, 0x19, 1);
}

/* Does this bridge forward a cycle for `bus`? No bridge forwards one for its primary bus. */
static bool is_reached(int bridge, unsigned bus)
{
    if (bridge < 0) {
        return true;
    }
    return bus != bus_in_front_of(bridge) && is_reached(fake_pci.function[bridge].parent, bus) &&
           fake_pci_get(bridge, 0x19, 1) <= bus && bus <= fake_pci_get(bridge, 0x1a, 1);
}

static bool is_on(const struct fake_pci_function *f, unsigned bus)
{
    if (f->parent < 0) {
        return bus == fake_pci.root;
    }
    return is_reached(f->parent, bus) && fake_pci_get(f->parent, 0x19, 1) == bus;
}

/* The function that responds; -1 = none. If two respond, they collide, which ends the test. */
static int find(unsigned bus, unsigned devfn)
{
    int found = -1;
    for (int i = 0; i < fake_pci.count; i++) {
        const struct fake_pci_function *f = &fake_pci.function[i];
        if (f->devfn == devfn && is_on(f, bus)) {
            if (found >= 0 && !fake_pci.may_collide) {
                __builtin_trap();
            }
            found = found < 0 ? i : found;
        }
    }
    return found >= 0 && fake_pci.function[found].is_alias ? fake_pci.function[found].alias : found;
}

static enum status fake_open(struct pci_bus *bus)
{
    (void)bus;
    return OK;
}

static void fake_close(struct pci_bus *bus)
{
    (void)bus;
}

static uint32_t fake_read(const struct pci_bus *bus, unsigned devfn, unsigned reg, unsigned width)
{
    uint32_t ones = width == 4 ? UINT32_MAX : (1u << 8 * width) - 1;
    fake_pci.accesses++;
    if (fake_pci.hostile != NULL) {
        return fake_pci.hostile(bus->number, devfn, reg) & ones;
    }
    int f = find(bus->number, devfn);
    return f < 0 ? ones : fake_pci_get(f, reg, width);
}

static void fake_write(const struct pci_bus *bus, unsigned devfn, unsigned reg, unsigned width,
                       uint32_t v)
{
    fake_pci.accesses++;
    int f = fake_pci.hostile != NULL ? -1 : find(bus->number, devfn);
    for (unsigned i = 0; f >= 0 && i < width; i++) {
        uint8_t bits = fake_pci.function[f].writable[reg + i];
        uint8_t *byte = &fake_pci.function[f].cfg[reg + i];
        *byte = (uint8_t)((*byte & ~bits) | ((v >> 8 * i) & bits));
    }
}

const struct pci_config_ops fake_pci_ops = {
    .name = "fake",
    .size = 256,
    .open = fake_open,
    .close = fake_close,
    .read = fake_read,
    .write = fake_write,
};

/* ---- A virtio device ---- */

static void put_capability(int f, unsigned at, unsigned next, uint8_t type, uint32_t offset)
{
    fake_pci_set(f, at, 4, 0x09u | next << 8 | 20u << 16 | (uint32_t)type << 24);
    fake_pci_set(f, at + 4, 4, 0);
    fake_pci_set(f, at + 8, 4, offset);
    fake_pci_set(f, at + 12, 4, 0x1000);
    fake_pci_set(f, at + 16, 4, 4);
}

int fake_virtio_reset(uint16_t type)
{
    fake_pci_reset();
    int f = fake_pci_add(-1, 0x08, 0x1af4, 0x1040 + type);
    fake_pci_bar(f, 0, BAR_SIZE, 0);
    fake_pci_set(f, 0x06, 2, 0x10);
    fake_pci_set(f, 0x34, 1, CAP_COMMON);
    put_capability(f, CAP_COMMON, CAP_ISR, 1, COMMON);
    put_capability(f, CAP_ISR, CAP_CONFIG, 3, ISR);
    put_capability(f, CAP_CONFIG, CAP_NOTIFY, 4, CONFIG);
    put_capability(f, CAP_NOTIFY, 0, 2, NOTIFY);
    return f;
}
