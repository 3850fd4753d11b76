// SPDX-License-Identifier: MIT
//
// Verifies arguments and local variables, constants, arithmetic, and accesses through addresses.
#include "kernel/cil/front/verify_internal.h"

/* ---- Arguments and local variables ---- */

/* The number of a variable comes from the file and is compared with the signature in argument() and
 * local(). share_slots() in verify_escape.c scans the code before that, so it compares by itself.
 * Variables are counted in one row there: first the arguments, `this` included, then the local
 * variables from arg_count on. cil_verify_keep() and cil_verify_kept() take such numbers. */

/* The short forms have the number in the instruction, the others in the operand. */
static uint32_t operand(const struct cil_instruction *i, unsigned arg)
{
    return i->operand == CIL_OPERAND_NONE ? arg : (uint32_t)i->value;
}

/* The type of an argument; `this` of a value type is a pointer to it. */
static bool argument(struct verifier *v, uint32_t n, struct entry *e, struct cil_type **type)
{
    const struct cil_signature *s = v->method->signature;
    uint32_t first = v->arg_count - s->param_count;
    if (n >= v->arg_count) {
        return cil_verify_invalid(v, "argument %u of %u", n, v->arg_count);
    }
    if (n >= first) {
        *type = cil_plain(s->params[n - first]);
        bool is_ok = cil_verify_entry(v, *type, e);
        e->flags |= cil_verify_kept(v, n);
        return is_ok;
    }
    struct cil_type *owner = v->c->self;
    *type = v->c->is_value_type ? cil_type_of(v->d, CIL_BYREF, owner) : owner;
    *e = (struct entry){.kind = v->c->is_value_type ? ENTRY_BYREF : ENTRY_REF, .type = owner};
    if (!v->changes_this) {
        e->flags = ENTRY_THIS;
    }
    if (v->needs_this && !v->has_this) {
        e->flags |= ENTRY_UNINIT;
    }
    e->flags |= cil_verify_kept(v, n);
    return *type != NULL;
}

static bool load_argument(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    struct cil_type *t;
    return argument(v, operand(i, arg), &e, &t) && cil_verify_push(v, e);
}

/* An address of a variable leads into this frame (ENTRY_LOCAL), and to nothing but this variable
 * (ENTRY_OWN). No address of an address exists (II.14.4.2). */
static bool push_address(struct verifier *v, struct cil_type *t)
{
    if (t->kind == CIL_BYREF || t->kind == CIL_TYPEDBYREF) {
        return cil_verify_reject(v, "the address of a variable that is an address") &&
               cil_verify_push_kind(v, ENTRY_PTR);
    }
    return cil_verify_push(
        v, (struct entry){.kind = ENTRY_BYREF, .flags = ENTRY_LOCAL | ENTRY_OWN, .type = t});
}

static bool load_argument_address(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    struct cil_type *t;
    (void)arg;
    return argument(v, (uint32_t)i->value, &e, &t) && push_address(v, t);
}

/* What an argument holds from now on may lead into the frame: the notes of its place are those of
 * the value. */
static bool store_argument(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    struct cil_type *t;
    (void)arg;
    if (!argument(v, (uint32_t)i->value, &e, &t)) {
        return false;
    }
    e = cil_verify_top(v);
    cil_verify_keep(v, (uint32_t)i->value, &e);
    return cil_verify_pop_type(v, t);
}

/* Local variables have no states of their own besides the flags of verify_escape.c: a variable
 * always has the type that the signature declares, and a value that is stored in it has to fit. So
 * a join compares the stack only. */
static struct cil_type *local(struct verifier *v, uint32_t n)
{
    const struct cil_signature *s = v->body.locals;
    if (s == NULL || n >= s->param_count) {
        (void)cil_verify_invalid(v, "local variable %u of %u", n, s == NULL ? 0 : s->param_count);
        return NULL;
    }
    return cil_plain(s->params[n]);
}

static bool load_local(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *t = local(v, operand(i, arg));
    struct entry e = {.type = NULL};
    if (t == NULL || !cil_verify_entry(v, t, &e)) {
        return false;
    }
    e.flags = cil_verify_kept(v, v->arg_count + operand(i, arg));
    return cil_verify_push(v, e);
}

static bool load_local_address(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *t = local(v, operand(i, arg));
    return t != NULL && push_address(v, t);
}

static bool store_local(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *t = local(v, operand(i, arg));
    struct entry e = cil_verify_top(v);
    if (t == NULL || !cil_verify_pop_type(v, t)) {
        return false;
    }
    cil_verify_keep(v, v->arg_count + operand(i, arg), &e);
    return true;
}

