// SPDX-License-Identifier: MIT
//
// boot/acpi*.c on tables like QEMU's, on older ones, and on corrupt ones.
#include "boot/acpi.h"

#include "boot/ranges.h"
#include "fake/boot_check.h"
#include "fake/fake_acpi.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct fake_acpi tables;
static struct boot_info info;
static uint8_t bios_area[0x20000];

static enum status parse_from(uint64_t rsdp)
{
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, FAKE_ACPI_BASE, tables.b.bytes, tables.b.len);
    memset(&info, 0, sizeof(info));
    info.acpi.rsdp = rsdp;
    enum status s = acpi_parse(&f.mem, &info);
    fake_boot_mem_release(&f);
    assert_null(boot_check_invariants(&info));
    return s;
}

static enum status parse(void)
{
    return parse_from(FAKE_ACPI_BASE + tables.rsdp);
}

static void expect_golden(void)
{
    const struct boot_acpi *acpi = &info.acpi;
    assert_int_equal(info.note_count, 0);
    assert_true(acpi->present);
    assert_int_equal(info.cpu_count, 4);
    static const uint64_t ids[] = {0, 4, 5, 256};
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(info.cpus[i].hw_id, ids[i]);
        assert_int_equal(info.cpus[i].enabled, i != 2);
    }
    assert_int_equal(info.cpus[3].acpi_uid, 4);
    assert_int_equal(acpi->lapic_base, 0x1fee00000);
    assert_true(acpi->has_legacy_pic);
    assert_int_equal(acpi->ioapic_count, 1);
    assert_int_equal(acpi->ioapic[0].id, 7);
    assert_int_equal(acpi->ioapic[0].base, 0xfec00000);
    assert_int_equal(acpi->ioapic[0].gsi_base, 24);
    assert_int_equal(acpi->override_count, 3);
    assert_int_equal(acpi->override[0].gsi, 2);
    assert_false(acpi->override[0].level || acpi->override[0].active_low);
    assert_int_equal(acpi->override[1].source, 9);
    assert_true(acpi->override[1].level && !acpi->override[1].active_low);
    assert_true(acpi->override[2].level && acpi->override[2].active_low);

    assert_int_equal(info.pci_count, 2);
    assert_int_equal(info.pci[0].ecam_base, 0xb0000000);
    assert_int_equal(info.pci[0].ecam_len, 0x10000000);
    assert_int_equal(info.pci[0].bus_last, 255);
    assert_int_equal(info.pci[1].ecam_base, 0xc1000000);
    assert_int_equal(info.pci[1].ecam_len, 0x1000000);
    assert_int_equal(info.pci[1].segment, 1);
    assert_int_equal(info.pci[1].bus_first, 16);

    assert_int_equal(acpi->hpet_base, 0xfed00000);
    assert_int_equal(acpi->pm1a_cnt_port, 0x604);
    assert_int_equal(acpi->pm1b_cnt_port, 0x704);
    assert_int_equal(acpi->pm_timer_port, 0x608);
    assert_true(acpi->pm_timer_is_32_bit);
    assert_true(acpi->has_8042);
    assert_true(acpi->has_cmos_rtc);
    assert_true(acpi->reset_present);
    assert_int_equal(acpi->reset_port, 0xcf9);
    assert_int_equal(acpi->reset_value, 0x0f);
    assert_true(acpi->s5_present);
    assert_int_equal(acpi->s5_slp_typ_a, 5);
    assert_int_equal(acpi->s5_slp_typ_b, 3);
}

static void test_golden_tables_through_either_root(void **state)
{
    (void)state;
    fake_acpi_build(&tables, 2);
    assert_int_equal(parse(), OK);
    expect_golden();
    fake_acpi_build(&tables, 0);
    assert_int_equal(parse(), OK);
    expect_golden();
}

static void test_rsdp_is_found_in_the_bios_area(void **state)
{
    (void)state;
    fake_acpi_build(&tables, 2);
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    memcpy(bios_area, tables.b.bytes, tables.b.len);
    fake_boot_mem_add(&f, FAKE_ACPI_BASE, bios_area, sizeof(bios_area));
    memset(&info, 0, sizeof(info));
    assert_int_equal(acpi_parse(&f.mem, &info), OK);
    fake_boot_mem_release(&f);
    expect_golden();

    bios_area[tables.rsdp] = 'r';
    memset(&info, 0, sizeof(info));
    assert_int_equal(acpi_parse(&f.mem, &info), E_NOENT);
    fake_boot_mem_release(&f);
    assert_false(info.acpi.present);
    assert_true(info.acpi.has_8042 && info.acpi.has_cmos_rtc && info.acpi.has_legacy_pic);
    assert_int_equal(info.note_count, 1);
}

