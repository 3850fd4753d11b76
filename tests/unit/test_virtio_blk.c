// SPDX-License-Identifier: MIT
//
// The virtio block driver, from its probe to its removal, over a device whose registers are memory:
// one that works, one that does not respond, and ones that violate the specification.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_failure.h"
#include "fake/fake_pci.h"
#include "fake/fake_virtio.h"
#include "fake/world.h"
#include "kernel/base/clock.h"
#include "drivers/registry.h"
#include "kernel/io/block.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"

#define LINE       9
#define QUEUE_SIZE 16
#define SECTORS    64

/* The register with 32 feature bits at a time is memory, so both halves read the same. Bit 0 is
 * VERSION_1 in the upper half. */
#define FEATURES      (1u | 1u << 2 | 1u << 6 | 1u << 9) /* SEG_MAX, BLK_SIZE, FLUSH */
#define FEATURE_INDIR (1u << 28)

enum conduct {
    WORKS,
    SILENT,
    LOSES_INTERRUPT,
    FAILS,       /* status 1 */
    UNSUPPORTED, /* status 2 */
    NO_STATUS,   /* completes the request without writing a status */
    SHORT,       /* reports fewer bytes than requested */
    BAD_ID,
    BAD_LENGTH,
    BAD_INDEX,
};

static struct {
    struct pci_host *host;
    struct pci_device *pci;
    uint8_t *regs;
    paddr_t frame;
    int function;
    enum conduct conduct;
    uint16_t seen, done, shown; /* shown: the index that it wrote */
    unsigned served, flushes;
    uint8_t data[SECTORS * 512];
    uint8_t *buffer;
} disk;

static void (*idle)(void);

static uint8_t *at_bus(uint64_t bus)
{
    assert_true(bus >= FAKE_RAM_BASE && bus < FAKE_RAM_BASE + FAKE_RAM_SIZE);
    return hal_direct(paddr(bus));
}

static uint64_t reg64(unsigned at)
{
    return load_le64(disk.regs + COMMON + at);
}

struct chain {
    const uint8_t *desc;
    uint16_t next;
    bool more;
};

static bool next_piece(struct chain *c, uint8_t **data, uint32_t *len, bool *writes)
{
    if (!c->more) {
        return false;
    }
    const uint8_t *d = c->desc + 16 * c->next;
    uint16_t flags = load_le16(d + 12);
    *data = at_bus(load_le64(d));
    *len = load_le32(d + 8);
    *writes = (flags & 2) != 0;
    c->more = (flags & 1) != 0;
    c->next = load_le16(d + 14);
    return true;
}

static struct chain chain_at(uint16_t head)
{
    struct chain c = {.desc = at_bus(reg64(0x20)), .next = head, .more = true};
    const uint8_t *d = c.desc + 16 * head;
    if ((load_le16(d + 12) & 4) != 0) {
        c.desc = at_bus(load_le64(d));
        c.next = 0;
    }
    return c;
}

/* Execute the request; return the number of bytes written. */
static uint32_t serve(uint16_t head)
{
    struct chain c = chain_at(head);
    uint8_t *data;
    uint32_t len, written = 0;
    bool writes;
    assert_true(next_piece(&c, &data, &len, &writes));
    assert_int_equal(len, 16);
    assert_false(writes);
    uint32_t type = load_le32(data);
    uint64_t at = load_le64(data + 8) * 512;
    uint8_t *last = NULL;
    while (next_piece(&c, &data, &len, &writes)) {
        if (!c.more) {
            assert_true(writes);
            assert_int_equal(len, 1);
            last = data;
            written++;
        } else if (type == 8) {
            assert_int_equal(len, 20);
            memcpy(data, "serial\033 0123\0\0\0\0\0\0\0", 20);
            written += len;
        } else {
            assert_true(at + len <= sizeof(disk.data));
            assert_int_equal(writes, type == 0);
            memcpy(writes ? data : disk.data + at, writes ? disk.data + at : data, len);
            at += len;
            written += writes ? len : 0;
        }
    }
    assert_non_null(last);
    disk.flushes += type == 4;
    if (disk.conduct != NO_STATUS) {
        *last = disk.conduct == FAILS ? 1 : disk.conduct == UNSUPPORTED ? 2 : 0;
    }
    return disk.conduct == SHORT ? written - 1 : written;
}

static void finish(uint16_t head, uint32_t written)
{
    uint8_t *used = at_bus(reg64(0x30));
    uint8_t *e = used + 4 + 8 * (disk.done % QUEUE_SIZE);
    store_le32(e, disk.conduct == BAD_ID ? 0xffffu : head);
    store_le32(e + 4, disk.conduct == BAD_LENGTH ? 1u << 20 : written);
    disk.done++;
    disk.shown = disk.conduct == BAD_INDEX ? disk.done + 1 : disk.done;
    store_le16(used + 2, disk.shown);
}

