// SPDX-License-Identifier: MIT
//
// Global value numbering by copying. Blocks are copied in preorder of the dominator tree, children
// in reverse post-order: so all edges into a block except the back edges of loops come from blocks
// that were copied before. ir_build() finds existing values; a value that it returns must dominate
// the current block, which in this order is one comparison (struct fold_scope).
//
// On the way the pass also decides branches whose condition is known, removes blocks that become
// unreachable, turns parameters into values where all edges pass the same one, merges a block into
// the only block that jumps to it, and forwards memory contents (gvn_memory.c).
//
// Invariants. A block may be merged or lose parameters only if it has no open entry, that is, an
// edge that was not copied yet: such an edge may still bring another value. A fact (learn()) or an
// entry of the table is valid up to scope.last of the block where it was made; a use beyond that
// would be reached by paths on which it does not hold.
#include "kernel/jit/opt/gvn_internal.h"
#include "kernel/jit/opt/opt.h"

#include "kernel/lib/string.h"

/* Size of the table of values: 192 KiB, which stays in a cache. In a larger function new values
 * replace old ones, so some equal values are missed; the result is still correct. */
#define ENTRIES_MAX (1u << 14)

/* ---- Facts ---- */

/* known[] has the latest fact about a condition: its truth, and the block (by tree_index) where it
 * was learned. A fact is valid in the part of the dominator tree below that block, and the preorder
 * makes this part an interval: scope.last is its end. An older fact about the same condition is
 * overwritten and lost; it would have decided the condition, so a second one arises only outside
 * the first one's part. */

/* From here on, and in the blocks that this one dominates, the condition's value is known. */
static void learn(struct gvn *g, uint32_t condition, bool truth)
{
    uint32_t *grown =
        arena_grow(g->a, g->known, &g->known_capacity, (uint64_t)condition + 1, sizeof *grown);
    if (grown == NULL) {
        g->c.out->error = E_NOMEM;
        return;
    }
    g->known = grown;
    grown[condition] = 2 * g->scope.now + truth + 2;
}

/* 0, 1, or -1: not known. */
static int truth_of(const struct gvn *g, uint32_t condition)
{
    uint64_t c;
    if (fold_is_const(g->c.out, condition, &c)) {
        return c != 0;
    }
    if (fold_is_nonzero(g->c.out, condition)) {
        return 1;
    }
    if (condition >= g->known_capacity || g->known[condition] < 2) {
        return -1;
    }
    uint32_t fact = g->known[condition] - 2;
    return g->scope.now <= g->scope.last[fact / 2] ? (int)(fact & 1) : -1;
}

/* Simplify a condition and look up its value. */
static int decide(const struct gvn *g, uint32_t *condition, bool *inverted)
{
    *condition = fold_condition(g->c.out, *condition, inverted);
    int truth = truth_of(g, *condition);
    return truth < 0 ? truth : truth != (int)*inverted;
}

/* ---- Edges ---- */

/* Note that an edge into `target` has been copied. The lists of entries are the source for
 * everything that depends on the predecessors of a block: agreed() contents of memory, joined
 * parameters, facts, and unreachability. */
static void enter_by(struct gvn *g, uint32_t target, uint32_t edge)
{
    struct gvn_entry *grown = arena_grow_list(g->a, g->entries, &g->entry_capacity,
                                              (uint64_t)g->entry_count + 1, sizeof *grown);
    if (grown == NULL) {
        g->c.out->error = E_NOMEM;
        return;
    }
    g->entries = grown;
    grown[g->entry_count] =
        (struct gvn_entry){.edge = edge, .from = g->block, .next = g->first_entry[target]};
    g->first_entry[target] = g->entry_count++;
}

static uint32_t new_edge(struct gvn *g, uint32_t edge)
{
    uint32_t target = g->c.in->edges[edge].to;
    uint32_t copied = copy_edge(&g->c, edge);
    enter_by(g, target, copied);
    return copied;
}

static void end_by_jump(struct gvn *g, uint32_t edge)
{
    g->pending_edge = edge;
    g->pending_from = g->block;
}

/* A jump is emitted only when another block is started: until then its target may be merged into
 * the jumping block. It must run before anything is emitted for another block, and the edge must be
 * noted with the block that jumps (pending_from), whose contents of memory count for the target.
 * That is why `block` is exchanged for the time of new_edge(). */
static void flush_jump(struct gvn *g)
{
    if (g->pending_edge != IR_NONE) {
        uint32_t block = g->block;
        g->block = g->pending_from;
        uint32_t edge = new_edge(g, g->pending_edge);
        ir_emit(g->c.out, IR_JUMP, IR_VOID, edge, 0, 0);
        g->block = block;
        g->pending_edge = IR_NONE;
    }
}

