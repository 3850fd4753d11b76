// SPDX-License-Identifier: MIT
//
// Facts: the results of comparisons on the path to a block. Facts form a tree. A block starts with
// the nearest common ancestor of the facts at the ends of its predecessors, so a fact holds if it
// is an ancestor of the current one. Links that skip many ancestors at once make that test fast
// (Myers, "An applicative random-access stack", 1983).
#include "kernel/jit/verify/verify_internal.h"

#define MAYBE_WIDE   (UINT64_C(1) << 63) /* in n of FACT_BYTES_MIN: only if the node is a u32 */
#define MERGES_TRIED 64u                 /* merges that the search for a table's length tries */
#define FIRSTS_TRIED 16u                 /* operands of operands */

/* ---- The tree ---- */

/* The facts that hold at a point are those on the way from v->facts_now to the root. A branch adds
 * a fact below the current one for each of its edges; a join goes up to the nearest fact that all
 * its predecessors share. Back edges are not known at the join: facts_survive() in verify.c checks
 * afterwards that they bring the header's facts along. No fact is ever removed: one that does not
 * hold any more is just no ancestor. */

static uint32_t hash_of(unsigned kind, uint32_t node)
{
    return ((uint32_t)kind * 0x9e3779b9u ^ node) * 0x85ebca6bu >> 7;
}

/* A merge shares a bucket with its first operand: that of a loop header because most loops do not
 * change the value, and that of a join because it may be the same value, on one way through a loop.
 * The bound of an index can be proved without a fact, so there only a loop header's is tried. */
static uint32_t key_of(const struct verifier *v, unsigned kind, uint32_t node)
{
    if (kind == FACT_LENGTH_MIN || kind == FACT_ABOVE || node == NO_NODE) {
        return node;
    }
    while (kind != FACT_BYTES_MIN && value_first(v, value_root(v, node)) != node) {
        node = value_first(v, value_root(v, node));
    }
    for (uint32_t forward = node; forward != NO_NODE; forward = value_forward(v, node)) {
        node = value_root(v, forward);
    }
    return node;
}

static bool grow_table(struct verifier *v)
{
    if (v->fact_count < v->fact_table_size) {
        return true;
    }
    uint32_t size = v->fact_table_size == 0 ? 64 : 2 * v->fact_table_size;
    uint32_t *table = arena_alloc(v->arena, (size_t)size * sizeof *table);
    if (table == NULL) {
        v->status = v->status == OK ? E_NOMEM : v->status;
        return false;
    }
    v->fact_table = table;
    v->fact_table_size = size;
    for (uint32_t n = 1; n < v->fact_count; n++) {
        uint32_t at = hash_of(v->facts[n].kind, v->facts[n].key) & (size - 1);
        v->facts[n].same = table[at];
        table[at] = n;
    }
    return true;
}

uint32_t fact_add(struct verifier *v, uint32_t list, unsigned kind, uint32_t node, uint64_t n)
{
    if (v->fact_count == 0) { /* number 0 is the root of the tree */
        if (!ROOM(v, fact, 1)) {
            return 0;
        }
        v->facts[v->fact_count++] = (struct fact){.kind = FACT_NONE};
    }
    if (!ROOM(v, fact, 1) || !grow_table(v)) {
        return list;
    }
    const struct fact *before = &v->facts[list];
    const struct fact *jump = &v->facts[before->jump];
    uint32_t steps = before->depth - jump->depth,
             further = jump->depth - v->facts[jump->jump].depth;
    uint32_t key = key_of(v, kind, node);
    uint32_t at = hash_of(kind, key) & (v->fact_table_size - 1);
    v->facts[v->fact_count] = (struct fact){.node = node,
                                            .key = key,
                                            .before = list,
                                            .jump = steps == further ? jump->jump : list,
                                            .depth = before->depth + 1,
                                            .same = v->fact_table[at],
                                            .kind = (uint8_t)kind,
                                            .n = n};
    v->fact_table[at] = v->fact_count;
    v->work++;
    return v->fact_count++;
}

