// SPDX-License-Identifier: MIT
//
// Packing into windows: nothing overlaps or extends past a window, fixed items stay in place, and
// the guarantees of pci_pack() hold.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/pci/place.h"

#define MAX_ITEMS 40

static struct pci_item item(uint64_t size)
{
    return (struct pci_item){.size = size, .align = size};
}

static void check(const struct pci_item *items, size_t count, size_t placed, uint64_t base,
                  uint64_t len)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(items[i].is_placed, i < placed);
        if (i >= placed) {
            continue;
        }
        assert_int_equal(items[i].address & (items[i].align - 1), 0);
        assert_true(items[i].address >= base);
        assert_true(items[i].size <= len && items[i].address - base <= len - items[i].size);
        if (i > 0) {
            assert_true(items[i].address - items[i - 1].address >= items[i - 1].size);
            assert_true(items[i].address > items[i - 1].address);
        }
    }
}

static void test_largest_first_wastes_nothing(void **state)
{
    (void)state;
    struct pci_item items[] = {item(0x1000), item(0x100000), item(0x1000), item(0x10000)};
    assert_int_equal(pci_place(items, 4, 0x10000000, 0x112000), 4);
    check(items, 4, 4, 0x10000000, 0x112000);
    assert_int_equal(items[0].size, 0x100000);
    assert_int_equal(items[3].address, 0x10111000);
}

static void test_items_that_do_not_fit_are_omitted(void **state)
{
    (void)state;
    struct pci_item items[] = {item(0x1000), item(0x40000000), item(0x1000)};
    assert_int_equal(pci_place(items, 3, 0x10000000, 0x2000), 2);
    check(items, 3, 2, 0x10000000, 0x2000);
    assert_int_equal(items[2].size, 0x40000000);
}

static void test_fixed_items_stay(void **state)
{
    (void)state;
    struct pci_item items[] = {item(0x1000), item(0x2000), item(0x1000)};
    items[1].is_fixed = true;
    items[1].address = 0x10000000;
    items[2].is_fixed = true;
    items[2].address = 0x10003000;
    assert_int_equal(pci_place(items, 3, 0x10000000, 0x4000), 3);
    check(items, 3, 3, 0x10000000, 0x4000);
    assert_int_equal(items[0].address, 0x10000000);
    assert_int_equal(items[0].size, 0x2000);
    assert_int_equal(items[1].address, 0x10002000);
    assert_int_equal(items[2].address, 0x10003000);
}

static void test_a_fixed_item_in_an_impossible_place_is_moved(void **state)
{
    (void)state;
    const uint64_t wrong[] = {0x0ffff000, 0x10004000,        0x10000800, 0x10001000 /* taken */,
                              0,          UINT64_MAX - 0xfff};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct pci_item items[] = {item(0x1000), item(0x1000)};
        items[0].is_fixed = items[1].is_fixed = true;
        items[0].address = 0x10001000;
        items[1].address = wrong[i];
        assert_int_equal(pci_place(items, 2, 0x10000000, 0x4000), 2);
        check(items, 2, 2, 0x10000000, 0x4000);
        assert_int_equal(items[0].address, 0x10000000);
    }
}

static void test_the_end_of_the_address_space(void **state)
{
    (void)state;
    struct pci_item items[] = {item(0x1000), item((uint64_t)1 << 63)};
    assert_int_equal(pci_place(items, 2, UINT64_MAX - 0xfff, UINT64_MAX), 0);
    check(items, 2, 0, 0, 0);
    assert_int_equal(pci_place(items, 2, UINT64_MAX - 0x2fff, 0x2000), 1);
    /* no room is left after alignment */
    assert_int_equal(pci_place(items, 2, 1, UINT64_MAX - 1), 1);
    assert_int_equal(pci_place(items, 2, 0, UINT64_MAX), 2);
    assert_int_equal(pci_place(items, 2, 0, 0), 0);
}

static void test_random_sets(void **state)
{
    (void)state;
    srand(3);
    for (int round = 0; round < 2000; round++) {
        struct pci_item items[MAX_ITEMS];
        size_t count = (size_t)rand() % MAX_ITEMS;
        uint64_t total = 0;
        for (size_t i = 0; i < count; i++) {
            items[i] = item((uint64_t)16 << rand() % 16);
            items[i].is_fixed = rand() % 3 == 0;
            items[i].address = 0x100000 + (uint64_t)(rand() % 0x400) * items[i].size;
            total += items[i].size;
        }
        uint64_t len = rand() % 4 == 0 ? total / 2 : 4 * total + 0x100000;
        size_t placed = pci_place(items, count, 0x100000, len);
        check(items, count, placed, 0x100000, len);

        uint64_t align;
        uint64_t need = pci_pack(items, count, &align);
        assert_true(need >= total);
        uint64_t base = 0x7ull * align; /* any multiple of the alignment */
        assert_int_equal(pci_place(items, count, base, need), count);
        check(items, count, count, base, need);
        if (count > 0) {
            assert_true(pci_place(items, count, base, need - 1) < count);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_largest_first_wastes_nothing),
        cmocka_unit_test(test_items_that_do_not_fit_are_omitted),
        cmocka_unit_test(test_fixed_items_stay),
        cmocka_unit_test(test_a_fixed_item_in_an_impossible_place_is_moved),
        cmocka_unit_test(test_the_end_of_the_address_space),
        cmocka_unit_test(test_random_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
