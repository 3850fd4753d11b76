// SPDX-License-Identifier: MIT
//
// What the files of the verifier's decoder share: fields of a word, and rows that match words.
#pragma once

#include "kernel/jit/verify/verify.h"
#include "kernel/lib/compiler.h"

/* A word whose bits in `mask` are `bits` is one of these. `decode` returns false for what is not
 * allocated or not emitted after all. */
struct a64_row {
    uint32_t mask, bits;
    bool (*decode)(uint32_t w, struct verify_insn *i);
};

struct a64_rows {
    const struct a64_row *rows;
    size_t count;
};
#define A64_ROWS(rows)                                                                             \
    {                                                                                              \
        rows, ARRAY_COUNT(rows)                                                                    \
    }

/** Data processing, C4.1.92 and C4.1.95. verify_data.c */
extern const struct a64_rows a64_verify_immediates, a64_verify_registers;

/** @brief Decode instructions: verify_machine.decode. @context{any} Pure. */
uint32_t a64_verify_decode(const uint8_t *code, uint32_t left, uint32_t at, struct verify_insn *out,
                           uint32_t most);

/** @brief What a condition says of unsigned numbers. */
uint8_t a64_verify_condition(uint32_t cond);

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
