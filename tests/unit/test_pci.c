// SPDX-License-Identifier: MIT
//
// Enumeration and placement over a PCI hierarchy in memory: the final bus numbers, windows
// and BARs in the registers, on a machine without firmware and on one with it; and
// inconsistent configuration space.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_failure.h"
#include "fake/fake_pci.h"
#include "fake/world.h"
#include "kernel/mm/heap.h"

#define MEM64 4u
#define PREF  8u
#define IO    1u

/* The windows of QEMU's virt machine. */
static const struct boot_pci_host virt = {
    .bus_first = 0,
    .bus_last = 255,
    .io = {.cpu = 0x3eff0000, .bus = 0, .len = 0x10000},
    .mem32 = {.cpu = 0x10000000, .bus = 0x10000000, .len = 0x2eff0000},
    .mem64 = {.cpu = 0x8000000000, .bus = 0x8000000000, .len = 0x8000000000},
    .intx_count = 5,
    .intx = {{0x0000, 0x1800, 1, 100, true},
             {0x0000, 0x1800, 2, 101, true},
             {0x0000, 0x1800, 3, 102, true},
             {0x0000, 0x1800, 4, 103, true},
             {0x0800, 0x1800, 1, 101, true}},
    .dma_coherent = true,
};

static struct pci_host *host;

static int set_up(void **state)
{
    (void)state;
    fake_pci_reset();
    host = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (host != NULL) {
        pci_host_destroy(host);
    }
    return 0;
}

static void scan(const struct boot_pci_host *boot)
{
    assert_int_equal(pci_host_create(boot, &fake_pci_ops, &host), OK);
    assert_int_equal(pci_scan(host), OK);
    assert_int_equal(pci_assign(host), OK);
}

struct search {
    const char *name;
    struct pci_device *found;
};

static void look(void *ctx, struct pci_device *d)
{
    struct search *s = ctx;
    if (strcmp(d->dev.name, s->name) == 0) {
        s->found = d;
    }
}

static struct pci_device *device(const char *name)
{
    struct search s = {.name = name};
    pci_for_each(host->root, look, &s);
    return s.found;
}

static void test_functions_are_found_and_named(void **state)
{
    (void)state;
    fake_pci_add(-1, 0x00, 0x1b36, 0x0008);
    int f = fake_pci_add(-1, 0x08, 0x1af4, 0x1042);
    fake_pci_set(f, 0x0e, 1, 0x80);
    fake_pci_set(f, 0x08, 4, 0x01000001);
    fake_pci_set(f, 0x2c, 4, 0x11001af4);
    fake_pci_add(-1, 0x0b, 0x1af4, 0x1005);
    fake_pci_add(-1, 0x13, 0x1af4, 0x1005); /* function 3 without a function 0: ignored */
    scan(&virt);
    assert_int_equal(host->device_count, 3);
    struct pci_device *d = device("0000:00:01.0");
    assert_non_null(d);
    assert_int_equal(d->vendor, 0x1af4);
    assert_int_equal(d->device, 0x1042);
    assert_int_equal(d->class_code, 0x010000);
    assert_int_equal(d->revision, 1);
    assert_int_equal(d->subsystem_device, 0x1100);
    assert_non_null(device("0000:00:01.3"));
    assert_null(device("0000:00:02.3"));
}

static void test_bars_are_sized_and_placed(void **state)
{
    (void)state;
    int f = fake_pci_add(-1, 0x08, 0x1af4, 0x1041);
    fake_pci_bar(f, 0, 0x80, IO);
    fake_pci_bar(f, 1, 0x1000, 0);
    fake_pci_bar(f, 2, 0x4000, MEM64 | PREF);
    fake_pci_bar(f, 4, (uint64_t)16 << 30, MEM64 | PREF);
    scan(&virt);
    const struct pci_device *d = device("0000:00:01.0");
    assert_int_equal(d->bar[0].size, 0x80);
    assert_int_equal(d->bar[1].size, 0x1000);
    assert_int_equal(d->bar[2].size, 0x4000);
    assert_int_equal(d->bar[3].size, 0);
    assert_int_equal(d->bar[4].size, (uint64_t)16 << 30);
    assert_int_equal(d->bar[0].space, PCI_SPACE_IO);
    assert_int_equal(d->bar[1].space, PCI_SPACE_MEM32);
    assert_int_equal(d->bar[2].space, PCI_SPACE_MEM64);
    for (unsigned i = 0; i < PCI_BARS; i++) {
        if (d->bar[i].size > 0) {
            assert_true(d->bar[i].is_placed);
            assert_int_equal(fake_pci_bar_address(f, i), d->bar[i].address);
        }
    }
    assert_true(d->bar[0].address >= 0x1000);
    assert_in_range(d->bar[1].address, 0x10000000, 0x10000000 + 0x2eff0000 - 1);
    assert_true(d->bar[2].address >= 0x8000000000);
    uint64_t cpu;
    assert_true(pci_to_cpu(host, PCI_SPACE_IO, d->bar[0].address, &cpu));
    assert_int_equal(cpu, 0x3eff0000 + d->bar[0].address);
    assert_false(pci_to_cpu(host, PCI_SPACE_IO, 0x10000, &cpu));
}

