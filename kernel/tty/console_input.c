// SPDX-License-Identifier: MIT
//
// Console input: one ring for each console, and the threads that wait for it. The shell does echo,
// editing and history.
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
#define CTRL_Z         0x1a
#define CTRL_BACKSLASH 0x1c

/* Readers of the system's terminal wait here for any console. */
static struct wait_queue any_data = WAIT_QUEUE_INIT(any_data, "console input");
static struct foreground system_front;

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

static void store_input(struct console *c, const uint8_t *buf, size_t len, size_t reserved)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    c->in.reserved -= reserved;
    for (size_t i = 0; i < len; i++) {
        c->in.ring[c->in.head % IN_SIZE] = buf[i];
        c->in.head++;
    }
    spin_unlock_irq(&c->in.lock, s);
    wait_wake_all(&c->in.data);
    wait_wake_all(&any_data);
}

/* Pass the key to the programs in the foreground. Those of the system's terminal have no shell that
 * could resume them, so they are not suspended. */
static bool signal_foreground(struct console *c, enum foreground_key key)
{
    return foreground_signal(&c->front, key) ||
           (key != FOREGROUND_SUSPEND && foreground_signal(&system_front, key));
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

/* Store bytes whose room is reserved, except keys that end or suspend a program. */
static void filter_input(struct console *c, uint8_t *buf, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        /* not under the ring's lock: it queues work, which wakes a thread */
        if (!takes_key(c, buf[i])) {
            buf[kept++] = buf[i];
        }
    }
    store_input(c, buf, kept, len);
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

void console_rx_ready(struct console *c)
{
    uint8_t buf[64];
    size_t n;
    if (!begin_taking(c)) {
        return;
    }
    do {
        while ((n = take_input(c, buf, sizeof(buf))) > 0) {
            filter_input(c, buf, n);
        }
    } while (!end_taking(c));
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
        filter_input(c, buf, n);
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

static size_t read_any(uint8_t *buf, size_t len)
{
    struct console *c;
    size_t n = 0;
    for (unsigned i = 0; n == 0 && (c = console_at(i)) != NULL; i++) {
        n = read_input(c, buf, len);
    }
    return n;
}

/* A job in the background is suspended here until it is in the foreground. The system's terminal
 * has no shell that could bring it there. */
static enum status await_foreground(struct console *c)
{
    struct foreground_job *j = c != NULL ? foreground_current() : NULL;
    enum status s = OK;
    while (s == OK && j != NULL && !foreground_has(&c->front, j)) {
        s = j->ops->await_foreground(j);
    }
    return s;
}

int console_read(uint8_t *buf, size_t len, uint64_t deadline_ns)
{
    ASSERT(len > 0);
    len = MIN(len, IN_SIZE);
    struct console *c = console_of_thread();
    enum status st = await_foreground(c);
    if (st != OK) {
        return (int)st;
    }
    struct wait_queue *q = c != NULL ? &c->in.data : &any_data;
    size_t n;
    irq_state_t s = spin_lock_irq(&q->lock);
    while ((n = c != NULL ? read_input(c, buf, len) : read_any(buf, len)) == 0) {
        st = wait_on_locked(q, &s, deadline_ns);
        if (st != OK) {
            break;
        }
    }
    spin_unlock_irq(&q->lock, s);
    return n > 0 ? (int)n : (int)st;
}

static bool has_input(struct console *c)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    bool has = c->in.head != c->in.tail;
    spin_unlock_irq(&c->in.lock, s);
    return has;
}

static bool has_any_input(void)
{
    struct console *c;
    bool has = false;
    for (unsigned i = 0; !has && (c = console_at(i)) != NULL; i++) {
        has = has_input(c);
    }
    return has;
}

enum status console_wait_input(uint64_t deadline_ns)
{
    struct console *c = console_of_thread();
    enum status st = await_foreground(c);
    if (st != OK) {
        return st;
    }
    struct wait_queue *q = c != NULL ? &c->in.data : &any_data;
    irq_state_t s = spin_lock_irq(&q->lock);
    while (st == OK && !(c != NULL ? has_input(c) : has_any_input())) {
        st = wait_on_locked(q, &s, deadline_ns);
    }
    spin_unlock_irq(&q->lock, s);
    return st;
}

static struct foreground *front_of_thread(void)
{
    struct console *c = console_of_thread();
    return c != NULL ? &c->front : &system_front;
}

void console_add_foreground(struct foreground_job *j)
{
    foreground_add(front_of_thread(), j);
}

void console_clear_foreground(void)
{
    foreground_clear(front_of_thread());
}

void console_input_init(struct console *c)
{
    c->in.head = c->in.tail = c->in.reserved = 0;
    c->in.is_stopped = c->in.is_taking = c->in.is_asked = false;
    c->in.lock = (struct spinlock)SPINLOCK_INIT;
    wait_queue_init(&c->in.data, "console input");
}
