// SPDX-License-Identifier: MIT
//
// Large ranges: reservations whose pages are mapped on the first touch, leaves of 2 MiB and 1
// GiB, and runs of several blocks.
#include "hal/layout.h"
#include "hal/trap.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/fault/fault.h"
#include "kernel/sched/pin.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/thread.h"
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#include <stdatomic.h>

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* Pages; with this many free, runs of every size are free. */
#define PLENTY (64 * MIB / PAGE_SIZE)

static uint64_t pages_of(enum page_owner owner)
{
    struct page_stats s;
    page_get_stats(&s);
    return s.by_owner[owner];
}

static bool reserve_in(enum hal_region region, struct vm_range *range, uint64_t bytes, size_t align)
{
    const struct vm_request request = {.pages = bytes / PAGE_SIZE,
                                       .align = align,
                                       .guard_below = 1,
                                       .guard_above = 1,
                                       .region = region,
                                       .name = "test"};
    return vm_reserve(range, &request) == OK;
}

static bool reserve(struct vm_range *range, uint64_t bytes, size_t align)
{
    return reserve_in(HAL_REGION_VM, range, bytes, align);
}

/* --- pages that are mapped on demand --- */

/* Hundreds of GiB use no memory until they are touched, and then only the touched pages. */
static void pages_are_mapped_when_they_are_touched(void)
{
    static const uint64_t offsets[] = {0, 5 * PAGE_SIZE, 3 * GIB, 100 * GIB + 7 * MIB,
                                       256 * GIB - PAGE_SIZE};
    struct vm_pager pager = {.prot = PROT_R | PROT_W, .owner = PAGE_OTHER};
    struct vm_range range;
    memory_reclaim();
    uint64_t others = pages_of(PAGE_OTHER), tables = pages_of(PAGE_TABLE);
    if (!reserve(&range, 256 * GIB, 0)) {
        test_fail(__FILE__, __LINE__, "no addresses");
        return;
    }
    vm_set_pager(&range, &pager);
    TEST_EQUAL(pages_of(PAGE_OTHER), others);
    TEST_EQUAL(pages_of(PAGE_TABLE), tables);
    uint8_t byte;
    /* a probe may fail for lack of memory, */
    TEST_CHECK(hal_probe_read8((const void *)range.base, &byte));
    bool is_armed = failure_pause(); /* the accesses below may not */
    for (unsigned i = 0; i < ARRAY_COUNT(offsets); i++) {
        volatile uint64_t *p = (volatile uint64_t *)(range.base + offsets[i]);
        TEST_EQUAL(*p, 0);
        *p = offsets[i] + 1;
    }
    failure_resume(is_armed);
    for (unsigned i = 0; i < ARRAY_COUNT(offsets); i++) {
        TEST_EQUAL(*(volatile uint64_t *)(range.base + offsets[i]), offsets[i] + 1);
    }
    TEST_EQUAL(pages_of(PAGE_OTHER), others + ARRAY_COUNT(offsets));
    TEST_CHECK(!hal_probe_read8((const void *)(range.base - 1), &byte));
    TEST_CHECK(!hal_probe_read8((const void *)(range.base + 256 * GIB), &byte));
    pin_leave_range(&range);
    vm_unmap(&range, 0, range.pages, true);
    vm_release(&range);
    memory_reclaim();
    TEST_EQUAL(pages_of(PAGE_OTHER), others);
}

static void a_touch_with_a_lock_held_maps_the_page(void)
{
    static struct spinlock any = SPINLOCK_INIT;
    struct vm_pager pager = {.prot = PROT_R | PROT_W, .owner = PAGE_OTHER};
    struct vm_range range;
    if (!reserve(&range, 4 * PAGE_SIZE, 0)) {
        test_fail(__FILE__, __LINE__, "no addresses");
        return;
    }
    vm_set_pager(&range, &pager);
    irq_state_t state = spin_lock_irq(&any);
    bool is_there = hal_probe_write8((uint8_t *)range.base, 1);
    spin_unlock_irq(&any, state);
    TEST_CHECK(is_there && *(volatile uint8_t *)range.base == 1);
    pin_leave_range(&range);
    vm_unmap(&range, 0, range.pages, true);
    vm_release(&range);
}

