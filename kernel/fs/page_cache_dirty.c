// SPDX-License-Identifier: MIT
//
// Which pages of a cache differ from the device: dirty pages, which write_back.c writes, and held
// pages, which must not be written yet.
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

static void make_dirty_locked(struct page_cache *c, struct cache_page *p) REQUIRES(page_cache_lock)
{
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
