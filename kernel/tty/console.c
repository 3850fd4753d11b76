// SPDX-License-Identifier: MIT
//
// Consoles and their output: each has a ring, from which its device takes bytes at its own pace,
// and shows the log. drivers/serial accesses the device registers.
#include "kernel/tty/console.h"

#include "hal/console.h"
#include "kernel/base/clock.h"
#include "kernel/base/log_console.h"
#include "kernel/base/panic.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"
#include "kernel/tty/console_internal.h"

#include <limits.h>

/* Locks. The ring's lock (out.lock) is a leaf (8 in kernel/base/spinlock.h), because log lines are
 * written under any lock; only the log's own lock is taken inside it. A thread that must sleep for
 * room does so on the wait queue `room`, testing the ring under the queue's lock. So a lock of
 * order 6 (the queue) is taken before the ring's lock, never after.
 *
 * The ring. Writers append at `head`; pump_locked() passes bytes from `sent` on to the device until
 * it is full, and asks it to interrupt when it has room (want_tx). The transmit interrupt calls
 * console_tx_ready(), which pumps again, appends log lines, and wakes sleeping writers once OUT_LOW
 * bytes are free. Code that may not sleep polls instead: each attempt to write pumps.
 *
 * The log. A console does not receive log lines; it reads them (`log_next`), so a slow console
 * loses lines, with a note, but never delays a log_line() on another CPU. Log lines come before
 * other output, except while a program has the console (log_holds).
 *
 * Stalls. A console that takes nothing for STALL_NS delays only its own session: output to all
 * consoles skips it (SEND_UNLESS_STALLED). */

#define OUT_SIZE CONSOLE_OUT_SIZE

/* Free bytes at which waiting writers are woken. */
#define OUT_LOW (OUT_SIZE / 4)

/* Bytes copied at a time with interrupts masked. */
#define OUT_CHUNK ((size_t)256)

/* A console that takes nothing for this long delays only its own session. */
#define STALL_NS NS_PER_S

/* Room for a log line after a note about missed lines, each with its CR. */
#define LOG_NOTE_MAX ((size_t)64)
#define LOG_ROOM     (LOG_LINE_MAX + LOG_NOTE_MAX + 2)

/* Bytes passed to the device at a time with interrupts masked; a fast device could take the whole
 * ring. It is also the most that is appended at a time, so for a device that never refuses and
 * never interrupts the ring is empty whenever its lock is free. */
#define PUMP_MAX (LOG_ROOM + OUT_CHUNK)

/* Log lines copied in one go where interrupts are masked. One for each new line keeps the backlog
 * from growing; a thread copies the rest. */
#define MASKED_LINES 4u

enum send_mode { SEND_WAITS, SEND_CANCELLABLE, SEND_UNLESS_STALLED };

/* Consoles are never removed: a reader of the count finds at least that many. */
static struct console *consoles[CONSOLE_MAX]; /* [I] up to the count */
static _Atomic unsigned console_count; /* release in console_add(), acquire in console_at() */
static struct spinlock adding = SPINLOCK_INIT;
static _Atomic uint32_t
    system_holds; /* relaxed: the thread that lowers it copies the log afterwards */
static void (*_Atomic session_start)(struct console *c);

struct console *console_at(unsigned i)
{
    return i < atomic_load_explicit(&console_count, memory_order_acquire) ? consoles[i] : NULL;
}

struct console *console_of_thread(void)
{
    const struct thread *t = thread_current();
    return t != NULL ? t->terminal : NULL;
}

/* In a panic the interrupted code may hold the lock and will never release it. */
static irq_state_t lock_output(struct console *c) ACQUIRES(c->out.lock) NO_LOCK_ANALYSIS
{
    return hal_this_cpu()->in_panic ? hal_irq_save() : spin_lock_irq(&c->out.lock);
}

