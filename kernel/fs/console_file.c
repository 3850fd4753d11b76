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
    *out = (struct file_stat){.inode = node->id, .type = FILE_DEVICE, .mode = 0666};
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

static enum status console_create(struct fs_node *dir, const char *name, size_t len,
                                  enum file_type type, struct fs_node **out)
{
    (void)dir, (void)name, (void)len, (void)type, (void)out;
    return E_NOTDIR;
}

static enum status console_unlink(struct fs_node *dir, const char *name, size_t len)
{
    (void)dir, (void)name, (void)len;
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

static enum status console_truncate(struct fs_node *file)
{
    (void)file;
    return OK; /* as for every device: there is nothing to cut */
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
    .unlink = console_unlink,
    .write = console_node_write,
    .truncate = console_truncate,
};

static struct fs fs;
static struct fs_node root = {.fs = &fs, .id = 1, .type = FILE_DEVICE, .refs = 1};
static struct fs fs = {.type = "console", .ops = &ops, .write_ops = &write_ops, .root = &root};

struct fs *console_fs(void)
{
    return &fs;
}
