// SPDX-License-Identifier: MIT
//
// The types of operands and results, by enum ir_typing.
#include "kernel/jit/ir/ir_verify_internal.h"

#include "kernel/lib/string.h"

#define ALIGN_MAX 64u

static unsigned type_of(const struct verifier *v, uint32_t value)
{
    return v->f->instrs[value].type;
}

/* Whether all operands that the form has in a, b and c are of this type. */
static bool operands_are(struct verifier *v, const struct ir_instr *i, unsigned type)
{
    unsigned form = ir_op_info[i->op].form;
    bool a = type_of(v, i->a) == type;
    bool b = form != IR_FORM_BINARY || type_of(v, i->b) == type;
    return (a && b) || verify_fail(v, "an operand is no %s", ir_type_name(type));
}

static bool result_is(struct verifier *v, const struct ir_instr *i, unsigned type)
{
    return i->type == type || verify_fail(v, "the result is a %s", ir_type_name(type));
}

/* Whether operands and result are of one type, of this kind. */
static bool all_of_kind(struct verifier *v, const struct ir_instr *i, bool (*is_kind)(unsigned))
{
    if (!is_kind(i->type)) {
        return verify_fail(v, "not for %s", ir_type_name(i->type));
    }
    return operands_are(v, i, i->type);
}

static bool compares(struct verifier *v, const struct ir_instr *i, bool (*is_kind)(unsigned))
{
    unsigned type = type_of(v, i->a);
    if (!is_kind(type)) {
        return verify_fail(v, "not for %s", ir_type_name(type));
    }
    return result_is(v, i, IR_I32) && operands_are(v, i, type);
}

static bool converts(struct verifier *v, const struct ir_instr *i, unsigned from, unsigned to)
{
    return result_is(v, i, to) && operands_are(v, i, from);
}

static bool of_kinds(struct verifier *v, const struct ir_instr *i, bool (*from)(unsigned),
                     bool (*to)(unsigned))
{
    return (from(type_of(v, i->a)) && to(i->type)) ||
           verify_fail(v, "not from %s to %s", ir_type_name(type_of(v, i->a)),
                       ir_type_name(i->type));
}

/* Between an integer and a float of the same size; anything else would be a copy. */
static bool check_bitcast(struct verifier *v, const struct ir_instr *i)
{
    unsigned from = type_of(v, i->a), to = i->type;
    bool swaps =
        (ir_is_integer(from) && ir_is_float(to)) || (ir_is_float(from) && ir_is_integer(to));
    return (swaps && ir_type_size(from) == ir_type_size(to)) ||
           verify_fail(v, "not from %s to %s", ir_type_name(from), ir_type_name(to));
}

static bool is_scalar(unsigned type)
{
    return ir_is_integer(type) || ir_is_float(type);
}

/* A 32-bit constant has zeros in its upper word: value
 * numbering compares constants by both words. */
static bool check_const(struct verifier *v, const struct ir_instr *i)
{
    if (!is_scalar(i->type)) {
        return verify_fail(v, "not of %s", ir_type_name(i->type));
    }
    return ir_type_size(i->type) == 8 || i->b == 0 || verify_fail(v, "more than 32 bits");
}

/* A derived reference points into an object. The collector finds that object through the
 * instruction that derived it, so a select between two derived ones has no single object. */
static bool check_any(struct verifier *v, const struct ir_instr *i)
{
    if (i->type == IR_VOID) {
        return verify_fail(v, "it has a result");
    }
    if (i->op != IR_SELECT) {
        return true; /* parameters and results are checked with their block and call */
    }
    if (i->type == IR_DERIVED) {
        return verify_fail(v, "a select of derived references has no single object");
    }
    if (type_of(v, i->a) != IR_I32) {
        return verify_fail(v, "the condition is no i32");
    }
    return (type_of(v, i->b) == i->type && type_of(v, i->c) == i->type) ||
           verify_fail(v, "operands of two types");
}

/* ---- Memory ---- */

static bool check_memory(struct verifier *v, const struct ir_memory *m)
{
    return ((m->base | m->length) & 7) == 0 ||
           verify_fail(v, "words of the context at %u and %u", m->base, m->length);
}

/* By space, the kind of the index: memory has an i32; an address is an i64; an object is a
 * reference; context and slots have constant offsets only. */
