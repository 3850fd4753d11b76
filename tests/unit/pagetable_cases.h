// SPDX-License-Identifier: MIT
//
// What hal/pagetable.c guarantees on every machine. Included by one test for each machine, after
// that machine's pte.h and pte.c and the page-table code itself, so that it is compiled for each
// format. Tables live in a small arena in place of memory.
#pragma once

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/cpu.h"

#define ARENA_FRAMES 64
#define ARENA_BASE   UINT64_C(0x40000000) /* the arena's fake physical address */
#define VA           UINT64_C(0xffffc90000000000)

static _Alignas(4096) uint8_t arena[ARENA_FRAMES][4096];
static bool taken[ARENA_FRAMES];
static unsigned frames_left; /* allocations that still succeed */
static unsigned forgets;
static bool is_open;
static unsigned windows; /* openings that still succeed */

static bool is_read_only; /* threads that only read the tables must not be preempted */

static void *arena_at(paddr_t t)
{
    assert_false(is_read_only && hal_irqs_enabled());
    assert_false(is_open);
    uint64_t i = (t.raw - ARENA_BASE) >> 12;
    assert_true(i < ARENA_FRAMES && taken[i]);
    return arena[i];
}

static bool arena_alloc(paddr_t *out)
{
    if (frames_left == 0) {
        return false;
    }
    frames_left--;
    for (unsigned i = 0; i < ARENA_FRAMES; i++) {
        if (!taken[i]) {
            taken[i] = true;
            memset(arena[i], 0, 4096);
            *out = paddr(ARENA_BASE + i * 4096ull);
            return true;
        }
    }
    return false;
}

static void arena_free(paddr_t t)
{
    uint64_t i = (t.raw - ARENA_BASE) >> 12;
    assert_true(i < ARENA_FRAMES && taken[i]);
    /* A freed frame must have been cleared or never written: alloc may
     * rely on its owner for zeroes. */
    taken[i] = false;
}

static void arena_forget(vaddr_t va)
{
    (void)va;
    assert_true(is_open && !hal_irqs_enabled());
    forgets++;
}

/* While a table is open, the direct map of the tables is unusable: a leaf of it is being split. */
static void *arena_open(paddr_t t)
{
    assert_false(is_open);
    void *table = windows > 0 ? arena_at(t) : NULL;
    is_open = table != NULL;
    windows -= is_open ? 1 : 0;
    return table;
}

static void arena_close(void)
{
    assert_true(is_open);
    is_open = false;
}

static unsigned frames_taken(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ARENA_FRAMES; i++) {
        n += taken[i];
    }
    return n;
}

static struct pagetable_recent recent;

static struct pagetable fresh(unsigned leaf_max)
{
    recent = (struct pagetable_recent){.base = PAGETABLE_NOWHERE};
    memset(taken, 0, sizeof taken);
    frames_left = ARENA_FRAMES;
    forgets = 0;
    windows = UINT_MAX;
    struct pagetable pt = {.phys_max = HAL_PTE_ADDR_MAX,
                           .leaf_max = leaf_max,
                           .at = arena_at,
                           .alloc = arena_alloc,
                           .free = arena_free,
                           .forget = arena_forget,
                           .open = arena_open,
                           .close = arena_close,
                           .recent = &recent};
    assert_true(arena_alloc(&pt.root));
    return pt;
}

struct gathered {
    size_t leaf_pages, tables;
};

static void gather(void *ctx, enum hal_gather_kind kind, paddr_t base, size_t pages)
{
    struct gathered *g = ctx;
    if (kind == HAL_GATHER_TABLE) {
        g->tables += pages;
        arena_free(base);
    } else {
        g->leaf_pages += pages;
    }
}

static void test_map_then_query_returns_the_mapping(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct hal_mapping m;
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 3, PROT_R | PROT_W, MEM_NORMAL), OK);
    assert_true(pagetable_query(&pt, VA + 0x2abc, &m));
    assert_int_equal(m.base.raw, 0x80002000);
    assert_int_equal(m.size, 4096);
    assert_int_equal(m.prot, PROT_R | PROT_W);
    assert_int_equal(m.type, MEM_NORMAL);
    assert_false(pagetable_query(&pt, VA + 0x3000, &m));
    assert_false(pagetable_query(&pt, VA - 1, &m));
}

