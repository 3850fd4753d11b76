// SPDX-License-Identifier: MIT
//
// A misbehaving virtio device: a disk, a keyboard or a source of entropy that works except for what
// the input changes. Its first byte chooses the device. Then come changes to its capabilities and
// registers, made before the driver's probe. After 0xff come its actions, one each time that the
// CPU is idle: entries of the used ring, correct or not, events, changes of other registers. In
// each case the driver returns, frees its memory, and passes on no bytes that were never read.
//
// A real device can write to all memory whose address it knows. This one writes to its rings and
// buffers only, and to these only while the driver has handed them over.
#include "fake/fake_pci.h"
#include "fake/fake_virtio.h"
#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/io/block.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/tty/keyboard.h"
#include "typed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/random/virtio_rng.c"
#include "drivers/registry.h"

#define LINE        9
#define RING_SIZE   16
#define SECTORS     64
#define CAPS        0x40 /* first register after the header */
#define CAPS_END    0x100
#define PATCH_END   0xff
#define PATCHES_MAX 64u
#define PIECES_MAX  64u /* limit for a chain that the device follows */
#define READ_BYTES  4096u

/* Offsets of fields in COMMON. */
enum {
    REG_FEATURES = 0x04,
    REG_STATUS = 0x14,
    REG_GENERATION = 0x15,
    REG_QUEUE_SIZE = 0x18,
    REG_VECTOR = 0x1a,
    REG_NOTIFY_OFFSET = 0x1e,
    REG_RINGS = 0x20,
    REG_END = 0x38,
};
#define DRIVER_OK 4u

enum kind { DISK, KEYBOARD, ENTROPY, KINDS };

enum act { SERVE, LIE, MOVE_INDEX, CHANGE, ASK, SCRIBBLE, INTERRUPT, NOTHING, ACTS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    const uint8_t *next, *end; /* position in the input */
    uint8_t *regs;
    int function;
    struct pci_host *host;
    struct pci_device *pci;
    uint16_t seen, done;
} device;

static void (*idle)(void);

static uint8_t take8(void)
{
    return device.next < device.end ? *device.next++ : 0;
}

static uint16_t take16(void)
{
    uint8_t low = take8();
    return (uint16_t)(low | take8() << 8);
}

static uint32_t take32(void)
{
    uint16_t low = take16();
    return low | (uint32_t)take16() << 16;
}

/* --- its capabilities and registers --- */

static void describe(enum kind kind)
{
    static const uint16_t ids[KINDS] = {2, 18, 4};
    device.function = fake_virtio_reset(ids[kind]);
    memset(device.regs, 0, BAR_SIZE);
    /* VERSION_1 in the upper half, as in the lower; for disks also SEG_MAX, BLK_SIZE, FLUSH */
    store_le32(device.regs + COMMON + REG_FEATURES, kind == DISK ? 0x245 : 1);
    store_le16(device.regs + COMMON + REG_QUEUE_SIZE, RING_SIZE);
    if (kind == DISK) {
        store_le64(device.regs + CONFIG, SECTORS);
        store_le32(device.regs + CONFIG + 12, 14);
        store_le32(device.regs + CONFIG + 20, 512);
    } else if (kind == KEYBOARD) { /* it supports every key, whichever bitmap is selected */
        device.regs[CONFIG + 2] = KEYBOARD_CODES / 8;
        memset(device.regs + CONFIG + 8, 0xff, KEYBOARD_CODES / 8);
    }
}

/* The input may not change the ring addresses, nor the working state: the device would then write
 * to memory that the driver does not own. */
static void change_register(uint16_t at, uint8_t value, bool is_running)
{
    at %= BAR_SIZE;
    bool is_ring = at >= REG_RINGS && at < REG_END;
    bool is_size = at == REG_QUEUE_SIZE || at == REG_QUEUE_SIZE + 1;
    if (is_ring || (is_size && is_running)) {
        return;
    }
    device.regs[at] = at == REG_STATUS ? value & (uint8_t)~DRIVER_OK : value;
}

static void change_what_it_says(void)
{
    for (unsigned i = 0; i < PATCHES_MAX && device.next < device.end; i++) {
        uint8_t what = take8();
        if (what == PATCH_END) {
            return;
        }
        if (what >= CAPS) {
            fake_pci_set(device.function, what, 1, take8());
        } else {
            uint16_t at = take16();
            change_register(at, take8(), false);
        }
    }
}

/* --- its actions --- */

/** The rings, if their addresses lie in the driver's memory. */
struct rings {
    uint8_t *desc, *avail, *used;
    uint16_t size;
};

static uint8_t *memory_at(uint64_t bus, size_t len)
{
    bool is_ram = bus >= FAKE_RAM_BASE && bus < WORLD_DEVICE_BASE && len <= WORLD_DEVICE_BASE - bus;
    return is_ram ? hal_direct(paddr(bus)) : NULL;
}

