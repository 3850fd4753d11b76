// SPDX-License-Identifier: MIT
//
// The two formats of partition tables. A table with any fault is refused as a whole: what else in
// it is wrong cannot be known, and a file system that is written at the wrong place destroys
// another.
//
// MBR: four entries in block 0. An entry may be an extended partition. That contains a chain of
// blocks, each with an entry of one logical partition and one of the next block.
// GPT: UEFI specification, chapter 5. A header and an array of entries after block 0, and a copy of
// both at the disk's end, all with CRCs. Block 0 has an MBR, too, with an entry of type 0xee.
#include "kernel/io/partition_table.h"

#include "kernel/base/assert.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* Each logical partition has a block of the chain. */
#define EXTENTS_MAX     (2 * PARTITIONS_MAX + 8)
#define MBR_ENTRIES     446u
#define MBR_ENTRY       16u
#define MBR_COUNT       4u
#define MBR_FIRST_CHAIN 5u /* number of the first logical partition */
#define TYPE_PROTECTIVE 0xeeu
#define GPT_HEADER_MIN  92u
#define GPT_ENTRY_MIN   128u
#define GPT_BYTES_MAX   (256u << 10) /* of the array; 16 KiB is common */
#define GUID_BYTES      16u

/* Extents of different levels may overlap: logical partitions lie in an extended one. */
enum level { LEVEL_DISK, LEVEL_EXTENDED };

/** Blocks of the disk that are in use. */
struct extent {
    uint64_t first, end; /* in logical blocks */
    uint32_t number;     /* of the partition; 0: the table itself */
    enum level level;
    bool is_partition; /* no extended one */
};

struct reader {
    struct block_device *dev;
    struct partition_table *out;
    uint32_t block_size;
    uint64_t blocks; /* on the disk */
    uint8_t *block;  /* the latest block that was read */
    uint32_t count;
    struct extent extents[EXTENTS_MAX];
};

struct mbr_entry {
    bool is_used, is_extended;
    uint8_t status, type;
    uint64_t first, count; /* in logical blocks; first is relative in a chain */
};

struct gpt {
    uint64_t entries; /* block of the array */
    uint64_t first, last;
    uint32_t count, size, crc;
    uint64_t bytes; /* of the array, whole blocks */
    uint8_t *array;
};

static enum status refuse(struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static enum status refuse(struct reader *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fmt_vprint(r->out->why, sizeof(r->out->why), fmt, args);
    va_end(args);
    return E_CORRUPT;
}

static enum status read_block(struct reader *r, uint64_t at)
{
    return block_read(r->dev, at * (r->block_size / BLOCK_SECTOR), r->block, r->block_size);
}

static enum status refuse_overlap(struct reader *r, const struct extent *a, const struct extent *b)
{
    if (a->number == 0 && b->number == 0) {
        return refuse(r, "parts of the table overlap");
    }
    if (a->number == 0 || b->number == 0) {
        return refuse(r, "partition %u overlaps the table", a->number | b->number);
    }
    return refuse(r, "partitions %u and %u overlap", a->number, b->number);
}

/* Note a place if it is on the disk and free. */
static enum status add_extent(struct reader *r, struct extent p, uint64_t count)
{
    if (p.first >= r->blocks || count > r->blocks - p.first) {
        return p.number == 0 ? refuse(r, "a part of the table is past the end of the disk")
                             : refuse(r, "partition %u ends past the end of the disk", p.number);
    }
    p.end = p.first + count;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct extent *other = &r->extents[i];
        if (other->level == p.level && other->first < p.end && p.first < other->end) {
            return refuse_overlap(r, other, &p);
        }
    }
    if (r->count == EXTENTS_MAX) {
        return refuse(r, "it has more than %u partitions", PARTITIONS_MAX);
    }
    r->extents[r->count++] = p;
    return OK;
}

static enum status add_table(struct reader *r, enum level level, uint64_t first, uint64_t count)
{
    return add_extent(r, (struct extent){.first = first, .level = level}, count);
}

/* ---- MBR ---- */

static bool has_mbr_signature(const struct reader *r)
{
    return r->block[510] == 0x55 && r->block[511] == 0xaa;
}

static struct mbr_entry entry_of(const uint8_t *block, uint32_t i)
{
    const uint8_t *e = block + MBR_ENTRIES + (size_t)i * MBR_ENTRY;
    struct mbr_entry entry = {
        .status = e[0], .type = e[4], .first = load_le32(e + 8), .count = load_le32(e + 12)};
    entry.is_used = entry.type != 0 && entry.count != 0;
    entry.is_extended =
        entry.is_used && (entry.type == 0x05 || entry.type == 0x0f || entry.type == 0x85);
    return entry;
}

static bool is_in_chain(const struct reader *r, uint64_t at)
{
    for (uint32_t i = 0; i < r->count; i++) {
        const struct extent *p = &r->extents[i];
        if (p->level == LEVEL_EXTENDED && p->number == 0 && p->first == at) {
            return true;
        }
    }
    return false;
}

