// SPDX-License-Identifier: MIT
//
// Modules as bytes: what the decoder finds in valid ones, its errors for invalid
// ones, and that nothing leaks.
#include "kernel/mm/heap.h"
#include "tests/unit/fake/fake_failure.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/wasm_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct wasm_bounds bounds = {.arena_bytes = 16 << 20, .table_elements = 100000};

static struct wasm_module *decode(const struct bytes *b)
{
    struct wasm_module *m = NULL;
    struct wasm_error err = {0};
    if (wasm_module_decode(b->at, b->count, &bounds, &m, &err) != OK) {
        fail_msg("%s", err.text);
    }
    return m;
}

/* Expect a refusal whose reason contains these words. */
static void refuse(struct bytes *b, enum status expected, const char *words)
{
    struct wasm_module *m = NULL;
    struct wasm_error err = {0};
    enum status s = wasm_module_decode(b->at, b->count, &bounds, &m, &err);
    if (s != expected || strstr(err.text, words) == NULL || m != NULL) {
        fail_msg("status %d, \"%s\", not \"%s\"", s, err.text, words);
    }
    free_bytes(b);
}

/* A module with one of everything. */
static void put_full_module(struct bytes *b)
{
    put_header(b);
    PUT_SECTION(b, 1, 3, 0x60, 0, 0, 0x60, 2, 0x7f, 0x7e, 1, 0x7d, 0x60, 2, 0x7f, 0x7e, 1, 0x7d);
    PUT_SECTION(b, 2, 4, 1, 'm', 1, 'f', 0, 1, 1, 'm', 1, 't', 1, 0x70, 0, 5, 1, 'm', 1, 'g', 3,
                0x7f, 0, 1, 'm', 1, 'h', 3, 0x7b, 1);
    PUT_SECTION(b, 3, 2, 0, 2);
    PUT_SECTION(b, 4, 1, 0x6f, 1, 2, 9);
    PUT_SECTION(b, 5, 1, 1, 1, 0x80, 0x80, 4);
    PUT_SECTION(b, 6, 3, 0x7f, 1, 0x23, 0, 0x0b, 0x70, 0, 0xd2, 2, 0x0b, 0x7e, 0, 0x42, 0x7f, 0x0b);
    PUT_SECTION(b, 7, 2, 3, 'r', 'u', 'n', 0, 1, 0, 2, 0);
    PUT_SECTION(b, 8, 1);
    PUT_SECTION(b, 9, 2, 0, 0x41, 1, 0x0b, 2, 1, 2, 5, 0x6f, 1, 0xd0, 0x6f, 0x0b);
    PUT_SECTION(b, 12, 2);
    PUT_SECTION(b, 10, 2, 2, 0, 0x0b, 4, 0, 0, 0x0b, 0x0b);
    PUT_SECTION(b, 11, 2, 0, 0x41, 0x7f, 0x0b, 2, 'x', 'y', 1, 1, 'z');
    size_t names = begin_section(b, 0);
    put_name(b, "name");
    PUT(b, 0, 2, 1, 'm', 1, 10, 2, 1, 4, 'm', 'a', 'i', 'n', 2, 1, 7);
    end_size(b, names);
}

static void test_everything_is_found(void **state)
{
    (void)state;
    struct bytes b = {0};
    put_full_module(&b);
    struct wasm_module *m = decode(&b);
    assert_int_equal(m->signature_count, 3);
    assert_int_equal(m->signatures[1].params, 2);
    assert_int_equal(m->signatures[1].types[2], WASM_F32);
    assert_int_equal(m->import_count, 4);
    assert_int_equal(m->imports[3].index, 1);
    assert_int_equal(m->function_count, 3);
    assert_true(m->functions[0].is_imported && !m->functions[0].is_declared);
    assert_true(m->functions[1].is_declared && m->functions[2].is_declared);
    assert_int_equal(m->functions[2].body_size, 4);
    assert_int_equal(b.at[m->functions[2].body + 3], 0x0b);
    assert_int_equal(m->table_count, 2);
    assert_int_equal(m->tables[1].type.limits.max, 9);
    assert_int_equal(m->memory_count, 1);
    assert_int_equal(m->memories[0].limits.max, 65536);
    assert_int_equal(m->global_count, 5);
    assert_int_equal(m->globals[2].init.opcode, 0x23);
    assert_int_equal(m->globals[3].init.lo, 2);
    assert_true(m->globals[4].init.lo == UINT64_MAX);
    assert_int_equal(m->export_count, 2);
    assert_memory_equal(m->exports[0].name.bytes, "run", 3);
    assert_int_equal(m->start, 1);
    assert_int_equal(m->element_count, 2);
    assert_int_equal(m->elements[0].items[1].lo, 2);
    assert_int_equal(m->elements[1].mode, WASM_PASSIVE);
    assert_int_equal(m->data_count, 2);
    assert_int_equal(m->data[0].offset.lo, UINT32_MAX);
    assert_int_equal(m->data[1].mode, WASM_PASSIVE);
    assert_string_equal(m->names[1], "main");
    assert_string_equal(m->names[2], "?");
    assert_true(wasm_uses_vectors(m));
    wasm_module_free(m);
    free_bytes(&b);
}

