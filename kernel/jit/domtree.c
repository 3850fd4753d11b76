// SPDX-License-Identifier: MIT
//
// A walk over the dominator tree, without recursion.
#include "kernel/jit/domtree.h"

#include "kernel/lib/string.h"

/* Children of a block, first to last, as lists: the order of blocks backwards. */
static void list_children(const struct ir_cfg *cfg, uint32_t *child, uint32_t *sibling)
{
    for (uint32_t n = cfg->count; n-- > 1;) {
        uint32_t block = cfg->order[n], parent = cfg->idom[block];
        sibling[block] = child[parent];
        child[parent] = block;
    }
}

static void walk(const struct ir_cfg *cfg, const uint32_t *child, const uint32_t *sibling,
                 struct domtree *d)
{
    uint32_t count = 0;
    for (uint32_t block = 0; block != IR_NONE;) {
        d->place[block] = count;
        d->order[count++] = block;
        uint32_t next = child[block];
        while (next == IR_NONE && block != 0) { /* up to where there is another child */
            d->last[d->place[block]] = count - 1;
            next = sibling[block];
            block = cfg->idom[block];
        }
        block = next;
    }
    d->last[0] = count - 1;
}

enum status domtree_make(struct arena *a, const struct ir_function *f, const struct ir_cfg *cfg,
                         struct domtree *out)
{
    size_t bytes = (size_t)f->block_count * sizeof(uint32_t);
    uint32_t *child = arena_alloc(a, bytes), *sibling = arena_alloc(a, bytes);
    out->order = arena_alloc(a, bytes);
    out->place = arena_alloc(a, bytes);
    out->last = arena_alloc(a, bytes);
    if (child == NULL || sibling == NULL || out->order == NULL || out->place == NULL ||
        out->last == NULL) {
        return E_NOMEM;
    }
    memset(child, 0xff, bytes);
    memset(sibling, 0xff, bytes);
    list_children(cfg, child, sibling);
    walk(cfg, child, sibling, out);
    return OK;
}
