// SPDX-License-Identifier: MIT
//
// Exceptions: tags, throwing, and catching by the instructions of 3.0 or by the older ones. A
// module has only one of both, because V8 refuses a mixture. A handler restores the depth of calls,
// so that calls that an exception left do not count.
#include "gen.h"

static const struct func_type nothing;

enum { CLAUSE_REF = 1, CLAUSE_ALL = 2 }; /* bits of a clause's kind in a try_table */
#define CLAUSES_MAX 3

void plan_tags(struct gen *g)
{
    g->tag_count = g->throws == THROWS_NOTHING ? 0 : 1 + random_below(g, TAGS_MAX);
    for (uint32_t n = 0; n < g->tag_count; n++) {
        struct func_type t = {.param_count = (uint8_t)random_below(g, TAG_PARAMS + 1)};
        for (uint32_t p = 0; p < t.param_count; p++) {
            t.params[p] = (uint8_t)random_below(g, g->has_vectors ? T_COUNT : T_V128);
        }
        g->tags[n] = type_index(g, &t);
    }
}

void tag_section(struct gen *g, struct bytes *b)
{
    put_leb(b, g->tag_count);
    for (uint32_t n = 0; n < g->tag_count; n++) {
        put(b, 0);
        put_leb(b, g->tags[n]);
    }
}

void add_exception(struct gen *g)
{
    if (g->throws == THROWS_REFERENCES) {
        g->exception = new_local(g, T_EXNREF);
    }
}

static bool has_room(const struct gen *g)
{
    return g->label_count + CLAUSES_MAX + 4 <= LABELS_MAX && g->type_count + 8 <= TYPES_MAX &&
           g->local_count + 8 <= LOCALS_MAX;
}

/* ---- Throwing ---- */

/* An `if` that is entered in one of 2^bits cases. */
static void seldom(struct gen *g, unsigned bits, int depth)
{
    expression(g, T_I32, depth - 1);
    const_i32(g, (1u << bits) - 1);
    op(g, 0x71);
    op(g, 0x45);
    open_block(g, 0x04, &nothing, true);
}

static void throw_tag(struct gen *g, int depth)
{
    uint32_t tag = random_below(g, g->tag_count);
    const struct func_type *t = &g->types[g->tags[tag]];
    values(g, t->params, t->param_count, depth - 1);
    op_u(g, 0x08, tag);
}

/* The relative depth of the label of a try whose handler this is; label_count: there is none. */
static uint32_t find_handler(struct gen *g)
{
    uint32_t start = random_below(g, g->label_count);
    for (uint32_t n = 0; n < g->label_count; n++) {
        uint32_t at = (start + n) % g->label_count;
        if (g->labels[at].is_handler) {
            return g->label_count - 1 - at;
        }
    }
    return g->label_count;
}

static void throw_again(struct gen *g, int depth)
{
    seldom(g, 1, depth);
    if (g->throws == THROWS_REFERENCES) { /* null: a trap */
        op_u(g, 0x20, g->exception);
        op(g, 0xd1);
        op(g, 0x45);
        open_block(g, 0x04, &nothing, true);
        op_u(g, 0x20, g->exception);
        op(g, 0x0a);
        close_block(g);
    } else {
        uint32_t label = find_handler(g);
        if (label < g->label_count) {
            op_u(g, 0x09, label);
        }
    }
    close_block(g);
}

static void throw_statement(struct gen *g, unsigned bits, int depth)
{
    seldom(g, bits, depth);
    throw_tag(g, depth);
    close_block(g);
}

/* ---- Handlers ---- */

/* Save the depth of calls in a new local, which is returned. */
static uint32_t save_depth(struct gen *g)
{
    uint32_t saved = new_local(g, T_I32);
    op_u(g, 0x23, GLOBAL_DEPTH);
    op_u(g, 0x21, saved);
    return saved;
}

/* The beginning of a handler: the exception's values are on the stack. */
static void handler(struct gen *g, const struct func_type *t, uint32_t saved)
{
    for (uint32_t n = t->param_count; n-- > 0;) {
        discard(g, t->params[n]);
    }
    op_u(g, 0x20, saved);
    op_u(g, 0x24, GLOBAL_DEPTH);
}

/* What a try is for: a call, if the function may. */
static void body(struct gen *g, int depth)
{
    statements(g, random_below(g, 3), depth - 1);
    if (chance(g, 60)) {
        call_statement(g, depth - 1);
    }
    if (chance(g, 40)) {
        throw_statement(g, random_below(g, 4), depth - 1);
    }
    statements(g, random_below(g, 2), depth - 1);
}

/* ---- try_table ---- */

struct clause {
    uint8_t kind;
    uint32_t tag, label;
    struct func_type type; /* of the block that it branches to */
};

static struct clause random_clause(struct gen *g)
{
    struct clause c = {.kind = (uint8_t)random_below(g, 4), .tag = random_below(g, g->tag_count)};
    if ((c.kind & CLAUSE_ALL) == 0) {
        const struct func_type *t = &g->types[g->tags[c.tag]];
        for (uint32_t p = 0; p < t->param_count; p++) {
            c.type.results[c.type.result_count++] = t->params[p];
        }
    }
    if ((c.kind & CLAUSE_REF) != 0) {
        c.type.results[c.type.result_count++] = T_EXNREF;
    }
    return c;
}

