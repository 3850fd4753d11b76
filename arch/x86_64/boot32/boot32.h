// SPDX-License-Identifier: MIT
//
// The C part of the 32-bit start: compiled with -m32 by machine.cmake, linked into .boot, run with
// paging off at its physical address, gone after boot. entry.S calls the two functions without
// `static` neighbours elsewhere: everything else in boot32 is local to it (machine.cmake keeps only
// their names).
#pragma once

#include "hal/types.h"
#include "kernel/lib/compiler.h"

/** What entry.S's exception stubs leave on the stack, lowest address first. */
struct boot32_fault {
    uint32_t cr2;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;
};

/**
 * @brief Check the CPU, build the bootstrap tables and prove them.
 * @param breakpoints  How many breakpoints the IDT has answered; must be 1.
 * @return Physical address of the root table, for CR3. Does not return if anything is wrong.
 * @context{32-bit mode}
 */
uint32_t boot32_main(uint32_t breakpoints);

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

/** @brief Build the bootstrap tables. @return Physical address of the root. */
uint32_t tables32_build(void);

/** @brief Let the software walker check the tables by the CPU's own rules; ends the run if they are
 * wrong. */
void tables32_prove(uint32_t root);
