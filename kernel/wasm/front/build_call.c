// SPDX-License-Identifier: MIT
//
// Calls: of the module's own functions, of imported ones, through tables, of helpers.
#include "kernel/wasm/front/build_internal.h"

/* Copy a call's operands from the stack to the pool, after `before` words that the call adds
 * itself. @return their index in the pool. */
static uint32_t pool_arguments(struct wasm_builder *b, uint32_t count, const uint32_t *own,
                               uint32_t before)
{
    uint32_t at = ir_pool(b->f, NULL, before + count);
    if (b->f->error != OK) {
        return 0;
    }
    for (uint32_t n = 0; n < before; n++) {
        b->f->pool[at + n] = own[n];
    }
    for (uint32_t n = 0; n < count; n++) {
        b->f->pool[at + before + n] = b->stack[b->depth - count + n].value;
    }
    return at;
}

/* Take the arguments off the stack and push the results, of which `call` is the first. */
static void push_results(struct wasm_builder *b, const struct wasm_signature *s, uint32_t call)
{
    const uint32_t *results = s->full + s->params;
    b->depth -= s->params;
    if (!build_stack_room(b, s->results)) {
        return;
    }
    for (uint32_t n = 0; n < s->results; n++) {
        uint32_t value =
            n == 0 ? call : build_emit(b, IR_RESULT, wasm_ir_type(results[n]), call, n, 0);
        build_push(b, results[n], value);
    }
}

uint32_t build_call_in_try(struct wasm_builder *b, uint32_t target, bool is_indirect, unsigned type,
                           uint32_t pool, uint32_t count)
{
    uint32_t next = ir_block_new(b->f), on = ir_edge(b->f, next, NULL, 0);
    uint32_t unwind = build_unwind_edge(b, b->guard);
    if (!build_ok(b)) {
        return 0;
    }
    b->f->pool[pool] = on;
    b->f->pool[pool + 1] = unwind;
    uint32_t call =
        ir_emit(b->f, is_indirect ? IR_INVOKE_INDIRECT : IR_INVOKE, type, target, pool, count);
    ir_block_start(b->f, next);
    return call;
}

/* Emit the call. `own`: code and context of an indirect call. */
static void emit_call(struct wasm_builder *b, uint32_t target, const struct wasm_signature *s,
                      const uint32_t *own)
{
    unsigned type = s->results == 0 ? IR_VOID : wasm_ir_type(s->full[s->params]);
    uint32_t call = 0;
    if (b->live && b->guard != 0) {
        uint32_t words[4] = {0, 0, own == NULL ? 0 : own[0], own == NULL ? 0 : own[1]};
        uint32_t before = own == NULL ? 2 : 4;
        uint32_t pool = pool_arguments(b, s->params, words, before);
        call = build_call_in_try(b, target, own != NULL, type, pool, before + s->params);
    } else if (b->live) {
        uint32_t before = own == NULL ? 0 : 2;
        uint32_t pool = pool_arguments(b, s->params, own, before);
        call = ir_emit(b->f, own == NULL ? IR_CALL : IR_CALL_INDIRECT, type, target, pool,
                       before + s->params);
    }
    push_results(b, s, call);
}

/* The results of the callee, which become the function's, are on the stack: check their types.
 * Nothing after them is reachable. */
static bool end_tail_call(struct wasm_builder *b, const struct wasm_signature *s)
{
    const struct wasm_block_type *own = &b->frames[0].type;
    if (s->results != own->result_count) {
        return BUILD_INVALID(b, "type mismatch: %u results for %u of the function", s->results,
                             own->result_count);
    }
    return build_expect(b, own->results, own->result_count);
}

/* A call that takes this function's place. */
static void emit_tail_call(struct wasm_builder *b, uint32_t target, const struct wasm_signature *s,
                           const uint32_t *own)
{
    uint32_t before = own == NULL ? 0 : 2;
    if (b->live) {
        uint32_t pool = pool_arguments(b, s->params, own, before);
        (void)ir_emit(b->f, own == NULL ? IR_TAIL_CALL : IR_TAIL_CALL_INDIRECT, IR_VOID, target,
                      pool, before + s->params);
        b->live = false; /* the results on the stack exist only for the check of their types */
    }
    push_results(b, s, 0);
    if (build_ok(b) && end_tail_call(b, s)) {
        build_unreachable(b);
    }
}

/* The struct wasm_func of an own function is in the module's context; for an imported one, the
 * context has its address. */
