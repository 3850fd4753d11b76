// SPDX-License-Identifier: MIT
//
// Selects entry, calls and returns: where arguments and results go.
#include "arch/x86_64/jit/select_internal.h"

#include "kernel/lib/compiler.h"

#define MAX_REG_OPERANDS (2 * (JIT_ARG_REGS + JIT_RESULT_REGS) + 2)
_Static_assert(MAX_REG_OPERANDS <= DRAFT_OPERANDS, "a call's operands fit");

static struct address cell(unsigned base, int32_t offset)
{
    return (struct address){.base = base,
                            .base_reg = VREG_NONE,
                            .index_reg = VREG_NONE,
                            .disp = offset,
                            .trap = IR_TRAP_COUNT};
}

/* All 8 bytes of a cell are written: the upper half of an i32 is zero anyway. */
static void store_cell(struct selector *s, unsigned base, int32_t offset, uint32_t vreg,
                       unsigned type)
{
    struct address a = cell(base, offset);
    struct draft d = x86_draft_new(type == IR_V128     ? X86_OP_STORE_VECTOR
                                   : ir_is_float(type) ? X86_OP_STORE_FLOAT
                                                       : X86_OP_STORE,
                                   8);
    x86_draft_address(&d, &a);
    x86_draft_use(&d, vreg);
    x86_draft_emit(s, &d);
}

static void load_cell(struct selector *s, unsigned base, int32_t offset, uint32_t vreg,
                      unsigned type)
{
    struct address a = cell(base, offset);
    struct draft d = x86_draft_new(type == IR_V128     ? X86_OP_MOVUPS
                                   : ir_is_float(type) ? X86_OP_MOVS
                                                       : X86_OP_MOV,
                                   MIN(ir_type_size(type), 8u));
    x86_draft_def(&d, vreg);
    x86_draft_address(&d, &a);
    x86_draft_emit(s, &d);
}

static const struct ir_signature *own_signature(const struct selector *s)
{
    const struct ir_module *m = s->f->module;
    return &m->signatures[m->callees[s->f->callee].signature];
}

/* ---- Entry ---- */

void x86_select_entry(struct selector *s)
{
    const struct ir_signature *g = own_signature(s);
    const uint8_t *types = s->f->module->types + g->types;
    struct draft d = x86_draft_new(X86_OP_ENTRY, 8);
    struct x86_walk w = {.cell_bytes = 0};
    for (uint32_t n = 0; n < g->params; n++) {
        struct x86_home home = x86_walk_next(&w, types[n]);
        uint32_t vreg = select_param(s, n);
        if (vreg != VREG_NONE && home.in_reg) {
            x86_draft_operand(&d, vreg, VDEF, VAT_FIXED, home.reg);
        }
    }
    x86_draft_emit(s, &d);
    x86_walk_results(&w);
    s->v->popped_bytes = w.cell_bytes;
    w = (struct x86_walk){.cell_bytes = 0};
    for (uint32_t n = 0; n < g->params; n++) {
        struct x86_home home = x86_walk_next(&w, types[n]);
        uint32_t vreg = select_param(s, n);
        if (vreg != VREG_NONE && !home.in_reg) {
            load_cell(s, X86_BASE_INCOMING, (int32_t)home.offset, vreg, types[n]);
        }
    }
}

/* ---- Calls ---- */

/* Common to all kinds of calls. */
struct call {
    struct draft d;
    const struct ir_signature *signature;
    const uint8_t *types;
    const uint32_t *args;
    struct x86_walk walk;
};

/* base: where arguments that are not in registers go, from `first` on. */
static void add_arguments(struct selector *s, struct call *c, unsigned base, int32_t first)
{
    for (uint32_t n = 0; n < c->signature->params; n++) {
        struct x86_home home = x86_walk_next(&c->walk, c->types[n]);
        uint32_t vreg = select_reg(s, c->args[n]);
        if (home.in_reg) {
            x86_draft_operand(&c->d, vreg, VUSE, VAT_FIXED, home.reg);
        } else {
            store_cell(s, base, first + (int32_t)home.offset, vreg, c->types[n]);
        }
    }
    x86_walk_results(&c->walk);
    c->d.i.imm |= c->walk.cell_bytes;
}

