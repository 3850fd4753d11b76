// SPDX-License-Identifier: MIT
//
// Programs: how they end, who may end them, and that nothing of theirs leaks.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/fault/fault.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/heap.h"
#include "kernel/program/program.h"
#include "kernel/sched/work.h"

#define MS      NS_PER_MS
#define CODE_PC 0x77000040u /* in the program's code, for world_spend() */

static bool not_mine(struct fault_owner *self, struct fault *fault)
{
    (void)self;
    (void)fault;
    return false;
}

static struct fault_owner code = {
    .base = 0x77000000, .size = 0x1000, .name = "code", .handle = not_mine};

static int boot(void **state)
{
    int result = world_boot(state);
    program_init();
    assert_int_equal(vfs_init(), OK);
    fault_own_code(&code);
    return result;
}

static int reset(void **state)
{
    (void)state;
    world_forget_notes();
    return 0;
}

static struct program *create(void)
{
    struct program *p;
    assert_int_equal(program_create("test", &p), OK);
    return p;
}

static struct thread *start(struct program *p, uint8_t priority, void (*entry)(void *), void *arg)
{
    struct thread *t;
    const struct thread_options options = {.name = "t",
                                           .entry = entry,
                                           .arg = arg,
                                           .priority = priority,
                                           .uses_fp = true,
                                           .owner = &p->owner};
    assert_int_equal(thread_create(&options, &t), OK);
    return t;
}

