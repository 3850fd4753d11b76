// SPDX-License-Identifier: MIT
//
// The verifier's decoder: which opcodes there are. Intel Software Developer's Manual, volume 2,
// appendix A, tables.
#include "arch/x86_64/jit/verify_internal.h"

#define DIGIT(n) (1u << (n))
#define SHIFTS   (DIGIT(0) | DIGIT(1) | DIGIT(4) | DIGIT(5) | DIGIT(7))
#define ALL      0xff

/* Bits of REX: of an rm, and of a register with it; and that of the width. */
#define B   REX_B
#define RB  (REX_R | REX_B)
#define WB  (REX_W | REX_B)
#define WRB (REX_W | REX_R | REX_B)

/* Of vectors, with and without VEX. */
#define ONE_LANES (MODRM | VEX)
#define LANES     (ONE_LANES | VEX_THIRD)

#define TO_REG (MODRM | D_REG | B_RM)

const struct x86_opcode_row x86_verify_rows[ROWS] = {
    [R_ARITHMETIC] = {WORD | MODRM, P_NO | P_66, ALL, WRB, 0, ARITHMETIC, 0, 0, 0},
    [R_ARITHMETIC_BYTE] = {BYTE | MODRM, P_NO, ALL, RB, 0, ARITHMETIC, 0, 0, 0},
    [R_ARITHMETIC_REG] = {WORD | MODRM | B_RM, P_NO | P_66, ALL, WRB, 0, ARITHMETIC_REG, 0, 0, 0},
    [R_ARITHMETIC_REG_BYTE] = {BYTE | MODRM | B_RM, P_NO, ALL, RB, 0, ARITHMETIC_REG, 0, 0, 0},
    [R_ARITHMETIC_RAX] = {WORD | IMM, P_NO | P_66, ALL, REX_W, 0, ARITHMETIC_RAX, 0, 0, VERIFY_IMM},
    [R_ARITHMETIC_RAX_BYTE] = {BYTE | IMM, P_NO, ALL, 0, 0, ARITHMETIC_RAX, 0, 0, VERIFY_IMM},
    [R_ARITHMETIC_IMM] = {WORD | MODRM | IMM, P_NO | P_66, ALL, WB, 0, ARITHMETIC_IMM, 0, 0,
                          VERIFY_IMM},
    [R_ARITHMETIC_IMM_BYTE] = {BYTE | MODRM | IMM, P_NO, ALL, B, 0, ARITHMETIC_IMM, 0, 0,
                               VERIFY_IMM},
    [R_ARITHMETIC_IMM_SHORT] = {WORD | MODRM | IMM_SHORT, P_NO | P_66, ALL, WB, 0, ARITHMETIC_IMM,
                                0, 0, VERIFY_IMM},
    [R_TEST] = {WORD | MODRM, P_NO | P_66, ALL, WRB, 0, TEST, 0, 0, 0},
    [R_TEST_BYTE] = {BYTE | MODRM, P_NO, ALL, RB, 0, TEST, 0, 0, 0},
    [R_TEST_RAX] = {WORD | IMM, P_NO | P_66, ALL, REX_W, 0, TEST, 0, 0, VERIFY_IMM},
    [R_TEST_RAX_BYTE] = {BYTE | IMM, P_NO, ALL, 0, 0, TEST, 0, 0, VERIFY_IMM},
    [R_TEST_IMM_BYTE] = {BYTE | MODRM | IMM, P_NO, DIGIT(0), B, 0, TEST, 0, 0, VERIFY_IMM},
    [R_TEST_IMM] = {WORD | MODRM | IMM | MORE, P_NO | P_66, DIGIT(0), WB, 0, TEST, 0, 0,
                    VERIFY_IMM},
    [R_NOT] = {LONG | MODRM | MORE, P_NO, DIGIT(2) | DIGIT(3), WB, 0, UNARY, 0, 0, 0},
    [R_WIDE] = {LONG | MODRM | B_RM, P_NO, 0xf0, WB, 0, WIDE, 0, 0, 0},
    [R_SHIFT] = {LONG | MODRM, P_NO, SHIFTS, WB, 0, SHIFT, 0, 0, 0},
    [R_SHIFT_IMM] = {LONG | MODRM | IMM_BYTE, P_NO, SHIFTS, WB, 0, SHIFT, 0, 0, 0},
    [R_MOVE] = {LONG | TO_REG, P_NO, ALL, WRB, 0, MOVE, VERIFY_MOVE, VERIFY_LOAD, 0},
    [R_MOVE_BACK] = {WORD | MODRM, P_NO | P_66, ALL, WRB, 0, MOVE_BACK, VERIFY_MOVE, VERIFY_STORE,
                     0},
    [R_MOVE_BACK_BYTE] = {BYTE | MODRM | ONLY_MEM, P_NO, ALL, RB, 0, MOVE_BACK, 0, VERIFY_STORE, 0},
    [R_MOVE_IMM] = {WORD | MODRM | IMM, P_NO | P_66, DIGIT(0), WB, 0, MOVE_IMM, VERIFY_CONST,
                    VERIFY_STORE, VERIFY_IMM},
    [R_MOVE_IMM_BYTE] = {BYTE | MODRM | ONLY_MEM | IMM, P_NO, DIGIT(0), B, 0, MOVE_IMM, 0,
                         VERIFY_STORE, VERIFY_IMM},
    [R_MOVE_CONST] = {LONG | IN_OPCODE | IMM_WHOLE, P_NO, ALL, WB, 0, MOVE_IMM, VERIFY_CONST, 0,
                      VERIFY_IMM},
    [R_MOVE_SIGNED] = {LONG | TO_REG, P_NO, ALL, WRB, 4, MOVE_SIGNED, VERIFY_MOVE, VERIFY_LOAD,
                       VERIFY_SIGNED},
    [R_LEA] = {LONG | MODRM | D_REG | ONLY_MEM, P_NO, ALL, WRB, 0, ADDRESS, 0, VERIFY_LEA, 0},
    [R_IMUL_IMM] = {LONG | MODRM | D_REG | IMM, P_NO, ALL, WRB, 0, MULTIPLY, VERIFY_MUL,
                    VERIFY_NUMBER, 0},
    [R_IMUL_SHORT] = {LONG | MODRM | D_REG | IMM_SHORT, P_NO, ALL, WRB, 0, MULTIPLY, VERIFY_MUL,
                      VERIFY_NUMBER, 0},
    [R_SIGN] = {LONG, P_NO, ALL, REX_W, 0, SIGN, VERIFY_NUMBER, 0, 0},
    [R_PUSH] = {0, P_NO, ALL, 0, 0, FRAME_POINTER, VERIFY_PUSH, 0, 0},
    [R_POP] = {0, P_NO, ALL, 0, 0, FRAME_POINTER, VERIFY_POP, 0, 0},
    [R_CALL] = {NEAR, P_NO, ALL, 0, 0, PLAIN, VERIFY_CALL, 0, 0},
    [R_JUMP] = {NEAR, P_NO, ALL, 0, 0, PLAIN, VERIFY_JUMP, 0, 0},
    [R_JUMP_SHORT] = {SHORT, P_NO, ALL, 0, 0, PLAIN, VERIFY_JUMP, 0, 0},
    [R_BRANCH_SHORT] = {SHORT, P_NO, ALL, 0, 0, CONDITION, VERIFY_BRANCH, 0, 0},
    [R_INDIRECT] = {MODRM, P_NO, DIGIT(2) | DIGIT(4), B, 0, INDIRECT, 0, VERIFY_CALL_TO, 0},
    [R_RETURN] = {0, P_NO, ALL, 0, 0, PLAIN, VERIFY_RETURN, 0, 0},
    [R_NOP] = {0, P_NO | P_66, ALL, 0, 0, PLAIN, VERIFY_NOP, 0, 0},
    [R_BRANCH] = {NEAR, P_NO, ALL, 0, 0, CONDITION, VERIFY_BRANCH, 0, 0},
    [R_ZERO_BYTE] = {LONG | TO_REG | RM_BYTE, P_NO, ALL, WRB, 1, MOVE, VERIFY_MOVE, VERIFY_LOAD, 0},
    [R_ZERO_WORD] = {LONG | TO_REG, P_NO, ALL, WRB, 2, MOVE, VERIFY_MOVE, VERIFY_LOAD, 0},
    [R_SIGN_BYTE] = {LONG | TO_REG | RM_BYTE, P_NO, ALL, WRB, 1, MOVE, VERIFY_MOVE, VERIFY_LOAD,
                     VERIFY_SIGNED},
    [R_SIGN_WORD] = {LONG | TO_REG, P_NO, ALL, WRB, 2, MOVE, VERIFY_MOVE, VERIFY_LOAD,
                     VERIFY_SIGNED},
    [R_SET] = {MODRM | RM_BYTE | NO_MEM, P_NO, DIGIT(0), B, 0, SET, VERIFY_SET, 0, 0},
    [R_SELECT] = {LONG | MODRM | INTO_REG, P_NO, ALL, WRB, 0, CONDITION, VERIFY_SELECT,
                  VERIFY_SELECT, 0},
    [R_TRAP] = {0, P_NO, ALL, 0, 0, PLAIN, VERIFY_TRAP, 0, 0},
    [R_PAD] = {MODRM | NO_MEM, P_F3, DIGIT(7), 0, 0, PAD, VERIFY_PAD, 0, 0},
    [R_PADDING] = {MODRM | ONLY_MEM, P_NO | P_66, DIGIT(0), 0, 0, PADDING, 0, VERIFY_NOP, 0},
    [R_IMUL] = {LONG | MODRM | INTO_REG, P_NO, ALL, WRB, 0, PLAIN, VERIFY_MUL, VERIFY_MUL, 0},
    [R_BIT] = {LONG | MODRM | IMM_BYTE, P_NO, DIGIT(7), WB, 0, BIT, 0, 0, 0}, /* btc */
    [R_EXCHANGE] = {WORD | MODRM | D_REG | A_REG | ONLY_MEM, P_NO | P_66, ALL, WRB, 0, EXCHANGE, 0,
                    VERIFY_EXCHANGE, 0},
    [R_EXCHANGE_BYTE] = {BYTE | MODRM | D_REG | A_REG | ONLY_MEM, P_NO, ALL, RB, 0, EXCHANGE, 0,
                         VERIFY_EXCHANGE, 0},
    [R_EXCHANGE_ADD] = {WORD | MODRM | D_REG | A_REG | ONLY_MEM, P_NO | P_66, ALL, WRB, 0,
                        EXCHANGE_ADD, 0, VERIFY_EXCHANGE, VERIFY_FLAGS},
    [R_EXCHANGE_ADD_BYTE] = {BYTE | MODRM | D_REG | A_REG | ONLY_MEM, P_NO, ALL, RB, 0,
                             EXCHANGE_ADD, 0, VERIFY_EXCHANGE, VERIFY_FLAGS},
    [R_COMPARE_EXCHANGE] = {WORD | MODRM | A_REG | ONLY_MEM, P_NO | P_66, ALL, WRB, 0,
                            COMPARE_EXCHANGE, 0, VERIFY_EXCHANGE, VERIFY_FLAGS},
    [R_COMPARE_EXCHANGE_BYTE] = {BYTE | MODRM | A_REG | ONLY_MEM, P_NO, ALL, RB, 0,
                                 COMPARE_EXCHANGE, 0, VERIFY_EXCHANGE, VERIFY_FLAGS},
    [R_FENCE] = {MODRM | NO_MEM, P_NO, DIGIT(6), 0, 0, FENCE, VERIFY_NOP, 0, 0}, /* mfence */
    [R_SCAN] = {LONG | MODRM | INTO_REG | MORE, P_NO, ALL, WRB, 0, SCAN, VERIFY_NUMBER,
                VERIFY_NUMBER, VERIFY_FLAG_ZERO},
    [R_COUNT] = {LONG | TO_REG, P_F3, ALL, WRB, 0, PLAIN, VERIFY_NUMBER, VERIFY_NUMBER,
                 VERIFY_FLAG_ZERO},
    [R_LOAD_8] = {MODRM | MORE, P_F2, ALL, RB, 8, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_LOAD_4] = {MODRM | MORE, P_F3, ALL, RB, 4, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_LOAD_16] = {MODRM, P_NO, ALL, RB, 16, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_STORE_8] = {MODRM | MORE, P_F2, ALL, RB, 8, VECTOR, VERIFY_NOP, VERIFY_STORE, 0},
    [R_STORE_4] = {MODRM | MORE, P_F3, ALL, RB, 4, VECTOR, VERIFY_NOP, VERIFY_STORE, 0},
    [R_STORE_16] = {MODRM, P_NO, ALL, RB, 16, VECTOR_STORE, VERIFY_NOP, VERIFY_STORE, 0},
    [R_ALIGNED] = {MODRM, P_NO, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_SQRT_8] = {MODRM | MORE, P_F2, ALL, RB, 8, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_SQRT_4] = {MODRM | MORE, P_F3, ALL, RB, 4, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_SQRT] = {ONE_LANES, P_NO | P_66, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP, VERIFY_LOAD, 0},
    /* add and the like: of scalars, of vectors */
    [R_PACKED_8] = {MODRM | MORE, P_F2, ALL, RB, 8, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_PACKED_4] = {MODRM | MORE, P_F3, ALL, RB, 4, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_PACKED] = {LANES, P_NO | P_66, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_CONVERT_8] = {MODRM | MORE, P_F2, ALL, RB, 8, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_CONVERT_4] = {MODRM | MORE, P_F3, ALL, RB, 4, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_CONVERT_LOW] = {ONE_LANES | MORE, P_NO, ALL, RB, 8, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_CONVERT] = {ONE_LANES, P_66, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_TO_LONGS_4] = {ONE_LANES, P_NO | P_F3, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP, VERIFY_LOAD,
                      0},
    [R_FROM_TO_LONGS] = {ONE_LANES | MORE, P_F3, ALL, RB, 8, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_TO_LONGS] = {ONE_LANES, P_66, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_LOGIC] = {MODRM, P_NO, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_MOVE_DOUBLE] = {ONE_LANES, P_F2, ALL, RB, 8, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_VECTOR] = {LANES, P_66, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_VECTOR_ONE] = {ONE_LANES, P_66, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_VECTOR_LOW] = {ONE_LANES, P_66, ALL, RB, 8, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_VECTOR_IMM] = {LANES | IMM_BYTE, P_66, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP, VERIFY_LOAD,
                      0},
    [R_VECTOR_ONE_IMM] = {ONE_LANES | IMM_BYTE, P_66, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP,
                          VERIFY_LOAD, 0},
    [R_COMPARE_LANES] = {LANES | IMM_BYTE, P_NO | P_66, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_NOP,
                         VERIFY_LOAD, 0},
    [R_SHUFFLE] = {ONE_LANES | IMM_BYTE, P_66 | P_F2 | P_F3, ALL, RB, 16, VECTOR_ALIGNED,
                   VERIFY_NOP, VERIFY_LOAD, 0},
    [R_SHIFT_LANES_2] = {LANES | IMM_BYTE | NO_MEM, P_66, DIGIT(2) | DIGIT(4) | DIGIT(6), B, 0,
                         VECTOR_IMM, VERIFY_NOP, 0, 0},
    [R_SHIFT_LANES_8] = {LANES | IMM_BYTE | NO_MEM, P_66, DIGIT(2) | DIGIT(6), B, 0, VECTOR_IMM,
                         VERIFY_NOP, 0, 0},
    [R_SIGNS] = {ONE_LANES | D_REG | NO_MEM | LONG, P_NO | P_66, ALL, RB, 0, VECTOR_IMM,
                 VERIFY_NUMBER, 0, 0},
    [R_SIGNS_BYTES] = {ONE_LANES | D_REG | NO_MEM | LONG, P_66, ALL, RB, 0, VECTOR_IMM,
                       VERIFY_NUMBER, 0, 0},
    [R_VECTOR_TEST] = {ONE_LANES, P_66, ALL, RB, 16, VECTOR_ALIGNED, VERIFY_USE, VERIFY_LOAD,
                       VERIFY_FLAGS},
    [R_INSERT_1] = {LANES | IMM_BYTE | LONG, P_66, ALL, RB, 1, VECTOR_INSERT, VERIFY_USE,
                    VERIFY_LOAD, 0},
    [R_INSERT_2] = {LANES | IMM_BYTE | LONG, P_66, ALL, RB, 2, VECTOR_INSERT, VERIFY_USE,
                    VERIFY_LOAD, 0},
    [R_INSERT] = {LANES | IMM_BYTE | LONG, P_66, ALL, WRB, 0, VECTOR_INSERT, VERIFY_USE,
                  VERIFY_LOAD, 0},
    [R_INSERT_FLOAT] = {LANES | IMM_BYTE, P_66, ALL, RB, 4, VECTOR, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_EXTRACT_1] = {ONE_LANES | IMM_BYTE | LONG, P_66, ALL, RB, 1, VECTOR_EXTRACT, VERIFY_NUMBER,
                     VERIFY_STORE, 0},
    [R_EXTRACT_2] = {ONE_LANES | IMM_BYTE | D_REG | NO_MEM | LONG, P_66, ALL, RB, 0, VECTOR_IMM,
                     VERIFY_NUMBER, 0, 0},
    [R_EXTRACT] = {ONE_LANES | IMM_BYTE | LONG, P_66, ALL, WRB, 0, VECTOR_EXTRACT, VERIFY_NUMBER,
                   VERIFY_STORE, 0},
    [R_COMPARE_8] = {MODRM | MORE, P_66, ALL, RB, 8, VECTOR, VERIFY_USE, VERIFY_LOAD, VERIFY_FLAGS},
    [R_COMPARE_4] = {MODRM, P_NO, ALL, RB, 4, VECTOR, VERIFY_USE, VERIFY_LOAD, VERIFY_FLAGS},
    [R_FROM_INTEGER] = {LONG | MODRM, P_F2 | P_F3, ALL, WRB, 0, FROM_INTEGER, VERIFY_USE,
                        VERIFY_LOAD, 0},
    [R_TO_INTEGER_8] = {LONG | MODRM | D_REG | MORE, P_F2, ALL, WRB, 8, PLAIN, VERIFY_NUMBER,
                        VERIFY_NUMBER, 0},
    [R_TO_INTEGER_4] = {LONG | MODRM | D_REG, P_F3, ALL, WRB, 4, PLAIN, VERIFY_NUMBER,
                        VERIFY_NUMBER, 0},
    [R_BITS_IN] = {LONG | MODRM, P_66, ALL, WRB, 0, FROM_INTEGER, VERIFY_USE, VERIFY_LOAD, 0},
    [R_BITS_OUT] = {LONG | MODRM, P_66, ALL, WRB, 0, TO_INTEGER, VERIFY_NUMBER, VERIFY_STORE, 0},
    [R_ROUND_4] = {MODRM | IMM_BYTE, P_66, ALL, RB, 4, VECTOR_ROUND, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_ROUND_8] = {MODRM | IMM_BYTE, P_66, ALL, RB, 8, VECTOR_ROUND, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_SHIFT_BY] = {LONG | TO_REG | MORE, P_66 | P_F3, ALL, WRB, 0, THREE, VERIFY_NUMBER,
                    VERIFY_NUMBER, 0},
    [R_SHIFT_RIGHT] = {LONG | TO_REG, P_F2, ALL, WRB, 0, SHIFT_RIGHT, VERIFY_DIV, VERIFY_NUMBER, 0},
    [R_ANDN] = {LONG | TO_REG, P_NO, ALL, WRB, 0, THREE, VERIFY_NUMBER, VERIFY_NUMBER,
                VERIFY_FLAG_ZERO},
    [R_RORX] = {LONG | TO_REG | IMM_BYTE, P_F2, ALL, WRB, 0, ROTATE, VERIFY_NUMBER, VERIFY_NUMBER,
                0},
    [R_FUSED] = {LANES, P_66, ALL, WRB, 16, VECTOR_FUSED, VERIFY_NOP, VERIFY_LOAD, 0},
    [R_DOT] = {LANES, P_66, ALL, RB, 16, VECTOR_FUSED, VERIFY_NOP, VERIFY_LOAD, 0},
};

