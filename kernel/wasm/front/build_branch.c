// SPDX-License-Identifier: MIT
//
// Operators that leave blocks: br, br_if, br_table, return.
//
// An edge is created before its target exists, with target 0 and no arguments (build_open_edge()),
// so that the instruction can name it. build_branch() fills it in: at once for a loop, whose
// header exists, and at the end of the block for all others. Until then `args` links the edges of
// one br_table.
#include "kernel/wasm/front/build_internal.h"

/* ---- Labels ---- */

/* Labels count frames from the innermost one, 0. */
struct build_frame *build_label(struct wasm_builder *b, uint32_t n)
{
    if (n >= b->frame_count) {
        (void)BUILD_INVALID(b, "unknown label %u", n);
        return NULL;
    }
    return &b->frames[b->frame_count - 1 - n];
}

/* A branch to a loop goes to its start and passes its parameters; to any other block, to its end
 * with its results. */
const uint32_t *build_label_types(const struct build_frame *frame, uint32_t *count)
{
    bool loop = frame->kind == FRAME_LOOP;
    *count = loop ? frame->type.param_count : frame->type.result_count;
    return loop ? frame->type.params : frame->type.results;
}

uint32_t build_open_edge(struct wasm_builder *b)
{
    uint32_t edge = ir_edge(b->f, 0, NULL, 0);
    if (b->f->error == OK) {
        b->f->edges[edge].args = IR_NONE; /* not linked to another edge */
    }
    return edge;
}

/* ---- Branches ---- */

/* A return needs no edge: the results are operands of the instruction. */
void build_return(struct wasm_builder *b)
{
    uint32_t count = b->frames[0].type.result_count;
    uint32_t pool = ir_pool(b->f, NULL, count);
    for (uint32_t n = 0; n < count && b->f->error == OK; n++) {
        b->f->pool[pool + n] = b->stack[b->depth - count + n].value;
    }
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, pool, count);
}

static struct build_frame *read_label(struct wasm_builder *b)
{
    uint32_t n;
    return wasm_u32(&b->r, &n) ? build_label(b, n) : NULL;
}

void build_br_emit(struct wasm_builder *b, struct build_frame *frame)
{
    if (frame->kind == FRAME_FUNCTION) {
        build_return(b);
        return;
    }
    uint32_t edge = build_open_edge(b);
    build_branch(b, frame, edge, 1);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, edge, 0, 0);
}

void build_br_to(struct wasm_builder *b, struct build_frame *frame)
{
    uint32_t count;
    const uint32_t *types = frame == NULL ? NULL : build_label_types(frame, &count);
    if (frame == NULL || !build_expect(b, types, count)) {
        return;
    }
    if (b->live) {
        build_br_emit(b, frame);
    }
    build_unreachable(b);
}

void build_br(struct wasm_builder *b)
{
    build_br_to(b, read_label(b));
}

static void emit_br_if(struct wasm_builder *b, struct build_frame *frame, uint32_t condition)
{
    if (!b->live) {
        return;
    }
    uint32_t edge = build_open_edge(b), next = ir_block_new(b->f);
    uint32_t on = ir_edge(b->f, next, NULL, 0);
    build_branch(b, frame, edge, 1);
    (void)ir_emit(b->f, IR_BRANCH, IR_VOID, condition, edge, on);
    ir_block_start(b->f, next);
}

/* The operands stay on the stack for the code that follows. build_expect() gives operands of
 * unknown type the label's types, as the specification demands. */
void build_br_if(struct wasm_builder *b)
{
    struct build_frame *frame = read_label(b);
    uint32_t condition = build_pop(b, WASM_I32), count;
    const uint32_t *types = frame == NULL ? NULL : build_label_types(frame, &count);
    if (frame != NULL && build_expect(b, types, count)) {
        emit_br_if(b, frame, condition);
    }
}

/* br_on_null drops a reference that is null and branches, and keeps any other; br_on_non_null
 * branches with a reference that is not null, and drops null. */
