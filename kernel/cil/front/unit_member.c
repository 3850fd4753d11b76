// SPDX-License-Identifier: MIT
//
// Methods and constructors as objects. A program is translated as a whole, so every method that it
// may call through such an object has to be part of it before it starts.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

/* Instances of methods that MakeGenericMethod may be called of: for lists of types, and for single
 * types that the program names anywhere. */
#define LISTED_MAX 1024u
#define NAMED_MAX  256u
#define PARAMS_MAX 64u /* of a method that is called with an array */

/* ---- The list ---- */

static uint32_t hash_member(const struct cil_callee *c)
{
    uint32_t h = unit_hash(c->row, (uintptr_t)c->owner);
    for (uint32_t n = 0; n < c->arg_count; n++) {
        h = unit_hash(h, (uintptr_t)c->args[n]);
    }
    return h;
}

static bool is_member(const struct cil_callee *m, const struct cil_callee *c)
{
    bool is_same =
        m->a == c->a && m->row == c->row && m->owner == c->owner && m->arg_count == c->arg_count;
    for (uint32_t n = 0; is_same && n < c->arg_count; n++) {
        is_same = m->args[n] == c->args[n];
    }
    return is_same;
}

/* Each method is one object, so a number in the list can stand for it. The types in its signature
 * are objects, too, except those with type parameters. */
static uint32_t find_member(const struct cil_unit *u, const struct cil_callee *c)
{
    uint32_t n = unit_index_first(&u->member_index, hash_member(c));
    while (n != IR_NONE && !is_member(&u->members[n].c, c)) {
        n = unit_index_next(&u->member_index, n);
    }
    return n;
}

uint32_t unit_member(struct cil_unit *u, const struct cil_callee *c)
{
    uint32_t n = find_member(u, c);
    if (n != IR_NONE) {
        return n;
    }
    const struct cil_signature *s = unit_signature(u, c);
    struct cil_unit_member *all =
        s == NULL ? NULL
                  : unit_grow(u, u->members, &u->member_capacity, u->member_count + 1, sizeof *all);
    if (all == NULL || !unit_index_add(u, &u->member_index, hash_member(c), u->member_count)) {
        return IR_NONE;
    }
    u->members = all;
    n = u->member_count++;
    all[n] = (struct cil_unit_member){.c = *c};
    all[n].c.signature = s;
    for (uint32_t p = 0; p <= s->param_count; p++) {
        struct cil_type *t = cil_plain(p < s->param_count ? s->params[p] : s->result);
        if (!t->is_open && unit_type_object(u, t) == 0) {
            return IR_NONE;
        }
    }
    return unit_type_object(u, c->owner) == 0 ? IR_NONE : n;
}

/* ---- The members of a type ---- */

/* Types that the program names, and those of its own assemblies and delegates of which it makes
 * objects, because GetType leads to them. Others have no members here: their number would have no
 * end. */
static bool is_shown(const struct cil_unit *u, const struct cil_unit_type *k)
{
    const struct cil_class *c = k->type->c;
    return k->object != 0 && c != NULL &&
           (k->is_shown || k->is_listed ||
            (k->at != 0 && (c->assembly != u->d->core || c->is_delegate)));
}

static bool show_parent(struct cil_unit *u, struct cil_type *t)
{
    struct cil_type *parent = cil_is_definition(t) ? NULL : cil_type_parent(u->d, t);
    if (parent == NULL) {
        return u->d->status == OK;
    }
    if (unit_type_object(u, parent) == 0) {
        return false;
    }
    bool is_base = unit_type(u, t)->is_shown || unit_type(u, t)->is_base;
    struct cil_unit_type *k = unit_type(u, parent);
    k->is_listed = true;
    k->is_base |= is_base;
    return true;
}

/* In the order of the file. */
static bool list_members(struct cil_unit *u, uint32_t n)
{
    struct cil_type *t = u->runtime_types[n].type;
    const struct cil_image *m = &t->c->assembly->image;
    struct cil_run run = cil_cell_run(m, CIL_TYPE_DEF, t->c->row, CIL_TYPE_DEF_METHODS);
    uint32_t count = run.end - run.first, *members = cil_alloc(u->d, count + 1, sizeof *members);
    for (uint32_t at = 0; members != NULL && at < count; at++) {
        uint32_t row = cil_run_row(m, CIL_METHOD_DEF, run.first + at);
        const struct cil_callee *open =
            cil_resolve_method(t->c->assembly, CIL_TOKEN(CIL_METHOD_DEF, row));
        if (open == NULL) {
            return false;
        }
        struct cil_callee c = *open;
        c.owner = t;
        members[at] = unit_member(u, &c);
        if (members[at] == IR_NONE) {
            return false;
        }
    }
    u->runtime_types[n].members = members;
    u->runtime_types[n].member_count = count;
    return members != NULL && show_parent(u, t);
}

