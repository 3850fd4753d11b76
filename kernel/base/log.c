// SPDX-License-Identifier: MIT
//
// The log ring and its copy on the consoles. Lines of any length share one ring of bytes; a second
// ring remembers where each line starts, so that any line that is still there is found at once.

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

/** What precedes a line's text in the ring. */
struct header {
    uint64_t time_ns;
    uint32_t cpu;
    uint16_t len; /* of the text, without a zero */
    uint8_t level;
};

static struct spinlock lock = SPINLOCK_INIT;

/* Under `lock`, except in a panic. Positions and line numbers only grow. */
static uint8_t ring[RING_BYTES];
static uint64_t starts[LINES_MAX]; /* position of line n at n % LINES_MAX */
static uint64_t next_position;
static uint64_t first_line, next_line; /* lines in the ring: [first_line, next_line) */
static uint64_t unshown_line;          /* the first console has been given all lines before it */

static _Atomic uint64_t end_line; /* next_line for who does not hold the lock; relaxed */
static _Atomic int console_level =
    LOG_INFO; /* relaxed: a line that is written meanwhile may go either way */
/* NULL: the early console. Release and acquire: what the function needs is set up. */
static _Atomic(void (*)(void)) notify_consoles;
static void (*panic_write)(const char *s, size_t len);

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

/** As log_read(), for who holds the lock or runs alone in a panic. */
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

/* As consoles show it; returns the length. */
static size_t format_line(const struct log_record *r, char *line)
{
    static const char *const words[] = {[LOG_ERROR] = "error: ", [LOG_WARN] = "warning: "};
    const char *word = r->level <= LOG_WARN ? words[r->level] : "";
    size_t len = fmt_print(
        line, LOG_LINE_MAX, "[%5llu.%06llu %u] %s%s\n", (unsigned long long)(r->time_ns / NS_PER_S),
        (unsigned long long)(r->time_ns % NS_PER_S / NS_PER_US), r->cpu, word, r->text);
    return MIN(len, LOG_LINE_MAX - 1);
}

/* The same in colours: time and CPU are grey, then who speaks, and what is wrong is all of it
 * yellow or red. */
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

/* Before there are consoles. Under the lock, so that lines come in order and never torn. */
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

/* The lock may be held by whom the panic interrupted. */
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
    str_make_printable(r.text); /* what is told of devices and files comes from them */

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

enum log_level log_console_level(void)
{
    return (enum log_level)atomic_load_explicit(&console_level, memory_order_relaxed);
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
    static struct log_record r; /* a panic may have little stack left */
    uint64_t sequence = next_line > max ? next_line - max : 0;
    while (read_line(&sequence, &r)) {
        if (r.sequence >= unshown_line || !is_shown(r.level)) {
            fn(&r);
        }
    }
}
