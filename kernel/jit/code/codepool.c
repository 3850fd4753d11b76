// SPDX-License-Identifier: MIT
//
// The pool of frames that are not in the direct map. It grows by 2 MiB, one entry of the direct
// map, so that unmapping does not split an entry; by less if memory is too fragmented.
#include "kernel/jit/code/codepool.h"

#include "kernel/base/assert.h"
#include "kernel/base/log.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"

#define RUN_PAGES_MAX 512u
#define WORD_BITS     64u

/** 2^order consecutive frames. A bit is set if its frame is in use, or is beyond the last one.
 * Protected by the loader's lock. */
struct run {
    struct list_node link;
    paddr_t base;
    unsigned order;
    size_t used;
    uint64_t taken[RUN_PAGES_MAX / WORD_BITS];
};

/* Every frame here is absent from the direct map while it belongs to the pool, used or not: that is
 * the rule behind W^X (codemem.c), because a frame of code that the direct map contained would be
 * writable there. So a run is added only after vm_hide_direct() has succeeded for all its frames,
 * and leaves only after vm_show_direct(). All functions run under the mutex of codemem.c, and may
 * sleep. */
static struct list runs = LIST_INIT(runs);
static const unsigned orders[] = {9, 6, 3, 0};

static size_t run_pages(const struct run *r)
{
    return (size_t)1 << r->order;
}

/* The frames leave the direct map before anything may use them for code, and a run is removed as a
 * whole, so that the direct map keeps its large entries. On x86-64 and AArch64 alike an entry of 2
 * MiB must be split to hide less than that, which needs a page for the new table and costs entries
 * of the TLB; hence the descending sizes. */
static enum status run_alloc(unsigned order, struct run *r)
{
    paddr_t base;
    enum status s = page_alloc(order, PAGE_CODE, &base);
    if (s != OK) {
        return s;
    }
    s = vm_hide_direct(base, (size_t)1 << order);
    if (s != OK) {
        page_free(base, order);
        return s;
    }
    *r = (struct run){.base = base, .order = order};
    if (run_pages(r) < WORD_BITS) {
        r->taken[0] = UINT64_MAX << run_pages(r);
    }
    return OK;
}

/* Try runs of decreasing size. Even a single page will
 * do, but it splits an entry of the direct map. */
static enum status grow(void)
{
    struct run *r = heap_alloc(sizeof(*r));
    if (r == NULL) {
        return E_NOMEM;
    }
    enum status s = E_NOMEM;
    for (size_t i = 0; i < ARRAY_COUNT(orders) && s != OK; i++) {
        s = run_alloc(orders[i], r);
    }
    if (s != OK) {
        heap_free(r);
        return E_NOMEM;
    }
    list_push_back(&runs, &r->link);
    return OK;
}

/* Return an empty run to the page allocator. If its place in the direct map cannot be restored now,
 * keep it for the next module, or until a later attempt. The order is the reverse of run_alloc():
 * the frames are shown before they are freed, since any user of the page allocator expects to reach
 * them there. This is called for every run after each codepool_free(); the pool has few. */
static void release_if_empty(struct run *r)
{
    if (r->used != 0) {
        return;
    }
    if (vm_show_direct(r->base, run_pages(r)) != OK) {
        log_warn("codemem", "no memory to put %llu pages back into the direct map",
                 (unsigned long long)run_pages(r));
        return;
    }
    page_free(r->base, r->order);
    list_remove(&r->link);
    heap_free(r);
}

/* Allocate free frames of one run in ascending order. The first pages of a run are usually in use,
 * so whole words are passed over. @return how many. */
static size_t take_from(struct run *r, paddr_t *frames, size_t count)
{
    size_t got = 0, word = 0;
    while (got < count && r->used < run_pages(r)) {
        uint64_t left = ~r->taken[word];
        if (left == 0) {
            word++;
            continue;
        }
        size_t i = word * WORD_BITS + (size_t)__builtin_ctzll(left);
        r->taken[word] |= left & -left;
        r->used++;
        frames[got++] = paddr_add(r->base, i * PAGE_SIZE);
    }
    return got;
}

/* All or nothing. Runs that exist are used up first. The frames are in no order that callers may
 * rely on, but consecutive ones of a run are: map_code() maps those in one step. If the pool cannot
 * grow, the frames that were allocated return, and a run that was added becomes free again with
 * them. */
enum status codepool_alloc(paddr_t *frames, size_t count)
{
    size_t got = 0;
    LIST_FOR_EACH (&runs, n) {
        got += take_from(CONTAINER_OF(n, struct run, link), frames + got, count - got);
    }
    while (got < count) {
        if (grow() != OK) {
            codepool_free(frames, got);
            return E_NOMEM;
        }
        got += take_from(CONTAINER_OF(runs.head.prev, struct run, link), frames + got, count - got);
    }
    return OK;
}

static struct run *run_of(paddr_t frame)
{
    LIST_FOR_EACH (&runs, n) {
        struct run *r = CONTAINER_OF(n, struct run, link);
        if (frame.raw - r->base.raw < run_pages(r) * PAGE_SIZE) {
            return r;
        }
    }
    return NULL;
}

/* A frame that the pool does not own, or that is free already, is a bug of the caller: with it, two
 * modules would share a page. */
void codepool_free(const paddr_t *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct run *r = run_of(frames[i]);
        ASSERT(r != NULL);
        size_t index = (size_t)((frames[i].raw - r->base.raw) / PAGE_SIZE);
        uint64_t bit = (uint64_t)1 << (index % WORD_BITS);
        ASSERT((r->taken[index / WORD_BITS] & bit) != 0);
        r->taken[index / WORD_BITS] &= ~bit;
        r->used--;
    }
    LIST_FOR_EACH_SAFE (&runs, n) {
        release_if_empty(CONTAINER_OF(n, struct run, link));
    }
}

void codepool_get_stats(size_t *pool_pages, size_t *used_pages)
{
    *pool_pages = *used_pages = 0;
    LIST_FOR_EACH (&runs, n) {
        const struct run *r = CONTAINER_OF(n, struct run, link);
        *pool_pages += run_pages(r);
        *used_pages += r->used;
    }
}
