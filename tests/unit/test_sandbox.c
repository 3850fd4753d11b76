// SPDX-License-Identifier: MIT
//
// The memory of portable programs on the fake machine: what is reserved, mapped, counted and freed,
// and that a refusal changes nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_failure.h"
#include "fake/world.h"
#include "kernel/jit/code/sandbox.h"
#include "kernel/load/bytecode/program_budget.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/program/program.h"

#define WASM_PAGE UINT64_C(0x10000)
#define GUARD     (UINT64_C(1) << 31)

static unsigned prot_of(const uint8_t *p)
{
    struct hal_mapping m;
    return hal_mmu_query((vaddr_t)(uintptr_t)p, &m) ? m.prot : PROT_NONE;
}

static void test_reserves_what_an_index_reaches(void **state)
{
    (void)state;
    struct sandbox s;
    assert_int_equal(sandbox_reserve(&s, NULL, 4 * WASM_PAGE, GUARD), OK);
    assert_int_equal(s.bytes, 0);
    assert_true(s.reserved >= (UINT64_C(1) << 32) + GUARD);
    const struct vm_range *first = vm_find((vaddr_t)(uintptr_t)s.base);
    assert_non_null(first);
    assert_ptr_equal(vm_find((vaddr_t)(uintptr_t)s.base + s.reserved - 1), first);
    assert_int_equal(prot_of(s.base), PROT_NONE);
    sandbox_release(&s);
    assert_null(s.base);
    sandbox_release(&s);
}

/* A listing of other programs' memory prints the name later. */
static void test_a_name_outlives_its_range(void **state)
{
    (void)state;
    struct vm_range range;
    char *name = strdup("short-lived");
    const struct vm_request request = {.pages = 1, .region = HAL_REGION_PROGRAM, .name = name};
    assert_int_equal(vm_reserve(&range, &request), OK);
    vaddr_t base = range.base;
    char copy[8] = "", whole[16] = "before";
    assert_true(vm_copy_name(base, copy, sizeof copy));
    assert_false(vm_copy_name(base + PAGE_SIZE, whole, sizeof whole));
    assert_string_equal(whole, "before");
    assert_true(vm_copy_name(base, whole, sizeof whole));
    vm_release(&range);
    free(name);
    assert_string_equal(copy, "short-l");
    assert_string_equal(whole, "short-lived");
    assert_false(vm_copy_name(base, whole, sizeof whole));
    assert_false(vm_copy_name(0, whole, sizeof whole));
}

static void test_grows_in_place_up_to_its_maximum(void **state)
{
    (void)state;
    struct sandbox s;
    assert_int_equal(sandbox_reserve(&s, NULL, 3 * WASM_PAGE, GUARD), OK);
    const uint8_t *base = s.base;
    assert_int_equal(sandbox_grow(&s, WASM_PAGE), OK);
    s.base[WASM_PAGE - 1] = 7;
    assert_int_equal(sandbox_grow(&s, 3 * WASM_PAGE), OK);
    assert_ptr_equal(s.base, base);
    assert_int_equal(s.base[WASM_PAGE - 1], 7);
    assert_int_equal(s.base[3 * WASM_PAGE - 1], 0);
    assert_int_equal(prot_of(base + 2 * WASM_PAGE), PROT_R | PROT_W);
    assert_int_equal(prot_of(base + 3 * WASM_PAGE), PROT_NONE);
    assert_int_equal(sandbox_grow(&s, 3 * WASM_PAGE), OK);
    assert_int_equal(sandbox_grow(&s, 4 * WASM_PAGE), E_NOMEM);
    assert_int_equal(s.bytes, 3 * WASM_PAGE);
    sandbox_release(&s);
    assert_int_equal(prot_of(base), PROT_NONE);
}

static uint64_t programs_frames(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    return stats.by_owner[PAGE_PROGRAM];
}

