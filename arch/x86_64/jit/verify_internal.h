// SPDX-License-Identifier: MIT
//
// What the files of the verifier's decoder share: rows that say which opcodes there are.
#pragma once

#include "kernel/jit/verify/verify.h"
#include "kernel/lib/compiler.h"

/** Bits of a REX prefix, and of what a VEX prefix has in its place. */
enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8, REX_THERE = 16 };

/** Mandatory prefixes, or the one of the operand's size, as bits: those that a row may have. */
enum { P_NO = 1, P_66 = 2, P_F2 = 4, P_F3 = 8 };

/** What decides how wide an operation is, what follows the opcode, and what ModRM names. */
enum x86_row_shape {
    LONG = 1, /* 8 bytes with REX.W, else 4 */
    WORD = 2, /* 2 with prefix 0x66, else as LONG */
    BYTE = 4, /* one; of no such bit: 8 */
    MODRM = 8,
    D_REG = 16, /* ModRM.reg is written */
    A_REG = 32, /* ModRM.reg is the left operand */
    B_RM = 64,  /* ModRM.rm, if it is a register, is the right operand */
    INTO_REG = D_REG | A_REG | B_RM,
    RM_BYTE = 128,  /* ModRM.rm, if it is a register, is one of a byte */
    NO_MEM = 256,   /* ModRM.rm is a register, */
    ONLY_MEM = 512, /* or none */
    IN_OPCODE = 1024,
    IMM_BYTE = 2048,
    IMM_SHORT = 4096,  /* a byte, sign-extended to the operation */
    IMM = 8192,        /* as wide as the operation, at most 4 bytes, which are sign-extended */
    IMM_WHOLE = 16384, /* as wide as the operation */
    NEAR = 32768,      /* 4 bytes: a distance from the end of the instruction, */
    SHORT = 65536,     /* or one */
    IMMEDIATES = IMM_BYTE | IMM_SHORT | IMM | IMM_WHOLE | NEAR | SHORT,
    MORE = 131072, /* the next row is of the same opcode */
    /* A VEX prefix of 128 bits may be in place of the others. Then memory need not be aligned. */
    VEX = 262144,
    VEX_THIRD = 524288, /* it names a third register */
};

/** What an instruction makes of its operands, if a row's shape does not say it. */
enum x86_row_kind {
    PLAIN,
    MOVE, /* reg = rm */
    CONDITION,
    SET,
    MOVE_SIGNED, /* movsxd */
    MOVE_BACK,   /* rm = reg */
    MOVE_IMM,    /* rm = immediate */
    ADDRESS,
    ARITHMETIC,     /* rm = rm op reg: which one, bits 3 to 5 of the opcode say */
    ARITHMETIC_REG, /* reg = reg op rm, likewise */
    ARITHMETIC_IMM, /* rm = rm op immediate: which one, the digit says */
    ARITHMETIC_RAX, /* as ARITHMETIC, with an immediate */
    TEST,
    UNARY,
    SHIFT,
    THREE,       /* its left operand is the third register */
    SHIFT_RIGHT, /* by the third register */
    ROTATE,
    SCAN,
    MULTIPLY,
    WIDE,
    SIGN,
    BIT,
    EXCHANGE,         /* of a register and memory */
    EXCHANGE_ADD,     /* likewise, with a LOCK prefix */
    COMPARE_EXCHANGE, /* likewise */
    FENCE,
    FRAME_POINTER,
    INDIRECT,
    PAD,
    PADDING,
    VECTOR,
    VECTOR_STORE,
    VECTOR_ALIGNED,
    VECTOR_FUSED, /* only with VEX */
    VECTOR_ROUND,
    VECTOR_IMM,     /* its immediate is of no interest */
    VECTOR_INSERT,  /* an integer is read, or memory */
    VECTOR_EXTRACT, /* an integer is written, or memory */
    FROM_INTEGER,
    TO_INTEGER,
};

/** What an opcode may be, for some prefixes and digits. */
struct x86_opcode_row {
    uint32_t shape;   /* enum x86_row_shape */
    uint8_t prefixes; /* P_NO and the like */
    uint8_t digits;   /* which ModRM.reg may be, if it is a digit: bit n for n; else all */
    uint8_t rex;      /* bits that mean something, but for REX.X */
    uint8_t bytes;    /* of memory; 0: as wide as the operation */
    uint8_t kind;     /* enum x86_row_kind */
    uint8_t op;       /* enum verify_op, */
    uint8_t mem_op;   /* if ModRM.rm is memory */
    uint8_t flags;    /* enum verify_flag */
};

