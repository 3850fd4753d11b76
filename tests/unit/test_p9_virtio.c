// SPDX-License-Identifier: MIT
//
// The virtio transport of 9P over a device whose registers are memory: one that works, that answers
// in another order, that only answers when it is asked to flush, that never answers, and ones that
// violate the specification. On return of each exchange the device has no request, so the memory of
// its data may be used for something else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/9p/p9_virtio.c"
#include "fake/fake_failure.h"
#include "fake/fake_pci.h"
#include "fake/fake_virtio.h"
#include "fake/world.h"
#include "kernel/base/clock.h"

#define LINE  9
#define TAG   "other"
#define REPLY 100u /* bytes of data in each answer */

/* Offsets of fields in COMMON. */
enum {
    FEATURES = 0x04,
    STATUS = 0x14,
    QUEUE_SIZE = 0x18,
    DESC_RING = 0x20,
    AVAIL_RING = 0x28,
    USED_RING = 0x30
};

/* MUTE answers nothing; FLUSHES, only requests to flush, and returns what they name without an
 * answer; LATE the same, but with an answer; HALF_FLUSHES does not return it. */
enum conduct { WORKS, BACKWARDS, MUTE, FLUSHES, LATE, HALF_FLUSHES, BAD_ID, TOO_LONG };

static struct {
    struct pci_host *host;
    struct pci_device *pci;
    struct driver_registration registration;
    uint8_t *regs;
    int function;
    enum conduct conduct;
    uint16_t seen, shown;
    uint16_t held[P9_RING]; /* heads of requests that it has and has not answered */
    unsigned held_count, flushes;
} device;

static void (*idle)(void);

static uint8_t *at_bus(uint64_t bus)
{
    assert_true(bus >= FAKE_RAM_BASE && bus < FAKE_RAM_BASE + FAKE_RAM_SIZE);
    return hal_direct(paddr(bus));
}

static uint8_t *ring(unsigned reg)
{
    return at_bus(load_le64(device.regs + COMMON + reg));
}

/** A request: its pieces, as one text for what the device reads. */
struct chain {
    const uint8_t *table;
    unsigned count;
    uint8_t request[8192];
    size_t len;
};

static void read_chain(uint16_t head, struct chain *c)
{
    const uint8_t *d = ring(DESC_RING) + 16 * head;
    assert_int_equal(load_le16(d + 12), VIRTQ_DESC_INDIRECT);
    c->table = at_bus(load_le64(d));
    c->count = load_le32(d + 8) / 16;
    c->len = 0;
    for (unsigned i = 0; i < c->count; i++) {
        const uint8_t *p = c->table + 16 * i;
        uint32_t len = load_le32(p + 8);
        bool is_last = i + 1 == c->count;
        assert_int_equal(load_le16(p + 12) & VIRTQ_DESC_NEXT, is_last ? 0 : VIRTQ_DESC_NEXT);
        if ((load_le16(p + 12) & VIRTQ_DESC_WRITE) == 0 && len <= sizeof(c->request) - c->len) {
            memcpy(c->request + c->len, at_bus(load_le64(p)), len);
            c->len += len;
        }
    }
}

/* Scatter an answer over the pieces that the device writes. */
static uint32_t write_chain(const struct chain *c, const uint8_t *answer, size_t len)
{
    size_t at = 0;
    for (unsigned i = 0; i < c->count && at < len; i++) {
        const uint8_t *p = c->table + 16 * i;
        if ((load_le16(p + 12) & VIRTQ_DESC_WRITE) != 0) {
            size_t n = MIN(len - at, (size_t)load_le32(p + 8));
            memcpy(at_bus(load_le64(p)), answer + at, n);
            at += n;
        }
    }
    return (uint32_t)at;
}

static void show(uint16_t head, uint32_t len)
{
    uint8_t *used = ring(USED_RING);
    uint16_t size = load_le16(device.regs + COMMON + QUEUE_SIZE);
    uint8_t *e = used + 4 + 8 * (device.shown % size);
    store_le32(e, device.conduct == BAD_ID ? 0xffffu : head);
    store_le32(e + 4, device.conduct == TOO_LONG ? 1u << 20 : len);
    store_le16(used + 2, ++device.shown);
}

