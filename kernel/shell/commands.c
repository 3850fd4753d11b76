// SPDX-License-Identifier: MIT
//
// All commands, in the order of `help`, and lookup by name.
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/module/additions.h"
#include "kernel/shell/command_internal.h"
#include "kernel/shell/shell.h"

/* Commands of modules come after these, so a module cannot replace one; additions.c refuses a
 * name that shell_is_own_command() knows. */
static const struct shell_command *const tables[] = {
    /* In the order of `help`. */
    shell_system_commands,  shell_memory_commands, shell_device_commands, shell_module_commands,
    shell_file_commands,    shell_mount_commands,  shell_run_commands,    shell_jit_commands,
    shell_profile_commands, shell_trace_commands,  shell_irq_commands,    shell_language_commands,
    shell_job_commands,
};

/* The i-th command of the tables. On return *i is less by as many as were passed. */
static const struct shell_command *own_command_at(unsigned *i)
{
    for (unsigned t = 0; t < ARRAY_COUNT(tables); t++) {
        for (const struct shell_command *c = tables[t]; c->name != NULL; c++) {
            if ((*i)-- == 0) {
                return c;
            }
        }
    }
    return NULL;
}

bool shell_is_own_command(const char *name)
{
    for (unsigned t = 0; t < ARRAY_COUNT(tables); t++) {
        for (const struct shell_command *c = tables[t]; c->name != NULL; c++) {
            if (strcmp(c->name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

const struct shell_command *shell_command_at(unsigned i)
{
    const struct shell_command *c = own_command_at(&i);
    return c != NULL ? c : additions_command_at(i);
}

const struct shell_command *shell_find_command(const char *name)
{
    const struct shell_command *c;
    for (unsigned i = 0; (c = shell_command_at(i)) != NULL; i++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}
