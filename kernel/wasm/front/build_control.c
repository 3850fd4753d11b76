// SPDX-License-Identifier: MIT
//
// Blocks, loops and ifs.
//
// WebAssembly's control flow is structured, so basic blocks can be made in one pass without
// computing dominance frontiers. A loop's header gets a parameter for each local that the loop
// sets (the scan knows them before the loop is built). The end of any other block gets a
// parameter for each operand, and for each local that has different values on the branches that
// lead there (build_merge.c).
//
// The frame of a block is on top until the block ends. Branches to an outer frame add pending
// entries to that frame only; they never change the state of the frames in between, which an undo
// would restore.
#include "kernel/wasm/front/build_internal.h"

#define TYPE_EMPTY 0x40

/* ---- Frames ---- */

static bool read_result_type(struct wasm_builder *b, struct wasm_block_type *out)
{
    static const uint32_t frequent[] = {WASM_I32, WASM_I64, WASM_F32, WASM_F64};
    uint32_t type, at = 0;
    if (!wasm_value_type(&b->r, &type)) {
        return false;
    }
    while (at < ARRAY_COUNT(frequent) && frequent[at] != type) {
        at++;
    }
    out->result_count = 1;
    if (at < ARRAY_COUNT(frequent)) {
        out->results = &frequent[at];
        return true;
    }
    uint32_t *own = arena_alloc(b->temporary, sizeof *own);
    if (own == NULL) {
        return wasm_fail_memory(&b->r, b->temporary, sizeof *own);
    }
    *own = type;
    out->results = own;
    return true;
}

/* The three forms of a block's type: empty, one result, or a function type by index. */
static bool read_block_type(struct wasm_builder *b, struct wasm_block_type *out)
{
    const uint8_t *where = b->r.at; /* the scan has checked that there is a type */
    int64_t index;
    *out = (struct wasm_block_type){0};
    if (*where == TYPE_EMPTY) {
        b->r.at++;
        return true;
    }
    if (wasm_is_value_type(*where) || wasm_begins_reference(*where)) {
        return read_result_type(b, out);
    }
    if (!wasm_i33(&b->r, &index)) {
        return false;
    }
    if (index < 0) {
        return wasm_fail(&b->r, where, E_CORRUPT, "0x%02x is no type of a block", *where);
    }
    if (index >= b->m->signature_count) {
        return wasm_fail(&b->r, where, E_CORRUPT, "unknown type %lld", (long long)index);
    }
    const struct wasm_signature *s = &b->m->signatures[index];
    *out = (struct wasm_block_type){s->full, s->full + s->params, s->params, s->results};
    return true;
}

/* Find the locals that are live at the label of the frame on top; inside a loop also those that are
 * live at the loop's header. */
static void find_live(struct wasm_builder *b, uint64_t *outer)
{
    const struct wasm_scan *s = &b->scan;
    bool is_try = b->top->kind >= FRAME_TRY_TABLE;
    uint32_t number = b->blocks_seen;
    b->blocks_seen += is_try ? 2 : 1;
    if (s->live == NULL) {
        return;
    }
    b->top->live = s->live + (size_t)number * s->live_words;
    b->top->unwind_live = is_try ? b->top->live + s->live_words : NULL;
    for (uint32_t n = 0; outer != NULL && n < (is_try ? 2 : 1) * s->live_words; n++) {
        b->top->live[n] |= outer[n % s->live_words];
    }
    b->top->loop_live = b->top->kind == FRAME_LOOP ? b->top->live : outer;
}

bool build_frame_push(struct wasm_builder *b, unsigned kind, struct wasm_block_type type)
{
    if (!build_reserve(b, &b->frames, &b->frame_capacity, (uint64_t)b->frame_count + 1,
                       sizeof *b->frames)) {
        return false;
    }
    uint64_t *outer = b->frame_count == 0 ? NULL : b->frames[b->frame_count - 1].loop_live;
    b->top = &b->frames[b->frame_count++];
    *b->top = (struct build_frame){
        .kind = (uint8_t)kind,
        .was_live = b->live,
        .type = type,
        .height = b->depth - type.param_count,
        .id = ++b->now,
        .log = b->log_count,
        .pending = IR_NONE,
        .outer_loop = b->loop_id,
        .saved = b->saved.count,
        .inits = b->inits.count,
        .chain = IR_NONE,
        .outer_guard = b->guard,
        .unwind = IR_NONE,
    };
    find_live(b, outer);
    return true;
}

static void pop_frame(struct wasm_builder *b)
{
    build_locals_forget(b);
    b->saved.count = b->top->saved;
    b->loop_id = b->top->outer_loop;
    b->guard = b->top->outer_guard;
    b->clauses.count = b->top->kind == FRAME_TRY_TABLE ? b->top->clauses : b->clauses.count;
    b->frame_count--;
    b->top = b->frame_count == 0 ? NULL : &b->frames[b->frame_count - 1];
}

