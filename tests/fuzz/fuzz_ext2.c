// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as an ext2 image: mounting, visiting everything and unmounting succeeds or fails
// cleanly, and releases everything.
//
// Images are large and mostly empty, so an input is a list of changes to one that
// mke2fs made: three bytes of offset, the number of bytes, the bytes. An input that
// starts with "raw" is an image itself.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "fs/fs_visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *golden;
static size_t golden_len;

static void make_image(void)
{
    char dir[] = "/tmp/halyard-fuzz-ext2-XXXXXX";
    char command[1024];
    if (mkdtemp(dir) == NULL) {
        abort();
    }
    snprintf(
        command, sizeof(command),
        "cd %s && PATH=$PATH:/usr/sbin:/sbin && mkdir -p t/d/e && echo hello > t/hello && "
        "ln -s hello t/fast && ln -s %s t/slow && head -c 40000 /dev/zero | tr '\\0' x > t/d/big && "
        "mke2fs -q -b 1024 -N 32 -d t image 128k 2>log",
        dir, "../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../hello");
    if (system(command) != 0) {
        abort();
    }
    snprintf(command, sizeof(command), "%s/image", dir);
    env_disk_load(command);
    golden_len = (size_t)env_disk.dev.sectors * BLOCK_SECTOR;
    golden = malloc(golden_len);
    if (golden == NULL) {
        abort();
    }
    memcpy(golden, env_disk.bytes, golden_len);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    if (system(command) != 0) {
        abort();
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    env_reset();
    if (vfs_init() != OK) {
        abort();
    }
    make_image();
    return 0;
}

static void apply_changes(const uint8_t *data, size_t size)
{
    size_t at = 0;
    env_disk_init(golden, golden_len);
    while (size - at >= 4) {
        size_t offset =
            ((size_t)data[at] << 16 | (size_t)data[at + 1] << 8 | data[at + 2]) % golden_len;
        size_t n = data[at + 3];
        at += 4;
        for (; n != 0 && at < size && offset < golden_len; n--) {
            env_disk.bytes[offset++] = data[at++];
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 3 && memcmp(data, "raw", 3) == 0) {
        env_disk_init(data + 3, size - 3);
    } else {
        apply_changes(data, size);
    }
    size_t before = env_live_objects();
    if (vfs_mount_block(&env_disk.dev, "/i") == OK) {
        (void)fs_visit("/i");
        if (vfs_unmount("/i") != OK) {
            abort();
        }
    }
    if (env_live_objects() != before || env_disk.refs != 0) {
        abort();
    }
    return 0;
}
