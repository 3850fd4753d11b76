// SPDX-License-Identifier: MIT
//
// Drivers that are loaded and unloaded, for the machine's own entropy device: nothing leaks and no
// byte or interrupt is lost, however often it happens and whatever other threads do meanwhile.
#include "kernel/base/clock.h"
#include "kernel/fault/fault.h"
#include "kernel/io/irq.h"
#include "kernel/io/random.h"
#include "kernel/jit/code/codemem.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"
#include "kernel/mm/vm.h"
#include "kernel/module/driver_module.h"
#include "kernel/sched/thread.h"
#include "kernel/test/test.h"
#include "kernel/tty/console.h"
#include "tests/kernel/tests.h"

#define DRIVER      "virtio_rng"
#define FEW         1000u
#define MANY        20000u
#define STACK_WAITS 10000u /* of 1 ms */

extern const uint8_t test_module_virtio_rng[], test_module_virtio_rng_end[];

static struct loader_error err;

static unsigned load(void)
{
    unsigned taken = 0;
    size_t len = (size_t)(test_module_virtio_rng_end - test_module_virtio_rng);
    if (driver_module_load_bytes("test/" DRIVER ".ko", test_module_virtio_rng, len, &taken, &err) !=
        OK) {
        test_fail(__FILE__, __LINE__, "%s", err.text);
    }
    return taken;
}

static void unload(void)
{
    if (driver_module_unload(DRIVER, &err) != OK) {
        test_fail(__FILE__, __LINE__, "%s", err.text);
    }
}

/* Load the driver and report whether it has a device to test with. */
static bool load_with_device(void)
{
    if (load() > 0) {
        return true;
    }
    unload();
    test_skip("no entropy device");
    return false;
}

/** Values that must be the same before and after. */
struct books {
    struct page_stats pages;
    struct heap_stats heap;
    size_t pool_pages, used_pages;
    uint32_t lines, handlers;
    struct irq_totals lost; /* interrupts without a handler */
    uint64_t unclaimed;
    unsigned ranges, devices, bound;
    uint64_t range_pages;
};

static void count_range(void *ctx, const struct vm_range *range)
{
    struct books *b = ctx;
    b->ranges++;
    b->range_pages += range->pages + range->guard_below + range->guard_above;
}

static void count_device(void *ctx, struct device *dev)
{
    struct books *b = ctx;
    char driver[DRIVER_NAME_MAX];
    b->devices++;
    b->bound += device_driver_name(dev, driver);
}

static void take_books(struct books *b)
{
    memset(b, 0, sizeof(*b));
    console_drain();     /* a thread that polls the UART to write may cause a spurious interrupt */
    (void)thread_trim(); /* spare threads: as many as ended at a time before this test */
    memory_reclaim();    /* magazines and the quarantine hold a page more or less */
    page_get_stats(&b->pages);
    heap_get_stats(&b->heap);
    codemem_get_stats(&b->pool_pages, &b->used_pages);
    struct irq_info line;
    for (; irq_get_info(b->lines, &line); b->lines++) {
        for (unsigned i = 0; i < ARRAY_COUNT(line.names); i++) {
            b->handlers += line.names[i][0] != '\0';
        }
        b->unclaimed += line.unclaimed;
    }
    irq_get_totals(&b->lost);
    vm_for_each(count_range, b);
    device_for_each(count_device, b);
}

static void compare_books(const struct books *before)
{
    static struct books after;
    take_books(&after);
    for (unsigned i = 0; i < PAGE_OWNER_COUNT; i++) {
        if (after.pages.by_owner[i] != before->pages.by_owner[i]) {
            test_fail(__FILE__, __LINE__, "%s: %llu pages, then %llu",
                      page_owner_name((enum page_owner)i),
                      (unsigned long long)before->pages.by_owner[i],
                      (unsigned long long)after.pages.by_owner[i]);
        }
    }
    TEST_EQUAL(after.heap.live_objects, before->heap.live_objects);
    TEST_EQUAL(after.heap.live_bytes, before->heap.live_bytes);
    TEST_EQUAL(after.pool_pages, before->pool_pages);
    TEST_EQUAL(after.used_pages, before->used_pages);
    TEST_EQUAL(after.lines, before->lines);
    TEST_EQUAL(after.handlers, before->handlers);
    TEST_EQUAL(after.lost.spurious, before->lost.spurious);
    TEST_EQUAL(after.lost.unowned, before->lost.unowned);
    TEST_EQUAL(after.unclaimed, before->unclaimed);
    TEST_EQUAL(after.ranges, before->ranges);
    TEST_EQUAL(after.range_pages, before->range_pages);
    TEST_EQUAL(after.devices, before->devices);
    TEST_EQUAL(after.bound, before->bound);
}

