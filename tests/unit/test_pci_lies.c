// SPDX-License-Identifier: MIT
//
// Inconsistent configuration space: bridges that form loops, impossible bus numbers,
// option ROMs, BARs that overlap RAM. Each problem is logged, disables only its own
// device, and takes no long time.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/pci/regs.h"
#include "fake/fake_pci.h"
#include "fake/world.h"
#include "kernel/mm/page.h"

/* The accesses for scanning one bus, and some for the rest. */
#define ACCESSES_MAX 100000u

#define MEM64 4u

static const struct boot_pci_host virt = {
    .bus_last = 255,
    .io = {.cpu = 0x3eff0000, .bus = 0, .len = 0x10000},
    .mem32 = {.cpu = 0x10000000, .bus = 0x10000000, .len = 0x2eff0000},
    .dma_coherent = true,
};

static struct pci_host *host;

static int set_up(void **state)
{
    (void)state;
    fake_pci_reset();
    fake_console_clear();
    fake_physical_max = UINT64_C(0xfffffffffff);
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
    assert_true(fake_pci.accesses < ACCESSES_MAX);
}

static void expect_line(const char *text)
{
    if (strstr(fake_console_text(), text) == NULL) {
        fail_msg("no \"%s\" in:\n%s", text, fake_console_text());
    }
}

static void expect_silence(void)
{
    assert_null(strstr(fake_console_text(), "pci:"));
}

static void test_consistent_numbers_are_not_logged(void **state)
{
    (void)state;
    int a = fake_pci_add_bridge(-1, 0x08);
    int b = fake_pci_add_bridge(-1, 0x10);
    fake_pci_set(a, PCI_PRIMARY_BUS, 4, 0x00020100);
    fake_pci_add(a, 0x00, 0x1af4, 0x1042);
    fake_pci_add(b, 0x00, 0x1af4, 0x1042);
    scan(&virt);
    assert_int_equal(host->device_count, 4);
    expect_silence();
}

static void test_impossible_bus_numbers_are_reassigned(void **state)
{
    (void)state;
    static const struct {
        uint32_t numbers; /* subordinate, secondary and primary bus number */
        const char *line;
    } lies[] = {
        {0x050000,
         "0000:00:01.0: bus numbers 0 (0 to 5) are not valid: it leads back to its own bus"},
        {0x030500, "bus numbers 0 (5 to 3) are not valid: they end before they begin"},
        {0x060507, "bus numbers 7 (5 to 6) are not valid: it is on another bus"},
        {0xff0500, "bus numbers 0 (5 to 255) are not valid: they reach past those of its own bus"},
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct boot_pci_host few = virt;
        few.bus_last = 9;
        set_up(NULL);
        int bridge = fake_pci_add_bridge(-1, 0x08);
        fake_pci_set(bridge, PCI_PRIMARY_BUS, 4, lies[i].numbers);
        fake_pci_add(bridge, 0x00, 0x1af4, 0x1042);
        scan(&few);
        expect_line(lies[i].line);
        assert_int_equal(host->device_count, 2);
        assert_int_equal(fake_pci_get(bridge, PCI_PRIMARY_BUS, 4) & 0xffffff, 0x010100);
        tear_down(NULL);
    }
}

static void test_bus_numbers_used_twice_are_reported(void **state)
{
    (void)state;
    int a = fake_pci_add_bridge(-1, 0x08);
    int b = fake_pci_add_bridge(-1, 0x10);
    fake_pci_set(a, PCI_PRIMARY_BUS, 4, 0x040200);
    fake_pci_set(b, PCI_PRIMARY_BUS, 4, 0x050400);
    fake_pci_add(a, 0x00, 0x1af4, 0x1042);
    fake_pci_add(b, 0x00, 0x1af4, 0x1042);
    scan(&virt);
    expect_line("0000:00:02.0: bus numbers 0 (4 to 5) are not valid: another bridge has them");
    assert_int_equal(host->device_count, 4);
    assert_int_equal(fake_pci_get(b, PCI_SECONDARY_BUS, 1), 5);
}