static void test_broken_xsdt_falls_back_to_the_rsdt(void **state)
{
    (void)state;
    fake_acpi_build(&tables, 2);
    tables.b.bytes[tables.xsdt + 20] ^= 1;
    assert_int_equal(parse(), OK);
    assert_true(info.acpi.present);
    assert_int_equal(info.cpu_count, 0); /* this RSDT is empty */
    assert_int_equal(info.note_count, 2);

    tables.b.bytes[tables.rsdt + 20] ^= 1;
    assert_int_equal(parse(), E_CORRUPT);
    assert_false(info.acpi.present);
}

static void sum_rsdp(void)
{
    uint8_t *rsdp = tables.b.bytes + tables.rsdp;
    uint8_t sum = 0;
    rsdp[32] = 0;
    for (int i = 0; i < 36; i++) {
        sum = (uint8_t)(sum + rsdp[i]);
    }
    rsdp[32] = (uint8_t)-sum;
}

static void test_rsdp_without_an_xsdt(void **state)
{
    (void)state;
    fake_acpi_build(&tables, 0);
    uint8_t *rsdp = tables.b.bytes + tables.rsdp;
    rsdp[8] -= 2; /* the first checksum stays right */
    rsdp[15] = 2;
    store_le32(rsdp + 20, 36);
    sum_rsdp();
    assert_int_equal(parse(), OK);
    assert_string_equal(info.notes[0], "acpi: the RSDP names no XSDT, trying the RSDT");
    info.note_count = 0;
    expect_golden();
}

static void test_roots_of_odd_size(void **state)
{
    (void)state;
    fake_acpi_build(&tables, 2);
    store_le32(tables.b.bytes + tables.xsdt + 4, 36 + 8 + 4);
    fake_acpi_sum(&tables, tables.xsdt);
    assert_int_equal(parse(), OK);
    assert_int_equal(info.cpu_count, 4); /* the only entry is the MADT */
    assert_int_equal(info.note_count, 1);
    assert_true(boot_check_has_note(&info, "acpi: the root table ends within an entry"));

    fake_acpi_build(&tables, 2);
    tables.xsdt = fake_acpi_begin_table(&tables, "XSDT", 1);
    blob_zero(&tables.b, 512 * 8);
    blob_le64(&tables.b, FAKE_ACPI_BASE + tables.madt);
    fake_acpi_seal(&tables, tables.xsdt);
    store_le64(tables.b.bytes + tables.rsdp + 24, FAKE_ACPI_BASE + tables.xsdt);
    sum_rsdp();
    assert_int_equal(parse(), OK);
    assert_int_equal(info.cpu_count, 0);
    assert_int_equal(info.note_count, 1);
    assert_true(boot_check_has_note(&info, "acpi: the root table names too many tables"));
}

static void test_broken_rsdp_is_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < 36; at++) {
        fake_acpi_build(&tables, 2);
        tables.b.bytes[tables.rsdp + at] ^= 0x40;
        assert_int_equal(parse(), E_CORRUPT);
        assert_false(info.acpi.present);
        assert_int_equal(info.cpu_count, 0);
        assert_true(info.note_count > 0);
    }
    fake_acpi_build(&tables, 2);
    assert_int_equal(parse_from(UINT64_MAX - 4), E_CORRUPT);
    assert_int_equal(parse_from(1), E_CORRUPT);
}

/* A broken table loses its own information and nothing else. */
static void test_broken_tables_are_ignored(void **state)
{
    (void)state;
    fake_acpi_build(&tables, 2);
    tables.b.bytes[tables.madt + 50] ^= 1;
    assert_int_equal(parse(), OK);
    assert_int_equal(info.cpu_count, 0);
    assert_int_equal(info.note_count, 1);
    assert_true(info.acpi.s5_present);

    fake_acpi_build(&tables, 2);
    tables.b.bytes[tables.dsdt + 50] ^= 1;
    assert_int_equal(parse(), OK);
    assert_false(info.acpi.s5_present);
    assert_int_equal(info.note_count, 1);
    assert_int_equal(info.acpi.pm1a_cnt_port, 0x604);
}

