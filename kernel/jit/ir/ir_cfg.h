// SPDX-License-Identifier: MIT
//
// The shape of a function's control flow, computed from its blocks and edges, kept beside it.
#pragma once

#include "kernel/jit/ir.h"

/** All arrays are in the arena that was given. Blocks that cannot be reached from the entry have
 * position, idom and loop IR_NONE. */
struct ir_cfg {
    uint32_t count;  /* blocks that can be reached */
    uint32_t *order; /* those, in reverse postorder: a dominator stands before what it dominates */
    uint32_t *position; /* by block: where in `order` */
    uint32_t *idom;     /* by block: immediate dominator; of the entry IR_NONE */
    /* The dominator tree in preorder; children of a block stand in the order of `order`, so that
     * all ways into a block but those of loops come from blocks before it. By block and by place
     * there: where in it, and the last of those that it dominates. */
    uint32_t *tree_order, *tree_place, *tree_last;
    uint32_t *loop;  /* by block: header of the innermost loop it is in, or IR_NONE */
    uint32_t *outer; /* by header of a loop: header of the loop around it, or IR_NONE */
    uint32_t *depth; /* by block: how many loops it is in */
    /* Predecessors of block b are pred_block[i], through edge pred_edge[i], for i from
     * pred_first[b] up to pred_first[b + 1]; only those that can be reached. */
    uint32_t *pred_first, *pred_block, *pred_edge;
};

/**
 * @brief Compute all of it: m log n, whatever the shape.
 * @param f  Each block has a terminator, each edge leads to a block.
 * @return OK, E_NOMEM. @context{thread}
 */
enum status ir_cfg_build(struct arena *a, const struct ir_function *f, struct ir_cfg *out);

/** @brief Every way from the entry to b leads through a (a block dominates itself). Both can be
 * reached. */
static inline bool ir_cfg_dominates(const struct ir_cfg *cfg, uint32_t a, uint32_t b)
{
    return cfg->tree_place[a] <= cfg->tree_place[b] &&
           cfg->tree_place[b] <= cfg->tree_last[cfg->tree_place[a]];
}
