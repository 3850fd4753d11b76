// SPDX-License-Identifier: MIT
//
// From bytes to blocks: everything that control can reach is decoded, once; what it cannot reach is
// data. Blocks are put into an order in which all that leads forwards into a block comes before it.
#include "kernel/jit/verify/verify_internal.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"

#define INSIDE UINT32_MAX /* in insn_at: a later unit of an instruction */

static uint32_t unit_of(const struct verifier *v, uint32_t offset)
{
    return v->m->unit == 1 ? offset : offset / 4;
}

uint32_t verify_block_at(const struct verifier *v, uint32_t offset)
{
    return v->block_at[unit_of(v, offset)] - 1;
}

/* ---- Decoding ---- */

/* Control may come to an offset by more than falling through. */
static bool add_leader(struct verifier *v, int64_t offset)
{
    if (offset < 0 || offset >= v->size || offset % v->m->unit != 0) {
        return verify_refuse(v, "a branch leaves the function");
    }
    uint32_t *block = &v->block_at[unit_of(v, (uint32_t)offset)];
    if (*block == 0) {
        if (!ROOM(v, leader, 1)) {
            return false;
        }
        v->leaders[v->leader_count++] = (uint32_t)offset;
        *block = v->leader_count;
    }
    return true;
}

/* Its units are nobody else's. */
static bool occupy(struct verifier *v, const struct verify_insn *i)
{
    uint32_t first = unit_of(v, i->at), units = unit_of(v, i->length);
    if (units == 1 && v->insn_at[first] == 0) {
        v->insn_at[first] = v->insn_count;
        return true;
    }
    for (uint32_t n = 0; n < units; n++) {
        if (v->insn_at[first + n] != 0) {
            return verify_refuse(v, "instructions overlap");
        }
        v->insn_at[first + n] = n == 0 ? v->insn_count : INSIDE;
    }
    return true;
}

/* Of operations: whether control ends, or may go elsewhere, there; which registers besides d are
 * written. */
enum { ENDS = 1, LEADS = 2, WRITES_C = 4, WRITES_A = 8, CALLS = 16 };
static const uint8_t op_info[] = {
    [VERIFY_LOAD_PAIR] = WRITES_C,
    [VERIFY_POP] = WRITES_C,
    [VERIFY_MUL_WIDE] = WRITES_C,
    [VERIFY_DIVIDE] = WRITES_C,
    [VERIFY_PROBE_LOOP] = WRITES_A,
    [VERIFY_CLEAR_LOOP] = WRITES_A,
    [VERIFY_JUMP] = ENDS | LEADS,
    [VERIFY_BRANCH] = LEADS,
    [VERIFY_BRANCH_ZERO] = LEADS,
    [VERIFY_BRANCH_BIT] = LEADS,
    [VERIFY_JUMP_TABLE] = ENDS | LEADS,
    [VERIFY_CALL] = CALLS,
    [VERIFY_CALL_TO] = CALLS,
    [VERIFY_RETURN] = ENDS,
    [VERIFY_TRAP] = ENDS,
};

static uint64_t bit(unsigned reg)
{
    return reg < VERIFY_ZERO ? UINT64_C(1) << reg : 0;
}

/* Note what it writes; refuse a register that programs do not have. */
static bool note_registers(struct verifier *v, const struct verify_insn *i)
{
    unsigned info = op_info[i->op];
    uint64_t written = bit(i->d) | ((info & WRITES_C) != 0 ? bit(i->c) : 0) |
                       ((info & WRITES_A) != 0 ? bit(i->a) : 0) |
                       ((info & CALLS) != 0 ? v->called : 0);
    uint64_t used = written | bit(i->a) | bit(i->b) | bit(i->c) | bit(i->base) | bit(i->index);
    v->written |= written;
    return (used & v->m->reserved) == 0 || verify_refuse(v, "a register that programs do not have");
}

static bool decode_one(struct verifier *v, uint32_t offset)
{
    v->at = offset;
    if (!ROOM(v, insn, 1)) {
        return false;
    }
    struct verify_insn *i = &v->insns[v->insn_count];
    if (!v->m->decode(v->code + offset, v->size - offset, offset, i) ||
        i->length > v->size - offset) {
        return verify_refuse(v, "not an instruction that programs may have");
    }
    i->at = offset;
    i->trap = 0;
    v->insn_count++;
    v->work++;
    return note_registers(v, i) && occupy(v, i);
}

static bool add_table(struct verifier *v, uint32_t run)
{
    struct table_use use = {.insn = v->insn_count - 1};
    uint32_t count = v->insn_count - run;
    if (!v->m->find_table(v->insns + run, count, &use.table)) {
        return verify_refuse(v, "an indirect jump that is not through a known table");
    }
    const struct verify_table *t = &use.table;
    if (t->count == 0 || t->first > v->size || t->count > (v->size - t->first) / 4) {
        return verify_refuse(v, "a table of jumps outside the function");
    }
    use.table.compare += run;
    use.table.from += run;
    v->insns[use.insn - 2].flags |= VERIFY_TABLE_PART; /* the load, and the addition */
    v->insns[use.insn - 1].flags |= VERIFY_TABLE_PART;
    for (uint32_t n = 0; n < t->count; n++) {
        int32_t distance = (int32_t)load_le32(v->code + t->first + 4 * (size_t)n);
        if (!add_leader(v, (int64_t)t->origin + distance)) {
            return false;
        }
        v->work++;
    }
    if (!ROOM(v, table, 1)) {
        return false;
    }
    v->tables[v->table_count++] = use;
    return true;
}

