// SPDX-License-Identifier: MIT
//
// The register allocator: its steps in order, and the order of blocks that all of them use. See
// regalloc_internal.h for an overview.
#include "kernel/jit/codegen/regalloc_internal.h"

#include "kernel/lib/string.h"

/* Positions are doubled and have distances added, so this limit keeps them within 32 bits. */
enum { MOST_INSTRS = 1 << 29 };
#define FEW_INSTRS 16u

COLD_CALL void regalloc_mistake(struct alloc *a, uint32_t vreg, uint32_t instr, const char *text)
{
    if (a->error == OK) {
        a->error = E_CORRUPT;
        a->v->mistake = (struct vmistake){.text = text, .vreg = vreg, .instr = instr};
    }
}

void *regalloc_array(struct alloc *a, uint64_t count, size_t element)
{
    void *p = a->error == OK ? arena_alloc(a->arena, (size_t)(count + 1) * element) : NULL;
    if (p == NULL && a->error == OK) {
        a->error = E_NOMEM;
    }
    return p;
}

void *regalloc_list(struct alloc *a, uint64_t count, size_t element)
{
    void *p = a->error == OK ? arena_take(a->arena, (size_t)(count + 1) * element) : NULL;
    if (p == NULL && a->error == OK) {
        a->error = E_NOMEM;
    }
    return p;
}

/* ---- Order of blocks ---- */

/* The blocks and inner loops of each loop, as linked
 * lists by loop header, in reverse post-order. */
struct nest {
    /* index + 1; the list at index block_count is the function's own */
    uint32_t *first, *last, *sibling;
    uint32_t *stack;
};

static void link_blocks(const struct vcode *v, struct nest *n)
{
    for (uint32_t b = 0; b < v->block_count; b++) {
        uint32_t loop =
            v->blocks[b].loop_around == VREG_NONE ? v->block_count : v->blocks[b].loop_around;
        *(n->last[loop] == 0 ? &n->first[loop] : &n->sibling[n->last[loop] - 1]) = b + 1;
        n->last[loop] = b + 1;
    }
}

static void append_block(struct alloc *a, uint32_t block, uint32_t index, uint32_t *position)
{
    a->order[index] = block;
    a->blocks[block].index = index;
    a->blocks[block].start = *position;
    *position += a->v->blocks[block].count;
}

/* Choose the order in which blocks are walked. Reverse post-order may put a block that follows a
 * loop between the loop's own blocks; here each loop is contiguous. A block still comes after all
 * its forward predecessors. live_extend() and slots_assign() depend on this: a value's life is one
 * interval of positions only if each loop is. */
static void order_blocks(struct alloc *a)
{
    const struct vcode *v = a->v;
    uint32_t index = 0, position = 0, depth = 0;
    if (v->block_count == 1) {
        append_block(a, 0, index, &position);
        a->blocks[0].loop_end = a->blocks[0].top_end = v->blocks[0].is_loop_header ? position : 0;
        return;
    }
    struct nest n = {
        .first = regalloc_array(a, v->block_count, sizeof(uint32_t)),
        .last = regalloc_array(a, v->block_count, sizeof(uint32_t)),
        .sibling = regalloc_array(a, v->block_count, sizeof(uint32_t)),
        .stack = regalloc_array(a, v->block_count, sizeof(uint32_t)),
    };
    if (a->error != OK) {
        return;
    }
    link_blocks(v, &n);
    uint32_t next = n.first[v->block_count];
    while (next != 0 || depth > 0) {
        if (next == 0) { /* the innermost loop is complete */
            uint32_t header = n.stack[--depth];
            a->blocks[header].loop_end = position;
            next = n.sibling[header];
            continue;
        }
        uint32_t block = next - 1;
        append_block(a, block, index++, &position);
        next = n.sibling[block];
        if (v->blocks[block].is_loop_header) {
            n.stack[depth++] = block;
            next = n.first[block];
        }
    }
    for (uint32_t p = 0; p < v->block_count; p++) {
        uint32_t block = a->order[p], loop = v->blocks[block].loop_around;
        a->blocks[block].top_end =
            loop != VREG_NONE ? a->blocks[loop].top_end : a->blocks[block].loop_end;
    }
}

/* ---- Preparing ---- */

static bool exists(struct alloc *a, uint32_t vreg, uint32_t instr)
{
    if (UNLIKELY(vreg >= a->v->vreg_count)) {
        regalloc_mistake(a, vreg, instr, "does not exist");
        return false;
    }
    return true;
}

