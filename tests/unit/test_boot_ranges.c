// SPDX-License-Identifier: MIT
//
// boot/ranges.c against a model with one entry for each page.
#include "boot/ranges.h"

#include "boot/note.h"
#include "fake/boot_check.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MODEL_PAGES 64
#define ABSENT      (-1)

static struct boot_info *fresh(void)
{
    struct boot_info *info = calloc(1, sizeof(*info));
    assert_non_null(info);
    return info;
}

static void assert_range(const struct boot_range *r, uint64_t base, uint64_t end,
                         enum boot_range_kind kind)
{
    assert_int_equal(r->base, base);
    assert_int_equal(r->base + r->len, end);
    assert_int_equal(r->kind, kind);
}

static void test_ram_shrinks_and_reserved_grows_to_pages(void **state)
{
    (void)state;
    struct boot_info *info = fresh();
    boot_range_add(info, 0x0, 0x9fc00, BOOT_RAM);
    boot_range_add(info, 0x9fc00, 0x400, BOOT_RESERVED);
    assert_int_equal(info->range_count, 2);
    assert_range(&info->ranges[0], 0, 0x9f000, BOOT_RAM);
    assert_range(&info->ranges[1], 0x9f000, 0xa0000, BOOT_RESERVED);
    boot_range_add(info, 0x200001, 0xffe, BOOT_RAM); /* less than a page */
    assert_int_equal(info->range_count, 2);
    free(info);
}

static void test_reserved_inside_ram_splits_it_in_either_order(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct boot_info *info = fresh();
        if (order == 0) {
            boot_range_add(info, 0, 0x10000, BOOT_RAM);
        }
        boot_range_add(info, 0x4000, 0x1000, BOOT_RESERVED);
        if (order == 1) {
            boot_range_add(info, 0, 0x10000, BOOT_RAM);
        }
        assert_int_equal(info->range_count, 3);
        assert_range(&info->ranges[0], 0, 0x4000, BOOT_RAM);
        assert_range(&info->ranges[1], 0x4000, 0x5000, BOOT_RESERVED);
        assert_range(&info->ranges[2], 0x5000, 0x10000, BOOT_RAM);
        assert_int_equal(boot_total_ram(info), 0xf000);
        free(info);
    }
}

static void test_touching_ranges_of_one_kind_merge(void **state)
{
    (void)state;
    struct boot_info *info = fresh();
    boot_range_add(info, 0x1000, 0x1000, BOOT_RAM);
    boot_range_add(info, 0x3000, 0x1000, BOOT_RAM);
    boot_range_add(info, 0x2000, 0x1000, BOOT_RAM);
    assert_int_equal(info->range_count, 1);
    assert_range(&info->ranges[0], 0x1000, 0x4000, BOOT_RAM);
    free(info);
}

static void test_wrapping_range_is_noted_and_never_becomes_ram(void **state)
{
    (void)state;
    struct boot_info *info = fresh();
    boot_range_add(info, 0x1000, UINT64_MAX, BOOT_RAM);
    assert_int_equal(info->range_count, 0);
    assert_int_equal(info->note_count, 1);
    boot_range_add(info, UINT64_MAX - 0x2fff, UINT64_MAX, BOOT_RESERVED);
    assert_int_equal(info->range_count, 1);
    assert_null(boot_check_invariants(info));
    boot_range_add(info, UINT64_MAX - 10, 10, BOOT_RAM);
    boot_range_add(info, UINT64_MAX - 10, 10, BOOT_RESERVED);
    assert_null(boot_check_invariants(info));
    free(info);
}

/* Write the kind of every page of the model from the list. */
static void flatten(const struct boot_range *list, uint32_t count, int *pages)
{
    for (int p = 0; p < MODEL_PAGES; p++) {
        pages[p] = ABSENT;
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint64_t a = list[i].base; a < list[i].base + list[i].len; a += PAGE_SIZE) {
            assert_true(a / PAGE_SIZE < MODEL_PAGES);
            pages[a / PAGE_SIZE] = (int)list[i].kind;
        }
    }
}