static void unlock_output(struct console *c, irq_state_t state)
    RELEASES(c->out.lock) NO_LOCK_ANALYSIS
{
    if (hal_this_cpu()->in_panic) {
        hal_irq_restore(state);
    } else {
        spin_unlock_irq(&c->out.lock, state);
    }
}

/* --- the ring --- */

static size_t room_locked(const struct console *c) REQUIRES(c->out.lock)
{
    return OUT_SIZE - (c->out.head - c->out.sent);
}

/* True if a log line must be shown before any other output. */
static bool has_log_locked(const struct console *c) REQUIRES(c->out.lock)
{
    return c->out.log_holds == 0 &&
           atomic_load_explicit(&system_holds, memory_order_relaxed) == 0 &&
           c->out.log_next != log_end() && !hal_this_cpu()->in_panic;
}

/* Pass as many bytes to the device as it takes now, and let it interrupt for the rest. */
static void pump_locked(struct console *c) REQUIRES(c->out.lock)
{
    size_t before = c->out.sent;
    size_t end = before + MIN(c->out.head - before, PUMP_MAX);
    while (c->out.sent != end) {
        size_t at = c->out.sent % OUT_SIZE;
        size_t n = c->ops->put(c, &c->out.ring[at], MIN(end - c->out.sent, OUT_SIZE - at));
        if (n == 0) {
            break;
        }
        c->out.sent += n;
    }
    if (c->out.sent != before) {
        c->out.progress_ns = clock_now_ns();
    }
    /* In a panic output is polled, and the interrupted code may hold the driver's lock. */
    if (!hal_this_cpu()->in_panic) {
        c->ops->want_tx(c, c->out.sent != c->out.head || c->out.has_sleepers || has_log_locked(c));
    }
}

static bool is_stalled_locked(const struct console *c) REQUIRES(c->out.lock)
{
    return c->out.sent != c->out.head && clock_now_ns() >= c->out.progress_ns + STALL_NS;
}

static void push_byte_locked(struct console *c, uint8_t byte) REQUIRES(c->out.lock)
{
    c->out.ring[c->out.head % OUT_SIZE] = byte;
    c->out.head++;
}

/* Returns how many bytes of s were appended. */
static size_t push_locked(struct console *c, const char *s, size_t len) REQUIRES(c->out.lock)
{
    size_t room = MIN(room_locked(c), OUT_CHUNK);
    size_t taken = 0;
    if (c->out.sent == c->out.head) {
        c->out.progress_ns = clock_now_ns(); /* from here on it has something to send */
    }
    while (taken < len && room >= (s[taken] == '\n' ? 2 : 1)) {
        if (s[taken] == '\n') {
            push_byte_locked(c, '\r');
            room--;
        }
        push_byte_locked(c, (uint8_t)s[taken]);
        room--;
        taken++;
    }
    if (taken > 0) {
        c->out.is_in_row = s[taken - 1] != '\n';
    }
    return taken;
}

static void push_all_locked(struct console *c, const char *s, size_t len) REQUIRES(c->out.lock)
{
    while (len > 0) {
        size_t n = push_locked(c, s, len);
        ASSERT(n > 0); /* the caller has checked the room */
        s += n;
        len -= n;
    }
}

/* --- the log --- */

/* Copy the next log line, if there is one and room for it. */
static bool pull_line_locked(struct console *c) REQUIRES(c->out.lock)
{
    char line[LOG_LINE_MAX];
    if (!has_log_locked(c) || room_locked(c) < LOG_ROOM) {
        return false;
    }
    uint64_t missed = 0;
    size_t len = log_next_line(&c->out.log_next, &missed, c->has_colour, line);
    if (missed > 0) {
        char note[LOG_NOTE_MAX];
        push_all_locked(c, note,
                        fmt_print(note, sizeof note, "[%llu log lines missed here]\n",
                                  (unsigned long long)missed));
    }
    push_all_locked(c, line, len);
    return true;
}

