// SPDX-License-Identifier: MIT
//
// Bit operations on integers: logical operations, shifts, counts, extensions.
#include "arch/aarch64/jit/select_internal.h"

/* ---- Two operands ---- */

struct logical {
    uint16_t op, imm, reg, inverted;
};

static const struct logical logicals[] = {
    {IR_AND, A64_AND_IMM, A64_AND_REG, A64_BIC_REG},
    {IR_OR, A64_ORR_IMM, A64_ORR_REG, A64_ORN_REG},
    {IR_XOR, A64_EOR_IMM, A64_EOR_REG, A64_EON_REG},
};

static uint64_t all_ones(unsigned type)
{
    return a64_bits_of(type) == 32 ? UINT32_MAX : UINT64_MAX;
}

/* The operand of which this value is the complement. */
static bool complement(struct selector *s, uint32_t value, uint32_t *of)
{
    const struct ir_instr *i = select_instr(s, value);
    uint64_t c;
    if (i->op != IR_XOR || !select_is_single(s, value) || !select_const(s, i->b, &c) ||
        c != all_ones(i->type)) {
        return false;
    }
    *of = i->a;
    return true;
}

static bool emit_inverted(struct selector *s, unsigned form, unsigned type, uint32_t a, uint32_t b)
{
    uint32_t of;
    if (!complement(s, b, &of)) {
        return false;
    }
    a64_emit2(s, form, a64_wide(type), select_result(s), a64_low(s, a), a64_low(s, of));
    return true;
}

/* The low bits of a value shifted right: one instruction extracts them. */
static bool emit_field(struct selector *s, const struct ir_instr *i, uint32_t value, uint64_t mask)
{
    const struct ir_instr *shift = select_instr(s, value);
    uint64_t count;
    if (i->op != IR_AND || (mask & (mask + 1)) != 0 || mask == 0 || shift->op != IR_SHR_U ||
        !select_is_single(s, value) || !select_const(s, shift->b, &count)) {
        return false;
    }
    unsigned bits = a64_bits_of(i->type), width = (unsigned)__builtin_popcountll(mask);
    count %= bits;
    unsigned last = (unsigned)count + width - 1 < bits ? (unsigned)count + width - 1 : bits - 1;
    a64_emit_imm(s, A64_UBFM, a64_wide(i->type) | A64_SMALL_AMOUNT(last), select_result(s),
                 a64_low(s, shift->a), count);
    return true;
}

static bool emit_logical_const(struct selector *s, const struct logical *l,
                               const struct ir_instr *i, uint32_t value, uint64_t c)
{
    uint32_t fields;
    if (emit_field(s, i, value, c)) {
        return true;
    }
    if (i->op == IR_XOR && c == all_ones(i->type)) {
        struct a64_new n = a64_new(s, A64_ORN_REG, a64_wide(i->type));
        n.i.extra = A64_EXTRA(1, A64_IN(A64_ZR));
        a64_def(&n, select_result(s));
        a64_use(&n, a64_low(s, value));
        a64_done(&n);
        return true;
    }
    if (!a64_mask(c, a64_bits_of(i->type) == 64, &fields)) {
        return false;
    }
    a64_emit_imm(s, l->imm, a64_wide(i->type), select_result(s), a64_low(s, value), c);
    return true;
}

static void select_logical(struct selector *s, const struct ir_instr *i)
{
    const struct logical *l = &logicals[i->op - IR_AND];
    uint64_t c;
    if ((select_const(s, i->b, &c) && emit_logical_const(s, l, i, i->a, c)) ||
        (select_const(s, i->a, &c) && emit_logical_const(s, l, i, i->b, c)) ||
        emit_inverted(s, l->inverted, i->type, i->a, i->b) ||
        emit_inverted(s, l->inverted, i->type, i->b, i->a) ||
        a64_emit_either_shifted(s, l->reg, i)) {
        return;
    }
    a64_emit_plain(s, l->reg, i);
}
_Static_assert(IR_OR == IR_AND + 1 && IR_XOR == IR_AND + 2, "order of logicals[]");

/* ---- Shifts ---- */

/* The register of a count. Operations that reduce it to the width are not needed, because the
 * instruction does that. */
static uint32_t count_reg(struct selector *s, uint32_t value, unsigned type)
{
    const struct ir_instr *i = select_instr(s, value);
    uint64_t c, mask = a64_bits_of(type) - 1;
    if (i->op == IR_AND && select_const(s, i->b, &c) && (c & mask) == mask) {
        return a64_low(s, i->a);
    }
    return a64_low(s, value);
}

static void emit_bits(struct selector *s, unsigned form, unsigned type, uint32_t value,
                      unsigned immr, unsigned imms)
{
    a64_emit_imm(s, form, a64_wide(type) | A64_SMALL_AMOUNT(imms), select_result(s),
                 a64_low(s, value), immr);
}