static int strength(int kind)
{
    static const int order[] = {BOOT_RAM, BOOT_ACPI_RECLAIM, BOOT_RESERVED, BOOT_ACPI_NVS,
                                BOOT_BAD};
    for (int i = 0; i < 5; i++) {
        if (order[i] == kind) {
            return i;
        }
    }
    return -1;
}

/* In a firmware's map. Reserved memory of a device tree always overlaps RAM. */
static void test_maps_that_overlap_or_are_not_in_order(void **state)
{
    (void)state;
    enum { RAM = 1, RESERVED = 2, NVS = 4 };
    static const struct {
        struct {
            uint64_t base, len;
            uint32_t type;
        } entry[3];
        const char *note;
    } cases[] = {
        {{{0, 0x9fc00, RAM}, {0x9fc00, 0x400, RESERVED}, {0x100000, 0x100000, RAM}}, NULL},
        {{{0x1000, 0x800, NVS}, {0x1800, 0x400, RESERVED}, {0x1c00, 0x1000, RAM}}, NULL},
        {{{0, 0x1000, RAM}, {0x3000, 0, RAM}, {0x3000, 0, RAM}}, NULL},
        {{{0, 0x10000, RAM}, {0x8000, 0x1000, RESERVED}, {0x100000, 0x1000, RAM}},
         "memory map: entries overlap, the more careful one counts, at 0x8000"},
        {{{0, 0x10000, RESERVED}, {0x8000, 0x10000, RAM}, {0x9000, 0x10000, RAM}},
         "memory map: entries overlap, the more careful one counts, at 0x8000"},
        {{{0x100000, 0x100000, RAM}, {0, 0x10000, RAM}, {0x20000, 0x10000, RAM}},
         "memory map: not in order, sorted, from 0x0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct boot_info *info = fresh();
        uint64_t previous = 0;
        for (size_t k = 0; k < 3; k++) {
            uint8_t entry[20];
            store_le64(entry, cases[i].entry[k].base);
            store_le64(entry + 8, cases[i].entry[k].len);
            store_le32(entry + 16, cases[i].entry[k].type);
            boot_map_add_e820(info, entry, &previous);
        }
        assert_int_equal(info->note_count, cases[i].note != NULL);
        if (cases[i].note != NULL) {
            assert_string_equal(info->notes[0], cases[i].note);
        }
        assert_null(boot_check_invariants(info));
        free(info);
    }
}

static void test_windows_that_touch_ram(void **state)
{
    (void)state;
    struct boot_info *info = fresh();
    boot_range_add(info, 0x1000, 0x1000, BOOT_RESERVED);
    boot_range_add(info, 0x2000, 0x1000, BOOT_RAM);
    boot_range_add(info, 0x8000, 0x1000, BOOT_ACPI_RECLAIM);
    assert_false(boot_is_any_ram(info, 0, 0x2000));
    assert_true(boot_is_any_ram(info, 0, 0x2001));
    assert_true(boot_is_any_ram(info, 0x2fff, 1));
    assert_false(boot_is_any_ram(info, 0x3000, 0x5000));
    assert_true(boot_is_any_ram(info, 0x3000, UINT64_MAX));
    assert_false(boot_is_any_ram(info, 0x2800, 0));
    assert_false(boot_is_any_ram(info, 0x9000, UINT64_MAX - 0x9000));
    free(info);
}

static void test_the_last_note_reports_dropped_ones(void **state)
{
    (void)state;
    struct boot_info *info = fresh();
    for (uint64_t i = 0; i < 2 * BOOT_MAX_NOTES; i++) {
        boot_note_value(info, "test: number", i);
        boot_note_once(info, "test: number", i);
    }
    assert_int_equal(info->note_count, BOOT_MAX_NOTES);
    assert_string_equal(info->notes[BOOT_MAX_NOTES - 2], "test: number 0xe");
    assert_string_equal(info->notes[BOOT_MAX_NOTES - 1],
                        "boot data: too many remarks, the later ones are lost");
    free(info);
}

static void test_random_maps_agree_with_the_page_model(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 3000; round++) {
        struct boot_info *info = fresh();
        int want[MODEL_PAGES];
        int want_reserved[MODEL_PAGES];
        for (int p = 0; p < MODEL_PAGES; p++) {
            want[p] = want_reserved[p] = ABSENT;
        }
        for (int n = rand() % 30; n >= 0; n--) {
            uint64_t base = (uint64_t)(rand() % MODEL_PAGES);
            uint64_t len = (uint64_t)rand() % (MODEL_PAGES - base + 1);
            if (rand() % 3 == 0) {
                boot_reserve(info, base * PAGE_SIZE, len * PAGE_SIZE);
                for (uint64_t p = base; p < base + len; p++) {
                    want_reserved[p] = BOOT_RESERVED;
                }
                continue;
            }
            int kind = rand() % 5;
            boot_range_add(info, base * PAGE_SIZE, len * PAGE_SIZE, (enum boot_range_kind)kind);
            for (uint64_t p = base; p < base + len; p++) {
                want[p] = strength(kind) > strength(want[p]) ? kind : want[p];
            }
        }
        int got[MODEL_PAGES];
        flatten(info->ranges, info->range_count, got);
        assert_memory_equal(got, want, sizeof(got));
        flatten(info->reserved, info->reserved_count, got);
        assert_memory_equal(got, want_reserved, sizeof(got));
        assert_null(boot_check_invariants(info));

        /* Free means usable and not reserved. */
        struct boot_range r;
        uint64_t cursor = 0;
        int is_free[MODEL_PAGES] = {0};
        while (boot_next_free(info, &cursor, &r)) {
            for (uint64_t a = r.base; a < r.base + r.len; a += PAGE_SIZE) {
                is_free[a / PAGE_SIZE]++;
            }
        }
        for (int p = 0; p < MODEL_PAGES; p++) {
            bool usable = want[p] == BOOT_RAM || want[p] == BOOT_ACPI_RECLAIM;
            assert_int_equal(is_free[p], usable && want_reserved[p] == ABSENT);
        }
        free(info);
    }
}

