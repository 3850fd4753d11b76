// SPDX-License-Identifier: MIT
//
// Block devices: asynchronous, scatter-gather, cancellable requests. File systems and `lsblk` are the users.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/sched/wait.h"
#include "kernel/status.h"

struct block_device;
struct device;

#define BLOCK_SECTOR 512u
#define BLOCK_SEGMENTS_MAX 64

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH };

struct block_segment {
    void *data;   /* kernel address; must stay until done is called */
    uint32_t len; /* bytes, a multiple of BLOCK_SECTOR */
};

/** The submitter owns the struct and its buffers until `done` is called, exactly once. */
struct block_request {
    enum block_op op;
    uint64_t sector; /* first, of BLOCK_SECTOR bytes */
    uint32_t segment_count; /* 0 for a flush */
    const struct block_segment *segments;
    void (*done)(struct block_request *req); /* in the work thread; must not block for long */
    void *ctx;
    enum status result; /* valid in done */
    struct list_node link;      /* private: queue's or driver's */
    struct block_device *dev;   /* private */
    uint32_t state;             /* private */
    void *driver_private;
};

/** Slots of a driver; none optional. */
struct block_ops {
    /** Hand requests to the device; called with the whole batch, then `kick` once.
     *  E_BUSY: no room now, the layer keeps it and tries again after the next completion. */
    enum status (*submit)(struct block_device *dev, struct block_request *req);
    /** Notify the device of what was submitted. */
    void (*kick)(struct block_device *dev);
    /** Withdraw if the device has not taken it. true: done will be called with E_CANCELLED. */
    bool (*cancel)(struct block_device *dev, struct block_request *req);
};

/** Filled by the driver before block_register(). */
struct block_device {
    char name[16];      /* set by block_register(): "vda" */
    char serial[24];
    uint64_t sectors;   /* of BLOCK_SECTOR bytes */
    uint32_t logical_block; /* bytes: 512 or a larger power of two; requests are multiples of it */
    uint32_t max_segments, max_bytes; /* a request's limits */
    bool read_only, can_flush;
    const struct block_ops *ops;
    struct device *parent;
    void *driver_data;
    /* private to the block layer */
    struct wait_queue queue;
    struct list waiting; /* requests the driver had no room for */
    struct list_node link;
    uint32_t in_flight, refs;
    bool gone;
    uint64_t reads, writes, flushes, errors, bytes_read, bytes_written;
};

/** @brief Make a device known; picks its name. @return OK; E_NOMEM; E_INVAL: impossible geometry. @context{thread} */
enum status block_register(struct block_device *dev);
/** @brief No new requests; waits for those in flight and for the last reference. @context{thread, may sleep} */
void block_unregister(struct block_device *dev);

/** @brief Find by name and take a reference, or NULL. */
struct block_device *block_open(const char *name);
void block_close(struct block_device *dev);
void block_for_each(void (*fn)(void *ctx, struct block_device *dev), void *ctx);

/**
 * @brief Start a request; `done` is called later whatever happens, never from inside this call.
 * @return OK: done will be called. E_RANGE: past the end; E_INVAL: geometry; E_ROFS; E_NODEV: device is going;
 *         E_NOTSUP: flush. On an error done is NOT called.
 * @context{thread or work; does not sleep}
 */
enum status block_submit(struct block_device *dev, struct block_request *req);
/** @brief Batch: submits between begin and end notify the device once. */
void block_plug(struct block_device *dev);
void block_unplug(struct block_device *dev);
/** @brief Try to withdraw: done is called either way, with E_CANCELLED if it was in time. */
void block_cancel(struct block_request *req);

/** @brief Driver: the request is finished. Calls done in the caller's context (the work thread). */
void block_complete(struct block_request *req, enum status result);
/** @brief Driver: there is room again; waiting requests are submitted. */
void block_restart(struct block_device *dev);

/** @brief Synchronous transfer, any length that is a multiple of the logical block. Waits uncancellably for the
 *  device (it owns the buffer), bounded by the driver's time-out. @context{thread, may sleep} */
enum status block_read(struct block_device *dev, uint64_t sector, void *buf, size_t len);
enum status block_write(struct block_device *dev, uint64_t sector, const void *buf, size_t len);
enum status block_flush(struct block_device *dev);
