// SPDX-License-Identifier: MIT
//
// The block layer on a real device: data that is written can be read again, many requests at once,
// more than the ring holds, cancelled ones, and a driver that is unbound and bound again. The tests
// need a disk whose serial number is "scratch", and overwrite it.
#include "kernel/debug/fault_injection.h"
#include "kernel/io/block.h"
#include "kernel/io/device.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/wait.h"
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#define SPAN     ((size_t)1 << 20) /* bytes at the disk's start that the tests write */
#define BLOCK_4K 4096u
#define FLOOD    600 /* more than any ring holds */

static void find_scratch(void *ctx, struct block_device *dev)
{
    char *name = ctx;
    if (strcmp(dev->serial, "scratch") == 0 && !dev->read_only) {
        str_copy(name, sizeof(dev->name), dev->name);
    }
}

/* NULL: the test was skipped. */
static struct block_device *open_scratch(void)
{
    char name[sizeof(((struct block_device *)0)->name)] = "";
    block_for_each(find_scratch, name);
    struct block_device *dev = name[0] != '\0' ? block_open(name) : NULL;
    if (dev == NULL) {
        test_skip("no writable disk with serial number \"scratch\"");
    } else if (dev->sectors < 2 * SPAN / BLOCK_SECTOR) {
        block_close(dev);
        test_skip("the scratch disk is smaller than 2 MiB");
        dev = NULL;
    }
    return dev;
}

/* Each 8 bytes record the place on the disk where they belong and the pass that wrote them. */
static void fill(uint8_t *data, size_t len, uint64_t sector, uint32_t pass)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t v = (sector * BLOCK_SECTOR + i) * 0x9e3779b97f4a7c15 + pass;
        memcpy(data + i, &v, sizeof(v));
    }
}

static bool is_filled(const uint8_t *data, size_t len, uint64_t sector, uint32_t pass)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t v = (sector * BLOCK_SECTOR + i) * 0x9e3779b97f4a7c15 + pass;
        if (memcmp(data + i, &v, sizeof(v)) != 0) {
            return false;
        }
    }
    return true;
}

static void round_trip(struct block_device *dev, uint8_t *data, uint64_t sector, size_t len,
                       uint32_t pass)
{
    fill(data, len, sector, pass);
    TEST_EQUAL(block_write(dev, sector, data, len), OK);
    memset(data, 0xee, len);
    TEST_EQUAL(block_read(dev, sector, data, len), OK);
    TEST_CHECK(is_filled(data, len, sector, pass));
}

static void written_data_is_read_back(void)
{
    struct block_device *dev = open_scratch();
    if (dev == NULL) {
        return;
    }
    /* Pages of vm_alloc() are not contiguous. The buffer starts in the middle of a page, so that
     * each request crosses a page boundary. */
    uint8_t *data = vm_alloc(SPAN + PAGE_SIZE, PAGE_OTHER, "block test");
    TEST_CHECK(data != NULL);
    if (data != NULL) {
        uint32_t block = dev->logical_block;
        round_trip(dev, data, 0, block, 1);
        round_trip(dev, data, 0, SPAN, 2);
        round_trip(dev, data + PAGE_SIZE / 2, block / BLOCK_SECTOR, SPAN - block, 3);
        round_trip(dev, data, dev->sectors - block / BLOCK_SECTOR, block, 4);
        TEST_EQUAL(block_flush(dev), OK);
        TEST_EQUAL(block_read(dev, block / BLOCK_SECTOR, data, SPAN - block), OK);
        TEST_CHECK(is_filled(data, SPAN - block, block / BLOCK_SECTOR, 3));
        vm_free(data);
    }
    block_close(dev);
}