static void test_each_type_and_protection_survives_at_each_level(void **state)
{
    (void)state;
    const unsigned prots[] = {PROT_R, PROT_R | PROT_W, PROT_R | PROT_X};
    const enum mem_type types[] = {MEM_NORMAL, MEM_DEVICE, MEM_WRITE_COMBINE};
    for (unsigned level = 0; level <= PT_LEAF_MAX; level++) {
        for (unsigned p = 0; p < 3; p++) {
            for (unsigned t = 0; t < 3; t++) {
                struct pagetable pt = fresh(PT_LEAF_MAX);
                struct hal_mapping m;
                size_t pages = PT_SPAN(level) >> 12;
                assert_int_equal(
                    pagetable_map(&pt, VA, paddr(0x2000000000), pages, prots[p], types[t]), OK);
                assert_true(pagetable_query(&pt, VA + PT_SPAN(level) - 1, &m));
                assert_int_equal(m.size, PT_SPAN(level));
                assert_int_equal(m.base.raw, 0x2000000000);
                assert_int_equal(m.prot, prots[p]);
                assert_int_equal(m.type, types[t]);
            }
        }
    }
}

static void test_large_leaves_only_where_both_addresses_allow(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct hal_mapping m;
    /* 1 page, one 2 MiB leaf, 1 page */
    assert_int_equal(pagetable_map(&pt, VA + 0x1ff000, paddr(0x801ff000), 514, PROT_R, MEM_NORMAL),
                     OK);
    assert_true(pagetable_query(&pt, VA + 0x1ff000, &m));
    assert_int_equal(m.size, 4096);
    assert_true(pagetable_query(&pt, VA + 0x234567, &m));
    assert_int_equal(m.size, 0x200000);
    assert_int_equal(m.base.raw, 0x80200000);
    assert_true(pagetable_query(&pt, VA + 0x400000, &m));
    assert_int_equal(m.size, 4096);
    /* virtual and physical offsets differ: only small pages are possible */
    assert_int_equal(
        pagetable_map(&pt, VA + 0x40000000, paddr(0x80001000), 512, PROT_R, MEM_NORMAL), OK);
    assert_true(pagetable_query(&pt, VA + 0x40000000, &m));
    assert_int_equal(m.size, 4096);
}

static void test_a_mapped_page_refuses_the_whole_range_and_changes_nothing(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct hal_mapping m;
    assert_int_equal(pagetable_map(&pt, VA + 0x5000, paddr(0x1000), 1, PROT_R, MEM_NORMAL), OK);
    unsigned before = frames_taken();
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 1024, PROT_R, MEM_NORMAL), E_EXIST);
    assert_int_equal(frames_taken(), before);
    assert_false(pagetable_query(&pt, VA, &m));
    assert_true(pagetable_query(&pt, VA + 0x5000, &m));
    assert_int_equal(m.base.raw, 0x1000);
}

static void test_no_memory_at_any_allocation_changes_nothing(void **state)
{
    (void)state;
    /* Crosses a 1 GiB boundary: two tables at level 0, two at 1, one at 2. */
    for (unsigned allowed = 0; allowed < 5; allowed++) {
        struct pagetable pt = fresh(1);
        struct hal_mapping m;
        frames_left = allowed;
        assert_int_equal(pagetable_map(&pt, VA + 0x3ffff000, paddr(0x1000), 2, PROT_R, MEM_NORMAL),
                         E_NOMEM);
        assert_int_equal(frames_taken(), 1);
        assert_false(pagetable_query(&pt, VA + 0x3ffff000, &m));
    }
    struct pagetable pt = fresh(1);
    frames_left = 5;
    assert_int_equal(pagetable_map(&pt, VA + 0x3ffff000, paddr(0x1000), 2, PROT_R, MEM_NORMAL), OK);
    assert_int_equal(frames_left, 0);
}