/* A thread copies all lines and allows interrupts in between. */
static void pull_log(struct console *c)
{
    unsigned left = hal_irqs_enabled() ? UINT_MAX : MASKED_LINES;
    bool again = true;
    for (; again && left > 0; left--) {
        irq_state_t s = lock_output(c);
        again = pull_line_locked(c);
        pump_locked(c);
        if (c == consoles[0]) {
            log_mark_shown(c->out.log_next);
        }
        unlock_output(c, s);
    }
}

static void pull_log_all(void)
{
    struct console *c;
    for (unsigned i = 0; (c = console_at(i)) != NULL; i++) {
        pull_log(c);
    }
}

void console_hold_log(void)
{
    struct console *c = console_of_thread();
    if (c == NULL) {
        (void)atomic_fetch_add_explicit(&system_holds, 1, memory_order_relaxed);
        return;
    }
    irq_state_t s = lock_output(c);
    c->out.log_holds++;
    unlock_output(c, s);
}

void console_release_log(void)
{
    struct console *c = console_of_thread();
    if (c == NULL) {
        uint32_t holds = atomic_fetch_sub_explicit(&system_holds, 1, memory_order_relaxed);
        ASSERT(holds > 0);
        pull_log_all();
        return;
    }
    irq_state_t s = lock_output(c);
    ASSERT(c->out.log_holds > 0);
    c->out.log_holds--;
    unlock_output(c, s);
    pull_log(c);
}

/* --- writers --- */

/* Interrupts are masked during the test; otherwise the thread could move in between and report
 * about the CPU that it has left. */
static bool may_sleep(void)
{
    bool irqs_enabled = hal_irqs_enabled();
    irq_state_t state = hal_irq_save();
    const struct hal_cpu *cpu = hal_this_cpu();
    bool is_free = cpu->current != NULL && !cpu->in_panic && cpu->depths == 0;
    hal_irq_restore(state);
    return irqs_enabled && is_free;
}

/* True if a writer may continue; otherwise the next console_tx_ready() with
 * enough room wakes it. */
static bool claim_room(struct console *c)
{
    irq_state_t s = lock_output(c);
    bool enough = room_locked(c) >= OUT_LOW;
    if (!enough) {
        c->out.has_sleepers = true;
        pump_locked(c);
    }
    unlock_output(c, s);
    return enough;
}

/* @return OK, also after a time-out, because the caller tests the state again; E_CANCELLED. */
static enum status wait_for_room(struct console *c, enum send_mode mode, uint64_t deadline_ns)
{
    if (!may_sleep()) {
        hal_cpu_relax(); /* the caller tries again, and that passes bytes to the device */
        return OK;
    }
    enum status st = OK;
    irq_state_t s = spin_lock_irq(&c->out.room.lock);
    while (st == OK && !claim_room(c)) {
        st = mode == SEND_CANCELLABLE ? wait_on_locked(&c->out.room, &s, deadline_ns)
                                      : wait_uncancellable_locked(&c->out.room, &s, deadline_ns);
    }
    spin_unlock_irq(&c->out.room.lock, s);
    return st == E_TIMEDOUT ? OK : st; /* the caller tests again */
}

static enum status send(struct console *c, const char *s, size_t len, enum send_mode mode)
{
    enum status st = OK;
    while (len > 0 && st == OK) {
        if (mode == SEND_CANCELLABLE && thread_is_cancelled(thread_current())) {
            return E_CANCELLED; /* tested here, because with a fast device it never waits */
        }
        irq_state_t state = lock_output(c);
        bool has_pulled = pull_line_locked(c);
        size_t n = has_log_locked(c) ? 0 : push_locked(c, s, len);
        pump_locked(c);
        bool is_given_up = n == 0 && mode == SEND_UNLESS_STALLED && is_stalled_locked(c);
        uint64_t deadline_ns =
            mode == SEND_UNLESS_STALLED ? c->out.progress_ns + STALL_NS : WAIT_FOREVER;
        unlock_output(c, state);
        s += n;
        len -= n;
        if (is_given_up) {
            return E_TIMEDOUT;
        }
        if (n == 0 && !has_pulled) {
            st = wait_for_room(c, mode, deadline_ns);
        }
    }
    return st;
}

