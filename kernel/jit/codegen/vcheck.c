// SPDX-License-Identifier: MIT
//
// Checks an allocation without knowing how it was made. Follows along all paths which values each
// register and slot holds; where paths meet, keeps only what all predecessors agree on; repeats
// until nothing changes. Then each use must find its value.
//
// An edge renames its arguments: a location that holds the argument also holds the parameter from
// there on, and a location that held the parameter of the previous iteration no longer does.
#include "kernel/jit/codegen/vcheck_internal.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

enum { FIRST_SLOT = 32 * VCLASS_COUNT };

struct checker {
    const struct vcode *v;
    const struct vregisters *r;
    struct arena arena;
    struct vsets sets;
    struct vcheck_refs refs;
    struct vcomplaint *out;
    uint32_t locations;   /* registers of both classes, slots */
    uint32_t *state;      /* by location: set of values */
    uint32_t **entry;     /* by block: state at its start; NULL: not reached yet */
    uint32_t *first_move; /* by instruction: index of its first move; one more at the end */
    uint32_t *edge_to;    /* by block: an edge that leads to it */
    /* by value: head of the list of parameters that it becomes on this edge ... */
    uint32_t *edge_param;
    uint32_t *next_param; /* ... by parameter: the next one with the same argument */
    uint32_t *edge_mark;  /* by value: block of which it is a parameter, + 1 */
    uint32_t block;       /* the block that is being followed */
    bool ok;
};

bool vcheck_complain(struct vcomplaint *out, uint32_t instr, const char *fmt, ...)
{
    if (out != NULL && out->text[0] == '\0') {
        va_list args;
        va_start(args, fmt);
        fmt_vprint(out->text, sizeof out->text, fmt, args);
        va_end(args);
        out->instr = instr;
    }
    return false;
}

#define COMPLAIN(c, n, ...) ((c)->ok = vcheck_complain((c)->out, n, __VA_ARGS__))

static uint32_t bit(uint32_t n)
{
    return (uint32_t)1 << (n & 31);
}

/* Index of a location in `state`. */
static uint32_t at(unsigned class, uint32_t loc)
{
    return vloc_is_slot(loc) ? FIRST_SLOT + (loc & ~VLOC_SLOT_FLAG) : 32 * class + loc;
}

static bool location_exists(const struct checker *c, uint32_t loc, unsigned bytes)
{
    if (!vloc_is_slot(loc)) {
        return loc < 32;
    }
    uint32_t slot = loc & ~VLOC_SLOT_FLAG, width = bytes > 8 ? 2 : 1;
    return (uint64_t)slot + width <= c->v->slot_count && slot % width == 0;
}

/* The members of a set that a move of this class and size copies completely, and of which it copies
 * no more than their size. */
static uint32_t movable(struct checker *c, uint32_t set, unsigned class, unsigned bytes)
{
    uint32_t count;
    const uint32_t *members = vset_members(&c->sets, &set, &count);
    vset_begin(&c->sets);
    for (uint32_t n = 0; n < count; n++) {
        const struct vreg *r = &c->v->vregs[members[n]];
        if (r->class == class && r->bytes == bytes) {
            vset_add(&c->sets, members[n]);
        }
    }
    return vset_end(&c->sets);
}

/* The slot below may hold a 16-byte value, whose upper half this write destroys. */
static void write_slot(struct checker *c, uint32_t loc, unsigned bytes, uint32_t set)
{
    uint32_t slot = at(0, loc);
    if (slot > FIRST_SLOT && (slot - FIRST_SLOT) % 2 == 1) {
        uint32_t count, below = c->state[slot - 1];
        const uint32_t *members = vset_members(&c->sets, &below, &count);
        if (count > 0 && c->v->vregs[members[0]].bytes > 8) {
            c->state[slot - 1] = VSET_EMPTY;
        }
    }
    c->state[slot] = set;
    if (bytes > 8) {
        c->state[slot + 1] = VSET_EMPTY;
    }
}