static bool check_index_type(struct verifier *v, const struct ir_instr *i,
                             const struct ir_memref *p)
{
    bool indexed = i->a != IR_NONE;
    switch ((enum ir_space)p->space) {
    case IR_SPACE_CONTEXT:
        return !indexed || verify_fail(v, "the context has no index");
    case IR_SPACE_SLOT:
        if (p->number >= v->f->slot_count) {
            return verify_fail(v, "no slot %u", p->number);
        }
        return !indexed || verify_fail(v, "a slot has no index");
    case IR_SPACE_MEMORY:
        if (p->number >= v->f->module->memory_count) {
            return verify_fail(v, "no memory %u", p->number);
        }
        return check_memory(v, &v->f->module->memories[p->number]) &&
               ((indexed && type_of(v, i->a) == IR_I32) || verify_fail(v, "the index is an i32"));
    case IR_SPACE_ADDRESS:
        return (indexed && type_of(v, i->a) == IR_I64) || verify_fail(v, "the address is an i64");
    case IR_SPACE_OBJECT:
        return (indexed && ir_is_managed(type_of(v, i->a))) ||
               verify_fail(v, "the index is a reference");
    case IR_SPACE_COUNT:
        break;
    }
    return verify_fail(v, "no such memory reference");
}

/* Narrow accesses must be of integers; accesses that make lanes must be loads of vectors. */
static bool access_fits(const struct ir_instr *i, unsigned access, unsigned type)
{
    if (access >= IR_ACCESS_8_SPLAT) {
        return type == IR_V128 && i->op == IR_LOAD;
    }
    return ir_is_integer(type) && ir_access_size(access, type) < ir_type_size(type);
}

static bool check_access(struct verifier *v, const struct ir_instr *i, unsigned type)
{
    const struct ir_memref *p = &v->f->memrefs[i->c];
    if (p->access >= IR_ACCESS_COUNT || !check_index_type(v, i, p)) {
        return verify_fail(v, "no such access");
    }
    if (p->access != IR_ACCESS_FULL && !access_fits(i, p->access, type)) {
        return verify_fail(v, "no access of this width for %s", ir_type_name(type));
    }
    if (p->space == IR_SPACE_SLOT) {
        uint64_t size = v->f->slots[p->number].size, bytes = ir_access_size(p->access, type);
        return (p->offset <= size && bytes <= size - p->offset) ||
               verify_fail(v, "outside the slot");
    }
    /* The collector would not find a reference in any other memory. */
    return !ir_is_managed(type) || p->space == IR_SPACE_OBJECT || p->space == IR_SPACE_CONTEXT ||
           verify_fail(v, "no references there");
}

static bool check_load(struct verifier *v, const struct ir_instr *i)
{
    return i->type == IR_VOID ? verify_fail(v, "it has a result") : check_access(v, i, i->type);
}

/* A reference is stored only with IR_STORE_REF, which lowering can turn into a write barrier.
 * Derived references are never in memory that the collector reads. */
static bool check_store(struct verifier *v, const struct ir_instr *i)
{
    unsigned type = type_of(v, i->b);
    bool managed = ir_op_info[i->op].typing == IR_TYPES_STORED_REF;
    if (managed != (type == IR_REF) || type == IR_DERIVED) {
        return verify_fail(v, "references, and nothing else, are stored by store_ref");
    }
    return result_is(v, i, IR_VOID) && check_access(v, i, type);
}

/* Operands and result have one type; a store has no result. */
static bool check_atomic(struct verifier *v, const struct ir_instr *i)
{
    const uint32_t *pool = v->f->pool + i->b;
    unsigned form = ir_op_info[i->op].form, type = i->type;
    if (i->op == IR_ATOMIC_STORE) {
        type = type_of(v, i->b);
    } else if (form == IR_FORM_COMPARE_SWAP
                   ? type_of(v, pool[0]) != type || type_of(v, pool[1]) != type
                   : form == IR_FORM_STORE && type_of(v, i->b) != type) {
        return verify_fail(v, "an atomic operation has one type");
    }
    if (!ir_is_integer(type) || (i->op == IR_ATOMIC_STORE && i->type != IR_VOID)) {
        return verify_fail(v, "no atomic operation of %s", ir_type_name(type));
    }
    unsigned access = v->f->memrefs[i->c].access;
    bool fits = access == IR_ACCESS_FULL || access == IR_ACCESS_8_U || access == IR_ACCESS_16_U ||
                access == IR_ACCESS_32_U;
    return fits ? check_access(v, i, type) : verify_fail(v, "an atomic access extends with zeros");
}