/* Low flag bits that no real device has, a size that is not a power of two, a
 * 64-bit BAR in the last register. */
static void test_broken_bars_are_ignored(void **state)
{
    (void)state;
    int f = fake_pci_add(-1, 0x08, 0x1af4, 0x1041);
    fake_pci_bar(f, 0, 0x1000, 0);
    fake_pci.function[f].writable[0x11] = 0x50; /* holes */
    fake_pci_bar(f, 1, 0x1000, 0);
    fake_pci_set(f, 0x14, 4, 6); /* reserved type */
    fake_pci_bar(f, 5, 0x1000, MEM64);
    scan(&virt);
    const struct pci_device *d = device("0000:00:01.0");
    for (unsigned i = 0; i < PCI_BARS; i++) {
        assert_int_equal(d->bar[i].size, 0);
    }
}

static void test_sizing_keeps_contents_and_disables_decoding(void **state)
{
    (void)state;
    const struct boot_pci_host pc = {.bus_last = 255, .dma_coherent = true};
    int f = fake_pci_add(-1, 0x08, 0x1af4, 0x1041);
    fake_pci_bar(f, 0, 0x80, IO);
    fake_pci_bar(f, 4, 0x4000, MEM64 | PREF);
    fake_pci_set(f, 0x10, 4, 0xc000 | IO);
    fake_pci_set(f, 0x20, 4, 0xfe000000 | MEM64 | PREF);
    fake_pci_set(f, 0x04, 2, 0x0007);
    fake_has_ports = true;
    scan(&pc);
    assert_int_equal(fake_pci_bar_address(f, 0), 0xc000);
    assert_int_equal(fake_pci_bar_address(f, 4), 0xfe000000);
    assert_int_equal(fake_pci_get(f, 0x04, 2), 0x0403); /* decodes; no bus master, no INTx */
    struct pci_device *d = device("0000:00:01.0");
    struct io_region r;
    assert_int_equal(pci_enable(d, true), OK);
    assert_int_equal(fake_pci_get(f, 0x04, 2), 0x0407);
    assert_int_equal(pci_map_bar(d, 0, 0x10, 4, &r), OK);
    assert_true(r.is_port);
    assert_int_equal(r.base, 0xc010);
    pci_disable(d);
    assert_int_equal(fake_pci_get(f, 0x04, 2), 0x0403); /* no bus master; decoding as before */
}

/* The processor would truncate the number and access other ports. */
static void test_ports_beyond_the_processors_are_not_used(void **state)
{
    (void)state;
    const struct boot_pci_host pc = {.bus_last = 255, .dma_coherent = true};
    int last = fake_pci_add(-1, 0x08, 0x1af4, 0x1041);
    fake_pci_bar(last, 0, 0x80, IO);
    fake_pci_set(last, 0x10, 4, 0xff80 | IO);
    int beyond = fake_pci_add(-1, 0x10, 0x1af4, 0x1041);
    fake_pci_bar(beyond, 0, 0x80, IO);
    fake_pci_set(beyond, 0x10, 4, 0x10c80 | IO);
    fake_has_ports = true;
    scan(&pc);
    struct io_region r;
    assert_int_equal(pci_map_bar(device("0000:00:01.0"), 0, 0, 0x80, &r), OK);
    assert_int_equal(pci_map_bar(device("0000:00:02.0"), 0, 0, 0x80, &r), E_NODEV);
    assert_int_equal(pci_enable(device("0000:00:02.0"), false), E_NOSPC);
}