/* clang-format off */
#define GROUP(n) \
    [8 * (n)] = R_ARITHMETIC_BYTE, R_ARITHMETIC, R_ARITHMETIC_REG_BYTE, R_ARITHMETIC_REG, \
    R_ARITHMETIC_RAX_BYTE, R_ARITHMETIC_RAX

const uint8_t x86_verify_one_byte[256] = {
    [0x0f] = R_ESCAPE,
    [0x40 ... 0x4f] = R_REX,
    [0x66] = R_PREFIX,
    [0xc4] = R_VEX,
    [0xc5] = R_VEX_SHORT,
    [0xf0] = R_LOCK,
    [0xf2 ... 0xf3] = R_PREFIX,
    GROUP(0), GROUP(1), GROUP(2), GROUP(3), GROUP(4), GROUP(5), GROUP(6), GROUP(7),
    [0x55] = R_PUSH,
    [0x5d] = R_POP,
    [0x63] = R_MOVE_SIGNED,
    [0x69] = R_IMUL_IMM,
    [0x6b] = R_IMUL_SHORT,
    [0x70 ... 0x7f] = R_BRANCH_SHORT,
    [0x80] = R_ARITHMETIC_IMM_BYTE,
    [0x81] = R_ARITHMETIC_IMM,
    [0x83] = R_ARITHMETIC_IMM_SHORT,
    [0x84] = R_TEST_BYTE,
    [0x85] = R_TEST,
    [0x86] = R_EXCHANGE_BYTE,
    [0x87] = R_EXCHANGE,
    [0x88] = R_MOVE_BACK_BYTE,
    [0x89] = R_MOVE_BACK,
    [0x8b] = R_MOVE,
    [0x8d] = R_LEA,
    [0x90] = R_NOP,
    [0x99] = R_SIGN,
    [0xa8] = R_TEST_RAX_BYTE,
    [0xa9] = R_TEST_RAX,
    [0xb8 ... 0xbf] = R_MOVE_CONST,
    [0xc1] = R_SHIFT_IMM,
    [0xc3] = R_RETURN,
    [0xc6] = R_MOVE_IMM_BYTE,
    [0xc7] = R_MOVE_IMM,
    [0xd1] = R_SHIFT, /* by 1 */
    [0xd3] = R_SHIFT, /* by cl */
    [0xe8] = R_CALL,
    [0xe9] = R_JUMP,
    [0xeb] = R_JUMP_SHORT,
    [0xf6] = R_TEST_IMM_BYTE,
    [0xf7] = R_TEST_IMM, /* and not, neg, mul, imul, div, idiv */
    [0xff] = R_INDIRECT,
};