/** Bytes that the driver's random source produced. */
struct bytes {
    uint64_t asked, given;
    unsigned sources;
};

static void count_sources(struct bytes *b)
{
    struct random_source_info info;
    for (uint32_t i = 0; random_get_source(i, &info); i++) {
        if (str_has_prefix(info.name, DRIVER)) {
            b->asked += info.asked;
            b->given += info.given;
            b->sources++;
        }
    }
}

/** The line of the first device that the driver has, and its interrupts. */
struct line {
    char device[sizeof(((struct device *)0)->name)];
    uint64_t claimed;
    bool is_its_alone;
};

static void note_device(void *ctx, struct device *dev)
{
    struct line *l = ctx;
    char driver[DRIVER_NAME_MAX];
    if (l->device[0] == 0 && device_driver_name(dev, driver) && strcmp(driver, DRIVER) == 0) {
        (void)str_copy(l->device, sizeof(l->device), dev->name);
    }
}

static void look_at_line(struct line *l)
{
    struct irq_info info;
    for (uint32_t i = 0; irq_get_info(i, &info); i++) {
        if (strcmp(info.names[0], l->device) == 0) {
            l->claimed = info.count - info.unclaimed;
            l->is_its_alone = info.names[1][0] == '\0';
            return;
        }
    }
    test_fail(__FILE__, __LINE__, "%s has no line", l->device);
}

/** Bytes that all cycles together requested and received. */
struct total {
    struct bytes bytes;
    uint64_t requests, interrupts;
};

static void cycle(struct total *total)
{
    struct bytes now = {.asked = 0};
    struct line before = {.device = ""}, after;
    unsigned taken = load();
    device_for_each(note_device, &before);
    look_at_line(&before);
    (void)random_reseed();
    after = before;
    look_at_line(&after);
    count_sources(&now);
    TEST_EQUAL(now.sources, taken);
    unload();
    total->bytes.asked += now.asked;
    total->bytes.given += now.given;
    total->requests++;
    total->interrupts += before.is_its_alone ? after.claimed - before.claimed : 1;
}

static void lose_nothing(unsigned cycles)
{
    static struct books before;
    struct total total = {.requests = 0};
    if (!load_with_device()) {
        return;
    }
    unload();
    cycle(&total); /* before the count starts: the heap keeps a page of each size class */

    total = (struct total){.requests = 0};
    take_books(&before);
    uint64_t start_ns = clock_now_ns();
    for (unsigned i = 0; i < cycles; i++) {
        cycle(&total);
    }
    uint64_t spent_ns = clock_now_ns() - start_ns;
    compare_books(&before);
    TEST_EQUAL(total.bytes.given, total.bytes.asked);
    TEST_EQUAL(total.interrupts, total.requests);
    console_printf(
        "# %u cycles of %llu us: %llu of %llu bytes, %llu interrupts for %llu requests\n", cycles,
        (unsigned long long)(spent_ns / NS_PER_US / cycles), (unsigned long long)total.bytes.given,
        (unsigned long long)total.bytes.asked, (unsigned long long)total.interrupts,
        (unsigned long long)total.requests);
}

static void test_nothing_is_lost_in_1000_cycles(void)
{
    lose_nothing(test_scaled(FEW, 1));
}

static void test_nothing_is_lost_in_20000_cycles(void)
{
    lose_nothing(MANY);
}

/* --- other threads that load and read at the same time --- */

static _Atomic bool is_over;

static void read_all_the_time(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over)) {
        if (random_reseed() == 0) {
            thread_yield(); /* the other thread is loading or unloading, or no source is there */
        }
    }
    thread_exit(0);
}

static struct thread *start(const char *name, void (*entry)(void *arg))
{
    struct thread *t = NULL;
    const struct thread_options options = {.name = name, .entry = entry, .priority = PRIO_NORMAL};
    TEST_EQUAL(thread_create(&options, &t), OK);
    return t;
}

/* A thread's stack is freed once the CPU where it ended has switched to another thread, which a
 * busy host may delay. compare_books() finds a stack that is never freed. */
static void wait_for_stacks(const struct books *before)
{
    struct page_stats now;
    for (unsigned i = 0; i < STACK_WAITS; i++) {
        (void)thread_trim();
        page_get_stats(&now);
        if (now.by_owner[PAGE_STACK] <= before->pages.by_owner[PAGE_STACK]) {
            return;
        }
        (void)thread_sleep(NS_PER_MS);
    }
}

