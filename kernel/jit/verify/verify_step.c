// SPDX-License-Identifier: MIT
//
// The effect of each instruction on registers, cells and flags.
#include "kernel/jit/verify/verify_internal.h"

#include "kernel/lib/endian.h"

#define BOOL_DEPTH 8u /* nesting of comparisons of results of comparisons */

/* ---- Operands ---- */

static ALWAYS_INLINE bool set(struct verifier *v, unsigned reg, uint32_t node)
{
    if (reg >= VERIFY_REGISTERS || (v->settable >> reg & 1) == 0) {
        return verify_set_role(v, reg, node);
    }
    v->now->out[reg] = node;
    return true;
}

NOINLINE bool verify_set(struct verifier *v, unsigned reg, uint32_t node)
{
    return set(v, reg, node);
}

static uint32_t immediate(struct verifier *v, const struct verify_insn *i)
{
    return value_const(v, i->size == 8 ? (uint64_t)i->imm : (uint32_t)i->imm);
}

static uint32_t operand_b(struct verifier *v, const struct verify_insn *i)
{
    if ((i->flags & VERIFY_IMM) != 0) {
        return immediate(v, i);
    }
    if ((i->flags & VERIFY_MEM) != 0) {
        return verify_read(v, i, i->bytes, 0);
    }
    return i->b == VERIFY_NONE ? ZERO_NODE : value_register(v, i->b);
}

/* Operand b, extended and shifted. */
static struct shifted shifted_b(const struct verify_insn *i, uint32_t b)
{
    return (struct shifted){b, i->extend, i->shift, i->size};
}

static bool are_numbers(struct verifier *v, uint32_t a, uint32_t b)
{
    return value_demand(v, a, DEMAND_NUMBER) && value_demand(v, b, DEMAND_NUMBER);
}

/* The functions from here on return the node that d becomes. If they refuse, the node is of no
 * interest: step() looks at v->status before it sets d. */

/* A number of `width` bits, truncated to the size of the operation. An operation of less than 4
 * bytes keeps the rest of the register. */
static NOINLINE uint32_t number_of(struct verifier *v, const struct verify_insn *i, unsigned width)
{
    if (i->size < 4) {
        uint32_t old = value_register(v, i->d);
        if (value_of(v, old)->kind == VALUE_BYTE) {
            return value_new(v, VALUE_BYTE, 0, NO_NODE);
        }
        (void)value_demand(v, old, DEMAND_NUMBER);
        width = MAX(value_width(v, old), 8u * i->size);
    } else {
        width = MIN(width, 8u * i->size);
    }
    return value_number(v, width);
}

/* ---- Arithmetic ---- */

static bool is_address(const struct verifier *v, uint32_t node)
{
    unsigned kind = value_of(v, node)->kind;
    return kind >= VALUE_REFERENCE && kind != VALUE_MERGE;
}

/* If a sum has an address, what its flags tell of that must not be read. */
static uint32_t sum_of(struct verifier *v, const struct verify_insn *i, uint32_t a, uint32_t b)
{
    if (is_address(v, a) || is_address(v, b)) {
        v->flags_open |= (i->flags & VERIFY_FLAGS) != 0 ? (uint8_t)OPEN_ALL : 0;
    }
    return verify_add(v, a, b, i->extend, i->shift, i->size);
}

/* Of two numbers, about which nothing else is known. */
static uint32_t any_of(struct verifier *v, const struct verify_insn *i, uint32_t a, uint32_t b)
{
    return are_numbers(v, a, b) ? number_of(v, i, 64) : ZERO_NODE;
}

static uint32_t step_add(struct verifier *v, const struct verify_insn *i)
{
    if ((i->flags & VERIFY_TABLE_PART) != 0) {
        return value_number(v, 64);
    }
    uint32_t a = value_address(v, i->a), b = value_settle(v, operand_b(v, i));
    return i->size < 4 ? any_of(v, i, a, b) : sum_of(v, i, a, b);
}

static uint32_t step_sub(struct verifier *v, const struct verify_insn *i)
{
    uint32_t a = value_address(v, i->a), b = operand_b(v, i);
    struct value x = *value_of(v, a), y = *value_of(v, b);
    bool is_frame = x.kind == VALUE_FRAME || x.kind == VALUE_CONTEXT;
    if (i->size == 8 && y.kind == VALUE_CONST && (is_frame || x.kind == VALUE_CONST) &&
        i->extend == VERIFY_WHOLE && i->shift == 0) {
        return sum_of(v, i, a, value_const(v, 0 - y.n));
    }
    return any_of(v, i, a, b);
}

