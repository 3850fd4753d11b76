// SPDX-License-Identifier: MIT
//
// Calls, returns, and parameters: the convention of kernel/jit/code.h on this machine. Integers are
// in x0-x7 and results in x0-x3, floats likewise in v0 and so on; the rest in cells of 8 bytes
// (v128: 16, aligned) at the caller's stack pointer, arguments first.
#include "arch/aarch64/jit/select_internal.h"

#include "kernel/lib/compiler.h"

#define HELPER_INTS 6u /* the context, then at most five */

/** Assigns registers, then cells. */
struct arg_walk {
    unsigned next[VCLASS_COUNT], limit;
    uint64_t cell; /* offset in bytes from the first cell */
};

struct arg_location {
    bool in_register;
    unsigned reg;
    uint64_t cell;
};

static struct arg_location next_location(struct arg_walk *p, unsigned type)
{
    unsigned class = select_class(type);
    if (p->next[class] < p->limit) {
        return (struct arg_location){.in_register = true, .reg = p->next[class]++};
    }
    uint64_t bytes = type == IR_V128 ? 16 : 8;
    struct arg_location at = {.cell = ALIGN_UP(p->cell, bytes)};
    p->cell = at.cell + bytes;
    return at;
}

static const uint8_t *types_of(const struct selector *s, const struct ir_signature *g)
{
    return s->f->module->types + g->types;
}

/* Size in bytes of the cells of all parameters. */
static uint64_t cells_of_params(const struct selector *s, const struct ir_signature *g)
{
    struct arg_walk p = {.limit = JIT_ARG_REGS};
    for (uint32_t n = 0; n < g->params; n++) {
        (void)next_location(&p, types_of(s, g)[n]);
    }
    return ALIGN_UP(p.cell, (uint64_t)JIT_CELLS_ALIGN);
}

static const struct ir_signature *own_signature(const struct selector *s)
{
    const struct ir_module *m = s->f->module;
    return &m->signatures[m->callees[s->f->callee].signature];
}

/* All bits of a cell are written, so that it can be read as 64 bits. */
static unsigned cell_form(unsigned type, bool stores)
{
    if (select_class(type) == VCLASS_INT) {
        return stores ? A64_STR_X : (ir_type_size(type) == 4 ? A64_LDR_W : A64_LDR_X);
    }
    if (type == IR_V128) {
        return stores ? A64_STR_Q : A64_LDR_Q;
    }
    return stores ? A64_STR_D : (type == IR_F32 ? A64_LDR_S : A64_LDR_D);
}

static void access_cell(struct selector *s, unsigned type, bool stores, unsigned area,
                        uint64_t cell, uint32_t vreg)
{
    struct a64_new n = a64_new(s, cell_form(type, stores), 0);
    n.i.extra = A64_EXTRA(1, area);
    n.i.imm = cell;
    a64_operand(&n, vreg, stores ? VUSE : VDEF, VAT_REG, 0);
    a64_done(&n);
}

/* ---- The function's own parameters and results ---- */

void a64_select_entry(struct selector *s)
{
    const struct ir_function *f = s->f;
    struct a64_new entry = a64_new(s, A64_OP_ENTRY, 0);
    struct arg_walk p = {.limit = JIT_ARG_REGS};
    for (uint32_t n = 0; n < f->blocks[0].params; n++) {
        struct arg_location at = next_location(&p, f->instrs[f->blocks[0].first + n].type);
        if (at.in_register && select_param(s, n) != VREG_NONE) {
            a64_operand(&entry, select_param(s, n), VDEF, VAT_FIXED, at.reg);
        }
    }
    a64_done(&entry);
    s->v->popped_bytes = (uint32_t)cells_of_params(s, own_signature(s));
    p = (struct arg_walk){.limit = JIT_ARG_REGS};
    for (uint32_t n = 0; n < f->blocks[0].params; n++) {
        unsigned type = f->instrs[f->blocks[0].first + n].type;
        struct arg_location at = next_location(&p, type);
        if (!at.in_register && select_param(s, n) != VREG_NONE) {
            access_cell(s, type, false, A64_AREA_INCOMING, at.cell, select_param(s, n));
        }
    }
    a64_emit_tables(s);
}

static void select_return(struct selector *s, const struct ir_instr *i)
{
    const struct ir_signature *g = own_signature(s);
    struct a64_new ret = a64_new(s, A64_OP_RETURN, 0);
    struct arg_walk p = {.limit = JIT_RESULT_REGS, .cell = cells_of_params(s, g)};
    ret.i.flags = VI_TERMINATOR;
    for (uint32_t n = 0; n < i->c; n++) {
        uint32_t value = s->f->pool[i->b + n];
        unsigned type = select_instr(s, value)->type;
        struct arg_location at = next_location(&p, type);
        if (at.in_register) {
            a64_operand(&ret, select_reg(s, value), VUSE, VAT_FIXED, at.reg);
        } else {
            access_cell(s, type, true, A64_AREA_INCOMING, at.cell, select_reg(s, value));
        }
    }
    a64_done(&ret);
}

