// SPDX-License-Identifier: MIT
//
// Verifies branches, calls, returns and exceptions.
#include "kernel/cil/front/verify_internal.h"
#include "kernel/lib/string.h"

/* ---- Branches ---- */

/* I.12.4.2.8: control enters a try block only at its start, and a handler only by an exception.
 * region_at[] of body.c has the innermost region of each offset. Offsets in the same region may
 * reach each other; a target that is the start of a try block counts as a part of the region around
 * that block, and so on outwards, because falling into it there is allowed. The same rule is in
 * check_fall() in verify.c, for control that goes on without a branch: both must change together.
 * build_regions.c relies on them. */

static bool is_before_try(const struct verifier *v, uint32_t r, uint32_t target)
{
    return r != CIL_NO_REGION && v->body.regions[r].kind == CIL_REGION_TRY &&
           v->body.regions[r].at == target;
}

/* A branch stays in its region, or goes to the start of a try block in it. */
static bool branch_to(struct verifier *v, uint32_t target)
{
    uint32_t home = v->body.region_at[v->at], r = v->body.region_at[target];
    while (r != home && is_before_try(v, r, target)) {
        r = v->body.regions[r].parent;
    }
    if (r != home) {
        return cil_verify_invalid(
            v, "a branch to IL_%04x, out of a try block or handler, or into one", target);
    }
    return cil_verify_flow(v, target);
}

static bool branch(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)arg;
    v->is_over = true;
    return branch_to(v, (uint32_t)i->value);
}

/* brtrue tests any kind that has a zero: integers, objects, addresses. After it control also goes
 * on, with the same stack, so that is_over stays false. */
static bool branch_if(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    (void)arg;
    if (!cil_verify_pop(v, &e)) {
        return false;
    }
    if (e.kind == ENTRY_F || e.kind == ENTRY_VALUE) {
        return cil_verify_invalid(v, "%s as a condition", cil_verify_entry_name(&e));
    }
    return branch_to(v, (uint32_t)i->value);
}

#define ORDERED 1u /* less or greater: not of objects */

static bool is_address(const struct entry *e)
{
    return e->kind == ENTRY_PTR || e->kind == ENTRY_FTN || e->kind == ENTRY_BYREF;
}

static bool is_integer(const struct entry *e)
{
    return e->kind == ENTRY_I4 || e->kind == ENTRY_I;
}

/* III.1.5, table 4. Objects compare only as equal or not, and cgt.un counts as that because
 * compilers write "is not null" with it: its rule in the table below has no ORDERED. An address and
 * an integer compare because the one is a number for the machine; in verifiable code that says
 * nothing about where objects are, except whether two addresses are the same. */
static bool compare(struct verifier *v, const struct cil_instruction *i, unsigned ordered)
{
    struct entry a, b;
    if (!cil_verify_pop(v, &b) || !cil_verify_pop(v, &a)) {
        return false;
    }
    bool are_numbers = (is_integer(&a) && is_integer(&b)) ||
                       (a.kind == b.kind && (a.kind == ENTRY_I8 || a.kind == ENTRY_F));
    bool are_objects = a.kind == ENTRY_REF && b.kind == ENTRY_REF && ordered == 0;
    if (are_numbers || are_objects) {
        return true;
    }
    bool are_addresses =
        (is_address(&a) || a.kind <= ENTRY_I) && (is_address(&b) || b.kind <= ENTRY_I);
    if (!are_addresses) {
        return cil_verify_invalid(v, "%s of %s and %s", cil_opcode_name(i->opcode),
                                  cil_verify_entry_name(&a), cil_verify_entry_name(&b));
    }
    return a.kind == b.kind || a.kind == ENTRY_I || b.kind == ENTRY_I ||
           cil_verify_reject(v, "a comparison of different pointers");
}

static bool compare_value(struct verifier *v, const struct cil_instruction *i, unsigned ordered)
{
    return compare(v, i, ordered) && cil_verify_push_kind(v, ENTRY_I4);
}

static bool compare_branch(struct verifier *v, const struct cil_instruction *i, unsigned ordered)
{
    return compare(v, i, ordered) && branch_to(v, (uint32_t)i->value);
}