static void test_write_with_execute_and_bad_ranges_are_refused(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct hal_mmu_batch b = {.gather = gather};
    const paddr_t p = {0x1000};
    assert_int_equal(pagetable_map(&pt, VA, p, 1, PROT_R | PROT_W | PROT_X, MEM_NORMAL), E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, p, 1, PROT_R | PROT_GUARDED, MEM_NORMAL), E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, p, 1, PROT_W, MEM_NORMAL), E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, p, 1, PROT_NONE, MEM_NORMAL), E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA + 1, p, 1, PROT_R, MEM_NORMAL), E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x1001), 1, PROT_R, MEM_NORMAL), E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, p, 0, PROT_R, MEM_NORMAL), E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, p, SIZE_MAX / 4096 + 1, PROT_R, MEM_NORMAL), E_INVAL);
    assert_int_equal(pagetable_map(&pt, UINTPTR_MAX - 4095, p, 2, PROT_R, MEM_NORMAL), E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, paddr(HAL_PTE_ADDR_MAX - 4095), 2, PROT_R, MEM_NORMAL),
                     E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, p, 1, PROT_R, MEM_NORMAL), OK);
    assert_int_equal(pagetable_protect(&pt, VA, 1, PROT_R | PROT_W | PROT_X, &b), E_INVAL);
    assert_int_equal(pagetable_protect(&pt, VA, 2, PROT_R, &b), E_INVAL);
    assert_int_equal(b.count, 0);
}

/* The cached table of the last range is freed with it: the next range uses another one. */
static void test_a_freed_table_is_not_cached(void **state)
{
    (void)state;
    for (unsigned remembers = 0; remembers < 2; remembers++) {
        struct pagetable pt = fresh(1);
        struct gathered g = {0};
        struct hal_mmu_batch b = {.gather = gather, .ctx = &g};
        struct hal_mapping m;
        pt.recent = remembers ? &recent : NULL;
        for (unsigned i = 0; i < 3; i++) {
            vaddr_t va = VA + i * PAGE_SIZE;
            assert_int_equal(pagetable_map(&pt, va, paddr(0x1000), 1, PROT_R, MEM_NORMAL), OK);
            assert_int_equal(pagetable_map(&pt, va, paddr(0x1000), 1, PROT_R, MEM_NORMAL), E_EXIST);
            assert_true(pagetable_query(&pt, va, &m));
            /* Everything that one table maps, and one page of the next, whose table stays. */
            assert_int_equal(pagetable_unmap(&pt, VA, 513, &b), OK);
            assert_int_equal(g.leaf_pages, i + 1);
            assert_int_equal(g.tables, i + 1);
            assert_false(pagetable_query(&pt, va, &m));
        }
        assert_int_equal(pagetable_map(&pt, VA, paddr(0x1000), 1, PROT_R, MEM_NORMAL), OK);
        assert_int_equal(pagetable_map(&pt, VA + PT_SPAN(1), paddr(0x1000), 1, PROT_R, MEM_NORMAL),
                         OK);
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(pagetable_protect(&pt, VA + i * PT_SPAN(1), 1, PROT_R | PROT_W, &b),
                             OK);
            assert_true(pagetable_query(&pt, VA + i * PT_SPAN(1), &m));
            assert_int_equal(m.prot, PROT_R | PROT_W);
        }
    }
}

static void test_leaves_are_collected_only_if_requested(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct gathered g = {0};
    struct hal_mmu_batch b = {.gather = gather, .ctx = &g, .tables_only = true};
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x1000), 513, PROT_R, MEM_NORMAL), OK);
    assert_int_equal(pagetable_unmap(&pt, VA, 1, &b), OK);
    assert_int_equal(pagetable_unmap(&pt, VA, 512, &b), OK);
    assert_int_equal(g.leaf_pages, 0);
    assert_int_equal(g.tables, 1);
    assert_int_equal(b.pages, 513);
    assert_int_equal(pagetable_unmap(&pt, VA, 1024, &b), OK);
    assert_int_equal(g.leaf_pages, 0);
    assert_int_equal(g.tables, 2);
}

