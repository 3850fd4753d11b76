// SPDX-License-Identifier: MIT
//
// Addresses: a known base, a constant, and at most one number that the program computes. Checks
// that such an address is within memory 0 or a table.
#include "kernel/jit/verify/verify_internal.h"

/* Added constants are smaller than this, so that their sums do not wrap. */
#define FAR (INT64_C(1) << 40)

/* ---- Sums ---- */

/* An address is base + n + (low half of root << shift): one number of at most 32 bits, so that the
 * largest possible address is known. A second number is only added as its bound (slack). A sum that
 * the program computed before (VALUE_SUM) is such an address only if it did not wrap, which is so
 * if its operand has 32 bits; if that is not known, it is demanded when the sum is used. */

static bool add_constant(struct address *a, uint64_t n, unsigned extend, unsigned shift)
{
    int64_t value = extend == VERIFY_LOW_HALF ? (int64_t)(uint32_t)n : (int64_t)n;
    if (value >= FAR || value <= -FAR || shift > 4) {
        return false;
    }
    a->n += value * (1 << shift);
    return a->n < FAR && a->n > -FAR;
}

/* A sum or product that is right only if its operands are narrow: demand that. */
static bool settle_condition(struct verifier *v, const struct value *x)
{
    return x->demands == 0 || value_narrow(v, x->a);
}

/* The largest possible value of the low half of a node, shifted. */
static uint64_t largest(const struct verifier *v, uint32_t node, unsigned shift)
{
    return MIN(value_largest(v, node), (uint64_t)UINT32_MAX) << shift;
}

/* Add a number that the program computed. */
/* Whether a number is the index of a table as it is, and was perhaps shifted or added before. */
static bool is_element_index(const struct verifier *v, const struct address *a, uint32_t node,
                             unsigned shift)
{
    const struct value *x = value_of(v, node);
    return value_of(v, a->base)->kind == VALUE_ELEMENTS && shift == 3 && value_is_number(x) &&
           x->width <= 32 && !x->demands;
}

static bool add_number(struct verifier *v, struct address *a, uint32_t node, unsigned extend,
                       unsigned shift)
{
    struct value x = *value_of(v, node);
    if (is_element_index(v, a, node, shift)) {
        extend = VERIFY_LOW_HALF;
    }
    if (extend == VERIFY_WHOLE && x.kind == VALUE_SUM && settle_condition(v, &x)) {
        node = x.a;
        if (!add_constant(a, x.n, VERIFY_WHOLE, shift)) {
            return false;
        }
    } else if (extend == VERIFY_WHOLE && x.kind == VALUE_SCALED && settle_condition(v, &x)) {
        node = x.a;
        shift += x.shift;
    } else if (extend == VERIFY_WHOLE ? !value_narrow(v, node)
                                      : !value_demand(v, node, DEMAND_NUMBER)) {
        return false;
    }
    if (shift > 4) {
        return false;
    }
    if (a->root != NO_NODE) {
        a->slack += largest(v, node, shift);
        return true;
    }
    a->root = value_root(v, node);
    a->shift = (uint8_t)shift;
    return true;
}

static bool add_term(struct verifier *v, struct address *a, uint32_t node, unsigned extend,
                     unsigned shift)
{
    if (extend > VERIFY_LOW_HALF) {
        return false;
    }
    if (extend == VERIFY_WHOLE && shift == 0 && value_of(v, a->base)->kind == VALUE_ELEMENTS) {
        node = value_settle_scaled(v, node);
    }
    const struct value *x = value_of(v, node);
    return x->kind == VALUE_CONST ? add_constant(a, x->n, extend, shift)
                                  : add_number(v, a, node, extend, shift);
}

/* Whether a value is a known address, or a merge that may be a reference. */
static bool is_base(const struct value *x)
{
    return x->kind >= VALUE_REFERENCE;
}

static bool is_address(const struct verifier *v, uint32_t node)
{
    return is_base(value_of(v, node)) && value_of(v, node)->kind != VALUE_MERGE;
}

/* Interpret the value of a register as an address. */
static bool start_address(struct verifier *v, struct address *a, uint32_t node)
{
    const struct value *x = value_of(v, node);
    *a = (struct address){.base = node, .root = NO_NODE};
    if (x->kind == VALUE_CONTEXT || x->kind == VALUE_FRAME) {
        a->n = (int64_t)x->n;
    } else if (x->kind == VALUE_WINDOW) {
        a->n = (int64_t)x->n;
        a->root = x->a;
        a->shift = x->shift;
    }
    return is_base(x);
}