/* A wrong length with a checksum that matches it. */
static void test_wrong_table_lengths(void **state)
{
    (void)state;
    fake_acpi_build(&tables, 2);
    const size_t all[] = {tables.madt, tables.fadt, tables.dsdt,
                          tables.mcfg, tables.hpet, tables.xsdt};
    for (size_t i = 0; i < 6; i++) {
        fake_acpi_build(&tables, 2);
        uint32_t len = load_le32(tables.b.bytes + all[i] + 4);
        for (uint32_t n = 36; n < len; n++) {
            fake_acpi_build(&tables, 2);
            store_le32(tables.b.bytes + all[i] + 4, n);
            fake_acpi_sum(&tables, all[i]);
            assert_int_equal(parse(), OK);
        }
        static const uint32_t lies[] = {0, 35, 0x10000, 0x80000000, 0xffffffff};
        for (size_t k = 0; k < 5; k++) {
            fake_acpi_build(&tables, 2);
            store_le32(tables.b.bytes + all[i] + 4, lies[k]);
            assert_int_equal(parse(), OK);
            assert_true(info.note_count > 0);
        }
    }
}

static void test_wrong_madt_entries(void **state)
{
    (void)state;
    enum { FIRST = 44, IOAPIC = 44 + 32 };
    static const uint8_t lens[] = {0, 1, 2, 7, 200, 255};
    for (size_t i = 0; i < 6; i++) {
        fake_acpi_build(&tables, 2);
        tables.b.bytes[tables.madt + FIRST + 1] = lens[i];
        fake_acpi_sum(&tables, tables.madt);
        assert_int_equal(parse(), OK);
        assert_true(info.note_count > 0 || lens[i] == 2);
        assert_int_equal(info.cpu_count == 4, false);
    }
    fake_acpi_build(&tables, 2);
    tables.b.bytes[tables.madt + IOAPIC + 1] = 11; /* so everything after it is misaligned */
    fake_acpi_sum(&tables, tables.madt);
    assert_int_equal(parse(), OK);
    assert_int_equal(info.acpi.ioapic_count, 0);
}

static void test_a_madt_entry_of_no_length_ends_the_list(void **state)
{
    (void)state;
    enum { SECOND = 44 + 8 };
    for (uint8_t len = 0; len < 2; len++) {
        fake_acpi_build(&tables, 2);
        tables.b.bytes[tables.madt + SECOND + 1] = len;
        fake_acpi_sum(&tables, tables.madt);
        assert_int_equal(parse(), OK);
        assert_int_equal(info.cpu_count, 1);
        assert_string_equal(info.notes[0],
                            "acpi: MADT entry of no length, the rest is left out, at 0x34");
    }
}

static void test_two_ioapics_at_one_address(void **state)
{
    (void)state;
    static const struct {
        uint32_t base, gsi;
        uint32_t kept;
    } second[] = {{0xfec00000, 24, 1}, {0xfec01000, 0, 1}, {0xfec01000, 24, 2}};
    for (size_t i = 0; i < 3; i++) {
        fake_acpi_build(&tables, 2);
        size_t madt = fake_acpi_begin_table(&tables, "APIC", 3);
        blob_zero(&tables.b, 8);
        blob_le32(&tables.b, 1 | 12 << 8 | 1 << 16);
        blob_le32(&tables.b, 0xfec00000);
        blob_le32(&tables.b, 0);
        blob_le32(&tables.b, 1 | 12 << 8 | 2 << 16);
        blob_le32(&tables.b, second[i].base);
        blob_le32(&tables.b, second[i].gsi);
        fake_acpi_seal(&tables, madt);
        store_le64(tables.b.bytes + tables.xsdt + 36, FAKE_ACPI_BASE + madt);
        fake_acpi_sum(&tables, tables.xsdt);
        assert_int_equal(parse(), OK);
        assert_int_equal(info.acpi.ioapic_count, second[i].kept);
        assert_int_equal(boot_check_has_note(&info, "acpi: two IOAPICs in one place"),
                         second[i].kept == 1);
    }
}