static void test_addresses_beyond_the_cpus_are_refused(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    pt.phys_max = ((uint64_t)1 << 40) - 1;
    assert_int_equal(
        pagetable_map(&pt, VA, paddr((uint64_t)1 << 40), 1, PROT_R | PROT_W, MEM_DEVICE), E_INVAL);
    assert_int_equal(
        pagetable_map(&pt, VA, paddr(((uint64_t)1 << 40) - 4096), 2, PROT_R, MEM_NORMAL), E_INVAL);
    assert_int_equal(
        pagetable_map(&pt, VA, paddr(((uint64_t)1 << 40) - 4096), 1, PROT_R, MEM_NORMAL), OK);
}

static void test_unmap_in_the_middle_of_a_large_leaf_splits_it(void **state)
{
    (void)state;
    struct pagetable pt = fresh(PT_LEAF_MAX);
    struct gathered g = {0};
    struct hal_mmu_batch b = {.gather = gather, .ctx = &g};
    struct hal_mapping m;
    assert_int_equal(
        pagetable_map(&pt, VA, paddr(0x80000000), 1 << 18, PROT_R | PROT_X, MEM_NORMAL), OK);
    assert_int_equal(pagetable_unmap(&pt, VA + 0x203000, 2, &b), OK);
    assert_int_equal(g.leaf_pages, 2);
    assert_int_equal(b.count, 1);
    assert_int_equal(forgets, HAL_PTE_BREAK_BEFORE_MAKE ? 2 : 0);
    assert_false(pagetable_query(&pt, VA + 0x203000, &m));
    assert_false(pagetable_query(&pt, VA + 0x204fff, &m));
    const uint64_t kept[] = {0, 0x202fff, 0x205000, 0x3fffffff};
    for (unsigned i = 0; i < 4; i++) {
        assert_true(pagetable_query(&pt, VA + kept[i], &m));
        assert_int_equal(m.base.raw, 0x80000000 + (kept[i] & ~(m.size - 1)));
        assert_int_equal(m.prot, PROT_R | PROT_X);
    }
}

static void test_a_split_without_memory_changes_nothing(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct hal_mmu_batch b = {.gather = gather};
    struct hal_mapping m;
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 512, PROT_R, MEM_NORMAL), OK);
    frames_left = 0;
    assert_int_equal(pagetable_unmap(&pt, VA, 1, &b), E_NOMEM);
    assert_int_equal(pagetable_protect(&pt, VA, 1, PROT_R | PROT_W, &b), E_NOMEM);
    if (HAL_PTE_BREAK_BEFORE_MAKE) {
        frames_left = ARENA_FRAMES;
        windows = 0;
        unsigned before = frames_taken();
        assert_int_equal(pagetable_unmap(&pt, VA, 1, &b), E_NOMEM);
        assert_int_equal(frames_taken(), before);
    }
    assert_true(pagetable_query(&pt, VA, &m));
    assert_int_equal(m.size, 0x200000);
    assert_int_equal(m.prot, PROT_R);
    assert_int_equal(b.count, 0);
}

static void test_unmap_of_whole_spans_frees_tables(void **state)
{
    (void)state;
    struct pagetable pt = fresh(0);
    struct gathered g = {0};
    struct hal_mmu_batch b = {.gather = gather, .ctx = &g};
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 1024, PROT_R, MEM_NORMAL), OK);
    assert_int_equal(frames_taken(), 5); /* root, level 2, level 1, two of level 0 */
    assert_int_equal(pagetable_unmap(&pt, VA, 1 << 18, &b), OK);
    assert_int_equal(g.leaf_pages, 1024);
    assert_int_equal(g.tables, 3);
    assert_int_equal(frames_taken(), 2);
    /* Unmapping an unmapped range succeeds. */
    assert_int_equal(pagetable_unmap(&pt, VA, 1 << 18, &b), OK);
    assert_int_equal(g.leaf_pages, 1024);
}

/* Consecutive frames of the arena, filled with a pattern. */
static paddr_t dirty_frames(unsigned count)
{
    paddr_t first, next;
    assert_true(arena_alloc(&first));
    memset(arena_at(first), 0x5a, 4096);
    for (unsigned i = 1; i < count; i++) {
        assert_true(arena_alloc(&next));
        assert_int_equal(next.raw, first.raw + i * 4096ull);
        memset(arena_at(next), 0x5a, 4096);
    }
    return first;
}