const uint8_t x86_verify_two_bytes[256] = {
    [0x0b] = R_TRAP,
    [0x10] = R_LOAD_8,  /* movsd, movss, movups */
    [0x11] = R_STORE_8, /* likewise */
    [0x12] = R_MOVE_DOUBLE,
    [0x1e] = R_PAD, /* endbr64 */
    [0x1f] = R_PADDING,
    [0x28] = R_ALIGNED,      /* movaps */
    [0x2a] = R_FROM_INTEGER, /* cvtsi2sd, cvtsi2ss */
    [0x2c] = R_TO_INTEGER_8, /* cvttsd2si, cvttss2si */
    [0x2e] = R_COMPARE_8,    /* ucomisd, ucomiss */
    [0x40 ... 0x4f] = R_SELECT,
    [0x50] = R_SIGNS,            /* movmskps, movmskpd */
    [0x51] = R_SQRT_8,
    [0x54 ... 0x57] = R_LOGIC,    /* andps, andnps, orps, xorps */
    [0x58 ... 0x59] = R_PACKED_8, /* add, mul */
    [0x5a] = R_CONVERT_8,         /* between floats of 4 and of 8 bytes */
    [0x5b] = R_TO_LONGS_4,        /* cvtdq2ps, cvttps2dq */
    [0x5c ... 0x5f] = R_PACKED_8, /* sub, min, div, max */
    [0x60 ... 0x6d] = R_VECTOR,   /* interleave, narrow, greater */
    [0x6e] = R_BITS_IN,           /* movd, movq */
    [0x70] = R_SHUFFLE,
    [0x71 ... 0x72] = R_SHIFT_LANES_2,
    [0x73] = R_SHIFT_LANES_8,
    [0x74 ... 0x76] = R_VECTOR, /* equal */
    [0x7e] = R_BITS_OUT,        /* as 0x6e */
    [0x80 ... 0x8f] = R_BRANCH,
    [0x90 ... 0x9f] = R_SET,
    [0xae] = R_FENCE,
    [0xaf] = R_IMUL,
    [0xb0] = R_COMPARE_EXCHANGE_BYTE,
    [0xb1] = R_COMPARE_EXCHANGE,
    [0xb6] = R_ZERO_BYTE,
    [0xb7] = R_ZERO_WORD,
    [0xb8] = R_COUNT, /* popcnt */
    [0xba] = R_BIT,
    [0xbc ... 0xbd] = R_SCAN, /* bsf, bsr, tzcnt, lzcnt */
    [0xbe] = R_SIGN_BYTE,
    [0xbf] = R_SIGN_WORD,
    [0xc0] = R_EXCHANGE_ADD_BYTE,
    [0xc1] = R_EXCHANGE_ADD,
    [0xc2] = R_COMPARE_LANES, /* of floats */
    [0xc4] = R_INSERT_2,
    [0xc5] = R_EXTRACT_2,
    [0xc6] = R_COMPARE_LANES,       /* shufps, shufpd */
    [0xd1 ... 0xd5] = R_VECTOR,     /* shifts right, paddq, pmullw */
    [0xd7] = R_SIGNS_BYTES,         /* pmovmskb */
    [0xd8 ... 0xe5] = R_VECTOR,     /* saturating and logical ones, shifts right, products */
    [0xe6] = R_FROM_TO_LONGS,       /* cvtdq2pd, cvttpd2dq */
    [0xe8 ... 0xef] = R_VECTOR,
    [0xf1 ... 0xf5] = R_VECTOR,     /* shifts left, products */
    [0xf8 ... 0xfe] = R_VECTOR,     /* differences and sums */
};