/* Its frames exist from the start, and are cleared when they are touched. */
static void test_memory_is_mapped_where_it_is_touched(void **state)
{
    (void)state;
    struct sandbox s;
    paddr_t used[3 * 16];
    for (size_t i = 0; i < ARRAY_COUNT(used); i++) {
        assert_int_equal(page_alloc(0, PAGE_OTHER, &used[i]), OK);
        memset(hal_direct(used[i]), 0x5a, PAGE_SIZE);
    }
    for (size_t i = 0; i < ARRAY_COUNT(used); i++) {
        page_free(used[i], 0);
    }
    uint64_t before = programs_frames();
    assert_int_equal(sandbox_reserve(&s, NULL, 3 * WASM_PAGE, GUARD), OK);
    assert_int_equal(sandbox_grow(&s, 3 * WASM_PAGE), OK);
    assert_int_equal(programs_frames() - before, 3 * WASM_PAGE / PAGE_SIZE);
    assert_int_equal(prot_of(s.base), PROT_NONE);
    s.base[WASM_PAGE + 5] = 1;
    assert_int_equal(prot_of(s.base + WASM_PAGE - 1), PROT_NONE);
    assert_int_equal(prot_of(s.base + WASM_PAGE), PROT_R | PROT_W);
    assert_int_equal(prot_of(s.base + 2 * WASM_PAGE - 1), PROT_R | PROT_W);
    assert_int_equal(prot_of(s.base + 2 * WASM_PAGE), PROT_NONE);
    for (size_t i = 0; i < 3 * WASM_PAGE; i++) {
        assert_int_equal(s.base[i], i == WASM_PAGE + 5);
    }
    sandbox_release(&s);
    assert_int_equal(programs_frames(), before);
}

/* A device reads pages that the program never touched. */
static void test_committed_pages_have_a_physical_address(void **state)
{
    (void)state;
    struct sandbox s;
    paddr_t p;
    assert_int_equal(sandbox_reserve(&s, NULL, 2 * WASM_PAGE, GUARD), OK);
    assert_int_equal(sandbox_grow(&s, WASM_PAGE), OK);
    assert_true(vm_to_phys(s.base + 0x3123, &p));
    assert_int_equal(*(uint8_t *)hal_direct(p), 0);
    *(uint8_t *)hal_direct(p) = 9;
    assert_int_equal(s.base[0x3123], 9);
    assert_false(vm_to_phys(s.base + WASM_PAGE, &p));
    sandbox_release(&s);
}

static struct {
    enum status first, second;
    uint64_t counted, left, bytes;
} limited;

/* Sixteen pages are allowed: one piece of a sandbox, and not two. */
static void grow_as_a_program(void *arg)
{
    (void)arg;
    struct program *p = program_current();
    struct sandbox s;
    struct program_budget b;
    program_budget_init(&b, p);
    p->memory_limit_pages = p->memory_pages + WASM_PAGE / PAGE_SIZE;
    uint64_t before = p->memory_pages;
    assert_int_equal(sandbox_reserve(&s, &b.budget, 4 * WASM_PAGE, GUARD), OK);
    limited.first = sandbox_grow(&s, WASM_PAGE);
    limited.second = sandbox_grow(&s, 2 * WASM_PAGE);
    limited.counted = p->memory_pages - before;
    limited.bytes = s.bytes;
    sandbox_release(&s);
    limited.left = p->memory_pages - before;
    program_exit(0);
}

static void run_as_a_program(void (*entry)(void *arg))
{
    struct program *p;
    struct thread *t;
    enum program_end end;
    int status;
    assert_int_equal(program_create("limited", &p), OK);
    const struct thread_options options = {
        .name = "limited", .entry = entry, .priority = PRIO_NORMAL, .owner = &p->owner};
    assert_int_equal(thread_create(&options, &t), OK);
    thread_detach(t);
    assert_int_equal(program_wait(p, WAIT_FOREVER, &end, &status), OK);
    program_release(p);
}

static void test_a_programs_limit_holds(void **state)
{
    (void)state;
    run_as_a_program(grow_as_a_program);
    assert_int_equal(limited.first, OK);
    assert_int_equal(limited.second, E_NOMEM);
    assert_int_equal(limited.counted, WASM_PAGE / PAGE_SIZE);
    assert_int_equal(limited.left, 0); /* the release gives the budget its pages back */
    assert_int_equal(limited.bytes, WASM_PAGE);
}

static unsigned count_flushes(void)
{
    unsigned flushes = 0;
    for (const char *at = fake_journal(); (at = strstr(at, "tlb")) != NULL; at += 3) {
        flushes++;
    }
    return flushes;
}

/* Interrupts are masked for one piece at a time; other CPUs are flushed once. */
static void test_memory_is_released_in_pieces_of_a_table(void **state)
{
    (void)state;
    struct sandbox s;
    assert_int_equal(sandbox_reserve(&s, NULL, 128 * WASM_PAGE, GUARD), OK);
    assert_int_equal(sandbox_grow(&s, 128 * WASM_PAGE), OK);
    const uint8_t *base = s.base;
    unsigned flushes = count_flushes(), unmaps = fake_mmu_unmaps;
    sandbox_release(&s);
    assert_int_equal(fake_mmu_unmaps - unmaps, 4);
    assert_int_equal(count_flushes() - flushes, 1);
    assert_int_equal(prot_of(base), PROT_NONE);
    assert_int_equal(prot_of(base + 127 * WASM_PAGE), PROT_NONE);
}