static bool find_rings(struct rings *r)
{
    const uint8_t *c = device.regs + COMMON;
    uint64_t desc = load_le64(c + REG_RINGS), avail = load_le64(c + REG_RINGS + 8),
             used = load_le64(c + REG_RINGS + 16);
    r->size = load_le16(c + REG_QUEUE_SIZE);
    bool is_master = (fake_pci_get(device.function, 0x04, 2) & 4) != 0;
    if (!is_master || (c[REG_STATUS] & DRIVER_OK) == 0 || r->size == 0 ||
        r->size > VIRTQ_SIZE_MAX || (r->size & (r->size - 1)) != 0) {
        return false;
    }
    struct virtq_layout l = virtq_layout(r->size);
    r->desc = memory_at(desc, l.size);
    if (r->desc == NULL || avail != desc + l.avail || used != desc + l.used ||
        page_allocated_order(paddr(ALIGN_DOWN(desc, (uint64_t)PAGE_SIZE))) < 0) {
        return false;
    }
    r->avail = r->desc + l.avail;
    r->used = r->desc + l.used;
    return true;
}

/* The registers are plain memory, so a reset is detected by rings that start again. */
static void notice_reset(const struct rings *r)
{
    if ((uint16_t)(load_le16(r->avail + 2) - device.seen) > r->size) {
        device.seen = device.done = 0;
    }
}

/* The driver owns a buffer again once the device has reported it as used:
 * never write to it after that. */
static void forget_requests(const struct rings *r)
{
    device.seen = load_le16(r->avail + 2);
}

/* Fill a chain's buffers with bytes of the input while there are any; then store `last`, a disk's
 * status, at the end. @return number of bytes that the device may write */
static uint32_t fill_chain(const struct rings *r, uint16_t head, uint8_t last, bool is_disk)
{
    const uint8_t *table = r->desc;
    uint32_t written = 0, count = r->size;
    uint16_t at = head;
    for (unsigned i = 0; i < PIECES_MAX && at < count; i++) {
        const uint8_t *d = table + 16 * at;
        uint8_t *to = memory_at(load_le64(d), load_le32(d + 8));
        uint32_t len = load_le32(d + 8);
        uint16_t flags = load_le16(d + 12);
        if (to == NULL) {
            return written;
        }
        if ((flags & VIRTQ_DESC_INDIRECT) != 0) {
            table = to;
            count = len / 16;
            at = 0;
            continue;
        }
        for (uint32_t k = 0; (flags & VIRTQ_DESC_WRITE) != 0 && k < len; k++) {
            to[k] = is_disk && len == 1 ? last : k < 24 ? take8() : 0xa5;
        }
        written += (flags & VIRTQ_DESC_WRITE) != 0 ? len : 0;
        if ((flags & VIRTQ_DESC_NEXT) == 0) {
            break;
        }
        at = load_le16(d + 14);
    }
    return written;
}

static void finish(const struct rings *r, uint32_t id, uint32_t len)
{
    uint8_t *e = r->used + 4 + 8 * (device.done % r->size);
    store_le32(e, id);
    store_le32(e + 4, len);
    store_le16(r->used + 2, ++device.done);
}

/* @return false: there was no request. */
static bool serve(const struct rings *r, bool is_disk)
{
    if (load_le16(r->avail + 2) == device.seen) {
        return false;
    }
    uint16_t head = load_le16(r->avail + 4 + 2 * (device.seen % r->size));
    device.seen++;
    uint8_t last = take8();
    finish(r, head, fill_chain(r, head, last, is_disk));
    return true;
}

/* Only into its own ring: the device follows the words of the driver's ring. */
static void scribble(const struct rings *r)
{
    struct virtq_layout l = virtq_layout(r->size);
    r->used[take16() % (l.size - l.used)] = take8();
}

static enum kind kind;

/* @return true: it sends an interrupt. */
static bool act_on(const struct rings *r, enum act act)
{
    switch (act) {
    case SERVE:
        return serve(r, kind == DISK);
    case LIE: {
        forget_requests(r);
        uint16_t id = take16();
        finish(r, id, take32());
        return true;
    }
    case MOVE_INDEX:
        forget_requests(r);
        device.done = (uint16_t)(device.done + take8());
        store_le16(r->used + 2, device.done);
        return true;
    case ASK:
        store_le16(r->used, take8());
        return false;
    case SCRIBBLE:
        forget_requests(r);
        scribble(r);
        return true;
    default:
        return act == INTERRUPT;
    }
}

/* After the end of the input it works normally, without key presses. */
static bool device_step(void)
{
    struct rings r;
    enum act rest = kind == KEYBOARD ? NOTHING : SERVE;
    enum act act = device.next < device.end ? (enum act)(take8() % ACTS) : rest;
    if (act == CHANGE) {
        uint16_t at = take16();
        change_register(at, take8(), true);
        return false;
    }
    if (!find_rings(&r)) {
        return act == INTERRUPT;
    }
    notice_reset(&r);
    return act_on(&r, act);
}

