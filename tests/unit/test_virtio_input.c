// SPDX-License-Identifier: MIT
//
// The keyboard driver, from its probe to its removal, over a device whose registers are memory: one
// that works, one that violates the specification, and one that never completes its reset.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/input/virtio_input.c"
#include "drivers/registry.h"
#include "fake/fake_pci.h"
#include "fake/fake_virtio.h"
#include "fake/fake_console.h"
#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/mm/page.h"
#include "kernel/tty/console.h"

#define LINE  9
#define QUEUE 16u

/* Offsets of fields in COMMON. */
enum { STATUS = 0x14, QUEUE_SIZE = 0x18, DESC_RING = 0x20, AVAIL_RING = 0x28, USED_RING = 0x30 };

enum { KEY_A = 30, KEY_CTRL = 29, EV_SYN = 0, EV_REL = 2 };

static struct {
    struct pci_host *host;
    struct pci_device *pci;
    uint8_t *regs;
    paddr_t frame;
    int function;
    uint16_t seen, shown;
} device;

/* --- the console that receives the keys --- */

static char said[4096]; /* log lines */
static size_t said_len;

static size_t put(struct console *c, const uint8_t *s, size_t len)
{
    (void)c;
    assert_true(len < sizeof(said) - said_len);
    memcpy(said + said_len, s, len);
    said_len += len;
    said[said_len] = '\0';
    return len;
}

static size_t get(struct console *c, uint8_t *buf, size_t len)
{
    (void)c;
    return keyboard_take(buf, len);
}

static void want_rx(struct console *c, bool on)
{
    (void)c;
    keyboard_want(on);
}

static const struct console_ops screen_ops = {
    .name = "screen",
    .put = put,
    .want_tx = fake_console_want,
    .is_idle = fake_console_is_idle,
    .get = get,
    .want_rx = want_rx,
};
static struct console screen = {.ops = &screen_ops};

static void expect_typed(const char *bytes)
{
    uint8_t got[64];
    (void)!thread_sleep(1); /* let the work thread run */
    int n = console_read(got, sizeof(got), 0);
    assert_int_equal(n < 0 ? 0 : n, strlen(bytes));
    assert_memory_equal(got, bytes, strlen(bytes));
}

/* --- the device --- */

static uint8_t *at_bus(unsigned reg)
{
    uint64_t bus = load_le64(device.regs + COMMON + reg);
    assert_true(bus >= FAKE_RAM_BASE && bus < FAKE_RAM_BASE + FAKE_RAM_SIZE);
    return hal_direct(paddr(bus));
}

static void interrupt(void)
{
    device.regs[ISR] = 1;
    world_interrupt(LINE);
    device.regs[ISR] = 0;
}

/* Fill the next buffer; the used entry has this id if it is not -1. */
static void fill(uint16_t type, uint16_t code, uint32_t value, uint32_t len, int id)
{
    const uint8_t *avail = at_bus(AVAIL_RING);
    /* the driver has returned the buffer */
    assert_int_not_equal(load_le16(avail + 2), device.seen);
    uint16_t head = load_le16(avail + 4 + 2 * (device.seen++ % QUEUE));
    const uint8_t *d = at_bus(DESC_RING) + 16 * head;
    assert_int_equal(load_le32(d + 8), EVENT_SIZE);
    assert_int_equal(load_le16(d + 12), 2); /* device-writable, and the last of its chain */
    uint8_t *event = hal_direct(paddr(load_le64(d)));
    store_le16(event + EVENT_TYPE, type);
    store_le16(event + EVENT_CODE, code);
    store_le32(event + EVENT_VALUE, value);
    uint8_t *entry = at_bus(USED_RING) + 4 + 8 * (device.shown++ % QUEUE);
    store_le32(entry, id < 0 ? head : (uint32_t)id);
    store_le32(entry + 4, len);
}

static void show(void)
{
    store_le16(at_bus(USED_RING) + 2, device.shown);
    interrupt();
}

