// SPDX-License-Identifier: MIT
//
// Open files: a node, the flags of opening, and a position.
#include "kernel/fs/fs_internal.h"
#include "kernel/fs/known_run.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/mutex.h"

/* The position changes under the file's mutex, so two threads that read the same open file get
 * different bytes. Reads of devices do not hold it: they have no position, and may wait for any
 * length of time while another thread writes. */
void file_set_node(struct file *f, struct fs_node *node)
{
    f->node = node;
    if ((f->flags & VFS_WRITE) != 0) {
        atomic_fetch_add_explicit(&node->fs->writers, 1, memory_order_relaxed);
    }
}

struct file *file_make(struct fs_node *node, unsigned flags, size_t path_len)
{
    struct file *f = heap_zalloc(sizeof(*f) + path_len + 1);
    if (f == NULL) {
        if (node != NULL) {
            fs_node_put(node);
        }
        return NULL;
    }
    atomic_init(&f->refs, 1);
    f->flags = flags;
    if (node != NULL) {
        file_set_node(f, node);
    }
    atomic_init(&f->is_appending, (flags & VFS_APPEND) != 0);
    mutex_init(&f->lock, "file");
    f->path_len = path_len;
    return f;
}

struct file *file_ref(struct file *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void file_close(struct file *f)
{
    /* The last one must see the effects of the other holders. */
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1) {
        if ((f->flags & VFS_WRITE) != 0) {
            atomic_fetch_sub_explicit(&f->node->fs->writers, 1, memory_order_relaxed);
        }
        fs_node_put(f->node);
        heap_free(f);
    }
}

struct file *file_console(bool is_input)
{
    struct fs_node *node = console_node(is_input);
    fs_node_get(node);
    return file_make(node, VFS_READ | VFS_WRITE, 0);
}

static ALWAYS_INLINE enum status check_readable(const struct file *f)
{
    if (f->node->type == FILE_DIRECTORY) {
        return E_ISDIR;
    }
    return (f->flags & VFS_READ) == 0 ? E_PERM : OK;
}

/* Read on after *done bytes. Not inlined, so that its callers save few registers. */
static NOINLINE enum status read_rest(struct fs_node *node, uint64_t off, uint8_t *buf, size_t len,
                                      size_t *done)
{
    size_t some = 0;
    enum status s = node->fs->ops->read(node, off, buf, len, &some);
    *done += some;
    return *done != 0 ? OK : s; /* the next call reports an error */
}

/* Most reads are of cached bytes. */
static ALWAYS_INLINE enum status read_node(struct fs_node *node, uint64_t off, void *buf,
                                           size_t len, size_t *done)
{
    if (node->run == NULL) {
        return node->fs->ops->read(node, off, buf, len, done);
    }
    size_t some = known_run_read(node->run, off, buf, len);
    *done = some;
    if (LIKELY(some == len && len != 0)) {
        return OK;
    }
    return read_rest(node, off + some, (uint8_t *)buf + some, len - some, done);
}

enum status file_read_at(struct file *f, uint64_t off, void *buf, size_t len, size_t *done)
{
    enum status s = check_readable(f);
    return s != OK ? s : read_node(f->node, off, buf, len, done);
}

enum status file_read(struct file *f, void *buf, size_t len, size_t *done)
{
    enum status s = check_readable(f);
    if (s != OK) {
        return s;
    }
    if (f->node->type == FILE_DEVICE) {
        /* A device has no position, and a read may wait for any time: other threads must be able to
         * write meanwhile. */
        return f->node->fs->ops->read(f->node, 0, buf, len, done);
    }
    mutex_lock(&f->lock);
    size_t n;
    s = read_node(f->node, f->position, buf, len, &n);
    if (s == OK) {
        f->position += n;
        *done = n;
    }
    mutex_unlock(&f->lock);
    return s;
}

/* The first reason counts: the later ones follow from it. */
static enum status note_failure(struct file *f, enum status s)
{
    int none = OK;
    if (s != OK) {
        (void)atomic_compare_exchange_strong_explicit(&f->write_error, &none, (int)s,
                                                      memory_order_relaxed, memory_order_relaxed);
    }
    return s;
}

