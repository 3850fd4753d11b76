// SPDX-License-Identifier: MIT
//
// Between context.S and context.c.
#pragma once

/** First instruction of every new thread; found on the stack by its first switch. */
void context_start(void);

/** Where it would return to: a return address at which call chains end. */
void context_end(void);
