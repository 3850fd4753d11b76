// SPDX-License-Identifier: MIT
//
// Code memory on the fake machine: the order of steps in which a page stops being writable and
// becomes executable, and that a failed mapping frees every page.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/jit/code/codemem.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"

static const size_t pages[LOAD_PART_COUNT] = {3, 2, 1};

static int boot(void **state)
{
    int result = world_boot(state);
    codemem_init();
    return result;
}

static unsigned prot_of(vaddr_t va)
{
    struct hal_mapping m;
    return hal_mmu_query(va, &m) ? m.prot : PROT_NONE;
}

static void test_alias_is_gone_before_code_runs(void **state)
{
    (void)state;
    struct codemem m;
    assert_int_equal(codemem_alloc(&m, pages, "test"), OK);
    uint8_t *writable = codemem_writable(&m, LOAD_CODE);
    memset(writable, 0xc3, 3 * PAGE_SIZE);
    assert_int_equal(prot_of(codemem_address(&m, LOAD_CODE)), PROT_NONE);

    size_t before = strlen(fake_journal());
    assert_int_equal(codemem_seal(&m, false), OK);
    /* Read-only data is protected and its TLB entries flushed, then the alias's, then the
     * instruction cache is synchronized. */
    assert_string_equal(fake_journal() + before, " tlb tlb icache");
    assert_int_equal(prot_of((vaddr_t)writable), PROT_NONE);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(prot_of(codemem_address(&m, LOAD_CODE) + i * PAGE_SIZE), PROT_R | PROT_X);
        assert_int_equal(prot_of((vaddr_t)hal_direct(m.frames[i])), PROT_NONE);
    }
    assert_int_equal(*(uint8_t *)codemem_address(&m, LOAD_CODE), 0xc3);
    assert_int_equal(prot_of(codemem_address(&m, LOAD_RODATA)), PROT_R);
    assert_int_equal(prot_of(codemem_address(&m, LOAD_DATA)), PROT_R | PROT_W);
    codemem_free(&m);
}

static void test_two_modules_share_a_run_of_frames(void **state)
{
    (void)state;
    struct codemem a, b;
    size_t pool, used;
    assert_int_equal(codemem_alloc(&a, pages, "a"), OK);
    assert_int_equal(codemem_alloc(&b, pages, "b"), OK);
    codemem_get_stats(&pool, &used);
    assert_int_equal(pool, 512);
    assert_int_equal(used, 6);
    codemem_free(&a);
    codemem_get_stats(&pool, &used);
    assert_int_equal(pool, 512);
    assert_int_equal(used, 3);
    codemem_free(&b);
    codemem_get_stats(&pool, &used);
    assert_int_equal(pool, 0);
}

static void test_larger_than_a_run(void **state)
{
    (void)state;
    const size_t large[LOAD_PART_COUNT] = {1500, 0, 0};
    struct codemem m;
    size_t pool, used;
    assert_int_equal(codemem_alloc(&m, large, "large"), OK);
    codemem_get_stats(&pool, &used);
    assert_int_equal(used, 1500);
    assert_int_equal(codemem_seal(&m, false), OK);
    assert_int_equal(prot_of(codemem_address(&m, LOAD_CODE) + 1499 * PAGE_SIZE), PROT_R | PROT_X);
    codemem_free(&m);
    codemem_get_stats(&pool, &used);
    assert_int_equal(pool, 0);
}

static void test_failure_at_any_mapping_frees_everything(void **state)
{
    (void)state;
    struct page_stats before, after;
    struct heap_stats heap_before, heap_after;
    struct codemem m;
    assert_int_equal(codemem_alloc(&m, pages, "warm"), OK);
    codemem_free(&m);
    memory_reclaim(); /* as after a failed mapping */
    page_get_stats(&before);
    heap_get_stats(&heap_before);

    enum status s = E_NOMEM;
    int failures = 0;
    for (int left = 0; s != OK && left < 100; left++) {
        fake_mmu_maps_left = left;
        s = codemem_alloc(&m, pages, "test");
        bool is_taken = s == OK;
        s = is_taken ? codemem_seal(&m, false) : s;
        fake_mmu_maps_left = -1;
        failures += s != OK;
        assert_true(s == OK || s == E_NOMEM);
        if (is_taken) {
            codemem_free(&m);
        }
        /* A run that could not be mapped again in the direct map stays
         * allocated until the next attempt. */
        assert_int_equal(codemem_alloc(&m, pages, "next"), OK);
        codemem_free(&m);
        memory_reclaim();
        page_get_stats(&after);
        heap_get_stats(&heap_after);
        assert_memory_equal(before.by_owner, after.by_owner, sizeof(before.by_owner));
        assert_int_equal(heap_before.live_objects, heap_after.live_objects);
    }
    assert_int_equal(s, OK);
    assert_true(failures >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alias_is_gone_before_code_runs),
        cmocka_unit_test(test_two_modules_share_a_run_of_frames),
        cmocka_unit_test(test_larger_than_a_run),
        cmocka_unit_test(test_failure_at_any_mapping_frees_everything),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