/* ---- Calls ---- */

static void need_outgoing(struct selector *s, uint64_t bytes)
{
    if (bytes > INT32_MAX) {
        s->v->error = s->v->error == OK ? E_OVERFLOW : s->v->error;
    } else if (bytes > s->v->outgoing_bytes) {
        s->v->outgoing_bytes = (uint32_t)bytes;
    }
}

/* area: where arguments that are not in registers go, from `first` on. */
static void pass_arguments(struct selector *s, struct a64_new *call, const struct ir_signature *g,
                           const uint32_t *args, unsigned area, uint64_t first)
{
    struct arg_walk p = {.limit = JIT_ARG_REGS};
    for (uint32_t n = 0; n < g->params; n++) {
        unsigned type = types_of(s, g)[n];
        struct arg_location at = next_location(&p, type);
        if (at.in_register) {
            a64_operand(call, select_reg(s, args[n]), VUSE, VAT_FIXED, at.reg);
        } else {
            access_cell(s, type, true, area, first + at.cell, select_reg(s, args[n]));
        }
    }
    call->i.imm = cells_of_params(s, g) | (call->i.imm & A64_CALL_CONTEXT);
}

static void take_register_results(struct selector *s, struct a64_new *call,
                                  const struct ir_signature *g)
{
    struct arg_walk p = {.limit = JIT_RESULT_REGS};
    for (uint32_t n = 0; n < g->results; n++) {
        struct arg_location at = next_location(&p, types_of(s, g)[g->params + n]);
        uint32_t vreg = select_call_result(s, n);
        if (at.in_register && vreg != VREG_NONE) {
            a64_operand(call, vreg, VDEF, VAT_FIXED, at.reg);
        }
    }
}

static void take_cell_results(struct selector *s, const struct ir_signature *g)
{
    struct arg_walk p = {.limit = JIT_RESULT_REGS, .cell = cells_of_params(s, g)};
    for (uint32_t n = 0; n < g->results; n++) {
        unsigned type = types_of(s, g)[g->params + n];
        struct arg_location at = next_location(&p, type);
        uint32_t vreg = select_call_result(s, n);
        if (!at.in_register && vreg != VREG_NONE) {
            access_cell(s, type, false, A64_AREA_OUTGOING, at.cell, vreg);
        }
    }
    need_outgoing(s, p.cell);
}

static bool may_unwind(const struct selector *s)
{
    return ir_invokes(&s->f->instrs[s->at]);
}

static uint8_t call_flags(const struct selector *s)
{
    bool is_safe = (s->f->instrs[s->at].flags & IR_SAFE_POINT) != 0;
    return VI_CALL | (is_safe ? VI_SAFE_POINT : 0) | (may_unwind(s) ? VI_UNWINDS : 0);
}

/* After the call of an invoke. */
static void end_invoke(struct selector *s)
{
    if (may_unwind(s)) {
        struct a64_new n = a64_new(s, A64_OP_INVOKED, 0);
        n.i.flags = VI_TERMINATOR;
        a64_done(&n);
        s->v->machine_flags |= A64_KEEPS_CONTEXT;
    }
}

static void finish_call(struct selector *s, struct a64_new *call, const struct ir_signature *g,
                        const uint32_t *args)
{
    call->i.flags = call_flags(s);
    call->i.clobbers = may_unwind(s) ? A64_CLOBBER_ALL : A64_CLOBBER_CALL;
    pass_arguments(s, call, g, args, A64_AREA_OUTGOING, 0);
    if (s->f->module->moves_context) {
        call->i.imm |= A64_CALL_CONTEXT;
        s->v->machine_flags |= A64_KEEPS_CONTEXT;
    }
    take_register_results(s, call, g);
    a64_done(call);
    take_cell_results(s, g);
    end_invoke(s);
}

/* The first argument of a C function: the context, or a word that the call itself loads. */
static void pass_context(struct selector *s, struct a64_new *call)
{
    struct a64_new context = a64_new(s, A64_OP_CONTEXT, 0);
    uint32_t own = a64_temp(s);
    context.i.flags = VI_REMAKE;
    a64_def(&context, own);
    a64_done(&context);
    a64_operand(call, own, VUSE, VAT_FIXED, 0);
}

