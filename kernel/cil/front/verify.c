// SPDX-License-Identifier: MIT
//
// The verifier's loop: it follows control from the start of the method, and where several paths
// meet it joins their stacks. It skips code that nothing reaches: the compiler does so, too.
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/cil/front/verify_internal.h"

#define STEPS_MAX 100u /* visits of each byte of code, on average */

/* ---- Errors ---- */

static bool fail(struct verifier *v, enum status s, const char *fmt, va_list args)
{
    char text[160];
    (void)fmt_vprint(text, sizeof text, fmt, args);
    return cil_body_fail(&v->body, v->at, s, "%s", text);
}

bool cil_verify_invalid(struct verifier *v, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fail(v, E_CORRUPT, fmt, args);
    va_end(args);
    return false;
}

/* Correct code that could break type safety (II.3): trusted assemblies may. The caller goes on with
 * what the instruction leaves on the stack. */
bool cil_verify_reject(struct verifier *v, const char *fmt, ...)
{
    if (v->a->is_trusted) {
        return true;
    }
    va_list args;
    va_start(args, fmt);
    (void)fail(v, E_PERM, fmt, args);
    va_end(args);
    return false;
}

/* ---- Joining paths ---- */

/* Each flag of an entry is either a promise, which both paths must make (ENTRY_THIS, ENTRY_OWN), or
 * a danger, which one path is enough for (ENTRY_UNINIT, ENTRY_READONLY, ENTRY_LOCAL,
 * ENTRY_VIRTUAL). join_entry() intersects the former and unites the latter. A danger that were
 * intersected would let a method hide it on one path and use it after the join. cil_verify_flow()
 * visits a target again if kind, type or flags have changed, so a new member of struct entry
 * belongs into that comparison, too. */

/* The nearest type that both are of. Interfaces are not searched: their objects join as
 * System.Object. */
static struct cil_type *join_objects(struct verifier *v, struct cil_type *a, struct cil_type *b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    /* First whether nothing changes: int[] and uint[] are each of the other's type. */
    if (cil_verify_is_subtype(v, b, a)) {
        return a;
    }
    if (cil_verify_is_subtype(v, a, b)) {
        return b;
    }
    for (struct cil_type *t = a; t != NULL && cil_is_reference(t); t = cil_type_parent(v->d, t)) {
        if (cil_verify_is_subtype(v, b, t)) {
            return t;
        }
    }
    return cil_primitive(v->d, CIL_OBJECT);
}

static bool is_address(const struct entry *e)
{
    return e->kind == ENTRY_PTR || e->kind == ENTRY_FTN || e->kind == ENTRY_I ||
           e->kind == ENTRY_BYREF;
}

/* @return false: they do not fit together (recorded). */
static bool join_entry(struct verifier *v, struct entry *old, const struct entry *e)
{
    bool is_same = old->kind == e->kind;
    if (is_same && old->kind == ENTRY_REF) {
        old->type = join_objects(v, old->type, e->type);
        old->flags =
            (old->flags & e->flags & ENTRY_THIS) | ((old->flags | e->flags) & ENTRY_UNINIT);
        return v->d->status == OK;
    }
    if (is_same && old->kind == ENTRY_BYREF && cil_same_reduced(v->d, old->type, e->type)) {
        old->flags = (old->flags & e->flags & (ENTRY_THIS | ENTRY_OWN)) |
                     ((old->flags | e->flags) & (ENTRY_READONLY | ENTRY_LOCAL));
        return true;
    }
    if (is_same && old->kind != ENTRY_BYREF && old->type == e->type && old->method == e->method) {
        old->flags |= e->flags & (ENTRY_LOCAL | ENTRY_VIRTUAL);
        return true;
    }
    if (is_address(old) && is_address(e)) {
        *old = (struct entry){.kind = ENTRY_PTR};
        return cil_verify_reject(v, "paths join with different pointers");
    }
    return cil_verify_invalid(v, "paths join with %s and %s", cil_verify_entry_name(old),
                              cil_verify_entry_name(e));
}

