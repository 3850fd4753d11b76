// SPDX-License-Identifier: MIT
//
// Which objects are of which types: ancestors, interfaces, arrays, variance (ECMA-335 I.8.7).
#include "kernel/cil/front/domain_internal.h"
#include "kernel/cil/front/member.h"
#include "kernel/lib/string.h"

#define STEPS_MAX 20000 /* of a search: interfaces may form a graph with very many paths */
#define DEPTH_MAX 40    /* interfaces of interfaces, arrays of arrays, and arguments of these */

#define VARIANCE_MASK 3
#define COVARIANT     1
#define CONTRAVARIANT 2

static bool is_subtype(struct cil_domain *d, struct cil_type *from, struct cil_type *to,
                       unsigned depth);

static bool is_array(const struct cil_type *t)
{
    return t->kind == CIL_ARRAY || t->kind == CIL_SZARRAY;
}

static bool is_in_namespace(const struct cil_class *c, const char *space, const char *name)
{
    return c->assembly == c->assembly->domain->core && strcmp(c->space, space) == 0 &&
           strcmp(c->name, name) == 0;
}

/* Elements that differ only in their sign may be in the same array: int[] as uint[]. */
static unsigned reduced(const struct cil_type *t)
{
    switch (t->kind) {
    case CIL_BOOLEAN:
    case CIL_U1:
        return CIL_I1;
    case CIL_CHAR:
    case CIL_U2:
        return CIL_I2;
    case CIL_U4:
        return CIL_I4;
    case CIL_U8:
        return CIL_I8;
    case CIL_U:
        return CIL_I;
    default:
        return t->kind;
    }
}

bool cil_same_reduced(struct cil_domain *d, struct cil_type *a, struct cil_type *b)
{
    a = cil_underlying(d, a);
    b = cil_underlying(d, b);
    return a != NULL && b != NULL &&
           (a == b || (reduced(a) == reduced(b) && reduced(a) >= CIL_I1 && reduced(a) <= CIL_I8) ||
            (reduced(a) == CIL_I && reduced(b) == CIL_I));
}

/* A long[] is an IntPtr[], too: ECMA-335 keeps them apart, but tests of mono rely on it. */
static bool is_wide(const struct cil_type *t)
{
    return reduced(t) == CIL_I8 || reduced(t) == CIL_I;
}

static bool elements_fit(struct cil_domain *d, struct cil_type *from, struct cil_type *to,
                         unsigned depth)
{
    struct cil_type *a = cil_underlying(d, from), *b = cil_underlying(d, to);
    if (a == NULL || b == NULL) {
        return false;
    }
    /* Only the sign does not count: a bool[] is no byte[], and a char[] no ushort[] (I.8.7.1). */
    bool is_number = a->kind != CIL_BOOLEAN && a->kind != CIL_CHAR && b->kind != CIL_BOOLEAN &&
                     b->kind != CIL_CHAR;
    if (a == b || (is_number && (cil_same_reduced(d, a, b) || (is_wide(a) && is_wide(b))))) {
        return true;
    }
    return cil_is_reference(from) && cil_is_reference(to) && is_subtype(d, from, to, depth);
}

/* T[] is an IList<T> and what that implies. */
static bool is_generic_view(const struct cil_type *to)
{
    static const char *const names[] = {"IList`1", "ICollection`1", "IEnumerable`1",
                                        "IReadOnlyList`1", "IReadOnlyCollection`1"};
    for (unsigned n = 0; n < ARRAY_COUNT(names); n++) {
        if (to->kind == CIL_GENERICINST &&
            is_in_namespace(to->c, "System.Collections.Generic", names[n])) {
            return true;
        }
    }
    return false;
}

/* I.8.7.1: arrays of references are covariant, which stelem checks at run time; arrays of numbers
 * may differ in the sign of their elements. All are System.Array. */
static bool array_fits(struct cil_domain *d, struct cil_type *from, struct cil_type *to,
                       unsigned depth)
{
    if (is_array(to)) {
        return from->kind == to->kind && from->number == to->number &&
               elements_fit(d, from->element, to->element, depth);
    }
    if (from->kind == CIL_SZARRAY && is_generic_view(to)) {
        return elements_fit(d, from->element, to->args[0], depth);
    }
    struct cil_class *array = d->core == NULL ? NULL : cil_find_class(d->core, "System", "Array");
    return array != NULL && cil_class_open(array) && is_subtype(d, array->type, to, depth);
}

/* The flags of a generic type's parameter. */
static uint32_t parameter_flags(const struct cil_class *c, uint32_t n)
{
    const struct cil_image *m = &c->assembly->image;
    uint32_t key =
        cil_coded(CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER, CIL_TOKEN(CIL_TYPE_DEF, c->row));
    struct cil_run run = cil_find_rows(m, CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER, key);
    return cil_cell(m, CIL_GENERIC_PARAM, run.first + n, CIL_GENERIC_PARAM_FLAGS);
}

