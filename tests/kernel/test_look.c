// SPDX-License-Identifier: MIT
//
// Reports of what a CPU is doing: from a CPU that masks interrupts, and many times during
// everything that a non-maskable interrupt could disturb.
#include "kernel/sched/cpu_snapshot.h"

#include "hal/irq.h"
#include "hal/mmu.h"
#include "hal/smp.h"
#include "hal/trap.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/log_console.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/thread.h"
#include "tests/kernel/on_cpus.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/tests.h"

#include <stdatomic.h>

#define PATIENCE_NS (60 * NS_PER_S) /* a busy host may suspend a CPU for seconds */
#define QUESTIONS   64u             /* each waits for another CPU, which a busy host may suspend */
#define STORM       10000u          /* takes minutes on such a host */
#define PAGES       16u

extern const uint8_t test_program_calls[], test_program_calls_end[];

/* A GICv2 has no interrupt for our use that hal_irq_save() does not mask. */
static bool has_nmi(void)
{
    return strcmp(machine_irq_controller()->name, "gicv2") != 0;
}

/* ---- where interrupts are masked ---- */

struct lines {
    const char *wanted;
    bool found;
};

static void search(void *ctx, const char *line)
{
    struct lines *lines = ctx;
    lines->found |= str_contains(line, lines->wanted);
}

static bool names(const struct cpu_snapshot *look, const char *text)
{
    struct lines lines = {.wanted = text};
    cpu_snapshot_print(look, search, &lines);
    return lines.found;
}

static _Atomic bool is_stuck, may_go;

static NOINLINE void stand_still(void)
{
    irq_state_t state = hal_irq_save();
    atomic_store(&is_stuck, true);
    while (!atomic_load(&may_go)) {
    }
    hal_irq_restore(state);
}

static void be_stuck(void *arg)
{
    stand_still();
    *(volatile bool *)arg = true; /* keeps the line above from being a tail call */
}

static _Atomic bool is_past;

static void pass(struct rcu_call *self)
{
    (void)self;
    is_past = true;
}

static void a_cpu_that_masks_interrupts_is_located(void)
{
    static struct rcu_call after = {.run = pass};
    struct cpu_snapshot look;
    struct thread *t = NULL;
    bool is_done = false;
    cpu_t last = cpus_count() - 1;
    if (last == 0) { /* the only CPU: it inspects itself */
        irq_state_t state = hal_irq_save();
        enum status s = cpu_snapshot(0, PATIENCE_NS, &look);
        hal_irq_restore(state);
        TEST_EQUAL(s, OK);
        TEST_CHECK(!look.irqs_enabled && names(&look, __func__));
        return;
    }
    const struct thread_options options = {.name = "stuck",
                                           .entry = be_stuck,
                                           .arg = &is_done,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ON,
                                           .cpu = last};
    atomic_store(&is_stuck, false);
    atomic_store(&may_go, false);
    TEST_NEED(thread_create(&options, &t) == OK);
    while (!atomic_load(&is_stuck)) {
        thread_yield();
    }
    /* A grace period begins now, in this CPU's work thread. It waits for the CPU that is stuck, and
     * must not keep this one from the test meanwhile. */
    is_past = false;
    rcu_call_later(&after);
    rcu_hurry();
    thread_yield();
    TEST_CHECK(!is_past);
    enum status s = cpu_snapshot(last, has_nmi() ? PATIENCE_NS : 100 * NS_PER_MS, &look);
    TEST_CHECK(!is_past);
    atomic_store(&may_go, true);
    TEST_EQUAL(test_join(t, NULL), OK);
    rcu_barrier();
    TEST_CHECK(is_past);
    if (!has_nmi()) {
        TEST_EQUAL(s, E_TIMEDOUT);
        TEST_EQUAL(cpu_snapshot(last, PATIENCE_NS, &look),
                   OK); /* the request that timed out does not disturb the next one */
        return;
    }
    TEST_EQUAL(s, OK);
    TEST_CHECK(!look.irqs_enabled);
    TEST_CHECK(names(&look, " stand_still+0x"));
    TEST_CHECK(names(&look, " be_stuck+0x"));
}

/* ---- an NMI that no CPU sent ---- */

static bool log_has(uint64_t sequence, const char *text)
{
    struct log_record r;
    while (log_read(&sequence, &r)) {
        if (str_contains(r.text, text)) {
            return true;
        }
    }
    return false;
}

/* Like the NMI button of a machine. */
static void press(void)
{
    TEST_EQUAL(machine_irq_controller()->raise_nmi(hal_this_cpu()), has_nmi());
}

static void an_nmi_that_no_cpu_sent_is_reported(void)
{
    char text[64];
    uint64_t line = log_end(), end = clock_now_ns() + PATIENCE_NS;
    press();
    if (!has_nmi()) {
        return;
    }
    cpu_t last = cpus_count() - 1;
    fmt_print(text, sizeof(text), "nmi: cpu %u, interrupts ", last);
    while (!log_has(line, text) && clock_now_ns() < end) {
        thread_yield();
    }
    TEST_CHECK(log_has(line, "nmi: an interrupt that cannot be masked came, and no CPU sent it"));
    TEST_CHECK(log_has(line, "nmi: cpu 0 runs thread "));
    TEST_CHECK(log_has(line, text));
}

/* The second NMI prints the report at once, without the log, as the first could
 * not; then everything continues. */
