// SPDX-License-Identifier: MIT
//
// Calls: of known methods, of virtual ones through the object's type, of the runtime's; and new
// objects.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

/* The arguments of a call are, in this order: the place of a struct that is returned, `this`, the
 * parameters. unit_signature_number() makes the signature in the same order, and build.c,
 * build_glue.c and build_delegate.c read parameters in it. A struct is passed as the address of a
 * copy, which belongs to the callee.
 * After a call of a method comes build_check_thrown(), and only then is the result pushed: a
 * handler must not see it, and it has no meaning if the method has thrown. A native method and a
 * helper never store to `thrown`, they return or end the program: so no check follows
 * them. */

/* ---- Arguments and results ---- */

/* A struct is returned to a place of its own: an argument may be in the slot where it goes, and the
 * callee may write its result before it has read that argument. Depths from BUILD_STACK_MAX on are
 * for such places; no value of the stack has them. */
static bool add_place(struct builder *b, struct build_call *k)
{
    if (k->result.structure == NULL) {
        return true;
    }
    k->returned = build_slot_of(b, k->result.structure, BUILD_STACK_MAX + b->depth);
    k->args[0] = k->returned;
    return k->returned != IR_NONE;
}

/* A struct that is passed is a copy for the callee: the slot of the stack is not used again. */
static bool pop_parameters(struct builder *b, struct build_call *k, uint32_t first)
{
    for (uint32_t n = k->sig->param_count; n-- > 0;) {
        struct build_rep rep;
        if (!build_rep_of(b->unit, k->sig->params[n], &rep)) {
            return false;
        }
        uint32_t value = build_pop(b);
        if (rep.structure == NULL) {
            value = build_narrow(b, build_convert(b, value, rep.ir), rep.kind);
        }
        k->args[first + n] = value;
    }
    return true;
}

/* @param takes_this false: of a new object, which is not on the stack. */
bool build_pop_arguments(struct builder *b, struct build_call *k, bool takes_this)
{
    k->sig = k->c.signature;
    k->has_this = (k->sig->convention & CIL_HAS_THIS) != 0;
    if (!build_rep_of(b->unit, k->sig->result, &k->result)) {
        return false;
    }
    uint32_t first = k->result.structure != NULL ? 1 : 0;
    k->self = first;
    first += k->has_this ? 1 : 0;
    k->count = first + k->sig->param_count;
    if (!add_place(b, k) || !pop_parameters(b, k, first)) {
        return false;
    }
    if (k->has_this && takes_this) {
        k->args[k->self] = build_pop_address(b);
    }
    return true;
}

bool build_push_result(struct builder *b, const struct build_call *k, uint32_t value)
{
    if (k->result.structure != NULL) {
        return build_push_struct(b, k->result.structure, k->returned, 0);
    }
    return k->result.ir == IR_VOID || build_push(b, value);
}

static unsigned result_type(const struct build_call *k)
{
    return k->result.structure != NULL ? (unsigned)IR_VOID : k->result.ir;
}

/* ---- Known methods ---- */

/* A call in the place of the method: its frame is gone then, so no argument is a struct, whose copy
 * is in the frame. The result is the method's, without a conversion, and there is no handler around
 * it. Other calls with the prefix are ordinary ones, and ret follows. */
static bool can_replace(struct builder *b, const struct build_call *k)
{
    struct build_rep rep;
    bool can = k->is_tail && k->result.kind == b->result.kind && k->result.ir == b->result.ir &&
               k->result.structure == b->result.structure &&
               b->body.region_at[b->at] == CIL_NO_REGION;
    for (uint32_t n = 0; can && n < k->sig->param_count; n++) {
        can = build_rep_of(b->unit, k->sig->params[n], &rep) && rep.structure == NULL;
    }
    return can;
}

static bool emit_tail(struct builder *b, struct build_call *k, uint32_t n)
{
    if (k->result.structure != NULL) {
        k->args[0] = b->result_at;
    }
    build_leave_frame(b);
    uint32_t pool = ir_pool(b->f, k->args, k->count);
    (void)ir_emit(b->f, IR_TAIL_CALL, IR_VOID, CIL_FIRST_METHOD + n, pool, k->count);
    b->is_over = true;
    return true;
}

