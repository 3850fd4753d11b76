// SPDX-License-Identifier: MIT
//
// Try blocks. When control leaves one with a finally block, a variable says where control goes
// after that block. All ways are known when the method has been translated once.
//
// If some method of the program catches exceptions, one that is thrown is put into a cell of the
// window. The method that throws it and each that finds it there after a call continue at the
// handler of the innermost try block that fits, or return. If none does, traps and `throw` end the
// program at once.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

#define LEAVES_MAX 4096u

#define RETHROW UINT32_MAX /* build_leave.target: the exception goes on to the next handler */

/* `thrown` is not null only while an exception is on its way: from the instruction that
 * throws to the start of a handler, or to the check after the call in the caller. Each way to a
 * handler clears the cell, because a call in the handler would otherwise look as if it had thrown.
 * The cell is a root of the collector: wrap_thrown() in build_glue.c allocates while it is not
 * null.
 * An edge to a handler carries the variables as they are at the instruction that throws. So an
 * instruction stores to a variable only after its last check. */

static bool is_final(const struct cil_clause *c)
{
    return c->kind == CIL_FINALLY || c->kind == CIL_FAULT;
}

/* A place among those of variables. */
static uint32_t add_value(struct builder *b, unsigned type, unsigned mark)
{
    if (b->value_count >= BUILD_VARIABLES_MAX) {
        (void)build_unsupported(b, "a method with more than 300 variables");
        return 0;
    }
    b->values[b->value_count] = ir_build_const(b->f, type, 0);
    b->value_marks[b->value_count] = (uint8_t)mark;
    return b->value_count++;
}

/* Both kinds are values like those of variables, so that joins of paths carry them: the collector
 * finds a saved exception as it finds any other reference. */
bool build_add_selectors(struct builder *b)
{
    size_t room = (b->body.clause_count + (size_t)1) * sizeof *b->selectors;
    b->selectors = arena_alloc(b->unit->arena, room);
    b->saved = arena_alloc(b->unit->arena, room);
    b->targets = arena_alloc(b->unit->arena, room);
    if (b->selectors == NULL || b->saved == NULL || b->targets == NULL) {
        return cil_body_fail(&b->body, 0, E_NOMEM, "no memory left to compile");
    }
    for (uint32_t n = 0; n < b->body.clause_count; n++) {
        const struct cil_clause *c = &b->body.clauses[n];
        b->unit->has_catch = b->unit->has_catch || !is_final(c);
        b->unit->has_filter = b->unit->has_filter || c->kind == CIL_FILTER;
        b->selectors[n] = is_final(c) ? add_value(b, IR_I32, 0) : 0;
        b->saved[n] = b->unit->catches ? add_value(b, IR_I32, BUILD_OBJECT) : 0;
        b->targets[n] = b->unit->filters && is_final(c) ? add_value(b, IR_I64, 0) : 0;
    }
    return b->d->status == OK;
}

/* ---- Ways out ---- */

/* The number of a way among those of its clause. The number is what the clause's selector contains,
 * and end_finally() makes the edges of its switch in the same order: the list may only grow at its
 * end. The second translation finds each way in the list. A new one would shift nothing, but the
 * finally block may have been translated before, without an edge for it: so that is refused.
 * LEAVES_MAX bounds the search, which is linear. @return IR_NONE: an error is recorded. */
static uint32_t add_leave(struct builder *b, const struct build_leave *way)
{
    uint32_t number = 0;
    for (uint32_t n = 0; n < b->leave_count; n++) {
        const struct build_leave *l = &b->leaves[n];
        if (l->clause == way->clause) {
            if (l->next == way->next && l->target == way->target) {
                return number;
            }
            number++;
        }
    }
    struct build_leave *all =
        b->leave_count == LEAVES_MAX || b->is_again
            ? NULL
            : unit_grow(b->unit, b->leaves, &b->leave_capacity, b->leave_count + 1, sizeof *all);
    if (all == NULL) {
        (void)build_unsupported(b, "a method with so many ways out of try blocks");
        return IR_NONE;
    }
    b->leaves = all;
    all[b->leave_count++] = *way;
    return number;
}

/* The try block, not the handler: an exception in a handler goes to the clauses around it. */
static bool contains(const struct cil_clause *c, uint32_t at)
{
    return at >= c->try_at && at < c->try_end;
}

/* III.3.46: `leave` runs the finally blocks of all try blocks that it leaves, the innermost one
 * first; fault blocks do not run. Clauses are in order, inner ones first (II.19): the loop starts
 * with the outermost one, because the way out of a block contains the number of the way out of the
 * next. @param first The innermost finally block that runs, or CIL_NO_REGION. @return its way. */
