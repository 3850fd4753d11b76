// SPDX-License-Identifier: MIT
//
// The bytes of a whole file in memory, for a runtime that only reads them, such as a loader. A
// large file on a disk is mapped: its pages are those of the page cache, without a copy.
#pragma once

#include "kernel/lib/status.h"

#include <stddef.h>

struct file_map;

/** The bytes do not change, whatever is written to the file meanwhile. */
struct file_view {
    const void *bytes; /* aligned to 16; a mapping is read-only, and never executable */
    size_t len;
    struct file_map *map; /* NULL: `bytes` is a heap block */
};

/**
 * @brief Open a view of a file. A file that is mapped stays open, so its file system cannot be
 *     unmounted.
 * @param path Absolute.
 * @param limit Bytes that the file may have.
 * @param out The caller closes it.
 * @return as vfs_read_file().
 * @context{thread, may sleep}
 */
enum status file_view_open(const char *path, size_t limit, struct file_view *out);

/** @brief Unmap the file, or free the copy. @context{thread, may sleep} */
void file_view_close(const struct file_view *view);
