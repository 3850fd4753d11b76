// SPDX-License-Identifier: MIT
//
// The block layer over a driver that the test controls: order, batches, requests that wait, are
// cancelled or refused, and a device that is removed.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/io/block_list.h"

#define REQUESTS 16

static struct {
    struct block_device dev;
    struct block_request *taken[REQUESTS]; /* requests that the driver has, in order */
    unsigned count, room, kicks;
    enum status refusal; /* result of submit, if not OK */
    bool lets_cancel;
} disk;

static struct block_request req[REQUESTS];
static struct block_segment segment = {.data = &disk, .len = 512};
static char log[256];

static enum status disk_submit(struct block_device *dev, struct block_request *r)
{
    assert_ptr_equal(dev, &disk.dev);
    assert_true(spin_is_locked(&dev->lock));
    if (disk.refusal != OK) {
        return disk.refusal;
    }
    if (disk.count == disk.room) {
        return E_BUSY;
    }
    disk.taken[disk.count++] = r;
    return OK;
}

static void disk_kick(struct block_device *dev)
{
    assert_true(spin_is_locked(&dev->lock));
    disk.kicks++;
}

static bool disk_cancel(struct block_device *dev, struct block_request *r)
{
    (void)dev;
    for (unsigned i = 0; disk.lets_cancel && i < disk.count; i++) {
        if (disk.taken[i] == r) {
            memmove(&disk.taken[i], &disk.taken[i + 1],
                    (disk.count - i - 1) * sizeof(disk.taken[0]));
            disk.count--;
            return true;
        }
    }
    return false;
}

static const struct block_ops disk_ops = {
    .submit = disk_submit, .kick = disk_kick, .cancel = disk_cancel};

static void note(struct block_request *r)
{
    size_t n = strlen(log);
    snprintf(log + n, sizeof(log) - n, "%s%d%s", n > 0 ? " " : "", (int)(r - req),
             r->result == OK            ? ""
             : r->result == E_CANCELLED ? "c"
                                        : "!");
}

static void geometry(struct block_device *dev)
{
    *dev = (struct block_device){.sectors = 1000,
                                 .logical_block = 512,
                                 .max_segments = 4,
                                 .max_bytes = 8192,
                                 .can_flush = true,
                                 .ops = &disk_ops};
    block_init(dev);
}

static int set_up(void **state)
{
    (void)state;
    memset(&disk, 0, sizeof(disk));
    disk.room = REQUESTS;
    geometry(&disk.dev);
    assert_int_equal(block_register(&disk.dev), OK);
    for (unsigned i = 0; i < REQUESTS; i++) {
        req[i] = (struct block_request){
            .op = BLOCK_READ, .segment_count = 1, .segments = &segment, .done = note};
    }
    log[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (!disk.dev.gone) {
        block_unregister(&disk.dev);
    }
    return 0;
}

static void submit(unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++) {
        assert_int_equal(block_submit(&disk.dev, &req[i]), OK);
    }
}

static void complete_first(enum status result)
{
    struct block_request *r = disk.taken[0];
    disk.count--;
    memmove(&disk.taken[0], &disk.taken[1], disk.count * sizeof(disk.taken[0]));
    block_complete(r, result);
}

static void test_names(void **state)
{
    (void)state;
    static struct block_device more[70];
    enum status s = OK;
    unsigned n = 0;
    assert_string_equal(disk.dev.name, "vda");
    while (s == OK) {
        geometry(&more[n]);
        s = block_register(&more[n]);
        n += s == OK;
    }
    assert_int_equal(s, E_NOSPC);
    assert_int_equal(n, 63);
    assert_string_equal(more[0].name, "vdb");
    assert_string_equal(more[24].name, "vdz");
    assert_string_equal(more[25].name, "vdaa");
    assert_string_equal(more[62].name, "vdbl");
    block_unregister(&more[3]);
    geometry(&more[3]);
    assert_int_equal(block_register(&more[3]), OK);
    assert_string_equal(more[3].name, "vde");
    for (unsigned i = 0; i < n; i++) {
        block_unregister(&more[i]);
    }
    assert_null(block_open("vdb"));
    assert_null(block_open(""));
}