static uint32_t ancestor(const struct verifier *v, uint32_t list, uint32_t depth)
{
    while (v->facts[list].depth > depth) {
        const struct fact *f = &v->facts[list];
        list = v->facts[f->jump].depth >= depth ? f->jump : f->before;
    }
    return list;
}

uint32_t fact_common(const struct verifier *v, uint32_t a, uint32_t b)
{
    if (v->fact_count == 0) {
        return 0;
    }
    uint32_t depth = MIN(v->facts[a].depth, v->facts[b].depth);
    a = ancestor(v, a, depth);
    b = ancestor(v, b, depth);
    while (a != b) {
        const struct fact *x = &v->facts[a], *y = &v->facts[b];
        bool far = x->jump != y->jump; /* lists of equal depth jump equally far */
        a = far ? x->jump : x->before;
        b = far ? y->jump : y->before;
    }
    return a;
}

/* ---- Asking ---- */

/* A false answer costs a refusal at most, so the searches here may give up: MERGES_TRIED and
 * FIRSTS_TRIED bound the time that a hostile function can make them take. A true answer must hold.
 * It may rest on a demand that two values are equal; then the demand has been recorded before true
 * is returned, and the function is refused at the end if it fails. */

static uint32_t *bucket(const struct verifier *v, unsigned kind, uint32_t node)
{
    return &v->fact_table[hash_of(kind, node) & (v->fact_table_size - 1)];
}

/* Whether a fact holds here: whether it is the current fact's ancestor at its own depth. */
static bool is_valid(const struct verifier *v, uint32_t fact)
{
    uint32_t depth = v->facts[fact].depth;
    return depth <= v->facts[v->facts_now].depth && ancestor(v, v->facts_now, depth) == fact;
}

/* The first operand of a merge; NO_NODE: it is no merge. */
static uint32_t before(const struct verifier *v, uint32_t node)
{
    const struct merge *m = value_merge(v, node);
    return m == NULL
               ? NO_NODE
               : value_root(v, (m->count == 0 ? m->first : v->operands[m->first]) & ~CELL_HALF);
}

/* Whether `other` is the value itself, its first operand, or the first operand's, and so on. */
static bool comes_from(const struct verifier *v, uint32_t node, uint32_t other)
{
    for (unsigned n = 0; n < FIRSTS_TRIED && node != NO_NODE && node != other; n++) {
        node = before(v, node);
    }
    return node == other;
}

/* If two values may be the same, demand that they are: that both are the nearest value that they
 * come from. Most facts are about low halves, so only those must be the same. */
static bool become_one(struct verifier *v, unsigned kind, uint32_t a, uint32_t b, uint32_t common)
{
    unsigned how = kind == FACT_NOT_NULL || kind == FACT_TYPE ? EQUAL_WHOLE : EQUAL_LOW;
    uint32_t from = a, tries = FIRSTS_TRIED;
    while (from != NO_NODE && !comes_from(v, b, from)) {
        from = --tries > 0 ? before(v, from) : NO_NODE;
    }
    from = from == NO_NODE ? common : from;
    return (a == from || value_demand_equal(v, how, a, from)) &&
           (b == from || value_demand_equal(v, how, b, from));
}

/* The newest fact about the node itself; or, if `like`, about a node that may be equal, and is then
 * demanded to be. An older fact is in the same chain (`same`), newest first. Facts with the same
 * hash but of another kind or node are skipped by the comparison. A bound holds if the fact's is at
 * least as high (n >= min); a table must be the very one (`exact`). The node of a fact without
 * MAYBE_WIDE is used as it is; with it the caller must demand that it is a u32, as holds() does. */
