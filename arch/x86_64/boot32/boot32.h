// SPDX-License-Identifier: MIT
//
// The C part of the 32-bit start: compiled with -m32 by machine.cmake, linked into .boot, run with
// paging off at its physical address, gone after boot. entry.S calls the two functions without
// `static` neighbours elsewhere: everything else in boot32 is local to it (machine.cmake keeps only
// their names).
#pragma once

#include "arch/x86_64/early.h"
#include "hal/types.h"
#include "kernel/lib/compiler.h"

/** What entry.S's exception stubs leave on the stack, lowest address first. */
struct boot32_fault {
    uint32_t cr2;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;
};

/**
 * @brief Check the CPU, move the image, build the bootstrap tables and prove them.
 * @param breakpoints  How many breakpoints the IDT has answered; must be 1.
 * @param handoff      What the loader said.
 * @return Physical address of the root table, for CR3. Does not return if anything is wrong.
 * @context{32-bit mode}
 */
uint32_t boot32_main(uint32_t breakpoints, const struct early_handoff *handoff);

/** @brief Report an exception in 32-bit mode and end the run as a panic. */
_Noreturn void boot32_exception(const struct boot32_fault *fault);

/** @brief Set COM1 to 115200 baud, 8N1. The FIFO stays as it is: enabling it drops a byte that
 * waits. */
void console32_init(void);
void console32_write(const char *s);
void console32_write_hex(uint32_t value);

/** @brief Say why the kernel cannot start ("PANIC: boot: what: why"), and end the run as a panic.
 */
_Noreturn void boot32_die(const char *what, const char *why);

/** @brief Choose how far from where it is linked the image will appear.
 * @return Bytes, a multiple of HAL_SLIDE_STEP; 0 if the command line has aslr=off. */
uint32_t slide32_choose(const struct early_handoff *handoff);

/** @brief Add the slide to every address of the image that is in it. Once. */
void slide32_apply(uint32_t slide);

/** @brief Build the bootstrap tables. @param image  Where physical address 0 is in the image's
 * half.
 * @return Physical address of the root. */
uint32_t tables32_build(uint64_t image);

/** @brief Let the software walker check the tables by the CPU's own rules; ends the run if they are
 * wrong. */
void tables32_prove(uint32_t root, uint64_t image);
