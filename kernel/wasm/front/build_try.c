// SPDX-License-Identifier: MIT
//
// Exceptions: try_table, and the older try with its handlers.
//
// A call inside a try is an invoke: it returns along one edge, and unwinds along another. The
// unwind edges of a try meet in a block where its clauses are tried, one after the other. An
// exception that fits none goes to the try around it, or is thrown again. A call outside of every
// try is an ordinary call.
//
// Code sees an exception as an i64, the value of an exnref. Helpers make it, ask for its tag and
// read its values (enum wasm_helper).
#include "kernel/wasm/front/build_internal.h"

#include "kernel/base/assert.h"

/* Words of a clause in wasm_builder.clauses. */
enum { CLAUSE_KIND, CLAUSE_TAG, CLAUSE_LABEL, CLAUSE_WORDS };

#define EXN_NOT_NULL ((uint32_t)WASM_EXNREF | WASM_NOT_NULL)

static const struct wasm_signature *tag_type(const struct wasm_builder *b, uint32_t tag)
{
    return &b->m->signatures[b->m->tags[tag].type];
}

static bool check_tag(struct wasm_builder *b, uint32_t tag)
{
    return tag < b->m->tag_count || BUILD_INVALID(b, "unknown tag %u", tag);
}

/* ---- The values of an exception ---- */

/* An exception is an object of the store (kernel/wasm/run/exception.c); code holds only its number.
 * A value is written to, or read from, a cell of 64 bits by a helper, one a call. The cells are in
 * the order of the tag's parameters, and a vector has two: set_types() there counts in the same way
 * and must stay in step. References to functions are addresses of the kernel, so they have helpers
 * of their own, whose types the verifier knows. cell_of() of exception.c refuses a helper that does
 * not fit the cell's type, so a number written to one cell cannot be read as a function. */

static uint32_t cell_of(struct wasm_builder *b, uint32_t cell)
{
    return build_const(b, IR_I32, cell);
}

/* Integers of 64 bits, as helpers take them. */
static uint32_t to_bits(struct wasm_builder *b, unsigned type, uint32_t value)
{
    switch (type) {
    case WASM_F32:
        value = build_emit(b, IR_BITCAST, IR_I32, value, 0, 0);
        return build_emit(b, IR_EXTEND_U, IR_I64, value, 0, 0);
    case WASM_I32:
        return build_emit(b, IR_EXTEND_U, IR_I64, value, 0, 0);
    case WASM_F64:
        return build_emit(b, IR_BITCAST, IR_I64, value, 0, 0);
    default:
        return value;
    }
}

static uint32_t from_bits(struct wasm_builder *b, unsigned type, uint32_t bits)
{
    switch (type) {
    case WASM_F32:
        bits = build_emit(b, IR_WRAP, IR_I32, bits, 0, 0);
        return build_emit(b, IR_BITCAST, IR_F32, bits, 0, 0);
    case WASM_I32:
        return build_emit(b, IR_WRAP, IR_I32, bits, 0, 0);
    case WASM_F64:
        return build_emit(b, IR_BITCAST, IR_F64, bits, 0, 0);
    default:
        return bits;
    }
}

static void set_cell(struct wasm_builder *b, unsigned helper, uint32_t exception, uint32_t cell,
                     uint32_t bits)
{
    const uint32_t args[] = {exception, cell_of(b, cell), bits};
    (void)build_helper(b, helper, args, ARRAY_COUNT(args));
}

static uint32_t get_cell(struct wasm_builder *b, unsigned helper, uint32_t exception, uint32_t cell)
{
    const uint32_t args[] = {exception, cell_of(b, cell)};
    return build_helper(b, helper, args, ARRAY_COUNT(args));
}

