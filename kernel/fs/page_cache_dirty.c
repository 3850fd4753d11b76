// SPDX-License-Identifier: MIT
//
// Which pages of a cache differ from the device: dirty pages, which write_back.c writes, and held
// pages, which must not be written yet. And which do not, and are shared with mappings.
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/fs/page_cache_internal.h"

/* True if there was nothing to be written before. */
static bool note_first_locked(struct page_cache *c) REQUIRES(page_cache_lock)
{
    bool is_first = c->dirty_count == 0 && c->held_count == 0;
    if (is_first) {
        c->dirty_since_ns = clock_now_ns();
    }
    return is_first;
}

/* dirty_number counts up, so the list is sorted by age, and page_cache_write() knows which pages
 * became dirty after it began. 0 means that the page is not in the list. A page that is dirty
 * already keeps its number and its place: it is as old as its oldest change. */
static void make_dirty_locked(struct page_cache *c, struct cache_page *p) REQUIRES(page_cache_lock)
{
    ASSERT(!page_cache_is_shared(p));
    if (p->dirty_number == 0) {
        c->dirty_count++;
        p->dirty_number = ++c->last_number;
        list_remove(&p->link);
        list_push_back(&c->dirty, &p->link);
    }
}

void page_cache_dirty(struct page_cache *c, struct cache_page *p)
{
    ASSERT(c->writes != NULL && p->holds == 0);
    spin_lock(&page_cache_lock);
    bool is_first = note_first_locked(c);
    make_dirty_locked(c, p);
    spin_unlock(&page_cache_lock);
    if (is_first) {
        write_back_wake();
    }
}

/* A held page is in the list of clean pages, so that write-back does not see it; its pin keeps it
 * from being evicted. Holds are counted, because a page may have several blocks of the transaction.
 * The caller must know whether it was dirty: its other blocks then become part of the transaction,
 * see journal_commit.c. */
bool page_cache_hold(struct page_cache *c, struct cache_page *p)
{
    spin_lock(&page_cache_lock);
    bool is_first = note_first_locked(c);
    bool was_dirty = p->dirty_number != 0;
    if (was_dirty) {
        p->dirty_number = 0;
        c->dirty_count--;
        list_remove(&p->link);
        list_push_back(&c->clean, &p->link);
    }
    p->holds++;
    c->held_count++;
    atomic_fetch_add_explicit(&p->pins, 1, memory_order_relaxed);
    spin_unlock(&page_cache_lock);
    if (is_first) {
        write_back_wake();
    }
    return was_dirty;
}

/* The last hold decides, and only then the page may become dirty: as long as one block of it
 * belongs to a transaction that is not committed, no block of it may be written. */
void page_cache_release(struct page_cache *c, struct cache_page *p, bool is_dirty)
{
    spin_lock(&page_cache_lock);
    p->holds--;
    c->held_count--;
    if (is_dirty && p->holds == 0) {
        make_dirty_locked(c, p);
    }
    page_cache_put(p);
    spin_unlock(&page_cache_lock);
}

/* For a file system that has failed: its changes are lost, and the pages become clean with contents
 * that the disk does not have. So the caller lets nothing be written from then on. */
void page_cache_abandon(struct page_cache *c)
{
    struct list_node *n;
    spin_lock(&page_cache_lock);
    while ((n = list_pop_front(&c->dirty)) != NULL) {
        page_of(n)->dirty_number = 0;
        list_push_back(&c->clean, n);
    }
    c->dirty_count = 0;
    spin_unlock(&page_cache_lock);
}

/* Shared pages cannot be removed, so they must leave room for others. A page that is written to the
 * device, or held, has another pin. */
bool page_cache_share(struct page_cache *c, struct cache_page *p)
{
    spin_lock(&page_cache_lock);
    uint32_t pins = atomic_load_explicit(&p->pins, memory_order_relaxed);
    bool is_shared =
        p->dirty_number == 0 && pins % CACHE_SHARED == 1 && c->shared_count < c->count_max / 2 &&
        pins < CACHE_CLAIMED - CACHE_SHARED &&
        atomic_compare_exchange_strong_explicit(&p->pins, &pins, pins - 1 + CACHE_SHARED,
                                                memory_order_acquire, memory_order_relaxed);
    c->shared_count += is_shared ? 1 : 0;
    spin_unlock(&page_cache_lock);
    return is_shared;
}

void page_cache_unshare(struct page_cache *c, struct cache_page *p)
{
    spin_lock(&page_cache_lock);
    c->shared_count--;
    atomic_fetch_sub_explicit(&p->pins, CACHE_SHARED, memory_order_release);
    spin_unlock(&page_cache_lock);
}
