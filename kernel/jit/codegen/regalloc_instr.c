// SPDX-License-Identifier: MIT
//
// One instruction: which registers its operands get, what must move before it, which values are
// dropped.
//
// A register can be taken early (from before the instruction until its uses are read), late (when
// definitions are written), or both. Operands are assigned in this order, the most constrained
// first:
//   1. Fixed operands. A value whose register one of them needs is displaced.
//   2. Operands that need a register early and late: late uses, temporaries, early definitions.
//   3. Tied pairs, then other uses.
//   4. Displaced values that live on, then definitions.
// A value that lives on keeps its register if nothing else takes that register early or late.
// Otherwise the value gets another register or is dropped. If no register is free, the value whose
// next use is farthest away is dropped.
//
// All moves of the instruction happen at once before it: first stores of dropped values, then
// copies between registers, last loads and rematerialisations. So a store or copy reads a register
// as it was before the instruction (value.before), and a load may overwrite a register only after
// the copies have read it.
#include "kernel/jit/codegen/regalloc_internal.h"

enum { MOST_DISPLACED = 64, MOST_WANTED = 32 };

/* What a register is needed for. blocked() says which
 * registers are out of the question for each. */
enum purpose {
    EARLY_AND_LATE, /* and must not be clobbered either */
    /* a use whose register a definition then overwrites; a clobber before that does no harm */
    TIED,
    EARLY,
    LATE,
};

struct step {
    struct alloc *a;
    const struct vinstr *i;
    const struct voperand *ops;
    uint32_t *locations; /* of its operands */
    uint32_t instr, stamp, position;
    uint32_t early[VCLASS_COUNT], late[VCLASS_COUNT], clobbers[VCLASS_COUNT];
    uint32_t fixed_use[VCLASS_COUNT];       /* registers of fixed uses ... */
    uint32_t fixed_value[VCLASS_COUNT][32]; /* ... and the value that each use needs */
    uint32_t fixed_late[VCLASS_COUNT];  /* registers taken late by fixed operands other than uses */
    uint32_t fixed_early[VCLASS_COUNT]; /* registers of fixed temporaries and early definitions */
    uint32_t
        overwritten[VCLASS_COUNT];   /* by early, tied definitions: only their own use reads them */
    uint32_t wanted[VCLASS_COUNT];   /* registers to be filled before the instruction ... */
    uint32_t want[VCLASS_COUNT][32]; /* ... and the value that goes into each */
    uint32_t displaced[MOST_DISPLACED]; /* values that lost their register and are still needed */
    unsigned displaced_count;
    bool is_plain; /* no operand is fixed or temporary, nothing is clobbered */
};

static unsigned class_of(const struct step *s, uint32_t vreg)
{
    return s->a->v->vregs[vreg].class;
}

static struct value *value_of(const struct step *s, uint32_t vreg)
{
    return &s->a->values[vreg];
}

/* Start to track a value in this instruction: record where it was before. Must precede every change
 * of value.reg, otherwise value.before is lost. */
static struct value *touch(struct step *s, uint32_t vreg)
{
    struct value *v = value_of(s, vreg);
    if (v->stamp != s->stamp) {
        v->stamp = s->stamp;
        v->before = v->reg;
        v->is_pinned = false;
        v->after = v->next;
    }
    return v;
}

static bool is_pinned(const struct step *s, uint32_t vreg)
{
    const struct value *v = value_of(s, vreg);
    return v->stamp == s->stamp && v->is_pinned;
}

static uint32_t after(const struct step *s, uint32_t vreg)
{
    const struct value *v = value_of(s, vreg);
    return v->stamp == s->stamp ? v->after : v->next;
}

/* The register that held a value before the instruction. */
static uint8_t before(const struct step *s, uint32_t vreg)
{
    const struct value *v = value_of(s, vreg);
    return v->stamp == s->stamp ? v->before : v->reg;
}

/* Take a value out of its register. settle_displaced() decides where it goes once all operands have
 * their registers; until then the value is in none. */
static void displace(struct step *s, uint32_t vreg)
{
    touch(s, vreg);
    release_reg(s->a, vreg);
    if (after(s, vreg) != POS_DEAD && s->displaced_count < MOST_DISPLACED) {
        s->displaced[s->displaced_count++] = vreg;
    }
}