/* II.9.5: variance counts for references only, because a value has another representation. */
static bool arguments_fit(struct cil_domain *d, const struct cil_type *from,
                          const struct cil_type *to, unsigned depth)
{
    for (uint32_t n = 0; n < from->number; n++) {
        struct cil_type *a = from->args[n], *b = to->args[n];
        if (a == b) {
            continue;
        }
        unsigned variance = parameter_flags(from->c, n) & VARIANCE_MASK;
        if (!(cil_is_reference(a) && cil_is_reference(b)) ||
            !(variance == COVARIANT       ? is_subtype(d, a, b, depth)
              : variance == CONTRAVARIANT ? is_subtype(d, b, a, depth)
                                          : false)) {
            return false;
        }
    }
    return true;
}

/* ---- Interfaces ---- */

static uint64_t bit_of(const struct cil_class *c)
{
    return UINT64_C(1) << (c->row * UINT32_C(0x9e3779b1) >> 26);
}

/* A bit for each interface of a type, of its parents and of these interfaces. All bits are set if
 * that is not known: in a circle, or far down. */
static uint64_t interface_bits(struct cil_domain *d, struct cil_type *t, unsigned depth)
{
    if (t->c == NULL || t->has_interface_bits) {
        return t->c == NULL ? 0 : t->interface_bits;
    }
    if (depth > DEPTH_MAX || !cil_class_classify(t->c) || !cil_type_interfaces(d, t)) {
        return UINT64_MAX;
    }
    t->has_interface_bits = true;
    t->interface_bits = UINT64_MAX; /* for a circle */
    uint64_t bits = t->c->is_interface ? bit_of(t->c) : 0;
    struct cil_type *parent = cil_type_parent(d, t);
    bits |= parent == NULL ? 0 : interface_bits(d, parent, depth + 1);
    for (uint32_t n = 0; n < t->interface_count; n++) {
        bits |= interface_bits(d, t->interfaces[n], depth + 1);
    }
    t->has_interface_bits = d->status == OK;
    t->interface_bits = bits;
    return d->status == OK ? bits : UINT64_MAX;
}

/* Most questions have the answer no, and a search would look at all interfaces. */
bool cil_may_have_interface(struct cil_domain *d, struct cil_type *t, const struct cil_class *c)
{
    return (interface_bits(d, t, 0) & bit_of(c)) != 0;
}

/* Every path through the graph of interfaces is followed, and a file can make 2^n of them with n
 * interfaces. search_steps counts them for the whole question, across variance and arrays. Too many
 * are an error of the program (E_OVERFLOW), because a plain "no" would also be an answer that
 * write_casts() in unit_types.c stores. */
static bool implements(struct cil_domain *d, struct cil_type *from, struct cil_type *to,
                       unsigned depth)
{
    bool is_known = cil_type_interfaces(d, from);
    for (uint32_t n = 0; is_known && n < from->interface_count; n++) {
        if (is_subtype(d, from->interfaces[n], to, depth)) {
            return true;
        }
    }
    return false;
}

/* @param depth Of the recursion, which is limited: deeper types do not fit. */
static bool is_subtype(struct cil_domain *d, struct cil_type *from, struct cil_type *to,
                       unsigned depth)
{
    if (from == to || to->kind == CIL_OBJECT) {
        return true;
    }
    if (++depth > DEPTH_MAX || ++d->search_steps > STEPS_MAX) {
        return depth <= DEPTH_MAX && cil_fail(d, from->c == NULL ? NULL : from->c->assembly, 0,
                                              E_OVERFLOW, "too many interfaces of interfaces");
    }
    if (is_array(from)) {
        return array_fits(d, from, to, depth);
    }
    if (to->c != NULL && cil_class_classify(to->c) && to->c->is_interface &&
        !cil_may_have_interface(d, from, to->c)) {
        return false;
    }
    for (struct cil_type *t = from; t != NULL && t->c != NULL; t = cil_type_parent(d, t)) {
        if (t == to) {
            return true;
        }
        if (t->kind == CIL_GENERICINST && to->kind == CIL_GENERICINST && t->c == to->c &&
            arguments_fit(d, t, to, depth)) {
            return true;
        }
        if (to->c != NULL && cil_class_classify(to->c) && to->c->is_interface &&
            implements(d, t, to, depth)) {
            return true;
        }
    }
    return false;
}

bool cil_is_subtype(struct cil_domain *d, struct cil_type *from, struct cil_type *to)
{
    d->search_steps = 0;
    return is_subtype(d, from, to, 0);
}
