// SPDX-License-Identifier: MIT
//
// Interrupts by line: sharing, claims, storms, and the thread switch at the end.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/io/irq.h"
#include "kernel/sched/mutex.h"

#define SPURIOUS 99u /* a line that the fake controller does not have */

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

static enum irq_result compute(void *ctx)
{
    fake_counter += *(uint64_t *)ctx;
    return IRQ_HANDLED;
}

/* The time in handlers, by line and by CPU, and by no other CPU. */
static void test_time_in_handlers_is_counted(void **state)
{
    (void)state;
    uint64_t ticks = FAKE_COUNTER_HZ / 1000; /* 1 ms */
    struct irq_action action = {.handle = compute, .ctx = &ticks, .name = "slow"};
    struct irq_info info;
    struct irq_share share;
    assert_false(irq_get_share(20, 0, &share));
    assert_int_equal(irq_request(&action, 20, IRQ_EDGE), OK);
    for (int i = 0; i < 3; i++) {
        world_interrupt(20);
    }
    assert_true(find(20, &info));
    assert_in_range(info.busy_ns, 3 * NS_PER_MS - 10, 3 * NS_PER_MS + 1000);
    assert_true(irq_get_share(20, 0, &share));
    assert_int_equal(share.count, 3);
    assert_int_equal(share.busy_ns, info.busy_ns);
    assert_true(irq_get_share(20, CPU_MAX - 1, &share));
    assert_int_equal(share.count, 0);
    assert_int_equal(share.busy_ns, 0);
    assert_false(irq_get_share(20, CPU_MAX, &share));
    irq_release(&action);
}

/* tests/kernel/test_irq.c tests routing with real lines and CPUs. */
static void test_only_a_line_in_use_goes_to_a_cpu_that_is_online(void **state)
{
    (void)state;
    static struct source own; /* stays attached */
    struct irq_info info;
    struct source s = source("one");
    own = source("own");
    own.action.ctx = &own;
    assert_int_equal(irq_request_private(&own.action, 22, IRQ_EDGE), OK);
    assert_int_equal(irq_set_cpu(21, 0), E_NODEV);
    attach(&s, 21, IRQ_EDGE);
    assert_int_equal(irq_set_cpu(21, 0), OK);
    assert_int_equal(irq_set_cpu(21, 1), E_INVAL);
    assert_int_equal(irq_set_cpu(21, CPU_MAX), E_INVAL);
    assert_int_equal(irq_set_cpu(IRQ_LINE_MAX, 0), E_NODEV);
    assert_int_equal(irq_set_cpu(22, 0), E_NOTSUP);
    assert_true(find(22, &info));
    assert_true(info.is_private);
    assert_true(find(21, &info));
    assert_false(info.is_private);
    irq_release(&s.action);
    assert_int_equal(irq_set_cpu(21, 0), E_NODEV);
}

static void test_a_shared_line_asks_every_handler(void **state)
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
    assert_string_equal(info.names[2], "");
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
    assert_int_equal(irq_request(&s.action, 40, IRQ_EDGE), E_RANGE); /* the controller's error */
    assert_int_equal(irq_request(&s.action, 9, IRQ_LEVEL_LOW), E_NOTSUP);
    /* the refused request left no trace */
    assert_int_equal(irq_request(&s.action, 9, IRQ_EDGE), OK);
    irq_release(&s.action);
}

static void test_spurious_is_counted_and_not_ended(void **state)
{
    (void)state;
    struct irq_totals before, after;
    irq_get_totals(&before);
    world_interrupt(SPURIOUS);
    irq_get_totals(&after);
    assert_int_equal(after.spurious, before.spurious + 1);
    assert_int_equal(after.unowned, before.unowned);
}

static void test_a_line_without_a_handler_is_masked(void **state)
{
    (void)state;
    assert_false(world_line_is_masked(10));
    world_interrupt(10);
    assert_true(world_line_is_masked(10));
    assert_int_equal(world_eoi_count(10), 1);
    assert_non_null(strstr(fake_console_text(), "line 10 masked: no driver ever requested it"));
}

