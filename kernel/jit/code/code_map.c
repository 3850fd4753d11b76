// SPDX-License-Identifier: MIT
//
// Pieces of code, and which function and row an address
// belongs to. Faults and active frames are in code_fault.c.
#include "kernel/jit/code/code_map_internal.h"

#include "kernel/lib/format.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"

#include <stdatomic.h>

#define PIECES_FIRST 4u /* that an array has room for at first */

/* ---- Pieces ---- */

/* The number of pieces that start at or before an address. */
static uint32_t count_up_to(const struct code_map *m, uint64_t address)
{
    uint32_t low = 0, high = m->piece_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (m->pieces[middle]->block.address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The array changes between these. A handler of this thread that runs meanwhile sees no pieces: the
 * thread is in none. */
static uint32_t hide(struct code_map *m)
{
    uint32_t count = m->piece_count;
    m->piece_count = 0;
    atomic_signal_fence(memory_order_seq_cst);
    return count;
}

static void show(struct code_map *m, uint32_t count)
{
    atomic_signal_fence(memory_order_seq_cst);
    m->piece_count = count;
}

static bool reserve(struct code_map *m)
{
    if (m->piece_count < m->piece_capacity) {
        return true;
    }
    uint32_t capacity = m->piece_capacity == 0 ? PIECES_FIRST : 2 * m->piece_capacity;
    if (m->piece_capacity > UINT32_MAX / 2) {
        return false;
    }
    uint32_t count = hide(m);
    struct code_piece **grown =
        budget_resize(m->budget, m->pieces, m->piece_capacity * sizeof(struct code_piece *),
                      capacity * sizeof(struct code_piece *));
    if (grown != NULL) {
        m->pieces = grown;
        m->piece_capacity = capacity;
    }
    show(m, count);
    return grown != NULL;
}

static void insert(struct code_map *m, struct code_piece *p)
{
    uint32_t at = count_up_to(m, p->block.address);
    uint32_t count = hide(m);
    memmove(m->pieces + at + 1, m->pieces + at, (count - at) * sizeof(struct code_piece *));
    m->pieces[at] = p;
    show(m, count + 1);
}

static void take_out(struct code_map *m, uint32_t at)
{
    uint32_t count = hide(m) - 1;
    memmove(m->pieces + at, m->pieces + at + 1, (count - at) * sizeof(struct code_piece *));
    show(m, count);
}

/* A map without pieces has no memory, so it needs no end. */
static void free_if_empty(struct code_map *m)
{
    if (m->piece_count == 0) {
        budget_free(m->budget, m->pieces);
        m->pieces = NULL;
        m->piece_capacity = 0;
    }
}

enum status code_map_add(struct code_map *m, struct code_piece *p)
{
    p->map = m;
    p->block.piece = p;
    if (!reserve(m)) {
        return E_NOMEM;
    }
    enum status s = m->space->seal(m->space->ctx, &p->block);
    if (s == OK) {
        insert(m, p);
    }
    free_if_empty(m);
    return s;
}

void code_map_remove(struct code_map *m, struct code_piece *p)
{
    uint32_t after = count_up_to(m, p->block.address);
    if (after > 0 && m->pieces[after - 1] == p) {
        take_out(m, after - 1);
        free_if_empty(m);
        /* No one looks up this piece from here on; only now may its lists be freed. */
        m->space->free(m->space->ctx, &p->block);
    }
    budget_free(m->budget, p->rows);
    budget_free(m->budget, p->refs);
    budget_free(m->budget, p->functions);
    p->rows = NULL;
    p->refs = NULL;
    p->functions = NULL;
}

const struct code_piece *code_map_find(const struct code_map *m, uint64_t pc)
{
    for (; m != NULL; m = __atomic_load_n(&m->also, __ATOMIC_ACQUIRE)) {
        uint32_t after = count_up_to(m, pc);
        const struct code_piece *p = after == 0 ? NULL : m->pieces[after - 1];
        if (p != NULL && pc - p->block.address < p->block.size) {
            return p;
        }
    }
    return NULL;
}

/* ---- Functions ---- */

/* Binary search for the last function that starts at or before pc. */
uint32_t code_piece_at(const struct code_piece *p, uint64_t pc)
{
    uint64_t at = pc - p->block.address;
    uint32_t low = 0, high = p->function_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (p->functions[middle].start <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct code_function *code_piece_function(const struct code_piece *p, uint32_t number)
{
    uint32_t n = SORTED_FIND(p->functions, p->function_count, number, number);
    return n < p->function_count && p->functions[n].number == number ? &p->functions[n] : NULL;
}

const struct code_function *code_map_entry(const struct code_map *m, const void *source,
                                           uint64_t address)
{
    const struct code_piece *p = code_map_find(m, address);
    if (p == NULL || p->source != source || source == NULL) {
        return NULL;
    }
    const struct code_function *f = &p->functions[code_piece_at(p, address)];
    return f->start == address - p->block.address ? f : NULL;
}

void code_piece_describe(const struct code_piece *p, uint64_t pc, char *buf, size_t len)
{
    uint32_t n = code_piece_at(p, pc);
    uint32_t number = p->functions[n].number;
    const char *name = p->names == NULL ? NULL : p->names[number];
    unsigned long long offset = pc - p->block.address - p->functions[n].start;
    if (name == NULL) {
        fmt_print(buf, len, "(function %u)+0x%llx", number, offset);
    } else {
        fmt_print(buf, len, "%s+0x%llx", name, offset);
    }
}
