// SPDX-License-Identifier: MIT
//
// The split virtqueue. The transport chooses its memory and notifies the device. Section numbers
// are those of virtio 1.2.
#include "drivers/virtio/queue.h"

#include "hal/io.h"
#include "kernel/base/assert.h"

#define AVAIL_NO_INTERRUPT 1u
#define USED_NO_NOTIFY     1u

STATIC_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the rings are little-endian");

/* The device can change these words at any time. So each is read exactly once, and only the value
 * read is used. */
static uint16_t load16(const uint16_t *p)
{
    return *(const volatile uint16_t *)p;
}

static uint32_t load32(const uint32_t *p)
{
    return *(const volatile uint32_t *)p;
}

static void store16(uint16_t *p, uint16_t v)
{
    *(volatile uint16_t *)p = v;
}

/* 2.7.7, 2.7.8: with event_idx, each side writes the index at which it wants a notification, after
 * its own ring. */
static uint16_t *used_event(struct virtq *q)
{
    return &q->avail->ring[q->size];
}

static const uint16_t *avail_event(const struct virtq *q)
{
    return (const uint16_t *)(const void *)&q->used->ring[q->size];
}

struct virtq_layout virtq_layout(uint16_t size)
{
    struct virtq_layout l;
    l.avail = (size_t)size * sizeof(struct virtq_desc);
    l.used = ALIGN_UP(l.avail + sizeof(struct virtq_avail) + ((size_t)size + 1) * sizeof(uint16_t),
                      (size_t)4);
    l.size = l.used + sizeof(struct virtq_used) + size * sizeof(struct virtq_used_entry) +
             sizeof(uint16_t);
    return l;
}

void virtq_init(struct virtq *q, uint16_t size, bool event_idx, void *memory,
                struct virtq_slot *slots)
{
    ASSERT(size > 0 && size <= VIRTQ_SIZE_MAX && (size & (size - 1)) == 0);
    struct virtq_layout l = virtq_layout(size);
    uint8_t *base = memory;
    *q = (struct virtq){
        .desc = memory,
        .avail = (void *)(base + l.avail),
        .used = (void *)(base + l.used),
        .slots = slots,
        .size = size,
        .free_count = size,
        .event_idx = event_idx,
    };
    for (uint16_t i = 0; i < size; i++) {
        slots[i] = (struct virtq_slot){.next_free = i + 1};
    }
}

static uint16_t take_free(struct virtq *q)
{
    uint16_t i = q->free_head;
    q->free_head = q->slots[i].next_free;
    q->free_count--;
    return i;
}

/* Enter a chain into the ring; the device does not read it before the index moves. */
static void enqueue(struct virtq *q, uint16_t head, uint16_t last, uint32_t writable, void *token)
{
    struct virtq_slot *slot = &q->slots[head];
    slot->token = token;
    slot->writable = writable;
    slot->last = last;
    store16(&q->avail->ring[q->avail_index & (q->size - 1)], head);
    q->avail_index++;
    q->in_flight++;
}

enum status virtq_add(struct virtq *q, const struct virtq_desc *pieces, unsigned count,
                      uint32_t writable, void *token)
{
    ASSERT(count > 0 && count <= q->size && token != NULL);
    if (count > q->free_count) {
        return E_BUSY;
    }
    uint16_t head = q->free_head;
    uint16_t at = head;
    for (unsigned i = 0; i < count; i++) {
        at = take_free(q);
        q->desc[at] = pieces[i];
        q->desc[at].next = q->slots[at].next_free; /* the last descriptor has no NEXT flag */
    }
    enqueue(q, head, at, writable, token);
    return OK;
}

enum status virtq_add_indirect(struct virtq *q, uint64_t table_bus, unsigned count,
                               uint32_t writable, void *token)
{
    ASSERT(count > 0 && token != NULL);
    if (q->free_count == 0) {
        return E_BUSY;
    }
    uint16_t head = take_free(q);
    q->desc[head] = (struct virtq_desc){
        .bus = table_bus,
        .len = count * (uint32_t)sizeof(struct virtq_desc),
        .flags = VIRTQ_DESC_INDIRECT,
    };
    enqueue(q, head, head, writable, token);
    return OK;
}

bool virtq_publish(struct virtq *q)
{
    uint16_t old = q->published;
    uint16_t new = q->avail_index;
    if (old == new) {
        return false;
    }
    /* The device may use the descriptors as soon as it sees the new index, so they and the ring are
     * written first. Pairs with the device's read barrier, 2.7.13.3. */
    hal_dma_wmb();
    store16(&q->avail->index, new);
    q->published = new;

    /* The device may ask for a notification between our store and our load. It loads the index
     * after it has asked, and we load its wish after we have stored the index, so at least one
     * side sees the other's store. 2.7.13.4. */
    hal_dma_mb();
    if (q->event_idx) {
        uint16_t event = load16(avail_event(q));
        return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
    }
    return (load16(&q->used->flags) & USED_NO_NOTIFY) == 0;
}

static enum status break_queue(struct virtq *q)
{
    q->is_broken = true;
    return E_IO;
}

/* Put the chain back on the free list; its descriptors are linked already. */
static void free_chain(struct virtq *q, uint16_t head)
{
    struct virtq_slot *slot = &q->slots[head];
    uint16_t count = 1;
    for (uint16_t i = head; i != slot->last; i = q->slots[i].next_free) {
        count++;
    }
    q->slots[slot->last].next_free = q->free_head;
    q->free_head = head;
    q->free_count += count;
    q->in_flight--;
    slot->token = NULL;
}

enum status virtq_pop(struct virtq *q, void **token, uint32_t *len)
{
    if (q->is_broken) {
        return E_IO;
    }
    uint16_t done = (uint16_t)(load16(&q->used->index) - q->used_index);
    if (done == 0) {
        return E_AGAIN;
    }
    if (done > q->in_flight) {
        return break_queue(q);
    }
    /* The entries up to the index were written before it: pairs with the device's
     * write barrier, 2.7.14. */
    hal_dma_rmb();
    const struct virtq_used_entry *e = &q->used->ring[q->used_index & (q->size - 1)];
    uint32_t id = load32(&e->id);
    uint32_t written = load32(&e->len);
    if (id >= q->size || q->slots[id].token == NULL || written > q->slots[id].writable) {
        return break_queue(q);
    }
    q->used_index++;
    *token = q->slots[id].token;
    *len = written;
    free_chain(q, (uint16_t)id);
    return OK;
}

bool virtq_enable_interrupts(struct virtq *q)
{
    if (q->event_idx) {
        store16(used_event(q), q->used_index);
    } else {
        store16(&q->avail->flags, 0);
    }
    /* As in virtq_publish(), with the two sides exchanged. */
    hal_dma_mb();
    return load16(&q->used->index) == q->used_index;
}

void virtq_disable_interrupts(struct virtq *q)
{
    if (!q->event_idx) {
        store16(&q->avail->flags, AVAIL_NO_INTERRUPT);
    }
}

void *virtq_reclaim(struct virtq *q)
{
    for (uint16_t i = 0; q->in_flight > 0 && i < q->size; i++) {
        void *token = q->slots[i].token;
        if (token != NULL) {
            free_chain(q, i);
            return token;
        }
    }
    return NULL;
}
