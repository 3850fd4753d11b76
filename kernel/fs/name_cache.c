// SPDX-License-Identifier: MIT
//
// Names and their nodes: a table in which each name has one place.
#include "kernel/fs/name_cache.h"

#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* A new name takes the place of the one that had it before. So there is no list of what was used
 * last, and finding a name changes nothing. Longer names are not kept.
 *
 * Directories are told apart by their numbers: when one is removed, its names are forgotten, so
 * that another directory may get its number. */
#define SLOTS    256u /* a power of two: 12 KiB */
#define TEXT_MAX 27u

struct name_slot {
    struct fs_node *node; /* NULL: it is free */
    uint64_t dir;
    uint32_t hash;
    uint8_t len;
    char text[TEXT_MAX];
};

/* Held to change the list, and to visit it. A thread that needs memory may hold any other lock, so
 * it only tries to lock this one and that of each cache. No memory is allocated under it. */
static struct mutex lock = MUTEX_INIT(lock, "name caches");
static struct list caches = LIST_INIT(caches);

void name_cache_init(struct name_cache *c, struct mutex *owner, void (*drop)(struct fs_node *))
{
    *c = (struct name_cache){.lock = owner, .drop = drop};
    mutex_lock(&lock);
    list_push_back(&caches, &c->link);
    mutex_unlock(&lock);
}

/* FNV-1a. */
static uint32_t hash_of(const struct fs_node *dir, const char *name, size_t len)
{
    uint32_t hash = 2166136261u ^ (uint32_t)dir->id;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    }
    return hash ^ hash >> 16;
}

static struct name_slot *find(const struct name_cache *c, const struct fs_node *dir,
                              const char *name, size_t len)
{
    if (c->slots == NULL || len > TEXT_MAX) {
        return NULL;
    }
    uint32_t hash = hash_of(dir, name, len);
    struct name_slot *slot = &c->slots[hash & (SLOTS - 1)];
    bool is_it = slot->node != NULL && slot->hash == hash && slot->dir == dir->id &&
                 slot->len == len && memcmp(slot->text, name, len) == 0;
    return is_it ? slot : NULL;
}

/* No reference is added: the caller holds the owner's lock, and adds one before it releases that.
 * All functions on one cache need that lock, except name_cache_init() and name_cache_free(). */
struct fs_node *name_cache_find(const struct name_cache *c, const struct fs_node *dir,
                                const char *name, size_t len)
{
    const struct name_slot *slot = find(c, dir, name, len);
    return slot != NULL ? slot->node : NULL;
}

/* The slot is free before drop() is called, so if that leads back to this cache, no name has the
 * old node. */
static void empty(struct name_cache *c, struct name_slot *slot)
{
    struct fs_node *old = slot->node;
    slot->node = NULL;
    if (old != NULL) {
        c->drop(old);
    }
}

/* The new reference is added before the old name is dropped: both may be of the same node, which
 * must not be released in between. */
void name_cache_add(struct name_cache *c, const struct fs_node *dir, const char *name, size_t len,
                    struct fs_node *node)
{
    if (len > TEXT_MAX) {
        return;
    }
    if (c->slots == NULL) {
        c->slots = heap_calloc(SLOTS, sizeof(*c->slots));
    }
    if (c->slots == NULL) {
        return;
    }
    uint32_t hash = hash_of(dir, name, len);
    struct name_slot *slot = &c->slots[hash & (SLOTS - 1)];
    atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
    empty(c, slot);
    *slot = (struct name_slot){.node = node, .dir = dir->id, .hash = hash, .len = (uint8_t)len};
    memcpy(slot->text, name, len);
}

void name_cache_remove(struct name_cache *c, const struct fs_name *at)
{
    struct name_slot *slot = find(c, at->dir, at->text, at->len);
    if (slot != NULL) {
        empty(c, slot);
    }
}

void name_cache_remove_node(struct name_cache *c, const struct fs_node *node)
{
    for (uint32_t i = 0; c->slots != NULL && i < SLOTS; i++) {
        struct name_slot *slot = &c->slots[i];
        if (slot->node == node || slot->dir == node->id) {
            empty(c, slot);
        }
    }
}

void name_cache_clear(struct name_cache *c)
{
    struct name_slot *slots = c->slots;
    for (uint32_t i = 0; slots != NULL && i < SLOTS; i++) {
        empty(c, &slots[i]);
    }
    c->slots = NULL;
    heap_free(slots);
}

void name_cache_free(struct name_cache *c)
{
    mutex_lock(&lock);
    list_remove(&c->link);
    mutex_unlock(&lock);
    mutex_lock(c->lock);
    name_cache_clear(c);
    mutex_unlock(c->lock);
}

/* A cache whose lock is held is passed over: its owner may be the thread that needs memory, and
 * would wait for itself. */
void name_cache_reclaim(void)
{
    if (!mutex_try_lock(&lock)) {
        return;
    }
    LIST_FOR_EACH (&caches, n) {
        struct name_cache *c = CONTAINER_OF(n, struct name_cache, link);
        if (mutex_try_lock(c->lock)) {
            name_cache_clear(c);
            mutex_unlock(c->lock);
        }
    }
    mutex_unlock(&lock);
}