static void test_lazy_pages_are_cleared_and_mapped_by_a_touch(void **state)
{
    (void)state;
    static const uint8_t zeroes[4096];
    struct pagetable pt = fresh(1);
    struct hal_mapping m;
    paddr_t p = dirty_frames(6);
    assert_int_equal(pagetable_map(&pt, VA, p, 6, PROT_R | PROT_W | PROT_LAZY, MEM_NORMAL), OK);
    assert_false(pagetable_query(&pt, VA, &m));
    assert_false(pagetable_touch(&pt, VA + 0x6000, 2)); /* nothing is mapped there */
    assert_true(pagetable_touch(&pt, VA + 0x3abc, 2));
    for (unsigned i = 0; i < 6; i++) {
        bool is_touched = i == 2 || i == 3;
        const uint8_t *frame = arena_at(paddr_add(p, i * 4096));
        assert_int_equal(pagetable_query(&pt, VA + i * 4096, &m), is_touched);
        assert_int_equal(memcmp(frame, zeroes, 4096) == 0, is_touched);
        if (is_touched) {
            assert_int_equal(m.base.raw, p.raw + i * 4096ull);
            assert_int_equal(m.prot, PROT_R | PROT_W);
            assert_int_equal(m.size, 4096);
        }
    }
    /* Data that was written since then stays. */
    *(uint8_t *)arena_at(paddr_add(p, 0x2000)) = 7;
    assert_true(pagetable_touch(&pt, VA + 0x2000, 512));
    assert_int_equal(*(uint8_t *)arena_at(paddr_add(p, 0x2000)), 7);
    assert_true(pagetable_query(&pt, VA + 0x5000, &m));
}

/* One CPU clears a page's frame while another one is about to unmap it. */
static struct {
    struct pagetable pt;
    _Atomic bool has_begun, is_cleared;
    unsigned gathered, too_early;
} meeting;

static void gather_after_clearing(void *ctx, enum hal_gather_kind kind, paddr_t base, size_t pages)
{
    (void)ctx, (void)kind, (void)base, (void)pages;
    meeting.gathered++;
    meeting.too_early += !atomic_load(&meeting.is_cleared);
}

static void *unmap_meanwhile(void *unused)
{
    struct hal_mmu_batch b = {.gather = gather_after_clearing};
    atomic_store(&meeting.has_begun, true);
    (void)!pagetable_unmap(&meeting.pt, VA, 1, &b);
    return unused;
}

static void test_a_frame_that_is_being_cleared_is_not_freed(void **state)
{
    (void)state;
    meeting.pt = fresh(1);
    paddr_t p = dirty_frames(1);
    const unsigned lazy = PROT_R | PROT_W | PROT_LAZY;
    assert_int_equal(pagetable_map(&meeting.pt, VA, p, 1, lazy, MEM_NORMAL), OK);
    pte_t *slot = slot_at(&meeting.pt, VA, 0);
    pte_t e = load(slot);
    store(slot, hal_pte_busy(e));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, unmap_meanwhile, NULL), 0);
    while (!atomic_load(&meeting.has_begun)) {
        sched_yield();
    }
    for (unsigned i = 0; i < 1000; i++) {
        sched_yield();
    }
    atomic_store(&meeting.is_cleared, true);
    store(slot, hal_pte_touched(e));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(meeting.gathered, 1);
    assert_int_equal(meeting.too_early, 0);
    assert_true(hal_pte_is_none(load(slot)));
}

struct frames_seen {
    uint64_t sum;
    unsigned count;
};

static void sum_frames(void *ctx, enum hal_gather_kind kind, paddr_t base, size_t pages)
{
    struct frames_seen *seen = ctx;
    assert_int_equal(kind, HAL_GATHER_LEAF);
    assert_int_equal(pages, 1);
    seen->sum += base.raw;
    seen->count++;
}

