// SPDX-License-Identifier: MIT
//
// Tests that run inside the kernel, for what only hardware decides. They are not linked into it
// but come in a file (kernel/extension.h), which is loaded when they are asked for.
// tests/kernel/registry.c lists them.
#pragma once

#include "kernel/lib/compiler.h"

#include <stdbool.h>

/** The parts of the machine that can decide whether a test passes. A row of tests/matrix.toml runs
 * the tests that name a part in which the row differs from the default machine, and those that
 * name none. test_select.c has words for these bits, in this order. */
enum {
    TEST_ON_INTERRUPTS = 1 << 0, /* controllers, timers, messages, the chipset */
    TEST_ON_CPUS = 1 << 1,       /* their number, their model */
    TEST_ON_MEMORY = 1 << 2,     /* how much there is, and where */
    TEST_ON_FIRMWARE = 1 << 3,   /* what starts the kernel, its map and its tables */
    TEST_ON_SCREEN = 1 << 4,     /* a framebuffer */
    TEST_ON_NOTHING = 1 << 5,    /* it passes on every machine or on none */
};

struct kernel_test {
    const char *name; /* the claim: "unmap_then_touch_faults" */
    void (*run)(void);
    unsigned on; /* TEST_ON_; 0: not known, so it runs on each machine */
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
 * @brief Run the selected tests, print TAP.
 * Behind "fails:" a glob walks tests, in debug builds: each again and again, every time with
 * another allocation that fails. What the test itself says does not count then; it must come to its
 * end, and leave nothing behind.
 * @param selection  A glob, and what may stand before it: test_select().
 * @return Number of failed tests, at most 255; 1 if none matched, the selection is
 * malformed, or their file is not there.
 * @context{thread, may sleep}
 */
int test_run(const char *selection);
