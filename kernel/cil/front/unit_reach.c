// SPDX-License-Identifier: MIT
//
// Which methods virtual calls may reach: those that the types of which objects are made have in
// slots that are called.
#include "kernel/cil/front/build_internal.h"
#include "kernel/cil/front/member.h"
#include "kernel/lib/endian.h"

#define GENERICS_MAX 4096u

/* A slot counts only if it is called somewhere. So virtual methods that are never called cost
 * nothing, and a program that prints a string does not contain every override of ToString. */
bool unit_use(struct cil_unit *u, struct cil_type *owner, uint32_t slot)
{
    for (uint32_t n = 0; n < u->use_count; n++) {
        if (u->uses[n].owner == owner && u->uses[n].slot == slot) {
            return true;
        }
    }
    struct cil_unit_use *all =
        unit_grow(u, u->uses, &u->use_capacity, u->use_count + 1, sizeof *all);
    if (all == NULL) {
        return false;
    }
    u->uses = all;
    all[u->use_count++] = (struct cil_unit_use){owner, slot};
    return true;
}

/* Numbers of interfaces that are called. Each type has a table by these numbers, so that a call
 * needs no search: the program is complete, so all numbers are known. */
uint32_t unit_interface(struct cil_unit *u, struct cil_type *t)
{
    for (uint32_t n = 0; n < u->interface_count; n++) {
        if (u->interfaces[n].owner == t) {
            return n;
        }
    }
    struct cil_unit_use *all =
        unit_grow(u, u->interfaces, &u->interface_capacity, u->interface_count + 1, sizeof *all);
    if (all == NULL) {
        return IR_NONE;
    }
    u->interfaces = all;
    all[u->interface_count] = (struct cil_unit_use){.owner = t};
    return u->interface_count++;
}

/* ---- Methods of interfaces ---- */

static struct cil_run methods_of(const struct cil_type *t)
{
    return cil_cell_run(&t->c->assembly->image, CIL_TYPE_DEF, t->c->row, CIL_TYPE_DEF_METHODS);
}

static bool refuse(struct cil_unit *u, struct cil_type *t, struct cil_type *iface, const char *what)
{
    char name[128], of[128];
    (void)cil_type_text(name, sizeof name, iface);
    (void)cil_type_text(of, sizeof of, t);
    return cil_fail(u->d, NULL, 0, E_NOTSUP, "interface %s of %s: %s", name, of, what);
}

/* T[] as an IList<E> has the methods of ArrayView<E> in the core library, whose `this` is the
 * array. @return the methods of the type behind an interface; NULL: an error is recorded. */
static const struct cil_vtable *vtable_for(struct cil_unit *u, const struct cil_unit_type *k,
                                           const struct cil_type *wanted)
{
    struct cil_class *c = k->type->kind != CIL_SZARRAY || wanted->kind != CIL_GENERICINST
                              ? NULL
                              : cil_find_class(u->d->core, "System", "ArrayView`1");
    if (c == NULL || !cil_is_subtype(u->d, k->type, (struct cil_type *)(uintptr_t)wanted)) {
        return k->vtable;
    }
    struct cil_type *view = cil_type_instance(u->d, c, wanted->args);
    return view == NULL ? NULL : cil_vtable_make(u->d, view);
}

/* @return false: the type has no such interface, or an error is recorded. */
static bool implementation(struct cil_unit *u, const struct cil_unit_type *k,
                           struct cil_type *wanted, uint32_t method, struct vmethod *out)
{
    const struct cil_vtable *v = vtable_for(u, k, wanted);
    struct cil_type *iface = v == NULL ? NULL : cil_implemented_interface(u->d, v->type, wanted);
    if (iface == NULL) {
        if (u->d->status == OK && cil_is_subtype(u->d, k->type, wanted)) {
            (void)refuse(u, k->type, wanted, "calls through it are not compiled yet");
        }
        return false;
    }
    uint32_t row =
        cil_run_row(&iface->c->assembly->image, CIL_METHOD_DEF, methods_of(iface).first + method);
    if (cil_vtable_implementation(u->d, v, iface, row, out)) {
        return true;
    }
    return u->d->status == OK && refuse(u, k->type, wanted, "a method is not implemented");
}

