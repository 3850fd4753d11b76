// SPDX-License-Identifier: MIT
//
// Read sections on one CPU, where only the list and the deferred calls can go wrong. The in-guest
// tests check the wait for readers, with several CPUs.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/sched/rcu.h"

struct member {
    struct list_node link;
    unsigned value;
};

static unsigned sum(const struct list *l)
{
    unsigned s = 0;
    rcu_read_begin();
    RCU_LIST_FOR_EACH(l, n)
    {
        s = s * 10 + CONTAINER_OF(n, struct member, link)->value;
    }
    rcu_read_end();
    return s;
}

static void test_a_list_is_walked_in_order(void **state)
{
    struct list l;
    struct member m[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
    (void)state;
    list_init(&l);
    assert_int_equal(sum(&l), 0);
    for (int i = 0; i < 3; i++) {
        rcu_list_push_back(&l, &m[i].link);
    }
    assert_int_equal(sum(&l), 123);
    rcu_list_remove(&m[1].link);
    assert_int_equal(sum(&l), 13);
    rcu_list_push_back(&l, &m[1].link);
    assert_int_equal(sum(&l), 132);
}

static void test_a_walker_continues_from_its_member(void **state)
{
    struct list l;
    struct member m[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
    (void)state;
    list_init(&l);
    for (int i = 0; i < 3; i++) {
        rcu_list_push_back(&l, &m[i].link);
    }
    struct list_node *at = rcu_list_next(rcu_list_next(&l.head));
    rcu_list_remove(at);
    assert_ptr_equal(rcu_list_next(at), &m[2].link);
}

static void note(struct rcu_call *c)
{
    (void)c;
    world_note("called");
}

/* One grace period, 10 ms after the first of them, serves both. */
static void test_calls_are_deferred_together(void **state)
{
    struct rcu_call a = {.run = note}, b = {.run = note};
    (void)state;
    rcu_read_begin();
    rcu_call_later(&a);
    rcu_read_end();
    assert_int_equal(thread_sleep(9 * NS_PER_MS), OK);
    rcu_call_later(&b);
    assert_string_equal(world_notes(), "");
    assert_int_equal(thread_sleep(2 * NS_PER_MS), OK);
    assert_string_equal(world_notes(), "called called");
    rcu_synchronize(); /* comes back */
}

static unsigned counted;

static void count(struct rcu_call *c)
{
    (void)c;
    counted++;
}

/* Each call keeps memory: 1,000 of them, or a thread that needs it, do not wait. */
static void test_many_calls_do_not_wait(void **state)
{
    static struct rcu_call calls[1002];
    (void)state;
    counted = 0;
    for (unsigned i = 0; i < 1002; i++) {
        calls[i].run = count;
    }
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(counted, 0);
        rcu_call_later(&calls[i]);
    }
    assert_int_equal(thread_sleep(1000), OK);
    assert_int_equal(counted, 1000);
    rcu_call_later(&calls[1000]);
    assert_int_equal(thread_sleep(1000), OK);
    assert_int_equal(counted, 1000);
    rcu_hurry();
    assert_int_equal(thread_sleep(1000), OK);
    assert_int_equal(counted, 1001);
    /* The timer of the calls before still goes, and ends the next gathering. */
    assert_int_equal(thread_sleep(8 * NS_PER_MS), OK);
    rcu_call_later(&calls[1001]);
    assert_int_equal(thread_sleep(10 * NS_PER_MS), OK);
    assert_int_equal(counted, 1002);
    rcu_call_later(&calls[0]);
    rcu_barrier();
    assert_int_equal(counted, 1003);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_is_walked_in_order),
        cmocka_unit_test(test_a_walker_continues_from_its_member),
        cmocka_unit_test(test_calls_are_deferred_together),
        cmocka_unit_test(test_many_calls_do_not_wait),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
