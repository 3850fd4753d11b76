// SPDX-License-Identifier: MIT
//
// Timers against a model: in order, never early, never twice, and the hardware is armed in time.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_cpus.h"
#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/sched/timer.h"

#define TIMERS 200

struct probe {
    struct timer timer;
    bool queued;
    unsigned fired;
    uint64_t again_ns; /* restart it from inside fire, this much later; 0: do not */
};

static struct probe probes[TIMERS];
static uint64_t last_latest; /* of the last timer that fired in this interrupt */
static uint64_t last_interrupt;

static uint64_t latest_ns(const struct timer *t)
{
    return t->slack_ns > UINT64_MAX - t->deadline_ns ? UINT64_MAX : t->deadline_ns + t->slack_ns;
}

static void fire(struct timer *t)
{
    struct probe *p = t->ctx;
    assert_true(p->queued);
    assert_true(clock_now_ns() >= t->deadline_ns); /* never early */
    assert_false(hal_irqs_enabled());
    if (last_interrupt == clock_now_ns()) {
        assert_true(latest_ns(t) >= last_latest); /* in order */
    }
    last_interrupt = clock_now_ns();
    last_latest = latest_ns(t);
    p->queued = false;
    p->fired++;
    if (p->again_ns != 0) {
        t->deadline_ns = clock_now_ns() + p->again_ns;
        p->queued = true;
        timer_start(t);
    }
}

static void start(struct probe *p, uint64_t in_ns)
{
    p->timer.deadline_ns = clock_now_ns() + in_ns;
    p->timer.fire = fire;
    p->timer.ctx = p;
    p->queued = true;
    timer_start(&p->timer);
}

static int reset(void **state)
{
    (void)state;
    for (int i = 0; i < TIMERS; i++) {
        probes[i].again_ns = 0;
        (void)timer_cancel(&probes[i].timer);
    }
    world_spend(NS_PER_S, WORLD_KERNEL_PC); /* let armed timers expire */
    memset(probes, 0, sizeof(probes));
    last_interrupt = 0;
    world_timer_interrupts = 0;
    return 0;
}

static void test_without_timers_the_hardware_is_not_armed(void **state)
{
    (void)state;
    assert_true(fake_timer_deadline() == UINT64_MAX);
}

static void test_fires_once_and_in_time(void **state)
{
    (void)state;
    start(&probes[0], 500);
    world_spend(499, WORLD_KERNEL_PC);
    assert_int_equal(probes[0].fired, 0);
    world_spend(2, WORLD_KERNEL_PC); /* deadlines are rounded up to the next tick */
    assert_int_equal(probes[0].fired, 1);
    world_spend(10000, WORLD_KERNEL_PC);
    assert_int_equal(probes[0].fired, 1);
    assert_int_equal(world_timer_interrupts, 1);
    assert_false(timer_cancel(&probes[0].timer));
}

static void test_the_past_fires_at_once(void **state)
{
    (void)state;
    start(&probes[0], 0);
    world_spend(1, WORLD_KERNEL_PC);
    assert_int_equal(probes[0].fired, 1);
}

static void test_cancelled_does_not_fire(void **state)
{
    (void)state;
    start(&probes[0], 100);
    start(&probes[1], 200);
    assert_true(timer_cancel(&probes[0].timer));
    assert_false(timer_cancel(&probes[0].timer));
    world_spend(1000, WORLD_KERNEL_PC);
    assert_int_equal(probes[0].fired, 0);
    assert_int_equal(probes[1].fired, 1);
    assert_true(world_timer_interrupts <= 2); /* at most one interrupt that finds no due timer */
    assert_true(fake_timer_deadline() == UINT64_MAX);
}

static void test_a_timer_may_restart_itself(void **state)
{
    (void)state;
    probes[0].again_ns = 100;
    start(&probes[0], 100);
    world_spend(1050, WORLD_KERNEL_PC);
    assert_in_range(probes[0].fired, 9, 10);
}

static void test_ends_of_time_saturate(void **state)
{
    (void)state;
    struct probe *p = &probes[0];
    p->timer.deadline_ns = UINT64_MAX - 1;
    p->timer.fire = fire;
    p->timer.ctx = p;
    timer_start(&p->timer);
    world_spend(NS_PER_S, WORLD_KERNEL_PC);
    assert_int_equal(p->fired, 0);
    assert_true(timer_cancel(&p->timer));
}

static void test_slack_shares_an_interrupt(void **state)
{
    (void)state;
    probes[0].timer.slack_ns = 1000;
    start(&probes[0], 500);
    start(&probes[1], 1200);
    world_spend(1100, WORLD_KERNEL_PC);
    assert_int_equal(probes[0].fired, 0); /* its slack lets it wait for the other */
    world_spend(200, WORLD_KERNEL_PC);
    assert_int_equal(probes[0].fired, 1);
    assert_int_equal(probes[1].fired, 1);
    assert_int_equal(world_timer_interrupts, 1);
}

