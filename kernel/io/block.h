// SPDX-License-Identifier: MIT
//
// Block devices: asynchronous, cancellable requests with scatter-gather. Used by file systems
// and `lsblk`. A partition is a device, too: its requests go to its disk.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/status.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/work.h"

struct block_device;
struct device;

#define BLOCK_SECTOR       512u
#define BLOCK_SEGMENTS_MAX 64

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH };

struct block_segment {
    void *data;   /* kernel address; must stay valid until done is called */
    uint32_t len; /* bytes, a multiple of BLOCK_SECTOR */
};

/** The submitter owns the struct and its buffers again when `done` is called, exactly once. */
struct block_request {
    enum block_op op;
    uint64_t sector;        /* first sector, in units of BLOCK_SECTOR bytes */
    uint32_t segment_count; /* 0 for a flush */
    const struct block_segment *segments;
    void (*done)(struct block_request *req); /* in the work thread; does not sleep */
    void *ctx;
    enum status result; /* valid in done: OK; E_IO, E_TIMEDOUT: from the device; E_CANCELLED */
    /* private: used by the layer while it waits, by the driver while it has it */
    struct list_node link;
    struct block_device *dev; /* private: the disk, also if it was submitted to a partition */
    uint64_t disk_sector;     /* for the driver, in place of `sector`: counted on the whole disk */
    uint32_t state;           /* private */
    uint32_t bytes;           /* private: sum of all segments */
    void *driver_private;
};

/** Functions of a driver; none is optional. Called under the device's lock: they must not sleep,
 * submit or complete anything. */
struct block_ops {
    /** Queue a request for the device; called for a whole batch, then `kick` once. E_BUSY: no room
     * while others are in flight; the layer keeps it and tries again at block_restart(). Any other
     * error: the device is unusable, and the request was not accepted. */
    enum status (*submit)(struct block_device *dev, struct block_request *req);
    /** Notify the device of the queued requests. */
    void (*kick)(struct block_device *dev);
    /** Remove a request that the device does not have yet. true: the driver no longer knows it. */
    bool (*cancel)(struct block_device *dev, struct block_request *req);
};

/** Filled by the driver before block_register().
 *  Field protection:  [I] set before registration   [l] lock   [d] list of devices */
struct block_device {
    char name[16];    /* [I] set by block_register(): "vda"; a partition is "vda1" */
    char serial[24];  /* [I] */
    uint64_t sectors; /* [I] of BLOCK_SECTOR bytes */
    uint32_t
        logical_block; /* [I] bytes: 512 or a larger power of two; requests are multiples of it */
    uint32_t max_segments;       /* [I] of a request, 1 to BLOCK_SEGMENTS_MAX */
    uint32_t max_bytes;          /* [I] of a request, at least logical_block */
    bool read_only;              /* [I] */
    bool can_flush;              /* [I] has a volatile cache; false: writes are durable at once */
    const struct block_ops *ops; /* [I] */
    struct device *parent;       /* [I] */
    void *driver_data;           /* [I] */

    /* Set by the block layer. */
    struct block_device *disk; /* [I] of a partition; NULL: this is a disk */
    uint64_t first_sector;     /* [I] of a partition, on its disk; 0: this is a disk */

    /* Private to the block layer. */
    struct spinlock lock;
    struct list waiting;    /* [l] requests for which the driver had no room, in order */
    struct list withdrawn;  /* [l] cancelled requests whose `done` was not called yet */
    struct work withdraw;   /* calls their `done` */
    struct completion idle; /* signalled when the device is gone and unused */
    struct list_node link;  /* [d] */
    uint32_t index;         /* [d] number of its name */
    uint32_t refs;          /* [l] */
    uint32_t in_flight;     /* [l] submitted but not complete */
    uint32_t plugs;         /* [l] */
    bool needs_kick;        /* [l] */
    bool gone;              /* [l] */
    bool was_opened;        /* [d] by block_open_new() */
    uint64_t reads, writes, flushes, errors, bytes_read, bytes_written; /* [l] */
};

/** @brief Initialise the layer's part of the struct. Once, before any other call. @context{any} */
void block_init(struct block_device *dev);
/** @brief List a device and choose its name. @return OK; E_INVAL: impossible geometry; E_NOSPC: too
 *     many devices. @context{thread} */
enum status block_register(struct block_device *dev);
/** @brief Refuse new requests; wait for those in flight and for the last reference, to its
 *     partitions, too, which are freed.
 *     @context{thread, may sleep} */
void block_unregister(struct block_device *dev);

/** @brief Find a device by name and take a reference, or return NULL. @context{thread} */
struct block_device *block_open(const char *name);
void block_close(struct block_device *dev);
/** @brief Call fn for each device, oldest first, a disk before its partitions; fn must not open or
 *     register devices.
 *     @context{thread} */
void block_for_each(void (*fn)(void *ctx, struct block_device *dev), void *ctx);

/**
 * @brief Start a request; `done` is called later in any case, never from inside this call.
 * @return OK: done will be called. E_RANGE: past the end; E_INVAL: geometry; E_ROFS; E_NODEV:
 *     the device is being removed; E_NOTSUP: flush; E_IO: the device is broken. On an error done
 *     is NOT called.
 * @context{thread or work, done included; does not sleep}
 */
enum status block_submit(struct block_device *dev, struct block_request *req);

/** @brief Batch: requests submitted between plug and unplug notify the device once. Nests.
 *     Preemption is off in between, so that no thread is switched out before the device is
 *     notified.
 * @context{thread or work} */
void block_plug(struct block_device *dev);
void block_unplug(struct block_device *dev);

/** @brief Try to cancel a request: done is called either way, with E_CANCELLED if it was in time.
 *     The request must stay valid until this returns. Only tests call it yet: it is for drivers of
 *     devices that can be unplugged, and for file systems that stop reading ahead.
 * @context{thread} */
void block_cancel(struct block_request *req);

/** @brief For drivers: complete a request. Calls done in the caller's context (the work thread). */
void block_complete(struct block_request *req, enum status result);
/** @brief For drivers: there is room again, or the device is broken; waiting requests are
 *     submitted.
 * @context{work} */
void block_restart(struct block_device *dev);

/** @brief For drivers, the first half of block_complete(); block_complete_batch_locked() is the
 * second.
 * @locks the device's lock is held */
void block_finish_locked(struct block_request *req, enum status result);

/**
 * @brief For drivers: call done of finished requests and submit waiting ones, as one batch: the
 *     device is notified once of everything that follows.
 * @context{work} @locks the device's lock is held, and released meanwhile
 */
void block_complete_batch_locked(struct block_device *dev, struct block_request *const *reqs,
                                 unsigned count) REQUIRES(dev->lock);

/**
 * @brief Synchronous transfer of any length that is a multiple of the logical block. The wait
 *     cannot be cancelled, because the device owns the buffer; the driver's time-out bounds it.
 * @return OK; errors of block_submit(); the first failed part's result, after all parts have ended.
 * @context{thread, may sleep}
 */
enum status block_read(struct block_device *dev, uint64_t sector, void *buf, size_t len);
enum status block_write(struct block_device *dev, uint64_t sector, const void *buf, size_t len);
/** @brief Make completed writes durable. @return as block_read(); OK at once
 * if there is no cache. */
enum status block_flush(struct block_device *dev);
