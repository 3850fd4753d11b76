// SPDX-License-Identifier: MIT
//
// The calling convention (kernel/jit/code.h): the state at a function's entry, and its duties at
// calls and at its return.
#include "kernel/jit/verify/verify_internal.h"

#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"

/* ---- Signatures ---- */

struct arg_location {
    uint32_t reg; /* VERIFY_NONE: a cell, or (of a float) a vector register */
    int64_t cell; /* bytes from the first, or -1 */
    uint8_t type;
};

/** An iteration over the parameters, then the results, of a signature. */
struct walk {
    const struct verifier *v;
    const struct verify_signature *signature;
    uint32_t next, ints, floats;
    int64_t cell;
};

static bool is_float(unsigned type)
{
    return type == VERIFY_F32 || type == VERIFY_F64 || type == VERIFY_V128;
}

static struct arg_location next_location(struct walk *w)
{
    const struct verifier *v = w->v;
    bool results = w->next >= w->signature->params;
    if (w->next == w->signature->params) {
        w->ints = w->floats = 0;
        w->cell = ALIGN_UP(w->cell, JIT_CELLS_ALIGN);
    }
    struct arg_location p = {.reg = VERIFY_NONE, .cell = -1};
    p.type = v->shape->types[w->signature->types + w->next++];
    uint32_t limit = results ? JIT_RESULT_REGS : JIT_ARG_REGS;
    uint32_t *used = is_float(p.type) ? &w->floats : &w->ints;
    if (*used < limit) {
        uint32_t n = (*used)++;
        p.reg = is_float(p.type) ? (unsigned)VERIFY_NONE
                : results        ? v->m->results[n]
                                 : v->m->arguments[n];
        return p;
    }
    int64_t bytes = p.type == VERIFY_V128 ? 16 : 8;
    p.cell = ALIGN_UP(w->cell, bytes);
    w->cell = p.cell + bytes;
    return p;
}

static struct walk walk_signature(const struct verifier *v, const struct verify_signature *s)
{
    return (struct walk){.v = v, .signature = s};
}

/* The size of the stack cells of a signature's parameters. */
static int64_t cells_of_params(const struct verifier *v, const struct verify_signature *s)
{
    struct walk w = walk_signature(v, s);
    for (uint32_t n = 0; n < s->params; n++) {
        (void)next_location(&w);
    }
    return ALIGN_UP(w.cell, JIT_CELLS_ALIGN);
}

/* The size of the stack cells of a signature. */
static int64_t cells_of(const struct verifier *v, const struct verify_signature *s)
{
    struct walk w = walk_signature(v, s);
    for (uint32_t n = 0; n < s->params + s->results; n++) {
        (void)next_location(&w);
    }
    return ALIGN_UP(w.cell, JIT_CELLS_ALIGN);
}

/* ---- Cells ---- */

static bool cell_is(struct verifier *v, int64_t at, unsigned type)
{
    uint32_t value = value_load_cell(v, at);
    if ((value & CELL_HALF) != 0) {
        return verify_refuse(v, "a cell of which only half was written");
    }
    if (!value_demand(v, value, DEMAND_WHOLE) ||
        (type == VERIFY_V128 && !cell_is(v, at + 8, VERIFY_I64))) {
        return false;
    }
    return verify_is_reference(type) ? verify_typed(v, value, type)
                                     : value_demand(v, value, DEMAND_NUMBER);
}

static bool cell_becomes(struct verifier *v, int64_t at, unsigned type)
{
    uint32_t node =
        verify_is_reference(type) ? value_new(v, VALUE_REFERENCE, 0, type) : value_number(v, 64);
    return value_store_cell(v, at, node) &&
           (type != VERIFY_V128 || value_store_cell(v, at + 8, node));
}

/* The next `count` places of a signature must hold values of their types; cells are at `cells`. */
static bool locations_hold(struct verifier *v, struct walk *w, uint32_t count, int64_t cells)
{
    for (; count > 0; count--) {
        struct arg_location p = next_location(w);
        if ((p.reg != VERIFY_NONE && !verify_typed(v, value_register(v, p.reg), p.type)) ||
            (p.cell >= 0 && !cell_is(v, cells + p.cell, p.type))) {
            return false;
        }
    }
    return true;
}

/* ---- Entry and return ---- */

