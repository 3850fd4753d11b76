// SPDX-License-Identifier: MIT
//
// Decides in which block each value is computed. First values move out of loops if they are worth a
// register there. Then values move down to their uses if not every path from their block needs
// them. Instructions that may trap or have effects stay, except loads at the start of a loop,
// before which the loop does nothing else.
//
// Two conditions must hold for every target. It must be dominated by the targets of all operands
// (operands_end()), and it must dominate all uses (`meet`). tree_index, the index in preorder of
// the dominator tree, makes both cheap to check: among blocks that dominate one block, the one with
// the larger index is the inner one.
#include "kernel/jit/opt/fold.h"
#include "kernel/jit/opt/motion_internal.h"

#include "kernel/lib/string.h"

/** How many values may live through a loop and still leave enough registers for the rest, on the
 * machine with fewer registers. */
#define INTS_MAX   8u
#define FLOATS_MAX 9u
/** Limits on steps up a chain of loops or dominators, for each value. Deeper nesting is rare, and a
 * value that reaches the limit stays where it is, which is always correct. */
#define LOOPS_MAX 6u
#define STEPS_MAX 48u

static bool is_float_file(unsigned type)
{
    return ir_is_float(type) || type == IR_V128;
}

static uint32_t *pressure_of(const struct motion_plan *p, unsigned type, uint32_t header)
{
    return is_float_file(type) ? &p->floats[header] : &p->ints[header];
}

/* ---- Kinds ---- */

/* An instruction may float if it cannot trap, has no effect, and does not read memory that may
 * change. A division floats if its operands prove that it cannot trap (a constant divisor, say).
 * Moving an instruction that may trap to a place where it was not executed before would make a
 * correct program trap, and moving it past an effect would make the effect visible too late. */

/* A load that cannot trap, from memory that never changes. */
static bool is_constant_load(const struct ir_function *f, const struct ir_instr *i)
{
    return i->op == IR_LOAD && f->memrefs[i->c].is_constant != 0 &&
           f->memrefs[i->c].space == IR_SPACE_CONTEXT;
}

static enum motion_kind kind_of(const struct ir_function *f, const struct ir_instr *i)
{
    unsigned flags = ir_op_info[i->op].flags;
    if (motion_is_constant(i->op)) {
        return MOTION_CONSTANT;
    }
    if ((flags & IR_PURE) != 0 || is_constant_load(f, i)) {
        return MOTION_FLOATS;
    }
    bool divides = flags == IR_TRAPS && i->type != IR_VOID && ir_is_integer(i->type);
    return divides && !fold_may_trap(f, i) ? MOTION_FLOATS : MOTION_FIXED;
}

/* Whether a value is worth a register throughout a loop: it costs more than a cycle, or is part of
 * an address. */
static bool is_worth_hoisting(const struct motion_plan *p, uint32_t value)
{
    const struct ir_instr *i = &p->f->instrs[value];
    if (p->is_index[value] != 0) {
        return true;
    }
    switch ((enum ir_op)i->op) {
    case IR_CONTEXT: /* is in a register of its own anyway */
    case IR_SLOT:
    case IR_ADD:
    case IR_SUB:
    case IR_AND:
    case IR_OR:
    case IR_XOR:
    case IR_SHL:
    case IR_SHR_S:
    case IR_SHR_U:
    case IR_ROTL:
    case IR_ROTR:
    case IR_WRAP:
    case IR_EXTEND_S:
    case IR_EXTEND_U:
    case IR_EXTEND8_S:
    case IR_EXTEND16_S:
    case IR_EXTEND32_S:
    case IR_SELECT:
    case IR_DERIVE:
        return false;
    default:
        return ir_op_info[i->op].typing != IR_TYPES_COMPARES_INTEGER &&
               ir_op_info[i->op].typing != IR_TYPES_COMPARES_REF &&
               ir_op_info[i->op].typing != IR_TYPES_TESTS_REF;
    }
}