static void test_context_and_representation_are_laid_out(void **state)
{
    (void)state;
    struct bytes b = {0};
    put_full_module(&b);
    struct wasm_module *m = decode(&b);
    uint32_t start = sizeof(struct wasm_context);
    for (uint32_t n = 0; n < m->global_count; n++) {
        assert_int_equal(m->globals[n].at, start + 8 * n);
    }
    assert_int_equal(m->tables[0].at, start + 40);
    assert_int_equal(m->tables[1].at, start + 48);
    assert_int_equal(m->functions[0].at, start + 64);
    assert_int_equal(m->functions[2].at,
                     start + 64 + sizeof(struct wasm_imported) + sizeof(struct wasm_func));
    assert_true(m->context_bytes >= m->functions[2].at + sizeof(struct wasm_func));
    assert_int_equal(m->ir.callee_count, WASM_HELPER_COUNT + 3 + WASM_ENGINE_CALLEES);
    const struct ir_callee *main = &m->ir.callees[WASM_HELPER_COUNT + 1];
    assert_string_equal(main->name, "f1_main");
    assert_int_equal(main->kind, IR_CALLEE_FUNCTION);
    assert_int_equal(m->ir.signatures[main->signature].params, 0);
    const struct ir_callee *grow = &m->ir.callees[WASM_HELPER_TABLE_GROW];
    assert_int_equal(grow->kind, IR_CALLEE_HELPER);
    assert_int_equal(grow->entry, offsetof(struct wasm_context, helpers[WASM_HELPER_TABLE_GROW]));
    const struct ir_signature *s = &m->ir.signatures[grow->signature];
    assert_int_equal(s->params, 3);
    assert_int_equal(s->results, 1);
    assert_int_equal(m->ir.types[s->types + 1], IR_I64);
    wasm_module_free(m);
    free_bytes(&b);
}

static void test_equal_types_have_equal_ids_in_all_modules(void **state)
{
    (void)state;
    struct heap_stats before, after;
    heap_get_stats(&before);
    struct bytes b = {0}, c = {0};
    put_full_module(&b);
    put_header(&c);
    PUT_SECTION(&c, 1, 2, 0x60, 2, 0x7f, 0x7e, 1, 0x7d, 0x60, 1, 0x7f, 2, 0x7e, 0x7d);
    struct wasm_module *m = decode(&b), *n = decode(&c);
    assert_int_equal(m->signatures[1].id, m->signatures[2].id);
    assert_int_equal(m->signatures[1].id, n->signatures[0].id);
    assert_int_not_equal(m->signatures[0].id, m->signatures[1].id);
    assert_int_not_equal(n->signatures[1].id, n->signatures[0].id);
    assert_int_not_equal(m->signatures[0].id, 0);
    uint32_t id = n->signatures[0].id;
    wasm_module_free(m);
    struct wasm_module *again = decode(&b);
    assert_int_equal(again->signatures[1].id, id);
    wasm_module_free(n);
    wasm_module_free(again);
    heap_get_stats(&after);
    assert_int_equal(before.live_objects, after.live_objects);
    free_bytes(&b);
    free_bytes(&c);
}

/* Types that refer to each other: the same wherever they are, and others than the types of another
 * group. `b` declares them after another type. */
