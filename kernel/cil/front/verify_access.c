// SPDX-License-Identifier: MIT
//
// The verifier's rules for names: code uses only the types and members that it may access.
#include "kernel/cil/front/access.h"
#include "kernel/cil/front/verify_internal.h"

/* Two rules, of which both must hold (I.8.5.3). The first compares the place of the code with the
 * definition: cil_may_name_type() and cil_may_name_member() in access.c. The second concerns
 * protected members, which are used on an object: cil_verify_may_use() also wants the object to be
 * of the class that the code is in. Trusted assemblies skip both; the call of a base constructor
 * skips the second. */

bool cil_verify_names_type(struct verifier *v, const struct cil_type *t)
{
    char name[96];
    if (v->a->is_trusted || cil_may_name_type(v->c, t)) {
        return v->d->status == OK;
    }
    (void)cil_type_text(name, sizeof name, t);
    return cil_verify_reject(v, "type %s is not accessible", name);
}

/* The type that a token of a member names: the member may be inherited from another. */
static const struct cil_type *named_owner(struct verifier *v, uint32_t token,
                                          const struct cil_type *owner)
{
    const struct cil_image *m = &v->a->image;
    if (CIL_TOKEN_TABLE(token) == CIL_METHOD_SPEC) {
        token = cil_cell_token(m, CIL_METHOD_SPEC, CIL_TOKEN_ROW(token), CIL_METHOD_SPEC_METHOD);
    }
    if (CIL_TOKEN_TABLE(token) != CIL_MEMBER_REF) {
        return owner;
    }
    uint32_t parent = cil_cell_token(m, CIL_MEMBER_REF, CIL_TOKEN_ROW(token), CIL_MEMBER_REF_CLASS);
    return CIL_TOKEN_TABLE(parent) == CIL_METHOD_DEF ? owner : cil_resolve_type(v->a, parent);
}

static bool names_member(struct verifier *v, uint32_t token, const struct cil_type *owner,
                         unsigned flags, const char *name)
{
    if (v->a->is_trusted) {
        return true;
    }
    const struct cil_type *named = named_owner(v, token, owner);
    if (named == NULL || !cil_verify_names_type(v, named)) {
        return false;
    }
    return owner->c == NULL || cil_may_name_member(v->c, owner->c, flags) ||
           cil_verify_reject(v, "%s is not accessible (%s)", name, cil_access_name(flags));
}

bool cil_verify_names_method(struct verifier *v, uint32_t token, const struct cil_callee *c)
{
    for (uint32_t n = 0; n < c->arg_count; n++) {
        if (!cil_verify_names_type(v, c->args[n])) {
            return false;
        }
    }
    return c->row == 0 ? cil_verify_names_type(v, c->owner)
                       : names_member(v, token, c->owner, c->flags, c->name);
}

bool cil_verify_names_field(struct verifier *v, uint32_t token, const struct cil_member_field *f)
{
    return names_member(v, token, f->owner, f->field->flags, f->field->name);
}

/* A class may use protected members of its own objects, and of those of classes derived from it. */
bool cil_verify_may_use(struct verifier *v, const struct cil_type *owner, unsigned flags,
                        const char *name, struct cil_type *object)
{
    if (v->a->is_trusted || object == NULL || owner->c == NULL ||
        !cil_needs_family(v->c, owner->c, flags)) {
        return true;
    }
    for (struct cil_class *k = cil_family_class(v->c, owner->c); k != NULL;
         k = cil_family_class(k->enclosing, owner->c)) {
        if (object->c != NULL ? cil_class_derives(object->c, k)
                              : cil_verify_is_subtype(v, object, k->self)) {
            return v->d->status == OK;
        }
    }
    return cil_verify_reject(v, "%s of another object is not accessible (%s)", name,
                             cil_access_name(flags));
}
