// SPDX-License-Identifier: MIT
//
// Code motion by copying, according to the plan of motion_decide.c. Instructions that stay are
// copied in their order. A value that moved here from another block comes before its first use in
// the block, or at the block's end. A constant comes before its first use in each block.
//
// Blocks are copied in preorder of the dominator tree. All targets dominate their uses, so an
// operand that is not done yet when it is needed belongs to this block.
#include "kernel/jit/opt/opt.h"
#include "kernel/jit/opt/motion_internal.h"

#include "kernel/lib/string.h"

/* Why this is correct. The plan guarantees for each value that its target is dominated by the
 * targets of its operands and dominates all its uses. Blocks are visited in preorder of the
 * dominator tree, so when a block is copied, all values with a target above it were copied already.
 * An operand that is missing then has this block as its target, or is a constant, and is copied
 * first. Effects keep their order, because an instruction with an effect never changes its block
 * except the loads that motion_decide.c hoists, and is copied in the old order within it. */
struct motion {
    struct copy c;
    struct motion_plan *plan;
    uint32_t block;
    uint8_t *is_done;       /* by value: copied to its target */
    uint32_t *made_in;      /* by constant: the block in which it was last made */
    uint32_t *first, *next; /* by block, by value: lists of the values that moved to a block */
    uint32_t *stack;        /* values that wait for their operands */
    uint32_t depth;
};

/* ---- Values that moved to a block ---- */

/* A value whose users are all in later blocks would not be made by any demand in its target: the
 * list makes sure that it is. Values that stay need no list, because copy_block() visits them. */
static void collect_arrivals(struct motion *p)
{
    const struct motion_plan *plan = p->plan;
    /* backwards, so that the lists are in order */
    for (uint32_t n = plan->survey.cfg.count; n-- > 0;) {
        const struct ir_block *b = &plan->f->blocks[plan->survey.cfg.tree_order[n]];
        for (uint32_t v = b->first + b->count; v-- > b->first;) {
            uint32_t to = plan->target[v];
            bool moves = to != plan->survey.home[v] || motion_is_constant(plan->f->instrs[v].op);
            if (moves && plan->kind[v] != MOTION_CONSTANT && plan->survey.is_needed[v] != 0) {
                p->next[v] = p->first[to];
                p->first[to] = v;
            }
        }
    }
}

/* ---- Operands first ---- */

static bool is_ready(const struct motion *p, uint32_t value)
{
    if (p->plan->kind[value] == MOTION_CONSTANT) {
        return p->made_in[value] == p->block;
    }
    return p->is_done[value] != 0;
}

/* Called for each operand: push it if it is not available in this block yet. */
static void want(void *ctx, uint32_t *value)
{
    struct motion *p = ctx;
    uint32_t v = p->plan->survey.alias[*value];
    if (!is_ready(p, v)) {
        p->stack[p->depth++] = v;
    }
}

static void make(struct motion *p, uint32_t value)
{
    struct ir_instr i = copy_operands(&p->c, value);
    p->c.values[value] = copy_emit(&p->c, &i);
    p->is_done[value] = 1;
    p->made_in[value] = p->block;
}

/* Copy all values on the stack above `depth`, each after its operands. A value stays on the stack
 * until its operands are done, so this is a depth-first walk without recursion. A value can be on
 * the stack twice, if two users want it before it is made; the second time is_ready() is true and
 * it is just dropped. */
static void make_wanted(struct motion *p, uint32_t depth)
{
    struct ir_function *in = (struct ir_function *)p->plan->f;
    while (p->depth > depth && p->c.out->error == OK) {
        uint32_t top = p->depth, value = p->stack[top - 1];
        if (!is_ready(p, value)) {
            ir_for_each_operand(in, &in->instrs[value], want, p);
            if (p->depth != top) {
                continue;
            }
            make(p, value);
        }
        p->depth = top - 1;
    }
    p->depth = depth;
}

static void make_operands(struct motion *p, uint32_t value)
{
    struct ir_function *in = (struct ir_function *)p->plan->f;
    ir_for_each_operand(in, &in->instrs[value], want, p);
    make_wanted(p, 0);
}

/* ---- Ends of blocks ---- */

/* Arguments are used at the end of the block, so they are made after everything else. Each is made
 * before the next is examined, so the stack holds only one chain of values at a time. */
