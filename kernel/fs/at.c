// SPDX-License-Identifier: MIT
//
// Operations on a name in an open directory.
#include "kernel/fs/fs_internal.h"
#include "kernel/lib/string.h"

/* These functions take one component, not a path. A caller that walks a path itself, and keeps
 * each directory open, cannot be led elsewhere by renames. file_open_kept() and file_stat_kept()
 * take a path, on which no name changes meanwhile. Mount points are paths, not nodes, so the path
 * under which the directory was opened (file.path) is needed to find them.
 *
 * A reference to a node counts twice: in the node (refs) and in its file system (fs.users), which
 * keeps the file system mounted. Functions of the file system (lookup, create) return a node with
 * its own count raised; the caller raises fs.users. It may do so without the mounts' lock, because
 * it holds the directory and with it a user of the same file system. */

/* Check that the text is a name that the directory could contain. */
static enum status name_in(struct file *dir, const char *text, struct fs_name *out)
{
    size_t len = 0;
    if (dir->node->type != FILE_DIRECTORY) {
        return E_NOTDIR;
    }
    while (len <= VFS_NAME_MAX && text[len] != '\0' && text[len] != '/') {
        len++;
    }
    if (len > VFS_NAME_MAX) {
        return E_NAMETOOLONG;
    }
    bool is_dots = text[0] == '.' && (len == 1 || (len == 2 && text[1] == '.'));
    if (len == 0 || text[len] == '/' || is_dots) {
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

static size_t path_len_of(const struct file *dir, const struct fs_name *name)
{
    return dir->path_len + 1 + name->len;
}

/* Write the path of a name, which has path_len_of() bytes, and its zero byte. */
static void write_path(char *path, const struct file *dir, const struct fs_name *name)
{
    memcpy(path, dir->path, dir->path_len);
    path[dir->path_len] = '/';
    memcpy(path + dir->path_len + 1, name->text, name->len);
    path[path_len_of(dir, name)] = '\0';
}

/* The node that a name refers to, with a reference. A mount point hides what the directory itself
 * has under that name. */
static enum status find(const struct file *dir, const struct fs_name *name, struct fs_node **out)
{
    size_t len = path_len_of(dir, name);
    if (len >= VFS_PATH_MAX) {
        return E_NAMETOOLONG;
    }
    if (mount_may_be(len)) {
        char path[MOUNT_PATH_SIZE];
        write_path(path, dir, name);
        *out = mount_enter(path, len);
        if (*out != NULL) {
            return OK;
        }
    }
    return fs_node_lookup(name->dir, name->text, name->len, out);
}

static bool is_itself(const struct file *dir, const char *text)
{
    return text[0] == '.' && text[1] == '\0' && dir->node->type == FILE_DIRECTORY;
}

/* The node under a name, or for "." the directory itself, with a reference. */
static enum status find_text(struct file *dir, const char *text, struct fs_node **out)
{
    struct fs_name name;
    if (is_itself(dir, text)) {
        fs_node_get(dir->node);
        *out = dir->node;
        return OK;
    }
    enum status s = name_in(dir, text, &name);
    return s == OK ? find(dir, &name, out) : s;
}

/* E_BUSY if something is mounted at a name or below it. */
static enum status check_not_mounted(const struct file *dir, const struct fs_name *name)
{
    char path[MOUNT_PATH_SIZE];
    size_t len = path_len_of(dir, name);
    if (len >= sizeof(path)) {
        return len < VFS_PATH_MAX ? OK : E_NAMETOOLONG;
    }
    write_path(path, dir, name);
    return mount_is_within(path) ? E_BUSY : OK;
}

/* Consumes the node's reference. @param name NULL: the node is the directory itself. */
static enum status make_file(struct file *dir, const struct fs_name *name, struct fs_node *node,
                             unsigned flags, struct file **out)
{
    size_t len = name != NULL ? path_len_of(dir, name) : dir->path_len;
    enum status s = node->type == FILE_SYMLINK ? E_LOOP : open_check(node, flags);
    if (s != OK) {
        fs_node_put(node);
        return s;
    }
    struct file *f = file_make(node, flags, node->type == FILE_DIRECTORY ? len : 0);
    if (f != NULL && f->path_len != 0) {
        if (name != NULL) {
            write_path(f->path, dir, name);
        } else {
            memcpy(f->path, dir->path, len);
        }
    }
    *out = f;
    return f != NULL ? OK : E_NOMEM;
}

static enum status open_node(struct file *dir, const struct fs_name *name, struct fs_node *node,
                             unsigned flags, struct file **out)
{
    struct file *f;
    enum status s = make_file(dir, name, node, flags, &f);
    return s == OK ? open_finish(f, out) : s;
}

static enum status open_name(struct file *dir, const struct fs_name *name, unsigned flags,
                             struct file **out)
{
    bool is_new_only = (flags & VFS_CREATE) != 0 && (flags & VFS_EXCLUSIVE) != 0;
    struct fs_node *node;
    enum status s = find(dir, name, &node);
    if (s == OK && is_new_only) {
        fs_node_put(node);
        return E_EXIST;
    }
    if (s == OK) {
        return open_node(dir, name, node, flags, out);
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
    if (is_itself(dir, name)) {
        fs_node_get(dir->node);
        return open_node(dir, NULL, dir->node, flags, out);
    }
    enum status s = name_in(dir, name, &at);
    if (s != OK) {
        return s;
    }
    /* Another thread may create the name between the lookup and our creation;
     * then try to open it. */
    unsigned tries = OPEN_TRIES;
    do {
        s = open_name(dir, &at, flags, out);
    } while (s == E_EXIST && (flags & VFS_EXCLUSIVE) == 0 && --tries > 0);
    return s;
}

enum status file_open_kept(struct file *dir, const char *path, unsigned flags, bool follow,
                           struct file **out)
{
    struct fs_name name = {.dir = dir->node, .text = path, .len = strlen(path)};
    struct fs_node *node;
    enum status s = walk_kept_below(dir, path, follow, &node);
    if (s != OK) {
        return s == E_NOENT && (flags & VFS_CREATE) != 0 ? E_NOTSUP : s;
    }
    return open_node(dir, &name, node, flags, out);
}

enum status file_stat_kept(struct file *dir, const char *path, bool follow, struct file_stat *out)
{
    struct fs_node *node;
    enum status s = walk_kept_below(dir, path, follow, &node);
    if (s == OK) {
        s = node_stat(node, out);
        fs_node_put(node);
    }
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
        s = check_not_mounted(dir, out);
        return s == E_BUSY ? E_EXIST : s;
    }
    s = find(dir, out, &node);
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
        s = check_not_mounted(from_dir, &source);
    }
    if (s == OK) {
        s = check_not_mounted(to_dir, &target);
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
        s = check_not_mounted(dir, &name);
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