static void impossible_requests_are_refused(void)
{
    struct block_device *dev = open_scratch();
    if (dev == NULL) {
        return;
    }
    uint32_t block = dev->logical_block;
    uint8_t *data = heap_alloc(2 * (size_t)block);
    struct block_segment segment = {.data = data, .len = block};
    struct block_request req = {.op = BLOCK_READ, .segment_count = 1, .segments = &segment};
    TEST_EQUAL(block_read(dev, dev->sectors, data, block), E_RANGE);
    TEST_EQUAL(block_read(dev, ALIGN_DOWN(UINT64_MAX, (uint64_t)block), data, block), E_RANGE);
    TEST_EQUAL(block_read(dev, dev->sectors - block / BLOCK_SECTOR, data, 2 * block), E_RANGE);
    TEST_EQUAL(block_read(dev, 0, data, 100), E_INVAL);
    segment.len = 100;
    TEST_EQUAL(block_submit(dev, &req), E_INVAL);
    req.segment_count = 0;
    TEST_EQUAL(block_submit(dev, &req), E_INVAL);
    req.segment_count = dev->max_segments + 1;
    TEST_EQUAL(block_submit(dev, &req), E_INVAL);
    heap_free(data);
    block_close(dev);
}

/* --- many at once --- */

struct burst {
    struct spinlock lock;
    uint32_t left; /* requests that are not complete yet */
    struct completion all_done;
};

struct burst_request {
    struct block_request req;
    struct block_segment segment;
    uint32_t calls; /* of done */
};

static void burst_done(struct block_request *req)
{
    struct burst *burst = req->ctx;
    CONTAINER_OF(req, struct burst_request, req)->calls++;
    spin_lock(&burst->lock);
    bool is_last = --burst->left == 0;
    spin_unlock(&burst->lock);
    if (is_last) {
        completion_signal(&burst->all_done);
    }
}

static void burst_init(struct burst *burst, uint32_t count)
{
    *burst = (struct burst){.lock = SPINLOCK_INIT, .left = count};
    completion_init(&burst->all_done, "block test");
}

/* Submit reads of consecutive 4 KiB blocks of the first SPAN, with one notification for all. */
static void submit_reads(struct block_device *dev, struct burst *burst, struct burst_request *r,
                         uint8_t *data, uint32_t count)
{
    burst_init(burst, count);
    block_plug(dev);
    for (uint32_t i = 0; i < count; i++) {
        size_t at = (size_t)i * BLOCK_4K % SPAN;
        r[i].calls = 0;
        r[i].segment = (struct block_segment){.data = data + (size_t)i * BLOCK_4K, .len = BLOCK_4K};
        r[i].req = (struct block_request){.op = BLOCK_READ,
                                          .sector = at / BLOCK_SECTOR,
                                          .segment_count = 1,
                                          .segments = &r[i].segment,
                                          .done = burst_done,
                                          .ctx = burst};
        TEST_EQUAL(block_submit(dev, &r[i].req), OK);
    }
    block_unplug(dev);
}

static void wait_for_all(struct burst *burst)
{
    TEST_EQUAL(completion_wait_uncancellable(&burst->all_done, WAIT_FOREVER), OK);
}

/* Each request was completed once; those that succeeded read their own block. */
static uint32_t check_reads(const struct burst_request *r, const uint8_t *data, uint32_t count,
                            uint32_t pass)
{
    uint32_t good = 0;
    for (uint32_t i = 0; i < count; i++) {
        TEST_EQUAL(r[i].calls, 1);
        if (r[i].req.result == OK) {
            TEST_CHECK(is_filled(data + (size_t)i * BLOCK_4K, BLOCK_4K, r[i].req.sector, pass));
            good++;
        } else {
            TEST_EQUAL(r[i].req.result, E_CANCELLED);
        }
    }
    return good;
}

struct arena {
    struct block_device *dev;
    uint8_t *data;
    struct burst_request *requests;
    struct burst burst;
};

/* Open the disk and write a known pattern to its first SPAN. False: the
 * test was skipped or has failed. */
