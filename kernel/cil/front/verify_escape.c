// SPDX-License-Identifier: MIT
//
// The verifier's rules for addresses of a frame: none of them may outlive it. A managed pointer is
// on the stack, in a variable, or in a ref struct, which is in one of these.
//
// A variable that is a managed pointer, or a ref struct, has a flag on each path: it may lead into
// this frame. The ref structs whose address is used share one flag, as a store through an address
// changes any of them. A method never keeps a managed pointer in a ref struct: fields of such a
// type do not exist, except in the core library. It may return one in a ref struct.
//
// As in C#, a method of a value type does not return the address of the value itself or of its
// parts. So the element that an indexer of a span returns outlives the variable with the span.
#include "kernel/cil/front/verify_internal.h"
#include "kernel/lib/string.h"

struct entry cil_verify_top(const struct verifier *v)
{
    return v->depth == 0 ? (struct entry){.kind = ENTRY_I4} : v->stack[v->depth - 1];
}

static bool is_ref_struct(const struct cil_type *t)
{
    return t != NULL && cil_is_byref_like(t);
}

/* ---- Variables ---- */

/* Only two kinds of variables have a slot: managed pointers and ref structs. For all others slots[]
 * has ESCAPE_NONE, because cil_verify_pop_type() lets no address into them. Slot ESCAPE_SHARED
 * exists always. Its flag is never cleared: a store through an address does not say which of the
 * shared variables it changes, so an address may still be in another one.
 *
 * `this` of a value type has ENTRY_LOCAL from the start, although it leads to the caller: so it,
 * and addresses of its fields, are not returned. That is the rule in the comment at the top;
 * callers rely on it in cil_verify_pass(), where `this` does not count for the result. */

static struct cil_type *variable_type(const struct verifier *v, uint32_t variable)
{
    const struct cil_signature *s = v->method->signature;
    uint32_t first = v->arg_count - s->param_count;
    if (variable >= v->arg_count) {
        return cil_plain(v->body.locals->params[variable - v->arg_count]);
    }
    return variable < first ? NULL : cil_plain(s->params[variable - first]);
}

/* `this` of a value type is a managed pointer. */
static bool keeps_addresses(const struct verifier *v, uint32_t variable)
{
    const struct cil_type *t = variable_type(v, variable);
    return t == NULL ? v->c->is_value_type : t->kind == CIL_BYREF || cil_is_byref_like(t);
}

static void share_slots(struct verifier *v, uint32_t variables)
{
    struct cil_instruction i;
    for (uint32_t at = 0; at < v->body.code.len; at = i.end) {
        (void)cil_decode(v->body.code, at, &i); /* cil_body_read() has decoded it */
        bool is_argument = i.opcode == CIL_OP_LDARGA || i.opcode == CIL_OP_LDARGA_S;
        bool is_local = i.opcode == CIL_OP_LDLOCA || i.opcode == CIL_OP_LDLOCA_S;
        uint64_t variable = i.value + (is_local ? v->arg_count : 0);
        if ((is_argument || is_local) && variable < variables &&
            is_ref_struct(variable_type(v, (uint32_t)variable))) {
            v->slots[variable] = ESCAPE_SHARED;
        }
    }
}

bool cil_verify_find_slots(struct verifier *v)
{
    uint32_t locals = v->body.locals == NULL ? 0 : v->body.locals->param_count;
    uint32_t variables = v->arg_count + locals;
    v->slots = arena_alloc(v->arena, (variables + 1) * sizeof *v->slots);
    v->kept_count = ESCAPE_SHARED + 1;
    for (uint32_t n = 0; v->slots != NULL && n < variables; n++) {
        v->slots[n] = keeps_addresses(v, n) ? v->kept_count++ : ESCAPE_NONE;
    }
    v->kept = arena_alloc(v->arena, v->kept_count);
    v->always = arena_alloc(v->arena, v->kept_count);
    if (v->slots == NULL || v->kept == NULL || v->always == NULL) {
        return cil_body_fail(&v->body, 0, E_NOMEM, "no memory left");
    }
    memset(v->kept, 0, v->kept_count);
    memset(v->always, 0, v->kept_count);
    share_slots(v, variables);
    if (v->arg_count > v->method->signature->param_count && v->c->is_value_type) {
        v->kept[v->slots[0]] = ENTRY_LOCAL;
    }
    return true;
}

uint8_t cil_verify_kept(const struct verifier *v, uint32_t variable)
{
    return v->slots[variable] == ESCAPE_NONE ? 0 : v->kept[v->slots[variable]];
}

/* An exception may lead from any instruction to a handler, and a finally block goes on where leave
 * wanted to: in a method with such blocks, a flag holds everywhere. States that do not exist yet
 * get it when they are made, from kept[]. Each slot is set at most once like that (always[]), so
 * the walk over all offsets is paid at most kept_count times. */
static void set_everywhere(struct verifier *v, uint32_t slot)
{
    for (uint32_t at = 0; at < v->body.code.len; at++) {
        struct state *s = v->states[at];
        if (s != NULL && s->kept[slot] == 0) {
            s->kept[slot] = ENTRY_LOCAL;
            cil_verify_enqueue(v, at);
        }
    }
    v->kept[slot] = v->always[slot] = ENTRY_LOCAL;
}

