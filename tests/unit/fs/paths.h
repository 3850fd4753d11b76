// SPDX-License-Identifier: MIT
//
// What tests of several file systems do with paths. It uses cmocka, which is included first.
#pragma once

#include "kernel/fs/vfs.h"

/** @brief Rename within one directory. */
static inline enum status rename_in(const char *dir, const char *from, const char *to)
{
    struct file *d;
    assert_int_equal(vfs_open(NULL, dir, VFS_READ | VFS_DIRECTORY, &d), OK);
    enum status s = file_rename_at(d, from, d, to);
    file_close(d);
    return s;
}

static inline uint64_t inode_of(const char *path)
{
    struct file_stat st;
    assert_int_equal(vfs_stat(NULL, path, false, &st), OK);
    return st.inode;
}