/* ---- Constants ---- */

/* ldnull is here, too: an object without a type, which fits any class. The kinds are those of the
 * result, so the value itself does not matter. */
static bool constant(struct verifier *v, const struct cil_instruction *i, unsigned kind)
{
    (void)i;
    return cil_verify_push_kind(v, kind);
}

static bool duplicate(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    (void)arg;
    v->after_dup = i->end;
    return cil_verify_pop(v, &e) && cil_verify_push(v, e) && cil_verify_push(v, e);
}

static bool pop(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    (void)i, (void)arg;
    return cil_verify_pop(v, &e);
}

/* ---- Arithmetic (III.1.5) ---- */

static bool is_pointer(const struct entry *e)
{
    return e->kind == ENTRY_BYREF || e->kind == ENTRY_PTR || e->kind == ENTRY_FTN;
}

static bool mismatch(struct verifier *v, const struct cil_instruction *i, const struct entry *a,
                     const struct entry *b)
{
    return cil_verify_invalid(v, "%s of %s and %s", cil_opcode_name(i->opcode),
                              cil_verify_entry_name(a), cil_verify_entry_name(b));
}

#define FLOATS   1u /* it also works on floats */
#define POINTERS 2u /* and, in trusted code, on an address and an integer */

/* III.1.5, table 2. Of two integers of 32 bits and native size the result has native size. Trusted
 * code may do two more things: arithmetic with addresses, and, as in mono, combine a shorter
 * integer with a longer one. An address plus an integer stays the same kind of address; the
 * difference of two addresses is a native integer. */
static bool binary(struct verifier *v, const struct cil_instruction *i, unsigned works_on)
{
    struct entry a, b;
    if (!cil_verify_pop(v, &b) || !cil_verify_pop(v, &a)) {
        return false;
    }
    bool is_int =
        (a.kind == ENTRY_I4 || a.kind == ENTRY_I) && (b.kind == ENTRY_I4 || b.kind == ENTRY_I);
    if (is_int) {
        return cil_verify_push_kind(v, a.kind == ENTRY_I || b.kind == ENTRY_I ? ENTRY_I : ENTRY_I4);
    }
    if (a.kind == b.kind &&
        (a.kind == ENTRY_I8 || (a.kind == ENTRY_F && (works_on & FLOATS) != 0))) {
        return cil_verify_push_kind(v, a.kind);
    }
    /* Other runtimes extend the shorter of two integers; a pointer has 64 bits here. */
    bool is_word = a.kind <= ENTRY_I || is_pointer(&a);
    bool other = b.kind <= ENTRY_I || is_pointer(&b);
    bool has_pointer = is_pointer(&a) || is_pointer(&b);
    if (!is_word || !other || (has_pointer && (works_on & POINTERS) == 0)) {
        return mismatch(v, i, &a, &b);
    }
    if (!cil_verify_reject(
            v, has_pointer ? "%s of %s and %s: arithmetic with addresses" : "%s of %s and %s",
            cil_opcode_name(i->opcode), cil_verify_entry_name(&a), cil_verify_entry_name(&b))) {
        return false;
    }
    if (is_pointer(&a) != is_pointer(&b)) {
        return cil_verify_push(v, is_pointer(&a) ? a : b);
    }
    return cil_verify_push_kind(v, has_pointer ? ENTRY_I : ENTRY_I8);
}

/* III.1.5, table 3. */
static bool unary(struct verifier *v, const struct cil_instruction *i, unsigned works_on)
{
    struct entry e;
    if (!cil_verify_pop(v, &e)) {
        return false;
    }
    bool is_ok = e.kind == ENTRY_I4 || e.kind == ENTRY_I8 || e.kind == ENTRY_I ||
                 (e.kind == ENTRY_F && (works_on & FLOATS) != 0);
    return is_ok ? cil_verify_push_kind(v, e.kind) : mismatch(v, i, &e, &e);
}

/* III.1.5, table 6: the number of bits is an integer of any size; the result is as the value. */
static bool shift(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)arg;
    return cil_verify_pop_integer(v) && unary(v, i, 0);
}

static bool check_finite(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    (void)arg;
    if (!cil_verify_pop(v, &e)) {
        return false;
    }
    return e.kind == ENTRY_F ? cil_verify_push(v, e) : mismatch(v, i, &e, &e);
}

