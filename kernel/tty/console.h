// SPDX-License-Identifier: MIT
//
// Consoles: each is a terminal of its own, with rings for input and output, a foreground program,
// and a position in the log. The shell does line editing.
//
// Data is pulled in both directions: the kernel owns the rings, asks the device for bytes and
// passes bytes to it, as far as there is room. Bytes that do not fit stay in the device, whose
// flow control stops the sender, so no byte is dropped here. Log lines are pulled from the log in
// the same way: a console that is not read falls behind, is told how many lines it missed, and
// delays no other.
//
// A thread has a terminal (struct thread): the console from which it was started. Threads without
// one, such as boot and the programs of `run=`, `test` and `bench`, write to all consoles and read
// from any: this is the system's terminal.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/work.h"
#include "kernel/tty/foreground.h"
#include "kernel/tty/ldisc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console;

/* Bytes of the rings, powers of two. */
#define CONSOLE_OUT_SIZE ((size_t)16384)
#define CONSOLE_IN_SIZE  ((size_t)4096)

#define CONSOLE_MAX      8
#define CONSOLE_NAME_MAX 20

/** A console device: PL011, 16550, screen. Static; no function is optional. All are called with
 * interrupts masked and under one of the console's locks: a driver may take a lock of its own
 * inside, and must not call anything in this header. */
struct console_ops {
    const char *name;
    /** Send as many bytes as there is room for, raw. Returns how many. */
    size_t (*put)(struct console *c, const uint8_t *s, size_t len);
    /** Turn on or off the interrupt (console_tx_ready()) for room in the transmitter. */
    void (*want_tx)(struct console *c, bool on);
    /** True if the last byte has left the machine. */
    bool (*is_idle)(struct console *c);
    /** Receive at most `len` of the bytes that have arrived. Returns how many. */
    size_t (*get)(struct console *c, uint8_t *buf, size_t len);
    /** Interrupt (console_rx_ready()) while bytes are in the device, or leave them there. */
    void (*want_rx)(struct console *c, bool on);
};

/** Private: the reading side of a terminal.
 * Field protection:  [m] lock */
struct tty {
    struct mutex lock;   /* one thread at a time feeds the line and reads it */
    struct ldisc *ldisc; /* [m] the struct; [I] the pointer */
    /* The line can be read; set with the lock held. Release: the ring, from which the line was
     * taken, is no longer the place to look; acquire by a thread that goes to sleep. */
    _Atomic bool has_line;
    _Atomic bool is_flushed; /* a key ended the job for which the line is typed. Relaxed: a flag */
};

/** Embedded in the driver's own struct, which is never freed.
 * Field protection:  [I] set before console_add() returns   [o] out.lock   [i] in.lock */
struct console {
    const struct console_ops *ops; /* [I] set by the driver */
    /* [I] set by the driver: the early console writes to this device, so it shows the log's earlier
     *     lines already */
    bool is_early;
    bool has_colour;             /* [I] set by the driver: show log lines in colours */
    uint16_t columns, rows;      /* [I] set by the driver: size in characters, 0: unknown */
    char name[CONSOLE_NAME_MAX]; /* [I] "pl011.0" */
    struct foreground front;     /* the programs for keys such as Ctrl-C */
    /* Private: a session reads commands here. Exchanged (seq_cst), so that only one does; no data
     * is handed over with it. */
    _Atomic bool has_session;
    struct {
        struct spinlock lock;
        /* [o] positions after the last byte written, and after the last taken by the device */
        size_t head, sent;
        uint64_t progress_ns; /* [o] when the device last took something, or got its first byte */
        uint64_t log_next;    /* [o] the log line to show next */
        uint32_t log_holds;   /* [o] log lines wait while this is not 0 */
        bool is_in_row;       /* [o] the last byte written did not end a row */
        bool has_sleepers;    /* [o] the transmit interrupt stays on until they are woken */
        struct wait_queue room;
        uint8_t ring[CONSOLE_OUT_SIZE];
    } out; /* private */
    struct {
        struct spinlock lock;
        size_t head, tail; /* [i] written up to head, read up to tail */
        size_t reserved;   /* [i] bytes taken from the device but not in the ring yet */
        bool is_stopped;   /* [i] the ring was full: bytes wait in the device */
        struct work more;  /* receives on after a pause (console_rx_ready()) */
        bool is_taking;    /* [i] a caller is in console_rx_ready() */
        bool is_asked;     /* [i] another caller came meanwhile */
        bool is_ended;     /* [i] no byte will follow those in the ring */
        /* [I] set before the first byte: bytes are data, in frames */
        bool is_framed;
        bool is_escaped; /* with is_taking: the last byte was CONSOLE_FRAME_ESCAPE */
        bool is_literal; /* with is_taking: the last key was Ctrl-V */
        struct wait_queue data;
        uint8_t ring[CONSOLE_IN_SIZE];
    } in; /* private */
    struct {
        _Atomic uint16_t columns, rows; /* its last answer; 0: none. Relaxed: for display */
        _Atomic bool is_silent;         /* it did not answer. Relaxed: a flag */
    } asked;                            /* private */
    struct tty tty;                     /* private */
    struct ldisc ldisc;                 /* private */
};