/* A vector takes two cells. @return the cells that the value takes. */
static uint32_t set_value(struct wasm_builder *b, uint32_t exception, uint32_t cell, unsigned type,
                          uint32_t value)
{
    if (type == WASM_V128) {
        for (uint32_t half = 0; half < 2; half++) {
            set_cell(b, WASM_HELPER_EXN_SET, exception, cell + half,
                     build_emit(b, IR_I64X2_EXTRACT, IR_I64, value, half, 0));
        }
        return 2;
    }
    unsigned helper = type == WASM_FUNCREF      ? WASM_HELPER_EXN_SET_FUNC
                      : wasm_is_reference(type) ? WASM_HELPER_EXN_SET_EXTERN
                                                : WASM_HELPER_EXN_SET;
    set_cell(b, helper, exception, cell, to_bits(b, type, value));
    return 1;
}

static uint32_t get_value(struct wasm_builder *b, uint32_t exception, uint32_t *cell, unsigned type)
{
    if (type == WASM_V128) {
        uint32_t low = get_cell(b, WASM_HELPER_EXN_GET, exception, (*cell)++);
        uint32_t high = get_cell(b, WASM_HELPER_EXN_GET, exception, (*cell)++);
        uint32_t both = build_emit(b, IR_I64X2_SPLAT, IR_V128, low, 0, 0);
        return build_emit(b, IR_I64X2_REPLACE, IR_V128, both, high, 1);
    }
    unsigned helper = type == WASM_FUNCREF      ? WASM_HELPER_EXN_GET_FUNC
                      : wasm_is_reference(type) ? WASM_HELPER_EXN_GET_EXTERN
                                                : WASM_HELPER_EXN_GET;
    return from_bits(b, type, get_cell(b, helper, exception, (*cell)++));
}

/* @return false: no memory; recorded. */
static bool push_values(struct wasm_builder *b, const struct wasm_signature *s, uint32_t exception)
{
    uint32_t cell = 0;
    if (!build_stack_room(b, s->params)) {
        return false;
    }
    for (uint32_t n = 0; n < s->params; n++) {
        build_push(b, s->full[n], get_value(b, exception, &cell, s->types[n]));
    }
    return true;
}

/* ---- Unwind edges ---- */

/* Each try frame has two labels. `pending` leads to its end; `unwind` leads to the place where its
 * exceptions arrive, the dispatch. An unwind edge is recorded like a branch, with the locals that
 * were set since the frame began, and build_merge() makes parameters of those that differ. It
 * passes no operands: a throw empties the stack down to the frame's height (`type` is empty in the
 * view). All edges are recorded before the dispatch is built, because a parameter that is missing
 * there cannot be added later. */

/* A try as a block whose label is the place where its exceptions arrive. */
static struct build_frame seen_from_throw(const struct build_frame *frame)
{
    struct build_frame view = *frame;
    view.kind = FRAME_TRY;
    view.type = (struct wasm_block_type){0};
    view.pending = frame->unwind;
    view.pendings = frame->unwinds;
    view.live = frame->unwind_live;
    return view;
}

/* The view is a copy: the two fields that build_branch() changes must be copied back. `guard`
 * counts from 1. */
uint32_t build_unwind_edge(struct wasm_builder *b, uint32_t guard)
{
    struct build_frame *frame = &b->frames[guard - 1], view = seen_from_throw(frame);
    uint32_t edge = build_open_edge(b);
    build_branch(b, &view, edge, 1);
    frame->unwind = view.pending;
    frame->unwinds = view.pendings;
    return edge;
}

/* Throw an exception; nothing after it is reachable. Without a try in this function the helper
 * searches the callers' frames and does not return (code_map_throw()). With one it is an invoke,
 * whose edge for a return leads to the trap here and is never used. */
static void emit_throw(struct wasm_builder *b, uint32_t exception)
{
    if (!b->live) {
        return;
    }
    if (b->guard == 0) {
        (void)build_helper(b, WASM_HELPER_EXN_THROW, &exception, 1);
    } else {
        uint32_t words[3] = {0, 0, exception};
        build_call_in_try(b, WASM_HELPER_EXN_THROW, false, IR_VOID, ir_pool(b->f, words, 3), 3);
    }
    (void)ir_emit(b->f, IR_TRAP, IR_VOID, 0, IR_TRAP_UNREACHABLE, 0);
    b->live = false;
}

