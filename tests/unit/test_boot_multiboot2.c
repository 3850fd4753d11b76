// SPDX-License-Identifier: MIT
//
// boot/multiboot2.c on a block like GRUB's, and on every truncation and many corruptions of it.
#include "boot/multiboot2.h"

#include "fake/boot_check.h"
#include "fake/fake_boot_mem.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MBI 0x5000 /* where OVMF's GRUB placed it */

static struct boot_info info;

static enum status parse_at(const struct blob *b, uint64_t at)
{
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, at, b->bytes, b->len);
    memset(&info, 0, sizeof(info));
    enum status s = multiboot2_parse(&f.mem, MBI, &info);
    fake_boot_mem_release(&f);
    return s;
}

static enum status parse(const struct blob *b)
{
    return parse_at(b, MBI);
}

/* A tag's header; tag_end() patches its size. */
static size_t tag_begin(struct blob *b, uint32_t type)
{
    blob_align(b, 8);
    blob_le32(b, type);
    blob_le32(b, 0);
    return b->len - 8;
}

static void tag_end(struct blob *b, size_t at)
{
    store_le32(b->bytes + at + 4, (uint32_t)(b->len - at));
    store_le32(b->bytes, (uint32_t)b->len);
}

static void begin(struct blob *b)
{
    b->len = 0;
    blob_le64(b, 0);
}

static void finish(struct blob *b)
{
    tag_end(b, tag_begin(b, 0));
}

static void put_string(struct blob *b, uint32_t type, const char *s)
{
    size_t t = tag_begin(b, type);
    blob_string(b, s);
    tag_end(b, t);
}

static void put_module(struct blob *b, uint32_t start, uint32_t end, const char *name)
{
    size_t t = tag_begin(b, 3);
    blob_le32(b, start);
    blob_le32(b, end);
    blob_string(b, name);
    tag_end(b, t);
}

static void put_range(struct blob *b, uint64_t base, uint64_t len, uint32_t type)
{
    blob_le64(b, base);
    blob_le64(b, len);
    blob_le32(b, type);
    blob_le32(b, 0);
}

static void put_map(struct blob *b)
{
    size_t t = tag_begin(b, 6);
    blob_le32(b, 24);
    blob_le32(b, 0);
    put_range(b, 0, 0x9fc00, 1);
    put_range(b, 0x9fc00, 0x400, 2);
    put_range(b, 0xf0000, 0x10000, 2);
    put_range(b, 0x100000, 0x7ee0000, 1);
    put_range(b, 0x7fe0000, 0x10000, 3);
    put_range(b, 0x7ff0000, 0x10000, 4);
    put_range(b, 0xfffc0000, 0x40000, 0x14);
    tag_end(b, t);
}

static size_t put_framebuffer(struct blob *b)
{
    size_t t = tag_begin(b, 8);
    blob_le64(b, 0xfd000000);
    blob_le32(b, 4096);
    blob_le32(b, 1024);
    blob_le32(b, 768);
    blob_u8(b, 32);
    blob_u8(b, 1);
    blob_le16(b, 0);
    blob_put(b, (const uint8_t[]){16, 8, 8, 8, 0, 8}, 6);
    tag_end(b, t);
    return t;
}

static size_t put_rsdp(struct blob *b, uint32_t type, size_t len)
{
    size_t t = tag_begin(b, type);
    blob_zero(b, len);
    tag_end(b, t);
    return t;
}

static void put_golden(struct blob *b)
{
    begin(b);
    put_string(b, 1, "\"hello a\" b=c");
    put_string(b, 2, "GRUB 2.06-13");
    put_string(b, 21, "unknown tags are skipped");
    put_module(b, 0x4000, 0x4abc, "initrd.cpio x");
    put_map(b);
    put_framebuffer(b);
    put_rsdp(b, 15, 36);
    put_rsdp(b, 14, 20);
    finish(b);
}

