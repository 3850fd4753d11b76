// SPDX-License-Identifier: MIT
//
// Shared by the files of the code map.
#pragma once

#include "kernel/jit/code/code_map.h"

/** @brief Index of the function that contains an address of the piece. @context{as
 * code_piece_describe()} */
uint32_t code_piece_at(const struct code_piece *p, uint64_t pc);
