// SPDX-License-Identifier: MIT
//
// Operations on paths: open, stat, create, remove. file.c has open files.
#include "kernel/fs/fs_internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

enum status open_check(const struct fs_node *node, unsigned flags)
{
    bool is_directory = node->type == FILE_DIRECTORY;
    if ((flags & VFS_CREATE) != 0 && (flags & VFS_EXCLUSIVE) != 0) {
        return E_EXIST;
    }
    if ((flags & VFS_DIRECTORY) != 0 && !is_directory) {
        return E_NOTDIR;
    }
    if ((flags & (VFS_WRITE | VFS_TRUNCATE)) == 0) {
        return OK;
    }
    if (is_directory) {
        return E_ISDIR;
    }
    return fs_is_read_only(node->fs) ? E_ROFS : OK;
}

/* The new node comes with a reference; fs.users counts it too, as every reference (mount.c). */
enum status open_create(const struct fs_name *at, enum file_type type, const char *target,
                        struct fs_node **out)
{
    struct fs *fs = at->dir->fs;
    if (fs_is_read_only(fs)) {
        return E_ROFS;
    }
    enum status s = fs->write_ops->create(at, type, target, out);
    if (s == OK) {
        atomic_fetch_add_explicit(&fs->users, 1, memory_order_relaxed);
    }
    return s;
}

/* The name that a walk found missing, or at which it stopped. */
static struct fs_name last_name(const struct walk *w)
{
    return (struct fs_name){.dir = w->node, .text = w->name, .len = w->name_len};
}

static enum status create_missing(const struct walk *w, enum file_type type, struct fs_node **out)
{
    struct fs_name at = last_name(w);
    return open_create(&at, type, NULL, out);
}

enum status open_finish(struct file *f, struct file **out)
{
    struct fs_node *node = f->node;
    enum status s = node->fs->ops->open != NULL ? node->fs->ops->open(node, f->flags) : OK;
    /* Last: an open that fails must not truncate. */
    if (s == OK && (f->flags & VFS_TRUNCATE) != 0 && node->type == FILE_REGULAR) {
        s = node->fs->write_ops->set_size(node, 0);
    }
    if (s != OK) {
        file_close(f);
        return s;
    }
    *out = f;
    return OK;
}

/* The file is allocated before the name is created: a lack of memory must not leave an empty file
 * that the caller believes was never made. */
enum status open_created(const struct fs_name *at, unsigned flags, struct file **out)
{
    struct file *f = file_make(NULL, flags, 0);
    if (f == NULL) {
        return E_NOMEM;
    }
    struct fs_node *node;
    enum status s = open_create(at, FILE_REGULAR, NULL, &node);
    if (s != OK) {
        heap_free(f);
        return s;
    }
    file_set_node(f, node);
    *out = f;
    return OK;
}

static enum status open_missing(const struct walk *w, unsigned flags, struct file **out)
{
    struct fs_name at = last_name(w);
    bool is_directory = w->is_directory_wanted || (flags & VFS_DIRECTORY) != 0;
    return is_directory ? E_ISDIR : open_created(&at, flags, out);
}

/* Open a node; consumes its reference. */
static enum status open_found(struct fs_node *node, unsigned flags, const char *path,
                              struct file **out)
{
    enum status s = open_check(node, flags);
    if (s != OK) {
        fs_node_put(node);
        return s;
    }
    struct file *f = file_make(node, flags, node->type == FILE_DIRECTORY ? strlen(path) : 0);
    if (f == NULL) {
        return E_NOMEM;
    }
    memcpy(f->path, path, f->path_len);
    return open_finish(f, out);
}

/* If only the last component is missing, the walk ends with its directory and name, and a file is
 * created under that name. If the last component is a link whose target is missing, the directory
 * and name are the target's. With VFS_CREATE and VFS_EXCLUSIVE the last component is not followed:
 * any link counts as an existing name.
 *
 * The walk holds a reference to its node until walk_end(); the open file gets one of its own. */