static void test_golden_block(void **state)
{
    (void)state;
    static struct blob b;
    put_golden(&b);
    assert_int_equal(parse(&b), OK);
    assert_null(boot_check_invariants(&info));
    assert_int_equal(info.note_count, 0);
    assert_int_equal(info.protocol, BOOT_MULTIBOOT2);
    assert_string_equal(info.cmdline, "\"hello a\" b=c");
    assert_string_equal(info.loader, "GRUB 2.06-13");

    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].base, 0x4000);
    assert_int_equal(info.modules[0].len, 0xabc);
    assert_string_equal(info.modules[0].name, "initrd.cpio x");
    assert_int_equal(info.reserved_count, 1);
    assert_int_equal(info.reserved[0].base, 0x4000);
    assert_int_equal(info.reserved[0].len, 0x1000);

    assert_int_equal(info.range_count, 7);
    assert_int_equal(info.ranges[0].len, 0x9f000);
    assert_int_equal(info.ranges[4].kind, BOOT_ACPI_RECLAIM);
    assert_int_equal(info.ranges[5].kind, BOOT_ACPI_NVS);
    assert_int_equal(info.ranges[6].kind, BOOT_RESERVED); /* an unknown type */

    assert_true(info.framebuffer.present);
    assert_false(info.framebuffer.is_text);
    assert_int_equal(info.framebuffer.base, 0xfd000000);
    assert_int_equal(info.framebuffer.width, 1024);
    assert_int_equal(info.framebuffer.height, 768);
    assert_int_equal(info.framebuffer.pitch_bytes, 4096);
    assert_int_equal(info.framebuffer.bits_per_pixel, 32);
    assert_int_equal(info.framebuffer.red_shift, 16);
    assert_int_equal(info.framebuffer.blue_bits, 8);
}

static void test_newer_rsdp_wins_in_either_order(void **state)
{
    (void)state;
    static struct blob b;
    for (int order = 0; order < 2; order++) {
        begin(&b);
        put_map(&b);
        size_t first = put_rsdp(&b, order == 0 ? 14 : 15, 36);
        size_t second = put_rsdp(&b, order == 0 ? 15 : 14, 36);
        finish(&b);
        assert_int_equal(parse(&b), OK);
        assert_int_equal(info.acpi.rsdp, MBI + (order == 0 ? second : first) + 8);
    }
}

static void test_the_efi_map_is_used_only_without_another(void **state)
{
    (void)state;
    static struct blob b;
    for (int both = 0; both < 2; both++) {
        begin(&b);
        size_t t = tag_begin(&b, 17);
        blob_le32(&b, 48);
        blob_le32(&b, 1);
        static const uint32_t types[] = {7, 4, 6, 9, 10, 8};
        for (size_t i = 0; i < 6; i++) {
            blob_le32(&b, types[i]);
            blob_le32(&b, 0);
            blob_le64(&b, 0x100000 * (i + 1));
            blob_le64(&b, 0);
            blob_le64(&b, 16);
            blob_zero(&b, 16);
        }
        tag_end(&b, t);
        if (both) {
            put_map(&b);
        }
        finish(&b);
        assert_int_equal(parse(&b), OK);
        if (both) {
            assert_int_equal(info.range_count, 7);
            continue;
        }
        static const enum boot_range_kind kinds[] = {
            BOOT_RAM, BOOT_RAM, BOOT_RESERVED, BOOT_ACPI_RECLAIM, BOOT_ACPI_NVS, BOOT_BAD};
        assert_int_equal(info.range_count, 6);
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(info.ranges[i].base, 0x100000 * (i + 1));
            assert_int_equal(info.ranges[i].len, 0x10000);
            assert_int_equal(info.ranges[i].kind, kinds[i]);
        }
    }
}

static void test_text_framebuffer_and_odd_ones(void **state)
{
    (void)state;
    static struct blob b;
    begin(&b);
    put_map(&b);
    size_t t = put_framebuffer(&b);
    finish(&b);
    b.bytes[t + 29] = 2;
    store_le32(b.bytes + t + 16, 160);
    store_le32(b.bytes + t + 20, 80);
    assert_int_equal(parse(&b), OK);
    assert_true(info.framebuffer.present && info.framebuffer.is_text);

    b.bytes[t + 29] = 0; /* palette */
    assert_int_equal(parse(&b), OK);
    assert_false(info.framebuffer.present);
    assert_int_equal(info.note_count, 1);

    b.bytes[t + 29] = 1;
    store_le32(b.bytes + t + 20, 1000); /* a pitch of 80 bytes is too small for 1000 pixels */
    assert_int_equal(parse(&b), OK);
    assert_false(info.framebuffer.present);

    store_le32(b.bytes + t + 20, 16);
    store_le64(b.bytes + t + 8, UINT64_MAX - 5);
    assert_int_equal(parse(&b), OK);
    assert_false(info.framebuffer.present);
}