static void write(struct checker *c, unsigned class, uint32_t loc, unsigned bytes, uint32_t set)
{
    if (vloc_is_slot(loc)) {
        write_slot(c, loc, bytes, set);
    } else {
        c->state[at(class, loc)] = set;
    }
}

/* ---- Moves ---- */

static void check_written(struct checker *c, uint32_t n, unsigned class, uint32_t reg)
{
    if ((c->r->allocatable[class] & ~c->v->used[class] & bit(reg)) != 0) {
        COMPLAIN(c, n, "%s is written, and not listed as used", c->r->register_name(class, reg));
    }
}

/* A value that is rematerialised at the start of a block with one predecessor also becomes the
 * parameters that it is passed to. */
static uint32_t with_params(struct checker *c, const struct vmove *m, uint32_t vreg)
{
    const struct vblock *b = &c->v->blocks[c->block];
    uint32_t set = vreg;
    if (b->pred_count != 1 || m->at != b->first) {
        return set;
    }
    const struct vedge *e = &c->v->edges[c->edge_to[c->block]];
    for (uint32_t n = 0; n < b->param_count; n++) {
        if (c->v->pool[e->args + n] == vreg) {
            set = vset_with(&c->sets, set, c->v->pool[b->params + n]);
        }
    }
    return set;
}

static uint32_t remade(struct checker *c, const struct vmove *m)
{
    const struct vinstr *i = m->remake < c->v->instr_count ? &c->v->instrs[m->remake] : NULL;
    if (i == NULL || (i->flags & VI_REMAKE) == 0) {
        COMPLAIN(c, m->at, "instruction %u cannot be made again", m->remake);
        return VSET_EMPTY;
    }
    return with_params(c, m, c->v->operands[i->operands].vreg);
}

static void do_move(struct checker *c, const struct vmove *m)
{
    if (m->class >= VCLASS_COUNT || m->to == VLOC_NONE || !location_exists(c, m->to, m->bytes) ||
        (m->from != VLOC_NONE && !location_exists(c, m->from, m->bytes))) {
        COMPLAIN(c, m->at, "a move from or to no location");
        return;
    }
    if (vloc_is_slot(m->to) && (m->from == VLOC_NONE || vloc_is_slot(m->from))) {
        COMPLAIN(c, m->at, "a move to a slot that does not come from a register");
        return;
    }
    uint32_t set = m->from == VLOC_NONE ? remade(c, m) : c->state[at(m->class, m->from)];
    write(c, m->class, m->to, m->bytes, movable(c, set, m->class, m->bytes));
    if (vloc_is_reg(m->to)) {
        check_written(c, m->at, m->class, m->to);
    }
}

/* ---- Instructions ---- */

static const struct vreg *vreg_of(const struct checker *c, const struct voperand *o)
{
    return &c->v->vregs[o->vreg];
}

static bool is_read(const struct voperand *o)
{
    return o->role == VUSE || o->role == VUSE_LATE;
}

static bool meets_constraint(const struct checker *c, const struct vinstr *i, unsigned o)
{
    const struct voperand *op = &c->v->operands[i->operands + o];
    uint32_t loc = c->v->locations[i->operands + o];
    unsigned class = vreg_of(c, op)->class;
    bool in_register = loc < 32 && (c->r->allocatable[class] & bit(loc)) != 0;
    switch ((enum vconstraint)op->constraint) {
    case VAT_REG:
        return in_register;
    case VAT_FIXED:
        return loc == op->which;
    case VAT_TIED:
        return loc < 32 && loc == c->v->locations[i->operands + op->which];
    case VAT_ANY:
        return in_register || (vloc_is_slot(loc) && location_exists(c, loc, vreg_of(c, op)->bytes));
    }
    return false;
}

static uint32_t clobbered(const struct checker *c, const struct vinstr *i, unsigned class)
{
    uint32_t mask = i->clobbers != 0 ? c->r->clobbers[i->clobbers].mask[class] : 0;
    return (i->flags & VI_CALL) != 0 ? mask & ~c->r->callee_saved[class] : mask;
}

