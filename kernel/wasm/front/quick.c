// SPDX-License-Identifier: MIT
//
// A fast validation of common bodies: numbers, one 32-bit memory, calls, and tables of functions.
// It reads a body once and keeps only the types of the operands. It accepts only valid bodies.
// Everything else it leaves to the builder, which knows all operators: references, vectors, tail
// calls, and every error, which the builder explains.
#include "kernel/wasm/front/quick.h"

#include "kernel/lib/string.h"
#include "kernel/wasm/front/operators.h"

/* Rules for a change here. If this returns true the function is accepted. The builder checks it
 * again when it is compiled, so the sandbox does not depend on this file; but a mistake here loads
 * an invalid module, whose call then traps. So whatever is not checked completely must return
 * false. False costs only time, since the builder then validates the body itself; a lack of memory
 * is no error here either. The list of callees must be the builder's (note_call() in build_call.c),
 * as batches are chosen by it (wasm_lazy.c). An operator that may return with another context, that
 * is a tail call, must stay out, because the facts say nothing about it (wasm_facts.moves_context).
 *
 * The algorithm is that of the specification's appendix, "Validation Algorithm", without types of
 * operands that are unknown: in unreachable code pop() succeeds with nothing on the stack, but an
 * operator that needs to know what it popped returns false. */
#define LOCALS_MAX  4096u /* expanded to one byte each */
#define STACK_FIRST 256u
#define TYPE_EMPTY  0x40

/** Types of numbers, one byte each. */
struct types {
    const uint8_t *list;
    uint32_t count;
};

enum block_kind { BLOCK, LOOP, IF, ELSE };

/** A block that has not ended. The body is the first one. */
struct block {
    uint8_t kind;     /* enum block_kind */
    bool polymorphic; /* its rest is unreachable: below `height` are operands of any type */
    uint32_t height;  /* operands below its own */
    struct types params, results;
};

struct quick {
    struct wasm_reader r;
    const struct wasm_module *m;
    struct arena *arena;
    uint8_t *locals, *stack; /* types */
    struct block *blocks, *top;
    uint32_t *callees;
    uint32_t local_count, depth, block_count, callee_count;
    uint32_t stack_capacity, block_capacity, callee_capacity;
};

static bool is_number(uint8_t type)
{
    return type == WASM_I32 || type == WASM_I64 || type == WASM_F32 || type == WASM_F64;
}

static struct types params_of(const struct wasm_signature *s)
{
    return (struct types){s->types, s->params};
}

static struct types results_of(const struct wasm_signature *s)
{
    return (struct types){s->types + s->params, s->results};
}

/* ---- Operands ---- */

static bool reserve(struct quick *q, uint32_t count)
{
    uint64_t needed = (uint64_t)q->depth + count;
    if (LIKELY(needed <= q->stack_capacity)) {
        return true;
    }
    uint8_t *grown = arena_grow_list(q->arena, q->stack, &q->stack_capacity, needed, 1);
    q->stack = grown == NULL ? q->stack : grown;
    return grown != NULL;
}

/* The loop over the operators keeps room for one. An operator pushes at most one value after it has
 * popped its operands, except through push_types(), which reserves room itself. So the check in
 * read_operators() is enough. */
static inline bool push(struct quick *q, uint8_t type)
{
    q->stack[q->depth++] = type;
    return true;
}

static inline bool pop(struct quick *q, uint8_t type)
{
    if (LIKELY(q->depth > q->top->height && q->stack[q->depth - 1] == type)) {
        q->depth--;
        return true;
    }
    return q->depth == q->top->height && q->top->polymorphic;
}

static bool pop_types(struct quick *q, struct types t)
{
    for (uint32_t n = t.count; n > 0; n--) {
        if (!pop(q, t.list[n - 1])) {
            return false;
        }
    }
    return true;
}

/* The check for numbers is here and not where types are declared: references would need the
 * subtypes that only the builder knows. The stack therefore has numbers only, and comparing one
 * byte compares types completely. */
