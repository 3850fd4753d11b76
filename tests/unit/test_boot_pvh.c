// SPDX-License-Identifier: MIT
//
// boot/pvh.c on a start structure like QEMU's, and on corrupt ones.
#include "boot/pvh.h"

#include "fake/boot_check.h"
#include "fake/fake_boot_mem.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define START   0x6000
#define MODULES 0x7000
#define CMDLINE 0x8000
#define MAP     0x9000
#define STRING  0xa000

/* A blob for each thing that the structure points to. */
static struct blob start, modules, cmdline, map, string;
static struct boot_info info;

static enum status parse(void)
{
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, START, start.bytes, start.len);
    fake_boot_mem_add(&f, MODULES, modules.bytes, modules.len);
    fake_boot_mem_add(&f, CMDLINE, cmdline.bytes, cmdline.len);
    fake_boot_mem_add(&f, MAP, map.bytes, map.len);
    fake_boot_mem_add(&f, STRING, string.bytes, string.len);
    memset(&info, 0, sizeof(info));
    enum status s = pvh_parse(&f.mem, START, &info);
    fake_boot_mem_release(&f);
    return s;
}

static void put_range(uint64_t base, uint64_t len, uint32_t type)
{
    blob_le64(&map, base);
    blob_le64(&map, len);
    blob_le32(&map, type);
    blob_le32(&map, 0);
}

static void put_module(uint64_t base, uint64_t len, uint64_t name)
{
    blob_le64(&modules, base);
    blob_le64(&modules, len);
    blob_le64(&modules, name);
    blob_le64(&modules, 0);
}

static void put_golden(void)
{
    start.len = modules.len = cmdline.len = map.len = string.len = 0;
    put_range(0, 0x9fc00, 1);
    put_range(0x9fc00, 0x400, 2);
    put_range(0x100000, 0x1fee0000, 1);
    put_range(0xb0000000, 0x10000000, 2);
    put_module(0x1000000, 0x2345, 0);
    put_module(0x2000000, 0x10, STRING);
    blob_string(&cmdline, "shell loglevel=7");
    blob_string(&string, "extra");

    blob_le32(&start, 0x336ec578);
    blob_le32(&start, 1);
    blob_le32(&start, 0);
    blob_le32(&start, 2);
    blob_le64(&start, MODULES);
    blob_le64(&start, CMDLINE);
    blob_le64(&start, 0xf5a10);
    blob_le64(&start, MAP);
    blob_le32(&start, 4);
    blob_le32(&start, 0);
}

static void test_golden_structure(void **state)
{
    (void)state;
    put_golden();
    assert_int_equal(parse(), OK);
    assert_null(boot_check_invariants(&info));
    assert_int_equal(info.note_count, 0);
    assert_int_equal(info.protocol, BOOT_PVH);
    assert_string_equal(info.cmdline, "shell loglevel=7");
    assert_int_equal(info.acpi.rsdp, 0xf5a10);
    assert_int_equal(info.range_count, 4);
    assert_int_equal(info.ranges[2].base, 0x100000);
    assert_int_equal(info.ranges[2].kind, BOOT_RAM);
    assert_int_equal(info.module_count, 2);
    assert_string_equal(info.modules[0].name, "initrd");
    assert_int_equal(info.modules[0].len, 0x2345);
    assert_string_equal(info.modules[1].name, "extra");
    assert_int_equal(info.reserved_count, 2);
    assert_int_equal(info.reserved[0].base, 0x1000000);
    assert_int_equal(info.reserved[0].len, 0x3000);
}

static void test_absent_strings_and_modules_are_fine(void **state)
{
    (void)state;
    put_golden();
    store_le32(start.bytes + 12, 0);
    store_le64(start.bytes + 16, 0);
    store_le64(start.bytes + 24, 0);
    assert_int_equal(parse(), OK);
    assert_int_equal(info.module_count, 0);
    assert_string_equal(info.cmdline, "");
    assert_int_equal(info.note_count, 0);
}

