// SPDX-License-Identifier: MIT
//
// Methods that are not translated from CIL: between a virtual call and a method of a value type,
// between a delegate and a static method, around initialisers, and those that throw.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

/* Call the target with other arguments: of a boxed value with its place; of a static method in a
 * delegate without the object. An adapter has no frame and no safe point of its own that matters:
 * nothing lives across its call. It does not look for an exception either: its caller does, right
 * after it returns. The place of a value in a box is an address into an object, which the callee
 * marks. */
static bool pass_on(struct builder *b)
{
    const struct ir_callee *own = &b->unit->callees[b->f->callee];
    const struct ir_signature *s = &b->unit->signatures[own->signature];
    uint32_t args[BUILD_VARIABLES_MAX + 3], self = b->result.structure != NULL ? 1 : 0, count = 0;
    for (uint32_t n = 0; n < s->params; n++) {
        uint32_t value = ir_param(b->f, b->unit->types[s->types + n]);
        if (n != self || b->m.kind != CIL_UNIT_STATIC) {
            args[count++] = value;
        }
    }
    if (b->m.kind == CIL_UNIT_UNBOX) {
        args[self] = build_op(b, IR_ADD, IR_I32, args[self], build_number(b, CIL_HEADER_BYTES));
    }
    unsigned type = s->results == 0 ? (unsigned)IR_VOID : b->unit->types[s->types + s->params];
    uint32_t value = ir_emit(b->f, IR_CALL, type, CIL_FIRST_METHOD + b->m.target,
                             ir_pool(b->f, args, count), count);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &value, s->results), s->results);
    return true;
}

static void finish(struct builder *b)
{
    build_leave_frame(b);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, NULL, 0), 0);
}

/* Make an exception, with the arguments of its constructor, and put it on its way. */
static bool raise(struct builder *b)
{
    uint32_t args[BUILD_VARIABLES_MAX + 3], count = 1;
    const struct ir_signature *s = &b->unit->signatures[b->unit->callees[b->f->callee].signature];
    for (; count <= s->params; count++) {
        args[count] = ir_param(b->f, b->unit->types[s->types + count - 1]);
        (void)build_mark(b, args[count], BUILD_OBJECT); /* that of a wrapper */
    }
    build_enter_frame(b);
    uint32_t object = build_new(b, b->m.owner);
    if (object == IR_NONE) {
        return false;
    }
    args[0] = object;
    (void)ir_emit(b->f, IR_CALL, IR_VOID, CIL_FIRST_METHOD + b->m.target,
                  ir_pool(b->f, args, count), count);
    if (!b->unit->catches) {
        return build_throw(b, object);
    }
    bool is_ok = build_note_thrown(b, object) && build_start_throw(b, object);
    finish(b);
    return is_ok;
}

/* ---- Endless expansion ---- */

/* Generic code may always need a larger type. Other CLI implementations load a type when a call
 * first needs it, and fail then. Here a method of such a type is part of the program before it
 * starts, and throws their exception. The remaining depth is for the types of its variables. */
#define METHOD_DEPTH_MAX (CIL_TYPE_DEPTH_MAX - 8)

bool build_is_deep(const struct cil_unit_method *m)
{
    bool is_deep = m->owner->depth > METHOD_DEPTH_MAX;
    for (uint32_t n = 0; n < m->arg_count; n++) {
        is_deep |= m->args[n]->depth > METHOD_DEPTH_MAX;
    }
    return is_deep;
}

/* Its caller finds the exception, as after any call. */
static bool throw_deep(struct builder *b)
{
    const struct ir_callee *own = &b->unit->callees[b->f->callee];
    const struct ir_signature s = b->unit->signatures[own->signature];
    for (uint32_t n = 0; n < s.params; n++) {
        (void)ir_param(b->f, b->unit->types[s.types + n]);
    }
    uint32_t n = build_raiser(b, "System", "TypeLoadException", 0), value = 0;
    if (n == IR_NONE) {
        return false;
    }
    (void)ir_emit(b->f, IR_CALL, IR_VOID, CIL_FIRST_METHOD + n, ir_pool(b->f, NULL, 0), 0);
    if (s.results != 0) {
        value = ir_build_const(b->f, b->unit->types[s.types + s.params], 0);
    }
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &value, s.results), s.results);
    return true;
}

/* ---- Initialisers ---- */

static bool find_wrapper(struct builder *b, struct cil_callee *out)
{
    struct cil_class *c = unit_core_class(b->unit, "TypeInitializationException");
    if (c == NULL) {
        return false;
    }
    const struct cil_image *m = &c->assembly->image;
    struct cil_run run = cil_cell_run(m, CIL_TYPE_DEF, c->row, CIL_TYPE_DEF_METHODS);
    for (uint32_t at = run.first; at < run.end; at++) {
        uint32_t row = cil_run_row(m, CIL_METHOD_DEF, at);
        const struct cil_callee *k =
            strcmp(cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME), ".ctor") != 0
                ? NULL
                : cil_resolve_method(c->assembly, CIL_TOKEN(CIL_METHOD_DEF, row));
        if (k != NULL && k->signature->param_count == 2 &&
            cil_plain(k->signature->params[0])->kind == CIL_STRING &&
            cil_is_reference(cil_plain(k->signature->params[1]))) {
            *out = *k;
            return true;
        }
    }
    return b->d->status == OK &&
           build_unsupported(b, "a TypeInitializationException without (string, Exception)");
}