/* The device's action while the CPU is idle. Returns false if there is none. The registers are
 * plain memory, so the device detects a reset by empty rings. */
static bool device_step(void)
{
    if (disk.regs == NULL || (disk.regs[COMMON + 0x14] & 4) == 0) {
        return false;
    }
    if (load_le16(at_bus(reg64(0x30)) + 2) != disk.shown) {
        disk.seen = disk.done = disk.shown = 0;
    }
    const uint8_t *avail = at_bus(reg64(0x28));
    if (disk.conduct == SILENT || load_le16(avail + 2) == disk.seen) {
        return false;
    }
    while (load_le16(avail + 2) != disk.seen) {
        uint16_t head = load_le16(avail + 4 + 2 * (disk.seen % QUEUE_SIZE));
        disk.seen++;
        disk.served++;
        finish(head, serve(head));
    }
    return disk.conduct != LOSES_INTERRUPT;
}

static void wait_hook(void)
{
    if (device_step()) {
        disk.regs[ISR] = 1;
        world_interrupt(LINE);
        disk.regs[ISR] = 0;
    } else {
        idle();
    }
}

static void describe_function(void)
{
    disk.function = fake_virtio_reset(2);
}

static void describe_registers(void)
{
    memset(disk.regs, 0, BAR_SIZE);
    store_le32(disk.regs + COMMON + 0x04, FEATURES);
    store_le16(disk.regs + COMMON + 0x18, QUEUE_SIZE);
    store_le64(disk.regs + CONFIG + 0, SECTORS);
    store_le32(disk.regs + CONFIG + 12, 14); /* seg_max */
    store_le32(disk.regs + CONFIG + 20, 512);
}