static void event(uint16_t type, uint16_t code, uint32_t value)
{
    fill(type, code, value, EVENT_SIZE, -1);
    show();
    (void)!thread_sleep(1);
}

static void press(uint16_t code)
{
    event(EV_KEY, code, 1);
    event(EV_KEY, code, 0);
}

/* Every configuration query has the same result: all keys are supported. */
static void describe_device(void)
{
    device.function = fake_virtio_reset(DEVICE_INPUT);
    memset(device.regs, 0, BAR_SIZE);
    store_le32(device.regs + COMMON + 0x04, 1); /* VERSION_1, in the upper half as in the lower */
    store_le16(device.regs + COMMON + QUEUE_SIZE, QUEUE);
    device.regs[CONFIG + CONFIG_SIZE] = KEYBOARD_CODES / 8;
    memset(device.regs + CONFIG + CONFIG_DATA, 0xff, KEYBOARD_CODES / 8);
}

static void pick(void *ctx, struct pci_device *d)
{
    (void)ctx;
    device.pci = d;
}

static int set_up(void **state)
{
    (void)state;
    memset(&device, 0, sizeof(device));
    device.frame = paddr(WORLD_DEVICE_BASE);
    device.regs = hal_direct(device.frame);
    describe_device();
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
    said_len = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pci_host_destroy(device.host);
    return 0;
}

/* Load the driver, which is in the registry. */
static bool load(void)
{
    device.seen = device.shown = 0;
    device_add(&device.pci->dev);
    return device.pci->dev.driver == &virtio_input_driver;
}

static void unload(void)
{
    device_remove(&device.pci->dev);
    assert_null(device.pci->dev.driver);
}

static struct virtio_input *loaded(void)
{
    assert_true(load());
    return device.pci->dev.driver_data;
}

/* --- tests --- */

static void test_keys_can_be_typed_without_a_limit(void **state)
{
    (void)state;
    (void)loaded();
    for (unsigned i = 0; i < 3 * QUEUE; i++) {
        press(KEY_A);
        expect_typed("a");
    }
    unload();
}

static void test_a_whole_ring_at_once(void **state)
{
    (void)state;
    (void)loaded();
    for (unsigned i = 0; i < QUEUE; i++) {
        fill(EV_KEY, KEY_A, i % 2 == 0, EVENT_SIZE, -1);
    }
    show();
    expect_typed("aaaaaaaa");
    press(KEY_A);
    expect_typed("a");
    unload();
}

static void test_unknown_key_codes_are_ignored(void **state)
{
    (void)state;
    const struct virtio_input *in = loaded();
    event(EV_SYN, 0, 0);
    event(EV_REL, KEY_A, 1);
    event(EV_KEY, KEYBOARD_CODES, 1);
    event(EV_KEY, 0xffff, 1);
    event(0xffff, 0xffff, 0xffffffffu);
    expect_typed("");
    fill(EV_KEY, KEY_A, 1, EVENT_SIZE - 1, -1); /* an incomplete event is dropped */
    fill(EV_KEY, KEY_A, 1, 0, -1);
    show();
    expect_typed("");
    assert_false(in->is_broken);
    press(KEY_A);
    expect_typed("a");
    unload();
}

/* The pressed key is released, and nothing is read from the device until it is started again. */
static void assert_broken(void)
{
    const struct virtio_input *in = device.pci->dev.driver_data;
    show();
    expect_typed("");
    assert_true(in->is_broken);
    assert_non_null(strstr(said, "the device broke a rule of its queue"));
    keyboard_event(KEY_A, true);
    keyboard_event(KEY_A, false);
    expect_typed("a"); /* without Ctrl */
    device.shown++;
    show();
    expect_typed("");
    unload();
    (void)loaded();
    press(KEY_A);
    expect_typed("a");
    unload();
}

