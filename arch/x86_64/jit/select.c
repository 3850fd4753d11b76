// SPDX-License-Identifier: MIT
//
// Chooses the file that selects each operation, and has the functions that build an operation.
#include "arch/x86_64/jit/select_internal.h"

#include "kernel/lib/compiler.h"

/* ---- Building one operation ---- */

struct draft x86_draft_new(enum x86_op op, unsigned size)
{
    struct draft d; /* operands are written as they are added */
    d.i = (struct vinstr){.op = (uint16_t)op};
    d.small = (struct x86_small){.size = size};
    d.count = 0;
    return d;
}

void x86_draft_operand(struct draft *d, uint32_t vreg, enum vrole role, enum vconstraint constraint,
                       unsigned which)
{
    if (d->count < DRAFT_OPERANDS) {
        d->operands[d->count++] = (struct voperand){.vreg = vreg,
                                                    .role = (uint8_t)role,
                                                    .constraint = (uint8_t)constraint,
                                                    .which = (uint8_t)which};
    }
}

void x86_draft_imm(struct draft *d, uint64_t imm)
{
    d->small.mode = d->small.mode == X86_MODE_MEM ? X86_MODE_MEM_IMM : X86_MODE_IMM;
    d->i.imm = imm;
}

void x86_draft_address(struct draft *d, const struct address *a)
{
    d->small.mode = X86_MODE_MEM;
    d->small.base = a->base;
    d->small.scale = a->scale;
    d->small.has_index = a->index_reg != VREG_NONE;
    d->i.extra = (uint32_t)a->disp;
    if (a->base == X86_BASE_REG) {
        x86_draft_use(d, a->base_reg);
    }
    if (d->small.has_index) {
        x86_draft_use(d, a->index_reg);
    }
    if (a->trap != IR_TRAP_COUNT) {
        d->i.flags |= VI_TRAPS;
        d->i.trap = (uint8_t)a->trap;
        d->i.location = a->location;
    }
}

void x86_draft_rm(struct selector *s, struct draft *d, uint32_t value, unsigned bytes)
{
    uint64_t bits;
    const struct ir_instr *i = select_instr(s, value);
    if (x86_may_read(s, value, bytes)) {
        struct address a = x86_merge_load(s, value);
        x86_draft_address(d, &a);
    } else if (ir_is_float(i->type) && select_const(s, value, &bits) &&
               !select_is_loop_constant(s, value)) {
        d->small.mode = X86_MODE_MEM;
        d->small.base = X86_BASE_CONSTANT;
        d->i.imm = bits;
    } else {
        x86_draft_operand(d, select_reg(s, value), VUSE, VAT_ANY, 0);
    }
}

void x86_draft_emit(struct selector *s, struct draft *d)
{
    d->i.small = x86_pack(d->small);
    select_emit(s, &d->i, d->operands, d->count);
}

void x86_lower_unary(struct selector *s, enum x86_op op, unsigned size, uint32_t value,
                     unsigned bytes)
{
    struct draft d = x86_draft_new(op, size);
    x86_draft_def(&d, select_result(s));
    x86_draft_rm(s, &d, value, bytes);
    x86_draft_emit(s, &d);
}

static void make_constant(struct selector *s, uint32_t to, uint64_t bits, unsigned bytes,
                          bool is_float)
{
    struct draft d = x86_draft_new(is_float ? X86_OP_FLOAT_CONST : X86_OP_CONST, bytes);
    d.i.flags |= VI_REMAKE;
    d.i.imm = bits;
    x86_draft_def(&d, to);
    x86_draft_emit(s, &d);
}

uint32_t x86_lower_constant(struct selector *s, uint64_t bits, unsigned bytes)
{
    uint32_t to = select_temp(s, VCLASS_INT, bytes);
    make_constant(s, to, bits, bytes, false);
    return to;
}

void x86_lower_copy(struct selector *s, uint32_t to, uint32_t from, unsigned class, unsigned bytes)
{
    struct draft d =
        x86_draft_new(class == VCLASS_INT ? X86_OP_COPY : X86_OP_FLOAT_COPY, bytes == 4 ? 4 : 8);
    d.i.flags |= VI_MOVE;
    x86_draft_def(&d, to);
    x86_draft_use(&d, from);
    x86_draft_emit(s, &d);
}

bool x86_is_imm32(const struct selector *s, uint32_t value, uint64_t *bits)
{
    const struct ir_instr *i = select_instr(s, value);
    return !ir_is_float(i->type) && select_const(s, value, bits) &&
           x86_fits_imm32(*bits, ir_type_size(i->type));
}

/* ---- Small families ---- */

/* Operations with one definition and no use, which can be repeated wherever the value is needed. */
static bool select_from_nowhere(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    if (i->op == IR_CONST || i->op == IR_NULL) {
        uint64_t bits = 0;
        (void)select_const(s, s->at, &bits);
        make_constant(s, select_result(s), bits, ir_type_size(i->type), ir_is_float(i->type));
        return true;
    }
    struct draft d = x86_draft_new(i->op == IR_SLOT ? X86_OP_SLOT : X86_OP_CONTEXT, 8);
    d.i.flags |= VI_REMAKE;
    if (i->op == IR_SLOT) {
        d.i.extra = s->slot_at[i->a];
        d.i.imm = s->f->slots[i->a].align;
    }
    x86_draft_def(&d, select_result(s));
    x86_draft_emit(s, &d);
    return true;
}