static bool push_types(struct quick *q, struct types t)
{
    if (!reserve(q, t.count)) {
        return false;
    }
    for (uint32_t n = 0; n < t.count; n++) {
        if (!is_number(t.list[n])) {
            return false;
        }
        (void)push(q, t.list[n]);
    }
    return true;
}

/* An operand of any type; in unreachable code there may be none. */
static bool drop(struct quick *q)
{
    if (q->depth > q->top->height) {
        q->depth--;
        return true;
    }
    return q->top->polymorphic;
}

/* Two known operands of one type, of which one stays. In unreachable code an operand may be
 * unknown, and then the result's type is unknown, too: that is left to the builder. */
static bool select_one(struct quick *q)
{
    return pop(q, WASM_I32) && q->depth >= q->top->height + 2 &&
           q->stack[q->depth - 1] == q->stack[q->depth - 2] && drop(q);
}

/* ---- Blocks ---- */

static bool read_block_type(struct quick *q, struct types *params, struct types *results)
{
    static const uint8_t numbers[] = {WASM_I32, WASM_I64, WASM_F32, WASM_F64};
    *params = *results = (struct types){NULL, 0};
    if (q->r.at >= q->r.end) {
        return false;
    }
    uint8_t byte = *q->r.at;
    if (byte == TYPE_EMPTY) {
        q->r.at++;
        return true;
    }
    for (unsigned n = 0; n < ARRAY_COUNT(numbers); n++) {
        if (byte == numbers[n]) {
            q->r.at++;
            *results = (struct types){&numbers[n], 1};
            return true;
        }
    }
    int64_t index;
    if (!wasm_i33(&q->r, &index) || index < 0 || index >= q->m->signature_count) {
        return false;
    }
    *params = params_of(&q->m->signatures[index]);
    *results = results_of(&q->m->signatures[index]);
    return true;
}

static bool enter(struct quick *q, enum block_kind kind, struct types params, struct types results)
{
    if (q->block_count == q->block_capacity) {
        struct block *grown = arena_grow_list(q->arena, q->blocks, &q->block_capacity,
                                              (uint64_t)q->block_count + 1, sizeof *q->blocks);
        if (grown == NULL) {
            return false;
        }
        q->blocks = grown;
    }
    q->top = &q->blocks[q->block_count++];
    *q->top = (struct block){
        .kind = (uint8_t)kind, .height = q->depth, .params = params, .results = results};
    return push_types(q, params);
}

/* The parameters are popped from the block outside, with its height, and pushed again inside: the
 * new block's height does not include them, so nothing inside can reach the operands below. */
static bool begin(struct quick *q, enum block_kind kind)
{
    struct types params, results;
    return (kind != IF || pop(q, WASM_I32)) && read_block_type(q, &params, &results) &&
           pop_types(q, params) && enter(q, kind, params, results);
}

/* The results, and nothing else, must be on the stack. */
static bool leave(struct quick *q)
{
    return pop_types(q, q->top->results) && q->depth == q->top->height;
}

static bool begin_else(struct quick *q)
{
    if (q->top->kind != IF || !leave(q)) {
        return false;
    }
    q->top->kind = ELSE;
    q->top->polymorphic = false;
    return push_types(q, q->top->params);
}

static bool are_equal(struct types a, struct types b)
{
    return a.count == b.count && (a.count == 0 || memcmp(a.list, b.list, a.count) == 0);
}

/* An if without else passes its parameters on. The copy is necessary: push_types() pushes on the
 * outer block, whose entry is the top by then. After the last block `top` is NULL, and the loop
 * over the operators ends. */
static bool end(struct quick *q)
{
    const struct block b = *q->top;
    if (!leave(q) || (b.kind == IF && !are_equal(b.params, b.results))) {
        return false;
    }
    q->block_count--;
    q->top = q->block_count == 0 ? NULL : &q->blocks[q->block_count - 1];
    return q->block_count == 0 || push_types(q, b.results);
}

/* ---- Branches ---- */

static bool end_reachable(struct quick *q)
{
    q->depth = q->top->height;
    q->top->polymorphic = true;
    return true;
}

