// SPDX-License-Identifier: MIT
//
// Decodes x86-64 instructions for the verifier, written from the Intel Software Developer's
// Manual, volume 2, chapter 2 (prefixes, ModRM, SIB); verify_opcodes.c has the opcodes. It shares
// nothing with the encoder: a mistake there must not be repeated here. An instruction that
// matches no row is refused, and so is any second encoding of one that matches: a second prefix, a
// bit of a REX prefix without meaning, an address of 32 bits, a segment.
#include "arch/x86_64/jit/verify_internal.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

enum { RAX = 0, RCX = 1, RDX = 2, RSP = 4, RBP = 5, R11 = 11 };
enum { NOT = 2 }; /* digit */
enum { COUNT_IS_1 = 0xd1, COUNT_IN_RCX = 0xd3, POP_RBP = 0x5d };

/* Bytes that may be looked at: an instruction, or a loop that is one here, has at most 13. */
#define WINDOW 24u

/* In parts.special, above the prefix: rare, so that all of them are in one register. */
enum { LOCKED = 16, HAS_VEX = 32, THIRD_SHIFT = 6 };

/* An instruction while it is taken apart. */
struct parts {
    const uint8_t *code; /* what is not taken yet */
    unsigned special;    /* P_NO and the like; LOCKED; of a VEX prefix HAS_VEX, and a register */
    unsigned rex;        /* its four bits, and REX_THERE; of a VEX prefix the bits */
    unsigned allowed;    /* bits that mean something here */
    unsigned opcode, modrm;
};

/* ModRM.reg: a register, or a digit. */
static ALWAYS_INLINE unsigned reg_of(const struct parts *x)
{
    return (x->modrm >> 3 & 7) | (x->rex & REX_R) << 1;
}

/* ModRM.rm, if it is a register. */
static ALWAYS_INLINE unsigned rm_of(const struct parts *x)
{
    return (x->modrm & 7) | (x->rex & REX_B) << 3;
}

/* The third register of a VEX prefix. */
static ALWAYS_INLINE uint8_t third_of(const struct parts *x)
{
    return x->special >> THIRD_SHIFT & 15;
}

static ALWAYS_INLINE bool has_third(const struct parts *x)
{
    return third_of(x) != 0 || (x->special & HAS_VEX) == 0;
}

/* ---- Prefixes and the opcode (2.1.1, 2.2.1, 2.3.5) ---- */

static ALWAYS_INLINE unsigned read_byte(struct parts *x)
{
    return *x->code++;
}

/* Sign-extended. */
static ALWAYS_INLINE int64_t read_signed(struct parts *x, unsigned bytes)
{
    uint64_t v = load_le64(x->code);
    unsigned above = 64 - 8 * bytes;
    x->code += bytes;
    return (int64_t)(v << above) >> above;
}

static unsigned row_38(unsigned opcode)
{
    if (LIKELY(opcode < ARRAY_COUNT(x86_verify_38))) {
        return x86_verify_38[opcode];
    }
    return opcode == 0xb8 || opcode == 0xbc ? R_FUSED : opcode == 0x50 ? R_DOT : R_NONE;
}

static unsigned row_3a(unsigned opcode)
{
    return opcode < ARRAY_COUNT(x86_verify_3a) ? x86_verify_3a[opcode] : R_NONE;
}

/* Of two bytes, or of three, which must be needed; 128 bits. */
static ALWAYS_INLINE unsigned take_vex(struct parts *x, bool is_short)
{
    static const uint8_t prefixes[4] = {P_NO, P_66, P_F3, P_F2};
    unsigned first = is_short ? (*x->code & 0x80) | 0x61 : read_byte(x), second = read_byte(x);
    unsigned wide = is_short ? 0 : second >> 7, map = first & 31, byte = read_byte(x);
    x->special = prefixes[second & 3] | (~second >> 3 & 15) << THIRD_SHIFT | HAS_VEX;
    x->rex = (~first >> 5 & 7) | wide << 3;
    x->opcode = byte;
    if ((second & 4) != 0 || (!is_short && map == 1 && (x->rex & (REX_B | REX_X | REX_W)) == 0)) {
        return R_NONE;
    }
    switch (map) {
    case 1:
        return x86_verify_two_bytes[byte];
    case 2:
        return byte == 0xf7 ? R_SHIFT_BY : byte == 0xf2 ? R_ANDN : row_38(byte);
    case 3:
        return byte == 0xf0 ? R_RORX : row_3a(byte);
    default:
        return R_NONE;
    }
}

