// SPDX-License-Identifier: MIT
//
// boot/efi*.c: a memory map and tables like EDK2's, and ones that no sane firmware would produce.
#include "boot/efi.h"

#include "boot/ranges.h"
#include "fake/boot_check.h"
#include "fake/fake_boot_mem.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAP        0x100000
#define TABLES     0x200000
#define OPTIONS    0x300000
#define VENDOR     0x400000
#define WB         UINT64_C(0xf)
#define RUNTIME    (UINT64_C(1) << 63)
#define SPECIFIC   (UINT64_C(1) << 18)
#define MIB        (UINT64_C(1) << 20)
#define GIB        (UINT64_C(1) << 30)
#define DESCRIPTOR 48 /* EDK2's: eight bytes larger than the specification's */
#define ACPI_NVS   10
#define FREE       7

static struct blob map, entries, options, vendor;
static struct boot_efi efi;
static struct boot_info info;
static uint64_t tree;

static void put_memory(uint32_t type, uint64_t base, uint64_t pages, uint64_t attributes)
{
    blob_le32(&map, type);
    blob_le32(&map, 0xdeadbeef);
    blob_le64(&map, base);
    blob_le64(&map, 0);
    blob_le64(&map, pages);
    blob_le64(&map, attributes);
    blob_zero(&map, DESCRIPTOR - 40);
}

static void put_table(const char *guid, uint64_t address)
{
    blob_put(&entries, guid, 16);
    blob_le64(&entries, address);
}

static void put_wide(struct blob *b, const uint16_t *text)
{
    do {
        blob_le16(b, *text);
    } while (*text++ != 0);
}

static int setup(void **state)
{
    (void)state;
    memset(&efi, 0, sizeof(efi));
    map.len = entries.len = options.len = vendor.len = 0;
    put_wide(&vendor, u"EDK II");
    return 0;
}

static enum status parse(void)
{
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, MAP, map.bytes, map.len);
    fake_boot_mem_add(&f, TABLES, entries.bytes, entries.len);
    fake_boot_mem_add(&f, OPTIONS, options.bytes, options.len);
    fake_boot_mem_add(&f, VENDOR, vendor.bytes, vendor.len);
    efi.map = MAP;
    efi.map_size = efi.map_size != 0 ? efi.map_size : map.len;
    efi.descriptor_size = efi.descriptor_size != 0 ? efi.descriptor_size : DESCRIPTOR;
    efi.tables = TABLES;
    efi.table_count = efi.table_count != 0 ? efi.table_count : entries.len / 24;
    efi.vendor = VENDOR;
    if (options.len != 0) {
        efi.options = OPTIONS;
        efi.options_size = options.len;
    }
    memset(&info, 0, sizeof(info));
    enum status s = efi_parse(&f.mem, &efi, &tree, &info);
    fake_boot_mem_release(&f);
    assert_null(boot_check_invariants(&info));
    if (s != OK) {
        assert_true(boot_check_only_notes(&info));
    }
    return s;
}