static void test_types_of_groups_have_equal_ids_in_all_modules(void **state)
{
    (void)state;
    struct heap_stats before, after;
    heap_get_stats(&before);
    struct bytes a = {0}, b = {0};
    put_header(&a);
    PUT_SECTION(&a, 1, 3, 0x60, 1, 0x63, 0, 0,                     /* 0: refers to itself */
                0x4e, 2, 0x60, 1, 0x64, 2, 0, 0x60, 0, 1, 0x64, 1, /* 1, 2: to each other */
                0x60, 1, 0x64, 1, 0);                              /* 3: to the type before */
    put_header(&b);
    PUT_SECTION(&b, 1, 5, 0x60, 0, 0,                              /* 0 */
                0x60, 1, 0x63, 1, 0, 0x60, 1, 0x63, 2, 0,          /* 1, 2: a's 0 */
                0x4e, 2, 0x60, 1, 0x64, 4, 0, 0x60, 0, 1, 0x64, 3, /* 3, 4: a's 1, 2 */
                0x60, 1, 0x64, 3, 0);                              /* 5: a's 3 */
    struct wasm_module *m = decode(&a), *n = decode(&b);
    const struct wasm_signature *x = m->signatures, *y = n->signatures;
    assert_int_equal(n->signature_count, 6);
    assert_int_equal(x[0].id, y[1].id);
    assert_int_equal(y[1].id, y[2].id);
    assert_int_equal(y[2].canonical, 1);
    assert_int_equal(x[1].id, y[3].id);
    assert_int_equal(x[2].id, y[4].id);
    assert_int_equal(x[3].id, y[5].id);
    for (uint32_t k = 0; k < 4; k++) {
        for (uint32_t l = 0; l < k; l++) {
            assert_int_not_equal(x[k].id, x[l].id);
        }
    }
    assert_true(wasm_is_subtype(m, WASM_REFERENCE_TO(3), n, WASM_REFERENCE_TO(5)));
    assert_false(wasm_is_subtype(m, WASM_REFERENCE_TO(3), n, WASM_REFERENCE_TO(3)));
    wasm_module_free(m);
    wasm_module_free(n);
    heap_get_stats(&after);
    assert_int_equal(before.live_objects, after.live_objects);
    free_bytes(&a);
    free_bytes(&b);
}

/* Each level costs a pass over all types in use. */
static void test_levels_of_types_are_limited(void **state)
{
    (void)state;
    struct bytes b = {0};
    put_header(&b);
    size_t section = begin_section(&b, 1);
    put_u32(&b, WASM_LEVELS_MAX + 2);
    PUT(&b, 0x60, 0, 0);
    for (uint32_t n = 0; n <= WASM_LEVELS_MAX; n++) {
        PUT(&b, 0x60, 1, 0x63);
        put_i32(&b, (int32_t)n);
        PUT(&b, 0);
    }
    end_size(&b, section);
    refuse(&b, E_NOTSUP, "more than 1000 levels of types that refer to types");
}

static void test_every_prefix_of_a_module_is_refused(void **state)
{
    (void)state;
    struct bytes b = {0};
    put_full_module(&b);
    struct wasm_module *m;
    struct wasm_error err;
    uint32_t good = 0;
    for (size_t n = 0; n < b.count; n++) {
        uint8_t *copy = malloc(n + 1); /* the sanitizer detects a read past it */
        memcpy(copy, b.at, n);
        enum status s = wasm_module_decode(copy, n, &bounds, &m, &err);
        if (s == OK) {
            wasm_module_free(m);
            good++; /* between two sections */
        }
        free(copy);
    }
    /* After the header, types, imports; without code, only the whole module is
     * valid, which ends with data. */
    assert_int_equal(good, 4);
    free_bytes(&b);
}

/* ---- Refusals ---- */

#define REFUSE_SECTION(words, ...)                                                                 \
    do {                                                                                           \
        struct bytes refused = {0};                                                                \
        put_header(&refused);                                                                      \
        PUT_SECTION(&refused, __VA_ARGS__);                                                        \
        refuse(&refused, E_CORRUPT, words);                                                        \
    } while (0)

#define TOO_LARGE_SECTION(words, ...)                                                              \
    do {                                                                                           \
        struct bytes refused = {0};                                                                \
        put_header(&refused);                                                                      \
        PUT_SECTION(&refused, __VA_ARGS__);                                                        \
        refuse(&refused, E_OVERFLOW, words);                                                       \
    } while (0)

