// SPDX-License-Identifier: MIT
//
// The split virtqueue of virtio 1.x (section 2.7): pure logic over memory shared with the device.
// The device is not trusted. The driver's own state is in memory of the driver, and a number from
// the device is checked before its use.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTQ_SIZE_MAX 256u /* descriptors; a power of two */

/** A descriptor as the device reads it, little-endian; also an entry of an indirect table. */
struct virtq_desc {
    uint64_t bus;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};
STATIC_ASSERT(sizeof(struct virtq_desc) == 16, "virtio 1.2, 2.7.5");

enum virtq_desc_flags {
    VIRTQ_DESC_NEXT = 1,
    VIRTQ_DESC_WRITE = 2, /**< the device writes the piece, and does not read it */
    VIRTQ_DESC_INDIRECT = 4,
};

/**
 * @brief A piece of a request, as entry `index` of a table.
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
    uint16_t ring[]; /* used_event follows */
};

struct virtq_used_entry {
    uint32_t id;
    uint32_t len;
};

struct virtq_used {
    uint16_t flags;
    uint16_t index;
    struct virtq_used_entry ring[]; /* avail_event follows */
};

/** The driver's own state of a descriptor, out of the device's reach. */
struct virtq_slot {
    void *token;        /* the request whose chain starts here; NULL: none */
    uint32_t writable;  /* largest number of bytes that the device may report as written */
    uint16_t last;      /* last descriptor of the chain */
    uint16_t next_free; /* next free descriptor, or next of the chain */
};

/** Without a lock: the owner serialises all calls. */
struct virtq {
    struct virtq_desc *desc;
    struct virtq_avail *avail;
    struct virtq_used *used;
    struct virtq_slot *slots;
    uint16_t size;
    uint16_t free_head, free_count;
    uint16_t in_flight;
    uint16_t
        avail_index; /* next entry to fill; the device sees an older value until virtq_publish() */
    uint16_t published;  /* the index that the device sees */
    uint16_t used_index; /* next entry to read */
    bool event_idx;      /* VIRTIO_F_EVENT_IDX was negotiated */
    bool is_broken;      /* the device broke a rule; its answers are no longer read */
};

/** Offsets of the three parts in one block of memory. */
struct virtq_layout {
    size_t avail, used, size;
};

/**
 * @brief Layout of a queue with `size` descriptors (a power of two, 1 to VIRTQ_SIZE_MAX). Each part
 * is aligned as 2.7 requires, if the memory is aligned to 16.
 */
struct virtq_layout virtq_layout(uint16_t size);

/**
 * @brief Make an empty queue.
 * @param memory  virtq_layout(size).size zeroed bytes, whose address the device gets.
 * @param slots   `size` entries. The caller owns both; they outlive the queue.
 */
void virtq_init(struct virtq *q, uint16_t size, bool event_idx, void *memory,
                struct virtq_slot *slots);

/**
 * @brief Queue a request as a chain of descriptors. The device sees it after virtq_publish().
 * @param pieces    A table of pieces; those that the device reads come first, then those that it
 * writes.
 * @param count     Number of pieces, 1 to size.
 * @param writable  Total length of the pieces that the device writes, in bytes.
 * @param token     Not NULL; virtq_pop() returns it.
 * @return OK; E_BUSY: too few descriptors are free.
 */
enum status virtq_add(struct virtq *q, const struct virtq_desc *pieces, unsigned count,
                      uint32_t writable, void *token);

/**
 * @brief Queue a request as an indirect table in memory; it uses one descriptor.
 * @param table_bus  Bus address of a table of `count` linked pieces. The caller owns it; the device
 * reads it until virtq_pop() returns the token.
 * @return as virtq_add().
 */
enum status virtq_add_indirect(struct virtq *q, uint64_t table_bus, unsigned count,
                               uint32_t writable, void *token);

/** @brief Make the added requests visible to the device. @return true: it must be notified. */
bool virtq_publish(struct virtq *q);

/**
 * @brief Take the next request that the device has finished.
 * @param len  Number of bytes written according to the device, at most the writable bytes.
 * @return OK; E_AGAIN: none; E_IO: the device broke a rule, and q->is_broken is set.
 */
enum status virtq_pop(struct virtq *q, void **token, uint32_t *len);

/**
 * @brief Ask for an interrupt when the next request is finished.
 *  @return false: one is finished already and may not interrupt; pop it.
 */
bool virtq_enable_interrupts(struct virtq *q);
/** @brief Ask for no interrupts. With event_idx that is automatic after each interrupt. */
void virtq_disable_interrupts(struct virtq *q);

/** @brief After a reset of the device: remove and return a request. @return NULL: none is left. */
void *virtq_reclaim(struct virtq *q);
