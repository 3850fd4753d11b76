// SPDX-License-Identifier: MIT
//
// Inlines calls of short methods, such as those of properties.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

/* A method is short if it runs from its start to its end without branches, variables or clauses,
 * and can only throw where it accesses a field of a null `this`. It never appears in a trace, with
 * or without inlining: callvirt finds a null `this` before the call, in the caller. Type arguments
 * make no difference, so each method is examined once. A short method may call others of `this`.
 * Their bytes count, too, so the code of a program grows at most by a constant factor. */

#define BYTES_MAX  40u   /* of CIL, with the methods that are called */
#define DEPTH_MAX  8u    /* of such calls */
#define STACK_MAX  8u    /* that a method with a small header has */
#define GROWTH_MAX 8192u /* bytes of CIL that are inlined into a method */

#define NO_INLINING  0x0008
#define SYNCHRONIZED 0x0020

enum { NOT_KNOWN, NO, YES = NO }; /* YES: and so many bytes more */

struct reader {
    struct cil_assembly *a;
    struct cil_bytes code;
    bool has_this;
    uint32_t arguments, bytes, depth;
    bool is_this[STACK_MAX]; /* of the stack */
    uint32_t count;
};

static uint32_t size_of(struct cil_assembly *a, uint32_t row, uint32_t depth);

static bool push(struct reader *r, bool is_this)
{
    if (r->count == STACK_MAX) {
        return false;
    }
    r->is_this[r->count++] = is_this;
    return true;
}

static bool pop(struct reader *r, uint32_t count)
{
    bool is_ok = count <= r->count;
    r->count -= is_ok ? count : 0;
    return is_ok;
}

static bool pop_this(struct reader *r)
{
    return pop(r, 1) && r->is_this[r->count];
}

static bool is_conversion(unsigned opcode)
{
    return (opcode >= CIL_OP_CONV_I1 && opcode <= CIL_OP_CONV_U8) || opcode == CIL_OP_CONV_U1 ||
           opcode == CIL_OP_CONV_U2 || opcode == CIL_OP_CONV_I || opcode == CIL_OP_CONV_U ||
           opcode == CIL_OP_CONV_R_UN || opcode == CIL_OP_NEG || opcode == CIL_OP_NOT;
}

static bool is_operation(unsigned opcode)
{
    return opcode == CIL_OP_ADD || opcode == CIL_OP_SUB || opcode == CIL_OP_MUL ||
           (opcode >= CIL_OP_AND && opcode <= CIL_OP_SHR_UN) || opcode == CIL_OP_CEQ ||
           opcode == CIL_OP_CGT || opcode == CIL_OP_CGT_UN || opcode == CIL_OP_CLT ||
           opcode == CIL_OP_CLT_UN;
}

static bool is_constant(unsigned opcode)
{
    return opcode >= CIL_OP_LDNULL && opcode <= CIL_OP_LDC_R8;
}

/* @return false: the instruction loads no argument. */
static bool argument_of(const struct cil_instruction *i, uint32_t *out)
{
    if (i->opcode >= CIL_OP_LDARG_0 && i->opcode <= CIL_OP_LDARG_3) {
        *out = i->opcode - (uint32_t)CIL_OP_LDARG_0;
        return true;
    }
    *out = (uint32_t)i->value;
    return i->opcode == CIL_OP_LDARG || i->opcode == CIL_OP_LDARG_S;
}

/* A call of another method of `this`. Without parameters, because one may be a struct. */
static bool read_call(struct reader *r, const struct cil_instruction *i)
{
    const struct cil_callee *c = cil_resolve_method(r->a, (uint32_t)i->value);
    if (c == NULL || c->row == 0 || (c->flags & CIL_METHOD_STATIC) != 0 ||
        c->signature->param_count != 0 || !pop_this(r) ||
        (i->opcode == CIL_OP_CALLVIRT && build_is_virtual(c))) {
        return false;
    }
    uint32_t bytes = size_of(c->a, c->row, r->depth + 1);
    r->bytes += bytes;
    return bytes != 0 && (cil_plain(c->signature->result)->kind == CIL_VOID || push(r, false));
}

static bool read_instruction(struct reader *r, const struct cil_instruction *i)
{
    uint32_t n;
    if (argument_of(i, &n)) {
        return n < r->arguments && push(r, r->has_this && n == 0);
    }
    if (is_constant(i->opcode)) {
        return push(r, false);
    }
    if (is_operation(i->opcode)) {
        return pop(r, 2) && push(r, false);
    }
    if (is_conversion(i->opcode)) {
        return pop(r, 1) && push(r, false);
    }
    switch (i->opcode) {
    case CIL_OP_NOP:
        return true;
    case CIL_OP_LDFLD:
        return pop_this(r) && push(r, false);
    case CIL_OP_STFLD:
        return pop(r, 1) && pop_this(r);
    case CIL_OP_CALL:
    case CIL_OP_CALLVIRT:
        return read_call(r, i);
    case CIL_OP_RET:
        return i->end == r->code.len;
    default:
        return false;
    }
}

