// SPDX-License-Identifier: MIT
//
// Everything that a back-end must define: registers, selection of operations, and encoding.
#include "tests/unit/jit/example_backend.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"

#include <stdlib.h>
#include <string.h>

#define SCRATCH    7u /* never holds a value: for cycles of moves */
#define PARAMS_MAX 4u

/* ---- Selection: from the last block to the first, and from the last
 * instruction to the first ---- */

static void emit(struct selector *s, unsigned op, unsigned flags, uint64_t imm,
                 const struct voperand *operands, unsigned count)
{
    const struct vinstr i = {.op = (uint16_t)op, .flags = (uint8_t)flags, .imm = imm};
    select_emit(s, &i, operands, count);
}

static struct voperand def(uint32_t vreg)
{
    return (struct voperand){.vreg = vreg, .role = VDEF, .constraint = VAT_REG};
}

static struct voperand use(uint32_t vreg)
{
    return (struct voperand){.vreg = vreg, .role = VUSE, .constraint = VAT_REG};
}

/* An operand that must be in one register. */
static struct voperand fixed(uint32_t vreg, enum vrole role, unsigned reg)
{
    return (struct voperand){
        .vreg = vreg, .role = (uint8_t)role, .constraint = VAT_FIXED, .which = (uint8_t)reg};
}

static bool select_two(struct selector *s, unsigned op, const struct ir_instr *i)
{
    const struct voperand operands[] = {def(select_result(s)), use(select_reg(s, i->a)),
                                        use(select_reg(s, i->b))};
    emit(s, op, 0, 0, operands, 3);
    return select_instr(s, i->a)->type == IR_I64;
}

static bool select_constant(struct selector *s, const struct ir_instr *i)
{
    const struct voperand result = def(select_result(s));
    /* rematerialized, not spilled */
    emit(s, EXAMPLE_CONST, VI_REMAKE, ir_const_bits(i), &result, 1);
    return ir_is_integer(i->type);
}

static bool select_is_zero(struct selector *s, const struct ir_instr *i)
{
    const struct voperand operands[] = {def(select_result(s)), use(select_reg(s, i->a))};
    emit(s, EXAMPLE_IS_ZERO, 0, 0, operands, 2);
    return true;
}

static bool select_return(struct selector *s, const struct ir_instr *i)
{
    const struct voperand result = fixed(select_reg(s, s->f->pool[i->b]), VUSE, 0);
    emit(s, EXAMPLE_RETURN, VI_TERMINATOR, 0, &result, 1);
    return i->c == 1;
}

static bool select_branch(struct selector *s, const struct ir_instr *i)
{
    const struct voperand condition = use(select_reg(s, i->a));
    emit(s, EXAMPLE_BRANCH, VI_TERMINATOR, 0, &condition, 1);
    return true;
}

static void select_jump(struct selector *s)
{
    emit(s, EXAMPLE_JUMP, VI_TERMINATOR, 0, NULL, 0);
}

/* false: the machine lacks the operation, and the function is refused with its name. */
static bool select_one(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    switch (i->op) {
    case IR_CONST:
        return select_constant(s, i);
    case IR_ADD:
        return select_two(s, EXAMPLE_ADD, i);
    case IR_SUB:
        return select_two(s, EXAMPLE_SUB, i);
    case IR_MUL:
        return select_two(s, EXAMPLE_MUL, i);
    case IR_LT_U:
        return select_two(s, EXAMPLE_LESS, i);
    case IR_EQZ:
        return select_is_zero(s, i);
    case IR_BRANCH:
        return select_branch(s, i);
    case IR_JUMP:
        select_jump(s);
        return true;
    case IR_RETURN:
        return select_return(s, i);
    default:
        return false;
    }
}