static void test_full_map_loses_ranges_but_never_gains_ram(void **state)
{
    (void)state;
    struct boot_info *info = fresh();
    boot_range_add(info, 0, 0x1000000, BOOT_RAM);
    for (uint64_t i = 0; i < 300; i++) {
        boot_range_add(info, 0x1000 + i * 0x3000, 0x1000, BOOT_RESERVED);
    }
    assert_null(boot_check_invariants(info));
    assert_int_equal(info->range_count, BOOT_MAX_RANGES);
    assert_true(info->note_count > 0);
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *r = &info->ranges[i];
        for (uint64_t k = 0; k < 300 && r->kind == BOOT_RAM; k++) {
            uint64_t hole = 0x1000 + k * 0x3000;
            assert_false(r->base < hole + 0x1000 && hole < r->base + r->len);
        }
    }
    free(info);
}

/* RAM that is added later, and merged with other RAM, does not cover ranges
 * for which the map had no room. */
static void test_memory_outside_a_full_map_stays_forbidden(void **state)
{
    (void)state;
    struct boot_info *info = fresh();
    for (uint64_t i = 0; i < BOOT_MAX_RANGES; i++) {
        boot_range_add(info, i * 0x4000, 0x1000, BOOT_RAM);
    }
    boot_range_add(info, 0x2000, 0x1000, BOOT_RESERVED);
    assert_true(info->note_count > 0);
    boot_range_add(info, 0x1000, 0x3000, BOOT_RAM);
    uint64_t cursor = 0;
    struct boot_range free_range;
    while (boot_next_free(info, &cursor, &free_range)) {
        assert_false(free_range.base < 0x3000 && free_range.base + free_range.len > 0x2000);
    }
    assert_true(boot_is_any_ram(info, 0x1000, 0x1000)); /* the rest was added */
    free(info);
}

