// SPDX-License-Identifier: MIT
//
// The walk of selection, from the last block to the first and in each from its end, and the queries
// that a machine may make during it.
#include "kernel/jit/codegen/select.h"

#include "kernel/jit/codegen/select_internal.h"
#include "kernel/lib/compiler.h"

/* ---- Values ---- */

const struct ir_instr *select_instr(const struct selector *s, uint32_t value)
{
    return &s->f->instrs[select_same(s, value)];
}

unsigned select_class(unsigned type)
{
    return ir_is_float(type) || type == IR_V128 ? VCLASS_FLOAT : VCLASS_INT;
}

uint32_t select_temp(struct selector *s, unsigned class, unsigned bytes)
{
    return vcode_vreg(s->v, class, bytes);
}

static uint32_t new_reference(struct selector *s)
{
    uint32_t vreg = vcode_vreg(s->v, VCLASS_INT, ir_type_size(IR_REF));
    if (s->v->error == OK) {
        s->v->vregs[vreg].is_managed = true;
    }
    return vreg;
}

static uint32_t register_of(struct selector *s, uint32_t value);

/* The register of the object that a derived value points into. For a parameter it is a second
 * parameter, passed with the first along every edge. */
static uint32_t base_of(struct selector *s, uint32_t value)
{
    uint32_t at = select_same(s, value);
    while (s->f->instrs[at].op == IR_DERIVE) {
        at = select_same(s, s->f->instrs[at].a);
    }
    if (s->f->instrs[at].type != IR_DERIVED) {
        return register_of(s, at);
    }
    return s->v->error == OK ? vcode_base(s->v, register_of(s, at)) : 0;
}

/* The register of a value that is not just another name for an argument. */
static uint32_t register_of(struct selector *s, uint32_t value)
{
    struct select_value *v = &s->values[value];
    unsigned type = s->f->instrs[value].type;
    if (v->vreg != VREG_NONE) {
        return v->vreg;
    }
    if (type != IR_DERIVED) {
        v->vreg = type == IR_REF ? new_reference(s)
                                 : vcode_vreg(s->v, select_class(type), ir_type_size(type));
        return v->vreg;
    }
    uint32_t base = s->f->instrs[value].op == IR_PARAM ? new_reference(s) : base_of(s, value);
    v->vreg = new_reference(s);
    vcode_derive(s->v, v->vreg, base);
    return v->vreg;
}

uint32_t select_reg(struct selector *s, uint32_t value)
{
    return register_of(s, select_same(s, value));
}

bool select_const(const struct selector *s, uint32_t value, uint64_t *bits)
{
    const struct ir_instr *i = select_instr(s, value);
    if (i->op != IR_CONST && i->op != IR_NULL) {
        return false;
    }
    *bits = i->op == IR_NULL ? 0 : ir_const_bits(i);
    return true;
}

bool select_is_local(const struct selector *s, uint32_t value)
{
    const struct ir_block *b = &s->f->blocks[s->block];
    return select_same(s, value) - b->first < b->count;
}

bool select_is_loop_constant(const struct selector *s, uint32_t value)
{
    uint32_t loop = s->cfg.loop[s->block];
    return loop != IR_NONE && !s->blocks[loop].loop_calls && !select_is_local(s, value);
}

bool select_is_single(const struct selector *s, uint32_t value)
{
    return s->values[select_same(s, value)].uses == 1 && select_is_local(s, value);
}

/* Whether removing the load could be observed. */
static bool load_traps(const struct selector *s, const struct ir_instr *load)
{
    unsigned space = s->f->memrefs[load->c].space;
    return space == IR_SPACE_MEMORY || space == IR_SPACE_OBJECT;
}

/* Whether a load can be moved down to s->at: nothing in between may change its value, or be
 * reordered with it visibly. A load that may trap keeps its order relative to everything
 * observable; any other load only relative to writes. */
static bool nothing_between(const struct selector *s, uint32_t load)
{
    const struct select_value *from = &s->values[load], *to = &s->values[s->at];
    const struct ir_instr *i = &s->f->instrs[load];
    if (load_traps(s, i)) {
        return to->traps - from->traps == 1;
    }
    return s->f->memrefs[i->c].is_constant || to->writes == from->writes;
}

bool select_can_merge(const struct selector *s, uint32_t value, unsigned bytes)
{
    value = select_same(s, value);
    const struct ir_instr *i = &s->f->instrs[value];
    if (!select_is_single(s, value) || s->values[value].vreg != VREG_NONE) {
        return false;
    }
    if ((ir_op_info[i->op].flags & IR_PURE) != 0) {
        return true;
    }
    return i->op == IR_LOAD && !s->values[value].is_merged &&
           ir_access_size(s->f->memrefs[i->c].access, i->type) == bytes &&
           nothing_between(s, value);
}

void select_merge(struct selector *s, uint32_t value)
{
    s->values[select_same(s, value)].is_merged = true;
}

