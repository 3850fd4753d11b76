// SPDX-License-Identifier: MIT
//
// Where branches meet. A branch to the end of a block records the values that it passes: its
// operands, and the locals that were set since the block began. At the end of the block a value
// becomes a parameter only if branches pass different values for it. The parameters of a loop are
// known before its body (scan.c), so branches to its start are complete at once.
#include "kernel/wasm/front/build_internal.h"

#include "kernel/base/assert.h"

/* ---- Edges ---- */

/* Three lists describe the branches to a label. `pending` has an entry for each branch (or for all
 * edges of one br_table to the label), linked from the latest to the first. `notes` has the values
 * of each: as many operands as the label takes, then `changes` pairs of local and value. Both only
 * grow while a function is built; the budget bounds them (build_spend()), and start() in build.c
 * empties them. A local that a branch does not mention has the value from before the block. */

/* Let linked edges lead to a block, with arguments. If several edges of one br_table pass
 * arguments, they first meet in a block of their own, so that the arguments are written, and moved,
 * only once. */
static void complete_edges(struct wasm_builder *b, uint32_t edge, uint32_t edges, uint32_t to,
                           uint32_t args, uint32_t count)
{
    struct ir_function *f = b->f;
    bool meet = edges > 1 && count > 0;
    uint32_t target = meet ? ir_block_new(f) : to;
    if (f->error != OK) {
        return;
    }
    while (edge != IR_NONE) {
        uint32_t next = f->edges[edge].args;
        f->edges[edge] = meet ? (struct ir_edge){.to = target}
                              : (struct ir_edge){.to = to, .args = args, .count = count};
        edge = next;
    }
    if (meet) {
        ir_block_start(f, target);
        uint32_t on = ir_edge(f, to, NULL, 0);
        if (f->error == OK) {
            f->edges[on].args = args;
            f->edges[on].count = count;
            (void)ir_emit(f, IR_JUMP, IR_VOID, on, 0, 0);
        }
    }
}

/* ---- Branches ---- */

/* The arguments are the operands, then the current values of the loop's locals. */
static void branch_to_loop(struct wasm_builder *b, const struct build_frame *frame, uint32_t edge,
                           uint32_t edges)
{
    const struct wasm_loop *loop = &b->scan.loops[frame->loop];
    uint32_t params = frame->type.param_count, count = params + loop->count;
    uint32_t args = ir_pool(b->f, NULL, count);
    build_spend(b, count);
    if (b->f->error != OK) {
        return;
    }
    for (uint32_t n = 0; n < params; n++) {
        b->f->pool[args + n] = b->stack[b->depth - params + n].value;
    }
    for (uint32_t n = 0; n < loop->count; n++) {
        uint32_t value = b->scan.locals[b->scan.sets[loop->first + n]].value;
        DASSERT(value != IR_NONE);
        b->f->pool[args + params + n] = value;
    }
    complete_edges(b, edge, edges, frame->header, args, count);
}

/* Record the locals that were set since the frame began, if they may be read after it. The list
 * from b->newest on is ordered by the time of the last set, so the walk ends at the first local
 * that was set before the frame began. A return needs no locals, hence none are noted for the
 * function's own frame. */
static uint32_t note_changes(struct wasm_builder *b, const struct build_frame *frame)
{
    uint32_t changes = 0;
    const struct wasm_local *locals = b->scan.locals;
    if (frame->kind == FRAME_FUNCTION) {
        return 0;
    }
    for (uint32_t n = b->newest; n != IR_NONE && locals[n].time >= frame->id; n = locals[n].older) {
        build_spend(b, 1);
        if (!build_local_is_live(frame, n)) {
            continue;
        }
        DASSERT(locals[n].value != IR_NONE);
        if (!build_append(b, &b->notes, n) || !build_append(b, &b->notes, locals[n].value)) {
            return 0;
        }
        changes++;
    }
    return changes;
}

/* The caller adds the notes directly after this: first
 * the results, then pairs of local and value. */
