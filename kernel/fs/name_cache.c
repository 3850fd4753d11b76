// SPDX-License-Identifier: MIT
//
// Names and their nodes: a table in which each name has one place.
#include "kernel/fs/name_cache_internal.h"

#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"
#include "kernel/sched/rcu.h"

/* A new name replaces the one in its slot. So there is no list in order of use, and finding a name
 * changes nothing. When an eighth of a table's slots have been replaced, the table doubles. So
 * names that are in use at the same time get slots of their own, as long as memory allows.
 *
 * Threads read a slot while another one, with the owner's lock, may change it: each slot has a
 * sequence lock. Nodes and tables that a reader may still see are freed after a grace period.
 *
 * Each directory has a number that no later one gets (fs_node.serial), even if it gets the same
 * inode. So no search finds the names of a directory that was removed.
 *
 * The names of one node are a list, so that no removal searches the table for them. They may be of
 * several directories, or of one that was released and loaded again: it gets a new number, and its
 * old names stay until their nodes are removed or other names replace them. */
#define SLOTS_LOG_MIN 6u  /* 4 KiB */
#define SLOTS_LOG_MAX 31u /* links have 32 bits */
/* At most one slot for each page of memory. A name that is kept, with its slot and its node, has
 * less than 500 bytes, so all of them less than an eighth of the memory. They are freed when it is
 * needed. */
static size_t count_slots_max(void)
{
    struct page_stats pages;
    page_get_stats(&pages);
    return MIN(MAX(pages.total_pages, UINT64_C(1) << SLOTS_LOG_MIN), UINT64_C(1) << SLOTS_LOG_MAX);
}

struct fs_node name_absent;
_Atomic uint64_t name_changes;       /* acquire and release: name_cache.h */
static _Atomic uint64_t last_serial; /* relaxed: a number */

/* Held to change the list, and to visit it. A thread that needs memory may hold any other lock, so
 * it only tries to lock this one and that of each cache. No memory is allocated under it. */
static struct mutex lock = MUTEX_INIT(lock, "name caches");
static struct list caches = LIST_INIT(caches);

void name_cache_init(struct name_cache *c, struct mutex *owner, void (*drop)(struct fs_node *))
{
    *c = (struct name_cache){.lock = owner, .drop = drop, .slots_max = count_slots_max()};
    mutex_lock(&lock);
    list_push_back(&caches, &c->link);
    mutex_unlock(&lock);
    memory_reclaim_caches(name_cache_reclaim);
}

/* ---- Changing: with the owner's lock ---- */

static struct name_table *table_of(const struct name_cache *c)
{
    return atomic_load_explicit(&c->table, memory_order_relaxed);
}

static struct fs_node *node_in(const struct name_slot *slot)
{
    return atomic_load_explicit(&slot->node, memory_order_relaxed);
}

/* The fence pairs with the one in name_cache_look(): a reader that sees a new field sees also that
 * the version is odd, or a later one. */
static void fill_slot(struct name_slot *slot, uint64_t dir, const uint64_t words[NAME_WORDS],
                      size_t len, struct fs_node *node)
{
    uint32_t version = atomic_load_explicit(&slot->version, memory_order_relaxed);
    atomic_store_explicit(&slot->version, version + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&slot->len, (uint32_t)len, memory_order_relaxed);
    atomic_store_explicit(&slot->dir, dir, memory_order_relaxed);
    atomic_store_explicit(&slot->node, node, memory_order_relaxed);
    for (size_t i = 0; i < NAME_WORDS; i++) {
        atomic_store_explicit(&slot->words[i], words[i], memory_order_relaxed);
    }
    atomic_store_explicit(&slot->version, version + 2, memory_order_release);
}

static size_t slots_of(const struct name_table *t)
{
    return t != NULL ? (size_t)1 << (64 - t->shift) : 0;
}

static struct name_links *links_of(struct name_table *t)
{
    return (struct name_links *)&t->slots[slots_of(t)];
}

static bool has_list(const struct fs_node *node)
{
    return node != NULL && node != &name_absent;
}

/* Add a slot to the list of its node. */
static void list_name(struct name_table *t, const struct name_slot *slot, struct fs_node *node)
{
    if (has_list(node)) {
        struct name_links *links = links_of(t);
        uint32_t n = (uint32_t)(slot - t->slots) + 1;
        links[node->first_name].previous = n;
        links[n] = (struct name_links){.next = node->first_name};
        node->first_name = n;
    }
}

static void unlist_name(struct name_table *t, const struct name_slot *slot)
{
    struct fs_node *node = node_in(slot);
    if (has_list(node)) {
        struct name_links *links = links_of(t), *mine = &links[slot - t->slots + 1];
        links[mine->next].previous = mine->previous;
        *(mine->previous != 0 ? &links[mine->previous].next : &node->first_name) = mine->next;
    }
}

/* The slot is free before drop() is called, so if that leads back to this cache, no name has the
 * old node. */
static void drop(struct name_cache *c, struct fs_node *old)
{
    if (has_list(old)) {
        c->drop(old);
    }
}

