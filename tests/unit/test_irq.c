// SPDX-License-Identifier: MIT
//
// Interrupts by line: sharing, claims, storms, and switching on the way out.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/clock.h"
#include "kernel/io/irq.h"
#include "kernel/sched/mutex.h"

#define SPURIOUS 99u /* the fake controller knows no such line */

struct source {
    struct irq_action action;
    bool raised;
    unsigned calls;
};

static enum irq_result handle(void *ctx)
{
    struct source *s = ctx;
    assert_false(hal_irqs_enabled());
    assert_int_equal(hal_this_cpu()->irq_depth, 1);
    s->calls++;
    if (!s->raised) {
        return IRQ_NOT_MINE;
    }
    s->raised = false;
    return IRQ_HANDLED;
}

static struct source source(const char *name)
{
    return (struct source){.action = {.handle = handle, .name = name}};
}

static void attach(struct source *s, uint32_t line, enum irq_trigger trigger)
{
    s->action.ctx = s;
    assert_int_equal(irq_request(&s->action, line, trigger), OK);
}

static bool find(uint32_t line, struct irq_info *out)
{
    for (uint32_t i = 0; irq_get_info(i, out); i++) {
        if (out->line == line) {
            return true;
        }
    }
    return false;
}

static int reset(void **state)
{
    (void)state;
    world_forget_notes();
    return 0;
}

static void test_a_handler_runs_and_the_line_is_ended(void **state)
{
    (void)state;
    struct source s = source("one");
    attach(&s, 7, IRQ_EDGE);
    unsigned ended = world_eoi_count(7);
    uint64_t taken = fake_cpu.irq_count;
    s.raised = true;
    world_interrupt(7);
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.action.count, 1);
    assert_int_equal(world_eoi_count(7), ended + 1);
    assert_int_equal(fake_cpu.irq_count, taken + 1);
    assert_int_equal(fake_cpu.irq_depth, 0);
    irq_release(&s.action);
    assert_true(world_line_is_masked(7));
}

static void test_a_shared_line_asks_everybody(void **state)
{
    (void)state;
    struct irq_info info;
    struct source a = source("a"), b = source("b"), c = source("c");
    attach(&a, 8, IRQ_LEVEL_HIGH);
    attach(&b, 8, IRQ_LEVEL_HIGH);
    c.action.ctx = &c;
    assert_int_equal(irq_request(&c.action, 8, IRQ_EDGE), E_BUSY);
    b.raised = true;
    world_interrupt(8);
    a.raised = b.raised = true;
    world_interrupt(8);
    assert_int_equal(a.calls, 2);
    assert_int_equal(b.calls, 2);
    assert_int_equal(a.action.count, 1);
    assert_int_equal(b.action.count, 2);
    assert_int_equal(c.calls, 0);
    assert_true(find(8, &info));
    assert_int_equal(info.count, 2);
    assert_int_equal(info.unclaimed, 0);
    assert_string_equal(info.names[0], "a");
    assert_string_equal(info.names[1], "b");
    assert_null(info.names[2]);
    irq_release(&a.action);
    assert_false(world_line_is_masked(8)); /* b still listens */
    irq_release(&b.action);
    assert_true(world_line_is_masked(8));
}

static void test_bad_requests_are_refused(void **state)
{
    (void)state;
    struct source s = source("bad");
    s.action.ctx = &s;
    assert_int_equal(irq_request(&s.action, IRQ_LINE_MAX, IRQ_EDGE), E_RANGE);
    assert_int_equal(irq_request(&s.action, 40, IRQ_EDGE), E_RANGE); /* the controller's word */
    assert_int_equal(irq_request(&s.action, 9, IRQ_LEVEL_LOW), E_NOTSUP);
    assert_int_equal(irq_request(&s.action, 9, IRQ_EDGE), OK); /* the refusal left nothing */
    irq_release(&s.action);
}

static void test_spurious_is_counted_and_not_ended(void **state)
{
    (void)state;
    uint64_t before = irq_spurious_count();
    world_interrupt(SPURIOUS);
    assert_int_equal(irq_spurious_count(), before + 1);
}

static void test_a_line_that_nobody_asked_for_is_masked(void **state)
{
    (void)state;
    assert_false(world_line_is_masked(10));
    world_interrupt(10);
    assert_true(world_line_is_masked(10));
    assert_int_equal(world_eoi_count(10), 1);
}

static void test_a_storm_is_stopped(void **state)
{
    (void)state;
    struct irq_info info;
    struct source s = source("deaf");
    attach(&s, 11, IRQ_LEVEL_HIGH);
    for (int i = 0; i < 9999; i++) {
        world_interrupt(11);
    }
    s.raised = true; /* one that is claimed begins the count anew */
    world_interrupt(11);
    for (int i = 0; i < 9999; i++) {
        world_interrupt(11);
    }
    assert_false(world_line_is_masked(11));
    world_interrupt(11);
    assert_true(world_line_is_masked(11));
    assert_true(find(11, &info));
    assert_true(info.storming);
    assert_int_equal(info.unclaimed, 9999 + 10000);
    irq_release(&s.action);
    attach(&s, 11, IRQ_LEVEL_HIGH); /* a new beginning */
    assert_true(find(11, &info));
    assert_false(info.storming);
    assert_false(world_line_is_masked(11));
    irq_release(&s.action);
}

static struct semaphore event;

static enum irq_result wake(void *ctx)
{
    (void)ctx;
    semaphore_up(&event);
    world_note("handler");
    return IRQ_HANDLED;
}

static void wait_for_event(void *arg)
{
    (void)arg;
    assert_int_equal(semaphore_down(&event, WAIT_FOREVER), OK);
    assert_int_equal(hal_this_cpu()->irq_depth, 0);
    world_note("thread");
}

/* The switch comes after the handlers and the end of the interrupt, before the interrupted thread
 * goes on. */
static void test_a_woken_thread_runs_on_the_way_out(void **state)
{
    (void)state;
    semaphore_init(&event, 0, "event");
    struct irq_action action = {.handle = wake, .name = "wake"};
    assert_int_equal(irq_request(&action, 12, IRQ_EDGE), OK);
    struct thread *t = world_thread("t", 40, wait_for_event, NULL);
    world_interrupt(12);
    world_note("main");
    assert_string_equal(world_notes(), "handler thread main");
    world_join(t);

    t = world_thread("t", 40, wait_for_event, NULL);
    world_forget_notes();
    preempt_disable();
    world_interrupt(12);
    world_note("main");
    preempt_enable();
    assert_string_equal(world_notes(), "handler main thread");
    world_join(t);
    irq_release(&action);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_handler_runs_and_the_line_is_ended, reset),
        cmocka_unit_test_setup(test_a_shared_line_asks_everybody, reset),
        cmocka_unit_test_setup(test_bad_requests_are_refused, reset),
        cmocka_unit_test_setup(test_spurious_is_counted_and_not_ended, reset),
        cmocka_unit_test_setup(test_a_line_that_nobody_asked_for_is_masked, reset),
        cmocka_unit_test_setup(test_a_storm_is_stopped, reset),
        cmocka_unit_test_setup(test_a_woken_thread_runs_on_the_way_out, reset),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