static bool check_bytes(struct verifier *v, const struct ir_instr *i)
{
    return result_is(v, i, IR_VOID) &&
           ((type_of(v, i->a) == IR_I64 &&
             (ir_op_info[i->op].form != IR_FORM_COPY || type_of(v, i->b) == IR_I64)) ||
            verify_fail(v, "an address is an i64"));
}

static bool check_slots(struct verifier *v)
{
    for (uint32_t n = 0; n < v->f->slot_count; n++) {
        uint32_t align = v->f->slots[n].align;
        if (align == 0 || align > ALIGN_MAX || (align & (align - 1)) != 0) {
            return verify_fail(v, "slot %u is aligned to %u", n, align);
        }
    }
    return true;
}

/* ---- Calls ---- */

/* A derived value cannot be passed: the object that it points into would not be passed with it. */
static bool check_signature(struct verifier *v, const struct ir_signature *s)
{
    for (uint32_t n = 0; n < s->params + s->results; n++) {
        if (v->f->module->types[s->types + n] == IR_DERIVED) {
            return verify_fail(v, "derived values are not passed between functions");
        }
    }
    return true;
}

/* The number and types of the arguments must be those of the signature: nothing is converted. */
static bool check_args(struct verifier *v, const struct ir_signature *s, const uint32_t *args,
                       uint32_t count)
{
    const uint8_t *types = v->f->module->types + s->types;
    if (!check_signature(v, s)) {
        return false;
    }
    if (count != s->params) {
        return verify_fail(v, "%u arguments for %u parameters", count, s->params);
    }
    for (uint32_t n = 0; n < count; n++) {
        if (type_of(v, args[n]) != types[n]) {
            return verify_fail(v, "argument v%u is no %s", args[n], ir_type_name(types[n]));
        }
    }
    return true;
}

/* Check that a stub of every machine can call a helper, which is a C function: five parameters,
 * besides the context, fit the argument registers of both machines. */
static bool check_helper(struct verifier *v, const struct ir_callee *c)
{
    const struct ir_signature *s = &v->f->module->signatures[c->signature];
    if (s->params > 5 || s->results > 1) {
        return verify_fail(v, "helper %s has more than 5 parameters or more than 1 result",
                           c->name);
    }
    for (uint32_t n = 0; n < s->params + s->results; n++) {
        unsigned type = v->f->module->types[s->types + n];
        if (!ir_is_integer(type) && type != IR_REF) {
            return verify_fail(v, "helper %s knows no %s", c->name, ir_type_name(type));
        }
    }
    return (c->entry & 7) == 0 || verify_fail(v, "helper %s is at %u", c->name, c->entry);
}

static bool check_callee(struct verifier *v, const struct ir_callee *c)
{
    if (c->kind == IR_CALLEE_HELPER || c->kind == IR_CALLEE_HOST) {
        return check_helper(v, c);
    }
    return c->kind == IR_CALLEE_FUNCTION || verify_fail(v, "no such kind of callee");
}

/* The target and the arguments. */
static bool check_operands(struct verifier *v, const struct ir_instr *i)
{
    static const uint32_t none;
    const uint32_t *args = i->c == 0 ? &none : v->f->pool + i->b; /* there may be no pool */
    uint32_t skip = ir_call_skips(i), edges = ir_call_edges(i);
    bool is_indirect = ir_calls_indirectly(i);
    if (is_indirect && (i->c < skip || type_of(v, args[edges]) != IR_I64 ||
                        type_of(v, args[edges + 1]) != IR_I64)) {
        return verify_fail(v, "code and context are i64");
    }
    if (!is_indirect && !check_callee(v, &v->f->module->callees[i->a])) {
        return false;
    }
    return check_args(v, ir_call_signature(v->f, i), args + skip, i->c - skip);
}

static bool check_call(struct verifier *v, const struct ir_instr *i)
{
    const struct ir_signature *s = ir_call_signature(v->f, i);
    unsigned first = s->results == 0 ? IR_VOID : v->f->module->types[s->types + s->params];
    return result_is(v, i, first) && check_operands(v, i);
}

/* The callee returns to this function's caller, so its results must be this function's. A C
 * function cannot take the place of this one. */