static uint32_t add_ways(struct builder *b, uint32_t at, uint32_t target, uint32_t *first)
{
    struct build_leave way = {.next = CIL_NO_REGION, .target = target};
    uint32_t number = 0;
    *first = CIL_NO_REGION;
    for (uint32_t n = b->body.clause_count; n-- > 0;) {
        const struct cil_clause *c = &b->body.clauses[n];
        if (c->kind != CIL_FINALLY || !contains(c, at) || contains(c, target)) {
            continue;
        }
        way.clause = n;
        number = add_leave(b, &way);
        if (number == IR_NONE) {
            return IR_NONE;
        }
        way.next = n;
        way.target = number;
        *first = n;
    }
    return number;
}

/* The stack is empty after it. The target is translated, too, even if nothing leads to it before
 * all ways are known: the finally block may have been translated before this way was added, and
 * code at the target may contain further ways. That edge belongs to no instruction; the second
 * translation, which is the one that counts, does not make it. */
static bool leave(struct builder *b, const struct cil_instruction *i)
{
    uint32_t first, target = (uint32_t)i->value;
    b->depth = 0;
    uint32_t way = add_ways(b, b->at, target, &first);
    if (first == CIL_NO_REGION) {
        return way != IR_NONE && build_jump(b, target);
    }
    if (way == IR_NONE || (!b->is_again && build_edge(b, target) == IR_NONE)) {
        return false;
    }
    b->values[b->selectors[first]] = build_number(b, way);
    return build_jump(b, b->body.clauses[first].handler_at);
}

/* The edge along one way; it sets the selector of the next block. */
static uint32_t follow(struct builder *b, const struct build_leave *way)
{
    if (way->next == CIL_NO_REGION) {
        return build_edge(b, way->target);
    }
    uint32_t *selector = &b->values[b->selectors[way->next]], before = *selector;
    *selector = build_number(b, way->target);
    uint32_t edge = build_edge(b, b->body.clauses[way->next].handler_at);
    *selector = before;
    return edge;
}

/* ---- Exceptions ---- */

/* Run a finally block, after which the exception goes on. */
static bool run_final(struct builder *b, uint32_t n, uint32_t exception)
{
    const struct build_leave way = {.clause = n, .next = CIL_NO_REGION, .target = RETHROW};
    uint32_t number = add_leave(b, &way);
    if (number == IR_NONE) {
        return false;
    }
    build_store_own(b, CIL_OWN(thrown), build_number(b, 0));
    uint32_t before = b->values[b->selectors[n]], saved = b->values[b->saved[n]];
    uint32_t target = b->values[b->targets[n]];
    b->values[b->selectors[n]] = build_number(b, number);
    b->values[b->saved[n]] = exception;
    if (b->unit->filters) {
        b->values[b->targets[n]] = build_load_target(b);
    }
    bool is_ok = build_note_caught(b, exception) && build_jump(b, b->body.clauses[n].handler_at);
    b->values[b->selectors[n]] = before;
    b->values[b->saved[n]] = saved;
    b->values[b->targets[n]] = target;
    return is_ok;
}

uint32_t build_catches(struct builder *b, uint32_t n, uint32_t exception)
{
    struct cil_type *t = build_put_in(b, b->body.clauses[n].type);
    uint32_t number = t == NULL ? IR_NONE : unit_cast(b->unit, t, false);
    return number == IR_NONE ? IR_NONE : build_is_of(b, exception, build_number(b, number));
}

/* If the exception is of the type, go to the handler; otherwise go on in a new block. A search has
 * compared the types already, if the program has filters. */
static bool try_catch(struct builder *b, uint32_t n, uint32_t exception)
{
    uint32_t fits = b->unit->filters ? build_is_target(b, n) : build_catches(b, n, exception);
    if (fits == IR_NONE) {
        return false;
    }
    uint32_t caught = ir_block_new(b->f), next = ir_block_new(b->f);
    uint32_t to_caught = ir_edge(b->f, caught, NULL, 0), to_next = ir_edge(b->f, next, NULL, 0);
    (void)ir_emit(b->f, IR_BRANCH, IR_VOID, fits, to_caught, to_next);
    ir_block_start(b->f, caught);
    build_store_own(b, CIL_OWN(thrown), build_number(b, 0));
    uint32_t saved = b->values[b->saved[n]];
    b->values[b->saved[n]] = exception;
    bool is_ok = build_note_caught(b, exception) && build_push(b, exception) &&
                 build_jump(b, b->body.clauses[n].handler_at);
    b->values[b->saved[n]] = saved;
    b->depth = 0;
    ir_block_start(b->f, next);
    return is_ok;
}

