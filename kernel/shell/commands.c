// SPDX-License-Identifier: MIT
//
// All commands, in the order of `help`, and lookup by name.
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/module/additions.h"
#include "kernel/module/extension.h"
#include "kernel/shell/command.h"
#include "kernel/shell/shell.h"

/* Commands of modules come after these, so a module cannot replace one; additions.c refuses a
 * name that shell_is_own_command() knows. */
static const struct shell_command *const tables[] = {
    /* In the order of `help`. */
    shell_system_commands, shell_module_commands,   shell_file_commands, shell_mount_commands,
    shell_run_commands,    shell_language_commands, shell_job_commands,
};

/* Commands in extensions of this kernel. Only their names are in the image, for lookup and
 * completion: how a command is used is printed when its file is there. */
static const struct {
    const char *file, *names; /* each name ends with a zero, and the list with an empty name */
} elsewhere[] = {
    {"tools.ko", "uptime\0cpus\0uname\0ps\0mem\0heap\0lspci\0lsblk\0modules\0check\0df\0"
                 "jit\0gc\0profile\0trace\0irq\0"},
    {"livepatch.ko", "livepatch\0"},
};

#define NEXT(name) ((name) + strlen(name) + 1)

static const struct shell_command *find_in_image(const char *name)
{
    for (unsigned t = 0; t < ARRAY_COUNT(tables); t++) {
        for (const struct shell_command *c = tables[t]; c->name != NULL; c++) {
            if (strcmp(c->name, name) == 0) {
                return c;
            }
        }
    }
    return NULL;
}

/* The file that has the command, or NULL. */
static const char *find_file(const char *name)
{
    for (unsigned i = 0; i < ARRAY_COUNT(elsewhere); i++) {
        for (const char *n = elsewhere[i].names; *n != '\0'; n = NEXT(n)) {
            if (strcmp(n, name) == 0) {
                return elsewhere[i].file;
            }
        }
    }
    return NULL;
}

static const struct shell_command *find_added(const char *name)
{
    const struct shell_command *c;
    for (unsigned i = 0; (c = additions_command_at(i)) != NULL; i++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

bool shell_is_own_command(const char *name)
{
    return find_in_image(name) != NULL || find_file(name) != NULL;
}

bool shell_is_command(const char *name)
{
    return shell_is_own_command(name) || find_added(name) != NULL;
}

const struct shell_command *shell_load_command(const char *file, const char *name)
{
    struct loader_error err;
    const struct shell_command *c = extension_find_command(file, name, &err);
    if (c == NULL) {
        shell_error("%s: %s\n", name, err.text);
    }
    return c;
}

const struct shell_command *shell_find_command(const char *name)
{
    const struct shell_command *c = find_in_image(name);
    const char *file = c == NULL ? find_file(name) : NULL;
    if (file != NULL) {
        return shell_load_command(file, name);
    }
    return c != NULL ? c : find_added(name);
}

/* A file that is missing costs one message; its commands are still visited, by name. */
static void visit_file(unsigned i, bool loads, shell_visit_fn visit, void *ctx)
{
    for (const char *n = elsewhere[i].names; *n != '\0'; n = NEXT(n)) {
        const struct shell_command unknown = {.name = n, .usage = "", .help = ""};
        const struct shell_command *c = loads ? shell_load_command(elsewhere[i].file, n) : NULL;
        loads = c != NULL;
        visit(ctx, c != NULL ? c : &unknown);
    }
}

void shell_visit_commands(bool loads, shell_visit_fn visit, void *ctx)
{
    const struct shell_command *c;
    for (unsigned t = 0; t < ARRAY_COUNT(tables); t++) {
        for (c = tables[t]; c->name != NULL; c++) {
            visit(ctx, c);
        }
    }
    for (unsigned i = 0; i < ARRAY_COUNT(elsewhere); i++) {
        visit_file(i, loads, visit, ctx);
    }
    for (unsigned i = 0; (c = additions_command_at(i)) != NULL; i++) {
        visit(ctx, c);
    }
}
