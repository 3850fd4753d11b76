// SPDX-License-Identifier: MIT
//
// See the header.
#include "ext2_image.h"

#include "fs/fs_env.h"
#include "kernel/fs/vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *golden;
static size_t golden_len;

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

void ext2_image_load(const uint8_t *data, size_t size)
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