/* The low byte of a value, if the instruction reads only that. */
static uint32_t low_byte(struct verifier *v, const struct verify_insn *i, uint32_t node)
{
    bool is_byte = i->size == 1 && value_of(v, node)->kind == VALUE_BYTE;
    return is_byte ? value_number(v, 8) : node;
}

static uint32_t step_logic(struct verifier *v, const struct verify_insn *i)
{
    uint32_t a = low_byte(v, i, value_register(v, i->a)), b = low_byte(v, i, operand_b(v, i));
    if (i->size < 4) {
        return any_of(v, i, a, b);
    }
    unsigned rule = i->op == VERIFY_AND ? RULE_AND : RULE_OR;
    return are_numbers(v, a, b) ? value_computed(v, rule, a, shifted_b(i, b), 8u * i->size)
                                : ZERO_NODE;
}

static uint32_t step_multiply(struct verifier *v, const struct verify_insn *i)
{
    uint32_t a = value_register(v, i->a), b = operand_b(v, i);
    uint32_t c = i->c == VERIFY_NONE ? ZERO_NODE : value_register(v, i->c);
    if (!are_numbers(v, a, b) || !value_demand(v, c, DEMAND_NUMBER)) {
        return ZERO_NODE;
    }
    if (i->op == VERIFY_DIV) { /* at most as wide as 0 | a */
        struct shifted whole = {a, VERIFY_WHOLE, 0, i->size};
        return value_computed(v, RULE_OR, ZERO_NODE, whole, 8u * i->size);
    }
    uint32_t node = value_computed(v, RULE_MUL, a, shifted_b(i, b), 8u * i->size);
    if (i->c != VERIFY_NONE) {
        struct shifted second = {c, VERIFY_WHOLE, 0, i->size};
        node = value_computed(v, RULE_ADD, node, second, 8u * i->size);
    }
    return node;
}

/* A 32-bit number that is shifted left in 64 bits keeps its own kind of node, because it may be the
 * index of a table. */
static uint32_t step_shift_left(struct verifier *v, const struct verify_insn *i)
{
    uint32_t a = value_register(v, i->a);
    unsigned shift = (unsigned)i->imm & (8u * i->size - 1);
    if (!value_demand(v, a, DEMAND_NUMBER)) {
        return ZERO_NODE;
    }
    bool low = i->extend == VERIFY_LOW_HALF, narrow = low || value_width(v, a) <= 32;
    unsigned width = MIN(value_width(v, a), low ? 32u : 64u) + shift;
    if (i->size == 4) { /* 0 | a << shift */
        struct shifted second = {a, VERIFY_WHOLE, (uint8_t)shift, 4};
        return value_computed(v, RULE_OR, ZERO_NODE, second, 32);
    }
    if (value_of(v, a)->kind == VALUE_CONST) {
        uint64_t n = value_of(v, a)->n;
        return value_const(v, (low ? (uint32_t)n : n) << shift);
    }
    if (shift > 4) {
        return number_of(v, i, width);
    }
    uint32_t node = value_new(v, VALUE_SCALED, value_root(v, a), 0);
    v->values[node].shift = (uint8_t)shift;
    v->values[node].demands = !narrow;
    v->values[node].width = (uint8_t)(narrow ? width : 64);
    return node;
}

static uint32_t step_shift_right(struct verifier *v, const struct verify_insn *i)
{
    uint32_t a = value_register(v, i->a);
    unsigned shift = (unsigned)i->imm & (8u * i->size - 1);
    struct shifted second = {a, VERIFY_SHIFTED_RIGHT, (uint8_t)shift, i->size};
    if (i->size < 4 || !value_demand(v, a, DEMAND_NUMBER)) {
        return any_of(v, i, a, ZERO_NODE);
    }
    return value_computed(v, RULE_OR, ZERO_NODE, second, 8u * i->size); /* 0 | a >> shift */
}

/* Read a, b and c as numbers, for a result about which nothing else is known. */
static bool use_numbers(struct verifier *v, const struct verify_insn *i)
{
    const uint8_t regs[] = {i->a, i->c};
    for (unsigned n = 0; n < ARRAY_COUNT(regs); n++) {
        if (regs[n] != VERIFY_NONE && !value_demand(v, value_register(v, regs[n]), DEMAND_NUMBER)) {
            return false;
        }
    }
    return value_demand(v, operand_b(v, i), DEMAND_NUMBER);
}