static void expect_range(uint32_t i, uint64_t base, uint64_t len, enum boot_range_kind kind)
{
    assert_true(i < info.range_count);
    assert_int_equal(info.ranges[i].base, base);
    assert_int_equal(info.ranges[i].len, len);
    assert_int_equal(info.ranges[i].kind, kind);
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

static void put_plain_map(void)
{
    put_memory(FREE, 0x40000000, 0x10000, WB);
    put_table("\xd5\x21\xb6\xb1\x9c\xf1\xa5\x41\x83\x0b\xd9\x15\x2c\x69\xaa\xe0", 0x48000000);
}

static void test_kinds_of_memory(void **state)
{
    (void)state;
    put_memory(9, 0x5c430000, 0x10, WB);            /* ACPI tables: deliberately unsorted */
    put_memory(FREE, 0x40000000, 0x1c400, WB);      /* free */
    put_memory(2, 0x5c400000, 0x30, WB);            /* loader data */
    put_memory(5, 0x5c440000, 0x10, WB | RUNTIME);  /* runtime code */
    put_memory(4, 0x5c450000, 0x10, WB);            /* boot services data */
    put_memory(10, 0x5c460000, 1, WB);              /* NVS */
    put_memory(8, 0x5c461000, 1, WB);               /* defective */
    put_memory(11, 0x09010000, 1, 1 | RUNTIME);     /* registers */
    put_memory(FREE, 0x60000000, 1, 1);             /* free, but uncached: not RAM */
    put_memory(FREE, 0x70000000, 1, WB | SPECIFIC); /* reserved for a specific purpose */
    put_memory(0x80000001, 0x71000000, 1, WB);      /* a type that only the loader knows */
    assert_int_equal(parse(), OK);
    assert_int_equal(info.protocol, BOOT_EFI);
    assert_string_equal(info.loader, "EDK II");
    assert_int_equal(info.range_count, 10);
    expect_range(0, 0x09010000, 0x1000, BOOT_RESERVED);
    expect_range(1, 0x40000000, 0x1c430000, BOOT_RAM);
    expect_range(2, 0x5c430000, 0x10000, BOOT_ACPI_RECLAIM);
    expect_range(3, 0x5c440000, 0x10000, BOOT_RESERVED);
    expect_range(4, 0x5c450000, 0x10000, BOOT_RAM);
    expect_range(5, 0x5c460000, 0x1000, BOOT_ACPI_NVS);
    expect_range(6, 0x5c461000, 0x1000, BOOT_BAD);
    expect_range(7, 0x60000000, 0x1000, BOOT_RESERVED);
    expect_range(8, 0x70000000, 0x1000, BOOT_RESERVED);
    expect_range(9, 0x71000000, 0x1000, BOOT_RESERVED);
    assert_int_equal(info.note_count, 0);
}

static void test_impossible_maps(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {8, 39, 41, 1025, 2048, UINT64_MAX};
    put_plain_map();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        efi.descriptor_size = sizes[i];
        assert_int_equal(parse(), E_CORRUPT);
        expect_note("unreadable memory map");
    }
    efi.descriptor_size = DESCRIPTOR;
    efi.map_size = map.len + DESCRIPTOR; /* reads past the memory */
    assert_int_equal(parse(), E_CORRUPT);
    efi.map_size = UINT64_MAX;
    assert_int_equal(parse(), E_CORRUPT);
    efi.map_size = DESCRIPTOR - 8; /* less than one descriptor */
    assert_int_equal(parse(), E_CORRUPT);
    efi.map_size = map.len;
    assert_int_equal(parse(), OK);
}

static void test_wrong_memory_descriptors(void **state)
{
    (void)state;
    put_memory(FREE, 0x40000000, 0x100, WB);
    put_memory(FREE, 0x40080000, 0x100, WB);           /* overlaps free memory */
    put_memory(ACPI_NVS, 0x40010000, 1, WB);           /* inside free memory */
    put_memory(FREE, 0x80000000, UINT64_MAX >> 4, WB); /* its size in bytes overflows */
    put_memory(FREE, UINT64_MAX - 0xfff, 2, WB);       /* wraps around */
    put_memory(FREE, 0x50000000, 0, WB);               /* empty */
    assert_int_equal(parse(), OK);
    expect_range(0, 0x40000000, 0x10000, BOOT_RAM);
    expect_range(1, 0x40010000, 0x1000, BOOT_ACPI_NVS);
    expect_range(2, 0x40011000, 0x16f000, BOOT_RAM);
    assert_int_equal(info.range_count, 3);
    expect_note("impossible length");
    expect_note("wraps around");
    expect_note("overlap");
}

static void test_no_memory_at_all(void **state)
{
    (void)state;
    put_memory(11, 0x09010000, 1, 1);
    assert_int_equal(parse(), E_NOENT);
    expect_note("names no memory");
}

