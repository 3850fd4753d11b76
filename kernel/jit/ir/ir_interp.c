// SPDX-License-Identifier: MIT
//
// Interprets the representation. A frame consists of a header, a value for each instruction, space
// for the arguments of an edge, and the slots. One loop executes the innermost frame, so a call of
// the program is no recursion here.
//
// The stack is a list of pieces. A frame may lie in several of them, and pieces never move: slots
// have addresses that the program knows.
#include "kernel/jit/ir/ir_interp.h"

#include "kernel/jit/ir/ir_atomic.h"

#include "kernel/base/assert.h"
#include "kernel/lib/string.h"

#define POLL_EVERY  4096u /* instructions */
#define SLOT_ALIGN  ((size_t)64)
#define PIECE_BYTES ((size_t)64 << 10)

/* A piece of the stack. Pieces that are no longer used are kept for the next call. */
struct ir_piece {
    struct ir_piece *next;
    size_t size; /* bytes */
    _Alignas(16) uint8_t bytes[];
};

/** How far the stack is used. */
struct mark {
    struct ir_piece *piece;
    size_t used;
};

/** Arguments or results to be passed: values[which[n]], or values[n]. */
struct passed {
    const struct ir_bits *values;
    const uint32_t *which; /* NULL: values in order */
};

struct frame {
    struct frame *caller;
    const struct ir_function *f;
    uint64_t context;
    uint32_t at;             /* instruction to execute; in a waiting frame: its call */
    struct ir_bits *values;  /* by instruction */
    struct ir_bits *passing; /* arguments of an edge, while they are copied */
    uint8_t **slots;
    struct mark mark; /* the top of the stack before this frame */
};

struct machine {
    const struct ir_host *host;
    struct ir_stack *stack;
    struct mark top;
    struct frame *frame; /* innermost */
    uint32_t calls;      /* number of frames */
    uint32_t until_poll;
    enum ir_trap trap;
    struct ir_bits *results; /* of the outermost function */
};

static struct ir_bits passed_at(struct passed p, uint32_t n)
{
    return p.values[p.which != NULL ? p.which[n] : n];
}

/* ---- The stack ---- */

static void free_from(struct ir_stack *s, struct ir_piece **link)
{
    while (*link != NULL) {
        struct ir_piece *piece = *link;
        *link = piece->next;
        s->bytes -= piece->size;
        budget_free(s->budget, piece);
    }
}

static void free_kept(struct ir_stack *s)
{
    budget_free(s->budget, s->kept);
    s->kept = NULL;
    s->kept_max = 0;
}

/* The next piece, with at least this many bytes. NULL: the limit is reached, or no memory. A piece
 * that is too small is freed with all that follow it, which are unused. */
static struct ir_piece *next_piece(struct ir_stack *s, struct ir_piece **link, size_t bytes)
{
    if (*link != NULL && (*link)->size >= bytes) {
        return *link;
    }
    free_from(s, link);
    size_t left = s->bytes_max - s->bytes;
    size_t size = MIN(MAX(bytes, PIECE_BYTES), left);
    if (bytes > left || size > SIZE_MAX / 2) {
        return NULL;
    }
    struct ir_piece *piece = budget_alloc(s->budget, sizeof *piece + size);
    if (piece != NULL) {
        piece->next = NULL;
        piece->size = size;
        s->bytes += size;
        *link = piece;
    }
    return piece;
}

bool ir_stack_reserve(struct ir_stack *s)
{
    return next_piece(s, &s->first, s->first == NULL ? 1 : 0) != NULL;
}

void ir_stack_free(struct ir_stack *s)
{
    free_from(s, &s->first);
    free_kept(s);
}

static bool fits(struct mark top, size_t bytes, size_t align, size_t *out)
{
    if (top.piece == NULL) {
        return false;
    }
    uintptr_t base = (uintptr_t)top.piece->bytes;
    *out = ALIGN_UP(base + top.used, align) - base;
    return *out <= top.piece->size && bytes <= top.piece->size - *out;
}

/* A new piece has room for the worst alignment, so the second attempt fits. */
static void *push(struct machine *m, size_t bytes, size_t align)
{
    size_t at, most;
    if (!fits(m->top, bytes, align, &at)) {
        struct ir_piece **link = m->top.piece == NULL ? &m->stack->first : &m->top.piece->next;
        struct ir_piece *piece =
            ADD_OVERFLOWS(bytes, align, &most) ? NULL : next_piece(m->stack, link, most);
        if (piece == NULL) {
            return NULL;
        }
        m->top = (struct mark){.piece = piece};
        (void)fits(m->top, bytes, align, &at);
    }
    m->top.used = at + bytes;
    return m->top.piece->bytes + at;
}

