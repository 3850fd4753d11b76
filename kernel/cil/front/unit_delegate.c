// SPDX-License-Identifier: MIT
//
// Which methods delegates of each type are of: those that code makes delegates of with ldftn or
// ldvirtftn. Others come from reflection, and are called by number.
#include "kernel/cil/front/build_internal.h"

#define MARKS 32u /* bits of a delegate */

/* A call tests one bit: is this delegate of the method that was the first one for its type? The bit
 * must not mean another type's first method there. An object of another type gets there through
 * variance only, and then both types are instances of one definition: so each instance of a
 * definition has its own bit. Later ones have none, and their delegates are compared by number. */
static uint32_t new_mark(const struct cil_unit *u, const struct cil_type *t)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < u->runtime_type_count; n++) {
        const struct cil_unit_type *k = &u->runtime_types[n];
        count += k->first != 0 && k->type->c == t->c ? 1 : 0;
    }
    return count < MARKS ? UINT32_C(1) << count : 0;
}

/* List it, unless it is listed. */
static bool add(struct cil_unit *u, const struct cil_unit_delegate *k)
{
    uint32_t hash = unit_hash(k->number, (uintptr_t)k->type);
    for (uint32_t n = unit_index_first(&u->delegate_index, hash); n != IR_NONE;
         n = unit_index_next(&u->delegate_index, n)) {
        const struct cil_unit_delegate *other = &u->delegates[n];
        if (other->type == k->type && other->owner == k->owner && other->number == k->number) {
            return true;
        }
    }
    struct cil_unit_delegate *all =
        unit_grow(u, u->delegates, &u->delegate_capacity, u->delegate_count + 1, sizeof *all);
    if (all == NULL || !unit_index_add(u, &u->delegate_index, hash, u->delegate_count)) {
        return false;
    }
    u->delegates = all;
    all[u->delegate_count++] = *k;
    return true;
}

bool unit_add_virtual_delegate(struct cil_unit *u, struct cil_type *t,
                               const struct cil_unit_use *use)
{
    return add(u, &(struct cil_unit_delegate){t, use->owner, use->slot});
}

bool unit_add_delegate(struct cil_unit *u, struct cil_type *t, uint32_t number, uint32_t *mark)
{
    struct cil_unit_type *k = unit_type(u, t);
    if (k == NULL || !add(u, &(struct cil_unit_delegate){t, NULL, number})) {
        return false;
    }
    if (mark != NULL && k->first == 0) {
        k->mark = new_mark(u, t);
        k->first = number + 1;
    }
    if (mark != NULL) {
        *mark = k->first == number + 1 ? k->mark : 0;
    }
    return true;
}

/* Calls with parameters and results of the same machine types share one. */
uint32_t unit_shared(struct cil_unit *u, const struct cil_callee *c, unsigned kind)
{
    const struct cil_signature *s = unit_signature(u, c);
    uint32_t signature = s == NULL ? IR_NONE : unit_signature_number(u, s, true);
    if (signature == IR_NONE) {
        return IR_NONE;
    }
    for (uint32_t n = 0; n < u->shared_count; n++) {
        if (u->shared[n].signature == signature && u->shared[n].kind == kind) {
            return u->shared[n].number;
        }
    }
    uint32_t number = unit_method(u, c, kind);
    struct cil_unit_shared *all = number == IR_NONE ? NULL
                                                    : unit_grow(u, u->shared, &u->shared_capacity,
                                                                u->shared_count + 1, sizeof *all);
    if (all == NULL) {
        return IR_NONE;
    }
    u->shared = all;
    all[u->shared_count++] = (struct cil_unit_shared){signature, number, (uint8_t)kind};
    return number;
}
