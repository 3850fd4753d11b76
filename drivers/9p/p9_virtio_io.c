// SPDX-License-Identifier: MIT
//
// Messages over a virtio queue: a request is a chain of descriptors with its fields, the data that
// it carries, room for the answer's fields and room for the answer's data. The data is the caller's
// own memory, so it must stay until the device has returned the chain. That is why a thread whose
// program is ending does not leave: it asks the server to flush the request, which makes it return
// the chain soon. A server that does not even do that is cut off by a reset of its device.
#include "drivers/9p/p9_virtio.h"

#include "drivers/pci/pci.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"

/* An answer may take 30 s, and a flush 5 s. They are counted in ticks of a timer, not measured by
 * the clock: an emulator that skips idle time can move the clock past any limit while its host
 * still works. */
#define TICK_NS     (50 * NS_PER_MS)
#define TICKS_MAX   600u
#define FLUSH_TICKS 100u

static struct p9_virtio *virtio_of(struct p9_transport *t)
{
    return CONTAINER_OF(t, struct p9_virtio, transport);
}

static struct p9_slot *slot_of(struct p9_call *call)
{
    return CONTAINER_OF(call, struct p9_slot, call);
}

void p9_virtio_init_io(struct p9_virtio *v)
{
    struct p9_shared *shared = v->memory.cpu;
    wait_queue_init(&v->idle, "9p request");
    for (unsigned i = P9_CALLS; i-- > 0;) {
        struct p9_slot *s = &v->slots[i];
        s->call = (struct p9_call){
            .tag = (uint16_t)i, .request = shared[i].request, .answer = shared[i].answer};
        s->shared = &shared[i];
        s->bus = v->memory.bus.raw + i * sizeof(*shared);
        s->next_free = v->free;
        v->free = s;
    }
}

/* ---- The ring ---- */

static void finish_locked(struct p9_part *p, size_t arrived, bool is_lost)
{
    p->arrived = arrived;
    p->is_lost = is_lost;
    completion_signal(&p->done);
}

/* Interrupt context. A device that breaks a rule of the ring is not read any longer. */
void p9_virtio_interrupt(struct virtio_queue *q)
{
    struct p9_virtio *v = CONTAINER_OF(q, struct p9_virtio, queue);
    irq_state_t state = spin_lock_irq(&v->idle.lock);
    while (v->state == P9_READY) {
        void *token;
        uint32_t len;
        enum status st = virtq_pop(&v->queue.ring, &token, &len);
        if (st == OK) {
            finish_locked(token, len, false);
        } else if (st != E_AGAIN) {
            v->state = P9_SICK;
        } else if (virtq_enable_interrupts(&v->queue.ring)) {
            break;
        }
    }
    spin_unlock_irq(&v->idle.lock, state);
}

static uint64_t bus_of(const struct p9_slot *s, const void *part)
{
    return s->bus + (uint64_t)((const uint8_t *)part - (const uint8_t *)s->shared);
}

/* The pieces of a call, in s->shared->table: first what the device reads, then what it writes. */
struct pieces {
    struct p9_slot *slot;
    unsigned count;
    uint32_t writable;
};

static void add_piece(struct pieces *p, uint64_t bus, uint32_t len, bool device_writes)
{
    p->slot->shared->table[p->count] = virtq_piece(p->count, bus, len, device_writes, true);
    p->count++;
    p->writable += device_writes ? len : 0;
}

/* The caller's memory for data. */
static enum status add_data(struct p9_virtio *v, struct pieces *p, void *data, size_t len,
                            bool device_writes)
{
    struct dma_segment segments[P9_DATA_PIECES];
    size_t n = P9_DATA_PIECES;
    enum status st = dma_map(v->parent, data, len, device_writes ? DMA_FROM_DEVICE : DMA_TO_DEVICE,
                             UINT32_MAX, segments, &n);
    for (size_t i = 0; st == OK && i < n; i++) {
        add_piece(p, segments[i].bus.raw, segments[i].len, device_writes);
    }
    return st;
}