/* ---- Frames ---- */

static uint32_t most_params(const struct ir_function *f)
{
    uint32_t most = 0;
    for (uint32_t b = 0; b < f->block_count; b++) {
        most = MAX(most, f->blocks[b].params);
    }
    return most;
}

static bool push_slots(struct machine *m, struct frame *frame)
{
    const struct ir_function *f = frame->f;
    frame->slots = push(m, (size_t)f->slot_count * sizeof *frame->slots, 16);
    for (uint32_t n = 0; frame->slots != NULL && n < f->slot_count; n++) {
        frame->slots[n] = push(m, f->slots[n].size, SLOT_ALIGN);
        if (frame->slots[n] == NULL) {
            return false;
        }
    }
    return frame->slots != NULL;
}

/* On failure the stack is as before: pieces that were added stay in the list, unused. */
static bool enter(struct machine *m, const struct ir_target *target, struct passed args)
{
    const struct ir_function *f = target->function;
    struct mark mark = m->top;
    struct frame *frame = m->calls == m->stack->calls_max ? NULL : push(m, sizeof *frame, 16);
    if (frame == NULL) {
        return false;
    }
    *frame = (struct frame){.caller = m->frame, .f = f, .context = target->context, .mark = mark};
    frame->values = push(m, (size_t)f->instr_count * sizeof *frame->values, 16);
    frame->passing = push(m, (size_t)most_params(f) * sizeof *frame->passing, 16);
    if (frame->values == NULL || frame->passing == NULL || !push_slots(m, frame)) {
        m->top = mark;
        return false;
    }
    const struct ir_block *entry = &f->blocks[0];
    for (uint32_t n = 0; n < entry->params; n++) {
        frame->values[entry->first + n] = passed_at(args, n);
    }
    frame->at = entry->first + entry->params;
    m->frame = frame;
    m->calls++;
    return true;
}

static void leave(struct machine *m)
{
    m->calls--;
    m->top = m->frame->mark;
    m->frame = m->frame->caller;
}

/* Follow an edge. All arguments are read before the first parameter is written, because an argument
 * may be a parameter of the same block. */
static void follow(struct frame *frame, uint32_t edge)
{
    const struct ir_function *f = frame->f;
    const struct ir_edge *e = &f->edges[edge];
    const struct ir_block *to = &f->blocks[e->to];
    for (uint32_t n = 0; n < e->count; n++) {
        frame->passing[n] = frame->values[f->pool[e->args + n]];
    }
    memcpy(frame->values + to->first, frame->passing, e->count * sizeof *frame->values);
    frame->at = to->first + to->params;
}

/* ---- Memory ---- */

static bool trap(struct machine *m, enum ir_trap kind)
{
    m->trap = kind;
    return false;
}

/* The bytes of an access; NULL, with m->trap set, if it traps. */
static uint8_t *locate(struct machine *m, const struct ir_instr *i, unsigned type)
{
    struct frame *frame = m->frame;
    const struct ir_memref *p = &frame->f->memrefs[i->c];
    uint64_t index = i->a == IR_NONE ? 0 : frame->values[i->a].lo, at;
    switch ((enum ir_space)p->space) {
    case IR_SPACE_CONTEXT:
        return (uint8_t *)(uintptr_t)(frame->context + p->offset);
    case IR_SPACE_ADDRESS:
        return (uint8_t *)(uintptr_t)(index + p->offset);
    case IR_SPACE_SLOT:
        return frame->slots[p->number] + p->offset;
    case IR_SPACE_OBJECT:
        m->trap = IR_TRAP_NULL;
        return index == 0 ? NULL : (uint8_t *)(uintptr_t)(index + p->offset);
    default:
        break;
    }
    /* Not cached between accesses: a call in between may have grown the memory. */
    struct ir_window w = m->host->memory(m->host->ctx, frame->context, p->number);
    unsigned bytes = ir_access_size(p->access, type);
    m->trap = IR_TRAP_MEMORY;
    if (__builtin_add_overflow(index, p->offset, &at) || at > w.length || bytes > w.length - at) {
        return NULL;
    }
    return w.base + at;
}

static bool run_load(struct machine *m, const struct ir_instr *i)
{
    const uint8_t *bytes = locate(m, i, i->type);
    if (bytes == NULL) {
        return false;
    }
    m->frame->values[m->frame->at] = ir_read(bytes, m->frame->f->memrefs[i->c].access, i->type);
    return true;
}

