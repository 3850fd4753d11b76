// SPDX-License-Identifier: MIT
//
// The evaluation stack, and which value fits which variable.
#include "kernel/cil/front/verify_internal.h"
#include "kernel/lib/string.h"

const char *cil_verify_entry_name(const struct entry *e)
{
    static const char *const names[] = {"int32", "int64",   "native int",
                                        "float", "object",  "managed pointer",
                                        "value", "pointer", "address of a method"};
    return names[e->kind];
}

/* The verification type of a value on the stack (I.8.7). Integers below 32 bits become I4 and lose
 * their own type, so a bool may be stored as a char: that cannot break memory safety. An
 * enumeration is its integer. Objects and structs keep their exact type, and so do addresses, after
 * cil_plain(): modifiers count only for the identity of signatures. */
bool cil_verify_entry(struct verifier *v, struct cil_type *t, struct entry *out)
{
    t = cil_underlying(v->d, t);
    if (t == NULL) {
        return false;
    }
    *out = (struct entry){.type = NULL};
    switch (t->kind) {
    case CIL_BOOLEAN:
    case CIL_CHAR:
    case CIL_I1:
    case CIL_U1:
    case CIL_I2:
    case CIL_U2:
    case CIL_I4:
    case CIL_U4:
        out->kind = ENTRY_I4;
        break;
    case CIL_I8:
    case CIL_U8:
        out->kind = ENTRY_I8;
        break;
    case CIL_I:
    case CIL_U:
        out->kind = ENTRY_I;
        break;
    case CIL_R4:
    case CIL_R8:
        out->kind = ENTRY_F;
        break;
    case CIL_PTR:
    case CIL_FNPTR:
        out->kind = ENTRY_PTR;
        break;
    case CIL_BYREF:
        out->kind = ENTRY_BYREF;
        out->type = cil_plain(t->element);
        break;
    default:
        out->kind = cil_is_reference(t) ? ENTRY_REF : ENTRY_VALUE;
        out->type = t;
    }
    return true;
}

/* A nullable value is boxed as what it contains. */
struct cil_type *cil_verify_boxed(struct cil_type *t)
{
    return t->kind == CIL_GENERICINST && cil_is_core_class(t->c, "Nullable`1") ? t->args[0] : t;
}

/* ---- Fitting ---- */

/* fits_value() is the rule for verifiable code, is_convertible() is what trusted code may do
 * besides. The second must never allow two kinds with different machine types in build.c (an object
 * and a float, a struct and an integer), since the compiler has no conversion for them: these are
 * invalid in any assembly. An object that is not initialised, or an address that is only for
 * reading, fits nothing, so neither can be passed, returned or stored. */

static bool is_integer(const struct entry *e)
{
    return e->kind == ENTRY_I4 || e->kind == ENTRY_I;
}

static bool fits_value(struct verifier *v, struct entry e, const struct entry *to)
{
    switch (to->kind) {
    case ENTRY_I4:
    case ENTRY_I:
        return is_integer(&e);
    case ENTRY_PTR:
        return e.kind == ENTRY_PTR || e.kind == ENTRY_FTN || is_integer(&e);
    case ENTRY_REF:
        return e.kind == ENTRY_REF && (e.flags & ENTRY_UNINIT) == 0 &&
               (e.type == NULL || cil_verify_is_subtype(v, e.type, to->type));
    case ENTRY_BYREF:
        return e.kind == ENTRY_BYREF && (e.flags & ENTRY_READONLY) == 0 &&
               cil_same_reduced(v->d, e.type, to->type);
    default:
        return e.kind == to->kind && e.type == to->type;
    }
}

bool cil_verify_fits(struct verifier *v, struct entry e, struct cil_type *t)
{
    struct entry to = {.type = NULL};
    return cil_verify_entry(v, t, &to) && fits_value(v, e, &to);
}

/* ---- Push and pop ---- */

/* The array has max_stack + 1 elements (prepare() in verify.c): the one more is for the exception
 * in the handler of a method with .maxstack 0. */
bool cil_verify_push(struct verifier *v, struct entry e)
{
    if (v->depth >= v->body.max_stack) {
        /* A handler gets its exception even if the method claims to need no stack. */
        if (v->depth != 0 || v->body.max_stack != 0) {
            return cil_verify_invalid(v, "more than %u values on the stack", v->body.max_stack);
        }
    }
    v->stack[v->depth++] = e;
    return true;
}

bool cil_verify_push_kind(struct verifier *v, unsigned kind)
{
    return cil_verify_push(v, (struct entry){.kind = (uint8_t)kind});
}

bool cil_verify_push_ref(struct verifier *v, struct cil_type *t)
{
    return t != NULL && cil_verify_push(v, (struct entry){.kind = ENTRY_REF, .type = t});
}

bool cil_verify_push_type(struct verifier *v, struct cil_type *t)
{
    struct entry e = {.type = NULL};
    return cil_verify_entry(v, t, &e) && cil_verify_push(v, e);
}

