// SPDX-License-Identifier: MIT
//
// Requests of a virtio block device: adding them to the ring, completing them, and recovering when
// the device does not complete them. virtio_blk.c reads the configuration.
#include "drivers/block/virtio_blk_internal.h"

#include "drivers/pci/pci.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"

/*
 * A request may take 30 s. They are counted in ticks of a timer, not measured by the clock. An
 * emulator that skips idle time can move the clock past any limit while the host's disk still
 * works; the ticks leave it real time.
 */
#define TICK_NS   (50 * NS_PER_MS)
#define TICKS_MAX 600u

#define STATUS_OK          0u
#define STATUS_UNSUPPORTED 2u
#define STATUS_UNWRITTEN   0xffu

/* Completions taken from the ring under one hold of the lock. */
#define BATCH 32

/* Functions named _locked, and the functions of block_ops, run under block.lock. The compiler's
 * analysis cannot see that the block layer holds this same lock. */

static struct virtio_blk *blk_of(struct block_device *dev)
{
    return CONTAINER_OF(dev, struct virtio_blk, block);
}

static uint64_t bus_of(const struct blk_call *call, size_t offset)
{
    return call->slot_bus + offset;
}

void virtio_blk_io_init(struct virtio_blk *b)
{
    struct blk_slot *slots = b->slots.cpu;
    list_init(&b->active);
    b->free = NULL;
    for (uint32_t i = b->queue.ring.size; i-- > 0;) {
        b->calls[i] = (struct blk_call){.slot = &slots[i],
                                        .slot_bus = b->slots.bus.raw + i * sizeof(*slots),
                                        .next_free = b->free};
        b->free = &b->calls[i];
    }
}

static void note_oldest_locked(struct virtio_blk *b)
{
    struct list_node *n = list_first(&b->active);
    if (n != NULL) {
        const struct block_request *req = CONTAINER_OF(n, struct block_request, link);
        const struct blk_call *call = req->driver_private;
        atomic_store_explicit(&b->oldest, call->started, memory_order_relaxed);
    }
}

/* Interrupt context. The timer stops itself when no request is in flight. */
static void watchdog_fired(struct timer *t)
{
    struct virtio_blk *b = t->ctx;
    uint32_t now = atomic_fetch_add_explicit(&b->tick, 1, memory_order_relaxed) + 1;
    uint32_t oldest = atomic_load_explicit(&b->oldest, memory_order_relaxed);
    atomic_store(&b->is_watched, false);
    if (atomic_load(&b->active_count) == 0) {
        return;
    }
    if (now - oldest > TICKS_MAX) {
        atomic_store_explicit(&b->has_expired, true, memory_order_release);
        work_queue(&b->work);
    }
    if (!atomic_exchange(&b->is_watched, true)) {
        t->deadline_ns = clock_now_ns() + TICK_NS;
        timer_start(t);
    }
}

static bool is_overdue(struct virtio_blk *b)
{
    spin_lock(&b->block.lock);
    uint32_t age = atomic_load_explicit(&b->tick, memory_order_relaxed) -
                   atomic_load_explicit(&b->oldest, memory_order_relaxed);
    bool overdue = !list_is_empty(&b->active) && age > TICKS_MAX;
    spin_unlock(&b->block.lock);
    return overdue;
}

static void watch(struct virtio_blk *b)
{
    if (!atomic_load(&b->is_watched) && !atomic_exchange(&b->is_watched, true)) {
        b->watchdog.deadline_ns = clock_now_ns() + TICK_NS;
        b->watchdog.fire = watchdog_fired;
        b->watchdog.ctx = b;
        timer_start(&b->watchdog);
    }
}

/* Compute the bus addresses of the data. Returns OK and
 * the number of pieces, or the error of dma_map(). */
static enum status map_data_locked(struct virtio_blk *b, const struct block_request *req,
                                   uint32_t *count)
{
    enum dma_direction dir = req->op == BLOCK_READ ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
    uint32_t used = 0;
    for (uint32_t i = 0; i < req->segment_count; i++) {
        const struct block_segment *seg = &req->segments[i];
        size_t n = b->pieces_max - used;
        enum status s =
            dma_map(b->block.parent, seg->data, seg->len, dir, b->size_max, &b->segments[used], &n);
        if (s != OK) {
            return s;
        }
        used += (uint32_t)n;
    }
    *count = used;
    return OK;
}