static void test_impossible_geometry_is_refused(void **state)
{
    (void)state;
    struct block_device bad[7];
    for (size_t i = 0; i < 7; i++) {
        geometry(&bad[i]);
    }
    bad[0].logical_block = 513;
    bad[1].logical_block = 256;
    bad[2].logical_block = 1u << 31;
    bad[3].sectors = UINT64_MAX;
    bad[4].max_segments = 0;
    bad[5].max_segments = BLOCK_SEGMENTS_MAX + 1;
    bad[6].max_bytes = 511;
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(block_register(&bad[i]), E_INVAL);
    }
}

static void test_without_a_plug_each_request_is_submitted_at_once(void **state)
{
    (void)state;
    submit(0, 2);
    assert_int_equal(disk.kicks, 3);
    assert_string_equal(log, "");
    complete_first(OK);
    complete_first(E_IO);
    complete_first(OK);
    assert_string_equal(log, "0 1! 2");
    assert_int_equal(disk.dev.reads, 2);
    assert_int_equal(disk.dev.bytes_read, 1024);
    assert_int_equal(disk.dev.errors, 1);
}

static void test_a_plug_makes_a_batch(void **state)
{
    (void)state;
    block_plug(&disk.dev);
    block_plug(&disk.dev);
    submit(0, 3);
    block_unplug(&disk.dev);
    assert_int_equal(disk.kicks, 0);
    block_unplug(&disk.dev);
    assert_int_equal(disk.kicks, 1);
    block_plug(&disk.dev);
    block_unplug(&disk.dev);
    assert_int_equal(disk.kicks, 1); /* nothing new */
    while (disk.count > 0) {
        complete_first(OK);
    }
}

static void test_requests_without_room_wait_in_order(void **state)
{
    (void)state;
    disk.room = 2;
    submit(0, 4);
    assert_int_equal(disk.count, 2);
    disk.room = 3; /* there would be room, but others came first */
    submit(5, 5);
    assert_int_equal(disk.count, 2);
    for (unsigned i = 0; i < 6; i++) {
        complete_first(OK);
        block_restart(&disk.dev);
    }
    assert_string_equal(log, "0 1 2 3 4 5");
    assert_int_equal(disk.dev.in_flight, 0);
}

static void test_cancelled_while_waiting(void **state)
{
    (void)state;
    disk.room = 1;
    submit(0, 3);
    block_cancel(&req[2]);
    block_cancel(&req[2]); /* a second cancel has no effect */
    block_cancel(&req[0]); /* the device has started this one, which continues */
    thread_yield();
    assert_string_equal(log, "2c");
    complete_first(OK);
    block_cancel(&req[0]); /* too late */
    for (int i = 0; i < 2; i++) {
        block_restart(&disk.dev);
        complete_first(OK);
    }
    thread_yield();
    assert_string_equal(log, "2c 0 1 3");
    assert_int_equal(disk.dev.errors, 0);
}

static void test_cancelled_in_the_driver(void **state)
{
    (void)state;
    disk.lets_cancel = true;
    submit(0, 1);
    block_cancel(&req[0]);
    thread_yield();
    assert_string_equal(log, "0c");
    complete_first(OK);
    assert_string_equal(log, "0c 1");
}

static void test_a_broken_device_fails_waiting_requests(void **state)
{
    (void)state;
    disk.room = 1;
    submit(0, 2);
    disk.refusal = E_IO;
    complete_first(E_IO);
    block_restart(&disk.dev);
    assert_string_equal(log, "0! 1! 2!");
    assert_int_equal(block_submit(&disk.dev, &req[3]), E_IO);
    assert_int_equal(disk.dev.in_flight, 0);
}