/* ---- Terminators ---- */

/* Whether two edges lead to the same block with the same arguments. Arguments of parameters that
 * are not kept do not count. */
static bool is_same_edge(const struct gvn *g, uint32_t a, uint32_t b)
{
    const struct ir_function *in = g->c.in;
    const struct ir_edge *x = &in->edges[a], *y = &in->edges[b];
    if (x->to != y->to) {
        return false;
    }
    for (uint32_t n = 0; n < x->count; n++) {
        if (copy_value(&g->c, in->pool[x->args + n]) != copy_value(&g->c, in->pool[y->args + n]) &&
            copy_keeps(&g->c, in->blocks[x->to].first + n)) {
            return false;
        }
    }
    return true;
}

/* The fact holds in the target only if this edge turns out to be the only one into it. That is
 * known when the target starts: start_block() checks it there. */
static void set_fact(struct gvn *g, uint32_t edge, uint32_t condition, bool truth)
{
    uint32_t target = g->c.in->edges[edge].to;
    g->fact[target] = condition;
    g->fact_truth[target] = truth;
}

static void end_by_branch(struct gvn *g, const struct ir_instr *i)
{
    bool inverted;
    uint32_t condition = i->a;
    int truth = decide(g, &condition, &inverted);
    uint32_t yes = inverted ? i->c : i->b, no = inverted ? i->b : i->c;
    if (truth >= 0 || is_same_edge(g, yes, no)) {
        end_by_jump(g, truth == 0 ? i->c : i->b);
        return;
    }
    set_fact(g, yes, condition, true);
    set_fact(g, no, condition, false);
    uint32_t first = new_edge(g, yes), second = new_edge(g, no);
    ir_emit(g->c.out, IR_BRANCH, IR_VOID, condition, first, second);
}

/* The last edge of a switch is its default, for every value from i->c - 1 on. */
static void end_by_switch(struct gvn *g, const struct ir_instr *i)
{
    uint64_t c;
    bool is_const = fold_is_const(g->c.out, i->a, &c);
    if (is_const || i->c == 1) {
        end_by_jump(g, i->b + (is_const && c < i->c - 1 ? (uint32_t)c : i->c - 1));
        return;
    }
    uint32_t first = g->c.out->edge_count;
    for (uint32_t n = 0; n < i->c; n++) {
        (void)new_edge(g, i->b + n);
    }
    ir_emit(g->c.out, IR_SWITCH, IR_VOID, i->a, first, i->c);
}

/* The edge along which the call unwinds comes from this block, too, and with the contents of memory
 * after the call: copy_instr() has called gvn_memory_clobber() and gvn_memory_leave() before the
 * edges are made. */
static void end_by_invoke(struct gvn *g, const struct ir_instr *i, uint32_t value)
{
    uint32_t old = g->c.in->instrs[value].b;
    for (uint32_t n = 0; n < 2; n++) {
        uint32_t edge = new_edge(g, g->c.in->pool[old + n]);
        if (g->c.out->error == OK) {
            g->c.out->pool[i->b + n] = edge;
        }
    }
    g->c.values[value] = copy_emit(&g->c, i);
}

/* ---- Instructions ---- */

/* The instructions that follow are unreachable. */
static void end_by_trap(struct gvn *g, const struct ir_instr *i)
{
    (void)copy_emit(&g->c, i);
    g->has_ended = true;
}

static void copy_trap_if(struct gvn *g, struct ir_instr *i)
{
    bool inverted;
    uint32_t condition = i->a;
    int truth = decide(g, &condition, &inverted);
    if (truth == 0) {
        end_by_trap(g, &(struct ir_instr){.op = IR_TRAP, .b = i->b});
    } else if (truth < 0) {
        i->a = inverted ? i->a : condition;
        (void)fold_emit(g->c.out, i);
        learn(g, condition, !inverted);
    }
}

/* Combine a load with the extension that is its only user: one wider load. False: not possible. The
 * extension must be the only user, or the narrow value would be needed as well. The number of bytes
 * that are read is the same, so the access traps exactly when it did. Only the extension
 * disappears, and is_merged makes it an alias of the load; it is in the block of its own and may
 * come much later, but a load's value does not change. */