static void set_slot(struct verifier *v, uint32_t slot, bool leads)
{
    bool is_shared = slot == ESCAPE_SHARED;
    if (leads && v->body.clause_count != 0 && v->always[slot] == 0) {
        set_everywhere(v, slot);
    } else if (leads || !(is_shared || v->always[slot] != 0)) {
        v->kept[slot] = leads ? ENTRY_LOCAL : 0;
    }
}

void cil_verify_keep(struct verifier *v, uint32_t variable, const struct entry *e)
{
    if (v->slots[variable] != ESCAPE_NONE) {
        set_slot(v, v->slots[variable], cil_verify_leads(e));
    }
}

/* ---- Through addresses ---- */

/* A store through an address: the value matters only if it is a ref struct that may contain an
 * address of this frame. Then the target must be a variable of this frame, ENTRY_OWN, which is lost
 * at a join with any other address. An address with ENTRY_LOCAL alone may also lead elsewhere, so
 * it sets the shared flag and is refused as well. */

static bool is_local(const struct entry *e)
{
    return (e->flags & ENTRY_LOCAL) != 0 && (e->kind == ENTRY_BYREF || e->kind == ENTRY_VALUE);
}

/* The ref struct at an address, or the value itself, may contain an address of this frame. */
static bool holds_local(const struct verifier *v, const struct entry *e)
{
    return is_ref_struct(e->type) && is_local(e) &&
           (e->kind == ENTRY_VALUE || v->kept[ESCAPE_SHARED] != 0);
}

bool cil_verify_leads(const struct entry *e)
{
    return is_local(e);
}

uint8_t cil_verify_loaded(const struct verifier *v, const struct entry *from,
                          const struct cil_type *t)
{
    return is_ref_struct(t) && holds_local(v, from) ? ENTRY_LOCAL : 0;
}

bool cil_verify_push_loaded(struct verifier *v, struct cil_type *t, const struct entry *from)
{
    struct entry e = {.type = NULL};
    if (!cil_verify_entry(v, t, &e)) {
        return false;
    }
    e.flags |= cil_verify_loaded(v, from, t);
    return cil_verify_push(v, e);
}

static bool store_local(struct verifier *v, bool is_shared, bool is_other)
{
    if (is_shared) {
        set_slot(v, ESCAPE_SHARED, true);
    }
    return !is_other ||
           cil_verify_reject(v, "an address of this frame may be kept outside of the method");
}

bool cil_verify_store_through(struct verifier *v, const struct entry *to, const struct entry *e)
{
    return !(e->kind == ENTRY_VALUE && is_local(e)) ||
           store_local(v, is_local(to), (to->flags & ENTRY_OWN) == 0);
}

/* ---- Calls ---- */

/* A call may do with its arguments all that verifiable code can: return an address that it got, put
 * it into a ref struct that it returns, and store a ref struct that it got into another one by its
 * address. The three are returns_local, lends_local, and holds_local with writes_shared and
 * writes_other. A managed pointer itself is never stored by a callee, since no variable of that
 * type has an address (push_address() in verify_values.c). */

static bool is_same(const struct cil_signature *a, const struct cil_signature *b)
{
    return a->param_count == b->param_count && a->result == b->result &&
           memcmp(a->params, b->params, a->param_count * sizeof a->params[0]) == 0;
}

static bool has_own(struct verifier *v, const struct cil_class *k, const struct cil_callee *c)
{
    const struct cil_image *m = &k->assembly->image;
    struct cil_run run = cil_cell_run(m, CIL_TYPE_DEF, k->row, CIL_TYPE_DEF_METHODS);
    for (uint32_t at = run.first; at < run.end && v->d->status == OK; at++) {
        uint32_t row = cil_run_row(m, CIL_METHOD_DEF, at);
        if ((cil_cell(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_FLAGS) & CIL_METHOD_VIRTUAL) == 0 ||
            strcmp(cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME), c->name) != 0) {
            continue;
        }
        const struct cil_signature *s = cil_method_signature(k->assembly, row);
        if (s != NULL && is_same(s, c->signature)) {
            return true;
        }
    }
    return false;
}

bool cil_verify_not_boxed(struct verifier *v, const struct cil_type *t, const struct cil_callee *c)
{
    if (!is_ref_struct(t) || t->c == c->owner->c || has_own(v, t->c, c)) {
        return v->d->status == OK;
    }
    return cil_verify_invalid(v, "a ref struct would be boxed to call %s", c->name);
}

void cil_verify_pass(const struct verifier *v, const struct entry *e, bool is_this,
                     struct cil_verify_passed *p)
{
    bool leads = is_local(e), holds = holds_local(v, e);
    p->has_local |= leads;
    p->holds_local |= holds;
    p->returns_local |= holds || (leads && !is_this);
    p->lends_local |= holds || (leads && !is_this && !is_ref_struct(e->type));
    if (e->kind == ENTRY_BYREF && is_ref_struct(e->type) && (e->flags & ENTRY_READONLY) == 0) {
        p->writes_shared |= leads;
        p->writes_other |= (e->flags & ENTRY_OWN) == 0;
    }
}

bool cil_verify_kept_by_call(struct verifier *v, const struct cil_verify_passed *p)
{
    return !p->holds_local || store_local(v, p->writes_shared, p->writes_other);
}

uint8_t cil_verify_returned(const struct entry *e, const struct cil_verify_passed *p)
{
    if (e->kind == ENTRY_BYREF) {
        return p->returns_local ? ENTRY_LOCAL : 0;
    }
    return e->kind == ENTRY_VALUE && is_ref_struct(e->type) && p->lends_local ? ENTRY_LOCAL : 0;
}
