// SPDX-License-Identifier: MIT
//
// Addresses in memory 0: base + zero-extended 32-bit index + offset, where the offset does not
// wrap. No instruction can add all three. There are two ways to save instructions:
//
//   - Accesses of a block that have the same index share base + index. survey() decides which
//     accesses share, and which of them computes the sum; selecting an access only looks up the
//     decision. The access that computes it must be the first in the block, so that its result
//     reaches the others. Selection goes backwards, so the decision cannot be made while selecting.
//   - In loops, base + offset can be shared by accesses with different indices ("tables" below,
//     since the offset is usually the address of a static array). It is computed once at the start
//     of the function.
//
// Facts about the range of the index allow more of its computation to become part of the address: a
// shift whose upper bits are zero, an addition that cannot wrap. This is only valid if the 32-bit
// result equals the 64-bit one, which width_of() proves. If that proof were wrong, the program
// could access memory outside its sandbox.
#include "arch/aarch64/jit/select_internal.h"

#include "kernel/lib/compiler.h"

#define DEPTH     6u /* depth to which operands are examined */
#define SHIFT_MAX 4u /* largest shift of an extended register */

/* ---- Facts about a value ---- */

static unsigned width_of(const struct selector *s, uint32_t value, unsigned depth);

static unsigned width_of_load(const struct selector *s, const struct ir_instr *i)
{
    switch (s->f->memrefs[i->c].access) {
    case IR_ACCESS_8_U:
        return 8;
    case IR_ACCESS_16_U:
        return 16;
    case IR_ACCESS_32_U:
        return 32;
    default:
        return 64;
    }
}

static unsigned width_of_shift(const struct selector *s, const struct ir_instr *i, unsigned depth)
{
    uint64_t count;
    unsigned bits = ir_type_size(i->type) * 8, width = width_of(s, i->a, depth);
    if (!select_const(s, i->b, &count)) {
        return i->op == IR_SHL ? 64 : width;
    }
    count %= bits;
    if (i->op == IR_SHL) {
        return width + (unsigned)count;
    }
    return width > count ? width - (unsigned)count : 0;
}

/* Operations whose width depends on their operands. */
static unsigned width_by_operands(const struct selector *s, const struct ir_instr *i,
                                  unsigned depth)
{
    uint64_t c;
    switch ((enum ir_op)i->op) {
    case IR_AND:
        return MIN(width_of(s, i->a, depth), width_of(s, i->b, depth));
    case IR_OR:
    case IR_XOR:
        return MAX(width_of(s, i->a, depth), width_of(s, i->b, depth));
    case IR_ADD:
        if (i->type == IR_I64 && select_const(s, i->b, &c)) {
            return 64; /* what the verifier of machine code assumes of its low half */
        }
        return MAX(width_of(s, i->a, depth), width_of(s, i->b, depth)) + 1;
    case IR_MUL:
        return width_of(s, i->a, depth) + width_of(s, i->b, depth);
    case IR_SHL:
    case IR_SHR_U:
        return width_of_shift(s, i, depth);
    case IR_DIV_U:
    case IR_WRAP:
    case IR_EXTEND_U:
        return width_of(s, i->a, depth);
    case IR_SELECT:
        return MAX(width_of(s, i->b, depth), width_of(s, i->c, depth));
    case IR_LOAD:
        return width_of_load(s, i);
    default:
        return a64_is_comparison(i) ? 1 : 64;
    }
}

/* An upper bound for the number of low bits that may be set: the value is below 2^width. */
static unsigned width_of(const struct selector *s, uint32_t value, unsigned depth)
{
    const struct ir_instr *i = select_instr(s, value);
    unsigned bits = ir_type_size(i->type) * 8;
    uint64_t c;
    if (select_const(s, value, &c)) {
        return c == 0 ? 0 : 64 - (unsigned)__builtin_clzll(c);
    }
    return depth == 0 ? bits : MIN(bits, width_by_operands(s, i, depth - 1));
}

/* ---- The index as part of the address ---- */

static uint32_t same_value(const struct selector *s, uint32_t value)
{
    return (uint32_t)(select_instr(s, value) - s->f->instrs);
}

/* Constants whose addition cannot wrap become part of the offset. */
static void strip_additions(const struct selector *s, struct a64_index *x, uint64_t room)
{
    const struct ir_instr *i = select_instr(s, x->value);
    uint64_t c;
    while (i->op == IR_ADD && select_const(s, i->b, &c)) {
        unsigned width = width_of(s, i->a, DEPTH);
        if (width >= 32 || ((UINT64_C(1) << width) - 1) + c > UINT32_MAX || c > room) {
            return;
        }
        room -= c;
        x->offset += c;
        x->value = i->a;
        i = select_instr(s, x->value);
    }
}