static const struct fact *find(struct verifier *v, unsigned kind, uint32_t node, uint64_t min,
                               bool like)
{
    if (v->fact_count == 0) {
        return NULL;
    }
    uint32_t key = key_of(v, kind, node);
    bool exact = kind == FACT_BELOW_LENGTH;
    node = key == node || node == NO_NODE ? node : value_root(v, node);
    for (uint32_t at = *bucket(v, kind, key); at != 0; at = v->facts[at].same) {
        const struct fact *f = &v->facts[at];
        uint64_t n = f->n & ~MAYBE_WIDE;
        if (f->kind == kind && f->key == key && (f->node == node || like) &&
            (exact ? n == min : n >= min) && is_valid(v, at)) {
            return f->node == node || become_one(v, kind, f->node, node, key) ? f : NULL;
        }
    }
    return NULL;
}

/* If a merge at a loop header may be the length of a table, demand that it is. */
static bool is_length(struct verifier *v, uint32_t merge, uint32_t table)
{
    uint32_t first = value_first(v, merge);
    return value_of(v, first)->kind == VALUE_LENGTH && value_of(v, first)->n == table &&
           value_demand_equal(v, EQUAL_LOW, merge, first);
}

/* A loop that does not change a length may read it once, before the loop. Two facts together: the
 * index is below a merge (FACT_BELOW, or FACT_ABOVE for a constant), and that merge equals the
 * table's length in every iteration. The second one is a demand on the back edges. It fails if the
 * loop gives the merge another value. */
static bool holds_in_loop(struct verifier *v, unsigned kind, uint32_t node, uint64_t n, bool like)
{
    bool below = kind == FACT_BELOW_LENGTH;
    uint32_t table = below ? (uint32_t)n : node, key = below ? key_of(v, FACT_BELOW, node) : 0;
    uint32_t tries = MERGES_TRIED;
    uint32_t at = v->fact_count == 0 ? 0 : *bucket(v, below ? FACT_BELOW : FACT_ABOVE, key);
    node = below ? value_root(v, node) : 0;
    for (; at != 0 && tries > 0; at = v->facts[at].same, tries--) {
        const struct fact *f = &v->facts[at];
        bool is_it = below ? f->kind == FACT_BELOW && f->key == key && (f->node == node || like)
                           : f->kind == FACT_ABOVE && (f->n >> 32) + 1 >= n;
        if (is_it && is_valid(v, at) && is_length(v, (uint32_t)f->n, table)) {
            return !below || become_one(v, kind, f->node, node, key);
        }
    }
    return false;
}

/* A fact about the very node is better than one about a node that may be equal: if it is not, the
 * demand for that fails. */
static bool holds(struct verifier *v, unsigned kind, uint32_t node, uint64_t n, bool like)
{
    const struct fact *f = find(v, kind, node, n, like);
    if (f != NULL) {
        return (f->n & MAYBE_WIDE) == 0 || value_demand(v, f->node, DEMAND_U32);
    }
    return (kind == FACT_BELOW_LENGTH || kind == FACT_LENGTH_MIN) &&
           holds_in_loop(v, kind, node, n, like);
}

bool fact_holds_of_itself(struct verifier *v, unsigned kind, uint32_t node, uint64_t n)
{
    return holds(v, kind, node, n, false);
}

bool fact_holds(struct verifier *v, unsigned kind, uint32_t node, uint64_t n)
{
    return holds(v, kind, node, n, false) || holds(v, kind, node, n, true);
}

/* Whether a fact says that something is below a table's length: the length itself, or a merge at a
 * loop header, which then is demanded to be the length. */
static bool is_below(struct verifier *v, const struct fact *f, uint32_t table)
{
    return f->kind == FACT_BELOW_LENGTH
               ? f->n == table
               : f->kind == FACT_BELOW && is_length(v, (uint32_t)f->n, table);
}

