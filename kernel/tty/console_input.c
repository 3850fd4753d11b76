// SPDX-License-Identifier: MIT
//
// Console input: one ring for each console, and the threads that wait for it. console_read.c has
// what readers make of it.
#include "kernel/tty/console_internal.h"

#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/* The ring's lock (in.lock) comes after wait queues in the lock order (6 in
 * kernel/base/spinlock.h). A reader sleeps on the wait queue `data`, or any_data, and tests the
 * ring under the queue's lock. store_input() fills the ring first and wakes afterwards, so the
 * wake-up cannot be missed.
 *
 * Bytes are never dropped: take_input() reserves room in the ring before it takes bytes from the
 * device. If there is none, it turns the receive interrupt off and leaves them in the device until
 * read_input() has freed half of the ring. */

#define IN_SIZE CONSOLE_IN_SIZE

#define CTRL_C         0x03
#define CTRL_V         0x16
#define CTRL_Z         0x1a
#define CTRL_BACKSLASH 0x1c

/* Readers of the system's terminal wait here for any console. */
static struct wait_queue any_data = WAIT_QUEUE_INIT(any_data, "console input");
static struct foreground system_front;
static struct ldisc system_line;
static struct tty system_tty = {.lock = MUTEX_INIT(system_tty.lock, "terminal"),
                                .ldisc = &system_line};

struct foreground *console_front(struct console *c)
{
    return c != NULL ? &c->front : &system_front;
}

struct tty *console_tty(struct console *c)
{
    return c != NULL ? &c->tty : &system_tty;
}

/* Take bytes from the device for which the ring has room, and reserve it; without room, leave them
 * in the device. */
static size_t take_input(struct console *c, uint8_t *buf, size_t len)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    size_t room = IN_SIZE - (c->in.head - c->in.tail) - c->in.reserved;
    size_t n = 0;
    if (room > 0) {
        n = c->ops->get(c, buf, MIN(room, len));
        c->in.reserved += n;
    } else {
        c->in.is_stopped = true;
        c->ops->want_rx(c, false);
    }
    spin_unlock_irq(&c->in.lock, s);
    return n;
}

static size_t reserve_input(struct console *c, size_t len)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    size_t n = MIN(len, IN_SIZE - (c->in.head - c->in.tail) - c->in.reserved);
    c->in.reserved += n;
    spin_unlock_irq(&c->in.lock, s);
    return n;
}

void console_wake_readers(struct console *c)
{
    if (c != NULL) {
        wait_wake_all(&c->in.data);
    }
    wait_wake_all(&any_data);
}

/* `is_end`: no byte will follow. */
static void store_input(struct console *c, const uint8_t *buf, size_t len, size_t reserved,
                        bool is_end)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    c->in.reserved -= reserved;
    c->in.is_ended |= is_end;
    for (size_t i = 0; i < len; i++) {
        c->in.ring[c->in.head % IN_SIZE] = buf[i];
        c->in.head++;
    }
    spin_unlock_irq(&c->in.lock, s);
    console_wake_readers(c);
}

static bool signal_jobs(struct foreground *f, struct tty *tty, enum foreground_key key)
{
    bool is_for_jobs = foreground_signal(f, key);
    if (is_for_jobs) {
        atomic_store_explicit(&tty->is_flushed, true, memory_order_relaxed);
    }
    return is_for_jobs;
}

/* Pass the key to the programs in the foreground. Those of the system's terminal have no shell that
 * could resume them, so they are not suspended. */
static bool signal_foreground(struct console *c, enum foreground_key key)
{
    return signal_jobs(&c->front, &c->tty, key) ||
           (key != FOREGROUND_SUSPEND && signal_jobs(&system_front, &system_tty, key));
}

/* True if the byte is a key for a program, which therefore does not read it. */
static bool takes_key(struct console *c, uint8_t byte)
{
    switch (byte) {
    case CTRL_C:
        return signal_foreground(c, FOREGROUND_INTERRUPT);
    case CTRL_BACKSLASH:
        return signal_foreground(c, FOREGROUND_QUIT);
    case CTRL_Z:
        return signal_foreground(c, FOREGROUND_SUSPEND);
    default:
        return false;
    }
}

