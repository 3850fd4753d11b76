// SPDX-License-Identifier: MIT
//
// Names of ext2: creating, linking, removing and renaming them. ext2_entry.c changes the entries.
#include "kernel/fs/ext2_internal.h"

#include "kernel/lib/string.h"

/* Each operation runs under e->lock from its checks to its last change, so no other thread sees
 * half of it. It allocates first: after the first entry has changed, only the device can fail, and
 * then the file system becomes read-only.
 *
 * A file is deleted when its last name is removed and its last reference dropped. Until then its
 * inode has no links but is allocated. With a journal it is in the list of orphans, otherwise
 * e2fsck repairs that after a crash. */

/* The deepest directory that can be moved. The limit ends a walk up directories in a circle. */
#define DEPTH_MAX 4096u

/* Check that names may be added to a directory. */
static enum status check_writable_locked(struct ext2 *e, struct fs_node *dir) REQUIRES(e->lock)
{
    if (!e->disk.is_writable) {
        return E_ROFS;
    }
    return ext2_node_of(dir)->links == 0 ? E_NOENT : OK;
}

/* E_EXIST: the name is there. */
static enum status check_free_locked(struct ext2 *e, const struct fs_name *at) REQUIRES(e->lock)
{
    struct ext2_entry entry;
    enum status s = check_writable_locked(e, at->dir);
    if (s != OK || name_cache_is_absent(at)) {
        return s; /* the walk that came here has looked for the name */
    }
    s = ext2_find_entry_locked(e, ext2_node_of(at->dir), at->text, at->len, &entry);
    return s == OK ? E_EXIST : s == E_NOENT ? OK : s;
}

/* ---- Creating ---- */

static uint32_t mode_of(enum file_type type)
{
    return type == FILE_DIRECTORY ? 0040755 : type == FILE_SYMLINK ? 0120777 : 0100644;
}

static enum status write_target_locked(struct ext2 *e, struct ext2_node *n, const char *target)
    REQUIRES(e->lock)
{
    size_t len = strlen(target);
    if (len >= VFS_PATH_MAX) {
        return E_NAMETOOLONG;
    }
    n->is_fast_link = len < EXT2_FAST_LINK_MAX;
    if (n->is_fast_link) {
        memcpy(n->pointers, target, len);
    } else {
        struct cache_page *page;
        uint8_t *at;
        enum status s = ext2_get_block_locked(e, n, 0, true, &page, &at);
        if (s != OK) {
            return s;
        }
        memcpy(at, target, len);
        ext2_changed_locked(e, page, at, false);
        page_cache_put(page);
    }
    n->size = len;
    return OK;
}

/* Fill a new node and give it its name. */
static enum status complete_locked(struct ext2 *e, const struct fs_name *at, struct ext2_node *n,
                                   const char *target) REQUIRES(e->lock)
{
    struct ext2_node *dir = ext2_node_of(at->dir);
    enum file_type type = n->node.type;
    enum status s = OK;
    if (type == FILE_DIRECTORY) {
        s = ext2_init_directory_locked(e, n, (uint32_t)dir->node.id);
    } else if (type == FILE_SYMLINK) {
        s = write_target_locked(e, n, target);
    }
    if (s == OK) {
        n->links = type == FILE_DIRECTORY ? 2 : 1;
        s = ext2_store_node_locked(e, n);
    }
    if (s == OK) {
        dir->links += type == FILE_DIRECTORY;
        s = ext2_add_entry_locked(e, at, (uint32_t)n->node.id, type);
        dir->links -= s != OK && type == FILE_DIRECTORY;
    }
    return s;
}