static bool emit_number(struct builder *b, struct build_call *k, uint32_t n)
{
    uint32_t pool = ir_pool(b->f, k->args, k->count);
    uint32_t value = ir_emit(b->f, IR_CALL, result_type(k), CIL_FIRST_METHOD + n, pool, k->count);
    (void)build_mark_as(b, value, &k->result);
    build_check_thrown(b);
    return build_push_result(b, k, value);
}

static bool emit_direct(struct builder *b, struct build_call *k)
{
    bool is_done;
    if (!build_inline(b, k, &is_done)) {
        return false;
    }
    if (is_done) {
        return true;
    }
    uint32_t n = unit_method(b->unit, &k->c, CIL_UNIT_METHOD);
    if (n == IR_NONE) {
        return false;
    }
    if (can_replace(b, k)) {
        return emit_tail(b, k, n);
    }
    return emit_number(b, k, n);
}

/* C leaves the upper bits of a narrow result undefined. */
static bool emit_native(struct builder *b, struct build_call *k)
{
    static const struct build_rep word_rep = {IR_I64, CIL_I8, 8, NULL};
    uint32_t callee = unit_native(b->unit, &k->c);
    if (callee == IR_NONE) {
        return false;
    }
    if (k->has_this) {
        build_require(b, k->args[k->self], IR_TRAP_NULL); /* the instruction may be call */
    }
    for (uint32_t n = 0; n < k->sig->param_count; n++) {
        struct build_rep rep;
        uint32_t *arg = &k->args[n + (k->has_this ? 1 : 0)];
        if (build_rep_of(b->unit, k->sig->params[n], &rep) && rep.structure != NULL) {
            *arg = build_load_at(b, &word_rep, *arg, 0);
        }
    }
    uint32_t value =
        ir_emit(b->f, IR_CALL, result_type(k), callee, ir_pool(b->f, k->args, k->count), k->count);
    if (k->result.ir == IR_I32) {
        value = build_narrow(b, value, k->result.kind);
    }
    (void)build_mark_as(b, value, &k->result);
    return build_push_result(b, k, value);
}

/* Methods that are one operation. @return false: it is none. */
static unsigned intrinsic_of(const struct cil_callee *c)
{
    static const struct {
        const char *name;
        uint16_t op;
    } all[] = {{"Sqrt", IR_FSQRT},      {"Floor", IR_FFLOOR}, {"Ceiling", IR_FCEIL},
               {"Truncate", IR_FTRUNC}, {"Abs", IR_FABS},     {"Round", IR_FNEAREST}};
    const struct cil_signature *s = c->signature;
    if (c->owner->c == NULL || !cil_is_core_class(c->owner->c, "Math") || s->param_count != 1 ||
        cil_plain(s->params[0])->kind != CIL_R8) {
        return 0;
    }
    for (size_t n = 0; n < ARRAY_COUNT(all); n++) {
        if (strcmp(c->name, all[n].name) == 0) {
            return all[n].op;
        }
    }
    return 0;
}

static bool is_internal(const struct cil_callee *c)
{
    return (c->impl_flags & CIL_IMPL_INTERNAL_CALL) != 0;
}

static bool emit_known(struct builder *b, struct build_call *k)
{
    unsigned op = is_internal(&k->c) ? intrinsic_of(&k->c) : 0;
    bool is_atomic, is_ok = build_atomic(b, k, &is_atomic);
    if (is_atomic || !is_ok) {
        return is_ok;
    }
    if (op != 0) {
        return build_push(b, build_op(b, op, IR_F64, k->args[0], 0));
    }
    return is_internal(&k->c) ? emit_native(b, k) : emit_direct(b, k);
}

/* ---- Methods by number ---- */