static void empty(struct name_cache *c, struct name_slot *slot)
{
    static const uint64_t none[NAME_WORDS];
    struct fs_node *old = node_in(slot);
    if (old != NULL) {
        unlist_name(table_of(c), slot);
        fill_slot(slot, 0, none, 0, NULL);
        drop(c, old);
    }
}

static void free_table(struct rcu_call *call)
{
    heap_free(CONTAINER_OF(call, struct name_table, call));
}

/* Publish a table, or none, and free the old one when no thread reads it. */
static void set_table(struct name_cache *c, struct name_table *t)
{
    struct name_table *old = table_of(c);
    atomic_store_explicit(&c->table, t, memory_order_release);
    c->replaced = 0;
    if (old != NULL) {
        old->call.run = free_table;
        rcu_call_later(&old->call);
    }
}

/* No thread reads the new table yet. */
static void copy_slot(struct name_table *to, const struct name_slot *from)
{
    uint64_t words[NAME_WORDS];
    uint32_t len = atomic_load_explicit(&from->len, memory_order_relaxed);
    uint64_t dir = atomic_load_explicit(&from->dir, memory_order_relaxed);
    for (size_t i = 0; i < NAME_WORDS; i++) {
        words[i] = atomic_load_explicit(&from->words[i], memory_order_relaxed);
    }
    struct name_slot *slot = name_slot_of(to, dir, words, len);
    fill_slot(slot, dir, words, len, node_in(from));
    list_name(to, slot, node_in(from));
}

/* Names of one slot get one of two in a table of twice the size, so none is lost. */
static void copy_names(struct name_table *to, struct name_table *from)
{
    size_t count = slots_of(from);
    for (size_t i = 0; i < count; i++) {
        if (has_list(node_in(&from->slots[i]))) {
            node_in(&from->slots[i])->first_name = 0;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (node_in(&from->slots[i]) != NULL) {
            copy_slot(to, &from->slots[i]);
        }
    }
}

/* The table for another name; NULL: there is no memory. */
static struct name_table *table_for_more(struct name_cache *c)
{
    struct name_table *t = table_of(c);
    size_t count = slots_of(t);
    if (t != NULL && (c->replaced < count / 8 || 2 * count > c->slots_max)) {
        return t;
    }
    uint32_t shift = t != NULL ? t->shift - 1 : 64 - SLOTS_LOG_MIN;
    size_t slots = (size_t)1 << (64 - shift);
    struct name_table *larger = heap_zalloc(sizeof(*larger) + slots * sizeof(larger->slots[0]) +
                                            (1 + slots) * sizeof(struct name_links));
    if (larger == NULL) {
        return t;
    }
    larger->shift = shift;
    copy_names(larger, t);
    set_table(c, larger);
    return larger;
}

static uint64_t serial_of(struct fs_node *dir)
{
    uint64_t serial = atomic_load_explicit(&dir->serial, memory_order_relaxed);
    if (serial == 0) {
        serial = atomic_fetch_add_explicit(&last_serial, 1, memory_order_relaxed) + 1;
        atomic_store_explicit(&dir->serial, serial, memory_order_relaxed);
    }
    return serial;
}

/* The new reference is added before the old name is dropped: both may be of the same node, which
 * must not be released in between. */
void name_cache_add(struct name_cache *c, struct fs_node *dir, const char *name,
                    struct fs_node *node)
{
    struct name_key key = {.len = 0}; /* name_key_make() sets only the words that it needs */
    struct name_table *t = name_key_make(&key, name) <= NAME_KEPT_MAX ? table_for_more(c) : NULL;
    if (t == NULL) {
        return;
    }
    uint64_t serial = serial_of(dir);
    struct name_slot *slot = name_slot_of(t, serial, key.words, key.len);
    struct fs_node *old = node_in(slot);
    c->replaced += old != NULL;
    if (node != &name_absent) {
        atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
        node->was_kept = true;
    }
    unlist_name(t, slot);
    list_name(t, slot, node);
    fill_slot(slot, serial, key.words, key.len, node);
    drop(c, old);
}

bool name_cache_is_absent(const struct fs_name *at)
{
    struct name_key key;
    return name_key_make(&key, at->text) <= NAME_KEPT_MAX &&
           name_cache_look(at->dir, &key) == &name_absent;
}

void name_cache_remove(struct name_cache *c, const struct fs_name *at)
{
    struct name_table *t = table_of(c);
    struct name_key key;
    name_changes_begin();
    if (t != NULL && name_key_make(&key, at->text) <= NAME_KEPT_MAX &&
        name_cache_look(at->dir, &key) != NULL) {
        empty(c, name_slot_of(t, serial_of(at->dir), key.words, key.len));
    }
}

void name_cache_remove_node(struct name_cache *c, const struct fs_node *node)
{
    struct name_table *t = table_of(c);
    name_changes_begin();
    while (node->first_name != 0) {
        empty(c, &t->slots[node->first_name - 1]);
    }
}

void name_cache_clear(struct name_cache *c)
{
    struct name_table *t = table_of(c);
    name_changes_begin();
    for (size_t i = 0; i < slots_of(t); i++) {
        empty(c, &t->slots[i]);
    }
    set_table(c, NULL);
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
    rcu_hurry();
}