const uint8_t x86_verify_38[0x41] = {
    [0x00] = R_VECTOR,              /* pshufb */
    [0x04] = R_VECTOR,              /* pmaddubsw */
    [0x0b] = R_VECTOR,              /* pmulhrsw */
    [0x17] = R_VECTOR_TEST,
    [0x1c ... 0x1e] = R_VECTOR_ONE, /* pabsb, pabsw, pabsd */
    [0x20] = R_VECTOR_LOW,          /* pmovsxbw, pmovsxwd, pmovsxdq */
    [0x23] = R_VECTOR_LOW,
    [0x25] = R_VECTOR_LOW,
    [0x28 ... 0x29] = R_VECTOR,     /* pmuldq, pcmpeqq */
    [0x2b] = R_VECTOR,              /* packusdw */
    [0x30] = R_VECTOR_LOW,          /* pmovzxbw, pmovzxwd, pmovzxdq */
    [0x33] = R_VECTOR_LOW,
    [0x35] = R_VECTOR_LOW,
    [0x37 ... 0x40] = R_VECTOR,     /* pcmpgtq, minimum and maximum, pmulld */
};

const uint8_t x86_verify_3a[0x23] = {
    [0x08 ... 0x09] = R_VECTOR_ONE_IMM, /* roundps, roundpd */
    [0x0a] = R_ROUND_4,
    [0x0b] = R_ROUND_8,
    [0x0e ... 0x0f] = R_VECTOR_IMM,     /* pblendw, palignr */
    [0x14] = R_EXTRACT_1,
    [0x16] = R_EXTRACT,
    [0x20] = R_INSERT_1,
    [0x21] = R_INSERT_FLOAT,
    [0x22] = R_INSERT,
};
/* clang-format on */