/* Whether a constant does not fit into an instruction. */
static bool is_large(const struct ir_function *f, const struct ir_instr *i)
{
    uint64_t bits = ir_const_bits(i);
    (void)f;
    switch (i->type) {
    case IR_I64:
        return (uint64_t)(int64_t)(int32_t)bits != bits && bits > UINT32_MAX;
    case IR_F32:
    case IR_F64:
        return bits != 0;
    case IR_V128:
        return true;
    default:
        return false;
    }
}

/* ---- Register pressure in loops ---- */

/* An estimate that errs on both sides: it counts a value once for each loop that uses it and lies
 * below its definition, and ignores values that are live for a part of the loop. It decides only
 * which values are worth moving. If it is wrong, the allocator spills; nothing depends on it for
 * correctness. */

struct counting {
    struct motion_plan *p;
    uint32_t block;
    uint32_t *counted; /* by value: the innermost loop for which it was last counted */
};

/* A value that is defined outside loops lives through all loops that use it. */
static void count_use(void *ctx, uint32_t *value)
{
    struct counting *c = ctx;
    const struct motion_plan *p = c->p;
    const struct ir_cfg *cfg = &p->survey.cfg;
    uint32_t v = p->survey.alias[*value], loop = cfg->loop[c->block];
    uint32_t home = p->survey.cfg.tree_index[p->survey.home[v]];
    if (loop == IR_NONE || c->counted[v] == loop || p->kind[v] == MOTION_CONSTANT) {
        return;
    }
    c->counted[v] = loop;
    for (uint32_t n = 0; n < LOOPS_MAX && loop != IR_NONE && home < p->survey.cfg.tree_index[loop];
         n++) {
        ++*pressure_of(p, p->f->instrs[v].type, loop);
        loop = cfg->outer[loop];
    }
}

static void count_block(struct counting *c)
{
    const struct motion_plan *p = c->p;
    struct ir_function *f = (struct ir_function *)p->f; /* operands are only read */
    const struct ir_block *b = &f->blocks[c->block];
    for (uint32_t v = b->first; v < b->first + b->count; v++) {
        if (p->survey.is_needed[v] == 0) {
            continue;
        }
        struct ir_instr *i = &f->instrs[v];
        if (i->op == IR_PARAM && p->survey.cfg.loop[c->block] == c->block) {
            ++*pressure_of(p, i->type, c->block);
        }
        ir_for_each_operand(f, i, count_use, c);
    }
}

static bool count_pressure(struct motion_plan *p, struct arena *a)
{
    struct counting c = {.p = p};
    c.counted = arena_take(a, (size_t)p->f->instr_count * sizeof *c.counted);
    if (c.counted == NULL) {
        return false;
    }
    memset(c.counted, 0xff, (size_t)p->f->instr_count * sizeof *c.counted);
    for (uint32_t n = 0; n < p->survey.cfg.count; n++) {
        c.block = p->survey.cfg.order[n];
        if (p->survey.cfg.loop[c.block] != IR_NONE) {
            count_block(&c);
        }
    }
    return true;
}

/* ---- Out of loops ---- */

struct deepest {
    const struct motion_plan *p;
    uint32_t index;
};

static void see_operand(void *ctx, uint32_t *value)
{
    struct deepest *d = ctx;
    uint32_t v = d->p->survey.alias[*value];
    if (d->p->kind[v] != MOTION_CONSTANT) {
        d->index = MAX(d->index, d->p->survey.cfg.tree_index[d->p->target[v]]);
    }
}

/* The tree_index of the innermost block that defines an operand. All these blocks dominate the
 * instruction, so they are on one path of the dominator tree. */
static uint32_t operands_end(const struct motion_plan *p, uint32_t value)
{
    struct deepest d = {.p = p, .index = 0};
    struct ir_function *f = (struct ir_function *)p->f;
    ir_for_each_operand(f, &f->instrs[value], see_operand, &d);
    return d.index;
}

/* Whether there is room for one more value that lives through the loop. Takes that room. */
static bool take_room(const struct motion_plan *p, unsigned type, uint32_t header)
{
    uint32_t *pressure = pressure_of(p, type, header);
    if (*pressure >= (is_float_file(type) ? FLOATS_MAX : INTS_MAX)) {
        return false;
    }
    ++*pressure;
    return true;
}

