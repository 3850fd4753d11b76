// SPDX-License-Identifier: MIT
//
// The collector of .NET programs on heaps that are made by hand: how much work it does for awkward
// ones, how it reports damage, and that it ends when the program is to end.
#include "tests/unit/cil/heap_bed.h"

/* ---- Marking ---- */

#define HUBS 8u
#define SIZE 20000u

/* Arrays, each full of objects with references, the last of which is the array below it. */
static void make_hubs(void)
{
    uint32_t hubs[HUBS], n = HUBS;
    for (uint32_t k = 0; k < HUBS; k++) {
        hubs[k] = cil_new_array(r, REFERENCES, SIZE + 1);
        for (uint32_t i = 0; i < SIZE; i++) {
            set(hubs[k], i, node());
        }
    }
    while (n-- > 1) {
        set(hubs[n], SIZE, hubs[n - 1]);
    }
    (void)add_root(hubs[HUBS - 1], CIL_ROOT_OBJECT);
}

static void test_each_reference_is_followed_once(void **state)
{
    (void)state;
    make_hubs();
    uint64_t references = HUBS * (2 * (uint64_t)SIZE + 1);
    collect();
    assert_int_equal(r->world->heap.figures.live, HUBS * (24 + 8 * SIZE + 16 * SIZE));
    assert_int_equal(r->world->heap.figures.visited, 2 * references); /* marked, and changed */
}

static void test_a_long_list_stays_as_it_is(void **state)
{
    const uint32_t count = 200000;
    uint32_t last = 0, seen = 0;
    (void)state;
    for (uint32_t n = 0; n < count; n++) {
        uint32_t added = node();
        (void)node(); /* garbage */
        store_le32(r->world->memory.base + added + CIL_HEADER_BYTES, last);
        last = added;
    }
    (void)add_root(last, CIL_ROOT_OBJECT);
    collect();
    assert_int_equal(r->world->heap.figures.visited, 2 * count);
    for (uint32_t at = root(0); at != 0; seen++) {
        uint64_t cell = load_le64(r->world->memory.base + at + CIL_HEADER_BYTES);
        assert_int_equal(cell >> 32, 0); /* the collector has used it */
        at = (uint32_t)cell;
    }
    assert_int_equal(seen, count);
}

static void test_objects_that_overlap_are_damage(void **state)
{
    (void)state;
    uint32_t outer = cil_new_array(r, BYTES, 64), inner = outer + 32;
    store_le32(r->world->memory.base + inner, NODE);
    (void)add_root(inner, CIL_ROOT_OBJECT);
    (void)add_root(outer, CIL_ROOT_OBJECT);
    assert_int_equal(ending_of(collect), CIL_DAMAGED);
}

/* ---- Addresses that lead into objects ---- */

static void test_the_start_of_a_large_object_is_near(void **state)
{
    const uint32_t bytes = UINT32_C(64) << 20;
    (void)state;
    (void)cil_new_array(r, BYTES, 100); /* garbage, so that it moves */
    uint32_t array = cil_new_array(r, BYTES, bytes);
    for (uint32_t n = 0; n < ROOTS; n++) {
        (void)add_root(array + bytes / ROOTS * n, CIL_ROOT_INNER);
    }
    collect();
    for (uint32_t n = 0; n < ROOTS; n++) {
        assert_int_equal(root(n), HEAP_START + bytes / ROOTS * n);
    }
    assert_true(r->world->heap.searched <= 2 * ROOTS * 18); /* 2^17 blocks */
}

/* Objects of all sizes, every third of which is live by an address of its bytes. */
static void test_each_address_leads_into_its_object(void **state)
{
    (void)state;
    uint32_t random = 1, at[ROOTS];
    for (uint32_t n = 0; n < 3 * ROOTS; n++) {
        random = random * 1664525 + 1013904223;
        uint32_t bytes = 1 + (random >> 8) % (n % 7 == 0 ? 5000 : 50);
        uint32_t object = cil_new_array(r, BYTES, bytes);
        memset(r->world->memory.base + object + CIL_ELEMENT_AT, (int)(n / 3 % 251), bytes);
        at[n / 3] = (random >> 20) % bytes;
        if (n % 3 == 2) {
            (void)add_root(object + CIL_ELEMENT_AT + at[n / 3], CIL_ROOT_INNER);
        }
    }
    uint32_t end = HEAP_START;
    collect();
    for (uint32_t n = 0; n < ROOTS; n++) {
        const uint8_t *object = r->world->memory.base + end;
        assert_int_equal(root(n), end + CIL_ELEMENT_AT + at[n]);
        assert_int_equal(r->world->memory.base[root(n)], n % 251);
        end += ALIGN_UP(CIL_ELEMENT_AT + load_le32(object + CIL_LENGTH_AT), 8u);
    }
    assert_int_equal(end, r->world->heap.bottom + cil_heap_used(r));
}

