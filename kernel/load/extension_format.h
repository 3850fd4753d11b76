// SPDX-License-Identifier: MIT
//
// What the file of an extension (kernel/module/extension.h) contains for the loader.
#pragma once

#include "kernel/base/symbols.h"
#include "kernel/lib/compiler.h"

#include <stdbool.h>
#include <stdint.h>

struct kernel_test;
struct kernel_bench;
struct additions;
struct shell_command;

/** Runs a test repeatedly by `run`, each time with another allocation failing. Leaks are reported
 * with test_fail().
 * @return false: this test cannot be walked; the console says why. */
typedef bool extension_walk_t(const struct kernel_test *test,
                              void (*run)(const struct kernel_test *test));

/** A function of the kernel and what replaces it (kernel/module/livepatch.h). */
struct livepatch {
    const char *name; /* the function's; NULL ends a list */
    void (*function)(void);
    void (*replacement)(void);
    uint64_t mark; /* of scripts/lib/patch.py, which compares the types; 0: not yet */
};

/** A row of a list. The compiler refuses a replacement of another type than `old` is declared to
 * have. */
#define LIVEPATCH(old, new)                                                                        \
    {                                                                                              \
        .name = #old, .function = (void (*)(void))(old),                                           \
        .replacement = (void (*)(void)) __builtin_choose_expr(                                     \
            __builtin_types_compatible_p(__typeof__(old), __typeof__(new)), (new), (void)0)        \
    }

/** The kernel finds it in the extension under the name halyard_extension. */
struct extension {
    const struct kernel_test *const *tests;    /* kernel/test/test.h */
    const struct kernel_bench *const *benches; /* kernel/test/bench.h */
    extension_walk_t *walk;                    /* NULL: not a debug build */
    const struct livepatch *patches;           /* of a patch; it has nothing else */
    const struct additions *additions;         /* kernel/module/additions.h; NULL: it has none */
    /** Commands whose names the shell has itself (kernel/shell/commands.c), because it loads the
     * extension for the first of them. Ends with a NULL name; NULL: none. */
    const struct shell_command *commands;
    /** Called once, when it is loaded: gives the kernel functions of the extension. It must not
     * load another one. NULL: there is nothing to do. */
    void (*start)(void);
};

/** A note of type 4 in section .note.halyard, once. */
struct extension_note {
    uint32_t name_size, desc_size, type;
    char name[8];
    uint8_t identity[KERNEL_IDENTITY]; /* filled in after the kernel is linked */
};

/** Defined by the extension, not by the kernel. */
extern const struct extension halyard_extension;
