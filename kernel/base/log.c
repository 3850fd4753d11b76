// SPDX-License-Identifier: MIT
//
// The log ring and its output on the consoles. Lines of any length share one ring of bytes; a
// second ring stores where each line starts, so that any line still present is found at once.

#include "kernel/base/log_internal.h"

#include "hal/console.h"
#include "hal/cpu.h"
#include "kernel/base/clock.h"
#include "kernel/base/log_console.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define RING_BYTES ((uint64_t)64 * 1024)
#define LINES_MAX  1024u
#define TEXT_MAX   sizeof(((struct log_record *)0)->text)

STATIC_ASSERT((RING_BYTES & (RING_BYTES - 1)) == 0, "positions are reduced by a mask");

/** Precedes a line's text in the ring. */
struct header {
    uint64_t time_ns;
    uint32_t cpu;
    uint16_t len; /* of the text, without a terminating zero */
    uint8_t level;
};

static struct spinlock lock = SPINLOCK_INIT;

/* Under `lock`, except in a panic. Positions and line numbers only grow. */
static uint8_t ring[RING_BYTES];
static uint64_t starts[LINES_MAX]; /* position of line n, at n % LINES_MAX */
static uint64_t next_position;
static uint64_t first_line, next_line; /* lines in the ring: [first_line, next_line) */
static uint64_t unshown_line;          /* the lines before it were passed to the first console */

static _Atomic uint64_t end_line; /* next_line for readers without the lock; relaxed */
static _Atomic int console_level =
    LOG_INFO; /* relaxed: a line written meanwhile may use either value */
/* NULL: only the early console exists. Stored with release and loaded with acquire, so that the
 * caller sees what the function needs. */
static _Atomic(void (*)(void)) notify_consoles;
static void (*panic_write)(const char *s, size_t len);

/* Two rings under `lock`: `ring` holds headers and texts, `starts` the position of each line.
 * Positions and line numbers never wrap; a position is reduced modulo the ring's size when it is
 * used. append_locked() drops the oldest lines until there is room in both rings, so first_line <=
 * next_line always, and a reader that asks for a dropped line continues with first_line.
 *
 * Consoles are not written under `lock`. log_line() appends and notifies the console thread, which
 * reads with log_next_line(). Before there are consoles, and in a panic, lines go to the early
 * console directly. */
static void ring_put(uint64_t position, const void *src, size_t len)
{
    size_t at = position & (RING_BYTES - 1);
    size_t until_end = MIN(len, RING_BYTES - at);
    memcpy(ring + at, src, until_end);
    memcpy(ring, (const uint8_t *)src + until_end, len - until_end);
}

static void ring_get(uint64_t position, void *dst, size_t len)
{
    size_t at = position & (RING_BYTES - 1);
    size_t until_end = MIN(len, RING_BYTES - at);
    memcpy(dst, ring + at, until_end);
    memcpy((uint8_t *)dst + until_end, ring, len - until_end);
}

static void append_locked(const struct header *h, const char *text) REQUIRES(lock)
{
    uint64_t end = next_position + sizeof(*h) + h->len;
    while (next_line - first_line == LINES_MAX ||
           (next_line > first_line && end - starts[first_line % LINES_MAX] > RING_BYTES)) {
        first_line++;
    }
    starts[next_line % LINES_MAX] = next_position;
    ring_put(next_position, h, sizeof(*h));
    ring_put(next_position + sizeof(*h), text, h->len);
    next_position = end;
    next_line++;
    atomic_store_explicit(&end_line, next_line, memory_order_relaxed);
}

/** As log_read(), for callers that hold the lock or run alone in a panic. */
static bool read_line(uint64_t *sequence, struct log_record *out)
{
    uint64_t line = MAX(*sequence, first_line);
    if (line >= next_line) {
        return false;
    }
    struct header h;
    uint64_t position = starts[line % LINES_MAX];
    ring_get(position, &h, sizeof(h));
    size_t len = MIN(h.len, TEXT_MAX - 1);
    ring_get(position + sizeof(h), out->text, len);
    out->text[len] = '\0';
    out->sequence = line;
    out->time_ns = h.time_ns;
    out->level = (enum log_level)h.level;
    out->cpu = h.cpu;
    *sequence = line + 1;
    return true;
}

/* Format a line as consoles show it; returns the length. */
static size_t format_line(const struct log_record *r, char *line)
{
    static const char *const words[] = {[LOG_ERROR] = "error: ", [LOG_WARN] = "warning: "};
    const char *word = r->level <= LOG_WARN ? words[r->level] : "";
    size_t len = fmt_print(
        line, LOG_LINE_MAX, "[%5llu.%06llu %u] %s%s\n", (unsigned long long)(r->time_ns / NS_PER_S),
        (unsigned long long)(r->time_ns % NS_PER_S / NS_PER_US), r->cpu, word, r->text);
    return MIN(len, LOG_LINE_MAX - 1);
}

