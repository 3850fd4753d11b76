// SPDX-License-Identifier: MIT
//
// Compiled code in the kernel's code memory, and the handling of its faults.
#include "kernel/jit/code/code_kernel.h"

#include "kernel/fault/fault.h"
#include "kernel/jit/budget.h"
#include "kernel/jit/code/code_map_internal.h"
#include "kernel/jit/code/codechunk.h"
#include "kernel/jit/code/codemem.h"
#include "kernel/jit/code/debug.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "kernel/trace/trace_calls.h"

#include <stdatomic.h>

/* An exception in a function that does not probe the stack always finds enough space, whatever
 * called it, so no handler has to work on a stack that is almost full. */
STATIC_ASSERT(JIT_RECORD_BYTES + JIT_LEAF_BYTES + HAL_STACK_ROOM <= JIT_STACK_MARGIN,
              "a leaf and an exception's frame fit in the margin");
/* Probes start from mapped stack and are close together,
 * so the first one beyond the end hits the guard. */
STATIC_ASSERT(JIT_PROBE_EVERY + PAGE_SIZE <= THREAD_GROWING_GUARD, "no probe jumps over the guard");

/** One piece. The debugger scripts know this type (scripts/gdb). */
struct kernel_piece {
    struct code_kernel *of;
    struct codechunk *chunk; /* NULL: it has memory of its own */
    struct codemem memory;
    struct fault_owner owner;
    const struct code_piece *means;
    bool is_owned; /* sealed: registered as owner of faults and names */
};

/* ---- Faults ---- */

/* Compiled code runs only while the thread holds nothing of the kernel's. */
static bool runs_code(const struct code_kernel *k, const struct fault *fault)
{
    return fault_holds_nothing(fault) && thread_current()->owner == k->owner;
}

struct code_map **code_kernel_running(void)
{
    return (struct code_map **)&thread_current()->runs;
}

/* The map of what the thread runs. Languages that have one thread only do not keep it. */
static struct code_map *map_of(const struct kernel_piece *p)
{
    struct code_map *running = *code_kernel_running();
    return running != NULL ? running : p->means->map;
}

/* Runs after the fault handler has returned, in the thread, with its stack cut back to the entry's
 * frame. The outcome is in the entry, which is the thread's own: others may fault meanwhile. */
static void resume(void *arg)
{
    struct jit_entry *e = arg;
    jit_leave(e, e->outcome);
}

static bool handle(struct fault_owner *owner, struct fault *fault)
{
    const struct kernel_piece *p = CONTAINER_OF(owner, struct kernel_piece, owner);
    struct code_resume to;
    enum fault_cause cause = fault->cause == FAULT_STACK_OVERFLOW ? fault->reported : fault->cause;
    const struct code_fault f = {.pc = fault->pc,
                                 .fp = hal_frame_fp(fault->frame),
                                 .sp = hal_frame_sp(fault->frame),
                                 .caller = hal_frame_caller(fault->frame),
                                 .address = fault->address,
                                 .is_memory = cause == FAULT_PAGE,
                                 .is_interrupt = cause == FAULT_STACK_OVERFLOW};
    if (!runs_code(p->of, fault) || !code_map_fault(map_of(p), &f, &to)) {
        return false;
    }
    to.entry->outcome = to.outcome;
    /* Discard everything above the entry's frame. */
    vaddr_t top = ALIGN_DOWN(to.entry->saved_sp, (uint64_t)16);
    fault_resume_at(fault->frame, top, resume, to.entry);
    return true;
}

/* ---- Names ---- */

static bool is_before(const struct jit_row *row, uint32_t at)
{
    return row->pc < at || (row->pc == at && row->kind != JIT_ROW_TRAP);
}

/* Only calls and instructions that can trap have rows. The row of a call has its return address.
 * Other instructions mostly prepare the next call or trap, so they are described with its place.
 * @return the place in the source; 0: none is known. */
static uint32_t location_of(const struct code_piece *p, const struct code_function *f, uint32_t at)
{
    uint32_t n = SORTED_FIND(p->rows, p->row_count, pc, at);
    while (n < p->row_count && is_before(&p->rows[n], at)) {
        n++;
    }
    uint32_t end = f->start + f->size;
    if (n < p->row_count && is_before(&p->rows[n], end)) {
        return p->rows[n].location;
    }
    return n > 0 && !is_before(&p->rows[n - 1], f->start) ? p->rows[n - 1].location : 0;
}

static void add_place(const struct code_kernel *k, const struct code_piece *p, uintptr_t pc,
                      char *buf, size_t len)
{
    const struct code_function *f = &p->functions[code_piece_at(p, pc)];
    uint32_t at = (uint32_t)(pc - p->block.address);
    k->place(p->source, f->number, location_of(p, f, at), buf, len);
}

static bool symbol(struct fault_owner *owner, uintptr_t pc, char *buf, size_t len)
{
    const struct kernel_piece *p = CONTAINER_OF(owner, struct kernel_piece, owner);
    code_piece_describe(p->means, pc, buf, len);
    size_t used = strlen(buf);
    if (p->of->place != NULL && p->means->source != NULL) {
        add_place(p->of, p->means, pc, buf + used, len - used);
    }
    return true;
}