/* Make sure that the value's slot is valid from before the instruction on. */
static void store(struct step *s, uint32_t vreg)
{
    struct value *v = touch(s, vreg);
    if (v->before != NO_REG && !v->is_clean && !is_remade(s->a, vreg)) {
        draft_add(s->a, &s->a->drafts,
                  (struct draft){.at = s->instr,
                                 .from = v->before,
                                 .to = VLOC_SLOT(vreg),
                                 .vreg = vreg,
                                 .is_drop = true});
        v->drop_cost += block_weight(s->a, s->a->block);
        v->is_clean = true;
    }
}

/* From here on the value is in no register. */
static void drop(struct step *s, uint32_t vreg)
{
    struct value *v = touch(s, vreg);
    if (v->reg != NO_REG) {
        release_reg(s->a, vreg);
    }
    if (v->after != POS_DEAD) {
        store(s, vreg);
    }
}

/* Registers whose value is used here for the last time. A definition may overwrite them. */
static uint32_t dying(const struct step *s, unsigned class)
{
    uint32_t mask = 0;
    for (unsigned o = 0; o < s->i->operand_count; o++) {
        uint32_t vreg = s->ops[o].vreg;
        if (is_use(&s->ops[o]) && class_of(s, vreg) == class && value_of(s, vreg)->reg != NO_REG &&
            after(s, vreg) == POS_DEAD) {
            mask |= bit(value_of(s, vreg)->reg);
        }
    }
    return mask;
}

static uint32_t blocked(const struct step *s, unsigned class, enum purpose purpose)
{
    switch (purpose) {
    case EARLY_AND_LATE:
        return s->early[class] | s->late[class] | s->clobbers[class];
    case TIED:
        return s->early[class] | s->late[class];
    case EARLY:
        return s->early[class];
    case LATE:
        break;
    }
    return s->late[class];
}

/* Find the value in one of these registers that is the cheapest to drop, if it is cheaper than
 * `least` (a higher score is cheaper, see pick_score()). A value that an operand still needs in its
 * register is no candidate, unless the register is needed only after the uses are read. */
static uint32_t find_victim(const struct step *s, unsigned class, uint32_t mask,
                            enum purpose purpose, uint64_t least)
{
    uint32_t found = VREG_NONE;
    for (mask &= s->a->occupied[class]; mask != 0; mask &= mask - 1) {
        uint32_t vreg = s->a->in[class][lowest(mask)];
        uint64_t score = pick_score(s->a, vreg, after(s, vreg), s->position);
        if ((purpose == LATE || !is_pinned(s, vreg)) && score > least) {
            least = score;
            found = vreg;
        }
    }
    return found;
}

/* Find a value that an operand needs but that can be moved: this operand needs its register more,
 * the other one will get another. */
static uint32_t find_movable(const struct step *s, unsigned class, uint32_t mask)
{
    mask &= s->a->occupied[class];
    return mask != 0 ? s->a->in[class][lowest(mask)] : VREG_NONE;
}

/* Free one of these registers. @return the register, or NO_REG. */
static unsigned make_free(struct step *s, unsigned class, uint32_t mask, enum purpose purpose,
                          uint64_t least)
{
    uint32_t victim = find_victim(s, class, mask, purpose, least);
    if (victim != VREG_NONE) {
        unsigned reg = value_of(s, victim)->reg;
        drop(s, victim);
        return reg;
    }
    victim = least == 0 && (purpose == EARLY_AND_LATE || purpose == TIED)
                 ? find_movable(s, class, mask)
                 : VREG_NONE;
    if (victim == VREG_NONE) {
        return NO_REG;
    }
    unsigned reg = value_of(s, victim)->reg;
    displace(s, victim);
    return reg;
}

/**
 * Choose a register, and free one if necessary.
 * @param vreg The value that will be in it: for hints.
 * @param least  0: there must be a register. Otherwise only values with a higher score are dropped
 * for it.
 * @return A register, not marked as taken; NO_REG if there is none.
 */
