// SPDX-License-Identifier: MIT
//
// Translates verified methods. Where paths join, a block has a parameter for each variable and each
// value on the stack; the passes remove those that are always the same. Variables whose address is
// taken, and structs, are in the method's frame in the window instead.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

/* The verifier has accepted the method before (build_method()): so no depth, token or variable is
 * checked here again, and paths that join have the same number of values. A limit of this file is
 * no such rule, and ends in build_unsupported().
 * The code is translated from a list of offsets at which paths join. Each is added once, with its
 * first edge, and translated once: so the work is linear in the code. An edge has as many arguments
 * as the method has variables and values on the stack, which is why both are limited. A variable
 * that is not in memory is `values[v->at]`: the newest value on this path. enter() replaces all of
 * them by the parameters of the block, so that code at an offset depends on no path.
 * A list of the unit may move whenever a method, a type or a literal is added, and almost every
 * token adds one. So `m` is a copy, and no pointer into a list is kept across such a call. */

bool build_unsupported(struct builder *b, const char *what)
{
    return cil_body_fail(&b->body, b->at, E_NOTSUP, "%s is not compiled yet", what);
}

unsigned build_type_of(const struct builder *b, uint32_t value)
{
    return b->f->error == OK ? b->f->instrs[value].type : (unsigned)IR_I32;
}

/* ---- Values ---- */

uint32_t build_mark(struct builder *b, uint32_t value, unsigned mark)
{
    uint8_t *all = unit_grow(b->unit, b->marks, &b->mark_capacity, value + 1, 1);
    if (all != NULL) {
        b->marks = all;
        all[value] |= (uint8_t)mark;
    }
    return value;
}

/* A sum of an address and a number may lead into an object, and a collection has to change it with
 * the object. So each address that is computed comes from here, or its caller marks it. A constant
 * is no object: literals and static fields are not in the heap. */
uint32_t build_op(struct builder *b, unsigned op, unsigned type, uint32_t x, uint32_t y)
{
    uint32_t value = ir_build(b->f, op, type, x, y, 0);
    bool is_sum = (op == IR_ADD || op == IR_SUB) && type == IR_I32;
    bool is_address =
        is_sum && ((build_marks(b, x) | build_marks(b, y)) & (BUILD_OBJECT | BUILD_INNER)) != 0;
    return is_address && build_marks(b, value) == 0 ? build_mark(b, value, BUILD_INNER) : value;
}

/* ---- Tokens ---- */

struct cil_type *build_put_in(struct builder *b, struct cil_type *t)
{
    t = t == NULL ? NULL : cil_substitute(b->d, t, b->m.owner, b->m.args, b->m.arg_count);
    return t == NULL ? NULL : cil_plain(t);
}

struct cil_type *build_type_token(struct builder *b, uint32_t token)
{
    return build_put_in(b, cil_resolve_type(b->body.a, token));
}

static bool put_in_arguments(struct builder *b, const struct cil_callee *open,
                             struct cil_callee *out)
{
    struct cil_type **args = cil_alloc(b->d, open->arg_count, sizeof(struct cil_type *));
    for (uint32_t n = 0; args != NULL && n < open->arg_count; n++) {
        args[n] = build_put_in(b, open->args[n]);
        if (args[n] == NULL) {
            return false;
        }
    }
    out->args = args;
    return args != NULL;
}

bool build_method_token(struct builder *b, uint32_t token, struct cil_callee *out)
{
    const struct cil_callee *open = cil_resolve_method(b->body.a, token);
    if (open == NULL) {
        return false;
    }
    *out = *open;
    out->owner = build_put_in(b, open->owner);
    if (out->owner == NULL || (open->arg_count != 0 && !put_in_arguments(b, open, out))) {
        return false;
    }
    out->signature = open->row == 0 ? cil_substitute_signature(b->d, open->signature, b->m.owner,
                                                               b->m.args, b->m.arg_count)
                                    : unit_signature(b->unit, out);
    return out->signature != NULL;
}