static enum status create_locked(struct ext2 *e, const struct fs_name *at, enum file_type type,
                                 const char *target, struct fs_node **out) REQUIRES(e->lock)
{
    uint32_t inode;
    struct ext2_node *n;
    const struct ext2_node *dir = ext2_node_of(at->dir);
    enum status s = check_free_locked(e, at);
    if (s == OK && type == FILE_DIRECTORY && dir->links >= EXT2_LINKS_MAX) {
        s = E_OVERFLOW;
    }
    if (s == OK) {
        s = ext2_alloc_inode_locked(e, (uint32_t)dir->node.id, type == FILE_DIRECTORY, &inode);
    }
    if (s != OK) {
        return s;
    }
    s = ext2_make_node_locked(e, inode, mode_of(type), &n);
    if (s != OK) {
        enum status freed = ext2_free_inode_locked(e, inode, type == FILE_DIRECTORY);
        return freed == OK ? s : ext2_fail_locked(e, s, "an inode cannot be freed");
    }
    name_cache_remove(&e->names, at);
    s = complete_locked(e, at, n, target);
    if (s != OK) {
        n->links = 0;
        ext2_put_node_locked(e, n); /* frees its blocks and the inode */
        return s;
    }
    name_cache_add(&e->names, at->dir, at->text, &n->node); /* often opened soon */
    *out = &n->node;
    return OK;
}

enum status ext2_create(const struct fs_name *at, enum file_type type, const char *target,
                        struct fs_node **out)
{
    struct ext2 *e = ext2_of(at->dir);
    mutex_lock(&e->lock);
    enum status s = ext2_begin_locked(e);
    s = s != OK ? s : create_locked(e, at, type, target, out);
    mutex_unlock(&e->lock);
    return s;
}

/* ---- Linking ---- */

static enum status link_locked(struct ext2 *e, struct ext2_node *n, const struct fs_name *to)
    REQUIRES(e->lock)
{
    enum status s = check_free_locked(e, to);
    if (s == OK && n->links == 0) {
        s = E_NOENT;
    }
    if (s == OK && n->links >= EXT2_LINKS_MAX) {
        s = E_OVERFLOW;
    }
    name_cache_remove(&e->names, to);
    s = s != OK ? s : ext2_add_entry_locked(e, to, (uint32_t)n->node.id, n->node.type);
    if (s == OK) {
        n->links++;
        n->changed_ns = ext2_change_time_locked(e);
        s = ext2_store_node_locked(e, n);
    }
    return s;
}

enum status ext2_link(struct fs_node *node, const struct fs_name *to)
{
    struct ext2 *e = ext2_of(node);
    mutex_lock(&e->lock);
    enum status s = ext2_begin_locked(e);
    s = s != OK ? s : link_locked(e, ext2_node_of(node), to);
    mutex_unlock(&e->lock);
    return s;
}

/* ---- Removing ---- */

/* E_NOTEMPTY: the directory has an entry other than "." and "..". */
static enum status check_empty_locked(struct ext2 *e, const struct ext2_node *dir) REQUIRES(e->lock)
{
    struct ext2_walk w;
    struct ext2_entry entry;
    enum status s;
    ext2_walk_start(&w, e, dir);
    do {
        s = ext2_walk_next(&w, &entry);
    } while (s == OK && (entry.inode == 0 ||
                         (entry.name[0] == '.' &&
                          (entry.name_len == 1 || (entry.name_len == 2 && entry.name[1] == '.')))));
    ext2_walk_end(&w);
    return s == E_NOENT ? OK : s == OK ? E_NOTEMPTY : s;
}

static enum status check_remove_locked(struct ext2 *e, const struct ext2_node *n,
                                       enum fs_remove what) REQUIRES(e->lock)
{
    bool is_directory = n->node.type == FILE_DIRECTORY;
    if (is_directory && what == FS_REMOVE_FILE) {
        return E_ISDIR;
    }
    if (!is_directory && what == FS_REMOVE_DIRECTORY) {
        return E_NOTDIR;
    }
    if (n->node.id == EXT2_ROOT_INODE) {
        return E_CORRUPT; /* the root has no name */
    }
    return is_directory ? check_empty_locked(e, n) : OK;
}

/* One name less. A directory has one name, and its entry "..", which counts for its parent. */
static enum status drop_link_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock)
{
    n->links = n->node.type == FILE_DIRECTORY ? 0 : n->links - 1;
    n->changed_ns = ext2_change_time_locked(e);
    if (n->links == 0) {
        name_cache_remove_node(&e->names, &n->node); /* a damaged image may have more names of it */
    }
    enum status s = n->links == 0 ? ext2_add_orphan_locked(e, n) : OK;
    return s != OK ? s : ext2_store_node_locked(e, n);
}

/* The count may have been wrong on the disk: it does not become less than that of an empty
 * directory. */
