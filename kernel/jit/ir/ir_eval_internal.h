// SPDX-License-Identifier: MIT
//
// The part of ir_eval() and ir_read() for vectors.
#pragma once

#include "kernel/jit/ir/ir_eval.h"

/** @brief ir_eval() for an operation with a shape; none of them traps. @context{any} */
struct ir_bits ir_eval_vector(unsigned op, const struct ir_bits operands[3]);

/** @brief ir_read() for a v128. @context{any} */
struct ir_bits ir_read_vector(const void *bytes, unsigned access);
