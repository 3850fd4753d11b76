// SPDX-License-Identifier: MIT
//
// Which values are in which registers at the start of a block.
//
// A block with one predecessor starts as that one ended. Where several meet, a value stays in a
// register if at least half of them have it there. At the header of a loop these are the values
// that the loop uses, and those that are only live through it if registers are left over. The
// register is the one that the most frequently executed predecessor has the value in. Any choice is
// correct, because edges_draft() adds the moves that make the predecessors agree; a bad choice only
// costs moves.
#include "kernel/jit/codegen/regalloc_internal.h"

enum { MOST = 48 }; /* candidates that are considered, by class */

struct candidate {
    uint32_t vreg, distance;
    uint32_t count; /* predecessors that have it in a register */
    /* the register of the most frequently executed predecessor that has it, or NO_REG */
    uint8_t reg;
    bool is_clean;
};

static void remember(struct alloc *a, uint32_t *first, uint32_t *count)
{
    uint64_t needed = a->held_count;
    *first = a->held_count;
    *count = 0;
    if ((a->occupied[VCLASS_INT] | a->occupied[VCLASS_FLOAT]) == 0) {
        return;
    }
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        needed += (unsigned)__builtin_popcount(a->occupied[c]);
    }
    void *grown = arena_grow_list(a->arena, a->held, &a->held_capacity, needed, sizeof *a->held);
    if (grown == NULL) {
        a->error = E_NOMEM;
        return;
    }
    a->held = grown;
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        for (uint32_t m = a->occupied[c]; m != 0; m &= m - 1) {
            uint32_t vreg = a->in[c][lowest(m)];
            a->held[a->held_count++] = (struct held){
                .vreg = vreg, .reg = (uint8_t)lowest(m), .is_clean = a->values[vreg].is_clean};
        }
    }
    *count = a->held_count - *first;
}

/* value.reg must agree with `occupied` and `in` at all times: hold() and release_reg() change them
 * together. Done at the end of each block, the last one, too: edges_draft() relies on it, and a
 * loop without an end leaves values in registers there. */
static void forget_all(struct alloc *a)
{
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        for (uint32_t m = a->occupied[c]; m != 0; m &= m - 1) {
            a->values[a->in[c][lowest(m)]].reg = NO_REG;
        }
        a->occupied[c] = 0;
    }
}

static void load_entry(struct alloc *a, uint32_t block)
{
    const struct block *b = &a->blocks[block];
    for (uint32_t n = 0; n < b->live_count; n++) {
        const struct live *l = &a->lives[b->live + n];
        a->entry_stamp[l->vreg] = block + 1;
        a->values[l->vreg].next = b->start + l->distance;
    }
    a->work += b->live_count;
}

/* ---- One predecessor ---- */

/* Keep what the predecessor had in registers, unless it is dead here. A cut list of live values
 * does not name every value (block.is_cut): a value that it leaves out is used far away. */
static void inherit(struct alloc *a, uint32_t block, uint32_t pred)
{
    const struct block *p = &a->blocks[pred];
    for (uint32_t n = p->exit; n < p->exit + handed_over(a, pred, block); n++) {
        const struct held *h = &a->held[n];
        if (!live_into(a, block, h->vreg)) {
            continue;
        }
        if (a->entry_stamp[h->vreg] != block + 1) {
            a->values[h->vreg].next = a->blocks[block].start + DISTANCE_MAX;
        }
        a->values[h->vreg].is_clean = h->is_clean;
        hold(a, h->vreg, h->reg);
    }
}

/* The value to drop in favour of `vreg`, whose next use is `next`: one of those in registers, or
 * `vreg` itself if it is the cheapest. */
static uint32_t worst(const struct alloc *a, unsigned class, uint32_t vreg, uint32_t next)
{
    uint32_t found = vreg, now = a->blocks[a->block].start;
    uint64_t score = pick_score(a, vreg, next, now);
    for (uint32_t m = a->occupied[class] & a->allowed[class]; m != 0; m &= m - 1) {
        uint32_t other = a->in[class][lowest(m)];
        if (pick_score(a, other, a->values[other].next, now) > score) {
            score = pick_score(a, other, a->values[other].next, now);
            found = other;
        }
    }
    return found;
}

