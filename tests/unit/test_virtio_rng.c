// SPDX-License-Identifier: MIT
//
// The entropy driver, from its probe to its removal, over a device whose registers are memory: one
// that works, one that responds late or never, and ones that violate the specification. The test
// includes the driver's own file to inspect its buffer.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/random/virtio_rng.c"
#include "fake/fake_failure.h"
#include "fake/fake_pci.h"
#include "fake/fake_virtio.h"
#include "fake/world.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/page.h"

#define LINE 9

/* Offsets of fields in COMMON. */
enum { STATUS = 0x14, QUEUE_SIZE = 0x18, DESC_RING = 0x20, AVAIL_RING = 0x28, USED_RING = 0x30 };

enum conduct { WORKS, SILENT, EMPTY, HALF, TOO_LONG, BAD_ID, BAD_INDEX };

static struct {
    struct pci_host *host;
    struct pci_device *pci;
    struct driver_registration registration;
    uint8_t *regs;
    paddr_t frame;
    int function;
    enum conduct conduct;
    unsigned late; /* times that the CPU is idle before it responds */
    uint16_t seen, shown;
    unsigned served;
    uint8_t next; /* next byte that it returns */
} device;

static void (*idle)(void);

static uint8_t *at_bus(unsigned reg)
{
    uint64_t bus = load_le64(device.regs + COMMON + reg);
    assert_true(bus >= FAKE_RAM_BASE && bus < FAKE_RAM_BASE + FAKE_RAM_SIZE);
    return hal_direct(paddr(bus));
}

static uint32_t answer_length(void)
{
    switch (device.conduct) {
    case EMPTY:
        return 0;
    case HALF:
        return BUFFER_BYTES / 2;
    case TOO_LONG:
        return BUFFER_BYTES + 1;
    default:
        return BUFFER_BYTES;
    }
}

static void serve(uint16_t head, uint16_t size)
{
    const uint8_t *d = at_bus(DESC_RING) + 16 * head;
    assert_int_equal(load_le32(d + 8), BUFFER_BYTES);
    assert_int_equal(load_le16(d + 12), 2); /* device-writable, and the last of its chain */
    uint8_t *to = hal_direct(paddr(load_le64(d)));
    uint32_t len = answer_length();
    for (uint32_t i = 0; i < len && i < BUFFER_BYTES; i++) {
        to[i] = ++device.next;
    }
    uint8_t *e = at_bus(USED_RING) + 4 + 8 * (device.shown % size);
    store_le32(e, device.conduct == BAD_ID ? 0xffffu : head);
    store_le32(e + 4, len);
    device.served++;
}

/* The registers are plain memory, so the device detects a reset by empty rings. Returns false if
 * the device has nothing to do. */
static bool device_step(void)
{
    if (device.regs == NULL || (device.regs[COMMON + STATUS] & 4) == 0) {
        return false;
    }
    uint8_t *used = at_bus(USED_RING), *avail = at_bus(AVAIL_RING);
    if (load_le16(used + 2) != device.shown) {
        device.seen = device.shown = 0;
    }
    device.late -= device.late > 0;
    if (device.conduct == SILENT || device.late > 0 || load_le16(avail + 2) == device.seen) {
        return false;
    }
    uint16_t size = load_le16(device.regs + COMMON + QUEUE_SIZE);
    serve(load_le16(avail + 4 + 2 * (device.seen % size)), size);
    device.seen++;
    device.shown += device.conduct == BAD_INDEX ? 2 : 1;
    store_le16(used + 2, device.shown);
    return true;
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
    device.function = fake_virtio_reset(4);
    memset(device.regs, 0, BAR_SIZE);
    store_le32(device.regs + COMMON + 0x04, 1); /* VERSION_1, in the upper half as in the lower */
    store_le16(device.regs + COMMON + QUEUE_SIZE, 16);
}

static void pick(void *ctx, struct pci_device *d)
{
    (void)ctx;
    device.pci = d;
}