static bool set_two_numbers(struct verifier *v, const struct verify_insn *i)
{
    return verify_set(v, i->d, value_number(v, 8u * i->size)) &&
           verify_set(v, i->c, value_number(v, 8u * i->size));
}

static bool step_multiply_wide(struct verifier *v, const struct verify_insn *i)
{
    return are_numbers(v, value_register(v, i->a), operand_b(v, i)) && set_two_numbers(v, i);
}

static bool step_divide(struct verifier *v, const struct verify_insn *i)
{
    bool has_row = i->trap == IR_TRAP_DIVIDE + 1 || i->trap == IR_TRAP_OVERFLOW + 1;
    return use_numbers(v, i) && (has_row || verify_row(v, i, IR_TRAP_DIVIDE)) &&
           set_two_numbers(v, i);
}

static uint32_t step_insert(struct verifier *v, const struct verify_insn *i)
{
    uint32_t a = value_register(v, i->a);
    struct value x = *value_of(v, a);
    if (x.kind != VALUE_CONST) {
        return any_of(v, i, a, ZERO_NODE);
    }
    uint64_t n = (x.n & ~(UINT64_C(0xffff) << i->shift)) | (uint64_t)i->imm << i->shift;
    return value_const(v, i->size == 8 ? n : (uint32_t)n);
}

/* ---- Moves ---- */

/* Move the low byte of the result of a comparison. */
static uint32_t move_bool(struct verifier *v, const struct verify_insn *i, const struct value *x)
{
    if (x->kind == VALUE_BOOL) {
        return value_register(v, i->b);
    }
    if (x->n == NO_NODE) {
        return value_number(v, 8);
    }
    uint32_t node = value_new(v, VALUE_BOOL, 0, x->n);
    v->values[node].width = 1;
    v->values[node].shift = x->shift;
    return node;
}

static uint32_t step_move(struct verifier *v, const struct verify_insn *i)
{
    uint32_t b = value_register(v, i->b);
    struct value x = *value_of(v, b);
    unsigned bytes = MIN(i->bytes == 0 ? i->size : i->bytes, i->size);
    if (bytes == 8) {
        (void)value_demand(v, b, DEMAND_DEFINED);
        return b;
    }
    bool is_byte = x.kind == VALUE_BYTE && bytes == 1;
    if (i->size >= 4 && (is_byte || x.kind == VALUE_BOOL) && (i->flags & VERIFY_SIGNED) == 0) {
        return move_bool(v, i, &x);
    }
    if (!value_demand(v, b, DEMAND_NUMBER) || i->size < 4) {
        (void)verify_refuse(v, "an address is cut");
        return ZERO_NODE;
    }
    if ((i->flags & VERIFY_SIGNED) != 0) {
        return number_of(v, i, 64);
    }
    if (bytes == 4) {
        return value_low(v, b);
    }
    return number_of(v, i, MIN(8 * bytes, value_width(v, b)));
}

/* One of two values: a merge of no block, or what both have in common. */
static uint32_t step_select(struct verifier *v, const struct verify_insn *i)
{
    uint32_t a = value_register(v, i->a), b = operand_b(v, i);
    if (i->size == 4) {
        a = value_low(v, a);
        b = value_low(v, b);
    }
    if (i->imm != 0) {
        struct shifted one = {value_const(v, 1), VERIFY_WHOLE, 0, i->size};
        if (!are_numbers(v, a, b)) {
            return ZERO_NODE;
        }
        b = value_computed(v, RULE_ADD, b, one, 8u * i->size);
    }
    if (i->size < 4) {
        (void)verify_refuse(v, "a part of a register is selected");
    }
    bool are_defined = value_demand(v, a, DEMAND_DEFINED) && value_demand(v, b, DEMAND_DEFINED);
    return are_defined ? value_either(v, a, b) : ZERO_NODE;
}

/* ---- Comparisons ---- */

/* Numbers may be compared with each other, and references with null, which tells nothing but
 * whether they are null: check_flags() refuses the flags that would tell more. */
