// SPDX-License-Identifier: MIT
//
// Which references live across which safe points, and the copy of the function that keeps them in
// cells of its frame.
#include "kernel/jit/roots.h"

#include "kernel/jit/opt/copy.h"

#define CELL_BYTES 4u

/* A value is live in the block up to this instruction; at the block's end, up to its last one. */
struct use {
    uint32_t block, upto;
};

/* A value that lives across a safe point. */
struct pair {
    uint32_t point, value;
};

struct roots {
    const struct roots_request *q;
    struct arena *arena;
    struct ir_function *in; /* only its constant is written */
    enum status error;
    struct survey survey;
    struct copy copy;
    uint8_t *marks;      /* by value */
    uint32_t *first_use; /* by value, and one more: index into `uses` */
    struct use *uses;
    bool counts;                      /* uses are counted, not listed */
    uint32_t *stamp, *upto, *reached; /* by block; the blocks in which the value is live */
    uint32_t reached_count;
    uint32_t *points; /* safe points: instructions, ascending */
    uint32_t point_count;
    struct pair *pairs;
    uint32_t pair_count, pair_capacity;
    uint32_t *cell; /* by value: its cell + 1; 0: none */
    uint32_t cell_count;
    uint32_t *ids;   /* by safe point: its number in the unit + 1 */
    uint32_t *fresh; /* by value: the stretch of code in which it is in copy.values */
    uint32_t stretch, stored_id;
    uint32_t cells_at;  /* in the frame */
    uint32_t at, block; /* of the walk over uses */
    bool has_frame;
};

static bool fail(struct roots *r, enum status s)
{
    r->error = s;
    return false;
}

static void *array(struct roots *r, size_t count, size_t size)
{
    void *p = arena_alloc(r->arena, (count + 1) * size);
    if (p == NULL) {
        (void)fail(r, E_NOMEM);
    }
    return p;
}

/* ---- Safe points ---- */

static unsigned marks_of(const struct roots *r, uint32_t value)
{
    return value < r->q->mark_count ? r->q->marks[value] : 0;
}

static bool is_safe_point(const struct roots *r, const struct ir_instr *i)
{
    return (ir_op_info[i->op].flags & IR_CALLS) != 0 && r->q->is_safe_point(r->q->ctx, i);
}

static bool find_points(struct roots *r)
{
    const struct ir_function *f = r->in;
    r->points = array(r, f->instr_count, sizeof *r->points);
    for (uint32_t n = 0; r->points != NULL && n < f->instr_count; n++) {
        if (is_safe_point(r, &f->instrs[n])) {
            r->points[r->point_count++] = n;
        }
    }
    return r->points != NULL;
}

/* The first safe point from an instruction on. */
static uint32_t point_from(const struct roots *r, uint32_t instr)
{
    uint32_t low = 0, high = r->point_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->points[middle] < instr) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- Uses ---- */

/* A parameter that always has the same value stands for it. */
static bool copy_marks(struct roots *r)
{
    r->marks = array(r, r->in->instr_count, 1);
    for (uint32_t n = 0; r->marks != NULL && n < r->in->instr_count; n++) {
        unsigned mark = marks_of(r, n) & (ROOTS_OBJECT | ROOTS_INNER);
        const struct ir_instr *i = &r->in->instrs[r->survey.alias[n]];
        if (mark != 0 && i->type == IR_I32 && i->op != IR_CONST) {
            r->marks[r->survey.alias[n]] |= (uint8_t)mark;
        }
    }
    return r->marks != NULL;
}

static void note_use(void *ctx, uint32_t *operand)
{
    struct roots *r = ctx;
    uint32_t value = r->survey.alias[*operand];
    if (r->marks[value] == 0) {
        return;
    }
    if (r->counts) {
        r->first_use[value + 1]++;
    } else {
        r->uses[r->first_use[value]++] = (struct use){r->block, r->at};
    }
}

static void note_uses_of_edge(struct roots *r, uint32_t edge)
{
    const struct ir_edge *e = &r->in->edges[edge];
    uint32_t first = r->in->blocks[e->to].first;
    for (uint32_t n = 0; n < e->count; n++) {
        if (copy_keeps(&r->copy, first + n)) {
            note_use(r, &r->in->pool[e->args + n]);
        }
    }
}