/* An MCFG with two hosts, the second one as given. */
static void parse_with_hosts(uint64_t base, uint16_t segment, uint8_t first, uint8_t last)
{
    fake_acpi_build(&tables, 2);
    uint8_t *second = tables.b.bytes + tables.mcfg + 44 + 16;
    store_le64(second, base);
    store_le16(second + 8, segment);
    second[10] = first;
    second[11] = last;
    fake_acpi_sum(&tables, tables.mcfg);
    assert_int_equal(parse(), OK);
}

static void test_pci_hosts_that_overlap(void **state)
{
    (void)state;
    parse_with_hosts(0xc0000000, 1, 0, 255);
    assert_int_equal(info.pci_count, 2);
    parse_with_hosts(0xb0000000, 1, 16, 31); /* at the first host's registers */
    assert_int_equal(info.pci_count, 1);
    assert_true(boot_check_has_note(&info, "acpi: MCFG entries overlap, one is left out, base"));
    parse_with_hosts(0xd0000000, 0, 255, 255); /* with the first host's buses */
    assert_int_equal(info.pci_count, 1);
    assert_true(boot_check_has_note(&info, "acpi: MCFG entries overlap"));
    parse_with_hosts(0xd0000800, 1, 0, 1);
    assert_int_equal(info.pci_count, 1);
    assert_true(boot_check_has_note(&info, "acpi: malformed MCFG entry, base 0xd0000800"));
}

static void test_mcfg_of_odd_length(void **state)
{
    (void)state;
    fake_acpi_build(&tables, 2);
    store_le32(tables.b.bytes + tables.mcfg + 4, 44 + 16 + 8);
    fake_acpi_sum(&tables, tables.mcfg);
    assert_int_equal(parse(), OK);
    assert_int_equal(info.pci_count, 1);
    assert_true(boot_check_has_note(&info, "acpi: the MCFG ends within an entry, length 0x44"));
}

/* Registers that overlap RAM would be ordinary memory: each such device is
 * removed, and the ports remain. */
static void test_registers_in_ram_are_ignored(void **state)
{
    (void)state;
    struct fake_boot_mem f;
    fake_acpi_build(&tables, 2);
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, FAKE_ACPI_BASE, tables.b.bytes, tables.b.len);
    memset(&info, 0, sizeof(info));
    info.acpi.rsdp = FAKE_ACPI_BASE + tables.rsdp;
    boot_range_add(&info, 0xb8000000, 0x1000, BOOT_RAM); /* inside the first host */
    boot_range_add(&info, 0xfec00000, 0x1000, BOOT_ACPI_RECLAIM);
    boot_range_add(&info, 0xfed00000, 0x1000, BOOT_RAM);
    boot_range_add(&info, 0xc1000000, 0x1000000, BOOT_RESERVED); /* the second host */
    assert_int_equal(acpi_parse(&f.mem, &info), OK);
    fake_boot_mem_release(&f);
    assert_int_equal(info.pci_count, 1);
    assert_int_equal(info.pci[0].segment, 1);
    assert_int_equal(info.acpi.ioapic_count, 0);
    assert_int_equal(info.acpi.hpet_base, 0);
    assert_int_equal(info.note_count, 3);
    assert_string_equal(
        info.notes[0],
        "devices: a PCI host whose configuration space overlaps RAM is left out, at 0xb0000000");
    assert_string_equal(info.notes[1],
                        "devices: an IOAPIC that overlaps RAM is left out, at 0xfec00000");
    assert_string_equal(info.notes[2],
                        "devices: an HPET that overlaps RAM is left out, at 0xfed00000");
}

static void test_more_entries_than_fit(void **state)
{
    (void)state;
    fake_acpi_build(&tables, 2);
    size_t madt = fake_acpi_begin_table(&tables, "APIC", 3);
    blob_zero(&tables.b, 8);
    for (uint32_t i = 0; i < BOOT_MAX_CPUS + 2; i++) {
        blob_le32(&tables.b, 9 | 16 << 8);
        blob_le32(&tables.b, i);
        blob_le32(&tables.b, 1);
        blob_le32(&tables.b, i);
    }
    for (uint32_t i = 0; i < BOOT_MAX_OVERRIDE + 1; i++) {
        blob_le16(&tables.b, 2 | 10 << 8);
        blob_zero(&tables.b, 8);
    }
    for (uint32_t i = 0; i < BOOT_MAX_IOAPIC + 1; i++) {
        blob_le32(&tables.b, 1 | 12 << 8 | i << 16);
        blob_le32(&tables.b, 0xfec00000 + 0x1000 * i);
        blob_le32(&tables.b, 24 * i);
    }
    fake_acpi_seal(&tables, madt);
    store_le64(tables.b.bytes + tables.xsdt + 36, FAKE_ACPI_BASE + madt);
    fake_acpi_sum(&tables, tables.xsdt);
    assert_int_equal(parse(), OK);
    assert_int_equal(info.cpu_count, BOOT_MAX_CPUS);
    assert_int_equal(info.acpi.override_count, BOOT_MAX_OVERRIDE);
    assert_int_equal(info.acpi.ioapic_count, BOOT_MAX_IOAPIC);
    assert_int_equal(info.note_count, 3);
    assert_false(info.acpi.has_legacy_pic);
}

