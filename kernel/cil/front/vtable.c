// SPDX-License-Identifier: MIT
#include "kernel/cil/front/vtable.h"

#include "kernel/cil/front/domain_internal.h"
#include "kernel/lib/string.h"

#define SLOTS_MAX 4096u
#define DEPTH_MAX 40u    /* of interfaces of interfaces */
#define STEPS_MAX 20000u /* of a search: interfaces may form a graph with very many paths */

/* Types exist once, so that equal ones have one address (type.c). */
static bool same_signature(const struct cil_signature *a, const struct cil_signature *b)
{
    if (a->convention != b->convention || a->generic_count != b->generic_count ||
        a->param_count != b->param_count || a->result != b->result) {
        return false;
    }
    for (uint32_t n = 0; n < a->param_count; n++) {
        if (a->params[n] != b->params[n]) {
            return false;
        }
    }
    return true;
}

static const char *name_of(const struct cil_assembly *a, uint32_t row)
{
    return cil_cell_string(&a->image, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME);
}

static uint32_t flags_of(const struct cil_assembly *a, uint32_t row)
{
    return cil_cell(&a->image, CIL_METHOD_DEF, row, CIL_METHOD_DEF_FLAGS);
}

/* The signature of a method of an instantiated type. @return NULL: an error is recorded. */
static const struct cil_signature *signature_in(struct cil_domain *d, struct cil_assembly *a,
                                                uint32_t row, const struct cil_type *owner)
{
    const struct cil_signature *open = cil_method_signature(a, row);
    return open == NULL ? NULL : cil_substitute_signature(d, open, owner, NULL, 0);
}

/* ---- Slots ---- */

/* A derived class has its parent's slots under the same numbers and new ones after them. Compiled
 * code relies on that: it takes the number from the class that a call names, and reads it in the
 * table of the object's class (slot_number() in build_call.c). A slot is never removed or
 * renumbered; an override replaces `method` only. Signatures are compared after substitution, so an
 * override in C : Base<int> has the signature with int. SLOTS_MAX bounds the searches, which are
 * linear. */

/* The last one counts: a class may have hidden an inherited method with a new slot (II.10.3.1). */
static uint32_t find_slot(const struct cil_vtable *v, uint32_t count, const char *name,
                          const struct cil_signature *sig)
{
    for (uint32_t n = count; n-- > 0;) {
        if (strcmp(v->slots[n].name, name) == 0 && same_signature(v->slots[n].sig, sig)) {
            return n;
        }
    }
    return UINT32_MAX;
}

/* Without newslot, a virtual method takes the slot of the one that it overrides, if there is one.
 * Only inherited slots count: two methods of one class with the same name and signature are two. */
static bool add_method(struct cil_domain *d, struct cil_vtable *v, uint32_t inherited, uint32_t row)
{
    struct cil_assembly *a = v->type->c->assembly;
    const char *name = name_of(a, row);
    const struct cil_signature *sig = signature_in(d, a, row, v->type);
    if (sig == NULL) {
        return false;
    }
    uint32_t slot = (flags_of(a, row) & CIL_METHOD_NEW_SLOT) != 0
                        ? UINT32_MAX
                        : find_slot(v, inherited, name, sig);
    struct vmethod method = {a, row, v->type};
    slot = slot == UINT32_MAX ? v->count++ : slot;
    v->slots[slot] = (struct vslot){name, sig, method, method};
    return true;
}

/* A row of MethodImpl, as a class at some level has it. @return false: an error is recorded. */
static bool read_override(struct cil_domain *d, const struct cil_type *level, uint32_t row,
                          struct vmethod *body, struct vmethod *declared)
{
    struct cil_assembly *a = level->c->assembly;
    const struct cil_callee *b = cil_resolve_method(
        a, cil_cell_token(&a->image, CIL_METHOD_IMPL, row, CIL_METHOD_IMPL_BODY));
    const struct cil_callee *c = cil_resolve_method(
        a, cil_cell_token(&a->image, CIL_METHOD_IMPL, row, CIL_METHOD_IMPL_DECLARATION));
    if (b == NULL || c == NULL) {
        return false;
    }
    *body = (struct vmethod){b->a, b->row, cil_substitute(d, b->owner, level, NULL, 0)};
    *declared = (struct vmethod){c->a, c->row, cil_substitute(d, c->owner, level, NULL, 0)};
    return body->owner != NULL && declared->owner != NULL;
}