static bool branch_table(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)arg;
    if (!cil_verify_pop_integer(v)) {
        return false;
    }
    for (uint32_t n = 0; n < i->value; n++) {
        if (!branch_to(v, cil_switch_target(v->body.code, i, n))) {
            return false;
        }
    }
    return true;
}

static bool nothing(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)v, (void)i, (void)arg;
    return true;
}

/* ---- Exceptions ---- */

/* The innermost handler or filter around the instruction; NULL: none. Try blocks inside are
 * skipped. */
static const struct cil_region *handler_around(const struct verifier *v)
{
    uint32_t r = v->body.region_at[v->at];
    while (r != CIL_NO_REGION && v->body.regions[r].kind == CIL_REGION_TRY) {
        r = v->body.regions[r].parent;
    }
    return r == CIL_NO_REGION ? NULL : &v->body.regions[r];
}

/* leave goes outwards, out of try blocks and catch handlers only (III.3.46). The loop walks from
 * the instruction's region to that of the target and examines each region that control leaves. It
 * ends with an error at the method's top if the target's region is not around the instruction: then
 * leave would enter a block. The stack is emptied, so the target has to expect none. The finally
 * blocks on the way run in between; cil_verify_flow() skips them, because they cannot change the
 * stack, and their stores to variables with a slot are in all states (set_everywhere()). */
static bool leave(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    uint32_t target = (uint32_t)i->value, home = v->body.region_at[target];
    (void)arg;
    while (is_before_try(v, home, target)) {
        home = v->body.regions[home].parent;
    }
    for (uint32_t r = v->body.region_at[v->at]; r != home; r = v->body.regions[r].parent) {
        if (r == CIL_NO_REGION) {
            return cil_verify_invalid(v, "leave goes into a try block or handler");
        }
        const struct cil_region *region = &v->body.regions[r];
        unsigned kind = v->body.clauses[region->clause].kind;
        if (region->kind == CIL_REGION_FILTER ||
            (region->kind == CIL_REGION_HANDLER && kind != CIL_CATCH && kind != CIL_FILTER)) {
            return cil_verify_invalid(v,
                                      "leave goes out of a finally block, fault block or filter");
        }
        /* A target inside of an outer try block that starts there was looked through above. */
        if (v->body.region_at[target] == r) {
            break;
        }
    }
    v->depth = 0;
    v->is_over = true;
    return cil_verify_flow(v, target);
}

/* Where control goes after endfinally is decided by the leave or the exception that started the
 * block, so there is no target here. Values that are still on the stack are dropped. */
static bool end_finally(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)i, (void)arg;
    uint32_t r = v->body.region_at[v->at];
    bool is_ok = r != CIL_NO_REGION && v->body.regions[r].kind == CIL_REGION_HANDLER;
    unsigned kind = is_ok ? v->body.clauses[v->body.regions[r].clause].kind : CIL_CATCH;
    v->is_over = true;
    return kind == CIL_FINALLY || kind == CIL_FAULT ||
           cil_verify_invalid(v, "endfinally outside of a finally or fault block");
}

/* III.3.34: endfilter is the last instruction of a filter, and occurs only there. The filter's
 * region ends where its handler starts, so control cannot fall into the handler without the
 * exception. */
static bool end_filter(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    uint32_t r = v->body.region_at[v->at];
    (void)arg;
    v->is_over = true;
    if (r == CIL_NO_REGION || v->body.regions[r].kind != CIL_REGION_FILTER ||
        i->end != v->body.regions[r].end) {
        return cil_verify_invalid(v, "endfilter is not the end of a filter");
    }
    return cil_verify_pop_integer(v) &&
           (v->depth == 0 || cil_verify_invalid(v, "a filter ends with more than its answer"));
}

static bool throw_object(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct entry e;
    (void)i, (void)arg;
    v->is_over = true;
    return cil_verify_pop_ref(v, &e);
}

static bool rethrow(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    const struct cil_region *r = handler_around(v);
    (void)i, (void)arg;
    v->is_over = true;
    bool is_ok = r != NULL && r->kind == CIL_REGION_HANDLER &&
                 (v->body.clauses[r->clause].kind == CIL_CATCH ||
                  v->body.clauses[r->clause].kind == CIL_FILTER);
    return is_ok || cil_verify_invalid(v, "rethrow outside of a handler");
}

