// SPDX-License-Identifier: MIT
//
// Shared by the files of the virtio transport: p9_virtio.c finds devices and mounts them,
// p9_virtio_io.c moves messages.
#pragma once

#include "drivers/9p/p9_client.h"
#include "drivers/virtio/virtio.h"

#define P9_TAG_MAX 64u /* with the terminating zero */

/** Requests at a time. Each has room in the ring for itself and for the request to flush it. */
#define P9_CALLS 16u
#define P9_RING  (2 * P9_CALLS)

/** Most data in a message, and the pieces of memory that it may lie in. */
#define P9_DATA_MAX    (256u << 10)
#define P9_DATA_PIECES (P9_DATA_MAX / PAGE_SIZE + 1)

/** The memory of a call that the device reads and writes. */
struct p9_shared {
    uint8_t request[P9_REQUEST_MAX];
    uint8_t answer[P9_ANSWER_MAX];
    uint8_t flush[P9_HEADER + 2];
    uint8_t flush_answer[P9_READ_HEAD];
    struct virtq_desc flush_table[2];
    struct virtq_desc table[P9_DATA_PIECES + 2];
};

/** Something that the device has: a request or the request to flush it. */
struct p9_part {
    struct completion done;
    size_t arrived; /* bytes that the device wrote; set before `done` */
    bool is_lost;   /* the device was reset instead; likewise */
};

struct p9_slot {
    struct p9_call call; /* first */
    struct p9_shared *shared;
    uint64_t bus; /* of `shared` */
    struct p9_part main, flush;
    struct p9_slot *next_free;
};

enum p9_state {
    P9_READY,
    P9_SICK,    /* it broke a rule; a thread that waits resets it */
    P9_RESET,   /* a thread resets it */
    P9_STOPPED, /* nothing is in the ring; the next session starts it again */
    P9_GONE,    /* likewise, but the device is being removed */
};

/**
 * Field protection:  [I] set by probe   [l] idle.lock, which the interrupt handler takes   [t] the
 * table's lock in p9_virtio.c
 */
struct p9_virtio {
    struct p9_transport transport;
    struct list_node link;     /* [t] */
    bool is_claimed;           /* [t] a session uses it */
    bool is_removed;           /* [t] the device is gone; the session frees the struct */
    struct virtio_device *vd;  /* [I] */
    struct device *parent;     /* [I] */
    struct virtio_queue queue; /* ring: [l] */
    struct dma_buffer memory;  /* [I] */
    struct wait_queue idle;    /* for a free slot */
    struct p9_slot *free;      /* [l] */
    uint32_t busy;             /* [l] slots in use */
    enum p9_state state;       /* [l] */
    char tag[P9_TAG_MAX];      /* [I] */
    struct p9_slot slots[P9_CALLS];
};

extern const struct p9_transport_ops p9_virtio_ops; /* close is in p9_virtio.c */

/** @brief Set up the slots; the memory exists, the queue does not yet interrupt. */
void p9_virtio_init_io(struct p9_virtio *v);

/** @brief Handle the queue's interrupt. */
void p9_virtio_interrupt(struct virtio_queue *q);

/** @brief Make the device stop using memory, and fail what it has. On return no thread is in the
 *     transport. @param state  P9_STOPPED or P9_GONE */
void p9_virtio_stop(struct p9_virtio *v, enum p9_state state);

/** @brief Start a device that was stopped; no effect on one that works. @return OK; E_IO. */
enum status p9_virtio_restart(struct p9_virtio *v);

/** @brief The session has ended. */
void p9_virtio_close(struct p9_transport *t);
