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

static void test_a_call_is_deferred(void **state)
{
    struct rcu_call a = {.run = note}, b = {.run = note};
    (void)state;
    rcu_read_begin();
    rcu_call_later(&a);
    rcu_call_later(&b);
    assert_string_equal(world_notes(), "");
    rcu_read_end();
    assert_int_equal(thread_sleep(1000000), OK);
    assert_string_equal(world_notes(), "called called");
    rcu_synchronize(); /* comes back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_is_walked_in_order),
        cmocka_unit_test(test_a_walker_continues_from_its_member),
        cmocka_unit_test(test_a_call_is_deferred),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