static void test_lazy_pages_are_allocated_and_freed_like_others(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct frames_seen seen = {0};
    struct hal_mmu_batch b = {.gather = sum_frames, .ctx = &seen};
    struct hal_mapping m;
    const unsigned lazy = PROT_R | PROT_W | PROT_LAZY;
    paddr_t p = dirty_frames(4);
    assert_int_equal(pagetable_map(&pt, VA, p, 4, lazy | PROT_X, MEM_NORMAL), E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, p, 4, PROT_R | PROT_X | PROT_LAZY, MEM_NORMAL),
                     E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, p, 4, lazy, MEM_DEVICE), E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, p, 4, lazy, MEM_NORMAL), OK);
    /* In an existing table, below missing tables, and for a whole table. */
    assert_int_equal(pagetable_map(&pt, VA + 0x3000, p, 2, PROT_R, MEM_NORMAL), E_EXIST);
    assert_int_equal(pagetable_map(&pt, VA + 0x3000, p, 600, PROT_R, MEM_NORMAL), E_EXIST);
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 512, PROT_R, MEM_NORMAL), E_EXIST);
    assert_int_equal(pagetable_protect(&pt, VA, 2, PROT_R, &b), E_INVAL);
    assert_int_equal(pagetable_protect(&pt, VA, 1, lazy, &b), E_INVAL);
    assert_true(pagetable_touch(&pt, VA + 0x1000, 1));
    assert_int_equal(pagetable_protect(&pt, VA + 0x1000, 1, PROT_R, &b), OK);
    assert_int_equal(pagetable_unmap(&pt, VA, 3, &b), OK);
    assert_int_equal(seen.count, 3);
    assert_int_equal(
        pagetable_unmap(&pt, VA, 1024,
                        &(struct hal_mmu_batch){.gather = gather, .ctx = &(struct gathered){0}}),
        OK);
    assert_int_equal(seen.sum, 3 * p.raw + 0x3000);
    assert_false(pagetable_query(&pt, VA + 0x1000, &m));
    /* Where larger leaves would be possible: 2 MiB of pages. */
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 1024, lazy, MEM_NORMAL), OK);
    struct gathered g = {0};
    b = (struct hal_mmu_batch){.gather = gather, .ctx = &g};
    assert_int_equal(pagetable_unmap(&pt, VA, 1024, &b), OK);
    assert_int_equal(g.leaf_pages, 1024);
    assert_int_equal(g.tables, 2);
}

static void test_one_entry_of_2_mib_is_mapped_and_unmapped(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct gathered g = {0};
    struct hal_mmu_batch b = {.gather = gather, .ctx = &g};
    struct hal_mapping m;
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 1024, PROT_R, MEM_NORMAL), OK);
    unsigned before = frames_taken();
    assert_int_equal(pagetable_protect(&pt, VA, 512, PROT_R | PROT_W, &b), OK);
    assert_true(pagetable_query(&pt, VA, &m));
    assert_int_equal(m.prot, PROT_R | PROT_W);
    assert_int_equal(pagetable_unmap(&pt, VA, 512, &b), OK);
    assert_int_equal(g.leaf_pages, 512);
    assert_int_equal(g.tables, 0);
    assert_false(pagetable_query(&pt, VA, &m));
    assert_true(pagetable_query(&pt, VA + 0x200000, &m));
    assert_int_equal(pagetable_protect(&pt, VA, 512, PROT_R, &b), E_INVAL);
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 512, PROT_R, MEM_NORMAL), OK);
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 512, PROT_R, MEM_NORMAL), E_EXIST);
    assert_true(pagetable_query(&pt, VA, &m));
    assert_int_equal(m.size, 0x200000);
    assert_int_equal(frames_taken(), before);
    /* Not if the frames are unaligned, or large leaves are disabled. */
    assert_int_equal(pagetable_unmap(&pt, VA, 512, &b), OK);
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80001000), 512, PROT_R, MEM_NORMAL), OK);
    assert_true(pagetable_query(&pt, VA, &m));
    assert_int_equal(m.size, 4096);
    pt = fresh(0);
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 512, PROT_R, MEM_NORMAL), OK);
    assert_true(pagetable_query(&pt, VA, &m));
    assert_int_equal(m.size, 4096);
}