bool verify_address(struct verifier *v, const struct verify_insn *i, struct address *out)
{
    uint32_t base = i->base == VERIFY_NONE ? ZERO_NODE : value_address(v, i->base), index = 0;
    if (i->index != VERIFY_NONE) {
        index = value_address(v, i->index);
        if (i->scale == 0 && i->extend == VERIFY_WHOLE && !is_address(v, base) &&
            is_address(v, index)) {
            uint32_t swap = base;
            base = index;
            index = swap;
        }
    }
    if (v->status != OK || !start_address(v, out, base)) {
        return verify_refuse(v, "an access through something that is no address");
    }
    if (i->index != VERIFY_NONE && !add_term(v, out, index, i->extend, i->scale)) {
        return verify_refuse(v, "an index that may have more than 32 bits");
    }
    out->n += i->disp; /* which is small */
    return (out->n < FAR && out->n > -FAR) || verify_refuse(v, "an offset that is too large");
}

/* ---- Additions of the program ---- */

/* Address + term: an address again if the term is a constant or a number, else unknown. */
static uint32_t add_to_address(struct verifier *v, uint32_t base, uint32_t term, unsigned extend,
                               unsigned shift)
{
    struct address a;
    struct value x = *value_of(v, base);
    if (!start_address(v, &a, base) || !add_term(v, &a, term, extend, shift) || a.slack != 0) {
        return UNDEFINED_NODE;
    }
    if ((x.kind == VALUE_CONTEXT || x.kind == VALUE_FRAME) && a.root == NO_NODE) {
        return value_new(v, x.kind, 0, (uint64_t)a.n);
    }
    if (x.kind == VALUE_WINDOW && a.n >= 0) {
        uint32_t node = value_new(v, VALUE_WINDOW, a.root, (uint64_t)a.n);
        v->values[node].shift = a.shift;
        v->values[node].width = x.width;
        return node;
    }
    if (x.kind == VALUE_ELEMENTS &&
        ((a.root != NO_NODE && a.shift == 3 && a.n == 0) || (a.root == NO_NODE && a.n >= 0))) {
        uint32_t node =
            value_new(v, VALUE_ELEMENT, base, a.root != NO_NODE ? a.root : (uint64_t)a.n);
        v->values[node].shift = a.root != NO_NODE;
        return node;
    }
    return UNDEFINED_NODE;
}

/* The 64-bit sum of a constant and a number of at most 32 bits is recorded as a sum. */
static uint32_t sum(struct verifier *v, uint32_t number, uint64_t n, unsigned extend)
{
    struct value x = *value_of(v, number);
    if (x.kind == VALUE_SUM && extend == VERIFY_WHOLE && x.n + n >= n) {
        uint32_t node = value_new(v, VALUE_SUM, x.a, x.n + n);
        v->values[node].demands = x.demands;
        return node;
    }
    bool is_narrow = extend == VERIFY_LOW_HALF || (value_is_number(&x) && x.width <= 32);
    uint32_t node = value_new(v, VALUE_SUM, value_root(v, number), n);
    v->values[node].demands = !is_narrow;
    if (is_narrow && n < (UINT64_C(1) << 40)) {
        v->values[node].width = 41;
    }
    return node;
}

static uint32_t add_numbers(struct verifier *v, uint32_t a, uint32_t b, unsigned extend,
                            unsigned shift, unsigned size)
{
    if (!value_demand(v, a, DEMAND_NUMBER) || !value_demand(v, b, DEMAND_NUMBER)) {
        return ZERO_NODE;
    }
    struct value x = *value_of(v, a), y = *value_of(v, b);
    if (x.kind == VALUE_CONST && y.kind == VALUE_CONST && extend <= VERIFY_LOW_HALF) {
        uint64_t term = extend == VERIFY_LOW_HALF ? (uint32_t)y.n : y.n;
        uint64_t n = x.n + (term << shift);
        return value_const(v, size == 8 ? n : (uint32_t)n);
    }
    if (size == 8 && shift == 0 && extend <= VERIFY_LOW_HALF) {
        if (y.kind == VALUE_CONST && extend == VERIFY_WHOLE) {
            return sum(v, a, y.n, VERIFY_WHOLE);
        }
        if (x.kind == VALUE_CONST) {
            return sum(v, b, x.n, extend);
        }
    }
    struct shifted second = {b, (uint8_t)extend, (uint8_t)shift, (uint8_t)size};
    return value_computed(v, RULE_ADD, a, second, 8 * size);
}

