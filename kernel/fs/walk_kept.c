// SPDX-License-Identifier: MIT
//
// Walks a path along names that are kept (name_cache.h), without a lock, a copy of the path, or a
// reference on the way. path.c walks every path.
#include "kernel/fs/fs_internal.h"
#include "kernel/fs/name_cache_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

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

/* The root that is mounted at the first `len` bytes of dir->path, "/" and `rest` together. */
static struct fs_node *mount_peek_below(const struct file *dir, const char *rest, size_t len)
{
    char path[MOUNT_PATH_SIZE];
    memcpy(path, dir->path, dir->path_len);
    path[dir->path_len] = '/';
    memcpy(path + dir->path_len + 1, rest, len - dir->path_len - 1);
    return mount_peek(path, len);
}

/* @param dir Where the path starts; NULL: at the root, and it begins with '/'. @return as
 * name_cache_look() */
static struct fs_node *walk(const struct file *dir, const char *path, bool follow)
{
    struct fs_node *node = dir != NULL ? dir->node : mount_peek_root();
    const char *name = dir != NULL ? path : path + 1;
    size_t len = dir != NULL ? dir->path_len : 0; /* of the canonical path */
    struct name_key key;
    while (node != NULL) {
        size_t bytes = name_key_make(&key, name);
        len += 1 + bytes;
        if (is_special(&key) || node->type != FILE_DIRECTORY || len >= VFS_PATH_MAX) {
            return NULL;
        }
        struct fs_node *mounted = !mount_may_be(len) ? NULL
                                  : dir != NULL      ? mount_peek_below(dir, path, len)
                                                     : mount_peek(path, len);
        node = mounted != NULL ? mounted : name_cache_look(node, &key);
        bool is_last = name[bytes] == '\0';
        if (is_last || node == &name_absent) {
            bool is_followed = follow && node != NULL && node->type == FILE_SYMLINK;
            return is_followed ? NULL : node;
        }
        name += bytes + 1;
    }
    return NULL;
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

enum status walk_kept_below(const struct file *dir, const char *path, bool follow,
                            struct fs_node **out)
{
    /* Acquire: the walk finds nothing that is older than what this number stands for. */
    uint64_t changes = atomic_load_explicit(&name_changes, memory_order_acquire);
    rcu_read_begin();
    struct fs_node *node = mount_may_peek() ? get_if_used(walk(dir, path, follow)) : NULL;
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

enum status walk_kept(const char *path, bool follow, struct fs_node **out)
{
    return path[0] == '/' ? walk_kept_below(NULL, path, follow, out) : E_NOTSUP;
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