static void test_errors_are_reported(void **state)
{
    (void)state;
    struct bytes b = {0};
    PUT(&b, 0, 'a', 's', 'm', 2, 0, 0, 0);
    refuse(&b, E_CORRUPT, "module, offset 0x4: unknown binary version 2");
    PUT(&b, 0x7f, 'E', 'L', 'F', 2, 0, 0, 0);
    refuse(&b, E_CORRUPT, "not a WebAssembly module");
    put_header(&b);
    PUT(&b, 14, 0);
    refuse(&b, E_CORRUPT, "module, offset 0x8: unknown section 14");
    put_header(&b);
    PUT_SECTION(&b, 3, 0);
    PUT_SECTION(&b, 1, 0);
    refuse(&b, E_CORRUPT, "the type section is not where it belongs");
    put_header(&b);
    PUT_SECTION(&b, 1, 0);
    PUT_SECTION(&b, 1, 0);
    refuse(&b, E_CORRUPT, "the type section is not where it belongs");
    REFUSE_SECTION("type section, offset 0xf: section size mismatch", 1, 0, 0);
    REFUSE_SECTION("0x5d is no function type", 1, 1, 0x5d, 0, 0);
    REFUSE_SECTION("0x40 is no value type", 1, 1, 0x60, 1, 0x40, 0);
    REFUSE_SECTION("function section, offset 0xf: unknown type 0", 3, 1, 0);
    REFUSE_SECTION("malformed limits", 5, 1, 16, 0);
    REFUSE_SECTION("memory size must be at most 65536 pages", 5, 1, 0, 0x81, 0x80, 4);
    REFUSE_SECTION("size minimum 2 is greater than maximum 1", 4, 1, 0x70, 1, 2, 1);
    REFUSE_SECTION("unknown global 0", 6, 1, 0x7f, 0, 0x23, 0, 0x0b);
    REFUSE_SECTION("global 0 is mutable", 6, 2, 0x7f, 1, 0x41, 0, 0x0b, 0x7f, 0, 0x23, 0, 0x0b);
    REFUSE_SECTION("type mismatch: expected i32, found i64", 6, 1, 0x7f, 0, 0x42, 0, 0x0b);
    REFUSE_SECTION("type mismatch: 1 more values", 6, 1, 0x7f, 0, 0x41, 0, 0x41, 0, 0x0b);
    REFUSE_SECTION("type mismatch: expected i32, found nothing", 6, 1, 0x7f, 0, 0x41, 0, 0x6a,
                   0x0b);
    REFUSE_SECTION("constant expression required", 6, 1, 0x7f, 0, 0x41, 0, 0x45, 0x0b);
    REFUSE_SECTION("unknown function 0", 7, 1, 1, 'f', 0, 0);
    REFUSE_SECTION("memory size must be at most 281474976710656 pages", 5, 1, 4, 0x81, 0x80, 0x80,
                   0x80, 0x80, 0x80, 0x40);
    REFUSE_SECTION("size minimum 2 is greater than maximum 1", 4, 1, 0x70, 5, 2, 1);
    TOO_LARGE_SECTION("memory section, offset 0xf: a 64-bit memory of 65536 pages, more than 65535",
                      5, 1, 4, 0x80, 0x80, 4);
    TOO_LARGE_SECTION("a table of 1099511627776 elements, more than", 4, 1, 0x70, 4, 0x80, 0x80,
                      0x80, 0x80, 0x80, 0x20);
}

static void test_tags_are_checked(void **state)
{
    (void)state;
    struct bytes b = {0};
    REFUSE_SECTION("tag section, offset 0x10: unknown type 0", 13, 1, 0, 0);
    REFUSE_SECTION("tag section, offset 0xf: malformed tag attribute 0x01", 13, 1, 1, 0);
    REFUSE_SECTION("unknown type 0", 2, 1, 0, 0, 4, 0, 0);
    REFUSE_SECTION("unknown tag 0", 7, 1, 1, 'e', 4, 0);
    REFUSE_SECTION("malformed export kind 0x05", 7, 1, 1, 'e', 5, 0);
    put_header(&b);
    PUT_SECTION(&b, 1, 1, 0x60, 0, 1, 0x7f);
    PUT_SECTION(&b, 13, 1, 0, 0);
    refuse(&b, E_CORRUPT, "non-empty tag result type");
}

