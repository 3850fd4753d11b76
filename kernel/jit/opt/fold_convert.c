// SPDX-License-Identifier: MIT
//
// Rules for integer conversions, loads and stores.
#include "kernel/jit/opt/fold.h"

/** Offsets up to this fit into an instruction on every machine. */
#define OFFSET_MAX ((uint64_t)INT32_MAX)

static uint32_t unary(struct ir_function *f, unsigned op, unsigned type, uint32_t a)
{
    return ir_build(f, op, type, a, 0, 0);
}

/* The number of low bits that determine a value: all
 * higher bits are copies of the highest of these. */
static unsigned signed_width(const struct ir_function *f, uint32_t value)
{
    const struct ir_instr *i = &f->instrs[value];
    switch ((enum ir_op)i->op) {
    case IR_EXTEND8_S:
        return 8;
    case IR_EXTEND16_S:
        return 16;
    case IR_EXTEND32_S:
    case IR_EXTEND_S:
        return 32;
    case IR_LOAD:
        switch (f->memrefs[i->c].access) {
        case IR_ACCESS_8_S:
            return 8;
        case IR_ACCESS_16_S:
            return 16;
        case IR_ACCESS_32_S:
            return 32;
        default:
            return 64;
        }
    default:
        return 64;
    }
}

/* Sign extension from `width` bits: the operand itself if the extension changes nothing, or an
 * earlier operand that it applies to as well. */
static uint32_t sign_extend(struct ir_function *f, const struct ir_instr *i, unsigned width)
{
    uint64_t c, low = UINT64_MAX >> (64 - width);
    struct ir_instr a = f->instrs[i->a];
    if (signed_width(f, i->a) <= width || fold_bits(f, i->a) <= low >> 1) {
        return i->a;
    }
    bool masked = a.op == IR_AND && fold_is_const(f, a.b, &c) && (c & low) == low;
    bool wider = (a.op == IR_EXTEND16_S || a.op == IR_EXTEND32_S) && signed_width(f, i->a) > width;
    if (masked || wider) {
        return unary(f, i->op, i->type, a.a);
    }
    return width == 32 && a.op == IR_EXTEND_U ? unary(f, IR_EXTEND_S, IR_I64, a.a) : IR_NONE;
}

/* The i32 from which an i64 is made: a constant, or the operand of an extension. */
static bool narrow_operand(struct ir_function *f, uint32_t value, uint32_t *out)
{
    struct ir_instr i = f->instrs[value];
    if (i.op == IR_CONST) {
        *out = ir_build_const(f, IR_I32, ir_const_bits(&i));
        return true;
    }
    *out = i.a;
    return i.op == IR_EXTEND_U || i.op == IR_EXTEND_S;
}

/* Operations whose result's low half depends only on the operands' low halves. */
static bool is_modular(unsigned op)
{
    return op == IR_ADD || op == IR_SUB || op == IR_MUL || op == IR_AND || op == IR_OR ||
           op == IR_XOR;
}

static uint32_t wrap(struct ir_function *f, const struct ir_instr *i)
{
    struct ir_instr a = f->instrs[i->a];
    uint64_t c;
    uint32_t left, right;
    switch ((enum ir_op)a.op) {
    case IR_EXTEND_U:
    case IR_EXTEND_S:
        return a.a;
    case IR_EXTEND32_S:
        return unary(f, IR_WRAP, IR_I32, a.a);
    case IR_AND:
        if (fold_is_const(f, a.b, &c) && (uint32_t)c == UINT32_MAX) {
            return unary(f, IR_WRAP, IR_I32, a.a);
        }
        break;
    default:
        break;
    }
    if (is_modular(a.op) && narrow_operand(f, a.a, &left) && narrow_operand(f, a.b, &right)) {
        return ir_build(f, a.op, IR_I32, left, right, 0);
    }
    return IR_NONE;
}

static uint32_t extend(struct ir_function *f, const struct ir_instr *i)
{
    struct ir_instr a = f->instrs[i->a];
    if (i->op == IR_EXTEND_S && (fold_bits(f, i->a) & 0x80000000) == 0) {
        return unary(f, IR_EXTEND_U, IR_I64, i->a);
    }
    /* A zero-extended low half stays, even if the upper half is known to be 0: it may be the index
     * of a table, and the verifier of machine code may not know as much about the number. */
    return a.op == IR_WRAP && i->op == IR_EXTEND_S ? unary(f, IR_EXTEND32_S, IR_I64, a.a) : IR_NONE;
}

