// SPDX-License-Identifier: MIT
//
// Calls of methods whose arguments are boxed, and in an array: MethodBase.Invoke of the core
// library.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

static const struct build_rep reference_rep = {IR_I32, CIL_OBJECT, CIL_POINTER_BYTES, NULL};

/* An adapter gets (object, object[], number), and returns an object. The array has an element more
 * than the method has parameters. The adapter stores the array there right before the call: so its
 * caller knows whether an exception comes from the method, or an argument did not fit. A static
 * method is called with the object, too, through the adapter that drops it (CIL_UNIT_STATIC): so
 * one adapter serves all methods of the same types.
 * The array is not the program's own, so nothing else changes it. */

/* Depths of the stack that no value has: of variables that are passed by reference, and of values
 * whose object may be null. */
static uint32_t place_of(struct builder *b, struct cil_type *t, uint32_t n)
{
    return build_slot_of(b, t, 2 * BUILD_STACK_MAX + 2 + n);
}

/* Push a value of a value type; null is zero. */
static bool push_value(struct builder *b, struct cil_type *t, uint32_t n, uint32_t object)
{
    struct build_rep rep;
    uint32_t place = place_of(b, t, n);
    if (place == IR_NONE || !build_rep_of(b->unit, t, &rep)) {
        return false;
    }
    build_zero(b, place, 0, rep.size);
    uint32_t join = build_if_not_zero(b, object), from = build_unboxed(b, t, object, false);
    if (from == IR_NONE) {
        return false;
    }
    build_copy(b, place, 0, from, 0, rep.size);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, ir_edge(b->f, join, NULL, 0), 0, 0);
    ir_block_start(b->f, join);
    return build_push_from(b, t, place, 0);
}

static bool push_unboxed(struct builder *b, struct cil_type *t, uint32_t n, uint32_t object)
{
    if (!cil_is_reference(t) && !build_is_nullable(t)) {
        return push_value(b, t, n, object);
    }
    return build_push(b, object) && build_unbox_any(b, t);
}

/* A variable that is passed by reference starts with the element, and goes back there. */
static bool push_argument(struct builder *b, uint32_t args, uint32_t n)
{
    struct cil_type *t = cil_plain(b->m.sig->params[n]);
    uint32_t object =
        build_load_at(b, &reference_rep, args, CIL_ELEMENT_AT + CIL_POINTER_BYTES * n);
    if (t->kind != CIL_BYREF) {
        return push_unboxed(b, t, n, object);
    }
    t = cil_plain(t->element);
    if (!push_unboxed(b, t, n, object)) {
        return false;
    }
    uint32_t value = build_pop(b), place = place_of(b, t, BUILD_STACK_MAX + n);
    return place != IR_NONE && build_store_to(b, t, place, 0, value) && build_push(b, place);
}

static bool store_object(struct builder *b, uint32_t args, uint32_t n, uint32_t object)
{
    struct cil_type *t = cil_primitive(b->d, CIL_OBJECT);
    return t != NULL && build_store_to(b, t, args, CIL_ELEMENT_AT + CIL_POINTER_BYTES * n, object);
}

static bool take_back(struct builder *b, uint32_t args)
{
    for (uint32_t n = 0; n < b->m.sig->param_count; n++) {
        struct cil_type *t = cil_plain(b->m.sig->params[n]);
        if (t->kind != CIL_BYREF) {
            continue;
        }
        t = cil_plain(t->element);
        uint32_t place = place_of(b, t, BUILD_STACK_MAX + n);
        if (place == IR_NONE || !build_push_from(b, t, place, 0) || !build_box(b, t) ||
            !store_object(b, args, n, build_pop(b))) {
            return false;
        }
    }
    return true;
}

static bool call(struct builder *b, const struct cil_signature *s, uint32_t object, uint32_t number)
{
    struct build_call k = {.c = {.signature = s}};
    if (!build_pop_arguments(b, &k, false)) {
        return false;
    }
    k.args[k.self] = object;
    return build_call_number(b, &k, build_op(b, IR_WRAP, IR_I32, number, 0));
}

/* The same signature, of a method with `this`. */
static const struct cil_signature *with_this(struct builder *b)
{
    size_t bytes = sizeof *b->m.sig + b->m.sig->param_count * sizeof *b->m.sig->params;
    struct cil_signature *s = arena_alloc(b->unit->arena, bytes);
    if (s != NULL) {
        memcpy(s, b->m.sig, bytes);
        s->convention |= CIL_HAS_THIS;
    }
    return s;
}

bool build_adapter(struct builder *b)
{
    uint32_t object = build_mark(b, ir_param(b->f, IR_I32), BUILD_OBJECT);
    uint32_t args = build_mark(b, ir_param(b->f, IR_I32), BUILD_OBJECT);
    uint32_t number = ir_param(b->f, IR_I64), result;
    const struct cil_signature *s = with_this(b);
    struct cil_type *t = cil_plain(b->m.sig->result);
    b->result = reference_rep; /* of the adapter: an exception returns one */
    b->slots = arena_alloc(b->unit->arena, BUILD_SLOTS_MAX * sizeof *b->slots);
    if (s == NULL || b->slots == NULL) {
        return cil_fail(b->d, NULL, 0, E_NOMEM, "no memory left to compile");
    }
    build_enter_frame(b);
    for (uint32_t n = 0; n < b->m.sig->param_count; n++) {
        if (!push_argument(b, args, n)) {
            return false;
        }
    }
    if (!store_object(b, args, b->m.sig->param_count, args) || !call(b, s, object, number) ||
        !(t->kind == CIL_VOID || build_box(b, t))) {
        return false;
    }
    result = t->kind == CIL_VOID ? build_number(b, 0) : build_pop(b);
    if (!take_back(b, args)) {
        return false;
    }
    build_leave_frame(b);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &result, 1), 1);
    return true;
}