static int set_up(void **state)
{
    (void)state;
    if (idle == NULL) {
        idle = fake_on_wait;
        fake_on_wait = wait_hook;
    }
    memset(&disk, 0, sizeof(disk));
    disk.frame = paddr(WORLD_DEVICE_BASE);
    disk.regs = hal_direct(disk.frame);
    describe_function();
    describe_registers();
    for (size_t i = 0; i < sizeof(disk.data); i++) {
        disk.data[i] = (uint8_t)(i * 13 + i / 512);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (disk.pci != NULL) {
        device_remove(&disk.pci->dev);
    }
    if (disk.host != NULL) {
        pci_host_destroy(disk.host);
    }
    heap_free(disk.buffer);
    disk.regs = NULL;
    return 0;
}

static void pick(void *ctx, struct pci_device *d)
{
    (void)ctx;
    disk.pci = d;
}

/* Scan the function and offer it to the drivers. */
static void plug(void)
{
    const struct boot_pci_host boot = {
        .bus_last = 1,
        .mem32 = {.cpu = disk.frame.raw, .bus = 0x10000000, .len = BAR_SIZE},
        .intx_count = 1,
        .intx = {{0x0800, 0x1800, 1, LINE, true}},
        .dma_coherent = true,
    };
    assert_int_equal(pci_host_create(&boot, &fake_pci_ops, &disk.host), OK);
    assert_int_equal(pci_scan(disk.host), OK);
    assert_int_equal(pci_assign(disk.host), OK);
    pci_for_each(disk.host->root, pick, NULL);
    assert_non_null(disk.pci);
    device_add(&disk.pci->dev);
}

static struct block_device *plugged(void)
{
    plug();
    struct block_device *dev = block_open("vda");
    assert_non_null(dev);
    return dev;
}

static void assert_refused(void)
{
    struct heap_stats before, after;
    struct page_stats pages_before, pages_after;
    plug();
    assert_null(disk.pci->dev.driver);
    assert_null(block_open("vda"));
    heap_get_stats(&before);
    page_get_stats(&pages_before);
    assert_true(device_bind(&disk.pci->dev) != OK);
    heap_get_stats(&after);
    page_get_stats(&pages_after);
    assert_int_equal(after.live_objects, before.live_objects);
    assert_int_equal(pages_after.by_owner[PAGE_DMA], pages_before.by_owner[PAGE_DMA]);
}

static void test_probe_reads_the_devices_configuration(void **state)
{
    (void)state;
    struct block_device *dev = plugged();
    assert_int_equal(dev->sectors, SECTORS);
    assert_int_equal(dev->logical_block, 512);
    assert_true(dev->can_flush);
    assert_false(dev->read_only);
    assert_string_equal(dev->serial, "serial? 0123");
    /* 14 pieces: 3 segments, and as many bytes as always fit in them. */
    assert_int_equal(dev->max_segments, 3);
    assert_int_equal(dev->max_bytes, 9 * PAGE_SIZE);
    block_close(dev);
}

/* Memory that a device can access, unlike the test program's own. tear_down() frees it. */
static uint8_t *buffer(void)
{
    disk.buffer = heap_alloc(sizeof(disk.data));
    assert_non_null(disk.buffer);
    return disk.buffer;
}

static void check_transfers(void)
{
    static uint8_t copy[SECTORS * 512];
    struct block_device *dev = plugged();
    uint8_t *buf = buffer();
    assert_int_equal(block_read(dev, 0, buf, sizeof(disk.data)), OK);
    assert_memory_equal(buf, disk.data, sizeof(disk.data));
    memset(buf, 0x5a, 1024);
    assert_int_equal(block_write(dev, 7, buf, 1024), OK);
    assert_memory_equal(disk.data + 7 * 512, buf, 1024);
    memcpy(copy, disk.data, sizeof(copy));
    assert_int_equal(block_read(dev, SECTORS - 1, buf, 512), OK);
    assert_memory_equal(buf, disk.data + (SECTORS - 1) * 512, 512);
    assert_int_equal(block_flush(dev), OK);
    assert_int_equal(disk.flushes, 1);
    assert_memory_equal(copy, disk.data, sizeof(copy));
    block_close(dev);
}

static void test_transfers_with_chains(void **state)
{
    (void)state;
    check_transfers();
}

static void test_transfers_with_indirect_tables(void **state)
{
    (void)state;
    store_le32(disk.regs + COMMON + 0x04, FEATURES | FEATURE_INDIR);
    check_transfers();
}

static void assert_read_gives(enum conduct conduct, enum status expected)
{
    struct block_device *dev = plugged();
    uint8_t *buf = buffer();
    disk.conduct = conduct;
    assert_int_equal(block_read(dev, 0, buf, 512), expected);
    disk.conduct = WORKS; /* one failed request does not fail the device */
    assert_int_equal(block_read(dev, 3, buf, 512), OK);
    assert_memory_equal(buf, disk.data + 3 * 512, 512);
    block_close(dev);
}

static void test_a_failed_request(void **state)
{
    (void)state;
    assert_read_gives(FAILS, E_IO);
}

static void test_an_unsupported_request(void **state)
{
    (void)state;
    assert_read_gives(UNSUPPORTED, E_NOTSUP);
}

static void test_a_missing_status(void **state)
{
    (void)state;
    assert_read_gives(NO_STATUS, E_IO);
}

static void test_a_short_read(void **state)
{
    (void)state;
    assert_read_gives(SHORT, E_IO);
}

static void test_silence_ends_in_a_reset_and_a_timeout(void **state)
{
    (void)state;
    uint64_t start = clock_now_ns();
    assert_read_gives(SILENT, E_TIMEDOUT);
    assert_true(clock_now_ns() - start >= 30 * NS_PER_S);
    assert_true(clock_now_ns() - start < 40 * NS_PER_S);
}

/* A request that the device has finished succeeds, although no interrupt came. */
static void test_a_lost_interrupt_costs_only_time(void **state)
{
    (void)state;
    assert_read_gives(LOSES_INTERRUPT, OK);
}

static void assert_broken_by(enum conduct conduct)
{
    struct block_device *dev = plugged();
    uint8_t *buf = buffer();
    disk.conduct = conduct;
    assert_int_equal(block_read(dev, 0, buf, 512), E_IO);
    assert_int_equal(disk.regs[COMMON + 0x14], 0); /* reset: it can no longer access our memory */
    disk.conduct = WORKS;
    assert_int_equal(block_read(dev, 0, buf, 512), E_IO);
    block_close(dev);
    assert_int_equal(device_unbind(&disk.pci->dev), OK);
    assert_int_equal(device_bind(&disk.pci->dev), OK); /* after a new start it works again */
    dev = block_open("vda");
    assert_non_null(dev);
    assert_int_equal(block_read(dev, 0, buf, 512), OK);
    block_close(dev);
}

static void test_a_descriptor_that_is_not_open(void **state)
{
    (void)state;
    assert_broken_by(BAD_ID);
}

static void test_more_written_than_allowed(void **state)
{
    (void)state;
    assert_broken_by(BAD_LENGTH);
}

static void test_more_completed_than_requested(void **state)
{
    (void)state;
    assert_broken_by(BAD_INDEX);
}

static void test_a_device_that_never_responds_is_refused(void **state)
{
    (void)state;
    disk.conduct = SILENT;
    assert_refused();
}

static void test_a_legacy_device_is_refused(void **state)
{
    (void)state;
    store_le32(disk.regs + COMMON + 0x04, FEATURES & ~1u);
    assert_refused();
}

static void test_impossible_geometry_is_refused(void **state)
{
    (void)state;
    store_le32(disk.regs + CONFIG + 20, 513);
    assert_refused();
}

static void test_blocks_larger_than_a_request_are_refused(void **state)
{
    (void)state;
    store_le32(disk.regs + CONFIG + 20, 1u << 31);
    assert_refused();
}

static void test_no_room_for_a_piece_is_refused(void **state)
{
    (void)state;
    store_le32(disk.regs + CONFIG + 12, 0);
    assert_refused();
}

static void test_no_queue_is_refused(void **state)
{
    (void)state;
    store_le16(disk.regs + COMMON + 0x18, 0);
    assert_refused();
}

static void test_a_tiny_queue_is_refused(void **state)
{
    (void)state;
    store_le16(disk.regs + COMMON + 0x18, 2);
    assert_refused();
}

/* Each area in turn outside the BAR, or too short. */
static void test_wrong_capabilities_are_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned cap;
        unsigned reg;
        uint32_t value;
    } lies[] = {
        {0x40, 8, BAR_SIZE},
        {0x40, 8, 0xfffffff0},
        {0x40, 12, 0x20},
        {0x40, 12, 0xffffffff},
        {0x40, 4, 6},
        {0x40, 4, 1},
        {0x40, 8, 2},
        {0x54, 12, 0},
        {0x54, 8, BAR_SIZE},
        {0x7c, 8, BAR_SIZE - 1},
        {0x7c, 12, 1},
        {0x7c, 4, 0xff},
        {0x68, 8, BAR_SIZE + 512},
        {0x68, 12, 4},
    };
    plug();
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        assert_int_equal(device_unbind(&disk.pci->dev), OK);
        uint32_t was = fake_pci_get(disk.function, lies[i].cap + lies[i].reg, 4);
        fake_pci_set(disk.function, lies[i].cap + lies[i].reg, 4, lies[i].value);
        assert_true(device_bind(&disk.pci->dev) != OK);
        assert_null(block_open("vda"));
        fake_pci_set(disk.function, lies[i].cap + lies[i].reg, 4, was);
        assert_int_equal(device_bind(&disk.pci->dev), OK);
    }
}