static ALWAYS_INLINE unsigned take_escaped(struct parts *x)
{
    unsigned byte = read_byte(x);
    if (UNLIKELY(byte == 0x38 || byte == 0x3a)) {
        x->opcode = read_byte(x);
        return byte == 0x38 ? row_38(x->opcode) : row_3a(x->opcode);
    }
    x->opcode = byte;
    return x86_verify_two_bytes[byte];
}

/* The legacy prefixes, in the one order that is accepted: that of the operand's size or of the
 * opcode, then LOCK. @return what the byte after them is. */
static ALWAYS_INLINE unsigned take_prefixes(struct parts *x, unsigned n)
{
    if (n == R_PREFIX) {
        x->special = x->opcode == 0x66 ? P_66 : x->opcode == 0xf2 ? P_F2 : P_F3;
        x->opcode = read_byte(x);
        n = x86_verify_one_byte[x->opcode];
    }
    if (n == R_LOCK) {
        x->special |= LOCKED;
        x->opcode = read_byte(x);
        n = x86_verify_one_byte[x->opcode];
    }
    return n;
}

/* @return the number of a row. */
static ALWAYS_INLINE unsigned take_opcode(struct parts *x)
{
    x->opcode = read_byte(x);
    unsigned n = x86_verify_one_byte[x->opcode];
    if (n < ROWS) {
        return n;
    }
    if (UNLIKELY(n > R_ESCAPE)) {
        if (n == R_VEX || n == R_VEX_SHORT) {
            return take_vex(x, n == R_VEX_SHORT);
        }
        n = take_prefixes(x, n);
    }
    if (n == R_REX) {
        x->rex = (x->opcode & 15) | REX_THERE;
        x->opcode = read_byte(x);
        n = x86_verify_one_byte[x->opcode];
    }
    return n < ROWS ? n : n == R_ESCAPE ? take_escaped(x) : R_NONE;
}

/* Whether a row may have a VEX prefix, and what that names if the row uses no third register. The
 * integer instructions among them, which must have it, check that themselves. */
static ALWAYS_INLINE bool fits_vex(const struct parts *x, const struct x86_opcode_row *r)
{
    bool integer = r->kind == THREE || r->kind == SHIFT_RIGHT || r->kind == ROTATE;
    return integer || ((r->shape & VEX) != 0 && ((r->shape & VEX_THIRD) != 0 || !has_third(x)));
}

/* The byte after the opcode, which may be a ModRM, has the digit. */
static ALWAYS_INLINE const struct x86_opcode_row *find_row(struct parts *x)
{
    const struct x86_opcode_row *r = &x86_verify_rows[take_opcode(x)];
    while ((r->prefixes & x->special) == 0 ||
           (r->digits != 0xff && (r->digits >> (*x->code >> 3 & 7) & 1) == 0)) {
        if ((r->shape & MORE) == 0) {
            return NULL;
        }
        r++;
    }
    return LIKELY(x->special < HAS_VEX) || fits_vex(x, r) ? r : NULL;
}

/* ---- ModRM (2.1.3, 2.1.5) ---- */

/* @return false: a shorter way says it, too. */
static ALWAYS_INLINE bool take_sib(struct parts *x, struct verify_insn *i, unsigned mod,
                                   unsigned *base)
{
    unsigned sib = read_byte(x), index = (sib >> 3 & 7) | (x->rex & REX_X) << 2;
    x->allowed |= REX_X;
    *base = sib & 7;
    i->scale = (uint8_t)(sib >> 6);
    if (index == RSP) {
        return sib == (RSP << 3 | RSP);
    }
    i->index = (uint8_t)index;
    return sib >= 64 || mod != 0 || *base != RBP;
}