static void test_unreachable_ram(void **state)
{
    (void)state;
    struct boot_info *info = fresh();
    boot_range_add(info, 0, 0x10000, BOOT_RAM);
    boot_range_add(info, 0xf000000, 0x2000000, BOOT_RAM);
    boot_range_add(info, 0x20000000, 0x1000, BOOT_RESERVED);
    boot_range_add(info, 0x30000000, 0x1000, BOOT_ACPI_RECLAIM);
    boot_limit_ram(info, 0x10000000);
    assert_null(boot_check_invariants(info));
    assert_int_equal(info->range_count, 3);
    assert_range(&info->ranges[0], 0, 0x10000, BOOT_RAM);
    assert_range(&info->ranges[1], 0xf000000, 0x10000000, BOOT_RAM);
    assert_range(&info->ranges[2], 0x20000000, 0x20001000, BOOT_RESERVED);
    assert_int_equal(info->note_count, 2);
    boot_limit_ram(info, 0x10000000); /* nothing is above the limit: no note */
    assert_int_equal(info->note_count, 2);
    free(info);
}

static void test_full_reservations_cover_all_requests(void **state)
{
    (void)state;
    struct boot_info *info = fresh();
    boot_range_add(info, 0, 0x10000000, BOOT_RAM);
    for (uint64_t i = 0; i < 400; i++) {
        uint64_t slot = i * 7919 % 400; /* in neither ascending nor descending order */
        boot_reserve(info, 0x10000 + slot * 0x4000 + 5, 0x1000);
    }
    assert_null(boot_check_invariants(info));
    for (uint64_t i = 0; i < 400; i++) {
        uint64_t base = 0x10000 + i * 0x4000;
        bool is_covered = false;
        for (uint32_t k = 0; k < info->reserved_count; k++) {
            const struct boot_range *r = &info->reserved[k];
            is_covered |= r->base <= base && r->base + r->len >= base + 0x2000;
        }
        assert_true(is_covered);
    }
    free(info);
}

static void test_module_must_lie_in_ram(void **state)
{
    (void)state;
    static const uint8_t name[] = "initrd";
    struct boot_info *info = fresh();
    boot_range_add(info, 0x100000, 0x10000, BOOT_RAM);
    boot_range_add(info, 0x110000, 0x10000, BOOT_ACPI_RECLAIM);
    /* across two usable kinds of memory */
    boot_add_module(info, 0x10f800, 0x1000, name, sizeof(name));
    assert_int_equal(info->module_count, 1);
    assert_string_equal(info->modules[0].name, "initrd");
    assert_int_equal(info->reserved_count, 1);
    assert_range(&info->reserved[0], 0x10f000, 0x111000, BOOT_RESERVED);
    boot_add_module(info, 0x11f000, 0x1001, name, sizeof(name));
    boot_add_module(info, 0xff000, 0x2000, name, sizeof(name));
    boot_add_module(info, UINT64_MAX, 2, name, sizeof(name));
    assert_int_equal(info->module_count, 1);
    assert_int_equal(info->note_count, 3);
    free(info);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ram_shrinks_and_reserved_grows_to_pages),
        cmocka_unit_test(test_reserved_inside_ram_splits_it_in_either_order),
        cmocka_unit_test(test_touching_ranges_of_one_kind_merge),
        cmocka_unit_test(test_wrapping_range_is_noted_and_never_becomes_ram),
        cmocka_unit_test(test_maps_that_overlap_or_are_not_in_order),
        cmocka_unit_test(test_windows_that_touch_ram),
        cmocka_unit_test(test_the_last_note_reports_dropped_ones),
        cmocka_unit_test(test_random_maps_agree_with_the_page_model),
        cmocka_unit_test(test_full_map_loses_ranges_but_never_gains_ram),
        cmocka_unit_test(test_memory_outside_a_full_map_stays_forbidden),
        cmocka_unit_test(test_unreachable_ram),
        cmocka_unit_test(test_full_reservations_cover_all_requests),
        cmocka_unit_test(test_module_must_lie_in_ram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
