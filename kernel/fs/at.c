// SPDX-License-Identifier: MIT
//
// Operations on a name in an open directory.
#include "kernel/fs/fs_internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* These functions take one component, not a path. A caller that walks a path itself, and keeps
 * each directory open, cannot be led elsewhere by renames. Mount points are the exception: they
 * are paths, not nodes, so the path under which the directory was opened (file.path) is needed
 * to find them.
 *
 * A reference to a node counts twice: in the node (refs) and in its file system (fs.users), which
 * keeps the file system mounted. Functions of the file system (lookup, create) return a node with
 * its own count raised; the caller raises fs.users. It may do so without the mounts' lock, because
 * it holds the directory and with it a user of the same file system. */

/* Check that the text is a name that the directory could contain. */
static enum status name_in(struct file *dir, const char *text, struct fs_name *out)
{
    size_t len = strnlen(text, VFS_NAME_MAX + 1);
    if (dir->node->type != FILE_DIRECTORY) {
        return E_NOTDIR;
    }
    if (len > VFS_NAME_MAX) {
        return E_NAMETOOLONG;
    }
    if (len == 0 || strchr(text, '/') != NULL || strcmp(text, ".") == 0 ||
        strcmp(text, "..") == 0) {
        return E_INVAL;
    }
    *out = (struct fs_name){.dir = dir->node, .text = text, .len = len};
    return OK;
}

/* The same for a name that is to be changed. */
static enum status writable_name_in(struct file *dir, const char *text, struct fs_name *out)
{
    enum status s = name_in(dir, text, out);
    return s == OK && fs_is_read_only(dir->node->fs) ? E_ROFS : s;
}

/* The path of a name, in a heap block. E_NOMEM, E_NAMETOOLONG. */
static enum status path_of(const struct file *dir, const char *text, char **out)
{
    char *path = heap_alloc(VFS_PATH_MAX);
    if (path == NULL) {
        return E_NOMEM;
    }
    path[0] = '\0';
    if (!str_append(path, VFS_PATH_MAX, dir->path) || !str_append(path, VFS_PATH_MAX, "/") ||
        !str_append(path, VFS_PATH_MAX, text)) {
        heap_free(path);
        return E_NAMETOOLONG;
    }
    *out = path;
    return OK;
}

/* The node that a name refers to, with a reference; `path` is the name's path. A mount point hides
 * what the directory itself has under that name. */
static enum status find(const struct fs_name *name, const char *path, struct fs_node **out)
{
    *out = mount_enter(path, strlen(path));
    if (*out != NULL) {
        return OK;
    }
    return fs_node_lookup(name->dir, name->text, name->len, out);
}

/* The node under a name, or for "." the directory itself, with a reference. */
static enum status find_text(struct file *dir, const char *text, struct fs_node **out)
{
    struct fs_name name;
    char *path;
    if (dir->node->type == FILE_DIRECTORY && strcmp(text, ".") == 0) {
        fs_node_get(dir->node);
        *out = dir->node;
        return OK;
    }
    enum status s = name_in(dir, text, &name);
    if (s == OK) {
        s = path_of(dir, text, &path);
    }
    if (s == OK) {
        s = find(&name, path, out);
        heap_free(path);
    }
    return s;
}

/* E_BUSY if something is mounted at a name or below it. */
static enum status check_not_mounted(const struct file *dir, const char *text)
{
    char *path;
    enum status s = path_of(dir, text, &path);
    if (s == OK) {
        s = mount_is_within(path) ? E_BUSY : OK;
        heap_free(path);
    }
    return s;
}

static enum status open_node(struct fs_node *node, unsigned flags, const char *path,
                             struct file **out)
{
    enum status s = node->type == FILE_SYMLINK ? E_LOOP : open_check(node, flags);
    if (s != OK) {
        fs_node_put(node);
        return s;
    }
    return open_finish(node, flags, path, out);
}

static enum status open_name(const struct fs_name *name, unsigned flags, const char *path,
                             struct file **out)
{
    bool is_new_only = (flags & VFS_CREATE) != 0 && (flags & VFS_EXCLUSIVE) != 0;
    struct fs_node *node;
    enum status s = find(name, path, &node);
    if (s == OK && is_new_only) {
        fs_node_put(node);
        return E_EXIST;
    }
    if (s == OK) {
        return open_node(node, flags, path, out);
    }
    if (s != E_NOENT || (flags & VFS_CREATE) == 0) {
        return s;
    }
    if ((flags & VFS_DIRECTORY) != 0) {
        return E_ISDIR;
    }
    return open_created(name, flags, out);
}

