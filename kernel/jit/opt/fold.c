// SPDX-License-Identifier: MIT
//
// ir_build(): puts operands in order, evaluates constants, applies rules, then looks for an equal
// value that exists already. The rules are in fold_*.c.
//
// A rule gets an instruction that is not emitted, and returns the number of an equal value or
// IR_NONE. It builds the parts of its result with ir_build(), so other rules simplify them in
// turn. Each rule must make the expression simpler by some fixed measure (fewer operations, a
// constant moved outwards, a cheaper operation). Two rules that undo each other would recurse;
// DEPTH_MAX ends such a recursion, but the result would depend on it.
#include "kernel/jit/opt/fold.h"

#include "kernel/jit/ir/ir_eval.h"
#include "kernel/lib/string.h"

#define LOCAL_ENTRIES 256u
#define PROBES        8u /* entries of the hash table that are examined for a value */
/* nesting of rules; deeper ones emit the instruction without simplification */
#define DEPTH_MAX 12u

/* ---- Values built so far ---- */

struct fold *fold_new(struct arena *a, uint32_t entries)
{
    struct fold *fold = arena_alloc(a, sizeof *fold);
    if (fold == NULL) {
        return NULL;
    }
    fold->entries = arena_alloc(a, (size_t)entries * sizeof *fold->entries);
    if (fold->entries == NULL) {
        return NULL;
    }
    fold->mask = entries - 1;
    return fold;
}

/* Forget values at the start of a block, unless a pass uses a scope of its own. */
static void start(struct ir_function *f)
{
    f->fold = fold_new(f->arena, LOCAL_ENTRIES);
    if (f->fold == NULL) {
        f->error = E_NOMEM;
    }
}

/* The field with the index of the four words that an instruction has in the pool, or IR_NONE. */
static uint32_t own_words(const struct ir_instr *i)
{
    switch (ir_op_info[i->op].form) {
    case IR_FORM_VECTOR_CONST:
        return i->a;
    case IR_FORM_SHUFFLE:
        return i->c;
    default:
        return IR_NONE;
    }
}

static uint64_t hash_words(const uint32_t *words)
{
    uint64_t low = words[0] | (uint64_t)words[1] << 32, high = words[2] | (uint64_t)words[3] << 32;
    return (low * UINT64_C(0x9e3779b97f4a7c15) ^ high) * UINT64_C(0xd6e8feb86659fd93);
}

/* Equal instructions must have equal hashes. So the words of vector constants and shuffles count
 * with their contents, not with their index in the pool. */
uint32_t fold_hash(const struct ir_function *f, const struct ir_instr *i)
{
    uint64_t h = (uint64_t)i->op << 8 | i->type;
    uint32_t words = own_words(i);
    if (words != IR_NONE) {
        h += hash_words(f->pool + words) +
             (i->op == IR_I8X16_SHUFFLE ? i->a ^ (uint64_t)i->b << 32 : 0);
        return (uint32_t)(h * UINT64_C(0xd6e8feb86659fd93) >> 32);
    }
    h = (h + i->a) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 32) + i->b + ((uint64_t)i->c << 32);
    h *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(h >> 32);
}

static bool is_same(const struct ir_function *f, const struct ir_instr *a, const struct ir_instr *b)
{
    if (a->op != b->op || a->type != b->type) {
        return false;
    }
    uint32_t words = own_words(a), others = own_words(b);
    if (words == IR_NONE) {
        return a->a == b->a && a->b == b->b && a->c == b->c;
    }
    bool same_operands =
        ir_op_info[a->op].form == IR_FORM_VECTOR_CONST || (a->a == b->a && a->b == b->b);
    return same_operands && memcmp(f->pool + words, f->pool + others, 4 * sizeof *f->pool) == 0;
}

/* Whether an existing value can be used in the current block. */
static bool is_visible(const struct ir_function *f, const struct fold_entry *e)
{
    const struct fold_scope *s = f->fold->scope;
    uint32_t value = e->value_1 - 1;
    return s == NULL ? value >= f->blocks[f->current].first && value < f->instr_count
                     : s->now <= e->last;
}