/* Forget the keys that were typed for the program, but which it has not read. */
static void flush_input(struct console *c)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    c->in.tail = c->in.head;
    spin_unlock_irq(&c->in.lock, s);
}

/* Keep all bytes except keys that end or suspend a program, and those before them. Ctrl-V makes a
 * byte of the next key, as in the line discipline. @return how many are left */
static size_t filter_keys(struct console *c, uint8_t *buf, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        bool is_literal = c->in.is_literal;
        c->in.is_literal = buf[i] == CTRL_V && !is_literal;
        /* not under the ring's lock: it queues work, which wakes a thread */
        if (is_literal || !takes_key(c, buf[i])) {
            buf[kept++] = buf[i];
        } else {
            kept = 0;
            flush_input(c);
        }
    }
    return kept;
}

/* Undo the frames. After the escape, each byte but the end is itself. @return how many are left */
static size_t unframe(struct console *c, uint8_t *buf, size_t len, bool *is_end)
{
    size_t kept = 0;
    for (size_t i = 0; i < len && !*is_end; i++) {
        bool was_escaped = c->in.is_escaped;
        c->in.is_escaped = buf[i] == CONSOLE_FRAME_ESCAPE && !was_escaped;
        *is_end = buf[i] == CONSOLE_FRAME_END && was_escaped;
        if (!c->in.is_escaped && !*is_end) {
            buf[kept++] = buf[i];
        }
    }
    return kept;
}

static void filter_input(struct console *c, uint8_t *buf, size_t len)
{
    bool is_end = false;
    size_t kept = c->in.is_framed ? unframe(c, buf, len, &is_end) : filter_keys(c, buf, len);
    store_input(c, buf, kept, len, is_end);
}

/* Bytes taken from the device but not in the ring yet could be overtaken by bytes that another
 * caller takes meanwhile: an interrupt in the middle of a thread's call, or another CPU. So one
 * caller takes at a time, on behalf of all. Returns false if another caller is at it; that one will
 * take ours, too. */
static bool begin_taking(struct console *c)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    bool is_mine = !c->in.is_taking;
    c->in.is_taking = true;
    c->in.is_asked = !is_mine;
    spin_unlock_irq(&c->in.lock, s);
    return is_mine;
}

/* Returns false if another caller came meanwhile. */
static bool end_taking(struct console *c)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    bool is_done = !c->in.is_asked;
    c->in.is_asked = false;
    c->in.is_taking = !is_done;
    spin_unlock_irq(&c->in.lock, s);
    return is_done;
}

/* Turn the receive interrupt off until the work thread runs, so that other interrupts and threads
 * get their turn. */
static void pause_input(struct console *c)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    c->ops->want_rx(c, false);
    spin_unlock_irq(&c->in.lock, s);
    (void)work_queue(&c->in.more);
}

static void receive_on(struct work *work)
{
    struct console *c = CONTAINER_OF(work, struct console, in.more);
    irq_state_t s = spin_lock_irq(&c->in.lock);
    c->ops->want_rx(c, !c->in.is_stopped);
    spin_unlock_irq(&c->in.lock, s);
}

/* A reader on another CPU may empty the ring as fast as the device fills it. So one call takes at
 * most a ring's worth of bytes, and the interrupt handler returns. */
void console_rx_ready(struct console *c)
{
    uint8_t buf[64];
    size_t n, left = IN_SIZE;
    if (!begin_taking(c)) {
        return;
    }
    do {
        while (left > 0 && (n = take_input(c, buf, MIN(left, sizeof(buf)))) > 0) {
            filter_input(c, buf, n);
            left -= n;
        }
    } while (!end_taking(c));
    if (left == 0) {
        pause_input(c);
    }
}

void console_type(const uint8_t *s, size_t len)
{
    struct console *c = console_at(0);
    uint8_t buf[64];
    while (len > 0 && c != NULL) {
        size_t n = reserve_input(c, MIN(len, sizeof(buf)));
        if (n == 0) {
            return;
        }
        memcpy(buf, s, n);
        store_input(c, buf, filter_keys(c, buf, n), n, false);
        s += n;
        len -= n;
    }
}

