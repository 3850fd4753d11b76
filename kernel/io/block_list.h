// SPDX-License-Identifier: MIT
//
// The list of devices that block.c keeps, for partition.c, which adds partitions to it.
#pragma once

#include "kernel/io/block.h"

/** @brief A disk that this function has not returned before, with a reference, or NULL.
 *     @context{thread} */
struct block_device *block_open_new(void);

/**
 * @brief List a partition after its disk. It is removed and freed with the disk.
 * @param first Its first sector on the disk; it lies within the disk, at whole logical blocks.
 * @return OK; E_NOMEM; E_NODEV: the disk is being removed; E_NAMETOOLONG.
 * @context{thread; the caller has a reference to the disk}
 */
enum status block_add_partition(struct block_device *disk, uint32_t number, uint64_t first,
                                uint64_t sectors);