static void make_arguments(struct motion *p, const struct ir_instr *last)
{
    const struct ir_function *in = p->plan->f;
    uint32_t edges = ir_edge_count(in, last);
    for (uint32_t n = 0; n < edges; n++) {
        const struct ir_edge *e = &in->edges[ir_edge_of(in, last, n)];
        for (uint32_t arg = 0; arg < e->count; arg++) {
            if (copy_keeps(&p->c, in->blocks[e->to].first + arg)) {
                want(p, &in->pool[e->args + arg]);
                make_wanted(p, 0);
            }
        }
    }
}

/* First the values that moved to this block and have no use in it: a later block uses them and
 * expects them here. Then the operands of the last instruction, and the arguments of its edges. */
static void end_block(struct motion *p, uint32_t value)
{
    for (uint32_t v = p->first[p->block]; v != IR_NONE; v = p->next[v]) {
        uint32_t arrived = v;
        want(p, &arrived);
        make_wanted(p, 0);
    }
    make_operands(p, value);
    make_arguments(p, &p->plan->f->instrs[value]);
    copy_end(&p->c, value);
    p->is_done[value] = 1;
}

/* ---- Blocks ---- */

static void copy_params(struct motion *p, const struct ir_block *b)
{
    struct ir_function *out = p->c.out;
    for (uint32_t v = b->first; v < b->first + b->params && out->error == OK; v++) {
        if (p->block == 0 || copy_keeps(&p->c, v)) {
            out->location = p->plan->f->locations[v];
            p->c.values[v] = ir_param(out, p->plan->f->instrs[v].type);
            p->is_done[v] = 1;
        }
    }
}

/* Instructions whose target is this block are copied in their old order, which keeps the order of
 * effects. Pure values that arrive from other blocks are made on demand between them. Values that
 * move away are skipped here, as their target is another block. is_done is tested because an
 * instruction of this block can have been made already, as an operand that was wanted earlier. */
static void copy_block(struct motion *p, uint32_t block)
{
    const struct motion_plan *plan = p->plan;
    const struct ir_block *b = &plan->f->blocks[block];
    p->block = block;
    ir_block_start(p->c.out, p->c.blocks[block]);
    copy_params(p, b);
    uint32_t last = b->first + b->count - 1;
    for (uint32_t v = b->first + b->params; v < last && p->c.out->error == OK; v++) {
        bool here = plan->target[v] == block && !motion_is_constant(plan->f->instrs[v].op);
        if (plan->survey.is_needed[v] != 0 && here && p->is_done[v] == 0) {
            make_operands(p, v);
            make(p, v);
        }
    }
    end_block(p, last);
}

static bool allocate(struct motion *p, struct arena *a)
{
    size_t values = p->plan->f->instr_count, blocks = p->plan->f->block_count;
    p->is_done = arena_alloc(a, values);
    p->made_in = arena_take(a, values * sizeof *p->made_in);
    p->next = arena_alloc(a, values * sizeof *p->next);
    p->first = arena_take(a, blocks * sizeof *p->first);
    /* The stack holds a chain of users, each with all its operands: at most three for each value,
     * plus the operands in the pool. */
    p->stack = arena_take(a, (3 * values + p->plan->f->pool_count + 1) * sizeof *p->stack);
    if (p->is_done == NULL || p->made_in == NULL || p->next == NULL || p->first == NULL ||
        p->stack == NULL) {
        return false;
    }
    memset(p->made_in, 0xff, values * sizeof *p->made_in);
    memset(p->first, 0xff, blocks * sizeof *p->first);
    return true;
}

enum status opt_motion(const struct ir_function *in, struct arena *a, struct ir_function **out)
{
    struct motion_plan plan = {.f = in};
    struct motion p = {.plan = &plan};
    enum status s = copy_open(&p.c, a, in);
    if (s == OK) {
        s = motion_decide(in, a, &plan);
    }
    if (s == OK) {
        s = copy_start(&p.c, &plan.survey);
    }
    if (s != OK) {
        return s;
    }
    if (!allocate(&p, a)) {
        return E_NOMEM;
    }
    collect_arrivals(&p);
    for (uint32_t n = 0; n < plan.survey.cfg.count && p.c.out->error == OK; n++) {
        copy_block(&p, plan.survey.cfg.tree_order[n]);
    }
    copy_close(&p.c);
    if (p.c.out->error == OK) {
        *out = p.c.out;
    }
    return p.c.out->error;
}
