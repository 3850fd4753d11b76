// SPDX-License-Identifier: MIT
//
// `livepatch`: replaces functions of the running kernel.
#include "kernel/lib/string.h"
#include "kernel/livepatch/livepatch_file.h"
#include "kernel/livepatch/livepatch_commands.h"
#include "kernel/shell/io.h"
#include "kernel/tty/console.h"

static void print_patch(const struct livepatch_info *info, const char *state)
{
    console_printf("%-16s %-8s", info->name, state);
    for (const struct livepatch *f = info->functions; f->name != NULL; f++) {
        console_printf(" %s", f->name);
    }
    console_printf("\n");
}

static bool is_applied(const char *name)
{
    struct livepatch_info info;
    uint32_t i = 0;
    while (livepatch_get_info(i, &info) && strcmp(info.name, name) != 0) {
        i++;
    }
    return livepatch_get_info(i, &info);
}

/* Those that count most are last; before them, files whose patches were undone. */
static void print_patches(void)
{
    struct livepatch_info info;
    for (uint32_t i = 0; livepatch_get_file(i, &info); i++) {
        if (!is_applied(info.name)) {
            print_patch(&info, "undone");
        }
    }
    for (uint32_t i = 0; livepatch_get_info(i, &info); i++) {
        print_patch(&info, "applied");
    }
}

bool livepatch_command(int argc, char **argv)
{
    struct loader_error err;
    enum status s = OK;
    if (argc == 1 || (argc == 2 && strcmp(argv[1], "list") == 0)) {
        print_patches();
    } else if (argc == 3 && strcmp(argv[1], "load") == 0) {
        s = livepatch_load(argv[2], &err);
    } else if (argc == 3 && strcmp(argv[1], "undo") == 0) {
        s = livepatch_undo(argv[2], &err);
    } else if (argc == 3 && strcmp(argv[1], "unload") == 0) {
        s = livepatch_unload(argv[2], &err);
    } else {
        return false;
    }
    if (s != OK) {
        shell_error("livepatch: %s\n", err.text);
    }
    return true;
}
