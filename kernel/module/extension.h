// SPDX-License-Identifier: MIT
//
// Extensions: code compiled like the kernel and linked against the addresses of one particular
// kernel (scripts/lib/extension.py), in a file of its own. It may call and access everything; a
// different kernel refuses to load it. The in-guest tests and benchmarks are an extension, so the
// kernel that passes them is, byte for byte, the one that ships without them.
#pragma once

#include "kernel/base/symbols.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#include <stdbool.h>

struct kernel_test;
struct kernel_bench;

/** Runs a test repeatedly by `run`, each time with another allocation failing. Leaks are reported
 * with test_fail().
 * @return false: this test cannot be walked; the console says why. */
typedef bool extension_walk_t(const struct kernel_test *test,
                              void (*run)(const struct kernel_test *test));

/** The kernel finds it in the extension under the name halyard_extension. */
struct extension {
    const struct kernel_test *const *tests;    /* kernel/test/test.h */
    const struct kernel_bench *const *benches; /* kernel/test/bench.h */
    extension_walk_t *walk;                    /* NULL: not a debug build */
};

/** A note of type 4 in section .note.halyard, once. */
struct extension_note {
    uint32_t name_size, desc_size, type;
    char name[8];
    uint8_t identity[KERNEL_IDENTITY]; /* filled in after the kernel is linked */
};

/** Defined by the extension, not by the kernel. */
extern const struct extension halyard_extension;

/** The file with the tests: its name among the host's files (kernel/io/host_file.h), and in the
 * folder of modules. */
#define EXTENSION_HOST_FILE "opt/halyard/tests"
#define EXTENSION_FILE      "tests.ko"

/**
 * @brief The extension with the tests, loaded on first use and never unloaded.
 * @return NULL: it is missing or was refused; the console says why.
 * @context{thread, may sleep}
 */
const struct extension *extension_get(void);