static void test_mapping_stays_inside_the_bar(void **state)
{
    (void)state;
    int f = fake_pci_add(-1, 0x08, 0x1af4, 0x1041);
    fake_pci_bar(f, 0, 0x1000, 0);
    scan(&virt);
    struct pci_device *d = device("0000:00:01.0");
    struct io_region r;
    assert_int_equal(pci_map_bar(d, 0, 0, 0x1001, &r), E_RANGE);
    assert_int_equal(pci_map_bar(d, 0, 0x1000, 1, &r), E_RANGE);
    assert_int_equal(pci_map_bar(d, 0, UINT64_MAX, 2, &r), E_RANGE);
    assert_int_equal(pci_map_bar(d, 0, 0, 0, &r), E_RANGE);
    assert_int_equal(pci_map_bar(d, 1, 0, 1, &r), E_NODEV);
    assert_int_equal(pci_map_bar(d, 7, 0, 1, &r), E_NODEV);
    assert_int_equal(pci_map_bar(d, 0, 0xff0, 16, &r), OK);
    assert_int_equal(r.len, 16);
    pci_unmap_bar(&r);
}

/* ---- invariants of any hierarchy ---- */

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static bool is_inside(struct pci_window w, uint64_t address, uint64_t size)
{
    return w.len > 0 && address >= w.base && address + size <= w.base + w.len;
}

static struct pci_window host_window(enum pci_space space)
{
    const struct boot_pci_window *w = space == PCI_SPACE_IO      ? &virt.io
                                      : space == PCI_SPACE_MEM32 ? &virt.mem32
                                                                 : &virt.mem64;
    return (struct pci_window){.base = w->bus, .len = w->len};
}

/* Every window between a BAR and the CPU forwards it. */
static void check_path(const struct pci_bus *bus, enum pci_space space, uint64_t address,
                       uint64_t size)
{
    for (; bus->bridge != NULL; bus = bus->bridge->bus) {
        assert_true(is_inside(pci_bridge_window(bus->bridge, space), address, size));
    }
    assert_true(is_inside(host_window(space), address, size));
}

struct claims {
    struct {
        uint64_t address, size;
        bool is_io;
    } range[FAKE_PCI_MAX * PCI_BARS];
    size_t count;
};

static void check_device(void *ctx, struct pci_device *d)
{
    struct claims *c = ctx;
    for (unsigned i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *b = &d->bar[i];
        if (b->size == 0 || !b->is_placed) {
            continue;
        }
        bool is_io = b->space == PCI_SPACE_IO;
        assert_int_equal(b->address % b->size, 0);
        check_path(d->bus, b->space, b->address, b->size);
        for (size_t k = 0; k < c->count; k++) {
            assert_false(c->range[k].is_io == is_io &&
                         overlaps(c->range[k].address, c->range[k].size, b->address, b->size));
        }
        c->range[c->count].address = b->address;
        c->range[c->count].size = b->size;
        c->range[c->count].is_io = is_io;
        c->count++;
        uint32_t low = pci_read32(d, 0x10 + 4 * i) & ~(is_io ? 3u : 15u);
        assert_int_equal(low, (uint32_t)b->address);
        if (b->is_64) {
            assert_int_equal(pci_read32(d, 0x14 + 4 * i), b->address >> 32);
        }
    }
    if (d->child != NULL) {
        assert_int_equal(pci_read8(d, 0x18), d->bus->number);
        assert_int_equal(pci_read8(d, 0x19), d->child->number);
        assert_true(pci_read8(d, 0x1a) >= d->child->number);
        assert_true(pci_read8(d, 0x1a) <= d->bus->last);
        assert_int_equal(pci_read16(d, 0x04) & 7, 7);
    }
}

static size_t check_all(void)
{
    static struct claims c;
    c.count = 0;
    pci_for_each(host->root, check_device, &c);
    return c.count;
}

