// SPDX-License-Identifier: MIT
//
// What only the MMU decides: that the permissions in the page tables are enforced.
#include "hal/layout.h"
#include "hal/mmu.h"
#include "hal/trap.h"
#include "kernel/base/spinlock.h"
#include "kernel/fault/fault.h"
#include "kernel/sched/pin.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#define EXEC_MAX 64

struct frames {
    unsigned count;
    struct {
        uint64_t base, end;
    } exec[EXEC_MAX];
    unsigned overlaps, both, low_half;
};

static struct frames frames;

static void collect_executable(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m)
{
    struct frames *f = ctx;
    if ((m->prot & PROT_X) != 0 && f->count < EXEC_MAX) {
        f->exec[f->count].base = m->base.raw;
        f->exec[f->count++].end = m->base.raw + size;
    }
    f->both += (m->prot & PROT_X) != 0 && (m->prot & PROT_W) != 0;
    f->low_half += va < hal_layout.region[HAL_REGION_DIRECT].base;
}

static void compare_writable(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m)
{
    (void)va;
    struct frames *f = ctx;
    for (unsigned i = 0; (m->prot & PROT_W) != 0 && i < f->count; i++) {
        f->overlaps += m->base.raw < f->exec[i].end && f->exec[i].base < m->base.raw + size;
    }
}

/* At any pair of addresses: no frame is writable through one mapping
 * and executable through another. */
static void no_frame_is_writable_and_executable(void)
{
    frames = (struct frames){0};
    hal_mmu_walk(collect_executable, &frames);
    TEST_CHECK(frames.count > 0 && frames.count < EXEC_MAX);
    TEST_EQUAL(frames.both, 0);
    hal_mmu_walk(compare_writable, &frames);
    TEST_EQUAL(frames.overlaps, 0);
}

static void identity_map_is_gone(void)
{
    struct hal_mapping m;
    frames = (struct frames){0};
    hal_mmu_walk(collect_executable, &frames);
    TEST_EQUAL(frames.low_half, 0);
    TEST_CHECK(hal_mmu_query((vaddr_t)__text_start, &m));
    uint8_t byte;
    TEST_CHECK(!hal_probe_read8((const void *)(uintptr_t)m.base.raw, &byte));
}

static void null_page_faults(void)
{
    uint8_t byte;
    TEST_CHECK(!hal_probe_read8(NULL, &byte));
    TEST_CHECK(!hal_probe_write8((void *)8, 1));
}

static unsigned prot_of(const void *p)
{
    struct hal_mapping m;
    return hal_mmu_query((vaddr_t)p, &m) ? m.prot & ~(unsigned)PROT_GUARDED : (unsigned)PROT_NONE;
}

static void sections_have_exact_permissions(void)
{
    TEST_EQUAL(prot_of(__text_start), PROT_R | PROT_X);
    TEST_EQUAL(prot_of(__text_end - 1), PROT_R | PROT_X);
    TEST_EQUAL(prot_of(__rodata_start), PROT_R);
    TEST_EQUAL(prot_of(__rodata_end - 1), PROT_R);
    TEST_EQUAL(prot_of(__data_start), PROT_R | PROT_W);
    TEST_EQUAL(prot_of(__bss_end - 1), PROT_R | PROT_W);
    TEST_EQUAL(prot_of(__boot_stack_guard), PROT_NONE);
    TEST_EQUAL(prot_of(__boot_stack_start), PROT_R | PROT_W);
}

/* The page tables forbid it; this test tries it on the CPU. */
static void text_and_rodata_refuse_writes(void)
{
    uint8_t before, after;
    TEST_CHECK(hal_probe_read8(__text_start, &before));
    TEST_CHECK(!hal_probe_write8(__text_start, (uint8_t)~before));
    TEST_CHECK(!hal_probe_write8(__rodata_start, 0));
    TEST_CHECK(hal_probe_read8(__text_start, &after));
    TEST_EQUAL(before, after);

    struct hal_mapping m;
    TEST_CHECK(hal_mmu_query((vaddr_t)__text_start, &m));
    TEST_CHECK(!hal_probe_write8(hal_direct(m.base), (uint8_t)~before));
}

