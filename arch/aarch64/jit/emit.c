// SPDX-License-Identifier: MIT
//
// Encodes a function: blocks in their order, the allocator's moves between instructions, then
// rarely executed code, then literals. A block that only jumps to another one is not emitted.
#include "arch/aarch64/jit/emit_internal.h"

#include "kernel/lib/compiler.h"

unsigned a64_reg(const struct a64_emitter *e, const struct vinstr *i, unsigned n)
{
    return e->v->locations[i->operands + n] & 31;
}

/* ---- Code after the function ---- */

static struct a64_cold *last_cold(struct a64_emitter *e)
{
    return e->cold_count == 0 ? NULL : &e->cold[e->cold_count - 1];
}

struct a64_cold *a64_cold(struct a64_emitter *e, const struct vinstr *i, enum a64_cold_kind kind)
{
    void *grown = arena_grow(e->a.arena, e->cold, &e->cold_capacity, (uint64_t)e->cold_count + 1,
                             sizeof *e->cold);
    if (grown == NULL) {
        e->a.error = e->a.error == OK ? E_NOMEM : e->a.error;
        return NULL;
    }
    e->cold = grown;
    struct a64_cold *c = &e->cold[e->cold_count++];
    *c = (struct a64_cold){
        .label = a64_label(&e->a), .instr = (uint32_t)(i - e->v->instrs), .kind = (uint8_t)kind};
    return c;
}

uint32_t a64_trap_label(struct a64_emitter *e, const struct vinstr *i, unsigned trap)
{
    struct a64_cold *c = last_cold(e);
    if (c != NULL && c->kind == A64_COLD_TRAP && c->trap == trap &&
        e->v->instrs[c->instr].location == i->location) {
        return c->label;
    }
    c = a64_cold(e, i, A64_COLD_TRAP);
    if (c == NULL) {
        return 0;
    }
    c->trap = (uint8_t)trap;
    return c->label;
}

/* Unwinding preserves only the frame pointer; everything that lives on is in the frame. The stack
 * pointer is set in one step: an interrupt in between would write over the frame's lower part. */
static void emit_landing(struct a64_emitter *e, const struct a64_cold *c)
{
    if ((e->features & JIT_ARM_LANDING_PADS) != 0) {
        a64_put(&e->a, &(struct a64_insn){.form = A64_BTI_J});
    }
    uint32_t low = e->frame.bytes % 4096;
    bool is_near = e->frame.bytes == low;
    if (!is_near) {
        a64_add(&e->a, A64_X17, A64_FP, -(int64_t)(e->frame.bytes - low));
    }
    a64_add(&e->a, A64_SP, is_near ? A64_FP : A64_X17, -(int64_t)low);
    a64_frame_restore_context(&e->a);
    a64_branch(&e->a, (struct a64_insn){.form = A64_B}, c->back);
}

static void emit_cold(struct a64_emitter *e)
{
    for (uint32_t n = 0; n < e->cold_count && e->a.error == OK; n++) {
        struct a64_cold c = e->cold[n]; /* emitting may add more */
        e->a.location = e->v->instrs[c.instr].location;
        a64_bind(&e->a, c.label);
        if (c.kind == A64_COLD_TRAP) {
            a64_row(&e->a, JIT_ROW_TRAP, c.trap);
            a64_put(&e->a, &(struct a64_insn){.form = A64_BRK, .imm = c.trap});
        } else if (c.kind == A64_COLD_TO_INT) {
            a64_emit_to_int_cold(e, &c);
        } else {
            emit_landing(e, &c);
        }
    }
}

/* ---- Moves ---- */

static uint64_t slot_offset(const struct a64_emitter *e, uint32_t location)
{
    return e->frame.spills + (uint64_t)(location & ~VLOC_SLOT_FLAG) * 8;
}

static unsigned spill_form(const struct vmove *m, bool stores)
{
    if (m->class == VCLASS_INT) {
        return m->bytes == 4 ? (stores ? A64_STR_W : A64_LDR_W) : (stores ? A64_STR_X : A64_LDR_X);
    }
    switch (m->bytes) {
    case 4:
        return stores ? A64_STR_S : A64_LDR_S;
    case 8:
        return stores ? A64_STR_D : A64_LDR_D;
    default:
        return stores ? A64_STR_Q : A64_LDR_Q;
    }
}