/* A device sends an interrupt that was never configured: nothing can mask it. It is counted, not
 * ended a second time, and does not flood the log. */
static void test_a_vector_without_a_line_is_counted(void **state)
{
    (void)state;
    struct irq_totals before, after;
    irq_get_totals(&before);
    size_t logged = strlen(fake_console_text());
    for (int i = 0; i < 1000; i++) {
        world_interrupt(WORLD_STRAY);
    }
    irq_get_totals(&after);
    assert_int_equal(after.unowned, before.unowned + 1000);
    assert_int_equal(after.spurious, before.spurious);
    assert_non_null(
        strstr(fake_console_text(), "interrupt with vector 0x62, which belongs to no line"));
    assert_true(strlen(fake_console_text()) - logged < 1000);
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
    s.raised = true; /* a claimed interrupt restarts the count */
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
    assert_non_null(strstr(fake_console_text(), "line 11 masked: it came 10000 times in a row"));
    assert_non_null(strstr(fake_console_text(), "handlers: deaf; \"irq resume 11\""));
    irq_release(&s.action);
    attach(&s, 11, IRQ_LEVEL_HIGH); /* a new beginning */
    assert_true(find(11, &info));
    assert_false(info.storming);
    assert_false(world_line_is_masked(11));
    irq_release(&s.action);
}

/* Like test_a_storm_is_stopped(); then the user's command unmasks the line. */
static void test_a_stormed_line_is_resumed(void **state)
{
    (void)state;
    struct source a = source("a"), b = source("b");
    assert_int_equal(irq_resume(13), E_NODEV);
    assert_int_equal(irq_resume(IRQ_LINE_MAX), E_NODEV);
    attach(&a, 13, IRQ_LEVEL_HIGH);
    attach(&b, 13, IRQ_LEVEL_HIGH);
    assert_int_equal(irq_resume(13), E_INVAL);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < IRQ_STORM_UNCLAIMED; i++) {
            world_interrupt(13);
        }
        assert_true(world_line_is_masked(13));
        assert_int_equal(irq_resume(13), OK);
        assert_false(world_line_is_masked(13));
    }
    b.raised = true;
    world_interrupt(13);
    assert_int_equal(b.action.count, 1);
    irq_release(&a.action);
    irq_release(&b.action);
    assert_int_equal(irq_resume(13), E_NODEV);
}

static unsigned gate_state; /* 1 open, 2 closed */

static void gate(struct irq_action *action, bool is_open)
{
    assert_string_equal(action->name, "gated");
    gate_state = is_open ? 1 : 2;
}

/* Only the device can hold back a message: it is masked there and
 * stays unmasked in the controller. */
static void test_a_storm_of_messages_is_stopped_at_its_device(void **state)
{
    (void)state;
    for (unsigned gates_storms = 0; gates_storms < 2; gates_storms++) {
        struct source s = source("gated");
        s.action.gate = gate;
        s.action.gates_storms = gates_storms != 0;
        attach(&s, 14, IRQ_EDGE);
        assert_int_equal(gate_state, 1);
        for (unsigned i = 0; i < IRQ_STORM_UNCLAIMED; i++) {
            world_interrupt(14);
        }
        assert_int_equal(gate_state, s.action.gates_storms ? 2 : 1);
        assert_int_equal(irq_resume(14), OK);
        assert_int_equal(gate_state, 1);
        irq_release(&s.action);
        assert_int_equal(gate_state, 2);
    }
}

static void test_an_entry_that_joins_a_storm_stays_masked(void **state)
{
    (void)state;
    struct source a = source("stormy"), s = source("gated");
    attach(&a, 14, IRQ_EDGE);
    for (unsigned i = 0; i < IRQ_STORM_UNCLAIMED; i++) {
        world_interrupt(14);
    }
    s.action.gate = gate;
    s.action.gates_storms = true;
    attach(&s, 14, IRQ_EDGE);
    assert_int_equal(gate_state, 2);
    assert_int_equal(irq_resume(14), OK);
    assert_int_equal(gate_state, 1);
    irq_release(&s.action);
    irq_release(&a.action);
}

