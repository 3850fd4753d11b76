// SPDX-License-Identifier: MIT
//
// Large objects of .NET programs, which lie apart from all others; and a program that stores
// references at random, to objects of all kinds.
#include "tests/unit/cil/heap_bed.h"

/* ---- At random ---- */

/* A program that stores references at random. `model` has the same objects, in which references are
 * numbers of objects. After each collection both are compared. */
#define OBJECTS    400u
#define LENGTH_MAX 90u
#define FIELDS     12u /* static ones */

static struct modelled {
    uint32_t at, length;       /* at: 0, it was not reached */
    bool is_large;             /* bytes, of which some have its number */
    uint32_t refs[LENGTH_MAX]; /* number + 1 */
} model[OBJECTS];
static uint32_t fields[FIELDS], random_state;

static uint32_t below(uint32_t n)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)random_state * n >> 32);
}

#define STRIDE 4099u /* between the bytes that are compared */

static void compare_large(uint32_t number, uint32_t at)
{
    assert_true(at >= WINDOW);
    assert_int_equal(load_le32(r->world->memory.base + at), BYTES);
    assert_int_equal(load_le32(r->world->memory.base + at + CIL_LENGTH_AT), model[number].length);
    for (uint32_t n = 0; n < model[number].length; n += STRIDE) {
        assert_int_equal(*byte_of(at, n), (uint8_t)number);
    }
}

static uint32_t make_large(uint32_t number)
{
    uint32_t at = cil_new_array(r, BYTES, model[number].length);
    for (uint32_t n = 0; n < model[number].length; n += STRIDE) {
        assert_int_equal(*byte_of(at, n), 0);
        *byte_of(at, n) = (uint8_t)number;
    }
    return at;
}

/* Compare an object with the model, with all that it leads to. */
static void reach(uint32_t number, uint32_t at)
{
    static uint32_t waiting[OBJECTS];
    uint32_t count = 0;
    for (bool is_first = true; is_first || count > 0; is_first = false) {
        if (!is_first) {
            number = waiting[--count];
            at = model[number].at;
        } else if (model[number].at != 0) {
            assert_int_equal(model[number].at, at);
            return;
        }
        model[number].at = at;
        if (model[number].is_large) {
            compare_large(number, at);
            continue;
        }
        assert_int_equal(load_le32(r->world->memory.base + at), REFERENCES);
        assert_int_equal(load_le32(r->world->memory.base + at + CIL_LENGTH_AT),
                         model[number].length);
        for (uint32_t n = 0; n < model[number].length; n++) {
            uint32_t to = model[number].refs[n], address = element(at, n);
            assert_int_equal(address == 0, to == 0);
            if (to != 0 && model[to - 1].at == 0) {
                model[to - 1].at = address;
                waiting[count++] = to - 1;
            } else if (to != 0) {
                assert_int_equal(model[to - 1].at, address);
            }
        }
    }
}

static void compare_with_model(void)
{
    for (uint32_t n = 0; n < OBJECTS; n++) {
        model[n].at = 0;
    }
    for (uint32_t n = 0; n < FIELDS; n++) {
        assert_int_equal(root(n) == 0, fields[n] == 0);
        if (fields[n] != 0) {
            reach(fields[n] - 1, root(n));
        }
    }
}

/* A new object takes a number that no object has that can be reached. */
static uint32_t add_object(void)
{
    for (uint32_t n = below(OBJECTS), tried = 0; tried < OBJECTS; n = (n + 1) % OBJECTS, tried++) {
        if (model[n].at == 0) {
            model[n] = (struct modelled){.length = 1 + below(LENGTH_MAX)};
            if (below(12) == 0) {
                model[n].is_large = true;
                model[n].length += CIL_LARGE_BYTES + below(20) * 1000;
                model[n].at = make_large(n);
            } else {
                model[n].at = cil_new_array(r, REFERENCES, model[n].length);
            }
            return n + 1;
        }
    }
    return 0;
}

static uint32_t any_object(void)
{
    uint32_t n = below(OBJECTS);
    return model[n].at == 0 ? 0 : n + 1;
}

static void store_at_random(void)
{
    uint32_t value = below(3) == 0 ? add_object() : any_object(), to = any_object();
    uint32_t address = value == 0 ? 0 : model[value - 1].at;
    if (to == 0 || model[to - 1].is_large || below(8) == 0) {
        uint32_t n = below(FIELDS);
        fields[n] = value;
        store_le32(r->world->memory.base + ROOTS_AT + 8 * n, address);
    } else {
        uint32_t n = below(model[to - 1].length);
        model[to - 1].refs[n] = value;
        set_noted(model[to - 1].at, n, address);
    }
}

