// SPDX-License-Identifier: MIT
//
// Requests for a CPU's state that are served in time, too late, and never. In this test the CPU
// serves its own request, in place of an interrupt.
#include "kernel/sched/cpu_snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "hal/smp.h"
#include "hal/upcall.h"
#include "hal_arch/frame.h"
#include "kernel/base/clock.h"
#include "kernel/sched/thread.h"

#define LIMIT_NS NS_PER_S

static uint64_t waited_ns;
static struct cpu_snapshot look;
static char text[1024];

static void time_passes(void)
{
    fake_counter += FAKE_COUNTER_HZ / 1000;
    waited_ns += NS_PER_MS;
}

#define RECORD_WORDS 6u

static uintptr_t *record; /* frame record of a call chain */

/* A call chain of two records; a third ends it. */
static struct hal_frame make_chain(void)
{
    record[0] = (uintptr_t)&record[2];
    record[1] = 0x1000;
    record[2] = (uintptr_t)&record[4];
    record[3] = 0x2000;
    record[4] = record[5] = 0;
    return (struct hal_frame){.pc = 0x500, .fp = (uintptr_t)record, .irqs_enabled = true};
}

static void answer(void)
{
    struct hal_frame frame = make_chain();
    time_passes();
    upcall_nmi(&frame);
}

static int set_up(void **state)
{
    static uintptr_t on_no_stack[RECORD_WORDS];
    (void)state;
    cpu_snapshot_init();
    record = on_no_stack;
    waited_ns = 0;
    text[0] = '\0';
    memset(&look, 0x55, sizeof(look));
    fake_on_relax = time_passes;
    return 0;
}

static void keep(void *ctx, const char *line)
{
    (void)ctx;
    strncat(text, line, sizeof(text) - strlen(text) - 2);
    strcat(text, "\n");
}

static void ask_once(void *arg)
{
    *(enum status *)arg = cpu_snapshot(0, LIMIT_NS, &look);
}

/* The kernel's stack for this thread. The thread runs on one of the
 * host's, so this one is unused. */
static void ask_with_a_chain(void *arg)
{
    record = (uintptr_t *)thread_current()->context.stack_hi - RECORD_WORDS;
    ask_once(arg);
}

static void test_a_report_has_chain_and_registers(void **state)
{
    (void)state;
    enum status s = E_IO;
    fake_on_relax = answer;
    (void)world_join(world_thread("asks", PRIO_NORMAL, ask_with_a_chain, &s));
    assert_int_equal(s, OK);
    assert_int_equal(waited_ns, NS_PER_MS);
    assert_int_equal(look.pc, 0x500);
    assert_int_equal(look.depth, 2);
    assert_true(look.irqs_enabled);
    cpu_snapshot_print(&look, keep, NULL);
    assert_non_null(strstr(text, "#0 0x0000000000000500\n#1 0x0000000000001000\n"
                                 "#2 0x0000000000002000\n"));
    assert_non_null(strstr(text, "pc 0000000000000500"));
}

static void test_a_late_report_is_discarded(void **state)
{
    (void)state;
    assert_int_equal(cpu_snapshot(0, LIMIT_NS, &look), E_TIMEDOUT);
    answer();
    assert_int_equal(look.depth, 0x55555555); /* nothing was written */
    fake_on_relax = answer;
    assert_int_equal(cpu_snapshot(0, LIMIT_NS, &look), OK);
}

static void test_no_response_ends_the_wait(void **state)
{
    (void)state;
    assert_int_equal(cpu_snapshot(0, LIMIT_NS, &look), E_TIMEDOUT);
    assert_true(waited_ns >= LIMIT_NS && waited_ns < 2 * LIMIT_NS);
}

static enum status nested;

static void ask_again(void)
{
    fake_on_relax = answer;
    nested = cpu_snapshot(0, LIMIT_NS, &look);
}

static void test_one_request_at_a_time(void **state)
{
    (void)state;
    enum status s = E_IO;
    nested = OK;
    fake_on_relax = ask_again;
    atomic_store(&fake_cpu.nmi_sent, false);
    (void)world_join(world_thread("asks", PRIO_NORMAL, ask_once, &s));
    assert_int_equal(nested, E_BUSY);
    assert_int_equal(s, OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_report_has_chain_and_registers, set_up),
        cmocka_unit_test_setup(test_no_response_ends_the_wait, set_up),
        cmocka_unit_test_setup(test_a_late_report_is_discarded, set_up),
        cmocka_unit_test_setup(test_one_request_at_a_time, set_up),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
