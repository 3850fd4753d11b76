// SPDX-License-Identifier: MIT
//
// AArch64 instructions as words: a table of forms (forms.def) and one function that fills in
// registers and immediates. An immediate that cannot be encoded is an error here, never a wrong
// word; the caller then uses other instructions (asm.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum a64_form {
#define A64_FORM(name, regs, width, imm, bits, text) A64_##name,
#define A64_ACCESS(name, log2, bits, scaled, unscaled)                                             \
    A64_##name, A64_##name##_UNSCALED, A64_##name##_INDEX,
#include "arch/aarch64/jit/forms.def"
#undef A64_FORM
#undef A64_ACCESS
    A64_FORM_COUNT,
};

/* The kind of offset of an access, relative to the first of its three forms. */
#define A64_SCALED   0 /* 0 to 4,095 times the size of the access */
#define A64_UNSCALED 1 /* -256 to 255 */
#define A64_INDEX    2 /* a register, extended and optionally shifted by the size of the access */

/** Fields of a form other than registers. */
enum a64_imm {
    A64_IMM_NONE,
    A64_IMM_ADD,     /**< imm: 12 bits, or 12 bits shifted left by 12 */
    A64_IMM_MASK,    /**< imm: a rotated run of ones, repeated (a64_mask()) */
    A64_IMM_HALF,    /**< imm: 16 bits, amount: their position, 0, 16, 32 or 48 */
    A64_IMM_BITS,    /**< imm: immr, amount: imms */
    A64_IMM_EXTR,    /**< amount: the lowest bit */
    A64_IMM_ADR,     /**< imm: bytes, within 1 MiB */
    A64_IMM_SHIFT3,  /**< option: lsl, lsr, asr, amount: less than the width */
    A64_IMM_SHIFT4,  /**< the same, and ror */
    A64_IMM_EXTEND,  /**< option: enum a64_extend, amount: 0 to 4 */
    A64_IMM_COND,    /**< option: enum a64_cond */
    A64_IMM_CCMP,    /**< option: enum a64_cond, amount: flags for when it does not hold */
    A64_IMM_CCMP5,   /**< the same, and imm: 0 to 31 */
    A64_IMM_OFFSET0, /**< five in sequence, by log2 of the access size: imm, see A64_SCALED */
    A64_IMM_OFFSET1,
    A64_IMM_OFFSET2,
    A64_IMM_OFFSET3,
    A64_IMM_OFFSET4,
    A64_IMM_S9,     /**< imm: see A64_UNSCALED */
    A64_IMM_INDEX0, /**< the same five; option: UXTW, UXTX, SXTW or SXTX, amount: 0 or log2 */
    A64_IMM_INDEX1,
    A64_IMM_INDEX2,
    A64_IMM_INDEX3,
    A64_IMM_INDEX4,
    A64_IMM_PAIR3, /**< imm: a multiple of 8, -512 to 504 */
    A64_IMM_PAIR4, /**< imm: a multiple of 16, -1024 to 1008 */
    A64_IMM_REL26, /**< imm: bytes, a multiple of 4, in a field of this many bits, plus 2 */
    A64_IMM_REL19,
    A64_IMM_COND19, /**< the same, and option: enum a64_cond */
    A64_IMM_TEST14, /**< the same, and amount: number of the bit */
    A64_IMM_U16,
    A64_IMM_SIZE,     /**< option: log2 of the bytes of the access */
    A64_IMM_FLOAT8,   /**< imm: bits of an f32 or f64 that is +-n/16 * 2^r */
    A64_IMM_FLOAT8_S, /**< the same, of an f32, in every lane of a vector */
    A64_IMM_FLOAT8_D,
    A64_IMM_BYTE4,   /**< amount: 0 to 15 */
    A64_IMM_BYTE8,   /**< imm: 8 bits; amount: their position, 0, 8, 16 or 24 */
    A64_IMM_BYTES64, /**< imm: 8 bytes that are 0 or 0xff */
    /** option: log2 of the bytes of a lane; amount: number of the lane */
    A64_IMM_LANE,
    A64_IMM_LANE0,       /**< no number */
    A64_IMM_LANE_S,      /**< lanes of 8 and 16 bits */
    A64_IMM_LANE_Q,      /**< bit 30 for lanes of 64 bits */
    A64_IMM_LANES,       /**< imm: number of a second lane */
    A64_IMM_LANE_ACCESS, /**< in bits 10 and 11, no number */
    A64_IMM_SHIFT_LEFT,  /**< option: the same; amount: less than the width of a lane */
    A64_IMM_SHIFT_RIGHT, /**< 1 to the width of a lane */
    A64_IMM_SHIFT_LONG,  /**< as SHIFT_LEFT, from lanes of 8, 16 and 32 bits to the double */
};

enum a64_width {
    A64_WIDTH_NONE,
    A64_WIDTH_SF,
    A64_WIDTH_FP,
    A64_WIDTH_BOTH,
    A64_WIDTH_SIZE, /**< the others are part of it */
    A64_WIDTH_SIZE_BHS,
    A64_WIDTH_SIZE_BH,
    A64_WIDTH_SIZE_HS,
};

enum a64_shift { A64_LSL, A64_LSR, A64_ASR, A64_ROR };

enum a64_extend {
    A64_UXTB,
    A64_UXTH,
    A64_UXTW,
    A64_UXTX,
    A64_SXTB,
    A64_SXTH,
    A64_SXTW,
    A64_SXTX,
};

/** Conditions come in pairs that differ in the lowest bit: each is the negation of the other. */
enum a64_cond {
    A64_EQ,
    A64_NE,
    A64_HS,
    A64_LO,
    A64_MI,
    A64_PL,
    A64_VS,
    A64_VC,
    A64_HI,
    A64_LS,
    A64_GE,
    A64_LT,
    A64_GT,
    A64_LE,
    A64_AL,
};

/** Registers with a role. 31 is the stack pointer or zero, depending on the form. */
enum a64_reg {
    A64_X16 = 16,
    A64_X17 = 17,
    A64_BASE = 27,
    A64_CONTEXT = 28,
    A64_FP = 29,
    A64_LR = 30,
    A64_SP = 31,
    A64_ZR = 31,
    A64_V30 = 30, /* with v31 the registers of A64_TBL2_16B */
    A64_V31 = 31,
};

struct a64_insn {
    uint16_t form;   /* enum a64_form */
    bool wide;       /* 64 bits, if the form has both */
    bool is_double;  /* f64, if the form has both */
    uint8_t regs[4]; /* in the form's order */
    uint8_t option;  /* shift, extension, condition, or log2 of the bytes of a lane */
    uint8_t amount;
    uint64_t imm; /* negative ones in two's complement */
};

struct a64_form_info {
    const char *regs;
    uint8_t width, imm;
    uint32_t bits;
    const char *text;
};
extern const struct a64_form_info a64_forms[A64_FORM_COUNT];

/** @brief The word of an instruction. @return false: its immediate has no
 * encoding. @context{any} Pure. */
bool a64_encode(const struct a64_insn *i, uint32_t *word);

/** @brief Fields N, immr, imms of a logical immediate, as bits 12 to 0. @return false: it
 * cannot be encoded. */
bool a64_mask(uint64_t value, bool wide, uint32_t *fields);

/** @brief The 8 bits that encode a floating-point number. @return false: it cannot be encoded. */
bool a64_float8(uint64_t bits, bool is_double, uint32_t *out);

/** Log2 of the size of an access in bytes, by its first form. */
static inline unsigned a64_access_log2(unsigned form)
{
    return a64_forms[form].imm - A64_IMM_OFFSET0;
}