uint32_t fold_find(struct ir_function *f, const struct ir_instr *i, uint32_t hash)
{
    const struct fold *fold = f->fold;
    uint32_t probes = fold->scope == NULL ? 1 : PROBES;
    for (uint32_t n = 0; n < probes; n++) {
        const struct fold_entry *e = &fold->entries[(hash + n) & fold->mask];
        if (e->value_1 == 0) {
            break;
        }
        uint32_t value = e->value_1 - 1;
        if (e->hash == hash && is_visible(f, e) && is_same(f, &f->instrs[value], i)) {
            return value;
        }
    }
    return IR_NONE;
}

/* Blocks come in preorder of the dominator tree. A block that does not dominate this one will not
 * dominate any later one, so the entries of such blocks are replaced first. Otherwise the first
 * entry examined is replaced. */
void fold_remember(struct ir_function *f, uint32_t value, uint32_t hash)
{
    struct fold *fold = f->fold;
    const struct fold_scope *scope = fold->scope;
    uint32_t at = hash & fold->mask;
    for (uint32_t n = 0; n < PROBES && scope != NULL; n++) {
        const struct fold_entry *e = &fold->entries[(hash + n) & fold->mask];
        if (e->value_1 == 0 || !is_visible(f, e)) {
            at = (hash + n) & fold->mask;
            break;
        }
    }
    fold->entries[at] = (struct fold_entry){
        .hash = hash, .value_1 = value + 1, .last = scope == NULL ? 0 : scope->last[scope->now]};
}

/* ---- Constants ---- */

/* Whether constant folding may compute it: no floating-point arithmetic. */
static bool is_exact(unsigned op)
{
    switch ((enum ir_typing)ir_op_info[op].typing) {
    case IR_TYPES_INTEGER:
    case IR_TYPES_COMPARES_INTEGER:
    case IR_TYPES_I64_TO_I32:
    case IR_TYPES_I32_TO_I64:
    case IR_TYPES_SAME_SIZE:
        return true;
    case IR_TYPES_I64:
        return op == IR_EXTEND32_S;
    default:
        return false;
    }
}

/* Evaluate an instruction with constant operands. If it would trap (ir_eval() returns false), it
 * stays as it is, and traps when it runs. */
static uint32_t compute(struct ir_function *f, const struct ir_instr *i)
{
    struct ir_bits operands[3] = {{0, 0}, {0, 0}, {0, 0}}, out;
    enum ir_trap trap;
    if (!is_exact(i->op) || !fold_is_const(f, i->a, &operands[0].lo)) {
        return IR_NONE;
    }
    if (ir_op_info[i->op].form == IR_FORM_BINARY && !fold_is_const(f, i->b, &operands[1].lo)) {
        return IR_NONE;
    }
    if (!ir_eval(i->op, i->type, f->instrs[i->a].type, operands, &out, &trap)) {
        return IR_NONE;
    }
    return ir_build_const(f, i->type, out.lo);
}

uint32_t ir_build_const(struct ir_function *f, unsigned type, uint64_t bits)
{
    bits &= fold_all(type);
    return ir_build(f, IR_CONST, type, (uint32_t)bits, (uint32_t)(bits >> 32), 0);
}

/* ---- Rules ---- */

/* A constant becomes the second operand; otherwise the older value becomes the first. */
static void order(const struct ir_function *f, struct ir_instr *i)
{
    bool a = f->instrs[i->a].op == IR_CONST, b = f->instrs[i->b].op == IR_CONST;
    if (a != b ? a : i->a > i->b) {
        uint32_t swap = i->a;
        i->a = i->b;
        i->b = swap;
    }
}

/* Works on bits only: the sign of a float, even of a NaN, is one bit. */
static uint32_t fold_sign(struct ir_function *f, const struct ir_instr *i)
{
    struct ir_instr a = f->instrs[i->a];
    if (i->op == IR_FNEG) {
        return a.op == IR_FNEG ? a.a : IR_NONE;
    }
    if (a.op == IR_FABS) {
        return i->a;
    }
    return a.op == IR_FNEG || a.op == IR_FCOPYSIGN ? ir_build(f, IR_FABS, i->type, a.a, 0, 0)
                                                   : IR_NONE;
}