/* The stack holds the result and nothing else. No address of this frame leaves the method: the
 * entry is examined before it is popped, because cil_verify_pop_type() does not return its flags. A
 * constructor must have called another one on every path that comes here: has_this is joined as a
 * promise, so one path without the call is enough to refuse the method. */
static bool return_value(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    struct cil_type *t = cil_plain(v->method->signature->result);
    (void)i, (void)arg;
    v->is_over = true;
    if (v->body.region_at[v->at] != CIL_NO_REGION) {
        return cil_verify_invalid(v, "ret inside of a try block or handler");
    }
    if (t->kind != CIL_VOID) {
        struct entry e = cil_verify_top(v);
        if ((cil_verify_leads(&e) &&
             !cil_verify_reject(v, "the address of a local variable is returned")) ||
            !cil_verify_pop_type(v, t)) {
            return false;
        }
    }
    if (v->depth != 0) {
        return cil_verify_invalid(v, "%u more values on the stack than it returns", v->depth);
    }
    return v->has_this || cil_verify_reject(v, "a constructor returns without calling another one");
}

/* ---- Calls ---- */

/* Arguments are popped from the last one to the first, then `this`. While that happens, struct
 * cil_verify_passed collects what the call receives: which arguments may lead into this frame, and
 * which ref structs the callee may write to. From that alone push_result() decides what the result
 * may lead to, and whether the callee could keep an address. The callee's body is never examined
 * for it, so a method is verified the same whatever it calls does. */

static bool check_callable(struct verifier *v, const struct cil_instruction *i,
                           const struct cil_callee *c)
{
    if ((c->signature->convention & CIL_CONVENTION_MASK) == CIL_CONVENTION_VARARG) {
        return cil_body_fail(&v->body, v->at, E_NOTSUP,
                             "variable arguments (vararg) of %s are not supported", c->name);
    }
    if (c->signature->generic_count != 0 && c->args == NULL) {
        return cil_verify_invalid(v, "%s needs %u type arguments", c->name,
                                  c->signature->generic_count);
    }
    return cil_verify_method_arguments(v, c) && cil_verify_names_method(v, (uint32_t)i->value, c);
}

static bool pop_arguments(struct verifier *v, const struct cil_signature *s,
                          struct cil_verify_passed *passed)
{
    for (uint32_t n = s->param_count; n-- > 0;) {
        struct entry e = cil_verify_top(v);
        cil_verify_pass(v, &e, false, passed);
        if (!cil_verify_pop_type(v, s->params[n])) {
            return false;
        }
    }
    return true;
}

/* `this` of a constructor that is called on the object being constructed: of its own class or of
 * the direct parent. After the call the object is initialised wherever it is on the stack, so all
 * entries lose ENTRY_UNINIT. Verifiable code has no copy of it in a variable, because such an entry
 * fits none (cil_verify_fits()), and argument 0 gets the flag anew from has_this at each ldarg. */
static bool check_base_call(struct verifier *v, const struct cil_callee *c, const struct entry *e)
{
    struct cil_type *parent = cil_type_parent(v->d, v->c->self);
    if ((e->flags & ENTRY_UNINIT) == 0 || !(c->owner == v->c->self || c->owner == parent)) {
        return cil_verify_reject(v, "%s is called on an object that exists", c->name);
    }
    v->has_this = true;
    for (uint32_t n = 0; n < v->depth; n++) {
        v->stack[n].flags &= (uint8_t)~ENTRY_UNINIT;
    }
    return true;
}

/* III.2.1: callvirt with constrained. T is called with the address of a T. If T is a value type
 * that does not implement the method itself, the compiler boxes the value, which a ref struct must
 * not be (cil_verify_not_boxed()). */
static bool check_constrained(struct verifier *v, const struct cil_callee *c, const struct entry *e)
{
    struct cil_type *t = v->constrained;
    if (e->kind != ENTRY_BYREF || e->type != t) {
        return cil_verify_reject(v, "constrained. does not have an address of its type");
    }
    if (!cil_verify_is_subtype(v, t, c->owner)) {
        return cil_verify_reject(v, "the type of constrained. has no method %s", c->name);
    }
    return cil_verify_may_use(v, c->owner, c->flags, c->name, t) && cil_verify_not_boxed(v, t, c);
}

