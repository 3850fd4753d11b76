// SPDX-License-Identifier: MIT
//
// Memory management on the real MMU: guard pages, reuse of addresses, frames, and page counts.
#include "hal/cpu.h"
#include "hal/layout.h"
#include "hal/smp.h"
#include "hal/trap.h"
#include "kernel/base/clock.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/test/test.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/taken.h"
#include "tests/kernel/tests.h"

#include <stdatomic.h>

static bool can_read(const void *p)
{
    uint8_t byte;
    return hal_probe_read8(p, &byte);
}

static bool can_write(void *p)
{
    return hal_probe_write8(p, 0x5a);
}

static struct page_stats page_stats(void)
{
    struct page_stats s;
    page_get_stats(&s);
    return s;
}

static const struct vm_request three_pages = {
    .pages = 3, .guard_below = 1, .guard_above = 1, .region = HAL_REGION_VM, .name = "test"};

static void every_page_has_an_owner(void)
{
    struct page_stats s = page_stats();
    uint64_t sum = 0;
    for (unsigned i = 0; i < PAGE_OWNER_COUNT; i++) {
        sum += s.by_owner[i];
    }
    TEST_EQUAL(sum, s.total_pages);
    TEST_CHECK(s.by_owner[PAGE_KERNEL] > 0 && s.by_owner[PAGE_TABLE] > 0);
    TEST_CHECK(s.by_owner[PAGE_FREE] < s.total_pages);
}

/** All free memory, allocated by the test, the largest runs first; linked by page_link(). */
struct hoard {
    struct list runs[PAGE_ORDER_MAX + 1]; /* by order */
};

static void take_every(struct hoard *h, unsigned order)
{
    paddr_t base;
    while (page_alloc(order, PAGE_OTHER, &base) == OK) {
        list_push_back(&h->runs[order], page_link(base));
    }
}

static void take_all(struct hoard *h)
{
    for (unsigned order = PAGE_ORDER_MAX + 1; order-- > 0;) {
        list_init(&h->runs[order]);
        take_every(h, order);
    }
}

/** @return number of pages freed. */
static uint64_t give_all(struct hoard *h)
{
    uint64_t pages = 0;
    for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++) {
        for (struct list_node *n; (n = list_pop_front(&h->runs[order])) != NULL;) {
            page_free(page_of_link(n), order);
            pages += (uint64_t)1 << order;
        }
    }
    return pages;
}

/** The order of the largest run. */
static unsigned largest_of(const struct hoard *h)
{
    unsigned order = PAGE_ORDER_MAX;
    while (order > 0 && list_is_empty(&h->runs[order])) {
        order--;
    }
    return order;
}

static void write_and_read(paddr_t base, unsigned order)
{
    for (uint64_t at = 0; at < (uint64_t)PAGE_SIZE << order; at += PAGE_SIZE) {
        *(uint64_t *)hal_direct(paddr_add(base, at)) = base.raw + at;
    }
    for (uint64_t at = 0; at < (uint64_t)PAGE_SIZE << order; at += PAGE_SIZE) {
        TEST_EQUAL(*(const uint64_t *)hal_direct(paddr_add(base, at)), base.raw + at);
    }
}

#define SOME_OWNED_MEANWHILE 64u /* pages that other threads may allocate in the meantime */

/* A machine with more than 4 GiB has memory above 4 GiB, whatever holes there are below. */
static void all_memory_can_be_allocated_and_keeps_its_contents(void)
{
    static struct hoard all;
    const uint64_t four_gib = (uint64_t)1 << 32;
    bool has_high = page_stats().total_pages > four_gib >> PAGE_SHIFT;
    memory_reclaim();
    uint64_t free_before = page_stats().by_owner[PAGE_FREE];
    take_all(&all);
    uint64_t left = page_stats().by_owner[PAGE_FREE];
    paddr_t highest = paddr(0);
    unsigned order = largest_of(&all);
    LIST_FOR_EACH (&all.runs[order], n) {
        paddr_t base = page_of_link(n);
        highest = base.raw > highest.raw ? base : highest;
    }
    if (highest.raw != 0) {
        write_and_read(highest, order);
    }
    uint64_t had = give_all(&all);
    TEST_CHECK(highest.raw != 0 && (!has_high || highest.raw >= four_gib));
    TEST_CHECK(left < SOME_OWNED_MEANWHILE);
    TEST_CHECK(had + left + SOME_OWNED_MEANWHILE >= free_before);
    memory_reclaim();
    TEST_CHECK(page_stats().by_owner[PAGE_FREE] + SOME_OWNED_MEANWHILE >= free_before);
}