static void test_tables(void **state)
{
    (void)state;
    static const char acpi_1[] = "\x30\x2d\x9d\xeb\x88\x2d\xd3\x11\x9a\x16\x00\x90\x27\x3f\xc1\x4d";
    static const char acpi_2[] = "\x71\xe8\x68\x88\xf1\xe4\xd3\x11\xbc\x22\x00\x80\xc7\x3c\x88\x81";
    put_plain_map();
    put_table(acpi_2, 0x5c430018);
    put_table(acpi_1, 0x5c430000); /* an older version, and later in the list: ignored */
    assert_int_equal(parse(), OK);
    assert_int_equal(tree, 0x48000000);
    assert_int_equal(info.acpi.rsdp, 0x5c430018);

    entries.len = 0;
    put_table(acpi_1, 0x5c430000);
    assert_int_equal((efi.table_count = 0, parse()), OK);
    assert_int_equal(tree, 0);
    assert_int_equal(info.acpi.rsdp, 0x5c430000);

    static const uint64_t counts[] = {2, 1025, UINT64_MAX, UINT64_MAX / 24 + 2};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        efi.table_count = counts[i];
        assert_int_equal(parse(), OK);
        assert_int_equal(info.acpi.rsdp, 0);
        expect_note("unreadable configuration tables");
    }
}

static void expect_line(const uint16_t *wide, const char *line)
{
    options.len = 0;
    put_wide(&options, wide);
    efi.options_are_wide = true;
    assert_int_equal(parse(), OK);
    assert_string_equal(info.cmdline, line);
    assert_int_equal(info.note_count, 0);
}

static void test_command_line(void **state)
{
    (void)state;
    put_plain_map();
    expect_line(u"", "");
    expect_line(u"shell loglevel=7", "shell loglevel=7");
    /* bytes that firmware widened to UTF-16 */
    expect_line(u"a\u00c3\u00b6", "a\xc3\xb6");
    expect_line(u"\u0416\u20ac", "\xd0\x96\xe2\x82\xac"); /* characters */
    expect_line(u"\U0001f600", "\xf0\x9f\x98\x80");
    static const uint16_t halves[] = {0xd83d, 'x', 0xde00, 0xd83d, 0};
    expect_line(halves, "\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd");
    expect_line(u"run=/bin/x -- initrd=initrd", "run=/bin/x -- initrd=initrd");

    /* A file beside the image: without a terminating zero, and not UTF-16. */
    options.len = 0;
    blob_put(&options, "poweroff test", 13);
    efi.options_are_wide = false;
    assert_int_equal(parse(), OK);
    assert_string_equal(info.cmdline, "poweroff test");
}

static void test_word_of_a_loader_that_passes_an_initrd(void **state)
{
    (void)state;
    put_plain_map();
    efi.initrd = 0x41000001;
    efi.initrd_size = 5000;
    expect_line(u"run=/bin/x -- a initrd=initrd", "run=/bin/x -- a");
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].base, 0x41000001);
    assert_int_equal(info.modules[0].len, 5000);
    assert_string_equal(info.modules[0].name, "initrd");
    assert_int_equal(info.reserved_count, 1);
    expect_line(u"initrd=initrd", "");
    expect_line(u"initrd=x shell", "initrd=x shell");
    expect_line(u"shell", "shell");

    efi.initrd = efi.initrd_size = 0;
    assert_int_equal(parse(), OK);
    assert_int_equal(info.module_count, 0);
    efi.initrd_is_empty = true;
    expect_line(u"shell initrd=initrd", "shell");
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].len, 0);
    assert_int_equal(info.reserved_count, 0);
    efi.initrd_is_empty = false;
    efi.initrd_size = 5000;

    efi.initrd = 0x39000000; /* not RAM */
    assert_int_equal(parse(), OK);
    assert_int_equal(info.module_count, 0);
    expect_note("outside RAM");
}

static void test_command_line_too_long(void **state)
{
    (void)state;
    put_plain_map();
    efi.options_are_wide = true;
    for (unsigned i = 0; i < BOOT_CMDLINE_MAX - 1; i++) {
        blob_le16(&options, 'x');
    }
    assert_int_equal(parse(), OK); /* fits exactly, without a zero */
    assert_int_equal(info.note_count, 0);
    assert_int_equal(strlen(info.cmdline), BOOT_CMDLINE_MAX - 1);
    blob_le16(&options, 0x20ac);
    assert_int_equal(parse(), OK);
    expect_note("command line too long");
    assert_int_equal(strlen(info.cmdline), BOOT_CMDLINE_MAX - 1);

    efi.options = 0x900000; /* nothing there */
    options.len = 0;
    assert_int_equal(parse(), OK);
    expect_note("unreadable");
}

