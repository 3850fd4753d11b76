// SPDX-License-Identifier: MIT
//
// AArch64's page tables against a table walker and a TLB that are as weak as the
// architecture allows (Arm ARM DDI 0487, D8.13 "Translation Lookaside Buffers", D8.14 "TLB
// maintenance"). An emulator on x86-64 reads the current tables and invalidates at once, so
// it hides every missing barrier. Here
//
//   - a walker sees the tables as they were at the last barrier for stores;
//   - the TLB holds everything that a walker could have found since then, intermediate tables
//     included, whether or not it was accessed;
//   - an invalidation takes effect at the next barrier that waits for it, and everything that is
//     in the tables by then is cached again;
//   - the CPU has fetched and translated its next instructions already, until an ISB.
//
// Each test runs once more without each barrier that it needs, and must then fail.

#define _GNU_SOURCE /* memfd_create() */

/* Renamed, because the fake machine defines functions with these names for the host. */
#define hal_mmu_map             tested_mmu_map
#define hal_mmu_unmap           tested_mmu_unmap
#define hal_mmu_protect         tested_mmu_protect
#define hal_mmu_flush           tested_mmu_flush
#define hal_mmu_touch           tested_mmu_touch
#define hal_mmu_query           tested_mmu_query
#define hal_mmu_absent          tested_mmu_absent
#define hal_mmu_peek            tested_mmu_peek
#define hal_mmu_walk            tested_mmu_walk
#define hal_mmu_physical_max    tested_mmu_physical_max
#define hal_ipi_serve_machine   tested_ipi_serve_machine
#define upcall_table_frame      tested_table_frame
#define cpus_at                 tested_cpu_at
#define cpus_count              tested_cpu_count
#define upcall_table_frame_free tested_table_frame_free

#define HAL_WINDOW_PAGE        0x0000300000201000
#define HAL_WINDOW_PAGE_OFFSET (HAL_WINDOW_PAGE - (uintptr_t)__image_base)

#include "arch/aarch64/include/hal_arch/pte.h"
#include "arch/aarch64/pte.c"
#include "hal/pagetable.c"
#include "hal/pagetable_lazy.c"
#include "hal/pagetable_query.c"

#include "arch/aarch64/mmu.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define FRAMES     32
#define FRAME_BASE UINT64_C(0x80000000) /* next to the fake machine's RAM */
#define VA         UINT64_C(0xffffc90000400000)
#define BLOCK      ((uint64_t)PT_ENTRIES * PAGE_SIZE)
#define WATCHED    4

/* ---- memory ---- */

static int memory;
static bool taken[FRAMES];

static uint64_t frame_of(paddr_t p)
{
    uint64_t i = (p.raw - FRAME_BASE) / PAGE_SIZE;
    assert_true(i < FRAMES);
    return i;
}

bool tested_table_frame(paddr_t *out)
{
    for (unsigned i = 0; i < FRAMES; i++) {
        if (!taken[i]) {
            taken[i] = true;
            *out = paddr(FRAME_BASE + i * PAGE_SIZE);
            memset(hal_direct(*out), 0, PAGE_SIZE);
            return true;
        }
    }
    return false;
}

void tested_table_frame_free(paddr_t frame)
{
    taken[frame_of(frame)] = false;
}

uint64_t mmu_physical_max(void)
{
    return HAL_PTE_ADDR_MAX;
}

unsigned mmu_enforceable(unsigned prot)
{
    return prot;
}

/* ---- the hardware ---- */

enum instruction { ISB, DSB_ISHST, DSB_ISH, TLBI, ALL_ARE_THERE };

static enum instruction missing;
static pte_t seen[FRAMES][PT_ENTRIES]; /* by walkers */
/* the next instructions were fetched before the last change */
static bool is_fetched;
static unsigned conflicts; /* accesses that found two translations of one address */

/** The TLB's entry for an address. */
static struct cached {
    vaddr_t va;
    pte_t leaf; /* none: nothing */
    unsigned level;
    paddr_t tables[PT_LEVELS]; /* tables on its path, by level; 0: unknown */
    bool is_leaving;
} tlb[WATCHED];
static unsigned watched;

