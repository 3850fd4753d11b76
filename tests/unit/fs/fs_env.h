// SPDX-License-Identifier: MIT
//
// What kernel/fs/ needs, for host tests of it alone: heap and pages from malloc, so
// that ASan detects every access past an end; locks that only check their use; a block
// device in memory that can fail.
#pragma once

#include "kernel/io/block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The only block device. Fields may be changed between calls. */
struct env_disk {
    struct block_device dev; /* named "vda" */
    uint8_t *bytes;
    uint32_t refs;                          /* calls of block_open() minus calls of block_close() */
    uint64_t requests;                      /* since env_disk_init() */
    uint64_t sectors_read, sectors_written; /* since env_disk_init() */
    uint64_t flushes;                       /* since env_disk_init() */
    uint64_t bad_sector;                    /* reading or writing it fails; UINT64_MAX: none */
    void (*on_write)(uint64_t sector, const void *bytes, size_t len); /* NULL: not called */
    void (*on_flush)(void);
    uint64_t transfers_left; /* requests that succeed before all others fail; UINT64_MAX: all do */
};
extern struct env_disk env_disk;

/** Store a copy of an image on the device, with its last sector padded with zeroes. NULL: it is
 * empty. */
void env_disk_init(const void *bytes, size_t len);

/** The same with a file, such as one that mke2fs made. */
void env_disk_load(const char *path);

/** Write what is on the device to a file. */
void env_disk_save(const char *path);

/** Free memory as the kernel does when it has too little: the clean pages of caches. */
void env_reclaim(void);

/** True: every allocation does that first. Only after a disk was mounted. */
extern bool env_is_short;

/** Allocations that succeed before all others fail; -1: all succeed. */
extern int env_allocations_left;
extern uint64_t env_pages; /* the machine's memory; tmpfs gets half of it */

/** The time of day, in ns since 1970; it does not move by itself. */
extern uint64_t env_wall_ns;

/** The last logged line; "" after env_reset(). */
const char *env_last_log(void);

/** Text written to the console. */
const char *env_console_text(void);

/** For fs_vm.c: count an allocation, unless it is to fail; and count that an object was freed. */
bool env_may_allocate(void);
void env_forget_object(void);

/** The frame that is mapped at a page of a range (kernel/mm/vm.h); NULL: none. */
const void *env_mapped(const void *base, size_t page);

/** Number of allocated objects and pages. */
size_t env_live_objects(void);

/** The same after env_reclaim(): without names that are kept, those of / among them. */
size_t env_settled_objects(void);

/** Bytes of the largest object from heap_zalloc() since env_reset(). */
size_t env_largest_zeroed(void);

/** Call this before each test. */
void env_reset(void);
