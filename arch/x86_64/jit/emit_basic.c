// SPDX-License-Identifier: MIT
//
// Converts operands for the encoder, and emits operations that are one instruction.
#include "arch/x86_64/jit/emit_internal.h"

#include "kernel/lib/compiler.h"

const uint16_t x86_op_forms[X86_OP_COUNT] = {
#define X86_OP(name, emit, form, text) X86_##form,
#include "arch/x86_64/jit/ops.def"
#undef X86_OP
};

/* ---- Operands ---- */

uint32_t x86_location_of(const struct emitter *e, const struct vinstr *i, unsigned operand)
{
    if (operand == 0 && e->remake_to != VLOC_NONE) {
        return e->remake_to;
    }
    return e->v->locations[i->operands + operand];
}

uint8_t x86_reg_of(const struct emitter *e, const struct vinstr *i, unsigned operand)
{
    return (uint8_t)(x86_location_of(e, i, operand) & 15);
}

struct x86_mem x86_memory_at(unsigned base, int32_t disp)
{
    return (struct x86_mem){.base = (uint8_t)base, .index = X86_NO_REG, .disp = disp};
}

struct x86_mem x86_slot_memory(const struct emitter *e, uint32_t location)
{
    int32_t slot = (int32_t)(location & ~VLOC_SLOT_FLAG);
    return x86_memory_at(X86_RBP, e->frame.slots + 8 * slot);
}

static bool is_packed(unsigned form)
{
    return form == X86_ANDPS || form == X86_ORPS || form == X86_XORPS;
}

static struct x86_mem constant_memory(struct emitter *e, const struct vinstr *i, unsigned form)
{
    unsigned size = x86_unpack(i->small).size, bytes = is_packed(form) ? 16 : size;
    if (x86_forms[form].width == X86_WIDTH_VECTOR || x86_forms[form].shape == X86_SHAPE_THREE) {
        return x86_vector_constant(e, i);
    }
    uint64_t bits = size == 4 ? (uint32_t)i->imm : i->imm;
    return x86_memory_at(X86_RIP, (int32_t)x86_asm_constant(&e->a, bits, 0, bytes));
}

static struct x86_mem memory_of(struct emitter *e, const struct vinstr *i, unsigned operand,
                                unsigned form)
{
    struct x86_small s = x86_unpack(i->small);
    int32_t disp = (int32_t)i->extra;
    struct x86_mem m = x86_memory_at(X86_NO_REG, disp);
    switch ((enum x86_base)s.base) {
    case X86_BASE_NONE:
        break;
    case X86_BASE_REG:
        m.base = x86_reg_of(e, i, operand);
        break;
    case X86_BASE_CONTEXT:
        m.base = X86_CONTEXT;
        break;
    case X86_BASE_MEMORY:
        m.base = X86_MEMORY;
        break;
    case X86_BASE_LOCAL:
        m = x86_memory_at(X86_RBP, e->frame.locals + disp);
        break;
    case X86_BASE_OUTGOING:
        m.base = X86_RSP;
        break;
    case X86_BASE_INCOMING:
        m = x86_memory_at(X86_RBP, 16 + (int32_t)e->v->moved_bytes + disp);
        break;
    case X86_BASE_CONSTANT:
        return constant_memory(e, i, form);
    }
    if (s.has_index) {
        m.index = x86_reg_of(e, i, operand + (s.base == X86_BASE_REG));
        m.scale = (uint8_t)s.scale;
    }
    /* A base without an index has a shorter encoding. */
    if (m.base == X86_NO_REG && m.index != X86_NO_REG && m.scale == 0) {
        m.base = m.index;
        m.index = X86_NO_REG;
    }
    return m;
}

unsigned x86_fill_rm(struct emitter *e, const struct vinstr *i, unsigned operand,
                     struct x86_insn *to)
{
    struct x86_small s = x86_unpack(i->small);
    if (s.mode == X86_MODE_MEM || s.mode == X86_MODE_MEM_IMM) {
        to->is_mem = true;
        to->mem = memory_of(e, i, operand, to->form);
        if ((i->flags & VI_TRAPS) != 0 && i->op != X86_OP_TRAP_UNLESS) {
            x86_asm_row(&e->a, JIT_ROW_TRAP, i->trap, i->location, 0);
        }
        return (s.base == X86_BASE_REG) + s.has_index;
    }
    uint32_t location = x86_location_of(e, i, operand);
    to->is_mem = vloc_is_slot(location);
    to->rm = (uint8_t)(location & 15);
    if (to->is_mem) {
        to->mem = x86_slot_memory(e, location);
    }
    return 1;
}