static unsigned choose(struct step *s, uint32_t vreg, enum purpose purpose, uint64_t least,
                       unsigned like)
{
    struct alloc *a = s->a;
    unsigned class = class_of(s, vreg);
    uint32_t no = blocked(s, class, purpose), held = a->occupied[class];
    held &= purpose == LATE ? ~dying(s, class) : UINT32_MAX;
    uint32_t mask = a->allowed[class] & ~no;
    if ((mask & ~held) != 0) {
        return pick_register(a, class, mask & ~held, vreg, like);
    }
    unsigned reg = make_free(s, class, mask, purpose, least);
    if (reg != NO_REG || least != 0) {
        return reg;
    }
    /* Tests restrict `allowed`. What one instruction needs at once may be more than that. */
    mask = a->registers->allocatable[class] & ~no;
    if ((mask & ~held) != 0) {
        return pick_register(a, class, mask & ~held, vreg, like);
    }
    reg = make_free(s, class, mask, purpose, 0);
    if (reg == NO_REG) {
        a->error = E_INVAL;
        return lowest(a->registers->allocatable[class]);
    }
    return reg;
}

static void want(struct step *s, uint32_t vreg, unsigned reg)
{
    unsigned class = class_of(s, vreg);
    s->wanted[class] |= bit(reg);
    s->want[class][reg] = vreg;
}

/* This is the value's register from now on. collect_wants()
 * later finds out what must be moved there. */
static void settle(struct step *s, uint32_t vreg, unsigned reg)
{
    struct value *v = touch(s, vreg);
    if (v->reg != NO_REG) {
        release_reg(s->a, vreg);
    }
    hold(s->a, vreg, reg);
}

static void assign(struct step *s, unsigned operand, unsigned reg)
{
    s->locations[operand] = reg;
}

/* ---- Fixed operands, clobbers, and what they displace ---- */

static void take_fixed(struct step *s, unsigned operand, unsigned reg)
{
    const struct voperand *o = &s->ops[operand];
    unsigned class = class_of(s, o->vreg);
    if (o->role != VDEF) {
        s->early[class] |= bit(reg);
    }
    if (o->role != VUSE) {
        s->late[class] |= bit(reg);
    }
    if (is_use(o)) {
        s->fixed_use[class] |= bit(reg);
        s->fixed_value[class][reg] = o->vreg;
    } else {
        s->fixed_late[class] |= bit(reg);
        s->fixed_early[class] |= o->role != VDEF ? bit(reg) : 0;
    }
    assign(s, operand, reg);
    if (o->constraint == VAT_FIXED) {
        s->a->fixed_at[class][reg] = s->a->next_fixed[s->i->operands + operand];
    }
}

static void note_operands(struct step *s)
{
    for (unsigned o = 0; o < s->i->operand_count; o++) {
        const struct voperand *op = &s->ops[o];
        s->locations[o] = VLOC_NONE;
        if (is_use(op)) {
            struct value *v = touch(s, op->vreg);
            v->is_pinned = true; /* not movable until a fixed use of the value is found below */
            v->after = live_next(s->a, s->i->operands + o, op->vreg);
        }
        s->is_plain &= op->role == VUSE || op->role == VDEF;
        if (op->constraint == VAT_FIXED) {
            take_fixed(s, o, op->which);
            s->is_plain = false;
        }
    }
    for (unsigned o = 0; o < s->i->operand_count && !s->is_plain; o++) {
        const struct voperand *op = &s->ops[o];
        if (is_use(op) && op->constraint == VAT_FIXED) {
            value_of(s, op->vreg)->is_pinned = false;
        }
        if (!is_use(op) && op->constraint == VAT_TIED &&
            s->ops[op->which].constraint == VAT_FIXED) {
            take_fixed(s, o, s->ops[op->which].which);
            s->fixed_early[class_of(s, op->vreg)] &= ~bit(s->ops[op->which].which);
        }
    }
}

/* Whether something fixed needs the register of a value: another value is to be read there, an
 * early write would destroy it, or a late write would while the value lives on. */
static bool is_in_the_way(const struct step *s, unsigned class, unsigned reg)
{
    uint32_t vreg = s->a->in[class][reg], mask = bit(reg);
    bool lives_on = after(s, vreg) != POS_DEAD;
    bool other_use = (s->fixed_use[class] & mask) != 0 && s->fixed_value[class][reg] != vreg;
    bool late = ((s->fixed_late[class] | s->clobbers[class]) & mask) != 0;
    return other_use || (s->fixed_early[class] & mask) != 0 || (late && lives_on);
}

/* A safe point's row lists slots only. A reference that
 * lives across it is therefore in no register afterwards. */
static bool must_be_in_slot(const struct step *s, uint32_t vreg)
{
    return (s->i->flags & VI_SAFE_POINT) != 0 && s->a->v->vregs[vreg].is_managed &&
           after(s, vreg) != POS_DEAD && !is_remade(s->a, vreg);
}

