// SPDX-License-Identifier: MIT
//
// Verifies accesses to fields and arrays, and what makes and examines objects, except calls.
#include "kernel/cil/front/verify_internal.h"
#include "kernel/lib/string.h"

/* ---- Fields ---- */

/* ldfld, ldflda and stfld work on an object, on an address of a value, and ldfld on a value; each
 * may also name a static field, and then the object is popped and means nothing (III.4.10).
 * Addresses have the type of the value exactly: a struct at another type's address could read a
 * number as a reference. For objects a subtype is enough, because an object has the fields of its
 * parents at the same offsets (layout.c). */

static bool resolve(struct verifier *v, const struct cil_instruction *i, struct cil_member_field *f)
{
    if (!cil_resolve_field(v->a, (uint32_t)i->value, f) || !cil_verify_arguments(v, f->owner) ||
        !cil_verify_names_field(v, (uint32_t)i->value, f)) {
        return false;
    }
    return (f->field->flags & CIL_FIELD_LITERAL) == 0 ||
           cil_verify_invalid(v, "the field %s is a constant", f->field->name);
}

/* Does the object, value or address on the stack have the field? */
static bool check_owner(struct verifier *v, const struct entry *e, const struct cil_member_field *f,
                        bool may_be_value)
{
    switch (e->kind) {
    case ENTRY_REF:
        if (f->owner->c->is_value_type) {
            return cil_verify_reject(v, "field %s of a boxed value", f->field->name);
        }
        /* A constructor may set its own fields before it calls the base constructor. */
        if ((e->flags & ENTRY_UNINIT) != 0 && f->owner != v->c->self) {
            return cil_verify_reject(v, "the object is used before its base constructor has run");
        }
        if (e->type != NULL && !cil_verify_is_subtype(v, e->type, f->owner)) {
            return cil_verify_reject(v, "the object has no field %s", f->field->name);
        }
        return cil_verify_may_use(v, f->owner, f->field->flags, f->field->name, e->type);
    case ENTRY_BYREF:
        return e->type == f->owner ||
               cil_verify_reject(v, "the value has no field %s", f->field->name);
    case ENTRY_VALUE:
        return may_be_value && e->type == f->owner
                   ? true
                   : cil_verify_invalid(v, "the value has no field %s", f->field->name);
    case ENTRY_PTR:
    case ENTRY_I:
        return cil_verify_reject(v, "access through an unmanaged pointer");
    default:
        return cil_verify_invalid(v, "%s in place of what has the field %s",
                                  cil_verify_entry_name(e), f->field->name);
    }
}

static bool is_static(const struct cil_member_field *f)
{
    return (f->field->flags & CIL_FIELD_STATIC) != 0;
}

static bool load_field(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_member_field f;
    struct entry e;
    (void)arg;
    return resolve(v, i, &f) && cil_verify_pop(v, &e) &&
           (is_static(&f) || check_owner(v, &e, &f, true)) && cil_verify_push_loaded(v, f.type, &e);
}

/* The address of a part of a value leads where that of the value leads, so ENTRY_LOCAL and
 * ENTRY_OWN are kept, and ENTRY_READONLY: otherwise a store to a field would change a value that
 * may only be read. The field of an object is in the heap, and its address has no flag. ENTRY_THIS
 * is not kept: the part is not the object. */
static bool load_field_address(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_member_field f;
    struct entry e;
    (void)arg;
    if (!resolve(v, i, &f) || !cil_verify_pop(v, &e) ||
        !(is_static(&f) || check_owner(v, &e, &f, false))) {
        return false;
    }
    if (e.kind == ENTRY_PTR || e.kind == ENTRY_I) {
        return cil_verify_push_kind(v, ENTRY_PTR);
    }
    uint8_t kept = ENTRY_READONLY | ENTRY_LOCAL | ENTRY_OWN;
    uint8_t flags = e.kind == ENTRY_BYREF && !is_static(&f) ? e.flags & kept : 0;
    return cil_verify_push(v, (struct entry){.kind = ENTRY_BYREF, .flags = flags, .type = f.type});
}

