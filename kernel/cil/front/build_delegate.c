// SPDX-License-Identifier: MIT
//
// Delegates: an object and the number of a method, which a call gives the object as its first
// argument. A static method is there as one that ignores it.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

static const struct build_rep number_rep = {IR_I64, CIL_I, 8, NULL};
static const struct build_rep word_rep = {IR_I32, CIL_I4, 4, NULL};
static const struct build_rep reference_rep = {IR_I32, CIL_OBJECT, CIL_POINTER_BYTES, NULL};

/* A delegate is two words that any code with a pointer can change, so a call through it trusts
 * neither: the number goes through find_record() (build_call.c), whose comparison of signatures
 * decides. All delegates of a type are called with one signature, that of Invoke with an object as
 * the first argument. So a static method is entered through an adapter that drops the argument, a
 * method of a value type through one that passes the address inside of the box (kind_of(),
 * build_glue.c).
 * A call tests the delegate's mark, the upper half of the number's word: if it has the bit of the
 * delegate type, the method is the first one that delegates of the type were made of, and is called
 * directly. Otherwise the method by number is called (build_dispatch.c): it compares the number
 * with those of all methods in delegates of the type, and goes through find_record() if none is
 * equal, as for delegates that reflection has made. Null has neither mark nor number.
 * The offset of a field of System.Delegate, under its name in Halyard's core library or in mono's.
 * @return 0: there is none; the header of an object is at 0, so no field is. */
static uint32_t find_field(struct builder *b, const char *name, const char *other)
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
    return 0;
}

static bool find_fields(struct builder *b, uint32_t *target, uint32_t *method)
{
    *target = find_field(b, "target", "m_target");
    *method = find_field(b, "method", "method_ptr");
    return (*target != 0 && *method != 0) ||
           build_unsupported(b, "a delegate of a core library in which it has other fields");
}

static unsigned kind_of(const struct cil_callee *c)
{
    return (c->flags & CIL_METHOD_STATIC) != 0 ? CIL_UNIT_STATIC
           : cil_is_reference(c->owner)        ? CIL_UNIT_METHOD
                                               : CIL_UNIT_UNBOX;
}

/* A pointer to a method is its number plus 1, as records have it (record 0 is null). For ldvirtftn
 * the object decides; its table contains numbers in the same form. Methods of C and of the runtime
 * have no record, so a delegate of one is refused here. */
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
            b->found_use = (struct cil_unit_use){0};
            if (number == IR_NONE || (c.arg_count == 0 && !build_use_of(b, &c, &b->found_use))) {
                return false;
            }
            b->found = build_op(b, IR_EXTEND_U, IR_I64, number, 0);
            return build_push(b, b->found);
        }
    }
    uint32_t n = unit_method(b->unit, &c, kind_of(&c));
    return n != IR_NONE && build_push(b, ir_build_const(b->f, IR_I64, n + 1));
}

/* The number of the method that calls each delegate of a list. @return IR_NONE: an error is
 * recorded. */
static uint32_t multi_number(struct builder *b, struct cil_type *t)
{
    uint32_t at = 0;
    const struct cil_callee *open = cil_method_named(t->c, "Invoke", &at);
    if (open == NULL) {
        (void)(b->d->status == OK && build_unsupported(b, "a delegate without Invoke"));
        return IR_NONE;
    }
    struct cil_callee c = *open;
    c.owner = t;
    return unit_method(b->unit, &c, CIL_UNIT_MULTI);
}

/* Delegate.Combine reads the number from this field when it makes a list. The method for lists
 * costs code for each type of delegate, so it exists only if the program combines any: if the first
 * Combine is found late, the whole unit is translated again (cil_unit_build()). */
static bool store_multi(struct builder *b, struct cil_type *t, uint32_t object)
{
    uint32_t at = b->unit->combines ? find_field(b, "multi", "multi") : 0;
    uint32_t number = at == 0 ? 0 : multi_number(b, t);
    if (at != 0 && number != IR_NONE) {
        build_store_at(b, &number_rep, object, at, ir_build_const(b->f, IR_I64, number + 1));
        return unit_add_delegate(b->unit, t, number, NULL);
    }
    return number != IR_NONE;
}

/* What ldftn has named, if that is known here: newobj follows it at once in all verifiable code.
 * @return NULL: ldvirtftn has found the method by an object, which is not null then. */
