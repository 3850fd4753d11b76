// SPDX-License-Identifier: MIT
//
// What a module adds to the kernel besides a driver: commands of the shell, file systems, formats
// of programs. docs/extensions.md describes how such a module is built and loaded. Additions stay
// until the machine is switched off: a module that has some is never unloaded.
#pragma once

#include "kernel/fs/fs.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/module/shell_command.h"

/** Const, in the module's data. NULL: none of this kind. */
struct additions {
    const struct shell_command *commands;         /* ends with a NULL name */
    const struct fs_format *const *file_systems;  /* ends with NULL */
    const struct bytecode_format *const *formats; /* ends with NULL */
};

/** How many of each kind a module adds. */
struct additions_count {
    uint32_t commands, file_systems, formats;
};

/** The caller owns the struct, which stays from additions_add() on. */
struct additions_registration {
    struct list_node link;         /* private */
    const struct additions *added; /* [I] */
};

/** @brief Let the rooms below find what modules add.
 * @param is_command Whether the shell has a command of this name itself.
 * @context{thread, once, before the first module is loaded} */
void additions_init(bool (*is_command)(const char *name));

/**
 * @brief Add all of a module's commands, file systems and formats, or none.
 * @param module Its name, for messages.
 * @return OK; E_EXIST: there is a command, file system or format of that name; E_CORRUPT: an entry
 *     is incomplete. @context{thread, may sleep}
 */
enum status additions_add(struct additions_registration *r, const char *module,
                          struct loader_error *err);

/** @brief Count them; NULL has none. @context{any} */
struct additions_count additions_count(const struct additions *a);

/** @brief The i-th added command, or NULL past the end. @context{thread} */
const struct shell_command *additions_command_at(unsigned i);