static void test_an_empty_table_in_place_of_a_large_leaf_is_used(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct gathered g = {0};
    struct hal_mmu_batch b = {.gather = gather, .ctx = &g};
    struct hal_mapping m;
    assert_int_equal(pagetable_map(&pt, VA + 0x1000, paddr(0x1000), 1, PROT_R, MEM_NORMAL), OK);
    assert_int_equal(pagetable_unmap(&pt, VA + 0x1000, 1, &b), OK);
    unsigned before = frames_taken();
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 1024, PROT_R, MEM_NORMAL), OK);
    assert_int_equal(frames_taken(), before);
    assert_true(pagetable_query(&pt, VA + 0x1ff000, &m));
    assert_int_equal(m.base.raw, 0x801ff000);
    assert_int_equal(m.size, 4096);
    assert_true(pagetable_query(&pt, VA + 0x200000, &m));
    assert_int_equal(m.size, 0x200000);
}

static void test_protect_changes_only_its_range(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct hal_mmu_batch b = {.gather = gather};
    struct hal_mapping m;
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 1024, PROT_R | PROT_W, MEM_NORMAL),
                     OK);
    assert_int_equal(pagetable_protect(&pt, VA + 0x1ff000, 2, PROT_R | PROT_X, &b), OK);
    assert_true(pagetable_query(&pt, VA + 0x1fefff, &m));
    assert_int_equal(m.prot, PROT_R | PROT_W);
    assert_true(pagetable_query(&pt, VA + 0x1ff000, &m));
    assert_int_equal(m.prot, PROT_R | PROT_X);
    assert_true(pagetable_query(&pt, VA + 0x200fff, &m));
    assert_int_equal(m.prot, PROT_R | PROT_X);
    assert_true(pagetable_query(&pt, VA + 0x201000, &m));
    assert_int_equal(m.prot, PROT_R | PROT_W);
    assert_int_equal(b.count, 1);
}

static void test_a_full_batch_flushes_everything(void **state)
{
    (void)state;
    struct hal_mmu_batch b = {.gather = gather};
    for (unsigned i = 0; i < HAL_BATCH_RANGES; i++) {
        hal_mmu_batch_add(&b, VA, 1);
    }
    assert_false(b.flush_all);
    hal_mmu_batch_add(&b, VA, 1);
    assert_true(b.flush_all);
    assert_int_equal(b.count, HAL_BATCH_RANGES);
}

struct runs {
    unsigned count;
    struct {
        vaddr_t va;
        uint64_t size;
        unsigned prot;
    } run[8];
};

static void add_run(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m)
{
    struct runs *r = ctx;
    assert_true(r->count < 8);
    r->run[r->count].va = va;
    r->run[r->count].size = size;
    r->run[r->count++].prot = m->prot;
}

static void test_a_walk_merges_mappings_and_reaches_the_last_page(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct runs r = {0};
    const vaddr_t top = UINT64_C(0xfffffffffffff000);
    assert_int_equal(pagetable_map(&pt, VA + 0x1ff000, paddr(0x801ff000), 514, PROT_R, MEM_NORMAL),
                     OK);
    assert_int_equal(
        pagetable_map(&pt, VA + 0x401000, paddr(0x80401000), 1, PROT_R | PROT_W, MEM_NORMAL), OK);
    assert_int_equal(pagetable_map(&pt, top, paddr(0x1000), 1, PROT_R, MEM_NORMAL), OK);
    pagetable_walk(&pt, VA, UINTPTR_MAX, add_run, &r);
    assert_int_equal(r.count, 3);
    assert_int_equal(r.run[0].va, VA + 0x1ff000);
    assert_int_equal(r.run[0].size, 514 * 4096);
    assert_int_equal(r.run[1].va, VA + 0x401000);
    assert_int_equal(r.run[1].prot, PROT_R | PROT_W);
    assert_int_equal(r.run[2].va, top);
}

