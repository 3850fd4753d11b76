// SPDX-License-Identifier: MIT
//
// Block devices: asynchronous, scatter-gather, cancellable requests. File systems and `lsblk` are
// the users.
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
    void *data;   /* kernel address; must stay until done is called */
    uint32_t len; /* bytes, a multiple of BLOCK_SECTOR */
};

/** The submitter owns the struct and its buffers until `done` is called, exactly once. */
struct block_request {
    enum block_op op;
    uint64_t sector;        /* first, of BLOCK_SECTOR bytes */
    uint32_t segment_count; /* 0 for a flush */
    const struct block_segment *segments;
    void (*done)(struct block_request *req); /* in the work thread; does not sleep */
    void *ctx;
    enum status result;    /* valid in done: OK; E_IO, E_TIMEDOUT: of the device; E_CANCELLED */
    struct list_node link; /* private: the layer's while it waits, the driver's while it has it */
    struct block_device *dev; /* private */
    uint32_t state;           /* private */
    uint32_t bytes;           /* private: of all segments */
    void *driver_private;
};

/** Slots of a driver; none optional. Called under the device's lock: they do not sleep, and may
 * submit or complete nothing. */
struct block_ops {
    /** Hand a request to the device; called for a whole batch, then `kick` once.
     *  E_BUSY: no room while others are in flight; the layer keeps it and tries again at
     * block_restart(). Anything else: the device is of no use, and the request not taken. */
    enum status (*submit)(struct block_device *dev, struct block_request *req);
    /** Notify the device of what was submitted. */
    void (*kick)(struct block_device *dev);
    /** Take the request back if the device does not have it yet. true: the driver has forgotten it.
     */
    bool (*cancel)(struct block_device *dev, struct block_request *req);
};

/** Filled by the driver before block_register().
 *  Field protection:  [I] set before registration   [l] lock   [d] list of devices */
struct block_device {
    char name[16];    /* [I] set by block_register(): "vda" */
    char serial[24];  /* [I] */
    uint64_t sectors; /* [I] of BLOCK_SECTOR bytes */
    uint32_t
        logical_block; /* [I] bytes: 512 or a larger power of two; requests are multiples of it */
    uint32_t max_segments; /* [I] of a request, 1 to BLOCK_SEGMENTS_MAX */
    uint32_t max_bytes;    /* [I] of a request, at least logical_block */
    bool read_only;        /* [I] */
    bool can_flush;        /* [I] there is a volatile cache; else what was written is durable */
    const struct block_ops *ops; /* [I] */
    struct device *parent;       /* [I] */
    void *driver_data;           /* [I] */

    /* private to the block layer */
    struct spinlock lock;
    struct list waiting;    /* [l] requests that the driver had no room for, in order */
    struct list withdrawn;  /* [l] cancelled, and not yet told so */
    struct work withdraw;   /* tells them */
    struct completion idle; /* signalled once it is gone and nobody uses it */
    struct list_node link;  /* [d] */
    uint32_t index;         /* [d] number of its name */
    uint32_t refs;          /* [l] */
    uint32_t in_flight;     /* [l] submitted and not complete */
    uint32_t plugs;         /* [l] */
    bool needs_kick;        /* [l] */
    bool gone;              /* [l] */
    uint64_t reads, writes, flushes, errors, bytes_read, bytes_written; /* [l] */
};

/** @brief Prepare the layer's part of the struct. Once, before anything else here. @context{any} */
void block_init(struct block_device *dev);
/** @brief Make a device known; picks its name. @return OK; E_INVAL: impossible geometry; E_NOSPC:
 *  too many devices. @context{thread} */
enum status block_register(struct block_device *dev);
/** @brief No new requests; waits for those in flight and for the last reference. @context{thread,
 * may sleep} */
void block_unregister(struct block_device *dev);

/** @brief Find by name and take a reference, or NULL. @context{thread} */
struct block_device *block_open(const char *name);
void block_close(struct block_device *dev);
/** @brief Call fn for each device by age; fn opens and registers none. @context{thread} */
void block_for_each(void (*fn)(void *ctx, struct block_device *dev), void *ctx);

/**
 * @brief Start a request; `done` is called later whatever happens, never from inside this call.
 * @return OK: done will be called. E_RANGE: past the end; E_INVAL: geometry; E_ROFS; E_NODEV:
 * device is going; E_NOTSUP: flush; E_IO: the device is broken. On an error done is NOT called.
 * @context{thread or work, done included; does not sleep}
 */
enum status block_submit(struct block_device *dev, struct block_request *req);

/** @brief Batch: requests submitted between plug and unplug notify the device once. Nests.
 * Preemption is off in between, so that nobody sleeps while the device has not been told of
 * requests.
 *  @context{thread or work} */
void block_plug(struct block_device *dev);
void block_unplug(struct block_device *dev);

/** @brief Try to withdraw: done is called either way, with E_CANCELLED if it was in time. The
 * request must not be freed before the return. @context{thread} */
void block_cancel(struct block_request *req);

/** @brief Driver: the request is finished. Calls done in the caller's context (the work thread). */
void block_complete(struct block_request *req, enum status result);
/** @brief Driver: there is room again, or the device is broken; waiting requests are submitted.
 *  @context{work} */
void block_restart(struct block_device *dev);

/** @brief Driver, the first half of block_complete(): block_answer_locked() is the second.
 *  @locks the device's lock is held */
void block_finish_locked(struct block_request *req, enum status result);

/**
 * @brief Driver: call done of finished requests and submit those that wait, as one batch: the
 * device is notified once of all that comes of it.
 * @context{work} @locks the device's lock is held, and is let go meanwhile
 */
void block_answer_locked(struct block_device *dev, struct block_request *const *reqs,
                         unsigned count) REQUIRES(dev->lock);

/**
 * @brief Synchronous transfer, any length that is a multiple of the logical block. Waits
 * uncancellably for the device (it owns the buffer), bounded by the driver's time-out.
 * @return OK; what block_submit() says; the first failed part's result, when all parts have ended.
 * @context{thread, may sleep}
 */
enum status block_read(struct block_device *dev, uint64_t sector, void *buf, size_t len);
enum status block_write(struct block_device *dev, uint64_t sector, const void *buf, size_t len);
/** @brief Make what was written durable. @return as block_read(); OK at once if nothing is cached.
 */
enum status block_flush(struct block_device *dev);