static bool step_compare(struct verifier *v, const struct verify_insn *i)
{
    uint32_t right = i->a == VERIFY_NONE && (i->flags & VERIFY_IMM) == 0 ? i->c : VERIFY_NONE;
    uint32_t a, b;
    if (i->a == VERIFY_NONE) { /* memory is on the left */
        a = verify_read(v, i, i->bytes, 0);
        b = right != VERIFY_NONE ? value_register(v, right) : immediate(v, i);
    } else {
        a = value_register(v, i->a);
        b = operand_b(v, i);
    }
    /* A reference may be compared only with null. */
    bool plain = i->size >= 4 && i->extend == VERIFY_WHOLE && i->shift == 0;
    bool with_null =
        i->size == 8 && plain && (i->op == VERIFY_TEST ? a == b : value_same(v, b, ZERO_NODE));
    unsigned asked = with_null ? DEMAND_DEFINED : DEMAND_NUMBER;
    if (!value_demand(v, a, asked) || !value_demand(v, b, asked)) {
        return false;
    }
    const struct value *x = value_of(v, a);
    if (with_null && !value_is_number(x) && x->kind != VALUE_REFERENCE && x->kind != VALUE_MERGE &&
        x->kind != VALUE_CONTEXT && x->kind != VALUE_RECORD) {
        return verify_refuse(v, "an address is compared");
    }
    if (with_null && !value_is_number(x)) {
        v->flags_open = x->kind == VALUE_MERGE ? OPEN_MERGE : OPEN_OTHERS;
    }
    uint8_t depth = x->kind == VALUE_BOOL ? v->comparisons[x->n].depth + 1 : 0;
    v->flags = (struct comparison){.a = a,
                                   .b = b,
                                   .size = i->size,
                                   .depth = depth,
                                   .is_valid = plain && depth < BOOL_DEPTH,
                                   .is_test = i->op == VERIFY_TEST};
    return v->status == OK;
}

/* Set d to 0 or 1, and record the comparison. If the register was not 0 before, only its low byte
 * may be used. */
static uint32_t step_set(struct verifier *v, const struct verify_insn *i)
{
    bool is_whole = i->size >= 4 || value_same(v, value_register(v, i->d), ZERO_NODE);
    bool is_known = v->flags.is_valid && i->cond != VERIFY_OTHER;
    if (is_known && !ROOM(v, comparison, 1)) {
        return ZERO_NODE;
    }
    if (is_whole && !is_known) {
        return value_number(v, 1);
    }
    uint32_t node = value_new(v, is_whole ? VALUE_BOOL : VALUE_BYTE, 0,
                              is_known ? v->comparison_count : NO_NODE);
    if (is_known) {
        v->comparisons[v->comparison_count++] = v->flags;
    }
    v->values[node].width = 1;
    v->values[node].shift = i->cond;
    return node;
}

/* ---- Memory ---- */

/* Of a vector register, only what is read counts. */
static uint32_t step_load(struct verifier *v, const struct verify_insn *i)
{
    if ((i->flags & VERIFY_TABLE_PART) != 0) { /* verify_jump_table() checks the whole sequence */
        bool narrow = i->extend == VERIFY_LOW_HALF || value_narrow(v, value_register(v, i->index));
        if (!narrow) {
            (void)verify_refuse(v, "the index of a jump may have more than 32 bits");
        }
        return value_number(v, 64);
    }
    uint32_t node = verify_read(v, i, i->bytes, 0);
    if (v->status == OK && (i->flags & (VERIFY_VECTOR | VERIFY_SIGNED)) != 0) {
        (void)value_demand(v, node, DEMAND_NUMBER);
        node = (i->flags & VERIFY_VECTOR) != 0 ? node : number_of(v, i, 64);
    }
    return node;
}

static bool step_store(struct verifier *v, const struct verify_insn *i)
{
    uint32_t node = (i->flags & VERIFY_VECTOR) != 0 ? NO_NODE
                    : (i->flags & VERIFY_IMM) != 0  ? value_const(v, (uint64_t)i->imm)
                                                    : value_register(v, i->a);
    if ((i->flags & VERIFY_IMM) != 0 && i->bytes == 4) {
        node = value_const(v, (uint32_t)i->imm);
    }
    return v->status == OK && verify_write(v, i, i->bytes, 0, node);
}

static bool step_update(struct verifier *v, const struct verify_insn *i)
{
    uint32_t old = verify_read(v, i, i->bytes, 0);
    bool has_register = (i->flags & VERIFY_IMM) == 0 && i->b != VERIFY_NONE;
    uint32_t other = has_register ? value_register(v, i->b) : ZERO_NODE;
    return are_numbers(v, old, other) && verify_write(v, i, i->bytes, 0, NO_NODE);
}

