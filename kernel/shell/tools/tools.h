// SPDX-License-Identifier: MIT
//
// The commands of tools.ko. Each is as run() of struct shell_command; tools.c lists what they do.
#pragma once

#include <stdbool.h>

bool tools_uptime(int argc, char **argv);
bool tools_cpus(int argc, char **argv);
bool tools_uname(int argc, char **argv);
bool tools_ps(int argc, char **argv);
bool tools_mem(int argc, char **argv);
bool tools_heap(int argc, char **argv);
bool tools_lspci(int argc, char **argv);
bool tools_lsblk(int argc, char **argv);
bool tools_modules(int argc, char **argv);
bool tools_check(int argc, char **argv);
bool tools_df(int argc, char **argv);
bool tools_jit(int argc, char **argv);
bool tools_gc(int argc, char **argv);
bool tools_profile(int argc, char **argv);
bool tools_trace(int argc, char **argv);
bool tools_irq(int argc, char **argv);
