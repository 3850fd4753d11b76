// SPDX-License-Identifier: MIT
//
// Shared by this machine's files: threads' stacks and floating-point state.
#pragma once

/** The first switch to a thread returns here: context.S. */
void context_start(void);

/** The return address of context_start(): call chains end here. */
void context_end(void);

/**
 * @brief Enable the CPU's vector registers, and determine the size of their area.
 * @context{early, once a CPU}
 */
void context_init_fp(void);
