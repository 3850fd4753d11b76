// SPDX-License-Identifier: MIT
//
// Starting CPUs that fail to start properly (kernel/sched/smp.c), and requests between CPUs
// (kernel/base/ipi.c). The in-guest tests cover CPUs that start.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_failure.h"
#include "fake/world.h"
#include "hal/bootinfo.h"
#include "hal/irq.h"
#include "hal/smp.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "hal_arch/frame.h"
#include "kernel/base/clock.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"

static struct boot_info info;
static struct hal_cpu *told[4]; /* to start */
static unsigned told_count;
static enum status answer;
static uint64_t relaxed_ns;
static size_t journal_begins;

static enum status tell(struct hal_cpu *cpu)
{
    assert_true(told_count < 4);
    told[told_count++] = cpu;
    return answer;
}

static void time_passes(void)
{
    fake_counter += FAKE_COUNTER_HZ / 1000;
    relaxed_ns += NS_PER_MS;
}

/* The CPU that was started last initializes itself until it finds that it cannot work. */
static void it_refuses(void)
{
    time_passes();
    atomic_store(&told[told_count - 1]->state, HAL_CPU_REFUSED);
}

/* It arrives, and then never responds again. */
static void it_hangs(void)
{
    time_passes();
    atomic_store(&told[told_count - 1]->state, HAL_CPU_ARRIVED);
}

static int set_up(void **state)
{
    (void)state;
    fake_console_clear();
    journal_begins = strlen(fake_journal());
    fake_cpu.in_panic = false;
    fake_cpu.irq_depth = 0;
    atomic_store(&fake_cpu.state, HAL_CPU_ONLINE);
    atomic_store(&fake_cpu.asked, 0);
    memset(&info, 0, sizeof(info));
    info.cpu_count = 3;
    info.boot_cpu_hw_id = 5;
    for (uint32_t i = 0; i < 3; i++) {
        info.cpus[i] = (struct boot_cpu){.hw_id = 5 + i, .enabled = true};
    }
    told_count = 0;
    answer = OK;
    relaxed_ns = 0;
    fake_on_start = tell;
    fake_on_relax = time_passes;
    return 0;
}

static const char *journal(void)
{
    return fake_journal() + journal_begins;
}

static void expect_log(const char *line)
{
    assert_non_null(strstr(fake_console_text(), line));
}

/* It may still arrive, and then runs for a moment under the number that it was given. */
static void expect_no_other_under_its_number(void)
{
    assert_int_equal(told_count, 1);
    assert_int_equal(told[0]->id, 1);
    assert_int_equal(told[0]->hw_id, 6);
    assert_int_equal(atomic_load(&told[0]->state), HAL_CPU_REFUSED);
    assert_int_equal(cpus_count(), 1);
    expect_log("the CPU with firmware ID 0x6 is not used: ");
    expect_log("it may still start as CPU 1: no more CPUs are started");
    expect_log("1 of 3 CPUs run");
}

static void test_after_a_cpu_that_never_comes_no_other_is_started(void **state)
{
    (void)state;
    smp_start(&info, 0);
    expect_no_other_under_its_number();
    assert_true(relaxed_ns >= NS_PER_S && relaxed_ns < 10 * NS_PER_S); /* bounded */
}

static void test_a_cpu_that_comes_too_late_halts(void **state)
{
    (void)state;
    atomic_store(&fake_cpu.state, HAL_CPU_REFUSED);
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        upcall_cpu_main();
    }
    assert_int_equal(atomic_load(&fake_cpu.state), HAL_CPU_REFUSED);
    assert_int_equal(cpus_count(), 1);
}

static void test_a_cpu_refetches_before_it_reports_so(void **state)
{
    (void)state;
    smp_synchronise_fetch();
    assert_non_null(strstr(journal(), "icache"));
}

static void test_a_cpu_that_refuses_is_not_waited_for(void **state)
{
    (void)state;
    fake_on_relax = it_refuses;
    smp_start(&info, 0);
    assert_int_equal(told_count, 2); /* it halts: the next CPU is started under the same number */
    assert_int_equal(told[1]->id, told[0]->id);
    assert_ptr_not_equal(told[0], told[1]);
    assert_ptr_not_equal(told[0]->current, told[1]->current);
    assert_true(relaxed_ns <= 2 * NS_PER_MS);
    expect_log("1 of 3 CPUs run");
}

static void test_after_a_cpu_that_hangs_no_other_is_started(void **state)
{
    (void)state;
    fake_on_relax = it_hangs;
    smp_start(&info, 0);
    expect_no_other_under_its_number();
    assert_true(relaxed_ns < 10 * NS_PER_S);
}

static void test_firmwares_error_is_reported(void **state)
{
    (void)state;
    answer = E_BUSY;
    smp_start(&info, 0);
    expect_log(status_text(E_BUSY));
    assert_int_equal(relaxed_ns, 0);
}

