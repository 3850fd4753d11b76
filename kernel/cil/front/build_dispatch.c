// SPDX-License-Identifier: MIT
//
// How a virtual or interface call finds its method. A program is complete, so the types of its
// objects are known: the call is one of a method that gets the object's type as its last argument,
// compares it with these types, and goes on in the method of the one that is equal. It is
// translated when all types are known. A comparison takes two instructions, where a call by number
// loads and checks a record. A method that objects of too many types have is called by number
// there.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/compiler.h"

#define TARGETS_MAX 48u
#define CHAIN_MAX   4u /* types that are compared one after the other */

/* The objects of a type, and the method that they have. */
struct target {
    uint32_t type, number;
};

struct dispatch {
    struct target all[TARGETS_MAX]; /* by type */
    uint32_t args[BUILD_VARIABLES_MAX + 3];
    uint32_t arg_count, type;
};

/* ---- Calls ---- */

static bool use_of(struct builder *b, const struct cil_callee *c, struct cil_unit_use *out)
{
    out->owner = c->owner;
    if (c->owner->c->is_interface) {
        struct cil_run run =
            cil_cell_run(&c->a->image, CIL_TYPE_DEF, c->owner->c->row, CIL_TYPE_DEF_METHODS);
        out->slot = c->row - cil_run_row(&c->a->image, CIL_METHOD_DEF, run.first);
        return true;
    }
    const struct cil_vtable *v = cil_vtable_make(b->d, c->owner);
    out->slot = v == NULL ? UINT32_MAX : cil_vtable_slot(v, c->a, c->row);
    return out->slot != UINT32_MAX || build_unsupported(b, "a virtual method without a slot");
}

/* Also what the call by number needs: it is not known yet whether it is one. */
uint32_t build_dispatcher(struct builder *b, const struct cil_callee *c)
{
    struct cil_unit_use use;
    if (!use_of(b, c, &use) || !unit_use(b->unit, use.owner, use.slot) ||
        (c->owner->c->is_interface && unit_interface(b->unit, c->owner) == IR_NONE)) {
        return IR_NONE;
    }
    return unit_method(b->unit, c, CIL_UNIT_DISPATCH);
}

/* ---- The method ---- */

/* Types come in the order of their addresses. @return how many; TARGETS_MAX + 1: too many. */
static uint32_t find_targets(struct builder *b, const struct cil_unit_use *use, struct dispatch *d)
{
    struct cil_unit *u = b->unit;
    uint32_t count = 0;
    for (uint32_t n = 0; n < u->runtime_type_count && b->d->status == OK; n++) {
        uint32_t number = unit_target(u, &u->runtime_types[n], use);
        if (number == IR_NONE) {
            continue;
        }
        if (count == TARGETS_MAX) {
            return TARGETS_MAX + 1;
        }
        uint32_t at = count++, type = u->runtime_types[n].at;
        for (; at > 0 && d->all[at - 1].type > type; at--) {
            d->all[at] = d->all[at - 1];
        }
        d->all[at] = (struct target){type, number};
    }
    return count;
}

/* A tail call has no frame to remove, and the method's own arguments are in place. */
static void go_on(struct builder *b, const struct dispatch *d, uint32_t n)
{
    (void)ir_emit(b->f, IR_TAIL_CALL, IR_VOID, CIL_FIRST_METHOD + d->all[n].number,
                  ir_pool(b->f, d->args, d->arg_count), d->arg_count);
}

/* @return the block in which the comparison does not hold; the other one is the current one. */
static uint32_t split(struct builder *b, unsigned op, const struct dispatch *d, uint32_t n)
{
    uint32_t fits = build_op(b, op, IR_I32, d->type, build_number(b, d->all[n].type));
    return build_if_not_zero(b, fits);
}

/* Halves, until few are left; the last one needs no comparison. A function without anything that
 * traps or faults has no frame, so the caller has loaded the type. The recursion is as deep as the
 * logarithm of the number of types. */
static void compare(struct builder *b, const struct dispatch *d, uint32_t first, uint32_t end)
{
    uint32_t other;
    if (end - first > CHAIN_MAX) {
        uint32_t middle = first + (end - first) / 2;
        other = split(b, IR_LT_U, d, middle);
        compare(b, d, first, middle);
        ir_block_start(b->f, other);
        compare(b, d, middle, end);
        return;
    }
    for (; first + 1 < end; first++) {
        other = split(b, IR_EQ, d, first);
        go_on(b, d, first);
        ir_block_start(b->f, other);
    }
    go_on(b, d, first);
}

static bool call_by_number(struct builder *b, const struct cil_callee *c, const struct dispatch *d,
                           uint32_t self)
{
    const struct ir_callee *own = &b->unit->callees[b->f->callee];
    const struct ir_signature s = b->unit->signatures[own->signature];
    unsigned type = s.results == 0 ? (unsigned)IR_VOID : b->unit->types[s.types + s.params];
    uint32_t number = build_virtual_number(b, c, d->args[self]);
    uint32_t signature = unit_signature_number(b->unit, b->m.sig, true);
    if (number == IR_NONE || signature == IR_NONE) {
        return false;
    }
    uint32_t value = build_call_raw(b, number, signature, type, d->args, d->arg_count);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &value, s.results), s.results);
    return true;
}

/* The caller has compared the object with null, and looks for an exception after the call. */
bool build_dispatch(struct builder *b)
{
    const struct cil_callee *open = cil_resolve_method(b->m.a, CIL_TOKEN(CIL_METHOD_DEF, b->m.row));
    const struct ir_callee *own = &b->unit->callees[b->f->callee];
    const struct ir_signature s = b->unit->signatures[own->signature];
    struct dispatch *d = arena_alloc(b->unit->arena, sizeof *d);
    struct cil_unit_use use;
    uint32_t self = b->result.structure != NULL ? 1 : 0;
    if (open == NULL || d == NULL) {
        return d != NULL || cil_fail(b->d, NULL, 0, E_NOMEM, "no memory left to compile");
    }
    struct cil_callee c = *open;
    c.owner = b->m.owner;
    if (!use_of(b, &c, &use)) {
        return false;
    }
    d->arg_count = s.params - 1u;
    for (uint32_t n = 0; n < d->arg_count; n++) {
        d->args[n] = ir_param(b->f, b->unit->types[s.types + n]);
    }
    d->type = ir_param(b->f, IR_I32);
    uint32_t count = find_targets(b, &use, d);
    if (count > TARGETS_MAX) {
        return call_by_number(b, &c, d, self);
    }
    if (count == 0) { /* no object has the method, so all references to one are null */
        (void)ir_emit(b->f, IR_TRAP, IR_VOID, 0, IR_TRAP_UNREACHABLE, 0);
    } else {
        compare(b, d, 0, count);
    }
    return b->d->status == OK;
}
