// SPDX-License-Identifier: MIT
//
// The table of clusters: chains, allocation, freeing. An entry has 16 or 32 bits (of which the
// upper four are kept), and is the number of the next cluster. Each walk ends: it has at most as
// many steps as there are clusters, and a chain is freed only as far as its entries are not free.
#include "drivers/fat/fat.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

enum {
    VALUE_FREE = 0,
    VALUE_BAD = 0x0ffffff7,
    VALUE_END = 0x0fffffff,
    FIRST_END = 0x0ffffff8, /* every value from here on ends a chain */
    MASK = 0x0fffffff,
    CLEAN_32 = 0x08000000, /* of the second entry: it was unmounted */
    SOUND_32 = 0x04000000, /* of the second entry: no errors were found */
    CLEAN_16 = 0x8000,
    SOUND_16 = 0x4000,
};

static uint32_t entry_bytes(const struct fat *e)
{
    return e->is_fat32 ? 4 : 2;
}

/* FAT16 has the same special values, with fewer bits. */
static uint32_t load_value(const struct fat *e, const uint8_t *p)
{
    uint32_t value = e->is_fat32 ? load_le32(p) & MASK : load_le16(p);
    return !e->is_fat32 && value >= 0xfff7 ? value | 0x0fff0000 : value;
}

static void store_value(const struct fat *e, uint8_t *p, uint32_t value)
{
    if (e->is_fat32) {
        store_le32(p, (load_le32(p) & ~(uint32_t)MASK) | (value & MASK));
    } else {
        store_le16(p, (uint16_t)value);
    }
}

static enum status load_locked(struct fat *e, uint32_t cluster, uint32_t *out) REQUIRES(e->lock)
{
    struct cache_page *page;
    uint64_t at = e->table + (uint64_t)cluster * entry_bytes(e);
    enum status s = page_cache_get(e->cache, at, 0, &page);
    if (s == OK) {
        *out = load_value(e, page->bytes + at % CACHE_PAGE);
        page_cache_put(page);
    }
    return s;
}

static enum status store_locked(struct fat *e, uint32_t cluster, uint32_t value) REQUIRES(e->lock)
{
    for (uint32_t i = 0; i < e->table_copies; i++) {
        struct cache_page *page;
        uint64_t at = e->table + i * e->table_bytes + (uint64_t)cluster * entry_bytes(e);
        enum status s = page_cache_get(e->cache, at, 0, &page);
        if (s != OK) {
            return fat_fail_locked(e, s, "the table of clusters cannot be written");
        }
        store_value(e, page->bytes + at % CACHE_PAGE, value);
        page_cache_dirty(e->cache, page);
        page_cache_put(page);
    }
    return OK;
}

enum status fat_next_locked(struct fat *e, uint32_t cluster, uint32_t *out)
{
    uint32_t value = 0;
    enum status s = load_locked(e, cluster, &value);
    if (s != OK) {
        return s;
    }
    if (value < FIRST_END && !fat_is_cluster(e, value)) {
        return E_CORRUPT; /* free, bad, or no cluster */
    }
    *out = value >= FIRST_END ? 0 : value;
    return OK;
}

enum status fat_find_locked(struct fat *e, struct fat_node *n, uint32_t index, uint32_t *out)
{
    bool is_known = n->known_cluster != 0 && n->known_index <= index;
    uint32_t at = is_known ? n->known_index : 0;
    uint32_t cluster = is_known ? n->known_cluster : n->first;
    if (cluster == 0) {
        return E_NOENT;
    }
    if (index >= e->cluster_end) {
        return E_CORRUPT; /* a loop */
    }
    while (at < index) {
        uint32_t next;
        enum status s = fat_next_locked(e, cluster, &next);
        if (s != OK || next == 0) {
            return s != OK ? s : E_NOENT;
        }
        cluster = next;
        at++;
    }
    n->known_index = at;
    n->known_cluster = cluster;
    *out = cluster;
    return OK;
}

/* An entry of a page of the table costs a few instructions here, a call of fat_next_locked()
 * hundreds. A page that cannot be read ends the run. */
uint32_t fat_run_locked(struct fat *e, uint32_t cluster, uint32_t most)
{
    uint32_t count = 1;
    bool goes_on = true;
    while (goes_on && count < most) {
        struct cache_page *page;
        uint64_t byte = e->table + (uint64_t)cluster * entry_bytes(e);
        uint32_t inside = (uint32_t)(byte % CACHE_PAGE);
        goes_on = page_cache_get(e->cache, byte, 0, &page) == OK;
        if (!goes_on) {
            break;
        }
        while (goes_on && count < most && inside < CACHE_PAGE) {
            goes_on = load_value(e, page->bytes + inside) == cluster + 1;
            goes_on &= fat_is_cluster(e, cluster + 1);
            count += goes_on;
            cluster++;
            inside += entry_bytes(e);
        }
        page_cache_put(page);
    }
    return count;
}

/* Look through the table from *at on, to a free cluster or the end of a page of it. *at moves past
 * the entries that were read. */
static enum status search_page_locked(struct fat *e, uint32_t *at, uint32_t end, bool *is_found)
    REQUIRES(e->lock)
{
    struct cache_page *page;
    uint64_t byte = e->table + (uint64_t)*at * entry_bytes(e);
    enum status s = page_cache_get(e->cache, byte, (uint64_t)(end - *at) * entry_bytes(e), &page);
    if (s != OK) {
        return s;
    }
    uint32_t inside = (uint32_t)(byte % CACHE_PAGE);
    *is_found = false;
    while (inside < CACHE_PAGE && *at < end && !*is_found) {
        *is_found = load_value(e, page->bytes + inside) == VALUE_FREE;
        inside += entry_bytes(e);
        ++*at;
    }
    page_cache_put(page);
    return OK;
}

