// SPDX-License-Identifier: MIT
//
// Encodes a function from allocated operations: its frame, its blocks in the order of the layout,
// the moves between operations, and rarely executed code after them.
#include "arch/x86_64/jit/emit_internal.h"

#include "kernel/lib/compiler.h"

#define MAX_FRAME  ((uint64_t)1 << 30)
#define MAX_THREAD 64u /* most empty blocks that a jump is followed through */
/* Bytes of code that CPUs fetch at once. An inner loop begins in the second half of a line: on AMD
 * Zen 5, a loop of 65 to 90 bytes with many short instructions takes up to twice as long if it
 * begins with a line. docs/jit.md has the figures. */
#define LINE 64u

static void (*const emitters[X86_OP_COUNT])(struct emitter *e, const struct vinstr *i) = {
#define X86_OP(name, emit, form, text) x86_emit_##emit,
#include "arch/x86_64/jit/ops.def"
#undef X86_OP
};

void x86_emit_instruction(struct emitter *e, const struct vinstr *i)
{
    emitters[i->op](e, i);
}

/* ---- The frame ---- */

/* Whether anything in the function uses the frame pointer, or could stop in it. */
static bool needs_frame(const struct vcode *v, uint64_t bytes)
{
    if (v->has_calls || bytes > 0 || v->moved_bytes > 0) {
        return true;
    }
    for (uint32_t n = 0; n < v->instr_count; n++) {
        const struct vinstr *i = &v->instrs[n];
        struct x86_small s = x86_unpack(i->small);
        bool memory = s.mode == X86_MODE_MEM || s.mode == X86_MODE_MEM_IMM;
        if ((i->flags & VI_TRAPS) != 0 || (memory && s.base == X86_BASE_INCOMING)) {
            return true;
        }
    }
    return false;
}

static enum status lay_out_frame(struct emitter *e)
{
    const struct vcode *v = e->v;
    const struct vregisters *r = &jit_machine_x86_64.registers;
    struct frame *f = &e->frame;
    f->saved_ints = v->used[VCLASS_INT] & r->callee_saved[VCLASS_INT];
    f->saved_vectors = v->used[VCLASS_FLOAT] & r->callee_saved[VCLASS_FLOAT];
    if ((v->machine_flags & X86_CALLS_HELPERS) != 0 && (e->features & JIT_X86_VECTORS_IN_C) != 0) {
        f->saved_vectors = r->callee_saved[VCLASS_FLOAT];
    }
    uint64_t at = 8 * ALIGN_UP((uint64_t)v->slot_count, (uint64_t)2);
    uint64_t bytes[4] = {8 * (uint64_t)__builtin_popcount(f->saved_ints),
                         (v->machine_flags & X86_SAVES_CONTEXT) != 0 ? 8 : 0,
                         16 * (uint64_t)__builtin_popcount(f->saved_vectors), v->local_bytes};
    int32_t *places[4] = {&f->saved, &f->context, &f->vectors, &f->locals};
    uint64_t total = at + bytes[0] + bytes[1] + bytes[2] + bytes[3] + v->outgoing_bytes;
    if (total > MAX_FRAME) {
        return E_OVERFLOW;
    }
    f->slots = -(int32_t)at;
    for (unsigned n = 0; n < 4; n++) {
        at += bytes[n];
        at = n == 3 ? ALIGN_UP(at, (uint64_t)16) : at;
        *places[n] = -(int32_t)at;
    }
    f->bytes = (uint32_t)ALIGN_UP(at + v->outgoing_bytes, (uint64_t)16);
    f->exists = needs_frame(v, f->bytes);
    return OK;
}

/* ---- Rare code ---- */

uint32_t x86_add_stub(struct emitter *e, void (*emit)(struct emitter *e, const struct stub *s),
                      const struct vinstr *i, uint32_t back, unsigned trap)
{
    struct stub *grown = e->a.error != OK
                             ? NULL
                             : arena_grow(e->a.arena, e->stubs, &e->stub_capacity,
                                          (uint64_t)e->stub_count + 1, sizeof *e->stubs);
    if (grown == NULL) {
        e->a.error = e->a.error != OK ? e->a.error : E_NOMEM;
        return 0;
    }
    e->stubs = grown;
    uint32_t label = x86_asm_labels(&e->a, 1);
    e->stubs[e->stub_count++] =
        (struct stub){.emit = emit, .i = i, .label = label, .back = back, .trap = trap};
    return label;
}

static void trap_stub(struct emitter *e, const struct stub *s)
{
    x86_trap_here(e, s->i->location, s->trap);
}

uint32_t x86_add_trap(struct emitter *e, const struct vinstr *i, unsigned trap)
{
    return x86_add_stub(e, trap_stub, i, 0, trap);
}

static void emit_stubs(struct emitter *e)
{
    for (uint32_t n = 0; n < e->stub_count && e->a.error == OK; n++) {
        struct stub s = e->stubs[n];
        x86_asm_bind(&e->a, s.label);
        s.emit(e, &s);
    }
}

/* ---- Blocks ---- */

uint32_t x86_edge_label(const struct emitter *e, uint32_t n)
{
    const struct vblock *b = &e->v->blocks[e->block];
    return e->block_labels + e->target_of[e->v->edges[b->edges + n].to];
}

void x86_jump_along(struct emitter *e, uint32_t n)
{
    uint32_t label = x86_edge_label(e, n);
    if (e->next == VREG_NONE || label != e->block_labels + e->next) {
        x86_asm_jump(&e->a, label);
    }
}

