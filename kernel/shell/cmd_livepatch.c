// SPDX-License-Identifier: MIT
//
// Replacing functions of the running kernel: kernel/module/livepatch.h.
#include "kernel/lib/string.h"
#include "kernel/module/livepatch.h"
#include "kernel/shell/command_internal.h"
#include "kernel/tty/console.h"

static void print_patches(void)
{
    struct livepatch_info info;
    for (uint32_t i = 0; livepatch_get_info(i, &info); i++) {
        console_printf("%-16s %-8s", info.name, info.is_applied ? "applied" : "undone");
        for (const struct livepatch *f = info.functions; f->name != NULL; f++) {
            console_printf(" %s", f->name);
        }
        console_printf("\n");
    }
}

static bool run_livepatch(int argc, char **argv)
{
    struct loader_error err;
    enum status s = OK;
    if (argc == 1 || (argc == 2 && strcmp(argv[1], "list") == 0)) {
        print_patches();
    } else if (argc == 3 && strcmp(argv[1], "load") == 0) {
        s = livepatch_load(argv[2], &err);
    } else if (argc == 3 && strcmp(argv[1], "undo") == 0) {
        s = livepatch_undo(argv[2], &err);
    } else {
        return false;
    }
    if (s != OK) {
        shell_error("livepatch: %s\n", err.text);
    }
    return true;
}

const struct shell_command shell_livepatch_commands[] = {
    {"livepatch", "[list | load FILE | undo NAME]", "replace functions of the running kernel",
     run_livepatch},
    {0},
};
