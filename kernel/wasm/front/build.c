// SPDX-License-Identifier: MIT
//
// Builds the representation of a body, from the first operator to the last. A body may be built
// more than once: if its edges carry more values than the budget allows, the locals that are used
// least move to the frame and building starts again.
#include "kernel/wasm/front/build_internal.h"

#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/wasm/front/quick.h"

/* The budget for operands of edges: for each byte of a body, plus a minimum for every body. Without
 * it, edges times locals could be quadratic in the size of the body. */
#define WORK_PER_BYTE 4u
#define WORK_LEAST    4096u
/* So many locals are always kept as values: for each byte, they cost at most a constant. */
#define LOCALS_LEAST 16u
#define LIST_FIRST   16u /* initial capacity of a list, in words */

/* ---- Operators of one instruction ---- */

/* The operators whose row in operators.def has action UNARY or BINARY need no code of their own:
 * the row names the types and the operation. WASM_SWAP: the intermediate representation has only
 * "less", so "greater" exchanges its operands. */
static void build_unary(struct wasm_builder *b, const struct wasm_operator *o)
{
    uint32_t operand = build_pop(b, o->in);
    build_push(b, o->out, build_emit(b, o->op, wasm_ir_type(o->out), operand, 0, 0));
}

static void build_binary(struct wasm_builder *b, const struct wasm_operator *o)
{
    uint32_t second = build_pop(b, o->in), first = build_pop(b, o->in);
    bool swap = o->extra == WASM_SWAP;
    build_push(b, o->out,
               build_emit(b, o->op, wasm_ir_type(o->out), swap ? second : first,
                          swap ? first : second, 0));
}

/* Errors of the reader are not tested here: the scan has read the same bytes already. */
static void build_constant(struct wasm_builder *b, unsigned action)
{
    int32_t small = 0;
    int64_t large = 0;
    uint64_t bits = 0;
    switch (action) {
    case WASM_ACTION_CONST_I32:
        (void)wasm_i32(&b->r, &small);
        build_push(b, WASM_I32, build_const(b, IR_I32, (uint32_t)small));
        return;
    case WASM_ACTION_CONST_I64:
        (void)wasm_i64(&b->r, &large);
        build_push(b, WASM_I64, build_const(b, IR_I64, (uint64_t)large));
        return;
    case WASM_ACTION_CONST_F32:
        (void)wasm_fixed(&b->r, 4, &bits);
        build_push(b, WASM_F32, build_const(b, IR_F32, bits));
        return;
    default: /* WASM_ACTION_CONST_F64 */
        (void)wasm_fixed(&b->r, 8, &bits);
        build_push(b, WASM_F64, build_const(b, IR_F64, bits));
        return;
    }
}

/* ---- Any type ---- */

/* Type 0: both operands are unknown, which happens only in unreachable code; the result is then
 * unknown, too, and nothing is emitted. */
static void emit_select(struct wasm_builder *b, uint32_t type, uint32_t condition, uint32_t first,
                        uint32_t second)
{
    uint32_t value =
        type == 0 ? 0 : build_emit(b, IR_SELECT, wasm_ir_type(type), condition, first, second);
    build_push(b, type, value);
}

/* The old form of select, without a type: both operands must have the same numeric type. */
static void build_select(struct wasm_builder *b)
{
    uint32_t condition = build_pop(b, WASM_I32);
    struct build_value second = build_pop_any(b), first = build_pop_any(b);
    if (wasm_is_reference(first.type) || wasm_is_reference(second.type)) {
        (void)BUILD_INVALID(b, "type mismatch: a select of references names their type");
    } else if (first.type != second.type && first.type != 0 && second.type != 0) {
        (void)BUILD_INVALID(b, "type mismatch: a select of %s and %s", wasm_type_name(first.type),
                            wasm_type_name(second.type));
    }
    emit_select(b, first.type == 0 ? second.type : first.type, condition, first.value,
                second.value);
}

