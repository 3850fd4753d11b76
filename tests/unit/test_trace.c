// SPDX-License-Identifier: MIT
//
// The trace ring: what it keeps, what it loses, that nothing is written while it is off; names; and
// the records of switches, wakes and interrupts.
#include "kernel/trace/report/trace_control.h"
#include "kernel/trace/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "hal/calls.h"
#include "hal/context.h"
#include "hal/cpu.h"
#include "kernel/io/irq.h"
#include "kernel/trace/trace_calls.h"

static struct trace_info info(void)
{
    struct trace_info i;
    assert_true(trace_get_info(0, &i));
    return i;
}

static struct trace_record read_at(uint64_t at)
{
    struct trace_record r;
    assert_true(trace_read(0, at, &r));
    return r;
}

/* The first record of this event from *at on; *at moves to the one after it. */
static struct trace_record next(uint64_t *at, enum trace_event event)
{
    for (; *at < info().end; (*at)++) {
        struct trace_record r = read_at(*at);
        if (r.event == event) {
            (*at)++;
            return r;
        }
    }
    fail_msg("no record of event %d", event);
    return (struct trace_record){.event = TRACE_NONE};
}

static void test_without_a_ring_nothing_happens(void **state)
{
    (void)state;
    struct trace_info i;
    struct trace_record r;
    assert_false(trace_is_on());
    trace(TRACE_IRQ, 0, 1, 2);
    trace_record(TRACE_IRQ, 0, 1, 2); /* a writer that checked before tracing was switched off */
    assert_false(trace_get_info(0, &i));
    assert_false(trace_get_info(CPU_MAX, &i));
    assert_false(trace_read(0, 0, &r));
    trace_stop();
}

static void test_a_record_is_read_back(void **state)
{
    (void)state;
    assert_int_equal(trace_start(), OK);
    assert_int_equal(trace_start(), E_BUSY);
    uint64_t at = info().end;
    uint64_t before = hal_counter_read();
    trace(TRACE_BLOCK, 0xabcdef, UINT64_MAX, 1234567890123u);
    struct trace_record r = read_at(at);
    assert_int_equal(r.event, TRACE_BLOCK);
    assert_int_equal(r.extra, 0xabcdef);
    assert_int_equal(r.a, UINT64_MAX);
    assert_int_equal(r.b, 1234567890123u);
    assert_int_equal(r.thread, thread_current()->id);
    assert_true(r.counter >= before && r.counter <= hal_counter_read());
    trace(TRACE_RUN, 0x1234567, 0, 0); /* truncated; no other field changes */
    r = read_at(at + 1);
    assert_int_equal(r.extra, 0x234567);
    assert_int_equal(r.event, TRACE_RUN);
    assert_int_equal(r.thread, thread_current()->id);
    assert_false(trace_read(0, at + 2, &r));
    trace_stop();
    trace(TRACE_IRQ, 0, 1, 2);
    assert_int_equal(info().end, at + 2);
}

static void test_a_name_is_truncated_and_terminated(void **state)
{
    (void)state;
    assert_int_equal(trace_start(), OK);
    uint64_t at = info().end;
    trace_name(TRACE_LOAD, 0, "ab");
    trace_name(TRACE_LOAD, 0, "0123456789abcdefghi");
    struct trace_record r = read_at(at);
    char text[TRACE_NAME_MAX];
    memcpy(text, &r.a, 8);
    memcpy(text + 8, &r.b, 8);
    assert_memory_equal(text, "ab\0\0\0\0\0\0\0\0\0\0\0\0\0", sizeof text);
    r = read_at(at + 1);
    memcpy(text, &r.a, 8);
    memcpy(text + 8, &r.b, 8);
    assert_memory_equal(text, "0123456789abcdef", sizeof text);
    trace_stop();
}

static void test_the_oldest_records_are_dropped_first(void **state)
{
    (void)state;
    assert_int_equal(trace_start(), OK);
    uint64_t begin = info().first, fit = info().capacity;
    assert_true(fit >= 1000);
    for (uint64_t i = 0; i < 3 * fit; i++) {
        trace(TRACE_IRQ, 0, i, ~i);
        assert_int_equal(read_at(begin + i).a, i);
    }
    struct trace_info now = info();
    struct trace_record r;
    assert_int_equal(now.end, begin + 3 * fit);
    assert_int_equal(now.end - now.first, fit);
    assert_int_equal(now.lost, 2 * fit);
    assert_false(trace_read(0, now.first - 1, &r));
    for (uint64_t at = now.first; at < now.end; at++) {
        r = read_at(at);
        assert_int_equal(r.a, at - begin);
        assert_int_equal(r.b, ~r.a);
    }
    trace_stop();
    assert_int_equal(trace_start(), OK); /* starts empty, in the same memory */
    assert_int_equal(info().first, now.end);
    assert_int_equal(info().lost, 0);
    assert_false(trace_read(0, now.end - 1, &r));
    trace_stop();
}

