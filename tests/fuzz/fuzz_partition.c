// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as a partition table. It is refused, or its partitions lie on the disk and do not
// overlap.
//
// An input is a list of changes to an empty disk: the block, the offset in units of two bytes, the
// number of bytes, the bytes. After them the CRCs of both copies of a GPT are made right, unless
// the first byte says otherwise.
#include "kernel/io/partition_table.h"

#include "fs/fs_env.h"
#include "kernel/lib/endian.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t crc32(const uint8_t *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len * 8; i++) {
        uint32_t bit = (crc ^ (uint32_t)(bytes[i / 8] >> i % 8)) & 1;
        crc = crc >> 1 ^ (bit != 0 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void seal(size_t at)
{
    uint8_t *h = env_disk.bytes + at * BLOCK_SECTOR;
    uint64_t array = load_le64(h + 72), bytes = (uint64_t)load_le32(h + 80) * load_le32(h + 84);
    uint64_t end = (uint64_t)BLOCKS * BLOCK_SECTOR;
    if (array < BLOCKS && bytes <= end - array * BLOCK_SECTOR) {
        store_le32(h + 88, crc32(env_disk.bytes + array * BLOCK_SECTOR, (size_t)bytes));
    }
    uint32_t size = load_le32(h + 12);
    store_le32(h + 16, 0);
    store_le32(h + 16, crc32(h, size < BLOCK_SECTOR ? size : BLOCK_SECTOR));
}

static void make_disk(const uint8_t *data, size_t size)
{
    static const uint8_t empty[BLOCKS * BLOCK_SECTOR];
    env_disk_init(empty, sizeof(empty));
    for (size_t at = 1; size - at >= 3;) {
        size_t offset = data[at] * (size_t)BLOCK_SECTOR + data[at + 1] * 2u;
        size_t n = data[at + 2];
        at += 3;
        for (; n != 0 && at < size && offset < sizeof(empty); n--) {
            env_disk.bytes[offset++] = data[at++];
        }
    }
}

static void check(const struct partition_table *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct partition *p = &t->partitions[i];
        if (p->number == 0 || p->first == 0 || p->first >= BLOCKS || p->sectors == 0 ||
            p->sectors > BLOCKS - p->first) {
            abort();
        }
        for (uint32_t k = 0; k < i; k++) {
            const struct partition *q = &t->partitions[k];
            if (p->number == q->number ||
                (p->first < q->first + q->sectors && q->first < p->first + p->sectors)) {
                abort();
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct partition_table table;
    if (size == 0) {
        return 0;
    }
    make_disk(data, size);
    if ((data[0] & 1) == 0) {
        seal(1);
        seal(BLOCKS - 1);
    }
    enum status s = partition_table_read(&env_disk.dev, &table);
    if (s == OK) {
        check(&table);
    } else if (s != E_FORMAT && (s != E_CORRUPT || table.why[0] == '\0' || table.scheme == NULL)) {
        abort();
    }
    if (env_settled_objects() != 0) {
        abort();
    }
    return 0;
}
