// SPDX-License-Identifier: MIT
//
// What only the CPU's exception entry decides: the saved state of the interrupted code, the stack
// on which a fault is handled, and what remains afterwards.
#include "hal/context.h"
#include "hal/layout.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/base/clock.h"
#include "kernel/fault/fault.h"
#include "kernel/sched/pin.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "tests/kernel/taken.h"
#include "tests/kernel/tests.h"

#define OVERFLOWS  20
#define STORM_NS   20000
#define PATIENCE   1000 /* sleeps */
#define EXIT_VALUE 7

/* The report of the last overflow. */
static struct {
    unsigned count;
    bool has_address, in_guard, may_sleep;
    uintptr_t pc;
} seen;

static struct thread *victim;
static volatile uint64_t storm_fires;
static volatile bool storm_is_on;

static void vectors_catch_a_deliberate_trap(void)
{
    TEST_EQUAL(hal_trap_selftest(), 1);
}

static void storm_fire(struct timer *t)
{
    storm_fires++;
    if (storm_is_on) {
        t->deadline_ns = clock_now_ns() + STORM_NS;
        timer_start(t);
    }
}

/* Not a tail call, and with a frame that the compiler cannot omit. */
static NOINLINE unsigned recurse(unsigned depth)
{
    volatile unsigned frame[8];
    frame[depth % 8] = depth;
    if (depth == UINT32_MAX) {
        return 0;
    }
    return recurse(depth + 1) + frame[depth % 8];
}

static void run_into_the_guard(void *arg)
{
    (void)arg;
    victim = thread_current();
    thread_exit((int)recurse(0));
}

static void leave(void *arg)
{
    (void)arg;
    thread_exit(EXIT_VALUE);
}

static bool end_the_victim(struct fault_owner *self, struct fault *fault)
{
    (void)self;
    if (fault->cause != FAULT_STACK_OVERFLOW || thread_current() != victim) {
        return false;
    }
    seen.count++;
    seen.has_address = fault->has_address;
    seen.in_guard = upcall_is_stack_guard(fault->address);
    seen.may_sleep = fault->may_sleep;
    seen.pc = fault->pc;
    fault_resume_at(fault->frame, (uintptr_t)victim->context.stack_hi, leave, NULL);
    return true;
}

static void overflow_once(void)
{
    const struct thread_options options = {
        .name = "overflow", .entry = run_into_the_guard, .priority = PRIO_NORMAL};
    struct thread *t = NULL;
    int value = 0;
    if (thread_create(&options, &t) != OK) {
        test_fail(__FILE__, __LINE__, "no thread");
        return;
    }
    TEST_EQUAL(test_join(t, &value), OK);
    TEST_EQUAL(value, EXIT_VALUE);
}

static struct fault_owner text_owner(void)
{
    return (struct fault_owner){.base = (uintptr_t)__extension_text_start,
                                .size = (size_t)(__extension_text_end - __extension_text_start),
                                .name = "test",
                                .handle = end_the_victim};
}

/* It is reported as an overflow of the code that caused it, and the
 * handler can redirect its frame. */
static void stack_overflow_is_a_fault_like_any_other(void)
{
    struct fault_owner owner = text_owner();
    seen.count = 0;
    fault_own_code(&owner);
    overflow_once();
    fault_disown(&owner);
    TEST_EQUAL(seen.count, 1);
    TEST_CHECK(seen.has_address && seen.in_guard && !seen.may_sleep);
    TEST_CHECK(seen.pc - (uintptr_t)recurse < 256);
}

/* An interrupt that finds the stack nearly full is neither lost nor blamed for an overflow. */
static void stack_overflow_under_interrupts_is_the_same(void)
{
    struct fault_owner owner = text_owner();
    struct timer storm = {.fire = storm_fire, .deadline_ns = clock_now_ns()};
    storm_fires = 0;
    storm_is_on = true;
    seen.count = 0;
    fault_own_code(&owner);
    timer_start(&storm);
    for (unsigned i = 0; i < OVERFLOWS; i++) {
        overflow_once();
    }
    uint64_t fires = storm_fires;
    /* The controller still delivers interrupts. The host decides how soon,
     * because a sleep may end by itself. */
    for (unsigned i = 0; i < PATIENCE && storm_fires == fires; i++) {
        TEST_EQUAL(thread_sleep(STORM_NS), OK);
    }
    TEST_CHECK(storm_fires > fires);
    storm_is_on = false;
    timer_cancel(&storm);
    fault_disown(&owner);
    TEST_EQUAL(seen.count, OVERFLOWS);
}

