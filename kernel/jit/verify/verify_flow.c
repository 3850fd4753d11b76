// SPDX-License-Identifier: MIT
//
// From bytes to blocks: decodes every reachable instruction once; unreachable bytes are data. The
// code is decoded from start to end; code that only backward jumps reach is decoded late. The order
// of the blocks puts all predecessors first, except those on back edges.
#include "kernel/jit/verify/verify_internal.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"

/* v->units has an entry for each unit of code: where an instruction starts, its index + 1. LEADER
 * marks an offset that control reaches other than by falling through. Once blocks exist, the entry
 * of a leader is its block's number. */
#define LEADER     (UINT32_C(1) << 31)
#define LENGTH_MAX 16u /* bytes of an instruction */

static uint32_t *unit_at(const struct verifier *v, uint32_t offset)
{
    return &v->units[offset >> v->unit_shift];
}

static bool is_decoded(uint32_t unit)
{
    return (unit & ~LEADER) != 0;
}

/* ---- Decoding ---- */

/* The instruction that starts before an offset and extends beyond it, or NULL. */
static struct verify_insn *around(const struct verifier *v, uint32_t offset)
{
    uint32_t unit = offset >> v->unit_shift;
    for (uint32_t back = 1; back < LENGTH_MAX && back <= unit; back++) {
        uint32_t there = v->units[unit - back] & ~LEADER;
        if (there != 0) {
            struct verify_insn *i = &v->insns[there - 1];
            return i->at + i->length > offset ? i : NULL;
        }
    }
    return NULL;
}

bool verify_add_leader(struct verifier *v, int64_t offset)
{
    if (offset < 0 || offset >= v->size || (offset & (v->m->unit - 1)) != 0) {
        return verify_refuse(v, "a branch leaves the function");
    }
    uint32_t *unit = unit_at(v, (uint32_t)offset);
    if (*unit == 0 && offset < v->swept) {
        if (!ROOM(v, late, 1)) {
            return false;
        }
        v->lates[v->late_count++] = (uint32_t)offset;
    }
    v->block_count += (*unit & LEADER) == 0;
    *unit |= LEADER;
    return true;
}

/* Properties of operations: whether control ends there or may branch, and the registers besides d
 * that are written. */
enum {
    ENDS = 1,
    LEADS = 2,
    WRITES_C = 4,
    WRITES_A = 8,
    CALLS = 16,
    WRITES_MORE = WRITES_C | WRITES_A | CALLS
};
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
    [VERIFY_TAIL] = ENDS,
    [VERIFY_TAIL_TO] = ENDS,
    [VERIFY_TRAP] = ENDS,
};

/* The bit of a register; VERIFY_NONE has a bit above all others. */
static uint64_t bit(unsigned reg)
{
    _Static_assert(VERIFY_NONE % 64 >= LOCATION_CELLS && VERIFY_CODE % 64 >= LOCATION_CELLS);
    return UINT64_C(1) << reg % 64;
}

/* What an instruction writes besides d. */
static uint64_t also_written_by(const struct verifier *v, const struct verify_insn *i,
                                unsigned info)
{
    return (info & CALLS) != 0 ? v->called : bit((info & WRITES_C) != 0 ? i->c : i->a);
}

/* No instruction that was decoded before starts inside this one. Only late code can overlap. */
static bool is_alone(const struct verifier *v, const struct verify_insn *i)
{
    for (uint32_t at = i->at + v->m->unit; at < i->at + i->length; at += v->m->unit) {
        if (is_decoded(*unit_at(v, at))) {
            return false;
        }
    }
    return true;
}

static bool add_table(struct verifier *v)
{
    struct table_use use = {.insn = v->insn_count - 1};
    if (!v->m->find_table(v->insns, v->insn_count, v->code + v->insns[use.insn].at, &use.table)) {
        v->insns[use.insn].op = VERIFY_TAIL_TO;
        return true;
    }
    const struct verify_table *t = &use.table;
    if (t->count == 0 || t->first > v->size || t->count > (v->size - t->first) / 4) {
        return verify_refuse(v, "a table of jumps outside the function");
    }
    v->insns[use.insn - 2].flags |= VERIFY_TABLE_PART; /* the load, and the addition */
    v->insns[use.insn - 1].flags |= VERIFY_TABLE_PART;
    for (uint32_t n = 0; n < t->count; n++) {
        int32_t distance = (int32_t)load_le32(v->code + t->first + 4 * (size_t)n);
        if (!verify_add_leader(v, (int64_t)t->origin + distance)) {
            return false;
        }
        v->work++;
    }
    v->target_count += t->count;
    if (!ROOM(v, table, 1)) {
        return false;
    }
    v->tables[v->table_count++] = use;
    return true;
}