static bool run_store(struct machine *m, const struct ir_instr *i)
{
    const struct frame *frame = m->frame;
    unsigned type = frame->f->instrs[i->b].type;
    uint8_t *bytes = locate(m, i, type);
    if (bytes == NULL) {
        return false;
    }
    ir_write(bytes, frame->f->memrefs[i->c].access, type, frame->values[i->b]);
    return true;
}

/* The operands are in the instruction, or two of them in the pool. */
static bool run_atomic(struct machine *m, const struct ir_instr *i)
{
    const struct frame *frame = m->frame;
    const struct ir_function *f = frame->f;
    bool compares = i->op == IR_ATOMIC_COMPARE_SWAP;
    unsigned type = i->op == IR_ATOMIC_STORE ? f->instrs[i->b].type : i->type;
    unsigned bytes = ir_access_size(f->memrefs[i->c].access, type);
    uint8_t *at = locate(m, i, type);
    if (at == NULL) {
        return false;
    }
    if ((uintptr_t)at % bytes != 0) {
        return trap(m, IR_TRAP_ALIGNMENT);
    }
    uint32_t first = compares ? f->pool[i->b] : i->op == IR_ATOMIC_LOAD ? frame->at : i->b;
    uint64_t other = compares ? frame->values[f->pool[i->b + 1]].lo : 0;
    frame->values[frame->at].lo = ir_atomic(i->op, bytes, at, frame->values[first].lo, other);
    return true;
}

/* ---- Calls ---- */

/* A call has returned: assign its results to the call and to the IR_RESULT instructions that follow
 * it, or begin the block that follows an invoke. */
static void deliver(struct frame *frame, struct passed results, uint32_t count)
{
    const struct ir_function *f = frame->f;
    uint32_t call = frame->at;
    if (count > 0) {
        frame->values[call] = passed_at(results, 0);
    }
    if (ir_invokes(&f->instrs[call])) {
        follow(frame, ir_edge_of(f, &f->instrs[call], 0));
    } else {
        frame->at++;
    }
    while (f->instrs[frame->at].op == IR_RESULT && f->instrs[frame->at].a == call) {
        frame->values[frame->at] = passed_at(results, f->instrs[frame->at].b);
        frame->at++;
    }
}

/* Leave frames until one that waits at an invoke, which continues along its unwind edge. */
static bool unwind(struct machine *m)
{
    while (m->frame != NULL) {
        struct frame *frame = m->frame;
        const struct ir_instr *i = &frame->f->instrs[frame->at];
        if (ir_invokes(i)) {
            follow(frame, ir_edge_of(frame->f, i, 1));
            return true;
        }
        if (m->host->left != NULL) {
            m->host->left(m->host->ctx, frame->f, frame->at);
        }
        leave(m);
    }
    return false;
}

void ir_stack_words(const struct ir_stack *s,
                    void (*fn)(void *ctx, const void *from, const void *to), void *ctx)
{
    for (const struct ir_piece *p = s->first; p != NULL; p = p->next) {
        fn(ctx, p->bytes, p->bytes + ALIGN_DOWN(p->size, (size_t)8));
    }
    if (s->kept != NULL) {
        fn(ctx, s->kept, s->kept + s->kept_max);
    }
}

/* Leave the frame. Its values remain readable until the next frame is entered. */
static void finish(struct machine *m, struct passed results, uint32_t count)
{
    leave(m);
    if (m->frame != NULL) {
        deliver(m->frame, results, count);
        return;
    }
    for (uint32_t n = 0; n < count; n++) {
        m->results[n] = passed_at(results, n);
    }
}

static bool is_tail_call(const struct ir_instr *i)
{
    return ir_op_info[i->op].typing == IR_TYPES_TAIL_CALLS;
}

/* Arguments and results use space above the top of the stack, which nothing else uses until the
 * host's function returns. The frame of a tail call stays until then. */
static enum ir_outcome call_host(struct machine *m, const struct ir_target *target,
                                 const struct ir_signature *s, struct passed from)
{
    struct mark mark = m->top;
    struct ir_bits *args = push(m, (size_t)s->params * sizeof *args, 16);
    struct ir_bits *results = push(m, (size_t)s->results * sizeof *results, 16);
    m->top = mark;
    if (args == NULL || results == NULL) {
        (void)trap(m, IR_TRAP_STACK);
        return IR_TRAPPED;
    }
    for (uint32_t n = 0; n < s->params; n++) {
        args[n] = passed_at(from, n);
    }
    enum ir_outcome outcome = m->host->call(m->host->ctx, target, args, results, &m->trap);
    struct passed returned = {.values = results};
    if (outcome == IR_RETURNED && is_tail_call(&m->frame->f->instrs[m->frame->at])) {
        finish(m, returned, s->results);
    } else if (outcome == IR_RETURNED) {
        deliver(m->frame, returned, s->results);
    } else if (outcome == IR_UNWOUND && unwind(m)) {
        outcome = IR_RETURNED;
    }
    return outcome;
}