#define FILLED ((size_t)16)

static _Atomic unsigned fills;

static enum status fill_slowly(struct vm_pager *pager, size_t page, void *bytes)
{
    (void)pager;
    atomic_fetch_add_explicit(&fills, 1, memory_order_relaxed);
    (void)thread_sleep_until(clock_now_ns() + 1000000);
    if (page == FILLED - 1) {
        return E_IO;
    }
    memset(bytes, (int)page + 1, PAGE_SIZE);
    return OK;
}

static void read_all(void *base)
{
    for (size_t i = 0; i + 1 < FILLED; i++) {
        const uint8_t *p = (const uint8_t *)base + i * PAGE_SIZE;
        uint8_t first, last;
        TEST_CHECK(hal_probe_read8(p, &first) && first == i + 1);
        TEST_CHECK(hal_probe_read8(p + PAGE_SIZE - 1, &last) && last == i + 1);
    }
}

/* Two threads touch the same pages at once; the one that fills them sleeps meanwhile. */
static void filling_a_page_may_sleep(void)
{
    struct vm_pager pager = {.prot = PROT_R, .owner = PAGE_OTHER, .fill = fill_slowly};
    struct vm_range range;
    memory_reclaim();
    uint64_t others = pages_of(PAGE_OTHER);
    atomic_store_explicit(&fills, 0, memory_order_relaxed);
    if (!reserve(&range, FILLED * PAGE_SIZE, 0)) {
        test_fail(__FILE__, __LINE__, "no addresses");
        return;
    }
    vm_set_pager(&range, &pager);
    const struct thread_options options = {
        .name = "reader", .entry = read_all, .arg = (void *)range.base, .priority = PRIO_NORMAL};
    struct thread *t = NULL;
    enum status s = thread_create(&options, &t);
    TEST_EQUAL(s, OK);
    read_all((void *)range.base);
    if (s == OK) {
        (void)test_join(t, NULL);
    }
    unsigned filled = atomic_load_explicit(&fills, memory_order_relaxed);
    TEST_CHECK(filled >= FILLED - 1 && filled <= 2 * (FILLED - 1));
    TEST_EQUAL(pages_of(PAGE_OTHER), others + FILLED - 1);
    uint8_t byte;
    TEST_CHECK(!hal_probe_write8((void *)range.base, 1)); /* read-only */
    TEST_CHECK(!hal_probe_read8((const void *)(range.base + (FILLED - 1) * PAGE_SIZE), &byte));
    pin_leave_range(&range);
    vm_unmap(&range, 0, range.pages, true);
    vm_release(&range);
    memory_reclaim();
    TEST_EQUAL(pages_of(PAGE_OTHER), others);
}

/* --- large leaves --- */

static uint64_t leaf_at(const void *p)
{
    struct hal_mapping m;
    return hal_mmu_query((uintptr_t)p, &m) ? m.size : 0;
}

/* Everything that is requested lies in leaves of 2 MiB where memory has
 * such runs, and is freed again. */
static void large_memory_has_large_leaves(void)
{
    memory_reclaim();
    uint64_t others = pages_of(PAGE_OTHER);
    if (pages_of(PAGE_FREE) < PLENTY) {
        return; /* few runs of that size, or none */
    }
    uint8_t *p = vm_alloc(4 * MIB + PAGE_SIZE, PAGE_OTHER, "test");
    if (p == NULL) {
        test_fail(__FILE__, __LINE__, "no memory");
        return;
    }
    TEST_EQUAL(leaf_at(p), 2 * MIB);
    TEST_EQUAL(leaf_at(p + 4 * MIB), PAGE_SIZE);
    TEST_EQUAL(p[4 * MIB - 1] | p[0], 0);
    p[4 * MIB - 1] = 1;
    TEST_EQUAL(pages_of(PAGE_OTHER), others + 4 * MIB / PAGE_SIZE + 1);
    vm_free(p);
    memory_reclaim();
    TEST_EQUAL(pages_of(PAGE_OTHER), others);
}