static void add_results(struct selector *s, struct call *c)
{
    struct x86_walk w = c->walk;
    for (uint32_t n = 0; n < c->signature->results; n++) {
        struct x86_home home = x86_walk_next(&w, c->types[c->signature->params + n]);
        uint32_t vreg = select_call_result(s, n);
        if (vreg != VREG_NONE && home.in_reg) {
            x86_draft_operand(&c->d, vreg, VDEF, VAT_FIXED, home.reg);
        }
    }
    s->v->outgoing_bytes = MAX(s->v->outgoing_bytes, ALIGN_UP(w.cell_bytes, 16u));
}

static void load_results(struct selector *s, struct call *c)
{
    for (uint32_t n = 0; n < c->signature->results; n++) {
        unsigned type = c->types[c->signature->params + n];
        struct x86_home home = x86_walk_next(&c->walk, type);
        uint32_t vreg = select_call_result(s, n);
        if (vreg != VREG_NONE && !home.in_reg) {
            load_cell(s, X86_BASE_OUTGOING, (int32_t)home.offset, vreg, type);
        }
    }
}

/* C functions take the context, or a word of their own, and then integers. They leave the upper
 * half of an i32 result undefined. */
static void call_helper(struct selector *s, const struct ir_instr *i, struct call *c)
{
    static const uint8_t regs[] = {X86_RSI, X86_RDX, X86_RCX, X86_R8, X86_R9};
    const struct ir_callee *callee = &s->f->module->callees[i->a];
    c->d.i.op = X86_OP_CALL_HELPER;
    c->d.i.extra = callee->entry;
    c->d.i.imm = callee->kind == IR_CALLEE_HOST;
    c->d.i.clobbers = ir_invokes(i) ? X86_CLOBBER_ALL : X86_CLOBBER_HELPER;
    for (uint32_t n = 0; n < c->signature->params && n < ARRAY_COUNT(regs); n++) {
        x86_draft_operand(&c->d, select_reg(s, c->args[n]), VUSE, VAT_FIXED, regs[n]);
    }
    uint32_t result = c->signature->results == 0 ? VREG_NONE : select_call_result(s, 0);
    bool narrow = result != VREG_NONE && c->types[c->signature->params] == IR_I32;
    uint32_t raw = narrow ? select_temp(s, VCLASS_INT, 8) : result;
    if (result != VREG_NONE) {
        x86_draft_operand(&c->d, raw, VDEF, VAT_FIXED, X86_RAX);
    }
    x86_draft_emit(s, &c->d);
    if (narrow) {
        struct draft d = x86_draft_new(X86_OP_MOV, 4);
        x86_draft_def(&d, result);
        x86_draft_operand(&d, raw, VUSE, VAT_ANY, 0);
        x86_draft_emit(s, &d);
    }
}

/* Code and, if it changes, the context. */
static void add_target(struct selector *s, const struct ir_instr *i, struct call *c)
{
    const uint32_t *operands = s->f->pool + i->b + ir_call_edges(i);
    x86_draft_operand(&c->d, select_reg(s, operands[0]), VUSE, VAT_ANY, 0);
    if (select_instr(s, operands[1])->op != IR_CONTEXT) {
        x86_draft_operand(&c->d, select_reg(s, operands[1]), VUSE, VAT_ANY, 0);
        c->d.i.imm |= X86_CALL_SETS_CONTEXT;
    }
}

/* A call of compiled code that may return with another context. */
static void restore_context(struct selector *s, struct call *c)
{
    if (s->f->module->moves_context || (c->d.i.imm & X86_CALL_SETS_CONTEXT) != 0) {
        c->d.i.imm |= X86_CALL_RESTORES_CONTEXT;
        s->v->machine_flags |= X86_SAVES_CONTEXT;
    }
}

static void end_invoke(struct selector *s)
{
    struct draft d = x86_draft_new(X86_OP_INVOKED, 8);
    d.i.flags = VI_TERMINATOR;
    x86_draft_emit(s, &d);
}