static void displace_values(struct step *s, unsigned class)
{
    uint32_t mask = s->early[class] | s->late[class] | s->clobbers[class];
    if ((s->i->flags & VI_SAFE_POINT) != 0) {
        mask = UINT32_MAX;
    }
    for (mask &= s->a->occupied[class]; mask != 0; mask &= mask - 1) {
        unsigned reg = lowest(mask);
        uint32_t vreg = s->a->in[class][reg];
        if (is_in_the_way(s, class, reg) || must_be_in_slot(s, vreg)) {
            displace(s, vreg);
        }
    }
}

/* ---- The other operands ---- */

/* A register in which the use can read the value without a further copy: the value's own; one that
 * a fixed use fills with the value anyway; or the one that it was displaced from, if that is still
 * free until the uses are read. */
static unsigned shared_register(struct step *s, uint32_t vreg)
{
    unsigned class = class_of(s, vreg), was = before(s, vreg);
    if (value_of(s, vreg)->reg != NO_REG) {
        return value_of(s, vreg)->reg;
    }
    for (uint32_t m = s->fixed_use[class] & ~s->fixed_early[class]; m != 0; m &= m - 1) {
        if (s->fixed_value[class][lowest(m)] == vreg) {
            return lowest(m);
        }
    }
    bool is_free = was != NO_REG && ((s->early[class] | s->a->occupied[class]) & bit(was)) == 0;
    return is_free ? was : NO_REG;
}

static bool can_live_on(const struct step *s, uint32_t vreg)
{
    return after(s, vreg) != POS_DEAD && !must_be_in_slot(s, vreg);
}

static uint64_t own_score(const struct step *s, uint32_t vreg)
{
    return MAX(pick_score(s->a, vreg, after(s, vreg), s->position), (uint64_t)1);
}

/* Bring a value into a register for a use. If it lives on, prefer a register that it can stay in;
 * otherwise take one that is free until the uses are read. */
static unsigned load_for_use(struct step *s, uint32_t vreg, bool must)
{
    unsigned class = class_of(s, vreg), reg = NO_REG;
    if (can_live_on(s, vreg)) {
        reg = choose(s, vreg, EARLY_AND_LATE, must ? own_score(s, vreg) : UINT64_MAX, NO_REG);
        if (reg != NO_REG) {
            settle(s, vreg, reg);
            return reg;
        }
    }
    reg = must ? choose(s, vreg, EARLY, 0, NO_REG) : NO_REG;
    if (reg != NO_REG) {
        want(s, vreg, reg);
        s->early[class] |= bit(reg);
    }
    return reg;
}

static void assign_late_use(struct step *s, unsigned o)
{
    uint32_t vreg = s->ops[o].vreg;
    unsigned class = class_of(s, vreg), reg = value_of(s, vreg)->reg;
    if (reg == NO_REG || (blocked(s, class, EARLY_AND_LATE) & bit(reg)) != 0) {
        reg = choose(s, vreg, EARLY_AND_LATE, 0, NO_REG);
        if (value_of(s, vreg)->reg == NO_REG && can_live_on(s, vreg)) {
            settle(s, vreg, reg);
        } else {
            want(s, vreg, reg);
        }
    }
    s->early[class] |= bit(reg);
    s->late[class] |= bit(reg);
    assign(s, o, reg);
}

static void assign_scratch(struct step *s, unsigned o)
{
    uint32_t vreg = s->ops[o].vreg;
    unsigned class = class_of(s, vreg);
    unsigned reg = choose(s, vreg, EARLY_AND_LATE, 0, NO_REG);
    s->early[class] |= bit(reg);
    s->late[class] |= bit(reg);
    assign(s, o, reg);
}

/* The register of a use that a definition overwrites. */
static unsigned tied_register(struct step *s, uint32_t def, uint32_t use)
{
    struct value *v = value_of(s, use);
    unsigned class = class_of(s, use), reg = v->reg, was = before(s, use);
    bool lives_on = after(s, use) != POS_DEAD;
    uint32_t no = blocked(s, class, TIED);
    if (reg != NO_REG && !lives_on && (s->late[class] & bit(reg)) == 0) {
        return reg;
    }
    if (reg == NO_REG && was != NO_REG && ((no | s->a->occupied[class]) & bit(was)) == 0) {
        return was; /* displaced by a clobber, which comes after this use */
    }
    /* The definition overwrites the register, so a value that lives on is copied. If a register
     * must be freed for the copy, dropping the value itself may be cheapest. */
    uint64_t least = reg != NO_REG && lives_on && (no & bit(reg)) == 0 ? own_score(s, use) : 0;
    unsigned copy = choose(s, def, TIED, least, NO_REG);
    if (copy == NO_REG) {
        drop(s, use);
        return reg;
    }
    want(s, use, copy);
    return copy;
}