static bool read_label(struct quick *q, struct types *out)
{
    uint32_t label;
    if (!wasm_u32(&q->r, &label) || label >= q->block_count) {
        return false;
    }
    const struct block *b = &q->blocks[q->block_count - 1 - label];
    *out = b->kind == LOOP ? b->params : b->results;
    return true;
}

static bool branch(struct quick *q)
{
    struct types t;
    return read_label(q, &t) && pop_types(q, t) && end_reachable(q);
}

/* The operands are popped and pushed again. In unreachable code, where some may be missing, this
 * puts values of the label's types on the stack, as the specification demands. */
static bool branch_if(struct quick *q)
{
    struct types t;
    return read_label(q, &t) && pop(q, WASM_I32) && pop_types(q, t) && push_types(q, t);
}

/* Labels with operands are left to the builder. */
static bool branch_table(struct quick *q)
{
    uint32_t count;
    struct types t;
    if (!pop(q, WASM_I32) || !wasm_count(&q->r, 1, &count)) {
        return false;
    }
    for (uint64_t n = 0; n < (uint64_t)count + 1; n++) {
        if (!read_label(q, &t) || t.count > 0) {
            return false;
        }
    }
    return end_reachable(q);
}

static bool return_all(struct quick *q)
{
    return pop_types(q, q->blocks[0].results) && end_reachable(q);
}

/* ---- Calls ---- */

static bool apply(struct quick *q, const struct wasm_signature *s)
{
    return pop_types(q, params_of(s)) && push_types(q, results_of(s));
}

static bool note_callee(struct quick *q, uint32_t function)
{
    if (q->callee_count > 0 && q->callees[q->callee_count - 1] == function) {
        return true;
    }
    if (q->callee_count == q->callee_capacity) {
        uint32_t *grown = arena_grow_list(q->arena, q->callees, &q->callee_capacity,
                                          (uint64_t)q->callee_count + 1, sizeof *q->callees);
        if (grown == NULL) {
            return false;
        }
        q->callees = grown;
    }
    q->callees[q->callee_count++] = function;
    return true;
}

static bool call(struct quick *q)
{
    uint32_t function;
    if (!wasm_u32(&q->r, &function) || function >= q->m->function_count) {
        return false;
    }
    const struct wasm_function *f = &q->m->functions[function];
    return apply(q, &q->m->signatures[f->type]) && (f->is_imported || note_callee(q, function));
}

/* Only tables of funcref: a table of a typed reference would need a comparison of its type with the
 * called one. */
static bool call_indirect(struct quick *q)
{
    uint32_t type, table;
    if (!wasm_u32(&q->r, &type) || !wasm_u32(&q->r, &table) || type >= q->m->signature_count ||
        table >= q->m->table_count) {
        return false;
    }
    const struct wasm_table_type *t = &q->m->tables[table].type;
    return (uint8_t)t->type == WASM_FUNCREF && !t->limits.is_64 && pop(q, WASM_I32) &&
           apply(q, &q->m->signatures[type]);
}

/* ---- Variables, memory, constants ---- */

static bool local(struct quick *q, unsigned action)
{
    uint32_t index;
    if (!wasm_u32(&q->r, &index) || index >= q->local_count) {
        return false;
    }
    uint8_t type = q->locals[index];
    return (action == WASM_ACTION_LOCAL_GET || pop(q, type)) &&
           (action == WASM_ACTION_LOCAL_SET || push(q, type));
}

static bool global(struct quick *q, bool sets)
{
    uint32_t index;
    if (!wasm_u32(&q->r, &index) || index >= q->m->global_count) {
        return false;
    }
    const struct wasm_global_type *type = &q->m->globals[index].type;
    if (!is_number((uint8_t)type->type)) {
        return false;
    }
    return sets ? type->is_mutable && pop(q, (uint8_t)type->type) : push(q, (uint8_t)type->type);
}

static bool has_memory(const struct quick *q)
{
    return q->m->memory_count > 0 && !q->m->memories[0].limits.is_64;
}

