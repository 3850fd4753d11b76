// SPDX-License-Identifier: MIT
//
// boot/acpi_gic.c, acpi_aml.c and acpi_pci.c on the tables of QEMU's virt (a seed of the fuzzer,
// without the virtio-mmio devices of the DSDT), intact and corrupted.
#include "boot/acpi.h"

#include "fake/boot_check.h"
#include "fake/fake_boot_mem.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BASE     0xe0000
#define RSDP     16
#define ENTRIES  44 /* of a MADT */
#define GICC_LEN 80
#define MIB      (UINT64_C(1) << 20)
#define GIB      (UINT64_C(1) << 30)

static struct blob tables;
static struct boot_info info;

static int load(void **state)
{
    (void)state;
    FILE *f = fopen(TEST_SOURCE_DIR "/tests/fuzz/corpus/acpi/virt-gicv3.bin", "rb");
    assert_non_null(f);
    tables.len = fread(tables.bytes, 1, sizeof(tables.bytes), f);
    fclose(f);
    return 0;
}

static uint8_t *table(const char *signature)
{
    for (size_t at = 0; at + 36 <= tables.len; at += 4) {
        if (memcmp(tables.bytes + at, signature, 4) == 0) {
            return tables.bytes + at;
        }
    }
    fail_msg("no %s", signature);
    return NULL;
}

static void set_sum(uint8_t *t)
{
    uint8_t sum = 0;
    t[9] = 0;
    for (uint32_t i = 0; i < load_le32(t + 4); i++) {
        sum = (uint8_t)(sum + t[i]);
    }
    t[9] = (uint8_t)-sum;
}

/* The position of these bytes in a table. */
static uint8_t *find(uint8_t *t, const void *bytes, size_t len)
{
    for (uint32_t at = 36; at + len <= load_le32(t + 4); at++) {
        if (memcmp(t + at, bytes, len) == 0) {
            return t + at;
        }
    }
    fail_msg("not in the table");
    return NULL;
}

static void parse(void)
{
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, BASE, tables.bytes, tables.len);
    memset(&info, 0, sizeof(info));
    info.acpi.rsdp = BASE + RSDP;
    assert_int_equal(acpi_parse(&f.mem, &info), OK);
    fake_boot_mem_release(&f);
    assert_null(boot_check_invariants(&info));
}

static void expect_note(const char *text)
{
    for (uint32_t i = 0; i < info.note_count; i++) {
        if (strstr(info.notes[i], text) != NULL) {
            return;
        }
    }
    fail_msg("no note \"%s\"", text);
}

static void expect_window(const struct boot_pci_window *w, uint64_t cpu, uint64_t bus, uint64_t len)
{
    assert_int_equal(w->cpu, cpu);
    assert_int_equal(w->bus, bus);
    assert_int_equal(w->len, len);
}

static void expect_routing(const struct boot_pci_host *host)
{
    assert_int_equal(host->intx_count, 128);
    for (uint32_t i = 0; i < 128; i++) {
        const struct boot_pci_intx *x = &host->intx[i];
        assert_int_equal(x->devfn_key, (i / 4) << 11);
        assert_int_equal(x->devfn_mask, 0xf800);
        assert_int_equal(x->pin, i % 4 + 1);
        assert_int_equal(x->line, 35 + (i / 4 + i % 4) % 4);
        assert_true(x->level);
    }
}

static void test_qemu_virt(void **state)
{
    (void)state;
    parse();
    assert_int_equal(info.note_count, 0);
    const struct boot_gic *gic = &info.gic;
    assert_int_equal(gic->version, 3);
    assert_int_equal(gic->dist_base, 0x08000000);
    assert_int_equal(gic->dist_len, 0x10000);
    assert_int_equal(gic->redist_count, 1);
    assert_int_equal(gic->redist[0].base, 0x080a0000);
    assert_int_equal(gic->redist[0].len, 0xf60000);
    assert_int_equal(gic->its_base, 0x08080000);
    assert_int_equal(gic->its_len, 0x20000);
    assert_int_equal(gic->timer_intid, 27);
    assert_int_equal(gic->timer_phys_intid, 30);
    assert_int_equal(info.cpu_count, 1);
    assert_true(info.cpus[0].enabled);
    assert_int_equal(info.psci, BOOT_PSCI_HVC);
    assert_int_equal(info.uart.kind, BOOT_UART_PL011);
    assert_int_equal(info.uart.base, 0x09000000);
    assert_int_equal(info.uart.line, 33);

    assert_int_equal(info.fw_cfg_base, 0x09020000);
    assert_int_equal(info.fw_cfg_len, 0x18);

    assert_int_equal(info.pci_count, 1);
    const struct boot_pci_host *host = &info.pci[0];
    assert_int_equal(host->ecam_base, UINT64_C(0x4010000000));
    assert_int_equal(host->bus_last, 255);
    expect_window(&host->io, 0x3eff0000, 0, 0x10000);
    expect_window(&host->mem32, 0x10000000, 0x10000000, 0x2eff0000);
    expect_window(&host->mem64, 512 * GIB, 512 * GIB, 512 * GIB);
    expect_routing(host);
}