/* @param number  Of a parameter: which one. */
static void define(struct alloc *a, uint32_t vreg, uint32_t block, uint32_t instr, uint32_t number)
{
    struct value *v = &a->values[vreg];
    if (UNLIKELY(v->def_block != a->v->block_count)) {
        regalloc_mistake(a, vreg, instr == VREG_NONE ? a->v->blocks[block].first : instr,
                         "is defined twice");
    }
    v->def_block = block;
    v->def_instr = instr;
    v->number = number;
}

static void define_params(struct alloc *a, uint32_t block)
{
    const struct vblock *b = &a->v->blocks[block];
    for (uint32_t n = 0; n < b->param_count; n++) {
        uint32_t vreg = a->v->pool[b->params + n];
        if (exists(a, vreg, b->first)) {
            define(a, vreg, block, VREG_NONE, n);
        }
    }
}

static void note_edges(struct alloc *a, uint32_t block)
{
    const struct vcode *v = a->v;
    const struct vblock *b = &v->blocks[block];
    for (uint32_t e = b->edges; e < b->edges + b->edge_count; e++) {
        uint32_t to = v->edges[e].to;
        a->blocks[to].edge = e;
        for (uint32_t n = 0; n < v->blocks[to].param_count; n++) {
            (void)exists(a, v->pool[v->edges[e].args + n], b->first + b->count - 1);
        }
    }
}

/* Note where each register is defined. A temporary is not a definition, so a use of it in another
 * instruction is reported as "never defined". */
static void define_operands(struct alloc *a, uint32_t block)
{
    const struct vcode *v = a->v;
    const struct vblock *b = &v->blocks[block];
    for (uint32_t n = b->first; n < b->first + b->count; n++) {
        const struct vinstr *i = &v->instrs[n];
        for (uint32_t o = i->operands; o < i->operands + i->operand_count; o++) {
            const struct voperand *op = &v->operands[o];
            if (exists(a, op->vreg, n) && (op->role == VDEF || op->role == VDEF_EARLY)) {
                define(a, op->vreg, block, n, 0);
            }
        }
    }
}

static void note_definitions(struct alloc *a)
{
    const struct vcode *v = a->v;
    for (uint32_t n = 0; n < v->vreg_count; n++) {
        a->values[n] = (struct value){
            .def_block = v->block_count, .def_instr = VREG_NONE, .phi = VREG_NONE, .reg = NO_REG};
    }
    for (uint32_t b = 0; b < v->block_count; b++) {
        define_params(a, b);
        note_edges(a, b);
        define_operands(a, b);
    }
}

/* Number the dominator tree so that the blocks dominated by b are tree .. tree + tree_size - 1;
 * then "a dominates b" is one comparison. Needs each dominator to have a lower index than the
 * blocks that it dominates, which reverse post-order guarantees. */
static void number_tree(struct alloc *a)
{
    const struct vcode *v = a->v;
    for (uint32_t b = v->block_count; b-- > 0;) {
        struct block *block = &a->blocks[b];
        block->tree_size++;
        block->tree_room = block->tree_size;
        a->blocks[v->blocks[b].idom].tree_size += b > 0 ? block->tree_size : 0;
    }
    for (uint32_t b = 1; b < v->block_count; b++) {
        struct block *up = &a->blocks[v->blocks[b].idom];
        up->tree_room -= a->blocks[b].tree_size;
        a->blocks[b].tree = up->tree + up->tree_room;
    }
}

/* Reserve about as much as ordinary functions need, because an array that grows leaves its old copy
 * in the arena. A single small block needs little or nothing. */
static void reserve(struct alloc *a)
{
    struct vcode *v = a->v;
    uint32_t blocks = v->block_count, instrs = v->instr_count;
    if (blocks == 1 && instrs <= FEW_INSTRS) {
        return;
    }
    a->lives = arena_grow_list(a->arena, NULL, &a->live_capacity, 12 * (uint64_t)blocks + 1,
                               sizeof *a->lives);
    a->held = arena_grow_list(a->arena, NULL, &a->held_capacity, 12 * (uint64_t)blocks + 1,
                              sizeof *a->held);
    a->drafts.list = arena_grow_list(a->arena, NULL, &a->drafts.capacity, instrs / 2 + 1,
                                     sizeof *a->drafts.list);
    if (a->lives == NULL || a->held == NULL || a->drafts.list == NULL) {
        a->error = E_NOMEM;
    }
}