/* One piece at a time to each console, so that all stay close together. The first console
 * sets the pace. */
static enum status send_to_all(const char *s, size_t len, enum send_mode mode)
{
    while (len > 0) {
        size_t n = MIN(len, OUT_CHUNK);
        struct console *c = console_at(0);
        enum status st = send(c, s, n, mode);
        if (st != OK) {
            return st;
        }
        for (unsigned i = 1; (c = console_at(i)) != NULL; i++) {
            (void)!send(c, s, n, SEND_UNLESS_STALLED);
        }
        s += n;
        len -= n;
    }
    return OK;
}

static enum status write_to_terminal(const char *s, size_t len, enum send_mode mode)
{
    struct console *c = console_of_thread();
    if (c != NULL) {
        return send(c, s, len, mode);
    }
    if (console_at(0) == NULL) {
        hal_early_write(s, len);
        return OK;
    }
    return send_to_all(s, len, mode);
}

void console_write(const char *s, size_t len)
{
    const struct thread *t = thread_current();
    if (UNLIKELY(t != NULL && t->sink != NULL)) {
        t->sink->write(t->sink, s, len);
        return;
    }
    enum status st = write_to_terminal(s, len, SEND_WAITS);
    ASSERT(st == OK);
}

enum status console_write_cancellable(const char *s, size_t len)
{
    return write_to_terminal(s, len, SEND_CANCELLABLE);
}

/* Programs move the cursor, which this does not follow: then a row may stay empty. */
void console_fresh_row(void)
{
    struct console *c = console_of_thread();
    c = c != NULL ? c : console_at(0);
    if (c == NULL) {
        return;
    }
    irq_state_t s = lock_output(c);
    bool is_in_row = c->out.is_in_row;
    unlock_output(c, s);
    if (is_in_row) {
        enum status st = write_to_terminal("\n", 1, SEND_WAITS);
        ASSERT(st == OK);
    }
}

/* Collects the formatter's pieces, so that one console_printf() is usually one write. */
struct print_buffer {
    size_t len;
    char text[OUT_CHUNK];
};

static void print_flush(struct print_buffer *b)
{
    console_write(b->text, b->len);
    b->len = 0;
}

static void print_sink(void *ctx, const char *s, size_t len)
{
    struct print_buffer *b = ctx;
    while (len > 0) {
        size_t n = MIN(len, sizeof(b->text) - b->len);
        memcpy(b->text + b->len, s, n);
        b->len += n;
        s += n;
        len -= n;
        if (b->len == sizeof(b->text)) {
            print_flush(b);
        }
    }
}

void console_printf(const char *fmt, ...)
{
    struct print_buffer b = {.len = 0};
    va_list args;
    va_start(args, fmt);
    fmt_vsink(print_sink, &b, fmt, args);
    va_end(args);
    print_flush(&b);
}

/* --- draining --- */

/* Until the deadline, whatever the device does. */
static void drain(struct console *c, bool waits_for_stalled, uint64_t deadline_ns)
{
    bool is_busy = true;
    uint64_t now_ns = clock_now_ns(), give_up_ns = now_ns + STALL_NS;
    for (; is_busy && now_ns < deadline_ns && (waits_for_stalled || now_ns < give_up_ns);
         now_ns = clock_now_ns()) {
        irq_state_t s = lock_output(c);
        size_t before = c->out.sent;
        pump_locked(c);
        (void)pull_line_locked(c);
        is_busy = c->out.sent != c->out.head || has_log_locked(c) || !c->ops->is_idle(c);
        bool moves = c->out.sent != before;
        unlock_output(c, s);
        if (moves) {
            give_up_ns = clock_now_ns() + STALL_NS;
        }
        hal_cpu_relax();
    }
}

