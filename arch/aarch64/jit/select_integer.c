// SPDX-License-Identifier: MIT
//
// Integer arithmetic; bit operations are in select_bits.c. The second operand of most instructions
// can be shifted, or extended from 32 bits; a multiplication can include an addition or
// subtraction; and so on. An operation is included only if it has no other user.
#include "arch/aarch64/jit/select_internal.h"

unsigned a64_bits_of(unsigned type)
{
    return ir_type_size(type) * 8;
}

/* ---- The flexible second operand ---- */

/* A shift by a constant without other users. */
static bool shifted(struct selector *s, uint32_t value, unsigned *option, unsigned *amount,
                    uint32_t *what)
{
    const struct ir_instr *i = select_instr(s, value);
    uint64_t count;
    if (i->op != IR_SHL && i->op != IR_SHR_U && i->op != IR_SHR_S && i->op != IR_ROTR) {
        return false;
    }
    if (!select_is_single(s, value) || !select_const(s, i->b, &count)) {
        return false;
    }
    *option = i->op == IR_SHL     ? A64_LSL
              : i->op == IR_SHR_U ? A64_LSR
              : i->op == IR_SHR_S ? A64_ASR
                                  : A64_ROR;
    *amount = (unsigned)(count % a64_bits_of(i->type));
    *what = i->a;
    return true;
}

/* a op (b shifted), for forms with a shifted register. */
bool a64_emit_shifted(struct selector *s, unsigned form, unsigned type, uint32_t a, uint32_t b)
{
    unsigned option, amount;
    uint32_t what;
    bool rotates = a64_forms[form].imm == A64_IMM_SHIFT4;
    if (!shifted(s, b, &option, &amount, &what) || (option == A64_ROR && !rotates)) {
        return false;
    }
    a64_emit2(s, form, a64_wide(type) | A64_SMALL_OPTION(option) | A64_SMALL_AMOUNT(amount),
              select_result(s), a64_low(s, a), a64_low(s, what));
    return true;
}

bool a64_emit_either_shifted(struct selector *s, unsigned form, const struct ir_instr *i)
{
    return a64_emit_shifted(s, form, i->type, i->a, i->b) ||
           a64_emit_shifted(s, form, i->type, i->b, i->a);
}

void a64_emit_plain(struct selector *s, unsigned form, const struct ir_instr *i)
{
    a64_emit2(s, form, a64_wide(i->type), select_result(s), a64_low(s, i->a), a64_low(s, i->b));
}

/* ---- Addition, subtraction, multiplication ---- */

static bool fits_add(uint64_t v)
{
    return v < 4096 || (v % 4096 == 0 && v >> 24 == 0);
}

static void emit_add_imm(struct selector *s, unsigned type, bool subtracts, uint32_t to,
                         uint32_t from, uint64_t c)
{
    a64_emit_imm(s, subtracts ? A64_SUB_IMM : A64_ADD_IMM, a64_wide(type), to, from, c);
}

/* value + or - constant: one instruction, or two with 12 bits each if the constant is in no
 * register anyway. */
static bool emit_add_const(struct selector *s, unsigned type, uint32_t value, uint32_t constant,
                           uint64_t c)
{
    uint64_t negative = a64_bits_of(type) == 32 ? (uint32_t)(0 - c) : 0 - c;
    bool subtracts = negative < c;
    uint64_t magnitude = subtracts ? negative : c;
    uint32_t result, from;
    if (fits_add(magnitude)) {
        result = select_result(s);
        emit_add_imm(s, type, subtracts, result, a64_low(s, value), magnitude);
        return true;
    }
    if (magnitude >> 24 != 0 || !select_is_single(s, constant)) {
        return false;
    }
    result = select_result(s);
    from = a64_low(s, value);
    uint32_t high = select_temp(s, VCLASS_INT, ir_type_size(type));
    emit_add_imm(s, type, subtracts, high, from, magnitude & 0xfff000);
    emit_add_imm(s, type, subtracts, result, high, magnitude & 0xfff);
    return true;
}

/* value + condition: the value, or one more. */
static bool emit_increment(struct selector *s, unsigned type, uint32_t value, uint32_t bit)
{
    const struct ir_instr *i = select_instr(s, bit);
    if (type == IR_I64 && i->op == IR_EXTEND_U && select_is_single(s, bit)) {
        bit = i->a;
        i = select_instr(s, bit);
    }
    if (!a64_is_comparison(i) || !select_is_single(s, bit)) {
        return false;
    }
    struct a64_condition c = a64_condition(s, bit, false);
    a64_invert(&c);
    uint32_t from = a64_low(s, value);
    struct a64_new n = a64_new_conditional(s, A64_OP_SELECT, &c);
    n.i.extra |= A64_OTHER_FORM(A64_CSINC) | (a64_wide(type) != 0 ? A64_OTHER_WIDE : 0);
    a64_def(&n, select_result(s));
    a64_add_condition(&n, &c);
    a64_use(&n, from);
    a64_use(&n, from);
    a64_done(&n);
    return true;
}