static enum status fill_table(struct p9_virtio *v, struct p9_slot *s, struct pieces *p)
{
    struct p9_call *c = &s->call;
    *p = (struct pieces){.slot = s};
    add_piece(p, bus_of(s, s->shared->request), (uint32_t)c->request_len, false);
    if (c->send != NULL) {
        enum status st = add_data(v, p, (void *)(uintptr_t)c->send, c->data_len, false);
        if (st != OK) {
            return st;
        }
    }
    add_piece(p, bus_of(s, s->shared->answer), (uint32_t)c->answer_room, true);
    if (c->receive != NULL) {
        enum status st = add_data(v, p, c->receive, c->data_len, true);
        if (st != OK) {
            return st;
        }
    }
    struct virtq_desc *last = &s->shared->table[p->count - 1];
    last->flags &= (uint16_t)~VIRTQ_DESC_NEXT;
    last->next = 0;
    return OK;
}

/* Give the device a table of pieces. E_IO: it does not work. The ring has room for all slots. */
static enum status send(struct p9_virtio *v, struct p9_part *part, uint64_t table, unsigned count,
                        uint32_t writable)
{
    completion_init(&part->done, "9p answer");
    irq_state_t state = spin_lock_irq(&v->idle.lock);
    enum status st = E_IO;
    if (v->state == P9_READY) {
        st = virtq_add_indirect(&v->queue.ring, table, count, writable, part);
        if (st == OK && virtq_publish(&v->queue.ring)) {
            virtio_queue_kick(&v->queue);
        }
    }
    spin_unlock_irq(&v->idle.lock, state);
    return st == OK ? OK : E_IO;
}

/* ---- Cutting off ---- */

/* The caller has set P9_RESET, so no other thread changes the ring. */
static void cut_off(struct p9_virtio *v)
{
    if (virtio_reset(v->vd) != OK) {
        pci_disable(pci_of(v->parent)); /* the device can then at least not access memory */
    }
    irq_state_t state = spin_lock_irq(&v->idle.lock);
    void *token;
    while ((token = virtq_reclaim(&v->queue.ring)) != NULL) {
        finish_locked(token, 0, true);
    }
    v->state = P9_STOPPED;
    wait_wake_all_locked(&v->idle);
    spin_unlock_irq(&v->idle.lock, state);
}

/* Whether the caller is the one thread that has to reset the device. */
static bool claim_reset(struct p9_virtio *v, bool is_late)
{
    irq_state_t state = spin_lock_irq(&v->idle.lock);
    bool is_ours = v->state == P9_SICK || (is_late && v->state == P9_READY);
    if (is_ours) {
        v->state = P9_RESET;
    }
    spin_unlock_irq(&v->idle.lock, state);
    return is_ours;
}

/* Wait until the device has returned a part. If it breaks a rule, or `ticks` have passed and
 * is_final is set, it is reset, which returns all parts. E_TIMEDOUT, E_CANCELLED: it has the part
 * still; never if is_final is set. */
static enum status wait_for(struct p9_virtio *v, struct p9_part *p, unsigned ticks, bool is_final,
                            bool is_uncancelled)
{
    for (unsigned i = 0;; i++) {
        uint64_t until = clock_now_ns() + TICK_NS;
        enum status st = is_uncancelled ? completion_wait_uncancellable(&p->done, until)
                                        : completion_wait(&p->done, until);
        if (st != E_TIMEDOUT) {
            return st;
        }
        bool is_late = i >= ticks;
        if (claim_reset(v, is_late && is_final)) {
            log_error("9p", "%s: %s, so it is cut off", v->tag,
                      is_late ? "no answer" : "the device broke the rules of its queue");
            cut_off(v);
        } else if (is_late && !is_final) {
            return E_TIMEDOUT;
        }
    }
}

/* Make the server return a request, answered or not. */
static void flush(struct p9_virtio *v, struct p9_slot *s)
{
    struct p9_writer w;
    p9_begin(&w, s->shared->flush, sizeof(s->shared->flush), P9_FLUSH,
             (uint16_t)(s->call.tag + P9_CALLS));
    p9_put8(&w, (uint8_t)s->call.tag);
    p9_put8(&w, 0);
    size_t len = p9_finish(&w, 0);
    struct virtq_desc *t = s->shared->flush_table;
    t[0] = virtq_piece(0, bus_of(s, s->shared->flush), (uint32_t)len, false, true);
    t[1] = virtq_piece(1, bus_of(s, s->shared->flush_answer), P9_READ_HEAD, true, false);
    if (send(v, &s->flush, bus_of(s, t), 2, P9_READ_HEAD) == OK) {
        (void)!wait_for(v, &s->flush, FLUSH_TICKS, true, true);
    }
    (void)!wait_for(v, &s->main, FLUSH_TICKS, true, true);
}

