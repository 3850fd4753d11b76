// SPDX-License-Identifier: MIT
//
// Virtio entropy devices, virtio 1.2, section 5.4: one queue, one request at a time. The random
// generator is kernel/io/random.c. This file is built as a module; it would also work linked into
// the kernel.
#include "drivers/pci/pci.h"
#include "drivers/virtio/drivers.h"
#include "drivers/virtio/pci.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/io/random.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define DEVICE_ENTROPY 4
#define RING           2u /* descriptors; more than there are requests */
#define BUFFER_BYTES   RANDOM_SEED_BYTES

/*
 * A device may be slow, because its host can limit the rate. A reader waits one second and then
 * returns; the request stays with the device. A removal waits another second. Both times are
 * counted in ticks of a timer, not measured by the clock: an emulator that skips idle time can
 * move the clock past any limit while its host still works.
 */
#define TICK_NS     (50 * NS_PER_MS)
#define READ_TICKS  20u
#define DRAIN_TICKS 20u

/* Number of answers without data that one read accepts.
 * By 5.4.6.1 a device returns at least one byte. */
#define EMPTY_MAX 3u

/* Field protection:  [I] set by probe   [l] done.lock, which the interrupt handler takes */
struct virtio_rng {
    struct virtio_device *vd;     /* [I] */
    struct virtio_queue queue;    /* ring: [l] */
    struct dma_buffer buffer;     /* owned by the device while in_flight, else [l] */
    struct entropy_source source; /* [I] */
    struct wait_queue done; /* signalled when a request has ended, or the driver stops waiting */
    bool in_flight;         /* [l] the device has a request and owns the buffer */
    bool is_closing;        /* [l] no new requests */
    bool is_given_up;       /* [l] the driver no longer waits for the request in flight */
    bool is_broken;         /* [l] the device broke a rule; no new requests */
    uint32_t filled;        /* [l] unused random bytes at the start of the buffer */
    uint32_t empty;         /* [l] consecutive answers without data */
};

static void collect_locked(struct virtio_rng *r) REQUIRES(r->done.lock)
{
    void *token;
    uint32_t len;
    enum status s = virtq_pop(&r->queue.ring, &token, &len);
    if (s == E_AGAIN) {
        return;
    }
    if (s != OK) {
        r->is_broken = true;
        log_error("virtio_rng", "%s: the device broke a rule of its queue", r->vd->parent->name);
    } else {
        r->in_flight = false;
        r->filled = len;
        r->empty = len == 0 ? r->empty + 1 : 0;
    }
    wait_wake_all_locked(&r->done);
}

/* Interrupt context. */
static void on_interrupt(struct virtio_queue *q)
{
    struct virtio_rng *r = CONTAINER_OF(q, struct virtio_rng, queue);
    irq_state_t state = spin_lock_irq(&r->done.lock);
    if (r->in_flight && !r->is_broken) {
        collect_locked(r);
    }
    spin_unlock_irq(&r->done.lock, state);
}

static void request_locked(struct virtio_rng *r) REQUIRES(r->done.lock)
{
    struct virtq_desc piece =
        virtq_piece(0, r->buffer.bus.raw, BUFFER_BYTES, true /* the device writes it */, false);
    if (virtq_add(&r->queue.ring, &piece, 1, BUFFER_BYTES, r) != OK) {
        r->is_broken = true; /* the ring was empty, so an error means that it is broken */
        return;
    }
    r->in_flight = true;
    /* nothing was in flight, so the result does not matter */
    (void)virtq_enable_interrupts(&r->queue.ring);
    if (virtq_publish(&r->queue.ring)) {
        virtio_queue_kick(&r->queue);
    }
}

/* Move bytes out of the buffer, without leaving a copy there. */
static size_t move_out_locked(struct virtio_rng *r, uint8_t *buf, size_t len) REQUIRES(r->done.lock)
{
    uint8_t *from = r->buffer.cpu;
    size_t n = MIN(len, (size_t)r->filled);
    memcpy(buf, from, n);
    memmove(from, from + n, r->filled - n);
    memset(from + r->filled - n, 0, n);
    r->filled -= (uint32_t)n;
    return n;
}

/* The reason why a read cannot continue; OK: it can. */
static enum status why_not_locked(const struct virtio_rng *r)
{
    if (r->is_closing && (r->is_given_up || !r->in_flight)) {
        return E_CANCELLED;
    }
    return r->is_broken || r->empty >= EMPTY_MAX ? E_IO : OK;
}

