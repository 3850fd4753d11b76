// SPDX-License-Identifier: MIT
//
// Translates verified methods. Where paths join, a block has a parameter for each variable and each
// value on the stack; the passes remove those that are always the same.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define UNIT_METHODS_MAX 10000u

bool build_unsupported(struct builder *b, const char *what)
{
    return cil_body_fail(&b->body, b->at, E_NOTSUP, "%s is not compiled yet", what);
}

/* ---- Types ---- */

/* @return IR_VOID: no value, or a type that is not translated. */
static unsigned ir_type(struct cil_domain *d, struct cil_type *t)
{
    t = cil_underlying(d, t);
    switch (t == NULL ? (unsigned)CIL_VOID : t->kind) {
    case CIL_BOOLEAN:
    case CIL_CHAR:
    case CIL_I1:
    case CIL_U1:
    case CIL_I2:
    case CIL_U2:
    case CIL_I4:
    case CIL_U4:
        return IR_I32;
    case CIL_I8:
    case CIL_U8:
    case CIL_I:
    case CIL_U:
        return IR_I64;
    case CIL_R4:
        return IR_F32;
    case CIL_R8:
        return IR_F64;
    default:
        return IR_VOID;
    }
}

unsigned build_type_of(const struct builder *b, uint32_t value)
{
    return b->f->error == OK ? b->f->instrs[value].type : (unsigned)IR_I32;
}

/* ---- The unit ---- */

static void *grow(struct cil_unit *u, void *array, uint32_t *capacity, uint32_t needed, size_t size)
{
    void *p = arena_grow(u->arena, array, capacity, needed, size);
    if (p == NULL) {
        (void)cil_fail(u->d, NULL, 0, E_NOMEM, "no memory left to compile");
    }
    return p;
}

static bool add_type(struct cil_unit *u, unsigned type)
{
    uint8_t *p = grow(u, u->types, &u->type_capacity, u->type_count + 1, 1);
    if (p != NULL) {
        u->types = p;
        u->types[u->type_count++] = (uint8_t)type;
    }
    return p != NULL;
}

static void publish(struct cil_unit *u)
{
    u->ir = (struct ir_module){.types = u->types,
                               .signatures = u->signatures,
                               .callees = u->callees,
                               .type_count = u->type_count,
                               .signature_count = u->count,
                               .callee_count = u->count};
}

/* The signature of method n. @return false: recorded. */
static bool add_signature(struct cil_unit *u, struct cil_assembly *a, uint32_t row,
                          const struct cil_signature *s, struct ir_signature *out)
{
    char name[128];
    bool is_void = cil_plain(s->result)->kind == CIL_VOID;
    bool is_ok = (s->convention & CIL_HAS_THIS) == 0 && s->generic_count == 0;
    *out = (struct ir_signature){u->type_count, s->param_count, is_void ? 0 : 1};
    for (uint32_t n = 0; is_ok && n < s->param_count + out->results; n++) {
        unsigned type = ir_type(u->d, n < s->param_count ? s->params[n] : s->result);
        is_ok = type != IR_VOID && add_type(u, type);
    }
    (void)cil_method_text(name, sizeof name, a, row);
    return (is_ok && u->d->status == OK) ||
           cil_fail(u->d, a, CIL_TOKEN(CIL_METHOD_DEF, row), E_NOTSUP,
                    "method %s is not compiled yet: not static, or not on numbers only", name);
}