static struct cil_run overrides_of(const struct cil_type *level)
{
    return cil_find_rows(&level->c->assembly->image, CIL_METHOD_IMPL, CIL_METHOD_IMPL_CLASS,
                         level->c->row);
}

/* Explicit overrides of methods of classes; those of interfaces are looked up when called. */
static bool apply_overrides(struct cil_domain *d, struct cil_vtable *v)
{
    struct cil_run run = overrides_of(v->type);
    for (uint32_t row = run.first; row < run.end; row++) {
        struct vmethod body, declared;
        if (!read_override(d, v->type, row, &body, &declared)) {
            return false;
        }
        if (declared.owner->c == NULL || !cil_class_classify(declared.owner->c) ||
            declared.owner->c->is_interface) {
            continue;
        }
        const struct cil_signature *sig = signature_in(d, declared.a, declared.row, declared.owner);
        uint32_t slot = sig == NULL
                            ? UINT32_MAX
                            : find_slot(v, v->count, name_of(declared.a, declared.row), sig);
        if (slot == UINT32_MAX) {
            return cil_fail(d, body.a, CIL_TOKEN(CIL_METHOD_DEF, body.row), E_CORRUPT,
                            "it overrides a method that is not virtual");
        }
        v->slots[slot].method = body;
    }
    return true;
}

static bool add_methods(struct cil_domain *d, struct cil_vtable *v, struct cil_run run)
{
    uint32_t inherited = v->count;
    for (uint32_t at = run.first; at < run.end; at++) {
        uint32_t row = cil_run_row(&v->type->c->assembly->image, CIL_METHOD_DEF, at);
        if ((flags_of(v->type->c->assembly, row) & CIL_METHOD_VIRTUAL) != 0 &&
            !add_method(d, v, inherited, row)) {
            return false;
        }
    }
    return apply_overrides(d, v);
}

/* The parent's slots, then the type's own new ones. `own` is where a slot was declared: a call
 * names the declaration, and cil_vtable_slot() finds its slot by it in that class's table only. */
static struct cil_vtable *make(struct cil_domain *d, struct cil_type *t)
{
    struct cil_type *parent = cil_type_parent(d, t);
    struct cil_vtable *above = parent == NULL ? NULL : cil_vtable_make(d, parent);
    if (d->status != OK || (parent != NULL && above == NULL)) {
        return NULL;
    }
    struct cil_run run =
        cil_cell_run(&t->c->assembly->image, CIL_TYPE_DEF, t->c->row, CIL_TYPE_DEF_METHODS);
    uint32_t inherited = above == NULL ? 0 : above->count, most = inherited + run.end - run.first;
    if (most > SLOTS_MAX) {
        (void)cil_fail(d, t->c->assembly, CIL_TOKEN(CIL_TYPE_DEF, t->c->row), E_OVERFLOW,
                       "a class of more than %u virtual methods", SLOTS_MAX);
        return NULL;
    }
    struct cil_vtable *v = cil_alloc(d, 1, sizeof *v);
    struct vslot *slots = cil_alloc(d, most + (uint64_t)1, sizeof *slots);
    if (v == NULL || slots == NULL) {
        return NULL;
    }
    *v = (struct cil_vtable){t, slots, inherited};
    for (uint32_t n = 0; n < inherited; n++) {
        slots[n] = above->slots[n];
        slots[n].own.row = 0;
    }
    return add_methods(d, v, run) ? v : NULL;
}

struct cil_vtable *cil_vtable_make(struct cil_domain *d, struct cil_type *t)
{
    if (t->vtable == NULL) {
        t->vtable = make(d, t);
    }
    return t->vtable;
}

uint32_t cil_vtable_slot(const struct cil_vtable *v, const struct cil_assembly *a, uint32_t row)
{
    for (uint32_t n = 0; n < v->count; n++) {
        if (v->slots[n].own.row == row && v->slots[n].own.a == a) {
            return n;
        }
    }
    return UINT32_MAX;
}

/* ---- Interfaces ---- */

/* Follows every path, as implements() in subtype.c does; interface_steps counts the interfaces.
 * @param is_exact  Only the very type, or NULL; else `wanted` decides, with variance. */