/* Define the parameters in the registers of the calling convention, all at once. */
static void select_entry(struct selector *s)
{
    struct voperand operands[PARAMS_MAX];
    unsigned count = 0;
    for (uint32_t n = 0; n < s->f->blocks[0].params && n < PARAMS_MAX; n++) {
        uint32_t vreg = select_param(s, n);
        if (vreg != VREG_NONE) { /* the parameter is used */
            operands[count++] = fixed(vreg, VDEF, n);
        }
    }
    emit(s, EXAMPLE_ENTRY, 0, 0, operands, count);
}

static const struct select_machine selection = {
    .entry = select_entry,
    .instr = select_one,
    .jump = select_jump,
};

static enum status machine_select(const struct ir_function *f, uint64_t features, struct vcode *out,
                                  unsigned *op)
{
    return select_function(&selection, f, features, out, op);
}

/* ---- Encoding: registers are assigned, the allocator's moves stand between instructions ---- */

struct emitter {
    const struct vcode *v;
    struct example_insn *insns;
    uint32_t count;
    uint32_t *starts; /* by block: its first instruction, once known */
    uint32_t block;
};

static void put(struct emitter *e, struct example_insn insn)
{
    if (e->insns != NULL) {
        e->insns[e->count] = insn;
    }
    e->count++;
}

static uint8_t reg(const struct emitter *e, const struct vinstr *i, unsigned operand)
{
    return (uint8_t)e->v->locations[i->operands + operand];
}

static uint32_t target(const struct emitter *e, uint32_t edge)
{
    return e->starts[e->v->edges[e->v->blocks[e->block].edges + edge].to];
}

static void put_instr(struct emitter *e, const struct vinstr *i)
{
    struct example_insn insn = {.op = (uint8_t)i->op, .imm = i->imm};
    switch ((enum example_op)i->op) {
    case EXAMPLE_ENTRY:
        return;
    case EXAMPLE_BRANCH: /* to the first edge, or fall through to a jump to the second */
        insn.a = reg(e, i, 0);
        insn.imm = target(e, 0);
        put(e, insn);
        put(e, (struct example_insn){.op = EXAMPLE_JUMP, .imm = target(e, 1)});
        return;
    case EXAMPLE_JUMP:
        insn.imm = target(e, 0);
        break;
    case EXAMPLE_RETURN:
        break;
    default:
        insn.d = reg(e, i, 0);
        insn.a = i->operand_count > 1 ? reg(e, i, 1) : 0;
        insn.b = i->operand_count > 2 ? reg(e, i, 2) : 0;
        break;
    }
    put(e, insn);
}

static void put_move(struct emitter *e, const struct vmove *m)
{
    struct example_insn insn = {.op = EXAMPLE_MOVE, .d = (uint8_t)m->to, .a = (uint8_t)m->from};
    if (m->from == VLOC_NONE) { /* rematerialize the value */
        insn = (struct example_insn){
            .op = EXAMPLE_CONST, .d = (uint8_t)m->to, .imm = e->v->instrs[m->remake].imm};
    } else if (vloc_is_slot(m->from)) {
        insn = (struct example_insn){
            .op = EXAMPLE_LOAD, .d = (uint8_t)m->to, .imm = m->from & ~VLOC_SLOT_FLAG};
    } else if (vloc_is_slot(m->to)) {
        insn = (struct example_insn){
            .op = EXAMPLE_STORE, .a = (uint8_t)m->from, .imm = m->to & ~VLOC_SLOT_FLAG};
    }
    put(e, insn);
}

/* Moves are sorted by the instruction that they precede. */
static void put_block(struct emitter *e)
{
    const struct vblock *b = &e->v->blocks[e->block];
    e->starts[e->block] = e->count;
    for (uint32_t n = b->first; n < b->first + b->count; n++) {
        for (uint32_t m = 0; m < e->v->move_count; m++) {
            if (e->v->moves[m].at == n) {
                put_move(e, &e->v->moves[m]);
            }
        }
        put_instr(e, &e->v->instrs[n]);
    }
}