/* The number of a method in the unit; a new one is translated later. @return IR_NONE: recorded. */
static uint32_t add_method(struct cil_unit *u, const struct cil_callee *c)
{
    for (uint32_t n = 0; n < u->count; n++) {
        if (u->methods[n].a == c->a && u->methods[n].row == c->row) {
            return n;
        }
    }
    if (c->row == 0 || !cil_has_body(c->a, c->row) || u->count == UNIT_METHODS_MAX) {
        (void)cil_fail(u->d, c->a, 0, E_NOTSUP, "method %s is not compiled yet: it has no code",
                       c->name);
        return IR_NONE;
    }
    void *methods = grow(u, u->methods, &u->capacity, u->count + 1, sizeof *u->methods);
    void *callees = grow(u, u->callees, &u->callee_capacity, u->count + 1, sizeof *u->callees);
    void *signatures =
        grow(u, u->signatures, &u->signature_capacity, u->count + 1, sizeof *u->signatures);
    if (methods == NULL || callees == NULL || signatures == NULL) {
        return IR_NONE;
    }
    u->methods = methods;
    u->callees = callees;
    u->signatures = signatures;
    if (!add_signature(u, c->a, c->row, c->signature, &u->signatures[u->count])) {
        return IR_NONE;
    }
    u->methods[u->count] = (struct cil_unit_method){.a = c->a, .row = c->row};
    u->callees[u->count] = (struct ir_callee){.name = c->name,
                                              .signature = u->count,
                                              .kind = IR_CALLEE_FUNCTION,
                                              .effects = IR_TRAPS | IR_READS | IR_WRITES};
    u->count++;
    publish(u);
    return u->count - 1;
}

/* ---- The stack ---- */

bool build_push(struct builder *b, uint32_t value)
{
    if (b->depth == BUILD_STACK_MAX) {
        return build_unsupported(b, "a stack of more than 100 values");
    }
    b->values[b->variable_count + b->depth++] = value;
    return true;
}

/* The verifier has seen that it is not empty. */
uint32_t build_pop(struct builder *b)
{
    return b->values[b->variable_count + --b->depth];
}

/* A float on the stack may have either size: where paths meet it has 64 bits. */
static uint32_t widen(struct builder *b, uint32_t value)
{
    return build_type_of(b, value) == IR_F32 ? build_op(b, IR_PROMOTE, IR_F64, value, 0) : value;
}

/* A value as a variable or parameter of a type needs it. */
static uint32_t convert(struct builder *b, uint32_t v, unsigned type)
{
    unsigned from = build_type_of(b, v);
    if (from == type) {
        return v;
    }
    switch (type) {
    case IR_I64:
        return build_op(b, IR_EXTEND_S, IR_I64, v, 0);
    case IR_I32:
        return build_op(b, IR_WRAP, IR_I32, v, 0);
    default:
        return build_op(b, type == IR_F64 ? IR_PROMOTE : IR_DEMOTE, type, v, 0);
    }
}

/* ---- Blocks ---- */

/* @return false: no memory (recorded at the end). */
static bool new_target(struct builder *b, uint32_t target)
{
    uint8_t *shape = arena_alloc(b->unit->arena, b->depth + 1);
    if (shape == NULL) {
        return cil_body_fail(&b->body, b->at, E_NOMEM, "no memory left to compile");
    }
    for (uint32_t n = 0; n < b->depth; n++) {
        unsigned type = build_type_of(b, b->values[b->variable_count + n]);
        shape[n] = (uint8_t)(type == IR_F32 ? IR_F64 : type);
    }
    b->shapes[target] = shape;
    b->depths[target] = b->depth;
    b->blocks[target] = ir_block_new(b->f);
    b->queue[b->queued++] = target;
    return true;
}

/* An edge to the code at an offset, with all values. @return IR_NONE: recorded. */
static uint32_t edge_to(struct builder *b, uint32_t target)
{
    uint32_t args[BUILD_VARIABLES_MAX + BUILD_STACK_MAX];
    if (b->blocks[target] == IR_NONE && !new_target(b, target)) {
        return IR_NONE;
    }
    uint32_t count = b->variable_count + b->depth;
    memcpy(args, b->values, count * sizeof *args);
    for (uint32_t n = 0; n < b->depth; n++) {
        uint32_t *value = &args[b->variable_count + n];
        *value = convert(b, widen(b, *value), b->shapes[target][n]);
    }
    return ir_edge(b->f, b->blocks[target], args, count);
}

static bool jump_to(struct builder *b, uint32_t target)
{
    uint32_t edge = edge_to(b, target);
    if (edge != IR_NONE) {
        (void)ir_emit(b->f, IR_JUMP, IR_VOID, edge, 0, 0);
    }
    b->is_over = true;
    return edge != IR_NONE;
}

