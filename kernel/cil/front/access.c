// SPDX-License-Identifier: MIT
//
// Access to types and members. Type arguments do not count: code of List<int> may use the private
// fields of a List<string>.
#include "kernel/cil/front/access.h"
#include "kernel/cil/front/domain_internal.h"
#include "kernel/lib/string.h"

#define INTERFACE_DEPTH_MAX 40u
#define INTERFACE_STEPS_MAX 10000u

const char *cil_access_name(unsigned flags)
{
    static const char *const names[] = {
        "compiler-controlled", "private", "private protected", "internal", "protected",
        "protected internal",  "public",  "without access"};
    return names[flags & CIL_ACCESS_MASK];
}

static bool is_inside(const struct cil_class *from, const struct cil_class *owner)
{
    for (; from != NULL; from = from->enclosing) {
        if (from == owner) {
            return true;
        }
    }
    return false;
}

static struct cil_class *parent_of(struct cil_class *c)
{
    return cil_class_open(c) && c->parent != NULL ? c->parent->c : NULL;
}

/* @param steps How many steps the search may still take, because interfaces may form a graph with
 * very many paths. If they are used up, the answer is no, and the member is not accessible. */
static bool implements(struct cil_class *c, const struct cil_class *interface, uint32_t *steps,
                       unsigned depth)
{
    for (; c != NULL && *steps > 0 && depth < INTERFACE_DEPTH_MAX; c = parent_of(c)) {
        const struct cil_image *m = &c->assembly->image;
        struct cil_run run = cil_find_rows(m, CIL_INTERFACE_IMPL, CIL_INTERFACE_IMPL_CLASS, c->row);
        --*steps;
        for (uint32_t row = run.first; row<run.end && * steps> 0; row++) {
            struct cil_type *t =
                cil_resolve_type(c->assembly, cil_cell_token(m, CIL_INTERFACE_IMPL, row,
                                                             CIL_INTERFACE_IMPL_INTERFACE));
            if (t != NULL && t->c != NULL &&
                (t->c == interface || implements(t->c, interface, steps, depth + 1))) {
                return true;
            }
        }
    }
    return false;
}

bool cil_class_derives(struct cil_class *c, const struct cil_class *from)
{
    uint32_t steps = INTERFACE_STEPS_MAX;
    for (struct cil_class *k = c; k != NULL; k = parent_of(k)) {
        if (k == from) {
            return true;
        }
    }
    return from->is_interface && implements(c, from, &steps, 0);
}

struct cil_class *cil_family_class(struct cil_class *from, const struct cil_class *owner)
{
    while (from != NULL && !cil_class_derives(from, owner)) {
        from = from->enclosing;
    }
    return from;
}

/* ---- Assemblies ---- */

/* An assembly's name before the public key: "Name, PublicKey=..." in an attribute's value. II.23.3:
 * the value starts with two bytes, 01 00, then comes the string with its length. The length is
 * compared with the bytes that are left; 0xff, the null string, is no length. Keys are not
 * compared: so any assembly of that name is a friend. */
static bool names_assembly(struct cil_bytes value, const char *name)
{
    uint32_t len, known = (uint32_t)strlen(name);
    if (!cil_skip(&value, 2) || !cil_compressed(&value, &len) || len > value.len) {
        return false;
    }
    return len >= known && memcmp(value.at, name, known) == 0 &&
           (len == known || value.at[known] == ',');
}

/* Internals of `a` are visible in the same assembly, and in those that it names. */
static bool is_friend(const struct cil_assembly *from, const struct cil_assembly *a)
{
    uint32_t row = 0;
    if (from == a) {
        return true;
    }
    while (cil_next_attribute(a, CIL_TOKEN(CIL_ASSEMBLY, 1), "System.Runtime.CompilerServices",
                              "InternalsVisibleToAttribute", &row)) {
        if (names_assembly(
                cil_cell_blob(&a->image, CIL_CUSTOM_ATTRIBUTE, row, CIL_CUSTOM_ATTRIBUTE_VALUE),
                from->name)) {
            return true;
        }
    }
    return false;
}

/* ---- Members ---- */

/* I.8.5.3.2. For protected members this is half of the rule. cil_verify_may_use() checks the other
 * half, the type of the object, for those members for which cil_needs_family() is true. */
bool cil_may_name_member(struct cil_class *from, struct cil_class *owner, unsigned flags)
{
    unsigned access = flags & CIL_ACCESS_MASK;
    if (access == CIL_PUBLIC || is_inside(from, owner)) {
        return true;
    }
    switch (access) {
    case CIL_COMPILER_CONTROLLED:
        return from->assembly == owner->assembly;
    case CIL_INTERNAL:
        return is_friend(from->assembly, owner->assembly);
    case CIL_FAMILY:
        return cil_family_class(from, owner) != NULL;
    case CIL_FAMILY_AND_ASSEMBLY:
        return is_friend(from->assembly, owner->assembly) && cil_family_class(from, owner) != NULL;
    case CIL_FAMILY_OR_ASSEMBLY:
        return is_friend(from->assembly, owner->assembly) || cil_family_class(from, owner) != NULL;
    default:
        return false;
    }
}

bool cil_needs_family(const struct cil_class *from, const struct cil_class *owner, unsigned flags)
{
    unsigned access = flags & CIL_ACCESS_MASK;
    bool is_family =
        access == CIL_FAMILY || access == CIL_FAMILY_AND_ASSEMBLY ||
        (access == CIL_FAMILY_OR_ASSEMBLY && !is_friend(from->assembly, owner->assembly));
    return is_family && !is_inside(from, owner);
}

/* ---- Types ---- */

/* The visibility of a nested type (II.23.1.15) as that of a member of the class around it. */
static unsigned nested_access(const struct cil_class *c)
{
    static const uint8_t access[] = {CIL_INTERNAL,
                                     CIL_PUBLIC,
                                     CIL_PUBLIC,
                                     CIL_PRIVATE,
                                     CIL_FAMILY,
                                     CIL_INTERNAL,
                                     CIL_FAMILY_AND_ASSEMBLY,
                                     CIL_FAMILY_OR_ASSEMBLY};
    return access[c->flags & CIL_ACCESS_MASK];
}

/* Each class around it must be visible, too. Nesting is limited (CIL_NESTED_MAX). */
static bool may_name_class(struct cil_class *from, struct cil_class *c)
{
    for (; c->enclosing != NULL; c = c->enclosing) {
        if (!is_inside(from, c) && !cil_may_name_member(from, c->enclosing, nested_access(c))) {
            return false;
        }
    }
    return nested_access(c) == CIL_PUBLIC || is_friend(from->assembly, c->assembly);
}

/* Recursion ends at the depth of the type. */
bool cil_may_name_type(struct cil_class *from, const struct cil_type *t)
{
    if (t->element != NULL) {
        return cil_may_name_type(from, t->element);
    }
    if (t->c != NULL && !may_name_class(from, t->c)) {
        return false;
    }
    for (uint32_t n = 0; t->kind == CIL_GENERICINST && n < t->number; n++) {
        if (!cil_may_name_type(from, t->args[n])) {
            return false;
        }
    }
    return true;
}
