// SPDX-License-Identifier: MIT
//
// See heap_site.h. A hash table of call chains that only grows. Two chains with the same 64-bit
// hash would be taken for one.

#include "kernel/mm/heap_site.h"

#ifdef HALYARD_DEBUG

#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/base/panic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"

#include <stdatomic.h>

#define SITES  2048u /* a power of two */
#define CHAIN  8u
#define PROBES 64u

struct site {
    /* 0: empty. Relaxed: the thread that claims the entry fills it, and counting needs no chain */
    _Atomic uint64_t hash;
    _Atomic bool is_known; /* release and acquire: the chain is complete */
    uintptr_t chain[CHAIN];
    /* relaxed: counts; briefly below 0 if an object is freed on another CPU */
    _Atomic uint64_t objects, bytes;
};

static struct site sites[SITES]; /* [0] is unused */

static uint64_t hash_of(const uintptr_t *chain)
{
    uint64_t h = 0;
    for (unsigned i = 0; i < CHAIN; i++) {
        h = (h ^ chain[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h | 1;
}

/* Lock-free: a thread claims an empty entry by swapping in the hash, then fills in the chain and
 * sets is_known. Another thread with the same chain uses the entry meanwhile; only printing needs
 * the chain and checks is_known. */
static heap_site_t find(const uintptr_t *chain)
{
    uint64_t hash = hash_of(chain);
    for (unsigned i = 0; i < PROBES; i++) {
        heap_site_t at = (heap_site_t)(hash >> 32) + i & (SITES - 1);
        struct site *s = &sites[at];
        uint64_t has = atomic_load_explicit(&s->hash, memory_order_relaxed);
        if (at == 0) {
            continue;
        }
        if (has == 0 && atomic_compare_exchange_strong_explicit(
                            &s->hash, &has, hash, memory_order_relaxed, memory_order_relaxed)) {
            COPY_SMALL(s->chain, chain, sizeof(s->chain));
            atomic_store_explicit(&s->is_known, true, memory_order_release);
            return at;
        }
        if (has == hash) {
            return at;
        }
    }
    return 0;
}

heap_site_t heap_site_at(const void *frame)
{
    uintptr_t chain[CHAIN] = {0}, fp = (uintptr_t)frame, lo, hi;
    upcall_stack_bounds(&lo, &hi);
    for (unsigned n = 0; n < CHAIN && hal_frame_step(&fp, &chain[n], lo, hi); n++) {
    }
    return find(chain);
}

void heap_site_count_alloc(heap_site_t site, size_t bytes)
{
    atomic_fetch_add_explicit(&sites[site].objects, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&sites[site].bytes, bytes, memory_order_relaxed);
}

void heap_site_count_free(heap_site_t site, size_t bytes)
{
    atomic_fetch_sub_explicit(&sites[site].objects, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&sites[site].bytes, bytes, memory_order_relaxed);
}

void heap_site_print(void (*write)(void *ctx, const char *line), void *ctx, const char *title,
                     heap_site_t site)
{
    write(ctx, title);
    if (site < SITES && atomic_load_explicit(&sites[site].is_known, memory_order_acquire)) {
        backtrace_print_list(write, ctx, sites[site].chain, CHAIN);
    } else {
        write(ctx, "unknown");
    }
}

/** The site with the most bytes below `bytes`; among
 * equals, the first index after `after`. 0: none. */
static heap_site_t next_below(uint64_t bytes, heap_site_t after)
{
    heap_site_t best = 0;
    uint64_t most = 0;
    for (heap_site_t i = 1; i < SITES; i++) {
        uint64_t has = atomic_load_explicit(&sites[i].bytes, memory_order_relaxed);
        if ((has < bytes || (has == bytes && i > after)) && has > most) {
            best = i;
            most = has;
        }
    }
    return best;
}

void heap_site_print_top(void (*write)(void *ctx, const char *line), void *ctx, unsigned most)
{
    uint64_t bytes = INT64_MAX; /* a larger value is a negative count */
    heap_site_t site = 0;
    for (unsigned i = 0; i < most && (site = next_below(bytes, site)) != 0; i++) {
        char title[64];
        bytes = atomic_load_explicit(&sites[site].bytes, memory_order_relaxed);
        uint64_t objects = atomic_load_explicit(&sites[site].objects, memory_order_relaxed);
        fmt_print(title, sizeof(title), "%llu bytes in %llu objects:", (unsigned long long)bytes,
                  (unsigned long long)objects);
        heap_site_print(write, ctx, title, site);
    }
}

#endif
