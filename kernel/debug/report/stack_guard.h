// SPDX-License-Identifier: MIT
//
// The word that -fstack-protector puts between a function's arrays and its return address.
#pragma once

#ifdef HALYARD_UNDEFINED
/** For a function during which the word changes: its check would fail, so it must never return. */
#define NO_STACK_PROTECTOR __attribute__((no_stack_protector))

/**
 * @brief Replace the guard word of the image by a random one.
 * @context{early, from a function that is NO_STACK_PROTECTOR and whose callers do not return}
 */
void stack_guard_init(void);
#else
#define NO_STACK_PROTECTOR
static inline void stack_guard_init(void)
{
}
#endif