static void test_random_programs_find_what_they_stored(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < FIELDS; n++) {
        (void)add_root(0, CIL_ROOT_OBJECT);
    }
    memset(model, 0, sizeof model);
    memset(fields, 0, sizeof fields);
    random_state = 29;
    cil_large_open(r);
    for (uint32_t round = 0; round < 2000; round++) {
        /* CIL_GC_VERIFY fills the table of starts anew */
        unsigned checks = round / 100 % 2 == 0 ? 0 : CIL_GC_VERIFY | CIL_GC_MOVE;
        cil_heap_check(r, checks | CIL_GC_POISON);
        for (uint32_t n = below(60); n > 0; n--) {
            store_at_random();
        }
        cil_collect(r, CIL_GC_ASKED, below(4) != 0);
        compare_with_model();
    }
    assert_in_range(r->world->heap.figures.minor, 1300, 1700);
}

/* ---- Large objects ---- */

#define LARGE (CIL_LARGE_BYTES + 100u)

static uint32_t large(void)
{
    return cil_new_array(r, BYTES, LARGE);
}

static void test_large_objects_stay_and_leave_room(void **state)
{
    (void)state;
    cil_large_open(r);
    (void)large(); /* garbage */
    uint32_t second = large(), kept = add_root(second, CIL_ROOT_OBJECT);
    *byte_of(second, LARGE - 1) = 5;
    assert_int_equal(cil_new_array(r, REFERENCES, LARGE), HEAP_START); /* it has references */
    assert_true(cil_new_array(r, BYTES, CIL_LARGE_BYTES / 2) < WINDOW);
    assert_int_equal(cil_heap_used(r) > 2 * LARGE, 1);
    collect();
    assert_int_equal(root(kept), second);
    assert_int_equal(*byte_of(second, LARGE - 1), 5);
    assert_int_equal(r->world->heap.large.count, 1);
    uint32_t first = large();
    assert_int_equal(first, WINDOW);
    assert_true(large() > second);
    assert_int_equal(cil_new_array(r, BYTES, 2 * LARGE), 2 * (second - first) + second);
}

/* A young one lives only if something leads to it, in a minor collection too; an old one until all
 * are collected. */
static void test_large_objects_have_generations(void **state)
{
    (void)state;
    cil_large_open(r);
    uint32_t array = old_array(300);
    set_noted(array, 7, large());
    uint32_t at = element(array, 7);
    (void)large();
    collect_young();
    assert_int_equal(r->world->heap.figures.minor, 1);
    assert_int_equal(r->world->heap.large.count, 1);
    assert_int_equal(element(array, 7), at);
    collect_young(); /* the card is clean: nobody looks for what leads to it */
    set_noted(array, 7, 0);
    collect_young();
    assert_int_equal(r->world->heap.large.count, 1);
    collect();
    assert_int_equal(r->world->heap.large.count, 0);
}

static void short_of_memory(void)
{
    cil_collect(r, CIL_GC_SHORT, false);
}

/* The others close up around a pinned one. Every address follows, also one inside. */
static void test_large_objects_close_up_when_memory_is_short(void **state)
{
    (void)state;
    cil_large_open(r);
    (void)large();
    uint32_t first = large(), bytes = first - WINDOW, roots_of[3];
    *byte_of(first, 0) = 1;
    *byte_of(first, LARGE - 1) = 2;
    roots_of[0] = add_root(first, CIL_ROOT_OBJECT);
    roots_of[1] = add_root(first + 100, CIL_ROOT_INNER);
    (void)large();
    uint32_t pinned = large();
    roots_of[2] = add_root(pinned + 8, CIL_ROOT_PINNED);
    (void)large();
    uint32_t array = add_root(cil_new_array(r, REFERENCES, 10), CIL_ROOT_OBJECT);
    collect(); /* moves none of them */
    assert_int_equal(root(roots_of[0]), first);
    uint32_t last = cil_new_array(r, BYTES, 3 * LARGE); /* behind all others */
    *byte_of(last, 3 * LARGE - 1) = 3;
    set_noted(root(array), 3, last);
    short_of_memory();
    assert_int_equal(root(roots_of[0]), WINDOW);
    assert_int_equal(root(roots_of[1]), WINDOW + 100);
    assert_int_equal(root(roots_of[2]), pinned + 8);
    assert_int_equal(element(root(array), 3), pinned + bytes);
    assert_int_equal(*byte_of(WINDOW, 0), 1);
    assert_int_equal(*byte_of(WINDOW, LARGE - 1), 2);
    assert_int_equal(*byte_of(pinned + bytes, 3 * LARGE - 1), 3);
    assert_int_equal(large(), WINDOW + bytes);
}