/* A C function: its first parameter and its arguments are in x0 to x5, the result is in x0. */
static bool select_helper(struct selector *s, const struct ir_callee *callee,
                          const struct ir_signature *g, const uint32_t *args)
{
    struct a64_new call = a64_new(s, A64_OP_CALL_HELPER, A64_SMALL_WIDE);
    call.i.flags = call_flags(s);
    call.i.clobbers = may_unwind(s) ? A64_CLOBBER_ALL : A64_CLOBBER_HELPER;
    call.i.imm = callee->entry;
    call.i.extra = callee->kind == IR_CALLEE_HOST;
    s->v->machine_flags |= A64_CALLS_C;
    if (callee->kind == IR_CALLEE_HELPER) {
        pass_context(s, &call);
    }
    if (g->params >= HELPER_INTS || g->results > 1) {
        return false;
    }
    for (uint32_t n = 0; n < g->params; n++) {
        if (select_class(types_of(s, g)[n]) != VCLASS_INT) {
            return false;
        }
        a64_operand(&call, select_reg(s, args[n]), VUSE, VAT_FIXED, n + 1);
    }
    uint32_t result = g->results == 0 ? VREG_NONE : select_call_result(s, 0);
    if (result != VREG_NONE) {
        a64_operand(&call, result, VDEF, VAT_FIXED, 0);
        if (ir_type_size(types_of(s, g)[g->params]) == 4) {
            call.i.small = 0;
        }
    }
    a64_done(&call);
    end_invoke(s);
    return true;
}

static bool select_direct(struct selector *s, const struct ir_instr *i)
{
    const struct ir_callee *callee = &s->f->module->callees[i->a];
    const struct ir_signature *g = ir_call_signature(s->f, i);
    const uint32_t *args = s->f->pool + i->b + ir_call_skips(i);
    if (callee->kind != IR_CALLEE_FUNCTION) {
        return select_helper(s, callee, g, args);
    }
    struct a64_new call = a64_new(s, A64_OP_CALL, 0);
    call.i.extra = i->a;
    finish_call(s, &call, g, args);
    return true;
}

/* With the same context nothing needs to be saved. */
static void select_indirect(struct selector *s, const struct ir_instr *i)
{
    const uint32_t *operands = s->f->pool + i->b + ir_call_edges(i);
    bool own = select_instr(s, operands[1])->op == IR_CONTEXT;
    struct a64_new call = a64_new(s, own ? A64_OP_CALL_INDIRECT : A64_OP_CALL_FOREIGN, 0);
    a64_use(&call, a64_low(s, operands[0]));
    if (!own) {
        a64_use(&call, a64_low(s, operands[1]));
        call.i.imm = A64_CALL_CONTEXT;
        s->v->machine_flags |= A64_KEEPS_CONTEXT;
    }
    finish_call(s, &call, ir_call_signature(s->f, i), operands + 2);
}

/* The arguments are passed as for a call, but those in cells replace this function's own, which
 * were loaded at its entry. Their ends coincide, because the results follow. */
static bool select_tail_call(struct selector *s, const struct ir_instr *i)
{
    const struct ir_signature *g = ir_call_signature(s->f, i);
    const uint32_t *operands = s->f->pool + i->b;
    bool direct = i->op == IR_TAIL_CALL;
    struct a64_new call = a64_new(s, direct ? A64_OP_TAIL_CALL : A64_OP_TAIL_CALL_INDIRECT, 0);
    int64_t more = (int64_t)(cells_of_params(s, g) - cells_of_params(s, own_signature(s)));
    if (more > (int64_t)JIT_TAIL_BYTES) {
        return false;
    }
    s->v->moved_bytes = MAX(s->v->moved_bytes, (uint32_t)MAX(more, INT64_C(0)));
    call.i.flags = VI_TERMINATOR;
    call.i.extra = i->a;
    if (!direct) {
        a64_use(&call, a64_low(s, operands[0]));
        call.i.imm = select_instr(s, operands[1])->op != IR_CONTEXT ? A64_CALL_CONTEXT : 0;
    }
    if (call.i.imm != 0) {
        a64_use(&call, a64_low(s, operands[1]));
    }
    pass_arguments(s, &call, g, operands + ir_call_skips(i), A64_AREA_INCOMING, (uint64_t)-more);
    a64_done(&call);
    return true;
}

bool a64_select_call(struct selector *s, const struct ir_instr *i)
{
    switch ((enum ir_op)i->op) {
    case IR_RETURN:
        select_return(s, i);
        return true;
    case IR_CALL:
    case IR_INVOKE:
        return select_direct(s, i);
    case IR_CALL_INDIRECT:
    case IR_INVOKE_INDIRECT:
        select_indirect(s, i);
        return true;
    case IR_TAIL_CALL:
    case IR_TAIL_CALL_INDIRECT:
        return select_tail_call(s, i);
    default:
        return false;
    }
}
