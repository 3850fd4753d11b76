// SPDX-License-Identifier: MIT
//
// The verifier of machine code, on small hand-assembled functions: for rules that a single
// mistake in the compiler hardly ever violates (tests/oracle/seeded.toml covers the others).
// Each case has a wrong function, which is refused for the stated reason, and one that differs
// from it in a few bytes and is accepted. This file defines what the functions may access; each
// machine's file has the functions.
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/jit/verify/verify.h"
#include "kernel/lib/compiler.h"
#include "tests/unit/fake/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CODE_MAX 256u
#define ROWS_MAX 8u

/* ---- What the functions may access ---- */

enum { NONE, UNARY, WIDE, TWO, REF, VECTORS, SIGNATURES };

static const uint8_t types[] = {
    VERIFY_I32,          VERIFY_I32,                     /* of UNARY */
    VERIFY_I64,          VERIFY_I32,                     /* of WIDE */
    VERIFY_I32,          VERIFY_I64,         VERIFY_I32, /* of TWO */
    VERIFY_I32,          VERIFY_FUNCREF,     VERIFY_I32, /* of REF */
    VERIFY_TABLE_NUMBER, VERIFY_TABLE_VALUE, VERIFY_I32,
    VERIFY_I32,                                           /* of helper 1, which grows a table */
    VERIFY_V128,         VERIFY_V128,        VERIFY_V128, /* of VECTORS */
    VERIFY_V128,         VERIFY_V128,        VERIFY_V128, /* likewise */
    VERIFY_V128,         VERIFY_V128,        VERIFY_V128, /* likewise */
    VERIFY_FRAME_OUT,                                     /* of helper 2 */
    VERIFY_FUNCREF,                                       /* of its cells */
};
static const struct verify_signature signatures[SIGNATURES] = {
    [NONE] = {0, 0, 0}, [UNARY] = {0, 1, 1}, [WIDE] = {2, 1, 1},
    [TWO] = {4, 2, 1},  [REF] = {7, 2, 1},   [VECTORS] = {14, 9, 0}};
static const struct verify_helper helpers[] = {{.signature = {0, 1, 1}},
                                               {.signature = {10, 3, 1}},
                                               {.signature = {23, 1, 0}, .cells = 3},
                                               {.signature = {24, 0, 1}}};
static const struct verify_type_id ids[] = {{100, UNARY}, {101, WIDE}};
static const uint8_t tables[] = {VERIFY_FUNCREF, VERIFY_EXTERNREF};

static const struct verify_field fields[] = {
    {.at = 0, .kind = VERIFY_MEMORY_BASE},
    {.at = 8, .kind = VERIFY_LENGTH_ADDRESS},
    {.at = 16, .kind = VERIFY_HELPER, .number = 0},
    {.at = 24, .kind = VERIFY_HELPER, .number = 1},
    {.at = 32, .kind = VERIFY_CELL, .type = VERIFY_I32, .is_writable = true},
    {.at = 40, .kind = VERIFY_CELL, .type = VERIFY_FUNCREF, .is_writable = true},
    {.at = 48, .kind = VERIFY_CELL, .type = VERIFY_I64},
    {.at = 56, .kind = VERIFY_TABLE, .number = 0},
    {.at = 72, .kind = VERIFY_TABLE, .number = 1},
    {.at = 88, .kind = VERIFY_RECORD, .number = NONE},
    {.at = 112, .kind = VERIFY_RECORD_ADDRESS, .number = UNARY},
    {.at = 120, .kind = VERIFY_CELL, .type = VERIFY_EXTERNREF, .is_writable = true},
    {.at = 128, .kind = VERIFY_HELPER, .number = 2},
};

static inline struct verify_shape shape_of(const uint32_t *own)
{
    return (struct verify_shape){.fields = fields,
                                 .field_count = ARRAY_COUNT(fields),
                                 .types = types,
                                 .signatures = signatures,
                                 .signature_count = SIGNATURES,
                                 .helpers = helpers,
                                 .ids = ids,
                                 .id_count = ARRAY_COUNT(ids),
                                 .functions = own,
                                 .tables = tables,
                                 .table_count = ARRAY_COUNT(tables),
                                 .window = (UINT64_C(6) << 30) + 4096};
}

/* ---- Code as text ---- */

/* Bytes, or words of AArch64. A letter before one is a row: the trap that it may cause, or L and
 * the offset of the landing of the call before it. */
struct code {
    _Alignas(16) uint8_t bytes[CODE_MAX];
    struct jit_row rows[ROWS_MAX];
    uint32_t size, row_count;
};

static inline void add_row(struct code *c, struct jit_row row)
{
    assert_true(c->row_count < ROWS_MAX);
    row.pc = c->size;
    c->rows[c->row_count++] = row;
}

static inline void add_trap(struct code *c, char letter)
{
    add_row(c, (struct jit_row){.kind = JIT_ROW_TRAP,
                                .trap = letter == 'M'   ? IR_TRAP_MEMORY
                                        : letter == 'S' ? IR_TRAP_STACK
                                                        : IR_TRAP_UNREACHABLE,
                                .refs = JIT_NO_REFS});
}

static inline void read_code(const char *text, unsigned unit, struct code *out)
{
    *out = (struct code){.size = 0};
    for (char *at = (char *)(uintptr_t)text; *at != '\0';) {
        if (*at == 'M' || *at == 'S' || *at == 'U') {
            add_trap(out, *at++);
            continue;
        }
        if (*at == 'L') {
            uint32_t target = (uint32_t)strtoul(at + 1, &at, 16);
            add_row(out, (struct jit_row){.kind = JIT_ROW_LANDING, .refs = target});
            at++;
            continue;
        }
        uint32_t word = (uint32_t)strtoul(at, &at, 16);
        assert_true(out->size + unit <= CODE_MAX);
        memcpy(out->bytes + out->size, &word, unit);
        out->size += unit;
        at += *at == ' ';
    }
}

/* ---- Cases ---- */

struct verify_case {
    const char *name;
    unsigned signature;
    const char *reason;
    const char *wrong, *right;
};

static inline enum status verify_text(const struct verify_machine *m, uint32_t own,
                                      const char *text, struct verify_error *err)
{
    struct code code;
    read_code(text, m->unit, &code);
    struct code_function function = {.size = code.size};
    const struct verify_shape shape = shape_of(&own);
    const struct code_piece piece = {
        .block = {.bytes = code.bytes, .address = 0x10000, .size = code.size},
        .rows = code.rows,
        .row_count = code.row_count,
        .functions = &function,
        .function_count = 1};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    enum status s = verify_function(m, &shape, &piece, 0, &arena, err, NULL);
    arena_free_all(&arena);
    return s;
}

/* Run every case and print a line for each that behaves otherwise. @return number of these. */
static inline unsigned verify_cases(const struct verify_machine *m, const struct verify_case *cases,
                                    size_t count)
{
    unsigned failed = 0;
    for (size_t n = 0; n < count; n++) {
        const struct verify_case *c = &cases[n];
        struct verify_error wrong = {.text = "accepted"}, right = {.text = "accepted"};
        enum status refused = verify_text(m, c->signature, c->wrong, &wrong);
        enum status accepted = verify_text(m, c->signature, c->right, &right);
        if (refused != E_CORRUPT || accepted != OK || strcmp(wrong.text, c->reason) != 0) {
            print_error("%s: 0x%x: %s; corrected: 0x%x: %s\n", c->name, wrong.offset, wrong.text,
                        right.offset, right.text);
            failed++;
        }
    }
    return failed;
}