/* All others are undefined (verify_begin()). */
static void enter_registers(struct verifier *v)
{
    const struct verify_machine *m = v->m;
    for (uint32_t left = m->callee_saved | UINT32_C(1) << m->fp; left != 0; left &= left - 1) {
        unsigned r = (unsigned)__builtin_ctz(left);
        v->entry[r] = value_new(v, VALUE_SAVED, 0, r);
    }
    v->entry[VERIFY_ZERO] = ZERO_NODE;
    v->entry[m->sp] = v->frame_node = value_new(v, VALUE_FRAME, 0, 0);
    v->entry[m->context] = value_new(v, VALUE_CONTEXT, 0, 0);
    v->entry[m->base] = value_new(v, VALUE_WINDOW, NO_NODE, 0);
    v->entry[LOCATION_EPOCH] = value_new(v, VALUE_EPOCH, 0, 0);
    v->has_moved = false;
    v->return_node = value_new(v, VALUE_RETURN, 0, 0);
    if (m->link != VERIFY_NONE) {
        v->entry[m->link] = v->return_node;
    }
}

bool verify_enter(struct verifier *v)
{
    struct walk w = walk_signature(v, v->signature);
    int64_t cells = cells_of(v, v->signature);
    if (cells > INT32_MAX / 2) {
        return verify_refuse(v, "a signature with too many cells");
    }
    v->incoming = (int32_t)cells;
    v->popped = (int32_t)cells_of_params(v, v->signature);
    enter_registers(v);
    v->block = v->block_count; /* the caller's cells, as if written by a block before the first */
    v->now = v->blocks;
    for (uint32_t n = 0; n < v->signature->params; n++) {
        struct arg_location p = next_location(&w);
        if (p.reg != VERIFY_NONE) {
            v->entry[p.reg] = verify_value_of_type(v, p.type);
        } else if (p.cell >= 0 && !cell_becomes(v, v->m->return_bytes + p.cell, p.type)) {
            return false;
        }
    }
    return v->status == OK;
}

/* Most functions do not touch most of these registers: then it is the same node. */
static bool keeps(struct verifier *v, unsigned reg)
{
    uint32_t node = value_register(v, reg);
    return node == v->entry[reg] || value_demand_equal(v, EQUAL_WHOLE, node, v->entry[reg]);
}

/* Whether a cell is where the call instruction has stored the return address, and it is still
 * there. */
static bool is_return_cell(const struct verifier *v, int64_t at)
{
    return at == 0 && v->m->link == VERIFY_NONE && !v->has_moved;
}

/* Whether a return would lead to the caller: by the register, or by what the stack pointer points
 * to. */
static bool finds_caller(struct verifier *v)
{
    if (v->m->link != VERIFY_NONE) {
        return keeps(v, v->m->link);
    }
    if (is_return_cell(v, v->sp)) {
        return true;
    }
    uint32_t value = value_load_cell(v, v->sp);
    return (value & CELL_HALF) == 0 && value_demand_equal(v, EQUAL_WHOLE, value, v->return_node);
}

/* The frame is gone, but for `cells` bytes of arguments that end where the function's own do, and
 * what belongs to the caller is as it was at the entry. */
static bool has_left(struct verifier *v, int64_t cells)
{
    const struct verify_machine *m = v->m;
    if (v->sp != v->popped - cells || !finds_caller(v)) {
        return verify_refuse(v, "a return to something else than the caller");
    }
    for (uint32_t left = m->callee_saved | UINT32_C(1) << m->fp; left != 0; left &= left - 1) {
        if (!keeps(v, (unsigned)__builtin_ctz(left))) {
            return verify_refuse(v, "a register of the caller is not restored");
        }
    }
    return v->status == OK;
}

bool verify_return(struct verifier *v, const struct verify_insn *i)
{
    if (i->a != v->m->link) {
        return verify_refuse(v, "a return to something else than the caller");
    }
    if (!has_left(v, 0)) {
        return false;
    }
    if (!verify_is_home(v)) {
        return verify_refuse(v, "a return with another context");
    }
    struct walk w = walk_signature(v, v->signature);
    for (uint32_t n = v->signature->params; n > 0; n--) {
        (void)next_location(&w);
    }
    return locations_hold(v, &w, v->signature->results, v->m->return_bytes);
}

/* ---- Calls ---- */

/* A call needs enough stack below for interrupts, helpers and functions without a frame, and the
 * alignment that C and frames rely on. */
