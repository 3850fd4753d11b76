// SPDX-License-Identifier: MIT
//
// Pieces of code, and which function and row an address
// belongs to. Faults and active frames are in code_fault.c.
#include "kernel/jit/code/code_map_internal.h"

#include "kernel/lib/format.h"
#include "kernel/lib/sort.h"

#include <stdatomic.h>

/* ---- Pieces ---- */

enum status code_map_add(struct code_map *m, struct code_piece *p)
{
    p->map = m;
    p->block.piece = p;
    enum status s = m->space->seal(m->space->ctx, &p->block);
    if (s != OK) {
        return s;
    }
    p->next = m->pieces;
    /* A thread that describes the program may read the list meanwhile. */
    __atomic_store_n(&m->pieces, p, __ATOMIC_RELEASE);
    return OK;
}

void code_map_remove(struct code_map *m, struct code_piece *p)
{
    for (struct code_piece **at = &m->pieces; *at != NULL; at = &(*at)->next) {
        if (*at == p) {
            *at = p->next;
            /* No one looks up this piece from here on; only now may its lists be freed. */
            m->space->free(m->space->ctx, &p->block);
            break;
        }
    }
    budget_free(m->budget, p->rows);
    budget_free(m->budget, p->refs);
    budget_free(m->budget, p->functions);
    p->rows = NULL;
    p->refs = NULL;
    p->functions = NULL;
}

static const struct code_piece *pieces_of(const struct code_map *m)
{
    return __atomic_load_n(&m->pieces, __ATOMIC_ACQUIRE);
}

const struct code_piece *code_map_find(const struct code_map *m, uint64_t pc)
{
    for (const struct code_piece *p = pieces_of(m); p != NULL; p = p->next) {
        if (pc - p->block.address < p->block.size) {
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

/* A program may have very many pieces, most of which do not have the function. */
static bool may_contain(const struct code_piece *p, uint32_t number)
{
    return p->function_count > 0 && number >= p->functions[0].number &&
           number <= p->functions[p->function_count - 1].number;
}

const struct code_piece *code_map_function(const struct code_map *m, const void *source,
                                           uint32_t number, const struct code_function **out)
{
    for (const struct code_piece *p = pieces_of(m); p != NULL; p = p->next) {
        bool may = p->source == source && may_contain(p, number);
        *out = may ? code_piece_function(p, number) : NULL;
        if (*out != NULL) {
            return p;
        }
    }
    return NULL;
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
