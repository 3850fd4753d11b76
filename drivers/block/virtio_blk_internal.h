// SPDX-License-Identifier: MIT
//
// What the parts of the virtio block driver share: virtio_blk.c takes and gives up devices,
// virtio_blk_io.c moves requests.
#pragma once

#include "drivers/virtio/virtio.h"
#include "kernel/io/block.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/work.h"

#include <stdatomic.h>

#define BLK_ID_SIZE 20 /* of a serial number, 5.2.6 */

/** Kinds of request, 5.2.6. */
enum blk_type { BLK_IN = 0, BLK_OUT = 1, BLK_FLUSH = 4, BLK_GET_ID = 8 };

/** Requests with up to this many pieces, header and status included, take one descriptor of the
 * ring. */
#define BLK_TABLE 6

/** What a request in flight shares with the device. */
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

/** What it does not share. */
struct blk_call {
    struct block_request *req;
    struct blk_slot *slot; /* [I] */
    uint64_t slot_bus;     /* [I] */
    struct blk_call *next_free;
    uint32_t started; /* tick of the watchdog */
    uint32_t
        expected; /* bytes that the device must have written: the status, and all that is read */
};

enum blk_state {
    BLK_READY,
    BLK_RESETTING, /* requests wait */
    BLK_BROKEN,    /* requests fail; only remove() is left */
};

/** Field protection:  [I] set by probe   [l] block.lock   [w] the work function, one at a time */
struct virtio_blk {
    struct block_device block;
    struct virtio_device *vd;     /* [I] */
    struct virtio_queue queue;    /* ring: [l] */
    struct dma_buffer slots;      /* [I] */
    struct blk_call *calls;       /* [I] one for each descriptor */
    struct blk_call *free;        /* [l] */
    struct list active;           /* [l] requests that the device has, oldest first */
    enum blk_state state;         /* [l] */
    bool indirect;                /* [I] */
    uint64_t features;            /* [I] as first negotiated */
    uint32_t pieces_max;          /* [I] of the data of a request */
    uint32_t size_max;            /* [I] bytes of a piece */
    struct virtq_desc *pieces;    /* [l] scratch of submit */
    struct dma_segment *segments; /* [l] scratch of submit */
    struct work work;

    /* The watchdog ticks while requests are in flight. It runs in interrupt context without the
     * lock. */
    struct timer watchdog;
    _Atomic uint32_t tick;   /* written by the watchdog; relaxed, it is only a clock */
    _Atomic uint32_t oldest; /* tick of the first of `active`; written under the lock, relaxed */
    /* seq_cst, with is_watched: the thread that stores one of the two then loads the other. */
    _Atomic uint32_t active_count;
    _Atomic bool is_watched; /* seq_cst: see active_count */
    /* release, by the watchdog before it queues the work; the work queue's order makes it visible
     * there. relaxed elsewhere: the overdue requests are found under the lock. */
    _Atomic bool has_expired;

    /* The one request that is the driver's own. */
    struct block_request id_request;
    struct block_segment id_segment;
    struct completion id_done;
    char id[BLK_ID_SIZE];
};

extern const struct block_ops virtio_blk_ops;

/** @brief Prepare the books of all requests; slots and calls are allocated. */
void virtio_blk_io_init(struct virtio_blk *b);

/** @brief Work function: completions, time-outs. */
void virtio_blk_work(struct work *work);

/** @brief Ask for the serial number into b->id. @return OK; E_NOTSUP, E_IO: it has none;
 * E_TIMEDOUT. */
enum status virtio_blk_read_id(struct virtio_blk *b);

/** @brief Make sure that the device uses none of our memory any more. @return false: it is beyond
 * use. */
bool virtio_blk_stop(struct virtio_blk *b);