static bool has_room(struct verifier *v)
{
    if ((v->sp - v->m->return_bytes) % 16 != 0) {
        return verify_refuse(v, "a call with a stack pointer that is not aligned");
    }
    return (!v->is_leaving && (int64_t)v->probed <= (int64_t)v->sp - v->m->margin) ||
           verify_refuse(v, "a call without a probe of the stack below");
}

/* An exception follows the chain of frame records from the thrower to a landing, which computes its
 * stack pointer from the frame pointer that it gets (find_landing()). So at every call the frame
 * pointer must be the address of a record that the prologue wrote: the caller's frame pointer, then
 * the return address. The callee cannot change it either: take_cells() refuses a call whose
 * arguments overlap it. */
static bool has_record(struct verifier *v)
{
    struct value x = *value_of(v, value_register(v, v->m->fp));
    int64_t at = (int64_t)x.n;
    bool is_in_frame = x.kind == VALUE_FRAME && at >= v->sp && at < 0 && at % 8 == 0;
    bool is_record = is_in_frame && value_is_kept(v, at, v->entry[v->m->fp]) &&
                     (is_return_cell(v, at + 8) || value_is_kept(v, at + 8, v->return_node));
    return is_record || verify_refuse(v, "a call without a frame record");
}

/* What a call leaves undefined. A new epoch begins: the addresses of tables' elements belong to the
 * old one, because the callee may have moved them. */
static void clobber(struct verifier *v)
{
    struct block *b = v->now;
    for (uint64_t left = v->called; left != 0; left &= left - 1) {
        b->out[__builtin_ctzll(left)] = UNDEFINED_NODE;
    }
    b->out[LOCATION_EPOCH] = value_new(v, VALUE_EPOCH, 0, v->at);
}

/* The callee may overwrite the cells of its arguments, and those between them. */
static bool take_cells(struct verifier *v, struct walk results, int64_t cells)
{
    if (v->sp + cells > 0) {
        return verify_refuse(v, "a call whose cells do not fit the frame");
    }
    for (int64_t at = 0; at < cells; at += 8) {
        if (!value_store_cell(v, v->sp + at, UNDEFINED_NODE)) {
            return false;
        }
    }
    for (uint32_t n = results.signature->results; n > 0; n--) {
        struct arg_location p = next_location(&results);
        if (p.cell >= 0 && !cell_becomes(v, v->sp + p.cell, p.type)) {
            return false;
        }
    }
    return v->status == OK;
}

/* The callee has removed the cells of its arguments. */
static void pop_arguments(struct verifier *v, int64_t cells)
{
    v->sp += (int32_t)cells;
    value_set_register(v, v->m->sp, value_new(v, VALUE_FRAME, 0, (uint64_t)(int64_t)v->sp));
}

static bool call_compiled(struct verifier *v, const struct verify_signature *s)
{
    struct walk w = walk_signature(v, s);
    v->work += s->params + s->results;
    if (!has_room(v) || !has_record(v) || !locations_hold(v, &w, s->params, v->sp)) {
        return false;
    }
    v->call_sp = v->call_at = v->sp;
    clobber(v);
    struct walk results = w;
    int64_t arguments = ALIGN_UP(w.cell, JIT_CELLS_ALIGN);
    for (uint32_t n = s->results; n > 0; n--) {
        struct arg_location p = next_location(&w);
        if (p.reg != VERIFY_NONE) {
            value_set_register(v, p.reg, verify_value_of_type(v, p.type));
        }
    }
    v->call_cells = (uint32_t)ALIGN_UP(w.cell, JIT_CELLS_ALIGN);
    if (w.cell == 0) {
        return v->status == OK;
    }
    if (!take_cells(v, results, v->call_cells)) {
        return false;
    }
    if (arguments != 0) {
        pop_arguments(v, arguments);
    }
    return v->status == OK;
}

/* Of a binary search. */
static uint32_t steps_of(uint32_t count)
{
    return 32u - (uint32_t)__builtin_clz(count | 1);
}

/* The function that starts at a place of this piece, or of another piece of the same source. The
 * latter is executable, so it has been verified, for the same context. */
static const struct code_function *find_callee(struct verifier *v, int64_t target)
{
    const struct code_piece *p = v->piece;
    v->work += steps_of(p->function_count);
    if (target < 0 || target >= (int64_t)p->block.size) {
        return p->map == NULL
                   ? NULL
                   : code_map_entry(p->map, p->source, p->block.address + (uint64_t)target);
    }
    uint32_t n = SORTED_FIND(p->functions, p->function_count, start, (uint32_t)target);
    return n < p->function_count && p->functions[n].start == target ? &p->functions[n] : NULL;
}