static struct cil_type *search(struct cil_domain *d, struct cil_type *t, struct cil_type *wanted,
                               bool is_exact, unsigned depth)
{
    bool is_known = cil_type_interfaces(d, t);
    for (uint32_t n = 0; is_known && depth < DEPTH_MAX && n < t->interface_count; n++) {
        struct cil_type *k = t->interfaces[n];
        if (k->c == NULL) {
            return NULL;
        }
        if (++d->interface_steps > STEPS_MAX) {
            (void)cil_fail(d, t->c->assembly, 0, E_OVERFLOW, "too many interfaces of interfaces");
            return NULL;
        }
        if (k == wanted || (!is_exact && k->c == wanted->c && cil_is_subtype(d, k, wanted))) {
            return k;
        }
        struct cil_type *found = search(d, k, wanted, is_exact, depth + 1);
        if (found != NULL || d->status != OK) {
            return found;
        }
    }
    return NULL;
}

/* Search for the exact interface first, then for one that fits by variance: a class may implement
 * IEnumerable of two types, its own and its parent's, and the one found first must not hide the
 * exact one. */
struct cil_type *cil_implemented_interface(struct cil_domain *d, struct cil_type *t,
                                           struct cil_type *wanted)
{
    int passes = wanted->kind == CIL_GENERICINST ? 2 : 1; /* only type arguments vary */
    d->interface_steps = 0;
    if (!cil_may_have_interface(d, t, wanted->c)) {
        return NULL;
    }
    for (int pass = 0; pass < passes; pass++) {
        for (struct cil_type *level = t; level != NULL && level->c != NULL && d->status == OK;
             level = cil_type_parent(d, level)) {
            struct cil_type *found = search(d, level, wanted, pass == 0, 0);
            if (found != NULL) {
                return found;
            }
        }
    }
    return NULL;
}

/* An explicit implementation, in one class. @return false: there is none, or an error is
 * recorded. */
static bool explicit_in(struct cil_domain *d, const struct cil_type *level, struct cil_type *iface,
                        uint32_t row, struct vmethod *out)
{
    struct cil_run run = overrides_of(level);
    for (uint32_t at = run.first; at < run.end; at++) {
        struct vmethod body, declared;
        if (!read_override(d, level, at, &body, &declared)) {
            return false;
        }
        if (declared.owner == iface && declared.row == row) {
            *out = body;
            return true;
        }
    }
    return false;
}

/* A public virtual method of one class by name and signature. */
static bool implicit_in(struct cil_domain *d, struct cil_type *level, const char *name,
                        const struct cil_signature *sig, struct vmethod *out)
{
    struct cil_assembly *a = level->c->assembly;
    struct cil_run run = cil_cell_run(&a->image, CIL_TYPE_DEF, level->c->row, CIL_TYPE_DEF_METHODS);
    for (uint32_t at = run.first; at < run.end; at++) {
        uint32_t row = cil_run_row(&a->image, CIL_METHOD_DEF, at), flags = flags_of(a, row);
        if ((flags & CIL_METHOD_VIRTUAL) == 0 || (flags & CIL_METHOD_ACCESS) != CIL_METHOD_PUBLIC ||
            strcmp(name_of(a, row), name) != 0) {
            continue;
        }
        const struct cil_signature *own = signature_in(d, a, row, level);
        if (own != NULL && same_signature(own, sig)) {
            *out = (struct vmethod){a, row, level};
            return true;
        }
    }
    return false;
}

/* What a class has in a slot may have been overridden below it. */
static bool overridden(struct cil_domain *d, const struct cil_vtable *v, struct vmethod *m)
{
    struct cil_vtable *home = m->owner == v->type ? NULL : cil_vtable_make(d, m->owner);
    const struct cil_vtable *at = m->owner == v->type ? v : home;
    uint32_t slot = at == NULL ? UINT32_MAX : cil_vtable_slot(at, m->a, m->row);
    if (slot != UINT32_MAX && slot < v->count) {
        *m = v->slots[slot].method;
    }
    return d->status == OK;
}

/* From the most derived class upwards. Below the class that names the interface there can be no
 * explicit implementation, and a method of the same name does not count. */
bool cil_vtable_implementation(struct cil_domain *d, const struct cil_vtable *v,
                               struct cil_type *iface, uint32_t row, struct vmethod *out)
{
    struct cil_assembly *a = iface->c->assembly;
    const char *name = name_of(a, row);
    const struct cil_signature *sig = signature_in(d, a, row, iface);
    bool is_named = false;
    d->interface_steps = 0;
    for (struct cil_type *level = v->type; sig != NULL && level != NULL && d->status == OK;
         level = cil_type_parent(d, level)) {
        is_named = is_named || search(d, level, iface, true, 0) == iface;
        if (is_named && (explicit_in(d, level, iface, row, out) ||
                         (d->status == OK && implicit_in(d, level, name, sig, out)))) {
            return overridden(d, v, out);
        }
    }
    return false;
}