static struct wasm_pending *add_pending(struct wasm_builder *b, struct build_frame *frame,
                                        uint32_t edge, uint32_t edges)
{
    if (!build_reserve(b, &b->pending, &b->pending_capacity, (uint64_t)b->pending_count + 1,
                       sizeof *b->pending)) {
        return NULL;
    }
    struct wasm_pending *p = &b->pending[b->pending_count];
    *p = (struct wasm_pending){
        .next = frame->pending, .edge = edge, .edges = edges, .notes = b->notes.count};
    frame->pending = b->pending_count++;
    frame->pendings++;
    return p;
}

void build_branch(struct wasm_builder *b, struct build_frame *frame, uint32_t edge, uint32_t edges)
{
    if (frame->kind == FRAME_LOOP) {
        branch_to_loop(b, frame, edge, edges);
        return;
    }
    struct wasm_pending *p = add_pending(b, frame, edge, edges);
    uint32_t results = frame->type.result_count;
    for (uint32_t n = 0; n < results && p != NULL; n++) {
        if (!build_append(b, &b->notes, b->stack[b->depth - results + n].value)) {
            return;
        }
    }
    if (p != NULL) {
        p->changes = note_changes(b, frame);
        build_spend(b, results);
    }
}

void build_branch_unchanged(struct wasm_builder *b, struct build_frame *frame, uint32_t edge,
                            const uint32_t *values)
{
    (void)add_pending(b, frame, edge, 1);
    for (uint32_t n = 0; n < frame->type.result_count; n++) {
        (void)build_append(b, &b->notes, values[n]);
    }
}

/* ---- Merging ---- */

/* Combine the value that a pending branch passes for a local with those seen so far. `stamp` tells
 * whether the other fields of the local belong to this merge, so that they need not be cleared: a
 * hostile body has many locals and many labels, and clearing all for each label would take
 * quadratic time. */
static bool note_local(struct wasm_builder *b, uint32_t local, uint32_t value, bool *differs)
{
    struct wasm_local *l = &b->scan.locals[local];
    *differs = false;
    if (l->stamp != b->stamp) {
        l->stamp = b->stamp;
        l->count = 1;
        l->merged = value;
        l->parameter = 0;
        return build_append(b, &b->touched, local);
    }
    l->count++;
    *differs = l->merged != value;
    return true;
}

/* Collect the locals for which any branch passes a value;
 * `parameter` becomes 1 where two branches differ. */
static bool collect_locals(struct wasm_builder *b, const struct build_frame *frame)
{
    b->touched.count = 0;
    b->stamp++;
    for (uint32_t n = frame->pending; n != IR_NONE; n = b->pending[n].next) {
        const struct wasm_pending *p = &b->pending[n];
        const uint32_t *pairs = b->notes.words + p->notes + frame->type.result_count;
        for (uint32_t c = 0; c < p->changes; c++) {
            bool differs;
            if (!note_local(b, pairs[2 * c], pairs[2 * c + 1], &differs)) {
                return false;
            }
            b->scan.locals[pairs[2 * c]].parameter |= differs;
        }
    }
    return true;
}

/* Number the parameters, from 1: results in `labels`, locals in themselves. A local needs a
 * parameter if two branches differ, or if a branch that does not mention it passes another value
 * than the rest (count < pendings). Operands are compared with the first branch found, which is the
 * latest one. */
static bool number_parameters(struct wasm_builder *b, const struct build_frame *frame,
                              uint32_t *total)
{
    uint32_t results = frame->type.result_count, next = 0;
    const uint32_t *first = b->notes.words + b->pending[frame->pending].notes;
    b->labels.count = 0;
    for (uint32_t r = 0; r < results; r++) {
        bool differs = false;
        for (uint32_t n = frame->pending; n != IR_NONE && !differs; n = b->pending[n].next) {
            differs = b->notes.words[b->pending[n].notes + r] != first[r];
        }
        if (!build_append(b, &b->labels, differs ? ++next : 0)) {
            return false;
        }
    }
    for (uint32_t n = 0; n < b->touched.count; n++) {
        struct wasm_local *l = &b->scan.locals[b->touched.words[n]];
        bool differs = l->parameter != 0 || (l->count < frame->pendings && l->merged != l->value);
        l->parameter = differs ? ++next : 0;
    }
    *total = next;
    return true;
}

/* The arguments of one branch: the values of locals before the block, replaced by those that the
 * branch passes. */
