// SPDX-License-Identifier: MIT
//
// For streams (nodes that can only be read and written):
// the other functions of the tables in fs_internal.h.
#pragma once

#include "kernel/fs/fs_internal.h"

enum status stream_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out);
enum status stream_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out);
enum status stream_read_link(struct fs_node *link, char *buf, size_t len);
void stream_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes);
void stream_unmount(struct fs *fs);
enum status stream_create(const struct fs_name *at, enum file_type type, const char *target,
                          struct fs_node **out);
enum status stream_link(struct fs_node *node, const struct fs_name *to);
enum status stream_remove(const struct fs_name *at, enum fs_remove what);
enum status stream_rename(const struct fs_name *from, const struct fs_name *to);
enum status stream_set_size(struct fs_node *file, uint64_t size);
enum status stream_allocate(struct fs_node *file, uint64_t off, uint64_t len);
enum status stream_set_times(struct fs_node *node, const struct file_times *times);

/** The entries of struct fs_ops and struct fs_write_ops that all streams share. */
#define STREAM_OPS                                                                                 \
    .lookup = stream_lookup, .read_dir = stream_read_dir, .read_link = stream_read_link,           \
    .usage = stream_usage, .unmount = stream_unmount
#define STREAM_WRITE_OPS                                                                           \
    .create = stream_create, .link = stream_link, .remove = stream_remove,                         \
    .rename = stream_rename, .set_size = stream_set_size, .allocate = stream_allocate,             \
    .set_times = stream_set_times