/* Record the targets of a jump or branch; of a conditional branch the next instruction, too. A jump
 * that leaves the function can only be a call in its place. */
static bool follow(struct verifier *v, struct verify_insn *i)
{
    v->at = i->at;
    if (i->op == VERIFY_JUMP_TABLE) {
        return add_table(v);
    }
    if (i->op == VERIFY_JUMP && (i->imm < 0 || i->imm >= v->size)) {
        i->op = VERIFY_TAIL;
        return true;
    }
    return verify_add_leader(v, i->imm) &&
           (i->op == VERIFY_JUMP || verify_add_leader(v, (int64_t)i->at + i->length));
}

/* Record the instructions that were decoded together, and where their branches lead. */
static bool note_decoded(struct verifier *v, uint32_t count)
{
    struct verify_insn *i = &v->insns[v->insn_count], *end = i + count;
    uint32_t *units = v->units, n = v->insn_count;
    unsigned shift = v->unit_shift;
    v->swept = MAX(v->swept, end[-1].at + end[-1].length);
    v->insn_count += count;
    for (; i < end; i++) {
        units[i->at >> shift] |= ++n;
        if (i->op >= VERIFY_BRANCH && i->op <= VERIFY_JUMP_TABLE && !follow(v, i)) {
            return false;
        }
    }
    return true;
}

/* Decode up to the first instruction after which control does not continue; late, only one. */
static bool decode_some(struct verifier *v, uint32_t offset)
{
    v->at = offset;
    if (!ROOM(v, insn, 1)) {
        return false;
    }
    struct verify_insn *first = &v->insns[v->insn_count];
    uint32_t most = v->is_late ? 1 : v->insn_capacity - v->insn_count;
    uint32_t count = v->m->decode(v->code + offset, v->size - offset, offset, first, most);
    if (count == 0) {
        return verify_refuse(v, "not an instruction that programs may have");
    }
    if (v->is_late && !is_alone(v, first)) {
        return verify_refuse(v, "instructions overlap");
    }
    return note_decoded(v, count);
}

/* After an end: the next offset that control is known to reach. Late decoding continues only
 * directly after the end, where a jump through a table and the instructions before it may be.
 * @return v->size: none. */
static uint32_t next_leader(const struct verifier *v, uint32_t offset)
{
    if (v->is_late) {
        return offset < v->size && *unit_at(v, offset) == LEADER ? offset : v->size;
    }
    while (offset < v->size && *unit_at(v, offset) == 0) {
        offset += v->m->unit;
    }
    return offset;
}

/* Decode from a leader to the end of the code; late,
 * to an end or to code that is decoded already. */
static bool decode_from(struct verifier *v, uint32_t offset)
{
    while (offset < v->size) {
        if (is_decoded(*unit_at(v, offset))) {
            return verify_add_leader(v, offset);
        }
        if (!decode_some(v, offset)) {
            return false;
        }
        const struct verify_insn *i = &v->insns[v->insn_count - 1];
        offset = i->at + i->length;
        if (i->op >= VERIFY_JUMP) {
            offset = next_leader(v, offset);
        } else if (offset >= v->size) {
            return verify_refuse(v, "control runs off the end of the function");
        }
    }
    return true;
}

static bool decode_late(struct verifier *v)
{
    v->is_late = true;
    v->swept = v->size;
    for (uint32_t n = 0; n < v->late_count; n++) {
        uint32_t offset = v->lates[n];
        if (is_decoded(*unit_at(v, offset))) {
            continue;
        }
        v->at = offset;
        if (around(v, offset) != NULL) {
            return verify_refuse(v, "a branch into an instruction");
        }
        if (!decode_from(v, offset)) {
            return false;
        }
    }
    v->work += v->insn_count;
    return true;
}

