// SPDX-License-Identifier: MIT
//
// Part of code_builder.c: verifying the functions of a large piece on several threads.
#pragma once

#include "kernel/jit/code/code_builder.h"

/**
 * @brief Verify a piece with the crew of its builder, if there is one and the piece is large.
 * @param b  Has a shape.
 * @param p  Its block is written, its calls are completed; its lists are those of the builder.
 * @return how many functions, from the first one on, are proved. 0 if nothing was done. The one
 * after these was refused, or memory was short, or m->stop is set. @context{thread}
 */
uint32_t code_prove(const struct code_builder *b, const struct code_map *m,
                    const struct code_piece *p);