static void grow_while_ended(void *arg)
{
    struct sandbox s;
    struct program_budget b;
    program_budget_init(&b, program_current());
    (void)arg;
    uint64_t before = program_current()->memory_pages;
    assert_int_equal(sandbox_reserve(&s, &b.budget, 4 * WASM_PAGE, GUARD), OK);
    limited.first = sandbox_grow(&s, WASM_PAGE);
    thread_cancel(thread_current());
    limited.second = sandbox_grow(&s, 2 * WASM_PAGE);
    limited.counted = program_current()->memory_pages - before;
    limited.bytes = s.bytes;
    sandbox_release(&s);
    program_exit(0);
}

static void test_memory_does_not_grow_for_an_ended_program(void **state)
{
    (void)state;
    run_as_a_program(grow_while_ended);
    assert_int_equal(limited.first, OK);
    assert_int_equal(limited.second, E_CANCELLED);
    assert_int_equal(limited.counted, WASM_PAGE / PAGE_SIZE);
    assert_int_equal(limited.bytes, WASM_PAGE);
}

/* The two parts have one limit. Memory that the upper one frees is unmapped, and is zero when it is
 * committed again. */
static void test_an_upper_part_grows_and_shrinks(void **state)
{
    (void)state;
    struct sandbox s;
    const uint64_t unit = SANDBOX_UPPER_UNIT, start = 8 * unit;
    uint64_t before = programs_frames();
    assert_int_equal(sandbox_reserve(&s, NULL, 4 * unit, GUARD), OK);
    assert_int_equal(sandbox_grow(&s, unit), OK);
    assert_int_equal(sandbox_set_upper(&s, start, 3 * unit), OK);
    assert_int_equal(programs_frames() - before, 4 * unit / PAGE_SIZE);
    assert_int_equal(sandbox_set_upper(&s, start, 3 * unit + WASM_PAGE), E_NOMEM);
    assert_int_equal(sandbox_grow(&s, unit + WASM_PAGE), E_NOMEM);
    s.base[start] = 1;
    s.base[start + 3 * unit - 1] = 2;
    assert_int_equal(prot_of(s.base + 2 * unit), PROT_NONE);
    assert_int_equal(sandbox_set_upper(&s, start, unit + WASM_PAGE), OK);
    assert_int_equal(s.upper_bytes, 2 * unit);
    assert_int_equal(programs_frames() - before, 3 * unit / PAGE_SIZE);
    assert_int_equal(prot_of(s.base + start + 3 * unit - 1), PROT_NONE);
    assert_int_equal(sandbox_set_upper(&s, start, 3 * unit), OK);
    assert_int_equal(s.base[start], 1);
    assert_int_equal(s.base[start + 3 * unit - 1], 0);
    sandbox_release(&s);
    assert_int_equal(programs_frames(), before);
}

static bool reserve_and_grow(void)
{
    struct sandbox s;
    if (sandbox_reserve(&s, NULL, 2 * WASM_PAGE, GUARD) != OK) {
        return false;
    }
    bool grown = sandbox_grow(&s, WASM_PAGE) == OK &&
                 sandbox_set_upper(&s, SANDBOX_UPPER_UNIT, WASM_PAGE) == OK;
    sandbox_release(&s);
    return grown;
}

static void test_every_refusal_frees_everything(void **state)
{
    (void)state;
    fake_sweep("sandbox", reserve_and_grow);
}

static int boot(void **state)
{
    int result = world_boot(state);
    program_init();
    return result;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reserves_what_an_index_reaches),
        cmocka_unit_test(test_a_name_outlives_its_range),
        cmocka_unit_test(test_grows_in_place_up_to_its_maximum),
        cmocka_unit_test(test_memory_is_mapped_where_it_is_touched),
        cmocka_unit_test(test_committed_pages_have_a_physical_address),
        cmocka_unit_test(test_a_programs_limit_holds),
        cmocka_unit_test(test_memory_is_released_in_pieces_of_a_table),
        cmocka_unit_test(test_memory_does_not_grow_for_an_ended_program),
        cmocka_unit_test(test_an_upper_part_grows_and_shrinks),
        cmocka_unit_test(test_every_refusal_frees_everything),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
