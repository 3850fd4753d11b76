// SPDX-License-Identifier: MIT
//
// Where the cursor is, and how it gets elsewhere: by control sequences of ECMA-48 that every
// terminal has, in rows of known width; or by backspaces on one row. A character takes one cell.
#include "kernel/shell/line_internal.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

size_t line_cells(const char *s, size_t len)
{
    size_t cells = 0;
    for (size_t i = 0; i < len; i++) {
        cells += ((uint8_t)s[i] & 0xc0) != 0x80 ? 1 : 0; /* continuation bytes take none */
    }
    return cells;
}

void line_put(struct line_screen *s, const char *bytes, size_t len)
{
    if (len > 0) {
        s->sink(s->sink_ctx, bytes, len);
    }
}

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

void line_write(struct line_screen *s, const char *text, size_t len)
{
    line_put(s, text, len);
    size_t cells = line_cells(text, len);
    s->at += cells;
    s->end = MAX(s->end, s->at);
    if (s->columns != 0 && cells > 0 && s->at % s->columns == 0) {
        line_put(s, "\n", 1); /* terminals put off the wrap until the next character */
    }
}

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

void line_leave(struct line_screen *s)
{
    bool is_below = s->columns != 0 && s->end > 0 && s->end % s->columns == 0 && s->at == s->end;
    if (!is_below) {
        line_put(s, "\n", 1);
    }
    s->at = s->end = 0;
}

void line_set_columns(struct line_screen *s, unsigned columns)
{
    bool was_unknown = s->columns == 0;
    s->columns = columns;
    if (was_unknown && s->at > 0 && s->at % columns == 0) {
        line_put(s, "\n", 1); /* as line_write() would have done */
    }
}
