// SPDX-License-Identifier: MIT
//
// Arbitrary logs of ext3. A replay succeeds or fails cleanly, and so do all uses of the volume
// after it. Unmounting releases everything.
//
// An input describes a log, so that most inputs get past the first checks: the block of the journal
// at which the log starts, its sequence number, then steps. A step is part of a transaction, or
// changes bytes: of the journal's superblock, of the log, of the journal's inode, or of the
// volume's superblock and group descriptors.
#include "kernel/fs/vfs.h"

#include "ext2_image.h"
#include "fs/fs_env.h"
#include "fs/fs_visit.h"
#include "fs/journal_log.h"
#include "kernel/lib/endian.h"

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

static struct input {
    const uint8_t *at, *end;
} input;

static uint8_t next_byte(void)
{
    return input.at < input.end ? *input.at++ : 0;
}

static uint32_t next_word(void)
{
    uint32_t high = next_byte();
    return high << 8 | next_byte();
}

/* A copy of the target with some bytes of the input, so that the log of an input can be valid. */
static void fill(uint8_t *copy, uint32_t target)
{
    uint32_t blocks = (uint32_t)(env_disk.dev.sectors * BLOCK_SECTOR / LOG_BLOCK);
    memcpy(copy, log_image_block(target % blocks), LOG_BLOCK);
    for (uint8_t n = next_byte() % 8; n > 0; n--) {
        uint32_t at = next_word() % LOG_BLOCK;
        copy[at] = next_byte();
    }
}

static void log_part(void)
{
    uint32_t targets[4];
    unsigned count = 1 + next_byte() % 4;
    uint8_t *tag = log_header(LOG_DESCRIPTOR) + 12;
    for (unsigned n = 0; n < count; n++) {
        unsigned flags = next_byte() & (LOG_ESCAPED | LOG_SAME_UUID | LOG_DELETED);
        targets[n] = next_word();
        store_be32(tag, targets[n]);
        store_be32(tag + 4, flags | (n + 1 == count ? LOG_LAST : 0));
        tag += (flags & LOG_SAME_UUID) != 0 ? 8 : 24;
    }
    for (unsigned n = 0; n < count; n++) {
        fill(log_block(), targets[n]);
    }
}

static void log_revokes(void)
{
    uint32_t count = next_byte() % 8;
    uint8_t *b = log_header(LOG_REVOKE);
    store_be32(b + 12, 16 + 4 * count);
    for (uint32_t n = 0; n < count; n++) {
        store_be32(b + 16 + (size_t)4 * n, next_word());
    }
}

static void change(uint8_t *area, uint32_t bytes)
{
    uint32_t at = next_word() % bytes;
    for (uint8_t n = 1 + next_byte() % 8; n > 0 && at < bytes; n--) {
        area[at++] = next_byte();
    }
}

#define LOGGED 32u /* blocks of the journal, from its superblock on, that steps change */

/* After a step that changes the inode or the superblock nothing is logged any longer, because
 * journal_log.c trusts both. */
static void make_log(void)
{
    uint8_t *super = log_super(), *inode = log_image_inode(8), *logged[LOGGED];
    bool is_trusted = true;
    for (uint32_t n = 0; n < LOGGED; n++) {
        logged[n] = log_image_block(log_place(n));
    }
    log_start(1 + next_byte() % (LOG_LENGTH - 1), next_byte());
    for (unsigned steps = 0; input.at < input.end && steps < 60; steps++) {
        switch (next_byte() % 8) {
        case 0:
        case 1:
            is_trusted ? log_part() : (void)next_byte();
            break;
        case 2:
            is_trusted ? log_commit() : (void)next_byte();
            break;
        case 3:
            is_trusted ? log_revokes() : (void)next_byte();
            break;
        case 4:
            change(super, LOG_BLOCK);
            break;
        case 5:
            change(logged[next_byte() % LOGGED], LOG_BLOCK);
            break;
        case 6:
            is_trusted = false;
            change(inode, 128);
            break;
        default:
            is_trusted = false;
            change(log_image_block(1), 2 * LOG_BLOCK);
        }
    }
}

/* Replay the log, then use the volume. */
static void use_volume(void)
{
    struct file *f;
    size_t done;
    (void)fs_visit("/i");
    if (vfs_remount("/i", true) == OK &&
        vfs_open(NULL, "/i/new", VFS_READ | VFS_WRITE | VFS_CREATE, &f) == OK) {
        (void)file_write_at(f, 3000, "text", 4, &done);
        (void)file_sync(f);
        file_close(f);
    }
    (void)fs_visit("/i");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fs_check found;
    ext2_image_load(EXT3_IMAGE, NULL, 0);
    input = (struct input){data, data + size};
    make_log();
    size_t before = env_settled_objects();
    if (vfs_mount_block(&env_disk.dev, "/i") == OK) {
        use_volume();
        enum status s = vfs_unmount("/i");
        if (s != OK && s != E_IO) { /* E_IO: a volume that is found damaged is not written to */
            abort();
        }
    }
    (void)vfs_check_block(&env_disk.dev, &found);
    if (env_settled_objects() != before || env_disk.refs != 0) {
        abort();
    }
    return 0;
}