/* Nothing here catches it: the caller will find it. */
static bool return_thrown(struct builder *b)
{
    bool has_result = b->result.structure == NULL && b->result.ir != IR_VOID;
    build_leave_frame(b);
    uint32_t value = has_result ? ir_build_const(b->f, b->result.ir, 0) : 0;
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &value, has_result ? 1 : 0),
                  has_result ? 1 : 0);
    return true;
}

/* @param first The first clause that counts. @param at Where the exception comes from. */
static bool dispatch_from(struct builder *b, uint32_t first, uint32_t at)
{
    if (b->m.kind == CIL_UNIT_EXAMINE) {
        return build_filter_failed(b);
    }
    uint32_t exception = build_mark(b, build_load_own(b, IR_I32, CIL_OWN(thrown)), BUILD_OBJECT);
    b->depth = 0;
    for (uint32_t n = first; n < b->body.clause_count; n++) {
        const struct cil_clause *c = &b->body.clauses[n];
        if (!contains(c, at) || (c->kind == CIL_FILTER && !b->unit->filters)) {
            continue; /* all methods are translated again, with filters */
        }
        if (is_final(c)) {
            return run_final(b, n, exception);
        }
        if (!try_catch(b, n, exception)) {
            return false;
        }
    }
    return return_thrown(b);
}

/* The translation goes on after this in another block, with the stack as it was. A handler starts
 * with one value at most, the exception: so only the bottom of the stack has been overwritten. */
static bool aside(struct builder *b)
{
    uint32_t depth = b->depth, bottom = b->values[b->value_count];
    struct cil_type *type = b->structs[0];
    build_note_pass(b, build_number(b, b->at));
    bool is_ok = dispatch_from(b, 0, b->at);
    b->depth = depth;
    b->values[b->value_count] = bottom;
    b->structs[0] = type;
    b->is_over = false;
    return is_ok;
}

/* After an instruction that always throws: no code follows on this path. */
static bool dispatch(struct builder *b)
{
    bool is_ok = dispatch_from(b, 0, b->at);
    b->is_over = true;
    return is_ok;
}

/* @return the block that is left if the condition holds; the other one is the current one. */
static uint32_t split(struct builder *b, uint32_t condition)
{
    uint32_t good = ir_block_new(b->f), bad = ir_block_new(b->f);
    uint32_t to_good = ir_edge(b->f, good, NULL, 0), to_bad = ir_edge(b->f, bad, NULL, 0);
    (void)ir_emit(b->f, IR_BRANCH, IR_VOID, condition, to_good, to_bad);
    ir_block_start(b->f, bad);
    return good;
}

/* Most instructions are in no try block. All their exceptions leave the method in the same way, so
 * they share the blocks for it, whose parameter is the offset of the instruction. If frames tell
 * which call they are at, each instruction has its own blocks. */
static bool shares_way(const struct builder *b)
{
    bool is_outside = b->m.kind != CIL_UNIT_EXAMINE && !b->unit->traces;
    for (uint32_t n = 0; is_outside && n < b->body.clause_count; n++) {
        is_outside = !contains(&b->body.clauses[n], b->at);
    }
    return is_outside;
}

static uint32_t way_to(struct builder *b, uint32_t *block, uint32_t offset)
{
    if (*block == 0) {
        *block = ir_block_new(b->f);
    }
    return ir_edge(b->f, *block, &offset, build_has_notes(b) ? 1 : 0);
}

/* Branch to a shared block if a value, an i32, is zero; without `is_zero`, if it is not zero. */
static void branch_to_way(struct builder *b, uint32_t value, bool is_zero, uint32_t *block)
{
    uint32_t good = ir_block_new(b->f), to_good = ir_edge(b->f, good, NULL, 0);
    uint32_t to_way = way_to(b, block, build_number(b, b->at));
    (void)ir_emit(b->f, IR_BRANCH, IR_VOID, value, is_zero ? to_good : to_way,
                  is_zero ? to_way : to_good);
    ir_block_start(b->f, good);
}

static uint32_t start_way(struct builder *b, uint32_t block)
{
    ir_block_start(b->f, block);
    return build_has_notes(b) ? ir_param(b->f, IR_I32) : 0;
}

/* Adapters (CIL_UNIT_UNBOX and so on) have no handlers: their callers look. Those that go
 * on after a call look, too. */
