// SPDX-License-Identifier: MIT
//
// The control flow graph of a function, computed from its blocks and edges and kept in arrays of
// its own.
#pragma once

#include "kernel/jit/ir.h"

/** All arrays are in the caller's arena. Blocks that cannot be reached from the entry have
 * position, idom and loop IR_NONE. */
struct ir_cfg {
    uint32_t count; /* number of reachable blocks */
    /* the reachable blocks in reverse post-order: a
     * dominator comes before the blocks that it dominates */
    uint32_t *order;
    uint32_t *position; /* by block: its index in `order` */
    uint32_t *idom;     /* by block: immediate dominator; of the entry IR_NONE */
    /* The dominator tree in preorder. Children of a block are in the sequence of `order`, so all
     * edges into a block except those of loops come from earlier blocks. tree_index: by block, its
     * index in tree_order. tree_last: by index, the last index that it dominates. So a dominates b
     * if tree_index[a] <= tree_index[b] <= tree_last[tree_index[a]]. */
    uint32_t *tree_order, *tree_index, *tree_last;
    /* by block: header of the innermost loop that it is
     * in, or IR_NONE; a header is in its own loop */
    uint32_t *loop;
    uint32_t *outer; /* by header of a loop: header of the loop around it, or IR_NONE */
    uint32_t *depth; /* by block: number of loops that it is in */
    /* Predecessors of block b are pred_block[i], through edge pred_edge[i], for i from
     * pred_first[b] up to pred_first[b + 1]; only reachable ones. */
    uint32_t *pred_first, *pred_block, *pred_edge;
};

/**
 * @brief Compute all of it, in O(m log n) for every graph.
 * @param f  Each block must have a terminator, each edge must lead to a block.
 * @return OK, E_NOMEM. @context{thread}
 */
enum status ir_cfg_build(struct arena *a, const struct ir_function *f, struct ir_cfg *out);

/** @brief Whether every path from the entry to b passes a (a block dominates itself). Both
 * must be reachable. */
static inline bool ir_cfg_dominates(const struct ir_cfg *cfg, uint32_t a, uint32_t b)
{
    return cfg->tree_index[a] <= cfg->tree_index[b] &&
           cfg->tree_index[b] <= cfg->tree_last[cfg->tree_index[a]];
}
