// SPDX-License-Identifier: MIT
//
// What each operation computes, on bit patterns. The interpreter, constant folding and the tests of
// code generators share this definition.
#pragma once

#include "kernel/jit/ir.h"

/** A value: an i32 or f32 in the low half of lo with
 * the rest zero; a v128 in both, lane 0 lowest. */
struct ir_bits {
    uint64_t lo, hi;
};

/**
 * @brief Compute an operation without effects: any operation whose operands are in a, b and c and
 * that accesses no memory, except constants. A field that is not a value but a lane number, or the
 * 16 bytes of a shuffle, is passed as an operand.
 * @param type Of the result.
 * @param operand_type  Of the first operand; of a select: of the condition.
 * @param trap Receives the reason for a trap.
 * @return true: *out is the result; false: it traps. @context{any}
 */
bool ir_eval(unsigned op, unsigned type, unsigned operand_type, const struct ir_bits operands[3],
             struct ir_bits *out, enum ir_trap *trap);

/** @brief Whether ir_eval() computes the operation and constants of type IR_CONST can hold its
 * operands and result: it is scalar. */
bool ir_can_eval(unsigned op);

/** @brief Four words of a function's pool as a value. */
struct ir_bits ir_pool_bits(const struct ir_function *f, uint32_t at);

/** @brief The value that an access reads from these bytes. */
struct ir_bits ir_read(const void *bytes, unsigned access, unsigned type);
/** @brief Write the bytes of a value; as many as the access has. */
void ir_write(void *bytes, unsigned access, unsigned type, struct ir_bits value);