static bool branch(struct builder *b, const struct cil_instruction *i, uint32_t condition)
{
    uint32_t taken = edge_to(b, (uint32_t)i->value), next = edge_to(b, i->end);
    b->is_over = true;
    if (taken == IR_NONE || next == IR_NONE) {
        return false;
    }
    (void)ir_emit(b->f, IR_BRANCH, IR_VOID, condition, taken, next);
    return true;
}

/* Edges of a switch are beside each other. */
static bool branch_table(struct builder *b, const struct cil_instruction *i)
{
    uint32_t value = convert(b, build_pop(b), IR_I32), first = IR_NONE;
    for (uint32_t n = 0; n <= i->value; n++) {
        uint32_t edge = edge_to(b, n < i->value ? cil_switch_target(b->body.code, i, n) : i->end);
        if (edge == IR_NONE) {
            return false;
        }
        first = n == 0 ? edge : first;
    }
    (void)ir_emit(b->f, IR_SWITCH, IR_VOID, value, first, (uint32_t)i->value + 1);
    b->is_over = true;
    return true;
}

/* ---- Instructions ---- */

static bool load(struct builder *b, uint32_t variable)
{
    return build_push(b, b->values[variable]);
}

static bool store(struct builder *b, uint32_t variable)
{
    uint32_t v = convert(b, build_pop(b), build_type_of(b, b->values[variable]));
    b->values[variable] = build_narrow(b, v, b->kinds[variable]);
    return true;
}

static bool call(struct builder *b, const struct cil_instruction *i)
{
    const struct cil_callee *c = cil_resolve_method(b->body.a, (uint32_t)i->value);
    uint32_t args[BUILD_STACK_MAX], n = c == NULL ? IR_NONE : add_method(b->unit, c);
    if (n == IR_NONE) {
        return false;
    }
    const struct ir_signature *s = &b->unit->signatures[n];
    for (uint32_t k = s->params; k-- > 0;) {
        uint32_t v = convert(b, build_pop(b), b->unit->types[s->types + k]);
        args[k] = build_narrow(b, v, cil_underlying(b->unit->d, c->signature->params[k])->kind);
    }
    unsigned type = s->results == 0 ? (unsigned)IR_VOID : b->unit->types[s->types + s->params];
    uint32_t result = ir_emit(b->f, IR_CALL, type, n, ir_pool(b->f, args, s->params), s->params);
    return s->results == 0 || build_push(b, result);
}

static bool return_value(struct builder *b)
{
    struct cil_type *t = cil_plain(b->signature->result);
    uint32_t value = 0, count = t->kind == CIL_VOID ? 0 : 1;
    if (count == 1) {
        value = convert(b, build_pop(b), ir_type(b->unit->d, t));
        value = build_narrow(b, value, cil_underlying(b->unit->d, t)->kind);
    }
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &value, count), count);
    b->is_over = true;
    return true;
}

static bool constant(struct builder *b, const struct cil_instruction *i, bool *is_known)
{
    *is_known = true;
    if (i->opcode >= CIL_OP_LDC_I4_M1 && i->opcode <= CIL_OP_LDC_I4_8) {
        uint32_t value = (uint32_t)i->opcode - CIL_OP_LDC_I4_0;
        return build_push(b, ir_build_const(b->f, IR_I32, value));
    }
    switch (i->opcode) {
    case CIL_OP_LDC_I4_S:
    case CIL_OP_LDC_I4:
        return build_push(b, ir_build_const(b->f, IR_I32, (uint32_t)i->value));
    case CIL_OP_LDC_I8:
        return build_push(b, ir_build_const(b->f, IR_I64, i->value));
    case CIL_OP_LDC_R4:
        return build_push(b, ir_build_const(b->f, IR_F32, i->value));
    case CIL_OP_LDC_R8:
        return build_push(b, ir_build_const(b->f, IR_F64, i->value));
    default:
        *is_known = false;
        return true;
    }
}

