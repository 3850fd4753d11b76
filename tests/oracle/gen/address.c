// SPDX-License-Identifier: MIT
//
// Accesses that share an index: narrow values, few shifts and few offsets, so that several
// accesses agree in one of them and differ in another; in one block and in several, in loops,
// and with many live values. Compilers often get wrong which part of an address they may compute
// once for all of them, and where.
#include "gen.h"

#define WIDTH_MAX    9u /* bits of an index: with shift and offset it stays in the first page */
#define SHIFTS       2u
#define OFFSETS      3u
#define PRESSURE_MAX 20u

static const struct func_type nothing;

/** What the accesses of a statement share. */
struct common {
    uint32_t index[2], width; /* locals, and the number of their low bits that may be set */
    uint32_t shifts[SHIFTS], offsets[OFFSETS];
    uint32_t hash; /* local into which every loaded value is mixed */
};

/* ---- Parts of an address ---- */

/* A value that the compiler knows to be narrow, from a mask, a load, a shift, a remainder,
 * a select, or half of an i64. */
static void narrow(struct gen *g, uint32_t width, int depth)
{
    uint32_t mask = (1u << width) - 1;
    switch (random_below(g, 8)) {
    case 0:
        masked(g, 0x7ff8, depth);
        op(g, 0x2d); /* i32.load8_u */
        put(&g->code, 0);
        put_leb(&g->code, random_below(g, 8));
        const_i32(g, width < 8 ? 8 - width : 0);
        op(g, 0x76);
        break;
    case 1:
        masked(g, 0x7ff8, depth);
        op(g, 0x2f); /* i32.load16_u */
        put(&g->code, 0);
        put_leb(&g->code, random_below(g, 8));
        const_i32(g, 16 - width);
        op(g, 0x76);
        break;
    case 2:
        expression(g, T_I32, depth - 1);
        const_i32(g, 32 - width);
        op(g, 0x76);
        break;
    case 3:
        expression(g, T_I32, depth - 1);
        const_i32(g, mask + 1 - random_below(g, mask));
        op(g, 0x70);
        break;
    case 4:
        masked(g, mask, depth);
        masked(g, mask, depth);
        expression(g, T_I32, depth - 1);
        op(g, 0x1b);
        break;
    case 5:
        expression(g, T_I64, depth - 1);
        const_i64(g, mask);
        op(g, 0x83);
        op(g, 0xa7);
        break;
    default:
        masked(g, mask, depth);
        break;
    }
}

static uint32_t near_limit(struct gen *g, uint32_t limit)
{
    return limit - 16 + random_below(g, 33);
}

/* Offsets that instructions encode in 12 or 15 bits, scaled or not, and slightly larger ones. */
static uint32_t random_offset(struct gen *g)
{
    static const uint8_t small[] = {0, 0, 0, 1, 2, 4, 8, 12};
    uint32_t kind = random_below(g, 10);
    if (kind < 6) {
        return small[random_below(g, sizeof small)];
    }
    return near_limit(g, kind < 8 ? 0x1000 : 0x8000);
}

/* Offsets past the end of every memory, up to those whose sum with an index exceeds 32 bits. */
static uint32_t far_offset(struct gen *g)
{
    return chance(g, 50) ? near_limit(g, 0x80000000) : 0 - 1 - random_below(g, 17);
}

/* x << shift, or the equivalent multiplication. */
static void scaled(struct gen *g, uint32_t local, uint32_t shift)
{
    bool multiplies = chance(g, 20);
    op_u(g, 0x20, local);
    if (shift > 0) {
        const_i32(g, multiplies ? 1u << shift : shift);
        op(g, multiplies ? 0x6c : 0x74);
    }
}

static void add_small(struct gen *g)
{
    const_i32(g, 1 + random_below(g, 64));
    op(g, 0x6a);
}

static void index_of_access(struct gen *g, const struct common *c)
{
    uint32_t kind = random_below(g, 12), shift = c->shifts[random_below(g, SHIFTS)];
    if (kind == 0) { /* the sum of two indices */
        op_u(g, 0x20, c->index[1]);
        scaled(g, c->index[0], shift);
        op(g, 0x6a);
    } else if (kind == 1) {
        op_u(g, 0x20, c->index[0]);
        add_small(g);
        const_i32(g, shift);
        op(g, 0x74);
    } else {
        scaled(g, c->index[kind == 2], shift);
        if (kind == 3) {
            add_small(g);
        }
    }
}

/* ---- Accesses ---- */

static void one_access(struct gen *g, const struct common *c, uint32_t offset)
{
    index_of_access(g, c);
    if (chance(g, 30)) {
        random_store(g, offset);
    } else {
        mix(g, random_load(g, offset), c->hash);
    }
}

static void accesses(struct gen *g, const struct common *c, uint32_t count, int depth);

/* Some accesses in one branch, some in the other. */
static void in_branches(struct gen *g, const struct common *c, int depth)
{
    op_u(g, 0x20, c->index[random_below(g, 2)]);
    const_i32(g, 1);
    op(g, 0x71);
    open_block(g, 0x04, &nothing, true);
    accesses(g, c, 1 + random_below(g, 2), depth - 1);
    if (chance(g, 60)) {
        op(g, 0x05);
        accesses(g, c, 1 + random_below(g, 3), depth - 1);
    }
    close_block(g);
}

