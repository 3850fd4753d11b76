// SPDX-License-Identifier: MIT
//
// Virtio devices: life cycle, features, queues with their interrupts, over any transport. queue.h
// has the logic of the queues. Legacy devices (before virtio 1.0) are refused.
#pragma once

#include "drivers/virtio/queue.h"
#include "hal/io.h"
#include "kernel/io/device.h"
#include "kernel/io/dma.h"

struct virtio_device;

/** Bits of device status, 2.1. */
enum virtio_status {
    VIRTIO_STATUS_ACKNOWLEDGE = 0x01,
    VIRTIO_STATUS_DRIVER = 0x02,
    VIRTIO_STATUS_DRIVER_OK = 0x04,
    VIRTIO_STATUS_FEATURES_OK = 0x08,
    VIRTIO_STATUS_NEEDS_RESET = 0x40,
    VIRTIO_STATUS_FAILED = 0x80,
};

/* Feature bits of every kind of device, 6. */
#define VIRTIO_F_INDIRECT_DESC   (1ull << 28)
#define VIRTIO_F_EVENT_IDX       (1ull << 29)
#define VIRTIO_F_VERSION_1       (1ull << 32)
#define VIRTIO_F_ACCESS_PLATFORM (1ull << 33)
#define VIRTIO_F_ORDER_PLATFORM  (1ull << 36)

/** Feature bits that the queues and the transport support, for every kind of device. */
#define VIRTIO_F_COMMON                                                                            \
    (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM | \
     VIRTIO_F_ORDER_PLATFORM)

/**
 * A queue and its memory. The driver owns the struct from virtio_queue_open() to
 * virtio_queue_close().
 * Field protection: [I] set by virtio_queue_open()   [d] the driver serialises
 */
struct virtio_queue {
    struct virtq ring;                         /* [d] */
    struct virtio_device *vd;                  /* [I] */
    void (*interrupt)(struct virtio_queue *q); /* [I] called in IRQ context: only queues work */
    struct dma_buffer memory;                  /* [I] */
    struct virtq_slot *slots;                  /* [I] */
    struct io_region doorbell;                 /* [I] owned by the transport */
    uint16_t index;                            /* [I] */
    bool is_connected;                         /* [d] */
};

/** Operations of a transport. They are called in thread context; none is optional. */
struct virtio_transport {
    const char *name;
    uint8_t (*read_status)(struct virtio_device *vd);
    void (*write_status)(struct virtio_device *vd, uint8_t status);
    uint64_t (*offered)(struct virtio_device *vd);
    void (*accept)(struct virtio_device *vd, uint64_t features);
    /** Read consistently. OK; E_RANGE: the device has
     * no such bytes; E_IO: they change all the time. */
    enum status (*read_config)(struct virtio_device *vd, size_t offset, void *buf, size_t len);
    /** OK; E_RANGE: the device has no such byte. */
    enum status (*write_config8)(struct virtio_device *vd, size_t offset, uint8_t value);
    /** Largest size of a queue; 0: there is no queue with that index. */
    uint16_t (*queue_max)(struct virtio_device *vd, uint16_t index);
    /** Give the device the address of the queue's memory,
     * and make its interrupts call q->interrupt. */
    enum status (*connect)(struct virtio_device *vd, struct virtio_queue *q);
    /** Undo connect(); the device has been reset. */
    void (*disconnect)(struct virtio_device *vd, struct virtio_queue *q);
};

/** Embedded in the transport's own struct. */
struct virtio_device {
    const struct virtio_transport *transport;
    struct device *parent;
    uint64_t features; /* the negotiated features */
};

/**
 * @brief Reset the device and negotiate features.
 * @param wanted    Feature bits of this kind of device that the driver supports; the common ones
 * are added.
 * @param required  Features without which the driver cannot work.
 * @return OK: vd->features holds the result; E_NOTSUP: a legacy device, a required bit is missing,
 * or the device refuses the choice; E_TIMEDOUT: its reset does not complete. Each error is
 * logged.
 * @context{thread, may sleep}
 */
enum status virtio_negotiate(struct virtio_device *vd, uint64_t wanted, uint64_t required);

/**
 * @brief Stop the device: on return it uses no memory and raises no interrupt.
 *  @return OK; E_TIMEDOUT: it does not answer. @context{thread, may sleep}
 */
enum status virtio_reset(struct virtio_device *vd);

/** @brief Let the device work. All queues are open. @context{thread} */
void virtio_start(struct virtio_device *vd);

/**
 * @brief Open a queue of at most `limit` descriptors. After virtio_negotiate(), before
 * virtio_start().
 * @param interrupt  Called in IRQ context when the device has finished something, and sometimes
 * without a reason.
 * @return OK, and q->slots is not NULL; E_NODEV: no such queue; E_NOMEM; the transport's errors for
 * interrupts.
 * @context{thread}
 */
enum status virtio_queue_open(struct virtio_device *vd, struct virtio_queue *q, uint16_t index,
                              uint16_t limit, void (*interrupt)(struct virtio_queue *q));

/**
 * @brief Empty a queue and connect it again, after a reset and a new virtio_negotiate() with the
 * same result. The caller removes the old requests before.
 * @return as the transport's connect(). After an error the device does not use the queue, but it
 * must still be closed.
 * @context{thread}
 */
enum status virtio_queue_reopen(struct virtio_queue *q);

/**
 * @brief Detach the queue's interrupt, which is not called after the return, and unmap its
 *  doorbell. @pre the device has been reset, and virtio_queue_kick() is no longer called: work that
 *  calls it has been cancelled, and does nothing if the interrupt queues it again.
 *  @context{thread}
 */
void virtio_queue_disconnect(struct virtio_queue *q);

/** @brief Release a queue's memory and interrupt. The device has been reset. @context{thread} */
void virtio_queue_close(struct virtio_queue *q);

/** @brief Notify the device. Call it if virtq_publish() returned true. @context{any} */
static inline void virtio_queue_kick(struct virtio_queue *q)
{
    io_write16(&q->doorbell, 0, q->index);
}

static inline bool virtio_has(const struct virtio_device *vd, uint64_t feature)
{
    return (vd->features & feature) != 0;
}

/** @brief Read a little-endian value of the device's configuration. @return as read_config(). */
enum status virtio_config_u32(struct virtio_device *vd, size_t offset, uint32_t *out);
enum status virtio_config_u64(struct virtio_device *vd, size_t offset, uint64_t *out);
