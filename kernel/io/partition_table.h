// SPDX-License-Identifier: MIT
//
// Reading the partition table of a disk, GPT or MBR. partition.h makes devices of what it finds.
#pragma once

#include "kernel/io/block.h"

#define PARTITIONS_MAX 128u

struct partition {
    uint32_t number;         /* as Linux counts: from 1, of logical partitions from 5 */
    uint64_t first, sectors; /* in units of BLOCK_SECTOR, on the disk */
};

struct partition_table {
    const char *scheme; /* "GPT", "MBR" */
    bool is_backup;     /* the first copy is wrong, as `why` says, and this is the second */
    char why[96];
    uint32_t count;
    struct partition partitions[PARTITIONS_MAX];
};

/**
 * @brief Read and check the table. Its partitions lie on the disk, overlap neither each other nor
 *     the table, and have different numbers.
 * @return OK: out->count may be 0; E_FORMAT: there is no table; E_CORRUPT: out->why says what is
 *     wrong with it; E_NOMEM; errors of block_read().
 * @context{thread, may sleep}
 */
enum status partition_table_read(struct block_device *dev, struct partition_table *out);