int64_t x86_immediate_of(const struct vinstr *i)
{
    switch (x86_unpack(i->small).size) {
    case 1:
        return (int8_t)i->imm;
    case 2:
        return (int16_t)i->imm;
    case 4:
        return (int32_t)i->imm;
    default:
        return (int64_t)i->imm;
    }
}

/* ---- Instructions ---- */

static struct x86_insn new_insn(unsigned form, unsigned size)
{
    return (struct x86_insn){.form = (uint16_t)form, .size = (uint8_t)size};
}

void x86_insn_rr(struct emitter *e, unsigned form, unsigned size, unsigned reg, unsigned rm)
{
    struct x86_insn n = new_insn(form, size);
    n.reg = (uint8_t)reg;
    n.rm = (uint8_t)rm;
    x86_asm_insn(&e->a, &n);
}

void x86_insn_ri(struct emitter *e, unsigned form, unsigned size, unsigned rm, int64_t imm)
{
    struct x86_insn n = new_insn(form, size);
    n.rm = (uint8_t)rm;
    n.reg = (uint8_t)rm; /* for forms that have it in the opcode */
    n.imm = imm;
    x86_asm_insn(&e->a, &n);
}

void x86_insn_rm(struct emitter *e, unsigned form, unsigned size, unsigned reg, struct x86_mem mem)
{
    struct x86_insn n = new_insn(form, size);
    n.reg = (uint8_t)reg;
    n.is_mem = true;
    n.mem = mem;
    x86_asm_insn(&e->a, &n);
}

void x86_insn_constant(struct emitter *e, unsigned form, unsigned size, unsigned reg, uint64_t bits,
                       unsigned bytes)
{
    uint32_t data = x86_asm_constant(&e->a, bits, 0, bytes);
    x86_insn_rm(e, form, size, reg, x86_memory_at(X86_RIP, (int32_t)data));
}

void x86_insn_plain(struct emitter *e, unsigned form)
{
    x86_insn_rr(e, form, 4, 0, 0);
}

void x86_load_immediate(struct emitter *e, unsigned reg, uint64_t bits)
{
    if (bits == 0) {
        x86_insn_rr(e, X86_XOR_MR, 4, reg, reg);
    } else if (bits <= UINT32_MAX) {
        x86_insn_ri(e, X86_MOV_OI, 4, reg, (int64_t)bits);
    } else if ((int64_t)bits == (int32_t)bits) {
        x86_insn_ri(e, X86_MOV_MI, 8, reg, (int64_t)bits);
    } else {
        x86_insn_ri(e, X86_MOV_OI, 8, reg, (int64_t)bits);
    }
}

/* ---- Operations that are one instruction ---- */

void x86_emit_rm(struct emitter *e, const struct vinstr *i)
{
    struct x86_insn n = new_insn(x86_op_forms[i->op], x86_unpack(i->small).size);
    n.reg = x86_reg_of(e, i, 0);
    (void)x86_fill_rm(e, i, 1, &n);
    if (i->op == X86_OP_LEA && n.mem.index == X86_NO_REG && n.mem.disp == 0 &&
        n.mem.base == n.reg && n.size == 8) {
        return;
    }
    x86_asm_insn(&e->a, &n);
}

void x86_emit_rmi(struct emitter *e, const struct vinstr *i)
{
    struct x86_insn n = new_insn(x86_op_forms[i->op], x86_unpack(i->small).size);
    n.reg = x86_reg_of(e, i, 0);
    n.imm = x86_immediate_of(i);
    (void)x86_fill_rm(e, i, 1, &n);
    x86_asm_insn(&e->a, &n);
}

/* These write only the low part of the register and
 * would depend on its old value: clear it first. */