/* The block before a loop. IR_NONE: the immediate dominator is inside a loop that does not contain
 * this one, so code there would run more often. */
static uint32_t before_loop(const struct ir_cfg *cfg, uint32_t header)
{
    uint32_t before = cfg->idom[header];
    return before != IR_NONE && cfg->loop[before] == cfg->outer[header] ? before : IR_NONE;
}

/* The value goes out of one loop after the other, as long as its operands allow: `end` is the
 * innermost block that defines one, and it must not be inside the loop. A loop whose immediate
 * dominator is inside another loop stops this (before_loop()), because code there could run more
 * often than in the loop. */
static void hoist(struct motion_plan *p, uint32_t value)
{
    const struct ir_cfg *cfg = &p->survey.cfg;
    uint32_t end = operands_end(p, value), loop = cfg->loop[p->target[value]];
    unsigned type = p->f->instrs[value].type;
    for (uint32_t n = 0; n < LOOPS_MAX && loop != IR_NONE && end < p->survey.cfg.tree_index[loop];
         n++) {
        uint32_t before = before_loop(cfg, loop);
        if (before == IR_NONE || end > p->survey.cfg.tree_index[before] ||
            !take_room(p, type, loop)) {
            return;
        }
        p->target[value] = before;
        loop = cfg->outer[loop];
    }
}

/* ---- Loads at the start of a loop ---- */

static bool is_written_in(const struct motion_plan *p, uint32_t header, const struct ir_instr *i)
{
    const struct ir_memref *memref = &p->f->memrefs[i->c];
    unsigned class = p->effects.number[memref->alias_class];
    return memref->is_constant == 0 && (p->effects.written[header] >> class & 1) != 0;
}

/* The block that jumps to the loop and nowhere else, or IR_NONE. */
static uint32_t only_way_in(const struct motion_plan *p, uint32_t header)
{
    uint32_t before = before_loop(&p->survey.cfg, header);
    return before != IR_NONE && ir_terminator(p->f, before)->op == IR_JUMP &&
                   p->f->edges[ir_terminator(p->f, before)->a].to == header
               ? before
               : IR_NONE;
}

/* Hoist loads from the start of a loop. The first iteration executes them before any other effect,
 * so a trap occurs at the same point. The first instruction with an effect that cannot be hoisted
 * ends this. Only if the block before the loop jumps nowhere else: otherwise the load would also be
 * executed on a way that does not enter the loop, and might trap there. Only from the header
 * itself, where every iteration begins; and up to the first instruction that stays, since a store
 * or call before the load could be what the program does before the trap. The loop must not write
 * the load's class (effects.written), or later iterations would see an old value. */
static void hoist_loads(struct motion_plan *p, uint32_t header)
{
    const struct ir_function *f = p->f;
    const struct ir_block *b = &f->blocks[header];
    uint32_t before = only_way_in(p, header);
    for (uint32_t v = b->first + b->params; v < b->first + b->count && before != IR_NONE; v++) {
        const struct ir_instr *i = &f->instrs[v];
        if (p->kind[v] != MOTION_FIXED || p->survey.is_needed[v] == 0) {
            continue;
        }
        if (i->op != IR_LOAD || is_written_in(p, header, i) ||
            operands_end(p, v) > p->survey.cfg.tree_index[before] ||
            !take_room(p, i->type, header)) {
            return;
        }
        p->target[v] = before;
    }
}

/* Hoist a load of the context or the frame. It cannot trap, so it may be anywhere in the loop. */
static void hoist_safe_load(struct motion_plan *p, uint32_t value)
{
    const struct ir_instr *i = &p->f->instrs[value];
    unsigned space = p->f->memrefs[i->c].space;
    bool is_safe = space == IR_SPACE_CONTEXT || space == IR_SPACE_SLOT;
    uint32_t loop = p->survey.cfg.loop[p->target[value]];
    for (uint32_t n = 0; n < LOOPS_MAX && is_safe && loop != IR_NONE; n++) {
        uint32_t before = before_loop(&p->survey.cfg, loop);
        if (before == IR_NONE || is_written_in(p, loop, i) || !take_room(p, i->type, loop)) {
            return;
        }
        p->target[value] = before;
        loop = p->survey.cfg.outer[loop];
    }
}

