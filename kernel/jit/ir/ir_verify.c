// SPDX-License-Identifier: MIT
//
// Verifies a function in three steps; each relies on the ones before. Structure first (blocks,
// indices, edges), because everything later follows indices; then types, instruction by
// instruction; then dominance. Stops at the first error.
#include "kernel/jit/ir/ir_verify.h"

#include "kernel/jit/ir/ir_cfg.h"
#include "kernel/jit/ir/ir_verify_internal.h"
#include "kernel/lib/format.h"

/* Keeps the first error. It always returns false, so that a check can be written as a condition
 * followed by its error. */
bool verify_fail(struct verifier *v, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (v->status == OK) {
        v->status = E_CORRUPT;
        int n = (int)fmt_print(v->out->text, sizeof v->out->text, "v%u: %s: ", v->at,
                               v->at < v->f->instr_count && v->f->instrs[v->at].op < IR_OP_COUNT
                                   ? ir_op_info[v->f->instrs[v->at].op].text
                                   : "no operation");
        if (n > 0 && (size_t)n < sizeof v->out->text) {
            (void)fmt_vprint(v->out->text + n, sizeof v->out->text - (size_t)n, fmt, args);
        }
    }
    va_end(args);
    return false;
}

/* ---- Structure ---- */

/* An operand must be an instruction with a result. Its place (before the use, in a block that
 * dominates) is checked later, when blocks and types are known to be right. */
static void check_index(void *ctx, uint32_t *value)
{
    struct verifier *v = ctx;
    if (*value >= v->f->instr_count || v->f->instrs[*value].type == IR_VOID) {
        verify_fail(v, "operand v%u is not a value", *value);
    }
}

/* Written so that it cannot overflow: both numbers come from the function that is being checked. */
static bool in_pool(struct verifier *v, uint32_t at, uint32_t count)
{
    return (at <= v->f->pool_count && count <= v->f->pool_count - at) ||
           verify_fail(v, "operands outside the pool");
}

/* An edge passes one argument for each parameter of its target, of the same type. No edge leads to
 * block 0: its parameters are the arguments of the call. */
static bool check_edge(struct verifier *v, uint32_t edge)
{
    const struct ir_function *f = v->f;
    if (edge >= f->edge_count || f->edges[edge].to >= f->block_count) {
        return verify_fail(v, "edge %u leads nowhere", edge);
    }
    const struct ir_edge *e = &f->edges[edge];
    if (e->to == 0) {
        return verify_fail(v, "an edge leads to the entry");
    }
    const struct ir_block *to = &f->blocks[e->to];
    if (e->count != to->params) {
        return verify_fail(v, "%u arguments for %u parameters of block%u", e->count, to->params,
                           e->to);
    }
    if (!in_pool(v, e->args, e->count)) {
        return false;
    }
    for (uint32_t n = 0; n < e->count && v->status == OK; n++) {
        uint32_t arg = f->pool[e->args + n];
        check_index(v, &arg);
        if (v->status == OK && f->instrs[arg].type != f->instrs[to->first + n].type) {
            verify_fail(v, "argument v%u for parameter v%u of another type", arg, to->first + n);
        }
    }
    return v->status == OK;
}

/* The edges of a call that may be unwound come first among its operands. */
static bool check_call(struct verifier *v, const struct ir_instr *i)
{
    return (!ir_invokes(i) || i->c >= 2 || verify_fail(v, "no edges")) && in_pool(v, i->b, i->c);
}

/* Check fields that are indices of something other than values. */
static bool check_tables(struct verifier *v, const struct ir_instr *i)
{
    const struct ir_function *f = v->f;
    switch ((enum ir_form)ir_op_info[i->op].form) {
    case IR_FORM_SLOT:
        return i->a < f->slot_count || verify_fail(v, "no slot %u", i->a);
    case IR_FORM_LOAD:
    case IR_FORM_STORE:
        return i->c < f->memref_count || verify_fail(v, "no memory reference %u", i->c);
    case IR_FORM_COMPARE_SWAP:
        return (i->c < f->memref_count || verify_fail(v, "no memory reference %u", i->c)) &&
               in_pool(v, i->b, 2);
    case IR_FORM_CALL:
    case IR_FORM_INVOKE:
        return (i->a < f->module->callee_count || verify_fail(v, "no callee %u", i->a)) &&
               check_call(v, i);
    case IR_FORM_CALL_INDIRECT:
    case IR_FORM_INVOKE_INDIRECT:
        return (i->a < f->module->signature_count || verify_fail(v, "no signature %u", i->a)) &&
               check_call(v, i);
    case IR_FORM_RETURN:
        return in_pool(v, i->b, i->c);
    case IR_FORM_VECTOR_CONST:
        return in_pool(v, i->a, 4);
    case IR_FORM_SHUFFLE:
        return in_pool(v, i->c, 4);
    case IR_FORM_SWITCH:
        return i->c > 0 || verify_fail(v, "no default edge");
    case IR_FORM_TRAP:
    case IR_FORM_TRAP_IF:
        return i->b < IR_TRAP_COUNT || verify_fail(v, "no trap %u", i->b);
    default:
        return true;
    }
}

/* Check instruction n of a block: that the operation exists, that parameters come first and the
 * terminator last, and that all its indices are in range. ir_for_each_operand() is safe only after
 * check_tables(), which checks that the operands are inside the pool. */