enum status file_write_error(const struct file *f)
{
    return (enum status)atomic_load_explicit(&f->write_error, memory_order_relaxed);
}

static enum status check_writable(const struct file *f)
{
    if (f->node->type == FILE_DIRECTORY) {
        return E_ISDIR;
    }
    return (f->flags & VFS_WRITE) == 0 ? E_PERM : OK;
}

/* An appending write leaves it to the file system to find the end, under its own lock: two open
 * files that append never overwrite each other. *off returns where the bytes went. */
enum status file_write(struct file *f, const void *buf, size_t len, size_t *done)
{
    enum status s = check_writable(f);
    if (s != OK) {
        return s;
    }
    mutex_lock(&f->lock);
    bool is_appending = atomic_load_explicit(&f->is_appending, memory_order_relaxed);
    uint64_t off = is_appending ? FS_APPEND : f->position;
    s = f->node->fs->write_ops->write(f->node, &off, buf, len, done);
    if (s == OK) {
        f->position = off;
    }
    mutex_unlock(&f->lock);
    return note_failure(f, s);
}

/* The file's mutex is not needed, because the position is not used; the file system
 * orders writes that overlap. */
enum status file_write_at(struct file *f, uint64_t off, const void *buf, size_t len, size_t *done)
{
    enum status s = check_writable(f);
    if (s != OK) {
        return s;
    }
    return off > INT64_MAX
               ? E_OVERFLOW
               : note_failure(f, f->node->fs->write_ops->write(f->node, &off, buf, len, done));
}

void file_set_append(struct file *f, bool on)
{
    atomic_store_explicit(&f->is_appending, on, memory_order_relaxed);
}

/* Sizes are limited to valid positions. */
enum status file_set_size(struct file *f, uint64_t size)
{
    enum status s = check_writable(f);
    if (s != OK) {
        return s;
    }
    return size > INT64_MAX ? E_OVERFLOW : f->node->fs->write_ops->set_size(f->node, size);
}

/* The sum is checked here, so file systems can compute the end of the range without a check. */
enum status file_allocate(struct file *f, uint64_t off, uint64_t len)
{
    uint64_t end;
    enum status s = check_writable(f);
    if (s != OK) {
        return s;
    }
    if (ADD_OVERFLOWS(off, len, &end) || end > INT64_MAX) {
        return E_OVERFLOW;
    }
    return f->node->fs->write_ops->allocate(f->node, off, len);
}

/* Needs no right of the open file: as on POSIX systems, times belong to the node. A read-only file
 * system has no write_ops. */
enum status file_set_times(struct file *f, const struct file_times *times)
{
    struct fs *fs = f->node->fs;
    return fs_is_read_only(fs) ? E_ROFS : fs->write_ops->set_times(f->node, times);
}

enum status file_sync(struct file *f)
{
    struct fs *fs = f->node->fs;
    return fs->ops->sync != NULL ? fs->ops->sync(fs, f->node) : OK;
}

/* Files and directories never make a reader wait; only streams can. */
enum status file_wait_readable(struct file *f, uint64_t deadline_ns)
{
    const struct fs_stream_ops *ops = f->node->fs->stream_ops;
    return f->node->type == FILE_DEVICE && ops != NULL ? ops->wait_readable(f->node, deadline_ns)
                                                       : OK;
}

enum status file_wait_writable(struct file *f, uint64_t deadline_ns, size_t *room)
{
    const struct fs_stream_ops *ops = f->node->fs->stream_ops;
    if (f->node->type == FILE_DEVICE && ops != NULL) {
        return ops->wait_writable(f->node, deadline_ns, room);
    }
    *room = SIZE_MAX;
    return OK;
}

struct wait_queue *file_changes(struct file *f)
{
    const struct fs_stream_ops *ops = f->node->fs->stream_ops;
    bool can_change = f->node->type == FILE_DEVICE && ops != NULL && ops->changes != NULL;
    return can_change ? ops->changes(f->node) : NULL;
}

bool file_is_hung_up(struct file *f)
{
    const struct fs_stream_ops *ops = f->node->fs->stream_ops;
    return f->node->type == FILE_DEVICE && ops != NULL && ops->is_hung_up(f->node);
}

