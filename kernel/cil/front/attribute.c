// SPDX-License-Identifier: MIT
//
// Attributes by the name of their class. The class itself is not resolved: it may be missing.
#include "kernel/cil/front/domain_internal.h"
#include "kernel/lib/string.h"

/* The class whose constructor an attribute names, as TypeDef or TypeRef. 0: neither. No resolving
 * here: class.c asks for attributes while a class is classified, and resolving could need that
 * class. A constructor that no class has claimed has the owner 0, and the token has the row 0
 * then. */
static uint32_t class_of(const struct cil_assembly *a, uint32_t row)
{
    const struct cil_image *m = &a->image;
    uint32_t constructor = cil_cell_token(m, CIL_CUSTOM_ATTRIBUTE, row, CIL_CUSTOM_ATTRIBUTE_TYPE);
    uint32_t at = CIL_TOKEN_ROW(constructor);
    if (at == 0) {
        return 0;
    }
    if (CIL_TOKEN_TABLE(constructor) == CIL_METHOD_DEF) {
        return CIL_TOKEN(CIL_TYPE_DEF, a->index->method_owner[at - 1]);
    }
    return cil_cell_token(m, CIL_MEMBER_REF, at, CIL_MEMBER_REF_CLASS);
}

static bool is_named(const struct cil_assembly *a, uint32_t token, const char *space,
                     const char *name)
{
    const struct cil_image *m = &a->image;
    uint32_t row = CIL_TOKEN_ROW(token);
    if (row == 0) {
        return false;
    }
    switch (CIL_TOKEN_TABLE(token)) {
    case CIL_TYPE_DEF:
        return strcmp(cil_cell_string(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_NAME), name) == 0 &&
               strcmp(cil_cell_string(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_NAMESPACE), space) == 0;
    case CIL_TYPE_REF:
        return strcmp(cil_cell_string(m, CIL_TYPE_REF, row, CIL_TYPE_REF_NAME), name) == 0 &&
               strcmp(cil_cell_string(m, CIL_TYPE_REF, row, CIL_TYPE_REF_NAMESPACE), space) == 0;
    default:
        return false;
    }
}

bool cil_next_attribute(const struct cil_assembly *a, uint32_t token, const char *space,
                        const char *name, uint32_t *row)
{
    struct cil_run run =
        cil_find_rows(&a->image, CIL_CUSTOM_ATTRIBUTE, CIL_CUSTOM_ATTRIBUTE_PARENT,
                      cil_coded(CIL_CUSTOM_ATTRIBUTE, CIL_CUSTOM_ATTRIBUTE_PARENT, token));
    for (uint32_t at = *row == 0 ? run.first : *row + 1; at < run.end; at++) {
        if (is_named(a, class_of(a, at), space, name)) {
            *row = at;
            return true;
        }
    }
    return false;
}