static bool check_instr(struct verifier *v, uint32_t block, uint32_t n)
{
    struct ir_function *f = v->f;
    const struct ir_block *b = &f->blocks[block];
    v->at = b->first + n;
    struct ir_instr *i = &f->instrs[v->at];
    if (i->op >= IR_OP_COUNT || i->type >= IR_TYPE_COUNT) {
        return verify_fail(v, "no such operation or type");
    }
    if ((i->op == IR_PARAM) != (n < b->params) || (i->op == IR_PARAM && i->a != n)) {
        return verify_fail(v, "parameters come first, in order");
    }
    bool ends = (ir_op_info[i->op].flags & IR_ENDS) != 0;
    if (ends != (n == b->count - 1)) {
        return verify_fail(v, ends ? "more instructions follow" : "the block does not end here");
    }
    if (!check_tables(v, i)) {
        return false;
    }
    ir_for_each_operand(f, i, check_index, v);
    uint32_t edges = ir_edge_count(f, i);
    for (uint32_t e = 0; e < edges && v->status == OK; e++) {
        check_edge(v, ir_edge_of(f, i, e));
    }
    return v->status == OK;
}

/* Each instruction must be in exactly one block. */
static bool check_blocks(struct verifier *v)
{
    const struct ir_function *f = v->f;
    if (f->block_count == 0) {
        return verify_fail(v, "no entry");
    }
    uint64_t total = 0;
    for (uint32_t b = 0; b < f->block_count; b++) {
        const struct ir_block *block = &f->blocks[b];
        v->at = block->first;
        if (block->count == 0 || block->first > f->instr_count ||
            block->count > f->instr_count - block->first || block->params > block->count) {
            return verify_fail(v, "block%u has no instructions", b);
        }
        for (uint32_t n = 0; n < block->count; n++) {
            if (v->block_of[block->first + n] != IR_NONE) {
                return verify_fail(v, "in two blocks");
            }
            v->block_of[block->first + n] = b;
        }
        total += block->count;
    }
    return total == f->instr_count || verify_fail(v, "instructions outside blocks");
}

/* ---- Dominance ---- */

struct use {
    struct verifier *v;
    uint32_t block, at; /* of the use */
};

/* The value of an invoke exists only on its normal edge: the use must be dominated by that edge's
 * target, which must have no other predecessor. */
static bool has_returned(const struct verifier *v, uint32_t value, uint32_t block)
{
    const struct ir_instr *i = &v->f->instrs[value];
    if (!ir_invokes(i)) {
        return true;
    }
    uint32_t then = v->f->edges[ir_edge_of(v->f, i, 0)].to;
    bool only = v->cfg.pred_first[then + 1] - v->cfg.pred_first[then] == 1;
    return only && ir_cfg_dominates(&v->cfg, then, block);
}

static void check_use(void *ctx, uint32_t *value)
{
    const struct use *u = ctx;
    struct verifier *v = u->v;
    uint32_t home = v->block_of[*value];
    bool fine = home == u->block ? *value < u->at
                                 : v->cfg.position[home] != IR_NONE &&
                                       ir_cfg_dominates(&v->cfg, home, u->block) &&
                                       has_returned(v, *value, u->block);
    if (!fine) {
        verify_fail(v, "v%u is not defined on every path to its use", *value);
    }
}

/* In SSA each use must be dominated by its definition. Unreachable blocks are not checked: nothing
 * executes them. An argument counts as used at the end of the block that its edge leaves. */
static void check_dominance(struct verifier *v)
{
    struct ir_function *f = v->f;
    for (uint32_t n = 0; n < v->cfg.count && v->status == OK; n++) {
        uint32_t block = v->cfg.order[n];
        const struct ir_block *b = &f->blocks[block];
        for (v->at = b->first; v->at < b->first + b->count && v->status == OK; v->at++) {
            struct use u = {v, block, v->at};
            ir_for_each_operand(f, &f->instrs[v->at], check_use, &u);
        }
        v->at = b->first + b->count - 1;
        uint32_t edges = ir_edge_count(f, &f->instrs[v->at]);
        for (uint32_t e = 0; e < edges; e++) {
            const struct ir_edge *edge = &f->edges[ir_edge_of(f, &f->instrs[v->at], e)];
            struct use u = {v, block, v->at};
            for (uint32_t arg = 0; arg < edge->count && v->status == OK; arg++) {
                check_use(&u, &f->pool[edge->args + arg]);
            }
        }
    }
}

/* ---- All of it ---- */

enum status ir_verify(struct arena *a, const struct ir_function *f, struct ir_complaint *out)
{
    struct verifier v = {.f = (struct ir_function *)f, .out = out, .status = OK};
    if (f->error != OK) {
        return f->error;
    }
    v.block_of = arena_alloc(a, (size_t)f->instr_count * sizeof *v.block_of);
    if (v.block_of == NULL) {
        return E_NOMEM;
    }
    for (uint32_t n = 0; n < f->instr_count; n++) {
        v.block_of[n] = IR_NONE;
    }
    if (!check_blocks(&v)) {
        return v.status;
    }
    for (uint32_t b = 0; b < f->block_count; b++) {
        for (uint32_t n = 0; n < f->blocks[b].count; n++) {
            if (!check_instr(&v, b, n)) {
                return v.status;
            }
        }
    }
    if (!verify_types(&v)) {
        return v.status;
    }
    enum status s = ir_cfg_build(a, f, &v.cfg);
    if (s != OK) {
        return s;
    }
    check_dominance(&v);
    return v.status;
}