/* Find a register for a parameter, or for a value whose register
 * nothing may stay in. It stays in memory if it is the cheapest to
 * have there. A value that is dropped for it is stored on the edge. */
static void enter(struct alloc *a, uint32_t vreg, unsigned like)
{
    unsigned class = a->v->vregs[vreg].class;
    uint32_t is_free = a->allowed[class] & ~a->occupied[class];
    if (is_free == 0) {
        uint32_t victim = worst(a, class, vreg, a->values[vreg].next);
        if (victim == vreg) {
            return;
        }
        is_free = bit(a->values[victim].reg);
        release_reg(a, victim);
    }
    hold(a, vreg, pick_register(a, class, is_free, vreg, like));
}

static void leave_forbidden(struct alloc *a, unsigned class)
{
    for (uint32_t m = a->occupied[class] & ~a->allowed[class]; m != 0; m &= m - 1) {
        uint32_t vreg = a->in[class][lowest(m)];
        release_reg(a, vreg);
        enter(a, vreg, NO_REG);
    }
}

static void enter_from_one(struct alloc *a, uint32_t block, uint32_t pred)
{
    const struct vcode *v = a->v;
    const struct vblock *b = &v->blocks[block];
    inherit(a, block, pred);
    leave_forbidden(a, VCLASS_INT);
    leave_forbidden(a, VCLASS_FLOAT);
    const struct vedge *edge = &v->edges[a->blocks[block].edge];
    for (uint32_t n = 0; n < b->param_count; n++) {
        uint32_t param = v->pool[b->params + n], arg = v->pool[edge->args + n];
        if (a->entry_stamp[param] == block + 1) {
            a->values[param].is_clean = false;
            enter(a, param, a->values[arg].last == 0 ? NO_REG : a->values[arg].last - 1u);
        }
    }
    a->work += b->param_count;
}

/* ---- Several ---- */

struct meeting {
    struct candidate list[VCLASS_COUNT][MOST];
    uint32_t count[VCLASS_COUNT];
    uint32_t preds;   /* predecessors that were asked */
    uint32_t through; /* loops: how many more values that the loop does not use may stay */
};

/* Insert a candidate into its class's list, which is ordered by distance to the next use. If the
 * list is full, the farthest one drops out. */
static void insert(struct meeting *m, unsigned class, struct candidate c)
{
    struct candidate *list = m->list[class];
    uint32_t at = m->count[class] < MOST ? m->count[class]++ : MOST - 1;
    if (at == MOST - 1 && list[at].vreg != VREG_NONE && list[at].distance <= c.distance) {
        return;
    }
    for (; at > 0 && list[at - 1].distance > c.distance; at--) {
        list[at] = list[at - 1];
    }
    list[at] = c;
}

static void collect(struct alloc *a, uint32_t block, struct meeting *m)
{
    const struct block *b = &a->blocks[block];
    m->list[VCLASS_INT][MOST - 1].vreg = m->list[VCLASS_FLOAT][MOST - 1].vreg = VREG_NONE;
    for (uint32_t n = 0; n < b->live_count; n++) {
        const struct live *l = &a->lives[b->live + n];
        insert(m, a->v->vregs[l->vreg].class,
               (struct candidate){
                   .vreg = l->vreg, .distance = l->distance, .reg = NO_REG, .is_clean = true});
    }
}

static const struct held *find_held(const struct alloc *a, const struct block *p, uint32_t vreg)
{
    for (uint32_t n = p->exit; n < p->exit + p->exit_count; n++) {
        if (a->held[n].vreg == vreg) {
            return &a->held[n];
        }
    }
    return NULL;
}

static void count_predecessor(struct alloc *a, uint32_t pred, struct candidate *c, bool is_best)
{
    const struct held *h = find_held(a, &a->blocks[pred], c->vreg);
    if (h == NULL) {
        return;
    }
    c->count++;
    c->is_clean &= h->is_clean;
    if (is_best || c->reg == NO_REG) {
        c->reg = h->reg;
    }
}

