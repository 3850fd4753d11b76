// SPDX-License-Identifier: MIT
//
// Checks what selection must deliver to the allocator: well-formed blocks, one definition of each
// virtual register that dominates its uses, consistent operands and edges.
#include "kernel/jit/codegen/vcheck_internal.h"

struct shape {
    const struct vcode *v;
    const struct vregisters *r;
    struct vcomplaint *out;
    /* by virtual register; of a parameter def_instr is VREG_NONE */
    uint32_t *def_block, *def_instr;
    /* by block: number when the dominator tree's walk enters and leaves it */
    uint32_t *enter, *leave;
};

/* Number the blocks such that each subtree of the dominator tree is a range. A dominator has a
 * lower index than the blocks that it dominates, so no recursion is needed. */
static bool number_tree(struct shape *s, struct arena *a)
{
    uint32_t count = s->v->block_count;
    uint32_t *size = arena_alloc(a, count * sizeof *size),
             *next = arena_alloc(a, count * sizeof *next);
    s->enter = arena_alloc(a, count * sizeof *s->enter);
    s->leave = arena_alloc(a, count * sizeof *s->leave);
    if (size == NULL || next == NULL || s->enter == NULL || s->leave == NULL) {
        return false;
    }
    for (uint32_t b = count; b-- > 0;) {
        size[b]++;
        if (b > 0 && s->v->blocks[b].idom < b) {
            size[s->v->blocks[b].idom] += size[b];
        }
    }
    for (uint32_t b = 0; b < count; b++) {
        uint32_t up = s->v->blocks[b].idom;
        if (b > 0 && up >= b) {
            return vcheck_complain(s->out, s->v->blocks[b].first, "block %u: dominator %u", b, up);
        }
        s->enter[b] = b == 0 ? 0 : next[up];
        s->leave[b] = s->enter[b] + size[b];
        next[b] = s->enter[b] + 1;
        next[up] += b == 0 ? 0 : size[b];
    }
    return true;
}

/* True if every path from the entry to b passes a; a block dominates itself. */
static bool dominates(const struct shape *s, uint32_t a, uint32_t b)
{
    return s->enter[a] <= s->enter[b] && s->enter[b] < s->leave[a];
}

/* A virtual register has exactly one definition; the allocator relies on it for live ranges. */
static bool define(struct shape *s, uint32_t vreg, uint32_t block, uint32_t instr, uint32_t at)
{
    if (vreg >= s->v->vreg_count) {
        return vcheck_complain(s->out, at, "v%u does not exist", vreg);
    }
    if (s->def_block[vreg] != VREG_NONE) {
        return vcheck_complain(s->out, at, "v%u is defined twice", vreg);
    }
    s->def_block[vreg] = block;
    s->def_instr[vreg] = instr;
    return true;
}

/* The combinations of role and constraint that the allocator handles. The scratch register is
 * reserved for moves, so no operand may ask for it. An operand that may be a slot must be a use:
 * a definition needs a register, from which the allocator stores it. */
static bool check_operand(const struct shape *s, uint32_t n, const struct vinstr *i, unsigned o)
{
    const struct voperand *ops = &s->v->operands[i->operands], *op = &ops[o];
    bool use = op->role == VUSE || op->role == VUSE_LATE;
    if (op->vreg >= s->v->vreg_count || op->role > VTEMP || op->constraint > VAT_ANY) {
        return vcheck_complain(s->out, n, "operand %u is not valid", o);
    }
    const struct vreg *reg = &s->v->vregs[op->vreg];
    if (reg->class >= VCLASS_COUNT || (reg->bytes != 4 && reg->bytes != 8 && reg->bytes != 16)) {
        return vcheck_complain(s->out, n, "v%u has no class or no size", op->vreg);
    }
    switch ((enum vconstraint)op->constraint) {
    case VAT_TIED:
        if (use || op->which >= i->operand_count || ops[op->which].role != VUSE ||
            s->v->vregs[ops[op->which].vreg].class != reg->class) {
            return vcheck_complain(s->out, n, "operand %u is tied to no early use", o);
        }
        break;
    case VAT_FIXED:
        if (op->which >= 32 || op->which == s->r->scratch[reg->class]) {
            return vcheck_complain(s->out, n, "operand %u: no such register", o);
        }
        break;
    case VAT_ANY:
        if (!use) {
            return vcheck_complain(s->out, n, "operand %u is written, but may be a slot", o);
        }
        break;
    case VAT_REG:
        break;
    }
    return true;
}

/* VI_MOVE lets the allocator join both registers and drop the
 * instruction. VI_REMAKE lets it repeat the instruction anywhere instead
 * of storing the value, so it may use nothing but its own result. */
static bool check_flags(const struct shape *s, uint32_t n, const struct vinstr *i, bool is_last)
{
    const struct voperand *ops = &s->v->operands[i->operands];
    if (((i->flags & VI_TERMINATOR) != 0) != is_last) {
        return vcheck_complain(s->out, n, "a terminator before the end, or none at the end");
    }
    if ((i->flags & VI_MOVE) != 0 &&
        (i->operand_count != 2 || ops[0].role != VDEF || ops[1].role != VUSE ||
         s->v->vregs[ops[0].vreg].class != s->v->vregs[ops[1].vreg].class)) {
        return vcheck_complain(s->out, n, "not a move");
    }
    if ((i->flags & VI_REMAKE) != 0 && (i->operand_count != 1 || ops[0].role != VDEF ||
                                        i->clobbers != 0 || ops[0].constraint != VAT_REG)) {
        return vcheck_complain(s->out, n, "cannot be made again: it needs more than a register");
    }
    return true;
}

