// SPDX-License-Identifier: MIT
//
// An arena that starts with another one's spare memory, and one that is emptied and reused.
#include "kernel/jit/arena.h"
#include "kernel/mm/heap.h"
#include "tests/unit/fake/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT ((size_t)1 << 20)
#define SMALL 200u
#define LARGE 40000u /* more than the spare memory */

static size_t live(void)
{
    struct heap_stats s;
    heap_get_stats(&s);
    return s.live_objects;
}

static uint8_t *filled(struct arena *a, size_t bytes, int with)
{
    uint8_t *p = arena_alloc(a, bytes);
    assert_non_null(p);
    for (size_t n = 0; n < bytes; n++) {
        assert_int_equal(p[n], 0);
    }
    return memset(p, with, bytes);
}

static void assert_all(const uint8_t *p, size_t bytes, int value)
{
    for (size_t n = 0; n < bytes; n++) {
        assert_int_equal(p[n], value);
    }
}

static void test_both_use_one_piece(void **state)
{
    (void)state;
    size_t before = live();
    struct arena a, b;
    arena_init(&a, LIMIT);
    arena_borrow(&a, &b);
    uint8_t *mine = filled(&a, SMALL, 1), *borrowed = filled(&b, SMALL, 2);
    assert_int_equal(live(), before + 1);
    assert_all(mine, SMALL, 1);
    assert_all(borrowed, SMALL, 2);
    uint8_t *behind = a.end;
    arena_return(&a, &b);
    assert_true(a.end > behind); /* the lent memory is back */
    filled(&a, SMALL, 3);
    assert_int_equal(live(), before + 1);
    arena_free_all(&a);
    assert_int_equal(live(), before);
}

static void test_both_arenas_may_outgrow_the_piece(void **state)
{
    (void)state;
    size_t before = live();
    struct arena a, b;
    arena_init(&a, LIMIT);
    arena_borrow(&a, &b);
    uint8_t *kept = filled(&b, SMALL, 4), *first = filled(&a, SMALL, 1);
    struct arena_mark mark = arena_mark(&a);
    uint8_t *large = filled(&b, LARGE, 5);
    filled(&a, LARGE, 6);
    arena_release(&a, mark); /* does not touch the lent memory */
    for (unsigned n = 0; n < 100; n++) {
        filled(&a, SMALL, 7);
    }
    assert_all(kept, SMALL, 4);
    assert_all(large, LARGE, 5);
    assert_all(first, SMALL, 1);
    arena_return(&a, &b);
    arena_free_all(&a);
    assert_int_equal(live(), before);
}

static void test_an_empty_arena_keeps_its_first_piece(void **state)
{
    (void)state;
    size_t before = live();
    struct arena a;
    arena_init(&a, LIMIT);
    arena_empty(&a);
    assert_int_equal(live(), before);
    uint8_t *first = filled(&a, SMALL, 1);
    for (unsigned n = 0; n < 10; n++) {
        filled(&a, LARGE, 1);
    }
    arena_empty(&a);
    assert_int_equal(live(), before + 1);
    assert_ptr_equal(filled(&a, SMALL, 1), first);
    assert_int_equal(live(), before + 1);
    arena_free_all(&a);
    assert_int_equal(live(), before);
    assert_int_equal(a.used, 0);
}

static void test_an_arena_without_spare_memory(void **state)
{
    (void)state;
    struct arena a, b;
    arena_init(&a, 64);
    arena_borrow(&a, &b);
    assert_null(arena_alloc(&b, SMALL));
    arena_return(&a, &b);
    arena_free_all(&a);
    assert_int_equal(a.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_use_one_piece),
        cmocka_unit_test(test_both_arenas_may_outgrow_the_piece),
        cmocka_unit_test(test_an_empty_arena_keeps_its_first_piece),
        cmocka_unit_test(test_an_arena_without_spare_memory),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