/* An alignment that is too large, or that a memory follows, exceeds the natural one. */
static bool access(struct quick *q, const struct wasm_operator *o)
{
    uint32_t align, offset;
    if (!wasm_u32(&q->r, &align) || align > o->extra || !wasm_u32(&q->r, &offset) ||
        !has_memory(q)) {
        return false;
    }
    return o->action == WASM_ACTION_STORE ? pop(q, o->in) && pop(q, WASM_I32)
                                          : pop(q, WASM_I32) && push(q, o->out);
}

/* Operators that name `memories` times memory 0, and have `operands` integers. */
static bool memory_operator(struct quick *q, unsigned memories, unsigned operands)
{
    uint32_t memory;
    bool fine = has_memory(q);
    for (unsigned n = 0; fine && n < memories; n++) {
        fine = wasm_u32(&q->r, &memory) && memory == 0;
    }
    for (unsigned n = 0; fine && n < operands; n++) {
        fine = pop(q, WASM_I32);
    }
    return fine;
}

static bool skip(struct wasm_reader *r, unsigned bytes)
{
    bool fine = (size_t)(r->end - r->at) >= bytes;
    r->at += fine ? bytes : 0;
    return fine;
}

static bool constant(struct quick *q, unsigned action)
{
    int32_t small;
    int64_t large;
    switch (action) {
    case WASM_ACTION_CONST_I32:
        return wasm_i32(&q->r, &small) && push(q, WASM_I32);
    case WASM_ACTION_CONST_I64:
        return wasm_i64(&q->r, &large) && push(q, WASM_I64);
    case WASM_ACTION_CONST_F32:
        return skip(&q->r, 4) && push(q, WASM_F32);
    default: /* WASM_ACTION_CONST_F64 */
        return skip(&q->r, 8) && push(q, WASM_F64);
    }
}

/* ---- Bodies ---- */

static bool operate(struct quick *q, const struct wasm_operator *o)
{
    switch ((enum wasm_action)o->action) {
    case WASM_ACTION_LOCAL_GET:
    case WASM_ACTION_LOCAL_SET:
    case WASM_ACTION_LOCAL_TEE:
        return local(q, o->action);
    case WASM_ACTION_CONST_I32:
    case WASM_ACTION_CONST_I64:
    case WASM_ACTION_CONST_F32:
    case WASM_ACTION_CONST_F64:
        return constant(q, o->action);
    case WASM_ACTION_LOAD:
    case WASM_ACTION_STORE:
        return access(q, o);
    case WASM_ACTION_BINARY:
        return pop(q, o->in) && pop(q, o->in) && push(q, o->out);
    case WASM_ACTION_UNARY:
        return pop(q, o->in) && push(q, o->out);
    case WASM_ACTION_GLOBAL_GET:
    case WASM_ACTION_GLOBAL_SET:
        return global(q, o->action == WASM_ACTION_GLOBAL_SET);
    case WASM_ACTION_BLOCK:
        return begin(q, BLOCK);
    case WASM_ACTION_LOOP:
        return begin(q, LOOP);
    case WASM_ACTION_IF:
        return begin(q, IF);
    case WASM_ACTION_ELSE:
        return begin_else(q);
    case WASM_ACTION_END:
        return end(q);
    case WASM_ACTION_BR:
        return branch(q);
    case WASM_ACTION_BR_IF:
        return branch_if(q);
    case WASM_ACTION_BR_TABLE:
        return branch_table(q);
    case WASM_ACTION_RETURN:
        return return_all(q);
    case WASM_ACTION_CALL:
        return call(q);
    case WASM_ACTION_CALL_INDIRECT:
        return call_indirect(q);
    case WASM_ACTION_NOP:
        return true;
    case WASM_ACTION_UNREACHABLE:
        return end_reachable(q);
    case WASM_ACTION_DROP:
        return drop(q);
    case WASM_ACTION_SELECT:
        return select_one(q);
    case WASM_ACTION_MEMORY_SIZE:
        return memory_operator(q, 1, 0) && push(q, WASM_I32);
    case WASM_ACTION_MEMORY_GROW:
        return memory_operator(q, 1, 1) && push(q, WASM_I32);
    case WASM_ACTION_MEMORY_COPY:
        return memory_operator(q, 2, 3);
    case WASM_ACTION_MEMORY_FILL:
        return memory_operator(q, 1, 3);
    default:
        return false;
    }
}