static void test_a_bridge_below_a_bridge_that_leads_back(void **state)
{
    (void)state;
    int a = fake_pci_add_bridge(-1, 0x08);
    int b = fake_pci_add_bridge(a, 0x00);
    fake_pci_set(a, PCI_PRIMARY_BUS, 4, 0x050300);
    fake_pci_set(b, PCI_PRIMARY_BUS, 4, 0x050103);
    scan(&virt);
    expect_line("0000:03:00.0: bus numbers 3 (1 to 5) are not valid: it leads back to a bus above");
    assert_int_equal(host->device_count, 2);
    assert_int_equal(fake_pci_get(b, PCI_PRIMARY_BUS, 4) & 0xffffff, 0x040403);
}

/* The same registers appear again one bus further, and again below those. */
static void test_a_bridge_that_appears_again_below_itself(void **state)
{
    (void)state;
    for (int depth = 1; depth <= 3; depth++) {
        set_up(NULL);
        int first = fake_pci_add_bridge(-1, 0x08);
        int above = first;
        for (int i = 1; i < depth; i++) {
            above = fake_pci_add_bridge(above, 0x08);
        }
        int again = fake_pci_add(above, 0x10, 0x1b36, 1);
        fake_pci.function[again].is_alias = true;
        fake_pci.function[again].alias = first;
        int leaf = fake_pci_add(above, 0x18, 0x1af4, 0x1042);
        fake_pci_bar(leaf, 0, 0x1000, 0);
        scan(&virt);
        expect_line("a loop: it is 0000:00:01.0 again, the devices below it are left out");
        assert_int_equal(host->device_count, depth + 2);
        assert_int_equal(fake_pci_get(first, PCI_PRIMARY_BUS, 2), 0x0100);
        assert_true(fake_pci_bar_address(leaf, 0) >= 0x10000000);
        tear_down(NULL);
    }
}

static void test_a_bridge_without_free_bus_numbers(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(-1, 0x08);
    fake_pci.function[bridge].writable[PCI_SECONDARY_BUS] = 0;
    fake_pci_add(-1, 0x10, 0x1af4, 0x1042);
    scan(&virt);
    expect_line("0000:00:01.0: does not keep its bus numbers, the devices below it are left out");
    assert_int_equal(host->device_count, 2);
}

static uint32_t all_bridges(unsigned bus, unsigned devfn, unsigned reg)
{
    (void)bus;
    (void)devfn;
    return reg == PCI_HEADER_TYPE ? PCI_HEADER_MULTIFUNCTION | PCI_HEADER_BRIDGE : 0x12345678;
}

static void test_a_space_full_of_bridges_costs_one_bus(void **state)
{
    (void)state;
    fake_pci.hostile = all_bridges;
    scan(&virt);
    assert_int_equal(host->device_count, 32 * 8);
    assert_int_equal(host->bus_count, 1);
}

/* ---- option ROMs ---- */

static void test_an_option_rom_is_reported_and_disabled(void **state)
{
    (void)state;
    int card = fake_pci_add(-1, 0x08, 0x8086, 0x100e);
    fake_pci_rom(card, 0x40000);
    fake_pci_set(card, PCI_ROM, 4, 0xfeb80000 | PCI_ROM_ENABLE);
    int bridge = fake_pci_add_bridge(-1, 0x10);
    fake_pci_rom(bridge, 0x800);
    fake_pci_set(bridge, PCI_BRIDGE_ROM, 4, PCI_ROM_ENABLE);
    scan(&virt);
    expect_line("0000:00:01.0: option ROM of 256 KiB, switched off and not run");
    expect_line("0000:00:02.0: option ROM of 2 KiB");
    assert_int_equal(fake_pci_get(card, PCI_ROM, 4), 0xfeb80000);
    assert_int_equal(fake_pci_get(bridge, PCI_BRIDGE_ROM, 4), 0);
}

