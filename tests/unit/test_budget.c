// SPDX-License-Identifier: MIT
//
// Budgets: what they count, what they refuse, and that a thread ends only where its budget is open,
// without a leak. Time passes only where a test advances it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/jit/arena.h"
#include "kernel/jit/backend.h"
#include "kernel/load/bytecode/bytecode_crew.h"
#include "kernel/load/bytecode/program_budget.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/program/program.h"

#define MS    NS_PER_MS
#define PAGES 16u

/* No program's code runs here. */
int jit_runtime_call(uintptr_t fn, uintptr_t x, uintptr_t y)
{
    (void)fn, (void)x, (void)y;
    abort();
}

static struct program_budget budget;
static struct budget *const b = &budget.budget;

/* Run entry in a program of PAGES pages, then release what is left in the budget. */
static size_t run(void (*entry)(void *arg), bool ends_by_itself)
{
    struct program *p;
    struct thread *t;
    enum program_end end;
    int status;
    assert_int_equal(program_create("test", &p), OK);
    p->memory_limit_pages = PAGES;
    program_budget_init(&budget, p);
    const struct thread_options options = {
        .name = "t", .entry = entry, .arg = p, .priority = PRIO_NORMAL, .owner = &p->owner};
    assert_int_equal(thread_create(&options, &t), OK);
    thread_detach(t);
    if (!ends_by_itself) {
        assert_int_equal(thread_sleep(5 * MS), OK);
        program_kill(p, PROGRAM_KILLED, 1);
    }
    assert_int_equal(program_wait(p, WAIT_FOREVER, &end, &status), OK);
    assert_int_equal(end, ends_by_itself ? PROGRAM_EXITED : PROGRAM_KILLED);
    size_t left = budget_free_all(b);
    assert_int_equal(budget.bytes, 0);
    assert_int_equal(p->memory_pages, 0);
    program_release(p);
    return left;
}

static void count(void *arg)
{
    const struct program *p = arg;
    void *small = budget_alloc(b, 100);
    assert_non_null(small);
    assert_int_equal(p->memory_pages, 1);
    void *large = budget_zalloc(b, 3 * PAGE_SIZE);
    assert_non_null(large);
    assert_int_equal(p->memory_pages, 5); /* including the budget's own records */
    assert_null(budget_alloc(b, PAGES * PAGE_SIZE));
    assert_true(p->memory_refused);
    assert_null(budget_alloc(b, SIZE_MAX));
    assert_null(budget_calloc(b, SIZE_MAX / 2, 4));
    assert_int_equal(p->memory_pages, 5);
    budget_free(b, large);
    assert_int_equal(p->memory_pages, 1);
    memset(small, 7, 100);
    uint8_t *moved = budget_resize(b, small, 100, 2 * PAGE_SIZE);
    assert_int_equal(moved[99], 7);
    budget_free(b, NULL);
    budget_free(b, moved);
    assert_int_equal(p->memory_pages, 0);
}

static void test_mapped_pages_are_counted(void **state)
{
    (void)state;
    assert_int_equal(run(count, true), 0);
}

static void fill_an_arena(void *arg)
{
    const struct program *p = arg;
    struct arena a;
    arena_init_paid(&a, SIZE_MAX, b);
    size_t bytes = 0;
    while (arena_alloc(&a, 1000) != NULL) {
        bytes += 1000;
    }
    assert_true(bytes > PAGES * PAGE_SIZE / 2);
    assert_in_range(p->memory_pages, PAGES / 2, PAGES);
    arena_free_all(&a);
    assert_int_equal(p->memory_pages, 0);
    assert_int_equal(a.used, 0);
}

static void test_an_arena_is_charged_to_the_budget(void **state)
{
    (void)state;
    assert_int_equal(run(fill_an_arena, true), 0);
}

static void compute_while_open(void *arg)
{
    (void)arg;
    struct arena a;
    arena_init_paid(&a, SIZE_MAX, b);
    assert_non_null(budget_alloc(b, 10));
    budget_open(b);
    assert_non_null(arena_alloc(&a, 5000));
    world_note("open");
    for (unsigned i = 0; i < 100; i++) {
        world_spend(MS, WORLD_KERNEL_PC);
    }
    world_note("went on");
}