static bool read_operators(struct quick *q)
{
    while (q->block_count > 0) {
        uint32_t number;
        if (q->r.at >= q->r.end || !reserve(q, 1)) {
            return false;
        }
        uint8_t code = *q->r.at++;
        const struct wasm_operator *o = &wasm_operators[code];
        if (UNLIKELY(code == WASM_PREFIX_MORE)) {
            o = wasm_prefixed_operator(&q->r, code, &number);
        }
        if (o == NULL || o->shape == WASM_SHAPE_ILLEGAL || !operate(q, o)) {
            return false;
        }
    }
    return q->r.at == q->r.end;
}

/* Read the declarations twice: first to add up how many there are. The first pass checks each
 * declaration and limits the sum, so the second one cannot fail and cannot write beyond the list. A
 * body of a few bytes can declare 2^32 - 1 locals in one run: the sum has 64 bits, and nothing is
 * allocated before it is compared with LOCALS_MAX. */
static bool read_locals(struct quick *q, const struct wasm_signature *s)
{
    uint32_t runs, count, type;
    uint64_t total = s->params;
    if (!wasm_count(&q->r, 2, &runs)) {
        return false;
    }
    const uint8_t *at = q->r.at;
    for (uint32_t n = 0; n < runs; n++) {
        if (!wasm_u32(&q->r, &count) || !wasm_value_type(&q->r, &type) ||
            !is_number((uint8_t)type)) {
            return false;
        }
        total += count;
    }
    q->locals = total > LOCALS_MAX ? NULL : arena_alloc(q->arena, (size_t)total + 1);
    if (q->locals == NULL) {
        return false;
    }
    if (s->params > 0) {
        memcpy(q->locals, s->types, s->params);
    }
    q->local_count = s->params;
    q->r.at = at;
    for (uint32_t n = 0; n < runs; n++) {
        (void)(wasm_u32(&q->r, &count) && wasm_value_type(&q->r, &type));
        memset(q->locals + q->local_count, (int)type, count);
        q->local_count += count;
    }
    return true;
}

/* The function's own signature, whose parameters are locals and whose results are what a return
 * leaves on the stack. */
static bool has_numbers_only(const struct wasm_signature *s)
{
    bool only = true;
    for (uint32_t n = 0; only && n < s->params + s->results; n++) {
        only = is_number(s->types[n]);
    }
    return only;
}

static bool validate(struct quick *q, const struct wasm_signature *s)
{
    q->stack = arena_grow_list(q->arena, NULL, &q->stack_capacity, STACK_FIRST, 1);
    return q->stack != NULL && has_numbers_only(s) && read_locals(q, s) &&
           enter(q, BLOCK, (struct types){NULL, 0}, results_of(s)) && read_operators(q);
}

/* All lists are in a borrowed arena, which is returned on every way; only the callees are copied to
 * `a`, before the borrowed memory is returned. One element more is allocated than needed, because
 * NULL would mean that there was no memory. */
bool wasm_validate_quickly(const struct wasm_module *m, uint32_t function, struct arena *a,
                           struct wasm_facts *out)
{
    const struct wasm_function *f = &m->functions[function];
    struct wasm_error ignored;
    struct arena temporary;
    arena_borrow(a, &temporary);
    struct quick q = {.r = {.start = m->bytes,
                            .at = m->bytes + f->body,
                            .end = m->bytes + f->body + f->body_size,
                            .section = "code",
                            .type_count = m->signature_count,
                            .err = &ignored},
                      .m = m,
                      .arena = &temporary};
    bool ok = validate(&q, &m->signatures[f->type]);
    size_t bytes = q.callee_count * sizeof *q.callees;
    uint32_t *callees = ok ? arena_alloc(a, bytes + sizeof *callees) : NULL;
    if (callees != NULL) {
        if (bytes > 0) {
            memcpy(callees, q.callees, bytes);
        }
        *out = (struct wasm_facts){.callees = callees, .callee_count = q.callee_count};
    }
    arena_return(a, &temporary);
    return callees != NULL;
}