/* The logical partition of one block of the chain. */
static enum status add_logical(struct reader *r, const struct extent *extended, uint64_t at,
                               const struct mbr_entry *e, uint32_t *number)
{
    struct extent p = {
        .first = at + e->first, .number = *number, .level = LEVEL_EXTENDED, .is_partition = true};
    if (p.first >= extended->end || e->count > extended->end - p.first) {
        return refuse(r, "partition %u ends past the end of extended partition %u", *number,
                      extended->number);
    }
    ++*number;
    return add_extent(r, p, e->count);
}

/* Follow the chain of an extended partition. It ends: no block is in it twice, and the number of
 * extents is limited. */
static enum status add_chain(struct reader *r, struct extent extended, uint32_t *number)
{
    uint64_t at = extended.first;
    for (;;) {
        if (is_in_chain(r, at)) {
            return refuse(r, "the chain of extended partition %u is a loop", extended.number);
        }
        enum status s = add_table(r, LEVEL_EXTENDED, at, 1);
        s = s == OK ? read_block(r, at) : s;
        if (s != OK) {
            return s;
        }
        if (!has_mbr_signature(r)) {
            return refuse(r, "extended partition %u has no table at block %llu", extended.number,
                          (unsigned long long)at);
        }
        struct mbr_entry logical = entry_of(r->block, 0), next = entry_of(r->block, 1);
        if (logical.is_used && !logical.is_extended) {
            s = add_logical(r, &extended, at, &logical, number);
        }
        if (s != OK || !next.is_extended) {
            return s;
        }
        at = extended.first + next.first;
        if (at >= extended.end) {
            return refuse(r, "the chain of extended partition %u leaves it", extended.number);
        }
    }
}

static enum status read_mbr(struct reader *r, const struct mbr_entry entries[MBR_COUNT])
{
    r->out->scheme = "MBR";
    enum status s = add_table(r, LEVEL_DISK, 0, 1);
    for (uint32_t i = 0; i < MBR_COUNT && s == OK; i++) {
        const struct mbr_entry *e = &entries[i];
        struct extent p = {.first = e->first, .number = i + 1, .is_partition = !e->is_extended};
        s = e->is_used ? add_extent(r, p, e->count) : OK;
    }
    uint32_t extended_end = r->count, number = MBR_FIRST_CHAIN;
    for (uint32_t i = 0; i < extended_end && s == OK; i++) {
        if (r->extents[i].number != 0 && !r->extents[i].is_partition) {
            s = add_chain(r, r->extents[i], &number);
        }
    }
    return s;
}

/* ---- GPT ---- */

/* The CRC of Ethernet and zip, bit by bit: it is computed once for each disk. */
static uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
        }
    }
    return ~crc;
}

/* Offsets in the header. */
enum {
    GPT_SIZE = 12,
    GPT_CRC = 16,
    GPT_HERE = 24,
    GPT_FIRST = 40,
    GPT_LAST = 48,
    GPT_ENTRIES = 72,
    GPT_COUNT = 80,
    GPT_ENTRY_SIZE = 84,
    GPT_ENTRIES_CRC = 88,
};

static enum status check_header(struct reader *r, uint64_t at, struct gpt *gpt)
{
    uint8_t *h = r->block;
    uint32_t size = load_le32(h + GPT_SIZE), crc = load_le32(h + GPT_CRC);
    if (memcmp(h, "EFI PART", 8) != 0 || size < GPT_HEADER_MIN || size > r->block_size) {
        return refuse(r, "block %llu is no GPT header", (unsigned long long)at);
    }
    store_le32(h + GPT_CRC, 0);
    if (crc32(0, h, size) != crc) {
        return refuse(r, "the GPT header in block %llu has a wrong CRC", (unsigned long long)at);
    }
    *gpt = (struct gpt){.entries = load_le64(h + GPT_ENTRIES),
                        .first = load_le64(h + GPT_FIRST),
                        .last = load_le64(h + GPT_LAST),
                        .count = load_le32(h + GPT_COUNT),
                        .size = load_le32(h + GPT_ENTRY_SIZE),
                        .crc = load_le32(h + GPT_ENTRIES_CRC)};
    uint64_t bytes = (uint64_t)gpt->count * gpt->size;
    if (load_le64(h + GPT_HERE) != at || gpt->first > gpt->last || gpt->last >= r->blocks ||
        gpt->size < GPT_ENTRY_MIN || gpt->size % 8 != 0 || bytes == 0 || bytes > GPT_BYTES_MAX) {
        return refuse(r, "the GPT header in block %llu has wrong values", (unsigned long long)at);
    }
    gpt->bytes = ALIGN_UP(bytes, (uint64_t)r->block_size);
    return OK;
}

