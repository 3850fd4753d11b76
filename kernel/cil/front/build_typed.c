// SPDX-License-Identifier: MIT
//
// Typed references (ECMA-335 I.8.2.1.1): the address of a variable, and the handle of its type.
// They are structs of two words that exist on stacks only, so the address may lead into an object
// or into a frame.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

static const struct build_rep address_rep = {IR_I32, CIL_BYREF, CIL_POINTER_BYTES, NULL};
static const struct build_rep handle_rep = {IR_I64, CIL_I, 8, NULL};

/* A field of System.TypedReference, under its name in Halyard's core library or in mono's. */
static bool find_field(struct cil_domain *d, struct cil_type *t, const char *name,
                       const char *other, uint32_t *out)
{
    const struct cil_layout *l = cil_type_layout(d, t);
    for (uint32_t n = 0; l != NULL && n < t->c->field_count; n++) {
        const struct cil_field *f = &t->c->fields[n];
        if ((f->flags & CIL_FIELD_STATIC) == 0 &&
            (strcmp(f->name, name) == 0 || strcmp(f->name, other) == 0) &&
            l->offsets[n] % CIL_POINTER_BYTES == 0 &&
            l->offsets[n] + CIL_POINTER_BYTES <= l->size) {
            *out = l->offsets[n];
            return true;
        }
    }
    return d->status == OK && cil_fail(d, d->core, 0, E_UNRESOLVED,
                                       "TypedReference of the core library has no field %s", name);
}

bool unit_typed_root(struct cil_unit *u, struct cil_type *t, uint32_t *at)
{
    return find_field(u->d, t, "value", "Value", at);
}

struct typed {
    struct cil_type *type; /* System.TypedReference */
    uint32_t value_at, type_at;
};

static bool find_typed(struct builder *b, struct typed *out)
{
    out->type = cil_primitive(b->d, CIL_TYPEDBYREF);
    return out->type != NULL && find_field(b->d, out->type, "value", "Value", &out->value_at) &&
           find_field(b->d, out->type, "type", "type", &out->type_at);
}

/* The upper half of the address's cell is 0, as that of each reference. */
static bool make(struct builder *b, const struct typed *typed, struct cil_type *t)
{
    struct build_rep rep;
    uint32_t handle = unit_type_handle(b->unit, t), address = build_pop_address(b);
    uint32_t slot = build_slot_of(b, typed->type, b->depth);
    if (handle == 0 || slot == IR_NONE || !build_rep_of(b->unit, typed->type, &rep)) {
        return false;
    }
    build_zero(b, slot, 0, rep.size);
    build_store_at(b, &address_rep, slot, typed->value_at, address);
    build_store_at(b, &handle_rep, slot, typed->type_at, ir_build_const(b->f, IR_I64, handle));
    if (!build_push(b, slot)) {
        return false;
    }
    b->structs[b->depth - 1] = typed->type;
    return true;
}

/* III.4.22: the type is the very one that the reference was made with. */
static bool value_of(struct builder *b, const struct typed *typed, struct cil_type *t)
{
    uint32_t handle = unit_type_handle(b->unit, t), reference = build_pop(b);
    uint32_t found = build_load_at(b, &handle_rep, reference, typed->type_at);
    uint32_t wanted = ir_build_const(b->f, IR_I64, handle);
    build_require(b, build_op(b, IR_EQ, IR_I32, found, wanted), IR_TRAP_SIGNATURE);
    return handle != 0 && build_push(b, build_load_at(b, &address_rep, reference, typed->value_at));
}

bool build_typed(struct builder *b, const struct cil_instruction *i, bool *is_known)
{
    struct typed typed;
    struct cil_type *t = NULL;
    *is_known = i->opcode == CIL_OP_MKREFANY || i->opcode == CIL_OP_REFANYVAL ||
                i->opcode == CIL_OP_REFANYTYPE;
    if (!*is_known) {
        return true;
    }
    if (i->opcode != CIL_OP_REFANYTYPE) {
        t = build_type_token(b, (uint32_t)i->value);
    }
    if (b->d->status != OK || !find_typed(b, &typed)) {
        return false;
    }
    if (i->opcode == CIL_OP_REFANYTYPE) {
        uint32_t handle = build_load_at(b, &handle_rep, build_pop(b), typed.type_at);
        return build_push_handle(b, "RuntimeTypeHandle", handle);
    }
    return i->opcode == CIL_OP_MKREFANY ? make(b, &typed, t) : value_of(b, &typed, t);
}
