// SPDX-License-Identifier: MIT
//
// In which order the blocks of a function are placed in memory.
#pragma once

#include "kernel/jit/codegen/vcode.h"

/**
 * @brief Order the blocks: the entry first, the blocks of a loop together, cold blocks last. The
 * test at the start of a loop moves to its end if that saves a jump in each iteration.
 * @param order  Room for all blocks; each is in it once.
 * @return OK; E_NOMEM. @context{thread}
 */
enum status layout_blocks(const struct vcode *v, uint32_t *order);