bool fact_constant_below_length(struct verifier *v, uint32_t table, uint64_t n)
{
    uint32_t tries = n <= UINT32_MAX ? MERGES_TRIED : 0; /* facts are about low halves */
    for (uint32_t at = v->facts_now; at != 0 && tries > 0; at = v->facts[at].before, tries--) {
        const struct fact *f = &v->facts[at];
        if (f->kind != FACT_BELOW_LENGTH && f->kind != FACT_BELOW) {
            continue;
        }
        uint32_t node = f->node, first = value_first(v, node);
        const struct value *x = value_of(v, first);
        if (x->kind == VALUE_CONST && (uint32_t)x->n == n && is_below(v, f, table) &&
            value_demand_equal(v, EQUAL_LOW, node, first)) {
            return true;
        }
    }
    return false;
}

bool fact_type(struct verifier *v, uint32_t node, uint32_t *id)
{
    const struct fact *f = find(v, FACT_TYPE, node, 0, false);
    f = f != NULL ? f : find(v, FACT_TYPE, node, 0, true);
    *id = f == NULL ? 0 : (uint32_t)f->n;
    return f != NULL;
}

/* ---- From comparisons ---- */

/* What a comparison proves on one of its edges. Only unsigned order and equality give facts; other
 * conditions give none, which is safe. Facts are about low halves if 4 bytes were compared: the
 * upper half was not looked at and may be anything. Where the proof needs the whole, the fact
 * carries MAYBE_WIDE or requires c->size == 8. FACTS_NEVER means that the edge cannot be taken: the
 * block that it leads to is not visited at all, unless another edge leads there. */

static unsigned swapped(unsigned cond)
{
    switch (cond) {
    case VERIFY_BELOW:
        return VERIFY_ABOVE;
    case VERIFY_ABOVE:
        return VERIFY_BELOW;
    case VERIFY_NOT_BELOW:
        return VERIFY_NOT_ABOVE;
    case VERIFY_NOT_ABOVE:
        return VERIFY_NOT_BELOW;
    default:
        return cond;
    }
}

unsigned fact_opposite(unsigned cond)
{
    static const uint8_t of[] = {
        [VERIFY_EQUAL] = VERIFY_NOT_EQUAL, [VERIFY_NOT_EQUAL] = VERIFY_EQUAL,
        [VERIFY_BELOW] = VERIFY_NOT_BELOW, [VERIFY_NOT_BELOW] = VERIFY_BELOW,
        [VERIFY_ABOVE] = VERIFY_NOT_ABOVE, [VERIFY_NOT_ABOVE] = VERIFY_ABOVE,
        [VERIFY_OTHER] = VERIFY_OTHER};
    return of[cond];
}

/* a < b, or a <= b if `equal`. */
static uint32_t from_below(struct verifier *v, uint32_t list, const struct comparison *c,
                           bool equal)
{
    uint32_t right = c->size == 4 ? value_root(v, c->b) : c->b; /* of a spilled merge */
    const struct value x = *value_of(v, c->a), y = *value_of(v, right);
    if (y.kind == VALUE_LENGTH && x.kind == VALUE_CONST) {
        return x.n <= UINT32_MAX
                   ? fact_add(v, list, FACT_LENGTH_MIN, (uint32_t)y.n, x.n + (equal ? 0 : 1))
                   : list;
    }
    if (y.kind == VALUE_LENGTH && !equal && c->size == 4) {
        return fact_add(v, list, FACT_BELOW_LENGTH, value_root(v, c->a), y.n);
    }
    if (y.kind == VALUE_MERGE && c->size == 4 && !equal) {
        return x.kind == VALUE_CONST
                   ? fact_add(v, list, FACT_ABOVE, 0, (uint64_t)(uint32_t)x.n << 32 | right)
                   : fact_add(v, list, FACT_BELOW, value_root(v, c->a), right);
    }
    if (y.kind == VALUE_BYTES && x.kind == VALUE_CONST && c->size == 8 && x.n < MAYBE_WIDE) {
        return fact_add(v, list, FACT_BYTES_MIN, NO_NODE, x.n);
    }
    if (y.kind == VALUE_BYTES && x.kind == VALUE_SUM && c->size == 8 && x.n < MAYBE_WIDE) {
        return fact_add(v, list, FACT_BYTES_MIN, x.a, x.n | (x.demands != 0 ? MAYBE_WIDE : 0));
    }
    return list;
}

