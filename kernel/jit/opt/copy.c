// SPDX-License-Identifier: MIT
//
// Copies instructions from one function into another. Every pass that changes a function builds a
// new one this way and never edits the old one, so a pass can read the old function, and
// everything that survey_make() computed about it, until its end.
//
// Numbers change with a copy: c->values[v] is the new number of the old value v, c->blocks[b] that
// of a block. Memory references and slots keep their numbers, because copy_open() copies their
// tables first. copy_value() may only be called for values that are copied already: a pass must
// visit definitions before uses.
#include "kernel/jit/opt/copy.h"

#include "kernel/lib/string.h"

/* Allocate the arrays with a reserve, so that they usually do not have to grow. An array that grows
 * moves to a new place in the arena, and then copy_close() cannot release the pass's own memory. */
static bool make_room(struct ir_function *f, const struct ir_function *in)
{
    struct arena *a = f->arena;
    uint64_t instrs = in->instr_count + (uint64_t)in->instr_count / 8 + 16;
    f->instrs = arena_grow_list(a, f->instrs, &f->instr_capacity, instrs, sizeof *f->instrs);
    f->locations =
        arena_grow_list(a, f->locations, &f->location_capacity, instrs, sizeof *f->locations);
    f->blocks =
        arena_grow_list(a, f->blocks, &f->block_capacity, in->block_count, sizeof *f->blocks);
    f->edges = arena_grow_list(a, f->edges, &f->edge_capacity, in->edge_count, sizeof *f->edges);
    f->pool = arena_grow_list(a, f->pool, &f->pool_capacity, in->pool_count, sizeof *f->pool);
    return f->instrs != NULL && f->locations != NULL && f->blocks != NULL &&
           (f->edges != NULL || in->edge_count == 0) && f->pool != NULL;
}

/* Copy the table of memory references, with the same numbers. They
 * that are added later do not affect the input. */
static bool copy_memref(struct ir_function *f, const struct ir_function *in)
{
    struct arena *a = f->arena;
    f->memrefs = arena_grow(a, NULL, &f->memref_capacity, (uint64_t)in->memref_count + 8,
                            sizeof *f->memrefs);
    f->memref_table = arena_alloc(a, in->memref_table_size * sizeof *f->memref_table);
    if (f->memrefs == NULL || f->memref_table == NULL) {
        return false;
    }
    memcpy(f->memrefs, in->memrefs, in->memref_count * sizeof *f->memrefs);
    memcpy(f->memref_table, in->memref_table, in->memref_table_size * sizeof *f->memref_table);
    f->memref_count = in->memref_count;
    f->memref_table_size = in->memref_table_size;
    return true;
}

enum status copy_open(struct copy *c, struct arena *a, const struct ir_function *in)
{
    *c = (struct copy){.in = in, .out = ir_function_new(a, in->module, in->callee)};
    if (c->out == NULL || !make_room(c->out, in) || !copy_memref(c->out, in)) {
        return E_NOMEM;
    }
    for (uint32_t n = 0; n < in->slot_count; n++) {
        (void)ir_slot(c->out, in->slots[n].size, in->slots[n].align);
    }
    c->opened = *c->out;
    c->mark = arena_mark(a);
    return c->out->error;
}

enum status copy_start(struct copy *c, const struct survey *survey)
{
    const struct ir_function *in = c->in;
    struct arena *a = c->out->arena;
    c->survey = survey;
    c->values = arena_alloc(a, (size_t)in->instr_count * sizeof *c->values);
    c->blocks = arena_alloc(a, (size_t)in->block_count * sizeof *c->blocks);
    if (c->values == NULL || c->blocks == NULL) {
        return E_NOMEM;
    }
    for (uint32_t b = 0; b < in->block_count; b++) {
        c->blocks[b] = survey->cfg.position[b] == IR_NONE ? IR_NONE : ir_block_new(c->out);
    }
    return c->out->error;
}

/* Whether no array has moved since. */
static bool is_in_place(const struct ir_function *f, const struct ir_function *before)
{
    return f->instrs == before->instrs && f->locations == before->locations &&
           f->blocks == before->blocks && f->edges == before->edges &&
           f->memrefs == before->memrefs && f->memref_table == before->memref_table &&
           f->slots == before->slots && f->pool == before->pool;
}

void copy_close(struct copy *c)
{
    c->out->fold = NULL;
    if (is_in_place(c->out, &c->opened)) {
        arena_release(c->out->arena, c->mark);
    }
}

/* Copy the operands in the pool. The first `skip` words are not operands: an invoke has its two
 * edges there, and the caller fills them in. */
static uint32_t copy_pool(struct copy *c, const struct ir_instr *i, uint32_t skip)
{
    uint32_t at = ir_pool(c->out, NULL, i->c);
    for (uint32_t n = skip; n < i->c && c->out->error == OK; n++) {
        c->out->pool[at + n] = copy_value(c, c->in->pool[i->b + n]);
    }
    return at;
}

/* The same for two operands, of an operation that has no count. */
static uint32_t copy_two(struct copy *c, uint32_t from)
{
    const uint32_t words[2] = {copy_value(c, c->in->pool[from]),
                               copy_value(c, c->in->pool[from + 1])};
    return ir_pool(c->out, words, 2);
}

/* Returns the instruction with its operands translated, without emitting it: a pass may change or
 * drop it. Edges (of jumps, branches, switches) still have their old numbers; copy_end() or the
 * pass translates those. A form that is not listed has no operands that are values. */