/* A field that only constructors may set (II.16.1.2). No safety depends on it: the compiler does
 * not treat such a field as a constant. Its address is not refused. */
static bool check_init_only(struct verifier *v, const struct cil_member_field *f)
{
    bool is_constructor = f->field->owner == v->c && (strcmp(v->method->name, ".ctor") == 0 ||
                                                      strcmp(v->method->name, ".cctor") == 0);
    return (f->field->flags & CIL_FIELD_INIT_ONLY) == 0 || is_constructor ||
           cil_verify_reject(v, "the field %s is set outside of a constructor", f->field->name);
}

/* The value is examined before it is popped, for cil_verify_store_through(): a ref struct that
 * holds an address of this frame may be stored only into a variable of this frame. */
static bool store_field(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_member_field f;
    struct entry e, value = cil_verify_top(v);
    (void)arg;
    return resolve(v, i, &f) && cil_verify_pop_type(v, f.type) && cil_verify_pop(v, &e) &&
           (is_static(&f) || check_owner(v, &e, &f, false)) && check_init_only(v, &f) &&
           cil_verify_store_through(v, &e, &value);
}

static bool resolve_static(struct verifier *v, const struct cil_instruction *i,
                           struct cil_member_field *f)
{
    return resolve(v, i, f) &&
           (is_static(f) || cil_verify_invalid(v, "the field %s is not static", f->field->name));
}

static bool load_static(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_member_field f;
    (void)arg;
    return resolve_static(v, i, &f) && cil_verify_push_type(v, f.type);
}

static bool load_static_address(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_member_field f;
    (void)arg;
    return resolve_static(v, i, &f) &&
           cil_verify_push(v, (struct entry){.kind = ENTRY_BYREF, .type = f.type});
}

static bool store_static(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_member_field f;
    (void)arg;
    return resolve_static(v, i, &f) && cil_verify_pop_type(v, f.type) && check_init_only(v, &f);
}

/* ---- Boxes and casts ---- */

/* A box has the type of its value, so an ENTRY_REF of a value type is a boxed one. unbox and casts
 * are compared when the code runs: the verifier relies on the byte of unit_cast() in the
 * description of the object's type. So each of these results has the type of the instruction,
 * whatever was on the stack. castclass and isinst to a value type give a box of it; a nullable type
 * is boxed as the value in it, or as null (III.4.1, cil_verify_boxed()). */

static bool box(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *t = cil_verify_type(v, i);
    (void)arg;
    if (t == NULL || !cil_verify_pop_type(v, t)) {
        return false;
    }
    if (t->kind == CIL_BYREF || t->kind == CIL_PTR || cil_is_byref_like(t)) {
        return cil_verify_invalid(v, "a pointer or a ref struct cannot be boxed");
    }
    return cil_verify_push_ref(v, cil_verify_boxed(t));
}

static bool unbox(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    struct cil_type *t = cil_verify_type(v, i);
    (void)arg;
    if (t == NULL || !cil_verify_pop_ref(v, &e)) {
        return false;
    }
    if (cil_is_reference(t)) {
        return cil_verify_invalid(v, "unbox of a type whose values are objects");
    }
    return cil_verify_push(v, (struct entry){.kind = ENTRY_BYREF, .type = t});
}

static bool unbox_any(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    struct cil_type *t = cil_verify_type(v, i);
    (void)arg;
    return t != NULL && cil_verify_pop_ref(v, &e) && cil_verify_push_type(v, t);
}

static bool cast(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    struct cil_type *t = cil_verify_type(v, i);
    (void)arg;
    return t != NULL && cil_verify_pop_ref(v, &e) && cil_verify_push_ref(v, cil_verify_boxed(t));
}

