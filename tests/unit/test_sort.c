// SPDX-License-Identifier: MIT
//
// Sorting: the result is in order and has the same elements.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/lib/sort.h"

#define COUNT 300u

struct item {
    uint32_t key;
    uint8_t more[5]; /* makes the size different from any word's */
};

static unsigned comparisons;

static bool before(const void *a, const void *b)
{
    comparisons++;
    return ((const struct item *)a)->key < ((const struct item *)b)->key;
}

static struct item item(uint32_t key)
{
    return (struct item){key, {(uint8_t)key, 1, 2, 3, (uint8_t)(key >> 8)}};
}

/* Keys are below COUNT. */
static void check(const uint32_t *keys, size_t count)
{
    _Alignas(uint32_t) struct item items[COUNT];
    unsigned seen[COUNT] = {0};
    for (size_t i = 0; i < count; i++) {
        items[i] = item(keys[i]);
        seen[keys[i]]++;
    }
    sort_array(items, count, sizeof(items[0]), before);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || items[i - 1].key <= items[i].key);
        assert_int_equal(items[i].more[0], (uint8_t)items[i].key);
        assert_int_equal(items[i].more[4], (uint8_t)(items[i].key >> 8));
        seen[items[i].key]--;
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(seen[i], 0);
    }
}

static void test_any_order_becomes_ascending(void **state)
{
    (void)state;
    uint32_t keys[COUNT], seed = 7;
    for (size_t count = 0; count <= COUNT; count++) {
        for (size_t i = 0; i < count; i++) {
            seed = seed * 1664525u + 1013904223u;
            keys[i] = (seed >> 16) % (uint32_t)(1 + count / 2); /* some twice */
        }
        check(keys, count);
    }
}

static void test_the_last_element_out_of_order(void **state)
{
    (void)state;
    uint32_t keys[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        keys[i] = i;
    }
    keys[COUNT - 1] = 0;
    check(keys, COUNT);
    keys[COUNT - 1] = COUNT - 3;
    check(keys, COUNT);
}

static void test_sorted_input_is_only_read(void **state)
{
    (void)state;
    uint32_t keys[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        keys[i] = i - i % 2;
    }
    comparisons = 0;
    check(keys, COUNT);
    assert_int_equal(comparisons, COUNT - 1);
}

static void test_a_sorted_array_can_be_searched(void **state)
{
    (void)state;
    _Alignas(uint32_t) struct item items[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        items[i] = item(10 + i / 3 * 2); /* three of each even number */
    }
    for (uint32_t key = 0; key < 10 + COUNT; key++) {
        uint32_t expected = 0;
        while (expected < COUNT && items[expected].key < key) {
            expected++;
        }
        assert_int_equal(SORTED_FIND(items, COUNT, key, key), expected);
    }
    assert_int_equal(SORTED_FIND((struct item *)NULL, 0, key, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_becomes_ascending),
        cmocka_unit_test(test_the_last_element_out_of_order),
        cmocka_unit_test(test_sorted_input_is_only_read),
        cmocka_unit_test(test_a_sorted_array_can_be_searched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
