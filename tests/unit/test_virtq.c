// SPDX-License-Identifier: MIT
//
// The split virtqueue against a device that follows the rules, and against
// ones that break each of them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/virtio/queue.h"
#include "fake/fake_dma.h"
#include "fake/fake.h"
#include "hal/io.h"

#define SIZE 8

/* The device's side, written from the specification, with no code in common with the queue. */
struct device {
    uint8_t *memory;
    uint16_t size;
    size_t avail, used;
    uint16_t seen; /* next avail entry to read */
    uint16_t done; /* used index */
};

struct set {
    struct virtq q;
    struct virtq_slot slots[VIRTQ_SIZE_MAX];
    struct device d;
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)v);
    put16(p + 2, (uint16_t)(v >> 16));
}

static void make(struct set *t, uint16_t size, bool event_idx)
{
    struct virtq_layout l = virtq_layout(size);
    fake_reset();
    memset(t, 0, sizeof(*t));
    /* Exactly of the required size: ASan reports a write past it. */
    t->d = (struct device){
        .memory = calloc(1, l.size), .size = size, .avail = l.avail, .used = l.used};
    assert_non_null(t->d.memory);
    virtq_init(&t->q, size, event_idx, t->d.memory, t->slots);
}

static void drop(struct set *t)
{
    free(t->d.memory);
}

static bool device_take(struct device *d, uint16_t *head)
{
    const uint8_t *avail = d->memory + d->avail;
    if (get16(avail + 2) == d->seen) {
        return false;
    }
    *head = get16(avail + 4 + 2 * (d->seen % d->size));
    d->seen++;
    return true;
}

static void device_finish(struct device *d, uint32_t id, uint32_t len)
{
    uint8_t *used = d->memory + d->used;
    uint8_t *e = used + 4 + 8 * (d->done % d->size);
    put32(e, id);
    put32(e + 4, len);
    d->done++;
    put16(used + 2, d->done);
}

static const uint8_t *desc_at(const struct device *d, uint16_t i)
{
    assert_true(i < d->size);
    return d->memory + 16 * i;
}

static struct virtq_desc out_piece(uint64_t bus, uint32_t len)
{
    return virtq_piece(0, bus, len, false, false);
}

static struct virtq_desc in_piece(uint64_t bus, uint32_t len)
{
    return virtq_piece(0, bus, len, true, false);
}

/* Link unordered pieces to an indirect table. */
static void link(struct virtq_desc *pieces, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pieces[i] = virtq_piece(i, pieces[i].bus, pieces[i].len,
                                (pieces[i].flags & VIRTQ_DESC_WRITE) != 0, i + 1 < count);
    }
}

static enum status add(struct virtq *q, const struct virtq_desc *pieces, unsigned count,
                       void *token)
{
    struct virtq_desc table[SIZE];
    uint32_t writable = 0;
    memcpy(table, pieces, count * sizeof(*pieces));
    link(table, count);
    for (unsigned i = 0; i < count; i++) {
        writable += (pieces[i].flags & VIRTQ_DESC_WRITE) != 0 ? pieces[i].len : 0;
    }
    return virtq_add(q, table, count, writable, token);
}

static void test_layout_is_that_of_the_specification(void **state)
{
    (void)state;
    struct virtq_layout l = virtq_layout(256);
    assert_int_equal(l.avail, 4096);
    assert_int_equal(l.used, 4096 + 6 + 512 + 2); /* rounded up to a multiple of 4 */
    assert_int_equal(l.size, l.used + 6 + 2048);
    l = virtq_layout(1);
    assert_int_equal(l.avail, 16);
    assert_int_equal(l.used, 24);
    assert_int_equal(l.size, 24 + 6 + 8);
}

static void test_chain_reaches_the_device_in_order(void **state)
{
    (void)state;
    struct set t;
    make(&t, SIZE, false);
    const struct virtq_desc pieces[] = {out_piece(0x1000, 16), in_piece(0x123456789000, 512),
                                        in_piece(0x3000, 1)};
    int token;
    uint16_t head;
    assert_int_equal(add(&t.q, pieces, 3, &token), OK);
    assert_false(device_take(&t.d, &head)); /* not visible before it is published */
    assert_true(virtq_publish(&t.q));
    assert_true(device_take(&t.d, &head));
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *e = desc_at(&t.d, head);
        assert_int_equal(get32(e), (uint32_t)pieces[i].bus);
        assert_int_equal(get32(e + 4), pieces[i].bus >> 32);
        assert_int_equal(get32(e + 8), pieces[i].len);
        assert_int_equal(get16(e + 12), (i < 2 ? 1 : 0) | pieces[i].flags);
        head = get16(e + 14);
    }
    drop(&t);
}