/* What fits no clause goes to the try around this one. It is still the one that is being thrown, so
 * no helper is needed: the dispatch of the outer try asks WASM_HELPER_EXN_CAUGHT and gets the same
 * exception, provided that EXN_END was not called. Without an outer try, b->guard must be 0 during
 * emit_throw(), or a try that the delegate skips would catch it; pop_frame() of build_control.c
 * restores it. */
static void pass_on(struct wasm_builder *b, uint32_t guard, uint32_t exception)
{
    if (!b->live || !build_ok(b)) {
        return;
    }
    if (guard == 0) {
        b->guard = 0;
        emit_throw(b, exception);
        return;
    }
    uint32_t edge = build_unwind_edge(b, guard);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, edge, 0, 0);
    b->live = false;
}

/* Continue where the exceptions of the frame on top arrive, if any do. @return the exception. */
static uint32_t start_dispatch(struct wasm_builder *b)
{
    struct build_frame view = seen_from_throw(b->top);
    b->depth = b->top->height;
    b->live = false;
    if (b->top->unwinds == 0) {
        return 0;
    }
    build_merge(b, &view);
    return build_ok(b) && !b->overrun ? build_helper(b, WASM_HELPER_EXN_CAUGHT, NULL, 0) : 0;
}

/* Emit a test of the exception's tag. If it matches, the code that is built next runs.
 * @return The block for the other case. */
static uint32_t test_tag(struct wasm_builder *b, uint32_t exception, uint32_t tag)
{
    const uint32_t args[] = {exception, build_const(b, IR_I32, tag)};
    uint32_t fits = build_helper(b, WASM_HELPER_EXN_IS, args, ARRAY_COUNT(args));
    uint32_t yes = ir_block_new(b->f), no = ir_block_new(b->f);
    uint32_t to_yes = ir_edge(b->f, yes, NULL, 0), to_no = ir_edge(b->f, no, NULL, 0);
    (void)ir_emit(b->f, IR_BRANCH, IR_VOID, fits, to_yes, to_no);
    ir_block_start(b->f, yes);
    return no;
}

/* The exception is no longer being thrown. */
static void end_exception(struct wasm_builder *b, uint32_t exception, bool is_kept)
{
    const uint32_t args[] = {exception, build_const(b, IR_I32, is_kept)};
    (void)build_helper(b, WASM_HELPER_EXN_END, args, ARRAY_COUNT(args));
}

/* ---- try_table ---- */

/* The label must take the values of the tag, then the exception. */
static bool clause_fits(struct wasm_builder *b, uint8_t kind, uint32_t tag,
                        const struct build_frame *label)
{
    uint32_t count;
    const uint32_t *types = build_label_types(label, &count);
    const struct wasm_signature *s = kind < WASM_CATCH_ALL ? tag_type(b, tag) : NULL;
    uint32_t params = s == NULL ? 0 : s->params;
    bool has_ref = kind == WASM_CATCH_REF || kind == WASM_CATCH_ALL_REF;
    if (params + has_ref != count) {
        return BUILD_INVALID(b, "type mismatch: a clause of %u values for a label of %u",
                             params + has_ref, count);
    }
    for (uint32_t n = 0; n < count; n++) {
        uint32_t found = n < params ? s->full[n] : EXN_NOT_NULL;
        if (!wasm_is_subtype(b->m, found, b->m, types[n])) {
            return BUILD_INVALID(b, "type mismatch: expected %s, found %s",
                                 wasm_type_name(types[n]), wasm_type_name(found));
        }
    }
    return true;
}

