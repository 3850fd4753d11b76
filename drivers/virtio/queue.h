// SPDX-License-Identifier: MIT
//
// The split virtqueue of virtio 1.x (section 2.7) as pure logic over memory that the device shares.
// What the device writes there is hostile until checked: this side keeps its own books and never
// follows a number of the device's further than a comparison.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTQ_SIZE_MAX 256u /* descriptors; a power of two */

/** The device's view of a descriptor, little-endian; also an entry of an indirect table. */
struct virtq_desc {
    uint64_t bus;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};
STATIC_ASSERT(sizeof(struct virtq_desc) == 16, "virtio 1.2, 2.7.5");

enum virtq_desc_flags {
    VIRTQ_DESC_NEXT = 1,
    VIRTQ_DESC_WRITE = 2, /**< the device writes */
    VIRTQ_DESC_INDIRECT = 4,
};

/**
 * @brief A piece of a request, as entry `index` of a table of such.
 * @param len   At least 1.
 * @param more  Entry index + 1 follows.
 */
static inline struct virtq_desc virtq_piece(unsigned index, uint64_t bus, uint32_t len,
                                            bool device_writes, bool more)
{
    return (struct virtq_desc){
        .bus = bus,
        .len = len,
        .flags = (device_writes ? VIRTQ_DESC_WRITE : 0) | (more ? VIRTQ_DESC_NEXT : 0),
        .next = more ? (uint16_t)(index + 1) : 0,
    };
}

struct virtq_avail {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[]; /* then used_event */
};

struct virtq_used_entry {
    uint32_t id;
    uint32_t len;
};

struct virtq_used {
    uint16_t flags;
    uint16_t index;
    struct virtq_used_entry ring[]; /* then avail_event */
};

/** Our own books of a descriptor, which the device cannot reach. */
struct virtq_slot {
    void *token;        /* the request whose chain starts here; NULL: none */
    uint32_t writable;  /* bytes that the device may claim to have written */
    uint16_t last;      /* last descriptor of the chain */
    uint16_t next_free; /* or the next of the chain */
};

/** Not locked: its owner serialises all calls. */
struct virtq {
    struct virtq_desc *desc;
    struct virtq_avail *avail;
    struct virtq_used *used;
    struct virtq_slot *slots;
    uint16_t size;
    uint16_t free_head, free_count;
    uint16_t in_flight;
    uint16_t
        avail_index; /* next entry to fill; what the device sees is behind until virtq_publish() */
    uint16_t published;  /* the index that the device sees */
    uint16_t used_index; /* next entry to read */
    bool event_idx;      /* VIRTIO_F_EVENT_IDX was negotiated */
    bool is_broken;      /* the device broke a rule; nothing more is read from it */
};

/** Offsets of the three parts in one piece of memory. */
struct virtq_layout {
    size_t avail, used, size;
};

/** @brief Lay out a queue of `size` descriptors (a power of two, 1 to VIRTQ_SIZE_MAX), each part
 * aligned as 2.7 demands if the memory is aligned to 16. */
struct virtq_layout virtq_layout(uint16_t size);

/**
 * @brief Make an empty queue.
 * @param memory  virtq_layout(size).size zeroed bytes that the device will be told of.
 * @param slots   `size` entries; both belong to the caller and outlive the queue.
 */
void virtq_init(struct virtq *q, uint16_t size, bool event_idx, void *memory,
                struct virtq_slot *slots);

/**
 * @brief Queue a request as a chain of descriptors. The device sees it at virtq_publish().
 * @param pieces    A table of pieces; those that the device reads come first, then those that it
 * writes.
 * @param count     Of pieces, 1 to size.
 * @param writable  Bytes of the latter.
 * @param token     Not NULL; comes back from virtq_pop().
 * @return OK; E_BUSY: too few descriptors are free.
 */
enum status virtq_add(struct virtq *q, const struct virtq_desc *pieces, unsigned count,
                      uint32_t writable, void *token);

/**
 * @brief Queue a request that is a table in memory, taking one descriptor.
 * @param table_bus  Bus address of a table of `count` linked pieces, the caller's, which the device
 * reads until the token comes back.
 * @return as virtq_add().
 */
enum status virtq_add_indirect(struct virtq *q, uint64_t table_bus, unsigned count,
                               uint32_t writable, void *token);

/** @brief Show the device what was added. @return true: it must be notified. */
bool virtq_publish(struct virtq *q);

/**
 * @brief Take the next request that the device has finished.
 * @param len  Bytes that it says it wrote, at most those that it was allowed to.
 * @return OK; E_AGAIN: none; E_IO: the device broke a rule, and q->is_broken from now on.
 */
enum status virtq_pop(struct virtq *q, void **token, uint32_t *len);

/** @brief Ask for an interrupt when the next request is finished.
 *  @return false: one is finished already and may not interrupt; pop it. */
bool virtq_enable_interrupts(struct virtq *q);
/** @brief Ask for none. With event_idx that is so anyway from each interrupt on. */
void virtq_disable_interrupts(struct virtq *q);

/** @brief After the device was reset: take back any request. @return NULL: none is left. */
void *virtq_reclaim(struct virtq *q);