/* ---- Generations ---- */

static void test_what_old_objects_lead_to_becomes_old(void **state)
{
    (void)state;
    uint32_t array = old_array(300), end = r->world->heap.next;
    (void)node(); /* garbage */
    set_noted(array, 0, node());
    (void)node();
    set_noted(array, 299, node());
    collect_young();
    assert_int_equal(r->world->heap.figures.minor, 1);
    assert_int_equal(root(0), array);
    assert_int_equal(element(array, 0), end);
    assert_int_equal(element(array, 299), end + 16);
    assert_int_equal(r->world->heap.next, end + 32);
    assert_int_equal(load_le32(r->world->memory.base + end + 16), NODE);
    collect_young(); /* nothing is young */
    collect();
    assert_int_equal(element(array, 299), end + 16);
    assert_int_equal(r->world->heap.next, end + 32);
}

static void test_a_store_that_is_not_noted_is_damage(void **state)
{
    (void)state;
    uint32_t array = old_array(300);
    cil_heap_check(r, CIL_GC_VERIFY);
    set_noted(array, 0, node());
    set(array, 200, node()); /* in another card */
    assert_int_equal(ending_of(collect_young), CIL_DAMAGED);
}

/* The work of a minor collection grows with the stores of the program, not with the old objects. */
static void test_a_minor_collection_examines_dirty_cards_only(void **state)
{
    (void)state;
    make_hubs();
    collect();
    uint32_t hub = root(0), cells = 512 / 8;
    uint64_t before = r->world->heap.figures.visited;
    set_noted(hub, 5000, node());
    collect_young();
    uint64_t visited = r->world->heap.figures.visited - before;
    assert_in_range(visited, 1, 2 * cells + 2); /* marked, and changed; the node's own, too */
    collect_young();                            /* the node becomes old */
    before = r->world->heap.figures.visited;
    collect_young();
    assert_int_equal(r->world->heap.figures.visited, before);
}

#define MANY 4000u /* references of one object */

static void test_a_dirty_card_of_a_large_object_costs_no_more_than_a_card(void **state)
{
    static uint32_t offsets[MANY];
    (void)state;
    for (uint32_t n = 0; n < MANY; n++) {
        offsets[n] = 8 * n;
    }
    struct cil_gc_type *t = &r->world->heap.types[0];
    *t = (struct cil_gc_type){.bytes = CIL_HEADER_BYTES + 8 * MANY,
                              .ref_base = CIL_HEADER_BYTES,
                              .ref_count = MANY,
                              .refs = offsets};
    uint32_t object = cil_new(r, NODE, t->bytes);
    (void)add_root(object, CIL_ROOT_OBJECT);
    collect();
    for (uint32_t at = 0; at < t->bytes; at += 1024) { /* every second card */
        cil_note_stores(r, (uint64_t)root(0) + at, 1);
    }
    uint64_t before = polled;
    collect_young();
    assert_in_range(polled - before, 1, 3 * MANY); /* half of all references, twice */
}

static void test_old_garbage_goes_when_all_is_collected(void **state)
{
    (void)state;
    uint32_t array = old_array(10), end = r->world->heap.next;
    set_noted(array, 0, node());
    set_noted(array, 1, node());
    collect_young();
    set_noted(array, 1, 0); /* this one has survived one collection only */
    collect_young();
    assert_int_equal(r->world->heap.next, end + 16);
    set_noted(array, 0, 0);
    collect_young();
    assert_int_equal(r->world->heap.next, end + 16);
    collect();
    assert_int_equal(r->world->heap.next, end);
}

