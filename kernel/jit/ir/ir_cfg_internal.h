// SPDX-License-Identifier: MIT
//
// Shared by the files of the control flow graph (ir_cfg*.c).
#pragma once

#include "kernel/jit/ir/ir_cfg.h"

/** Blocks in the order in which a depth-first walk from the entry visits them. */
struct cfg_walk {
    uint32_t *vertex; /* by number of the walk: block */
    uint32_t *parent; /* by number: number of the block from which the walk came */
    uint32_t *number; /* by block */
};

/** @brief Fill idom and the tree's order. Needs predecessors and `order`.
 * @return false: no memory. */
bool cfg_find_dominators(struct arena *a, struct ir_cfg *c, const struct cfg_walk *walk,
                         uint32_t blocks);

/** @brief `n` arrays of `count` words, zeroed; from number `none` on filled with IR_NONE. @return
 * false: no memory. */
bool cfg_new_arrays(struct arena *a, uint32_t **const *arrays, size_t n, size_t none, size_t count);
