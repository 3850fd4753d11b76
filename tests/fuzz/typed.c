// SPDX-License-Identifier: MIT
//
// See typed.h.
#include "typed.h"

#include "fake/fake_console.h"
#include "fake/world.h"
#include "kernel/tty/console.h"
#include "kernel/tty/keyboard.h"

enum { LEFT_CTRL = 29, LEFT_ALT = 56, KEYPAD_DOT = 83, RIGHT_CTRL = 97, RIGHT_ALT = 100 };
enum { DELETE = 111 };

void __real_keyboard_event(uint16_t code, bool is_down);
void __wrap_keyboard_event(uint16_t code, bool is_down);

static bool is_held[KEYBOARD_CODES];

void __wrap_keyboard_event(uint16_t code, bool is_down)
{
    bool reboots = (code == KEYPAD_DOT || code == DELETE) && is_down &&
                   (is_held[LEFT_CTRL] || is_held[RIGHT_CTRL]) &&
                   (is_held[LEFT_ALT] || is_held[RIGHT_ALT]);
    if (code < KEYBOARD_CODES) {
        is_held[code] = is_down;
    }
    if (!reboots) {
        __real_keyboard_event(code, is_down);
    }
}

static size_t get(struct console *c, uint8_t *buf, size_t len)
{
    (void)c;
    return keyboard_take(buf, len);
}

static void want_rx(struct console *c, bool on)
{
    (void)c;
    keyboard_want(on);
}

void typed_boot(void)
{
    static const struct console_ops ops = {.name = "screen",
                                           .put = fake_console_put,
                                           .want_tx = fake_console_want,
                                           .is_idle = fake_console_is_idle,
                                           .get = get,
                                           .want_rx = want_rx};
    static struct console screen = {.ops = &ops};
    (void)world_boot(NULL);
    console_add(&screen);
    keyboard_attach(&screen);
}

void typed_take_all(void)
{
    uint8_t bytes[512];
    while (console_read(bytes, sizeof(bytes), 0) > 0) {
    }
    keyboard_release_all();
    for (unsigned i = 0; i < KEYBOARD_CODES; i++) {
        is_held[i] = false;
    }
}
