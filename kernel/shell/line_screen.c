// SPDX-License-Identifier: MIT
//
// Moves the cursor and tracks its position: with control sequences of ECMA-48 that every terminal
// supports if the width is known, otherwise with backspaces on one row.
#include "kernel/shell/line_internal.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"

/* Number of blank cells before a character of `cells` cells, so that it does not cross the
 * end of a row. */
static size_t gap_before(const struct line_screen *s, size_t at, size_t cells)
{
    return cells == 2 && s->columns != 0 && at % s->columns == s->columns - 1 ? 1 : 0;
}

/* Positions are cells, counted from the start of the prompt through all rows: row at / columns,
 * column at % columns. `at` is the cursor, `end` the first cell after everything drawn. Without a
 * known width (columns 0) everything is in one row, which is assumed not to wrap. */

size_t line_cell_after(const struct line_screen *s, size_t at, const char *text, size_t len)
{
    uint32_t c;
    for (size_t i = 0; i < len;) {
        i += unicode_decode(text + i, len - i, &c);
        size_t cells = unicode_columns(c);
        at += gap_before(s, at, cells) + cells;
    }
    return at;
}

size_t line_cells(const char *s, size_t len)
{
    static const struct line_screen one_row; /* of unknown width */
    return line_cell_after(&one_row, 0, s, len);
}

void line_put(struct line_screen *s, const char *bytes, size_t len)
{
    if (len > 0) {
        s->sink(s->sink_ctx, bytes, len);
    }
}

/* In pieces, so that a long line costs few calls of the sink. */
static void put_repeated(struct line_screen *s, char c, size_t count)
{
    char some[32];
    memset(some, c, sizeof some);
    while (count > 0) {
        size_t n = MIN(count, sizeof some);
        line_put(s, some, n);
        count -= n;
    }
}

static void put_sequence(struct line_screen *s, size_t count, char final)
{
    char text[24];
    if (count > 0) {
        line_put(s, text, fmt_print(text, sizeof text, "\033[%u%c", (unsigned)count, final));
    }
}

/* Length of the text up to the next gap; advances *at to the cell after it. */
static size_t run_length(const struct line_screen *s, const char *text, size_t len, size_t *at)
{
    uint32_t c;
    size_t i = 0;
    while (i < len) {
        size_t bytes = unicode_decode(text + i, len - i, &c);
        size_t cells = unicode_columns(c);
        if (gap_before(s, *at, cells) != 0) {
            break;
        }
        *at += cells;
        i += bytes;
    }
    return i;
}

/* Terminals differ in what a wide character leaves in the last column; write a blank there. */
static void fill_gap(struct line_screen *s)
{
    line_put(s, " ", 1);
    s->at++;
}

void line_write(struct line_screen *s, const char *text, size_t len)
{
    size_t from = s->at;
    for (size_t i = run_length(s, text, len, &s->at);; i = run_length(s, text, len, &s->at)) {
        line_put(s, text, i);
        text += i;
        len -= i;
        if (len == 0) {
            break;
        }
        fill_gap(s);
    }
    s->end = MAX(s->end, s->at);
    if (s->columns != 0 && s->at != from && s->at % s->columns == 0) {
        line_put(s, "\n", 1); /* terminals delay the wrap until the next character */
    }
}

/* In one row only backspaces are used, so the cursor can only move left; moving right means drawing
 * the text again. */
void line_move(struct line_screen *s, size_t cell)
{
    if (s->columns == 0) {
        put_repeated(s, '\b', s->at - MIN(cell, s->at));
        s->at = MIN(cell, s->at);
        return;
    }
    size_t row = s->at / s->columns, column = s->at % s->columns;
    size_t to_row = cell / s->columns, to_column = cell % s->columns;
    put_sequence(s, row > to_row ? row - to_row : 0, 'A');
    put_sequence(s, to_row > row ? to_row - row : 0, 'B');
    if (to_column == 0 && column != 0) {
        line_put(s, "\r", 1);
    } else {
        put_sequence(s, column > to_column ? column - to_column : 0, 'D');
        put_sequence(s, to_column > column ? to_column - column : 0, 'C');
    }
    s->at = cell;
}

/* `end` is the only record of how far an older, longer text reaches on the screen. Without a
 * known width that text is overwritten with blanks; they cover only cells that it covered,
 * so they cannot wrap. */
void line_clear_rest(struct line_screen *s)
{
    if (s->end > s->at && s->columns != 0) {
        line_put(s, "\033[J", 3);
    } else if (s->end > s->at) {
        put_repeated(s, ' ', s->end - s->at);
        put_repeated(s, '\b', s->end - s->at);
    }
    s->end = s->at;
}

/* After a full last row line_write() has already moved to the row below, and another newline would
 * leave a blank row. */
void line_leave(struct line_screen *s)
{
    bool is_below = s->columns != 0 && s->end > 0 && s->end % s->columns == 0 && s->at == s->end;
    if (!is_below) {
        line_put(s, "\n", 1);
    }
    s->at = s->end = 0;
}
