// SPDX-License-Identifier: MIT
//
// Steps of the boot that main.c lists and that belong to no other part of the kernel.
#pragma once

#include "kernel/boot/cmdline.h"

#include <stdbool.h>
#include <stdint.h>

struct boot_info;
struct boot_module;

/** @brief Print machine, boot loader, command line, the parsers' warnings and the memory map; panic
 *     if there is too little memory.
 * @context{early} */
void boot_print_machine(const struct boot_info *info, const struct cmdline *cmdline);

/** @brief Load the extensions that the boot loader and the host pass: each boot module that is an
 *     ELF file, and the host's file opt/halyard/extension. Call it before boot_mount_root(), so
 *     that the root may be a file system of theirs. @context{thread, may sleep} */
void boot_load_extensions(const struct boot_info *info);

/** @brief True if the boot module is an ELF file, and so an extension, not an initrd.
 *     @context{thread} */
bool boot_is_extension(const struct boot_module *module);

/** @brief Mount the root: the first disk with a known file system at /, or else the initrd, i.e.
 *     the first boot module that is an archive. With both, the initrd is mounted at /initrd; with
 *     neither, / stays a memory file system. Then mount the disks that the command line names, to
 *     be written if that is safe. @context{thread, may sleep} */
void boot_mount_root(const struct boot_info *info, const struct cmdline *cmdline);

/** @brief Run what the command line asks for: tests, benchmarks, a program; then start the shell or
 *     power off.
 * @context{thread, may sleep} */
_Noreturn void boot_serve(const struct cmdline *cmdline);

/** @brief Nanoseconds that the CPU was busy from the first kernel instruction to boot_serve(); 0
 *     before that.
 * @context{any} */
uint64_t boot_busy_ns(void);
