// SPDX-License-Identifier: MIT
//
// Operations that need several instructions, without control flow of the function itself.
#include "arch/aarch64/jit/emit_internal.h"

#include "kernel/lib/compiler.h"

/* ---- Float to integer, trapping ---- */

struct to_int {
    unsigned def, use;
    bool from_double, to_wide, is_signed;
};

static struct to_int to_int_of(const struct a64_emitter *e, const struct vinstr *i)
{
    return (struct to_int){
        a64_reg(e, i, 0), a64_reg(e, i, 1), (i->small & A64_TO_INT_FROM_DOUBLE) != 0,
        (i->small & A64_TO_INT_TO_WIDE) != 0, (i->small & A64_TO_INT_SIGNED) != 0};
}

static void put_convert(struct a64_asm *a, const struct to_int *t, bool is_signed)
{
    a64_put(a, &(struct a64_insn){.form = is_signed ? A64_FCVTZS : A64_FCVTZU,
                                  .wide = true,
                                  .is_double = t->from_double,
                                  .regs = {(uint8_t)t->def, (uint8_t)t->use}});
}

/* If `cond` holds, compare the number with itself: V is then set if it is a NaN. If not, V is set
 * as well. */
static void put_compare_self_if(struct a64_asm *a, const struct to_int *t, unsigned cond)
{
    a64_put(a, &(struct a64_insn){.form = A64_FCCMP,
                                  .is_double = t->from_double,
                                  .option = (uint8_t)cond,
                                  .amount = 1,
                                  .regs = {(uint8_t)t->use, (uint8_t)t->use}});
}

static void branch_if(struct a64_asm *a, unsigned cond, uint32_t label)
{
    a64_branch(a, (struct a64_insn){.form = A64_B_COND, .option = (uint8_t)cond}, label);
}

/* Convert to 64 bits; a value outside 32 bits stays outside. It is right if the low half extends to
 * the result. */
static void to_narrow(struct a64_emitter *e, const struct to_int *t, uint32_t cold)
{
    struct a64_asm *a = &e->a;
    put_convert(a, t, true);
    a64_put(a, &(struct a64_insn){.form = A64_SUBS_EXT,
                                  .wide = true,
                                  .option = t->is_signed ? A64_SXTW : A64_UXTW,
                                  .regs = {A64_ZR, (uint8_t)t->def, (uint8_t)t->def}});
    put_compare_self_if(a, t, A64_EQ);
    branch_if(a, A64_VS, cold);
    /* every reader expects the upper half of an i32 to be zero */
    a64_move(a, false, t->def, t->def);
}

/* The smallest and the largest integer may be the result of saturation: then subtracting or adding
 * 1 overflows. */
static void to_wide_signed(struct a64_emitter *e, const struct to_int *t, uint32_t cold)
{
    struct a64_asm *a = &e->a;
    put_convert(a, t, true);
    a64_rri(a, A64_SUBS_IMM, true, A64_ZR, t->def, 1);
    a64_put(a, &(struct a64_insn){.form = A64_CCMN_IMM,
                                  .wide = true,
                                  .option = A64_VC,
                                  .amount = 1,
                                  .regs = {(uint8_t)t->def},
                                  .imm = 1});
    put_compare_self_if(a, t, A64_VC);
    branch_if(a, A64_VS, cold);
}

/* 0 and the largest integer may be the result of saturation, 0 also of a NaN. */
static void to_wide_unsigned(struct a64_emitter *e, const struct to_int *t, uint32_t cold)
{
    struct a64_asm *a = &e->a;
    put_convert(a, t, false);
    a64_rri(a, A64_ADD_IMM, true, A64_X17, t->def, 1);
    a64_rri(a, A64_SUBS_IMM, true, A64_ZR, A64_X17, 1);
    branch_if(a, A64_LS, cold);
}

void a64_emit_to_int(struct a64_emitter *e, const struct vinstr *i)
{
    struct to_int t = to_int_of(e, i);
    uint32_t at = e->cold_count;
    struct a64_cold *c = a64_cold(e, i, A64_COLD_TO_INT);
    if (c == NULL) {
        return;
    }
    uint32_t label = c->label;
    e->cold[at].back = a64_label(&e->a);
    if (!t.to_wide) {
        to_narrow(e, &t, label);
    } else if (t.is_signed) {
        to_wide_signed(e, &t, label);
    } else {
        to_wide_unsigned(e, &t, label);
    }
    a64_bind(&e->a, e->cold[at].back);
}