static void test_check_allows_exactly_what_the_constructors_mean(void **state)
{
    (void)state;
    static const struct {
        unsigned prot;
        bool r, w, x;
    } row[] = {{PROT_R, true, false, false},
               {PROT_R | PROT_W, true, true, false},
               {PROT_R | PROT_X, true, false, true}};
    const struct hal_pte_rules *rules = strict_rules();
    for (unsigned level = 0; level <= PT_LEAF_MAX; level++) {
        for (unsigned i = 0; i < 3; i++) {
            struct pagetable pt = fresh(PT_LEAF_MAX);
            size_t pages = PT_SPAN(level) >> 12;
            assert_int_equal(
                pagetable_map(&pt, VA, paddr(0x2000000000), pages, row[i].prot, MEM_NORMAL), OK);
            assert_int_equal(pagetable_check(&pt, VA + 8, FAULT_READ, rules, NULL) == NULL,
                             row[i].r);
            assert_int_equal(pagetable_check(&pt, VA + 8, FAULT_WRITE, rules, NULL) == NULL,
                             row[i].w);
            assert_int_equal(pagetable_check(&pt, VA + 8, FAULT_EXEC, rules, NULL) == NULL,
                             row[i].x);
            assert_null(
                pagetable_check(&pt, VA + 0x123, FAULT_READ, rules, &(paddr_t){0x2000000123}));
            assert_string_equal(
                pagetable_check(&pt, VA + 0x123, FAULT_READ, rules, &(paddr_t){0x2000000124}),
                "mapped to another physical address");
            assert_string_equal(pagetable_check(&pt, VA - 1, FAULT_READ, rules, NULL),
                                "not mapped");
        }
    }
}

static void keep_unmasked(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m)
{
    (void)va, (void)size, (void)m;
    *(bool *)ctx = hal_irqs_enabled();
}

/* With interrupts on, another thread may unmap and free a table, so no thread may be preempted
 * between two levels. The callback of a walk may sleep. */
static void test_a_walk_is_not_preempted_between_levels(void **state)
{
    (void)state;
    struct pagetable pt = fresh(1);
    struct hal_mapping m;
    bool could_sleep = false;
    assert_int_equal(pagetable_map(&pt, VA, paddr(0x80000000), 3, PROT_R, MEM_NORMAL), OK);
    hal_irq_enable();
    is_read_only = true;
    assert_true(pagetable_query(&pt, VA, &m));
    assert_false(pagetable_query(&pt, VA - 1, &m));
    pagetable_walk(&pt, VA, UINTPTR_MAX, keep_unmasked, &could_sleep);
    is_read_only = false;
    assert_true(hal_irqs_enabled() && could_sleep);
    hal_irq_disable();
}

#define PAGETABLE_CASES                                                                            \
    cmocka_unit_test(test_map_then_query_returns_the_mapping),                                     \
        cmocka_unit_test(test_each_type_and_protection_survives_at_each_level),                    \
        cmocka_unit_test(test_large_leaves_only_where_both_addresses_allow),                       \
        cmocka_unit_test(test_a_mapped_page_refuses_the_whole_range_and_changes_nothing),          \
        cmocka_unit_test(test_no_memory_at_any_allocation_changes_nothing),                        \
        cmocka_unit_test(test_write_with_execute_and_bad_ranges_are_refused),                      \
        cmocka_unit_test(test_a_freed_table_is_not_cached),                                        \
        cmocka_unit_test(test_leaves_are_collected_only_if_requested),                             \
        cmocka_unit_test(test_addresses_beyond_the_cpus_are_refused),                              \
        cmocka_unit_test(test_unmap_in_the_middle_of_a_large_leaf_splits_it),                      \
        cmocka_unit_test(test_a_split_without_memory_changes_nothing),                             \
        cmocka_unit_test(test_unmap_of_whole_spans_frees_tables),                                  \
        cmocka_unit_test(test_an_empty_table_in_place_of_a_large_leaf_is_used),                    \
        cmocka_unit_test(test_lazy_pages_are_cleared_and_mapped_by_a_touch),                       \
        cmocka_unit_test(test_lazy_pages_are_allocated_and_freed_like_others),                     \
        cmocka_unit_test(test_a_frame_that_is_being_cleared_is_not_freed),                         \
        cmocka_unit_test(test_one_entry_of_2_mib_is_mapped_and_unmapped),                          \
        cmocka_unit_test(test_protect_changes_only_its_range),                                     \
        cmocka_unit_test(test_a_full_batch_flushes_everything),                                    \
        cmocka_unit_test(test_a_walk_merges_mappings_and_reaches_the_last_page),                   \
        cmocka_unit_test(test_a_walk_is_not_preempted_between_levels),                             \
        cmocka_unit_test(test_check_allows_exactly_what_the_constructors_mean)
