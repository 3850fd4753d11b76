// SPDX-License-Identifier: MIT
//
// Comparisons and their users. Flags live only within one operation: every user of a condition
// repeats the comparison, so nothing in between can change the flags.
#include "arch/x86_64/jit/select_internal.h"

#include "kernel/lib/compiler.h"

#define MAX_NEGATIONS 8

/* ---- What to compare ---- */

static const struct {
    uint8_t op, cond;
} integer_conditions[] = {
    {IR_EQZ, X86_E},  {IR_IS_NULL, X86_E}, {IR_EQ, X86_E},    {IR_REF_EQ, X86_E}, {IR_NE, X86_NE},
    {IR_LT_S, X86_L}, {IR_LT_U, X86_B},    {IR_LE_S, X86_LE}, {IR_LE_U, X86_BE},
};

/* The condition of an integer comparison. @return false: it is no comparison. */
static bool integer_condition(unsigned op, unsigned *cond)
{
    for (unsigned n = 0; n < ARRAY_COUNT(integer_conditions); n++) {
        if (integer_conditions[n].op == op) {
            *cond = integer_conditions[n].cond;
            return true;
        }
    }
    return false;
}

/* The condition for exchanged operands. */
static unsigned exchanged(unsigned cond)
{
    switch (cond) {
    case X86_L:
        return X86_G;
    case X86_LE:
        return X86_GE;
    case X86_G:
        return X86_L;
    case X86_GE:
        return X86_LE;
    case X86_B:
        return X86_A;
    case X86_BE:
        return X86_AE;
    case X86_A:
        return X86_B;
    case X86_AE:
        return X86_BE;
    default:
        return cond;
    }
}

static void compare_floats(const struct selector *s, struct condition *c, const struct ir_instr *i)
{
    bool swaps = i->op == IR_FLT || i->op == IR_FLE; /* only "above" is false for a NaN */
    c->compare = X86_COMPARE_FLOAT;
    c->size = ir_type_size(select_instr(s, i->a)->type);
    c->left = swaps ? i->b : i->a;
    c->right = swaps ? i->a : i->b;
    c->cond = i->op == IR_FEQ ? X86_E : i->op == IR_FNE ? X86_NE : i->op == IR_FLT ? X86_A : X86_AE;
}

/* Compare with zero, or test the two operands of an `and`. */
static void test_bits(const struct selector *s, struct condition *c)
{
    const struct ir_instr *i = select_instr(s, c->left);
    uint64_t bits;
    c->compare = X86_COMPARE_CMP;
    c->right = IR_NONE;
    c->imm = 0;
    if (i->op == IR_AND && select_is_single(s, c->left)) {
        c->compare = X86_COMPARE_TEST;
        c->left = i->a;
        c->right = i->b;
        if (x86_is_imm32(s, i->b, &bits)) {
            c->right = IR_NONE;
            c->imm = bits;
        }
    }
}

static bool is_sign_or_zero_test(unsigned cond)
{
    return cond == X86_E || cond == X86_NE || cond == X86_L || cond == X86_GE;
}

static void compare_integers(const struct selector *s, struct condition *c,
                             const struct ir_instr *i)
{
    bool unary = ir_op_info[i->op].form == IR_FORM_UNARY;
    c->compare = X86_COMPARE_CMP;
    c->size = ir_type_size(select_instr(s, i->a)->type);
    c->left = i->a;
    c->right = unary ? IR_NONE : i->b;
    c->imm = 0;
    uint64_t bits;
    if (!unary && x86_is_imm32(s, i->b, &bits)) {
        c->right = IR_NONE;
        c->imm = bits;
    } else if (!unary && x86_is_imm32(s, i->a, &bits)) {
        c->left = i->b;
        c->right = IR_NONE;
        c->imm = bits;
        c->cond = exchanged(c->cond);
    }
    if (c->right == IR_NONE && c->imm == 0 && is_sign_or_zero_test(c->cond) &&
        !x86_may_read(s, c->left, c->size)) {
        test_bits(s, c);
    }
}