static void put_trap(struct a64_asm *a, enum ir_trap trap)
{
    a64_row(a, JIT_ROW_TRAP, trap);
    a64_put(a, &(struct a64_insn){.form = A64_BRK, .imm = trap});
}

static void compare_with(struct a64_emitter *e, const struct to_int *t, uint64_t as_double,
                         uint64_t as_single)
{
    a64_float_constant(&e->a, A64_V31, t->from_double ? as_double : as_single, t->from_double);
    a64_rrr(&e->a, A64_FCMP, t->from_double, t->use, A64_V31, 0);
}

/* The value is in range after all, or a NaN, or too large. */
void a64_emit_to_int_cold(struct a64_emitter *e, const struct a64_cold *c)
{
    struct a64_asm *a = &e->a;
    struct to_int t = to_int_of(e, &e->v->instrs[c->instr]);
    uint32_t is_number = a64_label(a), too_large = a64_label(a);
    a64_rrr(a, A64_FCMP, t.from_double, t.use, t.use, 0);
    branch_if(a, A64_VC, is_number);
    put_trap(a, IR_TRAP_CONVERSION);
    a64_bind(a, is_number);
    if (t.to_wide && t.is_signed) { /* -2^63 itself is valid */
        compare_with(e, &t, 0xc3e0000000000000, 0xdf000000);
        branch_if(a, A64_EQ, c->back);
    } else if (t.to_wide) { /* everything above -1 that became 0 is valid */
        compare_with(e, &t, 0xbff0000000000000, 0xbf800000);
        branch_if(a, A64_LE, too_large);
        a64_branch(a, (struct a64_insn){.form = A64_CBZ, .wide = true, .regs = {(uint8_t)t.def}},
                   c->back);
    }
    a64_bind(a, too_large);
    put_trap(a, IR_TRAP_OVERFLOW);
}

/* ---- Blocks of bytes ---- */

#define UNROLLED_BYTES 256u

struct block_of_bytes {
    unsigned to, from;
    bool copies;
};

/* Move `bytes` bytes: 1, 2, 4, 8 or 16. */
static void move_piece(struct a64_asm *a, const struct block_of_bytes *b, unsigned bytes,
                       int64_t at)
{
    static const uint16_t loads[] = {A64_LDRB, A64_LDRH, A64_LDR_S, A64_LDR_D, A64_LDR_Q};
    static const uint16_t stores[] = {A64_STRB, A64_STRH, A64_STR_S, A64_STR_D, A64_STR_Q};
    unsigned log2 = (unsigned)__builtin_ctz(bytes);
    unsigned reg = log2 >= 2 ? A64_V31 : b->copies ? A64_X16 : A64_ZR;
    if (b->copies) {
        a64_access(a, loads[log2], reg, b->from, at, -1);
    }
    a64_access(a, stores[log2], reg, b->to, at, -1);
}

static void move_index(struct a64_asm *a, unsigned form, unsigned base)
{
    a64_put(a, &(struct a64_insn){.form = (uint16_t)form,
                                  .option = A64_UXTX,
                                  .regs = {A64_V31, (uint8_t)base, A64_X17}});
}

/* Move `bytes` bytes, a multiple of 16, from the end down. */
static void move_in_loop(struct a64_asm *a, const struct block_of_bytes *b, uint64_t bytes)
{
    a64_constant(a, A64_X17, bytes);
    uint32_t again = a64_label(a);
    a64_bind(a, again);
    a64_rri(a, A64_SUB_IMM, true, A64_X17, A64_X17, 16);
    if (b->copies) {
        move_index(a, A64_LDR_Q_INDEX, b->from);
    }
    move_index(a, A64_STR_Q_INDEX, b->to);
    a64_branch(a, (struct a64_insn){.form = A64_CBNZ, .wide = true, .regs = {A64_X17}}, again);
}

static void move_small(struct a64_asm *a, const struct block_of_bytes *b, uint64_t bytes)
{
    int64_t at = 0;
    for (unsigned piece = 8; piece > 0; piece /= 2) {
        if ((bytes & piece) != 0) {
            move_piece(a, b, piece, at);
            at += piece;
        }
    }
}

void a64_emit_bytes(struct a64_emitter *e, const struct vinstr *i)
{
    bool copies = i->op == A64_OP_COPY_BYTES;
    struct block_of_bytes b = {a64_reg(e, i, 0), copies ? a64_reg(e, i, 1) : 0, copies};
    uint64_t bytes = i->imm, whole = bytes & ~UINT64_C(15);
    if (!copies && bytes >= 4) {
        a64_rr(&e->a, A64_MOVI_ZERO, false, A64_V31, 0);
    }
    if (bytes < 16) {
        move_small(&e->a, &b, bytes);
        return;
    }
    if (bytes != whole) { /* the last bytes, overlapping with the loop's */
        move_piece(&e->a, &b, 16, (int64_t)bytes - 16);
    }
    if (bytes > UNROLLED_BYTES) {
        move_in_loop(&e->a, &b, whole);
        return;
    }
    for (uint64_t at = 0; at < whole; at += 16) {
        move_piece(&e->a, &b, 16, (int64_t)at);
    }
}