static void test_option_roms_of_impossible_sizes(void **state)
{
    (void)state;
    static const uint32_t writable[] = {0x80000800, 0xfe000001, 0x0000f801};
    for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
        set_up(NULL);
        int card = fake_pci_add(-1, 0x08, 0x8086, 0x100e);
        for (unsigned k = 0; k < 4; k++) {
            fake_pci.function[card].writable[PCI_ROM + k] = (uint8_t)(writable[i] >> 8 * k);
        }
        fake_pci_set(card, PCI_ROM, 4, PCI_ROM_ENABLE);
        scan(&virt);
        expect_line("0000:00:01.0: option ROM of an impossible size (0x");
        assert_int_equal(fake_pci_get(card, PCI_ROM, 4) & (writable[i] & PCI_ROM_ENABLE), 0);
        tear_down(NULL);
    }
}

static void test_a_function_without_an_option_rom_is_not_logged(void **state)
{
    (void)state;
    int card = fake_pci_add(-1, 0x08, 0x8086, 0x100e);
    fake_pci_set(card, PCI_ROM, 4, 0x1234); /* none of its bits is writable */
    scan(&virt);
    expect_silence();
}

/* ---- impossible places for BARs ---- */

static void find_first(void *ctx, struct pci_device *d)
{
    struct pci_device **out = ctx;
    *out = *out == NULL ? d : *out;
}

/* On a PC firmware's addresses are trusted, except for registers that overlap RAM. */
static void test_a_bar_on_top_of_ram_is_not_mapped(void **state)
{
    (void)state;
    const struct boot_pci_host pc = {.bus_last = 255, .dma_coherent = true};
    paddr_t frame;
    assert_int_equal(page_alloc(0, PAGE_OTHER, &frame), OK);
    int card = fake_pci_add(-1, 0x08, 0x1af4, 0x1042);
    fake_pci_bar(card, 0, 0x1000, MEM64);
    fake_pci_set(card, PCI_BAR0, 4, (uint32_t)frame.raw | MEM64);
    fake_pci_set(card, PCI_BAR0 + 4, 4, (uint32_t)(frame.raw >> 32));
    scan(&pc);
    struct pci_device *d = NULL;
    pci_for_each(host->root, find_first, &d);
    struct io_region region;
    assert_int_equal(pci_map_bar(d, 0, 0, 0x1000, &region), E_INVAL);
    expect_line("are reported as a device's registers, but are RAM");
    page_free(frame, 0);
}

static void place_bar(int f, unsigned bar, uint64_t size, uint64_t address)
{
    fake_pci_bar(f, bar, size, MEM64);
    fake_pci_set(f, PCI_BAR0 + 4 * bar, 4, (uint32_t)address | MEM64);
    fake_pci_set(f, PCI_BAR0 + 4 * bar + 4, 4, (uint32_t)(address >> 32));
}

static void test_a_bar_out_of_the_cpus_reach_is_reported(void **state)
{
    (void)state;
    const struct boot_pci_host pc = {.bus_last = 255, .dma_coherent = true};
    int card = fake_pci_add(-1, 0x08, 0x1af4, 0x1042);
    fake_physical_max = UINT64_C(0xffffffffff);
    place_bar(card, 0, UINT64_C(1) << 42, UINT64_C(1) << 42);
    place_bar(card, 2, 0x1000, UINT64_C(0xfffffff000)); /* the last page */
    place_bar(card, 4, 0x2000, UINT64_C(0xffffffe000));
    scan(&pc);
    expect_line("0000:00:01.0: BAR 0, 0x40000000000 bytes at 0x40000000000, is out of the CPU's "
                "reach");
    assert_null(strstr(fake_console_text(), "BAR 2, 0x1000 bytes"));
}