static pte_t walk(struct cached *c, unsigned *level)
{
    for (unsigned at = PT_LEVELS - 1;; at--) {
        pte_t e = seen[frame_of(c->tables[at])][index_of(c->va, at)];
        *level = at;
        if (!hal_pte_is_present(e)) {
            return hal_pte_none();
        }
        if (hal_pte_is_leaf(e, at)) {
            return e;
        }
        /* A table that is cached is not looked up again. */
        if (c->tables[at - 1].raw == 0) {
            c->tables[at - 1] = hal_pte_addr(e, at);
        }
    }
}

static uint64_t target(const struct cached *c, pte_t leaf, unsigned level)
{
    return hal_pte_addr(leaf, level).raw + (c->va & (PT_SPAN(level) - 1));
}

static void look_ahead(void)
{
    for (unsigned i = 0; i < watched; i++) {
        struct cached *c = &tlb[i];
        unsigned level;
        c->tables[PT_LEVELS - 1] = kernel_tables.root;
        pte_t leaf = walk(c, &level);
        if (hal_pte_is_none(leaf)) {
            continue;
        }
        if (hal_pte_is_none(c->leaf)) {
            c->leaf = leaf;
            c->level = level;
        } else if (level != c->level || target(c, leaf, level) != target(c, c->leaf, level)) {
            conflicts++;
        }
    }
}

/* Splitting a large leaf writes through this window. */
static void show_window(void)
{
    struct hal_mapping m;
    void *at = (void *)HAL_WINDOW_PAGE;
    if (pagetable_query(&kernel_tables, HAL_WINDOW_PAGE, &m)) {
        off_t offset = (off_t)(frame_of(m.base) * PAGE_SIZE);
        assert_ptr_equal(
            mmap(at, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory, offset),
            at);
    } else {
        assert_int_equal(munmap(at, PAGE_SIZE), 0);
    }
}

static void see(void)
{
    memcpy(seen, hal_direct(paddr(FRAME_BASE)), sizeof(seen));
    look_ahead();
    is_fetched = true;
}

void dsb_ishst(void)
{
    if (missing != DSB_ISHST) {
        see();
    }
    show_window();
}

void dsb_ish(void)
{
    if (missing == DSB_ISH) {
        return;
    }
    for (unsigned i = 0; i < watched; i++) {
        if (tlb[i].is_leaving) {
            tlb[i] = (struct cached){.va = tlb[i].va};
        }
    }
    look_ahead(); /* a walk that started before this barrier */
    see();
}

void isb(void)
{
    is_fetched = is_fetched && missing == ISB;
}

static void leave(bool everything, uint64_t page)
{
    for (unsigned i = 0; i < watched && missing != TLBI; i++) {
        uint64_t own = (tlb[i].va >> PAGE_SHIFT) & ((UINT64_C(1) << 44) - 1);
        /* Invalidating any page of a leaf removes the whole leaf. */
        uint64_t leaf_pages = PT_SPAN(tlb[i].level) >> PAGE_SHIFT;
        bool is_named =
            hal_pte_is_none(tlb[i].leaf) ? own == page : own / leaf_pages == page / leaf_pages;
        tlb[i].is_leaving |= everything || is_named;
    }
}

void tlbi_vaae1is(uint64_t page)
{
    leave(false, page);
}

void tlbi_vmalle1is(void)
{
    leave(true, 0);
}

void dsb_sy(void)
{
    dsb_ish();
}

void cpu_yield(void)
{
}

cpu_t tested_cpu_count(void)
{
    return 1; /* the other CPUs are simulated by their TLBs; none has to be held */
}

struct hal_cpu *tested_cpu_at(cpu_t id)
{
    assert_int_equal(id, 0);
    return hal_this_cpu();
}

/* ---- Conditions that tests check ---- */