static ALWAYS_INLINE bool take_memory(struct parts *x, const struct x86_opcode_row *r,
                                      struct verify_insn *i, unsigned mod, unsigned rm)
{
    unsigned base = rm;
    bool fine = base != RSP || take_sib(x, i, mod, &base);
    i->bytes = r->bytes != 0 ? r->bytes : i->size;
    i->op = r->mem_op;
    i->flags = r->flags | VERIFY_MEM;
    i->base = (uint8_t)(base | (x->rex & REX_B) << 3);
    if (mod == 0 && base == RBP) {
        x->allowed &= ~(unsigned)REX_B;
        i->base = rm == RSP ? VERIFY_NONE : VERIFY_CODE;
        mod = 2;
    }
    if (mod == 1) {
        i->disp = (int8_t)read_byte(x);
    } else if (mod == 2) {
        i->disp = (int32_t)load_le32(x->code);
        x->code += 4;
    }
    return fine && (r->shape & NO_MEM) == 0;
}

/* Without a REX prefix these are the upper bytes of 0 to 3. */
static bool is_upper(unsigned reg)
{
    return reg >= 4 && reg <= 7;
}

/* Whether an instruction on a byte has a REX prefix without a bit in it if, and only if, it is
 * another one without. A digit is no register. */
static ALWAYS_INLINE bool has_due_rex(const struct parts *x, const struct x86_opcode_row *r)
{
    bool needs_rex = (x->modrm >= 0xc0 && is_upper(x->modrm & 7)) ||
                     ((r->shape & BYTE) != 0 && (r->rex & REX_R) != 0 && is_upper(reg_of(x)));
    return (x->rex != 0) == needs_rex;
}

/* A prefix is there if, and only if, the instruction is another one without. */
static ALWAYS_INLINE bool is_canonical(const struct parts *x, const struct x86_opcode_row *r)
{
    if ((x->rex & 15) != 0) {
        return (x->rex & 15 & ~x->allowed) == 0;
    }
    return LIKELY((r->shape & (BYTE | RM_BYTE)) == 0) ? x->rex == 0 : has_due_rex(x, r);
}

static ALWAYS_INLINE bool take_modrm(struct parts *x, const struct x86_opcode_row *r,
                                     struct verify_insn *i)
{
    x->modrm = read_byte(x);
    bool is_reg = x->modrm >= 0xc0;
    if ((r->shape & INTO_REG) != 0) {
        i->d = (r->shape & D_REG) != 0 ? (uint8_t)reg_of(x) : VERIFY_NONE;
        i->a = (r->shape & A_REG) != 0 ? (uint8_t)reg_of(x) : VERIFY_NONE;
        i->b = (r->shape & B_RM) != 0 && is_reg ? (uint8_t)rm_of(x) : VERIFY_NONE;
    }
    return is_reg ? (r->shape & ONLY_MEM) == 0 : take_memory(x, r, i, x->modrm >> 6, x->modrm & 7);
}

/* ---- What it does: arithmetic ---- */

static bool is_mem(const struct verify_insn *i)
{
    return (i->flags & VERIFY_MEM) != 0;
}

/* A register, if it is one. */
static uint8_t rm_unless_mem(const struct parts *x, const struct verify_insn *i)
{
    return is_mem(i) ? VERIFY_NONE : (uint8_t)rm_of(x);
}

static bool drops_result(unsigned op)
{
    return op == VERIFY_COMPARE || op == VERIFY_TEST;
}

/* Of a register on the left; "b" is there already. */
static ALWAYS_INLINE void left_is_register(struct verify_insn *i, unsigned op, unsigned left)
{
    i->op = (uint8_t)op;
    i->a = (uint8_t)left;
    if (!drops_result(op)) {
        i->d = (uint8_t)left;
        i->flags |= VERIFY_FLAGS;
    }
}

/* With rm on the left and a register, or an immediate or nothing, on the right. */
static ALWAYS_INLINE void left_is_rm(const struct parts *x, struct verify_insn *i, unsigned op,
                                     unsigned right)
{
    if (!is_mem(i)) {
        i->b = (uint8_t)right;
        left_is_register(i, op, rm_of(x));
    } else if (drops_result(op)) {
        i->op = (uint8_t)op;
        i->c = (uint8_t)right;
    } else {
        i->op = VERIFY_UPDATE;
        i->b = (uint8_t)right;
        i->flags |= VERIFY_FLAGS;
    }
}