/* Repeating a comparison costs nothing if it has no other users; if it is close, it saves the
 * register for its result. */
static bool is_near(const struct selector *s, uint32_t value)
{
    return value == s->at || select_is_local(s, value);
}

/* Whether it tests the lanes of a vector, and when: any_true, all_true. */
static bool vector_condition(unsigned op, unsigned *cond)
{
    unsigned lane_op = ir_op_info[op].lane_op;
    *cond = lane_op == IR_LANE_ANY_TRUE ? X86_NE : X86_E;
    return lane_op == IR_LANE_ANY_TRUE || lane_op == IR_LANE_ALL_TRUE;
}

struct condition x86_find_condition(struct selector *s, uint32_t value)
{
    struct condition c = {.cond = X86_NE, .size = 4, .left = value, .right = IR_NONE};
    bool negated = false;
    unsigned cond;
    const struct ir_instr *i = select_instr(s, value);
    for (unsigned n = 0; n < MAX_NEGATIONS && i->op == IR_EQZ && is_near(s, value); n++) {
        unsigned inner = select_instr(s, i->a)->op;
        bool compares = integer_condition(inner, &cond) || vector_condition(inner, &cond) ||
                        (inner >= IR_FEQ && inner <= IR_FLE);
        if (!compares || !is_near(s, i->a)) {
            break;
        }
        value = i->a;
        i = select_instr(s, value);
        negated = !negated;
    }
    c.left = value;
    if (!is_near(s, value)) {
        test_bits(s, &c);
    } else if (integer_condition(i->op, &c.cond)) {
        compare_integers(s, &c, i);
    } else if (vector_condition(i->op, &cond)) {
        c.cond = cond;
        c.compare = X86_COMPARE_VECTOR;
    } else if (i->op >= IR_FEQ && i->op <= IR_FLE) {
        compare_floats(s, &c, i);
    } else {
        test_bits(s, &c);
    }
    c.cond ^= negated;
    return c;
}

/* ---- As operands ---- */

/* Whether the comparison may read the value from memory. An operation that traps for another reason
 * has no second row for the access. */
static bool may_compare_in_memory(const struct selector *s, const struct condition *c,
                                  uint32_t value)
{
    const struct ir_instr *i = select_instr(s, value);
    bool free = !c->traps || i->op != IR_LOAD ||
                (s->f->memrefs[i->c].space != IR_SPACE_MEMORY &&
                 s->f->memrefs[i->c].space != IR_SPACE_OBJECT);
    return free && x86_may_read(s, value, c->size);
}

static void draft_right(struct selector *s, struct draft *d, const struct condition *c,
                        uint32_t value)
{
    const struct ir_instr *i = select_instr(s, value);
    bool is_float_constant = i->op == IR_CONST && ir_is_float(i->type);
    if (may_compare_in_memory(s, c, value) || is_float_constant) {
        x86_draft_rm(s, d, value, c->size);
    } else {
        x86_draft_operand(d, select_reg(s, value), VUSE, VAT_ANY, 0);
    }
}

/* A byte in memory compared with an immediate: for
 * equality, or unsigned, because the load zero-extends. */
static bool may_compare_byte(const struct selector *s, const struct condition *c)
{
    const struct ir_instr *i = select_instr(s, c->left);
    bool is_signed = c->cond == X86_L || c->cond == X86_LE || c->cond == X86_G || c->cond == X86_GE;
    return c->right == IR_NONE && !c->traps && i->op == IR_LOAD &&
           s->f->memrefs[i->c].access == IR_ACCESS_8_U && !is_signed && c->imm <= 0xff &&
           select_can_merge(s, c->left, 1) && x86_is_plain_access(s, i, 1);
}

static void draft_memory_and_imm(struct selector *s, struct draft *d, uint32_t load, uint64_t imm)
{
    struct address a = x86_merge_load(s, load);
    x86_draft_address(d, &a);
    x86_draft_imm(d, imm);
}

