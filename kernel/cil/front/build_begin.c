// SPDX-License-Identifier: MIT
//
// BeginInvoke and EndInvoke of delegates (ECMA-335 II.14.6.3): calls that a thread of the pool
// makes. The core library's AsyncResult has the thread, the result and the exception; here the
// arguments are boxed and unboxed.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

#define SPACE "System.Runtime.Remoting.Messaging"

static const struct build_rep reference_rep = {IR_I32, CIL_OBJECT, CIL_POINTER_BYTES, NULL};

/* The parameters are those of Invoke, and the file decides what its methods are called: so they are
 * compared before objects are made of them. */
static bool refuse(struct builder *b, const char *method)
{
    return b->d->status == OK &&
           cil_body_fail(&b->body, b->at, E_CORRUPT,
                         "%s of a delegate does not have the parameters that Invoke needs", method);
}

static bool is_core(const struct cil_type *t, const char *name)
{
    return t->c != NULL && cil_is_core_class(t->c, name);
}

static bool is_by_reference(const struct cil_signature *s, uint32_t n)
{
    return cil_plain(s->params[n])->kind == CIL_BYREF;
}

/* Invoke, if its arguments and its result can be objects. @return NULL: an error is recorded. */
static const struct cil_callee *find_invoke(struct builder *b, const struct cil_callee *c)
{
    const struct cil_callee *invoke = cil_delegate_invoke(b->d, c->owner);
    if (invoke != NULL && !unit_can_adapt(invoke->signature)) {
        (void)build_unsupported(b, "BeginInvoke with pointers or ref structs");
        return NULL;
    }
    return invoke;
}

/* ---- BeginInvoke ---- */

static bool begins(const struct cil_signature *s, const struct cil_signature *invoke)
{
    uint32_t count = invoke->param_count;
    bool is_it = s->param_count == count + 2 && (s->convention & CIL_HAS_THIS) != 0 &&
                 is_core(cil_plain(s->params[count]), "AsyncCallback") &&
                 cil_plain(s->params[count + 1])->kind == CIL_OBJECT &&
                 is_core(cil_plain(s->result), "IAsyncResult");
    for (uint32_t n = 0; is_it && n < count; n++) {
        is_it = cil_plain(s->params[n]) == cil_plain(invoke->params[n]);
    }
    return is_it;
}

/* A variable that is passed by reference is read now; EndInvoke writes it. */
static uint32_t pop_boxed(struct builder *b, struct cil_type *t)
{
    bool is_ok = true;
    if (t->kind == CIL_BYREF) {
        t = cil_plain(t->element);
        is_ok = build_push_from(b, t, build_pop_address(b), 0);
    }
    return is_ok && build_box(b, t) ? build_pop(b) : IR_NONE;
}

/* object[] with these elements, and one more for the result. @return IR_NONE: an error is
 * recorded. */
static uint32_t pack(struct builder *b, const uint32_t *objects, uint32_t count)
{
    struct cil_type *object = cil_primitive(b->d, CIL_OBJECT);
    struct cil_type *t = object == NULL ? NULL : cil_type_of(b->d, CIL_SZARRAY, object);
    uint32_t type = t == NULL ? 0 : unit_made_type(b->unit, t);
    const uint32_t args[] = {build_number(b, type), build_number(b, count + 1)};
    uint32_t array = type == 0 ? IR_NONE : build_help(b, CIL_HELPER_NEW_ARRAY, args, 2);
    for (uint32_t n = 0; array != IR_NONE && n < count; n++) {
        if (!build_store_to(b, object, array, CIL_ELEMENT_AT + CIL_POINTER_BYTES * n, objects[n])) {
            return IR_NONE;
        }
    }
    return array;
}