void cil_verify_enqueue(struct verifier *v, uint32_t target)
{
    struct state *s = v->states[target];
    if (!s->is_queued) {
        s->is_queued = true;
        v->queue[v->queued++] = target;
    }
}

/* The state of a target is what the first path brings. It only grows after that: types become more
 * general, promises (ENTRY_THIS, ENTRY_OWN) are lost, dangers (ENTRY_LOCAL, ENTRY_UNINIT) are
 * gained. So the search ends. */
static bool first_visit(struct verifier *v, uint32_t target)
{
    size_t stack_bytes = v->depth * sizeof(struct entry);
    struct state *s = arena_alloc(v->arena, sizeof *s + stack_bytes + v->kept_count);
    if (s == NULL) {
        return cil_body_fail(&v->body, v->at, E_NOMEM, "no memory left");
    }
    s->depth = v->depth;
    s->has_this = v->has_this;
    s->kept = (uint8_t *)&s->entries[v->depth];
    memcpy(s->entries, v->stack, stack_bytes);
    memcpy(s->kept, v->kept, v->kept_count);
    v->states[target] = s;
    cil_verify_enqueue(v, target);
    return true;
}

/* @return true: a variable may now lead into the frame that did not before. */
static bool join_kept(const struct verifier *v, struct state *s)
{
    bool has_changed = false;
    for (uint32_t n = 0; n < v->kept_count; n++) {
        has_changed |= (v->kept[n] & ~s->kept[n]) != 0;
        s->kept[n] |= v->kept[n];
    }
    return has_changed;
}

/* III.1.8.1.3: wherever control comes from, the stack has the same depth. A target is examined
 * again if its state has changed. */
bool cil_verify_flow(struct verifier *v, uint32_t target)
{
    struct state *s = v->states[target];
    if (s == NULL) {
        return first_visit(v, target);
    }
    if (s->depth != v->depth) {
        return cil_verify_invalid(v, "%u values on the stack for IL_%04x, and %u from elsewhere",
                                  v->depth, target, s->depth);
    }
    bool has_changed = join_kept(v, s);
    if (s->has_this && !v->has_this) {
        s->has_this = false;
        has_changed = true;
    }
    for (uint32_t n = 0; n < v->depth; n++) {
        struct entry joined = s->entries[n];
        if (!join_entry(v, &joined, &v->stack[n])) {
            return false;
        }
        if (joined.kind != s->entries[n].kind || joined.flags != s->entries[n].flags ||
            joined.type != s->entries[n].type) {
            s->entries[n] = joined;
            has_changed = true;
        }
    }
    if (has_changed) {
        cil_verify_enqueue(v, target);
    }
    return true;
}

/* ---- Exceptions ---- */

/* Where a try block starts, its handlers may be reached: with the exception, or with nothing. An
 * exception may arise anywhere in the block, but only the state at its start is joined here. That
 * is enough: the stack is empty in a handler, has_this is only too pessimistic, and a variable that
 * gets an address of the frame inside the block gets the flag in all states (verify_escape.c). */
static bool enter_try(struct verifier *v, uint32_t at)
{
    uint32_t depth = v->depth;
    if (depth != 0) {
        return cil_verify_invalid(v, "%u values on the stack at the start of a try block", depth);
    }
    for (uint32_t n = 0; n < v->body.clause_count; n++) {
        const struct cil_clause *c = &v->body.clauses[n];
        if (c->try_at != at) {
            continue;
        }
        bool is_filter = c->kind == CIL_FILTER;
        struct cil_type *t = is_filter ? cil_primitive(v->d, CIL_OBJECT) : c->type;
        bool has_object = is_filter || c->kind == CIL_CATCH;
        if (has_object &&
            (t == NULL || !cil_verify_arguments(v, t) || !cil_verify_names_type(v, t) ||
             !cil_verify_push_ref(v, cil_verify_boxed(t)))) {
            return false;
        }
        if (!cil_verify_flow(v, c->handler_at) ||
            (is_filter && !cil_verify_flow(v, c->filter_at))) {
            return false;
        }
        v->depth = 0;
    }
    return true;
}

/* ---- The loop ---- */

