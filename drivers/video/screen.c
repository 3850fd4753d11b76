// SPDX-License-Identifier: MIT
//
// The screen's console. It connects the terminal, which is written under the console's lock with
// interrupts masked, to the surface, which a thread draws on later. The thread remembers the cells
// it has drawn. However many lines were written meanwhile, it draws only the cells that differ.
#include "drivers/video/screen.h"

#include "hal/cpu.h"
#include "kernel/base/clock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/thread.h"
#include "kernel/tty/console.h"
#include "kernel/tty/keyboard.h"

#define FRAME_NS (NS_PER_S / 60)

/* Field protection:  [I] set before console_add()   [l] lock
 *                    [d] the drawing thread, or the CPU that panics */
static struct screen {
    struct console console;
    struct surface *surface;     /* [I] */
    struct spinlock lock;        /* taken while the console's lock is held */
    struct terminal terminal;    /* [l] */
    struct terminal_cell *shown; /* [d] the cells as drawn on the surface, row by row */
    struct terminal_cell line[TERMINAL_COLUMNS_MAX]; /* [d] */
    bool has_panicked, is_drawing_panic;             /* [d] */
    struct wait_queue changed;
    struct deferred_wake wake;
    /* Exchanged: with release after a change of the terminal, with acquire by the thread before it
     * draws. A store in the thread could take effect after its drawing and erase later news. */
    _Atomic bool has_news;
} screen;

static irq_state_t lock_terminal(void) ACQUIRES(screen.lock) NO_LOCK_ANALYSIS
{
    /* The panic may have interrupted the holder of the lock, which then never releases it. */
    return hal_this_cpu()->in_panic ? hal_irq_save() : spin_lock_irq(&screen.lock);
}

static void unlock_terminal(irq_state_t state) RELEASES(screen.lock) NO_LOCK_ANALYSIS
{
    if (hal_this_cpu()->in_panic) {
        hal_irq_restore(state);
    } else {
        spin_unlock_irq(&screen.lock, state);
    }
}

static bool is_same(const struct terminal_cell *a, const struct terminal_cell *b)
{
    return a->character == b->character && a->foreground == b->foreground &&
           a->background == b->background && a->flags == b->flags;
}

/* The cursor is a block: the cell with its colours exchanged. */
static void show_cursor(struct terminal_cell *cell)
{
    uint8_t foreground = cell->foreground;
    cell->foreground = cell->background;
    cell->background = foreground;
}

/* Copy a row, with the cursor in it. @return false: it has not changed. */
static bool take_row(uint32_t row)
{
    struct terminal *t = &screen.terminal;
    irq_state_t state = lock_terminal();
    bool has_changed = terminal_take_dirty(t, row);
    if (has_changed) {
        memcpy(screen.line, terminal_row(t, row), t->columns * sizeof(screen.line[0]));
        if (t->cursor.row == row && !t->is_cursor_hidden) {
            show_cursor(&screen.line[t->cursor.column]);
        }
    }
    unlock_terminal(state);
    return has_changed;
}

static void draw_row(uint32_t row)
{
    struct surface *s = screen.surface;
    struct terminal_cell *shown = screen.shown + (size_t)row * s->columns;
    for (uint32_t column = 0; column < s->columns; column++) {
        if (!is_same(&screen.line[column], &shown[column])) {
            s->ops->draw(s, column, row, &screen.line[column]);
            shown[column] = screen.line[column];
        }
    }
}

static void draw(void)
{
    for (uint32_t row = 0; row < screen.surface->rows; row++) {
        if (take_row(row)) {
            draw_row(row);
        }
    }
}

static void wait_for_news(void)
{
    irq_state_t state = spin_lock_irq(&screen.changed.lock);
    while (!atomic_exchange_explicit(&screen.has_news, false, memory_order_acquire)) {
        (void)!wait_uncancellable_locked(&screen.changed, &state, WAIT_FOREVER);
    }
    spin_unlock_irq(&screen.changed.lock, state);
}

static bool has_reply(void)
{
    irq_state_t state = lock_terminal();
    bool has = screen.terminal.reply_len > 0;
    unlock_terminal(state);
    return has;
}

static void draw_for_ever(void *arg)
{
    (void)arg;
    if (!screen.surface->is_clear) {
        screen.surface->ops->clear(screen.surface);
    }
    for (;;) {
        wait_for_news();
        draw();
        if (has_reply()) {
            console_rx_ready(&screen.console);
        }
        (void)!thread_sleep(FRAME_NS);
    }
}

/* --- The console --- */