static struct thread *idle_thread; /* of the CPU that was started last */

static enum status refuse_to_tell(struct hal_cpu *cpu)
{
    idle_thread = cpu->current;
    return E_IO;
}

/* A kill, or `ps`, locks the run queue of any unit that it finds. */
static void test_the_idle_thread_of_a_removed_cpu_is_on_a_running_one(void **state)
{
    (void)state;
    fake_on_start = refuse_to_tell;
    smp_start(&info, 0);
    assert_int_equal(idle_thread->state, THREAD_DEAD);
    assert_ptr_equal(atomic_load(&idle_thread->rq), hal_this_run_queue());
}

/* The CPU was never started. */
static void test_a_cpu_that_firmware_refuses_leaks_nothing(void **state)
{
    (void)state;
    struct heap_stats before, after;
    struct page_stats pages_before, pages_after;
    unsigned cpus = fake_platform_cpus;
    answer = E_NOTSUP;
    smp_start(&info, 0); /* a slab page and a page table stay allocated */
    (void)thread_trim();
    heap_get_stats(&before);
    page_get_stats(&pages_before);
    smp_start(&info, 0);
    (void)thread_trim();
    heap_get_stats(&after);
    page_get_stats(&pages_after);
    assert_int_equal(fake_platform_cpus, cpus);
    assert_int_equal(after.live_objects, before.live_objects);
    assert_int_equal(pages_after.by_owner[PAGE_KERNEL], pages_before.by_owner[PAGE_KERNEL]);
    assert_int_equal(pages_after.by_owner[PAGE_STACK], pages_before.by_owner[PAGE_STACK]);
}

static void test_without_memory_nothing_leaks(void **state)
{
    unsigned n = 0, before;
    do {
        set_up(state);
        info.cpu_count = 2;
        answer = E_BUSY;
        before = fake_platform_cpus;
        fake_fail_after(n++, FAIL_ONCE);
        smp_start(&info, 0);
        (void)fake_fail_stop();
        assert_int_equal(fake_platform_cpus, before); /* also after a refusal */
    } while (told_count == 0);
    assert_true(n > 3); /* its data, its queues, its idle thread */
}

static void test_a_cpu_with_an_id_too_long_is_not_started(void **state)
{
    (void)state;
    info.cpus[1].hw_id = WORLD_CPUS;
    info.cpu_count = 2;
    smp_start(&info, 0);
    assert_int_equal(told_count, 0);
    expect_log("firmware ID 0x50 is not used: ");
}

static void test_disabled_cpus_and_those_past_the_limit_are_not_started(void **state)
{
    (void)state;
    info.cpus[1].enabled = false;
    info.cpus[2].hw_id = info.boot_cpu_hw_id;
    smp_start(&info, 0);
    assert_int_equal(told_count, 0);
    set_up(state);
    smp_start(&info, 1);
    assert_int_equal(told_count, 0);
    expect_log("1 of 3 CPUs run");
}

/* One interrupt serves all requests, and a pending request is not sent again. */
static void test_requests_are_sent_once_and_served_once(void **state)
{
    (void)state;
    struct hal_cpu other = {.id = 1, .hw_id = 1};
    struct hal_frame frame = {.pc = 1};
    ipi_send(&other, HAL_IPI_REEVALUATE);
    ipi_send(&other, HAL_IPI_REEVALUATE);
    ipi_send(&other, HAL_IPI_MACHINE);
    ipi_send(&other, HAL_IPI_MACHINE);
    assert_string_equal(journal(), " ipi ipi");

    atomic_store(&fake_cpu.asked, HAL_IPI_REEVALUATE | HAL_IPI_MACHINE);
    ipi_poll(); /* serves urgent requests only, since any code may call it */
    assert_int_equal(atomic_load(&fake_cpu.asked), HAL_IPI_REEVALUATE);
    assert_string_equal(journal(), " ipi ipi served");
    assert_int_equal(ipi_receive(&frame), HAL_IPI_REEVALUATE);
    assert_int_equal(ipi_receive(&frame), 0);
    assert_string_equal(journal(), " ipi ipi served");
}

/* A CPU that watches its run queue gets no interrupt for it, but one for every other request. */
static void test_a_watching_cpu_is_not_interrupted(void **state)
{
    (void)state;
    struct hal_frame frame = {.pc = 1};
    ipi_begin_polling();
    assert_false(ipi_is_reevaluation_requested());
    ipi_send(&fake_cpu, HAL_IPI_REEVALUATE);
    assert_true(ipi_is_reevaluation_requested());
    assert_string_equal(journal(), "");
    ipi_send(&fake_cpu, HAL_IPI_CALL);
    assert_string_equal(journal(), " ipi");
    assert_int_equal(ipi_end_polling(), HAL_IPI_REEVALUATE);
    assert_int_equal(ipi_receive(&frame), HAL_IPI_CALL);
    ipi_begin_polling();
    assert_int_equal(ipi_end_polling(), 0);
    ipi_send(&fake_cpu, HAL_IPI_REEVALUATE); /* it no longer watches */
    assert_string_equal(journal(), " ipi ipi");
}