static void watch(vaddr_t va)
{
    assert_true(watched < WATCHED);
    tlb[watched++] = (struct cached){.va = va};
    look_ahead();
}

static struct cached *cached(vaddr_t va)
{
    for (unsigned i = 0; i < watched; i++) {
        if (tlb[i].va == va) {
            return &tlb[i];
        }
    }
    fail_msg("the address is not watched");
    return NULL;
}

/* From its next instruction on, every CPU finds va mapped there, with these rights. */
static bool is_mapped(vaddr_t va, paddr_t to, unsigned prot)
{
    const struct cached *c = cached(va);
    return !is_fetched && !hal_pte_is_none(c->leaf) && target(c, c->leaf, c->level) == to.raw &&
           hal_pte_prot(c->leaf) == prot;
}

/* No CPU finds a mapping, and none walks through a table that may have been reused. */
static bool is_gone(vaddr_t va)
{
    const struct cached *c = cached(va);
    for (unsigned level = 0; level < PT_LEVELS - 1; level++) {
        if (c->tables[level].raw != 0 && !taken[frame_of(c->tables[level])]) {
            return false;
        }
    }
    return !is_fetched && hal_pte_is_none(c->leaf);
}

static void set_up(enum instruction left_out)
{
    missing = ALL_ARE_THERE;
    watched = 0;
    conflicts = 0;
    memset(taken, 0, sizeof(taken));
    paddr_t root;
    assert_true(tested_table_frame(&root));
    kernel_tables = mmu_tables_at(root);
    see();
    /* The window lies in an existing table, next to the console's page. */
    assert_int_equal(
        hal_mmu_map(HAL_WINDOW_PAGE + PAGE_SIZE, paddr(FRAME_BASE), 1, PROT_R, MEM_NORMAL), OK);
    missing = left_out;
}

static void give_back(void *ctx, enum hal_gather_kind kind, paddr_t base, size_t pages)
{
    paddr_t *table = ctx;
    (void)pages;
    if (kind == HAL_GATHER_TABLE) {
        *table = base;
    }
}

static bool maps_a_page(void)
{
    watch(VA);
    assert_int_equal(hal_mmu_map(VA, paddr(0x1000000), 1, PROT_R | PROT_W, MEM_NORMAL), OK);
    return is_mapped(VA, paddr(0x1000000), PROT_R | PROT_W);
}

static bool shows_a_page_that_is_touched(void)
{
    paddr_t frame;
    assert_true(tested_table_frame(&frame));
    watch(VA);
    (void)hal_mmu_map(VA, frame, 1, PROT_R | PROT_W | PROT_LAZY, MEM_NORMAL);
    is_fetched = false;
    assert_true(hal_pte_is_none(cached(VA)->leaf));
    assert_true(hal_mmu_touch(VA, 1));
    return is_mapped(VA, frame, PROT_R | PROT_W);
}

static void map_first(vaddr_t va, size_t pages)
{
    enum instruction left_out = missing;
    missing = ALL_ARE_THERE;
    assert_int_equal(hal_mmu_map(va, paddr(0x1000000), pages, PROT_R | PROT_W, MEM_NORMAL), OK);
    missing = left_out;
}

static bool unmaps_pages(void)
{
    struct hal_mmu_batch batch = {.gather = give_back, .ctx = &(paddr_t){0}};
    watch(VA);
    watch(VA + 2 * PAGE_SIZE);
    map_first(VA, 3);
    assert_int_equal(hal_mmu_unmap(VA, 3, &batch), OK);
    hal_mmu_flush(&batch);
    return is_gone(VA) && is_gone(VA + 2 * PAGE_SIZE);
}

static bool unmaps_more_than_is_worth_naming(void)
{
    struct hal_mmu_batch batch = {.gather = give_back, .ctx = &(paddr_t){0}};
    watch(VA + 300 * PAGE_SIZE);
    map_first(VA, 301);
    assert_int_equal(hal_mmu_unmap(VA, 301, &batch), OK);
    hal_mmu_flush(&batch);
    return is_gone(VA + 300 * PAGE_SIZE);
}

