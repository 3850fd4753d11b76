// SPDX-License-Identifier: MIT
//
// The line discipline: see ldisc.h.
#include "kernel/tty/ldisc.h"

#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"

/* A character is echoed as soon as it is complete. Erasing needs the columns that the echo took, so
 * both use shown_at(). Where the line starts on the screen is unknown (a program has printed its
 * prompt before it), hence a tab is shown as blanks up to the next multiple of TAB columns of the
 * line itself. Erasing does not go back to an earlier row: no terminal's backspace does. */

#define CTRL(c) ((c) - 'A' + 1)
#define KEY_DEL 0x7f
#define TAB     8

/* One character as the terminal shows it. */
struct shown {
    size_t bytes; /* of the line */
    size_t columns;
    char text[TAB];
    size_t len;
};

static bool is_control(uint8_t byte)
{
    return byte < ' ' || byte == KEY_DEL;
}

/* True if the bytes at `at` start a character whose rest may still come. */
static bool is_incomplete(const struct ldisc *l, size_t at)
{
    size_t end = at + unicode_length(l->line[at]);
    bool is_good = end > l->len;
    for (size_t i = at + 1; is_good && i < l->len; i++) {
        is_good = (l->line[i] & 0xc0) == 0x80;
    }
    return is_good;
}

static struct shown shown_at(const struct ldisc *l, size_t at, size_t column)
{
    const uint8_t *p = l->line + at;
    uint32_t c;
    struct shown s = {.bytes = unicode_decode((const char *)p, l->len - at, &c)};
    if (*p == '\t') {
        s.len = s.columns = TAB - column % TAB;
        memset(s.text, ' ', s.len);
    } else if (is_control(*p)) {
        s.len = s.columns = 2;
        s.text[0] = '^';
        s.text[1] = (char)(*p ^ 0x40);
    } else if (unicode_length(*p) == s.bytes && unicode_is_harmless(p)) {
        s.len = s.bytes;
        s.columns = unicode_columns(c);
        memcpy(s.text, p, s.len);
    } else {
        s.len = s.columns = 1;
        s.text[0] = '?';
    }
    return s;
}

static size_t columns_before(const struct ldisc *l, size_t end)
{
    size_t column = 0;
    for (size_t at = 0; at < end;) {
        struct shown s = shown_at(l, at, column);
        column += s.columns;
        at += s.bytes;
    }
    return column;
}

static void echo_new(struct ldisc *l, fmt_sink echo, void *ctx)
{
    size_t column = 0;
    bool has_column = false; /* only a tab needs it */
    while (l->shown < l->len && !is_incomplete(l, l->shown)) {
        if (l->line[l->shown] == '\t' && !has_column) {
            column = columns_before(l, l->shown);
            has_column = true;
        }
        struct shown s = shown_at(l, l->shown, column);
        echo(ctx, s.text, s.len);
        column += s.columns;
        l->shown += s.bytes;
    }
}

static void put_repeated(char c, size_t count, fmt_sink echo, void *ctx)
{
    char some[32];
    memset(some, c, sizeof some);
    while (count > 0) {
        size_t n = MIN(count, sizeof some);
        echo(ctx, some, n);
        count -= n;
    }
}

static void erase_to(struct ldisc *l, size_t at, fmt_sink echo, void *ctx)
{
    if (at < l->shown) {
        size_t columns = columns_before(l, l->shown) - columns_before(l, at);
        put_repeated('\b', columns, echo, ctx);
        put_repeated(' ', columns, echo, ctx);
        put_repeated('\b', columns, echo, ctx);
        l->shown = at;
    }
    l->len = at;
}

static size_t word_before(const struct ldisc *l)
{
    size_t at = l->len;
    while (at > 0 && (l->line[at - 1] == ' ' || l->line[at - 1] == '\t')) {
        at--;
    }
    while (at > 0 && l->line[at - 1] != ' ' && l->line[at - 1] != '\t') {
        at--;
    }
    return at;
}

static void insert(struct ldisc *l, uint8_t key, fmt_sink echo, void *ctx)
{
    if (l->len == LDISC_LINE_MAX) {
        echo(ctx, "\a", 1);
        return;
    }
    l->line[l->len++] = key;
    echo_new(l, echo, ctx);
}

/* A character that was never completed stays in the line, unseen. */
static void end_line(struct ldisc *l, fmt_sink echo, void *ctx)
{
    l->line[l->len++] = '\n';
    l->is_done = true;
    echo(ctx, "\n", 1);
}

static void control_key(struct ldisc *l, uint8_t key, fmt_sink echo, void *ctx)
{
    switch (key) {
    case '\r':
    case '\n':
        end_line(l, echo, ctx);
        break;
    case CTRL('D'):
        l->is_done = true;
        break;
    case CTRL('H'):
    case KEY_DEL:
        erase_to(l, unicode_before((const char *)l->line, l->len, l->len), echo, ctx);
        break;
    case CTRL('U'):
        erase_to(l, 0, echo, ctx);
        break;
    case CTRL('W'):
        erase_to(l, word_before(l), echo, ctx);
        break;
    case CTRL('V'):
        l->is_literal = true;
        break;
    default:
        insert(l, key, echo, ctx);
        break;
    }
}

void ldisc_feed(struct ldisc *l, uint8_t key, fmt_sink echo, void *ctx)
{
    ASSERT(!l->is_done);
    bool is_second_of_crlf = key == '\n' && l->after_cr;
    bool is_literal = l->is_literal;
    l->after_cr = key == '\r' && !is_literal;
    l->is_literal = false;
    if (is_second_of_crlf) {
        return;
    }
    if (is_literal || !is_control(key)) {
        insert(l, key, echo, ctx);
    } else {
        control_key(l, key, echo, ctx);
    }
}

size_t ldisc_take(struct ldisc *l, uint8_t *buf, size_t len)
{
    size_t n = MIN(len, l->len - l->taken);
    memcpy(buf, l->line + l->taken, n);
    l->taken += n;
    if (l->taken == l->len) {
        ldisc_discard(l);
    }
    return n;
}

void ldisc_discard(struct ldisc *l)
{
    l->len = l->shown = l->taken = 0;
    l->is_done = l->is_literal = false;
}