/* The relative depth of a block around the try that takes the clause's values, or `own`. */
static uint32_t clause_label(struct gen *g, const struct clause *c, uint32_t own)
{
    uint32_t at = random_below(g, g->label_count);
    const struct label *l = &g->labels[at];
    bool fits = l->is_usable && !l->is_loop && l->count == c->type.result_count && chance(g, 20);
    for (uint32_t n = 0; fits && n < l->count; n++) {
        fits = l->types[n] == c->type.results[n];
    }
    return fits ? g->label_count - 1 - at : own;
}

static void open_try_table(struct gen *g, const struct func_type *t, const struct clause *clauses,
                           uint32_t count)
{
    open_block(g, 0x1f, t, true);
    put_u(g, &g->code, count, 32);
    for (uint32_t n = 0; n < count; n++) {
        put(&g->code, clauses[n].kind);
        if ((clauses[n].kind & CLAUSE_ALL) == 0) {
            put_u(g, &g->code, clauses[n].tag, 32);
        }
        put_u(g, &g->code, clauses[n].label, 32);
    }
}

/* After the block that a clause branches to. */
static void clause_handler(struct gen *g, const struct clause *c, uint32_t saved)
{
    struct func_type t = {.param_count = c->type.result_count};
    for (uint32_t n = 0; n < t.param_count; n++) {
        t.params[n] = c->type.results[n];
    }
    if ((c->kind & CLAUSE_REF) != 0) {
        t.param_count--;
        if (chance(g, 70)) {
            op_u(g, 0x21, g->exception);
        } else {
            op(g, 0x1a);
        }
    }
    handler(g, &t, saved);
}

/* Nested blocks, one for each clause, as for a switch. */
static void try_table_statement(struct gen *g, int depth)
{
    struct clause clauses[CLAUSES_MAX];
    uint32_t count = random_below(g, CLAUSES_MAX + 1), saved = save_depth(g);
    open_block(g, 0x02, &nothing, true);
    for (uint32_t n = count; n-- > 0;) {
        clauses[n] = random_clause(g);
        open_block(g, 0x02, &clauses[n].type, false);
    }
    for (uint32_t n = 0; n < count; n++) {
        clauses[n].label = clause_label(g, &clauses[n], n);
    }
    open_try_table(g, &nothing, clauses, count);
    body(g, depth);
    close_block(g);
    op_u(g, 0x0c, count);
    for (uint32_t n = 0; n < count; n++) {
        close_block(g);
        clause_handler(g, &clauses[n], saved);
        statements(g, 1, depth - 1);
        op_u(g, 0x0c, count - 1 - n);
    }
    close_block(g);
}

static void try_table_value(struct gen *g, unsigned type, int depth)
{
    struct func_type t = {.results = {(uint8_t)type}, .result_count = 1};
    struct clause c = random_clause(g);
    uint32_t saved = save_depth(g);
    open_block(g, 0x02, &t, true);
    open_block(g, 0x02, &c.type, false);
    open_try_table(g, &t, &c, 1);
    body(g, depth);
    expression(g, type, depth - 1);
    close_block(g);
    op_u(g, 0x0c, 1);
    close_block(g);
    clause_handler(g, &c, saved);
    expression(g, type, depth - 1);
    close_block(g);
}

/* ---- The older instructions ---- */

/* A handler for a tag or for all; `type` T_COUNT: it leaves no value. */
static void catch_clause(struct gen *g, bool is_for_all, unsigned type, uint32_t saved, int depth)
{
    uint32_t tag = random_below(g, g->tag_count);
    if (is_for_all) {
        op(g, 0x19);
    } else {
        op_u(g, 0x07, tag);
    }
    g->labels[g->label_count - 1].is_handler = true;
    handler(g, is_for_all ? &nothing : &g->types[g->tags[tag]], saved);
    statements(g, 1, depth - 1);
    if (type != T_COUNT) {
        expression(g, type, depth - 1);
    }
}

static void old_try(struct gen *g, unsigned type, int depth)
{
    struct func_type t = {.results = {(uint8_t)type}, .result_count = type != T_COUNT};
    uint32_t saved = save_depth(g), count = random_below(g, CLAUSES_MAX);
    open_block(g, 0x06, &t, true);
    body(g, depth);
    if (type != T_COUNT) {
        expression(g, type, depth - 1);
    }
    if (chance(g, 20)) { /* delegate */
        g->label_count--;
        op_u(g, 0x18, random_below(g, g->label_count));
        return;
    }
    for (uint32_t n = 0; n < count; n++) {
        catch_clause(g, false, type, saved, depth);
    }
    if (chance(g, 50)) {
        catch_clause(g, true, type, saved, depth);
    }
    close_block(g);
}

/* ---- Any ---- */

void exception_statement(struct gen *g, int depth)
{
    uint32_t kind = random_below(g, 10);
    if (!has_room(g) || depth <= 0) {
        return;
    }
    if (kind < 2) {
        throw_statement(g, 3 + random_below(g, 3), depth);
    } else if (kind < 4) {
        throw_again(g, depth);
    } else if (g->throws == THROWS_REFERENCES) {
        try_table_statement(g, depth);
    } else {
        old_try(g, T_COUNT, depth);
    }
}

void try_value(struct gen *g, unsigned type, int depth)
{
    if (!has_room(g)) {
        constant(g, type);
    } else if (g->throws == THROWS_REFERENCES) {
        try_table_value(g, type, depth);
    } else {
        old_try(g, type, depth);
    }
}