uint32_t build_function_address(struct wasm_builder *b, uint32_t function)
{
    const struct wasm_function *f = &b->m->functions[function];
    if (f->is_imported) {
        return build_load(b, IR_I64, IR_NONE,
                          (struct ir_memref){.offset = f->at,
                                             .space = IR_SPACE_CONTEXT,
                                             .alias_class = CLASS_CONTEXT,
                                             .is_constant = 1});
    }
    uint32_t context = build_emit(b, IR_CONTEXT, IR_I64, 0, 0, 0);
    return build_emit(b, IR_ADD, IR_I64, context, build_const(b, IR_I64, f->at), 0);
}

/* Load a field of the struct wasm_func at an address. If the address is checked first, the load
 * must not move before the check, so it is not marked constant. */
static uint32_t load_func(struct wasm_builder *b, unsigned type, uint32_t address, uint32_t offset,
                          bool constant)
{
    return build_load(b, type, address,
                      (struct ir_memref){.offset = offset,
                                         .space = IR_SPACE_ADDRESS,
                                         .alias_class = CLASS_FUNCTIONS,
                                         .is_constant = constant});
}

/* A call through a struct wasm_func needs two words: the code, and the context of the module that
 * the function belongs to, which may be another one than the caller's. */
static void load_target(struct wasm_builder *b, uint32_t address, bool constant, uint32_t own[2])
{
    own[0] = load_func(b, IR_I64, address, offsetof(struct wasm_func, code), constant);
    own[1] = load_func(b, IR_I64, address, offsetof(struct wasm_func, context), constant);
}

/* After a host function the store's flag may be set: then the code must end. The kind of trap does
 * not matter in this case. */
static void end_if_stopped(struct wasm_builder *b)
{
    uint32_t at = build_load(b, IR_I64, IR_NONE,
                             (struct ir_memref){.offset = offsetof(struct wasm_context, stop),
                                                .space = IR_SPACE_CONTEXT,
                                                .alias_class = CLASS_CONTEXT,
                                                .is_constant = 1});
    uint32_t flag = build_load(
        b, IR_I32, at, (struct ir_memref){.space = IR_SPACE_ADDRESS, .alias_class = CLASS_STOP});
    uint32_t is_clear = build_emit(b, IR_EQ, IR_I32, flag, build_const(b, IR_I32, 0), 0);
    build_require(b, is_clear, IR_TRAP_UNREACHABLE);
}

/* A host function has no code that could take this function's place: it is called, and then the
 * function returns. It never throws, so a try needs no unwind edge for it. */
static void call_host(struct wasm_builder *b, uint32_t function, bool is_tail)
{
    const struct wasm_signature *s = &b->m->signatures[b->m->functions[function].type];
    uint32_t guard = b->guard;
    b->guard = 0;
    emit_call(b, WASM_HELPER_COUNT + function, s, NULL);
    b->guard = guard;
    end_if_stopped(b);
    if (is_tail && build_ok(b) && end_tail_call(b, s)) {
        if (b->live) {
            build_return(b);
        }
        build_unreachable(b);
    }
}

/* The code and context of an own function that has no code yet. The code is loaded for each call,
 * because after the first one it is another. */
static void load_later(struct wasm_builder *b, const struct wasm_function *f, uint32_t own[2])
{
    own[0] = build_load(b, IR_I64, IR_NONE,
                        (struct ir_memref){.offset = f->at + offsetof(struct wasm_func, code),
                                           .space = IR_SPACE_CONTEXT,
                                           .alias_class = CLASS_FUNCTIONS});
    own[1] = build_emit(b, IR_CONTEXT, IR_I64, 0, 0, 0);
}

/* What a validation reports of a call. Several calls in a row of one function count once. */
static void note_call(struct wasm_builder *b, uint32_t function, bool is_tail)
{
    const struct wasm_list *l = &b->callees;
    if (b->m->functions[function].is_imported) {
        b->moves_context = b->moves_context || is_tail;
    } else if (l->count == 0 || l->words[l->count - 1] != function) {
        (void)build_append(b, &b->callees, function);
    }
}

static bool is_later(const struct wasm_module *m, uint32_t function)
{
    return !m->functions[function].is_imported && m->later != NULL && m->later[function] != 0;
}

/* Four kinds of target. An own function is called directly if it has code. An imported function
 * that is known to be a simple host function is called directly, too, and then the stop flag is
 * tested. All others go through the struct wasm_func. */