static void ask_for_param(struct alloc *a, uint32_t arg, uint32_t pred, struct candidate *c,
                          bool is_best)
{
    const struct held *h = find_held(a, &a->blocks[pred], arg);
    c->count += h != NULL || is_remade(a, arg);
    if (h != NULL && (is_best || c->reg == NO_REG)) {
        c->reg = h->reg;
    }
}

/* Find out which registers the predecessors have the candidates in. Considers only those that the
 * walk has passed, so at a loop's header not the back edges. Each of them has this one successor:
 * no edge is critical. */
static void survey_preds(struct alloc *a, uint32_t block, struct meeting *m)
{
    enum { MOST_ASKED = 8 };
    const struct vcode *v = a->v;
    const struct vblock *b = &v->blocks[block];
    uint64_t best = 0;
    for (uint32_t n = 0; n < b->pred_count && m->preds < MOST_ASKED; n++) {
        uint32_t pred = v->pool[b->preds + n];
        if (!a->blocks[pred].is_walked) {
            continue;
        }
        bool is_best = block_weight(a, pred) > best;
        best = MAX(best, block_weight(a, pred));
        m->preds++;
        for (unsigned c = 0; c < VCLASS_COUNT; c++) {
            for (uint32_t k = 0; k < m->count[c]; k++) {
                struct candidate *x = &m->list[c][k];
                if (a->values[x->vreg].def_block == block) {
                    const struct vedge *e = &v->edges[v->blocks[pred].edges];
                    uint32_t arg = v->pool[e->args + a->values[x->vreg].number];
                    ask_for_param(a, arg, pred, x, is_best);
                } else {
                    count_predecessor(a, pred, x, is_best);
                }
            }
        }
    }
}

/* Whether a candidate starts in a register. To be called in the order of distance, because *through
 * counts down. */
static bool begins_in_register(struct alloc *a, uint32_t block, const struct meeting *m,
                               const struct candidate *c, uint32_t *through)
{
    bool is_header = a->v->blocks[block].is_loop_header;
    if (c->distance >= FAR) {
        if (c->count == 0 || (is_header && *through == 0)) {
            return false;
        }
        *through -= is_header;
        return is_header || c->count == m->preds;
    }
    return is_header || c->count * 2 >= m->preds;
}

/* How many values a loop can keep in registers although it does not use them: the registers that
 * are left at its point of highest pressure. */
static uint32_t spare_registers(const struct alloc *a, uint32_t block, unsigned class)
{
    const struct block *b = &a->blocks[block];
    uint32_t through = 0;
    for (uint32_t n = 0; n < b->live_count; n++) {
        const struct live *l = &a->lives[b->live + n];
        through += a->v->vregs[l->vreg].class == class && l->distance >= FAR;
    }
    uint32_t has = (uint32_t)__builtin_popcount(a->allowed[class]);
    uint32_t needs = b->pressure[class] - MIN(through, b->pressure[class]);
    return has > needs ? has - needs : 0;
}

/* The register in which a value starts, or NO_REG to choose a new
 * one. At a loop's header a better register is worth a move, because
 * a move before the loop costs less than one in each iteration. */
static unsigned wanted_register(const struct alloc *a, uint32_t block, unsigned class,
                                const struct candidate *c)
{
    const struct value *v = &a->values[c->vreg];
    if (!a->v->blocks[block].is_loop_header || c->reg == NO_REG) {
        return c->reg;
    }
    bool is_saved = (a->registers->callee_saved[class] & bit(c->reg)) != 0;
    bool calls = a->blocks[block].call < FAR && v->crosses_call && !is_saved;
    bool asks = v->hint != 0 && v->hint - 1 != c->reg;
    bool conflicts = (pick_avoid(a, class, c->vreg) & bit(c->reg)) != 0 && v->hint == 0;
    return calls || asks || conflicts ? NO_REG : c->reg;
}

/* Of the values that live across a call in a loop, at most as many start in registers as there are
 * callee-saved ones: the call would force out the rest in each iteration. */
