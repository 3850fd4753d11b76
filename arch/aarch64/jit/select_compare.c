// SPDX-License-Identifier: MIT
//
// Conditions: the instruction that sets flags for a comparison, and the users of the flags:
// branches, selections, traps, or a comparison whose result is used as a number.
#include "arch/aarch64/jit/select_internal.h"

static struct a64_condition of_form(unsigned form, unsigned small, unsigned cond)
{
    return (struct a64_condition){
        .form = (uint16_t)form, .small = (uint16_t)small, .cond = (uint8_t)cond};
}

static void add_reg(struct a64_condition *c, uint32_t vreg)
{
    c->regs[c->count++] = vreg;
}

static bool is_test(unsigned form)
{
    return form == A64_CBZ || form == A64_CBNZ || form == A64_TBZ || form == A64_TBNZ;
}

void a64_invert(struct a64_condition *c)
{
    if (is_test(c->form)) {
        c->form = c->form == A64_CBZ || c->form == A64_TBZ ? c->form + 1 : c->form - 1;
    } else {
        c->cond ^= 1;
    }
}

/* ---- Setting the flags ---- */

static bool fits_add(uint64_t v)
{
    return v < 4096 || (v % 4096 == 0 && v >> 24 == 0);
}

/* Compare a value with a constant, if one instruction can do it. */
static bool compare_const(struct selector *s, uint32_t value, unsigned type, uint64_t imm,
                          unsigned cond, struct a64_condition *c)
{
    uint64_t negative = a64_wide(type) != 0 ? 0 - imm : (uint32_t)(0 - imm);
    bool subtracts = fits_add(imm);
    if (!subtracts && !fits_add(negative)) {
        return false;
    }
    *c = of_form(subtracts ? A64_SUBS_IMM : A64_ADDS_IMM, a64_wide(type), cond);
    c->imm = subtracts ? imm : negative;
    add_reg(c, a64_low(s, value));
    return true;
}

/* The condition for exchanged operands. */
static unsigned exchanged(unsigned cond)
{
    switch (cond) {
    case A64_LT:
        return A64_GT;
    case A64_LE:
        return A64_GE;
    case A64_LO:
        return A64_HI;
    case A64_LS:
        return A64_HS;
    default:
        return cond; /* equal or not equal: the same */
    }
}

/* The second operand of a comparison may be sign-extended. */
static bool compare_extended(struct selector *s, uint32_t a, uint32_t b, unsigned cond,
                             struct a64_condition *c)
{
    const struct ir_instr *i = select_instr(s, b);
    if (i->op != IR_EXTEND_S || !select_is_single(s, b)) {
        return false;
    }
    *c = of_form(A64_SUBS_EXT, A64_SMALL_WIDE | A64_SMALL_OPTION(A64_SXTW), cond);
    add_reg(c, a64_low(s, a));
    add_reg(c, a64_low(s, i->a));
    return true;
}

static bool compare_shifted(struct selector *s, uint32_t a, uint32_t b, unsigned cond,
                            struct a64_condition *c)
{
    const struct ir_instr *i = select_instr(s, b);
    uint64_t count;
    if ((i->op != IR_SHL && i->op != IR_SHR_U && i->op != IR_SHR_S) || !select_is_single(s, b) ||
        !select_const(s, i->b, &count)) {
        return false;
    }
    unsigned option = i->op == IR_SHL ? A64_LSL : i->op == IR_SHR_U ? A64_LSR : A64_ASR;
    unsigned amount = (unsigned)(count % (ir_type_size(i->type) * 8));
    *c = of_form(A64_SUBS_REG,
                 a64_wide(i->type) | A64_SMALL_OPTION(option) | A64_SMALL_AMOUNT(amount), cond);
    add_reg(c, a64_low(s, a));
    add_reg(c, a64_low(s, i->a));
    return true;
}