static bool variable(struct builder *b, const struct cil_instruction *i, bool *is_known)
{
    uint32_t locals = b->signature->param_count;
    *is_known = true;
    if (i->opcode >= CIL_OP_LDARG_0 && i->opcode <= CIL_OP_LDARG_3) {
        return load(b, i->opcode - (uint32_t)CIL_OP_LDARG_0);
    }
    if (i->opcode >= CIL_OP_LDLOC_0 && i->opcode <= CIL_OP_LDLOC_3) {
        return load(b, locals + i->opcode - (uint32_t)CIL_OP_LDLOC_0);
    }
    if (i->opcode >= CIL_OP_STLOC_0 && i->opcode <= CIL_OP_STLOC_3) {
        return store(b, locals + i->opcode - (uint32_t)CIL_OP_STLOC_0);
    }
    switch (i->opcode) {
    case CIL_OP_LDARG_S:
    case CIL_OP_LDARG:
        return load(b, (uint32_t)i->value);
    case CIL_OP_STARG_S:
    case CIL_OP_STARG:
        return store(b, (uint32_t)i->value);
    case CIL_OP_LDLOC_S:
    case CIL_OP_LDLOC:
        return load(b, locals + (uint32_t)i->value);
    case CIL_OP_STLOC_S:
    case CIL_OP_STLOC:
        return store(b, locals + (uint32_t)i->value);
    default:
        *is_known = false;
        return true;
    }
}

static bool condition(struct builder *b, const struct cil_instruction *i)
{
    uint32_t v = build_pop(b);
    bool is_true = i->opcode == CIL_OP_BRTRUE || i->opcode == CIL_OP_BRTRUE_S;
    if (build_type_of(b, v) == IR_I64) {
        uint32_t zero = ir_build_const(b->f, IR_I64, 0);
        return branch(b, i, build_op(b, is_true ? IR_NE : IR_EQ, IR_I32, v, zero));
    }
    return branch(b, i, is_true ? v : build_op(b, IR_EQZ, IR_I32, v, 0));
}

static bool is_compare_branch(unsigned opcode)
{
    return (opcode >= CIL_OP_BEQ_S && opcode <= CIL_OP_BLT_UN_S) ||
           (opcode >= CIL_OP_BEQ && opcode <= CIL_OP_BLT_UN);
}

static bool control(struct builder *b, const struct cil_instruction *i)
{
    if (is_compare_branch(i->opcode)) {
        return branch(b, i, build_compare(b, i->opcode));
    }
    switch (i->opcode) {
    case CIL_OP_NOP:
    case CIL_OP_BREAK:
        return true;
    case CIL_OP_DUP: {
        uint32_t v = build_pop(b);
        return build_push(b, v) && build_push(b, v);
    }
    case CIL_OP_POP:
        (void)build_pop(b);
        return true;
    case CIL_OP_BR_S:
    case CIL_OP_BR:
        return jump_to(b, (uint32_t)i->value);
    case CIL_OP_BRTRUE_S:
    case CIL_OP_BRTRUE:
    case CIL_OP_BRFALSE_S:
    case CIL_OP_BRFALSE:
        return condition(b, i);
    case CIL_OP_SWITCH:
        return branch_table(b, i);
    case CIL_OP_CALL:
        return call(b, i);
    case CIL_OP_RET:
        return return_value(b);
    default:
        return build_unsupported(b, cil_opcode_name(i->opcode));
    }
}

static bool translate(struct builder *b, const struct cil_instruction *i)
{
    bool is_known;
    bool is_ok = constant(b, i, &is_known);
    if (!is_known) {
        is_ok = variable(b, i, &is_known);
    }
    if (!is_known) {
        is_ok = build_arithmetic(b, i, &is_known);
    }
    return is_known ? is_ok : control(b, i);
}

static bool run_path(struct builder *b, uint32_t at)
{
    struct cil_instruction i;
    b->is_over = false;
    do {
        (void)cil_decode(b->body.code, at, &i); /* the verifier has decoded it */
        b->at = at;
        b->f->location = at;
        if (!translate(b, &i)) {
            return false;
        }
        at = i.end;
    } while (!b->is_over && (b->body.flags[at] & CIL_TARGET) == 0);
    return b->is_over || jump_to(b, at);
}

/* ---- A method ---- */