static bool step_exchange(struct verifier *v, const struct verify_insn *i)
{
    const uint8_t regs[] = {i->a, i->b, i->c};
    for (unsigned n = 0; n < ARRAY_COUNT(regs); n++) {
        if (regs[n] != VERIFY_NONE && !value_demand(v, value_register(v, regs[n]), DEMAND_NUMBER)) {
            return false;
        }
    }
    if (!verify_exchanged(v, i) || i->d == VERIFY_NONE) {
        return v->status == OK;
    }
    uint32_t old = number_of(v, i, 64);
    return v->status == OK && set(v, i->d, old);
}

static bool step_pair(struct verifier *v, const struct verify_insn *i)
{
    bool vector = (i->flags & VERIFY_VECTOR) != 0;
    if (i->op == VERIFY_STORE_PAIR) {
        uint32_t first = vector ? NO_NODE : value_register(v, i->a);
        uint32_t second = vector ? NO_NODE : value_register(v, i->c);
        return verify_write(v, i, i->bytes, 0, first) &&
               verify_write(v, i, i->bytes, i->bytes, second);
    }
    uint32_t first = verify_read(v, i, i->bytes, 0);
    uint32_t second = verify_read(v, i, i->bytes, i->bytes);
    return v->status == OK &&
           (vector || (verify_set(v, i->d, first) && verify_set(v, i->c, second)));
}

static bool step_literal(struct verifier *v, const struct verify_insn *i)
{
    if (i->imm < 0 || i->bytes > v->size || i->imm > (int64_t)(v->size - i->bytes)) {
        return verify_refuse(v, "a constant outside the function");
    }
    const uint8_t *at = v->code + i->imm;
    return (i->flags & VERIFY_VECTOR) != 0 ||
           verify_set(v, i->d, i->bytes == 8 ? value_const(v, load_le64(at)) : value_number(v, 64));
}

/* ---- All of them ---- */

static bool step(struct verifier *v, const struct verify_insn *i)
{
    uint32_t node;
    switch ((enum verify_op)i->op) {
    case VERIFY_NOP:
    case VERIFY_PAD:
    case VERIFY_PAD_JUMP:
        return true;
    case VERIFY_CONST:
        node = immediate(v, i);
        break;
    case VERIFY_INSERT:
        node = step_insert(v, i);
        break;
    case VERIFY_MOVE:
        node = step_move(v, i);
        break;
    case VERIFY_ADD:
        node = step_add(v, i);
        break;
    case VERIFY_SUB:
        node = step_sub(v, i);
        break;
    case VERIFY_AND:
    case VERIFY_OR:
        node = step_logic(v, i);
        break;
    case VERIFY_SHL:
        node = step_shift_left(v, i);
        break;
    case VERIFY_SHR:
        node = step_shift_right(v, i);
        break;
    case VERIFY_MUL:
    case VERIFY_DIV:
        node = step_multiply(v, i);
        break;
    case VERIFY_FIELD:
        node = use_numbers(v, i) ? number_of(v, i, i->shift) : ZERO_NODE;
        break;
    case VERIFY_NUMBER:
        node = use_numbers(v, i) ? number_of(v, i, 64) : ZERO_NODE;
        break;
    case VERIFY_SELECT:
        node = step_select(v, i);
        break;
    case VERIFY_SET:
        node = step_set(v, i);
        break;
    case VERIFY_COMPARE:
    case VERIFY_TEST:
        return step_compare(v, i);
    case VERIFY_USE:
        return use_numbers(v, i);
    case VERIFY_LEA:
        node = verify_lea(v, i);
        break;
    case VERIFY_MUL_WIDE:
        return step_multiply_wide(v, i);
    case VERIFY_DIVIDE:
        return step_divide(v, i);
    case VERIFY_ADDRESS:
        node = value_new(v, VALUE_CODE_ADDRESS, 0, (uint64_t)i->imm);
        break;
    case VERIFY_LOAD:
        node = step_load(v, i);
        if ((i->flags & VERIFY_VECTOR) != 0) {
            return v->status == OK;
        }
        break;
    case VERIFY_STORE:
        return step_store(v, i);
    case VERIFY_UPDATE:
        return step_update(v, i);
    case VERIFY_EXCHANGE:
        return step_exchange(v, i);
    case VERIFY_LOAD_PAIR:
    case VERIFY_STORE_PAIR:
        return step_pair(v, i);
    case VERIFY_LITERAL:
        return step_literal(v, i);
    case VERIFY_PUSH:
        return verify_push(v, i);
    case VERIFY_POP:
        return verify_pop(v, i);
    case VERIFY_PROBE_LOOP:
        return verify_probe_loop(v, i);
    case VERIFY_CLEAR_LOOP:
        return verify_clear_loop(v, i);
    case VERIFY_JUMP:
        return true;
    case VERIFY_BRANCH:
    case VERIFY_BRANCH_ZERO:
    case VERIFY_BRANCH_BIT:
        return verify_branch(v, i);
    case VERIFY_JUMP_TABLE:
        return verify_jump_table(v, i);
    case VERIFY_CALL:
        return verify_call(v, i);
    case VERIFY_CALL_TO:
        return verify_call_to(v, i);
    case VERIFY_RETURN:
        return verify_return(v, i);
    case VERIFY_TAIL:
        return verify_tail_call(v, i);
    case VERIFY_TAIL_TO:
        return verify_tail_call_to(v, i);
    case VERIFY_TRAP:
        return i->trap != 0 || verify_row(v, i, IR_TRAP_UNREACHABLE);
    default:
        return verify_refuse(v, "an operation that is not known");
    }
    return v->status == OK && set(v, i->d, node);
}

