// SPDX-License-Identifier: MIT
//
// Statements: code that leaves the stack unchanged.
#include "gen.h"

static const struct func_type nothing;

static void set_local(struct gen *g, int depth)
{
    if (g->free_locals > 0) {
        uint32_t local = random_below(g, g->free_locals);
        expression(g, g->locals[local], depth);
        op_u(g, 0x21, local);
    }
}

static void set_global(struct gen *g, int depth)
{
    uint32_t global = GLOBAL_FIRST + random_below(g, g->global_count - GLOBAL_FIRST);
    if (g->is_mutable[global]) {
        expression(g, g->globals[global], depth);
        op_u(g, 0x24, global);
    }
}

static unsigned any_type(struct gen *g)
{
    return random_below(g, g->has_vectors ? T_COUNT : T_V128);
}

/* ---- Jumps ---- */

/* The relative depth of a label that may be a branch target; label_count: there is none. */
static uint32_t find_label(struct gen *g, bool loops_too)
{
    uint32_t start = random_below(g, g->label_count);
    for (uint32_t n = 0; n < g->label_count; n++) {
        uint32_t at = (start + n) % g->label_count;
        if (g->labels[at].is_usable && (loops_too || !g->labels[at].is_loop)) {
            return g->label_count - 1 - at;
        }
    }
    return g->label_count;
}

static const struct label *label_at(const struct gen *g, uint32_t number)
{
    return &g->labels[g->label_count - 1 - number];
}

/* The values are carried, or dropped if the branch is not taken. Branches back use fuel. */
static void jump_if(struct gen *g, int depth)
{
    uint32_t to = find_label(g, !g->is_plain[g->function]);
    if (to == g->label_count) {
        return;
    }
    const struct label *l = label_at(g, to);
    values(g, l->types, l->count, depth - 1);
    expression(g, T_I32, depth - 1);
    if (l->is_loop) {
        tick(g);
        op(g, 0x71);
    }
    op_u(g, 0x0d, to);
    for (uint32_t n = l->count; n-- > 0;) {
        discard(g, l->types[n]);
    }
}

static void jump_in_if(struct gen *g, int depth)
{
    uint32_t to = find_label(g, false);
    expression(g, T_I32, depth - 1);
    open_block(g, 0x04, &nothing, true);
    if (chance(g, 30)) { /* return */
        values(g, g->labels[0].types, g->labels[0].count, depth - 1);
        op(g, 0x0f);
    } else if (to + 1 < g->label_count) {
        const struct label *l = label_at(g, to + 1);
        values(g, l->types, l->count, depth - 1);
        op_u(g, 0x0c, to + 1);
    }
    close_block(g);
}

/* After an unconditional branch the stack is polymorphic. */
static void dead_code(struct gen *g, int depth)
{
    open_block(g, 0x02, &nothing, true);
    op_u(g, 0x0c, 0);
    switch (random_below(g, 4)) {
    case 0:
        op(g, 0x6a);
        op(g, 0x1a);
        break;
    case 1:
        op(g, 0x1b);
        op(g, 0x1a);
        break;
    case 2:
        op_u(g, 0x0e, 1);
        put(&g->code, 0);
        put(&g->code, 0);
        break;
    default:
        statements(g, 2, depth - 1);
        break;
    }
    close_block(g);
}

/* ---- Blocks ---- */

static void if_statement(struct gen *g, int depth)
{
    expression(g, T_I32, depth - 1);
    open_block(g, 0x04, &nothing, true);
    statements(g, 1 + random_below(g, 3), depth - 1);
    if (chance(g, 50)) {
        op(g, 0x05);
        statements(g, 1 + random_below(g, 3), depth - 1);
    }
    close_block(g);
}

static void block_statement(struct gen *g, int depth)
{
    open_block(g, 0x02, &nothing, true);
    statements(g, 1 + random_below(g, 3), depth - 1);
    expression(g, T_I32, depth - 1);
    op_u(g, 0x0d, 0);
    statements(g, 1 + random_below(g, 3), depth - 1);
    close_block(g);
}

static void counted_loop(struct gen *g, int depth)
{
    if (g->loops >= 2 || g->local_count + 8 > LOCALS_MAX) {
        return;
    }
    uint32_t counter = new_local(g, T_I32);
    bool counts_up = chance(g, 50);
    uint32_t turns = 1 + random_below(g, 5);
    g->loops++;
    const_i32(g, counts_up ? 0 : turns);
    op_u(g, 0x21, counter);
    open_block(g, 0x03, &nothing, false);
    statements(g, 1 + random_below(g, 4), depth - 1);
    op_u(g, 0x20, counter);
    const_i32(g, 1);
    op(g, counts_up ? 0x6a : 0x6b);
    op_u(g, 0x22, counter);
    if (counts_up) {
        const_i32(g, turns);
        op(g, chance(g, 50) ? 0x49 : 0x48);
    }
    op_u(g, 0x0d, 0);
    close_block(g);
    g->loops--;
}

static void fuelled_loop(struct gen *g, int depth)
{
    if (g->is_plain[g->function]) {
        return;
    }
    open_block(g, 0x03, &nothing, true);
    statements(g, 1 + random_below(g, 3), depth - 1);
    tick(g);
    expression(g, T_I32, depth - 1);
    op(g, 0x71);
    op_u(g, 0x0d, 0);
    close_block(g);
}

