// SPDX-License-Identifier: MIT
//
// What each operation computes, on bit patterns: the definition that the interpreter, constant
// folding and the tests of code generators share.
#pragma once

#include "kernel/jit/ir.h"

/** A value: an i32 or f32 in the low half of lo, the rest zero; a v128 in both, lane 0 lowest. */
struct ir_bits {
    uint64_t lo, hi;
};

/**
 * @brief Compute an operation without effects: constants aside, all whose operands are in a, b and
 * c and that touch no memory. Where a field is no value but the number of a lane or the 16 bytes of
 * a shuffle, the operand is that.
 * @param type          Of the result.
 * @param operand_type  Of the first operand; of a select: of the condition.
 * @param trap          Receives why it traps.
 * @return true: *out is the result; false: it traps. @context{any}
 */
bool ir_eval(unsigned op, unsigned type, unsigned operand_type, const struct ir_bits operands[3],
             struct ir_bits *out, enum ir_trap *trap);

/** @brief Whether the operation is one for ir_eval() whose operands and result an IR_CONST can be:
 * a scalar one. */
bool ir_can_eval(unsigned op);

/** @brief Four words of a function's pool as a value. */
struct ir_bits ir_pool_bits(const struct ir_function *f, uint32_t at);

/** @brief The value that an access reads from these bytes. */
struct ir_bits ir_read(const void *bytes, unsigned access, unsigned type);
/** @brief Write the bytes of a value; as many as the access has. */
void ir_write(void *bytes, unsigned access, unsigned type, struct ir_bits value);