static bool load_string(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_bytes text;
    uint32_t token = (uint32_t)i->value;
    (void)arg;
    if (CIL_TOKEN_TABLE(token) != CIL_USER_STRINGS ||
        !cil_user_string(&v->a->image, CIL_TOKEN_ROW(token), &text)) {
        return cil_verify_invalid(v, "no string has the token 0x%08x", token);
    }
    return cil_verify_push_ref(v, cil_primitive(v->d, CIL_STRING));
}

/* A handle is a number for the program (unit_type_handle()), so no access is checked for members:
 * nothing can be called or read with it. A type must still be accessible, and its arguments must
 * meet their constraints, because its description may be made. A MemberRef is a field or a method
 * by the first byte of its signature (II.23.2). */
static bool load_token(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    uint32_t token = (uint32_t)i->value;
    struct cil_member_field f;
    const char *name = "RuntimeTypeHandle";
    bool is_ok;
    (void)arg;
    switch (CIL_TOKEN_TABLE(token)) {
    case CIL_TYPE_DEF:
    case CIL_TYPE_REF:
    case CIL_TYPE_SPEC: {
        struct cil_type *named = cil_resolve_type(v->a, token);
        is_ok = named != NULL && cil_verify_arguments(v, named) && cil_verify_names_type(v, named);
        break;
    }
    case CIL_FIELD:
        name = "RuntimeFieldHandle";
        is_ok = cil_resolve_field(v->a, token, &f);
        break;
    case CIL_METHOD_DEF:
    case CIL_METHOD_SPEC:
        name = "RuntimeMethodHandle";
        is_ok = cil_resolve_method(v->a, token) != NULL;
        break;
    case CIL_MEMBER_REF: {
        struct cil_bytes s = {.len = 0};
        if (cil_token_exists(&v->a->image, token)) {
            s = cil_cell_blob(&v->a->image, CIL_MEMBER_REF, CIL_TOKEN_ROW(token),
                              CIL_MEMBER_REF_SIGNATURE);
        }
        bool is_field = s.len != 0 && s.at[0] == CIL_CONVENTION_FIELD;
        name = is_field ? "RuntimeFieldHandle" : "RuntimeMethodHandle";
        is_ok =
            is_field ? cil_resolve_field(v->a, token, &f) : cil_resolve_method(v->a, token) != NULL;
        break;
    }
    default:
        return cil_verify_invalid(v, "the token 0x%08x has no handle", token);
    }
    struct cil_type *t = is_ok ? cil_verify_core_type(v, name) : NULL;
    return t != NULL && cil_verify_push_type(v, t);
}

/* ---- Arrays ---- */

/* An index is 32 bits or a native integer, and the code compares it with the length. Null as an
 * array has no type of elements: `element` is NULL then, each rule accepts it, and the code traps.
 * Arrays of references are covariant (I.8.7.1), which makes reading safe, and writing not: stelem
 * of an object compares its type with that of the elements at run time (CIL_TYPE_ELEMENT), so here
 * any object may be stored in any array of objects. Arrays of numbers may differ in sign, not in
 * size. */

static bool new_array(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *t = cil_verify_type(v, i);
    (void)arg;
    if (t == NULL || !cil_verify_pop_integer(v)) {
        return false;
    }
    if (t->kind == CIL_BYREF || t->kind == CIL_TYPEDBYREF) {
        return cil_verify_invalid(v, "an array of managed pointers");
    }
    return cil_verify_push_ref(v, cil_type_of(v->d, CIL_SZARRAY, t));
}

/* @param out The type of the elements; NULL: the array is null. */
static bool pop_array(struct verifier *v, struct cil_type **out)
{
    struct entry e;
    if (!cil_verify_pop_ref(v, &e)) {
        return false;
    }
    *out = e.type == NULL ? NULL : e.type->element;
    return e.type == NULL || e.type->kind == CIL_SZARRAY ||
           cil_verify_invalid(v, "the object is no array of one dimension");
}

static bool length(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *element;
    (void)i, (void)arg;
    return pop_array(v, &element) && cil_verify_push_kind(v, ENTRY_I);
}