/* Its allocations are recorded, although its own list of them is gone. */
static void test_a_thread_ends_in_kernel_code_while_its_budget_is_open(void **state)
{
    (void)state;
    world_forget_notes();
    assert_int_equal(run(compute_while_open, false), 2);
    assert_string_equal(world_notes(), "open");
}

static void compute_while_closed(void *arg)
{
    (void)arg;
    budget_open(b);
    void *p = budget_alloc(b, 10);
    budget_close(b);
    for (unsigned i = 0; i < 100; i++) {
        world_spend(MS, WORLD_KERNEL_PC);
    }
    world_note("went on");
    budget_free(b, p);
}

static void test_a_thread_continues_while_its_budget_is_closed(void **state)
{
    (void)state;
    world_forget_notes();
    assert_int_equal(run(compute_while_closed, false), 0);
    assert_string_equal(world_notes(), "went on");
}

/* ---- A crew: threads of the program that help another one ---- */

static struct bytecode_crew crew;
static void *made;
static _Atomic bool has_ended;

/* The helper ends at an instruction where its budget is open. The other thread waits for that. */
static void help_until_killed(void *arg, struct budget *of_thread)
{
    struct program *p = arg;
    if (of_thread == b) {
        while (!has_ended) {
            assert_int_equal(thread_sleep(MS) == OK || p->ending, 1);
            has_ended = p->ending;
        }
        for (unsigned i = 0; i < 10; i++) {
            thread_yield();
        }
        return;
    }
    made = budget_alloc(of_thread, 10);
    assert_non_null(made);
    budget_open(of_thread);
    program_kill(p, PROGRAM_KILLED, 1);
    for (unsigned i = 0; i < 100; i++) {
        world_spend(MS, WORLD_KERNEL_PC);
    }
    world_note("helper went on");
}

static void free_what_a_helper_made(void *arg)
{
    bytecode_crew_init(&crew, arg);
    crew.crew.count = 2;
    assert_false(crew.crew.run(&crew.crew, help_until_killed, arg, b));
    world_note("joined");
    budget_free(&crew.helpers[0].budget.budget, made);
    for (unsigned i = 0; i < 100; i++) {
        world_spend(MS, WORLD_KERNEL_PC);
    }
    world_note("went on");
}

static void test_a_helper_that_ended_while_open_opens_no_other_thread(void **state)
{
    (void)state;
    world_forget_notes();
    has_ended = false;
    (void)run(free_what_a_helper_made, false);
    bytecode_crew_free(&crew);
    assert_string_equal(world_notes(), "joined went on");
}

/* ---- Allocation ---- */

static bool (*charge)(struct budget *self, size_t bytes);

static bool slow_charge(struct budget *self, size_t bytes)
{
    for (unsigned i = 0; i < 100; i++) {
        world_spend(MS, WORLD_KERNEL_PC);
    }
    world_note("charged");
    return charge(self, bytes);
}

static void allocate_slowly(void *arg)
{
    (void)arg;
    charge = b->charge;
    b->charge = slow_charge;
    budget_open(b);
    assert_non_null(budget_alloc(b, 10));
    world_note("allocated");
    for (unsigned i = 0; i < 100; i++) {
        world_spend(MS, WORLD_KERNEL_PC);
    }
    world_note("went on");
}

/* During an allocation it holds a resource. */
static void test_a_killed_thread_finishes_an_allocation_first(void **state)
{
    (void)state;
    world_forget_notes();
    assert_int_equal(run(allocate_slowly, false), 1);
    assert_string_equal(world_notes(), "charged allocated");
}

static void test_without_a_budget_the_heap_is_used(void **state)
{
    (void)state;
    void *p = budget_calloc(NULL, 3, 5);
    assert_non_null(p);
    p = budget_resize(NULL, p, 15, 100);
    assert_non_null(p);
    budget_open(NULL);
    budget_close(NULL);
    budget_free(NULL, p);
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
        cmocka_unit_test(test_mapped_pages_are_counted),
        cmocka_unit_test(test_an_arena_is_charged_to_the_budget),
        cmocka_unit_test(test_a_thread_ends_in_kernel_code_while_its_budget_is_open),
        cmocka_unit_test(test_a_thread_continues_while_its_budget_is_closed),
        cmocka_unit_test(test_a_killed_thread_finishes_an_allocation_first),
        cmocka_unit_test(test_a_helper_that_ended_while_open_opens_no_other_thread),
        cmocka_unit_test(test_without_a_budget_the_heap_is_used),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