/* Read a header and its array, which the caller frees. */
static enum status load_gpt(struct reader *r, uint64_t at, struct gpt *gpt)
{
    r->count = 0;
    enum status s = read_block(r, at);
    s = s == OK ? check_header(r, at, gpt) : s;
    s = s == OK ? add_table(r, LEVEL_DISK, 0, 2) : s;
    s = s == OK ? add_table(r, LEVEL_DISK, r->blocks - 1, 1) : s;
    s = s == OK ? add_table(r, LEVEL_DISK, gpt->entries, gpt->bytes / r->block_size) : s;
    if (s != OK) {
        return s;
    }
    gpt->array = heap_alloc(gpt->bytes);
    if (gpt->array == NULL) {
        return E_NOMEM;
    }
    s = block_read(r->dev, gpt->entries * (r->block_size / BLOCK_SECTOR), gpt->array, gpt->bytes);
    if (s == OK && crc32(0, gpt->array, (size_t)gpt->count * gpt->size) != gpt->crc) {
        s = refuse(r, "the GPT entries for block %llu have a wrong CRC", (unsigned long long)at);
    }
    if (s != OK) {
        heap_free(gpt->array);
    }
    return s;
}

static enum status add_entry(struct reader *r, const struct gpt *gpt, uint32_t i)
{
    static const uint8_t unused[GUID_BYTES];
    const uint8_t *e = gpt->array + (size_t)i * gpt->size;
    uint64_t first = load_le64(e + 32), last = load_le64(e + 40);
    if (memcmp(e, unused, sizeof(unused)) == 0) {
        return OK;
    }
    if (last < first) {
        return refuse(r, "partition %u ends before it begins", i + 1);
    }
    struct extent p = {.first = first, .number = i + 1, .is_partition = true};
    if (last < r->blocks && (first < gpt->first || last > gpt->last)) {
        return refuse(r, "partition %u is outside of the blocks for partitions", i + 1);
    }
    /* last - first + 1 would be 0 for the largest range */
    return last >= r->blocks ? add_extent(r, p, r->blocks + 1) : add_extent(r, p, last - first + 1);
}

static enum status read_gpt(struct reader *r)
{
    struct gpt gpt;
    r->out->scheme = "GPT";
    enum status s = load_gpt(r, 1, &gpt);
    if (s == E_CORRUPT || s == E_IO) {
        char why[sizeof(r->out->why)];
        if (s == E_IO) {
            (void)refuse(r, "the GPT in block 1 cannot be read");
        }
        (void)str_copy(why, sizeof(why), r->out->why);
        s = load_gpt(r, r->blocks - 1, &gpt);
        (void)str_copy(r->out->why, sizeof(why), why);
        r->out->is_backup = s == OK;
    }
    if (s != OK) {
        return s;
    }
    for (uint32_t i = 0; i < gpt.count && s == OK; i++) {
        s = add_entry(r, &gpt, i);
    }
    heap_free(gpt.array);
    return s;
}

/* ---- Both ---- */

/* In the order of their numbers, which is the order of the extents. */
static enum status list_partitions(struct reader *r)
{
    struct partition_table *out = r->out;
    uint32_t scale = r->block_size / BLOCK_SECTOR;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct extent *p = &r->extents[i];
        if (p->is_partition && out->count == PARTITIONS_MAX) {
            out->count = 0;
            return refuse(r, "it has more than %u partitions", PARTITIONS_MAX);
        }
        if (p->is_partition) {
            out->partitions[out->count++] =
                (struct partition){.number = p->number,
                                   .first = p->first * scale,
                                   .sectors = (p->end - p->first) * scale};
        }
    }
    return OK;
}

/* The boot sector of a file system has the same signature as an MBR, and code or text where an MBR
 * has entries. The first byte of an entry has two values. */
static enum status read_table(struct reader *r)
{
    struct mbr_entry entries[MBR_COUNT];
    bool is_table = true, is_gpt = false;
    enum status s = read_block(r, 0);
    if (s != OK) {
        return s;
    }
    for (uint32_t i = 0; i < MBR_COUNT; i++) {
        entries[i] = entry_of(r->block, i);
        is_table &= (entries[i].status & 0x7f) == 0;
        is_gpt |= entries[i].type == TYPE_PROTECTIVE;
    }
    if (!has_mbr_signature(r) || !is_table) {
        return E_FORMAT;
    }
    s = is_gpt ? read_gpt(r) : read_mbr(r, entries);
    return s == OK ? list_partitions(r) : s;
}

enum status partition_table_read(struct block_device *dev, struct partition_table *out)
{
    uint32_t size = dev->logical_block;
    *out = (struct partition_table){.count = 0};
    if (dev->sectors < 2ull * size / BLOCK_SECTOR) {
        return E_FORMAT;
    }
    struct reader *r = heap_zalloc(sizeof(*r));
    uint8_t *block = heap_alloc(size);
    enum status s = E_NOMEM;
    if (r != NULL && block != NULL) {
        r->dev = dev;
        r->out = out;
        r->block = block;
        r->block_size = size;
        r->blocks = dev->sectors / (size / BLOCK_SECTOR);
        s = read_table(r);
    }
    heap_free(block);
    heap_free(r);
    return s;
}