/* A method of a value type gets the address of the value. Code that is not trusted has such
 * addresses only from variables, fields, elements and unbox, so they lead to a value of just this
 * type. */
static bool check_value_this(struct verifier *v, const struct cil_callee *c, const struct entry *e)
{
    if (e->kind == ENTRY_BYREF) {
        return cil_same_reduced(v->d, e->type, c->owner) ||
               cil_verify_reject(v, "%s is called on a value of another type", c->name);
    }
    if (e->kind == ENTRY_PTR || e->kind == ENTRY_I) {
        return cil_verify_reject(v, "%s is called through an unmanaged pointer", c->name);
    }
    return cil_verify_invalid(v, "%s in place of the address that %s is called on",
                              cil_verify_entry_name(e), c->name);
}

static bool check_object_this(struct verifier *v, const struct cil_callee *c, const struct entry *e)
{
    if (e->kind != ENTRY_REF) {
        return cil_verify_invalid(v, "%s in place of the object that %s is called on",
                                  cil_verify_entry_name(e), c->name);
    }
    if ((e->flags & ENTRY_UNINIT) != 0) {
        return cil_verify_reject(v, "the object is used before its base constructor has run");
    }
    if (e->type != NULL && !cil_verify_is_subtype(v, e->type, c->owner)) {
        return cil_verify_reject(v, "the object has no method %s", c->name);
    }
    return cil_verify_may_use(v, c->owner, c->flags, c->name, e->type);
}

static bool is_value_owner(const struct cil_callee *c)
{
    return c->owner->c != NULL && c->owner->c->is_value_type;
}

static bool may_be_replaced(const struct cil_callee *c)
{
    return c->row != 0 && (c->flags & CIL_METHOD_VIRTUAL) != 0 &&
           (c->flags & CIL_METHOD_FINAL) == 0 && c->owner->c != NULL &&
           (c->owner->c->flags & CIL_TYPE_SEALED) == 0;
}

/* The order of the cases matters: constrained. decides alone what `this` is, even of a value type,
 * and the rule for constructors must come before check_object_this(), which refuses an object whose
 * base constructor has not run. */
static bool pop_this(struct verifier *v, const struct cil_callee *c, bool is_virtual,
                     struct cil_verify_passed *passed)
{
    struct entry e;
    if (!cil_verify_pop(v, &e)) {
        return false;
    }
    cil_verify_pass(v, &e, true, passed);
    if (v->constrained != NULL) {
        return check_constrained(v, c, &e);
    }
    if (is_value_owner(c)) {
        return check_value_this(v, c, &e);
    }
    if (strcmp(c->name, ".ctor") == 0) {
        return e.kind == ENTRY_REF ? check_base_call(v, c, &e)
                                   : cil_verify_invalid(v, "a constructor is called on no object");
    }
    if (!check_object_this(v, c, &e)) {
        return false;
    }
    /* Calling a virtual method as it is in a base class is for the object's own methods. */
    bool is_own = (e.flags & ENTRY_THIS) != 0;
    return is_virtual || !may_be_replaced(c) || is_own ||
           (e.type != NULL && e.type->c != NULL && e.type->c->is_value_type) ||
           cil_verify_reject(v, "call of the virtual method %s on another object", c->name);
}

static bool push_result(struct verifier *v, const struct cil_signature *s,
                        const struct cil_verify_passed *passed)
{
    struct entry e;
    struct cil_type *t = cil_plain(s->result);
    if (!cil_verify_kept_by_call(v, passed)) {
        return false;
    }
    if (t->kind == CIL_VOID) {
        return true;
    }
    if (!cil_verify_entry(v, t, &e)) {
        return false;
    }
    e.flags = cil_verify_returned(&e, passed);
    return cil_verify_push(v, e);
}

/* After a call with tail. comes ret, and nothing of this frame is needed any more. */
static bool check_tail(struct verifier *v, const struct cil_instruction *i, bool leads)
{
    struct cil_instruction next;
    if (!v->is_tail) {
        return true;
    }
    if (!cil_decode(v->body.code, i->end, &next) || next.opcode != CIL_OP_RET) {
        return cil_verify_invalid(v, "no ret after a call with tail.");
    }
    return !leads ||
           cil_verify_reject(v, "an address of this frame is passed to a call with tail.");
}

