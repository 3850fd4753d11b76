// SPDX-License-Identifier: MIT
//
// Registers with a fixed role (stack and frame pointers, context, base of memory 0, return
// address); probes, which must reach below every position of the stack pointer; and the loop that
// clears the slots of a large frame.
#include "kernel/jit/verify/verify_internal.h"

#define PROBE_EVERY 36864 /* bytes between two: less than the guard below a stack (64 KiB) */
#define FRAME_MAX   (INT64_C(1) << 30)

/* ---- The stack pointer ---- */

/* Only the prologue lowers the stack pointer by a leaf's few bytes. Otherwise it stays at least
 * `margin` above the lowest place that a probe has reached. The body lowers it after a call whose
 * arguments the callee removed; take_cells() left undefined what they were. */
static bool lower_stack(struct verifier *v, int64_t sp)
{
    bool is_small = v->block == 0 && -sp <= (int64_t)v->m->leaf_bytes;
    if (v->is_leaving || sp < -FRAME_MAX) {
        return verify_refuse(v, "the stack pointer falls outside a prologue");
    }
    return is_small || (int64_t)v->probed <= sp - v->m->margin ||
           verify_refuse(v, "the stack pointer falls to where no probe was");
}

/* Every value of the stack pointer is a known distance from the entry. Once it has risen, only the
 * rest of an epilogue may follow, because what lies below is not the function's any more. */
static bool set_stack(struct verifier *v, uint32_t node)
{
    struct value x = *value_of(v, node);
    int64_t sp = (int64_t)x.n;
    if (x.kind != VALUE_FRAME || sp > v->popped || sp % (v->m->unit == 4 ? 16 : 8) != 0) {
        return verify_refuse(v, "the stack pointer becomes something else");
    }
    if (sp < v->sp && !lower_stack(v, sp)) {
        return false;
    }
    v->is_leaving |= sp > v->sp;
    v->sp = (int32_t)sp;
    value_set_register(v, v->m->sp, node);
    return true;
}

/* The context and the base of memory may be replaced by those of a record, for a call of it.
 * leave_block() and calls check that they are the function's own again. */
static bool may_be_context(struct verifier *v, uint32_t node)
{
    return value_same(v, node, v->entry[v->m->context]) ||
           value_of(v, node)->kind == VALUE_CONTEXT_OF;
}

static bool may_be_base(struct verifier *v, uint32_t node)
{
    return value_same(v, node, v->entry[v->m->base]) || value_of(v, node)->kind == VALUE_BASE_OF;
}

bool verify_set_role(struct verifier *v, unsigned reg, uint32_t node)
{
    const struct verify_machine *m = v->m;
    if (v->status != OK) {
        return false;
    }
    if (reg == VERIFY_ZERO) {
        return true;
    }
    if (reg < VERIFY_ZERO && (m->reserved >> reg & 1) != 0) {
        return verify_refuse(v, "a register that programs do not have");
    }
    if (reg > VERIFY_ZERO || (v->now->writes >> reg & 1) == 0) {
        return verify_refuse(v, "a write to a register that was not foreseen");
    }
    node = value_settle(v, node);
    if (reg == m->sp) {
        return set_stack(v, node);
    }
    if (reg == m->fp && value_of(v, node)->kind != VALUE_FRAME &&
        !value_same(v, node, v->entry[m->fp])) {
        return verify_refuse(v, "the frame pointer becomes something else");
    }
    if (reg == m->context && !may_be_context(v, node)) {
        return verify_refuse(v, "the context becomes something else");
    }
    if (reg == m->base && !may_be_base(v, node)) {
        return verify_refuse(v, "the base of memory becomes something else");
    }
    value_set_register(v, reg, node);
    return v->status == OK;
}

/* ---- Pushing and popping ---- */

static bool save(struct verifier *v, int64_t at, unsigned reg)
{
    uint32_t node = value_register(v, reg);
    return value_demand(v, node, DEMAND_DEFINED) && value_store_cell(v, at, node);
}

bool verify_push(struct verifier *v, const struct verify_insn *i)
{
    int64_t sp = v->sp - i->imm;
    return set_stack(v, value_new(v, VALUE_FRAME, 0, (uint64_t)sp)) && save(v, sp, i->a) &&
           (i->c == VERIFY_NONE || save(v, sp + 8, i->c));
}

