// SPDX-License-Identifier: MIT
//
// Building machine code with virtual registers. Its shape (dominators, loops) is in vcode_shape.c.
//
// As in ir.c, arrays grow by moving, the first failure is kept in
// v->error, and every function then does nothing. Selection emits a
// block backwards or forwards; vcode_block_end() brings it into order.
#include "kernel/jit/codegen/vcode.h"

#include "kernel/base/assert.h"
#include "kernel/jit/ir.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"

#define SMALL 64 /* a function up to this many instructions needs no reservation */

static void fail(struct vcode *v, enum status why)
{
    if (v->error == OK) {
        v->error = why;
    }
}

/* Make room for an array's next elements. On failure the array is unchanged. */
static bool reserve(struct vcode *v, void *array, uint32_t *capacity, uint32_t count, uint32_t more,
                    size_t element)
{
    if (LIKELY((uint64_t)count + more <= *capacity && v->error == OK)) {
        return true;
    }
    void **slot = array;
    void *grown = v->error != OK
                      ? NULL
                      : arena_grow_list(v->arena, *slot, capacity, (uint64_t)count + more, element);
    if (grown == NULL) {
        fail(v, E_NOMEM);
        return false;
    }
    *slot = grown;
    return true;
}

/* Index of the new element of an array, or 0 if there is no room for it. */
#define APPEND(v, array, count, capacity, value)                                                   \
    (reserve(v, &(v)->array, &(v)->capacity, (v)->count, 1, sizeof *(v)->array)                    \
         ? ((v)->array[(v)->count] = (value), (v)->count++)                                        \
         : 0)

void vcode_init(struct vcode *v, struct arena *arena, const struct ir_function *ir)
{
    *v = (struct vcode){.arena = arena, .ir = ir};
    /* Even a function without operands gets these arrays:
     * adding an offset to a null pointer is undefined. */
    (void)reserve(v, &v->operands, &v->operand_capacity, 0, 1, sizeof *v->operands);
    (void)reserve(v, &v->pool, &v->pool_capacity, 0, 1, sizeof *v->pool);
}

/* Reserve the arrays for a function of this size, so that they rarely grow while selection uses the
 * arena for its own data: then that can be released afterwards (vcode_is_in_place()). */
struct vcode vcode_open(struct vcode *v)
{
    const struct ir_function *f = v->ir;
    /* a guess at how many virtual registers selection adds */
    uint32_t values = f->instr_count, some = values / 8 + 8;
    if (values < SMALL) {
        return *v;
    }
    (void)reserve(v, &v->instrs, &v->instr_capacity, 0, values + some, sizeof *v->instrs);
    (void)reserve(v, &v->operands, &v->operand_capacity, 0, 3 * values + 2 * some,
                  sizeof *v->operands);
    (void)reserve(v, &v->vregs, &v->vreg_capacity, 0, values + some, sizeof *v->vregs);
    (void)reserve(v, &v->blocks, &v->block_capacity, 0,
                  f->block_count + MIN(f->block_count, f->edge_count) + 1, sizeof *v->blocks);
    (void)reserve(v, &v->edges, &v->edge_capacity, 0, 2 * f->edge_count + 1, sizeof *v->edges);
    (void)reserve(v, &v->pool, &v->pool_capacity, 0, 2 * (f->pool_count + f->edge_count) + 8,
                  sizeof *v->pool);
    (void)reserve(v, &v->extra, &v->extra_capacity, 0, 1, sizeof *v->extra);
    return *v;
}

bool vcode_is_in_place(const struct vcode *v, const struct vcode *before)
{
    return v->instrs == before->instrs && v->operands == before->operands &&
           v->vregs == before->vregs && v->blocks == before->blocks && v->edges == before->edges &&
           v->pool == before->pool && v->extra == before->extra && v->derived == before->derived;
}

uint32_t vcode_vreg(struct vcode *v, unsigned class, unsigned bytes)
{
    struct vreg r = {.class = (uint8_t) class, .bytes = (uint8_t)bytes, .remake = VREG_NONE};
    return APPEND(v, vregs, vreg_count, vreg_capacity, r);
}

/* Registers must be given in ascending order, because vcode_base() searches the list by halves. */
void vcode_derive(struct vcode *v, uint32_t vreg, uint32_t base)
{
    struct vderived d = {.vreg = vreg, .base = base};
    ASSERT(v->error != OK || v->derived_count == 0 || v->derived[v->derived_count - 1].vreg < vreg);
    (void)APPEND(v, derived, derived_count, derived_capacity, d);
}

uint32_t vcode_base(const struct vcode *v, uint32_t vreg)
{
    uint32_t n = SORTED_FIND(v->derived, v->derived_count, vreg, vreg);
    return n < v->derived_count && v->derived[n].vreg == vreg ? v->derived[n].base : VREG_NONE;
}

uint32_t vcode_block(struct vcode *v)
{
    return APPEND(v, blocks, block_count, block_capacity, ((struct vblock){.first = 0}));
}