static void note_uses_of_block(struct roots *r, uint32_t block)
{
    struct ir_function *f = r->in;
    const struct ir_block *b = &f->blocks[block];
    r->block = block;
    for (r->at = b->first + b->params; r->at < b->first + b->count; r->at++) {
        if (r->survey.is_needed[r->at] != 0) {
            ir_for_each_operand(f, &f->instrs[r->at], note_use, r);
        }
    }
    r->at = b->first + b->count - 1;
    for (uint32_t n = 0; n < ir_edge_count(f, &f->instrs[r->at]); n++) {
        note_uses_of_edge(r, ir_edge_of(f, &f->instrs[r->at], n));
    }
}

static bool note_uses(struct roots *r)
{
    uint32_t values = r->in->instr_count;
    r->first_use = array(r, values + (size_t)1, sizeof *r->first_use);
    for (unsigned pass = 0; pass < 2 && r->first_use != NULL; pass++) {
        r->counts = pass == 0;
        for (uint32_t n = 0; n < r->survey.cfg.count; n++) {
            note_uses_of_block(r, r->survey.cfg.order[n]);
        }
        for (uint32_t n = 0; r->counts && n < values; n++) {
            r->first_use[n + 1] += r->first_use[n];
        }
        if (r->counts) {
            r->uses = array(r, r->first_use[values], sizeof *r->uses);
        }
        if (r->uses == NULL) {
            return false;
        }
    }
    /* the second pass moved each index to the start of the next */
    for (uint32_t n = values; n > 0 && r->first_use != NULL; n--) {
        r->first_use[n] = r->first_use[n - 1];
    }
    if (r->first_use != NULL) {
        r->first_use[0] = 0;
    }
    return r->first_use != NULL;
}

/* ---- Where a value lives ---- */

static void reach(struct roots *r, uint32_t value, struct use use)
{
    if (r->stamp[use.block] != value + 1) {
        r->stamp[use.block] = value + 1;
        r->upto[use.block] = use.upto;
        r->reached[r->reached_count++] = use.block;
    }
    r->upto[use.block] = MAX(r->upto[use.block], use.upto);
}

/* The arguments of a call live up to it, its result from it on: neither lives across it. */
static bool list_points(struct roots *r, uint32_t value, uint32_t block)
{
    uint32_t first = r->in->blocks[block].first;
    uint32_t from = r->survey.home[value] == block ? value + 1 : first;
    for (uint32_t p = point_from(r, from); p < r->point_count && r->points[p] < r->upto[block];
         p++) {
        struct pair *all =
            arena_grow(r->arena, r->pairs, &r->pair_capacity, r->pair_count + 1, sizeof *all);
        if (all == NULL) {
            return fail(r, E_NOMEM);
        }
        r->pairs = all;
        all[r->pair_count++] = (struct pair){p, value};
    }
    return true;
}

/* The blocks of its uses, and backwards all before them, up to the one that defines it. */
static bool follow(struct roots *r, uint32_t value)
{
    const struct ir_cfg *cfg = &r->survey.cfg;
    uint32_t before = r->pair_count;
    r->reached_count = 0;
    for (uint32_t n = r->first_use[value]; n < r->first_use[value + 1]; n++) {
        reach(r, value, r->uses[n]);
    }
    for (uint32_t n = 0; n < r->reached_count; n++) {
        uint32_t block = r->reached[n];
        for (uint32_t p = cfg->pred_first[block];
             r->survey.home[value] != block && p < cfg->pred_first[block + 1]; p++) {
            const struct ir_block *pred = &r->in->blocks[cfg->pred_block[p]];
            reach(r, value, (struct use){cfg->pred_block[p], pred->first + pred->count});
        }
    }
    bool is_ok = true;
    for (uint32_t n = 0; is_ok && n < r->reached_count; n++) {
        is_ok = list_points(r, value, r->reached[n]);
    }
    if (r->pair_count != before) {
        r->cell[value] = ++r->cell_count;
    }
    return is_ok;
}

static bool find_cells(struct roots *r)
{
    size_t values = r->in->instr_count, blocks = r->in->block_count;
    r->cell = array(r, values, sizeof *r->cell);
    r->stamp = array(r, blocks, sizeof *r->stamp);
    r->upto = array(r, blocks, sizeof *r->upto);
    r->reached = array(r, blocks, sizeof *r->reached);
    if (r->cell == NULL || r->stamp == NULL || r->upto == NULL || r->reached == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < values; n++) {
        bool is_live = r->marks[n] != 0 && r->survey.cfg.position[r->survey.home[n]] != IR_NONE;
        if (is_live && !follow(r, n)) {
            return false;
        }
    }
    return true;
}