#define NEW_PAGES 16u /* of slabs of one size; some may belong to other threads */

/* Leave an empty slab of a size. Existing slabs with room are filled first, unless they have room
 * for 256 objects. All become empty at once, at the end. */
static void leave_empty_slab(size_t size)
{
    static void *objects[4 * HAL_MAGAZINE_ROUNDS];
    uint64_t before = page_stats().by_owner[PAGE_HEAP];
    unsigned count = 0;
    while (count < ARRAY_COUNT(objects) && page_stats().by_owner[PAGE_HEAP] < before + NEW_PAGES) {
        objects[count++] = heap_alloc(size);
    }
    for (unsigned last = 0; last < 2; last++) { /* a slab has more than four objects */
        for (unsigned i = 0; i < count; i++) {
            if ((i % 4 == 0) == (last == 1)) {
                heap_free(objects[i]);
            }
        }
        heap_drain();
        magazine_empty_all();
    }
}

/* The heap keeps one empty slab of a size, which has four pages, and frees the pages of others. So
 * there is one of each of eight sizes: a sanitizer needs pages for the shadow of new mappings and
 * for its tables. Other threads may use a few. Those that were empty before do not count. */
static void leave_empty_slabs(void)
{
    static const uint16_t sizes[] = {300, 400, 500, 600, 750, 850, 1000, 1250};
    memory_reclaim();
    for (unsigned n = 0; n < ARRAY_COUNT(sizes); n++) {
        leave_empty_slab(sizes[n]);
    }
}

/* All memory is allocated except the pages of empty slabs of other sizes. */
static void a_small_object_uses_empty_slabs_of_other_sizes(void)
{
    static struct hoard all;
    static void *objects[2 * HAL_MAGAZINE_ROUNDS];
    unsigned count = 0;
    leave_empty_slabs();
    irq_state_t state = hal_irq_save();
    take_all(&all);
    hal_irq_restore(state);
    /* First use up the slabs of this size. */
    while (count < ARRAY_COUNT(objects) && (objects[count] = heap_alloc(1700)) != NULL) {
        count++;
    }
    (void)give_all(&all);
    TEST_CHECK(count >= 8); /* more than fit in one slab */
    while (count > 0) {
        heap_free(objects[--count]);
    }
}

/* All memory is allocated except the pages of empty slabs. Page tables come from these; in a
 * sanitized kernel so do the range's shadow and its tables. */
static void a_page_table_uses_empty_slabs(void)
{
    static struct hoard all;
    const struct vm_request gib = {.pages = (size_t)1 << 18,
                                   .align = (size_t)1 << 30,
                                   .region = HAL_REGION_VM,
                                   .name = "test"};
    struct vm_range range;
    paddr_t frame;
    TEST_EQUAL(vm_reserve(&range, &gib), OK);
    TEST_EQUAL(page_alloc(0, PAGE_OTHER, &frame), OK);
    leave_empty_slabs();
    irq_state_t state = hal_irq_save();
    take_all(&all);
    hal_irq_restore(state);
    enum status s = vm_map_frames(&range, 0, frame, 1, PROT_R | PROT_W);
    (void)give_all(&all);
    TEST_EQUAL(s, OK);
    if (s == OK) {
        vm_unmap(&range, 0, 1, false);
    }
    vm_release(&range);
    page_free(frame, 0);
}

static void buffer_has_guards_on_both_sides(void)
{
    size_t size = 5 * PAGE_SIZE;
    uint8_t *p = vm_alloc(size, PAGE_OTHER, "test");
    TEST_CHECK(p != NULL);
    if (p == NULL) {
        return;
    }
    TEST_CHECK(can_write(p) && can_write(p + size - 1));
    TEST_CHECK(!can_read(p - 1) && !can_read(p + size));
    const struct vm_range *range = vm_find((vaddr_t)(uintptr_t)p);
    TEST_CHECK(range != NULL && vm_is_guard(range, (vaddr_t)(uintptr_t)(p - 1)));
    vm_free(p);
    TEST_CHECK(!can_read(p));
}

