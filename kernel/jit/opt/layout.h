// SPDX-License-Identifier: MIT
//
// In what order the blocks of a function stand in memory.
#pragma once

#include "kernel/jit/codegen/vcode.h"

/**
 * @brief Order blocks: the entry first, those of a loop together, the test of a loop that is at its
 * top moved to its bottom where that saves a jump a round, cold blocks last.
 * @param order  Room for all blocks; each is in it once.
 * @return OK; E_NOMEM. @context{thread}
 */
enum status layout_blocks(const struct vcode *v, uint32_t *order);