static void test_screen(void **state)
{
    (void)state;
    put_plain_map();
    const struct boot_efi_screen good = {.present = true,
                                         .base = 0x5f000000,
                                         .size = 800 * 600 * 4,
                                         .width = 800,
                                         .height = 600,
                                         .pixels_per_line = 800,
                                         .format = 1};
    efi.screen = good;
    assert_int_equal(parse(), OK);
    const struct boot_framebuffer *fb = &info.framebuffer;
    assert_true(fb->present && !fb->is_text);
    assert_int_equal(fb->pitch_bytes, 3200);
    assert_int_equal(fb->bits_per_pixel, 32);
    assert_int_equal(fb->red_shift, 16);
    assert_int_equal(fb->blue_shift, 0);
    efi.screen.format = 0;
    assert_int_equal(parse(), OK);
    assert_int_equal(fb->red_shift, 0);
    efi.screen.format = 2;
    efi.screen.red_mask = 0x3ff00000;
    efi.screen.green_mask = 0xffc00;
    efi.screen.blue_mask = 0x3ff;
    assert_int_equal(parse(), OK);
    assert_int_equal(fb->green_shift, 10);
    assert_int_equal(fb->green_bits, 10);

    const struct boot_efi_screen bad[] = {
        {.present = true,
         .base = 0,
         .size = UINT64_MAX,
         .width = 8,
         .height = 8,
         .pixels_per_line = 8},
        {.present = true,
         .base = 0x5f000000,
         .size = 255,
         .width = 8,
         .height = 8,
         .pixels_per_line = 8},
        {.present = true,
         .base = 0x5f000000,
         .size = 512,
         .width = 9,
         .height = 8,
         .pixels_per_line = 8},
        {.present = true,
         .base = UINT64_MAX - 3,
         .size = 512,
         .width = 8,
         .height = 8,
         .pixels_per_line = 8},
        {.present = true,
         .base = 0x5f000000,
         .size = UINT64_MAX,
         .width = 1,
         .height = UINT32_MAX,
         .pixels_per_line = UINT32_MAX},
        {.present = true,
         .base = 0x5f000000,
         .size = 512,
         .width = 8,
         .height = 8,
         .pixels_per_line = 8,
         .format = 3},
        {.present = true,
         .base = 0x5f000000,
         .size = 512,
         .width = 8,
         .height = 8,
         .pixels_per_line = 8,
         .format = 2,
         .red_mask = 0xff00ff,
         .green_mask = 0xff00,
         .blue_mask = 0xff000000},
        {.present = true,
         .base = 0x5f000000,
         .size = 512,
         .width = 8,
         .height = 8,
         .pixels_per_line = 8,
         .format = 2,
         .red_mask = 0xff0000,
         .green_mask = 0xff00,
         .blue_mask = 0xffff},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        efi.screen = bad[i];
        assert_int_equal(parse(), OK);
        assert_false(fb->present);
        expect_note("cannot be drawn on");
    }
}

static void test_time(void **state)
{
    (void)state;
    put_plain_map();
    assert_int_equal(parse(), OK);
    assert_false(info.time.present);
    const struct boot_efi_time good = {2031, 5, 6, 7, 8, 9, 2047};
    efi.time = good;
    assert_int_equal(parse(), OK);
    assert_true(info.time.present);
    assert_int_equal(info.time.year, 2031);
    assert_int_equal(info.time.zone_minutes, 0);
    efi.time.zone_minutes = -120;
    assert_int_equal(parse(), OK);
    assert_int_equal(info.time.zone_minutes, -120);
    const struct boot_efi_time bad[] = {{1969, 5, 6, 7, 8, 9, 0},  {9999, 5, 6, 7, 8, 9, 0},
                                        {2031, 0, 6, 7, 8, 9, 0},  {2031, 13, 6, 7, 8, 9, 0},
                                        {2031, 5, 0, 7, 8, 9, 0},  {2031, 5, 32, 7, 8, 9, 0},
                                        {2031, 5, 6, 24, 8, 9, 0}, {2031, 5, 6, 7, 60, 9, 0},
                                        {2031, 5, 6, 7, 8, 60, 0}, {2031, 5, 6, 7, 8, 9, 1441}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        efi.time = bad[i];
        assert_int_equal(parse(), OK);
        assert_false(info.time.present);
        expect_note("has no valid time");
    }
}

