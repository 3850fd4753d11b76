// SPDX-License-Identifier: MIT
//
// Threads on the fake machine: which one runs when, time slices, when the event timer is armed, and
// that threads free everything.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_failure.h"
#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/sched/mutex.h"

#define MS NS_PER_MS

static int forget(void **state)
{
    (void)state;
    world_forget_notes();
    world_timer_interrupts = 0;
    return 0;
}

static void note(void *name)
{
    world_note(name);
}

static void test_the_highest_priority_runs_first(void **state)
{
    (void)state;
    struct thread *low = world_thread("low", 10, note, "low");
    struct thread *mid = world_thread("mid", 20, note, "mid");
    assert_string_equal(world_notes(), ""); /* main has a higher priority than both */
    struct thread *high = world_thread("high", 40, note, "high");
    assert_string_equal(world_notes(), "high"); /* it ran at once, inside thread_create() */
    world_join(low);
    world_join(mid);
    world_join(high);
    assert_string_equal(world_notes(), "high mid low");
}

static void test_equal_threads_run_in_order(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", PRIO_NORMAL, note, "a");
    struct thread *b = world_thread("b", PRIO_NORMAL, note, "b");
    thread_yield();
    assert_string_equal(world_notes(), "a b");
    world_join(b);
    world_join(a);
}

static void yield_thrice(void *name)
{
    for (int i = 0; i < 3; i++) {
        world_note(name);
        thread_yield();
    }
}

static void test_yield_alternates(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", PRIO_NORMAL, yield_thrice, "a");
    struct thread *b = world_thread("b", PRIO_NORMAL, yield_thrice, "b");
    world_join(a);
    world_join(b);
    assert_string_equal(world_notes(), "a b a b a b");
}

static void exit_with(void *value)
{
    thread_exit((int)(uintptr_t)value);
}

static void test_join_returns_the_value(void **state)
{
    (void)state;
    assert_int_equal(world_join(world_thread("t", 40, exit_with, (void *)7)), 7);
    assert_int_equal(world_join(world_thread("t", 10, exit_with, (void *)8)), 8);
    assert_int_equal(world_join(world_thread("t", 10, note, "")), 0);
}

/* Two threads compute: each gets its own time slices. */
static void compute_35_ms(void *name)
{
    for (int i = 0; i < 7; i++) {
        world_note(name);
        world_spend(5 * MS, WORLD_KERNEL_PC);
    }
}

static void test_equal_threads_share_by_slices(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 20, compute_35_ms, "a");
    struct thread *b = world_thread("b", 20, compute_35_ms, "b");
    world_join(a);
    world_join(b);
    /* A slice ends exactly at the end of a computation, whose note follows in the next slice. */
    assert_string_equal(world_notes(), "a a b b a a b b a a b b a b");
}

static void test_a_lone_program_is_not_interrupted(void **state)
{
    (void)state;
    world_spend(100 * MS, WORLD_KERNEL_PC); /* lets timers of earlier tests expire */
    world_timer_interrupts = 0;
    assert_true(fake_timer_deadline() == UINT64_MAX);
    struct thread *low = world_thread("low", 10, note, "low"); /* ready, but of lower priority */
    world_spend(1000 * MS, WORLD_KERNEL_PC);
    assert_int_equal(world_timer_interrupts, 0);
    assert_string_equal(world_notes(), "");
    world_join(low);
}

static struct semaphore wake_up;

static void note_when_woken(void *name)
{
    assert_int_equal(semaphore_down(&wake_up, WAIT_FOREVER), OK);
    world_note(name);
}

static void test_a_woken_thread_of_higher_priority_preempts_its_waker(void **state)
{
    (void)state;
    semaphore_init(&wake_up, 0, "wake");
    struct thread *high = world_thread("high", 40, note_when_woken, "high");
    assert_string_equal(world_notes(), "");
    semaphore_up(&wake_up);
    world_note("main");
    assert_string_equal(world_notes(), "high main");
    world_join(high);
}

static void test_preemption_waits_until_it_is_allowed(void **state)
{
    (void)state;
    semaphore_init(&wake_up, 0, "wake");
    struct thread *high = world_thread("high", 40, note_when_woken, "high");
    preempt_disable();
    preempt_disable();
    semaphore_up(&wake_up);
    world_spend(50 * MS, WORLD_KERNEL_PC);
    preempt_enable();
    world_note("main");
    preempt_enable();
    assert_string_equal(world_notes(), "main high");
    world_join(high);
}

/* While a thread runs alone its slice never ends; a ready thread of equal priority ends it. */
static void test_a_woken_thread_of_equal_priority_gets_its_slice(void **state)
{
    (void)state;
    semaphore_init(&wake_up, 0, "wake");
    struct thread *equal = world_thread("equal", PRIO_NORMAL, note_when_woken, "equal");
    thread_yield();                         /* it waits */
    world_spend(100 * MS, WORLD_KERNEL_PC); /* lets timers of earlier tests expire */
    semaphore_up(&wake_up);
    assert_string_equal(world_notes(), "");
    world_spend(20 * MS, WORLD_KERNEL_PC);
    assert_string_equal(world_notes(), "equal");
    world_join(equal);
}

