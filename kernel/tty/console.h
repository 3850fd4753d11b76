// SPDX-License-Identifier: MIT
//
// Consoles: each is a terminal of its own, with rings for what comes in and what goes out, a
// foreground program, and a place in the log. Line editing is the shell's.
//
// Both directions pull: the kernel owns the rings and asks the device for bytes, or hands it bytes,
// as far as there is room. What does not fit stays in the device, whose flow control holds the
// sender back: no byte is dropped here. Log lines are pulled from the log, too, as room comes: a
// console that nobody reads falls behind and is told how many lines it missed, and holds up nobody.
//
// A thread has a terminal (struct thread): the console that it was started from. Threads without
// one, such as boot and what `run=`, `test` and `bench` start, speak to all consoles and listen to
// any: the system's terminal.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"
#include "kernel/program/program.h"
#include "kernel/sched/wait.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console;

/* Bytes of the rings, powers of two. */
#define CONSOLE_OUT_SIZE ((size_t)16384)
#define CONSOLE_IN_SIZE  ((size_t)4096)

#define CONSOLE_MAX      8
#define CONSOLE_NAME_MAX 20

/** A console device: PL011, 16550, screen. Static; no slot optional. All are called with interrupts
 * masked and under one of the console's locks: a driver may take a lock of its own inside, and must
 * call nothing of this header. */
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
 *  Field protection:  [I] set before console_add() returns   [o] out.lock   [i] in.lock
 */
struct console {
    const struct console_ops *ops; /* [I] the driver's */
    bool is_early;   /* [I] the driver's: the early console writes to this device, and what the log
                        had to say so far is on it */
    bool has_colour; /* [I] the driver's: it shows log lines in the colours of their levels */
    uint16_t columns, rows;      /* [I] the driver's: its size in characters, 0 = not known */
    char name[CONSOLE_NAME_MAX]; /* [I] "pl011.0" */
    struct foreground front;     /* who Ctrl-C ends */
    _Atomic bool has_session;    /* private: somebody reads commands here; exchanged (seq_cst), so
                                    that one alone does: nothing is handed over with it */
    struct {
        struct spinlock lock;
        size_t head, sent; /* [o] positions after the last byte written, and taken by the device */
        uint64_t progress_ns; /* [o] when the device took something, or had been given all */
        uint64_t log_next;    /* [o] the log line to show next */
        uint32_t log_holds;   /* [o] log lines wait while a program has the console */
        bool has_sleepers;    /* [o] the transmit interrupt stays on until they are woken */
        struct wait_queue room;
        uint8_t ring[CONSOLE_OUT_SIZE];
    } out; /* private */
    struct {
        struct spinlock lock;
        size_t head, tail; /* [i] written up to head, read up to tail */
        size_t reserved;   /* [i] bytes that left the device and are on their way into the ring */
        bool is_stopped;   /* [i] the ring was full: bytes wait in the device */
        bool is_taking;    /* [i] somebody is in console_rx_ready() */
        bool is_asked;     /* [i] somebody else wanted to be */
        struct wait_queue data;
        uint8_t ring[CONSOLE_IN_SIZE];
    } in; /* private */
};

/** @brief Add a console, give it a name, let it catch up with the log, and start a session on it if
 * there are sessions already. Calls want_rx(c, true). With more than CONSOLE_MAX it is left alone,
 * with a log line.
 * @pre The device's interrupt handler is installed.
 * @context{thread, may sleep} */
void console_add(struct console *c);

/** @brief The i-th console, or NULL past the end. The first is the system's own: what scripts read.
 * @context{any} */
struct console *console_at(unsigned i);

/** @brief Have `start` called for each console that there is and each that comes, in the thread
 * that adds it, unless its session was claimed. @context{thread, once} */
void console_set_session(void (*start)(struct console *c));

/** @brief Claim the console's session: whoever is first reads commands there, for ever.
 * @return true: the caller is. @context{thread} */
bool console_claim_session(struct console *c);

/** @brief Driver: bytes wait in the device. Ctrl-C (3) ends the console's foreground program, or
 * the system's, and goes no further; without one it is a byte like others. While the ring is full
 * nothing is read, so Ctrl-C neither. If somebody is at it already, on another CPU or in a thread
 * that the interrupt found there, he takes these bytes, too. @context{any, IRQ-safe} */
void console_rx_ready(struct console *c);
/** @brief Driver: there is room in the transmitter. @context{IRQ} */
void console_tx_ready(struct console *c);

/** @brief Bytes typed on a keyboard that belongs to no console: the first console gets them, as if
 * they had arrived there. Those that find no room, or no console, are lost. @context{any, IRQ-safe}
 */
void console_type(const uint8_t *s, size_t len);

/** Where what a thread writes goes instead of its terminal (thread.sink): a command's output that
 * is redirected. */
struct console_sink {
    /** Take the bytes as they are. May sleep. What it cannot take is lost. */
    void (*write)(struct console_sink *self, const char *s, size_t len);
};

/** @brief Write text to the thread's terminal; '\n' becomes CR LF. Waits while the ring is full,
 * which ends at the speed of the device. Of the system's terminal the first console sets the pace,
 * and the others miss what they have no room for once they take nothing for a second. With no
 * console yet it goes to the early console.
 *  @context{any: a thread sleeps, others (interrupts masked, preemption off) poll the device} */
void console_write(const char *s, size_t len);
void console_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/** @brief As console_write(), given up when the thread is cancelled. @return OK, E_CANCELLED: some
 * of it may be written. @context{thread, may sleep} */
enum status console_write_cancellable(const char *s, size_t len);

/** @brief Read at least one byte from the thread's terminal.
 *  @param len  At least 1.
 *  @return Count; E_CANCELLED, E_TIMEDOUT as negative. @context{thread, may sleep} */
int console_read(uint8_t *buf, size_t len, uint64_t deadline_ns);

/** @brief Wait until there is something to read on the thread's terminal; it stays there.
 *  @return OK, E_CANCELLED, E_TIMEDOUT. @context{thread, may sleep} */
enum status console_wait_input(uint64_t deadline_ns);

/** @brief Let log lines wait while somebody has the thread's terminal for himself; what waited is
 * shown after the last release. Nests. A panic speaks regardless.
 * @context{thread} */
void console_hold_log(void);
void console_release_log(void);

/** @brief One more program that Ctrl-C on the thread's terminal ends. As foreground_add(). */
void console_add_foreground(struct program *p);
/** @brief Ctrl-C there ends none any more. @context{thread} */
void console_clear_foreground(void);

/** @brief Wait until everything written has left the machine; polls. A console that takes nothing
 * for a second is given up, unless it is the first and nothing is wrong. @context{any, panic
 * included} */
void console_drain(void);

/** @brief As console_drain(), but any console that takes nothing for a second is given up, and all
 * of them after `limit_ns` nanoseconds, also if somebody goes on writing. @context{any} */
void console_drain_within(uint64_t limit_ns);

/** @brief A panic's words, to every console that the early one does not reach: polls, for a bounded
 * time. @context{panic} */
void console_panic_write(const char *s, size_t len);