static void expect_end(struct program *p, enum program_end end, int status)
{
    enum program_end got_end = PROGRAM_RUNNING;
    int got_status = -1;
    assert_int_equal(program_wait(p, clock_now_ns() + 1000 * MS, &got_end, &got_status), OK);
    assert_int_equal(got_end, end);
    assert_int_equal(got_status, status);
    program_release(p);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void exit_with(void *status)
{
    assert_non_null(program_current());
    program_exit((int)(uintptr_t)status);
}

static void compute(void *arg)
{
    (void)arg;
    for (;;) {
        world_spend(10 * MS, CODE_PC);
    }
}

static void sleep_for_ever(void *arg)
{
    (void)arg;
    world_note(thread_sleep_until(WAIT_FOREVER) == E_CANCELLED ? "cancelled" : "?");
}

static void test_returns(void **state)
{
    (void)state;
    assert_null(program_current());
    struct program *p = create();
    thread_detach(start(p, 40, nothing, NULL));
    expect_end(p, PROGRAM_EXITED, 0);
}

static void test_exits_with_a_status(void **state)
{
    (void)state;
    struct program *p = create();
    thread_detach(start(p, 10, exit_with, (void *)30));
    expect_end(p, PROGRAM_EXITED, 30);
}

/* In 8 bits, 256 would be a success. */
static void test_a_status_above_255_is_not_a_success(void **state)
{
    (void)state;
    static const int given[] = {255, 256, 300, INT32_MAX, -1, INT32_MIN};
    for (size_t n = 0; n < sizeof given / sizeof given[0]; n++) {
        struct program *p = create();
        thread_detach(start(p, 10, exit_with, (void *)(intptr_t)given[n]));
        expect_end(p, PROGRAM_EXITED, 255);
    }
}

/* One thread's exit ends the others: one that sleeps, one that computes. */
static void test_exit_ends_all_threads(void **state)
{
    (void)state;
    struct program *p = create();
    thread_detach(start(p, 40, sleep_for_ever, NULL));
    thread_detach(start(p, 11, compute, NULL));
    thread_detach(start(p, 12, exit_with, (void *)7));
    expect_end(p, PROGRAM_EXITED, 7);
    assert_string_equal(world_notes(), "cancelled");
}

static void compute_a_moment(void *arg)
{
    (void)arg;
    world_spend(MS, CODE_PC);
}

/* No interrupt occurs while they run: a thread adds its time when it leaves. */
static void test_threads_that_end_at_once_are_counted(void **state)
{
    (void)state;
    struct program *p = create();
    for (unsigned i = 0; i < 3; i++) {
        thread_detach(start(p, 10, compute_a_moment, NULL));
    }
    assert_int_equal(completion_wait(&p->done, WAIT_FOREVER), OK);
    assert_in_range(clock_counter_to_ns(atomic_load(&p->cpu_ticks)), 3 * MS, 4 * MS);
    expect_end(p, PROGRAM_EXITED, 0);
}

static void exit_late(void *arg)
{
    (void)arg;
    fake_counter += 2 * MS;
    program_exit(0);
}

static void return_late(void *arg)
{
    (void)arg;
    fake_counter += 2 * MS;
}

/* The timer's interrupt may come after the program's end, on a slow host or with interrupts masked.
 * The limit holds nevertheless. */
static void test_a_limit_holds_if_no_interrupt_comes(void **state)
{
    (void)state;
    void (*const ends[])(void *) = {exit_late, return_late};
    for (unsigned i = 0; i < ARRAY_COUNT(ends); i++) {
        struct program *p = create();
        p->cpu_limit_ticks = MS;
        thread_detach(start(p, 10, ends[i], NULL));
        expect_end(p, PROGRAM_OUT_OF_TIME, 119);
        p = create();
        p->cpu_limit_ticks = 3 * MS;
        thread_detach(start(p, 10, ends[i], NULL));
        expect_end(p, PROGRAM_EXITED, 0);
    }
}

static void test_a_kill_ends_a_thread_that_computes_alone(void **state)
{
    (void)state;
    struct program *p = create();
    struct thread *t = start(p, 11, compute, NULL);
    assert_int_equal(thread_sleep(25 * MS), OK); /* it runs, with no end of its time slice due */
    program_kill(p, PROGRAM_KILLED, 9);
    uint64_t begin = clock_now_ns();
    expect_end(p, PROGRAM_KILLED, 9);
    assert_true(clock_now_ns() - begin <= 2 * MS);
    assert_int_equal(thread_join(t, NULL), OK);
}

static void test_the_first_reason_counts(void **state)
{
    (void)state;
    struct program *p = create();
    thread_detach(start(p, 11, compute, NULL));
    assert_true(program_kill(p, PROGRAM_FAULTED, 119));
    assert_false(program_kill(p, PROGRAM_KILLED, 1));
    expect_end(p, PROGRAM_FAULTED, 119);
}

static struct mutex lock;

static void compute_with_a_lock(void *arg)
{
    (void)arg;
    mutex_lock(&lock);
    world_spend(20 * MS, CODE_PC); /* as in a callback of kernel code: the lock delays the kill */
    world_note("still here");
    mutex_unlock(&lock);
    compute(NULL);
}

static void compute_in_the_kernel(void *arg)
{
    (void)arg;
    world_spend(20 * MS, WORLD_KERNEL_PC);
    world_note("still here");
    compute(NULL);
}

static void test_kill_waits_for_locks(void **state)
{
    (void)state;
    mutex_init(&lock, "test");
    struct program *p = create();
    thread_detach(start(p, 11, compute_with_a_lock, NULL));
    assert_int_equal(thread_sleep(5 * MS), OK);
    program_kill(p, PROGRAM_KILLED, 0);
    expect_end(p, PROGRAM_KILLED, 0);
    assert_string_equal(world_notes(), "still here");
    assert_null(atomic_load(&lock.owner));
}

static void test_kill_waits_for_kernel_code(void **state)
{
    (void)state;
    struct program *p = create();
    thread_detach(start(p, 11, compute_in_the_kernel, NULL));
    assert_int_equal(thread_sleep(5 * MS), OK);
    program_kill(p, PROGRAM_KILLED, 0);
    expect_end(p, PROGRAM_KILLED, 0);
    assert_string_equal(world_notes(), "still here");
}

/* The kill arrives when the new thread is in the program's list, but has no CPU yet. */
static void create_one(void *program)
{
    thread_detach(start(program, 10, nothing, NULL));
}

static void kill(void *program)
{
    program_kill(program, PROGRAM_KILLED, 5);
}

static void test_a_kill_ends_a_thread_that_is_being_created(void **state)
{
    (void)state;
    struct program *p = create();
    (void)thread_trim(); /* so that the new thread gets a new unit */
    mutex_lock(&p->lock);
    struct thread *creator = world_thread("creator", 12, create_one, p);
    struct thread *killer = world_thread("killer", 11, kill, p);
    assert_int_equal(thread_sleep(MS), OK); /* both wait for the lock, the creator first */
    mutex_unlock(&p->lock);
    thread_set_priority(killer, 15); /* it runs as soon as the creator releases the lock */
    world_join(killer);
    world_join(creator);
    expect_end(p, PROGRAM_KILLED, 5);
}

struct resource {
    struct program_resource r;
    const char *name;
};

static void release(struct program_resource *r)
{
    assert_null(program_current());
    /* Its wait is not cut short, although the program was killed. */
    assert_int_equal(thread_sleep(MS), OK);
    world_note(((struct resource *)r)->name);
}

static void test_resources_are_released_newest_first(void **state)
{
    (void)state;
    struct resource a = {{.release = release, .name = "a"}, "a"};
    struct resource b = {{.release = release, .name = "b"}, "b"};
    struct resource c = {{.release = release, .name = "c"}, "c"};
    struct program *p = create();
    assert_int_equal(program_add_resource(p, &a.r), OK);
    assert_int_equal(program_add_resource(p, &b.r), OK);
    assert_int_equal(program_add_resource(p, &c.r), OK);
    program_remove_resource(p, &b.r);
    thread_detach(start(p, 11, compute, NULL));
    program_kill(p, PROGRAM_KILLED, 0);
    assert_string_equal(world_notes(), ""); /* not before its threads have ended */
    expect_end(p, PROGRAM_KILLED, 0);
    assert_string_equal(world_notes(), "c a");
}

static void test_nothing_is_added_to_an_ended_program(void **state)
{
    (void)state;
    struct resource a = {{.release = release, .name = "a"}, "a"};
    struct program *p = create();
    struct thread *t;
    program_kill(p, PROGRAM_KILLED, 5);
    assert_int_equal(program_add_resource(p, &a.r), E_CANCELLED);
    const struct thread_options options = {
        .name = "t", .entry = nothing, .priority = 10, .owner = &p->owner};
    assert_int_equal(thread_create(&options, &t), E_CANCELLED);
    expect_end(p, PROGRAM_KILLED, 5);
    assert_string_equal(world_notes(), "");
}

static void test_wait_has_a_time_limit(void **state)
{
    (void)state;
    enum program_end end = PROGRAM_RUNNING;
    int status = 77;
    struct program *p = create();
    thread_detach(start(p, 11, compute, NULL));
    assert_int_equal(program_wait(p, clock_now_ns() + 5 * MS, &end, &status), E_TIMEDOUT);
    assert_int_equal(end, PROGRAM_RUNNING);
    assert_int_equal(status, 77);
    program_kill(p, PROGRAM_KILLED, 0);
    expect_end(p, PROGRAM_KILLED, 0);
}

static void test_foreground_is_interrupted(void **state)
{
    static struct foreground front;
    (void)state;
    assert_false(foreground_signal(&front, FOREGROUND_INTERRUPT));
    struct program *p = create();
    foreground_add(&front, &p->job);
    thread_detach(start(p, 11, compute, NULL));
    assert_true(foreground_signal(&front, FOREGROUND_INTERRUPT));
    expect_end(p, PROGRAM_KILLED, 130);
    assert_true(
        foreground_signal(&front, FOREGROUND_INTERRUPT)); /* it has ended, so nothing happens */
    foreground_clear(&front);
    assert_false(foreground_signal(&front, FOREGROUND_INTERRUPT));
}

static struct completion work_may_go_on;

static void keep_work_waiting(struct work *work)
{
    (void)work;
    assert_int_equal(completion_wait(&work_may_go_on, WAIT_FOREVER), OK);
}

/* The key was pressed while the first program was in the foreground; the work thread runs later. */
static void test_an_interrupt_does_not_end_the_next_program(void **state)
{
    static struct foreground front;
    static struct work late = {.run = keep_work_waiting};
    (void)state;
    completion_init(&work_may_go_on, "test");
    struct program *first = create(), *second = create();
    thread_detach(start(first, 11, sleep_for_ever, NULL));
    thread_detach(start(second, 11, sleep_for_ever, NULL));
    foreground_add(&front, &first->job);
    assert_true(work_queue(&late));
    assert_true(foreground_signal(&front, FOREGROUND_INTERRUPT));
    foreground_clear(&front);
    foreground_add(&front, &second->job);
    completion_signal(&work_may_go_on);
    assert_int_equal(thread_sleep(5 * MS), OK);
    assert_false(second->ending);
    assert_true(foreground_signal(&front, FOREGROUND_INTERRUPT)); /* its own interrupt does */
    expect_end(second, PROGRAM_KILLED, 130);
    foreground_clear(&front);
    program_kill(first, PROGRAM_KILLED, 0);
    expect_end(first, PROGRAM_KILLED, 0);
}

static void test_a_program_is_found_by_its_number(void **state)
{
    (void)state;
    struct program *p = create();
    uint32_t id = p->id;
    thread_detach(start(p, 10, compute, NULL));
    assert_int_equal(thread_sleep(3 * MS), OK);
    assert_null(program_get_number(id + 1));
    struct program *found = program_get_number(id);
    assert_ptr_equal(found, p);
    program_kill(found, PROGRAM_KILLED, 143);
    assert_int_equal(completion_wait(&p->done, WAIT_FOREVER), OK);
    program_release(found);
    assert_true(program_cpu_ns(p) > 0);
    expect_end(p, PROGRAM_KILLED, 143);
    assert_null(program_get_number(id)); /* numbers are never used again */
}

static void count_programs(void *ctx, const struct program *p)
{
    (void)p;
    ++*(unsigned *)ctx;
}

static void run_one_of_each(void)
{
    struct program *p = create();
    for (int i = 0; i < 3; i++) {
        thread_detach(start(p, 11, compute, NULL));
        thread_detach(start(p, 12, sleep_for_ever, NULL));
    }
    assert_int_equal(thread_sleep(30 * MS), OK);
    program_kill(p, PROGRAM_KILLED, 1);
    expect_end(p, PROGRAM_KILLED, 1);
    p = create();
    thread_detach(start(p, 40, exit_with, (void *)3));
    expect_end(p, PROGRAM_EXITED, 3);
    world_forget_notes();
}

static void test_everything_is_freed(void **state)
{
    (void)state;
    struct heap_stats before, after;
    struct page_stats pages_before, pages_after;
    run_one_of_each();
    assert_int_equal(thread_sleep(MS), OK);
    heap_drain();
    heap_get_stats(&before);
    page_get_stats(&pages_before);
    for (int i = 0; i < 5; i++) {
        run_one_of_each();
    }
    assert_int_equal(thread_sleep(MS), OK);
    heap_drain();
    heap_get_stats(&after);
    page_get_stats(&pages_after);
    assert_int_equal(after.live_objects, before.live_objects);
    assert_int_equal(pages_after.by_owner[PAGE_FREE], pages_before.by_owner[PAGE_FREE]);
    unsigned count = 0;
    program_for_each(count_programs, &count);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_returns, reset),
        cmocka_unit_test_setup(test_exits_with_a_status, reset),
        cmocka_unit_test_setup(test_a_status_above_255_is_not_a_success, reset),
        cmocka_unit_test_setup(test_exit_ends_all_threads, reset),
        cmocka_unit_test_setup(test_threads_that_end_at_once_are_counted, reset),
        cmocka_unit_test_setup(test_a_limit_holds_if_no_interrupt_comes, reset),
        cmocka_unit_test_setup(test_a_kill_ends_a_thread_that_computes_alone, reset),
        cmocka_unit_test_setup(test_the_first_reason_counts, reset),
        cmocka_unit_test_setup(test_a_program_is_found_by_its_number, reset),
        cmocka_unit_test_setup(test_kill_waits_for_locks, reset),
        cmocka_unit_test_setup(test_kill_waits_for_kernel_code, reset),
        cmocka_unit_test_setup(test_a_kill_ends_a_thread_that_is_being_created, reset),
        cmocka_unit_test_setup(test_resources_are_released_newest_first, reset),
        cmocka_unit_test_setup(test_nothing_is_added_to_an_ended_program, reset),
        cmocka_unit_test_setup(test_wait_has_a_time_limit, reset),
        cmocka_unit_test_setup(test_foreground_is_interrupted, reset),
        cmocka_unit_test_setup(test_an_interrupt_does_not_end_the_next_program, reset),
        cmocka_unit_test_setup(test_everything_is_freed, reset),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