static const struct cil_unit_method *known_method(const struct builder *b, uint32_t number)
{
    const struct ir_instr *i = &b->f->instrs[number];
    bool is_known = i->op == IR_CONST && i->a != 0 && i->a <= b->unit->count;
    return is_known ? &b->unit->methods[i->a - 1] : NULL;
}

/* II.14.6.1 wants an object for an instance method, but names no exception: .NET and mono throw
 * this one. An object that was just made is none to ask about. */
static void require_target(struct builder *b, const struct cil_unit_method *m, uint32_t target)
{
    bool has_this = m != NULL && (m->kind == CIL_UNIT_METHOD || m->kind == CIL_UNIT_UNBOX) &&
                    (m->sig->convention & CIL_HAS_THIS) != 0;
    if (has_this && target != b->made) {
        build_check_argument(b, target);
    }
}

/* A static method whose first argument is the delegate's object (an extension method in C#) is
 * called as it is: ldftn did not know that, and has named the adapter that drops the object.
 * @return the number in the delegate; IR_NONE: an error is recorded. */
static uint32_t close_static(struct builder *b, const struct cil_unit_method *m, uint32_t number,
                             struct cil_type *t)
{
    const struct cil_callee *invoke = cil_delegate_invoke(b->d, t);
    if (invoke == NULL) {
        return IR_NONE;
    }
    if (m == NULL || m->kind != CIL_UNIT_STATIC ||
        m->sig->param_count != invoke->signature->param_count + 1) {
        return number;
    }
    return ir_build_const(b->f, IR_I64, m->target + UINT64_C(1));
}

/* Only Halyard's core library leaves room for a mark.
 * @return the number with the delegate's mark; IR_NONE: an error is recorded. */
static uint32_t add_mark(struct builder *b, uint32_t number, struct cil_type *t)
{
    uint32_t mark;
    if (known_method(b, number) == NULL) {
        bool is_found = b->found_use.owner != NULL && number == b->found;
        return !is_found || unit_add_virtual_delegate(b->unit, t, &b->found_use) ? number : IR_NONE;
    }
    uint64_t known = b->f->instrs[number].a;
    if (!unit_add_delegate(b->unit, t, (uint32_t)known - 1, &mark)) {
        return IR_NONE;
    }
    bool has_room = find_field(b, "multi", "multi") != 0;
    return ir_build_const(b->f, IR_I64, has_room ? (uint64_t)mark << 32 | known : known);
}

bool build_new_delegate(struct builder *b, struct cil_type *t)
{
    uint32_t number = build_pop(b), target = build_pop(b), target_at, method_at;
    require_target(b, known_method(b, number), target);
    number = close_static(b, known_method(b, number), number, t);
    uint32_t object =
        number != IR_NONE && find_fields(b, &target_at, &method_at) ? build_new(b, t) : IR_NONE;
    number = object == IR_NONE ? IR_NONE : add_mark(b, number, t);
    if (number == IR_NONE) {
        return false;
    }
    build_store_at(b, &reference_rep, object, target_at, target);
    build_store_at(b, &number_rep, object, method_at, number);
    return store_multi(b, t, object) && build_push(b, object);
}

/* Invoke as a method that has a number: what calls it by its name finds the two words in place. As
 * in other adapters nothing lives across the call. */
bool build_pass_to_delegate(struct builder *b)
{
    const struct ir_callee *own = &b->unit->callees[b->f->callee];
    const struct ir_signature *s = &b->unit->signatures[own->signature];
    uint32_t args[BUILD_VARIABLES_MAX + 3], self = b->result.structure != NULL ? 1 : 0, target_at,
                                            method_at;
    if (s->params > BUILD_STACK_MAX || !find_fields(b, &target_at, &method_at)) {
        return b->d->status == OK && build_unsupported(b, "a delegate with many parameters");
    }
    for (uint32_t n = 0; n < s->params; n++) {
        args[n] = ir_param(b->f, b->unit->types[s->types + n]);
    }
    uint32_t delegate = args[self];
    args[self] = build_load_at(b, &reference_rep, delegate, target_at);
    uint32_t number =
        build_op(b, IR_WRAP, IR_I32, build_load_at(b, &number_rep, delegate, method_at), 0);
    unsigned type = s->results == 0 ? (unsigned)IR_VOID : b->unit->types[s->types + s->params];
    uint32_t value = build_call_raw(b, number, own->signature, type, args, s->params);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &value, s->results), s->results);
    return true;
}

/* A delegate of a method of objects that gets the object as its first argument: what the delegate
 * itself has in its place is dropped. The call is that of callvirt. */
