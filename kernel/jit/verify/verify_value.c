// SPDX-License-Identifier: MIT
//
// Nodes: the known properties of a value, and of a value that is one of several.
#include "kernel/jit/verify/verify_internal.h"

#include "kernel/lib/string.h"

/* ---- Nodes ---- */

static unsigned width_of_bits(uint64_t n)
{
    return n == 0 ? 0 : 64 - (unsigned)__builtin_clzll(n);
}

/* There is room for most values from the start. */
static NOINLINE uint32_t add_rarely(struct verifier *v, struct value x)
{
    if (!ROOM(v, value, 1)) {
        return UNDEFINED_NODE;
    }
    v->values[v->value_count] = x;
    return v->value_count++;
}

static ALWAYS_INLINE uint32_t add_value(struct verifier *v, unsigned kind, unsigned width,
                                        uint32_t a, uint64_t n)
{
    struct value x = {.kind = (uint8_t)kind, .width = (uint8_t)width, .a = a, .n = n};
    if (UNLIKELY(v->value_count == v->value_capacity)) {
        return add_rarely(v, x);
    }
    v->values[v->value_count] = x;
    return v->value_count++;
}

uint32_t value_new(struct verifier *v, unsigned kind, uint32_t a, uint64_t n)
{
    return add_value(v, kind, 64, a, n);
}

uint32_t value_number(struct verifier *v, unsigned width)
{
    return add_value(v, VALUE_NUMBER, width, 0, 0);
}

uint32_t value_bounded(struct verifier *v, uint64_t largest)
{
    uint32_t node = value_number(v, width_of_bits(largest));
    if (v->status == OK) {
        v->values[node].n = largest;
        v->values[node].shift = RULE_MAX;
    }
    return node;
}

uint32_t value_const(struct verifier *v, uint64_t n)
{
    return add_value(v, VALUE_CONST, width_of_bits(n), 0, n);
}

/* Kinds for which two nodes are equal values if all their fields are equal. */
static bool is_described(unsigned kind)
{
    return kind != VALUE_UNDEFINED && kind != VALUE_NUMBER && kind != VALUE_REFERENCE &&
           kind != VALUE_MERGE;
}

/* Whether a sum or product is right only if its operands are narrow. */
static bool is_conditional(const struct value *x)
{
    return (x->kind == VALUE_SUM || x->kind == VALUE_SCALED) && x->demands != 0;
}

bool value_like(const struct verifier *v, uint32_t a, uint32_t b)
{
    const struct value *x = value_of(v, a), *y = value_of(v, b);
    return x->kind == y->kind && is_described(x->kind) && x->a == y->a && x->n == y->n &&
           x->shift == y->shift && is_conditional(x) == is_conditional(y) &&
           ((x->kind != VALUE_BOOL && x->kind != VALUE_WINDOW) || x->width == y->width);
}

static bool is_address(unsigned kind)
{
    return kind > VALUE_REFERENCE && kind < VALUE_MERGE;
}

/* Whether an earlier attempt found that the merge is not the same on every way. */
static bool is_varying(const struct verifier *v, const struct merge *m)
{
    uint32_t n = 0;
    while (n < v->varying->count && v->varying->keys[n] != LOCATION_KEY(m->block, m->location)) {
        n++;
    }
    return n < v->varying->count;
}

/* @return the node of the new merge. It is its own first operand if it is known to vary. The low
 * half of a merge counts as that merge. */
static uint32_t new_merge(struct verifier *v, const struct merge *like)
{
    uint32_t node = value_new(v, VALUE_MERGE, v->merge_count, 0);
    if (v->status != OK || !ROOM(v, merge, 1)) {
        return node;
    }
    uint32_t first = (like->count == 0 ? like->first : v->operands[like->first]) & ~CELL_HALF;
    const struct value *x = value_of(v, value_root(v, first));
    v->values[node].n = is_varying(v, like) ? node : x->kind == VALUE_MERGE ? x->n : first;
    struct merge *m = &v->merges[v->merge_count++];
    *m = *like;
    m->node = node;
    m->equals[EQUAL_WHOLE] = m->equals[EQUAL_LOW] = m->low = NO_NODE;
    m->asker[EQUAL_WHOLE] = m->asker[EQUAL_LOW] = NO_NODE;
    m->most = UINT64_MAX;
    return node;
}

uint32_t value_root(const struct verifier *v, uint32_t node)
{
    return value_of(v, node)->kind == VALUE_LOW ? value_of(v, node)->a : node;
}

uint32_t value_low(struct verifier *v, uint32_t node)
{
    const struct value *x = value_of(v, node);
    if (value_is_number(x) && x->width <= 32) {
        return node;
    }
    if (x->kind == VALUE_CONST) {
        return value_const(v, (uint32_t)x->n);
    }
    struct merge *m = value_merge(v, node);
    if (!value_demand(v, node, DEMAND_NUMBER)) {
        return ZERO_NODE;
    }
    if (m != NULL && m->low != NO_NODE) {
        return m->low;
    }
    uint32_t low = value_new(v, VALUE_LOW, node, 0);
    if (v->status == OK) {
        v->values[low].width = 32;
    }
    if (m != NULL && v->status == OK) {
        m->low = low;
    }
    return low;
}

