// SPDX-License-Identifier: MIT
//
// Bodies of functions: what is refused and why, and the shape of what is built from good ones,
// which the verifier always finds valid.
#include "kernel/jit/ir_text.h"
#include "kernel/jit/ir_verify.h"
#include "tests/unit/fake/fake_failure.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/wasm_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)256 << 20)

static const struct wasm_bounds bounds = {.arena_bytes = 16 << 20, .table_elements = 100000};

/* Types 0: (i32, i32) -> i32, 1: () -> (), 2: (i32) -> (i32, i32), 3: (i64) -> (); function 0 is
 * imported, of type 3, function 1 is the one at hand, of type 0; table, memory, a global. */
static void put_module(struct bytes *b, const struct bytes *body)
{
    put_header(b);
    PUT_SECTION(b, 1, 4, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 0, 0x60, 1, 0x7f, 2, 0x7f, 0x7f,
                0x60, 1, 0x7e, 0);
    PUT_SECTION(b, 2, 1, 1, 'm', 1, 'f', 0, 3);
    PUT_SECTION(b, 3, 1, 0);
    PUT_SECTION(b, 4, 1, 0x70, 0, 10);
    PUT_SECTION(b, 5, 1, 0, 1);
    PUT_SECTION(b, 6, 1, 0x7f, 1, 0x41, 7, 0x0b);
    size_t code = begin_section(b, 10);
    PUT(b, 1);
    size_t size = begin_size(b);
    put(b, body->at, body->count);
    end_size(b, size);
    end_size(b, code);
}

struct built {
    struct bytes bytes;
    struct wasm_module *m;
    struct arena arena;
    struct ir_function *f;
    struct wasm_error err;
    enum status status;
};

/* Decode, build, verify. */
static void build(struct built *t, const struct bytes *body)
{
    struct ir_complaint complaint = {""};
    *t = (struct built){0};
    put_module(&t->bytes, body);
    if (wasm_module_decode(t->bytes.at, t->bytes.count, &bounds, &t->m, &t->err) != OK) {
        fail_msg("%s", t->err.text);
    }
    arena_init(&t->arena, ARENA_LIMIT);
    t->status = wasm_function_build(t->m, 1, &t->arena, &t->f, &t->err);
    if (t->status == OK && ir_verify(&t->arena, t->f, &complaint) != OK) {
        fail_msg("%s", complaint.text);
    }
}

static void tear_down(struct built *t)
{
    arena_free_all(&t->arena);
    wasm_module_free(t->m);
    free_bytes(&t->bytes);
}

struct text {
    char bytes[8192];
    size_t len;
};

static void collect(void *ctx, const char *s, size_t len)
{
    struct text *t = ctx;
    assert_true(t->len + len < sizeof t->bytes);
    memcpy(t->bytes + t->len, s, len);
    t->len += len;
    t->bytes[t->len] = '\0';
}

/* The body becomes this text, behind its first line. */
static void expect(const struct bytes *body, const char *text)
{
    struct built t;
    struct text out = {0};
    build(&t, body);
    if (t.status != OK) {
        fail_msg("%s", t.err.text);
    }
    ir_print_function(t.f, collect, &out);
    assert_string_equal(strchr(out.bytes, '\n') + 1, text);
    tear_down(&t);
}

static void refuse(const struct bytes *body, enum status status, const char *words)
{
    struct built t;
    build(&t, body);
    if (t.status != status || strstr(t.err.text, words) == NULL) {
        fail_msg("status %d, \"%s\", not \"%s\"", t.status, t.err.text, words);
    }
    tear_down(&t);
}

#define BODY(...)                                                                                  \
    &(struct bytes)                                                                                \
    {                                                                                              \
        .at = (uint8_t[]){__VA_ARGS__}, .count = sizeof((uint8_t[]){__VA_ARGS__})                  \
    }

static void test_straight_code(void **state)
{
    (void)state;
    expect(BODY(0, 0x20, 0, 0x20, 1, 0x6a, 0x0b), "block0(v0: i32, v1: i32):\n"
                                                  "  v2 = add.i32 v0, v1 !103\n"
                                                  "  return v2 !104\n"
                                                  "}\n");
}

static void test_type_mismatches_are_named(void **state)
{
    (void)state;
    refuse(BODY(0, 0x20, 0, 0x42, 0, 0x6a, 0x0b), E_CORRUPT,
           "type mismatch: expected i32, found i64");
    refuse(BODY(0, 0x0b), E_CORRUPT, "type mismatch: expected i32, found nothing");
    refuse(BODY(0, 0x41, 0, 0x41, 0, 0x0b), E_CORRUPT, "1 more values on the stack");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_straight_code),
        cmocka_unit_test(test_type_mismatches_are_named),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
