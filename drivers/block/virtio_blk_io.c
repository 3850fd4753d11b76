// SPDX-License-Identifier: MIT
//
// Requests of a virtio block device: into the ring, out of it, and what happens to those that the
// device does not finish. Which device it is and what it offers is virtio_blk.c's.
#include "drivers/block/virtio_blk_internal.h"

#include "drivers/pci/pci.h"
#include "kernel/clock.h"
#include "kernel/log.h"

/*
 * A request may take 30 s, counted in ticks and not measured by the clock: an emulator that skips
 * idle time moves the clock past any limit while the host's disk still works, and ticks give it a
 * while.
 */
#define TICK_NS   (50 * NS_PER_MS)
#define TICKS_MAX 600u

#define STATUS_OK          0u
#define STATUS_UNSUPPORTED 2u
#define STATUS_UNWRITTEN   0xffu

/* Completions that are taken out of the ring at a time. */
#define BATCH 32

/* Functions named _locked, and the slots of block_ops, run under block.lock; the compiler's
 * analysis cannot see that it is the lock that the block layer holds. */

static struct virtio_blk *blk_of(struct block_device *dev)
{
    return CONTAINER_OF(dev, struct virtio_blk, block);
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

/* Interrupt context. The timer stops by itself once nothing is in flight. */
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

static struct virtq_piece piece(uint64_t bus, uint32_t len, bool device_writes)
{
    return (struct virtq_piece){.bus = bus, .len = len, .device_writes = device_writes};
}

/* Pieces of the data behind pieces[1]. Returns OK and how many, or what dma_map() says. */
static enum status map_data_locked(struct virtio_blk *b, const struct block_request *req,
                                   unsigned *count)
{
    bool device_writes = req->op == BLOCK_READ;
    size_t used = 0;
    for (uint32_t i = 0; i < req->segment_count; i++) {
        size_t n = b->pieces_max - used;
        enum status s =
            dma_map(b->block.parent, req->segments[i].data, req->segments[i].len,
                    device_writes ? DMA_FROM_DEVICE : DMA_TO_DEVICE, b->size_max, b->segments, &n);
        if (s != OK) {
            return s;
        }
        for (size_t k = 0; k < n; k++) {
            b->pieces[1 + used + k] =
                piece(b->segments[k].bus.raw, b->segments[k].len, device_writes);
        }
        used += n;
    }
    *count = (unsigned)used;
    return OK;
}

static enum status enter_locked(struct virtio_blk *b, struct block_request *req, enum blk_type type)

{
    struct blk_call *call = b->free;
    unsigned count = 0;
    enum status s = map_data_locked(b, req, &count);
    if (s != OK) {
        return s;
    }
    struct blk_slot *slot = call->slot;
    slot->header.type = type;
    slot->header.reserved = 0;
    slot->header.sector = req->sector;
    slot->status = STATUS_UNWRITTEN;
    b->pieces[0] =
        piece(call->slot_bus + offsetof(struct blk_slot, header), sizeof(slot->header), false);
    b->pieces[1 + count] = piece(call->slot_bus + offsetof(struct blk_slot, status), 1, true);
    if (b->indirect && count + 2 <= BLK_TABLE) {
        s = virtq_add_indirect(&b->queue.ring, b->pieces, count + 2, slot->table,
                               call->slot_bus + offsetof(struct blk_slot, table), call);
    } else {
        s = virtq_add(&b->queue.ring, b->pieces, count + 2, call);
    }
    if (s == OK) {
        b->free = call->next_free;
        call->req = req;
        call->reads = req->op == BLOCK_READ;
        call->started = atomic_load_explicit(&b->tick, memory_order_relaxed);
        req->driver_private = call;
        list_push_back(&b->active, &req->link);
        note_oldest_locked(b);
        atomic_fetch_add(&b->active_count, 1);
        watch(b);
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

/* Virtio has no way to take back what was put into the ring. */
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

struct finished {
    struct block_request *req;
    enum status result;
};

static enum status result_of(const struct blk_call *call, uint32_t written)
{
    switch (call->slot->status) {
    case STATUS_OK:
        /* The status byte comes last: a read that wrote less left part of the buffer as it was. */
        return call->reads && written < call->req->bytes + 1 ? E_IO : OK;
    case STATUS_UNSUPPORTED:
        return E_NOTSUP;
    default:
        return E_IO;
    }
}

/* The call is free again; what its request came to is noted for when the lock is let go. */
static void release_locked(struct virtio_blk *b, struct blk_call *call, enum status result,
                           struct finished *out)
{
    *out = (struct finished){.req = call->req, .result = result};
    list_remove(&call->req->link);
    call->req = NULL;
    call->next_free = b->free;
    b->free = call;
    atomic_fetch_sub(&b->active_count, 1);
    note_oldest_locked(b);
}

static void complete_batch(struct virtio_blk *b, const struct finished *list, unsigned count)
{
    if (count == 0) {
        return;
    }
    /* What the callbacks submit is one batch for the device, too. */
    block_plug(&b->block);
    for (unsigned i = 0; i < count; i++) {
        if (list[i].req == &b->id_request) {
            b->id_request.result = list[i].result;
            completion_signal(&b->id_done);
        } else {
            block_complete(list[i].req, list[i].result);
        }
    }
    block_unplug(&b->block);
}

/* Take out and complete what the device has finished. Returns false if it broke the ring's rules.
 */
static bool drain(struct virtio_blk *b)
{
    enum status s;
    do {
        struct finished list[BATCH];
        unsigned count = 0;
        void *token;
        uint32_t written;
        spin_lock(&b->block.lock);
        s = OK;
        while (count < BATCH && (s = virtq_pop(&b->queue.ring, &token, &written)) == OK) {
            struct blk_call *call = token;
            release_locked(b, call, result_of(call, written), &list[count]);
            count++;
        }
        spin_unlock(&b->block.lock);
        complete_batch(b, list, count);
    } while (s == OK);
    return s != E_IO;
}

/* The device is reset: nobody else will finish these. */
static void fail_active(struct virtio_blk *b, enum status why)
{
    unsigned count;
    do {
        struct finished list[BATCH];
        void *token;
        count = 0;
        spin_lock(&b->block.lock);
        while (count < BATCH && (token = virtq_reclaim(&b->queue.ring)) != NULL) {
            release_locked(b, token, why, &list[count]);
            count++;
        }
        spin_unlock(&b->block.lock);
        complete_batch(b, list, count);
    } while (count > 0);
}

static void set_state(struct virtio_blk *b, enum blk_state state)
{
    spin_lock(&b->block.lock);
    b->state = state;
    spin_unlock(&b->block.lock);
}

bool virtio_blk_stop(struct virtio_blk *b)
{
    if (virtio_reset(b->vd) == OK) {
        return true;
    }
    pci_disable(pci_of(b->block.parent)); /* then at least it reaches no memory */
    return false;
}

static bool revive(struct virtio_blk *b)
{
    return virtio_negotiate(b->vd, b->features, b->features) == OK &&
           b->vd->features == b->features && virtio_queue_reopen(&b->queue) == OK;
}

/*
 * The device broke a rule, or has not answered for long. A reset takes our memory away from it;
 * what it had finished by then is in the ring and counts; the rest fails. One that was only slow
 * works on.
 */
static void recover(struct virtio_blk *b, bool is_broken)
{
    const char *name = b->block.parent->name;
    log_error("virtio_blk", "%s: %s, resetting it", name,
              is_broken ? "the device broke the rules of the ring" : "no answer in time");
    set_state(b, BLK_RESETTING);
    is_broken |= !virtio_blk_stop(b);
    is_broken |= !drain(b);
    fail_active(b, is_broken ? E_IO : E_TIMEDOUT);
    if (!is_broken && revive(b)) {
        virtio_start(b->vd);
        set_state(b, BLK_READY);
    } else {
        log_error("virtio_blk", "%s: given up", name);
        set_state(b, BLK_BROKEN);
    }
}

static bool enable_interrupts(struct virtio_blk *b)
{
    spin_lock(&b->block.lock);
    bool is_empty = virtq_enable_interrupts(&b->queue.ring);
    spin_unlock(&b->block.lock);
    return is_empty;
}

void virtio_blk_work(struct work *work)
{
    struct virtio_blk *b = CONTAINER_OF(work, struct virtio_blk, work);
    bool is_sane;
    if (b->state == BLK_BROKEN) {
        return;
    }
    do {
        is_sane = drain(b);
    } while (is_sane && !enable_interrupts(b));

    bool has_expired = atomic_exchange_explicit(&b->has_expired, false, memory_order_acquire);
    if (!is_sane || (has_expired && is_overdue(b))) {
        recover(b, !is_sane);
    }
    block_restart(&b->block);
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
