// SPDX-License-Identifier: MIT
//
// Blocks and labels, and control flow that leaves a value.
#include "gen.h"

#include <string.h>

const uint8_t type_bytes[T_COUNT + 3] = {0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f, 0x69};

static bool same_type(const struct func_type *a, const struct func_type *b)
{
    return a->param_count == b->param_count && a->result_count == b->result_count &&
           memcmp(a->params, b->params, a->param_count) == 0 &&
           memcmp(a->results, b->results, a->result_count) == 0;
}

uint32_t type_index(struct gen *g, const struct func_type *t)
{
    for (uint32_t n = 0; n < g->type_count; n++) {
        if (same_type(&g->types[n], t)) {
            return n;
        }
    }
    if (g->type_count == TYPES_MAX) {
        return TYPES_MAX;
    }
    g->types[g->type_count] = *t;
    return g->type_count++;
}

static void block_type(struct gen *g, const struct func_type *t, uint32_t index)
{
    if (t->param_count == 0 && t->result_count == 0) {
        put(&g->code, 0x40);
    } else if (t->param_count == 0 && t->result_count == 1) {
        put(&g->code, type_bytes[t->results[0]]);
    } else {
        put_s(g, &g->code, index, 33);
    }
}

void open_block(struct gen *g, unsigned opcode, const struct func_type *t, bool is_usable)
{
    uint32_t index = type_index(g, t);
    struct label *l = &g->labels[g->label_count++];
    op(g, opcode);
    block_type(g, t, index);
    l->is_loop = opcode == 0x03;
    l->is_usable = is_usable;
    l->is_handler = false;
    l->types = l->is_loop ? g->types[index].params : g->types[index].results;
    l->count = l->is_loop ? t->param_count : t->result_count;
}

void close_block(struct gen *g)
{
    op(g, 0x0b);
    g->label_count--;
}

uint32_t new_local(struct gen *g, unsigned type)
{
    g->locals[g->local_count] = (uint8_t)type;
    return g->local_count++;
}

void tick(struct gen *g)
{
    op_u(g, 0x23, GLOBAL_FUEL);
    const_i32(g, 1);
    op(g, 0x6b);
    op_u(g, 0x24, GLOBAL_FUEL);
    op_u(g, 0x23, GLOBAL_FUEL);
    const_i32(g, 0);
    op(g, 0x4a);
}

/* ---- Values ---- */

static void if_value(struct gen *g, unsigned type, int depth)
{
    struct func_type t = {.results = {(uint8_t)type}, .result_count = 1};
    expression(g, T_I32, depth - 1);
    open_block(g, 0x04, &t, true);
    expression(g, type, depth - 1);
    op(g, 0x05);
    statements(g, random_below(g, 2), depth - 1);
    expression(g, type, depth - 1);
    close_block(g);
}

static void block_value(struct gen *g, unsigned type, int depth)
{
    struct func_type t = {.results = {(uint8_t)type}, .result_count = 1};
    open_block(g, 0x02, &t, true);
    statements(g, random_below(g, 2), depth - 1);
    if (chance(g, 50)) {
        expression(g, type, depth - 1);
        expression(g, T_I32, depth - 1);
        op_u(g, 0x0d, 0);
        op(g, 0x1a);
    }
    expression(g, type, depth - 1);
    if (chance(g, 10)) { /* the rest of the block is dead code */
        op_u(g, 0x0c, 0);
        statements(g, 1, depth - 1);
    }
    close_block(g);
}

/* A value that a br_table carries to the end of one of two blocks, changed in between. */
static void table_value(struct gen *g, unsigned type, int depth)
{
    struct func_type t = {.results = {(uint8_t)type}, .result_count = 1};
    const struct operation *o;
    uint32_t count = random_below(g, 5);
    open_block(g, 0x02, &t, true);
    open_block(g, 0x02, &t, true);
    expression(g, type, depth - 1);
    expression(g, T_I32, depth - 1);
    if (chance(g, 70)) {
        const_i32(g, count + 2);
        op(g, 0x70);
    }
    op_u(g, 0x0e, count);
    for (uint32_t n = 0; n <= count; n++) {
        put_u(g, &g->code, random_below(g, 2), 32);
    }
    close_block(g);
    do { /* apply a unary or binary operator to it */
        o = random_operation(g, type);
    } while (o->flags != 0 || o->operands[0] != type || o->count > 2 || o->prefix == 0xfd);
    if (o->count == 2) {
        expression(g, type, depth - 1);
    }
    op(g, o->opcode);
    close_block(g);
}

/* A loop with a parameter. */
static void loop_value(struct gen *g, unsigned type, int depth)
{
    struct func_type t = {
        .params = {(uint8_t)type}, .param_count = 1, .results = {(uint8_t)type}, .result_count = 1};
    expression(g, type, depth - 1);
    open_block(g, 0x03, &t, false);
    discard(g, type);
    statements(g, random_below(g, 2), depth - 1);
    expression(g, type, depth - 1);
    if (!g->is_plain[g->function]) {
        tick(g);
        expression(g, T_I32, depth - 2);
        op(g, 0x71);
        op_u(g, 0x0d, 0);
    }
    close_block(g);
}

void control_expression(struct gen *g, unsigned type, int depth)
{
    bool is_full = g->label_count + 4 > LABELS_MAX || g->type_count + 4 > TYPES_MAX;
    uint32_t kind = random_below(g, 10);
    if (is_full) {
        constant(g, type);
    } else if (g->throws != THROWS_NOTHING && chance(g, 30)) {
        try_value(g, type, depth);
    } else if (kind < 4) {
        if_value(g, type, depth);
    } else if (kind < 7) {
        block_value(g, type, depth);
    } else if (kind < 8 && type != T_V128) {
        table_value(g, type, depth);
    } else {
        loop_value(g, type, depth);
    }
}
