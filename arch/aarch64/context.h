// SPDX-License-Identifier: MIT
//
// Between context.S and context.c.
#pragma once

/** First instruction of every new thread; found on the stack by its first switch. */
void context_start(void);