static void test_bridges_get_numbers_and_windows(void **state)
{
    (void)state;
    int a = fake_pci_add_bridge(-1, 0x08);
    int b = fake_pci_add_bridge(-1, 0x10);
    int c = fake_pci_add_bridge(a, 0x00);
    int leaf = fake_pci_add(c, 0x18, 0x1af4, 0x1042);
    fake_pci_bar(leaf, 0, 0x80, IO);
    fake_pci_bar(leaf, 1, 0x1000, 0);
    fake_pci_bar(leaf, 4, 0x4000, MEM64 | PREF);
    int other = fake_pci_add(b, 0x00, 0x1af4, 0x1042);
    fake_pci_bar(other, 1, 0x2000000, 0);
    scan(&virt);
    assert_non_null(device("0000:02:03.0"));
    assert_non_null(device("0000:03:00.0"));
    assert_int_equal(fake_pci_get(a, 0x18, 4) & 0xffffff, 0x020100);
    assert_int_equal(fake_pci_get(c, 0x18, 4) & 0xffffff, 0x020201);
    assert_int_equal(fake_pci_get(b, 0x18, 4) & 0xffffff, 0x030300);
    assert_int_equal(check_all(), 4);
    /* Nothing prefetchable is below b: its window is closed. */
    assert_true(fake_pci_get(b, 0x24, 2) > fake_pci_get(b, 0x26, 2));
}

static void test_firmwares_assignments_stay(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(-1, 0x08);
    fake_pci_set(bridge, 0x18, 4, 0x00070500);
    fake_pci_set(bridge, 0x20, 4, 0x20102000); /* 0x20000000 to 0x201fffff */
    int leaf = fake_pci_add(bridge, 0x00, 0x1af4, 0x1042);
    fake_pci_bar(leaf, 1, 0x1000, 0);
    fake_pci_set(leaf, 0x14, 4, 0x20101000);
    int fresh = fake_pci_add(bridge, 0x08, 0x1af4, 0x1042);
    fake_pci_bar(fresh, 1, 0x1000, 0);
    int root = fake_pci_add(-1, 0x10, 0x1af4, 0x1042);
    fake_pci_bar(root, 0, 0x10000, 0);
    fake_pci_set(root, 0x10, 4, 0x10000000);
    int unnumbered = fake_pci_add_bridge(-1, 0x18);
    fake_pci_add(unnumbered, 0x00, 0x1af4, 0x1042);
    scan(&virt);
    assert_int_equal(fake_pci_get(bridge, 0x18, 4) & 0xffffff, 0x070500);
    assert_int_equal(fake_pci_get(bridge, 0x20, 4), 0x20102000);
    assert_int_equal(fake_pci_bar_address(leaf, 1), 0x20101000);
    assert_int_equal(fake_pci_bar_address(root, 0), 0x10000000);
    assert_int_equal(fake_pci_get(unnumbered, 0x19, 1), 8); /* after the used ones */
    assert_int_equal(check_all(), 3);
}

static void test_two_firmware_bars_at_one_address_are_separated(void **state)
{
    (void)state;
    int a = fake_pci_add(-1, 0x08, 0x1af4, 0x1042);
    int b = fake_pci_add(-1, 0x10, 0x1af4, 0x1042);
    fake_pci_bar(a, 0, 0x1000, 0);
    fake_pci_bar(b, 0, 0x1000, 0);
    fake_pci_set(a, 0x10, 4, 0x20000000);
    fake_pci_set(b, 0x10, 4, 0x20000000);
    scan(&virt);
    assert_int_equal(check_all(), 2);
    assert_int_equal(fake_pci_bar_address(a, 0), 0x20000000);
}

static void test_looping_bus_numbers_are_reassigned(void **state)
{
    (void)state;
    int a = fake_pci_add_bridge(-1, 0x08);
    int b = fake_pci_add_bridge(-1, 0x10);
    int c = fake_pci_add_bridge(a, 0x00);
    fake_pci_set(a, 0x18, 4, 0x000100 | 0x050000);
    fake_pci_set(b, 0x18, 4, 0x000300 | 0x050000); /* inside a's */
    fake_pci_set(c, 0x18, 4, 0x010001);            /* back to its own bus */
    fake_pci_add(b, 0x00, 0x1af4, 0x1042);
    fake_pci_add(c, 0x00, 0x1af4, 0x1042);
    scan(&virt);
    assert_int_equal(host->device_count, 5);
    check_all();
}

