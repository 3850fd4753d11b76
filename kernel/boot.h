// SPDX-License-Identifier: MIT
//
// The parts of boot that main.c lists and that belong to nothing else.
#pragma once

#include "kernel/cmdline.h"

#include <stdint.h>

struct boot_info;

/** @brief Say what runs on what, what the parsers found odd, and the memory map; refuse too little
 * memory.
 *  @context{early} */
void boot_print_machine(const struct boot_info *info, const struct cmdline *cmdline);

/** @brief Mount the first disk that holds a known file system at /, or else the initrd, which is
 * the first boot module that is an archive; an initrd beside a disk at /initrd. With neither, /
 * stays a memory file system. @context{thread, may sleep}
 */
void boot_mount_root(const struct boot_info *info);

/** @brief Do what the command line asks for: tests, benchmarks, a program; then the shell, or off.
 *  @context{thread, may sleep} */
_Noreturn void boot_serve(const struct cmdline *cmdline);

/** @brief Nanoseconds the CPU was busy from the first kernel instruction to boot_serve(); 0 before
 * it.
 *  @context{any} */
uint64_t boot_busy_ns(void);
