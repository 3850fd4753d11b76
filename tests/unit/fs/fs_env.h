// SPDX-License-Identifier: MIT
//
// What kernel/fs/ stands on, for host tests of it alone: heap and pages from malloc, so that ASan
// sees every byte past an end; locks that only check their use; a block device in memory that can
// fail.
#pragma once

#include "kernel/io/block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The one block device. Fields may be changed between calls. */
struct env_disk {
    struct block_device dev; /* named "vda" */
    uint8_t *bytes;
    uint32_t refs;         /* block_open() minus block_close() */
    uint64_t requests;     /* since env_disk_init() */
    uint64_t sectors_read; /* since env_disk_init() */
    uint64_t bad_sector;   /* reading it fails; UINT64_MAX: none */
};
extern struct env_disk env_disk;

/** Put an image on the device; the bytes are copied, the last sector filled with zeroes. */
void env_disk_init(const void *bytes, size_t len);

/** The same from a file that `mke2fs` or the like has made. */
void env_disk_load(const char *path);

/** Allocations that are to succeed before all others fail; -1: all succeed. */
extern int env_allocations_left;

/** The last line that was logged, "" after env_reset(). */
const char *env_last_log(void);

/** What the console was given. */
const char *env_console_text(void);

/** Objects and pages that are taken now. */
size_t env_live_objects(void);

/** Call it before each test. */
void env_reset(void);
