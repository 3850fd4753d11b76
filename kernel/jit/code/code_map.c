// SPDX-License-Identifier: MIT
//
// Pieces of code, and which function and row an address
// belongs to. Faults and active frames are in code_fault.c.
#include "kernel/jit/code/code_map_internal.h"

#include "kernel/lib/format.h"

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
    m->pieces = p;
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

const struct code_piece *code_map_find(const struct code_map *m, uint64_t pc)
{
    for (const struct code_piece *p = m->pieces; p != NULL; p = p->next) {
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
    return number - p->first < p->function_count ? &p->functions[number - p->first] : NULL;
}

void code_piece_describe(const struct code_piece *p, uint64_t pc, char *buf, size_t len)
{
    uint32_t n = code_piece_at(p, pc);
    const char *name = p->names == NULL ? NULL : p->names[p->first + n];
    unsigned long long offset = pc - p->block.address - p->functions[n].start;
    if (name == NULL) {
        fmt_print(buf, len, "(function %u)+0x%llx", p->first + n, offset);
    } else {
        fmt_print(buf, len, "%s+0x%llx", name, offset);
    }
}