static enum status virtio_rng_read(struct entropy_source *self, uint8_t *buf, size_t len,
                                   size_t *got)
{
    struct virtio_rng *r = CONTAINER_OF(self, struct virtio_rng, source);
    enum status s = OK;
    unsigned ticks = 0;
    irq_state_t state = spin_lock_irq(&r->done.lock);
    r->empty = 0;
    while (r->filled == 0 && s == OK) {
        s = why_not_locked(r);
        if (s == OK && !r->in_flight) {
            request_locked(r);
        } else if (s == OK && ticks++ == READ_TICKS) {
            s = E_TIMEDOUT;
        } else if (s == OK) {
            enum status w = wait_on_locked(&r->done, &state, clock_now_ns() + TICK_NS);
            s = w == E_CANCELLED ? w : OK;
        }
    }
    if (r->filled > 0) {
        *got = move_out_locked(r, buf, len);
        s = OK;
    }
    spin_unlock_irq(&r->done.lock, state);
    return s;
}

/* Refuse new requests, and wait a limited time for the one that the device has. */
static void drain(struct virtio_rng *r)
{
    irq_state_t state = spin_lock_irq(&r->done.lock);
    r->is_closing = true;
    for (unsigned i = 0; r->in_flight && !r->is_broken && i < DRAIN_TICKS; i++) {
        (void)!wait_uncancellable_locked(&r->done, &state, clock_now_ns() + TICK_NS);
    }
    r->is_given_up = r->in_flight;
    wait_wake_all_locked(&r->done);
    spin_unlock_irq(&r->done.lock, state);
    if (r->is_given_up) {
        log_warn("virtio_rng", "%s: a request that the device does not answer is given up",
                 r->vd->parent->name);
    }
}

static void shut_down(struct virtio_rng *r)
{
    struct device *parent = r->vd->parent;
    if (virtio_reset(r->vd) != OK) {
        pci_disable(pci_of(parent)); /* the device can then at least not access memory */
    }
    if (r->queue.slots != NULL) {
        virtio_queue_close(&r->queue);
    }
    virtio_pci_close(r->vd);
    if (r->buffer.cpu != NULL) {
        dma_free(parent, &r->buffer);
    }
    heap_free(r);
}

/* After this the device works, if there was no error. */
static enum status start(struct virtio_rng *r, struct device *dev)
{
    enum status s = virtio_negotiate(r->vd, 0, 0);
    if (s == OK) {
        s = dma_alloc(dev, BUFFER_BYTES, &r->buffer);
    }
    if (s == OK) {
        s = virtio_queue_open(r->vd, &r->queue, 0, RING, on_interrupt);
    }
    if (s == OK) {
        virtio_start(r->vd);
    }
    return s;
}

static bool virtio_rng_match(const struct device *dev)
{
    return virtio_pci_match(dev, DEVICE_ENTROPY);
}

static enum status virtio_rng_probe(struct device *dev)
{
    struct virtio_rng *r = heap_zalloc(sizeof(*r));
    if (r == NULL) {
        return E_NOMEM;
    }
    enum status s = virtio_pci_open(dev, 1, &r->vd);
    if (s != OK) {
        heap_free(r);
        return s;
    }
    wait_queue_init(&r->done, "virtio_rng");
    s = start(r, dev);
    if (s != OK) {
        shut_down(r);
        return s;
    }
    dev->driver_data = r;
    fmt_print(r->source.name, sizeof(r->source.name), "virtio_rng %s", dev->name);
    r->source.read = virtio_rng_read;
    random_add_source(&r->source);
    return OK;
}

static void virtio_rng_remove(struct device *dev)
{
    struct virtio_rng *r = dev->driver_data;
    drain(r);
    random_remove_source(&r->source);
    shut_down(r);
}

static uint32_t virtio_rng_in_flight(const struct device *dev)
{
    struct virtio_rng *r = dev->driver_data;
    irq_state_t state = spin_lock_irq(&r->done.lock);
    bool in_flight = r->in_flight;
    spin_unlock_irq(&r->done.lock, state);
    return in_flight ? 1 : 0;
}

const struct driver virtio_rng_driver = {
    .name = "virtio_rng",
    .version = "1.0",
    .bus = &pci_bus_type,
    .match = virtio_rng_match,
    .probe = virtio_rng_probe,
    .remove = virtio_rng_remove,
    .in_flight = virtio_rng_in_flight,
};

DRIVER_MODULE(virtio_rng_driver, "virtio_rng", "1.0", "MIT");
