// SPDX-License-Identifier: MIT
//
// Which registers and which cells next to the entry's stack pointer a loop changes: the others have at its head what they had before it, and nothing
// has to be asked of what comes backwards.
//
// A loop is taken to be all blocks from its header to the last one that leads back to it, in the
// order in which they are looked at, and the loops among them as far as they go. Such a range holds
// all that can run between two rounds if it is entered at the header only. If it is not, then the
// loop is taken to change all that anything changes: that happens where blocks behind a loop were
// put between its own.
//
// Cells are foreseen from what instructions look like, with the frame that the first block has
// made. One that is written all the same makes verify_function() begin again, without foresight.
#include "kernel/jit/verify/verify_internal.h"

#define CELLS    (~UINT64_C(0) << LOCATION_CELLS)
#define FAR_AWAY (INT64_C(1) << 40) /* of no cell */

/* Cells next to the entry's stack pointer, at an offset from a register of the frame. */
static uint64_t cells_at(const struct verifier *v, const struct verify_insn *i, unsigned bytes)
{
    bool is_frame = i->base == v->m->fp || i->base == v->m->sp;
    if (!is_frame || i->index != VERIFY_NONE) {
        return 0;
    }
    int64_t first = (int64_t)i->disp + (i->base == v->m->sp ? v->sp : v->frame);
    uint64_t cells = 0;
    for (int64_t at = first; at < first + bytes; at += 8) {
        uint32_t location = value_cell(at);
        cells |= location < LOCATIONS ? UINT64_C(1) << location : 0;
    }
    return cells;
}

/* Of one block: which cells it writes, from where it is entered, and how far back it leads. */
static void look_at(struct verifier *v, uint32_t number)
{
    struct block *b = &v->blocks[number];
    for (uint32_t n = 0; n < b->count; n++) {
        const struct verify_insn *i = &v->insns[b->first + n];
        if (i->op == VERIFY_STORE || i->op == VERIFY_UPDATE || i->op == VERIFY_STORE_PAIR) {
            b->writes |= cells_at(v, i, i->op == VERIFY_STORE_PAIR ? 2u * i->bytes : i->bytes);
        }
    }
    b->low = UINT32_MAX;
    b->loop_end = b->order;
    for (uint32_t p = 0; p < b->pred_count; p++) {
        uint32_t from = v->blocks[v->edges[b->preds + p] >> 1].order;
        b->low = MIN(b->low, from);
        b->loop_end = MAX(b->loop_end, from);
    }
    v->work += b->pred_count;
}

/* Blocks after the header, up to the end; loops among them at once. */
static void find_loop(struct verifier *v, struct block *header)
{
    uint32_t low = UINT32_MAX;
    for (uint32_t n = header->order + 1; n <= header->loop_end; n++) {
        struct block *b = &v->blocks[v->order[n]];
        header->writes |= b->writes;
        b->in_loop = true;
        header->loop_end = MAX(header->loop_end, b->loop_end);
        low = MIN(low, b->low);
        n = MAX(n, b->loop_end);
        v->work++;
    }
    header->in_loop = true;
    if (low < header->order || !v->foresees) {
        header->writes |= low < header->order ? ~UINT64_C(0) : CELLS;
    }
    header->low = MIN(header->low, low);
}

void verify_find_loops(struct verifier *v)
{
    const struct value *fp = value_of(v, value_register(v, v->m->fp));
    v->frame = fp->kind == VALUE_FRAME ? (int64_t)fp->n : FAR_AWAY;
    for (uint32_t n = 0; n < v->block_count; n++) {
        look_at(v, n);
    }
    for (uint32_t n = v->block_count; n-- > 0;) {
        struct block *b = &v->blocks[v->order[n]];
        if (b->is_header) {
            find_loop(v, b);
        }
    }
}