static bool check_tail_call(struct verifier *v, const struct ir_instr *i)
{
    const struct ir_module *m = v->f->module;
    const struct ir_signature *s = ir_call_signature(v->f, i);
    const struct ir_signature *own = &m->signatures[m->callees[v->f->callee].signature];
    if (!result_is(v, i, IR_VOID) || !check_operands(v, i)) {
        return false;
    }
    if (i->op == IR_TAIL_CALL && m->callees[i->a].kind != IR_CALLEE_FUNCTION) {
        return verify_fail(v, "a tail call of helper %s", m->callees[i->a].name);
    }
    bool same = s->results == own->results &&
                memcmp(m->types + s->types + s->params, m->types + own->types + own->params,
                       own->results) == 0;
    return same || verify_fail(v, "the results of a tail call are not the function's");
}

/* A further result must follow its call, or begin the block to which an invoke returns, with only
 * earlier results in between. */
static bool check_result(struct verifier *v, const struct ir_instr *i)
{
    const struct ir_function *f = v->f;
    const struct ir_instr *call = &f->instrs[i->a];
    uint32_t first = ir_first_result(f, i->a);
    if (ir_op_info[call->op].typing != IR_TYPES_CALLS || first > v->at) {
        return verify_fail(v, "v%u is no call before it", i->a);
    }
    for (uint32_t n = first; n < v->at; n++) {
        if (f->instrs[n].op != IR_RESULT || f->instrs[n].b >= i->b) {
            return verify_fail(v, "a result must follow its call, in order");
        }
    }
    const struct ir_signature *s = ir_call_signature(f, &f->instrs[i->a]);
    if (i->b == 0 || i->b >= s->results) {
        return verify_fail(v, "the call has no result %u", i->b);
    }
    return result_is(v, i, f->module->types[s->types + s->params + i->b]);
}

/* The values must match the results of the function's own signature. */
static bool check_return(struct verifier *v, const struct ir_instr *i)
{
    const struct ir_module *m = v->f->module;
    const struct ir_signature *s = &m->signatures[m->callees[v->f->callee].signature];
    if (i->c != s->results) {
        return verify_fail(v, "%u values for %u results", i->c, s->results);
    }
    for (uint32_t n = 0; n < i->c; n++) {
        if (type_of(v, v->f->pool[i->b + n]) != m->types[s->types + s->params + n]) {
            return verify_fail(v, "v%u has another type than the result", v->f->pool[i->b + n]);
        }
    }
    return true;
}

/* The parameters of block 0 are the function's parameters, so they must match its signature. */
static bool check_entry(struct verifier *v)
{
    const struct ir_module *m = v->f->module;
    const struct ir_signature *s = &m->signatures[m->callees[v->f->callee].signature];
    const struct ir_block *entry = &v->f->blocks[0];
    v->at = entry->first;
    if (m->callees[v->f->callee].kind != IR_CALLEE_FUNCTION) {
        return verify_fail(v, "a helper has no body");
    }
    if (!check_signature(v, s)) {
        return false;
    }
    if (entry->params != s->params) {
        return verify_fail(v, "the entry has %u parameters, the signature %u", entry->params,
                           s->params);
    }
    for (uint32_t n = 0; n < s->params; n++) {
        if (type_of(v, entry->first + n) != m->types[s->types + n]) {
            return verify_fail(v, "parameter %u has another type than in the signature", n);
        }
    }
    return true;
}

/* ---- By typing ---- */

static bool is_integer(unsigned type)
{
    return ir_is_integer(type);
}

static bool is_float(unsigned type)
{
    return ir_is_float(type);
}

static bool is_managed(unsigned type)
{
    return ir_is_managed(type);
}

static bool is_word(unsigned type)
{
    return type == IR_I64;
}

static bool is_reference(unsigned type)
{
    return type == IR_REF;
}

/* The result points into the object of the first operand. Deriving from a derived reference keeps
 * that object. */
static bool check_derive(struct verifier *v, const struct ir_instr *i)
{
    return result_is(v, i, IR_DERIVED) &&
           ((ir_is_managed(type_of(v, i->a)) && type_of(v, i->b) == IR_I64) ||
            verify_fail(v, "derive needs a reference and an i64"));
}

static bool check_nothing(struct verifier *v, const struct ir_instr *i)
{
    return result_is(v, i, IR_VOID) && (i->op != IR_RETURN || check_return(v, i));
}

/* One line for each enum ir_typing. At this point all
 * indices are in range, so types may be read freely. */