enum x86_row_number {
    R_NONE,
    R_ARITHMETIC,
    R_ARITHMETIC_BYTE,
    R_ARITHMETIC_REG,
    R_ARITHMETIC_REG_BYTE,
    R_ARITHMETIC_RAX,
    R_ARITHMETIC_RAX_BYTE,
    R_ARITHMETIC_IMM,
    R_ARITHMETIC_IMM_BYTE,
    R_ARITHMETIC_IMM_SHORT,
    R_TEST,
    R_TEST_BYTE,
    R_TEST_RAX,
    R_TEST_RAX_BYTE,
    R_TEST_IMM_BYTE,
    R_TEST_IMM,
    R_NOT,
    R_WIDE,
    R_SHIFT,
    R_SHIFT_IMM,
    R_MOVE,
    R_MOVE_BACK,
    R_MOVE_BACK_BYTE,
    R_MOVE_IMM,
    R_MOVE_IMM_BYTE,
    R_MOVE_CONST,
    R_MOVE_SIGNED,
    R_LEA,
    R_IMUL_IMM,
    R_IMUL_SHORT,
    R_SIGN,
    R_PUSH,
    R_POP,
    R_CALL,
    R_JUMP,
    R_JUMP_SHORT,
    R_BRANCH_SHORT,
    R_INDIRECT,
    R_RETURN,
    R_NOP,
    R_BRANCH,
    R_ZERO_BYTE,
    R_ZERO_WORD,
    R_SIGN_BYTE,
    R_SIGN_WORD,
    R_SET,
    R_SELECT,
    R_TRAP,
    R_PAD,
    R_PADDING,
    R_IMUL,
    R_BIT,
    R_EXCHANGE,
    R_EXCHANGE_BYTE,
    R_EXCHANGE_ADD,
    R_EXCHANGE_ADD_BYTE,
    R_COMPARE_EXCHANGE,
    R_COMPARE_EXCHANGE_BYTE,
    R_FENCE,
    R_SCAN,
    R_COUNT,
    R_LOAD_8,
    R_LOAD_4,
    R_LOAD_16,
    R_STORE_8,
    R_STORE_4,
    R_STORE_16,
    R_ALIGNED,
    R_COMPARE_8,
    R_COMPARE_4,
    R_FROM_INTEGER,
    R_TO_INTEGER_8,
    R_TO_INTEGER_4,
    R_BITS_IN,
    R_BITS_OUT,
    R_ROUND_4,
    R_ROUND_8,
    R_MOVE_DOUBLE, /* movddup */
    R_SQRT_8,
    R_SQRT_4,
    R_SQRT,
    R_PACKED_8,
    R_PACKED_4,
    R_PACKED,
    R_CONVERT_8,
    R_CONVERT_4,
    R_CONVERT_LOW,
    R_CONVERT,
    R_TO_LONGS_4,
    R_FROM_TO_LONGS,
    R_TO_LONGS,
    R_LOGIC,
    R_VECTOR,
    R_VECTOR_ONE,
    R_VECTOR_LOW,
    R_VECTOR_IMM,
    R_VECTOR_ONE_IMM,
    R_COMPARE_LANES,
    R_SHUFFLE,
    R_SHIFT_LANES_2,
    R_SHIFT_LANES_8,
    R_SIGNS,
    R_SIGNS_BYTES,
    R_VECTOR_TEST,
    R_INSERT_1,
    R_INSERT_2,
    R_INSERT,
    R_INSERT_FLOAT,
    R_EXTRACT_1,
    R_EXTRACT_2,
    R_EXTRACT,
    R_SHIFT_BY,
    R_SHIFT_RIGHT,
    R_ANDN,
    R_RORX,
    R_FUSED,
    R_DOT,
    ROWS,
    /* In place of a row: what comes before an opcode. */
    R_REX = ROWS,
    R_ESCAPE,
    R_PREFIX,
    R_LOCK,
    R_VEX,
    R_VEX_SHORT, /* of two bytes */
};

/** Rows of one opcode follow each other; and the first of an opcode of one byte, and of one after
 * 0x0f. verify_opcodes.c */
extern const struct x86_opcode_row x86_verify_rows[ROWS];
extern const uint8_t x86_verify_one_byte[256], x86_verify_two_bytes[256];
/** Likewise after 0x0f 0x38, where R_FUSED and R_DOT are beyond the table, and after 0x0f 0x3a. */
extern const uint8_t x86_verify_38[0x41], x86_verify_3a[0x23];

/** @brief Decode instructions: verify_machine.decode. @context{any} Pure. */
uint32_t x86_verify_decode(const uint8_t *code, uint32_t left, uint32_t at, struct verify_insn *out,
                           uint32_t most);