static void sleep_3_ms_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(thread_sleep(3 * MS), OK);
    }
}

static void compute_40_ms(void *name)
{
    world_spend(40 * MS, WORLD_KERNEL_PC);
    world_note(name);
}

/* After a preemption the slice continues where it stopped: a thread that is often preempted does
 * not starve others of its priority. */
static void test_preemption_does_not_renew_the_slice(void **state)
{
    (void)state;
    struct thread *often = world_thread("often", 40, sleep_3_ms_often, NULL);
    struct thread *a = world_thread("a", 20, compute_40_ms, "a");
    struct thread *b = world_thread("b", 20, note, "b");
    world_join(a);
    world_join(b);
    world_join(often);
    assert_string_equal(world_notes(), "b a");
}

/* A preempted thread keeps its place in the queue and the rest of its slice. */
static void test_preemption_keeps_the_queue_position(void **state)
{
    (void)state;
    semaphore_init(&wake_up, 0, "wake");
    struct thread *high = world_thread("high", 40, note_when_woken, "high");
    struct thread *equal = world_thread("equal", PRIO_NORMAL, note, "equal");
    semaphore_up(&wake_up);
    world_note("main");
    assert_string_equal(world_notes(), "high main");
    world_join(equal);
    world_join(high);
}

static void sleep_and_note(void *ms)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", (unsigned)(uintptr_t)ms);
    assert_int_equal(thread_sleep((uintptr_t)ms * MS), OK);
    world_note(text);
}

static void test_sleepers_wake_in_order_and_in_time(void **state)
{
    (void)state;
    uint64_t begin = clock_now_ns();
    static const uintptr_t times[] = {30, 10, 50, 20, 40};
    struct thread *t[5];
    for (int i = 0; i < 5; i++) {
        t[i] = world_thread("sleeper", PRIO_NORMAL, sleep_and_note, (void *)times[i]);
    }
    for (int i = 0; i < 5; i++) {
        world_join(t[i]);
    }
    assert_string_equal(world_notes(), "10 20 30 40 50");
    uint64_t took = clock_now_ns() - begin;
    assert_true(took >= 50 * MS && took < 51 * MS);
}

static void test_priorities_can_change(void **state)
{
    (void)state;
    struct thread *a = world_thread("a", 10, note, "a");
    struct thread *b = world_thread("b", 11, note, "b");
    thread_set_priority(a, 40); /* ready: it runs at once */
    assert_string_equal(world_notes(), "a");
    thread_set_priority(thread_current(), 5); /* running: it is preempted */
    assert_string_equal(world_notes(), "a b");
    thread_set_priority(thread_current(), PRIO_NORMAL);
    world_join(a);
    world_join(b);
}

