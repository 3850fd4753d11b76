// SPDX-License-Identifier: MIT
//
// Connects keyboards to the console on which they type: receives key events and produces the bytes
// that a terminal would send. drivers/input has the devices; the shell interprets the bytes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console;

/* Key codes are those of Linux's input events, which virtio uses as well (virtio 1.2, 5.8.2). */
#define KEYBOARD_CODES 128 /* codes from here on are unknown keys */

/**
 * @brief For drivers: a key was pressed, released, or repeats (pressed again).
 * @param code Linux input event code; unknown ones are ignored.
 * @context{any, IRQ-safe}
 */
void keyboard_event(uint16_t code, bool is_down);

/** @brief For drivers: the state of the keys is unknown (the device was lost or reset): treat all
 *     as released. @context{any, IRQ-safe} */
void keyboard_release_all(void);

/** @brief Fetch typed bytes, for a console's `get`.
 * @return Count, 0 if there are none. @context{any, IRQ-safe} */
size_t keyboard_take(uint8_t *buf, size_t len);

/** @brief For a console's `want_rx`: when it has room again, waiting bytes are offered to it once
 *     more.
 * @context{any, IRQ-safe, under the console's lock} */
void keyboard_want(bool on);

/**
 * @brief Set the console on which keys are typed: console_rx_ready() is called for it when there
 *     are bytes, and it fetches them. Before that, keys are typed on the system's first console.
 * @param screen After its console_add(); never freed.
 * @context{thread}
 */
void keyboard_attach(struct console *screen);