static void test_barriers_order_the_publication(void **state)
{
    (void)state;
    struct set t;
    make(&t, SIZE, true);
    const struct virtq_desc p = out_piece(0x1000, 16);
    int token;
    void *back;
    uint32_t len;
    assert_int_equal(add(&t.q, &p, 1, &token), OK);
    (void)virtq_publish(&t.q);
    assert_string_equal(fake_journal(), "wmb mb");
    device_finish(&t.d, 0, 0);
    assert_int_equal(virtq_pop(&t.q, &back, &len), OK);
    assert_string_equal(fake_journal(), "wmb mb rmb");
    assert_true(virtq_enable_interrupts(&t.q));
    assert_string_equal(fake_journal(), "wmb mb rmb mb");
    drop(&t);
}

/* --- Memory as weakly ordered as AArch64's: what each barrier is needed for --- */

static struct set *watched;
static bool is_followed;

/* The device sees the index as soon as it is stored, and the rest as late as possible. */
static void follow_the_index(enum fake_barrier kind)
{
    (void)kind;
    const struct device *d = &watched->d;
    const uint8_t *avail = d->memory + d->avail;
    uint16_t index, head;
    uint32_t low;
    fake_dma_read(&index, avail + 2, 2, true);
    if (index != d->seen) {
        fake_dma_read(&head, avail + 4 + 2 * (d->seen % d->size), 2, false);
        fake_dma_read(&low, d->memory + 16 * (head % d->size), 4, false);
        is_followed = head == 1 && low == 0x7000;
    }
}

/** @return true: the device found the chain's descriptor. */
static bool follows_a_chain(void)
{
    struct set t;
    int tokens[2];
    make(&t, SIZE, true);
    const struct virtq_desc first = out_piece(0x1000, 16), second = out_piece(0x7000, 16);
    assert_int_equal(add(&t.q, &first, 1, &tokens[0]), OK);
    (void)virtq_publish(&t.q);
    t.d.seen = 1;
    fake_dma_share(t.d.memory, virtq_layout(SIZE).size);
    assert_int_equal(add(&t.q, &second, 1, &tokens[1]), OK);
    watched = &t;
    is_followed = false;
    fake_on_barrier = follow_the_index;
    (void)virtq_publish(&t.q);
    fake_on_barrier = NULL;
    fake_dma_share(NULL, 0);
    drop(&t);
    return is_followed;
}

/** The device is about to sleep: it enables notifications, then reads the index, which has not
 * moved yet. @return true: it is notified. */
static bool wakes_the_device(void)
{
    struct set t;
    int token;
    const uint16_t quiet = 1, loud = 0;
    make(&t, SIZE, false);
    uint8_t *flags = t.d.memory + t.d.used;
    memcpy(flags, &quiet, 2);
    fake_dma_share(t.d.memory, virtq_layout(SIZE).size);
    const struct virtq_desc p = out_piece(0x1000, 16);
    assert_int_equal(add(&t.q, &p, 1, &token), OK);
    fake_dma_write(flags, &loud, 2, true);
    bool told = virtq_publish(&t.q);
    fake_dma_share(NULL, 0);
    drop(&t);
    return told;
}

/** @return true: everything was ordered before the write to the device's register. */
static bool tells_in_time(void)
{
    struct set t;
    int token;
    uint16_t notify;
    const struct io_region registers = {.base = (uintptr_t)&notify, .len = 2};
    make(&t, SIZE, false);
    fake_dma_share(t.d.memory, virtq_layout(SIZE).size);
    const struct virtq_desc p = out_piece(0x1000, 16);
    assert_int_equal(add(&t.q, &p, 1, &token), OK);
    unsigned before = fake_dma_told_early;
    if (virtq_publish(&t.q)) {
        io_write16(&registers, 0, 0);
    }
    fake_dma_share(NULL, 0);
    drop(&t);
    return fake_dma_told_early == before;
}

/** The used ring's entry becomes visible late, its index at once. @return
 * true: the right entry is read. */