static void build_select_typed(struct wasm_builder *b)
{
    uint32_t count, type = 0;
    if (!wasm_count(&b->r, 1, &count)) {
        return;
    }
    if (count != 1) {
        (void)BUILD_INVALID(b, "a select of %u types", count);
        return;
    }
    (void)wasm_value_type(&b->r, &type);
    uint32_t condition = build_pop(b, WASM_I32), second = build_pop(b, type);
    emit_select(b, type, condition, build_pop(b, type), second);
}

/* The scan has checked the index, and has numbered the locals that the body mentions: all tables of
 * the builder use that number, not the index. */
static void build_local(struct wasm_builder *b, unsigned action)
{
    uint32_t index;
    if (!wasm_u32(&b->r, &index)) {
        return;
    }
    uint32_t local = wasm_scan_number(&b->scan, index);
    uint32_t type = b->scan.locals[local].type;
    if (action == WASM_ACTION_LOCAL_GET) {
        if ((type & WASM_NOT_NULL) != 0 && !b->scan.locals[local].is_set) {
            (void)BUILD_INVALID(b, "uninitialized local %u", index);
        }
        build_push(b, type, build_local_get(b, local));
        return;
    }
    uint32_t value = build_pop(b, type);
    build_local_set(b, local, value);
    if ((type & WASM_NOT_NULL) != 0 && !b->scan.locals[local].is_set) {
        b->scan.locals[local].is_set = build_append(b, &b->inits, local);
    }
    if (action == WASM_ACTION_LOCAL_TEE) {
        build_push(b, type, value);
    }
}

/* ---- All operators ---- */

static void build_operator(struct wasm_builder *b, const struct wasm_operator *o)
{
    switch ((enum wasm_action)o->action) {
    case WASM_ACTION_NOP:
        return;
    case WASM_ACTION_DROP:
        (void)build_pop_any(b);
        return;
    case WASM_ACTION_SELECT:
        build_select(b);
        return;
    case WASM_ACTION_SELECT_TYPED:
        build_select_typed(b);
        return;
    case WASM_ACTION_LOCAL_GET:
    case WASM_ACTION_LOCAL_SET:
    case WASM_ACTION_LOCAL_TEE:
        build_local(b, o->action);
        return;
    case WASM_ACTION_GLOBAL_GET:
    case WASM_ACTION_GLOBAL_SET:
        build_global(b, o->action == WASM_ACTION_GLOBAL_SET);
        return;
    case WASM_ACTION_LOAD:
    case WASM_ACTION_STORE:
        build_memory_access(b, o);
        return;
    case WASM_ACTION_CONST_I32:
    case WASM_ACTION_CONST_I64:
    case WASM_ACTION_CONST_F32:
    case WASM_ACTION_CONST_F64:
        build_constant(b, o->action);
        return;
    case WASM_ACTION_UNARY:
        build_unary(b, o);
        return;
    case WASM_ACTION_BINARY:
        build_binary(b, o);
        return;
    case WASM_ACTION_CALL:
    case WASM_ACTION_RETURN_CALL:
        build_call(b, o->action == WASM_ACTION_RETURN_CALL);
        return;
    case WASM_ACTION_CALL_INDIRECT:
    case WASM_ACTION_RETURN_CALL_INDIRECT:
        build_call_indirect(b, o->action == WASM_ACTION_RETURN_CALL_INDIRECT);
        return;
    case WASM_ACTION_CALL_REF:
    case WASM_ACTION_RETURN_CALL_REF:
        build_call_ref(b, o->action == WASM_ACTION_RETURN_CALL_REF);
        return;
    case WASM_ACTION_REF_NULL:
    case WASM_ACTION_REF_IS_NULL:
    case WASM_ACTION_REF_FUNC:
    case WASM_ACTION_REF_AS_NON_NULL:
        build_reference_operator(b, o->action);
        return;
    case WASM_ACTION_MEMORY_SIZE:
    case WASM_ACTION_MEMORY_GROW:
    case WASM_ACTION_MEMORY_INIT:
    case WASM_ACTION_DATA_DROP:
    case WASM_ACTION_MEMORY_COPY:
    case WASM_ACTION_MEMORY_FILL:
        build_memory_operator(b, o->action);
        return;
    case WASM_ACTION_TABLE_GET:
    case WASM_ACTION_TABLE_SET:
    case WASM_ACTION_TABLE_INIT:
    case WASM_ACTION_ELEM_DROP:
    case WASM_ACTION_TABLE_COPY:
    case WASM_ACTION_TABLE_GROW:
    case WASM_ACTION_TABLE_SIZE:
    case WASM_ACTION_TABLE_FILL:
        build_table_operator(b, o->action);
        return;
    case WASM_ACTION_VECTOR:
        build_vector_operator(b, o);
        return;
    case WASM_ACTION_ATOMIC:
        build_atomic_operator(b, o);
        return;
    default:
        build_control(b, o->action);
        return;
    }
}