static bool check_element(struct verifier *v, struct cil_type *element, struct cil_type *t)
{
    return element == NULL || cil_same_reduced(v->d, element, t) ||
           (cil_is_reference(element) && cil_is_reference(t) &&
            cil_verify_is_subtype(v, element, t)) ||
           cil_verify_reject(v, "the array has elements of another type");
}

static bool load_element_of(struct verifier *v, struct cil_type *t)
{
    struct cil_type *element;
    return t != NULL && cil_verify_pop_integer(v) && pop_array(v, &element) &&
           check_element(v, element, t) && cil_verify_push_type(v, t);
}

/* The type of an object that is stored in an array is checked when the code runs. */
static bool store_element_of(struct verifier *v, struct cil_type *t)
{
    struct cil_type *element;
    if (t == NULL || !cil_verify_pop_type(v, t) || !cil_verify_pop_integer(v) ||
        !pop_array(v, &element)) {
        return false;
    }
    bool is_checked = element != NULL && cil_is_reference(element) && cil_is_reference(t);
    return element == NULL || is_checked || cil_same_reduced(v->d, element, t) ||
           cil_verify_reject(v, "the array has elements of another type");
}

static bool load_element(struct verifier *v, const struct cil_instruction *i, unsigned kind)
{
    (void)i;
    return load_element_of(v, cil_primitive(v->d, kind));
}

static bool store_element(struct verifier *v, const struct cil_instruction *i, unsigned kind)
{
    (void)i;
    return store_element_of(v, cil_primitive(v->d, kind));
}

static bool load_element_type(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)arg;
    return load_element_of(v, cil_verify_type(v, i));
}

static bool store_element_type(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)arg;
    return store_element_of(v, cil_verify_type(v, i));
}

static bool load_element_ref(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *element;
    (void)i, (void)arg;
    if (!cil_verify_pop_integer(v) || !pop_array(v, &element)) {
        return false;
    }
    if (element != NULL && !cil_is_reference(element)) {
        return cil_verify_invalid(v, "the array has no elements that are objects");
    }
    return cil_verify_push(v, (struct entry){.kind = ENTRY_REF, .type = element});
}

static bool store_element_ref(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *element;
    struct entry e;
    (void)i, (void)arg;
    if (!cil_verify_pop_ref(v, &e) || !cil_verify_pop_integer(v) || !pop_array(v, &element)) {
        return false;
    }
    return element == NULL || cil_is_reference(element) ||
           cil_verify_invalid(v, "the array has no elements that are objects");
}

/* Its elements may be of a derived type, so that storing through the address would need a check at
 * run time (III.4.9). With readonly. the address is for reading, and then a derived type does no
 * harm. The address leads into the heap, so it has no ENTRY_LOCAL. */
static bool load_element_address(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *element, *t = cil_verify_type(v, i);
    (void)arg;
    if (t == NULL || !cil_verify_pop_integer(v) || !pop_array(v, &element)) {
        return false;
    }
    bool is_ok = element == NULL || element == t || cil_same_reduced(v->d, element, t) ||
                 (v->is_readonly && cil_is_reference(element) && cil_is_reference(t) &&
                  cil_verify_is_subtype(v, element, t));
    uint8_t flags = v->is_readonly ? ENTRY_READONLY : 0;
    return (is_ok || cil_verify_reject(v, "the array has elements of another type")) &&
           cil_verify_push(v, (struct entry){.kind = ENTRY_BYREF, .flags = flags, .type = t});
}

/* ---- Typed references ---- */

/* A typed reference is an address with its type (I.8.2.1.1), and follows the rules of ref structs:
 * ENTRY_LOCAL of the address goes over to the value. refanyval gives ENTRY_LOCAL always, since the
 * value may come from a variable whose flag is not known here any longer. A typed reference to a
 * ref struct is refused: it would hide that it leads to addresses from verify_escape.c. The
 * compiler refuses these instructions so far, so that they are verified only. */