static enum irq_result claim(void *ctx)
{
    (void)ctx;
    return IRQ_HANDLED;
}

#define STUCK (9 * 1024u) /* more claimed interrupts at one instruction than are allowed */

/* Handlers claim the interrupt but never quiet their device: the
 * interrupted thread makes no progress. */
static void test_a_claimed_storm_is_stopped(void **state)
{
    (void)state;
    struct irq_info info;
    struct irq_action liar = {.handle = claim, .name = "liar"};
    assert_int_equal(irq_request(&liar, 15, IRQ_LEVEL_HIGH), OK);
    for (unsigned i = 0; i < STUCK - 1; i++) {
        world_interrupt(15);
    }
    assert_false(world_line_is_masked(15));
    world_interrupt(15);
    assert_true(world_line_is_masked(15));
    assert_true(find(15, &info));
    assert_true(info.storming);
    assert_int_equal(info.unclaimed, 0);
    assert_non_null(strstr(fake_console_text(), "line 15 masked: its handlers claim it"));
    irq_release(&liar);
}

/* With a busy device the interrupted thread makes progress, or time passes in between. */
static void test_a_busy_line_is_no_storm(void **state)
{
    (void)state;
    struct irq_action busy = {.handle = claim, .name = "busy"};
    assert_int_equal(irq_request(&busy, 15, IRQ_LEVEL_HIGH), OK);
    for (unsigned i = 0; i < 3 * (STUCK - 1024); i++) {
        world_interrupt_at(15, WORLD_KERNEL_PC + 4 * (i / (STUCK - 1024)));
    }
    for (unsigned i = 0; i < 3 * STUCK; i++) {
        world_interrupt(15);
        fake_counter += FAKE_COUNTER_HZ / 8000;
    }
    assert_false(world_line_is_masked(15));
    irq_release(&busy);
}

/* Line numbers have gaps; lines after a gap work like any other. */
static void test_lines_far_apart(void **state)
{
    (void)state;
    struct irq_info info;
    struct source far = source("far");
    attach(&far, WORLD_FAR_LINE, IRQ_EDGE);
    far.raised = true;
    world_interrupt(WORLD_FAR_LINE);
    assert_int_equal(far.action.count, 1);
    assert_true(find(WORLD_FAR_LINE, &info));
    assert_int_equal(info.handlers, 1);
    irq_release(&far.action);
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

/* The switch comes after the handlers and the end of interrupt, before the
 * interrupted thread continues. */
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
        cmocka_unit_test_setup(test_time_in_handlers_is_counted, reset),
        cmocka_unit_test_setup(test_only_a_line_in_use_goes_to_a_cpu_that_is_online, reset),
        cmocka_unit_test_setup(test_a_shared_line_asks_every_handler, reset),
        cmocka_unit_test_setup(test_bad_requests_are_refused, reset),
        cmocka_unit_test_setup(test_spurious_is_counted_and_not_ended, reset),
        cmocka_unit_test_setup(test_a_line_without_a_handler_is_masked, reset),
        cmocka_unit_test_setup(test_a_vector_without_a_line_is_counted, reset),
        cmocka_unit_test_setup(test_a_storm_is_stopped, reset),
        cmocka_unit_test_setup(test_a_stormed_line_is_resumed, reset),
        cmocka_unit_test_setup(test_a_storm_of_messages_is_stopped_at_its_device, reset),
        cmocka_unit_test_setup(test_an_entry_that_joins_a_storm_stays_masked, reset),
        cmocka_unit_test_setup(test_a_claimed_storm_is_stopped, reset),
        cmocka_unit_test_setup(test_a_busy_line_is_no_storm, reset),
        cmocka_unit_test_setup(test_lines_far_apart, reset),
        cmocka_unit_test_setup(test_a_woken_thread_runs_on_the_way_out, reset),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
