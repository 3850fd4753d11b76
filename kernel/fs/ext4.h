// SPDX-License-Identifier: MIT
//
// Reading ext4, as a file system that an extension adds.
#pragma once

#include "kernel/fs/fs.h"

extern const struct fs_format ext4_format;
