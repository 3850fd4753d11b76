// SPDX-License-Identifier: MIT
//
// Functions of fs_ops and fs_write_ops for directories. There are no links: a file has one name.
#include "drivers/fat/fat.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

#define DEPTH_MAX 1024 /* of a directory: a path has fewer names */

static enum status find_locked(struct fat *e, const struct fs_name *at, struct fat_entry *entry,
                               struct fat_node **out) REQUIRES(e->lock)
{
    enum status s = fat_find_entry_locked(e, fat_node_of(at->dir), at->text, at->len, entry);
    return s != OK ? s : fat_get_node_locked(e, entry->raw, entry->at, out);
}

/* A file has many spellings, in upper and lower case, and often a short name. So a spelling is kept
 * with its node, and all of them are forgotten when that is removed or renamed; none is kept as
 * absent, because a file that is created may get it. */
enum status fat_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out)
{
    struct fat *e = fat_of(dir);
    struct fs_name at = {.dir = dir, .text = name, .len = len};
    struct fat_entry entry;
    struct fat_node *n;
    mutex_lock(&e->lock);
    enum status s = find_locked(e, &at, &entry, &n);
    if (s == OK) {
        name_cache_add(&e->names, dir, name, &n->node);
        *out = &n->node;
    }
    mutex_unlock(&e->lock);
    return s;
}

enum status fat_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out)
{
    struct fat *e = fat_of(dir);
    struct fat_entry entry;
    uint32_t off = (uint32_t)MIN(*cookie, (uint64_t)FAT_DIR_MAX) / FAT_ENTRY * FAT_ENTRY;
    mutex_lock(&e->lock);
    enum status s = fat_next_entry_locked(e, fat_node_of(dir), &off, &entry);
    mutex_unlock(&e->lock);
    if (s == OK) {
        bool is_directory = (entry.raw[FAT_ATTRIBUTES] & FAT_DIRECTORY) != 0;
        *cookie = off;
        out->inode = entry.at / FAT_ENTRY;
        out->type = is_directory ? FILE_DIRECTORY : FILE_REGULAR;
        (void)str_copy(out->name, sizeof(out->name), entry.name);
    }
    return s;
}

static enum status check_writable_locked(struct fat *e, struct fs_node *dir) REQUIRES(e->lock)
{
    return fat_node_of(dir)->is_removed ? E_NOENT : fat_begin_locked(e);
}

static enum status touch_locked(struct fat *e, struct fat_node *n) REQUIRES(e->lock)
{
    n->modified_ns = fat_now_ns();
    return fat_store_node_locked(e, n);
}

/* What ".." of a directory in this one names. */
static uint32_t parent_cluster(const struct fat_node *dir)
{
    return dir->at == 0 ? 0 : dir->first;
}

/* ---- Creating ---- */

/* The cluster of a new directory, with "." and "..". */
static enum status make_directory_locked(struct fat *e, struct fat_node *parent,
                                         struct fat_node *out) REQUIRES(e->lock)
{
    uint32_t cluster;
    enum status s = fat_get_locked(e, out, 0, &cluster);
    s = s != OK ? s : fat_clear_locked(e, cluster);
    return s != OK ? s : fat_init_directory_locked(e, out, parent_cluster(parent));
}

static enum status create_locked(struct fat *e, const struct fs_name *at, bool is_directory,
                                 struct fat_node **out) REQUIRES(e->lock)
{
    struct fat_node *dir = fat_node_of(at->dir);
    struct fat_node made = {.modified_ns = fat_now_ns()};
    struct fat_entry entry;
    uint8_t raw[FAT_ENTRY] = {0};
    uint64_t byte = 0;
    enum status s = check_writable_locked(e, at->dir);
    s = s != OK ? s : fat_find_entry_locked(e, dir, at->text, at->len, &entry);
    if (s != E_NOENT) {
        return s == OK ? E_EXIST : s;
    }
    s = is_directory ? make_directory_locked(e, dir, &made) : OK;
    raw[FAT_ATTRIBUTES] = is_directory ? FAT_DIRECTORY : FAT_ARCHIVE;
    fat_set_cluster(e, raw, made.first);
    fat_store_time(made.modified_ns, raw + FAT_CREATED + 2, raw + FAT_CREATED);
    fat_store_time(made.modified_ns, raw + FAT_MODIFIED + 2, raw + FAT_MODIFIED);
    fat_store_time(made.modified_ns, raw + FAT_ACCESSED, NULL);
    s = s != OK ? s : fat_add_entry_locked(e, at, raw, &byte);
    if (s != OK) {
        enum status freed = made.first != 0 ? fat_free_from_locked(e, &made, 0) : OK;
        return freed == OK ? s : freed;
    }
    s = touch_locked(e, dir);
    return s != OK ? s : fat_get_node_locked(e, raw, byte, out);
}