/* The function whose code is called, with this function's context. @return NULL: refused. */
static const struct verify_signature *own_target(struct verifier *v, const struct verify_insn *i)
{
    const struct code_function *callee =
        find_callee(v, v->piece->functions[v->function].start + i->imm);
    if (callee == NULL) {
        (void)verify_refuse(v, "a call of something that is no function");
        return NULL;
    }
    if (!verify_is_home(v)) {
        (void)verify_refuse(v, "a call of an own function with another context");
        return NULL;
    }
    return verify_signature_of(v->shape, callee);
}

/* The callee may have ended in a call of another module's function. */
static void lose_context(struct verifier *v)
{
    value_set_register(v, v->m->context, UNDEFINED_NODE);
    value_set_register(v, v->m->base, UNDEFINED_NODE);
}

bool verify_call(struct verifier *v, const struct verify_insn *i)
{
    const struct verify_signature *s = own_target(v, i);
    if (s == NULL || !call_compiled(v, s)) {
        return false;
    }
    if (v->shape->moves_context) {
        lose_context(v);
    }
    return true;
}

/* ---- Calls through records ---- */

static const struct verify_signature *signature_by_id(struct verifier *v, uint32_t id)
{
    const struct verify_shape *s = v->shape;
    uint32_t n = SORTED_FIND(s->ids, s->id_count, id, id);
    return n < s->id_count && s->ids[n].id == id ? &s->signatures[s->ids[n].signature] : NULL;
}

/* The signature of a known function, by its field. @return NULL: it is some reference. */
static const struct verify_signature *signature_of_field(const struct verifier *v, uint32_t record)
{
    const struct value *x = value_of(v, record);
    const struct verify_field *f = x->kind == VALUE_RECORD    ? &v->shape->fields[x->n]
                                   : x->kind == VALUE_CONTEXT ? verify_field_at(v, x->n)
                                                              : NULL;
    return f != NULL ? &v->shape->signatures[f->number] : NULL;
}

/* The signature of a record's function: of its field, or of the type that was checked. A merge
 * whose type was not checked can only be a known function that a loop does not change. */
static const struct verify_signature *signature_of(struct verifier *v, uint32_t record)
{
    const struct verify_signature *known = signature_of_field(v, record);
    uint32_t id, first = value_first(v, record);
    if (known != NULL || fact_type(v, record, &id)) {
        return known != NULL ? known : signature_by_id(v, id);
    }
    return value_is_function(v, first) && value_demand_equal(v, EQUAL_WHOLE, record, first)
               ? signature_of_field(v, first)
               : NULL;
}

/* Code that only a function of another type would reach may not fit the known function. A merge
 * that begins as a known function is demanded to stay that. */
bool verify_may_have_type(struct verifier *v, uint32_t record, uint32_t id)
{
    uint32_t first = value_first(v, record);
    const struct verify_signature *known =
        value_is_function(v, first) ? signature_of_field(v, first) : NULL;
    const struct verify_signature *asked = known == NULL ? NULL : signature_by_id(v, id);
    if (known == asked) {
        return true;
    }
    uint32_t count = known->params + known->results;
    v->work += count;
    bool is_it = asked != NULL && asked->params == known->params &&
                 asked->results == known->results &&
                 memcmp(v->shape->types + asked->types, v->shape->types + known->types, count) == 0;
    return is_it || !value_demand_equal(v, EQUAL_WHOLE, record, first);
}

/* The record of a function of this module, which is part of the context: so the function runs in
 * this context, which needs no change. */
static bool is_own_record(const struct verifier *v, uint32_t record)
{
    const struct value *x = value_of(v, record);
    const struct verify_field *f = x->kind == VALUE_CONTEXT ? verify_field_at(v, x->n) : NULL;
    return f != NULL && f->kind == VERIFY_RECORD && f->at == x->n;
}

/* A call of another module's function: both pinned registers must be of the very record whose code
 * is called, or the callee would run with a context that is not its own. @return NULL: refused. */