/* ---- What calls them ---- */

static bool is_constructor(const struct cil_callee *c)
{
    return strcmp(c->name, ".ctor") == 0;
}

/* Whether a value can be in a box, or in a variable that is passed by reference. */
static bool can_pass(const struct cil_type *t)
{
    return t->kind != CIL_PTR && t->kind != CIL_BYREF && t->kind != CIL_FNPTR &&
           t->kind != CIL_TYPEDBYREF && !t->is_open && !cil_is_byref_like(t);
}

/* The program contains all methods of its own types that a typeof names, and all that such types
 * inherit. Abstract ones are among them, because a virtual call finds code for these. Of the core
 * library, and of types that only GetType leads to, it contains the methods whose names are
 * literals of the program. The program does not ask for most of the others, and they may need ever
 * larger types, or code that is not compiled. */
static bool is_named(struct cil_unit *u, const struct cil_callee *c)
{
    const unsigned inherited = CIL_METHOD_ACCESS & ~1u; /* not: private */
    const struct cil_unit_type *k = unit_type(u, c->owner);
    bool is_inherited = (c->flags & CIL_METHOD_STATIC) == 0 && (c->flags & inherited) != 0;
    return k != NULL && (k->is_shown || (k->is_base && is_inherited)) &&
           (c->a != u->d->core || is_constructor(c));
}

bool unit_can_adapt(const struct cil_signature *s)
{
    bool can = s->param_count <= PARAMS_MAX && can_pass(cil_plain(s->result)) &&
               (s->convention & CIL_CONVENTION_MASK) != CIL_CONVENTION_VARARG;
    for (uint32_t n = 0; can && n < s->param_count; n++) {
        struct cil_type *t = cil_plain(s->params[n]);
        can = can_pass(t->kind == CIL_BYREF ? cil_plain(t->element) : t);
    }
    return can;
}

static bool is_wanted(struct cil_unit *u, const struct cil_unit_member *m)
{
    const struct cil_callee *c = &m->c;
    bool can = c->signature->generic_count == c->arg_count && !c->owner->is_open &&
               !cil_is_definition(c->owner) && strcmp(c->name, ".cctor") != 0 &&
               !cil_is_byref_like(c->owner) && unit_can_adapt(c->signature);
    if (can && is_constructor(c)) {
        can = c->owner->kind != CIL_STRING && (c->owner->c->flags & CIL_TYPE_ABSTRACT) == 0;
    }
    return can && (is_named(u, c) || unit_has_literal(u, c->name));
}

static bool has_code(const struct cil_callee *c)
{
    return (c->impl_flags & (CIL_IMPL_INTERNAL_CALL | CIL_IMPL_CODE_MASK)) == 0 &&
           cil_has_body(c->a, c->row);
}

/* The code that a virtual call finds, as build_virtual_number() does. @return false: an error is
 * recorded. */
static bool enter_virtual(struct cil_unit *u, uint32_t n)
{
    struct cil_callee c = u->members[n].c;
    bool is_interface = c.owner->c->is_interface;
    struct cil_run run =
        cil_cell_run(&c.a->image, CIL_TYPE_DEF, c.owner->c->row, CIL_TYPE_DEF_METHODS);
    uint32_t slot = c.row - cil_run_row(&c.a->image, CIL_METHOD_DEF, run.first), number = 0;
    if (!is_interface) {
        const struct cil_vtable *v = cil_vtable_make(u->d, c.owner);
        slot = v == NULL ? UINT32_MAX : cil_vtable_slot(v, c.a, c.row);
    }
    if (slot == UINT32_MAX) {
        return u->d->status == OK;
    }
    uint8_t entry = is_interface ? CIL_ENTRY_INTERFACE : CIL_ENTRY_SLOT;
    if (c.arg_count != 0) {
        const struct cil_unit_generic use = {{c.owner, slot}, c.args, c.arg_count};
        entry = CIL_ENTRY_GENERIC;
        slot = unit_use_generic(u, &use);
    } else if (!unit_use(u, c.owner, slot)) {
        return false;
    } else if (is_interface) {
        number = unit_interface(u, c.owner);
    }
    u->members[n].entry = entry;
    u->members[n].number = number;
    u->members[n].at = slot;
    return slot != IR_NONE && number != IR_NONE;
}