static void test_a_bar_larger_than_the_window(void **state)
{
    (void)state;
    struct boot_pci_host small = virt;
    small.mem64.len = 0;
    small.mem32.len = 0x100000;
    int big = fake_pci_add(-1, 0x08, 0x1af4, 0x1110);
    fake_pci_bar(big, 0, 0x100, 0);
    fake_pci_bar(big, 2, 0x40000000, MEM64 | PREF);
    int stuck = fake_pci_add(-1, 0x10, 0x1af4, 0x1110);
    fake_pci_bar(stuck, 0, 0x40000000, 0);
    scan(&small);
    struct pci_device *d = device("0000:00:01.0");
    assert_true(d->bar[0].is_placed);
    assert_false(d->bar[2].is_placed);
    assert_int_equal(fake_pci_bar_address(big, 2), 0xffffffffc0000000); /* moved away */
    assert_int_equal(pci_enable(d, false), OK);
    assert_int_equal(fake_pci_get(big, 0x04, 2) & 3, 2);
    struct io_region r;
    assert_int_equal(pci_map_bar(d, 2, 0, 1, &r), E_NODEV);
    assert_int_equal(pci_enable(device("0000:00:02.0"), false), E_NOSPC);
    assert_int_equal(fake_pci_get(stuck, 0x04, 2) & 3, 0);
}

static void test_random_hierarchies(void **state)
{
    (void)state;
    srand(4);
    for (int round = 0; round < 300; round++) {
        fake_pci_reset();
        int bridges[FAKE_PCI_MAX] = {-1};
        int bridge_count = 1;
        bool used[FAKE_PCI_MAX][32] = {0};
        int count = 1 + rand() % 40;
        for (int i = 0; i < count; i++) {
            int where = rand() % bridge_count;
            unsigned slot = (unsigned)rand() % 32;
            if (used[where][slot]) {
                continue;
            }
            used[where][slot] = true;
            if (rand() % 4 == 0) {
                bridges[bridge_count++] = fake_pci_add_bridge(bridges[where], (uint8_t)(slot << 3));
                continue;
            }
            int f = fake_pci_add(bridges[where], (uint8_t)(slot << 3), 0x1af4, 0x1042);
            fake_pci_bar(f, 0, 4u << rand() % 6, IO);
            uint32_t size = 16u << rand() % 18;
            fake_pci_bar(f, 1, size, 0);
            fake_pci_bar(f, 2, (uint64_t)16 << rand() % 24, MEM64 | (rand() % 2 != 0 ? PREF : 0));
            if (rand() % 5 == 0) { /* set by a firmware */
                fake_pci_set(f, 0x14, 4, (uint32_t)rand() & ~(size - 1));
            }
        }
        scan(&virt);
        assert_int_equal(host->device_count, fake_pci.count);
        check_all();
        pci_host_destroy(host);
        host = NULL;
    }
}

static void test_a_chain_of_bridges_ends(void **state)
{
    (void)state;
    int parent = -1;
    for (int i = 0; i < 40; i++) {
        parent = fake_pci_add_bridge(parent, 0);
    }
    scan(&virt);
    assert_int_equal(host->device_count, PCI_DEPTH_MAX + 1);
    check_all();
}

static void test_bus_numbers_run_out(void **state)
{
    (void)state;
    struct boot_pci_host few = virt;
    few.bus_first = 4;
    few.bus_last = 6;
    fake_pci.root = 4;
    for (unsigned i = 0; i < 5; i++) {
        int b = fake_pci_add_bridge(-1, (uint8_t)(i << 3));
        fake_pci_add(b, 0, 0x1af4, 0x1042);
    }
    scan(&few);
    assert_int_equal(host->device_count, 5 + 2);
    assert_non_null(device("0000:06:00.0"));
    check_all();
}

/* ---- capabilities and interrupts ---- */

static void test_capabilities(void **state)
{
    (void)state;
    int f = fake_pci_add(-1, 0x08, 0x1af4, 0x1042);
    fake_pci_set(f, 0x06, 2, 0x10);
    fake_pci_set(f, 0x34, 1, 0x98);
    fake_pci_set(f, 0x98, 2, 0x8009); /* id 9, next 0x80 */
    fake_pci_set(f, 0x80, 2, 0x4011);
    fake_pci_set(f, 0x40, 2, 0x0009);
    scan(&virt);
    const struct pci_device *d = device("0000:00:01.0");
    assert_int_equal(pci_find_capability(d, 0x11, 0), 0x80);
    assert_int_equal(pci_find_capability(d, 0x09, 0), 0x98);
    assert_int_equal(pci_find_capability(d, 0x09, 0x98), 0x40);
    assert_int_equal(pci_find_capability(d, 0x09, 0x40), 0);
    assert_int_equal(pci_find_capability(d, 0x05, 0), 0);

    fake_pci_set(f, 0x40, 2, 0x9809); /* and back to the start */
    assert_int_equal(pci_find_capability(d, 0x05, 0), 0);
    assert_int_equal(pci_find_capability(d, 0x09, 0), 0x98);
    assert_int_equal(pci_find_capability(d, 0x09, 0x98), 0x40);
    /* the first one was returned already */
    assert_int_equal(pci_find_capability(d, 0x09, 0x40), 0);
    fake_pci_set(f, 0x98, 2, 0x9809); /* one that links to itself */
    assert_int_equal(pci_find_capability(d, 0x09, 0), 0x98);
    assert_int_equal(pci_find_capability(d, 0x09, 0x98), 0);
    fake_pci_set(f, 0x34, 1, 0x10); /* into the header */
    assert_int_equal(pci_find_capability(d, 0x09, 0), 0);
    fake_pci_set(f, 0x34, 1, 0x98);
    fake_pci_set(f, 0x06, 2, 0);
    assert_int_equal(pci_find_capability(d, 0x09, 0), 0);
}