static void unmap_then_touch_faults(void)
{
    struct vm_range range;
    const struct vm_request request = {
        .pages = 2, .guard_below = 1, .guard_above = 1, .region = HAL_REGION_VM, .name = "test"};
    if (vm_reserve(&range, &request) != OK) {
        test_fail(__FILE__, __LINE__, "no address space");
        return;
    }
    uint8_t *p = (uint8_t *)range.base, byte;
    TEST_CHECK(!hal_probe_read8(p, &byte));
    TEST_EQUAL(vm_populate(&range, 0, 2, PROT_R | PROT_W, PAGE_OTHER), OK);
    TEST_CHECK(hal_probe_write8(p, 0x5a) && hal_probe_read8(p, &byte) && byte == 0x5a);
    TEST_CHECK(!hal_probe_read8(p - 1, &byte));
    TEST_CHECK(!hal_probe_read8(p + 2 * PAGE_SIZE, &byte));
    TEST_EQUAL(vm_protect(&range, 0, 1, PROT_R), OK);
    TEST_CHECK(!hal_probe_write8(p, 1) && hal_probe_write8(p + PAGE_SIZE, 1));
    vm_unmap(&range, 0, 2, true);
    TEST_CHECK(!hal_probe_read8(p, &byte));
    TEST_CHECK(!hal_probe_read8(p + PAGE_SIZE, &byte));
    vm_release(&range);
}

static unsigned lazy_faults;

static bool populate_on_fault(struct vm_range *range, struct fault *fault)
{
    lazy_faults++;
    size_t page = (fault->address - range->base) / PAGE_SIZE;
    return vm_populate(range, page, 1, PROT_R | PROT_W, PAGE_OTHER) == OK;
}

/* The owner of an address range handles a fault by mapping the page; then the access completes. */
static void range_owner_maps_a_page_on_fault(void)
{
    struct vm_range range;
    const struct vm_request request = {.pages = 4, .region = HAL_REGION_PROGRAM, .name = "test"};
    if (vm_reserve(&range, &request) != OK) {
        test_fail(__FILE__, __LINE__, "no address space");
        return;
    }
    range.fault = populate_on_fault;
    lazy_faults = 0;
    volatile uint8_t *p = (volatile uint8_t *)range.base;
    bool is_there = hal_probe_write8((uint8_t *)range.base + 2 * PAGE_SIZE, 7);
    TEST_CHECK(is_there);
    if (is_there) {
        TEST_EQUAL(p[2 * PAGE_SIZE], 7);
        TEST_EQUAL(p[2 * PAGE_SIZE + 1], 0);
        TEST_EQUAL(lazy_faults, 1);
    }
    pin_leave_range(&range);
    vm_unmap(&range, 0, 4, true);
    vm_release(&range);
}

/* Fill frames with a pattern and free them, so that the next owner would
 * see it if they were not zeroed. */
static void leave_traces(void)
{
    void *used[64];
    for (unsigned i = 0; i < ARRAY_COUNT(used); i++) {
        used[i] = heap_alloc(4 * PAGE_SIZE);
        if (used[i] != NULL) {
            memset(used[i], 0x5a, 4 * PAGE_SIZE);
        }
    }
    for (unsigned i = 0; i < ARRAY_COUNT(used); i++) {
        heap_free(used[i]);
    }
}

#define COMMITTED ((size_t)1024) /* pages: enough for two page tables */

static bool is_zero(const volatile uint8_t *p, size_t len)
{
    const volatile uint64_t *words = (const volatile uint64_t *)p;
    uint64_t any = 0;
    for (size_t i = 0; i < len / sizeof(*words); i++) {
        any |= words[i];
    }
    return any == 0;
}

/* Committed memory is mapped by the first access, even if the thread holds a lock with interrupts
 * masked, and by a query of its physical address. */
static void committed_memory_is_mapped_by_a_touch(void)
{
    static struct spinlock any = SPINLOCK_INIT;
    struct vm_range range;
    const struct vm_request request = {
        .pages = 2 * COMMITTED, .region = HAL_REGION_PROGRAM, .name = "test"};
    leave_traces();
    if (vm_reserve(&range, &request) != OK) {
        test_fail(__FILE__, __LINE__, "no address space");
        return;
    }
    if (vm_commit(&range, 0, COMMITTED, PAGE_OTHER) != OK) {
        test_fail(__FILE__, __LINE__, "no memory");
        vm_release(&range);
        return;
    }
    volatile uint8_t *p = (volatile uint8_t *)range.base;
    TEST_EQUAL(prot_of((const void *)p), PROT_NONE);
    irq_state_t state = spin_lock_irq(&any);
    p[5 * PAGE_SIZE] = 7;
    spin_unlock_irq(&any, state);
    TEST_EQUAL(p[5 * PAGE_SIZE], 7);
    p[5 * PAGE_SIZE] = 0;
    TEST_EQUAL(prot_of((const void *)p), PROT_R | PROT_W);
    TEST_EQUAL(prot_of((const void *)(p + 16 * PAGE_SIZE)), PROT_NONE);
    paddr_t phys;
    TEST_CHECK(vm_to_phys((const void *)(p + 17 * PAGE_SIZE), &phys) &&
               is_zero(hal_direct(phys), 8));
    TEST_CHECK(is_zero(p, COMMITTED * PAGE_SIZE));
    uint8_t byte;
    TEST_CHECK(!hal_probe_read8((const void *)(p + COMMITTED * PAGE_SIZE), &byte));
    vm_unmap(&range, 0, COMMITTED, true);
    TEST_CHECK(!hal_probe_read8((const void *)p, &byte));
    vm_release(&range);
}

