// SPDX-License-Identifier: MIT
//
// The functions of a console's device that a test does not observe.
#pragma once

#include "kernel/tty/console.h"

/* Accepts all bytes at once. */
static inline size_t fake_console_put(struct console *c, const uint8_t *s, size_t len)
{
    (void)c, (void)s;
    return len;
}

/* For want_tx and want_rx: the device has no interrupts. */
static inline void fake_console_want(struct console *c, bool on)
{
    (void)c, (void)on;
}

static inline bool fake_console_is_idle(struct console *c)
{
    (void)c;
    return true;
}

/* No key is ever typed. */
static inline size_t fake_console_get(struct console *c, uint8_t *buf, size_t len)
{
    (void)c, (void)buf, (void)len;
    return 0;
}