/* A 64-bit left shift of an extended 32-bit value: one instruction does both. */
static bool emit_extended_shift(struct selector *s, const struct ir_instr *i, unsigned count)
{
    const struct ir_instr *from = select_instr(s, i->a);
    if (i->op != IR_SHL || i->type != IR_I64 || from->op != IR_EXTEND_S || count == 0 ||
        !select_is_single(s, i->a)) {
        return false;
    }
    unsigned last = count > 32 ? 63 - count : 31;
    emit_bits(s, A64_SBFM, IR_I64, from->a, 64 - count, last);
    return true;
}

static void select_shift_const(struct selector *s, const struct ir_instr *i, unsigned count)
{
    unsigned bits = a64_bits_of(i->type);
    if (i->op == IR_SHL) {
        if (!emit_extended_shift(s, i, count)) {
            emit_bits(s, A64_UBFM, i->type, i->a, (bits - count) % bits, bits - 1 - count);
        }
    } else if (i->op == IR_SHR_U || i->op == IR_SHR_S) {
        emit_bits(s, i->op == IR_SHR_U ? A64_UBFM : A64_SBFM, i->type, i->a, count, bits - 1);
    } else {
        unsigned right = i->op == IR_ROTR ? count : (bits - count) % bits;
        uint32_t value = a64_low(s, i->a);
        a64_emit2(s, A64_EXTR, a64_wide(i->type) | A64_SMALL_AMOUNT(right), select_result(s), value,
                  value);
    }
}

static void select_shift(struct selector *s, const struct ir_instr *i)
{
    static const uint16_t forms[] = {[IR_SHL - IR_SHL] = A64_LSLV,
                                     [IR_SHR_S - IR_SHL] = A64_ASRV,
                                     [IR_SHR_U - IR_SHL] = A64_LSRV,
                                     [IR_ROTL - IR_SHL] = A64_RORV,
                                     [IR_ROTR - IR_SHL] = A64_RORV};
    uint64_t c;
    if (select_const(s, i->b, &c)) {
        select_shift_const(s, i, (unsigned)(c % a64_bits_of(i->type)));
        return;
    }
    uint32_t count = count_reg(s, i->b, i->type);
    if (i->op == IR_ROTL) { /* rotate right by the negative */
        uint32_t negative = a64_temp(s);
        struct a64_new n = a64_new(s, A64_SUB_REG, a64_wide(i->type));
        n.i.extra = A64_EXTRA(1, A64_IN(A64_ZR));
        a64_def(&n, negative);
        a64_use(&n, count);
        a64_done(&n);
        count = negative;
    }
    a64_emit2(s, forms[i->op - IR_SHL], a64_wide(i->type), select_result(s), a64_low(s, i->a),
              count);
}

/* ---- One operand ---- */

static void select_ctz(struct selector *s, const struct ir_instr *i)
{
    uint32_t reversed = a64_temp(s);
    a64_emit1(s, A64_RBIT, a64_wide(i->type), reversed, a64_low(s, i->a));
    a64_emit1(s, A64_CLZ, a64_wide(i->type), select_result(s), reversed);
}

/* The upper half of a popcnt's operand counts only if the operand has 64 bits. */
static void select_popcnt(struct selector *s, const struct ir_instr *i)
{
    a64_emit1(s, A64_OP_POPCNT, a64_wide(i->type), select_result(s), a64_low(s, i->a));
}

static void select_extend(struct selector *s, const struct ir_instr *i, unsigned from)
{
    emit_bits(s, A64_SBFM, i->type, i->a, 0, from - 1);
}

static void emit_copy(struct selector *s, unsigned small, uint32_t from)
{
    struct a64_new n = a64_new(s, A64_OP_MOVE, small);
    n.i.flags = (small & A64_SMALL_WIDE) != 0 ? VI_MOVE : 0;
    a64_def(&n, select_result(s));
    a64_use(&n, from);
    a64_done(&n);
}

bool a64_select_bits(struct selector *s, const struct ir_instr *i)
{
    switch ((enum ir_op)i->op) {
    case IR_AND:
    case IR_OR:
    case IR_XOR:
        select_logical(s, i);
        return true;
    case IR_SHL:
    case IR_SHR_S:
    case IR_SHR_U:
    case IR_ROTL:
    case IR_ROTR:
        select_shift(s, i);
        return true;
    case IR_CLZ:
        a64_emit1(s, A64_CLZ, a64_wide(i->type), select_result(s), a64_low(s, i->a));
        return true;
    case IR_CTZ:
        select_ctz(s, i);
        return true;
    case IR_POPCNT:
        select_popcnt(s, i);
        return true;
    case IR_EXTEND8_S:
        select_extend(s, i, 8);
        return true;
    case IR_EXTEND16_S:
        select_extend(s, i, 16);
        return true;
    case IR_EXTEND32_S:
    case IR_EXTEND_S:
        select_extend(s, i, 32);
        return true;
    case IR_REF_BITS:
    case IR_EXTEND_U: /* nothing to do: the upper half is zero already */
        emit_copy(s, A64_SMALL_WIDE, select_reg(s, i->a));
        return true;
    case IR_WRAP:
        emit_copy(s, 0, a64_low(s, i->a));
        return true;
    default:
        return false;
    }
}
