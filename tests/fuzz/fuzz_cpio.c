// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as an archive: mounting, visiting everything and unmounting succeeds or fails
// cleanly, and releases everything.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "fs/fs_visit.h"

#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    env_reset();
    if (vfs_init() != OK) {
        abort();
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t before = env_settled_objects();
    if (vfs_mount_memory(data, size, "/i") == OK) {
        (void)fs_visit("/i");
        if (vfs_unmount("/i") != OK) {
            abort();
        }
    }
    if (env_settled_objects() != before) {
        abort();
    }
    return 0;
}