static void test_slack_is_a_limit(void **state)
{
    (void)state;
    probes[0].timer.slack_ns = 1000;
    start(&probes[0], 500);
    start(&probes[1], 5000);
    world_spend(1499, WORLD_KERNEL_PC);
    assert_int_equal(probes[0].fired, 0);
    world_spend(2, WORLD_KERNEL_PC);
    assert_int_equal(probes[0].fired, 1);
    assert_int_equal(probes[1].fired, 0);
}

static void test_unlimited_slack(void **state)
{
    (void)state;
    probes[0].timer.slack_ns = UINT64_MAX;
    start(&probes[0], 500);
    world_spend(NS_PER_S, WORLD_KERNEL_PC);
    assert_int_equal(probes[0].fired, 0);
    start(&probes[1], 100); /* may fire at any interrupt */
    world_spend(101, WORLD_KERNEL_PC);
    assert_int_equal(probes[0].fired, 1);
}

static struct {
    struct timer timer;
    unsigned fired, stop_at;
    uint64_t at_ns[8];
} beat;

static void fire_beat(struct timer *t)
{
    assert_true(t->deadline_ns > clock_now_ns()); /* the next deadline */
    beat.at_ns[beat.fired % 8] = clock_now_ns();
    if (++beat.fired == beat.stop_at) {
        assert_true(timer_cancel(t));
    }
}

static void start_beat(uint64_t period_ns, unsigned stop_at)
{
    memset(&beat, 0, sizeof(beat));
    beat.stop_at = stop_at;
    beat.timer = (struct timer){
        .deadline_ns = clock_now_ns() + period_ns, .period_ns = period_ns, .fire = fire_beat};
    timer_start(&beat.timer);
}

static void test_a_period_does_not_drift(void **state)
{
    (void)state;
    uint64_t begin = clock_now_ns();
    start_beat(1000, 0);
    for (unsigned i = 0; i < 4 * 1000; i++) {
        world_spend(1, WORLD_KERNEL_PC);
    }
    world_spend(2, WORLD_KERNEL_PC);
    assert_int_equal(beat.fired, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_in_range(beat.at_ns[i] - begin, (i + 1) * 1000, (i + 1) * 1000 + 2);
    }
    assert_true(timer_cancel(&beat.timer)); /* the next call was still pending */
    world_spend(10000, WORLD_KERNEL_PC);
    assert_int_equal(beat.fired, 4);
}

static void test_missed_calls_are_skipped(void **state)
{
    (void)state;
    uint64_t begin = clock_now_ns();
    start_beat(1000, 0);
    fake_counter += 5500; /* interrupts were masked for this long */
    world_spend(1, WORLD_KERNEL_PC);
    assert_int_equal(beat.fired, 1);
    assert_int_equal(beat.timer.deadline_ns - begin, 6000); /* the original phase is kept */
    world_spend(1000, WORLD_KERNEL_PC);
    assert_int_equal(beat.fired, 2);
    assert_true(timer_cancel(&beat.timer));
}

static void test_a_call_may_be_the_last(void **state)
{
    (void)state;
    start_beat(100, 3);
    world_spend(10000, WORLD_KERNEL_PC);
    assert_int_equal(beat.fired, 3);
    assert_false(timer_cancel(&beat.timer));
    assert_true(fake_timer_deadline() == UINT64_MAX);
}

/* Nodes that starting and cancelling one timer among many may access: the two right spines. */
static unsigned right_spine(const struct timer *t)
{
    unsigned n = 0;
    for (; t != NULL; t = t->right) {
        n++;
    }
    return n;
}

static void test_a_hundred_thousand(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    static struct timer many[MANY];
    srand(3);
    for (int i = 0; i < MANY; i++) {
        many[i] = (struct timer){
            .deadline_ns = clock_now_ns() + NS_PER_S + (uint64_t)(rand() % 1000000), .fire = fire};
        timer_start(&many[i]);
        const struct timer *root = &many[i];
        while (root->parent != NULL && i % 1000 == 0) {
            root = root->parent;
        }
        assert_true(right_spine(root) <= 17); /* log2(100,001) */
    }
    for (int i = 0; i < MANY; i++) {
        assert_true(timer_cancel(&many[i]));
    }
}

static uint64_t earliest(void)
{
    uint64_t e = UINT64_MAX;
    for (int i = 0; i < TIMERS; i++) {
        if (probes[i].queued && probes[i].timer.deadline_ns < e) {
            e = probes[i].timer.deadline_ns;
        }
    }
    return e;
}

static uint32_t rank_of(const struct timer *t)
{
    return t == NULL ? 0 : t->rank;
}