/* The answer repeats the request's tag; its data are the numbers from 0. */
static void answer(uint16_t head)
{
    struct chain c;
    uint8_t bytes[P9_READ_HEAD + REPLY];
    read_chain(head, &c);
    bool is_flush = c.request[4] == P9_FLUSH;
    size_t len = is_flush ? P9_HEADER : sizeof(bytes);
    store_le32(bytes, (uint32_t)len);
    bytes[4] = c.request[4] + 1;
    memcpy(bytes + 5, c.request + 5, 2);
    store_le32(bytes + 7, REPLY);
    for (unsigned i = 0; i < REPLY; i++) {
        bytes[P9_READ_HEAD + i] = (uint8_t)i;
    }
    show(head, write_chain(&c, bytes, len));
}

static void let_go(unsigned i, bool is_answered)
{
    uint16_t head = device.held[i];
    device.held[i] = device.held[--device.held_count];
    if (is_answered) {
        answer(head);
    } else {
        show(head, 0);
    }
}

static void flush_request(uint16_t head, const struct chain *c)
{
    uint16_t tag = load_le16(c->request + P9_HEADER);
    device.flushes++;
    for (unsigned i = 0; i < device.held_count; i++) {
        struct chain held;
        read_chain(device.held[i], &held);
        if (load_le16(held.request + 5) == tag && device.conduct != HALF_FLUSHES) {
            let_go(i, device.conduct == LATE);
            break;
        }
    }
    answer(head);
}

/* Returns false if the device has nothing to do. */
static bool device_step(void)
{
    if (device.regs == NULL || (device.regs[COMMON + STATUS] & 4) == 0) {
        return false;
    }
    uint8_t *used = ring(USED_RING), *avail = ring(AVAIL_RING);
    uint16_t size = load_le16(device.regs + COMMON + QUEUE_SIZE);
    bool is_ahead = (uint16_t)(load_le16(avail + 2) - device.seen) > size;
    if (load_le16(used + 2) != device.shown || is_ahead) { /* it was reset */
        device.seen = device.shown = 0;
        device.held_count = 0;
    }
    bool has_done = false;
    while (load_le16(avail + 2) != device.seen) {
        struct chain c;
        uint16_t head = load_le16(avail + 4 + 2 * (device.seen++ % size));
        read_chain(head, &c);
        if (c.request[4] == P9_FLUSH && device.conduct != MUTE) {
            flush_request(head, &c);
            has_done = true;
        } else {
            device.held[device.held_count++] = head;
        }
    }
    bool answers = device.conduct < MUTE || device.conduct > HALF_FLUSHES;
    while (answers && device.held_count > 0) {
        let_go(device.conduct == BACKWARDS ? device.held_count - 1 : 0, true);
        has_done = true;
    }
    return has_done;
}

static void interrupt(void)
{
    device.regs[ISR] = 1;
    world_interrupt(LINE);
    device.regs[ISR] = 0;
}

static void wait_hook(void)
{
    if (device_step()) {
        interrupt();
    } else {
        idle();
    }
}

static void describe_device(void)
{
    device.function = fake_virtio_reset(DEVICE_9P);
    memset(device.regs, 0, BAR_SIZE);
    /* MOUNT_TAG, INDIRECT_DESC and, in the upper half, VERSION_1: both halves are the same */
    store_le32(device.regs + COMMON + FEATURES, 1u << 28 | 1);
    store_le16(device.regs + COMMON + QUEUE_SIZE, 64);
    store_le16(device.regs + CONFIG, sizeof(TAG) - 1);
    memcpy(device.regs + CONFIG + 2, TAG, sizeof(TAG) - 1);
}

static void pick(void *ctx, struct pci_device *d)
{
    (void)ctx;
    device.pci = d;
}

static int set_up(void **state)
{
    const struct boot_pci_host boot = {
        .bus_last = 1,
        .mem32 = {.cpu = WORLD_DEVICE_BASE, .bus = 0x10000000, .len = BAR_SIZE},
        .intx_count = 1,
        .intx = {{0x0800, 0x1800, 1, LINE, true}},
        .dma_coherent = true,
    };
    (void)state;
    if (idle == NULL) {
        idle = fake_on_wait;
        fake_on_wait = wait_hook;
    }
    memset(&device, 0, sizeof(device));
    device.regs = hal_direct(paddr(WORLD_DEVICE_BASE));
    describe_device();
    assert_int_equal(pci_host_create(&boot, &fake_pci_ops, &device.host), OK);
    assert_int_equal(pci_scan(device.host), OK);
    assert_int_equal(pci_assign(device.host), OK);
    pci_for_each(device.host->root, pick, NULL);
    device_add(&device.pci->dev);
    fake_console_clear();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    device_remove(&device.pci->dev);
    pci_host_destroy(device.host);
    device.regs = NULL;
    return 0;
}