static uint32_t from_bool(struct verifier *v, uint32_t list, const struct value *x, bool holds)
{
    struct comparison c = v->comparisons[x->n];
    return fact_from(v, list, &c, holds ? x->shift : fact_opposite(x->shift));
}

/* a == b, b a constant. */
static uint32_t from_equal(struct verifier *v, uint32_t list, const struct comparison *c,
                           bool equal)
{
    uint32_t left = c->size == 4 ? value_root(v, c->a) : c->a; /* of a spilled merge */
    const struct value x = *value_of(v, left), y = *value_of(v, c->b);
    if (y.kind != VALUE_CONST) {
        return list;
    }
    if (x.kind == VALUE_TYPE && equal) {
        return verify_may_have_type(v, x.a, (uint32_t)y.n)
                   ? fact_add(v, list, FACT_TYPE, x.a, (uint32_t)y.n)
                   : FACTS_NEVER;
    }
    if (y.n != 0) {
        return list;
    }
    if (x.kind == VALUE_BOOL) {
        return from_bool(v, list, &x, !equal);
    }
    if (equal) {
        return list;
    }
    if (x.kind == VALUE_CONST && x.n == 0) { /* null is not null: it is no reference after that */
        return FACTS_NEVER;
    }
    if (x.kind == VALUE_LENGTH) {
        return fact_add(v, list, FACT_LENGTH_MIN, (uint32_t)x.n, 1);
    }
    if (x.kind == VALUE_MERGE && c->size == 4) {
        return fact_add(v, list, FACT_ABOVE, 0, left);
    }
    bool is_reference = x.kind == VALUE_REFERENCE || x.kind == VALUE_MERGE;
    return is_reference && c->size == 8 ? fact_add(v, list, FACT_NOT_NULL, c->a, 0) : list;
}

/* Of a constant, only what was compared counts. */
static uint32_t compared(struct verifier *v, const struct comparison *c, uint32_t node)
{
    const struct value *x = value_of(v, node);
    bool is_cut = c->size == 4 && x->kind == VALUE_CONST && x->n > UINT32_MAX;
    return is_cut ? value_const(v, (uint32_t)x->n) : node;
}

/* The operands are exchanged so that from_below() sees only "below" and "not above", and
 * from_equal() has the constant on the right. A test instruction gives a fact only if both operands
 * are the same value, because x & y == 0 says little about x. */
uint32_t fact_from(struct verifier *v, uint32_t list, const struct comparison *c, unsigned cond)
{
    struct comparison s = *c;
    if (!s.is_valid || (s.is_test && !value_same(v, s.a, s.b))) {
        return list;
    }
    if (s.is_test) { /* x & x: compares x with 0 */
        s.b = ZERO_NODE;
        s.is_test = false;
    }
    s.a = compared(v, c, s.a);
    s.b = compared(v, c, s.b);
    bool orders = cond != VERIFY_EQUAL && cond != VERIFY_NOT_EQUAL;
    if (orders ? cond == VERIFY_ABOVE || cond == VERIFY_NOT_BELOW
               : value_of(v, s.a)->kind == VALUE_CONST) {
        s = (struct comparison){.a = s.b, .b = s.a, .size = s.size, .is_valid = true};
        cond = swapped(cond);
    }
    switch (cond) {
    case VERIFY_EQUAL:
    case VERIFY_NOT_EQUAL:
        return from_equal(v, list, &s, cond == VERIFY_EQUAL);
    case VERIFY_BELOW:
    case VERIFY_NOT_ABOVE:
        return from_below(v, list, &s, cond == VERIFY_NOT_ABOVE);
    default:
        return list;
    }
}
