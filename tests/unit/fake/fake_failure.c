// SPDX-License-Identifier: MIT
//
// See fake_failure.h. ld's --wrap redirects the kernel's calls of f() to __wrap_f(), and __real_f()
// to the kernel's own function.

#include "fake/fake_failure.h"

#include "hal/mmu.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/thread.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned left = UINT_MAX, refused;
static enum fake_failing mode;
static bool is_armed;

void fake_fail_after(unsigned n, enum fake_failing how)
{
    left = n;
    mode = how;
    refused = 0;
    is_armed = true;
}

unsigned fake_fail_stop(void)
{
    is_armed = false;
    return refused;
}

static bool refuses(void)
{
    if (!is_armed) {
        return false;
    }
    if (left > 0) {
        left--;
        return false;
    }
    refused++;
    is_armed = mode == FAIL_FROM_THEN_ON;
    return true;
}

/* ---- Between the kernel and its allocators ---- */

#define WRAP(type, failure, name, parameters, arguments)                                           \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return refuses() ? failure : __real_##name arguments;                                      \
    }

WRAP(void *, NULL, heap_alloc, (size_t size), (size))
WRAP(void *, NULL, heap_zalloc, (size_t size), (size))
WRAP(void *, NULL, heap_calloc, (size_t count, size_t size), (count, size))
WRAP(void *, NULL, heap_alloc_aligned, (size_t size, size_t align), (size, align))
WRAP(void *, NULL, heap_realloc, (void *p, size_t size), (p, size))
WRAP(char *, NULL, heap_strdup, (const char *s), (s))
WRAP(enum status, E_NOMEM, page_alloc_below,
     (unsigned order, uint64_t limit, enum page_owner owner, paddr_t *out),
     (order, limit, owner, out))
WRAP(enum status, E_NOMEM, page_alloc_zeroed, (enum page_owner owner, paddr_t *out), (owner, out))
WRAP(enum status, E_NOMEM, page_alloc_frames,
     (size_t most, enum page_owner owner, paddr_t *first, size_t *got), (most, owner, first, got))
WRAP(enum status, E_NOMEM, vm_reserve, (struct vm_range * range, const struct vm_request *request),
     (range, request))
WRAP(enum status, E_NOMEM, hal_mmu_map,
     (vaddr_t va, paddr_t pa, size_t pages, unsigned prot, enum mem_type type),
     (va, pa, pages, prot, type))

/* Needs memory only to split a leaf. */
enum status __real_hal_mmu_protect(vaddr_t va, size_t pages, unsigned prot,
                                   struct hal_mmu_batch *batch);
enum status __wrap_hal_mmu_protect(vaddr_t va, size_t pages, unsigned prot,
                                   struct hal_mmu_batch *batch);
enum status __wrap_hal_mmu_protect(vaddr_t va, size_t pages, unsigned prot,
                                   struct hal_mmu_batch *batch)
{
    struct hal_mapping m;
    bool is_leaf = pages == 1 && hal_mmu_query(va, &m) && m.size == PAGE_SIZE;
    return !is_leaf && refuses() ? E_NOMEM : __real_hal_mmu_protect(va, pages, prot, batch);
}

/* Usually reuses the memory of an ended thread and allocates nothing. */
WRAP(enum status, E_NOMEM, thread_create,
     (const struct thread_options *options, struct thread **out), (options, out))

/* page_alloc() tries a magazine, where it is inlined; if that is empty it calls page_alloc_any(),
 * which tries once more. Both together are one allocation. (page.c's own calls of page_alloc_any()
 * do not pass through here: their callers are refused as a whole.) */
static bool is_refused_by_magazine, is_in_alloc_any;

void *__real_hal_magazine_pop(size_t unused, size_t kind);
void *__wrap_hal_magazine_pop(size_t unused, size_t kind);
void *__wrap_hal_magazine_pop(size_t unused, size_t kind)
{
    bool is_asked_again = is_refused_by_magazine || is_in_alloc_any;
    is_refused_by_magazine = false;
    if (kind >= PAGE_MAGAZINE(0) && !is_asked_again && refuses()) {
        is_refused_by_magazine = true;
        return NULL;
    }
    return __real_hal_magazine_pop(unused, kind);
}

