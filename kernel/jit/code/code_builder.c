// SPDX-License-Identifier: MIT
//
// Puts compiled functions together into a piece of code.
#include "kernel/jit/code/code_builder.h"

#include "kernel/base/assert.h"
#include "kernel/jit/arena.h"
#include "kernel/jit/backend.h"
#include "kernel/jit/code/code_prove.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#include <stdatomic.h>

#define FUNCTION_ALIGN 16u
#define CALLS_AT_ONCE  4096u /* calls that are patched between two checks of the stop flag */
/* most bytes of a piece: every branch inside it reaches */
#define CODE_MAX ((uint32_t)64 << 20)

/* ---- Appending ---- */

/* Make room in an array on the heap, which is NULL until something needs it. @return false: no
 * memory, nothing has changed. */
static bool reserve(struct budget *budget, void *array, uint32_t *capacity, uint64_t needed,
                    size_t element)
{
    void **slot = array;
    if (needed <= *capacity) {
        return true;
    }
    uint64_t wanted = MAX(needed, 2 * (uint64_t)*capacity);
    void *grown = wanted > UINT32_MAX
                      ? NULL
                      : budget_resize(budget, *slot, *capacity * element, (size_t)wanted * element);
    if (grown == NULL) {
        return false;
    }
    *slot = grown;
    *capacity = (uint32_t)wanted;
    return true;
}

#define RESERVE(b, array, kind, more)                                                              \
    reserve((b)->budget, &(b)->array, &(b)->kind##_capacity, (uint64_t)(b)->kind##_count + (more), \
            sizeof *(b)->array)

static bool reserve_lists(struct code_builder *b, const struct jit_code *code)
{
    return RESERVE(b, relocs, reloc, code->reloc_count) && RESERVE(b, rows, row, code->row_count) &&
           RESERVE(b, functions, function, 1) && RESERVE(b, refs, ref, code->ref_count);
}

/* A row relative to the start of the piece, for a function that starts at `at`. */
static struct jit_row moved_row(const struct code_builder *b, struct jit_row row, uint32_t at)
{
    row.pc += at;
    if (row.kind == JIT_ROW_LANDING) {
        row.refs += at;
    } else if (row.refs != JIT_NO_REFS) {
        row.refs += b->ref_count;
    }
    return row;
}

enum status code_builder_add(struct code_builder *b, const struct jit_code *code, uint32_t number)
{
    ASSERT(b->function_count == 0 || b->functions[b->function_count - 1].number < number);
    uint32_t align = MAX(code->align, FUNCTION_ALIGN);
    uint64_t at = ALIGN_UP((uint64_t)b->size, (uint64_t)align);
    if (at + code->size > CODE_MAX) {
        return E_OVERFLOW;
    }
    if (!reserve(b->budget, &b->bytes, &b->capacity, at + code->size, 1) ||
        !reserve_lists(b, code)) {
        return E_NOMEM;
    }
    memset(b->bytes + b->size, b->fill, at - b->size);
    memcpy(b->bytes + at, code->bytes, code->size);
    for (uint32_t n = 0; n < code->reloc_count; n++) {
        b->relocs[b->reloc_count] = code->relocs[n];
        b->relocs[b->reloc_count++].at += (uint32_t)at;
    }
    for (uint32_t n = 0; n < code->row_count; n++) {
        b->rows[b->row_count++] = moved_row(b, code->rows[n], (uint32_t)at);
    }
    if (code->ref_count > 0) {
        memcpy(b->refs + b->ref_count, code->refs, code->ref_count * sizeof *b->refs);
        b->ref_count += code->ref_count;
    }
    b->functions[b->function_count++] = (struct code_function){.start = (uint32_t)at,
                                                               .size = code->size,
                                                               .frame_bytes = code->frame_bytes,
                                                               .number = number};
    b->size = (uint32_t)(at + code->size);
    b->align = MAX(b->align, align);
    return OK;
}

/* The lists of functions that stay in the order and at the distances that they have. */
static void append_lists(struct code_builder *b, const struct code_builder *more, uint32_t at)
{
    for (uint32_t n = 0; n < more->reloc_count; n++) {
        b->relocs[b->reloc_count] = more->relocs[n];
        b->relocs[b->reloc_count++].at += at;
    }
    for (uint32_t n = 0; n < more->row_count; n++) {
        b->rows[b->row_count++] = moved_row(b, more->rows[n], at);
    }
    if (more->ref_count > 0) {
        memcpy(b->refs + b->ref_count, more->refs, more->ref_count * sizeof *b->refs);
        b->ref_count += more->ref_count;
    }
    for (uint32_t n = 0; n < more->function_count; n++) {
        b->functions[b->function_count] = more->functions[n];
        b->functions[b->function_count++].start += at;
    }
}

