// SPDX-License-Identifier: MIT
//
// Input of consoles: a ring each, and who waits for it. Echo, editing and history are the shell's.
//
// The locks of the rings come after wait queues (6 in kernel/base/spinlock.h); whoever must sleep
// does so on a wait queue beside them, checking the ring under the queue's lock.
#include "kernel/tty/console_internal.h"

#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

#define IN_SIZE CONSOLE_IN_SIZE
#define CTRL_C  3

/* Who reads from the system's terminal waits for any console. */
static struct wait_queue any_data = WAIT_QUEUE_INIT(any_data, "console input");
static struct foreground system_front;

/* Take bytes from the device that have a place in the ring; with no place left, let them wait
 * there. */
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

/* Store bytes for which there is a reservation. */
static void filter_input(struct console *c, uint8_t *buf, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        /* Outside the ring's lock, because ending a program wakes threads. */
        if (buf[i] != CTRL_C ||
            !(foreground_interrupt(&c->front) || foreground_interrupt(&system_front))) {
            buf[kept++] = buf[i];
        }
    }
    store_input(c, buf, kept, len);
}

/* Bytes that left the device and are not in the ring yet would be overtaken by those that somebody
 * else takes meanwhile: an interrupt that found a thread at it, or another CPU. So one takes at a
 * time, for all who ask. Returns false if somebody else does. */
static bool begin_taking(struct console *c)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    bool is_mine = !c->in.is_taking;
    c->in.is_taking = true;
    c->in.is_asked = !is_mine;
    spin_unlock_irq(&c->in.lock, s);
    return is_mine;
}

/* Returns false if somebody asked meanwhile. */
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

/* Copy from the ring; once half of it is free, a device that was stopped may send again. */
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

int console_read(uint8_t *buf, size_t len, uint64_t deadline_ns)
{
    ASSERT(len > 0);
    len = MIN(len, IN_SIZE);
    struct console *c = console_of_thread();
    struct wait_queue *q = c != NULL ? &c->in.data : &any_data;
    size_t n;
    enum status st = OK;
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
    struct wait_queue *q = c != NULL ? &c->in.data : &any_data;
    enum status st = OK;
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

void console_add_foreground(struct program *p)
{
    foreground_add(front_of_thread(), p);
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
