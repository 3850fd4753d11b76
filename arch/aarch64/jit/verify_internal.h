// SPDX-License-Identifier: MIT
//
// What the files of the verifier's decoder share: kinds of words, and their fields.
#pragma once

#include "kernel/jit/verify/verify.h"
#include "kernel/lib/compiler.h"

/** What a word does, if its row does not say it: verify_operate.c. */
enum a64_row_kind {
    PLAIN,
    ADD_IMMEDIATE,
    ADD_SHIFTED,
    ADD_EXTENDED,
    LOGICAL_IMMEDIATE,
    LOGICAL_SHIFTED,
    MOVE_WIDE,
    BIT_FIELD,
    EXTRACT,
    ADDRESS,
    MULTIPLY_ADD,
    CONDITIONAL,
    CONDITIONAL_COMPARE,
    CONDITIONAL_FLOAT,
    ACCESS_SCALED,
    ACCESS_UNSCALED,
    ACCESS_INDEX,
    ACCESS_PAIR,
    FRAME_RECORD,
    LITERAL,
    BRANCH,
    BRANCH_CONDITION,
    BRANCH_ZERO,
    BRANCH_BIT,
    BRANCH_REGISTER,
    FLOAT_ONE,
    FLOAT_TWO,
    REPLICATE,
    VECTOR,
    ATOMIC_ACCESS,
    ATOMIC_EXCHANGE,
};

/** @brief What a word does that matches a row of this kind: `out` has the registers, op and flags
 * that the row says. @return false: no program may have it. @context{any} Pure. */
bool a64_verify_operate(uint32_t w, enum a64_row_kind kind, struct verify_insn *out);

/** @brief The same for a vector instruction, whose row says VERIFY_NOP. */
bool a64_verify_vector(uint32_t w, struct verify_insn *out);

/** @brief Decode instructions: verify_machine.decode. @context{any} Pure. */
uint32_t a64_verify_decode(const uint8_t *code, uint32_t left, uint32_t at, struct verify_insn *out,
                           uint32_t most);

/* ---- Fields ---- */

static inline uint32_t field(uint32_t w, unsigned low, unsigned bits)
{
    return w >> low & ((1u << bits) - 1);
}

static inline int64_t signed_field(uint32_t w, unsigned low, unsigned bits)
{
    int64_t v = (int64_t)field(w, low, bits), half = INT64_C(1) << (bits - 1);
    return (v ^ half) - half;
}

/* Register 31 is zero, or the stack pointer. */
static inline uint8_t zr(uint32_t w, unsigned low)
{
    uint32_t r = field(w, low, 5);
    return (uint8_t)(r == 31 ? VERIFY_ZERO : r);
}

static inline uint8_t sp(uint32_t w, unsigned low)
{
    return (uint8_t)field(w, low, 5);
}

static inline bool is_wide(uint32_t w)
{
    return w >> 31 != 0;
}

static inline uint64_t ones(unsigned count)
{
    return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* How bits 13 to 15 extend a register. */
static inline uint8_t extension(uint32_t w)
{
    uint32_t option = field(w, 13, 3);
    return option == 2   ? VERIFY_LOW_HALF
           : option == 3 ? VERIFY_WHOLE
                         : (uint8_t)VERIFY_OTHER_EXTEND;
}