static void test_bad_requests_are_refused(void **state)
{
    (void)state;
    static const struct block_segment odd[] = {{&disk, 512}, {&disk, 100}};
    static const struct block_segment big[] = {{&disk, 8192}, {&disk, 512}};
    static const struct block_segment wraps[] = {{&disk, 0xfffffe00}, {&disk, 1024}};
    const struct {
        enum block_op op;
        uint64_t sector;
        uint32_t count;
        const struct block_segment *segments;
        enum status expected;
    } bad[] = {
        {BLOCK_READ, 1000, 1, &segment, E_RANGE},
        {BLOCK_READ, UINT64_MAX, 1, &segment, E_RANGE},
        {BLOCK_WRITE, UINT64_MAX / 512 + 1, 1, &segment, E_RANGE},
        {BLOCK_READ, 0, 0, &segment, E_INVAL},
        {BLOCK_READ, 0, 5, &segment, E_INVAL},
        {BLOCK_READ, 0, 2, odd, E_INVAL},
        {BLOCK_READ, 0, 2, big, E_INVAL},
        {BLOCK_READ, 0, 2, wraps, E_INVAL},
        {BLOCK_FLUSH, 0, 1, &segment, E_INVAL},
        {(enum block_op)9, 0, 1, &segment, E_INVAL},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        req[0].op = bad[i].op;
        req[0].sector = bad[i].sector;
        req[0].segment_count = bad[i].count;
        req[0].segments = bad[i].segments;
        assert_int_equal(block_submit(&disk.dev, &req[0]), bad[i].expected);
    }
    disk.dev.can_flush = false;
    req[0] = (struct block_request){.op = BLOCK_FLUSH, .done = note};
    assert_int_equal(block_submit(&disk.dev, &req[0]), E_NOTSUP);
    assert_int_equal(block_flush(&disk.dev), OK); /* there is no cache to flush */
    disk.dev.read_only = true;
    req[1].op = BLOCK_WRITE;
    assert_int_equal(block_submit(&disk.dev, &req[1]), E_ROFS);
    disk.dev.logical_block = 4096;
    req[2].sector = 8;
    assert_int_equal(block_submit(&disk.dev, &req[2]), E_INVAL);
    static const struct block_segment page = {&disk, 4096};
    req[2].segments = &page;
    req[2].sector = 4;
    assert_int_equal(block_submit(&disk.dev, &req[2]), E_INVAL);
    assert_int_equal(disk.count, 0);
    assert_string_equal(log, "");
}

/* The driver's work: completes all requests whenever no thread of higher priority runs. */
static bool stops;

static void serve(void *arg)
{
    (void)arg;
    while (!stops) {
        while (disk.count > 0) {
            complete_first(disk.taken[0]->sector == 900 ? E_IO : OK);
            block_restart(&disk.dev);
        }
        thread_yield();
    }
}

static void test_large_transfers_are_split(void **state)
{
    (void)state;
    static uint8_t data[100 * 512];
    stops = false;
    disk.room = 3;
    struct thread *server = world_thread("server", 10, serve, NULL);
    assert_int_equal(block_read(&disk.dev, 0, data, sizeof(data)), OK);
    assert_int_equal(disk.dev.reads, 7); /* of at most 8 KiB */
    assert_int_equal(disk.dev.bytes_read, sizeof(data));
    assert_true(disk.kicks < 7);
    assert_int_equal(block_read(&disk.dev, 0, data, 100), E_INVAL);
    assert_int_equal(block_read(&disk.dev, 0, data, 0), OK);
    assert_int_equal(block_write(&disk.dev, 996, data, 5 * 512), E_RANGE);
    assert_int_equal(block_write(&disk.dev, 900, data, 512), E_IO);
    assert_int_equal(block_read(&disk.dev, 884, data, sizeof(data)), E_IO); /* in its second part */
    assert_int_equal(block_flush(&disk.dev), OK);
    assert_int_equal(disk.dev.flushes, 1);
    assert_int_equal(disk.dev.in_flight, 0);
    stops = true;
    world_join(server);
}