/* The leftist property at each node, which makes every operation O(log n). */
static void check_node(const struct timer *t)
{
    assert_true(rank_of(t->left) >= rank_of(t->right));
    assert_int_equal(t->rank, rank_of(t->right) + 1);
    if (t->parent != NULL) {
        assert_true(t->parent->left == t || t->parent->right == t);
        assert_true(t->parent->deadline_ns <= t->deadline_ns);
    }
}

static void check_queue(void)
{
    for (int i = 0; i < TIMERS; i++) {
        if (probes[i].queued) {
            check_node(&probes[i].timer);
        }
    }
    uint64_t e = earliest();
    if (e != UINT64_MAX) {
        assert_true(e > clock_now_ns() || fake_timer_deadline() <= fake_counter + 1);
        assert_true(fake_timer_deadline() <= clock_ns_to_counter(e));
    }
}

static void test_random_against_model(void **state)
{
    (void)state;
    srand(7);
    unsigned started = 0, fired = 0, cancelled = 0;
    for (int i = 0; i < 30000; i++) {
        struct probe *p = &probes[rand() % TIMERS];
        int what = rand() % 10;
        if (what == 0) {
            world_spend((uint64_t)(rand() % 2000), WORLD_KERNEL_PC);
        } else if (!p->queued) {
            start(p, (uint64_t)(rand() % 20000));
            started++;
        } else if (what < 4) {
            assert_true(timer_cancel(&p->timer));
            p->queued = false;
            cancelled++;
        }
        check_queue();
    }
    world_spend(NS_PER_S, WORLD_KERNEL_PC);
    for (int i = 0; i < TIMERS; i++) {
        assert_false(probes[i].queued);
        fired += probes[i].fired;
    }
    assert_int_equal(fired + cancelled, started);
    assert_true(fired > 1000 && cancelled > 1000);
    assert_true(fake_timer_deadline() == UINT64_MAX);
}

/* ---- On another CPU ---- */

static struct {
    struct timer timer;
    unsigned fired;
    bool is_firing;
} other;

/* Another CPU runs while this function is running. Then the timer restarts itself, as always. */
static void fire_and_pause(struct timer *t)
{
    other.fired++;
    other.is_firing = true;
    fake_cpu_pause();
    other.is_firing = false;
    t->deadline_ns = clock_now_ns() + 100;
    timer_start(t);
}

static void start_other(void *arg)
{
    (void)arg;
    other.timer = (struct timer){.deadline_ns = clock_now_ns() + 100, .fire = fire_and_pause};
    timer_start(&other.timer);
}

static void fire_goes_on(void)
{
    assert_true(other.is_firing);
    (void)fake_cpu_run(1);
}

/* The timer was firing when it was cancelled, and restarted itself while the cancel waited. */
static void test_a_cancelled_timer_does_not_restart_itself(void **state)
{
    (void)state;
    fake_cpus_start(2);
    const struct thread_options options = {
        .name = "starts", .entry = start_other, .priority = 20, .placement = THREAD_ON, .cpu = 1};
    struct thread *starts;
    assert_int_equal(thread_create(&options, &starts), OK);
    (void)world_join(starts);
    while (other.fired == 0) {
        fake_counter += 200;
        (void)fake_cpu_run(1);
    }
    assert_true(other.is_firing);

    fake_on_relax = fire_goes_on;
    bool was_due = timer_cancel(&other.timer);
    fake_on_relax = NULL;
    assert_false(other.is_firing);
    for (unsigned i = 0; i < 10; i++) {
        fake_counter += 200;
        (void)fake_cpu_run(1);
    }
    assert_int_equal(other.fired, 1);
    assert_true(was_due); /* it had restarted itself */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_without_timers_the_hardware_is_not_armed, reset),
        cmocka_unit_test_setup(test_fires_once_and_in_time, reset),
        cmocka_unit_test_setup(test_the_past_fires_at_once, reset),
        cmocka_unit_test_setup(test_cancelled_does_not_fire, reset),
        cmocka_unit_test_setup(test_a_timer_may_restart_itself, reset),
        cmocka_unit_test_setup(test_ends_of_time_saturate, reset),
        cmocka_unit_test_setup(test_slack_shares_an_interrupt, reset),
        cmocka_unit_test_setup(test_slack_is_a_limit, reset),
        cmocka_unit_test_setup(test_unlimited_slack, reset),
        cmocka_unit_test_setup(test_a_period_does_not_drift, reset),
        cmocka_unit_test_setup(test_missed_calls_are_skipped, reset),
        cmocka_unit_test_setup(test_a_call_may_be_the_last, reset),
        cmocka_unit_test_setup(test_a_hundred_thousand, reset),
        cmocka_unit_test_setup(test_random_against_model, reset),
        cmocka_unit_test_setup(test_a_cancelled_timer_does_not_restart_itself, reset),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
