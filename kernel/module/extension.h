// SPDX-License-Identifier: MIT
//
// Extensions: code compiled like the kernel and linked against the addresses of one particular
// kernel (scripts/lib/extension.py), in a file of its own. It may call and access everything; a
// different kernel refuses to load it. The in-guest tests and benchmarks are an extension, so the
// kernel that passes them is, byte for byte, the one that ships without them. So are front-ends
// that use more of the compiler than modules may (load_formats.on_demand).
//
// The other extensions (docs/extensions.md) are modules instead: they call what the kernel exports,
// and every kernel with the same interface loads them (additions.h).
#pragma once

#include "kernel/io/host_file.h"
#include "kernel/load/extension_format.h"
#include "kernel/load/loader.h"

/** The file with the tests: its name among the host's files (kernel/io/host_file.h), and in the
 * folder of modules. */
#define EXTENSION_HOST_FILE HOST_FILE_FOLDER "tests"
#define EXTENSION_FILE      "tests.ko"

/**
 * @brief The extension with the tests, loaded on first use and never unloaded.
 * @return NULL: it is missing or was refused; the console says why.
 * @context{thread, may sleep}
 */
const struct extension *extension_get(void);

/**
 * @brief Load an extension, unless it is loaded, and add its additions. It is a host's file
 * (HOST_FILE_FOLDER), or in the folder of modules. It is never unloaded.
 * @param file Its name, which stays. @param err Set to the reason on failure; it names the file.
 * @return OK; errors of reading the file, of loader_load() and of additions_add(); E_CORRUPT: it
 *     has no additions. On failure nothing has changed. @context{thread, may sleep}
 */
enum status extension_add(const char *file, struct loader_error *err);

#ifdef HALYARD_DEBUG
/**
 * @brief Unload an extension without additions and commands, for tests that load it again. If it is
 * not loaded, nothing happens.
 * @param file As for extension_add(). Nothing uses it, and no callback of it is pending.
 * @context{thread, may sleep}
 */
void extension_forget(const char *file);
#endif

/**
 * @brief The command of that name in an extension (`commands`), which is loaded first, unless it is
 * loaded.
 * @return NULL: as extension_add(), with the reason in err, or it has no such command.
 * @context{thread, may sleep}
 */
const struct shell_command *extension_find_command(const char *file, const char *name,
                                                   struct loader_error *err);