static void wait_for_it(void *arg)
{
    assert_int_equal(completion_wait(arg, WAIT_FOREVER), OK);
}

static enum irq_result signal_it(void *ctx)
{
    completion_signal(ctx);
    return IRQ_HANDLED;
}

static void test_threads_and_interrupts_leave_records(void **state)
{
    (void)state;
    static struct completion done;
    struct irq_action action = {.handle = signal_it, .ctx = &done, .name = "test"};
    completion_init(&done, "test");
    assert_int_equal(irq_request(&action, 7, IRQ_EDGE), OK);
    assert_int_equal(trace_start(), OK);
    uint64_t at = info().end;
    uint32_t self = thread_current()->id;
    struct thread *t = world_thread("waits", PRIO_HIGH, wait_for_it, &done);
    uint32_t id = t->id;
    world_interrupt(7);
    assert_int_equal(world_join(t), 0);
    trace_stop();
    irq_release(&action);

    struct trace_record r = next(&at, TRACE_START);
    assert_int_equal(r.a, id);
    assert_int_equal(r.thread, self);
    r = next(&at, TRACE_SWITCH); /* it has a higher priority, and waits at once */
    assert_int_equal(r.thread, self);
    assert_int_equal(r.a, id);
    assert_int_equal(r.b, PRIO_HIGH);
    assert_int_equal(r.extra, THREAD_READY);
    r = next(&at, TRACE_SWITCH);
    assert_int_equal(r.thread, id);
    assert_int_equal(r.extra, THREAD_BLOCKED);
    r = next(&at, TRACE_IRQ);
    assert_int_equal(r.a, 7);
    r = next(&at, TRACE_WAKE);
    assert_int_equal(r.a, id);
    r = next(&at, TRACE_IRQ_END);
    assert_int_equal(r.a, 7);
    r = next(&at, TRACE_EXIT);
    assert_int_equal(r.thread, id);
    assert_memory_equal(&r.a, "waits\0\0", 8);
    r = next(&at, TRACE_SWITCH);
    assert_int_equal(r.extra, THREAD_DEAD);
}

/* The slots of calls are above the frame records of their functions. The second call never
 * returns; the last one replaced the one before. */
static void test_where_a_timed_function_returns_is_found(void **state)
{
    (void)state;
    const uint64_t timed = (uintptr_t)hal_call_return;
    struct hal_calls calls = {.used = 4 * sizeof(struct hal_call),
                              .calls = {{.slot = 0x1080, .back = 1},
                                        {.slot = 0x1040, .back = 2},
                                        {.slot = 0x1010, .back = 3},
                                        {.slot = 0x1010, .back = timed}}};
    struct hal_context *t = (struct hal_context *)hal_this_thread();
    struct hal_calls *before = t->calls;
    t->calls = NULL;
    assert_int_equal(trace_call_returns(timed, 0x1008, 0x2000), timed);
    t->calls = &calls;
    assert_int_equal(trace_call_returns(9, 0x1008, 0x2000), 9);
    assert_int_equal(trace_call_returns(timed, 0x1008, 0x2000), 3);
    assert_int_equal(trace_call_returns(timed, 0x1060, 0x2000), 1);
    assert_int_equal(trace_call_returns(timed, 0x1060, 0x1070), timed); /* of another stack */
    calls.used = sizeof(struct hal_call);
    assert_int_equal(trace_call_returns(timed, 0x1008, 0x2000), 1);
    t->calls = before;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_ring_nothing_happens),
        cmocka_unit_test(test_a_record_is_read_back),
        cmocka_unit_test(test_a_name_is_truncated_and_terminated),
        cmocka_unit_test(test_the_oldest_records_are_dropped_first),
        cmocka_unit_test(test_threads_and_interrupts_leave_records),
        cmocka_unit_test(test_where_a_timed_function_returns_is_found),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
