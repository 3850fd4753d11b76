// SPDX-License-Identifier: MIT
//
// Reader-writer lock: which threads it keeps out, the order in which they get it,
// and waits that are given up.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/sched/rwlock.h"

static struct rwlock l;

static int reset(void **state)
{
    (void)state;
    rwlock_init(&l, "test");
    world_forget_notes();
    return 0;
}

static int check_free(void **state)
{
    (void)state;
    rwlock_write(&l); /* no reader holds it */
    rwlock_end_write(&l);
    return thread_current()->locks_held == 0 ? 0 : -1;
}

static void read_and_note(void *name)
{
    rwlock_read(&l);
    world_note(name);
    rwlock_end_read(&l);
}

static void write_and_note(void *name)
{
    rwlock_write(&l);
    world_note(name);
    rwlock_end_write(&l);
}

static void test_readers_together(void **state)
{
    (void)state;
    rwlock_read(&l);
    world_join(world_thread("r", 40, read_and_note, "r"));
    assert_string_equal(world_notes(), "r");
    rwlock_end_read(&l);
}

static void test_a_writer_alone(void **state)
{
    (void)state;
    rwlock_write(&l);
    struct thread *r = world_thread("r", 40, read_and_note, "r");
    struct thread *w = world_thread("w", 40, write_and_note, "w");
    assert_string_equal(world_notes(), "");
    rwlock_end_write(&l);
    world_join(r);
    world_join(w);
    assert_string_equal(world_notes(), "r w"); /* waiting readers go after the writer */
}

/* Readers that arrive while a writer waits do not pass it, because it would starve. */
static void test_a_waiting_writer_keeps_readers_out(void **state)
{
    (void)state;
    rwlock_read(&l);
    struct thread *w = world_thread("w", 40, write_and_note, "w");
    struct thread *r = world_thread("r", 40, read_and_note, "r");
    assert_string_equal(world_notes(), "");
    rwlock_end_read(&l);
    world_join(w);
    world_join(r);
    assert_string_equal(world_notes(), "w r");
}

/* All readers that wait when a writer releases the lock go before the next
 * writer: readers do not starve. */
static void test_readers_run_between_two_writers(void **state)
{
    (void)state;
    rwlock_write(&l);
    struct thread *t[] = {
        world_thread("w1", 40, write_and_note, "w1"), world_thread("r1", 40, read_and_note, "r1"),
        world_thread("w2", 45, write_and_note, "w2"), world_thread("r2", 40, read_and_note, "r2")};
    rwlock_end_write(&l);
    for (unsigned i = 0; i < 4; i++) {
        world_join(t[i]);
    }
    /* among writers, the highest priority first */
    assert_string_equal(world_notes(), "r1 r2 w2 w1");
}

static void note_end(bool taken, enum status why)
{
    world_note(taken ? "got" : why == E_TIMEDOUT ? "late" : why == E_CANCELLED ? "cancelled" : "?");
}

static void try_to_read(void *arg)
{
    enum status why = OK;
    (void)arg;
    if (rwlock_read_until(&l, clock_now_ns() + NS_PER_MS, &why)) {
        rwlock_end_read(&l);
        note_end(true, why);
    } else {
        note_end(false, why);
    }
}

static void try_to_write(void *arg)
{
    enum status why = OK;
    (void)arg;
    if (rwlock_write_until(&l, clock_now_ns() + NS_PER_MS, &why)) {
        rwlock_end_write(&l);
        note_end(true, why);
    } else {
        note_end(false, why);
    }
}

static void test_the_time_limit_ends_a_program(void **state)
{
    (void)state;
    rwlock_write(&l);
    struct thread *r = world_thread("r", 40, try_to_read, NULL);
    struct thread *w = world_thread("w", 40, try_to_write, NULL);
    world_join(r);
    world_join(w);
    rwlock_end_write(&l);
    assert_string_equal(world_notes(), "late late");
    try_to_read(NULL);
    try_to_write(NULL);
    assert_string_equal(world_notes(), "late late got got");
}

/* A writer that stops waiting lets in the readers that it kept out. */
static void test_a_writer_that_gives_up_lets_readers_in(void **state)
{
    (void)state;
    rwlock_read(&l);
    struct thread *w = world_thread("w", 40, try_to_write, NULL);
    struct thread *r = world_thread("r", 40, read_and_note, "r");
    assert_string_equal(world_notes(), "");
    world_join(w);
    world_join(r);
    assert_string_equal(world_notes(), "late r");
    rwlock_end_read(&l);
}

static void test_cancellation_ends_a_wait(void **state)
{
    (void)state;
    rwlock_write(&l);
    struct thread *r = world_thread("r", 40, try_to_read, NULL);
    struct thread *w = world_thread("w", 40, try_to_write, NULL);
    struct thread *sure = world_thread("sure", 40, read_and_note, "sure");
    thread_cancel(r);
    thread_cancel(w);
    thread_cancel(sure); /* this wait cannot be cancelled */
    world_join(r);
    world_join(w);
    assert_string_equal(world_notes(), "cancelled cancelled");
    rwlock_end_write(&l);
    world_join(sure);
    assert_string_equal(world_notes(), "cancelled cancelled sure");
}

static unsigned readers, writers, worst_readers, turns;

static void work(void *arg)
{
    uintptr_t n = (uintptr_t)arg;
    for (unsigned i = 0; i < 60; i++) {
        if ((i + n) % 4 == 0) {
            rwlock_write(&l);
            writers++;
            assert_int_equal(writers, 1);
            assert_int_equal(readers, 0);
            thread_yield();
            writers--;
            rwlock_end_write(&l);
        } else {
            rwlock_read(&l);
            readers++;
            worst_readers = readers > worst_readers ? readers : worst_readers;
            assert_int_equal(writers, 0);
            thread_yield();
            readers--;
            rwlock_end_read(&l);
        }
        turns++;
        if (i % 3 == n % 3) {
            thread_yield();
        }
    }
}

static void test_many(void **state)
{
    (void)state;
    struct thread *t[6];
    for (uintptr_t i = 0; i < 6; i++) {
        t[i] = world_thread("t", (uint8_t)(30 + i % 2), work, (void *)i);
    }
    for (unsigned i = 0; i < 6; i++) {
        world_join(t[i]);
    }
    assert_int_equal(turns, 360);
    assert_true(worst_readers > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readers_together, reset, check_free),
        cmocka_unit_test_setup_teardown(test_a_writer_alone, reset, check_free),
        cmocka_unit_test_setup_teardown(test_a_waiting_writer_keeps_readers_out, reset, check_free),
        cmocka_unit_test_setup_teardown(test_readers_run_between_two_writers, reset, check_free),
        cmocka_unit_test_setup_teardown(test_the_time_limit_ends_a_program, reset, check_free),
        cmocka_unit_test_setup_teardown(test_a_writer_that_gives_up_lets_readers_in, reset,
                                        check_free),
        cmocka_unit_test_setup_teardown(test_cancellation_ends_a_wait, reset, check_free),
        cmocka_unit_test_setup_teardown(test_many, reset, check_free),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