/* The pieces are in the order header, data, status. */
static void fill_pieces(const struct virtio_blk *b, const struct blk_call *call, bool device_writes,
                        uint32_t count, struct virtq_desc *pieces)
{
    pieces[0] = virtq_piece(0, bus_of(call, offsetof(struct blk_slot, header)),
                            sizeof(call->slot->header), false, true);
    for (uint32_t i = 1; i <= count; i++) {
        const struct dma_segment *seg = &b->segments[i - 1];
        pieces[i] = virtq_piece(i, seg->bus.raw, seg->len, device_writes, true);
    }
    pieces[count + 1] =
        virtq_piece(count + 1, bus_of(call, offsetof(struct blk_slot, status)), 1, true, false);
}

/* A small request goes into an indirect table of its own, and uses one descriptor of the ring. */
static enum status add_locked(struct virtio_blk *b, struct blk_call *call, bool device_writes,
                              uint32_t count)
{
    uint32_t pieces = count + 2;
    if (!b->indirect || pieces > BLK_TABLE) {
        fill_pieces(b, call, device_writes, count, b->pieces);
        return virtq_add(&b->queue.ring, b->pieces, pieces, call->expected, call);
    }
    fill_pieces(b, call, device_writes, count, call->slot->table);
    return virtq_add_indirect(&b->queue.ring, bus_of(call, offsetof(struct blk_slot, table)),
                              pieces, call->expected, call);
}

static void activate_locked(struct virtio_blk *b, struct blk_call *call, struct block_request *req)
{
    b->free = call->next_free;
    call->req = req;
    call->started = atomic_load_explicit(&b->tick, memory_order_relaxed);
    req->driver_private = call;
    if (list_is_empty(&b->active)) {
        atomic_store_explicit(&b->oldest, call->started, memory_order_relaxed);
    }
    list_push_back(&b->active, &req->link);
    atomic_fetch_add(&b->active_count, 1);
    watch(b);
}

static enum status enter_locked(struct virtio_blk *b, struct block_request *req, enum blk_type type)
{
    struct blk_call *call = b->free;
    bool device_writes = req->op == BLOCK_READ;
    uint32_t count;
    enum status s = map_data_locked(b, req, &count);
    if (s != OK) {
        return s;
    }
    struct blk_slot *slot = call->slot;
    slot->header.type = type;
    slot->header.sector = req->disk_sector;
    slot->status = STATUS_UNWRITTEN;
    call->expected = (device_writes ? req->bytes : 0) + 1;
    s = add_locked(b, call, device_writes, count);
    if (s == OK) {
        activate_locked(b, call, req);
    }
    return s;
}

static enum status blk_submit(struct block_device *dev, struct block_request *req)
{
    static const enum blk_type types[] = {
        [BLOCK_READ] = BLK_IN,
        [BLOCK_WRITE] = BLK_OUT,
        [BLOCK_FLUSH] = BLK_FLUSH,
    };
    struct virtio_blk *b = blk_of(dev);
    if (b->state == BLK_BROKEN) {
        return E_IO;
    }
    if (b->state == BLK_RESETTING || b->free == NULL) {
        return E_BUSY;
    }
    return enter_locked(b, req, types[req->op]);
}

static void blk_kick(struct block_device *dev)
{
    struct virtio_blk *b = blk_of(dev);
    if (b->state == BLK_READY && virtq_publish(&b->queue.ring)) {
        virtio_queue_kick(&b->queue);
    }
}

/* Virtio cannot remove a request that is in the ring. */
static bool blk_cancel(struct block_device *dev, struct block_request *req)
{
    (void)dev;
    (void)req;
    return false;
}

const struct block_ops virtio_blk_ops = {
    .submit = blk_submit,
    .kick = blk_kick,
    .cancel = blk_cancel,
};

static enum status result_of(const struct blk_call *call, uint32_t written)
{
    switch (call->slot->status) {
    case STATUS_OK:
        /* The device writes the status byte last. If it wrote fewer bytes than expected, a part of
         * the read buffer still has its old contents. */
        return written < call->expected ? E_IO : OK;
    case STATUS_UNSUPPORTED:
        return E_NOTSUP;
    default:
        return E_IO;
    }
}

/* Requests that are finished. They are completed after the lock is released. */
struct batch {
    unsigned count;
    struct block_request *reqs[BATCH];
};

/* Free the call of a request, and add the request to the batch. */
static void release_locked(struct virtio_blk *b, struct blk_call *call, enum status result,
                           struct batch *batch)
{
    struct block_request *req = call->req;
    bool was_oldest = list_first(&b->active) == &req->link;
    list_remove(&req->link);
    if (was_oldest) {
        note_oldest_locked(b);
    }
    call->req = NULL;
    call->next_free = b->free;
    b->free = call;
    atomic_fetch_sub(&b->active_count, 1);
    if (req == &b->id_request) {
        req->result = result;
        completion_signal(&b->id_done);
    } else {
        block_finish_locked(req, result);
        batch->reqs[batch->count++] = req;
    }
}

