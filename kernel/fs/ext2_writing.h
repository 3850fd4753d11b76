// SPDX-License-Identifier: MIT
//
// What changes disks of ext2 and ext3, and replays journals. It is an extension, ext2w.ko
// (cmake/kernel.cmake), as a boot from disks that are only read does not need it. ext2.c has it
// loaded when a disk is to become writable for the first time. It is never unloaded.
#pragma once

#include "kernel/fs/fs.h"

struct ext2;
struct ext2_node;

/** Called by what reads ext2. The rest is in the fs_write_ops that `set_mode` installs. */
struct ext2_writing {
    enum status (*sync)(struct fs *fs, struct fs_node *node);
    /** fs_ops.set_mode */
    enum status (*set_mode)(struct fs *fs, enum fs_mode mode);
    /** Free the blocks and the inode of a node without links. A failure is in the log, and noted in
     * the superblock. */
    void (*delete_locked)(struct ext2 *e, struct ext2_node *n);
    /** Free the journal of a file system that failed; it is being unmounted. */
    void (*end)(struct ext2 *e);
};

/** @brief The functions, or NULL: they were not needed yet, so no disk was writable.
 *     @context{any} */
const struct ext2_writing *ext2_writing(void);

/** @brief Install the functions. NULL: they are no longer known, for tests. @context{any} */
void ext2_set_writing(const struct ext2_writing *functions);
