// SPDX-License-Identifier: MIT
//
// The dominator tree of a function in preorder: whether one block dominates another is then a
// comparison of numbers.
#pragma once

#include "kernel/jit/ir_cfg.h"

/** Children of a block stand in reverse postorder: all ways into a block but those of loops come
 * from blocks before it. */
struct domtree {
    uint32_t *order; /* blocks that can be reached */
    uint32_t *place; /* by block: where in `order` */
    uint32_t *last;  /* by place: of the last block that it dominates */
};

/** @brief Number the blocks. @return OK, E_NOMEM. @context{thread} */
enum status domtree_make(struct arena *a, const struct ir_function *f, const struct ir_cfg *cfg,
                         struct domtree *out);

/** @brief Every way from the entry to b leads through a; a block dominates itself. */
static inline bool domtree_dominates(const struct domtree *d, uint32_t a, uint32_t b)
{
    return d->place[a] <= d->place[b] && d->place[b] <= d->last[d->place[a]];
}
