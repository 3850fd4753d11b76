// SPDX-License-Identifier: MIT
//
// Pipes between threads: order, waiting on both ends, the end of file,
// a closed reader, and no leak.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_failure.h"
#include "fake/world.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/wait.h"

#define TOTAL 100000u /* bytes: the ring wraps several times */

struct ends {
    struct file *reader, *writer;
};

static void make(struct ends *e)
{
    assert_int_equal(pipe_make(&e->reader, &e->writer), OK);
}

static uint8_t byte_at(uint32_t i)
{
    return (uint8_t)(i ^ i >> 8);
}

static void write_all(void *arg)
{
    struct ends *e = arg;
    uint8_t buf[777];
    for (uint32_t at = 0; at < TOTAL;) {
        size_t n = MIN(sizeof buf, TOTAL - at), done = 0;
        for (size_t i = 0; i < n; i++) {
            buf[i] = byte_at(at + (uint32_t)i);
        }
        assert_int_equal(file_write(e->writer, buf, n, &done), OK);
        assert_int_equal(done, n);
        at += (uint32_t)n;
    }
    file_close(e->writer);
}

static void test_bytes_arrive_in_order_and_then_the_end(void **state)
{
    (void)state;
    struct ends e;
    make(&e);
    struct thread *t = world_thread("writer", PRIO_NORMAL, write_all, &e);
    uint8_t buf[1000];
    size_t n = 1;
    uint32_t at = 0;
    while (n != 0) {
        assert_int_equal(file_read(e.reader, buf, sizeof buf, &n), OK);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(buf[i], byte_at(at++));
        }
    }
    assert_int_equal(at, TOTAL);
    (void)world_join(t);
    file_close(e.reader);
}

static void write_until_it_fails(void *arg)
{
    struct ends *e = arg;
    uint8_t block[5000] = {0};
    enum status s;
    size_t done;
    while ((s = file_write(e->writer, block, sizeof block, &done)) == OK) {
    }
    file_close(e->writer);
    thread_exit(s);
}

static void test_a_writer_without_a_reader_gets_an_error(void **state)
{
    (void)state;
    struct ends e;
    make(&e);
    struct thread *t = world_thread("writer", PRIO_NORMAL, write_until_it_fails, &e);
    uint8_t byte;
    size_t n;
    /* the writer runs until the ring is full */
    assert_int_equal(file_read(e.reader, &byte, 1, &n), OK);
    file_close(e.reader);
    assert_int_equal(world_join(t), E_PIPE);
}

static void read_forever(void *arg)
{
    struct ends *e = arg;
    uint8_t byte;
    size_t n;
    thread_exit(file_read(e->reader, &byte, 1, &n));
}

static void test_a_wait_can_be_cancelled(void **state)
{
    (void)state;
    struct ends e;
    make(&e);
    struct thread *t = world_thread("reader", PRIO_NORMAL, read_forever, &e);
    thread_yield();
    thread_cancel(t);
    assert_int_equal(world_join(t), E_CANCELLED);
    file_close(e.reader);
    file_close(e.writer);
}

static void wait_for_room(void *arg)
{
    struct ends *e = arg;
    size_t room = 0;
    enum status s = file_wait_writable(e->writer, WAIT_FOREVER, &room);
    thread_exit(s == OK ? (int)room : s);
}

static void test_a_poll_reports_the_room(void **state)
{
    (void)state;
    static uint8_t block[16384];
    struct ends e;
    size_t room, n;
    make(&e);
    assert_int_equal(file_wait_writable(e.writer, 0, &room), OK);
    assert_int_equal(room, sizeof block);
    assert_int_equal(file_write(e.writer, block, sizeof block - 5, &n), OK);
    assert_int_equal(file_wait_writable(e.writer, 0, &room), OK);
    assert_int_equal(room, 5);
    assert_int_equal(file_write(e.writer, block, 5, &n), OK);
    assert_int_equal(file_wait_writable(e.writer, 0, &room), E_TIMEDOUT);
    struct thread *t = world_thread("writer", PRIO_NORMAL, wait_for_room, &e);
    thread_yield();
    assert_int_equal(file_read(e.reader, block, 7, &n), OK);
    assert_int_equal(world_join(t), 7);
    assert_int_equal(file_write(e.writer, block, 7, &n), OK);
    file_close(e.reader);
    /* returns at once: a write will report the closed reader */
    assert_int_equal(file_wait_writable(e.writer, 0, &room), OK);
    assert_int_equal(file_write(e.writer, block, 1, &n), E_PIPE);
    file_close(e.writer);
}

