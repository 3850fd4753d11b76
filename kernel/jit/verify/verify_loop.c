// SPDX-License-Identifier: MIT
//
// Which registers a loop changes: the others have at its head what they had before it, and nothing
// has to be asked of what comes backwards.
//
// A loop is taken to be all blocks from its header to the last one that leads back to it, in the
// order in which they are looked at, and the loops among them as far as they go. Such a range holds
// all that can run between two rounds if it is entered at the header only. If it is not, then the
// loop is taken to change all that anything changes: that happens where blocks behind a loop were
// put between its own.
#include "kernel/jit/verify/verify_internal.h"

static uint64_t bit(unsigned reg)
{
    return reg < VERIFY_ZERO ? UINT64_C(1) << reg : 0;
}

static uint64_t written_by(const struct verifier *v, const struct verify_insn *i)
{
    switch ((enum verify_op)i->op) {
    case VERIFY_LOAD_PAIR:
    case VERIFY_POP:
    case VERIFY_MUL_WIDE:
    case VERIFY_DIVIDE:
        return bit(i->d) | bit(i->c);
    case VERIFY_PROBE_LOOP:
    case VERIFY_CLEAR_LOOP:
        return bit(i->d) | bit(i->a);
    case VERIFY_CALL:
    case VERIFY_CALL_TO:
        return v->called;
    default:
        return bit(i->d);
    }
}

/* Of one block: what it writes, from where it is entered, and how far back it leads. */
static void look_at(struct verifier *v, uint32_t number)
{
    struct block *b = &v->blocks[number];
    for (uint32_t n = 0; n < b->count; n++) {
        b->writes |= written_by(v, &v->insns[b->first + n]);
    }
    v->written |= b->writes;
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
        const struct block *b = &v->blocks[v->order[n]];
        header->writes |= b->writes;
        header->loop_end = MAX(header->loop_end, b->loop_end);
        low = MIN(low, b->low);
        n = MAX(n, b->loop_end);
        v->work++;
    }
    if (low < header->order) {
        header->writes = v->written;
    }
    header->low = MIN(header->low, low);
}

void verify_find_loops(struct verifier *v)
{
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
