// SPDX-License-Identifier: MIT
//
// Which of the in-guest tests a run is about: what `test=` and the shell's `test` are given.
#pragma once

#include <stdbool.h>

/** A glob, and what stands before it. */
struct test_selection {
    const char *glob;
    bool is_walk; /* "fails:": walk the tests, do not run them */
    unsigned on;  /* "on:cpus,memory:": only tests with one of these TEST_ON_ bits; 0: all */
    unsigned part, parts; /* "part:2/5:": the second of every five tests; 1 of 1: all */
};

/**
 * @brief Read [fails:][on:WORD[,WORD]...:][part:N/M:]GLOB. An empty GLOB matches every test.
 * @param out  Points into `text` afterwards.
 * @return false: a word after "on:" is unknown, or "part:" lacks its numbers.
 * @context{any}
 */
bool test_select(const char *text, struct test_selection *out);

/**
 * @brief Does the selection contain this test? Tests named long_*, edu_*, spec_* and seeded_* are
 * apart: only a glob that begins so contains them.
 * @param on      The TEST_ON_ bits of the test; 0 is as good as all of them.
 * @param number  Counts the tests that match but for "part:"; 0 before the first.
 * @context{any}
 */
bool test_is_selected(const struct test_selection *selection, const char *name, unsigned on,
                      unsigned *number);