/* Where an instruction leads besides the next one. */
static bool follow(struct verifier *v, const struct verify_insn *i, uint32_t run)
{
    int64_t next = (int64_t)i->at + i->length;
    if (i->op == VERIFY_JUMP_TABLE) {
        return add_table(v, run);
    }
    return add_leader(v, i->imm) && (i->op == VERIFY_JUMP || add_leader(v, next));
}

/* Control comes to an offset, but has not been followed there yet. */
static bool is_open_leader(const struct verifier *v, uint32_t offset)
{
    uint32_t unit = unit_of(v, offset);
    return offset < v->size && v->block_at[unit] != 0 && v->insn_at[unit] == 0;
}

/* From a leader to an end, or to what is decoded already. Code that control comes to another way
 * right behind an end is of the same run: it may jump through a table that was compared before. */
static bool decode_run(struct verifier *v, uint32_t offset)
{
    uint32_t run = v->insn_count;
    for (bool ends = false; !ends;) {
        uint32_t there = v->insn_at[unit_of(v, offset)];
        if (there == INSIDE) {
            v->at = offset;
            return verify_refuse(v, "a branch into an instruction");
        }
        if (there != 0) {
            return add_leader(v, offset);
        }
        if (!decode_one(v, offset)) {
            return false;
        }
        const struct verify_insn *i = &v->insns[v->insn_count - 1];
        unsigned info = op_info[i->op];
        if ((info & LEADS) != 0 && !follow(v, i, run)) {
            return false;
        }
        offset += i->length;
        ends = (info & ENDS) != 0 && !is_open_leader(v, offset);
        if (!ends && offset >= v->size) {
            return verify_refuse(v, "control runs off the end of the function");
        }
    }
    return true;
}

/* Rows are bisected, here and when something faults: each has to be found by both. Once a piece. */
static bool rows_ascend(struct verifier *v)
{
    const struct code_piece *p = v->piece;
    for (uint32_t n = 1; v->function == 0 && n < p->row_count; n++) {
        if (p->rows[n].pc < p->rows[n - 1].pc) {
            return verify_refuse(v, "rows that are not in order");
        }
    }
    return true;
}

/* What rows say of instructions. A row of another pc means nothing: nothing faults there. */
static bool attach_rows(struct verifier *v)
{
    const struct code_piece *p = v->piece;
    uint32_t start = p->functions[v->function].start;
    uint32_t n = SORTED_FIND(p->rows, p->row_count, pc, start);
    for (; n < p->row_count && p->rows[n].pc - start < v->size; n++) {
        const struct jit_row *row = &p->rows[n];
        uint32_t at = row->pc - start;
        uint32_t insn = at % v->m->unit == 0 ? v->insn_at[unit_of(v, at)] : 0;
        if (row->kind == JIT_ROW_LANDING) {
            v->at = at;
            return verify_refuse(v, "unwinding is not verified");
        }
        if (row->kind == JIT_ROW_TRAP && insn != 0 && insn != INSIDE) {
            v->insns[insn - 1].trap = (uint8_t)(row->trap + 1);
        } else if (row->kind == JIT_ROW_TRAP && insn == INSIDE) {
            /* Of a loop of probes, which is one instruction here. */
            uint32_t back = unit_of(v, at);
            while (v->insn_at[back] == INSIDE) {
                back--;
            }
            struct verify_insn *loop = &v->insns[v->insn_at[back] - 1];
            if (loop->op == VERIFY_PROBE_LOOP && loop->at + loop->extra == at) {
                loop->trap = (uint8_t)(row->trap + 1);
            }
        }
        v->work++;
    }
    return true;
}

/* ---- Blocks ---- */

static bool add_edge(struct verifier *v, struct block *b, int64_t target)
{
    if (!ROOM(v, edge, 1)) {
        return false;
    }
    uint32_t to = verify_block_at(v, (uint32_t)target);
    v->edges[v->edge_count++] = to;
    b->succ_count++;
    v->blocks[to].pred_count++;
    return true;
}

static bool add_table_edges(struct verifier *v, struct block *b, uint32_t insn)
{
    const struct verify_table *t =
        &v->tables[SORTED_FIND(v->tables, v->table_count, insn, insn)].table;
    for (uint32_t c = 0; c < t->count; c++) {
        int32_t distance = (int32_t)load_le32(v->code + t->first + 4 * (size_t)c);
        if (!add_edge(v, b, (int64_t)t->origin + distance)) {
            return false;
        }
    }
    return true;
}