static const struct verify_signature *record_target(struct verifier *v, uint32_t record)
{
    struct value context = *value_of(v, value_address(v, v->m->context));
    struct value base = *value_of(v, value_address(v, v->m->base));
    if (is_own_record(v, record) && verify_is_home(v)) {
        return signature_of_field(v, record);
    }
    if (context.kind != VALUE_CONTEXT_OF || base.kind != VALUE_BASE_OF ||
        !value_same(v, context.a, record) || !value_same(v, base.a, record)) {
        (void)verify_refuse(v, "a call without the context of what is called");
        return NULL;
    }
    const struct verify_signature *s = signature_of(v, record);
    if (s == NULL) {
        (void)verify_refuse(v, "a call of a function whose type was not compared");
    }
    return s;
}

static bool call_record(struct verifier *v, uint32_t record)
{
    bool is_own = is_own_record(v, record);
    const struct verify_signature *s = record_target(v, record);
    if (s == NULL || !call_compiled(v, s)) {
        return false;
    }
    if (!is_own || v->shape->moves_context) {
        lose_context(v);
    }
    return true;
}

/* ---- Tail calls ---- */

/* Whether the callee's results are those that the caller expects from this function. Their cells
 * are then the same, because the arguments before them end at the same place. */
static bool has_own_results(const struct verifier *v, const struct verify_signature *s)
{
    const struct verify_signature *own = v->signature;
    const uint8_t *types = v->shape->types;
    return s->results == own->results &&
           memcmp(types + s->types + s->params, types + own->types + own->params, s->results) == 0;
}

/* The callee takes this function's place. Its prologue probes the stack, or relies on the probe
 * that the caller of this function has made; or, if it begins further down, on this function's. */
static bool check_tail_call(struct verifier *v, const struct verify_signature *s)
{
    struct walk w = walk_signature(v, s);
    int64_t cells = cells_of_params(v, s), above = v->sp + v->m->return_bytes;
    v->work += s->params + s->results;
    if (!has_left(v, cells)) {
        return false;
    }
    if (v->sp < 0 && (int64_t)v->probed > above - v->m->margin) {
        return verify_refuse(v, "a tail call without a probe of the stack below");
    }
    if (!has_own_results(v, s)) {
        return verify_refuse(v, "a tail call that does not fit the caller");
    }
    return locations_hold(v, &w, s->params, above);
}

bool verify_tail_call(struct verifier *v, const struct verify_insn *i)
{
    const struct verify_signature *s = own_target(v, i);
    return s != NULL && check_tail_call(v, s);
}

/* Through a record; or of the function itself, by its address, because a jump to its start would be
 * one of its loops. */
bool verify_tail_call_to(struct verifier *v, const struct verify_insn *i)
{
    struct value x = *value_of(v, value_address(v, i->a));
    if (v->status == OK && x.kind == VALUE_CODE_ADDRESS && x.n == 0) {
        return (verify_is_home(v) ||
                verify_refuse(v, "a call of an own function with another context")) &&
               check_tail_call(v, v->signature);
    }
    if (v->status != OK || x.kind != VALUE_CODE_OF) {
        return verify_refuse(v, "an indirect jump that is not through a known table");
    }
    if (!v->shape->moves_context && !is_own_record(v, x.a)) {
        return verify_refuse(v, "a jump to another module's function");
    }
    const struct verify_signature *s = record_target(v, x.a);
    return s != NULL && check_tail_call(v, s);
}

/* ---- Helpers ---- */

static bool is_table(const struct verifier *v, uint64_t n)
{
    return n < v->shape->table_count;
}

/* Check a constant that the helper itself does not check. */
static bool constant_is_right(const struct verifier *v, unsigned type, uint64_t n)
{
    const struct verify_shape *s = v->shape;
    uint64_t high = n >> 32, low = n & UINT32_MAX;
    switch (type) {
    case VERIFY_TABLE_NUMBER:
        return is_table(v, n);
    case VERIFY_TABLE_PAIR:
        return is_table(v, high) && is_table(v, low) && s->tables[high] == s->tables[low];
    case VERIFY_TABLE_SEGMENT:
        return is_table(v, high) && low < s->element_count && s->tables[high] == s->elements[low];
    case VERIFY_ELEMENT_NUMBER:
        return n < s->element_count;
    default: /* VERIFY_DATA_NUMBER */
        return n < s->data_count;
    }
}

/* Check the cells of the frame that a helper reads or writes. If it throws, it may not have written
 * all of them. */
