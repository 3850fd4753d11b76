// SPDX-License-Identifier: MIT
//
// The word that -fstack-protector lays between a function's arrays and its return address.
#pragma once

#ifdef HALYARD_UNDEFINED
/** A function that goes on with another word than it began with: it must never return. */
#define NO_STACK_PROTECTOR __attribute__((no_stack_protector))

/**
 * @brief Take another word than the one that is in the image.
 * @context{early, from a function that is NO_STACK_PROTECTOR and whose callers do not return}
 */
void stack_guard_init(void);
#else
#define NO_STACK_PROTECTOR
static inline void stack_guard_init(void)
{
}
#endif
