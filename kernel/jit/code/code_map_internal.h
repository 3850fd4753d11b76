// SPDX-License-Identifier: MIT
//
// What the files about code that can run share.
#pragma once

#include "kernel/jit/code/code_map.h"

/** @brief Index of the function that an address in the piece belongs to. @context{as
 * code_piece_describe()} */
uint32_t code_piece_at(const struct code_piece *p, uint64_t pc);