static bool widen(struct gvn *g, uint32_t value, struct ir_instr *load)
{
    const struct survey *s = g->c.survey;
    uint32_t user = s->uses[value] == 1 ? s->user[value] : IR_NONE;
    if (user == IR_NONE) {
        return false;
    }
    const struct ir_instr *u = &g->c.in->instrs[user];
    struct ir_memref p = g->c.out->memrefs[load->c];
    unsigned access = p.access;
    bool full = access == IR_ACCESS_FULL, fits = false;
    switch ((enum ir_op)u->op) {
    case IR_EXTEND_U:
        fits = full || access == IR_ACCESS_8_U || access == IR_ACCESS_16_U;
        access = full ? IR_ACCESS_32_U : access;
        break;
    case IR_EXTEND_S:
        fits = true;
        access = full ? IR_ACCESS_32_S : access;
        break;
    case IR_EXTEND8_S:
        fits = access == IR_ACCESS_8_U || access == IR_ACCESS_8_S;
        access = IR_ACCESS_8_S;
        break;
    case IR_EXTEND16_S:
        fits = access == IR_ACCESS_16_U || access == IR_ACCESS_16_S;
        access = IR_ACCESS_16_S;
        break;
    case IR_EXTEND32_S:
        fits = access == IR_ACCESS_32_U || access == IR_ACCESS_32_S;
        access = IR_ACCESS_32_S;
        break;
    case IR_WRAP:
        fits = !full;
        access = access == IR_ACCESS_32_U || access == IR_ACCESS_32_S ? IR_ACCESS_FULL : access;
        break;
    case IR_BITCAST:
        fits = full;
        break;
    default:
        break;
    }
    if (fits) {
        p.access = (uint8_t)access;
        load->type = u->type;
        load->c = ir_memref(g->c.out, &p);
        g->is_merged[user] = 1;
    }
    return fits;
}

/* Copy an instruction that only computes a value. An extension that widen() has merged into its
 * load is the load itself; a select or a negation with a known condition is one of its operands. */
static uint32_t copy_value_op(struct gvn *g, uint32_t value, struct ir_instr *i)
{
    struct ir_function *out = g->c.out;
    if (g->is_merged[value] != 0) {
        return i->a;
    }
    if (i->op == IR_SELECT || (i->op == IR_EQZ && out->instrs[i->a].type == IR_I32)) {
        bool inverted;
        uint32_t condition = i->a;
        int truth = decide(g, &condition, &inverted);
        if (truth >= 0) {
            return i->op == IR_EQZ ? ir_build_const(out, IR_I32, truth == 0)
                                   : (truth != 0 ? i->b : i->c);
        }
    }
    return ir_build(out, i->op, i->type, i->a, i->b, i->c);
}

/* Copy one instruction. Those with an effect keep their order, because nothing here reorders: a
 * pure instruction may only disappear or become an earlier value. A call that may write memory
 * changes the versions of all classes after it, not before: its operands were loaded earlier. */
static void copy_instr(struct gvn *g, uint32_t value)
{
    const struct ir_instr *old = &g->c.in->instrs[value];
    if (g->c.survey->is_needed[value] == 0) {
        return;
    }
    struct ir_instr i = copy_operands(&g->c, value);
    unsigned flags = ir_op_info[i.op].flags;
    switch ((enum ir_op)i.op) {
    case IR_LOAD:
        (void)widen(g, value, &i);
        g->c.values[value] = gvn_load(g, i);
        return;
    case IR_STORE:
    case IR_STORE_REF:
        gvn_store(g, i);
        return;
    case IR_TRAP_IF:
        copy_trap_if(g, &i);
        return;
    case IR_JUMP:
        end_by_jump(g, i.a);
        return;
    case IR_BRANCH:
        end_by_branch(g, &i);
        return;
    case IR_SWITCH:
        end_by_switch(g, &i);
        return;
    case IR_INVOKE:
    case IR_INVOKE_INDIRECT:
        if (effects_writes_all(g->c.in, old)) {
            gvn_memory_clobber(g);
        }
        gvn_memory_leave(g);
        end_by_invoke(g, &i, value);
        return;
    default:
        break;
    }
    if ((flags & IR_PURE) != 0 || (flags == IR_TRAPS && i.type != IR_VOID)) {
        g->c.values[value] = copy_value_op(g, value, &i);
        return;
    }
    g->c.values[value] = fold_emit(g->c.out, &i);
    if (g->c.out->error == OK) {
        g->c.out->instrs[g->c.values[value]].flags = i.flags;
    }
    if (effects_writes_all(g->c.in, old)) {
        gvn_memory_clobber(g);
    }
}

/* ---- Blocks ---- */

/* Whether an edge into the block was not copied yet and may still be. `only_strange`: leave out
 * back edges of loops that this block heads. In preorder with children in reverse post-order, an
 * edge that is still open comes from a block that this one dominates (a back edge), or is part of a
 * cycle with several entries, which WebAssembly cannot make but other front-ends may. */