static enum status open_once(const char *cwd, const char *path, unsigned flags, struct file **out)
{
    bool is_new_only = (flags & VFS_CREATE) != 0 && (flags & VFS_EXCLUSIVE) != 0;
    struct fs_node *node;
    struct walk *w;
    enum status s = walk_kept(path, !is_new_only, &node);
    if (s == OK) {
        return open_found(node, flags, path, out);
    }
    if (s == E_NOENT && (flags & VFS_CREATE) == 0) {
        return s;
    }
    s = walk_path(cwd, path, is_new_only ? WALK_NO_FOLLOW : WALK_FOLLOW, &w);
    if (w == NULL) {
        return s;
    }
    if (s == OK) {
        fs_node_get(w->node);
        s = open_found(w->node, flags, w->path, out);
    } else if ((flags & VFS_CREATE) != 0) {
        s = open_missing(w, flags, out);
    }
    walk_end(w);
    return s;
}

enum status vfs_open(const char *cwd, const char *path, unsigned flags, struct file **out)
{
    enum status s;
    unsigned tries = OPEN_TRIES;
    /* Another thread may create the name between the walk and our creation; then try to open it. */
    do {
        s = open_once(cwd, path, flags, out);
    } while (s == E_EXIST && (flags & VFS_EXCLUSIVE) == 0 && --tries > 0);
    return s;
}

enum status vfs_stat(const char *cwd, const char *path, bool follow, struct file_stat *out)
{
    struct fs_node *node;
    struct walk *w;
    enum status s = walk_kept(path, follow, &node);
    if (s == OK) {
        s = node_stat(node, out);
        fs_node_put(node);
        return s;
    }
    if (s == E_NOENT) {
        return s;
    }
    s = walk_path(cwd, path, follow ? WALK_FOLLOW : WALK_NO_FOLLOW, &w);
    if (w == NULL) {
        return s;
    }
    if (s == OK) {
        s = node_stat(w->node, out);
    }
    walk_end(w);
    return s;
}

/* Walk to the parent directory; E_INVAL: the path's last component is not a name. */
static enum status walk_to_parent(const char *cwd, const char *path, struct walk **out)
{
    struct walk *w;
    enum status s = walk_path(cwd, path, WALK_PARENT, &w);
    if (s == OK && w->name_len == 0) {
        s = E_INVAL;
    }
    if (s == OK && fs_is_read_only(w->node->fs)) {
        s = E_ROFS;
    }
    if (s != OK) {
        if (w != NULL) {
            walk_end(w);
        }
        return s;
    }
    *out = w;
    return OK;
}

/* True if something is mounted at the name where the walk stopped. */
static bool is_mount_point(const struct walk *w)
{
    uint64_t inode;
    return mount_inode(w->path, w->name, &inode);
}

/* E_BUSY if something is mounted there or below: it could not be reached without the name. */
static enum status check_not_mounted(struct walk *w)
{
    if (!path_append(w->path, sizeof(w->path), w->name, w->name_len)) {
        return E_NAMETOOLONG;
    }
    bool is_busy = mount_is_within(w->path);
    path_trim_last(w->path);
    return is_busy ? E_BUSY : OK;
}

enum status vfs_unlink(const char *cwd, const char *path)
{
    struct walk *w;
    enum status s = walk_to_parent(cwd, path, &w);
    if (s != OK) {
        return s;
    }
    struct fs_name at = last_name(w);
    s = check_not_mounted(w);
    if (s == OK) {
        s = w->node->fs->write_ops->remove(&at, w->is_directory_wanted ? FS_REMOVE_DIRECTORY
                                                                       : FS_REMOVE_ANY);
    }
    walk_end(w);
    return s;
}

enum status vfs_mkdir(const char *cwd, const char *path)
{
    struct walk *w;
    enum status s = walk_to_parent(cwd, path, &w);
    if (s == E_ROFS) { /* E_EXIST takes precedence */
        struct file_stat st;
        enum status found = vfs_stat(cwd, path, false, &st);
        /* a file whose name is followed by a slash */
        return found == OK || found == E_NOTDIR ? E_EXIST : s;
    }
    if (s != OK) {
        return s;
    }
    struct fs_node *node;
    s = is_mount_point(w) ? E_EXIST : create_missing(w, FILE_DIRECTORY, &node);
    if (s == OK) {
        fs_node_put(node);
    }
    walk_end(w);
    return s;
}

enum status vfs_read_link(const char *cwd, const char *path, char *buf, size_t len)
{
    struct walk *w;
    enum status s = walk_path(cwd, path, WALK_NO_FOLLOW, &w);
    if (w == NULL) {
        return s;
    }
    if (s == OK) {
        s = w->node->type == FILE_SYMLINK ? w->node->fs->ops->read_link(w->node, buf, len)
                                          : E_INVAL;
    }
    walk_end(w);
    return s;
}