uint32_t verify_add(struct verifier *v, uint32_t a, uint32_t b, unsigned extend, unsigned shift,
                    unsigned size)
{
    bool first = is_address(v, a), second = is_address(v, b);
    if (first || second) {
        if (size != 8 || (first && second) || (second && (extend != VERIFY_WHOLE || shift != 0))) {
            return UNDEFINED_NODE;
        }
        return first ? add_to_address(v, a, b, extend, shift)
                     : add_to_address(v, b, a, VERIFY_WHOLE, 0);
    }
    return add_numbers(v, a, b, extend, shift, size);
}

/* base + index * scale + disp; each part may be missing. */
uint32_t verify_lea(struct verifier *v, const struct verify_insn *i)
{
    uint32_t sum_of = i->base == VERIFY_NONE ? ZERO_NODE : value_address(v, i->base);
    if (i->index != VERIFY_NONE) {
        sum_of = verify_add(v, sum_of, value_address(v, i->index), VERIFY_WHOLE, i->scale, i->size);
    }
    if (i->disp != 0 || i->size == 4) {
        sum_of = verify_add(v, sum_of, value_const(v, (uint64_t)(int64_t)i->disp), VERIFY_WHOLE, 0,
                            i->size);
    }
    return sum_of;
}

/* ---- Inside ---- */

/* Try three ways to prove the access: the known bound of the index, a comparison on this path, or,
 * as the last resort, a demand on the index. */
bool verify_window(struct verifier *v, const struct address *a, unsigned bytes)
{
    uint64_t window = v->shape->window, fixed = (uint64_t)a->n + bytes + a->slack;
    if (a->n < 0) {
        return verify_refuse(v, "an access before the memory");
    }
    bool is_near = fixed <= window;
    if (is_near && (a->root == NO_NODE || largest(v, a->root, a->shift) <= window - fixed)) {
        return true;
    }
    /* Only of memory 0 is the length compared. */
    bool is_first = value_of(v, a->base)->width != OTHER_MEMORY;
    if (is_first && a->slack == 0 && a->shift == 0 &&
        fact_holds(v, FACT_BYTES_MIN, a->root, fixed)) {
        return true;
    }
    return (is_near && value_at_most(v, a->root, (window - fixed) >> a->shift)) ||
           verify_refuse(v, "an access that may leave the memory");
}

/* The comparison may have been of a value that was not yet known to be the constant. */
static bool is_constant_below(struct verifier *v, uint64_t index, uint32_t table)
{
    return fact_holds(v, FACT_LENGTH_MIN, table, index + 1) ||
           fact_constant_below_length(v, table, index);
}

/* Four proofs, tried in this order, because the later ones fail more often: the index was compared;
 * it is a constant in all rounds of a loop, and that constant was compared; it equals a value that
 * was compared; it is a constant, and another value that was compared is the same constant. */
static bool is_below_length(struct verifier *v, uint32_t index, uint32_t table)
{
    if (fact_holds_of_itself(v, FACT_BELOW_LENGTH, index, table)) {
        return true;
    }
    uint32_t first = value_first(v, index);
    const struct value *x = value_of(v, first);
    bool is_constant = x->kind == VALUE_CONST;
    uint32_t n = (uint32_t)x->n; /* its low half is the index */
    if (is_constant && fact_holds(v, FACT_LENGTH_MIN, table, (uint64_t)n + 1) &&
        value_demand_equal(v, EQUAL_LOW, index, first)) {
        return true;
    }
    return fact_holds(v, FACT_BELOW_LENGTH, index, table) ||
           (is_constant && fact_constant_below_length(v, table, n) &&
            value_demand_equal(v, EQUAL_LOW, index, first));
}

bool verify_element(struct verifier *v, const struct address *a, uint32_t *table)
{
    struct value x = *value_of(v, a->base);
    uint32_t root = a->root;
    int64_t n = a->n;
    unsigned shift = a->shift;
    if (x.kind == VALUE_ELEMENT) {
        if (root != NO_NODE || (x.shift != 0 && n != 0)) {
            return verify_refuse(v, "an address behind an element of a table");
        }
        root = x.shift != 0 ? (uint32_t)x.n : NO_NODE;
        n += x.shift != 0 ? 0 : (int64_t)x.n;
        shift = 3;
        x = *value_of(v, x.a);
    }
    *table = (uint32_t)x.n;
    if (!value_demand_equal(v, EQUAL_WHOLE, value_register(v, LOCATION_EPOCH), x.a)) {
        return verify_refuse(v, "a table's elements are used that a call may have moved");
    }
    bool inside = root != NO_NODE ? shift == 3 && n == 0 && is_below_length(v, root, (uint32_t)x.n)
                                  : n >= 0 && n % 8 == 0 &&
                                        is_constant_below(v, (uint64_t)n / 8, (uint32_t)x.n);
    return (inside && a->slack == 0) || verify_refuse(v, "a table's bound was not compared");
}