static bool arena_open(struct arena *a, uint32_t count, uint32_t pass)
{
    *a = (struct arena){.dev = open_scratch()};
    if (a->dev == NULL) {
        return false;
    }
    size_t bytes = MAX((size_t)count * BLOCK_4K, SPAN);
    a->data = vm_alloc(bytes, PAGE_OTHER, "block test");
    a->requests = heap_calloc(count, sizeof(*a->requests));
    if (a->data == NULL || a->requests == NULL) {
        test_fail(__FILE__, __LINE__, "no memory");
        vm_free(a->data);
        heap_free(a->requests);
        block_close(a->dev);
        return false;
    }
    fill(a->data, SPAN, 0, pass);
    TEST_EQUAL(block_write(a->dev, 0, a->data, SPAN), OK);
    memset(a->data, 0, bytes);
    return true;
}

static void arena_close(struct arena *a)
{
    vm_free(a->data);
    heap_free(a->requests);
    block_close(a->dev);
}

static void thirty_two_requests_each_read_their_own_block(void)
{
    struct arena a;
    if (!arena_open(&a, 32, 5)) {
        return;
    }
    uint64_t reads = a.dev->reads;
    submit_reads(a.dev, &a.burst, a.requests, a.data, 32);
    wait_for_all(&a.burst);
    TEST_EQUAL(check_reads(a.requests, a.data, 32, 5), 32);
    TEST_EQUAL(a.dev->reads - reads, 32);
    TEST_EQUAL(a.dev->in_flight, 0);
    arena_close(&a);
}

static void requests_beyond_the_ring_size_wait(void)
{
    struct arena a;
    if (!arena_open(&a, FLOOD, 6)) {
        return;
    }
    submit_reads(a.dev, &a.burst, a.requests, a.data, FLOOD);
    wait_for_all(&a.burst);
    TEST_EQUAL(check_reads(a.requests, a.data, FLOOD, 6), FLOOD);
    arena_close(&a);
}

static void cancelled_requests_complete_once(void)
{
    struct arena a;
    if (!arena_open(&a, FLOOD, 7)) {
        return;
    }
    /* No request completes before it is cancelled: with preemption disabled the thread that waits
     * for ring space does not run. */
    preempt_disable();
    submit_reads(a.dev, &a.burst, a.requests, a.data, FLOOD);
    for (uint32_t i = 0; i < FLOOD; i++) {
        block_cancel(&a.requests[i].req);
    }
    preempt_enable();
    wait_for_all(&a.burst);
    uint32_t good = check_reads(a.requests, a.data, FLOOD, 7);
    TEST_CHECK(good > 0);     /* some were on the device already */
    TEST_CHECK(good < FLOOD); /* but not all */
    arena_close(&a);
}

static void many_small_segments_make_one_request(void)
{
    struct arena a;
    if (!arena_open(&a, 1, 8)) {
        return;
    }
    struct block_segment *segments = heap_calloc(a.dev->max_segments, sizeof(*segments));
    TEST_CHECK(segments != NULL);
    if (segments != NULL) {
        uint32_t n = a.dev->max_segments;
        uint32_t len = MAX(a.dev->logical_block, BLOCK_SECTOR);
        for (uint32_t i = 0; i < n; i++) {
            /* In descending order and with gaps, so that no two can be merged. */
            segments[i] =
                (struct block_segment){.data = a.data + (size_t)(n - 1 - i) * 3 * len, .len = len};
        }
        struct burst_request *r = a.requests;
        burst_init(&a.burst, 1);
        r->req = (struct block_request){.op = BLOCK_READ,
                                        .segment_count = n,
                                        .segments = segments,
                                        .done = burst_done,
                                        .ctx = &a.burst};
        TEST_EQUAL(block_submit(a.dev, &r->req), OK);
        wait_for_all(&a.burst);
        TEST_EQUAL(r->req.result, OK);
        for (uint32_t i = 0; i < n; i++) {
            TEST_CHECK(is_filled(segments[i].data, len, (uint64_t)i * len / BLOCK_SECTOR, 8));
        }
        heap_free(segments);
    }
    arena_close(&a);
}

/* --- a driver that is unbound and bound again --- */

struct memory {
    uint64_t heap_objects, heap_bytes;
    uint64_t pages[PAGE_OWNER_COUNT];
};

