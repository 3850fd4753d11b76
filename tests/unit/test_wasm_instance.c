// SPDX-License-Identifier: MIT
//
// WebAssembly instances: links by name and type, objects that instances share, edge cases of the
// helpers. Host functions and ends of runs: test_wasm_hosts.c. Whole programs and all
// instructions: tests/conformance.
#include "jit/wasm_env.h"

#include <stdlib.h>
#include <string.h>

/* ---- Links ---- */

static void test_instances_share_what_they_import(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *a = make(s, EXPORTER);
    assert_int_equal(wasm_store_register(s, text("a"), a), OK);
    struct wasm_instance *b = make(s, IMPORTER);
    assert_int_equal(run(b, "quadruple", 5, 0, 0), 20);
    assert_int_equal(run(a, "load", 100, 0, 0), 'i');
    assert_ptr_equal(a->memory, b->memory);
    (void)run(b, "set", 99, 0, 0);
    assert_int_equal(run(a, "count", 0, 0, 0), 99);
    assert_int_equal(run(a, "indirect", 1, 7, 0), 21);
    assert_int_equal(run(b, "indirect", 2, 7, 0), 14);
    expect_trap(trap(b, "indirect", 0, 7, 0), "uninitialized element");
    expect_trap(trap(b, "indirect", 4, 7, 0), "undefined element");
    assert_int_equal(run(b, "grow", 1, 0, 0), 1);
    assert_int_equal(run(a, "size", 0, 0, 0), 2);
    assert_int_equal(run(a, "load", 2 * WASM_PAGE - 1, 0, 0), 0);
    expect_trap(trap(a, "load", 2 * WASM_PAGE, 0, 0), "out of bounds memory access");
    assert_int_equal(run(b, "grow", 2, 0, 0), UINT32_MAX);
    struct wasm_extern copy, again, original;
    assert_true(wasm_instance_export(b, text("copy"), &copy));
    assert_int_equal(*(uint64_t *)copy.global.value, 0x123456789a);
    assert_true(wasm_instance_export(b, text("again"), &again));
    assert_true(wasm_instance_export(a, text("double"), &original));
    assert_ptr_equal(again.function.record, original.function.record);
    assert_false(wasm_instance_export(b, text("agai"), &again));
    wasm_store_close(s);
}

static void test_links_match_by_name_and_type(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t description[6], len;
        const char *why; /* NULL: the module links */
    } cases[] = {
        {"double", {0, 0}, 2, NULL},
        {"nothing", {0, 0}, 2, "import section, offset 0x14: \"a\" \"nothing\": unknown import"},
        {"doubl", {0, 0}, 2, "unknown import"},
        {"count", {0, 0}, 2, "\"a\" \"count\": incompatible import type"},
        {"memory", {0, 0}, 2, "incompatible"},
        {"double", {2, 0, 0}, 3, "incompatible"},
        {"memory", {2, 0, 1}, 3, NULL},
        {"memory", {2, 1, 1, 3}, 4, NULL},
        {"memory", {2, 0, 2}, 3, "incompatible"},
        {"memory", {2, 1, 0, 2}, 4, "incompatible"},
        {"table", {1, 0x70, 0, 4}, 4, NULL},
        {"table", {1, 0x70, 1, 4, 8}, 5, NULL},
        {"table", {1, 0x70, 0, 5}, 4, "incompatible"},
        {"table", {1, 0x70, 1, 0, 7}, 5, "incompatible"},
        {"table", {1, 0x6f, 0, 4}, 4, "incompatible"},
        {"counter", {3, 0x7f, 1}, 3, NULL},
        {"counter", {3, 0x7f, 0}, 3, "incompatible"},
        {"counter", {3, 0x7e, 1}, 3, "incompatible"},
        {"fixed", {3, 0x7e, 0}, 3, NULL},
        {"fixed", {3, 0x7e, 1}, 3, "incompatible"},
    };
    struct wasm_store *s = open_store();
    assert_int_equal(wasm_store_register(s, text("a"), make(s, EXPORTER)), OK);
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        uint8_t bytes[64];
        struct wasm_instance *i;
        struct wasm_stop stop;
        struct wasm_error err = {.text = "linked"};
        struct wasm_bytes m = with_import(cases[n].name, cases[n].description, cases[n].len, bytes);
        uint64_t before = live_objects();
        enum status status = try_bytes(s, m, &i, &stop, &err);
        if (cases[n].why == NULL) {
            assert_int_equal(status, OK);
        } else if (status != E_UNRESOLVED || strstr(err.text, cases[n].why) == NULL) {
            fail_msg("case %zu: %s: %s", n, status_text(status), err.text);
        } else {
            assert_int_equal(live_objects(), before);
        }
    }
    wasm_store_close(s);
}