/* The messages name the feature, so that the reader knows what to switch off in the compiler. */
static void test_features_of_later_versions_are_named(void **state)
{
    (void)state;
    struct bytes b = {0};
    PUT(&b, 0, 'a', 's', 'm', 13, 0, 1, 0);
    refuse(&b, E_CORRUPT, "a component: build for wasm32-wasip1");
    REFUSE_SECTION("garbage-collected types are not supported: sub", 1, 1, 0x4f, 0, 0x60, 0, 0);
    REFUSE_SECTION("garbage-collected types are not supported", 1, 1, 0x4e, 1, 0x5f, 0);
    REFUSE_SECTION("garbage-collected types are not supported: any", 1, 1, 0x60, 1, 0x64, 0x6e, 0);
    REFUSE_SECTION("garbage-collected types are not supported: struct", 1, 1, 0x5f, 0, 0);
    REFUSE_SECTION("shared memory must have maximum", 5, 1, 6, 1);
    REFUSE_SECTION("shared memory must have maximum", 5, 1, 2, 1);
    REFUSE_SECTION("shared tables are not supported", 4, 1, 0x70, 3, 1, 1);
    REFUSE_SECTION("custom page sizes are not supported", 5, 1, 8, 1, 1);
}

static void test_exports_differ(void **state)
{
    (void)state;
    struct bytes b = {0};
    put_header(&b);
    PUT_SECTION(&b, 5, 1, 0, 1);
    PUT_SECTION(&b, 7, 3, 1, 'a', 2, 0, 1, 'b', 2, 0, 1, 'a', 2, 0);
    refuse(&b, E_CORRUPT, "duplicate export name");
}

static void test_integer_encodings_have_a_maximum_length(void **state)
{
    (void)state;
    struct bytes b = {0};
    put_header(&b);
    PUT_SECTION(&b, 5, 1, 0, 0x82, 0x80, 0x80, 0x80, 0x00); /* the longest encoding of 32 bits */
    struct wasm_module *m = decode(&b);
    assert_int_equal(m->memories[0].limits.min, 2);
    wasm_module_free(m);
    free_bytes(&b);
    REFUSE_SECTION("integer representation too long", 5, 1, 0, 0x82, 0x80, 0x80, 0x80, 0x80, 0);
    REFUSE_SECTION("integer too large", 5, 1, 0, 0x82, 0x80, 0x80, 0x80, 0x10);
    REFUSE_SECTION("integer too large", 6, 1, 0x7f, 0, 0x41, 0x80, 0x80, 0x80, 0x80, 0x70, 0x0b);
    REFUSE_SECTION("integer too large", 6, 1, 0x7e, 0, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                   0x80, 0x80, 0x80, 0x01, 0x0b);
    put_header(&b);
    PUT_SECTION(&b, 6, 1, 0x7f, 0, 0x41, 0x80, 0x80, 0x80, 0x80, 0x78, 0x0b);
    m = decode(&b);
    assert_int_equal(m->globals[0].init.lo, 0x80000000u);
    wasm_module_free(m);
    free_bytes(&b);
}

static void test_counts_are_compared_with_the_bytes(void **state)
{
    (void)state;
    for (uint8_t id = 1; id < 12; id++) {
        struct bytes b = {0};
        put_header(&b);
        PUT_SECTION(&b, id, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0);
        refuse(&b, E_CORRUPT, id == 8 ? "unknown function" : "4294967295 entries cannot be in");
    }
    REFUSE_SECTION("4294967295 bytes cannot be in 0 bytes", 11, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f);
    struct bytes b = {0};
    put_header(&b);
    PUT(&b, 5, 3, 1, 0);
    refuse(&b, E_CORRUPT, "3 bytes cannot be in 2 bytes");
    put_header(&b);
    PUT_SECTION(&b, 4, 1, 0x70, 0, 0xff, 0xff, 0xff, 0xff, 0x0f);
    refuse(&b, E_OVERFLOW, "a table of 4294967295 elements, more than 100000");
    put_header(&b);
    PUT_SECTION(&b, 12, 0xff, 0xff, 0xff, 0xff, 0x0f);
    refuse(&b, E_CORRUPT, "4294967295 data segments are missing");
}