/* With 64 bits the second operand can be sign-extended.
 * Zero extension needs nothing (a64_low()). */
static bool emit_extended(struct selector *s, unsigned form, unsigned type, uint32_t a, uint32_t b)
{
    const struct ir_instr *i = select_instr(s, b);
    if (type == IR_I32 || i->op != IR_EXTEND_S || !select_is_single(s, b)) {
        return false;
    }
    a64_emit2(s, form, A64_SMALL_WIDE | A64_SMALL_OPTION(A64_SXTW), select_result(s), a64_low(s, a),
              a64_low(s, i->a));
    return true;
}

/* The registers of a product, and whether they are 32-bit halves to extend. */
static unsigned product_form(struct selector *s, const struct ir_instr *i, bool subtracts,
                             uint32_t regs[2])
{
    const struct ir_instr *a = select_instr(s, i->a), *b = select_instr(s, i->b);
    if (i->type == IR_I64 && a->op == IR_EXTEND_S && b->op == IR_EXTEND_S && !subtracts) {
        regs[0] = a64_low(s, a->a);
        regs[1] = a64_low(s, b->a);
        return A64_SMADDL;
    }
    regs[0] = a64_low(s, i->a);
    regs[1] = a64_low(s, i->b);
    return subtracts ? A64_MSUB : A64_MADD;
}

/* other + a * b, or other - a * b. */
static bool emit_multiply_add(struct selector *s, unsigned type, uint32_t other, uint32_t product,
                              bool subtracts)
{
    const struct ir_instr *i = select_instr(s, product);
    if (i->op != IR_MUL || !select_is_single(s, product)) {
        return false;
    }
    uint32_t regs[2];
    struct a64_new n = a64_new(s, product_form(s, i, subtracts, regs), a64_wide(type));
    a64_def(&n, select_result(s));
    a64_use(&n, regs[0]);
    a64_use(&n, regs[1]);
    a64_use(&n, a64_low(s, other));
    a64_done(&n);
    return true;
}

static void select_add(struct selector *s, const struct ir_instr *i)
{
    uint64_t c;
    if ((select_const(s, i->b, &c) && emit_add_const(s, i->type, i->a, i->b, c)) ||
        (select_const(s, i->a, &c) && emit_add_const(s, i->type, i->b, i->a, c)) ||
        emit_multiply_add(s, i->type, i->a, i->b, false) ||
        emit_multiply_add(s, i->type, i->b, i->a, false) ||
        emit_extended(s, A64_ADD_EXT, i->type, i->a, i->b) ||
        emit_extended(s, A64_ADD_EXT, i->type, i->b, i->a) ||
        emit_increment(s, i->type, i->a, i->b) || emit_increment(s, i->type, i->b, i->a) ||
        a64_emit_either_shifted(s, A64_ADD_REG, i)) {
        return;
    }
    a64_emit_plain(s, A64_ADD_REG, i);
}

static void select_sub(struct selector *s, const struct ir_instr *i)
{
    uint64_t c;
    if (select_const(s, i->a, &c) && c == 0) {
        struct a64_new n = a64_new(s, A64_SUB_REG, a64_wide(i->type));
        n.i.extra = A64_EXTRA(1, A64_IN(A64_ZR));
        a64_def(&n, select_result(s));
        a64_use(&n, a64_low(s, i->b));
        a64_done(&n);
        return;
    }
    if ((select_const(s, i->b, &c) &&
         emit_add_const(s, i->type, i->a, i->b,
                        a64_bits_of(i->type) == 32 ? (uint32_t)(0 - c) : 0 - c)) ||
        emit_multiply_add(s, i->type, i->a, i->b, true) ||
        emit_extended(s, A64_SUB_EXT, i->type, i->a, i->b) ||
        a64_emit_shifted(s, A64_SUB_REG, i->type, i->a, i->b)) {
        return;
    }
    a64_emit_plain(s, A64_SUB_REG, i);
}

static void emit_product(struct selector *s, unsigned form, unsigned small, uint32_t d,
                         const uint32_t regs[2])
{
    struct a64_new n = a64_new(s, form, small);
    n.i.extra = A64_EXTRA(3, A64_IN(A64_ZR));
    a64_def(&n, d);
    a64_use(&n, regs[0]);
    a64_use(&n, regs[1]);
    a64_done(&n);
}

