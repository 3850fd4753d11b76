// SPDX-License-Identifier: MIT
//
// The console for fuzzed keyboards.
#pragma once

/** @brief Boot the kernel with a console that accepts the keys of keyboard.h. The key combination
 * that would reboot is filtered out: the link needs --wrap=keyboard_event. */
void typed_boot(void);

/** @brief Read everything that was typed, and release every key. */
void typed_take_all(void);