/* Each step of a write wakes the readers; how many steps were made without unlocking, at most. */
static unsigned steps, most_steps;

void __real_wait_wake_all_locked(struct wait_queue *q);
void __wrap_wait_wake_all_locked(struct wait_queue *q);
void __wrap_wait_wake_all_locked(struct wait_queue *q)
{
    steps++;
    most_steps = MAX(most_steps, steps);
    __real_wait_wake_all_locked(q);
}

void __real_spin_unlock_irq(struct spinlock *lock, irq_state_t state);
void __wrap_spin_unlock_irq(struct spinlock *lock, irq_state_t state);
void __wrap_spin_unlock_irq(struct spinlock *lock, irq_state_t state)
{
    steps = 0;
    __real_spin_unlock_irq(lock, state);
}

/* Interrupts are masked while the lock is held, so a long write must not hold it throughout. */
static void test_a_long_write_unlocks_after_each_step(void **state)
{
    (void)state;
    static uint8_t block[16384];
    struct ends e;
    size_t n;
    make(&e);
    steps = most_steps = 0;
    assert_int_equal(file_write(e.writer, block, sizeof block, &n), OK);
    assert_int_equal(n, sizeof block);
    assert_int_equal(most_steps, 1);
    file_close(e.reader);
    file_close(e.writer);
}

static void test_each_end_has_one_direction(void **state)
{
    (void)state;
    struct ends e;
    make(&e);
    uint8_t byte = 0;
    size_t n;
    struct file_stat st;
    assert_int_equal(file_read(e.writer, &byte, 1, &n), E_PERM);
    assert_int_equal(file_write(e.reader, &byte, 1, &n), E_PERM);
    assert_int_equal(file_read(e.reader, &byte, 0, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(file_stat(e.reader, &st), OK);
    assert_int_equal(st.type, FILE_DEVICE);
    uint64_t position;
    assert_int_equal(file_seek(e.writer, 0, 0, &position), E_INVAL);
    file_close(e.reader);
    file_close(e.writer);
}

static bool make_and_close(void)
{
    struct ends e;
    if (pipe_make(&e.reader, &e.writer) != OK) {
        return false;
    }
    file_close(e.writer);
    file_close(e.reader);
    return true;
}

static void test_a_reader_without_writer_gets_the_end(void **state)
{
    (void)state;
    struct ends e;
    size_t n;
    make(&e);
    assert_false(file_is_hung_up(e.reader) || file_is_hung_up(e.writer));
    assert_int_equal(file_write(e.writer, "x", 1, &n), OK);
    file_close(e.writer);
    assert_true(file_is_hung_up(e.reader)); /* although a byte is still in it */
    assert_int_equal(file_wait_readable(e.reader, 0), OK);
    file_close(e.reader);
    make(&e);
    file_close(e.reader);
    assert_true(file_is_hung_up(e.writer));
    file_close(e.writer);
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    fake_sweep("a pipe", make_and_close);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_arrive_in_order_and_then_the_end),
        cmocka_unit_test(test_a_writer_without_a_reader_gets_an_error),
        cmocka_unit_test(test_a_wait_can_be_cancelled),
        cmocka_unit_test(test_a_poll_reports_the_room),
        cmocka_unit_test(test_a_long_write_unlocks_after_each_step),
        cmocka_unit_test(test_each_end_has_one_direction),
        cmocka_unit_test(test_a_reader_without_writer_gets_the_end),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