static void test_seed(void **state)
{
    (void)state;
    put_plain_map();
    assert_int_equal(parse(), OK);
    assert_int_equal(info.seed.len, 0);
    assert_int_equal(info.seed.sources[BOOT_SEED_FIRMWARE].len, 0);
    memset(efi.seed, 0xa5, sizeof(efi.seed));
    efi.seed_len = BOOT_EFI_SEED;
    assert_int_equal(parse(), OK);
    assert_int_equal(info.seed.len, BOOT_EFI_SEED);
    assert_memory_equal(info.seed.bytes, efi.seed, BOOT_EFI_SEED);
    assert_int_equal(info.seed.sources[BOOT_SEED_FIRMWARE].len, BOOT_EFI_SEED);
    assert_true(info.seed.sources[BOOT_SEED_FIRMWARE].at == (uintptr_t)efi.seed);
    efi.seed_len = BOOT_EFI_SEED + 1;
    assert_int_equal(parse(), OK);
    assert_int_equal(info.seed.len, 0);
    expect_note("a seed of too many bytes");
}

static bool choose(uint64_t size, uint64_t *out)
{
    return efi_choose_place(map.bytes, map.len, DESCRIPTOR, size, 2 * MIB, GIB, out);
}

static void test_place_for_the_image(void **state)
{
    (void)state;
    uint64_t place = 7;
    put_memory(4, 0, 0x100000, WB);            /* in use */
    put_memory(FREE, 0x3ff00000, 0x100, WB);   /* large enough, but too close to its end */
    put_memory(FREE, 0x40001000, 0x1c000, WB); /* the most */
    put_memory(FREE, 0x80000000, 0x80000, 1);  /* not cached */
    put_memory(FREE, UINT64_C(1) << 63, UINT64_MAX >> 12, WB); /* ends nowhere */
    assert_true(choose(MIB, &place));
    assert_int_equal(place, 0x40200000);
    assert_false(choose(GIB, &place));
    assert_int_equal(place, 0x40200000);

    /* A range across a boundary of the span is used in parts. */
    map.len = 0;
    put_memory(FREE, 0x7fe00000, 0x300, WB);
    assert_true(choose(MIB, &place));
    assert_int_equal(place, 0x7fe00000);
    assert_false(choose(2 * MIB + 1, &place));
    put_memory(FREE, 0x7fe00000, 0x400, WB);
    assert_true(choose(MIB, &place));

    /* Address 0 means "none". */
    map.len = 0;
    put_memory(FREE, 0, 0x400, WB);
    assert_true(choose(MIB, &place));
    assert_int_equal(place, 2 * MIB);

    assert_false(efi_choose_place(map.bytes, map.len, 8, MIB, 2 * MIB, GIB, &place));
    assert_false(efi_choose_place(map.bytes, 0, DESCRIPTOR, MIB, 2 * MIB, GIB, &place));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_kinds_of_memory, setup),
        cmocka_unit_test_setup(test_impossible_maps, setup),
        cmocka_unit_test_setup(test_wrong_memory_descriptors, setup),
        cmocka_unit_test_setup(test_no_memory_at_all, setup),
        cmocka_unit_test_setup(test_tables, setup),
        cmocka_unit_test_setup(test_command_line, setup),
        cmocka_unit_test_setup(test_word_of_a_loader_that_passes_an_initrd, setup),
        cmocka_unit_test_setup(test_command_line_too_long, setup),
        cmocka_unit_test_setup(test_screen, setup),
        cmocka_unit_test_setup(test_time, setup),
        cmocka_unit_test_setup(test_seed, setup),
        cmocka_unit_test_setup(test_place_for_the_image, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