/* Whether two operands, at least one of them written, may be in the same register. */
static bool may_share(const struct checker *c, const struct vinstr *i, unsigned a, unsigned b)
{
    const struct voperand *ops = &c->v->operands[i->operands], *x = &ops[a], *y = &ops[b];
    if (is_read(x) == is_read(y)) {
        return is_read(x); /* two uses may, since each finds its value; two definitions never */
    }
    unsigned read = is_read(x) ? a : b, written = is_read(x) ? b : a;
    if (ops[written].constraint == VAT_TIED && ops[written].which == read) {
        return true;
    }
    return ops[written].role == VDEF && ops[read].role == VUSE;
}

static void check_sharing(struct checker *c, uint32_t n, const struct vinstr *i)
{
    const struct voperand *ops = &c->v->operands[i->operands];
    const uint32_t *locs = &c->v->locations[i->operands];
    for (unsigned x = 0; x < i->operand_count; x++) {
        unsigned class = vreg_of(c, &ops[x])->class;
        for (unsigned y = 0; y < x; y++) {
            if (locs[x] == locs[y] && vloc_is_reg(locs[x]) && class == vreg_of(c, &ops[y])->class &&
                !may_share(c, i, x, y)) {
                COMPLAIN(c, n, "operands %u and %u in one register", y, x);
            }
        }
        bool free_temp = ops[x].role == VTEMP && ops[x].constraint != VAT_FIXED;
        if ((ops[x].role == VUSE_LATE || free_temp) && vloc_is_reg(locs[x]) &&
            (clobbered(c, i, class) & bit(locs[x])) != 0) {
            COMPLAIN(c, n, "operand %u is clobbered before its last use", x);
        }
    }
}

static void check_operands(struct checker *c, uint32_t n, const struct vinstr *i)
{
    for (unsigned o = 0; o < i->operand_count && c->ok; o++) {
        const struct voperand *op = &c->v->operands[i->operands + o];
        uint32_t loc = c->v->locations[i->operands + o];
        if (!meets_constraint(c, i, o)) {
            COMPLAIN(c, n, "operand %u (v%u) is in a forbidden location", o, op->vreg);
        } else if (is_read(op) &&
                   !vset_has(&c->sets, c->state[at(vreg_of(c, op)->class, loc)], op->vreg)) {
            COMPLAIN(c, n, "operand %u: v%u is not in its location", o, op->vreg);
        }
    }
}

/* Forget what the instruction may overwrite: its
 * clobbers, and registers that no value may stay in. */
static void forget_clobbered(struct checker *c, uint32_t n, const struct vinstr *i)
{
    for (unsigned class = 0; class < VCLASS_COUNT; class ++) {
        uint32_t mask = clobbered(c, i, class);
        for (uint32_t reg = 0; reg < 32; reg++) {
            if (((mask | ~c->r->allocatable[class]) & bit(reg)) != 0) {
                c->state[at(class, reg)] = VSET_EMPTY;
            }
            if (vinstr_saves_clobbers(i->flags) && (mask & bit(reg)) != 0) {
                check_written(c, n, class, reg);
            }
        }
    }
}