uint32_t fold_convert(struct ir_function *f, const struct ir_instr *i)
{
    struct ir_instr a = f->instrs[i->a];
    switch ((enum ir_op)i->op) {
    case IR_EXTEND8_S:
        return sign_extend(f, i, 8);
    case IR_EXTEND16_S:
        return sign_extend(f, i, 16);
    case IR_EXTEND32_S:
        return sign_extend(f, i, 32);
    case IR_WRAP:
        return wrap(f, i);
    case IR_BITCAST: /* two bitcasts that cancel each other */
        return a.op == IR_BITCAST ? a.a : IR_NONE;
    default:
        return extend(f, i);
    }
}

/* ---- Accesses ---- */

/* Whether part of the index can move to the offset: a constant addend, if the addition does not
 * wrap, or wraps in the same way when it is part of the offset. */
static bool has_addend(const struct ir_function *f, uint32_t index, unsigned space,
                       uint64_t *addend)
{
    const struct ir_instr *i = &f->instrs[index];
    if ((i->op != IR_ADD && i->op != IR_DERIVE) || !fold_is_const(f, i->b, addend)) {
        return false;
    }
    switch (space) {
    case IR_SPACE_MEMORY: /* the offset is added with 64 bits, the index with 32 */
        return fold_bits(f, i->a) + *addend <= UINT32_MAX;
    case IR_SPACE_ADDRESS:
        return true;
    default: /* null plus an offset would no longer be null */
        return i->op == IR_DERIVE && f->instrs[i->a].op == IR_NULL_CHECK;
    }
}

/* Move constants of the address into the offset. A constant index becomes 0. */
static void fold_address(struct ir_function *f, struct ir_instr *i, struct ir_memref *p)
{
    uint64_t c;
    while (has_addend(f, i->a, p->space, &c) && p->offset + c <= OFFSET_MAX) {
        p->offset += c;
        i->a = f->instrs[i->a].a;
    }
    if (p->space == IR_SPACE_MEMORY && fold_is_const(f, i->a, &c) && c != 0 &&
        p->offset <= OFFSET_MAX && p->offset + c <= OFFSET_MAX) {
        p->offset += c;
        i->a = ir_build_const(f, IR_I32, 0);
    }
}

/* The value to store narrowly: without operations
 * that change only the bits which are not stored. */
static uint32_t low_bits(const struct ir_function *f, uint32_t value, unsigned width)
{
    for (;;) {
        const struct ir_instr *i = &f->instrs[value];
        uint64_t c, low = UINT64_MAX >> (64 - width);
        bool masked = i->op == IR_AND && fold_is_const(f, i->b, &c) && (c & low) == low;
        bool extended = (i->op == IR_EXTEND8_S && width <= 8) ||
                        (i->op == IR_EXTEND16_S && width <= 16) ||
                        (i->op == IR_EXTEND32_S && width <= 32);
        if (!masked && !extended) {
            return value;
        }
        value = i->a;
    }
}

static void fold_stored(struct ir_function *f, struct ir_instr *i, struct ir_memref *p)
{
    unsigned width = 8 * ir_access_size(p->access, f->instrs[i->b].type);
    if (p->access == IR_ACCESS_FULL) {
        return;
    }
    if (p->access == IR_ACCESS_8_S || p->access == IR_ACCESS_16_S || p->access == IR_ACCESS_32_S) {
        p->access++; /* the other access has the same effect; use one form of the two */
    }
    i->b = low_bits(f, i->b, width);
    unsigned op = f->instrs[i->b].op;
    if (op == IR_EXTEND_U || op == IR_EXTEND_S) {
        i->b = low_bits(f, f->instrs[i->b].a, width);
        p->access = width == 32 ? IR_ACCESS_FULL : p->access;
    }
}

void fold_access(struct ir_function *f, struct ir_instr *i)
{
    struct ir_memref before = f->memrefs[i->c], p = before;
    if (i->a != IR_NONE) {
        fold_address(f, i, &p);
    }
    if (i->op != IR_LOAD) {
        fold_stored(f, i, &p);
    }
    /* these two are all that the rules change */
    if (p.offset != before.offset || p.access != before.access) {
        i->c = ir_memref(f, &p);
    }
}
