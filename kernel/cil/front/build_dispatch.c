// SPDX-License-Identifier: MIT
//
// How a virtual or interface call finds its method. A program is complete, so the types of its
// objects are known: the call is one of a method that gets the object's type as its last argument,
// tests bits in which these types differ, and goes on in the method of the one that is left. It is
// translated when all types are known. A test takes two instructions at most, where a call by
// number loads and checks a record. A method that objects of too many types have is called by
// number there.
// Calls of delegates work alike, but other numbers are possible there, so all are compared.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define TARGETS_MAX 48u
#define CHAIN_MAX   4u /* numbers that are compared one after the other */

/* The objects of a type, and the method that they have. */
struct target {
    uint32_t type, number;
};

struct dispatch {
    struct target all[TARGETS_MAX + 1], sorted[TARGETS_MAX + 1]; /* by type; one may be null */
    uint32_t args[BUILD_VARIABLES_MAX + 3];
    uint32_t arg_count, type;
    uint32_t other; /* of delegates: the method for numbers that are not listed */
};

/* ---- Calls ---- */

bool build_use_of(struct builder *b, const struct cil_callee *c, struct cil_unit_use *out)
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
    if (c->owner->c->is_delegate) {
        return unit_shared(b->unit, c, CIL_UNIT_NUMBER) == IR_NONE
                   ? IR_NONE
                   : unit_method(b->unit, c, CIL_UNIT_DISPATCH);
    }
    if (!build_use_of(b, c, &use) || !unit_use(b->unit, use.owner, use.slot) ||
        (b->unit->catches && unit_shared(b->unit, c, CIL_UNIT_NULL) == IR_NONE) ||
        (c->owner->c->is_interface && unit_interface(b->unit, c->owner) == IR_NONE)) {
        return IR_NONE;
    }
    return unit_method(b->unit, c, CIL_UNIT_DISPATCH);
}

/* ---- The method ---- */

/* In the order of the types. */
static void insert(struct dispatch *d, uint32_t *count, uint32_t type, uint32_t number)
{
    uint32_t at = (*count)++;
    for (; at > 0 && d->all[at - 1].type > type; at--) {
        d->all[at] = d->all[at - 1];
    }
    d->all[at] = (struct target){type, number};
}

/* @return how many; TARGETS_MAX + 1: too many. */
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
        insert(d, &count, u->runtime_types[n].at, number);
    }
    return count;
}

static bool is_variant(const struct cil_unit *u, struct cil_type *from, const struct cil_type *to)
{
    return from->c == to->c && cil_is_subtype(u->d, from, (struct cil_type *)(uintptr_t)to);
}

/* Unless it is listed, has other parameters, or there are too many: those beyond the limit are
 * called as others are. */
static void insert_delegate(const struct cil_unit *u, uint32_t signature, struct dispatch *d,
                            uint32_t *count, uint32_t number)
{
    uint32_t n = 0;
    while (n < *count && d->all[n].number != number) {
        n++;
    }
    if (n == *count && n < TARGETS_MAX &&
        u->callees[CIL_FIRST_METHOD + number].signature == signature) {
        insert(d, count, number + 1, number);
    }
}

/* What the objects of the program have for a virtual method. */
static void insert_virtual(struct cil_unit *u, uint32_t signature, struct dispatch *d,
                           uint32_t *count, const struct cil_unit_use *use)
{
    for (uint32_t n = 0; n < u->runtime_type_count && u->d->status == OK; n++) {
        uint32_t number = unit_target(u, &u->runtime_types[n], use);
        if (number != IR_NONE) {
            insert_delegate(u, signature, d, count, number);
        }
    }
}

/* The methods of delegates that a variable of the type may hold, by number, except the first one,
 * which calls find by its mark. */
