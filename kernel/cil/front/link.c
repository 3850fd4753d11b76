// SPDX-License-Identifier: MIT
//
// Resolves everything that an assembly's tables refer to, and so finds each missing type and wrong
// signature, also in parts that no program reaches.
#include "kernel/cil/front/domain_internal.h"

static uint32_t count(const struct cil_assembly *a, unsigned table)
{
    return a->image.tables[table].count;
}

/* The order is that in which failures are best explained: missing assemblies, then types, then
 * errors in those that exist. Each step works without the ones before, because every function
 * resolves all that it needs by itself. Only halyard-cil and tests run this: a program in the
 * kernel resolves the part that its unit reaches (unit.c), so that an unused reference to a missing
 * type does not stop it. */

static bool link_references(struct cil_assembly *a)
{
    for (uint32_t row = 1; row <= count(a, CIL_ASSEMBLY_REF); row++) {
        if (cil_reference(a, row) == NULL) {
            return false;
        }
    }
    for (uint32_t row = 1; row <= count(a, CIL_TYPE_REF); row++) {
        if (cil_resolve_type(a, CIL_TOKEN(CIL_TYPE_REF, row)) == NULL) {
            return false;
        }
    }
    return true;
}

static bool link_classes(struct cil_assembly *a)
{
    for (uint32_t row = 1; row <= count(a, CIL_TYPE_DEF); row++) {
        struct cil_class *c = cil_class_at(a, row);
        if (!cil_class_open(c) || !cil_class_fields(c)) {
            return false;
        }
        /* A generic class has a layout for each instantiation. */
        if (c->generic_count == 0 && c->type->kind != CIL_VOID &&
            cil_type_layout(a->domain, c->type) == NULL) {
            return false;
        }
    }
    return true;
}

/* The instantiations that the file itself names. */
static bool link_specs(struct cil_assembly *a)
{
    for (uint32_t row = 1; row <= count(a, CIL_TYPE_SPEC); row++) {
        struct cil_type *t = cil_resolve_type(a, CIL_TOKEN(CIL_TYPE_SPEC, row));
        if (t == NULL ||
            (t->kind == CIL_GENERICINST && !t->is_open && cil_type_layout(a->domain, t) == NULL)) {
            return false;
        }
    }
    return true;
}

static bool link_method_specs(struct cil_assembly *a)
{
    for (uint32_t row = 1; row <= count(a, CIL_METHOD_SPEC); row++) {
        if (cil_decode_list(
                a, cil_cell_blob(&a->image, CIL_METHOD_SPEC, row, CIL_METHOD_SPEC_INSTANTIATION),
                CIL_TOKEN(CIL_METHOD_SPEC, row), CIL_CONVENTION_SPEC) == NULL) {
            return false;
        }
    }
    return true;
}

static bool link_interfaces(struct cil_assembly *a)
{
    for (uint32_t row = 1; row <= count(a, CIL_INTERFACE_IMPL); row++) {
        uint32_t token = CIL_TOKEN(CIL_INTERFACE_IMPL, row);
        struct cil_type *t = cil_resolve_type(
            a, cil_cell_token(&a->image, CIL_INTERFACE_IMPL, row, CIL_INTERFACE_IMPL_INTERFACE));
        if (t == NULL) {
            return false;
        }
        if (t->c == NULL || !cil_class_classify(t->c) || !t->c->is_interface) {
            return cil_fail(a->domain, a, token, E_CORRUPT, "what it implements is no interface");
        }
    }
    return true;
}

static bool link_members(struct cil_assembly *a)
{
    for (uint32_t row = 1; row <= count(a, CIL_METHOD_DEF); row++) {
        if (cil_method_signature(a, row) == NULL) {
            return false;
        }
    }
    for (uint32_t row = 1; row <= count(a, CIL_MEMBER_REF); row++) {
        struct cil_bytes blob =
            cil_cell_blob(&a->image, CIL_MEMBER_REF, row, CIL_MEMBER_REF_SIGNATURE);
        uint32_t token = CIL_TOKEN(CIL_MEMBER_REF, row);
        bool is_field = blob.len != 0 && blob.at[0] == CIL_CONVENTION_FIELD;
        if (is_field ? cil_decode_field(a, blob, token) == NULL
                     : cil_decode_method(a, blob, token) == NULL) {
            return false;
        }
    }
    return link_method_specs(a);
}

bool cil_assembly_link(struct cil_assembly *a)
{
    return link_references(a) && link_classes(a) && link_specs(a) && link_interfaces(a) &&
           link_members(a);
}
