// SPDX-License-Identifier: MIT
//
// The extension ext2w.ko: what changes disks of ext2 and ext3 (kernel/fs/ext2_writing.h). It is not
// in the image, as a boot from disks that are only read does not need it.
#include "kernel/fs/vfs.h"
#include "kernel/module/extension.h"

__attribute__((section(".note.halyard"), used, aligned(4))) //
static const struct extension_note note = {
    .name_size = sizeof(note.name), .desc_size = KERNEL_IDENTITY, .type = 4, .name = "Halyard"};

const struct extension halyard_extension = {.start = ext2_enable_writing};