bool cil_verify_pop(struct verifier *v, struct entry *out)
{
    if (v->depth == 0) {
        return cil_verify_invalid(v, "too few values on the stack");
    }
    *out = v->stack[--v->depth];
    return true;
}

bool cil_verify_pop_integer(struct verifier *v)
{
    struct entry e = {.type = NULL};
    if (!cil_verify_pop(v, &e) || is_integer(&e)) {
        return v->d->status == OK;
    }
    return e.kind == ENTRY_I8
               ? cil_verify_reject(v, "int64 in place of an integer")
               : cil_verify_invalid(v, "%s in place of an integer", cil_verify_entry_name(&e));
}

bool cil_verify_pop_ref(struct verifier *v, struct entry *out)
{
    if (!cil_verify_pop(v, out)) {
        return false;
    }
    if (out->kind != ENTRY_REF) {
        return cil_verify_invalid(v, "%s in place of an object", cil_verify_entry_name(out));
    }
    return (out->flags & ENTRY_UNINIT) == 0 ||
           cil_verify_reject(v, "the object is used before its base constructor has run");
}

static bool is_parameter(const struct cil_type *t)
{
    return t != NULL && (t->kind == CIL_VAR || t->kind == CIL_MVAR);
}

static bool is_word(const struct entry *e)
{
    return e->kind == ENTRY_I || e->kind == ENTRY_PTR || e->kind == ENTRY_FTN ||
           e->kind == ENTRY_BYREF;
}

/* May trusted code use one kind for the other? Pointers and integers, and whatever a type parameter
 * stands for. Anything else has no representation that both share. */
static bool is_convertible(const struct entry *e, const struct entry *to)
{
    if (e->kind == to->kind || is_parameter(e->type) || is_parameter(to->type)) {
        return true;
    }
    if (e->kind == ENTRY_I4 && to->kind == ENTRY_I8) {
        return true; /* extended with its sign */
    }
    return (is_word(e) && (is_word(to) || to->kind <= ENTRY_I)) ||
           (is_word(to) && e->kind <= ENTRY_I);
}

bool cil_verify_pop_type(struct verifier *v, struct cil_type *t)
{
    struct entry e = {.type = NULL}, to = {.type = NULL};
    char name[96];
    if (!cil_verify_pop(v, &e) || !cil_verify_entry(v, t, &to)) {
        return false;
    }
    if (fits_value(v, e, &to)) {
        return v->d->status == OK;
    }
    (void)cil_type_text(name, sizeof name, t);
    if (is_convertible(&e, &to)) {
        return cil_verify_reject(v, "%s does not fit %s", cil_verify_entry_name(&e), name);
    }
    return cil_verify_invalid(v, "%s in place of %s", cil_verify_entry_name(&e), name);
}

/* Verifiable code has addresses of exactly the type, after reduction (cil_same_reduced()): an int
 * variable may be accessed as uint, and an enumeration as its integer. Subtypes do not count. An
 * address of a string variable as one of an object variable would let a store put any object into
 * it. */
bool cil_verify_pop_address(struct verifier *v, struct cil_type *t, bool is_written,
                            struct entry *out)
{
    if (!cil_verify_pop(v, out)) {
        return false;
    }
    if (out->kind == ENTRY_PTR || out->kind == ENTRY_I || out->kind == ENTRY_I4) {
        return cil_verify_reject(v, "access through an unmanaged pointer");
    }
    if (out->kind != ENTRY_BYREF) {
        return cil_verify_invalid(v, "%s in place of an address", cil_verify_entry_name(out));
    }
    if (!cil_same_reduced(v->d, out->type, t)) {
        return cil_verify_reject(v, "the address is of a variable of another type");
    }
    return !is_written || (out->flags & ENTRY_READONLY) == 0 ||
           cil_verify_reject(v, "a store through an address that is for reading");
}

/* Each token of a type in an instruction comes through here. It refuses types without values: void,
 * managed pointers, and a generic class without arguments. Then it checks constraints and access,
 * so a rule that used cil_resolve_type() directly would skip both. */
struct cil_type *cil_verify_type(struct verifier *v, const struct cil_instruction *i)
{
    struct cil_type *t = cil_resolve_type(v->a, (uint32_t)i->value);
    if (t == NULL) {
        return NULL;
    }
    t = cil_plain(t);
    if (t->kind == CIL_VOID || t->kind == CIL_BYREF ||
        (t->c != NULL && t->c->generic_count != 0 && t->kind != CIL_GENERICINST)) {
        (void)cil_verify_invalid(v, "no value has this type: token 0x%08x", (uint32_t)i->value);
        return NULL;
    }
    return cil_verify_arguments(v, t) && cil_verify_names_type(v, t) ? t : NULL;
}

struct cil_type *cil_verify_core_type(struct verifier *v, const char *name)
{
    struct cil_class *c = v->d->core == NULL ? NULL : cil_find_class(v->d->core, "System", name);
    if (c == NULL) {
        (void)cil_fail(v->d, v->d->core, 0, E_UNRESOLVED, "type System.%s is not there", name);
        return NULL;
    }
    return cil_class_open(c) ? c->type : NULL;
}