static unsigned kind_of(const struct vmethod *m)
{
    return cil_is_reference(m->owner) ? CIL_UNIT_METHOD : CIL_UNIT_UNBOX;
}

/* The methods of a type behind an interface: numbers by the interface's own order, 0 where nothing
 * is called. @return 0: the type does not have the interface, or an error is recorded. */
uint32_t unit_interface_table(struct cil_unit *u, const struct cil_unit_type *k, uint32_t n)
{
    struct cil_type *wanted = u->interfaces[n].owner;
    struct cil_run run = methods_of(wanted);
    const struct cil_vtable *v = vtable_for(u, k, wanted);
    if (v == NULL || cil_implemented_interface(u->d, v->type, wanted) == NULL) {
        return 0;
    }
    uint32_t at = unit_data(u, 4 * (run.end - run.first + 1));
    for (uint32_t m = 0; at != 0 && m < run.end - run.first; m++) {
        uint32_t number = IR_NONE;
        for (uint32_t x = 0; x < u->use_count; x++) {
            struct vmethod found;
            if (u->uses[x].owner == wanted && u->uses[x].slot == m &&
                implementation(u, k, wanted, m, &found)) {
                number = unit_find_method(u, &found, kind_of(&found));
            }
        }
        store_le32(u->data + at + 4 * m, number + 1); /* IR_NONE: 0 */
    }
    return at;
}

/* ---- Methods with type arguments ---- */

static uint32_t hash_use(const struct cil_unit_generic *use)
{
    uint32_t h = unit_hash(use->use.slot, (uintptr_t)use->use.owner);
    for (uint32_t n = 0; n < use->arg_count; n++) {
        h = unit_hash(h, (uintptr_t)use->args[n]);
    }
    return h;
}

/* Each use is a word in the table of every type: a method that calls itself with ever larger type
 * arguments must not fill the window with them. */
uint32_t unit_use_generic(struct cil_unit *u, const struct cil_unit_generic *use)
{
    uint32_t hash = hash_use(use);
    for (uint32_t n = unit_index_first(&u->generic_index, hash); n != IR_NONE;
         n = unit_index_next(&u->generic_index, n)) {
        const struct cil_unit_generic *g = &u->generics[n];
        bool is_same = g->use.owner == use->use.owner && g->use.slot == use->use.slot;
        for (uint32_t a = 0; is_same && a < use->arg_count; a++) {
            is_same = g->args[a] == use->args[a];
        }
        if (is_same) {
            return n;
        }
    }
    if (u->generic_count == GENERICS_MAX) {
        (void)cil_fail(u->d, NULL, 0, E_OVERFLOW,
                       "virtual methods are called with more than %u lists of type arguments",
                       GENERICS_MAX);
        return IR_NONE;
    }
    struct cil_unit_generic *all =
        unit_grow(u, u->generics, &u->generic_capacity, u->generic_count + 1, sizeof *all);
    if (all == NULL || !unit_index_add(u, &u->generic_index, hash, u->generic_count)) {
        return IR_NONE;
    }
    u->generics = all;
    all[u->generic_count] = *use;
    return u->generic_count++;
}

/* ---- All ---- */

static bool has_ancestor(struct cil_unit *u, struct cil_type *t, const struct cil_type *ancestor)
{
    for (; t != NULL; t = cil_type_parent(u->d, t)) {
        if (t == ancestor) {
            return true;
        }
    }
    return false;
}

/* What a use reaches in a type. @return false: nothing, or an error is recorded. */
static bool find_target(struct cil_unit *u, const struct cil_unit_type *k,
                        const struct cil_unit_use *use, struct vmethod *out)
{
    if (use->owner->c->is_interface) {
        return implementation(u, k, use->owner, use->slot, out);
    }
    if (!has_ancestor(u, k->vtable->type, use->owner)) {
        return false;
    }
    *out = k->vtable->slots[use->slot].method;
    return true;
}

uint32_t unit_target(struct cil_unit *u, const struct cil_unit_type *k,
                     const struct cil_unit_use *use)
{
    struct vmethod m;
    return k->at != 0 && find_target(u, k, use, &m) ? unit_find_method(u, &m, kind_of(&m))
                                                    : IR_NONE;
}

