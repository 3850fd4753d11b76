// SPDX-License-Identifier: MIT
//
// Finds the registers and the cells next to the entry's stack pointer that a loop changes. The
// others keep their values at its header, and need no demands on the back edges.
//
// A loop is approximated by all blocks from its header to the last one with a back edge to it, in
// the order of visits, together with all loops in that range. If the range is entered only at the
// header, it includes everything that can run between two iterations. Otherwise (blocks after a
// loop were placed between its own) the loop counts as changing everything.
//
// The written cells are predicted from the instructions, with the
// frame that the first block creates. If a loop writes a cell that was
// not predicted, verify_function() starts again without predictions.
#include "kernel/jit/verify/verify_internal.h"

/* Why a prediction is allowed in a verifier: it is checked. A register that a loop writes is found
 * by a mask over its instructions, which cannot miss one. A cell is written through a frame
 * register in the common case, which cells_at() sees, and otherwise through a computed address,
 * which it does not see. When verify_place.c meets a store to a near cell in a loop, and the
 * block's mask lacks that cell, it sets v->was_wrong, and verify_function() starts again with
 * foresees == false: then every loop counts as writing all cells. */
#define FAR_AWAY (INT64_C(1) << 40) /* no cell is that far */

/* The cells next to the entry's stack pointer that an instruction accesses by a frame register. */
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
        cells |= location < LOCATIONS ? UINT64_C(1) << (location - LOCATION_CELLS) : 0;
    }
    return cells;
}

/* Record the cells that one block writes. */
static void record_cells(const struct verifier *v, struct block *b)
{
    for (uint32_t n = 0; n < b->count; n++) {
        const struct verify_insn *i = &v->insns[b->first + n];
        if (i->op == VERIFY_STORE || i->op == VERIFY_UPDATE || i->op == VERIFY_STORE_PAIR) {
            b->cells |= cells_at(v, i, i->op == VERIFY_STORE_PAIR ? 2u * i->bytes : i->bytes);
        }
    }
}

/* Collect the blocks from the header to the end; an inner loop in one step: it was collected
 * before, because headers are visited from the last to the first. Its own end may lie behind this
 * loop's, if blocks of both are mixed; then this loop extends as far. Each loop visits the blocks
 * of its range once, and inner loops in one step, so the time is linear for nested loops; `n =
 * MAX(n, b->loop_end)` is that step. `low` is the least order of a predecessor of the range. If it
 * lies before the header, code can enter the range without passing the header, and what is written
 * outside the range may arrive in the middle of an iteration. */
static void find_loop(struct verifier *v, struct block *header)
{
    uint32_t low = UINT32_MAX;
    for (uint32_t n = header->order + 1; n <= header->loop_end; n++) {
        struct block *b = &v->blocks[v->order[n]];
        header->writes |= b->writes;
        header->cells |= b->cells;
        b->in_loop = true;
        header->loop_end = MAX(header->loop_end, b->loop_end);
        low = MIN(low, b->low);
        n = MAX(n, b->loop_end);
        v->work++;
    }
    header->in_loop = true;
    if (low < header->order || !v->foresees) {
        header->cells = ~UINT64_C(0);
        header->writes |= low < header->order ? ~UINT64_C(0) : 0;
    }
    header->low = MIN(header->low, low);
}

/* Called after the first block, which sets up the frame: cells are counted from the entry's stack
 * pointer, and a frame register can be translated only when its value there is known. If the frame
 * pointer is no frame, FAR_AWAY makes its cells none of the near ones. */
void verify_find_loops(struct verifier *v)
{
    const struct value *fp = value_of(v, value_register(v, v->m->fp));
    v->frame = fp->kind == VALUE_FRAME ? (int64_t)fp->n : FAR_AWAY;
    for (uint32_t n = 0, end = 0; n < v->block_count; n++) {
        struct block *b = &v->blocks[v->order[n]];
        end = b->is_header ? MAX(end, b->loop_end + 1) : end;
        if (n < end) {
            record_cells(v, b);
        }
    }
    for (uint32_t n = v->block_count; n-- > 0;) {
        struct block *b = &v->blocks[v->order[n]];
        if (b->is_header) {
            find_loop(v, b);
        }
    }
}