/* A terminator with one edge has no operands, because the moves of that edge are inserted before it
 * and must not change its operands. */
static bool check_block(struct shape *s, uint32_t block)
{
    const struct vblock *b = &s->v->blocks[block];
    if (b->count == 0 || (uint64_t)b->first + b->count > s->v->instr_count) {
        return vcheck_complain(s->out, b->first, "block %u has no instructions", block);
    }
    for (uint32_t p = 0; p < b->param_count; p++) {
        if (!define(s, s->v->pool[b->params + p], block, VREG_NONE, b->first)) {
            return false;
        }
    }
    for (uint32_t n = b->first; n < b->first + b->count; n++) {
        const struct vinstr *i = &s->v->instrs[n];
        for (unsigned o = 0; o < i->operand_count; o++) {
            const struct voperand *op = &s->v->operands[i->operands + o];
            bool use = op->role == VUSE || op->role == VUSE_LATE;
            if (!check_operand(s, n, i, o) || (!use && !define(s, op->vreg, block, n, n))) {
                return false;
            }
        }
        if (!check_flags(s, n, i, n == b->first + b->count - 1)) {
            return false;
        }
    }
    const struct vinstr *last = &s->v->instrs[b->first + b->count - 1];
    if (b->edge_count == 1 && (last->operand_count != 0 || last->clobbers != 0)) {
        return vcheck_complain(s->out, b->first + b->count - 1,
                               "a terminator with one edge has operands");
    }
    return true;
}

/* Each use needs one definition, in the same block before it or in a block that dominates it. */
static bool check_use(const struct shape *s, uint32_t vreg, uint32_t block, uint32_t n)
{
    uint32_t from = vreg < s->v->vreg_count ? s->def_block[vreg] : VREG_NONE;
    if (from == VREG_NONE) {
        return vcheck_complain(s->out, n, "v%u is used and never defined", vreg);
    }
    uint32_t at = s->def_instr[vreg];
    bool before = at == VREG_NONE || at < n;
    if (from == block ? !before : !dominates(s, from, block)) {
        return vcheck_complain(s->out, n, "v%u is used where its definition does not reach", vreg);
    }
    const struct vinstr *def = at != VREG_NONE ? &s->v->instrs[at] : NULL;
    for (unsigned o = 0; def != NULL && o < def->operand_count; o++) {
        const struct voperand *op = &s->v->operands[def->operands + o];
        if (op->vreg == vreg && op->role == VTEMP) {
            return vcheck_complain(s->out, n, "v%u is a temporary of another instruction", vreg);
        }
    }
    return true;
}

/* An edge must not be critical. Each of its arguments must be defined at the end of the block that
 * it leaves, and have its parameter's class and size. */
static bool check_edge(const struct shape *s, uint32_t edge)
{
    const struct vcode *v = s->v;
    const struct vedge *e = &v->edges[edge];
    if (e->from >= v->block_count || e->to >= v->block_count) {
        return vcheck_complain(s->out, 0, "edge %u leads nowhere", edge);
    }
    const struct vblock *from = &v->blocks[e->from], *to = &v->blocks[e->to];
    uint32_t last = from->first + from->count - 1;
    if (from->edge_count > 1 && to->pred_count > 1) {
        return vcheck_complain(s->out, last, "edge %u to block %u is critical", edge, e->to);
    }
    for (uint32_t n = 0; n < to->param_count; n++) {
        uint32_t arg = v->pool[e->args + n], param = v->pool[to->params + n];
        if (!check_use(s, arg, e->from, last + 1)) {
            return false;
        }
        if (v->vregs[arg].class != v->vregs[param].class ||
            v->vregs[arg].bytes != v->vregs[param].bytes) {
            return vcheck_complain(s->out, last, "v%u cannot become v%u", arg, param);
        }
    }
    return true;
}

static bool check_uses(const struct shape *s)
{
    for (uint32_t b = 0; b < s->v->block_count; b++) {
        const struct vblock *block = &s->v->blocks[b];
        for (uint32_t n = block->first; n < block->first + block->count; n++) {
            const struct vinstr *i = &s->v->instrs[n];
            for (uint32_t o = i->operands; o < i->operands + i->operand_count; o++) {
                const struct voperand *op = &s->v->operands[o];
                if ((op->role == VUSE || op->role == VUSE_LATE) && !check_use(s, op->vreg, b, n)) {
                    return false;
                }
            }
        }
    }
    return true;
}

bool vcheck_selection(const struct vcode *v, const struct vregisters *r, struct arena *a,
                      struct vcomplaint *out)
{
    struct shape s = {.v = v,
                      .r = r,
                      .out = out,
                      .def_block = arena_alloc(a, (size_t)v->vreg_count * sizeof(uint32_t)),
                      .def_instr = arena_alloc(a, (size_t)v->vreg_count * sizeof(uint32_t))};
    if (s.def_block == NULL || s.def_instr == NULL || !number_tree(&s, a)) {
        out->is_memory = true;
        return vcheck_complain(out, 0, "no memory to check with");
    }
    for (uint32_t n = 0; n < v->vreg_count; n++) {
        s.def_block[n] = VREG_NONE;
    }
    for (uint32_t b = 0; b < v->block_count; b++) {
        if (!check_block(&s, b)) {
            return false;
        }
    }
    for (uint32_t e = 0; e < v->edge_count; e++) {
        if (!check_edge(&s, e)) {
            return false;
        }
    }
    return check_uses(&s);
}