static bool call(struct verifier *v, const struct cil_instruction *i, unsigned is_virtual)
{
    const struct cil_callee *c = cil_resolve_method(v->a, (uint32_t)i->value);
    struct cil_verify_passed passed = {.has_local = false};
    if (c == NULL || !check_callable(v, i, c) || !pop_arguments(v, c->signature, &passed)) {
        return false;
    }
    bool has_this = (c->signature->convention & CIL_HAS_THIS) != 0;
    if (!has_this && is_virtual != 0) {
        return cil_verify_invalid(v, "callvirt of the static method %s", c->name);
    }
    if (has_this && !pop_this(v, c, is_virtual != 0, &passed)) {
        return false;
    }
    if ((c->flags & CIL_METHOD_ABSTRACT) != 0 && is_virtual == 0) {
        return cil_verify_invalid(v, "call of the abstract method %s", c->name);
    }
    return check_tail(v, i, passed.has_local) && push_result(v, c->signature, &passed);
}

/* calli exists in trusted code only: any number may be on the stack in place of an address. The
 * signature comes from the table StandAloneSig; it may be that of variables or a field, which
 * cil_decode_method() refuses. */
static bool call_indirect(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    uint32_t token = (uint32_t)i->value;
    struct entry e;
    struct cil_verify_passed passed = {.has_local = false};
    (void)arg;
    if (!cil_verify_reject(v, "calli is not verifiable")) {
        return false;
    }
    if (CIL_TOKEN_TABLE(token) != CIL_STAND_ALONE_SIG || !cil_token_exists(&v->a->image, token)) {
        return cil_verify_invalid(v, "token 0x%08x is not of a signature", token);
    }
    const struct cil_signature *s =
        cil_decode_method(v->a,
                          cil_cell_blob(&v->a->image, CIL_STAND_ALONE_SIG, CIL_TOKEN_ROW(token),
                                        CIL_STAND_ALONE_SIG_SIGNATURE),
                          token);
    if (s == NULL || !cil_verify_pop(v, &e) || !pop_arguments(v, s, &passed)) {
        return false;
    }
    bool has_this = (s->convention & CIL_HAS_THIS) != 0;
    return (!has_this || cil_verify_pop(v, &e)) && push_result(v, s, &passed);
}

/* ---- Delegates ---- */

/* The method accepts the arguments of the delegate's Invoke, and its result fits the result of
 * Invoke. For a static method the delegate's object may be the first argument. */
static bool method_fits(struct verifier *v, const struct cil_signature *invoke,
                        const struct cil_callee *m, const struct entry *object)
{
    const struct cil_signature *s = m->signature;
    bool is_static = (s->convention & CIL_HAS_THIS) == 0;
    uint32_t skip = is_static && s->param_count == invoke->param_count + 1 ? 1 : 0;
    struct entry e;
    if (s->param_count - skip != invoke->param_count ||
        (skip == 1 && !cil_verify_fits(v, *object, s->params[0]))) {
        return false;
    }
    for (uint32_t n = 0; n < invoke->param_count; n++) {
        if (!cil_verify_entry(v, invoke->params[n], &e) ||
            !cil_verify_fits(v, e, s->params[n + skip])) {
            return false;
        }
    }
    if (cil_plain(invoke->result)->kind == CIL_VOID || cil_plain(s->result)->kind == CIL_VOID) {
        return cil_plain(invoke->result)->kind == cil_plain(s->result)->kind;
    }
    return cil_verify_entry(v, s->result, &e) && cil_verify_fits(v, e, invoke->result);
}

/* Does control come to an instruction only from the one that ends there? */
static bool follows(const struct verifier *v, const struct cil_instruction *i, uint32_t end)
{
    return i->at == end && (v->body.flags[i->at] & CIL_TARGET) == 0;
}

/* III.4.21: the delegate's object is the one whose override ldvirtftn has found, or the override
 * would be called on an object of another class. Only the sequence dup, ldvirtftn, newobj proves
 * that. */