/* The scan has checked that every operator is valid and complete, and that all blocks end. */
static void build_body(struct wasm_builder *b)
{
    while (b->frame_count > 0 && build_ok(b) && !b->overrun && build_stack_room(b, 0)) {
        uint32_t number = 0;
        b->here = b->r.at;
        b->f->location = (uint32_t)(b->here - b->r.start);
        uint8_t code = *b->r.at++;
        const struct wasm_operator *o = &wasm_operators[code];
        if (UNLIKELY(o->shape == WASM_SHAPE_ILLEGAL)) {
            o = wasm_prefixed_operator(&b->r, code, &number);
        }
        b->name = o->name;
        build_operator(b, o);
    }
}

/* ---- One attempt ---- */

/* Reserve what most bodies need, so that the arrays need not grow. If there is no memory for it,
 * they grow later. */
static void reserve(struct wasm_builder *b, struct arena *a)
{
    struct ir_function *f = b->f;
    uint32_t bytes = b->function->body_size;
    f->instrs = arena_grow_list(a, NULL, &f->instr_capacity, bytes * 2 / 5 + 8, sizeof *f->instrs);
    f->locations =
        arena_grow_list(a, NULL, &f->location_capacity, f->instr_capacity, sizeof *f->locations);
    f->pool = arena_grow_list(a, f->pool, &f->pool_capacity, bytes / 4, sizeof *f->pool);
    f->edges = arena_grow_list(a, NULL, &f->edge_capacity, bytes / 12, sizeof *f->edges);
    f->blocks = arena_grow_list(a, NULL, &f->block_capacity, bytes / 16 + 1, sizeof *f->blocks);
    if (f->instrs == NULL || f->locations == NULL || f->pool == NULL || f->blocks == NULL ||
        (f->edges == NULL && f->edge_capacity > 0)) {
        f->error = E_NOMEM;
    }
}

/* Set up an attempt. A second attempt uses the same builder, so everything that an attempt changes
 * must be reset here, or belong to the scan, which resets its own state. */
static bool start(struct wasm_builder *b, struct arena *a, uint32_t callee)
{
    const struct wasm_signature *s = b->scan.signature;
    b->f = ir_function_new(a, &b->m->ir, callee);
    if (b->f == NULL) {
        return wasm_fail_memory(&b->r, a, sizeof *b->f);
    }
    if (!b->validates) {
        reserve(b, a);
    }
    b->depth = b->frame_count = b->log_count = b->pending_count = 0;
    b->notes.count = b->saved.count = b->inits.count = b->clauses.count = 0;
    b->guard = 0;
    b->now = b->loop_id = b->blocks_seen = b->loops_seen = b->stamp = 0;
    b->overrun = false;
    b->work = 0;
    b->help_slot = IR_NONE;
    b->live = !b->validates;
    b->moves_context = false;
    b->callees.count = 0;
    b->name = "function";
    b->here = b->r.at;
    b->f->location = (uint32_t)(b->r.at - b->r.start);
    if (b->live) {
        ir_block_start(b->f, ir_block_new(b->f));
    }
    for (uint32_t n = 0; n < s->params && b->live; n++) {
        (void)ir_param(b->f, wasm_ir_type(s->types[n]));
    }
    struct wasm_block_type type = {.results = s->full + s->params, .result_count = s->results};
    return build_locals_start(b) && build_frame_push(b, FRAME_FUNCTION, type);
}