/* III.1.5, table 8. The address of an object as a number is of no use to a verifiable program, and
 * would be wrong after a collection: only trusted code may do that, with the object pinned. */
static bool convert(struct verifier *v, const struct cil_instruction *i, unsigned kind)
{
    struct entry e;
    if (!cil_verify_pop(v, &e)) {
        return false;
    }
    if (e.kind == ENTRY_VALUE) {
        return mismatch(v, i, &e, &e);
    }
    if ((e.kind == ENTRY_REF || e.kind == ENTRY_BYREF || e.kind == ENTRY_FTN) &&
        !cil_verify_reject(v, "%s of %s", cil_opcode_name(i->opcode), cil_verify_entry_name(&e))) {
        return false;
    }
    return cil_verify_push_kind(v, kind);
}

/* ---- Addresses ---- */

/* The type of the address must be that of the instruction, after reduction (I.8.7.1): ldind.i4 also
 * reads an enumeration or a uint. */
static bool load_indirect(struct verifier *v, const struct cil_instruction *i, unsigned kind)
{
    struct entry e;
    struct cil_type *t = cil_primitive(v->d, kind);
    (void)i;
    return t != NULL && cil_verify_pop_address(v, t, false, &e) && cil_verify_push_type(v, t);
}

/* The value is on top of the address, so it is popped first. No rule of verify_escape.c is needed
 * for ldind and stind of numbers: these cannot contain an address. */
static bool store_indirect(struct verifier *v, const struct cil_instruction *i, unsigned kind)
{
    struct entry e;
    struct cil_type *t = cil_primitive(v->d, kind);
    (void)i;
    return t != NULL && cil_verify_pop_type(v, t) && cil_verify_pop_address(v, t, true, &e);
}

/* The object that an address leads to: of the address's own type. */
static struct cil_type *referenced(struct verifier *v, const struct entry *e)
{
    return e->kind == ENTRY_BYREF ? e->type : cil_primitive(v->d, CIL_OBJECT);
}

/* ldind.ref and stind.ref name no type: it is that of the address itself (III.3.42, III.3.62). They
 * look below the top of the stack before anything is popped, so the depth is compared first.
 * Through an unmanaged pointer, which only trusted code has, the object may be of any class. */
static bool load_reference(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)i, (void)arg;
    if (v->depth == 0) {
        return cil_verify_invalid(v, "too few values on the stack");
    }
    struct entry e = v->stack[v->depth - 1];
    struct cil_type *t = referenced(v, &e);
    if (t == NULL || !cil_verify_pop_address(v, t, false, &e)) {
        return false;
    }
    if (!cil_is_reference(t)) {
        return cil_verify_invalid(v, "the address is not of an object");
    }
    return cil_verify_push_ref(v, t);
}

static bool store_reference(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)i, (void)arg;
    if (v->depth < 2) {
        return cil_verify_invalid(v, "too few values on the stack");
    }
    struct entry e = v->stack[v->depth - 2];
    struct cil_type *t = referenced(v, &e);
    if (t == NULL || !cil_verify_pop_type(v, t) || !cil_verify_pop_address(v, t, true, &e)) {
        return false;
    }
    return cil_is_reference(t) || cil_verify_invalid(v, "the address is not of an object");
}

static bool load_object(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    struct cil_type *t = cil_verify_type(v, i);
    (void)arg;
    return t != NULL && cil_verify_pop_address(v, t, false, &e) && cil_verify_push_loaded(v, t, &e);
}

/* A value that leads into the frame may be stored only through an address that does, too. */
static bool store_object(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e, value = cil_verify_top(v);
    struct cil_type *t = cil_verify_type(v, i);
    (void)arg;
    return t != NULL && cil_verify_pop_type(v, t) && cil_verify_pop_address(v, t, true, &e) &&
           cil_verify_store_through(v, &e, &value);
}

/* cpobj is ldobj and stobj in one. The value between them is never on the stack, so an entry is
 * made for it here: without it a ref struct with an address of this frame could be copied to a
 * place that the caller sees. */
static bool copy_object(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry from, to;
    struct cil_type *t = cil_verify_type(v, i);
    (void)arg;
    if (t == NULL || !cil_verify_pop_address(v, t, false, &from) ||
        !cil_verify_pop_address(v, t, true, &to)) {
        return false;
    }
    from = (struct entry){.kind = ENTRY_VALUE, .flags = cil_verify_loaded(v, &from, t), .type = t};
    return cil_verify_store_through(v, &to, &from);
}