void build_check_thrown(struct builder *b)
{
    bool goes_on =
        build_has_code(&b->m) || b->m.kind == CIL_UNIT_ADAPT || b->m.kind == CIL_UNIT_ATTRIBUTE;
    if (b->unit->catches && goes_on) {
        uint32_t thrown = build_load_own(b, IR_I32, CIL_OWN(thrown));
        if (shares_way(b)) {
            branch_to_way(b, thrown, false, &b->leave_way);
            return;
        }
        uint32_t good = split(b, build_op(b, IR_EQZ, IR_I32, thrown, 0));
        (void)aside(b); /* a failure is recorded */
        ir_block_start(b->f, good);
    }
}

static const char *const exceptions[IR_TRAP_COUNT] = {
    [IR_TRAP_NULL] = "NullReferenceException",
    [IR_TRAP_TABLE] = "IndexOutOfRangeException",
    [IR_TRAP_SIGNATURE] = "InvalidCastException",
    [IR_TRAP_CONVERSION] = "ArrayTypeMismatchException",
    [IR_TRAP_OVERFLOW] = "OverflowException",
    [IR_TRAP_NO_MEMORY] = "OutOfMemoryException",
    [IR_TRAP_DIVIDE] = "DivideByZeroException",
};

uint32_t build_raiser(struct builder *b, const char *space, const char *name, uint32_t params)
{
    struct cil_class *c = unit_class(b->unit, space, name);
    if (c == NULL) {
        return IR_NONE;
    }
    const struct cil_callee *k;
    for (uint32_t at = 0; (k = cil_method_named(c, ".ctor", &at)) != NULL;) {
        if (k->signature->param_count == params &&
            (params == 0 || cil_plain(k->signature->params[0])->kind == CIL_OBJECT)) {
            return unit_method(b->unit, k, CIL_UNIT_RAISE);
        }
    }
    (void)build_unsupported(b, "an exception that does not have the constructor");
    return IR_NONE;
}

static bool raise(struct builder *b, const char *exception)
{
    uint32_t n = build_raiser(b, "System", exception, 0);
    if (n != IR_NONE) {
        (void)ir_emit(b->f, IR_CALL, IR_VOID, CIL_FIRST_METHOD + n, ir_pool(b->f, NULL, 0), 0);
    }
    return n != IR_NONE;
}

void build_raise(struct builder *b, unsigned trap)
{
    (void)raise(b, exceptions[trap]); /* a failure is recorded */
}

/* If nothing is caught, the call does not return (build_throw()). */
static void check(struct builder *b, uint32_t condition, const char *exception)
{
    uint32_t good = split(b, condition);
    if (raise(b, exception) && b->unit->catches) {
        (void)aside(b); /* a failure is recorded */
    } else {
        (void)ir_emit(b->f, IR_TRAP, IR_VOID, 0, IR_TRAP_UNREACHABLE, 0);
    }
    ir_block_start(b->f, good);
}

void build_check(struct builder *b, uint32_t condition, unsigned trap)
{
    if (b->unit->catches && shares_way(b)) {
        branch_to_way(b, condition, true, &b->raise_way[trap]);
    } else {
        check(b, condition, exceptions[trap]);
    }
}

/* Panics and gdb show these blocks at the end of the method's code. */
bool build_ways(struct builder *b)
{
    b->f->location = b->body.code.len;
    for (unsigned trap = 0; trap < IR_TRAP_COUNT; trap++) {
        if (b->raise_way[trap] != 0) {
            uint32_t offset = start_way(b, b->raise_way[trap]);
            if (!raise(b, exceptions[trap])) {
                return false;
            }
            uint32_t edge = way_to(b, &b->leave_way, offset);
            (void)ir_emit(b->f, IR_JUMP, IR_VOID, edge, 0, 0);
        }
    }
    if (b->leave_way != 0) {
        build_note_pass(b, start_way(b, b->leave_way));
        return return_thrown(b);
    }
    return true;
}

void build_check_argument(struct builder *b, uint32_t condition)
{
    check(b, condition, "ArgumentException");
}

/* Is it known to be an exception? Mostly an object is thrown that has just been made. */
static bool is_exception(struct builder *b, uint32_t object, const struct cil_class *exception)
{
    return object == b->made && cil_is_subtype(b->d, b->made_type, exception->type);
}

