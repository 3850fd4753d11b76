// SPDX-License-Identifier: MIT
//
// Reading a terminal: by a shell, which gets the keys, and by jobs, for which the line discipline
// makes lines of them.
#include "kernel/tty/console_internal.h"

#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/* The line discipline runs in the thread that reads, or waits to read: nothing is echoed before a
 * program wants it, so keys typed ahead for the shell are shown once, by the shell. It takes keys
 * from the ring only until a line is complete. The next program, or the shell, gets the rest of a
 * line that a program has not read to its end.
 *
 * Framed input is data, not keys: it bypasses the line discipline.
 *
 * While a part of a complete line is left, tty.has_line is set, for other threads that sleep in
 * console_await_input(): the ring, which they test, is empty by then. */

/* Keys taken at a time; each is echoed in as few writes as possible. */
#define ECHO_MAX ((size_t)128)

struct echo {
    char text[ECHO_MAX];
    size_t len;
};

static void echo_flush(struct echo *e)
{
    /* It fails if the job is being cancelled: then nothing need be shown. */
    (void)!console_write_cancellable(e->text, e->len);
    e->len = 0;
}

static void echo_put(void *ctx, const char *s, size_t len)
{
    struct echo *e = ctx;
    ASSERT(len <= ECHO_MAX);
    if (len > ECHO_MAX - e->len) {
        echo_flush(e);
    }
    memcpy(e->text + e->len, s, len);
    e->len += len;
}

/* Move keys into the line until it is complete or there are none. */
static void feed_locked(struct console *c, struct tty *tty) REQUIRES(tty->lock)
{
    struct echo echo = {.len = 0};
    uint8_t key;
    while (!ldisc_is_done(tty->ldisc) && console_take(c, false, &key, 1) == 1) {
        ldisc_feed(tty->ldisc, key, echo_put, &echo);
    }
    echo_flush(&echo);
}

static bool has_line_locked(struct tty *tty, enum foreground_mode mode) REQUIRES(tty->lock)
{
    return ldisc_is_done(tty->ldisc) || (mode != FOREGROUND_LINES && ldisc_has_part(tty->ldisc));
}

static void lock_tty(struct tty *tty) ACQUIRES(tty->lock)
{
    mutex_lock(&tty->lock);
    if (atomic_exchange_explicit(&tty->is_flushed, false, memory_order_relaxed)) {
        ldisc_discard(tty->ldisc);
    }
}

static void unlock_tty(struct console *c, struct tty *tty) RELEASES(tty->lock)
{
    bool has_line = ldisc_is_done(tty->ldisc);
    atomic_store_explicit(&tty->has_line, has_line, memory_order_release);
    mutex_unlock(&tty->lock);
    if (has_line) {
        console_wake_readers(c);
    }
}

/* @return Count; 0: the end; E_AGAIN. */
static int read_now(struct console *c, enum foreground_mode mode, uint8_t *buf, size_t len)
{
    struct tty *tty = console_tty(c);
    int n;
    lock_tty(tty);
    if (mode == FOREGROUND_LINES) {
        feed_locked(c, tty);
    }
    if (has_line_locked(tty, mode)) {
        n = (int)ldisc_take(tty->ldisc, buf, len);
    } else {
        n = (int)console_take(c, true, buf, len);
        if (n == 0 && mode != FOREGROUND_LINES) {
            n = (int)console_take(c, false, buf, len);
        }
        if (n == 0 && !console_is_at_end(c)) {
            n = E_AGAIN;
        }
    }
    unlock_tty(c, tty);
    return n;
}

static bool can_read_now(struct console *c, enum foreground_mode mode)
{
    struct tty *tty = console_tty(c);
    lock_tty(tty);
    if (mode == FOREGROUND_LINES) {
        feed_locked(c, tty);
    }
    bool can = has_line_locked(tty, mode) || console_has_input(c, mode == FOREGROUND_LINES) ||
               console_is_at_end(c);
    unlock_tty(c, tty);
    return can;
}