/* add, or, adc, sbb, and, sub, xor, cmp. xor of a register and itself is 0. */
static ALWAYS_INLINE void arithmetic(const struct parts *x, const struct x86_opcode_row *r,
                                     struct verify_insn *i)
{
    static const uint8_t ops[8] = {VERIFY_ADD, VERIFY_OR,  VERIFY_NUMBER, VERIFY_NUMBER,
                                   VERIFY_AND, VERIFY_SUB, VERIFY_OR,     VERIFY_COMPARE};
    unsigned n = r->kind == ARITHMETIC_IMM ? reg_of(x) : x->opcode >> 3 & 7;
    if (r->kind == ARITHMETIC_REG) {
        left_is_register(i, ops[n], reg_of(x));
    } else {
        left_is_rm(x, i, ops[n], r->kind == ARITHMETIC ? reg_of(x) : VERIFY_NONE);
    }
    if (n == 2 || n == 3) {
        i->flags |= VERIFY_FLAGS_IN;
    }
    if (n == 6 && i->a == i->b && i->a != VERIFY_NONE && i->size >= 4) {
        i->op = VERIFY_CONST;
        i->a = i->b = VERIFY_NONE;
        i->flags |= VERIFY_IMM;
    }
}

/* Some flags, or all, may be what they were before. */
static ALWAYS_INLINE void keep_flags(struct verify_insn *i)
{
    i->flags &= (uint8_t)~VERIFY_FLAGS;
}

/* rol, ror, shl, shr, sar: by an immediate, by 1, by cl. */
static ALWAYS_INLINE void shift(const struct parts *x, struct verify_insn *i)
{
    bool by_cl = x->opcode == COUNT_IN_RCX, has_imm = !by_cl && (reg_of(x) & 6) == 4 && !is_mem(i);
    int64_t bits = x->opcode == COUNT_IS_1 ? 1 : i->imm & (i->size == 8 ? 63 : 31);
    unsigned op = has_imm                   ? VERIFY_SHL + (reg_of(x) & 1)
                  : by_cl && reg_of(x) == 5 ? VERIFY_DIV
                                            : VERIFY_NUMBER;
    i->imm = has_imm ? bits : 0;
    i->flags |= has_imm ? VERIFY_IMM : 0;
    left_is_rm(x, i, op, by_cl ? RCX : VERIFY_NONE);
    keep_flags(i); /* by 0, and rotation keeps most */
}

/* shrx: the operand on the right is what is shifted. */
static ALWAYS_INLINE void shift_right(const struct parts *x, struct verify_insn *i)
{
    uint8_t third = third_of(x);
    i->a = is_mem(i) ? third : i->b;
    i->b = is_mem(i) ? VERIFY_NONE : third;
}

/* imul of rm and an immediate. */
static ALWAYS_INLINE void multiply(const struct parts *x, struct verify_insn *i)
{
    if (is_mem(i)) {
        i->imm = 0;
    } else {
        i->a = (uint8_t)rm_of(x);
        i->flags |= VERIFY_IMM;
    }
}

/* mul, imul, div, idiv. */
static ALWAYS_INLINE void wide(const struct parts *x, struct verify_insn *i)
{
    i->op = reg_of(x) < 6 ? VERIFY_MUL_WIDE : VERIFY_DIVIDE;
    i->d = i->a = RAX;
    i->c = RDX;
}

/* ---- Moves ---- */

/* A move of 1 or 2 bytes between registers keeps the other bytes of its target. The compiler emits
 * none, so it is refused. */
static ALWAYS_INLINE bool move_back(const struct parts *x, struct verify_insn *i)
{
    if (is_mem(i)) {
        i->a = (uint8_t)reg_of(x);
        return true;
    }
    i->d = (uint8_t)rm_of(x);
    i->b = (uint8_t)reg_of(x);
    i->bytes = i->size;
    return i->size >= 4;
}

static ALWAYS_INLINE bool move_immediate(const struct parts *x, struct verify_insn *i)
{
    i->d = rm_unless_mem(x, i);
    return is_mem(i) || i->size >= 4;
}

/* Relative to the instruction it is an address in the code. */
static ALWAYS_INLINE bool load_address(struct verify_insn *i)
{
    i->bytes = i->flags = 0;
    if (i->base != VERIFY_CODE) {
        return true;
    }
    i->op = VERIFY_ADDRESS;
    i->imm = i->disp;
    i->disp = 0;
    i->base = VERIFY_NONE;
    return i->size == 8;
}

/* ---- Atomic operations ---- */