/* In preorder of the dominator tree: operands get their targets before the values that use them, so
 * a chain of invariants leaves a loop in one pass. */
static void hoist_all(struct motion_plan *p)
{
    for (uint32_t n = 0; n < p->survey.cfg.count; n++) {
        uint32_t block = p->survey.cfg.tree_order[n];
        const struct ir_block *b = &p->f->blocks[block];
        if (p->survey.cfg.loop[block] == IR_NONE) {
            continue;
        }
        for (uint32_t v = b->first + b->params; v < b->first + b->count; v++) {
            if (p->survey.is_needed[v] == 0) {
                continue;
            }
            if (p->kind[v] == MOTION_FLOATS && is_worth_hoisting(p, v)) {
                hoist(p, v);
            } else if (p->kind[v] == MOTION_FIXED && p->f->instrs[v].op == IR_LOAD) {
                hoist_safe_load(p, v);
            }
        }
        if (p->survey.cfg.loop[block] == block) {
            hoist_loads(p, block);
        }
    }
}

/* ---- Down to the uses ---- */

/* The innermost block that dominates both; IR_NONE: too many steps away. */
static uint32_t common(const struct motion_plan *p, uint32_t a, uint32_t b)
{
    const uint32_t *index = p->survey.cfg.tree_index, *idom = p->survey.cfg.idom;
    for (uint32_t n = 0; n < STEPS_MAX && a != b; n++) {
        if (index[a] > index[b]) {
            a = idom[a];
        } else {
            b = idom[b];
        }
    }
    return a == b ? a : IR_NONE;
}

struct meeting {
    struct motion_plan *p;
    uint32_t block;
};

static void meet_use(void *ctx, uint32_t *value)
{
    const struct meeting *m = ctx;
    struct motion_plan *p = m->p;
    uint32_t v = p->survey.alias[*value], home = p->target[v];
    if (p->meet[v] == IR_NONE) {
        p->meet[v] = m->block;
    } else if (p->meet[v] != home) {
        uint32_t both = common(p, p->meet[v], m->block);
        p->meet[v] = both == IR_NONE ? home : both;
    }
}

/* An argument is used at the end of the block that its edge leaves. */
static void meet_arguments(struct meeting *m, uint32_t block)
{
    const struct ir_function *f = m->p->f;
    const struct ir_instr *last = ir_terminator(f, block);
    uint32_t edges = ir_edge_count(f, last);
    m->block = block;
    for (uint32_t n = 0; n < edges; n++) {
        const struct ir_edge *e = &f->edges[ir_edge_of(f, last, n)];
        for (uint32_t arg = 0; arg < e->count; arg++) {
            uint32_t param = f->blocks[e->to].first + arg;
            if (m->p->survey.alias[param] == param && m->p->survey.is_needed[param] != 0) {
                meet_use(m, &f->pool[e->args + arg]);
            }
        }
    }
}

/* From the block that dominates all uses, go up out of the loops that do not contain the value's
 * own block: it must not be computed in every iteration. The limit on steps returns `home`, which
 * is always correct. Each step goes to the immediate dominator, so the result still dominates all
 * uses, and it is still dominated by the operands, since `home` was. */
static uint32_t sunk(const struct motion_plan *p, uint32_t home, uint32_t meet)
{
    const struct ir_cfg *cfg = &p->survey.cfg;
    for (uint32_t n = 0; n < STEPS_MAX; n++) {
        if (meet == home || p->survey.cfg.tree_index[meet] <= p->survey.cfg.tree_index[home]) {
            return home;
        }
        uint32_t loop = cfg->loop[meet];
        if (loop == IR_NONE || p->survey.cfg.tree_index[loop] <= p->survey.cfg.tree_index[home]) {
            return meet;
        }
        meet = cfg->idom[meet];
    }
    return home;
}