static void emit_register_move(struct a64_asm *a, const struct vmove *m)
{
    if (m->class == VCLASS_INT) {
        a64_move(a, m->bytes == 8, m->to, m->from);
    } else if (m->bytes == 16) {
        a64_rrr(a, A64_MOV_16B, false, m->to, m->from, m->from);
    } else {
        a64_rr(a, A64_FMOV, m->bytes == 8, m->to, m->from);
    }
}

static void emit_move(struct a64_emitter *e, const struct vmove *m)
{
    if (m->from == VLOC_NONE) {
        a64_emit_op(e, &e->v->instrs[m->remake], (int)m->to);
    } else if (vloc_is_slot(m->from)) {
        a64_access(&e->a, spill_form(m, false), m->to, A64_SP, (int64_t)slot_offset(e, m->from),
                   -1);
    } else if (vloc_is_slot(m->to)) {
        a64_access(&e->a, spill_form(m, true), m->from, A64_SP, (int64_t)slot_offset(e, m->to), -1);
    } else {
        emit_register_move(&e->a, m);
    }
}

/* ---- Single instructions ---- */

uint64_t a64_area_offset(const struct a64_emitter *e, unsigned area)
{
    switch (area) {
    case A64_AREA_LOCAL:
        return e->frame.locals;
    case A64_AREA_INCOMING:
        return a64_frame_incoming(&e->frame);
    default:
        return 0;
    }
}

/* An access with any offset, or with a base in the frame. */
static void emit_access(struct a64_emitter *e, const struct vinstr *i, const uint8_t regs[4],
                        uint64_t offset)
{
    a64_access(&e->a, i->op, regs[0], regs[1], (int64_t)offset,
               (i->flags & VI_TRAPS) != 0 ? i->trap : -1);
}

static void emit_form(struct a64_emitter *e, const struct vinstr *i)
{
    const struct a64_form_info *form = &a64_forms[i->op];
    struct a64_insn insn = {.form = i->op,
                            .wide = (i->small & A64_SMALL_WIDE) != 0,
                            .is_double = (i->small & A64_SMALL_DOUBLE) != 0,
                            .option = A64_SMALL_OPTION_OF(i->small),
                            .amount = A64_SMALL_AMOUNT_OF(i->small),
                            .imm = i->imm};
    unsigned operand = 0;
    for (unsigned n = 0; form->regs[n] != '\0'; n++) {
        unsigned byte = i->extra >> (8 * n) & 0xff;
        if (form->regs[n] == '-') { /* the same as the register before */
            operand++;
        } else if ((byte & 0x80) != 0) {
            insn.regs[n] = byte & 31;
        } else if (byte != 0) {
            insn.regs[n] = A64_SP;
            insn.imm += a64_area_offset(e, byte);
        } else {
            insn.regs[n] = (uint8_t)a64_reg(e, i, operand++);
        }
    }
    if (form->imm >= A64_IMM_OFFSET0 && form->imm <= A64_IMM_OFFSET4) {
        emit_access(e, i, insn.regs, insn.imm);
        return;
    }
    if ((i->flags & VI_TRAPS) != 0) {
        a64_row(&e->a, JIT_ROW_TRAP, i->trap);
    }
    a64_put(&e->a, &insn);
}

/* ---- The whole function ---- */

static void emit_instr(struct a64_emitter *e, const struct vinstr *i)
{
    e->a.location = i->location;
    if (i->op < A64_FORM_COUNT) {
        emit_form(e, i);
    } else if (!a64_emit_control(e, i)) {
        a64_emit_op(e, i, -1);
    }
}

/* @return index of the first move that has not been emitted. */
static uint32_t emit_block(struct a64_emitter *e, uint32_t block, uint32_t move)
{
    const struct vcode *v = e->v;
    const struct vblock *b = &v->blocks[block];
    a64_bind(&e->a, block);
    if (e->lands[block] != 0 && (e->features & JIT_ARM_LANDING_PADS) != 0) {
        a64_put(&e->a, &(struct a64_insn){.form = A64_BTI_J});
    }
    for (uint32_t at = b->first; at < b->first + b->count; at++) {
        for (; move < v->move_count && v->moves[move].at == at; move++) {
            emit_move(e, &v->moves[move]);
        }
        emit_instr(e, &v->instrs[at]);
    }
    return move;
}

