// SPDX-License-Identifier: MIT
//
// Checks the lists of safe points. A listed cell must hold a live reference, and a derived value
// must have its base listed with it. After the safe point only listed cells hold valid references,
// so the rest of the checker finds every read of a reference from elsewhere.
#include "kernel/jit/codegen/vcheck_internal.h"

#include "kernel/lib/string.h"

static bool has_bit(const uint32_t *bits, uint32_t n)
{
    return (bits[n / 32] >> n % 32 & 1) != 0;
}

/* Whether a collection changes the value: a reference, or one derived from it, that is not made
 * anew from a constant. */
static bool moves(const struct vcode *v, uint32_t vreg)
{
    if (!v->vregs[vreg].is_managed || v->vregs[vreg].remake != VREG_NONE) {
        return false;
    }
    uint32_t base = vcode_base(v, vreg);
    return base == VREG_NONE || v->vregs[base].remake == VREG_NONE;
}

/* ---- What is alive ---- */

/* A derived value keeps its base alive, so the collector can find the object. */
static void set_bit(const struct vcheck_refs *r, uint32_t vreg, bool alive)
{
    if (r->number[vreg] == 0) {
        return;
    }
    uint32_t n = r->number[vreg] - 1;
    r->now[n / 32] &= ~((uint32_t)1 << n % 32);
    r->now[n / 32] |= (uint32_t)alive << n % 32;
    if (alive && vcode_base(r->v, vreg) != VREG_NONE) {
        set_bit(r, vcode_base(r->v, vreg), true);
    }
}

/* Everything that is live at the start of a successor, and the arguments of its edges. */
static void live_at_end(const struct vcheck_refs *r, uint32_t block)
{
    const struct vcode *v = r->v;
    const struct vblock *b = &v->blocks[block];
    memset(r->now, 0, r->words * sizeof *r->now);
    for (uint32_t e = b->edges; e < b->edges + b->edge_count; e++) {
        const uint32_t *in = r->in + (size_t)v->edges[e].to * r->words;
        for (uint32_t w = 0; w < r->words; w++) {
            r->now[w] |= in[w];
        }
    }
    for (uint32_t e = b->edges; e < b->edges + b->edge_count; e++) {
        for (uint32_t n = 0; n < v->blocks[v->edges[e].to].param_count; n++) {
            set_bit(r, v->pool[v->edges[e].args + n], true);
        }
    }
}

/* Liveness from the end of the block back to just after an instruction. */
static void live_after(const struct vcheck_refs *r, uint32_t block, uint32_t instr)
{
    const struct vcode *v = r->v;
    const struct vblock *b = &v->blocks[block];
    live_at_end(r, block);
    for (uint32_t n = b->first + b->count; n-- > instr;) {
        const struct vinstr *i = &v->instrs[n];
        for (unsigned pass = 0; pass < 2; pass++) {
            for (uint32_t o = i->operands; o < i->operands + i->operand_count; o++) {
                const struct voperand *op = &v->operands[o];
                bool reads = op->role == VUSE || op->role == VUSE_LATE;
                if (reads == (pass == 1)) {
                    set_bit(r, op->vreg, reads);
                }
            }
        }
    }
}

static bool update_block(const struct vcheck_refs *r, uint32_t block)
{
    const struct vblock *b = &r->v->blocks[block];
    uint32_t *in = r->in + (size_t)block * r->words;
    live_after(r, block, b->first);
    for (uint32_t n = 0; n < b->param_count; n++) {
        set_bit(r, r->v->pool[b->params + n], false);
    }
    if (memcmp(in, r->now, r->words * sizeof *in) == 0) {
        return false;
    }
    memcpy(in, r->now, r->words * sizeof *in);
    return true;
}

bool vcheck_refs_start(struct vcheck_refs *r, const struct vcode *v, struct arena *a)
{
    uint32_t count = 0;
    *r = (struct vcheck_refs){.v = v};
    r->number = arena_alloc(a, ((size_t)v->vreg_count + 1) * sizeof *r->number);
    for (uint32_t n = 0; r->number != NULL && v->safe_point_count > 0 && n < v->vreg_count; n++) {
        r->number[n] = moves(v, n) ? ++count : 0;
    }
    r->words = (count + 31) / 32;
    r->in = arena_alloc(a, ((size_t)v->block_count * r->words + 1) * sizeof *r->in);
    r->now = arena_alloc(a, ((size_t)r->words + 1) * sizeof *r->now);
    r->next = arena_alloc(a, ((size_t)v->slot_count + 1) * sizeof *r->next);
    r->is_listed = arena_alloc(a, (size_t)v->slot_count + 1);
    if (r->number == NULL || r->in == NULL || r->now == NULL || r->next == NULL ||
        r->is_listed == NULL) {
        return false;
    }
    /* The usual backward data flow, repeated until nothing changes. The
     * allocator's own way (regalloc_refs.c) goes from use to definition,
     * so that a mistake there does not repeat itself here. */
    for (bool again = count > 0; again;) {
        again = false;
        for (uint32_t b = v->block_count; b-- > 0;) {
            again |= update_block(r, b);
        }
    }
    return true;
}