/* Protecting a part leaves the rest unchanged; frames are freed as the runs that were allocated. */
static void a_large_leaf_is_split_and_freed_whole(void)
{
    struct vm_range range;
    memory_reclaim();
    uint64_t others = pages_of(PAGE_OTHER);
    if (pages_of(PAGE_FREE) < PLENTY) {
        return; /* few runs of that size, or none */
    }
    if (!reserve(&range, 4 * MIB, 4 * MIB)) {
        test_fail(__FILE__, __LINE__, "no addresses");
        return;
    }
    TEST_EQUAL(vm_populate(&range, 0, range.pages, PROT_R | PROT_W, PAGE_OTHER), OK);
    TEST_EQUAL(vm_protect(&range, 3, 2, PROT_R), OK);
    TEST_CHECK(!hal_probe_write8((void *)(range.base + 3 * PAGE_SIZE), 1));
    TEST_CHECK(hal_probe_write8((void *)(range.base + 5 * PAGE_SIZE), 1));
    TEST_CHECK(hal_probe_write8((void *)(range.base + 3 * MIB), 1));
    TEST_EQUAL(leaf_at((void *)(range.base + 5 * PAGE_SIZE)), PAGE_SIZE);
    vm_unmap(&range, 0, range.pages, true);
    vm_release(&range);
    memory_reclaim();
    TEST_EQUAL(pages_of(PAGE_OTHER), others);
}

/* Maps the last GiB of physical addresses, where no device is; the test never accesses it. */
static void a_gigabyte_is_one_leaf(void)
{
    paddr_t far = paddr(ALIGN_DOWN(hal_mmu_physical_max(), GIB));
    struct vm_range range;
    if (!reserve_in(HAL_REGION_PROGRAM, &range, GIB, GIB)) { /* a sanitizer has no shadow there */
        test_fail(__FILE__, __LINE__, "no addresses");
        return;
    }
    TEST_EQUAL(vm_map_physical(&range, far, PROT_R | PROT_W, MEM_DEVICE), OK);
    struct hal_mapping m;
    bool is_there = hal_mmu_query(range.base + 5 * MIB, &m);
    TEST_CHECK(is_there && (m.size == GIB || m.size == 2 * MIB));
    TEST_CHECK(is_there && m.type == MEM_DEVICE &&
               m.base.raw == far.raw + (m.size == GIB ? 0 : 4 * MIB));
    /* splits it into 2 MiB leaves, and one of these into pages */
    TEST_EQUAL(vm_protect(&range, 1, 1, PROT_R), OK);
    TEST_EQUAL(leaf_at((void *)(range.base + PAGE_SIZE)), PAGE_SIZE);
    TEST_EQUAL(leaf_at((void *)(range.base + 512 * MIB)), 2 * MIB);
    vm_unmap(&range, 0, range.pages, false);
    TEST_EQUAL(leaf_at((void *)(range.base + 512 * MIB)), 0);
    vm_release(&range);
    memory_reclaim();
}

/* --- blocks --- */

#define BLOCK (PAGE_SIZE << PAGE_ORDER_MAX)