static void fresh_pages_are_zero_and_are_freed(void)
{
    struct vm_range range;
    uint64_t tables = page_stats().by_owner[PAGE_TABLE];
    if (vm_reserve(&range, &three_pages) != OK) {
        test_fail(__FILE__, __LINE__, "no addresses");
        return;
    }
    for (unsigned round = 0; round < 3; round++) {
        uint64_t before = page_stats().by_owner[PAGE_OTHER];
        if (vm_populate(&range, 0, 3, PROT_R | PROT_W, PAGE_OTHER) != OK) {
            test_fail(__FILE__, __LINE__, "no memory");
            break;
        }
        TEST_EQUAL(page_stats().by_owner[PAGE_OTHER], before + 3);
        uint8_t *p = (uint8_t *)(uintptr_t)range.base;
        for (size_t i = 0; i < 3 * PAGE_SIZE; i++) {
            if (p[i] != 0) {
                test_fail(__FILE__, __LINE__, "byte %zu is %u", i, p[i]);
                break;
            }
        }
        memset(p, 0xee, 3 * PAGE_SIZE);
        vm_unmap(&range, 0, 3, true);
        TEST_EQUAL(page_stats().by_owner[PAGE_OTHER], before);
    }
    vm_release(&range);
    TEST_CHECK(page_stats().by_owner[PAGE_TABLE] <= tables + 3);
}

/* Map one of two frames to the first page of a range, then the other. */
static void show_in_turn(struct vm_range *range, paddr_t frames)
{
    volatile uint64_t *p = (volatile uint64_t *)(uintptr_t)range->base;
    for (unsigned i = 0; i < 6; i++) {
        paddr_t frame = paddr_add(frames, i % 2 * PAGE_SIZE);
        *(uint64_t *)hal_direct(frame) = 100 + i % 2;
        enum status s = vm_map_frames(range, 0, frame, 1, PROT_R | PROT_W);
        TEST_EQUAL(s, OK);
        if (s == OK) {
            TEST_EQUAL(*p, 100 + i % 2);
            vm_unmap(range, 0, 1, false);
        }
    }
}

/* A stale translation in the TLB would show the first frame. */
static void an_address_mapped_anew_shows_the_new_frame(void)
{
    struct vm_range range;
    paddr_t frames;
    TEST_NEED(page_alloc(1, PAGE_OTHER, &frames) == OK);
    if (vm_reserve(&range, &three_pages) == OK) {
        show_in_turn(&range, frames);
        vm_release(&range);
    } else {
        test_fail(__FILE__, __LINE__, "no addresses");
    }
    page_free(frames, 1);
}

static void write_permission_can_be_removed_and_restored(void)
{
    struct vm_range range;
    TEST_NEED(take_pages(&range, &three_pages, 0, 3));
    uint8_t *middle = (uint8_t *)(uintptr_t)(range.base + PAGE_SIZE);
    TEST_CHECK(can_write(middle));
    TEST_EQUAL(vm_protect(&range, 1, 1, PROT_R), OK);
    TEST_CHECK(can_read(middle) && !can_write(middle));
    TEST_CHECK(can_write(middle - 1) && can_write(middle + PAGE_SIZE));
    TEST_EQUAL(vm_protect(&range, 1, 1, PROT_R | PROT_W), OK);
    TEST_CHECK(can_write(middle));
    TEST_EQUAL(vm_protect(&range, 1, 1, PROT_R | PROT_W | PROT_X), E_INVAL);
    vm_unmap(&range, 0, 3, true);
    vm_release(&range);
}

static const struct vm_request far_away = {.pages = 1,
                                           .guard_below = 1,
                                           /* where no table exists yet */
                                           .align = (uint64_t)1 << 30,
                                           .region = HAL_REGION_VM,
                                           .name = "test"};

/** @return number of tables that were allocated. */
static uint64_t use_far_away(void)
{
    struct vm_range range;
    memory_reclaim();
    uint64_t before = page_stats().by_owner[PAGE_TABLE];
    if (!take_pages(&range, &far_away, 0, 1)) {
        test_fail(__FILE__, __LINE__, "no memory");
        return 0;
    }
    memory_reclaim();
    uint64_t during = page_stats().by_owner[PAGE_TABLE];
    TEST_CHECK(can_write((void *)range.base));
    vm_unmap(&range, 0, 1, true);
    vm_release(&range);
    return during - before;
}