bool build_open(struct builder *b)
{
    const struct cil_callee *open = cil_resolve_method(b->m.a, CIL_TOKEN(CIL_METHOD_DEF, b->m.row));
    const struct ir_callee *own = &b->unit->callees[b->f->callee];
    const struct ir_signature s = b->unit->signatures[own->signature];
    uint32_t args[BUILD_VARIABLES_MAX + 4], self = b->result.structure != NULL ? 1 : 0, count = 0;
    unsigned type = s.results == 0 ? (unsigned)IR_VOID : b->unit->types[s.types + s.params];
    if (open == NULL || s.params > BUILD_STACK_MAX) {
        return b->d->status == OK && build_unsupported(b, "a delegate with many parameters");
    }
    struct cil_callee c = *open;
    c.owner = b->m.owner;
    c.args = b->m.args;
    c.arg_count = b->m.arg_count;
    for (uint32_t n = 0; n < s.params; n++) {
        uint32_t value = ir_param(b->f, b->unit->types[s.types + n]);
        if (n != self) {
            args[count++] = value;
        }
    }
    bool is_invoke = c.owner->c->is_delegate && strcmp(c.name, "Invoke") == 0;
    bool is_virtual = !is_invoke && cil_is_reference(c.owner) && build_is_virtual(&c);
    uint32_t number, value;
    build_enter_frame(b);
    if (cil_is_reference(c.owner)) {
        build_require(b, args[self], IR_TRAP_NULL);
    }
    number = is_virtual ? build_virtual_number(b, &c, args[self])
                        : unit_method(b->unit, &c, is_invoke ? CIL_UNIT_INVOKE : CIL_UNIT_METHOD);
    uint32_t signature = unit_signature_number(b->unit, b->m.sig, true);
    if (number == IR_NONE || signature == IR_NONE) {
        return false;
    }
    value = is_virtual ? build_call_raw(b, number, signature, type, args, count)
                       : ir_emit(b->f, IR_CALL, type, CIL_FIRST_METHOD + number,
                                 ir_pool(b->f, args, count), count);
    build_leave_frame(b);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &value, s.results), s.results);
    return true;
}

/* The method by number, for delegates that no method makes with ldftn, too. */
bool build_by_number(struct builder *b)
{
    const struct ir_callee *own = &b->unit->callees[b->f->callee];
    const struct ir_signature s = b->unit->signatures[own->signature];
    uint32_t args[BUILD_VARIABLES_MAX + 4],
        signature = unit_signature_number(b->unit, b->m.sig, true);
    unsigned type = s.results == 0 ? (unsigned)IR_VOID : b->unit->types[s.types + s.params];
    if (signature == IR_NONE || s.params > BUILD_STACK_MAX + 2) {
        return b->d->status == OK && build_unsupported(b, "a delegate with many parameters");
    }
    for (uint32_t n = 0; n < s.params; n++) {
        args[n] = ir_param(b->f, b->unit->types[s.types + n]);
    }
    uint32_t value = build_call_raw(b, args[s.params - 1], signature, type, args, s.params - 1);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &value, s.results), s.results);
    return true;
}

/* ---- Invoke ---- */

struct invoke {
    struct build_call *k;
    uint32_t delegate; /* a value */
    uint32_t target_at, method_at;
    uint32_t by_number;         /* the method that is called with a number */
    uint32_t first, mark;       /* first: a method; IR_NONE: none is known yet */
    bool drops;                 /* it is static: the object is no argument */
    uint32_t next, value_count; /* the block where both ways meet, and its parameters */
    unsigned type;
};

/* The signatures differ only in code that is not verifiable. */
static void find_first(struct builder *b, struct invoke *v)
{
    const struct cil_unit *u = b->unit;
    const struct cil_unit_type *t = unit_find_type(u, v->k->c.owner);
    uint32_t signature = unit_signature_number(b->unit, v->k->sig, true);
    v->first = IR_NONE;
    if (t == NULL || t->mark == 0 || find_field(b, "multi", "multi") == 0 ||
        u->callees[CIL_FIRST_METHOD + t->first - 1].signature != signature) {
        return;
    }
    const struct cil_unit_method *m = &u->methods[t->first - 1];
    v->mark = t->mark;
    v->drops = m->kind == CIL_UNIT_STATIC;
    v->first = v->drops ? m->target : t->first - 1;
}

static void meet(struct builder *b, const struct invoke *v, uint32_t value)
{
    uint32_t edge = ir_edge(b->f, v->next, &value, v->value_count);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, edge, 0, 0);
}