static void random_types(struct gen *g, uint8_t *types, uint8_t *count, uint32_t max)
{
    *count = (uint8_t)random_below(g, max + 1);
    for (uint32_t n = 0; n < *count; n++) {
        types[n] = (uint8_t)any_type(g);
    }
}

/* A block with parameters and results. */
static void wide_block(struct gen *g, int depth)
{
    struct func_type t = {.param_count = 0};
    unsigned opcode = 0x02 + random_below(g, 3);
    bool is_usable = opcode != 0x03 || !g->is_plain[g->function];
    random_types(g, t.params, &t.param_count, 4);
    random_types(g, t.results, &t.result_count, 4);
    values(g, t.params, t.param_count, depth - 1);
    if (opcode == 0x04) {
        expression(g, T_I32, depth - 1);
    }
    open_block(g, opcode, &t, is_usable);
    for (unsigned half = 0; half < (opcode == 0x04 ? 2 : 1); half++) {
        if (half == 1) {
            op(g, 0x05);
        }
        for (uint32_t n = t.param_count; n-- > 0;) {
            discard(g, t.params[n]);
        }
        statements(g, 1 + random_below(g, 2), depth - 1);
        values(g, t.results, t.result_count, depth - 1);
    }
    close_block(g);
    for (uint32_t n = t.result_count; n-- > 0;) {
        discard(g, t.results[n]);
    }
}

/* Nested blocks, one for each case; most cases branch out of all of them. */
static void switch_statement(struct gen *g, int depth)
{
    uint32_t cases = 1 + random_below(g, 5), entries = chance(g, 5) ? 200 : random_below(g, 8);
    if (g->label_count + cases + 4 > LABELS_MAX) {
        return;
    }
    for (uint32_t n = 0; n <= cases; n++) {
        open_block(g, 0x02, &nothing, true);
    }
    expression(g, T_I32, depth - 1);
    if (chance(g, 80)) {
        const_i32(g, entries + 2);
        op(g, 0x70);
    }
    op_u(g, 0x0e, entries);
    for (uint32_t n = 0; n <= entries; n++) {
        put_u(g, &g->code, random_below(g, cases + 1), 32);
    }
    for (uint32_t n = 0; n < cases; n++) {
        close_block(g);
        statements(g, 1, depth - 1);
        if (chance(g, 70)) {
            op_u(g, 0x0c, cases - 1 - n);
        }
    }
    close_block(g);
}

/* ---- Any statement ---- */

static void rare_trap(struct gen *g, int depth)
{
    expression(g, T_I32, depth - 1);
    const_i32(g, 0x1f);
    op(g, 0x71);
    const_i32(g, 0x1e);
    op(g, 0x46);
    open_block(g, 0x04, &nothing, true);
    op(g, 0x00);
    close_block(g);
}

static void drop(struct gen *g, int depth)
{
    expression(g, any_type(g), depth);
    op(g, 0x1a);
}

static void control_statement(struct gen *g, int depth)
{
    static void (*const kinds[])(struct gen *, int) = {
        if_statement, if_statement, block_statement,  counted_loop, counted_loop, fuelled_loop,
        wide_block,   wide_block,   switch_statement, jump_if,      jump_in_if,   dead_code,
    };
    if (depth > 0 && g->label_count + 6 <= LABELS_MAX && g->type_count + 6 <= TYPES_MAX) {
        kinds[random_below(g, sizeof kinds / sizeof kinds[0])](g, depth);
    }
}

static void statement(struct gen *g, int depth)
{
    if (g->has_references && !g->is_plain[g->function] && chance(g, 50)) {
        reference_statement(g, depth);
        return;
    }
    if (g->throws != THROWS_NOTHING && chance(g, 25)) {
        exception_statement(g, depth);
        return;
    }
    uint32_t kind = random_below(g, 100);
    if (kind < 4) {
        addresses(g, depth);
    } else if (kind < 28) {
        set_local(g, depth);
    } else if (kind < 35) {
        set_global(g, depth);
    } else if (kind < 46) {
        if (chance(g, 15)) {
            atomic_statement(g, depth);
        } else {
            store(g, depth);
        }
    } else if (kind < 50) {
        overlapping_accesses(g, depth);
    } else if (kind < 52) {
        drop(g, depth);
    } else if (kind < 84) {
        control_statement(g, depth);
    } else if (kind < 90) {
        call_statement(g, depth);
    } else if (kind < 93) {
        bulk_memory(g, depth);
    } else if (kind < 95) {
        table_statement(g, depth);
    } else if (kind < 96) {
        rare_trap(g, depth);
    } else if (kind < 97) {
        op(g, 0x01);
    } else if (g->has_vectors) {
        lane_store(g, depth);
    }
}

void statements(struct gen *g, unsigned count, int depth)
{
    for (unsigned n = 0; n < count && g->budget > 0; n++) {
        bool is_dropped = drops_node(g);
        size_t start = g->code.len;
        g->budget--;
        statement(g, depth);
        g->code.len = is_dropped ? start : g->code.len;
    }
}