static struct p9_virtio *loaded(void)
{
    struct p9_virtio *v;
    device.registration = (struct driver_registration){.driver = &p9_driver};
    assert_int_equal(driver_add(&device.registration), 1);
    assert_int_equal(claim(TAG, &v), OK);
    return v;
}

static void unload(struct p9_virtio *v)
{
    p9_virtio_close(&v->transport);
    driver_remove(&device.registration);
    assert_null(device.pci->dev.driver);
    assert_int_equal(device.regs[COMMON + STATUS], 0);
}

static bool was_said(const char *text)
{
    return strstr(fake_console_text(), text) != NULL;
}

/* A request for data, as p9_client.c makes it. */
static enum status ask_for_data(struct p9_virtio *v, uint8_t *data, size_t len)
{
    struct p9_call *c;
    enum status st = p9_virtio_ops.begin(&v->transport, false, &c);
    if (st != OK) {
        return st;
    }
    struct p9_writer w;
    p9_begin(&w, c->request, P9_REQUEST_MAX, P9_READ, c->tag);
    c->request_len = p9_finish(&w, 0);
    c->answer_room = P9_READ_HEAD;
    c->receive = data;
    c->data_len = len;
    st = p9_virtio_ops.exchange(&v->transport, c);
    if (st == OK) {
        assert_int_equal(c->arrived, P9_READ_HEAD + MIN(len, (size_t)REPLY));
        assert_int_equal(load_le16(c->answer + 5), c->tag);
    }
    p9_virtio_ops.end(&v->transport, c);
    return st;
}

/* With memory of the fake machine, which the device can reach. */
static enum status ask(struct p9_virtio *v)
{
    uint8_t *data = heap_zalloc(REPLY);
    assert_non_null(data);
    enum status st = ask_for_data(v, data, REPLY);
    for (unsigned i = 0; st == OK && i < REPLY; i++) {
        assert_int_equal(data[i], i);
    }
    heap_free(data);
    return st;
}

static void expect_data(struct p9_virtio *v)
{
    assert_int_equal(ask(v), OK);
}

static void test_data_goes_to_the_callers_memory(void **state)
{
    (void)state;
    struct p9_virtio *v = loaded(), *again;
    uint8_t *part = heap_zalloc(2 * REPLY);
    assert_int_equal(claim(TAG, &again), E_BUSY);
    assert_int_equal(claim("none", &again), E_NODEV);
    for (unsigned i = 0; i < 3 * P9_CALLS; i++) {
        expect_data(v);
    }
    assert_int_equal(ask_for_data(v, part, 10), OK);
    assert_int_equal(part[9], 9);
    assert_int_equal(part[10], 0);
    heap_free(part);
    unload(v);
}

/* ---- Many at a time ---- */

static struct {
    struct p9_virtio *v;
    enum status results[2 * P9_CALLS];
} crowd;

static void ask_in_thread(void *arg)
{
    enum status *result = arg;
    *result = ask(crowd.v);
}

static void start_threads(struct thread **threads, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        crowd.results[i] = E_AGAIN;
        threads[i] = world_thread("asker", PRIO_NORMAL, ask_in_thread, &crowd.results[i]);
    }
    (void)thread_sleep(NS_PER_MS);
}

static void expect_results(struct thread **threads, unsigned count, enum status expected)
{
    for (unsigned i = 0; i < count; i++) {
        (void)world_join(threads[i]);
        assert_int_equal(crowd.results[i], expected);
    }
}

static void test_more_threads_than_requests_in_any_order(void **state)
{
    (void)state;
    struct thread *threads[2 * P9_CALLS];
    crowd.v = loaded();
    device.conduct = MUTE;
    start_threads(threads, 2 * P9_CALLS);
    assert_int_equal(device.held_count, P9_CALLS);
    assert_int_equal(p9_in_flight(&device.pci->dev), P9_CALLS);
    device.conduct = BACKWARDS;
    expect_results(threads, 2 * P9_CALLS, OK);
    unload(crowd.v);
}

/* ---- Requests of programs that end ---- */

static void cancel_a_request(enum conduct conduct, enum status expected)
{
    struct thread *t;
    crowd.v = loaded();
    device.conduct = conduct;
    start_threads(&t, 1);
    assert_int_equal(device.held_count, 1);
    thread_cancel(t);
    expect_results(&t, 1, expected);
    assert_int_equal(crowd.v->busy, 0);
    device.conduct = WORKS;
}

