// SPDX-License-Identifier: MIT
//
// The life cycle of a virtio device, 3.1 and 2.4 of virtio 1.2, over any transport.
#include "drivers/virtio/virtio.h"

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"

/* A device with requests in flight may finish them before its reset is complete. */
#define RESET_LIMIT_NS (2 * NS_PER_S)
#define RESET_POLL_NS  (100 * NS_PER_US)

static void add_status(struct virtio_device *vd, uint8_t bits)
{
    vd->transport->write_status(vd, vd->transport->read_status(vd) | bits);
}

enum status virtio_reset(struct virtio_device *vd)
{
    uint64_t limit = clock_now_ns() + RESET_LIMIT_NS;
    vd->transport->write_status(vd, 0);
    while (vd->transport->read_status(vd) != 0) {
        if (clock_now_ns() > limit) {
            log_error("virtio", "%s: does not come out of reset", vd->parent->name);
            return E_TIMEDOUT;
        }
        /* In a cancelled thread thread_sleep() returns at once, but the thread must wait here. */
        if (thread_sleep(RESET_POLL_NS) != OK) {
            thread_yield();
        }
    }
    return OK;
}

static enum status refuse(struct virtio_device *vd, const char *why, uint64_t features)
{
    log_error("virtio", "%s: %s (features 0x%llx)", vd->parent->name, why,
              (unsigned long long)features);
    add_status(vd, VIRTIO_STATUS_FAILED);
    return E_NOTSUP;
}

enum status virtio_negotiate(struct virtio_device *vd, uint64_t wanted, uint64_t required)
{
    enum status s = virtio_reset(vd);
    if (s != OK) {
        return s;
    }
    add_status(vd, VIRTIO_STATUS_ACKNOWLEDGE);
    add_status(vd, VIRTIO_STATUS_DRIVER);
    uint64_t offered = vd->transport->offered(vd);
    if ((offered & VIRTIO_F_VERSION_1) == 0) {
        return refuse(vd, "legacy device: virtio 1.0 or later is needed", offered);
    }
    if ((offered & required) != required) {
        return refuse(vd, "a feature that the driver needs is missing", offered);
    }
    uint64_t chosen = offered & (wanted | required | VIRTIO_F_COMMON);
    vd->transport->accept(vd, chosen);
    add_status(vd, VIRTIO_STATUS_FEATURES_OK);
    if ((vd->transport->read_status(vd) & VIRTIO_STATUS_FEATURES_OK) == 0) {
        return refuse(vd, "the device refuses the chosen features", chosen);
    }
    vd->features = chosen;
    return OK;
}

void virtio_start(struct virtio_device *vd)
{
    add_status(vd, VIRTIO_STATUS_DRIVER_OK);
}

/* Queue sizes are powers of two, 2.7; another number from the device is rounded down. */
static uint16_t queue_size(uint16_t max, uint16_t limit)
{
    uint16_t size = 1;
    while (size <= MIN(max, limit) / 2) {
        size *= 2;
    }
    return size;
}

enum status virtio_queue_open(struct virtio_device *vd, struct virtio_queue *q, uint16_t index,
                              uint16_t limit, void (*interrupt)(struct virtio_queue *q))
{
    uint16_t max = vd->transport->queue_max(vd, index);
    if (max == 0) {
        return E_NODEV;
    }
    uint16_t size = queue_size(max, MIN(limit, VIRTQ_SIZE_MAX));
    *q = (struct virtio_queue){.vd = vd, .interrupt = interrupt, .index = index};
    q->slots = heap_calloc(size, sizeof(*q->slots));
    if (q->slots == NULL) {
        return E_NOMEM;
    }
    enum status s = dma_alloc(vd->parent, virtq_layout(size).size, &q->memory);
    if (s != OK) {
        goto free_slots;
    }
    virtq_init(&q->ring, size, virtio_has(vd, VIRTIO_F_EVENT_IDX), q->memory.cpu, q->slots);
    s = vd->transport->connect(vd, q);
    if (s != OK) {
        goto free_memory;
    }
    q->is_connected = true;
    return OK;

free_memory:
    dma_free(vd->parent, &q->memory);
free_slots:
    heap_free(q->slots);
    q->slots = NULL;
    return s;
}

void virtio_queue_disconnect(struct virtio_queue *q)
{
    if (q->is_connected) {
        q->vd->transport->disconnect(q->vd, q);
        q->is_connected = false;
    }
}

enum status virtio_queue_reopen(struct virtio_queue *q)
{
    virtio_queue_disconnect(q);
    memset(q->memory.cpu, 0, q->memory.size);
    virtq_init(&q->ring, q->ring.size, q->ring.event_idx, q->memory.cpu, q->slots);
    enum status s = q->vd->transport->connect(q->vd, q);
    q->is_connected = s == OK;
    return s;
}

void virtio_queue_close(struct virtio_queue *q)
{
    virtio_queue_disconnect(q);
    dma_free(q->vd->parent, &q->memory);
    heap_free(q->slots);
    q->slots = NULL;
}

enum status virtio_config_u32(struct virtio_device *vd, size_t offset, uint32_t *out)
{
    uint8_t bytes[4];
    enum status s = vd->transport->read_config(vd, offset, bytes, sizeof(bytes));
    if (s == OK) {
        *out = load_le32(bytes);
    }
    return s;
}

enum status virtio_config_u64(struct virtio_device *vd, size_t offset, uint64_t *out)
{
    uint8_t bytes[8];
    enum status s = vd->transport->read_config(vd, offset, bytes, sizeof(bytes));
    if (s == OK) {
        *out = load_le64(bytes);
    }
    return s;
}