uint32_t select_result(struct selector *s)
{
    return register_of(s, s->at);
}

/* The further results of a call follow it in order. One that is not needed may be missing. */
uint32_t select_call_result(struct selector *s, uint32_t n)
{
    if (n == 0) {
        return s->values[s->at].vreg;
    }
    /* before the first one */
    uint32_t before = ir_first_result(s->f, s->at) - 1, low = before;
    uint32_t high = MIN(before + n, s->f->instr_count - 1);
    while (low < high) { /* binary search for the last one that is not after result n */
        uint32_t middle = high - (high - low) / 2;
        const struct ir_instr *i = &s->f->instrs[middle];
        if (i->op == IR_RESULT && i->a == s->at && i->b <= n) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    bool is_there = low != before && s->f->instrs[low].b == n;
    return is_there ? s->values[low].vreg : VREG_NONE;
}

bool select_switch_has_one_way(const struct selector *s)
{
    const struct ir_instr *i = &s->f->instrs[s->at];
    for (uint32_t n = 0; n < i->c && s->v->error == OK; n++) {
        if (s->v->pool[s->case_pool + n] != 0) {
            return false;
        }
    }
    return true;
}

uint32_t select_param(struct selector *s, uint32_t n)
{
    return s->values[s->f->blocks[0].first + n].vreg;
}

/* ---- Emitting ---- */

void select_emit(struct selector *s, const struct vinstr *i, const struct voperand *operands,
                 unsigned count)
{
    struct vinstr copy = *i;
    copy.location = i->location != 0 ? i->location : s->f->locations[s->at];
    (void)vcode_instr(s->v, &copy);
    for (unsigned n = 0; n < count; n++) {
        vcode_operand(s->v, operands[n].vreg, operands[n].role, operands[n].constraint,
                      operands[n].which);
    }
}

/* The block was built backwards. Reverse the instructions from `first` on. */
static void turn_around(struct vcode *v, uint32_t first)
{
    if (v->error != OK) {
        return;
    }
    for (uint32_t low = first, high = v->instr_count; low + 1 < high; low++, high--) {
        struct vinstr other = v->instrs[low];
        v->instrs[low] = v->instrs[high - 1];
        v->instrs[high - 1] = other;
    }
}

/* ---- Blocks ---- */

/* A derived parameter is followed by its base. */
static uint32_t room_for_params(const struct selector *s, const struct ir_block *b)
{
    uint32_t room = b->params;
    for (uint32_t n = 0; n < b->params; n++) {
        room += s->f->instrs[b->first + n].type == IR_DERIVED;
    }
    return room;
}

/* The new block's parameters: those that are needed, in order. */
static void add_params(struct selector *s, uint32_t block)
{
    const struct ir_block *b = &s->f->blocks[block];
    uint32_t pool = vcode_pool(s->v, NULL, room_for_params(s, b)), count = 0;
    for (uint32_t n = 0; n < b->params && s->v->error == OK; n++) {
        uint32_t value = b->first + n;
        if (s->values[value].same == value && s->values[value].is_needed) {
            uint32_t vreg = register_of(s, value);
            s->v->pool[pool + count++] = vreg;
            if (s->f->instrs[value].type == IR_DERIVED) {
                s->v->pool[pool + count++] = base_of(s, value);
            }
        }
    }
    if (s->v->error == OK) {
        s->v->blocks[s->blocks[block].vblock].params = pool;
        s->v->blocks[s->blocks[block].vblock].param_count = count;
    }
}

/* Collect the arguments for the parameters that the
 * new block has. @return their index in the pool. */
static uint32_t add_arguments(struct selector *s, const struct ir_edge *e, uint32_t *count)
{
    const struct ir_block *to = &s->f->blocks[e->to];
    uint32_t pool = vcode_pool(s->v, NULL, room_for_params(s, to));
    *count = 0;
    for (uint32_t n = 0; n < to->params && s->v->error == OK; n++) {
        const struct select_value *param = &s->values[to->first + n];
        if (param->same == to->first + n && param->is_needed) {
            uint32_t arg = s->f->pool[e->args + n], vreg = select_reg(s, arg);
            bool is_derived = s->f->instrs[to->first + n].type == IR_DERIVED;
            uint32_t base = is_derived ? base_of(s, arg) : VREG_NONE;
            if (s->v->error == OK) {
                s->v->pool[pool + (*count)++] = vreg;
            }
            if (s->v->error == OK && is_derived) {
                s->v->pool[pool + (*count)++] = base;
            }
        }
    }
    return pool;
}

/* Add an edge whose arguments are in the pool already. */
static void add_edge(struct selector *s, uint32_t from, uint32_t to, uint32_t args)
{
    uint32_t edge = vcode_edge(s->v, from, to, NULL, 0);
    if (s->v->error == OK) {
        s->v->edges[edge].args = args;
    }
}

/* Fill the block on a critical edge, which carries the edge's arguments. */
static void fill_split(struct selector *s, uint32_t vblock, const struct ir_edge *e)
{
    vcode_block_start(s->v, vblock);
    s->machine->jump(s);
    vcode_block_end(s->v, vblock, false);
    uint32_t count, args = add_arguments(s, e, &count);
    uint32_t to = s->blocks[e->to].vblock;
    add_edge(s, vblock, to, args);
    if (s->v->error == OK) {
        s->v->blocks[vblock].is_cold = s->v->blocks[to].is_cold;
    }
}

/* Add all edges that leave the block. A block on such an edge has the next number. */
static void add_edges(struct selector *s)
{
    const struct select_block *b = &s->blocks[s->block];
    uint32_t split = b->vblock;
    for (uint32_t n = 0; n < b->edges; n++) {
        const struct ir_edge *e = &s->f->edges[s->edges[b->first + n]];
        if (select_is_critical(s, s->block, e->to)) {
            fill_split(s, ++split, e);
        }
    }
    split = b->vblock;
    for (uint32_t n = 0; n < b->edges; n++) {
        const struct ir_edge *e = &s->f->edges[s->edges[b->first + n]];
        uint32_t count, args = s->v->pool_count, to = s->blocks[e->to].vblock;
        if (select_is_critical(s, s->block, e->to)) {
            to = ++split;
        } else {
            args = add_arguments(s, e, &count);
        }
        add_edge(s, b->vblock, to, args);
    }
}

/* Number each instruction of the block by the effects before it. */
static void number_effects(struct selector *s)
{
    const struct ir_block *b = &s->f->blocks[s->block];
    uint32_t traps = 0, writes = 0;
    for (uint32_t at = b->first; at < b->first + b->count; at++) {
        const struct ir_instr *i = &s->f->instrs[at];
        unsigned flags = ir_op_info[i->op].flags;
        bool plain_load = i->op == IR_LOAD && !load_traps(s, i);
        s->values[at].traps = traps;
        s->values[at].writes = writes;
        traps += (flags & (IR_TRAPS | IR_WRITES | IR_CALLS)) != 0 && !plain_load;
        writes += (flags & (IR_WRITES | IR_CALLS)) != 0;
    }
}

/* Whether to select an instruction. All its users have been selected, so it is known whether one
 * needs its register. */
static bool is_wanted(const struct selector *s, uint32_t at)
{
    const struct ir_instr *i = &s->f->instrs[at];
    const struct select_value *v = &s->values[at];
    if (i->op == IR_PARAM || i->op == IR_RESULT) {
        return false;
    }
    bool may_be_dropped = (ir_op_info[i->op].flags & IR_PURE) != 0 ||
                          (i->op == IR_LOAD && (v->is_merged || !load_traps(s, i)));
    return v->is_needed && (v->vreg != VREG_NONE || !may_be_dropped);
}

static bool fill_block(struct selector *s)
{
    const struct ir_block *b = &s->f->blocks[s->block];
    uint32_t vblock = s->blocks[s->block].vblock;
    number_effects(s);
    s->at = b->first + b->count - 1;
    add_edges(s);
    s->case_pool = s->blocks[s->block].case_pool;
    vcode_block_start(s->v, vblock);
    for (uint32_t n = b->count; n-- > 0 && s->v->error == OK;) {
        s->at = b->first + n;
        uint32_t first = s->v->instr_count;
        if (is_wanted(s, s->at) && !s->machine->instr(s)) {
            return false;
        }
        turn_around(s->v, first);
    }
    if (s->block == 0) {
        uint32_t first = s->v->instr_count;
        s->at = b->first;
        s->machine->entry(s);
        turn_around(s->v, first);
    } else {
        add_params(s, s->block);
    }
    vcode_block_end(s->v, vblock, true);
    return true;
}

enum status select_function(const struct select_machine *m, const struct ir_function *f,
                            uint64_t features, struct vcode *out, unsigned *op)
{
    struct selector s = {.v = out, .f = f, .machine = m, .features = features};
    vcode_init(out, out->arena, f);
    const struct vcode opened = vcode_open(out);
    const struct arena_mark mark = arena_mark(out->arena);
    enum status status = select_prepare(&s);
    if (status != OK) {
        *op = IR_OP_COUNT; /* a refusal while preparing is about no operation */
        return status;
    }
    for (uint32_t o = s.cfg.count; o-- > 0 && out->error == OK;) {
        s.block = s.cfg.order[o];
        if (!fill_block(&s)) {
            *op = f->instrs[s.at].op;
            return out->error != OK ? out->error : E_NOTSUP;
        }
    }
    status = out->error != OK ? out->error : vcode_finish(out);
    if (status == OK && vcode_is_in_place(out, &opened)) {
        arena_release(out->arena, mark); /* free what only selection needed */
    }
    return status;
}