/* The arguments move out of the frame, whose place the callee's frame takes. */
static bool keep_arguments(struct machine *m, const struct ir_signature *s, struct passed *args)
{
    struct ir_stack *k = m->stack;
    if (s->params > k->kept_max) {
        free_kept(k);
        k->kept = budget_alloc(k->budget, s->params * sizeof *k->kept);
        if (k->kept == NULL) {
            return false;
        }
        k->kept_max = s->params;
    }
    for (uint32_t n = 0; n < s->params; n++) {
        k->kept[n] = passed_at(*args, n);
    }
    *args = (struct passed){.values = k->kept};
    return true;
}

/* A frame that does not fit traps in the caller's name: its own is gone. */
static bool enter_callee(struct machine *m, const struct ir_instr *i,
                         const struct ir_target *target, struct passed args)
{
    if (is_tail_call(i)) {
        if (!keep_arguments(m, ir_call_signature(m->frame->f, i), &args)) {
            return false;
        }
        leave(m);
    }
    return enter(m, target, args);
}

/* @return IR_RETURNED: continue with the innermost frame. */
static enum ir_outcome run_call(struct machine *m, const struct ir_instr *i)
{
    struct frame *frame = m->frame;
    const struct ir_host *host = m->host;
    const struct ir_signature *s = ir_call_signature(frame->f, i);
    const uint32_t *operands = frame->f->pool + i->b + ir_call_edges(i);
    struct passed args = {frame->values, frame->f->pool + i->b + ir_call_skips(i)};
    struct ir_target target =
        ir_calls_indirectly(i)
            ? host->code(host->ctx, frame->values[operands[0]].lo, frame->values[operands[1]].lo)
            : host->callee(host->ctx, frame->f, frame->context, i->a);
    if (target.function == NULL) {
        return call_host(m, &target, s, args);
    }
    if (!enter_callee(m, i, &target, args)) {
        (void)trap(m, IR_TRAP_STACK);
        return IR_TRAPPED;
    }
    return IR_RETURNED;
}

static void run_return(struct machine *m, const struct ir_instr *i)
{
    finish(m, (struct passed){m->frame->values, m->frame->f->pool + i->b}, i->c);
}

/* ---- The loop ---- */

/* The operands that ir_eval() takes: values, or numbers from the instruction itself. */
static void read_operands(const struct frame *frame, const struct ir_instr *i,
                          struct ir_bits operands[3])
{
    const struct ir_bits *values = frame->values;
    unsigned form = ir_op_info[i->op].form;
    operands[0] = values[i->a];
    if (form == IR_FORM_EXTRACT_LANE) {
        operands[1].lo = i->b;
    } else if (form != IR_FORM_UNARY) {
        operands[1] = values[i->b];
    }
    if (form == IR_FORM_SELECT) {
        operands[2] = values[i->c];
    } else if (form == IR_FORM_REPLACE_LANE) {
        operands[2].lo = i->c;
    } else if (form == IR_FORM_SHUFFLE) {
        operands[2] = ir_pool_bits(frame->f, i->c);
    }
}

static bool run_plain(struct machine *m, const struct ir_instr *i)
{
    struct frame *frame = m->frame;
    struct ir_bits operands[3] = {{0, 0}};
    read_operands(frame, i, operands);
    return ir_eval(i->op, i->type, frame->f->instrs[i->a].type, operands, &frame->values[frame->at],
                   &m->trap);
}

static void run_bytes(struct frame *frame, const struct ir_instr *i)
{
    void *to = (void *)(uintptr_t)frame->values[i->a].lo;
    if (i->op == IR_ZERO_BYTES) {
        memset(to, 0, i->c);
    } else {
        memmove(to, (const void *)(uintptr_t)frame->values[i->b].lo, i->c);
    }
}

/* Execute an instruction that computes or accesses memory and then continues with the next one.
 * @return false: it traps. */
