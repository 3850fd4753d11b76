// SPDX-License-Identifier: MIT
//
// Between the terminal's two files: terminal.c has the cells and the cursor, terminal_escape.c the
// control sequences.
#pragma once

#include "drivers/video/terminal.h"

/** States of the parser, after the diagram of DEC's terminals. */
enum terminal_state {
    STATE_GROUND,
    STATE_ESCAPE,       /* ESC */
    STATE_ESCAPE_SKIP,  /* ESC and one of ( ) * + # %: one byte more */
    STATE_CSI,          /* ESC [ and parameters */
    STATE_CSI_IGNORE,   /* a sequence that is not for us, until its final byte */
    STATE_STRING,       /* ESC ] and the like: titles and such, until BEL or ESC \ */
    STATE_STRING_ESCAPE /* ESC inside a string */
};

/* A row's cells, to be read and written. */
struct terminal_cell *terminal_cells(struct terminal *t, uint32_t row);
/* Rows and columns are clamped to the screen. */
void terminal_move(struct terminal *t, uint32_t column, uint32_t row);
void terminal_line_feed(struct terminal *t);
void terminal_reverse_line_feed(struct terminal *t);
void terminal_put_character(struct terminal *t, uint32_t code_point);
/* What is left of `column` and what is from it on will change apart from each other: a wide
 * character that takes cells on both sides becomes a space. `column` may be the row's end. */
void terminal_split(struct terminal *t, uint32_t row, uint32_t column);
/* Cells [from, to) of a row become blank. */
void terminal_erase(struct terminal *t, uint32_t row, uint32_t from, uint32_t to);
/* Lines of rows [top, bottom) move up by `count`, or down; blank ones come in. */
void terminal_scroll_up(struct terminal *t, uint32_t top, uint32_t bottom, uint32_t count);
void terminal_scroll_down(struct terminal *t, uint32_t top, uint32_t bottom, uint32_t count);
void terminal_touch(struct terminal *t, uint32_t row);

/* One byte that is not text while the state is STATE_GROUND, or any byte otherwise. */
void terminal_obey(struct terminal *t, uint8_t byte);