static void test_a_cancelled_request_is_flushed(void **state)
{
    (void)state;
    cancel_a_request(FLUSHES, E_CANCELLED);
    assert_int_equal(device.flushes, 1);
    expect_data(crowd.v);
    unload(crowd.v);
}

static void test_an_answer_that_overtakes_the_flush_counts(void **state)
{
    (void)state;
    cancel_a_request(LATE, OK);
    expect_data(crowd.v);
    unload(crowd.v);
}

/* The thread leaves only after the reset: until then the device could write to its memory. */
static void test_a_server_that_does_not_flush_is_cut_off(void **state)
{
    (void)state;
    struct p9_virtio *again;
    cancel_a_request(MUTE, E_IO);
    assert_int_equal(device.regs[COMMON + STATUS], 0);
    assert_true(was_said("other: no answer, so it is cut off"));
    assert_int_equal(ask(crowd.v), E_IO);
    /* the next session starts it again */
    p9_virtio_close(&crowd.v->transport);
    assert_int_equal(claim(TAG, &again), OK);
    expect_data(again);
    unload(again);
}

static void test_a_flush_that_returns_nothing_cuts_off(void **state)
{
    (void)state;
    cancel_a_request(HALF_FLUSHES, E_IO);
    assert_int_equal(device.flushes, 1);
    assert_int_equal(device.regs[COMMON + STATUS], 0);
    unload(crowd.v);
}

static void test_a_slow_server_times_out(void **state)
{
    (void)state;
    struct p9_virtio *v = loaded();
    device.conduct = FLUSHES;
    uint64_t start = clock_now_ns();
    assert_int_equal(ask(v), E_TIMEDOUT);
    assert_in_range(clock_now_ns() - start, 30 * NS_PER_S, 31 * NS_PER_S);
    device.conduct = WORKS;
    expect_data(v);
    unload(v);
}

/* ---- Devices that break the rules ---- */

static void test_a_broken_ring_fails_every_request(void **state)
{
    (void)state;
    struct thread *threads[3];
    crowd.v = loaded();
    device.conduct = MUTE;
    start_threads(threads, 3);
    device.conduct = BAD_ID;
    expect_results(threads, 3, E_IO);
    assert_true(was_said("other: the device broke the rules of its queue, so it is cut off"));
    assert_int_equal(device.regs[COMMON + STATUS], 0);
    unload(crowd.v);
}

static void test_more_bytes_than_there_is_room_for(void **state)
{
    (void)state;
    struct p9_virtio *v = loaded();
    device.conduct = TOO_LONG;
    assert_int_equal(ask(v), E_IO);
    unload(v);
}

static void test_removal_fails_what_is_in_flight(void **state)
{
    (void)state;
    struct thread *threads[3];
    crowd.v = loaded();
    device.conduct = MUTE;
    start_threads(threads, 3);
    driver_remove(&device.registration);
    expect_results(threads, 3, E_IO);
    /* a session that is left gets errors, and frees the rest */
    assert_int_equal(ask(crowd.v), E_IO);
    p9_virtio_close(&crowd.v->transport);
}

static void refuse(void)
{
    device.registration = (struct driver_registration){.driver = &p9_driver};
    assert_int_equal(driver_add(&device.registration), 0);
    driver_remove(&device.registration);
    assert_int_equal(device.regs[COMMON + STATUS] & 4, 0);
}

static void test_devices_that_are_refused(void **state)
{
    (void)state;
    store_le16(device.regs + CONFIG, 0);
    refuse();
    store_le16(device.regs + CONFIG, 0xffff);
    refuse();
    store_le16(device.regs + CONFIG, sizeof(TAG) - 1);
    store_le16(device.regs + COMMON + QUEUE_SIZE, 16);
    refuse();
    store_le16(device.regs + COMMON + QUEUE_SIZE, 64);
    store_le32(device.regs + COMMON + FEATURES, 1);
    refuse();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_data_goes_to_the_callers_memory),
        TEST(test_more_threads_than_requests_in_any_order),
        TEST(test_a_cancelled_request_is_flushed),
        TEST(test_an_answer_that_overtakes_the_flush_counts),
        TEST(test_a_server_that_does_not_flush_is_cut_off),
        TEST(test_a_flush_that_returns_nothing_cuts_off),
        TEST(test_a_slow_server_times_out),
        TEST(test_a_broken_ring_fails_every_request),
        TEST(test_more_bytes_than_there_is_room_for),
        TEST(test_removal_fails_what_is_in_flight),
        TEST(test_devices_that_are_refused),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
