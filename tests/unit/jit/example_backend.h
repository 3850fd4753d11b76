// SPDX-License-Identifier: MIT
//
// A back-end: the worked example of docs/jit.md. The machine has eight registers of 64 bits, no
// memory but its frame, instructions of 16 bytes, and is run by example_run().
#pragma once

#include "kernel/jit/backend.h"

extern const struct jit_machine example_machine;

#define EXAMPLE_REGISTERS 8

enum example_op {
    EXAMPLE_CONST,   /**< d = imm */
    EXAMPLE_ADD,     /**< d = a + b */
    EXAMPLE_SUB,     /**< d = a - b */
    EXAMPLE_MUL,     /**< d = a * b */
    EXAMPLE_LESS,    /**< d = a < b, without signs */
    EXAMPLE_IS_ZERO, /**< d = a == 0 */
    EXAMPLE_MOVE,    /**< d = a */
    EXAMPLE_LOAD,    /**< d = cell imm of the frame */
    EXAMPLE_STORE,   /**< cell imm of the frame = a */
    EXAMPLE_JUMP,    /** < continue at instruction imm */
    EXAMPLE_BRANCH,  /** < the same if a is not 0 */
    EXAMPLE_RETURN,  /**< r0 is the result */
    EXAMPLE_ENTRY,   /** < only during selection: parameters are in r0 to r3. Not an instruction */
    EXAMPLE_OP_COUNT,
};

struct example_insn {
    uint8_t op, d, a, b;
    uint32_t reserved;
    uint64_t imm;
};

/** @brief Execute a function on the machine. @param args  For r0 to r3. @return r0 at the end. */
uint64_t example_run(const struct jit_code *code, const uint64_t args[4]);