/* Whether a block contains nothing but a jump. */
static bool is_empty(const struct vcode *v, uint32_t block)
{
    const struct vblock *b = &v->blocks[block];
    if (b->count != 1 || v->instrs[b->first].op != X86_OP_JUMP) {
        return false;
    }
    uint32_t move = vcode_first_move(v, b->first);
    return move == v->move_count || v->moves[move].at != b->first;
}

static bool thread_jumps(struct emitter *e)
{
    const struct vcode *v = e->v;
    e->target_of = arena_alloc(e->a.arena, (size_t)v->block_count * sizeof *e->target_of);
    if (e->target_of == NULL) {
        return false;
    }
    /* From the last block on, so that chains are short: the target of an empty block is usually
     * known already. */
    for (uint32_t b = v->block_count; b-- > 0;) {
        uint32_t to = b;
        for (unsigned n = 0; n < MAX_THREAD && is_empty(v, to); n++) {
            uint32_t next = v->edges[v->blocks[to].edges].to;
            to = next > b ? e->target_of[next] : next;
        }
        e->target_of[b] = to;
    }
    return true;
}

/* The blocks that are emitted, in order; the others only jump on. */
static uint32_t *choose_order(struct emitter *e, uint32_t *count)
{
    const struct vcode *v = e->v;
    uint32_t *order = arena_alloc(e->a.arena, (size_t)v->block_count * sizeof *order);
    bool *wanted = arena_alloc(e->a.arena, v->block_count);
    if (order == NULL || wanted == NULL || layout_blocks(v, order) != OK) {
        return NULL;
    }
    for (uint32_t b = 0; b < v->block_count; b++) {
        wanted[e->target_of[b]] = true;
    }
    *count = 0;
    for (uint32_t n = 0; n < v->block_count; n++) {
        if (wanted[order[n]] || order[n] == 0) {
            order[(*count)++] = order[n];
        }
    }
    return order;
}

/* Header of the innermost loop that a block is in. */
static uint32_t loop_of(const struct vcode *v, uint32_t block)
{
    const struct vblock *b = &v->blocks[block];
    return b->is_loop_header ? block : b->loop_around;
}

static bool starts_inner_loop(const struct vcode *v, uint32_t block, uint32_t before)
{
    uint32_t loop = loop_of(v, block);
    return loop != VREG_NONE && v->blocks[loop].is_inner_loop &&
           (before == VREG_NONE || loop_of(v, before) != loop);
}

static void emit_block(struct emitter *e)
{
    const struct vcode *v = e->v;
    const struct vblock *b = &v->blocks[e->block];
    uint32_t move = vcode_first_move(v, b->first);
    e->result_end = X86_NOWHERE;
    for (uint32_t n = b->first; n < b->first + b->count && e->a.error == OK; n++) {
        for (; move < v->move_count && v->moves[move].at == n; move++) {
            x86_emit_move(e, &v->moves[move]);
        }
        x86_emit_instruction(e, &v->instrs[n]);
    }
}

/* With landing pads the targets of a jump table need them, too. */
static bool needs_pad(const struct emitter *e, uint32_t block)
{
    const struct vblock *b = &e->v->blocks[block];
    if ((e->features & JIT_X86_LANDING_PADS) == 0) {
        return false;
    }
    for (uint32_t n = 0; n < b->pred_count; n++) {
        const struct vblock *pred = &e->v->blocks[e->v->pool[b->preds + n]];
        unsigned op = e->v->instrs[pred->first + pred->count - 1].op;
        if (op == X86_OP_SWITCH || op == X86_OP_JUMP) {
            return true;
        }
    }
    return false;
}

static enum status emit_blocks(struct emitter *e)
{
    uint32_t count;
    e->block_labels = x86_asm_labels(&e->a, e->v->block_count);
    uint32_t *order = thread_jumps(e) ? choose_order(e, &count) : NULL;
    if (order == NULL) {
        return E_NOMEM;
    }
    x86_emit_prologue(e);
    for (uint32_t n = 0; n < count; n++) {
        e->block = order[n];
        e->next = n + 1 < count ? order[n + 1] : VREG_NONE;
        if (starts_inner_loop(e->v, order[n], n == 0 ? VREG_NONE : order[n - 1])) {
            x86_asm_second_half(&e->a, LINE);
        }
        x86_asm_bind(&e->a, e->block_labels + order[n]);
        if (needs_pad(e, order[n])) {
            x86_insn_plain(e, X86_ENDBR64);
        }
        emit_block(e);
    }
    emit_stubs(e);
    return e->a.error;
}

enum status x86_emit(const struct vcode *v, uint64_t features, struct jit_code *out)
{
    struct emitter e = {.v = v,
                        .features = features,
                        .remake_to = VLOC_NONE,
                        .result_end = X86_NOWHERE,
                        .a = {.arena = v->arena, .error = OK, .align = 16}};
    enum status s = lay_out_frame(&e);
    if (s == OK) {
        s = emit_blocks(&e);
    }
    struct jit_code code = {.frame_bytes =
                                e.frame.bytes + v->moved_bytes + (e.frame.exists ? 16 : 8)};
    if (s == OK) {
        s = x86_asm_finish(&e.a, &code);
    }
    if (s == OK) {
        code.refs = vcode_cells(v, (uint32_t)-e.frame.slots / 8);
        code.ref_count = v->safe_word_count;
        s = code.refs == NULL ? E_NOMEM : OK;
    }
    if (s == OK) {
        *out = code;
    }
    return s;
}