/* Not marked constant: for the verifier of machine code, a call may move tables. */
static uint32_t load_context(struct builder *b, unsigned type, uint32_t offset)
{
    return ir_build(b->f, IR_LOAD, type, IR_NONE, 0,
                    ir_memref(b->f, &(struct ir_memref){.offset = offset,
                                                        .space = IR_SPACE_CONTEXT,
                                                        .alias_class = BUILD_CLASS_CONTEXT}));
}

static uint32_t load_record(struct builder *b, unsigned type, uint32_t address, uint32_t offset)
{
    return ir_build(b->f, IR_LOAD, type, address, 0,
                    ir_memref(b->f, &(struct ir_memref){.offset = offset,
                                                        .space = IR_SPACE_ADDRESS,
                                                        .alias_class = BUILD_CLASS_RECORDS}));
}

/* The record of a method. Numbers come from the window, where code that is not verifiable can write
 * any number, and the verifier of machine code does not trust them: so number, presence and
 * signature are compared, each before the load that relies on it. That verifier accepts the call
 * only if it finds these comparisons in the machine code. The signature is that of the
 * representation, not of CIL: a wrong number leads to another method of the program with the same
 * machine types. */
static uint32_t find_record(struct builder *b, uint32_t number, uint32_t signature)
{
    uint32_t count = load_context(b, IR_I32, offsetof(struct cil_context, method_count));
    build_require(b, build_op(b, IR_LT_U, IR_I32, number, count), IR_TRAP_UNREACHABLE);
    uint32_t all = load_context(b, IR_I64, offsetof(struct cil_context, methods));
    uint32_t wide = build_op(b, IR_EXTEND_U, IR_I64, number, 0);
    uint32_t bytes = build_op(b, IR_SHL, IR_I64, wide, ir_build_const(b->f, IR_I64, 3));
    uint32_t record = load_record(b, IR_I64, build_op(b, IR_ADD, IR_I64, all, bytes), 0);
    uint32_t zero = ir_build_const(b->f, IR_I64, 0);
    build_require(b, build_op(b, IR_NE, IR_I32, record, zero), IR_TRAP_UNREACHABLE);
    uint32_t found = load_record(b, IR_I32, record, offsetof(struct cil_record, signature));
    uint32_t is_it = build_op(b, IR_EQ, IR_I32, found, build_number(b, signature));
    build_require(b, is_it, IR_TRAP_UNREACHABLE);
    return record;
}

uint32_t build_call_raw(struct builder *b, uint32_t number, uint32_t signature, unsigned type,
                        const uint32_t *args, uint32_t count)
{
    uint32_t words[BUILD_STACK_MAX + 4];
    uint32_t record = find_record(b, number, signature);
    words[0] = load_record(b, IR_I64, record, offsetof(struct cil_record, code));
    words[1] = load_record(b, IR_I64, record, offsetof(struct cil_record, context));
    memcpy(words + 2, args, count * sizeof *args);
    uint32_t pool = ir_pool(b->f, words, count + 2);
    return ir_emit(b->f, IR_CALL_INDIRECT, type, signature, pool, count + 2);
}

bool build_call_number(struct builder *b, struct build_call *k, uint32_t number)
{
    uint32_t signature = unit_signature_number(b->unit, k->sig, true);
    if (signature == IR_NONE) {
        return false;
    }
    uint32_t value = build_call_raw(b, number, signature, result_type(k), k->args, k->count);
    (void)build_mark_as(b, value, &k->result);
    build_check_thrown(b);
    return build_push_result(b, k, value);
}

/* ---- Virtual methods ---- */

/* With type arguments: each use has a number, and each type a table of methods by it. The tables
 * are written by unit_write_generics() when all uses are known; their place is loaded at run time,
 * so code that was translated before the last use was added remains right. */
static uint32_t generic_number(struct builder *b, const struct cil_callee *c, uint32_t slot,
                               uint32_t type)
{
    const struct cil_unit_generic use = {{c->owner, slot}, c->args, c->arg_count};
    uint32_t n = unit_use_generic(b->unit, &use);
    return n == IR_NONE ? IR_NONE
                        : build_load_word(b, build_load_word(b, type, CIL_TYPE_GENERIC), 4 * n);
}