/* Comparisons survive only operations that do not change the flags. */
enum { READS_FLAGS = 1, SETS_FLAGS = 2, KEEPS_FLAGS = 4, OPENS_FLAGS = 8 };
static const uint8_t flag_use[] = {
    [VERIFY_COMPARE] = SETS_FLAGS | KEEPS_FLAGS,
    [VERIFY_TEST] = SETS_FLAGS | KEEPS_FLAGS,
    [VERIFY_SET] = READS_FLAGS | KEEPS_FLAGS,
    [VERIFY_SELECT] = READS_FLAGS | KEEPS_FLAGS,
    [VERIFY_BRANCH] = READS_FLAGS | KEEPS_FLAGS,
    [VERIFY_CALL] = OPENS_FLAGS,
    [VERIFY_CALL_TO] = OPENS_FLAGS,
    [VERIFY_TRAP] = 0,
};

static bool may_read_flags(struct verifier *v, unsigned cond)
{
    bool is_equality = cond == VERIFY_EQUAL || cond == VERIFY_NOT_EQUAL;
    if ((v->flags_open & (is_equality ? OPEN_ZERO : OPEN_ALL)) != 0) {
        return verify_refuse(v, "flags that the program did not set");
    }
    if (is_equality || v->flags_open != OPEN_MERGE) {
        return true;
    }
    v->flags_open = 0;
    return value_demand(v, v->flags.a, DEMAND_NUMBER);
}

/* Which flags must not be read after an instruction. @return false: it reads such a flag. */
static bool check_flags(struct verifier *v, const struct verify_insn *i, unsigned use)
{
    bool reads = (use & READS_FLAGS) != 0 || (i->flags & VERIFY_FLAGS_IN) != 0;
    if (reads && !may_read_flags(v, i->cond)) {
        return false;
    }
    if ((use & OPENS_FLAGS) != 0) {
        v->flags_open = OPEN_ALL;
    } else if ((use & SETS_FLAGS) != 0 || (i->flags & VERIFY_FLAGS) != 0) {
        v->flags_open = 0;
    } else if ((i->flags & VERIFY_FLAG_ZERO) != 0) {
        v->flags_open &= OPEN_OTHERS | OPEN_MERGE;
    }
    return true;
}

static ALWAYS_INLINE bool step_one(struct verifier *v, const struct verify_insn *i)
{
    unsigned use = flag_use[i->op];
    v->at = i->at;
    if (i->trap == IR_TRAP_STACK + 1 && verify_is_probe(v, i)) {
        return v->status == OK;
    }
    /* While all flags may be read, only a call changes that here. */
    bool is_plain = v->flags_open == 0 && (use & OPENS_FLAGS) == 0;
    bool is_fine = (is_plain || check_flags(v, i, use)) && step(v, i);
    if ((use & KEEPS_FLAGS) == 0) {
        v->flags.is_valid = false;
    }
    return is_fine && v->status == OK;
}

bool verify_steps(struct verifier *v, const struct verify_insn *i, const struct verify_insn *end)
{
    while (i < end) {
        if (!step_one(v, i++)) {
            return false;
        }
    }
    return true;
}