/* Addresses that lead into young objects, behind old ones of all sizes. */
static void test_young_objects_are_found_by_addresses_inside(void **state)
{
    (void)state;
    uint32_t kept = add_root(cil_new_array(r, BYTES, 5001), CIL_ROOT_OBJECT);
    uint32_t inner = add_root(0, CIL_ROOT_INNER), pinned = add_root(0, CIL_ROOT_PINNED);
    for (uint32_t round = 0; round < 20; round++) {
        uint32_t at = ROOTS_AT + 8 * inner;
        (void)cil_new_array(r, BYTES, 100 * round); /* garbage */
        uint32_t young = cil_new_array(r, BYTES, 300 * round + 1);
        r->world->memory.base[young + CIL_ELEMENT_AT + 200 * round] = (uint8_t)(round + 1);
        store_le32(r->world->memory.base + at, young + CIL_ELEMENT_AT + 200 * round);
        collect_young();
        assert_int_equal(root(kept), HEAP_START);
        assert_int_equal(r->world->memory.base[root(inner)], round + 1);
        young = root(inner) - CIL_ELEMENT_AT - 200 * round;
        assert_int_equal(load_le32(r->world->memory.base + young), BYTES);
        assert_in_range(young, HEAP_START, r->world->heap.next - 300 * round - 1);
    }
    (void)node();
    uint32_t young = cil_new_array(r, BYTES, 1000);
    store_le32(r->world->memory.base + ROOTS_AT + 8 * pinned, young + 500);
    collect_young();
    assert_int_equal(root(pinned), young + 500);
    collect();
    assert_int_equal(root(pinned), young + 500);
}

/* ---- The program is to end ---- */

static void many_references(void)
{
    (void)add_root(cil_new_array(r, REFERENCES, 100000), CIL_ROOT_OBJECT);
}

static void many_objects(void)
{
    for (uint32_t n = 0; n < 100000; n++) {
        (void)node(); /* the start of the last one is found only by all others' */
    }
    (void)add_root(node(), CIL_ROOT_INNER);
}

static void many_blocks(void)
{
    (void)cil_new_array(r, BYTES, 40 << 20);
}

static void much_to_move(void)
{
    (void)node();
    (void)add_root(cil_new_array(r, BYTES, 80 << 20), CIL_ROOT_OBJECT);
}

static void much_to_clear(void)
{
    (void)cil_new_array(r, BYTES, 80 << 20);
}

static void test_a_collection_ends_with_the_program(void **state)
{
    static void (*const heaps[])(void) = {many_references, many_objects, many_blocks};
    for (size_t n = 0; n < sizeof heaps / sizeof *heaps; n++) {
        for (unsigned stops = 0; stops < 2; stops++) {
            finish(state);
            start(state);
            heaps[n]();
            stop = stops;
            assert_int_equal(ending_of(collect), stops ? CIL_GOES_ON : CIL_GOES_ON + 100);
        }
    }
}

static void copy_much(void)
{
    const uint64_t args[5] = {HEAP_START + 8, HEAP_START, 80 << 20};
    (void)cil_runtime_call(r, CIL_HELPER_COPY, args);
}

static void clear_much(void)
{
    const uint64_t args[5] = {HEAP_START, 0, 80 << 20};
    (void)cil_runtime_call(r, CIL_HELPER_FILL, args);
}

/* The name of a value that none of many fields has. */
static void search_names(void)
{
    static struct cil_assembly assembly;
    static struct cil_class of_enum = {
        .assembly = &assembly, .is_enum = true, .field_count = 70000};
    static struct cil_type type = {.kind = CIL_VALUETYPE, .c = &of_enum};
    types[0] = (struct cil_unit_type){.type = &type, .at = NODE};
    of_enum.fields = calloc(of_enum.field_count, sizeof *of_enum.fields);
    assert_non_null(of_enum.fields);
    assert_int_equal(cil_enum_name(r, node(), 5, 0, 0, 0), 0);
}

static void test_long_work_in_c_ends_with_the_program(void **state)
{
    static void (*const works[])(void) = {copy_much, clear_much, search_names};
    for (size_t n = 0; n < sizeof works / sizeof *works; n++) {
        for (unsigned stops = 0; stops < 2; stops++) {
            finish(state);
            start(state);
            stop = stops;
            assert_int_equal(ending_of(works[n]), stops ? CIL_GOES_ON : CIL_GOES_ON + 100);
            free(types[0].type == NULL ? NULL : types[0].type->c->fields);
            types[0] = (struct cil_unit_type){.type = NULL};
        }
    }
}

/* In pieces of a MiB. */
static void test_a_long_copy_may_overlap(void **state)
{
    const uint32_t bytes = (3 << 20) + 5, shift = 1000;
    (void)state;
    for (unsigned is_up = 0; is_up < 2; is_up++) {
        uint32_t from = HEAP_START + (is_up ? 0 : shift), to = HEAP_START + (is_up ? shift : 0);
        for (uint32_t n = 0; n < bytes; n++) {
            r->world->memory.base[from + n] = (uint8_t)(n * 7 + n / 251);
        }
        const uint64_t args[5] = {to, from, bytes};
        (void)cil_runtime_call(r, CIL_HELPER_COPY, args);
        for (uint32_t n = 0; n < bytes; n++) {
            assert_int_equal(r->world->memory.base[to + n], (uint8_t)(n * 7 + n / 251));
        }
    }
}