bool x86_select_call(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    const struct ir_signature *g = ir_call_signature(s->f, i);
    struct call c = {.d = x86_draft_new(X86_OP_CALL, 8),
                     .signature = g,
                     .types = s->f->module->types + g->types,
                     .args = s->f->pool + i->b + ir_call_skips(i)};
    c.d.i.flags = VI_CALL | ((i->flags & IR_SAFE_POINT) != 0 ? VI_SAFE_POINT : 0) |
                  (ir_invokes(i) ? VI_UNWINDS : 0);
    c.d.i.clobbers = ir_invokes(i) ? X86_CLOBBER_ALL : X86_CLOBBER_CALL;
    bool helper = !ir_calls_indirectly(i) && s->f->module->callees[i->a].kind != IR_CALLEE_FUNCTION;
    if (ir_invokes(i)) {
        s->v->machine_flags |= X86_SAVES_CONTEXT;
    }
    if (helper) {
        s->v->machine_flags |= X86_CALLS_HELPERS;
        call_helper(s, i, &c);
    } else {
        c.d.i.extra = i->a;
        add_arguments(s, &c, X86_BASE_OUTGOING, 0);
        if (ir_calls_indirectly(i)) {
            c.d.i.op = X86_OP_CALL_INDIRECT;
            add_target(s, i, &c);
        }
        restore_context(s, &c);
        add_results(s, &c);
        x86_draft_emit(s, &c.d);
        load_results(s, &c);
    }
    if (ir_invokes(i)) {
        end_invoke(s);
    }
    return true;
}

/* ---- Tail calls ---- */

/* Size of the cells of the parameters. */
static uint32_t cells_of_params(const struct selector *s, const struct ir_signature *g)
{
    struct x86_walk w = {.cell_bytes = 0};
    for (uint32_t n = 0; n < g->params; n++) {
        (void)x86_walk_next(&w, s->f->module->types[g->types + n]);
    }
    x86_walk_results(&w);
    return w.cell_bytes;
}

/* The arguments are passed as for a call, but those in cells replace this function's own, which
 * were loaded at its entry. Their ends coincide, because the results follow. */
bool x86_select_tail_call(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    const struct ir_signature *g = ir_call_signature(s->f, i);
    struct call c = {.d = x86_draft_new(X86_OP_TAIL_CALL, 8),
                     .signature = g,
                     .types = s->f->module->types + g->types,
                     .args = s->f->pool + i->b + ir_call_skips(i)};
    int64_t more = (int64_t)cells_of_params(s, g) - cells_of_params(s, own_signature(s));
    if (more > (int64_t)JIT_TAIL_BYTES) {
        return false;
    }
    s->v->moved_bytes = MAX(s->v->moved_bytes, (uint32_t)MAX(more, INT64_C(0)));
    c.d.i.flags = VI_TERMINATOR;
    c.d.i.extra = i->a;
    add_arguments(s, &c, X86_BASE_INCOMING, (int32_t)-more);
    if (ir_calls_indirectly(i)) {
        c.d.i.op = X86_OP_TAIL_CALL_INDIRECT;
        add_target(s, i, &c);
    }
    x86_draft_emit(s, &c.d);
    return true;
}

/* ---- Return ---- */

bool x86_select_return(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    const struct ir_signature *g = own_signature(s);
    const uint8_t *types = s->f->module->types + g->types;
    struct draft d = x86_draft_new(X86_OP_RETURN, 8);
    struct x86_walk w = {.cell_bytes = 0};
    d.i.flags = VI_TERMINATOR;
    for (uint32_t n = 0; n < g->params; n++) {
        (void)x86_walk_next(&w, types[n]);
    }
    x86_walk_results(&w);
    for (uint32_t n = 0; n < g->results; n++) {
        struct x86_home home = x86_walk_next(&w, types[g->params + n]);
        uint32_t vreg = select_reg(s, s->f->pool[i->b + n]);
        if (home.in_reg) {
            x86_draft_operand(&d, vreg, VUSE, VAT_FIXED, home.reg);
        } else {
            store_cell(s, X86_BASE_INCOMING, (int32_t)home.offset, vreg, types[g->params + n]);
        }
    }
    x86_draft_emit(s, &d);
    return true;
}