static uint32_t find_delegates(struct cil_unit *u, const struct cil_type *t, uint32_t signature,
                               struct dispatch *d)
{
    const struct cil_unit_type *own = unit_find_type(u, t);
    uint32_t count = 0, first = own == NULL || own->mark == 0 ? 0 : own->first;
    for (uint32_t n = 0; n < u->delegate_count; n++) {
        const struct cil_unit_delegate k = u->delegates[n];
        if (k.type != t && !is_variant(u, k.type, t)) {
            continue;
        }
        if (k.owner != NULL) {
            insert_virtual(u, signature, d, &count, &(struct cil_unit_use){k.owner, k.number});
        } else if (k.type != t || k.number + 1 != first) {
            insert_delegate(u, signature, d, &count, k.number);
        }
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

static uint32_t count_ones(const struct dispatch *d, uint32_t first, uint32_t end, uint32_t bit)
{
    uint32_t ones = 0;
    for (uint32_t n = first; n < end; n++) {
        ones += d->all[n].type >> bit & 1;
    }
    return ones;
}

/* The bit that divides the types best. Of two that divide them alike, the one with more zeros:
 * null, whose type is 0, is found later then. Any two types differ in some bit. */
static uint32_t best_bit(const struct dispatch *d, uint32_t first, uint32_t end, uint32_t *ones)
{
    uint32_t best = 0, best_key = 0;
    for (uint32_t bit = 0; bit < 32; bit++) {
        uint32_t one = count_ones(d, first, end, bit), zero = end - first - one;
        uint32_t key = 2 * MIN(one, zero) + (one < zero ? 1 : 0);
        if (one != 0 && zero != 0 && key > best_key) {
            best = bit;
            best_key = key;
            *ones = one;
        }
    }
    return best;
}

/* Those with 0 in a bit come first; the order stays as it is otherwise. */
static void divide(struct dispatch *d, uint32_t first, uint32_t end, uint32_t bit)
{
    uint32_t count = 0;
    for (uint32_t value = 0; value < 2; value++) {
        for (uint32_t n = first; n < end; n++) {
            if ((d->all[n].type >> bit & 1) == value) {
                d->sorted[count++] = d->all[n];
            }
        }
    }
    memcpy(d->all + first, d->sorted, count * sizeof *d->all);
}

static bool have_one_method(const struct dispatch *d, uint32_t first, uint32_t end)
{
    while (first + 1 < end && d->all[first].number == d->all[end - 1].number) {
        end--;
    }
    return first + 1 == end;
}

/* Every object is of one of the types, so the last one needs no test. If no bit divides them well,
 * a comparison does; the types are in order for that. A function without anything that traps or
 * faults has no frame, so the caller has loaded the type. Each part has a third at least: the
 * recursion is as deep as a logarithm. */
static void find_type(struct builder *b, struct dispatch *d, uint32_t first, uint32_t end)
{
    uint32_t ones = 0, count = end - first, other, middle = first + count / 2;
    if (have_one_method(d, first, end)) {
        go_on(b, d, first);
        return;
    }
    uint32_t bit = best_bit(d, first, end, &ones);
    if (MIN(ones, count - ones) * 3 < count) {
        other = split(b, IR_LT_U, d, middle);
        find_type(b, d, first, middle);
        ir_block_start(b->f, other);
        find_type(b, d, middle, end);
        return;
    }
    divide(d, first, end, bit);
    other = build_if_not_zero(
        b, build_op(b, IR_AND, IR_I32, d->type, build_number(b, UINT32_C(1) << bit)));
    find_type(b, d, end - ones, end);
    ir_block_start(b->f, other);
    find_type(b, d, first, end - ones);
}

/* Halves, until few are left. */
static void find_number(struct builder *b, struct dispatch *d, uint32_t first, uint32_t end)
{
    uint32_t other;
    if (end - first > CHAIN_MAX) {
        uint32_t middle = first + (end - first) / 2;
        other = split(b, IR_LT_U, d, middle);
        find_number(b, d, first, middle);
        ir_block_start(b->f, other);
        find_number(b, d, middle, end);
        return;
    }
    for (; first < end; first++) {
        other = split(b, IR_EQ, d, first);
        go_on(b, d, first);
        ir_block_start(b->f, other);
    }
    d->args[d->arg_count] = d->type;
    (void)ir_emit(b->f, IR_TAIL_CALL, IR_VOID, CIL_FIRST_METHOD + d->other,
                  ir_pool(b->f, d->args, d->arg_count + 1), d->arg_count + 1);
}

static bool call_by_number(struct builder *b, const struct cil_callee *c, struct dispatch *d,
                           uint32_t self)
{
    const struct ir_callee *own = &b->unit->callees[b->f->callee];
    const struct ir_signature s = b->unit->signatures[own->signature];
    unsigned type = s.results == 0 ? (unsigned)IR_VOID : b->unit->types[s.types + s.params];
    uint32_t signature = unit_signature_number(b->unit, b->m.sig, true), null = IR_NONE;
    if (b->unit->catches) {
        null = build_if_not_zero(b, d->type);
    }
    uint32_t number = build_virtual_number(b, c, d->args[self]);
    if (number == IR_NONE || signature == IR_NONE) {
        return false;
    }
    uint32_t value = build_call_raw(b, number, signature, type, d->args, d->arg_count);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &value, s.results), s.results);
    if (null != IR_NONE) {
        ir_block_start(b->f, null);
        d->all[0].number = unit_shared(b->unit, c, CIL_UNIT_NULL);
        go_on(b, d, 0);
    }
    return b->d->status == OK;
}

static bool dispatch_delegate(struct builder *b, struct dispatch *d)
{
    uint32_t signature = unit_signature_number(b->unit, b->m.sig, true);
    if (d->other == IR_NONE || signature == IR_NONE) {
        return false;
    }
    find_number(b, d, 0, find_delegates(b->unit, b->m.owner, signature, d));
    return b->d->status == OK;
}

bool build_null(struct builder *b)
{
    const struct ir_signature s = b->unit->signatures[b->unit->callees[b->f->callee].signature];
    for (uint32_t n = 0; n < s.params; n++) {
        (void)ir_param(b->f, b->unit->types[s.types + n]);
    }
    build_raise(b, IR_TRAP_NULL);
    uint32_t value =
        s.results == 0 ? 0 : ir_build_const(b->f, b->unit->types[s.types + s.params], 0);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &value, s.results), s.results);
    return b->d->status == OK;
}

/* The caller looks for an exception after the call. Null has type 0, which can be loaded. If no
 * exception is caught, the caller has compared the object with null. */
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
    bool is_delegate = c.owner->c->is_delegate;
    if (!is_delegate && !build_use_of(b, &c, &use)) {
        return false;
    }
    d->other = is_delegate ? unit_shared(b->unit, &c, CIL_UNIT_NUMBER) : IR_NONE;
    d->arg_count = s.params - 1u;
    for (uint32_t n = 0; n < d->arg_count; n++) {
        d->args[n] = ir_param(b->f, b->unit->types[s.types + n]);
    }
    d->type = ir_param(b->f, IR_I32);
    if (is_delegate) {
        return dispatch_delegate(b, d);
    }
    uint32_t count = find_targets(b, &use, d);
    if (count > TARGETS_MAX) {
        return call_by_number(b, &c, d, self);
    }
    if (b->unit->catches) {
        insert(d, &count, 0, unit_shared(b->unit, &c, CIL_UNIT_NULL));
    }
    if (count == 0) { /* no object has the method, so all references to one are null */
        (void)ir_emit(b->f, IR_TRAP, IR_VOID, 0, IR_TRAP_UNREACHABLE, 0);
    } else {
        find_type(b, d, 0, count);
    }
    return b->d->status == OK;
}
