// SPDX-License-Identifier: MIT
//
// The folder is an extension of one kernel, tools.ko, which the shell loads for the first of these
// commands, to mount ext4, or to interpret a program: a machine that boots to a shell and runs
// programs needs none of that, so the image does not contain it. commands.c has the names of the
// commands.
#include "kernel/shell/tools/tools.h"

#include "kernel/fs/ext4.h"
#include "kernel/module/additions.h"
#include "kernel/module/extension.h"
#include "kernel/module/shell_command.h"

__attribute__((section(".note.halyard"), used, aligned(4))) //
static const struct extension_note note = {
    .name_size = sizeof(note.name), .desc_size = KERNEL_IDENTITY, .type = 4, .name = "Halyard"};

/* In the order of `help`. */
static const struct shell_command commands[] = {
    {"uptime", "", "time since boot, idle time, date", tools_uptime},
    {"cpus", "", "processors, their mode and security features", tools_cpus},
    {"uname", "[-asrm]", "the system's name, version and machine", tools_uname},
    {"ps", "", "threads, their CPUs, and what each waits for", tools_ps},
    {"mem", "[map]", "memory by owner, or the address map", tools_mem},
    {"heap", "[sites]", "the kernel heap, or its largest users", tools_heap},
    {"lspci", "", "PCI devices and their drivers", tools_lspci},
    {"lsblk", "", "block devices: disks and their partitions", tools_lsblk},
    {"modules", "", "drivers and extensions, loaded and linked in", tools_modules},
    {"check", "DEVICE|DIR", "look for faults in a file system on a disk", tools_check},
    {"df", "", "size of each file system, and free space", tools_df},
    {"jit", "[PROGRAM | FILE | dump FILE FUNCTION | features]",
     "portable programs, their functions and code", tools_jit},
    {"gc", "", "heaps of programs with a collector: sizes, collections, pauses", tools_gc},
    {"profile", "[lines | stacks | start | stop]", "which functions the time goes to",
     tools_profile},
    {"trace", "[start | stop | dump | func [GLOB... | --hist | --off]]",
     "what each CPU did and when: threads, interrupts, disks, loads", tools_trace},
    {"irq", "[SECONDS | move LINE CPU | resume LINE]",
     "interrupt counts and times; move a line, or unmask one that stormed", tools_irq},
    {0},
};

static const struct fs_format *const file_systems[] = {&ext4_format, NULL};
static const struct additions additions = {.file_systems = file_systems};

static void start(void)
{
    bytecode_enable_interpreters();
}

const struct extension halyard_extension = {
    .commands = commands, .additions = &additions, .start = start};
