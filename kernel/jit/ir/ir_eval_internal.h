// SPDX-License-Identifier: MIT
//
// The part of ir_eval() and ir_read() that is about vectors.
#pragma once

#include "kernel/jit/ir/ir_eval.h"

/** @brief ir_eval() of an operation that has a shape; none of them traps. @context{any} */
struct ir_bits ir_eval_vector(unsigned op, const struct ir_bits operands[3]);

/** @brief ir_read() of a v128. @context{any} */
struct ir_bits ir_read_vector(const void *bytes, unsigned access);