static bool has_open_entry(const struct gvn *g, uint32_t block, bool only_strange)
{
    const struct ir_cfg *cfg = &g->c.survey->cfg;
    for (uint32_t i = cfg->pred_first[block]; i < cfg->pred_first[block + 1]; i++) {
        uint32_t from = cfg->pred_block[i];
        bool dominated = ir_cfg_dominates(&g->c.survey->cfg, block, from);
        if (g->is_done[from] == 0 && !(only_strange && dominated)) {
            return true;
        }
    }
    return false;
}

/* Whether no edge leads to the block: none was copied, and none can follow. */
static bool is_unreachable(const struct gvn *g, uint32_t block)
{
    if (block == 0 || g->first_entry[block] != IR_NONE) {
        return false;
    }
    if (g->pending_edge != IR_NONE && g->c.in->edges[g->pending_edge].to == block) {
        return false;
    }
    return g->is_dead[g->c.survey->cfg.idom[block]] != 0 || !has_open_entry(g, block, true);
}

/* The value that all edges pass for a parameter, or IR_NONE. `at`: index among the parameters that
 * are kept. */
static uint32_t joined_value(const struct gvn *g, uint32_t block, uint32_t at)
{
    const struct ir_function *out = g->c.out;
    uint32_t found = IR_NONE;
    for (uint32_t e = g->first_entry[block]; e != IR_NONE; e = g->entries[e].next) {
        uint32_t arg = out->pool[out->edges[g->entries[e].edge].args + at];
        if (found != IR_NONE && arg != found) {
            return IR_NONE;
        }
        found = arg;
    }
    return found;
}

/* Create the block's parameters. If all edges pass the same value for one, and no edge can follow,
 * that value takes its place; drop_args() later removes the arguments, which are in the edges by
 * then. The value dominates the block: it dominates the sources of all edges into it. A replaced
 * parameter is remembered in is_joined until drop_args(): the edges have the argument already, and
 * other edges into the block cannot follow, because none is open. */
static void start_params(struct gvn *g, uint32_t block, bool is_open)
{
    const struct ir_block *b = &g->c.in->blocks[block];
    uint32_t at = 0;
    for (uint32_t v = b->first; v < b->first + b->params && g->c.out->error == OK; v++) {
        if (block != 0 && !copy_keeps(&g->c, v)) {
            continue;
        }
        uint32_t value = is_open || block == 0 ? IR_NONE : joined_value(g, block, at);
        at++;
        if (value != IR_NONE) {
            g->c.values[v] = value;
            g->is_joined[v] = 1;
            g->has_joined = true;
            continue;
        }
        g->c.out->location = g->c.in->locations[v];
        struct ir_instr i = {.op = IR_PARAM,
                             .type = g->c.in->instrs[v].type,
                             .a = g->c.out->blocks[g->c.out->current].params++};
        g->c.values[v] = fold_emit(g->c.out, &i);
    }
}

/* Continue in the block that jumps here, if that is the only edge to this one. */
static bool merge(struct gvn *g, uint32_t block, bool is_open)
{
    struct ir_function *in = (struct ir_function *)g->c.in;
    if (g->pending_edge == IR_NONE || is_open || in->edges[g->pending_edge].to != block ||
        g->first_entry[block] != IR_NONE) {
        return false;
    }
    const struct ir_edge *e = &in->edges[g->pending_edge];
    for (uint32_t n = 0; n < e->count; n++) {
        if (copy_keeps(&g->c, in->blocks[block].first + n)) {
            g->c.values[in->blocks[block].first + n] = copy_value(&g->c, in->pool[e->args + n]);
        }
    }
    enter_by(g, block, IR_NONE); /* for the state of memory only: there is no edge */
    g->entries[g->entry_count - 1].from = g->pending_from;
    g->pending_edge = IR_NONE;
    return true;
}

/* The order matters: merge() or flush_jump() first, because the jump that is pending belongs to the
 * block before; then the parameters, which must be the first instructions of a block; then the
 * state of memory, which agreed() takes from the entries; and the fact last, when it is known that
 * the edge which brought it is the only one. */
static void start_block(struct gvn *g, uint32_t block)
{
    bool is_open = has_open_entry(g, block, false);
    g->block = block;
    g->scope.now = g->c.survey->cfg.tree_index[block];
    if (!merge(g, block, is_open)) {
        flush_jump(g);
        ir_block_start(g->c.out, g->c.blocks[block]);
        start_params(g, block, is_open);
    }
    gvn_memory_enter(g);
    uint32_t entry = g->first_entry[block];
    bool is_only = !is_open && entry != IR_NONE && g->entries[entry].next == IR_NONE;
    if (is_only && g->fact[block] != IR_NONE) {
        learn(g, g->fact[block], g->fact_truth[block] != 0);
    }
}

