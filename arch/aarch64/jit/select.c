// SPDX-License-Identifier: MIT
//
// Chooses the file that selects each operation, and has common helpers.
#include "arch/aarch64/jit/select_internal.h"

#include "kernel/lib/compiler.h"

/* ---- Making instructions ---- */

struct a64_new a64_new(struct selector *s, unsigned op, unsigned small)
{
    return (struct a64_new){.s = s, .i = {.op = (uint16_t)op, .small = (uint16_t)small}};
}

void a64_operand(struct a64_new *n, uint32_t vreg, enum vrole role, enum vconstraint constraint,
                 unsigned which)
{
    n->operands[n->count++] =
        (struct voperand){vreg, (uint8_t)role, (uint8_t)constraint, (uint8_t)which, 0};
}

void a64_def(struct a64_new *n, uint32_t vreg)
{
    a64_operand(n, vreg, VDEF, VAT_REG, 0);
}

void a64_use(struct a64_new *n, uint32_t vreg)
{
    a64_operand(n, vreg, VUSE, VAT_REG, 0);
}

void a64_done(struct a64_new *n)
{
    select_emit(n->s, &n->i, n->operands, n->count);
}

void a64_emit_imm(struct selector *s, unsigned op, unsigned small, uint32_t d, uint32_t n,
                  uint64_t imm)
{
    struct a64_new new = a64_new(s, op, small);
    new.i.imm = imm;
    a64_def(&new, d);
    a64_use(&new, n);
    a64_done(&new);
}

void a64_emit1(struct selector *s, unsigned op, unsigned small, uint32_t d, uint32_t n)
{
    a64_emit_imm(s, op, small, d, n, 0);
}

void a64_emit2(struct selector *s, unsigned op, unsigned small, uint32_t d, uint32_t n, uint32_t m)
{
    struct a64_new new = a64_new(s, op, small);
    a64_def(&new, d);
    a64_use(&new, n);
    a64_use(&new, m);
    a64_done(&new);
}

void a64_emit_const(struct selector *s, uint32_t d, uint64_t value)
{
    struct a64_new new = a64_new(s, A64_OP_CONST, 0);
    new.i.flags = VI_REMAKE;
    new.i.imm = value;
    a64_def(&new, d);
    a64_done(&new);
}

/* ---- Examining operands ---- */

unsigned a64_wide(unsigned type)
{
    return ir_type_size(type) == 8 ? A64_SMALL_WIDE : 0;
}

unsigned a64_double(unsigned type)
{
    return type == IR_F64 ? A64_SMALL_DOUBLE : 0;
}

uint32_t a64_temp(struct selector *s)
{
    return select_temp(s, VCLASS_INT, 8);
}

uint32_t a64_low(struct selector *s, uint32_t value)
{
    const struct ir_instr *i = select_instr(s, value);
    if (i->op == IR_WRAP || i->op == IR_EXTEND_U) {
        return select_reg(s, i->a);
    }
    return select_reg(s, value);
}

/* ---- Constants and addresses of the frame ---- */

static void select_float_const(struct selector *s, const struct ir_instr *i)
{
    struct a64_new n = a64_new(s, A64_OP_FCONST, a64_double(i->type));
    n.i.flags = VI_REMAKE;
    n.i.imm = ir_const_bits(i);
    a64_def(&n, select_result(s));
    a64_done(&n);
}

/* The stack pointer is aligned to 16. The area of a slot with larger alignment has enough room to
 * find an aligned address in it. */
void a64_emit_slot(struct selector *s, uint32_t d, uint32_t slot)
{
    uint32_t align = s->f->slots[slot].align, above = align > 16 ? a64_temp(s) : d;
    struct a64_new n = a64_new(s, A64_OP_ADDRESS, 0);
    n.i.flags = VI_REMAKE;
    n.i.extra = A64_AREA_LOCAL;
    n.i.imm = s->slot_at[slot] + (align > 16 ? align - 16 : 0);
    a64_def(&n, above);
    a64_done(&n);
    if (align > 16) {
        a64_emit_imm(s, A64_AND_IMM, A64_SMALL_WIDE, d, above, ~(uint64_t)(align - 1));
    }
}