enum status __real_page_alloc_any(unsigned order, enum page_owner owner, paddr_t *out);
enum status __wrap_page_alloc_any(unsigned order, enum page_owner owner, paddr_t *out);
enum status __wrap_page_alloc_any(unsigned order, enum page_owner owner, paddr_t *out)
{
    bool is_refused = is_refused_by_magazine || refuses();
    is_refused_by_magazine = false;
    is_in_alloc_any = true;
    enum status s = is_refused ? E_NOMEM : __real_page_alloc_any(order, owner, out);
    is_in_alloc_any = false;
    return s;
}

/* ---- Memory in use ---- */

struct ledger {
    uint64_t objects, bytes, ranges, mapped;
    /* except the heap's pages, because it keeps empty slabs, and the
     * pages with their block records */
    uint64_t pages[PAGE_OWNER_COUNT];
};

static void count_range(void *ctx, const struct vm_range *range)
{
    (void)range;
    ++*(uint64_t *)ctx;
}

static void count_mapping(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m)
{
    (void)va;
    (void)m;
    *(uint64_t *)ctx += size;
}

static struct ledger take_stock(void)
{
    struct ledger l = {0};
    struct heap_stats heap;
    struct page_stats pages;
    heap_drain();
    heap_get_stats(&heap);
    page_get_stats(&pages);
    l.objects = heap.live_objects;
    l.bytes = heap.live_bytes;
    for (unsigned i = 0; i < PAGE_OWNER_COUNT; i++) {
        bool is_fixed = i != PAGE_FREE && i != PAGE_HEAP && i != PAGE_META;
        l.pages[i] = is_fixed ? pages.by_owner[i] : 0;
    }
    vm_for_each(count_range, &l.ranges);
    hal_mmu_walk(count_mapping, &l.mapped);
    return l;
}

static const char *where;
static unsigned at;

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "sweep of %s, failure %u (%s): %s\n", where, at,
                mode == FAIL_ONCE ? "once" : "from then on", what);
        abort();
    }
}

static void check_equal(const char *what, uint64_t before, uint64_t after)
{
    char text[128];
    snprintf(text, sizeof(text), "%s: %" PRIu64 " before, %" PRIu64 " after", what, before, after);
    check(before == after, text);
}

static void check_stock(const struct ledger *before)
{
    struct ledger after = take_stock();
    check_equal("heap objects", before->objects, after.objects);
    check_equal("heap bytes", before->bytes, after.bytes);
    check_equal("address ranges", before->ranges, after.ranges);
    check_equal("mapped bytes", before->mapped, after.mapped);
    for (unsigned i = 0; i < PAGE_OWNER_COUNT; i++) {
        check_equal(page_owner_name((enum page_owner)i), before->pages[i], after.pages[i]);
    }
}

/* Return the number of allocations that the operation makes, each of which was refused. */
static unsigned sweep(enum fake_failing how, bool (*operation)(void), const struct ledger *before)
{
    for (at = 0;; at++) {
        fake_fail_after(at, how);
        bool worked = operation();
        if (fake_fail_stop() == 0) {
            check(worked, "it fails although nothing was refused");
            return at;
        }
        /* Memory that could not be freed without allocating is freed by
         * the next operation that can. */
        check(operation(), "it does not work afterwards");
        check_stock(before);
    }
}

void fake_sweep(const char *name, bool (*operation)(void))
{
    where = name;
    check(operation(), "it does not work at all"); /* also allocates what stays allocated */
    const struct ledger before = take_stock();
    unsigned once = sweep(FAIL_ONCE, operation, &before);
    unsigned all = sweep(FAIL_FROM_THEN_ON, operation, &before);
    check(once > 0 && all > 0, "it allocates nothing");
    printf("%s: %u allocations refused one by one, %u with all that follow\n", name, once, all);
}
