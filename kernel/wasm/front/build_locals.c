// SPDX-License-Identifier: MIT
//
// Locals as values. Each block that has not ended logs the value that a local had before the block
// first set it, so that other paths to the block's end can restore it. All locals are in a list in
// the order in which they were set, the latest first: those that were set since a block began are
// at the front.
//
// Locals beyond the budget live in one slot of the frame instead.
#include "kernel/wasm/front/build_internal.h"

#include "kernel/base/assert.h"

uint32_t build_local_get(struct wasm_builder *b, uint32_t local)
{
    const struct wasm_local *l = &b->scan.locals[local];
    if (UNLIKELY(l->in_frame)) {
        return b->live ? ir_emit(b->f, IR_LOAD, wasm_ir_type(l->type), IR_NONE, 0, l->value) : 0;
    }
    DASSERT(!b->live || l->value != IR_NONE); /* a local that is read must have been live */
    return l->value;
}

/* Each frame logs a local at most once: `logged` is the id of the frame that did it last. The old
 * value of `logged` is in the entry, so an undo restores it for the outer frame. */
static void log_local(struct wasm_builder *b, uint32_t local)
{
    struct wasm_local *l = &b->scan.locals[local];
    if (build_reserve(b, &b->log, &b->log_capacity, (uint64_t)b->log_count + 1, sizeof *b->log)) {
        b->log[b->log_count++] = (struct wasm_log_entry){local, l->value, l->logged};
        l->logged = b->top->id;
    }
}

static void move_to_front(struct wasm_builder *b, uint32_t local)
{
    struct wasm_local *locals = b->scan.locals, *l = &locals[local];
    locals[l->newer].older = l->older;
    if (l->older != IR_NONE) {
        locals[l->older].newer = l->newer;
    }
    l->newer = IR_NONE;
    l->older = b->newest;
    locals[b->newest].newer = local;
    b->newest = local;
}

void build_local_set(struct wasm_builder *b, uint32_t local, uint32_t value)
{
    struct wasm_local *l = &b->scan.locals[local];
    if (!b->live) {
        return;
    }
    if (UNLIKELY(l->in_frame)) {
        (void)ir_emit(b->f, IR_STORE, IR_VOID, IR_NONE, value, l->value);
        return;
    }
    /* The scan has found that each loop around this point sets the local, so it is a parameter of
     * their headers. */
    DASSERT(l->loop >= b->loop_id);
    if (l->logged != b->top->id) {
        log_local(b, local);
    }
    if (b->newest != local) {
        move_to_front(b, local);
    }
    l->time = b->now;
    l->value = value;
}

void build_locals_forget(struct wasm_builder *b)
{
    while (b->inits.count > b->top->inits) {
        b->scan.locals[b->inits.words[--b->inits.count]].is_set = false;
    }
}

/* From the latest entry to the earliest, so that the oldest value of a local is restored last. */
void build_locals_undo(struct wasm_builder *b)
{
    while (b->log_count > b->top->log) {
        const struct wasm_log_entry *e = &b->log[--b->log_count];
        b->scan.locals[e->local].value = e->value;
        b->scan.locals[e->local].logged = e->logged;
    }
}

/* An entry goes to the parent's log unless the parent has one for this local already: the parent's
 * is older. */
void build_locals_keep(struct wasm_builder *b)
{
    uint32_t kept = b->top->log;
    const struct build_frame *parent = b->top - 1;
    build_spend(b, b->log_count - kept);
    for (uint32_t n = kept; n < b->log_count; n++) {
        struct wasm_log_entry e = b->log[n];
        b->scan.locals[e.local].logged = parent->id;
        if (e.logged != parent->id) {
            b->log[kept++] = e;
        }
    }
    b->log_count = kept;
}

/* ---- The start of a function ---- */

/* One constant for each type, in the entry block, which dominates every use. */
static uint32_t zero(struct wasm_builder *b, unsigned type)
{
    if (b->zeros[type] == IR_NONE) {
        b->zeros[type] = type == IR_V128 ? build_vector_zero(b) : ir_const(b->f, type, 0);
    }
    return b->zeros[type];
}

/* Assign places in a slot, which is initialised with zeros, to the locals in the frame. */
static void place_locals(struct wasm_builder *b)
{
    struct ir_memref memref = {
        .number = b->f->slot_count, .space = IR_SPACE_SLOT, .alias_class = CLASS_FRAME};
    for (uint32_t n = 0; n < b->scan.used_count; n++) {
        struct wasm_local *l = &b->scan.locals[n];
        if (l->in_frame) {
            l->value = ir_memref(b->f, &memref);
            memref.offset += 16;
        }
    }
    if (memref.offset == 0) {
        return;
    }
    uint32_t slot = ir_slot(b->f, (uint32_t)memref.offset, 16);
    uint32_t address = ir_emit(b->f, IR_SLOT, IR_I64, slot, 0, 0);
    (void)ir_emit(b->f, IR_ZERO_BYTES, IR_VOID, address, 0, (uint32_t)memref.offset);
}

static void start_local(struct wasm_builder *b, uint32_t local)
{
    struct wasm_local *l = &b->scan.locals[local];
    bool is_parameter = l->index < b->scan.signature->params;
    l->is_set = is_parameter;
    if (l->in_frame) {
        if (is_parameter) {
            (void)ir_emit(b->f, IR_STORE, IR_VOID, IR_NONE, l->index, l->value);
        }
        return;
    }
    l->value = is_parameter ? l->index : zero(b, wasm_ir_type(l->type));
    l->logged = l->loop = l->stamp = 0;
}

/* Locals in the frame are never set as values, so linking them does no harm. */
static void link_local(struct wasm_builder *b, uint32_t local)
{
    struct wasm_local *l = &b->scan.locals[local];
    l->time = 0;
    l->newer = local == 0 ? IR_NONE : local - 1;
    l->older = local + 1 == b->scan.used_count ? IR_NONE : local + 1;
}

bool build_locals_start(struct wasm_builder *b)
{
    for (uint32_t n = 0; n < b->scan.used_count && b->validates; n++) {
        b->scan.locals[n].is_set = b->scan.locals[n].index < b->scan.signature->params;
    }
    if (b->validates) {
        return true;
    }
    for (unsigned n = 0; n < IR_TYPE_COUNT; n++) {
        b->zeros[n] = IR_NONE;
    }
    place_locals(b);
    for (uint32_t n = 0; n < b->scan.used_count; n++) {
        link_local(b, n);
        start_local(b, n);
    }
    b->newest = b->scan.used_count == 0 ? IR_NONE : 0;
    return build_ok(b);
}
