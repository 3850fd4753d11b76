// SPDX-License-Identifier: MIT
//
// Lists whose members are used without a lock: a walk sees each member once and in order; a removal
// waits for the walkers that use this member, and for no others.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/lib/compiler.h"
#include "kernel/sched/pinned_list.h"

static struct pinned_list list = PINNED_LIST_INIT(list, "member in use");

struct member {
    struct pinned_node node;
    const char *name;
};

static struct member a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

static int set_up(void **state)
{
    (void)state;
    pinned_add(&list, &a.node);
    pinned_add(&list, &b.node);
    pinned_add(&list, &c.node);
    world_forget_notes();
    return 0;
}

static void walk(void)
{
    for (struct pinned_node *n = NULL; (n = pinned_next(&list, n)) != NULL;) {
        world_note(CONTAINER_OF(n, struct member, node)->name);
    }
}

/* Remove the remaining members, which no walker uses. */
static int tear_down(void **state)
{
    (void)state;
    struct pinned_node *n;
    while ((n = pinned_next(&list, NULL)) != NULL) {
        pinned_put(&list, n);
        pinned_remove(&list, n);
    }
    return 0;
}

static void test_a_walk_sees_each_in_order(void **state)
{
    (void)state;
    walk();
    assert_string_equal(world_notes(), "a b c");
    assert_int_equal(a.node.pins + b.node.pins + c.node.pins, 0);
}

static void test_an_empty_list_has_no_first(void **state)
{
    (void)state;
    (void)tear_down(NULL);
    assert_null(pinned_next(&list, NULL));
}

static void test_a_removed_member_is_not_seen(void **state)
{
    (void)state;
    struct pinned_node *n = pinned_next(&list, NULL);
    assert_ptr_equal(n, &a.node);
    /* no walker uses it: returns at once, although a walk is running */
    pinned_remove(&list, &b.node);
    n = pinned_next(&list, n);
    assert_ptr_equal(n, &c.node);
    assert_null(pinned_next(&list, n));
}

static void test_an_added_member_is_seen_by_a_walk(void **state)
{
    (void)state;
    struct pinned_node *n = pinned_next(&list, NULL);
    pinned_remove(&list, &b.node);
    pinned_add(&list, &b.node);
    n = pinned_next(&list, n);
    assert_ptr_equal(n, &c.node);
    n = pinned_next(&list, n);
    assert_ptr_equal(n, &b.node);
    assert_null(pinned_next(&list, n));
}

static void remove_member(void *arg)
{
    struct member *m = arg;
    world_note("remove");
    pinned_remove(&list, &m->node);
    world_note("removed");
    thread_exit(0);
}

static struct thread *removing(struct member *m)
{
    struct thread *t = world_thread("remover", PRIO_NORMAL, remove_member, m);
    thread_yield();
    assert_string_equal(world_notes(), "remove");
    return t;
}

static void test_removal_waits_for_walkers(void **state)
{
    (void)state;
    struct pinned_node *n = pinned_next(&list, NULL);
    n = pinned_next(&list, n);
    assert_ptr_equal(n, &b.node);
    struct thread *t = removing(&b);
    thread_yield();
    assert_string_equal(world_notes(), "remove");
    walk(); /* later walks skip it */
    assert_string_equal(world_notes(), "remove a c");
    n = pinned_next(&list, n); /* the walker that uses it continues after it */
    assert_ptr_equal(n, &c.node);
    (void)world_join(t);
    assert_string_equal(world_notes(), "remove a c removed");
    assert_null(pinned_next(&list, n));
}

static void test_removal_waits_for_the_last_of_several_walkers(void **state)
{
    (void)state;
    struct pinned_node *outer = pinned_next(&list, NULL);
    struct pinned_node *inner = pinned_next(&list, NULL); /* a nested walk */
    assert_ptr_equal(inner, outer);
    assert_int_equal(a.node.pins, 2);
    struct thread *t = removing(&a);
    pinned_put(&list, inner);
    thread_yield();
    assert_string_equal(world_notes(), "remove");
    pinned_put(&list, outer);
    (void)world_join(t);
    assert_string_equal(world_notes(), "remove removed");
    walk();
    assert_string_equal(world_notes(), "remove removed b c");
}

static void test_two_adjacent_members_are_removed(void **state)
{
    (void)state;
    struct pinned_node *at_a = pinned_next(&list, NULL);
    struct pinned_node *at_b = pinned_next(&list, pinned_next(&list, NULL));
    struct thread *first = removing(&b);
    world_forget_notes();
    struct thread *second = removing(&a);
    at_a = pinned_next(&list, at_a); /* skips the other member that is being removed */
    assert_ptr_equal(at_a, &c.node);
    (void)world_join(second);
    at_b = pinned_next(&list, at_b);
    assert_ptr_equal(at_b, &c.node);
    (void)world_join(first);
    assert_int_equal(c.node.pins, 2);
    pinned_put(&list, at_a);
    pinned_put(&list, at_b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_walk_sees_each_in_order),
        TEST(test_an_empty_list_has_no_first),
        TEST(test_a_removed_member_is_not_seen),
        TEST(test_an_added_member_is_seen_by_a_walk),
        TEST(test_removal_waits_for_walkers),
        TEST(test_removal_waits_for_the_last_of_several_walkers),
        TEST(test_two_adjacent_members_are_removed),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
