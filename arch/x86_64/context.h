// SPDX-License-Identifier: MIT
//
// What the files of this machine share about threads' stacks and floating-point state.
#pragma once

/** Where the first switch to a thread goes: context.S. */
void context_start(void);

/** Where what it calls would return to: a return address at which call chains end. */
void context_end(void);

/** @brief Enable the vector registers that the CPU has, and find the size of their area.
 * @context{early, once a CPU} */
void context_init_fp(void);