static bool check_same_object(struct verifier *v, const struct cil_instruction *i,
                              const struct entry *target)
{
    return (target->flags & ENTRY_VIRTUAL) == 0 || follows(v, i, v->after_virtual) ||
           cil_verify_reject(v, "the delegate's object may be another one than that of ldvirtftn");
}

/* The delegate that is made here is called later with the arguments of Invoke and without a check,
 * so object and method are compared with it now (II.14.6). ENTRY_FTN has the method that ldftn
 * named. A number in its place is possible in trusted code only, and then nothing is known. */
static bool new_delegate(struct verifier *v, const struct cil_instruction *i,
                         const struct cil_callee *c)
{
    struct entry target, object;
    const struct cil_callee *invoke = cil_delegate_invoke(v->d, c->owner);
    if (invoke == NULL || !cil_verify_pop(v, &target) || !cil_verify_pop_ref(v, &object)) {
        return false;
    }
    if (target.kind != ENTRY_FTN) {
        return cil_verify_reject(v, "a delegate of what ldftn has not loaded") &&
               cil_verify_push_ref(v, c->owner);
    }
    const struct cil_callee *m = target.method;
    if (!check_same_object(v, i, &target)) {
        return false;
    }
    bool has_this = (m->signature->convention & CIL_HAS_THIS) != 0;
    struct cil_type *boxed = cil_verify_boxed(m->owner);
    if (has_this && object.type != NULL && !cil_verify_is_subtype(v, object.type, boxed) &&
        !cil_verify_reject(v, "the delegate's object has no method %s", m->name)) {
        return false;
    }
    if (has_this && !cil_verify_may_use(v, m->owner, m->flags, m->name, object.type)) {
        return false;
    }
    return (method_fits(v, invoke->signature, m, &object) ||
            cil_verify_reject(v, "the method %s does not fit the delegate", m->name)) &&
           v->d->status == OK && cil_verify_push_ref(v, c->owner);
}

/* The object is not on the stack while its constructor runs, so it needs no ENTRY_UNINIT here. The
 * result of a value type is a value, and may contain what the constructor received: Span<T> is made
 * like that, so it gets ENTRY_LOCAL as the result of a call would. */
static bool new_object(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    const struct cil_callee *c = cil_resolve_method(v->a, (uint32_t)i->value);
    struct cil_verify_passed passed = {.has_local = false};
    (void)arg;
    if (c == NULL || !check_callable(v, i, c)) {
        return false;
    }
    if (strcmp(c->name, ".ctor") != 0 || (c->signature->convention & CIL_HAS_THIS) == 0) {
        return cil_verify_invalid(v, "newobj of %s, which is no constructor", c->name);
    }
    if (c->owner->c != NULL && (c->owner->c->flags & CIL_TYPE_ABSTRACT) != 0) {
        return cil_verify_invalid(v, "newobj of an abstract class");
    }
    if (c->owner->c != NULL && c->owner->c->is_delegate) {
        return new_delegate(v, i, c);
    }
    if (!cil_verify_may_use(v, c->owner, c->flags, c->name, c->owner)) {
        return false;
    }
    struct entry e = {.type = NULL};
    if (!pop_arguments(v, c->signature, &passed) || !cil_verify_kept_by_call(v, &passed) ||
        !cil_verify_entry(v, c->owner, &e)) {
        return false;
    }
    e.flags |= cil_verify_returned(&e, &passed);
    return cil_verify_push(v, e);
}

static bool load_function(struct verifier *v, const struct cil_instruction *i, unsigned is_virtual)
{
    const struct cil_callee *c = cil_resolve_method(v->a, (uint32_t)i->value);
    struct entry e;
    if (c == NULL || !check_callable(v, i, c)) {
        return false;
    }
    if (is_virtual != 0 && (!cil_verify_pop(v, &e) || !check_object_this(v, c, &e))) {
        return false;
    }
    if (is_virtual != 0 && follows(v, i, v->after_dup)) {
        v->after_virtual = i->end;
    }
    uint8_t flags = is_virtual != 0 && may_be_replaced(c) ? ENTRY_VIRTUAL : 0;
    return cil_verify_push(v, (struct entry){.kind = ENTRY_FTN, .flags = flags, .method = c});
}