/* Also below a window that firmware placed out of the CPU's reach. */
static void test_a_window_out_of_the_cpus_reach(void **state)
{
    (void)state;
    struct boot_pci_host far = virt;
    far.mem32.cpu = UINT64_C(0x8000000000);
    fake_physical_max = UINT64_C(0xffffffff);
    int card = fake_pci_add(-1, 0x08, 0x1af4, 0x1042);
    fake_pci_bar(card, 0, 0x4000, 0);
    scan(&far);
    expect_line("BAR 0, 0x4000 bytes at 0x10000000, is out of the CPU's reach");
}

static bool is_placed(const char *name, unsigned bar)
{
    LIST_FOR_EACH (&host->root->devices, n) {
        struct pci_device *d = CONTAINER_OF(n, struct pci_device, link);
        if (strcmp(d->dev.name, name) == 0) {
            return d->bar[bar].is_placed;
        }
    }
    return false;
}

static void test_bars_at_one_address_are_reported_and_not_used(void **state)
{
    (void)state;
    const struct boot_pci_host pc = {.bus_last = 255, .dma_coherent = true};
    int a = fake_pci_add(-1, 0x08, 0x1af4, 0x1042);
    int b = fake_pci_add(-1, 0x10, 0x1af4, 0x1042);
    int c = fake_pci_add(-1, 0x18, 0x1af4, 0x1042);
    int d = fake_pci_add(-1, 0x20, 0x1af4, 0x1042);
    place_bar(b, 0, 0x1000, 0xfe003000); /* inside a's BAR */
    place_bar(a, 0, 0x4000, 0xfe000000);
    place_bar(c, 0, 0x4000, 0xfe004000); /* directly after it */
    place_bar(d, 0, 0x1000, 0xfe001000); /* a third one */
    scan(&pc);
    expect_line(
        "0000:00:04.0: BAR 0 at 0xfe001000 overlaps BAR 0 of 0000:00:01.0; neither is used");
    expect_line(
        "0000:00:02.0: BAR 0 at 0xfe003000 overlaps BAR 0 of 0000:00:01.0; neither is used");
    assert_false(is_placed("0000:00:01.0", 0));
    assert_false(is_placed("0000:00:02.0", 0));
    assert_true(is_placed("0000:00:03.0", 0));
    assert_false(is_placed("0000:00:04.0", 0));
    assert_int_equal(fake_pci_bar_address(b, 0), UINT64_MAX & ~UINT64_C(0xfff));
}

/* Windows that overlap would give two devices one address. */
static void test_windows_that_overlap(void **state)
{
    (void)state;
    struct boot_pci_host both = virt;
    both.mem64 = virt.mem32;
    int a = fake_pci_add(-1, 0x08, 0x1af4, 0x1042);
    int b = fake_pci_add(-1, 0x10, 0x1af4, 0x1042);
    fake_pci_bar(a, 0, 0x4000, 0);
    fake_pci_bar(b, 0, 0x4000, MEM64);
    scan(&both);
    expect_line("neither is used");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_consistent_numbers_are_not_logged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_impossible_bus_numbers_are_reassigned, set_up, NULL),
        cmocka_unit_test_setup_teardown(test_bus_numbers_used_twice_are_reported, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_bridge_below_a_bridge_that_leads_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_bridge_that_appears_again_below_itself, set_up,
                                        NULL),
        cmocka_unit_test_setup_teardown(test_a_bridge_without_free_bus_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_space_full_of_bridges_costs_one_bus, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_an_option_rom_is_reported_and_disabled, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_option_roms_of_impossible_sizes, set_up, NULL),
        cmocka_unit_test_setup_teardown(test_a_function_without_an_option_rom_is_not_logged, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_bar_on_top_of_ram_is_not_mapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_bar_out_of_the_cpus_reach_is_reported, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_window_out_of_the_cpus_reach, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bars_at_one_address_are_reported_and_not_used, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_windows_that_overlap, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