int console_read(uint8_t *buf, size_t len, uint64_t deadline_ns)
{
    ASSERT(len > 0);
    struct console *c = console_of_thread();
    enum status s = OK;
    int n = E_AGAIN;
    while (s == OK && (n = read_now(c, FOREGROUND_RAW, buf, len)) == E_AGAIN) {
        s = console_await_input(c, NULL, deadline_ns);
    }
    return n == E_AGAIN ? (int)s : n;
}

/* --- jobs --- */

static enum foreground_mode mode_of(struct foreground_job *j)
{
    return j != NULL ? atomic_load_explicit(&j->mode, memory_order_relaxed) : FOREGROUND_LINES;
}

/* A job in the background is suspended here until it is in the foreground. The system's terminal
 * has no shell that could bring it there. */
static enum status await_foreground(struct console *c, struct foreground_job *j)
{
    enum status s = OK;
    while (s == OK && c != NULL && j != NULL && !foreground_has(&c->front, j)) {
        s = j->ops->await_foreground(j);
    }
    return s;
}

/* Each time after it has slept, the job may be in the background, or over. */
static int read_job(struct foreground_job *j, const _Atomic bool *end, uint8_t *buf, size_t len,
                    uint64_t deadline_ns)
{
    ASSERT(len > 0);
    struct console *c = console_of_thread();
    enum status s = await_foreground(c, j);
    int n = E_AGAIN;
    while (s == OK && (n = read_now(c, mode_of(j), buf, len)) == E_AGAIN) {
        s = console_await_input(c, end, deadline_ns);
        s = s == OK ? await_foreground(c, j) : s;
    }
    return n == E_AGAIN ? (int)s : n;
}

int console_read_job(uint8_t *buf, size_t len, uint64_t deadline_ns)
{
    return read_job(foreground_current(), NULL, buf, len, deadline_ns);
}

int console_read_for(struct foreground_job *j, const _Atomic bool *end, uint8_t *buf, size_t len)
{
    return read_job(j, end, buf, len, WAIT_FOREVER);
}

enum status console_wait_job(uint64_t deadline_ns)
{
    struct console *c = console_of_thread();
    struct foreground_job *j = foreground_current();
    enum status s = await_foreground(c, j);
    while (s == OK && !can_read_now(c, mode_of(j))) {
        s = console_await_input(c, NULL, deadline_ns);
        s = s == OK ? await_foreground(c, j) : s;
    }
    return s;
}

/* A suspended job stops between two pieces, not after a write of any length. */
#define JOB_PIECE ((size_t)256)

enum status console_write_job(const char *s, size_t len)
{
    struct foreground_job *j = foreground_current();
    if (j == NULL) {
        return console_write_cancellable(s, len);
    }
    enum status st = OK;
    for (size_t n; len > 0 && st == OK; s += n, len -= n) {
        n = MIN(len, JOB_PIECE);
        st = j->ops->begin_output(j);
        if (st == OK) {
            st = console_write_cancellable(s, n);
            j->ops->end_output(j);
        }
    }
    return st;
}

int console_set_mode(enum foreground_mode mode)
{
    struct foreground_job *j = foreground_current();
    return j == NULL ? (int)E_NOTSUP
                     : (int)foreground_set_mode(console_front(console_of_thread()), j, mode);
}

enum foreground_mode console_get_mode(void)
{
    return mode_of(foreground_current());
}

void console_add_foreground(struct foreground_job *j)
{
    foreground_add(console_front(console_of_thread()), j);
}

/* What the shell prints next starts on a row of its own, even after a part of a line. */
static void end_line(struct console *c)
{
    struct tty *tty = console_tty(c);
    mutex_lock(&tty->lock);
    bool has_part = ldisc_has_part(tty->ldisc);
    if (atomic_exchange_explicit(&tty->is_flushed, false, memory_order_relaxed)) {
        ldisc_discard(tty->ldisc);
    }
    mutex_unlock(&tty->lock);
    if (has_part) {
        console_fresh_row();
    }
}

void console_remove_foreground(struct foreground_job *j)
{
    struct console *c = console_of_thread();
    foreground_remove(console_front(c), j);
    end_line(c);
}

void console_clear_foreground(void)
{
    struct console *c = console_of_thread();
    foreground_clear(console_front(c));
    end_line(c);
}