static bool make_typed(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    struct cil_type *t = cil_verify_type(v, i);
    (void)arg;
    if (t == NULL || !cil_verify_pop_address(v, t, true, &e)) {
        return false;
    }
    if (cil_is_byref_like(t)) {
        return cil_verify_invalid(v, "a typed reference to a ref struct");
    }
    uint8_t flags = e.kind == ENTRY_BYREF ? e.flags & ENTRY_LOCAL : 0;
    struct cil_type *typed = cil_primitive(v->d, CIL_TYPEDBYREF);
    return typed != NULL &&
           cil_verify_push(v, (struct entry){.kind = ENTRY_VALUE, .flags = flags, .type = typed});
}

static bool typed_value(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *t = cil_verify_type(v, i), *typed = cil_primitive(v->d, CIL_TYPEDBYREF);
    (void)arg;
    return t != NULL && typed != NULL && cil_verify_pop_type(v, typed) &&
           cil_verify_push(v, (struct entry){.kind = ENTRY_BYREF, .flags = ENTRY_LOCAL, .type = t});
}

static bool typed_type(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *typed = cil_primitive(v->d, CIL_TYPEDBYREF);
    (void)i, (void)arg;
    if (typed == NULL || !cil_verify_pop_type(v, typed)) {
        return false;
    }
    struct cil_type *handle = cil_verify_core_type(v, "RuntimeTypeHandle");
    return handle != NULL && cil_verify_push_type(v, handle);
}

#define RULE(name, ...) [CIL_OP_##name] = {__VA_ARGS__}

const struct cil_verify_rule cil_verify_objects[CIL_OPCODES] = {
    RULE(LDFLD, load_field, 0),
    RULE(LDFLDA, load_field_address, 0),
    RULE(STFLD, store_field, 0),
    RULE(LDSFLD, load_static, 0),
    RULE(LDSFLDA, load_static_address, 0),
    RULE(STSFLD, store_static, 0),
    RULE(BOX, box, 0),
    RULE(UNBOX, unbox, 0),
    RULE(UNBOX_ANY, unbox_any, 0),
    RULE(CASTCLASS, cast, 0),
    RULE(ISINST, cast, 0),
    RULE(LDSTR, load_string, 0),
    RULE(LDTOKEN, load_token, 0),
    RULE(NEWARR, new_array, 0),
    RULE(LDLEN, length, 0),
    RULE(LDELEMA, load_element_address, 0),
    RULE(LDELEM_I1, load_element, CIL_I1),
    RULE(LDELEM_U1, load_element, CIL_U1),
    RULE(LDELEM_I2, load_element, CIL_I2),
    RULE(LDELEM_U2, load_element, CIL_U2),
    RULE(LDELEM_I4, load_element, CIL_I4),
    RULE(LDELEM_U4, load_element, CIL_U4),
    RULE(LDELEM_I8, load_element, CIL_I8),
    RULE(LDELEM_I, load_element, CIL_I),
    RULE(LDELEM_R4, load_element, CIL_R4),
    RULE(LDELEM_R8, load_element, CIL_R8),
    RULE(LDELEM_REF, load_element_ref, 0),
    RULE(LDELEM, load_element_type, 0),
    RULE(STELEM_I1, store_element, CIL_I1),
    RULE(STELEM_I2, store_element, CIL_I2),
    RULE(STELEM_I4, store_element, CIL_I4),
    RULE(STELEM_I8, store_element, CIL_I8),
    RULE(STELEM_I, store_element, CIL_I),
    RULE(STELEM_R4, store_element, CIL_R4),
    RULE(STELEM_R8, store_element, CIL_R8),
    RULE(STELEM_REF, store_element_ref, 0),
    RULE(STELEM, store_element_type, 0),
    RULE(MKREFANY, make_typed, 0),
    RULE(REFANYVAL, typed_value, 0),
    RULE(REFANYTYPE, typed_type, 0),
};