static bool pass_cells(struct verifier *v, uint32_t node, const struct verify_signature *s,
                       bool reads)
{
    struct value x = *value_of(v, node);
    uint32_t first = reads ? 0 : s->params, count = reads ? s->params : s->results;
    int64_t at = (int64_t)x.n;
    if (x.kind != VALUE_FRAME || at < v->sp || at % 8 != 0) {
        return verify_refuse(v, "a helper is given an address outside the frame");
    }
    for (uint32_t n = 0; n < count; n++) {
        unsigned type = v->shape->types[s->types + first + n];
        int64_t end = at + (type == VERIFY_V128 ? 16 : 8);
        if (end > 0) {
            return verify_refuse(v, "a helper is given cells outside the frame");
        }
        if (!(reads ? cell_is(v, at, type) : cell_becomes(v, at, type))) {
            return false;
        }
        at = end;
    }
    if (!reads) {
        v->call_at = (int32_t)x.n;
        v->call_cells = (uint32_t)(at - (int64_t)x.n);
    }
    return true;
}

static bool pass_to_helper(struct verifier *v, const struct verify_signature *cells, uint32_t node,
                           unsigned type, uint32_t *table)
{
    if (type == VERIFY_FRAME_IN || type == VERIFY_FRAME_OUT) {
        node = value_settle(v, node);
        return cells != NULL && pass_cells(v, node, cells, type == VERIFY_FRAME_IN);
    }
    if (type == VERIFY_TABLE_VALUE) {
        return verify_typed(v, node, v->shape->tables[*table]);
    }
    if (type < VERIFY_TABLE_NUMBER) {
        return !is_float(type) && verify_typed(v, node, type);
    }
    uint32_t first = value_first(v, node);
    if (value_of(v, first)->kind == VALUE_CONST &&
        value_demand_equal(v, EQUAL_WHOLE, node, first)) {
        node = first;
    }
    struct value x = *value_of(v, node);
    if (x.kind != VALUE_CONST || !constant_is_right(v, type, x.n)) {
        return verify_refuse(v, "a helper is given a wrong number of a table or segment");
    }
    *table = type == VERIFY_TABLE_NUMBER ? (uint32_t)x.n : *table;
    return true;
}

static bool call_helper(struct verifier *v, const struct value *target)
{
    const struct verify_shape *shape = v->shape;
    bool is_host = target->a != 0;
    const struct verify_helper *h = is_host ? NULL : &shape->helpers[target->n];
    const struct verify_signature *s =
        is_host ? &shape->signatures[shape->fields[target->n].number] : &h->signature;
    const struct verify_signature *cells = is_host ? NULL : &shape->helpers[h->cells].signature;
    struct value first = *value_of(v, value_address(v, v->m->helper_arguments[0]));
    bool is_right = is_host ? first.kind == VALUE_HOST && first.n == target->n
                            : first.kind == VALUE_CONTEXT && first.n == 0;
    uint32_t table = 0;
    if (!is_right || !verify_is_home(v)) {
        return verify_refuse(v, "a helper is called with another context");
    }
    if (s->params >= ARRAY_COUNT(v->m->helper_arguments) || s->results > 1 || !has_room(v)) {
        return verify_refuse(v, "a helper is called with too many arguments");
    }
    if (!has_record(v)) {
        return false;
    }
    v->call_cells = 0;
    for (uint32_t n = 0; n < s->params; n++) {
        uint32_t node = value_register(v, v->m->helper_arguments[n + 1]);
        if (!pass_to_helper(v, cells, node, shape->types[s->types + n], &table)) {
            return verify_refuse(v, "a helper is called with a wrong argument");
        }
    }
    v->call_sp = v->sp;
    clobber(v);
    if (s->results == 1) { /* C leaves the upper half of an i32 undefined */
        unsigned type = shape->types[s->types + s->params];
        value_set_register(v, v->m->helper_result,
                           verify_is_reference(type) ? value_new(v, VALUE_REFERENCE, 0, type)
                                                     : value_number(v, 64));
    }
    return v->status == OK;
}

bool verify_call_to(struct verifier *v, const struct verify_insn *i)
{
    uint32_t node = (i->flags & VERIFY_MEM) != 0 ? verify_read(v, i, 8, 0) : value_address(v, i->b);
    struct value x = *value_of(v, node);
    if (v->status != OK) {
        return false;
    }
    if (x.kind == VALUE_HELPER) {
        return call_helper(v, &x);
    }
    return x.kind == VALUE_CODE_OF ? call_record(v, x.a)
                                   : verify_refuse(v, "a call of an unknown address");
}