static uint32_t apply(struct ir_function *f, const struct ir_instr *i)
{
    switch ((enum ir_op)i->op) {
    case IR_ADD:
    case IR_SUB:
    case IR_MUL:
    case IR_AND:
    case IR_OR:
    case IR_XOR:
        return fold_arithmetic(f, i);
    case IR_SHL:
    case IR_SHR_S:
    case IR_SHR_U:
    case IR_ROTL:
    case IR_ROTR:
        return fold_shift(f, i);
    case IR_DIV_S:
    case IR_DIV_U:
    case IR_REM_S:
    case IR_REM_U:
        return fold_divide(f, i);
    case IR_EQZ:
    case IR_EQ:
    case IR_NE:
    case IR_LT_S:
    case IR_LT_U:
    case IR_LE_S:
    case IR_LE_U:
        return fold_compare(f, i);
    case IR_EXTEND8_S:
    case IR_EXTEND16_S:
    case IR_EXTEND32_S:
    case IR_EXTEND_S:
    case IR_EXTEND_U:
    case IR_WRAP:
    case IR_BITCAST:
        return fold_convert(f, i);
    case IR_FNEG:
    case IR_FABS:
        return fold_sign(f, i);
    case IR_SELECT:
        return fold_select(f, i);
    default:
        return IR_NONE;
    }
}

/* Whether an instruction can be replaced by an earlier equal one: it computes something, or reads
 * constant memory without trapping. If it may trap, the earlier one did not, or control would not
 * have reached this point. */
static bool can_repeat(const struct ir_function *f, const struct ir_instr *i)
{
    unsigned flags = ir_op_info[i->op].flags;
    if (i->op == IR_LOAD) {
        const struct ir_memref *p = &f->memrefs[i->c];
        return p->is_constant != 0 && p->space == IR_SPACE_CONTEXT;
    }
    return (flags & IR_PURE) != 0 || (flags == IR_TRAPS && i->type != IR_VOID);
}

/* The order of the steps matters. Operands are sorted first, because rules expect a constant as the
 * second operand, and so that a + b and b + a are found as equal. The table comes last: it contains
 * only instructions that no rule could simplify. */
static uint32_t build_value(struct ir_function *f, struct ir_instr *i)
{
    if ((ir_op_info[i->op].flags & IR_COMMUTES) != 0) {
        order(f, i);
    }
    struct fold *fold = f->fold;
    if (i->op != IR_CONST && fold->depth < DEPTH_MAX) {
        fold->depth++;
        uint32_t v = compute(f, i);
        v = v == IR_NONE ? apply(f, i) : v;
        fold->depth--;
        if (v != IR_NONE) {
            return v;
        }
    }
    uint32_t hash = fold_hash(f, i), v = fold_find(f, i, hash);
    if (v == IR_NONE) {
        v = fold_emit(f, i);
        if (f->error == OK) {
            fold_remember(f, v, hash);
        }
    }
    return v;
}

/* Simplify the condition of a branch or of IR_TRAP_IF. A branch can absorb a negation by exchanging
 * its targets; IR_TRAP_IF cannot. IR_TRAP_IF traps if its operand is zero, so with one that is
 * never zero it disappears. */
static uint32_t build_condition(struct ir_function *f, struct ir_instr *i)
{
    bool inverted;
    uint32_t shorter = fold_condition(f, i->a, &inverted);
    if (i->op == IR_BRANCH && inverted) {
        uint32_t swap = i->b;
        i->b = i->c;
        i->c = swap;
    }
    if (i->op == IR_BRANCH || !inverted) {
        i->a = shorter;
    }
    if (i->op == IR_TRAP_IF && fold_is_nonzero(f, i->a)) {
        return i->a;
    }
    return fold_emit(f, i);
}

uint32_t ir_build(struct ir_function *f, unsigned op, unsigned type, uint32_t a, uint32_t b,
                  uint32_t c)
{
    struct ir_instr i = {.op = (uint16_t)op, .type = (uint8_t)type, .a = a, .b = b, .c = c};
    if (f->error == OK && f->fold == NULL) {
        start(f);
    }
    if (f->error != OK) {
        return 0;
    }
    switch (op) {
    case IR_LOAD:
    case IR_STORE:
    case IR_STORE_REF:
        fold_access(f, &i);
        break;
    case IR_BRANCH:
    case IR_TRAP_IF:
        return build_condition(f, &i);
    default:
        break;
    }
    return can_repeat(f, &i) ? build_value(f, &i) : fold_emit(f, &i);
}