static void assign_tied(struct step *s, unsigned o)
{
    unsigned k = s->ops[o].which;
    uint32_t def = s->ops[o].vreg, use = s->ops[k].vreg;
    unsigned class = class_of(s, use), reg = tied_register(s, def, use);
    s->early[class] |= bit(reg);
    s->late[class] |= bit(reg);
    s->overwritten[class] |= s->ops[o].role == VDEF_EARLY ? bit(reg) : 0;
    assign(s, k, reg);
    assign(s, o, reg);
}

static void assign_use(struct step *s, unsigned o)
{
    uint32_t vreg = s->ops[o].vreg;
    bool must = s->ops[o].constraint != VAT_ANY || is_remade(s->a, vreg);
    unsigned reg = shared_register(s, vreg);
    if (reg != NO_REG && (s->overwritten[class_of(s, vreg)] & bit(reg)) != 0) {
        reg = NO_REG;
    }
    if (reg == NO_REG) {
        reg = load_for_use(s, vreg, must);
    }
    if (reg == NO_REG) {
        store(s, vreg);
        value_of(s, vreg)->needs_slot = true;
        assign(s, o, VLOC_SLOT(vreg));
        return;
    }
    s->early[class_of(s, vreg)] |= bit(reg);
    assign(s, o, reg);
}

static void assign_definition(struct step *s, unsigned o)
{
    uint32_t vreg = s->ops[o].vreg;
    bool moves = (s->i->flags & VI_MOVE) != 0 && !vloc_is_slot(s->locations[1]);
    unsigned reg = choose(s, vreg, LATE, 0, moves ? s->locations[1] : NO_REG);
    s->late[class_of(s, vreg)] |= bit(reg);
    assign(s, o, reg);
}

/* The order of these loops matters: an operand that is assigned later has fewer constraints and
 * therefore always finds a register that the earlier ones left. Reordering them can make choose()
 * fail on instructions with many operands. */
static void assign_operands(struct step *s)
{
    for (unsigned o = 0; o < s->i->operand_count && !s->is_plain; o++) {
        if (s->locations[o] == VLOC_NONE && s->ops[o].role == VUSE_LATE) {
            assign_late_use(s, o);
        }
    }
    for (unsigned o = 0; o < s->i->operand_count && !s->is_plain; o++) {
        if (s->locations[o] == VLOC_NONE && s->ops[o].constraint != VAT_TIED &&
            (s->ops[o].role == VTEMP || s->ops[o].role == VDEF_EARLY)) {
            assign_scratch(s, o);
        }
    }
    for (unsigned o = 0; o < s->i->operand_count; o++) {
        if (s->locations[o] == VLOC_NONE && s->ops[o].constraint == VAT_TIED) {
            assign_tied(s, o);
        }
    }
    for (unsigned o = 0; o < s->i->operand_count; o++) {
        if (s->locations[o] == VLOC_NONE && is_use(&s->ops[o])) {
            assign_use(s, o);
        }
    }
}

/* Decide where displaced values live on: in the register of a fixed use if nothing overwrites it,
 * in another register, or in memory. */
static void settle_displaced(struct step *s)
{
    for (unsigned o = 0; o < s->i->operand_count && !s->is_plain; o++) {
        const struct voperand *op = &s->ops[o];
        unsigned class = class_of(s, op->vreg);
        uint32_t mask = bit(op->which & 31);
        if (is_use(op) && op->constraint == VAT_FIXED && can_live_on(s, op->vreg) &&
            ((s->fixed_late[class] | s->clobbers[class]) & mask) == 0 &&
            (s->a->occupied[class] & mask) == 0 && (s->a->allowed[class] & mask) != 0 &&
            (value_of(s, op->vreg)->reg == NO_REG || !value_of(s, op->vreg)->crosses_call)) {
            settle(s, op->vreg, op->which);
        }
    }
    for (unsigned n = 0; n < s->displaced_count; n++) {
        uint32_t vreg = s->displaced[n];
        if (value_of(s, vreg)->reg != NO_REG) {
            continue;
        }
        unsigned reg = can_live_on(s, vreg)
                           ? choose(s, vreg, EARLY_AND_LATE, own_score(s, vreg), NO_REG)
                           : NO_REG;
        if (reg != NO_REG) {
            settle(s, vreg, reg);
        } else {
            drop(s, vreg);
        }
    }
}

