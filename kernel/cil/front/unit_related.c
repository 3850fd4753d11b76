// SPDX-License-Identifier: MIT
//
// Types and methods that a program reaches only at run time, through objects of System.Type. A
// program is translated as a whole, so they have to be part of it before it starts.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

#define INSTANCES_MAX 256u  /* of definitions that MakeGenericType may be called of */
#define ARGUMENTS_MAX 4u    /* of such a definition */
#define MATRICES_MAX  3u    /* dimensions of arrays that CreateInstance may make of each type */
#define ACCESS_MASK   0x07u /* of a method's flags (II.23.1.10) */
#define ACCESS_PUBLIC 0x06u

/* Which native method of the core library brings in which types. A program that does not call it
 * has none of them. */
static const struct {
    const char *name;
    unsigned need;
} needs[] = {
    {"System.Array::ElementAt", CIL_NEEDS_BOXES},
    {"System.Array::StoreAt", CIL_NEEDS_BOXES},
    {"System.Array::Make", CIL_NEEDS_ARRAYS},
    {"System.Array::MakeMatrix", CIL_NEEDS_MATRICES},
    {"System.Enum::MakeArray", CIL_NEEDS_ENUM_ARRAYS},
    {"System.RuntimeType::RelativeOf", CIL_NEEDS_RELATIVES},
    {"System.RuntimeType::Accepts", CIL_NEEDS_CASTS},
    {"System.RuntimeType::InstanceOf", CIL_NEEDS_INSTANCES},
    {"System.Activator::ConstructorOf", CIL_NEEDS_CONSTRUCTORS},
    {"System.RuntimeType::MemberAt", CIL_NEEDS_MEMBERS},
    {"System.Reflection.Members::EntryOf", CIL_NEEDS_CALLS},
    {"System.Reflection.Members::InstanceOf", CIL_NEEDS_METHOD_INSTANCES},
    {"System.Delegate::EntryFor", CIL_NEEDS_DELEGATES | CIL_NEEDS_CALLS | CIL_NEEDS_MEMBERS},
    {"System.Diagnostics.StackFrame::MemberOf", CIL_NEEDS_FRAMES},
    {"System.RuntimeType::AttributeAt", CIL_NEEDS_ATTRIBUTES | CIL_NEEDS_MEMBERS},
};

void unit_note_need(struct cil_unit *u, const char *native)
{
    static const char traces[] = "System.Diagnostics.StackTrace::";
    u->has_traces |= strncmp(native, traces, sizeof traces - 1) == 0;
    for (unsigned n = 0; n < ARRAY_COUNT(needs); n++) {
        if (strcmp(native, needs[n].name) == 0) {
            u->needs |= needs[n].need;
            u->has_bounds |= needs[n].need == CIL_NEEDS_MATRICES;
        }
    }
}

/* Whether a value of the type can be in an array, or for a parameter of a generic type. */
static bool is_value_type(const struct cil_type *t)
{
    bool has_values = t->kind != CIL_VOID && t->kind != CIL_PTR && t->kind != CIL_BYREF &&
                      t->kind != CIL_FNPTR && t->kind != CIL_TYPEDBYREF;
    return has_values && !t->is_open && !cil_is_definition(t) && !cil_is_byref_like(t);
}

bool unit_default_constructor(struct cil_unit *u, struct cil_type *t, struct cil_callee *out)
{
    if (t->c == NULL || t->c->is_interface || (t->c->flags & CIL_TYPE_ABSTRACT) != 0 ||
        t->c->is_delegate || !is_value_type(t)) {
        return false;
    }
    const struct cil_image *m = &t->c->assembly->image;
    struct cil_run run = cil_cell_run(m, CIL_TYPE_DEF, t->c->row, CIL_TYPE_DEF_METHODS);
    for (uint32_t at = run.first; at < run.end && u->d->status == OK; at++) {
        uint32_t row = cil_run_row(m, CIL_METHOD_DEF, at);
        if (strcmp(cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME), ".ctor") != 0) {
            continue;
        }
        const struct cil_callee *c =
            cil_resolve_method(t->c->assembly, CIL_TOKEN(CIL_METHOD_DEF, row));
        if (c != NULL && (c->flags & ACCESS_MASK) == ACCESS_PUBLIC &&
            c->signature->param_count == 0) {
            *out = *c;
            out->owner = t;
            return true;
        }
    }
    return false;
}

/* The first slot of that name is the one of System.Object: those of base classes come first. */
bool unit_has_finalizer(struct cil_unit *u, struct cil_type *t)
{
    const struct cil_vtable *v = cil_vtable_make(u->d, t);
    for (uint32_t n = 0; v != NULL && n < v->count; n++) {
        if (strcmp(v->slots[n].name, "Finalize") == 0 && v->slots[n].sig->param_count == 0) {
            return v->slots[n].method.owner != cil_primitive(u->d, CIL_OBJECT);
        }
    }
    return false;
}

/* ---- Each rule for one type ---- */