static void fill_args(struct wasm_builder *b, const struct build_frame *frame,
                      const struct wasm_pending *p, uint32_t *args)
{
    uint32_t results = frame->type.result_count;
    const uint32_t *notes = b->notes.words + p->notes;
    for (uint32_t r = 0; r < results; r++) {
        if (b->labels.words[r] != 0) {
            args[b->labels.words[r] - 1] = notes[r];
        }
    }
    for (uint32_t n = 0; n < b->touched.count; n++) {
        const struct wasm_local *l = &b->scan.locals[b->touched.words[n]];
        if (l->parameter != 0) {
            DASSERT(l->value != IR_NONE || l->count == frame->pendings);
            args[l->parameter - 1] = l->value;
        }
    }
    for (uint32_t c = 0; c < p->changes; c++) {
        const struct wasm_local *l = &b->scan.locals[notes[results + 2 * c]];
        if (l->parameter != 0) {
            args[l->parameter - 1] = notes[results + 2 * c + 1];
        }
    }
}

/* The budget is charged before the arguments are written: `total` times `pendings` is what a
 * hostile body can make quadratic. After an overrun the function is built again with fewer locals
 * as values, and this attempt's edges are not looked at again. */
static void complete_branches(struct wasm_builder *b, const struct build_frame *frame, uint32_t to,
                              uint32_t total)
{
    build_spend(b, (uint64_t)total * frame->pendings);
    for (uint32_t n = frame->pending; n != IR_NONE && build_ok(b) && !b->overrun;
         n = b->pending[n].next) {
        const struct wasm_pending *p = &b->pending[n];
        uint32_t args = ir_pool(b->f, NULL, total);
        if (b->f->error == OK) {
            if (total > 0) {
                fill_args(b, frame, p, b->f->pool + args);
            }
            complete_edges(b, p->edge, p->edges, to, args, total);
        }
    }
}

/* Forget locals that were set in the block and are not read after it. */
static void forget_locals(struct wasm_builder *b, const struct build_frame *frame)
{
    const struct wasm_local *locals = b->scan.locals;
    uint32_t local = b->newest;
    while (BUILD_FORGETS && local != IR_NONE && locals[local].time >= frame->id) {
        uint32_t older = locals[local].older;
        if (!build_local_is_live(frame, local)) {
            build_local_set(b, local, IR_NONE);
        }
        local = older;
    }
}

/* Create the parameters, in order, and assign the values that operands and locals have from here
 * on. The order must be that of number_parameters(): operands first, then the locals as `touched`
 * lists them. ir_param() numbers parameters in the order of the calls, and fill_args() has written
 * the arguments by those numbers. */
static void take_parameters(struct wasm_builder *b, const struct build_frame *frame)
{
    uint32_t results = frame->type.result_count;
    const uint32_t *first = b->notes.words + b->pending[frame->pending].notes;
    for (uint32_t r = 0; r < results; r++) {
        uint32_t type = frame->type.results[r];
        build_push(b, type,
                   b->labels.words[r] != 0 ? ir_param(b->f, wasm_ir_type(type)) : first[r]);
    }
    for (uint32_t n = 0; n < b->touched.count; n++) {
        uint32_t local = b->touched.words[n];
        const struct wasm_local *l = &b->scan.locals[local];
        uint32_t merged = l->parameter != 0 ? ir_param(b->f, wasm_ir_type(l->type)) : l->merged;
        if (merged != l->value) {
            build_local_set(b, local, merged);
        }
    }
}

/* The locals have their values from before the block now (build_end_frame() has undone the log), so
 * a branch that does not mention a local passes l->value. The order is fixed: parameters are
 * numbered before the edges are completed, and the block is started last, because completing
 * edges may start blocks of its own. */
void build_merge(struct wasm_builder *b, const struct build_frame *frame)
{
    uint32_t total;
    if (!collect_locals(b, frame) || !number_parameters(b, frame, &total) ||
        !build_stack_room(b, frame->type.result_count)) {
        return;
    }
    uint32_t block = ir_block_new(b->f);
    complete_branches(b, frame, block, total);
    if (!build_ok(b) || b->overrun) {
        return;
    }
    ir_block_start(b->f, block);
    b->live = true;
    take_parameters(b, frame);
    if (frame->kind != FRAME_FUNCTION) {
        forget_locals(b, frame);
    }
}