static bool takes_what_the_index_covers(void)
{
    struct set t;
    int tokens[2];
    void *back = NULL;
    uint32_t len = 0;
    make(&t, SIZE, false);
    const struct virtq_desc p = in_piece(0x1000, 16);
    assert_int_equal(add(&t.q, &p, 1, &tokens[0]), OK);
    assert_int_equal(add(&t.q, &p, 1, &tokens[1]), OK);
    (void)virtq_publish(&t.q);
    fake_dma_share(t.d.memory, virtq_layout(SIZE).size);
    uint8_t *used = t.d.memory + t.d.used;
    const uint32_t entry[2] = {1, 16};
    const uint16_t index = 1;
    fake_dma_write(used + 4, entry, sizeof(entry), true);
    fake_dma_write(used + 2, &index, 2, false);
    enum status s = virtq_pop(&t.q, &back, &len);
    fake_dma_share(NULL, 0);
    drop(&t);
    return s == OK && back == &tokens[1] && len == 16;
}

/** The device has used another buffer and checked whether an interrupt is wanted, but has not seen
 * that it is. @return true: the driver finds the buffer. */
static bool looks_once_more(void)
{
    struct set t;
    int token;
    const uint16_t index = 1;
    make(&t, SIZE, false);
    const struct virtq_desc p = in_piece(0x1000, 16);
    assert_int_equal(add(&t.q, &p, 1, &token), OK);
    (void)virtq_publish(&t.q);
    virtq_disable_interrupts(&t.q);
    fake_dma_share(t.d.memory, virtq_layout(SIZE).size);
    fake_dma_write(t.d.memory + t.d.used + 2, &index, 2, true);
    bool is_all = virtq_enable_interrupts(&t.q);
    fake_dma_share(NULL, 0);
    drop(&t);
    return !is_all;
}

/* Each is right, and wrong without the barrier that it depends on. */
static void test_each_barrier_is_missed_where_memory_is_weak(void **state)
{
    (void)state;
    static const struct {
        bool (*is_right)(void);
        enum fake_barrier needs;
    } cases[] = {{follows_a_chain, FAKE_WMB},
                 {wakes_the_device, FAKE_MB},
                 {tells_in_time, FAKE_MB},
                 {takes_what_the_index_covers, FAKE_RMB},
                 {looks_once_more, FAKE_MB}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(cases[i].is_right());
        fake_dma_dropped = cases[i].needs;
        assert_false(cases[i].is_right());
        fake_dma_dropped = FAKE_BARRIERS;
    }
}

static void test_indirect_table_takes_one_descriptor(void **state)
{
    (void)state;
    struct set t;
    make(&t, 2, false);
    struct virtq_desc table[] = {out_piece(0x1000, 16), in_piece(0x2000, 512), in_piece(0x3000, 1)};
    int tokens[2];
    uint16_t head;
    link(table, 3);
    assert_int_equal(virtq_add_indirect(&t.q, 0xabc000, 3, 513, &tokens[0]), OK);
    assert_int_equal(virtq_add_indirect(&t.q, 0xabc000, 3, 513, &tokens[1]), OK);
    assert_int_equal(virtq_add_indirect(&t.q, 0xabc000, 3, 513, &tokens[1]), E_BUSY);
    assert_true(virtq_publish(&t.q));
    assert_true(device_take(&t.d, &head));
    const uint8_t *e = desc_at(&t.d, head);
    assert_int_equal(get32(e), 0xabc000);
    assert_int_equal(get32(e + 8), 3 * 16);
    assert_int_equal(get16(e + 12), 4);
    assert_int_equal(table[0].flags, 1);
    assert_int_equal(table[0].next, 1);
    assert_int_equal(table[1].flags, 1 | 2);
    assert_int_equal(table[2].flags, 2);
    drop(&t);
}

/* A thousand requests of random shapes, completed out of order, far
 * past the wrap of every index. */