static void test_a_newer_name_hides_an_older_one(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *first = make(s, EXPORTER), *second = make(s, EXPORTER);
    assert_int_equal(wasm_store_register(s, text("a"), first), OK);
    assert_int_equal(wasm_store_register(s, text("a"), second), OK);
    assert_ptr_equal(make(s, IMPORTER)->memory, second->memory);
    wasm_store_close(s);
}

static void test_a_segment_that_does_not_fit_keeps_earlier_ones(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *a = make(s, EXPORTER), *broken;
    struct wasm_stop stop;
    struct wasm_error err;
    assert_int_equal(wasm_store_register(s, text("a"), a), OK);
    assert_int_equal(try_bytes(s, modules[BROKEN], &broken, &stop, &err), E_FAULT);
    assert_string_equal(wasm_trap_text(&stop), "out of bounds memory access");
    assert_int_equal(run(a, "load", 200, 0, 0), 's');
    assert_int_equal(run(a, "load", WASM_PAGE - 1, 0, 0), 0);
    assert_int_equal(run(a, "load", 300, 0, 0), 0);
    assert_int_equal(run(a, "indirect", 3, 41, 0), 42);
    wasm_store_close(s);
}

/* ---- Helpers ---- */

static void test_memory_instructions_have_exact_bounds(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make(s, HELPERS);
    const uint32_t end = WASM_PAGE, far = UINT32_MAX;
    const char *outside = "out of bounds memory access";
    (void)run(i, "init", end - 10, 0, 10);
    assert_memory_equal(bytes_of(i) + end - 10, "0123456789", 10);
    expect_trap(trap(i, "init", end - 9, 0, 10), outside);
    expect_trap(trap(i, "init", 0, 1, 10), outside);
    expect_trap(trap(i, "init", far, 0, 1), outside);
    expect_trap(trap(i, "init", 0, far, far), outside);
    (void)run(i, "init", end, 10, 0);
    expect_trap(trap(i, "init", end + 1, 0, 0), outside);
    expect_trap(trap(i, "init", 0, 11, 0), outside);
    (void)run(i, "drop", 0, 0, 0);
    (void)run(i, "init", 0, 0, 0);
    expect_trap(trap(i, "init", 0, 0, 1), outside);
    (void)run(i, "fill", 0, 0x1ab, end);
    assert_int_equal(bytes_of(i)[end - 1], 0xab);
    expect_trap(trap(i, "fill", 1, 0, end), outside);
    expect_trap(trap(i, "fill", far, 0, far), outside);
    expect_trap(trap(i, "copy", 1, 0, end), outside);
    expect_trap(trap(i, "copy", 0, 1, end), outside);
    expect_trap(trap(i, "copy", 0, end + 1, 0), outside);
    (void)run(i, "copy", end, end, 0);
    wasm_store_close(s);
}

/* Longer than the pieces of a copy, forwards and backwards. */
static void test_large_copies_overlap_as_if_at_once(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make(s, HELPERS);
    assert_int_equal(run(i, "grow", 49, 0, 0), 1);
    const uint32_t n = (3 << 20) + 17;
    for (uint32_t k = 0; k < n; k++) {
        bytes_of(i)[k] = (uint8_t)(k * 7 + (k >> 8));
    }
    uint8_t *wanted = malloc(n);
    memcpy(wanted, bytes_of(i), n);
    (void)run(i, "copy", 1000, 0, n);
    assert_memory_equal(bytes_of(i) + 1000, wanted, n);
    (void)run(i, "copy", 3, 1000, n);
    assert_memory_equal(bytes_of(i) + 3, wanted, n);
    (void)run(i, "fill", 5, 0x5a, n);
    assert_int_equal(bytes_of(i)[4], wanted[1]);
    assert_int_equal(bytes_of(i)[5], 0x5a);
    assert_int_equal(bytes_of(i)[n + 4], 0x5a);
    free(wanted);
    wasm_store_close(s);
}