static bool has_line_end(const uint8_t *s, size_t len)
{
    while (len > 0 && s[len - 1] != '\n') {
        len--;
    }
    return len > 0;
}

/* The words of a panic are visible whatever a program has done to the terminal, in red, and at
 * once: no other code draws any more.
 * If the drawing itself panics, that second panic is not drawn. */
static void draw_panic(const uint8_t *s, size_t len)
{
    static const uint8_t red[] = {0x1b, '[', '9', '1', 'm'};
    if (screen.is_drawing_panic) {
        return;
    }
    screen.is_drawing_panic = true;
    if (!screen.has_panicked) {
        screen.has_panicked = true;
        terminal_reset(&screen.terminal);
        terminal_write(&screen.terminal, red, sizeof(red));
    }
    terminal_write(&screen.terminal, s, len);
    if (has_line_end(s, len)) {
        draw();
    }
    screen.is_drawing_panic = false;
}

static size_t screen_put(struct console *c, const uint8_t *s, size_t len)
{
    (void)c;
    if (hal_this_cpu()->in_panic) {
        draw_panic(s, len);
        return len;
    }
    irq_state_t state = spin_lock_irq(&screen.lock);
    terminal_write(&screen.terminal, s, len);
    spin_unlock_irq(&screen.lock, state);
    if (!atomic_exchange_explicit(&screen.has_news, true, memory_order_release)) {
        wait_wake_deferred(&screen.wake);
    }
    return len;
}

static void screen_want_tx(struct console *c, bool on)
{
    (void)c, (void)on; /* there is always room */
}

/* The screen sends nothing that could still be on its way. */
static bool screen_is_idle(struct console *c)
{
    (void)c;
    return true;
}

static size_t screen_get(struct console *c, uint8_t *buf, size_t len)
{
    (void)c;
    irq_state_t state = lock_terminal();
    size_t n = terminal_take_reply(&screen.terminal, buf, len);
    unlock_terminal(state);
    return n > 0 ? n : keyboard_take(buf, len);
}

static void screen_want_rx(struct console *c, bool on)
{
    (void)c;
    keyboard_want(on);
}

static const struct console_ops screen_ops = {
    .name = "screen",
    .put = screen_put,
    .want_tx = screen_want_tx,
    .is_idle = screen_is_idle,
    .get = screen_get,
    .want_rx = screen_want_rx,
};

/* --- Start --- */

static enum status take_memory(const struct surface *s, struct terminal_cell **cells)
{
    size_t bytes = (size_t)s->columns * s->rows * sizeof(**cells);
    *cells = vm_alloc(bytes, PAGE_OTHER, "terminal");
    if (*cells == NULL) {
        return E_NOMEM;
    }
    screen.shown = vm_alloc(bytes, PAGE_OTHER, "screen");
    if (screen.shown == NULL) {
        vm_free(*cells);
        return E_NOMEM;
    }
    return OK;
}

/* The state after the surface's clear(). */
static void forget_shown(const struct surface *s)
{
    struct terminal_cell blank = {
        .character = ' ', .foreground = TERMINAL_FOREGROUND, .background = TERMINAL_BACKGROUND};
    for (size_t i = 0; i < (size_t)s->columns * s->rows; i++) {
        screen.shown[i] = blank;
    }
}

static enum status start_thread(void)
{
    const struct thread_options options = {.name = "screen",
                                           .entry = draw_for_ever,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE};
    struct thread *thread;
    enum status s = thread_create(&options, &thread);
    if (s == OK) {
        thread_detach(thread);
    }
    return s;
}

enum status screen_start(struct surface *surface)
{
    if (screen.surface != NULL) {
        return E_EXIST;
    }
    struct terminal_cell *cells;
    enum status s = take_memory(surface, &cells);
    if (s != OK) {
        return s;
    }
    screen.surface = surface;
    forget_shown(surface);
    terminal_init(&screen.terminal, cells, surface->columns, surface->rows);
    screen.lock = (struct spinlock)SPINLOCK_INIT;
    wait_queue_init(&screen.changed, "screen");
    screen.wake.queue = &screen.changed;
    s = start_thread();
    if (s != OK) {
        vm_free(cells);
        vm_free(screen.shown);
        screen.surface = NULL;
        return s;
    }
    screen.console.ops = &screen_ops;
    screen.console.has_colour = true;
    screen.console.columns = (uint16_t)surface->columns;
    screen.console.rows = (uint16_t)surface->rows;
    console_add(&screen.console);
    keyboard_attach(&screen.console);
    return OK;
}