static struct a64_condition compare_integers(struct selector *s, const struct ir_instr *i,
                                             unsigned cond)
{
    struct a64_condition c;
    unsigned type = select_instr(s, i->a)->type;
    uint64_t imm;
    if ((select_const(s, i->b, &imm) && compare_const(s, i->a, type, imm, cond, &c)) ||
        (select_const(s, i->a, &imm) && compare_const(s, i->b, type, imm, exchanged(cond), &c)) ||
        compare_extended(s, i->a, i->b, cond, &c) ||
        compare_extended(s, i->b, i->a, exchanged(cond), &c) ||
        compare_shifted(s, i->a, i->b, cond, &c) ||
        compare_shifted(s, i->b, i->a, exchanged(cond), &c)) {
        return c;
    }
    c = of_form(A64_SUBS_REG, a64_wide(type), cond);
    add_reg(&c, a64_low(s, i->a));
    add_reg(&c, a64_low(s, i->b));
    return c;
}

/* Test bits of a value: an `and` without other users needs no register for its result. */
static bool test_bits(struct selector *s, uint32_t value, unsigned cond, struct a64_condition *c)
{
    const struct ir_instr *i = select_instr(s, value);
    uint64_t mask;
    uint32_t fields;
    if (i->op != IR_AND || !select_is_single(s, value)) {
        return false;
    }
    if (select_const(s, i->b, &mask) && a64_mask(mask, a64_wide(i->type) != 0, &fields)) {
        *c = of_form(A64_ANDS_IMM, a64_wide(i->type), cond);
        c->imm = mask;
        add_reg(c, a64_low(s, i->a));
        return true;
    }
    *c = of_form(A64_ANDS_REG, a64_wide(i->type), cond);
    add_reg(c, a64_low(s, i->a));
    add_reg(c, a64_low(s, i->b));
    return true;
}

/* Compare a value with 0 (EQ or NE). */
static struct a64_condition compare_zero(struct selector *s, uint32_t value, unsigned cond)
{
    struct a64_condition c;
    if (!test_bits(s, value, cond, &c)) {
        c = of_form(A64_SUBS_IMM, a64_wide(select_instr(s, value)->type), cond);
        add_reg(&c, a64_low(s, value));
    }
    return c;
}

static struct a64_condition compare_floats(struct selector *s, const struct ir_instr *i,
                                           unsigned cond)
{
    unsigned type = select_instr(s, i->a)->type;
    uint64_t bits;
    bool zero = select_const(s, i->b, &bits) && bits == 0;
    struct a64_condition c = of_form(zero ? A64_FCMP_ZERO : A64_FCMP, a64_double(type), cond);
    add_reg(&c, select_reg(s, i->a));
    if (!zero) {
        add_reg(&c, select_reg(s, i->b));
    }
    return c;
}

/* ---- The comparison behind a value ---- */

static bool comparison_of(struct selector *s, const struct ir_instr *i, struct a64_condition *c)
{
    static const uint8_t conds[] = {[IR_EQ - IR_EQ] = A64_EQ,   [IR_NE - IR_EQ] = A64_NE,
                                    [IR_LT_S - IR_EQ] = A64_LT, [IR_LT_U - IR_EQ] = A64_LO,
                                    [IR_LE_S - IR_EQ] = A64_LE, [IR_LE_U - IR_EQ] = A64_LS};
    uint64_t zero;
    switch ((enum ir_op)i->op) {
    case IR_EQZ:
    case IR_IS_NULL:
        *c = compare_zero(s, i->a, A64_EQ);
        return true;
    case IR_EQ:
    case IR_NE:
        if (select_const(s, i->b, &zero) && zero == 0) {
            *c = compare_zero(s, i->a, conds[i->op - IR_EQ]);
            return true;
        }
        *c = compare_integers(s, i, conds[i->op - IR_EQ]);
        return true;
    case IR_LT_S:
    case IR_LT_U:
    case IR_LE_S:
    case IR_LE_U:
        *c = compare_integers(s, i, conds[i->op - IR_EQ]);
        return true;
    case IR_REF_EQ:
        *c = compare_integers(s, i, A64_EQ);
        return true;
    case IR_FEQ:
        *c = compare_floats(s, i, A64_EQ);
        return true;
    case IR_FNE:
        *c = compare_floats(s, i, A64_NE);
        return true;
    case IR_FLT: /* false if unordered, unlike lt */
        *c = compare_floats(s, i, A64_MI);
        return true;
    case IR_FLE:
        *c = compare_floats(s, i, A64_LS);
        return true;
    default:
        return a64_test_vector(s, i, c);
    }
}