/* By 2^n: a shift. By 2^n + 1: an addition of the shifted value. */
static bool emit_multiply_const(struct selector *s, unsigned type, uint32_t value, uint64_t c)
{
    unsigned bits = a64_bits_of(type);
    if (c == 0 || ((c & (c - 1)) != 0 && (c < 3 || ((c - 1) & (c - 2)) != 0))) {
        return false;
    }
    bool is_power = (c & (c - 1)) == 0;
    unsigned n = (unsigned)__builtin_ctzll(is_power ? c : c - 1);
    uint32_t from = a64_low(s, value);
    if (is_power) {
        a64_emit_imm(s, A64_UBFM, a64_wide(type) | A64_SMALL_AMOUNT(bits - 1 - n), select_result(s),
                     from, (bits - n) % bits);
    } else {
        a64_emit2(s, A64_ADD_REG, a64_wide(type) | A64_SMALL_AMOUNT(n), select_result(s), from,
                  from);
    }
    return true;
}

static void select_mul(struct selector *s, const struct ir_instr *i)
{
    uint32_t regs[2];
    uint64_t c;
    if ((select_const(s, i->b, &c) && emit_multiply_const(s, i->type, i->a, c)) ||
        (select_const(s, i->a, &c) && emit_multiply_const(s, i->type, i->b, c))) {
        return;
    }
    unsigned form = product_form(s, i, false, regs);
    emit_product(s, form, a64_wide(i->type), select_result(s), regs);
}

/* With 32 bits: the upper half of the 64-bit product. */
static void select_mulh(struct selector *s, const struct ir_instr *i)
{
    bool is_signed = i->op == IR_MULH_S;
    if (i->type == IR_I64) {
        a64_emit_plain(s, is_signed ? A64_SMULH : A64_UMULH, i);
        return;
    }
    uint32_t product = a64_temp(s);
    const uint32_t regs[2] = {a64_low(s, i->a), a64_low(s, i->b)};
    emit_product(s, is_signed ? A64_SMADDL : A64_UMADDL, 0, product, regs);
    a64_emit_imm(s, A64_UBFM, A64_SMALL_WIDE | A64_SMALL_AMOUNT(63), select_result(s), product, 32);
}

/* ---- Division ---- */

/* The checks for a divisor that is not constant. */
static void emit_divisor_checks(struct selector *s, const struct ir_instr *i, uint32_t dividend,
                                uint32_t divisor)
{
    uint64_t c;
    bool known = select_const(s, i->b, &c);
    uint64_t minus_one = a64_bits_of(i->type) == 32 ? UINT32_MAX : UINT64_MAX;
    if (!known || c == 0) {
        a64_trap_if_zero(s, divisor, a64_wide(i->type), IR_TRAP_DIVIDE);
    }
    if (i->op == IR_DIV_S && (!known || c == minus_one)) {
        struct a64_new n = a64_new(s, A64_OP_TRAP_OVERFLOW, a64_wide(i->type));
        n.i.flags = VI_TRAPS;
        n.i.trap = IR_TRAP_OVERFLOW;
        a64_use(&n, dividend);
        a64_use(&n, divisor);
        a64_done(&n);
    }
}

/* The smallest integer divided by -1 gives itself here, so the remainder is 0. */
static void select_divide(struct selector *s, const struct ir_instr *i)
{
    bool is_signed = i->op == IR_DIV_S || i->op == IR_REM_S;
    bool is_rem = i->op == IR_REM_S || i->op == IR_REM_U;
    uint32_t dividend = a64_low(s, i->a), divisor = a64_low(s, i->b);
    uint32_t result = select_result(s), quotient = is_rem ? a64_temp(s) : result;
    emit_divisor_checks(s, i, dividend, divisor);
    a64_emit2(s, is_signed ? A64_SDIV : A64_UDIV, a64_wide(i->type), quotient, dividend, divisor);
    if (is_rem) {
        struct a64_new n = a64_new(s, A64_MSUB, a64_wide(i->type));
        a64_def(&n, result);
        a64_use(&n, quotient);
        a64_use(&n, divisor);
        a64_use(&n, dividend);
        a64_done(&n);
    }
}

bool a64_select_integer(struct selector *s, const struct ir_instr *i)
{
    switch ((enum ir_op)i->op) {
    case IR_ADD:
    case IR_DERIVE:
        select_add(s, i);
        return true;
    case IR_SUB:
        select_sub(s, i);
        return true;
    case IR_MUL:
        select_mul(s, i);
        return true;
    case IR_MULH_S:
    case IR_MULH_U:
        select_mulh(s, i);
        return true;
    case IR_DIV_S:
    case IR_DIV_U:
    case IR_REM_S:
    case IR_REM_U:
        select_divide(s, i);
        return true;
    default:
        return false;
    }
}