/* @return the number in the table of an interface; IR_NONE: an error is recorded. */
static uint32_t interface_number(struct builder *b, const struct cil_callee *c, uint32_t type)
{
    struct cil_run run =
        cil_cell_run(&c->a->image, CIL_TYPE_DEF, c->owner->c->row, CIL_TYPE_DEF_METHODS);
    uint32_t method = c->row - cil_run_row(&c->a->image, CIL_METHOD_DEF, run.first);
    if (c->arg_count != 0) {
        return generic_number(b, c, method, type);
    }
    uint32_t n = unit_interface(b->unit, c->owner);
    if (n == IR_NONE || !unit_use(b->unit, c->owner, method)) {
        return IR_NONE;
    }
    uint32_t tables = build_load_word(b, type, CIL_TYPE_TABLES);
    return build_load_word(b, build_load_word(b, tables, 4 * n), 4 * method);
}

static uint32_t slot_number(struct builder *b, const struct cil_callee *c, uint32_t type)
{
    const struct cil_vtable *v = cil_vtable_make(b->d, c->owner);
    uint32_t slot = v == NULL ? UINT32_MAX : cil_vtable_slot(v, c->a, c->row);
    if (slot == UINT32_MAX) {
        (void)build_unsupported(b, "a virtual method without a slot");
        return IR_NONE;
    }
    if (c->arg_count != 0) {
        return generic_number(b, c, slot, type);
    }
    if (!unit_use(b->unit, c->owner, slot)) {
        return IR_NONE;
    }
    return build_load_word(b, type, CIL_TYPE_METHODS + 4 * slot);
}

uint32_t build_virtual_number(struct builder *b, const struct cil_callee *c, uint32_t object)
{
    uint32_t type = build_load_word(b, object, 0);
    return c->owner->c->is_interface ? interface_number(b, c, type) : slot_number(b, c, type);
}

static bool emit_virtual(struct builder *b, struct build_call *k)
{
    if (k->c.arg_count == 0) {
        uint32_t n = build_dispatcher(b, &k->c);
        k->args[k->count++] = build_load_word(b, k->args[k->self], 0);
        return n != IR_NONE && emit_number(b, k, n);
    }
    uint32_t number = build_virtual_number(b, &k->c, k->args[k->self]);
    return number != IR_NONE && build_call_number(b, k, number);
}

bool build_is_virtual(const struct cil_callee *c)
{
    return (c->flags & CIL_METHOD_VIRTUAL) != 0 && (c->flags & CIL_METHOD_FINAL) == 0 &&
           (c->owner->c->is_interface || (c->owner->c->flags & CIL_TYPE_SEALED) == 0);
}

/* In a program that catches exceptions, the method by type finds null among the types. A trap has
 * to be here, because it has a place. */
static bool emit_callvirt(struct builder *b, struct build_call *k)
{
    bool is_virtual = build_is_virtual(&k->c);
    if (!b->unit->catches || !is_virtual || k->c.arg_count != 0) {
        build_require(b, k->args[k->self], IR_TRAP_NULL);
    }
    return is_virtual ? emit_virtual(b, k) : emit_known(b, k);
}

/* A method of a value type, of itself or inherited, called with the address of a value (III.2.1).
 * The constrained type is known here, because each instantiation is translated on its own: so the
 * method that a virtual call would find is found now, and the value is boxed only for a method that
 * Object, ValueType or Enum defines, which expects an object. */
static bool find_own(struct builder *b, struct cil_type *t, const struct cil_callee *c,
                     struct vmethod *out)
{
    const struct cil_vtable *v = cil_vtable_make(b->d, t);
    if (v == NULL) {
        return false;
    }
    if (c->owner->c->is_interface) {
        struct cil_type *iface = cil_implemented_interface(b->d, t, c->owner);
        return iface != NULL && cil_vtable_implementation(b->d, v, iface, c->row, out);
    }
    const struct cil_vtable *home = cil_vtable_make(b->d, c->owner);
    uint32_t slot = home == NULL ? UINT32_MAX : cil_vtable_slot(home, c->a, c->row);
    if (slot == UINT32_MAX || slot >= v->count) {
        return false;
    }
    *out = v->slots[slot].method;
    return true;
}