enum status fat_create(const struct fs_name *at, enum file_type type, const char *target,
                       struct fs_node **out)
{
    struct fat *e = fat_of(at->dir);
    struct fat_node *n;
    (void)target;
    if (type != FILE_REGULAR && type != FILE_DIRECTORY) {
        return E_NOTSUP;
    }
    mutex_lock(&e->lock);
    enum status s = create_locked(e, at, type == FILE_DIRECTORY, &n);
    if (s == OK) {
        *out = &n->node;
    }
    mutex_unlock(&e->lock);
    return s;
}

enum status fat_link(struct fs_node *node, const struct fs_name *to)
{
    (void)node, (void)to;
    return E_NOTSUP;
}

/* ---- Removing ---- */

static enum status check_remove_locked(struct fat *e, struct fat_node *n, enum fs_remove what)
    REQUIRES(e->lock)
{
    bool is_directory = n->node.type == FILE_DIRECTORY;
    if (is_directory ? what == FS_REMOVE_FILE : what == FS_REMOVE_DIRECTORY) {
        return is_directory ? E_ISDIR : E_NOTDIR;
    }
    struct fat_entry entry;
    uint32_t off = 0;
    enum status s = is_directory ? fat_next_entry_locked(e, n, &off, &entry) : E_NOENT;
    return s == OK ? E_NOTEMPTY : s == E_NOENT ? OK : s;
}

static enum status remove_locked(struct fat *e, const struct fs_name *at, enum fs_remove what)
    REQUIRES(e->lock)
{
    struct fat_entry entry;
    struct fat_node *n;
    enum status s = check_writable_locked(e, at->dir);
    s = s != OK ? s : find_locked(e, at, &entry, &n);
    if (s != OK) {
        return s;
    }
    name_cache_remove_node(&e->names, &n->node);
    s = check_remove_locked(e, n, what);
    s = s != OK ? s : fat_remove_entry_locked(e, fat_node_of(at->dir), &entry);
    if (s == OK) {
        fat_move_node_locked(e, n, 0);
        s = touch_locked(e, fat_node_of(at->dir));
    }
    fat_put_node_locked(e, n);
    return s;
}

enum status fat_remove(const struct fs_name *at, enum fs_remove what)
{
    struct fat *e = fat_of(at->dir);
    mutex_lock(&e->lock);
    enum status s = remove_locked(e, at, what);
    mutex_unlock(&e->lock);
    return s;
}

/* ---- Renaming ---- */

/* A rename in progress: the nodes have references. */
struct rename {
    const struct fs_name *from, *to;
    struct fat_entry entry, target;
    struct fat_node *moved;
    struct fat_node *replaced; /* NULL: the new name is free, or the file's own */
};