bool build_field_token(struct builder *b, uint32_t token, struct cil_member_field *out)
{
    if (!cil_resolve_field(b->body.a, token, out)) {
        return false;
    }
    out->owner = build_put_in(b, out->owner);
    out->type = build_put_in(b, out->type);
    return out->owner != NULL && out->type != NULL;
}

/* ---- The stack ---- */

bool build_push(struct builder *b, uint32_t value)
{
    if (b->depth == BUILD_STACK_MAX) {
        return build_unsupported(b, "a stack of more than 100 values");
    }
    b->structs[b->depth] = NULL;
    b->values[b->value_count + b->depth++] = value;
    return true;
}

/* The verifier has seen that it is not empty. */
uint32_t build_pop(struct builder *b)
{
    return b->values[b->value_count + --b->depth];
}

/* A float on the stack may have either size: where paths meet it has 64 bits. */
static uint32_t widen(struct builder *b, uint32_t value)
{
    return build_type_of(b, value) == IR_F32 ? build_op(b, IR_PROMOTE, IR_F64, value, 0) : value;
}

uint32_t build_convert(struct builder *b, uint32_t v, unsigned type)
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

/* The marks are those of the first edge. So a constant, too, has the mark of what other edges may
 * bring: a literal that of an object, a static field's address that of an address. @return false:
 * an error is recorded. */
static bool new_target(struct builder *b, uint32_t target)
{
    struct build_shape *shape = arena_alloc(b->unit->arena, (b->depth + 1) * sizeof *shape);
    if (shape == NULL) {
        return cil_body_fail(&b->body, b->at, E_NOMEM, "no memory left to compile");
    }
    for (uint32_t n = 0; n < b->depth; n++) {
        uint32_t value = b->values[b->value_count + n];
        unsigned type = build_type_of(b, value);
        shape[n] = (struct build_shape){b->structs[n], (uint8_t)(type == IR_F32 ? IR_F64 : type),
                                        (uint8_t)build_marks(b, value)};
    }
    b->shapes[target] = shape;
    b->depths[target] = b->depth;
    b->blocks[target] = ir_block_new(b->f);
    b->queue[b->queued++] = target;
    return true;
}

/* An edge to the code at an offset, with all values. A struct is in the slot of its depth on every
 * path. @return IR_NONE: an error is recorded. */
uint32_t build_edge(struct builder *b, uint32_t target)
{
    uint32_t args[BUILD_VARIABLES_MAX + BUILD_STACK_MAX];
    if (b->blocks[target] == IR_NONE && !new_target(b, target)) {
        return IR_NONE;
    }
    uint32_t count = b->value_count + b->depth;
    memcpy(args, b->values, count * sizeof *args);
    for (uint32_t n = 0; n < b->depth; n++) {
        uint32_t *value = &args[b->value_count + n];
        *value = build_convert(b, widen(b, *value), b->shapes[target][n].ir);
    }
    return ir_edge(b->f, b->blocks[target], args, count);
}

bool build_jump(struct builder *b, uint32_t target)
{
    uint32_t edge = build_edge(b, target);
    if (edge != IR_NONE) {
        (void)ir_emit(b->f, IR_JUMP, IR_VOID, edge, 0, 0);
    }
    b->is_over = true;
    return edge != IR_NONE;
}

static bool branch(struct builder *b, const struct cil_instruction *i, uint32_t condition)
{
    uint32_t taken = build_edge(b, (uint32_t)i->value), next = build_edge(b, i->end);
    b->is_over = true;
    if (taken == IR_NONE || next == IR_NONE) {
        return false;
    }
    (void)ir_emit(b->f, IR_BRANCH, IR_VOID, condition, taken, next);
    return true;
}

uint32_t build_if_not_zero(struct builder *b, uint32_t value)
{
    uint32_t zero = ir_block_new(b->f), other = ir_block_new(b->f);
    uint32_t to_other = ir_edge(b->f, other, NULL, 0), to_zero = ir_edge(b->f, zero, NULL, 0);
    (void)ir_emit(b->f, IR_BRANCH, IR_VOID, value, to_other, to_zero);
    ir_block_start(b->f, other);
    return zero;
}