static bool box_this(struct builder *b, struct build_call *k, struct cil_type *t)
{
    if (!build_push_from(b, t, k->args[k->self], 0) || !build_box(b, t)) {
        return false;
    }
    k->args[k->self] = build_pop(b);
    return emit_callvirt(b, k);
}

static bool emit_constrained(struct builder *b, struct build_call *k, struct cil_type *t)
{
    static const struct build_rep reference = {IR_I32, CIL_OBJECT, CIL_POINTER_BYTES, NULL};
    if (cil_is_reference(t)) {
        k->args[k->self] = build_load_at(b, &reference, k->args[k->self], 0);
        return emit_callvirt(b, k);
    }
    struct vmethod own;
    if (!build_is_virtual(&k->c)) { /* GetType, of the box */
        return cil_is_reference(k->c.owner) ? box_this(b, k, t) : emit_callvirt(b, k);
    }
    if (!find_own(b, t, &k->c, &own)) {
        return b->d->status == OK && build_unsupported(b, "this constrained call");
    }
    if (own.owner != t) {
        return box_this(b, k, t);
    }
    const struct cil_callee *open = cil_resolve_method(own.a, CIL_TOKEN(CIL_METHOD_DEF, own.row));
    if (open == NULL) {
        return false;
    }
    struct cil_type *const *args = k->c.args;
    uint32_t count = k->c.arg_count;
    k->c = *open;
    k->c.owner = own.owner;
    k->c.args = args;
    k->c.arg_count = count;
    return emit_direct(b, k);
}

/* ---- New objects ---- */

/* III.4.21: a constructor of a value type gets the address of zeroed memory. That is a place of its
 * own, as for a result: the arguments may still be in the slots of the stack. */
static bool new_value(struct builder *b, struct build_call *k)
{
    struct build_rep rep;
    if (!build_rep_of(b->unit, k->c.owner, &rep)) {
        return false;
    }
    uint32_t at = build_slot_of(b, k->c.owner, BUILD_STACK_MAX + b->depth);
    if (at == IR_NONE) {
        return false;
    }
    build_zero(b, at, 0, rep.size);
    k->args[k->self] = at;
    return emit_direct(b, k) && build_push_from(b, k->c.owner, at, 0);
}

/* Strings have no fixed size: a static method of the same parameters makes them. Types exist once,
 * so equal signatures have equal pointers. args[0] was kept free for `this`, which the static
 * method does not have. */
static bool new_string(struct builder *b, struct build_call *k)
{
    const struct cil_callee *made;
    for (uint32_t at = 0; (made = cil_method_named(k->c.owner->c, "Ctor", &at)) != NULL;) {
        uint32_t n = 0;
        if ((made->flags & CIL_METHOD_STATIC) == 0 ||
            made->signature->param_count != k->sig->param_count) {
            continue;
        }
        while (n < k->sig->param_count && made->signature->params[n] == k->sig->params[n]) {
            n++;
        }
        if (n == k->sig->param_count) {
            k->c = *made;
            k->result = (struct build_rep){IR_I32, CIL_OBJECT, CIL_POINTER_BYTES, NULL};
            memmove(k->args, k->args + 1, n * sizeof *k->args);
            k->count = n;
            return emit_direct(b, k);
        }
    }
    return b->d->status == OK && build_unsupported(b, "this constructor of strings");
}

/* The collector learns of an object with a finalizer before its constructor runs: the finalizer
 * runs also if that throws. mono's core library has no such method, and then no finalizer runs. */
