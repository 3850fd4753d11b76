// SPDX-License-Identifier: MIT
//
// The terminal of who reads and writes, as a file system of one node, so that an open file need not
// know what it is open on.
#include "kernel/fs/fs_internal.h"
#include "kernel/io/console.h"
#include "kernel/sched/thread.h"

static enum status console_lookup(struct fs_node *dir, const char *name, size_t len,
                                  struct fs_node **out)
{
    (void)dir, (void)name, (void)len, (void)out;
    return E_NOTDIR;
}

static enum status console_node_read(struct fs_node *node, uint64_t off, void *buf, size_t len,
                                     size_t *done)
{
    (void)node, (void)off;
    if (len == 0) {
        *done = 0;
        return OK;
    }
    int n = console_read(buf, len, WAIT_FOREVER);
    if (n < 0) {
        return (enum status)n;
    }
    *done = (size_t)n;
    return OK;
}

static enum status console_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out)
{
    (void)dir, (void)cookie, (void)out;
    return E_NOTDIR;
}

static enum status console_read_link(struct fs_node *link, char *buf, size_t len)
{
    (void)link, (void)buf, (void)len;
    return E_INVAL;
}

static enum status console_stat(struct fs_node *node, struct file_stat *out)
{
    *out = (struct file_stat){.inode = node->id, .links = 1, .type = FILE_DEVICE, .mode = 0666};
    return OK;
}

static void console_release(struct fs_node *node)
{
    (void)node; /* static */
}

static void console_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes)
{
    (void)fs;
    *total_bytes = 0;
    *free_bytes = 0;
}

static void console_unmount(struct fs *fs)
{
    (void)fs; /* in no mount table */
}

static enum status console_wait_readable(struct fs_node *node, uint64_t deadline_ns)
{
    (void)node;
    return console_wait_input(deadline_ns);
}

static enum status console_create(const struct fs_name *at, enum file_type type, const char *target,
                                  struct fs_node **out)
{
    (void)at, (void)type, (void)target, (void)out;
    return E_NOTDIR;
}

static enum status console_link(struct fs_node *node, const struct fs_name *to)
{
    (void)node, (void)to;
    return E_NOTDIR;
}

static enum status console_remove(const struct fs_name *at, enum fs_remove what)
{
    (void)at, (void)what;
    return E_NOTDIR;
}

static enum status console_rename(const struct fs_name *from, const struct fs_name *to)
{
    (void)from, (void)to;
    return E_NOTDIR;
}

static enum status console_node_write(struct fs_node *file, uint64_t *off, const void *buf,
                                      size_t len, size_t *done)
{
    (void)file;
    enum status s = console_write_cancellable(buf, len);
    if (s == OK) {
        *off = 0;
        *done = len;
    }
    return s;
}

static enum status console_set_size(struct fs_node *file, uint64_t size)
{
    (void)file, (void)size;
    return E_INVAL;
}

static enum status console_allocate(struct fs_node *file, uint64_t off, uint64_t len)
{
    (void)file, (void)off, (void)len;
    return E_INVAL;
}

static enum status console_set_times(struct fs_node *node, const struct file_times *times)
{
    (void)node, (void)times;
    return OK; /* it has none to set */
}

static const struct fs_ops ops = {
    .lookup = console_lookup,
    .read = console_node_read,
    .read_dir = console_read_dir,
    .read_link = console_read_link,
    .stat = console_stat,
    .release = console_release,
    .usage = console_usage,
    .unmount = console_unmount,
};

static const struct fs_write_ops write_ops = {
    .create = console_create,
    .link = console_link,
    .remove = console_remove,
    .rename = console_rename,
    .write = console_node_write,
    .set_size = console_set_size,
    .allocate = console_allocate,
    .set_times = console_set_times,
};

static const struct fs_stream_ops stream_ops = {.wait_readable = console_wait_readable};

static struct fs fs;
static struct fs_node root = {.fs = &fs, .id = 1, .type = FILE_DEVICE, .refs = 1};
static struct fs fs = {.type = "console",
                       .ops = &ops,
                       .write_ops = &write_ops,
                       .stream_ops = &stream_ops,
                       .root = &root};

struct fs *console_fs(void)
{
    return &fs;
}