static void emit_all(struct a64_emitter *e)
{
    a64_asm_start(&e->a, e->v->block_count);
    e->cold_count = 0;
    if ((e->features & JIT_ARM_LANDING_PADS) != 0) {
        a64_put(&e->a, &(struct a64_insn){.form = A64_BTI_C});
    }
    e->a.location = e->v->instrs[e->v->blocks[0].first].location;
    a64_frame_enter(&e->a, &e->frame);
    for (uint32_t n = 0; n < e->order_count && e->a.error == OK; n++) {
        e->block = e->order[n];
        e->next = n + 1 < e->order_count ? e->order[n + 1] : e->v->block_count;
        emit_block(e, e->block, vcode_first_move(e->v, e->v->blocks[e->block].first));
    }
    emit_cold(e);
}

/* Whether a block contains nothing but a jump. */
static bool is_empty(const struct vcode *v, uint32_t block)
{
    const struct vblock *b = &v->blocks[block];
    uint32_t move = vcode_first_move(v, b->first);
    return b->count == 1 && v->instrs[b->first].op == A64_OP_JUMP &&
           (move == v->move_count || v->moves[move].at != b->first);
}

/* Find the block to which a branch to each block finally leads. A cycle of empty blocks is an
 * endless loop, and stays. */
static void find_targets(struct a64_emitter *e)
{
    const struct vcode *v = e->v;
    for (uint32_t b = v->block_count; b-- > 0;) {
        e->target[b] = b;
        if (is_empty(v, b)) {
            uint32_t to = v->edges[v->blocks[b].edges].to;
            /* The target of an earlier block is not known yet; but an earlier empty block can only
             * be part of a cycle. */
            e->target[b] = to > b ? e->target[to] : is_empty(v, to) ? b : to;
        }
    }
}

static enum status lay_out(struct a64_emitter *e)
{
    enum status status = layout_blocks(e->v, e->order);
    for (uint32_t n = 0; n < e->v->block_count && status == OK; n++) {
        uint32_t b = e->order[n];
        if (e->target[b] == b) {
            e->order[e->order_count++] = b;
        }
    }
    return status;
}

static void find_landings(struct a64_emitter *e)
{
    for (uint32_t b = 0; b < e->v->block_count; b++) {
        const struct vblock *block = &e->v->blocks[b];
        bool is_switch = e->v->instrs[block->first + block->count - 1].op == A64_OP_SWITCH;
        for (uint32_t n = 0; is_switch && n < block->edge_count; n++) {
            e->lands[e->target[e->v->edges[block->edges + n].to]] = 1;
        }
    }
}

static enum status fill(const struct a64_emitter *e, struct jit_code *out)
{
    uint64_t top = (e->frame.bytes - e->frame.spills) / 8;
    uint32_t *cells = vcode_cells(e->v, (uint32_t)top);
    if (cells == NULL) {
        return E_NOMEM;
    }
    for (uint32_t n = 0; n < e->a.row_count; n++) {
        struct jit_row *row = &e->a.rows[n];
        row->refs = row->kind == JIT_ROW_LANDING ? e->a.labels[row->refs] * 4 : row->refs;
    }
    *out = (struct jit_code){.bytes = (uint8_t *)e->a.words,
                             .relocs = e->a.relocs,
                             .rows = e->a.rows,
                             .refs = cells,
                             .ref_count = e->v->safe_word_count,
                             .size = e->a.word_count * 4,
                             .reloc_count = e->a.reloc_count,
                             .row_count = e->a.row_count,
                             .align = 16,
                             .frame_bytes = (uint32_t)a64_frame_incoming(&e->frame)};
    return OK;
}

enum status a64_emit(const struct vcode *v, uint64_t features, struct jit_code *out)
{
    struct a64_emitter e = {.a = {.arena = v->arena}, .v = v, .features = features};
    enum status status = a64_frame_plan(&e.frame, v, features);
    if (status != OK) {
        return status;
    }
    e.order = arena_alloc(v->arena, (size_t)v->block_count * sizeof *e.order);
    e.target = arena_alloc(v->arena, (size_t)v->block_count * sizeof *e.target);
    e.lands = arena_alloc(v->arena, v->block_count);
    if (e.order == NULL || e.target == NULL || e.lands == NULL) {
        return E_NOMEM;
    }
    find_targets(&e);
    find_landings(&e);
    status = lay_out(&e);
    if (status != OK) {
        return status;
    }
    do {
        emit_all(&e);
    } while (a64_asm_end(&e.a));
    return e.a.error == OK ? fill(&e, out) : e.a.error;
}