/* ---- Several values into one ---- */

/* A merge outside loop headers stores all its operands. */
static uint32_t merge_all(struct verifier *v, uint32_t block, uint32_t location,
                          const uint32_t *values, uint32_t count, bool half)
{
    struct merge m = {.block = block,
                      .location = location,
                      .first = v->operand_count,
                      .count = count,
                      .is_half = half};
    if (!ROOM(v, operand, count)) {
        return ZERO_NODE;
    }
    memcpy(v->operands + v->operand_count, values, count * sizeof *values);
    v->operand_count += count;
    return new_merge(v, &m);
}

/* What the values at a join have in common. */
struct common {
    uint64_t largest; /* of numbers */
    uint32_t half;    /* CELL_HALF if a value has it */
    uint32_t type;    /* of references, or NO_NODE */
    bool are_same, are_numbers, are_references;
};

static void note_value(struct verifier *v, struct common *c, uint32_t node)
{
    const struct value *x = value_of(v, node);
    bool is_reference = x->kind == VALUE_REFERENCE;
    if (value_is_number(x) && !value_is_open(x)) {
        uint64_t largest = value_largest(v, node);
        c->largest = MAX(c->largest, largest);
    } else {
        c->are_numbers = false;
    }
    if (is_reference && c->type == NO_NODE) {
        c->type = (uint32_t)x->n;
    }
    c->are_references &= is_reference ? x->n == c->type : x->kind == VALUE_CONST && x->n == 0;
}

/* The rules of a join. Equal values stay that value. One that was never written makes the result
 * undefined, because some path does not write it. Numbers whose bounds are final become a number
 * below the largest bound, and references of one type a reference; nothing more about them matters.
 * All others become a merge, which remembers its operands: what the proof will need of it is not
 * known yet, and is demanded of each operand later. */
uint32_t value_join(struct verifier *v, uint32_t block, uint32_t location, const uint32_t *values,
                    uint32_t count)
{
    uint32_t first = values[0] & ~CELL_HALF;
    struct common c = {0, 0, NO_NODE, true, true, true};
    for (uint32_t n = 0; n < count; n++) {
        uint32_t node = values[n] & ~CELL_HALF;
        c.half |= values[n] & CELL_HALF;
        if (value_of(v, node)->kind == VALUE_UNDEFINED) {
            return node;
        }
        if (node != first || n == 0) {
            c.are_same = c.are_same && value_same(v, node, first);
            note_value(v, &c, node);
        }
    }
    uint32_t node = c.are_same         ? first
                    : c.are_numbers    ? value_bounded(v, c.largest)
                    : c.are_references ? value_new(v, VALUE_REFERENCE, 0, c.type)
                                       : merge_all(v, block, location, values, count, c.half != 0);
    return node | c.half;
}

uint32_t value_either(struct verifier *v, uint32_t a, uint32_t b)
{
    const uint32_t both[] = {a, b};
    return value_join(v, NO_BLOCK, v->at, both, 2);
}

uint32_t value_into_loop(struct verifier *v, uint32_t block, uint32_t location, uint32_t value)
{
    uint32_t node = value & ~CELL_HALF, half = value & CELL_HALF;
    if (value_of(v, node)->kind == VALUE_UNDEFINED) {
        return value;
    }
    const struct merge m = {
        .block = block, .location = location, .first = value, .is_half = half != 0};
    return new_merge(v, &m) | half;
}

/* A merge's first operand, followed through merges of merges (new_merge() records it); of any other
 * value the node itself. */
uint32_t value_first(const struct verifier *v, uint32_t node)
{
    const struct value *x = value_of(v, node);
    return x->kind == VALUE_MERGE ? (uint32_t)x->n : node;
}

static uint32_t settle(struct verifier *v, uint32_t node, uint32_t first)
{
    return node == first                                     ? node
           : value_demand_equal(v, EQUAL_WHOLE, node, first) ? first
                                                             : ZERO_NODE;
}

/* What the code compared with null is a reference, and may be one of several functions: the type of
 * the merge must be compared, too. */
uint32_t value_settle_merge(struct verifier *v, uint32_t node)
{
    uint32_t first = value_first(v, node);
    unsigned kind = value_of(v, first)->kind;
    if (!is_address(kind) || kind == VALUE_EPOCH ||
        (value_is_function(v, first) && fact_holds(v, FACT_NOT_NULL, node, 0))) {
        return node;
    }
    return settle(v, node, first);
}

uint32_t value_settle_scaled(struct verifier *v, uint32_t node)
{
    uint32_t first = value_first(v, node);
    unsigned kind = value_of(v, first)->kind;
    return kind == VALUE_SCALED || kind == VALUE_CONST ? settle(v, node, first) : node;
}