void x86_emit_fresh(struct emitter *e, const struct vinstr *i)
{
    unsigned form = x86_op_forms[i->op];
    struct x86_insn n = new_insn(form, x86_unpack(i->small).size);
    n.reg = x86_reg_of(e, i, 0);
    n.imm = x86_forms[form].shape == X86_SHAPE_RMI ? (int64_t)i->imm : 0;
    bool integer = form == X86_CVTSI2SS || form == X86_CVTSI2SD;
    uint32_t from =
        x86_unpack(i->small).mode == X86_MODE_REG ? x86_location_of(e, i, 1) : VLOC_NONE;
    if (integer || from != n.reg) {
        x86_insn_rr(e, X86_XORPS, 4, n.reg, n.reg);
    }
    (void)x86_fill_rm(e, i, 1, &n);
    x86_asm_insn(&e->a, &n);
}

void x86_emit_rmv(struct emitter *e, const struct vinstr *i)
{
    struct x86_insn n = new_insn(x86_op_forms[i->op], x86_unpack(i->small).size);
    n.reg = x86_reg_of(e, i, 0);
    n.other = x86_reg_of(e, i, 1);
    (void)x86_fill_rm(e, i, 2, &n);
    x86_asm_insn(&e->a, &n);
}

/* The forms of an integer operation for registers, memory and immediates are consecutive. */
enum { FORM_RM, FORM_MR, FORM_MI };

/* Not of sums of 64 bits: they may be addresses, whose flags the verifier does not let the program
 * see. */
static void keep_result(struct emitter *e, const struct vinstr *i)
{
    bool sum = (i->op == X86_OP_ADD || i->op == X86_OP_SUB) && x86_unpack(i->small).size == 4;
    bool logical = i->op == X86_OP_AND || i->op == X86_OP_OR || i->op == X86_OP_XOR;
    if (sum || logical) {
        e->result_end = e->a.byte_count;
        e->result_reg = x86_reg_of(e, i, 0);
        e->result_size = (uint8_t)x86_unpack(i->small).size;
        e->result_is_logical = logical;
    }
}

void x86_emit_alu(struct emitter *e, const struct vinstr *i)
{
    struct x86_small s = x86_unpack(i->small);
    struct x86_insn n = new_insn(x86_op_forms[i->op], s.size);
    if (s.mode == X86_MODE_IMM) {
        x86_insn_ri(e, n.form + FORM_MI, s.size, x86_reg_of(e, i, 0), x86_immediate_of(i));
    } else {
        n.reg = x86_reg_of(e, i, 0);
        (void)x86_fill_rm(e, i, 2, &n);
        x86_asm_insn(&e->a, &n);
    }
    keep_result(e, i);
}

void x86_emit_unary(struct emitter *e, const struct vinstr *i)
{
    x86_insn_rr(e, x86_op_forms[i->op], x86_unpack(i->small).size, 0, x86_reg_of(e, i, 0));
}

/* By cl: the form after the one for an immediate. */
void x86_emit_shift(struct emitter *e, const struct vinstr *i)
{
    struct x86_small s = x86_unpack(i->small);
    if (s.mode == X86_MODE_IMM && i->imm == 0) {
        return;
    }
    unsigned form = x86_op_forms[i->op] + (s.mode == X86_MODE_IMM ? 0 : 1);
    x86_insn_ri(e, form, s.size, x86_reg_of(e, i, 0), s.mode == X86_MODE_IMM ? (int64_t)i->imm : 0);
}

static bool is_atomic(const struct vinstr *i)
{
    return i->op >= X86_OP_ATOMIC_ADD_TO && i->op <= X86_OP_ATOMIC_XOR_TO;
}

void x86_emit_to_memory(struct emitter *e, const struct vinstr *i)
{
    struct x86_small s = x86_unpack(i->small);
    bool imm = s.mode == X86_MODE_MEM_IMM;
    struct x86_insn n = new_insn((unsigned)x86_op_forms[i->op] + (imm ? FORM_MI : FORM_MR), s.size);
    unsigned used = x86_fill_rm(e, i, 0, &n);
    n.lock = is_atomic(i);
    if (imm) {
        n.imm = x86_immediate_of(i);
    } else {
        n.reg = x86_reg_of(e, i, used);
    }
    x86_asm_insn(&e->a, &n);
}

void x86_emit_probe(struct emitter *e, const struct vinstr *i)
{
    struct x86_insn n = new_insn(X86_CMP_MI, x86_unpack(i->small).size);
    (void)x86_fill_rm(e, i, 0, &n);
    x86_asm_insn(&e->a, &n);
}