/* All of them add to the list of types, which moves then: so they get a number. */
static struct cil_type *type_at(const struct cil_unit *u, uint32_t n)
{
    return u->runtime_types[n].type;
}

static uint32_t number_of(struct cil_unit *u, struct cil_type *t)
{
    const struct cil_unit_type *k = unit_type(u, t);
    return k == NULL ? IR_NONE : (uint32_t)(k - u->runtime_types);
}

/* Elements of arrays as objects: those of Nullable<T> are boxed as T. */
static bool relate_box(struct cil_unit *u, uint32_t n)
{
    struct cil_type *t = type_at(u, n);
    if ((t->kind != CIL_SZARRAY && t->kind != CIL_ARRAY) || u->runtime_types[n].at == 0) {
        return true;
    }
    struct cil_type *e = cil_plain(t->element);
    e = build_is_nullable(e) ? cil_plain(e->args[0]) : e;
    if (cil_is_reference(e) || !is_value_type(e)) {
        return true;
    }
    uint32_t box = unit_made_type(u, e) == 0 ? IR_NONE : number_of(u, e);
    if (box != IR_NONE) {
        u->runtime_types[n].box = box + 1;
    }
    return box != IR_NONE;
}

/* An array that is made by this rule gets no array of arrays: that would have no end. */
static bool relate_array(struct cil_unit *u, uint32_t n, bool is_for_enums)
{
    struct cil_type *t = type_at(u, n);
    if (u->runtime_types[n].is_derived || !is_value_type(t) ||
        (is_for_enums && (t->c == NULL || !t->c->is_enum))) {
        return true;
    }
    uint32_t count = u->runtime_type_count;
    struct cil_type *array = cil_type_of(u->d, CIL_SZARRAY, t);
    uint32_t number =
        array == NULL || unit_made_type(u, array) == 0 ? IR_NONE : number_of(u, array);
    if (number == IR_NONE) {
        return false;
    }
    u->runtime_types[number].is_derived |= number >= count;
    u->runtime_types[n].array = number + 1;
    return true;
}

/* Array.CreateInstance may make these of each type that the program names. Those with one dimension
 * have a lower bound. Others exist if the program names them. */
static bool relate_matrices(struct cil_unit *u, uint32_t n)
{
    struct cil_type *t = type_at(u, n);
    bool is_ok = true;
    if (!u->runtime_types[n].is_named || !is_value_type(t)) {
        return true;
    }
    for (uint32_t rank = 1; is_ok && rank <= MATRICES_MAX; rank++) {
        struct cil_type *array = cil_type_array(u->d, t, rank);
        is_ok = array != NULL && unit_made_type(u, array) != 0;
    }
    return is_ok;
}

static bool relate_object(struct cil_unit *u, struct cil_type *t)
{
    return t == NULL || unit_type_object(u, t) != 0;
}

static struct cil_type *parent_of(struct cil_unit *u, struct cil_type *t)
{
    if (t->kind == CIL_SZARRAY || t->kind == CIL_ARRAY) {
        struct cil_class *array = unit_core_class(u, "Array");
        return array == NULL ? NULL : array->type;
    }
    return t->c == NULL || cil_is_definition(t) ? NULL : cil_type_parent(u->d, t);
}

static bool relate_relatives(struct cil_unit *u, uint32_t n)
{
    struct cil_type *t = type_at(u, n), *parent = parent_of(u, t);
    struct cil_class *around = t->c == NULL ? NULL : t->c->enclosing;
    bool is_ok = u->d->status == OK && relate_object(u, parent) && relate_object(u, t->element) &&
                 (around == NULL || relate_object(u, around->type)) &&
                 (t->kind != CIL_GENERICINST || relate_object(u, t->c->type));
    for (uint32_t k = 0; is_ok && t->kind == CIL_GENERICINST && k < t->number; k++) {
        is_ok = relate_object(u, cil_plain(t->args[k]));
    }
    if (is_ok && parent != NULL) {
        u->runtime_types[n].base = unit_type_object(u, parent);
    }
    return is_ok;
}

/* A value type without a constructor is all zero. */
static bool relate_constructor(struct cil_unit *u, uint32_t n)
{
    struct cil_callee c;
    struct cil_type *t = type_at(u, n);
    bool is_value = !cil_is_reference(t), has = unit_default_constructor(u, t, &c);
    if (u->d->status != OK || !is_value_type(t) || (!has && !is_value)) {
        return u->d->status == OK;
    }
    uint32_t number = has ? unit_method(u, &c, is_value ? CIL_UNIT_UNBOX : CIL_UNIT_METHOD) : 0;
    if (unit_made_type(u, t) == 0 || number == IR_NONE) {
        return false;
    }
    u->runtime_types[n].constructor = has ? number + 1 : UINT32_MAX;
    u->runtime_types[n].has_finalizer = !is_value && unit_has_finalizer(u, t);
    return u->d->status == OK;
}

/* ---- Instances of definitions ---- */