static void select_context(struct selector *s)
{
    struct a64_new n = a64_new(s, A64_OP_CONTEXT, 0);
    n.i.flags = VI_REMAKE;
    a64_def(&n, select_result(s));
    a64_done(&n);
}

/* ---- Control flow ---- */

static void select_jump(struct selector *s)
{
    struct a64_new n = a64_new(s, A64_OP_JUMP, 0);
    n.i.flags = VI_TERMINATOR;
    a64_done(&n);
}

static void select_branch(struct selector *s, const struct ir_instr *i)
{
    struct a64_condition c = a64_condition(s, i->a, true);
    struct a64_new n = a64_new_conditional(s, A64_OP_BRANCH, &c);
    n.i.flags = VI_TERMINATOR;
    a64_add_condition(&n, &c);
    a64_done(&n);
}

static void select_switch(struct selector *s, const struct ir_instr *i)
{
    if (select_switch_has_one_way(s)) {
        select_jump(s);
        return;
    }
    struct a64_new n = a64_new(s, A64_OP_SWITCH, 0);
    n.i.flags = VI_TERMINATOR;
    n.i.extra = s->case_pool;
    n.i.imm = i->c;
    a64_use(&n, a64_low(s, i->a));
    a64_done(&n);
}

static void select_trap(struct selector *s, const struct ir_instr *i)
{
    struct a64_new n = a64_new(s, A64_OP_TRAP, 0);
    n.i.flags = VI_TERMINATOR | VI_TRAPS;
    n.i.trap = (uint8_t)i->b;
    a64_done(&n);
}

/* ---- By operation ---- */

static bool select_other(struct selector *s, const struct ir_instr *i)
{
    switch ((enum ir_op)i->op) {
    case IR_CONST:
        if (ir_is_float(i->type)) {
            select_float_const(s, i);
        } else {
            a64_emit_const(s, select_result(s), ir_const_bits(i));
        }
        return true;
    case IR_NULL:
        a64_emit_const(s, select_result(s), 0);
        return true;
    case IR_CONTEXT:
        select_context(s);
        return true;
    case IR_SLOT:
        a64_emit_slot(s, select_result(s), i->a);
        return true;
    case IR_JUMP:
        select_jump(s);
        return true;
    case IR_BRANCH:
        select_branch(s, i);
        return true;
    case IR_SWITCH:
        select_switch(s, i);
        return true;
    case IR_TRAP:
        select_trap(s, i);
        return true;
    default:
        return false;
    }
}

static bool select_instr_of(struct selector *s)
{
    const struct ir_instr *i = &s->f->instrs[s->at];
    return select_other(s, i) || a64_select_integer(s, i) || a64_select_bits(s, i) ||
           a64_select_compare(s, i) || a64_select_float(s, i) || a64_select_memory(s, i) ||
           a64_select_call(s, i) || a64_select_vector(s, i);
}

enum status a64_select(const struct ir_function *f, uint64_t features, struct vcode *out,
                       unsigned *op)
{
    struct a64_selection own = {.machine = {a64_select_entry, select_instr_of, select_jump}};
    uint32_t largest = 0;
    for (uint32_t b = 0; b < f->block_count; b++) {
        largest = MAX(largest, f->blocks[b].count);
    }
    own.groups = arena_alloc(out->arena, (size_t)f->instr_count * sizeof *own.groups);
    own.accesses = arena_alloc(out->arena, (size_t)largest * sizeof *own.accesses);
    if (own.groups == NULL || own.accesses == NULL) {
        return E_NOMEM;
    }
    return select_function(&own.machine, f, features, out, op);
}
