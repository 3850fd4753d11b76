// SPDX-License-Identifier: MIT
//
// Delegates: an object and the number of a method, which a call gives the object as its first
// argument. A static method is there as one that ignores it.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

static const struct build_rep number_rep = {IR_I64, CIL_I, 8, NULL};
static const struct build_rep reference_rep = {IR_I32, CIL_OBJECT, CIL_POINTER_BYTES, NULL};

/* The offset of a field of System.Delegate, under its name in Halyard's core library or in mono's.
 * @return 0: recorded. */
static uint32_t field_at(struct builder *b, const char *name, const char *other)
{
    struct cil_class *c = unit_core_class(b->unit, "Delegate");
    const struct cil_layout *l = c == NULL ? NULL : cil_type_layout(b->d, c->type);
    for (uint32_t n = 0; l != NULL && n < c->field_count; n++) {
        const struct cil_field *f = &c->fields[n];
        if ((f->flags & CIL_FIELD_STATIC) == 0 &&
            (strcmp(f->name, name) == 0 || strcmp(f->name, other) == 0)) {
            return l->offsets[n];
        }
    }
    (void)build_unsupported(b, "a delegate of a core library in which it has other fields");
    return 0;
}

static bool find_fields(struct builder *b, uint32_t *target, uint32_t *method)
{
    *target = field_at(b, "target", "m_target");
    *method = field_at(b, "method", "method_ptr");
    return *target != 0 && *method != 0;
}

static unsigned kind_of(const struct cil_callee *c)
{
    return (c->flags & CIL_METHOD_STATIC) != 0 ? CIL_UNIT_STATIC
           : cil_is_reference(c->owner)        ? CIL_UNIT_METHOD
                                               : CIL_UNIT_UNBOX;
}

/* A pointer to a method is its number, as records have it. */
bool build_function(struct builder *b, const struct cil_instruction *i)
{
    struct cil_callee c;
    if (!build_method_token(b, (uint32_t)i->value, &c)) {
        return false;
    }
    if (c.row == 0 || (c.impl_flags & (CIL_IMPL_INTERNAL_CALL | CIL_IMPL_CODE_MASK)) != 0) {
        return build_unsupported(b, "a delegate of a method without code");
    }
    if (i->opcode == CIL_OP_LDVIRTFTN) {
        uint32_t object = build_pop_address(b);
        build_require(b, object, IR_TRAP_NULL);
        if (build_is_virtual(&c)) {
            uint32_t number = build_virtual_number(b, &c, object);
            return number != IR_NONE && build_push(b, build_op(b, IR_EXTEND_U, IR_I64, number, 0));
        }
    }
    uint32_t n = unit_method(b->unit, &c, kind_of(&c));
    return n != IR_NONE && build_push(b, ir_build_const(b->f, IR_I64, n + 1));
}

bool build_new_delegate(struct builder *b, struct cil_type *t)
{
    uint32_t number = build_pop(b), target = build_pop(b), target_at, method_at;
    uint32_t object = find_fields(b, &target_at, &method_at) ? build_new(b, t) : IR_NONE;
    if (object == IR_NONE) {
        return false;
    }
    build_store_at(b, &reference_rep, object, target_at, target);
    build_store_at(b, &number_rep, object, method_at, number);
    return build_push(b, object);
}

bool build_invoke(struct builder *b, struct build_call *k)
{
    uint32_t delegate = k->args[k->self], target_at, method_at;
    if (strcmp(k->c.name, "Invoke") != 0) {
        return build_unsupported(b, "this method of a delegate");
    }
    if (!find_fields(b, &target_at, &method_at)) {
        return false;
    }
    build_require(b, delegate, IR_TRAP_NULL);
    k->args[k->self] = build_load_at(b, &reference_rep, delegate, target_at);
    uint32_t number = build_load_at(b, &number_rep, delegate, method_at);
    return build_call_number(b, k, build_op(b, IR_WRAP, IR_I32, number, 0));
}