/* ---- Moves, and where values are after the instruction ---- */

static void collect_wants(struct step *s)
{
    for (unsigned o = 0; o < s->i->operand_count; o++) {
        uint32_t vreg = s->ops[o].vreg;
        if (is_use(&s->ops[o]) && vloc_is_reg(s->locations[o]) &&
            before(s, vreg) != s->locations[o]) {
            want(s, vreg, s->locations[o]);
        }
        if (is_use(&s->ops[o]) && value_of(s, vreg)->reg != NO_REG &&
            value_of(s, vreg)->reg != before(s, vreg)) {
            want(s, vreg, value_of(s, vreg)->reg);
        }
    }
    for (unsigned n = 0; n < s->displaced_count; n++) {
        const struct value *v = value_of(s, s->displaced[n]);
        if (v->reg != NO_REG && v->reg != v->before) {
            want(s, s->displaced[n], v->reg);
        }
    }
}

static void add_move(struct step *s, uint32_t vreg, uint32_t from, unsigned to)
{
    draft_add(s->a, &s->a->drafts,
              (struct draft){.at = s->instr, .from = from, .to = to, .vreg = vreg});
}

/* Add loads and rematerialisations. They come after all copies, because they overwrite registers
 * that copies read. */
static void add_loads(struct step *s, unsigned class)
{
    for (uint32_t m = s->wanted[class]; m != 0; m &= m - 1) {
        uint32_t vreg = s->want[class][lowest(m)];
        struct value *v = value_of(s, vreg);
        if (before(s, vreg) != NO_REG) {
            continue;
        }
        add_move(s, vreg, is_remade(s->a, vreg) ? VLOC_NONE : VLOC_SLOT(vreg), lowest(m));
        v->needs_slot |= !is_remade(s->a, vreg);
        v->is_clean = true;
    }
}

/* Fill registers from registers. A register is written once nothing needs its old value any longer.
 * A cycle goes through the scratch register, which is never allocated and therefore free here. */
static void add_copies(struct step *s, unsigned class)
{
    uint32_t todo = 0;
    uint8_t from[32], readers[32] = {0};
    for (uint32_t m = s->wanted[class]; m != 0; m &= m - 1) {
        uint8_t was = before(s, s->want[class][lowest(m)]);
        if (was != NO_REG && was != lowest(m)) {
            from[lowest(m)] = was;
            readers[was]++;
            todo |= bit(lowest(m));
        }
    }
    while (todo != 0) {
        uint32_t ready = 0;
        for (uint32_t m = todo; m != 0; m &= m - 1) {
            ready |= readers[lowest(m)] == 0 ? bit(lowest(m)) : 0;
        }
        /* only cycles are left: save this register in scratch, and let its reader read scratch */
        if (ready == 0) {
            unsigned to = lowest(todo);
            for (uint32_t m = todo; m != 0; m &= m - 1) {
                if (from[lowest(m)] == to) {
                    add_move(s, s->want[class][lowest(m)], to, s->a->registers->scratch[class]);
                    from[lowest(m)] = s->a->registers->scratch[class];
                }
            }
            readers[to] = 0;
            readers[s->a->registers->scratch[class]] = 1;
            ready = bit(to);
        }
        unsigned to = lowest(ready);
        add_move(s, s->want[class][to], from[to], to);
        readers[from[to]]--;
        todo &= ~bit(to);
    }
}

static void finish_uses(struct step *s)
{
    for (unsigned o = 0; o < s->i->operand_count; o++) {
        struct value *v = value_of(s, s->ops[o].vreg);
        if (!is_use(&s->ops[o])) {
            continue;
        }
        v->next = v->after;
        if (v->reg != NO_REG && v->after == POS_DEAD) {
            release_reg(s->a, s->ops[o].vreg);
        }
    }
}

