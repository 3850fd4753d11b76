// SPDX-License-Identifier: MIT
//
// Boxes of Nullable<T>: one with a value is a boxed T, one without is null.
#include "kernel/cil/front/build_internal.h"

/* I.8.2.4: the type of an object is never Nullable<T>, so casts and unboxing look for T (by_type()
 * in build_object.c). The core library defines the struct; the compiler finds the two fields by
 * their types, and refuses another form. A null object makes a value that is all zero: unboxing it
 * does not throw. unbox, which makes an address, would need a copy on the heap (III.4.32): it is
 * refused. */

static const struct build_rep flag_rep = {IR_I32, CIL_BOOLEAN, 1, NULL};

bool build_is_nullable(const struct cil_type *t)
{
    return t->kind == CIL_GENERICINST && cil_is_core_class(t->c, "Nullable`1");
}

struct parts {
    struct cil_type *type; /* T */
    struct build_rep rep, whole;
    uint32_t flag, value; /* offsets */
};

/* The two fields of the type, by their types. @return false: an error is recorded. */
static bool find_parts(struct builder *b, struct cil_type *t, struct parts *p)
{
    const struct cil_layout *l = cil_type_layout(b->d, t);
    unsigned found = 0;
    p->type = cil_plain(t->args[0]);
    if (l == NULL || !build_rep_of(b->unit, p->type, &p->rep) ||
        !build_rep_of(b->unit, t, &p->whole)) {
        return false;
    }
    for (uint32_t n = 0; n < l->field_count; n++) {
        const struct cil_field *f = &t->c->fields[n];
        unsigned kind = cil_plain(f->type)->kind;
        if ((f->flags & CIL_FIELD_STATIC) == 0 && (kind == CIL_VAR || kind == CIL_BOOLEAN)) {
            *(kind == CIL_VAR ? &p->value : &p->flag) = l->offsets[n];
            found |= kind == CIL_VAR ? 1 : 2;
        }
    }
    return found == 3 || build_unsupported(b, "a Nullable<T> with other fields");
}

static void jump(struct builder *b, uint32_t to, const uint32_t *args, uint32_t count)
{
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, ir_edge(b->f, to, args, count), 0, 0);
}

bool build_box_nullable(struct builder *b, struct cil_type *t)
{
    struct parts p = {.type = NULL};
    if (!find_parts(b, t, &p)) {
        return false;
    }
    uint32_t from = build_pop(b);
    uint32_t empty = build_if_not_zero(b, build_load_at(b, &flag_rep, from, p.flag)),
             join = ir_block_new(b->f);
    uint32_t object = build_new(b, p.type), null;
    if (object == IR_NONE) {
        return false;
    }
    build_copy(b, object, CIL_HEADER_BYTES, from, p.value, p.rep.size);
    jump(b, join, &object, 1);
    ir_block_start(b->f, empty);
    null = build_number(b, 0);
    jump(b, join, &null, 1);
    ir_block_start(b->f, join);
    return build_push(b, build_mark(b, ir_param(b->f, IR_I32), BUILD_OBJECT));
}

bool build_unbox_nullable(struct builder *b, struct cil_type *t)
{
    struct parts p = {.type = NULL};
    uint32_t object = build_pop_address(b), slot = build_slot_of(b, t, b->depth);
    if (slot == IR_NONE || !find_parts(b, t, &p)) {
        return false;
    }
    build_zero(b, slot, 0, p.whole.size);
    uint32_t join = build_if_not_zero(b, object), from = build_unboxed(b, p.type, object, true);
    if (from == IR_NONE) {
        return false;
    }
    build_copy(b, slot, p.value, from, 0, p.rep.size);
    build_store_at(b, &flag_rep, slot, p.flag, build_number(b, 1));
    jump(b, join, NULL, 0);
    ir_block_start(b->f, join);
    if (!build_push(b, slot)) {
        return false;
    }
    b->structs[b->depth - 1] = t;
    return true;
}