static void expect_refused(enum status why)
{
    assert_int_equal(parse(), why);
    assert_true(boot_check_only_notes(&info));
}

static void test_foreign_structures_are_refused(void **state)
{
    (void)state;
    put_golden();
    start.bytes[0] ^= 1;
    expect_refused(E_FORMAT);
    put_golden();
    store_le32(start.bytes + 4, 0);
    expect_refused(E_NOTSUP);
    put_golden();
    store_le32(start.bytes + 48, 0);
    expect_refused(E_NOENT);
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < 56; n++) {
        put_golden();
        start.len = n;
        expect_refused(E_FORMAT);
    }
    struct blob *pointed[] = {&modules, &map, &cmdline};
    for (size_t i = 0; i < 3; i++) {
        put_golden();
        size_t whole = pointed[i]->len;
        for (size_t n = 0; n < whole; n++) {
            put_golden();
            pointed[i]->len = n;
            expect_refused(E_CORRUPT);
        }
    }
    put_golden(); /* a bad module name only gets a note */
    string.len = 3;
    assert_int_equal(parse(), OK);
    assert_string_equal(info.modules[1].name, "initrd");
    assert_int_equal(info.note_count, 1);
}

static void test_wrong_counts_and_addresses_are_refused(void **state)
{
    (void)state;
    static const uint32_t counts[] = {5, 4096, 4097, 0x0aaaaaab, 0xffffffff};
    for (size_t i = 0; i < 5; i++) {
        put_golden();
        store_le32(start.bytes + 48, counts[i]);
        expect_refused(E_CORRUPT);
        put_golden();
        store_le32(start.bytes + 12, counts[i]);
        expect_refused(E_CORRUPT);
    }
    static const size_t pointers[] = {16, 24, 40};
    static const uint64_t addresses[] = {1, UINT64_MAX, UINT64_MAX - 30};
    for (size_t p = 0; p < 3; p++) {
        for (size_t a = 0; a < 3; a++) {
            put_golden();
            store_le64(start.bytes + pointers[p], addresses[a]);
            expect_refused(E_CORRUPT);
        }
    }
}

static void test_counts_are_limited_even_if_all_could_be_read(void **state)
{
    (void)state;
    static uint8_t entries[4097 * 32]; /* zeroes: empty ranges, empty modules */
    for (uint32_t count = 4096; count <= 4097; count++) {
        put_golden();
        store_le32(start.bytes + 48, count);
        store_le64(start.bytes + 40, 0x100000);
        struct fake_boot_mem f;
        fake_boot_mem_init(&f);
        fake_boot_mem_add(&f, START, start.bytes, start.len);
        fake_boot_mem_add(&f, MODULES, modules.bytes, modules.len);
        fake_boot_mem_add(&f, CMDLINE, cmdline.bytes, cmdline.len);
        fake_boot_mem_add(&f, 0x100000, entries, sizeof(entries));
        memset(&info, 0, sizeof(info));
        assert_int_equal(pvh_parse(&f.mem, START, &info), count == 4096 ? OK : E_CORRUPT);
        fake_boot_mem_release(&f);
    }
}

static void test_a_module_outside_ram_is_ignored(void **state)
{
    (void)state;
    put_golden();
    store_le64(modules.bytes, 0x1ffdffff);
    assert_int_equal(parse(), OK);
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.note_count, 1);
    put_golden();
    store_le64(modules.bytes + 8, UINT64_MAX);
    assert_int_equal(parse(), OK);
    assert_int_equal(info.module_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_structure),
        cmocka_unit_test(test_absent_strings_and_modules_are_fine),
        cmocka_unit_test(test_foreign_structures_are_refused),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_wrong_counts_and_addresses_are_refused),
        cmocka_unit_test(test_counts_are_limited_even_if_all_could_be_read),
        cmocka_unit_test(test_a_module_outside_ram_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
