// SPDX-License-Identifier: MIT
//
// The order of blocks in memory. Reverse post-order scatters a loop: blocks that follow the loop
// may come in the middle of it. So each loop gets a list of its blocks and inner loops, in order,
// and the lists are then read recursively.
#include "kernel/jit/opt/layout.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* An item of a list is a block, or, plus block_count, the loop that a block heads. */
struct lists {
    const struct vcode *v;
    uint32_t *first, *last; /* by header; the list at index block_count is for blocks in no loop */
    uint32_t *next;         /* by item */
};

static void append(struct lists *l, uint32_t list, uint32_t item)
{
    list = list == VREG_NONE ? l->v->block_count : list;
    if (l->last[list] == VREG_NONE) {
        l->first[list] = item;
    } else {
        l->next[l->last[list]] = item;
    }
    l->last[list] = item;
}

static uint32_t *new_array(const struct vcode *v, uint64_t count)
{
    uint32_t *array = arena_alloc(v->arena, (size_t)count * sizeof *array);
    if (array != NULL) {
        memset(array, 0xff, (size_t)count * sizeof *array);
    }
    return array;
}

static bool make_lists(struct lists *l)
{
    uint64_t blocks = l->v->block_count;
    l->first = new_array(l->v, blocks + 1);
    l->last = new_array(l->v, blocks + 1);
    l->next = new_array(l->v, 2 * blocks);
    if (l->first == NULL || l->last == NULL || l->next == NULL) {
        return false;
    }
    for (uint32_t b = 0; b < blocks; b++) {
        const struct vblock *block = &l->v->blocks[b];
        if (block->is_loop_header) {
            append(l, block->loop_around, (uint32_t)blocks + b);
            append(l, b, b);
        } else {
            append(l, block->loop_around, b);
        }
    }
    return true;
}

/* ---- Loops with their test at the top ---- */

static bool is_inside(const struct vcode *v, uint32_t block, uint32_t header)
{
    uint32_t b = v->blocks[block].is_loop_header ? block : v->blocks[block].loop_around;
    while (b != VREG_NONE && b > header) { /* a loop's header has a lower number than its blocks */
        b = v->blocks[b].loop_around;
    }
    return b == header;
}

/* Whether to move a loop's test to its end: the header can leave the loop, and the last block only
 * jumps back to it. */
static bool should_rotate(const struct lists *l, uint32_t header)
{
    const struct vcode *v = l->v;
    uint32_t last = l->last[header];
    const struct vblock *h = &v->blocks[header];
    if (last == header || last >= v->block_count || h->edge_count != 2 ||
        v->blocks[last].edge_count != 1 || v->edges[v->blocks[last].edges].to != header) {
        return false;
    }
    return is_inside(v, v->edges[h->edges].to, header) !=
           is_inside(v, v->edges[h->edges + 1].to, header);
}

/* Move the header to the end of its list. Control then enters the loop at the end, and each
 * iteration has one jump less. */
static void rotate_loops(struct lists *l)
{
    for (uint32_t b = 0; b < l->v->block_count; b++) {
        if (l->v->blocks[b].is_loop_header && should_rotate(l, b)) {
            l->first[b] = l->next[b];
            l->next[l->last[b]] = b;
            l->last[b] = b;
            l->next[b] = VREG_NONE;
        }
    }
}

/* ---- Reading the lists ---- */

static bool read_lists(const struct lists *l, uint32_t *order)
{
    uint32_t blocks = l->v->block_count, top = 0, count = 0, item = l->first[blocks];
    uint32_t *stack = new_array(l->v, blocks);
    if (stack == NULL) {
        return false;
    }
    while (item != VREG_NONE || top > 0) {
        if (item == VREG_NONE) {
            item = l->next[stack[--top]];
        } else if (item >= blocks) {
            stack[top++] = item;
            item = l->first[item - blocks];
        } else {
            order[count++] = item;
            item = l->next[item];
        }
    }
    return true;
}

static void move_cold(const struct vcode *v, const uint32_t *from, uint32_t *to)
{
    uint32_t count = 0;
    for (unsigned cold = 0; cold < 2; cold++) {
        for (uint32_t n = 0; n < v->block_count; n++) {
            if (v->blocks[from[n]].is_cold == (cold != 0)) {
                to[count++] = from[n];
            }
        }
    }
}

enum status layout_blocks(const struct vcode *v, uint32_t *order)
{
    struct lists l = {.v = v};
    if (v->block_count == 1) {
        order[0] = 0;
        return OK;
    }
    uint32_t *joined = new_array(v, v->block_count);
    if (joined == NULL || !make_lists(&l)) {
        return E_NOMEM;
    }
    rotate_loops(&l);
    if (!read_lists(&l, joined)) {
        return E_NOMEM;
    }
    move_cold(v, joined, order);
    return OK;
}