static unsigned handler_depth, handler_depth_max;

/* The first page's handler touches the second page, and sleeps. */
static bool sleep_and_nest(struct vm_range *range, struct fault *fault)
{
    handler_depth++;
    handler_depth_max = MAX(handler_depth, handler_depth_max);
    size_t page = (fault->address - range->base) / PAGE_SIZE;
    bool done = fault->may_sleep && thread_sleep(NS_PER_US) == OK;
    if (done && page == 0) {
        done = hal_probe_write8((uint8_t *)range->base + PAGE_SIZE, 1);
    }
    done = done && vm_populate(range, page, 1, PROT_R | PROT_W, PAGE_OTHER) == OK;
    handler_depth--;
    return done;
}

static void fault_handler_may_sleep_and_fault(void)
{
    struct vm_range range;
    const struct vm_request request = {.pages = 2, .region = HAL_REGION_VM, .name = "test"};
    if (vm_reserve(&range, &request) != OK) {
        test_fail(__FILE__, __LINE__, "no address space");
        return;
    }
    range.fault = sleep_and_nest;
    handler_depth = handler_depth_max = 0;
    volatile uint8_t *p = (volatile uint8_t *)range.base;
    bool is_there = hal_probe_write8((uint8_t *)range.base + 5, 9);
    TEST_CHECK(is_there);
    if (is_there) {
        TEST_EQUAL(p[5], 9);
        TEST_EQUAL(p[PAGE_SIZE], 1);
        TEST_EQUAL(handler_depth_max, 2);
    }
    pin_leave_range(&range);
    vm_unmap(&range, 0, 2, true);
    vm_release(&range);
}

/* Memory below a stack pointer without room may be a guard page or another object: neither entry to
 * a trap nor return from it touches it. The probe's only use of the stack is the return address. */
static void trap_without_room_writes_nothing_below_the_stack(void)
{
    enum { TOP = 64, PATTERN = TOP - 8, GUARD_PAGES = HAL_STACK_SIZE / PAGE_SIZE };
    const struct vm_request request = {.pages = GUARD_PAGES + 1,
                                       .align = HAL_STACK_ALIGN,
                                       .region = HAL_REGION_VM,
                                       .name = "test"};
    struct vm_range range;
    TEST_NEED(take_pages(&range, &request, GUARD_PAGES, 1));
    uint8_t *bottom = (uint8_t *)(uintptr_t)range.base + HAL_STACK_SIZE;
    memset(bottom, 0x5a, PATTERN);
    uintptr_t (*probe)(void *) = (uintptr_t(*)(void *))(uintptr_t)hal_probe_read8;
    uintptr_t answer = hal_stack_call((vaddr_t)(uintptr_t)(bottom + TOP), probe, bottom - 1);
    TEST_EQUAL((uint8_t)answer, 0);
    for (unsigned i = 0; i < PATTERN; i++) {
        TEST_EQUAL(bottom[i], 0x5a);
    }
    vm_unmap(&range, GUARD_PAGES, 1, true);
    vm_release(&range);
}

const struct kernel_test trap_tests[] = {
    {"trap.vectors_catch_a_deliberate_trap", vectors_catch_a_deliberate_trap, TEST_ON_CPUS},
    {"trap.stack_overflow_is_a_fault_like_any_other", stack_overflow_is_a_fault_like_any_other,
     TEST_ON_CPUS},
    {"trap.stack_overflow_under_interrupts_is_the_same",
     stack_overflow_under_interrupts_is_the_same, TEST_ON_CPUS},
    {"trap.fault_handler_may_sleep_and_fault", fault_handler_may_sleep_and_fault, TEST_ON_CPUS},
    {"trap.trap_without_room_writes_nothing_below_the_stack",
     trap_without_room_writes_nothing_below_the_stack, TEST_ON_CPUS},
    {0},
};
