// SPDX-License-Identifier: MIT
//
// Executes an allocated function to check that each operand finds its value.
#include "tests/unit/jit/run_vcode.h"

#include "tests/unit/jit/random_vcode.h"

#include "kernel/lib/compiler.h"

#include <stdlib.h>

struct cell {
    uint64_t value; /* 0: rubbish */
    unsigned bytes;
};

struct runner {
    const struct vcode *v;
    const struct vregisters *r;
    struct cell regs[VCLASS_COUNT][32];
    /* by slot; upper: true if the value is the upper half of a 16-byte one */
    struct cell *slots, *upper;
    struct cell *values; /* current value of each virtual register */
    uint64_t fresh;
    uint32_t move;
    bool ok;
};

static const struct cell rubbish;

static struct cell read_location(struct runner *k, unsigned class, uint32_t loc)
{
    if (!vloc_is_slot(loc)) {
        return loc < 32 ? k->regs[class][loc] : rubbish;
    }
    uint32_t slot = loc & ~VLOC_SLOT_FLAG;
    if (slot >= k->v->slot_count) {
        return rubbish;
    }
    struct cell c = k->slots[slot];
    bool whole =
        c.bytes <= 8 || (slot + 1 < k->v->slot_count && k->upper[slot + 1].value == c.value);
    return whole ? c : rubbish;
}

static void write_location(struct runner *k, unsigned class, uint32_t loc, struct cell c)
{
    if (!vloc_is_slot(loc)) {
        if (loc < 32) {
            k->regs[class][loc] = c;
        }
        return;
    }
    uint32_t slot = loc & ~VLOC_SLOT_FLAG;
    if (slot >= k->v->slot_count || (c.bytes > 8 && slot + 1 >= k->v->slot_count)) {
        k->ok = false;
        return;
    }
    k->slots[slot] = c;
    k->upper[slot] = rubbish;
    if (c.bytes > 8) {
        k->slots[slot + 1] = rubbish;
        k->upper[slot + 1] = c;
    }
}

static void do_moves(struct runner *k, uint32_t at)
{
    uint32_t low = 0, high = k->v->move_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (k->v->moves[middle].at < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < k->v->move_count && k->v->moves[low].at == at; low++) {
        const struct vmove *m = &k->v->moves[low];
        struct cell c;
        if (m->from == VLOC_NONE) {
            c = k->values[k->v->operands[k->v->instrs[m->remake].operands].vreg];
        } else {
            c = read_location(k, m->class, m->from);
        }
        if (c.bytes != m->bytes) {
            c = (struct cell){.value = 0, .bytes = m->bytes};
        }
        write_location(k, m->class, m->to, c);
    }
}

static void define(struct runner *k, const struct vinstr *i, unsigned o)
{
    const struct voperand *op = &k->v->operands[i->operands + o];
    const struct vreg *r = &k->v->vregs[op->vreg];
    struct cell c = {.bytes = r->bytes};
    if ((i->flags & VI_REMAKE) != 0) {
        c.value = (uint64_t)(i - k->v->instrs) + 1;
    } else if (op->role != VTEMP) {
        c.value = ++k->fresh;
    }
    if ((i->flags & VI_MOVE) != 0) {
        c = k->values[k->v->operands[i->operands + 1].vreg];
    }
    k->values[op->vreg] = c;
    write_location(k, r->class, k->v->locations[i->operands + o], c);
}

static void expect(struct runner *k, const struct vinstr *i, unsigned o)
{
    const struct voperand *op = &k->v->operands[i->operands + o];
    const struct vreg *r = &k->v->vregs[op->vreg];
    uint32_t loc = k->v->locations[i->operands + o];
    struct cell c = read_location(k, r->class, loc), is = k->values[op->vreg];
    k->ok &= op->role == VTEMP || (c.value == is.value && c.value != 0 && c.bytes == r->bytes);
    bool in_register = loc < 32 && (k->r->allocatable[r->class] >> loc & 1) != 0;
    switch ((enum vconstraint)op->constraint) {
    case VAT_REG:
        k->ok &= in_register;
        break;
    case VAT_FIXED:
        k->ok &= loc == op->which;
        break;
    case VAT_TIED:
        k->ok &= loc == k->v->locations[i->operands + op->which];
        break;
    case VAT_ANY:
        k->ok &= in_register || vloc_is_slot(loc);
        break;
    }
}

static bool moves(const struct runner *k, uint32_t vreg)
{
    return k->v->vregs[vreg].is_managed && k->v->vregs[vreg].remake == VREG_NONE;
}

/* True if a slot holds a reference or, with a base, a value derived
 * from the reference in that slot. */
static bool is_right(const struct runner *k, uint32_t slot, uint32_t base)
{
    for (uint32_t n = 0; n < k->v->vreg_count; n++) {
        uint32_t from = vcode_base(k->v, n);
        if (moves(k, n) && k->values[n].value != 0 && k->values[n].value == k->slots[slot].value &&
            (from == VREG_NONE) == (base == VREG_NONE) &&
            (from == VREG_NONE || k->values[from].value == k->slots[base].value)) {
            return true;
        }
    }
    return false;
}

static void check_lists(struct runner *k, const uint32_t *words, bool *kept)
{
    uint32_t count = words[0] + 2 * words[1];
    for (uint32_t n = 0; n < count; n++) {
        bool is_derived = n >= words[0];
        uint32_t slot = words[2 + n], base = is_derived ? words[3 + n++] : VREG_NONE;
        bool there =
            slot < k->v->slot_count && (!is_derived || (base < k->v->slot_count && kept[base]));
        if (!there || kept[slot] || !is_right(k, slot, base)) {
            k->ok = false;
            return;
        }
        kept[slot] = true;
    }
}

