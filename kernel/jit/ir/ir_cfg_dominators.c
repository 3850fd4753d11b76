// SPDX-License-Identifier: MIT
//
// Dominators by Lengauer and Tarjan ("A Fast Algorithm for Finding Dominators in a Flowgraph"), the
// version with path compression only: O(m log n) for every graph. Then the tree in preorder, which
// makes a test for dominance one comparison.
//
// Blocks are named by their number in the depth-first walk here, not by their index. The
// semidominator of v is the lowest number from which a path reaches v through numbers above v only.
// It is a proper ancestor of v in the walk's tree, and the immediate dominator follows from it.
#include "kernel/jit/ir/ir_cfg_internal.h"
#include "kernel/lib/compiler.h"

/* All arrays are indexed by number of the walk. */
struct forest {
    uint32_t *semi, *idom;
    uint32_t *ancestor, *label; /* the forest of the numbers processed so far; IR_NONE: a root */
    uint32_t *bucket, *next;    /* lists of the numbers that have this semidominator */
    uint32_t *path;
};

static bool allocate(struct arena *a, struct forest *f, uint32_t count)
{
    uint32_t **const arrays[] = {&f->semi, &f->idom,   &f->ancestor, &f->label,
                                 &f->next, &f->bucket, &f->path};
    if (!cfg_new_arrays(a, arrays, ARRAY_COUNT(arrays), ARRAY_COUNT(arrays), count)) {
        return false;
    }
    for (uint32_t n = 0; n < count; n++) {
        f->semi[n] = f->label[n] = n;
        f->ancestor[n] = f->bucket[n] = IR_NONE;
    }
    return true;
}

/* On the path from v up to its root, the number with the lowest semidominator. Compresses the path:
 * each number on it then points to the root. */
static uint32_t evaluate(struct forest *f, uint32_t v)
{
    uint32_t depth = 0;
    if (f->ancestor[v] == IR_NONE) {
        return v;
    }
    for (uint32_t w = v; f->ancestor[f->ancestor[w]] != IR_NONE; w = f->ancestor[w]) {
        f->path[depth++] = w;
    }
    while (depth > 0) {
        uint32_t w = f->path[--depth], up = f->ancestor[w];
        if (f->semi[f->label[up]] < f->semi[f->label[w]]) {
            f->label[w] = f->label[up];
        }
        f->ancestor[w] = f->ancestor[up];
    }
    return f->label[v];
}

static void find_semidominator(struct forest *f, const struct ir_cfg *c,
                               const struct cfg_walk *walk, uint32_t v)
{
    uint32_t block = walk->vertex[v];
    for (uint32_t i = c->pred_first[block]; i < c->pred_first[block + 1]; i++) {
        uint32_t least = evaluate(f, walk->number[c->pred_block[i]]);
        f->semi[v] = f->semi[least] < f->semi[v] ? f->semi[least] : f->semi[v];
    }
    f->next[v] = f->bucket[f->semi[v]];
    f->bucket[f->semi[v]] = v;
}

/* All numbers in the parent's bucket have the parent as semidominator. If a number
 * on the path between has a lower one, both share their immediate dominator, which
 * is copied once it is known, in the last loop of cfg_find_dominators(). Otherwise
 * the semidominator is the immediate dominator. */
static void empty_bucket(struct forest *f, uint32_t parent)
{
    for (uint32_t v = f->bucket[parent]; v != IR_NONE; v = f->next[v]) {
        uint32_t least = evaluate(f, v);
        f->idom[v] = f->semi[least] < f->semi[v] ? least : parent;
    }
    f->bucket[parent] = IR_NONE;
}

/* ---- The tree ---- */

/* The children of each block as linked lists. `order` is read backwards, so a list's first child
 * comes first in `order`. */
static void list_children(const struct ir_cfg *c, uint32_t *child, uint32_t *sibling)
{
    for (uint32_t n = c->count; n-- > 1;) {
        uint32_t block = c->order[n], parent = c->idom[block];
        sibling[block] = child[parent];
        child[parent] = block;
    }
}

static void walk_tree(struct ir_cfg *c, const uint32_t *child, const uint32_t *sibling)
{
    uint32_t count = 0;
    for (uint32_t block = 0; block != IR_NONE;) {
        c->tree_index[block] = count;
        c->tree_order[count++] = block;
        uint32_t next = child[block];
        while (next == IR_NONE && block != 0) { /* go up to the next block that has another child */
            c->tree_last[c->tree_index[block]] = count - 1;
            next = sibling[block];
            block = c->idom[block];
        }
        block = next;
    }
    c->tree_last[0] = count - 1;
}

static bool make_tree(struct arena *a, struct ir_cfg *c, uint32_t blocks)
{
    uint32_t *child, *sibling;
    uint32_t **const arrays[] = {&c->tree_order, &c->tree_last, &c->tree_index, &child, &sibling};
    if (!cfg_new_arrays(a, arrays, ARRAY_COUNT(arrays), 2, blocks)) {
        return false;
    }
    list_children(c, child, sibling);
    walk_tree(c, child, sibling);
    return true;
}

bool cfg_find_dominators(struct arena *a, struct ir_cfg *c, const struct cfg_walk *walk,
                         uint32_t blocks)
{
    struct forest f;
    if (!allocate(a, &f, c->count)) {
        return false;
    }
    /* From the highest number down: the semidominator of v depends only on numbers above v, which
     * are in the forest by now. */
    for (uint32_t v = c->count; v-- > 1;) {
        find_semidominator(&f, c, walk, v);
        f.ancestor[v] = walk->parent[v];
        empty_bucket(&f, walk->parent[v]);
    }
    for (uint32_t v = 1; v < c->count; v++) {
        f.idom[v] = f.idom[v] == f.semi[v] ? f.idom[v] : f.idom[f.idom[v]];
        c->idom[walk->vertex[v]] = walk->vertex[f.idom[v]];
    }
    return make_tree(a, c, blocks);
}