void x86_emit_store_float(struct emitter *e, const struct vinstr *i)
{
    struct x86_insn n = new_insn(x86_op_forms[i->op], x86_unpack(i->small).size);
    unsigned used = x86_fill_rm(e, i, 0, &n);
    n.reg = x86_reg_of(e, i, used);
    x86_asm_insn(&e->a, &n);
}

/* ---- Values without operands, and copies ---- */

void x86_emit_constant(struct emitter *e, const struct vinstr *i)
{
    uint64_t bits = x86_unpack(i->small).size == 4 ? (uint32_t)i->imm : i->imm;
    x86_load_immediate(e, x86_reg_of(e, i, 0), bits);
}

void x86_emit_float_constant(struct emitter *e, const struct vinstr *i)
{
    unsigned reg = x86_reg_of(e, i, 0), size = x86_unpack(i->small).size;
    if (i->imm == 0) {
        x86_insn_rr(e, X86_XORPS, 4, reg, reg);
    } else {
        x86_insn_constant(e, X86_MOVS_RM, size, reg, i->imm, size);
    }
}

void x86_emit_context(struct emitter *e, const struct vinstr *i)
{
    x86_insn_rr(e, X86_MOV_MR, 8, X86_CONTEXT, x86_reg_of(e, i, 0));
}

/* A slot with alignment above 16 has room for moving its start up. */
void x86_emit_slot_address(struct emitter *e, const struct vinstr *i)
{
    unsigned reg = x86_reg_of(e, i, 0);
    int32_t align = (int32_t)i->imm, more = align > 16 ? align - 16 : 0;
    x86_insn_rm(e, X86_LEA, 8, reg,
                x86_memory_at(X86_RBP, e->frame.locals + (int32_t)i->extra + more));
    if (align > 16) {
        x86_insn_ri(e, X86_AND_MI, 8, reg, -align);
    }
}

static void copy_register(struct emitter *e, unsigned class, unsigned bytes, unsigned to,
                          unsigned from)
{
    if (to == from) {
        return;
    }
    if (class == VCLASS_INT) {
        x86_insn_rr(e, X86_MOV_MR, bytes == 4 ? 4 : 8, from, to);
    } else {
        x86_insn_rr(e, X86_MOVAPS, 4, to, from);
    }
}

void x86_emit_copy(struct emitter *e, const struct vinstr *i)
{
    unsigned class = i->op == X86_OP_COPY ? VCLASS_INT : VCLASS_FLOAT;
    copy_register(e, class, x86_unpack(i->small).size, x86_reg_of(e, i, 0), x86_reg_of(e, i, 1));
}

void x86_emit_to_int_bits(struct emitter *e, const struct vinstr *i)
{
    unsigned size = x86_unpack(i->small).size;
    uint32_t from = x86_location_of(e, i, 1);
    if (vloc_is_slot(from)) {
        x86_insn_rm(e, X86_MOV_RM, size, x86_reg_of(e, i, 0), x86_slot_memory(e, from));
    } else {
        x86_insn_rr(e, X86_MOVD_MR, size, from, x86_reg_of(e, i, 0));
    }
}

static unsigned spill_form(unsigned class, unsigned bytes, bool store)
{
    if (class == VCLASS_INT) {
        return store ? X86_MOV_MR : X86_MOV_RM;
    }
    if (bytes == 16) {
        return store ? X86_MOVUPS_MR : X86_MOVUPS_RM;
    }
    return store ? X86_MOVS_MR : X86_MOVS_RM;
}

void x86_emit_move(struct emitter *e, const struct vmove *m)
{
    unsigned size = m->bytes == 4 ? 4 : 8;
    if (m->from == VLOC_NONE) {
        e->remake_to = m->to;
        x86_emit_instruction(e, &e->v->instrs[m->remake]);
        e->remake_to = VLOC_NONE;
    } else if (vloc_is_slot(m->to)) {
        x86_insn_rm(e, spill_form(m->class, m->bytes, true), size, m->from,
                    x86_slot_memory(e, m->to));
    } else if (vloc_is_slot(m->from)) {
        x86_insn_rm(e, spill_form(m->class, m->bytes, false), size, m->to,
                    x86_slot_memory(e, m->from));
    } else {
        copy_register(e, m->class, m->bytes, m->to, m->from);
    }
}