/* What is no exception is thrown inside of one (II.22.1.3). */
static bool throw_wrapped(struct builder *b, uint32_t object)
{
    struct cil_class *exception = unit_core_class(b->unit, "Exception");
    if (exception == NULL || is_exception(b, object, exception)) {
        return exception != NULL && build_note_thrown(b, object) && build_start_throw(b, object);
    }
    uint32_t number = unit_cast(b->unit, exception->type, false);
    uint32_t n = build_raiser(b, "System.Runtime.CompilerServices", "RuntimeWrappedException", 1);
    if (number == IR_NONE || n == IR_NONE) {
        return false;
    }
    uint32_t next = ir_block_new(b->f);
    uint32_t good = split(b, build_is_of(b, object, build_number(b, number)));
    (void)ir_emit(b->f, IR_CALL, IR_VOID, CIL_FIRST_METHOD + n, ir_pool(b->f, &object, 1), 1);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, ir_edge(b->f, next, NULL, 0), 0, 0);
    ir_block_start(b->f, good);
    bool is_ok = build_note_thrown(b, object) && build_start_throw(b, object);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, ir_edge(b->f, next, NULL, 0), 0, 0);
    ir_block_start(b->f, next);
    return is_ok;
}

bool build_throw(struct builder *b, uint32_t object)
{
    if (b->unit->catches) {
        if (!throw_wrapped(b, object)) {
            return false;
        }
        build_note_pass(b, build_number(b, b->at));
        return dispatch(b);
    }
    (void)build_help(b, CIL_HELPER_THROW, &object, 1);
    (void)ir_emit(b->f, IR_TRAP, IR_VOID, 0, IR_TRAP_UNREACHABLE, 0);
    b->is_over = true;
    return true;
}

/* III.4.24: the exception that the innermost handler around here runs for, also inside of a try
 * block in that handler. */
static bool rethrow(struct builder *b)
{
    uint32_t region = b->body.region_at[b->at];
    while (region != CIL_NO_REGION && b->body.regions[region].kind != CIL_REGION_HANDLER) {
        region = b->body.regions[region].parent;
    }
    if (region == CIL_NO_REGION || !b->unit->catches) {
        return build_unsupported(b, "rethrow outside of a handler");
    }
    uint32_t clause = b->body.regions[region].clause;
    uint32_t exception = b->values[b->saved[clause]];
    build_forget_passed(b); /* and the exception knows this method already */
    return build_start_throw(b, exception) && dispatch(b);
}

static uint32_t clause_at(const struct builder *b)
{
    uint32_t region = b->body.region_at[b->at];
    return region == CIL_NO_REGION ? CIL_NO_REGION : b->body.regions[region].clause;
}

/* The last way is also taken by every other value, which there is none of. Edges of a switch are
 * beside each other, so nothing else may be built between them. */
static bool end_finally(struct builder *b)
{
    uint32_t clause = clause_at(b), first = IR_NONE, count = 0, again = IR_NONE;
    b->depth = 0;
    b->is_over = true;
    for (uint32_t n = 0; n < b->leave_count; n++) {
        const struct build_leave *way = &b->leaves[n];
        if (way->clause != clause) {
            continue;
        }
        if (way->target == RETHROW) {
            again = ir_block_new(b->f);
        }
        uint32_t edge = way->target == RETHROW ? ir_edge(b->f, again, NULL, 0) : follow(b, way);
        if (edge == IR_NONE) {
            return false;
        }
        first = count++ == 0 ? edge : first;
    }
    if (count == 0 || clause == CIL_NO_REGION) {
        (void)ir_emit(b->f, IR_TRAP, IR_VOID, 0, IR_TRAP_UNREACHABLE, 0);
        return true;
    }
    (void)ir_emit(b->f, IR_SWITCH, IR_VOID, b->values[b->selectors[clause]], first, count);
    if (again == IR_NONE) {
        return true;
    }
    ir_block_start(b->f, again);
    build_store_own(b, CIL_OWN(thrown), b->values[b->saved[clause]]);
    if (b->unit->filters) {
        build_store_target(b,
                           b->values[b->targets[clause]]); /* code in the block may have thrown */
    }
    return dispatch_from(b, clause + 1, b->body.clauses[clause].try_at);
}

bool build_regions(struct builder *b, const struct cil_instruction *i, bool *is_known)
{
    *is_known = true;
    switch (i->opcode) {
    case CIL_OP_LEAVE:
    case CIL_OP_LEAVE_S:
        return leave(b, i);
    case CIL_OP_ENDFINALLY:
        return end_finally(b);
    case CIL_OP_ENDFILTER:
        return build_end_filter(b);
    case CIL_OP_RETHROW:
        return rethrow(b);
    default:
        *is_known = false;
        return true;
    }
}