void build_unreachable(struct wasm_builder *b)
{
    b->depth = b->top->height;
    b->top->polymorphic = true;
    b->live = false;
}

/* ---- Beginnings ---- */

bool build_begin(struct wasm_builder *b, struct wasm_block_type *type)
{
    return read_block_type(b, type) && build_expect(b, type->params, type->param_count);
}

static void begin_block(struct wasm_builder *b)
{
    struct wasm_block_type type;
    if (build_begin(b, &type)) {
        (void)build_frame_push(b, FRAME_BLOCK, type);
    }
}

/* Of the locals that a loop sets, only those that are live at its header become parameters. */
static void choose_parameters(struct wasm_builder *b, struct wasm_loop *loop)
{
    uint32_t kept = 0;
    for (uint32_t n = 0; n < loop->count; n++) {
        uint32_t local = b->scan.sets[loop->first + n];
        b->scan.locals[local].loop = b->top->id;
        if (build_local_is_live(b->top, local)) {
            b->scan.sets[loop->first + kept++] = local;
        } else if (BUILD_FORGETS) {
            build_local_set(b, local, IR_NONE);
        }
    }
    loop->count = kept;
}

/* The loop's operands and locals become parameters of its header. The first edge, into the loop,
 * passes the current operands and locals; each branch back to the header passes its own. So the
 * number of parameters must be known now and must not change: it is loop->count and the operands
 * of the block's type. */
static void enter_loop(struct wasm_builder *b, const struct wasm_loop *loop)
{
    const struct wasm_block_type *type = &b->top->type;
    uint32_t edge = build_open_edge(b);
    b->top->header = ir_block_new(b->f);
    build_branch(b, b->top, edge, 1);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, edge, 0, 0);
    if (!build_ok(b) || b->overrun) {
        return;
    }
    ir_block_start(b->f, b->top->header);
    for (uint32_t n = 0; n < type->param_count; n++) {
        b->stack[b->top->height + n].value = ir_param(b->f, wasm_ir_type(type->params[n]));
    }
    for (uint32_t n = 0; n < loop->count; n++) {
        uint32_t local = b->scan.sets[loop->first + n];
        build_local_set(b, local, ir_param(b->f, wasm_ir_type(b->scan.locals[local].type)));
    }
}

/* Loops are numbered in the order of their starts, like in the scan, also in unreachable code. */
static void begin_loop(struct wasm_builder *b)
{
    struct wasm_block_type type;
    uint32_t number = b->loops_seen++;
    if (!build_begin(b, &type) || !build_frame_push(b, FRAME_LOOP, type)) {
        return;
    }
    b->top->loop = number;
    b->loop_id = b->top->id;
    choose_parameters(b, &b->scan.loops[number]);
    if (b->live) {
        enter_loop(b, &b->scan.loops[number]);
    }
}

/* The operands of an `if` are saved, because the else part starts with the same ones. The target of
 * the else edge is set when the else part or the end of the block is reached. */
static void begin_if(struct wasm_builder *b)
{
    struct wasm_block_type type;
    uint32_t condition = build_pop(b, WASM_I32);
    if (!build_begin(b, &type) || !build_frame_push(b, FRAME_IF, type)) {
        return;
    }
    for (uint32_t n = 0; n < type.param_count; n++) {
        (void)build_append(b, &b->saved, b->stack[b->top->height + n].value);
    }
    if (b->live) {
        uint32_t then = ir_block_new(b->f), edge = ir_edge(b->f, then, NULL, 0);
        b->top->else_edge = build_open_edge(b);
        (void)ir_emit(b->f, IR_BRANCH, IR_VOID, condition, edge, b->top->else_edge);
        ir_block_start(b->f, then);
    }
}

/* ---- Ends ---- */

/* At its end a block must have exactly its results on the stack: not fewer, and not more. */
bool build_check_results(struct wasm_builder *b)
{
    const struct build_frame *frame = b->top;
    if (!build_expect(b, frame->type.results, frame->type.result_count)) {
        return false;
    }
    uint32_t more = b->depth - frame->height - frame->type.result_count;
    return more == 0 ||
           BUILD_INVALID(b, "type mismatch: %u more values on the stack than the block has results",
                         more);
}

/* Turn the fall through at the end of a block into a branch. */
void build_close(struct wasm_builder *b)
{
    if (b->live) {
        uint32_t edge = build_open_edge(b);
        build_branch(b, b->top, edge, 1);
        (void)ir_emit(b->f, IR_JUMP, IR_VOID, edge, 0, 0);
        b->live = false;
    }
}

bool build_end_part(struct wasm_builder *b)
{
    if (!build_check_results(b)) {
        return false;
    }
    build_close(b);
    return true;
}