static bool end_block(struct verifier *v, struct block *b, uint32_t last)
{
    const struct verify_insn *i = &v->insns[last];
    int64_t next = (int64_t)i->at + i->length;
    b->succs = v->edge_count;
    switch ((enum verify_op)i->op) {
    case VERIFY_JUMP:
        return add_edge(v, b, i->imm);
    case VERIFY_BRANCH:
    case VERIFY_BRANCH_ZERO:
    case VERIFY_BRANCH_BIT:
        return add_edge(v, b, i->imm) && add_edge(v, b, next);
    case VERIFY_JUMP_TABLE:
        return add_table_edges(v, b, last);
    case VERIFY_RETURN:
    case VERIFY_TRAP:
        return true;
    default:
        return add_edge(v, b, next);
    }
}

/* Instructions of a block follow each other in the list as they do in the code. */
static bool make_block(struct verifier *v, uint32_t number)
{
    struct block *b = &v->blocks[number];
    b->first = v->insn_at[unit_of(v, v->leaders[number])] - 1;
    uint32_t last = b->first;
    for (;; last++) {
        const struct verify_insn *i = &v->insns[last];
        uint32_t next = i->at + i->length;
        if ((op_info[i->op] & (ENDS | LEADS)) != 0 || v->block_at[unit_of(v, next)] != 0) {
            break;
        }
    }
    b->count = last - b->first + 1;
    return end_block(v, b, last);
}

/* Lists of predecessors behind those of successors. */
static bool link_back(struct verifier *v)
{
    uint32_t edges = v->edge_count;
    if (!ROOM(v, edge, edges)) {
        return false;
    }
    for (uint32_t n = 0; n < v->block_count; n++) {
        v->blocks[n].preds = v->edge_count;
        v->edge_count += v->blocks[n].pred_count;
        v->blocks[n].pred_count = 0;
    }
    for (uint32_t n = 0; n < v->block_count; n++) {
        struct block *b = &v->blocks[n];
        for (uint32_t s = 0; s < b->succ_count; s++) {
            struct block *to = &v->blocks[v->edges[b->succs + s]];
            v->edges[to->preds + to->pred_count++] = n << 1 | (s != 0);
        }
    }
    return true;
}

/* Reverse postorder, by a stack of blocks; block.order counts successors meanwhile. */
static bool put_in_order(struct verifier *v)
{
    uint32_t *stack = arena_alloc(v->arena, (size_t)v->block_count * sizeof *stack);
    uint32_t depth = 0, left = v->block_count;
    v->order = arena_alloc(v->arena, (size_t)v->block_count * sizeof *v->order);
    if (stack == NULL || v->order == NULL) {
        v->status = E_NOMEM;
        return false;
    }
    stack[depth++] = 0;
    v->blocks[0].has_entry = true;
    while (depth > 0) {
        struct block *b = &v->blocks[stack[depth - 1]];
        if (b->order < b->succ_count) {
            uint32_t to = v->edges[b->succs + b->order++];
            if (!v->blocks[to].has_entry) {
                v->blocks[to].has_entry = true;
                stack[depth++] = to;
            }
            continue;
        }
        v->order[--left] = stack[--depth];
    }
    for (uint32_t n = left; n < v->block_count; n++) {
        v->blocks[v->order[n]].order = n;
    }
    return left == 0 || verify_refuse(v, "a block that is not reached");
}

static void find_headers(struct verifier *v)
{
    for (uint32_t n = 0; n < v->block_count; n++) {
        struct block *b = &v->blocks[n];
        for (uint32_t p = 0; p < b->pred_count; p++) {
            b->is_header |= v->blocks[v->edges[b->preds + p] >> 1].order >= b->order;
        }
        b->has_entry = false;
    }
}

static bool make_blocks(struct verifier *v)
{
    v->block_count = v->leader_count;
    v->blocks = arena_alloc(v->arena, (size_t)v->block_count * sizeof *v->blocks);
    if (v->blocks == NULL) {
        v->status = E_NOMEM;
        return false;
    }
    for (uint32_t n = 0; n < v->block_count; n++) {
        if (!make_block(v, n)) {
            return false;
        }
        v->work++;
    }
    return link_back(v) && put_in_order(v);
}

bool verify_find_blocks(struct verifier *v)
{
    /* One more: what follows the last instruction is looked up, too. */
    size_t units = v->size / v->m->unit + 1;
    v->insn_at = arena_alloc(v->arena, units * sizeof *v->insn_at);
    v->block_at = arena_alloc(v->arena, units * sizeof *v->block_at);
    if (v->insn_at == NULL || v->block_at == NULL) {
        v->status = E_NOMEM;
        return false;
    }
    if (!add_leader(v, 0)) {
        return false;
    }
    for (uint32_t n = 0; n < v->leader_count; n++) {
        uint32_t there = v->insn_at[unit_of(v, v->leaders[n])];
        if ((there == 0 || there == INSIDE) && !decode_run(v, v->leaders[n])) {
            return false;
        }
    }
    if (!rows_ascend(v) || !attach_rows(v) || !make_blocks(v)) {
        return false;
    }
    find_headers(v);
    return true;
}
