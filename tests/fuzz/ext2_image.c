// SPDX-License-Identifier: MIT
//
// See the header.
#include "ext2_image.h"

#include "fs/fs_env.h"
#include "kernel/fs/vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    const char *options; /* of mke2fs */
    const char *size;
    uint8_t *bytes;
    size_t len;
} golden[] = {
    [EXT2_IMAGE] = {.options = "-t ext2", .size = "128k"},
    [EXT3_IMAGE] = {.options = "-t ext3 -J size=1", .size = "3M"},
    [EXT4_IMAGE] = {.options = "-t ext4 -O ^metadata_csum,^has_journal", .size = "128k"},
    [EXT4_IMAGE_SUMS] = {.options = "-t ext4 -O ^has_journal", .size = "128k"},
};

static void must_run(const char *command)
{
    if (system(command) != 0) {
        abort();
    }
}

/* The sparse file has more extents than an inode has room for. */
static void make_one(const char *dir, size_t kind)
{
    char command[1024];
    snprintf(command, sizeof(command),
             "cd %s/t && for i in 0 2 4 6 8; do "
             "echo $i | dd of=holes bs=4096 seek=$i conv=notrunc status=none; done",
             dir);
    if (kind == EXT4_IMAGE) {
        must_run(command);
    }
    snprintf(command, sizeof(command),
             "cd %s && PATH=$PATH:/usr/sbin:/sbin && mke2fs -q %s -b 1024 -N 32 -d t image %s "
             "2>log",
             dir, golden[kind].options, golden[kind].size);
    must_run(command);
    snprintf(command, sizeof(command), "%s/image", dir);
    env_disk_load(command);
    golden[kind].len = (size_t)env_disk.dev.sectors * BLOCK_SECTOR;
    golden[kind].bytes = malloc(golden[kind].len);
    if (golden[kind].bytes == NULL || remove(command) != 0) {
        abort();
    }
    memcpy(golden[kind].bytes, env_disk.bytes, golden[kind].len);
}

void ext2_image_make(void)
{
    env_reset();
    if (vfs_init() != OK) {
        abort();
    }
    char dir[] = "/tmp/halyard-fuzz-ext2-XXXXXX";
    char command[1024];
    if (mkdtemp(dir) == NULL) {
        abort();
    }
    snprintf(command, sizeof(command),
             "cd %s && mkdir -p t/d/e && echo hello > t/hello && ln -s hello t/fast && "
             "ln -s %s t/slow && head -c 40000 /dev/zero | tr '\\0' x > t/d/big",
             dir,
             "../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../d/../hello");
    must_run(command);
    for (size_t kind = 0; kind < sizeof(golden) / sizeof(golden[0]); kind++) {
        make_one(dir, kind);
    }
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    must_run(command);
}

void ext2_image_load(enum ext2_image kind, const uint8_t *data, size_t size)
{
    size_t at = 0, len = golden[kind].len;
    env_disk_init(golden[kind].bytes, len);
    while (size - at >= 4) {
        size_t offset = ((size_t)data[at] << 16 | (size_t)data[at + 1] << 8 | data[at + 2]) % len;
        size_t n = data[at + 3];
        at += 4;
        for (; n != 0 && at < size && offset < len; n--) {
            env_disk.bytes[offset++] = data[at++];
        }
    }
}
