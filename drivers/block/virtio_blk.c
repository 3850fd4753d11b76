// SPDX-License-Identifier: MIT
//
// Virtio block devices: probing, reading and checking the configuration, removal. virtio_blk_io.c
// handles the requests.
#include "drivers/block/virtio_blk_internal.h"

#include "drivers/virtio/drivers.h"
#include "drivers/virtio/pci.h"
#include "kernel/base/log.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define DEVICE_BLOCK 2

#define F_SIZE_MAX (1ull << 1)
#define F_SEG_MAX  (1ull << 2)
#define F_RO       (1ull << 5)
#define F_BLK_SIZE (1ull << 6)
#define F_FLUSH    (1ull << 9)
#define F_WANTED   (F_SIZE_MAX | F_SEG_MAX | F_RO | F_BLK_SIZE | F_FLUSH)

/* Offsets in the configuration, 5.2.4. */
enum {
    CONFIG_CAPACITY = 0,
    CONFIG_SIZE_MAX = 8,
    CONFIG_SEG_MAX = 12,
    CONFIG_BLK_SIZE = 20,
};

static enum status read_if(struct virtio_blk *b, uint64_t feature, size_t offset,
                           uint32_t otherwise, uint32_t *out)
{
    if (!virtio_has(b->vd, feature)) {
        *out = otherwise;
        return OK;
    }
    return virtio_config_u32(b->vd, offset, out);
}

/*
 * Limits of one request. They guarantee that a request within them fits the ring, however its
 * memory is scattered: a segment of n bytes touches at most (n - 1) / PAGE_SIZE + 2 pages.
 */
static enum status set_limits(struct virtio_blk *b, uint32_t size_max, uint32_t seg_max)
{
    uint32_t ring = b->queue.ring.size;
    uint32_t pieces = ring > 2 ? MIN(seg_max, ring - 2) : 0;
    if (pieces < 2 || size_max < PAGE_SIZE) {
        log_error("virtio_blk", "%s: cannot be used: a request has only %u pieces of %u bytes",
                  b->block.parent->name, pieces, size_max);
        return E_NOTSUP;
    }
    b->pieces_max = pieces;
    b->size_max = size_max;
    b->block.max_segments = MAX(1u, MIN(pieces / 4, (uint32_t)BLOCK_SEGMENTS_MAX));
    b->block.max_bytes = (pieces - 2 * b->block.max_segments + 1) * (uint32_t)PAGE_SIZE;
    return OK;
}

static enum status read_geometry(struct virtio_blk *b)
{
    uint64_t sectors;
    uint32_t size_max, seg_max, block;
    enum status s = virtio_config_u64(b->vd, CONFIG_CAPACITY, &sectors);
    if (s == OK) {
        s = read_if(b, F_SIZE_MAX, CONFIG_SIZE_MAX, UINT32_MAX, &size_max);
    }
    if (s == OK) {
        s = read_if(b, F_SEG_MAX, CONFIG_SEG_MAX, VIRTQ_SIZE_MAX, &seg_max);
    }
    if (s == OK) {
        s = read_if(b, F_BLK_SIZE, CONFIG_BLK_SIZE, BLOCK_SECTOR, &block);
    }
    if (s != OK) {
        log_error("virtio_blk", "%s: configuration: %s", b->block.parent->name, status_text(s));
        return s;
    }
    if (block < BLOCK_SECTOR || (block & (block - 1)) != 0) {
        log_error("virtio_blk", "%s: blocks of %u bytes", b->block.parent->name, block);
        return E_NOTSUP;
    }
    b->block.logical_block = block;
    b->block.sectors = ALIGN_DOWN(sectors, (uint64_t)(block / BLOCK_SECTOR));
    b->block.read_only = virtio_has(b->vd, F_RO);
    b->block.can_flush = virtio_has(b->vd, F_FLUSH);
    return set_limits(b, size_max, seg_max);
}

/* Interrupt context. */
static void on_interrupt(struct virtio_queue *q)
{
    struct virtio_blk *b = CONTAINER_OF(q, struct virtio_blk, queue);
    work_queue(&b->work);
}

static enum status alloc_requests(struct virtio_blk *b)
{
    uint32_t n = b->queue.ring.size;
    enum status s = dma_alloc(b->block.parent, n * sizeof(struct blk_slot), &b->slots);
    if (s != OK) {
        return s;
    }
    b->calls = heap_calloc(n, sizeof(*b->calls));
    b->pieces = heap_calloc(n, sizeof(*b->pieces));
    b->segments = heap_calloc(n, sizeof(*b->segments));
    return b->calls != NULL && b->pieces != NULL && b->segments != NULL ? OK : E_NOMEM;
}