/* Move every object: references are updated where the list has them, and nowhere else. */
static void move_references(struct runner *k, uint32_t instr)
{
    bool *kept = calloc(k->v->slot_count + 1, sizeof *kept);
    check_lists(k, k->v->safe_words + vcode_safe_words(k->v, instr), kept);
    for (uint32_t n = 0; n < k->v->vreg_count; n++) {
        const struct vreg *r = &k->v->vregs[n];
        for (unsigned reg = 0; reg < 32 && moves(k, n); reg++) {
            if (k->regs[r->class][reg].value == k->values[n].value) {
                k->regs[r->class][reg] = rubbish;
            }
        }
        for (uint32_t slot = 0; slot < k->v->slot_count && moves(k, n); slot++) {
            if (!kept[slot] && k->slots[slot].value == k->values[n].value) {
                k->slots[slot] = rubbish;
            }
        }
    }
    free(kept);
}

static void spoil(struct runner *k, const struct vinstr *i)
{
    for (unsigned class = 0; class < VCLASS_COUNT; class ++) {
        uint32_t mask = ~k->r->allocatable[class];
        mask |= i->clobbers != 0 ? k->r->clobbers[i->clobbers].mask[class] : 0;
        for (unsigned reg = 0; reg < 32; reg++) {
            if ((mask >> reg & 1) != 0) {
                k->regs[class][reg] = rubbish;
            }
        }
    }
}

/* Operands are processed in the order of their roles, the hardest one for
 * operands that share a register. */
static void do_instr(struct runner *k, uint32_t n)
{
    const struct vinstr *i = &k->v->instrs[n];
    const struct voperand *ops = &k->v->operands[i->operands];
    do_moves(k, n);
    for (unsigned o = 0; o < i->operand_count; o++) { /* tied to an early definition: read now */
        bool early = ops[o].role == VDEF_EARLY || ops[o].role == VTEMP;
        if (early && ops[o].constraint == VAT_TIED) {
            expect(k, i, ops[o].which);
        }
    }
    uint32_t used_early = 0;
    for (unsigned o = 0; o < i->operand_count; o++) {
        if (ops[o].role == VDEF_EARLY || ops[o].role == VTEMP) {
            define(k, i, o);
            used_early |= ops[o].constraint == VAT_TIED ? (uint32_t)1 << ops[o].which : 0;
        }
    }
    for (unsigned o = 0; o < i->operand_count; o++) {
        if (ops[o].role == VUSE && (used_early >> (o & 31) & 1) == 0) {
            expect(k, i, o);
        }
    }
    struct cell early[8];
    for (unsigned o = 0, e = 0; o < i->operand_count; o++) {
        if (ops[o].role == VDEF_EARLY) {
            early[e++] = k->values[ops[o].vreg];
        }
    }
    if ((i->flags & VI_SAFE_POINT) != 0) {
        move_references(k, n);
    }
    spoil(k, i);
    for (unsigned o = 0, e = 0; o < i->operand_count; o++) {
        unsigned class = k->v->vregs[ops[o].vreg].class;
        if (ops[o].role == VDEF_EARLY) { /* a definition overrides a clobber */
            write_location(k, class, k->v->locations[i->operands + o], early[e++]);
        } else if (ops[o].role == VTEMP) {
            write_location(k, class, k->v->locations[i->operands + o], rubbish);
        }
    }
    for (unsigned o = 0; o < i->operand_count; o++) {
        if (ops[o].role == VDEF) {
            define(k, i, o);
        }
    }
    for (unsigned o = 0; o < i->operand_count; o++) {
        if (ops[o].role != VUSE) {
            expect(k, i, o);
        }
    }
    /* a temporary shares its register with no other operand */
    for (unsigned o = 0; o < i->operand_count; o++) {
        for (unsigned p = 0; ops[o].role == VTEMP && p < i->operand_count; p++) {
            k->ok &= p == o || k->v->vregs[ops[p].vreg].class != k->v->vregs[ops[o].vreg].class ||
                     k->v->locations[i->operands + p] != k->v->locations[i->operands + o];
        }
    }
}

static void follow(struct runner *k, const struct vedge *e)
{
    const struct vblock *to = &k->v->blocks[e->to];
    struct cell *args = calloc(to->param_count + 1, sizeof *args);
    for (uint32_t n = 0; n < to->param_count; n++) {
        args[n] = k->values[k->v->pool[e->args + n]];
    }
    for (uint32_t n = 0; n < to->param_count; n++) {
        k->values[k->v->pool[to->params + n]] = args[n];
    }
    free(args);
}

uint32_t run_vcode(const struct vcode *v, const struct vregisters *r, uint32_t seed, uint32_t steps)
{
    struct runner k = {.v = v, .r = r, .ok = true, .fresh = v->instr_count + 1};
    k.slots = calloc(v->slot_count + 2, sizeof *k.slots);
    k.upper = calloc(v->slot_count + 2, sizeof *k.upper);
    k.values = calloc(v->vreg_count + 1, sizeof *k.values);
    uint32_t block = 0, wrong = VREG_NONE;
    for (bool going = true; going;) {
        const struct vblock *b = &v->blocks[block];
        for (uint32_t n = b->first; n < b->first + b->count && wrong == VREG_NONE; n++) {
            do_instr(&k, n);
            wrong = k.ok ? VREG_NONE : n;
        }
        steps -= MIN(steps, b->count);
        going = wrong == VREG_NONE && b->edge_count > 0 && steps > 0;
        if (going) {
            const struct vedge *e = &v->edges[b->edges + random_next(&seed) % b->edge_count];
            follow(&k, e);
            block = e->to;
        }
    }
    free(k.slots);
    free(k.upper);
    free(k.values);
    return wrong;
}