/* A parameter with a constraint is left out: then MakeGenericType throws. */
static bool has_constraints(const struct cil_class *c)
{
    const unsigned variance = 0x03; /* II.23.1.7 */
    const struct cil_image *m = &c->assembly->image;
    struct cil_run run = cil_find_rows(
        m, CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER,
        cil_coded(CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER, CIL_TOKEN(CIL_TYPE_DEF, c->row)));
    bool has = false;
    for (uint32_t row = run.first; row < run.end; row++) {
        struct cil_run bounds =
            cil_find_rows(m, CIL_GENERIC_PARAM_CONSTRAINT, CIL_GENERIC_PARAM_CONSTRAINT_OWNER, row);
        has |= bounds.first < bounds.end ||
               (cil_cell(m, CIL_GENERIC_PARAM, row, CIL_GENERIC_PARAM_FLAGS) & ~variance) != 0;
    }
    return has;
}

static bool is_argument(const struct cil_unit_type *k)
{
    return k->is_named && k->object != 0 && is_value_type(k->type);
}

/* The next list of arguments, as an odometer counts: each place goes through the types that the
 * program names. `before`: how many of them there are. */
static bool next_arguments(const struct cil_unit *u, uint32_t before, uint32_t *at, uint32_t count)
{
    for (uint32_t place = 0; place < count; place++) {
        do {
            at[place]++;
        } while (at[place] < before && !is_argument(&u->runtime_types[at[place]]));
        if (at[place] < before) {
            return true;
        }
        at[place] = 0;
        while (at[place] < before && !is_argument(&u->runtime_types[at[place]])) {
            at[place]++;
        }
    }
    return false;
}

/* With all types that the program names in typeof, in each place. It cannot be known which of them
 * the program will ask for. */
static bool relate_instances(struct cil_unit *u, uint32_t n)
{
    struct cil_class *c = type_at(u, n)->c;
    struct cil_type *args[ARGUMENTS_MAX];
    uint32_t at[ARGUMENTS_MAX] = {0}, before = u->runtime_type_count, first = 0;
    bool is_shown = u->runtime_types[n].is_shown;
    while (first < before && !is_argument(&u->runtime_types[first])) {
        first++;
    }
    if (c->generic_count > ARGUMENTS_MAX || first == before || has_constraints(c)) {
        return true;
    }
    for (uint32_t k = 0; k < c->generic_count; k++) {
        at[k] = first;
    }
    do {
        for (uint32_t k = 0; k < c->generic_count; k++) {
            args[k] = type_at(u, at[k]);
        }
        uint32_t count = u->runtime_type_count;
        struct cil_type *t = cil_type_instance(u->d, c, args);
        if (t == NULL || unit_type_object(u, t) == 0) {
            return false;
        }
        u->instance_count += u->runtime_type_count > count ? 1 : 0;
        unit_type(u, t)->is_shown |= is_shown;
    } while (u->instance_count < INSTANCES_MAX && next_arguments(u, before, at, c->generic_count));
    return true;
}

/* ---- All of them ---- */

static bool relate(struct cil_unit *u, uint32_t n, unsigned need)
{
    switch (need) {
    case CIL_NEEDS_BOXES:
        return relate_box(u, n);
    case CIL_NEEDS_ARRAYS:
        return relate_array(u, n, false);
    case CIL_NEEDS_MATRICES:
        return relate_matrices(u, n);
    case CIL_NEEDS_ENUM_ARRAYS:
        return relate_array(u, n, true);
    case CIL_NEEDS_RELATIVES:
        return relate_relatives(u, n);
    case CIL_NEEDS_CASTS:
        return unit_cast(u, type_at(u, n), false) != IR_NONE;
    case CIL_NEEDS_CONSTRUCTORS:
        return relate_constructor(u, n);
    default:
        return true;
    }
}

/* Each type once for each rule, unless it is made of more types later: the types that a program
 * names are. With has_types every type that objects are of has an object, which `typeof` need not
 * name. */
bool unit_relate(struct cil_unit *u)
{
    for (uint32_t n = 0; u->needs != 0 && n < u->runtime_type_count; n++) {
        if (u->has_types && u->runtime_types[n].at != 0 &&
            unit_type_object(u, type_at(u, n)) == 0) {
            return false;
        }
        bool is_boxed = u->runtime_types[n].at != 0;
        unsigned left = u->needs & ~u->runtime_types[n].related;
        if (u->runtime_types[n].object == 0) {
            left &= is_boxed ? CIL_NEEDS_BOXES : 0;
        } else if (!is_boxed) {
            left &= ~CIL_NEEDS_BOXES;
        }
        u->runtime_types[n].related |= (uint16_t)left;
        for (unsigned need = 1; need <= left; need <<= 1) {
            if ((left & need) != 0 && !relate(u, n, need)) {
                return false;
            }
        }
    }
    for (uint32_t n = 0; (u->needs & CIL_NEEDS_INSTANCES) != 0 && n < u->runtime_type_count; n++) {
        if (u->runtime_types[n].object != 0 && cil_is_definition(type_at(u, n)) &&
            !relate_instances(u, n)) {
            return false;
        }
    }
    return u->d->status == OK && unit_relate_members(u);
}