/* The index of an access to memory 0. @param room  How much the offset may still grow. */
static struct a64_index index_of(const struct selector *s, const struct ir_instr *access,
                                 uint64_t room)
{
    struct a64_index x = {.value = access->a, .offset = s->f->memrefs[access->c].offset};
    strip_additions(s, &x, room);
    const struct ir_instr *i = select_instr(s, x.value);
    uint64_t count;
    if (i->op == IR_SHL && select_const(s, i->b, &count) && count <= SHIFT_MAX &&
        width_of(s, i->a, DEPTH) + count <= 32) {
        x.value = i->a;
        x.shift = (uint8_t)count;
    }
    x.value = same_value(s, x.value);
    return x;
}

static uint64_t room_of(const struct selector *s, const struct ir_instr *access, unsigned bytes)
{
    return s->f->module->memories[0].guard_bytes - s->f->memrefs[access->c].offset - bytes;
}

/* ---- Sums that accesses of a block share ---- */

static struct a64_selection *selection_of(const struct selector *s)
{
    return CONTAINER_OF(s->machine, struct a64_selection, machine);
}

bool a64_is_guarded(const struct selector *s, const struct ir_memref *p, unsigned bytes)
{
    const struct ir_memory *m = &s->f->module->memories[p->number];
    return p->offset < m->guard_bytes && m->guard_bytes - p->offset >= bytes;
}

/* Whether this is an access to memory 0 with an index that becomes part of the address. */
static bool has_index(const struct selector *s, const struct ir_instr *i, unsigned *bytes)
{
    unsigned form = ir_op_info[i->op].form;
    uint64_t c;
    if (form != IR_FORM_LOAD && form != IR_FORM_STORE) {
        return false;
    }
    const struct ir_memref *p = &s->f->memrefs[i->c];
    unsigned type = form == IR_FORM_LOAD ? i->type : select_instr(s, i->b)->type;
    *bytes = ir_access_size(p->access, type);
    return p->space == IR_SPACE_MEMORY && p->number == 0 && !select_const(s, i->a, &c) &&
           a64_is_guarded(s, p, *bytes);
}

static struct a64_access *access_at(const struct selector *s, uint32_t at)
{
    return &selection_of(s)->accesses[at - s->f->blocks[s->block].first];
}

/* The group of an access whose index is known; if there is none, the access becomes the first of a
 * new one. A value has few groups: one for each shift. */
static struct a64_access *group_of(struct selector *s, struct a64_access *access)
{
    struct a64_selection *all = selection_of(s);
    struct a64_group_list *list = &all->groups[access->value];
    if (list->block != all->block) {
        *list = (struct a64_group_list){.block = all->block, .first = IR_NONE};
    }
    for (uint32_t at = list->first; at != IR_NONE; at = access_at(s, at)->next_group) {
        struct a64_access *first = access_at(s, at);
        if (first->shift == access->shift) {
            return first;
        }
    }
    access->next_group = list->first;
    list->first = access->at - 1;
    return access;
}

static void note_access(struct selector *s, uint32_t at, unsigned bytes)
{
    const struct ir_instr *i = &s->f->instrs[at];
    struct a64_index x = index_of(s, i, room_of(s, i, bytes));
    struct a64_access *access = access_at(s, at);
    *access = (struct a64_access){.offset = x.offset,
                                  .value = x.value,
                                  .at = at + 1,
                                  .next = IR_NONE,
                                  .next_group = IR_NONE,
                                  .maker = IR_NONE,
                                  .sum = VREG_NONE,
                                  .shift = x.shift,
                                  .is_scaled = x.shift == 0 || UINT64_C(1) << x.shift == bytes};
    struct a64_access *group = group_of(s, access);
    access->group = group->at - 1;
    group->uses++;
    group->has_offset |= x.offset != 0;
}

/* An access shares base + index if the group has several accesses and at least one of them cannot
 * use the index directly, because of an offset or because its shift does not fit. The first access
 * that shares computes the sum. */
static void decide(struct selector *s, struct a64_access *access)
{
    struct a64_access *group = access_at(s, access->group);
    access->shares = group->uses > 1 && (group->has_offset || !access->is_scaled);
    if (access->shares && group->maker == IR_NONE) {
        group->maker = access->at - 1;
    }
}

/* Decide for each access of the block, before any of them is selected. */
static void survey(struct selector *s)
{
    struct a64_selection *all = selection_of(s);
    const struct ir_block *b = &s->f->blocks[s->block];
    uint32_t first = IR_NONE, *link = &first;
    unsigned bytes;
    all->block = s->block + 1;
    for (uint32_t at = b->first; at < b->first + b->count; at++) {
        if (has_index(s, &s->f->instrs[at], &bytes)) {
            note_access(s, at, bytes);
            *link = at;
            link = &access_at(s, at)->next;
        }
    }
    for (uint32_t at = first; at != IR_NONE; at = access_at(s, at)->next) {
        decide(s, access_at(s, at));
    }
}

