// SPDX-License-Identifier: MIT
//
// The C part of the 32-bit start. machine.cmake compiles it with -m32; it is linked into .boot,
// runs at its physical address with paging off, and is unmapped after boot. entry.S calls the first
// two functions; machine.cmake makes all other symbols of boot32 local.
#pragma once

#include "arch/x86_64/early.h"
#include "hal/types.h"
#include "kernel/lib/compiler.h"

/** Pushed by entry.S's exception stubs, lowest address first. */
struct boot32_fault {
    uint32_t cr2;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;
};

/**
 * @brief Check the CPU, move the image, build the bootstrap tables and prove them.
 * @param breakpoints  How many breakpoints the IDT has handled; must be 1.
 * @param handoff Data from the loader.
 * @return Physical address of the root table, for CR3. Does not return on failure.
 * @context{32-bit mode}
 */
uint32_t boot32_main(uint32_t breakpoints, const struct early_handoff *handoff);

/** @brief Report an exception in 32-bit mode and end the run as a panic. */
_Noreturn void boot32_exception(const struct boot32_fault *fault);

/** @brief Set COM1 to 115200 baud, 8N1. The FIFO keeps its state, because enabling it
 * drops pending bytes. */
void console32_init(void);
void console32_write(const char *s);
void console32_write_hex(uint32_t value);

/** @brief Report why the kernel cannot start ("PANIC: boot: what: why"), and end the run
 * as a panic. */
_Noreturn void boot32_die(const char *what, const char *why);

/**
 * @brief Choose the distance between the image's link address and the address where it will be
 * mapped.
 * @return Bytes, a multiple of HAL_SLIDE_STEP; 0 if the command line has aslr=off.
 */
uint32_t slide32_choose(const struct early_handoff *handoff);

/** @brief Add the slide to every address in the image. Once only. */
void slide32_apply(uint32_t slide);

/**
 * @brief Build the bootstrap tables. @param image  Virtual address in the image's half that
 * corresponds to physical address 0.
 * @return Physical address of the root.
 */
uint32_t tables32_build(uint64_t image);

/** @brief Check the tables with the software walker, by the CPU's rules. Ends the run if
 * they are wrong. */
void tables32_prove(uint32_t root, uint64_t image);