/* Committed, never accessed, and freed to the last page. */
static void committed_memory_is_counted(void)
{
    struct page_stats before, during, after;
    struct vm_range range;
    const struct vm_request request = {
        .pages = COMMITTED, .region = HAL_REGION_PROGRAM, .name = "test"};
    if (vm_reserve(&range, &request) != OK) {
        test_fail(__FILE__, __LINE__, "no address space");
        return;
    }
    page_get_stats(&before);
    TEST_EQUAL(vm_commit(&range, 0, COMMITTED, PAGE_PROGRAM), OK);
    page_get_stats(&during);
    vm_unmap(&range, 0, COMMITTED, true);
    page_get_stats(&after);
    TEST_EQUAL(during.by_owner[PAGE_PROGRAM] - before.by_owner[PAGE_PROGRAM], COMMITTED);
    TEST_EQUAL(after.by_owner[PAGE_PROGRAM], before.by_owner[PAGE_PROGRAM]);
    vm_release(&range);
}

static void write_with_execute_is_refused(void)
{
    struct vm_range range;
    const struct vm_request request = {.pages = 1, .region = HAL_REGION_VM, .name = "test"};
    if (vm_reserve(&range, &request) != OK) {
        test_fail(__FILE__, __LINE__, "no address space");
        return;
    }
    TEST_EQUAL(vm_populate(&range, 0, 1, PROT_R | PROT_W | PROT_X, PAGE_OTHER), E_INVAL);
    TEST_EQUAL(prot_of((const void *)range.base), PROT_NONE);
    vm_release(&range);
}

static void gather_nothing(void *ctx, enum hal_gather_kind kind, paddr_t base, size_t pages)
{
    (void)base;
    (void)pages;
    *(unsigned *)ctx += kind == HAL_GATHER_LEAF ? 1 : 0;
}

/* While a leaf of the direct map is being split, nothing in it is accessible: neither the page
 * tables nor data that an interrupt needs. So split each leaf of some memory in two. */
static void memory_in_use_is_split(void)
{
    unsigned gathered = 0;
    struct hal_mmu_batch batch = {.gather = gather_nothing, .ctx = &gathered};
    struct hal_mapping m;
    const uint64_t span = (uint64_t)16 << 20;
    uint8_t *heap = heap_alloc(1);
    TEST_NEED(heap != NULL);
    TEST_CHECK(hal_mmu_query((vaddr_t)heap, &m));
    vaddr_t from = (vaddr_t)heap & ~(vaddr_t)(span - 1);
    for (vaddr_t va = from; va < from + span; va += m.size) {
        if (!hal_mmu_query(va, &m)) {
            break;
        }
        if (m.size > PAGE_SIZE && (m.prot & PROT_W) != 0) {
            TEST_EQUAL(hal_mmu_protect(va, 1, m.prot, &batch), OK);
        }
        TEST_CHECK(hal_mmu_query(va, &m) && (m.size == PAGE_SIZE || (m.prot & PROT_W) == 0));
    }
    irq_state_t state = hal_irq_save();
    hal_mmu_flush(&batch);
    hal_irq_restore(state);
    heap_free(heap);
    TEST_EQUAL(gathered, 0);
}

const struct kernel_test mmu_tests[] = {
    {"mmu.no_frame_is_writable_and_executable", no_frame_is_writable_and_executable,
     TEST_ON_CPUS | TEST_ON_MEMORY | TEST_ON_FIRMWARE | TEST_ON_SCREEN},
    {"mmu.identity_map_is_gone", identity_map_is_gone, TEST_ON_CPUS | TEST_ON_FIRMWARE},
    {"mmu.null_page_faults", null_page_faults, TEST_ON_CPUS},
    {"mmu.sections_have_exact_permissions", sections_have_exact_permissions,
     TEST_ON_CPUS | TEST_ON_FIRMWARE},
    {"mmu.text_and_rodata_refuse_writes", text_and_rodata_refuse_writes, TEST_ON_CPUS},
    {"mmu.unmap_then_touch_faults", unmap_then_touch_faults, TEST_ON_CPUS},
    {"mmu.range_owner_maps_a_page_on_fault", range_owner_maps_a_page_on_fault, TEST_ON_CPUS},
    {"mmu.committed_memory_is_mapped_by_a_touch", committed_memory_is_mapped_by_a_touch,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"mmu.committed_memory_is_counted", committed_memory_is_counted, TEST_ON_CPUS | TEST_ON_MEMORY},
    {"mmu.write_with_execute_is_refused", write_with_execute_is_refused, TEST_ON_CPUS},
    {"mmu.memory_in_use_is_split", memory_in_use_is_split, TEST_ON_CPUS | TEST_ON_MEMORY},
    {0},
};
