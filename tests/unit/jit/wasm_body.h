// SPDX-License-Identifier: MIT
//
// Function bodies in a module that uses every kind of entity, for tests: built and verified.
#pragma once

#include "kernel/jit/ir/ir_text.h"
#include "kernel/jit/ir/ir_verify.h"
#include "tests/unit/jit/wasm_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/** The function under test, of type 0, and another, of type 2. */
enum { BODY_FUNCTION = 1, BODY_OTHER = 2 };

/** Types 0: (i32, i32) -> i32, 1: () -> (), 2: (i32) -> (i32, i64), 3: (i64) -> (i64). Imported:
 * function 0 of type 3, a mutable i64 global. Defined: a table of 10 funcref and one of 2
 * externref, a memory, a mutable i32 global and a constant one, a passive segment of each kind. */
static inline void body_put_module(struct bytes *b, const struct bytes *body)
{
    put_header(b);
    PUT_SECTION(b, 1, 4, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 0, 0x60, 1, 0x7f, 2, 0x7f, 0x7e,
                0x60, 1, 0x7e, 1, 0x7e);
    PUT_SECTION(b, 2, 2, 1, 'm', 1, 'f', 0, 3, 1, 'm', 1, 'g', 3, 0x7e, 1);
    PUT_SECTION(b, 3, 2, 0, 2);
    PUT_SECTION(b, 4, 2, 0x70, 0, 10, 0x6f, 0, 2);
    PUT_SECTION(b, 5, 1, 0, 1);
    PUT_SECTION(b, 6, 2, 0x7f, 1, 0x41, 7, 0x0b, 0x7f, 0, 0x41, 8, 0x0b);
    PUT_SECTION(b, 9, 2, 1, 0, 1, 2, 3, 0, 1, 0);
    PUT_SECTION(b, 12, 1);
    size_t code = begin_section(b, 10);
    PUT(b, 2);
    size_t size = begin_size(b);
    put(b, body->at, body->count);
    end_size(b, size);
    PUT(b, 6, 0, 0x20, 0, 0x42, 1, 0x0b);
    end_size(b, code);
    PUT_SECTION(b, 11, 1, 1, 1, 'x');
}

struct built {
    struct bytes bytes;
    struct wasm_module *m;
    struct arena arena;
    struct ir_function *f;
    struct wasm_error err;
    enum status status;
};

/** Decode and build with at most `limit` bytes of memory, and verify. */
static inline void body_build(struct built *t, const struct bytes *body, size_t limit)
{
    static const struct wasm_bounds bounds = {.arena_bytes = 16 << 20, .table_elements = 100000};
    *t = (struct built){0};
    body_put_module(&t->bytes, body);
    arena_init(&t->arena, limit);
    t->status = wasm_module_decode(t->bytes.at, t->bytes.count, &bounds, &t->m, &t->err);
    if (t->status == OK) {
        t->status = wasm_function_build(t->m, BODY_FUNCTION, &t->arena, &t->f, &t->err);
    }
    if (t->status == OK) {
        struct arena scratch;
        struct ir_complaint complaint = {""};
        arena_init(&scratch, (size_t)1 << 30);
        if (ir_verify(&scratch, t->f, &complaint) == E_CORRUPT) {
            fail_msg("%s", complaint.text);
        }
        arena_free_all(&scratch);
    }
}

static inline void body_free(struct built *t)
{
    arena_free_all(&t->arena);
    wasm_module_free(t->m);
    free_bytes(&t->bytes);
}

/** Expect a refusal whose reason contains these words. */
static inline void body_refuse(const struct bytes *body, enum status status, const char *words)
{
    struct built t;
    body_build(&t, body, (size_t)64 << 20);
    if (t.status != status || strstr(t.err.text, words) == NULL) {
        fail_msg("status %d, \"%s\", not \"%s\"", t.status, t.err.text, words);
    }
    body_free(&t);
}

#define BODY(...)                                                                                  \
    &(struct bytes)                                                                                \
    {                                                                                              \
        .at = (uint8_t[]){__VA_ARGS__}, .count = sizeof((uint8_t[]){__VA_ARGS__})                  \
    }