/* Empty tables stay for the next mapping, but are freed when memory is reclaimed. */
static void empty_page_tables_are_freed(void)
{
    (void)use_far_away(); /* a sanitizer's shadow of these addresses stays */
    memory_reclaim();
    uint64_t before = page_stats().by_owner[PAGE_TABLE];
    TEST_CHECK(use_far_away() > 0);
    TEST_CHECK(page_stats().by_owner[PAGE_TABLE] > before);
    memory_reclaim();
    TEST_EQUAL(page_stats().by_owner[PAGE_TABLE], before);
}

static void take_and_free_a_page(void *has_had_one)
{
    paddr_t frame;
    *(bool *)has_had_one = page_alloc(0, PAGE_OTHER, &frame) == OK;
    if (*(bool *)has_had_one) {
        page_free(frame, 0);
    }
}

/* The last large run is split for the last CPU, which caches part of it. */
static void pages_cached_by_another_cpu_complete_a_large_run(void)
{
    static struct hoard all;
    bool has_had_one = false;
    memory_reclaim();
    take_all(&all);
    unsigned order = largest_of(&all);
    page_free(page_of_link(list_pop_front(&all.runs[order])), order);
    smp_call(cpus_count() - 1, take_and_free_a_page, &has_had_one);
    paddr_t again;
    enum status s = page_alloc(order, PAGE_OTHER, &again);
    if (s == OK) {
        list_push_back(&all.runs[order], page_link(again));
    }
    (void)give_all(&all);
    TEST_CHECK(has_had_one && order > PAGE_KEPT_ORDER_MAX);
    TEST_EQUAL(s, OK);
}

static void hidden_frames_have_no_direct_mapping(void)
{
    paddr_t base;
    unsigned order = take_large_run(PAGE_CODE, &base);
    TEST_NEED(order != 0);
    uint8_t *first = hal_direct(base);
    uint8_t *last = first + (PAGE_SIZE << order) - 1;
    TEST_CHECK(can_write(first) && can_write(last));
    TEST_EQUAL(vm_hide_direct(base, (size_t)1 << order), OK);
    TEST_CHECK(!can_read(first) && !can_read(last));
    bool is_armed = failure_pause(); /* otherwise the range could not be freed */
    TEST_EQUAL(vm_show_direct(base, (size_t)1 << order), OK);
    failure_resume(is_armed);
    TEST_CHECK(can_write(first) && can_write(last));
    page_free(base, order);
}

/* Of a leaf of the direct map a single page is hidden: the table that takes its place stays. */
static void a_split_leaf_is_no_leak(void)
{
    struct footprint before, after;
    runs_measure(&before);
    paddr_t base;
    TEST_NEED(page_alloc(9, PAGE_OTHER, &base) == OK);
    TEST_EQUAL(vm_hide_direct(paddr_add(base, 5 * PAGE_SIZE), 1), OK);
    bool is_armed = failure_pause();
    TEST_EQUAL(vm_show_direct(paddr_add(base, 5 * PAGE_SIZE), 1), OK);
    failure_resume(is_armed);
    page_free(base, 9);
    runs_measure(&after);
    runs_compare(&before, &after);
}

static void heap_frees_every_size(void)
{
    struct heap_stats before, after;
    heap_get_stats(&before);
    for (size_t size = 1; size < 300000; size = size * 3 / 2 + 1) {
        uint8_t *p = heap_zalloc(size);
        TEST_CHECK(p != NULL && (uintptr_t)p % 16 == 0);
        if (p == NULL) {
            break;
        }
        TEST_CHECK(p[0] == 0 && p[size - 1] == 0);
        memset(p, 0xaa, size);
        heap_free(p);
    }
    heap_get_stats(&after);
    TEST_EQUAL(after.live_objects, before.live_objects);
    TEST_EQUAL(after.live_bytes, before.live_bytes);
}

static void impossible_registers_are_refused(void)
{
    struct io_region none;
    TEST_CHECK(vm_map_device(0, 0, &none) == E_INVAL);
    TEST_CHECK(vm_map_device(UINT64_MAX - 8, 4096, &none) == E_INVAL);
}

#define CHURN_ROUNDS 2000
#define CHURN_RANGES 16

static _Atomic bool churn_is_over;

/* Preempts lookups and changes the tree under them. */
/** @return number of ranges reserved, out of CHURN_RANGES. */
static unsigned reserve_some(struct vm_range *ranges)
{
    unsigned count = 0;
    while (count < CHURN_RANGES && vm_reserve(&ranges[count], &three_pages) == OK) {
        count++;
    }
    return count;
}