/* Two passes: the starts of the blocks are known after the first. */
static enum status machine_emit(const struct vcode *v, uint64_t features, struct jit_code *out)
{
    struct emitter e = {.v = v};
    (void)features;
    e.starts = arena_alloc(v->arena, v->block_count * sizeof *e.starts);
    for (unsigned pass = 0; pass < 2 && e.starts != NULL; pass++) {
        e.insns = pass == 0 ? NULL : arena_alloc(v->arena, e.count * sizeof *e.insns);
        e.count = 0;
        for (e.block = 0; e.block < v->block_count; e.block++) {
            put_block(&e);
        }
    }
    if (e.insns == NULL) {
        return E_NOMEM;
    }
    *out = (struct jit_code){.bytes = (uint8_t *)e.insns,
                             .size = e.count * (uint32_t)sizeof *e.insns,
                             .align = 16,
                             .frame_bytes = 8 * v->slot_count};
    return OK;
}

/* ---- The machine's description for the compiler ---- */

static const char *register_name(unsigned class, unsigned reg)
{
    static const char *const names[EXAMPLE_REGISTERS] = {"r0", "r1", "r2", "r3",
                                                         "r4", "r5", "r6", "scratch"};
    return class == VCLASS_INT && reg < EXAMPLE_REGISTERS ? names[reg] : "?";
}

static enum status patch_call(uint8_t *field, uint64_t place, uint64_t to)
{
    (void)field, (void)place, (void)to;
    return E_OVERFLOW; /* it has no calls */
}

static void print(const struct vcode *v, const struct vinstr *i, char *buf, size_t len)
{
    static const char *const names[EXAMPLE_OP_COUNT] = {
        "const", "add",   "sub",  "mul",    "less",   "is_zero", "move",
        "load",  "store", "jump", "branch", "return", "entry"};
    (void)v;
    (void)fmt_print(buf, len, "%s %#lx", names[i->op], (unsigned long)i->imm);
}

static uint64_t return_address(uint64_t saved)
{
    return saved;
}

static const struct vclobber clobbers[] = {{{0, 0}}};

const struct jit_machine example_machine = {
    .name = "example",
    .registers =
        {
            .allocatable = {0x7f, 0},
            .order = {{0, 1, 2, 3, 4, 5, 6}},
            .order_count = {7},
            .scratch = {SCRATCH},
            .clobbers = clobbers,
            .register_name = register_name,
        },
    .select = machine_select,
    .emit = machine_emit,
    .patch_call = patch_call,
    .return_address = return_address,
    .print = print,
};

/* ---- The machine itself ---- */

static uint64_t compute(const struct example_insn *i, const uint64_t *r, const uint64_t *cells)
{
    switch ((enum example_op)i->op) {
    case EXAMPLE_CONST:
        return i->imm;
    case EXAMPLE_ADD:
        return r[i->a] + r[i->b];
    case EXAMPLE_SUB:
        return r[i->a] - r[i->b];
    case EXAMPLE_MUL:
        return r[i->a] * r[i->b];
    case EXAMPLE_LESS:
        return r[i->a] < r[i->b];
    case EXAMPLE_IS_ZERO:
        return r[i->a] == 0;
    case EXAMPLE_LOAD:
        return cells[i->imm];
    default:
        return r[i->a];
    }
}

uint64_t example_run(const struct jit_code *code, const uint64_t args[4])
{
    const struct example_insn *insns = (const struct example_insn *)(const void *)code->bytes;
    uint64_t r[EXAMPLE_REGISTERS] = {args[0], args[1], args[2], args[3]};
    uint64_t *cells = calloc(code->frame_bytes + 8, 1);
    uint32_t at = 0;
    for (; insns[at].op != EXAMPLE_RETURN; at++) {
        const struct example_insn *i = &insns[at];
        if (i->op == EXAMPLE_STORE) {
            cells[i->imm] = r[i->a];
        } else if (i->op != EXAMPLE_JUMP && i->op != EXAMPLE_BRANCH) {
            r[i->d] = compute(i, r, cells);
        } else if (i->op == EXAMPLE_JUMP || r[i->a] != 0) {
            at = (uint32_t)i->imm - 1;
        }
    }
    free(cells);
    return r[0];
}