/* Take the finished requests from the ring. E_AGAIN: there are no others; E_IO: the device broke
 * a rule of the ring. */
static enum status take_finished_locked(struct virtio_blk *b, struct batch *batch)
{
    enum status s = OK;
    batch->count = 0;
    while (batch->count < BATCH) {
        void *token;
        uint32_t written;
        s = virtq_pop(&b->queue.ring, &token, &written);
        if (s != OK) {
            break;
        }
        release_locked(b, token, result_of(token, written), batch);
    }
    return s;
}

/* Complete the finished requests. Returns false if the device broke a rule of the ring. */
static bool drain_locked(struct virtio_blk *b) REQUIRES(b->block.lock)
{
    struct batch batch;
    enum status s;
    do {
        s = take_finished_locked(b, &batch);
        if (batch.count > 0) {
            block_complete_batch_locked(&b->block, batch.reqs, batch.count);
        }
    } while (s == OK);
    return s != E_IO;
}

/* The device has been reset and will not complete these requests, so they fail here. */
static void fail_active_locked(struct virtio_blk *b, enum status why) REQUIRES(b->block.lock)
{
    struct batch batch;
    do {
        void *token;
        batch.count = 0;
        while (batch.count < BATCH && (token = virtq_reclaim(&b->queue.ring)) != NULL) {
            release_locked(b, token, why, &batch);
        }
        block_complete_batch_locked(&b->block, batch.reqs, batch.count);
    } while (batch.count > 0);
}

bool virtio_blk_stop(struct virtio_blk *b)
{
    if (virtio_reset(b->vd) == OK) {
        return true;
    }
    pci_disable(pci_of(b->block.parent)); /* the device can then at least not access memory */
    return false;
}

static bool revive(struct virtio_blk *b)
{
    return virtio_negotiate(b->vd, b->features, b->features) == OK &&
           b->vd->features == b->features && virtio_queue_reopen(&b->queue) == OK;
}

/*
 * Recover from a device that broke a rule, or has not answered for too long. The reset makes it
 * stop using memory. Requests that are in the ring as finished count as finished; the others fail.
 * A device that was only slow is started again.
 */
static void recover(struct virtio_blk *b, bool is_broken)
{
    const char *name = b->block.parent->name;
    log_error("virtio_blk", "%s: %s, resetting it", name,
              is_broken ? "the device broke the rules of the ring" : "no answer in time");
    spin_lock(&b->block.lock);
    b->state = BLK_RESETTING; /* the ring does not change from here on */
    spin_unlock(&b->block.lock);
    is_broken |= !virtio_blk_stop(b);

    spin_lock(&b->block.lock);
    is_broken |= !drain_locked(b);
    fail_active_locked(b, is_broken ? E_IO : E_TIMEDOUT);
    spin_unlock(&b->block.lock);

    bool works = !is_broken && revive(b);
    if (works) {
        virtio_start(b->vd);
    } else {
        log_error("virtio_blk", "%s: given up", name);
    }
    spin_lock(&b->block.lock);
    b->state = works ? BLK_READY : BLK_BROKEN;
    spin_unlock(&b->block.lock);
}

void virtio_blk_work(struct work *work)
{
    struct virtio_blk *b = CONTAINER_OF(work, struct virtio_blk, work);
    if (b->state == BLK_BROKEN) {
        return;
    }
    bool is_sane;
    spin_lock(&b->block.lock);
    do {
        is_sane = drain_locked(b);
    } while (is_sane && !virtq_enable_interrupts(&b->queue.ring));
    spin_unlock(&b->block.lock);

    if (is_sane && !atomic_load_explicit(&b->has_expired, memory_order_relaxed)) {
        return;
    }
    atomic_store_explicit(&b->has_expired, false, memory_order_relaxed);
    if (!is_sane || is_overdue(b)) {
        recover(b, !is_sane);
        block_restart(&b->block);
    }
}

enum status virtio_blk_read_id(struct virtio_blk *b)
{
    b->id_segment = (struct block_segment){.data = b->id, .len = sizeof(b->id)};
    b->id_request = (struct block_request){
        .op = BLOCK_READ, .segment_count = 1, .segments = &b->id_segment, .bytes = sizeof(b->id)};
    completion_init(&b->id_done, "virtio_blk serial");
    spin_lock(&b->block.lock);
    enum status s = enter_locked(b, &b->id_request, BLK_GET_ID);
    if (s == OK) {
        blk_kick(&b->block);
    }
    spin_unlock(&b->block.lock);
    if (s != OK) {
        return s;
    }
    s = completion_wait_uncancellable(&b->id_done, WAIT_FOREVER);
    ASSERT(s == OK);
    return b->id_request.result;
}