static void test_addresses_inside_keep_large_objects(void **state)
{
    (void)state;
    cil_large_open(r);
    uint32_t at = large();
    uint32_t inner = add_root(at + LARGE, CIL_ROOT_INNER);
    (void)add_root(large() + 9, CIL_ROOT_PINNED);
    collect();
    assert_int_equal(r->world->heap.large.count, 2);
    assert_int_equal(root(inner), at + LARGE);
    /* behind the end of the last one is nothing */
    store_le32(r->world->memory.base + ROOTS_AT + 8 * inner, WINDOW + UPPER - 1);
    collect();
    assert_int_equal(r->world->heap.large.count, 1);
}

static void test_damage_of_large_objects_is_found(void **state)
{
    (void)state;
    cil_large_open(r);
    uint32_t at = large(), n = add_root(at + 8, CIL_ROOT_OBJECT);
    assert_int_equal(ending_of(collect), CIL_DAMAGED);
    store_le32(r->world->memory.base + ROOTS_AT + 8 * n, at);
    store_le32(r->world->memory.base + at, REFERENCES);
    assert_int_equal(ending_of(collect), CIL_DAMAGED);
    store_le32(r->world->memory.base + at, BYTES);
    store_le32(r->world->memory.base + at + CIL_LENGTH_AT, 2 * LARGE);
    assert_int_equal(ending_of(collect), CIL_DAMAGED);
    store_le32(r->world->memory.base + at + CIL_LENGTH_AT, LARGE);
    assert_int_equal(ending_of(collect), CIL_GOES_ON + 100);
    cil_note_stores(r, at, 8); /* has no card */
}

/* Not while a call of WASI may use the memory. */
static void test_memory_of_large_objects_is_given_back(void **state)
{
    (void)state;
    cil_large_open(r);
    uint32_t last = cil_new_array(r, BYTES, UPPER - LARGE);
    *byte_of(last, UPPER / 2) = 1;
    collect_young(); /* nothing is old, so this is one of all objects */
    assert_int_equal(r->world->memory.upper_bytes, 0);
    (void)add_root(cil_new_array(r, BYTES, LARGE), CIL_ROOT_OBJECT);
    assert_int_equal(*byte_of(cil_new_array(r, BYTES, UPPER / 2), UPPER / 2), 0);
    r->world->in_calls = 1;
    collect();
    assert_true(r->world->memory.upper_bytes > UPPER / 2);
    r->world->in_calls = 0;
    collect();
    assert_in_range(r->world->memory.upper_bytes, LARGE, 2 * LARGE);
    assert_int_equal(cil_window_end(r, WINDOW), WINDOW + r->world->memory.upper_bytes);
}

static void test_without_room_large_objects_are_like_others(void **state)
{
    (void)state;
    assert_true(large() < WINDOW); /* not open */
    cil_large_open(r);
    (void)add_root(cil_new_array(r, BYTES, UPPER - 2 * LARGE), CIL_ROOT_OBJECT);
    (void)large(); /* garbage, which makes room for the next */
    assert_true(cil_new_array(r, BYTES, LARGE + LARGE / 2) >= WINDOW);
    (void)add_root(large(), CIL_ROOT_OBJECT);
    uint32_t more = cil_new_array(r, BYTES, 2 * LARGE);
    assert_in_range(more, HEAP_START, WINDOW - 1);
    assert_int_equal(r->world->heap.large.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_random_programs_find_what_they_stored),
        TEST(test_large_objects_stay_and_leave_room),
        TEST(test_large_objects_have_generations),
        TEST(test_large_objects_close_up_when_memory_is_short),
        TEST(test_addresses_inside_keep_large_objects),
        TEST(test_damage_of_large_objects_is_found),
        TEST(test_memory_of_large_objects_is_given_back),
        TEST(test_without_room_large_objects_are_like_others),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