/* The index is the loop's counter, or part of it. */
static void in_loop(struct gen *g, const struct common *c, int depth)
{
    uint32_t step = 1 + random_below(g, 4), turns = 1 + random_below(g, 5);
    uint32_t first = random_below(g, 8), counter = new_local(g, T_I32);
    bool counts_down = chance(g, 30);
    struct common inner = *c;
    g->loops++;
    inner.index[0] = counter;
    const_i32(g, counts_down ? step * turns : first);
    op_u(g, 0x21, counter);
    open_block(g, 0x03, &nothing, false);
    if (chance(g, 50)) { /* visibly narrow */
        inner.index[0] = new_local(g, T_I32);
        op_u(g, 0x20, counter);
        const_i32(g, 0x1f);
        op(g, 0x71);
        op_u(g, 0x21, inner.index[0]);
    }
    accesses(g, &inner, 2 + random_below(g, 3), depth - 1);
    op_u(g, 0x20, counter);
    const_i32(g, step);
    op(g, counts_down ? 0x6b : 0x6a);
    op_u(g, 0x22, counter);
    if (!counts_down) {
        const_i32(g, first + step * turns);
        op(g, 0x49);
    }
    op_u(g, 0x0d, 0);
    close_block(g);
    g->loops--;
}

/* An access outside the memory, which traps, on a path that is seldom taken. */
static void outside(struct gen *g, const struct common *c)
{
    op_u(g, 0x20, c->hash);
    op(g, 0xa7);
    const_i32(g, 0x3f);
    op(g, 0x71);
    const_i32(g, 1 + random_below(g, 0x3f));
    op(g, 0x46);
    open_block(g, 0x04, &nothing, true);
    one_access(g, c, far_offset(g));
    close_block(g);
}

static void accesses(struct gen *g, const struct common *c, uint32_t count, int depth)
{
    for (uint32_t n = 0; n < count && g->budget > 0; n++) {
        bool is_dropped = drops_node(g);
        size_t start = g->code.len;
        uint32_t kind = depth > 0 && g->label_count + 2 < LABELS_MAX ? random_below(g, 20) : 20;
        g->budget--;
        if (kind < 2) {
            in_branches(g, c, depth);
        } else if (kind < 4 && g->loops < 2 && g->local_count + 8 < LOCALS_MAX) {
            in_loop(g, c, depth);
        } else if (kind == 4) {
            outside(g, c);
        } else {
            one_access(g, c, c->offsets[random_below(g, OFFSETS)]);
        }
        g->code.len = is_dropped ? start : g->code.len;
    }
}

/* ---- The statement ---- */

/* Values that are loaded before the accesses and used after them. */
struct pressure {
    uint32_t locals[PRESSURE_MAX], count;
};

static void load_many(struct gen *g, const struct common *c, struct pressure *p)
{
    p->count = chance(g, 25) ? 6 + random_below(g, PRESSURE_MAX - 5) : 0;
    if (g->local_count + p->count + 20 > LOCALS_MAX) {
        p->count = 0;
    }
    for (uint32_t n = 0; n < p->count; n++) {
        bool is_dropped = drops_node(g);
        size_t start = g->code.len;
        index_of_access(g, c);
        p->locals[n] = new_local(g, random_load(g, c->offsets[random_below(g, OFFSETS)]));
        op_u(g, 0x21, p->locals[n]);
        g->code.len = is_dropped ? start : g->code.len;
    }
}

static void use_many(struct gen *g, const struct common *c, const struct pressure *p)
{
    for (uint32_t n = 0; n < p->count; n++) {
        bool is_dropped = drops_node(g);
        size_t start = g->code.len;
        op_u(g, 0x20, p->locals[n]);
        mix(g, g->locals[p->locals[n]], c->hash);
        g->code.len = is_dropped ? start : g->code.len;
    }
}

static void choose(struct gen *g, struct common *c)
{
    bool has_offsets = chance(g, 65);
    c->width = 1 + random_below(g, WIDTH_MAX);
    for (unsigned n = 0; n < SHIFTS; n++) {
        c->shifts[n] = random_below(g, 5);
    }
    for (unsigned n = 0; n < OFFSETS; n++) {
        c->offsets[n] = has_offsets ? random_offset(g) : 0;
    }
}

void addresses(struct gen *g, int depth)
{
    struct common c;
    struct pressure p;
    if (g->local_count + 16 > LOCALS_MAX) {
        return;
    }
    choose(g, &c);
    for (unsigned n = 0; n < 2; n++) {
        c.index[n] = new_local(g, T_I32);
        if (n == 1 && chance(g, 30)) { /* the next element */
            op_u(g, 0x20, c.index[0]);
            add_small(g);
        } else {
            narrow(g, c.width, depth - 1);
        }
        op_u(g, 0x21, c.index[n]);
    }
    c.hash = new_local(g, T_I64);
    load_many(g, &c, &p);
    accesses(g, &c, 3 + random_below(g, 5), depth);
    use_many(g, &c, &p);
    const_i32(g, random_below(g, PAGE - 8));
    op_u(g, 0x20, c.hash);
    op(g, 0x37);
    put(&g->code, 0);
    put(&g->code, 0);
}