static void do_instr(struct checker *c, uint32_t n)
{
    const struct vinstr *i = &c->v->instrs[n];
    for (uint32_t m = c->first_move[n]; m < c->first_move[n + 1] && c->ok; m++) {
        do_move(c, &c->v->moves[m]);
    }
    check_operands(c, n, i);
    check_sharing(c, n, i);
    if (!c->ok) {
        return;
    }
    const uint32_t *locs = &c->v->locations[i->operands];
    /* The order is that of the instruction: operands are read, a move's
     * source is noted before anything is overwritten, clobbers and safe
     * points take effect, and definitions are written last. */
    uint32_t moved = VSET_EMPTY;
    if ((i->flags & VI_MOVE) != 0) {
        const struct vreg *r = vreg_of(c, &c->v->operands[i->operands]);
        moved = movable(c, c->state[at(r->class, locs[1])], r->class, r->bytes);
    }
    if ((i->flags & VI_SAFE_POINT) != 0) {
        c->ok = vcheck_safe_point(&c->refs, &c->sets, c->state, FIRST_SLOT, c->block, n, c->out);
        if (!c->ok) {
            return;
        }
    }
    forget_clobbered(c, n, i);
    for (unsigned o = 0; o < i->operand_count; o++) {
        const struct voperand *op = &c->v->operands[i->operands + o];
        if (!is_read(op)) {
            uint32_t set = op->role == VTEMP ? VSET_EMPTY : op->vreg;
            write(c, vreg_of(c, op)->class, locs[o], vreg_of(c, op)->bytes, set);
            check_written(c, n, vreg_of(c, op)->class, locs[o]);
        }
    }
    if (moved != VSET_EMPTY) {
        uint32_t *to = &c->state[at(vreg_of(c, &c->v->operands[i->operands])->class, locs[0])];
        *to = vset_with(&c->sets, moved, *to);
    }
}

/* ---- Edges ---- */

static void mark_params(struct checker *c, const struct vedge *e, bool there)
{
    const struct vblock *to = &c->v->blocks[e->to];
    for (uint32_t n = 0; n < to->param_count; n++) {
        uint32_t arg = c->v->pool[e->args + n], param = c->v->pool[to->params + n];
        c->edge_mark[param] = there;
        c->next_param[param] = there ? c->edge_param[arg] : 0;
        c->edge_param[arg] = there ? param + 1 : 0;
    }
}

/* Translate the set of a location over the marked edge: remove the parameters
 * of the target block, whose values are those of the previous iteration; then
 * add each parameter whose argument is in the set. Making a set invalidates
 * the pointer from vset_members(), so it is read again after each addition. */
static uint32_t across(struct checker *c, uint32_t set)
{
    uint32_t count, result = VSET_EMPTY;
    const uint32_t *members = vset_members(&c->sets, &set, &count);
    bool changes = false;
    for (uint32_t n = 0; n < count; n++) {
        changes |= c->edge_mark[members[n]] != 0 || c->edge_param[members[n]] != 0;
    }
    if (!changes) {
        return set;
    }
    vset_begin(&c->sets);
    for (uint32_t n = 0; n < count; n++) {
        if (c->edge_mark[members[n]] == 0) {
            vset_add(&c->sets, members[n]);
        }
    }
    result = vset_end(&c->sets);
    for (uint32_t n = 0; n < count; n++) {
        members = vset_members(&c->sets, &set, &count);
        for (uint32_t p = c->edge_param[members[n]]; p != 0; p = c->next_param[p - 1]) {
            result = vset_with(&c->sets, result, p - 1);
            members = vset_members(&c->sets, &set, &count);
        }
    }
    return result;
}

/* Whatever holds at the end of `from` also holds at the start of `to`, as far as the other edges
 * agree. @return true if that changed something. */
static bool follow_edge(struct checker *c, const struct vedge *e)
{
    bool changed = false, is_new = c->entry[e->to] == NULL;
    if (is_new) {
        c->entry[e->to] = arena_alloc(&c->arena, c->locations * sizeof(uint32_t));
        if (c->entry[e->to] == NULL) {
            c->sets.failed = true;
            return false;
        }
    }
    mark_params(c, e, true);
    for (uint32_t k = 0; k < c->locations; k++) {
        uint32_t *there = &c->entry[e->to][k], here = across(c, c->state[k]);
        uint32_t both = is_new ? here : vset_intersect(&c->sets, *there, here);
        changed |= is_new || both != *there;
        *there = both;
    }
    mark_params(c, e, false);
    return changed;
}

