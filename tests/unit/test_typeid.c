// SPDX-License-Identifier: MIT
//
// Ids of function types: equal for equal types and different for others, whatever other holders
// there are; and nothing leaks when all are released.
#include "kernel/load/loader.h"
#include "kernel/mm/heap.h"
#include "tests/unit/fake/fake_failure.h"
#include "tests/unit/fake/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct load_type type_of(const char *bytes, uint32_t split)
{
    return (struct load_type){
        .bytes = (const uint8_t *)bytes, .len = (uint32_t)strlen(bytes), .split = split};
}

static void drop(const struct load_type *types, uint32_t count)
{
    load_types_drop(&types->number, count, sizeof *types);
}

static void test_a_type_is_its_bytes_and_where_they_are_split(void **state)
{
    (void)state;
    struct load_type t[] = {type_of("ab", 1),  type_of("ab", 2), type_of("ab", 1),
                            type_of("abc", 1), type_of("", 0),   type_of("aa", 1)};
    assert_int_equal(load_types_take(t, 6), OK);
    for (unsigned a = 0; a < 6; a++) {
        assert_int_not_equal(t[a].number, 0);
        for (unsigned b = a + 1; b < 6; b++) {
            assert_int_equal(t[a].number == t[b].number, a == 0 && b == 2);
        }
    }
    drop(t, 6);
}

static void test_no_segments_for_an_empty_buffer(void **state)
{
    (void)state;
    assert_int_equal(load_types_take(NULL, 0), OK);
    load_types_drop(NULL, 0, sizeof(struct load_type));
}

/* ---- Many holders, against a model ---- */

#define HOLDERS 20u
#define MOST    12u
#define KINDS   60u

struct holder {
    struct load_type types[MOST];
    unsigned kinds[MOST];
    uint32_t count;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Types of one to three bytes, which are the digits of a number. */
static void take(struct holder *h, uint32_t *seed)
{
    static char texts[KINDS][4];
    h->count = next_random(seed) % (MOST + 1);
    for (uint32_t n = 0; n < h->count; n++) {
        unsigned kind = h->kinds[n] = next_random(seed) % KINDS;
        for (unsigned d = 0; d < 1 + kind % 3; d++) {
            texts[kind][d] = (char)('a' + kind / 3);
        }
        h->types[n] = type_of(texts[kind], 0);
    }
    assert_int_equal(load_types_take(h->types, h->count), OK);
}

static void check(const struct holder *holders)
{
    uint32_t number_of[KINDS] = {0}, kind_of[HOLDERS * MOST + 1];
    memset(kind_of, 0xff, sizeof kind_of);
    for (unsigned h = 0; h < HOLDERS; h++) {
        for (uint32_t n = 0; n < holders[h].count; n++) {
            uint32_t number = holders[h].types[n].number, kind = holders[h].kinds[n];
            assert_in_range(number, 1, HOLDERS * MOST); /* ids are reused */
            assert_true(number_of[kind] == 0 || number_of[kind] == number);
            assert_true(kind_of[number] == UINT32_MAX || kind_of[number] == kind);
            number_of[kind] = number;
            kind_of[number] = kind;
        }
    }
}

static void test_types_are_added_and_released(void **state)
{
    (void)state;
    static struct holder holders[HOLDERS];
    struct heap_stats before, after;
    uint32_t seed = 1;
    heap_get_stats(&before);
    for (unsigned round = 0; round < 2000; round++) {
        struct holder *h = &holders[next_random(&seed) % HOLDERS];
        drop(h->types, h->count);
        take(h, &seed);
        if (round % 16 == 0) {
            check(holders);
        }
    }
    for (unsigned h = 0; h < HOLDERS; h++) {
        drop(holders[h].types, holders[h].count);
    }
    heap_get_stats(&after);
    assert_int_equal(before.live_objects, after.live_objects);
}

#define MANY 50u /* more than fit without the heap */

static bool take_and_drop(void)
{
    static char text[MANY][24];
    struct load_type first[] = {type_of("held", 1), type_of("long enough for the heap", 3)};
    struct load_type t[MANY];
    for (unsigned n = 0; n < MANY; n++) {
        (void)snprintf(text[n], sizeof text[n], "%s%u", n % 2 == 0 ? "a type that is long" : "t",
                       n);
        t[n] = type_of(text[n], 1);
    }
    t[1] = first[0];
    t[2] = first[1];
    enum status s = load_types_take(first, 2);
    if (s != OK) {
        assert_int_equal(s, E_NOMEM);
        return false;
    }
    s = load_types_take(t, MANY);
    if (s == OK) {
        assert_int_equal(t[1].number, first[0].number);
        assert_int_equal(t[2].number, first[1].number);
        assert_int_not_equal(t[3].number, t[5].number);
        drop(t, MANY);
    }
    drop(first, 2);
    return s == OK;
}

static void test_few_short_types_need_no_heap(void **state)
{
    (void)state;
    struct load_type t[] = {type_of("x", 1), type_of("held", 1), type_of("y", 1), type_of("x", 1)};
    struct heap_stats before, during;
    heap_get_stats(&before);
    assert_int_equal(load_types_take(t, 4), OK);
    heap_get_stats(&during);
    assert_int_equal(before.live_objects, during.live_objects);
    drop(t, 4);
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    fake_sweep("numbering types", take_and_drop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_type_is_its_bytes_and_where_they_are_split),
        cmocka_unit_test(test_no_segments_for_an_empty_buffer),
        cmocka_unit_test(test_types_are_added_and_released),
        cmocka_unit_test(test_few_short_types_need_no_heap),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
