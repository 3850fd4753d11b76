// SPDX-License-Identifier: MIT
//
// The page cache: one CPU at a time gets pages, with the owner's lock, and others find pages
// without it, while pages are evicted and freed and the table grows. The device is a function that
// writes each page's number into it.
#include "hal/layout.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/fs/page_cache.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"
#include "kernel/sched/mutex.h"
#include "race.h"

#include <stdlib.h>

#define FEW   3u    /* of which most are freed when another CPU finds them */
#define PAGES 1500u /* more than the cache may have, which is a quarter of page_get_stats() */

static struct mutex owner;
static struct page_cache *cache;
static void (*free_clean)(void);

void race_files(cpu_t cpu, unsigned rounds)
{
    static struct thread self[8];
    uint32_t seed = cpu + 1, found = 0;
    hal_become_thread(&self[cpu]);
    for (unsigned i = 0; i < rounds * 4; i++) {
        seed = seed * 1103515245 + 12345;
        bool is_growing = i / 1024 % 8 == 7;
        uint32_t index = (seed >> 8) % (is_growing ? PAGES : FEW);
        uint64_t off = (uint64_t)index * CACHE_PAGE;
        struct cache_page *page = NULL;
        if ((seed >> 24) % 4 != cpu) {
            page = page_cache_peek(cache, off);
        } else if (mutex_try_lock(&owner)) {
            if (page_cache_get(cache, off, 0, &page) != OK) {
                race_fail("a page cannot be read");
            }
            mutex_unlock(&owner);
        } else {
            race_relax();
        }
        if (page != NULL) {
            found++;
            if (load_le32(page->bytes) != index || load_le32(page->bytes + 4092) != index) {
                race_fail("a page has the contents of another one");
            }
            page_cache_put(page);
        }
        if (!is_growing && i % 4 == cpu) {
            free_clean();
        }
    }
    if (found == 0) {
        race_fail("a CPU found no page");
    }
}

void race_prepare_files(void)
{
    static struct block_device disk = {.sectors = (uint64_t)PAGES * (CACHE_PAGE / BLOCK_SECTOR),
                                       .max_segments = 1,
                                       .max_bytes = CACHE_PAGE};
    mutex_init(&owner, "race");
    cache = page_cache_make(&disk);
    if (cache == NULL) {
        race_fail("no cache");
    }
}

/* ---- What the cache needs ---- */

/* The pages are in host memory, so the device's completion is a call. */
enum status block_submit(struct block_device *dev, struct block_request *req)
{
    (void)dev;
    uint8_t *bytes = req->segments[0].data;
    uint32_t index = (uint32_t)(req->sector / (CACHE_PAGE / BLOCK_SECTOR));
    store_le32(bytes, index);
    store_le32(bytes + 4092, index);
    req->result = OK;
    req->done(req);
    return OK;
}

enum status page_alloc_any(unsigned order, enum page_owner owner_of, paddr_t *out)
{
    (void)owner_of;
    void *page = order == 0 ? aligned_alloc(PAGE_SIZE, PAGE_SIZE) : NULL;
    if (page == NULL) {
        return E_NOMEM;
    }
    *out = paddr((uintptr_t)page - HAL_DIRECT_BASE);
    return OK;
}

void page_free_any(paddr_t base, unsigned order)
{
    (void)order;
    free(hal_direct(base));
}

void page_poison_given(paddr_t base, unsigned order)
{
    (void)base, (void)order;
}

void page_poison_taken(paddr_t base, size_t pages)
{
    (void)base, (void)pages;
}

/* No allocation fails on purpose. */
bool failure_is_due(void)
{
    return false;
}

struct page_states page_states;

void *hal_magazine_pop(size_t unused, size_t kind)
{
    (void)unused, (void)kind;
    return NULL;
}

void hal_magazine_push(void *object, size_t kind)
{
    (void)object, (void)kind;
    abort();
}

void memory_reclaim_caches(void (*fn)(void))
{
    free_clean = fn;
}

/* Nothing is written here. */
void write_back_wake(void); /* kernel/fs/page_cache_internal.h */

void write_back_wake(void)
{
    abort();
}