static bool clear_object(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    struct cil_type *t = cil_verify_type(v, i);
    (void)arg;
    return t != NULL && cil_verify_pop_address(v, t, true, &e);
}

static bool pop_any_address(struct verifier *v)
{
    struct entry e;
    if (!cil_verify_pop(v, &e)) {
        return false;
    }
    return e.kind == ENTRY_PTR || e.kind == ENTRY_I || e.kind == ENTRY_I4 ||
           e.kind == ENTRY_BYREF ||
           cil_verify_invalid(v, "%s in place of an address", cil_verify_entry_name(&e));
}

/* cpblk and initblk: two addresses, or one and a byte, and a length. */
static bool block(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)arg;
    return cil_verify_reject(v, "%s is not verifiable", cil_opcode_name(i->opcode)) &&
           cil_verify_pop_integer(v) &&
           (i->opcode == CIL_OP_CPBLK ? pop_any_address(v) : cil_verify_pop_integer(v)) &&
           pop_any_address(v);
}

static bool allocate_local(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)arg;
    return cil_verify_reject(v, "%s is not verifiable", cil_opcode_name(i->opcode)) &&
           cil_verify_pop_integer(v) && cil_verify_push_kind(v, ENTRY_PTR);
}

static bool size_of(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)arg;
    return cil_verify_type(v, i) != NULL && cil_verify_push_kind(v, ENTRY_I4);
}

#define RULE(name, ...) [CIL_OP_##name] = {__VA_ARGS__}