static void test_unload_ends_with_readers_inside(void)
{
    static struct books before;
    if (!load_with_device()) {
        return;
    }
    unload();
    take_books(&before);
    atomic_store(&is_over, false);
    struct thread *a = start("reader", read_all_the_time);
    struct thread *b = start("reader", read_all_the_time);
    for (unsigned i = 0; i < test_scaled(140, 2); i++) {
        TEST_CHECK(load() > 0);
        /* so that the unload meets the reader at every point */
        (void)thread_sleep((i % 7) * 50 * NS_PER_US);
        unload();
    }
    atomic_store(&is_over, true);
    TEST_EQUAL(test_join(a, NULL), OK);
    TEST_EQUAL(test_join(b, NULL), OK);
    wait_for_stacks(&before);
    compare_books(&before);
}

static _Atomic unsigned refused;

static void load_and_unload(void *arg)
{
    (void)arg;
    size_t len = (size_t)(test_module_virtio_rng_end - test_module_virtio_rng);
    for (unsigned i = 0; i < test_scaled(100, 1); i++) {
        struct loader_error why;
        unsigned taken;
        enum status s =
            driver_module_load_bytes("other.ko", test_module_virtio_rng, len, &taken, &why);
        if (s != OK && s != E_EXIST && s != E_BUSY) {
            test_fail(__FILE__, __LINE__, "%s", why.text);
        }
        atomic_fetch_add(&refused, s == OK ? 0 : 1);
        s = driver_module_unload(DRIVER, &why);
        if (s != OK && s != E_NOENT && s != E_BUSY) {
            test_fail(__FILE__, __LINE__, "%s", why.text);
        }
        thread_yield();
    }
    thread_exit(0);
}

static void test_a_name_is_loaded_only_once(void)
{
    struct thread *t[3] = {NULL};
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++) {
        t[i] = start("loader", load_and_unload);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++) {
        TEST_EQUAL(test_join(t[i], NULL), OK);
    }
    struct driver_module_info info;
    for (uint32_t i = 0; driver_module_get_info(i, &info); i++) {
        if (strcmp(info.name, DRIVER) == 0) { /* each of the two found the other unloading it */
            unload();
        }
    }
}

/* --- how reports name them --- */

static void test_code_of_a_driver_is_named_with_the_driver(void)
{
    char text[160] = "";
    struct module_info m, last = {.code = 0};
    (void)load();
    for (uint32_t i = 0; loader_get_info(i, &m); i++) {
        last = m;
    }
    TEST_CHECK(fault_describe_code(last.code, text, sizeof(text)));
    if (!str_has_prefix(text, DRIVER "!virtio_rng_match+0x0 (drivers/random/virtio_rng.c:")) {
        test_fail(__FILE__, __LINE__, "%s", text);
    }
    unload();
    TEST_CHECK(!fault_describe_code(last.code, text, sizeof(text)));
}

static void expect_refusal(const uint8_t *bytes, const uint8_t *end, enum load_kind kind,
                           const char *why)
{
    struct module *m;
    enum status s = loader_load(kind, "x", bytes, (size_t)(end - bytes), &m, &err);
    TEST_EQUAL(s, E_NOTSUP);
    if (strcmp(err.text, why) != 0) {
        test_fail(__FILE__, __LINE__, "%s", err.text);
    }
}

extern const uint8_t test_program_exit[], test_program_exit_end[];

static void test_programs_and_drivers_are_told_apart(void)
{
    expect_refusal(test_program_exit, test_program_exit_end, LOAD_DRIVER,
                   "x: a program, not a driver: it is run, not loaded");
    expect_refusal(test_module_virtio_rng, test_module_virtio_rng_end, LOAD_PROGRAM,
                   "x: a driver, not a program: it is loaded (`load`), not run");
}

const struct kernel_test module_tests[] = {
    {"modules_programs_and_drivers_are_told_apart", test_programs_and_drivers_are_told_apart,
     TEST_ON_NOTHING},
    {"modules_code_of_a_driver_is_named_with_the_driver",
     test_code_of_a_driver_is_named_with_the_driver, TEST_ON_NOTHING},
    {"modules_a_name_is_loaded_only_once", test_a_name_is_loaded_only_once, TEST_ON_NOTHING},
    {"modules_unload_ends_with_readers_inside", test_unload_ends_with_readers_inside,
     TEST_ON_NOTHING},
    {"modules_nothing_is_lost_in_1000_cycles", test_nothing_is_lost_in_1000_cycles,
     TEST_ON_NOTHING},
    {"long_modules_nothing_is_lost_in_20000_cycles", test_nothing_is_lost_in_20000_cycles,
     TEST_ON_NOTHING},
    {0},
};