static uint32_t call_first(struct builder *b, const struct invoke *v)
{
    const struct build_call *k = v->k;
    uint32_t args[BUILD_STACK_MAX + 3], count = 0;
    for (uint32_t n = 0; n < k->count; n++) {
        if (n != k->self || !v->drops) {
            args[count++] = k->args[n];
        }
    }
    return ir_emit(b->f, IR_CALL, v->type, CIL_FIRST_METHOD + v->first, ir_pool(b->f, args, count),
                   count);
}

static uint32_t call_other(struct builder *b, const struct invoke *v)
{
    struct build_call *k = v->k;
    k->args[k->self] = build_load_at(b, &reference_rep, v->delegate, v->target_at);
    k->args[k->count] = build_load_at(b, &word_rep, v->delegate, v->method_at);
    return ir_emit(b->f, IR_CALL, v->type, CIL_FIRST_METHOD + v->by_number,
                   ir_pool(b->f, k->args, k->count + 1), k->count + 1);
}

/* Null has no mark, so it is looked for only here. Where the ways meet, code looks for an exception
 * anyway. */
static void call_unless_null(struct builder *b, const struct invoke *v)
{
    if (!b->unit->catches) {
        build_require(b, v->delegate, IR_TRAP_NULL);
        meet(b, v, call_other(b, v));
        return;
    }
    uint32_t null = build_if_not_zero(b, v->delegate);
    meet(b, v, call_other(b, v));
    ir_block_start(b->f, null);
    build_raise(b, IR_TRAP_NULL);
    meet(b, v, v->value_count == 0 ? 0 : ir_build_const(b->f, v->type, 0));
}

/* The object is loaded before the branch, because both words have one address then. Those of null
 * are 0. @return the result. */
static uint32_t call_either(struct builder *b, struct invoke *v)
{
    uint32_t mark = build_load_at(b, &word_rep, v->delegate, v->method_at + 4);
    uint32_t is_first = build_op(b, IR_AND, IR_I32, mark, build_number(b, v->mark));
    v->k->args[v->k->self] = build_load_at(b, &reference_rep, v->delegate, v->target_at);
    v->next = ir_block_new(b->f);
    v->value_count = v->type == IR_VOID ? 0 : 1;
    uint32_t other = build_if_not_zero(b, is_first);
    meet(b, v, call_first(b, v));
    ir_block_start(b->f, other);
    call_unless_null(b, v);
    ir_block_start(b->f, v->next);
    return v->value_count == 0 ? 0 : ir_param(b->f, v->type);
}

bool build_invoke(struct builder *b, struct build_call *k)
{
    struct invoke v = {.k = k, .delegate = k->args[k->self]};
    v.by_number = find_fields(b, &v.target_at, &v.method_at) ? build_dispatcher(b, &k->c) : IR_NONE;
    if (v.by_number == IR_NONE) {
        return false;
    }
    v.type = k->result.structure != NULL ? (unsigned)IR_VOID : k->result.ir;
    find_first(b, &v);
    if (v.first == IR_NONE) {
        build_require(b, v.delegate, IR_TRAP_NULL);
    }
    uint32_t value = v.first == IR_NONE ? call_other(b, &v) : call_either(b, &v);
    (void)build_mark_as(b, value, &k->result);
    build_check_thrown(b);
    return build_push_result(b, k, value);
}

/* ---- Lists of delegates ---- */

struct multi {
    uint32_t params[BUILD_STACK_MAX + 2]; /* the values of all parameters */
    uint32_t places[BUILD_STACK_MAX + 2]; /* in the frame: of a struct's copy */
    struct build_rep reps[BUILD_STACK_MAX + 2];
    uint32_t count, self;
    unsigned type; /* of a result that is no struct */
};

/* Each delegate gets its own copy of a struct, because a callee may change the copy that is passed.
 * The place is in the frame: one for each parameter is enough, since it is written again before
 * each call. The array, the parameters and the last result live across the calls; their marks give
 * them cells (build_roots.c), so a collection in a callee may move the objects that they refer
 * to. */
static bool add_places(struct builder *b, struct multi *p)
{
    build_enter_frame(b);
    for (uint32_t n = p->self + 1; n < p->count; n++) {
        if (p->reps[n].structure != NULL) {
            p->places[n] = build_frame_bytes(b, p->reps[n].size);
            if (!build_add_roots(b, &p->reps[n], p->places[n], false)) {
                return false;
            }
        }
    }
    return true;
}