void build_br_on_null(struct wasm_builder *b, bool when_null)
{
    struct build_frame *frame = read_label(b);
    struct build_value v = build_pop_reference(b);
    uint32_t count;
    const uint32_t *types = frame == NULL ? NULL : build_label_types(frame, &count);
    if (frame == NULL || !build_stack_room(b, 1)) {
        return;
    }
    uint32_t is_null = build_emit(b, IR_EQZ, IR_I32, v.value, 0, 0);
    uint32_t type = v.type | (v.type == WASM_SOME_REFERENCE ? 0 : WASM_NOT_NULL);
    if (when_null) {
        if (build_expect(b, types, count)) {
            emit_br_if(b, frame, is_null);
            build_push(b, type, v.value);
        }
        return;
    }
    uint32_t condition = build_emit(b, IR_EQZ, IR_I32, is_null, 0, 0);
    if (count == 0 || !wasm_is_reference(types[count - 1])) {
        (void)BUILD_INVALID(b, "type mismatch: the label takes no reference");
        return;
    }
    build_push(b, type, v.value);
    if (build_expect(b, types, count)) {
        emit_br_if(b, frame, condition);
        b->depth--;
    }
}

/* ---- br_table ---- */

/* Check the types of the operands on top. Unlike build_expect() this changes nothing. */
static bool check_label(struct wasm_builder *b, const struct build_frame *frame, uint32_t *arity)
{
    uint32_t count, have = b->depth - b->top->height;
    const uint32_t *types = build_label_types(frame, &count);
    if (*arity != IR_NONE && *arity != count) {
        return BUILD_INVALID(b, "type mismatch: labels of %u and %u values", *arity, count);
    }
    *arity = count;
    if (have < count && !b->top->polymorphic) {
        return BUILD_INVALID(b, "type mismatch: expected %u values, found %u", count, have);
    }
    for (uint32_t n = 1; n <= MIN(have, count); n++) {
        uint32_t found = b->stack[b->depth - n].type;
        if (found != 0 && !wasm_is_subtype(b->m, found, b->m, types[count - n])) {
            return BUILD_INVALID(b, "type mismatch: expected %s, found %s",
                                 wasm_type_name(types[count - n]), wasm_type_name(found));
        }
    }
    return true;
}

/* Add a case: an edge, linked to the others that lead to the same label. */
static bool add_case(struct wasm_builder *b, uint32_t *arity)
{
    struct build_frame *frame = read_label(b);
    if (frame == NULL) {
        return false;
    }
    if (frame->chained++ == 0 && (!check_label(b, frame, arity) ||
                                  !build_append(b, &b->labels, (uint32_t)(frame - b->frames)))) {
        return false;
    }
    if (b->live) {
        uint32_t edge = build_open_edge(b);
        if (b->f->error == OK) {
            b->f->edges[edge].args = frame->chain;
            frame->chain = edge;
        }
    }
    return b->f->error == OK;
}

/* A table may name the same label many times. Each case needs an edge of its own, but the arguments
 * are equal, so the edges of one label are chained, and build_branch() handles each label once.
 * Without that, a table of many cases would cost cases times locals. */
void build_br_table(struct wasm_builder *b)
{
    uint32_t cases, arity = IR_NONE, index = build_pop(b, WASM_I32), first = b->f->edge_count;
    if (!wasm_count(&b->r, 1, &cases)) {
        return;
    }
    b->labels.count = 0;
    for (uint64_t n = 0; n < (uint64_t)cases + 1; n++) {
        if (!add_case(b, &arity)) {
            return;
        }
    }
    if (b->live && cases == 0) {
        (void)ir_emit(b->f, IR_JUMP, IR_VOID, first, 0, 0);
    } else if (b->live) {
        (void)ir_emit(b->f, IR_SWITCH, IR_VOID, index, first, cases + 1);
    }
    for (uint32_t n = 0; n < b->labels.count && build_ok(b) && !b->overrun; n++) {
        struct build_frame *frame = &b->frames[b->labels.words[n]];
        if (b->live) {
            build_branch(b, frame, frame->chain, frame->chained);
        }
        frame->chain = IR_NONE;
        frame->chained = 0;
    }
    build_unreachable(b);
}