static void test_fadt_of_acpi_1(void **state)
{
    (void)state;
    fake_acpi_build(&tables, 0);
    uint8_t *p = tables.b.bytes + tables.fadt;
    p[8] = 1;
    store_le16(p + 109, 0); /* a reserved field in that revision */
    store_le32(p + 4, 116);
    store_le32(p + 68, 0x804);
    fake_acpi_sum(&tables, tables.fadt);
    assert_int_equal(parse(), OK);
    assert_true(info.acpi.has_8042);
    assert_int_equal(info.acpi.pm1b_cnt_port, 0x804);
    assert_false(info.acpi.reset_present);
    assert_true(info.acpi.s5_present);
}

static void test_s5_shapes(void **state)
{
    (void)state;
    static const struct {
        uint8_t aml[20];
        uint8_t len;
        bool is_found;
        uint8_t a, b;
    } cases[] = {
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 7, 0x0a, 6, 0, 0}, 14, true, 7, 6},
        {{0x08, '_', 'S', '5', '_', 0x12, 0x46, 0x00, 4, 0, 1, 0, 0}, 13, true, 0, 1},
        {{0x08, '_', 'S', '5', '_', 0x12, 4, 1, 0x0c, 5, 0, 0, 0}, 13, true, 5, 5},
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 8, 0, 0, 0}, 13, false, 0, 0},
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 0, 0x0a, 5}, 10, false, 0, 0},
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 5}, 10, false, 0, 0},
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 2, 0x0c, 5}, 10, false, 0, 0},
        {{0x08, '_', 'S', '5', '_', 0x12, 0xc6}, 7, false, 0, 0},
        {{0x08, '_', 'S', '5', '_'}, 5, false, 0, 0},
        {{'_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 7, 0x0a, 6, 0, 0}, 13, false, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_acpi_build(&tables, 2);
        size_t dsdt = fake_acpi_begin_table(&tables, "DSDT", 1);
        blob_put(&tables.b, cases[i].aml, cases[i].len);
        fake_acpi_seal(&tables, dsdt);
        store_le64(tables.b.bytes + tables.fadt + 140, FAKE_ACPI_BASE + dsdt); /* X_DSDT wins */
        fake_acpi_sum(&tables, tables.fadt);
        assert_int_equal(parse(), OK);
        assert_int_equal(info.acpi.s5_present, cases[i].is_found);
        assert_int_equal(info.acpi.s5_slp_typ_a, cases[i].a);
        assert_int_equal(info.acpi.s5_slp_typ_b, cases[i].b);
    }
}

static void test_console_redirection_table(void **state)
{
    (void)state;
    static const struct {
        uint64_t port;
        bool is_used;
    } cases[] = {{0x3f8, true}, {0, false}, {0xfff8, true}, {0xfff9, false}, {0x103f8, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_acpi_build(&tables, 2);
        size_t at = fake_acpi_begin_table(&tables, "SPCR", 2);
        blob_zero(&tables.b, 44);
        uint8_t *p = tables.b.bytes + at;
        p[40] = 1;
        p[41] = 8;
        store_le64(p + 44, cases[i].port);
        p[52] = 3;
        store_le32(p + 54, 4);
        fake_acpi_seal(&tables, at);
        store_le64(tables.b.bytes + tables.xsdt + 36, FAKE_ACPI_BASE + at);
        fake_acpi_sum(&tables, tables.xsdt);
        assert_int_equal(parse(), OK);
        assert_int_equal(info.uart.kind, cases[i].is_used ? BOOT_UART_16550 : BOOT_UART_NONE);
        if (cases[i].is_used) {
            assert_true(info.uart.is_port);
            assert_int_equal(info.uart.base, cases[i].port);
            assert_int_equal(info.uart.line, 4);
        }
    }
}

static void test_an_impossible_hpet_is_ignored(void **state)
{
    (void)state;
    static const uint64_t impossible[] = {0xfed00002, UINT64_MAX - 0x3ff, UINT64_MAX - 0xff};
    fake_acpi_build(&tables, 2);
    assert_int_equal(parse(), OK);
    assert_int_not_equal(info.acpi.hpet_base, 0);
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        store_le64(tables.b.bytes + tables.hpet + 44, impossible[i]);
        fake_acpi_sum(&tables, tables.hpet);
        assert_int_equal(parse(), OK);
        assert_int_equal(info.acpi.hpet_base, 0);
    }
}