static void test_an_event_longer_than_its_buffer(void **state)
{
    (void)state;
    (void)loaded();
    event(EV_KEY, KEY_CTRL, 1);
    fill(EV_KEY, KEY_A, 1, EVENT_SIZE + 1, -1);
    assert_broken();
}

static void test_a_descriptor_that_is_not_open(void **state)
{
    (void)state;
    (void)loaded();
    event(EV_KEY, KEY_CTRL, 1);
    fill(EV_KEY, KEY_A, 1, EVENT_SIZE, 0xffff);
    assert_broken();
}

static void test_more_events_than_buffers(void **state)
{
    (void)state;
    (void)loaded();
    event(EV_KEY, KEY_CTRL, 1);
    device.shown = (uint16_t)(device.shown + QUEUE + 1);
    assert_broken();
}

static void test_a_device_without_letter_keys_is_ignored(void **state)
{
    (void)state;
    device.regs[CONFIG + CONFIG_DATA + KEY_Q / 8] = 0;
    assert_false(load());
    assert_int_equal(device.regs[COMMON + STATUS], 0);
    unload();
}

static void test_a_response_longer_than_the_buffer(void **state)
{
    (void)state;
    device.regs[CONFIG + CONFIG_SIZE] = CONFIG_DATA_MAX + 1;
    assert_false(load());
    unload();
}

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

/* The queue's memory is freed after this. */
static void look_and_disconnect(struct virtio_device *vd, struct virtio_queue *q)
{
    was_master_at_the_end = is_bus_master();
    disconnect(vd, q);
}

static void test_a_device_stuck_in_reset_reaches_no_memory(void **state)
{
    (void)state;
    struct virtio_input *in = loaded();
    stuck = *in->vd->transport;
    stuck.write_status = write_nothing;
    disconnect = stuck.disconnect;
    stuck.disconnect = look_and_disconnect;
    was_master_at_the_end = true;
    in->vd->transport = &stuck;
    assert_true(is_bus_master());
    unload();
    assert_non_null(strstr(said, "does not come out of reset"));
    assert_false(was_master_at_the_end);
    (void)loaded();
    press(KEY_A);
    expect_typed("a");
    unload();
}

/* An interrupt arrives at the last moment. Then the removing thread is preempted. */
static void interrupt_disconnect_and_sleep(struct virtio_device *vd, struct virtio_queue *q)
{
    interrupt();
    disconnect(vd, q);
    (void)!thread_sleep(1); /* let the work thread run */
}

static void test_pending_work_does_not_use_an_unmapped_doorbell(void **state)
{
    (void)state;
    struct virtio_input *in = loaded();
    struct virtio_transport preempted = *in->vd->transport;
    disconnect = preempted.disconnect;
    preempted.disconnect = interrupt_disconnect_and_sleep;
    in->vd->transport = &preempted;
    thread_set_priority(thread_current(), PRIO_REALTIME); /* the work thread has to wait */
    fill(EV_KEY, KEY_A, 1, EVENT_SIZE, -1);
    show();
    unload();
    thread_set_priority(thread_current(), PRIO_NORMAL);
    expect_typed("");
    (void)loaded();
    press(KEY_A);
    expect_typed("a");
    unload();
}

static int boot(void **state)
{
    int result = world_boot(state);
    driver_link(driver_registry);
    console_add(&screen);
    keyboard_attach(&screen);
    return result;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_keys_can_be_typed_without_a_limit),
        TEST(test_a_whole_ring_at_once),
        TEST(test_unknown_key_codes_are_ignored),
        TEST(test_an_event_longer_than_its_buffer),
        TEST(test_a_descriptor_that_is_not_open),
        TEST(test_more_events_than_buffers),
        TEST(test_a_device_without_letter_keys_is_ignored),
        TEST(test_a_response_longer_than_the_buffer),
        TEST(test_a_device_stuck_in_reset_reaches_no_memory),
        TEST(test_pending_work_does_not_use_an_unmapped_doorbell),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