enum status file_open_at(struct file *dir, const char *name, unsigned flags, struct file **out)
{
    struct fs_name at;
    char *path;
    if (dir->node->type == FILE_DIRECTORY && strcmp(name, ".") == 0) {
        fs_node_get(dir->node);
        return open_node(dir->node, flags, dir->path, out);
    }
    enum status s = name_in(dir, name, &at);
    if (s == OK) {
        s = path_of(dir, name, &path);
    }
    if (s != OK) {
        return s;
    }
    /* Another thread may create the name between the lookup and our creation;
     * then try to open it. */
    unsigned tries = OPEN_TRIES;
    do {
        s = open_name(&at, flags, path, out);
    } while (s == E_EXIST && (flags & VFS_EXCLUSIVE) == 0 && --tries > 0);
    heap_free(path);
    return s;
}

enum status file_stat_at(struct file *dir, const char *name, struct file_stat *out)
{
    struct fs_node *node;
    enum status s = find_text(dir, name, &node);
    if (s == OK) {
        s = node_stat(node, out);
        fs_node_put(node);
    }
    return s;
}

enum status file_read_link_at(struct file *dir, const char *name, char *buf, size_t len)
{
    struct fs_node *node;
    enum status s = find_text(dir, name, &node);
    if (s == OK) {
        s = node->type == FILE_SYMLINK ? node->fs->ops->read_link(node, buf, len) : E_INVAL;
        fs_node_put(node);
    }
    return s;
}

enum status file_set_times_at(struct file *dir, const char *name, const struct file_times *times)
{
    struct fs_node *node;
    enum status s = find_text(dir, name, &node);
    if (s == OK) {
        s = fs_is_read_only(node->fs) ? E_ROFS : node->fs->write_ops->set_times(node, times);
        fs_node_put(node);
    }
    return s;
}

/* Check a name that is to be created. E_EXIST takes precedence over E_ROFS, as in POSIX. */
static enum status free_name_in(struct file *dir, const char *text, struct fs_name *out)
{
    struct fs_node *node;
    enum status s = name_in(dir, text, out);
    if (s != OK) {
        return s;
    }
    if (!fs_is_read_only(dir->node->fs)) {
        s = check_not_mounted(dir, text);
        return s == E_BUSY ? E_EXIST : s;
    }
    s = find_text(dir, text, &node);
    if (s != OK) {
        return s == E_NOENT ? E_ROFS : s;
    }
    fs_node_put(node);
    return E_EXIST;
}

/* The node's reference is dropped at once; the name keeps the node. */
static enum status create_at(struct file *dir, const char *text, enum file_type type,
                             const char *target)
{
    struct fs_name name;
    struct fs_node *node;
    enum status s = free_name_in(dir, text, &name);
    if (s == OK) {
        s = open_create(&name, type, target, &node);
    }
    if (s == OK) {
        fs_node_put(node);
    }
    return s;
}

enum status file_mkdir_at(struct file *dir, const char *name)
{
    return create_at(dir, name, FILE_DIRECTORY, NULL);
}

enum status file_symlink_at(const char *target, struct file *dir, const char *name)
{
    size_t len = strnlen(target, VFS_PATH_MAX);
    if (len == 0) {
        return E_INVAL;
    }
    return len == VFS_PATH_MAX ? E_NAMETOOLONG : create_at(dir, name, FILE_SYMLINK, target);
}

enum status file_link_at(struct file *from_dir, const char *from, struct file *to_dir,
                         const char *to)
{
    struct fs_name name;
    struct fs_node *node;
    enum status s = free_name_in(to_dir, to, &name);
    if (s == OK) {
        s = find_text(from_dir, from, &node);
    }
    if (s != OK) {
        return s;
    }
    if (node->type == FILE_DIRECTORY) {
        s = E_PERM;
    } else if (node->fs != name.dir->fs) {
        s = E_XDEV;
    } else {
        s = node->fs->write_ops->link(node, &name);
    }
    fs_node_put(node);
    return s;
}

enum status file_rename_at(struct file *from_dir, const char *from, struct file *to_dir,
                           const char *to)
{
    struct fs_name source;
    struct fs_name target;
    enum status s = writable_name_in(from_dir, from, &source);
    if (s == OK) {
        s = writable_name_in(to_dir, to, &target);
    }
    if (s == OK) {
        s = check_not_mounted(from_dir, from);
    }
    if (s == OK) {
        s = check_not_mounted(to_dir, to);
    }
    if (s != OK) {
        return s;
    }
    return source.dir->fs != target.dir->fs ? E_XDEV
                                            : source.dir->fs->write_ops->rename(&source, &target);
}

static enum status remove_at(struct file *dir, const char *text, enum fs_remove what)
{
    struct fs_name name;
    enum status s = writable_name_in(dir, text, &name);
    if (s == OK) {
        s = check_not_mounted(dir, text);
    }
    return s == OK ? name.dir->fs->write_ops->remove(&name, what) : s;
}

enum status file_unlink_at(struct file *dir, const char *name)
{
    return remove_at(dir, name, FS_REMOVE_FILE);
}

enum status file_rmdir_at(struct file *dir, const char *name)
{
    return remove_at(dir, name, FS_REMOVE_DIRECTORY);
}