/* Build the body once. If it exceeds the budget, b->overrun is set and the reader is put back to
 * the start; that is not an error. */
static bool attempt(struct wasm_builder *b, struct arena *a)
{
    const uint8_t *at = b->r.at;
    uint32_t callee = WASM_HELPER_COUNT + (uint32_t)(b->function - b->m->functions);
    if (start(b, a, callee)) {
        build_body(b);
    }
    if (b->r.status == OK && b->f->error != OK) {
        return wasm_fail_memory(&b->r, a, b->f->instr_count * sizeof *b->f->instrs);
    }
    if (b->r.status == OK && b->overrun) {
        b->r.at = at;
    }
    return b->r.status == OK;
}

/* ---- Which locals are values ---- */

/* Equal numbers of uses are ordered by index, so that the
 * result does not depend on the sorting algorithm. */
static bool is_used_less(const void *x, const void *y)
{
    const struct wasm_local *a = *(struct wasm_local *const *)x,
                            *b = *(struct wasm_local *const *)y;
    return a->uses != b->uses ? a->uses < b->uses : a->index < b->index;
}

/* Move all locals but `keep` to the frame, those that are used least. */
static bool demote(struct wasm_builder *b, uint64_t keep)
{
    struct wasm_scan *s = &b->scan;
    struct wasm_local **order =
        arena_alloc(b->temporary, (size_t)s->used_count * sizeof(struct wasm_local *));
    if (order == NULL) {
        return wasm_fail_memory(&b->r, b->temporary, s->used_count * sizeof *order);
    }
    for (uint32_t n = 0; n < s->used_count; n++) {
        order[n] = &s->locals[n];
    }
    sort_array(order, s->used_count, sizeof(struct wasm_local *), is_used_less);
    for (uint32_t n = 0; n + keep < s->used_count; n++) {
        order[n]->in_frame = true;
    }
    return true;
}

/* The number of locals that are values. */
static uint64_t values_of(const struct wasm_scan *s)
{
    uint64_t count = 0;
    for (uint32_t n = 0; n < s->used_count; n++) {
        count += !s->locals[n].in_frame;
    }
    return count;
}

/* Scan until the loops' parameters are within the budget. */
static bool scan(struct wasm_builder *b)
{
    const uint8_t *at = b->r.at;
    while (!wasm_scan_body(&b->scan, b->work_max)) {
        /* divide by 8: each scan is work, too, so there should be few */
        uint64_t keep = values_of(&b->scan) / 8;
        b->r.at = at;
        if (b->r.status != OK || !demote(b, keep > LOCALS_LEAST ? keep : 0)) {
            return false;
        }
    }
    return true;
}

/* How many locals to keep as values. The first time, estimate from how
 * far building got within the budget. The second time keep LOCALS_LEAST
 * and ignore the budget: so a body is built at most three times. */
static uint64_t choose(struct wasm_builder *b, const uint8_t *start, bool again)
{
    uint64_t done = (uint64_t)(b->here - start), all = b->function->body_size;
    uint64_t keep = values_of(&b->scan) * done / (4 * all);
    if (again || keep <= LOCALS_LEAST) {
        b->work_max = UINT64_MAX;
        return LOCALS_LEAST;
    }
    return keep;
}

