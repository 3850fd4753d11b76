// SPDX-License-Identifier: MIT
//
// Demands: properties that the proof needs of values that are not known yet. The value of a loop's
// back edge is known only after all blocks have been visited. Until then, each use of the merge at
// the header records its demand: a number, a number of 32 bits, a reference, or that the merge is
// no merge because all its operands are the same value. At the end all demands are checked on all
// operands, and the function is refused if one fails. A demand that a merge makes of itself holds
// by induction: each iteration relies on the one before.
//
// What a change here must keep:
//
// - A property is used only after it was demanded. For a merge the answer is `true`, and the
//   caller goes on; nothing that follows from the answer is taken back.
// - Demands on a merge only grow, and its bound (merge.most) only falls. A merge with a new demand
//   becomes pending, also while the end is being checked, and is checked again with all of them.
// - A merge that is demanded to equal a value (merge.equals) passes this on to its operands, like
//   any other demand. The chains of such merges end in a value or in a merge without one.
// - It ends: kinds of demands are few, LOWERED_MAX limits how often a bound falls, and a merge
//   joins a chain once.
#include "kernel/jit/verify/verify_internal.h"

#define NARROW_DEPTH 16u  /* the depth of operands and merges that a search follows */
#define NARROW_LOOKS 512u /* values that a search visits for one access; deep trees have more */
#define LOWERED_MAX  64u  /* times that the bound of one merge may decrease */

static bool is_header(const struct merge *m)
{
    return m->count == 0 && m->block != NO_BLOCK;
}

static bool push_pending(struct verifier *v, uint32_t merge)
{
    if (v->merges[merge].is_pending) {
        return true;
    }
    if (!ROOM(v, pending_merge, 1)) {
        return false;
    }
    v->merges[merge].is_pending = true;
    v->pending_merges[v->pending_merge_count++] = merge;
    return true;
}

/* ---- What is known ---- */

bool value_is_function(const struct verifier *v, uint32_t node)
{
    const struct value *x = value_of(v, node);
    if (x->kind == VALUE_CONTEXT) { /* a function of the same module */
        const struct verify_field *f = verify_field_at(v, x->n);
        return f != NULL && f->kind == VERIFY_RECORD && f->at == x->n;
    }
    return x->kind == VALUE_RECORD;
}

static bool meets_reference(const struct verifier *v, uint32_t node, unsigned type)
{
    const struct value *x = value_of(v, node);
    if (x->kind == VALUE_CONST) {
        return x->n == 0;
    }
    if (x->kind == VALUE_REFERENCE) {
        return x->n == type;
    }
    return type == VERIFY_FUNCREF && value_is_function(v, node);
}

static bool meets(struct verifier *v, uint32_t node, unsigned demands)
{
    const struct value *x = value_of(v, node);
    if (x->kind == VALUE_UNDEFINED) {
        return verify_refuse(v, "something is read that is not written on every way");
    }
    if ((demands & (DEMAND_NUMBER | DEMAND_U32)) != 0 && !value_is_number(x)) {
        return verify_refuse(v, "an address is used as a number");
    }
    if ((demands & DEMAND_U32) != 0 && !value_narrow(v, node)) {
        return verify_refuse(v, "a number may be wider than 32 bits");
    }
    if (((demands & DEMAND_FUNCREF) != 0 && !meets_reference(v, node, VERIFY_FUNCREF)) ||
        ((demands & DEMAND_EXTERNREF) != 0 && !meets_reference(v, node, VERIFY_EXTERNREF))) {
        return verify_refuse(v, "not a reference of the type");
    }
    return true;
}

/* ---- Demanding ---- */

/* To demand something of a value that is known is to check it now. Of a merge it is a promise: true
 * is returned at once, and value_finish() keeps the promise or refuses the function. So a hostile
 * function gains nothing from a circular argument: a merge whose only support is itself is met by
 * the operand from outside the loop, which is always checked, too. */

/* A demand that is not met at once. A bound is demanded by itself (lower_merge()): it is no bit of
 * value.demands. */
static NOINLINE bool demand_more(struct verifier *v, uint32_t node, unsigned demands)
{
    if (value_of(v, node)->kind != VALUE_MERGE) {
        return meets(v, node, demands);
    }
    if ((demands & DEMAND_U32) != 0 && !value_narrow(v, node)) {
        return verify_refuse(v, "a number may be wider than 32 bits");
    }
    struct value *x = &v->values[node];
    x->demands |= (uint8_t)((demands & ~(unsigned)DEMAND_U32) | DEMAND_DEFINED);
    return push_pending(v, x->a);
}