static void a_second_nmi_does_not_wait_for_interrupts(void)
{
    uint64_t line = log_end();
    irq_state_t state = hal_irq_save();
    press();
    press();
    hal_irq_restore(state);
    TEST_CHECK(!log_has(line, "and no CPU sent it"));
    an_nmi_that_no_cpu_sent_is_reported();
}

/* ---- a storm ---- */

static _Atomic bool is_over;
static _Atomic uint32_t rounds;

/* Pages that are mapped by faults, unmapped again, and flushed on all CPUs. */
static void touch_pages(void)
{
    const struct vm_request request = {
        .pages = PAGES, .region = HAL_REGION_PROGRAM, .name = "test"};
    struct vm_range range;
    TEST_NEED(vm_reserve(&range, &request) == OK);
    enum status s = vm_commit(&range, 0, PAGES, PAGE_OTHER);
    TEST_EQUAL(s, OK);
    for (size_t i = 0; s == OK && i < PAGES; i++) {
        volatile uint32_t *word = (volatile uint32_t *)(range.base + i * PAGE_SIZE);
        *word += 1;
        TEST_EQUAL(*word, 1);
    }
    if (s == OK) {
        vm_unmap(&range, 0, PAGES, true);
    }
    vm_release(&range);
}

static struct mutex shared;
static uint64_t under_mutex;

static void work(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over)) {
        touch_pages();
        mutex_lock(&shared);
        under_mutex++;
        thread_yield();
        mutex_unlock(&shared);
        atomic_fetch_add(&rounds, 1);
        (void)!thread_sleep(NS_PER_MS);
    }
}

/* The program checks the result of each of its calls. */
static void run_programs(void *arg)
{
    do {
        runs_run(arg, "once", PROGRAM_EXITED, 0);
    } while (!atomic_load(&is_over));
}

static struct thread *begin(const char *name, void (*entry)(void *arg), void *arg, cpu_t cpu)
{
    struct thread *t = NULL;
    const struct thread_options options = {.name = name,
                                           .entry = entry,
                                           .arg = arg,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ON,
                                           .cpu = cpu};
    TEST_EQUAL(thread_create(&options, &t), OK);
    return t;
}

static void ask(uint32_t questions)
{
    struct cpu_snapshot look;
    uint32_t answers = 0;
    cpu_t count = contenders();
    for (uint32_t i = 0; i < questions; i++) {
        enum status s = cpu_snapshot(i % count, PATIENCE_NS, &look);
        answers += s == OK;
        if (i % 8 == 0) {
            thread_yield(); /* the thread under test may need this CPU */
        }
    }
    TEST_EQUAL(answers, questions);
}

static void ask_while_they_work(uint32_t questions)
{
    static struct image calls;
    struct thread *workers[CPUS_CONTENDING], *runner;
    cpu_t count = contenders();
    calls = (struct image){"/tmp/look.wasm", test_program_calls,
                           (size_t)(test_program_calls_end - test_program_calls)};
    if (!runs_write_file(&calls)) {
        return;
    }
    mutex_init(&shared, "storm");
    atomic_store(&is_over, false);
    atomic_store(&rounds, 0);
    under_mutex = 0;
    runner = begin("programs", run_programs, &calls, count - 1);
    for (cpu_t cpu = 0; cpu < count; cpu++) {
        workers[cpu] = begin("work", work, NULL, cpu);
    }
    ask(questions);
    atomic_store(&is_over, true);
    for (cpu_t cpu = 0; cpu < count; cpu++) {
        TEST_EQUAL(test_join(workers[cpu], NULL), OK);
    }
    TEST_EQUAL(test_join(runner, NULL), OK);
    TEST_EQUAL(under_mutex, atomic_load(&rounds));
    TEST_CHECK(under_mutex > 0);
    runs_remove_file(&calls);
}

static void requests_disturb_nothing(void)
{
    ask_while_they_work(QUESTIONS);
}

static void a_storm_of_requests_disturbs_nothing(void)
{
    ask_while_they_work(STORM);
}

/* The sanitizer poisons the memory around the array. A frame record may be in such memory. */
static void frames_are_read_in_poisoned_memory(void)
{
    const struct hal_context *t = &thread_current()->context;
    ALIGNED(32) volatile uint64_t array[4] = {0};
    uintptr_t before = (uintptr_t)array - 2 * sizeof(array[0]), fp = before, pc;
    uint64_t word;
    TEST_CHECK(hal_mmu_peek(before, &word));
    (void)hal_frame_step(&fp, &pc, t->stack_lo, t->stack_hi);
    TEST_EQUAL(array[0], 0);
}

const struct kernel_test look_tests[] = {
    {"look.frames_are_read_in_poisoned_memory", frames_are_read_in_poisoned_memory, 0},
    {"look.a_cpu_that_masks_interrupts_is_located", a_cpu_that_masks_interrupts_is_located,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"look.a_second_nmi_does_not_wait_for_interrupts", a_second_nmi_does_not_wait_for_interrupts,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"look.an_nmi_that_no_cpu_sent_is_reported", an_nmi_that_no_cpu_sent_is_reported,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"look.requests_disturb_nothing", requests_disturb_nothing, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"long_look.a_storm_of_requests_disturbs_nothing", a_storm_of_requests_disturbs_nothing,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {0},
};
