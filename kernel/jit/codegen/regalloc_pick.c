// SPDX-License-Identifier: MIT
//
// Which of several free registers a value gets, and which value loses its register.
#include "kernel/jit/codegen/regalloc_internal.h"

void hold(struct alloc *a, uint32_t vreg, unsigned reg)
{
    unsigned class = a->v->vregs[vreg].class;
    a->in[class][reg] = vreg;
    a->occupied[class] |= bit(reg);
    a->values[vreg].reg = (uint8_t)reg;
    a->values[vreg].last = (uint8_t)(reg + 1);
    if (a->values[vreg].phi != VREG_NONE) {
        a->values[a->values[vreg].phi].last = (uint8_t)(reg + 1);
    }
}

void release_reg(struct alloc *a, uint32_t vreg)
{
    a->occupied[a->v->vregs[vreg].class] &= ~bit(a->values[vreg].reg);
    a->values[vreg].reg = NO_REG;
}

void draft_add(struct alloc *a, struct drafts *d, struct draft draft)
{
    if (d->count == d->capacity) {
        void *grown = arena_grow_list(a->arena, d->list, &d->capacity, (uint64_t)d->count + 1,
                                      sizeof *d->list);
        if (grown == NULL) {
            a->error = E_NOMEM;
            return;
        }
        d->list = grown;
    }
    d->list[d->count++] = draft;
}

/* The first register of the mask in the machine's order of preference. */
static unsigned first_in_order(const struct alloc *a, unsigned class, uint32_t mask)
{
    const struct vregisters *r = a->registers;
    for (unsigned n = 0; n < r->order_count[class]; n++) {
        if ((mask & bit(r->order[class][n])) != 0) {
            return r->order[class][n];
        }
    }
    return lowest(mask);
}

/* Registers that an operand is fixed to while the value lives, which would force the value out. */
uint32_t pick_avoid(const struct alloc *a, unsigned class, uint32_t vreg)
{
    uint32_t mask = 0, end = a->values[vreg].end, loop = loop_of(a, a->block);
    for (uint32_t m = a->fixed[class]; m != 0; m &= m - 1) {
        mask |= 2 * (uint64_t)a->fixed_at[class][lowest(m)] + 1 < end ? bit(lowest(m)) : 0;
    }
    if (end > 2 * a->end && loop != VREG_NONE) {
        mask |= a->blocks[loop].loop_fixed[class];
    }
    return mask;
}

/* A register that one of the value's hints names, if it is in the mask. */
static unsigned hinted(const struct alloc *a, uint32_t vreg, uint32_t mask, unsigned like)
{
    const struct value *v = &a->values[vreg];
    unsigned wanted[] = {
        like == NO_REG ? 0 : like + 1,
        v->phi != VREG_NONE ? a->values[v->phi].last : 0u,
        v->last,
    };
    for (unsigned n = 0; n < ARRAY_COUNT(wanted); n++) {
        if (wanted[n] != 0 && (mask & bit(wanted[n] - 1)) != 0) {
            return wanted[n] - 1;
        }
    }
    return NO_REG;
}

/* A register that selection or a later fixed use asks for. */
static unsigned asked_for(const struct alloc *a, uint32_t vreg, uint32_t mask)
{
    unsigned first = a->v->vregs[vreg].hint, second = a->values[vreg].hint;
    if (first != 0 && (mask & bit(first - 1)) != 0) {
        return first - 1;
    }
    return second != 0 && (mask & bit(second - 1)) != 0 ? second - 1u : NO_REG;
}

/**
 * Choose one of several free registers. A value that lives across a call prefers a callee-saved
 * register, any other a caller-saved one. In this order: a register that selection or a later fixed
 * use wants, then the hints, then the machine's order. None of this affects correctness.
 * @param mask  Not empty.
 * @param like  One more register that would be welcome, or NO_REG.
 */
unsigned pick_register(const struct alloc *a, unsigned class, uint32_t mask, uint32_t vreg,
                       unsigned like)
{
    uint32_t saved = a->registers->callee_saved[class];
    bool crosses = a->values[vreg].crosses_call;
    uint32_t best = crosses ? mask & saved : mask & ~saved;
    unsigned wanted = asked_for(a, vreg, crosses && best != 0 ? best : mask);
    if (wanted != NO_REG) {
        return wanted;
    }
    uint32_t avoid = pick_avoid(a, class, vreg);
    mask = (mask & ~avoid) != 0 ? mask & ~avoid : mask;
    best = (best & ~avoid) != 0 ? best & ~avoid : best & mask;
    wanted = hinted(a, vreg, crosses && best != 0 ? best : mask, like);
    if (wanted != NO_REG) {
        return wanted;
    }
    if (best == 0) { /* a callee-saved register that is used already costs no further save */
        best = (mask & a->used[class]) != 0 ? mask & a->used[class] : mask;
    }
    return first_in_order(a, class, best);
}

/* How cheap it is to drop a value; the highest score loses its register. The
 * score is the distance to the next use: more if dropping needs no store,
 * still more if the value can be rematerialised. A next use that has been
 * passed was a use as the base of a derived value, which needs no register. */
uint64_t pick_score(const struct alloc *a, uint32_t vreg, uint32_t next, uint32_t now)
{
    uint64_t distance =
        next == POS_DEAD || next < now ? (uint64_t)8 * DISTANCE_MAX : next - now + 1;
    if (is_remade(a, vreg)) {
        return distance * 4;
    }
    return a->values[vreg].is_clean ? distance * 2 : distance;
}