static bool add_params(struct builder *b, struct multi *p)
{
    const struct cil_signature *s = b->m.sig;
    if (s->param_count > BUILD_STACK_MAX) {
        return build_unsupported(b, "a delegate with more than 100 parameters");
    }
    p->self = b->result.structure != NULL ? 1 : 0;
    p->type = p->self != 0 ? (unsigned)IR_VOID : b->result.ir;
    if (p->self != 0) {
        p->params[p->count++] = ir_param(b->f, IR_I32);
    }
    p->params[p->count++] = build_mark(b, ir_param(b->f, IR_I32), BUILD_OBJECT);
    for (uint32_t n = 0; n < s->param_count; n++) {
        struct build_rep *rep = &p->reps[p->count];
        if (!build_rep_of(b->unit, s->params[n], rep)) {
            return false;
        }
        p->params[p->count++] = build_mark_as(b, ir_param(b->f, rep->ir), rep);
    }
    return add_places(b, p);
}

static void return_last(struct builder *b, const struct multi *p, uint32_t last)
{
    uint32_t count = p->type == IR_VOID ? 0 : 1;
    build_leave_frame(b);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &last, count), count);
}

/* Call the delegate with a number in the list. @return its result; IR_NONE: an error is
 * recorded. */
static uint32_t call_one(struct builder *b, const struct multi *p, uint32_t index)
{
    struct build_call k = {.sig = b->m.sig, .has_this = true, .count = p->count, .self = p->self};
    uint32_t target_at, method_at;
    if (!find_fields(b, &target_at, &method_at)) {
        return IR_NONE;
    }
    k.result = p->type == IR_VOID ? (struct build_rep){IR_VOID, CIL_VOID, 0, NULL} : b->result;
    uint32_t bytes = build_op(b, IR_SHL, IR_I32, index, build_number(b, 3));
    uint32_t at = build_op(b, IR_ADD, IR_I32, p->params[p->self], bytes);
    uint32_t delegate = build_load_at(b, &reference_rep, at, CIL_ELEMENT_AT);
    memcpy(k.args, p->params, p->count * sizeof *k.args);
    for (uint32_t n = p->self + 1; n < p->count; n++) {
        if (p->reps[n].structure != NULL) {
            k.args[n] = build_frame_at(b, p->places[n]);
            build_copy(b, k.args[n], 0, p->params[n], 0, p->reps[n].size);
        }
    }
    k.args[p->self] = build_load_at(b, &reference_rep, delegate, target_at);
    uint32_t number = build_load_at(b, &number_rep, delegate, method_at);
    if (!build_call_number(b, &k, build_op(b, IR_WRAP, IR_I32, number, 0))) {
        return IR_NONE;
    }
    return p->type == IR_VOID ? 0 : build_pop(b);
}

/* An exception ends the calls. */
static void stop_if_thrown(struct builder *b, const struct multi *p, uint32_t last)
{
    if (b->unit->catches) {
        uint32_t next = build_if_not_zero(b, build_load_own(b, IR_I32, CIL_OWN(thrown)));
        return_last(b, p, last);
        ir_block_start(b->f, next);
    }
}

bool build_multi(struct builder *b)
{
    struct multi p = {.count = 0};
    if (!add_params(b, &p)) {
        return false;
    }
    uint32_t loop = ir_block_new(b->f), last = 0, count = p.type == IR_VOID ? 1 : 2;
    uint32_t values[2] = {build_number(b, 0), 0};
    values[1] = count == 2 ? ir_build_const(b->f, p.type, 0) : 0;
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, ir_edge(b->f, loop, values, count), 0, 0);
    ir_block_start(b->f, loop);
    uint32_t index = ir_param(b->f, IR_I32);
    if (count == 2) {
        last = build_mark_as(b, ir_param(b->f, p.type), &b->result);
    }
    uint32_t length = build_load_word(b, p.params[p.self], CIL_LENGTH_AT);
    uint32_t done = build_if_not_zero(b, build_op(b, IR_LT_U, IR_I32, index, length));
    values[1] = call_one(b, &p, index);
    if (values[1] == IR_NONE) {
        return false;
    }
    stop_if_thrown(b, &p, values[1]);
    values[0] = build_op(b, IR_ADD, IR_I32, index, build_number(b, 1));
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, ir_edge(b->f, loop, values, count), 0, 0);
    ir_block_start(b->f, done);
    return_last(b, &p, last);
    return true;
}
