// SPDX-License-Identifier: MIT
//
// The hub between keyboards and the console that they type on: keys in, bytes as a terminal sends
// them out. Which device a key comes from is drivers/input's, what the bytes mean is the shell's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console;

/* Key codes are those of Linux's input events, which virtio uses as well (virtio 1.2, 5.8.2). */
#define KEYBOARD_CODES 128 /* codes from here on are keys that nothing here knows */

/**
 * @brief Driver: a key went down, up, or repeats (down again).
 * @param code  Linux input event code; one that is not known is ignored.
 * @context{any, IRQ-safe}
 */
void keyboard_event(uint16_t code, bool is_down);

/** @brief Driver: nothing is known of what is held down (the device was lost or reset): let
 * everything go. @context{any, IRQ-safe} */
void keyboard_release_all(void);

/** @brief Take typed bytes, for a console's `get`.
 *  @return Count, 0 if none wait. @context{any, IRQ-safe} */
size_t keyboard_take(uint8_t *buf, size_t len);

/** @brief A console's `want_rx`: when it has room again, what waits is offered to it once more.
 * @context{any, IRQ-safe, under the console's lock} */
void keyboard_want(bool on);

/** @brief True if no typed byte waits. @context{any, IRQ-safe} */
bool keyboard_is_empty(void);

/**
 * @brief Make a console the one that keys are typed on: console_rx_ready() is called for it when
 * bytes wait, and it takes them. Until then keys are typed on the system's first console.
 * @param screen  After its console_add(); lives as long as the machine.
 * @context{thread}
 */
void keyboard_attach(struct console *screen);