/* base + index. The access that is its maker emits the addition. */
static uint32_t shared_sum(struct selector *s, const struct a64_access *access)
{
    struct a64_access *group = access_at(s, access->group);
    if (group->sum == VREG_NONE) {
        group->sum = a64_temp(s);
    }
    if (group->maker == s->at) {
        struct a64_new n =
            a64_new(s, A64_ADD_EXT,
                    A64_SMALL_WIDE | A64_SMALL_OPTION(A64_UXTW) | A64_SMALL_AMOUNT(access->shift));
        n.i.extra = A64_EXTRA(1, A64_IN(A64_BASE));
        a64_def(&n, group->sum);
        a64_use(&n, a64_low(s, access->value));
        a64_done(&n);
    }
    return group->sum;
}

/* ---- Tables ---- */

#define CANDIDATES   64u /* number of different offsets that are counted */
#define WORTH        8u  /* as much as one access in a loop of depth 1 */
#define DEPTH_WEIGHT 3u  /* each level of loop counts 2^3 times as much */
#define DEPTH_MAX    5u

static void count_offset(struct a64_table *candidates, uint64_t offset, uint64_t weight)
{
    uint32_t at = (uint32_t)((offset * UINT64_C(0x9e3779b97f4a7c15)) >> 58);
    for (uint32_t n = 0; n < 8; n++) {
        struct a64_table *t = &candidates[(at + n) % CANDIDATES];
        if (t->weight == 0 || t->offset == offset) {
            t->offset = offset;
            t->weight += weight;
            return;
        }
    }
}

/* Keep the heaviest candidates: replace the lightest one chosen so far. */
static void choose(struct a64_selection *all, const struct a64_table *candidate)
{
    struct a64_table *lightest = &all->tables[0];
    for (unsigned n = 1; n < A64_TABLES; n++) {
        if (all->tables[n].weight < lightest->weight) {
            lightest = &all->tables[n];
        }
    }
    if (candidate->weight > lightest->weight) {
        *lightest = *candidate;
        lightest->vreg = VREG_NONE;
    }
}

static void count_offsets(const struct selector *s, struct a64_table *candidates, uint32_t block)
{
    const struct ir_block *b = &s->f->blocks[block];
    unsigned depth = MIN(s->cfg.depth[block], DEPTH_MAX), bytes;
    for (uint32_t at = b->first; depth > 0 && at < b->first + b->count; at++) {
        const struct ir_instr *i = &s->f->instrs[at];
        if (has_index(s, i, &bytes)) {
            struct a64_index x = index_of(s, i, room_of(s, i, bytes));
            if (x.offset != 0) {
                count_offset(candidates, x.offset, UINT64_C(1) << DEPTH_WEIGHT * depth);
            }
        }
    }
}

static void find_tables(struct selector *s, struct a64_selection *all)
{
    struct a64_table candidates[CANDIDATES] = {{0, 0, 0}};
    all->knows_tables = true;
    for (uint32_t o = 0; o < s->cfg.count; o++) {
        count_offsets(s, candidates, s->cfg.order[o]);
    }
    for (unsigned n = 0; n < CANDIDATES; n++) {
        if (candidates[n].weight > WORTH) {
            choose(all, &candidates[n]);
        }
    }
}

static uint32_t table_of(struct selector *s, struct a64_selection *all, uint64_t offset)
{
    if (!all->knows_tables) {
        find_tables(s, all);
    }
    for (unsigned n = 0; n < A64_TABLES; n++) {
        struct a64_table *t = &all->tables[n];
        if (t->weight != 0 && t->offset == offset && s->cfg.depth[s->block] > 0) {
            t->vreg = t->vreg == VREG_NONE ? a64_temp(s) : t->vreg;
            return t->vreg;
        }
    }
    return VREG_NONE;
}

void a64_emit_tables(struct selector *s)
{
    struct a64_selection *all = selection_of(s);
    for (unsigned n = 0; n < A64_TABLES; n++) {
        const struct a64_table *t = &all->tables[n];
        if (t->weight != 0 && t->vreg != VREG_NONE) {
            struct a64_new i = a64_new(s, A64_OP_TABLE, 0);
            i.i.flags = VI_REMAKE;
            i.i.imm = t->offset;
            a64_def(&i, t->vreg);
            a64_done(&i);
        }
    }
}

/* ---- The address of an access ---- */

bool a64_index(struct selector *s, struct a64_index *out)
{
    struct a64_selection *all = selection_of(s);
    if (all->block != s->block + 1) {
        survey(s);
    }
    const struct a64_access *access = access_at(s, s->at);
    if (access->at != s->at + 1) {
        return false;
    }
    struct a64_index x = {.offset = access->offset,
                          .value = access->value,
                          .shift = access->shift,
                          .sum = VREG_NONE,
                          .table = VREG_NONE};
    if (access->shares) {
        x.sum = shared_sum(s, access);
    } else if (access->is_scaled && x.offset != 0) {
        x.table = table_of(s, all, x.offset);
    }
    *out = x;
    return true;
}
