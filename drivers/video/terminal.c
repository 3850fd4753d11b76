// SPDX-License-Identifier: MIT
//
// The grid: cells, cursor, scrolling, and text as
// UTF-8. terminal_escape.c handles control sequences.
#include "drivers/video/terminal.h"

#include "drivers/video/font.h"
#include "drivers/video/terminal_internal.h"
#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"

#define BYTE_DELETE 0x7f

/* A line's value in `blank`: 0, or this bit and the background colour. */
#define IS_BLANK 0x100u

static void fill(struct terminal_cell *cells, uint32_t count, uint8_t background)
{
    const struct terminal_cell space = {
        .character = ' ', .foreground = TERMINAL_FOREGROUND, .background = background};
    for (uint32_t i = 0; i < count; i++) {
        cells[i] = space;
    }
}

struct terminal_cell *terminal_cells(struct terminal *t, uint32_t row)
{
    uint16_t *blank = &t->blank[t->line[row]];
    struct terminal_cell *cells = t->cells + (size_t)t->line[row] * t->columns;
    if (*blank != 0) {
        fill(cells, t->columns, (uint8_t)*blank);
        *blank = 0;
    }
    return cells;
}

const struct terminal_cell *terminal_row(struct terminal *t, uint32_t row)
{
    ASSERT(row < t->rows);
    return terminal_cells(t, row);
}

void terminal_touch(struct terminal *t, uint32_t row)
{
    t->dirty[row / 64] |= (uint64_t)1 << row % 64;
}

bool terminal_take_dirty(struct terminal *t, uint32_t row)
{
    uint64_t bit = (uint64_t)1 << row % 64;
    bool was = (t->dirty[row / 64] & bit) != 0;
    t->dirty[row / 64] &= ~bit;
    return was;
}

bool terminal_is_dirty(const struct terminal *t)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(t->dirty); i++) {
        any |= t->dirty[i];
    }
    return any != 0;
}

void terminal_split(struct terminal *t, uint32_t row, uint32_t column)
{
    struct terminal_cell *left = terminal_cells(t, row) + column - 1;
    if (column > 0 && (left->flags & TERMINAL_WIDE) != 0) {
        left->character = ' ';
        left->flags &= ~(uint32_t)TERMINAL_WIDE;
    }
}

/* Erased cells get the pen's background, as in every terminal with colours. */
void terminal_erase(struct terminal *t, uint32_t row, uint32_t from, uint32_t to)
{
    uint8_t background = t->cursor.pen.background;
    if (from == 0 && to == t->columns) {
        t->blank[t->line[row]] = (uint16_t)(IS_BLANK | background);
    } else {
        terminal_split(t, row, from);
        terminal_split(t, row, to);
        fill(terminal_cells(t, row) + from, to - from, background);
    }
    terminal_touch(t, row);
}

/* Scrolling does not move lines in memory: it changes the line that each row shows. */
void terminal_scroll_up(struct terminal *t, uint32_t top, uint32_t bottom, uint32_t count)
{
    uint16_t out[TERMINAL_ROWS_MAX];
    uint32_t height = bottom - top;
    count = MIN(count, height);
    memcpy(out, t->line + top, count * sizeof(out[0]));
    memmove(t->line + top, t->line + top + count, (height - count) * sizeof(out[0]));
    memcpy(t->line + bottom - count, out, count * sizeof(out[0]));
    for (uint32_t row = top; row < bottom; row++) {
        terminal_touch(t, row);
    }
    for (uint32_t row = bottom - count; row < bottom; row++) {
        terminal_erase(t, row, 0, t->columns);
    }
}

void terminal_scroll_down(struct terminal *t, uint32_t top, uint32_t bottom, uint32_t count)
{
    uint16_t out[TERMINAL_ROWS_MAX];
    uint32_t height = bottom - top;
    count = MIN(count, height);
    memcpy(out, t->line + bottom - count, count * sizeof(out[0]));
    memmove(t->line + top + count, t->line + top, (height - count) * sizeof(out[0]));
    memcpy(t->line + top, out, count * sizeof(out[0]));
    for (uint32_t row = top; row < bottom; row++) {
        terminal_touch(t, row);
    }
    for (uint32_t row = top; row < top + count; row++) {
        terminal_erase(t, row, 0, t->columns);
    }
}

void terminal_move(struct terminal *t, uint32_t column, uint32_t row)
{
    terminal_touch(t, t->cursor.row);
    t->cursor.column = MIN(column, t->columns - 1);
    t->cursor.row = MIN(row, t->rows - 1);
    t->wrap_pending = false;
    terminal_touch(t, t->cursor.row);
}

void terminal_line_feed(struct terminal *t)
{
    if (t->cursor.row + 1 == t->bottom) {
        terminal_scroll_up(t, t->top, t->bottom, 1);
        t->wrap_pending = false;
    } else {
        terminal_move(t, t->cursor.column, t->cursor.row + 1);
    }
}

void terminal_reverse_line_feed(struct terminal *t)
{
    if (t->cursor.row == t->top) {
        terminal_scroll_down(t, t->top, t->bottom, 1);
        t->wrap_pending = false;
    } else if (t->cursor.row > 0) {
        terminal_move(t, t->cursor.column, t->cursor.row - 1);
    }
}

/* The pen with its final colours: bold makes them bright, reverse exchanges them. */
static struct terminal_cell inked(const struct terminal_cell *pen, uint32_t code_point)
{
    struct terminal_cell c = *pen;
    c.character = (uint16_t)(code_point <= 0xffff ? code_point : FONT_REPLACEMENT);
    if ((c.flags & TERMINAL_BOLD) != 0 && c.foreground < 8) {
        c.foreground += 8;
    }
    if ((c.flags & TERMINAL_REVERSE) != 0) {
        uint8_t was = c.foreground;
        c.foreground = c.background;
        c.background = was;
        c.flags &= ~(uint32_t)TERMINAL_REVERSE;
    }
    return c;
}

