// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as an ext2 or ext4 image: mounting, visiting everything and unmounting succeeds
// or fails cleanly, and releases everything.
//
// Images are large and mostly empty, so an input is a list of changes to one that mke2fs made:
// three bytes of offset, the number of bytes, the bytes. An input that starts with "raw" is an
// image itself. One that starts with "ex4" changes an ext4 image, and with "sum" one with
// checksums.
#include "kernel/fs/vfs.h"

#include "ext2_image.h"
#include "fs/fs_env.h"
#include "fs/fs_visit.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    ext2_image_make();
    return 0;
}

static bool starts_with(const uint8_t *data, size_t size, const char *text)
{
    return size >= 3 && memcmp(data, text, 3) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (starts_with(data, size, "raw")) {
        env_disk_init(data + 3, size - 3);
    } else if (starts_with(data, size, "ex4")) {
        ext2_image_load(EXT4_IMAGE, data + 3, size - 3);
    } else if (starts_with(data, size, "sum")) {
        ext2_image_load(EXT4_IMAGE_SUMS, data + 3, size - 3);
    } else {
        ext2_image_load(EXT2_IMAGE, data, size);
    }
    static struct fs_check found;
    size_t before = env_settled_objects();
    (void)vfs_check_block(&env_disk.dev, &found);
    if (vfs_mount_block(&env_disk.dev, "/i") == OK) {
        (void)fs_visit("/i");
        if (vfs_unmount("/i") != OK) {
            abort();
        }
    }
    if (env_settled_objects() != before || env_disk.refs != 0) {
        abort();
    }
    return 0;
}