/* Instructions that test a register and branch. */
static void make_test(struct a64_condition *c)
{
    unsigned sign = (c->small & A64_SMALL_WIDE) != 0 ? 63 : 31;
    bool is_equality = c->cond == A64_EQ || c->cond == A64_NE;
    if (c->form == A64_SUBS_IMM && c->imm == 0 && is_equality) {
        c->form = c->cond == A64_EQ ? A64_CBZ : A64_CBNZ;
    } else if (c->form == A64_SUBS_IMM && c->imm == 0 && (c->cond == A64_LT || c->cond == A64_GE)) {
        c->form = c->cond == A64_LT ? A64_TBNZ : A64_TBZ;
        c->small = (uint16_t)(c->small | A64_SMALL_AMOUNT(sign));
    } else if (c->form == A64_ANDS_IMM && (c->imm & (c->imm - 1)) == 0 && is_equality) {
        c->form = c->cond == A64_EQ ? A64_TBZ : A64_TBNZ;
        c->small = (uint16_t)(c->small | A64_SMALL_AMOUNT(__builtin_ctzll(c->imm)));
        c->imm = 0;
    }
}

bool a64_is_comparison(const struct ir_instr *i)
{
    unsigned typing = ir_op_info[i->op].typing;
    return typing == IR_TYPES_COMPARES_INTEGER || typing == IR_TYPES_COMPARES_FLOAT ||
           typing == IR_TYPES_COMPARES_REF || typing == IR_TYPES_TESTS_REF ||
           (typing == IR_TYPES_TESTS_VECTOR && ir_op_info[i->op].lane_op != IR_LANE_BITMASK);
}

/* A branch repeats a comparison of its block instead of testing its result. That is one instruction
 * less if nothing else needs the result, and one more if something does. */
struct a64_condition a64_condition(struct selector *s, uint32_t value, bool branches)
{
    const struct ir_instr *i = select_instr(s, value);
    bool inverted = false;
    while (i->op == IR_EQZ && select_is_local(s, value) && select_is_local(s, i->a) &&
           a64_is_comparison(select_instr(s, i->a))) {
        value = i->a;
        i = select_instr(s, value);
        inverted = !inverted;
    }
    struct a64_condition c;
    if (!select_is_local(s, value) || !comparison_of(s, i, &c)) {
        c = compare_zero(s, value, A64_NE);
    }
    if (inverted) {
        a64_invert(&c);
    }
    if (branches) {
        make_test(&c);
    }
    return c;
}

/* ---- Users of conditions ---- */

struct a64_new a64_new_conditional(struct selector *s, unsigned op, const struct a64_condition *c)
{
    struct a64_new n = a64_new(s, op, c->small | A64_SMALL_COND(c->cond));
    n.i.extra = A64_SETTER(c->form);
    n.i.imm = c->imm;
    return n;
}

void a64_add_condition(struct a64_new *n, const struct a64_condition *c)
{
    for (unsigned r = 0; r < c->count; r++) {
        a64_use(n, c->regs[r]);
    }
}

void a64_trap_if(struct selector *s, const struct a64_condition *c, enum ir_trap trap)
{
    struct a64_new n = a64_new_conditional(s, A64_OP_TRAP_IF, c);
    n.i.flags = VI_TRAPS;
    n.i.trap = (uint8_t)trap;
    a64_add_condition(&n, c);
    a64_done(&n);
}

void a64_trap_if_zero(struct selector *s, uint32_t vreg, unsigned small, enum ir_trap trap)
{
    struct a64_condition c = of_form(A64_CBZ, small, A64_EQ);
    add_reg(&c, vreg);
    a64_trap_if(s, &c, trap);
}

static void select_trap_if(struct selector *s, const struct ir_instr *i)
{
    struct a64_condition c = a64_condition(s, i->a, true);
    a64_invert(&c);
    a64_trap_if(s, &c, (enum ir_trap)i->b);
}

static void select_null_check(struct selector *s, const struct ir_instr *i)
{
    uint32_t value = select_reg(s, i->a);
    a64_trap_if_zero(s, value, A64_SMALL_WIDE, IR_TRAP_NULL);
    struct a64_new n = a64_new(s, A64_OP_MOVE, A64_SMALL_WIDE);
    n.i.flags = VI_MOVE;
    a64_def(&n, select_result(s));
    a64_use(&n, value);
    a64_done(&n);
}

