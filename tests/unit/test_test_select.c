// SPDX-License-Identifier: MIT
//
// Selections of in-guest tests: the prefixes of a glob, and the tests that they select.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/test/test.h"
#include "kernel/test/test_select.h"

static struct test_selection selected(const char *text)
{
    struct test_selection s;
    assert_true(test_select(text, &s));
    return s;
}

static bool contains(const char *text, const char *name, unsigned on)
{
    struct test_selection s = selected(text);
    unsigned number = 0;
    return test_is_selected(&s, name, on, &number);
}

static void test_a_glob_alone(void **state)
{
    (void)state;
    struct test_selection s = selected("sched.*");
    assert_string_equal(s.glob, "sched.*");
    assert_false(s.is_walk);
    assert_true(contains("sched.*", "sched.a", TEST_ON_NOTHING));
    assert_false(contains("sched.*", "smp.a", TEST_ON_CPUS));
    assert_true(contains("", "smp.a", 0));
}

static void test_prefixes_come_before_the_glob_in_order(void **state)
{
    (void)state;
    struct test_selection s = selected("fails:on:screen,cpus:part:2/3:every:4/5:m*");
    assert_true(s.is_walk);
    assert_int_equal(s.on, TEST_ON_SCREEN | TEST_ON_CPUS);
    assert_int_equal(s.part, 2);
    assert_int_equal(s.parts, 3);
    assert_int_equal(s.nth, 4);
    assert_int_equal(s.every, 5);
    assert_string_equal(s.glob, "m*");
}

static void test_malformed_selections_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"on:",
                                        "on::",
                                        "on:disk:",
                                        "on:cpu:",
                                        "on:cpus",
                                        "on:cpus,:",
                                        "on:cpus,disk:*",
                                        "part:",
                                        "part:1:",
                                        "part:1/:*",
                                        "part:/2:*",
                                        "part:0/2:*",
                                        "part:3/2:*",
                                        "part:0/0:*",
                                        "part:1/2",
                                        "part:a/2:*",
                                        "part:1/2x*",
                                        "part:12345/20000:*",
                                        "every:3/2:*",
                                        "every:0/1:*",
                                        "every:1:*",
                                        "fails:on:disk:*"};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        struct test_selection s = {.glob = "untouched"};
        assert_false(test_select(wrong[i], &s));
        assert_string_equal(s.glob, "untouched");
    }
}

static void test_parts_of_the_machine(void **state)
{
    (void)state;
    assert_true(contains("on:cpus:*", "a", TEST_ON_CPUS | TEST_ON_MEMORY));
    assert_true(contains("on:interrupts,memory:*", "a", TEST_ON_MEMORY));
    assert_false(contains("on:interrupts,memory:*", "a", TEST_ON_CPUS));
    assert_true(contains("on:firmware:*", "a", TEST_ON_FIRMWARE));
    assert_true(contains("on:screen:", "a", TEST_ON_SCREEN));
    assert_false(contains("on:interrupts,cpus,memory,firmware,screen:*", "a", TEST_ON_NOTHING));
    assert_true(contains("on:screen:*", "a", 0)); /* the test does not declare what it depends on */
    assert_true(contains("*", "a", TEST_ON_NOTHING));
}

static void test_some_tests_run_only_if_named(void **state)
{
    (void)state;
    static const char *const names[] = {"long_a", "edu_a", "spec_a", "seeded_a"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        assert_false(contains("*", names[i], 0));
        assert_false(contains("on:cpus:*", names[i], TEST_ON_CPUS));
        assert_true(contains(names[i], names[i], 0));
    }
}

/* Each test is in exactly one part. */
static void test_parts_divide_what_matches(void **state)
{
    (void)state;
    static const char *const names[] = {"a1", "b1", "a2", "long_a", "a3", "a4", "b2", "a5"};
    static const char *const parts[] = {"part:1/3:a*", "part:2/3:a*", "part:3/3:a*"};
    unsigned found[ARRAY_COUNT(names)] = {0}, sum[ARRAY_COUNT(parts)] = {0};
    for (size_t part = 0; part < ARRAY_COUNT(parts); part++) {
        struct test_selection s = selected(parts[part]);
        unsigned number = 0;
        for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
            bool is_in = test_is_selected(&s, names[i], 0, &number);
            found[i] += is_in;
            sum[part] += is_in;
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        assert_int_equal(found[i], names[i][0] == 'a');
    }
    assert_int_equal(sum[0], 2);
    assert_int_equal(sum[1], 2);
    assert_int_equal(sum[2], 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_glob_alone),
        cmocka_unit_test(test_prefixes_come_before_the_glob_in_order),
        cmocka_unit_test(test_malformed_selections_are_refused),
        cmocka_unit_test(test_parts_of_the_machine),
        cmocka_unit_test(test_some_tests_run_only_if_named),
        cmocka_unit_test(test_parts_divide_what_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