/* Labels of clauses count from the block around the try_table. */
static bool read_clause(struct wasm_builder *b)
{
    uint8_t kind;
    uint32_t tag, number;
    if (!wasm_clause(&b->r, &kind, &tag, &number) ||
        (kind < WASM_CATCH_ALL && !check_tag(b, tag))) {
        return false;
    }
    const struct build_frame *label = build_label(b, number);
    return label != NULL && clause_fits(b, kind, tag, label) &&
           build_append(b, &b->clauses, kind) && build_append(b, &b->clauses, tag) &&
           build_append(b, &b->clauses, (uint32_t)(label - b->frames));
}

static void begin_try_table(struct wasm_builder *b)
{
    struct wasm_block_type type;
    uint32_t count, first = b->clauses.count;
    if (!build_begin(b, &type) || !wasm_count(&b->r, 2, &count)) {
        return;
    }
    for (uint32_t n = 0; n < count; n++) {
        if (!read_clause(b)) {
            return;
        }
    }
    if (build_frame_push(b, FRAME_TRY_TABLE, type)) {
        b->top->clauses = first;
        b->guard = b->frame_count;
    }
}

/* Emit one test of the dispatch, and the branch to the clause's label. The order matters: the
 * values are read before end_exception(), which frees an exception to which no exnref refers. The
 * clause's label is outside of the try_table, so its frame still exists; the clause has the frame's
 * index and not its address, because the list of frames may move when it grows. @return whether
 * there is code after it. */
static bool emit_clause(struct wasm_builder *b, const uint32_t *clause, uint32_t exception)
{
    bool has_tag = clause[CLAUSE_KIND] < WASM_CATCH_ALL;
    bool has_ref =
        clause[CLAUSE_KIND] == WASM_CATCH_REF || clause[CLAUSE_KIND] == WASM_CATCH_ALL_REF;
    uint32_t next = has_tag ? test_tag(b, exception, clause[CLAUSE_TAG]) : IR_NONE;
    if (has_tag && !push_values(b, tag_type(b, clause[CLAUSE_TAG]), exception)) {
        return false;
    }
    if (has_ref) {
        build_push(b, EXN_NOT_NULL, exception);
    }
    end_exception(b, exception, has_ref);
    build_br_emit(b, &b->frames[clause[CLAUSE_LABEL]]);
    b->depth = b->top->height;
    if (has_tag) {
        ir_block_start(b->f, next);
    }
    return has_tag;
}

/* A clause without a tag catches all: what follows it is unreachable, and so is the way to the
 * outer try. All clauses share one block of parameters, that of start_dispatch(), because no clause
 * changes a local. */
static void dispatch_table(struct wasm_builder *b)
{
    uint32_t exception = start_dispatch(b), outer = b->top->outer_guard;
    uint32_t end = b->clauses.count;
    bool goes_on = b->live;
    for (uint32_t n = b->top->clauses; n < end && goes_on && build_ok(b); n += CLAUSE_WORDS) {
        goes_on = emit_clause(b, b->clauses.words + n, exception);
    }
    b->live = goes_on;
    pass_on(b, outer, exception);
}

/* ---- try ---- */

/* The older try. Its handlers are parts of the same frame, as `else` is of an `if`: the body ends
 * with a branch to the end, then each handler is entered with the frame's operands and locals
 * restored. The frame's kind changes from FRAME_TRY to FRAME_HANDLER at the first handler. From
 * there on b->guard is the outer try, so that a throw in a handler does not arrive at the same try
 * again. At the end of the last handler, or of a try without one, the rest is passed on. */

static void begin_try(struct wasm_builder *b)
{
    struct wasm_block_type type;
    if (build_begin(b, &type) && build_frame_push(b, FRAME_TRY, type)) {
        b->top->next_handler = IR_NONE;
        b->guard = b->frame_count;
    }
}