static void blocks_are_allocated_contiguously(void)
{
    memory_reclaim();
    uint64_t others = pages_of(PAGE_OTHER), free = pages_of(PAGE_FREE);
    paddr_t run = {0};
    TEST_EQUAL(page_alloc_blocks(0, 0, UINT64_MAX, PAGE_OTHER, &run), E_INVAL);
    TEST_EQUAL(page_alloc_blocks(1, 3, UINT64_MAX, PAGE_OTHER, &run), E_INVAL);
    TEST_EQUAL(page_alloc_blocks(1, 0, BLOCK / 2, PAGE_OTHER, &run), E_NOMEM);
    TEST_EQUAL(page_alloc_blocks((size_t)1 << 20, 0, UINT64_MAX, PAGE_OTHER, &run), E_NOMEM);
    TEST_EQUAL(run.raw, 0);
    enum status s = page_alloc_blocks(2, 2 * BLOCK, UINT64_MAX, PAGE_OTHER, &run);
    if (s != OK) { /* if memory is short */
        TEST_CHECK(s == E_NOMEM && free < PLENTY);
        return;
    }
    TEST_CHECK(IS_ALIGNED(run.raw, 2 * BLOCK));
    memset(hal_direct(run), 0x11, 2 * BLOCK);
    TEST_EQUAL(pages_of(PAGE_OTHER), others + 2 * BLOCK / PAGE_SIZE);
    page_free(paddr_add(run, BLOCK), PAGE_ORDER_MAX);
    page_free(run, PAGE_ORDER_MAX);
    memory_reclaim();
    TEST_EQUAL(pages_of(PAGE_OTHER), others);
    TEST_EQUAL(pages_of(PAGE_FREE), free);
}

/* A device or firmware may report registers, or a screen, at an address that is memory: a driver
 * would then write to the kernel's text. */
static void memory_is_never_mapped_as_registers(void)
{
    static const char *const places[] = {__text_start, __rodata_start, __bss_start};
    struct io_region region;
    for (unsigned i = 0; i < ARRAY_COUNT(places); i++) {
        paddr_t frame;
        TEST_CHECK(vm_to_phys(places[i], &frame));
        TEST_EQUAL(vm_map_device(frame.raw, PAGE_SIZE, &region), E_INVAL);
        TEST_EQUAL(vm_map_device(frame.raw - 8, 16, &region), E_INVAL);
        TEST_CHECK(vm_map_framebuffer(frame.raw, PAGE_SIZE) == NULL);
    }
}

static _Atomic bool is_filling, is_filled; /* acquire and release: orders the accesses before it */

static enum status fill_and_say_so(struct vm_pager *pager, size_t page, void *bytes)
{
    (void)pager;
    (void)page;
    atomic_store_explicit(&is_filling, true, memory_order_release);
    (void)thread_sleep_until(clock_now_ns() + 1000000);
    memset(bytes, 1, PAGE_SIZE);
    atomic_store_explicit(&is_filled, true, memory_order_release);
    return OK;
}

static void probe(void *at)
{
    uint8_t byte;
    (void)hal_probe_read8(at, &byte); /* the page may have been unmapped again */
    atomic_store_explicit(&is_filling, true, memory_order_release); /* also if there was none */
}

/* A stray pointer faults in a range that is released meanwhile: the range stays until the fault is
 * handled, and no page is mapped after that. */
static void a_range_stays_while_its_fault_is_handled(void)
{
    struct vm_pager pager = {.prot = PROT_R, .owner = PAGE_OTHER, .fill = fill_and_say_so};
    struct vm_range range;
    struct thread *t = NULL;
    memory_reclaim();
    uint64_t others = pages_of(PAGE_OTHER);
    atomic_store_explicit(&is_filling, false, memory_order_relaxed);
    atomic_store_explicit(&is_filled, false, memory_order_relaxed);
    if (!reserve(&range, PAGE_SIZE, 0)) {
        test_fail(__FILE__, __LINE__, "no addresses");
        return;
    }
    vm_set_pager(&range, &pager);
    const struct thread_options options = {
        .name = "prober", .entry = probe, .arg = (void *)range.base, .priority = PRIO_NORMAL};
    enum status s = thread_create(&options, &t);
    TEST_EQUAL(s, OK);
    while (s == OK && !atomic_load_explicit(&is_filling, memory_order_acquire)) {
        thread_yield();
    }
    pin_leave_range(&range);
    TEST_CHECK(atomic_load_explicit(&is_filled, memory_order_acquire));
    vm_unmap(&range, 0, range.pages, true);
    vm_release(&range);
    if (s == OK) {
        (void)test_join(t, NULL);
    }
    memory_reclaim();
    TEST_EQUAL(pages_of(PAGE_OTHER), others);
}