static void move_constant(struct motion_plan *p, uint32_t value)
{
    const struct ir_cfg *cfg = &p->survey.cfg;
    const struct ir_instr *i = &p->f->instrs[value];
    uint32_t meet = p->meet[value], loop = cfg->loop[meet];
    bool moved = false;
    for (uint32_t n = 0; n < LOOPS_MAX && loop != IR_NONE; n++) {
        uint32_t before = before_loop(cfg, loop);
        if (before == IR_NONE || !take_room(p, i->type, loop)) {
            break;
        }
        meet = before;
        moved = true;
        loop = cfg->outer[loop];
    }
    if (moved) {
        p->kind[value] = MOTION_FLOATS;
        p->target[value] = meet;
    }
}

/* Moving down pays only where the paths part: if the block has one successor, the value is computed
 * in either case. A constant that fits into an instruction is made again in each block, which costs
 * nothing; a large one is moved out of the loops like any other value, if there is room for it. */
static void sink(struct motion_plan *p, uint32_t value)
{
    const struct ir_instr *i = &p->f->instrs[value];
    uint32_t home = p->target[value], meet = p->meet[value];
    if (meet == IR_NONE) {
        return;
    }
    if (p->kind[value] == MOTION_CONSTANT) {
        if (is_large(p->f, i)) {
            move_constant(p, value);
        }
        return;
    }
    bool parts = ir_edge_count(p->f, ir_terminator(p->f, home)) > 1;
    if (p->kind[value] == MOTION_FLOATS && meet != home && parts) {
        p->target[value] = sunk(p, home, meet);
    }
}

/* Backwards, so that all users of a value have their targets before the value itself is decided. */
static void sink_all(struct motion_plan *p)
{
    struct ir_function *f = (struct ir_function *)p->f;
    struct meeting m = {.p = p};
    for (uint32_t n = p->survey.cfg.count; n-- > 0;) {
        uint32_t block = p->survey.cfg.tree_order[n];
        const struct ir_block *b = &f->blocks[block];
        meet_arguments(&m, block);
        for (uint32_t v = b->first + b->count; v-- > b->first + b->params;) {
            if (p->survey.is_needed[v] != 0) {
                sink(p, v);
                m.block = p->target[v];
                ir_for_each_operand(f, &f->instrs[v], meet_use, &m);
            }
        }
    }
}

/* ---- The whole plan ---- */

static bool allocate(struct motion_plan *p, struct arena *a)
{
    size_t values = p->f->instr_count, blocks = p->f->block_count;
    p->kind = arena_take(a, values);
    p->target = arena_take(a, values * sizeof *p->target);
    p->is_index = arena_alloc(a, values);
    p->meet = arena_take(a, values * sizeof *p->meet);
    p->ints = arena_alloc(a, blocks * sizeof *p->ints);
    p->floats = arena_alloc(a, blocks * sizeof *p->floats);
    return p->kind != NULL && p->target != NULL && p->is_index != NULL && p->meet != NULL &&
           p->ints != NULL && p->floats != NULL;
}

static void start_values(struct motion_plan *p)
{
    const struct ir_function *f = p->f;
    for (uint32_t v = 0; v < f->instr_count; v++) {
        const struct ir_instr *i = &f->instrs[v];
        unsigned form = ir_op_info[i->op].form;
        p->kind[v] = (uint8_t)kind_of(f, i);
        p->target[v] = p->survey.home[v];
        p->meet[v] = IR_NONE;
        if ((form == IR_FORM_LOAD || form == IR_FORM_STORE) && i->a != IR_NONE) {
            p->is_index[p->survey.alias[i->a]] = 1;
        }
    }
}

enum status motion_decide(const struct ir_function *f, struct arena *a, struct motion_plan *out)
{
    out->f = f;
    enum status s = survey_make(a, f, &out->survey);
    if (s == OK) {
        s = effects_make(a, f, &out->survey.cfg, &out->effects);
    }
    if (s != OK) {
        return s;
    }
    if (!allocate(out, a)) {
        return E_NOMEM;
    }
    start_values(out);
    if (!count_pressure(out, a)) {
        return E_NOMEM;
    }
    hoist_all(out);
    sink_all(out);
    return OK;
}
