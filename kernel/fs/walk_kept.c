// SPDX-License-Identifier: MIT
//
// Walks a path along names that are kept (name_cache.h), without a lock, a copy of the path, or a
// reference on the way. path.c walks every path.
#include "kernel/fs/fs_internal.h"
#include "kernel/fs/name_cache_internal.h"
#include "kernel/lib/endian.h"

/* The whole walk is one read section, so no node on it is freed, and no file system is unmounted:
 * vfs_unmount() stops such walks first. The last node gets a reference, if it has one still. The
 * count of changes shows then whether every name on the way was good until now.
 *
 * Only a path that is its own canonical path is walked here: each part of it that ends where a name
 * ends may be the path of a mount point. A symbolic link that is to be followed, "." and "..", two
 * slashes and one at the end are left to path.c, as is every name that is not kept. */

/* Most characters are above '/', so one comparison is enough for them. */
size_t name_key_make(struct name_key *key, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < NAME_WORDS; i++) {
        uint64_t word = 0;
        do {
            uint8_t c = (uint8_t)name[n];
            if (c <= '/' && (c == '\0' || c == '/')) {
                key->words[i] = word;
                return key->len = n;
            }
            word = word << 8 | c;
        } while (++n % 8 != 0);
        key->words[i] = word;
    }
    key->len = n + (name[n] != '\0' && name[n] != '/');
    return key->len;
}

/* The first acquire pairs with the release that ends a change of the slot. The fence keeps the
 * reads before the second look at the version. */
struct fs_node *name_cache_look(const struct fs_node *dir, const struct name_key *key)
{
    const struct name_cache *c = dir->fs->names;
    uint64_t serial = atomic_load_explicit(&dir->serial, memory_order_relaxed);
    struct name_table *t = c != NULL ? atomic_load_explicit(&c->table, memory_order_acquire) : NULL;
    if (t == NULL) {
        return NULL;
    }
    const struct name_slot *slot = name_slot_of(t, serial, key->words, key->len);
    uint32_t version = atomic_load_explicit(&slot->version, memory_order_acquire);
    if (atomic_load_explicit(&slot->dir, memory_order_relaxed) != serial ||
        atomic_load_explicit(&slot->len, memory_order_relaxed) != key->len) {
        return NULL;
    }
    struct fs_node *node = atomic_load_explicit(&slot->node, memory_order_relaxed);
    for (size_t i = 0; i * 8 < key->len; i++) {
        if (atomic_load_explicit(&slot->words[i], memory_order_relaxed) != key->words[i]) {
            return NULL;
        }
    }
    atomic_thread_fence(memory_order_acquire);
    bool is_stable =
        (version & 1) == 0 && atomic_load_explicit(&slot->version, memory_order_relaxed) == version;
    return is_stable ? node : NULL;
}

/* No name ("//", or a '/' at the end), ".", ".." or a long one. */
static bool is_special(const struct name_key *key)
{
    uint64_t first = key->words[0];
    return key->len > NAME_KEPT_MAX || first == 0 || first == '.' || first == ('.' << 8 | '.');
}

/* @return as name_cache_look() */
static struct fs_node *walk(const char *path, bool follow)
{
    struct fs_node *node = mount_peek_root();
    size_t at = 0;
    struct name_key key;
    while (node != NULL && path[at] == '/') {
        const char *name = path + at + 1;
        at += 1 + name_key_make(&key, name);
        if (is_special(&key) || node->type != FILE_DIRECTORY || at >= VFS_PATH_MAX) {
            return NULL;
        }
        struct fs_node *mounted = mount_may_be(at) ? mount_peek(path, at) : NULL;
        node = mounted != NULL ? mounted : name_cache_look(node, &key);
        if (node == &name_absent) {
            return node;
        }
        if (node != NULL && node->type == FILE_SYMLINK && (follow || path[at] == '/')) {
            return NULL;
        }
    }
    return node;
}

/* Add a reference to the node that was found. NULL: it has no reference left, so it is about to be
 * freed. The user of the file system is counted before the reference, because vfs_unmount() looks
 * at the users when no such walk is in progress. */
static struct fs_node *get_if_used(struct fs_node *node)
{
    if (node == NULL || node == &name_absent) {
        return node;
    }
    atomic_fetch_add_explicit(&node->fs->users, 1, memory_order_relaxed);
    if (!fs_node_revive(node)) {
        atomic_fetch_sub_explicit(&node->fs->users, 1, memory_order_release);
        return NULL;
    }
    return node;
}

enum status walk_kept(const char *path, bool follow, struct fs_node **out)
{
    if (path[0] != '/') {
        return E_NOTSUP;
    }
    /* Acquire: the walk finds nothing that is older than what this number stands for. */
    uint64_t changes = atomic_load_explicit(&name_changes, memory_order_acquire);
    rcu_read_begin();
    struct fs_node *node = mount_may_peek() ? get_if_used(walk(path, follow)) : NULL;
    rcu_read_end();
    /* The fence keeps the walk before the second look at the number. */
    atomic_thread_fence(memory_order_acquire);
    bool is_good = atomic_load_explicit(&name_changes, memory_order_relaxed) == changes;
    if (node != NULL && node != &name_absent) {
        if (is_good) {
            *out = node;
            return OK;
        }
        fs_node_put(node);
        return E_NOTSUP;
    }
    return node != NULL && is_good ? E_NOENT : E_NOTSUP;
}

struct fs_node *kept_node(struct fs_node *dir, const char *name)
{
    struct name_key key;
    struct fs_node *node = NULL;
    if (name_key_make(&key, name) > NAME_KEPT_MAX) {
        return NULL;
    }
    rcu_read_begin();
    node = get_if_used(name_cache_look(dir, &key));
    rcu_read_end();
    return node;
}
