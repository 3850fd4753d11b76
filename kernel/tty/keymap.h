// SPDX-License-Identifier: MIT
//
// Keyboard layouts: a table for each. keyboard.c handles keys that are the same in all layouts
// (arrows, function keys).
#pragma once

#include "kernel/tty/keyboard.h"

/** The bytes that a key types without and with Shift. 0: nothing. */
struct keymap_key {
    uint8_t plain, shift;
};

struct keymap {
    const char *name;
    /** By key code. Caps Lock swaps the two if `plain` is a lower-case letter. */
    struct keymap_key key[KEYBOARD_CODES];
};

extern const struct keymap keymap_us;
