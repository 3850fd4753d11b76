// SPDX-License-Identifier: MIT
//
// The survey of a function: three sweeps over it, and a work list.
#include "kernel/jit/opt/copy.h"
#include "kernel/jit/opt/fold.h"

/** Limit on sweeps for parameters that have only one
 * value. Each sweep resolves chains in its direction. */
#define ROUNDS_MAX 6

struct sweep {
    struct ir_function *f; /* not written; ir_for_each_operand() requires a non-const pointer */
    struct survey *s;
    uint32_t *work;
    uint32_t count, user;
};

static bool allocate(struct arena *a, const struct ir_function *f, struct survey *s)
{
    size_t values = f->instr_count;
    s->home = arena_alloc(a, values * sizeof *s->home);
    s->alias = arena_alloc(a, values * sizeof *s->alias);
    s->is_needed = arena_alloc(a, values);
    s->uses = arena_alloc(a, values * sizeof *s->uses);
    s->user = arena_alloc(a, values * sizeof *s->user);
    return s->home != NULL && s->alias != NULL && s->is_needed != NULL && s->uses != NULL &&
           s->user != NULL;
}

static void find_homes(const struct ir_function *f, struct survey *s)
{
    for (uint32_t b = 0; b < f->block_count; b++) {
        const struct ir_block *block = &f->blocks[b];
        for (uint32_t v = block->first; v < block->first + block->count; v++) {
            s->home[v] = b;
            s->alias[v] = v;
        }
    }
}

/* ---- Parameters that have only one value ---- */

static uint32_t root(struct survey *s, uint32_t value)
{
    while (s->alias[value] != value) {
        s->alias[value] = s->alias[s->alias[value]];
        value = s->alias[value];
    }
    return value;
}

/* The value that all edges pass for a parameter, not counting the parameter itself; or IR_NONE. */
static uint32_t only_argument(const struct ir_function *f, struct survey *s, uint32_t block,
                              uint32_t n)
{
    uint32_t param = f->blocks[block].first + n, found = IR_NONE;
    for (uint32_t i = s->cfg.pred_first[block]; i < s->cfg.pred_first[block + 1]; i++) {
        uint32_t arg = root(s, f->pool[f->edges[s->cfg.pred_edge[i]].args + n]);
        if (arg != param && arg != found) {
            if (found != IR_NONE) {
                return IR_NONE;
            }
            found = arg;
        }
    }
    return found;
}

static bool sweep_params(const struct ir_function *f, struct survey *s, uint32_t block)
{
    bool changed = false;
    const struct ir_block *b = &f->blocks[block];
    for (uint32_t n = 0; n < b->params && block != 0; n++) {
        if (s->alias[b->first + n] == b->first + n) {
            uint32_t value = only_argument(f, s, block, n);
            s->alias[b->first + n] = value == IR_NONE ? b->first + n : value;
            changed = changed || value != IR_NONE;
        }
    }
    return changed;
}

/* Backward sweeps resolve nested loops, forward sweeps chains of joins. A chain that is not
 * resolved within ROUNDS_MAX sweeps stays a chain of parameters. */
static void find_aliases(const struct ir_function *f, struct survey *s)
{
    bool changed = true, any = false;
    for (unsigned round = 0; round < ROUNDS_MAX && changed; round++) {
        changed = false;
        for (uint32_t n = 0; n < s->cfg.count; n++) {
            uint32_t at = round % 2 == 0 ? s->cfg.count - 1 - n : n;
            changed = sweep_params(f, s, s->cfg.order[at]) || changed;
        }
        any = any || changed;
    }
    for (uint32_t v = 0; v < f->instr_count && any; v++) {
        s->alias[v] = root(s, v);
    }
}

/* ---- Needed values ---- */

/* A value of is_needed during the sweep, besides 0 and 1: the sweep passed it as not needed. */
#define PASSED 2

static void need(void *ctx, uint32_t *value)
{
    struct sweep *w = ctx;
    uint32_t v = w->s->alias[*value];
    w->s->uses[v]++;
    w->s->user[v] = w->user;
    if (w->s->is_needed[v] == PASSED) {
        w->work[w->count++] = v;
    }
    w->s->is_needed[v] = 1;
}

static bool has_effect(const struct ir_function *f, const struct ir_instr *i)
{
    unsigned flags = ir_op_info[i->op].flags;
    if ((flags & (IR_WRITES | IR_CALLS | IR_ENDS)) != 0) {
        return true;
    }
    return (flags & IR_TRAPS) != 0 && fold_may_trap(f, i);
}

/* A needed parameter makes its arguments needed. */
static void need_arguments(struct sweep *w, uint32_t param)
{
    const struct survey *s = w->s;
    uint32_t block = s->home[param], n = w->f->instrs[param].a;
    w->user = IR_NONE;
    for (uint32_t i = s->cfg.pred_first[block]; i < s->cfg.pred_first[block + 1]; i++) {
        need(w, &w->f->pool[w->f->edges[s->cfg.pred_edge[i]].args + n]);
    }
}

static void need_operands(struct sweep *w, uint32_t value)
{
    struct ir_instr *i = &w->f->instrs[value];
    w->s->is_needed[value] = 1;
    if (i->op == IR_PARAM) {
        need_arguments(w, value);
    } else {
        w->user = value;
        ir_for_each_operand(w->f, i, need, w);
    }
}

/* Backwards, so that users come before their values. Only a back edge can make a value needed after
 * the sweep has passed it; such values go on the work list. */
static void find_needed(struct sweep *w)
{
    const struct ir_cfg *cfg = &w->s->cfg;
    uint8_t *is_needed = w->s->is_needed;
    for (uint32_t n = cfg->count; n-- > 0;) {
        const struct ir_block *b = &w->f->blocks[cfg->order[n]];
        for (uint32_t v = b->first + b->count; v-- > b->first;) {
            if (is_needed[v] == 0 && !has_effect(w->f, &w->f->instrs[v])) {
                is_needed[v] = PASSED;
                continue;
            }
            need_operands(w, v);
            while (w->count > 0) {
                need_operands(w, w->work[--w->count]);
            }
        }
    }
    for (uint32_t v = 0; v < w->f->instr_count; v++) {
        is_needed[v] &= 1;
    }
    /* parameters of the signature are always kept */
    for (uint32_t v = 0; v < w->f->blocks[0].params; v++) {
        is_needed[w->f->blocks[0].first + v] = 1;
    }
}

enum status survey_make(struct arena *a, const struct ir_function *f, struct survey *out)
{
    struct sweep w = {.f = (struct ir_function *)f, .s = out};
    enum status s = ir_cfg_build(a, f, &out->cfg);
    if (s != OK) {
        return s;
    }
    if (!allocate(a, f, out)) {
        return E_NOMEM;
    }
    find_homes(f, out);
    find_aliases(f, out);
    struct arena_mark mark = arena_mark(a);
    w.work = arena_take(a, (size_t)f->instr_count * sizeof *w.work);
    if (w.work == NULL) {
        return E_NOMEM;
    }
    find_needed(&w);
    arena_release(a, mark);
    return OK;
}