static bool enter_direct(struct cil_unit *u, uint32_t n)
{
    struct cil_callee c = u->members[n].c;
    bool is_invoke = c.owner->c->is_delegate && strcmp(c.name, "Invoke") == 0;
    if (!is_invoke && !has_code(&c)) {
        return true;
    }
    unsigned kind = is_invoke                            ? CIL_UNIT_INVOKE
                    : (c.flags & CIL_METHOD_STATIC) != 0 ? CIL_UNIT_STATIC
                    : cil_is_reference(c.owner)          ? CIL_UNIT_METHOD
                                                         : CIL_UNIT_UNBOX;
    uint32_t number = unit_method(u, &c, kind);
    u->members[n].entry = CIL_ENTRY_DIRECT;
    u->members[n].number = number + 1;
    return number != IR_NONE;
}

/* An object that a constructor is called for is made first. */
static bool prepare_object(struct cil_unit *u, const struct cil_callee *c)
{
    if (!is_constructor(c)) {
        return true;
    }
    bool has_finalizer = cil_is_reference(c->owner) && unit_has_finalizer(u, c->owner);
    if (unit_made_type(u, c->owner) == 0) {
        return false;
    }
    unit_type(u, c->owner)->has_finalizer = has_finalizer;
    return u->d->status == OK;
}

/* Methods whose parameters and results have the same types share an adapter. It gets the number of
 * the one that it is to call. */
static bool has_types_of(const struct cil_signature *a, const struct cil_signature *b)
{
    bool is_same = a->param_count == b->param_count && cil_plain(a->result) == cil_plain(b->result);
    for (uint32_t n = 0; is_same && n < a->param_count; n++) {
        is_same = cil_plain(a->params[n]) == cil_plain(b->params[n]);
    }
    return is_same;
}

static uint32_t hash_types(const struct cil_signature *s)
{
    uint32_t h = unit_hash(s->param_count, (uintptr_t)cil_plain(s->result));
    for (uint32_t n = 0; n < s->param_count; n++) {
        h = unit_hash(h, (uintptr_t)cil_plain(s->params[n]));
    }
    return h;
}

uint32_t unit_adapter(struct cil_unit *u, const struct cil_callee *c)
{
    uint32_t hash = hash_types(c->signature), n = unit_index_first(&u->adapter_index, hash);
    for (; n != IR_NONE; n = unit_index_next(&u->adapter_index, n)) {
        u->adapter_steps++;
        if (has_types_of(u->methods[u->adapters[n]].sig, c->signature)) {
            return u->adapters[n];
        }
    }
    uint32_t number = unit_method(u, c, CIL_UNIT_ADAPT);
    uint32_t *all = number == IR_NONE ? NULL
                                      : unit_grow(u, u->adapters, &u->adapter_capacity,
                                                  u->adapter_count + 1, sizeof *all);
    if (all == NULL || !unit_index_add(u, &u->adapter_index, hash, u->adapter_count)) {
        return IR_NONE;
    }
    u->adapters = all;
    return all[u->adapter_count++] = number;
}

/* A number that a program makes up leads to a method of the same machine types, or to a trap, as
 * for all calls by number. */
static bool enter(struct cil_unit *u, uint32_t n)
{
    struct cil_callee c = u->members[n].c;
    bool is_virtual = (c.flags & CIL_METHOD_STATIC) == 0 && build_is_virtual(&c) &&
                      cil_is_reference(c.owner) && !c.owner->c->is_delegate;
    if (!(is_virtual ? enter_virtual(u, n) : prepare_object(u, &c) && enter_direct(u, n))) {
        return false;
    }
    if (u->members[n].entry == CIL_ENTRY_NONE) {
        return true;
    }
    uint32_t adapter = unit_adapter(u, &c), cast = unit_cast(u, c.owner, false);
    u->members[n].adapter = adapter + 1;
    u->members[n].cast = cast + 1;
    return adapter != IR_NONE && cast != IR_NONE;
}

