// SPDX-License-Identifier: MIT
//
// What the files of the verifier's decoder share: an instruction while it is taken apart, and rows
// that say which opcodes there are.
#pragma once

#include "kernel/jit/verify/verify.h"
#include "kernel/lib/compiler.h"

/** Bits of a REX prefix, and of what a VEX prefix has in its place. */
enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

/** What decides how wide an operation is. */
enum x86_row_width {
    OTHER, /* not REX.W */
    ANY,   /* bit 0 of the opcode clear: 1, prefix 0x66: 2, REX.W: 8, else 4 */
    LONG,  /* REX.W: 8, else 4 */
    QUAD,  /* REX.W, always */
};

/** What follows the opcode. */
enum x86_row_shape {
    MODRM = 1,     /* what follows needs it */
    REG = 2,       /* ModRM.reg is an integer register, */
    XMM = 4,       /* or a vector register; else a digit */
    RM_XMM = 8,    /* ModRM.rm, if it is a register, is a vector register, */
    RM_BYTE = 16,  /* or one of a byte */
    NO_MEM = 32,   /* ModRM.rm is a register, */
    ONLY_MEM = 64, /* or none */
    IMM_BYTE = 128,
    IMM_SHORT = 256, /* a byte, sign-extended to the operation */
    IMM = 512,       /* as wide as the operation, at most 4 bytes, which are sign-extended */
};

struct x86_parts;

/* Opcodes whose bits in `mask` are `opcode`, after the mandatory prefix. */
struct x86_row {
    uint8_t prefix, opcode, mask;
    uint8_t width;  /* enum x86_row_width */
    uint16_t shape; /* enum x86_row_shape */
    uint8_t digits; /* which ModRM.reg may be, if it is no register: bit n for n */
    uint8_t bytes;  /* of memory; 0: as wide as the operation */
    bool (*decode)(struct x86_parts *x, struct verify_insn *i);
};

struct x86_rows {
    const struct x86_row *rows;
    size_t count;
};
#define X86_ROWS(rows)                                                                             \
    {                                                                                              \
        rows, ARRAY_COUNT(rows)                                                                    \
    }

/** By opcode map: of the first line verify_integer.c, of the second verify_two.c. */
extern const struct x86_rows x86_verify_one_byte, x86_verify_vex_38, x86_verify_vex_3a;
extern const struct x86_rows x86_verify_two_bytes, x86_verify_three_bytes;

struct x86_parts {
    const uint8_t *code;
    uint32_t left, at; /* bytes that there are; offset in the function */
    uint32_t taken;    /* bytes */
    bool is_short;     /* it wants more bytes than there are */
    uint8_t prefix;    /* 0x66, 0xf2, 0xf3 or 0 */
    unsigned rex;      /* its four bits */
    unsigned used;     /* those that mean something here */
    bool has_rex, is_vex;
    bool needs_rex; /* a byte register that would be another one without */
    uint8_t opcode;
    bool is_mem;
    uint8_t reg, rm; /* registers, or digit */
    uint8_t vvvv;    /* a third register */
};

/** @brief Decode one instruction: verify_machine.decode. @context{any} Pure. */
bool x86_verify_decode(const uint8_t *code, uint32_t left, uint32_t at, struct verify_insn *out);

/** @brief The next bytes, sign-extended. */
int64_t x86_verify_take(struct x86_parts *x, unsigned bytes);

/** @brief What the low half of an opcode says of unsigned numbers. */
uint8_t x86_verify_condition(unsigned opcode);

/** @brief ModRM.rm is operand "b". */
static inline void x86_verify_right(const struct x86_parts *x, struct verify_insn *i)
{
    if (x->is_mem) {
        i->flags |= VERIFY_MEM;
    } else {
        i->b = x->rm;
    }
}

/** @brief To a distance from the end of the instruction. */
static inline bool x86_verify_relative(struct x86_parts *x, struct verify_insn *i, unsigned bytes)
{
    int64_t distance = x86_verify_take(x, bytes);
    i->imm = (int64_t)x->at + x->taken + distance;
    return true;
}