/* The verifier has not seen the code yet, so it may be anything. */
static bool read_code(struct reader *r)
{
    struct cil_instruction i;
    uint32_t at = 0;
    do {
        if (!cil_decode(r->code, at, &i) || !read_instruction(r, &i) || r->bytes > BYTES_MAX) {
            return false;
        }
        at = i.end;
    } while (i.opcode != CIL_OP_RET);
    return true;
}

/* A static method and a constructor may have to initialise their type first. */
static bool may_be_short(const struct cil_callee *c)
{
    const struct cil_class *owner = c->owner->c;
    bool is_static = (c->flags & CIL_METHOD_STATIC) != 0;
    bool starts = is_static || strcmp(c->name, ".ctor") == 0;
    return owner != NULL && !owner->is_delegate && cil_has_body(c->a, c->row) &&
           (c->impl_flags & (NO_INLINING | SYNCHRONIZED)) == 0 &&
           (!starts || (owner->flags & CIL_TYPE_BEFORE_FIELD_INIT) != 0);
}

static uint32_t find_size(const struct cil_callee *c, uint32_t depth)
{
    struct reader r = {.a = c->a,
                       .has_this = (c->flags & CIL_METHOD_STATIC) == 0,
                       .arguments = c->signature->param_count,
                       .depth = depth};
    if (depth > DEPTH_MAX || !may_be_short(c) || !cil_tiny_code(c->a, c->row, &r.code)) {
        return 0;
    }
    r.arguments += r.has_this ? 1 : 0;
    r.bytes = r.code.len;
    return read_code(&r) ? r.bytes : 0;
}

static bool verify(struct cil_assembly *a, uint32_t row)
{
    struct arena scratch;
    arena_borrow(&a->domain->arena, &scratch);
    bool is_ok = cil_verify_method(a, row, &scratch);
    arena_return(&a->domain->arena, &scratch);
    return is_ok;
}

/* The bytes of a short method, with those of the methods that it calls. While it is examined it
 * counts as none, so a recursion has an end. @return 0: it is none, or an error is recorded. */
static uint32_t size_of(struct cil_assembly *a, uint32_t row, uint32_t depth)
{
    struct cil_callee *c =
        (struct cil_callee *)(uintptr_t)cil_resolve_method(a, CIL_TOKEN(CIL_METHOD_DEF, row));
    if (c != NULL && c->short_bytes == NOT_KNOWN) {
        c->short_bytes = NO;
        uint32_t bytes = find_size(c, depth);
        c->short_bytes = bytes != 0 && verify(a, row) ? (uint8_t)(YES + bytes) : NO;
    }
    return c == NULL ? 0 : c->short_bytes - (uint32_t)YES;
}

/* ---- In place of a call ---- */

/* A struct that is an argument would have to be copied for its callee. */
static bool has_struct(struct builder *b, const struct build_call *k)
{
    struct build_rep rep;
    for (uint32_t n = 0; n < k->sig->param_count; n++) {
        if (!build_rep_of(b->unit, k->sig->params[n], &rep) || rep.structure != NULL) {
            return true;
        }
    }
    return false;
}

static bool push_result(struct builder *b, const struct build_call *k)
{
    if (k->result.structure != NULL || k->result.ir == IR_VOID) {
        return true; /* a struct is in the place where a call would copy it */
    }
    uint32_t value = build_convert(b, build_pop(b), k->result.ir);
    value = build_narrow(b, value, k->result.kind);
    return build_push(b, build_mark_as(b, value, &k->result));
}

static bool put_in(struct builder *b, const struct build_call *k, struct cil_bytes code)
{
    struct cil_instruction i = {.end = 0};
    uint32_t first = k->result.structure != NULL ? 1 : 0;
    for (uint32_t at = 0; at < code.len; at = i.end) {
        uint32_t n;
        (void)cil_decode(code, at, &i);
        bool is_ok = argument_of(&i, &n)      ? build_push(b, k->args[first + n])
                     : i.opcode == CIL_OP_RET ? push_result(b, k)
                                              : build_instruction(b, &i);
        if (!is_ok) {
            return false;
        }
    }
    return true;
}

/* Tokens and type arguments are the callee's. The place, the frame and the handlers remain the
 * caller's. */
bool build_inline(struct builder *b, const struct build_call *k, bool *is_done)
{
    const struct cil_unit_method caller = b->m;
    struct cil_assembly *a = b->body.a;
    struct cil_bytes code;
    *is_done = false;
    if (b->d->keeps_calls || b->depth + STACK_MAX + DEPTH_MAX > BUILD_STACK_MAX ||
        b->inlined > GROWTH_MAX) {
        return true;
    }
    uint32_t bytes = size_of(k->c.a, k->c.row, 0);
    if (bytes == 0 || has_struct(b, k) || !cil_tiny_code(k->c.a, k->c.row, &code)) {
        return b->d->status == OK;
    }
    const struct cil_unit_method callee = {
        .owner = k->c.owner, .args = k->c.args, .arg_count = k->c.arg_count};
    if (build_is_deep(&callee)) {
        return true;
    }
    *is_done = true;
    b->inlined += bytes;
    b->body.a = k->c.a;
    b->m.owner = k->c.owner;
    b->m.args = k->c.args;
    b->m.arg_count = k->c.arg_count;
    bool is_ok = put_in(b, k, code);
    b->body.a = a;
    b->m = caller;
    return is_ok;
}