static bool find_info(const char *name, struct thread_info *out)
{
    for (uint32_t i = 0; thread_get_info(i, out); i++) {
        if (strcmp(out->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void test_ps_reports_thread_states(void **state)
{
    (void)state;
    struct thread_info info;
    char label[] = "some event"; /* as in a module, which is unloaded later */
    semaphore_init(&wake_up, 0, label);
    struct thread *t = world_thread("waiter", 40, note_when_woken, "");
    assert_true(find_info("waiter", &info));
    assert_int_equal(info.state, THREAD_BLOCKED);
    memset(label, '?', sizeof label);
    assert_string_equal(info.waiting_on, "some event");
    assert_int_equal(info.priority, 40);
    assert_int_equal(info.switches, 1);
    assert_true(find_info("main", &info));
    assert_int_equal(info.state, THREAD_RUNNING);
    assert_string_equal(info.waiting_on, "");
    uint64_t before = info.run_ns;
    world_spend(3 * MS, WORLD_KERNEL_PC);
    assert_true(find_info("main", &info));
    assert_int_equal(info.run_ns - before, 3 * MS);
    semaphore_up(&wake_up);
    world_join(t);
    assert_false(find_info("waiter", &info));
    assert_int_equal(thread_sleep(MS), OK); /* the idle thread runs, and stops */
    assert_true(find_info("idle", &info));
    assert_int_equal(info.state, THREAD_READY);
}

static void test_idle_time_is_counted(void **state)
{
    (void)state;
    struct sched_stats before, after;
    sched_get_stats(&before);
    assert_int_equal(thread_sleep(70 * MS), OK);
    sched_get_stats(&after);
    assert_true(after.idle_ns - before.idle_ns >= 70 * MS);
    assert_true(after.idle_ns - before.idle_ns < 71 * MS);
    assert_true(after.switches > before.switches);
}

static uint64_t used_pages(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    return stats.total_pages - stats.by_owner[PAGE_FREE];
}

static void create_and_join(unsigned count)
{
    static struct thread *t[64];
    for (unsigned i = 0; i < count; i++) {
        t[i] = world_thread("many", 10, note, "");
    }
    for (unsigned i = 0; i < count; i++) {
        world_join(t[i]);
    }
    world_forget_notes();
}

/* Many at once: some stay cached, the others are freed, and the next round allocates no more. */
static void test_threads_free_everything(void **state)
{
    (void)state;
    struct heap_stats before, after;
    create_and_join(40);
    (void)!thread_sleep(MS); /* the work thread frees the surplus */
    uint64_t pages = used_pages();
    heap_drain();
    heap_get_stats(&before);
    for (int i = 0; i < 5; i++) {
        create_and_join(40);
        (void)!thread_sleep(MS);
    }
    heap_drain();
    heap_get_stats(&after);
    assert_int_equal(after.live_objects, before.live_objects);
    assert_int_equal(after.live_bytes, before.live_bytes);
    assert_int_equal(used_pages(), pages);
}

/* The switch away from an ending thread may wake the work thread, which must run now and
 * not at some later interrupt. */
static void test_no_switch_stays_pending(void **state)
{
    (void)state;
    semaphore_init(&wake_up, 0, "wake");
    struct thread *last = world_thread("last", 40, note_when_woken, "last");
    create_and_join(40); /* fill the cache of ended threads */
    struct sched_stats before, after;
    thread_detach(last);
    sched_get_stats(&before);
    semaphore_up(&wake_up); /* it ends, which is one more than the cache holds */
    assert_false(hal_this_cpu()->need_resched);
    sched_get_stats(&after);
    assert_int_equal(after.switches - before.switches,
                     4); /* to it, back, to the work thread, back */
    assert_int_equal(after.threads, before.threads - 1);
}

static void test_a_detached_thread_cleans_up(void **state)
{
    (void)state;
    struct sched_stats before, after;
    sched_get_stats(&before);
    thread_detach(world_thread("gone", 40, note, "gone"));
    thread_detach(world_thread("later", 10, note, "later"));
    (void)!thread_sleep(MS);
    sched_get_stats(&after);
    assert_string_equal(world_notes(), "gone later");
    assert_int_equal(after.threads, before.threads);
}

static void test_no_memory_changes_nothing(void **state)
{
    (void)state;
    struct thread *hold[20], *t;
    for (int i = 0; i < 20; i++) { /* more than are cached */
        hold[i] = world_thread("hold", 10, note, "");
    }
    struct heap_stats before, after;
    uint64_t pages = used_pages();
    heap_drain();
    heap_get_stats(&before);
    fake_mmu_maps_left = 0;
    const struct thread_options options = {.name = "t", .entry = note, .arg = "", .priority = 10};
    assert_int_equal(thread_create(&options, &t), E_NOMEM);
    fake_mmu_maps_left = -1;
    heap_drain();
    heap_get_stats(&after);
    assert_int_equal(after.live_objects, before.live_objects);
    assert_int_equal(used_pages(), pages);
    for (int i = 0; i < 20; i++) {
        world_join(hold[i]);
    }
}

#define CROWD 20 /* more than the cache of ended threads holds */

static bool start_and_join_a_crowd(void)
{
    struct thread *crowd[CROWD];
    const struct thread_options options = {
        .name = "t", .entry = note, .arg = "", .priority = 10, .uses_fp = true};
    unsigned n = 0;
    while (n < CROWD && thread_create(&options, &crowd[n]) == OK) {
        n++;
    }
    for (unsigned i = 0; i < n; i++) {
        world_join(crowd[i]);
    }
    (void)thread_sleep(MS); /* the surplus is freed meanwhile */
    return n == CROWD;
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    fake_sweep("threads", start_and_join_a_crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_highest_priority_runs_first, forget),
        cmocka_unit_test_setup(test_equal_threads_run_in_order, forget),
        cmocka_unit_test_setup(test_yield_alternates, forget),
        cmocka_unit_test_setup(test_join_returns_the_value, forget),
        cmocka_unit_test_setup(test_equal_threads_share_by_slices, forget),
        cmocka_unit_test_setup(test_a_lone_program_is_not_interrupted, forget),
        cmocka_unit_test_setup(test_a_woken_thread_of_higher_priority_preempts_its_waker, forget),
        cmocka_unit_test_setup(test_preemption_waits_until_it_is_allowed, forget),
        cmocka_unit_test_setup(test_a_woken_thread_of_equal_priority_gets_its_slice, forget),
        cmocka_unit_test_setup(test_preemption_does_not_renew_the_slice, forget),
        cmocka_unit_test_setup(test_preemption_keeps_the_queue_position, forget),
        cmocka_unit_test_setup(test_sleepers_wake_in_order_and_in_time, forget),
        cmocka_unit_test_setup(test_priorities_can_change, forget),
        cmocka_unit_test_setup(test_ps_reports_thread_states, forget),
        cmocka_unit_test_setup(test_idle_time_is_counted, forget),
        cmocka_unit_test_setup(test_threads_free_everything, forget),
        cmocka_unit_test_setup(test_no_switch_stays_pending, forget),
        cmocka_unit_test_setup(test_a_detached_thread_cleans_up, forget),
        cmocka_unit_test_setup(test_no_memory_changes_nothing, forget),
        cmocka_unit_test_setup(test_each_allocation_may_fail, forget),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