static void release_some(struct vm_range *ranges, unsigned count)
{
    while (count > 0) {
        vm_release(&ranges[--count]);
    }
}

static void churn(void *arg)
{
    static struct vm_range range[CHURN_RANGES];
    bool *ok = arg;
    for (unsigned round = 0; round < test_scaled(CHURN_ROUNDS, 2) && *ok; round++) {
        unsigned count = reserve_some(range);
        *ok &= count == CHURN_RANGES && thread_sleep(20 * NS_PER_US) == OK;
        release_some(range, count);
        *ok &= thread_sleep(20 * NS_PER_US) == OK;
    }
    atomic_store(&churn_is_over, true);
}

static void a_range_is_found_while_others_are_reserved_and_released(void)
{
    static struct vm_range range[CHURN_RANGES];
    unsigned count = reserve_some(range);
    bool ok = true;
    const struct thread_options options = {
        .name = "churn", .entry = churn, .arg = &ok, .priority = PRIO_NORMAL + 1};
    struct thread *t = NULL;
    atomic_store(&churn_is_over, false);
    if (count < CHURN_RANGES || thread_create(&options, &t) != OK) {
        test_fail(__FILE__, __LINE__, "no addresses or no thread");
        release_some(range, count);
        return;
    }
    uint64_t lost = 0;
    for (unsigned i = 0; !atomic_load(&churn_is_over); i++) {
        struct vm_range *r = &range[i % CHURN_RANGES];
        lost += vm_find(r->base) != r;
    }
    TEST_EQUAL(test_join(t, NULL), OK);
    TEST_CHECK(ok);
    TEST_EQUAL(lost, 0);
    release_some(range, count);
}

const struct kernel_test memory_tests[] = {
    {"memory.every_page_has_an_owner", every_page_has_an_owner,
     TEST_ON_CPUS | TEST_ON_MEMORY | TEST_ON_FIRMWARE | TEST_ON_SCREEN},
    {"memory.all_memory_can_be_allocated_and_keeps_its_contents",
     all_memory_can_be_allocated_and_keeps_its_contents,
     TEST_ON_CPUS | TEST_ON_MEMORY | TEST_ON_FIRMWARE | TEST_ON_SCREEN},
    {"memory.a_small_object_uses_empty_slabs_of_other_sizes",
     a_small_object_uses_empty_slabs_of_other_sizes, TEST_ON_CPUS | TEST_ON_MEMORY},
    {"memory.a_page_table_uses_empty_slabs", a_page_table_uses_empty_slabs,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"memory.buffer_has_guards_on_both_sides", buffer_has_guards_on_both_sides,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"memory.fresh_pages_are_zero_and_are_freed", fresh_pages_are_zero_and_are_freed,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"memory.an_address_mapped_anew_shows_the_new_frame",
     an_address_mapped_anew_shows_the_new_frame, TEST_ON_CPUS | TEST_ON_MEMORY},
    {"memory.write_permission_can_be_removed_and_restored",
     write_permission_can_be_removed_and_restored, TEST_ON_CPUS | TEST_ON_MEMORY},
    {"memory.empty_page_tables_are_freed", empty_page_tables_are_freed,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"memory.pages_cached_by_another_cpu_complete_a_large_run",
     pages_cached_by_another_cpu_complete_a_large_run, TEST_ON_CPUS | TEST_ON_MEMORY},
    {"memory.hidden_frames_have_no_direct_mapping", hidden_frames_have_no_direct_mapping,
     TEST_ON_CPUS | TEST_ON_MEMORY | TEST_ON_FIRMWARE | TEST_ON_SCREEN},
    {"memory.a_split_leaf_is_no_leak", a_split_leaf_is_no_leak, TEST_ON_MEMORY},
    {"memory.heap_frees_every_size", heap_frees_every_size, TEST_ON_CPUS | TEST_ON_MEMORY},
    {"memory.impossible_registers_are_refused", impossible_registers_are_refused,
     TEST_ON_CPUS | TEST_ON_MEMORY | TEST_ON_FIRMWARE},
    {"memory.a_range_is_found_while_others_are_reserved_and_released",
     a_range_is_found_while_others_are_reserved_and_released, TEST_ON_NOTHING},
    {0},
};
