// SPDX-License-Identifier: MIT
//
// Extensions: code compiled like the kernel and linked against the addresses of one particular
// kernel (scripts/lib/extension.py), in a file of its own. It may call and access everything; a
// different kernel refuses to load it. The in-guest tests and benchmarks are an extension, so the
// kernel that passes them is, byte for byte, the one that ships without them.
//
// The extensions of docs/extensions.md are modules instead: they call what the kernel exports, and
// every kernel with the same interface loads them (additions.h).
#pragma once

#include "kernel/load/extension_format.h"

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