static void prepare(struct alloc *a, const struct vlimits *limits)
{
    struct vcode *v = a->v;
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        uint32_t all = a->registers->allocatable[c];
        uint32_t some = limits != NULL ? limits->allowed[c] & all : 0;
        a->allowed[c] = some != 0 ? some : all;
    }
    a->values = regalloc_list(a, v->vreg_count, sizeof *a->values);
    a->blocks = regalloc_array(a, v->block_count, sizeof *a->blocks);
    a->order = regalloc_list(a, v->block_count, sizeof *a->order);
    a->next = regalloc_list(a, v->operand_count, sizeof *a->next);
    a->next_fixed = regalloc_list(a, v->operand_count, sizeof *a->next_fixed);
    a->exit_stamp = regalloc_array(a, v->vreg_count, sizeof(uint32_t));
    a->exit_next = regalloc_list(a, v->vreg_count, sizeof(uint32_t));
    a->entry_stamp = regalloc_array(a, v->vreg_count, sizeof(uint32_t));
    v->locations = regalloc_list(a, v->operand_count, sizeof(uint32_t));
    reserve(a);
    if (a->error == OK) {
        note_definitions(a);
        number_tree(a);
    }
    if (a->error == OK) {
        order_blocks(a);
    }
}

/* ---- Walking ---- */

/* The first fixed operand of the block may use any of its fixed
 * registers, so assume its position for all of them. take_fixed()
 * replaces that by the real position as the walk passes each operand. */
static void begin_fixed(struct alloc *a)
{
    const struct block *b = &a->blocks[a->block];
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        a->fixed[c] = b->fixed[c];
        for (uint32_t m = b->fixed[c]; m != 0; m &= m - 1) {
            a->fixed_at[c][lowest(m)] = b->first_fixed;
        }
    }
}

static void walk(struct alloc *a)
{
    const struct vcode *v = a->v;
    for (uint32_t p = 0; p < v->block_count && a->error == OK; p++) {
        const struct vblock *b = &v->blocks[a->order[p]];
        a->block = a->order[p];
        a->end = a->blocks[a->block].start + b->count;
        live_load_exit(a, a->block);
        begin_fixed(a);
        entry_start(a, a->block);
        for (uint32_t n = 0; n < b->count && a->error == OK; n++) {
            instr_assign(a, b->first + n, a->blocks[a->block].start + n);
        }
        entry_finish(a, a->block);
        a->work += b->count;
    }
}

/* ---- The list of moves ---- */

static uint32_t final_location(const struct alloc *a, uint32_t loc)
{
    return vloc_is_slot(loc) ? VLOC_SLOT(a->values[loc & ~VLOC_SLOT_FLAG].slot) : loc;
}

/* A store that was drafted where a value is dropped is needed only if something reads the slot and
 * the value is not stored at its definition. Both are known only after the walk, which is why the
 * walk makes drafts and not moves. */
static bool is_needed(const struct alloc *a, const struct draft *d)
{
    const struct value *v = &a->values[d->vreg];
    return !d->is_drop || (v->needs_slot && !v->stores_at_def);
}

static struct vmove final_move(const struct alloc *a, const struct draft *d, uint32_t at)
{
    const struct vreg *r = &a->v->vregs[d->vreg];
    return (struct vmove){.at = at,
                          .from = final_location(a, d->from),
                          .to = final_location(a, d->to),
                          .remake = d->from == VLOC_NONE ? r->remake : VREG_NONE,
                          .class = r->class,
                          .bytes = r->bytes};
}

static void add_final(struct alloc *a, struct moves *out, struct vmove move)
{
    if (a->error == OK && !moves_add(a->arena, out, move)) {
        a->error = E_NOMEM;
    }
}

static void add_edges(struct alloc *a, bool at_start, struct moves *out)
{
    for (uint32_t n = 0; n < a->edge_count && a->error == OK; n++) {
        const struct edge_moves *e = &a->edges[n];
        for (uint32_t d = e->first; d < e->first + e->count && e->is_start == at_start; d++) {
            if (is_needed(a, &a->edge_drafts.list[d])) {
                parallel_want(&a->parallel, final_move(a, &a->edge_drafts.list[d], e->at));
            }
        }
        a->work += a->parallel.count;
        if (a->parallel.failed) {
            a->error = E_NOMEM;
        } else if (a->parallel.count > 0) {
            parallel_resolve(&a->parallel, e->at, out);
        }
    }
}

static void add_stores(struct alloc *a, struct moves *out)
{
    for (uint32_t n = 0; n < a->v->vreg_count; n++) {
        const struct value *v = &a->values[n];
        if (v->stores_at_def) {
            struct draft d = {.from = v->def_reg, .to = VLOC_SLOT(n), .vreg = n};
            uint32_t at =
                v->def_instr == VREG_NONE ? a->v->blocks[v->def_block].first : v->def_instr + 1;
            add_final(a, out, final_move(a, &d, at));
        }
    }
}

