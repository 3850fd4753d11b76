// SPDX-License-Identifier: MIT
//
// Expresses polls and barriers as loads, stores, branches and calls.
#include "kernel/jit/opt/lower.h"

#include "kernel/jit/opt/copy.h"

static bool is_lowered(const struct ir_instr *i)
{
    return i->op == IR_POLL || i->op == IR_STORE_REF;
}

static bool has_any(const struct ir_function *f)
{
    for (uint32_t n = 0; n < f->instr_count; n++) {
        if (is_lowered(&f->instrs[n])) {
            return true;
        }
    }
    return false;
}

static uint32_t context_place(struct ir_function *f, uint32_t offset)
{
    return ir_memref(f, &(struct ir_memref){.space = IR_SPACE_CONTEXT, .offset = offset});
}

/* The block ends with a test of the flag; what followed the poll continues in a new block. */
static void lower_poll(struct copy *c, uint32_t value)
{
    struct ir_function *f = c->out;
    const struct ir_collector *collector = &f->module->collector;
    f->location = c->in->locations[value];
    if (!collector->polls) {
        return;
    }
    uint32_t rare = ir_block_new(f), rest = ir_block_new(f);
    uint32_t flag = ir_emit(f, IR_LOAD, IR_I32, IR_NONE, 0, context_place(f, collector->poll_flag));
    uint32_t to_rare = ir_edge(f, rare, NULL, 0), to_rest = ir_edge(f, rest, NULL, 0);
    (void)ir_emit(f, IR_BRANCH, IR_VOID, flag, to_rare, to_rest);
    ir_block_start(f, rare);
    struct ir_instr call = {.op = IR_CALL,
                            .flags = IR_SAFE_POINT,
                            .a = collector->poll_callee,
                            .b = ir_pool(f, NULL, 0)};
    struct ir_instr jump = {.op = IR_JUMP, .flags = IR_RARE, .a = ir_edge(f, rest, NULL, 0)};
    (void)copy_emit(c, &call);
    (void)copy_emit(c, &jump);
    ir_block_start(f, rest);
}

/* cards[(object + offset) >> shift] = 1. There is no safe point in between, so the object cannot
 * move and the address remains valid. */
static void mark_card(struct copy *c, const struct ir_instr *store)
{
    struct ir_function *f = c->out;
    const struct ir_collector *collector = &f->module->collector;
    uint64_t offset = f->memrefs[store->c].offset;
    const struct ir_memref card = {.space = IR_SPACE_ADDRESS, .access = IR_ACCESS_8_U};
    uint32_t at = ir_emit(f, IR_REF_BITS, IR_I64, store->a, 0, 0);
    if (offset != 0) {
        at = ir_emit(f, IR_ADD, IR_I64, at, ir_const(f, IR_I64, offset), 0);
    }
    at = ir_emit(f, IR_SHR_U, IR_I64, at, ir_const(f, IR_I64, collector->card_shift), 0);
    uint32_t cards = ir_emit(f, IR_LOAD, IR_I64, IR_NONE, 0, context_place(f, collector->cards));
    uint32_t sum = ir_emit(f, IR_ADD, IR_I64, cards, at, 0), one = ir_const(f, IR_I32, 1);
    (void)ir_emit(f, IR_STORE, IR_VOID, sum, one, ir_memref(f, &card));
}

/* A field of the context is not part of an object: the collector treats it as a root, so it needs
 * no card. */
static void lower_store(struct copy *c, uint32_t value)
{
    struct ir_function *f = c->out;
    struct ir_instr i = copy_operands(c, value);
    (void)copy_emit(c, &i);
    if (f->error == OK && f->module->collector.marks_cards &&
        f->memrefs[i.c].space == IR_SPACE_OBJECT && f->instrs[i.b].op != IR_NULL) {
        mark_card(c, &i);
    }
}

/* All parameters of block 0 stay, even unneeded ones: they are the function's arguments, and their
 * number is part of its signature. */
static void copy_params(struct copy *c, uint32_t block)
{
    const struct ir_block *b = &c->in->blocks[block];
    for (uint32_t v = b->first; v < b->first + b->params; v++) {
        if (block == 0 || copy_keeps(c, v)) {
            c->out->location = c->in->locations[v];
            c->values[v] = ir_param(c->out, c->in->instrs[v].type);
        }
    }
}

/* lower_poll() may end the current block and start another one. The new blocks have no number in
 * the old function, and need none: only the last part of the block has edges to old blocks, and
 * only the first part is the target of old edges. */
static void lower_block(struct copy *c, uint32_t block)
{
    const struct ir_block *b = &c->in->blocks[block];
    uint32_t last = b->first + b->count - 1;
    ir_block_start(c->out, c->blocks[block]);
    copy_params(c, block);
    for (uint32_t v = b->first + b->params; v < last && c->out->error == OK; v++) {
        unsigned op = c->in->instrs[v].op;
        if (c->survey->is_needed[v] == 0) {
            continue;
        }
        if (op == IR_POLL) {
            lower_poll(c, v);
        } else if (op == IR_STORE_REF) {
            lower_store(c, v);
        } else {
            struct ir_instr i = copy_operands(c, v);
            c->values[v] = copy_emit(c, &i);
        }
    }
    copy_end(c, last);
}

enum status lower_managed(const struct ir_function *f, struct arena *a,
                          const struct ir_function **out)
{
    struct survey survey;
    struct copy c;
    *out = f;
    if (!has_any(f)) {
        return OK;
    }
    enum status s = copy_open(&c, a, f);
    if (s == OK) {
        s = survey_make(a, f, &survey);
    }
    if (s == OK) {
        s = copy_start(&c, &survey);
    }
    for (uint32_t n = 0; s == OK && n < survey.cfg.count; n++) {
        lower_block(&c, survey.cfg.order[n]);
        s = c.out->error;
    }
    if (s == OK) {
        copy_close(&c);
        *out = c.out;
    }
    return s;
}