static void plug(void)
{
    const struct boot_pci_host boot = {
        .bus_last = 1,
        .mem32 = {.cpu = device.frame.raw, .bus = 0x10000000, .len = BAR_SIZE},
        .intx_count = 1,
        .intx = {{0x0800, 0x1800, 1, LINE, true}},
        .dma_coherent = true,
    };
    assert_int_equal(pci_host_create(&boot, &fake_pci_ops, &device.host), OK);
    assert_int_equal(pci_scan(device.host), OK);
    assert_int_equal(pci_assign(device.host), OK);
    pci_for_each(device.host->root, pick, NULL);
    assert_non_null(device.pci);
    device_add(&device.pci->dev);
}

static int set_up(void **state)
{
    (void)state;
    if (idle == NULL) {
        idle = fake_on_wait;
        fake_on_wait = wait_hook;
    }
    memset(&device, 0, sizeof(device));
    device.frame = paddr(WORLD_DEVICE_BASE);
    device.regs = hal_direct(device.frame);
    describe_device();
    plug();
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

static unsigned load(void)
{
    device.registration = (struct driver_registration){.driver = &virtio_rng_driver};
    return driver_add(&device.registration);
}

static void unload(void)
{
    driver_remove(&device.registration);
    assert_null(device.pci->dev.driver);
}

static struct virtio_rng *loaded(void)
{
    assert_int_equal(load(), 1);
    return device.pci->dev.driver_data;
}

static bool was_said(const char *text)
{
    return strstr(fake_console_text(), text) != NULL;
}

#define GIVEN_UP "a request that the device does not answer is given up"
#define BROKEN   "the device broke a rule of its queue"

static enum status read_some(struct virtio_rng *r, size_t len, size_t *got)
{
    static uint8_t buf[BUFFER_BYTES];
    uint8_t first = (uint8_t)(device.next + 1 - r->filled);
    *got = 0;
    enum status s = r->source.read(&r->source, buf, len, got);
    for (size_t i = 0; i < *got && device.conduct == WORKS && device.late == 0; i++) {
        assert_int_equal(buf[i], (uint8_t)(first + i)); /* each byte once, in order */
    }
    return s;
}

static void test_bytes_are_returned_once_and_counted(void **state)
{
    (void)state;
    static const uint8_t zeroes[BUFFER_BYTES];
    struct virtio_rng *r = loaded();
    size_t got;
    assert_int_equal(read_some(r, 10, &got), OK);
    assert_int_equal(got, 10);
    assert_int_equal(read_some(r, 32, &got), OK);
    assert_int_equal(got, 22);
    /* bytes that were handed out are cleared */
    assert_memory_equal(r->buffer.cpu, zeroes, BUFFER_BYTES);
    assert_int_equal(read_some(r, 32, &got), OK);
    assert_int_equal(got, 32);
    assert_int_equal(device.served, 2);

    struct random_stats before, after;
    random_get_stats(&before);
    assert_int_equal(random_reseed(), RANDOM_SEED_BYTES);
    random_get_stats(&after);
    assert_int_equal(after.asked - before.asked, RANDOM_SEED_BYTES);
    assert_int_equal(after.given - before.given, RANDOM_SEED_BYTES);
    assert_int_equal(device.served, 3);
    unload();
}

static void test_two_halves_make_a_seed(void **state)
{
    (void)state;
    (void)loaded();
    device.conduct = HALF;
    assert_int_equal(random_reseed(), RANDOM_SEED_BYTES);
    assert_int_equal(device.served, 2);
    unload();
}

static void test_responses_without_data_end_in_an_error(void **state)
{
    (void)state;
    struct virtio_rng *r = loaded();
    size_t got;
    device.conduct = EMPTY;
    assert_int_equal(read_some(r, 32, &got), E_IO);
    assert_int_equal(device.served, EMPTY_MAX);
    device.conduct = WORKS;
    assert_int_equal(read_some(r, 32, &got), OK);
    assert_int_equal(got, 32);
    unload();
    assert_false(was_said(BROKEN));
}

static void assert_broken_by(enum conduct conduct)
{
    struct virtio_rng *r = loaded();
    size_t got;
    device.conduct = conduct;
    assert_int_equal(read_some(r, 32, &got), E_IO);
    assert_int_equal(got, 0);
    assert_true(was_said(BROKEN));
    device.conduct = WORKS;
    unsigned served = device.served;
    assert_int_equal(read_some(r, 32, &got), E_IO); /* the device gets no further requests */
    interrupt();
    assert_int_equal(device.served, served);
    uint64_t start = clock_now_ns();
    unload();
    assert_true(clock_now_ns() - start < TICK_NS); /* the driver does not wait for it */
    r = loaded();                                  /* after a new start it works again */
    assert_int_equal(read_some(r, 32, &got), OK);
    unload();
}

static void test_a_response_longer_than_requested(void **state)
{
    (void)state;
    assert_broken_by(TOO_LONG);
}

static void test_a_descriptor_that_is_not_open(void **state)
{
    (void)state;
    assert_broken_by(BAD_ID);
}

static void test_more_completed_than_requested(void **state)
{
    (void)state;
    assert_broken_by(BAD_INDEX);
}

static void test_a_silent_device_times_out_after_a_second(void **state)
{
    (void)state;
    struct virtio_rng *r = loaded();
    size_t got;
    device.conduct = SILENT;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t start = clock_now_ns();
        assert_int_equal(read_some(r, 32, &got), E_TIMEDOUT);
        assert_in_range(clock_now_ns() - start, NS_PER_S, NS_PER_S + 2 * TICK_NS);
        assert_int_equal(virtio_rng_in_flight(&device.pci->dev), 1);
    }
    device.conduct = WORKS;
    assert_int_equal(read_some(r, 32, &got), OK); /* the one request, at last */
    assert_int_equal(device.served, 1);
    assert_int_equal(virtio_rng_in_flight(&device.pci->dev), 0);
    unload();
    assert_false(was_said(GIVEN_UP));
}