/* Rows must ascend: this file and the fault handler search them by bisection. Once a piece. */
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

/* A row whose pc is no instruction's is unused, because no fault occurs there. */
static void attach_row(struct verifier *v, const struct jit_row *row, uint32_t at)
{
    uint32_t unit = (at & (v->m->unit - 1)) == 0 ? *unit_at(v, at) & ~LEADER : 0;
    v->work++;
    if (row->kind != JIT_ROW_TRAP) {
        return;
    }
    /* A loop of probes is one instruction here. */
    struct verify_insn *i = unit != 0 ? &v->insns[unit - 1] : around(v, at);
    if (i != NULL && (unit != 0 || (i->op == VERIFY_PROBE_LOOP && i->at + i->extra == at))) {
        i->trap = (uint8_t)(row->trap + 1);
    }
}

static void attach_rows(struct verifier *v)
{
    const struct code_piece *p = v->piece;
    uint32_t start = p->functions[v->function].start;
    uint32_t n = SORTED_FIND(p->rows, p->row_count, pc, start);
    for (; n < p->row_count && p->rows[n].pc - start < v->size; n++) {
        attach_row(v, &p->rows[n], p->rows[n].pc - start);
    }
}

/* ---- Blocks ---- */

uint32_t verify_block_at(const struct verifier *v, uint32_t offset)
{
    return *unit_at(v, offset) & ~LEADER;
}

static void add_edge(struct verifier *v, struct block *b, int64_t target)
{
    uint32_t to = verify_block_at(v, (uint32_t)target);
    v->edges[v->edge_count++] = to;
    b->succ_count++;
    v->blocks[to].pred_count++;
}

static void add_table_edges(struct verifier *v, struct block *b, uint32_t insn)
{
    const struct verify_table *t =
        &v->tables[SORTED_FIND(v->tables, v->table_count, insn, insn)].table;
    for (uint32_t c = 0; c < t->count; c++) {
        int32_t distance = (int32_t)load_le32(v->code + t->first + 4 * (size_t)c);
        add_edge(v, b, (int64_t)t->origin + distance);
    }
}

static void end_block(struct verifier *v, struct block *b)
{
    const uint64_t registers = ((UINT64_C(1) << LOCATION_CELLS) - 1) & ~bit(VERIFY_ZERO);
    uint32_t last = b->first + b->count - 1;
    const struct verify_insn *i = &v->insns[last];
    unsigned info = op_info[i->op];
    b->writes &= registers;
    v->written |= b->writes;
    b->succs = v->edge_count;
    uint32_t landing = verify_landing_of(v, i);
    if (landing != NO_BLOCK) { /* first, so that it comes after the code below */
        b->invokes = true;
        add_edge(v, b, landing);
    }
    if (i->op == VERIFY_JUMP_TABLE) {
        add_table_edges(v, b, last);
    } else if ((info & LEADS) != 0) {
        add_edge(v, b, i->imm);
    }
    if ((info & ENDS) == 0) {
        add_edge(v, b, (int64_t)i->at + i->length);
    }
}

/* The instructions of a block are adjacent in the list, as in the code: an instruction that does
 * not follow the one before starts a block. */
static bool number_blocks(struct verifier *v)
{
    const struct verify_insn *i = v->insns, *end = i + v->insn_count;
    uint32_t *units = v->units, count = 0;
    unsigned shift = v->unit_shift;
    while (i < end) {
        uint32_t *unit = &units[i->at >> shift];
        struct block *b = &v->blocks[count];
        const struct verify_insn *first = i;
        uint64_t writes = 0;
        *unit = LEADER | count++;
        do {
            unsigned info = op_info[i->op];
            writes |= bit(i->d) | ((info & WRITES_MORE) != 0 ? also_written_by(v, i, info) : 0);
            i++;
        } while (i < end && (units[i->at >> shift] & LEADER) == 0);
        memset(b, 0, offsetof(struct block, out));
        b->first = (uint32_t)(first - v->insns);
        b->count = (uint32_t)(i - first);
        b->writes = writes;
        b->low = UINT32_MAX;
    }
    return count == v->block_count || verify_refuse(v, "a branch into an instruction");
}