bool value_demand(struct verifier *v, uint32_t node, unsigned demands)
{
    const struct value *x = value_of(v, node);
    unsigned known = value_is_number(x)       ? DEMAND_DEFINED | DEMAND_NUMBER | DEMAND_WHOLE
                     : x->kind == VALUE_MERGE ? x->demands
                                              : 0u;
    return (demands & ~known) == 0 || demand_more(v, node, demands);
}

/* The end of the chain of values that a merge must equal. The walk halves the chain. Two chains,
 * for whole values and for low halves, since equal low halves say nothing about the rest. A chain
 * has no cycle, because link_equal() links only ends that differ, the newer to the older; so this
 * ends. */
static uint32_t last_equal(struct verifier *v, unsigned how, uint32_t node)
{
    for (struct merge *m = value_merge(v, node); m != NULL && m->equals[how] != NO_NODE;
         m = value_merge(v, node)) {
        const struct merge *next = value_merge(v, m->equals[how]);
        if (next != NULL && next->equals[how] != NO_NODE) {
            m->equals[how] = next->equals[how];
        }
        node = m->equals[how];
    }
    return node;
}

/* Whether two values, or their low halves, are known to be equal. */
static bool are_equal(const struct verifier *v, unsigned how, uint32_t node, uint32_t other)
{
    const struct value *x = value_of(v, node), *y = value_of(v, other);
    bool are_constants = x->kind == VALUE_CONST && y->kind == VALUE_CONST;
    return value_same(v, node, other) ||
           (how == EQUAL_LOW && are_constants && (uint32_t)x->n == (uint32_t)y->n);
}

/* Whether an earlier attempt found that a merge is not the same on every way: value_first(). */
static bool is_known_to_vary(const struct verifier *v, uint32_t node)
{
    return value_first(v, node) == node;
}

/* Link only the ends of two chains, to each other, so that chains have no cycles: the newer one to
 * the older one, which may be among its operands. There are separate chains for low halves.
 * @param asker The merge whose operand `node` is, or NO_NODE.
 * @return false: they end in different values, or in a merge that is known to vary. */
static bool link_equal(struct verifier *v, unsigned how, uint32_t node, uint32_t other,
                       uint32_t asker)
{
    if (how == EQUAL_LOW) {
        node = value_root(v, node);
        other = value_root(v, other);
    } else if (value_of(v, node)->kind == VALUE_LOW && value_width(v, other) <= 32) {
        node = value_of(v, node)->a; /* equal to 32 bits, so its upper half is zero */
    }
    node = last_equal(v, how, node);
    other = last_equal(v, how, other);
    if (are_equal(v, how, node, other)) {
        return true;
    }
    struct merge *m = value_merge(v, node), *o = value_merge(v, other);
    if (m == NULL || (o != NULL && other > node)) {
        m = o;
        other = node;
    }
    if (m == NULL || (is_known_to_vary(v, m->node) && value_merge(v, other) == NULL)) {
        return false;
    }
    m->equals[how] = other;
    m->asker[how] = asker;
    (void)push_pending(v, value_of(v, m->node)->a); /* v->status has a failure */
    return true;
}

/* A merge does not equal the value that it was demanded to. The mistake may be a later merge's: it
 * was taken for its first operand, which is that value, and passed this on to another operand. So
 * that one is blamed, or else the merge itself. The chain of askers has no cycle, because a merge
 * is linked once, and before it asks. */
static uint32_t mistaken(struct verifier *v, unsigned how, uint32_t node)
{
    uint32_t end = last_equal(v, how, node), at = node;
    while (at != NO_NODE && value_first(v, at) != end) {
        at = value_merge(v, at)->asker[how];
    }
    return at == NO_NODE ? node : at;
}

/* The next attempt knows from the start that a merge varies, and may find other facts. VARYING_MAX
 * bounds how often the verification of one function starts again, each time with at least one key
 * more, together with ATTEMPTS in verify.c. @return false: that was known, or it is no merge. */
static bool varies(struct verifier *v, unsigned how, uint32_t node)
{
    struct varying *known = v->varying;
    const struct merge *m = value_merge(v, node);
    m = m != NULL ? value_merge(v, mistaken(v, how, node)) : NULL;
    if (m == NULL || is_known_to_vary(v, m->node) || known->count == VARYING_MAX) {
        return verify_refuse(v, "a value is not the same on every way");
    }
    uint64_t key = LOCATION_KEY(m->block, m->location);
    bool is_new = true; /* several merges may blame one */
    for (uint32_t n = 0; n < known->count; n++) {
        is_new = is_new && known->keys[n] != key;
    }
    if (is_new) {
        known->keys[known->count++] = key;
    }
    v->was_wrong = true;
    return true;
}