/* The then part ends: its results and locals become a branch to the end of the block, and its
 * effects on locals are undone, so that the else part starts in the state before the `if`. A new
 * id makes it log the locals again. */
static void begin_else(struct wasm_builder *b)
{
    struct build_frame *frame = b->top;
    if (frame->kind != FRAME_IF) {
        (void)BUILD_INVALID(b, "else without an if");
        return;
    }
    if (!build_end_part(b)) {
        return;
    }
    build_locals_undo(b);
    build_locals_forget(b);
    frame->kind = FRAME_ELSE;
    frame->polymorphic = false;
    frame->id = ++b->now;
    b->live = frame->was_live;
    b->depth = frame->height;
    if (!build_stack_room(b, frame->type.param_count)) {
        return;
    }
    for (uint32_t n = 0; n < frame->type.param_count; n++) {
        build_push(b, frame->type.params[n], b->saved.words[frame->saved + n]);
    }
    uint32_t block = b->live ? ir_block_new(b->f) : 0;
    if (b->live && b->f->error == OK) {
        b->f->edges[frame->else_edge] = (struct ir_edge){.to = block};
        ir_block_start(b->f, block);
    }
}

/* An if without else: when its condition is false, its operands are the results. */
static bool end_lonely_if(struct wasm_builder *b)
{
    const struct wasm_block_type *type = &b->top->type;
    bool same = type->param_count == type->result_count;
    for (uint32_t n = 0; n < type->param_count && same; n++) {
        same = wasm_is_subtype(b->m, type->params[n], b->m, type->results[n]);
    }
    if (!same) {
        return BUILD_INVALID(b, "type mismatch: an if without else gives no results");
    }
    if (b->top->was_live) {
        build_close(b);
        build_branch_unchanged(b, b->top, b->top->else_edge, b->saved.words + b->top->saved);
    }
    return true;
}

/* If no branch leads to the end, control only falls through: the locals keep
 * their values, and the operands are on the stack already. Otherwise the
 * fall through becomes one more branch, the state goes back to the start of
 * the block, and build_merge() makes a block that takes up all branches. */
void build_end_frame(struct wasm_builder *b)
{
    if (b->top->pendings == 0) {
        if (b->live && b->frame_count > 1) {
            build_locals_keep(b);
        } else {
            build_locals_undo(b);
        }
        pop_frame(b);
        return;
    }
    build_close(b);
    build_locals_undo(b);
    struct build_frame frame = *b->top;
    b->depth = frame.height;
    if (b->frame_count > 1) {
        pop_frame(b);
    }
    build_merge(b, &frame);
    if (frame.kind == FRAME_FUNCTION) {
        pop_frame(b);
    }
}

/* The end of the function's own frame is a return. */
static void end_block(struct wasm_builder *b)
{
    bool function = b->frame_count == 1;
    if (!build_check_results(b) || (b->top->kind == FRAME_IF && !end_lonely_if(b))) {
        return;
    }
    if (b->top->kind >= FRAME_TRY_TABLE) {
        build_end_try(b);
    }
    build_end_frame(b);
    if (function && b->live && build_ok(b)) {
        build_return(b);
        b->live = false;
    }
}

/* ---- All control operators ---- */

void build_control(struct wasm_builder *b, unsigned action)
{
    switch (action) {
    case WASM_ACTION_UNREACHABLE:
        (void)build_emit(b, IR_TRAP, IR_VOID, 0, IR_TRAP_UNREACHABLE, 0);
        build_unreachable(b);
        return;
    case WASM_ACTION_BLOCK:
        begin_block(b);
        return;
    case WASM_ACTION_LOOP:
        begin_loop(b);
        return;
    case WASM_ACTION_IF:
        begin_if(b);
        return;
    case WASM_ACTION_ELSE:
        begin_else(b);
        return;
    case WASM_ACTION_END:
        end_block(b);
        return;
    case WASM_ACTION_BR:
        build_br(b);
        return;
    case WASM_ACTION_BR_IF:
        build_br_if(b);
        return;
    case WASM_ACTION_BR_TABLE:
        build_br_table(b);
        return;
    case WASM_ACTION_BR_ON_NULL:
    case WASM_ACTION_BR_ON_NON_NULL:
        build_br_on_null(b, action == WASM_ACTION_BR_ON_NULL);
        return;
    case WASM_ACTION_TRY_TABLE:
    case WASM_ACTION_TRY:
    case WASM_ACTION_CATCH:
    case WASM_ACTION_CATCH_ALL:
    case WASM_ACTION_DELEGATE:
    case WASM_ACTION_THROW:
    case WASM_ACTION_RETHROW:
    case WASM_ACTION_THROW_REF:
        build_exception(b, action);
        return;
    default: /* WASM_ACTION_RETURN */
        build_br_to(b, &b->frames[0]);
        return;
    }
}