/* The same in colours: time and CPU are grey, the area has the level's colour; for a warning or an
 * error the whole text has it. */
static size_t format_coloured(const struct log_record *r, char *line)
{
    static const char *const colours[] = {
        [LOG_ERROR] = "91", [LOG_WARN] = "93", [LOG_INFO] = "36", [LOG_DEBUG] = "34"};
    char plain[LOG_LINE_MAX];
    int len = (int)format_line(r, plain) - 1; /* without the newline */
    const char *after_stamp = strchr(plain, ']');
    const char *after_area = after_stamp != NULL ? strchr(after_stamp, ':') : NULL;
    int stamp = after_stamp != NULL ? (int)(after_stamp + 1 - plain) : 0;
    int area = r->level <= LOG_WARN || after_area == NULL ? len : (int)(after_area + 1 - plain);
    size_t used =
        fmt_print(line, LOG_LINE_MAX, "\x1b[90m%.*s\x1b[%sm%.*s\x1b[m%.*s\n", stamp, plain,
                  colours[r->level], area - stamp, plain + stamp, len - area, plain + area);
    return MIN(used, LOG_LINE_MAX - 1);
}

static bool is_shown(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&console_level, memory_order_relaxed);
}

/* Used before there are consoles. Under the lock, so that lines are in order and whole. */
static void print_early_locked(void) REQUIRES(lock)
{
    struct log_record r;
    char line[LOG_LINE_MAX];
    while (read_line(&unshown_line, &r)) {
        if (is_shown(r.level)) {
            hal_early_write(line, format_line(&r, line));
        }
    }
}

/* Takes no lock: the panic may have interrupted its holder. */
static void print_in_panic(const struct log_record *r)
{
    char line[LOG_LINE_MAX];
    size_t len = format_line(r, line);
    hal_early_write(line, len);
    if (panic_write != NULL) {
        panic_write(line, len);
    }
}

void log_line(enum log_level level, const char *area, const char *fmt, ...)
{
    struct log_record r = {.level = level, .time_ns = clock_now_ns(), .cpu = hal_this_cpu()->id};
    size_t used = fmt_print(r.text, TEXT_MAX, "%s: ", area);
    used = MIN(used, TEXT_MAX - 1);
    va_list args;
    va_start(args, fmt);
    used += fmt_vprint(r.text + used, TEXT_MAX - used, fmt, args);
    va_end(args);
    str_make_printable(r.text); /* text from devices and files may be part of it */

    if (hal_this_cpu()->in_panic) {
        print_in_panic(&r);
        return;
    }
    struct header h = {
        .time_ns = r.time_ns,
        .cpu = r.cpu,
        .level = (uint8_t)level,
        .len = (uint16_t)MIN(used, TEXT_MAX - 1),
    };
    irq_state_t state = spin_lock_irq(&lock);
    append_locked(&h, r.text);
    void (*notify)(void) = atomic_load_explicit(&notify_consoles, memory_order_acquire);
    if (notify == NULL) {
        print_early_locked();
    }
    spin_unlock_irq(&lock, state);
    if (notify != NULL) {
        notify();
    }
}

void log_set_console_level(enum log_level level)
{
    atomic_store_explicit(&console_level, (int)level, memory_order_relaxed);
}

bool log_read(uint64_t *sequence, struct log_record *out)
{
    irq_state_t state = spin_lock_irq(&lock);
    bool found = read_line(sequence, out);
    spin_unlock_irq(&lock, state);
    return found;
}

size_t log_next_line(uint64_t *sequence, uint64_t *missed, bool colour, char *line)
{
    struct log_record r;
    size_t len = 0;
    irq_state_t state = spin_lock_irq(&lock);
    if (*sequence < first_line) {
        *missed = first_line - *sequence;
    }
    while (len == 0 && read_line(sequence, &r)) {
        len = !is_shown(r.level) ? 0 : colour ? format_coloured(&r, line) : format_line(&r, line);
    }
    spin_unlock_irq(&lock, state);
    return len;
}

uint64_t log_end(void)
{
    return atomic_load_explicit(&end_line, memory_order_relaxed);
}

void log_mark_shown(uint64_t sequence)
{
    irq_state_t state = spin_lock_irq(&lock);
    unshown_line = MAX(unshown_line, sequence);
    spin_unlock_irq(&lock, state);
}

void log_set_console(void (*notify)(void), void (*write)(const char *s, size_t len))
{
    panic_write = write;
    atomic_store_explicit(&notify_consoles, notify, memory_order_release);
}

void log_for_each_unshown(unsigned max, void (*fn)(const struct log_record *record))
{
    static struct log_record r; /* static: little stack may be left in a panic */
    uint64_t sequence = next_line > max ? next_line - max : 0;
    while (read_line(&sequence, &r)) {
        if (r.sequence >= unshown_line || !is_shown(r.level)) {
            fn(&r);
        }
    }
}