static void test_memory_grows_to_its_maximum_and_to_the_quota(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make(s, HELPERS), *other = make(s, HELPERS);
    assert_int_equal(run(i, "grow", 0, 0, 0), 1);
    assert_int_equal(run(i, "grow", 70, 0, 0), UINT32_MAX);
    assert_int_equal(run(i, "grow", UINT32_MAX, 0, 0), UINT32_MAX);
    assert_int_equal(run(i, "grow", 69, 0, 0), 1);
    bytes_of(i)[70 * WASM_PAGE - 1] = 1;
    assert_int_equal(run(other, "grow", PAGES - 70, 0, 0), UINT32_MAX);
    assert_int_equal(run(other, "grow", PAGES - 71, 0, 0), 1);
    wasm_store_close(s);
}

static void test_table_instructions_have_exact_bounds(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make(s, HELPERS);
    const char *outside = "out of bounds table access";
    (void)run(i, "table_fill", 2, 77, 8);
    assert_int_equal(run(i, "table_get", 9, 0, 0), 77);
    assert_int_equal(run(i, "table_get", 1, 0, 0), 0);
    expect_trap(trap(i, "table_get", 10, 0, 0), outside);
    expect_trap(trap(i, "table_fill", 3, 77, 8), outside);
    expect_trap(trap(i, "table_fill", UINT32_MAX, 77, 1), outside);
    (void)run(i, "table_copy", 1, 2, 8);
    assert_int_equal(run(i, "table_get", 1, 0, 0), 77);
    expect_trap(trap(i, "table_copy", 0, 3, 8), outside);
    expect_trap(trap(i, "table_copy_to_u", 3, 0, 8), outside);
    (void)run(i, "table_copy_to_u", 2, 0, 8);
    (void)run(i, "table_init", 1, 0, 2);
    expect_trap(trap(i, "table_init", 2, 0, 2), outside);
    expect_trap(trap(i, "table_init", 0, 1, 2), outside);
    (void)run(i, "elem_drop", 0, 0, 0);
    expect_trap(trap(i, "table_init", 0, 0, 1), outside);
    (void)run(i, "table_init", 3, 0, 0);
    wasm_store_close(s);
}

static void test_tables_grow_one_by_one_to_their_maximum(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make(s, HELPERS);
    for (uint64_t n = 10; n < 2000; n++) {
        assert_int_equal(run(i, "table_grow", n, 1, 0), n);
    }
    assert_int_equal(run(i, "table_get", 9, 0, 0), 0);
    assert_int_equal(run(i, "table_get", 1999, 0, 0), 1999);
    assert_int_equal(run(i, "table_grow", 5, 98000, 0), 2000);
    assert_int_equal(run(i, "table_grow", 5, 1, 0), UINT32_MAX);
    assert_int_equal(run(i, "table_grow", 5, 0, 0), 100000);
    assert_int_equal(run(i, "table_size", 0, 0, 0), 100000);
    /* Both have 13 elements, in other tables. */
    struct wasm_instance *other = make(s, HELPERS);
    const uint32_t left = ELEMENTS - 100000 - 13 - 23;
    assert_int_equal(run(other, "table_grow", 5, left + 1, 0), UINT32_MAX);
    assert_int_equal(run(other, "table_grow", 5, left, 0), 10);
    wasm_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instances_share_what_they_import),
        cmocka_unit_test(test_links_match_by_name_and_type),
        cmocka_unit_test(test_a_newer_name_hides_an_older_one),
        cmocka_unit_test(test_a_segment_that_does_not_fit_keeps_earlier_ones),
        cmocka_unit_test(test_memory_instructions_have_exact_bounds),
        cmocka_unit_test(test_large_copies_overlap_as_if_at_once),
        cmocka_unit_test(test_memory_grows_to_its_maximum_and_to_the_quota),
        cmocka_unit_test(test_table_instructions_have_exact_bounds),
        cmocka_unit_test(test_tables_grow_one_by_one_to_their_maximum),
    };
    return run_on_engines(tests);
}