/* Copy from the ring; once half of it is free, a stopped device may send again. */
static size_t read_input(struct console *c, uint8_t *buf, size_t len)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    size_t n = MIN(len, c->in.head - c->in.tail);
    for (size_t i = 0; i < n; i++) {
        buf[i] = c->in.ring[c->in.tail % IN_SIZE];
        c->in.tail++;
    }
    if (c->in.is_stopped && c->in.head - c->in.tail + c->in.reserved <= IN_SIZE / 2) {
        c->in.is_stopped = false;
        c->ops->want_rx(c, true);
    }
    spin_unlock_irq(&c->in.lock, s);
    return n;
}

size_t console_take(struct console *c, bool is_data, uint8_t *buf, size_t len)
{
    if (c != NULL) {
        return c->in.is_framed == is_data ? read_input(c, buf, len) : 0;
    }
    size_t n = 0;
    for (unsigned i = 0; n == 0 && (c = console_at(i)) != NULL; i++) {
        n = console_take(c, is_data, buf, len);
    }
    return n;
}

static bool has_input(struct console *c)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    bool has = c->in.head != c->in.tail;
    spin_unlock_irq(&c->in.lock, s);
    return has;
}

static bool is_at_end(struct console *c)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    bool is_end = c->in.is_ended && c->in.head == c->in.tail;
    spin_unlock_irq(&c->in.lock, s);
    return is_end;
}

bool console_has_input(struct console *c, bool is_data_only)
{
    if (c != NULL) {
        return (c->in.is_framed || !is_data_only) && has_input(c);
    }
    bool has = false;
    for (unsigned i = 0; !has && (c = console_at(i)) != NULL; i++) {
        has = console_has_input(c, is_data_only);
    }
    return has;
}

bool console_is_at_end(struct console *c)
{
    if (c != NULL) {
        return is_at_end(c);
    }
    bool is_end = false;
    for (unsigned i = 0; !is_end && (c = console_at(i)) != NULL; i++) {
        is_end = is_at_end(c);
    }
    return is_end;
}

static bool is_readable(struct console *c)
{
    return atomic_load_explicit(&console_tty(c)->has_line, memory_order_acquire) ||
           console_has_input(c, false) || console_is_at_end(c);
}

void console_end_reads(void)
{
    struct console *c;
    for (unsigned i = 0; (c = console_at(i)) != NULL; i++) {
        console_wake_readers(c);
    }
}

static struct wait_queue *queue_of(struct console *c)
{
    return c != NULL ? &c->in.data : &any_data;
}

struct wait_queue *console_input_queue(void)
{
    return queue_of(console_of_thread());
}

/* The flag is read under the queue's lock: console_end_reads() takes it after the flag was set, so
 * the wake-up cannot be missed. */
enum status console_await_input(struct console *c, const _Atomic bool *end, uint64_t deadline_ns)
{
    struct wait_queue *q = queue_of(c);
    enum status st = OK;
    irq_state_t s = spin_lock_irq(&q->lock);
    while (st == OK && !is_readable(c)) {
        st = end != NULL && atomic_load_explicit(end, memory_order_relaxed)
                 ? E_CANCELLED
                 : wait_on_locked(q, &s, deadline_ns);
    }
    spin_unlock_irq(&q->lock, s);
    return st;
}

void console_set_framed(struct console *c)
{
    c->in.is_framed = true;
}

bool console_is_framed(void)
{
    const struct console *c = console_of_thread();
    c = c != NULL ? c : console_at(0);
    return c != NULL && c->in.is_framed;
}

void console_input_init(struct console *c)
{
    c->in.head = c->in.tail = c->in.reserved = 0;
    c->in.is_stopped = c->in.is_taking = c->in.is_asked = false;
    c->in.is_ended = c->in.is_framed = c->in.is_escaped = c->in.is_literal = false;
    c->in.lock = (struct spinlock)SPINLOCK_INIT;
    c->in.more = (struct work){.run = receive_on};
    wait_queue_init(&c->in.data, "console input");
    mutex_init(&c->tty.lock, "terminal");
    c->tty.ldisc = &c->ldisc;
    ldisc_discard(&c->ldisc);
}
