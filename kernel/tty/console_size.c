// SPDX-License-Identifier: MIT
//
// The size of a terminal. A screen's device knows it; a terminal on a serial line gets a question.
#include "kernel/tty/console_internal.h"

#include "kernel/base/clock.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/* The question moves the cursor as far as it goes, and requests its position (DECSC, CUP, DSR,
 * DECRC). The answer, ESC [ row ; column R, arrives among the keys: it is cut out of the ring of
 * input, and the keys before and after it stay. A terminal that does not answer in time is
 * not asked again. */

#define ASK_NS     (300 * NS_PER_MS)
#define ANSWER_MAX 16
#define SIDE_MAX   9999u

#define ESC 0x1b

/* Read the number at *at, and move *at past it. @return 0: there is none. */
static unsigned parse_number(const char **at)
{
    unsigned n = 0;
    while (**at >= '0' && **at <= '9') {
        n = MIN(n * 10 + (unsigned)(**at - '0'), SIDE_MAX);
        (*at)++;
    }
    return n;
}

/* Length of the answer at the start of the text; 0: none is there. An answer with one row is not
 * accepted, because a terminal sends the same bytes for the keys Shift and F3. */
static size_t parse_answer(const char *text, unsigned *columns, unsigned *rows)
{
    const char *at = text + 2;
    if (text[0] != ESC || text[1] != '[') {
        return 0;
    }
    *rows = parse_number(&at);
    if (*at != ';' || *rows < 2) {
        return 0;
    }
    at++;
    *columns = parse_number(&at);
    return *at == 'R' && *columns > 0 ? (size_t)(at + 1 - text) : 0;
}

static uint8_t *byte_at(struct console *c, size_t position)
{
    return &c->in.ring[position % CONSOLE_IN_SIZE];
}

/* The bytes before it move up to close the gap. */
static void cut_locked(struct console *c, size_t start, size_t len) REQUIRES(c->in.lock)
{
    while (start != c->in.tail) {
        start--;
        *byte_at(c, start + len) = *byte_at(c, start);
    }
    c->in.tail += len;
}

static bool remove_answer_locked(struct console *c, unsigned *columns, unsigned *rows)
    REQUIRES(c->in.lock)
{
    char text[ANSWER_MAX + 1];
    for (size_t start = c->in.tail; start != c->in.head; start++) {
        size_t n = MIN(ANSWER_MAX, c->in.head - start);
        for (size_t i = 0; i < n; i++) {
            text[i] = (char)*byte_at(c, start + i);
        }
        text[n] = '\0';
        size_t len = text[0] == ESC ? parse_answer(text, columns, rows) : 0;
        if (len > 0) {
            cut_locked(c, start, len);
            return true;
        }
    }
    return false;
}

static bool remove_answer(struct console *c, unsigned *columns, unsigned *rows)
{
    irq_state_t s = spin_lock_irq(&c->in.lock);
    bool is_there = remove_answer_locked(c, columns, rows);
    spin_unlock_irq(&c->in.lock, s);
    return is_there;
}

static enum status query_size(struct console *c, unsigned *columns, unsigned *rows)
{
    static const char question[] = "\0337\033[999;999H\033[6n\0338";
    enum status st = console_write_cancellable(question, sizeof question - 1);
    uint64_t deadline_ns = clock_now_ns() + ASK_NS;
    irq_state_t s = spin_lock_irq(&c->in.data.lock);
    while (st == OK && !remove_answer(c, columns, rows)) {
        st = wait_on_locked(&c->in.data, &s, deadline_ns);
    }
    spin_unlock_irq(&c->in.data.lock, s);
    return st;
}

void console_set_size(struct console *c, uint16_t columns, uint16_t rows)
{
    atomic_store_explicit(&c->asked.columns, columns, memory_order_relaxed);
    atomic_store_explicit(&c->asked.rows, rows, memory_order_relaxed);
}

enum status console_get_size(bool may_ask, unsigned *columns, unsigned *rows)
{
    struct console *c = console_of_thread();
    c = c != NULL ? c : console_at(0);
    if (c == NULL || c->in.is_framed) {
        return E_NOTSUP;
    }
    unsigned w = c->columns, h = c->rows;
    if (w == 0 && may_ask && !atomic_load_explicit(&c->asked.is_silent, memory_order_relaxed)) {
        enum status s = query_size(c, &w, &h);
        if (s == E_CANCELLED) {
            return s;
        }
        atomic_store_explicit(&c->asked.is_silent, s != OK, memory_order_relaxed);
        if (s == OK) {
            console_set_size(c, (uint16_t)w, (uint16_t)h);
        }
    }
    if (c->columns == 0) {
        w = atomic_load_explicit(&c->asked.columns, memory_order_relaxed);
        h = atomic_load_explicit(&c->asked.rows, memory_order_relaxed);
    }
    if (w == 0) {
        return E_NOTSUP;
    }
    *columns = w;
    *rows = h;
    return OK;
}