static void test_long_strings_are_truncated(void **state)
{
    (void)state;
    static struct blob b;
    static char line[3000];
    memset(line, 'x', sizeof(line) - 1);
    begin(&b);
    put_string(&b, 1, line);
    put_string(&b, 2, line);
    put_module(&b, 0x100000, 0x100000, line);
    put_map(&b);
    finish(&b);
    assert_int_equal(parse(&b), OK);
    assert_int_equal(strlen(info.cmdline), BOOT_CMDLINE_MAX - 1);
    assert_int_equal(strlen(info.loader), sizeof(info.loader) - 1);
    assert_int_equal(strlen(info.modules[0].name), sizeof(info.modules[0].name) - 1);
    assert_int_equal(info.note_count, 1);
}

static void expect_refused(const struct blob *b, enum status why)
{
    assert_int_equal(parse(b), why);
    assert_true(boot_check_only_notes(&info));
    assert_null(boot_check_invariants(&info));
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    static struct blob b, cut;
    put_golden(&b);
    size_t whole = b.len;
    for (size_t n = 0; n < whole; n++) {
        /* The bytes end early. */
        cut = b;
        cut.len = n;
        expect_refused(&cut, E_CORRUPT);
        /* The block's own size is too small: the end tag is missing. */
        cut.len = whole;
        store_le32(cut.bytes, (uint32_t)n);
        expect_refused(&cut, E_CORRUPT);
    }
}

static void test_wrong_sizes_are_refused(void **state)
{
    (void)state;
    static struct blob b;
    static const uint32_t lies[] = {0, 1, 7, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        put_golden(&b);
        store_le32(b.bytes, lies[i]); /* the block */
        expect_refused(&b, E_CORRUPT);
        put_golden(&b);
        store_le32(b.bytes + 8 + 4, lies[i]); /* in the first tag */
        expect_refused(&b, E_CORRUPT);
    }
}

static void test_malformed_tags_are_refused(void **state)
{
    (void)state;
    static struct blob b;
    begin(&b); /* a string that is not terminated */
    size_t t = tag_begin(&b, 1);
    blob_put(&b, "abcd", 4);
    tag_end(&b, t);
    put_map(&b);
    finish(&b);
    expect_refused(&b, E_CORRUPT);

    begin(&b); /* a module that ends before it starts */
    put_module(&b, 0x200000, 0x1fffff, "m");
    put_map(&b);
    finish(&b);
    expect_refused(&b, E_CORRUPT);

    static const uint32_t entries[] = {0, 1, 23, 25, 0xffffffff};
    for (size_t i = 0; i < 5; i++) { /* map entries that are too small, or do not fill the tag */
        begin(&b);
        put_map(&b);
        finish(&b);
        store_le32(b.bytes + 8 + 8, entries[i]);
        expect_refused(&b, E_CORRUPT);
    }

    begin(&b); /* an RSDP larger than its tag */
    put_map(&b);
    put_rsdp(&b, 15, 35);
    finish(&b);
    expect_refused(&b, E_CORRUPT);

    begin(&b);
    put_string(&b, 1, "no map");
    finish(&b);
    expect_refused(&b, E_NOENT);
}

static void test_wrong_address_is_refused(void **state)
{
    (void)state;
    static struct blob b;
    put_golden(&b);
    assert_int_equal(parse_at(&b, MBI + 8), E_CORRUPT);
    assert_true(boot_check_only_notes(&info));
}

static void test_every_corrupted_byte_ends_cleanly(void **state)
{
    (void)state;
    static struct blob golden, b;
    put_golden(&golden);
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    size_t refused = 0;
    for (size_t at = 0; at < golden.len; at++) {
        for (size_t v = 0; v < sizeof(values); v++) {
            b = golden;
            b.bytes[at] = values[v];
            enum status s = parse(&b);
            assert_null(boot_check_invariants(&info));
            assert_true(s == OK || boot_check_only_notes(&info));
            refused += s != OK;
        }
    }
    assert_true(refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_block),
        cmocka_unit_test(test_newer_rsdp_wins_in_either_order),
        cmocka_unit_test(test_the_efi_map_is_used_only_without_another),
        cmocka_unit_test(test_text_framebuffer_and_odd_ones),
        cmocka_unit_test(test_long_strings_are_truncated),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_wrong_sizes_are_refused),
        cmocka_unit_test(test_malformed_tags_are_refused),
        cmocka_unit_test(test_wrong_address_is_refused),
        cmocka_unit_test(test_every_corrupted_byte_ends_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