const struct cil_verify_rule cil_verify_values[CIL_OPCODES] = {
    RULE(LDARG_0, load_argument, 0),
    RULE(LDARG_1, load_argument, 1),
    RULE(LDARG_2, load_argument, 2),
    RULE(LDARG_3, load_argument, 3),
    RULE(LDARG_S, load_argument, 0),
    RULE(LDARG, load_argument, 0),
    RULE(LDARGA_S, load_argument_address, 0),
    RULE(LDARGA, load_argument_address, 0),
    RULE(STARG_S, store_argument, 0),
    RULE(STARG, store_argument, 0),
    RULE(LDLOC_0, load_local, 0),
    RULE(LDLOC_1, load_local, 1),
    RULE(LDLOC_2, load_local, 2),
    RULE(LDLOC_3, load_local, 3),
    RULE(LDLOC_S, load_local, 0),
    RULE(LDLOC, load_local, 0),
    RULE(LDLOCA_S, load_local_address, 0),
    RULE(LDLOCA, load_local_address, 0),
    RULE(STLOC_0, store_local, 0),
    RULE(STLOC_1, store_local, 1),
    RULE(STLOC_2, store_local, 2),
    RULE(STLOC_3, store_local, 3),
    RULE(STLOC_S, store_local, 0),
    RULE(STLOC, store_local, 0),
    RULE(LDNULL, constant, ENTRY_REF),
    RULE(LDC_I4_M1, constant, ENTRY_I4),
    RULE(LDC_I4_0, constant, ENTRY_I4),
    RULE(LDC_I4_1, constant, ENTRY_I4),
    RULE(LDC_I4_2, constant, ENTRY_I4),
    RULE(LDC_I4_3, constant, ENTRY_I4),
    RULE(LDC_I4_4, constant, ENTRY_I4),
    RULE(LDC_I4_5, constant, ENTRY_I4),
    RULE(LDC_I4_6, constant, ENTRY_I4),
    RULE(LDC_I4_7, constant, ENTRY_I4),
    RULE(LDC_I4_8, constant, ENTRY_I4),
    RULE(LDC_I4_S, constant, ENTRY_I4),
    RULE(LDC_I4, constant, ENTRY_I4),
    RULE(LDC_I8, constant, ENTRY_I8),
    RULE(LDC_R4, constant, ENTRY_F),
    RULE(LDC_R8, constant, ENTRY_F),
    RULE(DUP, duplicate, 0),
    RULE(POP, pop, 0),
    RULE(ADD, binary, FLOATS | POINTERS),
    RULE(SUB, binary, FLOATS | POINTERS),
    RULE(MUL, binary, FLOATS | POINTERS),
    RULE(DIV, binary, FLOATS | POINTERS),
    RULE(REM, binary, FLOATS | POINTERS),
    RULE(DIV_UN, binary, 0),
    RULE(REM_UN, binary, 0),
    RULE(AND, binary, POINTERS),
    RULE(OR, binary, POINTERS),
    RULE(XOR, binary, POINTERS),
    RULE(ADD_OVF, binary, 0),
    RULE(ADD_OVF_UN, binary, POINTERS),
    RULE(SUB_OVF, binary, 0),
    RULE(SUB_OVF_UN, binary, POINTERS),
    RULE(MUL_OVF, binary, 0),
    RULE(MUL_OVF_UN, binary, 0),
    RULE(SHL, shift, 0),
    RULE(SHR, shift, 0),
    RULE(SHR_UN, shift, 0),
    RULE(NEG, unary, FLOATS),
    RULE(NOT, unary, 0),
    RULE(CKFINITE, check_finite, 0),
    RULE(CONV_I1, convert, ENTRY_I4),
    RULE(CONV_U1, convert, ENTRY_I4),
    RULE(CONV_I2, convert, ENTRY_I4),
    RULE(CONV_U2, convert, ENTRY_I4),
    RULE(CONV_I4, convert, ENTRY_I4),
    RULE(CONV_U4, convert, ENTRY_I4),
    RULE(CONV_I8, convert, ENTRY_I8),
    RULE(CONV_U8, convert, ENTRY_I8),
    RULE(CONV_I, convert, ENTRY_I),
    RULE(CONV_U, convert, ENTRY_I),
    RULE(CONV_R4, convert, ENTRY_F),
    RULE(CONV_R8, convert, ENTRY_F),
    RULE(CONV_R_UN, convert, ENTRY_F),
    RULE(CONV_OVF_I1, convert, ENTRY_I4),
    RULE(CONV_OVF_U1, convert, ENTRY_I4),
    RULE(CONV_OVF_I2, convert, ENTRY_I4),
    RULE(CONV_OVF_U2, convert, ENTRY_I4),
    RULE(CONV_OVF_I4, convert, ENTRY_I4),
    RULE(CONV_OVF_U4, convert, ENTRY_I4),
    RULE(CONV_OVF_I8, convert, ENTRY_I8),
    RULE(CONV_OVF_U8, convert, ENTRY_I8),
    RULE(CONV_OVF_I, convert, ENTRY_I),
    RULE(CONV_OVF_U, convert, ENTRY_I),
    RULE(CONV_OVF_I1_UN, convert, ENTRY_I4),
    RULE(CONV_OVF_U1_UN, convert, ENTRY_I4),
    RULE(CONV_OVF_I2_UN, convert, ENTRY_I4),
    RULE(CONV_OVF_U2_UN, convert, ENTRY_I4),
    RULE(CONV_OVF_I4_UN, convert, ENTRY_I4),
    RULE(CONV_OVF_U4_UN, convert, ENTRY_I4),
    RULE(CONV_OVF_I8_UN, convert, ENTRY_I8),
    RULE(CONV_OVF_U8_UN, convert, ENTRY_I8),
    RULE(CONV_OVF_I_UN, convert, ENTRY_I),
    RULE(CONV_OVF_U_UN, convert, ENTRY_I),
    RULE(LDIND_I1, load_indirect, CIL_I1),
    RULE(LDIND_U1, load_indirect, CIL_U1),
    RULE(LDIND_I2, load_indirect, CIL_I2),
    RULE(LDIND_U2, load_indirect, CIL_U2),
    RULE(LDIND_I4, load_indirect, CIL_I4),
    RULE(LDIND_U4, load_indirect, CIL_U4),
    RULE(LDIND_I8, load_indirect, CIL_I8),
    RULE(LDIND_I, load_indirect, CIL_I),
    RULE(LDIND_R4, load_indirect, CIL_R4),
    RULE(LDIND_R8, load_indirect, CIL_R8),
    RULE(STIND_I1, store_indirect, CIL_I1),
    RULE(STIND_I2, store_indirect, CIL_I2),
    RULE(STIND_I4, store_indirect, CIL_I4),
    RULE(STIND_I8, store_indirect, CIL_I8),
    RULE(STIND_I, store_indirect, CIL_I),
    RULE(STIND_R4, store_indirect, CIL_R4),
    RULE(STIND_R8, store_indirect, CIL_R8),
    RULE(LDIND_REF, load_reference, 0),
    RULE(STIND_REF, store_reference, 0),
    RULE(LDOBJ, load_object, 0),
    RULE(STOBJ, store_object, 0),
    RULE(CPOBJ, copy_object, 0),
    RULE(INITOBJ, clear_object, 0),
    RULE(CPBLK, block, 0),
    RULE(INITBLK, block, 0),
    RULE(LOCALLOC, allocate_local, 0),
    RULE(SIZEOF, size_of, 0),
};