/* Edges of a switch are beside each other. */
static bool branch_table(struct builder *b, const struct cil_instruction *i)
{
    uint32_t value = build_convert(b, build_pop(b), IR_I32), first = IR_NONE;
    for (uint32_t n = 0; n <= i->value; n++) {
        uint32_t edge =
            build_edge(b, n < i->value ? cil_switch_target(b->body.code, i, n) : i->end);
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

static bool load(struct builder *b, uint32_t n)
{
    const struct build_variable *v = &b->variables[n];
    if (!v->is_memory) {
        return build_push(b, b->values[v->at]);
    }
    return v->rep.structure != NULL ? build_push_struct(b, v->rep.structure, v->at, 0)
                                    : build_push(b, build_load_at(b, &v->rep, v->at, 0));
}

static bool store(struct builder *b, uint32_t n)
{
    const struct build_variable *v = &b->variables[n];
    uint32_t value = build_pop(b);
    if (v->rep.structure != NULL) {
        build_copy(b, v->at, 0, value, 0, v->rep.size);
    } else if (v->is_memory) {
        build_store_at(b, &v->rep, v->at, 0, value);
    } else {
        value = build_convert(b, value, v->rep.ir);
        b->values[v->at] = build_narrow(b, value, v->rep.kind);
    }
    return true;
}

/* prepare() has put it into memory. */
static bool load_address(struct builder *b, uint32_t n)
{
    return build_push(b, b->variables[n].at);
}

bool build_ret(struct builder *b)
{
    uint32_t value = 0, count = 0;
    if (b->result.structure != NULL) {
        build_copy(b, b->result_at, 0, build_pop(b), 0, b->result.size);
    } else if (b->result.ir != IR_VOID) {
        value = build_convert(b, build_pop(b), b->result.ir);
        value = build_narrow(b, value, b->result.kind);
        count = 1;
    }
    build_leave_frame(b);
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

bool build_load_argument(struct builder *b, uint32_t n)
{
    return load(b, n);
}

static bool variable(struct builder *b, const struct cil_instruction *i, bool *is_known)
{
    uint32_t locals = b->argument_count;
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
    case CIL_OP_LDARGA_S:
    case CIL_OP_LDARGA:
        return load_address(b, (uint32_t)i->value);
    case CIL_OP_LDLOCA_S:
    case CIL_OP_LDLOCA:
        return load_address(b, locals + (uint32_t)i->value);
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

static bool duplicate(struct builder *b)
{
    uint32_t value = b->values[b->value_count + b->depth - 1];
    struct cil_type *t = b->structs[b->depth - 1];
    return t != NULL ? build_push_struct(b, t, value, 0) : build_push(b, value);
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
    case CIL_OP_DUP:
        return duplicate(b);
    case CIL_OP_POP:
        (void)build_pop(b);
        return true;
    case CIL_OP_BR_S:
    case CIL_OP_BR:
        return build_jump(b, (uint32_t)i->value);
    case CIL_OP_BRTRUE_S:
    case CIL_OP_BRTRUE:
    case CIL_OP_BRFALSE_S:
    case CIL_OP_BRFALSE:
        return condition(b, i);
    case CIL_OP_SWITCH:
        return branch_table(b, i);
    case CIL_OP_RET:
        return build_ret(b);
    default:
        return build_unsupported(b, cil_opcode_name(i->opcode));
    }
}

bool build_instruction(struct builder *b, const struct cil_instruction *i)
{
    static bool (*const parts[])(struct builder *, const struct cil_instruction *, bool *) = {
        constant,     variable,    build_arithmetic, build_memory,
        build_object, build_calls, build_regions,    build_typed};
    bool is_known = false, is_ok = true, was_readonly = b->is_readonly;
    bool was_volatile = b->is_volatile;
    if (was_volatile) {
        build_fence(b, i->opcode, true);
    }
    for (size_t n = 0; !is_known && n < ARRAY_COUNT(parts); n++) {
        is_ok = parts[n](b, i, &is_known);
    }
    b->is_readonly = b->is_readonly && !was_readonly; /* it is of one instruction */
    b->is_volatile = b->is_volatile && !was_volatile;
    if (was_volatile) {
        build_fence(b, i->opcode, false);
    }
    is_ok = is_known ? is_ok : control(b, i);
    return is_ok && b->d->status == OK;
}

/* Each loop has an instruction after which control may go back: there the other threads may
 * collect. An exception may lead back, too. */
static bool is_poll_point(const struct builder *b, const struct cil_instruction *i)
{
    bool goes = i->opcode == CIL_OP_THROW || i->opcode == CIL_OP_RETHROW;
    switch (i->opcode) {
    case CIL_OP_BR_S:
    case CIL_OP_BR:
    case CIL_OP_BRTRUE_S:
    case CIL_OP_BRTRUE:
    case CIL_OP_BRFALSE_S:
    case CIL_OP_BRFALSE:
    case CIL_OP_LEAVE_S:
    case CIL_OP_LEAVE:
        return i->value <= b->at;
    case CIL_OP_SWITCH:
        for (uint32_t n = 0; n < i->value && !goes; n++) {
            goes = cil_switch_target(b->body.code, i, n) <= b->at;
        }
        return goes;
    default:
        return goes || (is_compare_branch(i->opcode) && i->value <= b->at);
    }
}

static bool run_path(struct builder *b, uint32_t at)
{
    struct cil_instruction i;
    b->is_over = false;
    do {
        (void)cil_decode(b->body.code, at, &i); /* the verifier has decoded it */
        b->at = at;
        b->f->location = at;
        if (b->unit->threads && is_poll_point(b, &i)) {
            build_poll(b);
        }
        if (!build_instruction(b, &i)) {
            return false;
        }
        at = i.end;
    } while (!b->is_over && (b->body.flags[at] & CIL_TARGET) == 0);
    return b->is_over || build_jump(b, at);
}

/* ---- Variables ---- */

/* The variable of an instruction. @return false: it has none. */
static bool names_variable(const struct cil_instruction *i, bool *is_argument, uint64_t *number)
{
    static const struct {
        uint16_t first, last;
        bool is_argument, has_number;
    } all[] = {
        {CIL_OP_LDARG_0, CIL_OP_LDARG_3, true, true},
        {CIL_OP_LDLOC_0, CIL_OP_LDLOC_3, false, true},
        {CIL_OP_STLOC_0, CIL_OP_STLOC_3, false, true},
        {CIL_OP_LDARG_S, CIL_OP_STARG_S, true, false}, /* ldarg.s, ldarga.s, starg.s */
        {CIL_OP_LDLOC_S, CIL_OP_STLOC_S, false, false},
        {CIL_OP_LDARG, CIL_OP_STARG, true, false},
        {CIL_OP_LDLOC, CIL_OP_STLOC, false, false},
    };
    for (size_t n = 0; n < ARRAY_COUNT(all); n++) {
        if (i->opcode >= all[n].first && i->opcode <= all[n].last) {
            *is_argument = all[n].is_argument;
            *number = all[n].has_number ? i->opcode - (uint64_t)all[n].first : i->value;
            return *number < BUILD_VARIABLES_MAX;
        }
    }
    return false;
}

static bool is_filter(const struct cil_body *body, uint32_t at)
{
    uint32_t region = body->region_at[at];
    return region != CIL_NO_REGION && body->regions[region].kind == CIL_REGION_FILTER;
}

/* One walk over the code for all variables: it may be a megabyte. What a filter reads or writes is
 * in memory, too, because its code is in another function (build_filter.c). */
static void find_addressed(struct builder *b)
{
    struct cil_instruction i;
    bool is_argument;
    uint64_t number;
    for (uint32_t at = 0; at < b->body.code.len && cil_decode(b->body.code, at, &i); at = i.end) {
        bool is_address = i.opcode == CIL_OP_LDARGA || i.opcode == CIL_OP_LDARGA_S ||
                          i.opcode == CIL_OP_LDLOCA || i.opcode == CIL_OP_LDLOCA_S;
        bool is_shared = is_filter(&b->body, at);
        b->has_calls = b->has_calls || i.opcode == CIL_OP_CALL || i.opcode == CIL_OP_CALLVIRT ||
                       i.opcode == CIL_OP_NEWOBJ || i.opcode == CIL_OP_JMP;
        b->has_filter = b->has_filter || is_shared;
        if ((is_address || is_shared) && names_variable(&i, &is_argument, &number)) {
            b->addressed[is_argument][number] = true;
        }
    }
}

/* A struct that is an argument is a copy at the address that was passed: in a slot of the caller,
 * whose frame lists the references in it, unless a filter has to find it in this one. All else is
 * in this frame, and is written or cleared at once, before any safe point: the collector reads the
 * words from then on (build_roots.c). */
static void place_variable(struct builder *b, struct build_variable *v, uint32_t argument)
{
    v->is_memory = true;
    if (b->m.kind == CIL_UNIT_EXAMINE) {
        v->at = build_outer_place(b, v->rep.size);
        return;
    }
    if (v->rep.structure != NULL && argument != IR_NONE && !b->has_filter) {
        v->at = argument;
        return;
    }
    uint32_t at = build_frame_bytes(b, v->rep.size);
    (void)build_add_roots(b, &v->rep, at, v->is_pinned); /* a failure is recorded */
    v->at = build_frame_at(b, at);
    if (v->rep.structure != NULL && argument != IR_NONE) {
        build_copy(b, v->at, 0, argument, 0, v->rep.size);
    } else if (argument != IR_NONE) {
        build_store_at(b, &v->rep, v->at, 0, argument);
    } else {
        build_zero(b, v->at, 0, v->rep.size);
    }
}

/* A pinned variable is in memory, because the collector finds pins in frames only. @param is_shared
 * So is this one. @param argument Its value, or IR_NONE: it starts as 0. */
static void start_variable(struct builder *b, struct build_variable *v, bool is_shared,
                           uint32_t argument)
{
    if (v->rep.structure != NULL || v->is_pinned || is_shared) {
        place_variable(b, v, argument);
        return;
    }
    v->at = b->value_count++;
    b->value_marks[v->at] = (uint8_t)(v->rep.kind == CIL_OBJECT  ? BUILD_OBJECT
                                      : v->rep.kind == CIL_BYREF ? BUILD_INNER
                                                                 : 0);
    b->values[v->at] = argument != IR_NONE ? argument : ir_build_const(b->f, v->rep.ir, 0);
}

/* @return NULL: an error is recorded. */
static struct build_variable *add_variable(struct builder *b)
{
    if (b->variable_count == BUILD_VARIABLES_MAX) {
        (void)build_unsupported(b, "a method with more than 300 variables");
        return NULL;
    }
    struct build_variable *v = &b->variables[b->variable_count++];
    *v = (struct build_variable){.at = IR_NONE};
    return v;
}

static bool list_arguments(struct builder *b)
{
    const struct cil_signature *s = b->m.sig;
    struct build_variable *v;
    if ((s->convention & CIL_HAS_THIS) != 0) {
        v = add_variable(b);
        unsigned kind = cil_is_reference(b->m.owner) ? CIL_OBJECT : CIL_BYREF;
        v->rep = (struct build_rep){IR_I32, kind, CIL_POINTER_BYTES, NULL};
    }
    for (uint32_t n = 0; n < s->param_count; n++) {
        v = add_variable(b);
        if (v == NULL || !build_rep_of(b->unit, s->params[n], &v->rep)) {
            return false;
        }
    }
    b->argument_count = b->variable_count;
    return true;
}

/* All parameters come before any other instruction of block 0. First the place of a struct that is
 * returned, then `this`: the order of unit_signature_number(). */
static bool add_arguments(struct builder *b)
{
    if (!list_arguments(b)) {
        return false;
    }
    if (b->m.kind == CIL_UNIT_EXAMINE) {
        build_enter_examine(b);
        for (uint32_t n = 0; n < b->argument_count; n++) {
            start_variable(b, &b->variables[n], b->addressed[true][n], IR_NONE);
        }
        return true;
    }
    if (b->result.structure != NULL) {
        b->result_at = ir_param(b->f, IR_I32);
    }
    for (uint32_t n = 0; n < b->argument_count; n++) {
        struct build_variable *v = &b->variables[n];
        v->at = build_mark_as(b, ir_param(b->f, v->rep.ir), &v->rep);
    }
    build_enter_frame(b);
    if (!build_add_record(b)) {
        return false;
    }
    for (uint32_t n = 0; n < b->argument_count; n++) {
        start_variable(b, &b->variables[n], b->addressed[true][n], b->variables[n].at);
    }
    return true;
}

static bool add_locals(struct builder *b)
{
    uint32_t count = b->body.locals == NULL ? 0 : b->body.locals->param_count;
    for (uint32_t n = 0; n < count; n++) {
        struct cil_type *t = build_put_in(b, b->body.locals->params[n]);
        struct build_variable *v = t == NULL ? NULL : add_variable(b);
        if (v == NULL || !build_rep_of(b->unit, t, &v->rep)) {
            return false;
        }
        v->is_pinned = b->body.locals->pinned != NULL && b->body.locals->pinned[n] != 0;
        start_variable(b, v, b->addressed[false][n], IR_NONE);
    }
    return true;
}

/* ---- A method ---- */

/* A type that is not marked is initialised when a static method or a constructor is called. */
static bool initialise_own(struct builder *b)
{
    const struct cil_image *m = &b->m.a->image;
    const char *name = cil_cell_string(m, CIL_METHOD_DEF, b->m.row, CIL_METHOD_DEF_NAME);
    bool is_static = (b->m.sig->convention & CIL_HAS_THIS) == 0;
    if ((b->m.owner->c->flags & CIL_TYPE_BEFORE_FIELD_INIT) != 0 ||
        !(is_static || strcmp(name, ".ctor") == 0)) {
        return true;
    }
    return build_initialise(b, b->m.owner);
}

static bool prepare(struct builder *b)
{
    struct arena *a = b->unit->arena;
    uint32_t room = b->body.code.len + 1;
    b->blocks = arena_alloc(a, room * sizeof *b->blocks);
    b->depths = arena_alloc(a, room * sizeof *b->depths);
    b->shapes = arena_alloc(a, room * sizeof *b->shapes);
    b->queue = arena_alloc(a, room * sizeof *b->queue);
    b->slots = arena_alloc(a, BUILD_SLOTS_MAX * sizeof *b->slots);
    if (b->blocks == NULL || b->depths == NULL || b->shapes == NULL || b->queue == NULL ||
        b->slots == NULL) {
        return cil_body_fail(&b->body, 0, E_NOMEM, "no memory left to compile");
    }
    memset(b->blocks, 0xff, room * sizeof *b->blocks); /* IR_NONE */
    find_addressed(b);
    if (!add_arguments(b)) {
        return false;
    }
    for (uint32_t n = 0; n < BUILD_ENTRIES_MAX; n++) {
        b->entry_numbers[n] = ir_const(b->f, IR_I32, n); /* after the parameters */
    }
    if (!add_locals(b) || !build_add_selectors(b)) {
        return false;
    }
    if (b->unit->traces) {
        (void)build_frame_bytes(b, 8); /* so that there is a frame; after variables of filters */
    }
    if (b->has_calls) { /* it may be part of a recursion without a loop */
        build_poll(b);
    }
    return b->m.kind == CIL_UNIT_EXAMINE ? build_examine(b) : initialise_own(b) && build_jump(b, 0);
}

/* The values at a block are its parameters. */
static void enter(struct builder *b, uint32_t at)
{
    ir_block_start(b->f, b->blocks[at]);
    for (uint32_t n = 0; n < b->value_count; n++) {
        b->values[n] =
            build_mark(b, ir_param(b->f, build_type_of(b, b->values[n])), b->value_marks[n]);
    }
    b->depth = b->depths[at];
    for (uint32_t n = 0; n < b->depth; n++) {
        b->structs[n] = b->shapes[at][n].structure;
        uint32_t value = ir_param(b->f, b->shapes[at][n].ir);
        b->values[b->value_count + n] = build_mark(b, value, b->shapes[at][n].mark);
    }
}

static bool translate_code(struct builder *b)
{
    if (!prepare(b)) {
        return false;
    }
    while (b->queued > 0) {
        uint32_t at = b->queue[--b->queued];
        enter(b, at);
        build_enter_region(b, at);
        if (!run_path(b, at)) {
            return false;
        }
    }
    return true;
}

/* The second translation uses the ways out of try blocks, which the first one finds. Everything
 * else starts again, but the unit's lists keep their entries: the second translation finds them
 * there. If there is no way through a finally block, the first translation is complete. */
static bool build_once(struct cil_unit *u, uint32_t number, struct builder *b)
{
    struct cil_body body = b->body;
    struct build_leave *leaves = b->leaves;
    uint32_t leave_count = b->leave_count;
    *b = (struct builder){.unit = u,
                          .d = u->d,
                          .m = u->methods[number],
                          .body = body,
                          .leaves = leaves,
                          .leave_count = leave_count,
                          .is_again = leave_count != 0,
                          .made = IR_NONE,
                          .frame_bytes = CIL_FRAME_HEADER};
    b->f = ir_function_new(u->arena, &u->ir, CIL_FIRST_METHOD + number);
    if (b->f == NULL) {
        return cil_fail(u->d, b->m.a, 0, E_NOMEM, "no memory left to compile");
    }
    if (!build_rep_of(u, b->m.sig->result, &b->result)) {
        return false;
    }
    ir_block_start(b->f, ir_block_new(b->f));
    bool is_glue = !build_has_code(&b->m) || build_is_deep(&b->m);
    bool is_ok = (is_glue ? build_glue(b) : translate_code(b)) && build_ways(b);
    if (is_ok && b->f->error != OK) {
        return cil_fail(u->d, b->m.a, CIL_TOKEN(CIL_METHOD_DEF, b->m.row), b->f->error,
                        "a method too large to compile, or no memory left");
    }
    return is_ok;
}

/* build_loops() changes edges, and roots_place() follows edges to see where a value lives: so loops
 * come first. Methods that are not translated from CIL have no loop with several entries. */
static bool finish(struct cil_unit *u, uint32_t number, struct builder *b)
{
    if ((build_has_code(&b->m) && !build_loops(b)) || !build_roots(b)) {
        return false;
    }
    u->methods[number].function = b->f; /* the array may have moved */
    u->methods[number].code_bytes = b->body.code.len;
    return true;
}

static bool build_with(struct cil_unit *u, uint32_t number, struct arena *scratch)
{
    const struct cil_unit_method *m = &u->methods[number];
    struct builder *b = arena_take(scratch, sizeof *b); /* large: build_once() clears it */
    if (b == NULL) {
        return cil_fail(u->d, m->a, 0, E_NOMEM, "no memory left to compile");
    }
    b->body = (struct cil_body){.a = NULL};
    b->leaves = NULL;
    b->leave_count = 0;
    if ((m->kind == CIL_UNIT_METHOD && !cil_verify_method(m->a, m->row, scratch)) ||
        (build_has_code(m) && !cil_body_read(m->a, m->row, scratch, &b->body))) {
        return false;
    }
    return build_once(u, number, b) && (b->leave_count == 0 || build_once(u, number, b)) &&
           finish(u, number, b);
}

/* What the function needs is in the unit's arena. Everything else ends here. */
bool build_method(struct cil_unit *u, uint32_t number)
{
    struct arena scratch;
    arena_borrow(u->arena, &scratch);
    bool is_ok = build_with(u, number, &scratch);
    arena_return(u->arena, &scratch);
    return is_ok;
}