static void add_drafts(struct alloc *a, struct moves *out)
{
    for (uint32_t n = 0; n < a->drafts.count; n++) {
        if (is_needed(a, &a->drafts.list[n])) {
            add_final(a, out, final_move(a, &a->drafts.list[n], a->drafts.list[n].at));
        }
    }
}

/* Sort by instruction. The sort is stable: moves of one instruction keep the order in which they
 * were added, see finish(). */
static void sort_moves(struct alloc *a, const struct moves *m)
{
    struct vcode *v = a->v;
    v->moves = NULL;
    if (m->count == 0) {
        return;
    }
    uint32_t *first = regalloc_array(a, (uint64_t)v->instr_count + 2, sizeof *first);
    v->moves = regalloc_list(a, m->count, sizeof *v->moves);
    if (a->error != OK) {
        return;
    }
    for (uint32_t n = 0; n < m->count; n++) {
        first[m->list[n].at + 1]++;
    }
    for (uint32_t n = 0; n < v->instr_count; n++) {
        first[n + 1] += first[n];
    }
    for (uint32_t n = 0; n < m->count; n++) {
        v->moves[first[m->list[n].at]++] = m->list[n];
    }
    v->move_count = m->count;
}

/* The prologue saves the callee-saved registers in `used`. Definitions have set their bits already;
 * moves and the clobbers of instructions other than calls write registers, too. A call preserves
 * callee-saved registers itself, unless it is unwound. */
static void finish_used(struct alloc *a)
{
    struct vcode *v = a->v;
    for (uint32_t n = 0; n < v->move_count; n++) {
        if (vloc_is_reg(v->moves[n].to)) {
            a->used[v->moves[n].class] |= bit(v->moves[n].to);
        }
    }
    for (uint32_t n = 0; n < v->instr_count; n++) {
        const struct vinstr *i = &v->instrs[n];
        for (unsigned c = 0; c < VCLASS_COUNT && i->clobbers != 0; c++) {
            a->used[c] |=
                vinstr_saves_clobbers(i->flags) ? a->registers->clobbers[i->clobbers].mask[c] : 0;
        }
    }
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        v->used[c] = a->used[c];
    }
}

static void finish(struct alloc *a)
{
    struct vcode *v = a->v;
    struct moves moves = {.list = NULL};
    uint64_t drafts = (uint64_t)a->drafts.count + a->edge_drafts.count;
    refs_find(a);
    slots_assign(a);
    refs_export(a);
    moves.list = arena_grow_list(a->arena, NULL, &moves.capacity, drafts, sizeof *moves.list);
    if (a->error != OK || (moves.list == NULL && drafts > 0)) {
        a->error = E_NOMEM;
        return;
    }
    for (uint32_t n = 0; n < v->operand_count; n++) {
        v->locations[n] = final_location(a, v->locations[n]);
    }
    /* The order of the moves before one instruction. First those of an edge into the block: they
     * read registers as the predecessor left them. Then stores at definitions, because a parameter
     * is in its register only after its edge's moves. Then those of the instruction itself. Last
     * those of an edge out of the block, which read registers as the block leaves them. */
    add_edges(a, true, &moves);
    add_stores(a, &moves);
    add_drafts(a, &moves);
    add_edges(a, false, &moves);
    if (a->parallel.failed) {
        a->error = E_NOMEM;
    }
    sort_moves(a, &moves);
    if (a->error != OK) {
        return;
    }
    v->slot_count = a->parallel.slot_count;
    finish_used(a);
}

enum status vcode_allocate_counted(struct vcode *v, const struct vregisters *registers,
                                   const struct vlimits *limits, uint64_t *work)
{
    if (v->error != OK) {
        return v->error;
    }
    if (v->instr_count > MOST_INSTRS || v->vreg_count > MOST_INSTRS) {
        return E_OVERFLOW;
    }
    v->move_count = v->safe_point_count = v->safe_word_count = 0;
    struct alloc *a = arena_take(v->arena, sizeof *a);
    if (a == NULL) {
        return E_NOMEM;
    }
    memset(a, 0, offsetof(struct alloc, in));
    a->v = v;
    a->registers = registers;
    a->arena = v->arena;
    a->parallel.arena = v->arena;
    a->parallel.scratch = registers->scratch;
    prepare(a, limits);
    if (a->error == OK) {
        live_find(a);
        walk(a);
    }
    if (a->error == OK) {
        edges_draft(a);
    }
    if (a->error == OK) {
        finish(a);
    }
    *work = a->work;
    return a->error;
}

enum status vcode_allocate(struct vcode *v, const struct vregisters *registers,
                           const struct vlimits *limits)
{
    uint64_t work;
    return vcode_allocate_counted(v, registers, limits, &work);
}