/** @brief Add a console: name it, show it the log so far, and start a session on it if consoles
 *     have sessions. Calls want_rx(c, true). If there are CONSOLE_MAX already, it is not used,
 *     which is logged.
 * @pre The device's interrupt handler is installed.
 * @context{thread, may sleep} */
void console_add(struct console *c);

/** @brief The i-th console, or NULL past the end. The first one is the system's: scripts read it.
 * @context{any} */
struct console *console_at(unsigned i);

/** @brief Call `start` for each existing and future console, in the thread that adds it, unless its
 *     session was claimed. @context{thread, once} */
void console_set_session(void (*start)(struct console *c));

/** @brief Claim the console's session, for ever: the first caller reads commands there.
 * @return true: the caller is the first. @context{thread} */
bool console_claim_session(struct console *c);

/** @brief For drivers: the device has bytes. Ctrl-C (3) and Ctrl-backslash (28) end the console's
 *     foreground programs, or the system's, Ctrl-Z (26) suspends the console's. They are not
 *     delivered, nor are the bytes before them that were not read; if there are no such programs,
 *     they are ordinary bytes. While the ring is full
 *     nothing is read, not even Ctrl-C. If another caller is in this function, on another CPU or in
 *     the interrupted thread, that one handles these bytes, too.
 *     @context{any, IRQ-safe} */
void console_rx_ready(struct console *c);
/** @brief For drivers: the transmitter has room. @context{IRQ} */
void console_tx_ready(struct console *c);

/* A frame: this byte stands before itself, and before the mark of the end. */
#define CONSOLE_FRAME_ESCAPE 0x10
#define CONSOLE_FRAME_END    0x04

/**
 * @brief From now on, the device's input is data in frames: no byte is a key, and it has an end.
 *     scripts/run sends it so if its standard input is not a terminal.
 * @pre No byte has arrived.
 * @context{thread}
 */
void console_set_framed(struct console *c);

/** @brief True if the input of the thread's terminal is framed; of the system's: that of the first
 *     console. @context{thread} */
bool console_is_framed(void);

/** @brief Bytes typed on a keyboard that belongs to no console: they go to the first console as if
 *     they had arrived there. Without room or console they are lost. @context{any, IRQ-safe} */
void console_type(const uint8_t *s, size_t len);

/** Receives a thread's output instead of its terminal
 * (thread.sink): for a command whose output is redirected. */
struct console_sink {
    /** Take the bytes as they are. May sleep. Bytes that it cannot take are lost. */
    void (*write)(struct console_sink *self, const char *s, size_t len);
};

/** @brief Write text to the thread's terminal; '\n' becomes CR LF. Waits while the ring is full, at
 *     the speed of the device. On the system's terminal the first console sets the pace; others
 *     lose output for which they have no room once they have taken nothing for a second. Before
 *     there are consoles it goes to the early console.
 * @context{any: a thread sleeps; others (interrupts masked, preemption off) poll the device} */
void console_write(const char *s, size_t len);
void console_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/** @brief End the row that the thread's terminal is in, unless it was ended by a newline.
 * @context{thread, may sleep} */
void console_fresh_row(void);