/* The position to which `whence` refers. */
static enum status seek_base(struct file *f, int whence, uint64_t *out) REQUIRES(f->lock)
{
    struct file_stat st;
    enum status s = OK;
    if (whence == 0) {
        *out = 0;
    } else if (whence == 1) {
        *out = f->position;
    } else if (whence == 2) {
        s = node_stat(f->node, &st);
        if (s == OK) {
            *out = st.size;
        }
    } else {
        s = E_INVAL;
    }
    return s;
}

static enum status seek_locked(struct file *f, int64_t off, int whence, uint64_t *out)
    REQUIRES(f->lock)
{
    uint64_t base;
    enum status s = seek_base(f, whence, &base);
    if (s != OK) {
        return s;
    }
    /* Positions are limited to INT64_MAX, so that each can be expressed as an offset. */
    int64_t position;
    if (base > INT64_MAX || ADD_OVERFLOWS((int64_t)base, off, &position) || position < 0) {
        return E_INVAL;
    }
    if (f->node->type == FILE_DIRECTORY) {
        if (position != 0) {
            return E_INVAL; /* entries have no stable positions */
        }
    }
    f->position = (uint64_t)position;
    *out = f->position;
    return OK;
}

enum status file_seek(struct file *f, int64_t off, int whence, uint64_t *out)
{
    if (f->node->type == FILE_DEVICE) {
        return E_INVAL;
    }
    mutex_lock(&f->lock);
    enum status s = seek_locked(f, off, whence, out);
    mutex_unlock(&f->lock);
    return s;
}

enum status node_stat(struct fs_node *node, struct file_stat *out)
{
    enum status s = node->fs->ops->stat(node, out);
    if (s == OK) {
        out->device = node->fs->device;
    }
    return s;
}

enum status file_stat(struct file *f, struct file_stat *out)
{
    return node_stat(f->node, out);
}

/* Cookies from here on number the mount points below a directory, which are listed after the file
 * system's own entries. */
#define MOUNT_COOKIES ((uint64_t)1 << 63)

/* The next mount point below the directory for which the file system has no entry of its own. */
static enum status next_mount_point(struct file *f, uint64_t *cookie, struct dir_entry *out)
{
    char name[VFS_NAME_MAX + 1];
    uint32_t i = (uint32_t)*cookie;
    for (; mount_child(f->path, i, name); i++) {
        struct fs_node *own;
        if (fs_node_lookup(f->node, name, strlen(name), &own) == OK) {
            fs_node_put(own);
            continue; /* it was listed as an entry */
        }
        *out = (struct dir_entry){.type = FILE_DIRECTORY};
        (void)str_copy(out->name, sizeof(out->name), name);
        (void)mount_inode(f->path, name, &out->inode);
        *cookie = MOUNT_COOKIES + i + 1;
        return OK;
    }
    return E_NOENT;
}

/* First the file system's own entries, with its cookies, without "." and ".."; then the mount
 * points below this directory that have no entry of their own. A cookie from MOUNT_COOKIES on is in
 * the second part. */
enum status file_read_dir_at(struct file *f, uint64_t *cookie, struct dir_entry *out)
{
    if (f->node->type != FILE_DIRECTORY) {
        return E_NOTDIR;
    }
    uint64_t at = *cookie;
    enum status s = OK;
    while (at < MOUNT_COOKIES) {
        s = f->node->fs->ops->read_dir(f->node, &at, out);
        if (s == E_NOENT) {
            at = MOUNT_COOKIES;
        } else if (s != OK) {
            return s;
        } else if (strcmp(out->name, ".") != 0 && strcmp(out->name, "..") != 0) {
            *cookie = at;
            /* stat, too, reports the node that is mounted there */
            if (out->type == FILE_DIRECTORY) {
                (void)mount_inode(f->path, out->name, &out->inode);
            }
            return OK;
        }
    }
    s = next_mount_point(f, &at, out);
    if (s == OK) {
        *cookie = at;
    }
    return s;
}

enum status file_read_dir(struct file *f, struct dir_entry *out)
{
    mutex_lock(&f->lock);
    enum status s = file_read_dir_at(f, &f->position, out);
    mutex_unlock(&f->lock);
    return s;
}