static void finish_definitions(struct step *s)
{
    for (unsigned o = 0; o < s->i->operand_count; o++) {
        uint32_t vreg = s->ops[o].vreg;
        struct value *v = value_of(s, vreg);
        if (is_use(&s->ops[o])) {
            continue;
        }
        s->a->used[class_of(s, vreg)] |= bit(s->locations[o]);
        v->def_reg = (uint8_t)s->locations[o];
        v->next = live_next(s->a, s->i->operands + o, vreg);
        if (s->ops[o].role != VTEMP && v->next != POS_DEAD) {
            v->is_clean = false;
            hold(s->a, vreg, s->locations[o]);
        }
    }
}

/* A fixed definition may be in a register that no value may stay in (a register outside `allowed`).
 * Move such a value to another register after the instruction, or drop it or a cheaper value. */
static void leave_forbidden(struct alloc *a, unsigned class, uint32_t instr, uint32_t position)
{
    for (uint32_t m = a->occupied[class] & ~a->allowed[class]; m != 0; m &= m - 1) {
        uint32_t vreg = a->in[class][lowest(m)], victim = vreg;
        uint32_t candidates = a->occupied[class] & a->allowed[class];
        uint32_t is_free = a->allowed[class] & ~a->occupied[class];
        struct draft out = {.at = instr + 1, .is_drop = true};
        unsigned from = lowest(m),
                 to = is_free != 0 ? pick_register(a, class, is_free, vreg, NO_REG) : NO_REG;
        for (; to == NO_REG && candidates != 0; candidates &= candidates - 1) {
            uint32_t other = a->in[class][lowest(candidates)];
            if (pick_score(a, other, a->values[other].next, position) >
                pick_score(a, victim, a->values[victim].next, position)) {
                victim = other;
            }
        }
        if (to == NO_REG) {
            out.from = a->values[victim].reg;
            out.to = VLOC_SLOT(victim);
            out.vreg = victim;
            release_reg(a, victim);
            if (!a->values[victim].is_clean && !is_remade(a, victim)) {
                draft_add(a, &a->drafts, out);
                a->values[victim].drop_cost += block_weight(a, a->block);
                a->values[victim].is_clean = true;
            }
            to = victim != vreg ? out.from : NO_REG;
        }
        if (to != NO_REG) {
            release_reg(a, vreg);
            hold(a, vreg, to);
            draft_add(a, &a->drafts,
                      (struct draft){.at = instr + 1, .from = from, .to = to, .vreg = vreg});
        }
    }
}

static void begin(struct step *s, struct alloc *a, uint32_t instr, uint32_t position)
{
    const struct vinstr *i = &a->v->instrs[instr];
    s->a = a;
    s->i = i;
    s->ops = &a->v->operands[i->operands];
    s->locations = &a->v->locations[i->operands];
    s->instr = instr;
    s->stamp = instr + 1;
    s->position = position;
    s->displaced_count = 0;
    s->is_plain = i->clobbers == 0 && (i->flags & VI_SAFE_POINT) == 0;
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        s->early[c] = s->late[c] = s->fixed_use[c] = s->fixed_late[c] = s->fixed_early[c] = 0;
        s->wanted[c] = s->overwritten[c] = 0;
        s->clobbers[c] = i->clobbers != 0 ? a->registers->clobbers[i->clobbers].mask[c] : 0;
    }
}

void instr_assign(struct alloc *a, uint32_t instr, uint32_t position)
{
    const struct vinstr *i = &a->v->instrs[instr];
    struct step s; /* its arrays are valid only where a mask says so */
    begin(&s, a, instr, position);
    note_operands(&s);
    for (unsigned c = 0; c < VCLASS_COUNT && !s.is_plain; c++) {
        displace_values(&s, c);
    }
    assign_operands(&s);
    settle_displaced(&s);
    for (unsigned o = 0; o < i->operand_count; o++) {
        if (s.locations[o] == VLOC_NONE) {
            assign_definition(&s, o);
        }
    }
    collect_wants(&s);
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        if (s.wanted[c] != 0) {
            add_copies(&s, c);
            add_loads(&s, c);
        }
    }
    finish_uses(&s);
    finish_definitions(&s);
    for (unsigned c = 0; c < VCLASS_COUNT && (i->flags & VI_TERMINATOR) == 0; c++) {
        if ((a->occupied[c] & ~a->allowed[c]) != 0) {
            leave_forbidden(a, c, instr, position);
        }
    }
}