static void test_names_are_utf8(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[4];
        bool good;
    } cases[] = {
        {{'a', 'b', 'c', 'd'}, true},      {{0xc3, 0xa4, 0xc2, 0x80}, true},
        {{0xf4, 0x8f, 0xbf, 0xbf}, true},  {{0xe2, 0x82, 0xac, 'x'}, true},
        {{0xf4, 0x90, 0x80, 0x80}, false}, {{'a', 0xed, 0xa0, 0x80}, false},
        {{'a', 'b', 0xc0, 0x80}, false},   {{'a', 0xe0, 0x80, 0x80}, false},
        {{0xf0, 0x80, 0x80, 0x80}, false}, {{'a', 'b', 'c', 0xc3}, false},
        {{'a', 'b', 'c', 0x80}, false},    {{0xf8, 0x88, 0x80, 0x80}, false},
    };
    for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        struct bytes b = {0};
        put_header(&b);
        const uint8_t *c = cases[n].bytes;
        PUT_SECTION(&b, 0, 4, c[0], c[1], c[2], c[3]);
        if (!cases[n].good) {
            refuse(&b, E_CORRUPT, "custom section");
            continue;
        }
        wasm_module_free(decode(&b));
        free_bytes(&b);
    }
}

static void test_garbage_in_the_names_section_is_ignored(void **state)
{
    (void)state;
    struct bytes b = {0};
    put_header(&b);
    PUT_SECTION(&b, 1, 1, 0x60, 0, 0);
    PUT_SECTION(&b, 3, 3, 0, 0, 0);
    PUT_SECTION(&b, 10, 3, 2, 0, 0x0b, 2, 0, 0x0b, 2, 0, 0x0b);
    size_t names = begin_section(&b, 0);
    put_name(&b, "name");
    PUT(&b, 1, 100, 5, 0, 3, 'a', 0x1b, 'c', 99, 1, 'x', 2, 1, 'y', 1, 200, 'z');
    end_size(&b, names);
    wasm_module_free(decode(&b));
    b.at[names + 5 + 1] = 15; /* the size of the subsection: now it is complete */
    struct wasm_module *m = decode(&b);
    assert_string_equal(m->names[0], "a?c");
    assert_null(m->names[1]);
    assert_string_equal(m->names[2], "y");
    wasm_module_free(m);
    free_bytes(&b);
}

/* ---- Memory ---- */

static bool decode_and_free(void)
{
    struct bytes b = {0};
    put_full_module(&b);
    struct wasm_module *m = NULL;
    struct wasm_error err = {0};
    enum status s = wasm_module_decode(b.at, b.count, &bounds, &m, &err);
    if (s == OK) {
        wasm_module_free(m);
    } else {
        assert_int_equal(s, E_NOMEM);
        assert_non_null(strstr(err.text, "no memory left"));
    }
    free_bytes(&b);
    return s == OK;
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    fake_sweep("decoding a module", decode_and_free);
}

static void test_the_limit_is_an_error(void **state)
{
    (void)state;
    struct wasm_bounds tight = {.arena_bytes = 4096, .table_elements = 10};
    struct bytes b = {0};
    put_header(&b);
    size_t types = begin_section(&b, 1);
    put_u32(&b, 1000);
    for (unsigned n = 0; n < 1000; n++) {
        PUT(&b, 0x60, 0, 0);
    }
    end_size(&b, types);
    struct wasm_module *m;
    struct wasm_error err;
    assert_int_equal(wasm_module_decode(b.at, b.count, &tight, &m, &err), E_OVERFLOW);
    assert_string_equal(err.text, "type section, offset 0x10: more than the 4096 bytes of memory "
                                  "that it may take");
    free_bytes(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_found),
        cmocka_unit_test(test_context_and_representation_are_laid_out),
        cmocka_unit_test(test_equal_types_have_equal_ids_in_all_modules),
        cmocka_unit_test(test_types_of_groups_have_equal_ids_in_all_modules),
        cmocka_unit_test(test_levels_of_types_are_limited),
        cmocka_unit_test(test_every_prefix_of_a_module_is_refused),
        cmocka_unit_test(test_errors_are_reported),
        cmocka_unit_test(test_tags_are_checked),
        cmocka_unit_test(test_features_of_later_versions_are_named),
        cmocka_unit_test(test_exports_differ),
        cmocka_unit_test(test_integer_encodings_have_a_maximum_length),
        cmocka_unit_test(test_counts_are_compared_with_the_bytes),
        cmocka_unit_test(test_names_are_utf8),
        cmocka_unit_test(test_garbage_in_the_names_section_is_ignored),
        cmocka_unit_test(test_each_allocation_may_fail),
        cmocka_unit_test(test_the_limit_is_an_error),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