static bool is_too_many(const struct alloc *a, uint32_t block, unsigned class, uint32_t vreg,
                        uint32_t *crossing)
{
    uint32_t saved = a->allowed[class] & a->registers->callee_saved[class];
    if (!a->v->blocks[block].is_loop_header || a->blocks[block].call >= FAR ||
        !a->values[vreg].crosses_call) {
        return false;
    }
    return ++*crossing > (uint32_t)__builtin_popcount(saved);
}

static void settle_class(struct alloc *a, uint32_t block, struct meeting *m, unsigned class)
{
    struct candidate *chosen[32];
    uint32_t count = 0, room = (uint32_t)__builtin_popcount(a->allowed[class]), crossing = 0;
    uint32_t through = spare_registers(a, block, class);
    for (uint32_t n = 0; n < m->count[class] && count < room; n++) {
        struct candidate *c = &m->list[class][n];
        if (begins_in_register(a, block, m, c, &through) &&
            !is_too_many(a, block, class, c->vreg, &crossing)) {
            chosen[count++] = c;
        }
    }
    /* first the candidates that can stay in their register */
    for (uint32_t n = 0; n < count; n++) {
        struct candidate *c = chosen[n];
        unsigned wanted = wanted_register(a, block, class, c);
        uint32_t is_free = a->allowed[class] & ~a->occupied[class];
        /* The slot counts as up to date only if it is on every path here. A predecessor that was
         * not asked may have a newer value in a register; so may a back edge, and a parameter has a
         * new value on each edge. */
        a->values[c->vreg].is_clean = c->is_clean && m->preds == a->v->blocks[block].pred_count &&
                                      !a->v->blocks[block].is_loop_header &&
                                      a->values[c->vreg].def_block != block;
        if (wanted != NO_REG && (is_free & bit(wanted)) != 0) {
            hold(a, c->vreg, wanted);
        }
    }
    for (uint32_t n = 0; n < count; n++) {
        if (a->values[chosen[n]->vreg].reg == NO_REG) {
            uint32_t is_free = a->allowed[class] & ~a->occupied[class];
            hold(a, chosen[n]->vreg,
                 pick_register(a, class, is_free, chosen[n]->vreg, chosen[n]->reg));
        }
    }
}

static void enter_from_several(struct alloc *a, uint32_t block)
{
    struct meeting m;
    m.count[VCLASS_INT] = m.count[VCLASS_FLOAT] = 0;
    m.preds = 0;
    collect(a, block, &m);
    survey_preds(a, block, &m);
    settle_class(a, block, &m, VCLASS_INT);
    settle_class(a, block, &m, VCLASS_FLOAT);
}

void entry_start(struct alloc *a, uint32_t block)
{
    const struct vblock *b = &a->v->blocks[block];
    struct block *info = &a->blocks[block];
    load_entry(a, block);
    if (b->pred_count == 1 && a->blocks[a->v->pool[b->preds]].is_walked) {
        enter_from_one(a, block, a->v->pool[b->preds]);
    } else if (b->pred_count > 0) {
        enter_from_several(a, block);
    }
    for (uint32_t n = 0; n < b->param_count; n++) {
        uint32_t param = a->v->pool[b->params + n];
        struct value *v = &a->values[param];
        v->def_reg = v->reg;
        if (live_into(a, block, param) && v->reg == NO_REG) {
            v->starts_in_slot = true;
            v->needs_slot = true;
        }
    }
    remember(a, &info->entry, &info->entry_count);
}

void entry_finish(struct alloc *a, uint32_t block)
{
    struct block *info = &a->blocks[block];
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        for (uint32_t m = a->occupied[c]; m != 0; m &= m - 1) {
            uint32_t vreg = a->in[c][lowest(m)];
            bool lives_on = a->exit_stamp[vreg] == block + 1 ||
                            (a->exit_is_cut && a->values[vreg].end > 2 * a->end);
            if (!lives_on) {
                release_reg(a, vreg);
            }
        }
    }
    remember(a, &info->exit, &info->exit_count);
    forget_all(a);
    info->is_walked = true;
}