void build_call(struct wasm_builder *b, bool is_tail)
{
    uint32_t function, own[2];
    if (!wasm_u32(&b->r, &function)) {
        return;
    }
    if (function >= b->m->function_count) {
        (void)BUILD_INVALID(b, "unknown function %u", function);
        return;
    }
    const struct wasm_function *f = &b->m->functions[function];
    const struct wasm_signature *s = &b->m->signatures[f->type];
    if (!build_expect(b, s->full, s->params)) {
        return;
    }
    if (b->validates) {
        note_call(b, function, is_tail);
    }
    void (*emit)(struct wasm_builder *, uint32_t, const struct wasm_signature *, const uint32_t *) =
        is_tail ? emit_tail_call : emit_call;
    if (b->m->callees[WASM_HELPER_COUNT + function].kind == IR_CALLEE_HOST) {
        call_host(b, function, is_tail);
    } else if (is_later(b->m, function)) {
        load_later(b, f, own);
        emit(b, f->type, s, own);
    } else if (!f->is_imported) {
        emit(b, WASM_HELPER_COUNT + function, s, NULL);
    } else {
        load_target(b, build_function_address(b, function), true, own);
        emit(b, f->type, s, own);
    }
}

/* Check that the element is a function of this type.
 * @return the address of its struct wasm_func. */
static uint32_t check_element(struct wasm_builder *b, uint32_t reference, uint32_t id)
{
    uint32_t present = build_emit(b, IR_NE, IR_I32, reference, build_const(b, IR_I64, 0), 0);
    build_require(b, present, IR_TRAP_NULL);
    uint32_t found = load_func(b, IR_I32, reference, offsetof(struct wasm_func, type_id), false);
    uint32_t same = build_emit(b, IR_EQ, IR_I32, found, build_const(b, IR_I32, id), 0);
    build_require(b, same, IR_TRAP_SIGNATURE);
    return reference;
}

/* Call the function that a reference refers to, after the checks of check_element(). */
static void call_reference(struct wasm_builder *b, uint32_t reference, uint32_t type, bool is_tail)
{
    const struct wasm_signature *s = &b->m->signatures[type];
    uint32_t own[2];
    b->moves_context = b->moves_context || is_tail;
    load_target(b, check_element(b, reference, s->id), false, own);
    if (is_tail) {
        emit_tail_call(b, type, s, own);
    } else {
        emit_call(b, type, s, own);
    }
}

/* The checks must run in this order, each before the load that it protects: the index against the
 * table's length, the element against null, and the type id against the one that the call
 * expects. Ids are equal exactly for equal function types, across all modules (typeid.h). */
void build_call_indirect(struct wasm_builder *b, bool is_tail)
{
    uint32_t type, table;
    if (!wasm_u32(&b->r, &type) || !wasm_u32(&b->r, &table)) {
        return;
    }
    if (type >= b->m->signature_count) {
        (void)BUILD_INVALID(b, "unknown type %u", type);
        return;
    }
    if (table >= b->m->table_count) {
        (void)BUILD_INVALID(b, "unknown table %u", table);
        return;
    }
    if ((uint8_t)b->m->tables[table].type.type != WASM_FUNCREF) {
        (void)BUILD_INVALID(b, "type mismatch: table %u is not of funcref", table);
        return;
    }
    const struct wasm_signature *s = &b->m->signatures[type];
    bool is_64 = b->m->tables[table].type.limits.is_64;
    uint32_t index = build_pop_index(b, is_64, IR_TRAP_TABLE);
    if (!build_expect(b, s->full, s->params)) {
        return;
    }
    call_reference(b, build_table_element(b, table, index), type, is_tail);
}

/* Validation has proved the type of the function. It is compared again, so that the verifier of
 * machine code does not have to know the types of references. */
void build_call_ref(struct wasm_builder *b, bool is_tail)
{
    uint32_t type;
    if (!wasm_u32(&b->r, &type)) {
        return;
    }
    if (type >= b->m->signature_count) {
        (void)BUILD_INVALID(b, "unknown type %u", type);
        return;
    }
    const struct wasm_signature *s = &b->m->signatures[type];
    uint32_t reference = build_pop(b, WASM_REFERENCE_TO(type));
    if (build_expect(b, s->full, s->params)) {
        call_reference(b, reference, type, is_tail);
    }
}

uint32_t build_helper(struct wasm_builder *b, unsigned helper, const uint32_t *args, uint32_t count)
{
    if (!b->live) {
        return 0;
    }
    const struct ir_signature *s = &b->m->ir.signatures[b->m->ir.callees[helper].signature];
    unsigned type = s->results == 0 ? IR_VOID : b->m->ir.types[s->types + s->params];
    return ir_emit(b->f, IR_CALL, type, helper, ir_pool(b->f, args, count), count);
}