/* The name of a type as a literal. @return 0: an error is recorded. */
static uint32_t name_literal(struct builder *b, const struct cil_type *t)
{
    char name[200];
    size_t len = MIN(cil_type_text(name, sizeof name, t), sizeof name - 1);
    uint8_t *text = arena_alloc(b->unit->arena, 2 * len + 1);
    if (text == NULL) {
        (void)cil_fail(b->d, NULL, 0, E_NOMEM, "no memory left to compile");
        return 0;
    }
    for (size_t n = 0; n < len; n++) {
        text[2 * n] = (uint8_t)name[n];
        text[2 * n + 1] = 0;
    }
    return unit_literal(b->unit, (struct cil_bytes){text, 2 * (uint32_t)len});
}

/* Other threads that wait for the initialiser go on then. */
static void set_flag(struct builder *b, uint32_t flag, uint32_t value)
{
    const uint32_t args[] = {build_number(b, flag), build_number(b, value)};
    if (b->unit->threads) {
        (void)build_help(b, CIL_HELPER_DONE, args, 2);
    } else {
        build_store_cell(b, flag, args[1]);
    }
}

/* The exception of an initialiser, in another one, which every further use of the type throws. The
 * cell is cleared before the constructor runs, since code in it would look as if it had thrown. The
 * outer exception is kept beside the flag, which becomes 0 again: so the next use comes here, finds
 * it, and throws it. */
static bool wrap_thrown(struct builder *b, uint32_t flag)
{
    struct cil_callee c;
    uint32_t inner = build_mark(b, build_load_own(b, IR_I32, CIL_OWN(thrown)), BUILD_OBJECT);
    uint32_t name = find_wrapper(b, &c) ? name_literal(b, b->m.owner) : 0;
    uint32_t n = name == 0 ? IR_NONE : unit_method(b->unit, &c, CIL_UNIT_METHOD);
    uint32_t object = n == IR_NONE ? IR_NONE : build_new(b, c.owner);
    if (object == IR_NONE) {
        return false;
    }
    const uint32_t args[] = {object, build_number(b, name), inner};
    build_store_own(b, CIL_OWN(thrown), build_number(b, 0));
    if (!build_note_caught(b, inner)) {
        return false;
    }
    (void)ir_emit(b->f, IR_CALL, IR_VOID, CIL_FIRST_METHOD + n, ir_pool(b->f, args, 3), 3);
    build_store_cell(b, flag + 4, object);
    set_flag(b, flag, 0);
    bool is_ok = build_note_thrown(b, object) && build_start_throw(b, object);
    finish(b);
    return is_ok;
}

/* Initialisers in a circle see the fields as they are so far. So the flag is set before one runs;
 * in a program with threads after it, since other threads wait for it, and the runtime knows which
 * thread comes here again. */
static bool initialise(struct builder *b)
{
    uint32_t flag = unit_type(b->unit, b->m.owner)->flag, next;
    bool is_ok = true;
    build_enter_frame(b);
    if (b->unit->threads) {
        const uint32_t arg = build_number(b, flag);
        next = build_if_not_zero(
            b, build_op(b, IR_EQZ, IR_I32, build_help(b, CIL_HELPER_BEGIN, &arg, 1), 0));
        finish(b);
        ir_block_start(b->f, next);
    }
    if (b->unit->catches) {
        uint32_t failed = build_load_cell(b, flag + 4);
        next = build_if_not_zero(b, failed);
        if (b->unit->threads) {
            set_flag(b, flag, 0);
        }
        failed = build_mark(b, failed, BUILD_OBJECT);
        is_ok = build_note_thrown(b, failed) && build_start_throw(b, failed);
        finish(b);
        ir_block_start(b->f, next);
    }
    if (!b->unit->threads) {
        set_flag(b, flag, 1);
    }
    uint32_t chain = b->unit->filters ? build_load_own(b, IR_I32, CIL_OWN(chain)) : IR_NONE;
    if (chain != IR_NONE) { /* no handler outside gets the exception as it is */
        build_store_own(b, CIL_OWN(chain), build_number(b, 0));
    }
    (void)ir_emit(b->f, IR_CALL, IR_VOID, CIL_FIRST_METHOD + b->m.target, ir_pool(b->f, NULL, 0),
                  0);
    if (chain != IR_NONE) {
        build_store_own(b, CIL_OWN(chain), chain);
    }
    if (b->unit->catches) {
        next = build_if_not_zero(b, build_load_own(b, IR_I32, CIL_OWN(thrown)));
        is_ok = is_ok && wrap_thrown(b, flag);
        ir_block_start(b->f, next);
    }
    if (b->unit->threads) {
        set_flag(b, flag, 1);
    }
    finish(b);
    return is_ok;
}

bool build_glue(struct builder *b)
{
    switch (b->m.kind) {
    case CIL_UNIT_METHOD:
        return throw_deep(b);
    case CIL_UNIT_RAISE:
        return raise(b);
    case CIL_UNIT_INITIALISE:
        return initialise(b);
    case CIL_UNIT_SEARCH:
        return build_search(b);
    case CIL_UNIT_MULTI:
        return build_multi(b);
    case CIL_UNIT_ADAPT:
        return build_adapter(b);
    case CIL_UNIT_OPEN:
        return build_open(b);
    case CIL_UNIT_ATTRIBUTE:
        return build_attribute(b);
    case CIL_UNIT_DISPATCH:
        return build_dispatch(b);
    case CIL_UNIT_INVOKE:
        return build_pass_to_delegate(b);
    case CIL_UNIT_NUMBER:
        return build_by_number(b);
    case CIL_UNIT_NULL:
        return build_null(b);
    default:
        return pass_on(b);
    }
}