/* cmpxchg reads rax and may leave it as it was, its upper half included. */
static void compare_exchange(struct verify_insn *i)
{
    i->d = i->c = RAX;
    i->size = 8;
}

/* xchg of memory is always locked. Of the others only these are written with a LOCK prefix;
 * operate() refuses xadd and cmpxchg without. With the prefix an instruction that does not write
 * memory is undefined. */
static bool may_lock(const struct x86_opcode_row *r, struct verify_insn *i)
{
    bool needs = r->kind == EXCHANGE_ADD || r->kind == COMPARE_EXCHANGE;
    bool adds = (r->kind == ARITHMETIC || r->kind == ARITHMETIC_IMM) && i->op == VERIFY_UPDATE &&
                (i->flags & VERIFY_FLAGS_IN) == 0;
    if (adds) {
        i->op = VERIFY_EXCHANGE;
    }
    return needs || adds;
}

/* ---- Control ---- */

static ALWAYS_INLINE void frame_pointer(const struct parts *x, struct verify_insn *i)
{
    *(x->opcode == POP_RBP ? &i->d : &i->a) = RBP;
    i->bytes = 8;
    i->imm = 8;
}

/* A call, of a register or memory; a jump, of a register. */
static ALWAYS_INLINE bool indirect(const struct parts *x, struct verify_insn *i)
{
    bool calls = reg_of(x) == 2;
    i->op = calls ? VERIFY_CALL_TO : VERIFY_JUMP_TABLE;
    if (!is_mem(i)) {
        *(calls ? &i->b : &i->a) = (uint8_t)rm_of(x);
    }
    return calls || !is_mem(i);
}

/* A NOP that names memory, but does not access it: only [rax] and [rax + rax] are allowed. */
static ALWAYS_INLINE bool padding(struct verify_insn *i)
{
    bool plain =
        i->base == 0 && i->disp == 0 && i->scale == 0 && (i->index == 0 || i->index == VERIFY_NONE);
    i->base = i->index = VERIFY_NONE;
    i->bytes = i->flags = 0;
    return plain;
}

/* ---- Vector registers ---- */

/* Without an access to memory a vector instruction changes nothing that the verifier tracks. */
static ALWAYS_INLINE void vector(struct verify_insn *i)
{
    if (is_mem(i)) {
        i->flags |= VERIFY_VECTOR;
        i->size = i->bytes;
    }
}

/* movups [base + r11 - 16], xmm15; sub r11, 16; jnz to the first: it clears slots of a large frame,
 * and is one instruction here. @param rest  What follows the first one. @return bytes of it. */
static unsigned clear_loop(struct verify_insn *i, unsigned reg, const uint8_t *rest)
{
    static const uint8_t loop[] = {0xf0, 0x49, 0x83, 0xeb, 0x10, 0x75, 0xf4};
    if (reg != 15 || i->index != R11 || i->scale != 0 || i->disp != -16 || i->base >= VERIFY_ZERO ||
        memcmp(rest - 1, loop, sizeof loop) != 0) {
        return 0;
    }
    i->op = VERIFY_CLEAR_LOOP;
    i->size = 8;
    i->index = VERIFY_NONE;
    i->disp = 0;
    i->a = R11;
    i->imm = 16;
    i->flags = VERIFY_FLAGS;
    return sizeof loop - 1;
}

/* ---- The whole ---- */

/* What the shape of the row does not say. The parts come one by one, because a struct in memory
 * would be put together for each call. */