/* The index of the successor to visit next; block.order counts those visited, plus 1. What is
 * visited last comes next in the order. Of a branch that is the code below, so that a loop's exits
 * come after it; but the code to enter the loop again may be above the loop, and be reached only by
 * a branch from its end. */
static uint32_t next_successor(const struct verifier *v, struct block *b)
{
    uint32_t n = b->order++ - 1, taken = v->blocks[v->edges[b->succs]].first;
    bool is_up = b->succ_count == 2 && v->insns[taken].at < v->insns[b->first].at;
    return is_up ? 1 - n : n;
}

/* Reverse postorder, by a stack of blocks. */
static bool put_in_order(struct verifier *v)
{
    uint32_t *stack = arena_take(v->arena, (size_t)v->block_count * sizeof *stack);
    uint32_t depth = 0, left = v->block_count;
    v->order = arena_take(v->arena, (size_t)v->block_count * sizeof *v->order);
    if (stack == NULL || v->order == NULL) {
        v->status = E_NOMEM;
        return false;
    }
    stack[depth++] = 0;
    v->blocks[0].order = 1;
    while (depth > 0) {
        struct block *b = &v->blocks[stack[depth - 1]];
        if (b->order > b->succ_count) {
            v->order[--left] = stack[--depth];
            continue;
        }
        uint32_t to = v->edges[b->succs + next_successor(v, b)];
        if (v->blocks[to].order == 0) {
            v->blocks[to].order = 1;
            stack[depth++] = to;
        }
    }
    for (uint32_t n = left; n < v->block_count; n++) {
        struct block *b = &v->blocks[v->order[n]];
        b->order = b->loop_end = n;
    }
    return left == 0 || verify_refuse(v, "a block that is not reached");
}

/* Make the lists of predecessors, after those of successors, and mark headers. */
static void link_back(struct verifier *v)
{
    for (uint32_t n = 0; n < v->block_count; n++) {
        v->blocks[n].preds = v->edge_count;
        v->edge_count += v->blocks[n].pred_count;
        v->blocks[n].pred_count = 0;
    }
    for (uint32_t n = 0; n < v->block_count; n++) {
        const struct block *b = &v->blocks[n];
        for (uint32_t s = 0; s < b->succ_count; s++) {
            struct block *to = &v->blocks[v->edges[b->succs + s]];
            v->edges[to->preds + to->pred_count++] = n << 1 | (s != 0);
            to->is_header |= b->order >= to->order;
            to->low = MIN(to->low, b->order);
            to->loop_end = MAX(to->loop_end, b->order);
        }
    }
}

static bool make_blocks(struct verifier *v)
{
    /* At most two outgoing edges for each block, plus
     * those of tables; and as many incoming ones. */
    uint64_t edges = 2 * (2 * (uint64_t)v->block_count + v->target_count);
    v->blocks = arena_take(v->arena, (size_t)v->block_count * sizeof *v->blocks);
    v->edges = arena_take(v->arena, edges * sizeof *v->edges);
    if (v->blocks == NULL || v->edges == NULL) {
        v->status = E_NOMEM;
        return false;
    }
    if (!number_blocks(v)) {
        return false;
    }
    verify_mark_landings(v);
    for (uint32_t n = 0; n < v->block_count; n++) {
        end_block(v, &v->blocks[n]);
    }
    v->work += v->block_count;
    if (!put_in_order(v)) {
        return false;
    }
    link_back(v);
    return verify_check_landings(v);
}

static bool form_blocks(struct verifier *v)
{
    attach_rows(v);
    return make_blocks(v);
}

bool verify_find_blocks(struct verifier *v)
{
    v->unit_shift = v->m->unit / 2;
    size_t units = ((size_t)v->size >> v->unit_shift) + 1; /* the last one may be truncated */
    v->units = arena_alloc(v->arena, units * sizeof *v->units);
    if (v->units == NULL) {
        v->status = E_NOMEM;
        return false;
    }
    /* Few functions have shorter instructions on average. */
    return verify_room(v, &v->insns, &v->insn_capacity, v->size / 3 + 1, sizeof *v->insns) &&
           rows_ascend(v) && verify_add_leader(v, 0) && verify_find_landings(v) &&
           decode_from(v, 0) && decode_late(v) && form_blocks(v);
}
