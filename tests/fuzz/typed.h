// SPDX-License-Identifier: MIT
//
// The console that fuzzed keyboards type on.
#pragma once

/** @brief Boot the world, with such a console that takes what keyboard.h has. Three keys at once,
 * which would reboot, never are: the link needs --wrap=keyboard_event. */
void typed_boot(void);

/** @brief Take all that was typed, and let go of every key. */
void typed_take_all(void);