/* The first free cluster from `from` on and before `end`. */
static enum status search_locked(struct fat *e, uint32_t from, uint32_t end, uint32_t *out)
    REQUIRES(e->lock)
{
    while (from < end) {
        bool is_found;
        enum status s = search_page_locked(e, &from, end, &is_found);
        if (s != OK) {
            return s;
        }
        if (is_found) {
            *out = from - 1;
            return OK;
        }
    }
    return E_NOSPC;
}

enum status fat_count_free_locked(struct fat *e, uint32_t *out)
{
    uint32_t count = 0, at = FAT_FIRST_CLUSTER;
    while (at < e->cluster_end) {
        bool is_found;
        enum status s = search_page_locked(e, &at, e->cluster_end, &is_found);
        if (s != OK) {
            return s;
        }
        count += is_found;
    }
    *out = count;
    return OK;
}

enum status fat_use_of_locked(struct fat *e, uint32_t cluster, enum fat_use *out)
{
    uint32_t value = 0;
    enum status s = load_locked(e, cluster, &value);
    if (s == OK) {
        *out = value == VALUE_FREE  ? FAT_USE_FREE
               : value == VALUE_BAD ? FAT_USE_BAD
                                    : FAT_USE_CHAIN;
    }
    return s;
}

static enum status take_locked(struct fat *e, uint32_t *out) REQUIRES(e->lock)
{
    uint32_t from = fat_is_cluster(e, e->next_free) ? e->next_free : FAT_FIRST_CLUSTER;
    enum status s = search_locked(e, from, e->cluster_end, out);
    if (s == E_NOSPC) {
        s = search_locked(e, FAT_FIRST_CLUSTER, from, out);
    }
    s = s != OK ? s : store_locked(e, *out, VALUE_END);
    if (s == OK) {
        e->next_free = *out + 1;
        e->free_clusters -= e->free_clusters > 0;
    }
    return s;
}

/* The new cluster is marked as the last before a chain names it. */
enum status fat_get_locked(struct fat *e, struct fat_node *n, uint32_t index, uint32_t *out)
{
    uint32_t last = 0, found;
    enum status s = fat_find_locked(e, n, index, out);
    if (s != E_NOENT) {
        return s;
    }
    s = index == 0 ? OK : fat_find_locked(e, n, index - 1, &last);
    if (s != OK) {
        return s == E_NOENT ? E_CORRUPT : s;
    }
    s = take_locked(e, &found);
    if (s != OK) {
        return s;
    }
    if (last == 0) {
        n->first = found;
    } else {
        s = store_locked(e, last, found);
    }
    if (s == OK) {
        n->known_index = index;
        n->known_cluster = found;
        *out = found;
    }
    return s;
}

static enum status free_chain_locked(struct fat *e, uint32_t cluster) REQUIRES(e->lock)
{
    enum status s = OK;
    while (cluster != 0 && s == OK) {
        uint32_t next = 0;
        s = fat_is_cluster(e, cluster) ? fat_next_locked(e, cluster, &next) : E_CORRUPT;
        s = s != OK ? s : store_locked(e, cluster, VALUE_FREE);
        e->free_clusters += s == OK;
        s = s != OK ? s : page_cache_pause(e->cache); /* a chain may be all of the table */
        cluster = next;
    }
    return s == OK ? s : fat_fail_locked(e, s, "a chain of clusters cannot be freed");
}

enum status fat_free_from_locked(struct fat *e, struct fat_node *n, uint32_t index)
{
    uint32_t last = 0, rest = n->first;
    known_run_forget(&n->run);
    n->known_cluster = 0;
    if (index == 0) {
        n->first = 0;
        return free_chain_locked(e, rest);
    }
    enum status s = fat_find_locked(e, n, index - 1, &last);
    if (s != OK) {
        return s == E_NOENT ? OK : s; /* it is not longer */
    }
    s = fat_next_locked(e, last, &rest);
    if (s == OK && rest != 0) {
        s = store_locked(e, last, VALUE_END);
        s = s != OK ? s : free_chain_locked(e, rest);
    }
    return s;
}

enum status fat_clear_locked(struct fat *e, uint32_t cluster)
{
    uint64_t at = fat_byte_of(e, cluster), end = at + (1ull << e->cluster_shift);
    while (at < end) {
        struct cache_page *page;
        uint32_t inside = (uint32_t)(at % CACHE_PAGE);
        uint32_t n = (uint32_t)MIN((uint64_t)(CACHE_PAGE - inside), end - at);
        enum status s = n == CACHE_PAGE ? page_cache_get_new(e->cache, at, &page)
                                        : page_cache_get(e->cache, at, 0, &page);
        if (s != OK) {
            return s;
        }
        memset(page->bytes + inside, 0, n);
        page_cache_dirty(e->cache, page);
        page_cache_put(page);
        at += n;
    }
    return OK;
}

enum status fat_is_marked_locked(struct fat *e, bool *is_clean)
{
    uint32_t value = 0, both = e->is_fat32 ? CLEAN_32 | SOUND_32 : CLEAN_16 | SOUND_16;
    enum status s = load_locked(e, 1, &value);
    if (s == OK) {
        *is_clean = (value & both) == both;
    }
    return s;
}

enum status fat_mark_locked(struct fat *e, bool is_clean)
{
    uint32_t value = 0, bit = e->is_fat32 ? CLEAN_32 : CLEAN_16;
    enum status s = load_locked(e, 1, &value);
    return s != OK ? s : store_locked(e, 1, is_clean ? value | bit : value & ~bit);
}