static bool check_types(struct verifier *v, const struct ir_instr *i)
{
    switch ((enum ir_typing)ir_op_info[i->op].typing) {
    case IR_TYPES_NOTHING:
        return check_nothing(v, i);
    case IR_TYPES_ANY:
        return check_any(v, i) && (i->op != IR_RESULT || check_result(v, i));
    case IR_TYPES_SCALAR:
        return check_const(v, i);
    case IR_TYPES_REFERENCE:
        return result_is(v, i, IR_REF);
    case IR_TYPES_I64:
        return result_is(v, i, IR_I64) &&
               (ir_op_info[i->op].form != IR_FORM_UNARY || operands_are(v, i, IR_I64));
    case IR_TYPES_INTEGER:
        return all_of_kind(v, i, is_integer);
    case IR_TYPES_FLOAT:
        return all_of_kind(v, i, is_float);
    case IR_TYPES_COMPARES_INTEGER:
        return compares(v, i, is_integer);
    case IR_TYPES_COMPARES_FLOAT:
        return compares(v, i, is_float);
    case IR_TYPES_COMPARES_REF:
    case IR_TYPES_TESTS_REF:
        return compares(v, i, is_reference);
    case IR_TYPES_CHECKS_REF:
        return converts(v, i, IR_REF, IR_REF);
    case IR_TYPES_DERIVES:
        return check_derive(v, i);
    case IR_TYPES_REF_TO_I64:
        return of_kinds(v, i, is_managed, is_word);
    case IR_TYPES_I64_TO_I32:
        return converts(v, i, IR_I64, IR_I32);
    case IR_TYPES_I32_TO_I64:
        return converts(v, i, IR_I32, IR_I64);
    case IR_TYPES_F32_TO_F64:
        return converts(v, i, IR_F32, IR_F64);
    case IR_TYPES_F64_TO_F32:
        return converts(v, i, IR_F64, IR_F32);
    case IR_TYPES_FLOAT_TO_INTEGER:
        return of_kinds(v, i, is_float, is_integer);
    case IR_TYPES_INTEGER_TO_FLOAT:
        return of_kinds(v, i, is_integer, is_float);
    case IR_TYPES_SAME_SIZE:
        return check_bitcast(v, i);
    case IR_TYPES_LOADED:
        return check_load(v, i);
    case IR_TYPES_STORED:
    case IR_TYPES_STORED_REF:
        return check_store(v, i);
    case IR_TYPES_ATOMIC:
        return check_atomic(v, i);
    case IR_TYPES_BYTES:
        return check_bytes(v, i);
    case IR_TYPES_CALLS:
        return check_call(v, i);
    case IR_TYPES_TAIL_CALLS:
        return check_tail_call(v, i);
    case IR_TYPES_CONDITION:
        return converts(v, i, IR_I32, IR_VOID);
    case IR_TYPES_VECTOR:
    case IR_TYPES_VECTOR_SHIFT:
    case IR_TYPES_TESTS_VECTOR:
    case IR_TYPES_SPLATS:
    case IR_TYPES_EXTRACTS:
    case IR_TYPES_REPLACES:
        return verify_vector_types(v, i);
    }
    return verify_fail(v, "no such typing");
}

static bool check_collector(struct verifier *v)
{
    const struct ir_collector *c = &v->f->module->collector;
    v->at = 0;
    if (c->polls && c->poll_callee >= v->f->module->callee_count) {
        return verify_fail(v, "no callee %u for polls", c->poll_callee);
    }
    const struct ir_callee *poll = c->polls ? &v->f->module->callees[c->poll_callee] : NULL;
    const struct ir_signature *s = c->polls ? &v->f->module->signatures[poll->signature] : NULL;
    if (c->polls && (poll->kind != IR_CALLEE_HELPER || s->params + s->results != 0)) {
        return verify_fail(v, "polls call a helper without parameters and results");
    }
    if (c->polls && !check_helper(v, poll)) {
        return false;
    }
    return ((c->poll_flag & 3) == 0 && (c->cards & 7) == 0 && c->card_shift < 64) ||
           verify_fail(v, "words of the context at %u and %u", c->poll_flag, c->cards);
}

bool verify_types(struct verifier *v)
{
    if (!check_entry(v) || !check_slots(v) || !check_collector(v)) {
        return false;
    }
    for (v->at = 0; v->at < v->f->instr_count && v->status == OK; v->at++) {
        if (!check_types(v, &v->f->instrs[v->at])) {
            return false;
        }
    }
    return true;
}
