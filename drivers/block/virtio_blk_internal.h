// SPDX-License-Identifier: MIT
//
// Shared by the two files of the virtio block driver: virtio_blk.c probes and removes devices,
// virtio_blk_io.c handles requests.
#pragma once

#include "drivers/virtio/virtio.h"
#include "kernel/io/block.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/work.h"

#include <stdatomic.h>

#define BLK_ID_SIZE 20 /* bytes of a serial number, 5.2.6 */

/** Kinds of request, 5.2.6. */
enum blk_type { BLK_IN = 0, BLK_OUT = 1, BLK_FLUSH = 4, BLK_GET_ID = 8 };

/** Requests with up to this many pieces, header and
 * status included, take one descriptor of the ring. */
#define BLK_TABLE 6

/** The part of a request in flight that the device reads and writes. */
struct blk_slot {
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } header;
    struct virtq_desc table[BLK_TABLE];
    uint8_t status;
    uint8_t padding[15];
};
STATIC_ASSERT(sizeof(struct blk_slot) == 128, "slots start on cache lines of their own");

/** The part of a request in flight that only the driver uses. */
struct blk_call {
    struct block_request *req;
    struct blk_slot *slot; /* [I] */
    uint64_t slot_bus;     /* [I] */
    struct blk_call *next_free;
    uint32_t started; /* tick of the watchdog */
    uint32_t
        expected; /* bytes that the device must have written: the data of a read, and the status */
};

enum blk_state {
    BLK_READY,
    BLK_RESETTING, /* requests wait */
    BLK_BROKEN,    /* requests fail; only remove() is left */
};

/**
 * Field protection:  [I] set by probe   [l] block.lock   [w] the work function, which runs once at
 * a time
 */
struct virtio_blk {
    struct block_device block;
    struct virtio_device *vd;     /* [I] */
    struct virtio_queue queue;    /* ring: [l] */
    struct dma_buffer slots;      /* [I] */
    struct blk_call *calls;       /* [I] one for each descriptor */
    struct blk_call *free;        /* [l] */
    struct list active;           /* [l] requests that the device owns, oldest first */
    enum blk_state state;         /* [l] */
    bool indirect;                /* [I] */
    uint64_t features;            /* [I] the features of the first negotiation */
    uint32_t pieces_max;          /* [I] largest number of pieces for the data of a request */
    uint32_t size_max;            /* [I] largest size of a piece, in bytes */
    struct virtq_desc *pieces;    /* [l] temporary storage of submit */
    struct dma_segment *segments; /* [l] temporary storage of submit */
    struct work work;

    /* The watchdog ticks while requests are in flight.
     * It runs in interrupt context without the lock. */
    struct timer watchdog;
    _Atomic uint32_t tick; /* written by the watchdog; relaxed, because it is only a clock */
    /* `tick` at the start of the first request of `active`; written under the lock, relaxed */
    _Atomic uint32_t oldest;
    /* seq_cst, together with is_watched: each side stores one of the two and then loads the other,
     * so at least one side sees the other's store. */
    _Atomic uint32_t active_count;
    _Atomic bool is_watched; /* seq_cst: see active_count */
    /* Stored with release by the watchdog before it queues the work; the work queue orders that
     * before the work function's load. Relaxed elsewhere: the overdue requests themselves are found
     * under the lock. */
    _Atomic bool has_expired;

    /* The only request that the driver makes for itself: it reads the serial number. */
    struct block_request id_request;
    struct block_segment id_segment;
    struct completion id_done;
    char id[BLK_ID_SIZE];
};

extern const struct block_ops virtio_blk_ops;

/** @brief Initialise the state of all requests; slots and calls are allocated. */
void virtio_blk_io_init(struct virtio_blk *b);

/** @brief Work function: handles completions and time-outs. */
void virtio_blk_work(struct work *work);

/**
 * @brief Read the serial number into b->id. @return OK; E_NOTSUP, E_IO: the device has none;
 * E_TIMEDOUT.
 */
enum status virtio_blk_read_id(struct virtio_blk *b);

/**
 * @brief Make the device stop using the kernel's memory. @return false: that failed, and the device
 * cannot be used again.
 */
bool virtio_blk_stop(struct virtio_blk *b);