static void interrupt(void)
{
    device.regs[ISR] |= 1;
    world_interrupt(LINE);
    device.regs[ISR] = 0;
}

static void wait_hook(void)
{
    if (device.regs != NULL && device_step()) {
        interrupt();
    } else {
        idle();
    }
}

/* --- requests to the driver --- */

static void use_disk(void)
{
    struct block_device *dev = block_open("vda");
    uint8_t *buf = heap_zalloc(READ_BYTES);
    if (dev != NULL && buf != NULL) {
        size_t len = MAX((size_t)dev->logical_block, (size_t)BLOCK_SECTOR);
        for (unsigned i = 0; i < 3 && len <= READ_BYTES; i++) {
            (void)!block_read(dev, i * (len / BLOCK_SECTOR), buf, len);
            (void)!block_write(dev, 0, buf, len);
            (void)!block_flush(dev);
        }
    }
    if (dev != NULL) {
        block_close(dev);
    }
    heap_free(buf);
}

static void use_keyboard(void)
{
    for (unsigned i = 0; i < 32 && device.next < device.end; i++) {
        if (device_step()) {
            interrupt();
        }
        (void)!thread_sleep(1); /* let the work thread run */
    }
}

static void use_entropy(struct virtio_rng *r)
{
    uint8_t buf[RANDOM_SEED_BYTES];
    for (unsigned i = 0; i < 3; i++) {
        size_t got = 0;
        enum status s = r->source.read(&r->source, buf, sizeof(buf), &got);
        if (s == OK ? got == 0 || got > sizeof(buf) : got != 0) {
            abort();
        }
    }
}

static void pick(void *ctx, struct pci_device *d)
{
    (void)ctx;
    device.pci = d;
}

static void plug(void)
{
    const struct boot_pci_host boot = {
        .bus_last = 0,
        .mem32 = {.cpu = WORLD_DEVICE_BASE, .bus = 0x10000000, .len = BAR_SIZE},
        .intx_count = 1,
        .intx = {{0x0800, 0x1800, 1, LINE, true}},
        .dma_coherent = true,
    };
    if (pci_host_create(&boot, &fake_pci_ops, &device.host) != OK || pci_scan(device.host) != OK ||
        pci_assign(device.host) != OK) {
        abort();
    }
    pci_for_each(device.host->root, pick, NULL);
    if (device.pci == NULL) {
        abort();
    }
}

static void use(void)
{
    struct driver_registration registration = {.driver = &virtio_rng_driver};
    plug();
    device_add(&device.pci->dev);
    if (kind == ENTROPY) {
        (void)driver_add(&registration);
    }
    if (device.pci->dev.driver != NULL) {
        switch (kind) {
        case DISK:
            use_disk();
            break;
        case KEYBOARD:
            use_keyboard();
            break;
        default:
            use_entropy(device.pci->dev.driver_data);
        }
    }
    if (kind == ENTROPY) {
        driver_remove(&registration);
    }
    device_remove(&device.pci->dev);
    pci_host_destroy(device.host);
    device.host = NULL;
    device.pci = NULL;
}

/* --- the kernel around it --- */

static void boot(void)
{
    typed_boot();
    driver_link(driver_registry);
    idle = fake_on_wait;
    fake_on_wait = wait_hook;
}

/* Let the first device of each kind allocate what the kernel keeps: its line, and list entries. */
static void warm_up(void)
{
    for (kind = 0; kind < KINDS; kind++) {
        memset(&device, 0, sizeof(device));
        device.regs = hal_direct(paddr(WORLD_DEVICE_BASE));
        describe(kind);
        use();
        typed_take_all();
    }
}

/** Memory in use. */
struct books {
    uint64_t dma, objects;
};

static struct books look(void)
{
    struct page_stats pages;
    struct heap_stats heap;
    page_get_stats(&pages);
    heap_get_stats(&heap);
    return (struct books){.dma = pages.by_owner[PAGE_DMA], .objects = heap.live_objects};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_up;
    if (!is_up) {
        boot();
        warm_up();
        is_up = true;
    }
    if (size == 0) {
        return 0;
    }
    memset(&device, 0, sizeof(device));
    device.regs = hal_direct(paddr(WORLD_DEVICE_BASE));
    device.next = data + 1;
    device.end = data + size;
    kind = (enum kind)(data[0] % KINDS);
    describe(kind);
    change_what_it_says();
    fake_console_clear();
    struct books before = look();
    use();
    struct books after = look();
    if (after.dma != before.dma || after.objects != before.objects) {
        fprintf(stderr, "leaked: %lld pages, %lld objects\n", (long long)(after.dma - before.dma),
                (long long)(after.objects - before.objects));
        abort();
    }
    typed_take_all();
    device.regs = NULL;
    return 0;
}
