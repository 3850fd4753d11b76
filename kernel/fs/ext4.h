// SPDX-License-Identifier: MIT
//
// Reading ext4, as a file system that an extension adds.
#pragma once

#include "kernel/fs/fs.h"

struct ext2_ext4;

extern const struct fs_format ext4_format;

/** @brief Install the functions that read ext4. NULL: they are no longer known, for tests.
 *     @context{any} */
void ext2_set_ext4(const struct ext2_ext4 *functions);