/* ---- The functions of struct p9_transport_ops ---- */

static enum status p9_virtio_begin(struct p9_transport *t, bool is_uncancelled,
                                   struct p9_call **out)
{
    struct p9_virtio *v = virtio_of(t);
    enum status st = OK;
    irq_state_t state = spin_lock_irq(&v->idle.lock);
    while (st == OK && v->free == NULL) {
        st = is_uncancelled ? wait_uncancellable_locked(&v->idle, &state, WAIT_FOREVER)
                            : wait_on_locked(&v->idle, &state, WAIT_FOREVER);
    }
    if (st == OK && (v->state == P9_STOPPED || v->state == P9_GONE)) {
        st = E_IO;
    }
    if (st == OK) {
        struct p9_slot *s = v->free;
        v->free = s->next_free;
        v->busy++;
        struct p9_call *c = &s->call;
        *c = (struct p9_call){.tag = c->tag, .request = c->request, .answer = c->answer};
        *out = c;
    }
    spin_unlock_irq(&v->idle.lock, state);
    return st;
}

static enum status p9_virtio_exchange(struct p9_transport *t, struct p9_call *call)
{
    struct p9_virtio *v = virtio_of(t);
    struct p9_slot *s = slot_of(call);
    struct pieces p;
    enum status st = fill_table(v, s, &p);
    if (st == OK) {
        st = send(v, &s->main, bus_of(s, s->shared->table), p.count, p.writable);
    }
    if (st != OK) {
        return st;
    }
    st = wait_for(v, &s->main, TICKS_MAX, false, call->is_uncancelled);
    if (st != OK) {
        flush(v, s);
    }
    if (s->main.is_lost) {
        return E_IO;
    }
    call->arrived = s->main.arrived;
    /* A server that flushes a request returns the chain empty. An answer counts, even if it comes
     * after the request to flush. */
    return st != OK && call->arrived == 0 ? st : OK;
}

static void p9_virtio_end(struct p9_transport *t, struct p9_call *call)
{
    struct p9_virtio *v = virtio_of(t);
    struct p9_slot *s = slot_of(call);
    irq_state_t state = spin_lock_irq(&v->idle.lock);
    s->next_free = v->free;
    v->free = s;
    v->busy--;
    /* All: besides threads that want a slot, one that removes the device may wait. */
    wait_wake_all_locked(&v->idle);
    spin_unlock_irq(&v->idle.lock, state);
}

const struct p9_transport_ops p9_virtio_ops = {
    .begin = p9_virtio_begin,
    .exchange = p9_virtio_exchange,
    .end = p9_virtio_end,
    .close = p9_virtio_close,
};

/* ---- Stopping and starting ---- */

void p9_virtio_stop(struct p9_virtio *v, enum p9_state final)
{
    if (claim_reset(v, true)) {
        cut_off(v);
    }
    irq_state_t state = spin_lock_irq(&v->idle.lock);
    while (v->state == P9_RESET) { /* another thread does it */
        (void)!wait_uncancellable_locked(&v->idle, &state, WAIT_FOREVER);
    }
    v->state = final;
    while (v->busy > 0) {
        (void)!wait_uncancellable_locked(&v->idle, &state, WAIT_FOREVER);
    }
    spin_unlock_irq(&v->idle.lock, state);
}

/* No session uses the device, so nothing but a removal runs beside this, and that waits for the
 * caller's lock. */
enum status p9_virtio_restart(struct p9_virtio *v)
{
    irq_state_t state = spin_lock_irq(&v->idle.lock);
    bool is_stopped = v->state == P9_STOPPED;
    bool is_gone = v->state == P9_GONE;
    spin_unlock_irq(&v->idle.lock, state);
    if (is_gone) {
        return E_IO;
    }
    if (!is_stopped) {
        return OK;
    }
    uint64_t features = v->vd->features;
    if (pci_enable(pci_of(v->parent), true) != OK ||
        virtio_negotiate(v->vd, features, features) != OK || v->vd->features != features ||
        virtio_queue_reopen(&v->queue) != OK) {
        return E_IO;
    }
    virtio_start(v->vd);
    state = spin_lock_irq(&v->idle.lock);
    v->state = P9_READY;
    spin_unlock_irq(&v->idle.lock, state);
    return OK;
}