static void run_traffic(bool event_idx)
{
    struct set t;
    make(&t, SIZE, event_idx);
    /* Indices wrap at 65536: start just before. */
    t.q.avail_index = t.q.published = t.q.used_index = t.d.seen = t.d.done = 65000;
    put16(t.d.memory + t.d.avail + 2, 65000);
    put16(t.d.memory + t.d.used + 2, 65000);

    char tokens[SIZE];
    uint32_t lens[SIZE] = {0};
    bool is_out[SIZE] = {false};
    struct {
        uint16_t id;
        uint32_t len;
    } held[SIZE];
    unsigned held_count = 0;
    unsigned added = 0, popped = 0;
    srand(1);
    while (popped < 1000) {
        unsigned token = 0;
        while (token < SIZE && is_out[token]) {
            token++;
        }
        unsigned count = 1 + (unsigned)rand() % 3;
        if (token < SIZE && rand() % 2 == 0) {
            const struct virtq_desc p[3] = {in_piece(0x1000 + token, 7), in_piece(0x2000, 9),
                                            in_piece(0x3000, 11)};
            uint16_t free_before = t.q.free_count;
            enum status s = add(&t.q, p, count, &tokens[token]);
            assert_int_equal(s, count <= free_before ? OK : E_BUSY);
            if (s == OK) {
                is_out[token] = true;
                lens[token] = 7 + (count > 1 ? 9 : 0) + (count > 2 ? 11 : 0);
                added++;
            }
        }
        if (rand() % 3 == 0) {
            (void)virtq_publish(&t.q);
        }
        uint16_t head;
        if (rand() % 2 == 0 && device_take(&t.d, &head)) {
            unsigned which = get32(desc_at(&t.d, head)) - 0x1000;
            held[held_count].id = head;
            held[held_count].len = lens[which];
            held_count++;
        }
        if (rand() % 2 == 0 && held_count > 0) {
            unsigned i = (unsigned)rand() % held_count;
            device_finish(&t.d, held[i].id, held[i].len);
            held[i] = held[--held_count];
        }
        void *back;
        uint32_t len;
        enum status s = virtq_pop(&t.q, &back, &len);
        if (s == OK) {
            ptrdiff_t which = (char *)back - tokens;
            assert_in_range(which, 0, SIZE - 1);
            assert_true(is_out[which]);
            assert_int_equal(len, lens[which]);
            is_out[which] = false;
            popped++;
        } else {
            assert_int_equal(s, E_AGAIN);
        }
    }
    assert_true(added >= popped);
    assert_int_equal(t.q.in_flight, added - popped);
    drop(&t);
}

static void test_traffic_with_flags(void **state)
{
    (void)state;
    run_traffic(false);
}

static void test_traffic_with_event_index(void **state)
{
    (void)state;
    run_traffic(true);
}

static void test_flags_suppress_notifications(void **state)
{
    (void)state;
    struct set t;
    make(&t, SIZE, false);
    const struct virtq_desc p = out_piece(0x1000, 16);
    int token;
    assert_false(virtq_publish(&t.q)); /* no notification is wanted */
    put16(t.d.memory + t.d.used, 1);   /* VIRTQ_USED_F_NO_NOTIFY */
    assert_int_equal(add(&t.q, &p, 1, &token), OK);
    assert_false(virtq_publish(&t.q));
    put16(t.d.memory + t.d.used, 0);
    assert_int_equal(add(&t.q, &p, 1, &token), OK);
    assert_true(virtq_publish(&t.q));
    virtq_disable_interrupts(&t.q);
    assert_int_equal(get16(t.d.memory + t.d.avail), 1);
    assert_true(virtq_enable_interrupts(&t.q));
    assert_int_equal(get16(t.d.memory + t.d.avail), 0);
    drop(&t);
}

static void test_event_index_suppresses_notifications(void **state)
{
    (void)state;
    struct set t;
    make(&t, SIZE, true);
    const struct virtq_desc p = out_piece(0x1000, 16);
    int token;
    uint8_t *avail_event = t.d.memory + t.d.used + 4 + 8 * SIZE;
    const uint8_t *used_event = t.d.memory + t.d.avail + 4 + 2 * SIZE;
    put16(avail_event, 2); /* wants a notification for the third */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(add(&t.q, &p, 1, &token), OK);
        assert_false(virtq_publish(&t.q));
    }
    assert_int_equal(add(&t.q, &p, 1, &token), OK);
    assert_int_equal(add(&t.q, &p, 1, &token), OK);
    assert_true(virtq_publish(&t.q)); /* a batch that contains the third */
    assert_int_equal(add(&t.q, &p, 1, &token), OK);
    assert_false(virtq_publish(&t.q));

    void *back;
    uint32_t len;
    device_finish(&t.d, 0, 0);
    assert_int_equal(virtq_pop(&t.q, &back, &len), OK);
    device_finish(&t.d, 1, 0);
    assert_false(virtq_enable_interrupts(&t.q)); /* one arrived before the device saw that */
    assert_int_equal(get16(used_event), 1);
    assert_int_equal(virtq_pop(&t.q, &back, &len), OK);
    assert_true(virtq_enable_interrupts(&t.q));
    assert_int_equal(get16(used_event), 2);
    drop(&t);
}

/* Entries that a hostile device may write to the used ring while one
 * request with head 0 is in flight. */