static void leave_a_request(void)
{
    struct virtio_rng *r = loaded();
    size_t got;
    device.conduct = SILENT;
    assert_int_equal(read_some(r, 32, &got), E_TIMEDOUT);
}

static void test_removal_waits_for_the_response(void **state)
{
    (void)state;
    leave_a_request();
    device.conduct = WORKS;
    device.late = 5;
    unload();
    assert_int_equal(device.served, 1);
    assert_false(was_said(GIVEN_UP));
}

static void test_removal_times_out_and_a_late_response_is_harmless(void **state)
{
    (void)state;
    leave_a_request();
    uint64_t start = clock_now_ns();
    unload();
    assert_in_range(clock_now_ns() - start, NS_PER_S, NS_PER_S + 2 * TICK_NS);
    assert_true(was_said(GIVEN_UP));
    /* reset: it can no longer access our memory */
    assert_int_equal(device.regs[COMMON + STATUS], 0);
    device.conduct = WORKS;
    assert_false(device_step());
    struct irq_totals before, after;
    irq_get_totals(&before);
    interrupt(); /* one that was pending */
    irq_get_totals(&after);
    assert_int_equal(after.spurious, before.spurious);

    size_t got;
    assert_int_equal(read_some(loaded(), 32, &got), OK);
    unload();
}

/* --- a device that never completes its reset --- */

static struct virtio_transport stuck;

static void write_nothing(struct virtio_device *vd, uint8_t status)
{
    (void)vd;
    (void)status;
}

static bool is_bus_master(void)
{
    return (fake_pci_get(device.function, 0x04, 2) & 4) != 0;
}

static bool was_master_at_the_end;
static void (*disconnect)(struct virtio_device *vd, struct virtio_queue *q);

/* The queue's memory is freed after this; closing the device, later still,
 * disables bus mastering anyway. */
