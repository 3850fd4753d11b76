// SPDX-License-Identifier: MIT
//
// What keys mean: one table a layout. Keys that mean the same everywhere (arrows, function keys)
// are keyboard.c's.
#pragma once

#include "kernel/tty/keyboard.h"

/** What a key types: without and with Shift. 0: nothing. */
struct keymap_key {
    uint8_t plain, shift;
};

struct keymap {
    const char *name;
    /** By key code. Caps Lock exchanges the two where `plain` is a lower-case letter. */
    struct keymap_key key[KEYBOARD_CODES];
};

extern const struct keymap keymap_us;