static void test_a_stopped_cpu_reports_where_it_was(void **state)
{
    (void)state;
    struct hal_frame frame = {.pc = 0x1234, .fp = 0x5678};
    atomic_store(&fake_cpu.asked, HAL_IPI_STOP);
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        (void)ipi_receive(&frame);
        fail();
    }
    assert_int_equal(atomic_load(&fake_cpu.state), HAL_CPU_STOPPED);
    assert_int_equal(fake_cpu.stopped_pc, 0x1234);
    assert_int_equal(fake_cpu.stopped_fp, 0x5678);
}

/* An NMI that is on its way also serves requests made meanwhile; on machines without NMIs
 * an ordinary interrupt is sent. */
static void test_an_nmi_is_sent_once(void **state)
{
    (void)state;
    struct hal_cpu other = {.id = 1, .hw_id = 1};
    ipi_send(&other, HAL_IPI_SHOW);
    ipi_send(&other, HAL_IPI_SHOW);
    ipi_send(&other, HAL_IPI_STOP);
    assert_string_equal(journal(), " nmi");
    assert_int_equal(atomic_load(&other.asked), HAL_IPI_SHOW | HAL_IPI_STOP);

    struct hal_cpu third = {.id = 2, .hw_id = 2};
    world_has_nmi = false;
    ipi_send(&third, HAL_IPI_SHOW);
    ipi_send(&third, HAL_IPI_SHOW);
    world_has_nmi = true;
    assert_string_equal(journal(), " nmi ipi");
}

/* The interrupted code may be in the middle of serving the other requests. */
static void test_an_nmi_serves_no_other_requests(void **state)
{
    (void)state;
    struct hal_frame frame = {.pc = 1};
    atomic_store(&fake_cpu.asked, HAL_IPI_REEVALUATE | HAL_IPI_MACHINE | HAL_IPI_SHOW);
    atomic_store(&fake_cpu.nmi_sent, true);
    upcall_nmi(&frame);
    assert_int_equal(atomic_load(&fake_cpu.asked), HAL_IPI_REEVALUATE | HAL_IPI_MACHINE);
    assert_string_equal(journal(), "");
}

static unsigned calls;

static void count_call(void *arg)
{
    calls += *(unsigned *)arg;
}

static void test_a_call_to_this_cpu_is_direct(void **state)
{
    (void)state;
    unsigned one = 1;
    hal_irq_enable();
    calls = 0;
    smp_call(0, count_call, &one);
    assert_int_equal(calls, 1);
    smp_do_calls(); /* no request is left */
    assert_int_equal(calls, 1);
    smp_call_all(count_call, &one); /* of one */
    assert_int_equal(calls, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_after_a_cpu_that_never_comes_no_other_is_started, set_up),
        cmocka_unit_test_setup(test_a_cpu_that_comes_too_late_halts, set_up),
        cmocka_unit_test_setup(test_a_cpu_that_refuses_is_not_waited_for, set_up),
        cmocka_unit_test_setup(test_a_cpu_refetches_before_it_reports_so, set_up),
        cmocka_unit_test_setup(test_after_a_cpu_that_hangs_no_other_is_started, set_up),
        cmocka_unit_test_setup(test_firmwares_error_is_reported, set_up),
        cmocka_unit_test_setup(test_the_idle_thread_of_a_removed_cpu_is_on_a_running_one, set_up),
        cmocka_unit_test_setup(test_a_cpu_that_firmware_refuses_leaks_nothing, set_up),
        cmocka_unit_test_setup(test_without_memory_nothing_leaks, set_up),
        cmocka_unit_test_setup(test_a_cpu_with_an_id_too_long_is_not_started, set_up),
        cmocka_unit_test_setup(test_disabled_cpus_and_those_past_the_limit_are_not_started, set_up),
        cmocka_unit_test_setup(test_requests_are_sent_once_and_served_once, set_up),
        cmocka_unit_test_setup(test_a_watching_cpu_is_not_interrupted, set_up),
        cmocka_unit_test_setup(test_a_stopped_cpu_reports_where_it_was, set_up),
        cmocka_unit_test_setup(test_an_nmi_is_sent_once, set_up),
        cmocka_unit_test_setup(test_an_nmi_serves_no_other_requests, set_up),
        cmocka_unit_test_setup(test_a_call_to_this_cpu_is_direct, set_up),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