/* All fields exist, but misaligned, so no machine can read them. */
static void test_a_misaligned_configuration_is_refused(void **state)
{
    (void)state;
    memset(disk.regs + CONFIG, 0, 64);
    store_le64(disk.regs + CONFIG + 2, SECTORS);
    store_le32(disk.regs + CONFIG + 2 + 12, 14);
    store_le32(disk.regs + CONFIG + 2 + 20, 512);
    fake_pci_set(disk.function, 0x68 + 8, 4, CONFIG + 2);
    assert_refused();
}

static void test_a_doorbell_outside_its_area_is_refused(void **state)
{
    (void)state;
    store_le16(disk.regs + COMMON + 0x1e, 0x400); /* times 4 */
    assert_refused();
}

/* --- memory that runs out --- */

static struct fake_pci_function untouched;

static bool bind_and_unbind(void)
{
    bool is_bound = device_bind(&disk.pci->dev) == OK;
    if (is_bound) {
        assert_int_equal(device_unbind(&disk.pci->dev), OK);
    }
    assert_null(disk.pci->dev.driver);
    assert_null(block_open("vda"));
    assert_memory_equal(fake_pci.function[disk.function].cfg, untouched.cfg, sizeof(untouched.cfg));
    return is_bound;
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    plug();
    assert_int_equal(device_unbind(&disk.pci->dev), OK);
    untouched = fake_pci.function[disk.function];
    fake_sweep("virtio_blk", bind_and_unbind);
}

static int boot(void **state)
{
    driver_link(driver_registry);
    return world_boot(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_probe_reads_the_devices_configuration, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_transfers_with_chains, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_transfers_with_indirect_tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failed_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_unsupported_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_missing_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_short_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_silence_ends_in_a_reset_and_a_timeout, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_lost_interrupt_costs_only_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_descriptor_that_is_not_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more_written_than_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more_completed_than_requested, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_device_that_never_responds_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_legacy_device_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_impossible_geometry_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_blocks_larger_than_a_request_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_no_room_for_a_piece_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_queue_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_tiny_queue_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_capabilities_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_misaligned_configuration_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_doorbell_outside_its_area_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_each_allocation_may_fail, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
