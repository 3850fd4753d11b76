// SPDX-License-Identifier: MIT
//
// Tests that run inside the kernel, for behaviour that only hardware decides. They are not linked
// into the kernel but loaded from a file on first use (kernel/module/extension.h).
// tests/kernel/registry.c lists them.
#pragma once

#include "kernel/lib/compiler.h"

#include <stdbool.h>

/** Parts of the machine on which a test's result can depend. A row of tests/matrix.toml runs the
 * tests that name a part in which the row differs from the default machine, and those that name
 * none. test_select.c has the words for these bits, in this order. */
enum {
    TEST_ON_INTERRUPTS = 1 << 0, /* controllers, timers, messages, the chipset */
    TEST_ON_CPUS = 1 << 1,       /* their number, their model */
    TEST_ON_MEMORY = 1 << 2,     /* its size and layout */
    TEST_ON_FIRMWARE = 1 << 3,   /* what starts the kernel, its memory map and tables */
    TEST_ON_SCREEN = 1 << 4,     /* a framebuffer */
    TEST_ON_NOTHING = 1 << 5,    /* it passes on every machine or on none */
};

struct kernel_test {
    const char *name; /* the claim: "unmap_then_touch_faults" */
    void (*run)(void);
    unsigned on; /* TEST_ON_ bits; 0: unknown, so it runs on each machine */
};

/** @brief Mark the running test as failed and print why; the test continues. @context{thread} */
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

/** Return from the test if a resource that it needs, such as memory, is not available. The test
 * must hold nothing at that point. */
#define TEST_NEED(cond)                                                                            \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            test_fail(__FILE__, __LINE__, "%s", #cond);                                            \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/** @brief Skip the running test, with the reason for the TAP line. The test should then return. */
void test_skip(const char *why);

/**
 * @brief Which allocations a walk makes fail: the n-th of every so many ("every:N/M:").
 * @param every Receives how many; 1: a walk takes all of them.
 * @return The n-th, from 1.
 */
unsigned test_walk_share(unsigned *every);

/**
 * @brief Run the selected tests and print TAP.
 *
 * After "fails:", in debug builds, each test is repeated with another allocation failing each time.
 * Its own checks do not count then; it must finish and leak nothing.
 * @param selection A glob and optional prefixes: test_select().
 * @return Number of failed tests, at most 255; 1 if none matched, the selection is malformed, or
 *     their file is missing.
 * @context{thread, may sleep}
 */
int test_run(const char *selection);
