// SPDX-License-Identifier: MIT
//
// A terminal as a model: a grid of cells, a cursor, and the control sequences that programs write.
// It implements a VT100 and the usual additions of xterm: ECMA-48 cursor movement, erasing,
// inserting and deleting, a scroll region, colours, UTF-8. framebuffer.h draws the cells; the
// terminal uses no device, no lock and no memory of its own.
//
// Any bytes may come, so the cost of each is bounded. One byte writes at most a line of cells and
// visits each row once (16 times at the end of a sequence with 16 parameters), because clearing a
// line only marks it blank. terminal_reset() undoes the effect of every sequence.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TERMINAL_COLUMNS_MAX 512u
#define TERMINAL_ROWS_MAX    256u
#define TERMINAL_PARAMS_MAX  16u
#define TERMINAL_REPLY_MAX   32u

/** Colours of a cell: 0 to 15 the named ones, 16 to 231 a cube of 6 by 6 by 6, 232 to 255 greys. */
#define TERMINAL_FOREGROUND 7u
#define TERMINAL_BACKGROUND 0u

enum terminal_flags {
    TERMINAL_BOLD = 1,
    TERMINAL_UNDERLINE = 2,
    TERMINAL_REVERSE = 4, /* only in `pen`: the colours of a cell are exchanged already */
    TERMINAL_WIDE = 8,    /* the character also occupies the next cell, which holds a space */
};

struct terminal_cell {
    /* code point; code points above 0xffff are stored as the replacement character */
    uint16_t character;
    uint8_t foreground, background;
    uint32_t flags;
};

/** The cursor's position and the pen; ESC 7 saves both. */
struct terminal_cursor {
    uint32_t column, row;
    struct terminal_cell pen; /* `character` is a space: an erased cell looks like this */
};

/** Private except the size, which terminal_init() sets. */
struct terminal {
    uint32_t columns, rows;
    struct terminal_cell *cells;
    uint16_t line[TERMINAL_ROWS_MAX]; /* the line of `cells` that each row shows */
    /* for a line: not 0 if it is blank and its `cells` are out of date */
    uint16_t blank[TERMINAL_ROWS_MAX];
    uint64_t dirty[TERMINAL_ROWS_MAX / 64]; /* rows that changed since they were last taken */
    struct terminal_cursor cursor, saved;
    uint32_t top, bottom; /* rows [top, bottom) scroll */
    bool wrap_pending;    /* the last column is written: the next character goes to the next row */
    bool is_wrapping, is_cursor_hidden;
    uint8_t state;
    uint8_t prefix; /* '?' or a similar character after CSI, or 0 */
    uint32_t param_count;
    uint32_t params[TERMINAL_PARAMS_MAX];
    uint32_t code_point, utf8_min; /* the incomplete UTF-8 sequence */
    uint8_t utf8_left;
    uint8_t reply_len;
    char reply[TERMINAL_REPLY_MAX]; /* answers that the program has not read yet */
};

/**
 * @brief Start with an empty screen.
 * @param cells  columns x rows of them, owned by the caller; they outlive the terminal.
 * @param columns, rows  1 to TERMINAL_COLUMNS_MAX, 1 to TERMINAL_ROWS_MAX.
 * @context{any} @locks the caller serialises all functions on one terminal
 */
void terminal_init(struct terminal *t, struct terminal_cell *cells, uint32_t columns,
                   uint32_t rows);

/** @brief Process bytes that a program wrote. @context{any} */
void terminal_write(struct terminal *t, const uint8_t *bytes, size_t len);

/**
 * @brief Discard an incomplete sequence and undo the settings of all sequences. The cells stay, and
 * the text written next is visible. @context{any}
 */
void terminal_reset(struct terminal *t);

/** @brief Cells of a row, `columns` of them; valid until the next write. */
const struct terminal_cell *terminal_row(struct terminal *t, uint32_t row);

/**
 * @brief True if the row has changed since the last call for it. Showing or hiding the cursor there
 * counts.
 */
bool terminal_take_dirty(struct terminal *t, uint32_t row);
/** @brief True if terminal_take_dirty() would return true for a row. */
bool terminal_is_dirty(const struct terminal *t);

/** @brief Take the terminal's answers (reports of its position and kind).
 * @return Number of bytes. */
size_t terminal_take_reply(struct terminal *t, uint8_t *buf, size_t len);