/* Read at the object's address: for a null reference that faults. */
static bool select_null_check(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    uint32_t object = select_reg(s, i->a);
    struct address a = {X86_BASE_REG, object, VREG_NONE, 0, 0, IR_TRAP_NULL, 0};
    struct draft d = x86_draft_new(X86_OP_PROBE, 1);
    x86_draft_address(&d, &a);
    x86_draft_imm(&d, 0);
    x86_draft_emit(s, &d);
    x86_lower_copy(s, select_result(s), object, VCLASS_INT, 8);
    return true;
}

static void select_jump(struct selector *s)
{
    struct draft d = x86_draft_new(X86_OP_JUMP, 4);
    d.i.flags |= VI_TERMINATOR;
    x86_draft_emit(s, &d);
}

/* With few cases, compare one by one. */
static bool select_switch(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    if (select_switch_has_one_way(s)) {
        select_jump(s);
        return true;
    }
    bool few = i->c <= 5;
    struct draft d = x86_draft_new(few ? X86_OP_SWITCH_FEW : X86_OP_SWITCH, 4);
    d.i.flags |= VI_TERMINATOR;
    d.i.extra = s->case_pool;
    d.i.imm = i->c;
    x86_draft_use(&d, select_reg(s, i->a));
    if (!few) {
        x86_draft_operand(&d, select_temp(s, VCLASS_INT, 8), VTEMP, VAT_REG, 0);
    }
    x86_draft_emit(s, &d);
    return true;
}

static bool select_trap(struct selector *s)
{
    struct draft d = x86_draft_new(X86_OP_TRAP, 4);
    d.i.flags |= VI_TERMINATOR | VI_TRAPS;
    d.i.trap = (uint8_t)select_instr(s, s->at)->b;
    x86_draft_emit(s, &d);
    return true;
}

/* ---- By operation ---- */

static bool select_instruction(struct selector *s)
{
    if (ir_op_info[select_instr(s, s->at)->op].shape != IR_SHAPE_NONE) {
        return x86_select_vector(s);
    }
    switch (select_instr(s, s->at)->op) {
    case IR_CONST:
    case IR_NULL:
    case IR_CONTEXT:
    case IR_SLOT:
        return select_from_nowhere(s);
    case IR_LOAD:
        return x86_select_load(s);
    case IR_STORE:
    case IR_STORE_REF:
        return x86_select_store(s);
    case IR_COPY_BYTES:
    case IR_ZERO_BYTES:
        return x86_select_bytes(s);
    case IR_ATOMIC_LOAD:
    case IR_ATOMIC_STORE:
    case IR_ATOMIC_ADD:
    case IR_ATOMIC_SUB:
    case IR_ATOMIC_AND:
    case IR_ATOMIC_OR:
    case IR_ATOMIC_XOR:
    case IR_ATOMIC_SWAP:
    case IR_ATOMIC_COMPARE_SWAP:
    case IR_FENCE:
        return x86_select_atomic(s);
    case IR_PUBLISH: /* other CPUs see the stores of one in its order (SDM 3A, 9.2.2) */
        return true;
    case IR_EQZ:
    case IR_EQ:
    case IR_NE:
    case IR_LT_S:
    case IR_LT_U:
    case IR_LE_S:
    case IR_LE_U:
    case IR_FEQ:
    case IR_FNE:
    case IR_FLT:
    case IR_FLE:
    case IR_IS_NULL:
    case IR_REF_EQ:
        return x86_select_compare(s);
    case IR_SELECT:
        return x86_select_select(s);
    case IR_NULL_CHECK:
        return select_null_check(s);
    case IR_REF_BITS:
        x86_lower_copy(s, select_result(s), select_reg(s, select_instr(s, s->at)->a), VCLASS_INT,
                       8);
        return true;
    case IR_CALL:
    case IR_CALL_INDIRECT:
    case IR_INVOKE:
    case IR_INVOKE_INDIRECT:
        return x86_select_call(s);
    case IR_TAIL_CALL:
    case IR_TAIL_CALL_INDIRECT:
        return x86_select_tail_call(s);
    case IR_TRAP_IF:
        return x86_select_trap_if(s);
    case IR_JUMP:
        select_jump(s);
        return true;
    case IR_BRANCH:
        return x86_select_branch(s);
    case IR_SWITCH:
        return select_switch(s);
    case IR_RETURN:
        return x86_select_return(s);
    case IR_TRAP:
        return select_trap(s);
    default:
        return x86_select_integer(s) || x86_select_float(s) || x86_select_conversion(s);
    }
}

static const struct select_machine machine = {
    .entry = x86_select_entry,
    .instr = select_instruction,
    .jump = select_jump,
};

enum status x86_select(const struct ir_function *f, uint64_t features, struct vcode *out,
                       unsigned *op)
{
    return select_function(&machine, f, features, out, op);
}
