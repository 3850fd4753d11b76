// SPDX-License-Identifier: MIT
//
// See terminal_model.h.
#include "shell/terminal_model.h"

#include "kernel/lib/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void terminal_init(struct terminal *t, unsigned columns, bool answers)
{
    memset(t, 0, sizeof *t);
    t->columns = columns;
    t->answers = answers;
}

static void line_feed_down(struct terminal *t)
{
    if (t->row + 1 < TERMINAL_ROWS) {
        t->row++;
        return;
    }
    memmove(t->cell[0], t->cell[1], sizeof t->cell - sizeof t->cell[0]);
    memset(t->cell[TERMINAL_ROWS - 1], 0, sizeof t->cell[0]);
}

static void wrap(struct terminal *t)
{
    t->column = 0;
    line_feed_down(t);
    t->wraps = false;
}

static void put_cell(struct terminal *t, char c)
{
    t->cell[t->row][t->column] = c;
    if (t->column + 1 == t->columns) {
        t->wraps = true;
    } else {
        t->column++;
    }
}

/* Overwriting one half of a wide character erases the other. */
static void split_wide(struct terminal *t, unsigned width)
{
    char *cell = &t->cell[t->row][t->column];
    if (cell[0] == TERMINAL_RIGHT) {
        cell[-1] = ' ';
    }
    if (cell[width - 1] == TERMINAL_LEFT) {
        cell[width] = ' ';
    }
}

static void put_character(struct terminal *t, uint32_t c)
{
    unsigned width = unicode_columns(c);
    if (width == 0) {
        t->combined_row = t->written_row;
        t->combined_column = t->written_column;
        return;
    }
    if (t->wraps || (width == 2 && t->column + 1 == t->columns)) {
        wrap(t);
    }
    t->written_row = t->row;
    t->written_column = t->column;
    split_wide(t, width);
    if (width == 2) {
        put_cell(t, TERMINAL_LEFT);
    }
    put_cell(t, width == 2 ? TERMINAL_RIGHT : c < 0x80 ? (char)c : '#');
}

/* Characters may arrive byte by byte. */
static void put_character_byte(struct terminal *t, char c)
{
    uint32_t code_point;
    t->character[t->character_len++] = c;
    uint8_t first = (uint8_t)t->character[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (t->character_len == len) {
        assert_int_equal(unicode_decode(t->character, len, &code_point), len);
        t->character_len = 0;
        put_character(t, code_point);
    }
}

static void erase_from_cursor(struct terminal *t)
{
    memset(&t->cell[t->row][t->column], 0, TERMINAL_COLUMNS - t->column);
    for (unsigned row = t->row + 1; row < TERMINAL_ROWS; row++) {
        memset(t->cell[row], 0, TERMINAL_COLUMNS);
    }
}

static void report_position(struct terminal *t)
{
    if (t->answers) {
        size_t used = strlen(t->answer);
        snprintf(t->answer + used, sizeof t->answer - used, "\033[%u;%uR", t->row + 1,
                 t->column + 1);
    }
}

static void csi(struct terminal *t, unsigned n, char final)
{
    unsigned by = n == 0 ? 1 : n;
    if (strchr("ABCDH", final) != NULL) {
        t->wraps = false;
    }
    switch (final) {
    case 'A':
        assert_true(by <= t->row);
        t->row -= by;
        break;
    case 'B':
        assert_true(t->row + by < TERMINAL_ROWS);
        t->row += by;
        break;
    case 'C':
        t->column = t->column + by < t->columns ? t->column + by : t->columns - 1;
        break;
    case 'D':
        assert_true(by <= t->column);
        t->column -= by;
        break;
    case 'H':
        t->row = t->column = 0;
        break;
    case 'J':
        if (n == 2) {
            memset(t->cell, 0, sizeof t->cell);
        } else {
            erase_from_cursor(t);
        }
        break;
    case 'n':
        assert_int_equal(n, 6);
        report_position(t);
        break;
    default:
        fail_msg("sequence ...%c", final);
    }
}

/* Returns true when the sequence is complete. */
static bool sequence(struct terminal *t)
{
    const char *s = t->sequence;
    size_t len = t->sequence_len;
    if (len == 2 && s[1] == '7') {
        t->saved_row = t->row;
        t->saved_column = t->column;
        t->saved_wraps = t->wraps;
        return true;
    }
    if (len == 2 && s[1] == '8') {
        t->row = t->saved_row;
        t->column = t->saved_column;
        t->wraps = t->saved_wraps;
        return true;
    }
    assert_true(len < 2 || s[1] == '[');
    if (len > 2 && s[len - 1] >= '@') {
        csi(t, (unsigned)strtoul(s + 2, NULL, 10), s[len - 1]);
        return true;
    }
    return false;
}

static void put_byte(struct terminal *t, char c)
{
    if (t->sequence_len > 0 || c == '\033') {
        t->escapes += t->sequence_len == 0;
        assert_true(t->sequence_len + 1 < sizeof t->sequence);
        t->sequence[t->sequence_len++] = c;
        t->sequence[t->sequence_len] = '\0';
        t->sequence_len = sequence(t) ? 0 : t->sequence_len;
    } else if (c == '\b') {
        assert_true(t->column > 0);
        t->column -= t->wraps ? 0 : 1;
        t->wraps = false;
    } else if (c == '\r' || c == '\n') {
        t->column = 0;
        t->wraps = false;
        if (c == '\n') {
            line_feed_down(t);
        }
    } else if (c == '\a') {
        t->bells++;
    } else {
        assert_true((uint8_t)c >= ' ' && c != 0x7f);
        put_character_byte(t, c);
    }
}

void terminal_sink(void *ctx, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        put_byte(ctx, s[i]);
    }
}

const char *terminal_row(const struct terminal *t, unsigned row)
{
    static char text[TERMINAL_COLUMNS + 1];
    size_t len = 0;
    for (unsigned i = 0; i < t->columns; i++) {
        text[i] = t->cell[row][i] == 0 ? ' ' : t->cell[row][i];
        len = text[i] != ' ' ? i + 1 : len;
    }
    text[len] = '\0';
    return text;
}
