// SPDX-License-Identifier: MIT
//
// Whether a file system on a disk may be written: writable or read-only, failed, and marked on the
// disk as clean or not. The order of marks, writes and flushes is here; what a mark looks like is
// the file system's.
//
// A mark on the disk says that the file system was not unmounted. It is there before anything else
// is written, and everything else is written before it is removed: after a crash or a power cut it
// is found.
#pragma once

#include "kernel/fs/fs.h"
#include "kernel/fs/page_cache.h"
#include "kernel/sched/mutex.h"

struct disk_state;

/** What a file system does. All are called with its lock held, and may sleep. */
struct disk_state_ops {
    const char *area; /* of lines in the log */
    /** Before it becomes writable: check that it may, and prepare that. The cache allows writes
     * already. E_NOTSUP, E_CORRUPT: the log has the reason; E_BUSY, E_NOMEM, E_IO. */
    enum status (*prepare)(struct disk_state *d);
    /** After that, and after the cache has filled its reserve: allocate what writing needs. If a
     * later step fails, `fail` is called. NULL: nothing is to be done. */
    enum status (*open)(struct disk_state *d);
    /** Note in pages of the cache that it is clean, or is not. */
    enum status (*mark)(struct disk_state *d, bool is_clean);
    /** It is writable now, but the VFS does not know it yet. E_NOMEM: it becomes read-only again;
     * other failures were reported by disk_state_fail_locked(). NULL: nothing is to be done. */
    enum status (*begin)(struct disk_state *d);
    /** Store in pages of the cache what only memory has, such as counts. */
    enum status (*store)(struct disk_state *d);
    /** Before it becomes read-only: delete the open files that have no name. E_BUSY: there is one,
     * and `is_final` is false; other failures were reported by disk_state_fail_locked(). */
    enum status (*end)(struct disk_state *d, bool is_final);
    /** It has just failed, and d->is_writable is still as before. NULL: nothing is to be done. */
    void (*fail)(struct disk_state *d);
};

/* Field protection:  [I] set when it is mounted   [o] *lock */
struct disk_state {
    const struct disk_state_ops *ops; /* [I] before it becomes writable */
    struct fs *fs;                    /* [I] */
    struct block_device *dev;         /* [I] */
    struct page_cache *cache;         /* [I] */
    struct mutex *lock;               /* [I] the file system's */
    bool is_writable;                 /* [o] */
    bool has_failed;                  /* [o] it is inconsistent, or the device does not write */
};

/** @brief The file system is inconsistent, or the device fails: log why, once, and be read-only
 *     until it is unmounted. @return `s`. @context{thread, *lock} */
enum status disk_state_fail_locked(struct disk_state *d, enum status s, const char *why);

/** @brief The device cannot write the changed pages: the changes are lost, and the pages become
 *     clean, since they would fill memory. @return `s`. @context{thread, *lock} */
enum status disk_state_give_up_locked(struct disk_state *d, enum status s);

/** @brief Write everything that was changed, and wait for the device without the lock.
 * @return OK, also if it is read-only; E_IO: it failed, now or before.
 * @context{thread, may sleep; not *lock} */
enum status disk_state_sync(struct disk_state *d);

/** @brief fs_ops.set_mode. @context{thread, may sleep; not *lock} */
enum status disk_state_set_mode(struct disk_state *d, enum fs_mode mode);