/* Later handlers start with the locals that the first one starts with: remember them. */
static void save_locals(struct wasm_builder *b)
{
    const struct wasm_local *locals = b->scan.locals;
    for (uint32_t n = b->newest; n != IR_NONE && locals[n].time >= b->top->id;
         n = locals[n].older) {
        build_spend(b, 1);
        if (!build_append(b, &b->saved, n) || !build_append(b, &b->saved, locals[n].value)) {
            return;
        }
    }
}

/* pop_frame() cuts `saved` back to the frame's own length when an inner block ends, so from
 * handler_locals on it has only the pairs of save_locals(). */
static void restore_locals(struct wasm_builder *b)
{
    for (uint32_t n = b->top->handler_locals; n < b->saved.count; n += 2) {
        build_spend(b, 1);
        build_local_set(b, b->saved.words[n], b->saved.words[n + 1]);
    }
}

/* The next handler is reached if the exception fits none before it. The new id makes the sets of
 * the body count as older than the handler: build_local_set() logs a local again, and a branch out
 * of the handler notes only the handler's own sets and the merged locals. build_locals_undo() must
 * come before start_dispatch(): build_merge() expects the locals as they were before the try. */
static void enter_handler(struct wasm_builder *b)
{
    struct build_frame *frame = b->top;
    build_locals_undo(b);
    build_locals_forget(b);
    frame->id = ++b->now;
    frame->polymorphic = false;
    b->depth = frame->height;
    if (frame->kind == FRAME_TRY) {
        frame->kind = FRAME_HANDLER;
        frame->handler_locals = b->saved.count;
        b->guard = frame->outer_guard;
        frame->exception = start_dispatch(b);
        if (b->live) {
            save_locals(b);
        }
        return;
    }
    b->live = frame->next_handler != IR_NONE;
    if (b->live) {
        ir_block_start(b->f, frame->next_handler);
        restore_locals(b);
    }
    frame->next_handler = IR_NONE;
}

/* If the function contains a rethrow, every exception that a handler catches is kept (has_rethrow),
 * because a rethrow names the label of a handler and needs its exception. The collection of
 * exception.c frees it later. */
static void begin_handler(struct wasm_builder *b, bool is_all)
{
    uint32_t tag = 0;
    struct build_frame *frame = b->top;
    if ((!is_all && (!wasm_u32(&b->r, &tag) || !check_tag(b, tag)))) {
        return;
    }
    if ((frame->kind != FRAME_TRY && frame->kind != FRAME_HANDLER) || frame->catches_all) {
        (void)BUILD_INVALID(b, "no try is open, or it has caught everything");
        return;
    }
    if (!build_end_part(b)) {
        return;
    }
    enter_handler(b);
    if (!build_ok(b) || b->overrun) {
        return;
    }
    frame->catches_all = is_all;
    if (!is_all) {
        frame->next_handler = b->live ? test_tag(b, frame->exception, tag) : IR_NONE;
        if (!push_values(b, tag_type(b, tag), frame->exception)) {
            return;
        }
    }
    if (b->live) {
        end_exception(b, frame->exception, b->scan.has_rethrow);
    }
}

/* What no handler catches goes to `guard`. */
static void end_handlers(struct wasm_builder *b, uint32_t guard)
{
    enter_handler(b);
    if (build_ok(b) && !b->overrun) {
        pass_on(b, guard, b->top->exception);
    }
}

/* ---- Ends ---- */

/* After the block's own end has become a branch, if something may be thrown in it. The results are
 * put back on the stack, for the case that no branch leads to the end. */
static void finish(struct wasm_builder *b, uint32_t guard)
{
    const struct wasm_block_type *type = &b->top->type;
    bool is_table = b->top->kind == FRAME_TRY_TABLE;
    if (b->top->unwinds == 0 && b->top->kind != FRAME_HANDLER) {
        return;
    }
    build_close(b);
    if (is_table) {
        build_locals_undo(b);
        build_locals_forget(b);
        b->top->id = ++b->now;
        b->guard = b->top->outer_guard;
        dispatch_table(b);
    } else {
        end_handlers(b, guard);
    }
    b->live = false;
    b->depth = b->top->height;
    for (uint32_t n = 0; n < type->result_count && build_stack_room(b, 1); n++) {
        build_push(b, type->results[n], 0);
    }
}