/* ---- Code memory ---- */

/* A larger block has pages of its own: at most a quarter of a chunk is lost at its end. */
#define SHARED_MAX ((size_t)CODECHUNK_PAGES * PAGE_SIZE / 4)

static bool charge(struct code_kernel *k, size_t pages)
{
    bool ok = budget_charge(k->budget, pages * PAGE_SIZE);
    if (ok) {
        atomic_fetch_add_explicit(&k->pages, pages, memory_order_relaxed);
    }
    return ok;
}

static void uncharge(struct code_kernel *k, size_t pages)
{
    atomic_fetch_sub_explicit(&k->pages, pages, memory_order_relaxed);
    budget_uncharge(k->budget, pages * PAGE_SIZE);
}

static enum status alloc_own(struct code_kernel *k, struct kernel_piece *p, size_t size,
                             struct code_block *out)
{
    size_t count = ALIGN_UP(size, (size_t)PAGE_SIZE) / PAGE_SIZE;
    const size_t pages[LOAD_PART_COUNT] = {[LOAD_CODE] = count};
    if (!charge(k, count)) {
        return E_NOMEM;
    }
    enum status s = codemem_alloc(&p->memory, pages, k->name);
    if (s != OK) {
        uncharge(k, count);
        return s;
    }
    *out = (struct code_block){.bytes = codemem_writable(&p->memory, LOAD_CODE),
                               .address = codemem_address(&p->memory, LOAD_CODE),
                               .size = count * PAGE_SIZE,
                               .owner = p};
    return OK;
}

/* The chunk that has room for a block. */
static struct codechunk *chunk_for(struct code_kernel *k, size_t size)
{
    if (k->chunk == NULL || codechunk_pages(k->chunk, size) == SIZE_MAX) {
        struct codechunk *c = codechunk_create(k->name, k->has_landing_pads);
        k->chunk = c == NULL ? k->chunk : c;
        return c;
    }
    return k->chunk;
}

static void destroy_chunk(struct code_kernel *k, struct codechunk *c)
{
    k->chunk = k->chunk == c ? NULL : k->chunk;
    uncharge(k, c->taken);
    codechunk_destroy(c);
}

static enum status alloc_shared(struct code_kernel *k, struct kernel_piece *p, size_t size,
                                struct code_block *out)
{
    struct codechunk *c = chunk_for(k, size);
    size_t fresh = c == NULL ? 0 : codechunk_pages(c, size);
    vaddr_t address;
    uint8_t *bytes = NULL;
    if (c != NULL && charge(k, fresh)) {
        bytes = codechunk_alloc(c, size, k->fill, &address);
        if (bytes == NULL) {
            uncharge(k, fresh);
        }
    }
    if (bytes == NULL) {
        if (c != NULL && c->blocks == 0) {
            destroy_chunk(k, c);
        }
        return E_NOMEM;
    }
    p->chunk = c;
    *out = (struct code_block){.bytes = bytes,
                               .address = address,
                               .size = ALIGN_UP(size, (size_t)CODECHUNK_ALIGN),
                               .owner = p};
    return OK;
}

static enum status alloc_block(void *ctx, size_t size, struct code_block *out)
{
    struct code_kernel *k = ctx;
    struct kernel_piece *p = heap_zalloc(sizeof(*p));
    if (p == NULL) {
        return E_NOMEM;
    }
    p->of = k;
    enum status s = k->has_one_thread && size <= SHARED_MAX ? alloc_shared(k, p, size, out)
                                                            : alloc_own(k, p, size, out);
    if (s != OK) {
        heap_free(p);
    }
    return s;
}

static enum status seal(void *ctx, struct code_block *block)
{
    struct code_kernel *k = ctx;
    struct kernel_piece *p = block->owner;
    enum status s =
        p->chunk != NULL ? codechunk_seal(p->chunk) : codemem_seal(&p->memory, k->has_landing_pads);
    if (s != OK) {
        return s;
    }
    block->bytes = NULL;
    p->means = block->piece;
    p->owner = (struct fault_owner){.base = (uintptr_t)block->address,
                                    .size = block->size,
                                    .name = k->name,
                                    .handle = handle,
                                    .symbol = symbol};
    fault_own_code(&p->owner);
    p->is_owned = true;
    code_added_hook(p->means, k->name);
    return OK;
}

static void free_block(void *ctx, struct code_block *block)
{
    struct code_kernel *k = ctx;
    struct kernel_piece *p = block->owner;
    if (p->is_owned) {
        code_removed_hook(p->means);
        fault_disown(&p->owner);
    }
    if (p->chunk == NULL) {
        codemem_free(&p->memory);
        uncharge(k, block->size / PAGE_SIZE);
    } else if (codechunk_free(p->chunk)) {
        destroy_chunk(k, p->chunk);
    }
    heap_free(p);
    *block = (struct code_block){.owner = NULL};
}

void code_kernel_init(struct code_kernel *k)
{
    atomic_init(&k->pages, 0);
    k->space = (struct code_space){.alloc = alloc_block,
                                   .seal = seal,
                                   .free = free_block,
                                   .returns_to = trace_call_returns,
                                   .ctx = k};
}