static _Atomic bool has_asked_enough;

static void reclaim_again_and_again(void *unused)
{
    (void)unused;
    while (!atomic_load_explicit(&has_asked_enough, memory_order_relaxed)) {
        memory_reclaim();
    }
}

#define SPAN (2 * MIB) /* of a table */

/* Map and unmap pages one by one: their empty tables stay. */
static void leave_empty_tables(void)
{
    struct vm_pager pager = {.prot = PROT_R, .owner = PAGE_OTHER};
    struct vm_range range;
    if (!reserve(&range, 64 * SPAN, SPAN)) {
        test_fail(__FILE__, __LINE__, "no addresses");
        return;
    }
    vm_set_pager(&range, &pager);
    for (unsigned i = 0; i < test_scaled(64, 2); i++) {
        uint8_t byte;
        (void)hal_probe_read8((const void *)(range.base + i * SPAN),
                              &byte); /* memory may be short */
        vm_unmap(&range, i * (SPAN / PAGE_SIZE), 1, true);
    }
    pin_leave_range(&range);
    vm_release(&range);
}

/* A request that no region can hold fails at once, even while a preempted thread has pinned gaps to
 * search them for empty tables; it does not wait for that thread. An interrupt that arrives while
 * the thread removes tables is delivered after that, with the gap still pinned. */
static void a_request_without_room_fails_while_gaps_are_searched(void)
{
    const struct thread_options options = {
        .name = "trimmer", .entry = reclaim_again_and_again, .priority = PRIO_NORMAL - 1};
    struct thread *t = NULL;
    atomic_store_explicit(&has_asked_enough, false, memory_order_relaxed);
    if (thread_create(&options, &t) != OK) {
        test_fail(__FILE__, __LINE__, "no thread");
        return;
    }
    for (unsigned i = 0; i < test_scaled(200, 2); i++) {
        struct vm_range range;
        const struct vm_request all = {
            .pages = (size_t)1 << 38, .region = HAL_REGION_VM, .name = "test"};
        leave_empty_tables();
        (void)thread_sleep(5000 + i % 40 * 5000);
        TEST_EQUAL(vm_reserve(&range, &all), E_NOMEM);
    }
    atomic_store_explicit(&has_asked_enough, true, memory_order_relaxed);
    (void)test_join(t, NULL);
}

const struct kernel_test range_tests[] = {
    {"ranges.pages_are_mapped_when_they_are_touched", pages_are_mapped_when_they_are_touched,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"ranges.a_touch_with_a_lock_held_maps_the_page", a_touch_with_a_lock_held_maps_the_page,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"ranges.filling_a_page_may_sleep", filling_a_page_may_sleep, TEST_ON_CPUS | TEST_ON_MEMORY},
    {"ranges.large_memory_has_large_leaves", large_memory_has_large_leaves,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"ranges.a_large_leaf_is_split_and_freed_whole", a_large_leaf_is_split_and_freed_whole,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"ranges.a_gigabyte_is_one_leaf", a_gigabyte_is_one_leaf, TEST_ON_CPUS | TEST_ON_MEMORY},
    {"ranges.blocks_are_allocated_contiguously", blocks_are_allocated_contiguously,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"ranges.memory_is_never_mapped_as_registers", memory_is_never_mapped_as_registers,
     TEST_ON_CPUS | TEST_ON_MEMORY | TEST_ON_FIRMWARE},
    {"ranges.a_range_stays_while_its_fault_is_handled", a_range_stays_while_its_fault_is_handled,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"ranges.a_request_without_room_fails_while_gaps_are_searched",
     a_request_without_room_fails_while_gaps_are_searched, TEST_ON_NOTHING},
    {0},
};