static void copy_block(struct gvn *g, uint32_t block)
{
    const struct ir_block *b = &g->c.in->blocks[block];
    g->has_ended = false;
    start_block(g, block);
    for (uint32_t v = b->first + b->params;
         v < b->first + b->count && g->c.out->error == OK && !g->has_ended; v++) {
        copy_instr(g, v);
    }
    gvn_memory_leave(g);
}

static void copy_blocks(struct gvn *g)
{
    for (uint32_t n = 0; n < g->c.survey->cfg.count && g->c.out->error == OK; n++) {
        uint32_t block = g->c.survey->cfg.tree_order[n];
        if (is_unreachable(g, block)) {
            g->is_dead[block] = 1;
        } else {
            copy_block(g, block);
        }
        g->is_done[block] = 1;
    }
    flush_jump(g);
}

/* ---- Arguments of parameters that became values ---- */

/* Remove the arguments of the parameters that start_params() replaced. `at` counts as in
 * joined_value(): the parameters that copy_keeps(). */
static void drop_args(struct gvn *g, uint32_t block)
{
    const struct ir_block *b = &g->c.in->blocks[block];
    struct ir_function *out = g->c.out;
    for (uint32_t e = g->first_entry[block]; e != IR_NONE; e = g->entries[e].next) {
        if (g->entries[e].edge == IR_NONE) {
            continue;
        }
        struct ir_edge *edge = &out->edges[g->entries[e].edge];
        uint32_t at = 0, kept = 0;
        for (uint32_t v = b->first; v < b->first + b->params; v++) {
            if (copy_keeps(&g->c, v)) {
                uint32_t arg = out->pool[edge->args + at++];
                if (g->is_joined[v] == 0) {
                    out->pool[edge->args + kept++] = arg;
                }
            }
        }
        edge->count = kept;
    }
}

static void drop_all_args(struct gvn *g)
{
    for (uint32_t b = 1; b < g->c.in->block_count && g->has_joined; b++) {
        if (g->first_entry[b] != IR_NONE) {
            drop_args(g, b);
        }
    }
}

/* ---- The pass ---- */

static uint32_t table_size(uint32_t instrs)
{
    uint32_t size = 16;
    while (size < instrs && size < ENTRIES_MAX) {
        size *= 2;
    }
    return size;
}

static enum status start(struct gvn *g, struct arena *a, const struct survey *survey)
{
    const struct ir_function *in = g->c.in;
    size_t blocks = in->block_count, values = in->instr_count;
    enum status s = copy_start(&g->c, survey);
    if (s != OK) {
        return s;
    }
    struct fold *fold = fold_new(a, table_size(in->instr_count));
    g->a = a;
    g->is_done = arena_alloc(a, blocks);
    g->is_dead = arena_alloc(a, blocks);
    g->first_entry = arena_take(a, blocks * sizeof *g->first_entry);
    g->fact = arena_take(a, blocks * sizeof *g->fact);
    g->fact_truth = arena_alloc(a, blocks);
    g->is_joined = arena_alloc(a, values);
    g->is_merged = arena_alloc(a, values);
    g->pending_edge = IR_NONE;
    if (fold == NULL || g->is_done == NULL || g->is_dead == NULL || g->first_entry == NULL ||
        g->fact == NULL || g->fact_truth == NULL || g->is_joined == NULL || g->is_merged == NULL) {
        return E_NOMEM;
    }
    memset(g->first_entry, 0xff, blocks * sizeof *g->first_entry);
    memset(g->fact, 0xff, blocks * sizeof *g->fact);
    g->scope.last = survey->cfg.tree_last;
    fold->scope = &g->scope;
    g->c.out->fold = fold;
    return gvn_memory_start(g);
}

enum status opt_gvn(const struct ir_function *in, struct arena *a, struct ir_function **out)
{
    struct survey survey;
    struct gvn g = {.block = 0};
    enum status s = copy_open(&g.c, a, in);
    if (s == OK) {
        s = survey_make(a, in, &survey);
    }
    if (s == OK) {
        s = start(&g, a, &survey);
    }
    if (s != OK) {
        return s;
    }
    copy_blocks(&g);
    drop_all_args(&g);
    copy_drop_empty(g.c.out);
    copy_close(&g.c);
    if (g.c.out->error == OK) {
        *out = g.c.out;
    }
    return g.c.out->error;
}