/* Allocate even empty lists: code computes pointers into them although it reads nothing there. */
static bool make_lists(struct wasm_builder *b)
{
    struct wasm_list *lists[] = {&b->notes, &b->saved,   &b->touched, &b->labels,
                                 &b->inits, &b->callees, &b->clauses};
    uint32_t *words = arena_take(b->temporary, ARRAY_COUNT(lists) * LIST_FIRST * sizeof(uint32_t));
    if (words == NULL) {
        return wasm_fail_memory(&b->r, b->temporary, sizeof *words);
    }
    for (unsigned n = 0; n < ARRAY_COUNT(lists); n++) {
        lists[n]->words = words + (size_t)n * LIST_FIRST;
        lists[n]->capacity = LIST_FIRST;
    }
    return true;
}

/* Scan and build until it fits. The work of an attempt is bounded by work_max, so the whole is
 * proportional to the size of the body. */
static bool build(struct wasm_builder *b, struct arena *a)
{
    if (!make_lists(b) || !wasm_scan_locals(&b->scan)) {
        return false;
    }
    const uint8_t *at = b->r.at;
    struct arena_mark mark = arena_mark(a);
    b->work_max = (uint64_t)b->function->body_size * WORK_PER_BYTE + WORK_LEAST;
    if (!scan(b) || !attempt(b, a)) {
        return false;
    }
    for (bool again = false; b->overrun; again = true) {
        arena_release(a, mark);
        if (!demote(b, choose(b, at, again)) || !scan(b) || !attempt(b, a)) {
            return false;
        }
    }
    return true;
}

static bool take_facts(struct wasm_builder *b, struct arena *a, struct wasm_facts *out)
{
    uint32_t *callees = arena_alloc(a, ((size_t)b->callees.count + 1) * sizeof *callees);
    if (callees == NULL) {
        return wasm_fail_memory(&b->r, a, b->callees.count * sizeof *callees);
    }
    memcpy(callees, b->callees.words, b->callees.count * sizeof *callees);
    *out = (struct wasm_facts){callees, b->callees.count, b->moves_context};
    return true;
}

/* Everything temporary is in an arena that borrows memory from `a` and returns it at the end: only
 * the function, or the facts, stay in `a`. */
static enum status run(const struct wasm_module *m, uint32_t function, struct arena *a,
                       struct ir_function **out, struct wasm_facts *facts, struct wasm_error *err)
{
    const struct wasm_function *f = &m->functions[function];
    struct wasm_reader r = {.start = m->bytes,
                            .at = m->bytes + f->body,
                            .end = m->bytes + f->body + f->body_size,
                            .section = "code",
                            .type_count = m->signature_count,
                            .err = err};
    struct arena temporary;
    arena_borrow(a, &temporary);
    struct wasm_builder *b = arena_alloc(&temporary, sizeof *b);
    if (b == NULL) {
        (void)wasm_fail(&r, r.at, E_NOMEM, "no memory left");
        arena_return(a, &temporary);
        return E_NOMEM;
    }
    b->r = r;
    b->m = m;
    b->function = f;
    b->temporary = &temporary;
    b->scan.arena = &temporary;
    b->scan.r = &b->r;
    b->scan.signature = &m->signatures[f->type];
    b->validates = b->scan.skips_live = facts != NULL;
    bool ok = build(b, a) && (facts == NULL || take_facts(b, a, facts));
    enum status s = ok ? OK : b->r.status;
    if (s == OK && out != NULL) {
        *out = b->f;
    }
    arena_return(a, &temporary);
    return s;
}

enum status wasm_function_build(const struct wasm_module *m, uint32_t function, struct arena *a,
                                struct ir_function **out, struct wasm_error *err)
{
    return run(m, function, a, out, NULL, err);
}

enum status wasm_function_validate(const struct wasm_module *m, uint32_t function, struct arena *a,
                                   struct wasm_facts *out, struct wasm_error *err)
{
    return wasm_validate_quickly(m, function, a, out) ? OK : run(m, function, a, NULL, out, err);
}