static bool register_final(struct builder *b, struct cil_type *t, uint32_t object)
{
    struct cil_class *gc = unit_has_finalizer(b->unit, t) ? unit_core_class(b->unit, "GC") : NULL;
    if (gc == NULL) {
        return b->d->status == OK;
    }
    uint32_t at = 0;
    const struct cil_callee *c = cil_method_named(gc, "Register", &at);
    if (c == NULL) {
        return b->d->status == OK;
    }
    struct build_call k = {.c = *c, .sig = c->signature, .count = 1, .args = {object}};
    k.result = (struct build_rep){IR_VOID, CIL_VOID, 0, NULL};
    return emit_direct(b, &k);
}

/* args[k->self] is free for the object. */
static bool construct(struct builder *b, struct build_call *k)
{
    if (!cil_is_reference(k->c.owner)) {
        return new_value(b, k);
    }
    uint32_t object = build_new(b, k->c.owner);
    if (object == IR_NONE || !register_final(b, k->c.owner, object)) {
        return false;
    }
    k->args[k->self] = object;
    b->made = object;
    b->made_type = k->c.owner;
    return emit_direct(b, k) && build_push(b, object);
}

bool build_construct(struct builder *b, const struct cil_callee *c)
{
    struct build_call k = {.c = *c};
    return build_pop_arguments(b, &k, false) && construct(b, &k);
}

bool build_call_member(struct builder *b, const struct cil_callee *c)
{
    struct build_call k = {.c = *c};
    return build_pop_arguments(b, &k, true) && emit_callvirt(b, &k);
}

/* Activator.CreateInstance<T>(), which `new T()` is in generic code. A value type without a
 * constructor is zero. For a type that cannot be made the method itself is called: it throws. */
static bool is_creation(const struct cil_callee *c)
{
    return c->arg_count == 1 && c->owner->c != NULL &&
           cil_is_core_class(c->owner->c, "Activator") && strcmp(c->name, "CreateInstance") == 0;
}

static bool emit_creation(struct builder *b, struct build_call *k)
{
    struct build_rep rep;
    struct cil_type *t = cil_plain(k->c.args[0]);
    struct build_call made = {.count = 1, .result = {IR_VOID, CIL_VOID, 0, NULL}};
    if (unit_default_constructor(b->unit, t, &made.c)) {
        made.sig = made.c.signature;
        made.has_this = true;
        return construct(b, &made);
    }
    if (cil_is_reference(t)) {
        return b->d->status == OK && emit_direct(b, k);
    }
    uint32_t at = build_slot_of(b, t, BUILD_STACK_MAX + b->depth);
    if (at == IR_NONE || !build_rep_of(b->unit, t, &rep)) {
        return false;
    }
    build_zero(b, at, 0, rep.size);
    return build_push_from(b, t, at, 0);
}

static bool new_object(struct builder *b, const struct cil_instruction *i)
{
    struct build_call k;
    k.is_tail = false;
    if (!build_method_token(b, (uint32_t)i->value, &k.c)) {
        return false;
    }
    if (k.c.row == 0) {
        return build_new_matrix(b, &k.c);
    }
    if (k.c.owner->c->is_delegate) {
        return build_new_delegate(b, k.c.owner);
    }
    if (!build_pop_arguments(b, &k, false)) {
        return false;
    }
    if (k.c.owner->kind == CIL_STRING) {
        return new_string(b, &k);
    }
    return construct(b, &k);
}

/* ---- Methods as objects ---- */

bool build_call_core(struct builder *b, struct cil_class *c, const char *name, const uint32_t *args,
                     uint32_t count)
{
    uint32_t at = 0;
    const struct cil_callee *found = cil_method_named(c, name, &at);
    if (found == NULL) {
        return b->d->status == OK && build_unsupported(b, "a core library without this method");
    }
    struct build_call k = {.c = *found, .sig = found->signature, .count = count};
    memcpy(k.args, args, count * sizeof *args);
    return build_rep_of(b->unit, k.sig->result, &k.result) && emit_direct(b, &k);
}

static bool is_reflection(const struct cil_callee *c, const char *name)
{
    return c->owner->c != NULL && c->owner->c->assembly == c->owner->c->assembly->domain->core &&
           strcmp(c->name, name) == 0 && strcmp(c->owner->c->space, "System.Reflection") == 0;
}