static bool add_variable(struct builder *b, struct cil_type *t, bool is_argument)
{
    unsigned type = ir_type(b->unit->d, t);
    if (type == IR_VOID || b->variable_count == BUILD_VARIABLES_MAX) {
        return build_unsupported(b, type == IR_VOID ? "a variable that is no number"
                                                    : "a method with more than 200 variables");
    }
    b->kinds[b->variable_count] = cil_underlying(b->unit->d, t)->kind;
    b->values[b->variable_count++] =
        is_argument ? ir_param(b->f, type) : ir_build_const(b->f, type, 0);
    return true;
}

static bool prepare(struct builder *b)
{
    struct arena *a = b->unit->arena;
    uint32_t room = b->body.code.len + 1;
    b->blocks = arena_alloc(a, room * sizeof *b->blocks);
    b->depths = arena_alloc(a, room * sizeof *b->depths);
    b->shapes = arena_alloc(a, room * sizeof *b->shapes);
    b->queue = arena_alloc(a, room * sizeof *b->queue);
    if (b->blocks == NULL || b->depths == NULL || b->shapes == NULL || b->queue == NULL) {
        return cil_body_fail(&b->body, 0, E_NOMEM, "no memory left to compile");
    }
    memset(b->blocks, 0xff, room * sizeof *b->blocks); /* IR_NONE */
    if (b->body.clause_count != 0) {
        return build_unsupported(b, "a method that handles exceptions");
    }
    bool is_ok = true;
    ir_block_start(b->f, ir_block_new(b->f));
    for (uint32_t n = 0; is_ok && n < b->signature->param_count; n++) {
        is_ok = add_variable(b, b->signature->params[n], true);
    }
    uint32_t locals = b->body.locals == NULL ? 0 : b->body.locals->param_count;
    for (uint32_t n = 0; is_ok && n < locals; n++) {
        is_ok = add_variable(b, b->body.locals->params[n], false);
    }
    return is_ok;
}

/* The values at a block are its parameters. */
static void enter(struct builder *b, uint32_t at)
{
    ir_block_start(b->f, b->blocks[at]);
    for (uint32_t n = 0; n < b->variable_count; n++) {
        b->values[n] = ir_param(b->f, build_type_of(b, b->values[n]));
    }
    b->depth = b->depths[at];
    for (uint32_t n = 0; n < b->depth; n++) {
        b->values[b->variable_count + n] = ir_param(b->f, b->shapes[at][n]);
    }
}

static bool build_method(struct cil_unit *u, uint32_t number)
{
    struct cil_unit_method *m = &u->methods[number];
    struct builder b = {.unit = u};
    if (!cil_verify_method(m->a, m->row, u->arena) ||
        !cil_body_read(m->a, m->row, u->arena, &b.body)) {
        return false;
    }
    b.signature = cil_method_signature(m->a, m->row);
    b.f = ir_function_new(u->arena, &u->ir, number);
    if (b.f == NULL) {
        return cil_body_fail(&b.body, 0, E_NOMEM, "no memory left to compile");
    }
    if (b.signature == NULL || !prepare(&b) || !jump_to(&b, 0)) {
        return false;
    }
    while (b.queued > 0) {
        uint32_t at = b.queue[--b.queued];
        enter(&b, at);
        if (!run_path(&b, at)) {
            return false;
        }
    }
    if (b.f->error != OK) {
        return cil_body_fail(&b.body, 0, b.f->error, "too large to compile, or no memory left");
    }
    u->methods[number].function = b.f; /* the array may have moved */
    return true;
}

bool cil_unit_build(struct cil_assembly *a, uint32_t row, struct arena *arena, struct cil_unit *out)
{
    *out = (struct cil_unit){.d = a->domain, .arena = arena};
    const struct cil_callee *c = cil_resolve_method(a, CIL_TOKEN(CIL_METHOD_DEF, row));
    if (c == NULL || add_method(out, c) == IR_NONE) {
        return false;
    }
    for (uint32_t n = 0; n < out->count; n++) {
        if (!build_method(out, n)) {
            return false;
        }
    }
    return true;
}