static void free_requests(struct virtio_blk *b)
{
    heap_free(b->segments);
    heap_free(b->pieces);
    heap_free(b->calls);
    if (b->slots.cpu != NULL) {
        dma_free(b->block.parent, &b->slots);
    }
}

/* The string comes from the device and is printed for users, so only printable characters stay. */
static void set_serial(struct virtio_blk *b)
{
    size_t n = strnlen(b->id, BLK_ID_SIZE);
    memcpy(b->block.serial, b->id, n);
    b->block.serial[n] = '\0';
    str_make_printable(b->block.serial);
}

/* After this the device works, if there was no error. */
static enum status start(struct virtio_blk *b)
{
    enum status s = virtio_negotiate(b->vd, F_WANTED, 0);
    if (s != OK) {
        return s;
    }
    b->features = b->vd->features;
    b->indirect = virtio_has(b->vd, VIRTIO_F_INDIRECT_DESC);
    s = virtio_queue_open(b->vd, &b->queue, 0, VIRTQ_SIZE_MAX, on_interrupt);
    if (s != OK) {
        return s;
    }
    s = read_geometry(b);
    if (s == OK) {
        s = alloc_requests(b);
    }
    if (s == OK) {
        virtio_blk_io_init(b);
        virtio_start(b->vd);
        s = virtio_blk_read_id(b);
        if (s == OK) {
            set_serial(b);
        }
        /* A device need not have a serial number. But a device that does not answer this request at
         * all cannot be used. */
        s = s == E_TIMEDOUT ? s : b->state == BLK_BROKEN ? E_IO : OK;
    }
    return s;
}

/* No request is in flight, or the device will not complete any of them. */
static void shut_down(struct virtio_blk *b)
{
    /* recover() may run in the work function. It answers the last request, and may then sleep
     * before it starts the device again. Cancel that work first: a device stopped before it would
     * be started again. */
    work_cancel(&b->work);
    (void)virtio_blk_stop(b);
    virtio_queue_disconnect(&b->queue);
    (void)timer_cancel(&b->watchdog);
    work_cancel(&b->work); /* nothing queues the work now, and its function reads the ring */
    if (b->queue.slots != NULL) {
        virtio_queue_close(&b->queue);
    }
    virtio_pci_close(b->vd);
    free_requests(b);
    heap_free(b);
}

static void report(const struct virtio_blk *b)
{
    const struct block_device *d = &b->block;
    log_info("virtio_blk", "%s: %s, %llu KiB in blocks of %u%s%s, queue of %u, serial \"%s\"",
             d->parent->name, d->name, (unsigned long long)(d->sectors >> 1), d->logical_block,
             d->read_only ? ", read-only" : "", d->can_flush ? ", with cache" : "",
             b->queue.ring.size, d->serial);
}

static bool virtio_blk_match(const struct device *dev)
{
    return virtio_pci_match(dev, DEVICE_BLOCK);
}

static enum status virtio_blk_probe(struct device *dev)
{
    struct virtio_blk *b = heap_zalloc(sizeof(*b));
    if (b == NULL) {
        return E_NOMEM;
    }
    enum status s = virtio_pci_open(dev, 1, &b->vd);
    if (s != OK) {
        heap_free(b);
        return s;
    }
    b->work.run = virtio_blk_work;
    b->block.parent = dev;
    b->block.ops = &virtio_blk_ops;
    b->block.driver_data = b;
    block_init(&b->block);
    s = start(b);
    if (s == OK) {
        s = block_register(&b->block);
    }
    if (s != OK) {
        shut_down(b);
        return s;
    }
    dev->driver_data = b;
    report(b);
    return OK;
}

static void virtio_blk_remove(struct device *dev)
{
    struct virtio_blk *b = dev->driver_data;
    block_unregister(&b->block);
    shut_down(b);
}

static uint32_t virtio_blk_in_flight(const struct device *dev)
{
    const struct virtio_blk *b = dev->driver_data;
    return atomic_load_explicit(&b->active_count, memory_order_relaxed);
}

const struct driver virtio_blk_driver = {
    .name = "virtio_blk",
    .version = "1.0",
    .bus = &pci_bus_type,
    .match = virtio_blk_match,
    .probe = virtio_blk_probe,
    .remove = virtio_blk_remove,
    .in_flight = virtio_blk_in_flight,
};
