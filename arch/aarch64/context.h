// SPDX-License-Identifier: MIT
//
// Shared by context.S and context.c.
#pragma once

/** First instruction of every new thread; its first switch finds the address on the stack. */
void context_start(void);

/** The return address of context_start(): call chains end here. */
void context_end(void);