/* ---- Delegates ---- */

static bool delegate_of(struct cil_unit *u, uint32_t n)
{
    const struct cil_callee c = u->members[n].c;
    const struct cil_signature *s = c.signature;
    bool is_static = (c.flags & CIL_METHOD_STATIC) != 0;
    if (is_constructor(&c) || u->members[n].open != 0 || u->members[n].closed != 0 ||
        (is_static && (s->param_count == 0 || !cil_is_reference(cil_plain(s->params[0]))))) {
        return true;
    }
    uint32_t number = unit_method(u, &c, is_static ? CIL_UNIT_METHOD : CIL_UNIT_OPEN);
    *(is_static ? &u->members[n].closed : &u->members[n].open) = number + 1;
    return number != IR_NONE;
}

/* Each type of delegates that the program names may get objects. */
static bool relate_delegates(struct cil_unit *u)
{
    for (uint32_t n = 0; n < u->runtime_type_count; n++) {
        const struct cil_unit_type k = u->runtime_types[n];
        if (k.members == NULL || !k.type->c->is_delegate || cil_is_definition(k.type)) {
            continue;
        }
        const struct cil_callee *c =
            u->has_combine && k.multi == 0 ? cil_delegate_invoke(u->d, k.type) : NULL;
        uint32_t multi = c == NULL ? 0 : unit_method(u, c, CIL_UNIT_MULTI);
        if (unit_made_type(u, k.type) == 0 || multi == IR_NONE) {
            return false;
        }
        if (c != NULL) {
            u->runtime_types[n].multi = multi + 1;
        }
    }
    for (uint32_t n = 0; n < u->member_count; n++) {
        if (u->members[n].entry != CIL_ENTRY_NONE && !delegate_of(u, n)) {
            return false;
        }
    }
    return u->d->status == OK;
}

/* ---- Methods with type arguments ---- */

bool unit_list_types(struct cil_unit *u, struct cil_type *const *types, uint32_t count)
{
    for (uint32_t n = 0; n < u->list_count; n++) {
        if (u->lists[n].count == count &&
            memcmp(u->lists[n].types, types, count * sizeof(struct cil_type *)) == 0) {
            return true;
        }
    }
    struct cil_unit_list *all =
        unit_grow(u, u->lists, &u->list_capacity, u->list_count + 1, sizeof *all);
    if (all == NULL) {
        return false;
    }
    u->lists = all;
    all[u->list_count] = (struct cil_unit_list){.count = count};
    memcpy(all[u->list_count++].types, types, count * sizeof(struct cil_type *));
    return true;
}

/* @param counted How many of this kind there are; NULL: the program contains it anyway. */
static bool add_instance(struct cil_unit *u, uint32_t n, struct cil_type *const *args,
                         uint32_t count, uint32_t *counted)
{
    struct cil_callee c = u->members[n].c;
    c.args = args;
    c.arg_count = count;
    if (find_member(u, &c) != IR_NONE || (counted != NULL && !cil_meets_constraints(&c))) {
        return u->d->status == OK;
    }
    struct cil_type **kept = cil_alloc(u->d, count, sizeof(struct cil_type *));
    if (kept == NULL) {
        return false;
    }
    memcpy(kept, args, count * sizeof(struct cil_type *));
    c.args = kept;
    uint32_t number = unit_member(u, &c);
    if (number == IR_NONE) {
        return false;
    }
    if (counted != NULL) {
        ++*counted;
    }
    u->members[number].definition = n + 1;
    for (uint32_t k = 0; k < count; k++) {
        if (unit_type_object(u, kept[k]) == 0) {
            return false;
        }
    }
    return true;
}

static bool can_be_argument(const struct cil_type *t)
{
    return can_pass(t) && t->kind != CIL_VOID && !cil_is_definition(t);
}

static bool add_lists(struct cil_unit *u, uint32_t n, uint32_t wanted)
{
    for (uint32_t k = 0; k < u->list_count; k++) {
        const struct cil_unit_list list = u->lists[k];
        bool fits = list.count == wanted;
        for (uint32_t p = 0; fits && p < wanted; p++) {
            fits = can_be_argument(list.types[p]);
        }
        if (fits && u->listed_count < LISTED_MAX &&
            !add_instance(u, n, list.types, wanted, &u->listed_count)) {
            return false;
        }
    }
    return true;
}

