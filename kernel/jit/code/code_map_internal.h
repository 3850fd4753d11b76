// SPDX-License-Identifier: MIT
//
// Shared by the files of the code map.
#pragma once

#include "kernel/jit/code/code_map.h"

/** @brief Index of the function that contains an address of the piece. @context{as
 * code_piece_describe()} */
uint32_t code_piece_at(const struct code_piece *p, uint64_t pc);

/** @brief The row of a kind at an address, which may be the one just after the code. @return NULL:
 * there is none. @context{any} */
const struct jit_row *code_piece_row(const struct code_piece *p, uint64_t pc, unsigned kind);

/** @brief List the active frames in m->trace, innermost first, from the registers of a fault. Of
 * these, pc is 0 if the frame is that of a C function. @context{fault handler, thread} */
void code_map_trace(struct code_map *m, const struct code_fault *fault);