static void select_number(struct selector *s, const struct ir_instr *i)
{
    struct a64_condition c;
    if (!comparison_of(s, i, &c)) {
        return;
    }
    struct a64_new n = a64_new_conditional(s, A64_OP_SET, &c);
    a64_def(&n, select_result(s));
    a64_add_condition(&n, &c);
    a64_done(&n);
}

/* A selection can use another register plus 1, inverted or negated instead of an operand. @return
 * the variant of csel; *value becomes that register's value. */
static unsigned other_form(struct selector *s, uint32_t *value)
{
    const struct ir_instr *i = select_instr(s, *value);
    uint64_t c;
    if (!select_is_single(s, *value)) {
        return A64_CSEL;
    }
    if (i->op == IR_ADD && select_const(s, i->b, &c) && c == 1) {
        *value = i->a;
        return A64_CSINC;
    }
    if (i->op == IR_SUB && select_const(s, i->a, &c) && c == 0) {
        *value = i->b;
        return A64_CSNEG;
    }
    if (i->op == IR_XOR && select_const(s, i->b, &c) &&
        c == (i->type == IR_I32 ? UINT32_MAX : UINT64_MAX)) {
        *value = i->a;
        return A64_CSINV;
    }
    return A64_CSEL;
}

static bool is_zero(struct selector *s, uint32_t value)
{
    uint64_t c;
    return select_const(s, value, &c) && c == 0;
}

static void emit_integer_select(struct selector *s, const struct ir_instr *i,
                                const struct a64_condition *c)
{
    uint32_t if_true = i->b, if_false = i->c;
    struct a64_condition cond = *c;
    unsigned form = other_form(s, &if_false);
    if (form == A64_CSEL && (form = other_form(s, &if_true)) != A64_CSEL) {
        uint32_t other = if_true;
        if_true = if_false;
        if_false = other;
        a64_invert(&cond);
    }
    struct a64_new n = a64_new_conditional(s, A64_OP_SELECT, &cond);
    n.i.extra |= A64_OTHER_FORM(form) | (a64_wide(i->type) != 0 ? A64_OTHER_WIDE : 0);
    a64_def(&n, select_result(s));
    a64_add_condition(&n, &cond);
    if (is_zero(s, if_true)) {
        n.i.extra |= A64_OTHER_ZERO_IF;
    } else {
        a64_use(&n, a64_low(s, if_true));
    }
    if (is_zero(s, if_false)) {
        n.i.extra |= A64_OTHER_ZERO_ELSE;
    } else {
        a64_use(&n, a64_low(s, if_false));
    }
    a64_done(&n);
}

static void emit_float_select(struct selector *s, const struct ir_instr *i,
                              const struct a64_condition *c)
{
    bool is_16 = i->type == IR_V128;
    struct a64_new n = a64_new_conditional(s, is_16 ? A64_OP_FSELECT_16 : A64_OP_SELECT, c);
    n.i.extra |= A64_OTHER_FORM(A64_FCSEL) | (i->type == IR_F64 ? A64_OTHER_WIDE : 0);
    a64_def(&n, select_result(s));
    a64_add_condition(&n, c);
    a64_use(&n, select_reg(s, i->b));
    a64_use(&n, select_reg(s, i->c));
    a64_done(&n);
}

static bool select_select(struct selector *s, const struct ir_instr *i)
{
    struct a64_condition c = a64_condition(s, i->a, false);
    if (select_class(i->type) == VCLASS_FLOAT) {
        emit_float_select(s, i, &c);
    } else {
        emit_integer_select(s, i, &c);
    }
    return true;
}

bool a64_select_compare(struct selector *s, const struct ir_instr *i)
{
    if (a64_is_comparison(i)) {
        select_number(s, i);
        return true;
    }
    switch ((enum ir_op)i->op) {
    case IR_SELECT:
        return select_select(s, i);
    case IR_TRAP_IF:
        select_trap_if(s, i);
        return true;
    case IR_NULL_CHECK:
        select_null_check(s, i);
        return true;
    default:
        return false;
    }
}
