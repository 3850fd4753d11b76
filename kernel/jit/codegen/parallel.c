// SPDX-License-Identifier: MIT
//
// Turns moves that happen at once into a sequence of moves. A location may be written only after
// every move that reads it. What remains after that are cycles. To break a cycle, one of its values
// is saved: in the scratch register, or in a spare slot if a move of the cycle goes from slot to
// slot and so needs the scratch register itself.
#include "kernel/jit/codegen/parallel.h"

#include "kernel/lib/compiler.h"

enum { FIRST_SLOT = 32 * VCLASS_COUNT };

/* Index of a location in `reads` and `writer`: the registers of each class, then the slots. */
static uint32_t key(unsigned class, uint32_t loc)
{
    return vloc_is_slot(loc) ? FIRST_SLOT + (loc & ~VLOC_SLOT_FLAG) : 32 * class + loc;
}

bool moves_add(struct arena *a, struct moves *m, struct vmove move)
{
    if (m->count == m->capacity) {
        void *grown =
            arena_grow_list(a, m->list, &m->capacity, (uint64_t)m->count + 1, sizeof *m->list);
        if (grown == NULL) {
            return false;
        }
        m->list = grown;
    }
    m->list[m->count++] = move;
    return true;
}

uint32_t slot_new(uint32_t *slot_count, unsigned width)
{
    uint32_t slot = width == 2 ? ALIGN_UP(*slot_count, 2u) : *slot_count;
    *slot_count = slot + width;
    return slot;
}

/* Each destination may occur once. A move to its own place is dropped at once. */
void parallel_want(struct parallel *p, struct vmove move)
{
    struct moves m = {p->wanted, p->count, p->capacity};
    if (move.from != move.to) {
        p->failed |= !moves_add(p->arena, &m, move);
    }
    p->wanted = m.list;
    p->count = m.count;
    p->capacity = m.capacity;
}

static uint32_t *new_array(struct parallel *p, uint32_t count)
{
    uint32_t *words = arena_alloc(p->arena, count * sizeof *words);
    p->failed |= words == NULL;
    return words;
}

/* Make the arrays large enough for all slots and moves. */
static bool make_room(struct parallel *p)
{
    uint32_t locations = FIRST_SLOT + p->slot_count + 4; /* room for two spare slots */
    if (locations > p->locations) {
        p->locations = 2 * locations;
        p->reads = new_array(p, p->locations);
        p->writer = new_array(p, p->locations);
    }
    if (p->capacity > p->room) {
        p->room = p->capacity;
        p->work = new_array(p, p->room);
    }
    return !p->failed;
}

/* One move; through the scratch register if both ends are slots. */
static void emit(struct parallel *p, struct vmove m, struct moves *out)
{
    uint32_t scratch = p->scratch[m.class];
    if (m.from == m.to) {
        return;
    }
    if (vloc_is_slot(m.to) && !(m.from != VLOC_NONE && vloc_is_reg(m.from))) {
        struct vmove first = m;
        first.to = scratch;
        p->failed |= !moves_add(p->arena, out, first);
        m.from = scratch;
        m.remake = VREG_NONE;
    }
    p->failed |= !moves_add(p->arena, out, m);
}

static uint32_t *reads_of(struct parallel *p, const struct vmove *m)
{
    return m->from == VLOC_NONE ? NULL : &p->reads[key(m->class, m->from)];
}

/* Emit this move, then the move that waited until
 * its source was read, and so on along the chain. */
static void emit_chain(struct parallel *p, uint32_t n, struct moves *out)
{
    for (;;) {
        struct vmove m = p->wanted[n];
        emit(p, m, out);
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

/* One spare slot for each width serves the whole function, since no value stays in it beyond one
 * set of moves. */
static uint32_t spare_slot(struct parallel *p, unsigned bytes)
{
    unsigned width = bytes > 8 ? 2 : 1;
    uint32_t *spare = &p->spare[width - 1];
    if (*spare == 0) {
        *spare = slot_new(&p->slot_count, width) + 1;
    }
    return VLOC_SLOT(*spare - 1);
}

/* Move n is part of a cycle. Save the value that its destination holds, and let the move that reads
 * that value read the copy instead. */
static void break_cycle(struct parallel *p, uint32_t n, struct moves *out)
{
    const struct vmove *first = &p->wanted[n];
    uint32_t reader = n;
    bool needs_slot = false;
    /* follow the cycle from each move to the one that
     * writes its source, until one reads our destination */
    do {
        const struct vmove *m = &p->wanted[reader];
        needs_slot |= vloc_is_slot(m->from) && vloc_is_slot(m->to);
        if (key(m->class, m->from) == key(first->class, first->to)) {
            break;
        }
        reader = p->writer[key(m->class, m->from)] - 1;
    } while (true);
    struct vmove save = p->wanted[reader];
    save.to = needs_slot ? spare_slot(p, save.bytes) : p->scratch[save.class];
    emit(p, save, out);
    p->wanted[reader].from = save.to;
    p->reads[key(save.class, save.from)] = 0;
    p->reads[key(save.class, save.to)] = 1;
    emit_chain(p, n, out);
}

/* `reads` counts the moves that still read a location, `writer` is the move that will write it, +
 * 1. Both are all zero between calls, which emit_chain() and break_cycle() restore, so the cost
 * depends only on the number of moves. */
void parallel_resolve(struct parallel *p, uint32_t at, struct moves *out)
{
    uint32_t ready = 0;
    if (!make_room(p)) {
        return;
    }
    for (uint32_t n = 0; n < p->count; n++) {
        p->wanted[n].at = at;
        p->writer[key(p->wanted[n].class, p->wanted[n].to)] = n + 1;
        if (p->wanted[n].from != VLOC_NONE) {
            ++*reads_of(p, &p->wanted[n]);
        }
    }
    for (uint32_t n = 0; n < p->count; n++) {
        if (p->reads[key(p->wanted[n].class, p->wanted[n].to)] == 0) {
            p->work[ready++] = n;
        }
    }
    while (ready > 0) {
        emit_chain(p, p->work[--ready], out);
    }
    for (uint32_t n = 0; n < p->count && !p->failed; n++) {
        if (p->writer[key(p->wanted[n].class, p->wanted[n].to)] == n + 1) {
            break_cycle(p, n, out);
        }
    }
    p->count = 0;
}
