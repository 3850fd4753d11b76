// SPDX-License-Identifier: MIT
//
// A disk in memory, below the block layer: requests complete right after they are submitted.
#pragma once

#include "kernel/io/block.h"
#include "kernel/sched/work.h"

struct ram_disk {
    struct block_device dev;
    uint8_t *bytes; /* the test fills them in, and may change them while nothing uses the disk */
    struct list done;
    struct work work;
};

/**
 * @brief Allocate and register a disk with zeroes.
 * @return false: there is no memory, and the running test has failed. @context{thread, may sleep}
 */
bool ram_disk_add(struct ram_disk *d, size_t len);
/** @brief Unregister and free it. @context{thread, may sleep} */
void ram_disk_remove(struct ram_disk *d);