/* ---- What the request gets ---- */

static uint32_t cell_at(const struct roots *r, uint32_t value)
{
    return r->cells_at + CELL_BYTES * (r->cell[value] - 1);
}

static bool add_point(struct roots *r, uint32_t point, const struct pair *of, uint32_t count,
                      struct roots_cell *cells)
{
    for (uint32_t n = 0; n < count; n++) {
        bool is_inner = (r->marks[of[n].value] & ROOTS_INNER) != 0;
        cells[n] = (struct roots_cell){cell_at(r, of[n].value), is_inner};
    }
    r->ids[point] = r->q->add_point(r->q->ctx, cells, count);
    return r->ids[point] != 0 || fail(r, E_CANCELLED);
}

static bool add_points(struct roots *r)
{
    uint32_t *first = array(r, r->point_count + (size_t)1, sizeof *first);
    struct pair *sorted = array(r, r->pair_count, sizeof *sorted);
    struct roots_cell *cells = array(r, r->pair_count, sizeof *cells);
    r->ids = array(r, r->point_count, sizeof *r->ids);
    if (first == NULL || sorted == NULL || r->ids == NULL || cells == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < r->pair_count; n++) {
        first[r->pairs[n].point + 1]++;
    }
    for (uint32_t p = 0; p < r->point_count; p++) {
        first[p + 1] += first[p];
    }
    for (uint32_t n = 0; n < r->pair_count; n++) {
        sorted[first[r->pairs[n].point]++] = r->pairs[n];
    }
    for (uint32_t p = 0; p < r->point_count; p++) {
        uint32_t from = p == 0 ? 0 : first[p - 1];
        if (!add_point(r, p, sorted + from, first[p] - from, cells)) {
            return false;
        }
    }
    return true;
}

/* ---- Copying ---- */

static uint32_t frame_cell(struct roots *r, uint32_t at)
{
    return ir_memref(r->copy.out, &(struct ir_memref){.offset = at,
                                                      .space = IR_SPACE_MEMORY,
                                                      .access = IR_ACCESS_FULL,
                                                      .alias_class = (uint8_t)r->q->cell_class});
}

static void store_frame(struct roots *r, uint32_t at, uint32_t value)
{
    (void)ir_emit(r->copy.out, IR_STORE, IR_VOID, copy_value(&r->copy, r->q->frame), value,
                  frame_cell(r, at));
}

/* A value that has a cell is loaded again, unless this stretch of code has it already. */
static void refresh(void *ctx, uint32_t *operand)
{
    struct roots *r = ctx;
    uint32_t value = r->survey.alias[*operand];
    if (r->cell[value] != 0 && r->fresh[value] != r->stretch) {
        r->copy.values[value] =
            ir_emit(r->copy.out, IR_LOAD, IR_I32, copy_value(&r->copy, r->q->frame), 0,
                    frame_cell(r, cell_at(r, value)));
        r->fresh[value] = r->stretch;
    }
}

static void keep(struct roots *r, uint32_t value)
{
    if (r->cell[value] != 0) {
        store_frame(r, cell_at(r, value), r->copy.values[value]);
    }
    r->fresh[value] = r->stretch;
}

/* The frame exists from here on: parameters go into its cells. */
static void enter(struct roots *r)
{
    struct ir_function *f = r->copy.out;
    for (uint32_t n = 0; n < r->q->zeroed_count; n++) {
        (void)ir_emit(f, IR_STORE, IR_VOID, copy_value(&r->copy, r->q->frame),
                      ir_const(f, IR_I32, 0),
                      ir_memref(f, &(struct ir_memref){.offset = r->q->zeroed[n],
                                                       .space = IR_SPACE_MEMORY,
                                                       .access = IR_ACCESS_FULL,
                                                       .alias_class = (uint8_t)r->q->word_class}));
    }
    const struct ir_block *entry = &r->in->blocks[0];
    for (uint32_t v = entry->first; v < entry->first + entry->params; v++) {
        keep(r, v);
    }
}

static void announce(struct roots *r, uint32_t value)
{
    uint32_t id = r->ids[point_from(r, value)];
    if (id != r->stored_id) {
        store_frame(r, 0, ir_const(r->copy.out, IR_I32, id - 1));
        r->stored_id = id;
    }
}

