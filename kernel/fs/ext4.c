// SPDX-License-Identifier: MIT
//
// What ext2.c needs to read ext4, and the format that makes it known. In tools.ko, not in the image
// (cmake/kernel.cmake).
#include "kernel/fs/ext4.h"

#include "kernel/fs/ext2_internal.h"

static const struct ext2_ext4 functions = {
    .find_extent_locked = ext2_find_extent_locked,
    .start_checksums = ext2_start_checksums,
    .check_group = ext2_check_group,
    .check_inode = ext2_check_inode,
    .check_directory_locked = ext2_check_directory_locked,
};

void ext2_enable_ext4(void)
{
    ext2_set_ext4(&functions);
}

/* Called for a disk that the kernel did not recognise: because it is ext4, or not ext2 at all. */
static enum status make(struct block_device *dev, struct fs **out)
{
    ext2_enable_ext4();
    return ext2_make(dev, out);
}

const struct fs_format ext4_format = {.name = "ext4", .make = make};