#define LIVE 140000u

/* Without references, so that only the walk over all objects counts them. */
static void many_live(void)
{
    uint32_t all = cil_new_array(r, REFERENCES, LIVE);
    for (uint32_t n = 0; n < LIVE; n++) {
        set(all, n, cil_new_array(r, BYTES, 8));
    }
    (void)add_root(all, CIL_ROOT_OBJECT);
}

/* The phases before have ended then: two steps for each reference, and one for each block. */
static void test_each_phase_ends_with_the_program(void **state)
{
    static const struct {
        void (*make)(void);
        uint64_t steps;
    } heaps[] = {{many_live, 2 * 2 * LIVE + LIVE * 32 / 512 + 100},
                 {much_to_move, (80 << 20) / 512 + 100},
                 {much_to_clear, (80 << 20) / 512 + 100}};
    for (size_t n = 0; n < sizeof heaps / sizeof *heaps; n++) {
        finish(state);
        start(state);
        heaps[n].make();
        polled = 0;
        stop_after = heaps[n].steps;
        unsigned ending = ending_of(collect);
        stop_after = 0;
        assert_int_equal(ending, CIL_GOES_ON);
    }
}

/* Compiled code adds up to CIL_SMALL_BYTES to the end of the heap, in 32 bits, and compares. */
static void test_the_end_of_a_heap_of_4_gib_does_not_wrap(void **state)
{
    (void)state;
    uint64_t limit = r->world->heap.limit;
    r->world->heap.full = UINT32_MAX;
    r->world->heap.limit = r->world->length = UINT64_C(1) << 32;
    (void)node();
    uint32_t full = r->context.full;
    assert_true(full + CIL_SMALL_BYTES > full);
    assert_true(full >= UINT32_MAX - 2 * CIL_SMALL_BYTES);
    r->world->heap.limit = r->world->length = limit;
    r->world->heap.full = WINDOW;
    (void)node();
    assert_int_equal(r->context.full, MIN((uint64_t)WINDOW, limit));
}

static void grow(void)
{
    (void)cil_heap_allocate(r, REFERENCES, WINDOW);
}

static void test_collections_are_counted_by_their_cause(void **state)
{
    (void)state;
    (void)cil_heap_allocate(r, REFERENCES, 4096);
    r->world->heap.full = HEAP_START; /* one is due */
    (void)cil_heap_allocate(r, REFERENCES, 4096);
    assert_int_equal(r->world->heap.figures.causes[CIL_GC_DUE], 1);
    r->world->heap.full = WINDOW * 2; /* none is due */
    (void)cil_heap_allocate(r, REFERENCES, WINDOW / 2);
    growth = E_NOMEM;
    (void)cil_heap_allocate(r, REFERENCES, WINDOW / 2); /* fits only after one */
    assert_int_equal(r->world->heap.figures.causes[CIL_GC_SHORT], 1);
    collect();
    assert_int_equal(r->world->heap.figures.causes[CIL_GC_ASKED], 1);
    assert_int_equal(r->world->heap.figures.collections, 3);
}

static void test_growth_ends_with_the_program(void **state)
{
    (void)state;
    growth = E_CANCELLED;
    assert_int_equal(cil_heap_reserve(r, WINDOW), E_CANCELLED);
    assert_int_equal(ending_of(grow), CIL_GOES_ON);
    growth = E_NOMEM;
    assert_int_equal(cil_heap_reserve(r, WINDOW), E_NOMEM);
    assert_int_equal(ending_of(grow), CIL_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_reference_is_followed_once),
        TEST(test_a_long_list_stays_as_it_is),
        TEST(test_objects_that_overlap_are_damage),
        TEST(test_the_start_of_a_large_object_is_near),
        TEST(test_each_address_leads_into_its_object),
        TEST(test_what_old_objects_lead_to_becomes_old),
        TEST(test_a_store_that_is_not_noted_is_damage),
        TEST(test_a_minor_collection_examines_dirty_cards_only),
        TEST(test_a_dirty_card_of_a_large_object_costs_no_more_than_a_card),
        TEST(test_old_garbage_goes_when_all_is_collected),
        TEST(test_young_objects_are_found_by_addresses_inside),
        TEST(test_a_collection_ends_with_the_program),
        TEST(test_each_phase_ends_with_the_program),
        TEST(test_long_work_in_c_ends_with_the_program),
        TEST(test_a_long_copy_may_overlap),
        TEST(test_the_end_of_a_heap_of_4_gib_does_not_wrap),
        TEST(test_collections_are_counted_by_their_cause),
        TEST(test_growth_ends_with_the_program),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