/** @brief As console_write(), stopped when the thread is cancelled. @return OK, E_CANCELLED: a part
 *     may be written. @context{thread, may sleep} */
enum status console_write_cancellable(const char *s, size_t len);

/** @brief As console_write_cancellable(), for a thread of a job: while that is suspended, nothing
 *     is written. @context{thread, may sleep} */
enum status console_write_job(const char *s, size_t len);

/**
 * @brief Read at least one byte from the thread's terminal, as it was typed: for a shell. Keys that
 *     were typed for a program, and that it has not read, come first.
 * @param len At least 1.
 * @return Count; 0: the end of the input; E_CANCELLED, E_TIMEDOUT as negative.
 * @context{thread, may sleep}
 */
int console_read(uint8_t *buf, size_t len, uint64_t deadline_ns);

/**
 * @brief As console_read(), for the running thread's job, in the mode of that job: in
 *     FOREGROUND_LINES at most one line. A job that is not in the terminal's foreground is
 *     suspended first (foreground_job_ops.await_foreground).
 */
int console_read_job(uint8_t *buf, size_t len, uint64_t deadline_ns);

/**
 * @brief As console_read_job(), for a job of the shell, in whose thread this is called.
 * @param end  If it is true, the wait ends. Whoever sets it calls console_end_reads(), or cancels
 *     the thread.
 * @return Count; 0: the end of the input; E_CANCELLED as negative. @context{thread, may sleep}
 */
int console_read_for(struct foreground_job *j, const _Atomic bool *end, uint8_t *buf, size_t len);
/** @brief Let all threads in console_read_for() look at their flag. @context{any, IRQ-safe} */
void console_end_reads(void);

/** @brief Wait until console_read_job() would not wait.
 * @return OK, E_CANCELLED, E_TIMEDOUT. @context{thread, may sleep} */
enum status console_wait_job(uint64_t deadline_ns);

/** @brief The queue that is woken when console_wait_job() may have a new result, for a wait set.
 *     @context{thread} */
struct wait_queue *console_input_queue(void);

/**
 * @brief Set how the running thread's job reads its terminal.
 * @return The mode before, or E_NOTSUP as negative: the thread has no job.
 * @context{thread, may sleep}
 */
int console_set_mode(enum foreground_mode mode);

/** @brief The mode of the running thread's job; FOREGROUND_LINES if it has none.
 * @context{thread} */
enum foreground_mode console_get_mode(void);

/**
 * @brief Get the size of the thread's terminal (of the system's: the first console's).
 * @param may_ask  If the device does not know it, ask the terminal at its other end, which may take
 *     ASK_NS; otherwise report its last answer.
 * @return OK; E_NOTSUP: unknown, because the terminal does not answer, or there is none: input is
 *     framed. @context{thread, may sleep}
 */
enum status console_get_size(bool may_ask, unsigned *columns, unsigned *rows);

/** @brief Set the size of a terminal that may not be asked, as it was when the machine started.
 * @context{thread} */
void console_set_size(struct console *c, uint16_t columns, uint16_t rows);

/** @brief Hold back log lines on the thread's terminal; they are shown after the last release.
 *     Nests. A panic is always shown.
 * @context{thread} */
void console_hold_log(void);
void console_release_log(void);

/** @brief Put one more job in the foreground of the thread's terminal. As foreground_add(). */
void console_add_foreground(struct foreground_job *j);
/** @brief Remove a job from there; another one stays. Else as console_clear_foreground(). */
void console_remove_foreground(struct foreground_job *j);
/** @brief Leave no job there. The line that an interrupted job was to read is forgotten.
 * @context{thread, may sleep} */
void console_clear_foreground(void);

/** @brief Wait until all output has left the machine; polls. A console that takes nothing for a
 *     second is given up, unless it is the first one and this is not a panic.
 *     @context{any, panic included} */
void console_drain(void);

/** @brief As console_drain(), but any console that takes nothing for a second is given up, and all
 *     of them after `limit_ns`, even if other threads keep writing. @context{any} */
void console_drain_within(uint64_t limit_ns);

/** @brief Write a panic's text to every console that the early one does not reach: polls, for a
 *     bounded time. @context{panic} */
void console_panic_write(const char *s, size_t len);