/* ---- One list ---- */

/* The members of a slot's set that the list may mean:
 * references, or values derived from the one in `base`. */
static uint32_t meant(const struct vcheck_refs *r, struct vsets *sets, uint32_t set,
                      const uint32_t *base)
{
    uint32_t count;
    const uint32_t *members = vset_members(sets, &set, &count);
    vset_begin(sets);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t from = vcode_base(r->v, members[n]);
        bool fits =
            base == NULL ? from == VREG_NONE : from != VREG_NONE && vset_has(sets, *base, from);
        if (moves(r->v, members[n]) && fits) {
            vset_add(sets, members[n]);
        }
    }
    return vset_end(sets);
}

static bool is_alive(const struct vcheck_refs *r, const struct vsets *sets, uint32_t set)
{
    uint32_t count;
    const uint32_t *members = vset_members(sets, &set, &count);
    for (uint32_t n = 0; n < count; n++) {
        if (has_bit(r->now, r->number[members[n]] - 1)) {
            return true;
        }
    }
    return false;
}

static bool take_slot(struct vcheck_refs *r, uint32_t slot)
{
    bool fine = slot < r->v->slot_count && !r->is_listed[slot];
    if (fine) {
        r->is_listed[slot] = true;
    }
    return fine;
}

/* A list has the number of references, the number of pairs, then the slots. A derived value is
 * listed with the slot of its base: the collector moves the base and keeps the distance. */
static bool check_list(struct vcheck_refs *r, struct vsets *sets, const uint32_t *slots,
                       const uint32_t *words, uint32_t instr, struct vcomplaint *out)
{
    const uint32_t *refs = words + 2, *pairs = refs + words[0];
    for (uint32_t n = 0; n < words[0]; n++) {
        if (!take_slot(r, refs[n])) {
            return vcheck_complain(out, instr, "slot %u cannot be listed, or not twice", refs[n]);
        }
        r->next[refs[n]] = meant(r, sets, slots[refs[n]], NULL);
        if (!is_alive(r, sets, r->next[refs[n]])) {
            return vcheck_complain(out, instr, "slot %u is listed, and holds no live reference",
                                   refs[n]);
        }
    }
    for (uint32_t n = 0; n < words[1]; n++) {
        uint32_t slot = pairs[2 * n], base = pairs[2 * n + 1];
        bool has_base = base < r->v->slot_count && r->is_listed[base];
        if (!has_base || !take_slot(r, slot)) {
            return vcheck_complain(out, instr, "slots %u and %u cannot be listed", slot, base);
        }
        r->next[slot] = meant(r, sets, slots[slot], &slots[base]);
        if (!is_alive(r, sets, r->next[slot])) {
            return vcheck_complain(out, instr, "slot %u is listed, and not derived from slot %u",
                                   slot, base);
        }
    }
    return true;
}

static uint32_t without_references(const struct vcheck_refs *r, struct vsets *sets, uint32_t set)
{
    uint32_t count;
    const uint32_t *members = vset_members(sets, &set, &count);
    vset_begin(sets);
    for (uint32_t n = 0; n < count; n++) {
        if (!moves(r->v, members[n])) {
            vset_add(sets, members[n]);
        }
    }
    return vset_end(sets);
}

bool vcheck_safe_point(struct vcheck_refs *r, struct vsets *sets, uint32_t *state,
                       uint32_t first_slot, uint32_t block, uint32_t instr, struct vcomplaint *out)
{
    uint32_t at = vcode_safe_words(r->v, instr);
    if (at == VREG_NONE) {
        return vcheck_complain(out, instr, "a safe point without a list");
    }
    /* A collection at the safe point may move every object. After it, listed slots hold the members
     * that the list meant, and every other location only its members that are not references. */
    live_after(r, block, instr + 1);
    memset(r->is_listed, 0, r->v->slot_count);
    if (!check_list(r, sets, state + first_slot, r->v->safe_words + at, instr, out)) {
        return false;
    }
    for (uint32_t k = 0; k < first_slot + r->v->slot_count; k++) {
        bool listed = k >= first_slot && r->is_listed[k - first_slot];
        state[k] = listed ? r->next[k - first_slot] : without_references(r, sets, state[k]);
    }
    return true;
}