static enum status drop_child_locked(struct ext2 *e, struct ext2_node *dir) REQUIRES(e->lock)
{
    dir->links -= dir->links > 2;
    return ext2_store_node_locked(e, dir);
}

static enum status remove_node_locked(struct ext2 *e, struct ext2_node *dir,
                                      const struct ext2_entry *entry, struct ext2_node *n,
                                      enum fs_remove what) REQUIRES(e->lock)
{
    enum status s = check_remove_locked(e, n, what);
    s = s != OK ? s : ext2_remove_entry_locked(e, dir, entry);
    if (s == OK && n->node.type == FILE_DIRECTORY) {
        s = drop_child_locked(e, dir);
    }
    return s != OK ? s : drop_link_locked(e, n);
}

/* Find a name and its node, with a reference. */
static enum status find_locked(struct ext2 *e, const struct fs_name *at, struct ext2_entry *entry,
                               struct ext2_node **out) REQUIRES(e->lock)
{
    enum status s = ext2_find_entry_locked(e, ext2_node_of(at->dir), at->text, at->len, entry);
    return s != OK ? s : ext2_get_node_locked(e, entry->inode, out);
}

static enum status remove_locked(struct ext2 *e, const struct fs_name *at, enum fs_remove what)
    REQUIRES(e->lock)
{
    struct ext2_entry entry;
    struct ext2_node *n;
    enum status s = check_writable_locked(e, at->dir);
    s = s != OK ? s : find_locked(e, at, &entry, &n);
    if (s == OK) {
        name_cache_remove(&e->names, at);
        s = remove_node_locked(e, ext2_node_of(at->dir), &entry, n, what);
        ext2_put_node_locked(e, n);
    }
    return s;
}

enum status ext2_remove(const struct fs_name *at, enum fs_remove what)
{
    struct ext2 *e = ext2_of(at->dir);
    mutex_lock(&e->lock);
    enum status s = ext2_begin_locked(e);
    s = s != OK ? s : remove_locked(e, at, what);
    mutex_unlock(&e->lock);
    return s;
}

/* ---- Renaming ---- */

/* E_INVAL if `inode` is `dir` or a directory above it. */
static enum status check_not_above_locked(struct ext2 *e, struct fs_node *dir, uint64_t inode)
    REQUIRES(e->lock)
{
    struct ext2_node *at = ext2_node_of(dir);
    atomic_fetch_add_explicit(&dir->refs, 1, memory_order_relaxed);
    enum status s = OK;
    for (uint32_t depth = 0; s == OK && at->node.id != EXT2_ROOT_INODE; depth++) {
        struct ext2_entry up;
        struct ext2_node *parent;
        s = at->node.id == inode ? E_INVAL : depth == DEPTH_MAX ? E_LOOP : OK;
        s = s != OK ? s : ext2_find_entry_locked(e, at, "..", 2, &up);
        s = s == E_NOENT ? E_CORRUPT : s;
        s = s != OK ? s : ext2_get_node_locked(e, up.inode, &parent);
        if (s == OK && parent->node.type != FILE_DIRECTORY) {
            ext2_put_node_locked(e, parent);
            s = E_CORRUPT;
        }
        if (s == OK) {
            ext2_put_node_locked(e, at);
            at = parent;
        }
    }
    ext2_put_node_locked(e, at);
    return s;
}

/* A rename in progress: the nodes have references. */
struct rename {
    const struct fs_name *from, *to;
    struct ext2_node *moved;
    struct ext2_node *replaced; /* NULL: the new name is free */
    struct ext2_entry target;   /* the entry of `replaced` */
};

static enum status check_rename_locked(struct ext2 *e, const struct rename *r) REQUIRES(e->lock)
{
    bool is_directory = r->moved->node.type == FILE_DIRECTORY;
    bool is_new_child = is_directory && r->from->dir != r->to->dir && r->replaced == NULL;
    enum status s = OK;
    if (is_directory) {
        s = r->moved->node.id == EXT2_ROOT_INODE
                ? E_CORRUPT
                : check_not_above_locked(e, r->to->dir, r->moved->node.id);
    }
    if (s == OK && r->replaced != NULL) {
        s = check_remove_locked(e, r->replaced,
                                is_directory ? FS_REMOVE_DIRECTORY : FS_REMOVE_FILE);
    }
    if (s == OK && is_new_child && ext2_node_of(r->to->dir)->links >= EXT2_LINKS_MAX) {
        s = E_OVERFLOW;
    }
    return s;
}