/* Each instruction is in one of the tables. */
static const struct cil_verify_rule *find_rule(unsigned opcode)
{
    static const struct cil_verify_rule *const tables[] = {cil_verify_values, cil_verify_objects,
                                                           cil_verify_control};
    for (unsigned n = 0; n < ARRAY_COUNT(tables); n++) {
        if (tables[n][opcode].step != NULL) {
            return &tables[n][opcode];
        }
    }
    return NULL;
}

static bool read_prefix(struct verifier *v, const struct cil_instruction *i, bool *is_prefix)
{
    *is_prefix = true;
    switch (i->opcode) {
    case CIL_OP_CONSTRAINED:
        v->constrained = cil_verify_type(v, i);
        return v->constrained != NULL;
    case CIL_OP_TAIL:
        v->is_tail = true;
        return true;
    case CIL_OP_READONLY:
        v->is_readonly = true;
        return true;
    case CIL_OP_VOLATILE:
    case CIL_OP_UNALIGNED:
        return true;
    case CIL_OP_NO:
        return cil_verify_reject(v, "the prefix no. skips checks");
    default:
        *is_prefix = false;
        return true;
    }
}

/* Prefixes, and the instruction that they belong to. No branch leads between them (check_prefixes()
 * in body.c), so they are reset here and are never part of a state. A prefix that means nothing to
 * its instruction is ignored. @param at Becomes the offset after the instruction. */
static bool run_instruction(struct verifier *v, uint32_t *at)
{
    struct cil_instruction i = {.at = *at};
    bool is_prefix = true;
    v->at = *at;
    v->constrained = NULL;
    v->is_tail = v->is_readonly = false;
    while (is_prefix) {
        if (!cil_decode(v->body.code, *at, &i) || !read_prefix(v, &i, &is_prefix)) {
            return false;
        }
        *at = i.end;
    }
    const struct cil_verify_rule *rule = find_rule(i.opcode);
    v->is_over = false;
    if (rule == NULL) {
        return cil_verify_invalid(v, "unknown instruction");
    }
    return rule->step(v, &i, rule->arg);
}

/* Falling from one region into another is allowed only into a try block. */
static bool check_fall(struct verifier *v, uint32_t from, uint32_t to)
{
    uint32_t r = v->body.region_at[to], home = v->body.region_at[from];
    while (r != home) {
        if (r == CIL_NO_REGION || v->body.regions[r].kind != CIL_REGION_TRY ||
            v->body.regions[r].at != to) {
            return cil_verify_invalid(v,
                                      "control falls out of a try block or handler, or into one");
        }
        r = v->body.regions[r].parent;
    }
    return true;
}

/* Up to the next place where paths meet, or where control does not go on. The number of steps is
 * bounded: types with many interfaces could make states change very often. */
static bool run_path(struct verifier *v, uint32_t at)
{
    do {
        uint32_t from = at;
        if ((v->body.flags[at] & CIL_TRY) != 0 && !enter_try(v, at)) {
            return false;
        }
        if (v->steps-- == 0) {
            return cil_body_fail(&v->body, at, E_OVERFLOW, "too many paths to verify");
        }
        if (!run_instruction(v, &at)) {
            return false;
        }
        if (v->is_over) {
            return true;
        }
        if (at >= v->body.code.len) {
            return cil_verify_invalid(v, "control reaches the end of the method");
        }
        if (!check_fall(v, from, at)) {
            return false;
        }
    } while ((v->body.flags[at] & CIL_TARGET) == 0);
    return cil_verify_flow(v, at);
}

/* The queue has each target at most once, so it has room for all. The state is copied before its
 * path runs: the path may lead back to the same target, and then cil_verify_flow() changes the
 * state. The last target comes first, which has no influence on whether a method passes the fixed
 * point, only on the number of visits and on which of several errors is reported. */
