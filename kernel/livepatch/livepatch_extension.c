// SPDX-License-Identifier: MIT
//
// The room is an extension of one kernel, which the shell loads for the first of these commands: so
// the image is not larger for them.
#include "kernel/livepatch/livepatch_commands.h"
#include "kernel/module/extension.h"
#include "kernel/module/shell_command.h"

__attribute__((section(".note.halyard"), used, aligned(4))) //
static const struct extension_note note = {
    .name_size = sizeof(note.name), .desc_size = KERNEL_IDENTITY, .type = 4, .name = "Halyard"};

static const struct shell_command commands[] = {
    {"livepatch", "[list | load FILE [PROGRAM[:GLOB]] | undo NAME | unload NAME]",
     "replace functions of the running kernel or of a program", livepatch_command},
    {"func", "", "", livepatch_trace_func}, /* for `trace func`, which prints the usage */
    {0},
};

const struct extension halyard_extension = {.commands = commands};
