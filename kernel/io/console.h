// SPDX-License-Identifier: MIT
//
// Consoles: bytes in from interrupts, bytes out through a buffer. Line editing is the shell's.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A console device: PL011, 16550. Static; no slot optional. */
struct console_ops {
    const char *name;
    /** Put as many bytes as there is room for, raw. Returns how many. Interrupts masked. */
    size_t (*put)(void *ctx, const uint8_t *s, size_t len);
    /** Ask for an interrupt when there is room again, or no more. Interrupts masked. */
    void (*want_tx)(void *ctx, bool on);
};

/** @brief Add a console. Output goes to all, input comes from any. @context{thread} */
enum status console_add(const struct console_ops *ops, void *ctx);

/** @brief Driver: bytes have arrived. Ctrl-C (3) ends the foreground program, if any. @context{IRQ} */
void console_input(const uint8_t *s, size_t len);
/** @brief Driver: there is room in the transmitter. @context{IRQ} */
void console_tx_ready(const struct console_ops *ops);

/** @brief Write text; '\n' becomes CR LF. Blocks while the buffer is full. @context{thread; in others it polls} */
void console_write(const char *s, size_t len);
void console_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/** @brief Read at least one byte. @return count; E_CANCELLED, E_TIMEDOUT as negative. @context{thread, may sleep} */
int console_read(uint8_t *buf, size_t len, uint64_t deadline_ns);

/** @brief Wait until everything written has left the machine. @context{thread; polls in a panic} */
void console_drain(void);