static bool run_straight(struct machine *m, const struct ir_instr *i)
{
    struct frame *frame = m->frame;
    struct ir_bits *out = &frame->values[frame->at];
    switch (i->op) {
    case IR_CONST:
        *out = (struct ir_bits){.lo = ir_const_bits(i)};
        return true;
    case IR_V128_CONST:
        *out = ir_pool_bits(frame->f, i->a);
        return true;
    case IR_NULL:
        *out = (struct ir_bits){.lo = 0};
        return true;
    case IR_CONTEXT:
        *out = (struct ir_bits){.lo = frame->context};
        return true;
    case IR_SLOT:
        *out = (struct ir_bits){.lo = (uintptr_t)frame->slots[i->a]};
        return true;
    case IR_LOAD:
        return run_load(m, i);
    case IR_STORE:
    case IR_STORE_REF:
        return run_store(m, i);
    case IR_ATOMIC_LOAD:
    case IR_ATOMIC_STORE:
    case IR_ATOMIC_ADD:
    case IR_ATOMIC_SUB:
    case IR_ATOMIC_AND:
    case IR_ATOMIC_OR:
    case IR_ATOMIC_XOR:
    case IR_ATOMIC_SWAP:
    case IR_ATOMIC_COMPARE_SWAP:
        return run_atomic(m, i);
    case IR_FENCE:
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return true;
    case IR_PUBLISH:
        __atomic_thread_fence(__ATOMIC_RELEASE);
        return true;
    case IR_COPY_BYTES:
    case IR_ZERO_BYTES:
        run_bytes(frame, i);
        return true;
    case IR_TRAP_IF:
        return frame->values[i->a].lo != 0 || trap(m, (enum ir_trap)i->b);
    case IR_POLL:
        m->until_poll = 0;
        return true;
    default:
        return run_plain(m, i);
    }
}

static uint32_t switch_edge(const struct frame *frame, const struct ir_instr *i)
{
    uint64_t v = frame->values[i->a].lo;
    return i->b + (v < i->c - 1 ? (uint32_t)v : i->c - 1);
}

/* @return IR_RETURNED: continue, if there still is a frame. */
static enum ir_outcome step(struct machine *m)
{
    struct frame *frame = m->frame;
    const struct ir_instr *i = &frame->f->instrs[frame->at];
    switch (i->op) {
    case IR_JUMP:
        follow(frame, i->a);
        return IR_RETURNED;
    case IR_BRANCH:
        follow(frame, frame->values[i->a].lo != 0 ? i->b : i->c);
        return IR_RETURNED;
    case IR_SWITCH:
        follow(frame, switch_edge(frame, i));
        return IR_RETURNED;
    case IR_RETURN:
        run_return(m, i);
        return IR_RETURNED;
    case IR_TRAP:
        (void)trap(m, (enum ir_trap)i->b);
        return IR_TRAPPED;
    case IR_CALL:
    case IR_CALL_INDIRECT:
    case IR_INVOKE:
    case IR_INVOKE_INDIRECT:
    case IR_TAIL_CALL:
    case IR_TAIL_CALL_INDIRECT:
        return run_call(m, i);
    default:
        if (!run_straight(m, i)) {
            return IR_TRAPPED;
        }
        frame->at++;
        return IR_RETURNED;
    }
}

static void describe_stop(const struct machine *m, struct ir_stop *stop)
{
    stop->trap = m->trap;
    stop->depth = 0;
    for (const struct frame *f = m->frame; f != NULL; f = f->caller) {
        if (stop->depth < ARRAY_COUNT(stop->frames)) {
            stop->frames[stop->depth].function = f->f;
            stop->frames[stop->depth].value = f->at;
        }
        stop->depth++;
    }
}

enum ir_outcome ir_interpret(const struct ir_host *host, struct ir_stack *stack,
                             const struct ir_target *target, const struct ir_bits *args,
                             struct ir_bits *results, struct ir_stop *stop)
{
    struct machine m = {.host = host, .stack = stack, .results = results, .until_poll = POLL_EVERY};
    enum ir_outcome outcome = IR_RETURNED;
    if (!enter(&m, target, (struct passed){.values = args})) {
        (void)trap(&m, IR_TRAP_STACK);
        outcome = IR_TRAPPED;
    }
    while (outcome == IR_RETURNED && m.frame != NULL) {
        /* Bounds the time until a program that never calls can be stopped. IR_POLL brings the next
         * poll forward. */
        if (m.until_poll-- == 0) {
            m.until_poll = POLL_EVERY;
            outcome = host->poll(host->ctx) ? IR_RETURNED : IR_STOPPED;
        } else {
            outcome = step(&m);
        }
    }
    if (outcome != IR_RETURNED) {
        describe_stop(&m, stop);
    }
    if (stack->first != NULL) {
        free_from(stack, &stack->first->next);
    }
    free_kept(stack);
    return outcome;
}