static void unregister(void *arg)
{
    (void)arg;
    block_unregister(&disk.dev);
    world_note("gone");
}

static void test_a_device_is_removed_when_it_is_unused(void **state)
{
    (void)state;
    world_forget_notes();
    struct block_device *dev = block_open("vda");
    assert_ptr_equal(dev, &disk.dev);
    submit(0, 1);
    struct thread *t = world_thread("remover", 40, unregister, NULL);
    assert_null(block_open("vda"));
    assert_int_equal(block_submit(dev, &req[2]), E_NODEV);
    complete_first(OK);
    block_close(dev);
    thread_yield();
    assert_string_equal(world_notes(), "");
    complete_first(OK);
    world_join(t);
    assert_string_equal(world_notes(), "gone");
    assert_string_equal(log, "0 1");
}

static void test_a_partition_is_a_part_of_its_disk(void **state)
{
    (void)state;
    assert_ptr_equal(block_open_new(), &disk.dev);
    assert_null(block_open_new());
    assert_int_equal(block_add_partition(&disk.dev, 1, 100, 50), OK);
    assert_int_equal(block_add_partition(&disk.dev, 12, 200, 8), OK);
    assert_null(block_open_new());
    struct block_device *part = block_open("vda1"), *other = block_open("vda12");
    assert_ptr_equal(part->disk, &disk.dev);
    assert_int_equal(other->sectors, 8);
    block_close(other);

    req[0].sector = 49;
    req[1].sector = 50;
    req[3].op = BLOCK_WRITE;
    block_plug(part);
    assert_int_equal(block_submit(part, &req[0]), OK);
    assert_int_equal(block_submit(part, &req[1]), E_RANGE);
    req[2].sector = UINT64_MAX;
    assert_int_equal(block_submit(part, &req[2]), E_RANGE);
    assert_int_equal(block_submit(part, &req[3]), OK);
    assert_int_equal(disk.kicks, 0);
    block_unplug(part);
    assert_int_equal(disk.kicks, 1);
    assert_int_equal(disk.taken[0]->disk_sector, 149);
    assert_int_equal(disk.taken[0]->sector, 49);
    assert_int_equal(disk.taken[1]->disk_sector, 100);
    complete_first(OK);
    complete_first(OK);
    assert_string_equal(log, "0 3");
    assert_int_equal(disk.dev.reads + disk.dev.writes, 2);
    block_close(part);
    block_close(&disk.dev);
}

static void test_a_disk_is_removed_when_its_partitions_are_unused(void **state)
{
    (void)state;
    world_forget_notes();
    assert_int_equal(block_add_partition(&disk.dev, 1, 0, 50), OK);
    assert_int_equal(block_add_partition(&disk.dev, 2, 50, 50), OK);
    struct block_device *part = block_open("vda2");
    assert_int_equal(block_submit(part, &req[0]), OK);
    struct thread *t = world_thread("remover", 40, unregister, NULL);
    assert_null(block_open("vda1"));
    assert_int_equal(block_submit(part, &req[1]), E_NODEV);
    complete_first(OK);
    thread_yield();
    assert_string_equal(world_notes(), "");
    block_close(part);
    world_join(t);
    assert_string_equal(world_notes(), "gone");
    assert_int_equal(block_add_partition(&disk.dev, 3, 0, 50), E_NODEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_impossible_geometry_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_plug_each_request_is_submitted_at_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_plug_makes_a_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_requests_without_room_wait_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_cancelled_while_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancelled_in_the_driver, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_broken_device_fails_waiting_requests, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_bad_requests_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large_transfers_are_split, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_device_is_removed_when_it_is_unused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_partition_is_a_part_of_its_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_disk_is_removed_when_its_partitions_are_unused,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