/* ---- MADT and GTDT ---- */

/* Replace the MADT's entries by these bytes; the remainder becomes an entry of an unknown kind. */
static void set_madt(const uint8_t *entries, size_t len)
{
    uint8_t *t = table("APIC");
    size_t room = load_le32(t + 4) - ENTRIES;
    assert_true(len + 2 <= room && room - len < 256);
    memset(t + ENTRIES, 0, room);
    memcpy(t + ENTRIES, entries, len);
    t[ENTRIES + len] = 0x7f;
    t[ENTRIES + len + 1] = (uint8_t)(room - len);
    set_sum(t);
}

static size_t put_gicd(uint8_t *at, uint64_t base, uint8_t version)
{
    memset(at, 0, 24);
    at[0] = 0x0c;
    at[1] = 24;
    store_le64(at + 8, base);
    at[20] = version;
    return 24;
}

static size_t put_gicc(uint8_t *at, uint64_t cpu_base, uint64_t redist, uint32_t flags)
{
    memset(at, 0, GICC_LEN);
    at[0] = 0x0b;
    at[1] = GICC_LEN;
    store_le32(at + 12, flags);
    store_le64(at + 32, cpu_base);
    store_le64(at + 60, redist);
    store_le64(at + 68, 0x80000001);
    return GICC_LEN;
}

static size_t put_v2m(uint8_t *at, uint64_t base)
{
    memset(at, 0, 24);
    at[0] = 0x0d;
    at[1] = 24;
    store_le64(at + 8, base);
    return 24;
}

static void test_gicv2_with_messages(void **state)
{
    (void)state;
    uint8_t e[256];
    size_t len = put_gicd(e, 0x08000000, 2);
    len += put_gicc(e + len, 0x08010000, 0, 1);
    len += put_v2m(e + len, 0x08020000);
    set_madt(e, len);
    parse();
    assert_int_equal(info.note_count, 0);
    assert_int_equal(info.gic.version, 2);
    assert_int_equal(info.gic.dist_len, 0x1000);
    assert_int_equal(info.gic.cpu_base, 0x08010000);
    assert_int_equal(info.gic.v2m_base, 0x08020000);
    assert_int_equal(info.cpus[0].hw_id, 0x80000001);
}

static void test_a_gic_without_a_version(void **state)
{
    (void)state;
    uint8_t e[256];
    size_t len = put_gicd(e, 0x08000000, 0);
    len += put_gicc(e + len, 0, 0x080a0000, 1);
    set_madt(e, len);
    parse();
    assert_int_equal(info.gic.version, 3); /* there is a redistributor, named by its CPU */
    assert_int_equal(info.gic.redist_count, 1);
    assert_int_equal(info.gic.redist[0].len, 0x20000);
}

static void test_gics_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        uint64_t dist, cpu, redist;
        uint8_t version;
        uint32_t flags;
        const char *note;
    } cases[] = {
        {0x08000000, 0, 0, 2, 1, "unusable description of a GIC"},
        {0x08000000, 0x08010000, 0, 3, 1, "unusable description of a GIC"},
        {0x08000000, 0x08010000, 0, 7, 1, "unusable description of a GIC"},
        {0x08000000, 0x08010000, 0, 2, 0, "unusable description of a GIC"}, /* an absent CPU */
        {0x08000000, 0x08010001, 0, 2, 1, "has an impossible address"},
        {0x08000000, UINT64_MAX - 0xfff, 0, 2, 1, "has an impossible address"},
        {0x08000000, 0, UINT64_MAX - 0xfff, 3, 1, "has an impossible address"},
        {0, 0x08010000, 0, 2, 1, "has an impossible address"},
        {0x08000800, 0x08010000, 0, 2, 1, "has an impossible address"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t e[256];
        load(NULL);
        size_t len = put_gicd(e, cases[i].dist, cases[i].version);
        len += put_gicc(e + len, cases[i].cpu, cases[i].redist, cases[i].flags);
        set_madt(e, len);
        parse();
        assert_int_equal(info.gic.version, 0);
        expect_note(cases[i].note);
    }
}

static void test_short_entries(void **state)
{
    (void)state;
    static const uint8_t types[] = {0x0b, 0x0c, 0x0d, 0x0e, 0x0f};
    for (size_t i = 0; i < sizeof(types); i++) {
        const uint8_t e[] = {types[i], 8, 0, 0, 0, 0, 0, 0};
        load(NULL);
        set_madt(e, sizeof(e));
        parse();
        assert_int_equal(info.gic.dist_len, 0);
        expect_note("short MADT entry");
    }
}

static void test_timer_that_is_no_private_interrupt(void **state)
{
    (void)state;
    static const uint32_t lines[] = {0, 15, 32, UINT32_MAX};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        load(NULL);
        store_le32(table("GTDT") + 64, lines[i]);
        set_sum(table("GTDT"));
        parse();
        assert_int_equal(info.gic.timer_intid, 0);
        expect_note("the GTDT names no private interrupts");
    }
}

