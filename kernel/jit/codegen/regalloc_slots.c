// SPDX-License-Identifier: MIT
//
// Where values that must be in memory are stored, and which slots they share.
//
// A value is stored once after its definition, or at each place where it is dropped, whichever is
// executed less often: a value that only a cold call drops costs nothing elsewhere. Two values
// share a slot only if their spans, from definition to value.end, do not overlap. This is linear
// scan over spans in the order of their starts. It relies on the order of blocks (order_blocks()),
// in which a value is live nowhere outside its span.
#include "kernel/jit/codegen/regalloc_internal.h"

#include "kernel/lib/sort.h"

/* In doubled positions (live_extend()): an even one is before an instruction, an odd one after it.
 * So two values of which an instruction reads one for the last time and defines the other may
 * share a slot. */
struct span {
    uint32_t start, end, vreg;
};

/* Spans that occupy a slot now: a binary heap, the one that ends first on top. */
struct taken {
    struct span *heap;
    uint32_t count;
};

static unsigned slot_width(const struct alloc *a, uint32_t vreg)
{
    return a->v->vregs[vreg].bytes > 8 ? 2 : 1;
}

static bool starts_earlier(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return x->start < y->start || (x->start == y->start && x->vreg < y->vreg);
}

/* A binary heap: each entry ends no later than its two children, at 2n + 1 and 2n + 2. */
static void heap_push(struct taken *t, struct span s)
{
    uint32_t at = t->count++;
    for (; at > 0 && t->heap[(at - 1) / 2].end > s.end; at = (at - 1) / 2) {
        t->heap[at] = t->heap[(at - 1) / 2];
    }
    t->heap[at] = s;
}

static struct span heap_pop(struct taken *t)
{
    struct span top = t->heap[0], last = t->heap[--t->count];
    uint32_t at = 0;
    for (uint32_t child = 1; child < t->count; child = 2 * at + 1) {
        child += child + 1 < t->count && t->heap[child + 1].end < t->heap[child].end;
        if (t->heap[child].end >= last.end) {
            break;
        }
        t->heap[at] = t->heap[child];
        at = child;
    }
    t->heap[at] = last;
    return top;
}

/* A store at the definition must be possible: nothing can follow a terminator in its block. The
 * edges that lead to a parameter with starts_in_slot store it. */
static void choose_stores(struct alloc *a, uint32_t vreg)
{
    struct value *v = &a->values[vreg];
    if (v->starts_in_slot) {
        return;
    }
    bool can = v->def_instr == VREG_NONE || (a->v->instrs[v->def_instr].flags & VI_TERMINATOR) == 0;
    v->stores_at_def = can && block_weight(a, v->def_block) <= v->drop_cost;
}

/* The edges into a block write its parameters' slots before the block begins. */
static uint32_t span_start(const struct alloc *a, uint32_t vreg)
{
    const struct value *v = &a->values[vreg];
    const struct block *b = &a->blocks[v->def_block];
    return v->def_instr == VREG_NONE
               ? 2 * b->start
               : 2 * (b->start + v->def_instr - a->v->blocks[v->def_block].first) + 1;
}

/* Only values that are in memory somewhere have a span. Values with the same start are ordered by
 * number, so that the result does not depend on the sorting algorithm. */
static void collect_spans(struct alloc *a, struct span *spans)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < a->v->vreg_count; n++) {
        struct value *v = &a->values[n];
        if (v->needs_slot) {
            choose_stores(a, n);
            spans[count++] = (struct span){span_start(a, n), v->end, n};
        }
    }
    sort_array(spans, count, sizeof *spans, starts_earlier);
}

static uint32_t count_spans(const struct alloc *a)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < a->v->vreg_count; n++) {
        count += a->values[n].needs_slot;
    }
    return count;
}

/* Linear scan: go through the spans by their start, free the slots of all spans that have ended,
 * and take a free slot of the right width or a new one. Slots of 8 and of 16 bytes have separate
 * lists, because a pair of free 8-byte slots may not be adjacent. */
void slots_assign(struct alloc *a)
{
    uint32_t count = count_spans(a);
    if (count == 0) {
        return;
    }
    struct span *spans = regalloc_array(a, count, sizeof *spans);
    struct taken taken = {.heap = regalloc_array(a, count, sizeof *spans)};
    uint32_t *is_free[2] = {regalloc_array(a, count, sizeof(uint32_t)),
                            regalloc_array(a, count, sizeof(uint32_t))};
    uint32_t free_count[2] = {0, 0};
    if (a->error != OK) {
        return;
    }
    collect_spans(a, spans);
    for (uint32_t n = 0; n < count; n++) {
        unsigned width = slot_width(a, spans[n].vreg);
        while (taken.count > 0 && taken.heap[0].end <= spans[n].start) {
            uint32_t old = heap_pop(&taken).vreg;
            unsigned w = slot_width(a, old) - 1;
            is_free[w][free_count[w]++] = a->values[old].slot;
        }
        uint32_t *slot = &a->values[spans[n].vreg].slot;
        *slot = free_count[width - 1] > 0 ? is_free[width - 1][--free_count[width - 1]]
                                          : slot_new(&a->parallel.slot_count, width);
        heap_push(&taken, spans[n]);
    }
    a->work += count;
}