/* Let ".." of a moved directory name its new parent, and count the parents' children. */
static enum status change_parent_locked(struct ext2 *e, const struct rename *r) REQUIRES(e->lock)
{
    struct ext2_node *from = ext2_node_of(r->from->dir);
    struct ext2_node *to = ext2_node_of(r->to->dir);
    struct ext2_entry up;
    enum status s = OK;
    if (from != to) {
        s = ext2_find_entry_locked(e, r->moved, "..", 2, &up);
        s = s == E_NOENT ? E_CORRUPT : s;
        s = s != OK
                ? s
                : ext2_set_entry_locked(e, r->moved, &up, (uint32_t)to->node.id, FILE_DIRECTORY);
    }
    if (s == OK && (from != to || r->replaced != NULL)) {
        s = drop_child_locked(e, from);
    }
    if (s == OK && from != to && r->replaced == NULL) {
        to->links++;
        s = ext2_store_node_locked(e, to);
    }
    return s;
}

/* The new name comes first, so that a crash between the two leaves both names and not none. */
static enum status move_locked(struct ext2 *e, const struct rename *r) REQUIRES(e->lock)
{
    struct ext2_entry entry;
    uint32_t inode = (uint32_t)r->moved->node.id;
    enum file_type type = r->moved->node.type;
    enum status s = r->replaced == NULL ? ext2_add_entry_locked(e, r->to, inode, type)
                                        : ext2_set_entry_locked(e, ext2_node_of(r->to->dir),
                                                                &r->target, inode, type);
    if (s != OK) {
        return s;
    }
    struct ext2_node *from = ext2_node_of(r->from->dir);
    s = ext2_find_entry_locked(e, from, r->from->text, r->from->len, &entry);
    s = s != OK ? s : ext2_remove_entry_locked(e, from, &entry);
    if (s == OK && type == FILE_DIRECTORY) {
        s = change_parent_locked(e, r);
    }
    if (s == OK && r->replaced != NULL) {
        s = drop_link_locked(e, r->replaced);
    }
    if (s == OK) {
        r->moved->changed_ns = ext2_change_time_locked(e);
        s = ext2_store_node_locked(e, r->moved);
    }
    return s == OK ? s : ext2_fail_locked(e, s, "a rename cannot be completed");
}

static enum status rename_found_locked(struct ext2 *e, struct rename *r) REQUIRES(e->lock)
{
    enum status s = find_locked(e, r->to, &r->target, &r->replaced);
    if (s == E_NOENT) {
        r->replaced = NULL;
        s = OK;
    }
    if (s != OK) {
        return s;
    }
    if (r->replaced != r->moved) { /* two names of one file: POSIX keeps both */
        s = check_rename_locked(e, r);
        s = s != OK ? s : move_locked(e, r);
    }
    if (r->replaced != NULL) {
        ext2_put_node_locked(e, r->replaced);
    }
    return s;
}

static enum status rename_locked(struct ext2 *e, const struct fs_name *from,
                                 const struct fs_name *to) REQUIRES(e->lock)
{
    struct ext2_entry entry;
    struct rename r = {.from = from, .to = to};
    enum status s = check_writable_locked(e, from->dir);
    s = s != OK ? s : check_writable_locked(e, to->dir);
    s = s != OK ? s : find_locked(e, from, &entry, &r.moved);
    if (s == OK) {
        name_cache_remove(&e->names, from);
        name_cache_remove(&e->names, to);
        s = rename_found_locked(e, &r);
        ext2_put_node_locked(e, r.moved);
    }
    return s;
}

enum status ext2_rename(const struct fs_name *from, const struct fs_name *to)
{
    struct ext2 *e = ext2_of(from->dir);
    mutex_lock(&e->lock);
    enum status s = ext2_begin_locked(e);
    s = s != OK ? s : rename_locked(e, from, to);
    mutex_unlock(&e->lock);
    return s;
}
