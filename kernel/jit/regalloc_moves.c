// SPDX-License-Identifier: MIT
//
// Moves that happen at once, as moves one after the other. A location is written when nothing is
// still to be read from it. What is left then are cycles: one of each cycle is saved, in the
// scratch register; or in a slot, if a move of the cycle goes from slot to slot and needs the
// scratch register itself.
#include "kernel/jit/regalloc_internal.h"

enum { FIRST_SLOT = 32 * VCLASS_COUNT };

static uint32_t key(unsigned class, uint32_t loc)
{
    return vloc_is_slot(loc) ? FIRST_SLOT + (loc & ~VLOC_SLOT_FLAG) : 32 * class + loc;
}

void moves_add(struct alloc *a, struct moves *m, struct vmove move)
{
    void *grown =
        arena_grow(a->arena, m->list, &m->capacity, (uint64_t)m->count + 1, sizeof *m->list);
    if (grown == NULL) {
        a->error = E_NOMEM;
        return;
    }
    m->list = grown;
    m->list[m->count++] = move;
}

void parallel_want(struct alloc *a, struct vmove move)
{
    struct moves m = {a->parallel.wanted, a->parallel.count, a->parallel.capacity};
    if (move.from != move.to) {
        moves_add(a, &m, move);
    }
    a->parallel.wanted = m.list;
    a->parallel.count = m.count;
    a->parallel.capacity = m.capacity;
}

/* Arrays for this many slots and moves. */
static bool make_room(struct alloc *a)
{
    struct parallel *p = &a->parallel;
    uint32_t locations = FIRST_SLOT + a->slot_count + 4; /* two spare slots to come */
    if (locations > p->locations) {
        p->locations = 2 * locations;
        p->reads = regalloc_array(a, p->locations, sizeof(uint32_t));
        p->writer = regalloc_array(a, p->locations, sizeof(uint32_t));
    }
    if (p->capacity > p->room) {
        p->room = p->capacity;
        p->work = regalloc_array(a, p->room, sizeof(uint32_t));
    }
    return a->error == OK;
}

/* One move; through the scratch register if both ends are slots. */
static void emit(struct alloc *a, struct vmove m, struct moves *out)
{
    uint32_t scratch = a->registers->scratch[m.class];
    if (m.from == m.to) {
        return;
    }
    if (vloc_is_slot(m.to) && !(m.from != VLOC_NONE && vloc_is_reg(m.from))) {
        struct vmove first = m;
        first.to = scratch;
        moves_add(a, out, first);
        m.from = scratch;
        m.remake = VREG_NONE;
    }
    moves_add(a, out, m);
}

static uint32_t *reads_of(struct alloc *a, const struct vmove *m)
{
    return m->from == VLOC_NONE ? NULL : &a->parallel.reads[key(m->class, m->from)];
}

/* Emit this move, and then the one that waited for what it read, and so on. */
static void emit_chain(struct alloc *a, uint32_t n, struct moves *out)
{
    struct parallel *p = &a->parallel;
    for (;;) {
        struct vmove m = p->wanted[n];
        emit(a, m, out);
        p->writer[key(m.class, m.to)] = 0;
        if (m.from == VLOC_NONE) {
            return;
        }
        uint32_t k = key(m.class, m.from);
        if (--p->reads[k] > 0 || p->writer[k] == 0) {
            return;
        }
        n = p->writer[k] - 1;
    }
}

static uint32_t spare_slot(struct alloc *a, unsigned bytes)
{
    unsigned width = bytes > 8 ? 2 : 1;
    uint32_t *spare = &a->parallel.spare[width - 1];
    if (*spare == 0) {
        *spare = slot_new(a, width) + 1;
    }
    return VLOC_SLOT(*spare - 1);
}

/* The move n is of a cycle. Save what its destination holds; what reads that, reads the copy. */
static void break_cycle(struct alloc *a, uint32_t n, struct moves *out)
{
    struct parallel *p = &a->parallel;
    const struct vmove *first = &p->wanted[n];
    uint32_t reader = n;
    bool needs_slot = false;
    do { /* along the cycle: who writes what this one reads; the last one reads our destination */
        const struct vmove *m = &p->wanted[reader];
        needs_slot |= vloc_is_slot(m->from) && vloc_is_slot(m->to);
        if (key(m->class, m->from) == key(first->class, first->to)) {
            break;
        }
        reader = p->writer[key(m->class, m->from)] - 1;
    } while (true);
    struct vmove save = p->wanted[reader];
    save.to = needs_slot ? spare_slot(a, save.bytes) : a->registers->scratch[save.class];
    emit(a, save, out);
    p->wanted[reader].from = save.to;
    p->reads[key(save.class, save.from)] = 0;
    p->reads[key(save.class, save.to)] = 1;
    emit_chain(a, n, out);
}

void parallel_resolve(struct alloc *a, uint32_t at, struct moves *out)
{
    struct parallel *p = &a->parallel;
    uint32_t ready = 0;
    if (!make_room(a)) {
        return;
    }
    for (uint32_t n = 0; n < p->count; n++) {
        p->wanted[n].at = at;
        p->writer[key(p->wanted[n].class, p->wanted[n].to)] = n + 1;
        if (p->wanted[n].from != VLOC_NONE) {
            ++*reads_of(a, &p->wanted[n]);
        }
    }
    for (uint32_t n = 0; n < p->count; n++) {
        if (p->reads[key(p->wanted[n].class, p->wanted[n].to)] == 0) {
            p->work[ready++] = n;
        }
    }
    while (ready > 0) {
        emit_chain(a, p->work[--ready], out);
    }
    for (uint32_t n = 0; n < p->count && a->error == OK; n++) {
        if (p->writer[key(p->wanted[n].class, p->wanted[n].to)] == n + 1) {
            break_cycle(a, n, out);
        }
    }
    a->work += p->count;
    p->count = 0;
}
