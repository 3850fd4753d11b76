// SPDX-License-Identifier: MIT
//
// What kernel/livepatch/ implements of the shell's commands. Both return false if the arguments
// are wrong.
#pragma once

#include <stdbool.h>

bool livepatch_command(int argc, char **argv);

/** @brief `trace func`. @param argv [0] is "func". */
bool livepatch_trace_func(int argc, char **argv);