/* E_INVAL if a directory is `dir` or above it. */
static enum status check_not_above_locked(struct fat *e, const struct fat_node *moved,
                                          const struct fat_node *dir) REQUIRES(e->lock)
{
    uint32_t cluster = parent_cluster(dir);
    for (uint32_t depth = 0; cluster != 0; depth++) {
        if (cluster == moved->first) {
            return E_INVAL;
        }
        enum status s = depth == DEPTH_MAX ? E_LOOP : fat_get_parent_locked(e, cluster, &cluster);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

/* fsck.fat frees clusters that no name leads to. So after a power cut a moved file would be lost
 * if its old name were gone from the device, and the new one not there yet. */
static enum status settle_new_name_locked(struct fat *e, uint64_t from, uint64_t to)
    REQUIRES(e->lock)
{
    bool is_one_write = from / BLOCK_SECTOR == to / BLOCK_SECTOR;
    return is_one_write ? OK : page_cache_sync(e->cache);
}

/* A name that is in use keeps its entry, which leads to the other file from now on: with a second
 * entry of the same name, one of the files could not be found after a power cut. */
static enum status set_new_name_locked(struct fat *e, struct rename *r, uint64_t *at)
    REQUIRES(e->lock)
{
    if (r->replaced == NULL) {
        return fat_add_entry_locked(e, r->to, r->entry.raw, at);
    }
    enum status s = fat_replace_entry_locked(e, &r->target, r->entry.raw);
    if (s == OK) {
        *at = r->target.at;
        name_cache_remove_node(&e->names, &r->replaced->node);
        fat_move_node_locked(e, r->replaced, 0);
    }
    return s;
}

/* The new name comes first, so that a failure leaves the old one. */
static enum status move_locked(struct fat *e, struct rename *r) REQUIRES(e->lock)
{
    struct fat_node *from = fat_node_of(r->from->dir), *to = fat_node_of(r->to->dir);
    uint64_t at = 0;
    enum status s = set_new_name_locked(e, r, &at);
    if (s != OK) {
        return s;
    }
    s = settle_new_name_locked(e, r->entry.at, at);
    name_cache_remove_node(&e->names, &r->moved->node);
    s = s != OK ? s : fat_remove_entry_locked(e, from, &r->entry);
    fat_move_node_locked(e, r->moved, at);
    if (s == OK && r->moved->node.type == FILE_DIRECTORY && from != to) {
        s = fat_set_parent_locked(e, r->moved, parent_cluster(to));
    }
    s = s != OK ? s : fat_store_node_locked(e, r->moved);
    s = s != OK ? s : touch_locked(e, from);
    s = s != OK ? s : touch_locked(e, to);
    return s == OK ? s : fat_fail_locked(e, s, "a rename cannot be completed");
}

static enum status rename_found_locked(struct fat *e, struct rename *r) REQUIRES(e->lock)
{
    bool is_directory = r->moved->node.type == FILE_DIRECTORY;
    enum status s = find_locked(e, r->to, &r->target, &r->replaced);
    if (s == OK && r->replaced == r->moved) { /* only upper and lower case may change */
        fat_put_node_locked(e, r->replaced);
        r->replaced = NULL;
    } else if (s == OK) {
        s = check_remove_locked(e, r->replaced,
                                is_directory ? FS_REMOVE_DIRECTORY : FS_REMOVE_FILE);
    } else {
        r->replaced = NULL;
        s = s == E_NOENT ? OK : s;
    }
    if (s == OK && is_directory) {
        s = check_not_above_locked(e, r->moved, fat_node_of(r->to->dir));
    }
    s = s != OK ? s : move_locked(e, r);
    if (r->replaced != NULL) {
        fat_put_node_locked(e, r->replaced);
    }
    return s;
}

static enum status rename_locked(struct fat *e, struct rename *r) REQUIRES(e->lock)
{
    enum status s = check_writable_locked(e, r->from->dir);
    s = s != OK ? s : check_writable_locked(e, r->to->dir);
    s = s != OK ? s : find_locked(e, r->from, &r->entry, &r->moved);
    if (s != OK) {
        return s;
    }
    bool is_same = r->from->dir == r->to->dir && strlen(r->entry.name) == r->to->len &&
                   memcmp(r->entry.name, r->to->text, r->to->len) == 0;
    s = is_same ? OK : rename_found_locked(e, r);
    fat_put_node_locked(e, r->moved);
    return s;
}

enum status fat_rename(const struct fs_name *from, const struct fs_name *to)
{
    struct fat *e = fat_of(from->dir);
    struct rename r = {.from = from, .to = to};
    mutex_lock(&e->lock);
    enum status s = rename_locked(e, &r);
    mutex_unlock(&e->lock);
    return s;
}