/* The table of a whole 2 MiB is freed with them: no walker may have it cached when it is reused. */
static bool unmaps_pages_and_their_table(void)
{
    paddr_t table = {0};
    struct hal_mmu_batch batch = {.gather = give_back, .ctx = &table};
    watch(VA + PAGE_SIZE);
    map_first(VA + PAGE_SIZE, 1);
    assert_int_equal(hal_mmu_unmap(VA, PT_ENTRIES, &batch), OK);
    assert_true(batch.has_tables);
    hal_mmu_flush(&batch);
    tested_table_frame_free(table);
    return is_gone(VA + PAGE_SIZE);
}

static bool takes_a_right_away(void)
{
    struct hal_mmu_batch batch = {.gather = give_back, .ctx = &(paddr_t){0}};
    watch(VA);
    map_first(VA, 1);
    assert_int_equal(hal_mmu_protect(VA, 1, PROT_R, &batch), OK);
    hal_mmu_flush(&batch);
    return is_mapped(VA, paddr(0x1000000), PROT_R);
}

/* Break before make: the large leaf is invalidated before the table
 * in its place becomes visible. */
static bool splits_a_large_leaf(void)
{
    struct hal_mmu_batch batch = {.gather = give_back, .ctx = &(paddr_t){0}};
    watch(VA);
    watch(VA + 5 * PAGE_SIZE);
    map_first(VA, PT_ENTRIES);
    assert_int_equal(cached(VA)->level, 1);
    assert_int_equal(hal_mmu_unmap(VA + 5 * PAGE_SIZE, 1, &batch), OK);
    hal_mmu_flush(&batch);
    return conflicts == 0 && is_mapped(VA, paddr(0x1000000), PROT_R | PROT_W) &&
           is_gone(VA + 5 * PAGE_SIZE);
}

/* True with all instructions, and false without any one of the list. */
static void holds_only_with(bool (*what)(void), const enum instruction *needed)
{
    set_up(ALL_ARE_THERE);
    assert_true(what());
    assert_int_equal(conflicts, 0);
    for (; *needed != ALL_ARE_THERE; needed++) {
        set_up(*needed);
        if (what()) {
            fail_msg("nothing is wrong without instruction %d", (int)*needed);
        }
    }
}

static const enum instruction to_show[] = {ISB, DSB_ISHST, ALL_ARE_THERE};
static const enum instruction to_forget[] = {ISB, DSB_ISHST, DSB_ISH, TLBI, ALL_ARE_THERE};

static void test_mapped_pages_are_visible(void **state)
{
    (void)state;
    holds_only_with(maps_a_page, to_show);
    holds_only_with(shows_a_page_that_is_touched, to_show);
}

static void test_unmapped_pages_are_flushed_everywhere(void **state)
{
    (void)state;
    holds_only_with(unmaps_pages, to_forget);
    holds_only_with(unmaps_more_than_is_worth_naming, to_forget);
    holds_only_with(unmaps_pages_and_their_table, to_forget);
}

static void test_a_right_is_removed_on_every_cpu(void **state)
{
    (void)state;
    holds_only_with(takes_a_right_away, to_forget);
}

static void test_a_leaf_is_flushed_before_it_is_replaced(void **state)
{
    (void)state;
    holds_only_with(splits_a_large_leaf, to_forget);
}

static int map_memory(void **state)
{
    (void)state;
    void *at = hal_direct(paddr(FRAME_BASE));
    memory = memfd_create("tables", 0);
    return memory < 0 || ftruncate(memory, FRAMES * PAGE_SIZE) != 0 ||
           mmap(at, FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory,
                0) != at;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapped_pages_are_visible),
        cmocka_unit_test(test_unmapped_pages_are_flushed_everywhere),
        cmocka_unit_test(test_a_right_is_removed_on_every_cpu),
        cmocka_unit_test(test_a_leaf_is_flushed_before_it_is_replaced),
    };
    return cmocka_run_group_tests(tests, map_memory, NULL);
}
