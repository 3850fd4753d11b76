// SPDX-License-Identifier: MIT
//
// Which references each safe point's row lists. The walk over the instructions leaves no reference
// in a register there. This file finds exactly which references live across which safe point:
// exactly, because a listed slot that is not kept up to date would be as wrong as a missing one. It
// follows each value from its uses back to its definition, so the work is proportional to the
// blocks in which references live. A function without safe points or references costs nothing.
#include "kernel/jit/codegen/regalloc_internal.h"

/* The value is live in the block up to this instruction. A use at the end of a block has the index
 * after its last instruction. */
struct use {
    uint32_t block, upto;
};

struct live_ref {
    uint32_t point, vreg;
};

struct refs {
    uint32_t *first_use; /* by value, and one more at the end: index into `uses` */
    struct use *uses;
    uint32_t *stamp; /* by block: the value that it was reached for, + 1 */
    uint32_t *upto;
    uint32_t *reached; /* the blocks in which the value is live */
    uint32_t reached_count;
    struct live_ref *list;
    uint32_t count, capacity;
};

/* ---- Safe points ---- */

static void find_points(struct alloc *a)
{
    struct vcode *v = a->v;
    uint32_t count = 0;
    for (uint32_t n = 0; n < v->instr_count; n++) {
        count += (v->instrs[n].flags & VI_SAFE_POINT) != 0;
    }
    v->safe_points = count > 0 ? regalloc_array(a, count, sizeof *v->safe_points) : NULL;
    for (uint32_t n = 0; n < v->instr_count && v->safe_points != NULL; n++) {
        if ((v->instrs[n].flags & VI_SAFE_POINT) != 0) {
            v->safe_points[v->safe_point_count++].instr = n;
        }
    }
}

/* ---- Uses of references, by value ---- */

/* A null is rematerialised, and a value derived from it points nowhere: neither is listed. */
static bool is_listed(const struct alloc *a, uint32_t vreg)
{
    uint32_t base = a->v->vregs[vreg].is_managed ? vcode_base(a->v, vreg) : VREG_NONE;
    return a->v->vregs[vreg].is_managed && !is_remade(a, vreg) &&
           (base == VREG_NONE || !is_remade(a, base));
}

/* The first pass over the uses only counts them, the second one stores them. A use of a derived
 * value is also one of its base. */
static void note_use(struct alloc *a, uint32_t vreg, struct use use)
{
    struct refs *r = a->refs;
    for (; vreg != VREG_NONE && is_listed(a, vreg); vreg = vcode_base(a->v, vreg)) {
        if (r->uses == NULL) {
            r->first_use[vreg + 1]++;
        } else {
            r->uses[r->first_use[vreg]++] = use;
        }
    }
}

static void note_uses_of_block(struct alloc *a, uint32_t block)
{
    const struct vcode *v = a->v;
    const struct vblock *b = &v->blocks[block];
    for (uint32_t n = b->first; n < b->first + b->count; n++) {
        const struct vinstr *i = &v->instrs[n];
        for (uint32_t o = i->operands; o < i->operands + i->operand_count; o++) {
            if (is_use(&v->operands[o])) {
                note_use(a, v->operands[o].vreg, (struct use){block, n});
            }
        }
    }
    for (uint32_t e = b->edges; e < b->edges + b->edge_count; e++) {
        for (uint32_t n = 0; n < v->blocks[v->edges[e].to].param_count; n++) {
            note_use(a, v->pool[v->edges[e].args + n], (struct use){block, b->first + b->count});
        }
    }
}

static void note_uses(struct alloc *a)
{
    struct refs *r = a->refs;
    uint32_t vregs = a->v->vreg_count;
    for (unsigned pass = 0; pass < 2 && a->error == OK; pass++) {
        for (uint32_t b = 0; b < a->v->block_count; b++) {
            note_uses_of_block(a, b);
        }
        if (pass == 0) {
            for (uint32_t n = 0; n < vregs; n++) {
                r->first_use[n + 1] += r->first_use[n];
            }
            r->uses = regalloc_array(a, r->first_use[vregs], sizeof *r->uses);
        }
    }
    /* the second pass moved each index to the start of the next */
    for (uint32_t n = vregs; n > 0; n--) {
        r->first_use[n] = r->first_use[n - 1];
    }
    r->first_use[0] = 0;
}

/* ---- One value ---- */

static void reach(struct refs *r, uint32_t vreg, struct use use)
{
    if (r->stamp[use.block] != vreg + 1) {
        r->stamp[use.block] = vreg + 1;
        r->upto[use.block] = use.upto;
        r->reached[r->reached_count++] = use.block;
    }
    r->upto[use.block] = MAX(r->upto[use.block], use.upto);
}