/* MethodBase.GetCurrentMethod: the translator knows it. Of an instance of a generic class or method
 * it is that of the definition. */
static bool emit_current(struct builder *b, struct build_call *k)
{
    const struct cil_callee *open = cil_resolve_method(b->m.a, CIL_TOKEN(CIL_METHOD_DEF, b->m.row));
    if (open == NULL) {
        return false;
    }
    struct cil_callee own = *open;
    own.owner = open->owner->c->type;
    uint32_t n = unit_member(b->unit, &own), number = build_number(b, n + 1);
    return n != IR_NONE && build_call_core(b, k->c.owner->c, "At", &number, 1);
}

/* ---- Instructions ---- */

/* The order matters. An array's own methods have no row, and their arguments are popped by
 * build_matrix(). A prefix counts for this call alone: it is cleared before anything can fail.
 * Invoke of a delegate is virtual, but has no code, so it must not be looked up as a virtual
 * method. */
static bool call(struct builder *b, const struct cil_instruction *i)
{
    struct build_call k;
    struct cil_type *constraint = b->constraint;
    k.is_tail = b->is_tail;
    b->constraint = NULL;
    b->is_tail = false;
    if (!build_method_token(b, (uint32_t)i->value, &k.c)) {
        return false;
    }
    if (k.c.row == 0) {
        return build_matrix(b, &k.c);
    }
    bool is_of_runtime =
        k.c.owner->c->is_delegate && (k.c.impl_flags & CIL_IMPL_CODE_MASK) == CIL_IMPL_RUNTIME;
    if (is_of_runtime && strcmp(k.c.name, "Invoke") != 0) {
        return build_begin_end(b, &k.c);
    }
    if (!build_pop_arguments(b, &k, true)) {
        return false;
    }
    if (is_of_runtime) {
        return build_invoke(b, &k);
    }
    if (constraint != NULL) {
        return emit_constrained(b, &k, constraint);
    }
    if (is_creation(&k.c)) {
        return emit_creation(b, &k);
    }
    if (is_reflection(&k.c, "GetCurrentMethod")) {
        return emit_current(b, &k);
    }
    if (is_reflection(&k.c, "MakeGenericMethod") &&
        !unit_list_types(b->unit, b->named, b->named_count)) {
        return false;
    }
    return i->opcode == CIL_OP_CALLVIRT && k.has_this ? emit_callvirt(b, &k) : emit_known(b, &k);
}

/* III.3.37: a call with the method's own arguments, as they are now, in its place. The verifier has
 * compared the two methods. */
static bool jump(struct builder *b, const struct cil_instruction *i)
{
    for (uint32_t n = 0; n < b->argument_count; n++) {
        if (!build_load_argument(b, n)) {
            return false;
        }
    }
    b->is_tail = true;
    return call(b, i) && (b->is_over || build_ret(b));
}

bool build_calls(struct builder *b, const struct cil_instruction *i, bool *is_known)
{
    *is_known = true;
    switch (i->opcode) {
    case CIL_OP_JMP:
        return jump(b, i);
    case CIL_OP_TAIL:
        b->is_tail = true;
        return true;
    case CIL_OP_CALL:
    case CIL_OP_CALLVIRT:
        return call(b, i);
    case CIL_OP_NEWOBJ:
        return new_object(b, i);
    case CIL_OP_LDFTN:
    case CIL_OP_LDVIRTFTN:
        return build_function(b, i);
    case CIL_OP_CONSTRAINED:
        b->constraint = build_type_token(b, (uint32_t)i->value);
        return b->constraint != NULL;
    case CIL_OP_READONLY:
        b->is_readonly = true;
        return true;
    case CIL_OP_VOLATILE:
        b->is_volatile = true;
        return true;
    case CIL_OP_UNALIGNED:
        return true; /* the machines access any address */
    default:
        *is_known = false;
        return true;
    }
}