enum status code_builder_append(struct code_builder *b, const struct code_builder *more,
                                uint32_t *added)
{
    uint64_t at = ALIGN_UP((uint64_t)b->size, (uint64_t)MAX(more->align, FUNCTION_ALIGN));
    *added = 0;
    if (at + more->size > CODE_MAX) {
        while (at + more->functions[*added].start + more->functions[*added].size <= CODE_MAX) {
            ++*added;
        }
        return E_OVERFLOW;
    }
    if (more->function_count == 0) {
        return OK;
    }
    ASSERT(b->function_count == 0 ||
           b->functions[b->function_count - 1].number < more->functions[0].number);
    if (!reserve(b->budget, &b->bytes, &b->capacity, at + more->size, 1) ||
        !RESERVE(b, relocs, reloc, more->reloc_count) || !RESERVE(b, rows, row, more->row_count) ||
        !RESERVE(b, functions, function, more->function_count) ||
        !RESERVE(b, refs, ref, more->ref_count)) {
        return E_NOMEM;
    }
    memset(b->bytes + b->size, b->fill, at - b->size);
    memcpy(b->bytes + at, more->bytes, more->size);
    append_lists(b, more, (uint32_t)at);
    b->size = (uint32_t)(at + more->size);
    b->align = MAX(b->align, more->align);
    *added = more->function_count;
    return OK;
}

/* ---- Placing ---- */

static bool is_stopped(const struct code_map *m)
{
    return m->stop != NULL && atomic_load_explicit(m->stop, memory_order_relaxed) != 0;
}

/* Most callees are in the same piece. One in another piece has been sealed and verified. */
static uint64_t address_of(const struct code_builder *b, const struct code_piece *p,
                           uint32_t number)
{
    const struct code_function *f = code_piece_function(p, number);
    if (f == NULL) {
        ASSERT(b->placed != NULL && b->placed[number] != NULL);
        p = b->placed[number];
        f = code_piece_function(p, number);
    }
    return p->block.address + f->start;
}

/* Patch each call's displacement in the written copy, for the address where the code will run: the
 * two differ, because the copy is an alias. A program can have very many calls, so the stop flag is
 * checked on the way. */
static enum status complete_calls(const struct code_builder *b, const struct code_map *m,
                                  uint32_t first_callee, const struct code_piece *p)
{
    const struct code_block *block = &p->block;
    for (uint32_t n = 0; n < b->reloc_count; n++) {
        if (n % CALLS_AT_ONCE == CALLS_AT_ONCE - 1 && is_stopped(m)) {
            return E_CANCELLED;
        }
        const struct jit_reloc *r = &b->relocs[n];
        enum status s = m->machine->patch_call(block->bytes + r->at, block->address + r->at,
                                               address_of(b, p, r->callee - first_callee));
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

static enum status fill_block(const struct code_builder *b, const struct code_map *m,
                              uint32_t first_callee, const struct code_piece *p)
{
    const struct code_block *block = &p->block;
    memcpy(block->bytes, b->bytes, b->size);
    /* The rest of the last page also traps, in case control ever leaves a function at its end. */
    memset(block->bytes + b->size, b->fill, block->size - b->size);
    return complete_calls(b, m, first_callee, p);
}

/* Verify each function, in the bytes that are about to run. */
static enum status verify_all(struct code_builder *b, const struct code_map *m,
                              const struct code_piece *p)
{
    enum status s = OK;
    uint32_t n = b->shape == NULL ? p->function_count : code_prove(b, m, p);
    for (; s == OK && n < p->function_count; n++) {
        struct arena_mark mark = arena_mark(b->arena);
        s = is_stopped(m)
                ? E_CANCELLED
                : verify_function(m->machine->verify, b->shape, p, n, b->arena, &b->refusal, NULL);
        arena_release(b->arena, mark);
    }
    return s;
}

enum status code_builder_finish(struct code_builder *b, struct code_map *m, uint32_t first_callee,
                                struct code_piece *out)
{
    const struct code_space *space = m->space;
    if (b->size == 0) {
        return OK;
    }
    enum status s = space->alloc(space->ctx, b->size, &out->block);
    if (s != OK) {
        return s;
    }
    out->map = m;
    out->rows = b->rows;
    out->row_count = b->row_count;
    out->refs = b->refs;
    out->functions = b->functions;
    out->function_count = b->function_count;
    /* The order matters. Verification reads the final bytes, after calls are patched, so nothing
     * may write to them after it. code_map_add() seals the block: from then on it is executable,
     * and no longer writable. A failure before that frees a block that was never executable. */
    s = fill_block(b, m, first_callee, out);
    if (s == OK) {
        s = verify_all(b, m, out);
    }
    if (s == OK) {
        s = code_map_add(m, out);
    }
    if (s != OK) {
        space->free(space->ctx, &out->block);
        out->rows = NULL;
        out->refs = NULL;
        out->functions = NULL;
        return s;
    }
    /* The piece owns the lists now. */
    b->rows = NULL;
    b->refs = NULL;
    b->functions = NULL;
    return OK;
}

void code_builder_free(struct code_builder *b)
{
    void *const lists[] = {b->bytes, b->relocs, b->rows, b->refs, b->functions};
    for (size_t n = 0; n < ARRAY_COUNT(lists); n++) {
        if (lists[n] != NULL) {
            budget_free(b->budget, lists[n]);
        }
    }
}
