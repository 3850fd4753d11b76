// SPDX-License-Identifier: MIT
//
// Changing the kernel's own code while all CPUs run it: a function that was compiled with a
// patchable entry (cmake/kernel.cmake) gets a jump there, or loses it. kernel/module/livepatch.h
// decides which.
//
// Text stays read-only wherever it is mapped. A write goes through an alias in tables of its own,
// which only the calling CPU uses, with interrupts masked, and which map nothing once it is done.
#pragma once

#include "hal/types.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * @brief Where the calls of a function can be led elsewhere.
 * @param function  Its address, mapped readable.
 * @return 0: it has no patchable entry, or a jump is there already. @context{any}
 */
vaddr_t hal_text_entry(vaddr_t function);

/** @brief Where the function continues after its entry. @context{any} Pure. */
vaddr_t hal_text_after(vaddr_t entry);

/** @brief Whether a jump at the entry reaches the target. @context{any} Pure. */
bool hal_text_reaches(vaddr_t entry, vaddr_t target);

/**
 * @brief Do one step of leading an entry to a target, or with target 0 to its own function.
 *
 * The caller begins with step 0, and makes every CPU refetch (smp_synchronise_fetch()) after each
 * step, the last one included. Meanwhile a call of the function runs the code to which the entry
 * led before, or the new target's.
 * @param entry  Of hal_text_entry().
 * @return true: call it again with the next step.
 * @context{thread; one caller at a time}
 */
bool hal_text_step(vaddr_t entry, vaddr_t target, unsigned step);

/* ---- Code of programs, which has no patchable entries ---- */

#define HAL_JUMP_MAX 8u /* bytes of a jump */

/** @brief Encode a jump from one address to another. @return its bytes; 0: out of reach.
 * @context{any} Pure. */
size_t hal_text_jump(vaddr_t at, vaddr_t target, uint8_t code[HAL_JUMP_MAX]);

/**
 * @brief Write a jump over code, or the bytes that the jump replaced. Nothing may execute them now.
 * @param n  The size of a jump. A thread that runs the code is interrupted, or waits, meanwhile.
 * @context{any, interrupts masked; one caller at a time, which calls no hal_text_step()}
 */
void hal_text_write(vaddr_t at, const uint8_t *code, size_t n);