void build_end_try(struct wasm_builder *b)
{
    finish(b, b->top->outer_guard);
}

/* Ends a try: its exceptions go to the try that is around the label, or that the label is of. */
static void delegate(struct wasm_builder *b)
{
    uint32_t label;
    if (b->top->kind != FRAME_TRY || !wasm_u32(&b->r, &label) || label + 2 > b->frame_count) {
        (void)BUILD_INVALID(b, "it ends no try, or the label is unknown");
        return;
    }
    uint32_t target = b->frame_count - 2 - label;
    const struct build_frame *frame = &b->frames[target];
    bool guards = frame->kind == FRAME_TRY || frame->kind == FRAME_TRY_TABLE;
    if (build_check_results(b)) {
        finish(b, guards ? target + 1 : frame->outer_guard);
        build_end_frame(b);
    }
}

/* ---- Throwing ---- */

/* The values are set after the exception was made and before it is thrown. Nothing allocates in
 * between, so no collection can run; and wasm_exception_make() has made the new one a root. */
static void build_throw(struct wasm_builder *b)
{
    uint32_t tag, cell = 0;
    if (!wasm_u32(&b->r, &tag) || !check_tag(b, tag)) {
        return;
    }
    const struct wasm_signature *s = tag_type(b, tag);
    if (!build_expect(b, s->full, s->params)) {
        return;
    }
    uint32_t number = build_const(b, IR_I32, tag);
    uint32_t exception = build_helper(b, WASM_HELPER_EXN_MAKE, &number, 1);
    uint32_t is_made = build_emit(b, IR_NE, IR_I32, exception, build_const(b, IR_I64, 0), 0);
    build_require(b, is_made, IR_TRAP_NO_MEMORY);
    for (uint32_t n = 0; n < s->params && b->live && build_ok(b); n++) {
        cell +=
            set_value(b, exception, cell, s->types[n], b->stack[b->depth - s->params + n].value);
    }
    emit_throw(b, exception);
    build_unreachable(b);
}

static void build_throw_ref(struct wasm_builder *b)
{
    uint32_t exception = build_pop(b, WASM_EXNREF);
    uint32_t is_there = build_emit(b, IR_NE, IR_I32, exception, build_const(b, IR_I64, 0), 0);
    build_require(b, is_there, IR_TRAP_NULL);
    emit_throw(b, exception);
    build_unreachable(b);
}

static void build_rethrow(struct wasm_builder *b)
{
    uint32_t number;
    const struct build_frame *frame = wasm_u32(&b->r, &number) ? build_label(b, number) : NULL;
    if (frame == NULL) {
        return;
    }
    if (frame->kind != FRAME_HANDLER) {
        (void)BUILD_INVALID(b, "label %u is no handler", number);
        return;
    }
    emit_throw(b, frame->exception);
    build_unreachable(b);
}

void build_exception(struct wasm_builder *b, unsigned action)
{
    switch (action) {
    case WASM_ACTION_TRY_TABLE:
        begin_try_table(b);
        return;
    case WASM_ACTION_TRY:
        begin_try(b);
        return;
    case WASM_ACTION_CATCH:
    case WASM_ACTION_CATCH_ALL:
        begin_handler(b, action == WASM_ACTION_CATCH_ALL);
        return;
    case WASM_ACTION_DELEGATE:
        delegate(b);
        return;
    case WASM_ACTION_THROW:
        build_throw(b);
        return;
    case WASM_ACTION_RETHROW:
        build_rethrow(b);
        return;
    default: /* WASM_ACTION_THROW_REF */
        build_throw_ref(b);
        return;
    }
}