static uint32_t saved_at(struct verifier *v, int64_t at)
{
    uint32_t value = value_load_cell(v, at);
    if (at + 8 > 0 || (value & CELL_HALF) != 0) {
        (void)verify_refuse(v, "something is popped that was not pushed");
        return ZERO_NODE;
    }
    return value_demand(v, value, DEMAND_WHOLE) ? value : ZERO_NODE;
}

bool verify_pop(struct verifier *v, const struct verify_insn *i)
{
    int64_t at = v->sp;
    uint32_t first = saved_at(v, at);
    uint32_t second = i->c == VERIFY_NONE ? ZERO_NODE : saved_at(v, at + 8);
    return set_stack(v, value_new(v, VALUE_FRAME, 0, (uint64_t)(at + i->imm))) &&
           verify_set(v, i->d, first) && (i->c == VERIFY_NONE || verify_set(v, i->c, second));
}

/* ---- Probes ---- */

static bool note_probe(struct verifier *v, int64_t at)
{
    if (at >= v->probed) {
        return true;
    }
    if (v->block != 0 || at < v->probed - PROBE_EVERY || at < -FRAME_MAX - PROBE_EVERY) {
        return verify_refuse(v, "a probe that may miss the guard");
    }
    v->probed = (int32_t)at;
    return true;
}

/* The result of a probe must not be used. */
bool verify_is_probe(struct verifier *v, const struct verify_insn *i)
{
    bool reads = i->op == VERIFY_LOAD ? i->d == VERIFY_ZERO
                                      : i->op == VERIFY_TEST && (i->flags & VERIFY_MEM) != 0;
    if (!reads || i->trap != IR_TRAP_STACK + 1 || i->base >= VERIFY_ZERO ||
        i->index != VERIFY_NONE) {
        return false;
    }
    struct value x = *value_of(v, value_address(v, i->base));
    int64_t at = (int64_t)x.n + i->disp;
    if (v->status != OK || x.kind != VALUE_FRAME || at >= v->sp) {
        return false;
    }
    v->flags.is_valid = false;
    if (i->op == VERIFY_TEST) {
        v->flags_open = OPEN_ALL;
    }
    return note_probe(v, at) || true;
}

bool verify_probe_loop(struct verifier *v, const struct verify_insn *i)
{
    struct value from = *value_of(v, value_address(v, i->d));
    struct value count = *value_of(v, value_register(v, i->a));
    int64_t bytes = i->imm;
    if (from.kind != VALUE_FRAME || (int64_t)from.n != v->sp || count.kind != VALUE_CONST ||
        count.n == 0 || count.n > (uint64_t)(FRAME_MAX / bytes) || bytes > PROBE_EVERY ||
        v->probed < v->sp - PROBE_EVERY) {
        return verify_refuse(v, "a loop of probes that may miss the guard");
    }
    int64_t end = (int64_t)from.n - (int64_t)count.n * bytes;
    if (!verify_row(v, i, IR_TRAP_STACK) || v->block != 0) {
        return verify_refuse(v, "a loop of probes outside a prologue");
    }
    v->probed = (int32_t)MIN((int64_t)v->probed, end);
    return verify_set(v, i->d, value_new(v, VALUE_FRAME, 0, (uint64_t)end)) &&
           verify_set(v, i->a, ZERO_NODE);
}

/* ---- Clearing slots ---- */

/* It clears from the top down. */
bool verify_clear_loop(struct verifier *v, const struct verify_insn *i)
{
    struct value base = *value_of(v, value_address(v, i->base));
    struct value count = *value_of(v, value_register(v, i->a));
    uint64_t round = (uint64_t)i->imm;
    if (base.kind != VALUE_FRAME || count.kind != VALUE_CONST || count.n == 0 ||
        count.n % round != 0 || count.n > (uint64_t)FRAME_MAX) {
        return verify_refuse(v, "a loop that clears something else than the frame");
    }
    for (uint64_t left = count.n; left != 0; left -= round) {
        int64_t at = (int64_t)base.n + (int64_t)(left - round);
        v->work++;
        if (!verify_write_frame(v, at, (unsigned)round, NO_NODE)) {
            return false;
        }
    }
    return verify_set(v, i->a, ZERO_NODE);
}