static void test_pins_turn_at_each_bridge(void **state)
{
    (void)state;
    int a = fake_pci_add_bridge(-1, 0x00);
    int b = fake_pci_add_bridge(a, 0x10);
    int leaf = fake_pci_add(b, 0x08, 0x1af4, 0x1042);
    int plain = fake_pci_add(-1, 0x08, 0x1af4, 0x1042);
    fake_pci_set(leaf, 0x3d, 1, 2);
    (void)plain;
    scan(&virt);
    uint32_t line;
    enum irq_trigger trigger;
    /* INTB in slot 1 is INTC on the next bus up; in slot 2 there it is INTA; that is b's
     * pin in slot 0 of the root bus. */
    assert_true(pci_route_intx(device("0000:02:01.0"), &line, &trigger));
    assert_int_equal(line, 100);
    assert_int_equal(trigger, IRQ_LEVEL_HIGH);
    assert_true(pci_route_intx(device("0000:00:01.0"), &line, &trigger));
    assert_int_equal(line, 101);
    fake_pci_set(leaf, 0x3d, 1, 0);
    struct pci_device *d = device("0000:00:01.0");
    d->pin = 2; /* the map has no such entry */
    assert_false(pci_route_intx(d, &line, &trigger));
    d->pin = 0;
    assert_false(pci_route_intx(d, &line, &trigger));
}

static void test_a_pc_has_the_line_in_a_register(void **state)
{
    (void)state;
    const struct boot_pci_host pc = {.bus_last = 255, .dma_coherent = true};
    int f = fake_pci_add(-1, 0x08, 0x1af4, 0x1042);
    fake_pci_set(f, 0x3c, 1, 11);
    fake_has_ports = true;
    scan(&pc);
    uint32_t line;
    enum irq_trigger trigger;
    assert_true(pci_route_intx(device("0000:00:01.0"), &line, &trigger));
    assert_int_equal(line, 11);
    fake_pci_set(f, 0x3c, 1, 0xff);
    assert_false(pci_route_intx(device("0000:00:01.0"), &line, &trigger));
}

/* Tables may describe a PC's windows, too. Its firmware has assigned them already, and its
 * ports are not memory mapped. */
static void test_a_pcs_ports_stay_ports_whatever_its_tables_say(void **state)
{
    (void)state;
    int f = fake_pci_add(-1, 0x08, 0x1af4, 0x1041);
    fake_pci_bar(f, 0, 0x80, IO);
    fake_pci_set(f, 0x10, 4, 0xc000 | IO);
    fake_pci_set(f, 0x3c, 1, 11);
    fake_has_ports = true;
    scan(&virt);
    struct io_region r;
    assert_int_equal(pci_map_bar(device("0000:00:01.0"), 0, 0, 0x80, &r), OK);
    assert_true(r.is_port);
    assert_int_equal(r.base, 0xc000);
    uint32_t line;
    enum irq_trigger trigger;
    assert_true(pci_route_intx(device("0000:00:01.0"), &line, &trigger));
    assert_int_equal(line, 11);
}

/* ACPI without constant windows: memory stays where firmware placed it; there are no ports, and the
 * register that holds a PC's interrupt line is meaningless. */
