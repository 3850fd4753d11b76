// SPDX-License-Identifier: MIT
//
// Between the files of control flow (ir_cfg*.c).
#pragma once

#include "kernel/jit/ir/ir_cfg.h"

/** Blocks in the order in which a depth-first walk from the entry comes to them. */
struct cfg_walk {
    uint32_t *vertex; /* by number: block */
    uint32_t *parent; /* by number: that of the block it was come to from */
    uint32_t *number; /* by block */
};

/** @brief Fill idom and the tree's order; predecessors and order are known. @return false: no
 * memory. */
bool cfg_find_dominators(struct arena *a, struct ir_cfg *c, const struct cfg_walk *walk,
                         uint32_t blocks);

/** @brief `n` arrays of `count` words, zeroed; those from the `none`th on hold IR_NONE. @return
 * false: no memory. */
bool cfg_new_arrays(struct arena *a, uint32_t **const *arrays, size_t n, size_t none, size_t count);