/* Write a character of `width` cells, 1 or 2, at the cursor, if there is room. */
static void put_cells(struct terminal *t, uint32_t code_point, uint32_t width)
{
    uint32_t column = t->cursor.column, row = t->cursor.row;
    terminal_split(t, row, column);
    terminal_split(t, row, column + width);
    struct terminal_cell *cell = terminal_cells(t, row) + column;
    cell[0] = inked(&t->cursor.pen, code_point);
    if (width == 2) {
        cell[0].flags |= TERMINAL_WIDE;
        cell[1] = inked(&t->cursor.pen, ' ');
    }
    terminal_touch(t, row);
}

/* A combining mark occupies no cell, and the font has none: only its letter is shown. */
void terminal_put_character(struct terminal *t, uint32_t code_point)
{
    uint32_t width = MIN(unicode_columns(code_point), t->columns);
    if (width == 0) {
        return;
    }
    /* a wide character in the last column */
    bool is_halved = t->cursor.column + width > t->columns;
    if (t->wrap_pending || (is_halved && t->is_wrapping)) {
        t->cursor.column = 0;
        terminal_line_feed(t);
    } else if (is_halved) {
        t->cursor.column--;
    }
    put_cells(t, code_point, width);
    if (t->cursor.column + width < t->columns) {
        t->cursor.column += width;
    } else {
        t->cursor.column = t->columns - 1;
        t->wrap_pending = t->is_wrapping;
    }
}

/* --- UTF-8: RFC 3629 --- */

static void put_decoded(struct terminal *t, uint32_t code_point)
{
    bool is_surrogate = code_point >= 0xd800 && code_point < 0xe000;
    bool is_control = code_point >= 0x80 && code_point < 0xa0;
    if (is_control) {
        return; /* a C1 control character; programs send ESC and a letter instead */
    }
    if (is_surrogate || code_point < t->utf8_min || code_point > 0x10ffff) {
        code_point = FONT_REPLACEMENT;
    }
    terminal_put_character(t, code_point);
}

static void begin_sequence(struct terminal *t, uint8_t byte)
{
    static const uint32_t smallest[] = {0x80, 0x800, 0x10000};
    uint32_t length = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
    /* a continuation byte without a start, or a byte that is never valid */
    if (byte < 0xc2 || byte > 0xf4) {
        terminal_put_character(t, FONT_REPLACEMENT);
        return;
    }
    t->utf8_left = (uint8_t)length;
    t->utf8_min = smallest[length - 1];
    t->code_point = byte & (0x3fu >> length);
}

static void decode(struct terminal *t, uint8_t byte)
{
    if (t->utf8_left == 0) {
        begin_sequence(t, byte);
        return;
    }
    t->code_point = t->code_point << 6 | (byte & 0x3f);
    t->utf8_left--;
    if (t->utf8_left == 0) {
        put_decoded(t, t->code_point);
    }
}

/* A sequence that another byte interrupts becomes one replacement character. */
static void break_sequence(struct terminal *t)
{
    if (t->utf8_left != 0) {
        t->utf8_left = 0;
        terminal_put_character(t, FONT_REPLACEMENT);
    }
}

static void write_byte(struct terminal *t, uint8_t byte)
{
    bool is_continuation = (byte & 0xc0) == 0x80;
    if (!is_continuation) {
        break_sequence(t);
    }
    if (t->state != STATE_GROUND || byte < ' ' || byte == BYTE_DELETE) {
        terminal_execute(t, byte);
    } else if (byte < 0x80) {
        terminal_put_character(t, byte);
    } else {
        decode(t, byte);
    }
}

void terminal_write(struct terminal *t, const uint8_t *bytes, size_t len)
{
    terminal_touch(t, t->cursor.row);
    for (size_t i = 0; i < len; i++) {
        write_byte(t, bytes[i]);
    }
    terminal_touch(t, t->cursor.row);
}

size_t terminal_take_reply(struct terminal *t, uint8_t *buf, size_t len)
{
    size_t n = MIN(len, t->reply_len);
    memcpy(buf, t->reply, n);
    memmove(t->reply, t->reply + n, t->reply_len - n);
    t->reply_len = (uint8_t)(t->reply_len - n);
    return n;
}

void terminal_reset(struct terminal *t)
{
    t->state = STATE_GROUND;
    t->utf8_left = 0;
    t->top = 0;
    t->bottom = t->rows;
    t->is_wrapping = true;
    t->is_cursor_hidden = false;
    t->wrap_pending = false;
    t->reply_len = 0;
    t->cursor.pen = (struct terminal_cell){
        .character = ' ', .foreground = TERMINAL_FOREGROUND, .background = TERMINAL_BACKGROUND};
    t->saved = (struct terminal_cursor){.pen = t->cursor.pen};
    /* For a panic: a thread may have taken a row without drawing it, and will not draw any more. So
     * all rows count as changed. */
    for (uint32_t row = 0; row < t->rows; row++) {
        terminal_touch(t, row);
    }
}

void terminal_init(struct terminal *t, struct terminal_cell *cells, uint32_t columns, uint32_t rows)
{
    ASSERT(columns >= 1 && columns <= TERMINAL_COLUMNS_MAX);
    ASSERT(rows >= 1 && rows <= TERMINAL_ROWS_MAX);
    *t = (struct terminal){.columns = columns, .rows = rows, .cells = cells};
    terminal_reset(t);
    for (uint32_t row = 0; row < rows; row++) {
        t->line[row] = (uint16_t)row;
        terminal_erase(t, row, 0, columns);
    }
}
