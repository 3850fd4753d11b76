// SPDX-License-Identifier: MIT
//
// Checksums of ext4's metadata (the feature metadata_csum). They are only checked: an image that
// has them is not written.
#include "kernel/fs/ext2_internal.h"

#include "kernel/base/log.h"
#include "kernel/lib/crc32c.h"
#include "kernel/lib/endian.h"

/* All are CRC-32C. They start with the image's seed, which is made from its UUID, and with the
 * number of the group, or of the inode and its generation. So a block that was written to a wrong
 * place is recognised.
 *
 * The blocks of directories and extents are checked when they come into the cache, and the page
 * notes that. */
enum {
    S_UUID = 104,
    UUID_SIZE = 16,
    S_CHECKSUM_TYPE = 373,
    TYPE_CRC32C = 1,
    S_CHECKSUM_SEED = 624,
    S_CHECKSUM = 1020,
    INCOMPAT_SEED = 0x2000,
    G_CHECKSUM = 30,
    INODE_BASE = 128,
    I_GENERATION = 100,
    I_CHECKSUM = 124,
    I_EXTRA_SIZE = 128,
    I_CHECKSUM_HIGH = 130,
    I_EXTRA_NEEDED = 4, /* the extra size with the upper half of the checksum */
};

/* In a block of a directory's index: where the pairs start; after the last for which there is room
 * follow a number without meaning and the checksum. Elsewhere it is in a last entry. */
enum {
    ROOT_PAIRS = 32,
    NODE_PAIRS = 8,
    PAIR = 8,
    INDEX_TAIL = 8,
    TAIL = 12,
    TAIL_TYPE = 0xde, /* in the place of a file's type */
};

uint32_t ext2_checksum(uint32_t seed, const void *bytes, size_t len)
{
    return crc32c(seed, bytes, len);
}

static uint32_t add_number(uint32_t seed, uint32_t number)
{
    uint8_t raw[4];
    store_le32(raw, number);
    return crc32c(seed, raw, sizeof(raw));
}

/* The checksum of bytes of which two, at an even offset, count as zero. */
static uint32_t sum_around(uint32_t seed, const uint8_t *bytes, size_t hole, size_t len)
{
    static const uint8_t zeroes[2];
    uint32_t sum = crc32c(seed, bytes, hole);
    sum = crc32c(sum, zeroes, sizeof(zeroes));
    return crc32c(sum, bytes + hole + 2, len - hole - 2);
}

const char *ext2_start_checksums(struct ext2 *e, const uint8_t *super)
{
    if (super[S_CHECKSUM_TYPE] != TYPE_CRC32C) {
        return "unknown kind of checksums";
    }
    if (load_le32(super + S_CHECKSUM) != crc32c(UINT32_MAX, super, S_CHECKSUM)) {
        return "the superblock's checksum is wrong";
    }
    e->checksum_seed = (e->incompat & INCOMPAT_SEED) != 0
                           ? load_le32(super + S_CHECKSUM_SEED)
                           : crc32c(UINT32_MAX, super + S_UUID, UUID_SIZE);
    return NULL;
}

enum status ext2_wrong_checksum(const struct ext2 *e, uint64_t inode, const char *what)
{
    log_error("ext2", "%s: inode %llu: the checksum of %s is wrong", e->dev->name,
              (unsigned long long)inode, what);
    return E_CORRUPT;
}

enum status ext2_check_group(const struct ext2 *e, uint32_t group, const uint8_t *raw)
{
    uint32_t seed = add_number(e->checksum_seed, group);
    uint32_t sum = sum_around(seed, raw, G_CHECKSUM, e->descriptor_size);
    if (load_le16(raw + G_CHECKSUM) != (uint16_t)sum) {
        log_error("ext2", "%s: the checksum of group %u is wrong", e->dev->name, group);
        return E_CORRUPT;
    }
    return OK;
}

enum status ext2_check_inode(const struct ext2 *e, uint32_t inode, const uint8_t *raw,
                             uint32_t *seed)
{
    *seed = add_number(add_number(e->checksum_seed, inode), load_le32(raw + I_GENERATION));
    uint32_t sum = sum_around(*seed, raw, I_CHECKSUM, INODE_BASE);
    uint32_t noted = load_le16(raw + I_CHECKSUM);
    bool has_high = e->inode_size > INODE_BASE && load_le16(raw + I_EXTRA_SIZE) >= I_EXTRA_NEEDED;
    if (has_high) {
        noted |= (uint32_t)load_le16(raw + I_CHECKSUM_HIGH) << 16;
        sum = sum_around(sum, raw + INODE_BASE, I_CHECKSUM_HIGH - INODE_BASE,
                         e->inode_size - INODE_BASE);
    } else {
        sum = crc32c(sum, raw + INODE_BASE, e->inode_size - INODE_BASE);
    }
    return noted == (has_high ? sum : (uint16_t)sum) ? OK
                                                     : ext2_wrong_checksum(e, inode, "the inode");
}

static bool is_index_intact(const struct ext2 *e, uint32_t seed, const uint8_t *block,
                            uint32_t pairs)
{
    size_t room = load_le16(block + pairs), count = load_le16(block + pairs + 2);
    size_t tail = pairs + room * PAIR;
    if (count > room || tail + INDEX_TAIL > e->block_size) {
        return false;
    }
    uint32_t sum = crc32c(seed, block, pairs + count * PAIR);
    sum = add_number(crc32c(sum, block + tail, 4), 0);
    return load_le32(block + tail + 4) == sum;
}

static bool is_leaf_intact(const struct ext2 *e, uint32_t seed, const uint8_t *block)
{
    size_t used = e->block_size - TAIL;
    const uint8_t *tail = block + used;
    return load_le32(tail) == 0 && load_le16(tail + 4) == TAIL && tail[6] == 0 &&
           tail[7] == TAIL_TYPE && load_le32(tail + 8) == crc32c(seed, block, used);
}

enum status ext2_check_directory_locked(struct ext2 *e, const struct ext2_node *dir, uint64_t block,
                                        struct cache_page *page, const uint8_t *at)
{
    if (ext2_is_verified(page, at)) {
        return OK;
    }
    bool is_indexed = (dir->flags & EXT2_FLAG_INDEXED) != 0;
    bool is_node = load_le32(at) == 0 && load_le16(at + 4) == e->block_size;
    bool is_intact =
        is_indexed && (block == 0 || is_node)
            ? is_index_intact(e, dir->checksum_seed, at, block == 0 ? ROOT_PAIRS : NODE_PAIRS)
            : is_leaf_intact(e, dir->checksum_seed, at);
    if (!is_intact) {
        return ext2_wrong_checksum(e, dir->node.id, "a block of the directory");
    }
    ext2_set_verified(page, at);
    return OK;
}
