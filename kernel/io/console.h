// SPDX-License-Identifier: MIT
//
// Consoles: bytes in from interrupts, bytes out through a buffer. Line editing is the shell's.
//
// Both directions pull: console.c owns the rings and asks the device for bytes, or hands it bytes,
// as far as there is room. What does not fit stays in the device, whose flow control holds the
// sender back: no byte is dropped here.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console;

/** A console device: PL011, 16550. Static; no slot optional. All are called with interrupts masked
 * and under the console's lock: a driver may take a lock of its own inside, and must call nothing
 * of this header. */
struct console_ops {
    const char *name;
    /** Put as many bytes as there is room for, raw. Returns how many. */
    size_t (*put)(struct console *c, const uint8_t *s, size_t len);
    /** Ask for an interrupt (console_tx_ready()) when there is room again, or no more. */
    void (*want_tx)(struct console *c, bool on);
    /** True if the last byte that was put has left the machine. */
    bool (*is_idle)(struct console *c);
    /** Take at most `len` of the bytes that have arrived. Returns how many. */
    size_t (*get)(struct console *c, uint8_t *buf, size_t len);
    /** Interrupt (console_rx_ready()) while bytes wait in the device, or leave them there. */
    void (*want_rx)(struct console *c, bool on);
};

/** Embedded in the driver's own struct, which lives as long as the machine.
 *  Field protection:  [I] set by the driver before console_add()   [o] output lock   [i] input lock
 */
struct console {
    const struct console_ops *ops; /* [I] */
    struct list_node link;         /* private [o] */
    size_t sent;     /* private [o] output position up to which this device has taken bytes */
    bool is_stopped; /* private [i] the input ring was full: bytes wait in the device */
};

/** @brief Add a console: output goes to all, input comes from any. The log is copied to the
 * consoles from the first one on. Calls want_rx(c, true). @pre The device's interrupt handler is
 * installed.
 *  @context{thread} */
void console_add(struct console *c);

/** @brief Driver: bytes wait in the device. Ctrl-C (3) ends the foreground program and goes no
 * further; without one it is a byte like others. While the ring is full nothing is read, so Ctrl-C
 * neither.
 *  @context{IRQ} */
void console_rx_ready(struct console *c);
/** @brief Driver: there is room in the transmitter. @context{IRQ} */
void console_tx_ready(struct console *c);

/** @brief Bytes typed on a keyboard that belongs to no console: the first console gets them, as if
 * they had arrived there. Those that find no room, or no console, are lost. @context{any, IRQ-safe}
 */
void console_type(const uint8_t *s, size_t len);

/** @brief Write text; '\n' becomes CR LF. Waits while the buffer is full, which ends at the speed
 * of the slowest device. With no console yet it goes to the early console.
 *  @context{any: a thread sleeps, others (interrupts masked, preemption off, panic) poll the
 * devices} */
void console_write(const char *s, size_t len);
void console_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/** @brief Read at least one byte.
 *  @param len  At least 1.
 *  @return Count; E_CANCELLED, E_TIMEDOUT as negative. @context{thread, may sleep} */
int console_read(uint8_t *buf, size_t len, uint64_t deadline_ns);

/** @brief Wait until everything written has left the machine; polls. @context{any, panic included}
 */
void console_drain(void);
