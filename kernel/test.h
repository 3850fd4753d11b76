// SPDX-License-Identifier: MIT
//
// Tests that run inside the kernel, for what only hardware decides. They are not linked into it
// but come in a file (kernel/extension.h), which is loaded when they are asked for.
// tests/kernel/registry.c lists them.
#pragma once

#include "kernel/lib/compiler.h"

#include <stdbool.h>

struct kernel_test {
    const char *name; /* the claim: "unmap_then_touch_faults" */
    void (*run)(void);
};

/** @brief Mark the running test as failed and say why; it goes on. @context{thread} */
void test_fail(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define TEST_CHECK(cond)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            test_fail(__FILE__, __LINE__, "%s", #cond);                                            \
        }                                                                                          \
    } while (0)
#define TEST_EQUAL(a, b)                                                                           \
    do {                                                                                           \
        unsigned long long va_ = (unsigned long long)(a), vb_ = (unsigned long long)(b);           \
        if (va_ != vb_) {                                                                          \
            test_fail(__FILE__, __LINE__, "%s is 0x%llx, %s is 0x%llx", #a, va_, #b, vb_);         \
        }                                                                                          \
    } while (0)

/** What the rest of a test cannot go on without, as memory: it ends here, and has given back what
 * it took. */
#define TEST_NEED(cond)                                                                            \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            test_fail(__FILE__, __LINE__, "%s", #cond);                                            \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/** @brief Leave the running test out, with the reason that the TAP line gives. It should then
 * return. */
void test_skip(const char *why);

/**
 * @brief Run the tests whose names match the glob, print TAP. Those named long_*, which
 * take minutes, edu_*, which want that device of QEMU's, spec_*, which want a disk with the
 * specification's tests, and seeded_*, which are to end in a panic, run only if the glob begins so,
 * too.
 * Behind "fails:" a glob walks tests, in debug builds: each again and again, every time with
 * another allocation that fails. What the test itself says does not count then; it must come to its
 * end, and leave nothing behind.
 * @return Number of failed tests, at most 255; 1 if none matched, or if their file is not there.
 * @context{thread, may sleep}
 */
int test_run(const char *glob);