static NOINLINE bool operate(unsigned opcode, unsigned modrm, unsigned rex, unsigned special,
                             const struct x86_opcode_row *r, struct verify_insn *i)
{
    static const uint8_t conditions[16] = {
        VERIFY_OTHER, VERIFY_OTHER,     VERIFY_BELOW,     VERIFY_NOT_BELOW,
        VERIFY_EQUAL, VERIFY_NOT_EQUAL, VERIFY_NOT_ABOVE, VERIFY_ABOVE,
        VERIFY_OTHER, VERIFY_OTHER,     VERIFY_OTHER,     VERIFY_OTHER,
        VERIFY_OTHER, VERIFY_OTHER,     VERIFY_OTHER,     VERIFY_OTHER}; /* appendix B.1.4.7 */
    const struct parts parts = {.special = special, .rex = rex, .opcode = opcode, .modrm = modrm};
    const struct parts *x = &parts;
    switch ((enum x86_row_kind)r->kind) {
    case SET:
        i->size = 1;
        i->d = (uint8_t)rm_of(x);
        i->cond = conditions[x->opcode & 15];
        return true;
    case CONDITION:
        i->cond = conditions[x->opcode & 15];
        return true;
    case MOVE_SIGNED:
        i->bytes = r->bytes;
        return i->size == 8;
    case MOVE_BACK:
        return move_back(x, i);
    case MOVE_IMM:
        return move_immediate(x, i);
    case ADDRESS:
        return load_address(i);
    case ARITHMETIC:
    case ARITHMETIC_REG:
    case ARITHMETIC_IMM:
    case ARITHMETIC_RAX:
        arithmetic(x, r, i);
        return true;
    case TEST:
        left_is_rm(x, i, VERIFY_TEST, (r->flags & VERIFY_IMM) != 0 ? VERIFY_NONE : reg_of(x));
        return true;
    case BIT: /* in memory a bit beyond the operand is one of the operand: it is an immediate */
        i->imm = 0;
        left_is_rm(x, i, VERIFY_NUMBER, VERIFY_NONE);
        keep_flags(i);
        return true;
    case UNARY:
        left_is_rm(x, i, VERIFY_NUMBER, VERIFY_NONE);
        if (reg_of(x) == NOT) {
            keep_flags(i);
        }
        return true;
    case SHIFT:
        shift(x, i);
        return true;
    case THREE:
        i->a = third_of(x);
        return true;
    case SHIFT_RIGHT:
        shift_right(x, i);
        return true;
    case ROTATE:
        i->imm = 0;
        return (x->special & HAS_VEX) != 0 && !has_third(x);
    case SCAN: /* of 0 the register stays as it was, its upper half included */
        i->size = 8;
        return true;
    case MULTIPLY:
        multiply(x, i);
        return true;
    case WIDE:
        wide(x, i);
        return true;
    case SIGN:
        i->d = RDX;
        i->a = RAX;
        return true;
    case FRAME_POINTER:
        frame_pointer(x, i);
        return true;
    case INDIRECT:
        return indirect(x, i);
    case EXCHANGE:
        return true;
    case EXCHANGE_ADD:
        return (x->special & LOCKED) != 0;
    case COMPARE_EXCHANGE:
        compare_exchange(i);
        return (x->special & LOCKED) != 0;
    case FENCE:
        return rm_of(x) == 0;
    case PAD: /* endbr64 */
        return rm_of(x) == 2;
    case PADDING:
        return padding(i);
    case VECTOR_ALIGNED: /* only a constant is known to be aligned, or the instruction faults */
        i->imm = 0;
        vector(i);
        return !is_mem(i) || (x->special & HAS_VEX) != 0 ||
               (i->base == VERIFY_CODE && i->disp % 16 == 0);
    case VECTOR_FUSED:
        vector(i);
        return (x->special & HAS_VEX) != 0;
    case VECTOR_INSERT:
        i->imm = 0;
        i->a = rm_unless_mem(x, i);
        vector(i);
        return true;
    case VECTOR_EXTRACT:
        i->imm = 0;
        i->d = rm_unless_mem(x, i);
        vector(i);
        return true;
    case VECTOR_ROUND: {
        bool known = i->imm < 16;
        i->imm = 0;
        vector(i);
        return known;
    }
    case FROM_INTEGER: /* cvtsi2ss, cvtsi2sd, movd, movq */
        i->a = rm_unless_mem(x, i);
        vector(i);
        return true;
    case TO_INTEGER: /* movd, movq */
        i->d = rm_unless_mem(x, i);
        vector(i);
        return true;
    default:
        i->imm = 0;
        vector(i);
        return true;
    }
}

/* @param start  Of the instruction. */
static ALWAYS_INLINE void take_immediate(struct parts *x, unsigned shape, struct verify_insn *i,
                                         const uint8_t *start)
{
    if ((shape & (NEAR | SHORT)) != 0) {
        int64_t distance = (shape & NEAR) != 0 ? (int32_t)load_le32(x->code) : (int8_t)*x->code;
        x->code += (shape & NEAR) != 0 ? 4 : 1;
        i->imm = (int64_t)i->at + (x->code - start) + distance;
        return;
    }
    unsigned size = i->size;
    unsigned bytes = (shape & IMM_WHOLE) != 0 ? size : (shape & IMM) != 0 ? MIN(size, 4u) : 1;
    size = (shape & IMM_BYTE) != 0 ? 1 : size;
    i->imm = (int64_t)((uint64_t)read_signed(x, bytes) & UINT64_MAX >> (64 - 8 * size));
}