static bool can_have_instances(const struct cil_callee *c)
{
    return c->signature->generic_count != 0 && c->arg_count == 0 && !c->owner->is_open &&
           !cil_is_definition(c->owner);
}

/* It cannot be known which types the program will ask for. So there are those instances that it
 * contains anyway, those for each list of types in one expression, as `new Type[] { typeof(A),
 * typeof(B) }` is, and with one parameter those for each type in a typeof. */
static bool add_instances(struct cil_unit *u, uint32_t n)
{
    const struct cil_callee c = u->members[n].c;
    uint32_t wanted = c.signature->generic_count;
    if (!can_have_instances(&c)) {
        return true;
    }
    for (uint32_t k = 0; k < u->count; k++) {
        const struct cil_unit_method m = u->methods[k];
        if (m.kind == CIL_UNIT_METHOD && m.a == c.a && m.row == c.row && m.owner == c.owner &&
            m.arg_count == wanted && !add_instance(u, n, m.args, wanted, NULL)) {
            return false;
        }
    }
    return add_lists(u, n, wanted);
}

static bool add_named(struct cil_unit *u, uint32_t n)
{
    const struct cil_callee c = u->members[n].c;
    for (uint32_t k = 0; c.signature->generic_count == 1 && can_have_instances(&c) &&
                         k < u->runtime_type_count && u->named_count < NAMED_MAX;
         k++) {
        struct cil_type *t = u->runtime_types[k].type;
        if (u->runtime_types[k].is_named && u->runtime_types[k].is_shown && can_be_argument(t) &&
            !add_instance(u, n, &t, 1, &u->named_count)) {
            return false;
        }
    }
    return true;
}

/* ---- Attributes ---- */

static bool is_attribute(struct cil_unit *u, struct cil_type *t)
{
    for (unsigned n = 0; t != NULL && t->c != NULL && n < CIL_ANCESTORS_MAX; n++) {
        if (cil_is_core_class(t->c, "Attribute")) {
            return true;
        }
        t = cil_type_parent(u->d, t);
    }
    return false;
}

/* An array of attributes has the type that a program asks for. */
static bool add_attribute_type(struct cil_unit *u, struct cil_type *t)
{
    struct cil_type *array = cil_type_of(u->d, CIL_SZARRAY, t);
    if (array == NULL || unit_type_object(u, t) == 0 || unit_made_type(u, array) == 0) {
        return false;
    }
    uint32_t number = (uint32_t)(unit_type(u, array) - u->runtime_types);
    struct cil_unit_type *k = unit_type(u, t);
    k->array = number + 1;
    k->is_listed = true; /* for its AttributeUsage */
    return true;
}

static bool add_attribute(struct cil_unit *u, struct cil_assembly *a, uint32_t row)
{
    const struct cil_callee *c = cil_resolve_method(
        a, cil_cell_token(&a->image, CIL_CUSTOM_ATTRIBUTE, row, CIL_CUSTOM_ATTRIBUTE_TYPE));
    if (c == NULL) {
        return false;
    }
    bool is_class = c->row != 0 && c->owner->c != NULL && !c->owner->is_open &&
                    (c->owner->c->flags & CIL_TYPE_ABSTRACT) == 0 && is_constructor(c) &&
                    (c->flags & CIL_METHOD_STATIC) == 0 && is_attribute(u, c->owner);
    if (!is_class) {
        return u->d->status == OK &&
               cil_fail(u->d, a, CIL_TOKEN(CIL_CUSTOM_ATTRIBUTE, row), E_CORRUPT,
                        "attribute: %s is no constructor of an attribute", c->name);
    }
    struct cil_unit_attribute *all =
        unit_grow(u, u->attributes, &u->attribute_capacity, u->attribute_count + 1, sizeof *all);
    if (all == NULL) {
        return false;
    }
    u->attributes = all;
    uint32_t n = u->attribute_count++;
    all[n] = (struct cil_unit_attribute){.a = a, .row = row, .c = *c};
    uint32_t number = unit_attribute_method(u, c, n);
    u->attributes[n].number = number;
    return number != IR_NONE && add_attribute_type(u, c->owner);
}