static void test_a_host_without_windows_on_a_machine_without_ports(void **state)
{
    (void)state;
    struct boot_pci_host bare = virt;
    bare.io.len = bare.mem32.len = bare.mem64.len = 0;
    int f = fake_pci_add(-1, 0x08, 0x1af4, 0x1041);
    fake_pci_bar(f, 0, 0x80, IO);
    fake_pci_bar(f, 1, 0x1000, 0);
    fake_pci_set(f, 0x10, 4, 0xc000 | IO);
    fake_pci_set(f, 0x14, 4, 0x10000000);
    fake_pci_set(f, 0x3c, 1, 11);
    scan(&bare);
    struct pci_device *d = device("0000:00:01.0");
    struct io_region r;
    assert_int_equal(pci_map_bar(d, 0, 0, 0x80, &r), E_NODEV);
    assert_int_equal(pci_map_bar(d, 1, 0, 0x1000, &r), OK);
    assert_false(r.is_port);
    pci_unmap_bar(&r);
    uint32_t line;
    enum irq_trigger trigger;
    assert_true(pci_route_intx(d, &line, &trigger));
    assert_int_equal(line, 101); /* from the table */
}

/* ---- inconsistent configuration space ---- */

static uint32_t random_word(unsigned bus, unsigned devfn, unsigned reg)
{
    (void)bus;
    (void)devfn;
    if (reg == 0x0e) {
        return (uint32_t)rand() % 2 != 0 ? 0x81 : 0x80; /* bridges everywhere */
    }
    return (uint32_t)rand() << 16 ^ (uint32_t)rand();
}

static uint32_t all_bridges(unsigned bus, unsigned devfn, unsigned reg)
{
    (void)bus;
    (void)devfn;
    return reg == 0x0e ? 0x81 : 0x12345678;
}

static void test_hostile_space_is_bounded(void **state)
{
    (void)state;
    struct heap_stats before, after;
    heap_get_stats(&before);
    for (unsigned seed = 0; seed < 4; seed++) {
        srand(seed);
        fake_pci.hostile = seed == 0 ? all_bridges : random_word;
        enum status s = pci_host_create(&virt, &fake_pci_ops, &host);
        assert_int_equal(s, OK);
        s = pci_scan(host);
        if (s == OK) {
            s = pci_assign(host);
        }
        assert_true(s == OK || s == E_NOMEM);
        assert_true(host->device_count <= PCI_DEVICES_MAX);
        pci_host_destroy(host);
        host = NULL;
    }
    heap_get_stats(&after);
    assert_int_equal(after.live_objects, before.live_objects);
}

static void test_impossible_hosts_are_refused(void **state)
{
    (void)state;
    struct boot_pci_host bad[4] = {virt, virt, virt, virt};
    bad[0].bus_first = 9;
    bad[0].bus_last = 8;
    bad[1].mem32.bus = 0xfff00000;
    bad[2].mem64.bus = UINT64_MAX - 5;
    bad[3].io.cpu = UINT64_MAX - 5;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pci_host_create(&bad[i], &fake_pci_ops, &host), E_INVAL);
    }
}

static bool find_and_forget(void)
{
    struct pci_host *h;
    if (pci_host_create(&virt, &fake_pci_ops, &h) != OK) {
        return false;
    }
    bool is_ready = pci_scan(h) == OK && pci_assign(h) == OK;
    assert_true(!is_ready || h->device_count == 4);
    pci_host_destroy(h);
    return is_ready;
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    int outer = fake_pci_add_bridge(-1, 0x10);
    int inner = fake_pci_add_bridge(outer, 0x08);
    fake_pci_bar(fake_pci_add(inner, 0x00, 0x1af4, 0x1042), 0, 0x4000, 0);
    fake_pci_bar(fake_pci_add(-1, 0x18, 0x1af4, 0x1044), 4, 0x4000, MEM64 | PREF);
    fake_sweep("PCI", find_and_forget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_functions_are_found_and_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bars_are_sized_and_placed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_bars_are_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sizing_keeps_contents_and_disables_decoding, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_ports_beyond_the_processors_are_not_used, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_mapping_stays_inside_the_bar, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bridges_get_numbers_and_windows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_firmwares_assignments_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_firmware_bars_at_one_address_are_separated, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_looping_bus_numbers_are_reassigned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_bar_larger_than_the_window, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_random_hierarchies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_chain_of_bridges_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bus_numbers_run_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_capabilities, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pins_turn_at_each_bridge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_pc_has_the_line_in_a_register, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_pcs_ports_stay_ports_whatever_its_tables_say, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_host_without_windows_on_a_machine_without_ports,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_space_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_impossible_hosts_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_allocation_may_fail, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