/* AsyncResult.Begin(delegate, object[], callback, state, the adapter of Invoke). */
static bool begin(struct builder *b, const struct cil_callee *c)
{
    uint32_t objects[BUILD_STACK_MAX], count;
    const struct cil_callee *invoke = find_invoke(b, c);
    struct cil_class *home = invoke == NULL ? NULL : unit_class(b->unit, SPACE, "AsyncResult");
    if (home == NULL || invoke->signature->param_count > BUILD_STACK_MAX ||
        !begins(c->signature, invoke->signature)) {
        return refuse(b, "BeginInvoke");
    }
    const struct cil_callee called = *invoke;
    uint32_t state = build_pop(b), callback = build_pop(b);
    count = called.signature->param_count;
    for (uint32_t n = count; n-- > 0;) {
        objects[n] = pop_boxed(b, cil_plain(called.signature->params[n]));
        if (objects[n] == IR_NONE) {
            return false;
        }
    }
    uint32_t delegate = build_pop_address(b), adapter = unit_adapter(b->unit, &called);
    build_require(b, delegate, IR_TRAP_NULL);
    uint32_t array = adapter == IR_NONE ? IR_NONE : pack(b, objects, count);
    if (array == IR_NONE) {
        return false;
    }
    const uint32_t args[] = {delegate, array, callback, state, build_number(b, adapter + 1)};
    return build_call_core(b, home, "Begin", args, ARRAY_COUNT(args));
}

/* ---- EndInvoke ---- */

/* Those of Invoke that are passed by reference, then the result of BeginInvoke. */
static bool ends(const struct cil_signature *s, const struct cil_signature *invoke)
{
    uint32_t at = 0;
    bool is_it = s->param_count != 0 && (s->convention & CIL_HAS_THIS) != 0 &&
                 is_core(cil_plain(s->params[s->param_count - 1]), "IAsyncResult") &&
                 cil_plain(s->result) == cil_plain(invoke->result);
    for (uint32_t n = 0; is_it && n < invoke->param_count; n++) {
        if (is_by_reference(invoke, n)) {
            is_it = at + 1 < s->param_count &&
                    cil_plain(s->params[at++]) == cil_plain(invoke->params[n]);
        }
    }
    return is_it && at + 1 == s->param_count;
}

static bool push_element(struct builder *b, struct cil_type *t, uint32_t array, uint32_t n)
{
    return build_push(b, build_load_at(b, &reference_rep, array,
                                       CIL_ELEMENT_AT + CIL_POINTER_BYTES * n)) &&
           build_unbox_any(b, t);
}

static bool write_back(struct builder *b, const struct cil_signature *invoke, uint32_t array,
                       const uint32_t *places)
{
    for (uint32_t n = 0; n < invoke->param_count; n++) {
        if (!is_by_reference(invoke, n)) {
            continue;
        }
        struct cil_type *t = cil_plain(cil_plain(invoke->params[n])->element);
        if (!push_element(b, t, array, n) || !build_store_to(b, t, *places++, 0, build_pop(b))) {
            return false;
        }
    }
    return true;
}

/* AsyncResult.End(delegate, result of BeginInvoke) waits, throws what the call has thrown, or
 * returns the array. */
static bool end(struct builder *b, const struct cil_callee *c)
{
    uint32_t places[BUILD_STACK_MAX];
    const struct cil_callee *invoke = find_invoke(b, c);
    struct cil_class *home = invoke == NULL ? NULL : unit_class(b->unit, SPACE, "AsyncResult");
    if (home == NULL || c->signature->param_count > BUILD_STACK_MAX ||
        !ends(c->signature, invoke->signature)) {
        return refuse(b, "EndInvoke");
    }
    const struct cil_signature *s = invoke->signature;
    uint32_t pending = build_pop(b);
    for (uint32_t n = c->signature->param_count - 1; n-- > 0;) {
        places[n] = build_pop_address(b);
    }
    uint32_t delegate = build_pop_address(b);
    build_require(b, delegate, IR_TRAP_NULL);
    const uint32_t args[] = {delegate, pending};
    if (!build_call_core(b, home, "End", args, ARRAY_COUNT(args))) {
        return false;
    }
    uint32_t array = build_pop(b);
    struct cil_type *result = cil_plain(s->result);
    return write_back(b, s, array, places) &&
           (result->kind == CIL_VOID || push_element(b, result, array, s->param_count));
}

bool build_begin_end(struct builder *b, const struct cil_callee *c)
{
    const struct cil_callee called = *c; /* the list of methods may move */
    if (strcmp(c->name, "BeginInvoke") == 0) {
        return begin(b, &called);
    }
    return strcmp(c->name, "EndInvoke") == 0 ? end(b, &called)
                                             : build_unsupported(b, "this method of a delegate");
}
