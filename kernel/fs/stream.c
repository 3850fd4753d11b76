// SPDX-License-Identifier: MIT
//
// The functions that all streams (nodes that can only be read and written) share: a stream is not a
// directory, is in no mount table, and has no size and no times.
#include "kernel/fs/stream_internal.h"

enum status stream_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out)
{
    (void)dir, (void)name, (void)len, (void)out;
    return E_NOTDIR;
}

enum status stream_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out)
{
    (void)dir, (void)cookie, (void)out;
    return E_NOTDIR;
}

/* The error of a call on a node of the wrong kind: not a link here, not a file
 * with a size below. */
enum status stream_read_link(struct fs_node *link, char *buf, size_t len)
{
    (void)link, (void)buf, (void)len;
    return E_INVAL;
}

/* Sizes of 0, as of a file system that has no blocks. */
void stream_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes)
{
    (void)fs;
    *total_bytes = 0;
    *free_bytes = 0;
}

void stream_unmount(struct fs *fs)
{
    (void)fs; /* in no mount table */
}

enum status stream_create(const struct fs_name *at, enum file_type type, const char *target,
                          struct fs_node **out)
{
    (void)at, (void)type, (void)target, (void)out;
    return E_NOTDIR;
}

enum status stream_link(struct fs_node *node, const struct fs_name *to)
{
    (void)node, (void)to;
    return E_NOTDIR;
}

enum status stream_remove(const struct fs_name *at, enum fs_remove what)
{
    (void)at, (void)what;
    return E_NOTDIR;
}

enum status stream_rename(const struct fs_name *from, const struct fs_name *to)
{
    (void)from, (void)to;
    return E_NOTDIR;
}

enum status stream_set_size(struct fs_node *file, uint64_t size)
{
    (void)file, (void)size;
    return E_INVAL;
}

enum status stream_allocate(struct fs_node *file, uint64_t off, uint64_t len)
{
    (void)file, (void)off, (void)len;
    return E_INVAL;
}

enum status stream_set_times(struct fs_node *node, const struct file_times *times)
{
    (void)node, (void)times;
    return OK; /* it has none */
}