static bool takes_same(const struct cil_signature *x, const struct cil_signature *y)
{
    bool is_same = x->convention == y->convention && x->param_count == y->param_count &&
                   cil_plain(x->result) == cil_plain(y->result);
    for (uint32_t n = 0; is_same && n < x->param_count; n++) {
        is_same = cil_plain(x->params[n]) == cil_plain(y->params[n]);
    }
    return is_same;
}

/* The other method gets the arguments of this one as they are (III.3.37). */
static bool jump(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)arg;
    v->is_over = true;
    const struct cil_callee *c = cil_resolve_method(v->a, (uint32_t)i->value);
    if (c == NULL || !cil_verify_reject(v, "jmp is not verifiable")) {
        return false;
    }
    if (v->depth != 0 || v->body.region_at[v->at] != CIL_NO_REGION) {
        return cil_verify_invalid(v, "jmp with values on the stack, or in a protected region");
    }
    bool has_this = (c->signature->convention & CIL_HAS_THIS) != 0;
    bool is_same = takes_same(c->signature, v->method->signature) && c->arg_count == 0 &&
                   (!has_this || c->owner == v->c->self);
    return is_same || cil_verify_invalid(v, "jmp to a method with other parameters");
}

static bool argument_list(struct verifier *v, const struct cil_instruction *i, unsigned arg)
{
    (void)i, (void)arg;
    return cil_body_fail(&v->body, v->at, E_NOTSUP,
                         "variable arguments (arglist) are not supported");
}

#define RULE(name, ...) [CIL_OP_##name] = {__VA_ARGS__}

const struct cil_verify_rule cil_verify_control[CIL_OPCODES] = {
    RULE(NOP, nothing, 0),
    RULE(BREAK, nothing, 0),
    RULE(BR_S, branch, 0),
    RULE(BR, branch, 0),
    RULE(BRFALSE_S, branch_if, 0),
    RULE(BRFALSE, branch_if, 0),
    RULE(BRTRUE_S, branch_if, 0),
    RULE(BRTRUE, branch_if, 0),
    RULE(BEQ_S, compare_branch, 0),
    RULE(BEQ, compare_branch, 0),
    RULE(BNE_UN_S, compare_branch, 0),
    RULE(BNE_UN, compare_branch, 0),
    RULE(BGE_S, compare_branch, ORDERED),
    RULE(BGE, compare_branch, ORDERED),
    RULE(BGT_S, compare_branch, ORDERED),
    RULE(BGT, compare_branch, ORDERED),
    RULE(BLE_S, compare_branch, ORDERED),
    RULE(BLE, compare_branch, ORDERED),
    RULE(BLT_S, compare_branch, ORDERED),
    RULE(BLT, compare_branch, ORDERED),
    RULE(BGE_UN_S, compare_branch, ORDERED),
    RULE(BGE_UN, compare_branch, ORDERED),
    RULE(BGT_UN_S, compare_branch, 0),
    RULE(BGT_UN, compare_branch, 0),
    RULE(BLE_UN_S, compare_branch, ORDERED),
    RULE(BLE_UN, compare_branch, ORDERED),
    RULE(BLT_UN_S, compare_branch, ORDERED),
    RULE(BLT_UN, compare_branch, ORDERED),
    RULE(CEQ, compare_value, 0),
    RULE(CGT, compare_value, ORDERED),
    RULE(CGT_UN, compare_value, 0),
    RULE(CLT, compare_value, ORDERED),
    RULE(CLT_UN, compare_value, 0),
    RULE(SWITCH, branch_table, 0),
    RULE(LEAVE_S, leave, 0),
    RULE(LEAVE, leave, 0),
    RULE(ENDFINALLY, end_finally, 0),
    RULE(ENDFILTER, end_filter, 0),
    RULE(THROW, throw_object, 0),
    RULE(RETHROW, rethrow, 0),
    RULE(RET, return_value, 0),
    RULE(CALL, call, 0),
    RULE(CALLVIRT, call, 1),
    RULE(CALLI, call_indirect, 0),
    RULE(NEWOBJ, new_object, 0),
    RULE(LDFTN, load_function, 0),
    RULE(LDVIRTFTN, load_function, 1),
    RULE(JMP, jump, 0),
    RULE(ARGLIST, argument_list, 0),
};