/* @return true if an earlier block must be visited again. */
static bool do_block(struct checker *c, uint32_t block, bool *dirty)
{
    const struct vblock *b = &c->v->blocks[block];
    bool again = false;
    c->block = block;
    memcpy(c->state, c->entry[block], c->locations * sizeof *c->state);
    for (uint32_t n = b->first; n < b->first + b->count && c->ok; n++) {
        do_instr(c, n);
    }
    for (uint32_t e = b->edges; e < b->edges + b->edge_count && c->ok; e++) {
        const struct vedge *edge = &c->v->edges[e];
        if (follow_edge(c, edge)) {
            dirty[edge->to] = true;
            again |= edge->to <= block;
        }
    }
    return again;
}

static bool index_moves(struct checker *c)
{
    uint32_t m = 0;
    for (uint32_t n = 0; n <= c->v->instr_count; n++) {
        c->first_move[n] = m;
        while (m < c->v->move_count && c->v->moves[m].at == n) {
            m++;
        }
    }
    return m == c->v->move_count || COMPLAIN(c, 0, "moves are not in order");
}

static void prepare(struct checker *c)
{
    size_t vregs = (size_t)c->v->vreg_count + 1, blocks = c->v->block_count;
    c->sets = (struct vsets){.arena = &c->arena, .vregs = c->v->vreg_count};
    c->locations = FIRST_SLOT + c->v->slot_count + 1;
    c->state = arena_alloc(&c->arena, c->locations * sizeof *c->state);
    c->entry = arena_alloc(&c->arena, blocks * sizeof *c->entry);
    c->first_move = arena_alloc(&c->arena, ((size_t)c->v->instr_count + 2) * sizeof *c->first_move);
    c->edge_to = arena_alloc(&c->arena, blocks * sizeof *c->edge_to);
    c->edge_param = arena_alloc(&c->arena, vregs * sizeof(uint32_t));
    c->next_param = arena_alloc(&c->arena, vregs * sizeof(uint32_t));
    c->edge_mark = arena_alloc(&c->arena, vregs * sizeof(uint32_t));
    c->sets.failed = c->state == NULL || c->entry == NULL || c->first_move == NULL ||
                     c->edge_to == NULL || c->edge_param == NULL || c->next_param == NULL ||
                     c->edge_mark == NULL || !vcheck_refs_start(&c->refs, c->v, &c->arena);
}

/* Iterate to a fixed point. Every location starts with all the values that its first predecessor
 * gives it, and each visit can only remove members, so this ends. Blocks are in reverse post-order:
 * without loops each is visited once. */
static void follow(struct checker *c)
{
    bool *dirty = arena_alloc(&c->arena, c->v->block_count);
    c->entry[0] = arena_alloc(&c->arena, c->locations * sizeof(uint32_t));
    if (dirty == NULL || c->entry[0] == NULL) {
        c->sets.failed = true;
        return;
    }
    for (uint32_t e = 0; e < c->v->edge_count; e++) {
        c->edge_to[c->v->edges[e].to] = e;
    }
    memset(c->entry[0], 0xff, c->locations * sizeof(uint32_t));
    dirty[0] = true;
    for (bool again = true; again && c->ok;) {
        again = false;
        for (uint32_t b = 0; b < c->v->block_count && c->ok && !c->sets.failed; b++) {
            if (dirty[b]) {
                dirty[b] = false;
                again |= do_block(c, b, dirty);
            }
        }
    }
}

bool vcode_check(const struct vcode *v, const struct vregisters *registers, struct vcomplaint *out)
{
    struct checker c = {.v = v, .r = registers, .out = out, .ok = true};
    *out = (struct vcomplaint){.instr = 0};
    arena_init_paid(&c.arena, v->arena->limit, v->arena->budget);
    if (v->block_count > 0 && !vcheck_selection(v, registers, &c.arena, out)) {
        c.ok = false;
    } else if (v->block_count > 0) {
        prepare(&c);
        if (!c.sets.failed && index_moves(&c)) {
            follow(&c);
        }
        if (c.sets.failed) {
            COMPLAIN(&c, 0, "no memory to check with");
            out->is_memory = true;
        }
    }
    arena_free_all(&c.arena);
    return c.ok;
}