static void list_points(struct alloc *a, uint32_t vreg, uint32_t block)
{
    const struct value *value = &a->values[vreg];
    struct refs *r = a->refs;
    bool starts_here = value->def_block == block && value->def_instr != VREG_NONE;
    uint32_t from = starts_here ? value->def_instr + 1 : a->v->blocks[block].first;
    for (uint32_t p = vcode_safe_point(a->v, from);
         p < a->v->safe_point_count && a->v->safe_points[p].instr < r->upto[block]; p++) {
        void *grown =
            arena_grow(a->arena, r->list, &r->capacity, (uint64_t)r->count + 1, sizeof *r->list);
        if (grown == NULL) {
            a->error = E_NOMEM;
            return;
        }
        r->list = grown;
        r->list[r->count++] = (struct live_ref){.point = p, .vreg = vreg};
        a->values[vreg].needs_slot = true;
    }
}

/* Mark the blocks in which a value is live: those of its uses, then, backwards along edges, every
 * predecessor up to the block that defines it. `reached` is the work list; a block enters it once
 * per value, because of its stamp. */
static void follow(struct alloc *a, uint32_t vreg)
{
    struct refs *r = a->refs;
    const struct vcode *v = a->v;
    r->reached_count = 0;
    for (uint32_t n = r->first_use[vreg]; n < r->first_use[vreg + 1]; n++) {
        reach(r, vreg, r->uses[n]);
    }
    for (uint32_t n = 0; n < r->reached_count; n++) {
        const struct vblock *b = &v->blocks[r->reached[n]];
        for (uint32_t p = 0; p < b->pred_count && a->values[vreg].def_block != r->reached[n]; p++) {
            const struct vblock *pred = &v->blocks[v->pool[b->preds + p]];
            reach(r, vreg, (struct use){v->pool[b->preds + p], pred->first + pred->count});
        }
    }
    for (uint32_t n = 0; n < r->reached_count && a->error == OK; n++) {
        list_points(a, vreg, r->reached[n]);
    }
    a->work += r->reached_count;
}

/** Find which references need slots for the safe points
 * that they live across. Precedes slots_assign(). */
void refs_find(struct alloc *a)
{
    size_t vregs = a->v->vreg_count, blocks = a->v->block_count;
    if (!a->v->has_safe_points) {
        return;
    }
    find_points(a);
    a->refs = regalloc_array(a, 1, sizeof *a->refs);
    if (a->refs == NULL) {
        return;
    }
    a->refs->first_use = regalloc_array(a, vregs + 1, sizeof(uint32_t));
    a->refs->stamp = regalloc_array(a, blocks, sizeof(uint32_t));
    a->refs->upto = regalloc_array(a, blocks, sizeof(uint32_t));
    a->refs->reached = regalloc_array(a, blocks, sizeof(uint32_t));
    if (a->error == OK) {
        note_uses(a);
    }
    for (uint32_t n = 0; n < vregs && a->error == OK; n++) {
        if (is_listed(a, n)) {
            follow(a, n);
        }
    }
}

/* ---- The lists ---- */

/* Append one of a safe point's two lists: references, then derived values. */
static void put_words(struct alloc *a, const struct live_ref *of, uint32_t count, bool derived)
{
    struct vcode *v = a->v;
    for (uint32_t n = 0; n < count; n++) {
        uint32_t base = vcode_base(v, of[n].vreg);
        if ((base != VREG_NONE) == derived) {
            v->safe_words[v->safe_word_count++] = a->values[of[n].vreg].slot;
            if (derived) {
                v->safe_words[v->safe_word_count++] = a->values[base].slot;
            }
        }
    }
}

static void export_point(struct alloc *a, uint32_t point, const struct live_ref *of, uint32_t count)
{
    struct vcode *v = a->v;
    uint32_t derived = 0, first = v->safe_word_count;
    for (uint32_t n = 0; n < count; n++) {
        derived += vcode_base(v, of[n].vreg) != VREG_NONE;
    }
    v->safe_points[point].first = first;
    v->safe_words[first] = count - derived;
    v->safe_words[first + 1] = derived;
    v->safe_word_count += 2;
    put_words(a, of, count, false);
    put_words(a, of, count, true);
}

/** Fill vcode.safe_words. Needs the final slots. */
void refs_export(struct alloc *a)
{
    struct vcode *v = a->v;
    struct refs *r = a->refs;
    if (a->error != OK || v->safe_point_count == 0) {
        return;
    }
    uint32_t *first = regalloc_array(a, (uint64_t)v->safe_point_count + 1, sizeof *first);
    struct live_ref *sorted = regalloc_array(a, r->count, sizeof *sorted);
    v->safe_words =
        regalloc_array(a, 2 * ((uint64_t)v->safe_point_count + r->count), sizeof *v->safe_words);
    if (a->error != OK) {
        return;
    }
    for (uint32_t n = 0; n < r->count; n++) {
        first[r->list[n].point + 1]++;
    }
    for (uint32_t p = 0; p < v->safe_point_count; p++) {
        first[p + 1] += first[p];
    }
    for (uint32_t n = 0; n < r->count; n++) {
        sorted[first[r->list[n].point]++] = r->list[n];
    }
    for (uint32_t p = 0; p < v->safe_point_count; p++) {
        uint32_t from = p == 0 ? 0 : first[p - 1];
        export_point(a, p, sorted + from, first[p] - from);
    }
}