static bool run_all(struct verifier *v)
{
    if (!cil_verify_flow(v, 0)) {
        return false;
    }
    while (v->queued > 0) {
        uint32_t at = v->queue[--v->queued];
        struct state *s = v->states[at];
        s->is_queued = false;
        v->at = at;
        v->depth = s->depth;
        v->has_this = s->has_this;
        memcpy(v->stack, s->entries, s->depth * sizeof s->entries[0]);
        memcpy(v->kept, s->kept, v->kept_count);
        if (!run_path(v, at)) {
            return false;
        }
    }
    return true;
}

/* ---- A method ---- */

/* A variable that is not zero at first may be read as an address (II.25.4.4). The compiler clears
 * them all; the flag is checked because the standard says so. */
static bool check_locals(struct verifier *v)
{
    const struct cil_signature *locals = v->body.locals;
    if (locals == NULL || locals->param_count == 0) {
        return true;
    }
    v->at = 0;
    return v->body.zeroes_locals ||
           cil_verify_reject(v, "its local variables do not start as zero (no .locals init)");
}

/* If `this` is assigned, or its address is taken, it is any object of the class: a constructor that
 * does so has not proved which object its base constructor has run for. */
static void scan_this(struct verifier *v)
{
    struct cil_instruction i;
    for (uint32_t at = 0; at < v->body.code.len; at = i.end) {
        (void)cil_decode(v->body.code, at, &i); /* cil_body_read() has decoded it */
        bool is_store = i.opcode == CIL_OP_STARG || i.opcode == CIL_OP_STARG_S ||
                        i.opcode == CIL_OP_LDARGA || i.opcode == CIL_OP_LDARGA_S;
        v->changes_this |= is_store && i.value == 0;
    }
}

/* cil_body_read() comes first: everything after it relies on instructions that decode, branches
 * that lead to the start of one, and regions that nest. The arrays by offset have at most
 * CIL_CODE_BYTES_MAX elements, the stack at most 65,535 (the header has 16 bits for it); the
 * arena's limit bounds their sum, and its memory is zero, so that no state exists at first. */
static bool prepare(struct verifier *v, uint32_t row)
{
    v->method = cil_resolve_method(v->a, CIL_TOKEN(CIL_METHOD_DEF, row));
    if (v->method == NULL || !cil_body_read(v->a, row, v->arena, &v->body)) {
        return false;
    }
    const struct cil_signature *s = v->method->signature;
    v->c = v->method->owner->c;
    v->arg_count = s->param_count + ((s->convention & CIL_HAS_THIS) != 0);
    v->needs_this = strcmp(v->method->name, ".ctor") == 0 && !v->c->is_value_type &&
                    v->c->parent != NULL && v->arg_count > s->param_count;
    v->has_this = !v->needs_this;
    uint32_t room = v->body.code.len + 1;
    v->stack = arena_alloc(v->arena, (v->body.max_stack + 1) * sizeof *v->stack);
    v->states = arena_alloc(v->arena, room * sizeof(struct state *));
    v->queue = arena_alloc(v->arena, room * sizeof *v->queue);
    if (v->stack == NULL || v->states == NULL || v->queue == NULL) {
        return cil_body_fail(&v->body, 0, E_NOMEM, "no memory left");
    }
    v->steps = STEPS_MAX * (uint64_t)room;
    scan_this(v);
    return cil_verify_find_slots(v) && check_locals(v) && cil_verify_signatures(v);
}

bool cil_has_body(const struct cil_assembly *a, uint32_t row)
{
    const struct cil_image *m = &a->image;
    uint32_t impl = cil_cell(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_IMPL_FLAGS);
    return (impl & CIL_IMPL_CODE_MASK) == 0 && (impl & CIL_IMPL_INTERNAL_CALL) == 0 &&
           cil_cell(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_RVA) != 0;
}

/* build_method() in build.c calls this before it translates the same body, and relies on it: it
 * looks neither at the depth of the stack nor at kinds of values again. What a rule here allows in
 * trusted code (cil_verify_reject()) it must be able to translate. */
bool cil_verify_method(struct cil_assembly *a, uint32_t row, struct arena *arena)
{
    struct verifier v = {.d = a->domain, .a = a, .arena = arena};
    return !cil_has_body(a, row) || (prepare(&v, row) && run_all(&v));
}