/* Of all_true: that no lane is 0. */
static void draft_vector(struct selector *s, struct draft *d, const struct ir_instr *i)
{
    bool any = ir_op_info[i->op].lane_op == IR_LANE_ANY_TRUE;
    uint32_t a = any ? select_reg(s, i->a) : x86_vector_zero_lanes(s, i);
    x86_draft_use(d, a);
    x86_draft_use(d, a);
}

void x86_draft_condition(struct selector *s, struct draft *d, const struct condition *c)
{
    d->small.cond = c->cond;
    d->small.compare = c->compare;
    d->small.size = c->size;
    if (c->compare == X86_COMPARE_VECTOR) {
        draft_vector(s, d, select_instr(s, c->left));
    } else if (c->compare == X86_COMPARE_FLOAT) {
        x86_draft_use(d, select_reg(s, c->left));
        draft_right(s, d, c, c->right);
    } else if (may_compare_byte(s, c)) {
        d->small.size = 1;
        draft_memory_and_imm(s, d, c->left, c->imm);
    } else if (c->right == IR_NONE && may_compare_in_memory(s, c, c->left)) {
        draft_memory_and_imm(s, d, c->left, c->imm);
    } else if (c->right == IR_NONE) {
        x86_draft_operand(d, select_reg(s, c->left), VUSE,
                          c->compare == X86_COMPARE_TEST ? VAT_REG : VAT_ANY, 0);
        x86_draft_imm(d, c->imm);
    } else if (c->compare == X86_COMPARE_CMP && may_compare_in_memory(s, c, c->left)) {
        d->small.cond = exchanged(c->cond);
        x86_draft_use(d, select_reg(s, c->right));
        draft_right(s, d, c, c->left);
    } else {
        x86_draft_use(d, select_reg(s, c->left));
        draft_right(s, d, c, c->right);
    }
}

/* ---- Users ---- */

bool x86_select_compare(struct selector *s)
{
    struct condition c = x86_find_condition(s, s->at);
    struct draft d = x86_draft_new(X86_OP_SET, 4);
    x86_draft_def(&d, select_result(s));
    x86_draft_condition(s, &d, &c);
    x86_draft_emit(s, &d);
    return true;
}

/* Choose the value that is kept, and the one that replaces it if the condition holds. Skipping on
 * "equal and ordered" needs two jumps; so its opposite is used, with the values exchanged. */
bool x86_select_select(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    bool is_float = select_class(i->type) == VCLASS_FLOAT;
    struct condition c = x86_find_condition(s, i->a);
    uint32_t yes = i->b, no = i->c;
    if (c.compare == X86_COMPARE_FLOAT && c.cond == X86_E) {
        yes = i->c;
        no = i->b;
        c.cond = X86_NE;
    }
    struct draft d = x86_draft_new(is_float ? X86_OP_FSELECT : X86_OP_SELECT, 4);
    x86_draft_def_tied(&d, select_result(s));
    x86_draft_use(&d, select_reg(s, no));
    x86_draft_operand(&d, select_reg(s, yes), VUSE, is_float ? VAT_REG : VAT_ANY, 0);
    x86_draft_condition(s, &d, &c);
    x86_draft_emit(s, &d);
    return true;
}

bool x86_select_trap_if(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    struct condition c = x86_find_condition(s, i->a);
    struct draft d = x86_draft_new(X86_OP_TRAP_UNLESS, 4);
    c.traps = true;
    x86_draft_condition(s, &d, &c);
    d.i.flags |= VI_TRAPS;
    d.i.trap = (uint8_t)i->b;
    d.i.location = s->f->locations[s->at];
    x86_draft_emit(s, &d);
    return true;
}

bool x86_select_branch(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    struct condition c = x86_find_condition(s, i->a);
    struct draft d = x86_draft_new(X86_OP_BRANCH, 4);
    d.i.flags |= VI_TERMINATOR;
    x86_draft_condition(s, &d, &c);
    x86_draft_emit(s, &d);
    return true;
}
