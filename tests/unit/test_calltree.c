// SPDX-License-Identifier: MIT
//
// Call chains: equal chains share a node, a full tree still counts, and a chain that is too
// long loses its outermost calls.
#include "kernel/trace/report/calltree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct calltree t;

static int empty(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    return 0;
}

static uint16_t enter(uint16_t node, const char *name)
{
    return calltree_enter(&t, node, calltree_name(&t, name));
}

static void sample(const char *a, const char *b, const char *c)
{
    uint16_t node = enter(0, a);
    node = b == NULL ? node : enter(node, b);
    calltree_count(&t, c == NULL ? node : enter(node, c));
}

static void test_equal_chains_share_a_node(void **state)
{
    (void)state;
    sample("main", "read", "copy");
    sample("main", "write", "copy");
    sample("main", "read", NULL);
    sample("main", "read", "copy");
    char buf[200], all[1000] = "";
    uint32_t at = 0, count;
    while ((count = calltree_next(&t, &at, buf, sizeof buf)) != 0) {
        snprintf(all + strlen(all), sizeof all - strlen(all), "%u %s\n", count, buf);
    }
    assert_string_equal(all, "1 main;read\n2 main;read;copy\n1 main;write;copy\n");
    assert_int_equal(t.name_count, 4);
}

static void test_a_chain_that_does_not_fit_loses_its_outermost_calls(void **state)
{
    (void)state;
    sample("outermost", "middle", "inner");
    char buf[CALLTREE_NAME_MAX];
    uint32_t at = 0;
    assert_int_equal(calltree_next(&t, &at, buf, 13), 1);
    assert_string_equal(buf, "middle;inner");
    at = 0;
    assert_int_equal(calltree_next(&t, &at, buf, 12), 1);
    assert_string_equal(buf, "inner");
    assert_int_equal(calltree_next(&t, &at, buf, sizeof buf), 0);
}

static void test_long_names_are_truncated_and_still_match(void **state)
{
    (void)state;
    char name[3 * CALLTREE_NAME_MAX];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(calltree_name(&t, name), calltree_name(&t, name));
    assert_int_equal(strlen(t.names[1]), CALLTREE_NAME_MAX - 1);
}

static void test_a_full_tree_still_counts(void **state)
{
    (void)state;
    char name[32];
    for (unsigned i = 0; i < 2 * CALLTREE_NAMES; i++) {
        snprintf(name, sizeof name, "f%u", i);
        for (unsigned j = 0; j < 10; j++) {
            char callee[32];
            snprintf(callee, sizeof callee, "f%u", j);
            sample("main", name, callee);
        }
    }
    uint32_t at = 0, count, sum = 0;
    char buf[200];
    while ((count = calltree_next(&t, &at, buf, sizeof buf)) != 0) {
        sum += count;
    }
    assert_int_equal(sum, 2 * CALLTREE_NAMES * 10);
    assert_int_equal(t.name_count, CALLTREE_NAMES - 1);
    assert_true(t.node_count < CALLTREE_NODES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_equal_chains_share_a_node, empty),
        cmocka_unit_test_setup(test_a_chain_that_does_not_fit_loses_its_outermost_calls, empty),
        cmocka_unit_test_setup(test_long_names_are_truncated_and_still_match, empty),
        cmocka_unit_test_setup(test_a_full_tree_still_counts, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