bool value_demand_equal(struct verifier *v, unsigned how, uint32_t node, uint32_t other)
{
    return link_equal(v, how, node, other, NO_NODE) ||
           varies(v, how, value_merge(v, node) != NULL ? node : other);
}

/* The operand of a loop header's merge from outside the loop; NO_NODE: it is no such merge, or one
 * that is known to vary. */
uint32_t value_forward(const struct verifier *v, uint32_t node)
{
    const struct merge *m = value_merge(v, node);
    bool may_be_first = m != NULL && is_header(m) && !is_known_to_vary(v, node);
    return may_be_first ? m->first & ~CELL_HALF : NO_NODE;
}

/* ---- Widths ---- */

static uint64_t ones(unsigned width)
{
    return width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

static unsigned width_of(uint64_t largest)
{
    return largest == 0 ? 0 : 64 - (unsigned)__builtin_clzll(largest);
}

/* A sum or product that overflows may have any value. */
static uint64_t largest_by_rule(unsigned rule, uint64_t a, uint64_t b)
{
    uint64_t largest;
    if (rule == RULE_OR) {
        return ones(MAX(width_of(a), width_of(b)));
    }
    if (rule == RULE_AND) {
        return MIN(a, b);
    }
    bool wraps = rule == RULE_ADD ? __builtin_add_overflow(a, b, &largest)
                                  : __builtin_mul_overflow(a, b, &largest);
    return wraps ? UINT64_MAX : largest;
}

uint64_t verify_largest_shifted(uint64_t largest, struct shifted b)
{
    switch (b.extend) {
    case VERIFY_LOW_HALF:
        largest = MIN(largest, (uint64_t)UINT32_MAX);
        break;
    case VERIFY_SHIFTED_RIGHT:
        return MIN(largest, ones(8u * b.size)) >> b.shift;
    case VERIFY_OTHER_EXTEND:
        return UINT64_MAX;
    default:
        break;
    }
    return width_of(largest) + b.shift > 64 ? UINT64_MAX : largest << b.shift;
}

unsigned value_width(const struct verifier *v, uint32_t node)
{
    const struct value *x = value_of(v, node);
    return value_is_number(x) ? x->width : 64;
}

uint64_t value_largest(const struct verifier *v, uint32_t node)
{
    const struct value *x = value_of(v, node);
    if (x->kind == VALUE_MERGE) {
        return value_merge(v, node)->most;
    }
    bool is_exact = x->kind == VALUE_CONST || (x->kind == VALUE_NUMBER && x->shift == RULE_MAX);
    return is_exact ? x->n : ones(value_width(v, node));
}

uint32_t value_computed(struct verifier *v, unsigned rule, uint32_t a, struct shifted b,
                        unsigned limit)
{
    uint64_t second = verify_largest_shifted(value_largest(v, b.node), b);
    uint64_t largest = largest_by_rule(rule, value_largest(v, a), second);
    bool is_open = value_is_open(value_of(v, a)) || value_is_open(value_of(v, b.node));
    largest = MIN(largest, ones(limit)); /* a larger one wraps, and may have any value */
    uint32_t node = value_number(v, width_of(largest));
    if (v->status == OK) {
        struct value *x = &v->values[node];
        x->shift = (uint8_t)(is_open ? rule : RULE_MAX);
        x->a = a;
        x->n = is_open ? b.node | (uint64_t)b.shift << 32 | (uint64_t)b.extend << 40 |
                             (uint64_t)b.size << 48
                       : largest;
    }
    return node;
}

static struct shifted second_of(const struct value *x)
{
    return (struct shifted){(uint32_t)x->n, (uint8_t)(x->n >> 40), (uint8_t)(x->n >> 32),
                            (uint8_t)(x->n >> 48)};
}

/* An estimate of a number's upper bound, which ignores back edges. It chooses which bounds to
 * demand, and proves nothing. `looks` and the depth bound its time: without them a tree of sums
 * that share operands would be visited once for each path, which are exponentially many. */
static uint64_t estimate(struct verifier *v, uint32_t node, unsigned depth)
{
    struct value x = *value_of(v, node);
    uint64_t largest = value_largest(v, node), bound = 0;
    if (depth == NARROW_DEPTH || v->looks == 0 || !value_is_open(&x)) {
        return largest;
    }
    v->looks--;
    v->work++;
    if (x.kind == VALUE_MERGE) {
        struct merge m = *value_merge(v, node);
        for (uint32_t n = 0; n < MAX(m.count, 1u) && bound < largest; n++) {
            uint32_t operand = (m.count == 0 ? m.first : v->operands[m.first + n]) & ~CELL_HALF;
            bound = MAX(bound, estimate(v, operand, depth + 1));
        }
        return MIN(bound, largest);
    }
    bound = estimate(v, x.a, depth + 1);
    if (x.kind == VALUE_LOW) {
        return MIN(bound, (uint64_t)UINT32_MAX);
    }
    struct shifted b = second_of(&x);
    uint64_t second = estimate(v, b.node, depth + 1);
    return MIN(largest, largest_by_rule(x.shift, bound, verify_largest_shifted(second, b)));
}

/* Demand this upper bound of a merge. The bound is rounded down to one less than a power of two if
 * the estimate allows, so that accesses to neighbouring addresses share one demand. */
static bool lower_merge(struct verifier *v, uint32_t node, uint64_t largest)
{
    uint64_t most = ones(width_of(largest + 1) - 1);
    if (most < largest && estimate(v, node, 0) > most) {
        most = largest;
    }
    struct merge *m = value_merge(v, node);
    if (m->lowered == LOWERED_MAX) {
        return false;
    }
    m->lowered++;
    m->most = most;
    return value_demand(v, node, DEMAND_NUMBER) && push_pending(v, value_of(v, node)->a);
}

static bool demand_bound(struct verifier *v, uint32_t node, unsigned depth, uint64_t largest);

/* Demand a bound of an operand, as its instruction extends and shifts it. */
static bool demand_shifted(struct verifier *v, struct shifted b, unsigned depth, uint64_t largest)
{
    if (verify_largest_shifted(value_largest(v, b.node), b) <= largest) {
        return true;
    }
    switch (b.extend) {
    case VERIFY_WHOLE:
    case VERIFY_LOW_HALF: /* demands a zero upper half, too, which is more than needed */
        return demand_bound(v, b.node, depth, largest >> b.shift);
    case VERIFY_SHIFTED_RIGHT:
        return demand_bound(v, b.node, depth, (largest << b.shift) | ones(b.shift));
    default:
        return false;
    }
}

/* Divide a bound of a sum or product between its two operands: their proven bounds if those
 * suffice, else their estimates, enlarged as far as the bound of the result permits. A sum: first +
 * second <= largest; a product: first * second <= largest. One of both gets the bound that is left
 * when the other has its own. The overflow cannot hide a large value, since largest_by_rule()
 * returns UINT64_MAX for it. */
static bool share(struct verifier *v, const struct value *x, unsigned depth, uint64_t largest)
{
    struct shifted b = second_of(x);
    uint64_t second = verify_largest_shifted(value_largest(v, b.node), b);
    uint64_t first = value_largest(v, x->a);
    if (value_is_open(value_of(v, b.node)) && value_is_open(value_of(v, x->a))) {
        uint64_t sure = second;
        first = estimate(v, x->a, depth + 1);
        second = verify_largest_shifted(estimate(v, b.node, depth + 1), b);
        if (largest_by_rule(x->shift, first, second) > largest) {
            return false;
        }
        bool is_enough = largest_by_rule(x->shift, first, sure) <= largest;
        uint64_t room = x->shift == RULE_ADD ? (largest - first - second) / 2 : 0;
        second = is_enough ? sure : second + room;
    } else if (value_is_open(value_of(v, b.node))) {
        if (first > largest) {
            return false;
        }
        second = x->shift == RULE_ADD ? largest - first : largest / MAX(first, UINT64_C(1));
        return demand_shifted(v, b, depth + 1, second);
    }
    if (second > largest) {
        return false;
    }
    first = x->shift == RULE_ADD ? largest - second : largest / MAX(second, UINT64_C(1));
    return demand_bound(v, x->a, depth + 1, first) && demand_shifted(v, b, depth + 1, second);
}

static bool demand_operands(struct verifier *v, const struct value *x, unsigned depth,
                            uint64_t largest)
{
    struct shifted b = second_of(x);
    if (x->shift == RULE_OR) {
        uint64_t bits = ones(width_of(largest + 1) - 1);
        return demand_bound(v, x->a, depth + 1, bits) && demand_shifted(v, b, depth + 1, bits);
    }
    if (x->shift != RULE_AND) {
        return share(v, x, depth, largest);
    }
    uint64_t second = verify_largest_shifted(estimate(v, b.node, depth + 1), b);
    return second <= largest ? demand_shifted(v, b, depth + 1, largest)
                             : demand_bound(v, x->a, depth + 1, largest);
}

/* Demand as little as the bound requires. A merge's demand is checked at the end. */
static bool demand_bound(struct verifier *v, uint32_t node, unsigned depth, uint64_t largest)
{
    struct value x = *value_of(v, node);
    if (value_largest(v, node) <= largest) {
        return true;
    }
    v->work++;
    if (x.kind == VALUE_MERGE) {
        return lower_merge(v, node, largest);
    }
    if (depth == NARROW_DEPTH || v->looks == 0 || !value_is_open(&x)) {
        return false;
    }
    v->looks--;
    return x.kind == VALUE_LOW ? demand_bound(v, x.a, depth + 1, largest)
                               : demand_operands(v, &x, depth, largest);
}

bool value_at_most(struct verifier *v, uint32_t node, uint64_t largest)
{
    v->looks = NARROW_LOOKS;
    return demand_bound(v, node, 0, largest);
}

/* ---- At the end ---- */

static bool pass_equality(struct verifier *v, uint32_t node, unsigned how, uint32_t from)
{
    uint32_t equals = value_merge(v, node)->equals[how];
    return equals == NO_NODE || link_equal(v, how, from, equals, node) || varies(v, how, node);
}

/* Pass a merge's demands on to one of its operands. An operand that is the merge itself, because an
 * iteration did not change the value, meets them by induction. */
static bool pass_on(struct verifier *v, uint32_t node, uint32_t value)
{
    unsigned demands = v->values[node].demands;
    const struct merge *m = value_merge(v, node);
    uint32_t from = value & ~CELL_HALF;
    uint64_t most = m->most;
    if ((demands & DEMAND_WHOLE) != 0 && (value & CELL_HALF) != 0) {
        return verify_refuse(v, "8 bytes are read of which 4 were written");
    }
    if (from == node || (demands != 0 && !value_demand(v, from, demands))) {
        return from == node;
    }
    if (value_largest(v, from) > most && !value_at_most(v, from, most)) {
        return verify_refuse(v, most < UINT32_MAX ? "an access that may leave the memory"
                                                  : "a number may be wider than 32 bits");
    }
    return pass_equality(v, node, EQUAL_WHOLE, from) && pass_equality(v, node, EQUAL_LOW, from);
}

/* `m` is copied, because value_demand() and value_at_end() can create merges, and then the list in
 * which it is moves. An edge that is never taken (FACTS_NEVER) brings no value. Forward edges are
 * not visited: `first` is the value that all of them bring. */
static bool resolve_header(struct verifier *v, const struct merge *m)
{
    struct merge copy = *m;
    const struct block *b = &v->blocks[copy.block];
    if (!pass_on(v, copy.node, copy.first)) {
        return false;
    }
    for (uint32_t n = 0; n < b->pred_count; n++) {
        uint32_t edge = v->edges[b->preds + n];
        if (v->blocks[edge >> 1].order < b->order || facts_of_edge(v, edge) == FACTS_NEVER) {
            continue;
        }
        uint32_t value = value_at_end(v, edge >> 1, copy.location);
        if (v->status != OK || !pass_on(v, copy.node, value)) {
            return false;
        }
        v->work++;
    }
    return true;
}

static bool resolve(struct verifier *v, uint32_t number)
{
    struct merge *m = &v->merges[number];
    m->is_pending = false;
    if (m->block != NO_BLOCK) {
        v->at = v->insns[v->blocks[m->block].first].at;
    }
    if (is_header(m)) {
        return resolve_header(v, m);
    }
    for (uint32_t n = 0; n < v->merges[number].count; n++) {
        uint32_t operand = v->operands[v->merges[number].first + n];
        if (!pass_on(v, v->merges[number].node, operand)) {
            return false;
        }
        v->work++;
    }
    return true;
}

/* Checking a merge may add demands to others, and even to itself: until none is pending. Demands
 * only grow and bounds only fall, each a limited number of times, so this ends. was_wrong is tested
 * last: varies() may have set it while this ran. */
bool value_finish(struct verifier *v)
{
    while (v->pending_merge_count > 0) {
        uint32_t number = v->pending_merges[--v->pending_merge_count];
        if (!resolve(v, number)) {
            return false;
        }
    }
    return v->status == OK && !v->was_wrong;
}