static void measure(struct memory *m)
{
    struct heap_stats heap;
    struct page_stats pages;
    heap_get_stats(&heap);
    page_get_stats(&pages);
    m->heap_objects = heap.live_objects;
    m->heap_bytes = heap.live_bytes;
    memcpy(m->pages, pages.by_owner, sizeof(m->pages));
}

/* Without its disk, the next scenario would be skipped. */
static void bind_if_refused(struct device *parent, enum status bound)
{
    if (bound != OK) {
        bool is_armed = failure_pause();
        (void)!device_bind(parent);
        failure_resume(is_armed);
    }
}

static void remove_and_probe_return_every_byte(void)
{
    struct block_device *dev = open_scratch();
    if (dev == NULL) {
        return;
    }
    struct device *parent = dev->parent;
    block_close(dev);

    struct memory before, after;
    enum status s = OK;
    /* The first round may allocate a page table or heap page that stays. */
    for (int round = 0; round < 5; round++) {
        TEST_EQUAL(device_unbind(parent), OK);
        TEST_EQUAL(device_unbind(parent), E_NODEV);
        if (round == 1) {
            measure(&before);
        }
        if (round > 1) {
            measure(&after);
            TEST_EQUAL(after.heap_objects, before.heap_objects);
            TEST_EQUAL(after.heap_bytes, before.heap_bytes);
            TEST_EQUAL(after.pages[PAGE_DMA], before.pages[PAGE_DMA]);
            TEST_EQUAL(after.pages[PAGE_TABLE], before.pages[PAGE_TABLE]);
        }
        s = device_bind(parent);
        TEST_EQUAL(s, OK);
        TEST_EQUAL(device_bind(parent), E_BUSY);
    }
    bind_if_refused(parent, s);
    struct arena a;
    if (arena_open(&a, 32, 9)) {
        submit_reads(a.dev, &a.burst, a.requests, a.data, 32);
        wait_for_all(&a.burst);
        TEST_EQUAL(check_reads(a.requests, a.data, 32, 9), 32);
        arena_close(&a);
    }
}

static void removal_waits_for_requests_in_flight(void)
{
    struct arena a;
    if (!arena_open(&a, FLOOD, 10)) {
        return;
    }
    struct device *parent = a.dev->parent;
    submit_reads(a.dev, &a.burst, a.requests, a.data, FLOOD);
    block_close(a.dev);
    TEST_EQUAL(device_unbind(parent), OK);
    TEST_EQUAL(a.burst.left, 0);
    TEST_EQUAL(check_reads(a.requests, a.data, FLOOD, 10), FLOOD);
    enum status s = device_bind(parent);
    TEST_EQUAL(s, OK);
    bind_if_refused(parent, s);
    vm_free(a.data);
    heap_free(a.requests);
}

const struct kernel_test block_tests[] = {
    {"block_written_data_is_read_back", written_data_is_read_back,
     TEST_ON_INTERRUPTS | TEST_ON_MEMORY},
    {"block_impossible_requests_are_refused", impossible_requests_are_refused,
     TEST_ON_INTERRUPTS | TEST_ON_MEMORY},
    {"block_thirty_two_requests_each_read_their_own_block",
     thirty_two_requests_each_read_their_own_block, TEST_ON_INTERRUPTS | TEST_ON_MEMORY},
    {"block_requests_beyond_the_ring_size_wait", requests_beyond_the_ring_size_wait,
     TEST_ON_INTERRUPTS | TEST_ON_MEMORY},
    {"block_cancelled_requests_complete_once", cancelled_requests_complete_once,
     TEST_ON_INTERRUPTS | TEST_ON_MEMORY},
    {"block_many_small_segments_make_one_request", many_small_segments_make_one_request,
     TEST_ON_INTERRUPTS | TEST_ON_MEMORY},
    {"block_remove_and_probe_return_every_byte", remove_and_probe_return_every_byte,
     TEST_ON_INTERRUPTS | TEST_ON_MEMORY},
    {"block_removal_waits_for_requests_in_flight", removal_waits_for_requests_in_flight,
     TEST_ON_INTERRUPTS | TEST_ON_MEMORY},
    {0},
};
