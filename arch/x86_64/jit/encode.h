// SPDX-License-Identifier: MIT
//
// x86-64 instructions as bytes: a table of forms (forms.def) and one function that adds registers,
// addresses and immediates, in the shortest encoding. Branches to labels are in asm.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Conditions come in pairs that differ in the lowest bit: each is the negation of the other. */
enum x86_cond {
    X86_O,
    X86_NO,
    X86_B,
    X86_AE,
    X86_E,
    X86_NE,
    X86_BE,
    X86_A,
    X86_S,
    X86_NS,
    X86_P,
    X86_NP,
    X86_L,
    X86_GE,
    X86_LE,
    X86_G,
};

enum x86_form {
#define X86_FORM(name, shape, kinds, prefix, opcode, digit, width, imm, text) X86_##name,
#include "arch/x86_64/jit/forms.def"
#undef X86_FORM
    X86_FORM_COUNT,
};

enum x86_shape {
    X86_SHAPE_NONE,
    X86_SHAPE_RM,  /**< reg, rm */
    X86_SHAPE_MR,  /**< rm, reg */
    X86_SHAPE_M,   /**< rm */
    X86_SHAPE_MI,  /**< rm, imm */
    X86_SHAPE_MC,  /**< rm, cl */
    X86_SHAPE_RMI, /**< reg, rm, imm */
    X86_SHAPE_O,   /**< reg, in the opcode */
    X86_SHAPE_OI,  /**< reg, in the opcode, imm */
    X86_SHAPE_RVM, /**< reg, other, rm */
    X86_SHAPE_RMV, /**< reg, rm, other */
    X86_SHAPE_MRI, /**< rm, reg, imm */
    /** reg, which is the left operand, too, or with VEX `other` is; rm */
    X86_SHAPE_TWO,
    X86_SHAPE_TWO_IMM,
    X86_SHAPE_THREE, /**< reg, which is an operand, too, other, rm; always with VEX */
    X86_SHAPE_SHIFT, /**< rm, which with VEX is stored in `other`; imm */
};

enum x86_width {
    X86_WIDTH_NONE,
    X86_WIDTH_ANY,    /**< size 1, 2, 4 or 8 */
    X86_WIDTH_LONG,   /**< size 4 or 8 */
    X86_WIDTH_QUAD,   /**< always 8 */
    X86_WIDTH_SCALAR, /**< size 4 or 8: one prefix for f32, another for f64 */
    X86_WIDTH_PACKED, /**< size 4 or 8: no prefix, or one */
    X86_WIDTH_SINGLE, /**< always an f32 */
    X86_WIDTH_DOUBLE, /**< always an f64 */
    X86_WIDTH_VEX_LONG,
    X86_WIDTH_VECTOR,      /**< a whole vector register: as SSE has it, or with VEX */
    X86_WIDTH_VECTOR_WIDE, /**< likewise, with an integer of 8 bytes */
};

enum x86_imm {
    X86_IMM_NONE,
    X86_IMM_BYTE,
    X86_IMM_COUNT, /**< for a shift: 1 has a shorter opcode */
    X86_IMM_SHORT, /**< sign-extended: 8 bits if that is enough, else FULL */
    X86_IMM_FULL,  /**< the width of the instruction, for 64 bits 32, sign-extended */
    X86_IMM_WIDE,  /**< the width of the instruction */
};

#define X86_NO_REG 0xff
#define X86_RIP    0xfe /**< as a base: disp is relative to the end of the instruction */

/** base + (index << scale) + disp. */
struct x86_mem {
    uint8_t base, index, scale; /* registers or X86_NO_REG; the index is not rsp */
    int32_t disp;
};

struct x86_insn {
    uint16_t form; /* enum x86_form */
    uint8_t size;  /* size of the operation, if the form does not determine it: 1, 2, 4 or 8 */
    uint8_t reg;   /* the operand that must be a register */
    uint8_t rm;    /* the operand that may be in memory, */
    bool is_mem;   /* and then is `mem` */
    bool vex;      /* of a vector form: with a VEX prefix */
    bool lock;     /* with a LOCK prefix: rm is memory, and written */
    uint8_t other; /* the third register of VEX forms */
    struct x86_mem mem;
    int64_t imm;
};

struct x86_form_info {
    uint8_t shape, prefix, digit, width, imm;
    uint32_t opcode;
    const char *kinds, *text;
};
extern const struct x86_form_info x86_forms[X86_FORM_COUNT];

#define X86_MAX_BYTES 15

/** @brief Write one instruction. @return number of bytes; 0: the immediate cannot be encoded in
 * this form. @context{any} Pure. */
unsigned x86_encode(const struct x86_insn *i, uint8_t out[X86_MAX_BYTES]);