/* The override, which is generic, too, with the arguments of the call: overrides have as many type
 * parameters, which the table of methods has compared. */
static bool instance_of(struct cil_unit *u, const struct vmethod *m,
                        const struct cil_unit_generic *g, struct cil_callee *out)
{
    const struct cil_callee *open = cil_resolve_method(m->a, CIL_TOKEN(CIL_METHOD_DEF, m->row));
    (void)u;
    if (open != NULL) {
        *out = *open;
        out->owner = m->owner;
        out->args = g->args;
        out->arg_count = g->arg_count;
    }
    return open != NULL;
}

static bool reach_generic(struct cil_unit *u, const struct cil_unit_type *k,
                          const struct cil_unit_generic *g)
{
    struct vmethod m;
    struct cil_callee c;
    if (!find_target(u, k, &g->use, &m)) {
        return u->d->status == OK;
    }
    return instance_of(u, &m, g, &c) && unit_method(u, &c, kind_of(&m)) != IR_NONE;
}

bool unit_write_generics(struct cil_unit *u, const struct cil_unit_type *k)
{
    uint32_t at = u->generic_count == 0 ? 0 : unit_data(u, 4 * u->generic_count);
    for (uint32_t n = 0; at != 0 && n < u->generic_count; n++) {
        struct vmethod m;
        struct cil_callee c;
        bool has =
            find_target(u, k, &u->generics[n].use, &m) && instance_of(u, &m, &u->generics[n], &c);
        uint32_t number = has ? unit_find_callee(u, &c, kind_of(&m)) : IR_NONE;
        store_le32(u->data + at + 4 * n, number + 1); /* IR_NONE: 0 */
    }
    store_le32(u->data + k->at + CIL_TYPE_GENERIC, at);
    return u->d->status == OK;
}

static bool add(struct cil_unit *u, const struct vmethod *m)
{
    const struct cil_callee *open = cil_resolve_method(m->a, CIL_TOKEN(CIL_METHOD_DEF, m->row));
    if (open == NULL) {
        return false;
    }
    struct cil_callee c = *open;
    c.owner = m->owner;
    return unit_method(u, &c, kind_of(m)) != IR_NONE;
}

static bool reach(struct cil_unit *u, const struct cil_unit_type *k, const struct cil_unit_use *use)
{
    struct vmethod m;
    return find_target(u, k, use, &m) ? add(u, &m) : u->d->status == OK;
}

/* Adds the method for each pair of a type that has objects and a slot that is called. A method that
 * is added may extend both lists, so the caller repeats this until nothing is added. The lists only
 * grow: their lengths are read in each round, and each pair is handled once. The elements are
 * copied, because the arrays move when they grow. */
static bool reach_all(struct cil_unit *u)
{
    for (uint32_t n = 0; n < u->runtime_type_count; n++) {
        while (u->runtime_types[n].at != 0 && u->runtime_types[n].reached < u->use_count) {
            struct cil_unit_type k = u->runtime_types[n];
            struct cil_unit_use use = u->uses[u->runtime_types[n].reached++];
            if (!reach(u, &k, &use)) {
                return false;
            }
        }
        while (u->runtime_types[n].at != 0 &&
               u->runtime_types[n].reached_generics < u->generic_count) {
            struct cil_unit_type k = u->runtime_types[n];
            struct cil_unit_generic use = u->generics[u->runtime_types[n].reached_generics++];
            if (!reach_generic(u, &k, &use)) {
                return false;
            }
        }
    }
    return true;
}

static uint32_t count_made(const struct cil_unit *u)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < u->runtime_type_count; n++) {
        count += u->runtime_types[n].at != 0 ? 1 : 0;
    }
    return count;
}

/* A related type may get objects only now, and come before one that was handled. */
bool unit_reach(struct cil_unit *u)
{
    uint32_t made;
    do {
        made = count_made(u);
        if (!unit_relate(u) || !reach_all(u)) {
            return false;
        }
    } while (count_made(u) != made);
    return true;
}
