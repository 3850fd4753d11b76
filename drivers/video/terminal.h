// SPDX-License-Identifier: MIT
//
// A terminal as a model: a grid of cells, a cursor, and the control sequences that programs write
// to one. It understands what a VT100 does and the usual additions of xterm: ECMA-48 cursor
// movement, erasing, inserting and deleting, a scroll region, colours, UTF-8. What pixels a cell
// becomes is framebuffer.h's business; nothing here knows a device, a lock or memory.
//
// The bytes are anybody's. Whatever they are, one of them writes a line of cells at most, and looks
// once at each row (16 times at the end of a sequence with 16 parameters): clearing only notes that
// a line is blank. Nothing outlasts terminal_reset().
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
    TERMINAL_REVERSE = 4, /* only in `pen`: a cell's colours are exchanged already */
    TERMINAL_WIDE = 8,    /* the character takes the next cell, too, where a space is */
};

struct terminal_cell {
    uint16_t character; /* code point; what is above 0xffff is the replacement character */
    uint8_t foreground, background;
    uint32_t flags;
};

/** Where the cursor is and what it writes with: what ESC 7 saves. */
struct terminal_cursor {
    uint32_t column, row;
    struct terminal_cell pen; /* `character` is a space: what erasing leaves */
};

/** Private but for the size, which terminal_init() sets. */
struct terminal {
    uint32_t columns, rows;
    struct terminal_cell *cells;
    uint16_t line[TERMINAL_ROWS_MAX];       /* which line of `cells` a row shows */
    uint16_t blank[TERMINAL_ROWS_MAX];      /* of a line: its `cells` are stale, it is blank */
    uint64_t dirty[TERMINAL_ROWS_MAX / 64]; /* rows that changed since they were taken */
    struct terminal_cursor cursor, saved;
    uint32_t top, bottom; /* rows [top, bottom) scroll */
    bool wrap_pending;    /* the last column is written: the next character goes below */
    bool is_wrapping, is_cursor_hidden;
    uint8_t state;
    uint8_t prefix; /* '?' and the like after CSI, or 0 */
    uint32_t param_count;
    uint32_t params[TERMINAL_PARAMS_MAX];
    uint32_t code_point, utf8_min; /* a UTF-8 sequence under way */
    uint8_t utf8_left;
    uint8_t reply_len;
    char reply[TERMINAL_REPLY_MAX]; /* what the program asked for and is to read */
};

/**
 * @brief Start with an empty screen.
 * @param cells  columns x rows of them, the caller's, for as long as the terminal lives.
 * @param columns, rows  1 to TERMINAL_COLUMNS_MAX, 1 to TERMINAL_ROWS_MAX.
 * @context{any} @locks the caller serialises all functions on one terminal
 */
void terminal_init(struct terminal *t, struct terminal_cell *cells, uint32_t columns,
                   uint32_t rows);

/** @brief Obey bytes that a program wrote. @context{any} */
void terminal_write(struct terminal *t, const uint8_t *bytes, size_t len);

/** @brief Forget a sequence under way and everything that sequences have set, except what is shown:
 * what is written next is seen. @context{any} */
void terminal_reset(struct terminal *t);

/** @brief Cells of a row, `columns` of them; valid until the next write. */
const struct terminal_cell *terminal_row(struct terminal *t, uint32_t row);

/** @brief Has the row changed since this was last asked? The cursor's coming and going counts. */
bool terminal_take_dirty(struct terminal *t, uint32_t row);
/** @brief Does terminal_take_dirty() have anything to tell? */
bool terminal_is_dirty(const struct terminal *t);

/** @brief Take what the terminal answers (reports of its position and kind). @return Bytes. */
size_t terminal_take_reply(struct terminal *t, uint8_t *buf, size_t len);
