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
    uint32_t *loop;     /* by block: header of the innermost loop it is in, or IR_NONE */
    uint32_t *outer;    /* by header of a loop: header of the loop around it, or IR_NONE */
    uint32_t *depth;    /* by block: how many loops it is in */
    /* Predecessors of block b are pred_block[i], through edge pred_edge[i], for i from
     * pred_first[b] up to pred_first[b + 1]; only those that can be reached. */
    uint32_t *pred_first, *pred_block, *pred_edge;
};

/**
 * @brief Compute all of it: linear but for dominators, which take one round for each level of loops
 * that are entered in the middle.
 * @param f  Each block has a terminator, each edge leads to a block.
 * @return OK, E_NOMEM. @context{thread}
 */
enum status ir_cfg_build(struct arena *a, const struct ir_function *f, struct ir_cfg *out);

/** @brief Every way from the entry to b leads through a (a block dominates itself). Both can be
 * reached. */
bool ir_cfg_dominates(const struct ir_cfg *cfg, uint32_t a, uint32_t b);