void console_drain(void)
{
    struct console *c;
    for (unsigned i = 0; (c = console_at(i)) != NULL; i++) {
        drain(c, i == 0 && !hal_this_cpu()->in_panic, WAIT_FOREVER);
    }
}

void console_drain_within(uint64_t limit_ns)
{
    struct console *c;
    uint64_t deadline_ns = clock_now_ns() + limit_ns;
    for (unsigned i = 0; (c = console_at(i)) != NULL; i++) {
        drain(c, false, deadline_ns);
    }
}

void console_panic_write(const char *s, size_t len)
{
    struct console *c;
    for (unsigned i = 0; (c = console_at(i)) != NULL; i++) {
        if (!c->is_early) {
            (void)!send(c, s, len, SEND_UNLESS_STALLED);
        }
    }
}

void console_tx_ready(struct console *c)
{
    irq_state_t s = lock_output(c);
    pump_locked(c);
    if (pull_line_locked(c)) {
        pump_locked(c); /* requests another interrupt if there are more */
    }
    bool wake = c->out.has_sleepers && room_locked(c) >= OUT_LOW;
    if (wake) {
        c->out.has_sleepers = false;
        pump_locked(c); /* turns the transmit interrupt off if nothing is left to send */
    }
    unlock_output(c, s);
    if (wake) {
        wait_wake_all(&c->out.room);
    }
}

/* --- the list --- */

/* "pl011.1" is the second console of its kind. */
static void name_console(struct console *c, unsigned count)
{
    unsigned same = 0;
    for (unsigned i = 0; i < count; i++) {
        same += consoles[i]->ops == c->ops ? 1 : 0;
    }
    fmt_print(c->name, sizeof c->name, "%s.%u", c->ops->name, same);
}

bool console_claim_session(struct console *c)
{
    return !atomic_exchange(&c->has_session, true);
}

static void start_session(struct console *c)
{
    /* console_add() publishes the console before it reads `session_start`; console_set_session()
     * sets that before it reads the consoles. All four accesses are sequentially consistent, so at
     * least one side sees the other, and has_session lets only one start it. */
    void (*start)(struct console *) = atomic_load(&session_start);
    if (start != NULL && console_claim_session(c)) {
        start(c);
    }
}

void console_set_session(void (*start)(struct console *c))
{
    atomic_store(&session_start, start);
    unsigned count = atomic_load(&console_count);
    for (unsigned i = 0; i < count; i++) {
        start_session(consoles[i]);
    }
}

static void output_init(struct console *c)
{
    c->out.head = c->out.sent = 0;
    c->out.progress_ns = clock_now_ns();
    c->out.log_next = c->is_early ? log_end() : 0;
    c->out.log_holds = 0;
    c->out.has_sleepers = c->out.is_in_row = false;
    c->out.lock = (struct spinlock)SPINLOCK_INIT;
    wait_queue_init(&c->out.room, "console output");
}

static const struct panic_sink_ops panic_sink = {console_panic_write, console_drain};

void console_add(struct console *c)
{
    console_input_init(c);
    output_init(c);
    spin_lock(&adding);
    unsigned count = atomic_load_explicit(&console_count, memory_order_relaxed);
    bool is_room = count < CONSOLE_MAX;
    panic_install_sink(&panic_sink);
    if (is_room) {
        name_console(c, count);
        consoles[count] = c;
        atomic_store(&console_count, count + 1);
    }
    spin_unlock(&adding);
    if (!is_room) {
        log_warn("console", "%s: more than %u consoles, not used", c->ops->name, CONSOLE_MAX);
        return;
    }
    log_set_console(pull_log_all, console_panic_write);
    pull_log(c);
    irq_state_t s = spin_lock_irq(&c->in.lock);
    c->ops->want_rx(c, true);
    spin_unlock_irq(&c->in.lock, s);
    start_session(c);
}