static void test_a_console_without_a_device(void **state)
{
    (void)state;
    static const uint64_t bases[] = {0x09000001, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        store_le64(table("SPCR") + 44, bases[i]);
        set_sum(table("SPCR"));
        parse();
        assert_int_equal(info.uart.kind, BOOT_UART_NONE);
        expect_note("a serial port cannot be");
    }
}

static void test_firmware_calls(void **state)
{
    (void)state;
    uint8_t *fadt = table("FACP");
    store_le16(fadt + 129, 1);
    set_sum(fadt);
    parse();
    assert_int_equal(info.psci, BOOT_PSCI_SMC);
    store_le16(fadt + 129, 2);
    set_sum(fadt);
    parse();
    assert_int_equal(info.psci, BOOT_PSCI_NONE);
}

/* ---- the DSDT ---- */

static void spoil(const void *bytes, size_t len, size_t offset, uint8_t value)
{
    load(NULL);
    uint8_t *dsdt = table("DSDT");
    find(dsdt, bytes, len)[offset] = value;
    set_sum(dsdt);
    parse();
}

static void test_windows_that_are_not_constant(void **state)
{
    (void)state;
    /* The host's _CRS: after _CBA, whose method is the last thing before it. */
    uint8_t *dsdt = table("DSDT");
    uint8_t *cba = find(dsdt, "_CBA", 4);
    uint8_t *crs = find(dsdt, "_CRS", 4);
    while (crs < cba) {
        crs++;
        while (memcmp(crs, "_CRS", 4) != 0) {
            crs++;
        }
    }
    crs[4] = 0x0d; /* a string instead of a buffer */
    set_sum(dsdt);
    parse();
    expect_note("no constant windows of a PCI host");
    assert_int_equal(info.pci_count, 1);
    assert_int_equal(info.pci[0].mem32.len, 0);
    assert_int_equal(info.pci[0].mem64.len, 0);
}

static void test_routing_that_is_not_constant(void **state)
{
    (void)state;
    spoil("_PRT", 4, 4, 0x14);
    expect_note("acpi: ");
    assert_int_equal(info.pci[0].intx_count, 0);
}

static void test_links_that_are_missing(void **state)
{
    (void)state;
    /* Rename the device of the first link: its 32 entries then lead nowhere. */
    static const char name[] = "GSI0_HID";
    uint8_t *dsdt = table("DSDT");
    uint8_t *device = find(dsdt, "GSI0\x08_HID", 9);
    assert_int_equal(sizeof(name), 9);
    device[3] = '9';
    set_sum(dsdt);
    parse();
    expect_note("unusable entry in a PCI host's routing");
    assert_int_equal(info.pci[0].intx_count, 96);
}

static void test_a_configuration_device_of_another_kind(void **state)
{
    (void)state;
    spoil("QEMU0002", 9, 7, '3');
    assert_int_equal(info.fw_cfg_len, 0);
    spoil("QEMU0002", 9, 8, 'x'); /* the name is longer */
    assert_int_equal(info.fw_cfg_len, 0);
}

static void test_every_truncation_of_the_dsdt(void **state)
{
    (void)state;
    uint8_t *dsdt = table("DSDT");
    uint32_t whole = load_le32(dsdt + 4);
    for (uint32_t len = 36; len < whole; len++) {
        store_le32(dsdt + 4, len);
        set_sum(dsdt);
        parse(); /* the invariants hold, and ASan sees no read past the end */
    }
}

static void test_every_byte_of_the_dsdt_corrupted(void **state)
{
    (void)state;
    uint8_t *dsdt = table("DSDT");
    uint32_t len = load_le32(dsdt + 4);
    static const uint8_t values[] = {0x00, 0xff, 0x5b};
    for (uint32_t at = 36; at < len; at++) {
        uint8_t old = dsdt[at];
        for (size_t i = 0; i < sizeof(values); i++) {
            dsdt[at] = values[i];
            set_sum(dsdt);
            parse();
        }
        dsdt[at] = old;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_qemu_virt, load),
        cmocka_unit_test_setup(test_gicv2_with_messages, load),
        cmocka_unit_test_setup(test_a_gic_without_a_version, load),
        cmocka_unit_test_setup(test_gics_that_cannot_be, load),
        cmocka_unit_test_setup(test_short_entries, load),
        cmocka_unit_test_setup(test_timer_that_is_no_private_interrupt, load),
        cmocka_unit_test_setup(test_a_console_without_a_device, load),
        cmocka_unit_test_setup(test_firmware_calls, load),
        cmocka_unit_test_setup(test_windows_that_are_not_constant, load),
        cmocka_unit_test_setup(test_routing_that_is_not_constant, load),
        cmocka_unit_test_setup(test_links_that_are_missing, load),
        cmocka_unit_test_setup(test_a_configuration_device_of_another_kind, load),
        cmocka_unit_test_setup(test_every_truncation_of_the_dsdt, load),
        cmocka_unit_test_setup(test_every_byte_of_the_dsdt_corrupted, load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