static bool add_attributes(struct cil_unit *u, struct cil_assembly *a, uint32_t token)
{
    struct cil_run run =
        cil_find_rows(&a->image, CIL_CUSTOM_ATTRIBUTE, CIL_CUSTOM_ATTRIBUTE_PARENT,
                      cil_coded(CIL_CUSTOM_ATTRIBUTE, CIL_CUSTOM_ATTRIBUTE_PARENT, token));
    for (uint32_t row = run.first; row < run.end; row++) {
        if (!add_attribute(u, a, row)) {
            return false;
        }
    }
    return true;
}

/* Of each type whose members are known, and of these. */
static bool relate_attributes(struct cil_unit *u)
{
    struct cil_class *base = unit_core_class(u, "Attribute");
    if (base == NULL || !add_attribute_type(u, base->type)) {
        return false;
    }
    for (uint32_t n = 0; n < u->runtime_type_count; n++) {
        const struct cil_unit_type k = u->runtime_types[n];
        uint32_t first = u->attribute_count;
        if (k.members == NULL || k.has_attributes) {
            continue;
        }
        u->runtime_types[n].has_attributes = true;
        if (!add_attributes(u, k.type->c->assembly, CIL_TOKEN(CIL_TYPE_DEF, k.type->c->row))) {
            return false;
        }
        u->runtime_types[n].first_attribute = first;
        u->runtime_types[n].attribute_count = u->attribute_count - first;
    }
    for (uint32_t n = 0; n < u->member_count; n++) {
        const struct cil_callee c = u->members[n].c;
        uint32_t first = u->attribute_count;
        if (u->members[n].has_attributes) {
            continue;
        }
        u->members[n].has_attributes = true;
        if (!add_attributes(u, c.a, CIL_TOKEN(CIL_METHOD_DEF, c.row))) {
            return false;
        }
        u->members[n].first_attribute = first;
        u->members[n].attribute_count = u->attribute_count - first;
    }
    return true;
}

/* ---- Active methods ---- */

/* Each method may be active when a trace is made. That of an instance is that of the definition. */
static bool relate_frames(struct cil_unit *u)
{
    for (uint32_t n = 0; n < u->count; n++) {
        const struct cil_unit_method m = u->methods[n];
        if (m.kind != CIL_UNIT_METHOD || m.member != 0) {
            continue;
        }
        const struct cil_callee *open = cil_resolve_method(m.a, CIL_TOKEN(CIL_METHOD_DEF, m.row));
        if (open == NULL) {
            return false;
        }
        struct cil_callee own = *open;
        own.owner = open->owner->c->type;
        uint32_t number = unit_member(u, &own);
        if (number == IR_NONE) {
            return false;
        }
        u->methods[n].member = number + 1;
    }
    return true;
}

/* ---- All of them ---- */

/* Each list may grow the others: the caller repeats this until nothing is added. */
bool unit_relate_members(struct cil_unit *u)
{
    for (uint32_t n = 0; (u->needs & CIL_NEEDS_MEMBERS) != 0 && n < u->runtime_type_count; n++) {
        const struct cil_unit_type *k = &u->runtime_types[n];
        if (k->members == NULL && is_shown(u, k) && !list_members(u, n)) {
            return false;
        }
    }
    if ((u->needs & CIL_NEEDS_FRAMES) != 0 && !relate_frames(u)) {
        return false;
    }
    for (uint32_t n = 0; (u->needs & CIL_NEEDS_METHOD_INSTANCES) != 0 && n < u->member_count; n++) {
        if (!add_instances(u, n)) {
            return false;
        }
    }
    for (uint32_t n = 0; (u->needs & CIL_NEEDS_METHOD_INSTANCES) != 0 && n < u->member_count; n++) {
        if (!add_named(u, n)) {
            return false;
        }
    }
    for (uint32_t n = 0; (u->needs & CIL_NEEDS_CALLS) != 0 && n < u->member_count; n++) {
        const struct cil_unit_member *m = &u->members[n];
        if (m->entry == CIL_ENTRY_NONE && is_wanted(u, m) && !enter(u, n)) {
            return false;
        }
    }
    if ((u->needs & CIL_NEEDS_DELEGATES) != 0 && !relate_delegates(u)) {
        return false;
    }
    return u->d->status == OK && ((u->needs & CIL_NEEDS_ATTRIBUTES) == 0 || relate_attributes(u));
}