static void check_refused(uint32_t id, uint32_t len, uint16_t advance)
{
    struct set t;
    make(&t, SIZE, false);
    const struct virtq_desc p[] = {out_piece(0x1000, 16), in_piece(0x2000, 512)};
    int token;
    void *back = NULL;
    uint32_t got = 77;
    assert_int_equal(add(&t.q, p, 2, &token), OK);
    (void)virtq_publish(&t.q);
    device_finish(&t.d, id, len);
    put16(t.d.memory + t.d.used + 2, advance);
    assert_int_equal(virtq_pop(&t.q, &back, &got), E_IO);
    assert_true(t.q.is_broken);
    assert_null(back);
    assert_int_equal(got, 77);
    /* It stays broken, whatever the device does then. */
    put16(t.d.memory + t.d.used + 2, 1);
    device_finish(&t.d, 0, 0);
    assert_int_equal(virtq_pop(&t.q, &back, &got), E_IO);
    /* The request is not lost. */
    assert_ptr_equal(virtq_reclaim(&t.q), &token);
    assert_null(virtq_reclaim(&t.q));
    assert_int_equal(t.q.free_count, SIZE);
    drop(&t);
}

static void test_hostile_device_breaks_the_queue_and_nothing_else(void **state)
{
    (void)state;
    check_refused(SIZE, 0, 1); /* no such descriptor */
    check_refused(UINT32_MAX, 0, 1);
    check_refused(1, 0, 1);   /* the middle of a chain */
    check_refused(5, 0, 1);   /* a free descriptor */
    check_refused(0, 513, 1); /* more bytes than the device may write */
    check_refused(0, UINT32_MAX, 1);
    check_refused(0, 0, 2); /* more requests than are in flight */
    check_refused(0, 0, 0x8000);
    check_refused(0, 0, UINT16_MAX); /* backwards */
}

static void test_the_same_request_twice_is_refused(void **state)
{
    (void)state;
    struct set t;
    make(&t, SIZE, false);
    const struct virtq_desc p = in_piece(0x2000, 512);
    int tokens[2];
    void *back;
    uint32_t len;
    assert_int_equal(add(&t.q, &p, 1, &tokens[0]), OK);
    assert_int_equal(add(&t.q, &p, 1, &tokens[1]), OK);
    (void)virtq_publish(&t.q);
    device_finish(&t.d, 0, 512);
    device_finish(&t.d, 0, 512);
    assert_int_equal(virtq_pop(&t.q, &back, &len), OK);
    assert_ptr_equal(back, &tokens[0]);
    assert_int_equal(virtq_pop(&t.q, &back, &len), E_IO);
    drop(&t);
}

/* With any contents of the shared memory at any moment, the driver's own records and the
 * surrounding memory stay intact. */
static void test_random_memory_never_hurts(void **state)
{
    (void)state;
    srand(2);
    for (int round = 0; round < 300; round++) {
        struct set t;
        make(&t, SIZE, round % 2 == 0);
        char tokens[SIZE];
        unsigned out = 0;
        for (int step = 0; step < 60 && !t.q.is_broken; step++) {
            const struct virtq_desc p[] = {out_piece(0x1000, 16), in_piece(0x2000, 512)};
            if (out < SIZE && add(&t.q, p, 1 + (unsigned)rand() % 2, &tokens[out]) == OK) {
                out++;
            }
            (void)virtq_publish(&t.q);
            struct virtq_layout l = virtq_layout(SIZE);
            for (size_t i = 0; i < l.size; i++) {
                t.d.memory[i] = (uint8_t)(rand() % 4); /* small numbers are the plausible ones */
            }
            void *back;
            uint32_t len;
            if (virtq_pop(&t.q, &back, &len) == OK) {
                assert_in_range((char *)back - tokens, 0, SIZE - 1);
                assert_true(len <= 512);
            }
            (void)virtq_enable_interrupts(&t.q);
            assert_true(t.q.in_flight <= SIZE && t.q.free_count <= SIZE);
        }
        while (virtq_reclaim(&t.q) != NULL) {
        }
        assert_int_equal(t.q.free_count, SIZE);
        drop(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout_is_that_of_the_specification),
        cmocka_unit_test(test_chain_reaches_the_device_in_order),
        cmocka_unit_test(test_barriers_order_the_publication),
        cmocka_unit_test(test_each_barrier_is_missed_where_memory_is_weak),
        cmocka_unit_test(test_indirect_table_takes_one_descriptor),
        cmocka_unit_test(test_traffic_with_flags),
        cmocka_unit_test(test_traffic_with_event_index),
        cmocka_unit_test(test_flags_suppress_notifications),
        cmocka_unit_test(test_event_index_suppresses_notifications),
        cmocka_unit_test(test_hostile_device_breaks_the_queue_and_nothing_else),
        cmocka_unit_test(test_the_same_request_twice_is_refused),
        cmocka_unit_test(test_random_memory_never_hurts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
