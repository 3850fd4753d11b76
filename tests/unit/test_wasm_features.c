// SPDX-License-Identifier: MIT
//
// The list of proposals says what the front-end accepts: a small module for each.
#include "kernel/wasm/front/features.h"

#include "kernel/lib/string.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/wasm_body.h"

/* A function of type 0, () -> (), with this body. */
#define FUNCTION(b, ...)                                                                           \
    do {                                                                                           \
        const uint8_t body[] = {__VA_ARGS__, 0x0b};                                                \
        PUT_SECTION(b, 1, 1, 0x60, 0, 0);                                                          \
        PUT_SECTION(b, 3, 1, 0);                                                                   \
        PUT_SECTION(b, 5, 1, 0, 1);                                                                \
        put_code(b, body, sizeof body);                                                            \
    } while (0)

static void put_code(struct bytes *b, const uint8_t *body, size_t len)
{
    size_t code = begin_section(b, 10);
    PUT(b, 1);
    size_t size = begin_size(b);
    PUT(b, 0);
    put(b, body, len);
    end_size(b, size);
    end_size(b, code);
}

#define VECTOR 0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

static void mutable_globals(struct bytes *b)
{
    PUT_SECTION(b, 6, 1, 0x7f, 1, 0x41, 0, 0x0b);
    PUT_SECTION(b, 7, 1, 1, 'g', 3, 0);
}

static void sign_extension(struct bytes *b)
{
    FUNCTION(b, 0x41, 0, 0xc0, 0x1a);
}

static void float_to_int(struct bytes *b)
{
    FUNCTION(b, 0x43, 0, 0, 0, 0, 0xfc, 0, 0x1a);
}

static void multi_value(struct bytes *b)
{
    PUT_SECTION(b, 1, 1, 0x60, 0, 2, 0x7f, 0x7f);
}

static void bulk_memory(struct bytes *b)
{
    FUNCTION(b, 0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 11, 0);
}

static void reference_types(struct bytes *b)
{
    FUNCTION(b, 0xd0, 0x70, 0xd1, 0x1a);
}

static void simd(struct bytes *b)
{
    FUNCTION(b, VECTOR, 0x1a);
}

static void extended_const(struct bytes *b)
{
    PUT_SECTION(b, 6, 1, 0x7f, 0, 0x41, 1, 0x41, 2, 0x6a, 0x0b);
}

static void function_references(struct bytes *b)
{
    PUT_SECTION(b, 1, 2, 0x60, 0, 0, 0x60, 1, 0x63, 0, 0);
}

static void tail_call(struct bytes *b)
{
    FUNCTION(b, 0x12, 0);
}

static void multi_memory(struct bytes *b)
{
    PUT_SECTION(b, 5, 2, 0, 1, 0, 1);
}

static void memory64(struct bytes *b)
{
    PUT_SECTION(b, 5, 1, 4, 1);
}

static void exception_handling(struct bytes *b)
{
    FUNCTION(b, 0x1f, 0x40, 0, 0x0b);
}

static void relaxed_simd(struct bytes *b)
{
    FUNCTION(b, VECTOR, VECTOR, 0xfd, 0x80, 2, 0x1a);
}

static void gc(struct bytes *b)
{
    PUT_SECTION(b, 1, 1, 0x5f, 0);
}

static void legacy_exceptions(struct bytes *b)
{
    FUNCTION(b, 0x06, 0x40, 0x0b);
}

static void threads(struct bytes *b)
{
    const uint8_t body[] = {0x41, 0, 0x41, 1, 0xfe, 0x1e, 2, 0, 0x1a, 0xfe, 3, 0, 0x0b};
    PUT_SECTION(b, 1, 1, 0x60, 0, 0);
    PUT_SECTION(b, 3, 1, 0);
    PUT_SECTION(b, 5, 1, 3, 1, 1);
    put_code(b, body, sizeof body);
}

static void wide_arithmetic(struct bytes *b)
{
    FUNCTION(b, 0x42, 0, 0x42, 0, 0x42, 0, 0x42, 0, 0xfc, 19, 0x1a, 0x1a);
}

static void custom_page_sizes(struct bytes *b)
{
    PUT_SECTION(b, 5, 1, 8, 1, 0);
}

static const struct {
    const char *name;
    void (*put_module)(struct bytes *b);
} modules[] = {
    {"mutable-globals", mutable_globals},
    {"sign-extension", sign_extension},
    {"nontrapping-float-to-int", float_to_int},
    {"multi-value", multi_value},
    {"bulk-memory", bulk_memory},
    {"reference-types", reference_types},
    {"simd", simd},
    {"extended-const", extended_const},
    {"function-references", function_references},
    {"tail-call", tail_call},
    {"multi-memory", multi_memory},
    {"memory64", memory64},
    {"exception-handling", exception_handling},
    {"relaxed-simd", relaxed_simd},
    {"gc", gc},
    {"legacy-exceptions", legacy_exceptions},
    {"threads", threads},
    {"wide-arithmetic", wide_arithmetic},
    {"custom-page-sizes", custom_page_sizes},
};

/* A refusal names a proposal: its message says "not supported", with the section and the offset. */
static bool is_accepted(const struct bytes *b, const char *name)
{
    static const struct wasm_bounds bounds = {.arena_bytes = 16 << 20, .table_elements = 100000};
    struct wasm_error err = {.text = ""};
    struct wasm_module *m = NULL;
    struct ir_function *f;
    struct arena arena;
    enum status s = wasm_module_decode(b->at, b->count, &bounds, &m, &err);
    arena_init(&arena, bounds.arena_bytes);
    for (uint32_t n = 0; s == OK && n < m->function_count; n++) {
        s = wasm_function_build(m, n, &arena, &f, &err);
    }
    arena_free_all(&arena);
    wasm_module_free(m);
    if (s != OK &&
        (strstr(err.text, "not supported") == NULL || strstr(err.text, "offset") == NULL)) {
        fail_msg("%s: %s", name, err.text);
    }
    return s == OK;
}

static void test_the_list_says_what_is_accepted(void **state)
{
    (void)state;
    for (unsigned n = 0; n < ARRAY_COUNT(modules); n++) {
        struct bytes b = {0};
        put_header(&b);
        modules[n].put_module(&b);
        assert_string_equal(wasm_features[n].name, modules[n].name);
        if (is_accepted(&b, modules[n].name) != (strcmp(wasm_features[n].support, "no") != 0)) {
            fail_msg("%s: the list says %s", modules[n].name, wasm_features[n].support);
        }
        free_bytes(&b);
    }
    assert_null(wasm_features[ARRAY_COUNT(modules)].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_list_says_what_is_accepted),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