void vcode_params(struct vcode *v, uint32_t block, const uint32_t *vregs, uint32_t count)
{
    uint32_t at = vcode_pool(v, vregs, count);
    if (v->error == OK) {
        v->blocks[block].params = at;
        v->blocks[block].param_count = count;
    }
}

void vcode_block_start(struct vcode *v, uint32_t block)
{
    if (v->error == OK) {
        ASSERT(v->blocks[block].count == 0);
        v->blocks[block].first = v->instr_count;
    }
}

/* Instructions are exchanged as a whole. Their operands stay where they are in `operands`: each
 * instruction has the index of its first one. */
void vcode_block_end(struct vcode *v, uint32_t block, bool backwards)
{
    if (v->error != OK) {
        return;
    }
    struct vblock *b = &v->blocks[block];
    b->count = v->instr_count - b->first;
    if (backwards && b->count > 0) {
        struct vinstr *low = &v->instrs[b->first], *high = &v->instrs[v->instr_count - 1];
        for (; low < high; low++, high--) {
            struct vinstr other = *low;
            *low = *high;
            *high = other;
        }
    }
}

/* The operands follow with vcode_operand(), before the next instruction. */
uint32_t vcode_instr(struct vcode *v, const struct vinstr *i)
{
    uint32_t at = APPEND(v, instrs, instr_count, instr_capacity, *i);
    if (v->error == OK) {
        v->instrs[at].operands = v->operand_count;
        v->instrs[at].operand_count = 0;
    }
    return at;
}

void vcode_operand(struct vcode *v, uint32_t vreg, enum vrole role, enum vconstraint constraint,
                   unsigned which)
{
    struct voperand o = {.vreg = vreg,
                         .role = (uint8_t)role,
                         .constraint = (uint8_t)constraint,
                         .which = (uint8_t)which};
    if (v->error != OK) {
        return;
    }
    if (v->instrs[v->instr_count - 1].operand_count == UINT8_MAX) {
        fail(v, E_OVERFLOW);
        return;
    }
    (void)APPEND(v, operands, operand_count, operand_capacity, o);
    if (v->error == OK) {
        v->instrs[v->instr_count - 1].operand_count++;
    }
}

/* The edges of one block must be made one after the other: a block has a range of edges. */
uint32_t vcode_edge(struct vcode *v, uint32_t from, uint32_t to, const uint32_t *args,
                    uint32_t count)
{
    struct vedge e = {.from = from, .to = to, .args = vcode_pool(v, args, count)};
    uint32_t at = APPEND(v, edges, edge_count, edge_capacity, e);
    if (v->error == OK) {
        struct vblock *b = &v->blocks[from];
        b->edges = b->edge_count == 0 ? at : b->edges;
        ASSERT(b->edges + b->edge_count == at);
        b->edge_count++;
    }
    return at;
}

uint32_t vcode_first_move(const struct vcode *v, uint32_t at)
{
    return SORTED_FIND(v->moves, v->move_count, at, at);
}

uint32_t vcode_pool(struct vcode *v, const uint32_t *words, uint32_t count)
{
    if (count == 0) {
        return v->pool_count;
    }
    if (!reserve(v, &v->pool, &v->pool_capacity, v->pool_count, count, sizeof *v->pool)) {
        return 0;
    }
    uint32_t at = v->pool_count;
    if (words != NULL) {
        memcpy(v->pool + at, words, count * sizeof *words);
    } else {
        memset(v->pool + at, 0, count * sizeof *v->pool);
    }
    v->pool_count += count;
    return at;
}

uint32_t vcode_extra(struct vcode *v, uint64_t word)
{
    return APPEND(v, extra, extra_count, extra_capacity, word);
}

/* ---- Safe points, of an allocated function ---- */

/* The list is sorted by instruction: a binary search. */
uint32_t vcode_safe_point(const struct vcode *v, uint32_t instr)
{
    return SORTED_FIND(v->safe_points, v->safe_point_count, instr, instr);
}

uint32_t vcode_safe_words(const struct vcode *v, uint32_t instr)
{
    uint32_t n = vcode_safe_point(v, instr);
    bool is_there = n < v->safe_point_count && v->safe_points[n].instr == instr;
    return is_there ? v->safe_points[n].first : VREG_NONE;
}

/* The lists of safe points, with slots converted to cells that count downwards from `top`. One pass
 * copies all of them, so a list keeps its index. */
uint32_t *vcode_cells(const struct vcode *v, uint32_t top)
{
    uint32_t *cells = arena_alloc(v->arena, ((size_t)v->safe_word_count + 1) * sizeof *cells);
    for (uint32_t n = 0; cells != NULL && n < v->safe_point_count; n++) {
        uint32_t at = v->safe_points[n].first;
        uint32_t refs = v->safe_words[at], pairs = v->safe_words[at + 1];
        cells[at] = refs;
        cells[at + 1] = pairs;
        for (uint32_t w = at + 2; w < at + 2 + refs + 2 * pairs; w++) {
            cells[w] = top - v->safe_words[w];
        }
    }
    return cells;
}
