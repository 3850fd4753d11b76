// SPDX-License-Identifier: MIT
//
// boot/devicetree.c on trees that QEMU made (seeds of the fuzzer, without most virtio,mmio nodes),
// on every truncation of one and on many corruptions.
#include "tests/unit/devicetree_cases.h"

#include "kernel/lib/endian.h"

#include <stdio.h>

static void load(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/devicetree/%s", TEST_SOURCE_DIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    tree.len = fread(tree.bytes, 1, sizeof(tree.bytes), f);
    fclose(f);
    assert_true(tree.len > 0 && tree.len < sizeof(tree.bytes));
}

/* Every requester id maps to itself, at the tree's ITS or v2m frame. */
static void expect_msi_identity(const struct boot_pci_host *host)
{
    assert_true(host->has_msi_map);
    assert_int_equal(host->msi_mask, 0xffff);
    assert_int_equal(host->msi_count, 1);
    assert_int_equal(host->msi[0].first, 0);
    assert_int_equal(host->msi[0].device, 0);
    assert_int_equal(host->msi[0].len, 0x10000);
}

/* Swizzled: slot d, pin p is SPI 3 + (d + p - 1) % 4. */
static void expect_intx(const struct boot_pci_host *host)
{
    assert_int_equal(host->intx_count, 16);
    for (uint32_t i = 0; i < 16; i++) {
        const struct boot_pci_intx *x = &host->intx[i];
        uint32_t slot = i / 4;
        uint32_t pin = i % 4;
        assert_int_equal(x->devfn_key, slot << 11);
        assert_int_equal(x->devfn_mask, 3 << 11);
        assert_int_equal(x->pin, pin + 1);
        assert_int_equal(x->line, 32 + 3 + (slot + pin) % 4);
        assert_true(x->level);
    }
}

static void test_qemu_virt_with_gicv3(void **state)
{
    (void)state;
    load("qemu-virt-gicv3.dtb");
    assert_int_equal(parse(), OK);
    assert_null(boot_check_invariants(&info));
    assert_int_equal(info.note_count, 0);
    assert_int_equal(info.protocol, BOOT_FDT);
    assert_string_equal(info.cmdline, "shell loglevel=7");
    assert_int_equal(info.range_count, 1);
    assert_int_equal(info.ranges[0].base, 0x40000000);
    assert_int_equal(info.ranges[0].len, 0x20000000);
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].base, 0x48000000);
    assert_int_equal(info.modules[0].len, 5000);
    assert_string_equal(info.modules[0].name, "initrd");
    assert_int_equal(info.reserved_count, 1);
    assert_int_equal(info.reserved[0].len, 0x2000);

    assert_int_equal(info.cpu_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(info.cpus[i].hw_id, i);
        assert_true(info.cpus[i].enabled);
    }
    assert_int_equal(info.psci, BOOT_PSCI_HVC);

    const struct boot_gic *gic = &info.gic;
    assert_int_equal(gic->version, 3);
    assert_int_equal(gic->dist_base, 0x8000000);
    assert_int_equal(gic->dist_len, 0x10000);
    assert_int_equal(gic->redist_count, 1);
    assert_int_equal(gic->redist[0].base, 0x80a0000);
    assert_int_equal(gic->redist[0].len, 0xf60000);
    assert_int_equal(gic->its_base, 0x8080000);
    assert_int_equal(gic->its_len, 0x20000);
    assert_int_equal(gic->v2m_len, 0);
    assert_int_equal(gic->timer_intid, 27);
    assert_int_equal(gic->timer_phys_intid, 30);

    assert_int_equal(info.uart.kind, BOOT_UART_PL011);
    assert_int_equal(info.uart.base, 0x9000000);
    assert_int_equal(info.uart.len, 0x1000);
    assert_int_equal(info.uart.line, 33);
    assert_int_equal(info.uart.clock_hz, 24000000);
    assert_int_equal(info.rtc_base, 0x9010000);
    assert_int_equal(info.rtc_line, 34);
    assert_int_equal(info.fw_cfg_base, 0x9020000);
    assert_int_equal(info.fw_cfg_len, 0x18);

    assert_int_equal(info.pci_count, 1);
    const struct boot_pci_host *host = &info.pci[0];
    assert_int_equal(host->ecam_base, 0x4010000000);
    assert_int_equal(host->ecam_len, 0x10000000);
    assert_int_equal(host->bus_first, 0);
    assert_int_equal(host->bus_last, 255);
    assert_true(host->dma_coherent);
    expect_window(&host->io, 0x3eff0000, 0, 0x10000);
    expect_window(&host->mem32, 0x10000000, 0x10000000, 0x2eff0000);
    expect_window(&host->mem64, 0x8000000000, 0x8000000000, 0x8000000000);
    expect_intx(host);
    expect_msi_identity(host);
}

