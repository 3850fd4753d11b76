// SPDX-License-Identifier: MIT
//
// `livepatch`: replaces functions of the running kernel and of running programs.
#include "kernel/lib/string.h"
#include "kernel/livepatch/livepatch_file.h"
#include "kernel/livepatch/livepatch_commands.h"
#include "kernel/livepatch/program_patch.h"
#include "kernel/shell/io.h"
#include "kernel/tty/console.h"

static void print_patch(const struct livepatch_info *info, bool is_applied)
{
    console_printf("%-16s %-8s", info->name, is_applied ? "applied" : "undone");
    for (const struct livepatch *f = info->functions; f->name != NULL; f++) {
        console_printf(" %s", f->name);
    }
    console_printf("\n");
}

bool livepatch_command(int argc, char **argv)
{
    struct loader_error err;
    enum status s = OK;
    if (argc == 1 || (argc == 2 && strcmp(argv[1], "list") == 0)) {
        livepatch_visit(print_patch);
        program_patch_list();
    } else if (argc == 3 && strcmp(argv[1], "load") == 0) {
        s = livepatch_load(argv[2], &err);
    } else if (argc == 4 && strcmp(argv[1], "load") == 0) {
        s = program_patch_load(argv[2], argv[3], &err);
    } else if (argc == 3 && strcmp(argv[1], "undo") == 0) {
        s = program_patch_is_named(argv[2]) ? program_patch_undo(argv[2], &err)
                                            : livepatch_undo(argv[2], &err);
    } else if (argc == 3 && strcmp(argv[1], "unload") == 0) {
        s = program_patch_is_named(argv[2]) ? program_patch_unload(argv[2], &err)
                                            : livepatch_unload(argv[2], &err);
    } else {
        return false;
    }
    if (s != OK) {
        shell_error("livepatch: %s\n", err.text);
    }
    return true;
}
