// SPDX-License-Identifier: MIT
//
// The log ring and its copy on the consoles. Lines of any length share one ring of bytes; a second
// ring remembers where each line starts, so that any line that is still there is found at once.

#include "kernel/log_internal.h"

#include "hal/console.h"
#include "hal/cpu.h"
#include "kernel/clock.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/spinlock.h"

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
static uint64_t unshown_line;          /* the consoles have been offered all lines before it */
static uint32_t hold_depth;
static bool is_printing; /* somebody is in print_unshown(): he will see new lines, too */

static _Atomic int console_level = LOG_INFO;
static _Atomic(void (*)(const char *s, size_t len)) console_write_fn;

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

static void write_line(const struct log_record *r)
{
    static const char *const words[] = {[LOG_ERROR] = "error: ", [LOG_WARN] = "warning: "};
    char line[TEXT_MAX + 48];
    const char *word = r->level <= LOG_WARN ? words[r->level] : "";
    size_t len = fmt_print(
        line, sizeof(line), "[%5llu.%06llu %u] %s%s\n", (unsigned long long)(r->time_ns / NS_PER_S),
        (unsigned long long)(r->time_ns % NS_PER_S / NS_PER_US), r->cpu, word, r->text);
    void (*write)(const char *, size_t) =
        atomic_load_explicit(&console_write_fn, memory_order_acquire);
    (write != NULL ? write : hal_early_write)(line, MIN(len, sizeof(line) - 1));
}

/*
 * One at a time prints, and without the lock: the console takes its time. Whoever comes meanwhile,
 * be it an interrupt handler on this CPU, leaves the line to him, so lines come in order and never
 * torn.
 */
static void print_unshown(void)
{
    struct log_record r;
    irq_state_t state = spin_lock_irq(&lock);
    if (is_printing) {
        spin_unlock_irq(&lock, state);
        return;
    }
    is_printing = true;
    while (hold_depth == 0 && read_line(&unshown_line, &r)) {
        spin_unlock_irq(&lock, state);
        if ((int)r.level <= atomic_load_explicit(&console_level, memory_order_relaxed)) {
            write_line(&r);
        }
        state = spin_lock_irq(&lock);
    }
    is_printing = false;
    spin_unlock_irq(&lock, state);
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

    if (hal_this_cpu()->in_panic) { /* the lock may be held by whom the panic interrupted */
        write_line(&r);
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
    spin_unlock_irq(&lock, state);
    print_unshown();
}

void log_set_console_level(enum log_level level)
{
    atomic_store_explicit(&console_level, (int)level, memory_order_relaxed);
}

enum log_level log_console_level(void)
{
    return (enum log_level)atomic_load_explicit(&console_level, memory_order_relaxed);
}

void log_hold_console(void)
{
    irq_state_t state = spin_lock_irq(&lock);
    hold_depth++;
    spin_unlock_irq(&lock, state);
}

void log_release_console(void)
{
    irq_state_t state = spin_lock_irq(&lock);
    ASSERT(hold_depth > 0);
    hold_depth--;
    spin_unlock_irq(&lock, state);
    print_unshown();
}

bool log_read(uint64_t *sequence, struct log_record *out)
{
    irq_state_t state = spin_lock_irq(&lock);
    bool found = read_line(sequence, out);
    spin_unlock_irq(&lock, state);
    return found;
}

void log_set_console(void (*write)(const char *s, size_t len))
{
    atomic_store_explicit(&console_write_fn, write, memory_order_release);
}

void log_for_each_unshown(unsigned max, void (*fn)(const struct log_record *record))
{
    static struct log_record r; /* a panic may have little stack left */
    uint64_t sequence = next_line > max ? next_line - max : 0;
    while (read_line(&sequence, &r)) {
        bool was_shown = r.sequence < unshown_line &&
                         (int)r.level <= atomic_load_explicit(&console_level, memory_order_relaxed);
        if (!was_shown) {
            fn(&r);
        }
    }
}