/* With corrected checksums, so that the corruption reaches the parsers. */
static void test_every_corrupted_byte_ends_cleanly(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    static struct fake_acpi golden;
    fake_acpi_build(&golden, 2);
    const size_t starts[] = {golden.madt, golden.dsdt, golden.fadt, golden.mcfg,
                             golden.hpet, golden.rsdt, golden.xsdt};
    for (size_t t = 0; t < 7; t++) {
        uint32_t len = load_le32(golden.b.bytes + starts[t] + 4);
        for (uint32_t i = 0; i < len; i++) {
            for (size_t v = 0; v < 5; v++) {
                tables = golden;
                tables.b.bytes[starts[t] + i] = values[v];
                if (i < 4 || i > 9) {
                    fake_acpi_sum(&tables, starts[t]);
                }
                assert_int_equal(parse(), OK);
            }
        }
    }
}

/* A root table may list the same broken table half a million times: the search gives up early. */
static void test_search_ends_after_some_broken_tables(void **state)
{
    (void)state;
    for (unsigned broken = 0; broken <= 4; broken++) {
        fake_acpi_build(&tables, 2);
        size_t bad = fake_acpi_begin_table(&tables, "APIC", 3);
        fake_acpi_seal(&tables, bad);
        tables.b.bytes[bad + 9]++;
        tables.xsdt = fake_acpi_begin_table(&tables, "XSDT", 1);
        for (unsigned i = 0; i < broken; i++) {
            blob_le64(&tables.b, FAKE_ACPI_BASE + bad);
        }
        blob_le64(&tables.b, FAKE_ACPI_BASE + tables.madt);
        blob_le64(&tables.b, FAKE_ACPI_BASE + tables.hpet);
        fake_acpi_seal(&tables, tables.xsdt);
        store_le64(tables.b.bytes + tables.rsdp + 24, FAKE_ACPI_BASE + tables.xsdt);
        sum_rsdp();
        assert_int_equal(parse(), OK);
        assert_int_equal(info.cpu_count, broken < 4 ? 4 : 0);
        assert_int_equal(info.note_count, broken < 4 ? broken : 5);
        /* a table of another kind is still found */
        assert_int_equal(info.acpi.hpet_base, 0xfed00000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_tables_through_either_root),
        cmocka_unit_test(test_rsdp_is_found_in_the_bios_area),
        cmocka_unit_test(test_broken_xsdt_falls_back_to_the_rsdt),
        cmocka_unit_test(test_rsdp_without_an_xsdt),
        cmocka_unit_test(test_roots_of_odd_size),
        cmocka_unit_test(test_broken_rsdp_is_refused),
        cmocka_unit_test(test_broken_tables_are_ignored),
        cmocka_unit_test(test_wrong_table_lengths),
        cmocka_unit_test(test_wrong_madt_entries),
        cmocka_unit_test(test_a_madt_entry_of_no_length_ends_the_list),
        cmocka_unit_test(test_two_ioapics_at_one_address),
        cmocka_unit_test(test_pci_hosts_that_overlap),
        cmocka_unit_test(test_mcfg_of_odd_length),
        cmocka_unit_test(test_registers_in_ram_are_ignored),
        cmocka_unit_test(test_more_entries_than_fit),
        cmocka_unit_test(test_fadt_of_acpi_1),
        cmocka_unit_test(test_s5_shapes),
        cmocka_unit_test(test_console_redirection_table),
        cmocka_unit_test(test_an_impossible_hpet_is_ignored),
        cmocka_unit_test(test_search_ends_after_some_broken_tables),
        cmocka_unit_test(test_every_corrupted_byte_ends_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
