// SPDX-License-Identifier: MIT
//
// Running programs from the shell.
#include "kernel/io/console.h"
#include "kernel/run.h"
#include "kernel/shell/command_internal.h"

void shell_run_program(int argc, char **argv)
{
    struct run_result result;
    if (run_program(argc, (const char *const *)argv, &result) != OK) {
        console_printf("run: %s\n", result.error.text);
        return;
    }
    switch (result.end) {
    case PROGRAM_FAULTED:
        console_printf("run: %s: ended by a fault\n", argv[0]);
        break;
    case PROGRAM_KILLED:
        console_printf("run: %s: killed\n", argv[0]);
        break;
    default:
        if (result.status != 0) {
            console_printf("run: %s: exit status %d\n", argv[0], result.status);
        }
        break;
    }
}

static bool run_run(int argc, char **argv)
{
    if (argc < 2) {
        return false;
    }
    shell_run_program(argc - 1, argv + 1);
    return true;
}

const struct shell_command shell_run_commands[] = {
    {"run", "PATH [ARG...]", "run a program", run_run},
    {0},
};
