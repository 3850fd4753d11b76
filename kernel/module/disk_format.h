// SPDX-License-Identifier: MIT
//
// Disks with formats that the kernel itself does not know: the names of these formats, and the
// extensions that can mount them.
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>

struct block_device;
struct fs_check;
struct vfs_type;

/** @brief Why a disk was not mounted, for the user. */
struct disk_problem {
    char text[256]; /* "": its format is not known at all */
};

/**
 * @brief As vfs_mount_block_as(), but if no file system recognises the disk and there is an
 *     extension for its format, load that from MODULE_FOLDER and try again.
 * @param why Set on E_FORMAT.
 * @context{thread, may sleep}
 */
enum status disk_mount(struct block_device *dev, const char *dir, struct vfs_type *type,
                       struct disk_problem *why);

/** @brief vfs_check_block() in the same way. */
enum status disk_check(struct block_device *dev, struct fs_check *out, struct disk_problem *why);
