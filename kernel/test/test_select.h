// SPDX-License-Identifier: MIT
//
// Selects in-guest tests: the argument of `test=` and of the shell's `test`.
#pragma once

#include <stdbool.h>

/** A glob and its prefixes. */
struct test_selection {
    const char *glob;
    bool is_walk; /* "fails:": make allocations fail instead of just running the tests */
    unsigned on;  /* "on:cpus,memory:": only tests with one of these TEST_ON_ bits; 0: all */
    unsigned part, parts; /* "part:2/5:": the second of every five tests; 1 of 1: all */
    /* "every:2/3:": a walk makes the second of every three allocations fail; 1 of 1: all */
    unsigned nth, every;
};

/**
 * @brief Parse [fails:][on:WORD[,WORD]...:][part:N/M:][every:N/M:]GLOB. An empty
 *     GLOB matches every test.
 * @param out Points into `text` afterwards.
 * @return false: a word after "on:" is unknown, or "part:" or "every:" has no valid numbers.
 * @context{any}
 */
bool test_select(const char *text, struct test_selection *out);

/**
 * @brief True if the selection contains this test. Tests named long_*, edu_*, spec_* and seeded_*
 *     are contained only if the glob starts with the same prefix.
 * @param on The TEST_ON_ bits of the test; 0 counts as all of them.
 * @param number Counts the tests that match apart from "part:"; 0 before the first.
 * @context{any}
 */
bool test_is_selected(const struct test_selection *selection, const char *name, unsigned on,
                      unsigned *number);