/* ---- The others ---- */

static void emit_popcnt(struct a64_emitter *e, const struct vinstr *i)
{
    bool wide = (i->small & A64_SMALL_WIDE) != 0;
    a64_rr(&e->a, wide ? A64_FMOV_D_X : A64_FMOV_S_W, false, A64_V31, a64_reg(e, i, 1));
    a64_rr(&e->a, A64_CNT_8B, false, A64_V31, A64_V31);
    a64_rr(&e->a, A64_ADDV_8B, false, A64_V31, A64_V31);
    a64_rr(&e->a, A64_FMOV_W_S, false, a64_reg(e, i, 0), A64_V31);
}

static void emit_copysign(struct a64_emitter *e, const struct vinstr *i)
{
    if ((i->small & A64_SMALL_DOUBLE) != 0) {
        a64_rr(&e->a, A64_MOVI_ZERO, false, A64_V31, 0);
        a64_rr(&e->a, A64_VFNEG, true, A64_V31, A64_V31);
    } else {
        a64_rr(&e->a, A64_MOVI_SIGN_2S, false, A64_V31, 0);
    }
    a64_rrr(&e->a, A64_BIT_8B, false, a64_reg(e, i, 0), a64_reg(e, i, 2), A64_V31);
}

static void emit_tbl2(struct a64_emitter *e, const struct vinstr *i)
{
    unsigned second = a64_reg(e, i, 2);
    a64_rrr(&e->a, A64_MOV_16B, false, A64_V31, second, second);
    a64_rr(&e->a, A64_TBL2_16B, false, a64_reg(e, i, 0), a64_reg(e, i, 3));
}

static void emit_fmove(struct a64_emitter *e, const struct vinstr *i, unsigned def)
{
    unsigned use = a64_reg(e, i, 1);
    if ((i->small & A64_SMALL_WIDE) != 0) {
        a64_rrr(&e->a, A64_MOV_16B, false, def, use, use);
    } else {
        a64_rr(&e->a, A64_FMOV, (i->small & A64_SMALL_DOUBLE) != 0, def, use);
    }
}

void a64_emit_op(struct a64_emitter *e, const struct vinstr *i, int override)
{
    unsigned def =
        override >= 0 ? (unsigned) override : (i->operand_count > 0 ? a64_reg(e, i, 0) : 0);
    switch ((enum a64_op)i->op) {
    case A64_OP_CONST:
        a64_constant_or_literal(&e->a, def, i->imm);
        break;
    case A64_OP_FCONST:
        a64_float_constant(&e->a, def, i->imm, (i->small & A64_SMALL_DOUBLE) != 0);
        break;
    case A64_OP_VCONST:
        a64_vector_constant(&e->a, def, i->imm, e->v->extra[i->extra]);
        break;
    case A64_OP_TBL2:
        emit_tbl2(e, i);
        break;
    case A64_OP_ADDRESS:
        a64_add(&e->a, def, A64_SP, (int64_t)(i->imm + a64_area_offset(e, i->extra)));
        break;
    case A64_OP_TABLE:
        a64_add(&e->a, def, A64_BASE, (int64_t)i->imm);
        break;
    case A64_OP_CONTEXT:
        a64_move(&e->a, true, def, A64_CONTEXT);
        break;
    case A64_OP_MOVE:
        a64_move(&e->a, (i->small & A64_SMALL_WIDE) != 0, def, a64_reg(e, i, 1));
        break;
    case A64_OP_FMOVE:
        emit_fmove(e, i, def);
        break;
    case A64_OP_TO_INT:
        a64_emit_to_int(e, i);
        break;
    case A64_OP_POPCNT:
        emit_popcnt(e, i);
        break;
    case A64_OP_COPYSIGN:
        emit_copysign(e, i);
        break;
    case A64_OP_ATOMIC:
        a64_emit_atomic(e, i);
        break;
    case A64_OP_COPY_BYTES:
    case A64_OP_ZERO_BYTES:
        a64_emit_bytes(e, i);
        break;
    default: /* A64_OP_ENTRY: nothing to do, parameters are in their places */
        break;
    }
}