static void look_and_disconnect(struct virtio_device *vd, struct virtio_queue *q)
{
    was_master_at_the_end = is_bus_master();
    disconnect(vd, q);
}

static void test_a_device_stuck_in_reset_reaches_no_memory(void **state)
{
    (void)state;
    struct virtio_rng *r = loaded();
    stuck = *r->vd->transport;
    stuck.write_status = write_nothing;
    disconnect = stuck.disconnect;
    stuck.disconnect = look_and_disconnect;
    was_master_at_the_end = true;
    r->vd->transport = &stuck;
    assert_true(is_bus_master());
    unload();
    assert_true(was_said("does not come out of reset"));
    assert_false(was_master_at_the_end);
    size_t got;
    assert_int_equal(read_some(loaded(), 32, &got), OK);
    unload();
}

/* --- memory that runs out --- */

static struct fake_pci_function untouched;

static bool load_and_unload(void)
{
    bool is_bound = load() == 1;
    unload();
    /* Decoding, bus mastering and interrupts are as before. */
    assert_memory_equal(fake_pci.function[device.function].cfg, untouched.cfg,
                        sizeof(untouched.cfg));
    assert_int_equal(device.regs[COMMON + STATUS], 0);
    return is_bound;
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    (void)loaded();
    unload();
    untouched = fake_pci.function[device.function];
    fake_sweep("virtio_rng", load_and_unload);
}

/* --- readers --- */

static void reseed(void *arg)
{
    *(size_t *)arg = random_reseed();
    thread_exit(0);
}

static void nothing(void *arg)
{
    (void)arg;
    thread_exit(0);
}

/* Also lets the idle thread free the joined thread's stack. */
static void join(struct thread *t)
{
    (void)world_join(t);
    (void)thread_sleep(NS_PER_MS);
}

static void remove_under_a_reader(size_t *given)
{
    struct heap_stats before, after;
    join(world_thread("first", PRIO_NORMAL, nothing, NULL)); /* fills the cache of ended threads */
    heap_get_stats(&before);
    (void)loaded();
    device.conduct = SILENT;
    *given = 1000;
    struct thread *t = world_thread("reader", PRIO_NORMAL, reseed, given);
    (void)thread_sleep(TICK_NS / 2);
    assert_int_equal(virtio_rng_in_flight(&device.pci->dev), 1);
    assert_int_equal(*given, 1000); /* the reader is inside the driver */
    device.conduct = device.late > 0 ? WORKS : SILENT;
    unload();
    join(t);
    heap_get_stats(&after);
    assert_int_equal(after.live_objects, before.live_objects);
    assert_int_equal(random_reseed(), 0); /* no source is left */
}

static void test_a_reader_inside_gets_the_last_response(void **state)
{
    (void)state;
    size_t given;
    device.late = 4;
    remove_under_a_reader(&given);
    assert_int_equal(given, RANDOM_SEED_BYTES);
    assert_false(was_said(GIVEN_UP));
}

static void test_a_reader_inside_gets_an_error(void **state)
{
    (void)state;
    size_t given;
    remove_under_a_reader(&given);
    assert_int_equal(given, 0);
    assert_true(was_said(GIVEN_UP));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_bytes_are_returned_once_and_counted),
        TEST(test_two_halves_make_a_seed),
        TEST(test_responses_without_data_end_in_an_error),
        TEST(test_a_response_longer_than_requested),
        TEST(test_a_descriptor_that_is_not_open),
        TEST(test_more_completed_than_requested),
        TEST(test_a_silent_device_times_out_after_a_second),
        TEST(test_removal_waits_for_the_response),
        TEST(test_removal_times_out_and_a_late_response_is_harmless),
        TEST(test_a_device_stuck_in_reset_reaches_no_memory),
        TEST(test_each_allocation_may_fail),
        TEST(test_a_reader_inside_gets_the_last_response),
        TEST(test_a_reader_inside_gets_an_error),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