static void copy_one(struct roots *r, uint32_t value)
{
    struct ir_function *f = r->in;
    bool is_frame = (marks_of(r, value) & ROOTS_FRAME) != 0 && f->instrs[value].op != IR_CONST;
    if (r->survey.is_needed[value] == 0 || (is_frame && !r->has_frame)) {
        return;
    }
    bool is_point = r->has_frame && is_safe_point(r, &f->instrs[value]);
    r->copy.out->location = r->in->locations[value];
    ir_for_each_operand(f, &f->instrs[value], refresh, r);
    if (is_point) {
        announce(r, value);
        r->stretch++;
    }
    struct ir_instr i = copy_operands(&r->copy, value);
    r->copy.values[value] = copy_emit(&r->copy, &i);
    if (r->has_frame && !is_frame) {
        keep(r, value);
    }
    if (r->has_frame && value == r->q->entered) {
        enter(r);
    }
}

static void copy_params(struct roots *r, uint32_t block)
{
    const struct ir_block *b = &r->in->blocks[block];
    for (uint32_t v = b->first; v < b->first + b->params; v++) {
        if (block == 0 || copy_keeps(&r->copy, v)) {
            r->copy.out->location = r->in->locations[v];
            r->copy.values[v] = ir_param(r->copy.out, r->in->instrs[v].type);
        }
    }
    for (uint32_t v = b->first; block != 0 && v < b->first + b->params; v++) {
        if (r->has_frame && copy_keeps(&r->copy, v)) {
            keep(r, v);
        }
    }
}

static void copy_block(struct roots *r, uint32_t block)
{
    struct ir_function *f = r->in;
    const struct ir_block *b = &f->blocks[block];
    uint32_t last = b->first + b->count - 1;
    ir_block_start(r->copy.out, r->copy.blocks[block]);
    r->stretch++;
    r->stored_id = 0;
    copy_params(r, block);
    for (uint32_t v = b->first + b->params; v < last && r->copy.out->error == OK; v++) {
        copy_one(r, v);
    }
    r->copy.out->location = f->locations[last];
    ir_for_each_operand(f, &f->instrs[last], refresh, r);
    for (uint32_t n = 0; n < ir_edge_count(f, &f->instrs[last]); n++) {
        const struct ir_edge *e = &f->edges[ir_edge_of(f, &f->instrs[last], n)];
        for (uint32_t k = 0; k < e->count; k++) {
            if (copy_keeps(&r->copy, f->blocks[e->to].first + k)) {
                refresh(r, &f->pool[e->args + k]);
            }
        }
    }
    copy_end(&r->copy, last);
}

static bool copy_all(struct roots *r)
{
    r->fresh = array(r, r->in->instr_count, sizeof *r->fresh);
    if (r->fresh == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < r->survey.cfg.count && r->copy.out->error == OK; n++) {
        copy_block(r, r->survey.cfg.order[n]);
    }
    return r->copy.out->error == OK || fail(r, r->copy.out->error);
}

/* ---- All ---- */

static bool decide_frame(struct roots *r)
{
    const struct roots_request *q = r->q;
    r->cells_at = q->frame_bytes;
    uint64_t bytes = ALIGN_UP(q->frame_bytes + CELL_BYTES * (uint64_t)r->cell_count, UINT64_C(8));
    r->has_frame = q->frame_size != 0 && (r->cell_count != 0 || q->frame_bytes > q->bytes_least);
    if (!r->has_frame) {
        return true;
    }
    if (bytes > q->bytes_max) {
        return fail(r, E_OVERFLOW);
    }
    r->in->instrs[q->frame_size].a = (uint32_t)bytes;
    return q->add_frame(q->ctx, (uint32_t)bytes) ? add_points(r) : fail(r, E_CANCELLED);
}

enum status roots_place(struct ir_function *f, const struct roots_request *request,
                        struct arena *scratch, struct ir_function **out)
{
    struct roots r = {.q = request, .arena = scratch, .in = f};
    if (copy_open(&r.copy, f->arena, f) != OK || survey_make(scratch, f, &r.survey) != OK ||
        copy_start(&r.copy, &r.survey) != OK) {
        return E_NOMEM;
    }
    if (find_points(&r) && copy_marks(&r) && note_uses(&r) && find_cells(&r) && decide_frame(&r) &&
        copy_all(&r)) {
        *out = r.copy.out;
    }
    return r.error;
}
