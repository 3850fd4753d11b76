// SPDX-License-Identifier: MIT
//
// An extension: code that is compiled as the kernel is and linked against the addresses of one
// kernel (scripts/lib/extension.py), in a file of its own. It may call and touch everything; in
// another kernel than its own it is refused. The in-guest tests and benchmarks are one, so that the
// kernel which passes them is, to the byte, the one that ships without them.
#pragma once

#include "kernel/base/symbols.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#include <stdbool.h>

struct kernel_test;
struct kernel_bench;

/** Runs a test with every allocation that fails in turn, by `run`. What that leaves behind is said
 * by test_fail().
 * @return false: it is none of those that are walked; the console says why. */
typedef bool extension_walk_t(const struct kernel_test *test,
                              void (*run)(const struct kernel_test *test));

/** What the kernel finds in it by the name halyard_extension. */
struct extension {
    const struct kernel_test *const *tests;    /* kernel/test.h */
    const struct kernel_bench *const *benches; /* kernel/bench.h */
    extension_walk_t *walk;                    /* NULL: not a debug build */
};

/** Type 4, in section .note.halyard, once. */
struct extension_note {
    uint32_t name_size, desc_size, type;
    char name[8];
    uint8_t identity[KERNEL_IDENTITY]; /* filled in once the kernel is linked */
};

/** Defined by the extension, not by the kernel. */
extern const struct extension halyard_extension;

/** Of the file that has the tests: among the host's (kernel/io/host_file.h), and in the folder of
 * modules. */
#define EXTENSION_HOST_FILE "opt/halyard/tests"
#define EXTENSION_FILE      "tests.ko"

/**
 * @brief The tests' extension, which is loaded when it is asked for first, and stays.
 * @return NULL: it is not there or was refused; the console says why.
 * @context{thread, may sleep}
 */
const struct extension *extension_get(void);
