// SPDX-License-Identifier: MIT
//
// References in locals, merged by branches, loops and select, stored in tables and called from
// there, with few indices that many statements share; and functions that do not end. What is known
// of a reference, of an index or of a table's length is then in question at every join.
#include "gen.h"

static const struct func_type nothing;

void add_references(struct gen *g)
{
    if (!g->has_references || g->is_plain[g->function]) {
        return;
    }
    for (uint32_t n = 0; n < REFERENCES; n++) {
        g->references[n] = new_local(g, n + 1 < REFERENCES ? T_FUNCREF : T_EXTERNREF);
    }
    for (uint32_t n = 0; n < INDICES; n++) {
        g->indices[n] = new_local(g, T_I32);
    }
}

/* ---- Values ---- */

/* All are below the size of every table, unless it is another i32. */
static void index(struct gen *g)
{
    if (chance(g, 1)) {
        expression(g, T_I32, 1);
    } else if (chance(g, 30)) {
        const_i32(g, random_below(g, INDEX_MASK + 1));
    } else {
        op_u(g, 0x20, g->indices[random_below(g, INDICES)]);
    }
}

static uint32_t any_table(struct gen *g)
{
    return random_below(g, g->table_count);
}

static void reference(struct gen *g, int depth);

/* Two references, then one of them. */
static void one_of_two(struct gen *g, int depth)
{
    if (chance(g, 60)) {
        reference(g, depth - 1);
        reference(g, depth - 1);
        expression(g, T_I32, depth - 1);
        op(g, 0x1c);
        put(&g->code, 1);
        put(&g->code, type_bytes[T_FUNCREF]);
        return;
    }
    expression(g, T_I32, depth - 1);
    op(g, 0x04);
    put(&g->code, type_bytes[T_FUNCREF]);
    g->labels[g->label_count++] = (struct label){.is_usable = false};
    reference(g, depth - 1);
    op(g, 0x05);
    reference(g, depth - 1);
    close_block(g);
}

static void reference(struct gen *g, int depth)
{
    uint32_t kind = random_below(g, 12);
    if (kind < 4) {
        op_u(g, 0x20, g->references[random_below(g, REFERENCES - 1)]);
    } else if (kind < 6) {
        index(g);
        op_u(g, 0x25, any_table(g));
    } else if (kind < 9 && depth > 0 && g->label_count + 2 <= LABELS_MAX) {
        one_of_two(g, depth);
    } else if (kind < 11) {
        op_u(g, 0xd2, random_below(g, g->function_count));
    } else {
        op(g, 0xd0);
        put(&g->code, type_bytes[T_FUNCREF]);
    }
}

/* An i32: whether a reference is null, or the size of a table. */
static void about_references(struct gen *g, int depth)
{
    if (chance(g, 25)) {
        op_prefixed(g, 0xfc, 16);
        put_u(g, &g->code, any_table(g), 32);
    } else if (chance(g, 20)) {
        op_u(g, 0x20, g->references[REFERENCES - 1]);
        op(g, 0xd1);
    } else {
        reference(g, depth);
        op(g, 0xd1);
    }
}

/* ---- Statements ---- */

static void set_reference(struct gen *g, int depth)
{
    uint32_t number = random_below(g, REFERENCES);
    if (number + 1 < REFERENCES) {
        reference(g, depth);
    } else {
        op(g, 0xd0);
        put(&g->code, type_bytes[T_EXTERNREF]);
    }
    op_u(g, 0x21, g->references[number]);
}

static void set_index(struct gen *g, int depth)
{
    uint32_t kind = random_below(g, 3);
    if (kind == 0) {
        op_u(g, 0x20, g->indices[random_below(g, INDICES)]);
    } else if (kind == 1) {
        const_i32(g, random_below(g, INDEX_MASK + 1));
    } else {
        if (chance(g, 50)) {
            expression(g, T_I32, depth);
        } else {
            about_references(g, depth);
        }
        const_i32(g, INDEX_MASK);
        op(g, 0x71);
    }
    op_u(g, 0x21, g->indices[random_below(g, INDICES)]);
}

/* A call of an element that was mostly just written, with its type, mostly. */
static void call_element(struct gen *g, int depth)
{
    uint32_t function = random_below(g, g->function_count), table = any_table(g);
    uint32_t at = g->indices[random_below(g, INDICES)];
    const struct func_type *t = &g->types[g->functions[function]];
    if (chance(g, 90)) {
        op_u(g, 0x20, at);
        op_u(g, 0xd2, function);
        op_u(g, 0x26, table);
    }
    values(g, t->params, t->param_count, depth - 1);
    op_u(g, 0x20, at);
    op_u(g, 0x11, g->functions[function]);
    put_u(g, &g->code, table, 32);
    for (uint32_t r = t->result_count; r-- > 0;) {
        discard(g, t->results[r]);
    }
}

static void reference_loop(struct gen *g, int depth)
{
    open_block(g, 0x03, &nothing, false);
    statements(g, 1 + random_below(g, 4), depth - 1);
    tick(g);
    about_references(g, depth - 1);
    op(g, 0x71);
    op_u(g, 0x0d, 0);
    close_block(g);
}

void reference_statement(struct gen *g, int depth)
{
    uint32_t kind = random_below(g, 16);
    if (kind < 4) {
        set_reference(g, depth);
    } else if (kind < 7) {
        set_index(g, depth);
    } else if (kind < 10) {
        index(g);
        reference(g, depth);
        op_u(g, 0x26, any_table(g));
    } else if (kind < 13) {
        call_element(g, depth);
    } else if (depth > 0 && g->label_count + 6 <= LABELS_MAX && g->type_count + 6 <= TYPES_MAX) {
        if (kind < 15) {
            reference_loop(g, depth);
        } else {
            about_references(g, depth - 1);
            open_block(g, 0x04, &nothing, true);
            statements(g, 1 + random_below(g, 3), depth - 1);
            close_block(g);
        }
    }
}

/* ---- Functions that do not end ---- */

/* Only a trap leaves this loop, once the fuel is used up: no branch does, so that the code has no
 * block after it. */
void endless_loop(struct gen *g, int depth)
{
    bool was_usable = g->labels[0].is_usable;
    g->labels[0].is_usable = false;
    open_block(g, 0x03, &nothing, true);
    statements(g, 2 + random_below(g, 6), depth);
    const_i32(g, 1);
    tick(g);
    op(g, 0x6e);
    op(g, 0x1a);
    op_u(g, 0x0c, 0);
    close_block(g);
    op(g, 0x00);
    g->labels[0].is_usable = was_usable;
}