/* Where in the function a displacement from the end of the instruction leads. */
static bool place_in_code(struct verify_insn *i, ptrdiff_t length)
{
    int64_t place = (int64_t)i->at + length + i->disp;
    i->disp = (int32_t)place;
    return place >= 0 && place <= INT32_MAX;
}

/* An address in the code itself is not written to, and is not the source of a call's target. */
static bool is_harmless(const struct verify_insn *i)
{
    return i->op != VERIFY_STORE && i->op != VERIFY_UPDATE && i->op != VERIFY_EXCHANGE &&
           i->op != VERIFY_CALL_TO;
}

static ALWAYS_INLINE unsigned size_of(struct parts *x, unsigned shape)
{
    if (UNLIKELY((x->special & P_66) != 0) && (shape & WORD) != 0) {
        x->allowed &= ~(unsigned)REX_W;
        return 2;
    }
    unsigned wide = shape & (LONG | WORD);
    return wide != 0 ? 4 + (x->rex & REX_W) / 2 : (shape & BYTE) != 0 ? 1 : 8;
}

/* @param code  WINDOW bytes. @return how many it has; 0: no program may have it. */
static ALWAYS_INLINE unsigned decode_one(const uint8_t *code, uint32_t at, struct verify_insn *i)
{
    struct parts x = {.code = code, .special = P_NO};
    const struct x86_opcode_row *r = find_row(&x);
    if (r == NULL) {
        return 0;
    }
    unsigned shape = r->shape;
    x.allowed = r->rex;
    *i = (struct verify_insn){.at = at,
                              .op = r->op,
                              .flags = r->flags,
                              .size = (uint8_t)size_of(&x, shape),
                              .d = VERIFY_NONE,
                              .a = VERIFY_NONE,
                              .b = VERIFY_NONE,
                              .c = VERIFY_NONE,
                              .base = VERIFY_NONE,
                              .index = VERIFY_NONE,
                              .cond = VERIFY_OTHER};
    x.modrm = 0xc0 | ((shape & IN_OPCODE) != 0 ? x.opcode & 7 : 0);
    if (((shape & MODRM) != 0 && !take_modrm(&x, r, i)) || !is_canonical(&x, r)) {
        return 0;
    }
    if ((shape & IMMEDIATES) != 0) {
        take_immediate(&x, shape, i, code);
    }
    if (UNLIKELY(i->base == VERIFY_CODE) && !place_in_code(i, x.code - code)) {
        return 0;
    }
    if (r->kind == MOVE) {
        i->bytes = r->bytes != 0 ? r->bytes : i->size;
    } else if (r->kind > MOVE) {
        if (!operate(x.opcode, x.modrm, x.rex, x.special, r, i)) {
            return 0;
        }
        if (UNLIKELY(r->kind == VECTOR_STORE)) {
            x.code += clear_loop(i, reg_of(&x), x.code);
        }
    }
    if ((UNLIKELY(i->base == VERIFY_CODE) && !is_harmless(i)) ||
        (UNLIKELY((x.special & LOCKED) != 0) && !may_lock(r, i))) {
        return 0;
    }
    i->length = (uint8_t)(x.code - code);
    return i->length;
}

uint32_t x86_verify_decode(const uint8_t *code, uint32_t left, uint32_t at, struct verify_insn *out,
                           uint32_t most)
{
    uint8_t window[WINDOW];
    const struct verify_insn *first = out, *full = out + most;
    while (out < full) {
        const uint8_t *from = code;
        if (UNLIKELY(left < WINDOW)) { /* zeros, which are not counted as bytes that there are */
            memset(window, 0, sizeof window);
            from = memcpy(window, code, left);
        }
        unsigned length = decode_one(from, at, out);
        if (length == 0 || length > left) {
            break;
        }
        code += length;
        at += length;
        left -= length;
        if (out++->op >= VERIFY_JUMP) {
            break;
        }
    }
    return (uint32_t)(out - first);
}
