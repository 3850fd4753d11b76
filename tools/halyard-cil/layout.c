// SPDX-License-Identifier: MIT
//
// Printing layouts: of each class of an assembly, and of each instantiation that it names.
#include "tools/halyard-cil/tool.h"

#include <stdio.h>

static void print_layout(const struct cil_type *t, const struct cil_layout *l)
{
    char name[1024];
    cil_type_text(name, sizeof name, t);
    printf("layout %s size %u align %u refs", name, l->size, l->align);
    for (uint32_t n = 0; n < l->ref_count; n++) {
        printf("%c%u", n == 0 ? ' ' : ',', l->refs[n]);
    }
    printf("\n");
    for (uint32_t n = 0; n < l->field_count; n++) {
        const struct cil_field *f = &t->c->fields[n];
        if ((f->flags & (CIL_FIELD_STATIC | CIL_FIELD_LITERAL)) == 0) {
            printf("  field %u %s at %u\n", f->row, f->name, l->offsets[n]);
        }
    }
}

static bool show(struct cil_domain *d, struct cil_type *t)
{
    const struct cil_layout *l = cil_type_layout(d, t);
    if (l != NULL) {
        print_layout(t, l);
    }
    return l != NULL;
}

int tool_layout(struct cil_assembly *a)
{
    struct cil_domain *d = a->domain;
    bool is_ok = true;
    for (uint32_t row = 1; is_ok && row <= a->image.tables[CIL_TYPE_DEF].count; row++) {
        struct cil_class *c = cil_class_at(a, row);
        is_ok = cil_class_open(c);
        if (is_ok && c->generic_count == 0 && c->type->kind != CIL_VOID) {
            is_ok = show(d, c->type);
        }
    }
    for (uint32_t row = 1; is_ok && row <= a->image.tables[CIL_TYPE_SPEC].count; row++) {
        struct cil_type *t = cil_resolve_type(a, CIL_TOKEN(CIL_TYPE_SPEC, row));
        is_ok = t != NULL;
        if (is_ok && t->kind == CIL_GENERICINST && !t->is_open) {
            is_ok = show(d, t);
        }
    }
    return is_ok ? 0 : tool_refuse(&d->err);
}