static void test_qemu_virt_with_gicv2_at_el2(void **state)
{
    (void)state;
    load("qemu-virt-gicv2-el2.dtb");
    assert_int_equal(parse(), OK);
    assert_null(boot_check_invariants(&info));
    assert_int_equal(info.note_count, 0);
    assert_int_equal(info.psci, BOOT_PSCI_SMC);
    const struct boot_gic *gic = &info.gic;
    assert_int_equal(gic->version, 2);
    assert_int_equal(gic->dist_base, 0x8000000);
    assert_int_equal(gic->cpu_base, 0x8010000);
    assert_int_equal(gic->cpu_len, 0x10000);
    assert_int_equal(gic->redist_count, 0);
    assert_int_equal(gic->its_len, 0);
    assert_int_equal(gic->v2m_base, 0x8020000);
    assert_int_equal(gic->v2m_len, 0x1000);
    assert_int_equal(info.pci[0].ecam_base, 0x3f000000);
    assert_int_equal(info.pci[0].ecam_len, 0x1000000);
    assert_int_equal(info.pci[0].bus_last, 15);
    assert_int_equal(info.pci[0].mem64.len, 0);
    expect_intx(&info.pci[0]);
    expect_msi_identity(&info.pci[0]);
    assert_int_equal(info.module_count, 0);
    assert_string_equal(info.cmdline, "");
}

static void test_devices_of_the_secure_world_are_left_alone(void **state)
{
    (void)state;
    load("qemu-virt-secure.dtb");
    assert_int_equal(parse(), OK);
    assert_int_equal(info.note_count, 0);
    assert_int_equal(info.uart.base, 0x9000000);
    assert_int_equal(info.range_count, 1);
    assert_int_equal(info.gic.its_len, 0);
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    load("qemu-virt-gicv2-el2.dtb");
    size_t whole = tree.len;
    for (size_t n = 0; n < whole; n++) {
        tree.len = n;
        assert_int_not_equal(parse(), OK);
        assert_true(boot_check_only_notes(&info));
    }
    for (uint32_t n = 0; n < whole; n++) {
        tree.len = whole;
        store_be32(tree.bytes + 4, n);
        assert_int_not_equal(parse(), OK);
        assert_true(boot_check_only_notes(&info));
    }
}

/* Every cell of the tree: each bit flipped, and three values that
 * often overflow sizes and counts. */
static void test_every_corrupted_cell_ends_cleanly(void **state)
{
    (void)state;
    static struct blob golden;
    load("qemu-virt-gicv3.dtb");
    golden = tree;
    size_t refused = 0;
    for (size_t at = 0; at + 4 <= golden.len; at += 4) {
        uint32_t old = load_be32(golden.bytes + at);
        const uint32_t values[] = {0, 0xffffffff, 0x7ffffffc, old ^ 0x100, old + 1};
        for (size_t v = 0; v < 5; v++) {
            store_be32(tree.bytes + at, values[v]);
            enum status s = parse();
            assert_null(boot_check_invariants(&info));
            assert_true(s == OK || boot_check_only_notes(&info));
            refused += s != OK;
        }
        store_be32(tree.bytes + at, old);
    }
    assert_true(refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qemu_virt_with_gicv3),
        cmocka_unit_test(test_qemu_virt_with_gicv2_at_el2),
        cmocka_unit_test(test_devices_of_the_secure_world_are_left_alone),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_every_corrupted_cell_ends_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