struct ir_instr copy_operands(struct copy *c, uint32_t value)
{
    struct ir_instr i = c->in->instrs[value];
    c->out->location = c->in->locations[value];
    switch ((enum ir_form)ir_op_info[i.op].form) {
    case IR_FORM_SELECT:
        i.c = copy_value(c, i.c);
        i.b = copy_value(c, i.b);
        i.a = copy_value(c, i.a);
        break;
    case IR_FORM_BINARY:
    case IR_FORM_COPY:
        i.b = copy_value(c, i.b);
        i.a = copy_value(c, i.a);
        break;
    case IR_FORM_STORE:
        i.b = copy_value(c, i.b);
        i.a = i.a == IR_NONE ? IR_NONE : copy_value(c, i.a);
        break;
    case IR_FORM_COMPARE_SWAP:
        i.b = copy_two(c, i.b);
        i.a = i.a == IR_NONE ? IR_NONE : copy_value(c, i.a);
        break;
    case IR_FORM_LOAD:
        i.a = i.a == IR_NONE ? IR_NONE : copy_value(c, i.a);
        break;
    case IR_FORM_UNARY:
    case IR_FORM_RESULT:
    case IR_FORM_ZERO:
    case IR_FORM_TRAP_IF:
    case IR_FORM_BRANCH:
    case IR_FORM_SWITCH:
        i.a = copy_value(c, i.a);
        break;
    case IR_FORM_EXTRACT_LANE:
        i.a = copy_value(c, i.a);
        break;
    case IR_FORM_REPLACE_LANE:
        i.a = copy_value(c, i.a);
        i.b = copy_value(c, i.b);
        break;
    case IR_FORM_SHUFFLE:
        i.a = copy_value(c, i.a);
        i.b = copy_value(c, i.b);
        i.c = ir_pool(c->out, c->in->pool + i.c, 4);
        break;
    case IR_FORM_VECTOR_CONST:
        i.a = ir_pool(c->out, c->in->pool + i.a, 4);
        break;
    case IR_FORM_CALL:
    case IR_FORM_CALL_INDIRECT:
    case IR_FORM_RETURN:
        i.b = copy_pool(c, &i, 0);
        break;
    case IR_FORM_INVOKE:
    case IR_FORM_INVOKE_INDIRECT:
        i.b = copy_pool(c, &i, 2);
        break;
    default:
        break;
    }
    return i;
}

/* A parameter stays if it is needed and not an alias of another value. copy_edge() drops the
 * arguments of the others, so a pass that creates the parameters of a block must use this test. */
bool copy_keeps(const struct copy *c, uint32_t param)
{
    const struct survey *s = c->survey;
    return s->alias[param] == param && s->is_needed[param] != 0;
}

uint32_t copy_edge(struct copy *c, uint32_t edge)
{
    const struct ir_edge *e = &c->in->edges[edge];
    uint32_t first = c->in->blocks[e->to].first, kept = 0;
    uint32_t at = ir_pool(c->out, NULL, e->count);
    for (uint32_t n = 0; n < e->count && c->out->error == OK; n++) {
        if (copy_keeps(c, first + n)) {
            c->out->pool[at + kept++] = copy_value(c, c->in->pool[e->args + n]);
        }
    }
    uint32_t copied = ir_edge(c->out, c->blocks[e->to], NULL, 0);
    if (c->out->error == OK) {
        c->out->edges[copied].args = at;
        c->out->edges[copied].count = kept;
    }
    return copied;
}

uint32_t copy_emit(struct copy *c, const struct ir_instr *i)
{
    uint32_t v = ir_emit(c->out, i->op, i->type, i->a, i->b, i->c);
    if (c->out->error == OK) {
        c->out->instrs[v].flags = i->flags;
    }
    return v;
}

/* Copy the last instruction of a block together with its edges. The edges of a switch must have
 * consecutive numbers; they do, since no other edge is made in between. */
void copy_end(struct copy *c, uint32_t value)
{
    struct ir_function *out = c->out;
    const struct ir_instr *last = &c->in->instrs[value];
    struct ir_instr i = copy_operands(c, value);
    uint32_t edges = ir_edge_count(c->in, last);
    uint32_t copied[2] = {IR_NONE, IR_NONE}, first = out->edge_count;
    for (uint32_t n = 0; n < edges; n++) {
        uint32_t edge = copy_edge(c, ir_edge_of(c->in, last, n));
        copied[n & 1] = edge;
    }
    switch ((enum ir_op)i.op) {
    case IR_JUMP:
        i.a = copied[0];
        break;
    case IR_BRANCH:
        i.b = copied[0];
        i.c = copied[1];
        break;
    case IR_SWITCH:
        i.b = first;
        break;
    case IR_INVOKE:
    case IR_INVOKE_INDIRECT:
        if (out->error == OK) {
            out->pool[i.b] = copied[0];
            out->pool[i.b + 1] = copied[1];
        }
        break;
    default:
        break;
    }
    c->values[value] = copy_emit(c, &i);
}

/* Remove blocks that were created but never started, and number the others anew. No edge may lead
 * to a removed block, and no array that is indexed by block may be used after this. */
void copy_drop_empty(struct ir_function *f)
{
    uint32_t kept = 0;
    for (uint32_t b = 0; b < f->block_count; b++) {
        kept += f->blocks[b].count != 0;
    }
    if (kept == f->block_count || f->error != OK) {
        return;
    }
    uint32_t *number = arena_alloc(f->arena, (size_t)f->block_count * sizeof *number);
    if (number == NULL) {
        f->error = E_NOMEM;
        return;
    }
    kept = 0;
    for (uint32_t b = 0; b < f->block_count; b++) {
        number[b] = kept;
        if (f->blocks[b].count != 0) {
            f->blocks[kept++] = f->blocks[b];
        }
    }
    f->block_count = kept;
    for (uint32_t e = 0; e < f->edge_count; e++) {
        f->edges[e].to = number[f->edges[e].to];
    }
}
